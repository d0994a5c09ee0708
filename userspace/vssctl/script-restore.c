// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The restore commands of scripts, BEGIN RESTORE, END RESTORE, SIMULATE RESTORE, which
 * "vssctl restore" takes too.  All components of the loaded document take part whose writers are running.
 */
#include <stdlib.h>

#include "script.h"

typedef int (*component_fn)(struct vssctl_script *script, struct vss_backup_components *bc,
			    const struct vss_uuid *writer, enum vss_component_type type,
			    const char *path, const char *name);

static int call_for(struct vssctl_script *script, struct vss_backup_components *bc,
		    const struct vss_uuid *writer, struct vss_component *component, component_fn fn)
{
	enum vss_component_type type = VSS_CT_UNDEFINED;
	char *path = NULL, *name = NULL;
	int ret = 0;

	vss_component_get_component_type(component, &type);
	vss_component_get_logical_path(component, &path);
	if (!VSS_FAILED(vss_component_get_component_name(component, &name)))
		ret = fn(script, bc, writer, type, path, name);
	free(path);
	free(name);
	return ret;
}

static int for_each(struct vssctl_script *script, struct vss_backup_components *bc, component_fn fn)
{
	uint32_t writers = 0;
	int ret;

	ret = vssctl_check(script->ctl, bc,
			   vss_backup_components_get_writer_components_count(bc, &writers));
	for (uint32_t w = 0; !ret && w < writers; w++) {
		uint32_t count = 0;

		for (uint32_t c = 0; !ret; c++) {
			struct vss_writer_components *components;
			struct vss_uuid instance, writer;
			struct vss_component *component;

			/* Taken anew each time: what @fn does changes the document. */
			ret = vssctl_check(script->ctl, bc,
					   vss_backup_components_get_writer_components(bc, w,
										       &components));
			if (ret)
				break;
			vss_writer_components_get_component_count(components, &count);
			if (c >= count)
				break;
			vss_writer_components_get_writer_info(components, &instance, &writer);
			if (VSS_FAILED(vss_writer_components_get_component(components, c, &component)))
				break;
			ret = call_for(script, bc, &writer, component, fn);
		}
	}
	return ret;
}

static int select_component(struct vssctl_script *script, struct vss_backup_components *bc,
			    const struct vss_uuid *writer, enum vss_component_type type,
			    const char *path, const char *name)
{
	vssctl_detail(script->ctl, "restoring component %s%s%s", path ? path : "", path ? "/" : "",
		      name);
	return vssctl_check(script->ctl, bc,
			    vss_backup_components_set_selected_for_restore(bc, writer, type, path, name,
									   true));
}

static int set_status(struct vssctl_script *script, struct vss_backup_components *bc,
			const struct vss_uuid *writer, enum vss_component_type type,
			const char *path, const char *name)
{
	return vssctl_check(script->ctl, bc,
			    vss_backup_components_set_file_restore_status(bc, writer, type, path, name,
									  script->restored));
}

/* Each writer that failed is told; the first one's code is the result. */
static int check_writers(struct vssctl_script *script, const char *event)
{
	struct vss_writer_status *statuses;
	int ret, failed = 0;
	size_t count;

	ret = vssctl_writer_statuses(script->ctl, script->restore, &statuses, &count);
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		const struct vss_writer_status *s = &statuses[i];

		if (!s->failure)
			continue;
		ret = vssctl_fail(script->ctl, s->failure, "writer \"%s\" failed in %s%s%s", s->writer_name, event,
				  s->application_message ? ": " : "",
				  s->application_message ? s->application_message : "");
		failed = failed ?: ret;
	}
	vssctl_statuses_free(statuses, count);
	return failed;
}

/* From the loaded document to the selection of its components. */
static int open_restore(struct vssctl_script *script, struct vss_backup_components **bc)
{
	struct vssctl *ctl = script->ctl;
	struct vss_async *async;
	int ret;

	if (!script->loaded.backup)
		return vssctl_fail(ctl, VSS_E_BAD_STATE,
				   "no document is loaded; use LOAD METADATA first");
	ret = vssctl_connect(ctl, bc);
	if (ret)
		return ret;
	ret = vssctl_check(ctl, *bc, vss_backup_components_initialize_for_restore(*bc,
								script->loaded.backup)) ?:
	      vssctl_wait(ctl, *bc, vss_backup_components_gather_writer_metadata(*bc, &async), &async,
			  "gathering writer metadata", NULL) ?:
	      for_each(script, *bc, select_component);
	if (ret) {
		vss_backup_components_release(*bc);
		*bc = NULL;
	}
	return ret;
}

int vssctl_script_simulate_restore(struct vssctl_script *script)
{
	struct vss_backup_components *bc;
	int ret = open_restore(script, &bc);

	if (ret)
		return ret;
	vss_backup_components_release(bc);
	vssctl_note(script->ctl, "all components of the document could be restored");
	return 0;
}

/* Of those who were told PreRestore some may have stopped for it: no file of theirs was brought back. */
static void call_off(struct vssctl_script *script)
{
	struct vss_error error = { 0 };
	struct vss_async *async;

	script->restored = VSS_RS_NONE;
	if (for_each(script, script->restore, set_status))
		return;
	if (VSS_FAILED(vssctl_await(script->ctl, script->restore,
				    vss_backup_components_post_restore(script->restore, &async), &async,
				    "PostRestore", &error)))
		vssctl_warn(script->ctl, "the writers that were ready were not told to go on: %s", error.text);
}

int vssctl_script_begin_restore(struct vssctl_script *script)
{
	struct vss_async *async;
	int ret;

	if (script->restore)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "a restore was begun already");
	ret = open_restore(script, &script->restore);
	if (ret)
		return ret;
	ret = vssctl_wait(script->ctl, script->restore,
			  vss_backup_components_pre_restore(script->restore, &async), &async,
			  "PreRestore", NULL);
	if (!ret) {
		ret = check_writers(script, "PreRestore");
		if (ret)
			call_off(script);
	}
	if (ret) {
		vss_backup_components_release(script->restore);
		script->restore = NULL;
	}
	return ret;
}

int vssctl_script_end_restore(struct vssctl_script *script, enum vss_file_restore_status status)
{
	struct vss_async *async;
	int ret;

	if (!script->restore)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "no restore was begun");
	script->restored = status;
	ret = for_each(script, script->restore, set_status) ?:
	      vssctl_wait(script->ctl, script->restore,
			  vss_backup_components_post_restore(script->restore, &async), &async,
			  "PostRestore", NULL) ?: check_writers(script, "PostRestore");
	vss_backup_components_release(script->restore);
	script->restore = NULL;
	return ret;
}

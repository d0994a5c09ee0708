// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The requester's part of a restore: what is restored, how and whereto, and the
 * events around it.
 *
 * The stored document says which components there are.  The writers that run
 * say what they can do; they are matched by class and instance name, since an
 * instance is new at each start of its writer.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "requester.h"

static inline void cleanup_info_fn(struct vss_component_info *info)
{
	vss_component_info_clear(info);
}
#define _cleanup_info_ __attribute__((cleanup(cleanup_info_fn)))

static inline void cleanup_filedesc_fn(struct vss_wm_filedesc *filedesc)
{
	vss_wm_filedesc_clear(filedesc);
}
#define _cleanup_filedesc_ __attribute__((cleanup(cleanup_filedesc_fn)))

/* Order of calls, then the component. */
static vss_result start(struct vss_backup_components *bc, enum vss_call call,
			const struct vss_component_ref *ref, struct vss_component **component,
			struct vss_writer_components **writer)
{
	vss_result result = vss_requester_enter(bc, call);

	return VSS_FAILED(result) ? result : vss_requester_find_component(bc, call, ref, component, writer);
}

static vss_result finish(struct vss_backup_components *bc, enum vss_call call,
			 const struct vss_component *component, vss_result result)
{
	if (VSS_FAILED(result))
		bc->error = *vss_component_error(component);
	return vss_requester_leave(bc, call, result);
}

/* ---- the writer that runs ---- */

/* Of the class, and of the instance name that @stored has, if it has one. */
static struct vss_gathered_writer *live_writer(struct vss_backup_components *bc,
					       const struct vss_uuid *writer_id,
					       struct vss_writer_components *stored)
{
	_cleanup_free_ char *name = vss_writer_components_instance_name(stored);

	for (uint32_t i = 0; i < bc->nr_writers; i++) {
		const struct vss_writer_identity *identity = &bc->writers[i].identity;

		if (!vss_uuid_equal(&identity->writer_id, writer_id))
			continue;
		if (!name || !*name || (identity->instance_name && !strcmp(name, identity->instance_name)))
			return &bc->writers[i];
	}
	return NULL;
}

static vss_result needs_writer(struct vss_backup_components *bc, enum vss_call call,
			       const struct vss_component_ref *ref, struct vss_writer_components *stored,
			       struct vss_gathered_writer **writer)
{
	*writer = live_writer(bc, ref->writer_id, stored);
	if (*writer)
		return S_OK;
	return vss_requester_fail(
		bc, VSS_E_OBJECT_NOT_FOUND,
		"%s: the writer of component \"%s\" does not run; start it and use a new object, "
		"or restore the files without it",
		vss_call_name(call), ref->name);
}

/* ---- what is restored ---- */

/* Another instance may take the component over if its writer moves data between instances. */
static vss_result check_move(struct vss_backup_components *bc, const struct vss_uuid *writer_id,
			     const struct vss_uuid *instance_id)
{
	const struct vss_gathered_writer *writer;

	if (!instance_id || vss_uuid_is_null(instance_id))
		return S_OK;
	writer = vss_requester_find_writer(bc, instance_id, writer_id);
	if (writer && (writer->schema & VSS_BS_WRITER_SUPPORTS_RESTORE_WITH_MOVE))
		return S_OK;
	return vss_requester_fail(
		bc, VSS_E_OBJECT_NOT_FOUND,
		"SetSelectedForRestoreEx: no instance of the writer that runs under this identifier "
		"takes components of another one");
}

vss_result vss_backup_components_set_selected_for_restore_ex(struct vss_backup_components *bc,
							     const struct vss_uuid *writer_id,
							     enum vss_component_type type,
							     const char *logical_path,
							     const char *component_name, bool selected,
							     const struct vss_uuid *instance_id)
{
	const enum vss_call call = VSS_CALL_SetSelectedForRestore;
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_writer_components *stored;
	struct vss_gathered_writer *writer;
	struct vss_component *component;
	vss_result result = start(bc, call, &ref, &component, &stored);

	if (!VSS_FAILED(result))
		result = needs_writer(bc, call, &ref, stored, &writer);
	if (!VSS_FAILED(result))
		result = check_move(bc, writer_id, instance_id);
	if (VSS_FAILED(result))
		return result;
	return finish(bc, call, component,
		      vss_component_set_selected_for_restore(component, selected, instance_id));
}

vss_result vss_backup_components_set_selected_for_restore(struct vss_backup_components *bc,
							  const struct vss_uuid *writer_id,
							  enum vss_component_type type,
							  const char *logical_path,
							  const char *component_name, bool selected)
{
	return vss_backup_components_set_selected_for_restore_ex(bc, writer_id, type, logical_path,
								 component_name, selected, NULL);
}

vss_result vss_backup_components_add_restore_subcomponent(
	struct vss_backup_components *bc, const struct vss_uuid *writer_id, enum vss_component_type type,
	const char *logical_path, const char *component_name, const char *sub_logical_path,
	const char *sub_component_name, bool repair)
{
	const enum vss_call call = VSS_CALL_AddRestoreSubcomponent;
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	_cleanup_info_ struct vss_component_info info = { 0 };
	struct vss_writer_components *stored;
	struct vss_gathered_writer *writer;
	struct vss_wm_component *described;
	struct vss_component *component;
	bool selected = false;
	vss_result result = start(bc, call, &ref, &component, &stored);

	if (VSS_FAILED(result))
		return result;
	if (!sub_logical_path || !sub_component_name || !*sub_component_name || repair)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"AddRestoreSubcomponent needs logical path and name of the sub-component, and "
			"false for repair");
	result = vss_component_is_selected_for_restore(component, &selected);
	if (VSS_FAILED(result) || !selected)
		return vss_requester_fail(
			bc, VSS_E_BAD_STATE,
			"AddRestoreSubcomponent was called out of order: component \"%s\" is not "
			"selected; call SetSelectedForRestore before",
			component_name);
	result = needs_writer(bc, call, &ref, stored, &writer);
	if (VSS_FAILED(result))
		return result;
	if (!vss_component_is_below(sub_logical_path, logical_path, component_name) ||
	    vss_examine_writer_metadata_find_component(writer->metadata, sub_logical_path, sub_component_name,
						       &described) ||
	    VSS_FAILED(vss_wm_component_get_component_info(described, &info)))
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "writer %s has no sub-component \"%s\" of path \"%s\" below \"%s\"",
					  writer->identity.writer_name, sub_component_name, sub_logical_path,
					  component_name);
	if (!info.selectable_for_restore)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"sub-component \"%s\" of writer %s is not selectable for restore; restore \"%s\" "
			"as a whole",
			sub_component_name, writer->identity.writer_name, component_name);
	return finish(bc, call, component, vss_component_add_restore_subcomponent(component, sub_logical_path,
								       sub_component_name));
}

/* ---- how ---- */

vss_result vss_backup_components_set_restore_options(struct vss_backup_components *bc,
						     const struct vss_uuid *writer_id,
						     enum vss_component_type type, const char *logical_path,
						     const char *component_name, const char *options)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetRestoreOptions, &ref, &component, NULL);

	if (VSS_FAILED(result))
		return result;
	if (!options)
		return vss_requester_null(bc, VSS_CALL_SetRestoreOptions, "options");
	return finish(bc, VSS_CALL_SetRestoreOptions, component,
		      vss_component_set_restore_options(component, options));
}

vss_result vss_backup_components_set_additional_restores(struct vss_backup_components *bc,
							 const struct vss_uuid *writer_id,
							 enum vss_component_type type,
							 const char *logical_path,
							 const char *component_name, bool additional)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetAdditionalRestores, &ref, &component, NULL);

	if (VSS_FAILED(result))
		return result;
	return finish(bc, VSS_CALL_SetAdditionalRestores, component,
		      vss_component_set_additional_restores(component, additional));
}

/* Of these the writer must have said in its backup schema that it can. */
static vss_result start_with_schema(struct vss_backup_components *bc, enum vss_call call,
				    const struct vss_component_ref *ref, enum vss_backup_schema flag,
				    struct vss_component **component)
{
	struct vss_writer_components *stored;
	vss_result result = start(bc, call, ref, component, &stored);

	if (VSS_FAILED(result) || (vss_writer_components_backup_schema(stored) & (uint32_t)flag))
		return result;
	return vss_requester_fail(
		bc, VSS_E_BAD_STATE,
		"%s: the writer of component \"%s\" does not offer this (backup schema 0x%x)",
		vss_call_name(call), ref->name, vss_writer_components_backup_schema(stored));
}

vss_result vss_backup_components_set_authoritative_restore(struct vss_backup_components *bc,
							   const struct vss_uuid *writer_id,
							   enum vss_component_type type,
							   const char *logical_path,
							   const char *component_name, bool authoritative)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start_with_schema(bc, VSS_CALL_SetAuthoritativeRestore, &ref,
					      VSS_BS_AUTHORITATIVE_RESTORE, &component);

	if (VSS_FAILED(result))
		return result;
	return finish(bc, VSS_CALL_SetAuthoritativeRestore, component,
		      vss_component_set_authoritative_restore(component, authoritative));
}

vss_result vss_backup_components_set_restore_name(struct vss_backup_components *bc,
						  const struct vss_uuid *writer_id,
						  enum vss_component_type type, const char *logical_path,
						  const char *component_name, const char *name)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start_with_schema(bc, VSS_CALL_SetRestoreName, &ref, VSS_BS_RESTORE_RENAME,
					      &component);

	if (VSS_FAILED(result))
		return result;
	if (!name)
		return vss_requester_null(bc, VSS_CALL_SetRestoreName, "a name");
	return finish(bc, VSS_CALL_SetRestoreName, component,
		      vss_component_set_restore_name(component, name));
}

vss_result vss_backup_components_set_roll_forward(struct vss_backup_components *bc,
						  const struct vss_uuid *writer_id,
						  enum vss_component_type type, const char *logical_path,
						  const char *component_name, enum vss_rollforward_type roll,
						  const char *point)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start_with_schema(bc, VSS_CALL_SetRollForward, &ref, VSS_BS_ROLLFORWARD_RESTORE,
					      &component);

	if (VSS_FAILED(result))
		return result;
	if (roll <= VSS_RF_UNDEFINED || roll > VSS_RF_PARTIAL || (roll == VSS_RF_PARTIAL && !point))
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"SetRollForward takes VSS_RF_NONE, VSS_RF_ALL, or VSS_RF_PARTIAL with a point");
	return finish(bc, VSS_CALL_SetRollForward, component,
		      vss_component_set_roll_forward(component, roll, point));
}

/* ---- whereto ---- */

/* The same folder, whatever separators it ends with. */
static bool same_path(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);

	while (a_size > 1 && (a[a_size - 1] == '/' || a[a_size - 1] == '\\'))
		a_size--;
	while (b_size > 1 && (b[b_size - 1] == '/' || b[b_size - 1] == '\\'))
		b_size--;
	return a_size == b_size && !strncmp(a, b, a_size);
}

static bool matches(const struct vss_wm_filedesc *found, const char *path, const char *filespec,
		    bool recursive)
{
	return found->path && found->filespec && same_path(found->path, path) &&
	       !strcmp(found->filespec, filespec) && found->recursive == recursive;
}

typedef vss_result (*file_getter)(struct vss_wm_component *component, uint32_t index,
				  struct vss_wm_filedesc *filedesc);

static bool component_has_files(struct vss_wm_component *component, const char *path, const char *filespec,
				bool recursive)
{
	static const file_getter getters[] = {
		vss_wm_component_get_file,
		vss_wm_component_get_database_file,
		vss_wm_component_get_database_log_file,
	};

	for (size_t i = 0; i < sizeof(getters) / sizeof(getters[0]); i++) {
		for (uint32_t j = 0;; j++) {
			_cleanup_filedesc_ struct vss_wm_filedesc filedesc = { 0 };

			if (getters[i](component, j, &filedesc))
				break;
			if (matches(&filedesc, path, filespec, recursive))
				return true;
		}
	}
	return false;
}

/* Is it a file set of the component or of one below it? */
static bool set_has_files(struct vss_writer_metadata *metadata, const struct vss_component_ref *ref,
			  const char *path, const char *filespec, bool recursive)
{
	const char *top = ref->logical_path ? ref->logical_path : "";
	struct vss_wm_component *component;

	for (uint32_t i = 0; !vss_examine_writer_metadata_get_component(metadata, i, &component); i++) {
		_cleanup_info_ struct vss_component_info info = { 0 };
		const char *own;

		if (VSS_FAILED(vss_wm_component_get_component_info(component, &info)))
			continue;
		own = info.logical_path ? info.logical_path : "";
		if (!(!strcmp(own, top) && !strcmp(info.component_name, ref->name)) &&
		    !vss_component_is_below(info.logical_path, ref->logical_path, ref->name))
			continue;
		if (component_has_files(component, path, filespec, recursive))
			return true;
	}
	return false;
}

/* Four texts that must be there, and a file specification without a folder in it. */
static vss_result check_target(struct vss_backup_components *bc, enum vss_call call, const char *path,
			       const char *filespec, const char *destination)
{
	if (!path || !*path || !filespec || !*filespec || !destination || !*destination)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "%s was called without path, files or destination",
					  vss_call_name(call));
	if (strpbrk(filespec, "/\\"))
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"%s: \"%s\" names a folder; give it as the path, and only files here",
			vss_call_name(call), filespec);
	return S_OK;
}

vss_result vss_backup_components_add_new_target(struct vss_backup_components *bc,
						const struct vss_uuid *writer_id,
						enum vss_component_type type, const char *logical_path,
						const char *component_name, const char *path,
						const char *filename, bool recursive,
						const char *alternate_path)
{
	const enum vss_call call = VSS_CALL_AddNewTarget;
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_writer_components *stored;
	struct vss_gathered_writer *writer;
	struct vss_component *component;
	vss_result result = start(bc, call, &ref, &component, &stored);

	if (!VSS_FAILED(result))
		result = check_target(bc, call, path, filename, alternate_path);
	if (!VSS_FAILED(result))
		result = needs_writer(bc, call, &ref, stored, &writer);
	if (VSS_FAILED(result))
		return result;
	if (!set_has_files(writer->metadata, &ref, path, filename, recursive))
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "component \"%s\" of writer %s has no file set \"%s\" in \"%s\"%s",
					  component_name, writer->identity.writer_name, filename, path,
					  recursive ? " with what is below" : "");
	return finish(bc, call, component,
		      vss_component_add_new_target(component, path, filename, recursive, alternate_path));
}

vss_result vss_backup_components_add_alternative_location_mapping(
	struct vss_backup_components *bc, const struct vss_uuid *writer_id, enum vss_component_type type,
	const char *logical_path, const char *component_name, const char *path, const char *filespec,
	bool recursive, const char *destination)
{
	const enum vss_call call = VSS_CALL_AddAlternativeLocationMapping;
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_writer_components *stored;
	struct vss_gathered_writer *writer;
	struct vss_component *component;
	vss_result result = start(bc, call, &ref, &component, &stored);

	if (!VSS_FAILED(result))
		result = check_target(bc, call, path, filespec, destination);
	if (!VSS_FAILED(result))
		result = needs_writer(bc, call, &ref, stored, &writer);
	if (VSS_FAILED(result))
		return result;
	for (uint32_t i = 0;; i++) {
		_cleanup_filedesc_ struct vss_wm_filedesc filedesc = { 0 };

		if (vss_examine_writer_metadata_get_alternate_location_mapping(writer->metadata, i,
									       &filedesc))
			break;
		if (matches(&filedesc, path, filespec, recursive))
			return finish(bc, call, component, vss_component_add_alternate_location_mapping(
					      component, path, filespec, recursive, destination));
	}
	return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
				  "writer %s declares no alternate location for \"%s\" in \"%s\"",
				  writer->identity.writer_name, filespec, path);
}

vss_result vss_backup_components_set_ranges_file_path(struct vss_backup_components *bc,
						      const struct vss_uuid *writer_id,
						      enum vss_component_type type, const char *logical_path,
						      const char *component_name, uint32_t partial_file,
						      const char *path)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetRangesFilePath, &ref, &component, NULL);

	if (VSS_FAILED(result))
		return result;
	if (!path)
		return vss_requester_null(bc, VSS_CALL_SetRangesFilePath, "a path");
	return finish(bc, VSS_CALL_SetRangesFilePath, component,
		      vss_component_set_ranges_file_path(component, partial_file, path));
}

/* ---- the restore itself ---- */

vss_result vss_backup_components_set_file_restore_status(
	struct vss_backup_components *bc, const struct vss_uuid *writer_id, enum vss_component_type type,
	const char *logical_path, const char *component_name, enum vss_file_restore_status status)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetFileRestoreStatus, &ref, &component, NULL);

	if (VSS_FAILED(result))
		return result;
	if (status <= VSS_RS_UNDEFINED || status > VSS_RS_FAILED)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"%d is no status of a restore; use VSS_RS_NONE, VSS_RS_ALL or VSS_RS_FAILED",
			(int)status);
	return finish(bc, VSS_CALL_SetFileRestoreStatus, component,
		      vss_component_set_file_restore_status(component, status));
}

vss_result vss_backup_components_pre_restore(struct vss_backup_components *bc, struct vss_async **async)
{
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_PreRestore, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_PreRestore);
	if (VSS_FAILED(result))
		return result;
	return vss_requester_start_with_document(bc, VSS_CALL_PreRestore, async);
}

vss_result vss_backup_components_post_restore(struct vss_backup_components *bc, struct vss_async **async)
{
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_PostRestore, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_PostRestore);
	if (VSS_FAILED(result))
		return result;
	return vss_requester_start_with_document(bc, VSS_CALL_PostRestore, async);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The rules of a restore, as vss/restore.h tells them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <vss/restore.h>

#include "cleanup.h"
#include "error.h"
#include "file-sets.h"
#include "list.h"
#include "path.h"
#include "requester.h"
#include "xml-parse.h"

/* Files that go elsewhere: an alternate location or a new target. */
struct redirection {
	struct vss_wm_filedesc files;
	char *path;		/* complete */
	char *to;
};

struct file {
	char *path;
	const struct redirection *new_target;	/* NULL for none */
	const struct redirection *mapping;
	bool directed;
};

struct output {
	struct vss_restored_file file;
	char *destination;
};

struct vss_restore_plan {
	struct vss_error error;
	enum vss_restore_target target;
	struct vss_restore_method method;
	struct vss_file_sets *sets;	/* of the component and those below */
	struct vss_list texts;		/* that these refer to: char * */
	struct vss_list mappings;	/* of struct redirection */
	struct vss_list new_targets;	/* of struct redirection */
	struct vss_list directed;	/* of struct vss_directed_target */
	struct vss_list files;		/* of struct file */
	struct vss_list outputs;	/* of struct output */
	bool decided;
	char reason[1200];
};

static struct file *file_at(const struct vss_restore_plan *plan, size_t i)
{
	return &((struct file *)plan->files.items)[i];
}

static vss_result no_memory(struct vss_restore_plan *plan)
{
	return vss_xml_no_memory(&plan->error);
}

const struct vss_error *vss_restore_plan_error(const struct vss_restore_plan *plan)
{
	return &plan->error;
}

/* ---- what the documents say ---- */

/* With its variables replaced, so far as it is a path of this system; else as it is. */
static char *whole_path(const char *path)
{
	char full[PATH_MAX];

	if (!vss_path_expand(path, full) || full[0] != '/')
		return strdup(path);
	vss_path_normalise(full);
	return strdup(full);
}

/* Takes what @files owns. */
static bool add_redirection(struct vss_list *list, struct vss_wm_filedesc *files)
{
	struct redirection *added = vss_list_add(list);

	if (!added) {
		vss_wm_filedesc_clear(files);
		return false;
	}
	added->files = *files;
	added->path = files->path ? whole_path(files->path) : NULL;
	added->to = files->alternate_location ? whole_path(files->alternate_location) : NULL;
	return added->path && added->to;
}

static bool read_mappings(struct vss_restore_plan *plan, struct vss_writer_metadata *metadata)
{
	for (uint32_t i = 0; i < plan->method.mappings; i++) {
		struct vss_wm_filedesc files = { 0 };

		if (vss_examine_writer_metadata_get_alternate_location_mapping(metadata, i, &files) ||
		    !add_redirection(&plan->mappings, &files))
			return false;
	}
	return true;
}

static bool read_new_targets(struct vss_restore_plan *plan, struct vss_component *component)
{
	uint32_t count = 0;

	vss_component_get_new_target_count(component, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_wm_filedesc files = { 0 };

		if (vss_component_get_new_target(component, i, &files) || !add_redirection(&plan->new_targets, &files))
			return false;
	}
	return true;
}

static bool read_directed(struct vss_restore_plan *plan, struct vss_component *component)
{
	uint32_t count = 0;

	vss_component_get_directed_target_count(component, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_directed_target *target = vss_list_add(&plan->directed);

		if (!target || vss_component_get_directed_target(component, i, target))
			return false;
	}
	return true;
}

static bool add_sets_of(struct vss_restore_plan *plan, struct vss_wm_component *described)
{
	static vss_result (*const getters[])(struct vss_wm_component *, uint32_t, struct vss_wm_filedesc *) = {
		vss_wm_component_get_file,
		vss_wm_component_get_database_file,
		vss_wm_component_get_database_log_file,
	};

	for (size_t kind = 0; kind < sizeof(getters) / sizeof(getters[0]); kind++)
		for (uint32_t i = 0;; i++) {
			struct vss_wm_filedesc files = { 0 };
			vss_result result = getters[kind](described, i, &files);
			_cleanup_free_ char *path = NULL;
			char **text;
			bool added;

			if (result == VSS_E_OBJECT_NOT_FOUND)
				break;
			if (result)
				return false;
			/* The alternate path was for the backup alone. */
			path = whole_path(files.path);
			text = vss_list_add(&plan->texts);
			if (text) {
				*text = files.filespec;
				files.filespec = NULL;
			}
			added = path && text && vss_file_sets_add(plan->sets, path, *text, files.recursive);
			vss_wm_filedesc_clear(&files);
			if (!added)
				return false;
		}
	return true;
}

static bool read_sets(struct vss_restore_plan *plan, struct vss_writer_metadata *metadata, const char *path,
		      const char *name)
{
	struct vss_wm_component *described;

	for (uint32_t i = 0; !vss_examine_writer_metadata_get_component(metadata, i, &described); i++) {
		struct vss_component_info info = { 0 };
		bool added = true;

		if (vss_wm_component_get_component_info(described, &info))
			return false;
		if ((!strcmp(info.component_name, name) &&
		     !strcmp(info.logical_path ? info.logical_path : "", path ? path : "")) ||
		    vss_component_is_below(info.logical_path, path, name))
			added = add_sets_of(plan, described);
		vss_component_info_clear(&info);
		if (!added)
			return false;
	}
	return true;
}

static vss_result read_documents(struct vss_restore_plan *plan, struct vss_writer_metadata *metadata,
				 struct vss_component *component)
{
	_cleanup_free_ char *path = NULL, *name = NULL;
	struct vss_wm_component *described;

	if (VSS_FAILED(vss_component_get_logical_path(component, &path)) ||
	    VSS_FAILED(vss_component_get_component_name(component, &name)))
		return no_memory(plan);
	if (vss_examine_writer_metadata_find_component(metadata, path, name, &described)) {
		plan->error = *vss_writer_metadata_error(metadata);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	if (VSS_FAILED(vss_examine_writer_metadata_get_restore_method(metadata, &plan->method)))
		return no_memory(plan);
	if (plan->method.method == VSS_RME_UNDEFINED) {
		vss_error_set(&plan->error, -EINVAL, VSS_E_UNEXPECTED_WRITER_ERROR,
			      "component \"%s\" cannot be restored: its writer has given no restore method, which is the "
			      "writer's error", name);
		return VSS_E_UNEXPECTED_WRITER_ERROR;
	}
	vss_component_get_restore_target(component, &plan->target);
	return read_sets(plan, metadata, path, name) && read_mappings(plan, metadata) &&
	       read_new_targets(plan, component) && read_directed(plan, component) ? S_OK : no_memory(plan);
}

vss_result vss_restore_plan_new(struct vss_writer_metadata *metadata, struct vss_component *component,
				struct vss_restore_plan **out, struct vss_error *err)
{
	struct vss_restore_plan *plan = calloc(1, sizeof(*plan));
	vss_result result;

	if (!plan)
		return vss_xml_no_memory(err);
	plan->texts.item_size = sizeof(char *);
	plan->mappings.item_size = sizeof(struct redirection);
	plan->new_targets.item_size = sizeof(struct redirection);
	plan->directed.item_size = sizeof(struct vss_directed_target);
	plan->files.item_size = sizeof(struct file);
	plan->outputs.item_size = sizeof(struct output);
	plan->sets = vss_file_sets_new();
	result = plan->sets ? read_documents(plan, metadata, component) : no_memory(plan);
	if (!result) {
		*out = plan;
		return S_OK;
	}
	if (err)
		*err = plan->error;
	vss_restore_plan_free(plan);
	return result;
}

static void free_redirections(struct vss_list *list)
{
	struct redirection *items = list->items;

	for (size_t i = 0; i < list->count; i++) {
		vss_wm_filedesc_clear(&items[i].files);
		free(items[i].path);
		free(items[i].to);
	}
	free(items);
}

void vss_restore_plan_free(struct vss_restore_plan *plan)
{
	if (!plan)
		return;
	free_redirections(&plan->mappings);
	free_redirections(&plan->new_targets);
	for (size_t i = 0; i < plan->directed.count; i++)
		vss_directed_target_clear(&((struct vss_directed_target *)plan->directed.items)[i]);
	for (size_t i = 0; i < plan->files.count; i++)
		free(file_at(plan, i)->path);
	for (size_t i = 0; i < plan->outputs.count; i++)
		free(((struct output *)plan->outputs.items)[i].destination);
	for (size_t i = 0; i < plan->texts.count; i++)
		free(((char **)plan->texts.items)[i]);
	free(plan->directed.items);
	free(plan->files.items);
	free(plan->outputs.items);
	free(plan->texts.items);
	vss_file_sets_free(plan->sets);
	vss_restore_method_clear(&plan->method);
	free(plan);
}

/* ---- files ---- */

/* "/folder/name" as the folder and the name. */
static const char *split(const char *path, char folder[PATH_MAX])
{
	strcpy(folder, path);
	vss_path_up(folder);
	return strrchr(path, '/') + 1;
}

static bool redirects(const struct redirection *r, const char *folder, const char *name)
{
	const char *below = r->path[0] == '/' ? vss_path_below(folder, r->path) : NULL;

	return below && (r->files.recursive || !*below) && vss_wildcard_matches(r->files.filespec, name);
}

static const struct redirection *find_redirection(const struct vss_list *list, const char *folder, const char *name)
{
	const struct redirection *items = list->items;

	for (size_t i = 0; i < list->count; i++)
		if (redirects(&items[i], folder, name))
			return &items[i];
	return NULL;
}

static bool is_directed(const struct vss_directed_target *target, const char *path)
{
	char source[PATH_MAX];

	if (!vss_path_join(source, target->source_path, target->source_filename) || source[0] != '/')
		return false;
	vss_path_normalise(source);
	return !strcmp(source, path);
}

/* What is put in its place at a start of the system is put where it was. */
static bool targets_count(const struct vss_restore_plan *plan)
{
	return plan->method.method != VSS_RME_RESTORE_AT_REBOOT &&
	       plan->method.method != VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE;
}

vss_result vss_restore_plan_add_file(struct vss_restore_plan *plan, const char *path)
{
	const struct vss_directed_target *directed = plan->directed.items;
	char full[PATH_MAX], folder[PATH_MAX];
	const char *name;
	struct file *file;

	if (plan->decided) {
		vss_error_set(&plan->error, -EBUSY, VSS_E_BAD_STATE, "the plan has been decided; make a new one");
		return VSS_E_BAD_STATE;
	}
	if (!path || path[0] != '/' || strlen(path) >= sizeof(full)) {
		vss_error_set(&plan->error, -EINVAL, E_INVALIDARG, "\"%s\" is no absolute path", path ? path : "");
		return E_INVALIDARG;
	}
	strcpy(full, path);
	vss_path_normalise(full);
	name = split(full, folder);
	if (!vss_file_sets_cover(plan->sets, folder, name)) {
		vss_error_set(&plan->error, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
			      "no set of files of the component has %s", full);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	file = vss_list_add(&plan->files);
	if (!file)
		return no_memory(plan);
	file->path = strdup(full);
	file->new_target = find_redirection(&plan->new_targets, folder, name);
	file->mapping = find_redirection(&plan->mappings, folder, name);
	for (size_t i = 0; plan->target == VSS_RT_DIRECTED && targets_count(plan) && i < plan->directed.count; i++)
		file->directed = file->directed || is_directed(&directed[i], full);
	return file->path ? S_OK : no_memory(plan);
}

/* ---- places ---- */

/* Where a redirection puts a file; false when the path is too long. */
static bool redirected(const struct redirection *r, const char *path, char destination[PATH_MAX])
{
	return vss_path_join(destination, r->to, vss_path_below(path, r->path));
}

static vss_result add_output(struct vss_restore_plan *plan, const struct file *file, enum vss_restore_place place,
			     const char *destination, const struct redirection *r,
			     const struct vss_directed_target *directed)
{
	struct output *output = vss_list_add(&plan->outputs);

	if (!output)
		return no_memory(plan);
	output->destination = strdup(destination);
	output->file = (struct vss_restored_file) {
		.path = file->path,
		.destination = output->destination,
		.place = place,
		.source_ranges = directed ? directed->source_ranges : NULL,
		.destination_ranges = directed ? directed->destination_ranges : NULL,
		.mapped = r ? &r->files : NULL,
	};
	return output->destination ? S_OK : no_memory(plan);
}

static vss_result too_long(struct vss_restore_plan *plan, const struct file *file)
{
	vss_error_set(&plan->error, -ENAMETOOLONG, E_INVALIDARG,
		      "the path of the place that this file goes to is too long: %s", file->path);
	return E_INVALIDARG;
}

static vss_result add_directed(struct vss_restore_plan *plan, const struct file *file)
{
	const struct vss_directed_target *targets = plan->directed.items;
	vss_result result = S_OK;

	for (size_t i = 0; !result && i < plan->directed.count; i++) {
		char destination[PATH_MAX];

		if (!is_directed(&targets[i], file->path))
			continue;
		if (!vss_path_join(destination, targets[i].destination_path, targets[i].destination_filename))
			return too_long(plan, file);
		result = add_output(plan, file, VSS_RESTORE_DIRECTED, destination, NULL, &targets[i]);
	}
	return result;
}

/* All files to where they go; those without a place of their own where they were or, with @alternate, are mapped to. */
static vss_result place_all(struct vss_restore_plan *plan, bool alternate)
{
	vss_result result = S_OK;

	for (size_t i = 0; !result && i < plan->files.count; i++) {
		const struct file *file = file_at(plan, i);
		const struct redirection *r = file->new_target ? file->new_target : alternate ? file->mapping : NULL;
		char destination[PATH_MAX];

		if (!file->new_target && file->directed)
			result = add_directed(plan, file);
		else if (!r)
			result = add_output(plan, file, VSS_RESTORE_TO_ORIGINAL, file->path, NULL, NULL);
		else if (redirected(r, file->path, destination))
			result = add_output(plan, file, file->new_target ? VSS_RESTORE_TO_NEW_TARGET :
					    VSS_RESTORE_TO_ALTERNATE, destination, r, NULL);
		else
			result = too_long(plan, file);
	}
	return result;
}

/* ---- rules ---- */

/* Would a file in the way be a hindrance? */
typedef bool (*hinders)(const struct vss_restore_probe *probe, const char *destination);

static bool is_there(const struct vss_restore_probe *probe, const char *destination)
{
	return probe->exists(destination, probe->data);
}

static bool cannot_be_replaced(const struct vss_restore_probe *probe, const char *destination)
{
	return !probe->can_replace(destination, probe->data);
}

enum side { SIDE_NEW_TARGET, SIDE_ORIGINAL, SIDE_ALTERNATE };

/* The first file that cannot go to that side of its places; NULL when all can that go there at all. */
static const char *hindrance(struct vss_restore_plan *plan, const struct vss_restore_probe *probe, hinders test,
			     enum side side, char destination[PATH_MAX])
{
	for (size_t i = 0; i < plan->files.count; i++) {
		const struct file *file = file_at(plan, i);
		const struct redirection *r = side == SIDE_NEW_TARGET ? file->new_target :
					      side == SIDE_ALTERNATE ? file->mapping : NULL;

		if ((side == SIDE_NEW_TARGET) != (file->new_target != NULL) || (file->directed && !file->new_target))
			continue;
		if (side == SIDE_ORIGINAL)
			strcpy(destination, file->path);
		else if (!r || !redirected(r, file->path, destination))
			return file->path;
		if (test(probe, destination))
			return destination;
	}
	return NULL;
}

static bool all_mapped(struct vss_restore_plan *plan, const char **missing)
{
	for (size_t i = 0; i < plan->files.count; i++) {
		const struct file *file = file_at(plan, i);

		if (file->mapping || file->new_target || file->directed)
			continue;
		*missing = file->path;
		return false;
	}
	return true;
}

static void refuse(struct vss_restore_plan *plan, struct vss_restore_decision *decision, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void refuse(struct vss_restore_plan *plan, struct vss_restore_decision *decision, const char *format, ...)
{
	va_list args;

	decision->action = VSS_RESTORE_NOT;
	va_start(args, format);
	vsnprintf(plan->reason, sizeof(plan->reason), format, args);
	va_end(args);
}

/* Methods that restore all, or all elsewhere, or nothing. */
static vss_result all_or_nothing(struct vss_restore_plan *plan, const struct vss_restore_probe *probe, hinders test,
				 const char *what, struct vss_restore_decision *decision)
{
	char there[PATH_MAX], alternate[PATH_MAX];
	const char *missing, *blocked = hindrance(plan, probe, test, SIDE_NEW_TARGET, there);

	decision->action = VSS_RESTORE_NOW;
	if (blocked) {
		refuse(plan, decision, "nothing is restored: at the new target something %s: %.1000s", what, blocked);
		return S_OK;
	}
	blocked = hindrance(plan, probe, test, SIDE_ORIGINAL, there);
	if (!blocked)
		return place_all(plan, false);
	if (!all_mapped(plan, &missing)) {
		refuse(plan, decision, "nothing is restored: a file %s, and not all have an alternate location: %.1000s",
		       what, blocked);
		return S_OK;
	}
	blocked = hindrance(plan, probe, test, SIDE_ALTERNATE, alternate);
	if (!blocked)
		return place_all(plan, true);
	refuse(plan, decision, "nothing is restored: a file %s, also at the alternate location: %.1000s", what, blocked);
	return S_OK;
}

static vss_result to_alternate(struct vss_restore_plan *plan, struct vss_restore_decision *decision)
{
	const char *missing;

	if (!all_mapped(plan, &missing)) {
		vss_error_set(&plan->error, -EINVAL, VSS_E_UNEXPECTED_WRITER_ERROR,
			      "the writer wants its files to be restored to an alternate location, and has given none for "
			      "this one, which is the writer's error: %s", missing);
		return VSS_E_UNEXPECTED_WRITER_ERROR;
	}
	decision->action = VSS_RESTORE_NOW;
	return place_all(plan, true);
}

static vss_result at_reboot(struct vss_restore_plan *plan, const struct vss_restore_probe *probe,
			    struct vss_restore_decision *decision)
{
	char there[PATH_MAX];

	decision->action = VSS_RESTORE_AT_REBOOT;
	if (plan->method.method == VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE &&
	    !hindrance(plan, probe, cannot_be_replaced, SIDE_NEW_TARGET, there) &&
	    !hindrance(plan, probe, cannot_be_replaced, SIDE_ORIGINAL, there))
		decision->action = VSS_RESTORE_NOW;
	return place_all(plan, false);
}

static vss_result by_method(struct vss_restore_plan *plan, const struct vss_restore_probe *probe,
			    struct vss_restore_decision *decision)
{
	switch (plan->method.method) {
	case VSS_RME_RESTORE_IF_NOT_THERE:
		return all_or_nothing(plan, probe, is_there, "is there", decision);
	case VSS_RME_RESTORE_IF_CAN_REPLACE:
		return all_or_nothing(plan, probe, cannot_be_replaced, "cannot be replaced", decision);
	case VSS_RME_RESTORE_TO_ALTERNATE_LOCATION:
		return to_alternate(plan, decision);
	default:
		decision->action = VSS_RESTORE_NOW;
		return place_all(plan, false);
	}
}

static vss_result decide(struct vss_restore_plan *plan, const struct vss_restore_probe *probe,
			 struct vss_restore_decision *decision)
{
	switch (plan->method.method) {
	case VSS_RME_CUSTOM:
		decision->action = VSS_RESTORE_CUSTOM;
		return S_OK;
	case VSS_RME_RESTORE_AT_REBOOT:
	case VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE:
		return at_reboot(plan, probe, decision);
	default:
		break;
	}
	switch (plan->target) {
	case VSS_RT_ORIGINAL_LOCATION:
		decision->action = VSS_RESTORE_NOW;
		return place_all(plan, false);
	case VSS_RT_ALTERNATE:
		return to_alternate(plan, decision);
	default:
		return by_method(plan, probe, decision);
	}
}

vss_result vss_restore_plan_decide(struct vss_restore_plan *plan, const struct vss_restore_probe *probe,
				   struct vss_restore_decision *decision)
{
	enum vss_restoremethod method = plan->method.method;
	vss_result result;

	*decision = (struct vss_restore_decision) { .reason = plan->reason };
	if (plan->decided) {
		vss_error_set(&plan->error, -EBUSY, VSS_E_BAD_STATE, "the plan has been decided; make a new one");
		return VSS_E_BAD_STATE;
	}
	plan->decided = true;
	result = decide(plan, probe ? probe : &vss_restore_probe_system, decision);
	if (result || decision->action == VSS_RESTORE_NOT)
		return result;
	decision->reboot_required = plan->method.reboot_required;
	if (method == VSS_RME_STOP_RESTORE_START || method == VSS_RME_RESTORE_STOP_START) {
		decision->service = plan->method.service;
		decision->stop_before = method == VSS_RME_STOP_RESTORE_START;
	}
	return S_OK;
}

vss_result vss_restore_plan_get_file(struct vss_restore_plan *plan, uint32_t index, struct vss_restored_file *file)
{
	if (index >= plan->outputs.count) {
		vss_error_set(&plan->error, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "the plan has no file %u, only %zu in all",
			      index, plan->outputs.count);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	*file = ((struct output *)plan->outputs.items)[index].file;
	return S_OK;
}

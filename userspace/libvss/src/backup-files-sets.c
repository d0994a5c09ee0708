// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which sets of files a backup wants: of the components in the document and of
 * those below them, by the type of the backup, and without what is excluded.
 *
 * What is said of a set that cannot be understood is a failure of the component,
 * never a set less.
 */
#include <stdlib.h>
#include <string.h>

#include "backup-files.h"
#include "cleanup.h"
#include "error.h"
#include "path.h"
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

/* A writer's path, with its variables replaced, as a path of this system; NULL when it is none. */
static char *whole_path(const char *path)
{
	char full[PATH_MAX];

	if (!path || strpbrk(path, "*?") || !vss_path_expand(path, full) || full[0] != '/')
		return NULL;
	vss_path_normalise(full);
	return strdup(full);
}

/* ---- what is excluded ---- */

/* Add a set that lives by itself, by its path and by where that leads. */
static bool add_excluded(struct vss_backup_files *files, struct vss_file_sets *sets, const char *path,
			 const char *filespec, bool recursive)
{
	char **text = vss_list_add(&files->texts);
	struct files_place place;

	if (!text)
		return false;
	*text = strdup(filespec);
	if (!*text || !vss_file_sets_add(sets, path, *text, recursive))
		return false;
	files_find(files, path, &place);
	return !strcmp(place.original, path) || vss_file_sets_add(sets, place.original, *text, recursive);
}

typedef vss_result (*exclude_getter)(struct vss_writer_metadata *metadata, uint32_t index,
				     struct vss_wm_filedesc *filedesc);

/* All components fail when one cannot be told what it is to leave out. */
static void fail_writer(struct vss_backup_files *files, uint32_t writer, const struct vss_wm_filedesc *file)
{
	for (uint32_t i = 0; i < files->components.count; i++)
		if (files_component_at(files, i)->writer == writer || !files->state.select_components)
			files_component_fail(files, i, "writer %s excludes files in \"%s\", which is no path here",
					     files_writer_at(files, writer)->identity.writer_name, file->path);
}

static vss_result take_excluded(struct vss_backup_files *files, uint32_t index)
{
	static const exclude_getter getters[] = {
		vss_examine_writer_metadata_get_exclude_file,
		vss_examine_writer_metadata_get_exclude_from_snapshot_file,
	};
	struct files_writer *writer = files_writer_at(files, index);

	for (size_t kind = 0; kind < sizeof(getters) / sizeof(getters[0]); kind++)
		for (uint32_t i = 0;; i++) {
			_cleanup_filedesc_ struct vss_wm_filedesc file = { 0 };
			_cleanup_free_ char *path = NULL;
			vss_result result = getters[kind](writer->metadata, i, &file);

			if (result == VSS_E_OBJECT_NOT_FOUND)
				break;
			if (result)
				return files_no_memory(files);
			path = whole_path(file.path);
			if (!path)
				fail_writer(files, index, &file);
			else if (!add_excluded(files, writer->excluded, path, file.filespec, file.recursive) ||
				 !add_excluded(files, files->whole.excluded, path, file.filespec, file.recursive))
				return files_no_memory(files);
		}
	return S_OK;
}

/* ---- by the type of the backup ---- */

/* How this writer is backed up: one that cannot do the type is backed up in full. */
static enum vss_backup_type type_for(const struct vss_backup_files *files, const struct files_writer *writer)
{
	switch (files->state.backup_type) {
	case VSS_BT_INCREMENTAL:
		return writer->schema & VSS_BS_INCREMENTAL ? VSS_BT_INCREMENTAL : VSS_BT_FULL;
	case VSS_BT_DIFFERENTIAL:
		return writer->schema & VSS_BS_DIFFERENTIAL ? VSS_BT_DIFFERENTIAL : VSS_BT_FULL;
	case VSS_BT_LOG:
		return writer->schema & VSS_BS_LOG ? VSS_BT_LOG : VSS_BT_FULL;
	default:
		/* A copy has the same files. */
		return VSS_BT_FULL;
	}
}

static bool is_wanted(enum vss_backup_type type, bool logs, uint32_t mask)
{
	switch (type) {
	case VSS_BT_INCREMENTAL:
		return mask & VSS_FSBT_INCREMENTAL_BACKUP_REQUIRED;
	case VSS_BT_DIFFERENTIAL:
		return mask & VSS_FSBT_DIFFERENTIAL_BACKUP_REQUIRED;
	case VSS_BT_LOG:
		return logs && (mask & VSS_FSBT_LOG_BACKUP_REQUIRED);
	default:
		return true;
	}
}

/* ---- sets of a component ---- */

static vss_result add_set(struct vss_backup_files *files, uint32_t component, const struct vss_wm_filedesc *file,
			  bool differenced, uint64_t last_modify_time)
{
	struct files_set *set;
	char *path = whole_path(file->path);
	char *from = file->alternate_location ? whole_path(file->alternate_location) : NULL;

	if (!path || (file->alternate_location && !from)) {
		files_component_fail(files, component,
				     "its files in \"%s\" cannot be listed: it is no absolute path of this system, or "
				     "has a variable that is not set", path ? file->alternate_location : file->path);
		free(path);
		return S_OK;
	}
	set = vss_list_add(&files->sets);
	if (!set) {
		free(path);
		free(from);
		return files_no_memory(files);
	}
	*set = (struct files_set) {
		.component = component,
		.path = path,
		.from = from,
		.filespec = strdup(file->filespec),
		.recursive = file->recursive,
		.differenced = differenced,
		.last_modify_time = last_modify_time,
	};
	return set->filespec ? S_OK : files_no_memory(files);
}

static vss_result add_sets_of(struct vss_backup_files *files, uint32_t index, struct vss_wm_component *described)
{
	static vss_result (*const getters[])(struct vss_wm_component *, uint32_t, struct vss_wm_filedesc *) = {
		vss_wm_component_get_file,
		vss_wm_component_get_database_file,
		vss_wm_component_get_database_log_file,
	};
	enum vss_backup_type type = type_for(files, files_writer_of(files, index));
	vss_result result = S_OK;

	for (size_t kind = 0; !result && kind < sizeof(getters) / sizeof(getters[0]); kind++)
		for (uint32_t i = 0; !result; i++) {
			_cleanup_filedesc_ struct vss_wm_filedesc file = { 0 };

			result = getters[kind](described, i, &file);
			if (result == VSS_E_OBJECT_NOT_FOUND) {
				result = S_OK;
				break;
			}
			if (result)
				return files_no_memory(files);
			if (is_wanted(type, getters[kind] == vss_wm_component_get_database_log_file,
				      file.backup_type_mask))
				result = add_set(files, index, &file, false, 0);
		}
	return result;
}

/* They come before the others, and what they name is not listed by these. */
static vss_result add_differenced(struct vss_backup_files *files, uint32_t index, struct vss_component *component)
{
	enum vss_backup_type type = type_for(files, files_writer_of(files, index));
	vss_result result = S_OK;
	uint32_t count = 0;

	if (type != VSS_BT_INCREMENTAL && type != VSS_BT_DIFFERENTIAL)
		return S_OK;
	vss_component_get_differenced_files_count(component, &count);
	for (uint32_t i = 0; !result && i < count; i++) {
		struct vss_differenced_file file = { 0 };
		struct vss_wm_filedesc filedesc;

		if (vss_component_get_differenced_file(component, i, &file))
			return files_no_memory(files);
		filedesc = (struct vss_wm_filedesc) { .path = file.path, .filespec = file.filespec,
						      .recursive = file.recursive };
		result = add_set(files, index, &filedesc, true, file.last_modify_time);
		vss_differenced_file_clear(&file);
	}
	return result;
}

/* Takes @ranges; of two for one file the first ones count.  False: no memory. */
static bool note_ranges(struct files_component *component, const char *path, char **ranges)
{
	if (!component->partial)
		component->partial = xmlHashCreate(0);
	if (!component->partial)
		return false;
	if (xmlHashLookup(component->partial, (const xmlChar *)path))
		return true;
	if (xmlHashAddEntry(component->partial, (const xmlChar *)path, *ranges))
		return false;
	*ranges = NULL;
	return true;
}

static vss_result note_partial(struct vss_backup_files *files, uint32_t index, struct vss_component *component)
{
	uint32_t count = 0;

	if (!files->state.partial_file_support)
		return S_OK;
	vss_component_get_partial_file_count(component, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_partial_file file = { 0 };
		_cleanup_free_ char *folder = NULL;
		char path[PATH_MAX];
		bool noted = true;

		if (vss_component_get_partial_file(component, i, &file))
			return files_no_memory(files);
		folder = whole_path(file.path);
		if (!folder || !vss_path_join(path, folder, file.filename))
			files_component_fail(files, index, "its partial file \"%s\" in \"%s\" is no file of this system",
					     file.filename, file.path);
		else
			noted = !file.ranges || note_ranges(files_component_at(files, index), path, &file.ranges);
		vss_partial_file_clear(&file);
		if (!noted)
			return files_no_memory(files);
	}
	return S_OK;
}

/* The component of the document and all that it brings along. */
static vss_result add_component_sets(struct vss_backup_files *files, uint32_t index, struct vss_component *component)
{
	const struct files_component mine = *files_component_at(files, index);
	struct vss_writer_metadata *metadata = files_writer_at(files, mine.writer)->metadata;
	struct vss_wm_component *described;
	vss_result result;

	result = note_partial(files, index, component);
	if (!result)
		result = add_differenced(files, index, component);
	if (!result && vss_examine_writer_metadata_find_component(metadata, mine.path, mine.name, &described)) {
		files_component_fail(files, index, "its writer's document does not have it");
		return S_OK;
	}
	if (!result)
		result = add_sets_of(files, index, described);
	for (uint32_t i = 0; !result && !vss_examine_writer_metadata_get_component(metadata, i, &described); i++) {
		_cleanup_info_ struct vss_component_info info = { 0 };

		if (vss_wm_component_get_component_info(described, &info))
			return files_no_memory(files);
		if (vss_component_is_below(info.logical_path, mine.path, mine.name))
			result = add_sets_of(files, index, described);
	}
	return result;
}

/* ---- components ---- */

static uint32_t find_writer(const struct vss_backup_files *files, const struct vss_uuid *instance,
			    const struct vss_uuid *class)
{
	for (uint32_t i = 0; i < files->writers.count; i++) {
		const struct vss_writer_identity *identity = &files_writer_at(files, i)->identity;

		if (vss_uuid_equal(&identity->instance_id, instance) && vss_uuid_equal(&identity->writer_id, class))
			return i;
	}
	return VSS_FILES_NONE;
}

static vss_result add_component(struct vss_backup_files *files, struct vss_writer_components *part,
				struct vss_component *component)
{
	struct files_component *added = vss_list_add(&files->components);
	char text[VSS_UUID_TEXT_SIZE];

	if (!added)
		return files_no_memory(files);
	vss_writer_components_get_writer_info(part, &added->instance_id, &added->writer_id);
	added->writer = find_writer(files, &added->instance_id, &added->writer_id);
	vss_component_get_component_type(component, &added->type);
	if (VSS_FAILED(vss_component_get_logical_path(component, &added->path)) ||
	    VSS_FAILED(vss_component_get_component_name(component, &added->name)))
		return files_no_memory(files);
	if (added->writer == VSS_FILES_NONE)
		files_component_fail(files, (uint32_t)files->components.count - 1,
				     "the document of its writer (instance %s) is missing, so its files are not known",
				     vss_uuid_format(&added->instance_id, text));
	return S_OK;
}

/*
 * Take in each component of the document, or (@add false) their sets of files, which
 * have to wait until all exclusions are known.
 */
static vss_result each_component(struct vss_backup_files *files, bool add)
{
	uint32_t writers = vss_backup_document_writer_count(files->document), index = 0;
	vss_result result = S_OK;

	for (uint32_t w = 0; w < writers; w++) {
		struct vss_writer_components *part = vss_backup_document_writer(files->document, w);
		uint32_t count = 0;

		vss_writer_components_get_component_count(part, &count);
		for (uint32_t c = 0; !result && c < count; c++, index++) {
			struct vss_component *component;

			if (vss_writer_components_get_component(part, c, &component))
				return files_no_memory(files);
			if (add)
				result = add_component(files, part, component);
			else if (files_component_at(files, index)->writer != VSS_FILES_NONE)
				result = add_component_sets(files, index, component);
		}
	}
	return result;
}

/* ---- whole volumes ---- */

static int by_mount_point(const void *a, const void *b)
{
	const struct files_set *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Each copy once, where all of it is seen if there is such a place. */
static bool is_shown_elsewhere(const struct vss_backup_files *files, size_t index)
{
	const struct files_volume *volume = files_volume_at(files, index);

	for (size_t i = 0; i < files->volumes.count; i++) {
		const struct files_volume *other = files_volume_at(files, i);

		if (i == index || !other->copy || strcmp(other->copy, volume->copy))
			continue;
		if (!other->folder[0] && volume->folder[0])
			return true;
		if (i < index && !strcmp(other->folder, volume->folder))
			return true;
	}
	return false;
}

static vss_result add_volumes(struct vss_backup_files *files)
{
	struct files_component *whole = vss_list_add(&files->components);

	if (!whole)
		return files_no_memory(files);
	whole->writer = VSS_FILES_NONE;
	for (size_t i = 0; i < files->volumes.count; i++) {
		const struct files_volume *volume = files_volume_at(files, i);
		struct files_set *set;

		if (!volume->copy || is_shown_elsewhere(files, i))
			continue;
		set = vss_list_add(&files->sets);
		if (!set)
			return files_no_memory(files);
		*set = (struct files_set) {
			.path = strdup(volume->mount_point),
			.filespec = strdup("*"),
			.recursive = true,
		};
		if (!set->path || !set->filespec)
			return files_no_memory(files);
	}
	if (files->sets.count)
		qsort(files->sets.items, files->sets.count, sizeof(struct files_set), by_mount_point);
	return S_OK;
}

vss_result files_collect(struct vss_backup_files *files)
{
	vss_result result = files->state.select_components ? each_component(files, true) : add_volumes(files);
	const struct files_set *own = files->own_excluded.items;

	for (uint32_t i = 0; !result && i < files->writers.count; i++)
		result = take_excluded(files, i);
	for (size_t i = 0; !result && i < files->own_excluded.count; i++)
		if (!add_excluded(files, files->excluded, own[i].path, own[i].filespec, own[i].recursive))
			result = files_no_memory(files);
	if (!result && files->state.select_components)
		result = each_component(files, false);
	return result;
}

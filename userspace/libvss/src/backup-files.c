// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The files of a backup: the object, what the requester tells it, and how
 * components are doing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "backup-files.h"
#include "cleanup.h"
#include "error.h"
#include "path.h"
#include "xml-parse.h"

vss_result files_no_memory(struct vss_backup_files *files)
{
	return vss_xml_no_memory(&files->error);
}

const struct vss_error *vss_backup_files_error(const struct vss_backup_files *files)
{
	return &files->error;
}

/* ---- making and freeing ---- */

bool files_writer_prepare(struct files_writer *writer)
{
	writer->excluded = vss_file_sets_new();
	writer->listed = vss_file_sets_new();
	writer->folders = xmlHashCreate(0);
	return writer->excluded && writer->listed && writer->folders;
}

void files_writer_clear(struct files_writer *writer)
{
	vss_writer_identity_clear(&writer->identity);
	vss_file_sets_free(writer->excluded);
	vss_file_sets_free(writer->listed);
	xmlHashFree(writer->folders, NULL);
}

vss_result vss_backup_files_new(struct vss_backup_document *document, struct vss_backup_files **out,
				struct vss_error *err)
{
	struct vss_backup_files *files = calloc(1, sizeof(*files));

	if (files) {
		files->document = document;
		files->writers.item_size = sizeof(struct files_writer);
		files->volumes.item_size = sizeof(struct files_volume);
		files->texts.item_size = sizeof(char *);
		files->components.item_size = sizeof(struct files_component);
		files->sets.item_size = sizeof(struct files_set);
		files->own_excluded.item_size = sizeof(struct files_set);
		files->folders.item_size = sizeof(struct files_folder *);
		files->mounts = xmlHashCreate(0);
		files->excluded = vss_file_sets_new();
		vss_backup_document_get_backup_state(document, &files->state);
	}
	if (!files || !files->mounts || !files->excluded || !files_writer_prepare(&files->whole)) {
		vss_backup_files_free(files);
		return vss_xml_no_memory(err);
	}
	*out = files;
	return S_OK;
}

static void free_text(void *text, const xmlChar *name)
{
	(void)name;
	free(text);
}

static void free_sets(struct vss_list *list)
{
	struct files_set *sets = list->items;

	for (size_t i = 0; i < list->count; i++) {
		free(sets[i].path);
		free(sets[i].from);
		free(sets[i].filespec);
	}
	free(sets);
}

void vss_backup_files_free(struct vss_backup_files *files)
{
	if (!files)
		return;
	files_walk_clear(files);
	for (size_t i = 0; i < files->writers.count; i++)
		files_writer_clear(files_writer_at(files, i));
	for (size_t i = 0; i < files->volumes.count; i++) {
		struct files_volume *volume = files_volume_at(files, i);

		if (volume->fd >= 0)
			close(volume->fd);
		free(volume->mount_point);
		free(volume->folder);
		free(volume->copy);
	}
	for (size_t i = 0; i < files->components.count; i++) {
		struct files_component *component = files_component_at(files, i);

		xmlHashFree(component->partial, free_text);
		free(component->path);
		free(component->name);
		free(component->reason);
	}
	free_sets(&files->sets);
	free_sets(&files->own_excluded);
	files_writer_clear(&files->whole);
	vss_file_sets_free(files->excluded);
	xmlHashFree(files->mounts, NULL);
	for (size_t i = 0; i < files->texts.count; i++)
		free(((char **)files->texts.items)[i]);
	free(files->writers.items);
	free(files->volumes.items);
	free(files->components.items);
	free(files->texts.items);
	free(files);
}

/* ---- what the requester tells ---- */

static vss_result still_open(struct vss_backup_files *files)
{
	if (!files->begun)
		return S_OK;
	vss_error_set(&files->error, -EBUSY, VSS_E_BAD_STATE,
		      "the list of files has been read from; tell it everything before");
	return VSS_E_BAD_STATE;
}

vss_result vss_backup_files_add_writer(struct vss_backup_files *files, struct vss_writer_metadata *metadata)
{
	vss_result result = still_open(files);
	struct files_writer writer = { .metadata = metadata }, *added;

	if (!result)
		result = vss_examine_writer_metadata_get_identity(metadata, &writer.identity);
	if (!result)
		result = vss_examine_writer_metadata_get_backup_schema(metadata, &writer.schema);
	for (size_t i = 0; !result && i < files->writers.count; i++)
		if (vss_uuid_equal(&files_writer_at(files, i)->identity.instance_id, &writer.identity.instance_id)) {
			vss_error_set(&files->error, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
				      "the document of writer %s was given twice", writer.identity.writer_name);
			result = VSS_E_OBJECT_ALREADY_EXISTS;
		}
	added = !result && files_writer_prepare(&writer) ? vss_list_add(&files->writers) : NULL;
	if (added) {
		*added = writer;
		return S_OK;
	}
	files_writer_clear(&writer);
	return result ? result : files_no_memory(files);
}

static char *copy_of_path(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		vss_path_normalise(copy);
	return copy;
}

static vss_result fill_volume(struct vss_backup_files *files, struct files_volume *volume, const char *mount_point,
			      const char *folder, const char *copy)
{
	_cleanup_free_ char *real_folder = copy_of_path(folder ? folder : "/");

	volume->fd = -1;
	volume->mount_point = copy_of_path(mount_point);
	volume->folder = real_folder ? strdup(real_folder + 1) : NULL;
	volume->copy = copy ? copy_of_path(copy) : NULL;
	if (!volume->mount_point || !volume->folder || (copy && !volume->copy))
		return files_no_memory(files);
	if (copy)
		volume->fd = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (copy && volume->fd < 0) {
		vss_error_errno(&files->error, -errno, "the shadow copy of %s, mounted at %s, cannot be opened: %s",
				mount_point, copy, strerror(errno));
		return files->error.result;
	}
	return S_OK;
}

vss_result vss_backup_files_add_volume(struct vss_backup_files *files, const char *mount_point,
				       const char *folder, const char *copy)
{
	vss_result result = still_open(files);
	struct files_volume *volume;
	uintptr_t number;

	if (result)
		return result;
	if (!mount_point || mount_point[0] != '/' || (folder && folder[0] != '/') || (copy && copy[0] != '/') ||
	    strlen(mount_point) >= PATH_MAX || (folder && strlen(folder) >= PATH_MAX)) {
		vss_error_set(&files->error, -EINVAL, E_INVALIDARG,
			      "a volume's mount point, folder and copy are absolute paths");
		return E_INVALIDARG;
	}
	volume = vss_list_add(&files->volumes);
	if (!volume)
		return files_no_memory(files);
	number = files->volumes.count;
	result = fill_volume(files, volume, mount_point, folder, copy);
	if (result)
		return result;
	if (xmlHashUpdateEntry(files->mounts, (const xmlChar *)volume->mount_point, (void *)number, NULL))
		return files_no_memory(files);
	return S_OK;
}

vss_result vss_backup_files_exclude(struct vss_backup_files *files, const char *path, const char *filespec,
				    bool recursive)
{
	vss_result result = still_open(files);
	struct files_set *set;
	char full[PATH_MAX];

	if (result)
		return result;
	if (!path || !filespec || !*filespec || strpbrk(path, "*?") || strchr(filespec, '/') ||
	    !vss_path_expand(path, full) || full[0] != '/') {
		vss_error_set(&files->error, -EINVAL, E_INVALIDARG,
			      "\"%s\" in \"%s\" cannot be excluded: an absolute path without wildcards and a file "
			      "name are needed", filespec ? filespec : "", path ? path : "");
		return E_INVALIDARG;
	}
	vss_path_normalise(full);
	set = vss_list_add(&files->own_excluded);
	if (!set)
		return files_no_memory(files);
	set->path = strdup(full);
	set->filespec = strdup(filespec);
	set->recursive = recursive;
	return set->path && set->filespec ? S_OK : files_no_memory(files);
}

void vss_backup_files_set_last_backup(struct vss_backup_files *files, uint64_t time)
{
	files->last_backup = time;
}

/* ---- the list ---- */

vss_result vss_backup_files_next(struct vss_backup_files *files, struct vss_backup_file *file)
{
	vss_result result = S_OK;

	if (!files->begun) {
		files->begun = true;
		result = files_collect(files);
	}
	if (!result)
		result = files_walk(files, file);
	files->ended = result == S_FALSE;
	return result;
}

/* ---- components ---- */

struct files_writer *files_writer_of(struct vss_backup_files *files, uint32_t component)
{
	uint32_t writer = files_component_at(files, component)->writer;

	return writer == VSS_FILES_NONE ? &files->whole : files_writer_at(files, writer);
}

void files_component_fail(struct vss_backup_files *files, uint32_t index, const char *format, ...)
{
	struct files_component *component = files_component_at(files, index);
	struct vss_error text;
	va_list args;

	component->failed = true;
	if (component->reason)
		return;
	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	component->reason = strdup(text.text);
}

static vss_result no_component(struct vss_backup_files *files, uint32_t index)
{
	vss_error_set(&files->error, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "the list has no component %u, only %zu in all",
		      index, files->components.count);
	return VSS_E_OBJECT_NOT_FOUND;
}

uint32_t vss_backup_files_component_count(const struct vss_backup_files *files)
{
	return (uint32_t)files->components.count;
}

vss_result vss_backup_files_get_component(struct vss_backup_files *files, uint32_t index,
					  struct vss_backup_files_component *out)
{
	const struct files_component *component;

	if (index >= files->components.count)
		return no_component(files, index);
	component = files_component_at(files, index);
	*out = (struct vss_backup_files_component) {
		.instance_id = component->instance_id,
		.writer_id = component->writer_id,
		.type = component->type,
		.logical_path = component->path,
		.component_name = component->name,
		.files = component->files,
		.bytes = component->bytes,
		.failed = component->failed,
		.reason = component->reason ? component->reason : "",
	};
	return S_OK;
}

vss_result vss_backup_files_fail(struct vss_backup_files *files, uint32_t index, const char *reason)
{
	if (index >= files->components.count)
		return no_component(files, index);
	files_component_fail(files, index, "%s", reason ? reason : "");
	return S_OK;
}

vss_result vss_backup_files_set_backup_succeeded(struct vss_backup_files *files, struct vss_backup_components *bc)
{
	if (!files->ended) {
		vss_error_set(&files->error, -EBUSY, VSS_E_BAD_STATE,
			      "the list of files was not read to its end, so nothing is known of its components");
		return VSS_E_BAD_STATE;
	}
	for (size_t i = 0; i < files->components.count; i++) {
		const struct files_component *c = files_component_at(files, i);
		vss_result result;

		if (!c->name)
			continue;
		result = vss_backup_components_set_backup_succeeded(bc, &c->instance_id, &c->writer_id, c->type,
								    c->path, c->name, !c->failed);
		if (VSS_FAILED(result)) {
			files->error = *vss_backup_components_error(bc);
			return result;
		}
	}
	return S_OK;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The walk through the copies, one set of files after another.
 *
 * The folders from that of the set down to where the walk is are a stack; each
 * has all its entries in memory, in the order of their names, and nothing open.
 * So the depth is limited by the length of a path alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backup-files.h"
#include "cleanup.h"
#include "path.h"

/* ---- folders ---- */

static void free_folder(struct files_folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		free(folder->entries[i].name);
	free(folder->entries);
	free(folder->path);
	free(folder->real);
	free(folder);
}

static struct files_folder *innermost(struct vss_backup_files *files)
{
	struct files_folder **folders = files->folders.items;

	return files->folders.count ? folders[files->folders.count - 1] : NULL;
}

static void leave_folder(struct vss_backup_files *files)
{
	free_folder(innermost(files));
	files->folders.count--;
}

void files_walk_clear(struct vss_backup_files *files)
{
	while (files->folders.count)
		leave_folder(files);
	free(files->folders.items);
}

static struct files_set *current_set(struct vss_backup_files *files)
{
	return files_set_at(files, files->set);
}

static bool is_excluded_whole(struct vss_backup_files *files, const struct files_folder *folder)
{
	const struct files_writer *writer = files_writer_of(files, current_set(files)->component);

	return vss_file_sets_cover_all(writer->excluded, folder->path) ||
	       vss_file_sets_cover_all(writer->excluded, folder->real) ||
	       vss_file_sets_cover_all(files->excluded, folder->path) ||
	       vss_file_sets_cover_all(files->excluded, folder->real);
}

static bool is_excluded(struct vss_backup_files *files, const struct files_folder *folder, const char *name)
{
	const struct files_writer *writer = files_writer_of(files, current_set(files)->component);

	return vss_file_sets_cover(writer->excluded, folder->path, name) ||
	       vss_file_sets_cover(writer->excluded, folder->real, name) ||
	       vss_file_sets_cover(files->excluded, folder->path, name) ||
	       vss_file_sets_cover(files->excluded, folder->real, name);
}

static void fill_entry(struct files_entry *entry, const struct stat *st)
{
	entry->mode = st->st_mode;
	entry->size = S_ISREG(st->st_mode) || S_ISLNK(st->st_mode) ? (uint64_t)st->st_size : 0;
	entry->modified = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct files_entry *)a)->name, ((const struct files_entry *)b)->name);
}

static void fail_folder(struct vss_backup_files *files, const struct files_folder *folder, const char *name, int code)
{
	/* The path comes last: it may be of any length. */
	files_component_fail(files, current_set(files)->component, "in the shadow copy that is mounted at %s: %s: %s%s%s",
			     files_volume_at(files, folder->place.volume)->copy,
			     code == EXDEV ? "something else is mounted there, unmount it" : strerror(code),
			     folder->path, name ? "/" : "", name ? name : "");
}

/* Read what is in the open directory; what cannot be is a failure of the component. */
static vss_result read_entries(struct vss_backup_files *files, struct files_folder *folder, DIR *dir)
{
	struct vss_list list = { .item_size = sizeof(struct files_entry) };
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		struct files_entry *added;
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) {
			fail_folder(files, folder, entry->d_name, errno);
			continue;
		}
		added = vss_list_add(&list);
		if (added)
			added->name = strdup(entry->d_name);
		folder->entries = list.items;
		folder->count = list.count;
		if (!added || !added->name)
			return files_no_memory(files);
		fill_entry(added, &st);
	}
	if (errno)
		fail_folder(files, folder, NULL, errno);
	if (folder->count)
		qsort(folder->entries, folder->count, sizeof(*folder->entries), by_name);
	return S_OK;
}

/* Open the folder at its place.  What is excluded as a whole stays without entries. */
static vss_result read_folder(struct vss_backup_files *files, struct files_folder *folder)
{
	_cleanup_fd_ int fd = files_open(files, &folder->place, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	_cleanup_dir_ DIR *dir = NULL;
	struct stat st;

	if (fd < 0) {
		fail_folder(files, folder, NULL, -fd);
		return S_OK;
	}
	if (fstat(fd, &st)) {
		fail_folder(files, folder, NULL, errno);
		return S_OK;
	}
	fill_entry(&folder->self, &st);
	if (is_excluded_whole(files, folder))
		return S_OK;
	dir = fdopendir(fd);
	if (!dir) {
		fail_folder(files, folder, NULL, errno);
		return S_OK;
	}
	(void)keep_fd(fd);
	return read_entries(files, folder, dir);
}

/* A folder of these paths and this place, on the stack; NULL: no memory. */
static struct files_folder *push(struct vss_backup_files *files, const char *path, const char *real,
				 const struct files_place *place)
{
	struct files_folder *folder = calloc(1, sizeof(*folder)), **slot;

	if (!folder)
		return NULL;
	folder->path = strdup(path);
	folder->real = strdup(real);
	folder->place = *place;
	slot = folder->path && folder->real ? vss_list_add(&files->folders) : NULL;
	if (!slot) {
		free_folder(folder);
		return NULL;
	}
	*slot = folder;
	return folder;
}

/* Into a folder of the innermost one. */
static vss_result enter(struct vss_backup_files *files, const struct files_entry *entry)
{
	struct files_folder *above = innermost(files), *folder;
	char path[PATH_MAX], real[PATH_MAX];
	struct files_place place;
	uint32_t mounted;

	place.volume = above->place.volume;
	if (!vss_path_join(path, above->path, entry->name) || !vss_path_join(real, above->real, entry->name) ||
	    !vss_path_join(place.inside, above->place.inside, entry->name) ||
	    !vss_path_join(place.original, above->place.original, entry->name)) {
		fail_folder(files, above, entry->name, ENAMETOOLONG);
		return S_OK;
	}
	mounted = files_mounted_at(files, place.original);
	if (mounted != VSS_FILES_NONE && files_volume_at(files, mounted)->copy) {
		place.volume = mounted;
		strcpy(place.inside, files_volume_at(files, mounted)->folder);
		files_volume_at(files, mounted)->walked = true;
	}
	folder = push(files, path, real, &place);
	if (!folder)
		return files_no_memory(files);
	folder->self.mode = entry->mode;
	folder->self.modified = entry->modified;
	/* Of a volume without a copy the mount point is all there is. */
	if (mounted != VSS_FILES_NONE && !files_volume_at(files, mounted)->copy)
		return S_OK;
	return read_folder(files, folder);
}

/* ---- sets ---- */

static bool takes_all(const struct files_set *set)
{
	return !set->filespec[strspn(set->filespec, "*")];
}

/* Whole volumes are walked once each. */
static bool came_already(struct vss_backup_files *files, const struct files_folder *folder, const char *name)
{
	return files->state.select_components &&
	       vss_file_sets_cover(files_writer_of(files, current_set(files)->component)->listed, folder->path, name);
}

/* Why there is nothing where a set of files should be. */
static void not_found(struct vss_backup_files *files, enum files_found found, const char *path)
{
	uint32_t component = current_set(files)->component;

	if (found == FILES_OUTSIDE)
		files_component_fail(files, component,
				     "its folder %s lies on no volume that a shadow copy was given of; add the volume, "
				     "or leave the component out", path);
	else if (found == FILES_FAILED)
		files_component_fail(files, component, "its folder %s cannot be found in the shadow copies: %s", path,
				     strerror(errno));
}

/*
 * Has a whole volume come with the one that it is mounted below, or is it excluded with the
 * folder that it is mounted in?  Below a volume that has no copy the walk does not get.
 */
static bool volume_is_done(const struct vss_backup_files *files, const char *mount_point)
{
	uint32_t volume = files_mounted_at(files, mount_point);
	char folder[PATH_MAX];

	if (volume != VSS_FILES_NONE && files_volume_at(files, volume)->walked)
		return true;
	strcpy(folder, mount_point);
	return vss_path_up(folder) && (vss_file_sets_cover_all(files->whole.excluded, folder) ||
				       vss_file_sets_cover_all(files->excluded, folder));
}

/* Begin the walk of the current set; nothing is on the stack when there is nothing in it. */
static vss_result begin_set(struct vss_backup_files *files)
{
	struct files_set *set = current_set(files);
	const char *source = set->from ? set->from : set->path;
	struct files_place place, normal;
	struct files_folder *folder;
	enum files_found found;
	vss_result result;

	if (!files->state.select_components && volume_is_done(files, set->path))
		return S_OK;
	found = files_find(files, source, &place);
	if (found != FILES_FOUND) {
		not_found(files, found, source);
		return S_OK;
	}
	normal = place;
	if (set->from)
		files_find(files, set->path, &normal);
	folder = push(files, set->path, normal.original, &place);
	if (!folder)
		return files_no_memory(files);
	result = read_folder(files, folder);
	/* It could not even be opened. */
	if (!result && !S_ISDIR(folder->self.mode))
		folder->listed = true;
	return result;
}

static vss_result end_set(struct vss_backup_files *files)
{
	struct files_set *set = current_set(files);

	if (!vss_file_sets_add(files_writer_of(files, set->component)->listed, set->path, set->filespec,
			       set->recursive))
		return files_no_memory(files);
	files->set++;
	return S_OK;
}

/* Of a differenced file: has it changed since the backup that this one builds on? */
static bool has_changed(const struct vss_backup_files *files, const struct files_set *set,
			const struct files_entry *entry)
{
	if (!set->differenced || !files->last_backup)
		return true;
	if (set->last_modify_time)
		return set->last_modify_time > files->last_backup;
	return entry->modified >= 0 && (uint64_t)entry->modified > files->last_backup;
}

static bool is_wanted(struct vss_backup_files *files, const struct files_folder *folder,
		      const struct files_entry *entry)
{
	const struct files_set *set = current_set(files);

	return vss_wildcard_matches(set->filespec, entry->name) && has_changed(files, set, entry) &&
	       !is_excluded(files, folder, entry->name) && !came_already(files, folder, entry->name);
}

/* ---- what is given out ---- */

static bool give(struct vss_backup_files *files, struct vss_backup_file *file, const struct files_folder *folder,
		 const struct files_entry *entry, const char *name)
{
	const struct files_set *set = current_set(files);
	struct files_component *component = files_component_at(files, set->component);
	char inside[PATH_MAX];

	if (!vss_path_join(files->path, folder->path, name) || !vss_path_join(inside, folder->place.inside, name) ||
	    !vss_path_join(files->source, files_volume_at(files, folder->place.volume)->copy, inside)) {
		fail_folder(files, folder, name, ENAMETOOLONG);
		return false;
	}
	*file = (struct vss_backup_file) {
		.path = files->path,
		.source = files->source,
		.component = set->component,
		.mode = entry->mode,
		.size = entry->size,
		.modified = entry->modified,
	};
	if (component->partial && S_ISREG(entry->mode))
		file->ranges = xmlHashLookup(component->partial, (const xmlChar *)files->path);
	component->files++;
	component->bytes += entry->size;
	return true;
}

/* A folder comes once, whatever sets lead into it. */
static vss_result give_folder(struct vss_backup_files *files, struct vss_backup_file *file,
			      struct files_folder *folder, bool *given)
{
	xmlHashTable *folders = files_writer_of(files, current_set(files)->component)->folders;

	folder->listed = true;
	if (xmlHashLookup(folders, (const xmlChar *)folder->path))
		return S_OK;
	if (xmlHashAddEntry(folders, (const xmlChar *)folder->path, files))
		return files_no_memory(files);
	*given = give(files, file, folder, &folder->self, "");
	return S_OK;
}

/* The outermost folder on the way that has not been listed, if any. */
static struct files_folder *first_unlisted(struct vss_backup_files *files)
{
	struct files_folder **folders = files->folders.items;

	for (size_t i = 0; i < files->folders.count; i++)
		if (!folders[i]->listed)
			return folders[i];
	return NULL;
}

/* One step; @given when it came to something to give out. */
static vss_result step(struct vss_backup_files *files, struct vss_backup_file *file, bool *given)
{
	const struct files_set *set = current_set(files);
	struct files_folder *folder = innermost(files), *unlisted;
	const struct files_entry *entry;

	if (!folder->listed && takes_all(set) && !set->differenced)
		return give_folder(files, file, folder, given);
	if (folder->next == folder->count) {
		leave_folder(files);
		return files->folders.count ? S_OK : end_set(files);
	}
	entry = &folder->entries[folder->next];
	if (S_ISDIR(entry->mode)) {
		folder->next++;
		return set->recursive ? enter(files, entry) : S_OK;
	}
	if (!is_wanted(files, folder, entry)) {
		folder->next++;
		return S_OK;
	}
	/* The folders that lead to it come first, each in a step of its own. */
	unlisted = first_unlisted(files);
	if (unlisted)
		return give_folder(files, file, unlisted, given);
	folder->next++;
	*given = give(files, file, folder, entry, entry->name);
	return S_OK;
}

vss_result files_walk(struct vss_backup_files *files, struct vss_backup_file *file)
{
	vss_result result = S_OK;
	bool given = false;

	while (!result && !given) {
		if (files->folders.count) {
			result = step(files, file, &given);
			continue;
		}
		if (files->set == files->sets.count)
			return S_FALSE;
		result = begin_set(files);
		/* Nothing there. */
		if (!result && !files->folders.count)
			result = end_set(files);
	}
	return result;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Does a path lie on a volume of the shadow copy set?
 *
 * The path is brought to its real form, the mount table tells its file system,
 * and the file system counts as inside when each of its devices is a volume of
 * the set or lies wholly on some: a logical volume that has only one of its two
 * disks in the set is not in the shadow copy.
 *
 * Between Freeze and Thaw no file system is asked: a path that was asked about
 * since PrepareSnapshot keeps its answer, for others symbolic links are not
 * followed.
 */
#include <errno.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "path.h"
#include "writer.h"

struct vss_writer_known_path {
	char *path;
	char *real;
};

static void to_devno(dev_t dev, struct vss_devno *devno)
{
	devno->major = major(dev);
	devno->minor = minor(dev);
}

static size_t fs_of(const struct vss_stack *stack, dev_t dev)
{
	for (size_t i = 0; i < stack->fs_count; i++)
		if (stack->fss[i].dev.major == major(dev) && stack->fss[i].dev.minor == minor(dev))
			return i;
	return VSS_STACK_NONE;
}

bool vss_writer_volume_devno(const char *name, struct vss_devno *dev)
{
	struct stat st;

	if (stat(name, &st))
		return false;
	to_devno(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, dev);
	return true;
}

/* ---- the picture ---- */

struct walk {
	const struct vss_stack *stack;
	const bool *member;		/* by device */
};

static bool fs_inside(const struct walk *walk, size_t fs, int depth);

static bool dev_inside(const struct walk *walk, size_t index, int depth)
{
	const struct vss_stack_dev *dev = &walk->stack->devs[index];

	if (walk->member[index])
		return true;
	/* Deeper than any stack: the picture was taken while it changed. */
	if (depth > 64)
		return false;
	if (dev->disk != VSS_STACK_NONE)
		return dev_inside(walk, dev->disk, depth + 1);
	if (dev->backing_fs != VSS_STACK_NONE)
		return fs_inside(walk, dev->backing_fs, depth + 1);
	for (size_t i = 0; i < dev->slave_count; i++)
		if (!dev_inside(walk, dev->slaves[i], depth + 1))
			return false;
	return dev->slave_count;
}

static bool fs_inside(const struct walk *walk, size_t index, int depth)
{
	const struct vss_stack_fs *fs = &walk->stack->fss[index];

	for (size_t i = 0; i < fs->dev_count; i++)
		if (!dev_inside(walk, fs->devs[i], depth + 1))
			return false;
	return fs->dev_count;
}

static int mark_inside(struct vss_writer_paths *paths, const struct vss_devno *volumes, uint32_t count)
{
	const struct vss_stack *stack = &paths->stack;
	_cleanup_free_ bool *member = calloc(stack->dev_count + 1, sizeof(*member));
	struct walk walk = { .stack = stack, .member = member };

	paths->inside = calloc(stack->fs_count + 1, sizeof(*paths->inside));
	if (!member || !paths->inside)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		size_t index = vss_stack_find(stack, volumes[i]);

		if (index != VSS_STACK_NONE)
			member[index] = true;
	}
	for (size_t i = 0; i < stack->fs_count; i++)
		paths->inside[i] = fs_inside(&walk, i, 0);
	return 0;
}

int vss_writer_paths_load(struct vss_writer_paths *paths, const struct vss_stack_source *source,
			  const struct vss_devno *volumes, uint32_t count)
{
	int ret;

	memset(paths, 0, sizeof(*paths));
	paths->known.item_size = sizeof(struct vss_writer_known_path);
	paths->mounts = mnt_new_table();
	if (!paths->mounts)
		return -ENOMEM;
	ret = mnt_table_parse_file(paths->mounts, source->mountinfo);
	if (ret > 0)
		ret = -EINVAL;
	if (!ret)
		ret = vss_stack_load(source, &paths->stack);
	if (!ret)
		ret = mark_inside(paths, volumes, count);
	if (ret)
		vss_writer_paths_clear(paths);
	else
		paths->loaded = true;
	return ret;
}

int vss_writer_paths_load_names(struct vss_writer_paths *paths, char *const *names, uint32_t count)
{
	_cleanup_free_ struct vss_devno *volumes = calloc(count + 1, sizeof(*volumes));
	uint32_t found = 0;

	if (!volumes)
		return -ENOMEM;
	/* Device nodes are on no volume of any set. */
	for (uint32_t i = 0; i < count; i++)
		if (vss_writer_volume_devno(names[i], &volumes[found]))
			found++;
	return vss_writer_paths_load(paths, &vss_stack_system, volumes, found);
}

void vss_writer_paths_clear(struct vss_writer_paths *paths)
{
	struct vss_writer_known_path *known = paths->known.items;

	for (size_t i = 0; i < paths->known.count; i++) {
		free(known[i].path);
		free(known[i].real);
	}
	free(known);
	free(paths->inside);
	mnt_unref_table(paths->mounts);
	vss_stack_clear(&paths->stack);
	memset(paths, 0, sizeof(*paths));
}

/* ---- paths ---- */

/*
 * The path without symbolic links, so far as it exists: what does not exist yet
 * would come into being below the last folder that does.
 */
static char *real_path(const char *path)
{
	_cleanup_free_ char *existing = strdup(path);
	char *real = NULL, *whole = NULL;

	if (!existing)
		return NULL;
	while (!(real = realpath(existing, NULL))) {
		char *slash = strrchr(existing, '/');

		if (errno == ENOMEM || !slash)
			return NULL;
		if (slash == existing) {
			real = strdup("/");
			break;
		}
		*slash = '\0';
	}
	if (!real)
		return NULL;
	if (asprintf(&whole, "%s%s", real, path + strlen(existing)) < 0)
		whole = NULL;
	free(real);
	if (whole)
		vss_path_normalise(whole);
	return whole;
}

/* As real_path(), remembering; between Freeze and Thaw from memory, or by the text in @path. */
static const char *known_path(struct vss_writer_paths *paths, char *path)
{
	struct vss_writer_known_path *known = paths->known.items;
	char *copy, *real;

	for (size_t i = 0; i < paths->known.count; i++)
		if (!strcmp(known[i].path, path))
			return known[i].real;
	if (paths->memory_only) {
		vss_path_normalise(path);
		return path;
	}
	copy = strdup(path);
	real = copy ? real_path(path) : NULL;
	known = real ? vss_list_add(&paths->known) : NULL;
	if (!known) {
		free(copy);
		free(real);
		return NULL;
	}
	known->path = copy;
	known->real = real;
	return real;
}

/*
 * The mount that a path is on: the longest mount point, of several the last.
 * libmount's own search would ask the file systems.
 */
static struct libmnt_fs *find_mount(struct vss_writer_paths *paths, const char *path)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs, *best = NULL;
	size_t longest = 0;

	while (iter && !mnt_table_next_fs(paths->mounts, iter, &fs)) {
		const char *target = mnt_fs_get_target(fs);
		size_t length = target ? strlen(target) : 0;

		if (length && length >= longest && vss_path_below(path, target)) {
			best = fs;
			longest = length;
		}
	}
	mnt_free_iter(iter);
	return best;
}

bool vss_writer_paths_affected(struct vss_writer_paths *paths, const char *path)
{
	char full[PATH_MAX];
	struct libmnt_fs *mount;
	const char *real;
	size_t fs;

	if (strpbrk(path, "*?") || !vss_path_expand(path, full) || full[0] != '/')
		return false;
	real = known_path(paths, full);
	if (!real)
		return false;
	mount = find_mount(paths, real);
	if (!mount)
		return false;
	fs = fs_of(&paths->stack, mnt_fs_get_devno(mount));
	return fs != VSS_STACK_NONE && paths->inside[fs];
}

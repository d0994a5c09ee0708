// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which block device and which file system lies on which.
 */
#include <dirent.h>
#include <errno.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "list.h"
#include "stack.h"

const struct vss_stack_source vss_stack_system = {
	.sysfs = "/sys",
	.mountinfo = "/proc/self/mountinfo",
	.swaps = "/proc/swaps",
};

/* What is needed while the picture is being taken. */
struct loader {
	const struct vss_stack_source *source;
	struct vss_stack *stack;
	struct libmnt_table *table;
};

size_t vss_stack_find(const struct vss_stack *stack, struct vss_devno dev)
{
	for (size_t i = 0; i < stack->dev_count; i++)
		if (stack->devs[i].dev.major == dev.major && stack->devs[i].dev.minor == dev.minor)
			return i;
	return VSS_STACK_NONE;
}

static size_t find_name(const struct vss_stack *stack, const char *name)
{
	for (size_t i = 0; i < stack->dev_count; i++)
		if (!strcmp(stack->devs[i].name, name))
			return i;
	return VSS_STACK_NONE;
}

static int add_index(size_t **indexes, size_t *count, size_t index)
{
	size_t *grown;

	for (size_t i = 0; i < *count; i++)
		if ((*indexes)[i] == index)
			return 0;
	grown = reallocarray(*indexes, *count + 1, sizeof(**indexes));
	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = index;
	*indexes = grown;
	return 0;
}

static int load_devs(struct loader *loader)
{
	struct vss_list list = { .item_size = sizeof(struct vss_stack_dev) };
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/class/block", loader->source->sysfs);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct vss_stack_dev *dev;
		struct vss_devno number;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(dev->name) ||
		    vss_sysfs_devno(loader->source->sysfs, entry->d_name, &number))
			continue;
		dev = vss_list_add(&list);
		if (!dev) {
			ret = -ENOMEM;
			break;
		}
		strcpy(dev->name, entry->d_name);
		dev->dev = number;
		dev->disk = VSS_STACK_NONE;
		dev->backing_fs = VSS_STACK_NONE;
	}
	loader->stack->devs = list.items;
	loader->stack->dev_count = list.count;
	return ret;
}

static int link_slaves(struct loader *loader, struct vss_stack_dev *dev)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/class/block/%s/slaves", loader->source->sysfs,
		 dev->name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		size_t slave = find_name(loader->stack, entry->d_name);

		if (slave != VSS_STACK_NONE &&
		    add_index(&dev->slaves, &dev->slave_count, slave))
			return -ENOMEM;
	}
	return 0;
}

static int link_devs(struct loader *loader)
{
	for (size_t i = 0; i < loader->stack->dev_count; i++) {
		struct vss_stack_dev *dev = &loader->stack->devs[i];
		char disk[VSS_SYSFS_NAME_SIZE];

		if (!vss_sysfs_disk(loader->source->sysfs, dev->name, disk))
			dev->disk = find_name(loader->stack, disk);
		if (link_slaves(loader, dev))
			return -ENOMEM;
	}
	return 0;
}

/* Index of the device that a path such as "/dev/vda1" names. */
static size_t find_path(struct loader *loader, const char *path)
{
	const char *base = strrchr(path, '/');
	struct stat st;
	size_t index;

	if (!stat(path, &st) && S_ISBLK(st.st_mode)) {
		index = vss_stack_find(loader->stack,
				       (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) });
		if (index != VSS_STACK_NONE)
			return index;
	}
	/* No such node in this file system tree: the name may still be right. */
	return base ? find_name(loader->stack, base + 1) : VSS_STACK_NONE;
}

/* Add the device that an option such as "logdev=/dev/vdb1" names. */
static int add_option_dev(struct loader *loader, struct vss_stack_fs *fs,
			  struct libmnt_fs *mount, const char *option)
{
	char path[PATH_MAX];
	size_t size;
	char *value;
	size_t index;

	if (mnt_fs_get_option(mount, option, &value, &size) || size >= sizeof(path))
		return 0;
	memcpy(path, value, size);
	path[size] = '\0';
	index = find_path(loader, path);
	return index == VSS_STACK_NONE ? 0 : add_index(&fs->devs, &fs->dev_count, index);
}

/* All devices of the btrfs that @fs's one known device belongs to. */
static int add_btrfs_devs(struct loader *loader, struct vss_stack_fs *fs)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;

	if (!fs->dev_count)
		return 0;
	snprintf(path, sizeof(path), "%s/fs/btrfs", loader->source->sysfs);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		const char *name = loader->stack->devs[fs->devs[0]].name;
		_cleanup_dir_ DIR *members = NULL;
		struct dirent *member;
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/fs/btrfs/%s/devices/%s",
			 loader->source->sysfs, entry->d_name, name);
		if (lstat(path, &st))
			continue;
		*strrchr(path, '/') = '\0';
		members = opendir(path);
		while (members && (member = readdir(members))) {
			size_t index = find_name(loader->stack, member->d_name);

			if (index != VSS_STACK_NONE &&
			    add_index(&fs->devs, &fs->dev_count, index))
				return -ENOMEM;
		}
		return 0;
	}
	return 0;
}

static struct vss_stack_fs *get_fs(struct vss_list *list, struct vss_devno dev)
{
	struct vss_stack_fs *fss = list->items;
	struct vss_stack_fs *fs;

	for (size_t i = 0; i < list->count; i++)
		if (fss[i].dev.major == dev.major && fss[i].dev.minor == dev.minor)
			return &fss[i];
	fs = vss_list_add(list);
	if (fs)
		fs->dev = dev;
	return fs;
}

static int add_mount(struct vss_stack_fs *fs, struct libmnt_fs *mount)
{
	struct vss_stack_mount *mounts = reallocarray(fs->mounts, fs->mount_count + 1,
						      sizeof(*mounts));
	const char *root = mnt_fs_get_root(mount);

	if (!mounts)
		return -ENOMEM;
	fs->mounts = mounts;
	mounts[fs->mount_count] = (struct vss_stack_mount) {
		.id = mnt_fs_get_id(mount),
		.target = strdup(mnt_fs_get_target(mount)),
		.root = strdup(root ? root : "/"),
		.read_only = mnt_fs_match_options(mount, "ro") == 1,
	};
	fs->mount_count++;
	return mounts[fs->mount_count - 1].target && mounts[fs->mount_count - 1].root ?
		       0 : -ENOMEM;
}

/* The first sight of a file system: its type and devices. */
static int describe_fs(struct loader *loader, struct vss_stack_fs *fs, struct libmnt_fs *mount)
{
	const char *type = mnt_fs_get_fstype(mount);
	const char *source = mnt_fs_get_srcpath(mount);
	size_t index = vss_stack_find(loader->stack, fs->dev);

	fs->type = strdup(type ? type : "");
	if (!fs->type)
		return -ENOMEM;
	fs->btrfs = !strcmp(fs->type, "btrfs");
	if (index == VSS_STACK_NONE && fs->btrfs && source)
		index = find_path(loader, source);
	if (index != VSS_STACK_NONE && add_index(&fs->devs, &fs->dev_count, index))
		return -ENOMEM;
	if (fs->btrfs)
		return add_btrfs_devs(loader, fs);
	if (!strcmp(fs->type, "xfs"))
		return add_option_dev(loader, fs, mount, "logdev") ?:
		       add_option_dev(loader, fs, mount, "rtdev");
	return 0;
}

static int load_fss(struct loader *loader)
{
	struct vss_list list = { .item_size = sizeof(struct vss_stack_fs) };
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *mount;
	int ret = iter ? 0 : -ENOMEM;

	while (!ret && !mnt_table_next_fs(loader->table, iter, &mount)) {
		dev_t number = mnt_fs_get_devno(mount);
		struct vss_devno dev = { major(number), minor(number) };
		struct vss_stack_fs *fs = get_fs(&list, dev);

		if (!fs)
			ret = -ENOMEM;
		else if (!fs->type)
			ret = describe_fs(loader, fs, mount);
		if (!ret)
			ret = add_mount(fs, mount);
	}
	mnt_free_iter(iter);
	loader->stack->fss = list.items;
	loader->stack->fs_count = list.count;
	return ret;
}

/* The file system that holds @path, by the deepest mount point above it. */
static size_t fs_of_path(const struct vss_stack *stack, const char *path)
{
	size_t found = VSS_STACK_NONE;
	size_t deepest = 0;

	for (size_t i = 0; i < stack->fs_count; i++) {
		for (size_t j = 0; j < stack->fss[i].mount_count; j++) {
			const char *target = stack->fss[i].mounts[j].target;
			size_t size = strlen(target);

			if (size == 1)
				size = 0;	/* "/" */
			/* Of two mounts on one place the later one hides the other. */
			if (!strncmp(path, target, size) && path[size] == '/' &&
			    size >= deepest) {
				deepest = size;
				found = i;
			}
		}
	}
	return found;
}

static void link_loops(struct loader *loader)
{
	static const char deleted[] = " (deleted)";

	for (size_t i = 0; i < loader->stack->dev_count; i++) {
		struct vss_stack_dev *dev = &loader->stack->devs[i];
		char path[PATH_MAX];
		size_t size;

		if (vss_sysfs_attr(loader->source->sysfs, dev->name, "loop/backing_file", path,
				   sizeof(path)))
			continue;
		size = strlen(path);
		if (size >= sizeof(deleted) &&
		    !strcmp(path + size - (sizeof(deleted) - 1), deleted))
			path[size - (sizeof(deleted) - 1)] = '\0';
		dev->backing_fs = fs_of_path(loader->stack, path);
	}
}

static void mark_swap(struct loader *loader)
{
	_cleanup_file_ FILE *file = fopen(loader->source->swaps, "re");
	char line[PATH_MAX];

	while (file && fgets(line, sizeof(line), file)) {
		char *end = strchr(line, ' ');
		size_t index;

		if (line[0] != '/' || !end)
			continue;
		*end = '\0';
		index = find_path(loader, line);
		if (index != VSS_STACK_NONE)
			loader->stack->devs[index].swap = true;
	}
}

int vss_stack_load(const struct vss_stack_source *source, struct vss_stack *stack)
{
	struct loader loader = { .source = source, .stack = stack };
	int ret;

	memset(stack, 0, sizeof(*stack));
	loader.table = mnt_new_table();
	if (!loader.table)
		return -ENOMEM;
	ret = mnt_table_parse_file(loader.table, source->mountinfo);
	if (ret > 0)
		ret = -EINVAL;
	if (!ret)
		ret = load_devs(&loader);
	if (!ret)
		ret = link_devs(&loader);
	if (!ret)
		ret = load_fss(&loader);
	if (!ret) {
		link_loops(&loader);
		mark_swap(&loader);
	}
	mnt_unref_table(loader.table);
	if (ret)
		vss_stack_clear(stack);
	return ret;
}

void vss_stack_clear(struct vss_stack *stack)
{
	for (size_t i = 0; i < stack->dev_count; i++)
		free(stack->devs[i].slaves);
	for (size_t i = 0; i < stack->fs_count; i++) {
		struct vss_stack_fs *fs = &stack->fss[i];

		for (size_t j = 0; j < fs->mount_count; j++) {
			free(fs->mounts[j].target);
			free(fs->mounts[j].root);
		}
		free(fs->mounts);
		free(fs->devs);
		free(fs->type);
	}
	free(stack->devs);
	free(stack->fss);
	memset(stack, 0, sizeof(*stack));
}

bool vss_stack_is_partition_of(const struct vss_stack *stack, size_t part, size_t disk)
{
	return stack->devs[part].disk == disk;
}

/* @depth guards against a mount table that changed while it was read. */
static bool lies_on(const struct vss_stack *stack, size_t upper, size_t lower, int depth)
{
	const struct vss_stack_dev *dev = &stack->devs[upper];

	if (depth > 64)
		return false;
	if (dev->disk != VSS_STACK_NONE &&
	    (dev->disk == lower || lies_on(stack, dev->disk, lower, depth + 1)))
		return true;
	for (size_t i = 0; i < dev->slave_count; i++)
		if (dev->slaves[i] == lower || lies_on(stack, dev->slaves[i], lower, depth + 1))
			return true;
	if (dev->backing_fs != VSS_STACK_NONE) {
		const struct vss_stack_fs *fs = &stack->fss[dev->backing_fs];

		for (size_t i = 0; i < fs->dev_count; i++)
			if (fs->devs[i] == lower || lies_on(stack, fs->devs[i], lower, depth + 1))
				return true;
	}
	return false;
}

bool vss_stack_lies_on(const struct vss_stack *stack, size_t upper, size_t lower)
{
	return lies_on(stack, upper, lower, 0);
}

size_t vss_stack_fs_on(const struct vss_stack *stack, size_t dev)
{
	for (size_t i = 0; i < stack->fs_count; i++)
		if (stack->fss[i].dev_count && stack->fss[i].devs[0] == dev)
			return i;
	return VSS_STACK_NONE;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Block devices as people name them.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "error.h"
#include "list.h"
#include "stack.h"
#include "sysfs.h"

#include <vss/blockdev.h>

#define SYSFS	"/sys"

static const struct tag {
	const char *prefix;
	const char *links;	/* where udev keeps links by this tag */
	const char *probe;	/* libblkid's name of the value */
	bool partition;		/* a property of the partition table's entry */
	bool any_case;
} tags[] = {
	{ "UUID=", "/dev/disk/by-uuid/", "UUID", false, true },
	{ "LABEL=", "/dev/disk/by-label/", "LABEL", false, false },
	{ "PARTUUID=", "/dev/disk/by-partuuid/", "PART_ENTRY_UUID", true, true },
	{ "PARTLABEL=", "/dev/disk/by-partlabel/", "PART_ENTRY_NAME", true, false },
};

static void cleanup_probe_fn(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

static void cleanup_stack_fn(struct vss_stack *stack)
{
	vss_stack_clear(stack);
}

void vss_blockdev_node(const char *name, char *path, size_t size)
{
	char dm_name[VSS_BLOCKDEV_NODE_SIZE];
	struct stat st;

	if (!vss_sysfs_attr(SYSFS, name, "dm/name", dm_name, sizeof(dm_name)) && dm_name[0]) {
		snprintf(path, size, "/dev/mapper/%s", dm_name);
		if (!stat(path, &st))
			return;
	}
	snprintf(path, size, "/dev/%s", name);
	/* "cciss!c0d0" is how sysfs writes "cciss/c0d0". */
	while ((path = strchr(path, '!')))
		*path = '/';
}

/* What is mounted from a device: a btrfs by any of its devices. */
static const struct vss_stack_fs *fs_of(const struct vss_stack *stack, size_t dev)
{
	for (size_t i = 0; i < stack->fs_count; i++)
		for (size_t j = 0; j < stack->fss[i].dev_count; j++)
			if (stack->fss[i].devs[j] == dev && (!j || stack->fss[i].btrfs))
				return &stack->fss[i];
	return NULL;
}

static int describe(const struct vss_stack *stack, size_t index, struct vss_blockdev *blockdev,
		    struct vss_error *err)
{
	const struct vss_stack_dev *dev = &stack->devs[index];
	const struct vss_stack_fs *fs = fs_of(stack, index);
	char path[VSS_BLOCKDEV_NODE_SIZE];

	memset(blockdev, 0, sizeof(*blockdev));
	blockdev->dev = dev->dev;
	strcpy(blockdev->name, dev->name);
	blockdev->size = vss_sysfs_size(SYSFS, dev->name);
	blockdev->swap = dev->swap;
	vss_blockdev_node(dev->name, path, sizeof(path));
	blockdev->path = strdup(path);
	if (fs) {
		blockdev->fstype = strdup(fs->type);
		blockdev->mount_point = strdup(fs->mounts[0].target);
	}
	if (!blockdev->path || (fs && (!blockdev->fstype || !blockdev->mount_point))) {
		vss_blockdev_clear(blockdev);
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int load(struct vss_stack *stack, struct vss_error *err)
{
	int ret = vss_stack_load(&vss_stack_system, stack);

	if (ret)
		return vss_error_errno(err, ret,
				       "cannot read the block devices and mounts of this "
				       "machine: %s", strerror(-ret));
	return 0;
}

/* Does the device carry the tag with this value? */
static bool carries(const char *path, const struct tag *tag, const char *value)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	blkid_probe probe __attribute__((cleanup(cleanup_probe_fn))) = blkid_new_probe();
	const char *found;

	if (fd < 0 || !probe || blkid_probe_set_device(probe, fd, 0, 0))
		return false;
	blkid_probe_enable_superblocks(probe, !tag->partition);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL);
	blkid_probe_enable_partitions(probe, tag->partition);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_safeprobe(probe) || blkid_probe_lookup_value(probe, tag->probe, &found, NULL))
		return false;
	return tag->any_case ? !strcasecmp(found, value) : !strcmp(found, value);
}

/*
 * Look at every device.  Where one that carries the tag lies on another (a
 * mirror on its legs), the upper one is meant.
 */
static int probe_all(const struct vss_stack *stack, const struct tag *tag, const char *value,
		     size_t *found, struct vss_error *err)
{
	*found = VSS_STACK_NONE;
	for (size_t i = 0; i < stack->dev_count; i++) {
		const char *name = stack->devs[i].name;
		char path[VSS_BLOCKDEV_NODE_SIZE];

		if (vss_sysfs_is_image(name) || !vss_sysfs_size(SYSFS, name))
			continue;
		vss_blockdev_node(name, path, sizeof(path));
		if (!carries(path, tag, value))
			continue;
		if (*found == VSS_STACK_NONE || vss_stack_lies_on(stack, i, *found))
			*found = i;
		else if (!vss_stack_lies_on(stack, *found, i))
			return vss_error_set(err, -ENOTUNIQ, E_INVALIDARG,
					     "%s%s is on both /dev/%s and %s; name the device "
					     "itself", tag->prefix, value,
					     stack->devs[*found].name, path);
	}
	if (*found == VSS_STACK_NONE)
		return vss_error_errno(err, -ENOENT, "no block device has %s%s", tag->prefix,
				       value);
	return 0;
}

/* What is at a path, if that is a block device. */
static int peek_path(const char *path, struct vss_devno *dev)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return -ENOENT;
	*dev = (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) };
	return 0;
}

/* What the link of a tag with this value stands for; the link is left in @path. */
static int peek_tag(const struct tag *tag, const char *value, char path[PATH_MAX], struct vss_devno *dev)
{
	char encoded[1024];

	if (blkid_encode_string(value, encoded, sizeof(encoded)) ||
	    (size_t)snprintf(path, PATH_MAX, "%s%s", tag->links, encoded) >= PATH_MAX)
		return -ENOENT;
	return peek_path(path, dev);
}

static int resolve_tag(const struct vss_stack *stack, const struct tag *tag,
		       const char *value, size_t *found, struct vss_error *err)
{
	char path[PATH_MAX];
	struct vss_devno dev;

	if (!*value)
		return vss_error_errno(err, -ENOENT, "%s needs a value", tag->prefix);
	/* A link may be stale or point to an image where the rules are missing. */
	if (!peek_tag(tag, value, path, &dev)) {
		*found = vss_stack_find(stack, dev);
		if (*found != VSS_STACK_NONE && !vss_sysfs_is_image(stack->devs[*found].name) &&
		    carries(path, tag, value))
			return 0;
	}
	return probe_all(stack, tag, value, found, err);
}

/* The file system and mount with this mount id. */
static const struct vss_stack_fs *find_mount(const struct vss_stack *stack, int id,
					     const struct vss_stack_mount **mount)
{
	for (size_t i = 0; i < stack->fs_count; i++) {
		for (size_t j = 0; j < stack->fss[i].mount_count; j++) {
			if (stack->fss[i].mounts[j].id != id)
				continue;
			*mount = &stack->fss[i].mounts[j];
			return &stack->fss[i];
		}
	}
	return NULL;
}

static int resolve_path(const struct vss_stack *stack, const char *name, size_t *found,
			struct vss_error *err)
{
	const struct vss_stack_mount *mount = NULL;
	const struct vss_stack_fs *fs;
	struct statx stx;
	struct stat st;

	if (stat(name, &st) < 0) {
		int code = -errno;

		return vss_error_errno(err, code, "%s: %s", name, strerror(-code));
	}
	if (S_ISBLK(st.st_mode)) {
		*found = vss_stack_find(stack, (struct vss_devno) { major(st.st_rdev),
								    minor(st.st_rdev) });
		if (*found == VSS_STACK_NONE)
			return vss_error_errno(err, -ENODEV, "%s: there is no such device",
					       name);
		return 0;
	}
	if (statx(AT_FDCWD, name, 0, STATX_MNT_ID, &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID))
		return vss_error_errno(err, -errno, "%s: cannot tell its mount", name);
	fs = find_mount(stack, (int)stx.stx_mnt_id, &mount);
	if (!(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) || !fs ||
	    !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return vss_error_set(err, -ENOTBLK, VSS_E_OBJECT_NOT_FOUND,
				       "%s is neither a block device nor a mount point; the "
				       "file system it is on is mounted on %s", name,
				       mount ? mount->target : "a place that is not visible here");
	if (!fs->dev_count)
		return vss_error_set(err, -ENOTBLK, VSS_E_OBJECT_NOT_FOUND,
				       "%s is a mount point of %s, which is not on a block "
				       "device of this machine", name, fs->type);
	*found = fs->devs[0];
	return 0;
}

int vss_blockdev_peek(const char *name, struct vss_devno *dev)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t size = strlen(tags[i].prefix);

		if (!strncmp(name, tags[i].prefix, size))
			return name[size] ? peek_tag(&tags[i], name + size, path, dev) : -ENOENT;
	}
	return peek_path(name, dev);
}

int vss_blockdev_resolve(const char *name, struct vss_blockdev *blockdev,
			 struct vss_error *err)
{
	struct vss_stack stack __attribute__((cleanup(cleanup_stack_fn))) = { 0 };
	size_t found;
	int ret = load(&stack, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t size = strlen(tags[i].prefix);

		if (strncmp(name, tags[i].prefix, size))
			continue;
		ret = resolve_tag(&stack, &tags[i], name + size, &found, err);
		return ret ? ret : describe(&stack, found, blockdev, err);
	}
	ret = resolve_path(&stack, name, &found, err);
	return ret ? ret : describe(&stack, found, blockdev, err);
}

int vss_blockdev_from_devno(struct vss_devno dev, struct vss_blockdev *blockdev,
			    struct vss_error *err)
{
	struct vss_stack stack __attribute__((cleanup(cleanup_stack_fn))) = { 0 };
	size_t found;
	int ret = load(&stack, err);

	if (ret)
		return ret;
	found = vss_stack_find(&stack, dev);
	if (found == VSS_STACK_NONE)
		return vss_error_errno(err, -ENODEV, "there is no block device %u:%u", dev.major,
				       dev.minor);
	return describe(&stack, found, blockdev, err);
}

int vss_blockdev_list(struct vss_blockdev **blockdevs, size_t *count, struct vss_error *err)
{
	struct vss_stack stack __attribute__((cleanup(cleanup_stack_fn))) = { 0 };
	struct vss_list list = { .item_size = sizeof(**blockdevs) };
	int ret = load(&stack, err);

	for (size_t i = 0; !ret && i < stack.dev_count; i++) {
		const char *name = stack.devs[i].name;
		struct vss_blockdev *blockdev;

		if (vss_sysfs_is_image(name) || !vss_sysfs_size(SYSFS, name))
			continue;
		blockdev = vss_list_add(&list);
		ret = blockdev ? describe(&stack, i, blockdev, err) :
				 vss_error_errno(err, -ENOMEM, "out of memory");
	}
	if (ret) {
		vss_blockdev_list_free(list.items, list.count);
		return ret;
	}
	*blockdevs = list.items;
	*count = list.count;
	return 0;
}

void vss_blockdev_clear(struct vss_blockdev *blockdev)
{
	free(blockdev->path);
	free(blockdev->fstype);
	free(blockdev->mount_point);
	memset(blockdev, 0, sizeof(*blockdev));
}

void vss_blockdev_list_free(struct vss_blockdev *blockdevs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_blockdev_clear(&blockdevs[i]);
	free(blockdevs);
}

int vss_blockdev_check_origin(const struct vss_blockdev *blockdev, struct vss_error *err)
{
	char multipath[VSS_SYSFS_NAME_SIZE], node[VSS_BLOCKDEV_NODE_SIZE];

	if (!vss_sysfs_is_path("/sys", blockdev->name, multipath))
		return 0;
	vss_blockdev_node(multipath, node, sizeof(node));
	return vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
			     "%s is a path of the multipath device %s, whose writes pass unseen; use %s instead",
			     blockdev->path, node, node);
}

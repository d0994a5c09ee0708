// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Checking a block device that is to become part of a diff area.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vss_disk.h>
#include <string.h>
#include <unistd.h>

#include "area-device.h"
#include "area-stack.h"
#include "cleanup.h"
#include "error.h"
#include "sysfs.h"

#include <vss/area.h>
#include <vss/blockdev.h>

static void cleanup_probe_fn(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

/* A persistent diff area, which is nothing that blkid knows; one superblock is enough. */
static int check_no_area(int fd, const char *path, struct vss_error *err)
{
	const size_t length = strlen(VSS_DISK_MAGIC);
	char magic[sizeof(VSS_DISK_MAGIC)];

	for (off_t i = 0; i < VSS_DISK_NR_SUPERS; i++) {
		ssize_t n = pread(fd, magic, length, i * VSS_DISK_SUPER_STRIDE);

		if (n < 0)
			return vss_error_errno(err, -EIO, "cannot read %s", path);
		if ((size_t)n == length && !memcmp(magic, VSS_DISK_MAGIC, length))
			return vss_error_errno(err, -EEXIST,
					       "%s holds a persistent diff area, see 'vssctl diff-area "
					       "load'; --force overwrites it, and its snapshots are lost",
					       path);
	}
	return 0;
}

int vss_area_device_check_empty(int fd, const char *path, struct vss_error *err)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe_fn))) = blkid_new_probe();
	const char *type;
	int ret;

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return vss_error_errno(err, -EIO, "cannot read %s", path);
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	/* 1: nothing found; -2: several contradicting things. */
	ret = blkid_do_safeprobe(probe);
	if (ret == 1)
		return check_no_area(fd, path, err);
	if (ret < 0 && ret != -2)
		return vss_error_errno(err, -EIO, "cannot read %s", path);
	if (ret || (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) &&
		    blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL)))
		type = "data of several kinds";
	return vss_error_errno(err, -EEXIST,
			       "%s contains %s, which a diff area would overwrite; wipe it with "
			       "'wipefs -a' or use --force", path, type);
}

static int check_stack(struct vss_devno volume, struct vss_devno dev, struct vss_error *err)
{
	struct vss_stack stack;
	size_t volume_index, dev_index;
	int ret = vss_stack_load(&vss_stack_system, &stack);

	if (ret)
		return vss_error_errno(err, ret,
				       "cannot read the block devices and mounts of this "
				       "machine: %s", strerror(-ret));
	volume_index = vss_stack_find(&stack, volume);
	dev_index = vss_stack_find(&stack, dev);
	if (volume_index == VSS_STACK_NONE || dev_index == VSS_STACK_NONE)
		ret = vss_error_errno(err, -ENODEV, "there is no such block device");
	else
		ret = vss_area_device_stack_check(&stack, volume_index, dev_index, err);
	vss_stack_clear(&stack);
	return ret;
}

int vss_area_device_check(struct vss_devno volume, struct vss_devno dev, bool force,
			  struct vss_error *err)
{
	struct vss_blockdev blockdev __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	_cleanup_fd_ int fd = -1;
	int ret;

	ret = check_stack(volume, dev, err);
	if (ret)
		return ret;
	ret = vss_blockdev_from_devno(dev, &blockdev, err);
	if (ret)
		return ret;
	if (vss_sysfs_is_image(blockdev.name))
		return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
				     "%s is the image of a snapshot and cannot hold a diff area",
				     blockdev.path);
	/* An exclusive open fails for whatever is mounted, swap or part of a stack. */
	fd = open(blockdev.path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return vss_error_errno(err, -EBUSY,
				       "%s is in use (mounted, swap space, or part of another "
				       "device); choose one that is free", blockdev.path);
	if (fd < 0)
		return vss_error_errno(err, -errno, "%s: %s", blockdev.path, strerror(errno));
	return force ? 0 : vss_area_device_check_empty(fd, blockdev.path, err);
}

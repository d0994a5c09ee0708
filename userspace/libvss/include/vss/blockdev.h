/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block devices as people name them.
 */
#ifndef VSS_BLOCKDEV_H
#define VSS_BLOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for the longest device node that is told. */
#define VSS_BLOCKDEV_NODE_SIZE	160

/**
 * struct vss_blockdev - A block device of this machine.
 * @dev: its number
 * @name: kernel name ("vda1", "dm-0")
 * @path: canonical device node ("/dev/vda1", "/dev/mapper/vg-lv")
 * @size: bytes
 * @fstype: what is mounted from it, or NULL
 * @mount_point: where it is mounted (the first place), or NULL
 * @swap: it is used as swap space
 *
 * The strings belong to the struct; vss_blockdev_clear() frees them.
 */
struct vss_blockdev {
	struct vss_devno dev;
	char name[VSS_KERNEL_NAME_SIZE];
	char *path;
	uint64_t size;
	char *fstype;
	char *mount_point;
	bool swap;
};

/**
 * vss_blockdev_resolve() - Find the block device that a name stands for.
 * @name: a device node or a symbolic link to one; a mount point; UUID=...,
 *	LABEL=..., PARTUUID=... or PARTLABEL=...
 * @blockdev: receives the device, to be cleared with vss_blockdev_clear()
 * @err: receives the failure; may be NULL
 *
 * For a tag the link that udev keeps decides, as for mount(8); without one all
 * devices are looked at.  Images of snapshots (/dev/vssN) carry the same tags as
 * their volume; a tag never resolves to one of them.
 *
 * Return: 0; -ENOENT no such path or tag; -ENOTBLK it is neither a block device
 * nor a mount point of a file system on one; -ENOTUNIQ several devices carry
 * the tag; another negative errno.
 */
int vss_blockdev_resolve(const char *name, struct vss_blockdev *blockdev,
			 struct vss_error *err);

/**
 * vss_blockdev_peek() - The device that a name's link stands for, without a look at any.
 * @name: a device node or a symbolic link to one; UUID=..., LABEL=..., PARTUUID=... or
 *	PARTLABEL=...
 * @dev: receives the number
 *
 * For where devices must not be opened, that may be asleep, suspended or gone.  A link
 * may be stale.
 *
 * Return: 0; -ENOENT there is no such link, or it is no block device's.
 */
int vss_blockdev_peek(const char *name, struct vss_devno *dev);

/**
 * vss_blockdev_from_devno() - Describe the block device with a number.
 * @dev: the number
 * @blockdev: receives the device, to be cleared with vss_blockdev_clear()
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -ENODEV there is none; another negative errno.
 */
int vss_blockdev_from_devno(struct vss_devno dev, struct vss_blockdev *blockdev,
			    struct vss_error *err);

/**
 * vss_blockdev_node() - The device node that people know a device by.
 * @name: kernel name ("vda1", "dm-0")
 * @path: receives "/dev/vda1", "/dev/mapper/vg-lv"
 * @size: bytes of @path; VSS_BLOCKDEV_NODE_SIZE is enough
 *
 * Works also for a device that is gone.
 */
void vss_blockdev_node(const char *name, char *path, size_t size);

/**
 * vss_blockdev_check_origin() - Can every write to a device be seen?
 * @blockdev: the device that is to be tracked
 * @err: receives the failure; may be NULL
 *
 * What the kernel module cannot find out by itself.  A path of a multipath
 * device is refused: requests come to it past the block layer's entrance.
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int vss_blockdev_check_origin(const struct vss_blockdev *blockdev, struct vss_error *err);

/**
 * vss_blockdev_list() - All block devices that could be snapshotted.
 * @blockdevs: receives an array for vss_blockdev_list_free()
 * @count: receives the number of its elements
 * @err: receives the failure; may be NULL
 *
 * Left out are devices without content and images of snapshots.
 *
 * Return: 0 or a negative errno.
 */
int vss_blockdev_list(struct vss_blockdev **blockdevs, size_t *count, struct vss_error *err);

/**
 * vss_blockdev_clear() - Free what a struct vss_blockdev owns.
 * @blockdev: the device
 */
void vss_blockdev_clear(struct vss_blockdev *blockdev);

/**
 * vss_blockdev_list_free() - Free a list of block devices.
 * @blockdevs: the array; NULL is allowed
 * @count: its elements
 */
void vss_blockdev_list_free(struct vss_blockdev *blockdevs, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* VSS_BLOCKDEV_H */

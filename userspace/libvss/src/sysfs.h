/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single facts about block devices from sysfs.
 *
 * @sysfs is where it is mounted: "/sys", or a made-up tree in unit tests.
 */
#ifndef VSS_SRC_SYSFS_H
#define VSS_SRC_SYSFS_H

#include <stdbool.h>
#include <vss/kernel.h>

#define VSS_SYSFS_NAME_SIZE	VSS_KERNEL_NAME_SIZE

/* Kernel name of a device.  0 or -ENODEV. */
int vss_sysfs_name(const char *sysfs, struct vss_devno dev, char name[VSS_SYSFS_NAME_SIZE]);

/* Number of the device with a kernel name.  0 or -ENODEV. */
int vss_sysfs_devno(const char *sysfs, const char *name, struct vss_devno *dev);

/* Name of the disk of a partition.  0, or -ENOENT when it is not a partition. */
int vss_sysfs_disk(const char *sysfs, const char *name, char disk[VSS_SYSFS_NAME_SIZE]);

/* Size in bytes, 0 when unknown. */
uint64_t vss_sysfs_size(const char *sysfs, const char *name);

/*
 * First line of an attribute of a block device, such as "dm/name", into @text.
 * 0 or a negative errno.
 */
int vss_sysfs_attr(const char *sysfs, const char *name, const char *attr, char *text,
		   size_t size);

/*
 * Is it, or the disk that it is a partition of, one of the paths of a multipath
 * device, whatever that is called, or of another that works by requests?  Then
 * @multipath receives the kernel name of that device.
 */
bool vss_sysfs_is_path(const char *sysfs, const char *name,
		       char multipath[VSS_SYSFS_NAME_SIZE]);

/* Is it the image of a snapshot, or a partition of one? */
bool vss_sysfs_is_image(const char *name);

#endif /* VSS_SRC_SYSFS_H */

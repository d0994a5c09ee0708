/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which block device and which file system lies on which: a picture of sysfs
 * and of the mount table at one moment.
 *
 * A partition lies on its disk, a device-mapper or md device on its slaves, a
 * file system on its devices (several for btrfs, and for XFS with an external
 * log or a realtime device), a loop device on the file system that holds its
 * backing file.
 */
#ifndef VSS_SRC_STACK_H
#define VSS_SRC_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <vss/kernel.h>

#include "sysfs.h"

/* Where to look; tests use files of their own. */
struct vss_stack_source {
	const char *sysfs;	/* "/sys" */
	const char *mountinfo;	/* "/proc/self/mountinfo" */
	const char *swaps;	/* "/proc/swaps" */
};

extern const struct vss_stack_source vss_stack_system;

struct vss_stack_dev {
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_devno dev;
	size_t disk;			/* of a partition: index of its disk, else SIZE_MAX */
	size_t *slaves;			/* indexes of devices */
	size_t slave_count;
	size_t backing_fs;		/* of a loop device: index, else SIZE_MAX */
	bool swap;
};

/* A mounted file system, however many times it is mounted. */
struct vss_stack_fs {
	struct vss_devno dev;		/* as the mount table gives it: anonymous for btrfs */
	char *type;
	bool btrfs;
	size_t *devs;			/* indexes of devices; the first holds the data */
	size_t dev_count;
	struct vss_stack_mount {
		int id;
		char *target;
		char *root;		/* what of the file system is seen there */
		bool read_only;
	} *mounts;
	size_t mount_count;
};

struct vss_stack {
	struct vss_stack_dev *devs;
	size_t dev_count;
	struct vss_stack_fs *fss;
	size_t fs_count;
};

#define VSS_STACK_NONE	((size_t)-1)

/* Take the picture.  0 or a negative errno. */
int vss_stack_load(const struct vss_stack_source *source, struct vss_stack *stack);

void vss_stack_clear(struct vss_stack *stack);

/* Index of a device, VSS_STACK_NONE if there is none. */
size_t vss_stack_find(const struct vss_stack *stack, struct vss_devno dev);

/*
 * Does device @upper lie on device @lower, at any depth?  Not on itself.  File
 * systems between a loop device and the device of its backing file count.
 */
bool vss_stack_lies_on(const struct vss_stack *stack, size_t upper, size_t lower);

/* Is @part a partition of @disk? */
bool vss_stack_is_partition_of(const struct vss_stack *stack, size_t part, size_t disk);

/* The file system with its data on a device, VSS_STACK_NONE if none is mounted. */
size_t vss_stack_fs_on(const struct vss_stack *stack, size_t dev);

#endif /* VSS_SRC_STACK_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to be frozen, and in which order, for a set of volumes.
 *
 * The kernel module finds the file systems that lie directly on a volume or on
 * a partition of it.  It cannot find btrfs, nor file systems on top of device
 * mapper, md or loop devices that lie on a volume; nor does it know which
 * volume lies on which.  This is worked out here from sysfs and the mount
 * table of the calling process (file systems mounted only in other mount
 * namespaces are not seen).
 */
#ifndef VSS_FREEZE_H
#define VSS_FREEZE_H

#include <stddef.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vss_freeze_plan - What vss_kernel_set_prepare() needs besides the volumes.
 * @levels: for each volume its place in the stack, 0 being the lowest
 * @freezes: file systems to freeze; the plan owns their descriptors
 * @mount_points: where each of them is mounted
 * @freeze_count: elements of @freezes and of @mount_points
 * @notes: remarks for the user, such as swap space on a volume
 * @note_count: elements of @notes
 */
struct vss_freeze_plan {
	uint32_t *levels;
	struct vss_kernel_freeze *freezes;
	char **mount_points;
	size_t freeze_count;
	char **notes;
	size_t note_count;
};

/**
 * vss_freeze_plan_make() - Work out what to freeze.
 * @members: the volumes of the set
 * @count: their number
 * @plan: receives the plan, to be cleared with vss_freeze_plan_clear()
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -EXDEV a btrfs spans devices that are not all in the set;
 * -ELOOP devices are stacked deeper than the kernel module takes; another
 * negative errno.
 */
int vss_freeze_plan_make(const struct vss_devno *members, size_t count,
			 struct vss_freeze_plan *plan, struct vss_error *err);

/**
 * vss_freeze_plan_clear() - Close the descriptors and free the plan's content.
 * @plan: the plan
 */
void vss_freeze_plan_clear(struct vss_freeze_plan *plan);

#ifdef __cplusplus
}
#endif

#endif /* VSS_FREEZE_H */

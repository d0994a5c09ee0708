/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vss/prepare.h with the messages of vssctl.
 */
#ifndef VSSCTL_PREPARE_H
#define VSSCTL_PREPARE_H

#include <vss/prepare.h>

#include "vssctl.h"

/* Tells what happens in words; after vssctl_open_kernel(). */
struct vss_prepare vssctl_preparing(struct vssctl *ctl);

/* Start to track a volume; @chunk and @copy_memory 0 for defaults.  0 or the exit code. */
int vssctl_attach_volume(struct vssctl *ctl, const struct vss_blockdev *volume, uint32_t chunk,
			 uint64_t copy_memory, struct vss_kernel_volume *state);

/*
 * @where: what to use as diff area, NULL to choose; not used if the volume has
 * one.  @size: 0 for a default.  0, or the exit code after the failure was
 * reported; then nothing is left behind.
 */
int vssctl_prepare(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		   uint64_t size, struct vss_prepared *prepared);

void vssctl_unprepare(struct vssctl *ctl, const struct vss_blockdev *volume,
		      struct vss_prepared *prepared);

#endif /* VSSCTL_PREPARE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a volume ready for a snapshot (attached, with room for its diff
 * area), and taking that back if no snapshot comes of it.
 */
#ifndef VSSCTL_PREPARE_H
#define VSSCTL_PREPARE_H

#include "vssctl.h"

struct vssctl_prepared {
	bool attached;			/* by us */
	bool area_added;		/* by us */
	struct vss_kernel_area area;
};

/* Start to track a volume; @chunk and @copy_memory 0 for defaults.  0 or the exit code. */
int vssctl_attach_volume(struct vssctl *ctl, const struct vss_blockdev *volume, uint32_t chunk,
			 uint64_t copy_memory, struct vss_kernel_volume *state);

/*
 * @where: what to use as diff area, NULL to choose; not used if the volume has
 * one.  @size: 0 for a default.  0, or the exit code after the failure was
 * reported; then nothing is left behind.
 */
int vssctl_prepare(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		   uint64_t size, struct vssctl_prepared *prepared);

void vssctl_unprepare(struct vssctl *ctl, const struct vss_blockdev *volume,
		      struct vssctl_prepared *prepared);

#endif /* VSSCTL_PREPARE_H */

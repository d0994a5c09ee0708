/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving a volume room for its diff area, for all subcommands that do.
 */
#ifndef VSSCTL_AREA_H
#define VSSCTL_AREA_H

#include <vss/area.h>

#include "vssctl.h"

/*
 * Each adds one part, reports a failure and gives 0 or the exit code.  @added
 * receives the part, to be cleared with vss_kernel_area_clear().
 */

/* A block device, a new file, or a new file in a directory. */
int vssctl_area_add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		    uint64_t size, bool force, struct vss_kernel_area *added);

/* A file in the best place there is; @size 0 for a default. */
int vssctl_area_add_default(struct vssctl *ctl, const struct vss_blockdev *volume,
			    uint64_t size, struct vss_kernel_area *added);

/* A file of @size bytes beside the last one of the volume. */
int vssctl_area_grow(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size,
		     struct vss_kernel_area *added);

#endif /* VSSCTL_AREA_H */

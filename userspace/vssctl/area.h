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

/* A new file, or a new file in a directory. */
int vssctl_area_add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		    uint64_t size, struct vss_kernel_area *added);

/*
 * The block device that is called @on; @persistent: as a persistent area's first part.  To one
 * that is there it is added anyway.
 */
int vssctl_area_add_device(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on,
			   bool persistent, bool force, struct vss_kernel_area *added);

/* A file in the best place there is; @size 0 for a default. */
int vssctl_area_add_default(struct vssctl *ctl, const struct vss_blockdev *volume,
			    uint64_t size, struct vss_kernel_area *added);

/* A file of @size bytes beside the last one of the volume. */
int vssctl_area_grow(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size,
		     struct vss_kernel_area *added);

/* ---- another size altogether ---- */

/* How to come from the parts that there are to another size. */
struct vssctl_area_plan {
	const struct vss_kernel_area *remove[VSS_MAX_AREA_PARTS];	/* in this order */
	size_t nr_remove;
	const struct vss_kernel_area *cut;	/* a file that is made shorter, NULL for none */
	uint64_t cut_size;			/* what is to be left of it */
	uint64_t grow;				/* a new file of this size */
	uint64_t before, after;			/* the size altogether, with whole MiB */
};

/*
 * Plan for @size bytes; 0 takes all parts away.  Parts go newest first, devices whole.
 * False: devices cannot be cut, and plan->after is what would be left.
 */
bool vssctl_area_plan(const struct vss_kernel_area *areas, size_t count, uint64_t size,
		      struct vssctl_area_plan *plan);

/* Take a file away from a volume's diff area, shorten it and give it back. */
int vssctl_area_cut(struct vssctl *ctl, const struct vss_blockdev *volume,
		    const struct vss_kernel_area *area, uint64_t size);

#endif /* VSSCTL_AREA_H */

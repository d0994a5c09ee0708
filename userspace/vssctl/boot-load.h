/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "vssctl diff-area boot" knows of the table's lines, and how one of them is loaded: the
 * volume is claimed and attached, its diff area read, loaded, and a revert gone on with.
 */
#ifndef VSSCTL_BOOT_LOAD_H
#define VSSCTL_BOOT_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "areas-table.h"
#include "vssctl.h"

/* What the names of a line stand for. */
struct vssctl_boot_row {
	struct vss_blockdev *found;	/* the volume's first */
	struct vss_devno *devs;		/* the same, as numbers */
	size_t nr;
	struct vss_devno parts[VSS_MAX_AREA_PARTS];	/* what is loaded of it */
	size_t nr_parts;
	bool exclusive;			/* nobody else writes the volume */
	bool locked_out;		/* another process attaches or detaches volumes */
	bool done;			/* loaded, or given up */
};

struct vssctl_boot {
	struct vssctl *ctl;
	struct vssctl_areas areas;
	const char *table;
	struct vssctl_boot_row *rows;		/* of each line */
	struct vssctl_areas_devs *devs;	/* of each line: its numbers */
	bool unclean, revert, leave;
	bool probing;			/* names without a link are looked for on all devices */
	struct vss_devno arrived;	/* no other volume; 0:0: all */
	char **names;			/* whom to wait for; none: all */
	int nr_names;
};

/*
 * Load one whose devices are all there, in @row->found and @row->devs.  0, also if it has been loaded before, or
 * the exit code with what is wrong told.  vssctl_lock() is held.
 */
int vssctl_boot_load(struct vssctl_boot *boot, struct vssctl_boot_row *row);

#endif /* VSSCTL_BOOT_LOAD_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of persistent diff areas, /etc/vss/areas: which volume has its area on
 * which devices.  A line for each: the name of the volume, then those of all the area's
 * devices, in any order, with blanks between, as fstab(5) has them, and perhaps the word
 * "exclusive"; empty lines, and comments after "#" at a line's beginning.
 *
 * The names must mean the same devices in the next boot.  Under a wrong pair an area's
 * snapshots are lost for good, and the volume's size may well be right.
 */
#ifndef VSSCTL_AREAS_TABLE_H
#define VSSCTL_AREAS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "vssctl.h"

#define VSSCTL_AREAS_TABLE	"/etc/vss/areas"
/* The volume, and the devices of its area. */
#define VSSCTL_AREAS_NAMES	(1 + VSS_MAX_AREA_PARTS)

struct vssctl_areas_line {
	char **names;		/* the volume's first */
	size_t nr;		/* 2 to VSSCTL_AREAS_NAMES */
	size_t number;		/* in the file, from 1 */
	bool exclusive;		/* the line ends with that word */
};

struct vssctl_areas {
	struct vssctl_areas_line *lines;
	size_t count;
};

/* What the names of a line stand for; 0:0 where that is not there. */
struct vssctl_areas_devs {
	const struct vss_devno *devs;
	size_t nr;
};

/*
 * Read a table.  No file is an empty one.  Bad lines are told and left out, for the
 * others are needed all the same: @bad is set then.  Bad are names that may be another
 * device's in the next boot, and all lines that have a name in common.  0, or the exit code;
 * to be cleared in any case.
 */
int vssctl_areas_read(struct vssctl *ctl, const char *path, struct vssctl_areas *areas, bool *bad);
void vssctl_areas_clear(struct vssctl_areas *areas);

/*
 * The line that has a device in common with line @i, under whichever names: one of the
 * @count others, or @i itself if it names one device twice; @count if there is none.
 */
size_t vssctl_areas_shared(const struct vssctl_areas_devs *devs, size_t count, size_t i);

#endif /* VSSCTL_AREAS_TABLE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of persistent diff areas, /etc/vss/areas: which volume has its area on
 * which device.  A line for each, two names with blanks between, as fstab(5) has
 * them; empty lines, and comments after "#" at a line's beginning.
 */
#ifndef VSSCTL_AREAS_TABLE_H
#define VSSCTL_AREAS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "vssctl.h"

struct vssctl_areas_line {
	char *volume, *device;
};

struct vssctl_areas {
	struct vssctl_areas_line *lines;
	size_t count;
};

/*
 * Read a table.  No file is an empty one.  Bad lines are told and left out, for the
 * others are needed all the same: @bad is set then.  0, or the exit code; to be cleared in
 * any case.
 */
int vssctl_areas_read(struct vssctl *ctl, const char *path, struct vssctl_areas *areas, bool *bad);
void vssctl_areas_clear(struct vssctl_areas *areas);

#endif /* VSSCTL_AREAS_TABLE_H */

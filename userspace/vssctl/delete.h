/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deleting snapshots, for other commands than "delete".
 */
#ifndef VSSCTL_DELETE_H
#define VSSCTL_DELETE_H

#include "vssctl.h"

/* Delete all of a volume, through vssd where it runs.  0, or the exit code after a report. */
int vssctl_delete_of(struct vssctl *ctl, const struct vss_blockdev *volume, bool force);

#endif /* VSSCTL_DELETE_H */

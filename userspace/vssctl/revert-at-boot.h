/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking for a revert at the next boot, of the volume that the running system was started from.
 */
#ifndef VSSCTL_REVERT_AT_BOOT_H
#define VSSCTL_REVERT_AT_BOOT_H

#include "vssctl.h"

/* Record that the volume of a snapshot is to be set back to it.  0 or the exit code. */
int vssctl_revert_at_boot(struct vssctl *ctl, const struct vss_uuid *id);

/* Take that back.  0 or the exit code. */
int vssctl_revert_cancel(struct vssctl *ctl, const struct vss_uuid *id);

#endif /* VSSCTL_REVERT_AT_BOOT_H */

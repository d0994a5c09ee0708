/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for the device node of a snapshot's image.
 */
#ifndef VSSCTL_DEVNODE_H
#define VSSCTL_DEVNODE_H

#include "vssctl.h"

/*
 * The name to tell the user: /dev/vss/by-id/<uuid> where udev makes it, else
 * /dev/vssN.  Warns if there is no node.  A string to free(), NULL when memory
 * is out.
 */
char *vssctl_wait_devnode(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshot);

#endif /* VSSCTL_DEVNODE_H */

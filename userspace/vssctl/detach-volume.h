/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detaching a volume that udev may be looking at.
 */
#ifndef VSSCTL_DETACH_VOLUME_H
#define VSSCTL_DETACH_VOLUME_H

#include "vssctl.h"

/*
 * As vss_kernel_volume_detach(), whose result it returns, with a wait for udev of some seconds at
 * most.  @areas: what the volume's diff area is made of, @count of them.
 */
int vssctl_detach_volume(struct vssctl *ctl, struct vss_devno dev, bool force,
			 const struct vss_kernel_area *areas, size_t count);

#endif /* VSSCTL_DETACH_VOLUME_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes of this machine, for the core.
 */
#ifndef VSSD_VOLUMES_H
#define VSSD_VOLUMES_H

#include "core.h"
#include "stack.h"

struct vssd_volumes vssd_volumes_system(void);

/* Does what is mounted where a system needs it lie on device @volume of @stack? */
bool vssd_volumes_is_system(const struct vss_stack *stack, size_t volume);

/*
 * How to mount an image of a file system: its type as libblkid names it, options for
 * @writable or not.  NULL and @err set for one that cannot be mounted beside its
 * original.
 */
const char *vssd_volumes_mount_options(const char *fstype, bool writable, const char *device,
				       struct vss_error *err);

#endif /* VSSD_VOLUMES_H */

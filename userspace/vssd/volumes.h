/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes of this machine, for the core.
 */
#ifndef VSSD_VOLUMES_H
#define VSSD_VOLUMES_H

#include "core.h"

struct vssd_volumes vssd_volumes_system(void);

/*
 * How to mount an image of a file system: its type as libblkid names it, options for
 * @writable or not.  NULL and @err set for one that cannot be mounted beside its
 * original.
 */
const char *vssd_volumes_mount_options(const char *fstype, bool writable, const char *device,
				       struct vss_error *err);

/* Has a SCSI VPD page 0x83 one of @lun's identifiers of the logical unit? */
bool vssd_volumes_page83_has(const unsigned char *page, size_t size, const struct vss_lun_info *lun);

#endif /* VSSD_VOLUMES_H */

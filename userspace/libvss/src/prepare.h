/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of vss/prepare.h share.
 */
#ifndef VSS_SRC_PREPARE_H
#define VSS_SRC_PREPARE_H

#include <vss/prepare.h>

void vss_prepare_tell(const struct vss_prepare *prepare, enum vss_prepare_event event,
		      const struct vss_blockdev *volume, const struct vss_kernel_area *area,
		      const char *text);

/* Pass on why the last call of the module's handle failed; returns @code. */
int vss_prepare_kernel_error(const struct vss_prepare *prepare, int code, struct vss_error *err);

#endif /* VSS_SRC_PREPARE_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turning what FIEMAP says about a file into extents that may be written
 * below its file system.
 */
#ifndef VSS_SRC_FIEMAP_H
#define VSS_SRC_FIEMAP_H

#include <linux/fiemap.h>
#include <vss/kernel.h>

#include "list.h"

/*
 * Take the next extent of a file.  @logical is where it must begin, for there
 * may be no holes, and is moved behind it.  Adjacent extents become one.
 * 0, -EOPNOTSUPP with the reason in @why, or -ENOMEM.
 */
int vss_fiemap_take(struct vss_list *extents, const struct fiemap_extent *extent,
		    uint64_t *logical, const char **why);

#endif /* VSS_SRC_FIEMAP_H */

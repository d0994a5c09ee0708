/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is looked for on a device before a diff area overwrites it.
 */
#ifndef VSS_SRC_AREA_DEVICE_H
#define VSS_SRC_AREA_DEVICE_H

#include <vss/error.h>

/*
 * Refuse a device that holds a file system, a partition table or the like, or a
 * persistent diff area: -EEXIST.  @path is what to call it.
 */
int vss_area_device_check_empty(int fd, const char *path, struct vss_error *err);

#endif /* VSS_SRC_AREA_DEVICE_H */

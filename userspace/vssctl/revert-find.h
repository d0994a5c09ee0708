/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding a volume whose revert was broken off: under the veil it has no UUID and no label,
 * so the name by which it is known leads nowhere.
 */
#ifndef VSSCTL_REVERT_FIND_H
#define VSSCTL_REVERT_FIND_H

#include <vss/blockdev.h>

/*
 * The volume that the record on @area, a device of a diff area, is about.  0; -ENOENT there is no
 * such record or no such volume; -ENOTUNIQ several look like it; another negative errno.
 */
int vssctl_find_veiled(const char *area, struct vss_blockdev *found);

#endif /* VSSCTL_REVERT_FIND_H */

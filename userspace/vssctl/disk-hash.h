/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hash in linux/vss_disk.h: XXH64.  Inline, for then a state can be on the stack;
 * its size is no part of what the shared library promises.
 */
#ifndef VSSCTL_DISK_HASH_H
#define VSSCTL_DISK_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#endif /* VSSCTL_DISK_HASH_H */

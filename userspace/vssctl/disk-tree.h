/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is found in a diff area on disk, as a tree of names and values.
 */
#ifndef VSSCTL_DISK_TREE_H
#define VSSCTL_DISK_TREE_H

#include <json-c/json.h>

#include "disk.h"

/* Superblocks, snapshots, usage and problems; @copies: and where each copy is. */
json_object *vssctl_disk_tree(struct vssctl_disk *disk, bool copies);

const char *vssctl_disk_level_name(enum vssctl_disk_level level);

#endif /* VSSCTL_DISK_TREE_H */

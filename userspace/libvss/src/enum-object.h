/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vss_backup_components_query() fills its enumerator.
 */
#ifndef VSS_SRC_ENUM_OBJECT_H
#define VSS_SRC_ENUM_OBJECT_H

#include <vss/backup.h>

/* An empty one; NULL without memory. */
struct vss_enum_object *vss_enum_object_new(void);
/* 0 or -ENOMEM; what @prop owns is the enumerator's from now on, also on failure. */
int vss_enum_object_append(struct vss_enum_object *objects, struct vss_object_prop *prop);

#endif /* VSS_SRC_ENUM_OBJECT_H */

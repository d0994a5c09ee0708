/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The freeze plan for any picture of the stack.
 */
#ifndef VSS_SRC_FREEZE_H
#define VSS_SRC_FREEZE_H

#include <vss/freeze.h>

#include "stack.h"

/*
 * vss_freeze_plan_make() on a given picture.  With @open_mounts false no mount
 * point is opened and the descriptors are -1.
 */
int vss_freeze_plan_from_stack(const struct vss_stack *stack, const struct vss_devno *members,
			       size_t count, bool open_mounts, struct vss_freeze_plan *plan,
			       struct vss_error *err);

#endif /* VSS_SRC_FREEZE_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules about where a diff area may lie, on any picture of the stack.
 */
#ifndef VSS_SRC_AREA_STACK_H
#define VSS_SRC_AREA_STACK_H

#include <vss/error.h>

#include "stack.h"

/* Is it a kind of file system that a file for a diff area may lie on? */
bool vss_area_fs_supported(const struct vss_stack_fs *fs);

/*
 * May a file on the file system of @dev serve @volume?  0, or -ELOOP when
 * writing to it would write to the volume by way of another device.
 */
int vss_area_file_stack_check(const struct vss_stack *stack, size_t volume, size_t dev,
			      struct vss_error *err);

/* May @dev as a whole serve @volume?  0 or -ELOOP. */
int vss_area_device_stack_check(const struct vss_stack *stack, size_t volume, size_t dev,
				struct vss_error *err);

/* A part of a diff area that there is: copies of @volume are written to @dev. */
struct vss_area_edge {
	size_t volume;
	size_t dev;			/* of a file: the one its file system lies on */
};

/*
 * May @dev, which may serve @volume by the rules above, do so beside the areas that there are?
 * 0; -ELOOP when writing to it may need a copy of another volume, whose area ends on @volume;
 * -ENOMEM.
 */
int vss_area_circle_check(const struct vss_stack *stack, size_t volume, size_t dev,
			  const struct vss_area_edge *edges, size_t count, struct vss_error *err);

#endif /* VSS_SRC_AREA_STACK_H */

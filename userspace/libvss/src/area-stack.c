// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules about where a diff area may lie.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "area-stack.h"
#include "cleanup.h"
#include "error.h"

bool vss_area_fs_supported(const struct vss_stack_fs *fs)
{
	/* Those that the kernel module takes: allocated blocks do not move. */
	return !strcmp(fs->type, "ext4") || !strcmp(fs->type, "xfs");
}

int vss_area_file_stack_check(const struct vss_stack *stack, size_t volume, size_t dev,
			      struct vss_error *err)
{
	/* On the volume itself: its extents are written around the hook. */
	if (dev == volume || vss_stack_is_partition_of(stack, dev, volume))
		return 0;
	if (vss_stack_lies_on(stack, dev, volume))
		return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
				     "the diff area of /dev/%s cannot be on /dev/%s, which lies "
				     "on /dev/%s; choose a device that is independent of it",
				     stack->devs[volume].name, stack->devs[dev].name,
				     stack->devs[volume].name);
	return 0;
}

int vss_area_device_stack_check(const struct vss_stack *stack, size_t volume, size_t dev,
				struct vss_error *err)
{
	size_t upper = dev, lower = volume;

	if (dev == volume)
		return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
				     "/dev/%s cannot be its own diff area",
				     stack->devs[dev].name);
	if (vss_stack_lies_on(stack, volume, dev)) {
		upper = volume;
		lower = dev;
	} else if (!vss_stack_lies_on(stack, dev, volume)) {
		return 0;
	}
	return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
			     "/dev/%s cannot be a diff area of /dev/%s: /dev/%s lies on /dev/%s; "
			     "choose a device that is independent of the volume",
			     stack->devs[dev].name, stack->devs[volume].name,
			     stack->devs[upper].name, stack->devs[lower].name);
}

/* Is a write to @dev one to @volume, wholly or in part? */
static bool reaches(const struct vss_stack *stack, size_t dev, size_t volume)
{
	return dev == volume || vss_stack_is_partition_of(stack, dev, volume) ||
	       vss_stack_is_partition_of(stack, volume, dev) || vss_stack_lies_on(stack, dev, volume);
}

struct walk {
	const struct vss_stack *stack;
	const struct vss_area_edge *edges;
	size_t count;
	bool *seen;			/* of each edge */
};

/* Does a write to @dev end on @volume, by the areas of others? */
static bool leads_to(struct walk *w, size_t dev, size_t volume)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct vss_area_edge *edge = &w->edges[i];

		if (w->seen[i] || edge->volume == volume || !reaches(w->stack, dev, edge->volume))
			continue;
		w->seen[i] = true;
		if (reaches(w->stack, edge->dev, volume) || leads_to(w, edge->dev, volume))
			return true;
	}
	return false;
}

int vss_area_circle_check(const struct vss_stack *stack, size_t volume, size_t dev,
			  const struct vss_area_edge *edges, size_t count, struct vss_error *err)
{
	_cleanup_free_ bool *seen = calloc(count + 1, sizeof(*seen));
	struct walk walk = { stack, edges, count, seen };

	if (!seen)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	if (!leads_to(&walk, dev, volume))
		return 0;
	return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
			     "the diff area of /dev/%s cannot be on /dev/%s: that is written on a volume whose "
			     "own diff area lies on /dev/%s; choose a device that is independent of both",
			     stack->devs[volume].name, stack->devs[dev].name, stack->devs[volume].name);
}

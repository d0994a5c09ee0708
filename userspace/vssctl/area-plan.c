// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which parts of a diff area go, stay or become shorter for it to have another size.
 */
#include "area.h"

static uint64_t total(const struct vss_kernel_area *areas, size_t count)
{
	uint64_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += areas[i].size;
	return size;
}

static bool is_going(const struct vssctl_area_plan *plan, const struct vss_kernel_area *area)
{
	for (size_t i = 0; i < plan->nr_remove; i++)
		if (plan->remove[i] == area)
			return true;
	return false;
}

/* The newest part that stays and is no larger than @size; only files with @files. */
static const struct vss_kernel_area *newest(const struct vssctl_area_plan *plan,
					    const struct vss_kernel_area *areas, size_t count,
					    uint64_t size, bool files)
{
	const struct vss_kernel_area *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (!is_going(plan, &areas[i]) && areas[i].size <= size && (!files || areas[i].path) &&
		    (!found || areas[i].id > found->id))
			found = &areas[i];
	return found;
}

bool vssctl_area_plan(const struct vss_kernel_area *areas, size_t count, uint64_t size,
		      struct vssctl_area_plan *plan)
{
	const struct vss_kernel_area *part;
	uint64_t excess;

	*plan = (struct vssctl_area_plan) { .before = total(areas, count) };
	plan->after = plan->before;
	/* The ends of files hold no whole chunk, so sizes differ a little from what was asked for. */
	if (size >= plan->before) {
		if (size - plan->before >= VSS_AREA_ALIGN)
			plan->grow = size - plan->before;
		plan->after += plan->grow;
		return true;
	}
	while (plan->nr_remove < VSS_MAX_AREA_PARTS &&
	       (part = newest(plan, areas, count, plan->after - size, false))) {
		plan->remove[plan->nr_remove++] = part;
		plan->after -= part->size;
	}
	excess = (plan->after - size) / VSS_AREA_ALIGN * VSS_AREA_ALIGN;
	if (!excess)
		return true;
	/* Every one that stays is larger than what is too much. */
	part = newest(plan, areas, count, UINT64_MAX, true);
	if (!part)
		return false;
	plan->cut = part;
	plan->cut_size = (part->size - excess + VSS_AREA_ALIGN - 1) / VSS_AREA_ALIGN * VSS_AREA_ALIGN;
	plan->after -= part->size - plan->cut_size;
	return true;
}

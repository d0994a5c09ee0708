// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What another machine needs to find a copy of a transportable set, as it goes
 * into the document.
 */
#include <string.h>

#include "core-internal.h"

void snapshot_describe(const struct snapshot *snapshot, const struct vss_provider_snapshot *known,
		       struct vss_set_description *set)
{
	struct vss_set_member *member;

	if (!set->members)
		set->members = vssd_alloc(snapshot->set->nr_snapshots * sizeof(*set->members));
	member = &set->members[set->nr_members++];
	member->prop = snapshot->prop;
	member->prop.device_object = vssd_strdup("");
	member->prop.original_volume_name = vssd_strdup(snapshot->prop.original_volume_name);
	member->prop.originating_machine = vssd_strdup(snapshot->prop.originating_machine);
	member->prop.service_machine = vssd_strdup(snapshot->prop.service_machine);
	member->prop.exposed_name = NULL;
	member->prop.exposed_path = NULL;
	member->filesystem = snapshot->filesystem && snapshot->filesystem[0] ?
			     vssd_strdup(snapshot->filesystem) : NULL;
	member->size = snapshot->size;
	member->provider_data = vssd_strdup(known->provider_data);
	if (!known->nr_luns)
		return;
	member->luns = vssd_alloc(known->nr_luns * sizeof(*member->luns));
	member->nr_luns = known->nr_luns;
	for (size_t i = 0; i < known->nr_luns; i++) {
		const struct vss_lun_mapping *from = &known->luns[i];
		struct vss_lun_mapping *to = &member->luns[i];

		lun_copy(&to->source, &from->source);
		to->has_destination = from->has_destination;
		if (from->has_destination)
			lun_copy(&to->destination, &from->destination);
		if (!from->nr_extents)
			continue;
		to->nr_extents = from->nr_extents;
		to->extents = vssd_alloc(from->nr_extents * sizeof(*to->extents));
		memcpy(to->extents, from->extents, from->nr_extents * sizeof(*to->extents));
	}
}

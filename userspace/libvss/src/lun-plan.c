// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a volume that was recorded elsewhere is made of on this machine.  Only looks;
 * lun-assemble.c acts on it.
 */
#include <stdlib.h>
#include <string.h>

#include "lun.h"

#define SECTOR	512

static int by_offset(const void *a, const void *b)
{
	uint64_t x = ((const struct vss_volume_piece *)a)->volume_offset;
	uint64_t y = ((const struct vss_volume_piece *)b)->volume_offset;

	return x < y ? -1 : x > y;
}

void vss_volume_plan_clear(struct vss_volume_plan *plan)
{
	free(plan->disks);
	free(plan->pieces);
	memset(plan, 0, sizeof(*plan));
}

/* Extents as those of a volume have to be, from documents that may say anything. */
static vss_result add_pieces(const struct vss_lun_mapping *mapping, size_t disk, struct vss_volume_plan *plan,
			     struct vss_error *err)
{
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		const struct vss_lun_extent *e = &mapping->extents[i];

		if (!e->length || (e->volume_offset | e->lun_offset | e->length) % SECTOR ||
		    e->lun_offset > UINT64_MAX - e->length || e->volume_offset > UINT64_MAX - e->length)
			return lun_error(err, E_INVALIDARG, "an extent of %llu bytes at %llu of the volume and %llu of "
					 "its LUN is not possible", (unsigned long long)e->length,
					 (unsigned long long)e->volume_offset, (unsigned long long)e->lun_offset);
		plan->pieces[plan->nr_pieces++] = (struct vss_volume_piece) {
			.volume_offset = e->volume_offset,
			.lun_offset = e->lun_offset,
			.length = e->length,
			.disk = disk,
		};
	}
	return S_OK;
}

static vss_result sort_pieces(struct vss_volume_plan *plan, struct vss_error *err)
{
	if (!plan->nr_pieces)
		return lun_error(err, E_INVALIDARG, "there are no extents to make a volume of");
	qsort(plan->pieces, plan->nr_pieces, sizeof(*plan->pieces), by_offset);
	for (size_t i = 0; i < plan->nr_pieces; i++) {
		if (plan->pieces[i].volume_offset != plan->size)
			return lun_error(err, E_INVALIDARG, "the extents leave a gap or overlap at byte %llu of the volume",
					 (unsigned long long)plan->size);
		plan->size += plan->pieces[i].length;
	}
	return S_OK;
}

static vss_result find_disk(const struct vss_lun_source *source, const struct vss_lun_info *lun,
			    const struct vss_lun_mapping *mapping, char name[VSS_SYSFS_NAME_SIZE],
			    struct vss_error *err)
{
	vss_result result = vss_lun_find_name(source, lun, name, err);
	uint64_t size;

	if (result == VSS_E_OBJECT_NOT_FOUND) {
		if (err)
			err->result = VSS_E_MISSING_DISK;
		return VSS_E_MISSING_DISK;
	}
	if (result != S_OK)
		return result;
	size = vss_sysfs_size(source->sysfs, name);
	for (size_t i = 0; i < mapping->nr_extents; i++)
		if (mapping->extents[i].lun_offset + mapping->extents[i].length > size)
			return lun_error(err, VSS_E_MISSING_VOLUME, "the volume reaches up to byte %llu of a LUN, but %s "
					 "has only %llu bytes here",
					 (unsigned long long)(mapping->extents[i].lun_offset + mapping->extents[i].length),
					 name, (unsigned long long)size);
	return S_OK;
}

static vss_result fill(const struct vss_lun_source *source, const struct vss_lun_mapping *mappings, size_t n,
		       bool use_destination, struct vss_volume_plan *plan, struct vss_error *err)
{
	vss_result result = S_OK;

	for (size_t i = 0; result == S_OK && i < n; i++)
		result = add_pieces(&mappings[i], i, plan, err);
	if (result == S_OK)
		result = sort_pieces(plan, err);
	for (size_t i = 0; result == S_OK && i < n; i++) {
		const struct vss_lun_mapping *m = &mappings[i];

		result = find_disk(source, use_destination && m->has_destination ? &m->destination : &m->source, m,
				   plan->disks[i], err);
	}
	return result;
}

vss_result vss_volume_plan_make(const struct vss_lun_source *source, const struct vss_lun_mapping *mappings,
				size_t n, bool use_destination, struct vss_volume_plan *plan,
				struct vss_error *err)
{
	size_t extents = 0;
	vss_result result;

	memset(plan, 0, sizeof(*plan));
	for (size_t i = 0; i < n; i++)
		extents += mappings[i].nr_extents;
	plan->disks = calloc(n + 1, sizeof(*plan->disks));
	plan->nr_disks = n;
	plan->pieces = calloc(extents + 1, sizeof(*plan->pieces));
	result = plan->disks && plan->pieces ? fill(source, mappings, n, use_destination, plan, err) :
		 lun_no_memory(err);
	if (result != S_OK)
		vss_volume_plan_clear(plan);
	return result;
}

struct search {
	const struct vss_lun_source *source;
	const struct vss_volume_plan *plan;
	char *name;
};

/* Is it a partition of the disk with exactly this offset and length? */
static int is_partition(void *data, const char *name)
{
	const struct search *search = data;
	const struct vss_volume_piece *piece = &search->plan->pieces[0];
	const char *sysfs = search->source->sysfs;
	char disk[VSS_SYSFS_NAME_SIZE], text[32];

	if (vss_sysfs_size(sysfs, name) != piece->length || vss_sysfs_disk(sysfs, name, disk) ||
	    strcmp(disk, search->plan->disks[piece->disk]) ||
	    vss_sysfs_attr(sysfs, name, "start", text, sizeof(text)) ||
	    strtoull(text, NULL, 10) * SECTOR != piece->lun_offset)
		return 0;
	strcpy(search->name, name);
	return 1;
}

bool vss_volume_plan_device(const struct vss_lun_source *source, const struct vss_volume_plan *plan,
			    char name[VSS_SYSFS_NAME_SIZE])
{
	struct search search = { source, plan, name };
	const char *disk = plan->disks[plan->pieces[0].disk];

	if (plan->nr_pieces != 1)
		return false;
	if (!plan->pieces[0].lun_offset && plan->size == vss_sysfs_size(source->sysfs, disk)) {
		strcpy(name, disk);
		return true;
	}
	return vss_lun_each_device(source, is_partition, &search);
}

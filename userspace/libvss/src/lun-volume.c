// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which LUNs, and which parts of them, make up a volume: down from the volume to
 * the disks, through partitions and linear device-mapper devices.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lun.h"

/* More than any stack that the kernel would make. */
#define MAX_DEPTH	32
#define SECTOR		512

struct walk {
	const struct vss_lun_source *source;
	struct vss_list luns;		/* struct found */
	struct vss_error *err;
};

struct found {
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_lun_extent *extents;
	size_t nr_extents;
};

/* Bytes of a device, and where in the volume they are. */
struct range {
	uint64_t offset, length, volume_offset;
};

static void walk_clear(struct walk *w)
{
	struct found *found = w->luns.items;

	for (size_t i = 0; i < w->luns.count; i++)
		free(found[i].extents);
	free(found);
}

static struct found *get_lun(struct walk *w, const char *name)
{
	struct found *found = w->luns.items;

	for (size_t i = 0; i < w->luns.count; i++)
		if (!strcmp(found[i].name, name))
			return &found[i];
	found = vss_list_add(&w->luns);
	if (found)
		strcpy(found->name, name);
	return found;
}

static vss_result add_extent(struct walk *w, const char *name, const struct range *range)
{
	struct found *lun = get_lun(w, name);
	struct vss_lun_extent *last, *more;

	if (!lun)
		return lun_no_memory(w->err);
	last = lun->nr_extents ? &lun->extents[lun->nr_extents - 1] : NULL;
	if (last && last->volume_offset + last->length == range->volume_offset &&
	    last->lun_offset + last->length == range->offset) {
		last->length += range->length;
		return S_OK;
	}
	more = reallocarray(lun->extents, lun->nr_extents + 1, sizeof(*more));
	if (!more)
		return lun_no_memory(w->err);
	lun->extents = more;
	more[lun->nr_extents++] = (struct vss_lun_extent) {
		.volume_offset = range->volume_offset,
		.lun_offset = range->offset,
		.length = range->length,
	};
	return S_OK;
}

static vss_result walk(struct walk *w, const char *name, const struct range *range, int depth);

static vss_result cannot(struct walk *w, const char *name, const char *what)
{
	return lun_error(w->err, VSS_E_VOLUME_NOT_SUPPORTED, "%s is %s; only disks of SCSI and NVMe, their partitions, "
			 "multipath devices and linear logical volumes on them can travel", name, what);
}

static vss_result walk_target(struct walk *w, const char *name, const struct vss_dm_target *target,
			      const struct range *range, int depth)
{
	struct range below = *range;
	char lower[VSS_SYSFS_NAME_SIZE], what[96];
	unsigned long long start;
	struct vss_devno dev;

	if (strcmp(target->type, "linear")) {
		snprintf(what, sizeof(what), "a device-mapper device of type \"%s\"", target->type);
		return cannot(w, name, what);
	}
	if (sscanf(target->params, "%u:%u %llu", &dev.major, &dev.minor, &start) != 3 ||
	    start > UINT64_MAX / SECTOR || vss_sysfs_name(w->source->sysfs, dev, lower))
		return lun_error(w->err, VSS_E_VOLUME_NOT_SUPPORTED, "what device-mapper says of %s, \"%s\", makes no "
				 "sense", name, target->params);
	below.offset = range->offset - target->start + start * SECTOR;
	return walk(w, lower, &below, depth);
}

static vss_result walk_table(struct walk *w, const char *name, const struct vss_dm_table *table,
			     const struct range *range, int depth)
{
	uint64_t at = range->offset, end = range->offset + range->length;

	for (size_t i = 0; i < table->count && at < end; i++) {
		const struct vss_dm_target *target = &table->targets[i];
		uint64_t target_end = target->start + target->length;
		struct range part = { .offset = at };
		vss_result result;

		if (target_end <= at)
			continue;
		if (target->start > at)
			break;
		part.length = (target_end < end ? target_end : end) - at;
		part.volume_offset = range->volume_offset + (at - range->offset);
		result = walk_target(w, name, target, &part, depth);
		if (result != S_OK)
			return result;
		at += part.length;
	}
	return at == end ? S_OK : lun_error(w->err, VSS_E_VOLUME_NOT_SUPPORTED,
					    "the device-mapper table of %s has a gap at byte %llu", name,
					    (unsigned long long)at);
}

static vss_result walk_dm(struct walk *w, const char *name, const struct range *range, int depth)
{
	struct vss_dm_table table = { 0 };
	struct vss_devno dev;
	vss_result result;
	int ret = vss_sysfs_devno(w->source->sysfs, name, &dev);

	if (!ret)
		ret = w->source->dm_table(dev, &table);
	if (ret) {
		vss_error_errno(w->err, ret, "cannot read the device-mapper table of %s: %s", name, strerror(-ret));
		return vss_result_from_errno(ret);
	}
	result = walk_table(w, name, &table, range, depth);
	vss_dm_table_clear(&table);
	return result;
}

static vss_result walk(struct walk *w, const char *name, const struct range *range, int depth)
{
	uint64_t size = vss_sysfs_size(w->source->sysfs, name);
	char other[VSS_SYSFS_NAME_SIZE], text[256];
	enum vss_disk_kind kind;

	if (depth > MAX_DEPTH)
		return lun_error(w->err, VSS_E_VOLUME_NOT_SUPPORTED, "too many devices lie on each other at %s", name);
	if (range->offset > size || range->length > size - range->offset)
		return lun_error(w->err, VSS_E_VOLUME_NOT_SUPPORTED, "the volume needs %s up to byte %llu, which ends "
				 "at %llu", name, (unsigned long long)(range->offset + range->length),
				 (unsigned long long)size);
	if (vss_sysfs_is_image(name))
		return cannot(w, name, "an image of a snapshot");
	if (!vss_sysfs_disk(w->source->sysfs, name, other)) {
		struct range below = *range;

		if (vss_sysfs_attr(w->source->sysfs, name, "start", text, sizeof(text)))
			return cannot(w, name, "a partition that does not tell where it starts");
		below.offset += strtoull(text, NULL, 10) * SECTOR;
		return walk(w, other, &below, depth + 1);
	}
	kind = vss_disk_kind(w->source, name);
	if (kind == VSS_DISK_MULTIPATH)
		return add_extent(w, name, range);
	if (!vss_sysfs_attr(w->source->sysfs, name, "dm/uuid", text, sizeof(text)))
		return walk_dm(w, name, range, depth + 1);
	if (vss_sysfs_is_path(w->source->sysfs, name, other))
		return add_extent(w, other, range);
	if (kind != VSS_DISK_NONE)
		return add_extent(w, name, range);
	return cannot(w, name, !strncmp(name, "md", 2) ? "an md array" : !strncmp(name, "loop", 4) ? "a loop device" :
		      "no such disk");
}

/* Who the LUNs are, and whether that is enough. */
static vss_result identify(struct walk *w, struct vss_lun_mapping *mappings)
{
	struct found *found = w->luns.items;

	for (size_t i = 0; i < w->luns.count; i++) {
		vss_result result = vss_lun_identify_name(w->source, found[i].name, true, &mappings[i].source,
							  w->err);

		if (result == S_OK)
			result = vss_lun_check_in(w->source, &mappings[i].source, w->err);
		if (result != S_OK)
			return result;
		mappings[i].extents = keep_ptr(found[i].extents);
		mappings[i].nr_extents = found[i].nr_extents;
	}
	return S_OK;
}

vss_result vss_volume_luns_in(const struct vss_lun_source *source, const char *name,
			      struct vss_lun_mapping **mappings, size_t *n, struct vss_error *err)
{
	struct vss_error why = { 0 };
	struct walk w __attribute__((cleanup(walk_clear))) = {
		.source = source,
		.luns.item_size = sizeof(struct found),
		.err = &why,
	};
	struct range all = { .length = vss_sysfs_size(source->sysfs, name) };
	struct vss_lun_mapping *made = NULL;
	vss_result result;

	*mappings = NULL;
	*n = 0;
	if (!all.length)
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "%s has no content", name);
	result = walk(&w, name, &all, 0);
	if (result == S_OK) {
		made = calloc(w.luns.count, sizeof(*made));
		result = made ? identify(&w, made) : lun_no_memory(&why);
	}
	if (result != S_OK) {
		vss_lun_mappings_free(made, made ? w.luns.count : 0);
		return lun_error(err, result, "the LUNs of %s: %.900s", name, why.text);
	}
	*mappings = made;
	*n = w.luns.count;
	return S_OK;
}

vss_result vss_volume_luns(const char *volume, struct vss_lun_mapping **mappings, size_t *n,
			   struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE];
	vss_result result = vss_lun_name_of(volume, name, err);

	*mappings = NULL;
	*n = 0;
	return result == S_OK ? vss_volume_luns_in(&vss_lun_system, name, mappings, n, err) : result;
}

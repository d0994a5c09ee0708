// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Extents of a file for a diff area.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "error.h"
#include "fiemap.h"

#include <vss/area.h>

/* Extents asked for at a time. */
#define BATCH	256

/* The block layer's unit, which any physical address must be a multiple of. */
#define SECTOR	512

static const struct {
	uint32_t flag;
	const char *why;
} unfit[] = {
	{ FIEMAP_EXTENT_UNKNOWN, "its place is not known yet" },
	{ FIEMAP_EXTENT_DELALLOC, "it has not been allocated yet" },
	{ FIEMAP_EXTENT_ENCODED, "it is compressed or encoded" },
	{ FIEMAP_EXTENT_DATA_ENCRYPTED, "it is encrypted" },
	{ FIEMAP_EXTENT_NOT_ALIGNED, "it is not aligned to blocks" },
	{ FIEMAP_EXTENT_DATA_INLINE, "it lies within metadata" },
	{ FIEMAP_EXTENT_DATA_TAIL, "it shares a block with other files" },
	{ FIEMAP_EXTENT_SHARED, "it is shared with other files" },
};

int vss_fiemap_take(struct vss_list *extents, const struct fiemap_extent *extent,
		    uint64_t *logical, const char **why)
{
	struct vss_kernel_extent *last = NULL;

	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
		if (extent->fe_flags & unfit[i].flag) {
			*why = unfit[i].why;
			return -EOPNOTSUPP;
		}
	}
	if (extent->fe_logical != *logical || !extent->fe_length) {
		*why = "there is a hole before it";
		return -EOPNOTSUPP;
	}
	if (extent->fe_physical % SECTOR || extent->fe_length % SECTOR ||
	    extent->fe_physical + extent->fe_length < extent->fe_physical) {
		*why = "it is not aligned to blocks";
		return -EOPNOTSUPP;
	}
	if (extents->count)
		last = (struct vss_kernel_extent *)extents->items + extents->count - 1;
	if (last && last->start + last->length == extent->fe_physical) {
		last->length += extent->fe_length;
	} else {
		struct vss_kernel_extent *next = vss_list_add(extents);

		if (!next)
			return -ENOMEM;
		next->start = extent->fe_physical;
		next->length = extent->fe_length;
	}
	*logical += extent->fe_length;
	return 0;
}

/* One call of FIEMAP.  1: there is more. */
static int map_batch(int fd, struct fiemap *map, struct vss_list *extents, uint64_t *logical,
		     struct vss_error *err)
{
	memset(map, 0, sizeof(*map));
	map->fm_start = *logical;
	map->fm_length = FIEMAP_MAX_OFFSET - *logical;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = BATCH;
	if (ioctl(fd, FS_IOC_FIEMAP, map) < 0)
		return vss_error_errno(err, -errno, "cannot map the file's blocks: %s",
				       strerror(errno));
	for (uint32_t i = 0; i < map->fm_mapped_extents; i++) {
		const struct fiemap_extent *extent = &map->fm_extents[i];
		uint64_t at = *logical;
		const char *why;
		int ret;

		ret = vss_fiemap_take(extents, extent, logical, &why);
		if (ret == -ENOMEM)
			return vss_error_errno(err, ret, "out of memory");
		if (ret)
			return vss_error_errno(err, ret,
					       "the file cannot hold a diff area: at byte %llu "
					       "%s", (unsigned long long)at, why);
		if (extent->fe_flags & FIEMAP_EXTENT_LAST)
			return 0;
	}
	return map->fm_mapped_extents ? 1 : 0;
}

int vss_area_file_map(int fd, struct vss_kernel_extent **extents, size_t *count,
		      struct vss_error *err)
{
	_cleanup_free_ struct fiemap *map = calloc(1, sizeof(*map) +
						   BATCH * sizeof(struct fiemap_extent));
	struct vss_list list = { .item_size = sizeof(**extents) };
	uint64_t logical = 0;
	struct stat st;
	int ret;

	if (!map)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	if (fstat(fd, &st) < 0)
		return vss_error_errno(err, -errno, "cannot read the file's size: %s",
				       strerror(errno));
	do {
		ret = map_batch(fd, map, &list, &logical, err);
	} while (ret > 0);
	if (!ret && logical < (uint64_t)st.st_size)
		ret = vss_error_errno(err, -EOPNOTSUPP,
				      "the file cannot hold a diff area: it ends in a hole");
	if (ret) {
		free(list.items);
		return ret;
	}
	*extents = list.items;
	*count = list.count;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a volume room for its diff area.
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "area.h"

static int add_device(struct vssctl *ctl, const struct vss_blockdev *volume,
		      struct vss_devno dev, bool force, struct vss_kernel_area *added)
{
	struct vss_error error;

	if (vss_area_device_check(volume->dev, dev, force, &error))
		return vssctl_fail_error(ctl, &error);
	if (vss_kernel_area_add_device(ctl->kernel, volume->dev, dev, added))
		return vssctl_fail_kernel(ctl);
	return 0;
}

static int add_file(struct vssctl *ctl, const struct vss_blockdev *volume, const char *path,
		    uint64_t size, struct vss_kernel_area *added)
{
	struct vss_area_file file;
	struct vss_error error, discard_error;
	int ret;

	vssctl_detail(ctl, "allocating %s", path);
	if (vss_area_file_create(volume->dev, path, size, &file, &error))
		return vssctl_fail_error(ctl, &error);
	if (!vss_area_file_add(ctl->kernel, volume->dev, &file, added, &error)) {
		vss_area_file_close(&file);
		return 0;
	}
	ret = vssctl_fail_error(ctl, &error);
	if (vss_area_file_discard(&file, &discard_error))
		vssctl_warn(ctl, "%s", discard_error.text);
	return ret;
}

static int add_file_in(struct vssctl *ctl, const struct vss_blockdev *volume, const char *dir,
		       uint64_t size, struct vss_kernel_area *added)
{
	struct vss_error error;
	char *path;
	int ret;

	if (vss_area_file_name(dir, volume->dev, &path, &error))
		return vssctl_fail_error(ctl, &error);
	ret = add_file(ctl, volume, path, size, added);
	free(path);
	return ret;
}

int vssctl_area_add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		    uint64_t size, bool force, struct vss_kernel_area *added)
{
	struct stat st;

	if (!size)
		size = vss_area_default_size(volume->size);
	if (stat(where, &st))
		return add_file(ctl, volume, where, size, added);
	if (S_ISBLK(st.st_mode))
		return add_device(ctl, volume,
				  (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) },
				  force, added);
	if (S_ISDIR(st.st_mode))
		return add_file_in(ctl, volume, where, size, added);
	return vssctl_fail(ctl, VSS_E_OBJECT_ALREADY_EXISTS,
			   "%s exists already; name a block device, a directory, or a file that "
			   "is to be created", where);
}

int vssctl_area_add_default(struct vssctl *ctl, const struct vss_blockdev *volume,
			    uint64_t size, struct vss_kernel_area *added)
{
	struct vss_area_place place;
	struct vss_error error;
	char *dir;
	int ret;

	if (vss_area_place_find(volume->dev, size, &place, &error))
		return vssctl_fail_error(ctl, &error);
	if (asprintf(&dir, "%s/%s", strcmp(place.mount_point, "/") ? place.mount_point : "",
		     VSS_AREA_DIRECTORY) < 0) {
		vss_area_place_clear(&place);
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	}
	ret = add_file_in(ctl, volume, dir, place.size, added);
	free(dir);
	vss_area_place_clear(&place);
	return ret;
}

/* The newest part that is a file, NULL if there is none. */
static const struct vss_kernel_area *last_file(const struct vss_kernel_area *areas, size_t count)
{
	const struct vss_kernel_area *last = NULL;

	for (size_t i = 0; i < count; i++)
		if (areas[i].path && (!last || areas[i].id > last->id))
			last = &areas[i];
	return last;
}

/*
 * The kernel refuses blocks of the volume itself while it has snapshots; this is
 * found out before a file is made for nothing.
 */
static int check_same_volume(struct vssctl *ctl, const struct vss_blockdev *volume,
			     const struct vss_kernel_area *last)
{
	struct vss_kernel_volume state;

	if (!last->on_origin)
		return 0;
	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	if (!state.snapshots)
		return 0;
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE,
			   "the diff area of %s is on the volume itself, which has snapshots: "
			   "blocks taken now may be blocks they still need; add room on another "
			   "device with 'vssctl diff-area add', or delete the snapshots first",
			   volume->path);
}

int vssctl_area_grow(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size,
		     struct vss_kernel_area *added)
{
	const struct vss_kernel_area *last;
	struct vss_kernel_area *areas;
	size_t count;
	int ret;

	if (vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count))
		return vssctl_fail_kernel(ctl);
	last = last_file(areas, count);
	if (!last) {
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				  "the diff area of %s has no file beside which another could be "
				  "made; use 'vssctl diff-area add' or --on DEVICE",
				  volume->path);
	} else {
		ret = check_same_volume(ctl, volume, last);
		if (!ret)
			ret = add_file_in(ctl, volume, dirname(last->path), size, added);
	}
	vss_kernel_area_list_free(areas, count);
	return ret;
}

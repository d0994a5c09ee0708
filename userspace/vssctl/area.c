// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a volume room for its diff area.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "area.h"
#include "areas-table.h"
#include "prepare.h"

static int add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
	       uint64_t size, bool force, struct vss_kernel_area *added)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_error error;

	if (vss_prepare_area(&prepare, volume, where, size, force, added, &error))
		return vssctl_fail_error(ctl, &error);
	return 0;
}

int vssctl_area_add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		    uint64_t size, struct vss_kernel_area *added)
{
	return add(ctl, volume, where, size, false, added);
}

/* An area that is not whole is not loaded, and then its volume is mounted without it. */
static void tell_of_table(struct vssctl *ctl, const struct vss_blockdev *volume, const char *device)
{
	struct vss_kernel_area *areas;
	size_t count;

	if (access(VSSCTL_AREAS_TABLE, F_OK) || vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count))
		return;
	if (count > 1)
		vssctl_warn(ctl, "name %s in the line of its volume in " VSSCTL_AREAS_TABLE " as well, if it has one: while a "
			    "device of the diff area is not named there, it is not loaded at boot", device);
	vss_kernel_area_list_free(areas, count);
}

static int add_persistent(struct vssctl *ctl, const struct vss_blockdev *volume, struct vss_devno dev,
			  bool force, struct vss_kernel_area *added)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_error error;

	if (vss_prepare_area_persistent(&prepare, volume, dev, force, added, &error))
		return vssctl_fail_error(ctl, &error);
	return 0;
}

int vssctl_area_add_device(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on,
			   bool persistent, bool force, struct vss_kernel_area *added)
{
	struct vss_blockdev device __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	int ret = vssctl_resolve(ctl, on, &device);

	if (ret)
		return ret;
	ret = persistent ? add_persistent(ctl, volume, device.dev, force, added) :
		add(ctl, volume, device.path, 0, force, added);
	if (!ret && added->persistent)
		tell_of_table(ctl, volume, device.path);
	return ret;
}

int vssctl_area_add_default(struct vssctl *ctl, const struct vss_blockdev *volume,
			    uint64_t size, struct vss_kernel_area *added)
{
	return add(ctl, volume, NULL, size, false, added);
}

static int add_file_in(struct vssctl *ctl, const struct vss_blockdev *volume, const char *dir,
		       uint64_t size, struct vss_kernel_area *added)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_error error;

	if (vss_prepare_area_in(&prepare, volume, dir, size, added, &error))
		return vssctl_fail_error(ctl, &error);
	return 0;
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
	if (count && areas[0].persistent) {
		ret = vssctl_fail(ctl, VSS_E_VOLUME_NOT_SUPPORTED,
				  "the diff area of %s is persistent, and grows by whole block devices: add one with "
				  "'vssctl diff-area grow --on DEVICE'", volume->path);
	} else if (!last) {
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

/* The file of a part, if it still is that; -1. */
static int open_file(const struct vss_kernel_area *area, uint64_t size)
{
	int fd = open(area->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && major(st.st_dev) == area->dev.major &&
	    minor(st.st_dev) == area->dev.minor && (uint64_t)st.st_size >= size)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = fd >= 0 ? ESTALE : errno;
	return -1;
}

int vssctl_area_cut(struct vssctl *ctl, const struct vss_blockdev *volume,
		    const struct vss_kernel_area *area, uint64_t size)
{
	struct vss_area_file file = { .path = strdup(area->path), .fd = open_file(area, size), .size = size };
	struct vss_error error = { 0 }, discard_error;
	int ret = 0;

	if (!file.path || file.fd < 0) {
		ret = vssctl_fail(ctl, VSS_E_UNEXPECTED, "cannot open %s, a part of the diff area of %s: %s",
				  area->path, volume->path, strerror(file.path ? errno : ENOMEM));
	} else if (vss_kernel_area_remove(ctl->kernel, volume->dev, area->id)) {
		ret = vssctl_fail_kernel(ctl);
	} else if (ftruncate(file.fd, (off_t)size) || fsync(file.fd)) {
		ret = vssctl_fail(ctl, VSS_E_UNEXPECTED, "cannot shorten %s: %s; it was taken away from the "
				  "diff area of %s", area->path, strerror(errno), volume->path);
	} else if (vss_area_file_add(ctl->kernel, volume->dev, &file, NULL, &error)) {
		ret = vssctl_fail_error(ctl, &error);
		if (vss_area_file_discard(&file, &discard_error))
			vssctl_warn(ctl, "%s", discard_error.text);
		return ret;
	}
	if (file.fd >= 0)
		close(file.fd);
	free(file.path);
	return ret;
}

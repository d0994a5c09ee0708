// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a volume ready for a snapshot.
 */
#include <errno.h>
#include <string.h>

#include "area.h"
#include "prepare.h"
#include "size.h"

int vssctl_attach_volume(struct vssctl *ctl, const struct vss_blockdev *volume, uint32_t chunk,
			 uint64_t copy_memory, struct vss_kernel_volume *state)
{
	struct vss_error err = { 0 };

	if (vss_blockdev_check_origin(volume, &err))
		return vssctl_fail_error(ctl, &err);
	if (vss_kernel_volume_attach(ctl->kernel, volume->dev, chunk, copy_memory, state))
		return vssctl_fail_kernel(ctl);
	return 0;
}

static int attach(struct vssctl *ctl, const struct vss_blockdev *volume,
		  struct vss_kernel_volume *state, bool *attached)
{
	int ret = vss_kernel_volume_get(ctl->kernel, volume->dev, state);

	*attached = false;
	if (!ret && state->state == VSS_VOLUME_GONE)
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				   "the device of %s was removed; detach it", volume->path);
	if (ret != -ENODEV)
		return ret ? vssctl_fail_kernel(ctl) : 0;
	ret = vssctl_attach_volume(ctl, volume, 0, 0, state);
	if (ret)
		return ret;
	*attached = true;
	vssctl_note(ctl, "attached %s", volume->path);
	return 0;
}

static int add_area(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		    uint64_t size, struct vssctl_prepared *prepared)
{
	char text[VSSCTL_SIZE_TEXT];
	int ret;

	ret = where ? vssctl_area_add(ctl, volume, where, size, false, &prepared->area) :
		      vssctl_area_add_default(ctl, volume, size, &prepared->area);
	if (ret)
		return ret;
	prepared->area_added = true;
	if (prepared->area.path)
		vssctl_note(ctl, "diff area of %s: file %s (%s)", volume->path,
			    prepared->area.path, vssctl_format_size(prepared->area.size, text));
	else
		vssctl_note(ctl, "diff area of %s: device %s (%s)", volume->path, where,
			    vssctl_format_size(prepared->area.size, text));
	return 0;
}

int vssctl_prepare(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		   uint64_t size, struct vssctl_prepared *prepared)
{
	struct vss_kernel_volume state;
	int ret;

	memset(prepared, 0, sizeof(*prepared));
	ret = attach(ctl, volume, &state, &prepared->attached);
	if (ret)
		return ret;
	if (state.area_size) {
		if (where)
			vssctl_warn(ctl, "%s has a diff area already; %s is not used",
				    volume->path, where);
		return 0;
	}
	ret = add_area(ctl, volume, where, size, prepared);
	if (ret)
		vssctl_unprepare(ctl, volume, prepared);
	return ret;
}

void vssctl_unprepare(struct vssctl *ctl, const struct vss_blockdev *volume,
		      struct vssctl_prepared *prepared)
{
	struct vss_error error;
	bool released = false;

	if (prepared->attached) {
		if (vss_kernel_volume_detach(ctl->kernel, volume->dev, false)) {
			vssctl_warn(ctl, "%s", vss_kernel_error(ctl->kernel));
		} else {
			vssctl_note(ctl, "detached %s again", volume->path);
			released = true;
		}
	} else if (prepared->area_added) {
		if (vss_kernel_area_remove(ctl->kernel, volume->dev, prepared->area.id)) {
			vssctl_warn(ctl, "%s keeps the diff area it was given: %s", volume->path,
				    vss_kernel_error(ctl->kernel));
		} else {
			vssctl_note(ctl, "took the diff area of %s away again", volume->path);
			released = true;
		}
	}
	if (released && prepared->area_added && vss_area_file_remove(&prepared->area, &error))
		vssctl_warn(ctl, "%s", error.text);
	vss_kernel_area_clear(&prepared->area);
	memset(prepared, 0, sizeof(*prepared));
}

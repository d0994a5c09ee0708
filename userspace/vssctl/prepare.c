// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a volume ready for a snapshot.
 */
#include "names.h"
#include "prepare.h"
#include "size.h"

static void tell(void *data, enum vss_prepare_event event, const struct vss_blockdev *volume,
		 const struct vss_kernel_area *area, const char *text)
{
	char size[VSSCTL_SIZE_TEXT], device[VSSCTL_DEVICE_TEXT];
	struct vssctl *ctl = data;

	switch (event) {
	case VSS_PREPARE_ATTACHED:
		vssctl_note(ctl, "attached %s", volume->path);
		break;
	case VSS_PREPARE_ALLOCATING:
		vssctl_detail(ctl, "allocating %s", text);
		break;
	case VSS_PREPARE_AREA_ADDED:
		vssctl_note(ctl, "diff area of %s: %s %s (%s)", volume->path,
			    area->path ? "file" : "device",
			    area->path ? area->path : vssctl_device_name(area->dev, device),
			    vssctl_format_size(area->size, size));
		break;
	case VSS_PREPARE_AREA_IGNORED:
		vssctl_warn(ctl, "%s has a diff area already; %s is not used", volume->path, text);
		break;
	case VSS_PREPARE_DETACHED:
		vssctl_note(ctl, "detached %s again", volume->path);
		break;
	case VSS_PREPARE_AREA_REMOVED:
		vssctl_note(ctl, "took the diff area of %s away again", volume->path);
		break;
	case VSS_PREPARE_WARNING:
		vssctl_warn(ctl, "%s", text);
		break;
	}
}

struct vss_prepare vssctl_preparing(struct vssctl *ctl)
{
	return (struct vss_prepare) { .kernel = ctl->kernel, .tell = tell, .data = ctl };
}

int vssctl_attach_volume(struct vssctl *ctl, const struct vss_blockdev *volume, uint32_t chunk,
			 uint64_t copy_memory, struct vss_kernel_volume *state)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_error err;

	if (vss_prepare_attach(&prepare, volume, chunk, copy_memory, state, &err))
		return vssctl_fail_error(ctl, &err);
	return 0;
}

int vssctl_prepare(struct vssctl *ctl, const struct vss_blockdev *volume, const char *where,
		   uint64_t size, struct vss_prepared *prepared)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_error err;

	if (vss_prepare_volume(&prepare, volume, where, size, prepared, &err))
		return vssctl_fail_error(ctl, &err);
	return 0;
}

void vssctl_unprepare(struct vssctl *ctl, const struct vss_blockdev *volume,
		      struct vss_prepared *prepared)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);

	vss_prepared_undo(&prepare, volume, prepared);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow copies that are to stay until they are deleted, and will not: those of the system
 * provider live in the module, and end with it unless their diff area is persistent.
 *
 * Their context promises more than a machine without such areas can keep, and making
 * none at all would help nobody.  So it is told.
 */
#include "backup.h"

static bool is_persistent(struct vss_kernel *kernel, struct vss_devno volume)
{
	struct vss_kernel_area *areas;
	bool persistent = false;
	size_t count;

	/* Who cannot be asked is not accused. */
	if (vss_kernel_area_list(kernel, &volume, &areas, &count))
		return true;
	for (size_t i = 0; i < count; i++)
		persistent |= areas[i].persistent;
	vss_kernel_area_list_free(areas, count);
	return persistent;
}

void vssctl_backup_warn_volatile(struct vssctl_backup *backup)
{
	struct vss_kernel *kernel;

	if (vss_context_is_auto_release(backup->context) || vss_kernel_open(&kernel, NULL))
		return;
	for (size_t i = 0; i < backup->nr_volumes; i++) {
		const struct vssctl_backup_volume *v = &backup->volumes[i];
		struct vss_kernel_snapshot snapshot;

		/* Those of other providers the module does not know. */
		if (vss_kernel_snapshot_get(kernel, &v->snapshot, &snapshot) ||
		    is_persistent(kernel, snapshot.volume))
			continue;
		vssctl_warn(backup->ctl, "the shadow copy of %s will be gone at the next restart, for its diff area is not "
			    "persistent; see 'vssctl diff-area add --persistent'", v->blockdev.path);
	}
	vss_kernel_close(kernel);
}

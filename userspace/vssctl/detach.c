// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl detach: stop to track a volume and remove the files of its diff area.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vss/area.h>

#include "command.h"
#include "detach-volume.h"
#include "print.h"

enum { OPT_FORCE = 1, OPT_KEEP_FILES };

static const struct vssctl_option options[] = {
	{ OPT_FORCE, "force", NULL, "delete its snapshots, even those in use" },
	{ OPT_KEEP_FILES, "keep-files", NULL, "do not remove the files of its diff area" },
	{ 0 },
};

/*
 * Remove the files of released parts; move those that were removed to the
 * front and return their number.
 */
static size_t remove_files(struct vssctl *ctl, struct vss_kernel_area *areas, size_t count)
{
	size_t removed = 0;

	for (size_t i = 0; i < count; i++) {
		struct vss_kernel_area area = areas[i];
		struct vss_error error;

		if (!area.path)
			continue;
		if (vss_area_file_remove(&area, &error)) {
			vssctl_warn(ctl, "%s", error.text);
			continue;
		}
		areas[i] = areas[removed];
		areas[removed++] = area;
	}
	return removed;
}

static int detach(struct vssctl *ctl, const char *name, struct vss_devno dev, bool force,
		  bool keep_files)
{
	struct vss_kernel_area *areas = NULL;
	size_t count = 0, removed = 0;
	int ret;

	/* The paths are known only as long as the volume is attached. */
	ret = vss_kernel_area_list(ctl->kernel, &dev, &areas, &count);
	/* Not attached: detaching it is what has to be refused. */
	if (ret && ret != -ENODEV)
		return vssctl_fail_kernel(ctl);
	if (vssctl_detach_volume(ctl, dev, force, areas, count)) {
		vss_kernel_area_list_free(areas, count);
		return vssctl_fail_kernel(ctl);
	}
	if (!keep_files)
		removed = remove_files(ctl, areas, count);
	ctl->print->detached(ctl, name, areas, removed);
	vss_kernel_area_list_free(areas, count);
	return VSSCTL_OK;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	bool force = false, keep_files = false;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_FORCE:
			force = true;
			break;
		case OPT_KEEP_FILES:
			keep_files = true;
			break;
		}
	}
	ret = vssctl_open_kernel(ctl) ?: vssctl_resolve_tracked(ctl, args->argv[0], &volume);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = detach(ctl, volume.path, volume.dev, force, keep_files);
	vssctl_unlock(lock);
	return ret;
}

const struct vssctl_command vssctl_detach = {
	.name = "detach",
	.operands = "VOLUME",
	.summary = "stop to track a volume",
	.description = "Stop to track a volume and remove the files of its diff area.  A volume whose\n"
		       "device is gone is named by its kernel name as 'status' shows it.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area add: give a volume room for its diff area.
 */
#include <unistd.h>

#include "area.h"
#include "areas-table.h"
#include "command.h"
#include "prepare.h"
#include "print.h"

enum { OPT_ON = 1, OPT_FILE, OPT_SIZE, OPT_FORCE, OPT_PERSISTENT };

static const struct vssctl_option options[] = {
	{ OPT_ON, "on", "DEVICE", "use this block device; its content is lost" },
	{ OPT_FILE, "file", "PATH", "create this file on ext4 or XFS, or one in this directory" },
	{ OPT_SIZE, "size", "SIZE", "size of the file (default: 10% of the volume, at least 64M)" },
	{ OPT_FORCE, "force", NULL, "use a device although it contains something" },
	{ OPT_PERSISTENT, "persistent", NULL, "with --on: snapshots outlive the machine's uptime; or a part of such an area" },
	{ 0 },
};

static int add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on,
	       const char *file, uint64_t size, bool force, struct vss_kernel_area *added)
{
	struct vss_kernel_volume state;
	struct vss_blockdev device __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	int ret;

	/* Before a file is made for nothing. */
	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	if (file)
		return vssctl_area_add(ctl, volume, file, size, false, added);
	if (!on)
		return vssctl_area_add_default(ctl, volume, size, added);
	ret = vssctl_resolve(ctl, on, &device);
	return ret ? ret : vssctl_area_add(ctl, volume, device.path, 0, force, added);
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

static int add_persistent(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on, bool force,
			  struct vss_kernel_area *added)
{
	const struct vss_prepare prepare = vssctl_preparing(ctl);
	struct vss_blockdev device __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_error error;
	int ret = vssctl_resolve(ctl, on, &device);

	if (ret)
		return ret;
	if (vss_prepare_area_persistent(&prepare, volume, device.dev, force, added, &error))
		return vssctl_fail_error(ctl, &error);
	tell_of_table(ctl, volume, device.path);
	return 0;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_area added = { 0 };
	const char *on = NULL, *file = NULL;
	bool force = false, persistent = false;
	uint64_t size = 0;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_ON:
			on = optarg;
			break;
		case OPT_FILE:
			file = optarg;
			break;
		case OPT_SIZE:
			if (!vssctl_size_value(args, "size", &size))
				return args->exit_code;
			break;
		case OPT_FORCE:
			force = true;
			break;
		case OPT_PERSISTENT:
			persistent = true;
			break;
		}
	}
	if (on && (file || size))
		return vssctl_usage_error(args, "--on excludes --file and --size");
	if (persistent && !on)
		return vssctl_usage_error(args, "--persistent needs --on");
	ret = vssctl_resolve(ctl, args->argv[0], &volume) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = persistent ? add_persistent(ctl, &volume, on, force, &added) :
		add(ctl, &volume, on, file, size, force, &added);
	vssctl_unlock(lock);
	if (ret)
		return ret;
	ctl->print->area_added(ctl, &added);
	vss_kernel_area_clear(&added);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_add = {
	.name = "diff-area add",
	.operands = "VOLUME",
	.summary = "give a volume room for copies",
	.description = "Add a part to the diff area of an attached volume: a block device, or a file.\n"
		       "Without --on and --file the place is chosen as 'create' does.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

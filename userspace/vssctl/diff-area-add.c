// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area add: give a volume room for its diff area.
 */
#include "area.h"
#include "command.h"
#include "print.h"

enum { OPT_ON = 1, OPT_FILE, OPT_SIZE, OPT_FORCE, OPT_PERSISTENT };

static const struct vssctl_option options[] = {
	{ OPT_ON, "on", "DEVICE", "use this block device; its content is lost" },
	{ OPT_FILE, "file", "PATH", "create this file on ext4 or XFS, or one in this directory" },
	{ OPT_SIZE, "size", "SIZE", "size of the file (default: 10% of the volume, at least 64M)" },
	{ OPT_FORCE, "force", NULL, "use a device although it contains something" },
	{ OPT_PERSISTENT, "persistent", NULL, "with --on: snapshots outlive the machine's uptime" },
	{ 0 },
};

static int add(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on, bool persistent,
	       const char *file, uint64_t size, bool force, struct vss_kernel_area *added)
{
	struct vss_kernel_volume state;

	if (on)
		return vssctl_area_add_device(ctl, volume, on, persistent, force, added);
	/* Before a file is made for nothing. */
	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	return file ? vssctl_area_add(ctl, volume, file, size, added) :
		vssctl_area_add_default(ctl, volume, size, added);
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
	ret = add(ctl, &volume, on, persistent, file, size, force, &added);
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

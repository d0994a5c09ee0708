// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area load: take a persistent diff area into use again.
 */
#include "command.h"
#include "print.h"

enum { OPT_UNCLEAN = 1 };

static const struct vssctl_option options[] = {
	{ OPT_UNCLEAN, "unclean", NULL, "after a crash: nobody has written to the volume since" },
	{ 0 },
};

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_blockdev device __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_area added = { 0 };
	uint32_t mode = VSS_AREA_LOAD;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_UNCLEAN:
			mode = VSS_AREA_LOAD_UNCLEAN;
			break;
		}
	}
	ret = vssctl_resolve(ctl, args->argv[0], &volume) ?: vssctl_resolve(ctl, args->argv[1], &device);
	if (!ret)
		ret = vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = vss_kernel_area_add_persistent(ctl->kernel, volume.dev, device.dev, mode, &added);
	vssctl_unlock(lock);
	if (ret)
		return vssctl_fail_kernel(ctl);
	ctl->print->area_added(ctl, &added);
	vss_kernel_area_clear(&added);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_load = {
	.name = "diff-area load",
	.operands = "VOLUME DEVICE",
	.summary = "take over a persistent diff area and its snapshots",
	.description = "Give an attached volume back the persistent diff area that it had, with the\n"
		       "snapshots in it.  If the volume may have been written since, they are lost.",
	.options = options,
	.min_operands = 2,
	.max_operands = 2,
	.run = run,
};

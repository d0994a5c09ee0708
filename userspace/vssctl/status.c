// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl status: attached volumes and their counters.
 */
#include <stdlib.h>

#include "command.h"
#include "print.h"

static int show_all(struct vssctl *ctl)
{
	struct vss_kernel_volume *volumes;
	size_t count;

	if (vss_kernel_volume_list(ctl->kernel, &volumes, &count))
		return vssctl_fail_kernel(ctl);
	ctl->print->volumes(ctl, volumes, count);
	free(volumes);
	return VSSCTL_OK;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev blockdev __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_volume volume;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	ret = vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	if (!args->argc)
		return show_all(ctl);
	ret = vssctl_resolve_tracked(ctl, args->argv[0], &blockdev);
	if (ret)
		return ret;
	if (vss_kernel_volume_get(ctl->kernel, blockdev.dev, &volume))
		return vssctl_fail_kernel(ctl);
	ctl->print->volume(ctl, &volume);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_status = {
	.name = "status",
	.operands = "[VOLUME]",
	.summary = "show attached volumes and their counters",
	.description = "Show all attached volumes in a table, or one in full detail.",
	.max_operands = 1,
	.run = run,
};

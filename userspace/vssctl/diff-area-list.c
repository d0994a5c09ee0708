// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area list: the parts of diff areas.
 */
#include "command.h"
#include "print.h"

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_area *areas;
	size_t count;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	ret = vssctl_open_kernel(ctl);
	if (!ret && args->argc)
		ret = vssctl_resolve_tracked(ctl, args->argv[0], &volume);
	if (ret)
		return ret;
	if (vss_kernel_area_list(ctl->kernel, args->argc ? &volume.dev : NULL, &areas, &count))
		return vssctl_fail_kernel(ctl);
	ctl->print->areas(ctl, areas, count);
	vss_kernel_area_list_free(areas, count);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_list = {
	.name = "diff-area list",
	.operands = "[VOLUME]",
	.summary = "list the parts of diff areas",
	.description = "List the parts of the diff area of a volume, or of all volumes.",
	.max_operands = 1,
	.run = run,
};

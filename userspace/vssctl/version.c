// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl version: of the tool and of the module.
 */
#include "command.h"
#include "print.h"

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_kernel_module module;
	bool loaded = false;
	int opt;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	if (vssctl_module_loaded() && !vss_kernel_open(&ctl->kernel, NULL)) {
		if (vss_kernel_module_get(ctl->kernel, &module))
			return vssctl_fail_kernel(ctl);
		loaded = true;
	}
	ctl->print->version(ctl, loaded ? &module : NULL);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_version = {
	.name = "version",
	.operands = "",
	.summary = "show versions of tool and module",
	.description = "Show the version of vssctl and, if it is loaded, of the kernel module.",
	.max_operands = 0,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl set-writable: let a snapshot's image be written to, or no longer.
 */
#include <string.h>

#include "command.h"
#include "print.h"

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_kernel_snapshot snapshot;
	struct vss_uuid uuid;
	bool on;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	on = !strcmp(args->argv[1], "on");
	if (!on && strcmp(args->argv[1], "off"))
		return vssctl_usage_error(args, "\"%s\" is neither on nor off", args->argv[1]);
	ret = vssctl_parse_uuid(ctl, args->argv[0], &uuid) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	if (vss_kernel_snapshot_set_flags(ctl->kernel, &uuid, on ? VSS_SNAPSHOT_F_WRITABLE : 0,
					  &snapshot))
		return vssctl_fail_kernel(ctl);
	if (ctl->json || ctl->verbose)
		ctl->print->snapshot(ctl, &snapshot);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_set_writable = {
	.name = "set-writable",
	.operands = "ID on|off",
	.summary = "let a snapshot be written to, or no longer",
	.description = "Make the image of a snapshot writable, or read-only again.  What is written goes\n"
		       "to room of its own in the diff area; volume and other snapshots stay as they are.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl show: everything about one snapshot or one set.
 */
#include <errno.h>
#include <stdlib.h>

#include "command.h"
#include "print.h"

static int show_set(struct vssctl *ctl, const struct vss_uuid *uuid, const char *name)
{
	struct vss_kernel_snapshot *snapshots;
	struct vss_kernel_set set;
	size_t count;
	int ret;

	ret = vss_kernel_set_get(ctl->kernel, uuid, &set);
	if (ret && ret != -ENOENT)
		return vssctl_fail_kernel(ctl);
	if (vss_kernel_snapshot_list(ctl->kernel, uuid, NULL, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	if (ret && !count) {
		free(snapshots);
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				   "there is no snapshot or set %s; see 'vssctl list'", name);
	}
	ctl->print->set(ctl, uuid, ret ? NULL : &set, snapshots, count);
	free(snapshots);
	return VSSCTL_OK;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_kernel_snapshot snapshot;
	struct vss_uuid uuid;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	ret = vssctl_parse_uuid(ctl, args->argv[0], &uuid) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	ret = vss_kernel_snapshot_get(ctl->kernel, &uuid, &snapshot);
	if (ret == -ENOENT)
		return show_set(ctl, &uuid, args->argv[0]);
	if (ret)
		return vssctl_fail_kernel(ctl);
	ctl->print->snapshot(ctl, &snapshot);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_show = {
	.name = "show",
	.operands = "ID",
	.summary = "show a snapshot or a set",
	.description = "Show everything about a snapshot, or about a set and its snapshots.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl list: the snapshots there are.
 */
#include <stdlib.h>

#include "command.h"
#include "print.h"

enum { OPT_VOLUME = 1, OPT_SET };

static const struct vssctl_option options[] = {
	{ OPT_VOLUME, "volume", "VOLUME", "only snapshots of this volume" },
	{ OPT_SET, "set", "ID", "only snapshots of this set" },
	{ 0 },
};

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	const char *volume_name = NULL, *set_name = NULL;
	struct vss_kernel_snapshot *snapshots;
	struct vss_uuid set;
	size_t count;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_VOLUME:
			volume_name = optarg;
			break;
		case OPT_SET:
			set_name = optarg;
			break;
		}
	}
	ret = set_name ? vssctl_parse_uuid(ctl, set_name, &set) : 0;
	if (!ret)
		ret = vssctl_open_kernel(ctl);
	if (!ret && volume_name)
		ret = vssctl_resolve_tracked(ctl, volume_name, &volume);
	if (ret)
		return ret;
	if (vss_kernel_snapshot_list(ctl->kernel, set_name ? &set : NULL,
				     volume_name ? &volume.dev : NULL, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	ctl->print->snapshots(ctl, snapshots, count);
	free(snapshots);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_list = {
	.name = "list",
	.operands = "",
	.summary = "list snapshots",
	.description = "List snapshots, oldest first.",
	.options = options,
	.max_operands = 0,
	.run = run,
};

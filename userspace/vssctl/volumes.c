// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl volumes: block devices that could be snapshotted.
 */
#include <stdlib.h>

#include "command.h"
#include "print.h"

/* Which of them the module tracks.  It need not be loaded for this command. */
static int mark_tracked(struct vssctl *ctl, const struct vss_blockdev *blockdevs, size_t count,
			bool *tracked)
{
	struct vss_kernel_volume *volumes;
	struct vss_error error;
	size_t volume_count;

	if (!vssctl_module_loaded())
		return 0;
	if (vss_kernel_open(&ctl->kernel, &error))
		return vssctl_fail_error(ctl, &error);
	if (vss_kernel_volume_list(ctl->kernel, &volumes, &volume_count))
		return vssctl_fail_kernel(ctl);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < volume_count; j++)
			if (blockdevs[i].dev.major == volumes[j].dev.major &&
			    blockdevs[i].dev.minor == volumes[j].dev.minor)
				tracked[i] = true;
	free(volumes);
	return 0;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev *blockdevs;
	struct vss_error error;
	bool *tracked;
	size_t count;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	if (vss_blockdev_list(&blockdevs, &count, &error))
		return vssctl_fail_error(ctl, &error);
	tracked = calloc(count ?: 1, sizeof(*tracked));
	if (tracked)
		ret = mark_tracked(ctl, blockdevs, count, tracked);
	else
		ret = vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	if (!ret)
		ctl->print->blockdevs(ctl, blockdevs, tracked, count);
	free(tracked);
	vss_blockdev_list_free(blockdevs, count);
	return ret;
}

const struct vssctl_command vssctl_volumes = {
	.name = "volumes",
	.operands = "",
	.summary = "list block devices that could be snapshotted",
	.description = "List block devices that could be snapshotted, and whether they are attached.",
	.max_operands = 0,
	.run = run,
};

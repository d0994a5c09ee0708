// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl attach: start to track a volume.
 */
#include "command.h"
#include "prepare.h"
#include "print.h"

enum { OPT_CHUNK = 1, OPT_COPY_MEMORY };

static const struct vssctl_option options[] = {
	{ OPT_CHUNK, "chunk-size", "SIZE", "copy in chunks of 4K to 256K (default 16K)" },
	{ OPT_COPY_MEMORY, "copy-memory", "SIZE", "most memory for copies in flight" },
	{ 0 },
};

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	uint64_t chunk = 0, copy_memory = 0;
	struct vss_kernel_volume state;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
		if (opt == OPT_CHUNK && !vssctl_size_value(args, "chunk-size", &chunk))
			return args->exit_code;
		if (opt == OPT_COPY_MEMORY && !vssctl_size_value(args, "copy-memory", &copy_memory))
			return args->exit_code;
	}
	if (chunk && (chunk < VSS_MIN_CHUNK_SIZE || chunk > VSS_MAX_CHUNK_SIZE ||
		      (chunk & (chunk - 1))))
		return vssctl_usage_error(args, "--chunk-size must be a power of two from 4K to 256K");
	ret = vssctl_resolve(ctl, args->argv[0], &volume) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = vssctl_attach_volume(ctl, &volume, (uint32_t)chunk, copy_memory, &state);
	vssctl_unlock(lock);
	if (ret)
		return ret;
	ctl->print->attached(ctl, &state);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_attach = {
	.name = "attach",
	.operands = "VOLUME",
	.summary = "start to track a volume",
	.description = "Start to track a live volume, so that snapshots of it can be made.  'create'\n"
		       "does this by itself; 'attach' serves to choose its parameters.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

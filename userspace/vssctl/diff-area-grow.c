// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area grow: more room for a volume's diff area.
 */
#include "area.h"
#include "command.h"
#include "print.h"
#include "size.h"

enum { OPT_SIZE = 1, OPT_ON };

static const struct vssctl_option options[] = {
	{ OPT_SIZE, "size", "[+]SIZE", "grow by +SIZE, or to SIZE altogether" },
	{ OPT_ON, "on", "DEVICE", "add this block device instead of a file" },
	{ 0 },
};

/* How much @size, with @relative or not, adds to what the volume has. */
static int missing_size(struct vssctl *ctl, const struct vss_blockdev *volume, bool relative,
			uint64_t *size)
{
	struct vss_kernel_volume state;
	char text[VSSCTL_SIZE_TEXT];

	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	if (relative)
		return 0;
	if (*size <= state.area_size)
		return vssctl_fail(ctl, E_INVALIDARG,
				   "the diff area of %s has %s already; to make it smaller take "
				   "parts away with 'vssctl diff-area remove'",
				   volume->path, vssctl_format_size(state.area_size, text));
	*size -= state.area_size;
	return 0;
}

static int grow(struct vssctl *ctl, const struct vss_blockdev *volume, const char *on,
		bool relative, uint64_t size, struct vss_kernel_area *added)
{
	int ret;

	if (on)
		return vssctl_area_add_device(ctl, volume, on, false, false, added);
	ret = missing_size(ctl, volume, relative, &size);
	return ret ? ret : vssctl_area_grow(ctl, volume, size, added);
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_area added = { 0 };
	const char *on = NULL;
	bool relative = false;
	uint64_t size = 0;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_SIZE:
			relative = optarg[0] == '+';
			optarg += relative;
			if (!vssctl_size_value(args, "size", &size))
				return args->exit_code;
			break;
		case OPT_ON:
			on = optarg;
			break;
		}
	}
	if (!!on == !!size)
		return vssctl_usage_error(args, "give either --size or --on");
	ret = vssctl_resolve(ctl, args->argv[0], &volume) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = grow(ctl, &volume, on, relative, size, &added);
	vssctl_unlock(lock);
	if (ret)
		return ret;
	ctl->print->area_added(ctl, &added);
	vss_kernel_area_clear(&added);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_grow = {
	.name = "diff-area grow",
	.operands = "VOLUME",
	.summary = "give a diff area more room",
	.description = "Make another file beside the last one of a volume's diff area, or add a block\n"
		       "device.  A diff area on the volume itself cannot grow while there are snapshots;\n"
		       "a persistent one grows by block devices only.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

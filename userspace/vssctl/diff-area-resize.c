// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area resize: another size for a volume's diff area, larger or smaller.
 */
#include <errno.h>
#include <string.h>

#include "area.h"
#include "command.h"
#include "delete.h"
#include "print.h"
#include "size.h"

enum { OPT_FORCE = 1 };

static const struct vssctl_option options[] = {
	{ OPT_FORCE, "force", NULL, "delete the volume's snapshots if it becomes smaller" },
	{ 0 },
};

/* Nothing was changed: no exit code. */
#define DELETE_FIRST	(-1)

/* Any part may hold what a snapshot needs, so there must be none. */
static int check_snapshots(struct vssctl *ctl, const struct vss_blockdev *volume, bool force)
{
	struct vss_kernel_volume state;

	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	if (!state.snapshots)
		return 0;
	if (force)
		return DELETE_FIRST;
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE,
			   "%s has %u snapshot%s, and any part of the diff area may hold what they need; "
			   "delete them first, or use --force, which does", volume->path, state.snapshots,
			   state.snapshots > 1 ? "s" : "");
}

static int shrink(struct vssctl *ctl, const struct vss_blockdev *volume,
		  const struct vssctl_area_plan *plan, bool force)
{
	struct vss_error error;
	int ret = check_snapshots(ctl, volume, force);

	for (size_t i = 0; !ret && i < plan->nr_remove; i++) {
		if (vss_kernel_area_remove(ctl->kernel, volume->dev, plan->remove[i]->id))
			return vssctl_fail_kernel(ctl);
		if (vss_area_file_remove(plan->remove[i], &error))
			vssctl_warn(ctl, "%s", error.text);
	}
	return ret || !plan->cut ? ret : vssctl_area_cut(ctl, volume, plan->cut, plan->cut_size);
}

static int resize(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size,
		  const struct vss_kernel_area *areas, size_t count, bool force)
{
	struct vss_kernel_area added = { 0 };
	struct vssctl_area_plan plan;
	char text[VSSCTL_SIZE_TEXT];
	int ret;

	if (!count)
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				   "%s has no diff area whose size could be changed; give it one with "
				   "'vssctl diff-area add'", volume->path);
	if (!vssctl_area_plan(areas, count, size, &plan))
		return vssctl_fail(ctl, E_INVALIDARG,
				   "devices in the diff area of %s cannot be cut: %s would be left; take "
				   "that, or exchange parts with 'vssctl diff-area add' and 'remove'",
				   volume->path, vssctl_format_size(plan.after, text));
	/* Before snapshots are deleted for it: the kernel takes such a part away from nobody. */
	if (count > 1 && areas[0].persistent && plan.nr_remove)
		return vssctl_fail(ctl, VSS_E_VOLUME_NOT_SUPPORTED,
				   "the diff area of %s is persistent and has %zu devices, which cannot be taken away one "
				   "by one; detach the volume to have all of them back", volume->path, count);
	if (!plan.grow)
		return plan.nr_remove || plan.cut ? shrink(ctl, volume, &plan, force) : 0;
	ret = vssctl_area_grow(ctl, volume, plan.grow, &added);
	vss_kernel_area_clear(&added);
	return ret;
}

static int report(struct vssctl *ctl, const struct vss_blockdev *volume)
{
	struct vss_kernel_area *areas;
	size_t count;

	if (vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count))
		return vssctl_fail_kernel(ctl);
	ctl->print->areas(ctl, areas, count);
	vss_kernel_area_list_free(areas, count);
	return VSSCTL_OK;
}

static int list_and_resize(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size, bool force)
{
	struct vss_kernel_area *areas;
	size_t count;
	int ret, lock;

	lock = vssctl_lock(ctl);
	if (vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count)) {
		ret = vssctl_fail_kernel(ctl);
	} else {
		ret = resize(ctl, volume, size, areas, count, force);
		vss_kernel_area_list_free(areas, count);
	}
	vssctl_unlock(lock);
	return ret;
}

static int resize_and_report(struct vssctl *ctl, const struct vss_blockdev *volume, uint64_t size, bool force)
{
	struct vss_kernel_volume state;
	int ret = list_and_resize(ctl, volume, size, force);

	if (ret == DELETE_FIRST) {
		/* Not with the lock, which vssd takes when a volume's last snapshot goes. */
		ret = vssctl_delete_of(ctl, volume, true);
		if (!ret && vss_kernel_volume_get(ctl->kernel, volume->dev, &state) == -ENODEV) {
			vssctl_note(ctl, "%s was attached for its shadow copies only, and is detached; its diff area is gone",
				    volume->path);
			return VSSCTL_OK;
		}
		ret = ret ?: list_and_resize(ctl, volume, size, false);
	}
	return ret ?: report(ctl, volume);
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	bool force = false;
	uint64_t size;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
		force = true;
	}
	if (vssctl_parse_size(args->argv[1], &size))
		return vssctl_usage_error(args, "\"%s\" is not a size; for a diff area that grows without a "
					  "limit see 'vssctl events --auto-grow'", args->argv[1]);
	if (size && size < VSS_AREA_ALIGN)
		return vssctl_usage_error(args, "a diff area has 1M at least; 0 takes it away");
	ret = vssctl_open_kernel(ctl) ?: vssctl_resolve_tracked(ctl, args->argv[0], &volume);
	return ret ?: resize_and_report(ctl, &volume, size, force);
}

const struct vssctl_command vssctl_diff_area_resize = {
	.name = "diff-area resize",
	.operands = "VOLUME SIZE",
	.summary = "give a diff area another size",
	.description = "Make a volume's diff area larger or smaller, or take it away (0).  Becoming smaller\n"
		       "parts go, newest first, and a file is cut; the volume must not have snapshots then,\n"
		       "or they are deleted by --force.",
	.options = options,
	.min_operands = 2,
	.max_operands = 2,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area remove: take a part of a diff area away.
 */
#include <string.h>
#include <sys/stat.h>
#include <vss/area.h>

#include "command.h"
#include "print.h"

enum { OPT_ID = 1, OPT_KEEP_FILES };

static const struct vssctl_option options[] = {
	{ OPT_ID, "id", "N", "the part of this number, as 'diff-area list' shows it" },
	{ OPT_KEEP_FILES, "keep-files", NULL, "do not remove the file that the part is" },
	{ 0 },
};

/* What names the part: a number, or a path or device. */
struct choice {
	const char *name;		/* NULL: @id counts */
	uint32_t id;
	struct stat st;			/* of @name */
	bool is_file;
	struct vss_blockdev device;	/* if it is none */
};

static bool is_same_file(const struct choice *choice, const char *path)
{
	struct stat st;

	/* By its text too, for its directory may be hidden by another mount. */
	return !strcmp(path, choice->name) ||
	       (choice->is_file && !stat(path, &st) && st.st_dev == choice->st.st_dev &&
		st.st_ino == choice->st.st_ino);
}

static bool is_chosen(const struct choice *choice, const struct vss_kernel_area *area)
{
	if (!choice->name)
		return area->id == choice->id;
	if (area->path)
		return is_same_file(choice, area->path);
	return area->type == VSS_AREA_DEVICE && choice->device.path &&
	       area->dev.major == choice->device.dev.major &&
	       area->dev.minor == choice->device.dev.minor;
}

static const struct vss_kernel_area *find(const struct choice *choice,
					  const struct vss_kernel_area *areas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_chosen(choice, &areas[i]))
			return &areas[i];
	return NULL;
}

static int choose(struct vssctl *ctl, struct choice *choice, const struct vss_blockdev *volume,
		  const struct vss_kernel_area *areas, size_t count,
		  const struct vss_kernel_area **chosen)
{
	int ret;

	if (choice->name)
		choice->is_file = !stat(choice->name, &choice->st) &&
				  S_ISREG(choice->st.st_mode);
	*chosen = find(choice, areas, count);
	if (!*chosen && choice->name && !choice->is_file) {
		ret = vssctl_resolve(ctl, choice->name, &choice->device);
		if (ret)
			return ret;
		*chosen = find(choice, areas, count);
	}
	if (*chosen)
		return 0;
	if (choice->name)
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				   "%s is no part of the diff area of %s; see 'vssctl diff-area "
				   "list'", choice->name, volume->path);
	return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
			   "the diff area of %s has no part %u; see 'vssctl diff-area list'",
			   volume->path, choice->id);
}

/* Was there a file, and is it gone? */
static bool remove_file(struct vssctl *ctl, const struct vss_kernel_area *area)
{
	struct vss_error error;

	if (!area->path)
		return false;
	if (!vss_area_file_remove(area, &error))
		return true;
	vssctl_warn(ctl, "%s", error.text);
	return false;
}

static int remove_part(struct vssctl *ctl, const struct vss_blockdev *volume,
		       struct choice *choice, bool keep_files)
{
	const struct vss_kernel_area *chosen;
	struct vss_kernel_area *areas;
	size_t count;
	int ret;

	if (vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count))
		return vssctl_fail_kernel(ctl);
	ret = choose(ctl, choice, volume, areas, count, &chosen);
	if (!ret && vss_kernel_area_remove(ctl->kernel, volume->dev, chosen->id))
		ret = vssctl_fail_kernel(ctl);
	if (!ret)
		ctl->print->area_removed(ctl, chosen, !keep_files && remove_file(ctl, chosen));
	vss_kernel_area_list_free(areas, count);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct choice choice = { 0 };
	bool by_id = false, keep_files = false;
	uint64_t id = 0;
	int opt, ret, lock;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_ID:
			if (!vssctl_number_value(args, "id", 0, UINT32_MAX, &id))
				return args->exit_code;
			by_id = true;
			break;
		case OPT_KEEP_FILES:
			keep_files = true;
			break;
		}
	}
	if (by_id == (args->argc > 1))
		return vssctl_usage_error(args, "name the part by its path or device, or by --id");
	choice.name = by_id ? NULL : args->argv[1];
	choice.id = (uint32_t)id;
	ret = vssctl_open_kernel(ctl) ?: vssctl_resolve_tracked(ctl, args->argv[0], &volume);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = remove_part(ctl, &volume, &choice, keep_files);
	vssctl_unlock(lock);
	vss_blockdev_clear(&choice.device);
	return ret;
}

const struct vssctl_command vssctl_diff_area_remove = {
	.name = "diff-area remove",
	.operands = "VOLUME [PATH|DEVICE]",
	.summary = "take a part of a diff area away",
	.description = "Take a part of a volume's diff area away: the file or device that is named, or\n"
		       "the part with the number --id.  Its file is removed.  The volume must not have\n"
		       "snapshots, unless the part is a file that was only pinned.",
	.options = options,
	.min_operands = 1,
	.max_operands = 2,
	.run = run,
};

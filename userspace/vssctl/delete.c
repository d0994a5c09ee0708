// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl delete: delete snapshots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"

enum { OPT_SET = 1, OPT_VOLUME, OPT_OLDEST, OPT_ALL, OPT_FORCE };

static const struct vssctl_option options[] = {
	{ OPT_SET, "set", "ID", "all snapshots of this set" },
	{ OPT_VOLUME, "volume", "VOLUME", "snapshots of this volume, with --oldest or --all" },
	{ OPT_OLDEST, "oldest", NULL, "the oldest one of the volume" },
	{ OPT_ALL, "all", NULL, "all of the volume" },
	{ OPT_FORCE, "force", NULL, "even those in use; readers get errors from then on" },
	{ 0 },
};

struct request {
	const char *set;
	const char *volume;
	bool oldest;
	bool all;
	bool force;
};

/* Delete one by one, as far as it goes, and print what was deleted. */
static int delete_each(struct vssctl *ctl, struct vss_kernel_snapshot *snapshots, size_t count,
		       bool force)
{
	size_t deleted = 0;
	int ret = VSSCTL_OK;

	for (size_t i = 0; i < count; i++) {
		if (!vss_kernel_snapshot_delete(ctl->kernel, &snapshots[i].uuid, force)) {
			snapshots[deleted++] = snapshots[i];
			continue;
		}
		/* The first failure decides; each one is told. */
		ret = ret ?: vssctl_fail_kernel(ctl);
	}
	if (deleted || !ret)
		ctl->print->deleted(ctl, snapshots, deleted);
	return ret;
}

static int delete_set(struct vssctl *ctl, const struct request *request)
{
	struct vss_kernel_snapshot *snapshots;
	struct vss_uuid set;
	size_t count;
	int ret;

	ret = vssctl_parse_uuid(ctl, request->set, &set);
	if (ret)
		return ret;
	if (vss_kernel_snapshot_list(ctl->kernel, &set, NULL, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	if (!count)
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				  "there is no set %s; see 'vssctl list'", request->set);
	else if (vss_kernel_snapshot_delete_set(ctl->kernel, &set, request->force))
		ret = vssctl_fail_kernel(ctl);
	else
		ctl->print->deleted(ctl, snapshots, count);
	free(snapshots);
	return ret;
}

static int delete_of_volume(struct vssctl *ctl, const struct request *request)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_snapshot *snapshots;
	size_t count;
	int ret;

	ret = vssctl_resolve_tracked(ctl, request->volume, &volume);
	if (ret)
		return ret;
	if (vss_kernel_snapshot_list(ctl->kernel, NULL, &volume.dev, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	if (!count)
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "%s has no snapshots", volume.path);
	else
		ret = delete_each(ctl, snapshots, request->oldest ? 1 : count, request->force);
	free(snapshots);
	return ret;
}

static int delete_ids(struct vssctl *ctl, char **ids, size_t count, bool force)
{
	struct vss_kernel_snapshot *snapshots = calloc(count, sizeof(*snapshots));
	int ret = VSSCTL_OK;

	if (!snapshots)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	/* Nothing is deleted if one of the names is wrong. */
	for (size_t i = 0; !ret && i < count; i++) {
		struct vss_uuid uuid;

		ret = vssctl_parse_uuid(ctl, ids[i], &uuid);
		if (!ret && vss_kernel_snapshot_get(ctl->kernel, &uuid, &snapshots[i]))
			ret = vssctl_fail_kernel(ctl);
	}
	if (!ret)
		ret = delete_each(ctl, snapshots, count, force);
	free(snapshots);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct request request = { 0 };
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_SET:
			request.set = optarg;
			break;
		case OPT_VOLUME:
			request.volume = optarg;
			break;
		case OPT_OLDEST:
			request.oldest = true;
			break;
		case OPT_ALL:
			request.all = true;
			break;
		case OPT_FORCE:
			request.force = true;
			break;
		}
	}
	if ((args->argc > 0) + !!request.set + !!request.volume != 1)
		return vssctl_usage_error(args, "name snapshots, or use --set or --volume");
	if (request.volume ? request.oldest == request.all : request.oldest || request.all)
		return vssctl_usage_error(args, "--volume goes with either --oldest or --all");
	ret = vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	if (request.set)
		return delete_set(ctl, &request);
	if (request.volume)
		return delete_of_volume(ctl, &request);
	return delete_ids(ctl, args->argv, (size_t)args->argc, request.force);
}

const struct vssctl_command vssctl_delete = {
	.name = "delete",
	.operands = "[ID...]",
	.summary = "delete snapshots",
	.description = "Delete snapshots: those named, all of a set, or the oldest or all of a volume.",
	.options = options,
	.max_operands = -1,
	.run = run,
};

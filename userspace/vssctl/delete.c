// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl delete: delete snapshots.
 *
 * Where vssd runs it does the deleting, for it keeps records of shadow copies,
 * mounts them, and knows those that other providers made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"
#include "requester.h"

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
	struct vss_backup_components *bc;	/* NULL where vssd does not run */
};

static int delete_one(struct vssctl *ctl, const struct request *request, const struct vss_uuid *id,
		      enum vss_object_type type)
{
	struct vss_uuid nondeleted;
	int32_t deleted;
	int ret;

	if (request->bc)
		return vssctl_check(ctl, request->bc,
				    vss_backup_components_delete_snapshots(request->bc, id, type,
									   request->force, &deleted,
									   &nondeleted));
	if (type == VSS_OBJECT_SNAPSHOT_SET)
		ret = vss_kernel_snapshot_delete_set(ctl->kernel, id, request->force);
	else
		ret = vss_kernel_snapshot_delete(ctl->kernel, id, request->force);
	return ret ? vssctl_fail_kernel(ctl) : 0;
}

/* Delete one by one, as far as it goes, and print what was deleted. */
static int delete_each(struct vssctl *ctl, const struct request *request,
		       struct vss_kernel_snapshot *snapshots, size_t count)
{
	size_t deleted = 0;
	int ret = VSSCTL_OK;

	for (size_t i = 0; i < count; i++) {
		int failed = delete_one(ctl, request, &snapshots[i].uuid, VSS_OBJECT_SNAPSHOT);

		if (!failed)
			snapshots[deleted++] = snapshots[i];
		/* The first failure decides; each one is told. */
		ret = ret ?: failed;
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
	if (!count && !request->bc)
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND,
				  "there is no set %s; see 'vssctl list'", request->set);
	else
		ret = delete_one(ctl, request, &set, VSS_OBJECT_SNAPSHOT_SET);
	if (!ret)
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
		ret = delete_each(ctl, request, snapshots, request->oldest ? 1 : count);
	free(snapshots);
	return ret;
}

static int delete_ids(struct vssctl *ctl, const struct request *request, char **ids, size_t count)
{
	struct vss_kernel_snapshot *snapshots = calloc(count, sizeof(*snapshots));
	int ret = VSSCTL_OK;

	if (!snapshots)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	/* Nothing is deleted if one of the names is wrong. */
	for (size_t i = 0; !ret && i < count; i++) {
		struct vss_uuid uuid;

		ret = vssctl_parse_uuid(ctl, ids[i], &uuid);
		if (ret || !vss_kernel_snapshot_get(ctl->kernel, &uuid, &snapshots[i]))
			continue;
		/* It may be another provider's. */
		snapshots[i].uuid = uuid;
		if (!request->bc)
			ret = vssctl_fail_kernel(ctl);
	}
	if (!ret)
		ret = delete_each(ctl, request, snapshots, count);
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
	if (!ret && vssctl_vssd_running())
		ret = vssctl_connect_all(ctl, &request.bc);
	if (ret)
		return ret;
	if (request.set)
		ret = delete_set(ctl, &request);
	else if (request.volume)
		ret = delete_of_volume(ctl, &request);
	else
		ret = delete_ids(ctl, &request, args->argv, (size_t)args->argc);
	vss_backup_components_release(request.bc);
	return ret;
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

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
#include <unistd.h>

#include "command.h"
#include "confirm.h"
#include "delete.h"
#include "print.h"
#include "requester.h"

enum { OPT_SET = 1, OPT_VOLUME, OPT_OLDEST, OPT_ALL, OPT_FORCE, OPT_YES };

static const struct vssctl_option options[] = {
	{ OPT_SET, "set", "ID", "all snapshots of this set" },
	{ OPT_VOLUME, "volume", "VOLUME", "snapshots of this volume, with --oldest or --all" },
	{ OPT_OLDEST, "oldest", NULL, "the oldest one of the volume" },
	{ OPT_ALL, "all", NULL, "all of the volume, or without --volume all there are" },
	{ OPT_FORCE, "force", NULL, "even those in use, whose readers get errors; forget named ones that are unavailable" },
	{ OPT_YES, "yes", NULL, "do not ask before --all" },
	{ 0 },
};

struct request {
	const char *set;
	const char *volume;
	bool oldest;
	bool all;
	bool force;
	bool ask;				/* before all are deleted */
	bool silent;				/* what was deleted is not the result */
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
	if (!request->silent && (deleted || !ret))
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

/* 0, or the exit code when it was not meant. */
static int confirm(struct vssctl *ctl, const struct request *request, size_t count, const char *of)
{
	char question[512];

	if (!request->ask)
		return 0;
	snprintf(question, sizeof(question), "vssctl: delete %s%zu snapshot%s%s%s?", count > 1 ? "all " : "",
		 count, count > 1 ? "s" : "", of ? " of " : " of this machine", of ? of : "");
	return vssctl_confirm(stdin, ctl->err, question) ? 0 :
	       vssctl_fail(ctl, E_ABORT, "nothing was deleted; --yes does it without a question");
}

static int delete_of(struct vssctl *ctl, const struct request *request, const struct vss_blockdev *volume)
{
	struct vss_kernel_snapshot *snapshots;
	size_t count;
	int ret;

	if (vss_kernel_snapshot_list(ctl->kernel, NULL, &volume->dev, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	if (!count)
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "%s has no snapshots", volume->path);
	else if (request->oldest)
		ret = delete_each(ctl, request, snapshots, 1);
	else
		ret = confirm(ctl, request, count, volume->path) ?: delete_each(ctl, request, snapshots, count);
	free(snapshots);
	return ret;
}

static int delete_of_volume(struct vssctl *ctl, const struct request *request)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };

	return vssctl_resolve_tracked(ctl, request->volume, &volume) ?: delete_of(ctl, request, &volume);
}

/*
 * Those of the module, and those that only vssd knows; an array to free().  Those that are not
 * available would be forgotten, which is done to those that are named only.
 */
static int list_all(struct vssctl *ctl, const struct request *request, struct vss_kernel_snapshot **all,
		    size_t *count)
{
	struct vssctl_objects objects = { 0 };
	struct vss_kernel_snapshot *longer;
	size_t known;
	int ret;

	if (vss_kernel_snapshot_list(ctl->kernel, NULL, NULL, all, count))
		return vssctl_fail_kernel(ctl);
	ret = request->bc ? vssctl_query(ctl, request->bc, VSS_OBJECT_SNAPSHOT, &objects) : 0;
	longer = ret ? NULL : realloc(*all, (*count + objects.count + 1) * sizeof(**all));
	if (!longer) {
		free(*all);
		vssctl_objects_clear(&objects);
		return ret ?: vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	}
	*all = longer;
	known = *count;
	for (size_t i = 0; i < objects.count; i++) {
		const struct vss_snapshot_prop *prop = &objects.props[i].snap;
		size_t j = 0;

		while (j < known && !vss_uuid_equal(&longer[j].uuid, &prop->snapshot_id))
			j++;
		if (j == known && prop->status != VSS_SS_UNKNOWN)
			longer[(*count)++] = (struct vss_kernel_snapshot) { .uuid = prop->snapshot_id,
									     .set = prop->snapshot_set_id };
	}
	vssctl_objects_clear(&objects);
	return 0;
}

static int delete_all(struct vssctl *ctl, const struct request *request)
{
	struct vss_kernel_snapshot *snapshots;
	size_t count;
	int ret = list_all(ctl, request, &snapshots, &count);

	if (ret)
		return ret;
	/* As with the others, nothing to delete is no success. */
	if (!count)
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "there are no snapshots");
	else
		ret = confirm(ctl, request, count, NULL) ?: delete_each(ctl, request, snapshots, count);
	free(snapshots);
	return ret;
}

int vssctl_delete_of(struct vssctl *ctl, const struct vss_blockdev *volume, bool force)
{
	struct request request = { .all = true, .force = force, .silent = true };
	int ret = vssctl_vssd_running() ? vssctl_connect_all(ctl, &request.bc) : 0;

	if (!ret)
		ret = delete_of(ctl, &request, volume);
	vss_backup_components_release(request.bc);
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
	struct request request = { .ask = isatty(STDIN_FILENO) };
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
		case OPT_YES:
			request.ask = false;
			break;
		}
	}
	if ((args->argc > 0) + !!request.set + (request.volume || request.all) != 1)
		return vssctl_usage_error(args, "name snapshots, or use --set, --volume or --all");
	if (request.volume ? request.oldest == request.all : request.oldest)
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
	else if (request.all)
		ret = delete_all(ctl, &request);
	else
		ret = delete_ids(ctl, &request, args->argv, (size_t)args->argc);
	vss_backup_components_release(request.bc);
	return ret;
}

const struct vssctl_command vssctl_delete = {
	.name = "delete",
	.operands = "[ID...]",
	.summary = "delete snapshots",
	.description = "Delete snapshots: those named, all of a set, the oldest or all of a volume, or all\n"
		       "there are.  On a terminal it asks before --all.",
	.options = options,
	.max_operands = -1,
	.run = run,
};

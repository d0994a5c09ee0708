// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl create: snapshots of one or more volumes at one instant.
 *
 * In order: the volumes are made ready, the set is prepared, one netlink
 * message takes it through freeze, hold, commit and thaw within the kernel,
 * and then the images are looked up.  If anything fails, everything done until
 * then is taken back.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vss/freeze.h>

#include "command.h"
#include "create-shadow.h"
#include "critical.h"
#include "devnode.h"
#include "prepare.h"
#include "print.h"

#define DEFAULT_WAIT_SECONDS	30
#define RETRY_MS		200

enum {
	OPT_SET = 1,
	OPT_WRITABLE,
	OPT_NO_FREEZE,
	OPT_HOLD_TIMEOUT,
	OPT_FREEZE_TIMEOUT,
	OPT_DIFF_AREA,
	OPT_DIFF_AREA_SIZE,
	OPT_WAIT,
};

static const struct vssctl_option options[] = {
	{ OPT_SET, "set", "UUID", "id of the set (default: random)" },
	{ OPT_WRITABLE, "writable", NULL, "make the images writable" },
	{ OPT_NO_FREEZE, "no-freeze", NULL, "do not freeze file systems: crash-consistent" },
	{ OPT_HOLD_TIMEOUT, "hold-timeout", "MS", "longest time writes may be held" },
	{ OPT_FREEZE_TIMEOUT, "freeze-timeout", "MS", "longest time from freeze to thaw" },
	{ OPT_DIFF_AREA, "diff-area", "WHERE", "device, new file or directory for the diff area" },
	{ OPT_DIFF_AREA_SIZE, "diff-area-size", "SIZE", "size of a new file for it" },
	{ OPT_WAIT, "wait", "SECONDS", "wait for other sets in creation (default 30)" },
	{ 0 },
};

struct creation {
	struct vssctl *ctl;
	struct vssctl_shadow_options shadow;	/* the set is vssd's matter if any was given */
	bool direct;				/* an option was given that vssd has no part in */
	/* What was asked for. */
	struct vss_uuid set_uuid;
	uint32_t flags;
	bool writable;
	uint32_t hold_timeout_ms;
	uint32_t freeze_timeout_ms;
	uint64_t wait_seconds;
	const char *where[VSS_MAX_MEMBERS];	/* of each volume's diff area */
	size_t where_count;
	uint64_t area_size;
	/* What was done; index is that of the volume. */
	size_t count;
	size_t prepared_count;
	struct vss_blockdev volumes[VSS_MAX_MEMBERS];
	struct vss_prepared prepared[VSS_MAX_MEMBERS];
	struct vss_kernel_member members[VSS_MAX_MEMBERS];
	struct vss_kernel_set set;
};

static int resolve_volumes(struct creation *c, char **names, size_t count)
{
	struct vssctl *ctl = c->ctl;

	for (; c->count < count; c->count++) {
		struct vss_blockdev *volume = &c->volumes[c->count];
		int ret = vssctl_resolve(ctl, names[c->count], volume);

		if (ret)
			return ret;
		for (size_t i = 0; i < c->count; i++) {
			if (c->volumes[i].dev.major != volume->dev.major ||
			    c->volumes[i].dev.minor != volume->dev.minor)
				continue;
			vssctl_fail(ctl, E_INVALIDARG, "%s and %s are the same volume, %s",
				    names[i], names[c->count], volume->path);
			vss_blockdev_clear(volume);
			return VSSCTL_USAGE;
		}
	}
	return 0;
}

static int check_interrupted(struct vssctl *ctl)
{
	return vssctl_interrupted() ? vssctl_fail(ctl, VSS_E_BAD_STATE, "interrupted") : 0;
}

static int prepare_volumes(struct creation *c)
{
	int lock = vssctl_lock(c->ctl);
	int ret = 0;

	while (!ret && c->prepared_count < c->count) {
		size_t i = c->prepared_count;
		/* A directory given once serves all. */
		const char *where = c->where_count == 1 ? c->where[0] : c->where[i];

		ret = vssctl_prepare(c->ctl, &c->volumes[i], where, c->area_size,
				     &c->prepared[i]);
		if (!ret) {
			c->prepared_count++;
			ret = check_interrupted(c->ctl);
		}
	}
	vssctl_unlock(lock);
	return ret;
}

static void unprepare_volumes(struct creation *c)
{
	int lock = vssctl_lock(c->ctl);

	while (c->prepared_count) {
		size_t i = --c->prepared_count;

		vssctl_unprepare(c->ctl, &c->volumes[i], &c->prepared[i]);
	}
	vssctl_unlock(lock);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Prepare the set; wait while a volume is in another one. */
static int prepare_set(struct creation *c, const struct vss_kernel_set_request *request)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	double deadline = now() + (double)c->wait_seconds;
	bool told = false;
	int ret;

	while (vss_kernel_set_prepare(c->ctl->kernel, request, &c->set)) {
		if (vss_kernel_result(c->ctl->kernel) != VSS_E_SNAPSHOT_SET_IN_PROGRESS ||
		    now() >= deadline)
			return vssctl_fail_kernel(c->ctl);
		if (!told)
			vssctl_note(c->ctl, "waiting for another set in creation");
		told = true;
		nanosleep(&pause, NULL);
		ret = check_interrupted(c->ctl);
		if (ret)
			return ret;
	}
	return 0;
}

static int take_set(struct creation *c, const struct vss_freeze_plan *plan)
{
	const struct vss_kernel_set_request request = {
		.uuid = c->set_uuid,
		.flags = c->flags,
		.hold_timeout_ms = c->hold_timeout_ms,
		.freeze_timeout_ms = c->freeze_timeout_ms,
		.members = c->members,
		.member_count = c->count,
		.freezes = plan->freezes,
		.freeze_count = c->flags & VSS_SET_F_NO_FREEZE ? 0 : plan->freeze_count,
	};
	int ret = prepare_set(c, &request);

	if (ret)
		return ret;
	fflush(c->ctl->out);
	vssctl_enter_critical();
	ret = vss_kernel_set_step(c->ctl->kernel, &c->set_uuid, VSS_SET_DONE, &c->set);
	vssctl_leave_critical();
	return ret ? vssctl_fail_kernel(c->ctl) : 0;
}

static int plan_and_take_set(struct creation *c)
{
	struct vss_devno devs[VSS_MAX_MEMBERS];
	struct vss_freeze_plan plan;
	struct vss_error error;
	int ret;

	for (size_t i = 0; i < c->count; i++)
		devs[i] = c->volumes[i].dev;
	if (vss_freeze_plan_make(devs, c->count, &plan, &error))
		return vssctl_fail_error(c->ctl, &error);
	for (size_t i = 0; i < plan.note_count; i++)
		vssctl_warn(c->ctl, "%s", plan.notes[i]);
	for (size_t i = 0; i < plan.freeze_count; i++)
		vssctl_detail(c->ctl, "freezing %s at level %u", plan.mount_points[i],
			      plan.freezes[i].level);
	for (size_t i = 0; i < c->count; i++) {
		c->members[i].dev = devs[i];
		c->members[i].level = plan.levels[i];
		if (vss_uuid_generate(&c->members[i].snapshot)) {
			vss_freeze_plan_clear(&plan);
			return vssctl_fail(c->ctl, VSS_E_UNEXPECTED, "no random numbers");
		}
	}
	ret = take_set(c, &plan);
	vss_freeze_plan_clear(&plan);
	return ret;
}

static int look_up(struct creation *c, size_t i, struct vssctl_created_snapshot *result,
		   char **device, struct vss_kernel_area **areas)
{
	struct vss_kernel *kernel = c->ctl->kernel;

	if (c->writable &&
	    vss_kernel_snapshot_set_flags(kernel, &c->members[i].snapshot,
					  VSS_SNAPSHOT_F_WRITABLE, NULL))
		return vssctl_fail_kernel(c->ctl);
	if (vss_kernel_snapshot_get(kernel, &c->members[i].snapshot, &result->snapshot) ||
	    vss_kernel_area_list(kernel, &c->volumes[i].dev, areas, &result->area_count))
		return vssctl_fail_kernel(c->ctl);
	result->areas = *areas;
	result->volume = c->volumes[i].path;
	*device = vssctl_wait_devnode(c->ctl, &result->snapshot);
	result->device = *device;
	return *device ? 0 : vssctl_fail(c->ctl, E_OUTOFMEMORY, "out of memory");
}

static int report(struct creation *c)
{
	struct vssctl_created_snapshot results[VSS_MAX_MEMBERS] = { 0 };
	struct vss_kernel_area *areas[VSS_MAX_MEMBERS] = { 0 };
	char *devices[VSS_MAX_MEMBERS] = { 0 };
	struct vssctl_created created = {
		.set = c->set,
		.snapshots = results,
		.count = c->count,
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < c->count; i++)
		ret = look_up(c, i, &results[i], &devices[i], &areas[i]);
	if (!ret)
		c->ctl->print->created(c->ctl, &created);
	for (size_t i = 0; i < c->count; i++) {
		free(devices[i]);
		vss_kernel_area_list_free(areas[i], results[i].area_count);
	}
	return ret;
}

static int create(struct creation *c)
{
	int ret = prepare_volumes(c);

	if (!ret)
		ret = plan_and_take_set(c);
	if (!ret) {
		ret = report(c);
		if (ret && vss_kernel_snapshot_delete_set(c->ctl->kernel, &c->set_uuid, true))
			vssctl_warn(c->ctl, "%s", vss_kernel_error(c->ctl->kernel));
	}
	if (ret)
		unprepare_volumes(c);
	return ret;
}

static bool take_option(struct creation *c, struct vssctl_args *args, int opt)
{
	uint64_t number;

	if (opt >= VSSCTL_SHADOW_OPTION_FIRST)
		return vssctl_shadow_take_option(&c->shadow, args, opt);
	c->direct = true;
	switch (opt) {
	case OPT_SET:
		args->exit_code = vssctl_parse_uuid(c->ctl, optarg, &c->set_uuid);
		return !args->exit_code;
	case OPT_WRITABLE:
		c->writable = true;
		return true;
	case OPT_NO_FREEZE:
		c->flags |= VSS_SET_F_NO_FREEZE;
		return true;
	case OPT_HOLD_TIMEOUT:
		if (!vssctl_number_value(args, "hold-timeout", 1, VSS_MAX_HOLD_TIMEOUT_MS,
					 &number))
			return false;
		c->hold_timeout_ms = (uint32_t)number;
		return true;
	case OPT_FREEZE_TIMEOUT:
		if (!vssctl_number_value(args, "freeze-timeout", 1, VSS_MAX_FREEZE_TIMEOUT_MS,
					 &number))
			return false;
		c->freeze_timeout_ms = (uint32_t)number;
		return true;
	case OPT_DIFF_AREA:
		if (c->where_count == VSS_MAX_MEMBERS) {
			vssctl_usage_error(args, "--diff-area is given too often");
			return false;
		}
		c->where[c->where_count++] = optarg;
		return true;
	case OPT_DIFF_AREA_SIZE:
		return vssctl_size_value(args, "diff-area-size", &c->area_size);
	case OPT_WAIT:
		return vssctl_number_value(args, "wait", 0, 86400, &c->wait_seconds);
	default:
		args->exit_code = VSSCTL_USAGE;
		return false;
	}
}

static int run_creation(struct creation *c, struct vssctl_args *args)
{
	struct vssctl *ctl = c->ctl;
	sigset_t signals;
	int opt, ret;

	if (vss_uuid_generate(&c->set_uuid))
		return vssctl_fail(ctl, VSS_E_UNEXPECTED, "no random numbers");
	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP || !take_option(c, args, opt))
			return args->exit_code;
	if (c->shadow.used && c->direct)
		return vssctl_usage_error(args, "options for vssd (--context and those after it) do not go "
					  "with those for a set that is made without it");
	if (c->shadow.used)
		return vssctl_create_shadow(&c->shadow, args);
	if (c->where_count > 1 && c->where_count != (size_t)args->argc)
		return vssctl_usage_error(args, "give --diff-area once (a directory), or once for "
					  "each volume");
	ret = resolve_volumes(c, args->argv, (size_t)args->argc) ?: vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	vssctl_block_signals(&signals);
	ret = create(c);
	vssctl_restore_signals(&signals);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct creation *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	c->ctl = ctl;
	c->wait_seconds = DEFAULT_WAIT_SECONDS;
	vssctl_backup_init(&c->shadow.backup, ctl);
	ret = run_creation(c, args);
	for (size_t i = 0; i < c->count; i++)
		vss_blockdev_clear(&c->volumes[i]);
	for (size_t i = 0; i < c->prepared_count; i++)
		vss_kernel_area_clear(&c->prepared[i].area);
	vssctl_backup_clear(&c->shadow.backup);
	free(c);
	return ret;
}

const struct vssctl_command vssctl_create = {
	.name = "create",
	.operands = "VOLUME...",
	.summary = "create snapshots of volumes, all at one instant",
	.description = "Create snapshots of one or more volumes at one instant.  Volumes that are not\n"
		       "attached yet are attached; those without a diff area are given one: a file on\n"
		       "the volume itself or on another local ext4 or XFS file system.\n\n"
		       "With --context or an option after it in this list vssd makes the set, together\n"
		       "with the writers: applications that bring their data to rest for it.",
	.options = options,
	.more_options = vssctl_shadow_options,
	.min_operands = 1,
	.max_operands = VSS_MAX_MEMBERS,
	.run = run,
};

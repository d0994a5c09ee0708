// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl retain: keep so many hourly, daily and weekly client-accessible shadow
 * copies of a volume, and delete the others.  Made to be run by a timer.
 *
 * Nothing is deleted before the new copy is there, but for what has to make room
 * for it: when copies cannot be made any more, old ones are not to dwindle.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "command.h"
#include "critical.h"
#include "expose.h"
#include "print-service.h"
#include "retain-choice.h"

/* VSS's limits for a volume (Volume Shadow Copy Service Overview): client-accessible, and of all kinds. */
#define MAX_CLIENT_ACCESSIBLE	64
#define MAX_COPIES		512

enum { OPT_HOURLY = 1, OPT_DAILY, OPT_WEEKLY, OPT_CREATE, OPT_SAMBA, OPT_DRY_RUN, OPT_FORCE };

static const struct vssctl_option options[] = {
	{ OPT_HOURLY, "hourly", "N", "keep the last of each of N hours" },
	{ OPT_DAILY, "daily", "N", "keep the last of each of N days" },
	{ OPT_WEEKLY, "weekly", "N", "keep the last of each of N weeks" },
	{ OPT_CREATE, "create", NULL, "make a client-accessible shadow copy first" },
	{ OPT_SAMBA, "samba", "DIRECTORY", "expose them all there, as 'expose --samba' does" },
	{ OPT_DRY_RUN, "dry-run", NULL, "only say what would be kept and deleted" },
	{ OPT_FORCE, "force", NULL, "delete also what a client has open" },
	{ 0 },
};

/* The copies of the volume, oldest first, and what is decided about each. */
struct holdings {
	struct vssctl_objects objects;
	size_t all;				/* of whatever kind */
	const struct vss_snapshot_prop **props;
	struct vssctl_retain_copy *copies;	/* room for one more, that is to be made */
	bool *deleted;
	size_t count;
};

struct retain {
	struct vssctl *ctl;
	struct vss_backup_components *bc;
	struct vss_blockdev volume;
	unsigned int keep[VSSCTL_RETAIN_PERIODS];
	bool create, dry_run, force;
	const char *samba;
	struct holdings now;
	struct holdings before;			/* the new one; what made room for it is to be told */
};

static void forget(struct holdings *h)
{
	vssctl_objects_clear(&h->objects);
	free(h->props);
	free(h->copies);
	free(h->deleted);
	*h = (struct holdings) { 0 };
}

static int by_time(const void *a, const void *b)
{
	uint64_t one = (*(const struct vss_snapshot_prop *const *)a)->creation_time;
	uint64_t other = (*(const struct vss_snapshot_prop *const *)b)->creation_time;

	return one < other ? -1 : one > other;
}

static int gather(struct retain *r)
{
	struct holdings *h = &r->now;
	int ret;

	forget(h);
	ret = vssctl_query(r->ctl, r->bc, VSS_OBJECT_SNAPSHOT, &h->objects);
	if (ret)
		return ret;
	h->props = calloc(h->objects.count + 1, sizeof(*h->props));
	h->copies = calloc(h->objects.count + 1, sizeof(*h->copies));
	h->deleted = calloc(h->objects.count + 1, sizeof(*h->deleted));
	if (!h->props || !h->copies || !h->deleted)
		return vssctl_fail(r->ctl, E_OUTOFMEMORY, "out of memory");
	for (size_t i = 0; i < h->objects.count; i++) {
		const struct vss_snapshot_prop *prop = &h->objects.props[i].snap;

		/* Those whose diff area is not loaded neither go nor stand for any period. */
		if (strcmp(prop->original_volume_name, r->volume.path) != 0 || prop->status == VSS_SS_UNKNOWN)
			continue;
		h->all++;
		if (prop->attributes & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE)
			h->props[h->count++] = prop;
	}
	qsort(h->props, h->count, sizeof(*h->props), by_time);
	for (size_t i = 0; i < h->count; i++) {
		h->copies[i].time = (time_t)(h->props[i]->creation_time / 1000000000);
		h->copies[i].lost = h->props[i]->status == VSS_SS_ABORTED;
	}
	return 0;
}

/* @new: as if one were made now. */
static void choose(struct retain *r, bool new)
{
	struct vssctl_retain_copy *copies = r->now.copies;
	const time_t now = time(NULL);
	size_t count = r->now.count, place = count;

	if (!new) {
		vssctl_retain_choose(copies, count, r->keep, now);
		return;
	}
	/* Before those that a wrong clock has dated later. */
	while (place && copies[place - 1].time > now)
		place--;
	memmove(&copies[place + 1], &copies[place], (count - place) * sizeof(*copies));
	copies[place] = (struct vssctl_retain_copy) { .time = now };
	vssctl_retain_choose(copies, count + 1, r->keep, now);
	memmove(&copies[place], &copies[place + 1], (count - place) * sizeof(*copies));
}

static int delete_one(struct retain *r, size_t i)
{
	struct vss_uuid nondeleted;
	int32_t deleted = 0;
	int ret = vssctl_check(r->ctl, r->bc,
			       vss_backup_components_delete_snapshots(r->bc, &r->now.props[i]->snapshot_id,
								      VSS_OBJECT_SNAPSHOT, r->force, &deleted,
								      &nondeleted));

	r->now.deleted[i] = !ret;
	return ret;
}

/* Those that go, as long as there are more than @clients and @all.  Goes on after a failure. */
static int thin_out(struct retain *r, size_t clients, size_t all)
{
	size_t left = r->now.count, left_of_all = r->now.all;
	int ret = 0;

	for (size_t i = 0; i < r->now.count && (left > clients || left_of_all > all); i++) {
		int failed;

		if (!vssctl_retain_goes(&r->now.copies[i]))
			continue;
		failed = delete_one(r, i);
		ret = ret ?: failed;
		if (failed)
			continue;
		left--;
		left_of_all--;
	}
	return ret;
}

static int make_one(struct retain *r)
{
	struct vssctl_backup backup;
	sigset_t signals;
	int ret;

	vssctl_backup_init(&backup, r->ctl);
	backup.context = VSS_CTX_CLIENT_ACCESSIBLE;
	vssctl_block_signals(&signals);
	ret = vssctl_backup_add_volume(&backup, r->volume.path, NULL, NULL) ?: vssctl_backup_create(&backup);
	vssctl_restore_signals(&signals);
	vssctl_backup_clear(&backup);
	return ret;
}

static int create(struct retain *r)
{
	int ret;

	choose(r, true);
	/* What could not be deleted may not be in the way; if it is, creating says so. */
	if (r->now.count >= MAX_CLIENT_ACCESSIBLE || r->now.all >= MAX_COPIES)
		thin_out(r, MAX_CLIENT_ACCESSIBLE - 1, MAX_COPIES - 1);
	ret = make_one(r);
	r->before = r->now;
	r->now = (struct holdings) { 0 };
	return ret ?: gather(r);
}

static size_t list_holdings(struct vssctl_retained *list, const struct holdings *h, bool dry_run, bool gone)
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		bool deleted = dry_run ? vssctl_retain_goes(&h->copies[i]) : h->deleted[i];

		if (!gone || deleted)
			list[n++] = (struct vssctl_retained) {
				.prop = h->props[i],
				.copy = &h->copies[i],
				.deleted = deleted,
			};
	}
	return n;
}

static void print(struct retain *r)
{
	struct vssctl_retained *list = calloc(r->before.count + r->now.count + 1, sizeof(*list));
	size_t n;

	if (!list)
		return;
	n = list_holdings(list, &r->before, r->dry_run, true);
	n += list_holdings(&list[n], &r->now, r->dry_run, false);
	vssctl_print_retained(r->ctl, list, n, r->dry_run);
	free(list);
}

static bool has_deleted(const struct holdings *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->deleted[i])
			return true;
	return false;
}

static int retain(struct retain *r)
{
	int ret = gather(r), failed;

	if (ret)
		return ret;
	if (r->dry_run) {
		choose(r, r->create);
		print(r);
		return 0;
	}
	if (r->create)
		ret = create(r);
	if (ret) {
		if (has_deleted(&r->before))
			print(r);
		return ret;
	}
	choose(r, false);
	ret = thin_out(r, 0, 0);
	print(r);
	if (r->samba) {
		failed = vssctl_expose_to_clients(r->ctl, r->bc, r->volume.path, r->samba, false);
		ret = ret ?: failed;
	}
	/* That status is for those who try again, and would make another one. */
	return r->create && ret == VSSCTL_BUSY ? VSSCTL_FAILURE : ret;
}

static bool take_number(struct retain *r, struct vssctl_args *args, const char *name,
			enum vssctl_retain_period period)
{
	uint64_t value;

	if (!vssctl_number_value(args, name, 0, MAX_CLIENT_ACCESSIBLE, &value))
		return false;
	r->keep[period] = (unsigned int)value;
	return true;
}

static bool take_option(struct retain *r, struct vssctl_args *args, int opt)
{
	switch (opt) {
	case OPT_HOURLY:
		return take_number(r, args, "hourly", VSSCTL_RETAIN_HOURLY);
	case OPT_DAILY:
		return take_number(r, args, "daily", VSSCTL_RETAIN_DAILY);
	case OPT_WEEKLY:
		return take_number(r, args, "weekly", VSSCTL_RETAIN_WEEKLY);
	case OPT_CREATE:
		r->create = true;
		return true;
	case OPT_SAMBA:
		r->samba = optarg;
		return true;
	case OPT_DRY_RUN:
		r->dry_run = true;
		return true;
	case OPT_FORCE:
		r->force = true;
		return true;
	default:
		return false;
	}
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct retain r = { .ctl = ctl };
	char folder[PATH_MAX];
	unsigned int sum = 0;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (!take_option(&r, args, opt))
			return args->exit_code;
	for (int period = 0; period < VSSCTL_RETAIN_PERIODS; period++)
		sum += r.keep[period];
	if (!sum)
		return vssctl_usage_error(args, "say how many to keep with --hourly, --daily or --weekly; "
					  "'vssctl delete' deletes them all");
	if (sum > MAX_CLIENT_ACCESSIBLE)
		return vssctl_usage_error(args, "a volume has %d client-accessible shadow copies at most, and %u "
					  "are to be kept", MAX_CLIENT_ACCESSIBLE, sum);
	ret = vssctl_resolve(ctl, args->argv[0], &r.volume);
	if (!ret && r.samba) {
		ret = vssctl_absolute_dir(ctl, r.samba, folder);
		r.samba = folder;
	}
	if (!ret)
		ret = vssctl_connect_all(ctl, &r.bc);
	if (!ret)
		ret = retain(&r);
	forget(&r.now);
	forget(&r.before);
	vss_backup_components_release(r.bc);
	vss_blockdev_clear(&r.volume);
	return ret;
}

const struct vssctl_command vssctl_retain = {
	.name = "retain",
	.operands = "VOLUME",
	.summary = "thin out client-accessible shadow copies",
	.description = "Keep the last client-accessible shadow copy of each of so many hours, days and\n"
		       "weeks, and delete the others.  Periods without one do not count.  Other shadow\n"
		       "copies of the volume are left alone.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

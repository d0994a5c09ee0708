// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl recover: a volume comes back by its shadow copy taking its place, in the six
 * steps of "Fast Recovery Using Transportable Shadow Copied Volumes".
 *
 * What was done before is found out and left alone, so that a recovery that failed can
 * be begun anew.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup.h"
#include "command.h"
#include "critical.h"
#include "names.h"
#include "originals.h"
#include "transport.h"

enum { OPT_DOCUMENT = 1, OPT_DRY_RUN, OPT_UNMOUNT, OPT_MOUNT, OPT_BEFORE, OPT_AFTER, OPT_WAIT };

static const struct vssctl_option recover_options[] = {
	{ OPT_DOCUMENT, "document", "FILE", "of the transportable set (needed)" },
	{ OPT_DRY_RUN, "dry-run", NULL, "tell the steps, and change nothing" },
	{ OPT_UNMOUNT, "unmount", NULL, "unmount and deactivate the originals" },
	{ OPT_MOUNT, "mount", NULL, "mount the copies where the originals were" },
	{ OPT_BEFORE, "before", "COMMAND", "run before the originals go (cluster)" },
	{ OPT_AFTER, "after", "COMMAND", "run at the end (cluster)" },
	{ OPT_WAIT, "wait", "SECONDS", "try for so long while the copies do not arrive" },
	{ 0 },
};

struct recovery {
	struct vssctl *ctl;
	struct vssctl_transport t;
	struct vssctl_originals originals;
	/* What is wanted. */
	const char *document, *before, *after;
	uint64_t wait;
	bool dry_run, unmount, mount;
	/* How far it is. */
	bool masked;			/* the originals are not here */
	bool imported;			/* the copies are known to vssd, as imported */
	bool broken;			/* they were, and are volumes now */
	struct timespec begin;		/* of the whole */
	char outcome[512];		/* of the step under way */
	json_object *steps;
};

static void say(struct recovery *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct recovery *r, const char *format, ...)
{
	size_t used = strlen(r->outcome);
	va_list args;

	if (used && used + 2 < sizeof(r->outcome)) {
		memcpy(r->outcome + used, ", ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(r->outcome + used, sizeof(r->outcome) - used, format, args);
	va_end(args);
}

/* ---- step 1: the shadow copy ---- */

static int check_providers(struct recovery *r)
{
	struct vssctl_objects providers;
	int ret = vssctl_query(r->ctl, r->t.bc, VSS_OBJECT_PROVIDER, &providers);
	size_t i;

	for (size_t m = 0; !ret && m < r->t.set.nr_members; m++) {
		const struct vss_set_member *member = &r->t.set.members[m];

		for (i = 0; i < providers.count; i++)
			if (vss_uuid_equal(&providers.props[i].prov.provider_id, &member->prop.provider_id))
				break;
		if (i == providers.count)
			ret = vssctl_fail(r->ctl, VSS_E_PROVIDER_NOT_REGISTERED,
					  "the provider of the copy of %s is not registered here; see vssd.conf(5), Provider=",
					  member->prop.original_volume_name);
	}
	vssctl_objects_clear(&providers);
	return ret;
}

/* Remember under which names the copies are here. */
static int note_copies(struct recovery *r)
{
	struct vssctl_objects copies;
	int ret = vssctl_transport_copies(&r->t, &copies);

	if (ret)
		return ret;
	r->imported = copies.count;
	for (size_t i = 0; i < copies.count; i++)
		for (size_t m = 0; m < r->originals.count; m++) {
			struct vssctl_original *original = &r->originals.volumes[m];

			if (!vss_uuid_equal(&copies.props[i].snap.snapshot_id, &original->member->prop.snapshot_id))
				continue;
			free(original->copy);
			original->copy = strdup(copies.props[i].snap.device_object ?: "");
		}
	vssctl_objects_clear(&copies);
	return 0;
}

static int find_out(struct recovery *r)
{
	char id[VSS_UUID_TEXT_SIZE], when[VSSCTL_TIME_TEXT];
	int ret;

	ret = vssctl_transport_load(&r->t, r->ctl, r->document) ?: vssctl_originals_find(&r->originals, &r->t) ?:
	      vssctl_transport_open(&r->t) ?: check_providers(r) ?: note_copies(r);
	if (ret)
		return ret;
	r->masked = !r->originals.here;
	say(r, "set %s, %zu volume%s, of %s%s%s", vss_uuid_format(&r->t.set.set_id, id), r->t.set.nr_members,
	    r->t.set.nr_members == 1 ? "" : "s", vssctl_format_time_utc(r->t.set.creation_time, when),
	    r->t.set.originating_machine ? ", made on " : "",
	    r->t.set.originating_machine ? r->t.set.originating_machine : "");
	if (vss_context_is_auto_release(r->t.set.context) && !r->imported)
		say(r, "auto-release: it is deleted if what follows fails between step 3 and 4");
	return 0;
}

/* ---- step 2: the originals ---- */

static int take_away(struct recovery *r)
{
	int ret = 0;

	if (r->masked) {
		say(r, "they are not on this machine");
		return 0;
	}
	if (r->before) {
		say(r, "%s \"%s\"", r->dry_run ? "runs" : "ran", r->before);
		if (!r->dry_run)
			ret = vssctl_backup_exec(r->ctl, r->before, NULL);
	}
	/* It may have unmounted them. */
	if (!ret && r->before && !r->dry_run) {
		vssctl_originals_clear(&r->originals);
		ret = vssctl_originals_find(&r->originals, &r->t);
	}
	if (ret)
		return ret;
	for (size_t i = 0; i < r->originals.count; i++)
		for (size_t m = 0; m < r->originals.volumes[i].nr_mounts; m++)
			say(r, "%s %s", r->dry_run ? (r->unmount ? "unmounts" : "needs to be unmounted first:") :
			    "unmounted", r->originals.volumes[i].mounts[m].target);
	if (r->dry_run) {
		say(r, "takes the LUNs of %zu volume%s from this machine", r->originals.count,
		    r->originals.count == 1 ? "" : "s");
		return 0;
	}
	ret = r->unmount ? vssctl_originals_unmount(&r->originals) : vssctl_originals_check_unused(&r->originals);
	if (!ret)
		ret = vssctl_transport_mask(&r->t);
	if (!ret)
		say(r, "the LUNs were taken from this machine");
	return ret;
}

/* ---- steps 3 to 5 ---- */

/* One that was broken before is found by its file system. */
static int find_broken(struct recovery *r)
{
	for (size_t i = 0; i < r->originals.count; i++) {
		struct vssctl_original *original = &r->originals.volumes[i];
		const char *uuid = original->member->filesystem;
		struct vss_blockdev blockdev;
		struct vss_error error;
		char name[128];

		snprintf(name, sizeof(name), "UUID=%s", uuid ? uuid : "");
		if (!uuid || !uuid[0] || vss_blockdev_resolve(name, &blockdev, &error))
			return vssctl_fail(r->ctl, VSS_E_OBJECT_NOT_FOUND,
					   "the set was imported and broken before, and the volume that was the copy of %s is "
					   "not to be found (%s)", original->member->prop.original_volume_name, name);
		original->copy = strdup(blockdev.path);
		vss_blockdev_clear(&blockdev);
	}
	return 0;
}

static int import(struct recovery *r)
{
	vss_result result = S_OK;
	int ret;

	if (r->imported) {
		say(r, "it was imported before");
		return note_copies(r);
	}
	if (r->dry_run) {
		say(r, "imports the set, read-only and hidden");
		return 0;
	}
	ret = vssctl_transport_import(&r->t, r->wait, &result);
	if (ret)
		return ret;
	if (result == VSS_E_OBJECT_ALREADY_EXISTS) {
		r->broken = true;
		say(r, "it was imported and broken before");
		return find_broken(r);
	}
	ret = note_copies(r);
	for (size_t i = 0; !ret && i < r->originals.count; i++)
		if (r->originals.volumes[i].copy)
			say(r, "%s is %s", r->originals.volumes[i].member->prop.original_volume_name,
			    r->originals.volumes[i].copy);
		else
			say(r, "that of %s has not come", r->originals.volumes[i].member->prop.original_volume_name);
	return ret;
}

static int break_set(struct recovery *r)
{
	struct vss_async *async;
	int ret;

	if (r->broken) {
		say(r, "it was broken before");
		return 0;
	}
	if (r->dry_run) {
		say(r, "breaks the set: its copies become ordinary volumes");
		return 0;
	}
	/* Also the array learns here that they are to be written to. */
	ret = vssctl_wait(r->ctl, r->t.bc,
			  vss_backup_components_break_snapshot_set_ex(r->t.bc, &r->t.set.set_id,
								      VSS_BREAKEX_FLAG_MAKE_READ_WRITE, &async),
			  &async, "breaking the set", NULL);
	if (!ret)
		say(r, "the copies are ordinary volumes");
	return ret;
}

static int make_writable(struct recovery *r)
{
	struct vss_error error = { 0 };

	if (r->dry_run) {
		say(r, "makes the volumes read/write");
		if (r->mount)
			say(r, "mounts them where the originals were");
		return 0;
	}
	for (size_t i = 0; i < r->originals.count; i++) {
		struct vssctl_original *original = &r->originals.volumes[i];

		/* One of several that could not be imported has none. */
		if (!original->copy || !original->copy[0])
			continue;
		if (VSS_FAILED(vss_volume_set_read_only(original->copy, false, &error)))
			return vssctl_fail(r->ctl, error.result, "%s: %s", original->copy, error.text);
		vssctl_original_activate(r->ctl, original);
		say(r, "%s", original->copy);
	}
	return 0;
}

/* Not a step of its own: without a cluster it is what step 6 is about. */
static int mount_back(struct recovery *r)
{
	size_t mounted;
	int ret;

	if (!r->mount || r->dry_run)
		return 0;
	ret = vssctl_originals_read_fstab(&r->originals) ?: vssctl_originals_mount(&r->originals, &mounted);
	for (size_t i = 0; !ret && i < r->originals.count; i++)
		for (size_t m = 0; m < r->originals.volumes[i].nr_mounts; m++)
			say(r, "mounted at %s", r->originals.volumes[i].mounts[m].target);
	return ret;
}

static int end(struct recovery *r)
{
	int ret = mount_back(r);

	if (ret)
		return ret;
	if (r->after) {
		say(r, "%s \"%s\"", r->dry_run ? "runs" : "ran", r->after);
		if (!r->dry_run)
			ret = vssctl_backup_exec(r->ctl, r->after, NULL);
	}
	if (!r->outcome[0])
		say(r, "nothing was asked for");
	return ret;
}

/* ---- the whole ---- */

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static void report(struct recovery *r, unsigned int number, const char *name, double took)
{
	json_object *step;

	vssctl_note(r->ctl, "step %u: %s: %s [%.1f s]", number, name, r->outcome, took);
	if (!r->ctl->json)
		return;
	step = json_object_new_object();
	json_object_object_add(step, "step", json_object_new_int((int)number));
	json_object_object_add(step, "name", json_object_new_string(name));
	json_object_object_add(step, "outcome", json_object_new_string(r->outcome));
	json_object_object_add(step, "milliseconds", json_object_new_int64((int64_t)(took * 1000)));
	json_object_array_add(r->steps, step);
}

static void put_json(struct recovery *r)
{
	json_object *object = json_object_new_object(), *volumes = json_object_new_array();
	char id[VSS_UUID_TEXT_SIZE];

	json_object_object_add(object, "set",
			       json_object_new_string(vss_uuid_format(&r->t.set.set_id, id)));
	json_object_object_add(object, "dry_run", json_object_new_boolean(r->dry_run));
	json_object_object_add(object, "milliseconds",
			       json_object_new_int64((int64_t)(seconds_since(&r->begin) * 1000)));
	json_object_object_add(object, "steps", json_object_get(r->steps));
	for (size_t i = 0; i < r->originals.count; i++) {
		const struct vssctl_original *original = &r->originals.volumes[i];
		json_object *volume = json_object_new_object();

		json_object_object_add(volume, "original",
				       json_object_new_string(original->member->prop.original_volume_name ?: ""));
		json_object_object_add(volume, "device", json_object_new_string(original->copy ?: ""));
		json_object_array_add(volumes, volume);
	}
	json_object_object_add(object, "volumes", volumes);
	fprintf(r->ctl->out, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* What came was brought back all the same: its original is gone. */
static int check_all_back(struct recovery *r)
{
	const char *missing = NULL;
	size_t back = 0;

	for (size_t i = 0; i < r->originals.count; i++)
		if (r->originals.volumes[i].copy)
			back++;
		else
			missing = missing ?: r->originals.volumes[i].member->prop.original_volume_name ?: "?";
	if (!missing)
		return 0;
	return vssctl_fail(r->ctl, VSS_E_SOME_SNAPSHOTS_NOT_IMPORTED,
			   "%zu of %zu volumes were recovered: the shadow copy of %s was not imported; the journal of vssd "
			   "says why, and it is on the array until 'vssctl import --cleanup' deletes it", back, r->originals.count, missing);
}

static int recover(struct recovery *r)
{
	static const struct {
		const char *name;
		int (*run)(struct recovery *r);
	} steps[] = {
		{ "the transportable shadow copy", find_out },
		{ "the original LUNs are removed", take_away },
		{ "the shadow copy is imported", import },
		{ "it is broken", break_set },
		{ "the volumes are read/write", make_writable },
		{ "they take the originals' place", end },
	};
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &r->begin);
	for (unsigned int i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct timespec begin;

		clock_gettime(CLOCK_MONOTONIC, &begin);
		r->outcome[0] = '\0';
		ret = vssctl_interrupted() ? vssctl_fail(r->ctl, E_ABORT, "interrupted") : steps[i].run(r);
		if (!ret)
			report(r, i + 1, steps[i].name, seconds_since(&begin));
		else
			vssctl_warn(r->ctl, "the recovery has ended in step %u, %s; it can be begun anew with the same "
				    "command", i + 1, steps[i].name);
	}
	if (ret)
		return ret;
	if (r->dry_run)
		vssctl_note(r->ctl, "nothing was changed");
	else if (!(ret = check_all_back(r)))
		vssctl_note(r->ctl, "recovered in %.1f s", seconds_since(&r->begin));
	if (r->ctl->json)
		put_json(r);
	return ret;
}

static int run_recover(struct vssctl *ctl, struct vssctl_args *args)
{
	struct recovery r = { .ctl = ctl, .t = { .ctl = ctl }, .originals = { .ctl = ctl } };
	sigset_t signals;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_DOCUMENT:
			r.document = optarg;
			break;
		case OPT_DRY_RUN:
			r.dry_run = true;
			break;
		case OPT_UNMOUNT:
			r.unmount = true;
			break;
		case OPT_MOUNT:
			r.mount = true;
			break;
		case OPT_BEFORE:
			r.before = optarg;
			break;
		case OPT_AFTER:
			r.after = optarg;
			break;
		case OPT_WAIT:
			if (!vssctl_number_value(args, "wait", 0, 86400, &r.wait))
				return args->exit_code;
			break;
		}
	if (!r.document)
		return vssctl_usage_error(args, "--document is missing");
	r.steps = json_object_new_array();
	/* Interrupted, it ends between two steps, or the step is cancelled. */
	vssctl_block_signals(&signals);
	ret = recover(&r);
	vssctl_restore_signals(&signals);
	vssctl_originals_clear(&r.originals);
	vssctl_transport_clear(&r.t);
	json_object_put(r.steps);
	return ret;
}

const struct vssctl_command vssctl_recover = {
	.name = "recover",
	.operands = "",
	.summary = "fast recovery: put shadow copies in the place of volumes",
	.description = "Take the original volumes of a transportable set away, import and break the set,\n"
		       "and make its copies read/write, so that they take the originals' place.  What was\n"
		       "done before is left alone: a recovery that failed is begun anew with the same command.",
	.options = recover_options,
	.min_operands = 0,
	.max_operands = 0,
	.run = run_recover,
};

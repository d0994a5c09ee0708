// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of sets, and what the next life of vssd makes of them.
 */
#include "unit.h"

#include "../standin/machine.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *const two[] = { "/dev/a", "/dev/b" };

struct world {
	struct machine *m;
	struct standin_provider *sys, *hard;
	char dir[32];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/vssd-record-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->m = machine_new(w->dir);
	machine_writer(w->m, "w1", VSS_APP_FRONT_END);
	w->sys = machine_provider(w->m, "sys", VSS_PROV_SYSTEM, true, " /dev/b ");
	w->hard = machine_provider(w->m, "hard", VSS_PROV_HARDWARE, false, " /dev/a ");
	*state = w;
	return 0;
}

static size_t records(struct world *w)
{
	char path[64];
	const struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sets", w->dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static void remove_all(const char *path)
{
	const struct dirent *entry;
	char name[400];
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		remove_all(name);
	}
	if (dir)
		closedir(dir);
	remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	assert_false(w->m->frozen_trouble);
	assert_false(vssd_core_busy(w->m->core));
	machine_free(w->m);
	chmod(w->dir, 0700);
	remove_all(w->dir);
	free(w);
	return 0;
}

static size_t all(struct world *w, struct vss_snapshot_prop *first)
{
	struct requester r;
	size_t count;

	requester_open(&r, w->m);
	vssd_session_initialize(r.session, false, NULL);
	vssd_session_set_context(r.session, VSS_CTX_ALL, NULL);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	count = r.nr_snapshots;
	if (first && count) {
		*first = r.props[0];
		memset(&r.props[0], 0, sizeof(r.props[0]));
	}
	requester_close(&r);
	return count;
}

/* CTX-040, as far as vssd has a part in it; LIF-010 */
static void persistent_sets_stay(void **state)
{
	struct world *w = *state;
	struct vss_snapshot_prop before = { 0 }, after = { 0 };
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_APP_ROLLBACK, two, 2), S_OK);
	assert_int_equal(records(w), 1);
	assert_int_equal(all(w, &before), 2);
	requester_forget(&r);
	free(r.document);
	machine_restart(w->m);
	assert_int_equal(records(w), 1);
	assert_int_equal(all(w, &after), 2);
	assert_true(vss_uuid_equal(&before.snapshot_id, &after.snapshot_id));
	assert_true(vss_uuid_equal(&before.snapshot_set_id, &after.snapshot_set_id));
	assert_true(vss_uuid_equal(&before.provider_id, &after.provider_id));
	assert_int_equal(before.attributes, after.attributes);
	assert_int_equal(before.creation_time, after.creation_time);
	assert_int_equal(before.snapshots_count, after.snapshots_count);
	assert_string_equal(before.original_volume_name, after.original_volume_name);
	assert_string_equal(before.device_object, after.device_object);
	assert_string_equal(before.originating_machine, after.originating_machine);

	requester_open(&r, w->m);
	vssd_session_initialize(r.session, false, NULL);
	vssd_session_set_context(r.session, VSS_CTX_APP_ROLLBACK, NULL);
	assert_int_equal(requester_wait(&r, delete_snapshots, &before.snapshot_set_id, VSS_OBJECT_SNAPSHOT_SET, false),
			 S_OK);
	assert_int_equal(records(w), 0);
	requester_close(&r);
	vss_free_snapshot_properties(&before);
	vss_free_snapshot_properties(&after);
}

/* LIF-008 LIF-009 CTX-022: sessions end with vssd */
static void auto_release_sets_go(void **state)
{
	struct world *w = *state;
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	requester_forget(&r);
	free(r.document);
	machine_restart(w->m);
	assert_int_equal(w->sys->nr_snapshots + w->hard->nr_snapshots, 0);
	assert_int_equal(records(w), 0);
	assert_int_equal(all(w, NULL), 0);
}

/* LIF-036 TRN-025: killed at every moment of a set */
static void killed_in_the_middle(void **state)
{
	struct world *w = *state;

	for (int steps = 1;; steps++) {
		struct requester r;
		bool over = false;

		requester_open(&r, w->m);
		assert_int_equal(requester_prepare(&r, VSS_CTX_APP_ROLLBACK, two, 2), S_OK);
		r.answers = 0;
		requester_ask(&r, do_snapshot_set, r.document);
		for (int i = 0; i < steps && !over; i++)
			over = !machine_step(w->m) || r.answers;
		requester_forget(&r);
		free(r.document);
		machine_restart(w->m);
		if (over) {
			assert_true(steps > 15);
			assert_int_equal(all(w, NULL), 2);
			break;
		}
		assert_int_equal(w->sys->nr_snapshots + w->hard->nr_snapshots, 0);
		assert_int_equal(records(w), 0);
	}
	/* and the next set is as good as any */
	{
		struct requester r;

		requester_open(&r, w->m);
		assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
		requester_close(&r);
		machine_run(w->m);
	}
}

/* What was lost meanwhile is not shown, and what cannot be deleted is tried again. */
static void changes_meanwhile(void **state)
{
	struct world *w = *state;
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, two, 2), S_OK);
	requester_close(&r);
	w->sys->nr_snapshots = 0;
	machine_restart(w->m);
	assert_non_null(strstr(w->m->log, "is lost"));
	assert_int_equal(all(w, NULL), 1);
	w->hard->nr_snapshots = 0;
	machine_restart(w->m);
	assert_int_equal(records(w), 0);

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	w->sys->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(w->sys->nr_snapshots, 1);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	machine_restart(w->m);
	assert_int_equal(w->sys->nr_snapshots, 0);
	assert_int_equal(records(w), 0);
}

static void open_kind(struct requester *r, struct world *w, uint32_t context)
{
	requester_open(r, w->m);
	assert_int_equal(vssd_session_initialize(r->session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(r->session, context, NULL), S_OK);
}

/* A set of one copy in a persistent diff area; it is gone with its requester, only the record tells of it. */
static struct vss_uuid make_in_area(struct world *w, uint32_t context)
{
	static const char *const one[] = { "/dev/b" };
	struct vss_snapshot_prop prop = { 0 };
	struct vss_uuid id;
	struct requester r;

	w->sys->has_area = true;
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, context, one, 1), S_OK);
	assert_int_equal(all(w, &prop), 1);
	id = prop.snapshot_id;
	requester_close(&r);
	vss_free_snapshot_properties(&prop);
	return id;
}

static size_t times_in_log(struct world *w, const char *what)
{
	size_t count = 0;

	for (const char *at = w->m->log; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static size_t seen(struct world *w, uint32_t context, struct vss_snapshot_prop *prop)
{
	struct requester r;
	size_t count;

	open_kind(&r, w, context);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	count = r.nr_snapshots;
	if (count) {
		*prop = r.props[0];
		memset(&r.props[0], 0, sizeof(r.props[0]));
	}
	requester_close(&r);
	return count;
}

/* The persistent diff area comes late: what is known of its copies is as before, for each context that stays. */
static void area_comes_late(void **state)
{
	static const uint32_t contexts[] = { VSS_CTX_APP_ROLLBACK, VSS_CTX_NAS_ROLLBACK, VSS_CTX_CLIENT_ACCESSIBLE };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(contexts); i++) {
		struct vss_snapshot_prop before = { 0 }, away = { 0 }, after = { 0 };
		struct vss_uuid id = make_in_area(w, contexts[i]);
		struct requester r;

		assert_int_equal(seen(w, contexts[i], &before), 1);
		w->sys->area_away = true;
		machine_restart(w->m);
		/* again: a second start has the record, too */
		machine_restart(w->m);
		assert_int_equal(records(w), 1);
		assert_int_equal(seen(w, contexts[i], &away), 1);
		assert_true(vss_uuid_equal(&before.snapshot_id, &away.snapshot_id));
		assert_int_equal(away.status, VSS_SS_UNKNOWN);
		assert_string_equal(away.device_object, "");
		assert_int_equal(away.creation_time, before.creation_time);

		w->sys->area_away = false;
		assert_int_equal(seen(w, contexts[i], &after), 1);
		assert_true(vss_uuid_equal(&before.snapshot_id, &after.snapshot_id));
		assert_true(vss_uuid_equal(&before.snapshot_set_id, &after.snapshot_set_id));
		assert_int_equal(after.status, VSS_SS_CREATED);
		assert_int_equal(after.attributes, before.attributes);
		assert_int_equal(after.creation_time, before.creation_time);
		assert_int_equal(after.snapshots_count, before.snapshots_count);
		assert_string_equal(after.originating_machine, before.originating_machine);
		assert_string_equal(after.device_object, before.device_object);
		assert_int_equal(times_in_log(w, "is not available: area of sys is not loaded"), 2 * (i + 1));
		assert_int_equal(times_in_log(w, "is available again"), i + 1);
		vss_free_snapshot_properties(&before);
		vss_free_snapshot_properties(&away);
		vss_free_snapshot_properties(&after);

		open_kind(&r, w, contexts[i]);
		assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), S_OK);
		requester_close(&r);
		assert_int_equal(records(w), 0);
	}
	assert_int_equal(times_in_log(w, "is lost"), 0);
	/* that it is away is nobody's fault */
	assert_int_equal(times_in_log(w, "refused"), 0);
}

/* What cannot be done with a copy that is away says why; by force it is forgotten. */
static void area_never_comes(void **state)
{
	struct world *w = *state;
	struct vss_uuid id = make_in_area(w, VSS_CTX_NAS_ROLLBACK);
	struct requester r;

	w->sys->area_away = true;
	machine_restart(w->m);
	open_kind(&r, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &id), VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(r.error, "area of sys is not loaded"));
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, "/mnt"),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(r.error, "area of sys is not loaded"));
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(r.error, "area of sys is not loaded"));
	assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(r.error, "area of sys is not loaded"));
	assert_int_equal(r.deleted, 0);
	assert_int_equal(records(w), 1);
	/* nor did the provider hear of it */
	assert_int_equal(w->sys->seen[VSSD_STEP_DELETE], 0);
	assert_int_equal(w->sys->seen[VSSD_STEP_REVERT], 0);

	/* a provider that cannot tell does not make it lost */
	w->sys->on[VSSD_STEP_FIND] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	assert_int_equal(all(w, NULL), 1);
	w->sys->on[VSSD_STEP_FIND] = (struct behaviour) { 0 };

	assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, true), S_OK);
	assert_int_equal(r.deleted, 1);
	assert_int_equal(w->sys->seen[VSSD_STEP_DELETE], 0);
	assert_int_equal(records(w), 0);
	assert_int_equal(all(w, NULL), 0);
	requester_close(&r);
	/* loaded after all, it is one that vssd has not made */
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 1);
	open_kind(&r, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &id), VSS_E_OBJECT_NOT_FOUND);
	requester_close(&r);
}

/* One volume's area is away, that of another of the set is not. */
static void area_of_one(void **state)
{
	static const char *const both[] = { "/dev/b", "/dev/c" };
	struct world *w = *state;
	struct vss_uuid set, away = { 0 };
	struct requester r;

	w->sys->has_area = true;
	snprintf(w->sys->supported, sizeof(w->sys->supported), " /dev/b /dev/c ");
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, both, 2), S_OK);
	set = r.set;
	requester_close(&r);
	w->sys->away_volume = "/dev/b";
	w->sys->area_away = true;
	open_kind(&r, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(r.nr_snapshots, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_b = !strcmp(r.props[i].original_volume_name, "/dev/b");

		assert_int_equal(r.props[i].status, is_b ? VSS_SS_UNKNOWN : VSS_SS_CREATED);
		if (is_b)
			away = r.props[i].snapshot_id;
	}
	/* all or none */
	assert_int_equal(requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, false), VSS_E_PROVIDER_VETO);
	assert_int_equal(r.deleted, 0);
	assert_int_equal(w->sys->seen[VSSD_STEP_DELETE], 0);

	/* forgotten, and there again: then it can be seen, and deleted */
	assert_int_equal(requester_wait(&r, delete_snapshots, &away, VSS_OBJECT_SNAPSHOT, true), S_OK);
	requester_close(&r);
	assert_int_equal(all(w, NULL), 1);
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 2);
	open_kind(&r, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&r, delete_snapshots, &away, VSS_OBJECT_SNAPSHOT, false), S_OK);
	requester_close(&r);
	assert_int_equal(all(w, NULL), 1);
	assert_int_equal(records(w), 1);
}

/* Nobody could tell yet that it is away: a deletion that does not find it does not make it lost. */
static void area_nobody_asked(void **state)
{
	struct world *w = *state;
	struct vss_uuid id = make_in_area(w, VSS_CTX_NAS_ROLLBACK);
	struct requester r;

	w->sys->area_away = true;
	w->sys->on[VSSD_STEP_FIND] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	machine_restart(w->m);
	open_kind(&r, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), VSS_E_OBJECT_NOT_FOUND);
	requester_close(&r);
	assert_int_equal(records(w), 1);
	w->sys->on[VSSD_STEP_FIND] = (struct behaviour) { 0 };
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 1);
	assert_int_equal(times_in_log(w, "is lost"), 0);
}

/* It is loaded, and has the copy no more. */
static void area_comes_without(void **state)
{
	struct world *w = *state;

	make_in_area(w, VSS_CTX_NAS_ROLLBACK);
	w->sys->area_away = true;
	machine_restart(w->m);
	assert_int_equal(all(w, NULL), 1);
	w->sys->nr_snapshots = 0;
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 0);
	assert_int_equal(records(w), 0);
	assert_int_equal(times_in_log(w, "is lost"), 1);
}

/* Records of a version that did not know of areas, and sets that do not outlive their session. */
static void no_area_on_record(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct world *w = *state;
	struct requester r;
	char command[128];

	make_in_area(w, VSS_CTX_NAS_ROLLBACK);
	snprintf(command, sizeof(command), "sed -i '/provider-data/d' %s/sets/*.json", w->dir);
	assert_int_equal(system(command), 0);
	w->sys->area_away = true;
	machine_restart(w->m);
	assert_int_equal(all(w, NULL), 0);
	assert_int_equal(records(w), 0);
	assert_int_equal(w->sys->seen[VSSD_STEP_FIND], 0);
	w->sys->nr_snapshots = 0;
	w->sys->area_away = false;

	/* one that sees them in time completes the record */
	make_in_area(w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(system(command), 0);
	machine_restart(w->m);
	w->sys->area_away = true;
	machine_restart(w->m);
	assert_int_equal(all(w, NULL), 1);
	w->sys->nr_snapshots = 0;
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 0);

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	w->sys->area_away = true;
	assert_int_equal(all(w, NULL), 0);
	requester_close(&r);
	machine_run(w->m);
}

/* An exposure is there again with its copy, and what is left of it goes meanwhile. */
static void area_and_exposure(void **state)
{
	struct vss_snapshot_prop prop = { 0 };
	struct world *w = *state;
	struct vss_uuid id = make_in_area(w, VSS_CTX_CLIENT_ACCESSIBLE);
	struct requester r;

	open_kind(&r, w, VSS_CTX_CLIENT_ACCESSIBLE);
	assert_int_equal(requester_wait(&r, expose_to_clients, &id, "/snap"), S_OK);
	requester_close(&r);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_int_equal(w->m->nr_dirs, 1);
	for (int restart = 0; restart < 2; restart++) {
		/* detached below vssd, by force; or the machine starts anew without it */
		w->sys->area_away = true;
		if (restart) {
			w->m->nr_mounts = 0;
			machine_restart(w->m);
		}
		assert_int_equal(all(w, &prop), 1);
		assert_null(prop.exposed_name);
		assert_false(prop.attributes & VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY);
		vss_free_snapshot_properties(&prop);
		machine_run(w->m);
		assert_int_equal(w->m->nr_mounts, 0);
		assert_int_equal(w->m->nr_dirs, 0);

		w->sys->area_away = false;
		assert_int_equal(all(w, &prop), 1);
		machine_run(w->m);
		assert_int_equal(w->m->nr_mounts, 1);
		assert_non_null(strstr(w->m->mounts[0][1], "/snap/@GMT-"));
		assert_string_equal(prop.exposed_name, w->m->mounts[0][1]);
		vss_free_snapshot_properties(&prop);
	}
	/* unexposed while it is away, it does not come back there; something else's mount is let alone */
	w->sys->area_away = true;
	w->m->nr_mounts = 0;
	machine_restart(w->m);
	snprintf(w->m->mounts[0][0], sizeof(w->m->mounts[0][0]), "/dev/other");
	snprintf(w->m->mounts[0][1], sizeof(w->m->mounts[0][1]), "/snap");
	w->m->nr_mounts = 1;
	open_kind(&r, w, VSS_CTX_CLIENT_ACCESSIBLE);
	assert_int_equal(requester_wait(&r, unexpose_snapshot, &id), S_OK);
	requester_close(&r);
	w->sys->area_away = false;
	assert_int_equal(all(w, NULL), 1);
	machine_run(w->m);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_string_equal(w->m->mounts[0][0], "/dev/other");
}

/* TRN-014: of a set that travels, what was saved stays */
static void transportable_sets(void **state)
{
	static const char *const one[] = { "/dev/a" };
	struct world *w = *state;

	w->hard->has_luns = true;
	for (int saved = 0; saved < 2; saved++) {
		struct requester r;

		requester_open(&r, w->m);
		assert_int_equal(requester_create(&r, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, one, 1), S_OK);
		if (saved)
			vssd_session_document_saved(r.session);
		requester_forget(&r);
		free(r.document);
		machine_restart(w->m);
		assert_int_equal(w->hard->nr_snapshots, saved);
		assert_int_equal(records(w), saved);
		assert_int_equal(all(w, NULL), 0);
	}
}

/* The record of the only set becomes one from the middle of its making, as the set's own copies have it. */
static void turn_back_record(struct world *w)
{
	char command[128];

	snprintf(command, sizeof(command), "sed -i 's/\"created\"/\"creating\"/' %s/sets/*.json", w->dir);
	assert_int_equal(system(command), 0);
}

/* The volume that records are on was set back at boot, to a copy of the set. */
static void system_was_set_back(void **state)
{
	struct world *w = *state;
	struct vss_snapshot_prop prop = { 0 };
	char id[VSS_UUID_TEXT_SIZE];

	snprintf(w->m->reverted_file, sizeof(w->m->reverted_file), "%s/reverted", w->dir);
	for (int named = 1; named >= 0; named--) {
		struct requester r;
		FILE *file;

		requester_open(&r, w->m);
		assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, two, 2), S_OK);
		assert_int_equal(all(w, &prop), 2);
		requester_close(&r);
		turn_back_record(w);
		file = fopen(w->m->reverted_file, "w");
		assert_non_null(file);
		/* another one: the set is undone */
		prop.snapshot_id.bytes[0] ^= !named;
		fprintf(file, "%s\n", vss_uuid_format(&prop.snapshot_id, id));
		fclose(file);
		vss_free_snapshot_properties(&prop);
		machine_restart(w->m);
		assert_int_equal(w->sys->nr_snapshots, named);
		assert_int_equal(w->hard->nr_snapshots, named);
		assert_int_equal(records(w), 0);
		assert_int_equal(all(w, NULL), 2 * named);
		w->sys->nr_snapshots = w->hard->nr_snapshots = 0;
		machine_restart(w->m);
	}
	unlink(w->m->reverted_file);
}

/* LIF-031 */
static void exposures(void **state)
{
	struct world *w = *state;
	struct vss_snapshot_prop prop = { 0 };
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, two, 2), S_OK);
	assert_int_equal(all(w, &prop), 2);
	assert_int_equal(requester_wait(&r, expose_snapshot, &prop.snapshot_id, NULL,
					VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, "/mnt"), S_OK);
	requester_close(&r);
	vss_free_snapshot_properties(&prop);
	/* vssd alone has been away: it is still mounted */
	machine_restart(w->m);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_int_equal(all(w, &prop), 2);
	assert_string_equal(prop.exposed_name, "/mnt");
	vss_free_snapshot_properties(&prop);
	/* the machine has */
	w->m->nr_mounts = 0;
	machine_restart(w->m);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_string_equal(w->m->mounts[0][1], "/mnt");
	/* and the mount point has gone with it */
	w->m->nr_mounts = 0;
	snprintf(w->m->no_dir, sizeof(w->m->no_dir), "/mnt");
	machine_restart(w->m);
	assert_int_equal(all(w, &prop), 2);
	assert_null(prop.exposed_name);
	assert_true(prop.attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);
	vss_free_snapshot_properties(&prop);
}

/* Lost while vssd, or the machine, was away: what is mounted goes, but for something else. */
static void exposure_lost_meanwhile(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct world *w = *state;

	for (int foreign = 0; foreign < 2; foreign++) {
		struct vss_snapshot_prop prop = { 0 };
		struct requester r;

		w->sys->loses = false;
		requester_open(&r, w->m);
		assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
		assert_int_equal(all(w, &prop), 1);
		assert_int_equal(requester_wait(&r, expose_snapshot, &prop.snapshot_id, NULL,
						VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, "/mnt"), S_OK);
		requester_close(&r);
		vss_free_snapshot_properties(&prop);
		w->sys->loses = true;
		if (foreign)
			snprintf(w->m->mounts[0][0], sizeof(w->m->mounts[0][0]), "/dev/other");
		machine_restart(w->m);
		assert_int_equal(w->m->nr_mounts, foreign);
		assert_int_equal(all(w, &prop), 1);
		assert_int_equal(prop.status, VSS_SS_ABORTED);
		assert_null(prop.exposed_name);
		vss_free_snapshot_properties(&prop);
		/* it is so on record too */
		w->sys->loses = false;
		machine_restart(w->m);
		assert_int_equal(w->m->nr_mounts, foreign);
		w->sys->nr_snapshots = 0;
		assert_int_equal(all(w, NULL), 0);
	}
}

static void write_file(struct world *w, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/sets/%s", w->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Damaged records are left alone and spoken of; half-written ones never counted. */
static void damaged_records(void **state)
{
	static const char *const damaged[] = {
		"", "{", "[]", "17", "null", "{}", "{\"version\":1}", "{\"version\":99,\"set\":\"x\"}",
		"{\"version\":1,\"set\":\"0fc5ac1c-5b5e-4f3c-8f5a-111111111111\",\"state\":\"created\",\"snapshots\":3}",
		"{\"version\":1,\"set\":\"0fc5ac1c-5b5e-4f3c-8f5a-111111111111\",\"state\":\"created\",\"snapshots\":[3]}",
		("{\"version\":1,\"set\":\"0fc5ac1c-5b5e-4f3c-8f5a-111111111111\",\"state\":\"created\","
		 "\"snapshots\":[{\"id\":\"nonsense\"}]}"),
		"{\"version\":1,\"set\":5,\"state\":\"created\",\"snapshots\":[]}",
	};
	struct world *w = *state;
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, two, 2), S_OK);
	requester_close(&r);
	for (size_t i = 0; i < COUNT(damaged); i++) {
		char name[32];

		snprintf(name, sizeof(name), "bad%zu.json", i);
		write_file(w, name, damaged[i]);
	}
	write_file(w, "half.json.new", "{");
	machine_restart(w->m);
	assert_int_equal(all(w, NULL), 2);
	assert_int_equal(records(w), 1 + COUNT(damaged));
	assert_non_null(strstr(w->m->log, "damaged"));
}

/* No place for records: a set that is to stay is not made. */
static void no_place(void **state)
{
	struct world *w = *state;
	struct requester r;
	char path[64];

	/* a file where the folder should be */
	snprintf(path, sizeof(path), "%s/sets", w->dir);
	remove_all(path);
	fclose(fopen(path, "w"));
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, two, 2), VSS_E_UNEXPECTED);
	assert_non_null(strstr(r.error, "record"));
	assert_int_equal(w->sys->nr_snapshots + w->hard->nr_snapshots, 0);
	requester_close(&r);
}

static void lose_folder(void *arg)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/sets", (const char *)arg);
	remove_all(path);
	fclose(fopen(path, "w"));
}

/* It is lost at the last moment, with the copies finished: they are deleted again. */
static void no_place_at_the_end(void **state)
{
	struct world *w = *state;
	struct requester r;

	w->sys->on[VSSD_STEP_POST_FINAL_COMMIT].hook = lose_folder;
	w->sys->on[VSSD_STEP_POST_FINAL_COMMIT].arg = w->dir;
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_APP_ROLLBACK, two, 2), VSS_E_UNEXPECTED);
	assert_int_equal(w->sys->nr_snapshots + w->hard->nr_snapshots, 0);
	requester_close(&r);
	machine_run(w->m);
}

/* REV-008: vssd ends while a volume is set back; the next one knows that it still is. */
static void reverts_go_on(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct world *w = *state;
	struct requester r;
	struct vss_uuid id;
	uint64_t before;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	id = r.props[0].snapshot_id;
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, false), S_OK);
	w->sys->revert_polls = 3;
	requester_close(&r);
	machine_restart(w->m);

	requester_open(&r, w->m);
	assert_int_equal(vssd_session_initialize(r.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_NAS_ROLLBACK, NULL), S_OK);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_REVERT_IN_PROGRESS);
	before = w->m->now;
	assert_int_equal(requester_wait(&r, query_revert_status, "/dev/b"), S_OK);
	assert_true(w->m->now - before >= 2000000);
	assert_int_equal(w->sys->revert_polls, 0);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), S_OK);
	requester_close(&r);
	machine_run(w->m);
}

/*
 * After a restart the name on record may be another volume's: the provider's word counts, for
 * who asks, for what is refused, and in the next record.
 */
static void volumes_change_names(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct vss_snapshot_prop prop = { 0 };
	struct world *w = *state;
	struct requester r;
	struct vss_uuid id;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	requester_close(&r);
	machine_restart(w->m);
	strcpy(w->sys->snapshots[0].volume, "/dev/c");
	assert_int_equal(all(w, &prop), 1);
	assert_string_equal(prop.original_volume_name, "/dev/c");
	id = prop.snapshot_id;
	vss_free_snapshot_properties(&prop);

	requester_open(&r, w->m);
	vssd_session_initialize(r.session, false, NULL);
	vssd_session_set_context(r.session, VSS_CTX_NAS_ROLLBACK, NULL);
	snprintf(w->m->system, sizeof(w->m->system), "/dev/c");
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(w->sys->seen[VSSD_STEP_REVERT], 0);
	snprintf(w->m->system, sizeof(w->m->system), "/dev/b");
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), S_OK);
	w->m->system[0] = '\0';
	requester_close(&r);
	/* without the provider the record has it */
	machine_run(w->m);
	machine_restart(w->m);
	w->sys->on[VSSD_STEP_GET_SNAPSHOTS] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_FAIL };
	assert_int_equal(all(w, &prop), 1);
	assert_string_equal(prop.original_volume_name, "/dev/c");
	vss_free_snapshot_properties(&prop);
	memset(w->sys->on, 0, sizeof(w->sys->on));
}

/* Two copies that travel, which this machine has not seen yet. */
static char *transported(struct world *w, uint32_t context, struct vss_uuid *set)
{
	struct requester r;
	char *document;

	snprintf(w->hard->supported, sizeof(w->hard->supported), " /dev/a /dev/b ");
	w->hard->has_luns = true;
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, context | VSS_VOLSNAP_ATTR_TRANSPORTABLE, two, 2), S_OK);
	document = strdup(r.document);
	*set = r.set;
	vssd_session_document_saved(r.session);
	requester_close(&r);
	machine_run(w->m);
	w->hard->nr_snapshots = 0;
	assert_int_equal(all(w, NULL), 0);
	assert_int_equal(records(w), 0);
	return document;
}

static void open_all(struct requester *r, struct world *w)
{
	requester_open(r, w->m);
	vssd_session_initialize(r->session, false, NULL);
	vssd_session_set_context(r->session, VSS_CTX_ALL, NULL);
}

/* IMP-003 IMP-007 IMP-008 IMP-014: vssd is killed while it imports the second of two */
static void killed_in_an_import(void **state)
{
	static const uint32_t contexts[] = { VSS_CTX_FILE_SHARE_BACKUP, VSS_CTX_NAS_ROLLBACK };
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct vss_uuid set;
		char *document = transported(w, contexts[i], &set);
		struct requester r;

		open_all(&r, w);
		w->hard->seen[VSSD_STEP_IMPORT] = 0;
		requester_ask(&r, import_snapshots, document);
		while (w->hard->seen[VSSD_STEP_IMPORT] < 2)
			assert_true(machine_step(w->m));
		requester_forget(&r);
		machine_restart(w->m);
		/* What its session would have released is gone, the rest is known. */
		assert_int_equal(all(w, NULL), i);
		assert_int_equal(w->hard->nr_snapshots, i);
		assert_int_equal(records(w), i);
		open_all(&r, w);
		assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_OBJECT_ALREADY_EXISTS);
		assert_int_equal(requester_wait(&r, clean_up_import, document), S_FALSE);
		assert_int_equal(all(w, NULL), i);
		if (i)
			assert_int_equal(requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, false),
					 S_OK);
		requester_close(&r);
		machine_run(w->m);
		free(document);
	}
}

/* IMP-014: also the next life knows that it was imported; IMP-008: and keeps it until it is deleted */
static void imported_once_for_ever(void **state)
{
	struct world *w = *state;
	struct vss_snapshot_prop prop = { 0 };
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set);
	struct requester r;

	open_all(&r, w);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	requester_forget(&r);
	machine_restart(w->m);
	assert_int_equal(all(w, &prop), 2);
	assert_true(prop.attributes & VSS_VOLSNAP_ATTR_IMPORTED);
	vss_free_snapshot_properties(&prop);
	open_all(&r, w);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0), S_OK);
	requester_forget(&r);
	machine_restart(w->m);
	open_all(&r, w);
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(w->hard->nr_snapshots, 0);
	requester_close(&r);
	free(document);
}

/* An import that finds nothing leaves what is known from having made the set as it was. */
static void import_finds_nothing(void **state)
{
	struct world *w = *state;
	struct vss_uuid set;
	struct requester r;
	char *document;

	free(transported(w, VSS_CTX_NAS_ROLLBACK, &set));
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, two, 2), S_OK);
	document = strdup(r.document);
	vssd_session_document_saved(r.session);
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(records(w), 1);
	w->hard->on[VSSD_STEP_IMPORT] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_MISSING_DISK };
	open_all(&r, w);
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_NO_SNAPSHOTS_IMPORTED);
	assert_int_equal(records(w), 1);
	requester_forget(&r);
	machine_restart(w->m);
	memset(w->hard->on, 0, sizeof(w->hard->on));
	assert_int_equal(w->hard->nr_snapshots, 2);
	assert_int_equal(all(w, NULL), 0);
	open_all(&r, w);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	assert_int_equal(all(w, NULL), 2);
	requester_close(&r);
	free(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reverts_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(volumes_change_names, setup, teardown),
		cmocka_unit_test_setup_teardown(persistent_sets_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(auto_release_sets_go, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(area_comes_late, setup, teardown),
		cmocka_unit_test_setup_teardown(area_never_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(area_of_one, setup, teardown),
		cmocka_unit_test_setup_teardown(area_nobody_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(area_comes_without, setup, teardown),
		cmocka_unit_test_setup_teardown(no_area_on_record, setup, teardown),
		cmocka_unit_test_setup_teardown(area_and_exposure, setup, teardown),
		cmocka_unit_test_setup_teardown(transportable_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(system_was_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(exposures, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure_lost_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_records, setup, teardown),
		cmocka_unit_test_setup_teardown(no_place, setup, teardown),
		cmocka_unit_test_setup_teardown(no_place_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_in_an_import, setup, teardown),
		cmocka_unit_test_setup_teardown(imported_once_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(import_finds_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow copies that exist: who sees them, and what can be done with them.
 */
#include "unit.h"

#include <time.h>

#include "../standin/machine.h"

static const char *const two[] = { "/dev/a", "/dev/b" };

struct world {
	struct machine *m;
	struct standin_provider *sys, *hard;
	struct requester admin;		/* sees all */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->m = machine_new(NULL);
	w->sys = machine_provider(w->m, "sys", VSS_PROV_SYSTEM, true, " /dev/b /dev/c ");
	w->hard = machine_provider(w->m, "hard", VSS_PROV_HARDWARE, false, " /dev/a ");
	requester_open(&w->admin, w->m);
	vssd_session_initialize(w->admin.session, false, NULL);
	vssd_session_set_context(w->admin.session, VSS_CTX_ALL, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	requester_close(&w->admin);
	machine_run(w->m);
	assert_false(w->m->frozen_trouble);
	assert_false(vssd_core_busy(w->m->core));
	machine_free(w->m);
	free(w);
	return 0;
}

static void create(struct requester *r, struct world *w, uint32_t context)
{
	requester_open(r, w->m);
	assert_int_equal(requester_create(r, context, two, 2), S_OK);
}

static void open_with(struct requester *r, struct world *w, uint32_t context)
{
	requester_open(r, w->m);
	vssd_session_initialize(r->session, false, NULL);
	assert_int_equal(vssd_session_set_context(r->session, context, NULL), S_OK);
}

static size_t seen_by(struct requester *r)
{
	assert_int_equal(requester_wait(r, query_snapshots), S_OK);
	return r->nr_snapshots;
}

/* Any copy of the set, as the administrator sees it. */
static struct vss_uuid copy_of(struct world *w, const struct vss_uuid *set)
{
	seen_by(&w->admin);
	for (size_t i = 0; i < w->admin.nr_snapshots; i++)
		if (vss_uuid_equal(&w->admin.props[i].snapshot_set_id, set))
			return w->admin.props[i].snapshot_id;
	fail();
	return *set;
}

/* CTX-015 LIF-014 LIF-016 LIF-017 LIF-012 LIF-020 PRV-046 */
static void visibility(void **state)
{
	struct world *w = *state;
	struct requester nas, share, other;
	struct vss_uuid id;

	assert_int_equal(seen_by(&w->admin), 0);
	create(&nas, w, VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_DIFFERENTIAL);
	create(&share, w, VSS_CTX_FILE_SHARE_BACKUP);
	assert_int_equal(seen_by(&w->admin), 4);
	assert_int_equal(seen_by(&nas), 2);
	assert_int_equal(seen_by(&share), 2);
	open_with(&other, w, VSS_CTX_BACKUP);
	assert_int_equal(seen_by(&other), 0);
	id = copy_of(w, &nas.set);
	assert_int_equal(requester_wait(&other, get_snapshot_properties, &id), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&other, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&w->admin, get_snapshot_properties, &id), S_OK);
	requester_close(&other);
	open_with(&other, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(seen_by(&other), 2);
	requester_close(&other);
	requester_close(&share);
	machine_run(w->m);
	assert_int_equal(seen_by(&w->admin), 2);
	requester_close(&nas);
	assert_int_equal(seen_by(&w->admin), 2);
}

/* LIF-001 LIF-002 LIF-003 LIF-004 LIF-005 LIF-006 LIF-013 CTX-015 */
static void deletion(void **state)
{
	struct world *w = *state;
	struct vss_uuid id, unknown;
	struct requester r;

	vss_uuid_generate(&unknown);
	create(&r, w, VSS_CTX_NAS_ROLLBACK);
	id = copy_of(w, &r.set);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id, VSS_OBJECT_PROVIDER, false), E_INVALIDARG);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT_SET, false),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &unknown, VSS_OBJECT_SNAPSHOT, false),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(w->admin.deleted, 0);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), S_OK);
	assert_int_equal(w->admin.deleted, 1);
	assert_true(vss_uuid_is_null(&w->admin.id));
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false),
			 VSS_E_OBJECT_NOT_FOUND);
	/* The rest of the set remembers how many they were. */
	id = copy_of(w, &r.set);
	assert_int_equal(requester_wait(&w->admin, get_snapshot_properties, &id), S_OK);
	assert_int_equal(w->admin.props[0].snapshots_count, 2);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, false), S_OK);
	assert_int_equal(seen_by(&w->admin), 0);
	requester_close(&r);

	/* The first failure stops it and is named. */
	create(&r, w, VSS_CTX_NAS_ROLLBACK);
	w->sys->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, false),
			 VSS_E_PROVIDER_VETO);
	assert_int_equal(r.deleted, 1);
	assert_true(vss_uuid_equal(&r.id, &w->sys->snapshots[0].id));
	w->sys->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_FAIL };
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, false),
			 VSS_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(r.deleted, 0);
	w->sys->on[VSSD_STEP_DELETE].fault = FAULT_HANGS;
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, true),
			 VSS_E_UNEXPECTED_PROVIDER_ERROR);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, false), S_OK);
	requester_close(&r);
}

/*
 * A copy that its provider has no more is gone, with a line in the log; one nobody made here is seen
 * by all-seeing.
 */
static void lost_and_found(void **state)
{
	struct world *w = *state;
	struct requester r, nas;
	struct vss_uuid id;

	create(&r, w, VSS_CTX_NAS_ROLLBACK);
	provider_drop(w->sys, 0);
	assert_int_equal(seen_by(&w->admin), 1);
	assert_non_null(strstr(w->m->log, "is lost"));
	/* PRV-043 */
	provider_drop(w->hard, 0);
	assert_int_equal(seen_by(&w->admin), 0);
	requester_close(&r);

	vss_uuid_generate(&id);
	w->sys->snapshots[0] = (struct standin_snapshot) {
		.id = id, .volume = "/dev/z", .committed = true, .final = true };
	vss_uuid_generate(&w->sys->snapshots[0].set);
	w->sys->nr_snapshots = 1;
	assert_int_equal(seen_by(&w->admin), 1);
	assert_int_equal(w->admin.props[0].attributes & ~VSS_VOLSNAP_ATTR_DIFFERENTIAL,
			 VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE |
			 VSS_VOLSNAP_ATTR_NO_WRITERS | VSS_VOLSNAP_ATTR_NOT_SURFACED);
	assert_string_equal(w->admin.props[0].original_volume_name, "/dev/z");
	open_with(&nas, w, VSS_CTX_NAS_ROLLBACK);
	assert_int_equal(seen_by(&nas), 0);
	requester_close(&nas);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), S_OK);
	assert_int_equal(w->sys->nr_snapshots, 0);

	/* A provider that does not answer is believed to have what it had. */
	create(&r, w, VSS_CTX_NAS_ROLLBACK);
	w->hard->on[VSSD_STEP_GET_SNAPSHOTS] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_FAIL };
	assert_int_equal(seen_by(&w->admin), 2);
	w->hard->on[VSSD_STEP_GET_SNAPSHOTS].fault = FAULT_HANGS;
	assert_int_equal(seen_by(&w->admin), 2);
	memset(w->hard->on, 0, sizeof(w->hard->on));
	requester_close(&r);
}

/* LIF-024 LIF-025 LIF-026 LIF-027 LIF-028 LIF-029 LIF-030 LIF-032 LIF-033 LIF-006 CTX-015 */
static void exposure(void **state)
{
	static const uint32_t both = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY | VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY;
	const uint32_t local = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, remote = VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY;
	struct world *w = *state;
	struct vss_uuid id, last, unknown;
	struct requester r, client;

	vss_uuid_generate(&unknown);
	create(&r, w, VSS_CTX_NAS_ROLLBACK);
	id = copy_of(w, &r.set);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, both, "/mnt"), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, 0, "/mnt"), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, "sub", local, "/mnt"), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, "a*", remote, "name"), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, "a", remote, "name"), E_NOTIMPL);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, NULL), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, "mnt"), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, "/no-such"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, expose_snapshot, &unknown, NULL, local, "/mnt"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, unexpose_snapshot, &id), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(w->m->nr_mounts, 0);

	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, "/mnt"), S_OK);
	assert_string_equal(r.text, "/mnt");
	assert_int_equal(w->m->nr_mounts, 1);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &id), S_OK);
	assert_string_equal(r.props[0].exposed_name, "/mnt");
	assert_true(r.props[0].attributes & VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY);
	assert_false(r.props[0].attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);
	assert_string_equal(w->m->mounts[0][0], r.props[0].device_object);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, "/mnt2"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), VSS_E_PROVIDER_VETO);
	assert_int_equal(requester_wait(&r, unexpose_snapshot, &id), S_OK);
	assert_int_equal(w->m->nr_mounts, 0);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &id), S_OK);
	assert_null(r.props[0].exposed_name);
	assert_true(r.props[0].attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);

	/* All of a set, or none: the last one is in the way. */
	assert_int_equal(seen_by(&r), 2);
	last = r.props[1].snapshot_id;
	assert_int_equal(requester_wait(&r, expose_snapshot, &last, NULL, local, "/mnt"), S_OK);
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, false),
			 VSS_E_PROVIDER_VETO);
	assert_int_equal(r.deleted, 0);
	assert_true(vss_uuid_equal(&r.id, &last));
	assert_int_equal(seen_by(&r), 2);
	assert_int_equal(requester_wait(&r, unexpose_snapshot, &last), S_OK);

	/* by the administrator, where somebody is at work, and deleted by force all the same */
	assert_int_equal(requester_wait(&w->admin, expose_snapshot, &id, NULL, local, "/busy"), S_OK);
	assert_int_equal(requester_wait(&r, unexpose_snapshot, &id), VSS_E_VOLUME_IN_USE);
	assert_int_equal(requester_wait(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, true), S_OK);
	assert_int_equal(w->m->nr_mounts, 0);
	requester_close(&r);

	/* not persistent, not for exposing */
	create(&r, w, VSS_CTX_FILE_SHARE_BACKUP);
	id = copy_of(w, &r.set);
	assert_int_equal(requester_wait(&r, expose_snapshot, &id, NULL, local, "/mnt"), E_INVALIDARG);
	requester_close(&r);
	open_with(&client, w, VSS_CTX_CLIENT_ACCESSIBLE);
	assert_int_equal(vssd_session_start_snapshot_set(client.session, &client.set, NULL), S_OK);
	assert_int_equal(requester_wait(&client, add_to_snapshot_set, "/dev/b", NULL), S_OK);
	requester_document(&client, false, NULL, 0);
	assert_int_equal(requester_wait(&client, do_snapshot_set, client.document), S_OK);
	id = copy_of(w, &client.set);
	assert_int_equal(requester_wait(&client, expose_snapshot, &id, NULL, local, "/mnt"), E_INVALIDARG);
	requester_close(&client);
}

/* One client-accessible copy of @volume. */
static struct vss_uuid client_copy(struct world *w, const char *volume)
{
	struct requester r;
	struct vss_uuid id;

	open_with(&r, w, VSS_CTX_CLIENT_ACCESSIBLE);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, volume, NULL), S_OK);
	requester_document(&r, false, NULL, 0);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	id = copy_of(w, &r.set);
	requester_close(&r);
	return id;
}

/* Where clients of a file server find it: the folder with its time is made for it and goes with it. */
static void exposure_to_clients(void **state)
{
	struct world *w = *state;
	struct requester nas, *r = &w->admin;
	struct vss_uuid id, other, unknown;
	char name[64];
	time_t made;
	struct tm tm;

	vss_uuid_generate(&unknown);
	id = client_copy(w, "/dev/b");
	assert_int_equal(requester_wait(r, expose_to_clients, &id, NULL), E_INVALIDARG);
	assert_int_equal(requester_wait(r, expose_to_clients, &id, "previous"), E_INVALIDARG);
	assert_int_equal(requester_wait(r, expose_to_clients, &unknown, "/previous"), VSS_E_OBJECT_NOT_FOUND);
	create(&nas, w, VSS_CTX_NAS_ROLLBACK);
	other = copy_of(w, &nas.set);
	assert_int_equal(requester_wait(r, expose_to_clients, &other, "/previous"), E_INVALIDARG);
	requester_close(&nas);
	assert_int_equal(requester_wait(r, get_snapshot_properties, &id), S_OK);
	made = (time_t)(r->props[0].creation_time / 1000000000);
	strftime(name, sizeof(name), "/previous/@GMT-%Y.%m.%d-%H.%M.%S", gmtime_r(&made, &tm));
	/* a folder that cannot be mounted on leaves nothing */
	snprintf(w->m->no_dir, sizeof(w->m->no_dir), "%s", name);
	assert_int_equal(requester_wait(r, expose_to_clients, &id, "/previous"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(w->m->nr_dirs, 0);
	w->m->no_dir[0] = '\0';

	assert_int_equal(requester_wait(r, expose_to_clients, &id, "/previous//"), S_OK);
	assert_string_equal(r->text, name);
	assert_int_equal(w->m->nr_dirs, 1);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_string_equal(w->m->mounts[0][1], name);
	assert_int_equal(requester_wait(r, expose_to_clients, &id, "/elsewhere"), VSS_E_OBJECT_ALREADY_EXISTS);
	/* another volume's could not be told from this one's */
	other = client_copy(w, "/dev/c");
	assert_int_equal(requester_wait(r, expose_to_clients, &other, "/previous"), E_INVALIDARG);
	assert_int_equal(requester_wait(r, expose_to_clients, &other, "/previous/c"), S_OK);
	assert_int_equal(w->m->nr_mounts, 2);
	assert_int_equal(requester_wait(r, unexpose_snapshot, &id), S_OK);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_int_equal(w->m->nr_dirs, 1);
	/* it goes with the copy, without force */
	assert_int_equal(requester_wait(r, expose_to_clients, &id, "/"), S_OK);
	assert_int_equal(strncmp(r->text, "/@GMT-", 6), 0);
	assert_int_equal(requester_wait(r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false), S_OK);
	assert_int_equal(w->m->nr_mounts, 1);
	assert_int_equal(w->m->nr_dirs, 1);
	/* and when the provider has the copy no more */
	for (size_t i = 0; i < w->sys->nr_snapshots; i++)
		if (vss_uuid_equal(&w->sys->snapshots[i].id, &other)) {
			provider_drop(w->sys, i);
			break;
		}
	assert_int_equal(requester_wait(r, get_snapshot_properties, &other), VSS_E_OBJECT_NOT_FOUND);
	machine_run(w->m);
	assert_int_equal(w->m->nr_mounts, 0);
	assert_int_equal(w->m->nr_dirs, 0);
}

/* One that is lost is seen nowhere any more, also where somebody is at work in it; it stays to be deleted. */
static void exposure_of_lost(void **state)
{
	const uint32_t local = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
	struct world *w = *state;
	struct requester nas, *r = &w->admin;
	struct vss_uuid id[2];

	create(&nas, w, VSS_CTX_NAS_ROLLBACK);
	for (size_t i = 0; i < seen_by(r); i++)
		if (!strcmp(r->props[i].original_volume_name, "/dev/b"))
			id[0] = r->props[i].snapshot_id;
	id[1] = client_copy(w, "/dev/c");
	assert_int_equal(requester_wait(r, expose_snapshot, &id[0], NULL, local, "/busy"), S_OK);
	assert_int_equal(requester_wait(r, expose_to_clients, &id[1], "/previous"), S_OK);
	assert_int_equal(w->m->nr_mounts, 2);
	assert_int_equal(w->m->nr_dirs, 1);
	w->sys->loses = true;
	assert_int_equal(seen_by(r), 3);
	machine_run(w->m);
	assert_int_equal(w->m->nr_mounts, 0);
	assert_int_equal(w->m->nr_dirs, 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(requester_wait(r, get_snapshot_properties, &id[i]), S_OK);
		assert_int_equal(r->props[0].status, VSS_SS_ABORTED);
		assert_null(r->props[0].exposed_name);
		assert_false(r->props[0].attributes & local);
		assert_true(r->props[0].attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);
	}
	assert_non_null(strstr(w->m->log, "is lost, and no longer exposed at /busy"));
	/* without force: it is not exposed */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(requester_wait(r, delete_snapshots, &id[i], VSS_OBJECT_SNAPSHOT, false), S_OK);
	requester_close(&nas);
}

/* Two of one second, which clients could not tell apart by their time: the next second that is free. */
static void exposure_of_one_second(void **state)
{
	struct requester *r = &((struct world *)*state)->admin;
	struct world *w = *state;
	struct vss_uuid id[3];

	for (size_t i = 0; i < 3; i++)
		id[i] = client_copy(w, "/dev/b");
	/* the stand-in's are all of 2023-11-14 22:13:20 */
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(requester_wait(r, expose_to_clients, &id[i], "/p"), S_OK);
		assert_int_equal(strncmp(r->text, "/p/@GMT-2023.11.14-22.13.2", 26), 0);
		assert_int_equal(r->text[26], '0' + (int)i);
	}
	assert_int_equal(w->m->nr_mounts, 3);
	assert_int_equal(w->m->nr_dirs, 3);
	/* what has become free is taken, and elsewhere nothing is in the way */
	assert_int_equal(requester_wait(r, unexpose_snapshot, &id[1]), S_OK);
	assert_int_equal(requester_wait(r, unexpose_snapshot, &id[2]), S_OK);
	assert_int_equal(requester_wait(r, expose_to_clients, &id[2], "/p"), S_OK);
	assert_string_equal(r->text, "/p/@GMT-2023.11.14-22.13.21");
	assert_int_equal(requester_wait(r, expose_to_clients, &id[1], "/q"), S_OK);
	assert_string_equal(r->text, "/q/@GMT-2023.11.14-22.13.20");
}

/* A mount waits until nothing is frozen. */
static void exposure_in_the_hold(void **state)
{
	struct world *w = *state;
	struct requester old, r;
	struct vss_uuid id;

	requester_open(&old, w->m);
	{
		static const char *const b[] = { "/dev/b" };

		assert_int_equal(requester_create(&old, VSS_CTX_NAS_ROLLBACK, b, 1), S_OK);
	}
	id = copy_of(w, &old.set);
	requester_open(&r, w->m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_FILE_SHARE_BACKUP, two, 2), S_OK);
	w->hard->on[VSSD_STEP_COMMIT] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 3000000 };
	requester_ask(&r, do_snapshot_set, r.document);
	while (!w->hard->seen[VSSD_STEP_COMMIT])
		assert_true(machine_step(w->m));
	assert_true(machine_anything_frozen(w->m));
	requester_ask(&w->admin, expose_snapshot, &id, NULL, VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, "/mnt");
	assert_int_equal(w->m->nr_mounts, 0);
	machine_run(w->m);
	assert_int_equal(r.result, S_OK);
	assert_int_equal(w->admin.result, S_OK);
	assert_int_equal(w->m->nr_mounts, 1);
	requester_close(&old);
	requester_close(&r);
}

/* ---- transport ---- */

/* A persistent transportable set of two copies, and its document. */
static char *transported(struct world *w, uint32_t context, struct vss_uuid *set, bool forget)
{
	struct requester r;
	char *document;

	snprintf(w->hard->supported, sizeof(w->hard->supported), " /dev/a /dev/b ");
	w->hard->has_luns = true;
	create(&r, w, context | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	document = strdup(r.document);
	*set = r.set;
	vssd_session_document_saved(r.session);
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(w->hard->nr_snapshots, 2);
	/* As on another machine, where it has to be found first. */
	if (forget) {
		w->hard->nr_snapshots = 0;
		seen_by(&w->admin);
	}
	return document;
}

/* IMP-001 IMP-004 IMP-005 IMP-007 IMP-014 IMP-015 IMP-016 IMP-017 IMP-026 IMP-029 IMP-030 TRN-022 CTX-022 */
static void import_auto_release(void **state)
{
	struct world *w = *state;
	struct requester r, again;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_FILE_SHARE_BACKUP, &set, true);

	open_with(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	assert_int_equal(seen_by(&r), 2);
	assert_true(vss_uuid_equal(&r.props[0].snapshot_set_id, &set));
	assert_true(vss_uuid_equal(&r.props[0].provider_id, &w->hard->prop.provider_id));
	assert_true(r.props[0].attributes & VSS_VOLSNAP_ATTR_IMPORTED);
	assert_true(r.props[0].attributes & VSS_VOLSNAP_ATTR_NO_WRITERS);
	assert_non_null(strstr(r.props[0].device_object, "/dev/"));
	assert_string_equal(r.props[0].originating_machine, "here");
	assert_string_equal(r.props[0].service_machine, "here");
	assert_int_equal(r.props[0].creation_time, 1700000000000000000);
	assert_int_equal(r.props[0].snapshots_count, 2);
	open_with(&again, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&again, import_snapshots, document), VSS_E_OBJECT_ALREADY_EXISTS);
	requester_close(&again);
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(w->hard->nr_snapshots, 0);
	assert_int_equal(seen_by(&w->admin), 0);
	free(document);
}

/* IMP-008 IMP-018 IMP-019 IMP-020 IMP-003 BRK-004 */
static void import_parts(void **state)
{
	struct world *w = *state;
	struct vss_set_description description = { 0 };
	struct vss_backup_document *doc;
	struct requester r;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true);

	assert_int_equal(vss_backup_document_parse(document, strlen(document), &doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_get_set(doc, &description, NULL), S_OK);
	open_with(&r, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0), VSS_E_OBJECT_NOT_FOUND);
	w->hard->absent[0] = description.members[0].prop.snapshot_id;
	w->hard->absent[1] = description.members[1].prop.snapshot_id;
	w->hard->nr_absent = 2;
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_NO_SNAPSHOTS_IMPORTED);
	assert_int_equal(seen_by(&r), 0);
	/* What is found is another LUN than the one recorded. */
	w->hard->nr_absent = 0;
	description.members[0].luns[0].destination.ids[0].bytes[0] ^= 1;
	description.members[1].luns[0].destination.bus_type = VSS_BUS_USB;
	free(document);
	assert_int_equal(vss_backup_document_put_set(doc, &description, NULL), S_OK);
	assert_int_equal(vss_backup_document_save(doc, &document, NULL), S_OK);
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED);
	for (size_t i = w->hard->nr_snapshots; i-- > 0;)
		if (vss_uuid_equal(&w->hard->snapshots[i].id, &description.members[0].prop.snapshot_id))
			provider_drop(w->hard, i);
	assert_int_equal(seen_by(&r), 1);
	/* It stays until it is deleted. */
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(seen_by(&w->admin), 1);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, false), S_OK);
	vss_set_description_clear(&description);
	vss_backup_document_free(doc);
	free(document);
}

/* IMP-002 IMP-010 IMP-013 TRN-028 TRN-029 TRN-030, and cancelling it */
static void import_refusals(void **state)
{
	struct world *w = *state;
	struct requester r, other;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true);

	open_with(&r, w, VSS_CTX_ALL);
	open_with(&other, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&r, import_snapshots, NULL), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, import_snapshots, "<"), VSS_E_CORRUPT_XML_DOCUMENT);
	requester_document(&r, true, NULL, 0);
	assert_int_equal(requester_wait(&r, import_snapshots, r.document), VSS_E_NONTRANSPORTABLE_BCD);
	requester_ask(&r, import_snapshots, document);
	assert_int_equal(requester_wait(&other, import_snapshots, document), VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(r.result, S_OK);
	requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true);
	/* IMP-014: once, for ever */
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_non_null(strstr(r.error, "deleted or broken"));

	free(document);
	document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true);
	requester_ask(&r, import_snapshots, document);
	assert_int_equal(vssd_session_cancel(r.session), S_OK);
	machine_run(w->m);
	assert_int_equal(r.result, E_ABORT);
	requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true);
	/* Its requester dies in the middle. */
	free(document);
	document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true);
	requester_ask(&r, import_snapshots, document);
	requester_close(&r);
	machine_run(w->m);
	/* The provider is not here. */
	assert_int_equal(vssd_provider_remove(w->hard->handle), S_OK);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true),
			 VSS_E_PROVIDER_NOT_REGISTERED);
	free(document);
	requester_close(&other);
}

/* TRN-029 IMP-009: one that was edited, by hand as well */
static void import_edited(void **state)
{
	struct world *w = *state;
	struct requester r;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true), *at;

	open_with(&r, w, VSS_CTX_ALL);
	at = strstr(document, "copy-/dev/a");
	assert_null(at);	/* identifiers are in hexadecimal */
	at = strstr(document, "originalVolume=\"/dev/a\"");
	assert_non_null(at);
	at[strlen("originalVolume=\"/dev/")] = 'b';
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_INVALID_XML_DOCUMENT);
	assert_non_null(strstr(r.error, "digest"));
	at[strlen("originalVolume=\"/dev/")] = 'a';
	at = strstr(document, " digest=");
	memcpy(at, " gidest=", 8);
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_INVALID_XML_DOCUMENT);
	memcpy(at, " digest=", 8);
	assert_int_equal(w->hard->seen[VSSD_STEP_IMPORT], 0);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true);
	requester_close(&r);
	free(document);
}

/* IMP-003: what a failed import has left is deleted when that is asked for, what was imported is not. */
static void clean_up(void **state)
{
	struct world *w = *state;
	struct requester r, other;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, true);

	open_with(&r, w, VSS_CTX_ALL);
	open_with(&other, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&r, clean_up_import, NULL), E_INVALIDARG);
	/* The LUNs are visible, and not what was recorded. */
	w->hard->on[VSSD_STEP_IMPORT] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_MISSING_DISK };
	assert_int_equal(requester_wait(&r, import_snapshots, document), VSS_E_NO_SNAPSHOTS_IMPORTED);
	assert_non_null(strstr(r.error, "told to fail"));
	assert_non_null(strstr(r.error, "--cleanup"));
	memset(w->hard->on, 0, sizeof(w->hard->on));
	assert_int_equal(requester_wait(&r, clean_up_import, document), S_FALSE);
	assert_int_equal(w->hard->seen[VSSD_STEP_DELETE], 2);
	requester_ask(&r, import_snapshots, document);
	assert_int_equal(requester_wait(&other, clean_up_import, document), VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(r.result, S_OK);
	assert_int_equal(requester_wait(&r, clean_up_import, document), S_FALSE);
	assert_int_equal(w->hard->seen[VSSD_STEP_DELETE], 2);
	assert_int_equal(seen_by(&r), 2);
	requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true);

	/* Where it was made: nobody imports it any more. */
	free(document);
	document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, false);
	w->hard->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	assert_int_equal(requester_wait(&r, clean_up_import, document), VSS_E_PROVIDER_VETO);
	memset(w->hard->on, 0, sizeof(w->hard->on));
	assert_int_equal(requester_wait(&r, clean_up_import, document), S_OK);
	assert_int_equal(w->hard->nr_snapshots, 0);
	requester_close(&other);
	requester_close(&r);
	free(document);
}

/* Not while its maker may still want it. */
static void clean_up_of_open_session(void **state)
{
	struct world *w = *state;
	struct requester r, other;

	snprintf(w->hard->supported, sizeof(w->hard->supported), " /dev/a /dev/b ");
	w->hard->has_luns = true;
	create(&r, w, VSS_CTX_FILE_SHARE_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	open_with(&other, w, VSS_CTX_ALL);
	assert_int_equal(requester_wait(&other, clean_up_import, r.document), VSS_E_BAD_STATE);
	assert_int_equal(w->hard->nr_snapshots, 2);
	requester_close(&other);
	requester_close(&r);
	machine_run(w->m);
	assert_int_equal(w->hard->nr_snapshots, 0);
}

/* TRN-019 TRN-023: a copy that nobody could find, or tell from its original, is no copy to travel */
static void nothing_to_find_it_by(void **state)
{
	struct world *w = *state;
	struct requester r;

	snprintf(w->hard->supported, sizeof(w->hard->supported), " /dev/a /dev/b ");
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, two, 2),
			 VSS_E_UNEXPECTED_PROVIDER_ERROR);
	assert_non_null(strstr(r.error, "could find it"));
	assert_int_equal(w->hard->nr_snapshots, 0);
	requester_close(&r);
	machine_run(w->m);

	w->hard->has_luns = true;
	w->hard->copies_identity = true;
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, two, 2),
			 VSS_E_UNEXPECTED_PROVIDER_ERROR);
	assert_non_null(strstr(r.error, "identifier of its original"));
	assert_int_equal(w->hard->nr_snapshots, 0);
	requester_close(&r);
}

/* FRV-003 FRV-005: each LUN once, nothing while a volume is in use, and again without harm */
static void mask(void **state)
{
	struct world *w = *state;
	struct requester r;
	struct vss_uuid set;
	char *document = transported(w, VSS_CTX_NAS_ROLLBACK, &set, false);

	open_with(&r, w, VSS_CTX_ALL);
	snprintf(w->m->in_use, sizeof(w->m->in_use), "/dev/a");
	assert_int_equal(requester_wait(&r, mask_originals, document), VSS_E_VOLUME_IN_USE);
	assert_int_equal(w->hard->seen[VSSD_STEP_MASK_ORIGINALS], 0);
	w->m->in_use[0] = '\0';
	w->hard->on[VSSD_STEP_MASK_ORIGINALS] = (struct behaviour) { .fault = FAULT_FAILS,
		.result = VSS_E_VOLUME_IN_USE };
	assert_int_equal(requester_wait(&r, mask_originals, document), VSS_E_VOLUME_IN_USE);
	assert_non_null(strstr(r.error, "told to fail"));
	w->hard->on[VSSD_STEP_MASK_ORIGINALS].result = E_NOTIMPL;
	assert_int_equal(requester_wait(&r, mask_originals, document), VSS_E_PROVIDER_VETO);
	memset(w->hard->on, 0, sizeof(w->hard->on));
	assert_int_equal(requester_wait(&r, mask_originals, document), S_OK);
	assert_int_equal(w->hard->masked, 2);
	assert_int_equal(requester_wait(&r, mask_originals, document), S_OK);
	assert_int_equal(w->hard->masked, 2);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, true);
	requester_close(&r);
	free(document);
}

/*
 * FRV-006 FRV-007 FRV-011 BRK-001 BRK-002 BRK-003 BRK-004 BRK-006 BRK-008 BRK-009 BRK-010 BRK-012
 * CO-153..158: on the machine where it was made
 */
static void fast_recovery(void **state)
{
	struct world *w = *state;
	struct requester r;
	struct vss_uuid set, id;
	char *document = transported(w, VSS_CTX_APP_ROLLBACK, &set, false);

	open_with(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, import_snapshots, document), S_OK);
	id = copy_of(w, &set);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0x100), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL |
					VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, VSS_BREAKEX_FLAG_MASK_LUNS |
					VSS_BREAKEX_FLAG_MAKE_READ_WRITE), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL),
			 VSS_E_BREAK_REVERT_ID_FAILED);
	w->hard->on[VSSD_STEP_BREAK] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_NOTIMPL };
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0), VSS_E_PROVIDER_VETO);
	memset(w->hard->on, 0, sizeof(w->hard->on));
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, VSS_BREAKEX_FLAG_MAKE_READ_WRITE), S_OK);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &id), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, delete_snapshots, &set, VSS_OBJECT_SNAPSHOT_SET, false),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, break_snapshot_set, &set, 0), VSS_E_OBJECT_NOT_FOUND);
	requester_close(&r);
	free(document);
}

/* The identity of an original that is away may be had. */
static void identity_of_one_away(void **state)
{
	static const char *const one[] = { "/dev/a" };
	struct world *w = *state;
	struct requester r;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	snprintf(w->m->gone, sizeof(w->m->gone), "/dev/a");
	assert_int_equal(requester_wait(&r, break_snapshot_set, &r.set, VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL), S_OK);
	requester_close(&r);
}

/* ---- revert ---- */

/* REV-001 REV-002 REV-003 REV-004 REV-005 REV-006 REV-009 REV-010 PRV-045 ASY-010 */
static void revert(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct world *w = *state;
	struct vss_uuid id, unknown;
	struct requester r, share;

	vss_uuid_generate(&unknown);
	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	id = copy_of(w, &r.set);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &unknown, true), VSS_E_OBJECT_NOT_FOUND);
	w->sys->on[VSSD_STEP_REVERT] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_NOTIMPL };
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), E_NOTIMPL);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	snprintf(w->m->in_use, sizeof(w->m->in_use), "/dev/b");
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, false), VSS_E_VOLUME_IN_USE);
	assert_int_equal(requester_wait(&r, query_revert_status, "/dev/b"), S_OK);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), S_OK);
	w->sys->revert_polls = 1;
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_REVERT_IN_PROGRESS);
	/* That one has ended meanwhile; the volume is still in use. */
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, false), VSS_E_VOLUME_IN_USE);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), S_OK);
	w->sys->revert_polls = 3;
	{
		uint64_t before = w->m->now;

		assert_int_equal(requester_wait(&r, query_revert_status, "/dev/b"), S_OK);
		assert_true(w->m->now - before >= 3000000);
		assert_int_equal(r.percent, 50);
	}
	assert_int_equal(requester_wait(&r, query_revert_status, "nowhere"), VSS_E_OBJECT_NOT_FOUND);
	/* It cannot be called back. */
	w->sys->revert_polls = 1;
	requester_ask(&r, query_revert_status, "/dev/b");
	assert_int_equal(vssd_session_cancel(r.session), S_FALSE);
	machine_run(w->m);
	w->sys->on[VSSD_STEP_QUERY_REVERT] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_REVERT_VOLUME_LOST };
	/* REV-014 */
	assert_int_equal(requester_wait(&r, query_revert_status, "/dev/b"), VSS_E_REVERT_VOLUME_LOST);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	/* Who asked has gone: nobody polls for ever. */
	w->sys->revert_polls = 1000000;
	requester_ask(&r, query_revert_status, "/dev/b");
	for (int i = 0; i < 10; i++)
		machine_step(w->m);
	requester_close(&r);
	machine_run(w->m);
	w->sys->revert_polls = 0;

	requester_open(&share, w->m);
	assert_int_equal(requester_create(&share, VSS_CTX_FILE_SHARE_BACKUP, one, 1), S_OK);
	id = copy_of(w, &share.set);
	for (size_t i = 0; i < w->admin.nr_snapshots; i++)
		if (vss_uuid_equal(&w->admin.props[i].snapshot_set_id, &share.set))
			id = w->admin.props[i].snapshot_id;
	assert_int_equal(requester_wait(&share, revert_to_snapshot, &id, true), VSS_E_UNSUPPORTED_CONTEXT);
	requester_close(&share);
}

/* REV-011: not below the running system, whoever uses force; nobody is asked to do it. */
static void revert_of_system(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct world *w = *state;
	struct requester r;
	struct vss_uuid id;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	id = copy_of(w, &r.set);
	snprintf(w->m->system, sizeof(w->m->system), "/dev/b");
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, false), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(r.error, "/dev/b"));
	assert_int_equal(w->sys->seen[VSSD_STEP_REVERT], 0);
	assert_int_equal(requester_wait(&r, query_revert_status, "/dev/b"), S_OK);
	/* A volume that the provider cannot revert: its code is the answer. */
	w->m->system[0] = '\0';
	w->sys->on[VSSD_STEP_REVERT] = (struct behaviour) { .fault = FAULT_FAILS,
							     .result = VSS_E_VOLUME_NOT_SUPPORTED };
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), VSS_E_VOLUME_NOT_SUPPORTED);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	assert_int_equal(requester_wait(&r, revert_to_snapshot, &id, true), S_OK);
	requester_close(&r);
}

/* REV-012: newer copies of the volume are gone with it; older ones and those of others stay. */
static void revert_loses_newer(void **state)
{
	static const char *const b[] = { "/dev/b" }, *const c[] = { "/dev/c" };
	struct vss_uuid id[3], other, left[3];
	struct world *w = *state;
	struct requester r[4];

	for (size_t i = 0; i < 4; i++) {
		requester_open(&r[i], w->m);
		assert_int_equal(requester_create(&r[i], VSS_CTX_NAS_ROLLBACK, i == 1 ? c : b, 1), S_OK);
	}
	for (size_t i = 0; i < 3; i++)
		id[i] = copy_of(w, &r[i ? i + 1 : 0].set);
	other = copy_of(w, &r[1].set);
	/* it is said before it is done */
	snprintf(w->m->in_use, sizeof(w->m->in_use), "/dev/b");
	assert_int_equal(requester_wait(&w->admin, revert_to_snapshot, &id[1], false), VSS_E_VOLUME_IN_USE);
	assert_non_null(strstr(w->admin.error, "; 1 newer shadow copy of it will be deleted"));
	assert_int_equal(requester_wait(&w->admin, revert_to_snapshot, &id[2], false), VSS_E_VOLUME_IN_USE);
	assert_null(strstr(w->admin.error, "newer"));
	assert_int_equal(requester_wait(&w->admin, revert_to_snapshot, &id[1], true), S_OK);
	assert_int_equal(seen_by(&w->admin), 3);
	for (size_t i = 0; i < 3; i++)
		left[i] = w->admin.props[i].snapshot_id;
	for (size_t i = 0; i < 3; i++)
		assert_true(vss_uuid_equal(&left[i], &id[0]) || vss_uuid_equal(&left[i], &id[1]) ||
			    vss_uuid_equal(&left[i], &other));
	assert_non_null(strstr(w->m->log, "is lost"));
	assert_int_equal(requester_wait(&w->admin, get_snapshot_properties, &id[2]), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&w->admin, delete_snapshots, &id[2], VSS_OBJECT_SNAPSHOT, true),
			 VSS_E_OBJECT_NOT_FOUND);
	for (size_t i = 0; i < 4; i++)
		requester_close(&r[i]);
}

/* A provider compares first and deletes then: seen by itself, and not looked for any longer. */
static void revert_loses_newer_later(void **state)
{
	static const char *const b[] = { "/dev/b" };
	struct world *w = *state;
	struct requester r[3];
	struct vss_uuid id;
	uint64_t before;

	for (size_t i = 0; i < 2; i++) {
		requester_open(&r[i], w->m);
		assert_int_equal(requester_create(&r[i], VSS_CTX_NAS_ROLLBACK, b, 1), S_OK);
	}
	id = copy_of(w, &r[0].set);
	w->sys->revert_lists = 3;
	before = w->m->now;
	assert_int_equal(requester_wait(&r[0], revert_to_snapshot, &id, true), S_OK);
	machine_run(w->m);
	assert_int_equal(w->sys->revert_lists, 0);
	assert_non_null(strstr(w->m->log, "is lost"));
	assert_true(w->m->now - before >= 3000000 && w->m->now - before < 7000000);
	/* they stay if it fails: that has an end too */
	requester_open(&r[2], w->m);
	assert_int_equal(requester_create(&r[2], VSS_CTX_NAS_ROLLBACK, b, 1), S_OK);
	w->sys->revert_lists = 1000000;
	assert_int_equal(requester_wait(&r[0], revert_to_snapshot, &id, true), S_OK);
	machine_run(w->m);
	assert_true(w->sys->revert_lists > 1000000 - 30);
	for (size_t i = 0; i < 3; i++)
		requester_close(&r[i]);
}

/*
 * LIF-007: a requester deletes one after the other; a second call of its is refused, and
 * two requesters' calls reach the provider (which aborts when it is called twice at once)
 * one after the other.
 */
static void deletions_at_once(void **state)
{
	static const char *const one[] = { "/dev/b" };
	struct requester r, second, third;
	struct world *w = *state;
	struct vss_uuid id;

	requester_open(&r, w->m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, one, 1), S_OK);
	id = copy_of(w, &r.set);
	requester_close(&r);
	create(&third, w, VSS_CTX_NAS_ROLLBACK);
	open_with(&r, w, VSS_CTX_ALL);
	open_with(&second, w, VSS_CTX_ALL);
	w->sys->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 5000000 };
	requester_ask(&r, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false);
	while (!w->sys->seen[VSSD_STEP_DELETE])
		assert_true(machine_step(w->m));
	requester_ask(&r, delete_snapshots, &third.set, VSS_OBJECT_SNAPSHOT_SET, false);
	assert_int_equal(r.answers, 1);
	assert_int_equal(r.result, VSS_E_BAD_STATE);
	requester_ask(&second, delete_snapshots, &id, VSS_OBJECT_SNAPSHOT, false);
	requester_ask(&w->admin, delete_snapshots, &third.set, VSS_OBJECT_SNAPSHOT_SET, false);
	machine_run(w->m);
	assert_int_equal(r.answers, 2);
	assert_int_equal(r.result, S_OK);
	assert_int_equal(r.deleted, 1);
	/* It had gone when its turn came. */
	assert_int_equal(second.result, VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(second.deleted, 0);
	assert_int_equal(w->admin.result, S_OK);
	assert_int_equal(w->admin.deleted, 2);
	memset(w->sys->on, 0, sizeof(w->sys->on));
	assert_int_equal(seen_by(&w->admin), 0);
	requester_close(&r);
	requester_close(&second);
	requester_close(&third);
}

/* LIF-008 LIF-009: a copy that cannot be deleted with its session is not shown to anybody either. */
static void release_fails(void **state)
{
	struct world *w = *state;
	struct requester r;

	create(&r, w, VSS_CTX_FILE_SHARE_BACKUP);
	w->sys->on[VSSD_STEP_DELETE] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	requester_close(&r);
	/* At once: it is as good as gone. */
	assert_int_equal(seen_by(&w->admin), 0);
	assert_int_equal(w->sys->nr_snapshots, 1);
	assert_non_null(strstr(w->m->log, "tried again"));
	assert_int_equal(seen_by(&w->admin), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(visibility, setup, teardown),
		cmocka_unit_test_setup_teardown(deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_and_found, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure_to_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure_of_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure_of_one_second, setup, teardown),
		cmocka_unit_test_setup_teardown(exposure_in_the_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(import_auto_release, setup, teardown),
		cmocka_unit_test_setup_teardown(import_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(import_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(import_edited, setup, teardown),
		cmocka_unit_test_setup_teardown(clean_up, setup, teardown),
		cmocka_unit_test_setup_teardown(clean_up_of_open_session, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_find_it_by, setup, teardown),
		cmocka_unit_test_setup_teardown(mask, setup, teardown),
		cmocka_unit_test_setup_teardown(fast_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(identity_of_one_away, setup, teardown),
		cmocka_unit_test_setup_teardown(revert, setup, teardown),
		cmocka_unit_test_setup_teardown(revert_of_system, setup, teardown),
		cmocka_unit_test_setup_teardown(revert_loses_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(revert_loses_newer_later, setup, teardown),
		cmocka_unit_test_setup_teardown(deletions_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(release_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

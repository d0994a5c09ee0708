// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What sessions, writers and providers can do to a set that is not theirs, or to
 * the machine: nothing of another's set is lost, nothing stays behind, nobody
 * waits longer than the limits say.
 */
#include "unit.h"

#include <sys/stat.h>

#include "../standin/machine.h"
#include "access.h"
#include "volumes.h"

static const char *const two[] = { "/dev/a", "/dev/b" };
static const char *const b[] = { "/dev/b" };

static struct machine *new_machine(const char *state_dir)
{
	struct machine *m = machine_new(state_dir);

	machine_writer(m, "front", VSS_APP_FRONT_END);
	machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b ");
	machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
	return m;
}

static void no_faults(struct machine *m)
{
	for (size_t i = 0; i < m->nr_providers; i++)
		memset(m->providers[i].on, 0, sizeof(m->providers[i].on));
}

static char *new_folder(char path[32])
{
	strcpy(path, "/tmp/vss-hostile-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static void remove_folder(const char *path)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

/* A provider is slow to refuse a volume; meanwhile its session goes, and another one begins. */
static void late_volume_of_a_session_that_ended(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester first, second;

	(void)state;
	requester_open(&first, m);
	assert_int_equal(vssd_session_initialize(first.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(first.session, VSS_CTX_FILE_SHARE_BACKUP, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(first.session, &first.set, NULL), S_OK);
	m->providers[1].on[VSSD_STEP_IS_VOLUME_SUPPORTED] = (struct behaviour) {
		.fault = FAULT_SLOW, .usec = 5000000 };
	requester_ask(&first, add_to_snapshot_set, "/dev/b", NULL);
	requester_close(&first);

	requester_open(&second, m);
	assert_int_equal(vssd_session_initialize(second.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(second.session, VSS_CTX_FILE_SHARE_BACKUP, NULL), S_OK);
	requester_document(&second, true, NULL, 0);
	assert_int_equal(vssd_session_start_snapshot_set(second.session, &second.set, NULL), S_OK);
	/* By then the first session's volume comes to the same provider. */
	assert_int_equal(requester_wait(&second, add_to_snapshot_set, "/dev/b",
					&m->providers[0].prop.provider_id), S_OK);
	assert_int_equal(m->providers[0].seen[VSSD_STEP_BEGIN_PREPARE], 1);
	assert_int_equal(requester_wait(&second, do_snapshot_set, second.document), S_OK);
	assert_int_equal(m->providers[0].nr_snapshots, 1);
	requester_close(&second);
	machine_run(m);
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	machine_free(m);
}

/* A set fails when one provider has finished it, and does not delete it again. */
static void make_leftover(struct machine *m)
{
	struct requester r;

	m->providers[1].on[VSSD_STEP_POST_FINAL_COMMIT] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	m->providers[0].on[VSSD_STEP_ABORT] = m->providers[1].on[VSSD_STEP_POST_FINAL_COMMIT];
	m->providers[0].on[VSSD_STEP_DELETE] = m->providers[1].on[VSSD_STEP_POST_FINAL_COMMIT];
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_APP_ROLLBACK, two, 2), VSS_E_PROVIDER_VETO);
	requester_close(&r);
	machine_run(m);
	assert_int_equal(m->providers[0].nr_snapshots, 1);
	assert_int_equal(m->providers[1].nr_snapshots, 0);
	no_faults(m);
}

static void what_is_not_undone_is_tried_again(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester r;

	(void)state;
	make_leftover(m);
	requester_open(&r, m);
	requester_close(&r);
	machine_run(m);
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	assert_false(vssd_core_busy(m->core));
	machine_free(m);
}

static void what_is_not_undone_is_tried_by_the_next_life(void **state)
{
	char folder[32];
	struct machine *m = new_machine(new_folder(folder));

	(void)state;
	make_leftover(m);
	machine_restart(m);
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	machine_free(m);
	remove_folder(folder);
}

/* A copy that goes with its session, whose provider fails just then. */
static void release_is_tried_again(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester r;

	(void)state;
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, b, 1), S_OK);
	m->providers[0].on[VSSD_STEP_DELETE] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	requester_close(&r);
	machine_run(m);
	assert_int_equal(m->providers[0].nr_snapshots, 1);
	no_faults(m);
	requester_open(&r, m);
	requester_close(&r);
	machine_run(m);
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	machine_free(m);
}

/* A writer asks for weeks, and hangs: with it the lock would be held. */
static void limits_of_writers_have_a_limit(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester r;
	uint64_t before;

	(void)state;
	vssd_writer_remove(m->writers[0].handle, false);
	m->writers[0].info.freeze_timeout_ms = UINT32_MAX;
	writer_subscribe(&m->writers[0]);
	m->writers[0].on[VSSD_EVENT_FREEZE].fault = FAULT_HANGS;
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	before = m->now;
	requester_ask(&r, do_snapshot_set, r.document);
	while (vssd_core_creating(m->core))
		assert_true(machine_step(m));
	assert_int_equal(r.result, VSS_E_UNEXPECTED_WRITER_ERROR);
	assert_true(m->now - before <= UINT64_C(601000000));
	requester_close(&r);
	machine_run(m);
	machine_free(m);
}

/* Another session's question hangs, the provider is stopped: it knows of no set any more. */
static void provider_stopped_for_others(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester r, other;

	(void)state;
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, b, 1), S_OK);
	m->providers[0].on[VSSD_STEP_GET_SNAPSHOTS].fault = FAULT_HANGS;
	requester_open(&other, m);
	assert_int_equal(vssd_session_initialize(other.session, false, NULL), S_OK);
	assert_int_equal(requester_wait(&other, query_snapshots), S_OK);
	assert_int_equal(m->providers[0].kills, 1);
	no_faults(m);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_UNEXPECTED_PROVIDER_ERROR);
	/* Nobody was frozen for a set that could not come to be. */
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_FREEZE], 0);
	requester_close(&r);
	requester_close(&other);
	machine_run(m);
	machine_free(m);
}

/* While file systems may be frozen, another session asks what a name stands for. */
struct asking {
	struct machine *m;
	struct requester supported, snapshotted, status;
};

static void ask_about_names(void *arg)
{
	struct asking *a = arg;

	requester_ask(&a->supported, is_volume_supported, NULL, "/dev/a");
	requester_ask(&a->snapshotted, is_volume_snapshotted, NULL, "/dev/a");
	requester_ask(&a->status, query_revert_status, "/dev/a");
}

static void names_wait_for_the_thaw(void **state)
{
	struct machine *m = new_machine(NULL);
	struct asking a = { .m = m };
	struct requester r, *others[] = { &a.supported, &a.snapshotted, &a.status };

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		requester_open(others[i], m);
		assert_int_equal(vssd_session_initialize(others[i]->session, false, NULL), S_OK);
	}
	m->providers[0].on[VSSD_STEP_COMMIT].hook = ask_about_names;
	m->providers[0].on[VSSD_STEP_COMMIT].arg = &a;
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, b, 1), S_OK);
	assert_false(m->frozen_trouble);
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_int_equal(others[i]->answers, 1);
		assert_int_equal(others[i]->result, S_OK);
		requester_close(others[i]);
	}
	requester_close(&r);
	machine_run(m);
	machine_free(m);
}

/* vssd ends while it still asks who has what (the sanitizer sees what is left). */
static void ends_while_it_reconciles(void **state)
{
	struct machine *m = new_machine(NULL);

	(void)state;
	m->providers[0].on[VSSD_STEP_GET_SNAPSHOTS].fault = FAULT_HANGS;
	vssd_core_reconcile(m->core);
	machine_free(m);
}

/* ---- sets that travel ---- */

static void create_to_travel(struct machine *m, struct requester *r, uint32_t context)
{
	static const char *const a[] = { "/dev/a" };

	requester_open(r, m);
	assert_int_equal(requester_create(r, context | VSS_VOLSNAP_ATTR_TRANSPORTABLE, a, 1), S_OK);
	vssd_session_document_saved(r->session);
}

/* A backup that fails after its document was saved leaves no copy that nobody sees. */
static void aborted_after_saving(void **state)
{
	struct machine *m = new_machine(NULL);
	struct requester r;

	(void)state;
	m->providers[1].has_luns = true;
	create_to_travel(m, &r, VSS_CTX_BACKUP);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	requester_close(&r);
	machine_run(m);
	assert_int_equal(m->providers[1].nr_snapshots, 0);

	create_to_travel(m, &r, VSS_CTX_APP_ROLLBACK);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	assert_int_equal(requester_wait(&r, delete_snapshots, &r.set, VSS_OBJECT_SNAPSHOT_SET, true), S_OK);
	assert_int_equal(m->providers[1].nr_snapshots, 0);
	requester_close(&r);
	machine_run(m);
	machine_free(m);
}

/* A document in whose name a set is replaced that was made here to stay. */
static void import_over_a_set_of_ours(void **state)
{
	static const char record[] =
		"{\"version\":1,\"set\":\"%s\",\"state\":\"created\",\"context\":%u,\"snapshots\":["
		"{\"id\":\"%s\",\"provider\":\"%s\",\"volume\":\"/dev/a\"}]}";
	char folder[32], path[128], set[VSS_UUID_TEXT_SIZE], id[VSS_UUID_TEXT_SIZE],
		provider[VSS_UUID_TEXT_SIZE];
	struct machine *m = new_machine(NULL);
	struct requester r, thief, owner;
	struct standin_snapshot *kept;
	struct standin_provider *array;
	FILE *file;

	(void)state;
	m->providers[1].has_luns = true;
	create_to_travel(m, &r, VSS_CTX_APP_ROLLBACK);

	/* The same set's identifier is here that of a persistent one. */
	new_folder(folder);
	snprintf(m->state_dir, sizeof(m->state_dir), "%s", folder);
	snprintf(path, sizeof(path), "%s/sets", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	vss_uuid_format(&r.set, set);
	snprintf(path, sizeof(path), "%s/sets/%s.json", folder, set);
	array = &m->providers[1];
	kept = &array->snapshots[0];
	vss_uuid_generate(&kept->id);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, record, set, VSS_CTX_APP_ROLLBACK, vss_uuid_format(&kept->id, id),
		vss_uuid_format(&array->prop.provider_id, provider));
	fclose(file);
	thief = r;
	machine_restart(m);

	assert_non_null(thief.session = vssd_session_open(m->core, requester_progress, &thief));
	assert_int_equal(vssd_session_initialize(thief.session, false, NULL), S_OK);
	assert_int_equal(requester_wait(&thief, import_snapshots, thief.document), VSS_E_OBJECT_ALREADY_EXISTS);
	requester_close(&thief);
	machine_run(m);

	requester_open(&owner, m);
	assert_int_equal(vssd_session_initialize(owner.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(owner.session, VSS_CTX_APP_ROLLBACK, NULL), S_OK);
	assert_int_equal(requester_wait(&owner, get_snapshot_properties, &kept->id), S_OK);
	requester_close(&owner);
	assert_int_equal(access(path, F_OK), 0);
	machine_free(m);
	remove_folder(folder);
}

/* BRK: on another machine names are others; also the next life knows the LUNs. */
static void identity_follows_luns(void **state)
{
	for (int away = 0; away < 2; away++)
		for (int restart = 0; restart < 2; restart++) {
			char folder[32];
			struct machine *m = machine_new(new_folder(folder));
			struct requester r, other;

			machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
			machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " ");
			m->providers[0].has_luns = true;
			create_to_travel(m, &r, VSS_CTX_NAS_ROLLBACK);
			requester_open(&other, m);
			assert_int_equal(vssd_session_initialize(other.session, false, NULL), S_OK);
			assert_int_equal(vssd_session_set_context(other.session, VSS_CTX_NAS_ROLLBACK, NULL), S_OK);
			assert_int_equal(requester_wait(&other, import_snapshots, r.document), S_OK);
			other.set = r.set;
			requester_close(&r);
			if (restart) {
				machine_restart(m);
				other.session = vssd_session_open(m->core, requester_progress, &other);
				vssd_session_initialize(other.session, false, NULL);
				assert_int_equal(vssd_session_set_context(other.session, VSS_CTX_NAS_ROLLBACK,
									  NULL), S_OK);
			}
			/* The name says the opposite of what is the case. */
			m->luns_away = away;
			snprintf(m->gone, sizeof(m->gone), "%s", away ? "" : "/dev/a");
			assert_int_equal(requester_wait(&other, break_snapshot_set, &other.set,
							VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL),
					 away ? S_OK : VSS_E_BREAK_REVERT_ID_FAILED);
			requester_close(&other);
			machine_free(m);
			remove_folder(folder);
		}
	(void)state;
}

/* Who may do nothing gets few connections. */
static void strangers(void **state)
{
	const struct vssd_principal writer = { .uid = 26 }, requester = { .is_group = true, .gid = 7 };
	gid_t group = 7;
	const struct vssd_creds stranger = { .uid = 1000 }, root = { 0 }, postgres = { .uid = 26 },
				member = { .uid = 1001, .gids = &group, .nr_gids = 1 };
	struct vssd_access access = { 0 };

	(void)state;
	assert_int_equal(vssd_access_add_writer(&access, &writer, "PostgreSQL*"), 0);
	assert_int_equal(vssd_access_add_requester(&access, &requester), 0);
	assert_false(vssd_access_any(&access, &stranger));
	assert_true(vssd_access_any(&access, &root));
	assert_true(vssd_access_any(&access, &postgres));
	assert_true(vssd_access_any(&access, &member));
	assert_true(vssd_access_any(NULL, &stranger));
	vssd_access_clear(&access);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_volume_of_a_session_that_ended),
		cmocka_unit_test(what_is_not_undone_is_tried_again),
		cmocka_unit_test(what_is_not_undone_is_tried_by_the_next_life),
		cmocka_unit_test(release_is_tried_again),
		cmocka_unit_test(limits_of_writers_have_a_limit),
		cmocka_unit_test(provider_stopped_for_others),
		cmocka_unit_test(names_wait_for_the_thaw),
		cmocka_unit_test(ends_while_it_reconciles),
		cmocka_unit_test(aborted_after_saving),
		cmocka_unit_test(import_over_a_set_of_ours),
		cmocka_unit_test(identity_follows_luns),
		cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

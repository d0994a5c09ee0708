// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions: what may be called when, the one lock on creation, which writers are
 * asked, and restores.
 */
#include "unit.h"

#include "../standin/machine.h"

static const char *const one[] = { "/dev/a" };

static int setup(void **state)
{
	struct machine *m = machine_new(NULL);

	machine_writer(m, "w1", VSS_APP_FRONT_END);
	machine_writer(m, "w2", VSS_APP_BACK_END);
	machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b ");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	assert_false(machine_anything_frozen(m));
	assert_false(vssd_core_busy(m->core));
	assert_null(vssd_core_creating(m->core));
	machine_free(m);
	return 0;
}

static void close_and_run(struct requester *r)
{
	struct machine *m = r->m;

	requester_close(r);
	machine_run(m);
}

/*
 * CTX-003 CTX-004 CTX-005 CTX-006 CTX-007 CTX-025 CTX-029 ORD-015 ORD-016: in vssd as well, for who
 * speaks D-Bus by himself
 */
static void contexts(void **state)
{
	struct machine *m = *state;
	struct vss_error err = { 0 };
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_BACKUP, &err), VSS_E_BAD_STATE);
	assert_string_not_equal(err.text, "");
	assert_int_equal(vssd_session_initialize(r.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_initialize(r.session, false, NULL), VSS_E_BAD_STATE);
	assert_int_equal(vssd_session_initialize(r.session, true, NULL), VSS_E_BAD_STATE);
	assert_int_equal(vssd_session_set_context(r.session, 0x1, NULL), E_INVALIDARG);
	assert_int_equal(vssd_session_set_context(r.session, 0x60000, NULL), E_INVALIDARG);
	assert_int_equal(vssd_session_set_context(r.session, VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED, NULL), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_NAS_ROLLBACK, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_NAS_ROLLBACK, NULL), VSS_E_BAD_STATE);
	close_and_run(&r);

	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_ALL, NULL), VSS_E_BAD_STATE);
	close_and_run(&r);

	requester_open(&r, m);
	vssd_session_initialize(r.session, true, NULL);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_ALL, NULL), VSS_E_BAD_STATE);
	/* ORD-051 */
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, query_snapshots), VSS_E_BAD_STATE);
	requester_document(&r, true, NULL, 0);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, import_snapshots, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);

	/* CTX-014 */
	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	vssd_session_set_context(r.session, VSS_CTX_ALL, NULL);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_BAD_STATE);
	close_and_run(&r);
}

/* ORD-026 ORD-027 ORD-039 ORD-041 */
static void one_set_at_a_time(void **state)
{
	struct machine *m = *state;
	struct requester r, other;

	requester_open(&other, m);
	vssd_session_initialize(other.session, false, NULL);
	requester_open(&r, m);
	assert_int_equal(vssd_session_abort(r.session, NULL), VSS_E_BAD_STATE);
	vssd_session_initialize(r.session, false, NULL);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	assert_ptr_equal(vssd_core_creating(m->core), r.session);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(vssd_session_start_snapshot_set(other.session, &other.set, NULL),
			 VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	/* given up by AbortBackup */
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_BAD_STATE);
	assert_int_equal(vssd_session_start_snapshot_set(other.session, &other.set, NULL), S_OK);
	close_and_run(&r);
	/* by release */
	close_and_run(&other);
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	/* by the administrator */
	vssd_core_abort_creation(m->core);
	machine_run(m);
	assert_null(vssd_core_creating(m->core));
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);
	/* by the end of DoSnapshotSet */
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_null(vssd_core_creating(m->core));
	close_and_run(&r);
	vssd_core_abort_creation(m->core);
}

/* EVT-013 EVT-019 EVT-021 ORD-043 PRV-019: between PrepareForBackup and DoSnapshotSet */
static void abort_before_the_set(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	machine_run(m);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(m->writers[i].seen[VSSD_EVENT_ABORT], 1);
		assert_int_equal(requester_status(&r, &m->writers[i])->state, VSS_WS_STABLE);
	}
	assert_int_equal(m->providers[0].seen[VSSD_STEP_ABORT], 0);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(m->writers[i].seen[VSSD_EVENT_BACKUP_SHUTDOWN], 1);
		assert_true(vss_uuid_is_null(&m->writers[i].shutdown_set));
	}

	/* Its death alone is a BackupShutdown. */
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	close_and_run(&r);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(m->writers[i].seen[VSSD_EVENT_ABORT], 1);
		assert_int_equal(m->writers[i].seen[VSSD_EVENT_BACKUP_SHUTDOWN], 2);
	}
	/* PRV-020: what it had begun goes with the next set. */
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(m->providers[0].nr_snapshots, 1);
	close_and_run(&r);
}

/* AbortBackup after the set is there: it stays, BackupComplete is refused. */
static void abort_after_the_set(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), VSS_E_BAD_STATE);
	/* EVT-018 */
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_ABORT], 0);
	close_and_run(&r);
}

static void act_abort(void *arg)
{
	vssd_session_abort(((struct requester *)arg)->session, NULL);
}

static void act_cancel(void *arg)
{
	vssd_session_cancel(((struct requester *)arg)->session);
}

static void act_close(void *arg)
{
	struct requester *r = arg;

	vssd_session_close(r->session);
	r->session = NULL;
}

/* ASY-005 ORD-040: in the middle of each call that takes time */
static void interrupted_calls(void **state)
{
	static void (*const acts[])(void *arg) = { act_cancel, act_abort, act_close };
	struct machine *m = *state;

	for (size_t a = 0; a < COUNT(acts); a++) {
		struct requester r;

		/* GatherWriterMetadata */
		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		if (acts[a] != act_abort) {
			requester_ask(&r, gather_writer_metadata, NULL);
			acts[a](&r);
			assert_int_equal(r.answers, 1);
			assert_int_equal(r.result, E_ABORT);
			machine_run(m);
			assert_int_equal(r.answers, 1);
		}
		if (r.session && acts[a] == act_cancel)
			assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
		close_and_run(&r);

		/* PrepareForBackup */
		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		requester_document(&r, false, NULL, 0);
		assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
		assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
		requester_ask(&r, prepare_for_backup, r.document);
		r.answers = 0;
		acts[a](&r);
		assert_int_equal(r.answers, 1);
		assert_int_equal(r.result, E_ABORT);
		machine_run(m);
		if (acts[a] == act_cancel) {
			/* It may be done again; without it there is no set. */
			assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
			assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
		}
		close_and_run(&r);

		/* AddToSnapshotSet */
		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
		requester_ask(&r, add_to_snapshot_set, "/dev/a", NULL);
		acts[a](&r);
		machine_run(m);
		assert_int_equal(r.answers, 1);
		assert_int_equal(r.result, acts[a] == act_cancel ? S_OK : E_ABORT);
		close_and_run(&r);
		assert_null(vssd_core_creating(m->core));
	}
}

static size_t gathered(struct machine *m, const struct vssd_selection *selection)
{
	struct requester r;

	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, selection), S_OK);
	close_and_run(&r);
	return r.nr_metadata;
}

/* SEL-015 SEL-017 SEL-018 EVT-008 EVT-032 */
static void selection(void **state)
{
	struct machine *m = *state;
	struct standin_writer *w3 = machine_writer(m, "w3", VSS_APP_FRONT_END);
	struct vss_uuid classes[2], instance;
	struct vssd_selection selection = { 0 };

	/* another instance of the first one's class */
	vssd_writer_remove(w3->handle, false);
	w3->info.class_id = m->writers[0].info.class_id;
	w3->info.instance_name = "second";
	writer_subscribe(w3);
	classes[0] = m->writers[0].info.class_id;
	classes[1] = m->writers[1].info.class_id;
	instance = w3->info.instance_id;

	assert_int_equal(gathered(m, NULL), 3);
	assert_int_equal(gathered(m, &selection), 3);
	selection.enable = classes;
	selection.nr_enable = 1;
	assert_int_equal(gathered(m, &selection), 2);
	assert_int_equal(m->writers[1].seen[VSSD_EVENT_IDENTIFY], 2);
	selection.instances = &instance;
	selection.nr_instances = 1;
	assert_int_equal(gathered(m, &selection), 1);
	selection.nr_enable = 0;
	assert_int_equal(gathered(m, &selection), 2);
	selection.disable = &classes[1];
	selection.nr_disable = 1;
	assert_int_equal(gathered(m, &selection), 1);
	selection.nr_instances = 0;
	assert_int_equal(gathered(m, &selection), 2);
	w3->info.instance_name = NULL;
}

/* EVT-010 STA-004: who fails in Identify is in neither list */
static void identify_trouble(void **state)
{
	static const enum fault faults[] = { FAULT_FAILS, FAULT_HANGS, FAULT_DIES };
	struct machine *m = *state;

	for (size_t f = 0; f < COUNT(faults); f++) {
		struct requester r;

		m->writers[0].on[VSSD_EVENT_IDENTIFY] = (struct behaviour) {
			.fault = faults[f], .result = VSS_E_WRITERERROR_RETRYABLE };
		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
		assert_int_equal(r.nr_metadata, 1);
		assert_true(vss_uuid_equal(&r.metadata[0], &m->writers[1].info.instance_id));
		assert_null(requester_status(&r, &m->writers[0]));
		assert_non_null(requester_status(&r, &m->writers[1]));
		close_and_run(&r);
	}
	memset(m->writers[0].on, 0, sizeof(m->writers[0].on));
	assert_int_equal(gathered(m, NULL), 1);
	writer_subscribe(&m->writers[0]);
	assert_int_equal(gathered(m, NULL), 2);

	/* A document that is none, and one that says it is somebody else's. */
	free(m->writers[0].document);
	m->writers[0].document = strdup("<nonsense");
	assert_int_equal(gathered(m, NULL), 1);
	free(m->writers[0].document);
	m->writers[0].document = writer_document(&m->writers[1]);
	assert_int_equal(gathered(m, NULL), 1);
	assert_non_null(strstr(m->log, "another writer"));
}

/* EVT-009: Identify for another requester in the middle of a set */
static void identify_in_between(void **state)
{
	struct machine *m = *state;
	struct requester r, other;

	requester_open(&other, m);
	vssd_session_initialize(other.session, false, NULL);
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	m->providers[0].on[VSSD_STEP_END_PREPARE] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 1000000 };
	requester_ask(&r, do_snapshot_set, r.document);
	requester_ask(&other, gather_writer_metadata, NULL);
	machine_run(m);
	assert_int_equal(r.result, S_OK);
	assert_int_equal(other.nr_metadata, 2);
	requester_close(&other);
	close_and_run(&r);
}

/* STA-013 STA-015 STA-017 STA-018: a veto in PrepareForBackup is the requester's to judge */
static void veto_in_prepare_backup(void **state)
{
	struct machine *m = *state;
	const struct vssd_writer_status *status;
	struct requester r;
	size_t count;

	m->writers[0].on[VSSD_EVENT_PREPARE_BACKUP] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_WRITERERROR_OUTOFRESOURCES };
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	status = requester_status(&r, &m->writers[0]);
	assert_int_equal(status->state, VSS_WS_FAILED_AT_PREPARE_BACKUP);
	assert_int_equal(status->failure, VSS_E_WRITERERROR_OUTOFRESOURCES);
	assert_int_equal(status->application_code, 42);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_PREPARE_SNAPSHOT], 0);
	assert_int_equal(m->writers[1].seen[VSSD_EVENT_FREEZE], 1);
	close_and_run(&r);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_BACKUP_SHUTDOWN], 1);
	/* for the administrator it is the last that is known */
	count = vssd_core_writers(m->core, &status);
	assert_int_equal(count, 2);
	assert_int_equal(status[0].state, VSS_WS_FAILED_AT_PREPARE_BACKUP);
	memset(m->writers[0].on, 0, sizeof(m->writers[0].on));
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->state, VSS_WS_STABLE);
	close_and_run(&r);

	/* STA-008: a code that writers do not have */
	m->writers[0].on[VSSD_EVENT_PREPARE_BACKUP] = (struct behaviour) { .fault = FAULT_FAILS, .result = E_FAIL };
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->failure, VSS_E_WRITERERROR_NONRETRYABLE);
	close_and_run(&r);
}

/* STA-007 STA-011: PrepareBackup and BackupComplete with a writer that is silent or gone */
static void silent_writers(void **state)
{
	struct machine *m = *state;
	struct requester r;

	m->writers[0].on[VSSD_EVENT_PREPARE_BACKUP].fault = FAULT_HANGS;
	m->writers[1].on[VSSD_EVENT_BACKUP_COMPLETE].fault = FAULT_HANGS;
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->failure, VSS_E_WRITER_NOT_RESPONDING);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[1])->state, VSS_WS_FAILED_AT_BACKUP_COMPLETE);
	assert_int_equal(requester_status(&r, &m->writers[1])->failure, VSS_E_WRITER_NOT_RESPONDING);
	close_and_run(&r);

	memset(m->writers[0].on, 0, sizeof(m->writers[0].on));
	memset(m->writers[1].on, 0, sizeof(m->writers[1].on));
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	/* EVT-035: unsubscribed */
	vssd_writer_remove(m->writers[0].handle, false);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->state, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT);
	close_and_run(&r);
	/* hanging in the last event: nobody waits for ever */
	m->writers[1].on[VSSD_EVENT_BACKUP_SHUTDOWN].fault = FAULT_HANGS;
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	close_and_run(&r);
}

/* STA-012: of a writer that has gone since it last answered nobody keeps the state; a failure stays known. */
static void gone_since(void **state)
{
	const struct vssd_writer_status *status;
	struct machine *m = *state;
	struct requester r;

	m->writers[1].on[VSSD_EVENT_POST_SNAPSHOT] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_WRITERERROR_RETRYABLE };
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->state, VSS_WS_WAITING_FOR_BACKUP_COMPLETE);
	vssd_writer_remove(m->writers[0].handle, true);
	vssd_writer_remove(m->writers[1].handle, false);
	status = requester_status(&r, &m->writers[0]);
	assert_int_equal(status->state, VSS_WS_UNKNOWN);
	assert_int_equal(status->failure, VSS_E_WRITER_STATUS_NOT_AVAILABLE);
	assert_non_null(strstr(status->application_message, "has gone"));
	status = requester_status(&r, &m->writers[1]);
	assert_int_equal(status->state, VSS_WS_FAILED_AT_POST_SNAPSHOT);
	assert_int_equal(status->failure, VSS_E_WRITERERROR_RETRYABLE);
	/* Asked for its part in what follows it does not answer. */
	assert_int_equal(requester_wait(&r, backup_complete, r.document), S_OK);
	status = requester_status(&r, &m->writers[0]);
	assert_int_equal(status->state, VSS_WS_FAILED_AT_BACKUP_COMPLETE);
	assert_int_equal(status->failure, VSS_E_WRITER_NOT_RESPONDING);
	close_and_run(&r);
	memset(m->writers[1].on, 0, sizeof(m->writers[1].on));
}

static void select_for_restore(struct requester *r, size_t nr_selected)
{
	struct vss_backup_document *doc;

	assert_int_equal(vss_backup_document_parse(r->document, strlen(r->document), &doc, NULL), S_OK);
	for (size_t i = 0; i < nr_selected; i++) {
		struct vss_writer_components *components;
		struct vss_component *component;

		components = vss_backup_document_find_writer(doc, &r->m->writers[i].info.instance_id, NULL);
		component = vss_writer_components_find(components, VSS_CT_UNDEFINED, NULL, "C");
		assert_int_equal(vss_component_set_selected_for_restore(component, true, NULL), S_OK);
	}
	free(r->document);
	assert_int_equal(vss_backup_document_save(doc, &r->document, NULL), S_OK);
	vss_backup_document_free(doc);
}

/* EVT-020 EVT-029 RST-004 ORD-050 ORD-052 ORD-054 WMD-006 */
static void restore(void **state)
{
	struct machine *m = *state;
	struct standin_writer *writers[] = { &m->writers[0], &m->writers[1] };
	struct requester r;

	requester_open(&r, m);
	requester_document(&r, true, writers, 2);
	vssd_session_initialize(r.session, true, NULL);
	select_for_restore(&r, 1);
	/* The writer has been started anew since: another instance of the same class. */
	vssd_writer_remove(m->writers[0].handle, false);
	vss_uuid_generate(&m->writers[0].info.instance_id);
	writer_subscribe(&m->writers[0]);

	assert_int_equal(requester_wait(&r, pre_restore, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(requester_wait(&r, post_restore, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, pre_restore, r.document), S_OK);
	assert_int_equal(requester_wait(&r, pre_restore, r.document), VSS_E_BAD_STATE);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_PRE_RESTORE], 1);
	assert_non_null(strstr(m->writers[0].components, "WRITER_COMPONENTS"));
	assert_int_equal(m->writers[1].seen[VSSD_EVENT_PRE_RESTORE], 0);
	assert_int_equal(vssd_session_abort(r.session, NULL), S_OK);
	assert_int_equal(requester_wait(&r, post_restore, r.document), S_OK);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_POST_RESTORE], 1);
	assert_int_equal(requester_status(&r, &m->writers[0])->state, VSS_WS_STABLE);
	close_and_run(&r);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_ABORT], 0);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_BACKUP_SHUTDOWN], 0);

	/* a failure is its status */
	m->writers[0].on[VSSD_EVENT_PRE_RESTORE] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_WRITERERROR_NONRETRYABLE };
	m->writers[1].on[VSSD_EVENT_POST_RESTORE].fault = FAULT_DIES;
	requester_open(&r, m);
	requester_document(&r, true, writers, 2);
	vssd_session_initialize(r.session, true, NULL);
	select_for_restore(&r, 2);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(requester_wait(&r, pre_restore, r.document), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[0])->state, VSS_WS_FAILED_AT_PRE_RESTORE);
	assert_int_equal(requester_wait(&r, post_restore, r.document), S_OK);
	assert_int_equal(requester_status(&r, &m->writers[1])->state, VSS_WS_FAILED_AT_POST_RESTORE);
	assert_int_equal(requester_status(&r, &m->writers[1])->failure, VSS_E_WRITER_NOT_RESPONDING);
	close_and_run(&r);

	/* RST-028: who says so in its metadata is left alone */
	memset(m->writers[0].on, 0, sizeof(m->writers[0].on));
	memset(m->writers[0].seen, 0, sizeof(m->writers[0].seen));
	vssd_writer_remove(m->writers[0].handle, false);
	m->writers[0].never_restores = true;
	writer_subscribe(&m->writers[0]);
	requester_open(&r, m);
	requester_document(&r, true, writers, 1);
	vssd_session_initialize(r.session, true, NULL);
	select_for_restore(&r, 1);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(requester_wait(&r, pre_restore, r.document), S_OK);
	assert_int_equal(requester_wait(&r, post_restore, r.document), S_OK);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_PRE_RESTORE], 0);
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_POST_RESTORE], 0);
	close_and_run(&r);

	/* restore calls in a backup */
	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	requester_document(&r, true, NULL, 0);
	assert_int_equal(requester_wait(&r, pre_restore, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, post_restore, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);
}

/* Registration: an instance once, and never nameless. */
static void registration(void **state)
{
	struct machine *m = *state;
	struct vssd_writer *again;
	struct vssd_writer_info info = m->writers[0].info;
	struct vss_error err;

	assert_int_equal(vssd_writer_add(m->core, &info, &standin_writer_ops, NULL, &again, &err),
			 VSS_E_OBJECT_ALREADY_EXISTS);
	memset(&info.instance_id, 0, sizeof(info.instance_id));
	assert_int_equal(vssd_writer_add(m->core, &info, &standin_writer_ops, NULL, &again, &err), E_INVALIDARG);
}

static void close_within(void *data, const struct vssd_reply *reply)
{
	struct requester *r = data;

	r->answers++;
	r->result = reply->result;
	vssd_session_close(r->session);
	r->session = NULL;
}

/* Whoever is answered may close the session from within the answer. */
static void closed_from_within(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	vssd_session_gather_writer_metadata(r.session, NULL, close_within, &r);
	machine_run(m);
	assert_int_equal(r.result, S_OK);
	for (int fails = 0; fails < 2; fails++) {
		requester_open(&r, m);
		assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, one, 1), S_OK);
		m->writers[0].on[VSSD_EVENT_FREEZE] = (struct behaviour) {
			.fault = fails ? FAULT_FAILS : FAULT_NONE, .result = VSS_E_WRITERERROR_RETRYABLE };
		vssd_session_do_snapshot_set(r.session, r.document, close_within, &r);
		machine_run(m);
		assert_int_equal(r.result, fails ? VSS_E_UNEXPECTED_WRITER_ERROR : S_OK);
		requester_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contexts, setup, teardown),
		cmocka_unit_test_setup_teardown(one_set_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(abort_before_the_set, setup, teardown),
		cmocka_unit_test_setup_teardown(abort_after_the_set, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupted_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(selection, setup, teardown),
		cmocka_unit_test_setup_teardown(identify_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(identify_in_between, setup, teardown),
		cmocka_unit_test_setup_teardown(veto_in_prepare_backup, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_since, setup, teardown),
		cmocka_unit_test_setup_teardown(restore, setup, teardown),
		cmocka_unit_test_setup_teardown(registration, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_from_within, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How a set is made: who is asked what in which order, who takes part, what
 * states writers go through, and what becomes of them when the session ends.
 */
#include "unit.h"

#include "../standin/machine.h"

static const char *const two[] = { "/dev/a", "/dev/b" };

/* Three writers of three levels, a hardware provider of /dev/a, the system's of all. */
static int setup(void **state)
{
	struct machine *m = machine_new(NULL);

	/* Not in the order of freezing. */
	machine_writer(m, "back", VSS_APP_BACK_END);
	machine_writer(m, "system", VSS_APP_SYSTEM);
	machine_writer(m, "front", VSS_APP_FRONT_END);
	machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b /dev/c ");
	machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	assert_false(m->frozen_trouble);
	assert_false(machine_anything_frozen(m));
	assert_false(vssd_core_busy(m->core));
	machine_free(m);
	return 0;
}

static struct standin_writer *writer(struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->nr_writers; i++)
		if (!strcmp(m->writers[i].name, name))
			return &m->writers[i];
	fail();
	return NULL;
}

static void close_and_run(struct requester *r)
{
	struct machine *m = r->m;

	requester_close(r);
	machine_run(m);
}

/* Does @first come before @second in the trace, both once? */
static void assert_before(struct machine *m, const char *first, const char *second)
{
	const char *a = strstr(m->trace, first), *b = strstr(m->trace, second);

	if (!a || !b || a >= b)
		print_error("%s not before %s in: %s\n", first, second, m->trace);
	assert_true(a && b && a < b);
}

/* EVT-001 EVT-002 EVT-003 EVT-004 EVT-030 EVT-031 TIM-008 TIM-010 TIM-011 PRV-016 PRV-017 PRV-018 EVT-022 */
static void order_of_all(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	machine_forget_trace(m);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_string_equal(m->trace,
		"back.PrepareSnapshot system.PrepareSnapshot front.PrepareSnapshot "
		/* The array has no hold of its own. */
		"sys.BeginHold "
		"array.EndPrepare sys.EndPrepare "
		"front.Freeze back.Freeze system.Freeze "
		"array.PreCommit sys.PreCommit "
		"sys.HoldWrites array.Commit sys.Commit sys.ReleaseWrites "
		"array.PostCommit sys.PostCommit "
		"system.Thaw back.Thaw front.Thaw "
		"array.PreFinalCommit sys.PreFinalCommit "
		"array.GetSnapshots sys.GetSnapshots "
		"back.PostSnapshot system.PostSnapshot front.PostSnapshot "
		"array.PostFinalCommit sys.PostFinalCommit "
		"array.GetSnapshots sys.GetSnapshots");
	machine_forget_trace(m);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), S_OK);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);
	assert_true(strstr(m->trace, "back.BackupComplete system.BackupComplete front.BackupComplete "
			   "back.BackupShutdown system.BackupShutdown front.BackupShutdown") == m->trace);
	/* EVT-024 */
	assert_true(vss_uuid_equal(&writer(m, "front")->shutdown_set, &r.set));
	/* CTX-022 LIF-008 */
	assert_int_equal(m->providers[0].nr_snapshots + m->providers[1].nr_snapshots, 0);
}

/* EVT-030: UNKNOWN freezes with the front end, SYSTEM_RM with the system. */
static void odd_levels(void **state)
{
	struct machine *m = *state;
	struct requester r;

	machine_writer(m, "odd", VSS_APP_UNKNOWN);
	machine_writer(m, "rm", VSS_APP_SYSTEM_RM);
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	assert_before(m, "odd.Freeze", "back.Freeze");
	assert_before(m, "back.Freeze", "rm.Freeze");
	assert_before(m, "rm.Thaw", "back.Thaw");
	assert_before(m, "back.Thaw", "odd.Thaw");
	close_and_run(&r);
}

static struct {
	struct requester *r;
	const char *who;
	enum vss_writer_state seen[8];
	size_t count;
} watch;

static void note_state(void *arg)
{
	(void)arg;
	watch.seen[watch.count++] = requester_status(watch.r, writer(watch.r->m, "back"))->state;
}

/* STA-001 STA-005 STA-006: stable, and waiting for each event in turn. */
static void states_of_a_writer(void **state)
{
	static const enum vss_writer_state expected[] = {
		VSS_WS_STABLE, VSS_WS_STABLE, VSS_WS_WAITING_FOR_FREEZE, VSS_WS_WAITING_FOR_THAW,
		VSS_WS_WAITING_FOR_POST_SNAPSHOT, VSS_WS_WAITING_FOR_BACKUP_COMPLETE,
	};
	static const enum vssd_event events[] = {
		VSSD_EVENT_PREPARE_BACKUP, VSSD_EVENT_PREPARE_SNAPSHOT, VSSD_EVENT_FREEZE, VSSD_EVENT_THAW,
		VSSD_EVENT_POST_SNAPSHOT, VSSD_EVENT_BACKUP_COMPLETE,
	};
	struct machine *m = *state;
	struct standin_writer *w = writer(m, "back");
	const struct vssd_writer_status *status;
	struct requester r;

	for (size_t i = 0; i < COUNT(events); i++)
		w->on[events[i]].hook = note_state;
	requester_open(&r, m);
	watch.r = &r;
	watch.count = 0;
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), S_OK);
	assert_int_equal(watch.count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_int_equal(watch.seen[i], expected[i]);
	status = requester_status(&r, w);
	assert_int_equal(status->state, VSS_WS_STABLE);
	assert_int_equal(status->failure, S_OK);
	assert_string_equal(status->name, "back");
	assert_true(vss_uuid_equal(&status->class_id, &w->info.class_id));
	close_and_run(&r);
}

/* EVT-005 ORD-009 CTX-009 CTX-019 ORD-011 ORD-012: no events without writers. */
static void without_writers(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(vssd_session_initialize(r.session, false, NULL), S_OK);
	assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_FILE_SHARE_BACKUP, NULL), S_OK);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", NULL), S_OK);
	requester_document(&r, true, NULL, 0);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), VSS_E_BAD_STATE);
	machine_forget_trace(m);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_string_equal(m->trace, "sys.EndPrepare sys.PreCommit sys.HoldWrites sys.Commit sys.ReleaseWrites "
			    "sys.PostCommit sys.PreFinalCommit sys.PostFinalCommit sys.GetSnapshots");
	assert_int_equal(requester_wait(&r, backup_complete, r.document), VSS_E_BAD_STATE);
	close_and_run(&r);
	assert_null(strstr(m->trace, "BackupShutdown"));
}

/* CO-043: nothing to copy and nobody to tell. */
static void empty_without_writers(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_NAS_ROLLBACK, NULL, 0), VSS_E_BAD_STATE);
	close_and_run(&r);
}

/* ORD-006: an empty set is one where writers run. */
static void empty_with_writers(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, NULL, 0), S_OK);
	machine_forget_trace(m);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_string_equal(m->trace,
		"back.PrepareSnapshot system.PrepareSnapshot front.PrepareSnapshot "
		"front.Freeze back.Freeze system.Freeze system.Thaw back.Thaw front.Thaw "
		"back.PostSnapshot system.PostSnapshot front.PostSnapshot");
	close_and_run(&r);
}

static vss_result create_with(struct requester *r, bool components, struct standin_writer **writers, size_t count)
{
	struct machine *m = r->m;

	requester_open(r, m);
	vssd_session_initialize(r->session, false, NULL);
	requester_document(r, components, writers, count);
	assert_int_equal(requester_wait(r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r->session, &r->set, NULL), S_OK);
	assert_int_equal(requester_wait(r, add_to_snapshot_set, "/dev/b", NULL), S_OK);
	machine_forget_trace(m);
	assert_int_equal(requester_wait(r, prepare_for_backup, r->document), S_OK);
	return requester_wait(r, do_snapshot_set, r->document);
}

/* EVT-025 SEL-012 ORD-007: a writer without a component hears nothing after PrepareBackup. */
static void component_mode(void **state)
{
	struct machine *m = *state;
	struct standin_writer *one[] = { writer(m, "back") };
	struct requester r = { .m = m };

	assert_int_equal(create_with(&r, true, one, 1), S_OK);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), S_OK);
	close_and_run(&r);
	assert_int_equal(writer(m, "front")->seen[VSSD_EVENT_PREPARE_BACKUP], 1);
	for (int event = VSSD_EVENT_PREPARE_SNAPSHOT; event <= VSSD_EVENT_BACKUP_SHUTDOWN; event++) {
		assert_int_equal(writer(m, "front")->seen[event], 0);
		assert_int_equal(writer(m, "back")->seen[event], event != VSSD_EVENT_ABORT);
	}
	/* EVT-028: it sees its own part. */
	assert_non_null(strstr(one[0]->components, "WRITER_COMPONENTS"));
}

/* EVT-026 EVT-027 */
static void volume_mode(void **state)
{
	struct machine *m = *state;
	struct requester r = { .m = m };

	assert_int_equal(create_with(&r, false, NULL, 0), S_OK);
	assert_int_equal(writer(m, "front")->seen[VSSD_EVENT_FREEZE], 1);
	assert_int_equal(writer(m, "system")->seen[VSSD_EVENT_POST_SNAPSHOT], 1);
	assert_string_equal(writer(m, "front")->components, "");
	close_and_run(&r);
	assert_int_equal(writer(m, "front")->seen[VSSD_EVENT_BACKUP_SHUTDOWN], 1);
}

/* EVT-042 CTX-030 CTX-032: the writers' wish for recovery reaches providers and writers. */
static void auto_recovery(void **state)
{
	static const struct {
		uint32_t context;
		uint32_t flags;
		bool components;
		bool expected;
		bool in_subcomponent;
	} cases[] = {
		{ VSS_CTX_BACKUP, 0, true, false, false },
		{ VSS_CTX_BACKUP, VSS_CF_BACKUP_RECOVERY, true, true, false },
		{ VSS_CTX_BACKUP, VSS_CF_BACKUP_RECOVERY, true, true, true },
		{ VSS_CTX_BACKUP, VSS_CF_BACKUP_RECOVERY, false, true, false },
		{ VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_NO_AUTORECOVERY, VSS_CF_BACKUP_RECOVERY, true, false, false },
		{ VSS_CTX_APP_ROLLBACK, VSS_CF_APP_ROLLBACK_RECOVERY, true, false, false },
		{ VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY, VSS_CF_APP_ROLLBACK_RECOVERY,
		  true, true, false },
	};
	struct machine *m = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct standin_writer *w = writer(m, "back");
		struct standin_writer *other = writer(m, "front");
		struct requester r;

		vssd_writer_remove(w->handle, false);
		w->component_flags = cases[i].flags;
		w->has_subcomponent = cases[i].in_subcomponent;
		writer_subscribe(w);
		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		assert_int_equal(vssd_session_set_context(r.session, cases[i].context, NULL), S_OK);
		requester_document(&r, cases[i].components, &w, cases[i].components);
		assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
		assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", NULL), S_OK);
		assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
		assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
		assert_int_equal(!!(m->providers[0].attributes & VSS_VOLSNAP_ATTR_AUTORECOVER), cases[i].expected);
		assert_int_equal(!!(w->context & VSS_VOLSNAP_ATTR_AUTORECOVER), cases[i].expected);
		assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
		for (size_t s = 0; s < r.nr_snapshots; s++)
			if (vss_uuid_equal(&r.props[s].snapshot_set_id, &r.set))
				assert_int_equal(!!(r.props[s].attributes & VSS_VOLSNAP_ATTR_AUTORECOVER),
						 cases[i].expected);
		/* The wish of one that has no part in it does not count. */
		if (cases[i].expected && cases[i].components) {
			struct requester r2 = { .m = m };

			assert_int_equal(create_with(&r2, true, &other, 1), S_OK);
			assert_false(m->providers[0].attributes & VSS_VOLSNAP_ATTR_AUTORECOVER);
			close_and_run(&r2);
		}
		close_and_run(&r);
	}
}

/*
 * CTX-031: what a writer declares as left out of the shadow copy is taken as it is; without
 * auto-recovery the copy is never writable, so that nobody can take anything out of it.
 */
static void exclusion_without_recovery(void **state)
{
	struct machine *m = *state;
	struct standin_writer *w = writer(m, "back");

	vssd_writer_remove(w->handle, false);
	w->component_flags = VSS_CF_BACKUP_RECOVERY;
	w->excludes_from_snapshot = true;
	writer_subscribe(w);
	for (int i = 0; i < 2; i++) {
		uint32_t extra = i ? VSS_VOLSNAP_ATTR_NO_AUTORECOVERY : 0;
		struct requester r;

		requester_open(&r, m);
		vssd_session_initialize(r.session, false, NULL);
		assert_int_equal(vssd_session_set_context(r.session, VSS_CTX_BACKUP | extra, NULL), S_OK);
		requester_document(&r, true, &w, 1);
		assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
		assert_int_equal(r.nr_metadata, 3);
		assert_int_equal(requester_status(&r, w)->failure, S_OK);
		assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", NULL), S_OK);
		assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
		m->providers[0].seen[VSSD_STEP_SET_WRITABLE] = 0;
		assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
		assert_int_equal(requester_status(&r, w)->state, VSS_WS_WAITING_FOR_BACKUP_COMPLETE);
		assert_int_equal(!!(m->providers[0].attributes & VSS_VOLSNAP_ATTR_AUTORECOVER), !i);
		assert_int_equal(!!(w->context & VSS_VOLSNAP_ATTR_AUTORECOVER), !i);
		assert_int_equal(!!(w->context & VSS_VOLSNAP_ATTR_NO_AUTORECOVERY), i);
		assert_int_equal(m->providers[0].seen[VSSD_STEP_SET_WRITABLE], 0);
		close_and_run(&r);
	}
	w->excludes_from_snapshot = false;
}

/* EVT-038 EVT-039: devices come with PostSnapshot, and the part that goes back to the document. */
static void post_snapshot(void **state)
{
	struct machine *m = *state;
	struct standin_writer *w = writer(m, "back");
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	assert_non_null(strstr(w->devices, "/dev/vss/by-id/"));
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(r.nr_snapshots, 2);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(w->devices, r.props[i].device_object));
	close_and_run(&r);
}

/* The components that a writer gives back are in the document; a bad document is its failure. */
static void document_comes_back(void **state)
{
	struct machine *m = *state;
	struct standin_writer *w = writer(m, "back");
	struct requester r;

	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	requester_document(&r, true, &w, 1);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	w->give_back = strdup("<nonsense/>");
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
	assert_int_equal(requester_status(&r, w)->state, VSS_WS_FAILED_AT_PREPARE_BACKUP);
	assert_non_null(strstr(r.document, "BACKUP_COMPONENTS"));
	assert_null(strstr(r.document, "nonsense"));
	close_and_run(&r);

	requester_open(&r, m);
	vssd_session_initialize(r.session, false, NULL);
	requester_document(&r, true, &w, 1);
	free(w->give_back);
	w->give_back = NULL;
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
	{
		struct vss_writer_components *components;
		struct vss_component *component;

		assert_int_equal(vss_writer_part_parse(w->components, strlen(w->components), VSS_PART_BACKUP,
						       &components, NULL), S_OK);
		assert_int_equal(vss_writer_components_get_component(components, 0, &component), S_OK);
		assert_int_equal(vss_component_set_backup_metadata(component, "remember me"), S_OK);
		assert_int_equal(vss_writer_part_save(components, &w->give_back, NULL), S_OK);
		vss_writer_part_free(components);
	}
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_non_null(strstr(r.document, "remember me"));
	close_and_run(&r);
}

/* CTX-043 LIF-019 LIF-021 LIF-022 CTX-036 LIF-018 */
static void properties(void **state)
{
	struct machine *m = *state;
	struct vss_uuid ids[2];
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_APP_ROLLBACK, two, 2), S_OK);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(r.nr_snapshots, 2);
	ids[0] = r.props[0].snapshot_id;
	ids[1] = r.props[1].snapshot_id;
	assert_string_not_equal(r.props[0].device_object, r.props[1].device_object);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &ids[0]), S_OK);
	assert_true(vss_uuid_equal(&r.props[0].snapshot_id, &ids[0]));
	assert_true(vss_uuid_equal(&r.props[0].snapshot_set_id, &r.set));
	assert_int_equal(r.props[0].snapshots_count, 2);
	assert_string_equal(r.props[0].original_volume_name, "/dev/a");
	assert_string_equal(r.props[0].originating_machine, "here");
	assert_string_equal(r.props[0].service_machine, "here");
	assert_null(r.props[0].exposed_name);
	assert_true(vss_uuid_equal(&r.props[0].provider_id, &m->providers[1].prop.provider_id));
	assert_int_equal(r.props[0].attributes, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_NOT_SURFACED |
			 VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED);
	assert_int_equal(r.props[0].creation_time, 1700000000000000000);
	assert_int_equal(r.props[0].status, VSS_SS_CREATED);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &ids[1]), S_OK);
	assert_false(r.props[0].attributes & VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED);
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &r.set), VSS_E_OBJECT_NOT_FOUND);
	close_and_run(&r);
	/* CTX-023 LIF-010: a persistent one stays. */
	assert_int_equal(m->providers[0].nr_snapshots + m->providers[1].nr_snapshots, 2);
}

/* ORD-002 ORD-007 ORD-008 ORD-013 ORD-020 ORD-023 ORD-024 ORD-025: prerequisites, as vssd itself needs them. */
static void prerequisites(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	requester_document(&r, true, NULL, 0);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_BAD_STATE);
	vssd_session_initialize(r.session, false, NULL);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), VSS_E_BAD_STATE);
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), S_OK);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), S_OK);
	/* ORD-018 */
	assert_int_equal(requester_wait(&r, gather_writer_metadata, NULL), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, prepare_for_backup, "<broken"), VSS_E_CORRUPT_XML_DOCUMENT);
	assert_int_equal(requester_wait(&r, prepare_for_backup, r.document), S_OK);
	assert_int_equal(requester_wait(&r, do_snapshot_set, NULL), E_INVALIDARG);
	assert_int_equal(requester_wait(&r, backup_complete, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), VSS_E_BAD_STATE);
	/* ORD-017 */
	assert_int_equal(vssd_session_start_snapshot_set(r.session, &r.set, NULL), VSS_E_BAD_STATE);
	close_and_run(&r);
}

/* ORD-046: what is being made is not there yet; ASY-001: others are served meanwhile. */
static void unseen_while_made(void **state)
{
	struct machine *m = *state;
	struct requester r, other;

	requester_open(&other, m);
	vssd_session_initialize(other.session, false, NULL);
	vssd_session_set_context(other.session, VSS_CTX_ALL, NULL);
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	writer(m, "front")->on[VSSD_EVENT_POST_SNAPSHOT] = (struct behaviour) {
		.fault = FAULT_SLOW, .usec = 1000000, .hook = NULL,
	};
	requester_ask(&r, do_snapshot_set, r.document);
	while (!writer(m, "front")->seen[VSSD_EVENT_POST_SNAPSHOT])
		assert_true(machine_step(m));
	assert_int_equal(r.answers, 4);
	requester_ask(&r, query_snapshots);
	assert_int_equal(r.result, VSS_E_BAD_STATE);
	requester_ask(&other, query_snapshots);
	while (!other.answers)
		assert_true(machine_step(m));
	assert_int_equal(other.nr_snapshots, 0);
	machine_run(m);
	assert_int_equal(r.result, S_OK);
	assert_int_equal(requester_wait(&other, query_snapshots), S_OK);
	assert_int_equal(other.nr_snapshots, 2);
	requester_close(&other);
	close_and_run(&r);
}

/* TIM-015: what is to be said is said after the hold. */
static void silence_while_frozen(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP, two, 2), S_OK);
	m->providers[0].on[VSSD_STEP_COMMIT] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 2000000 };
	requester_ask(&r, do_snapshot_set, r.document);
	while (!m->providers[0].seen[VSSD_STEP_COMMIT])
		assert_true(machine_step(m));
	free(m->log);
	m->log = strdup("");
	/* A writer that had no part in it comes and goes. */
	{
		struct standin_writer *other = machine_writer(m, "other", VSS_APP_FRONT_END);

		writer_die(other);
	}
	assert_string_equal(m->log, "");
	machine_run(m);
	assert_int_equal(r.result, S_OK);
	assert_non_null(strstr(m->log, "other"));
	close_and_run(&r);
}

/* PRV-006: what a provider cannot hold itself another one holds, which makes no copy of it. */
static void held_by_another(void **state)
{
	struct machine *m = *state;
	struct requester r;

	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_FILE_SHARE_BACKUP, two, 1), S_OK);
	machine_forget_trace(m);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_string_equal(m->trace,
		"sys.BeginHold array.EndPrepare sys.EndPrepare array.PreCommit sys.PreCommit "
		"sys.HoldWrites array.Commit sys.Commit sys.ReleaseWrites array.PostCommit sys.PostCommit "
		"array.PreFinalCommit sys.PreFinalCommit array.PostFinalCommit sys.PostFinalCommit "
		"array.GetSnapshots sys.GetSnapshots");
	assert_string_equal(m->providers[0].held, " /dev/a");
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	assert_int_equal(m->providers[1].nr_snapshots, 1);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(r.nr_snapshots, 1);
	close_and_run(&r);
	assert_int_equal(m->providers[1].nr_snapshots, 0);
}

/* Nobody can hold it: the set fails before anything is prepared, and says why. */
static void held_by_nobody(void **state)
{
	struct machine *m = machine_new(NULL);
	struct requester r;

	(void)state;
	machine_writer(m, "front", VSS_APP_FRONT_END);
	machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, two, 1), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(r.error, "\"array\" cannot freeze and hold /dev/a"));
	assert_int_equal(m->writers[0].seen[VSSD_EVENT_FREEZE], 0);
	assert_int_equal(m->providers[0].nr_snapshots, 0);
	requester_close(&r);
	machine_run(m);
	machine_free(m);
}

/* TRN-019 TRN-020 TRN-016 TRN-027 BCD-025: LUN records of a transportable set are in the document. */
static void transportable(void **state)
{
	static const char *const one[] = { "/dev/a" };
	struct vss_set_description set = { 0 };
	struct machine *m = *state;
	struct vss_backup_document *doc;
	struct requester r;

	m->providers[1].has_luns = true;
	m->providers[0].refused = VSS_VOLSNAP_ATTR_TRANSPORTABLE;
	requester_open(&r, m);
	assert_int_equal(requester_prepare(&r, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, one, 1), S_OK);
	/* TRN-017 */
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", NULL), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_int_equal(vss_backup_document_parse(r.document, strlen(r.document), &doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_get_set(doc, &set, NULL), S_OK);
	assert_true(vss_uuid_equal(&set.set_id, &r.set));
	assert_int_equal(set.nr_members, 1);
	assert_int_equal(set.snapshots_count, 1);
	assert_string_equal(set.originating_machine, "here");
	assert_string_equal(set.members[0].prop.original_volume_name, "/dev/a");
	assert_int_equal(set.members[0].nr_luns, 1);
	assert_true(set.members[0].luns[0].has_destination);
	assert_string_equal(set.members[0].provider_data, "private");
	assert_int_equal(requester_wait(&r, get_snapshot_properties, &set.members[0].prop.snapshot_id),
			 VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, query_snapshots), S_OK);
	assert_int_equal(r.nr_snapshots, 0);
	vss_set_description_clear(&set);
	vss_backup_document_free(doc);
	close_and_run(&r);
	/* TRN-014: never saved, so nobody can want it. */
	assert_int_equal(m->providers[1].nr_snapshots, 0);

	/* TRN-010: saved, it stays for who has the documents. */
	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, one, 1), S_OK);
	vssd_session_document_saved(r.session);
	close_and_run(&r);
	assert_int_equal(m->providers[1].nr_snapshots, 1);

	requester_open(&r, m);
	assert_int_equal(requester_create(&r, VSS_CTX_BACKUP, one, 1), S_OK);
	assert_int_equal(vss_backup_document_parse(r.document, strlen(r.document), &doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_get_set(doc, &set, NULL), VSS_E_OBJECT_NOT_FOUND);
	vss_backup_document_free(doc);
	close_and_run(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(states_of_a_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(without_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_without_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_with_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(component_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(volume_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(auto_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(exclusion_without_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(post_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(document_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(properties, setup, teardown),
		cmocka_unit_test_setup_teardown(prerequisites, setup, teardown),
		cmocka_unit_test_setup_teardown(unseen_while_made, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_while_frozen, setup, teardown),
		cmocka_unit_test_setup_teardown(held_by_another, setup, teardown),
		cmocka_unit_test(held_by_nobody),
		cmocka_unit_test_setup_teardown(transportable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

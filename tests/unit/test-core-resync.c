// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUN resynchronization in the coordinator: what may be collected, who is asked for
 * what, and what is refused.
 */
#include "unit.h"

#include "../standin/machine.h"

static const char *const two[] = { "/dev/a", "/dev/b" };

struct world {
	struct machine *m;
	struct standin_provider *sys, *hard, *other;
	struct requester maker, r;
	struct vss_set_description set;
	char *document;
};

static void describe(const char *document, struct vss_set_description *set)
{
	struct vss_backup_document *doc;

	assert_int_equal(vss_backup_document_parse(document, strlen(document), &doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_get_set(doc, set, NULL), S_OK);
	vss_backup_document_free(doc);
}

/* A persistent set of /dev/a and /dev/b that travels; one provider for each of them, or one for both. */
static void make(struct world *w, bool both)
{
	w->hard = machine_provider(w->m, "hard", VSS_PROV_HARDWARE, false, both ? " /dev/a /dev/b " : " /dev/a ");
	w->other = machine_provider(w->m, "other", VSS_PROV_HARDWARE, false, " /dev/b ");
	w->hard->has_luns = w->other->has_luns = true;
	requester_open(&w->maker, w->m);
	assert_int_equal(requester_create(&w->maker, VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, two, 2), S_OK);
	w->document = strdup(w->maker.document);
	describe(w->document, &w->set);
	vssd_session_document_saved(w->maker.session);
	requester_close(&w->maker);
	machine_run(w->m);
	requester_open(&w->r, w->m);
	assert_int_equal(vssd_session_initialize(w->r.session, true, NULL), S_OK);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->m = machine_new(NULL);
	w->sys = machine_provider(w->m, "sys", VSS_PROV_SYSTEM, true, " /dev/c ");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	requester_close(&w->r);
	machine_run(w->m);
	assert_false(w->m->frozen_trouble);
	assert_false(vssd_core_busy(w->m->core));
	vss_set_description_clear(&w->set);
	machine_free(w->m);
	free(w->document);
	free(w);
	return 0;
}

static vss_result add_to(struct requester *r, const struct world *w, size_t member, const char *destination)
{
	struct vss_error err = { 0 };
	vss_result result = vssd_session_add_snapshot_to_recovery_set(r->session, w->document,
								      &w->set.members[member].prop.snapshot_id,
								      destination, &err);

	assert_true(result == S_OK || err.text[0]);
	return result;
}

#define add(w, member)	add_to(&(w)->r, w, member, NULL)

/* FRV-014: what was added, to the originals, and no more */
static void what_was_chosen(void **state)
{
	struct world *w = *state;

	make(w, true);
	assert_int_equal(add(w, 1), S_OK);
	assert_int_equal(add(w, 1), S_OK);
	assert_int_equal(requester_wait(&w->r, recover_set, 0), S_OK);
	assert_int_equal(w->hard->resynced, 1);
	assert_int_equal(w->hard->seen[VSSD_STEP_RESYNC], 1);

	/* It is used up; both, by one call, and flags reach the provider. */
	assert_int_equal(requester_wait(&w->r, recover_set, 0), VSS_E_BAD_STATE);
	assert_int_equal(add(w, 0), S_OK);
	assert_int_equal(add(w, 1), S_OK);
	assert_int_equal(requester_wait(&w->r, recover_set, VSS_RECOVERY_NO_VOLUME_CHECK), S_OK);
	assert_int_equal(w->hard->resynced, 2);
	assert_int_equal(w->hard->seen[VSSD_STEP_RESYNC], 2);
	assert_int_equal(w->hard->resync_flags, VSS_RECOVERY_NO_VOLUME_CHECK);
	assert_int_equal(w->other->seen[VSSD_STEP_RESYNC], 0);
	/* The copies are there still. */
	assert_int_equal(w->hard->nr_snapshots, 2);
}

static void each_provider(void **state)
{
	struct world *w = *state;

	make(w, false);
	assert_int_equal(add(w, 0), S_OK);
	assert_int_equal(add(w, 1), S_OK);
	assert_int_equal(requester_wait(&w->r, recover_set, 0), S_OK);
	assert_int_equal(w->hard->resynced, 1);
	assert_int_equal(w->other->resynced, 1);

	/* The second fails: it is told that the first one's LUNs have changed. */
	assert_int_equal(add(w, 0), S_OK);
	assert_int_equal(add(w, 1), S_OK);
	w->other->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	assert_int_equal(requester_wait(&w->r, recover_set, 0), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(w->r.error, "told to fail"));
	assert_non_null(strstr(w->r.error, "were resynchronized before"));
}

/* FRV-014 FRV-015 FRV-016 */
static void what_cannot_be_added(void **state)
{
	static const struct vss_uuid none, unknown = { { 7 } };
	struct world *w = *state;
	struct requester backup;
	struct vss_error err;

	make(w, true);
	assert_int_equal(vssd_session_add_snapshot_to_recovery_set(w->r.session, w->document, &none, NULL, &err),
			 E_INVALIDARG);
	assert_int_equal(vssd_session_add_snapshot_to_recovery_set(w->r.session, w->document, &unknown, NULL, &err),
			 VSS_E_SNAPSHOT_NOT_IN_SET);
	assert_int_equal(vssd_session_add_snapshot_to_recovery_set(w->r.session, "<x/>", &unknown, NULL, &err),
			 VSS_E_INVALID_XML_DOCUMENT);
	assert_int_equal(add_to(&w->r, w, 0, "/dev/b"), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(add_to(&w->r, w, 0, "/dev/a"), S_OK);

	requester_open(&backup, w->m);
	assert_int_equal(vssd_session_initialize(backup.session, false, NULL), S_OK);
	assert_int_equal(add_to(&backup, w, 0, NULL), VSS_E_BAD_STATE);
	assert_int_equal(requester_wait(&backup, recover_set, 0), VSS_E_BAD_STATE);
	requester_close(&backup);

	assert_int_equal(vssd_core_unregister_provider(w->m->core, &w->hard->prop.provider_id, &err), S_OK);
	w->hard->handle = NULL;
	assert_int_equal(add(w, 1), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&w->r, recover_set, 0), VSS_E_PROVIDER_NOT_REGISTERED);
}

/* FRV-017 */
static void one_at_a_time(void **state)
{
	struct world *w = *state;
	struct requester other, import;

	make(w, true);
	requester_open(&other, w->m);
	assert_int_equal(vssd_session_initialize(other.session, true, NULL), S_OK);
	assert_int_equal(add_to(&other, w, 0, NULL), S_OK);
	requester_open(&import, w->m);
	assert_int_equal(vssd_session_initialize(import.session, false, NULL), S_OK);

	assert_int_equal(add(w, 0), S_OK);
	w->hard->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 1000000 };
	requester_ask(&w->r, recover_set, 0);
	assert_int_equal(add_to(&other, w, 1, NULL), VSS_E_RESYNC_IN_PROGRESS);
	assert_int_equal(add(w, 1), VSS_E_BAD_STATE);
	requester_ask(&import, import_snapshots, w->document);
	assert_int_equal(import.result, VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(requester_wait(&other, recover_set, 0), VSS_E_RESYNC_IN_PROGRESS);
	machine_run(w->m);
	assert_int_equal(w->r.result, S_OK);
	assert_int_equal(w->hard->resynced, 1);

	/* What was refused was not used up. */
	assert_int_equal(requester_wait(&other, recover_set, 0), S_OK);
	requester_close(&import);
	requester_close(&other);
}

/* FRV-018 FRV-019 FRV-020 FRV-021: what the provider says reaches the requester as it is */
static void what_providers_refuse(void **state)
{
	static const vss_result codes[] = { E_NOTIMPL, VSS_E_UNSELECTED_VOLUME, VSS_E_CANNOT_REVERT_DISKID,
		VSS_E_VOLUME_IN_USE, VSS_E_OBJECT_NOT_FOUND, VSS_E_PROVIDER_VETO };
	struct world *w = *state;

	make(w, true);
	assert_int_equal(requester_wait(&w->r, recover_set, 0), VSS_E_BAD_STATE);
	assert_non_null(strstr(w->r.error, "AddSnapshotToRecoverySet"));
	assert_int_equal(requester_wait(&w->r, recover_set, 1), E_INVALIDARG);
	for (size_t i = 0; i < COUNT(codes); i++) {
		assert_int_equal(add(w, 0), S_OK);
		w->hard->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_FAILS, .result = codes[i] };
		assert_int_equal(requester_wait(&w->r, recover_set, 0), codes[i]);
		assert_non_null(strstr(w->r.error, "\"hard\""));
	}
	/* A code that the step does not have. */
	assert_int_equal(add(w, 0), S_OK);
	w->hard->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_FAILS, .result = VSS_E_REBOOT_REQUIRED };
	assert_int_equal(requester_wait(&w->r, recover_set, 0), VSS_E_UNEXPECTED_PROVIDER_ERROR);
}

/* The requester goes, or the provider dies, in the middle: the next one can begin. */
static void ends_in_the_middle(void **state)
{
	struct world *w = *state;
	struct requester next;

	make(w, true);
	assert_int_equal(add(w, 0), S_OK);
	w->hard->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_DIES };
	assert_true(VSS_FAILED(requester_wait(&w->r, recover_set, 0)));
	assert_int_equal(add(w, 0), S_OK);
	w->hard->on[VSSD_STEP_RESYNC] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 1000000 };
	requester_ask(&w->r, recover_set, 0);
	requester_close(&w->r);
	machine_run(w->m);
	assert_int_equal(w->hard->resynced, 1);
	requester_open(&next, w->m);
	assert_int_equal(vssd_session_initialize(next.session, true, NULL), S_OK);
	assert_int_equal(add_to(&next, w, 0, NULL), S_OK);
	assert_int_equal(requester_wait(&next, recover_set, 0), S_OK);
	requester_close(&next);
	requester_open(&w->r, w->m);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(what_was_chosen),
		TEST(each_provider),
		TEST(what_cannot_be_added),
		TEST(one_at_a_time),
		TEST(what_providers_refuse),
		TEST(ends_in_the_middle),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asynchronous operations, out pointers, enumerators, and connections that break.
 */
#include "backup-fixture.h"

#include <poll.h>

/* Leave an operation waiting for its stand-ins. */
#define start_parked(f, call) ({								\
	struct vss_async *async_ = NULL;							\
												\
	world_park((f)->world, true);								\
	assert_result(vss_backup_components_##call((f)->bc, &async_), S_OK);			\
	while (!world_has_parked((f)->world))							\
		usleep(1000);									\
	world_park((f)->world, false);								\
	async_;											\
})

/* ASY-001 ASY-002 ASY-004 ASY-006 ASY-013: pending, then finished; too late to cancel */
static void runs_and_ends(void **state)
{
	struct fixture *f = *state;
	struct vss_async *async;
	vss_result result;
	uint32_t percent;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	assert_result(vss_async_wait(async, 1), S_OK);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, VSS_S_ASYNC_PENDING);
	assert_result(vss_async_get_percent(async, &percent), S_OK);
	assert_true(percent < 100);
	world_unpark(f->world);
	world_set_time(f->world, WORLD_FAST);
	assert_result(vss_async_wait(async, VSS_INFINITE), S_OK);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, VSS_S_ASYNC_FINISHED);
	assert_result(vss_async_get_percent(async, &percent), S_OK);
	assert_int_equal(percent, 100);
	assert_result(vss_async_cancel(async), VSS_S_ASYNC_FINISHED);
	assert_int_equal(vss_async_error(async)->text[0], '\0');
	vss_async_release(async);
}

/* ASY-005 ASY-007 ASY-009 ORD-044: cancelled, writers are told, the set is gone, the object ends */
static void cancels(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop;
	struct vss_async *async;
	vss_result result;
	char *events;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	world_set_time(f->world, WORLD_SLOW);
	assert_result(vss_async_cancel(async), S_OK);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, VSS_S_ASYNC_CANCELLED);
	assert_result(vss_async_cancel(async), VSS_S_ASYNC_CANCELLED);
	vss_async_release(async);
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &f->snapshot, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(run_async(f, backup_complete), VSS_E_BAD_STATE);
	events = world_take_events(f->world);
	assert_non_null(strstr(events, "Abort"));
	free(events);
}

/* ASY-008 ASY-011: a failure shows in the handle only, with a sentence, and Cancel repeats it */
static void fails_in_the_handle(void **state)
{
	const struct world_fault no_room = {
		.provider = true,
		.step = VSSD_STEP_END_PREPARE,
		.provider_result = VSS_E_INSUFFICIENT_STORAGE,
	};
	struct fixture *f = *state;
	struct vss_async *async;
	vss_result result;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	world_set_fault(f->world, &no_room);
	assert_result(vss_backup_components_do_snapshot_set(f->bc, &async), S_OK);
	world_set_time(f->world, WORLD_FAST);
	assert_result(vss_async_wait(async, VSS_INFINITE), S_OK);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, VSS_E_INSUFFICIENT_STORAGE);
	assert_result(vss_async_cancel(async), VSS_E_INSUFFICIENT_STORAGE);
	assert_int_not_equal(vss_async_error(async)->text[0], '\0');
	vss_async_release(async);
	assert_result(run_async(f, backup_complete), VSS_E_BAD_STATE);
}

/* The descriptor becomes readable, and stays so after the end. */
static void has_a_descriptor(void **state)
{
	struct fixture *f = *state;
	struct vss_async *async;
	struct pollfd fd = { .events = POLLIN };
	vss_result result = VSS_S_ASYNC_PENDING;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	fd.fd = vss_async_get_fd(async);
	vss_async_query_status(async, &result);
	assert_int_equal(poll(&fd, 1, 0), 0);
	world_unpark(f->world);
	world_set_time(f->world, WORLD_FAST);
	while (result == VSS_S_ASYNC_PENDING) {
		assert_int_equal(poll(&fd, 1, 30000), 1);
		vss_async_query_status(async, &result);
	}
	assert_result(result, VSS_S_ASYNC_FINISHED);
	assert_int_equal(poll(&fd, 1, 0), 1);
	vss_async_release(async);
}

/* ASY-012: releasing the handle does not stop the operation */
static void goes_on_without_handle(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop = { 0 };

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	vss_async_release(start_parked(f, do_snapshot_set));
	/* ORD-046: in creation is not there */
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &f->snapshot, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(run_async(f, gather_writer_status), VSS_E_BAD_STATE);
	world_unpark(f->world);
	world_set_time(f->world, WORLD_FAST);
	for (int i = 0; i < 30000; i++) {
		uint32_t count;

		if (vss_backup_components_get_writer_components_count(f->bc, &count) == S_OK)
			break;
		usleep(1000);
	}
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &f->snapshot, &prop), S_OK);
	vss_free_snapshot_properties(&prop);
}

/* The object goes first: the handle stays good, what ran is aborted.  ORD-027: the next may create. */
static void outlives_its_object(void **state)
{
	struct fixture *f = *state;
	struct vss_async *async;
	vss_result result;
	uint32_t percent;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	world_set_time(f->world, WORLD_SLOW);
	vss_backup_components_release(f->bc);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, E_ABORT);
	assert_int_not_equal(vss_async_error(async)->text[0], '\0');
	assert_result(vss_async_wait(async, VSS_INFINITE), S_OK);
	assert_result(vss_async_get_percent(async, &percent), S_OK);
	assert_result(vss_async_cancel(async), E_ABORT);
	assert_true(vss_async_get_fd(async) >= 0);
	vss_async_release(async);
	world_unpark(f->world);
	world_set_time(f->world, WORLD_FAST);
	world_settle(f->world);
	f->bc = new_object(f);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
}

/* ASY-010 REV-001 REV-007 REV-009: a revert is looked at, and never cancelled */
static void revert_status(void **state)
{
	struct fixture *f = *state;
	struct vss_async *async = NULL;
	vss_result result;

	begin_backup(f, VSS_CTX_APP_ROLLBACK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_revert_to_snapshot(f->bc, &f->snapshot, true), S_OK);
	world_park(f->world, true);
	assert_result(vss_backup_components_query_revert_status(f->bc, "V1", &async), S_OK);
	while (!world_has_parked(f->world))
		usleep(1000);
	world_park(f->world, false);
	assert_result(vss_async_cancel(async), E_NOTIMPL);
	assert_result(vss_async_query_status(async, &result), S_OK);
	assert_result(result, VSS_S_ASYNC_PENDING);
	world_unpark(f->world);
	assert_result(ended(f, async), VSS_S_ASYNC_FINISHED);
}

/* ORD-040: AbortBackup while DoSnapshotSet runs ends it */
static void aborts_what_runs(void **state)
{
	struct fixture *f = *state;
	struct vss_async *async;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	assert_result(vss_backup_components_abort_backup(f->bc), S_OK);
	assert_result(ended(f, async), VSS_S_ASYNC_CANCELLED);
	assert_result(run_async(f, backup_complete), VSS_E_BAD_STATE);
}

/* ASY-003 ORD-057: whatever gives something back wants a place for it */
static void refuses_null(void **state)
{
	struct fixture *f = *state;
	struct vss_backup_components *bc = f->bc;
	struct vss_enum_object *objects;
	struct vss_async *async;
	struct vss_object_prop prop;
	struct vss_uuid id = { { 1 } };
	uint32_t number;

	assert_result(vss_create_vss_backup_components(f->address, NULL, NULL), E_INVALIDARG);
	begin_backup(f, VSS_CTX_BACKUP);
#define assert_refused(call)	do {								\
	assert_result(call, E_INVALIDARG);							\
	assert_result(vss_backup_components_error(bc)->result, E_INVALIDARG);			\
} while (0)
	assert_refused(vss_backup_components_get_session_id(bc, NULL));
	assert_refused(vss_backup_components_gather_writer_metadata(bc, NULL));
	assert_refused(vss_backup_components_get_writer_metadata_count(bc, NULL));
	assert_refused(vss_backup_components_get_writer_metadata(bc, 0, NULL, NULL));
	assert_refused(vss_backup_components_gather_writer_status(bc, NULL));
	assert_refused(vss_backup_components_get_writer_status_count(bc, NULL));
	assert_refused(vss_backup_components_get_writer_status(bc, 0, NULL));
	assert_refused(vss_backup_components_get_writer_components_count(bc, NULL));
	assert_refused(vss_backup_components_get_writer_components(bc, 0, NULL));
	assert_refused(vss_backup_components_start_snapshot_set(bc, NULL));
	assert_refused(vss_backup_components_add_to_snapshot_set(bc, "V1", NULL, NULL));
	assert_refused(vss_backup_components_is_volume_supported(bc, NULL, "V1", NULL));
	assert_refused(vss_backup_components_is_volume_snapshotted(bc, NULL, "V1", NULL, NULL));
	assert_refused(vss_backup_components_prepare_for_backup(bc, NULL));
	assert_refused(vss_backup_components_do_snapshot_set(bc, NULL));
	assert_refused(vss_backup_components_backup_complete(bc, NULL));
	assert_refused(vss_backup_components_save_as_xml(bc, NULL));
	assert_refused(vss_backup_components_get_snapshot_properties(bc, &id, NULL));
	assert_refused(vss_backup_components_query(bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, NULL));
	assert_refused(vss_backup_components_expose_snapshot(bc, &id, NULL,
							     VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, NULL, NULL));
	assert_refused(vss_backup_components_break_snapshot_set_ex(bc, &id, 0, NULL));
	assert_refused(vss_backup_components_import_snapshots(bc, NULL));
	assert_refused(vss_backup_components_query_revert_status(bc, "V1", NULL));
	assert_refused(vss_backup_components_pre_restore(bc, NULL));
	assert_refused(vss_backup_components_post_restore(bc, NULL));
#undef assert_refused
	assert_result(vss_backup_components_gather_writer_status(bc, &async), S_OK);
	assert_result(vss_async_query_status(async, NULL), E_INVALIDARG);
	assert_result(vss_async_get_percent(async, NULL), E_INVALIDARG);
	assert_result(ended(f, async), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_query(bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_PROVIDER, &objects),
		      S_OK);
	assert_result(vss_enum_object_next(objects, 1, NULL, &number), E_INVALIDARG);
	assert_result(vss_enum_object_next(objects, 1, &prop, NULL), E_INVALIDARG);
	assert_result(vss_enum_object_clone(objects, NULL), E_INVALIDARG);
	vss_enum_object_release(objects);
	/* An argument that is not there changes nothing. */
	begin_set(f);
}

/* ASY-014 LIF-015 LIF-016 PRV-031: next, skip, reset, clone; fewer at the end */
static void enumerates(void **state)
{
	struct fixture *f = *state;
	struct vss_enum_object *objects, *clone;
	struct vss_object_prop props[8];
	struct vss_uuid id = { { 1 } };
	uint32_t fetched;

	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(vss_backup_components_set_context(f->bc, VSS_CTX_ALL), S_OK);
	assert_result(vss_backup_components_query(f->bc, &id, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &objects),
		      E_INVALIDARG);
	assert_result(vss_backup_components_query(f->bc, NULL, VSS_OBJECT_SNAPSHOT, VSS_OBJECT_SNAPSHOT,
						  &objects),
		      E_INVALIDARG);
	assert_result(vss_backup_components_query(f->bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT_SET,
						  &objects),
		      E_INVALIDARG);

	assert_result(
		vss_backup_components_query(f->bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &objects),
		S_OK);
	assert_result(vss_enum_object_next(objects, 1, props, &fetched), S_FALSE);
	assert_int_equal(fetched, 0);
	vss_enum_object_release(objects);

	assert_result(
		vss_backup_components_query(f->bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_PROVIDER, &objects),
		S_OK);
	assert_result(vss_enum_object_next(objects, 1, props, &fetched), S_OK);
	assert_int_equal(fetched, 1);
	assert_int_equal(props[0].type, VSS_OBJECT_PROVIDER);
	assert_true(vss_uuid_equal(&props[0].prov.provider_id, &world_system_id));
	assert_int_equal(props[0].prov.provider_type, VSS_PROV_SYSTEM);
	assert_string_equal(props[0].prov.provider_version, "1");
	vss_object_prop_clear(&props[0]);
	assert_result(vss_enum_object_clone(objects, &clone), S_OK);
	assert_result(vss_enum_object_skip(objects, 1), S_OK);
	assert_result(vss_enum_object_skip(objects, 2), S_FALSE);
	assert_result(vss_enum_object_next(objects, 1, props, &fetched), S_FALSE);
	/* A clone stands where its original stood. */
	assert_result(vss_enum_object_next(clone, 8, props, &fetched), S_FALSE);
	assert_int_equal(fetched, 2);
	while (fetched)
		vss_object_prop_clear(&props[--fetched]);
	assert_result(vss_enum_object_reset(objects), S_OK);
	assert_result(vss_enum_object_next(objects, 3, props, &fetched), S_OK);
	while (fetched)
		vss_object_prop_clear(&props[--fetched]);
	vss_enum_object_release(clone);
	vss_enum_object_release(objects);
}

/* vssd is not there, or goes away: a sentence, and nothing hangs. */
static void vssd_goes_away(void **state)
{
	struct fixture *f = *state;
	struct vss_backup_components *bc;
	struct vss_error err = { 0 };
	struct vss_async *async;

	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	async = start_parked(f, do_snapshot_set);
	world_stop_vssd(f->world);
	assert_true(VSS_FAILED(ended(f, async)));
	assert_result(vss_backup_components_abort_backup(f->bc), S_OK);
	assert_result(run_async(f, gather_writer_status), VSS_E_UNEXPECTED);
	assert_int_not_equal(vss_backup_components_error(f->bc)->text[0], '\0');
	assert_result(vss_create_vss_backup_components("unix:path=/nowhere", &bc, &err), VSS_E_UNEXPECTED);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(err.result, VSS_E_UNEXPECTED);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(runs_and_ends),
		TEST(cancels),
		TEST(fails_in_the_handle),
		TEST(has_a_descriptor),
		TEST(goes_on_without_handle),
		TEST(outlives_its_object),
		TEST(aborts_what_runs),
		TEST(revert_status),
		TEST(refuses_null),
		TEST(enumerates),
		TEST(vssd_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A backup by the requester's API: contexts, the set, what exists afterwards,
 * writers and their status, documents.
 */
#include "backup-fixture.h"

#include <sys/wait.h>

/* What SetContext says on a new object. */
static vss_result context_result(struct fixture *f, uint32_t context)
{
	struct vss_backup_components *bc = new_object(f);
	vss_result result;

	assert_result(vss_backup_components_initialize_for_backup(bc, NULL), S_OK);
	result = vss_backup_components_set_context(bc, context);
	assert_int_equal(vss_backup_components_error(bc)->text[0] != '\0', VSS_FAILED(result));
	/* After a refusal another one may be tried, after success none. */
	assert_result(vss_backup_components_set_context(bc, VSS_CTX_BACKUP),
		      VSS_FAILED(result) ? S_OK : VSS_E_BAD_STATE);
	vss_backup_components_release(bc);
	return result;
}

/*
 * CTX-002 CTX-003 CTX-020 CTX-021 CTX-024 CTX-025 CTX-026 CTX-027 CTX-028 CTX-029 CTX-035
 * CTX-039
 */
static void contexts(void **state)
{
	static const uint32_t plain[] = {
		VSS_CTX_BACKUP, VSS_CTX_APP_BACKUP, VSS_CTX_FILE_SHARE_BACKUP, VSS_CTX_NAS_ROLLBACK,
		VSS_CTX_APP_ROLLBACK,
	};
	static const uint32_t of_clients[] = { VSS_CTX_CLIENT_ACCESSIBLE, VSS_CTX_CLIENT_ACCESSIBLE_WRITERS };
	static const uint32_t methods[] = {
		VSS_VOLSNAP_ATTR_TRANSPORTABLE, VSS_VOLSNAP_ATTR_DIFFERENTIAL, VSS_VOLSNAP_ATTR_PLEX,
	};
	static const uint32_t modifiers[] = {
		VSS_VOLSNAP_ATTR_NO_AUTORECOVERY, VSS_VOLSNAP_ATTR_NOT_TRANSACTED,
		VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY, VSS_VOLSNAP_ATTR_TXF_RECOVERY,
	};
	static const uint32_t never[] = {
		VSS_VOLSNAP_ATTR_NOT_SURFACED,
		VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED,
		VSS_VOLSNAP_ATTR_IMPORTED,
		VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY,
		VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY,
		VSS_VOLSNAP_ATTR_AUTORECOVER,
		VSS_VOLSNAP_ATTR_DELAYED_POSTSNAPSHOT,
		VSS_VOLSNAP_ATTR_FILE_SHARE,
		0x08000000,
	};
	static const uint32_t by_hand[] = {
		VSS_VOLSNAP_ATTR_PERSISTENT,
		VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE,
		VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE,
		VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_NO_WRITERS,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(plain); i++) {
		assert_result(context_result(f, plain[i]), S_OK);
		for (size_t j = 0; j < COUNT(methods); j++)
			assert_result(context_result(f, plain[i] | methods[j]), S_OK);
		for (size_t j = 0; j < COUNT(modifiers); j++)
			assert_result(context_result(f, plain[i] | modifiers[j]), S_OK);
		for (size_t j = 0; j < COUNT(never); j++)
			assert_result(context_result(f, plain[i] | never[j]), E_INVALIDARG);
		assert_result(
			context_result(f, plain[i] | VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_PLEX),
			E_INVALIDARG);
		assert_result(context_result(f, plain[i] | VSS_VOLSNAP_ATTR_TRANSPORTABLE |
					     VSS_VOLSNAP_ATTR_DIFFERENTIAL), S_OK);
	}
	for (size_t i = 0; i < COUNT(of_clients); i++) {
		assert_result(context_result(f, of_clients[i]), S_OK);
		for (size_t j = 0; j < COUNT(methods); j++)
			assert_result(context_result(f, of_clients[i] | methods[j]), E_INVALIDARG);
	}
	for (size_t i = 0; i < COUNT(by_hand); i++)
		assert_result(context_result(f, by_hand[i]), E_INVALIDARG);
	assert_result(context_result(f, VSS_CTX_ALL), S_OK);
}

/* SEL-027: a type of backup that there is not */
static void backup_types(void **state)
{
	struct fixture *f = *state;

	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	for (int type = VSS_BT_FULL; type <= VSS_BT_OTHER; type++)
		assert_result(vss_backup_components_set_backup_state(f->bc, true, true,
								     (enum vss_backup_type)type, true),
			      S_OK);
	assert_result(vss_backup_components_set_backup_state(f->bc, true, false, VSS_BT_UNDEFINED, false),
		      E_INVALIDARG);
	assert_result(
		vss_backup_components_set_backup_state(f->bc, true, false, (enum vss_backup_type)7, false),
		E_INVALIDARG);
}

/*
 * ORD-027 ORD-036 CTX-008 CTX-016 CTX-018 CTX-022 CTX-036 CTX-038 CTX-043 EVT-001 EVT-002 EVT-021
 * EVT-022 LIF-008 LIF-018 LIF-019 LIF-021: a backup from begin to end
 */
static void a_backup(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop = { 0 };
	struct vss_backup_components *other;
	struct vss_uuid session;
	char *events;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_get_session_id(f->bc, &session), S_OK);
	assert_false(vss_uuid_is_null(&session));
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &f->snapshot, &prop), S_OK);
	assert_true(vss_uuid_equal(&prop.snapshot_id, &f->snapshot));
	assert_true(vss_uuid_equal(&prop.snapshot_set_id, &f->set));
	assert_int_equal(prop.snapshots_count, 1);
	assert_int_equal(strncmp(prop.device_object, "/dev/vss/by-id/", 15), 0);
	assert_string_equal(prop.original_volume_name, "/dev/V1");
	assert_string_equal(prop.originating_machine, "machine-A");
	assert_string_equal(prop.service_machine, "machine-A");
	assert_int_equal(prop.status, VSS_SS_CREATED);
	assert_null(prop.exposed_name);
	assert_true(prop.creation_time > 0);
	assert_true(prop.attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);
	assert_int_not_equal(prop.device_object[strlen(prop.device_object) - 1], '/');
	vss_free_snapshot_properties(&prop);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, &f->instance, &world_writer_class,
								 VSS_CT_FILEGROUP, NULL, "C", true), S_OK);
	assert_result(run_async(f, backup_complete), VSS_S_ASYNC_FINISHED);

	other = new_object(f);
	assert_result(vss_backup_components_initialize_for_backup(other, NULL), S_OK);
	assert_result(vss_backup_components_get_snapshot_properties(other, &f->snapshot, &prop), S_OK);
	vss_free_snapshot_properties(&prop);
	vss_backup_components_release(f->bc);
	world_settle(f->world);
	assert_result(vss_backup_components_get_snapshot_properties(other, &f->snapshot, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	events = world_take_events(f->world);
	assert_string_equal(events, "Identify PrepareBackup PrepareSnapshot Freeze Thaw PostSnapshot "
				    "BackupComplete BackupShutdown");
	free(events);
	f->bc = other;
}

/* EVT-025 EVT-026 SEL-011 SEL-012: who takes part with and without selection of components */
static void who_takes_part(void **state)
{
	struct fixture *f = *state;
	char *events;

	for (int components = 0; components < 2; components++) {
		begin_backup(f, VSS_CTX_BACKUP);
		assert_result(vss_backup_components_set_backup_state(f->bc, components, false, VSS_BT_FULL,
								     false),
			      S_OK);
		begin_set(f);
		assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
		assert_result(run_async(f, backup_complete), VSS_S_ASYNC_FINISHED);
		vss_backup_components_release(f->bc);
		world_settle(f->world);
		events = world_take_events(f->world);
		assert_int_equal(strstr(events, "Freeze") != NULL, !components);
		assert_int_equal(strstr(events, "BackupComplete") != NULL, !components);
		assert_non_null(strstr(events, "PrepareBackup"));
		free(events);
		f->bc = new_object(f);
	}
}

/* EVT-005 CTX-009 CTX-019: no event to anybody */
static void a_backup_without_writers(void **state)
{
	struct fixture *f = *state;
	char *events;

	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(vss_backup_components_set_context(f->bc, VSS_CTX_FILE_SHARE_BACKUP), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", NULL, &f->snapshot), S_OK);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	vss_backup_components_release(f->bc);
	world_settle(f->world);
	events = world_take_events(f->world);
	assert_string_equal(events, "");
	free(events);
	f->bc = new_object(f);
}

/* ORD-026 ORD-027: one creation on the machine; given up by abort */
static void one_creation_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct vss_backup_components *other = new_object(f);
	struct vss_uuid set;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_initialize_for_backup(other, NULL), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(other, &set), VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_not_equal(vss_backup_components_error(other)->text[0], '\0');
	assert_result(vss_backup_components_abort_backup(f->bc), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(other, &set), S_OK);
	vss_backup_components_release(other);
}

/* PRV-002 PRV-003 PRV-004 PRV-005 PRV-007 PRV-009 PRV-010 PRV-013 PRV-014 */
static void volumes(void **state)
{
	struct fixture *f = *state;
	struct vss_uuid id;
	uint32_t compatibility;
	bool answer;
	char name[8];

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_is_volume_supported(f->bc, NULL, "V1", &answer), S_OK);
	assert_true(answer);
	assert_result(vss_backup_components_is_volume_supported(f->bc, NULL, "NOSUP", &answer), S_OK);
	assert_false(answer);
	assert_result(vss_backup_components_is_volume_supported(f->bc, &world_unknown_id, "V1", &answer),
		      VSS_E_PROVIDER_NOT_REGISTERED);
	assert_result(
		vss_backup_components_is_volume_snapshotted(f->bc, NULL, "V1", &answer, &compatibility),
		S_OK);
	assert_false(answer);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, NULL, NULL, &id), E_INVALIDARG);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "BADVOL", NULL, &id),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "NOSUP", NULL, &id),
		      VSS_E_VOLUME_NOT_SUPPORTED);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "NOSUP", &world_software_id, &id),
		      VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", &world_unknown_id, &id),
		      VSS_E_PROVIDER_NOT_REGISTERED);
	for (int i = 1; i <= 64; i++) {
		snprintf(name, sizeof(name), "V%d", i);
		assert_result(vss_backup_components_add_to_snapshot_set(f->bc, name, NULL, &id), S_OK);
		if (i == 1)
			assert_result(vss_backup_components_add_to_snapshot_set(f->bc, name, NULL, &id),
				      VSS_E_OBJECT_ALREADY_EXISTS);
	}
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V65", NULL, &id),
		      VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED);
	/* Text that D-Bus cannot carry */
	assert_result(vss_backup_components_is_volume_supported(f->bc, NULL, "\xff", &answer), E_INVALIDARG);
}

/* SEL-015 SEL-016 SEL-017 SEL-018 EVT-008 EVT-010 ORD-038 */
static void which_writers_are_asked(void **state)
{
	static const struct {
		bool enable_w, enable_gone, disable_w, disable_gone, enable_again;
		uint32_t expected;
	} cases[] = {
		{ .expected = 2 },
		{ .enable_w = true, .expected = 1 },
		{ .enable_w = true, .enable_gone = true, .expected = 2 },
		{ .disable_w = true, .expected = 1 },
		{ .disable_w = true, .disable_gone = true, .expected = 0 },
		{ .enable_w = true, .disable_w = true, .expected = 0 },
		{ .disable_w = true, .enable_again = true, .expected = 1 },
		/* What a later Enable does not name stays off. */
		{ .enable_gone = true, .disable_gone = true, .enable_again = true, .expected = 1 },
	};
	struct fixture *f = *state;
	uint32_t count;

	world_set_gone(f->world, true);
	for (size_t i = 0; i < COUNT(cases); i++) {
		vss_backup_components_release(f->bc);
		f->bc = new_object(f);
		assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
		if (cases[i].enable_w)
			assert_result(
				vss_backup_components_enable_writer_classes(f->bc, &world_writer_class, 1),
				S_OK);
		if (cases[i].enable_gone)
			assert_result(
				vss_backup_components_enable_writer_classes(f->bc, &world_gone_class, 1),
				S_OK);
		if (cases[i].disable_w)
			assert_result(
				vss_backup_components_disable_writer_classes(f->bc, &world_writer_class, 1),
				S_OK);
		if (cases[i].disable_gone)
			assert_result(
				vss_backup_components_disable_writer_classes(f->bc, &world_gone_class, 1),
				S_OK);
		if (cases[i].enable_again)
			assert_result(
				vss_backup_components_enable_writer_classes(f->bc, &world_writer_class, 1),
				S_OK);
		assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
		assert_result(vss_backup_components_get_writer_metadata_count(f->bc, &count), S_OK);
		assert_int_equal(count, cases[i].expected);
		assert_result(vss_backup_components_disable_writer_classes(f->bc, &world_writer_class, 1),
			      S_OK);
		assert_result(vss_backup_components_get_writer_metadata_count(f->bc, &count), S_OK);
		assert_int_equal(count, cases[i].expected);
	}
	assert_result(vss_backup_components_disable_writer_classes(f->bc, NULL, 1), E_INVALIDARG);
	assert_result(vss_backup_components_enable_writer_classes(f->bc, &world_writer_class, 0),
		      E_INVALIDARG);
}

/* SEL-017: one instance of a class */
static void disabled_instances(void **state)
{
	struct fixture *f = *state;
	uint32_t count;

	begin_backup(f, VSS_CTX_BACKUP);
	vss_backup_components_release(f->bc);
	f->bc = new_object(f);
	world_set_gone(f->world, true);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(vss_backup_components_disable_writer_instances(f->bc, &f->instance, 1), S_OK);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_writer_metadata_count(f->bc, &count), S_OK);
	assert_int_equal(count, 1);
}

/* EVT-010: a writer that fails Identify is not listed. */
static void identify_fails(void **state)
{
	const struct world_fault fault = {
		.writer = true, .event = VSSD_EVENT_IDENTIFY, .writer_fails = true,
	};
	struct fixture *f = *state;
	uint32_t count;

	world_set_fault(f->world, &fault);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_writer_metadata_count(f->bc, &count), S_OK);
	assert_int_equal(count, 0);
	assert_result(run_async(f, gather_writer_status), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_writer_status_count(f->bc, &count), S_OK);
	assert_int_equal(count, 0);
}

static void assert_status(struct fixture *f, enum vss_writer_state expected, vss_result failure)
{
	struct vss_writer_status status;
	uint32_t count;

	assert_result(run_async(f, gather_writer_status), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_writer_status_count(f->bc, &count), S_OK);
	assert_int_equal(count, 1);
	assert_result(vss_backup_components_get_writer_status(f->bc, 1, &status), VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_get_writer_status(f->bc, 0, &status), S_OK);
	assert_true(vss_uuid_equal(&status.instance_id, &f->instance));
	assert_true(vss_uuid_equal(&status.writer_id, &world_writer_class));
	assert_string_equal(status.writer_name, "W");
	assert_string_equal(vss_writer_state_name(status.state), vss_writer_state_name(expected));
	assert_result(status.failure, failure);
	vss_writer_status_clear(&status);
	assert_result(vss_backup_components_free_writer_status(f->bc), S_OK);
	assert_result(vss_backup_components_get_writer_status(f->bc, 0, &status), VSS_E_BAD_STATE);
}

/*
 * STA-001 STA-002 STA-003 STA-004 STA-005 STA-006 STA-007 STA-013 STA-014 EVT-014 EVT-016
 * TIM-003: what a failing writer does to a backup
 */
static void writer_status(void **state)
{
	static const struct {
		enum vssd_event event;
		unsigned int seconds;
		vss_result set;
		enum vss_writer_state state;
		vss_result failure;
	} cases[] = {
		{ VSSD_EVENT_ABORT, 0, VSS_S_ASYNC_FINISHED, VSS_WS_WAITING_FOR_BACKUP_COMPLETE, S_OK },
		{ VSSD_EVENT_PREPARE_SNAPSHOT, 0, VSS_S_ASYNC_FINISHED, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT,
		  VSS_E_WRITERERROR_NONRETRYABLE },
		{ VSSD_EVENT_FREEZE, 0, VSS_E_UNEXPECTED_WRITER_ERROR, VSS_WS_FAILED_AT_FREEZE,
		  VSS_E_WRITERERROR_NONRETRYABLE },
		{ VSSD_EVENT_FREEZE, 61, VSS_E_UNEXPECTED_WRITER_ERROR, VSS_WS_FAILED_AT_FREEZE,
		  VSS_E_WRITERERROR_TIMEOUT },
		{ VSSD_EVENT_THAW, 0, VSS_E_UNEXPECTED_WRITER_ERROR, VSS_WS_FAILED_AT_THAW,
		  VSS_E_WRITERERROR_NONRETRYABLE },
		{ VSSD_EVENT_POST_SNAPSHOT, 0, VSS_S_ASYNC_FINISHED, VSS_WS_FAILED_AT_POST_SNAPSHOT,
		  VSS_E_WRITERERROR_NONRETRYABLE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct world_fault fault = {
			.writer = true, .event = cases[i].event, .writer_fails = !cases[i].seconds,
			.writer_seconds = cases[i].seconds,
		};

		begin_backup(f, VSS_CTX_BACKUP);
		assert_status(f, VSS_WS_STABLE, S_OK);
		assert_result(add(f, NULL, "C"), S_OK);
		begin_set(f);
		world_set_fault(f->world, &fault);
		assert_result(run_async(f, do_snapshot_set), cases[i].set);
		world_set_fault(f->world, &(struct world_fault){ 0 });
		assert_status(f, cases[i].state, cases[i].failure);
		vss_backup_components_release(f->bc);
		world_set_time(f->world, WORLD_FAST);
		world_settle(f->world);
		world_set_time(f->world, WORLD_STILL);
		f->bc = new_object(f);
	}
}

/* LIF-001 LIF-002 LIF-003 LIF-004 LIF-005 LIF-020 */
static void deleting(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop;
	struct vss_uuid left, second;
	int32_t deleted;

	begin_backup(f, VSS_CTX_APP_ROLLBACK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", NULL, &f->snapshot), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V2", NULL, &second), S_OK);
	assert_result(run_async(f, prepare_for_backup), VSS_S_ASYNC_FINISHED);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_delete_snapshots(f->bc, &f->snapshot, VSS_OBJECT_PROVIDER,
							     false, &deleted, &left),
		      E_INVALIDARG);
	assert_result(vss_backup_components_delete_snapshots(f->bc, NULL, VSS_OBJECT_SNAPSHOT, false,
							     &deleted, &left),
		      E_INVALIDARG);
	assert_result(vss_backup_components_delete_snapshots(f->bc, &world_unknown_id, VSS_OBJECT_SNAPSHOT,
							     false, &deleted, &left),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(deleted, 0);
	assert_result(vss_backup_components_delete_snapshots(f->bc, &f->snapshot, VSS_OBJECT_SNAPSHOT,
							     false, &deleted, &left),
		      S_OK);
	assert_int_equal(deleted, 1);
	assert_true(vss_uuid_is_null(&left));
	world_set_fault(f->world, &(struct world_fault){ .provider = true, .step = VSSD_STEP_DELETE,
							  .provider_result = VSS_E_PROVIDER_VETO });
	assert_result(vss_backup_components_delete_snapshots(f->bc, &f->set, VSS_OBJECT_SNAPSHOT_SET, false,
							     &deleted, &left),
		      VSS_E_PROVIDER_VETO);
	assert_int_equal(deleted, 0);
	assert_true(vss_uuid_equal(&left, &second));
	assert_int_not_equal(vss_backup_components_error(f->bc)->text[0], '\0');
	world_set_fault(f->world, &(struct world_fault){ 0 });
	assert_result(vss_backup_components_delete_snapshots(f->bc, &f->set, VSS_OBJECT_SNAPSHOT_SET, true,
							     NULL, NULL),
		      S_OK);
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &second, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, NULL, &prop), E_INVALIDARG);
}

/*
 * LIF-024 LIF-025 LIF-026 LIF-027 LIF-028 LIF-030 LIF-032 LIF-033; BRK-002 BRK-003 BRK-008
 * BRK-009 BRK-010; REV-002 REV-003
 */
static void exposing_breaking_reverting(void **state)
{
	const uint32_t local = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, remote = VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY;
	struct fixture *f = *state;
	struct vss_backup_components *bc = f->bc;
	struct vss_snapshot_prop prop = { 0 };
	struct vss_async *async;
	char *exposed = NULL, dir[80];

	begin_backup(f, VSS_CTX_APP_ROLLBACK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	snprintf(dir, sizeof(dir), "%s/mnt", f->dir);
#define expose(id, path, how) vss_backup_components_expose_snapshot(bc, id, path, how, dir, &exposed)
	assert_result(expose(&f->snapshot, NULL, 0), E_INVALIDARG);
	assert_result(expose(&f->snapshot, NULL, local | remote), E_INVALIDARG);
	assert_result(expose(&f->snapshot, "dir", local), E_INVALIDARG);
	assert_result(expose(&f->snapshot, "di*", remote), E_INVALIDARG);
	assert_result(expose(NULL, NULL, local), E_INVALIDARG);
	assert_result(expose(&world_unknown_id, NULL, local), VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_unexpose_snapshot(bc, &f->snapshot), VSS_E_OBJECT_NOT_FOUND);
	assert_result(expose(&f->snapshot, NULL, local), S_OK);
#undef expose
	assert_string_equal(exposed, dir);
	free(exposed);
	assert_result(vss_backup_components_get_snapshot_properties(bc, &f->snapshot, &prop), S_OK);
	assert_string_equal(prop.exposed_name, dir);
	assert_true(prop.attributes & local);
	assert_false(prop.attributes & VSS_VOLSNAP_ATTR_NOT_SURFACED);
	vss_free_snapshot_properties(&prop);
	assert_result(vss_backup_components_unexpose_snapshot(bc, &f->snapshot), S_OK);

	assert_result(vss_backup_components_break_snapshot_set(bc, &world_unknown_id),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_break_snapshot_set(bc, NULL), E_INVALIDARG);
	assert_result(vss_backup_components_break_snapshot_set(bc, &f->set), VSS_E_PROVIDER_VETO);
	assert_result(vss_backup_components_break_snapshot_set_ex(
			      bc, &f->set,
			      VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE,
			      &async),
		      E_INVALIDARG);
	assert_result(vss_backup_components_break_snapshot_set_ex(
			bc, &f->set, VSS_BREAKEX_FLAG_MASK_LUNS | VSS_BREAKEX_FLAG_MAKE_READ_WRITE, &async),
		      E_INVALIDARG);
	assert_result(vss_backup_components_break_snapshot_set_ex(bc, &f->set, 0x10, &async), E_INVALIDARG);
	assert_result(vss_backup_components_break_snapshot_set_ex(bc, &f->set, 0, &async), S_OK);
	assert_result(ended(f, async), VSS_E_PROVIDER_VETO);

	assert_result(vss_backup_components_revert_to_snapshot(bc, &world_unknown_id, true),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_revert_to_snapshot(bc, NULL, true), E_INVALIDARG);
	assert_result(vss_backup_components_revert_to_snapshot(bc, &f->snapshot, true), S_OK);
	assert_result(vss_backup_components_query_revert_status(bc, NULL, &async), E_INVALIDARG);
	assert_result(vss_backup_components_query_revert_status(bc, "V1", &async), S_OK);
	assert_result(ended(f, async), VSS_S_ASYNC_FINISHED);
}

/*
 * BCD-002 BCD-003 BCD-004 BCD-009 BCD-013 BCD-022 BCD-023 BCD-026 IMP-009 TRN-028 TRN-030
 * RST-002 RST-003
 */
static void documents(void **state)
{
	static const char root[] =
		"<BACKUP_COMPONENTS xmlns=\"x-schema:#VssComponentMetadata\" version=\"1.2\" "
		"bootableSystemStateBackup=\"no\" selectComponents=\"yes\" backupType=\"full\" "
		"partialFileSupport=\"no\"/>";
	struct fixture *f = *state;
	char *xml, *again, id[VSS_UUID_TEXT_SIZE];
	struct vss_async *async;

	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), VSS_E_BAD_STATE);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, "no document"),
		      VSS_E_CORRUPT_XML_DOCUMENT);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, "<OTHER/>"),
		      VSS_E_INVALID_XML_DOCUMENT);
	assert_int_not_equal(vss_backup_components_error(f->bc)->text[0], '\0');
	assert_result(vss_backup_components_initialize_for_restore(f->bc, NULL), E_INVALIDARG);
	assert_result(vss_backup_components_initialize_for_restore(f->bc, "<OTHER/>"),
		      VSS_E_INVALID_XML_DOCUMENT);

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	assert_non_null(strstr(xml, vss_uuid_format(&f->set, id)));
	assert_null(strstr(xml, "SNAPSHOT_SET_DESCRIPTION"));
	vss_backup_components_release(f->bc);
	f->bc = new_object(f);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, xml), S_OK);
	assert_result(vss_backup_components_save_as_xml(f->bc, &again), S_OK);
	assert_string_equal(xml, again);
	assert_result(vss_backup_components_import_snapshots(f->bc, &async), S_OK);
	assert_result(ended(f, async), VSS_E_NONTRANSPORTABLE_BCD);
	free(xml);
	free(again);

	vss_backup_components_release(f->bc);
	f->bc = new_object(f);
	assert_result(vss_backup_components_initialize_for_backup(f->bc, root), S_OK);
}

/* ORD-043 EVT-023: a requester that goes away in the midst of it */
static void released_halfway(void **state)
{
	struct fixture *f = *state;
	char *events;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	vss_backup_components_release(f->bc);
	world_settle(f->world);
	events = world_take_events(f->world);
	assert_non_null(strstr(events, "BackupShutdown"));
	assert_null(strstr(events, "BackupComplete"));
	free(events);
	f->bc = new_object(f);
	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
}

/* The exit status of a vssctl that speaks to the same vssd; its messages in @output. */
static int run_vssctl(struct fixture *f, const char *arguments, char output[512])
{
	char command[1024];
	size_t size;
	FILE *pipe;

	snprintf(command, sizeof(command), "VSS_BUS_ADDRESS='%s' '%s' %s 2>&1", f->address, getenv("VSSCTL"), arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	size = fread(output, 1, 511, pipe);
	output[size] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

/* CLI-019: a volume that is in use is set back with --force only. */
static void vssctl_reverts(void **state)
{
	struct fixture *f = *state;
	char id[VSS_UUID_TEXT_SIZE], arguments[128], output[512];

	if (!getenv("VSSCTL"))
		skip();
	begin_backup(f, VSS_CTX_APP_ROLLBACK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	world_set_mounted(f->world, "V1");
	world_set_time(f->world, WORLD_FAST);
	vss_uuid_format(&f->snapshot, id);
	snprintf(arguments, sizeof(arguments), "revert %s", id);
	assert_int_not_equal(run_vssctl(f, arguments, output), 0);
	if (!strstr(output, "VSS_E_VOLUME_IN_USE"))
		fail_msg("%s", output);
	snprintf(arguments, sizeof(arguments), "revert --force %s", id);
	if (run_vssctl(f, arguments, output))
		fail_msg("%s", output);
	if (run_vssctl(f, "revert --status V1", output))
		fail_msg("%s", output);
	assert_int_equal(run_vssctl(f, "revert --force 00000000-1111-2222-3333-444444444444", output), 3);
	world_set_time(f->world, WORLD_STILL);
}

/* How far a revert is, where there is no terminal: a line every ten percent, or one document at the end. */
static void vssctl_tells_percents(void **state)
{
	struct world_fault fault = {
		.provider = true, .step = VSSD_STEP_QUERY_REVERT, .provider_result = VSS_S_ASYNC_PENDING,
		.provider_percent = 4,
	};
	struct fixture *f = *state;
	char command[1024], output[512];
	FILE *pipe;

	if (!getenv("VSSCTL"))
		skip();
	world_set_time(f->world, WORLD_FAST);
	assert_int_equal(run_vssctl(f, "revert --status V1", output), 0);
	assert_string_equal(output, "no revert of V1 is under way, and none has failed\n");
	assert_int_equal(run_vssctl(f, "revert --quiet --json --status V1", output), 0);
	assert_non_null(strstr(output, "\"volume\":\"V1\""));
	assert_non_null(strstr(output, "\"state\":\"ended\""));

	snprintf(command, sizeof(command), "VSS_BUS_ADDRESS='%s' '%s' revert --status V1 2>&1", f->address,
		 getenv("VSSCTL"));
	world_set_fault(f->world, &fault);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	usleep(500000);
	fault.provider_percent = 42;
	world_set_fault(f->world, &fault);
	assert_non_null(fgets(output, sizeof(output), pipe));
	assert_string_equal(output, "reverting: 40%\n");
	/* of the same ten, and then of another one */
	fault.provider_percent = 49;
	world_set_fault(f->world, &fault);
	usleep(500000);
	fault.provider_percent = 71;
	world_set_fault(f->world, &fault);
	assert_non_null(fgets(output, sizeof(output), pipe));
	assert_string_equal(output, "reverting: 70%\n");
	/* what has failed is not at 100 */
	fault.provider_result = VSS_E_PROVIDER_VETO;
	world_set_fault(f->world, &fault);
	assert_non_null(fgets(output, sizeof(output), pipe));
	assert_non_null(strstr(output, "has failed"));
	assert_null(fgets(output, sizeof(output), pipe));
	assert_int_not_equal(pclose(pipe), 0);
	world_set_fault(f->world, &(struct world_fault){ 0 });
	world_set_time(f->world, WORLD_STILL);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(contexts),
		TEST(backup_types),
		TEST(a_backup),
		TEST(who_takes_part),
		TEST(a_backup_without_writers),
		TEST(one_creation_at_a_time),
		TEST(volumes),
		TEST(which_writers_are_asked),
		TEST(disabled_instances),
		TEST(identify_fails),
		TEST(writer_status),
		TEST(deleting),
		TEST(exposing_breaking_reverting),
		TEST(vssctl_reverts),
		TEST(vssctl_tells_percents),
		TEST(documents),
		TEST(released_halfway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow copies that travel: made on one machine, imported on another, broken.
 */
#include "backup-fixture.h"

/* Make two on machine A and keep the document. */
static char *make(struct fixture *f, uint32_t context, struct vss_uuid *second)
{
	char *xml;

	begin_backup(f, context);
	assert_result(add(f, NULL, "C"), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", NULL, &f->snapshot), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V2", NULL, second), S_OK);
	assert_result(run_async(f, prepare_for_backup), VSS_S_ASYNC_FINISHED);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	return xml;
}

static struct vss_backup_components *importer(struct fixture *f, char machine, const char *xml)
{
	struct vss_backup_components *bc = NULL;
	char *address = world_address(f->world, machine);

	assert_result(vss_create_vss_backup_components(address, &bc, NULL), S_OK);
	assert_result(vss_backup_components_initialize_for_backup(bc, xml), S_OK);
	free(address);
	return bc;
}

static vss_result import(struct fixture *f, struct vss_backup_components *bc)
{
	struct vss_async *async;
	vss_result result = vss_backup_components_import_snapshots(bc, &async);

	return result == S_OK ? ended(f, async) : result;
}

static uint32_t count_shadows(struct vss_backup_components *bc)
{
	struct vss_enum_object *objects;
	struct vss_object_prop props[8];
	uint32_t fetched, count;

	assert_result(vss_backup_components_query(bc, NULL, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &objects),
		      S_OK);
	vss_enum_object_next(objects, 8, props, &fetched);
	vss_enum_object_release(objects);
	count = fetched;
	while (fetched)
		vss_object_prop_clear(&props[--fetched]);
	return count;
}

/*
 * BCD-027: before DoSnapshotSet there is nothing to import; a document saved after it
 * travels, and so does one saved after BackupComplete.
 */
static void when_to_save(void **state)
{
	struct fixture *f = *state;
	struct vss_backup_components *bc;
	char *early, *late;

	begin_backup(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	assert_result(vss_backup_components_save_as_xml(f->bc, &early), S_OK);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(run_async(f, backup_complete), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &late), S_OK);
	bc = importer(f, 'B', early);
	assert_result(import(f, bc), VSS_E_NONTRANSPORTABLE_BCD);
	vss_backup_components_release(bc);
	bc = importer(f, 'B', late);
	assert_result(import(f, bc), VSS_S_ASYNC_FINISHED);
	vss_backup_components_release(bc);
	free(early);
	free(late);
}

/* TRN-006 TRN-019 TRN-020 TRN-026 TRN-027 BCD-025: what the document has, and what is to be seen where it
 * was made */
static void made(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop;
	struct vss_uuid second;
	char *xml = make(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second), id[VSS_UUID_TEXT_SIZE];

	assert_non_null(strstr(xml, "SNAPSHOT_SET_DESCRIPTION"));
	assert_non_null(strstr(xml, vss_uuid_format(&f->snapshot, id)));
	assert_non_null(strstr(xml, vss_uuid_format(&second, id)));
	assert_non_null(strstr(xml, "STANDIN"));
	assert_result(vss_backup_components_get_snapshot_properties(f->bc, &f->snapshot, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(count_shadows(f->bc), 0);
	free(xml);
}

/* IMP-005 IMP-015 IMP-016 IMP-017 IMP-026 IMP-030 LIF-022 TRN-001: what is to be seen where it is imported */
static void imported(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop = { 0 }, other = { 0 };
	struct vss_uuid second;
	char *xml = make(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second);
	struct vss_backup_components *bc = importer(f, 'B', xml);

	free(xml);
	assert_result(vss_backup_components_set_context(bc, VSS_CTX_ALL), S_OK);
	assert_int_equal(count_shadows(bc), 0);
	assert_result(import(f, bc), VSS_S_ASYNC_FINISHED);
	assert_int_equal(count_shadows(bc), 2);
	assert_result(vss_backup_components_get_snapshot_properties(bc, &f->snapshot, &prop), S_OK);
	assert_result(vss_backup_components_get_snapshot_properties(bc, &second, &other), S_OK);
	assert_true(prop.attributes & VSS_VOLSNAP_ATTR_IMPORTED);
	assert_true(prop.attributes & VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_false(prop.attributes & VSS_VOLSNAP_ATTR_PERSISTENT);
	assert_true(vss_uuid_equal(&prop.snapshot_set_id, &f->set));
	assert_true(vss_uuid_equal(&prop.provider_id, &world_array_id));
	assert_int_equal(prop.snapshots_count, 2);
	assert_string_equal(prop.originating_machine, "machine-A");
	assert_string_equal(prop.service_machine, "machine-B");
	assert_string_equal(prop.original_volume_name, "/dev/V1");
	assert_true(prop.creation_time > 0);
	assert_string_not_equal(prop.device_object, "");
	assert_string_not_equal(prop.device_object, other.device_object);
	vss_free_snapshot_properties(&prop);
	vss_free_snapshot_properties(&other);
	vss_backup_components_release(bc);
}

/* IMP-014 IMP-018 IMP-019 IMP-003: storage that comes late, or in part; a set that is there already */
static void in_parts(void **state)
{
	struct fixture *f = *state;
	struct vss_snapshot_prop prop = { 0 };
	struct vss_uuid second;
	char *xml = make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second);
	struct vss_backup_components *bc = importer(f, 'B', xml), *late;

	world_set_absent(f->world, true);
	assert_result(import(f, bc), VSS_E_NO_SNAPSHOTS_IMPORTED);
	world_set_absent(f->world, false);
	assert_result(import(f, bc), VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED);
	assert_result(vss_backup_components_get_snapshot_properties(bc, &f->snapshot, &prop), S_OK);
	vss_free_snapshot_properties(&prop);
	assert_result(vss_backup_components_get_snapshot_properties(bc, &second, &prop),
		      VSS_E_OBJECT_NOT_FOUND);
	late = importer(f, 'B', xml);
	assert_result(import(f, late), VSS_E_OBJECT_ALREADY_EXISTS);
	vss_backup_components_release(late);
	vss_backup_components_release(bc);
	free(xml);
}

/* BRK-001 BRK-005 BRK-006 BRK-007 BRK-011 BRK-014: a break, and what release does not delete any more */
static void broken(void **state)
{
	struct fixture *f = *state;
	struct vss_uuid second, left;
	char *xml = make(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second);
	struct vss_backup_components *bc = importer(f, 'B', xml);
	struct vss_async *async;
	int32_t deleted;

	free(xml);
	assert_result(vss_backup_components_set_context(bc, VSS_CTX_ALL), S_OK);
	assert_result(vss_backup_components_break_snapshot_set(bc, &f->set), VSS_E_OBJECT_NOT_FOUND);
	assert_result(import(f, bc), VSS_S_ASYNC_FINISHED);
	/* Still a shadow copy, so read-only */
	assert_result(world_make_writable(f->world, &f->snapshot), VSS_E_BAD_STATE);
	assert_result(vss_backup_components_break_snapshot_set_ex(
			      bc, &f->set, VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE, &async),
		      S_OK);
	assert_result(ended(f, async), VSS_S_ASYNC_FINISHED);
	assert_int_equal(count_shadows(bc), 0);
	assert_result(vss_backup_components_delete_snapshots(bc, &f->set, VSS_OBJECT_SNAPSHOT_SET, true,
							     &deleted, &left),
		      VSS_E_OBJECT_NOT_FOUND);
	vss_backup_components_release(bc);
	world_settle(f->world);
	assert_result(world_make_writable(f->world, &f->snapshot), S_OK);
}

static struct vss_backup_components *restorer(struct fixture *f, char machine, const char *xml)
{
	struct vss_backup_components *bc = NULL;
	char *address = world_address(f->world, machine);

	assert_result(vss_create_vss_backup_components(address, &bc, NULL), S_OK);
	assert_result(vss_backup_components_initialize_for_restore(bc, xml), S_OK);
	free(address);
	return bc;
}

static vss_result recover(struct fixture *f, struct vss_backup_components *bc, uint32_t flags)
{
	struct vss_async *async;
	vss_result result = vss_backup_components_recover_set(bc, flags, &async);

	return result == S_OK ? ended(f, async) : result;
}

/* FRV-014 FRV-015 FRV-018 FRV-021 ASY-001: the calls as a requester makes them */
static void resynchronized(void **state)
{
	struct world_fault fault = { .provider = true, .step = VSSD_STEP_RESYNC, .provider_result = E_NOTIMPL };
	static const struct vss_uuid none, unknown = { { 3 } };
	struct fixture *f = *state;
	struct vss_uuid second;
	char *xml = make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second);
	struct vss_backup_components *bc = importer(f, 'A', xml);

	/* Not of an object for a backup. */
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &f->snapshot, 0, NULL), VSS_E_BAD_STATE);
	assert_result(recover(f, bc, 0), VSS_E_BAD_STATE);
	vss_backup_components_release(bc);

	bc = restorer(f, 'A', xml);
	assert_result(recover(f, bc, 0), VSS_E_BAD_STATE);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, NULL, 0, NULL), E_INVALIDARG);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &none, 0, NULL), E_INVALIDARG);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &f->snapshot, 1, NULL), E_INVALIDARG);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &unknown, 0, NULL),
		      VSS_E_SNAPSHOT_NOT_IN_SET);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &f->snapshot, 0, "V2"),
		      VSS_E_VOLUME_NOT_SUPPORTED);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &f->snapshot, 0, NULL), S_OK);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &second, 0, "V2"), S_OK);
	assert_result(recover(f, bc, 1), E_INVALIDARG);
	assert_result(vss_backup_components_recover_set(bc, 0, NULL), E_INVALIDARG);
	assert_result(recover(f, bc, VSS_RECOVERY_NO_VOLUME_CHECK), VSS_S_ASYNC_FINISHED);

	world_set_fault(f->world, &fault);
	assert_result(vss_backup_components_add_snapshot_to_recovery_set(bc, &second, 0, NULL), S_OK);
	assert_result(recover(f, bc, 0), E_NOTIMPL);
	vss_backup_components_release(bc);
	free(xml);
}

/* TRN-014 CTX-022: an auto-release set whose document was never saved goes with its creator */
static void not_saved(void **state)
{
	struct fixture *f = *state;
	struct vss_backup_components *bc;
	struct vss_uuid second;
	char *xml = make(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, &second);

	/* Saved: it can be imported though its creator has gone. */
	vss_backup_components_release(f->bc);
	world_settle(f->world);
	bc = importer(f, 'B', xml);
	assert_result(import(f, bc), VSS_S_ASYNC_FINISHED);
	free(xml);

	f->bc = new_object(f);
	begin_backup(f, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	vss_backup_components_release(f->bc);
	world_settle(f->world);
	assert_result(world_make_writable(f->world, &f->snapshot), VSS_E_OBJECT_NOT_FOUND);
	vss_backup_components_release(bc);
	f->bc = new_object(f);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(when_to_save),
		TEST(made),
		TEST(imported),
		TEST(in_parts),
		TEST(broken),
		TEST(not_saved),
		TEST(resynchronized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

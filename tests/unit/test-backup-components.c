// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which components may be chosen for a backup or a restore, and what may be
 * said of them.
 */
#include "backup-fixture.h"

#include <vss/files.h>

#include "requester.h"

/* SEL-009 SEL-010: logical paths, of either separator */
static void logical_paths(void **state)
{
	static const struct {
		const char *path, *top_path, *top_name;
		bool below;
	} cases[] = {
		{ NULL, NULL, "a", false },
		{ "", NULL, "a", false },
		{ "a", NULL, "a", true },
		{ "a", "", "a", true },
		{ "a/b", NULL, "a", true },
		{ "a\\b", NULL, "a", true },
		{ "a/b", "a", "b", true },
		{ "a\\b/c", "a", "b", true },
		{ "a/b/c", "a\\b", "c", true },
		{ "ab", NULL, "a", false },
		{ "a", NULL, "ab", false },
		{ "a", "a", "b", false },
		{ "b/a", NULL, "a", false },
		{ "a/bc", "a", "b", false },
		{ "A", NULL, "a", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (vss_component_is_below(cases[i].path, cases[i].top_path, cases[i].top_name) !=
		    cases[i].below)
			fail_msg("case %zu", i);
}

/* Is it in the document? */
static bool is_written(struct fixture *f, const char *path, const char *name)
{
	const struct vss_component_ref ref = { NULL, &world_writer_class, VSS_CT_FILEGROUP, path, name };
	struct vss_component *component;

	return vss_requester_find_component(f->bc, VSS_CALL_AddComponent, &ref, &component, NULL) == S_OK;
}

/* SEL-002 SEL-003 SEL-004 SEL-024 SEL-025 BCD-028 BCD-029 BCD-030 */
static void arguments(void **state)
{
	struct fixture *f = *state;
	struct vss_writer_components *components;
	struct vss_component *component;
	uint32_t count;

	begin_backup(f, VSS_CTX_BACKUP);
#define add_with(instance, class, type, name) \
	vss_backup_components_add_component(f->bc, instance, class, type, NULL, name)
	assert_result(add_with(NULL, &world_writer_class, VSS_CT_FILEGROUP, "C"), E_INVALIDARG);
	assert_result(add_with(&f->instance, NULL, VSS_CT_FILEGROUP, "C"), E_INVALIDARG);
	assert_result(add_with(&f->instance, &world_writer_class, VSS_CT_FILEGROUP, NULL), E_INVALIDARG);
	assert_result(add_with(&f->instance, &world_writer_class, VSS_CT_UNDEFINED, "C"), E_INVALIDARG);
	assert_result(add_with(&f->instance, &world_writer_class, VSS_CT_DATABASE, "C"),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(add_with(&f->instance, &world_gone_class, VSS_CT_FILEGROUP, "C"),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(add_with(&world_unknown_id, &world_writer_class, VSS_CT_FILEGROUP, "C"),
		      VSS_E_OBJECT_NOT_FOUND);
#undef add_with
	assert_result(add(f, NULL, "NOSUCH"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(add(f, "NOSUCH", "C"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_get_writer_components_count(f->bc, &count), S_OK);
	assert_int_equal(count, 0);
	assert_result(vss_backup_components_get_writer_components(f->bc, 0, &components),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(add(f, NULL, "C"), S_OK);
	assert_result(add(f, NULL, "D"), S_OK);
	assert_result(add(f, NULL, "C"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_result(add(f, "", "C"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_result(vss_backup_components_get_writer_components_count(f->bc, &count), S_OK);
	assert_int_equal(count, 1);
	assert_result(vss_backup_components_get_writer_components(f->bc, 0, &components), S_OK);
	assert_result(vss_writer_components_get_component_count(components, &count), S_OK);
	assert_int_equal(count, 2);
	assert_result(vss_writer_components_get_component(components, 2, &component), VSS_E_OBJECT_NOT_FOUND);

#define say(call, name, ...) \
	vss_backup_components_##call(f->bc, &world_writer_class, VSS_CT_FILEGROUP, NULL, name, __VA_ARGS__)
	assert_result(say(set_backup_options, "C", "x=y"), S_OK);
	assert_result(say(set_backup_options, "C", NULL), E_INVALIDARG);
	assert_result(say(set_backup_options, "NOFILES", "x=y"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(say(set_backup_options, NULL, "x=y"), E_INVALIDARG);
	assert_result(say(set_previous_backup_stamp, "C", "stamp"), S_OK);
	assert_result(say(set_previous_backup_stamp, "NOFILES", "stamp"), VSS_E_OBJECT_NOT_FOUND);
#undef say
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, &f->instance, &world_writer_class,
								 VSS_CT_FILEGROUP, NULL, "NOFILES", true),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, &world_unknown_id,
								 &world_writer_class, VSS_CT_FILEGROUP,
								 NULL, "C", true),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, NULL, &world_writer_class,
								 VSS_CT_FILEGROUP, NULL, "C", true),
		      E_INVALIDARG);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, &f->instance, &world_writer_class,
								 VSS_CT_FILEGROUP, NULL, "C", true), S_OK);
}

/* SEL-005 SEL-006 SEL-007 SEL-008 BCD-005: the example of Working with Selectability for Backup */
static void selectability(void **state)
{
	struct fixture *f = *state;

	world_set_tree(f->world, true);
	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, "Security", "UserInfo"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(add(f, "writerData/Set1", "Jan"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(add(f, "writerData/QueryLogs", "Query"), VSS_E_OBJECT_NOT_FOUND);
	/* A selectable one by itself, then the one above it */
	assert_result(add(f, "writerData", "Usage"), S_OK);
	assert_result(add(f, "writerData/Usage", "Jan"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(add(f, NULL, "Security"), S_OK);
	assert_result(add(f, "writerDataOld", "Set1"), S_OK);
	assert_false(is_written(f, "Security", "UserInfo"));
	assert_false(is_written(f, NULL, "Executables"));
	begin_set(f);
	/* What the writer does not let anybody leave out came along. */
	assert_true(is_written(f, NULL, "Executables"));
	assert_true(is_written(f, "Executables", "ConfigFiles"));
	assert_false(is_written(f, NULL, "LicenseInfo"));
	assert_false(is_written(f, "Security", "UserInfo"));
	assert_false(is_written(f, "writerData", "Set1"));
}

/* SEL-006 SEL-007: below one that is in, everything is in */
static void implicit_components(void **state)
{
	struct fixture *f = *state;

	world_set_tree(f->world, true);
	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "writerData"), S_OK);
	assert_result(add(f, "writerData", "Usage"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_result(add(f, NULL, "Executables"), S_OK);
	assert_result(vss_backup_components_free_writer_metadata(f->bc), S_OK);
	assert_true(is_written(f, "Executables", "ConfigFiles"));
	assert_false(is_written(f, "writerData", "Usage"));
	begin_set(f);
}

/* No component of a writer in: none is demanded. */
static void nothing_required_of_others(void **state)
{
	struct fixture *f = *state;
	uint32_t count;

	world_set_tree(f->world, true);
	begin_backup(f, VSS_CTX_BACKUP);
	begin_set(f);
	assert_result(vss_backup_components_get_writer_components_count(f->bc, &count), S_OK);
	assert_int_equal(count, 0);
}

/* SEL-023: a component without files, and an empty set */
static void without_files(void **state)
{
	struct fixture *f = *state;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "NOFILES"), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(run_async(f, prepare_for_backup), VSS_S_ASYNC_FINISHED);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
}

/* Whether the backup of a component of a saved document succeeded. */
static bool succeeded(const char *xml, const char *name)
{
	struct vss_backup_document *doc;
	struct vss_component *component;
	bool yes = false;

	assert_result(vss_backup_document_parse(xml, strlen(xml), &doc, NULL), S_OK);
	component = vss_writer_components_find(vss_backup_document_writer(doc, 0), VSS_CT_UNDEFINED, NULL, name);
	assert_non_null(component);
	vss_component_get_backup_succeeded(component, &yes);
	vss_backup_document_free(doc);
	return yes;
}

/*
 * SEL-026 BCD-027: a backup with its list of files.  A component with a file that fails has
 * failed; the document saved after BackupComplete, which is for the restore, has it.
 */
static void a_list_of_files(void **state)
{
	struct fixture *f = *state;
	struct vss_writer_metadata *metadata;
	struct vss_backup_document *doc;
	struct vss_backup_files *files;
	struct vss_backup_file file;
	struct vss_uuid instance;
	char *early, *late;
	int listed = 0;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_get_writer_metadata(f->bc, 0, &instance, &metadata), S_OK);
	assert_result(add(f, NULL, "C"), S_OK);
	assert_result(add(f, NULL, "D"), S_OK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &early), S_OK);

	assert_result(vss_backup_document_parse(early, strlen(early), &doc, NULL), S_OK);
	assert_result(vss_backup_files_new(doc, &files, NULL), S_OK);
	assert_result(vss_backup_files_add_writer(files, metadata), S_OK);
	/* The world's folder is as good as a shadow copy of C's; of D's there is none. */
	assert_result(vss_backup_files_add_volume(files, "/srv/c", NULL, f->dir), S_OK);
	assert_result(vss_backup_files_set_backup_succeeded(files, f->bc), VSS_E_BAD_STATE);
	while (!vss_backup_files_next(files, &file))
		listed += !strncmp(file.path, "/srv/c", 6);
	assert_true(listed > 0);
	assert_result(vss_backup_files_set_backup_succeeded(files, f->bc), S_OK);
	assert_result(run_async(f, backup_complete), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_files_set_backup_succeeded(files, f->bc), VSS_E_BAD_STATE);
	assert_non_null(strstr(vss_backup_files_error(files)->text, "SetBackupSucceeded"));
	vss_backup_files_free(files);
	vss_backup_document_free(doc);
	vss_writer_metadata_free(metadata);

	assert_result(vss_backup_components_save_as_xml(f->bc, &late), S_OK);
	assert_false(succeeded(early, "C"));
	assert_true(succeeded(late, "C"));
	assert_false(succeeded(late, "D"));
	vss_backup_components_release(f->bc);
	f->bc = new_object(f);
	assert_result(vss_backup_components_initialize_for_restore(f->bc, late), S_OK);
	free(early);
	free(late);
}

/* ---- restore ---- */

/* A document with C and D of W, and C of a writer that does not run any more. */
static char *stored_document(struct fixture *f)
{
	struct vss_writer_metadata *metadata;
	struct vss_uuid gone = { 0 };
	char *xml;

	world_set_gone(f->world, true);
	begin_backup(f, VSS_CTX_BACKUP);
	for (uint32_t i = 0; i < 2; i++) {
		struct vss_writer_identity identity = { 0 };
		struct vss_uuid instance;

		assert_result(vss_backup_components_get_writer_metadata(f->bc, i, &instance, &metadata),
			      S_OK);
		assert_result(vss_examine_writer_metadata_get_identity(metadata, &identity), S_OK);
		if (vss_uuid_equal(&identity.writer_id, &world_gone_class))
			gone = instance;
		else
			f->instance = instance;
		vss_writer_identity_clear(&identity);
		vss_writer_metadata_free(metadata);
	}
	assert_result(add(f, NULL, "C"), S_OK);
	assert_result(add(f, NULL, "D"), S_OK);
	assert_result(vss_backup_components_add_component(f->bc, &gone, &world_gone_class, VSS_CT_FILEGROUP,
							  NULL, "C"),
		      S_OK);
	begin_set(f);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	vss_backup_components_release(f->bc);
	world_set_gone(f->world, false);
	world_settle(f->world);
	free(world_take_events(f->world));
	f->bc = new_object(f);
	return xml;
}

#define of(call, name, ...) \
	vss_backup_components_##call(f->bc, &world_writer_class, VSS_CT_FILEGROUP, NULL, name, __VA_ARGS__)

/*
 * RST-001 RST-004 RST-005 RST-006 RST-007 RST-008 RST-009 RST-010 RST-011 RST-012 RST-016
 * RST-021 RST-022 EVT-020 EVT-029 ORD-048 ORD-049 ORD-054
 */
static void a_restore(void **state)
{
	struct fixture *f = *state;
	char *xml = stored_document(f), *events;

	assert_result(vss_backup_components_initialize_for_restore(f->bc, xml), S_OK);
	free(xml);
	assert_result(vss_backup_components_set_restore_state(f->bc, VSS_RTYPE_BY_COPY), S_OK);
	assert_result(vss_backup_components_set_restore_state(f->bc, (enum vss_restore_type)9), E_INVALIDARG);
	assert_result(of(set_selected_for_restore, "C", true), VSS_E_BAD_STATE);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(of(set_selected_for_restore, "NOFILES", true), VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_set_selected_for_restore(f->bc, &world_gone_class,
								     VSS_CT_FILEGROUP, NULL, "C", true),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(add_restore_subcomponent, "C", "C", "sub", false), VSS_E_BAD_STATE);
	assert_result(of(set_selected_for_restore, "C", true), S_OK);
	assert_result(of(add_restore_subcomponent, "C", NULL, "sub", false), E_INVALIDARG);
	assert_result(of(add_restore_subcomponent, "C", "C", NULL, false), E_INVALIDARG);
	assert_result(of(add_restore_subcomponent, "C", "C", "sub", true), E_INVALIDARG);
	assert_result(of(add_restore_subcomponent, "C", "C", "NOSUCH", false), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(add_restore_subcomponent, "C", "D", "sub", false), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(add_restore_subcomponent, "C", "C", "sub", false), S_OK);
	assert_result(of(set_restore_options, "C", "a=b"), S_OK);
	assert_result(of(set_restore_options, "NOFILES", "a=b"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_restore_options, "C", NULL), E_INVALIDARG);
	assert_result(of(set_additional_restores, "C", true), S_OK);
	assert_result(of(set_file_restore_status, "C", VSS_RS_ALL), VSS_E_BAD_STATE);
	assert_result(run_async(f, pre_restore), VSS_S_ASYNC_FINISHED);
	assert_result(of(set_restore_options, "C", "a=b"), VSS_E_BAD_STATE);
	assert_result(of(set_selected_for_restore, "D", true), VSS_E_BAD_STATE);
	assert_result(of(set_file_restore_status, "C", VSS_RS_UNDEFINED), E_INVALIDARG);
	assert_result(of(set_file_restore_status, "C", (enum vss_file_restore_status)4), E_INVALIDARG);
	assert_result(of(set_file_restore_status, "C", VSS_RS_FAILED), S_OK);
	assert_result(of(set_file_restore_status, "C", VSS_RS_NONE), S_OK);
	assert_result(of(set_file_restore_status, "C", VSS_RS_ALL), S_OK);
	assert_result(run_async(f, post_restore), VSS_S_ASYNC_FINISHED);
	events = world_take_events(f->world);
	assert_string_equal(events, "Identify PreRestore PostRestore");
	free(events);
}

/* BCD-006: files are in the writers' documents only. */
static void no_file_sets_in_the_backup_document(void **state)
{
	struct fixture *f = *state;
	struct vss_writer_metadata *metadata;
	char *xml, *written;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_get_writer_metadata(f->bc, 0, &f->instance, &metadata), S_OK);
	assert_result(vss_examine_writer_metadata_save_as_xml(metadata, &written), S_OK);
	assert_non_null(strstr(written, "/srv/c"));
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	assert_non_null(strstr(xml, "componentName=\"C\""));
	assert_null(strstr(xml, "FILE_LIST"));
	assert_null(strstr(xml, "filespec"));
	assert_null(strstr(xml, "/srv/c"));
	free(xml);
	free(written);
	vss_writer_metadata_free(metadata);
}

/*
 * WMD-002 TRN-007: what a requester saves of a writer is the writer's document.  WMD-004: nothing that
 * a requester does to what it was given changes what the writer said.
 */
static void writers_documents_stay(void **state)
{
	struct fixture *f = *state;
	struct vss_writer_metadata *metadata, *again, *stored;
	struct vss_writer_identity identity;
	struct vss_uuid instance;
	char *first, *second;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(vss_backup_components_get_writer_metadata(f->bc, 0, &instance, &metadata), S_OK);
	assert_result(vss_examine_writer_metadata_save_as_xml(metadata, &first), S_OK);
	assert_result(vss_create_vss_examine_writer_metadata(first, strlen(first), &stored, NULL), S_OK);
	assert_result(vss_examine_writer_metadata_get_identity(stored, &identity), S_OK);
	assert_true(vss_uuid_equal(&identity.writer_id, &world_writer_class));
	assert_true(vss_uuid_equal(&identity.instance_id, &instance));
	vss_writer_identity_clear(&identity);
	vss_writer_metadata_free(stored);

	assert_result(vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "INVENTED", NULL,
							       false, false, true, true, 0), S_OK);
	vss_writer_metadata_free(metadata);
	assert_result(add(f, NULL, "INVENTED"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(vss_backup_components_get_writer_metadata(f->bc, 0, &instance, &again), S_OK);
	assert_result(vss_examine_writer_metadata_save_as_xml(again, &second), S_OK);
	assert_string_equal(first, second);
	vss_writer_metadata_free(again);
	free(first);
	free(second);
}

/* RST-029: what was stored says what is restored, not what the writer has today. */
static void stored_documents_count(void **state)
{
	struct fixture *f = *state;
	char *xml = stored_document(f), *c = strstr(xml, "componentName=\"C\"");

	/* In those days the components had other names. */
	for (; c; c = strstr(c, "componentName=\"C\""))
		c[strlen("componentName=\"")] = 'K';
	assert_result(vss_backup_components_initialize_for_restore(f->bc, xml), S_OK);
	free(xml);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(of(set_selected_for_restore, "C", true), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_selected_for_restore, "K", true), S_OK);
}

/* RST-013 RST-014 RST-015 RST-023 RST-024 RST-025 */
static void targets(void **state)
{
	struct fixture *f = *state;
	char *xml = stored_document(f);

	assert_result(vss_backup_components_initialize_for_restore(f->bc, xml), S_OK);
	free(xml);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(of(set_selected_for_restore, "C", true), S_OK);
	assert_result(of(add_new_target, "C", "/srv/c", "*", true, "/srv/new"), S_OK);
	assert_result(of(add_new_target, "C", "/srv/c/sub/", "*", true, "/srv/new"), S_OK);
	assert_result(of(add_new_target, "C", "/srv/d", "*", true, "/srv/new"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(add_new_target, "C", "/srv/c", "*", false, "/srv/new"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(add_new_target, "C", "/srv/c", "sub/*", true, "/srv/new"), E_INVALIDARG);
	assert_result(of(add_new_target, "C", "/srv/c", "*", true, NULL), E_INVALIDARG);
	assert_result(of(add_new_target, "C", NULL, "*", true, "/srv/new"), E_INVALIDARG);
	assert_result(of(add_alternative_location_mapping, "C", "/srv/c", "*", true, "/srv/alternate"), S_OK);
	assert_result(of(add_alternative_location_mapping, "C", "/srv/d", "*", true, "/srv/alternate"),
		      VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_authoritative_restore, "C", true), S_OK);
	assert_result(of(set_restore_name, "C", "copy"), S_OK);
	assert_result(of(set_restore_name, "C", NULL), E_INVALIDARG);
	assert_result(of(set_roll_forward, "C", VSS_RF_ALL, NULL), S_OK);
	assert_result(of(set_roll_forward, "C", VSS_RF_PARTIAL, "2026-01-01"), S_OK);
	assert_result(of(set_roll_forward, "C", VSS_RF_PARTIAL, NULL), E_INVALIDARG);
	assert_result(of(set_roll_forward, "C", VSS_RF_UNDEFINED, NULL), E_INVALIDARG);
	/* W does not move data between its instances. */
	assert_result(of(set_selected_for_restore_ex, "C", true, &world_unknown_id), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_selected_for_restore_ex, "C", true, &f->instance), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_selected_for_restore_ex, "C", true, NULL), S_OK);
	assert_result(of(set_ranges_file_path, "C", 0, "/srv/ranges"), VSS_E_OBJECT_NOT_FOUND);
	assert_result(of(set_ranges_file_path, "C", 0, NULL), E_INVALIDARG);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(logical_paths),
		TEST(arguments),
		TEST(selectability),
		TEST(implicit_components),
		TEST(nothing_required_of_others),
		TEST(without_files),
		TEST(a_list_of_files),
		TEST(no_file_sets_in_the_backup_document),
		TEST(writers_documents_stay),
		TEST(a_restore),
		TEST(stored_documents_count),
		TEST(targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making Writer Metadata Documents: what a writer says is what is examined, and
 * what it must not say is refused.
 */
#include "unit.h"

#include <stdlib.h>
#include <vss/metadata.h>

#include "document-fixture.h"
#include "file-sets.h"
#include "document-walk.h"

#define WRITER		"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c003"
#define INSTANCE	"0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e03"
#define OTHER_WRITER	"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c001"

static char name[] = "Test Writer";

static struct vss_writer_identity identity(void)
{
	return (struct vss_writer_identity) {
		.instance_id = make_uuid(INSTANCE),
		.writer_id = make_uuid(WRITER),
		.writer_name = name,
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_TRANSACTEDDB,
		.major_version = 1,
		.minor_version = 2,
	};
}

static struct vss_writer_metadata *new_document(void)
{
	struct vss_writer_identity id = identity();
	struct vss_writer_metadata *metadata;
	struct vss_error error;

	assert_int_equal(vss_create_writer_metadata(&id, &metadata, &error), S_OK);
	return metadata;
}

static vss_result add_group(struct vss_writer_metadata *metadata, const char *path, const char *component)
{
	return vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, path, component, NULL, false,
							false, true, false, 0);
}

static vss_result add_database(struct vss_writer_metadata *metadata, const char *path, const char *component)
{
	return vss_create_writer_metadata_add_component(metadata, VSS_CT_DATABASE, path, component, "Caption", true,
							true, true, true, VSS_CF_APP_ROLLBACK_RECOVERY);
}

static vss_result add_files(struct vss_writer_metadata *metadata, const char *path, const char *filespec)
{
	return vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "group", path, filespec, false,
								  NULL, 0);
}

/* A failure has its code and a sentence. */
static void refused(const struct vss_writer_metadata *metadata, vss_result result, vss_result expected)
{
	assert_int_equal(result, expected);
	assert_int_equal(vss_writer_metadata_error(metadata)->result, expected);
	assert_true(strlen(vss_writer_metadata_error(metadata)->text) > 10);
}

static char *save(struct vss_writer_metadata *metadata)
{
	char *xml;

	assert_int_equal(vss_examine_writer_metadata_save_as_xml(metadata, &xml), S_OK);
	return xml;
}

/* WMD-001, WMD-019, WMD-020, WMD-022, WMD-023, WMD-028, WMD-036, WMD-037, BCD-011 */
static void writes_the_known_spelling(void **state)
{
	static const char expected[] =
		"<WRITER_METADATA xmlns=\"x-schema:#VssWriterMetadataInfo\" version=\"1.2\">"
		"<IDENTIFICATION writerId=\"" WRITER "\" instanceId=\"" INSTANCE "\" friendlyName=\"Test Writer\""
		" usage=\"USER_DATA\" dataSource=\"TRANSACTION_DB\" majorVersion=\"1\" minorVersion=\"2\"/>"
		"<RESTORE_METHOD method=\"RESTORE_IF_CAN_BE_REPLACED\" writerRestore=\"never\" rebootRequired=\"no\"/>"
		"<BACKUP_LOCATIONS>"
		"<EXCLUDE_FILES path=\"/a\" filespec=\"*.tmp\" recursive=\"no\"/>"
		"<EXCLUDE_FILES_FROM_SNAPSHOT path=\"/b\" filespec=\"*\" recursive=\"yes\"/>"
		"<FILE_GROUP componentName=\"group\" restoreMetadata=\"no\" notifyOnBackupComplete=\"no\""
		" selectable=\"yes\" selectableForRestore=\"no\" componentFlags=\"0\">"
		"<FILE_LIST path=\"/a\" filespec=\"*\" filespecBackupType=\"3855\"/></FILE_GROUP>"
		"<DATABASE logicalPath=\"p\" componentName=\"db\" caption=\"Caption\" restoreMetadata=\"yes\""
		" notifyOnBackupComplete=\"yes\" selectable=\"yes\" selectableForRestore=\"yes\""
		" componentFlags=\"2\"/></BACKUP_LOCATIONS></WRITER_METADATA>";
	struct vss_writer_metadata *metadata = new_document();
	uint32_t schema;
	char *xml;

	(void)state;
	assert_int_equal(add_group(metadata, "", "group"), S_OK);
	assert_int_equal(add_database(metadata, "p", "db"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "*"), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(metadata, "/a", "*.tmp", false), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files_from_snapshot(metadata, "/b", "*", true), S_OK);
	assert_int_equal(vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_RESTORE_IF_CAN_REPLACE, NULL,
								       NULL, VSS_WRE_NEVER, false), S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_backup_schema(metadata, &schema), S_OK);
	assert_int_equal(schema, VSS_BS_UNDEFINED);
	xml = save(metadata);
	assert_string_equal(xml, expected);
	free(xml);
	vss_writer_metadata_free(metadata);
}

/* WMD-005, WMD-016, WMD-034 */
static void gives_back_what_was_said(void **state)
{
	struct vss_writer_metadata *metadata = new_document(), *loaded;
	struct vss_component_info info;
	struct vss_wm_component *component;
	struct vss_wm_dependency dependency;
	struct vss_writer_identity id;
	struct vss_restore_method method;
	struct vss_wm_filedesc file;
	struct vss_uuid other = make_uuid(OTHER_WRITER);
	struct walk first, second;
	char *xml;

	(void)state;
	assert_int_equal(add_database(metadata, "a/b", "db <&\"'>\n"), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_files(metadata, "a/b", "db <&\"'>\n", "/data", "*.d",
								       VSS_FSBT_FULL_BACKUP_REQUIRED), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_log_files(metadata, "a/b", "db <&\"'>\n", "%LOG%",
									   "*.log", VSS_FSBT_LOG_BACKUP_REQUIRED), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_component_dependency(metadata, "a/b", "db <&\"'>\n", &other,
									     "x", "y"), S_OK);
	assert_int_equal(vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_STOP_RESTORE_START, "svc",
								       "read me", VSS_WRE_ALWAYS, true), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/data", "*.d", false,
										   "/alt"), S_OK);
	assert_int_equal(vss_create_writer_metadata_set_backup_schema(metadata, VSS_BS_DIFFERENTIAL |
								      VSS_BS_TIMESTAMPED), S_OK);
	xml = save(metadata);
	assert_int_equal(vss_create_vss_examine_writer_metadata(xml, strlen(xml), &loaded, NULL), S_OK);
	free(xml);
	first = walk_writer_metadata(metadata);
	second = walk_writer_metadata(loaded);
	assert_memory_equal(&first, &second, sizeof(first));

	assert_int_equal(vss_examine_writer_metadata_get_identity(loaded, &id), S_OK);
	assert_string_equal(id.writer_name, "Test Writer");
	assert_null(id.instance_name);
	assert_int_equal(id.usage, VSS_UT_USERDATA);
	assert_int_equal(id.source, VSS_ST_TRANSACTEDDB);
	vss_writer_identity_clear(&id);
	assert_int_equal(vss_examine_writer_metadata_find_component(loaded, "a/b", "db <&\"'>\n", &component), S_OK);
	assert_int_equal(vss_wm_component_get_component_info(component, &info), S_OK);
	assert_int_equal(info.type, VSS_CT_DATABASE);
	assert_string_equal(info.component_name, "db <&\"'>\n");
	assert_string_equal(info.logical_path, "a/b");
	assert_int_equal(info.component_flags, VSS_CF_APP_ROLLBACK_RECOVERY);
	assert_int_equal(info.databases, 1);
	assert_int_equal(info.log_files, 1);
	assert_int_equal(info.dependencies, 1);
	vss_component_info_clear(&info);
	assert_int_equal(vss_wm_component_get_database_log_file(component, 0, &file), S_OK);
	assert_string_equal(file.path, "%LOG%");
	assert_int_equal(file.backup_type_mask, VSS_FSBT_LOG_BACKUP_REQUIRED);
	vss_wm_filedesc_clear(&file);
	assert_int_equal(vss_wm_component_get_dependency(component, 0, &dependency), S_OK);
	assert_true(vss_uuid_equal(&dependency.writer_id, &other));
	assert_string_equal(dependency.logical_path, "x");
	vss_wm_dependency_clear(&dependency);
	assert_int_equal(vss_examine_writer_metadata_get_restore_method(loaded, &method), S_OK);
	assert_int_equal(method.method, VSS_RME_STOP_RESTORE_START);
	assert_string_equal(method.service, "svc");
	assert_string_equal(method.user_procedure, "read me");
	assert_int_equal(method.writer_restore, VSS_WRE_ALWAYS);
	assert_true(method.reboot_required);
	assert_int_equal(method.mappings, 1);
	vss_restore_method_clear(&method);
	assert_int_equal(vss_examine_writer_metadata_get_alternate_location_mapping(loaded, 0, &file), S_OK);
	assert_string_equal(file.alternate_location, "/alt");
	vss_wm_filedesc_clear(&file);
	vss_writer_metadata_free(metadata);
	vss_writer_metadata_free(loaded);
}

static void needs_an_identity(void **state)
{
	struct vss_writer_metadata *metadata = NULL;
	struct vss_error error;
	static char control[] = "a\001b", latin1[] = "gr\xfc\xdf";

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct vss_writer_identity id = identity();

		switch (i) {
		case 0:
			id.writer_name = NULL;
			break;
		case 1:
			id.writer_name = control + 3;
			break;
		case 2:
			id.writer_name = control;
			break;
		case 3:
			id.instance_name = latin1;
			break;
		case 4:
			memset(&id.writer_id, 0, sizeof(id.writer_id));
			break;
		case 5:
			memset(&id.instance_id, 0, sizeof(id.instance_id));
			break;
		case 6:
			id.usage = VSS_UT_UNDEFINED;
			break;
		case 7:
			id.source = VSS_ST_UNDEFINED;
			break;
		}
		assert_int_equal(vss_create_writer_metadata(&id, &metadata, &error), E_INVALIDARG);
		assert_true(error.text[0]);
		assert_null(metadata);
	}
}

/* WMD-011, WMD-012, WMD-034 */
static void components_have_rules(void **state)
{
	struct vss_writer_metadata *metadata = new_document();

	(void)state;
	refused(metadata, add_group(metadata, NULL, "a/b"), E_INVALIDARG);
	refused(metadata, add_group(metadata, NULL, ""), E_INVALIDARG);
	refused(metadata, add_group(metadata, NULL, NULL), E_INVALIDARG);
	refused(metadata, add_group(metadata, "\xff", "x"), E_INVALIDARG);
	assert_int_equal(add_group(metadata, NULL, "x"), S_OK);
	refused(metadata, add_group(metadata, NULL, "x"), VSS_E_OBJECT_ALREADY_EXISTS);
	refused(metadata, add_group(metadata, "", "x"), VSS_E_OBJECT_ALREADY_EXISTS);
	refused(metadata, add_database(metadata, NULL, "x"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(add_group(metadata, "p", "x"), S_OK);
	assert_int_equal(add_group(metadata, NULL, "X"), S_OK);
	assert_int_equal(add_group(metadata, NULL, "a\\b"), S_OK);
	refused(metadata, vss_create_writer_metadata_add_component(metadata, VSS_CT_UNDEFINED, NULL, "y", NULL, false,
								   false, false, false, 0), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "y", NULL, false,
								   false, false, false, 0x10), E_INVALIDARG);
	vss_writer_metadata_free(metadata);
}

/* WMD-013, WMD-014, WMD-015, WMD-017, WMD-018, WMD-019, WMD-021 */
static void file_sets_have_rules(void **state)
{
	struct vss_writer_metadata *metadata = new_document();

	(void)state;
	refused(metadata, add_files(metadata, "/a", "*"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	assert_int_equal(add_database(metadata, NULL, "db"), S_OK);
	assert_int_equal(add_files(metadata, "%HOME%/a b", "*.?"), S_OK);
	refused(metadata, add_files(metadata, "/a*", "x"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a?", "x"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "", "x"), E_INVALIDARG);
	refused(metadata, add_files(metadata, NULL, "x"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a", "b/c"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a", ""), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a", NULL), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a", "\x01"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "%HOME%/a b", "*.?"), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "db", "/a", "*", false,
									     NULL, 0), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "group", "/a", "*", false,
									     "/alt*", 0), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "group", "/a", "*", false,
									     NULL, 0x1000), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_database_files(metadata, NULL, "group", "/a", "*", 0),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_database_log_files(metadata, NULL, "group", "/a", "*", 0),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_database_files(metadata, "p", "db", "/a", "*", 0),
		VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_create_writer_metadata_add_database_files(metadata, NULL, "db", "/a", "*", 0), S_OK);
	refused(metadata, vss_create_writer_metadata_add_database_log_files(metadata, NULL, "db", "/a", "*", 0),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_exclude_files(metadata, "/*", "x", false), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_exclude_files_from_snapshot(metadata, "/", "x/y", false),
		E_INVALIDARG);
	vss_writer_metadata_free(metadata);
}

static vss_result add_tree(struct vss_writer_metadata *metadata, const char *path, const char *filespec)
{
	return vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "group", path, filespec, true, NULL,
								  0);
}

/* WMD-021: no file can be in two sets of one component. */
static void file_sets_do_not_overlap(void **state)
{
	struct vss_writer_metadata *metadata = new_document(), *loaded;
	char *xml;

	(void)state;
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "*.db"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "*.log"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "one"), S_OK);
	refused(metadata, add_files(metadata, "/a", "*"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "/a/", "o?e"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "//a", "x*"), E_INVALIDARG);
	refused(metadata, add_files(metadata, "\\a", "x.db"), E_INVALIDARG);
	assert_int_equal(add_files(metadata, "/a", "*.db?"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "two"), S_OK);
	/* Below and above count when one is recursive. */
	assert_int_equal(add_files(metadata, "/a/b/c", "*.db"), S_OK);
	refused(metadata, add_tree(metadata, "/a/b", "1*"), E_INVALIDARG);
	assert_int_equal(add_tree(metadata, "/a/b", "*.x"), S_OK);
	refused(metadata, add_files(metadata, "/a/b/c/d", "1.x"), E_INVALIDARG);
	refused(metadata, add_tree(metadata, "/", "*"), E_INVALIDARG);
	assert_int_equal(add_files(metadata, "/a/bb/c", "1.x"), S_OK);
	assert_int_equal(add_files(metadata, "/A", "*"), S_OK);
	/* Other components have file sets of their own. */
	assert_int_equal(add_group(metadata, "other", "group"), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_files_to_file_group(metadata, "other", "group", "/", "*", true,
									    NULL, 0), S_OK);
	/* Those of a document that was loaded count too, but one with an overlap can be read. */
	xml = save(metadata);
	assert_int_equal(vss_create_vss_examine_writer_metadata(xml, strlen(xml), &loaded, NULL), S_OK);
	refused(loaded, add_files(loaded, "/a/b/c/d", "1.x"), E_INVALIDARG);
	assert_int_equal(add_files(loaded, "/a", "three"), S_OK);
	vss_writer_metadata_free(loaded);
	free(xml);
	vss_writer_metadata_free(metadata);
}

static void wildcards_meet(void **state)
{
	static const struct {
		const char *a, *b;
		int meet;
	} pairs[] = {
		{ "a", "a", 1 }, { "a", "b", 0 }, { "*", "", 1 }, { "*", "a", 1 }, { "?", "a", 1 }, { "?", "", 0 },
		{ "??", "a", 0 }, { "a*", "*b", 1 }, { "a*b", "b*a", 0 }, { "*a*", "*b*", 1 }, { "a?c", "abc", 1 },
		{ "a?c", "ac", 0 }, { "*.db", "*.db?", 0 }, { "*x?", "?yz", 0 }, { "*y?", "?yz", 1 },
		{ "**", "?", 1 }, { "a**c", "a?c", 1 }, { "?", "\xc3\xa9", 1 }, { "??", "\xc3\xa9", 0 },
		{ "*\xc3\xa9", "\xc3\xa9*", 1 }, { "\xc3\xa9?", "?\xc3\xa8", 1 },
		{ "", "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		print_message("%s, %s\n", pairs[i].a, pairs[i].b);
		assert_int_equal(vss_wildcards_meet(pairs[i].a, pairs[i].b), pairs[i].meet);
		assert_int_equal(vss_wildcards_meet(pairs[i].b, pairs[i].a), pairs[i].meet);
	}
}

/* WMD-008: for the whole writer; a document with two is none. */
static void one_restore_method(struct vss_writer_metadata *metadata)
{
	static const char element[] = "<RESTORE_METHOD method=\"CUSTOM\" writerRestore=\"never\" rebootRequired=\"no\"/>";
	char *xml = save(metadata), *first = strstr(xml, "<RESTORE_METHOD"), *two;
	struct vss_writer_metadata *loaded;

	assert_non_null(first);
	assert_null(strstr(first + 1, "<RESTORE_METHOD"));
	assert_true(asprintf(&two, "%.*s%s%s", (int)(first - xml), xml, element, first) > 0);
	assert_int_equal(vss_create_vss_examine_writer_metadata(two, strlen(two), &loaded, NULL),
			 VSS_E_INVALID_XML_DOCUMENT);
	free(two);
	free(xml);
}

/* WMD-007 to WMD-010, WMD-024, WMD-025 */
static void restore_methods_have_rules(void **state)
{
	struct vss_writer_metadata *metadata = new_document();
	struct vss_restore_method method;

	(void)state;
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	assert_int_equal(add_files(metadata, "/a", "*"), S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_restore_method(metadata, &method), S_FALSE);
	assert_int_equal(method.method, VSS_RME_UNDEFINED);
	refused(metadata, vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/a", "*", false, "/b"),
		VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_UNDEFINED, NULL, NULL,
									VSS_WRE_NEVER, false), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_CUSTOM, NULL, NULL,
									VSS_WRE_UNDEFINED, false), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_STOP_RESTORE_START, NULL, NULL,
									VSS_WRE_NEVER, false), E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_RESTORE_STOP_START, "", NULL,
									VSS_WRE_NEVER, false), E_INVALIDARG);
	assert_int_equal(vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_RESTORE_STOP_START, "svc",
								       NULL, VSS_WRE_NEVER, false), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/a", "*", false, "/b"),
			 S_OK);
	refused(metadata, vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/a", "*", true, "/b"),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/c", "*", false, "/b"),
		E_INVALIDARG);
	/* The second method replaces the first. */
	assert_int_equal(vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_CUSTOM, NULL, "by hand",
								       VSS_WRE_IF_REPLACE_FAILS, true), S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_restore_method(metadata, &method), S_OK);
	assert_int_equal(method.method, VSS_RME_CUSTOM);
	assert_null(method.service);
	assert_string_equal(method.user_procedure, "by hand");
	assert_int_equal(method.writer_restore, VSS_WRE_IF_REPLACE_FAILS);
	assert_int_equal(method.mappings, 1);
	vss_restore_method_clear(&method);
	one_restore_method(metadata);
	vss_writer_metadata_free(metadata);
}

/* WMD-026, WMD-027, WMD-028, WMD-029 */
static void dependencies_and_schemas_have_rules(void **state)
{
	struct vss_writer_metadata *metadata = new_document();
	struct vss_uuid own = make_uuid(WRITER), other = make_uuid(OTHER_WRITER), null = { 0 };
	static const uint32_t bad[] = {
		VSS_BS_EXCLUSIVE_INCREMENTAL_DIFFERENTIAL, VSS_BS_TIMESTAMPED, VSS_BS_LAST_MODIFY | VSS_BS_COPY,
		0x800, 0x10000,
	};
	uint32_t schema;
	char *xml;

	(void)state;
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	refused(metadata, vss_create_writer_metadata_add_component_dependency(metadata, NULL, "none", &other, NULL, "x"),
		VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_create_writer_metadata_add_component_dependency(metadata, NULL, "group", &own, NULL, "x"),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_component_dependency(metadata, NULL, "group", &null, NULL, "x"),
		E_INVALIDARG);
	refused(metadata, vss_create_writer_metadata_add_component_dependency(metadata, NULL, "group", &other, NULL, ""),
		E_INVALIDARG);
	assert_int_equal(vss_create_writer_metadata_add_component_dependency(metadata, NULL, "group", &other, NULL,
									     "x"), S_OK);
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(metadata, vss_create_writer_metadata_set_backup_schema(metadata, bad[i]), E_INVALIDARG);
	assert_int_equal(vss_create_writer_metadata_set_backup_schema(metadata, 881), S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_backup_schema(metadata, &schema), S_OK);
	assert_int_equal(schema, 881);
	xml = save(metadata);
	assert_non_null(strstr(xml, " backupSchema=\"881\""));
	free(xml);
	assert_int_equal(vss_create_writer_metadata_set_backup_schema(metadata, VSS_BS_UNDEFINED), S_OK);
	xml = save(metadata);
	assert_null(strstr(xml, "backupSchema"));
	free(xml);
	vss_writer_metadata_free(metadata);
}

/* WMD-003, WMD-035 */
static void indices_end_and_loading_replaces(void **state)
{
	struct vss_writer_metadata *metadata = new_document();
	struct vss_wm_component *component;
	struct vss_wm_filedesc file;
	struct vss_wm_dependency dependency;
	char *xml;

	(void)state;
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_component(metadata, 0, &component), S_OK);
	refused(metadata, vss_examine_writer_metadata_get_component(metadata, 1, &component), VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_examine_writer_metadata_get_component(metadata, UINT32_MAX, &component),
		VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_wm_component_get_file(component, 0, &file), VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_wm_component_get_dependency(component, 0, &dependency), VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_examine_writer_metadata_get_exclude_file(metadata, 0, &file), VSS_E_OBJECT_NOT_FOUND);
	refused(metadata, vss_examine_writer_metadata_find_component(metadata, NULL, NULL, &component),
		VSS_E_OBJECT_NOT_FOUND);
	/* A failed load leaves what is there. */
	refused(metadata, vss_examine_writer_metadata_load_from_xml(metadata, "<x/>", 4), VSS_E_INVALID_XML_DOCUMENT);
	assert_int_equal(vss_examine_writer_metadata_find_component(metadata, NULL, "group", &component), S_OK);
	assert_int_equal(add_group(metadata, NULL, "second"), S_OK);
	xml = save(metadata);
	vss_writer_metadata_free(metadata);
	metadata = new_document();
	assert_int_equal(vss_examine_writer_metadata_load_from_xml(metadata, xml, strlen(xml)), S_OK);
	assert_int_equal(vss_examine_writer_metadata_find_component(metadata, "", "second", &component), S_OK);
	refused(metadata, vss_wm_component_get_file(component, 0, &file), VSS_E_OBJECT_NOT_FOUND);
	/* What was loaded can be added to. */
	assert_int_equal(add_files(metadata, "/a", "*"), S_OK);
	free(xml);
	vss_writer_metadata_free(metadata);
}

/* WMD-021: thousands of file sets are added, loaded, read and saved in time. */
static void large_documents_are_quick(void **state)
{
	struct vss_writer_metadata *metadata = new_document(), *loaded;
	double start, load = 1e9, walk = 1e9;
	struct walk first, second;
	char path[96];
	size_t size;
	char *xml;

	(void)state;
	assert_int_equal(add_group(metadata, NULL, "group"), S_OK);
	start = milliseconds();
	for (int i = 0; i < 18000; i++) {
		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/directory-%d/further-down", i);
		assert_int_equal(add_files(metadata, path, "*.so.1"), S_OK);
	}
	assert_true(milliseconds() - start < 5000);
	first = walk_writer_metadata(metadata);
	xml = save(metadata);
	size = strlen(xml);
	assert_true(size > 2 << 20);
	for (int i = 0; i < 3; i++) {
		double took;

		start = milliseconds();
		assert_int_equal(vss_create_vss_examine_writer_metadata(xml, size, &loaded, NULL), S_OK);
		took = milliseconds() - start;
		load = took < load ? took : load;
		start = milliseconds();
		second = walk_writer_metadata(loaded);
		took = milliseconds() - start;
		walk = took < walk ? took : walk;
		assert_memory_equal(&first, &second, sizeof(first));
		vss_writer_metadata_free(loaded);
	}
	print_message("%zu bytes: loaded in %.1f ms, read in %.1f ms, with sanitizers\n", size, load, walk);
	/* The library promises 100 ms; sanitizers make it several times that. */
	assert_true(load < 500);
	assert_true(walk < 500);
	free(xml);
	vss_writer_metadata_free(metadata);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_known_spelling),
		cmocka_unit_test(gives_back_what_was_said),
		cmocka_unit_test(needs_an_identity),
		cmocka_unit_test(components_have_rules),
		cmocka_unit_test(file_sets_have_rules),
		cmocka_unit_test(file_sets_do_not_overlap),
		cmocka_unit_test(wildcards_meet),
		cmocka_unit_test(restore_methods_have_rules),
		cmocka_unit_test(dependencies_and_schemas_have_rules),
		cmocka_unit_test(indices_end_and_loading_replaces),
		cmocka_unit_test(large_documents_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

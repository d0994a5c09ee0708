// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Backup Components Document: what requesters and writers put into it comes
 * out again, writers' parts go out and come back, transportable sets.
 */
#include "unit.h"

#include <stdlib.h>

#include "backup-document.h"
#include "document-fixture.h"
#include "document-walk.h"

#define INSTANCE	"0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e03"
#define WRITER		"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c003"
#define SET		"5f0c1d9e-7a52-4a0b-9b57-3f3c2a0e6b14"

static struct vss_backup_document *new_document(void)
{
	struct vss_backup_document *doc;

	assert_int_equal(vss_backup_document_new(&doc, NULL), S_OK);
	return doc;
}

static struct vss_component *add(struct vss_backup_document *doc, const char *path, const char *name)
{
	struct vss_uuid instance = make_uuid(INSTANCE), writer = make_uuid(WRITER);
	struct vss_component *component;

	assert_int_equal(vss_backup_document_add_component(doc, &instance, &writer, "main", 881, VSS_CT_DATABASE, path,
							   name, NULL, &component), S_OK);
	return component;
}

static struct vss_backup_document *reload(struct vss_backup_document *doc)
{
	struct vss_backup_document *again;
	char *xml;

	assert_int_equal(vss_backup_document_save(doc, &xml, NULL), S_OK);
	assert_int_equal(vss_backup_document_parse(xml, strlen(xml), &again, NULL), S_OK);
	free(xml);
	return again;
}

static void same(struct vss_backup_document *a, struct vss_backup_document *b)
{
	struct walk first = walk_backup_document(a), second = walk_backup_document(b);

	assert_memory_equal(&first, &second, sizeof(first));
}

/* BCD-001, BCD-004, BCD-005 to BCD-013, BCD-018, BCD-025, BCD-028 */
static void writes_the_known_spelling(void **state)
{
	static const char expected[] =
		"<BACKUP_COMPONENTS xmlns=\"x-schema:#VssComponentMetadata\" version=\"1.2\""
		" bootableSystemStateBackup=\"yes\" selectComponents=\"yes\" backupType=\"full\""
		" partialFileSupport=\"no\" snapshotSetId=\"" SET "\"><WRITER_COMPONENTS"
		" instanceId=\"" INSTANCE "\" writerId=\"" WRITER "\" instanceName=\"main\" backupSchema=\"881\">"
		"<COMPONENT componentName=\"a &amp; b\" componentType=\"database\" logicalPath=\"p/q\"/>"
		"<COMPONENT componentName=\"c\" componentType=\"database\"/></WRITER_COMPONENTS></BACKUP_COMPONENTS>";
	struct vss_backup_state backup = { .select_components = true, .bootable_system_state = true,
					   .backup_type = VSS_BT_FULL };
	struct vss_backup_document *doc = new_document(), *again;
	struct vss_uuid set = make_uuid(SET), found;
	char *xml;

	(void)state;
	assert_int_equal(vss_backup_document_writer_count(doc), 0);
	assert_false(vss_backup_document_get_set_id(doc, &found));
	assert_int_equal(vss_backup_document_set_backup_state(doc, &backup), S_OK);
	add(doc, "p/q", "a & b");
	add(doc, NULL, "c");
	assert_int_equal(vss_backup_document_set_set_id(doc, &set), S_OK);
	assert_int_equal(vss_backup_document_writer_count(doc), 1);
	assert_int_equal(vss_backup_document_save(doc, &xml, NULL), S_OK);
	assert_string_equal(xml, expected);
	free(xml);
	again = reload(doc);
	same(doc, again);
	assert_true(vss_backup_document_get_set_id(again, &found));
	assert_true(vss_uuid_equal(&set, &found));
	vss_backup_document_free(doc);
	vss_backup_document_free(again);
}

/* BCD-008 */
static void keeps_its_states(void **state)
{
	struct vss_backup_document *doc = new_document();

	(void)state;
	for (int type = VSS_BT_UNDEFINED; type <= VSS_BT_OTHER; type++) {
		struct vss_backup_state in = { .backup_type = (enum vss_backup_type)type, .partial_file_support = true };
		struct vss_backup_document *again;
		struct vss_backup_state out;

		assert_int_equal(vss_backup_document_set_backup_state(doc, &in), S_OK);
		again = reload(doc);
		vss_backup_document_get_backup_state(again, &out);
		assert_int_equal(out.backup_type, type);
		assert_true(out.partial_file_support);
		vss_backup_document_free(again);
	}
	for (int type = VSS_RTYPE_UNDEFINED; type <= VSS_RTYPE_OTHER; type++) {
		struct vss_backup_document *again;

		assert_int_equal(vss_backup_document_set_restore_state(doc, (enum vss_restore_type)type), S_OK);
		again = reload(doc);
		assert_int_equal(vss_backup_document_get_restore_state(again), type);
		vss_backup_document_free(again);
	}
	assert_int_equal(vss_backup_document_set_backup_state(doc, &(struct vss_backup_state) { .backup_type = 99 }),
			 E_INVALIDARG);
	assert_int_equal(vss_backup_document_set_restore_state(doc, (enum vss_restore_type)99), E_INVALIDARG);
	vss_backup_document_free(doc);
}

/* BCD-007, BCD-012, BCD-029, BCD-030 */
static void finds_and_refuses_components(void **state)
{
	struct vss_uuid instance = make_uuid(INSTANCE), writer = make_uuid(WRITER), set = make_uuid(SET);
	struct vss_backup_document *doc = new_document();
	struct vss_component *component = add(doc, "p", "c"), *other;
	struct vss_writer_components *writers = vss_backup_document_find_writer(doc, &instance, NULL);

	(void)state;
	assert_ptr_equal(vss_backup_document_find_writer(doc, NULL, &writer), writers);
	assert_null(vss_backup_document_find_writer(doc, &set, NULL));
	assert_null(vss_backup_document_find_writer(doc, NULL, &set));
	assert_ptr_equal(vss_writer_components_find(writers, VSS_CT_UNDEFINED, "p", "c"), component);
	assert_ptr_equal(vss_writer_components_find(writers, VSS_CT_DATABASE, "p", "c"), component);
	assert_null(vss_writer_components_find(writers, VSS_CT_FILEGROUP, "p", "c"));
	assert_null(vss_writer_components_find(writers, VSS_CT_UNDEFINED, NULL, "c"));
	assert_null(vss_writer_components_find(writers, VSS_CT_UNDEFINED, "p", NULL));
	assert_int_equal(vss_backup_document_add_component(doc, &instance, &writer, NULL, 0, VSS_CT_FILEGROUP, "p", "c",
							   NULL, &other), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(vss_backup_document_add_component(doc, &instance, &set, NULL, 0, VSS_CT_FILEGROUP, "p", "d",
							   NULL, &other), E_INVALIDARG);
	assert_int_equal(vss_backup_document_add_component(doc, &set, &writer, NULL, 0, VSS_CT_UNDEFINED, "p", "d",
							   NULL, &other), E_INVALIDARG);
	assert_int_equal(vss_backup_document_add_component(doc, &set, &writer, NULL, 0, VSS_CT_DATABASE, "p", "",
							   NULL, &other), E_INVALIDARG);
	assert_int_equal(vss_backup_document_add_component(doc, &set, &writer, NULL, 0, VSS_CT_DATABASE, "p", "\xc3\x28",
							   NULL, &other), E_INVALIDARG);
	assert_true(vss_backup_document_error(doc)->text[0]);
	assert_int_equal(vss_backup_document_writer_count(doc), 1);
	assert_int_equal(vss_writer_components_get_component(writers, 0, &other), S_OK);
	assert_int_equal(vss_writer_components_get_component(writers, 1, &other), VSS_E_OBJECT_NOT_FOUND);
	assert_null(vss_backup_document_writer(doc, 1));
	vss_backup_document_free(doc);
}

/* BCD-014 to BCD-017, BCD-031 to BCD-033, RST-018, STA-017 */
static void requesters_values_come_back(void **state)
{
	struct vss_backup_document *doc = new_document(), *again;
	struct vss_uuid instance = make_uuid(INSTANCE);
	struct vss_component *c = add(doc, "p", "c");
	enum vss_rollforward_type roll;
	enum vss_file_restore_status status;
	bool yes;
	char *text, *text2;

	(void)state;
	assert_int_equal(vss_component_get_backup_options(c, &text), S_FALSE);
	assert_null(text);
	assert_int_equal(vss_component_set_backup_succeeded(c, true), S_OK);
	assert_int_equal(vss_component_set_backup_options(c, "<o>\t\"&'\r\n"), S_OK);
	assert_int_equal(vss_component_set_previous_backup_stamp(c, ""), S_OK);
	assert_int_equal(vss_component_set_selected_for_restore(c, true, &instance), S_OK);
	assert_int_equal(vss_component_set_additional_restores(c, true), S_OK);
	assert_int_equal(vss_component_set_restore_options(c, "r"), S_OK);
	assert_int_equal(vss_component_set_restore_name(c, "n"), S_OK);
	assert_int_equal(vss_component_set_authoritative_restore(c, true), S_OK);
	assert_int_equal(vss_component_set_roll_forward(c, VSS_RF_PARTIAL, NULL), E_INVALIDARG);
	assert_int_equal(vss_component_set_roll_forward(c, VSS_RF_UNDEFINED, NULL), E_INVALIDARG);
	assert_int_equal(vss_component_set_roll_forward(c, VSS_RF_PARTIAL, "here"), S_OK);
	assert_int_equal(vss_component_set_file_restore_status(c, VSS_RS_UNDEFINED), E_INVALIDARG);
	assert_int_equal(vss_component_set_file_restore_status(c, VSS_RS_FAILED), S_OK);
	assert_int_equal(vss_component_add_restore_subcomponent(c, "p/c", "d"), S_OK);
	assert_int_equal(vss_component_add_restore_subcomponent(c, "p/c", ""), E_INVALIDARG);
	assert_int_equal(vss_component_add_new_target(c, "C:\\data", "*", true, "/new"), S_OK);
	assert_int_equal(vss_component_add_new_target(c, "/data", "a/b", true, "/new"), E_INVALIDARG);
	assert_int_equal(vss_component_add_alternate_location_mapping(c, "/data", "*", false, "/alt"), S_OK);
	assert_int_equal(vss_component_set_backup_options(c, NULL), E_INVALIDARG);
	assert_int_equal(vss_component_set_backup_options(c, "\x02"), E_INVALIDARG);
	assert_int_equal(vss_component_set_ranges_file_path(c, 0, "/ranges"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_component_add_partial_file(c, "/data", "f", "0:1", NULL), S_OK);
	assert_int_equal(vss_component_set_ranges_file_path(c, 0, "/ranges"), S_OK);

	again = reload(doc);
	same(doc, again);
	assert_int_equal(vss_writer_components_get_component(vss_backup_document_writer(again, 0), 0, &c), S_OK);
	assert_int_equal(vss_component_get_backup_options(c, &text), S_OK);
	assert_string_equal(text, "<o>\t\"&'\r\n");
	free(text);
	assert_int_equal(vss_component_get_previous_backup_stamp(c, &text), S_OK);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(vss_component_get_backup_succeeded(c, &yes), S_OK);
	assert_true(yes);
	assert_int_equal(vss_component_is_selected_for_restore(c, &yes), S_OK);
	assert_true(yes);
	assert_int_equal(vss_component_get_roll_forward(c, &roll, &text), S_OK);
	assert_int_equal(roll, VSS_RF_PARTIAL);
	assert_string_equal(text, "here");
	free(text);
	assert_int_equal(vss_component_get_file_restore_status(c, &status), S_OK);
	assert_int_equal(status, VSS_RS_FAILED);
	assert_int_equal(vss_component_get_restore_subcomponent(c, 0, &text, &text2), S_OK);
	assert_string_equal(text, "p/c");
	assert_string_equal(text2, "d");
	free(text);
	free(text2);
	{
		struct vss_partial_file partial;

		assert_int_equal(vss_component_get_partial_file(c, 0, &partial), S_OK);
		assert_string_equal(partial.ranges, "File=/ranges");
		vss_partial_file_clear(&partial);
	}
	vss_backup_document_free(doc);
	vss_backup_document_free(again);
}

static struct vss_writer_components *part_of(struct vss_backup_document *doc, enum vss_part_access access)
{
	struct vss_uuid instance = make_uuid(INSTANCE);
	struct vss_writer_components *part;
	struct vss_error error;
	char *xml;

	assert_int_equal(vss_backup_document_get_part(doc, &instance, &xml, NULL), S_OK);
	assert_int_equal(vss_writer_part_parse(xml, strlen(xml), access, &part, &error), S_OK);
	free(xml);
	return part;
}

static struct vss_component *first_of(struct vss_writer_components *part)
{
	struct vss_component *component;

	assert_int_equal(vss_writer_components_get_component(part, 0, &component), S_OK);
	return component;
}

static vss_result give_back(struct vss_backup_document *doc, struct vss_writer_components *part)
{
	struct vss_uuid instance = make_uuid(INSTANCE);
	struct vss_error error;
	vss_result result;
	char *xml;

	assert_int_equal(vss_writer_part_save(part, &xml, NULL), S_OK);
	result = vss_backup_document_put_part(doc, &instance, xml, strlen(xml), &error);
	assert_true(!result || error.text[0]);
	free(xml);
	vss_writer_part_free(part);
	return result;
}

/* BCD-014 to BCD-017, BCD-019, BCD-033 to BCD-035, STA-017 */
static void writers_values_come_back(void **state)
{
	static const char opaque[] = " \t\r\n<metadata a=\"b\">&amp;]]> \xe2\x82\xac \xf0\x9f\x92\xbe ";
	struct vss_backup_document *doc = new_document(), *again;
	struct vss_component *held = add(doc, "p", "c"), *c;
	struct vss_writer_components *part;
	struct vss_differenced_file file;
	vss_result failure, code;
	char *text;

	(void)state;
	part = part_of(doc, VSS_PART_BACKUP);
	c = first_of(part);
	assert_int_equal(vss_component_set_backup_stamp(c, "stamp"), S_OK);
	assert_int_equal(vss_component_set_backup_metadata(c, opaque), S_OK);
	/* BCD-015 */
	assert_int_equal(vss_component_set_backup_metadata(c, "again"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(vss_component_error(c)->result, VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(vss_component_add_partial_file(c, "/d", "f", "0:1,4:2", "m"), S_OK);
	assert_int_equal(vss_component_add_partial_file(c, "/d*", "f", NULL, NULL), E_INVALIDARG);
	assert_int_equal(vss_component_add_differenced_files_by_last_modify_time(c, "/d", "*", true,
										 UINT64_C(1763700000123456789)), S_OK);
	assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_POST_SNAPSHOT, "one"), S_OK);
	assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_POST_SNAPSHOT, "two"), S_OK);
	assert_int_equal(vss_component_set_failure(c, E_FAIL, 0, NULL), E_INVALIDARG);
	assert_int_equal(vss_component_set_failure(c, VSS_E_WRITERERROR_RETRYABLE, 42, "later"), S_OK);
	assert_int_equal(give_back(doc, part), S_OK);
	again = reload(doc);
	same(doc, again);
	vss_backup_document_free(again);

	/* A handle from before still stands for the component. */
	assert_int_equal(vss_component_get_backup_metadata(held, &text), S_OK);
	assert_string_equal(text, opaque);
	free(text);
	assert_int_equal(vss_component_get_backup_stamp(held, &text), S_OK);
	assert_string_equal(text, "stamp");
	free(text);
	assert_int_equal(vss_component_get_failure_msg(held, VSS_FAILURE_POST_SNAPSHOT, &text), S_OK);
	assert_string_equal(text, "two");
	free(text);
	assert_int_equal(vss_component_get_failure_msg(held, VSS_FAILURE_PRE_RESTORE, &text), S_FALSE);
	assert_int_equal(vss_component_get_failure(held, &failure, &code, &text), S_OK);
	assert_int_equal(failure, VSS_E_WRITERERROR_RETRYABLE);
	assert_int_equal(code, 42);
	free(text);
	assert_int_equal(vss_component_get_differenced_file(held, 0, &file), S_OK);
	assert_true(file.last_modify_time == UINT64_C(1763700000123456789));
	assert_true(file.recursive);
	assert_null(file.lsn);
	vss_differenced_file_clear(&file);
	vss_backup_document_free(doc);
}

/* BCD-016, BCD-032, RST-018, RST-019, RST-020 */
static void restores_have_their_own_setters(void **state)
{
	char path[] = "/s", other[] = "/d", name[] = "f", wild[] = "*", ranges[] = "0:1";
	struct vss_directed_target good = { path, name, ranges, other, name, ranges }, bad = good, out;
	struct vss_backup_document *doc = new_document();
	struct vss_writer_components *part;
	struct vss_component *held = add(doc, NULL, "c"), *c;
	enum vss_restore_target target;
	char *text;

	(void)state;
	bad.destination_filename = wild;
	assert_int_equal(vss_component_set_restore_target(held, VSS_RT_DIRECTED), VSS_E_BAD_STATE);
	assert_int_equal(vss_component_add_directed_target(held, &good), VSS_E_BAD_STATE);
	part = part_of(doc, VSS_PART_RESTORE);
	c = first_of(part);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_UNDEFINED), E_INVALIDARG);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_DIRECTED), S_OK);
	assert_int_equal(vss_component_add_directed_target(c, &bad), E_INVALIDARG);
	assert_int_equal(vss_component_add_directed_target(c, &good), S_OK);
	assert_int_equal(vss_component_set_restore_metadata(c, "m"), S_OK);
	assert_int_equal(vss_component_set_restore_metadata(c, "m"), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_PRE_RESTORE, "no"), S_OK);
	assert_int_equal(vss_component_set_backup_stamp(c, "s"), VSS_E_BAD_STATE);
	assert_int_equal(give_back(doc, part), S_OK);
	assert_int_equal(vss_component_get_restore_target(held, &target), S_OK);
	assert_int_equal(target, VSS_RT_DIRECTED);
	assert_int_equal(vss_component_get_directed_target(held, 0, &out), S_OK);
	assert_string_equal(out.destination_path, "/d");
	assert_string_equal(out.source_ranges, "0:1");
	vss_directed_target_clear(&out);
	assert_int_equal(vss_component_get_restore_metadata(held, &text), S_OK);
	free(text);
	vss_backup_document_free(doc);
}

/* BCD-019, BCD-020, BCD-021 */
static void access_is_by_event(void **state)
{
	char path[] = "/s", name[] = "f";
	struct vss_directed_target target = { path, name, NULL, path, name, NULL };
	struct vss_backup_document *doc = new_document();

	(void)state;
	add(doc, NULL, "c");
	for (int access = VSS_PART_READ_ONLY; access <= VSS_PART_RESTORE; access++) {
		vss_result backup = access == VSS_PART_BACKUP ? S_OK : VSS_E_BAD_STATE;
		vss_result restore = access == VSS_PART_RESTORE ? S_OK : VSS_E_BAD_STATE;
		struct vss_writer_components *part = part_of(doc, (enum vss_part_access)access);
		struct vss_component *c = first_of(part);

		assert_int_equal(vss_component_set_backup_stamp(c, "s"), backup);
		assert_int_equal(vss_component_set_backup_metadata(c, "m"), backup);
		assert_int_equal(vss_component_add_partial_file(c, "/p", "f", NULL, NULL), backup);
		assert_int_equal(vss_component_add_differenced_files_by_last_modify_time(c, "/p", "*", false, 1), backup);
		assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_PREPARE_FOR_BACKUP, "x"), backup);
		assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_POST_SNAPSHOT, "x"), backup);
		assert_int_equal(vss_component_set_restore_metadata(c, "m"), restore);
		assert_int_equal(vss_component_set_restore_target(c, VSS_RT_ORIGINAL), restore);
		assert_int_equal(vss_component_add_directed_target(c, &target), restore);
		assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_PRE_RESTORE, "x"), restore);
		assert_int_equal(vss_component_set_failure_msg(c, VSS_FAILURE_POST_RESTORE, "x"), restore);
		assert_int_equal(vss_component_set_failure(c, S_OK, S_OK, NULL),
				 access == VSS_PART_READ_ONLY ? VSS_E_BAD_STATE : S_OK);
		/* What only requesters set. */
		assert_int_equal(vss_component_set_backup_succeeded(c, true), VSS_E_BAD_STATE);
		assert_int_equal(vss_component_set_backup_options(c, "x"), VSS_E_BAD_STATE);
		assert_int_equal(vss_component_set_selected_for_restore(c, true, NULL), VSS_E_BAD_STATE);
		assert_int_equal(vss_component_add_new_target(c, "/p", "*", false, "/q"), VSS_E_BAD_STATE);
		assert_true(vss_writer_components_error(part)->text[0]);
		vss_writer_part_free(part);
	}
	vss_backup_document_free(doc);
}

/* What comes back from a writer is taken only if it changed what is a writer's. */
static void parts_are_judged(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ INSTANCE, SET },
		{ WRITER, SET },
		{ "instanceName=\"main\"", "instanceName=\"other\"" },
		{ "backupSchema=\"881\"", "backupSchema=\"0\"" },
		{ "componentName=\"c\"", "componentName=\"x\"" },
		{ "componentType=\"database\"", "componentType=\"filegroup\"" },
		{ "backupSucceeded=\"no\"", "backupSucceeded=\"yes\"" },
		{ " backupOptions=\"o\"", "" },
		{ " backupOptions=\"o\"", " backupOptions=\"o\" restoreName=\"n\"" },
		{ "filespec=\"*\"", "filespec=\"x\"" },
		{ "<COMPONENT componentName=\"d\" componentType=\"database\"/>", "" },
		{ "</WRITER_COMPONENTS>", "<COMPONENT componentName=\"e\" componentType=\"database\"/></WRITER_COMPONENTS>" },
		{ "</WRITER_COMPONENTS>", "<COMPONENT componentName=\"d\" componentType=\"database\"/></WRITER_COMPONENTS>" },
		{ "x-schema:#VssComponentMetadata", "urn:other" },
	};
	struct vss_uuid instance = make_uuid(INSTANCE), other = make_uuid(SET);
	struct vss_backup_document *doc = new_document();
	struct vss_component *c = add(doc, NULL, "c");
	struct walk before, after;
	struct vss_error error;
	char *xml;

	(void)state;
	add(doc, NULL, "d");
	assert_int_equal(vss_component_set_backup_succeeded(c, false), S_OK);
	assert_int_equal(vss_component_set_backup_options(c, "o"), S_OK);
	assert_int_equal(vss_component_add_new_target(c, "/p", "*", true, "/q"), S_OK);
	before = walk_backup_document(doc);
	assert_int_equal(vss_backup_document_get_part(doc, &instance, &xml, NULL), S_OK);
	for (size_t i = 0; i < COUNT(changes); i++) {
		char *at = strstr(xml, changes[i].from), *changed;

		assert_non_null(at);
		assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - xml), xml, changes[i].to,
				     at + strlen(changes[i].from)) >= 0);
		assert_int_equal(vss_backup_document_put_part(doc, &instance, changed, strlen(changed), &error),
				 VSS_E_INVALID_XML_DOCUMENT);
		assert_non_null(strstr(error.text, "line 1: element "));
		free(changed);
	}
	assert_int_equal(vss_backup_document_put_part(doc, &instance, "junk", 4, NULL), VSS_E_CORRUPT_XML_DOCUMENT);
	assert_int_equal(vss_backup_document_put_part(doc, &other, xml, strlen(xml), &error), VSS_E_OBJECT_NOT_FOUND);
	after = walk_backup_document(doc);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(vss_backup_document_put_part(doc, &instance, xml, strlen(xml), &error), S_OK);
	after = walk_backup_document(doc);
	assert_memory_equal(&before, &after, sizeof(before));
	free(xml);
	assert_int_equal(vss_backup_document_get_part(doc, &other, &xml, &error), S_FALSE);
	assert_null(xml);
	vss_backup_document_free(doc);
}

/* TRN-019, TRN-020, TRN-021, TRN-028, TRN-029 */
static void transportable_sets_come_back(void **state)
{
	char *path = source_path("tests/documents/backup-transport.xml");
	struct file file = read_file(path);
	struct vss_backup_document *doc, *other = new_document(), *again;
	struct vss_set_description set, out;
	struct vss_error error;
	char *xml;

	(void)state;
	free(path);
	assert_int_equal(vss_backup_document_get_set(other, &set, &error), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_backup_document_parse(file.data, file.size, &doc, &error), S_OK);
	assert_int_equal(vss_backup_document_get_set(doc, &set, &error), S_OK);
	assert_int_equal(set.context, VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_int_equal(set.nr_members, 2);
	assert_int_equal(set.members[0].nr_luns, 1);
	assert_true(set.members[0].luns[0].has_destination);
	assert_int_equal(set.members[0].luns[0].nr_extents, 2);
	assert_int_equal(set.members[0].luns[0].source.nr_ids, 2);
	assert_int_equal(set.members[0].luns[0].source.ids[0].size, 16);
	assert_int_equal(set.members[0].luns[0].source.ids[0].bytes[0], 0x60);
	assert_int_equal(set.members[0].luns[0].source.bus_type, VSS_BUS_ISCSI);
	assert_string_equal(set.members[0].provider_data, "{\"snapshot\":\"thin-s1\"}");
	assert_string_equal(set.members[0].prop.device_object, "");
	assert_int_equal(set.members[0].prop.status, VSS_SS_CREATED);

	/* Twice: the second takes the place of the first. */
	assert_int_equal(vss_backup_document_put_set(other, &set, &error), S_OK);
	assert_int_equal(vss_backup_document_put_set(other, &set, &error), S_OK);
	add(other, NULL, "c");
	again = reload(other);
	same(other, again);
	assert_int_equal(vss_backup_document_get_set(again, &out, &error), S_OK);
	assert_true(vss_uuid_equal(&out.set_id, &set.set_id));
	assert_int_equal(out.nr_members, 2);
	assert_memory_equal(out.members[0].luns[0].source.ids, set.members[0].luns[0].source.ids,
			    2 * sizeof(struct vss_storage_id));
	vss_set_description_clear(&out);

	/* What could not be read is not written. */
	set.snapshots_count = 1;
	assert_int_equal(vss_backup_document_put_set(other, &set, &error), E_INVALIDARG);
	set.snapshots_count = 2;
	set.members[0].luns[0].extents[0].length = 0;
	assert_int_equal(vss_backup_document_put_set(other, &set, &error), E_INVALIDARG);
	set.members[0].luns[0].extents[0].length = 1;
	set.members[1].prop.snapshot_id = set.members[0].prop.snapshot_id;
	assert_int_equal(vss_backup_document_put_set(other, &set, &error), E_INVALIDARG);
	same(other, again);
	vss_set_description_clear(&set);

	/* The description must be of the document's set. */
	xml = strstr(file.data, SET);
	xml[0] = '4';
	vss_backup_document_free(doc);
	assert_int_equal(vss_backup_document_parse(file.data, file.size, &doc, &error), VSS_E_INVALID_XML_DOCUMENT);
	vss_backup_document_free(other);
	vss_backup_document_free(again);
	free(file.data);
}

/* Components by the thousand are added and found in time. */
static void large_documents_are_quick(void **state)
{
	struct vss_backup_document *doc = new_document(), *again;
	double start = milliseconds();
	char name[32];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "component %d", i);
		add(doc, "path", name);
	}
	again = reload(doc);
	same(doc, again);
	assert_true(milliseconds() - start < 10000);
	vss_backup_document_free(doc);
	vss_backup_document_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_known_spelling),
		cmocka_unit_test(keeps_its_states),
		cmocka_unit_test(finds_and_refuses_components),
		cmocka_unit_test(requesters_values_come_back),
		cmocka_unit_test(writers_values_come_back),
		cmocka_unit_test(restores_have_their_own_setters),
		cmocka_unit_test(access_is_by_event),
		cmocka_unit_test(parts_are_judged),
		cmocka_unit_test(transportable_sets_come_back),
		cmocka_unit_test(large_documents_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole documents: those in tests/documents, and those that Windows has made,
 * where $VSS_SAMPLES names their folder, load, are looked at from end to end,
 * and come out again with nothing lost.
 */
#include "unit.h"

#include <vss/document.h>

#include "document-fixture.h"
#include "document-walk.h"

struct counts {
	int backup;
	int writer;
	int refused;
	xmlRelaxNG *backup_schema;
	xmlRelaxNG *writer_schema;
};

static void same_canonical(const struct file *file, const char *saved)
{
	char *before = canonical(file->data, file->size), *after = canonical(saved, strlen(saved));

	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void check_backup(const struct file *file, const struct counts *counts)
{
	struct vss_backup_document *doc, *again;
	struct walk first, second;
	struct vss_error error;
	char *saved;

	assert_int_equal(vss_backup_document_parse(file->data, file->size, &doc, &error), S_OK);
	first = walk_backup_document(doc);
	assert_true(first.items > 4);
	assert_int_equal(vss_backup_document_save(doc, &saved, &error), S_OK);
	same_canonical(file, saved);
	assert_true(schema_allows(counts->backup_schema, saved, strlen(saved)));
	assert_int_equal(vss_backup_document_parse(saved, strlen(saved), &again, &error), S_OK);
	second = walk_backup_document(again);
	assert_memory_equal(&first, &second, sizeof(first));
	free(saved);
	vss_backup_document_free(doc);
	vss_backup_document_free(again);
}

static void check_writer(const struct file *file, const struct counts *counts)
{
	struct vss_writer_metadata *doc, *again;
	struct walk first, second;
	struct vss_error error;
	char *saved;

	assert_int_equal(vss_create_vss_examine_writer_metadata(file->data, file->size, &doc, &error), S_OK);
	first = walk_writer_metadata(doc);
	assert_true(first.items > 4);
	assert_int_equal(vss_examine_writer_metadata_save_as_xml(doc, &saved), S_OK);
	same_canonical(file, saved);
	assert_true(schema_allows(counts->writer_schema, saved, strlen(saved)));
	assert_int_equal(vss_create_vss_examine_writer_metadata(saved, strlen(saved), &again, &error), S_OK);
	second = walk_writer_metadata(again);
	assert_memory_equal(&first, &second, sizeof(first));
	free(saved);
	vss_writer_metadata_free(doc);
	vss_writer_metadata_free(again);
}

static void check_file(const char *name, const struct file *file, void *data)
{
	struct counts *counts = data;
	enum vss_document_kind kind;
	struct vss_error error;
	vss_result result = vss_document_get_kind(file->data, file->size, &kind, &error);

	if (result) {
		/* DiskShadow's manifest is no document, and is said to be none. */
		assert_int_equal(result, VSS_E_INVALID_XML_DOCUMENT);
		assert_non_null(strstr(error.text, "line 1: element Manifest: "));
		assert_non_null(strstr(error.text, "DiskShadow"));
		assert_non_null(strstr(name, "manifest"));
		counts->refused++;
	} else if (kind == VSS_DOCUMENT_BACKUP_COMPONENTS) {
		check_backup(file, counts);
		counts->backup++;
	} else {
		check_writer(file, counts);
		counts->writer++;
	}
}

static int load_schemas(void **state)
{
	static struct counts counts;

	counts.backup_schema = read_schema("userspace/libvss/schema/backup-components.rng");
	counts.writer_schema = read_schema("userspace/libvss/schema/writer-metadata.rng");
	*state = &counts;
	return 0;
}

static int free_schemas(void **state)
{
	struct counts *counts = *state;

	xmlRelaxNGFree(counts->backup_schema);
	xmlRelaxNGFree(counts->writer_schema);
	xmlRelaxNGCleanupTypes();
	xmlCleanupParser();
	return 0;
}

/* BCD-001, BCD-003, BCD-013, BCD-024, WMD-001, WMD-003, WMD-005 */
static void ours_come_out_as_they_went_in(void **state)
{
	struct counts *counts = *state;
	char *folder = source_path("tests/documents");

	each_document(folder, check_file, counts);
	assert_true(counts->backup >= 5);
	assert_true(counts->writer >= 4);
	assert_int_equal(counts->refused, 0);
	free(folder);
}

/* BCD-001, BCD-024, WMD-001, WMD-023, WMD-037 */
static void those_of_windows_too(void **state)
{
	const char *folder = getenv("VSS_SAMPLES");

	/* Not skip(): cmocka's TAP calls that "not ok". */
	if (!folder || !each_document(folder, check_file, *state))
		print_message("# no documents of Windows: VSS_SAMPLES names no folder that has some\n");
}

/* The schemas refuse what the library refuses. */
static void schemas_refuse(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "x-schema:#VssWriterMetadataInfo\" version", "x-schema:#Other\" version" },
		{ " version=\"1.2\"", "" },
		{ "version=\"1.2\"", "version=\"one\"" },
		{ "usage=\"USER_DATA\"", "usage=\"user data\"" },
		{ "selectable=\"yes\"", "selectable=\"maybe\"" },
		{ "componentName=\"postgres\"", "componentName=\"\"" },
		{ "filespecBackupType=\"2056\"", "filespecBackupType=\"0x808\"" },
		{ "filespecBackupType=\"2056\"", "filespecBackupType=\"4294967296\"" },
		{ "backupSchema=\"881\"", "backupSchema=\"-1\"" },
		{ "writerId=\"b8a2b1de-5c8f", "writerId=\"b8a2b1de_5c8f" },
		{ "DATABASE_LOGFILES path", "FILE_LIST path" },
		{ "<BACKUP_LOCATIONS>", "<BACKUP_LOCATIONS>text" },
	};
	struct counts *counts = *state;
	char *path = source_path("tests/documents/writer-database.xml");
	struct file file = read_file(path);

	free(path);
	assert_true(schema_allows(counts->writer_schema, file.data, file.size));
	for (size_t i = 0; i < COUNT(changes); i++) {
		char *at = strstr(file.data, changes[i].from), *changed;
		struct vss_writer_metadata *doc;
		struct vss_error error;

		assert_non_null(at);
		assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - file.data), file.data, changes[i].to,
				     at + strlen(changes[i].from)) >= 0);
		assert_false(schema_allows(counts->writer_schema, changed, strlen(changed)));
		assert_int_equal(vss_create_vss_examine_writer_metadata(changed, strlen(changed), &doc, &error),
				 VSS_E_INVALID_XML_DOCUMENT);
		assert_non_null(strstr(error.text, "line "));
		assert_non_null(strstr(error.text, "element "));
		free(changed);
	}
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_come_out_as_they_went_in),
		cmocka_unit_test(those_of_windows_too),
		cmocka_unit_test(schemas_refuse),
	};

	return cmocka_run_group_tests(tests, load_schemas, free_schemas);
}

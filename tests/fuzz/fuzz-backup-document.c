// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzing the Backup Components Document, and each writer's part of it: what is
 * taken can be read from end to end, changed, saved, and read again as the same.
 */
#include <stdint.h>

#include "backup-document.h"
#include "../unit/document-walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct walk *first, struct vss_backup_document *doc)
{
	struct walk second = walk_backup_document(doc);

	WALK_MUST(!memcmp(first, &second, sizeof(second)));
}

static void save_and_load(struct vss_backup_document *doc)
{
	struct walk walk = walk_backup_document(doc);
	struct vss_backup_document *again;
	char *xml, *second;

	WALK_MUST(vss_backup_document_save(doc, &xml, NULL) == S_OK);
	WALK_MUST(vss_backup_document_parse(xml, strlen(xml), &again, NULL) == S_OK);
	same(&walk, again);
	WALK_MUST(vss_backup_document_save(again, &second, NULL) == S_OK);
	WALK_MUST(!strcmp(xml, second));
	vss_backup_document_free(again);
	free(second);
	free(xml);
}

/* To a writer and back: first as it is, then changed. */
static void through_writer(struct vss_backup_document *doc, struct vss_writer_components *writer)
{
	struct walk walk = walk_backup_document(doc);
	struct vss_writer_components *part;
	struct vss_component *component;
	struct vss_uuid instance, id;
	char *xml, *changed;

	vss_writer_components_get_writer_info(writer, &instance, &id);
	WALK_MUST(vss_backup_document_get_part(doc, &instance, &xml, NULL) == S_OK);
	WALK_MUST(vss_writer_part_parse(xml, strlen(xml), VSS_PART_BACKUP, &part, NULL) == S_OK);
	WALK_MUST(vss_backup_document_put_part(doc, &instance, xml, strlen(xml), NULL) == S_OK);
	same(&walk, doc);
	WALK_MUST(vss_writer_components_get_component(part, 0, &component) == S_OK);
	WALK_MUST(vss_component_set_backup_stamp(component, "stamp") == S_OK);
	vss_component_set_backup_metadata(component, "<&>\"'\r\n\t");
	WALK_MUST(vss_component_add_partial_file(component, "/p", "f", "0:1", NULL) == S_OK);
	WALK_MUST(vss_writer_part_save(part, &changed, NULL) == S_OK);
	WALK_MUST(vss_backup_document_put_part(doc, &instance, changed, strlen(changed), NULL) == S_OK);
	vss_writer_part_free(part);
	free(changed);
	free(xml);
}

static void fuzz_part(const char *xml, size_t size)
{
	struct vss_writer_components *part;
	char *saved;

	if (vss_writer_part_parse(xml, size, VSS_PART_RESTORE, &part, NULL))
		return;
	WALK_MUST(vss_writer_part_save(part, &saved, NULL) == S_OK);
	vss_writer_part_free(part);
	WALK_MUST(vss_writer_part_parse(saved, strlen(saved), VSS_PART_RESTORE, &part, NULL) == S_OK);
	vss_writer_part_free(part);
	free(saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *xml = (const char *)data;
	struct vss_backup_document *doc;
	struct vss_error error = { 0 };
	vss_result result = vss_backup_document_parse(xml, size, &doc, &error);

	if (result) {
		WALK_MUST(error.result == result && error.text[0]);
		fuzz_part(xml, size);
		return 0;
	}
	save_and_load(doc);
	for (uint32_t i = 0; i < vss_backup_document_writer_count(doc); i++)
		through_writer(doc, vss_backup_document_writer(doc, i));
	save_and_load(doc);
	vss_backup_document_free(doc);
	return 0;
}

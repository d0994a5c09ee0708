// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzing the Writer Metadata Document: what is taken can be read from end to
 * end, added to, saved, and read again as the same.
 */
#include <stdint.h>

#include "../unit/document-walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void save_and_load(struct vss_writer_metadata *metadata)
{
	struct walk first = walk_writer_metadata(metadata), second;
	struct vss_writer_metadata *again;
	char *xml, *saved;

	WALK_MUST(vss_examine_writer_metadata_save_as_xml(metadata, &xml) == S_OK);
	WALK_MUST(vss_create_vss_examine_writer_metadata(xml, strlen(xml), &again, NULL) == S_OK);
	second = walk_writer_metadata(again);
	WALK_MUST(!memcmp(&first, &second, sizeof(first)));
	WALK_MUST(vss_examine_writer_metadata_save_as_xml(again, &saved) == S_OK);
	WALK_MUST(!strcmp(xml, saved));
	vss_writer_metadata_free(again);
	free(saved);
	free(xml);
}

/* Each addition may be one too many, but then leaves the document as it was. */
static void add_to(struct vss_writer_metadata *metadata)
{
	const struct vss_uuid other = { { 1 } };

	vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "fuzz", "<&>", true, false, true,
						 false, 1);
	vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "fuzz", "/fuzz", "*", true, "/alt", 0);
	vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "fuzz", "/fuzz", "*", true, "/alt", 0);
	vss_create_writer_metadata_add_exclude_files(metadata, "/x", "y", false);
	vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_CUSTOM, NULL, NULL, VSS_WRE_NEVER, true);
	vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/fuzz", "*", true, "/to");
	vss_create_writer_metadata_add_component_dependency(metadata, NULL, "fuzz", &other, "a", "b");
	vss_create_writer_metadata_set_backup_schema(metadata, VSS_BS_COPY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vss_writer_metadata *metadata;
	struct vss_error error = { 0 };
	vss_result result = vss_create_vss_examine_writer_metadata((const char *)data, size, &metadata, &error);

	if (result) {
		WALK_MUST(error.result == result && error.text[0]);
		return 0;
	}
	save_and_load(metadata);
	add_to(metadata);
	save_and_load(metadata);
	vss_writer_metadata_free(metadata);
	return 0;
}

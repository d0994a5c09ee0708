// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a Backup Components Document may hold, and how enumerators are spelt.
 * Documentation/documents.md tells which names Windows' own documents show and
 * which are ours; schema/backup-components.rng says the same as this file.
 */
#include "backup-document-tree.h"

const struct vss_xml_word vss_words_backup_type[] = {
	{ "undefined", VSS_BT_UNDEFINED },
	{ "full", VSS_BT_FULL },
	{ "incremental", VSS_BT_INCREMENTAL },
	{ "differential", VSS_BT_DIFFERENTIAL },
	{ "log", VSS_BT_LOG },
	{ "copy", VSS_BT_COPY },
	{ "other", VSS_BT_OTHER },
	{ 0 },
};

const struct vss_xml_word vss_words_restore_type[] = {
	{ "by-copy", VSS_RTYPE_BY_COPY },
	{ "import", VSS_RTYPE_IMPORT },
	{ "other", VSS_RTYPE_OTHER },
	{ 0 },
};

const struct vss_xml_word vss_words_component_type[] = {
	{ "database", VSS_CT_DATABASE },
	{ "filegroup", VSS_CT_FILEGROUP },
	{ 0 },
};

const struct vss_xml_word vss_words_roll_forward[] = {
	{ "none", VSS_RF_NONE },
	{ "all", VSS_RF_ALL },
	{ "partial", VSS_RF_PARTIAL },
	{ 0 },
};

const struct vss_xml_word vss_words_file_restore_status[] = {
	{ "none", VSS_RS_NONE },
	{ "all", VSS_RS_ALL },
	{ "failed", VSS_RS_FAILED },
	{ 0 },
};

const struct vss_xml_word vss_words_restore_target[] = {
	{ "original", VSS_RT_ORIGINAL },
	{ "alternate", VSS_RT_ALTERNATE },
	{ "directed", VSS_RT_DIRECTED },
	{ "original-location", VSS_RT_ORIGINAL_LOCATION },
	{ 0 },
};

const struct vss_xml_word vss_words_failure_event[] = {
	{ "prepare-for-backup", VSS_FAILURE_PREPARE_FOR_BACKUP },
	{ "post-snapshot", VSS_FAILURE_POST_SNAPSHOT },
	{ "pre-restore", VSS_FAILURE_PRE_RESTORE },
	{ "post-restore", VSS_FAILURE_POST_RESTORE },
	{ 0 },
};

const char *const vss_backup_document_names[] = {
	"BACKUP_COMPONENTS", "WRITER_COMPONENTS", "COMPONENT", "BACKUP_METADATA", "RESTORE_METADATA",
	"PARTIAL_FILE", "DIFFERENCED_FILE", "RESTORE_SUBCOMPONENT", "NEW_TARGET",
	"ALTERNATE_LOCATION_MAPPING", "DIRECTED_TARGET", "FAILURE_MESSAGE", "FAILURE",
	"SNAPSHOT_SET_DESCRIPTION", "SNAPSHOT_DESCRIPTION", "LUN_MAPPING", "SOURCE_LUN", "DESTINATION_LUN",
	"STORAGE_ID", "EXTENT", NULL,
};

const char *const vss_component_list_names[VSS_LIST_COUNT] = {
	[VSS_LIST_PARTIAL_FILES] = "PARTIAL_FILE",
	[VSS_LIST_DIFFERENCED_FILES] = "DIFFERENCED_FILE",
	[VSS_LIST_RESTORE_SUBCOMPONENTS] = "RESTORE_SUBCOMPONENT",
	[VSS_LIST_NEW_TARGETS] = "NEW_TARGET",
	[VSS_LIST_MAPPINGS] = "ALTERNATE_LOCATION_MAPPING",
	[VSS_LIST_DIRECTED_TARGETS] = "DIRECTED_TARGET",
};

#define REQUIRED(n, t)		{ .name = n, .type = t, .required = true }
#define OPTIONAL(n, t)		{ .name = n, .type = t }
#define REQUIRED_WORD(n, w)	{ .name = n, .type = VSS_XML_WORD, .required = true, .words = w }
#define OPTIONAL_WORD(n, w)	{ .name = n, .type = VSS_XML_WORD, .words = w }

#define ATTRIBUTES(...) \
	.attributes = (const struct vss_xml_attribute_rule[]) { __VA_ARGS__, { 0 } }
#define CHILDREN(...) \
	.children = (const struct vss_xml_child_rule[]) { __VA_ARGS__, { 0 } }

/* ---- components ---- */

static const struct vss_xml_element_rule metadata_backup = {
	.name = "BACKUP_METADATA",
	ATTRIBUTES(REQUIRED("metadata", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule metadata_restore = {
	.name = "RESTORE_METADATA",
	ATTRIBUTES(REQUIRED("metadata", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule partial_file = {
	.name = "PARTIAL_FILE",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filename", VSS_XML_TEXT),
		   OPTIONAL("ranges", VSS_XML_TEXT), OPTIONAL("metadata", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule differenced_file = {
	.name = "DIFFERENCED_FILE",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO), OPTIONAL("lsn", VSS_XML_TEXT),
		   OPTIONAL("lastModifyTime", VSS_XML_NUMBER64)),
};

static const struct vss_xml_element_rule restore_subcomponent = {
	.name = "RESTORE_SUBCOMPONENT",
	ATTRIBUTES(OPTIONAL("logicalPath", VSS_XML_TEXT), REQUIRED("componentName", VSS_XML_NAME)),
};

static const struct vss_xml_element_rule new_target = {
	.name = "NEW_TARGET",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO), REQUIRED("alternatePath", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule mapping = {
	.name = "ALTERNATE_LOCATION_MAPPING",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO), REQUIRED("alternatePath", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule directed_target = {
	.name = "DIRECTED_TARGET",
	ATTRIBUTES(REQUIRED("sourcePath", VSS_XML_TEXT), REQUIRED("sourceFilename", VSS_XML_TEXT),
		   OPTIONAL("sourceRanges", VSS_XML_TEXT), REQUIRED("destinationPath", VSS_XML_TEXT),
		   REQUIRED("destinationFilename", VSS_XML_TEXT), OPTIONAL("destinationRanges", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule failure_message = {
	.name = "FAILURE_MESSAGE",
	ATTRIBUTES(REQUIRED_WORD("event", vss_words_failure_event), REQUIRED("message", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule failure = {
	.name = "FAILURE",
	ATTRIBUTES(REQUIRED("result", VSS_XML_NUMBER32), REQUIRED("applicationCode", VSS_XML_NUMBER32),
		   OPTIONAL("message", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule component = {
	.name = "COMPONENT",
	ATTRIBUTES(REQUIRED("componentName", VSS_XML_NAME),
		   REQUIRED_WORD("componentType", vss_words_component_type),
		   OPTIONAL("logicalPath", VSS_XML_TEXT), OPTIONAL("componentCaption", VSS_XML_TEXT),
		   OPTIONAL("backupSucceeded", VSS_XML_YES_NO), OPTIONAL("backupOptions", VSS_XML_TEXT),
		   OPTIONAL("previousBackupStamp", VSS_XML_TEXT), OPTIONAL("backupStamp", VSS_XML_TEXT),
		   OPTIONAL("selectedForRestore", VSS_XML_YES_NO), OPTIONAL("restoreInstanceId", VSS_XML_UUID),
		   OPTIONAL("additionalRestores", VSS_XML_YES_NO), OPTIONAL("restoreOptions", VSS_XML_TEXT),
		   OPTIONAL("restoreName", VSS_XML_TEXT), OPTIONAL("authoritativeRestore", VSS_XML_YES_NO),
		   OPTIONAL_WORD("rollForwardType", vss_words_roll_forward),
		   OPTIONAL("rollForwardPoint", VSS_XML_TEXT),
		   OPTIONAL_WORD("fileRestoreStatus", vss_words_file_restore_status),
		   OPTIONAL_WORD("restoreTarget", vss_words_restore_target)),
	CHILDREN({ &metadata_backup, 0, 1 }, { &metadata_restore, 0, 1 }, { &partial_file, 0, VSS_XML_ANY },
		 { &differenced_file, 0, VSS_XML_ANY }, { &restore_subcomponent, 0, VSS_XML_ANY },
		 { &new_target, 0, VSS_XML_ANY }, { &mapping, 0, VSS_XML_ANY },
		 { &directed_target, 0, VSS_XML_ANY }, { &failure_message, 0, VSS_XML_ANY },
		 { &failure, 0, 1 }),
};

const struct vss_xml_element_rule vss_rule_writer_components = {
	.name = "WRITER_COMPONENTS",
	ATTRIBUTES(REQUIRED("instanceId", VSS_XML_UUID), REQUIRED("writerId", VSS_XML_UUID),
		   OPTIONAL("instanceName", VSS_XML_TEXT), OPTIONAL("backupSchema", VSS_XML_NUMBER32)),
	CHILDREN({ &component, 1, VSS_XML_ANY }),
};

/* ---- transportable sets ---- */

static const struct vss_xml_element_rule storage_id = {
	.name = "STORAGE_ID",
	ATTRIBUTES(REQUIRED("codeSet", VSS_XML_NUMBER8), REQUIRED("type", VSS_XML_NUMBER8),
		   REQUIRED("association", VSS_XML_NUMBER8), REQUIRED("identifier", VSS_XML_HEX)),
};

#define LUN_ATTRIBUTES \
	ATTRIBUTES(REQUIRED("deviceType", VSS_XML_NUMBER8), REQUIRED("busType", VSS_XML_NUMBER8), \
		   OPTIONAL("vendor", VSS_XML_TEXT), OPTIONAL("product", VSS_XML_TEXT), \
		   OPTIONAL("revision", VSS_XML_TEXT), OPTIONAL("serial", VSS_XML_TEXT), \
		   OPTIONAL("diskSignature", VSS_XML_UUID), REQUIRED("size", VSS_XML_NUMBER64), \
		   REQUIRED("blockSize", VSS_XML_NUMBER32), OPTIONAL("interconnect", VSS_XML_TEXT))

static const struct vss_xml_element_rule source_lun = {
	.name = "SOURCE_LUN",
	LUN_ATTRIBUTES,
	CHILDREN({ &storage_id, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule destination_lun = {
	.name = "DESTINATION_LUN",
	LUN_ATTRIBUTES,
	CHILDREN({ &storage_id, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule extent = {
	.name = "EXTENT",
	ATTRIBUTES(REQUIRED("volumeOffset", VSS_XML_NUMBER64), REQUIRED("lunOffset", VSS_XML_NUMBER64),
		   REQUIRED("length", VSS_XML_NUMBER64)),
};

static const struct vss_xml_element_rule lun_mapping = {
	.name = "LUN_MAPPING",
	CHILDREN({ &source_lun, 1, 1 }, { &destination_lun, 0, 1 }, { &extent, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule snapshot_description = {
	.name = "SNAPSHOT_DESCRIPTION",
	ATTRIBUTES(REQUIRED("snapshotId", VSS_XML_UUID), REQUIRED("providerId", VSS_XML_UUID),
		   REQUIRED("originalVolume", VSS_XML_TEXT), REQUIRED("attributes", VSS_XML_NUMBER32),
		   REQUIRED("creationTime", VSS_XML_NUMBER64), OPTIONAL("originatingMachine", VSS_XML_TEXT),
		   OPTIONAL("serviceMachine", VSS_XML_TEXT), OPTIONAL("exposedName", VSS_XML_TEXT),
		   OPTIONAL("exposedPath", VSS_XML_TEXT), OPTIONAL("filesystem", VSS_XML_TEXT),
		   REQUIRED("volumeSize", VSS_XML_NUMBER64), OPTIONAL("providerData", VSS_XML_TEXT)),
	CHILDREN({ &lun_mapping, 0, VSS_XML_ANY }),
};

/* What Windows has in it is not public; without our mark it is kept and not read. */
static const struct vss_xml_element_rule set_description = {
	.name = "SNAPSHOT_SET_DESCRIPTION",
	.if_attribute = "format",
	.if_value = "linux-vss",
	ATTRIBUTES(REQUIRED("snapshotSetId", VSS_XML_UUID), REQUIRED("context", VSS_XML_NUMBER32),
		   REQUIRED("snapshotsCount", VSS_XML_NUMBER32), OPTIONAL("originatingMachine", VSS_XML_TEXT),
		   REQUIRED("creationTime", VSS_XML_NUMBER64), OPTIONAL("digest", VSS_XML_UUID)),
	CHILDREN({ &snapshot_description, 0, VSS_XML_ANY }),
};

const struct vss_xml_element_rule vss_rule_backup_components = {
	.name = "BACKUP_COMPONENTS",
	ATTRIBUTES(REQUIRED("version", VSS_XML_VERSION), REQUIRED("bootableSystemStateBackup", VSS_XML_YES_NO),
		   REQUIRED("selectComponents", VSS_XML_YES_NO),
		   REQUIRED_WORD("backupType", vss_words_backup_type),
		   OPTIONAL("partialFileSupport", VSS_XML_YES_NO), OPTIONAL("snapshotSetId", VSS_XML_UUID),
		   OPTIONAL_WORD("restoreType", vss_words_restore_type)),
	CHILDREN({ &vss_rule_writer_components, 0, VSS_XML_ANY }, { &set_description, 0, 1 }),
};

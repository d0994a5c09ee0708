// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a Writer Metadata Document may hold, and how enumerators are spelt.
 * Documentation/documents.md tells which names Windows' own documents show and
 * which are ours; schema/writer-metadata.rng says the same as this file.
 */
#include "writer-metadata-tree.h"

const struct vss_xml_word vss_words_usage[] = {
	{ "BOOTABLE_SYSTEM_STATE", VSS_UT_BOOTABLESYSTEMSTATE },
	{ "SYSTEM_SERVICE", VSS_UT_SYSTEMSERVICE },
	{ "USER_DATA", VSS_UT_USERDATA },
	{ "OTHER", VSS_UT_OTHER },
	{ 0 },
};

const struct vss_xml_word vss_words_source[] = {
	{ "TRANSACTION_DB", VSS_ST_TRANSACTEDDB },
	{ "NONTRANSACTION_DB", VSS_ST_NONTRANSACTEDDB },
	{ "OTHER", VSS_ST_OTHER },
	{ 0 },
};

const struct vss_xml_word vss_words_restore_method[] = {
	{ "RESTORE_IF_NOT_THERE", VSS_RME_RESTORE_IF_NOT_THERE },
	{ "RESTORE_IF_CAN_BE_REPLACED", VSS_RME_RESTORE_IF_CAN_REPLACE },
	{ "STOP_RESTORE_START", VSS_RME_STOP_RESTORE_START },
	{ "RESTORE_TO_ALTERNATE_LOCATION", VSS_RME_RESTORE_TO_ALTERNATE_LOCATION },
	{ "REPLACE_AT_REBOOT", VSS_RME_RESTORE_AT_REBOOT },
	{ "REPLACE_AT_REBOOT_IF_CANNOT_REPLACE", VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE },
	{ "CUSTOM", VSS_RME_CUSTOM },
	{ "RESTORE_STOP_START", VSS_RME_RESTORE_STOP_START },
	{ 0 },
};

const struct vss_xml_word vss_words_writer_restore[] = {
	{ "never", VSS_WRE_NEVER },
	{ "if-replace-fails", VSS_WRE_IF_REPLACE_FAILS },
	{ "always", VSS_WRE_ALWAYS },
	{ 0 },
};

const char *const vss_writer_metadata_names[] = {
	"WRITER_METADATA", "IDENTIFICATION", "RESTORE_METHOD", "ALTERNATE_LOCATION_MAPPING", "BACKUP_LOCATIONS",
	"FILE_GROUP", "DATABASE", "FILE_LIST", "DATABASE_FILES", "DATABASE_LOGFILES", "DEPENDENCY",
	"EXCLUDE_FILES", "EXCLUDE_FILES_FROM_SNAPSHOT", NULL,
};

const char *const vss_wm_list_names[VSS_WM_LIST_COUNT] = {
	[VSS_WM_FILES] = "FILE_LIST",
	[VSS_WM_DATABASE_FILES] = "DATABASE_FILES",
	[VSS_WM_LOG_FILES] = "DATABASE_LOGFILES",
	[VSS_WM_DEPENDENCIES] = "DEPENDENCY",
};

#define REQUIRED(n, t)		{ .name = n, .type = t, .required = true }
#define OPTIONAL(n, t)		{ .name = n, .type = t }
#define REQUIRED_WORD(n, w)	{ .name = n, .type = VSS_XML_WORD, .required = true, .words = w }

#define ATTRIBUTES(...) \
	.attributes = (const struct vss_xml_attribute_rule[]) { __VA_ARGS__, { 0 } }
#define CHILDREN(...) \
	.children = (const struct vss_xml_child_rule[]) { __VA_ARGS__, { 0 } }

static const struct vss_xml_element_rule identification = {
	.name = "IDENTIFICATION",
	ATTRIBUTES(REQUIRED("writerId", VSS_XML_UUID), REQUIRED("instanceId", VSS_XML_UUID),
		   OPTIONAL("instanceName", VSS_XML_TEXT), REQUIRED("friendlyName", VSS_XML_TEXT),
		   REQUIRED_WORD("usage", vss_words_usage), REQUIRED_WORD("dataSource", vss_words_source),
		   OPTIONAL("majorVersion", VSS_XML_NUMBER32), OPTIONAL("minorVersion", VSS_XML_NUMBER32)),
};

static const struct vss_xml_element_rule mapping = {
	.name = "ALTERNATE_LOCATION_MAPPING",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO), REQUIRED("alternatePath", VSS_XML_TEXT)),
};

static const struct vss_xml_element_rule restore_method = {
	.name = "RESTORE_METHOD",
	ATTRIBUTES(REQUIRED_WORD("method", vss_words_restore_method),
		   REQUIRED_WORD("writerRestore", vss_words_writer_restore),
		   REQUIRED("rebootRequired", VSS_XML_YES_NO), OPTIONAL("service", VSS_XML_TEXT),
		   OPTIONAL("userProcedure", VSS_XML_TEXT)),
	CHILDREN({ &mapping, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule file_list = {
	.name = "FILE_LIST",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO), OPTIONAL("alternatePath", VSS_XML_TEXT),
		   OPTIONAL("filespecBackupType", VSS_XML_NUMBER32)),
};

static const struct vss_xml_element_rule database_files = {
	.name = "DATABASE_FILES",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("filespecBackupType", VSS_XML_NUMBER32)),
};

static const struct vss_xml_element_rule database_logfiles = {
	.name = "DATABASE_LOGFILES",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("filespecBackupType", VSS_XML_NUMBER32)),
};

static const struct vss_xml_element_rule dependency = {
	.name = "DEPENDENCY",
	ATTRIBUTES(REQUIRED("writerId", VSS_XML_UUID), OPTIONAL("logicalPath", VSS_XML_TEXT),
		   REQUIRED("componentName", VSS_XML_NAME)),
};

/* Older documents lack what later interfaces brought. */
#define COMPONENT_ATTRIBUTES \
	ATTRIBUTES(OPTIONAL("logicalPath", VSS_XML_TEXT), REQUIRED("componentName", VSS_XML_NAME), \
		   OPTIONAL("caption", VSS_XML_TEXT), REQUIRED("restoreMetadata", VSS_XML_YES_NO), \
		   REQUIRED("notifyOnBackupComplete", VSS_XML_YES_NO), REQUIRED("selectable", VSS_XML_YES_NO), \
		   OPTIONAL("selectableForRestore", VSS_XML_YES_NO), \
		   OPTIONAL("componentFlags", VSS_XML_NUMBER32))

static const struct vss_xml_element_rule file_group = {
	.name = "FILE_GROUP",
	COMPONENT_ATTRIBUTES,
	CHILDREN({ &file_list, 0, VSS_XML_ANY }, { &dependency, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule database = {
	.name = "DATABASE",
	COMPONENT_ATTRIBUTES,
	CHILDREN({ &database_files, 0, VSS_XML_ANY }, { &database_logfiles, 0, VSS_XML_ANY },
		 { &dependency, 0, VSS_XML_ANY }),
};

static const struct vss_xml_element_rule exclude_files = {
	.name = "EXCLUDE_FILES",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO)),
};

static const struct vss_xml_element_rule exclude_from_snapshot = {
	.name = "EXCLUDE_FILES_FROM_SNAPSHOT",
	ATTRIBUTES(REQUIRED("path", VSS_XML_TEXT), REQUIRED("filespec", VSS_XML_TEXT),
		   OPTIONAL("recursive", VSS_XML_YES_NO)),
};

static const struct vss_xml_element_rule backup_locations = {
	.name = "BACKUP_LOCATIONS",
	CHILDREN({ &file_group, 0, VSS_XML_ANY }, { &database, 0, VSS_XML_ANY },
		 { &exclude_files, 0, VSS_XML_ANY }, { &exclude_from_snapshot, 0, VSS_XML_ANY }),
};

const struct vss_xml_element_rule vss_rule_writer_metadata = {
	.name = "WRITER_METADATA",
	ATTRIBUTES(REQUIRED("version", VSS_XML_VERSION), OPTIONAL("backupSchema", VSS_XML_NUMBER32)),
	CHILDREN({ &identification, 1, 1 }, { &restore_method, 0, 1 }, { &backup_locations, 1, 1 }),
};

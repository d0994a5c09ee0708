// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Components in a Backup Components Document: what writers change (the setters
 * of IVssComponent), what requesters change (those of IVssBackupComponents), and
 * when.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup-document-tree.h"
#include "error.h"
#include "xml-parse.h"

/* ---- what all setters do ---- */

vss_result vss_component_check_access(struct vss_component *component, enum vss_document_access need)
{
	enum vss_document_access have = component->writer->access;

	if (have == need || have == VSS_ACCESS_ALL)
		return S_OK;
	vss_error_set(component->writer->error, -EPERM, VSS_E_BAD_STATE, "%s",
		      have == VSS_ACCESS_READ_ONLY ? "the document is read-only to writers in this event" :
		      need == VSS_ACCESS_BACKUP ? "writers set this in PrepareForBackup and PostSnapshot" :
		      need == VSS_ACCESS_RESTORE ? "writers set this in PreRestore" : "only the requester sets this");
	return VSS_E_BAD_STATE;
}

vss_result vss_component_set_text(struct vss_component *component, const char *name, const char *text)
{
	vss_result result = vss_xml_check_text(name, text, false, component->writer->error);

	if (result)
		return result;
	return vss_xml_set_text(component->node, name, text) ? S_OK : vss_xml_no_memory(component->writer->error);
}

vss_result vss_component_set_word(struct vss_component *component, const char *name,
				  const struct vss_xml_word *words, int value)
{
	if (!vss_xml_word_text(words, value)) {
		vss_error_set(component->writer->error, -EINVAL, E_INVALIDARG, "%d is no value for %s", value, name);
		return E_INVALIDARG;
	}
	return vss_xml_set_word(component->node, name, words, value) ? S_OK :
		vss_xml_no_memory(component->writer->error);
}

static vss_result set_yes_no(struct vss_component *component, const char *name, bool value)
{
	return vss_xml_set_yes_no(component->node, name, value) ? S_OK :
		vss_xml_no_memory(component->writer->error);
}

vss_result vss_component_append(struct vss_component *component, enum vss_component_list list, xmlNode *child,
				bool filled)
{
	if (filled && child && vss_xml_list_add(&component->lists[list], child)) {
		if (xmlAddChild(component->node, child))
			return S_OK;
		component->lists[list].count--;
	}
	xmlFreeNode(child);
	return vss_xml_no_memory(component->writer->error);
}

/* An element with one text, which can be set once. */
static vss_result set_once(struct vss_component *component, const char *element, const char *what, const char *text)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_xml_check_text(what, text, false, err);
	xmlNode *node;

	if (result)
		return result;
	if (vss_component_child(component, element)) {
		vss_error_set(err, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
			      "the component has %s already; it is set once", what);
		return VSS_E_OBJECT_ALREADY_EXISTS;
	}
	node = vss_xml_new(component->node, element);
	if (node && vss_xml_set_text(node, "metadata", text) && xmlAddChild(component->node, node))
		return S_OK;
	xmlFreeNode(node);
	return vss_xml_no_memory(err);
}

/* ---- writers: backup ---- */

vss_result vss_component_set_backup_stamp(struct vss_component *component, const char *stamp)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_BACKUP);

	return result ? result : vss_component_set_text(component, "backupStamp", stamp);
}

vss_result vss_component_set_backup_metadata(struct vss_component *component, const char *metadata)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_BACKUP);

	return result ? result : set_once(component, "BACKUP_METADATA", "backup metadata", metadata);
}

vss_result vss_component_add_partial_file(struct vss_component *component, const char *path, const char *filename,
					  const char *ranges, const char *metadata)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_BACKUP);
	xmlNode *node;

	if (!result)
		result = vss_xml_check_path("the path of the file", path, err);
	if (!result)
		result = vss_xml_check_name("the file name", filename, err);
	if (!result)
		result = vss_xml_check_text("the ranges", ranges, true, err);
	if (!result)
		result = vss_xml_check_text("the metadata of the file", metadata, true, err);
	if (result)
		return result;
	node = vss_xml_new(component->node, "PARTIAL_FILE");
	return vss_component_append(component, VSS_LIST_PARTIAL_FILES, node,
				    node && vss_xml_set_text(node, "path", path) &&
				    vss_xml_set_text(node, "filename", filename) &&
				    vss_xml_set_text(node, "ranges", ranges) &&
				    vss_xml_set_text(node, "metadata", metadata));
}

vss_result vss_component_add_differenced_files_by_last_modify_time(struct vss_component *component,
								   const char *path, const char *filespec,
								   bool recursive, uint64_t last_modify_time)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_BACKUP);
	xmlNode *node;

	if (!result)
		result = vss_xml_check_path("the path of the files", path, err);
	if (!result)
		result = vss_xml_check_filespec(filespec, err);
	if (result)
		return result;
	node = vss_xml_new(component->node, "DIFFERENCED_FILE");
	return vss_component_append(component, VSS_LIST_DIFFERENCED_FILES, node,
				    node && vss_xml_set_file(node, path, filespec) &&
				    vss_xml_set_yes_no(node, "recursive", recursive) &&
				    vss_xml_set_number(node, "lastModifyTime", last_modify_time));
}

/* ---- writers: restore ---- */

/* What not even the document's owner may do in the writer's place. */
static vss_result check_pre_restore(struct vss_component *component)
{
	if (component->writer->access == VSS_ACCESS_RESTORE)
		return S_OK;
	vss_error_set(component->writer->error, -EPERM, VSS_E_BAD_STATE, "this is for writers, in PreRestore alone");
	return VSS_E_BAD_STATE;
}

vss_result vss_component_set_restore_metadata(struct vss_component *component, const char *metadata)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_RESTORE);

	return result ? result : set_once(component, "RESTORE_METADATA", "restore metadata", metadata);
}

vss_result vss_component_set_restore_target(struct vss_component *component, enum vss_restore_target target)
{
	vss_result result = check_pre_restore(component);

	return result ? result : vss_component_set_word(component, "restoreTarget", vss_words_restore_target,
							(int)target);
}

vss_result vss_component_add_directed_target(struct vss_component *component,
					     const struct vss_directed_target *target)
{
	struct vss_error *err = component->writer->error;
	vss_result result = check_pre_restore(component);
	xmlNode *node;

	if (!result)
		result = vss_xml_check_path("the source path", target->source_path, err);
	if (!result)
		result = vss_xml_check_path("the source file name", target->source_filename, err);
	if (!result)
		result = vss_xml_check_path("the destination path", target->destination_path, err);
	if (!result)
		result = vss_xml_check_path("the destination file name", target->destination_filename, err);
	if (!result)
		result = vss_xml_check_text("the source ranges", target->source_ranges, true, err);
	if (!result)
		result = vss_xml_check_text("the destination ranges", target->destination_ranges, true, err);
	if (result)
		return result;
	node = vss_xml_new(component->node, "DIRECTED_TARGET");
	return vss_component_append(component, VSS_LIST_DIRECTED_TARGETS, node,
				    node && vss_xml_set_text(node, "sourcePath", target->source_path) &&
				    vss_xml_set_text(node, "sourceFilename", target->source_filename) &&
				    vss_xml_set_text(node, "sourceRanges", target->source_ranges) &&
				    vss_xml_set_text(node, "destinationPath", target->destination_path) &&
				    vss_xml_set_text(node, "destinationFilename", target->destination_filename) &&
				    vss_xml_set_text(node, "destinationRanges", target->destination_ranges));
}

/* ---- writers: failures ---- */

static enum vss_document_access access_of_event(enum vss_component_failure at)
{
	return at == VSS_FAILURE_PREPARE_FOR_BACKUP || at == VSS_FAILURE_POST_SNAPSHOT ? VSS_ACCESS_BACKUP :
		VSS_ACCESS_RESTORE;
}

vss_result vss_component_set_failure_msg(struct vss_component *component, enum vss_component_failure at,
					 const char *message)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, access_of_event(at));
	xmlNode *node;

	if (!result)
		result = vss_xml_check_text("the message", message, false, err);
	if (result)
		return result;
	if (!vss_xml_word_text(vss_words_failure_event, (int)at)) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "%d is no event that has a failure message", (int)at);
		return E_INVALIDARG;
	}
	for (node = component->node->children; node; node = node->next)
		if (vss_xml_is(node, "FAILURE_MESSAGE") &&
		    vss_xml_word(node, "event", vss_words_failure_event, -1) == (int)at)
			return vss_xml_set_text(node, "message", message) ? S_OK : vss_xml_no_memory(err);
	node = vss_xml_new(component->node, "FAILURE_MESSAGE");
	if (node && vss_xml_set_word(node, "event", vss_words_failure_event, (int)at) &&
	    vss_xml_set_text(node, "message", message) && xmlAddChild(component->node, node))
		return S_OK;
	xmlFreeNode(node);
	return vss_xml_no_memory(err);
}

/* What a writer may say of a component's failure. */
static bool is_writer_failure(vss_result failure)
{
	return failure == S_OK || failure == VSS_E_WRITERERROR_PARTIAL_FAILURE ||
		(failure >= VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT && failure <= VSS_E_WRITERERROR_RECOVERY_FAILED);
}

static bool fill_failure(xmlNode *node, vss_result failure, vss_result application_code, const char *message)
{
	return vss_xml_set_number(node, "result", failure) &&
		vss_xml_set_number(node, "applicationCode", application_code) &&
		vss_xml_set_text(node, "message", message);
}

vss_result vss_component_set_failure(struct vss_component *component, vss_result failure,
				     vss_result application_code, const char *message)
{
	struct vss_error *err = component->writer->error;
	vss_result result = S_OK;
	xmlNode *node;

	if (component->writer->access == VSS_ACCESS_READ_ONLY)
		return vss_component_check_access(component, VSS_ACCESS_BACKUP);
	if (!is_writer_failure(failure)) {
		vss_error_set(err, -EINVAL, E_INVALIDARG,
			      "0x%08x (%s) is no failure of a writer; take S_OK or one of VSS_E_WRITERERROR_*", failure,
			      vss_result_name(failure));
		return E_INVALIDARG;
	}
	result = vss_xml_check_text("the message", message, true, err);
	if (result)
		return result;
	node = vss_component_child(component, "FAILURE");
	if (node)
		return fill_failure(node, failure, application_code, message) ? S_OK : vss_xml_no_memory(err);
	node = vss_xml_new(component->node, "FAILURE");
	if (node && fill_failure(node, failure, application_code, message) && xmlAddChild(component->node, node))
		return S_OK;
	xmlFreeNode(node);
	return vss_xml_no_memory(err);
}

/* ---- requesters ---- */

vss_result vss_component_set_backup_succeeded(struct vss_component *component, bool succeeded)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	return result ? result : set_yes_no(component, "backupSucceeded", succeeded);
}

static vss_result set_requester_text(struct vss_component *component, const char *name, const char *text)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	return result ? result : vss_component_set_text(component, name, text);
}

vss_result vss_component_set_backup_options(struct vss_component *component, const char *options)
{
	return set_requester_text(component, "backupOptions", options);
}

vss_result vss_component_set_previous_backup_stamp(struct vss_component *component, const char *stamp)
{
	return set_requester_text(component, "previousBackupStamp", stamp);
}

vss_result vss_component_set_restore_options(struct vss_component *component, const char *options)
{
	return set_requester_text(component, "restoreOptions", options);
}

vss_result vss_component_set_restore_name(struct vss_component *component, const char *name)
{
	return set_requester_text(component, "restoreName", name);
}

vss_result vss_component_set_selected_for_restore(struct vss_component *component, bool selected,
						  const struct vss_uuid *instance_id)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);
	char id[VSS_UUID_TEXT_SIZE];

	if (!result)
		result = set_yes_no(component, "selectedForRestore", selected);
	if (!result && !vss_xml_set_text(component->node, "restoreInstanceId",
					 instance_id ? vss_uuid_format(instance_id, id) : NULL))
		result = vss_xml_no_memory(component->writer->error);
	return result;
}

vss_result vss_component_set_additional_restores(struct vss_component *component, bool additional)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	return result ? result : set_yes_no(component, "additionalRestores", additional);
}

vss_result vss_component_set_authoritative_restore(struct vss_component *component, bool authoritative)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	return result ? result : set_yes_no(component, "authoritativeRestore", authoritative);
}

vss_result vss_component_set_roll_forward(struct vss_component *component, enum vss_rollforward_type type,
					  const char *point)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	if (!result)
		result = vss_xml_check_text("the point to roll forward to", point, type != VSS_RF_PARTIAL, err);
	if (!result)
		result = vss_component_set_word(component, "rollForwardType", vss_words_roll_forward, (int)type);
	if (!result && !vss_xml_set_text(component->node, "rollForwardPoint", point))
		result = vss_xml_no_memory(err);
	return result;
}

vss_result vss_component_set_file_restore_status(struct vss_component *component,
						 enum vss_file_restore_status status)
{
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);

	return result ? result : vss_component_set_word(component, "fileRestoreStatus",
							vss_words_file_restore_status, (int)status);
}

vss_result vss_component_add_restore_subcomponent(struct vss_component *component, const char *logical_path,
						  const char *name)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);
	xmlNode *node;

	if (!result)
		result = vss_xml_check_text("the logical path", logical_path, true, err);
	if (!result)
		result = vss_xml_check_text("the name of the component", name, false, err);
	if (result)
		return result;
	if (!*name) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "the name of the component is empty");
		return E_INVALIDARG;
	}
	node = vss_xml_new(component->node, "RESTORE_SUBCOMPONENT");
	return vss_component_append(component, VSS_LIST_RESTORE_SUBCOMPONENTS, node,
				    node && vss_xml_set_text(node, "logicalPath", logical_path) &&
				    vss_xml_set_text(node, "componentName", name));
}

static vss_result add_redirection(struct vss_component *component, enum vss_component_list list, const char *path,
				  const char *filespec, bool recursive, const char *destination)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);
	xmlNode *node;

	/* The path is one that the writer's metadata has, of whatever system. */
	if (!result)
		result = vss_xml_check_text("the path", path, false, err);
	if (!result)
		result = vss_xml_check_filespec(filespec, err);
	if (!result)
		result = vss_xml_check_path("the path to restore to", destination, err);
	if (result)
		return result;
	node = vss_xml_new(component->node, vss_component_list_names[list]);
	return vss_component_append(component, list, node,
				    node && vss_xml_set_file(node, path, filespec) &&
				    vss_xml_set_yes_no(node, "recursive", recursive) &&
				    vss_xml_set_text(node, "alternatePath", destination));
}

vss_result vss_component_add_new_target(struct vss_component *component, const char *path, const char *filespec,
					bool recursive, const char *alternate_path)
{
	return add_redirection(component, VSS_LIST_NEW_TARGETS, path, filespec, recursive, alternate_path);
}

vss_result vss_component_add_alternate_location_mapping(struct vss_component *component, const char *path,
							const char *filespec, bool recursive,
							const char *destination)
{
	return add_redirection(component, VSS_LIST_MAPPINGS, path, filespec, recursive, destination);
}

vss_result vss_component_set_ranges_file_path(struct vss_component *component, uint32_t partial_file,
					      const char *path)
{
	struct vss_error *err = component->writer->error;
	vss_result result = vss_component_check_access(component, VSS_ACCESS_ALL);
	xmlNode *node;
	char *ranges;
	bool set;

	if (!result)
		result = vss_xml_check_path("the path of the ranges file", path, err);
	if (result)
		return result;
	node = vss_xml_list_get(&component->lists[VSS_LIST_PARTIAL_FILES], partial_file);
	if (!node) {
		vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "the component has no partial file %u", partial_file);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	if (asprintf(&ranges, "File=%s", path) < 0)
		return vss_xml_no_memory(err);
	set = vss_xml_set_text(node, "ranges", ranges);
	free(ranges);
	return set ? S_OK : vss_xml_no_memory(err);
}

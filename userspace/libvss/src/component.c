// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Components in a Backup Components Document: what requesters and writers read
 * (IVssWriterComponents, the getters of IVssComponent).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup-document-tree.h"
#include "error.h"
#include "xml-parse.h"

void vss_partial_file_clear(struct vss_partial_file *file)
{
	free(file->path);
	free(file->filename);
	free(file->ranges);
	free(file->metadata);
	memset(file, 0, sizeof(*file));
}

void vss_differenced_file_clear(struct vss_differenced_file *file)
{
	free(file->path);
	free(file->filespec);
	free(file->lsn);
	memset(file, 0, sizeof(*file));
}

void vss_directed_target_clear(struct vss_directed_target *target)
{
	free(target->source_path);
	free(target->source_filename);
	free(target->source_ranges);
	free(target->destination_path);
	free(target->destination_filename);
	free(target->destination_ranges);
	memset(target, 0, sizeof(*target));
}

/* ---- IVssWriterComponents ---- */

vss_result vss_writer_components_get_component_count(struct vss_writer_components *components, uint32_t *count)
{
	*count = components->count;
	return S_OK;
}

vss_result vss_writer_components_get_writer_info(struct vss_writer_components *components,
						 struct vss_uuid *instance_id, struct vss_uuid *writer_id)
{
	*instance_id = components->instance_id;
	*writer_id = components->writer_id;
	return S_OK;
}

static vss_result past_the_end(struct vss_error *err, const char *what, uint32_t index, size_t count)
{
	vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no %s %u; there are %zu, counted from 0", what,
		      index, count);
	return VSS_E_OBJECT_NOT_FOUND;
}

vss_result vss_writer_components_get_component(struct vss_writer_components *components, uint32_t index,
					       struct vss_component **component)
{
	if (index >= components->count)
		return past_the_end(components->error, "component", index, components->count);
	*component = components->components[index];
	return S_OK;
}

const struct vss_error *vss_writer_components_error(const struct vss_writer_components *components)
{
	return components->error;
}

const struct vss_error *vss_component_error(const struct vss_component *component)
{
	return component->writer->error;
}

/* ---- values ---- */

xmlNode *vss_component_child(const struct vss_component *component, const char *name)
{
	for (xmlNode *child = component->node->children; child; child = child->next)
		if (vss_xml_is(child, name))
			return child;
	return NULL;
}

/* S_FALSE and NULL for what is not there. */
static vss_result get_text(struct vss_component *component, const xmlNode *element, const char *name, char **text)
{
	*text = NULL;
	if (!element)
		return S_FALSE;
	if (!vss_xml_copy_text(element, name, text))
		return vss_xml_no_memory(component->writer->error);
	return *text ? S_OK : S_FALSE;
}

vss_result vss_component_get_logical_path(struct vss_component *component, char **path)
{
	return get_text(component, component->node, "logicalPath", path);
}

vss_result vss_component_get_component_type(struct vss_component *component, enum vss_component_type *type)
{
	*type = (enum vss_component_type)vss_xml_word(component->node, "componentType", vss_words_component_type,
						      VSS_CT_UNDEFINED);
	return S_OK;
}

vss_result vss_component_get_component_name(struct vss_component *component, char **name)
{
	return get_text(component, component->node, "componentName", name);
}

vss_result vss_component_get_backup_succeeded(struct vss_component *component, bool *succeeded)
{
	*succeeded = vss_xml_yes_no(component->node, "backupSucceeded");
	return S_OK;
}

vss_result vss_component_get_backup_options(struct vss_component *component, char **options)
{
	return get_text(component, component->node, "backupOptions", options);
}

vss_result vss_component_get_previous_backup_stamp(struct vss_component *component, char **stamp)
{
	return get_text(component, component->node, "previousBackupStamp", stamp);
}

vss_result vss_component_get_backup_stamp(struct vss_component *component, char **stamp)
{
	return get_text(component, component->node, "backupStamp", stamp);
}

vss_result vss_component_get_backup_metadata(struct vss_component *component, char **metadata)
{
	return get_text(component, vss_component_child(component, "BACKUP_METADATA"), "metadata", metadata);
}

vss_result vss_component_get_restore_metadata(struct vss_component *component, char **metadata)
{
	return get_text(component, vss_component_child(component, "RESTORE_METADATA"), "metadata", metadata);
}

vss_result vss_component_is_selected_for_restore(struct vss_component *component, bool *selected)
{
	*selected = vss_xml_yes_no(component->node, "selectedForRestore");
	return S_OK;
}

vss_result vss_component_get_additional_restores(struct vss_component *component, bool *additional)
{
	*additional = vss_xml_yes_no(component->node, "additionalRestores");
	return S_OK;
}

vss_result vss_component_get_restore_options(struct vss_component *component, char **options)
{
	return get_text(component, component->node, "restoreOptions", options);
}

vss_result vss_component_get_restore_name(struct vss_component *component, char **name)
{
	return get_text(component, component->node, "restoreName", name);
}

vss_result vss_component_get_authoritative_restore(struct vss_component *component, bool *authoritative)
{
	*authoritative = vss_xml_yes_no(component->node, "authoritativeRestore");
	return S_OK;
}

vss_result vss_component_get_roll_forward(struct vss_component *component, enum vss_rollforward_type *type,
					  char **point)
{
	vss_result result = get_text(component, component->node, "rollForwardPoint", point);

	*type = (enum vss_rollforward_type)vss_xml_word(component->node, "rollForwardType", vss_words_roll_forward,
							VSS_RF_UNDEFINED);
	return result == S_FALSE ? S_OK : result;
}

vss_result vss_component_get_file_restore_status(struct vss_component *component,
						 enum vss_file_restore_status *status)
{
	*status = (enum vss_file_restore_status)vss_xml_word(component->node, "fileRestoreStatus",
							     vss_words_file_restore_status, VSS_RS_UNDEFINED);
	return S_OK;
}

vss_result vss_component_get_restore_target(struct vss_component *component, enum vss_restore_target *target)
{
	*target = (enum vss_restore_target)vss_xml_word(component->node, "restoreTarget", vss_words_restore_target,
							VSS_RT_ORIGINAL);
	return S_OK;
}

/* ---- lists ---- */

static vss_result list_count(const struct vss_component *component, enum vss_component_list list, uint32_t *count)
{
	*count = (uint32_t)component->lists[list].count;
	return S_OK;
}

static vss_result list_get(struct vss_component *component, enum vss_component_list list, uint32_t index,
			   const xmlNode **node)
{
	*node = vss_xml_list_get(&component->lists[list], index);
	return *node ? S_OK : past_the_end(component->writer->error, vss_component_list_names[list], index,
					   component->lists[list].count);
}

vss_result vss_component_get_partial_file_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_PARTIAL_FILES, count);
}

vss_result vss_component_get_partial_file(struct vss_component *component, uint32_t index,
					  struct vss_partial_file *file)
{
	const xmlNode *node;
	vss_result result = list_get(component, VSS_LIST_PARTIAL_FILES, index, &node);

	memset(file, 0, sizeof(*file));
	if (result)
		return result;
	if (vss_xml_copy_text(node, "path", &file->path) && vss_xml_copy_text(node, "filename", &file->filename) &&
	    vss_xml_copy_text(node, "ranges", &file->ranges) && vss_xml_copy_text(node, "metadata", &file->metadata))
		return S_OK;
	vss_partial_file_clear(file);
	return vss_xml_no_memory(component->writer->error);
}

vss_result vss_component_get_differenced_files_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_DIFFERENCED_FILES, count);
}

vss_result vss_component_get_differenced_file(struct vss_component *component, uint32_t index,
					      struct vss_differenced_file *file)
{
	const xmlNode *node;
	vss_result result = list_get(component, VSS_LIST_DIFFERENCED_FILES, index, &node);

	memset(file, 0, sizeof(*file));
	if (result)
		return result;
	file->recursive = vss_xml_yes_no(node, "recursive");
	file->last_modify_time = vss_xml_number(node, "lastModifyTime", 0);
	if (vss_xml_copy_text(node, "path", &file->path) && vss_xml_copy_text(node, "filespec", &file->filespec))
		return S_OK;
	vss_differenced_file_clear(file);
	return vss_xml_no_memory(component->writer->error);
}

vss_result vss_component_get_restore_subcomponent_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_RESTORE_SUBCOMPONENTS, count);
}

vss_result vss_component_get_restore_subcomponent(struct vss_component *component, uint32_t index,
						  char **logical_path, char **name)
{
	const xmlNode *node;
	vss_result result = list_get(component, VSS_LIST_RESTORE_SUBCOMPONENTS, index, &node);

	*logical_path = *name = NULL;
	if (result)
		return result;
	if (vss_xml_copy_text(node, "logicalPath", logical_path) && vss_xml_copy_text(node, "componentName", name))
		return S_OK;
	free(*logical_path);
	*logical_path = NULL;
	return vss_xml_no_memory(component->writer->error);
}

static vss_result get_filedesc(struct vss_component *component, enum vss_component_list list, uint32_t index,
			       struct vss_wm_filedesc *filedesc)
{
	const xmlNode *node;
	vss_result result = list_get(component, list, index, &node);

	memset(filedesc, 0, sizeof(*filedesc));
	if (result)
		return result;
	return vss_xml_filedesc(node, filedesc) ? S_OK : vss_xml_no_memory(component->writer->error);
}

vss_result vss_component_get_new_target_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_NEW_TARGETS, count);
}

vss_result vss_component_get_new_target(struct vss_component *component, uint32_t index,
					struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(component, VSS_LIST_NEW_TARGETS, index, filedesc);
}

vss_result vss_component_get_alternate_location_mapping_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_MAPPINGS, count);
}

vss_result vss_component_get_alternate_location_mapping(struct vss_component *component, uint32_t index,
							struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(component, VSS_LIST_MAPPINGS, index, filedesc);
}

vss_result vss_component_get_directed_target_count(struct vss_component *component, uint32_t *count)
{
	return list_count(component, VSS_LIST_DIRECTED_TARGETS, count);
}

vss_result vss_component_get_directed_target(struct vss_component *component, uint32_t index,
					     struct vss_directed_target *target)
{
	const xmlNode *node;
	vss_result result = list_get(component, VSS_LIST_DIRECTED_TARGETS, index, &node);

	memset(target, 0, sizeof(*target));
	if (result)
		return result;
	if (vss_xml_copy_text(node, "sourcePath", &target->source_path) &&
	    vss_xml_copy_text(node, "sourceFilename", &target->source_filename) &&
	    vss_xml_copy_text(node, "sourceRanges", &target->source_ranges) &&
	    vss_xml_copy_text(node, "destinationPath", &target->destination_path) &&
	    vss_xml_copy_text(node, "destinationFilename", &target->destination_filename) &&
	    vss_xml_copy_text(node, "destinationRanges", &target->destination_ranges))
		return S_OK;
	vss_directed_target_clear(target);
	return vss_xml_no_memory(component->writer->error);
}

/* ---- failures ---- */

vss_result vss_component_get_failure_msg(struct vss_component *component, enum vss_component_failure at,
					 char **message)
{
	for (xmlNode *child = component->node->children; child; child = child->next)
		if (vss_xml_is(child, "FAILURE_MESSAGE") &&
		    vss_xml_word(child, "event", vss_words_failure_event, -1) == (int)at)
			return get_text(component, child, "message", message);
	*message = NULL;
	return S_FALSE;
}

vss_result vss_component_get_failure(struct vss_component *component, vss_result *failure,
				     vss_result *application_code, char **message)
{
	const xmlNode *node = vss_component_child(component, "FAILURE");

	*failure = *application_code = S_OK;
	*message = NULL;
	if (!node)
		return S_FALSE;
	if (!vss_xml_copy_text(node, "message", message))
		return vss_xml_no_memory(component->writer->error);
	*failure = (vss_result)vss_xml_number(node, "result", S_OK);
	*application_code = (vss_result)vss_xml_number(node, "applicationCode", S_OK);
	return S_OK;
}

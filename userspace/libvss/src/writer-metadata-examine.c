// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Examining a Writer Metadata Document (IVssExamineWriterMetadata,
 * IVssWMComponent, IVssWMFiledesc, IVssWMDependency).
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "writer-metadata-tree.h"
#include "xml-parse.h"

static vss_result no_memory(struct vss_writer_metadata *metadata)
{
	return vss_xml_no_memory(&metadata->error);
}

static vss_result past_the_end(struct vss_writer_metadata *metadata, const char *what, uint32_t index,
			       size_t count)
{
	vss_error_set(&metadata->error, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
		      "there is no %s %u; there are %zu, counted from 0", what, index, count);
	return VSS_E_OBJECT_NOT_FOUND;
}

static vss_result get_filedesc(struct vss_writer_metadata *metadata, const struct vss_xml_list *list,
			       const char *what, uint32_t index, struct vss_wm_filedesc *filedesc)
{
	const xmlNode *node = vss_xml_list_get(list, index);

	memset(filedesc, 0, sizeof(*filedesc));
	if (!node)
		return past_the_end(metadata, what, index, list->count);
	return vss_xml_filedesc(node, filedesc) ? S_OK : no_memory(metadata);
}

/* ---- the document ---- */

vss_result vss_examine_writer_metadata_get_identity(struct vss_writer_metadata *metadata,
						    struct vss_writer_identity *identity)
{
	const xmlNode *node = metadata->identification;

	memset(identity, 0, sizeof(*identity));
	vss_xml_uuid(node, "instanceId", &identity->instance_id);
	vss_xml_uuid(node, "writerId", &identity->writer_id);
	identity->usage = (enum vss_usage_type)vss_xml_word(node, "usage", vss_words_usage, VSS_UT_UNDEFINED);
	identity->source = (enum vss_source_type)vss_xml_word(node, "dataSource", vss_words_source,
							      VSS_ST_UNDEFINED);
	identity->major_version = (uint32_t)vss_xml_number(node, "majorVersion", 0);
	identity->minor_version = (uint32_t)vss_xml_number(node, "minorVersion", 0);
	if (vss_xml_copy_text(node, "friendlyName", &identity->writer_name) &&
	    vss_xml_copy_text(node, "instanceName", &identity->instance_name))
		return S_OK;
	vss_writer_identity_clear(identity);
	return no_memory(metadata);
}

vss_result vss_examine_writer_metadata_get_file_counts(struct vss_writer_metadata *metadata,
						       uint32_t *include_files, uint32_t *exclude_files,
						       uint32_t *components)
{
	/* File sets outside components are no longer made; Windows gives 0 as well. */
	*include_files = 0;
	*exclude_files = (uint32_t)metadata->excludes.count;
	*components = metadata->count;
	return S_OK;
}

vss_result vss_examine_writer_metadata_get_exclude_file(struct vss_writer_metadata *metadata, uint32_t index,
							struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(metadata, &metadata->excludes, "EXCLUDE_FILES", index, filedesc);
}

vss_result vss_examine_writer_metadata_get_exclude_from_snapshot_count(struct vss_writer_metadata *metadata,
								       uint32_t *count)
{
	*count = (uint32_t)metadata->snapshot_excludes.count;
	return S_OK;
}

vss_result vss_examine_writer_metadata_get_exclude_from_snapshot_file(struct vss_writer_metadata *metadata,
								      uint32_t index,
								      struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(metadata, &metadata->snapshot_excludes, "EXCLUDE_FILES_FROM_SNAPSHOT", index, filedesc);
}

vss_result vss_examine_writer_metadata_get_restore_method(struct vss_writer_metadata *metadata,
							  struct vss_restore_method *method)
{
	const xmlNode *node = metadata->restore_method;

	memset(method, 0, sizeof(*method));
	if (!node)
		return S_FALSE;
	method->method = (enum vss_restoremethod)vss_xml_word(node, "method", vss_words_restore_method,
							      VSS_RME_UNDEFINED);
	method->writer_restore = (enum vss_writerrestore)vss_xml_word(node, "writerRestore",
								      vss_words_writer_restore,
								      VSS_WRE_UNDEFINED);
	method->reboot_required = vss_xml_yes_no(node, "rebootRequired");
	method->mappings = (uint32_t)metadata->mappings.count;
	if (vss_xml_copy_text(node, "service", &method->service) &&
	    vss_xml_copy_text(node, "userProcedure", &method->user_procedure))
		return S_OK;
	vss_restore_method_clear(method);
	return no_memory(metadata);
}

vss_result vss_examine_writer_metadata_get_alternate_location_mapping(struct vss_writer_metadata *metadata,
								      uint32_t index,
								      struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(metadata, &metadata->mappings, "ALTERNATE_LOCATION_MAPPING", index, filedesc);
}

vss_result vss_examine_writer_metadata_get_backup_schema(struct vss_writer_metadata *metadata, uint32_t *schema)
{
	*schema = (uint32_t)vss_xml_number(xmlDocGetRootElement(metadata->doc), "backupSchema", VSS_BS_UNDEFINED);
	return S_OK;
}

/* ---- components ---- */

vss_result vss_examine_writer_metadata_get_component(struct vss_writer_metadata *metadata, uint32_t index,
						     struct vss_wm_component **component)
{
	if (index >= metadata->count)
		return past_the_end(metadata, "component", index, metadata->count);
	*component = metadata->components[index];
	return S_OK;
}

vss_result vss_examine_writer_metadata_find_component(struct vss_writer_metadata *metadata,
						      const char *logical_path, const char *name,
						      struct vss_wm_component **component)
{
	struct vss_wm_component *found = vss_writer_metadata_find(metadata, logical_path, name);

	if (!found) {
		vss_error_set(&metadata->error, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
			      "the writer has no component \"%.200s\" of the logical path \"%.200s\"", name ? name : "",
			      logical_path ? logical_path : "");
		return VSS_E_OBJECT_NOT_FOUND;
	}
	*component = found;
	return S_OK;
}

vss_result vss_wm_component_get_component_info(struct vss_wm_component *component, struct vss_component_info *info)
{
	const xmlNode *node = component->node;

	memset(info, 0, sizeof(*info));
	info->type = vss_wm_component_is_database(component) ? VSS_CT_DATABASE : VSS_CT_FILEGROUP;
	info->restore_metadata = vss_xml_yes_no(node, "restoreMetadata");
	info->notify_on_backup_complete = vss_xml_yes_no(node, "notifyOnBackupComplete");
	info->selectable = vss_xml_yes_no(node, "selectable");
	info->selectable_for_restore = vss_xml_yes_no(node, "selectableForRestore");
	info->component_flags = (uint32_t)vss_xml_number(node, "componentFlags", 0);
	info->file_count = (uint32_t)component->lists[VSS_WM_FILES].count;
	info->databases = (uint32_t)component->lists[VSS_WM_DATABASE_FILES].count;
	info->log_files = (uint32_t)component->lists[VSS_WM_LOG_FILES].count;
	info->dependencies = (uint32_t)component->lists[VSS_WM_DEPENDENCIES].count;
	if (vss_xml_copy_text(node, "logicalPath", &info->logical_path) &&
	    vss_xml_copy_text(node, "componentName", &info->component_name) &&
	    vss_xml_copy_text(node, "caption", &info->caption))
		return S_OK;
	vss_component_info_clear(info);
	return no_memory(component->metadata);
}

vss_result vss_wm_component_get_file(struct vss_wm_component *component, uint32_t index,
				     struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(component->metadata, &component->lists[VSS_WM_FILES], "FILE_LIST", index, filedesc);
}

vss_result vss_wm_component_get_database_file(struct vss_wm_component *component, uint32_t index,
					      struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(component->metadata, &component->lists[VSS_WM_DATABASE_FILES], "DATABASE_FILES", index,
			    filedesc);
}

vss_result vss_wm_component_get_database_log_file(struct vss_wm_component *component, uint32_t index,
						  struct vss_wm_filedesc *filedesc)
{
	return get_filedesc(component->metadata, &component->lists[VSS_WM_LOG_FILES], "DATABASE_LOGFILES", index,
			    filedesc);
}

vss_result vss_wm_component_get_dependency(struct vss_wm_component *component, uint32_t index,
					   struct vss_wm_dependency *dependency)
{
	const struct vss_xml_list *list = &component->lists[VSS_WM_DEPENDENCIES];
	const xmlNode *node = vss_xml_list_get(list, index);

	memset(dependency, 0, sizeof(*dependency));
	if (!node)
		return past_the_end(component->metadata, "DEPENDENCY", index, list->count);
	vss_xml_uuid(node, "writerId", &dependency->writer_id);
	if (vss_xml_copy_text(node, "logicalPath", &dependency->logical_path) &&
	    vss_xml_copy_text(node, "componentName", &dependency->component_name))
		return S_OK;
	vss_wm_dependency_clear(dependency);
	return no_memory(component->metadata);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making a Writer Metadata Document (IVssCreateWriterMetadata).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file-sets.h"
#include "writer-metadata-tree.h"
#include "xml-parse.h"

#define ALL_MASK	((uint32_t)(VSS_FSBT_ALL_BACKUP_REQUIRED | VSS_FSBT_ALL_SNAPSHOT_REQUIRED))
#define ALL_FLAGS	((uint32_t)(VSS_CF_BACKUP_RECOVERY | VSS_CF_APP_ROLLBACK_RECOVERY | VSS_CF_NOT_SYSTEM_STATE))
#define ALL_SCHEMAS	UINT32_C(0xf7ff)

static vss_result no_memory(struct vss_writer_metadata *metadata)
{
	return vss_xml_no_memory(&metadata->error);
}

static vss_result invalid(struct vss_error *err, const char *what)
{
	vss_error_set(err, -EINVAL, E_INVALIDARG, "%s", what);
	return E_INVALIDARG;
}

/* ---- identity ---- */

static vss_result check_identity(const struct vss_writer_identity *identity, struct vss_error *err)
{
	vss_result result = vss_xml_check_text("the writer's name", identity->writer_name, false, err);

	if (!result)
		result = vss_xml_check_text("the writer's instance name", identity->instance_name, true, err);
	if (result)
		return result;
	if (!*identity->writer_name)
		return invalid(err, "a writer needs a name that is not empty");
	if (vss_uuid_is_null(&identity->writer_id) || vss_uuid_is_null(&identity->instance_id))
		return invalid(err, "a writer needs a class and an instance identifier that are not null");
	if (!vss_xml_word_text(vss_words_usage, (int)identity->usage))
		return invalid(err, "a writer needs a usage type (VSS_UT_*) that is not undefined");
	if (!vss_xml_word_text(vss_words_source, (int)identity->source))
		return invalid(err, "a writer needs a source type (VSS_ST_*) that is not undefined");
	return S_OK;
}

static bool fill_identity(xmlNode *root, const struct vss_writer_identity *identity)
{
	xmlNode *node = vss_xml_new(root, "IDENTIFICATION");
	const char *instance_name = identity->instance_name && *identity->instance_name ? identity->instance_name :
		NULL;

	return vss_xml_append(root, node) && vss_xml_set_uuid(node, "writerId", &identity->writer_id) &&
		vss_xml_set_uuid(node, "instanceId", &identity->instance_id) &&
		vss_xml_set_text(node, "instanceName", instance_name) &&
		vss_xml_set_text(node, "friendlyName", identity->writer_name) &&
		vss_xml_set_word(node, "usage", vss_words_usage, (int)identity->usage) &&
		vss_xml_set_word(node, "dataSource", vss_words_source, (int)identity->source) &&
		vss_xml_set_number(node, "majorVersion", identity->major_version) &&
		vss_xml_set_number(node, "minorVersion", identity->minor_version);
}

vss_result vss_create_writer_metadata(const struct vss_writer_identity *identity,
				      struct vss_writer_metadata **metadata, struct vss_error *err)
{
	vss_result result = check_identity(identity, err);
	xmlNode *root;
	xmlDoc *doc;

	if (result)
		return result;
	doc = xmlNewDoc((const xmlChar *)"1.0");
	root = doc ? xmlNewDocNode(doc, NULL, (const xmlChar *)"WRITER_METADATA", NULL) : NULL;
	if (!root) {
		xmlFreeDoc(doc);
		return vss_xml_no_memory(err);
	}
	xmlDocSetRootElement(doc, root);
	xmlSetNs(root, xmlNewNs(root, (const xmlChar *)VSS_METADATA_NAMESPACE, NULL));
	if (!root->ns || !vss_xml_set_text(root, "version", "1.2") || !fill_identity(root, identity) ||
	    !vss_xml_append(root, vss_xml_new(root, "BACKUP_LOCATIONS"))) {
		xmlFreeDoc(doc);
		return vss_xml_no_memory(err);
	}
	return vss_writer_metadata_of(doc, metadata, err);
}

/* ---- excluded files ---- */

/* Exclude lists come before components; a new entry comes behind the others of its list. */
static bool place_exclude(struct vss_writer_metadata *metadata, const struct vss_xml_list *list, xmlNode *node)
{
	if (list->count)
		return xmlAddNextSibling(list->nodes[list->count - 1], node);
	if (metadata->count)
		return xmlAddPrevSibling(metadata->components[0]->node, node);
	return xmlAddChild(metadata->locations, node);
}

static vss_result add_exclude(struct vss_writer_metadata *metadata, struct vss_xml_list *list, const char *name,
			      const char *path, const char *filespec, bool recursive)
{
	xmlNode *node;
	vss_result result = vss_xml_check_path("the path of excluded files", path, &metadata->error);

	if (!result)
		result = vss_xml_check_filespec(filespec, &metadata->error);
	if (result)
		return result;
	node = vss_xml_new(metadata->locations, name);
	if (node && vss_xml_set_file(node, path, filespec) && vss_xml_set_yes_no(node, "recursive", recursive) &&
	    place_exclude(metadata, list, node)) {
		if (vss_xml_list_add(list, node))
			return S_OK;
		xmlUnlinkNode(node);
	}
	xmlFreeNode(node);
	return no_memory(metadata);
}

vss_result vss_create_writer_metadata_add_exclude_files(struct vss_writer_metadata *metadata, const char *path,
							const char *filespec, bool recursive)
{
	return add_exclude(metadata, &metadata->excludes, "EXCLUDE_FILES", path, filespec, recursive);
}

vss_result vss_create_writer_metadata_add_exclude_files_from_snapshot(struct vss_writer_metadata *metadata,
								      const char *path, const char *filespec,
								      bool recursive)
{
	return add_exclude(metadata, &metadata->snapshot_excludes, "EXCLUDE_FILES_FROM_SNAPSHOT", path, filespec,
			   recursive);
}

/* ---- components ---- */

static vss_result check_component(struct vss_writer_metadata *metadata, enum vss_component_type type,
				  const char *logical_path, const char *name, const char *caption, uint32_t flags)
{
	struct vss_error *err = &metadata->error;
	vss_result result = vss_xml_check_name("the name of the component", name, err);

	if (!result)
		result = vss_xml_check_text("the logical path", logical_path, true, err);
	if (!result)
		result = vss_xml_check_text("the caption", caption, true, err);
	if (result)
		return result;
	if (type != VSS_CT_DATABASE && type != VSS_CT_FILEGROUP)
		return invalid(err, "a component is a database (VSS_CT_DATABASE) or a file group (VSS_CT_FILEGROUP)");
	if (flags & ~ALL_FLAGS)
		return invalid(err, "the component has flags that are not in enum vss_component_flags");
	if (!vss_writer_metadata_find(metadata, logical_path, name))
		return S_OK;
	vss_error_set(err, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
		      "the component \"%.200s\" of the logical path \"%.200s\" is in the document already", name,
		      logical_path ? logical_path : "");
	return VSS_E_OBJECT_ALREADY_EXISTS;
}

/* Optional texts are left out when they are empty. */
static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

vss_result vss_create_writer_metadata_add_component(struct vss_writer_metadata *metadata,
						    enum vss_component_type type, const char *logical_path,
						    const char *component_name, const char *caption,
						    bool restore_metadata, bool notify_on_backup_complete,
						    bool selectable, bool selectable_for_restore,
						    uint32_t component_flags)
{
	vss_result result = check_component(metadata, type, logical_path, component_name, caption, component_flags);
	xmlNode *node;

	if (result)
		return result;
	node = vss_xml_new(metadata->locations, type == VSS_CT_DATABASE ? "DATABASE" : "FILE_GROUP");
	if (!node || !vss_xml_set_text(node, "logicalPath", or_null(logical_path)) ||
	    !vss_xml_set_text(node, "componentName", component_name) ||
	    !vss_xml_set_text(node, "caption", or_null(caption)) ||
	    !vss_xml_set_yes_no(node, "restoreMetadata", restore_metadata) ||
	    !vss_xml_set_yes_no(node, "notifyOnBackupComplete", notify_on_backup_complete) ||
	    !vss_xml_set_yes_no(node, "selectable", selectable) ||
	    !vss_xml_set_yes_no(node, "selectableForRestore", selectable_for_restore) ||
	    !vss_xml_set_number(node, "componentFlags", component_flags) ||
	    !xmlAddChild(metadata->locations, node)) {
		xmlFreeNode(node);
		return no_memory(metadata);
	}
	result = vss_writer_metadata_add(metadata, node);
	if (result) {
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
	return result;
}

/* ---- file sets ---- */

static vss_result find_component(struct vss_writer_metadata *metadata, const char *logical_path, const char *name,
				 struct vss_wm_component **component)
{
	return vss_examine_writer_metadata_find_component(metadata, logical_path, name, component);
}

static bool know_file_sets(struct vss_wm_component *component)
{
	if (component->file_sets)
		return true;
	component->file_sets = vss_file_sets_new();
	for (size_t i = VSS_WM_FILES; component->file_sets && i <= VSS_WM_LOG_FILES; i++)
		for (size_t k = 0; k < component->lists[i].count; k++) {
			const xmlNode *node = component->lists[i].nodes[k];

			if (vss_file_sets_add(component->file_sets, vss_xml_text(node, "path"),
					      vss_xml_text(node, "filespec"), vss_xml_yes_no(node, "recursive")))
				continue;
			vss_file_sets_free(component->file_sets);
			component->file_sets = NULL;
			return false;
		}
	return component->file_sets;
}

static vss_result check_file_set(struct vss_wm_component *component, bool database, const char *path,
				 const char *filespec, bool recursive, uint32_t mask)
{
	struct vss_error *err = &component->metadata->error;
	vss_result result = vss_xml_check_path("the path of the file set", path, err);
	const char *with_path, *with_filespec;

	if (!result)
		result = vss_xml_check_filespec(filespec, err);
	if (result)
		return result;
	if (vss_wm_component_is_database(component) != database)
		return invalid(err, database ? "the component is a file group; its files are added with "
			       "add_files_to_file_group" : "the component is a database; its files are added with "
			       "add_database_files and add_database_log_files");
	if (mask & ~ALL_MASK)
		return invalid(err, "the mask of the file set has bits that are not in enum vss_file_spec_backup_type");
	if (!know_file_sets(component))
		return no_memory(component->metadata);
	switch (vss_file_sets_overlap(component->file_sets, path, filespec, recursive, &with_path, &with_filespec)) {
	case VSS_OVERLAP_NONE:
		return S_OK;
	case VSS_OVERLAP:
		break;
	default:
		return no_memory(component->metadata);
	}
	vss_error_set(err, -EINVAL, E_INVALIDARG,
		      "the files \"%.200s\" in \"%.200s\" overlap \"%.200s\" in %.200s, which the component has "
		      "already; no file may be in two file sets of a component", filespec, path, with_filespec, with_path);
	return E_INVALIDARG;
}

static vss_result add_file_set(struct vss_wm_component *component, enum vss_wm_list list, const char *path,
			       const char *filespec, bool recursive, const char *alternate_location, uint32_t mask)
{
	xmlNode *node = vss_xml_new(component->node, vss_wm_list_names[list]);

	if (node && vss_xml_set_file(node, path, filespec) &&
	    (!recursive || vss_xml_set_yes_no(node, "recursive", true)) &&
	    vss_xml_set_text(node, "alternatePath", alternate_location) &&
	    vss_xml_set_number(node, "filespecBackupType", mask ? mask : ALL_MASK) &&
	    vss_xml_list_add(&component->lists[list], node)) {
		if (xmlAddChild(component->node, node)) {
			/* What was not noted for lack of memory is noted anew, with all others. */
			if (!vss_file_sets_add(component->file_sets, path, vss_xml_text(node, "filespec"), recursive)) {
				vss_file_sets_free(component->file_sets);
				component->file_sets = NULL;
			}
			return S_OK;
		}
		component->lists[list].count--;
	}
	xmlFreeNode(node);
	return no_memory(component->metadata);
}

vss_result vss_create_writer_metadata_add_files_to_file_group(struct vss_writer_metadata *metadata,
							      const char *logical_path, const char *group_name,
							      const char *path, const char *filespec,
							      bool recursive, const char *alternate_location,
							      uint32_t backup_type_mask)
{
	struct vss_wm_component *component;
	vss_result result = find_component(metadata, logical_path, group_name, &component);

	if (!result)
		result = check_file_set(component, false, path, filespec, recursive, backup_type_mask);
	if (!result && or_null(alternate_location))
		result = vss_xml_check_path("the alternate location", alternate_location, &metadata->error);
	return result ? result : add_file_set(component, VSS_WM_FILES, path, filespec, recursive,
					      or_null(alternate_location), backup_type_mask);
}

static vss_result add_database_set(struct vss_writer_metadata *metadata, enum vss_wm_list list,
				   const char *logical_path, const char *name, const char *path,
				   const char *filespec, uint32_t mask)
{
	struct vss_wm_component *component;
	vss_result result = find_component(metadata, logical_path, name, &component);

	if (!result)
		result = check_file_set(component, true, path, filespec, false, mask);
	return result ? result : add_file_set(component, list, path, filespec, false, NULL, mask);
}

vss_result vss_create_writer_metadata_add_database_files(struct vss_writer_metadata *metadata,
							 const char *logical_path, const char *database_name,
							 const char *path, const char *filespec,
							 uint32_t backup_type_mask)
{
	return add_database_set(metadata, VSS_WM_DATABASE_FILES, logical_path, database_name, path, filespec,
				backup_type_mask);
}

vss_result vss_create_writer_metadata_add_database_log_files(struct vss_writer_metadata *metadata,
							     const char *logical_path, const char *database_name,
							     const char *path, const char *filespec,
							     uint32_t backup_type_mask)
{
	return add_database_set(metadata, VSS_WM_LOG_FILES, logical_path, database_name, path, filespec,
				backup_type_mask);
}

/* ---- restore method ---- */

static bool needs_service(enum vss_restoremethod method)
{
	return method == VSS_RME_STOP_RESTORE_START || method == VSS_RME_RESTORE_STOP_START;
}

static vss_result check_restore_method(struct vss_error *err, enum vss_restoremethod method, const char *service,
				       const char *user_procedure, enum vss_writerrestore writer_restore)
{
	vss_result result = vss_xml_check_text("the service", service, true, err);

	if (!result)
		result = vss_xml_check_text("the user procedure", user_procedure, true, err);
	if (result)
		return result;
	if (!vss_xml_word_text(vss_words_restore_method, (int)method))
		return invalid(err, "the restore method is none of VSS_RME_*, or undefined");
	if (!vss_xml_word_text(vss_words_writer_restore, (int)writer_restore))
		return invalid(err, "whether the writer takes part in restores is none of VSS_WRE_*, or undefined");
	if (needs_service(method) && !or_null(service))
		return invalid(err, "a restore method that stops and starts a service needs the name of the service");
	return S_OK;
}

static bool fill_restore_method(xmlNode *node, enum vss_restoremethod method, const char *service,
				const char *user_procedure, enum vss_writerrestore writer_restore,
				bool reboot_required)
{
	return vss_xml_set_word(node, "method", vss_words_restore_method, (int)method) &&
		vss_xml_set_text(node, "service", or_null(service)) &&
		vss_xml_set_text(node, "userProcedure", or_null(user_procedure)) &&
		vss_xml_set_word(node, "writerRestore", vss_words_writer_restore, (int)writer_restore) &&
		vss_xml_set_yes_no(node, "rebootRequired", reboot_required);
}

vss_result vss_create_writer_metadata_set_restore_method(struct vss_writer_metadata *metadata,
							 enum vss_restoremethod method, const char *service,
							 const char *user_procedure,
							 enum vss_writerrestore writer_restore,
							 bool reboot_required)
{
	vss_result result = check_restore_method(&metadata->error, method, service, user_procedure, writer_restore);
	xmlNode *node = metadata->restore_method;

	if (result)
		return result;
	/* A second call replaces what the first said; alternate locations stay. */
	if (node)
		return fill_restore_method(node, method, service, user_procedure, writer_restore, reboot_required) ?
			S_OK : no_memory(metadata);
	node = vss_xml_new(metadata->locations, "RESTORE_METHOD");
	if (node && fill_restore_method(node, method, service, user_procedure, writer_restore, reboot_required) &&
	    xmlAddPrevSibling(metadata->locations, node)) {
		metadata->restore_method = node;
		return S_OK;
	}
	xmlFreeNode(node);
	return no_memory(metadata);
}

static bool is_file_set(const xmlNode *node, const char *path, const char *filespec, bool recursive)
{
	return !strcmp(vss_xml_text(node, "path"), path) && !strcmp(vss_xml_text(node, "filespec"), filespec) &&
		vss_xml_yes_no(node, "recursive") == recursive;
}

static bool has_file_set(const struct vss_writer_metadata *metadata, const char *path, const char *filespec,
			 bool recursive)
{
	for (uint32_t i = 0; i < metadata->count; i++)
		for (size_t k = VSS_WM_FILES; k <= VSS_WM_LOG_FILES; k++) {
			const struct vss_xml_list *list = &metadata->components[i]->lists[k];

			for (size_t n = 0; n < list->count; n++)
				if (is_file_set(list->nodes[n], path, filespec, recursive))
					return true;
		}
	return false;
}

vss_result vss_create_writer_metadata_add_alternate_location_mapping(struct vss_writer_metadata *metadata,
								     const char *source_path,
								     const char *source_filespec,
								     bool recursive, const char *destination)
{
	struct vss_error *err = &metadata->error;
	vss_result result = vss_xml_check_path("the path of the file set", source_path, err);
	xmlNode *node;

	if (!result)
		result = vss_xml_check_filespec(source_filespec, err);
	if (!result)
		result = vss_xml_check_path("the alternate location", destination, err);
	if (result)
		return result;
	if (!metadata->restore_method) {
		vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
			      "alternate locations belong to the restore method; set that first");
		return VSS_E_OBJECT_NOT_FOUND;
	}
	if (!has_file_set(metadata, source_path, source_filespec, recursive))
		return invalid(err, "no component has this file set; path, file specification and recursion must be "
			       "those of one that was added");
	node = vss_xml_new(metadata->restore_method, "ALTERNATE_LOCATION_MAPPING");
	if (node && vss_xml_set_file(node, source_path, source_filespec) &&
	    vss_xml_set_yes_no(node, "recursive", recursive) &&
	    vss_xml_set_text(node, "alternatePath", destination) && vss_xml_list_add(&metadata->mappings, node)) {
		if (xmlAddChild(metadata->restore_method, node))
			return S_OK;
		metadata->mappings.count--;
	}
	xmlFreeNode(node);
	return no_memory(metadata);
}

/* ---- dependencies, schema ---- */

vss_result vss_create_writer_metadata_add_component_dependency(struct vss_writer_metadata *metadata,
							       const char *for_logical_path,
							       const char *for_component_name,
							       const struct vss_uuid *on_writer_id,
							       const char *on_logical_path,
							       const char *on_component_name)
{
	struct vss_error *err = &metadata->error;
	struct vss_wm_component *component;
	vss_result result = find_component(metadata, for_logical_path, for_component_name, &component);
	struct vss_xml_list *list;
	struct vss_uuid own;
	xmlNode *node;

	if (!result)
		result = vss_xml_check_text("the logical path of the dependency", on_logical_path, true, err);
	if (!result)
		result = vss_xml_check_name("the component of the dependency", on_component_name, err);
	if (result)
		return result;
	vss_xml_uuid(metadata->identification, "writerId", &own);
	if (vss_uuid_is_null(on_writer_id) || vss_uuid_equal(on_writer_id, &own))
		return invalid(err, "a component depends on one of another writer class, not of its own or of none");
	list = &component->lists[VSS_WM_DEPENDENCIES];
	node = vss_xml_new(component->node, "DEPENDENCY");
	if (node && vss_xml_set_uuid(node, "writerId", on_writer_id) &&
	    vss_xml_set_text(node, "logicalPath", or_null(on_logical_path)) &&
	    vss_xml_set_text(node, "componentName", on_component_name) && vss_xml_list_add(list, node)) {
		if (xmlAddChild(component->node, node))
			return S_OK;
		list->count--;
	}
	xmlFreeNode(node);
	return no_memory(metadata);
}

vss_result vss_create_writer_metadata_set_backup_schema(struct vss_writer_metadata *metadata, uint32_t schema)
{
	const uint32_t refinements = VSS_BS_EXCLUSIVE_INCREMENTAL_DIFFERENTIAL | VSS_BS_TIMESTAMPED |
		VSS_BS_LAST_MODIFY;
	xmlNode *root = xmlDocGetRootElement(metadata->doc);

	if (schema & ~ALL_SCHEMAS)
		return invalid(&metadata->error, "the schema has bits that are not in enum vss_backup_schema");
	if ((schema & refinements) && !(schema & (VSS_BS_DIFFERENTIAL | VSS_BS_INCREMENTAL)))
		return invalid(&metadata->error, "the exclusive, timestamped and last-modify schemas need "
			       "VSS_BS_DIFFERENTIAL or VSS_BS_INCREMENTAL beside them");
	/* Undefined is written as no attribute. */
	return (schema ? vss_xml_set_number(root, "backupSchema", schema) :
		vss_xml_set_text(root, "backupSchema", NULL)) ? S_OK : no_memory(metadata);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A Writer Metadata Document as a tree.
 */
#include "document.h"

static const char *restore_method_name(enum vss_restoremethod method)
{
	static const char *const names[] = {
		[VSS_RME_UNDEFINED] = "VSS_RME_UNDEFINED",
		[VSS_RME_RESTORE_IF_NOT_THERE] = "VSS_RME_RESTORE_IF_NOT_THERE",
		[VSS_RME_RESTORE_IF_CAN_REPLACE] = "VSS_RME_RESTORE_IF_CAN_REPLACE",
		[VSS_RME_STOP_RESTORE_START] = "VSS_RME_STOP_RESTORE_START",
		[VSS_RME_RESTORE_TO_ALTERNATE_LOCATION] = "VSS_RME_RESTORE_TO_ALTERNATE_LOCATION",
		[VSS_RME_RESTORE_AT_REBOOT] = "VSS_RME_RESTORE_AT_REBOOT",
		[VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE] = "VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE",
		[VSS_RME_CUSTOM] = "VSS_RME_CUSTOM",
		[VSS_RME_RESTORE_STOP_START] = "VSS_RME_RESTORE_STOP_START",
	};

	return names[method];
}

static const char *writer_restore_name(enum vss_writerrestore restore)
{
	static const char *const names[] = {
		[VSS_WRE_UNDEFINED] = "VSS_WRE_UNDEFINED",
		[VSS_WRE_NEVER] = "VSS_WRE_NEVER",
		[VSS_WRE_IF_REPLACE_FAILS] = "VSS_WRE_IF_REPLACE_FAILS",
		[VSS_WRE_ALWAYS] = "VSS_WRE_ALWAYS",
	};

	return names[restore];
}

typedef vss_result (*component_file_fn)(struct vss_wm_component *component, uint32_t index,
					struct vss_wm_filedesc *file);
typedef vss_result (*writer_file_fn)(struct vss_writer_metadata *metadata, uint32_t index,
				     struct vss_wm_filedesc *file);

static json_object *component_files(struct vss_wm_component *component, component_file_fn get)
{
	json_object *array = json_object_new_array();
	struct vss_wm_filedesc file;

	for (uint32_t i = 0; !get(component, i, &file); i++) {
		json_object_array_add(array, vssctl_tree_files(&file, true));
		vss_wm_filedesc_clear(&file);
	}
	return array;
}

static json_object *writer_files(struct vss_writer_metadata *metadata, writer_file_fn get)
{
	json_object *array = json_object_new_array();
	struct vss_wm_filedesc file;

	for (uint32_t i = 0; !get(metadata, i, &file); i++) {
		json_object_array_add(array, vssctl_tree_files(&file, false));
		vss_wm_filedesc_clear(&file);
	}
	return array;
}

static json_object *dependencies(struct vss_wm_component *component)
{
	json_object *array = json_object_new_array();
	struct vss_wm_dependency dependency;

	for (uint32_t i = 0; !vss_wm_component_get_dependency(component, i, &dependency); i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_uuid(object, "writer", &dependency.writer_id);
		vssctl_tree_text(object, "logical_path", dependency.logical_path);
		vssctl_tree_text(object, "name", dependency.component_name);
		json_object_array_add(array, object);
		vss_wm_dependency_clear(&dependency);
	}
	return array;
}

static json_object *component_tree(struct vss_wm_component *component)
{
	json_object *object = json_object_new_object();
	struct vss_component_info info;

	if (vss_wm_component_get_component_info(component, &info))
		return object;
	vssctl_tree_text(object, "name", info.component_name);
	vssctl_tree_text(object, "logical_path", info.logical_path);
	vssctl_tree_text(object, "type", vss_component_type_name(info.type));
	vssctl_tree_text(object, "caption", info.caption);
	vssctl_tree_bool(object, "selectable", info.selectable);
	vssctl_tree_bool(object, "selectable_for_restore", info.selectable_for_restore);
	vssctl_tree_bool(object, "restore_metadata", info.restore_metadata);
	vssctl_tree_bool(object, "notify_on_backup_complete", info.notify_on_backup_complete);
	vssctl_tree_number(object, "flags", info.component_flags);
	vssctl_tree_array(object, "files", component_files(component, vss_wm_component_get_file));
	vssctl_tree_array(object, "database_files",
			  component_files(component, vss_wm_component_get_database_file));
	vssctl_tree_array(object, "log_files", component_files(component, vss_wm_component_get_database_log_file));
	vssctl_tree_array(object, "dependencies", dependencies(component));
	vss_component_info_clear(&info);
	return object;
}

static void add_restore_method(json_object *tree, struct vss_writer_metadata *metadata)
{
	struct vss_restore_method method;
	json_object *object;

	if (vss_examine_writer_metadata_get_restore_method(metadata, &method) != S_OK)
		return;
	object = json_object_new_object();
	vssctl_tree_text(object, "method", restore_method_name(method.method));
	vssctl_tree_text(object, "writer_restore", writer_restore_name(method.writer_restore));
	vssctl_tree_bool(object, "reboot_required", method.reboot_required);
	vssctl_tree_text(object, "service", method.service);
	vssctl_tree_text(object, "user_procedure", method.user_procedure);
	vssctl_tree_array(object, "alternate_locations",
			  writer_files(metadata, vss_examine_writer_metadata_get_alternate_location_mapping));
	json_object_object_add(tree, "restore_method", object);
	vss_restore_method_clear(&method);
}

static void add_identity(json_object *tree, struct vss_writer_metadata *metadata)
{
	struct vss_writer_identity identity;
	char version[32];

	if (vss_examine_writer_metadata_get_identity(metadata, &identity))
		return;
	vssctl_tree_text(tree, "name", identity.writer_name);
	vssctl_tree_uuid(tree, "writer", &identity.writer_id);
	vssctl_tree_uuid(tree, "instance", &identity.instance_id);
	vssctl_tree_text(tree, "instance_name", identity.instance_name);
	vssctl_tree_text(tree, "usage", vss_usage_type_name(identity.usage));
	vssctl_tree_text(tree, "source", vss_source_type_name(identity.source));
	snprintf(version, sizeof(version), "%u.%u", identity.major_version, identity.minor_version);
	vssctl_tree_text(tree, "version", version);
	vss_writer_identity_clear(&identity);
}

json_object *vssctl_metadata_tree(struct vss_writer_metadata *metadata)
{
	json_object *tree = json_object_new_object(), *components = json_object_new_array();
	struct vss_wm_component *component;
	uint32_t schema;

	vssctl_tree_text(tree, "document", "writer-metadata");
	add_identity(tree, metadata);
	vss_examine_writer_metadata_get_backup_schema(metadata, &schema);
	vssctl_tree_number(tree, "backup_schema", schema);
	add_restore_method(tree, metadata);
	vssctl_tree_array(tree, "excluded_files",
			  writer_files(metadata, vss_examine_writer_metadata_get_exclude_file));
	vssctl_tree_array(tree, "excluded_from_shadow_copy",
			  writer_files(metadata, vss_examine_writer_metadata_get_exclude_from_snapshot_file));
	for (uint32_t i = 0; !vss_examine_writer_metadata_get_component(metadata, i, &component); i++)
		json_object_array_add(components, component_tree(component));
	vssctl_tree_array(tree, "components", components);
	return tree;
}

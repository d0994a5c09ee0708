// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A Backup Components Document as a tree.
 */
#include <stdlib.h>

#include "document.h"

static const char *restore_type_name(enum vss_restore_type type)
{
	static const char *const names[] = {
		[VSS_RTYPE_UNDEFINED] = "VSS_RTYPE_UNDEFINED",
		[VSS_RTYPE_BY_COPY] = "VSS_RTYPE_BY_COPY",
		[VSS_RTYPE_IMPORT] = "VSS_RTYPE_IMPORT",
		[VSS_RTYPE_OTHER] = "VSS_RTYPE_OTHER",
	};

	return names[type];
}

static const char *roll_forward_name(enum vss_rollforward_type type)
{
	static const char *const names[] = {
		[VSS_RF_UNDEFINED] = "VSS_RF_UNDEFINED",
		[VSS_RF_NONE] = "VSS_RF_NONE",
		[VSS_RF_ALL] = "VSS_RF_ALL",
		[VSS_RF_PARTIAL] = "VSS_RF_PARTIAL",
	};

	return names[type];
}

static const char *restore_status_name(enum vss_file_restore_status status)
{
	static const char *const names[] = {
		[VSS_RS_UNDEFINED] = "VSS_RS_UNDEFINED",
		[VSS_RS_NONE] = "VSS_RS_NONE",
		[VSS_RS_ALL] = "VSS_RS_ALL",
		[VSS_RS_FAILED] = "VSS_RS_FAILED",
	};

	return names[status];
}

static const char *restore_target_name(enum vss_restore_target target)
{
	static const char *const names[] = {
		[VSS_RT_UNDEFINED] = "VSS_RT_UNDEFINED",
		[VSS_RT_ORIGINAL] = "VSS_RT_ORIGINAL",
		[VSS_RT_ALTERNATE] = "VSS_RT_ALTERNATE",
		[VSS_RT_DIRECTED] = "VSS_RT_DIRECTED",
		[VSS_RT_ORIGINAL_LOCATION] = "VSS_RT_ORIGINAL_LOCATION",
	};

	return names[target];
}

/* ---- components ---- */

static void add_text(json_object *object, const char *key, struct vss_component *component,
		     vss_result (*get)(struct vss_component *component, char **text))
{
	char *text;

	get(component, &text);
	vssctl_tree_text(object, key, text);
	free(text);
}

static void add_bool(json_object *object, const char *key, struct vss_component *component,
		     vss_result (*get)(struct vss_component *component, bool *value))
{
	bool value;

	if (!get(component, &value))
		vssctl_tree_bool(object, key, value);
}

/* What is only worth a line when it is so. */
static void add_if_true(json_object *object, const char *key, struct vss_component *component,
			vss_result (*get)(struct vss_component *component, bool *value))
{
	bool value;

	if (!get(component, &value) && value)
		vssctl_tree_bool(object, key, true);
}

static json_object *partial_files(struct vss_component *component)
{
	json_object *array = json_object_new_array();
	struct vss_partial_file file;

	for (uint32_t i = 0; !vss_component_get_partial_file(component, i, &file); i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_text(object, "path", file.path);
		vssctl_tree_text(object, "filename", file.filename);
		vssctl_tree_text(object, "ranges", file.ranges);
		vssctl_tree_text(object, "metadata", file.metadata);
		json_object_array_add(array, object);
		vss_partial_file_clear(&file);
	}
	return array;
}

static json_object *differenced_files(struct vss_component *component)
{
	json_object *array = json_object_new_array();
	struct vss_differenced_file file;

	for (uint32_t i = 0; !vss_component_get_differenced_file(component, i, &file); i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_text(object, "path", file.path);
		vssctl_tree_text(object, "filespec", file.filespec);
		vssctl_tree_bool(object, "recursive", file.recursive);
		if (file.last_modify_time)
			vssctl_tree_time(object, "changed_since", file.last_modify_time);
		json_object_array_add(array, object);
		vss_differenced_file_clear(&file);
	}
	return array;
}

static json_object *subcomponents(struct vss_component *component)
{
	json_object *array = json_object_new_array();
	char *path, *name;

	for (uint32_t i = 0; !vss_component_get_restore_subcomponent(component, i, &path, &name); i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_text(object, "logical_path", path);
		vssctl_tree_text(object, "name", name);
		json_object_array_add(array, object);
		free(path);
		free(name);
	}
	return array;
}

static json_object *redirections(struct vss_component *component,
				 vss_result (*get)(struct vss_component *component, uint32_t index,
						   struct vss_wm_filedesc *file))
{
	json_object *array = json_object_new_array();
	struct vss_wm_filedesc file;

	for (uint32_t i = 0; !get(component, i, &file); i++) {
		json_object_array_add(array, vssctl_tree_files(&file, false));
		vss_wm_filedesc_clear(&file);
	}
	return array;
}

static json_object *directed_targets(struct vss_component *component)
{
	json_object *array = json_object_new_array();
	struct vss_directed_target target;

	for (uint32_t i = 0; !vss_component_get_directed_target(component, i, &target); i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_text(object, "source_path", target.source_path);
		vssctl_tree_text(object, "source_filename", target.source_filename);
		vssctl_tree_text(object, "source_ranges", target.source_ranges);
		vssctl_tree_text(object, "destination_path", target.destination_path);
		vssctl_tree_text(object, "destination_filename", target.destination_filename);
		vssctl_tree_text(object, "destination_ranges", target.destination_ranges);
		json_object_array_add(array, object);
		vss_directed_target_clear(&target);
	}
	return array;
}

static void add_failures(json_object *object, struct vss_component *component)
{
	static const char *const keys[] = {
		[VSS_FAILURE_PREPARE_FOR_BACKUP] = "failure_in_prepare_for_backup",
		[VSS_FAILURE_POST_SNAPSHOT] = "failure_in_post_snapshot",
		[VSS_FAILURE_PRE_RESTORE] = "failure_in_pre_restore",
		[VSS_FAILURE_POST_RESTORE] = "failure_in_post_restore",
	};
	vss_result failure, application_code;
	char *message;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		vss_component_get_failure_msg(component, (enum vss_component_failure)i, &message);
		vssctl_tree_text(object, keys[i], message);
		free(message);
	}
	if (vss_component_get_failure(component, &failure, &application_code, &message) != S_OK)
		return;
	vssctl_tree_text(object, "failure", vss_result_name(failure));
	vssctl_tree_number(object, "failure_application_code", application_code);
	vssctl_tree_text(object, "failure_message", message);
	free(message);
}

static void add_restore(json_object *object, struct vss_component *component)
{
	enum vss_file_restore_status status;
	enum vss_rollforward_type roll;
	enum vss_restore_target target;
	char *point;

	add_bool(object, "selected_for_restore", component, vss_component_is_selected_for_restore);
	add_if_true(object, "additional_restores", component, vss_component_get_additional_restores);
	add_if_true(object, "authoritative_restore", component, vss_component_get_authoritative_restore);
	add_text(object, "restore_options", component, vss_component_get_restore_options);
	add_text(object, "restore_name", component, vss_component_get_restore_name);
	add_text(object, "restore_metadata", component, vss_component_get_restore_metadata);
	vss_component_get_roll_forward(component, &roll, &point);
	if (roll != VSS_RF_UNDEFINED)
		vssctl_tree_text(object, "roll_forward", roll_forward_name(roll));
	vssctl_tree_text(object, "roll_forward_point", point);
	free(point);
	vss_component_get_file_restore_status(component, &status);
	if (status != VSS_RS_UNDEFINED)
		vssctl_tree_text(object, "file_restore_status", restore_status_name(status));
	vss_component_get_restore_target(component, &target);
	if (target != VSS_RT_ORIGINAL)
		vssctl_tree_text(object, "restore_target", restore_target_name(target));
	vssctl_tree_array(object, "restore_subcomponents", subcomponents(component));
	vssctl_tree_array(object, "new_targets", redirections(component, vss_component_get_new_target));
	vssctl_tree_array(object, "alternate_locations",
			  redirections(component, vss_component_get_alternate_location_mapping));
	vssctl_tree_array(object, "directed_targets", directed_targets(component));
}

static json_object *component_tree(struct vss_component *component)
{
	json_object *object = json_object_new_object();
	enum vss_component_type type;

	add_text(object, "name", component, vss_component_get_component_name);
	add_text(object, "logical_path", component, vss_component_get_logical_path);
	vss_component_get_component_type(component, &type);
	vssctl_tree_text(object, "type", vss_component_type_name(type));
	add_bool(object, "backup_succeeded", component, vss_component_get_backup_succeeded);
	add_text(object, "backup_options", component, vss_component_get_backup_options);
	add_text(object, "previous_backup_stamp", component, vss_component_get_previous_backup_stamp);
	add_text(object, "backup_stamp", component, vss_component_get_backup_stamp);
	add_text(object, "backup_metadata", component, vss_component_get_backup_metadata);
	vssctl_tree_array(object, "partial_files", partial_files(component));
	vssctl_tree_array(object, "differenced_files", differenced_files(component));
	add_restore(object, component);
	add_failures(object, component);
	return object;
}

static json_object *writer_tree(struct vss_writer_components *writer)
{
	json_object *object = json_object_new_object(), *components = json_object_new_array();
	char *name = vss_writer_components_instance_name(writer);
	struct vss_uuid instance_id, writer_id;
	struct vss_component *component;

	vss_writer_components_get_writer_info(writer, &instance_id, &writer_id);
	vssctl_tree_uuid(object, "writer", &writer_id);
	vssctl_tree_uuid(object, "instance", &instance_id);
	vssctl_tree_text(object, "instance_name", name);
	free(name);
	vssctl_tree_number(object, "backup_schema", vss_writer_components_backup_schema(writer));
	for (uint32_t i = 0; !vss_writer_components_get_component(writer, i, &component); i++)
		json_object_array_add(components, component_tree(component));
	vssctl_tree_array(object, "components", components);
	return object;
}

/* ---- transportable sets ---- */

static json_object *lun_tree(const struct vss_lun_info *lun)
{
	json_object *object = json_object_new_object(), *ids = json_object_new_array();

	vssctl_tree_text(object, "vendor", lun->vendor);
	vssctl_tree_text(object, "product", lun->product);
	vssctl_tree_text(object, "revision", lun->revision);
	vssctl_tree_text(object, "serial", lun->serial);
	vssctl_tree_number(object, "device_type", lun->device_type);
	vssctl_tree_number(object, "bus_type", lun->bus_type);
	vssctl_tree_number(object, "size", lun->size);
	vssctl_tree_number(object, "block_size", lun->block_size);
	if (!vss_uuid_is_null(&lun->disk_signature))
		vssctl_tree_uuid(object, "disk_signature", &lun->disk_signature);
	vssctl_tree_text(object, "interconnect", lun->interconnect);
	for (size_t i = 0; i < lun->nr_ids; i++) {
		const struct vss_storage_id *id = &lun->ids[i];
		json_object *item = json_object_new_object();
		char text[2 * sizeof(id->bytes) + 1] = "";

		for (size_t k = 0; k < id->size; k++)
			snprintf(text + 2 * k, 3, "%02x", id->bytes[k]);
		vssctl_tree_number(item, "code_set", id->code_set);
		vssctl_tree_number(item, "type", id->type);
		vssctl_tree_number(item, "association", id->association);
		vssctl_tree_text(item, "identifier", text);
		json_object_array_add(ids, item);
	}
	vssctl_tree_array(object, "storage_ids", ids);
	return object;
}

static json_object *mapping_tree(const struct vss_lun_mapping *mapping)
{
	json_object *object = json_object_new_object(), *extents = json_object_new_array();

	json_object_object_add(object, "source", lun_tree(&mapping->source));
	if (mapping->has_destination)
		json_object_object_add(object, "destination", lun_tree(&mapping->destination));
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		json_object *extent = json_object_new_object();

		vssctl_tree_number(extent, "volume_offset", mapping->extents[i].volume_offset);
		vssctl_tree_number(extent, "lun_offset", mapping->extents[i].lun_offset);
		vssctl_tree_number(extent, "length", mapping->extents[i].length);
		json_object_array_add(extents, extent);
	}
	vssctl_tree_array(object, "extents", extents);
	return object;
}

static json_object *member_tree(const struct vss_set_member *member)
{
	json_object *object = json_object_new_object(), *luns = json_object_new_array();
	char *attributes = vss_context_name(member->prop.attributes);

	vssctl_tree_uuid(object, "id", &member->prop.snapshot_id);
	vssctl_tree_uuid(object, "provider", &member->prop.provider_id);
	vssctl_tree_text(object, "volume", member->prop.original_volume_name);
	vssctl_tree_text(object, "attributes", attributes);
	free(attributes);
	vssctl_tree_time(object, "time", member->prop.creation_time);
	vssctl_tree_text(object, "originating_machine", member->prop.originating_machine);
	vssctl_tree_text(object, "service_machine", member->prop.service_machine);
	vssctl_tree_text(object, "exposed_name", member->prop.exposed_name);
	vssctl_tree_text(object, "exposed_path", member->prop.exposed_path);
	vssctl_tree_text(object, "filesystem", member->filesystem);
	vssctl_tree_number(object, "size", member->size);
	vssctl_tree_text(object, "provider_data", member->provider_data);
	for (size_t i = 0; i < member->nr_luns; i++)
		json_object_array_add(luns, mapping_tree(&member->luns[i]));
	vssctl_tree_array(object, "luns", luns);
	return object;
}

static void add_set(json_object *tree, struct vss_backup_document *doc)
{
	json_object *object, *members;
	struct vss_set_description set;
	char *context;

	if (vss_backup_document_get_set(doc, &set, NULL))
		return;
	object = json_object_new_object();
	members = json_object_new_array();
	context = vss_context_name(set.context);
	vssctl_tree_uuid(object, "set", &set.set_id);
	vssctl_tree_text(object, "context", context);
	free(context);
	vssctl_tree_number(object, "count", set.snapshots_count);
	vssctl_tree_text(object, "originating_machine", set.originating_machine);
	vssctl_tree_time(object, "time", set.creation_time);
	for (size_t i = 0; i < set.nr_members; i++)
		json_object_array_add(members, member_tree(&set.members[i]));
	vssctl_tree_array(object, "shadow_copies", members);
	json_object_object_add(tree, "transportable_set", object);
	vss_set_description_clear(&set);
}

json_object *vssctl_backup_tree(struct vss_backup_document *doc)
{
	json_object *tree = json_object_new_object(), *writers = json_object_new_array();
	enum vss_restore_type restore = vss_backup_document_get_restore_state(doc);
	struct vss_backup_state state;
	struct vss_uuid set;

	vss_backup_document_get_backup_state(doc, &state);
	vssctl_tree_text(tree, "document", "backup-components");
	vssctl_tree_text(tree, "backup_type", vss_backup_type_name(state.backup_type));
	vssctl_tree_bool(tree, "select_components", state.select_components);
	vssctl_tree_bool(tree, "bootable_system_state", state.bootable_system_state);
	vssctl_tree_bool(tree, "partial_file_support", state.partial_file_support);
	if (restore != VSS_RTYPE_UNDEFINED)
		vssctl_tree_text(tree, "restore_type", restore_type_name(restore));
	if (vss_backup_document_get_set_id(doc, &set))
		vssctl_tree_uuid(tree, "set", &set);
	for (uint32_t i = 0; i < vss_backup_document_writer_count(doc); i++)
		json_object_array_add(writers, writer_tree(vss_backup_document_writer(doc, i)));
	vssctl_tree_array(tree, "writers", writers);
	add_set(tree, doc);
	return tree;
}

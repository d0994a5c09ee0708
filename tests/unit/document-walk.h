/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at everything in a document through the public calls, for tests and
 * fuzzers: every getter, every index, one past each end.
 */
#ifndef TESTS_DOCUMENT_WALK_H
#define TESTS_DOCUMENT_WALK_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <vss/document.h>

#define WALK_MUST(condition)	do { if (!(condition)) abort(); } while (0)

/* Sums up, so that nothing read is unused: equal documents give equal sums. */
struct walk {
	uint64_t sum;
	size_t items;
};

static inline void walk_number(struct walk *walk, uint64_t number)
{
	walk->sum = walk->sum * 1099511628211u + number + 1;
	walk->items++;
}

static inline void walk_text(struct walk *walk, const char *text)
{
	walk_number(walk, text != NULL);
	for (; text && *text; text++)
		walk->sum = walk->sum * 1099511628211u + (unsigned char)*text;
}

static inline void walk_uuid(struct walk *walk, const struct vss_uuid *uuid)
{
	for (size_t i = 0; i < sizeof(uuid->bytes); i++)
		walk_number(walk, uuid->bytes[i]);
}

static inline void walk_filedesc(struct walk *walk, struct vss_wm_filedesc *filedesc)
{
	WALK_MUST(filedesc->path && filedesc->filespec);
	walk_text(walk, filedesc->path);
	walk_text(walk, filedesc->filespec);
	walk_text(walk, filedesc->alternate_location);
	walk_number(walk, filedesc->recursive);
	walk_number(walk, filedesc->backup_type_mask);
	vss_wm_filedesc_clear(filedesc);
}

/* ---- Writer Metadata Documents ---- */

static inline void walk_wm_component(struct walk *walk, struct vss_writer_metadata *metadata,
				     struct vss_wm_component *component)
{
	struct vss_component_info info;
	struct vss_wm_dependency dependency;
	struct vss_wm_component *found;
	struct vss_wm_filedesc file;
	uint32_t i;

	WALK_MUST(vss_wm_component_get_component_info(component, &info) == S_OK);
	WALK_MUST(info.type == VSS_CT_DATABASE || info.type == VSS_CT_FILEGROUP);
	WALK_MUST(vss_examine_writer_metadata_find_component(metadata, info.logical_path, info.component_name,
							     &found) == S_OK && found == component);
	walk_number(walk, info.type);
	walk_text(walk, info.logical_path);
	walk_text(walk, info.component_name);
	walk_text(walk, info.caption);
	walk_number(walk, info.restore_metadata);
	walk_number(walk, info.notify_on_backup_complete);
	walk_number(walk, info.selectable);
	walk_number(walk, info.selectable_for_restore);
	walk_number(walk, info.component_flags);
	for (i = 0; !vss_wm_component_get_file(component, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == info.file_count);
	for (i = 0; !vss_wm_component_get_database_file(component, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == info.databases);
	for (i = 0; !vss_wm_component_get_database_log_file(component, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == info.log_files);
	for (i = 0; !vss_wm_component_get_dependency(component, i, &dependency); i++) {
		WALK_MUST(dependency.component_name);
		walk_uuid(walk, &dependency.writer_id);
		walk_text(walk, dependency.logical_path);
		walk_text(walk, dependency.component_name);
		vss_wm_dependency_clear(&dependency);
	}
	WALK_MUST(i == info.dependencies);
	vss_component_info_clear(&info);
}

static inline void walk_restore_method(struct walk *walk, struct vss_writer_metadata *metadata)
{
	struct vss_restore_method method;
	struct vss_wm_filedesc file;
	vss_result result = vss_examine_writer_metadata_get_restore_method(metadata, &method);
	uint32_t i;

	WALK_MUST(result == S_OK || result == S_FALSE);
	walk_number(walk, result);
	walk_number(walk, method.method);
	walk_number(walk, method.writer_restore);
	walk_number(walk, method.reboot_required);
	walk_text(walk, method.service);
	walk_text(walk, method.user_procedure);
	for (i = 0; !vss_examine_writer_metadata_get_alternate_location_mapping(metadata, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == method.mappings);
	vss_restore_method_clear(&method);
}

static inline struct walk walk_writer_metadata(struct vss_writer_metadata *metadata)
{
	uint32_t include, exclude, components, count, schema, i;
	struct vss_wm_component *component;
	struct vss_writer_identity identity;
	struct vss_wm_filedesc file;
	struct walk walk = { 0 };

	WALK_MUST(vss_examine_writer_metadata_get_identity(metadata, &identity) == S_OK);
	WALK_MUST(identity.writer_name);
	walk_uuid(&walk, &identity.instance_id);
	walk_uuid(&walk, &identity.writer_id);
	walk_text(&walk, identity.writer_name);
	walk_text(&walk, identity.instance_name);
	walk_number(&walk, identity.usage);
	walk_number(&walk, identity.source);
	walk_number(&walk, identity.major_version);
	walk_number(&walk, identity.minor_version);
	vss_writer_identity_clear(&identity);
	WALK_MUST(vss_examine_writer_metadata_get_backup_schema(metadata, &schema) == S_OK);
	walk_number(&walk, schema);
	walk_restore_method(&walk, metadata);
	WALK_MUST(vss_examine_writer_metadata_get_file_counts(metadata, &include, &exclude, &components) == S_OK);
	for (i = 0; !vss_examine_writer_metadata_get_exclude_file(metadata, i, &file); i++)
		walk_filedesc(&walk, &file);
	WALK_MUST(i == exclude && !include);
	WALK_MUST(vss_examine_writer_metadata_get_exclude_from_snapshot_count(metadata, &count) == S_OK);
	for (i = 0; !vss_examine_writer_metadata_get_exclude_from_snapshot_file(metadata, i, &file); i++)
		walk_filedesc(&walk, &file);
	WALK_MUST(i == count);
	for (i = 0; !vss_examine_writer_metadata_get_component(metadata, i, &component); i++)
		walk_wm_component(&walk, metadata, component);
	WALK_MUST(i == components);
	WALK_MUST(vss_writer_metadata_error(metadata)->result == VSS_E_OBJECT_NOT_FOUND);
	return walk;
}

/* ---- Backup Components Documents ---- */

static inline void walk_component_text(struct walk *walk, struct vss_component *component,
				       vss_result (*get)(struct vss_component *, char **))
{
	char *text;
	vss_result result = get(component, &text);

	WALK_MUST(result == (text ? S_OK : S_FALSE));
	walk_text(walk, text);
	free(text);
}

static inline void walk_component_bool(struct walk *walk, struct vss_component *component,
				       vss_result (*get)(struct vss_component *, bool *))
{
	bool value;

	WALK_MUST(get(component, &value) == S_OK);
	walk_number(walk, value);
}

static inline void walk_component_values(struct walk *walk, struct vss_component *component)
{
	enum vss_file_restore_status status;
	enum vss_rollforward_type roll;
	enum vss_restore_target target;
	enum vss_component_type type;
	char *text;

	WALK_MUST(vss_component_get_component_type(component, &type) == S_OK);
	WALK_MUST(type == VSS_CT_DATABASE || type == VSS_CT_FILEGROUP);
	walk_number(walk, type);
	walk_component_text(walk, component, vss_component_get_logical_path);
	walk_component_text(walk, component, vss_component_get_component_name);
	walk_component_bool(walk, component, vss_component_get_backup_succeeded);
	walk_component_text(walk, component, vss_component_get_backup_options);
	walk_component_text(walk, component, vss_component_get_previous_backup_stamp);
	walk_component_text(walk, component, vss_component_get_backup_stamp);
	walk_component_text(walk, component, vss_component_get_backup_metadata);
	walk_component_text(walk, component, vss_component_get_restore_metadata);
	walk_component_bool(walk, component, vss_component_is_selected_for_restore);
	walk_component_bool(walk, component, vss_component_get_additional_restores);
	walk_component_text(walk, component, vss_component_get_restore_options);
	walk_component_text(walk, component, vss_component_get_restore_name);
	walk_component_bool(walk, component, vss_component_get_authoritative_restore);
	WALK_MUST(vss_component_get_roll_forward(component, &roll, &text) == S_OK);
	walk_number(walk, roll);
	walk_text(walk, text);
	free(text);
	WALK_MUST(vss_component_get_file_restore_status(component, &status) == S_OK);
	walk_number(walk, status);
	WALK_MUST(vss_component_get_restore_target(component, &target) == S_OK);
	walk_number(walk, target);
}

static inline void walk_component_files(struct walk *walk, struct vss_component *component)
{
	struct vss_differenced_file differenced;
	struct vss_directed_target directed;
	struct vss_partial_file partial;
	struct vss_wm_filedesc file;
	char *path, *name;
	uint32_t count, i;

	vss_component_get_partial_file_count(component, &count);
	for (i = 0; !vss_component_get_partial_file(component, i, &partial); i++) {
		walk_text(walk, partial.path);
		walk_text(walk, partial.filename);
		walk_text(walk, partial.ranges);
		walk_text(walk, partial.metadata);
		vss_partial_file_clear(&partial);
	}
	WALK_MUST(i == count);
	vss_component_get_differenced_files_count(component, &count);
	for (i = 0; !vss_component_get_differenced_file(component, i, &differenced); i++) {
		walk_text(walk, differenced.path);
		walk_text(walk, differenced.filespec);
		walk_number(walk, differenced.recursive);
		walk_number(walk, differenced.last_modify_time);
		vss_differenced_file_clear(&differenced);
	}
	WALK_MUST(i == count);
	vss_component_get_restore_subcomponent_count(component, &count);
	for (i = 0; !vss_component_get_restore_subcomponent(component, i, &path, &name); i++) {
		walk_text(walk, path);
		walk_text(walk, name);
		free(path);
		free(name);
	}
	WALK_MUST(i == count);
	vss_component_get_new_target_count(component, &count);
	for (i = 0; !vss_component_get_new_target(component, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == count);
	vss_component_get_alternate_location_mapping_count(component, &count);
	for (i = 0; !vss_component_get_alternate_location_mapping(component, i, &file); i++)
		walk_filedesc(walk, &file);
	WALK_MUST(i == count);
	vss_component_get_directed_target_count(component, &count);
	for (i = 0; !vss_component_get_directed_target(component, i, &directed); i++) {
		walk_text(walk, directed.source_path);
		walk_text(walk, directed.source_filename);
		walk_text(walk, directed.source_ranges);
		walk_text(walk, directed.destination_path);
		walk_text(walk, directed.destination_filename);
		walk_text(walk, directed.destination_ranges);
		vss_directed_target_clear(&directed);
	}
	WALK_MUST(i == count);
}

static inline void walk_component(struct walk *walk, struct vss_component *component)
{
	vss_result failure, application;
	char *text;

	walk_component_values(walk, component);
	walk_component_files(walk, component);
	for (int at = VSS_FAILURE_PREPARE_FOR_BACKUP; at <= VSS_FAILURE_POST_RESTORE; at++) {
		vss_component_get_failure_msg(component, (enum vss_component_failure)at, &text);
		walk_text(walk, text);
		free(text);
	}
	vss_component_get_failure(component, &failure, &application, &text);
	walk_number(walk, failure);
	walk_number(walk, application);
	walk_text(walk, text);
	free(text);
}

static inline void walk_writer_components(struct walk *walk, struct vss_writer_components *writer)
{
	struct vss_component *component;
	struct vss_uuid instance, id;
	uint32_t count, i;
	char *name;

	vss_writer_components_get_writer_info(writer, &instance, &id);
	walk_uuid(walk, &instance);
	walk_uuid(walk, &id);
	name = vss_writer_components_instance_name(writer);
	walk_text(walk, name);
	free(name);
	walk_number(walk, vss_writer_components_backup_schema(writer));
	vss_writer_components_get_component_count(writer, &count);
	for (i = 0; !vss_writer_components_get_component(writer, i, &component); i++)
		walk_component(walk, component);
	WALK_MUST(i == count && count);
	WALK_MUST(vss_writer_components_error(writer)->result == VSS_E_OBJECT_NOT_FOUND);
}

static inline void walk_lun(struct walk *walk, const struct vss_lun_info *lun)
{
	walk_number(walk, lun->device_type);
	walk_number(walk, lun->bus_type);
	walk_text(walk, lun->vendor);
	walk_text(walk, lun->product);
	walk_text(walk, lun->revision);
	walk_text(walk, lun->serial);
	walk_uuid(walk, &lun->disk_signature);
	walk_number(walk, lun->size);
	walk_number(walk, lun->block_size);
	walk_text(walk, lun->interconnect);
	for (size_t i = 0; i < lun->nr_ids; i++) {
		walk_number(walk, lun->ids[i].code_set);
		walk_number(walk, lun->ids[i].type);
		walk_number(walk, lun->ids[i].association);
		for (size_t k = 0; k < lun->ids[i].size; k++)
			walk_number(walk, lun->ids[i].bytes[k]);
	}
}

static inline void walk_member(struct walk *walk, const struct vss_set_member *member)
{
	const struct vss_snapshot_prop *prop = &member->prop;

	walk_uuid(walk, &prop->snapshot_id);
	walk_uuid(walk, &prop->snapshot_set_id);
	walk_uuid(walk, &prop->provider_id);
	walk_number(walk, prop->snapshots_count);
	walk_text(walk, prop->original_volume_name);
	walk_text(walk, prop->originating_machine);
	walk_text(walk, prop->service_machine);
	walk_text(walk, prop->exposed_name);
	walk_text(walk, prop->exposed_path);
	walk_number(walk, prop->attributes);
	walk_number(walk, prop->creation_time);
	walk_text(walk, member->filesystem);
	walk_number(walk, member->size);
	walk_text(walk, member->provider_data);
	for (size_t i = 0; i < member->nr_luns; i++) {
		const struct vss_lun_mapping *lun = &member->luns[i];

		walk_lun(walk, &lun->source);
		walk_number(walk, lun->has_destination);
		walk_lun(walk, &lun->destination);
		for (size_t k = 0; k < lun->nr_extents; k++) {
			walk_number(walk, lun->extents[k].volume_offset);
			walk_number(walk, lun->extents[k].lun_offset);
			walk_number(walk, lun->extents[k].length);
		}
	}
}

static inline struct walk walk_backup_document(struct vss_backup_document *doc)
{
	struct vss_set_description set;
	struct vss_backup_state state;
	struct walk walk = { 0 };
	struct vss_uuid id;
	vss_result result;

	vss_backup_document_get_backup_state(doc, &state);
	walk_number(&walk, state.select_components);
	walk_number(&walk, state.bootable_system_state);
	walk_number(&walk, state.backup_type);
	walk_number(&walk, state.partial_file_support);
	walk_number(&walk, vss_backup_document_get_restore_state(doc));
	if (vss_backup_document_get_set_id(doc, &id))
		walk_uuid(&walk, &id);
	for (uint32_t i = 0; i < vss_backup_document_writer_count(doc); i++)
		walk_writer_components(&walk, vss_backup_document_writer(doc, i));
	WALK_MUST(!vss_backup_document_writer(doc, vss_backup_document_writer_count(doc)));
	result = vss_backup_document_get_set(doc, &set, NULL);
	WALK_MUST(result == S_OK || result == VSS_E_OBJECT_NOT_FOUND || result == VSS_E_INVALID_XML_DOCUMENT);
	if (result)
		return walk;
	walk_uuid(&walk, &set.set_id);
	walk_number(&walk, set.context);
	walk_number(&walk, set.snapshots_count);
	walk_text(&walk, set.originating_machine);
	walk_number(&walk, set.creation_time);
	for (size_t i = 0; i < set.nr_members; i++)
		walk_member(&walk, &set.members[i]);
	vss_set_description_clear(&set);
	return walk;
}

#endif /* TESTS_DOCUMENT_WALK_H */

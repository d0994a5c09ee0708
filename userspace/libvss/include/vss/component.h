/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Components in a Backup Components Document, as requesters read them and
 * writers read and change them (IVssWriterComponents, IVssComponent).
 *
 * Handles are borrowed from the object that gave them.  Strings that a getter
 * gives back are copies to free(); S_FALSE and NULL where there is no value.
 */
#ifndef VSS_COMPONENT_H
#define VSS_COMPONENT_H

#include <stddef.h>
#include <vss/metadata.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_writer_components;
struct vss_component;

/* What went wrong in the last call on this or another handle of the same document; never NULL. */
const struct vss_error *vss_writer_components_error(const struct vss_writer_components *components);
const struct vss_error *vss_component_error(const struct vss_component *component);

/* ---- IVssWriterComponents ---- */

vss_result vss_writer_components_get_component_count(struct vss_writer_components *components,
						     uint32_t *count);
vss_result vss_writer_components_get_writer_info(struct vss_writer_components *components,
						 struct vss_uuid *instance_id, struct vss_uuid *writer_id);
vss_result vss_writer_components_get_component(struct vss_writer_components *components,
					       uint32_t index, struct vss_component **component);

/* ---- IVssComponent: who it is ---- */

vss_result vss_component_get_logical_path(struct vss_component *component, char **path);
vss_result vss_component_get_component_type(struct vss_component *component,
					    enum vss_component_type *type);
vss_result vss_component_get_component_name(struct vss_component *component, char **name);

/* ---- backup ---- */

vss_result vss_component_get_backup_succeeded(struct vss_component *component, bool *succeeded);
vss_result vss_component_get_backup_options(struct vss_component *component, char **options);
vss_result vss_component_get_previous_backup_stamp(struct vss_component *component, char **stamp);
vss_result vss_component_get_backup_stamp(struct vss_component *component, char **stamp);
vss_result vss_component_set_backup_stamp(struct vss_component *component, const char *stamp);
vss_result vss_component_get_backup_metadata(struct vss_component *component, char **metadata);
/* Once per component: VSS_E_OBJECT_ALREADY_EXISTS. */
vss_result vss_component_set_backup_metadata(struct vss_component *component, const char *metadata);
vss_result vss_component_get_restore_metadata(struct vss_component *component, char **metadata);
vss_result vss_component_set_restore_metadata(struct vss_component *component, const char *metadata);

struct vss_partial_file {
	char *path;
	char *filename;
	char *ranges;		/* "offset:length,..." or "File=PATH" */
	char *metadata;
};
void vss_partial_file_clear(struct vss_partial_file *file);
vss_result vss_component_add_partial_file(struct vss_component *component, const char *path,
					  const char *filename, const char *ranges, const char *metadata);
vss_result vss_component_get_partial_file_count(struct vss_component *component, uint32_t *count);
vss_result vss_component_get_partial_file(struct vss_component *component, uint32_t index,
					  struct vss_partial_file *file);

struct vss_differenced_file {
	char *path;
	char *filespec;
	bool recursive;
	char *lsn;		/* reserved: always NULL */
	uint64_t last_modify_time;	/* ns since 1970-01-01 UTC */
};
void vss_differenced_file_clear(struct vss_differenced_file *file);
vss_result vss_component_add_differenced_files_by_last_modify_time(
	struct vss_component *component, const char *path, const char *filespec, bool recursive,
	uint64_t last_modify_time);
vss_result vss_component_get_differenced_files_count(struct vss_component *component, uint32_t *count);
vss_result vss_component_get_differenced_file(struct vss_component *component, uint32_t index,
					      struct vss_differenced_file *file);

/* ---- restore ---- */

vss_result vss_component_is_selected_for_restore(struct vss_component *component, bool *selected);
vss_result vss_component_get_additional_restores(struct vss_component *component, bool *additional);
vss_result vss_component_get_restore_options(struct vss_component *component, char **options);
vss_result vss_component_get_restore_name(struct vss_component *component, char **name);
vss_result vss_component_get_authoritative_restore(struct vss_component *component, bool *authoritative);
vss_result vss_component_get_roll_forward(struct vss_component *component,
					  enum vss_rollforward_type *type, char **point);
vss_result vss_component_get_file_restore_status(struct vss_component *component,
						 enum vss_file_restore_status *status);
/* VSS_RT_ORIGINAL, the restore method, unless the writer has set another one. */
vss_result vss_component_get_restore_target(struct vss_component *component,
					    enum vss_restore_target *target);
vss_result vss_component_set_restore_target(struct vss_component *component,
					    enum vss_restore_target target);
vss_result vss_component_get_restore_subcomponent_count(struct vss_component *component, uint32_t *count);
vss_result vss_component_get_restore_subcomponent(struct vss_component *component, uint32_t index,
						  char **logical_path, char **name);
/* New targets and the mappings used: alternate_location is where to. */
vss_result vss_component_get_new_target_count(struct vss_component *component, uint32_t *count);
vss_result vss_component_get_new_target(struct vss_component *component, uint32_t index,
					struct vss_wm_filedesc *filedesc);
vss_result vss_component_get_alternate_location_mapping_count(struct vss_component *component,
							      uint32_t *count);
vss_result vss_component_get_alternate_location_mapping(struct vss_component *component,
							uint32_t index, struct vss_wm_filedesc *filedesc);

struct vss_directed_target {
	char *source_path;
	char *source_filename;
	char *source_ranges;
	char *destination_path;
	char *destination_filename;
	char *destination_ranges;
};
void vss_directed_target_clear(struct vss_directed_target *target);
vss_result vss_component_add_directed_target(struct vss_component *component,
					     const struct vss_directed_target *target);
vss_result vss_component_get_directed_target_count(struct vss_component *component, uint32_t *count);
vss_result vss_component_get_directed_target(struct vss_component *component, uint32_t index,
					     struct vss_directed_target *target);

/* ---- failure messages of the writer ---- */

enum vss_component_failure {
	VSS_FAILURE_PREPARE_FOR_BACKUP,
	VSS_FAILURE_POST_SNAPSHOT,
	VSS_FAILURE_PRE_RESTORE,
	VSS_FAILURE_POST_RESTORE,
};
vss_result vss_component_set_failure_msg(struct vss_component *component,
					 enum vss_component_failure at, const char *message);
vss_result vss_component_get_failure_msg(struct vss_component *component,
					 enum vss_component_failure at, char **message);
/* IVssComponentEx2: the failure of this component, with an application's own code. */
vss_result vss_component_set_failure(struct vss_component *component, vss_result failure,
				     vss_result application_code, const char *message);
vss_result vss_component_get_failure(struct vss_component *component, vss_result *failure,
				     vss_result *application_code, char **message);

#ifdef __cplusplus
}
#endif

#endif /* VSS_COMPONENT_H */

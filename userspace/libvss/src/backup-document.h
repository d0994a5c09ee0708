/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Backup Components Document, as the requester's side of the library and
 * vssd work on it.  vssd passes each writer its own WRITER_COMPONENTS element
 * and puts what the writer gives back in its place.
 */
#ifndef VSS_SRC_BACKUP_DOCUMENT_H
#define VSS_SRC_BACKUP_DOCUMENT_H

#include <vss/component.h>
#include <vss/document.h>
#include <vss/lun.h>

/* ---- whole documents; vss/document.h has how they are loaded, saved and read ---- */

vss_result vss_backup_document_new(struct vss_backup_document **doc, struct vss_error *err);

/* ---- root ---- */

vss_result vss_backup_document_set_backup_state(struct vss_backup_document *doc,
						const struct vss_backup_state *state);
vss_result vss_backup_document_set_restore_state(struct vss_backup_document *doc, enum vss_restore_type type);
vss_result vss_backup_document_set_set_id(struct vss_backup_document *doc, const struct vss_uuid *id);

/* ---- writers and components ---- */

/* By instance, or by class where @instance_id is NULL; NULL when there is none. */
struct vss_writer_components *vss_backup_document_find_writer(struct vss_backup_document *doc,
							      const struct vss_uuid *instance_id,
							      const struct vss_uuid *writer_id);
/* VSS_E_OBJECT_ALREADY_EXISTS for a duplicate; @instance_name may be NULL */
vss_result vss_backup_document_add_component(struct vss_backup_document *doc,
					     const struct vss_uuid *instance_id,
					     const struct vss_uuid *writer_id, const char *instance_name,
					     uint32_t backup_schema, enum vss_component_type type,
					     const char *logical_path, const char *name, const char *caption,
					     struct vss_component **component);
/* Same path and name; type not looked at when VSS_CT_UNDEFINED; NULL when there is none */
struct vss_component *vss_writer_components_find(struct vss_writer_components *components,
						 enum vss_component_type type,
						 const char *logical_path, const char *name);

/* What only a requester sets. */
vss_result vss_component_set_backup_succeeded(struct vss_component *component, bool succeeded);
vss_result vss_component_set_backup_options(struct vss_component *component, const char *options);
vss_result vss_component_set_previous_backup_stamp(struct vss_component *component, const char *stamp);
vss_result vss_component_set_selected_for_restore(struct vss_component *component, bool selected,
						  const struct vss_uuid *instance_id);
vss_result vss_component_set_additional_restores(struct vss_component *component, bool additional);
vss_result vss_component_set_restore_options(struct vss_component *component, const char *options);
vss_result vss_component_set_restore_name(struct vss_component *component, const char *name);
vss_result vss_component_set_authoritative_restore(struct vss_component *component, bool authoritative);
vss_result vss_component_set_roll_forward(struct vss_component *component,
					  enum vss_rollforward_type type, const char *point);
vss_result vss_component_set_file_restore_status(struct vss_component *component,
						 enum vss_file_restore_status status);
vss_result vss_component_add_restore_subcomponent(struct vss_component *component,
						  const char *logical_path, const char *name);
vss_result vss_component_add_new_target(struct vss_component *component, const char *path,
					const char *filespec, bool recursive, const char *alternate_path);
vss_result vss_component_add_alternate_location_mapping(struct vss_component *component,
							const char *path, const char *filespec,
							bool recursive, const char *destination);
vss_result vss_component_set_ranges_file_path(struct vss_component *component, uint32_t partial_file,
					      const char *path);

/* ---- one writer's part, on its way to the writer and back ---- */

/* What a writer may do with its part in an event. */
enum vss_part_access {
	VSS_PART_READ_ONLY,	/* BackupComplete, PostRestore: setters give VSS_E_BAD_STATE */
	VSS_PART_BACKUP,	/* PrepareForBackup, PostSnapshot */
	VSS_PART_RESTORE,	/* PreRestore */
};

/* NULL text when the writer has no component in the document (S_FALSE). */
vss_result vss_backup_document_get_part(struct vss_backup_document *doc,
					const struct vss_uuid *instance_id, char **xml,
					struct vss_error *err);
/*
 * The part must be of the same writer, have the same components, and have in them
 * what only the requester sets as it was; else VSS_E_INVALID_XML_DOCUMENT and nothing
 * changes.  Handles stay valid.
 */
vss_result vss_backup_document_put_part(struct vss_backup_document *doc,
					const struct vss_uuid *instance_id, const char *xml,
					size_t size, struct vss_error *err);

/* A part as an object of its own, for the writer's side. */
vss_result vss_writer_part_parse(const char *xml, size_t size, enum vss_part_access access,
				 struct vss_writer_components **components, struct vss_error *err);
vss_result vss_writer_part_save(struct vss_writer_components *components, char **xml,
				struct vss_error *err);
void vss_writer_part_free(struct vss_writer_components *components);

/* ---- SNAPSHOT_SET_DESCRIPTION: what import needs ---- */

/*
 * Takes the place of the one that is there, and the document gets the set's
 * identifier.  E_INVALIDARG for one that could not be read again.
 */
vss_result vss_backup_document_put_set(struct vss_backup_document *doc,
				       const struct vss_set_description *set, struct vss_error *err);

#endif /* VSS_SRC_BACKUP_DOCUMENT_H */

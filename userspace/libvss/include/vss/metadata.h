/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writer Metadata Documents: making them (IVssCreateWriterMetadata), examining
 * them (IVssExamineWriterMetadata, IVssWMComponent, IVssWMFiledesc,
 * IVssWMDependency).
 *
 * One struct vss_writer_metadata is one document.  Whatever is found in it and
 * not interpreted is kept and saved again.  Strings that a getter gives back
 * are copies to free(), or NULL where the document has no value.  Indices start
 * at 0; one past the end is VSS_E_OBJECT_NOT_FOUND.
 */
#ifndef VSS_METADATA_H
#define VSS_METADATA_H

#include <stddef.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_writer_metadata;

/* Limits on documents, which are not trusted. */
#define VSS_DOCUMENT_MAX_SIZE	(64U << 20)	/* bytes */
#define VSS_DOCUMENT_MAX_DEPTH	32		/* nested elements */
#define VSS_DOCUMENT_MAX_ATTRIBUTE (1U << 20)	/* bytes of one text */

/**
 * vss_create_vss_examine_writer_metadata() - Load a Writer Metadata Document.
 * @xml: the document; UTF-8 or UTF-16, with or without byte order mark
 * @size: its bytes
 * @metadata: receives the document, for vss_writer_metadata_free()
 * @err: receives what is wrong, with line and element; may be NULL
 *
 * Return: S_OK; VSS_E_CORRUPT_XML_DOCUMENT it is no XML; VSS_E_INVALID_XML_DOCUMENT
 * it is no Writer Metadata Document, has a DOCTYPE, or exceeds a limit.
 */
vss_result vss_create_vss_examine_writer_metadata(const char *xml, size_t size,
						  struct vss_writer_metadata **metadata,
						  struct vss_error *err);

void vss_writer_metadata_free(struct vss_writer_metadata *metadata);

/* What went wrong in the last call on the document; never NULL. */
const struct vss_error *vss_writer_metadata_error(const struct vss_writer_metadata *metadata);

/* ---- IVssExamineWriterMetadata ---- */

struct vss_writer_identity {
	struct vss_uuid instance_id;
	struct vss_uuid writer_id;
	char *writer_name;
	char *instance_name;	/* NULL when it has none */
	enum vss_usage_type usage;
	enum vss_source_type source;
	uint32_t major_version;
	uint32_t minor_version;
};
void vss_writer_identity_clear(struct vss_writer_identity *identity);

vss_result vss_examine_writer_metadata_get_identity(struct vss_writer_metadata *metadata,
						    struct vss_writer_identity *identity);
vss_result vss_examine_writer_metadata_get_file_counts(struct vss_writer_metadata *metadata,
						       uint32_t *include_files, uint32_t *exclude_files,
						       uint32_t *components);

/* A file set (IVssWMFiledesc), also for excluded files and alternate locations. */
struct vss_wm_filedesc {
	char *path;
	char *filespec;
	bool recursive;
	char *alternate_location;	/* NULL when it has none */
	uint32_t backup_type_mask;	/* enum vss_file_spec_backup_type */
};
void vss_wm_filedesc_clear(struct vss_wm_filedesc *filedesc);

vss_result vss_examine_writer_metadata_get_exclude_file(struct vss_writer_metadata *metadata,
							uint32_t index, struct vss_wm_filedesc *filedesc);
vss_result vss_examine_writer_metadata_get_exclude_from_snapshot_count(
	struct vss_writer_metadata *metadata, uint32_t *count);
vss_result vss_examine_writer_metadata_get_exclude_from_snapshot_file(
	struct vss_writer_metadata *metadata, uint32_t index, struct vss_wm_filedesc *filedesc);

struct vss_restore_method {
	enum vss_restoremethod method;	/* VSS_RME_UNDEFINED when the document has none */
	char *service;
	char *user_procedure;
	enum vss_writerrestore writer_restore;
	bool reboot_required;
	uint32_t mappings;
};
void vss_restore_method_clear(struct vss_restore_method *method);

/* S_FALSE when the document has no restore method. */
vss_result vss_examine_writer_metadata_get_restore_method(struct vss_writer_metadata *metadata,
							  struct vss_restore_method *method);
vss_result vss_examine_writer_metadata_get_alternate_location_mapping(
	struct vss_writer_metadata *metadata, uint32_t index, struct vss_wm_filedesc *filedesc);
vss_result vss_examine_writer_metadata_get_backup_schema(struct vss_writer_metadata *metadata,
							 uint32_t *schema);
/* The document as text to free(). */
vss_result vss_examine_writer_metadata_save_as_xml(struct vss_writer_metadata *metadata, char **xml);
/* Replaces the content of @metadata; unchanged on failure. */
vss_result vss_examine_writer_metadata_load_from_xml(struct vss_writer_metadata *metadata,
						     const char *xml, size_t size);

/* ---- IVssWMComponent: a borrowed handle, valid as long as the document is unchanged ---- */

struct vss_wm_component;

vss_result vss_examine_writer_metadata_get_component(struct vss_writer_metadata *metadata,
						     uint32_t index, struct vss_wm_component **component);
/* By logical path (NULL or "" for none) and name. */
vss_result vss_examine_writer_metadata_find_component(struct vss_writer_metadata *metadata,
						      const char *logical_path, const char *name,
						      struct vss_wm_component **component);

struct vss_component_info {
	enum vss_component_type type;
	char *logical_path;		/* NULL when it has none */
	char *component_name;
	char *caption;
	bool restore_metadata;
	bool notify_on_backup_complete;
	bool selectable;
	bool selectable_for_restore;
	uint32_t component_flags;	/* enum vss_component_flags */
	uint32_t file_count;
	uint32_t databases;
	uint32_t log_files;
	uint32_t dependencies;
};
void vss_component_info_clear(struct vss_component_info *info);

vss_result vss_wm_component_get_component_info(struct vss_wm_component *component,
					       struct vss_component_info *info);
vss_result vss_wm_component_get_file(struct vss_wm_component *component, uint32_t index,
				     struct vss_wm_filedesc *filedesc);
vss_result vss_wm_component_get_database_file(struct vss_wm_component *component, uint32_t index,
					      struct vss_wm_filedesc *filedesc);
vss_result vss_wm_component_get_database_log_file(struct vss_wm_component *component,
						  uint32_t index, struct vss_wm_filedesc *filedesc);

struct vss_wm_dependency {
	struct vss_uuid writer_id;
	char *logical_path;
	char *component_name;
};
void vss_wm_dependency_clear(struct vss_wm_dependency *dependency);
vss_result vss_wm_component_get_dependency(struct vss_wm_component *component, uint32_t index,
					   struct vss_wm_dependency *dependency);

/* ---- IVssCreateWriterMetadata ---- */

/* A new document with an identity and nothing else; @identity is only read. */
vss_result vss_create_writer_metadata(const struct vss_writer_identity *identity,
				      struct vss_writer_metadata **metadata, struct vss_error *err);
/* @alternate_location may be NULL; @backup_type_mask 0 means VSS_FSBT_ALL_* */
vss_result vss_create_writer_metadata_add_exclude_files(struct vss_writer_metadata *metadata,
							const char *path, const char *filespec, bool recursive);
vss_result vss_create_writer_metadata_add_exclude_files_from_snapshot(
	struct vss_writer_metadata *metadata, const char *path, const char *filespec, bool recursive);
vss_result vss_create_writer_metadata_add_component(struct vss_writer_metadata *metadata,
						    enum vss_component_type type, const char *logical_path,
						    const char *component_name, const char *caption,
						    bool restore_metadata, bool notify_on_backup_complete,
						    bool selectable, bool selectable_for_restore,
						    uint32_t component_flags);
vss_result vss_create_writer_metadata_add_files_to_file_group(struct vss_writer_metadata *metadata,
							      const char *logical_path, const char *group_name,
							      const char *path, const char *filespec,
							      bool recursive, const char *alternate_location,
							      uint32_t backup_type_mask);
vss_result vss_create_writer_metadata_add_database_files(struct vss_writer_metadata *metadata,
							 const char *logical_path, const char *database_name,
							 const char *path, const char *filespec,
							 uint32_t backup_type_mask);
vss_result vss_create_writer_metadata_add_database_log_files(struct vss_writer_metadata *metadata,
							     const char *logical_path, const char *database_name,
							     const char *path, const char *filespec,
							     uint32_t backup_type_mask);
vss_result vss_create_writer_metadata_set_restore_method(struct vss_writer_metadata *metadata,
							 enum vss_restoremethod method, const char *service,
							 const char *user_procedure,
							 enum vss_writerrestore writer_restore,
							 bool reboot_required);
vss_result vss_create_writer_metadata_add_alternate_location_mapping(
	struct vss_writer_metadata *metadata, const char *source_path, const char *source_filespec,
	bool recursive, const char *destination);
vss_result vss_create_writer_metadata_add_component_dependency(struct vss_writer_metadata *metadata,
							       const char *for_logical_path,
							       const char *for_component_name,
							       const struct vss_uuid *on_writer_id,
							       const char *on_logical_path,
							       const char *on_component_name);
vss_result vss_create_writer_metadata_set_backup_schema(struct vss_writer_metadata *metadata,
							uint32_t schema);

#ifdef __cplusplus
}
#endif

#endif /* VSS_METADATA_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stored documents, read without a session: telling which kind a file is, and
 * the Backup Components Document.  vss/metadata.h is for the other kind, the
 * Writer Metadata Document.
 *
 * Documents are not trusted.  Loading one reads nothing but the bytes given;
 * there is no DTD, no entity, no network.  What is not interpreted is kept and
 * saved again.
 */
#ifndef VSS_DOCUMENT_H
#define VSS_DOCUMENT_H

#include <stddef.h>
#include <vss/component.h>
#include <vss/lun.h>
#include <vss/metadata.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_backup_document;

enum vss_document_kind {
	VSS_DOCUMENT_BACKUP_COMPONENTS,
	VSS_DOCUMENT_WRITER_METADATA,
};

/**
 * vss_document_get_kind() - Which kind of document is this?
 * @xml: the document
 * @size: its bytes
 * @kind: receives what its root element says; the rest is not judged
 * @err: receives what is wrong, with the line; may be NULL
 *
 * Return: S_OK; VSS_E_CORRUPT_XML_DOCUMENT it is no XML; VSS_E_INVALID_XML_DOCUMENT
 * it is neither kind.
 */
vss_result vss_document_get_kind(const char *xml, size_t size, enum vss_document_kind *kind,
				 struct vss_error *err);

/**
 * vss_backup_document_parse() - Load a Backup Components Document.
 * @xml: the document; UTF-8 or UTF-16, with or without byte order mark
 * @size: its bytes
 * @doc: receives the document, for vss_backup_document_free()
 * @err: receives what is wrong, with line and element; may be NULL
 *
 * Return: S_OK; VSS_E_CORRUPT_XML_DOCUMENT it is no XML; VSS_E_INVALID_XML_DOCUMENT
 * it is no Backup Components Document, has a DOCTYPE, or exceeds a limit.
 */
vss_result vss_backup_document_parse(const char *xml, size_t size,
				     struct vss_backup_document **doc, struct vss_error *err);

/* The document as text to free(): UTF-8, in one line unless it was loaded otherwise. */
vss_result vss_backup_document_save(struct vss_backup_document *doc, char **xml,
				    struct vss_error *err);
void vss_backup_document_free(struct vss_backup_document *doc);
/* What went wrong in the last call on the document or on a handle of it; never NULL. */
const struct vss_error *vss_backup_document_error(const struct vss_backup_document *doc);

/* What SetBackupState and SetRestoreState have set. */
struct vss_backup_state {
	bool select_components;
	bool bootable_system_state;
	enum vss_backup_type backup_type;
	bool partial_file_support;
};
void vss_backup_document_get_backup_state(struct vss_backup_document *doc, struct vss_backup_state *state);
enum vss_restore_type vss_backup_document_get_restore_state(struct vss_backup_document *doc);
/* False when the document has none. */
bool vss_backup_document_get_set_id(struct vss_backup_document *doc, struct vss_uuid *id);

/* Writers that have components in it, by index; NULL past the end.  Borrowed. */
uint32_t vss_backup_document_writer_count(struct vss_backup_document *doc);
struct vss_writer_components *vss_backup_document_writer(struct vss_backup_document *doc, uint32_t index);
/* instanceName of WRITER_COMPONENTS, NULL for none; to free() */
char *vss_writer_components_instance_name(struct vss_writer_components *components);
uint32_t vss_writer_components_backup_schema(struct vss_writer_components *components);

/**
 * struct vss_set_member - A shadow copy of a transportable set.
 * @prop: its properties; the device is "" until it is imported
 * @filesystem: UUID of the file system, NULL for none
 * @size: of the volume, bytes
 * @provider_data: opaque to all but the provider; NULL for none
 * @luns, @nr_luns: the LUNs that the volume lies on, each with its copy
 */
struct vss_set_member {
	struct vss_snapshot_prop prop;
	char *filesystem;
	uint64_t size;
	char *provider_data;
	struct vss_lun_mapping *luns;
	size_t nr_luns;
};

/**
 * struct vss_set_description - What another machine needs to import a set.
 * @set_id: its identifier
 * @context: that it was made with
 * @snapshots_count: shadow copies in it when it was made
 * @originating_machine: where that was; NULL when not told
 * @creation_time: of its instant, nanoseconds since 1970-01-01 UTC
 * @members, @nr_members: the shadow copies
 */
struct vss_set_description {
	struct vss_uuid set_id;
	uint32_t context;
	uint32_t snapshots_count;
	char *originating_machine;
	uint64_t creation_time;
	struct vss_set_member *members;
	size_t nr_members;
};
void vss_set_description_clear(struct vss_set_description *set);

/*
 * VSS_E_OBJECT_NOT_FOUND when the document has none, or one that Windows has made;
 * VSS_E_INVALID_XML_DOCUMENT when it was changed after it was made (its digest tells).
 */
vss_result vss_backup_document_get_set(struct vss_backup_document *doc,
				       struct vss_set_description *set, struct vss_error *err);

#ifdef __cplusplus
}
#endif

#endif /* VSS_DOCUMENT_H */

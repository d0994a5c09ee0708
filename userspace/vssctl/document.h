/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stored documents as trees of names and values, which are printed as JSON or as
 * text.
 */
#ifndef VSSCTL_DOCUMENT_H
#define VSSCTL_DOCUMENT_H

#include <json-c/json.h>
#include <vss/document.h>

#include "vssctl.h"

/* A file in memory. */
struct vssctl_document {
	char *data;
	size_t size;
	enum vss_document_kind kind;
	struct vss_writer_metadata *metadata;	/* of one kind, */
	struct vss_backup_document *backup;	/* or of the other */
};
void vssctl_document_clear(struct vssctl_document *document);

/* By the schema of its kind; 0 or the exit code of a failure that was told. */
int vssctl_document_judge(struct vssctl *ctl, const char *name, const struct vssctl_document *document);

/* Everything that the public calls tell; to json_object_put(). */
json_object *vssctl_metadata_tree(struct vss_writer_metadata *metadata);
json_object *vssctl_backup_tree(struct vss_backup_document *doc);

/* As indented lines; long texts are cut unless @full. */
void vssctl_print_tree(FILE *out, json_object *tree, bool full);

/* Small things for those who build trees. */
void vssctl_tree_text(json_object *object, const char *key, const char *text);	/* NULL: leaves it out */
void vssctl_tree_number(json_object *object, const char *key, uint64_t number);
void vssctl_tree_bool(json_object *object, const char *key, bool value);
void vssctl_tree_uuid(json_object *object, const char *key, const struct vss_uuid *uuid);
void vssctl_tree_time(json_object *object, const char *key, uint64_t time);
/* Takes @array; leaves it out when it is empty. */
void vssctl_tree_array(json_object *object, const char *key, json_object *array);
/* path, filespec, recursive, alternate_path; the mask where it has a meaning. */
json_object *vssctl_tree_files(const struct vss_wm_filedesc *file, bool mask);

#endif /* VSSCTL_DOCUMENT_H */

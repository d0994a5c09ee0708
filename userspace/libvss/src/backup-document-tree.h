/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is behind the handles of a Backup Components Document.  The libxml2 tree
 * is the document; handles are an index of it.
 */
#ifndef VSS_SRC_BACKUP_DOCUMENT_TREE_H
#define VSS_SRC_BACKUP_DOCUMENT_TREE_H

#include <libxml/hash.h>

#include "backup-document.h"
#include "xml-judge.h"

/* Children of COMPONENT that there may be several of. */
enum vss_component_list {
	VSS_LIST_PARTIAL_FILES,
	VSS_LIST_DIFFERENCED_FILES,
	VSS_LIST_RESTORE_SUBCOMPONENTS,
	VSS_LIST_NEW_TARGETS,
	VSS_LIST_MAPPINGS,
	VSS_LIST_DIRECTED_TARGETS,
	VSS_LIST_COUNT,
};

struct vss_component {
	struct vss_writer_components *writer;
	xmlNode *node;			/* COMPONENT */
	struct vss_xml_list lists[VSS_LIST_COUNT];
};

/* What handles may be used for. */
enum vss_document_access {
	VSS_ACCESS_READ_ONLY,
	VSS_ACCESS_BACKUP,
	VSS_ACCESS_RESTORE,
	VSS_ACCESS_ALL,		/* the requester's whole document */
};

struct vss_writer_components {
	struct vss_error *error;	/* of the last failure, where the owner has it */
	enum vss_document_access access;
	xmlNode *node;			/* WRITER_COMPONENTS */
	struct vss_uuid instance_id;
	struct vss_uuid writer_id;
	struct vss_component **components;
	uint32_t count;
	uint32_t room;
	xmlHashTable *by_name;		/* name and logical path to struct vss_component */
	xmlDoc *doc;			/* of a part, which owns itself; else NULL */
	struct vss_error own_error;	/* of a part */
};

struct vss_backup_document {
	xmlDoc *doc;
	struct vss_error error;
	struct vss_writer_components **writers;
	uint32_t count;
	uint32_t room;
	xmlHashTable *by_instance;	/* instance as text to struct vss_writer_components */
};

#define VSS_BACKUP_NAMESPACE	"x-schema:#VssComponentMetadata"

/* Rules, and how enumerators are spelt (backup-document-rules.c). */
extern const struct vss_xml_element_rule vss_rule_backup_components;
extern const struct vss_xml_element_rule vss_rule_writer_components;
extern const char *const vss_backup_document_names[];
extern const char *const vss_component_list_names[VSS_LIST_COUNT];
extern const struct vss_xml_word vss_words_backup_type[];
extern const struct vss_xml_word vss_words_restore_type[];
extern const struct vss_xml_word vss_words_component_type[];
extern const struct vss_xml_word vss_words_roll_forward[];
extern const struct vss_xml_word vss_words_file_restore_status[];
extern const struct vss_xml_word vss_words_restore_target[];
extern const struct vss_xml_word vss_words_failure_event[];

/*
 * Handles for a WRITER_COMPONENTS and all in it; failures go to @error.
 * VSS_E_INVALID_XML_DOCUMENT for a component that is there twice.
 */
vss_result vss_writer_components_index(xmlNode *node, struct vss_error *error,
				       struct vss_writer_components **writer);
void vss_writer_components_unindex(struct vss_writer_components *writer);
/* One more component; its element is in the tree already. */
vss_result vss_writer_components_add(struct vss_writer_components *writer, xmlNode *node,
				     struct vss_component **component, struct vss_error *err);
/*
 * One more child for one of the lists of a component.  @child may be NULL for want of
 * memory; it is freed unless it was @filled and the component took it.
 */
vss_result vss_component_append(struct vss_component *component, enum vss_component_list list, xmlNode *child,
				bool filled);
/* Does the component's access allow what is done in @need?  VSS_E_BAD_STATE */
vss_result vss_component_check_access(struct vss_component *component, enum vss_document_access need);
/* Sets or, with NULL, takes away an attribute; @what is for the error. */
vss_result vss_component_set_text(struct vss_component *component, const char *name, const char *text);
vss_result vss_component_set_word(struct vss_component *component, const char *name,
				  const struct vss_xml_word *words, int value);
/* The first child of this name; NULL for none. */
xmlNode *vss_component_child(const struct vss_component *component, const char *name);

/* The consistency of SNAPSHOT_SET_DESCRIPTION with itself and the rest. */
vss_result vss_backup_document_judge_set(xmlNode *root, struct vss_error *err);

/* ---- backup-document-digest.c ---- */

/* A digest of all that is said of a set; false without memory. */
bool vss_set_digest(const struct vss_set_description *set, struct vss_uuid *digest);

#endif /* VSS_SRC_BACKUP_DOCUMENT_TREE_H */

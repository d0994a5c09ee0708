/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elements of a document and their attributes, by type.
 *
 * Getters serve trees that vss_xml_judge() has found good: an attribute is
 * there in the right form or not at all.
 */
#ifndef VSS_SRC_XML_NODE_H
#define VSS_SRC_XML_NODE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/metadata.h>
#include <vss/uuid.h>

/* How an enumerator is spelt; a table ends with a NULL text. */
struct vss_xml_word {
	const char *text;
	int value;
};
/* NULL for a value without spelling. */
const char *vss_xml_word_text(const struct vss_xml_word *words, int value);

/*
 * Elements of ours are in the namespace of the document or, as Windows writes
 * some, in none.
 */
bool vss_xml_is(const xmlNode *node, const char *name);

/* ---- reading ---- */

/* Borrowed from the tree; NULL when it is absent. */
const char *vss_xml_text(const xmlNode *element, const char *name);
/* A copy for free(); @text becomes NULL when it is absent.  False without memory. */
bool vss_xml_copy_text(const xmlNode *element, const char *name, char **text);
bool vss_xml_yes_no(const xmlNode *element, const char *name);
uint64_t vss_xml_number(const xmlNode *element, const char *name, uint64_t absent);
bool vss_xml_uuid(const xmlNode *element, const char *name, struct vss_uuid *uuid);
int vss_xml_word(const xmlNode *element, const char *name, const struct vss_xml_word *words, int absent);
/* path, filespec, recursive, alternatePath and filespecBackupType; false without memory. */
bool vss_xml_filedesc(const xmlNode *element, struct vss_wm_filedesc *filedesc);

/* ---- writing: false without memory ---- */

/* A NULL text takes the attribute away. */
bool vss_xml_set_text(xmlNode *element, const char *name, const char *text);
bool vss_xml_set_yes_no(xmlNode *element, const char *name, bool value);
bool vss_xml_set_number(xmlNode *element, const char *name, uint64_t value);
bool vss_xml_set_uuid(xmlNode *element, const char *name, const struct vss_uuid *uuid);
bool vss_xml_set_word(xmlNode *element, const char *name, const struct vss_xml_word *words, int value);
bool vss_xml_set_file(xmlNode *element, const char *path, const char *filespec);

/* An element in @parent's namespace that is in no tree yet. */
xmlNode *vss_xml_new(xmlNode *parent, const char *name);
/* The last child of @parent; @child is freed when that fails. */
bool vss_xml_append(xmlNode *parent, xmlNode *child);

/* ---- children of one kind, by index ---- */

struct vss_xml_list {
	xmlNode **nodes;
	size_t count;
	size_t room;
};
bool vss_xml_list_add(struct vss_xml_list *list, xmlNode *node);
void vss_xml_list_clear(struct vss_xml_list *list);
/* NULL past the end. */
xmlNode *vss_xml_list_get(const struct vss_xml_list *list, uint32_t index);

/* ---- what callers may pass: E_INVALIDARG with a sentence ---- */

/* Any text that a document can hold. */
vss_result vss_xml_check_text(const char *what, const char *text, bool may_be_null, struct vss_error *err);
/* A name that is not empty and has no separator in it. */
vss_result vss_xml_check_name(const char *what, const char *name, struct vss_error *err);
/* A path without wildcards, and a file specification without a separator. */
vss_result vss_xml_check_path(const char *what, const char *path, struct vss_error *err);
vss_result vss_xml_check_filespec(const char *filespec, struct vss_error *err);

#endif /* VSS_SRC_XML_NODE_H */

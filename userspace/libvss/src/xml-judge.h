/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of a kind of document as tables, and the judge that goes by them.
 *
 * Elements and attributes that the tables do not know are let through, for they
 * may be of a newer version, and are kept.  Known ones must stand where the
 * tables say, as often as they say, with values of the right type.
 */
#ifndef VSS_SRC_XML_JUDGE_H
#define VSS_SRC_XML_JUDGE_H

#include "xml-node.h"

enum vss_xml_type {
	VSS_XML_TEXT,
	VSS_XML_NAME,		/* not empty */
	VSS_XML_YES_NO,
	VSS_XML_NUMBER8,	/* decimal, by how many bits it must fit in */
	VSS_XML_NUMBER32,
	VSS_XML_NUMBER64,
	VSS_XML_UUID,		/* of either case */
	VSS_XML_VERSION,	/* 1.2 */
	VSS_XML_HEX,		/* bytes, at most 255 */
	VSS_XML_WORD,		/* of a table */
};

struct vss_xml_attribute_rule {
	const char *name;	/* NULL ends a table */
	enum vss_xml_type type;
	bool required;
	const struct vss_xml_word *words;
};

struct vss_xml_element_rule {
	const char *name;
	const struct vss_xml_attribute_rule *attributes;
	const struct vss_xml_child_rule *children;	/* NULL for none */
	/* Its own rules hold only if this attribute has this value; else it is let through. */
	const char *if_attribute;
	const char *if_value;
};

#define VSS_XML_ANY	UINT32_MAX

struct vss_xml_child_rule {
	const struct vss_xml_element_rule *element;	/* NULL ends a table */
	uint32_t min;
	uint32_t max;
};

/*
 * Judge @element, which has the name of @rule, and all below it.  @names: all
 * elements of this kind of document, NULL at the end: one of these in a place
 * that is not its own is no newer version's.
 */
vss_result vss_xml_judge(const xmlNode *element, const struct vss_xml_element_rule *rule,
			 const char *const *names, struct vss_error *err);

/*
 * Judge a whole document: the root's name and namespace, then all of it.
 * @title names this kind of document.
 */
vss_result vss_xml_judge_document(xmlDoc *doc, const struct vss_xml_element_rule *root, const char *ns,
				  const char *title, const char *const *names, struct vss_error *err);

/* What to add when @root begins what people may take for a document; else "". */
const char *vss_xml_manifest_hint(const char *root);

/* "line 7: element COMPONENT: ..." as VSS_E_INVALID_XML_DOCUMENT */
vss_result vss_xml_invalid(const xmlNode *element, struct vss_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* VSS_SRC_XML_JUDGE_H */

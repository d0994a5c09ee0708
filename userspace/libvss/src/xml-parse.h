/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From bytes that nobody vouches for to a libxml2 tree, and back to text.
 */
#ifndef VSS_SRC_XML_PARSE_H
#define VSS_SRC_XML_PARSE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <vss/error.h>

/* Beyond the limits of vss/metadata.h, on what no document comes near. */
#define VSS_XML_MAX_NODES	(2U << 20)	/* elements, attributes, comments, ... */
#define VSS_XML_MAX_ATTRIBUTES	64		/* of one element */
#define VSS_XML_MAX_ASIDE	(1U << 20)	/* bytes of a comment, an instruction, a CDATA section */

/*
 * Parse @size bytes into a tree for xmlFreeDoc().  Whatever the bytes are, this
 * takes time and memory in proportion to their number and touches nothing but
 * memory: no file, no network, no entity, no DTD.  Where an element begins is
 * kept, see vss_xml_line().
 *
 * VSS_E_CORRUPT_XML_DOCUMENT for what is not XML, VSS_E_INVALID_XML_DOCUMENT
 * for what is none of ours: a DOCTYPE, a limit exceeded.
 */
vss_result vss_xml_parse(const char *xml, size_t size, xmlDoc **doc, struct vss_error *err);

/* The line that an element of a parsed tree begins in; 0 for one made since. */
unsigned int vss_xml_line(const xmlNode *element);

/* As text to free(): UTF-8, no prolog, nothing indented. */
vss_result vss_xml_save(xmlDoc *doc, char **xml, struct vss_error *err);

/* Records that memory is out; gives E_OUTOFMEMORY. */
vss_result vss_xml_no_memory(struct vss_error *err);

/* Can an attribute hold @text and give it back unchanged? */
bool vss_xml_text_valid(const char *text, size_t size);

#endif /* VSS_SRC_XML_PARSE_H */

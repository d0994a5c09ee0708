/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first look at a document: its encoding, and what a parser must not be
 * given.
 */
#ifndef VSS_SRC_XML_SCAN_H
#define VSS_SRC_XML_SCAN_H

#include <stddef.h>
#include <vss/error.h>

/*
 * Bring a document to UTF-8 without byte order mark.  What is UTF-8 already is
 * not copied: @text then points into @xml and @copy becomes NULL; else @copy
 * is to be freed with free().
 */
vss_result vss_xml_to_utf8(const char *xml, size_t size, const char **text, size_t *length,
			   char **copy, struct vss_error *err);

/*
 * Refuse what would cost a parser more than time in proportion to its length,
 * and document type declarations.  @text is UTF-8.
 */
vss_result vss_xml_scan(const char *text, size_t length, struct vss_error *err);

#endif /* VSS_SRC_XML_SCAN_H */

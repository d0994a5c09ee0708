// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which kind a stored document is.
 */
#include <string.h>

#include <vss/document.h>

#include "xml-judge.h"
#include "xml-parse.h"

vss_result vss_document_get_kind(const char *xml, size_t size, enum vss_document_kind *kind, struct vss_error *err)
{
	const xmlNode *root;
	xmlDoc *doc;
	vss_result result = vss_xml_parse(xml, size, &doc, err);

	if (result)
		return result;
	root = xmlDocGetRootElement(doc);
	if (!strcmp((const char *)root->name, "BACKUP_COMPONENTS"))
		*kind = VSS_DOCUMENT_BACKUP_COMPONENTS;
	else if (!strcmp((const char *)root->name, "WRITER_METADATA"))
		*kind = VSS_DOCUMENT_WRITER_METADATA;
	else
		result = vss_xml_invalid(root, err, "a Backup Components Document begins with BACKUP_COMPONENTS, a "
					 "Writer Metadata Document with WRITER_METADATA%s",
					 vss_xml_manifest_hint((const char *)root->name));
	xmlFreeDoc(doc);
	return result;
}

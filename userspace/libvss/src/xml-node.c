// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Elements of a document and their attributes, by type.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "xml-node.h"
#include "xml-parse.h"

const char *vss_xml_word_text(const struct vss_xml_word *words, int value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return NULL;
}

bool vss_xml_is(const xmlNode *node, const char *name)
{
	const xmlNode *root;

	if (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name))
		return false;
	if (!node->ns)
		return true;
	root = xmlDocGetRootElement(node->doc);
	return root && root->ns && !xmlStrcmp(node->ns->href, root->ns->href);
}

/* ---- reading ---- */

const char *vss_xml_text(const xmlNode *element, const char *name)
{
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		if (a->ns || strcmp((const char *)a->name, name))
			continue;
		return a->children && a->children->content ? (const char *)a->children->content : "";
	}
	return NULL;
}

bool vss_xml_copy_text(const xmlNode *element, const char *name, char **text)
{
	const char *found = vss_xml_text(element, name);

	*text = found ? strdup(found) : NULL;
	return !found || *text;
}

bool vss_xml_yes_no(const xmlNode *element, const char *name)
{
	const char *text = vss_xml_text(element, name);

	return text && !strcmp(text, "yes");
}

uint64_t vss_xml_number(const xmlNode *element, const char *name, uint64_t absent)
{
	const char *text = vss_xml_text(element, name);

	return text ? strtoull(text, NULL, 10) : absent;
}

bool vss_xml_uuid(const xmlNode *element, const char *name, struct vss_uuid *uuid)
{
	const char *text = vss_xml_text(element, name);

	if (text && !vss_uuid_parse(text, uuid))
		return true;
	memset(uuid, 0, sizeof(*uuid));
	return false;
}

int vss_xml_word(const xmlNode *element, const char *name, const struct vss_xml_word *words, int absent)
{
	const char *text = vss_xml_text(element, name);

	for (; text && words->text; words++)
		if (!strcmp(words->text, text))
			return words->value;
	return absent;
}

bool vss_xml_filedesc(const xmlNode *element, struct vss_wm_filedesc *filedesc)
{
	memset(filedesc, 0, sizeof(*filedesc));
	filedesc->recursive = vss_xml_yes_no(element, "recursive");
	filedesc->backup_type_mask = (uint32_t)vss_xml_number(element, "filespecBackupType",
							      VSS_FSBT_ALL_BACKUP_REQUIRED |
							      VSS_FSBT_ALL_SNAPSHOT_REQUIRED);
	if (vss_xml_copy_text(element, "path", &filedesc->path) &&
	    vss_xml_copy_text(element, "filespec", &filedesc->filespec) &&
	    vss_xml_copy_text(element, "alternatePath", &filedesc->alternate_location))
		return true;
	vss_wm_filedesc_clear(filedesc);
	return false;
}

/* ---- writing ---- */

bool vss_xml_set_text(xmlNode *element, const char *name, const char *text)
{
	if (!text) {
		xmlAttr *attribute = xmlHasNsProp(element, (const xmlChar *)name, NULL);

		if (attribute)
			xmlRemoveProp(attribute);
		return true;
	}
	return xmlSetNsProp(element, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

bool vss_xml_set_yes_no(xmlNode *element, const char *name, bool value)
{
	return vss_xml_set_text(element, name, value ? "yes" : "no");
}

bool vss_xml_set_number(xmlNode *element, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return vss_xml_set_text(element, name, text);
}

bool vss_xml_set_uuid(xmlNode *element, const char *name, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	return vss_xml_set_text(element, name, vss_uuid_format(uuid, text));
}

bool vss_xml_set_word(xmlNode *element, const char *name, const struct vss_xml_word *words, int value)
{
	return vss_xml_set_text(element, name, vss_xml_word_text(words, value));
}

bool vss_xml_set_file(xmlNode *element, const char *path, const char *filespec)
{
	return vss_xml_set_text(element, "path", path) && vss_xml_set_text(element, "filespec", filespec);
}

xmlNode *vss_xml_new(xmlNode *parent, const char *name)
{
	return xmlNewDocNode(parent->doc, parent->ns, (const xmlChar *)name, NULL);
}

bool vss_xml_append(xmlNode *parent, xmlNode *child)
{
	if (child && xmlAddChild(parent, child))
		return true;
	xmlFreeNode(child);
	return false;
}

/* ---- lists ---- */

bool vss_xml_list_add(struct vss_xml_list *list, xmlNode *node)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 8;
		xmlNode **nodes = reallocarray(list->nodes, room, sizeof(*nodes));

		if (!nodes)
			return false;
		list->nodes = nodes;
		list->room = room;
	}
	list->nodes[list->count++] = node;
	return true;
}

void vss_xml_list_clear(struct vss_xml_list *list)
{
	free(list->nodes);
	memset(list, 0, sizeof(*list));
}

xmlNode *vss_xml_list_get(const struct vss_xml_list *list, uint32_t index)
{
	return index < list->count ? list->nodes[index] : NULL;
}

/* ---- arguments ---- */

static vss_result invalid(struct vss_error *err, const char *what, const char *value, const char *why)
{
	vss_error_set(err, -EINVAL, E_INVALIDARG, "%s \"%.200s\" %s", what, value, why);
	return E_INVALIDARG;
}

vss_result vss_xml_check_text(const char *what, const char *text, bool may_be_null, struct vss_error *err)
{
	size_t length;

	if (!text && may_be_null)
		return S_OK;
	if (!text) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "%s is missing", what);
		return E_INVALIDARG;
	}
	length = strlen(text);
	if (length > VSS_DOCUMENT_MAX_ATTRIBUTE) {
		vss_error_set(err, -E2BIG, E_INVALIDARG, "%s has %zu bytes; at most %u fit in a document", what,
			      length, VSS_DOCUMENT_MAX_ATTRIBUTE);
		return E_INVALIDARG;
	}
	if (!vss_xml_text_valid(text, length)) {
		vss_error_set(err, -EILSEQ, E_INVALIDARG,
			      "%s is not UTF-8 or has control characters, which XML cannot hold; encode it, as "
			      "base64 for example", what);
		return E_INVALIDARG;
	}
	return S_OK;
}

vss_result vss_xml_check_name(const char *what, const char *name, struct vss_error *err)
{
	vss_result result = vss_xml_check_text(what, name, false, err);

	if (result)
		return result;
	if (!*name)
		return invalid(err, what, name, "is empty");
	return strchr(name, '/') ? invalid(err, what, name, "has a \"/\" in it; that separates the parts of "
							    "logical paths") : S_OK;
}

vss_result vss_xml_check_path(const char *what, const char *path, struct vss_error *err)
{
	vss_result result = vss_xml_check_text(what, path, false, err);

	if (result)
		return result;
	if (!*path)
		return invalid(err, what, path, "is empty");
	return strpbrk(path, "*?") ? invalid(err, what, path, "has a wildcard in it; only the file "
							      "specification may") : S_OK;
}

vss_result vss_xml_check_filespec(const char *filespec, struct vss_error *err)
{
	vss_result result = vss_xml_check_text("the file specification", filespec, false, err);

	if (result)
		return result;
	if (!*filespec)
		return invalid(err, "the file specification", filespec, "is empty; \"*\" stands for all files");
	return strchr(filespec, '/') ? invalid(err, "the file specification", filespec,
					       "has a \"/\" in it; directories go into the path") : S_OK;
}

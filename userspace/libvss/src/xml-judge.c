// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Judging a document by tables.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "xml-judge.h"
#include "xml-parse.h"

#define MAX_CHILD_RULES	16

vss_result vss_xml_invalid(const xmlNode *element, struct vss_error *err, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vss_error_set(err, -EBADMSG, VSS_E_INVALID_XML_DOCUMENT, "line %u: element %.60s: %s",
		      vss_xml_line(element), element->name, text);
	return VSS_E_INVALID_XML_DOCUMENT;
}

/* ---- values: what is wrong with one, NULL for nothing ---- */

static bool is_number(const char *text, uint64_t max)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	return value <= max;
}

static bool is_uuid(const char *text)
{
	struct vss_uuid uuid;

	return *text != '{' && !vss_uuid_parse(text, &uuid);
}

static bool is_version(const char *text)
{
	size_t major = strspn(text, "0123456789"), minor;

	if (!major || text[major] != '.')
		return false;
	minor = strspn(text + major + 1, "0123456789");
	return minor && !text[major + 1 + minor];
}

static bool is_hex(const char *text)
{
	size_t length = strlen(text);

	return length % 2 == 0 && length <= 510 && strspn(text, "0123456789abcdefABCDEF") == length;
}

/* "full, incremental or log" */
static void list_words(const struct vss_xml_word *words, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (; words->text && n < size; words++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", words->text,
				      !words[1].text ? "" : words[2].text ? ", " : " or ");
}

static bool is_word(const struct vss_xml_word *words, const char *text)
{
	for (; words->text; words++)
		if (!strcmp(words->text, text))
			return true;
	return false;
}

static bool judge_value(const struct vss_xml_attribute_rule *rule, const char *text, char *must, size_t size)
{
	const char *what = "";
	bool good = true;

	switch (rule->type) {
	case VSS_XML_TEXT:
		break;
	case VSS_XML_NAME:
		good = *text;
		what = "a name that is not empty";
		break;
	case VSS_XML_YES_NO:
		good = !strcmp(text, "yes") || !strcmp(text, "no");
		what = "yes or no";
		break;
	case VSS_XML_NUMBER8:
		good = is_number(text, UINT8_MAX);
		what = "a number from 0 to 255";
		break;
	case VSS_XML_NUMBER32:
		good = is_number(text, UINT32_MAX);
		what = "a decimal number of 32 bits";
		break;
	case VSS_XML_NUMBER64:
		good = is_number(text, UINT64_MAX);
		what = "a decimal number of 64 bits";
		break;
	case VSS_XML_UUID:
		good = is_uuid(text);
		what = "a GUID without braces";
		break;
	case VSS_XML_VERSION:
		good = is_version(text);
		what = "a version such as 1.2";
		break;
	case VSS_XML_HEX:
		good = is_hex(text);
		what = "bytes in hexadecimal, 255 at most";
		break;
	case VSS_XML_WORD:
		good = is_word(rule->words, text);
		if (!good)
			list_words(rule->words, must, size);
		return good;
	}
	snprintf(must, size, "%s", what);
	return good;
}

static vss_result judge_attributes(const xmlNode *element, const struct vss_xml_element_rule *rule,
				   struct vss_error *err)
{
	for (const struct vss_xml_attribute_rule *a = rule->attributes; a && a->name; a++) {
		const char *text = vss_xml_text(element, a->name);
		char must[256];

		if (!text && a->required)
			return vss_xml_invalid(element, err, "attribute %s is missing", a->name);
		if (text && !judge_value(a, text, must, sizeof(must)))
			return vss_xml_invalid(element, err, "attribute %s is \"%.80s\", but must be %s", a->name,
					       text, must);
	}
	return S_OK;
}

/* ---- structure ---- */

static bool is_blank(const xmlNode *text)
{
	const char *c = (const char *)text->content;

	return !c || !c[strspn(c, " \t\r\n")];
}

static bool is_known(const xmlNode *node, const char *const *names)
{
	for (; *names; names++)
		if (vss_xml_is(node, *names))
			return true;
	return false;
}

static vss_result judge_child(const xmlNode *child, const struct vss_xml_element_rule *rule,
			      const char *const *names, uint32_t *counts, struct vss_error *err)
{
	const struct vss_xml_child_rule *c = rule->children;

	if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
		return is_blank(child) ? S_OK :
			vss_xml_invalid(child->parent, err, "text within an element that holds none");
	if (child->type != XML_ELEMENT_NODE)
		return S_OK;
	for (size_t i = 0; c && c[i].element; i++) {
		if (!vss_xml_is(child, c[i].element->name))
			continue;
		if (++counts[i] > c[i].max)
			return vss_xml_invalid(child, err, "comes %u times in %s, at most %u is right", counts[i],
					       rule->name, c[i].max);
		return vss_xml_judge(child, c[i].element, names, err);
	}
	return is_known(child, names) ? vss_xml_invalid(child, err, "does not belong into %s", rule->name) : S_OK;
}

/* Recursion is as deep as the tables are. */
vss_result vss_xml_judge(const xmlNode *element, const struct vss_xml_element_rule *rule,
			 const char *const *names, struct vss_error *err)
{
	const struct vss_xml_child_rule *c = rule->children;
	uint32_t counts[MAX_CHILD_RULES] = { 0 };
	vss_result result;

	if (rule->if_attribute) {
		const char *text = vss_xml_text(element, rule->if_attribute);

		if (!text || strcmp(text, rule->if_value))
			return S_OK;
	}
	result = judge_attributes(element, rule, err);
	for (const xmlNode *child = element->children; child && !result; child = child->next)
		result = judge_child(child, rule, names, counts, err);
	for (size_t i = 0; !result && c && c[i].element; i++)
		if (counts[i] < c[i].min)
			result = vss_xml_invalid(element, err, "has no %s", c[i].element->name);
	return result;
}

const char *vss_xml_manifest_hint(const char *root)
{
	return strcmp(root, "Manifest") ? "" :
		"; this seems to be the manifest of a DiskShadow archive, which has the documents beside it";
}

vss_result vss_xml_judge_document(xmlDoc *doc, const struct vss_xml_element_rule *root, const char *ns,
				  const char *title, const char *const *names, struct vss_error *err)
{
	const xmlNode *element = xmlDocGetRootElement(doc);

	if (strcmp((const char *)element->name, root->name))
		return vss_xml_invalid(element, err, "a %s begins with %s%s", title, root->name,
				       vss_xml_manifest_hint((const char *)element->name));
	if (!element->ns || strcmp((const char *)element->ns->href, ns))
		return vss_xml_invalid(element, err, "its namespace is \"%.80s\", but must be %s",
				       element->ns ? (const char *)element->ns->href : "", ns);
	return vss_xml_judge(element, root, names, err);
}

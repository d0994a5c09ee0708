// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From bytes that nobody vouches for to a libxml2 tree, and back to text.
 *
 * The tree is built by libxml2's own SAX2 callbacks behind ours, which count
 * and stop.  Errors go to a handler of this parser alone; nothing of libxml2
 * that other users of it in the process share is changed.
 */
#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlsave.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vss/metadata.h>

#include "cleanup.h"
#include "error.h"
#include "xml-parse.h"
#include "xml-scan.h"

/* What one run of the parser needs beside libxml2's own context. */
struct parse {
	unsigned int depth;
	unsigned int nodes;
	bool stopped;		/* by us */
	bool failed;		/* libxml2 has found an error */
	struct vss_error error;	/* the first one */
};

vss_result vss_xml_no_memory(struct vss_error *err)
{
	vss_error_errno(err, -ENOMEM, "out of memory");
	return E_OUTOFMEMORY;
}

static struct parse *parse_of(void *ctx)
{
	return ((xmlParserCtxt *)ctx)->_private;
}

/* Record why, and have the parser end soon. */
static void stop(void *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void stop(void *ctx, const char *format, ...)
{
	struct parse *parse = parse_of(ctx);
	char text[256];
	va_list args;

	if (parse->stopped)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vss_error_set(&parse->error, -EBADMSG, VSS_E_INVALID_XML_DOCUMENT, "line %d: %s",
		      xmlSAX2GetLineNumber(ctx), text);
	parse->stopped = true;
	xmlStopParser(ctx);
}

/* False when there are too many nodes. */
static bool count_nodes(void *ctx, unsigned int more)
{
	struct parse *parse = parse_of(ctx);

	if (parse->stopped)
		return false;
	parse->nodes += more;
	if (parse->nodes <= VSS_XML_MAX_NODES)
		return true;
	stop(ctx, "more elements and attributes than a document may have (%u)", VSS_XML_MAX_NODES);
	return false;
}

static void on_start_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
			     int nb_namespaces, const xmlChar **namespaces, int nb_attributes,
			     int nb_defaulted, const xmlChar **attributes)
{
	xmlParserCtxt *parser = ctx;
	struct parse *parse = parse_of(ctx);

	if (!count_nodes(ctx, 1 + (unsigned int)nb_attributes + (unsigned int)nb_namespaces))
		return;
	if (++parse->depth > VSS_DOCUMENT_MAX_DEPTH) {
		stop(ctx, "element %.40s: elements are nested deeper than %u", name, VSS_DOCUMENT_MAX_DEPTH);
		return;
	}
	/* Five pointers each: name, prefix, URI, value, end of value. */
	for (int i = 0; i < nb_attributes; i++) {
		const xmlChar **attribute = attributes + 5 * (size_t)i;

		if ((size_t)(attribute[4] - attribute[3]) > VSS_DOCUMENT_MAX_ATTRIBUTE) {
			stop(ctx, "element %.40s: attribute %.40s is longer than %u bytes", name, attribute[0],
			     VSS_DOCUMENT_MAX_ATTRIBUTE);
			return;
		}
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, nb_namespaces, namespaces, nb_attributes,
			      nb_defaulted, attributes);
	/* Its own field for the line has 16 bits. */
	if (parser->node && parser->input)
		parser->node->psvi = (void *)(uintptr_t)(unsigned int)parser->input->line;
}

static void on_end_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	parse_of(ctx)->depth--;
	xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static void on_comment(void *ctx, const xmlChar *value)
{
	if (count_nodes(ctx, 1))
		xmlSAX2Comment(ctx, value);
}

static void on_instruction(void *ctx, const xmlChar *target, const xmlChar *data)
{
	if (count_nodes(ctx, 1))
		xmlSAX2ProcessingInstruction(ctx, target, data);
}

static void on_cdata(void *ctx, const xmlChar *value, int length)
{
	if (count_nodes(ctx, 1))
		xmlSAX2CDataBlock(ctx, value, length);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name;
	(void)external;
	(void)system;
	stop(ctx, "a document type declaration (DOCTYPE), which no document of ours has");
}

/* Only predefined entities are left, which libxml2 replaces without asking. */
static void on_reference(void *ctx, const xmlChar *name)
{
	stop(ctx, "an entity reference (%.40s), which no document of ours has", name);
}

static xmlEntity *on_get_entity(void *ctx, const xmlChar *name)
{
	(void)ctx;
	return xmlGetPredefinedEntity(name);
}

/* libxml2's messages end with a newline. */
static void copy_message(char *to, size_t size, const char *from)
{
	size_t n = (size_t)snprintf(to, size, "%s", from);

	for (n = n < size ? n : size - 1; n && strchr(" \r\n.", to[n - 1]); n--)
		to[n - 1] = '\0';
}

static void on_error(void *ctx, xmlError *error)
{
	struct parse *parse = parse_of(ctx);
	char text[256];

	if (error->level < XML_ERR_ERROR || parse->failed)
		return;
	parse->failed = true;
	if (parse->stopped)
		return;
	if (error->code == XML_ERR_NO_MEMORY) {
		vss_error_errno(&parse->error, -ENOMEM, "out of memory");
		return;
	}
	copy_message(text, sizeof(text), error->message ? error->message : "not well-formed");
	vss_error_set(&parse->error, -EBADMSG, VSS_E_CORRUPT_XML_DOCUMENT, "line %d: not well-formed XML: %s",
		      error->line, text);
}

static void set_callbacks(xmlParserCtxt *parser)
{
	xmlSAXHandler *sax = parser->sax;

	xmlSAXVersion(sax, 2);
	sax->startElementNs = on_start_element;
	sax->endElementNs = on_end_element;
	sax->comment = on_comment;
	sax->processingInstruction = on_instruction;
	sax->cdataBlock = on_cdata;
	sax->internalSubset = on_doctype;
	sax->externalSubset = on_doctype;
	sax->reference = on_reference;
	sax->getEntity = on_get_entity;
	sax->getParameterEntity = NULL;
	sax->resolveEntity = NULL;
	sax->entityDecl = NULL;
	sax->serror = on_error;
}

static vss_result parse_utf8(const char *text, size_t length, xmlDoc **doc, struct vss_error *err)
{
	struct parse parse = { 0 };
	xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlDoc *tree;
	bool good;

	if (!parser)
		return vss_xml_no_memory(err);
	set_callbacks(parser);
	parser->_private = &parse;
	/* What another user may have made the default in this thread. */
	parser->keepBlanks = 1;
	parser->linenumbers = 1;
	parser->pedantic = 0;
	parser->validate = 0;
	parser->loadsubset = 0;
	/*
	 * The scan has seen that the bytes are UTF-8, and what the prolog calls them.
	 * With no DTD there are no entities but &lt; and the like.  XML_PARSE_NOENT has
	 * these replaced at once: else libxml2 would make &#60; of it first, and hold
	 * that against its limits.
	 */
	tree = xmlCtxtReadMemory(parser, text, (int)length, NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC);
	good = tree && parser->wellFormed && parser->nsWellFormed && !parse.failed && !parse.stopped;
	xmlFreeParserCtxt(parser);
	if (good) {
		*doc = tree;
		return S_OK;
	}
	xmlFreeDoc(tree);
	if (!parse.error.result)
		vss_error_set(&parse.error, -EBADMSG, VSS_E_CORRUPT_XML_DOCUMENT, "not well-formed XML");
	if (err)
		*err = parse.error;
	return parse.error.result;
}

vss_result vss_xml_parse(const char *xml, size_t size, xmlDoc **doc, struct vss_error *err)
{
	_cleanup_free_ char *copy = NULL;
	vss_result result;
	const char *text;
	size_t length;

	if (!xml || !size) {
		vss_error_set(err, -EBADMSG, VSS_E_CORRUPT_XML_DOCUMENT, "the document is empty");
		return VSS_E_CORRUPT_XML_DOCUMENT;
	}
	if (size > VSS_DOCUMENT_MAX_SIZE) {
		vss_error_set(err, -EFBIG, VSS_E_INVALID_XML_DOCUMENT,
			      "the document has %zu bytes, more than %u, which is the most that is read", size,
			      VSS_DOCUMENT_MAX_SIZE);
		return VSS_E_INVALID_XML_DOCUMENT;
	}
	result = vss_xml_to_utf8(xml, size, &text, &length, &copy, err);
	if (!result)
		result = vss_xml_scan(text, length, err);
	return result ? result : parse_utf8(text, length, doc, err);
}

unsigned int vss_xml_line(const xmlNode *element)
{
	return (unsigned int)(uintptr_t)element->psvi;
}

/* The buffer's content for @xml; the buffer is freed. */
static vss_result take_buffer(xmlBuffer *buffer, char **xml, struct vss_error *err)
{
	size_t length = (size_t)xmlBufferLength(buffer);
	char *text;

	if (length && xmlBufferContent(buffer)[length - 1] == '\n')
		length--;
	if (length > VSS_DOCUMENT_MAX_SIZE) {
		xmlBufferFree(buffer);
		vss_error_set(err, -EFBIG, E_INVALIDARG,
			      "the document has grown to %zu bytes; more than %u could not be read again", length,
			      VSS_DOCUMENT_MAX_SIZE);
		return E_INVALIDARG;
	}
	text = strndup((const char *)xmlBufferContent(buffer), length);
	xmlBufferFree(buffer);
	if (!text)
		return vss_xml_no_memory(err);
	*xml = text;
	return S_OK;
}

vss_result vss_xml_save(xmlDoc *doc, char **xml, struct vss_error *err)
{
	xmlBuffer *buffer = xmlBufferCreate();
	xmlSaveCtxt *save;
	bool saved;

	if (!buffer)
		return vss_xml_no_memory(err);
	xmlBufferSetAllocationScheme(buffer, XML_BUFFER_ALLOC_DOUBLEIT);
	save = xmlSaveToBuffer(buffer, "UTF-8", XML_SAVE_NO_DECL | XML_SAVE_AS_XML);
	saved = save && xmlSaveDoc(save, doc) >= 0;
	if (save && xmlSaveClose(save) < 0)
		saved = false;
	if (saved)
		return take_buffer(buffer, xml, err);
	xmlBufferFree(buffer);
	return vss_xml_no_memory(err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl document check --schema: judge a document by the RELAX NG schema that is
 * installed for its kind.
 *
 * The library has rules of its own and bears what it does not know; the schemas
 * say what documents of ours may hold, for others to read.
 */
#include <errno.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "document.h"

struct judgement {
	char text[512];		/* of the first error */
};

static void cleanup_doc(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

static void cleanup_parser(xmlRelaxNGParserCtxt **parser)
{
	xmlRelaxNGFreeParserCtxt(*parser);
}

static void cleanup_schema(xmlRelaxNG **schema)
{
	xmlRelaxNGFree(*schema);
}

static void cleanup_valid(xmlRelaxNGValidCtxt **valid)
{
	xmlRelaxNGFreeValidCtxt(*valid);
}

static void note(void *data, xmlErrorPtr error)
{
	struct judgement *judgement = data;

	if (judgement->text[0] || !error->message)
		return;
	snprintf(judgement->text, sizeof(judgement->text), "line %d: %.*s", error->line,
		 (int)strcspn(error->message, "\n"), error->message);
}

int vssctl_document_judge(struct vssctl *ctl, const char *name, const struct vssctl_document *document)
{
	const char *dir = getenv("VSS_SCHEMA_DIR");
	xmlRelaxNGParserCtxt *parser __attribute__((cleanup(cleanup_parser))) = NULL;
	xmlRelaxNG *schema __attribute__((cleanup(cleanup_schema))) = NULL;
	xmlRelaxNGValidCtxt *valid __attribute__((cleanup(cleanup_valid))) = NULL;
	xmlDoc *doc __attribute__((cleanup(cleanup_doc))) = NULL;
	struct judgement judgement = { 0 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.rng", dir && dir[0] ? dir : VSS_SCHEMA_DIR,
		 document->metadata ? "writer-metadata" : "backup-components");
	if (access(path, R_OK))
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "the schema %s cannot be read: %s; install it, or name "
				   "its folder in VSS_SCHEMA_DIR", path, strerror(errno));
	parser = xmlRelaxNGNewParserCtxt(path);
	if (parser) {
		xmlRelaxNGSetParserStructuredErrors(parser, note, &judgement);
		schema = xmlRelaxNGParse(parser);
	}
	if (!schema)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED, "the schema %s is none: %s", path,
				   judgement.text[0] ? judgement.text : "no memory");
	/* The library has taken it, so it has no entities and is not too deep. */
	doc = xmlReadMemory(document->data, (int)document->size, NULL, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
	valid = xmlRelaxNGNewValidCtxt(schema);
	if (!doc || !valid)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	memset(&judgement, 0, sizeof(judgement));
	xmlRelaxNGSetValidStructuredErrors(valid, note, &judgement);
	if (xmlRelaxNGValidateDoc(valid, doc))
		return vssctl_fail(ctl, VSS_E_INVALID_XML_DOCUMENT, "%s: %s (by %s)", name, judgement.text, path);
	return VSSCTL_OK;
}

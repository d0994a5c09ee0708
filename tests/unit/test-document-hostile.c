// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Documents that are not what they should be, by accident or design: each gets
 * its error, in bounded time and memory, and nothing outside is touched.
 */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "backup-document.h"
#include "document-fixture.h"
#include "document-walk.h"
#include "xml-parse.h"

#define HEAD	"<WRITER_METADATA xmlns=\"x-schema:#VssWriterMetadataInfo\" version=\"1.2\">"
#define ID	"<IDENTIFICATION writerId=\"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c001\"" \
		" instanceId=\"0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e01\" friendlyName=\"X\" usage=\"OTHER\"" \
		" dataSource=\"OTHER\"/>"
#define GROUP(name)	"<FILE_GROUP componentName=\"" name "\" restoreMetadata=\"no\"" \
			" notifyOnBackupComplete=\"no\" selectable=\"no\"/>"
#define GOOD	HEAD ID "<BACKUP_LOCATIONS>" GROUP("g") "</BACKUP_LOCATIONS></WRITER_METADATA>"

static vss_result load(const char *xml, size_t size, struct vss_error *error)
{
	struct vss_writer_metadata *metadata;
	vss_result result;

	memset(error, 0, sizeof(*error));
	result = vss_create_vss_examine_writer_metadata(xml, size, &metadata, error);
	if (!result)
		vss_writer_metadata_free(metadata);
	else
		assert_int_equal(error->result, result);
	return result;
}

static void refused(const char *xml, vss_result expected, const char *sentence)
{
	struct vss_error error;

	assert_int_equal(load(xml, strlen(xml), &error), expected);
	if (!strstr(error.text, sentence))
		fail_msg("\"%s\" does not say \"%s\"", error.text, sentence);
	for (const char *c = error.text; *c; c++)
		assert_true((unsigned char)*c >= 0x20);
}

static bool touched;

static xmlParserInput *no_loader(const char *url, const char *id, xmlParserCtxt *context)
{
	(void)url;
	(void)id;
	(void)context;
	touched = true;
	return NULL;
}

static void no_errors(void *data, xmlError *error)
{
	(void)data;
	(void)error;
	touched = true;
}

/* SEC-008 */
static void no_dtd_and_no_entities(void **state)
{
	static const char *const doctypes[] = {
		"<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>",
		"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
		"<!DOCTYPE a SYSTEM \"http://192.0.2.1/x.dtd\">",
		"<!DOCTYPE a PUBLIC \"x\" \"/etc/passwd\">",
		"<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>",
		"<!DOCTYPE WRITER_METADATA>",
		"<?xml version=\"1.0\" standalone=\"yes\"?><!-- x --><!DOCTYPE a []>",
	};
	xmlExternalEntityLoader before = xmlGetExternalEntityLoader();

	(void)state;
	xmlSetExternalEntityLoader(no_loader);
	xmlSetStructuredErrorFunc(NULL, no_errors);
	for (size_t i = 0; i < COUNT(doctypes); i++) {
		char *xml;

		assert_true(asprintf(&xml, "%s%s", doctypes[i], GOOD) >= 0);
		refused(xml, VSS_E_INVALID_XML_DOCUMENT, "line 1: a document type declaration (DOCTYPE)");
		free(xml);
	}
	refused(HEAD "&x;</WRITER_METADATA>", VSS_E_CORRUPT_XML_DOCUMENT, "line 1: ");
	refused(HEAD "<A b=\"&x;\"/></WRITER_METADATA>", VSS_E_CORRUPT_XML_DOCUMENT, "line 1: ");
	refused("<!ENTITY x \"y\">" GOOD, VSS_E_INVALID_XML_DOCUMENT, "line 1: ");
	xmlSetStructuredErrorFunc(NULL, NULL);
	xmlSetExternalEntityLoader(before);
	assert_false(touched);
}

static char *repeated(const char *before, const char *text, size_t count, const char *after)
{
	size_t size = strlen(text);
	char *xml = malloc(strlen(before) + size * count + strlen(after) + 1), *at = xml;

	assert_non_null(xml);
	at = stpcpy(at, before);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, text);
	stpcpy(at, after);
	return xml;
}

static void refused_soon(char *xml, vss_result expected, const char *sentence)
{
	double start = milliseconds();

	refused(xml, expected, sentence);
	assert_true(milliseconds() - start < 10000);
	free(xml);
}

/* SEC-008 */
static void limits_hold(void **state)
{
	static const char end[] = "</WRITER_METADATA>";
	struct vss_error error;
	char *xml, *ends;

	(void)state;
	/* 31 below the root are well, 32 are not. */
	ends = repeated("", "</d>", VSS_DOCUMENT_MAX_DEPTH - 1, "<BACKUP_LOCATIONS/></WRITER_METADATA>");
	xml = repeated(HEAD ID, "<d>", VSS_DOCUMENT_MAX_DEPTH - 1, ends);
	assert_int_equal(load(xml, strlen(xml), &error), S_OK);
	free(xml);
	free(ends);
	refused_soon(repeated(HEAD, "<d>", VSS_DOCUMENT_MAX_DEPTH, end), VSS_E_INVALID_XML_DOCUMENT, "nested deeper");
	refused_soon(repeated(HEAD, "<d>", 1000000, end), VSS_E_INVALID_XML_DOCUMENT, "nested deeper");
	refused_soon(repeated(HEAD "<a ", "x=\"\" ", 2000000, "/></WRITER_METADATA>"), VSS_E_INVALID_XML_DOCUMENT,
		     "more attributes");
	/* Just what libxml2 would take for such a tag, behind what it stops at. */
	refused_soon(repeated(HEAD "<!-- \x01 <a ", "x=\"\" ", 100000, "/> --></WRITER_METADATA>"),
		     VSS_E_CORRUPT_XML_DOCUMENT, "no character");
	refused_soon(repeated(HEAD "<? <a ", "x=\"\" ", 100000, "/>?></WRITER_METADATA>"), VSS_E_CORRUPT_XML_DOCUMENT,
		     "processing instruction");
	refused_soon(repeated(HEAD "<b c=\"<a ", "x='' ", 100000, "/>\"/></WRITER_METADATA>"),
		     VSS_E_CORRUPT_XML_DOCUMENT, "a tag without end");
	refused_soon(repeated(HEAD, "<a/>", VSS_XML_MAX_NODES, end), VSS_E_INVALID_XML_DOCUMENT,
		     "more elements and attributes");
	refused_soon(repeated(HEAD, "<?a?>", VSS_XML_MAX_NODES, end), VSS_E_INVALID_XML_DOCUMENT,
		     "more elements and attributes");
	refused_soon(repeated(HEAD "<!--", "xxxxxxxx", 1 << 17, "--></WRITER_METADATA>"), VSS_E_CORRUPT_XML_DOCUMENT,
		     "a comment");
	refused_soon(repeated(HEAD "<![CDATA[", "xxxxxxxx", 1 << 17, "]]></WRITER_METADATA>"),
		     VSS_E_CORRUPT_XML_DOCUMENT, "a CDATA section");
	/* The longest text, escaped and not, and one more. */
	xml = repeated(HEAD ID "<BACKUP_LOCATIONS/><a b=\"", "&quot;", VSS_DOCUMENT_MAX_ATTRIBUTE,
		       "\"/></WRITER_METADATA>");
	assert_int_equal(load(xml, strlen(xml), &error), S_OK);
	free(xml);
	refused_soon(repeated(HEAD "<a b=\"", "x", VSS_DOCUMENT_MAX_ATTRIBUTE + 1, "\"/></WRITER_METADATA>"),
		     VSS_E_INVALID_XML_DOCUMENT, "attribute b is longer than");
	refused_soon(repeated(HEAD "<", "x", 1000000, "/></WRITER_METADATA>"), VSS_E_CORRUPT_XML_DOCUMENT, "line 1");
	/* Only the size is looked at. */
	assert_int_equal(load(GOOD, (size_t)VSS_DOCUMENT_MAX_SIZE + 1, &error), VSS_E_INVALID_XML_DOCUMENT);
	assert_non_null(strstr(error.text, "more than"));
}

static size_t to_utf16(const char *text, bool big, bool bom, char *to)
{
	size_t n = 0;

	if (bom) {
		to[n++] = big ? (char)0xfe : (char)0xff;
		to[n++] = big ? (char)0xff : (char)0xfe;
	}
	for (; *text; text++) {
		to[n++] = big ? 0 : *text;
		to[n++] = big ? *text : 0;
	}
	return n;
}

static void encodings_are_told_apart(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
#define BYTES(text)	{ text, sizeof(text) - 1 }
		BYTES("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" GOOD),
		BYTES("<?xml version=\"1.0\" encoding=\"UTF-16\"?>" GOOD),
		BYTES("<?xml version=\"1.0\" encoding=\"EBCDIC\"?>" GOOD),
		BYTES("<?xml version=\"1.0\" encoding='UTF-7'?>" GOOD),
		BYTES(HEAD "<a b=\"gr\xfc\xdf\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\xc0\xbc\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\xe0\x80\xbc\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\xed\xa0\x80\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\xf8\x88\x80\x80\x80\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\xef\xbf\xbf\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"x\0y\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"\x1b[31m\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"&#1;\"/></WRITER_METADATA>"),
		BYTES(HEAD "<a b=\"&#xd800;\"/></WRITER_METADATA>"),
		BYTES("\xff\xfe<\0a\0/\0>"),
		BYTES("\xff\xfe<\0\x00\xd8>\0"),
		BYTES("\xff\xfe<\0\x00\xdc>\0"),
		BYTES("\xff\xfe<\0\x00\xd8"),
		BYTES("\xff\xfe"),
		BYTES("\xef\xbb\xbf"),
		BYTES("\xff\xfe\0\0<\0\0\0"),
		BYTES("\0\0\xfe\xff\0\0\0<"),
		BYTES("\0\0\0<"),
		BYTES("Lo\xa7\x94"),
		BYTES("\0"),
		BYTES(" "),
#undef BYTES
	};
	static const char *const good[] = {
		GOOD, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" GOOD "\r\n",
		"<?xml version='1.0' encoding='us-ascii' standalone='no'?>" GOOD, "\xef\xbb\xbf" GOOD,
		"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>" GOOD, "\n\t " GOOD "<!-- end -->",
	};
	static const char declared[] = "<?xml version=\"1.0\" encoding=\"utf-16\"?>" GOOD;
	char buffer[4 * sizeof(declared)];
	struct vss_error error;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(load(good[i], strlen(good[i]), &error), S_OK);
	for (int i = 0; i < 8; i++) {
		size_t size = to_utf16(i & 4 ? declared : GOOD, i & 1, i & 2, buffer);

		assert_int_equal(load(buffer, size, &error), S_OK);
		assert_int_equal(load(buffer, size - 1, &error), VSS_E_CORRUPT_XML_DOCUMENT);
	}
	assert_int_equal(load(buffer, to_utf16("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" GOOD, false, true, buffer),
			      &error), VSS_E_CORRUPT_XML_DOCUMENT);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (load(bad[i].bytes, bad[i].size, &error) != VSS_E_CORRUPT_XML_DOCUMENT)
			fail_msg("%zu: 0x%x %s", i, error.result, error.text);
		assert_true(error.text[0]);
	}
	assert_int_equal(load(NULL, 0, &error), VSS_E_CORRUPT_XML_DOCUMENT);
	assert_int_equal(load("", 0, &error), VSS_E_CORRUPT_XML_DOCUMENT);
}

static void what_is_not_xml(void **state)
{
	static const char *const bad[] = {
		"junk", "<", "<a", "<a>", "<a></b>", "<a/><b/>", "<a/>text", "text<a/>", "<a b/>", "<a b=c/>",
		"<a b=\"1\" b=\"2\"/>", "<a b=\"<\"/>", "<a>]]></a>", "<a><!-- -- --></a>", "<a:b/>", "<a b:c=\"\"/>",
		"<a>&amp</a>", "<a>&#xffffffff;</a>", "</a>", "<a b=\"1\"c=\"2\"/>", "<1/>", "< a/>", "<a\xc2\xa0/>",
		"<?xml version=\"1.0\"?>", " <?xml version=\"1.0\"?><a/>", "<a><?xml version=\"1.0\"?></a>",
		"<a xmlns:b=\"\"/>", "<a xmlns:xml=\"urn:x\"/>", "<a b='1\"/>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct vss_error error;
		enum vss_document_kind kind;

		if (load(bad[i], strlen(bad[i]), &error) != VSS_E_CORRUPT_XML_DOCUMENT)
			fail_msg("%s: 0x%x %s", bad[i], error.result, error.text);
		assert_int_equal(vss_document_get_kind(bad[i], strlen(bad[i]), &kind, &error),
				 VSS_E_CORRUPT_XML_DOCUMENT);
	}
}

/* WMD-001, WMD-012, BCD-001, BCD-010 to BCD-012, BCD-023 */
static void what_is_none_of_ours(void **state)
{
	static const struct {
		const char *xml, *sentence;
	} bad[] = {
		{ "<a/>", "line 1: element a: a Writer Metadata Document begins with WRITER_METADATA" },
		{ "<WRITER_METADATA/>", "its namespace is \"\"" },
		{ "<WRITER_METADATA xmlns=\"x\"/>", "its namespace is \"x\"" },
		{ "\n\n" HEAD "</WRITER_METADATA>", "line 3: element WRITER_METADATA: has no IDENTIFICATION" },
		{ HEAD ID "</WRITER_METADATA>", "has no BACKUP_LOCATIONS" },
		{ HEAD ID ID "<BACKUP_LOCATIONS/></WRITER_METADATA>", "element IDENTIFICATION: comes 2 times" },
		{ HEAD ID "<BACKUP_LOCATIONS/>\n<BACKUP_LOCATIONS/></WRITER_METADATA>",
		  "line 2: element BACKUP_LOCATIONS: comes 2 times in WRITER_METADATA, at most 1 is right" },
		{ HEAD ID "<BACKUP_LOCATIONS>" GROUP("g") "\n" GROUP("g") "</BACKUP_LOCATIONS></WRITER_METADATA>",
		  "line 2: element FILE_GROUP: the component \"g\"" },
		{ HEAD ID "<BACKUP_LOCATIONS>" GROUP("") "</BACKUP_LOCATIONS></WRITER_METADATA>",
		  "attribute componentName is \"\", but must be a name that is not empty" },
		{ HEAD ID "<BACKUP_LOCATIONS><FILE_LIST/></BACKUP_LOCATIONS></WRITER_METADATA>",
		  "element FILE_LIST: does not belong into BACKUP_LOCATIONS" },
		{ HEAD ID "<BACKUP_LOCATIONS>x</BACKUP_LOCATIONS></WRITER_METADATA>",
		  "element BACKUP_LOCATIONS: text within" },
		{ HEAD ID "<BACKUP_LOCATIONS><FILE_GROUP/></BACKUP_LOCATIONS></WRITER_METADATA>",
		  "attribute componentName is missing" },
		{ HEAD "<IDENTIFICATION writerId=\"{b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c001}\"/></WRITER_METADATA>",
		  "but must be a GUID without braces" },
		{ HEAD ID "<BACKUP_LOCATIONS><EXCLUDE_FILES path=\"\" filespec=\"\" recursive=\"true\"/>"
		  "</BACKUP_LOCATIONS></WRITER_METADATA>",
		  "attribute recursive is \"true\", but must be yes or no" },
		{ HEAD ID "<RESTORE_METHOD method=\"X\"/><BACKUP_LOCATIONS/></WRITER_METADATA>",
		  "but must be RESTORE_IF_NOT_THERE, " },
		{ "<WRITER_METADATA xmlns=\"x-schema:#VssWriterMetadataInfo\" version=\"1.2\" backupSchema=\"0x1\"/>",
		  "but must be a decimal number of 32 bits" },
		{ "<WRITER_METADATA xmlns=\"x-schema:#VssWriterMetadataInfo\" version=\"1\"/>",
		  "but must be a version such as 1.2" },
		{ "<WRITER_METADATA xmlns=\"x-schema:#VssWriterMetadataInfo\"/>", "attribute version is missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refused(bad[i].xml, VSS_E_INVALID_XML_DOCUMENT, bad[i].sentence);
}

#define BCD	"<BACKUP_COMPONENTS xmlns=\"x-schema:#VssComponentMetadata\" version=\"1.2\"" \
		" bootableSystemStateBackup=\"no\" selectComponents=\"no\" backupType=\"full\">"
#define WRITER	"<WRITER_COMPONENTS instanceId=\"0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e01\"" \
		" writerId=\"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c001\">"
#define WRITER_UP "<WRITER_COMPONENTS instanceId=\"0F3F2C1A-94F5-4C0A-8A5E-0D3F5C1B7E01\"" \
		" writerId=\"b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c002\">"
#define COMPONENT(more)	"<COMPONENT componentName=\"c\" componentType=\"filegroup\"" more "</COMPONENT>"
#define END	"</WRITER_COMPONENTS></BACKUP_COMPONENTS>"

/* BCD-001, BCD-010 to BCD-012, BCD-023, TRN-029, TRN-030 */
static void what_is_no_backup_document(void **state)
{
	static const struct {
		const char *xml, *sentence;
	} bad[] = {
		{ GOOD, "a Backup Components Document begins with BACKUP_COMPONENTS" },
		{ BCD WRITER END, "element WRITER_COMPONENTS: has no COMPONENT" },
		{ BCD WRITER COMPONENT(">") COMPONENT(">") END, "twice" },
		{ BCD WRITER COMPONENT(">") COMPONENT(" logicalPath=\"\">") END, "twice" },
		{ BCD WRITER COMPONENT(">") "</WRITER_COMPONENTS>" WRITER_UP COMPONENT(">") END,
		  "the writer instance 0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e01 is in the document twice" },
		{ BCD WRITER COMPONENT("><BACKUP_METADATA metadata=\"\"/><BACKUP_METADATA metadata=\"\"/>") END,
		  "comes 2 times in COMPONENT" },
		{ BCD WRITER COMPONENT("><BACKUP_METADATA xmlns=\"\"/>") END, "attribute metadata is missing" },
		{ BCD WRITER COMPONENT(" backupSucceeded=\"1\">") END, "must be yes or no" },
		{ BCD WRITER COMPONENT("><DIFFERENCED_FILE path=\"\" filespec=\"\" lastModifyTime=\"18446744073709551616\"/>")
		  END, "must be a decimal number of 64 bits" },
		{ BCD "<SNAPSHOT_SET_DESCRIPTION format=\"linux-vss\"/></BACKUP_COMPONENTS>", "snapshotSetId is missing" },
		{ BCD "<SNAPSHOT_SET_DESCRIPTION/><SNAPSHOT_SET_DESCRIPTION/></BACKUP_COMPONENTS>", "comes 2 times" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct vss_backup_document *doc;
		struct vss_error error;

		if (vss_backup_document_parse(bad[i].xml, strlen(bad[i].xml), &doc, &error) !=
		    VSS_E_INVALID_XML_DOCUMENT || !strstr(error.text, bad[i].sentence))
			fail_msg("%zu: 0x%x %s", i, error.result, error.text);
	}
}

/* BCD-011: case of GUIDs does not matter. */
static void guids_have_no_case(void **state)
{
	struct vss_uuid id = make_uuid("0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e01");
	static const char xml[] = BCD WRITER_UP COMPONENT(">") END;
	struct vss_backup_document *doc;

	(void)state;
	assert_int_equal(vss_backup_document_parse(xml, strlen(xml), &doc, NULL), S_OK);
	assert_non_null(vss_backup_document_find_writer(doc, &id, NULL));
	vss_backup_document_free(doc);
}

static void lines_go_beyond_16_bits(void **state)
{
	char *xml = repeated("", "\n", 70000, "<WRITER_METADATA/>");

	(void)state;
	refused(xml, VSS_E_INVALID_XML_DOCUMENT, "line 70001: element WRITER_METADATA");
	free(xml);
}

/* Whatever a document is cut down or changed to, it is loaded or refused. */
static void try_both(const char *xml, size_t size)
{
	/* A copy of its own size, so that reading past the end is seen. */
	char *copy = malloc(size ? size : 1);
	struct vss_backup_document *doc;
	struct vss_writer_metadata *metadata;
	struct vss_error error;
	vss_result result;

	assert_non_null(copy);
	memcpy(copy, xml, size);
	result = vss_backup_document_parse(copy, size, &doc, &error);
	if (!result) {
		walk_backup_document(doc);
		vss_backup_document_free(doc);
	} else {
		assert_true(result == VSS_E_CORRUPT_XML_DOCUMENT || result == VSS_E_INVALID_XML_DOCUMENT);
	}
	result = vss_create_vss_examine_writer_metadata(copy, size, &metadata, &error);
	if (!result) {
		walk_writer_metadata(metadata);
		vss_writer_metadata_free(metadata);
	} else {
		assert_true(result == VSS_E_CORRUPT_XML_DOCUMENT || result == VSS_E_INVALID_XML_DOCUMENT);
	}
	free(copy);
}

static void cut_and_change(const char *file_name, const struct file *file, void *data)
{
	static const char changes[] = { '<', '>', '"', '&', '\0', ' ', (char)0x80, (char)0xff, '/', '!', '?' };
	struct vss_error error;
	bool *cut = data;

	(void)file_name;
	for (size_t i = 0; i < file->size; i++) {
		char was = file->data[i];

		if (*cut) {
			try_both(file->data, i);
			/* Up to the last '>' it is incomplete. */
			if (memchr(file->data + i, '>', file->size - i))
				assert_int_not_equal(load(file->data, i, &error), S_OK);
			continue;
		}
		file->data[i] = changes[i % sizeof(changes)];
		try_both(file->data, file->size);
		file->data[i] = was;
	}
}

static void cut_anywhere(void **state)
{
	char *folder = source_path("tests/documents");
	bool cut = true;

	(void)state;
	assert_true(each_document(folder, cut_and_change, &cut) >= 9);
	free(folder);
}

static void changed_anywhere(void **state)
{
	char *folder = source_path("tests/documents");
	bool cut = false;

	(void)state;
	assert_true(each_document(folder, cut_and_change, &cut) >= 9);
	free(folder);
}

static void *many_loads(void *data)
{
	const char *const *texts = data;
	struct vss_error error;

	for (int i = 0; i < 300; i++) {
		if (load(texts[0], strlen(texts[0]), &error))
			return data;
		if (!load(texts[1], strlen(texts[1]), &error) || !strstr(error.text, "line 1: element a"))
			return data;
	}
	return NULL;
}

static void threads_do_not_meet(void **state)
{
	static const char *const texts[] = { GOOD, "<a/>" };
	pthread_t threads[8];
	void *failed;

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_loads, (void *)texts), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_dtd_and_no_entities),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(encodings_are_told_apart),
		cmocka_unit_test(what_is_not_xml),
		cmocka_unit_test(what_is_none_of_ours),
		cmocka_unit_test(what_is_no_backup_document),
		cmocka_unit_test(guids_have_no_case),
		cmocka_unit_test(lines_go_beyond_16_bits),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(changed_anywhere),
		cmocka_unit_test(threads_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The first look at a document: its encoding, and what a parser must not be
 * given.
 *
 * libxml2 compares each attribute of an element with all before it, so a tag
 * with a million of them would keep it busy for hours; there is no option
 * against that, and its callbacks come too late.  So tags are counted here,
 * before it sees any.  For this to hold, a tag must be for libxml2 what it is
 * here.  Both take '<' for the beginning of a tag, except in comments, CDATA
 * sections and processing instructions, and these must not end for libxml2
 * before they end here: it leaves one early where a character is no XML
 * character, or where it is too long.  Both are refused, and no '<' is allowed
 * in an instruction at all.
 */
#include <errno.h>
#include <libxml/encoding.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <vss/metadata.h>

#include "cleanup.h"
#include "error.h"
#include "xml-parse.h"
#include "xml-scan.h"

/* ---- encoding ---- */

/* Two bytes a character, as the first two characters tell; 0 for neither. */
static int utf16_order(const char *xml, size_t size)
{
	if (size < 2)
		return 0;
	if (!memcmp(xml, "\xff\xfe", 2) || !memcmp(xml, "<\0", 2))
		return 'L';
	if (!memcmp(xml, "\xfe\xff", 2) || !memcmp(xml, "\0<", 2))
		return 'B';
	return 0;
}

static uint32_t utf16_unit(const unsigned char *at, bool big)
{
	return big ? (uint32_t)(at[0] << 8 | at[1]) : (uint32_t)(at[1] << 8 | at[0]);
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* False for half a character. */
static bool utf16_convert(const unsigned char *xml, size_t size, bool big, char *to, size_t *length)
{
	size_t n = 0;

	if (size % 2)
		return false;
	for (size_t i = 0; i < size; i += 2) {
		uint32_t c = utf16_unit(xml + i, big);

		if (c >= 0xd800 && c < 0xe000) {
			uint32_t low;

			if (c >= 0xdc00 || i + 4 > size)
				return false;
			i += 2;
			low = utf16_unit(xml + i, big);
			if (low < 0xdc00 || low >= 0xe000)
				return false;
			c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
		}
		n += put_utf8(to + n, c);
	}
	*length = n;
	return true;
}

/* The encoding that the prolog names; 0 when it has none. */
static size_t declared_encoding(const char *text, size_t length, const char **name)
{
	const char *end, *at;
	size_t n;
	char quote;

	if (length < 6 || memcmp(text, "<?xml", 5) || !strchr(" \t\r\n", text[5]))
		return 0;
	end = memmem(text, length, "?>", 2);
	at = end ? memmem(text, (size_t)(end - text), "encoding", 8) : NULL;
	if (!at)
		return 0;
	for (at += 8; at < end && strchr(" \t\r\n=", *at); at++)
		;
	quote = at < end ? *at++ : 0;
	if (quote != '"' && quote != '\'')
		return 0;
	for (n = 0; at + n < end && at[n] != quote; n++)
		;
	*name = at;
	return n;
}

static bool same_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && !strncasecmp(text, word, length);
}

static vss_result check_declared(const char *text, size_t length, int order, struct vss_error *err)
{
	const char *name;
	size_t n = declared_encoding(text, length, &name);

	if (!n)
		return S_OK;
	if (order ? same_word(name, n, "UTF-16") : same_word(name, n, "UTF-8") || same_word(name, n, "US-ASCII"))
		return S_OK;
	vss_error_set(err, -EILSEQ, VSS_E_CORRUPT_XML_DOCUMENT,
		      "the document says that its encoding is \"%.*s\", but its bytes are %s; save it as UTF-8, or "
		      "as UTF-16 with a byte order mark", (int)(n < 40 ? n : 40), name,
		      order ? "UTF-16" : "not to be read so");
	return VSS_E_CORRUPT_XML_DOCUMENT;
}

vss_result vss_xml_to_utf8(const char *xml, size_t size, const char **text, size_t *length,
			   char **copy, struct vss_error *err)
{
	_cleanup_free_ char *converted = NULL;
	int order = utf16_order(xml, size);
	vss_result result;

	*copy = NULL;
	if (!order) {
		bool bom = size >= 3 && !memcmp(xml, "\xef\xbb\xbf", 3);

		*text = bom ? xml + 3 : xml;
		*length = bom ? size - 3 : size;
		return check_declared(*text, *length, 0, err);
	}
	if ((unsigned char)xml[0] >= 0xfe) {
		xml += 2;
		size -= 2;
	}
	/* Three bytes of UTF-8 at most for two of UTF-16. */
	converted = malloc(size / 2 * 3 + 1);
	if (!converted)
		return vss_xml_no_memory(err);
	if (!utf16_convert((const unsigned char *)xml, size, order == 'B', converted, length)) {
		vss_error_set(err, -EILSEQ, VSS_E_CORRUPT_XML_DOCUMENT,
			      "the document begins as UTF-16 does but has half a character in it; it is cut off or "
			      "damaged");
		return VSS_E_CORRUPT_XML_DOCUMENT;
	}
	result = check_declared(converted, *length, order, err);
	if (result)
		return result;
	*text = *copy = keep_ptr(converted);
	return S_OK;
}

/* ---- characters ---- */

/* Where the first thing that is no XML character stands; NULL for none. */
static const char *find_non_character(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + length;

	while (at < end) {
		int size, c;

		/* Nearly all of it. */
		if (*at >= 0x20 && *at < 0x80) {
			at++;
			continue;
		}
		size = (int)(end - at < 4 ? end - at : 4);
		c = xmlGetUTF8Char(at, &size);
		if (c < 0 || !IS_CHAR(c) || put_utf8((char[4]) { 0 }, (uint32_t)c) != (size_t)size)
			return (const char *)at;
		at += size;
	}
	return NULL;
}

bool vss_xml_text_valid(const char *text, size_t size)
{
	return !find_non_character(text, size);
}

/* ---- tags ---- */

static vss_result refuse(const char *text, const char *at, vss_result result, const char *what,
			 struct vss_error *err)
{
	unsigned long line = 1;

	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	vss_error_set(err, -EBADMSG, result, "line %lu: %s", line, what);
	return result;
}

/* One past @mark, which ends what begins at @at; NULL when it is missing or far. */
static const char *find_end(const char *at, const char *end, const char *mark)
{
	size_t n = strlen(mark);
	const char *found = at;

	if ((size_t)(end - at) > VSS_XML_MAX_ASIDE)
		end = at + VSS_XML_MAX_ASIDE;
	/* By its last character, as none of the marks begins with that. */
	while ((found = memchr(found, mark[n - 1], (size_t)(end - found)))) {
		found++;
		if ((size_t)(found - at) >= n && !memcmp(found - n, mark, n))
			return found;
	}
	return NULL;
}

/* A start or end tag from behind its '<'; NULL with @what set if it is none. */
static const char *scan_tag(const char *at, const char *end, const char **what)
{
	unsigned int attributes = 0;
	char quote = 0;

	for (; at < end; at++) {
		if (*at == '<')
			break;
		if (quote) {
			if (*at == quote)
				quote = 0;
		} else if (*at == '>') {
			return at + 1;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
			if (++attributes > VSS_XML_MAX_ATTRIBUTES) {
				*what = "an element has more attributes than any of ours";
				return NULL;
			}
		}
	}
	*what = NULL;
	return NULL;
}

vss_result vss_xml_scan(const char *text, size_t length, struct vss_error *err)
{
	const char *end = text + length, *at = find_non_character(text, length), *next;

	if (at)
		return refuse(text, at, VSS_E_CORRUPT_XML_DOCUMENT,
			      "a byte that is no character of UTF-8, or one that XML does not allow", err);
	for (at = text; (at = memchr(at, '<', (size_t)(end - at))); at = next) {
		size_t room = (size_t)(end - at);
		const char *what = NULL;

		if (room >= 4 && !memcmp(at, "<!--", 4)) {
			next = find_end(at + 4, end, "-->");
			what = "a comment without end, or too long";
		} else if (room >= 9 && !memcmp(at, "<![CDATA[", 9)) {
			next = find_end(at + 9, end, "]]>");
			what = "a CDATA section without end, or too long";
		} else if (room >= 2 && at[1] == '!') {
			return refuse(text, at, VSS_E_INVALID_XML_DOCUMENT,
				      "a document type declaration (DOCTYPE), which no document of ours has", err);
		} else if (room >= 2 && at[1] == '?') {
			next = find_end(at + 2, end, "?>");
			if (next && memchr(at + 1, '<', (size_t)(next - at - 1)))
				next = NULL;
			what = "a processing instruction without end, or with '<' in it, or too long";
		} else {
			next = scan_tag(at + 1, end, &what);
			if (!next && what)
				return refuse(text, at, VSS_E_INVALID_XML_DOCUMENT, what, err);
			what = "a tag without end; the document is cut off, or '<' stands where it should be "
			       "written &lt;";
		}
		if (!next)
			return refuse(text, at, VSS_E_CORRUPT_XML_DOCUMENT, what, err);
	}
	return S_OK;
}

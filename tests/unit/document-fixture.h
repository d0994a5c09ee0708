/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of documents share: folders of documents, whole files, canonical
 * XML, schemas.
 */
#ifndef TESTS_DOCUMENT_FIXTURE_H
#define TESTS_DOCUMENT_FIXTURE_H

#include <dirent.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vss/uuid.h>

#include "unit.h"

/* The caller frees @data, which ends with a NUL that @size does not count. */
struct file {
	char *data;
	size_t size;
};

static inline struct file read_file(const char *path)
{
	struct file file = { 0 };
	FILE *in = fopen(path, "rb");
	size_t room = 1 << 16, n;

	assert_non_null(in);
	file.data = malloc(room + 1);
	assert_non_null(file.data);
	while ((n = fread(file.data + file.size, 1, room - file.size, in)) > 0) {
		file.size += n;
		if (file.size == room) {
			room *= 2;
			file.data = realloc(file.data, room + 1);
			assert_non_null(file.data);
		}
	}
	fclose(in);
	file.data[file.size] = '\0';
	return file;
}

/* Below the sources, which the tests' runner names. */
static inline char *source_path(const char *path)
{
	const char *top = getenv("VSS_TOP");
	char *full;

	assert_true(asprintf(&full, "%s/%s", top ? top : ".", path) >= 0);
	return full;
}

typedef void (*file_fn)(const char *name, const struct file *file, void *data);

/* Each file in a folder whose name ends so; how many there were. */
static inline int each_file(const char *folder, const char *end, file_fn fn, void *data)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);
		struct file file;
		char *path;

		if (entry->d_name[0] == '.' || length < strlen(end) ||
		    strcmp(entry->d_name + length - strlen(end), end))
			continue;
		assert_true(asprintf(&path, "%s/%s", folder, entry->d_name) >= 0);
		file = read_file(path);
		fn(entry->d_name, &file, data);
		free(file.data);
		free(path);
		count++;
	}
	closedir(dir);
	return count;
}

static inline int each_document(const char *folder, file_fn fn, void *data)
{
	return each_file(folder, ".xml", fn, data);
}

/* Canonical XML: what two documents that say the same have in common. */
static inline char *canonical(const char *xml, size_t size)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)size, NULL, NULL, XML_PARSE_NONET);
	xmlChar *text = NULL;
	char *copy;

	assert_non_null(doc);
	assert_true(xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_0, NULL, 1, &text) > 0);
	copy = strdup((const char *)text);
	xmlFree(text);
	xmlFreeDoc(doc);
	return copy;
}

static inline xmlRelaxNG *read_schema(const char *path)
{
	char *full = source_path(path);
	xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(full);
	xmlRelaxNG *schema = xmlRelaxNGParse(parser);

	assert_non_null(schema);
	xmlRelaxNGFreeParserCtxt(parser);
	free(full);
	return schema;
}

static inline void ignore_error(void *data, xmlError *error)
{
	(void)data;
	(void)error;
}

static inline bool schema_allows(xmlRelaxNG *schema, const char *xml, size_t size)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
	xmlRelaxNGValidCtxt *valid = xmlRelaxNGNewValidCtxt(schema);
	int result;

	assert_non_null(doc);
	xmlRelaxNGSetValidStructuredErrors(valid, ignore_error, NULL);
	result = xmlRelaxNGValidateDoc(valid, doc);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlFreeDoc(doc);
	return !result;
}

/* Of this process alone: how busy the machine is says nothing about the library. */
static inline double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline struct vss_uuid make_uuid(const char *text)
{
	struct vss_uuid uuid;

	assert_int_equal(vss_uuid_parse(text, &uuid), 0);
	return uuid;
}

#endif /* TESTS_DOCUMENT_FIXTURE_H */

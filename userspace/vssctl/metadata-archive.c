// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The documents of a backup in one file.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata-archive.h"
#include "requester.h"

#define MAX_DOCUMENT	(64U << 20)
#define MAX_WRITERS	4096

void vssctl_documents_clear(struct vssctl_documents *documents)
{
	for (size_t i = 0; i < documents->nr_writers; i++)
		free(documents->writers[i]);
	free(documents->writers);
	free(documents->backup);
	*documents = (struct vssctl_documents) { 0 };
}

static bool put(struct archive *archive, const char *name, const char *text)
{
	struct archive_entry *entry = archive_entry_new();
	size_t size = strlen(text);
	bool ok;

	if (!entry)
		return false;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	ok = archive_write_header(archive, entry) == ARCHIVE_OK &&
	     archive_write_data(archive, text, size) == (la_ssize_t)size;
	archive_entry_free(entry);
	return ok;
}

int vssctl_archive_write(struct vssctl *ctl, const char *path, const struct vssctl_documents *documents)
{
	struct archive *archive = archive_write_new();
	char *data = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&data, &size);
	bool ok;
	int ret;

	ok = archive && memory && archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
	     archive_write_open_FILE(archive, memory) == ARCHIVE_OK &&
	     put(archive, "bcd.xml", documents->backup);
	for (size_t i = 0; ok && i < documents->nr_writers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wm-%zu.xml", i);
		ok = put(archive, name, documents->writers[i]);
	}
	ok = ok && archive_write_close(archive) == ARCHIVE_OK;
	archive_write_free(archive);
	if (memory && fclose(memory))
		ok = false;
	if (ok)
		ret = vssctl_write_file(ctl, path, data, size);
	else
		ret = vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory for the archive %s", path);
	free(data);
	return ret;
}

/* The content of the entry that was just found; NULL when it is too large. */
static char *get(struct archive *archive, struct archive_entry *entry)
{
	la_int64_t size = archive_entry_size(entry);
	char *text;

	if (size < 0 || size > MAX_DOCUMENT)
		return NULL;
	text = malloc((size_t)size + 1);
	if (!text)
		return NULL;
	if (archive_read_data(archive, text, (size_t)size) != size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

static bool keep(struct vssctl_documents *documents, const char *name, char *text)
{
	char **more;

	if (!strcmp(name, "bcd.xml") && !documents->backup) {
		documents->backup = text;
		return true;
	}
	if (strncmp(name, "wm-", 3) || documents->nr_writers == MAX_WRITERS) {
		free(text);
		return true;
	}
	more = reallocarray(documents->writers, documents->nr_writers + 1, sizeof(*more));
	if (!more) {
		free(text);
		return false;
	}
	documents->writers = more;
	more[documents->nr_writers++] = text;
	return true;
}

static bool read_all(struct archive *archive, struct vssctl_documents *documents)
{
	struct archive_entry *entry;
	int found;

	while ((found = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);
		char *text = name ? get(archive, entry) : NULL;

		if (!text || !keep(documents, name, text))
			return false;
	}
	return found == ARCHIVE_EOF && documents->backup;
}

int vssctl_archive_read(struct vssctl *ctl, const char *path, struct vssctl_documents *documents)
{
	struct archive *archive = archive_read_new();
	bool is_tar;
	size_t size;
	int ret = 0;

	*documents = (struct vssctl_documents) { 0 };
	if (!archive)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	archive_read_support_format_tar(archive);
	is_tar = archive_read_open_filename(archive, path, 65536) == ARCHIVE_OK;
	if (is_tar && !read_all(archive, documents))
		ret = vssctl_fail(ctl, VSS_E_CORRUPT_XML_DOCUMENT,
				  "%s is damaged, or no archive of documents", path);
	archive_read_free(archive);
	if (!is_tar)
		ret = vssctl_read_file(ctl, path, &documents->backup, &size);
	if (ret)
		vssctl_documents_clear(documents);
	return ret;
}

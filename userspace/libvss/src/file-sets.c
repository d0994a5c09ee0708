// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * File sets by their directories.
 *
 * A directory is known by its path with "/" as the separator and nothing double;
 * those above it are known as well, so that a recursive set finds at once whether
 * there is anything below.
 */
#include <libxml/hash.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file-sets.h"

struct file_set {
	const char *filespec;
	bool recursive;
};

struct directory {
	struct file_set *sets;
	size_t count;
	size_t below;		/* sets of directories below it */
};

struct vss_file_sets {
	xmlHashTable *directories;
};

/* ---- wildcards ---- */

static const char *next_character(const char *text)
{
	do
		text++;
	while ((*text & 0xc0) == 0x80);
	return text;
}

static bool same_character(const char *a, const char *b)
{
	const char *end = next_character(a);

	return *a == '?' || *b == '?' || (end - a == next_character(b) - b && !memcmp(a, b, (size_t)(end - a)));
}

static bool only_stars(const char *text)
{
	return !text[strspn(text, "*")];
}

/* What cannot match needs no table: most names differ at their first or last letter. */
static bool differ_at_an_end(const char *a, const char *b)
{
	static const char wild[] = "*?";
	size_t i = strlen(a), k = strlen(b);

	for (size_t n = 0; a[n] && b[n] && !strchr(wild, a[n]) && !strchr(wild, b[n]); n++)
		if (a[n] != b[n])
			return true;
	while (i && k && !strchr(wild, a[i - 1]) && !strchr(wild, b[k - 1]))
		if (a[--i] != b[--k])
			return true;
	return false;
}

int vss_wildcards_meet(const char *a, const char *b)
{
	size_t width = strlen(b) + 1;
	_cleanup_free_ bool *row = NULL, *above = NULL;
	bool meet;

	if (differ_at_an_end(a, b))
		return 0;
	if (!strpbrk(a, "*?") && !strpbrk(b, "*?"))
		return !strcmp(a, b);
	/* row[k]: what is left of @a, and of @b from k, have a name in common. */
	row = calloc(width, sizeof(*row));
	above = calloc(width, sizeof(*above));
	if (!row || !above)
		return -1;
	for (size_t i = strlen(a) + 1; i-- > 0;) {
		bool *swap = row;

		if ((a[i] & 0xc0) == 0x80)
			continue;
		/* @above is the row of the character behind this one. */
		row = above;
		above = swap;
		for (size_t k = width; k-- > 0;) {
			if ((b[k] & 0xc0) == 0x80)
				continue;
			if (!a[i] || !b[k])
				row[k] = only_stars(a + i) && only_stars(b + k);
			else if (a[i] == '*')
				row[k] = above[k] || row[next_character(b + k) - b];
			else if (b[k] == '*')
				row[k] = row[k + 1] || above[k];
			else
				row[k] = same_character(a + i, b + k) && above[next_character(b + k) - b];
		}
	}
	meet = row[0];
	return meet;
}

static bool is_character(const char *wildcard, const char *name)
{
	size_t size = (size_t)(next_character(name) - name);

	return *wildcard == '?' || (size == (size_t)(next_character(wildcard) - wildcard) &&
				    !memcmp(wildcard, name, size));
}

bool vss_wildcard_matches(const char *wildcard, const char *name)
{
	const char *behind_star = NULL, *tried = NULL;

	while (*name) {
		if (*wildcard == '*') {
			behind_star = ++wildcard;
			tried = name;
		} else if (*wildcard && is_character(wildcard, name)) {
			wildcard = next_character(wildcard);
			name = next_character(name);
		} else if (behind_star) {
			/* The last star takes one character more; earlier ones need not. */
			wildcard = behind_star;
			name = tried = next_character(tried);
		} else {
			return false;
		}
	}
	return only_stars(wildcard);
}

/* ---- directories ---- */

/* @path with "/" only and none of them double or at the end, no longer than it was; "" is the root. */
static void write_name(char *to, const char *path)
{
	for (; *path; path++) {
		char c = *path == '\\' ? '/' : *path;

		if (c != '/' || (path[1] && path[1] != '/' && path[1] != '\\'))
			*to++ = c;
	}
	*to = '\0';
}

static char *directory_name(const char *path)
{
	char *name = malloc(strlen(path) + 1);

	if (name)
		write_name(name, path);
	return name;
}

/* To the directory above; false at the top. */
static bool go_up(char *name)
{
	char *slash = strrchr(name, '/');

	if (!*name)
		return false;
	*(slash ? slash : name) = '\0';
	return true;
}

static struct directory *find(const struct vss_file_sets *sets, const char *name)
{
	return xmlHashLookup(sets->directories, (const xmlChar *)name);
}

static struct directory *find_or_add(struct vss_file_sets *sets, const char *name)
{
	struct directory *directory = find(sets, name);

	if (directory)
		return directory;
	directory = calloc(1, sizeof(*directory));
	if (directory && !xmlHashAddEntry(sets->directories, (const xmlChar *)name, directory))
		return directory;
	free(directory);
	return NULL;
}

static void free_directory(void *payload, const xmlChar *name)
{
	struct directory *directory = payload;

	(void)name;
	free(directory->sets);
	free(directory);
}

struct vss_file_sets *vss_file_sets_new(void)
{
	struct vss_file_sets *sets = calloc(1, sizeof(*sets));

	if (sets)
		sets->directories = xmlHashCreate(0);
	if (sets && sets->directories)
		return sets;
	free(sets);
	return NULL;
}

void vss_file_sets_free(struct vss_file_sets *sets)
{
	if (sets)
		xmlHashFree(sets->directories, free_directory);
	free(sets);
}

bool vss_file_sets_add(struct vss_file_sets *sets, const char *path, const char *filespec, bool recursive)
{
	_cleanup_free_ char *name = directory_name(path);
	struct directory *directory = name ? find_or_add(sets, name) : NULL;
	struct file_set *more;

	if (!directory)
		return false;
	/* In steps of powers of two. */
	if (!(directory->count & (directory->count - 1))) {
		more = reallocarray(directory->sets, directory->count ? directory->count * 2 : 1, sizeof(*more));
		if (!more)
			return false;
		directory->sets = more;
	}
	directory->sets[directory->count++] = (struct file_set) { filespec, recursive };
	while (go_up(name)) {
		directory = find_or_add(sets, name);
		if (!directory)
			return false;
		directory->below++;
	}
	return true;
}

/* ---- overlaps ---- */

struct search {
	const char *name;
	size_t length;
	const char *filespec;
	bool recursive_only;
	enum vss_overlap found;
	const char *with_path;
	const char *with_filespec;
};

static void search_directory(struct search *s, const struct directory *directory, const char *name)
{
	for (size_t i = 0; !s->found && i < directory->count; i++) {
		const struct file_set *set = &directory->sets[i];
		int meet;

		if (s->recursive_only && !set->recursive)
			continue;
		meet = vss_wildcards_meet(s->filespec, set->filespec);
		s->found = meet < 0 ? VSS_OVERLAP_NO_MEMORY : meet ? VSS_OVERLAP : VSS_OVERLAP_NONE;
		s->with_path = name;
		s->with_filespec = set->filespec;
	}
}

static void search_below(void *payload, void *data, const xmlChar *name)
{
	struct search *s = data;

	if (!strncmp((const char *)name, s->name, s->length) && name[s->length] == '/')
		search_directory(s, payload, (const char *)name);
}

enum vss_overlap vss_file_sets_overlap(const struct vss_file_sets *sets, const char *path, const char *filespec,
				       bool recursive, const char **with_path, const char **with_filespec)
{
	_cleanup_free_ char *name = directory_name(path);
	struct search s = { .name = name, .filespec = filespec };
	const struct directory *directory;

	if (!name)
		return VSS_OVERLAP_NO_MEMORY;
	s.length = strlen(name);
	directory = find(sets, name);
	if (directory)
		search_directory(&s, directory, path);
	if (!s.found && recursive && directory && directory->below)
		xmlHashScan(sets->directories, search_below, &s);
	s.recursive_only = true;
	for (s.length = 0; !s.found && go_up(name);) {
		directory = find(sets, name);
		if (directory && directory->count)
			search_directory(&s, directory, "a directory above");
	}
	*with_path = s.with_path;
	*with_filespec = s.with_filespec;
	return s.found;
}

/* ---- files that are there ---- */

bool vss_file_sets_cover(const struct vss_file_sets *sets, const char *path, const char *name)
{
	char folder[PATH_MAX];
	bool recursive_only = false;

	if (!xmlHashSize(sets->directories) || strlen(path) >= sizeof(folder))
		return false;
	write_name(folder, path);
	do {
		const struct directory *directory = find(sets, folder);

		for (size_t i = 0; directory && i < directory->count; i++)
			if ((directory->sets[i].recursive || !recursive_only) &&
			    vss_wildcard_matches(directory->sets[i].filespec, name))
				return true;
		recursive_only = true;
	} while (go_up(folder));
	return false;
}

bool vss_file_sets_cover_all(const struct vss_file_sets *sets, const char *path)
{
	char folder[PATH_MAX];

	if (!xmlHashSize(sets->directories) || strlen(path) >= sizeof(folder))
		return false;
	write_name(folder, path);
	do {
		const struct directory *directory = find(sets, folder);

		for (size_t i = 0; directory && i < directory->count; i++)
			if (directory->sets[i].recursive && only_stars(directory->sets[i].filespec))
				return true;
	} while (go_up(folder));
	return false;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration files.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "error.h"
#include "ini.h"

#define MAX_LINE	4096
#define MAX_SECTION	64

static char *strip(char *text)
{
	size_t length;

	while (*text == ' ' || *text == '\t')
		text++;
	length = strlen(text);
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		text[--length] = '\0';
	return text;
}

static bool is_word(const char *text)
{
	const char *p = text;

	while (isalnum((unsigned char)*p) || *p == '-')
		p++;
	return p > text && !*p;
}

static int take_section(char *line, char section[MAX_SECTION], struct vss_error *err)
{
	size_t length = strlen(line);

	if (line[length - 1] != ']')
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "a section's line ends in \"]\" and has nothing after it");
	line[length - 1] = '\0';
	line = strip(line + 1);
	if (!is_word(line) || strlen(line) >= MAX_SECTION)
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "\"%.64s\" is no name of a section",
				     line);
	strcpy(section, line);
	return 0;
}

static int take_line(char *line, char section[MAX_SECTION], vssd_ini_fn take, void *data,
		     struct vss_error *err)
{
	char *equals, *key;

	line = strip(line);
	if (!line[0] || line[0] == '#' || line[0] == ';')
		return 0;
	if (line[0] == '[')
		return take_section(line, section, err);
	equals = strchr(line, '=');
	if (!equals)
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "neither a section, nor \"Key = value\", nor a comment");
	*equals = '\0';
	key = strip(line);
	if (!is_word(key))
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "\"%.64s\" is no key", key);
	if (!section[0])
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "\"%.64s\" stands before the first section", key);
	line = strip(equals + 1);
	if (!line[0])
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "\"%.64s\" has no value", key);
	return take(data, section, key, line, err);
}

static int read_lines(FILE *file, const char *path, vssd_ini_fn take, void *data,
		      struct vss_error *err)
{
	char section[MAX_SECTION] = "", line[MAX_LINE];
	unsigned int number = 0;

	while (fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);
		struct vss_error what = { 0 };
		int ret;

		number++;
		if (length && line[length - 1] == '\n')
			line[length - 1] = '\0';
		else if (!feof(file))
			/* Too long, or a NUL in it. */
			return vss_error_set(err, -EINVAL, E_INVALIDARG,
					     "%s:%u: the line is longer than %d characters, or no text",
					     path, number, MAX_LINE - 2);
		ret = take_line(line, section, take, data, &what);
		if (ret)
			return vss_error_set(err, ret, what.result, "%s:%u: %.900s", path, number,
					     what.text);
	}
	if (ferror(file))
		return vss_error_errno(err, -EIO, "cannot read %s", path);
	return 0;
}

int vssd_ini_read(const char *path, vssd_ini_fn take, void *data, struct vss_error *err)
{
	_cleanup_file_ FILE *file = NULL;
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		return vss_error_errno(err, ret, "cannot read %s: %s", path, strerror(-ret));
	}
	if (!S_ISREG(st.st_mode))
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "%s is not a file", path);
	file = fdopen(fd, "r");
	if (!file)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	(void)keep_fd(fd);
	return read_lines(file, path, take, data, err);
}

static int is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && !strcmp(entry->d_name + length - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int vssd_ini_read_folder(const char *folder, vssd_ini_fn take, void *data, const char **path,
			 struct vss_error *err)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_conf, by_name);
	int ret = 0;

	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0) {
		ret = -errno;
		return vss_error_errno(err, ret, "cannot read %s: %s", folder, strerror(-ret));
	}
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *file = NULL;

		if (!ret && asprintf(&file, "%s/%s", folder, entries[i]->d_name) < 0) {
			file = NULL;
			ret = vss_error_errno(err, -ENOMEM, "out of memory");
		}
		*path = file;
		if (!ret)
			ret = vssd_ini_read(file, take, data, err);
		free(entries[i]);
	}
	*path = NULL;
	free(entries);
	return ret;
}

bool vssd_ini_same(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, "-_");
		b += strspn(b, "-_");
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

int vssd_ini_bool(const char *value, bool *result, struct vss_error *err)
{
	*result = !strcmp(value, "yes");
	if (*result || !strcmp(value, "no"))
		return 0;
	return vss_error_set(err, -EINVAL, E_INVALIDARG, "\"%.64s\" is neither \"yes\" nor \"no\"",
			     value);
}

int vssd_ini_number(const char *value, uint64_t min, uint64_t max, uint64_t *result,
		    struct vss_error *err)
{
	char *end;

	errno = 0;
	*result = strtoull(value, &end, 10);
	if (isdigit((unsigned char)value[0]) && !*end && !errno && *result >= min && *result <= max)
		return 0;
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "\"%.64s\" is not a number from %" PRIu64 " to %" PRIu64, value, min, max);
}

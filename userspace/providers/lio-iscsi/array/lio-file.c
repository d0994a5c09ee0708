// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files, folders and links of configfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "lio-file.h"

#define MOST_NUMBERS	4096

char *lio_path(const char *format, ...)
{
	va_list args;
	char *path;
	int ret;

	va_start(args, format);
	ret = vasprintf(&path, format, args);
	va_end(args);
	return ret < 0 ? NULL : path;
}

char **lio_names(const char *folder, const char *prefix, size_t *n)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	char **names = NULL, **longer;
	struct dirent *entry;

	*n = 0;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		longer = realloc(names, (*n + 1) * sizeof(*names));
		if (!longer)
			break;
		names = longer;
		names[*n] = strdup(entry->d_name);
		if (!names[*n])
			break;
		(*n)++;
	}
	return names;
}

void lio_names_free(char **names, size_t n)
{
	while (n--)
		free(names[n]);
	free(names);
}

char *lio_get(const char *folder, const char *file)
{
	_cleanup_free_ char *path = lio_path("%s/%s", folder, file);
	_cleanup_file_ FILE *stream = path ? fopen(path, "re") : NULL;
	char line[1024];

	if (!stream || !fgets(line, sizeof(line), stream))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

int lio_put(const char *folder, const char *file, const char *value)
{
	_cleanup_free_ char *path = lio_path("%s/%s", folder, file);
	_cleanup_fd_ int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

	if (!path)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -errno;
}

char *lio_link_to(const char *folder, const char *to)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = lio_path("%s/%s", folder, entry->d_name);
		_cleanup_free_ char *target = NULL;

		if (!path || lstat(path, &st) || !S_ISLNK(st.st_mode))
			continue;
		target = realpath(path, NULL);
		if (target && !strcmp(target, to))
			return keep_ptr(path);
	}
	return NULL;
}

char *lio_make_numbered(const char *folder, const char *prefix)
{
	for (int i = 0; i < MOST_NUMBERS; i++) {
		_cleanup_free_ char *path = lio_path("%s/%s%d", folder, prefix, i);

		if (!path) {
			errno = ENOMEM;
			return NULL;
		}
		if (!mkdir(path, 0755))
			return keep_ptr(path);
		if (errno != EEXIST)
			return NULL;
	}
	errno = ENOSPC;
	return NULL;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Paths as text.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

/* Append @length bytes; false when @out is full. */
static bool append(char out[PATH_MAX], size_t *used, const char *text, size_t length)
{
	if (length >= PATH_MAX - *used)
		return false;
	memcpy(out + *used, text, length);
	*used += length;
	out[*used] = '\0';
	return true;
}

bool vss_path_expand(const char *path, char out[PATH_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	while (*path) {
		size_t plain = strcspn(path, "$");
		char name[128];
		size_t length = 0;
		bool braces;
		const char *value;

		if (!append(out, &used, path, plain))
			return false;
		path += plain;
		if (!*path)
			break;
		braces = *++path == '{';
		path += braces;
		while (isalnum((unsigned char)path[length]) || path[length] == '_')
			length++;
		if (!length || length >= sizeof(name) || (braces && path[length] != '}'))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length + braces;
		value = getenv(name);
		if (!value || !append(out, &used, value, strlen(value)))
			return false;
	}
	return true;
}

void vss_path_normalise(char *path)
{
	char *out = path;

	for (const char *p = path; *p;) {
		size_t length;

		while (*p == '/')
			p++;
		length = strcspn(p, "/");
		if (length == 2 && p[0] == '.' && p[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (length && !(length == 1 && p[0] == '.')) {
			*out++ = '/';
			memmove(out, p, length);
			out += length;
		}
		p += length;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

bool vss_path_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

const char *vss_path_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (length == 1)
		return path + 1;
	if (strncmp(path, folder, length) || (path[length] && path[length] != '/'))
		return NULL;
	return path + length + (path[length] == '/');
}

bool vss_path_join(char out[PATH_MAX], const char *folder, const char *name)
{
	size_t length = strlen(folder);
	bool separator = length && folder[length - 1] != '/' && *name;

	return snprintf(out, PATH_MAX, "%s%s%s", folder, separator ? "/" : "", name) < PATH_MAX;
}

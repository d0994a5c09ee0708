// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading what people write in configuration files.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

bool text_error(char error[TEXT_ERROR_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, TEXT_ERROR_SIZE, format, args);
	va_end(args);
	return false;
}

bool text_same(const char *a, const char *b)
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

bool text_is_trusted(const char *path, char error[TEXT_ERROR_SIZE])
{
	struct stat st;

	if (stat(path, &st))
		return text_error(error, "cannot look at %s: %s", path, strerror(errno));
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH))
		return text_error(error, "%s can be changed by others than root; use chown root and "
				  "chmod go-w", path);
	return true;
}

/* Without white space at both ends, in place. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

struct ini {
	ini_fn fn;
	void *data;
	char section[64];
	char argument[256];
};

static bool read_section(struct ini *ini, char *line, char error[TEXT_ERROR_SIZE])
{
	char *end = strrchr(line, ']');
	char *space;

	if (!end || end[1])
		return text_error(error, "a section needs a closing bracket");
	*end = '\0';
	line = trim(line + 1);
	space = line + strcspn(line, " \t");
	snprintf(ini->section, sizeof(ini->section), "%.*s", (int)(space - line), line);
	snprintf(ini->argument, sizeof(ini->argument), "%s", trim(space));
	return ini->fn(ini->data, ini->section, ini->argument, NULL, NULL, error);
}

static bool read_line(struct ini *ini, char *line, char error[TEXT_ERROR_SIZE])
{
	char *equals;

	line = trim(line);
	if (!line[0] || line[0] == '#' || line[0] == ';')
		return true;
	if (line[0] == '[')
		return read_section(ini, line, error);
	equals = strchr(line, '=');
	if (!equals)
		return text_error(error, "this is neither \"key = value\" nor \"[section]\"");
	if (!ini->section[0])
		return text_error(error, "a key needs a section before it");
	*equals = '\0';
	return ini->fn(ini->data, ini->section, ini->argument, trim(line), trim(equals + 1), error);
}

bool ini_read(const char *path, ini_fn fn, void *data, char error[TEXT_ERROR_SIZE])
{
	struct ini ini = { .fn = fn, .data = data };
	char problem[TEXT_ERROR_SIZE - 128];
	char full[TEXT_ERROR_SIZE] = "";
	unsigned int number = 0;
	size_t size = 0;
	char *line = NULL;
	bool ok = true;
	FILE *file;

	if (!text_is_trusted(path, error))
		return false;
	file = fopen(path, "re");
	if (!file)
		return text_error(error, "cannot open %s: %s", path, strerror(errno));
	while (ok && getline(&line, &size, file) >= 0) {
		number++;
		ok = read_line(&ini, line, full);
	}
	if (ok && ferror(file))
		ok = text_error(full, "%s", strerror(errno));
	free(line);
	fclose(file);
	if (!ok) {
		snprintf(problem, sizeof(problem), "%s", full);
		return text_error(error, "%.100s:%u: %s", path, number, problem);
	}
	return true;
}

bool text_number(const char *text, uint32_t *value)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || *end || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	return true;
}

bool text_duration(const char *text, uint32_t *ms)
{
	static const struct {
		const char *unit;
		uint32_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "sec", 1000 }, { "min", 60000 }, { "h", 3600000 },
	};
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	while (*end == ' ')
		end++;
	for (size_t i = 0; !errno && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) || number > UINT32_MAX / units[i].ms)
			continue;
		*ms = (uint32_t)number * units[i].ms;
		return true;
	}
	return false;
}

bool text_bool(const char *text, bool *value)
{
	*value = !strcasecmp(text, "yes") || !strcasecmp(text, "true") || !strcmp(text, "1");
	return *value || !strcasecmp(text, "no") || !strcasecmp(text, "false") || !strcmp(text, "0");
}

/* One word at *@text, which moves behind it; NULL for an open quote. */
static char *take_word(const char **text)
{
	char *word = malloc(strlen(*text) + 1);
	bool quoted = false;
	size_t length = 0;
	const char *p;

	if (!word)
		return NULL;
	for (p = *text; *p && (quoted || !isspace((unsigned char)*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *p == '\\' && p[1])
			p++;
		word[length++] = *p;
	}
	word[length] = '\0';
	*text = p;
	if (quoted) {
		free(word);
		return NULL;
	}
	return word;
}

int text_words(const char *text, char **words, int max)
{
	int count = 0;

	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return count;
		if (count == max || !(words[count] = take_word(&text)))
			break;
		count++;
	}
	while (count)
		free(words[--count]);
	return -1;
}

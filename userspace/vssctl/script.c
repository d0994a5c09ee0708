// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state of a script, and its lines as words.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

void vssctl_script_init(struct vssctl_script *script, struct vssctl *ctl)
{
	*script = (struct vssctl_script) { .ctl = ctl, .context = VSS_CTX_BACKUP };
	vssctl_backup_init(&script->backup, ctl);
}

void vssctl_script_clear(struct vssctl_script *script)
{
	/* A backup that was begun and not ended has not succeeded. */
	if (script->backup.bc && !script->completed)
		vss_backup_components_abort_backup(script->backup.bc);
	vssctl_backup_clear(&script->backup);
	vss_backup_components_release(script->restore);
	vss_backup_components_release(script->imported);
	vssctl_documents_clear(&script->loaded);
	for (size_t i = 0; i < script->nr_aliases; i++) {
		free(script->aliases[i].name);
		free(script->aliases[i].value);
	}
	free(script->aliases);
	free(script->metadata_path);
}

void vssctl_script_reset(struct vssctl_script *script)
{
	struct vssctl *ctl = script->ctl;

	vssctl_script_clear(script);
	vssctl_script_init(script, ctl);
}

const char *vssctl_script_alias(const struct vssctl_script *script, const char *name)
{
	for (size_t i = 0; i < script->nr_aliases; i++)
		if (!strcasecmp(script->aliases[i].name, name))
			return script->aliases[i].value;
	return NULL;
}

int vssctl_script_set_alias(struct vssctl_script *script, const char *name, const char *value)
{
	struct vssctl_alias *more, alias = { strdup(name), strdup(value) };

	for (size_t i = 0; alias.name && alias.value && i < script->nr_aliases; i++)
		if (!strcasecmp(script->aliases[i].name, name)) {
			free(script->aliases[i].value);
			script->aliases[i].value = alias.value;
			free(alias.name);
			return 0;
		}
	more = reallocarray(script->aliases, script->nr_aliases + 1, sizeof(*more));
	if (!alias.name || !alias.value || !more) {
		free(alias.name);
		free(alias.value);
		script->aliases = more ? more : script->aliases;
		return vssctl_fail(script->ctl, E_OUTOFMEMORY, "out of memory");
	}
	script->aliases = more;
	more[script->nr_aliases++] = alias;
	return 0;
}

/* Replace each %NAME%; text to free(), NULL after the failure was reported. */
static char *expand(struct vssctl_script *script, const char *line)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (out && *line) {
		const char *end = *line == '%' ? strchr(line + 1, '%') : NULL;
		char name[128];
		const char *value;

		if (!end || end == line + 1 || (size_t)(end - line) >= sizeof(name)) {
			fputc(*line++, out);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(end - line - 1), line + 1);
		value = vssctl_script_alias(script, name);
		value = value ? value : getenv(name);
		if (!value) {
			vssctl_fail(script->ctl, VSS_E_OBJECT_NOT_FOUND,
				    "there is neither an alias nor a variable \"%s\"", name);
			fclose(out);
			free(text);
			return NULL;
		}
		fputs(value, out);
		line = end + 1;
	}
	if (!out || fclose(out)) {
		free(text);
		vssctl_fail(script->ctl, E_OUTOFMEMORY, "out of memory");
		return NULL;
	}
	return text;
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#' || *line == ';' ||
	       (!strncasecmp(line, "rem", 3) && (!line[3] || isspace((unsigned char)line[3])));
}

int vssctl_script_split(struct vssctl_script *script, const char *line, char **buffer,
			char *words[VSSCTL_MAX_WORDS], size_t *count)
{
	char *next;

	*count = 0;
	*buffer = NULL;
	if (is_comment(line))
		return 0;
	*buffer = next = expand(script, line);
	if (!next)
		return VSSCTL_FAILURE;
	for (;;) {
		next += strspn(next, " \t\r\n");
		if (!*next)
			return 0;
		if (*count == VSSCTL_MAX_WORDS)
			break;
		if (*next == '"') {
			words[(*count)++] = ++next;
			next = strchr(next, '"');
			if (!next) {
				vssctl_fail(script->ctl, E_INVALIDARG, "a quotation mark is missing");
				return VSSCTL_USAGE;
			}
		} else {
			words[(*count)++] = next;
			next += strcspn(next, " \t\r\n");
			if (!*next)
				return 0;
		}
		*next++ = '\0';
	}
	vssctl_fail(script->ctl, E_INVALIDARG, "the line has too many words");
	return VSSCTL_USAGE;
}

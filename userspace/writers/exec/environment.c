// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What hook scripts find in their environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

struct env {
	char **items;
	size_t count;
	bool failed;
};

static void add(struct env *env, char *item)
{
	char **items = item ? reallocarray(env->items, env->count + 2, sizeof(*items)) : NULL;

	if (!items) {
		free(item);
		env->failed = true;
		return;
	}
	env->items = items;
	items[env->count++] = item;
	items[env->count] = NULL;
}

static void set(struct env *env, const char *key, const char *value)
{
	char *item;

	add(env, asprintf(&item, "%s=%s", key, value) < 0 ? NULL : item);
}

/* Words that are collected with a separator between. */
struct words {
	char *text;
	size_t size;
	FILE *file;
	char separator;
};

static void add_word(struct words *words, const char *word)
{
	if (ftell(words->file) > 0)
		fputc(words->separator, words->file);
	fputs(word, words->file);
}

static void set_words(struct env *env, const char *key, struct words *words)
{
	if (fclose(words->file))
		env->failed = true;
	else
		set(env, key, words->text);
	free(words->text);
}

static bool open_words(struct env *env, struct words *words, char separator)
{
	*words = (struct words) { .separator = separator };
	words->file = open_memstream(&words->text, &words->size);
	if (!words->file)
		env->failed = true;
	return words->file;
}

static void set_volumes(struct env *env, struct vss_writer *writer)
{
	uint32_t count = vss_writer_get_current_volume_count(writer);
	struct words volumes, devices;

	if (!open_words(env, &volumes, ' '))
		return;
	for (uint32_t i = 0; i < count; i++)
		add_word(&volumes, vss_writer_get_current_volume(writer, i));
	set_words(env, "VSS_VOLUMES", &volumes);
	if (!open_words(env, &devices, ' '))
		return;
	for (uint32_t i = 0; i < count; i++) {
		char *device;

		if (vss_writer_get_snapshot_device_name(writer, vss_writer_get_current_volume(writer, i), &device))
			continue;
		add_word(&devices, device);
		free(device);
	}
	set_words(env, "VSS_DEVICES", &devices);
}

/* "PATH/NAME" or "NAME"; to free(), NULL without memory. */
static char *full_name(struct vss_component *component)
{
	char *path = NULL, *name = NULL, *full;

	vss_component_get_logical_path(component, &path);
	vss_component_get_component_name(component, &name);
	if (asprintf(&full, "%s%s%s", path ? path : "", path && path[0] ? "/" : "", name ? name : "") < 0)
		full = NULL;
	free(path);
	free(name);
	return full;
}

/* One a line, for names may hold spaces; @waiting: those that more restores will follow for. */
static void set_components(struct env *env, const char *key, struct vss_writer_components *components, bool waiting)
{
	struct words names;
	uint32_t count = 0;

	if (!open_words(env, &names, '\n'))
		return;
	if (components)
		vss_writer_components_get_component_count(components, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_component *component;
		bool additional = false;
		char *full;

		if (vss_writer_components_get_component(components, i, &component))
			continue;
		vss_component_get_additional_restores(component, &additional);
		full = additional || !waiting ? full_name(component) : NULL;
		if (full)
			add_word(&names, full);
		free(full);
	}
	set_words(env, key, &names);
}

static void set_operation(struct env *env, struct vss_writer *writer)
{
	char text[VSS_UUID_TEXT_SIZE];
	struct vss_uuid id;
	uint32_t context;
	char *name;

	if (vss_writer_get_session_id(writer, &id))
		return;
	set(env, "VSS_SESSION", vss_uuid_format(&id, text));
	text[0] = '\0';
	if (!vss_writer_get_current_snapshot_set_id(writer, &id))
		vss_uuid_format(&id, text);
	set(env, "VSS_SET", text);
	vss_writer_get_context(writer, &context);
	name = vss_context_name(context);
	set(env, "VSS_CONTEXT", name ? name : "");
	free(name);
	set(env, "VSS_BACKUP_TYPE", vss_backup_type_name(vss_writer_get_backup_type(writer)));
	set_volumes(env, writer);
}

static void begin(struct env *env, const char *name, const char *event)
{
	*env = (struct env) { 0 };
	for (char **item = environ; *item; item++)
		/* How this program was started is nothing to scripts. */
		if (strncmp(*item, "VSS_", 4) && strncmp(*item, "NOTIFY_SOCKET=", 14))
			add(env, strdup(*item));
	set(env, "VSS_WRITER", name);
	set(env, "VSS_EVENT", event);
}

static char **end(struct env *env)
{
	if (!env->failed)
		return env->items;
	environment_free(env->items);
	return NULL;
}

char **environment_make(struct vss_writer *writer, const char *name, const char *event,
			struct vss_writer_components *components)
{
	struct env env;

	begin(&env, name, event);
	set_operation(&env, writer);
	set_components(&env, "VSS_COMPONENTS", components, false);
	set_components(&env, "VSS_ADDITIONAL_RESTORES", components, true);
	return end(&env);
}

char **environment_make_bare(const char *name, const char *event)
{
	struct env env;

	begin(&env, name, event);
	return end(&env);
}

void environment_free(char **env)
{
	for (char **item = env; item && *item; item++)
		free(*item);
	free(env);
}

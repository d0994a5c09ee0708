// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a writer tells of itself.
 */
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "profile.h"

/* Names in the configuration, in the order of their enumeration; NULL where it has a gap. */
static const char *const levels[] = { NULL, "system", "back-end", "front-end", NULL };
static const char *const usages[] = {
	NULL, "bootable-system-state", "system-service", "user-data", "other",
};
static const char *const sources[] = { NULL, "transacted", "nontransacted", "other" };
static const char *const types[] = { NULL, "database", "filegroup" };
static const char *const restore_methods[] = {
	NULL, "restore-if-not-there", "restore-if-can-replace", "stop-restore-start",
	"restore-to-alternate-location", "restore-at-reboot", "restore-at-reboot-if-cannot-replace",
	"custom", "restore-stop-start",
};

/* Names in classes, so that the same name always gives the same class. */
static const uuid_t name_space = {
	0x5a, 0x1c, 0x2d, 0x0e, 0x3b, 0x97, 0x4f, 0x6a, 0x9d, 0x51, 0x7e, 0x0b, 0x64, 0xc8, 0x21, 0xf3,
};

#define FIND(names, text, value)	\
	find_name(names, sizeof(names) / sizeof((names)[0]), text, value)

static bool find_name(const char *const *names, size_t count, const char *text, unsigned int *value)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && !strcmp(names[i], text)) {
			*value = (unsigned int)i;
			return true;
		}
	return false;
}

void profile_init(struct profile *profile)
{
	memset(profile, 0, sizeof(*profile));
	profile->level = VSS_APP_FRONT_END;
	profile->usage = VSS_UT_USERDATA;
	profile->source = VSS_ST_OTHER;
	profile->restore_method = VSS_RME_RESTORE_IF_CAN_REPLACE;
}

static void clear_files(struct profile_file_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].path);
		free(list->items[i].spec);
	}
	free(list->items);
}

void profile_clear(struct profile *profile)
{
	for (size_t i = 0; i < profile->nr_components; i++) {
		struct profile_component *c = &profile->components[i];

		free(c->name);
		free(c->logical_path);
		free(c->caption);
		clear_files(&c->files);
		clear_files(&c->logs);
	}
	free(profile->components);
	clear_files(&profile->excludes);
	free(profile->name);
	free(profile->instance_name);
	free(profile->service);
	memset(profile, 0, sizeof(*profile));
}

static bool replace(char **string, const char *value, char error[TEXT_ERROR_SIZE])
{
	free(*string);
	*string = strdup(value);
	return *string || text_error(error, "out of memory");
}

static bool add_files(struct profile_file_list *list, const char *value, bool may_recurse,
		      char error[TEXT_ERROR_SIZE])
{
	struct profile_files *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	char *words[3] = { NULL };
	int count;

	if (!items)
		return text_error(error, "out of memory");
	list->items = items;
	count = text_words(value, words, 3);
	if (count < 2 || words[0][0] != '/' || strchr(words[1], '/') ||
	    (count == 3 && (!may_recurse || strcmp(words[2], "recursive")))) {
		while (count > 0)
			free(words[--count]);
		return text_error(error, "files are named as DIR SPEC%s, such as /var/lib/app *",
				  may_recurse ? " [recursive]" : "");
	}
	free(words[2]);
	items[list->count++] = (struct profile_files) {
		.path = words[0], .spec = words[1], .recursive = count == 3,
	};
	return true;
}

static bool begin_component(struct profile *profile, const char *name, char error[TEXT_ERROR_SIZE])
{
	struct profile_component *components, *c;

	if (!name[0] || strchr(name, '/'))
		return text_error(error, "a component needs a name without \"/\": [Component NAME]");
	components = reallocarray(profile->components, profile->nr_components + 1, sizeof(*components));
	if (!components)
		return text_error(error, "out of memory");
	profile->components = components;
	c = &components[profile->nr_components];
	memset(c, 0, sizeof(*c));
	c->type = VSS_CT_FILEGROUP;
	c->selectable = true;
	c->notify = true;
	c->name = strdup(name);
	if (!c->name)
		return text_error(error, "out of memory");
	profile->nr_components++;
	return true;
}

static bool component_key(struct profile_component *c, const char *key, const char *value,
			  char error[TEXT_ERROR_SIZE])
{
	unsigned int number;

	if (text_same(key, "LogicalPath"))
		return replace(&c->logical_path, value, error);
	if (text_same(key, "Caption"))
		return replace(&c->caption, value, error);
	if (text_same(key, "Files"))
		return add_files(&c->files, value, c->type == VSS_CT_FILEGROUP, error);
	if (text_same(key, "Logs"))
		return c->type == VSS_CT_DATABASE ? add_files(&c->logs, value, false, error) :
		       text_error(error, "only a component with \"Type = database\" before it has logs");
	if (text_same(key, "Selectable"))
		return text_bool(value, &c->selectable) || text_error(error, "Selectable is yes or no");
	if (text_same(key, "Notify"))
		return text_bool(value, &c->notify) || text_error(error, "Notify is yes or no");
	if (text_same(key, "Type")) {
		if (c->files.count)
			return text_error(error, "the type of a component stands before its files");
		if (!FIND(types, value, &number))
			return text_error(error, "Type is filegroup or database");
		c->type = number;
		return true;
	}
	return text_error(error, "a component has no key %s", key);
}

static bool writer_key(struct profile *p, const char *key, const char *value, char error[TEXT_ERROR_SIZE])
{
	unsigned int number;

	if (text_same(key, "Name"))
		return replace(&p->name, value, error);
	if (text_same(key, "InstanceName"))
		return replace(&p->instance_name, value, error);
	if (text_same(key, "Service"))
		return replace(&p->service, value, error);
	if (text_same(key, "Class"))
		return !vss_uuid_parse(value, &p->class_id) || text_error(error, "Class is a UUID");
	if (text_same(key, "Window"))
		return text_duration(value, &p->window_ms) ||
		       text_error(error, "Window is a time such as 30s");
	if (text_same(key, "Schema"))
		return text_number(value, &p->schema) || text_error(error, "Schema is a number");
	if (text_same(key, "Level")) {
		if (!FIND(levels, value, &number))
			return text_error(error, "Level is front-end, back-end or system");
		p->level = number;
		return true;
	}
	if (text_same(key, "Usage")) {
		if (!FIND(usages, value, &number))
			return text_error(error, "Usage is user-data, system-service, "
					  "bootable-system-state or other");
		p->usage = number;
		return true;
	}
	if (text_same(key, "Source")) {
		if (!FIND(sources, value, &number))
			return text_error(error, "Source is transacted, nontransacted or other");
		p->source = number;
		return true;
	}
	if (text_same(key, "RestoreMethod")) {
		if (!FIND(restore_methods, value, &number))
			return text_error(error, "there is no restore method %s", value);
		p->restore_method = number;
		return true;
	}
	return text_error(error, "a writer has no key %s", key);
}

bool profile_has_section(const char *section)
{
	return text_same(section, "Writer") || text_same(section, "Component") || text_same(section, "Exclude");
}

bool profile_key(struct profile *profile, const char *section, const char *argument,
		 const char *key, const char *value, char error[TEXT_ERROR_SIZE])
{
	if (text_same(section, "Component")) {
		if (!key)
			return begin_component(profile, argument, error);
		return component_key(&profile->components[profile->nr_components - 1], key, value, error);
	}
	if (!key)
		return true;
	if (text_same(section, "Writer"))
		return writer_key(profile, key, value, error);
	if (text_same(section, "Exclude") && text_same(key, "Files"))
		return add_files(&profile->excludes, value, true, error);
	return text_error(error, "[%s] has no key %s", section, key);
}

bool profile_finish(struct profile *profile, char error[TEXT_ERROR_SIZE])
{
	if (!profile->name || !profile->name[0])
		return text_error(error, "the writer has no name: put \"Name = ...\" below [Writer]");
	if (vss_uuid_is_null(&profile->class_id))
		uuid_generate_sha1(profile->class_id.bytes, name_space, profile->name, strlen(profile->name));
	if ((profile->restore_method == VSS_RME_STOP_RESTORE_START ||
	     profile->restore_method == VSS_RME_RESTORE_STOP_START) && !profile->service)
		return text_error(error, "this restore method needs \"Service = ...\"");
	return true;
}

void profile_config(const struct profile *profile, const char *address, struct vss_writer_config *config)
{
	*config = (struct vss_writer_config) {
		.writer_id = profile->class_id,
		.writer_name = profile->name,
		.instance_name = profile->instance_name,
		.usage = profile->usage,
		.source = profile->source,
		.level = profile->level,
		.freeze_timeout_ms = profile->window_ms,
		.major_version = 1,
		.address = address,
	};
}

static bool identify_component(const struct profile_component *c, struct vss_writer_metadata *metadata)
{
	if (vss_create_writer_metadata_add_component(metadata, c->type, c->logical_path, c->name, c->caption,
						     true, c->notify, c->selectable, true, 0))
		return false;
	for (size_t i = 0; i < c->files.count; i++) {
		const struct profile_files *f = &c->files.items[i];
		vss_result result;

		if (c->type == VSS_CT_DATABASE)
			result = vss_create_writer_metadata_add_database_files(metadata, c->logical_path, c->name,
									       f->path, f->spec, 0);
		else
			result = vss_create_writer_metadata_add_files_to_file_group(
				metadata, c->logical_path, c->name, f->path, f->spec, f->recursive, NULL, 0);
		if (result)
			return false;
	}
	for (size_t i = 0; i < c->logs.count; i++)
		if (vss_create_writer_metadata_add_database_log_files(metadata, c->logical_path, c->name,
								      c->logs.items[i].path,
								      c->logs.items[i].spec, 0))
			return false;
	return true;
}

bool profile_identify(const struct profile *profile, struct vss_writer_metadata *metadata)
{
	for (size_t i = 0; i < profile->excludes.count; i++) {
		const struct profile_files *f = &profile->excludes.items[i];

		if (vss_create_writer_metadata_add_exclude_files(metadata, f->path, f->spec, f->recursive))
			return false;
	}
	for (size_t i = 0; i < profile->nr_components; i++)
		if (!identify_component(&profile->components[i], metadata))
			return false;
	if (profile->schema && vss_create_writer_metadata_set_backup_schema(metadata, profile->schema))
		return false;
	return !vss_create_writer_metadata_set_restore_method(metadata, profile->restore_method,
							      profile->service, NULL, VSS_WRE_ALWAYS, false);
}

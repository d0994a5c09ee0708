// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration of vssd.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "error.h"
#include "ini.h"

/* Longest time that may be set, seconds. */
#define MAX_TIMEOUT	86400

struct loader {
	struct vssd_config *config;
	vssd_config_warn warn;
	void *warn_data;
	const char *path;	/* of the providers.d file being read */
};

static const struct {
	const char *key;
	size_t offset;		/* in struct vssd_config, milliseconds */
	uint32_t seconds;	/* default */
	uint32_t max;
} timeouts[] = {
#define TIMEOUT(key, member, seconds, max) \
	{ key, offsetof(struct vssd_config, member), seconds, max }
	TIMEOUT("Identify", settings.identify_timeout_ms, 30, MAX_TIMEOUT),
	TIMEOUT("Prepare", settings.prepare_timeout_ms, 600, MAX_TIMEOUT),
	TIMEOUT("Post", settings.post_timeout_ms, 600, MAX_TIMEOUT),
	/* The kernel module thaws after 600 s, and lets writes go after 10. */
	TIMEOUT("Freeze", settings.freeze_timeout_ms, 60, 600),
	TIMEOUT("Hold", settings.hold_timeout_ms, 10, 10),
	TIMEOUT("Provider", settings.provider_timeout_ms, 600, MAX_TIMEOUT),
	/* Less than Provider: the step that waits for them should be the one to tell. */
	TIMEOUT("Arrival", arrival_ms, 60, MAX_TIMEOUT),
#undef TIMEOUT
};

static const struct {
	const char *key;
	size_t offset;		/* in struct vssd_bus_limits */
	uint64_t min;
	uint64_t max;
} limits[] = {
#define LIMIT(key, member, min, max) { key, offsetof(struct vssd_bus_limits, member), min, max }
	LIMIT("Connections", connections, 1, 100000),
	LIMIT("Sessions", sessions, 1, 100000),
	LIMIT("Writers", writers, 1, 100000),
	/* A message of D-Bus has at most 128 MiB. */
	LIMIT("MessageSize", message_size, 65536, 64U << 20),
#undef LIMIT
};

static void unknown_name(struct loader *loader, const char *name, const char *rule)
{
	char text[256];

	snprintf(text, sizeof(text), "there is no %s \"%.64s\": this line of %s allows nothing",
		 name[0] == '@' ? "group" : "user", name + (name[0] == '@'), rule);
	loader->warn(loader->warn_data, text);
}

static int take_requester(struct loader *loader, const char *key, const char *value,
			  struct vss_error *err)
{
	_cleanup_free_ char *name = NULL;
	struct vssd_principal who;

	if (!vssd_ini_same(key, "User") && !vssd_ini_same(key, "Group"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "[Requesters] has no key %.64s, but User and Group", key);
	if (strpbrk(value, " \t@"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "\"%.64s\" is no name; give one in each line", value);
	if (asprintf(&name, "%s%s", vssd_ini_same(key, "Group") ? "@" : "", value) < 0) {
		name = NULL;
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	if (vssd_principal_parse(name, &who)) {
		unknown_name(loader, name, "[Requesters]");
		return 0;
	}
	if (vssd_access_add_requester(&loader->config->access, &who))
		return vss_error_errno(err, -ENOMEM, "out of memory");
	return 0;
}

static int take_writer(struct loader *loader, const char *key, const char *value,
		       struct vss_error *err)
{
	size_t length = strcspn(value, " \t");
	const char *pattern = value + length + strspn(value + length, " \t");
	_cleanup_free_ char *name = NULL;
	struct vssd_principal who;

	if (!vssd_ini_same(key, "Allow"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "[Writers] has no key %.64s, but Allow", key);
	if (!pattern[0])
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "after the user comes the writer's class id, or a pattern for "
				     "its name");
	name = strndup(value, length);
	if (!name)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	if (vssd_principal_parse(name, &who)) {
		unknown_name(loader, name, "[Writers]");
		return 0;
	}
	if (vssd_access_add_writer(&loader->config->access, &who, pattern))
		return vss_error_errno(err, -ENOMEM, "out of memory");
	return 0;
}

static int take_limit(struct loader *loader, const char *key, const char *value,
		      struct vss_error *err)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t number;
		int ret;

		if (!vssd_ini_same(key, limits[i].key))
			continue;
		ret = vssd_ini_number(value, limits[i].min, limits[i].max, &number, err);
		if (!ret)
			*(uint32_t *)((char *)&loader->config->limits + limits[i].offset) =
				(uint32_t)number;
		return ret;
	}
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "[Limits] has no key %.64s, but Connections, Sessions, Writers and "
			     "MessageSize", key);
}

static int take_timeout(struct loader *loader, const char *key, const char *value,
			struct vss_error *err)
{
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		uint64_t seconds;
		int ret;

		if (!vssd_ini_same(key, timeouts[i].key))
			continue;
		ret = vssd_ini_number(value, 1, timeouts[i].max, &seconds, err);
		if (!ret)
			*(uint32_t *)((char *)loader->config + timeouts[i].offset) =
				(uint32_t)seconds * 1000;
		return ret;
	}
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "[Timeouts] has no key %.64s, but Identify, Prepare, Post, Freeze, Hold, "
			     "Provider and Arrival", key);
}

static int take(void *data, const char *section, const char *key, const char *value,
		struct vss_error *err)
{
	static const struct {
		const char *name;
		int (*take)(struct loader *loader, const char *key, const char *value,
			    struct vss_error *err);
	} sections[] = {
		{ "Requesters", take_requester },
		{ "Writers", take_writer },
		{ "Limits", take_limit },
		{ "Timeouts", take_timeout },
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (vssd_ini_same(section, sections[i].name))
			return sections[i].take(data, key, value, err);
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "there is no section [%.64s], but [Requesters], [Writers], [Limits] and "
			     "[Timeouts]", section);
}

/* The entry of the file being read, which is the last one. */
static struct vssd_config_provider *provider_of(struct loader *loader)
{
	struct vssd_config *config = loader->config;
	struct vssd_config_provider *more;
	const char *name = strrchr(loader->path, '/') + 1;

	if (config->nr_providers &&
	    !strcmp(config->providers[config->nr_providers - 1].file, name))
		return &config->providers[config->nr_providers - 1];
	more = reallocarray(config->providers, config->nr_providers + 1, sizeof(*more));
	if (!more)
		return NULL;
	config->providers = more;
	more += config->nr_providers;
	memset(more, 0, sizeof(*more));
	more->file = strdup(name);
	if (!more->file)
		return NULL;
	more->enabled = true;
	config->nr_providers++;
	return more;
}

static int take_provider(void *data, const char *section, const char *key, const char *value,
			 struct vss_error *err)
{
	struct vssd_config_provider *provider = provider_of(data);

	if (!provider)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	if (!vssd_ini_same(section, "Provider"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "there is no section [%.64s], but [Provider]", section);
	if (vssd_ini_same(key, "Enabled"))
		return vssd_ini_bool(value, &provider->enabled, err);
	if (!vssd_ini_same(key, "Path"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "[Provider] has no key %.64s, but Path and Enabled", key);
	if (value[0] != '/')
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "the plug-in's path \"%.256s\" does not begin with \"/\"", value);
	if (provider->path)
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "a second Path; use one file for each "
				     "provider");
	provider->path = strdup(value);
	return provider->path ? 0 : vss_error_errno(err, -ENOMEM, "out of memory");
}

static void set_defaults(struct vssd_config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		*(uint32_t *)((char *)config + timeouts[i].offset) =
			timeouts[i].seconds * 1000;
}

static int load(struct loader *loader, const char *dir, struct vss_error *err)
{
	_cleanup_free_ char *file = NULL, *more = NULL, *providers = NULL;
	int ret;

	if (asprintf(&file, "%s/vssd.conf", dir) < 0 ||
	    asprintf(&more, "%s/vssd.conf.d", dir) < 0 ||
	    asprintf(&providers, "%s/providers.d", dir) < 0)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	ret = vssd_ini_read(file, take, loader, err);
	if (ret && ret != -ENOENT)
		return ret;
	memset(err, 0, sizeof(*err));
	ret = vssd_ini_read_folder(more, take, loader, &loader->path, err);
	if (!ret)
		ret = vssd_ini_read_folder(providers, take_provider, loader, &loader->path, err);
	for (size_t i = 0; !ret && i < loader->config->nr_providers; i++)
		if (!loader->config->providers[i].path)
			ret = vss_error_set(err, -EINVAL, E_INVALIDARG,
					    "%s/%s: the line \"Path = ...\" is missing", providers,
					    loader->config->providers[i].file);
	return ret;
}

int vssd_config_load(const char *dir, struct vssd_config *config, vssd_config_warn warn, void *data,
		     struct vss_error *err)
{
	struct loader loader = { .config = config, .warn = warn, .warn_data = data };

	set_defaults(config);
	return load(&loader, dir, err);
}

void vssd_config_clear(struct vssd_config *config)
{
	for (size_t i = 0; i < config->nr_providers; i++) {
		free(config->providers[i].file);
		free(config->providers[i].path);
	}
	free(config->providers);
	vssd_access_clear(&config->access);
	memset(config, 0, sizeof(*config));
}

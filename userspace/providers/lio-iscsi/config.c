// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /etc/vss/lio-iscsi.conf.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"
#include "ini.h"

#define USUAL_PATH	VSSD_CONFIG_DIR "/lio-iscsi.conf"

void lio_config_clear(struct lio_config *config)
{
	free(config->address);
	free(config->user);
	free(config->key);
	free(config->known_hosts);
	free(config->ssh);
	*config = (struct lio_config){ 0 };
}

static int take_text(char **to, const char *key, const char *value, struct vss_error *err)
{
	if (*to)
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "a second %s", key);
	/* ssh would take it for an option. */
	if (value[0] == '-')
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "%s must not begin with \"-\"", key);
	*to = strdup(value);
	return *to ? 0 : vss_error_errno(err, -ENOMEM, "out of memory");
}

static int take(void *data, const char *section, const char *key, const char *value, struct vss_error *err)
{
	struct lio_config *config = data;
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{ "Address", &config->address }, { "User", &config->user }, { "Key", &config->key },
		{ "KnownHosts", &config->known_hosts }, { "Ssh", &config->ssh },
	};

	if (strcmp(section, "Array"))
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "there is no section [%.64s], but [Array]", section);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(key, texts[i].key))
			return take_text(texts[i].to, key, value, err);
	if (!strcmp(key, "Port"))
		return vssd_ini_number(value, 1, 65535, &config->port, err);
	if (!strcmp(key, "Timeout"))
		return vssd_ini_number(value, 5, 600, &config->timeout, err);
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "[Array] has no key %.64s, but Address, Port, User, Key, KnownHosts, Ssh and Timeout", key);
}

int lio_config_read(struct lio_config *config, const char **path, struct vss_error *err)
{
	const char *asked = getenv("VSS_LIO_ISCSI_CONF");
	const char *missing = NULL;
	int ret;

	*path = asked && asked[0] ? asked : USUAL_PATH;
	*config = (struct lio_config){ .port = 22, .timeout = 60 };
	ret = vssd_ini_read(*path, take, config, err);
	if (!ret && !config->user)
		config->user = strdup("root");
	if (!ret && !config->ssh)
		config->ssh = strdup("/usr/bin/ssh");
	if (!ret && (!config->user || !config->ssh))
		ret = vss_error_errno(err, -ENOMEM, "out of memory");
	if (ret)
		return ret;
	if (!config->address)
		missing = "Address";
	else if (!config->key)
		missing = "Key";
	else if (!config->known_hosts)
		missing = "KnownHosts";
	return missing ? vss_error_set(err, -EINVAL, E_INVALIDARG, "%s: the line \"%s = ...\" is missing", *path,
				       missing) : 0;
}

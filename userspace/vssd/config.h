/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of vssd: vssd.conf, vssd.conf.d/ and providers.d/ as
 * vssd.conf(5) explains them.
 */
#ifndef VSSD_CONFIG_H
#define VSSD_CONFIG_H

#include "access.h"
#include "bus.h"
#include "core.h"

/* A plug-in, registered by a file in providers.d. */
struct vssd_config_provider {
	char *file;		/* name of that file, for messages */
	char *path;
	bool enabled;
};

struct vssd_config {
	struct vssd_access access;
	struct vssd_bus_limits limits;
	struct vssd_settings settings;		/* timeouts only */
	uint32_t arrival_ms;			/* for which provider hosts wait for LUNs */
	struct vssd_config_provider *providers;
	size_t nr_providers;
};

/* Something the administrator should know but that is no failure. */
typedef void (*vssd_config_warn)(void *data, const char *text);

/*
 * @dir: "/etc/vss".  Files that are not there are no failure.  0, or a negative
 * errno with file, line and what is wrong in @err; clear @config in both cases.
 */
int vssd_config_load(const char *dir, struct vssd_config *config, vssd_config_warn warn, void *data,
		     struct vss_error *err);

void vssd_config_clear(struct vssd_config *config);

#endif /* VSSD_CONFIG_H */

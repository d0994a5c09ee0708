/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Providers in processes of their own, as the core sees them.
 *
 * A host is started with its first call, and anew with the next one after it
 * has ended.  SIGCHLD must be blocked in all threads.
 */
#ifndef VSSD_HOST_H
#define VSSD_HOST_H

#include <systemd/sd-event.h>

#include "core.h"
#include "host-wire.h"

struct vssd_host;

struct vssd_host_settings {
	sd_event *event;
	const char *program;		/* vss-provider-host */
	const char *plugin;		/* NULL: the system provider */
	const char *state_dir;		/* for what the host keeps in it; NULL: the usual one */
	uint32_t arrival_ms;		/* for which LUNs are waited for */
	vssd_log_fn log;
	void *log_data;
};

/* 0 or a negative errno; strings are copied. */
int vssd_host_new(const struct vssd_host_settings *settings, struct vssd_host **host);
void vssd_host_free(struct vssd_host *host);

/*
 * Who is it?  @done is called once, from the loop, with NULL if it does not tell in
 * time (then @why says why).
 */
typedef void (*vssd_host_described)(void *data, struct vssd_host *host,
				    const struct host_description *description, const char *why);
void vssd_host_describe(struct vssd_host *host, uint32_t timeout_ms, vssd_host_described done, void *data);

/* What the core calls; the impl is the host. */
extern const struct vssd_provider_driver vssd_host_driver;

/* Which provider of a core it is: that is told of the process's end. */
void vssd_host_set_provider(struct vssd_host *host, struct vssd_provider *provider);

/* Its process, 0 when none runs; for tests. */
pid_t vssd_host_pid(const struct vssd_host *host);

#endif /* VSSD_HOST_H */

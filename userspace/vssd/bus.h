/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The D-Bus front of the coordinator: requesters and writers on the system bus
 * and on private connections become sessions and writers of a core.
 *
 * It runs in one sd-event loop, reads no configuration and no clock of its
 * own, and can be set up on one end of a socketpair:
 *
 *	sd_event_new(&event);
 *	core = vssd_core_new(...);
 *	vssd_bus_new(event, core, NULL, &bus);
 *	vssd_bus_add_connection(bus, fd);
 *	... sd_event_run(event, ...) ...
 *	vssd_bus_free(bus);
 *	vssd_core_free(core);
 *
 * Functions return 0 or a negative errno.
 */
#ifndef VSSD_BUS_H
#define VSSD_BUS_H

#include <systemd/sd-event.h>

#include "access.h"
#include "core.h"

#define VSSD_BUS_NAME		"org.linuxvss.Vss1"
#define VSSD_BUS_PATH		"/org/linuxvss/Vss1"
#define VSSD_BUS_ERROR_PREFIX	"org.linuxvss.Vss1.Error."

struct vssd_bus;

/* What one user may have at once; 0 stands for the default. */
struct vssd_bus_limits {
	uint32_t connections;		/* to private sockets: 128 */
	uint32_t sessions;		/* 64 */
	uint32_t writers;		/* 128 */
	uint32_t message_size;		/* bytes of a document: 16 MiB */
};

struct vssd_bus_settings {
	const struct vssd_access *access;	/* NULL: every peer may be requester and writer */
	struct vssd_bus_limits limits;
	vssd_log_fn log;			/* NULL for none */
	void *log_data;
	/* The connection to the system bus was lost; NULL: do nothing. */
	void (*bus_lost)(void *data);
	void *bus_lost_data;
};

/* @core must live longer than the front.  @settings may be NULL, and is copied but for @access. */
int vssd_bus_new(sd_event *event, struct vssd_core *core, const struct vssd_bus_settings *settings,
		 struct vssd_bus **bus);

/* Ends all sessions and writers that came by it. */
void vssd_bus_free(struct vssd_bus *bus);

/* Serve a connection, which is the front's from now on, also on failure. */
int vssd_bus_add_connection(struct vssd_bus *bus, int fd);

/* Accept connections on a listening socket, which is the front's from now on, also on failure. */
int vssd_bus_listen(struct vssd_bus *bus, int fd);

/* Connect to the system bus and ask for VSSD_BUS_NAME. */
int vssd_bus_connect_system(struct vssd_bus *bus);

#endif /* VSSD_BUS_H */

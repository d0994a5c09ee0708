/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the D-Bus front share.
 *
 * A link is a connection: the one to the system bus, or a private one.  A peer
 * is who speaks: on the bus a unique name, else the other end.  A user is who
 * peers run as; limits count by user.  Peers have sessions and writers, which
 * end with them.
 */
#ifndef VSSD_BUS_INTERNAL_H
#define VSSD_BUS_INTERNAL_H

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "bus-wire.h"
#include "bus.h"

#define VSSD_BUS_MANAGER	"org.linuxvss.Vss1.Manager"
#define VSSD_BUS_SESSION	"org.linuxvss.Vss1.Session"
#define VSSD_BUS_WRITER		"org.linuxvss.Vss1.Writer"

/* Calls of one peer that wait for the bus to tell who it is. */
#define VSSD_BUS_MAX_WAITING	16

struct bus_user {
	LIST_ENTRY(bus_user) entry;
	uid_t uid;
	uint32_t peers;
	uint32_t connections;
	uint32_t sessions;
	uint32_t writers;
};

struct bus_writer {
	LIST_ENTRY(bus_writer) entry;
	struct bus_peer *peer;
	struct vssd_writer *writer;
	struct vss_uuid instance;
	char *object;
	LIST_HEAD(, bus_event) events;	/* that have no answer yet */
};

struct bus_session {
	LIST_ENTRY(bus_session) entry;
	struct bus_peer *peer;
	struct vssd_session *session;
	char *path;
	sd_bus_slot *slot;
};

struct bus_peer {
	LIST_ENTRY(bus_peer) entry;
	struct bus_link *link;
	char *name;		/* unique name; NULL on a private connection */
	struct bus_user *user;	/* NULL while it is not known who it is */
	gid_t *gids;
	size_t nr_gids;
	sd_bus_slot *asking;
	sd_bus_message *waiting[VSSD_BUS_MAX_WAITING];
	size_t nr_waiting;
	LIST_HEAD(, bus_session) sessions;
	LIST_HEAD(, bus_writer) writers;
};

struct bus_link {
	LIST_ENTRY(bus_link) entry;
	struct vssd_bus *bus;
	sd_bus *conn;
	bool system;
	struct bus_user *user;		/* of a private connection, for the limit */
	sd_event_source *closing;
	LIST_HEAD(, bus_peer) peers;
};

struct bus_listener {
	LIST_ENTRY(bus_listener) entry;
	struct vssd_bus *bus;
	int fd;
	sd_event_source *source;
	sd_event_source *pause;		/* no descriptors are left */
};

struct vssd_bus {
	sd_event *event;
	struct vssd_core *core;
	struct vssd_bus_settings settings;
	LIST_HEAD(, bus_link) links;
	LIST_HEAD(, bus_listener) listeners;
	LIST_HEAD(, bus_user) users;
	struct bus_volumes *volumes;	/* of ListVolumes; NULL until it is called */
};

/* ---- bus.c ---- */

void bus_log(struct vssd_bus *bus, int priority, const char *message_id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- bus-peer.c ---- */

/* The user's record, made if there is none; NULL without memory.  bus_user_drop() when a count fell. */
struct bus_user *bus_user_get(struct vssd_bus *bus, uid_t uid);
void bus_user_drop(struct bus_user *user);

/* The one peer of a private connection, known by its credentials.  0 or a negative errno. */
int bus_peer_add_private(struct bus_link *link, uid_t uid, gid_t *gids, size_t nr_gids);

/* Who sent it; made and asked for if it is new.  NULL without memory. */
struct bus_peer *bus_peer_of(struct bus_link *link, sd_bus_message *m);

/* It has gone: its sessions and writers end. */
void bus_peer_gone(struct bus_peer *peer);
struct bus_peer *bus_peer_find(struct bus_link *link, const char *name);

/* Its credentials, to be asked of access.h; it must be known. */
struct vssd_creds bus_peer_creds(const struct bus_peer *peer);

/* For messages: "user 1000". */
const char *bus_peer_text(const struct bus_peer *peer, char text[32]);

/* ---- bus-manager.c ---- */

/* Offer the Manager object on a link. */
int bus_manager_add(struct bus_link *link);

/* Serve a call on the Manager object from a known peer. */
int bus_manager_call(struct bus_peer *peer, sd_bus_message *m);

/* ---- bus-volumes.c ---- */

int bus_volumes_list(struct bus_peer *peer, sd_bus_message *m);
void bus_volumes_free(struct bus_volumes *volumes);

/* ---- bus-session.c ---- */

int bus_session_open(struct bus_peer *peer, sd_bus_message *m);
/* Ends it; also when the peer has gone. */
void bus_session_close(struct bus_session *session);

/* ---- bus-writer.c ---- */

int bus_writer_register(struct bus_peer *peer, sd_bus_message *m);
int bus_writer_unregister(struct bus_peer *peer, sd_bus_message *m);
void bus_writer_remove(struct bus_writer *writer, bool died);

#endif /* VSSD_BUS_INTERNAL_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The D-Bus front: its connections, and how they come and go.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "bus-internal.h"
#include "cleanup.h"
#include "messages.h"

#define DEFAULT_CONNECTIONS	128
/* For who may do nothing but be told so: each can make vssd hold a message of 128 MiB. */
#define STRANGERS_CONNECTIONS	4
#define DEFAULT_SESSIONS	64
#define DEFAULT_WRITERS		128
#define DEFAULT_MESSAGE_SIZE	(16U << 20)

/* How long no connection is accepted after descriptors have run out. */
#define PAUSE_USEC		1000000

void bus_log(struct vssd_bus *bus, int priority, const char *message_id, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	if (!bus->settings.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bus->settings.log(bus->settings.log_data, priority, message_id, NULL, text);
}

int vssd_bus_new(sd_event *event, struct vssd_core *core, const struct vssd_bus_settings *settings,
		 struct vssd_bus **bus)
{
	struct vssd_bus_limits *limits;

	*bus = calloc(1, sizeof(**bus));
	if (!*bus)
		return -ENOMEM;
	if (settings)
		(*bus)->settings = *settings;
	limits = &(*bus)->settings.limits;
	limits->connections = limits->connections ?: DEFAULT_CONNECTIONS;
	limits->sessions = limits->sessions ?: DEFAULT_SESSIONS;
	limits->writers = limits->writers ?: DEFAULT_WRITERS;
	limits->message_size = limits->message_size ?: DEFAULT_MESSAGE_SIZE;
	(*bus)->event = sd_event_ref(event);
	(*bus)->core = core;
	return 0;
}

static void link_free(struct bus_link *link)
{
	while (!LIST_EMPTY(&link->peers))
		bus_peer_gone(LIST_FIRST(&link->peers));
	if (link->user) {
		link->user->connections--;
		bus_user_drop(link->user);
	}
	sd_event_source_unref(link->closing);
	sd_bus_close_unref(link->conn);
	LIST_REMOVE(link, entry);
	free(link);
}

static int on_closing(sd_event_source *source, void *data)
{
	struct bus_link *link = data;
	struct vssd_bus *bus = link->bus;
	bool system = link->system;

	(void)source;
	link_free(link);
	if (system && bus->settings.bus_lost)
		bus->settings.bus_lost(bus->settings.bus_lost_data);
	return 0;
}

/* Not freed here: sd-bus is still working on the connection. */
static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct bus_link *link = data;

	(void)m;
	(void)error;
	if (link->closing)
		return 0;
	return sd_event_add_defer(link->bus->event, &link->closing, on_closing, link);
}

static struct bus_link *link_new(struct vssd_bus *bus)
{
	struct bus_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->bus = bus;
	LIST_INIT(&link->peers);
	LIST_INSERT_HEAD(&bus->links, link, entry);
	return link;
}

static int link_serve(struct bus_link *link)
{
	int ret = bus_manager_add(link);

	if (ret >= 0)
		ret = sd_bus_match_signal_async(link->conn, NULL, "org.freedesktop.DBus.Local",
						"/org/freedesktop/DBus/Local",
						"org.freedesktop.DBus.Local", "Disconnected",
						on_disconnected, NULL, link);
	if (ret >= 0)
		ret = sd_bus_attach_event(link->conn, link->bus->event, SD_EVENT_PRIORITY_NORMAL);
	return ret < 0 ? ret : 0;
}

static int socket_gids(int fd, gid_t **gids, size_t *count)
{
	socklen_t size = 64 * sizeof(gid_t);

	for (;;) {
		socklen_t room = size;

		*gids = malloc(size ?: 1);
		if (!*gids)
			return -ENOMEM;
		if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *gids, &size)) {
			*count = size / sizeof(gid_t);
			return 0;
		}
		free(*gids);
		if (errno != ERANGE || size <= room)
			return -errno;
	}
}

/* The user, its own group and the others that its process was in when it connected. */
static int socket_creds(int fd, uid_t *uid, gid_t **gids, size_t *count)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	gid_t *more;
	int ret;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return -errno;
	ret = socket_gids(fd, gids, count);
	if (ret)
		return ret;
	more = reallocarray(*gids, *count + 1, sizeof(gid_t));
	if (!more) {
		free(*gids);
		return -ENOMEM;
	}
	more[(*count)++] = cred.gid;
	*gids = more;
	*uid = cred.uid;
	return 0;
}

static int connect_private(struct bus_link *link, int *fd)
{
	uint32_t most = link->bus->settings.limits.connections;
	_cleanup_free_ gid_t *gids = NULL;
	struct vssd_creds creds;
	size_t nr_gids = 0;
	sd_id128_t id;
	uid_t uid = 0;
	int ret = socket_creds(*fd, &uid, &gids, &nr_gids);

	if (ret)
		return ret;
	link->user = bus_user_get(link->bus, uid);
	if (!link->user)
		return -ENOMEM;
	creds = (struct vssd_creds) { .uid = uid, .gids = gids, .nr_gids = nr_gids };
	if (most > STRANGERS_CONNECTIONS && !vssd_access_any(link->bus->settings.access, &creds))
		most = STRANGERS_CONNECTIONS;
	if (++link->user->connections > most) {
		bus_log(link->bus, LOG_WARNING, VSSD_MESSAGE_LIMIT_REACHED,
			"a connection of user %u was closed: the user has %u already",
			uid, link->user->connections - 1);
		return -EUSERS;
	}
	ret = bus_peer_add_private(link, uid, gids, nr_gids);
	if (ret)
		return ret;
	gids = NULL;
	ret = sd_bus_new(&link->conn);
	if (ret < 0 || (ret = sd_bus_set_fd(link->conn, *fd, *fd)) < 0)
		return ret;
	*fd = -1;
	/* Nothing of ours takes descriptors; yet clients by libdbus now and then end at a refusal. */
	if ((ret = sd_id128_randomize(&id)) < 0 ||
	    (ret = sd_bus_set_server(link->conn, 1, id)) < 0 ||
	    (ret = sd_bus_negotiate_fds(link->conn, 1)) < 0 ||
	    (ret = sd_bus_start(link->conn)) < 0)
		return ret;
	return link_serve(link);
}

int vssd_bus_add_connection(struct vssd_bus *bus, int fd)
{
	_cleanup_fd_ int owned = fd;
	struct bus_link *link = link_new(bus);
	int ret = link ? connect_private(link, &owned) : -ENOMEM;

	if (ret && link)
		link_free(link);
	return ret;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
	struct bus_listener *listener = data;

	(void)source;
	(void)usec;
	listener->pause = sd_event_source_unref(listener->pause);
	return sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct bus_listener *listener = data;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (conn >= 0) {
		int ret = vssd_bus_add_connection(listener->bus, conn);

		if (ret && ret != -EUSERS)
			bus_log(listener->bus, LOG_WARNING, NULL,
				"a connection was refused: %s", strerror(-ret));
		return 0;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return 0;
	/* Else the loop would spin: the connection stays in the queue. */
	bus_log(listener->bus, LOG_WARNING, NULL, "cannot accept connections: %s", strerror(errno));
	if (sd_event_add_time_relative(listener->bus->event, &listener->pause, CLOCK_MONOTONIC,
				       PAUSE_USEC, 0, on_pause_over, listener) >= 0)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

int vssd_bus_listen(struct vssd_bus *bus, int fd)
{
	struct bus_listener *listener = calloc(1, sizeof(*listener));
	int ret;

	if (!listener) {
		close(fd);
		return -ENOMEM;
	}
	listener->bus = bus;
	listener->fd = fd;
	ret = sd_event_add_io(bus->event, &listener->source, fd, EPOLLIN, on_accept, listener);
	if (ret < 0) {
		close(fd);
		free(listener);
		return ret;
	}
	LIST_INSERT_HEAD(&bus->listeners, listener, entry);
	return 0;
}

static int on_name_vanished(sd_bus_message *m, void *data, sd_bus_error *error)
{
	const char *name, *before, *after;
	struct bus_peer *peer;

	(void)error;
	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || after[0])
		return 0;
	peer = bus_peer_find(data, name);
	if (peer)
		bus_peer_gone(peer);
	return 0;
}

static int connect_system(struct bus_link *link)
{
	int ret;

	link->system = true;
	if ((ret = sd_bus_open_system(&link->conn)) < 0 ||
	    /* Peers' ends; the empty last argument leaves out all other changes of owners. */
	    (ret = sd_bus_add_match(link->conn, NULL,
				    "type='signal',sender='org.freedesktop.DBus',"
				    "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
				    "member='NameOwnerChanged',arg2=''",
				    on_name_vanished, link)) < 0 ||
	    (ret = link_serve(link)) < 0)
		return ret;
	/* Last: calls that activated us come as soon as the name is ours. */
	ret = sd_bus_request_name(link->conn, VSSD_BUS_NAME, 0);
	return ret < 0 ? ret : 0;
}

int vssd_bus_connect_system(struct vssd_bus *bus)
{
	struct bus_link *link = link_new(bus);
	int ret = link ? connect_system(link) : -ENOMEM;

	if (ret && link)
		link_free(link);
	return ret;
}

void vssd_bus_free(struct vssd_bus *bus)
{
	if (!bus)
		return;
	while (!LIST_EMPTY(&bus->listeners)) {
		struct bus_listener *listener = LIST_FIRST(&bus->listeners);

		LIST_REMOVE(listener, entry);
		sd_event_source_unref(listener->pause);
		sd_event_source_unref(listener->source);
		close(listener->fd);
		free(listener);
	}
	bus_volumes_free(bus->volumes);
	while (!LIST_EMPTY(&bus->links))
		link_free(LIST_FIRST(&bus->links));
	sd_event_unref(bus->event);
	free(bus);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Peers of the D-Bus front: who speaks, as which user, and what ends with them.
 *
 * The bus is asked for credentials without waiting for its answer; calls of a
 * new peer wait for that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "bus-internal.h"

struct bus_user *bus_user_get(struct vssd_bus *bus, uid_t uid)
{
	struct bus_user *user;

	LIST_FOREACH(user, &bus->users, entry)
		if (user->uid == uid)
			return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	LIST_INSERT_HEAD(&bus->users, user, entry);
	return user;
}

void bus_user_drop(struct bus_user *user)
{
	if (user->peers || user->connections || user->sessions || user->writers)
		return;
	LIST_REMOVE(user, entry);
	free(user);
}

static struct bus_peer *peer_new(struct bus_link *link)
{
	struct bus_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->link = link;
	LIST_INIT(&peer->sessions);
	LIST_INIT(&peer->writers);
	LIST_INSERT_HEAD(&link->peers, peer, entry);
	return peer;
}

static int set_user(struct bus_peer *peer, uid_t uid)
{
	peer->user = bus_user_get(peer->link->bus, uid);
	if (!peer->user)
		return -ENOMEM;
	peer->user->peers++;
	return 0;
}

int bus_peer_add_private(struct bus_link *link, uid_t uid, gid_t *gids, size_t nr_gids)
{
	struct bus_peer *peer = peer_new(link);

	if (!peer)
		return -ENOMEM;
	/* The peer is freed with the link; it takes @gids when nothing can fail any more. */
	if (set_user(peer, uid))
		return -ENOMEM;
	peer->gids = gids;
	peer->nr_gids = nr_gids;
	return 0;
}

struct bus_peer *bus_peer_find(struct bus_link *link, const char *name)
{
	struct bus_peer *peer;

	LIST_FOREACH(peer, &link->peers, entry)
		if (peer->name && !strcmp(peer->name, name))
			return peer;
	return NULL;
}

void bus_peer_gone(struct bus_peer *peer)
{
	struct bus_user *user = peer->user;

	/* Its pending calls are answered first, to nobody. */
	while (!LIST_EMPTY(&peer->sessions))
		bus_session_close(LIST_FIRST(&peer->sessions));
	while (!LIST_EMPTY(&peer->writers))
		bus_writer_remove(LIST_FIRST(&peer->writers), true);
	for (size_t i = 0; i < peer->nr_waiting; i++)
		sd_bus_message_unref(peer->waiting[i]);
	sd_bus_slot_unref(peer->asking);
	LIST_REMOVE(peer, entry);
	if (user) {
		user->peers--;
		bus_user_drop(user);
	}
	free(peer->gids);
	free(peer->name);
	free(peer);
}

/* Every reply has its value in a variant. */
static int read_credential(sd_bus_message *m, const char *key, void *data)
{
	struct bus_peer *peer = data;
	uint32_t uid;
	const void *gids;
	size_t size;
	int ret;

	if (!strcmp(key, "UnixUserID")) {
		ret = sd_bus_message_read(m, "v", "u", &uid);
		return ret < 0 || peer->user ? ret : set_user(peer, uid);
	}
	if (strcmp(key, "UnixGroupIDs") || peer->gids)
		return sd_bus_message_skip(m, "v");
	ret = sd_bus_message_enter_container(m, 'v', "au");
	if (ret >= 0)
		ret = sd_bus_message_read_array(m, 'u', &gids, &size);
	if (ret >= 0 && size) {
		peer->gids = malloc(size);
		if (!peer->gids)
			return -ENOMEM;
		memcpy(peer->gids, gids, size);
		peer->nr_gids = size / sizeof(gid_t);
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_credentials(sd_bus_message *m, struct bus_peer *peer)
{
	int ret;

	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are u32 on the bus");
	ret = vssd_wire_read_dict(m, read_credential, peer);
	if (ret < 0)
		return ret;
	return peer->user ? 0 : -ENODATA;
}

static int on_credentials(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct bus_peer *peer = data;
	size_t count = peer->nr_waiting;
	int ret;

	(void)error;
	peer->asking = sd_bus_slot_unref(peer->asking);
	ret = sd_bus_message_is_method_error(m, NULL) ? -ESRCH : read_credentials(m, peer);
	peer->nr_waiting = 0;
	for (size_t i = 0; i < count; i++) {
		sd_bus_message *call = peer->waiting[i];

		if (ret)
			vssd_wire_reply_error(call, E_ACCESSDENIED,
					      "the bus does not tell as which user you run");
		else if (bus_manager_call(peer, call) < 0)
			/* Nobody else answers: this is not within the call's own handler. */
			vssd_wire_reply_error(call, E_OUTOFMEMORY, "the call could not be carried out");
		sd_bus_message_unref(call);
	}
	/* It asks anew with its next call, or has gone already. */
	if (ret)
		bus_peer_gone(peer);
	return 0;
}

struct bus_peer *bus_peer_of(struct bus_link *link, sd_bus_message *m)
{
	const char *name = sd_bus_message_get_sender(m);
	struct bus_peer *peer;

	if (!link->system)
		return LIST_FIRST(&link->peers);
	if (!name)
		return NULL;
	peer = bus_peer_find(link, name);
	if (peer)
		return peer;
	peer = peer_new(link);
	if (!peer)
		return NULL;
	peer->name = strdup(name);
	if (!peer->name ||
	    sd_bus_call_method_async(link->conn, &peer->asking, "org.freedesktop.DBus",
				     "/org/freedesktop/DBus", "org.freedesktop.DBus",
				     "GetConnectionCredentials", on_credentials, peer, "s", name) < 0) {
		bus_peer_gone(peer);
		return NULL;
	}
	return peer;
}

struct vssd_creds bus_peer_creds(const struct bus_peer *peer)
{
	return (struct vssd_creds) {
		.uid = peer->user->uid,
		.gids = peer->gids,
		.nr_gids = peer->nr_gids,
	};
}

const char *bus_peer_text(const struct bus_peer *peer, char text[32])
{
	snprintf(text, 32, "user %u", peer->user->uid);
	return text;
}

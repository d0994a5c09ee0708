// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Manager object: where sessions and writers begin, and what there is to
 * see without either.
 */
#include <errno.h>
#include <syslog.h>

#include "bus-internal.h"
#include "messages.h"

enum role { REQUESTER, WRITER };

static int reply_list(sd_bus_message *m, sd_bus_message *reply, int ret)
{
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	if (ret >= 0)
		ret = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	if (ret < 0)
		return vssd_wire_reply_error(m, E_OUTOFMEMORY, "the answer could not be written");
	return 1;
}

static int list_writers(struct bus_peer *peer, sd_bus_message *m)
{
	const struct vssd_writer_status *statuses;
	size_t count = vssd_core_writers(peer->link->bus->core, &statuses);
	sd_bus_message *reply = NULL;
	int ret = sd_bus_message_new_method_return(m, &reply);

	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; ret >= 0 && i < count; i++)
		ret = vssd_wire_append_status(reply, &statuses[i]);
	return reply_list(m, reply, ret);
}

static int list_providers(struct bus_peer *peer, sd_bus_message *m)
{
	const struct vss_provider_prop *providers;
	size_t count = vssd_core_providers(peer->link->bus->core, &providers);
	sd_bus_message *reply = NULL;
	int ret = sd_bus_message_new_method_return(m, &reply);

	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; ret >= 0 && i < count; i++)
		ret = vssd_wire_append_provider(reply, &providers[i]);
	return reply_list(m, reply, ret);
}

static int abort_creation(struct bus_peer *peer, sd_bus_message *m)
{
	vssd_core_abort_creation(peer->link->bus->core);
	return sd_bus_reply_method_return(m, NULL);
}

static int unregister_provider(struct bus_peer *peer, sd_bus_message *m)
{
	struct vss_error err = { 0 };
	struct vss_uuid id;
	const char *text;
	vss_result result;
	int ret;

	/* Not a requester's to decide for all others. */
	if (peer->user->uid)
		return vssd_wire_reply_error(m, E_ACCESSDENIED, "only root may unregister a provider");
	ret = sd_bus_message_read(m, "s", &text);
	if (ret < 0)
		return ret;
	if (vss_uuid_parse(text, &id))
		return vssd_wire_reply_error(m, E_INVALIDARG, "the provider's id is no UUID");
	result = vssd_core_unregister_provider(peer->link->bus->core, &id, &err);
	if (VSS_FAILED(result))
		return vssd_wire_reply_error(m, result, err.text);
	bus_log(peer->link->bus, LOG_NOTICE, NULL, "provider %s was unregistered by %s", text,
		bus_peer_text(peer, (char[32]) { 0 }));
	return sd_bus_reply_method_return(m, NULL);
}

static const struct manager_method {
	const char *name;
	enum role role;
	int (*run)(struct bus_peer *peer, sd_bus_message *m);
} methods[] = {
	{ "OpenSession", REQUESTER, bus_session_open },
	{ "RegisterWriter", WRITER, bus_writer_register },
	{ "UnregisterWriter", WRITER, bus_writer_unregister },
	{ "ListWriters", REQUESTER, list_writers },
	{ "ListProviders", REQUESTER, list_providers },
	{ "ListVolumes", REQUESTER, bus_volumes_list },
	{ "AbortCreation", REQUESTER, abort_creation },
	{ "UnregisterProvider", REQUESTER, unregister_provider },
};

static bool is_requester(struct bus_peer *peer)
{
	struct vssd_creds creds = bus_peer_creds(peer);

	return vssd_access_requester(peer->link->bus->settings.access, &creds);
}

int bus_manager_call(struct bus_peer *peer, sd_bus_message *m)
{
	const char *member = sd_bus_message_get_member(m);
	char who[32];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!sd_bus_message_is_method_call(m, NULL, methods[i].name))
			continue;
		/* Which writer it may be is judged when it tells which one it is. */
		if (methods[i].role == WRITER || is_requester(peer))
			return methods[i].run(peer, m);
		bus_log(peer->link->bus, LOG_WARNING, VSSD_MESSAGE_ACCESS_DENIED,
			"%s of %s was refused: not allowed to be a requester",
			member, bus_peer_text(peer, who));
		return vssd_wire_reply_error(m, E_ACCESSDENIED,
					     "you may not be a requester; run as root, or have your "
					     "user or group named in [Requesters] of "
					     "/etc/vss/vssd.conf");
	}
	return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_METHOD, "there is no method %s",
					  member);
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct bus_peer *peer = bus_peer_of(data, m);

	(void)error;
	if (!peer)
		return vssd_wire_reply_error(m, E_OUTOFMEMORY, "vssd has not enough memory");
	if (peer->user)
		return bus_manager_call(peer, m);
	if (peer->nr_waiting == VSSD_BUS_MAX_WAITING)
		return vssd_wire_reply_error(m, E_ACCESSDENIED, "too many calls at once; wait for "
					     "the answer to one of them");
	peer->waiting[peer->nr_waiting++] = sd_bus_message_ref(m);
	return 1;
}

static int get_version(sd_bus *conn, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *data, sd_bus_error *error)
{
	(void)conn;
	(void)path;
	(void)interface;
	(void)property;
	(void)data;
	(void)error;
	return sd_bus_message_append_basic(reply, 's', VSS_VERSION);
}

static int get_creating(sd_bus *conn, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *data, sd_bus_error *error)
{
	struct bus_link *link = data;
	const struct vssd_session *session = vssd_core_creating(link->bus->core);
	static const struct vss_uuid none;

	(void)conn;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return vssd_wire_append_uuid(reply, session ? vssd_session_id(session) : &none);
}

/* Who may call is judged here and not by capabilities of the caller. */
#define OPEN	SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("OpenSession", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("o", session, "s", session_id), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RegisterWriter", SD_BUS_ARGS("a{sv}", properties, "o", object),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("UnregisterWriter", SD_BUS_ARGS("s", instance), SD_BUS_NO_RESULT,
				on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListWriters", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", writers),
				on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListProviders", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", providers),
				on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListVolumes", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", volumes),
				on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("AbortCreation", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("UnregisterProvider", SD_BUS_ARGS("s", provider), SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Creating", "s", get_creating, 0, 0),
	SD_BUS_VTABLE_END,
};

int bus_manager_add(struct bus_link *link)
{
	return sd_bus_add_object_vtable(link->conn, NULL, VSSD_BUS_PATH, VSSD_BUS_MANAGER, vtable,
					link);
}

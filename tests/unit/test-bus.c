// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssd's D-Bus front before a core with made-up writers and providers: what goes
 * over the wire and comes back, who is refused, and what ends with a peer.
 *
 * SEC-001 SEC-002 SEC-003 ASY-011 CLI-003 PRV-031 LIF-019
 */
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../standin/machine.h"
#include "bus.h"
#include "bus-wire.h"
#include "requester.h"
#include "wire.h"

#define MANAGER	"org.linuxvss.Vss1.Manager"
#define SESSION	"org.linuxvss.Vss1.Session"
#define WRITER	"org.linuxvss.Vss1.Writer"

/* A connection to vssd. */
struct client {
	struct fixture *f;
	sd_bus *bus;
	sd_bus_message *reply;		/* of the last call */
	bool answered;
	unsigned int progress;
	/* As a writer: */
	char events[512];
	uint32_t failure;
	const char *document;
	bool silent;
};

struct fixture {
	struct machine *m;
	sd_event *event;
	struct vssd_bus *bus;
	struct vssd_access access;
	struct client a, b;
	char denied[256];
};

static void note(void *data, int priority, const char *message_id, const struct vss_uuid *session,
		 const char *text)
{
	struct fixture *f = data;

	(void)priority;
	(void)message_id;
	(void)session;
	snprintf(f->denied, sizeof(f->denied), "%s", text);
}

/* All that there is to do; time passes only when nobody has anything to say. */
static void settle(struct fixture *f)
{
	do {
		while (sd_event_run(f->event, 0) > 0)
			;
	} while (machine_step(f->m));
}

static int on_identify(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct client *c = data;

	(void)error;
	strcat(c->events, "Identify ");
	if (c->silent)
		return 1;
	return sd_bus_reply_method_return(m, "s", c->document ? c->document : "");
}

static int on_event(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct client *c = data;
	const char *event;

	(void)error;
	assert_true(sd_bus_message_read(m, "s", &event) >= 0);
	strcat(c->events, event);
	strcat(c->events, " ");
	return sd_bus_reply_method_return(m, "uuss", c->failure, 7, "why", "");
}

static const sd_bus_vtable writer_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Identify", "", "s", on_identify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Event", "sa{sv}s", "uuss", on_event, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int on_progress(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)m;
	(void)error;
	((struct client *)data)->progress++;
	return 0;
}

static void client_open(struct fixture *f, struct client *c)
{
	int fds[2];

	c->f = f;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(vssd_bus_add_connection(f->bus, fds[0]), 0);
	assert_true(sd_bus_new(&c->bus) >= 0);
	assert_true(sd_bus_set_fd(c->bus, fds[1], fds[1]) >= 0);
	assert_true(sd_bus_start(c->bus) >= 0);
	assert_true(sd_bus_add_object_vtable(c->bus, NULL, "/w", WRITER, writer_vtable, c) >= 0);
	assert_true(sd_bus_match_signal(c->bus, NULL, NULL, NULL, SESSION, "Progress", on_progress, c) >= 0);
	assert_true(sd_bus_attach_event(c->bus, f->event, 0) >= 0);
	settle(f);
}

static void client_close(struct client *c)
{
	c->reply = sd_bus_message_unref(c->reply);
	c->bus = sd_bus_close_unref(c->bus);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct vssd_bus_settings settings = {
		.access = &f->access,
		.limits = { .connections = 4, .sessions = 3, .writers = 2, .message_size = 65536 },
		.log = note,
		.log_data = f,
	};

	f->m = machine_new(NULL);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(vssd_bus_new(f->event, f->m->core, &settings, &f->bus), 0);
	client_open(f, &f->a);
	client_open(f, &f->b);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	client_close(&f->a);
	client_close(&f->b);
	settle(f);
	vssd_bus_free(f->bus);
	machine_free(f->m);
	sd_event_unref(f->event);
	vssd_access_clear(&f->access);
	free(f);
	return 0;
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct client *c = data;

	(void)error;
	c->reply = sd_bus_message_ref(m);
	c->answered = true;
	return 0;
}

static sd_bus_message *request(struct client *c, const char *path, const char *interface, const char *member)
{
	sd_bus_message *m = NULL;

	assert_true(sd_bus_message_new_method_call(c->bus, &m, NULL, path, interface, member) >= 0);
	return m;
}

static void send_call(struct client *c, sd_bus_message *m)
{
	c->reply = sd_bus_message_unref(c->reply);
	c->answered = false;
	assert_true(sd_bus_call_async(c->bus, NULL, m, on_reply, c, 0) >= 0);
	sd_bus_message_unref(m);
	settle(c->f);
	/* What is answered from a thread takes a moment. */
	for (int i = 0; i < 1000 && !c->answered; i++) {
		sd_event_run(c->f->event, 10000);
		settle(c->f);
	}
}

#define CALL(c, path, interface, member, ...) ({						\
	sd_bus_message *m_ = request(c, path, interface, member);				\
	assert_true(sd_bus_message_append(m_, __VA_ARGS__) >= 0);				\
	send_call(c, m_);									\
	assert_true((c)->answered);								\
})

#define OK(c) assert_false(sd_bus_message_is_method_error((c)->reply, NULL))

static void refused(struct client *c, const char *code, const char *text)
{
	const sd_bus_error *error = sd_bus_message_get_error(c->reply);

	assert_non_null(error);
	assert_int_equal(strncmp(error->name, VSSD_BUS_ERROR_PREFIX, strlen(VSSD_BUS_ERROR_PREFIX)), 0);
	assert_string_equal(error->name + strlen(VSSD_BUS_ERROR_PREFIX), code);
	if (!strstr(error->message, text))
		fail_msg("\"%s\" does not say \"%s\"", error->message, text);
}

static char *open_session(struct client *c)
{
	const char *path, *id;

	CALL(c, VSSD_BUS_PATH, MANAGER, "OpenSession", "");
	OK(c);
	assert_true(sd_bus_message_read(c->reply, "os", &path, &id) > 0);
	assert_int_equal(strlen(id), 36);
	return strdup(path);
}

static void register_writer(struct client *c, const char *instance)
{
	CALL(c, VSSD_BUS_PATH, MANAGER, "RegisterWriter", "a{sv}o", 8,
	     "class", "s", "11111111-2222-3333-4444-555555555555", "instance", "s", instance,
	     "name", "s", "Test", "usage", "u", 3u, "source", "u", 3u, "level", "u", 2u,
	     "freeze-timeout", "t", (uint64_t)5000, "of-newer-writers", "as", 1, "x", "/w");
}

#define INSTANCE_1	"00000000-0000-0000-0000-000000000001"
#define INSTANCE_2	"00000000-0000-0000-0000-000000000002"
#define INSTANCE_3	"00000000-0000-0000-0000-000000000003"

static char *writer_metadata(const char *instance)
{
	struct vss_writer_identity identity = {
		.writer_name = (char *)"Test",
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_OTHER,
		.major_version = 1,
	};
	struct vss_writer_metadata *metadata;
	struct vss_error err;
	char *xml;

	assert_int_equal(vss_uuid_parse(instance, &identity.instance_id), 0);
	assert_int_equal(vss_uuid_parse("11111111-2222-3333-4444-555555555555", &identity.writer_id), 0);
	assert_int_equal(vss_create_writer_metadata(&identity, &metadata, &err), S_OK);
	assert_int_equal(vss_examine_writer_metadata_save_as_xml(metadata, &xml), S_OK);
	vss_writer_metadata_free(metadata);
	return xml;
}

static void tells_what_there_is(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a;
	char *path;
	const char *text;

	machine_provider(f->m, "system", VSS_PROV_SYSTEM, true, " /dev/a ");
	CALL(c, VSSD_BUS_PATH, MANAGER, "ListProviders", "");
	OK(c);
	assert_true(sd_bus_message_has_signature(c->reply, "aa{sv}"));
	CALL(c, VSSD_BUS_PATH, MANAGER, "ListWriters", "");
	OK(c);
	CALL(c, VSSD_BUS_PATH, MANAGER, "ListVolumes", "");
	OK(c);
	assert_true(sd_bus_message_has_signature(c->reply, "aa{sv}"));
	CALL(c, VSSD_BUS_PATH, "org.freedesktop.DBus.Properties", "Get", "ss", MANAGER, "Version");
	assert_true(sd_bus_message_read(c->reply, "v", "s", &text) > 0);
	assert_string_equal(text, VSS_VERSION);
	CALL(c, VSSD_BUS_PATH, "org.freedesktop.DBus.Introspectable", "Introspect", "");
	OK(c);
	path = open_session(c);
	CALL(c, path, "org.freedesktop.DBus.Introspectable", "Introspect", "");
	assert_true(sd_bus_message_read(c->reply, "s", &text) > 0);
	assert_non_null(strstr(text, "DoSnapshotSet"));
	free(path);
	/* PRV-029 */
	CALL(c, VSSD_BUS_PATH, MANAGER, "UnregisterProvider", "s", "x");
	refused(c, "E_INVALIDARG", "UUID");
	CALL(c, VSSD_BUS_PATH, MANAGER, "UnregisterProvider", "s", INSTANCE_1);
	refused(c, "VSS_E_PROVIDER_NOT_REGISTERED", INSTANCE_1);
	CALL(c, VSSD_BUS_PATH, MANAGER, "NoSuchMethod", "");
	assert_true(sd_bus_message_is_method_error(c->reply, SD_BUS_ERROR_UNKNOWN_METHOD));
	CALL(c, VSSD_BUS_PATH, MANAGER, "OpenSession", "s", "too much");
	assert_true(sd_bus_message_is_method_error(c->reply, SD_BUS_ERROR_INVALID_ARGS));
}

static void makes_a_set(void **state)
{
	static const char *const volumes[] = { "/dev/a", "/dev/b" };
	struct fixture *f = *state;
	struct client *c = &f->a;
	char *path, id[2][VSS_UUID_TEXT_SIZE], set[VSS_UUID_TEXT_SIZE];
	const char *text, *creating, *message;
	int32_t deleted;
	uint32_t result;
	struct requester r = { 0 };

	machine_provider(f->m, "system", VSS_PROV_SYSTEM, true, " /dev/a /dev/b ");
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	OK(c);
	CALL(c, path, SESSION, "SetContext", "u", VSS_CTX_FILE_SHARE_BACKUP);
	OK(c);
	CALL(c, path, SESSION, "StartSnapshotSet", "");
	OK(c);
	assert_true(sd_bus_message_read(c->reply, "s", &text) > 0);
	snprintf(set, sizeof(set), "%s", text);
	for (size_t i = 0; i < 2; i++) {
		CALL(c, path, SESSION, "AddToSnapshotSet", "ss", volumes[i], "");
		OK(c);
		assert_true(sd_bus_message_read(c->reply, "s", &text) > 0);
		snprintf(id[i], sizeof(id[i]), "%s", text);
		assert_int_equal(strlen(id[i]), 36);
	}
	CALL(c, path, SESSION, "AddToSnapshotSet", "ss", "/dev/nothing", "not an id");
	refused(c, "E_INVALIDARG", "provider \"not an id\" is not a UUID");
	CALL(c, path, SESSION, "IsVolumeSupported", "ss", "", "/dev/a");
	OK(c);
	CALL(c, VSSD_BUS_PATH, "org.freedesktop.DBus.Properties", "Get", "ss", MANAGER, "Creating");
	assert_true(sd_bus_message_read(c->reply, "v", "s", &creating) > 0);
	assert_int_equal(strlen(creating), 36);
	/* What another peer wants meanwhile. */
	CALL(&f->b, path, SESSION, "Abort", "");
	assert_true(sd_bus_message_is_method_error(f->b.reply, NULL));

	requester_open(&r, f->m);
	requester_document(&r, false, NULL, 0);
	CALL(c, path, SESSION, "DoSnapshotSet", "s", r.document);
	OK(c);
	assert_true(sd_bus_message_read(c->reply, "s", &text) > 0);
	assert_non_null(strstr(text, "BACKUP_COMPONENTS"));
	assert_true(c->progress > 2);
	requester_close(&r);

	CALL(c, path, SESSION, "GetSnapshotProperties", "s", id[1]);
	OK(c);
	assert_true(sd_bus_message_has_signature(c->reply, "a{sv}"));
	CALL(c, path, SESSION, "QuerySnapshots", "");
	OK(c);
	assert_true(sd_bus_message_enter_container(c->reply, 'a', "a{sv}") > 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(sd_bus_message_skip(c->reply, "a{sv}") > 0);
	assert_true(sd_bus_message_at_end(c->reply, 0) > 0);
	/* A failure to delete is told within the answer. */
	CALL(c, path, SESSION, "DeleteSnapshots", "sub", INSTANCE_1, VSS_OBJECT_SNAPSHOT, 0);
	OK(c);
	assert_true(sd_bus_message_read(c->reply, "isus", &deleted, &text, &result, &message) > 0);
	assert_int_equal(deleted, 0);
	assert_int_equal(result, VSS_E_OBJECT_NOT_FOUND);
	assert_true(message[0]);
	CALL(c, path, SESSION, "DeleteSnapshots", "sub", set, VSS_OBJECT_SNAPSHOT_SET, 0);
	assert_true(sd_bus_message_read(c->reply, "isus", &deleted, &text, &result, &message) > 0);
	assert_int_equal(deleted, 2);
	assert_int_equal(result, S_OK);
	assert_string_equal(text, "");
	CALL(c, path, SESSION, "Close", "");
	OK(c);
	CALL(c, path, SESSION, "QuerySnapshots", "");
	assert_true(sd_bus_message_is_method_error(c->reply, SD_BUS_ERROR_UNKNOWN_OBJECT));
	free(path);
}

static void asks_writers(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a, *w = &f->b;
	const char *instance, *document;
	char *path, *metadata = writer_metadata(INSTANCE_1);

	w->document = metadata;
	register_writer(w, INSTANCE_1);
	OK(w);
	register_writer(w, INSTANCE_1);
	refused(w, "VSS_E_OBJECT_ALREADY_EXISTS", "");
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	CALL(c, path, SESSION, "GatherWriterMetadata", "asasas", 0, 0, 0);
	OK(c);
	assert_true(sd_bus_message_enter_container(c->reply, 'a', "(ss)") > 0);
	assert_true(sd_bus_message_read(c->reply, "(ss)", &instance, &document) > 0);
	assert_string_equal(instance, INSTANCE_1);
	assert_non_null(strstr(document, "WRITER_METADATA"));
	assert_string_equal(w->events, "Identify ");
	CALL(c, path, SESSION, "GatherWriterStatus", "");
	OK(c);
	/* It is another's. */
	CALL(c, VSSD_BUS_PATH, MANAGER, "UnregisterWriter", "s", INSTANCE_1);
	refused(c, "VSS_E_OBJECT_NOT_FOUND", "");
	CALL(w, VSSD_BUS_PATH, MANAGER, "UnregisterWriter", "s", INSTANCE_1);
	OK(w);
	free(path);
	free(metadata);
}

static void survives_bad_writers(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a, *w = &f->b;
	char *path, *big = malloc(70000);

	memset(big, 'x', 69999);
	big[69999] = '\0';
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	CALL(w, VSSD_BUS_PATH, MANAGER, "RegisterWriter", "a{sv}o", 1, "class", "s", "x", "/w");
	refused(w, "E_INVALIDARG", "\"x\" is not a UUID");
	CALL(w, VSSD_BUS_PATH, MANAGER, "RegisterWriter", "a{sv}o", 1, "class", "u", 1u, "/w");
	refused(w, "E_INVALIDARG", "wrong type");
	CALL(w, VSSD_BUS_PATH, MANAGER, "RegisterWriter", "a{sv}o", 1, "level", "u", 77u, "/w");
	refused(w, "E_INVALIDARG", "level 77 is unknown");
	CALL(w, VSSD_BUS_PATH, MANAGER, "RegisterWriter", "a{sv}o", 0, "/w");
	refused(w, "E_INVALIDARG", "needs the properties");
	/* A document that is too long; then none at all, until the time is over. */
	register_writer(w, INSTANCE_1);
	w->document = big;
	CALL(c, path, SESSION, "GatherWriterMetadata", "asasas", 0, 0, 0);
	OK(c);
	assert_non_null(strstr(f->denied, "longer than 65536 bytes"));
	free(path);
	w->silent = true;
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	CALL(c, path, SESSION, "GatherWriterMetadata", "asasas", 0, 0, 0);
	OK(c);
	free(path);
	free(big);
}

static void ends_with_its_peer(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a, *w = &f->b;
	char *path;

	machine_provider(f->m, "system", VSS_PROV_SYSTEM, true, " /dev/a ");
	register_writer(w, INSTANCE_1);
	OK(w);
	assert_int_equal(vssd_core_writers(f->m->core, &(const struct vssd_writer_status *) { NULL }), 1);
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	CALL(c, path, SESSION, "SetContext", "u", VSS_CTX_FILE_SHARE_BACKUP);
	CALL(c, path, SESSION, "StartSnapshotSet", "");
	CALL(c, path, SESSION, "AddToSnapshotSet", "ss", "/dev/a", "");
	OK(c);
	assert_non_null(vssd_core_creating(f->m->core));
	client_close(c);
	client_close(w);
	settle(f);
	assert_null(vssd_core_creating(f->m->core));
	assert_int_equal(vssd_core_writers(f->m->core, &(const struct vssd_writer_status *) { NULL }), 0);
	assert_false(vssd_core_busy(f->m->core));
	/* Room for others again. */
	client_open(f, c);
	client_open(f, w);
	free(path);
}

/* A call that is under way when the peer goes is answered to nobody. */
static void dies_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a, *w = &f->b;
	char *path;

	register_writer(w, INSTANCE_1);
	path = open_session(c);
	CALL(c, path, SESSION, "Initialize", "b", 0);
	w->silent = true;
	assert_true(sd_bus_call_method_async(c->bus, NULL, NULL, path, SESSION, "GatherWriterMetadata",
					     NULL, NULL, "asasas", 0, 0, 0) >= 0);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_string_equal(w->events, "Identify ");
	client_close(c);
	client_close(w);
	settle(f);
	assert_false(vssd_core_busy(f->m->core));
	free(path);
}

/* IMP-012 BRK-013 REV-016: who may not be a requester has no session, nor use of another's. */
static void refuses_strangers(void **state)
{
	static const char *const calls[][2] = {
		{ "ImportSnapshots", "s" }, { "BreakSnapshotSet", "su" }, { "RevertToSnapshot", "sb" },
	};
	struct fixture *f = *state;
	struct client stranger = { 0 };
	uid_t me = geteuid();
	char *path = open_session(&f->a);

	/* Without root's rights everybody here is a stranger, the session's owner too. */
	if (me) {
		free(path);
		skip();
	}
	assert_int_equal(seteuid(65534), 0);
	client_open(f, &stranger);
	assert_int_equal(seteuid(me), 0);
	CALL(&stranger, VSSD_BUS_PATH, MANAGER, "OpenSession", "");
	refused(&stranger, "E_ACCESSDENIED", "may not be a requester");
	CALL(&stranger, VSSD_BUS_PATH, MANAGER, "UnregisterProvider", "s", INSTANCE_1);
	refused(&stranger, "E_ACCESSDENIED", "may not be a requester");
	for (size_t i = 0; i < COUNT(calls); i++) {
		sd_bus_message *m = request(&stranger, path, SESSION, calls[i][0]);

		assert_true(sd_bus_message_append(m, calls[i][1], INSTANCE_1, 0) >= 0);
		send_call(&stranger, m);
		assert_true(stranger.answered);
		assert_true(sd_bus_message_is_method_error(stranger.reply, NULL));
	}
	client_close(&stranger);
	settle(f);
	free(path);
}

static void keeps_limits(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->a, more[2] = { 0 };
	char *paths[3], *big = malloc(70000);
	int fds[2];

	for (size_t i = 0; i < 3; i++)
		paths[i] = open_session(c);
	CALL(c, VSSD_BUS_PATH, MANAGER, "OpenSession", "");
	refused(c, "E_ACCESSDENIED", "too many sessions");
	/* They count by user, not by connection. */
	CALL(&f->b, VSSD_BUS_PATH, MANAGER, "OpenSession", "");
	refused(&f->b, "E_ACCESSDENIED", "too many sessions");
	assert_non_null(strstr(f->denied, "has 3 already"));
	CALL(c, paths[0], SESSION, "Close", "");
	free(paths[0]);
	paths[0] = open_session(&f->b);

	register_writer(c, INSTANCE_1);
	register_writer(&f->b, INSTANCE_2);
	OK(&f->b);
	register_writer(&f->b, INSTANCE_3);
	refused(&f->b, "E_ACCESSDENIED", "too many writers");

	memset(big, 'x', 69999);
	big[69999] = '\0';
	CALL(c, paths[1], SESSION, "DoSnapshotSet", "s", big);
	refused(c, "E_INVALIDARG", "longer than 65536 bytes");

	client_open(f, &more[0]);
	client_open(f, &more[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(vssd_bus_add_connection(f->bus, fds[0]), -EUSERS);
	close(fds[1]);
	client_close(&more[0]);
	settle(f);
	client_open(f, &more[0]);
	client_close(&more[0]);
	client_close(&more[1]);
	settle(f);
	for (size_t i = 0; i < 3; i++)
		free(paths[i]);
	free(big);
}

static void what_comes_in(struct fixture *f, int fd, const void *bytes, size_t size)
{
	assert_int_equal(write(fd, bytes, size), size);
	settle(f);
}

static void survives_garbage(void **state)
{
	static const char auth[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
	struct fixture *f = *state;
	unsigned char noise[512];
	int fds[2];

	for (unsigned int round = 0; round < 40; round++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(vssd_bus_add_connection(f->bus, fds[0]), 0);
		srand(round);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (unsigned char)rand();
		if (round % 2)
			what_comes_in(f, fds[1], auth, sizeof(auth) - 1);
		/* A header that could be one, with nonsense after it. */
		if (round % 4 == 3) {
			memcpy(noise, "l\1\0\1\0\0\0\0\1\0\0\0\200\0\0\0", 16);
			noise[4] = (unsigned char)round;
		}
		what_comes_in(f, fds[1], noise, sizeof(noise));
		close(fds[1]);
		settle(f);
	}
	CALL(&f->a, VSSD_BUS_PATH, MANAGER, "ListWriters", "");
	OK(&f->a);
}

static void cleans_text(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xff\xfe", "??" },
		{ "over \xc0\xaf", "over ??" },
		{ "sur \xed\xa0\x80", "sur ???" },
		{ "big \xf4\x90\x80\x80", "big ????" },
		{ NULL, "" },
	};
	struct vss_uuid uuid;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *clean = vssd_wire_utf8(cases[i].in);

		assert_string_equal(clean, cases[i].out);
		free(clean);
	}
	assert_true(vssd_wire_parse_uuid("", &uuid));
	assert_true(vss_uuid_is_null(&uuid));
	assert_false(vssd_wire_parse_uuid("x", &uuid));
}

/* Every state of a shadow copy arrives at the requester as it was sent; that of one that is away is 0. */
static void states_arrive(void **state)
{
	static const enum vss_snapshot_state_ex states[] = { VSS_SS_UNKNOWN, VSS_SS_CREATED, VSS_SS_ABORTED };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(states); i++) {
		struct vss_snapshot_prop sent = { .status = states[i] }, got;
		sd_bus_message *m;

		assert_true(sd_bus_message_new_method_call(f->a.bus, &m, NULL, "/x", "x.y", "Z") >= 0);
		assert_true(vssd_wire_append_snapshot(m, &sent) >= 0);
		assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
		assert_true(vss_requester_read_snapshot(m, &got) >= 0);
		assert_int_equal(got.status, states[i]);
		vss_free_snapshot_properties(&got);
		sd_bus_message_unref(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_what_there_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(states_arrive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(makes_a_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asks_writers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survives_bad_writers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends_with_its_peer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dies_while_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survives_garbage, set_up, tear_down),
		cmocka_unit_test(cleans_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

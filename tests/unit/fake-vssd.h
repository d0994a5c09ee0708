/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for vssd on a private socket, which the test works by hand, and a
 * writer beside it in a thread.
 *
 * The test's thread is vssd: it accepts the writer's connection, answers its
 * registration, and calls its events one by one.
 */
#ifndef TESTS_UNIT_FAKE_VSSD_H
#define TESTS_UNIT_FAKE_VSSD_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <vss/writer.h>

#define FAKE_WAIT_USEC	30000000

struct fake_vssd {
	char dir[64];
	char path[96];
	char address[128];
	int listener;
	sd_bus *bus;			/* to the writer */
	/* Of the registration. */
	char class_id[40], instance_id[40], name[128], instance_name[128];
	uint32_t usage, source, level;
	uint64_t freeze_timeout;
};

static inline void fake_listen(struct fake_vssd *v)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", v->path);
	v->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(v->listener >= 0);
	assert_int_equal(bind(v->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(v->listener, 8), 0);
}

/* @listening: else the socket appears with fake_listen(). */
static inline void fake_start(struct fake_vssd *v, bool listening)
{
	memset(v, 0, sizeof(*v));
	strcpy(v->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(v->dir));
	snprintf(v->path, sizeof(v->path), "%s/vssd", v->dir);
	snprintf(v->address, sizeof(v->address), "unix:path=%s", v->path);
	v->listener = -1;
	if (listening)
		fake_listen(v);
}

/* vssd dies; with its socket when @listener. */
static inline void fake_die(struct fake_vssd *v, bool listener)
{
	v->bus = sd_bus_close_unref(v->bus);
	if (listener && v->listener >= 0) {
		close(v->listener);
		unlink(v->path);
		v->listener = -1;
	}
}

static inline void fake_end(struct fake_vssd *v)
{
	fake_die(v, true);
	rmdir(v->dir);
}

static inline void fake_accept(struct fake_vssd *v)
{
	struct pollfd fd = { .fd = v->listener, .events = POLLIN };
	sd_id128_t id;
	int connection;

	assert_int_equal(poll(&fd, 1, FAKE_WAIT_USEC / 1000), 1);
	connection = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(connection >= 0);
	assert_true(sd_id128_randomize(&id) >= 0);
	assert_true(sd_bus_new(&v->bus) >= 0);
	assert_true(sd_bus_set_fd(v->bus, connection, connection) >= 0);
	assert_true(sd_bus_set_server(v->bus, 1, id) >= 0);
	assert_true(sd_bus_start(v->bus) >= 0);
}

/* The next call of the writer; NULL when the connection ends. */
static inline sd_bus_message *fake_receive(struct fake_vssd *v)
{
	for (;;) {
		sd_bus_message *m = NULL;
		int ret = sd_bus_process(v->bus, &m);

		if (ret < 0)
			return NULL;
		if (m && !sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
			return m;
		sd_bus_message_unref(m);
		if (!ret)
			assert_true(sd_bus_wait(v->bus, FAKE_WAIT_USEC) > 0);
	}
}

static inline void fake_read_string(sd_bus_message *m, char *text, size_t size)
{
	const char *value;

	assert_true(sd_bus_message_read(m, "v", "s", &value) >= 0);
	snprintf(text, size, "%s", value);
}

static inline void fake_read_registration(struct fake_vssd *v, sd_bus_message *m)
{
	const char *key;

	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read_basic(m, 's', &key) >= 0);
		if (!strcmp(key, "class"))
			fake_read_string(m, v->class_id, sizeof(v->class_id));
		else if (!strcmp(key, "instance"))
			fake_read_string(m, v->instance_id, sizeof(v->instance_id));
		else if (!strcmp(key, "name"))
			fake_read_string(m, v->name, sizeof(v->name));
		else if (!strcmp(key, "instance-name"))
			fake_read_string(m, v->instance_name, sizeof(v->instance_name));
		else if (!strcmp(key, "usage"))
			assert_true(sd_bus_message_read(m, "v", "u", &v->usage) >= 0);
		else if (!strcmp(key, "source"))
			assert_true(sd_bus_message_read(m, "v", "u", &v->source) >= 0);
		else if (!strcmp(key, "level"))
			assert_true(sd_bus_message_read(m, "v", "u", &v->level) >= 0);
		else if (!strcmp(key, "freeze-timeout"))
			assert_true(sd_bus_message_read(m, "v", "t", &v->freeze_timeout) >= 0);
		else
			fail_msg("unknown property %s", key);
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
}

/* Accept the writer and its registration; @error: refuse it with that error's name. */
static inline void fake_register(struct fake_vssd *v, const char *error)
{
	sd_bus_message *m;

	fake_accept(v);
	m = fake_receive(v);
	assert_non_null(m);
	assert_true(sd_bus_message_is_method_call(m, "org.linuxvss.Vss1.Manager", "RegisterWriter"));
	fake_read_registration(v, m);
	if (error)
		assert_true(sd_bus_reply_method_errorf(m, error, "because of the test") >= 0);
	else
		assert_true(sd_bus_reply_method_return(m, "") >= 0);
	sd_bus_message_unref(m);
	assert_true(sd_bus_flush(v->bus) >= 0);
}

/* What an event says and what the writer answers. */
struct fake_event {
	const char *session, *set;
	uint32_t context, backup_type, restore_type;
	bool components_selected;
	const char *volumes[4], *devices[4];
	const char *part;

	vss_result failure, application_code;
	char message[256];
	char *components;	/* to free() */
};

static inline void fake_append_strings(sd_bus_message *m, const char *key, const char *const *strings)
{
	assert_true(sd_bus_message_open_container(m, 'e', "sv") >= 0);
	assert_true(sd_bus_message_append(m, "s", key) >= 0);
	assert_true(sd_bus_message_open_container(m, 'v', "as") >= 0);
	assert_true(sd_bus_message_append_strv(m, (char **)strings) >= 0);
	assert_true(sd_bus_message_close_container(m) >= 0);
	assert_true(sd_bus_message_close_container(m) >= 0);
}

static inline void fake_call(struct fake_vssd *v, const char *event, struct fake_event *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *message, *components;
	sd_bus_message *m, *reply = NULL;

	free(e->components);
	e->components = NULL;
	assert_true(sd_bus_message_new_method_call(v->bus, &m, NULL, "/org/linuxvss/Vss1/writer",
						   "org.linuxvss.Vss1.Writer", "Event") >= 0);
	assert_true(sd_bus_message_append(m, "s", event) >= 0);
	assert_true(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "session", "s", e->session) >= 0);
	if (e->set)
		assert_true(sd_bus_message_append(m, "{sv}", "set", "s", e->set) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "context", "u", e->context) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "backup-type", "u", e->backup_type) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "restore-type", "u", e->restore_type) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "components-selected", "b", e->components_selected) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "of-a-later-version", "as", 1, "x") >= 0);
	fake_append_strings(m, "volumes", e->volumes);
	if (e->devices[0])
		fake_append_strings(m, "devices", e->devices);
	assert_true(sd_bus_message_close_container(m) >= 0);
	assert_true(sd_bus_message_append(m, "s", e->part ? e->part : "") >= 0);
	if (sd_bus_call(v->bus, m, FAKE_WAIT_USEC, &error, &reply) < 0)
		fail_msg("%s: %s", event, error.message);
	assert_true(sd_bus_message_read(reply, "uuss", &e->failure, &e->application_code, &message,
					&components) >= 0);
	snprintf(e->message, sizeof(e->message), "%s", message);
	e->components = strdup(components);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	sd_bus_error_free(&error);
}

/* The Writer Metadata Document, "" when Identify failed; to free(). */
static inline char *fake_identify(struct fake_vssd *v)
{
	sd_bus_message *reply = NULL;
	const char *document;
	char *copy;

	assert_true(sd_bus_call_method(v->bus, NULL, "/org/linuxvss/Vss1/writer", "org.linuxvss.Vss1.Writer",
				       "Identify", NULL, &reply, "") >= 0);
	assert_true(sd_bus_message_read(reply, "s", &document) >= 0);
	copy = strdup(document);
	sd_bus_message_unref(reply);
	return copy;
}

/* ---- the writer's side ---- */

struct fake_thread {
	struct vss_writer *writer;
	pthread_t thread;
	vss_result subscribed;
};

static inline void *fake_thread_run(void *data)
{
	struct fake_thread *t = data;

	t->subscribed = vss_writer_subscribe(t->writer);
	if (!VSS_FAILED(t->subscribed))
		vss_writer_run(t->writer);
	return NULL;
}

/* Subscribe and run in a thread; the test has to accept the registration. */
static inline void fake_thread_start(struct fake_thread *t, struct vss_writer *writer)
{
	t->writer = writer;
	assert_int_equal(pthread_create(&t->thread, NULL, fake_thread_run, t), 0);
}

static inline void fake_thread_stop(struct fake_thread *t)
{
	vss_writer_stop(t->writer);
	pthread_join(t->thread, NULL);
}

#endif /* TESTS_UNIT_FAKE_VSSD_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A writer on a bus: a daemon of the test's own stands for the system bus, the
 * test for vssd.
 */
#include "unit.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake-vssd.h"

#define CONFIG									\
	"<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"	\
	"<auth>EXTERNAL</auth><policy context=\"default\">"			\
	"<allow send_destination=\"*\" eavesdrop=\"true\"/>"			\
	"<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>"

struct bus {
	char dir[64];
	pid_t daemon;
};

static int setup(void **state)
{
	struct bus *b = calloc(1, sizeof(*b));
	char path[128], address[128];
	FILE *file;

	strcpy(b->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	chmod(b->dir, 0755);
	snprintf(path, sizeof(path), "%s/config", b->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, CONFIG, b->dir);
	fclose(file);
	snprintf(address, sizeof(address), "unix:path=%s/bus", b->dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	setenv("VSS_BUS_ADDRESS", "", 1);
	b->daemon = fork();
	if (!b->daemon) {
		char option[160];

		snprintf(option, sizeof(option), "--config-file=%s", path);
		execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--nopidfile", (char *)NULL);
		_exit(127);
	}
	snprintf(path, sizeof(path), "%s/bus", b->dir);
	for (int i = 0; i < 2000 && access(path, F_OK); i++)
		usleep(10000);
	assert_int_equal(access(path, F_OK), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bus *b = *state;
	char path[128];

	kill(b->daemon, SIGTERM);
	waitpid(b->daemon, NULL, 0);
	snprintf(path, sizeof(path), "%s/config", b->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus", b->dir);
	unlink(path);
	rmdir(b->dir);
	free(b);
	return 0;
}

/* ---- the writer ---- */

struct subject {
	int frozen, aborted, shut_down;
};

static bool on_freeze(struct vss_writer *writer, void *data)
{
	(void)writer;
	((struct subject *)data)->frozen++;
	return true;
}

static bool on_abort(struct vss_writer *writer, void *data)
{
	(void)writer;
	((struct subject *)data)->aborted++;
	return true;
}

static bool on_nothing(struct vss_writer *writer, void *data)
{
	(void)writer;
	(void)data;
	return true;
}

static struct vss_writer *make_writer(struct subject *s)
{
	static const struct vss_writer_ops ops = {
		.prepare_snapshot = on_nothing,
		.freeze = on_freeze,
		.thaw = on_nothing,
		.abort = on_abort,
	};
	struct vss_writer_config config = { .writer_name = "Bus test writer" };
	struct vss_writer *writer;

	config.writer_id.bytes[0] = 1;
	assert_int_equal(vss_writer_initialize(&config, &ops, s, &writer, NULL), S_OK);
	return writer;
}

/* ---- vssd ---- */

static sd_bus *connect_bus(void)
{
	sd_bus *bus;

	assert_true(sd_bus_open_system(&bus) >= 0);
	return bus;
}

/* Take the name and the writer's registration; its unique name is put into @writer. */
static void serve(struct fake_vssd *v, char writer[64])
{
	sd_bus_message *m;

	v->bus = connect_bus();
	assert_true(sd_bus_request_name(v->bus, "org.linuxvss.Vss1", 0) >= 0);
	do {
		m = fake_receive(v);
		assert_non_null(m);
		if (sd_bus_message_is_method_call(m, "org.linuxvss.Vss1.Manager", "RegisterWriter"))
			break;
		sd_bus_message_unref(m);
	} while (true);
	fake_read_registration(v, m);
	snprintf(writer, 64, "%s", sd_bus_message_get_sender(m));
	assert_true(sd_bus_reply_method_return(m, "") >= 0);
	sd_bus_message_unref(m);
	sd_bus_flush(v->bus);
}

/* An event to the writer; the error's name, NULL for none; to free(). */
static char *event(sd_bus *bus, const char *writer, const char *name)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	uint32_t failure = 0;
	char *result = NULL;

	if (sd_bus_call_method(bus, writer, "/org/linuxvss/Vss1/writer", "org.linuxvss.Vss1.Writer", "Event",
			       &error, &reply, "sa{sv}s", name, 1, "session", "s",
			       "11111111-1111-4111-8111-111111111111", "") < 0)
		result = strdup(error.name);
	else
		assert_true(sd_bus_message_read(reply, "u", &failure) >= 0);
	assert_int_equal(failure, S_OK);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return result;
}

static void wait_for(const int *number, int value)
{
	for (int i = 0; i < 500 && __atomic_load_n(number, __ATOMIC_SEQ_CST) != value; i++)
		usleep(10000);
	assert_int_equal(*number, value);
}

/* SEC-004, and vssd's restart */
static void only_vssd_is_listened_to(void **state)
{
	struct subject s = { 0 };
	struct vss_writer *writer = make_writer(&s);
	struct fake_thread thread = { 0 };
	struct fake_vssd v = { 0 };
	char name[64], *error;
	sd_bus *stranger;

	(void)state;
	/* vssd comes later than the writer. */
	fake_thread_start(&thread, writer);
	usleep(200000);
	serve(&v, name);
	assert_string_equal(v.name, "Bus test writer");
	assert_int_equal(thread.subscribed, S_FALSE);
	assert_null(event(v.bus, name, "PrepareSnapshot"));
	stranger = connect_bus();
	error = event(stranger, name, "Freeze");
	assert_string_equal(error, SD_BUS_ERROR_ACCESS_DENIED);
	free(error);
	sd_bus_flush_close_unref(stranger);
	assert_int_equal(s.frozen, 0);
	assert_null(event(v.bus, name, "Freeze"));
	assert_int_equal(s.frozen, 1);
	/* Death: the name has no owner any more. */
	sd_bus_flush_close_unref(v.bus);
	wait_for(&s.aborted, 1);
	serve(&v, name);
	assert_null(event(v.bus, name, "PrepareSnapshot"));
	assert_null(event(v.bus, name, "Freeze"));
	assert_int_equal(s.frozen, 2);
	/* Giving the name up is the same as death. */
	assert_true(sd_bus_release_name(v.bus, "org.linuxvss.Vss1") >= 0);
	wait_for(&s.aborted, 2);
	error = event(v.bus, name, "Freeze");
	assert_string_equal(error, SD_BUS_ERROR_ACCESS_DENIED);
	free(error);
	sd_bus_flush_close_unref(v.bus);
	fake_thread_stop(&thread);
	vss_writer_free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_vssd_is_listened_to, setup, teardown),
	};

	return cmocka_run_group_tests_name("writer-bus", tests, NULL, NULL);
}

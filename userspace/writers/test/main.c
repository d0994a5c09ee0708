// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-test: a writer that does as it is told, for tests of requesters,
 * of vssd and of the paths that a backup takes when something goes wrong.
 *
 * It writes a line for each event: nanoseconds since 1970, the event, and what
 * it was told and answered, as KEY=VALUE.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/profile.h"
#include "inject.h"

struct test_writer {
	struct profile profile;
	struct injection injections[TEST_EVENT_COUNT];
	const char *address;
	FILE *log;
	struct vss_writer *writer;
	struct injection *pending;	/* to be done when the answer has been sent */
	bool metadata;			/* set backup metadata and stamps */
};

/* ---- the log ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void log_operation(struct test_writer *t)
{
	char text[VSS_UUID_TEXT_SIZE];
	struct vss_uuid id;
	uint32_t context, count = vss_writer_get_current_volume_count(t->writer);

	if (vss_writer_get_session_id(t->writer, &id))
		return;
	fprintf(t->log, " session=%s", vss_uuid_format(&id, text));
	if (!vss_writer_get_current_snapshot_set_id(t->writer, &id))
		fprintf(t->log, " set=%s", vss_uuid_format(&id, text));
	vss_writer_get_context(t->writer, &context);
	fprintf(t->log, " context=%#x components-selected=%d", context,
		vss_writer_are_components_selected(t->writer));
	for (uint32_t i = 0; i < count; i++)
		fprintf(t->log, " volume=%s", vss_writer_get_current_volume(t->writer, i));
	for (uint32_t i = 0; i < count; i++) {
		char *device;

		if (vss_writer_get_snapshot_device_name(t->writer, vss_writer_get_current_volume(t->writer, i),
							&device))
			continue;
		fprintf(t->log, " device=%s", device);
		free(device);
	}
}

/* ---- misbehaviour ---- */

static void strike(const struct test_writer *t, const struct injection *in)
{
	if (in->hold_ms) {
		struct timespec ts = { in->hold_ms / 1000, in->hold_ms % 1000 * 1000000L };
		sigset_t signals;

		/* SIGUSR1 ends it, also one that came a moment before. */
		sigprocmask(SIG_BLOCK, NULL, &signals);
		sigdelset(&signals, SIGUSR1);
		ppoll(NULL, 0, &ts, &signals);
	}
	if (in->kill)
		kill(getpid(), SIGKILL);
	if (in->exit) {
		fflush(t->log);
		_exit((int)in->exit_code);
	}
}

/* The failure of the component with the injection's name. */
static void fail_component(const struct injection *in, struct vss_writer_components *components)
{
	uint32_t count = 0;

	if (components)
		vss_writer_components_get_component_count(components, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_component *component;
		char *name = NULL;

		if (vss_writer_components_get_component(components, i, &component))
			continue;
		vss_component_get_component_name(component, &name);
		if (name && !strcmp(name, in->component))
			vss_component_set_failure(component, VSS_E_WRITERERROR_NONRETRYABLE,
						  in->application_code, in->message);
		free(name);
	}
}

static bool event(struct test_writer *t, enum test_event e, struct vss_writer_components *components)
{
	struct injection *in = &t->injections[e];
	bool ok = true;

	fprintf(t->log, "%llu %s", (unsigned long long)now_ns(), test_event_names[e]);
	if (e != TEST_IDENTIFY)
		log_operation(t);
	if (injection_strikes(in)) {
		fprintf(t->log, " injected=%s", in->after ? "after" : "before");
		if (in->after) {
			t->pending = in;
		} else {
			fflush(t->log);
			strike(t, in);
		}
		if (in->component[0])
			fail_component(in, components);
		if (in->fail) {
			ok = false;
			if (in->failure && e != TEST_IDENTIFY)
				vss_writer_set_writer_failure_ex(t->writer, in->failure, in->application_code,
								 in->message);
			fprintf(t->log, " failure=%s", in->failure ? vss_result_name(in->failure) : "false");
		}
	}
	fprintf(t->log, " result=%s\n", ok ? "ok" : "failed");
	fflush(t->log);
	return ok;
}

/* ---- callbacks ---- */

static bool on_identify(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data)
{
	struct test_writer *t = data;

	(void)writer;
	return event(t, TEST_IDENTIFY, NULL) && profile_identify(&t->profile, metadata);
}

/* Something of its own in each component, which has to come back byte for byte. */
static void annotate(struct vss_writer_components *components)
{
	uint32_t count = 0;

	if (components)
		vss_writer_components_get_component_count(components, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_component *component;
		char stamp[32];

		if (vss_writer_components_get_component(components, i, &component))
			continue;
		snprintf(stamp, sizeof(stamp), "%llu", (unsigned long long)now_ns());
		vss_component_set_backup_stamp(component, stamp);
		vss_component_set_backup_metadata(component, "<test & \"metadata\">\n\ttwo lines");
	}
}

static bool on_prepare_backup(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	struct test_writer *t = data;

	(void)writer;
	if (t->metadata)
		annotate(components);
	return event(t, TEST_PREPARE_BACKUP, components);
}

static bool on_backup_shutdown(struct vss_writer *writer, const struct vss_uuid *set_id, void *data)
{
	(void)writer;
	(void)set_id;
	return event(data, TEST_BACKUP_SHUTDOWN, NULL);
}

#define PLAIN(function, e)								\
	static bool function(struct vss_writer *writer, void *data)			\
	{										\
		(void)writer;								\
		return event(data, e, NULL);						\
	}
#define WITH_COMPONENTS(function, e)							\
	static bool function(struct vss_writer *writer, struct vss_writer_components *components, void *data) \
	{										\
		(void)writer;								\
		return event(data, e, components);					\
	}

PLAIN(on_prepare_snapshot, TEST_PREPARE_SNAPSHOT)
PLAIN(on_freeze, TEST_FREEZE)
PLAIN(on_thaw, TEST_THAW)
PLAIN(on_abort, TEST_ABORT)
WITH_COMPONENTS(on_post_snapshot, TEST_POST_SNAPSHOT)
WITH_COMPONENTS(on_backup_complete, TEST_BACKUP_COMPLETE)
WITH_COMPONENTS(on_pre_restore, TEST_PRE_RESTORE)
WITH_COMPONENTS(on_post_restore, TEST_POST_RESTORE)

static const struct vss_writer_ops test_ops = {
	.identify = on_identify,
	.prepare_backup = on_prepare_backup,
	.prepare_snapshot = on_prepare_snapshot,
	.freeze = on_freeze,
	.thaw = on_thaw,
	.post_snapshot = on_post_snapshot,
	.abort = on_abort,
	.backup_complete = on_backup_complete,
	.backup_shutdown = on_backup_shutdown,
	.pre_restore = on_pre_restore,
	.post_restore = on_post_restore,
};

/* ---- configuration ---- */

static bool on_key(void *data, const char *section, const char *argument, const char *key,
		   const char *value, char error[TEXT_ERROR_SIZE])
{
	struct test_writer *t = data;
	int e;

	if (profile_has_section(section))
		return profile_key(&t->profile, section, argument, key, value, error);
	if (!text_same(section, "Event"))
		return text_error(error, "there is no section [%s]", section);
	e = test_event_find(argument);
	if (e < 0)
		return text_error(error, "there is no event %s", argument);
	return !key || injection_key(&t->injections[e], key, value, error);
}

/* "NAME=DIR[:SPEC]" */
static bool add_component(struct test_writer *t, const char *text, char error[TEXT_ERROR_SIZE])
{
	char *copy = strdup(text), *dir = copy ? strchr(copy, '=') : NULL, *spec, *files = NULL;
	bool ok;

	if (!dir) {
		free(copy);
		return text_error(error, "%s: write NAME=DIR[:SPEC]", text);
	}
	*dir++ = '\0';
	spec = strchr(dir, ':');
	if (spec)
		*spec++ = '\0';
	ok = asprintf(&files, "\"%s\" \"%s\" recursive", dir, spec ? spec : "*") >= 0 &&
	     profile_key(&t->profile, "component", copy, NULL, NULL, error) &&
	     profile_key(&t->profile, "component", copy, "files", files, error);
	free(files);
	free(copy);
	return ok;
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: vss-writer-test [OPTION]...\n"
		"A writer for tests, which logs each event and fails as it is told.\n\n"
		"  --config FILE       [Writer], [Component NAME], [Exclude], [Event EVENT]\n"
		"  --name NAME --class UUID --instance-name NAME\n"
		"  --level front-end|back-end|system\n"
		"  --window TIME       most time from Freeze to Thaw\n"
		"  --component NAME=DIR[:SPEC]\n"
		"  --metadata          set backup stamps and metadata in PrepareBackup\n"
		"  --inject EVENT:KEY=VALUE,...\n"
		"                      fail=CODE (or fail=silent), application-code=N, message=TEXT,\n"
		"                      component=NAME, hold=TIME, kill, exit=CODE, skip=N, times=N,\n"
		"                      when=before|after the answer; SIGUSR1 ends a hold\n"
		"  --log FILE          append there instead of printing\n"
		"  --address ADDR      D-Bus address of vssd's private socket (default: $VSS_BUS_ADDRESS,\n"
		"                      else the system bus)\n"
		"  --help, --version\n");
}

enum {
	OPT_CONFIG = 1, OPT_NAME, OPT_CLASS, OPT_INSTANCE_NAME, OPT_LEVEL, OPT_WINDOW, OPT_COMPONENT,
	OPT_METADATA, OPT_INJECT, OPT_LOG, OPT_ADDRESS, OPT_HELP, OPT_VERSION,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "class", required_argument, NULL, OPT_CLASS },
	{ "instance-name", required_argument, NULL, OPT_INSTANCE_NAME },
	{ "level", required_argument, NULL, OPT_LEVEL },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ "component", required_argument, NULL, OPT_COMPONENT },
	{ "metadata", no_argument, NULL, OPT_METADATA },
	{ "inject", required_argument, NULL, OPT_INJECT },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static bool read_option(struct test_writer *t, int opt, char error[TEXT_ERROR_SIZE])
{
	switch (opt) {
	case OPT_CONFIG:
		return ini_read(optarg, on_key, t, error);
	case OPT_NAME:
	case OPT_CLASS:
	case OPT_INSTANCE_NAME:
	case OPT_LEVEL:
	case OPT_WINDOW:
		/* The options have the names of the keys. */
		return profile_key(&t->profile, "writer", "", options[opt - OPT_CONFIG].name, optarg, error);
	case OPT_COMPONENT:
		return add_component(t, optarg, error);
	case OPT_METADATA:
		t->metadata = true;
		return true;
	case OPT_INJECT:
		return injection_parse(t->injections, optarg, error);
	case OPT_LOG:
		if (t->log != stdout)
			fclose(t->log);
		t->log = fopen(optarg, "ae");
		if (t->log)
			return true;
		t->log = stdout;
		return text_error(error, "cannot open %s: %s", optarg, strerror(errno));
	case OPT_ADDRESS:
		t->address = optarg;
		return true;
	default:
		return text_error(error, "see vss-writer-test --help");
	}
}

/* ---- the loop ---- */

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	ending |= number != SIGUSR1;
}

/* Its own loop rather than vss_writer_run(): what is to come after an answer comes after dispatch. */
static int loop(struct test_writer *t)
{
	struct pollfd fd = { .fd = vss_writer_get_fd(t->writer), .events = POLLIN };
	bool registered = !vss_writer_is_registered(t->writer);
	sigset_t signals, before;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, &before);
	while (!ending) {
		if (registered != vss_writer_is_registered(t->writer)) {
			registered = !registered;
			fprintf(t->log, "%llu %s\n", (unsigned long long)now_ns(),
				registered ? "registered" : "unregistered");
			fflush(t->log);
		}
		if (ppoll(&fd, 1, NULL, &before) < 0 && errno != EINTR)
			break;
		if (VSS_FAILED(vss_writer_dispatch(t->writer))) {
			fprintf(stderr, "vss-writer-test: %s\n", vss_writer_error(t->writer)->text);
			return EXIT_FAILURE;
		}
		if (t->pending) {
			strike(t, t->pending);
			t->pending = NULL;
		}
	}
	return EXIT_SUCCESS;
}

static int serve(struct test_writer *t)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct vss_writer_config config;
	struct vss_error error;
	vss_result result;
	int ret;

	profile_config(&t->profile, t->address, &config);
	if (vss_writer_initialize(&config, &test_ops, t, &t->writer, &error)) {
		fprintf(stderr, "vss-writer-test: %s\n", error.text);
		return EXIT_FAILURE;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	result = vss_writer_subscribe(t->writer);
	if (VSS_FAILED(result)) {
		fprintf(stderr, "vss-writer-test: %s: %s\n", vss_result_name(result),
			vss_writer_error(t->writer)->text);
		ret = EXIT_FAILURE;
	} else {
		ret = loop(t);
	}
	vss_writer_free(t->writer);
	return ret;
}

int main(int argc, char **argv)
{
	static const char default_name[] = "VSS test writer";
	struct test_writer t = { .log = stdout };
	char error[TEXT_ERROR_SIZE];
	bool ok = true;
	int opt, ret;

	profile_init(&t.profile);
	while (ok && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			if (opt == OPT_HELP)
				usage(stdout);
			else
				printf("vss-writer-test %s\n", VSS_VERSION);
			profile_clear(&t.profile);
			return EXIT_SUCCESS;
		}
		ok = read_option(&t, opt, error);
	}
	if (ok && optind < argc)
		ok = text_error(error, "there are no operands; see vss-writer-test --help");
	if (ok && !t.profile.name)
		ok = profile_key(&t.profile, "writer", "", "name", default_name, error);
	if (ok)
		ok = profile_finish(&t.profile, error);
	if (ok) {
		ret = serve(&t);
	} else {
		fprintf(stderr, "vss-writer-test: %s\n", error);
		ret = 2;
	}
	if (t.log != stdout)
		fclose(t.log);
	profile_clear(&t.profile);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Providers' processes that crash, answer garbage or close their socket: the call
 * fails, and what the core asks then, from within the answer, reaches a new
 * process.  The program is its own provider host, which does on PreFinalCommit
 * what VSS_TEST_TROUBLE says.
 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "host.h"

/* ---- the process ---- */

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error)
{
	const char *trouble = getenv("VSS_TEST_TROUBLE");
	struct vssd_provider_reply reply = { .result = S_OK };
	/* One without an identifier. */
	const struct vss_provider_snapshot nameless = { .prop = { .snapshots_count = 1 } };
	sd_bus_message *answer = NULL;
	uint32_t step;

	(void)data;
	(void)error;
	if (sd_bus_message_read(m, "u", &step) < 0)
		_exit(9);
	if (step == VSSD_STEP_PRE_FINAL_COMMIT) {
		if (!strcmp(trouble, "crash"))
			_exit(3);
		if (!strcmp(trouble, "close")) {
			close(3);
			sleep(10);
			_exit(4);
		}
		reply.snapshots = &nameless;
		reply.nr_snapshots = 1;
	}
	if (sd_bus_message_new_method_return(m, &answer) < 0 || host_wire_append_reply(answer, &reply) < 0 ||
	    sd_bus_send(NULL, answer, NULL) < 0)
		_exit(9);
	sd_bus_message_unref(answer);
	return 1;
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Call", "ua{sv}", "usa{sv}", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void be_host(void)
{
	sd_bus *bus = NULL;
	sd_id128_t id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, 3, 3) < 0 ||
	    sd_bus_set_server(bus, 1, id) < 0 || sd_bus_start(bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, HOST_PATH, HOST_INTERFACE, vtable, NULL) < 0)
		_exit(9);
	for (;;) {
		int ret = sd_bus_process(bus, NULL);

		if (ret < 0)
			_exit(0);
		if (!ret)
			sd_bus_wait(bus, UINT64_MAX);
	}
}

/* ---- vssd's side ---- */

struct asked {
	sd_event *event;
	struct vssd_host *host;
	vss_result first, second;
	pid_t before;
	pid_t after;
};

static void on_abort(void *arg, const struct vssd_provider_reply *reply)
{
	struct asked *a = arg;

	a->second = reply->result;
	a->after = vssd_host_pid(a->host);
	sd_event_exit(a->event, 0);
}

static void on_step(void *arg, const struct vssd_provider_reply *reply)
{
	const struct vssd_provider_request abort = { .step = VSSD_STEP_ABORT };
	struct asked *a = arg;

	a->first = reply->result;
	vssd_host_driver.call(a->host, &abort, on_abort, a);
}

static void abort_reaches_a_process(const char *trouble)
{
	const struct vssd_provider_request step = { .step = VSSD_STEP_PRE_FINAL_COMMIT };
	struct vssd_host_settings settings = { .program = "/proc/self/exe" };
	struct asked a = { .first = VSS_E_BAD_STATE, .second = VSS_E_BAD_STATE };

	setenv("VSS_TEST_TROUBLE", trouble, 1);
	assert_true(sd_event_new(&a.event) >= 0);
	settings.event = a.event;
	assert_int_equal(vssd_host_new(&settings, &a.host), 0);
	vssd_host_driver.call(a.host, &step, on_step, &a);
	a.before = vssd_host_pid(a.host);
	assert_true(a.before > 0);
	sd_event_add_time_relative(a.event, NULL, CLOCK_MONOTONIC, 5000000, 0, NULL, NULL);
	sd_event_loop(a.event);
	assert_int_equal(a.first, VSS_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(a.second, S_OK);
	assert_true(a.after > 0 && a.after != a.before);
	vssd_host_free(a.host);
	sd_event_unref(a.event);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void process_crashes(void **state)
{
	(void)state;
	abort_reaches_a_process("crash");
}

static void process_closes_its_socket(void **state)
{
	(void)state;
	abort_reaches_a_process("close");
}

static void process_answers_garbage(void **state)
{
	(void)state;
	abort_reaches_a_process("garbage");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_crashes),
		cmocka_unit_test(process_closes_its_socket),
		cmocka_unit_test(process_answers_garbage),
	};
	sigset_t child;

	if (argc > 1 && !strncmp(argv[1], "--fd=", 5))
		be_host();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

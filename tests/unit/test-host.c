// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Providers' processes that crash, answer garbage, close their socket or hang: the call
 * fails, and what the core asks then, from within the answer, reaches a new
 * process; what the old one had started ends with it.  The program is its own provider
 * host, which does on PreFinalCommit what VSS_TEST_TROUBLE says.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
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
		/* One that it has started, which holds the test's pipe open. */
		if (strcmp(trouble, "refuse") && !fork()) {
			close(3);
			sleep(60);
			_exit(0);
		}
		if (!strcmp(trouble, "crash"))
			_exit(3);
		if (!strcmp(trouble, "hang")) {
			sleep(60);
			_exit(5);
		}
		if (!strcmp(trouble, "refuse")) {
			sd_bus_reply_method_errorf(m, SD_BUS_ERROR_FAILED, "a text is no UTF-8");
			return 1;
		}
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

/* As the core does when a step takes too long. */
static int on_time_over(sd_event_source *source, uint64_t usec, void *data)
{
	const struct vssd_provider_request abort = { .step = VSSD_STEP_ABORT };
	struct asked *a = data;

	(void)source;
	(void)usec;
	vssd_host_driver.forget(a->host, a);
	vssd_host_driver.kill(a->host);
	a->first = VSS_E_UNEXPECTED_PROVIDER_ERROR;
	vssd_host_driver.call(a->host, &abort, on_abort, a);
	return 0;
}

/* True when nobody has it open for writing any more. */
static bool is_closed(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 5000) == 1 && (poll_fd.revents & POLLHUP);
}

static void abort_reaches_a_process(const char *trouble)
{
	const bool ends = strcmp(trouble, "refuse");
	int pipe_fds[2];

	const struct vssd_provider_request step = { .step = VSSD_STEP_PRE_FINAL_COMMIT };
	struct vssd_host_settings settings = { .program = "/proc/self/exe" };
	struct asked a = { .first = VSS_E_BAD_STATE, .second = VSS_E_BAD_STATE };

	setenv("VSS_TEST_TROUBLE", trouble, 1);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(sd_event_new(&a.event) >= 0);
	settings.event = a.event;
	assert_int_equal(vssd_host_new(&settings, &a.host), 0);
	vssd_host_driver.call(a.host, &step, on_step, &a);
	a.before = vssd_host_pid(a.host);
	assert_true(a.before > 0);
	/* The next process is not to have it. */
	assert_int_equal(fcntl(pipe_fds[0], F_SETFD, FD_CLOEXEC), 0);
	close(pipe_fds[1]);
	if (!strcmp(trouble, "hang"))
		sd_event_add_time_relative(a.event, NULL, CLOCK_MONOTONIC, 300000, 0, on_time_over, &a);
	sd_event_add_time_relative(a.event, NULL, CLOCK_MONOTONIC, 5000000, 0, NULL, NULL);
	sd_event_loop(a.event);
	assert_int_equal(a.first, VSS_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(a.second, S_OK);
	assert_true(a.after > 0 && (a.after != a.before) == ends);
	assert_true(!ends || is_closed(pipe_fds[0]));
	close(pipe_fds[0]);
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

static void process_hangs(void **state)
{
	(void)state;
	abort_reaches_a_process("hang");
}

/* Its answer cannot be told, and it goes on. */
static void process_refuses(void **state)
{
	(void)state;
	abort_reaches_a_process("refuse");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_crashes),
		cmocka_unit_test(process_closes_its_socket),
		cmocka_unit_test(process_answers_garbage),
		cmocka_unit_test(process_hangs),
		cmocka_unit_test(process_refuses),
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

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Running the tests, each in a process of its own, and printing how they ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "conform.h"
#include "host/plugin.h"

#define MAX_WRONG	20	/* of one test that are told */

struct run {
	const struct conform_options *options;
	FILE *out;
	unsigned int number;
	int failed;
};

/* What a test told. */
struct outcome {
	FILE *wrong;		/* lines for the reader */
	char *text;
	size_t size;
	unsigned int count;
	char call[64];		/* the function that has not returned */
	char skip[256];
	int type;		/* of the provider, if that was asked; else -1 */
};

/* ---- the child ---- */

/* Its own output goes where it does not disturb. */
static void run_test(const struct run *run, const struct conform_test *test, int out)
{
	struct conform *t = calloc(1, sizeof(*t));
	struct vss_error err = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (!t)
		_exit(1);
	t->options = run->options;
	t->out = out;
	t->ops = run->options->ops;
	if (t->ops && plugin_check(t->ops, false, "of this program", &err))
		t->ops = NULL;
	if (!run->options->ops)
		t->ops = plugin_load(run->options->plugin, &err);
	if (!t->ops) {
		conform_wrong(t, "vss/provider.h: vss_provider_get(), and what struct vss_provider_ops must have", "%s",
			      err.text);
		_exit(0);
	}
	t->hardware = t->ops->type == VSS_PROV_HARDWARE;
	if (test)
		test->run(t);
	else
		dprintf(out, "T%d\n", (int)t->ops->type);
	free(t);
	_exit(0);
}

/* ---- the parent ---- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void take_line(struct outcome *o, const char *line)
{
	switch (line[0]) {
	case 'F':
		if (o->count++ < MAX_WRONG)
			fprintf(o->wrong, "# %s\n", line + 1);
		break;
	case 'R':
		if (o->count <= MAX_WRONG)
			fprintf(o->wrong, "#   rule: %s\n", line + 1);
		break;
	case 'C':
		snprintf(o->call, sizeof(o->call), "%.60s", line + 1);
		break;
	case 'S':
		snprintf(o->skip, sizeof(o->skip), "%.250s", line + 1);
		break;
	case 'T':
		o->type = atoi(line + 1);
		break;
	default:
		break;
	}
}

/* Read all it tells; false when the time is over. */
static bool listen_to(int fd, uint32_t timeout_ms, struct outcome *o)
{
	uint64_t end = now_ms() + timeout_ms;
	char buffer[8192];
	size_t used = 0;

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ms();
		char *newline;
		ssize_t got;

		if (now >= end || poll(&poll_fd, 1, (int)(end - now)) < 0)
			return false;
		if (!poll_fd.revents)
			continue;
		got = read(fd, buffer + used, sizeof(buffer) - used - 1);
		if (got <= 0)
			return true;
		used += (size_t)got;
		buffer[used] = '\0';
		while ((newline = memchr(buffer, '\n', used))) {
			*newline = '\0';
			take_line(o, buffer);
			used -= (size_t)(newline + 1 - buffer);
			memmove(buffer, newline + 1, used + 1);
		}
		/* A line that no test of ours writes. */
		if (used == sizeof(buffer) - 1)
			used = 0;
	}
}

static void judge_end(struct outcome *o, bool in_time, uint32_t timeout_ms, int status)
{
	const char *where = o->call[0] ? o->call : "the test, outside of any function";

	if (!in_time) {
		fprintf(o->wrong, "# %s did not return within %u ms\n#   rule: vss/provider.h: time limits\n", where,
			timeout_ms);
		o->count++;
	} else if (WIFSIGNALED(status)) {
		fprintf(o->wrong, "# it crashed by signal %d (%s) in %s\n#   rule: vss/provider.h: a plug-in runs in "
			"vssd's child process, whose death fails the set\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)), where);
		o->count++;
	} else if (WEXITSTATUS(status)) {
		fprintf(o->wrong, "# it ended its process with status %d in %s\n#   rule: vss/provider.h: a plug-in runs "
			"in vssd's child process, whose death fails the set\n", WEXITSTATUS(status), where);
		o->count++;
	}
}

/* False: it could not be run at all. */
static bool run_one(struct run *run, const struct conform_test *test, struct outcome *o)
{
	int fds[2], status = 0;
	bool in_time;
	pid_t pid;

	*o = (struct outcome) { .type = -1 };
	o->wrong = open_memstream(&o->text, &o->size);
	if (!o->wrong || pipe2(fds, O_CLOEXEC))
		return false;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		close(fds[0]);
		run_test(run, test, fds[1]);
	}
	close(fds[1]);
	in_time = listen_to(fds[0], run->options->timeout_ms, o);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[0]);
	judge_end(o, in_time, run->options->timeout_ms, status);
	if (o->count > MAX_WRONG)
		fprintf(o->wrong, "# and %u more\n", o->count - MAX_WRONG);
	fclose(o->wrong);
	return true;
}

static void report(struct run *run, const char *name, struct outcome *o)
{
	bool skipped = !o->count && o->skip[0];

	fprintf(run->out, "%sok %u - %s%s%s\n%s", o->count ? "not " : "", ++run->number, name, skipped ? " # SKIP " : "",
		skipped ? o->skip : "", o->text ? o->text : "");
	fflush(run->out);
	run->failed += o->count > 0;
	free(o->text);
}

static bool run_group(struct run *run, const struct conform_test *tests, int type)
{
	const int whose = type == VSS_PROV_HARDWARE ? FOR_HARDWARE : FOR_SOFTWARE;

	for (; tests->name; tests++) {
		struct outcome o;

		if (tests->whose != FOR_ALL && (int)tests->whose != whose)
			continue;
		if (run->options->only && !strstr(tests->name, run->options->only))
			continue;
		if (tests->volumes && !run->options->nr_volumes)
			o = (struct outcome) { .skip = "no --volume is given" };
		else if (!run_one(run, tests, &o))
			return false;
		report(run, tests->name, &o);
	}
	return true;
}

int conform_run(const struct conform_options *options, FILE *out)
{
	struct run run = { .options = options, .out = out };
	struct outcome o;
	int type;

	fprintf(out, "TAP version 13\n");
	if (!run_one(&run, NULL, &o))
		return -1;
	type = o.type;
	report(&run, "it is a provider of this interface", &o);
	/* Without that nothing of it can be called. */
	if (!run.failed && (!run_group(&run, conform_life, type) || !run_group(&run, conform_luns, type) ||
			    !run_group(&run, conform_order, type) || !run_group(&run, conform_copies, type)))
		return -1;
	fprintf(out, "1..%u\n", run.number);
	return run.failed;
}

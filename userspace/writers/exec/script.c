// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Running one program with a time limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "script.h"

#define TERM_GRACE_MS	1000

struct output {
	int fd;
	char line[SCRIPT_LINE_SIZE];
	size_t length;
	script_line_fn fn;
	void *data;
	struct script_result *result;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void end_line(struct output *out)
{
	if (!out->length)
		return;
	out->line[out->length] = '\0';
	memcpy(out->result->last_line, out->line, out->length + 1);
	out->length = 0;
	if (out->fn)
		out->fn(out->data, out->line);
}

/* Take what is there; a line that is too long is cut into several. */
static void read_output(struct output *out)
{
	char buffer[4096];
	ssize_t n;

	while (out->fd >= 0 && (n = read(out->fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return;
			break;
		}
		for (ssize_t i = 0; i < n; i++) {
			if (buffer[i] == '\n' || !buffer[i])
				end_line(out);
			else
				out->line[out->length++] = buffer[i];
			if (out->length == sizeof(out->line) - 1)
				end_line(out);
		}
	}
	if (out->fd >= 0)
		close(out->fd);
	out->fd = -1;
}

/* Wait for the end of the process, reading its output.  False: @until_ms has passed. */
static bool wait_end(int pidfd, struct output *out, int64_t until_ms)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = pidfd, .events = POLLIN },
			{ .fd = out->fd, .events = POLLIN },
		};
		int64_t left = until_ms - now_ms();

		if (left < 0)
			left = 0;
		poll(fds, 2, left > 60000 ? 60000 : (int)left);
		if (fds[1].revents)
			read_output(out);
		if (fds[0].revents)
			return true;
		if (now_ms() >= until_ms)
			return false;
	}
}

static int start(char *const argv[], char *const env[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	ret = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, out, 2);
	if (!ret)
		ret = posix_spawn_file_actions_addchdir_np(&actions, "/");
	if (!ret)
		ret = posix_spawn(pid, argv[0], &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

static void take_status(pid_t pid, struct script_result *result)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (result->outcome == SCRIPT_TIMED_OUT)
		return;
	if (WIFEXITED(status)) {
		result->outcome = SCRIPT_EXITED;
		result->code = WEXITSTATUS(status);
	} else {
		result->outcome = SCRIPT_KILLED;
		result->code = WTERMSIG(status);
	}
}

void script_run(char *const argv[], char *const env[], uint32_t timeout_ms, script_line_fn line,
		void *data, struct script_result *result)
{
	struct output out = { .fd = -1, .fn = line, .data = data, .result = result };
	int ends[2], pidfd;
	pid_t pid;
	int ret;

	memset(result, 0, sizeof(*result));
	if (pipe2(ends, O_CLOEXEC)) {
		result->outcome = SCRIPT_NO_RESOURCES;
		result->code = errno;
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	out.fd = ends[0];
	ret = start(argv, env, ends[1], &pid);
	close(ends[1]);
	pidfd = ret ? -1 : pidfd_open(pid, 0);
	if (ret || pidfd < 0) {
		result->code = ret ? ret : errno;
		result->outcome = !ret || ret == EAGAIN || ret == ENOMEM ? SCRIPT_NO_RESOURCES :
									    SCRIPT_NOT_STARTED;
		if (!ret) {
			kill(-pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		close(out.fd);
		return;
	}
	if (!wait_end(pidfd, &out, now_ms() + timeout_ms)) {
		result->outcome = SCRIPT_TIMED_OUT;
		kill(-pid, SIGTERM);
		wait_end(pidfd, &out, now_ms() + TERM_GRACE_MS);
		/* Not waited for yet, so the group's number is still its own. */
		kill(-pid, SIGKILL);
	}
	take_status(pid, result);
	read_output(&out);
	end_line(&out);
	if (out.fd >= 0)
		close(out.fd);
	close(pidfd);
}

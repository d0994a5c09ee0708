// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs of the array.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "run.h"

#define LIMIT_MS	60000
#define MOST_OUTPUT	(4U << 20)

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* What one of its two streams brought. */
struct stream {
	int fd;
	char *text;		/* always ends with NUL */
	size_t size;
};

static void stream_clear(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->text);
}

#define _cleanup_stream_	__attribute__((cleanup(stream_clear)))

/* False at its end. */
static bool stream_read(struct stream *stream)
{
	char buffer[4096];
	ssize_t got = read(stream->fd, buffer, sizeof(buffer));
	char *longer;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!got)
		return false;
	/* More than anybody needs is read, for the program's sake, and dropped. */
	if (stream->size + got >= MOST_OUTPUT)
		return true;
	longer = realloc(stream->text, stream->size + got + 1);
	if (!longer)
		return false;
	stream->text = longer;
	memcpy(longer + stream->size, buffer, got);
	stream->size += got;
	longer[stream->size] = '\0';
	return true;
}

/* Its last line that is not empty. */
static const char *last_words(struct stream *stream)
{
	char *end, *start;

	if (!stream->text)
		return "it said nothing";
	end = stream->text + stream->size;
	while (end > stream->text && (end[-1] == '\n' || end[-1] == ' '))
		*--end = '\0';
	start = strrchr(stream->text, '\n');
	start = start ? start + 1 : stream->text;
	while (*start == ' ')
		start++;
	return *start ? start : "it said nothing";
}

static int start(const char *const argv[], int out, int errors, pid_t *pid)
{
	/* Nothing of what a stranger may have set. */
	static const char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/",
		"LVM_SUPPRESS_FD_WARNINGS=1", NULL,
	};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int ret;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	ret = -posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)argv, (char *const *)environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

/* Until both streams have ended.  False: it takes too long. */
static bool listen_to(struct stream *out, struct stream *errors, int64_t until)
{
	bool open[2] = { true, true };

	while (open[0] || open[1]) {
		struct pollfd fds[] = {
			{ .fd = open[0] ? out->fd : -1, .events = POLLIN },
			{ .fd = open[1] ? errors->fd : -1, .events = POLLIN },
		};
		int64_t left = until - now_ms();

		if (left <= 0)
			return false;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			open[0] = stream_read(out);
		if (fds[1].revents)
			open[1] = stream_read(errors);
	}
	return true;
}

int array_run(const char *const argv[], char **output, struct vss_error *err)
{
	_cleanup_stream_ struct stream out = { .fd = -1 }, errors = { .fd = -1 };
	_cleanup_fd_ int out_end = -1, errors_end = -1;
	int fds[2], status, ret;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return vss_error_errno(err, -errno, "cannot make a pipe: %s", strerror(errno));
	out.fd = fds[0];
	out_end = fds[1];
	if (pipe2(fds, O_CLOEXEC))
		return vss_error_errno(err, -errno, "cannot make a pipe: %s", strerror(errno));
	errors.fd = fds[0];
	errors_end = fds[1];
	ret = start(argv, out_end, errors_end, &pid);
	if (ret)
		return vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "the array cannot run %s: %s", argv[0],
				     strerror(-ret));
	close(keep_fd(out_end));
	close(keep_fd(errors_end));
	if (!listen_to(&out, &errors, now_ms() + LIMIT_MS)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return vss_error_set(err, -ETIMEDOUT, VSS_E_PROVIDER_VETO,
				     "the array's %s %s did not end within %d s", argv[0], argv[1],
				     LIMIT_MS / 1000);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO, "the array's %s %s failed: %.700s",
				     argv[0], argv[1], last_words(&errors));
	if (output)
		*output = out.text ? keep_ptr(out.text) : strdup("");
	return output && !*output ? vss_error_errno(err, -ENOMEM, "the array is out of memory") : 0;
}

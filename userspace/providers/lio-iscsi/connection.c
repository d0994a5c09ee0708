// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connection to the array.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "connection.h"
#include "error.h"

#define MOST_LINE	65536
#define LAST_WORDS	512
#define VERSION		1

struct connection {
	const struct lio_config *config;
	const char *config_path;
	pthread_mutex_t mutex;	/* of @pid and @fd, against a cut */
	pid_t pid;		/* 0 for none */
	int fd;			/* its standard input and output */
	atomic_bool cut;
	int errors;		/* its standard error */
	char words[LAST_WORDS];	/* the end of what it complained about */
	size_t nr_words;
	char *line;		/* room for MOST_LINE */
	size_t used;
	char *target, *vendor, *product;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

struct connection *connection_new(const struct lio_config *config, const char *config_path)
{
	struct connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->line = malloc(MOST_LINE);
	if (!conn->line) {
		free(conn);
		return NULL;
	}
	conn->config = config;
	conn->config_path = config_path;
	conn->fd = -1;
	conn->errors = -1;
	pthread_mutex_init(&conn->mutex, NULL);
	return conn;
}

void connection_free(struct connection *conn)
{
	if (!conn)
		return;
	connection_close(conn);
	pthread_mutex_destroy(&conn->mutex);
	free(conn->line);
	free(conn);
}

const char *connection_target(const struct connection *conn)
{
	return conn->target ? conn->target : "";
}

const char *connection_vendor(const struct connection *conn)
{
	return conn->vendor ? conn->vendor : "";
}

const char *connection_product(const struct connection *conn)
{
	return conn->product ? conn->product : "";
}

/* ---- the child ---- */

static void end_child(struct connection *conn)
{
	pthread_mutex_lock(&conn->mutex);
	/* The one who waits sees the end of the stream. */
	if (conn->fd >= 0)
		shutdown(conn->fd, SHUT_RDWR);
	if (conn->pid)
		kill(conn->pid, SIGKILL);
	pthread_mutex_unlock(&conn->mutex);
}

void connection_cut(struct connection *conn)
{
	atomic_store(&conn->cut, true);
	end_child(conn);
}

void connection_uncut(struct connection *conn)
{
	atomic_store(&conn->cut, false);
}

void connection_close(struct connection *conn)
{
	pid_t pid;

	end_child(conn);
	pthread_mutex_lock(&conn->mutex);
	pid = conn->pid;
	conn->pid = 0;
	if (conn->fd >= 0)
		close(keep_fd(conn->fd));
	pthread_mutex_unlock(&conn->mutex);
	while (pid && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (conn->errors >= 0)
		close(keep_fd(conn->errors));
	conn->used = 0;
	free(keep_ptr(conn->target));
	free(keep_ptr(conn->vendor));
	free(keep_ptr(conn->product));
}

static int spawn(const struct lio_config *config, int fd, int errors, pid_t *pid)
{
	_cleanup_free_ char *port = NULL, *known_hosts = NULL;
	static const char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int ret;

	if (asprintf(&port, "%u", (unsigned int)config->port) < 0) {
		port = NULL;
		return -ENOMEM;
	}
	/* Quoted, for ssh takes several names there. */
	if (asprintf(&known_hosts, "UserKnownHostsFile=\"%s\"", config->known_hosts) < 0) {
		known_hosts = NULL;
		return -ENOMEM;
	}
	const char *const argv[] = {
		/* Nobody's settings, agent, terminal or tunnels; nothing is asked of anybody. */
		config->ssh, "-F", "none", "-T", "-a", "-x", "-o", "BatchMode=yes",
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", config->key,
		"-o", known_hosts, "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes",
		/* A file must not be written while file systems are frozen. */
		"-o", "UpdateHostKeys=no", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=5",
		"-o", "ServerAliveCountMax=3", "-p", port, "-l", config->user, "--", config->address,
		"vss-array-lio", NULL,
	};

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	ret = -posix_spawn(pid, config->ssh, &actions, &attr, (char *const *)argv, (char *const *)environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

static int start(struct connection *conn, struct vss_error *err)
{
	_cleanup_fd_ int child_end = -1, child_errors = -1;
	int fds[2], ret = 0;
	pid_t pid;

	conn->nr_words = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return vss_error_errno(err, -errno, "cannot make a socket: %s", strerror(errno));
	child_end = fds[1];
	pthread_mutex_lock(&conn->mutex);
	conn->fd = fds[0];
	pthread_mutex_unlock(&conn->mutex);
	if (pipe2(fds, O_CLOEXEC))
		return vss_error_errno(err, -errno, "cannot make a pipe: %s", strerror(errno));
	child_errors = fds[1];
	conn->errors = fds[0];
	fcntl(conn->errors, F_SETFL, O_NONBLOCK);
	ret = spawn(conn->config, child_end, child_errors, &pid);
	if (ret)
		return vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot run %s: %s; see Ssh in %s",
				     conn->config->ssh, strerror(-ret), conn->config_path);
	pthread_mutex_lock(&conn->mutex);
	conn->pid = pid;
	pthread_mutex_unlock(&conn->mutex);
	return 0;
}

/* ---- lines ---- */

static void hear_errors(struct connection *conn)
{
	char buffer[256];
	ssize_t got;

	while ((got = read(conn->errors, buffer, sizeof(buffer))) > 0) {
		size_t fits = sizeof(conn->words) - 1;

		if (conn->nr_words + got > fits) {
			size_t drop = conn->nr_words + got - fits;

			if (drop > conn->nr_words)
				drop = conn->nr_words;
			memmove(conn->words, conn->words + drop, conn->nr_words - drop);
			conn->nr_words -= drop;
		}
		memcpy(conn->words + conn->nr_words, buffer, got);
		conn->nr_words += got;
	}
}

/* Its last line. */
static const char *last_words(struct connection *conn, bool wait)
{
	char *start;

	/* Said just before its end, which may not be heard yet. */
	for (int i = 0; wait && conn->errors >= 0 && !conn->nr_words && i < 25; i++) {
		struct pollfd fds = { .fd = conn->errors, .events = POLLIN };

		if (poll(&fds, 1, 20) > 0) {
			hear_errors(conn);
			break;
		}
	}
	while (conn->nr_words && strchr("\r\n ", conn->words[conn->nr_words - 1]))
		conn->nr_words--;
	conn->words[conn->nr_words] = '\0';
	start = strrchr(conn->words, '\n');
	return start ? start + 1 : conn->words;
}

static int send_line(struct connection *conn, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		/* A request is small: it fits the socket's buffer or something is wrong. */
		ssize_t sent = send(conn->fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
		text += sent;
		left -= sent;
	}
	return 0;
}

/* A line without its end into *@line, which is within the connection. */
static int receive_line(struct connection *conn, int64_t until, char **line)
{
	for (;;) {
		char *end = memchr(conn->line, '\n', conn->used);
		struct pollfd fds[] = {
			{ .fd = conn->fd, .events = POLLIN }, { .fd = conn->errors, .events = POLLIN },
		};
		int64_t left = until - now_ms();
		ssize_t got;

		if (end) {
			*end = '\0';
			*line = conn->line;
			/* The array says nothing unasked. */
			conn->used = 0;
			return 0;
		}
		if (conn->used == MOST_LINE)
			return -EPROTO;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents & POLLIN)
			hear_errors(conn);
		if (!fds[0].revents) {
			/* Nobody is at the other end of the complaints any more. */
			if (fds[1].revents && !(fds[1].revents & POLLIN))
				return -EPIPE;
			continue;
		}
		got = recv(conn->fd, conn->line + conn->used, MOST_LINE - conn->used, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return -EPIPE;
		conn->used += got;
	}
}

/* ---- asking ---- */

static int lost(struct connection *conn, int code, int64_t waited_ms, struct vss_error *err)
{
	const char *words = last_words(conn, code == -EPIPE);
	char why[LAST_WORDS + 64];

	if (code == -ETIMEDOUT)
		snprintf(why, sizeof(why), "no answer within %u.%u s", (unsigned int)(waited_ms / 1000),
			 (unsigned int)(waited_ms % 1000 / 100));
	else if (code == -EPROTO)
		snprintf(why, sizeof(why), "it answers what is not understood");
	else
		snprintf(why, sizeof(why), "%s", words[0] ? words : "the connection was cut");
	vss_error_set(err, code, VSS_E_PROVIDER_VETO,
		      "the array at %s cannot be spoken to: %s; see that it is up, and Address, User, Key and "
		      "KnownHosts in %s", conn->config->address, why, conn->config_path);
	connection_close(conn);
	return code;
}

/* One request and its answer, which json_object_put() frees. */
static int exchange(struct connection *conn, const char *request, unsigned int limit_ms, json_object **answer,
		    struct vss_error *err)
{
	char *line = NULL;
	json_object *ok;
	int ret;

	*answer = NULL;
	conn->used = 0;
	ret = send_line(conn, request);
	if (!ret)
		ret = receive_line(conn, now_ms() + limit_ms, &line);
	if (!ret) {
		*answer = json_tokener_parse(line);
		if (!*answer || !json_object_object_get_ex(*answer, "ok", &ok) ||
		    !json_object_is_type(ok, json_type_boolean)) {
			json_object_put(*answer);
			*answer = NULL;
			ret = -EPROTO;
		}
	}
	return ret ? lost(conn, ret, limit_ms, err) : 0;
}

static char *copy_member(json_object *object, const char *key)
{
	json_object *value;

	return json_object_object_get_ex(object, key, &value) && json_object_get_string(value) ?
	       strdup(json_object_get_string(value)) : NULL;
}

/* What the array itself refuses, in its own words. */
static vss_result judge(const struct connection *conn, json_object *answer, struct vss_error *err)
{
	_cleanup_free_ char *name = NULL, *text = NULL;
	vss_result result;
	json_object *ok;

	json_object_object_get_ex(answer, "ok", &ok);
	if (json_object_get_boolean(ok))
		return S_OK;
	name = copy_member(answer, "result");
	text = copy_member(answer, "error");
	if (!name || !vss_result_parse(name, &result) || !VSS_FAILED(result))
		result = VSS_E_PROVIDER_VETO;
	switch (result) {
	case VSS_E_OBJECT_NOT_FOUND:
	case VSS_E_INSUFFICIENT_STORAGE:
	case VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER:
	case VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED:
		break;
	default:
		result = VSS_E_PROVIDER_VETO;
	}
	vss_error_set(err, vss_result_to_errno(result), result, "the array at %s: %.900s", conn->config->address,
		      text ? text : "it refuses without a reason");
	return result;
}

static vss_result greet(struct connection *conn, struct vss_error *err)
{
	json_object *answer, *version;
	vss_result result;

	if (exchange(conn, "{\"op\":\"hello\"}\n", conn->config->timeout * 1000, &answer, err))
		return VSS_E_PROVIDER_VETO;
	result = judge(conn, answer, err);
	if (result == S_OK && (!json_object_object_get_ex(answer, "version", &version) ||
			       json_object_get_int(version) != VERSION)) {
		result = VSS_E_PROVIDER_VETO;
		vss_error_set(err, -EPROTO, result, "vss-array-lio on the array at %s is of another version; "
			      "install the same one here and there", conn->config->address);
	}
	conn->target = copy_member(answer, "target");
	conn->vendor = copy_member(answer, "vendor");
	conn->product = copy_member(answer, "product");
	json_object_put(answer);
	if (result != S_OK)
		connection_close(conn);
	return result;
}

int connection_open(struct connection *conn, struct vss_error *err)
{
	int ret;

	if (atomic_load(&conn->cut))
		return vss_error_set(err, -ECANCELED, VSS_E_PROVIDER_VETO, "the shadow copy set was aborted");
	if (conn->pid)
		return 0;
	ret = start(conn, err);
	/* It may have been too early for the cut to see the child. */
	if (!ret && atomic_load(&conn->cut))
		ret = vss_error_set(err, -ECANCELED, VSS_E_PROVIDER_VETO, "the shadow copy set was aborted");
	if (ret) {
		connection_close(conn);
		return ret;
	}
	return greet(conn, err) == S_OK ? 0 : -EIO;
}

vss_result connection_ask(struct connection *conn, json_object *request, bool again, unsigned int limit_ms,
			  json_object **answer, struct vss_error *err)
{
	_cleanup_free_ char *text = NULL;
	json_object *got = NULL;
	vss_result result = VSS_E_PROVIDER_VETO;
	int ret;

	if (answer)
		*answer = NULL;
	if (!request || asprintf(&text, "%s\n", json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN)) < 0)
		text = NULL;
	json_object_put(request);
	if (!text) {
		vss_error_set(err, -ENOMEM, E_OUTOFMEMORY, "out of memory");
		return E_OUTOFMEMORY;
	}
	if (!limit_ms)
		limit_ms = conn->config->timeout * 1000;
	ret = connection_open(conn, err);
	if (!ret)
		ret = exchange(conn, text, limit_ms, &got, err);
	/* Cut: the array may have been started anew, or have ended what was silent before. */
	if (ret == -EPIPE && again) {
		ret = connection_open(conn, err);
		if (!ret)
			ret = exchange(conn, text, limit_ms, &got, err);
	}
	if (!ret)
		result = judge(conn, got, err);
	if (result == S_OK && answer)
		*answer = got;
	else
		json_object_put(got);
	return result;
}

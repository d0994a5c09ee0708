// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Providers in processes of their own.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"
#include "messages.h"

/* The descriptor of the socket in the child. */
#define CHILD_FD	3

/* A call that has no answer yet. */
struct host_call {
	LIST_ENTRY(host_call) entry;
	struct vssd_host *host;
	uint64_t generation;		/* of the process that it was sent to */
	struct vssd_provider_request request;	/* of one that may be sent anew: numbers only */
	bool may_resend;
	vssd_provider_done done;
	void *arg;
	sd_bus_slot *slot;
	sd_event_source *failed;	/* it could not be sent */
};

/* A process; one that was given up is only waited for. */
struct child {
	LIST_ENTRY(child) entry;
	struct vssd_host *host;
	uint64_t generation;
	pid_t pid;
	bool stopped;			/* by the core, which has said so */
	sd_event_source *source;
	sd_event_source *broken;	/* its connection was found so, which is still to be told */
	sd_bus *conn;			/* NULL: given up */
};

struct vssd_host {
	sd_event *event;
	char *program;
	char *plugin;
	char *state_dir;
	uint32_t arrival_ms;
	vssd_log_fn log;
	void *log_data;
	struct vssd_provider *provider;
	struct child *child;		/* NULL: none runs */
	uint64_t generation;		/* of the last one started */
	LIST_HEAD(, child) children;
	LIST_HEAD(, host_call) calls;
	/* Describe: */
	vssd_host_described described;
	void *described_data;
	sd_bus_slot *describe_slot;
	sd_event_source *describe_failed;
};

static const char *host_name(const struct vssd_host *host)
{
	return host->plugin ? host->plugin : "the system provider";
}

static int send_call(struct host_call *call, const struct vssd_provider_request *request);

static void host_log(struct vssd_host *host, int priority, const char *message_id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void host_log(struct vssd_host *host, int priority, const char *message_id, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	if (!host->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	host->log(host->log_data, priority, message_id, NULL, text);
}

/* ---- answers ---- */

static void call_free(struct host_call *call)
{
	LIST_REMOVE(call, entry);
	sd_bus_slot_unref(call->slot);
	sd_event_source_unref(call->failed);
	free(call);
}

static void call_answer(struct host_call *call, const struct vssd_provider_reply *reply)
{
	vssd_provider_done done = call->done;
	void *arg = call->arg;

	/* Before the core is told: it may call again, or give this process up. */
	call_free(call);
	done(arg, reply);
}

static void call_fail(struct host_call *call, const char *why)
{
	const struct vssd_provider_reply reply = {
		.result = VSS_E_UNEXPECTED_PROVIDER_ERROR,
		.message = why,
	};

	call_answer(call, &reply);
}

static void describe_answer(struct vssd_host *host, const struct host_description *description,
			    const char *why)
{
	vssd_host_described done = host->described;

	host->described = NULL;
	host->describe_slot = sd_bus_slot_unref(host->describe_slot);
	host->describe_failed = sd_event_source_unref(host->describe_failed);
	if (done)
		done(host->described_data, host, description, why);
}

/* ---- processes ---- */

static void child_free(struct child *child)
{
	if (child->host->child == child)
		child->host->child = NULL;
	sd_event_source_unref(child->source);
	sd_event_source_unref(child->broken);
	sd_bus_close_unref(child->conn);
	LIST_REMOVE(child, entry);
	free(child);
}

/* With what it has started: programs that speak to an array, for example. */
static void end_processes(const struct child *child)
{
	if (child->pid <= 0)
		return;
	kill(child->pid, SIGKILL);
	kill(-child->pid, SIGKILL);
}

/* Nothing is heard from it any more; the next call starts another one, on_exit_child() buries it. */
static void give_up(struct child *child)
{
	struct vssd_host *host = child->host;

	end_processes(child);
	if (host->child == child)
		host->child = NULL;
	child->conn = sd_bus_close_unref(child->conn);
}

static struct host_call *call_of(struct vssd_host *host, uint64_t generation)
{
	struct host_call *call;

	LIST_FOREACH(call, &host->calls, entry)
		if (call->generation == generation)
			return call;
	return NULL;
}

/* A call whose process has ended: sent anew where doing it twice does no harm, once. */
static void call_lost(struct host_call *call, const char *why)
{
	if (call->may_resend) {
		call->may_resend = false;
		call->slot = sd_bus_slot_unref(call->slot);
		if (send_call(call, &call->request) >= 0)
			return;
	}
	call_fail(call, why);
}

/* The process has ended by itself, or is about to. */
static void child_lost(struct child *child, const char *why)
{
	struct vssd_host *host = child->host;
	uint64_t generation = child->generation;
	struct host_call *call;

	child->broken = sd_event_source_unref(child->broken);
	if (!child->conn)
		return;
	give_up(child);
	if (host->described)
		describe_answer(host, NULL, why);
	/* Before calls are sent anew: what it was doing is over. */
	if (host->provider)
		vssd_provider_died(host->provider);
	while ((call = call_of(host, generation)))
		call_lost(call, why);
}

static int on_exit_child(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct child *child = data;
	struct vssd_host *host = child->host;
	char why[128];

	(void)source;
	if (info->si_code == CLD_EXITED)
		snprintf(why, sizeof(why), "the provider's process has ended with status %d",
			 info->si_status);
	else
		snprintf(why, sizeof(why), "the provider's process was ended by signal %d (%s)",
			 info->si_status, strsignal(info->si_status));
	if (!child->stopped)
		host_log(host, LOG_ERR, VSSD_MESSAGE_PROVIDER_DIED, "%s: %s", host_name(host), why);
	end_processes(child);
	/* A new process may have its number from now on. */
	child->pid = 0;
	child_lost(child, why);
	child_free(child);
	return 0;
}

/* It has ended, or sends what is no D-Bus. */
static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
	(void)m;
	(void)error;
	child_lost(data, "the provider's process has ended");
	return 0;
}

static int on_broken(sd_event_source *source, void *data)
{
	(void)source;
	child_lost(data, "the provider's process has ended");
	return 0;
}

/* Of a process's arguments; freed with them. */
static char *argument(const char *option, const char *value)
{
	char *text;

	return asprintf(&text, "--%s=%s", option, value) < 0 ? NULL : text;
}

static char *argument_number(const char *option, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return argument(option, text);
}

#define MAX_ARGS	8

static bool make_args(const struct vssd_host *host, char *argv[MAX_ARGS])
{
	size_t n = 0;

	argv[n++] = strdup(host->program);
	argv[n++] = argument_number("fd", CHILD_FD);
	argv[n++] = argument_number("parent", getpid());
	argv[n++] = host->plugin ? argument("plugin", host->plugin) : strdup("--system");
	if (host->state_dir)
		argv[n++] = argument("state", host->state_dir);
	if (host->plugin && host->arrival_ms)
		argv[n++] = argument_number("arrival", host->arrival_ms);
	argv[n] = NULL;
	for (size_t i = 0; i < n; i++)
		if (!argv[i])
			return false;
	return true;
}

static int spawn_with(const struct vssd_host *host, char *const argv[], int fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
	ret = -posix_spawn(pid, host->program, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return ret;
}

static int spawn(struct vssd_host *host, int fd, pid_t *pid)
{
	char *argv[MAX_ARGS] = { 0 };
	int ret = make_args(host, argv) ? spawn_with(host, argv, fd, pid) : -ENOMEM;

	for (size_t i = 0; i < MAX_ARGS; i++)
		free(argv[i]);
	return ret;
}

static int connect_child(struct child *child, int *fd)
{
	int ret;

	if ((ret = sd_bus_new(&child->conn)) < 0 ||
	    (ret = sd_bus_set_fd(child->conn, *fd, *fd)) < 0)
		return ret;
	*fd = -1;
	if ((ret = sd_bus_start(child->conn)) < 0 ||
	    (ret = sd_bus_match_signal_async(child->conn, NULL, "org.freedesktop.DBus.Local",
					     "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
					     "Disconnected", on_disconnected, NULL, child)) < 0)
		return ret;
	return sd_bus_attach_event(child->conn, child->host->event, SD_EVENT_PRIORITY_NORMAL);
}

static int start(struct vssd_host *host)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	struct child *child;
	int fds[2], ret;

	if (host->child)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	child = calloc(1, sizeof(*child));
	if (!child)
		return -ENOMEM;
	child->host = host;
	child->generation = ++host->generation;
	LIST_INSERT_HEAD(&host->children, child, entry);
	ret = spawn(host, theirs, &child->pid);
	if (ret) {
		child_free(child);
		return ret;
	}
	ret = sd_event_add_child(host->event, &child->source, child->pid, WEXITED, on_exit_child, child);
	if (ret < 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		child_free(child);
		return ret;
	}
	host->child = child;
	ret = connect_child(child, &ours);
	if (ret < 0) {
		child->stopped = true;
		give_up(child);
	}
	return ret < 0 ? ret : 0;
}

/* ---- calls ---- */

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct host_call *call = data;
	struct vssd_host *host = call->host;
	struct host_reply reply;
	const sd_bus_error *why = sd_bus_message_get_error(m);

	(void)error;
	if (why) {
		/* sd-bus fails calls before it tells that the connection is lost. */
		if (sd_bus_error_has_name(why, SD_BUS_ERROR_NO_REPLY) ||
		    sd_bus_error_has_name(why, SD_BUS_ERROR_DISCONNECTED))
			call_lost(call, "the provider's process has ended");
		else
			call_fail(call, why->message);
		return 0;
	}
	if (host_wire_read_reply(m, &reply) >= 0) {
		call_answer(call, &reply.reply);
	} else {
		struct child *child = host->child;

		host_log(host, LOG_ERR, VSSD_MESSAGE_PROVIDER_FAILED,
			 "%s: its answer is garbage; its process is ended", host_name(host));
		/* First the others: the core may call again when it is told of this one. */
		call->generation = 0;
		if (child)
			child_lost(child, "the provider's process gave garbage and was ended");
		call_fail(call, "the provider's answer is garbage");
	}
	host_reply_clear(&reply);
	return 0;
}

static int on_failed(sd_event_source *source, void *data)
{
	(void)source;
	call_fail(data, "the provider's process cannot be started");
	return 0;
}

static int try_send(struct host_call *call, const struct vssd_provider_request *request)
{
	struct child *child = call->host->child;
	sd_bus_message *m = NULL;
	int ret;

	call->generation = child->generation;
	ret = sd_bus_message_new_method_call(child->conn, &m, NULL, HOST_PATH, HOST_INTERFACE, "Call");
	if (ret >= 0)
		ret = host_wire_append_request(m, request);
	/* The core watches the time. */
	if (ret >= 0)
		ret = sd_bus_call_async(child->conn, &call->slot, m, on_reply, call, UINT64_MAX);
	sd_bus_message_unref(m);
	return ret;
}

static int send_call(struct host_call *call, const struct vssd_provider_request *request)
{
	struct vssd_host *host = call->host;
	int ret = start(host);

	if (!ret)
		ret = try_send(call, request);
	/* The process has ended and was not missed yet: not from here, for the core is calling. */
	if ((ret == -ENOTCONN || ret == -ECONNRESET || ret == -EPIPE) && host->child) {
		struct child *child = host->child;

		host->child = NULL;
		if (!child->broken)
			sd_event_add_defer(host->event, &child->broken, on_broken, child);
		ret = start(host);
		if (!ret)
			ret = try_send(call, request);
	}
	if (ret < 0)
		host_log(host, LOG_ERR, VSSD_MESSAGE_PROVIDER_FAILED, "cannot start %s for %s: %s",
			 host->program, host_name(host), strerror(-ret));
	return ret;
}

/* What a new process does as well as the one that was asked, and harmless if that has done it. */
static bool may_resend(enum vssd_step step)
{
	return step == VSSD_STEP_ABORT || step == VSSD_STEP_DELETE || step == VSSD_STEP_GET_SNAPSHOTS;
}

static void driver_call(void *impl, const struct vssd_provider_request *request,
			vssd_provider_done done, void *arg)
{
	struct vssd_host *host = impl;
	struct host_call *call = calloc(1, sizeof(*call));

	/* Without memory the core's own time limit ends it. */
	if (!call)
		return;
	call->host = host;
	call->done = done;
	call->arg = arg;
	call->may_resend = may_resend(request->step);
	call->request = *request;
	call->request.volume = NULL;
	call->request.luns = NULL;
	call->request.nr_luns = 0;
	call->request.record = NULL;
	LIST_INSERT_HEAD(&host->calls, call, entry);
	if (send_call(call, request) < 0)
		sd_event_add_defer(host->event, &call->failed, on_failed, call);
}

static void driver_forget(void *impl, void *arg)
{
	struct vssd_host *host = impl;
	struct host_call *call;

	LIST_FOREACH(call, &host->calls, entry) {
		if (call->arg != arg)
			continue;
		call_free(call);
		return;
	}
}

static void driver_kill(void *impl)
{
	struct vssd_host *host = impl;

	if (!host->child)
		return;
	host->child->stopped = true;
	give_up(host->child);
}

const struct vssd_provider_driver vssd_host_driver = {
	.call = driver_call,
	.forget = driver_forget,
	.kill = driver_kill,
};

/* ---- who is it? ---- */

static int on_description(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vssd_host *host = data;
	struct host_description description = { 0 };
	const sd_bus_error *why = sd_bus_message_get_error(m);
	int ret = why ? -EIO : host_wire_read_description(m, &description);

	(void)error;
	if (ret < 0) {
		if (host->child)
			give_up(host->child);
		describe_answer(host, NULL, why ? why->message : "what it says of itself is garbage");
	} else {
		describe_answer(host, &description, NULL);
	}
	host_description_clear(&description);
	return 0;
}

static int on_describe_failed(sd_event_source *source, void *data)
{
	(void)source;
	describe_answer(data, NULL, "its process cannot be started");
	return 0;
}

void vssd_host_describe(struct vssd_host *host, uint32_t timeout_ms, vssd_host_described done, void *data)
{
	sd_bus_message *m = NULL;
	int ret = start(host);

	host->described = done;
	host->described_data = data;
	if (ret >= 0)
		ret = sd_bus_message_new_method_call(host->child->conn, &m, NULL, HOST_PATH,
						     HOST_INTERFACE, "Describe");
	if (ret >= 0)
		ret = sd_bus_call_async(host->child->conn, &host->describe_slot, m, on_description, host,
					timeout_ms * UINT64_C(1000));
	sd_bus_message_unref(m);
	if (ret < 0)
		sd_event_add_defer(host->event, &host->describe_failed, on_describe_failed, host);
}

/* ---- life ---- */

int vssd_host_new(const struct vssd_host_settings *settings, struct vssd_host **result)
{
	struct vssd_host *host = calloc(1, sizeof(*host));

	if (!host)
		return -ENOMEM;
	LIST_INIT(&host->children);
	LIST_INIT(&host->calls);
	host->event = sd_event_ref(settings->event);
	host->log = settings->log;
	host->log_data = settings->log_data;
	host->program = strdup(settings->program);
	host->plugin = settings->plugin ? strdup(settings->plugin) : NULL;
	host->state_dir = settings->state_dir ? strdup(settings->state_dir) : NULL;
	host->arrival_ms = settings->arrival_ms;
	if (!host->program || (settings->plugin && !host->plugin) || (settings->state_dir && !host->state_dir)) {
		vssd_host_free(host);
		return -ENOMEM;
	}
	*result = host;
	return 0;
}

void vssd_host_free(struct vssd_host *host)
{
	if (!host)
		return;
	while (!LIST_EMPTY(&host->calls))
		call_free(LIST_FIRST(&host->calls));
	sd_bus_slot_unref(host->describe_slot);
	sd_event_source_unref(host->describe_failed);
	/* It ends with its connection. */
	while (!LIST_EMPTY(&host->children))
		child_free(LIST_FIRST(&host->children));
	sd_event_unref(host->event);
	free(host->program);
	free(host->plugin);
	free(host->state_dir);
	free(host);
}

void vssd_host_set_provider(struct vssd_host *host, struct vssd_provider *provider)
{
	host->provider = provider;
}

pid_t vssd_host_pid(const struct vssd_host *host)
{
	return host->child ? host->child->pid : 0;
}

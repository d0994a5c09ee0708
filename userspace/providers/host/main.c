// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-provider-host: the process in which one provider runs, started by vssd.
 *
 * It answers calls on the socket it was given and ends with it, and with vssd;
 * what its provider holds is released by the kernel then.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "error.h"
#include "hardware.h"
#include "plugin.h"
#include "system/system.h"
#include "worker.h"

struct host {
	const struct vss_provider_ops *ops;
	struct hardware *hardware;	/* between @ops and the plug-in; NULL for none */
	struct worker *worker;
	sd_event *event;
	sd_bus *conn;
};

static int reply(struct job *job)
{
	sd_bus_message *m = NULL;
	int ret = sd_bus_message_new_method_return(job->m, &m);

	if (ret >= 0) {
		ret = host_wire_append_reply(m, &job->reply);
		/* Only what it points to can be wrong: texts that are no UTF-8. */
		if (ret < 0) {
			sd_bus_message_unref(m);
			return sd_bus_reply_method_errorf(job->m, SD_BUS_ERROR_FAILED, "the provider's answer to the "
							  "step cannot be told: %s", strerror(-ret));
		}
		ret = sd_bus_send(NULL, m, NULL);
	}
	sd_bus_message_unref(m);
	return ret;
}

static int on_describe(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct host *host = data;
	const struct host_description description = {
		.prop = {
			.provider_id = host->ops->id,
			.provider_name = (char *)host->ops->name,
			.provider_type = host->ops->type,
			.provider_version = (char *)host->ops->version,
			.provider_version_id = host->ops->version_id,
		},
		.holds = host->ops->hold_writes,
	};
	sd_bus_message *answer = NULL;
	int ret = sd_bus_message_new_method_return(m, &answer);

	(void)error;
	if (ret >= 0)
		ret = host_wire_append_description(answer, &description);
	if (ret >= 0)
		ret = sd_bus_send(NULL, answer, NULL);
	sd_bus_message_unref(answer);
	return ret;
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct host *host = data;
	struct job *job = calloc(1, sizeof(*job));
	int ret;

	(void)error;
	if (!job)
		return -ENOMEM;
	ret = host_wire_read_request(m, &job->request);
	if (ret < 0) {
		job_free(job);
		return ret;
	}
	job->m = sd_bus_message_ref(m);
	if (job->request.request.step == VSSD_STEP_ABORT &&
	    worker_may_cut(host->worker, &job->request.request.set)) {
		worker_run_beside(host->worker, job);
		ret = reply(job);
		job_free(job);
		return ret < 0 ? ret : 1;
	}
	worker_put(host->worker, job);
	return 1;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct host *host = data;
	struct job *job;

	(void)source;
	(void)fd;
	(void)events;
	while ((job = worker_take(host->worker))) {
		int ret = reply(job);

		job_free(job);
		if (ret < 0)
			return sd_event_exit(host->event, EXIT_FAILURE);
	}
	return 0;
}

static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct host *host = data;

	(void)m;
	(void)error;
	return sd_event_exit(host->event, EXIT_SUCCESS);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Describe", "", "a{sv}", on_describe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Call", "ua{sv}", "usa{sv}", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int serve(struct host *host, int fd)
{
	sd_id128_t id;
	int ret;

	if ((ret = sd_event_new(&host->event)) < 0 ||
	    (ret = sd_id128_randomize(&id)) < 0 ||
	    (ret = sd_bus_new(&host->conn)) < 0 ||
	    (ret = sd_bus_set_fd(host->conn, fd, fd)) < 0 ||
	    (ret = sd_bus_set_server(host->conn, 1, id)) < 0 ||
	    (ret = sd_bus_start(host->conn)) < 0 ||
	    (ret = sd_bus_add_object_vtable(host->conn, NULL, HOST_PATH, HOST_INTERFACE, vtable, host)) < 0 ||
	    (ret = sd_bus_match_signal_async(host->conn, NULL, "org.freedesktop.DBus.Local",
					     "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
					     "Disconnected", on_disconnected, NULL, host)) < 0 ||
	    (ret = sd_bus_attach_event(host->conn, host->event, SD_EVENT_PRIORITY_NORMAL)) < 0 ||
	    (ret = sd_event_add_io(host->event, NULL, worker_fd(host->worker), EPOLLIN, on_done, host)) < 0)
		return ret;
	return sd_event_loop(host->event);
}

/* ---- start ---- */

struct options {
	int fd;
	pid_t parent;
	bool system;
	const char *plugin;
	const char *state_dir;
	uint32_t arrival_ms;
};

static bool take_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "fd", required_argument, NULL, 'f' },
		{ "parent", required_argument, NULL, 'p' },
		{ "system", no_argument, NULL, 's' },
		{ "plugin", required_argument, NULL, 'l' },
		{ "state", required_argument, NULL, 'd' },
		{ "arrival", required_argument, NULL, 'a' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'f')
			options->fd = atoi(optarg);
		else if (option == 'p')
			options->parent = atoi(optarg);
		else if (option == 's')
			options->system = true;
		else if (option == 'l')
			options->plugin = optarg;
		else if (option == 'd')
			options->state_dir = optarg;
		else if (option == 'a')
			options->arrival_ms = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return options->fd > 2 && options->system == !options->plugin && optind == argc;
}

/*
 * The end of the process thaws what it has frozen; so it has to end when vssd
 * does, however it ends.  And it must not wait for a write to a file system that
 * it holds itself, as for memory that is won so; reading goes on.  Where a limit
 * forbids the latter two, the deadlines of the kernel module still thaw.
 */
static bool guard(pid_t parent)
{
	if (parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		return false;
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	return true;
}

static bool find_provider(struct host *host, const struct options *options, struct vss_error *err)
{
	const struct hardware_settings settings = {
		.state_dir = options->state_dir,
		.arrival_ms = options->arrival_ms,
		.machine = &hardware_this_machine,
	};

	host->ops = options->system ? vss_system_provider_get(options->state_dir) : plugin_load(options->plugin, err);
	if (!host->ops || (options->system && plugin_check(host->ops, true, "system", err)))
		return false;
	if (host->ops->type != VSS_PROV_HARDWARE)
		return true;
	host->hardware = hardware_new(host->ops, &settings);
	if (!host->hardware) {
		vss_error_errno(err, -ENOMEM, "out of memory");
		return false;
	}
	host->ops = hardware_ops(host->hardware);
	return true;
}

int main(int argc, char **argv)
{
	struct options options = { .fd = -1, .state_dir = "/var/lib/vss", .arrival_ms = 60000 };
	struct vss_error err = { 0 };
	struct host host = { 0 };
	int ret;

	if (!take_options(argc, argv, &options)) {
		fputs("vss-provider-host is started by vssd(8) and not by hand\n", stderr);
		return EXIT_FAILURE;
	}
	if (!guard(options.parent))
		return EXIT_FAILURE;
	/* Programs that a plug-in starts have no part in this. */
	fcntl(options.fd, F_SETFD, FD_CLOEXEC);
	if (!find_provider(&host, &options, &err)) {
		fprintf(stderr, "vss-provider-host: %s\n", err.text);
		return EXIT_FAILURE;
	}
	ret = worker_start(host.ops, host.hardware, &host.worker);
	if (ret) {
		fprintf(stderr, "vss-provider-host: cannot start a thread: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	ret = serve(&host, options.fd);
	if (ret < 0)
		fprintf(stderr, "vss-provider-host: cannot serve: %s\n", strerror(-ret));
	if (!worker_stop(host.worker))
		_exit(EXIT_FAILURE);
	hardware_free(host.hardware);
	sd_bus_close_unref(host.conn);
	sd_event_unref(host.event);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssd: the coordinator of shadow copies, as a service.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "bus.h"
#include "cleanup.h"
#include "config.h"
#include "error.h"
#include "host.h"
#include "log.h"
#include "loop.h"
#include "messages.h"
#include "volumes.h"

#define MAX_SOCKETS	16

/* A provider that does not tell who it is by then is left out. */
#define DESCRIBE_MS	10000

/* How long sessions' ends may take when vssd is stopped. */
#define STOP_USEC	UINT64_C(20000000)
#define STOP_POLL_USEC	UINT64_C(50000)

/* As systemd has it: a mistake in the configuration, which a restart does not mend. */
#define EXIT_CONFIG	78

struct options {
	bool foreground;
	bool no_bus;
	const char *config;
	const char *state;
	const char *program;
	const char *sockets[MAX_SOCKETS];
	size_t nr_sockets;
};

struct service {
	const struct options *options;
	struct vssd_config config;
	struct vssd_log *log;
	sd_event *event;
	struct vssd_core *core;
	struct vssd_bus *bus;
	struct vssd_host **hosts;
	size_t nr_hosts;
	size_t undescribed;
	char machine[256];
	uint64_t stop_end;
	int lock;
};

static void service_log(struct service *s, int priority, const char *message_id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void service_log(struct service *s, int priority, const char *message_id, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vssd_log_write(s->log, priority, message_id, NULL, text);
}

static void warn(void *data, const char *text)
{
	service_log(data, LOG_WARNING, NULL, "%s", text);
}

/* ---- sockets ---- */

static int open_socket(const char *path, struct vss_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return vss_error_errno(err, -ENAMETOOLONG, "the path %s is too long for a socket", path);
	strcpy(address.sun_path, path);
	/* Left by an earlier life: one that somebody serves is not taken away. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return vss_error_errno(err, -EADDRINUSE, "another process serves the socket %s", path);
		unlink(path);
		if (fd >= 0)
			close(fd);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Who may do what is decided by the credentials of the other end. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0666) ||
	    listen(fd, SOMAXCONN)) {
		ret = -errno;
		return vss_error_errno(err, ret, "cannot listen on %s: %s", path, strerror(-ret));
	}
	return keep_fd(fd);
}

static int listen_all(struct service *s, struct vss_error *err)
{
	int passed = sd_listen_fds(1), ret;

	for (int i = 0; i < passed; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
			return vss_error_errno(err, -EINVAL, "descriptor %d that was passed is no "
					       "listening Unix socket", fd);
		ret = vssd_bus_listen(s->bus, fd);
		if (ret)
			return vss_error_errno(err, ret, "cannot listen: %s", strerror(-ret));
	}
	for (size_t i = 0; i < s->options->nr_sockets; i++) {
		int fd = open_socket(s->options->sockets[i], err);

		if (fd < 0)
			return fd;
		ret = vssd_bus_listen(s->bus, fd);
		if (ret)
			return vss_error_errno(err, ret, "cannot listen: %s", strerror(-ret));
	}
	return 0;
}

/* ---- ready ---- */

static void bus_lost(void *data)
{
	struct service *s = data;

	service_log(s, LOG_ERR, NULL, "the system bus has gone; vssd ends");
	sd_event_exit(s->event, EXIT_FAILURE);
}

static int open_front(struct service *s, struct vss_error *err)
{
	const struct vssd_bus_settings settings = {
		.access = &s->config.access,
		.limits = s->config.limits,
		.log = vssd_log_write,
		.log_data = s->log,
		.bus_lost = bus_lost,
		.bus_lost_data = s,
	};
	int ret = vssd_bus_new(s->event, s->core, &settings, &s->bus);

	if (ret)
		return vss_error_errno(err, ret, "out of memory");
	ret = listen_all(s, err);
	if (ret || s->options->no_bus)
		return ret;
	ret = vssd_bus_connect_system(s->bus);
	if (ret == -EEXIST)
		return vss_error_errno(err, ret, "another process has the name %s on the system bus",
				       VSSD_BUS_NAME);
	if (ret)
		return vss_error_errno(err, ret, "cannot get the name %s on the system bus: %s; see that the "
				       "bus runs and has its policy file, or use --no-bus", VSSD_BUS_NAME,
				       strerror(-ret));
	return 0;
}

static void get_ready(struct service *s)
{
	struct vss_error err;

	/* Before the first request can come. */
	vssd_core_reconcile(s->core);
	if (open_front(s, &err)) {
		service_log(s, LOG_ERR, NULL, "%s", err.text);
		sd_event_exit(s->event, EXIT_FAILURE);
		return;
	}
	service_log(s, LOG_INFO, VSSD_MESSAGE_STARTED, "vssd %s is ready", VSS_VERSION);
	sd_notify(0, "READY=1");
}

/* ---- providers ---- */

static void on_described(void *data, struct vssd_host *host, const struct host_description *description,
			 const char *why)
{
	struct vssd_provider *provider;
	struct service *s = data;
	struct vss_error err;
	size_t i = 0;

	while (s->hosts[i] != host)
		i++;
	if (!description) {
		service_log(s, LOG_ERR, VSSD_MESSAGE_PROVIDER_FAILED, "provider %s is left out: %s",
			    i ? s->config.providers[i - 1].file : "system", why);
	} else if (VSS_FAILED(vssd_provider_add(s->core, &description->prop, description->holds,
						&vssd_host_driver, host, &provider, &err))) {
		service_log(s, LOG_ERR, VSSD_MESSAGE_PROVIDER_FAILED, "provider %s is left out: %s",
			    i ? s->config.providers[i - 1].file : "system", err.text);
	} else {
		vssd_host_set_provider(host, provider);
	}
	if (!--s->undescribed)
		get_ready(s);
}

/* The system provider first; then one for each file of providers.d, some of them NULL. */
static int start_hosts(struct service *s)
{
	s->hosts = calloc(s->config.nr_providers + 1, sizeof(*s->hosts));
	if (!s->hosts)
		return -ENOMEM;
	for (; s->nr_hosts < s->config.nr_providers + 1; s->nr_hosts++) {
		const struct vssd_config_provider *plugin =
			s->nr_hosts ? &s->config.providers[s->nr_hosts - 1] : NULL;
		const struct vssd_host_settings settings = {
			.event = s->event,
			.program = s->options->program,
			.plugin = plugin ? plugin->path : NULL,
			.state_dir = s->options->state,
			.arrival_ms = s->config.arrival_ms,
			.log = vssd_log_write,
			.log_data = s->log,
		};
		int ret;

		if (plugin && !plugin->enabled)
			continue;
		ret = vssd_host_new(&settings, &s->hosts[s->nr_hosts]);
		if (ret)
			return ret;
		s->undescribed++;
	}
	for (size_t i = 0; i < s->nr_hosts; i++)
		if (s->hosts[i])
			vssd_host_describe(s->hosts[i], DESCRIBE_MS, on_described, s);
	return 0;
}

/* ---- end ---- */

static uint64_t now(struct service *s)
{
	uint64_t usec = 0;

	sd_event_now(s->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

static int on_stop_poll(sd_event_source *source, uint64_t usec, void *data)
{
	struct service *s = data;

	(void)usec;
	if (!vssd_core_busy(s->core) || now(s) >= s->stop_end)
		return sd_event_exit(s->event, EXIT_SUCCESS);
	sd_event_source_set_time_relative(source, STOP_POLL_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Sessions end: what they have in creation is undone, what they leave behind is deleted. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct service *s = data;

	(void)source;
	if (info->ssi_signo == SIGHUP || s->stop_end)
		return 0;
	sd_notify(0, "STOPPING=1");
	s->stop_end = now(s) + STOP_USEC;
	vssd_bus_free(s->bus);
	s->bus = NULL;
	return sd_event_add_time_relative(s->event, NULL, CLOCK_MONOTONIC, 0, 0, on_stop_poll, s);
}

/* ---- start ---- */

static int check_state_dir(struct service *s, struct vss_error *err)
{
	const char *dir = s->options->state;
	_cleanup_free_ char *path = NULL;
	int ret;

	if (mkdir(dir, 0700) && errno != EEXIST) {
		ret = -errno;
		return vss_error_errno(err, ret, "cannot create %s: %s", dir, strerror(-ret));
	}
	if (asprintf(&path, "%s/lock", dir) < 0) {
		path = NULL;
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0) {
		ret = -errno;
		return vss_error_errno(err, ret, "cannot open %s: %s", path, strerror(-ret));
	}
	if (flock(s->lock, LOCK_EX | LOCK_NB))
		return vss_error_errno(err, -EBUSY, "another vssd is running, it has locked %s", path);
	return 0;
}

/*
 * vssd must not wait for a write to a file system that it has frozen, as for
 * memory that the kernel wins by swapping or writing; reading goes on.  What was
 * in memory once stays there.  Where a limit forbids one of these, the deadlines
 * of the kernel module still thaw.
 */
static void guard(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	mlockall(MCL_CURRENT);
	/* Without MCL_ONFAULT who announces a message of 128 MiB would have it in locked memory at once. */
	mlockall(MCL_FUTURE | MCL_ONFAULT);
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

static int set_up(struct service *s, struct vss_error *err)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct vssd_settings settings = s->config.settings;
	struct vssd_volumes volumes = vssd_volumes_system();
	struct vssd_clock clock;
	int ret = check_state_dir(s, err);

	if (ret)
		return ret;
	ret = sd_event_new(&s->event);
	for (size_t i = 0; ret >= 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		ret = sd_event_add_signal(s->event, NULL, signals[i], on_signal, s);
	if (ret >= 0)
		ret = sd_event_set_watchdog(s->event, 1);
	if (ret < 0)
		return vss_error_errno(err, ret, "cannot set up the main loop: %s", strerror(-ret));
	gethostname(s->machine, sizeof(s->machine) - 1);
	settings.machine = s->machine;
	settings.state_dir = s->options->state;
	settings.reverted_file = "/run/vss/reverted";
	clock = vssd_loop_clock(s->event);
	s->core = vssd_core_new(&settings, &clock, vssd_log_write, s->log);
	if (!s->core)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	vssd_core_set_volumes(s->core, &volumes);
	guard();
	ret = start_hosts(s);
	return ret ? vss_error_errno(err, ret, "cannot start the providers: %s", strerror(-ret)) : 0;
}

static void tear_down(struct service *s)
{
	vssd_bus_free(s->bus);
	if (s->core)
		vssd_core_free(s->core);
	for (size_t i = 0; i < s->nr_hosts; i++)
		vssd_host_free(s->hosts[i]);
	free(s->hosts);
	sd_event_unref(s->event);
	vssd_config_clear(&s->config);
	if (s->lock >= 0)
		close(s->lock);
	vssd_log_stop(s->log);
}

static int run(const struct options *options)
{
	struct service s = { .options = options, .lock = -1 };
	struct vss_error err = { 0 };
	int ret = vssd_log_start(options->foreground, &s.log);

	if (ret) {
		fprintf(stderr, "vssd: cannot start: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	if (vssd_config_load(options->config, &s.config, warn, &s, &err))
		ret = EXIT_CONFIG;
	else if (set_up(&s, &err))
		ret = EXIT_FAILURE;
	else
		ret = sd_event_loop(s.event);
	if (err.text[0])
		service_log(&s, LOG_ERR, NULL, "%s", err.text);
	tear_down(&s);
	return ret < 0 ? EXIT_FAILURE : ret;
}

static void usage(void)
{
	puts("usage: vssd [OPTION]...\n"
	     "\n"
	     "Coordinates requesters, writers and providers of shadow copies.\n"
	     "\n"
	     "  --foreground          messages to standard error\n"
	     "  --socket PATH         serve a socket of one's own too (may repeat)\n"
	     "  --no-bus              do not connect to the system bus\n"
	     "  --config DIR          configuration (" VSSD_CONFIG_DIR ")\n"
	     "  --state DIR           records of shadow copies (" VSSD_STATE_DIR ")\n"
	     "  --provider-host FILE  program that providers run in\n"
	     "  --help, --version");
}

/* EXIT_SUCCESS, EXIT_FAILURE, or -1 to go on. */
static int take_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 's' },
		{ "no-bus", no_argument, NULL, 'n' },
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 'd' },
		{ "provider-host", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (option) {
		case 'f':
			options->foreground = true;
			break;
		case 's':
			if (options->nr_sockets == MAX_SOCKETS) {
				fputs("vssd: too many sockets\n", stderr);
				return EXIT_FAILURE;
			}
			options->sockets[options->nr_sockets++] = optarg;
			break;
		case 'n':
			options->no_bus = true;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'd':
			options->state = optarg;
			break;
		case 'p':
			options->program = optarg;
			break;
		case 'h':
			usage();
			return EXIT_SUCCESS;
		case 'v':
			puts("vssd " VSS_VERSION);
			return EXIT_SUCCESS;
		default:
			return EXIT_FAILURE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "vssd: unexpected argument %s\n", argv[optind]);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = {
		.config = VSSD_CONFIG_DIR,
		.state = VSSD_STATE_DIR,
		.program = VSSD_PROVIDER_HOST,
	};
	int ret = take_options(argc, argv, &options);
	sigset_t signals;

	if (ret >= 0)
		return ret;
	/* In all threads: they are taken by the loop. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return run(&options);
}

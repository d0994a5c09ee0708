// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Running the writers of a program.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "serve.h"

/* Pause before a refused writer tries again: the administrator changes the configuration. */
#define REFUSED_PAUSE_SEC	60

void serve_log(int priority, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, text);
	else
		fprintf(stderr, "%s\n", text);
}

struct service {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool ending;
};

struct server {
	struct service *service;
	struct vss_writer *writer;
	const char *name;
	pthread_t thread;
};

/* True when the program ends meanwhile. */
static bool pause_ended(struct service *service)
{
	struct timespec until;
	bool ending;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REFUSED_PAUSE_SEC;
	pthread_mutex_lock(&service->lock);
	while (!service->ending)
		if (pthread_cond_timedwait(&service->ended, &service->lock, &until) == ETIMEDOUT)
			break;
	ending = service->ending;
	pthread_mutex_unlock(&service->lock);
	return ending;
}

static void *serve(void *data)
{
	struct server *server = data;
	vss_result result;

	while (VSS_FAILED(result = vss_writer_subscribe(server->writer))) {
		serve_log(LOG_ERR, "%s: %s%s", server->name, vss_writer_error(server->writer)->text,
			  result == E_ACCESSDENIED ? "; vssd's configuration says who may be which writer" : "");
		if (pause_ended(server->service))
			return NULL;
	}
	if (result == S_FALSE)
		serve_log(LOG_NOTICE, "%s: %s; waiting for it", server->name,
			  vss_writer_error(server->writer)->text);
	else
		serve_log(LOG_INFO, "%s: registered with vssd", server->name);
	if (VSS_FAILED(vss_writer_run(server->writer)))
		serve_log(LOG_ERR, "%s: %s", server->name, vss_writer_error(server->writer)->text);
	vss_writer_unsubscribe(server->writer);
	return NULL;
}

int serve_writers(struct vss_writer *const *writers, size_t count,
		  const char *(*name)(const struct vss_writer *writer, void *data), void *data)
{
	struct service service = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
	};
	struct server *servers = calloc(count ? count : 1, sizeof(*servers));
	int number, ret = EXIT_SUCCESS;
	size_t started = 0;
	sigset_t signals;

	if (!servers)
		return EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	for (; started < count; started++) {
		servers[started] = (struct server) {
			.service = &service,
			.writer = writers[started],
			.name = name(writers[started], data),
		};
		number = pthread_create(&servers[started].thread, NULL, serve, &servers[started]);
		if (number) {
			serve_log(LOG_ERR, "cannot make a thread: %s", strerror(number));
			ret = EXIT_FAILURE;
			break;
		}
	}
	if (ret == EXIT_SUCCESS)
		sigwait(&signals, &number);
	pthread_mutex_lock(&service.lock);
	service.ending = true;
	pthread_cond_broadcast(&service.ended);
	pthread_mutex_unlock(&service.lock);
	for (size_t i = 0; i < started; i++)
		vss_writer_stop(servers[i].writer);
	for (size_t i = 0; i < started; i++)
		pthread_join(servers[i].thread, NULL);
	free(servers);
	return ret;
}

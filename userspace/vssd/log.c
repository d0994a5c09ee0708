// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where vssd's messages go.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "log.h"

#define QUEUE		256
#define STOP_SECONDS	3

/* All of vssd is locked in memory, stacks too. */
#define STACK_SIZE	(256 << 10)

struct line {
	int priority;
	const char *message_id;		/* a constant */
	bool has_session;
	struct vss_uuid session;
	char text[VSS_ERROR_TEXT_SIZE];
};

struct vssd_log {
	bool journal;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t more, done;
	bool stop, stopped;
	size_t head, tail;		/* of the queue; tail - head lines are in it */
	unsigned int dropped;
	struct line queue[QUEUE];
};

static void to_journal(const struct line *line)
{
	char message[VSS_ERROR_TEXT_SIZE + 16], priority[16], id[48], session[64];
	char uuid[VSS_UUID_TEXT_SIZE];
	struct iovec fields[4];
	int count = 0;

	snprintf(message, sizeof(message), "MESSAGE=%s", line->text);
	fields[count++] = (struct iovec) { message, strlen(message) };
	snprintf(priority, sizeof(priority), "PRIORITY=%d", line->priority);
	fields[count++] = (struct iovec) { priority, strlen(priority) };
	if (line->message_id) {
		snprintf(id, sizeof(id), "MESSAGE_ID=%.32s", line->message_id);
		fields[count++] = (struct iovec) { id, strlen(id) };
	}
	if (line->has_session) {
		snprintf(session, sizeof(session), "VSS_SESSION=%s",
			 vss_uuid_format(&line->session, uuid));
		fields[count++] = (struct iovec) { session, strlen(session) };
	}
	sd_journal_sendv(fields, count);
}

static void to_stderr(const struct line *line)
{
	static const char *const names[] = {
		"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
	};

	dprintf(STDERR_FILENO, "vssd: %s: %s\n", names[line->priority & 7], line->text);
}

static void write_line(const struct vssd_log *log, const struct line *line)
{
	if (log->journal)
		to_journal(line);
	else
		to_stderr(line);
}

static void *run(void *data)
{
	struct vssd_log *log = data;
	struct line line;

	pthread_mutex_lock(&log->mutex);
	for (;;) {
		unsigned int dropped = log->dropped;

		if (log->head == log->tail && log->stop)
			break;
		if (log->head == log->tail) {
			pthread_cond_wait(&log->more, &log->mutex);
			continue;
		}
		line = log->queue[log->head++ % QUEUE];
		log->dropped = 0;
		pthread_mutex_unlock(&log->mutex);
		write_line(log, &line);
		if (dropped) {
			line = (struct line) { .priority = LOG_WARNING };
			snprintf(line.text, sizeof(line.text),
				 "%u messages were lost, as nobody took them in time", dropped);
			write_line(log, &line);
		}
		pthread_mutex_lock(&log->mutex);
	}
	log->stopped = true;
	pthread_cond_signal(&log->done);
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

int vssd_log_start(bool foreground, struct vssd_log **log)
{
	pthread_attr_t thread_attr;
	pthread_condattr_t attr;
	int ret;

	*log = calloc(1, sizeof(**log));
	if (!*log)
		return -ENOMEM;
	(*log)->journal = !foreground && !access("/run/systemd/journal/socket", W_OK);
	pthread_mutex_init(&(*log)->mutex, NULL);
	pthread_cond_init(&(*log)->more, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&(*log)->done, &attr);
	pthread_condattr_destroy(&attr);
	pthread_attr_init(&thread_attr);
	pthread_attr_setstacksize(&thread_attr, STACK_SIZE);
	ret = -pthread_create(&(*log)->thread, &thread_attr, run, *log);
	pthread_attr_destroy(&thread_attr);
	if (ret)
		free(*log);
	return ret;
}

void vssd_log_write(void *data, int priority, const char *message_id, const struct vss_uuid *session,
		    const char *text)
{
	struct vssd_log *log = data;
	struct line *line;

	pthread_mutex_lock(&log->mutex);
	if (log->tail - log->head == QUEUE) {
		log->dropped++;
	} else {
		line = &log->queue[log->tail++ % QUEUE];
		line->priority = priority;
		line->message_id = message_id;
		line->has_session = session;
		if (session)
			line->session = *session;
		snprintf(line->text, sizeof(line->text), "%s", text);
		pthread_cond_signal(&log->more);
	}
	pthread_mutex_unlock(&log->mutex);
}

void vssd_log_stop(struct vssd_log *log)
{
	struct timespec end;
	bool stopped;

	if (!log)
		return;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&log->mutex);
	log->stop = true;
	pthread_cond_signal(&log->more);
	while (!log->stopped && !pthread_cond_timedwait(&log->done, &log->mutex, &end))
		;
	stopped = log->stopped;
	pthread_mutex_unlock(&log->mutex);
	/* A thread that is stuck keeps what it works on until the process ends. */
	if (!stopped)
		return;
	pthread_join(log->thread, NULL);
	pthread_cond_destroy(&log->more);
	pthread_cond_destroy(&log->done);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The core's clock on an sd-event loop.
 */
#include <stdlib.h>
#include <time.h>

#include "loop.h"

/* The core's limits are about seconds; waking up together with others saves work. */
#define ACCURACY_USEC	10000

struct vssd_timer {
	sd_event_source *source;
	void (*fire)(void *arg);
	void *arg;
};

static uint64_t now(void *data)
{
	struct timespec ts;

	(void)data;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct vssd_timer *timer = data;
	void (*fire)(void *arg) = timer->fire;
	void *arg = timer->arg;

	(void)source;
	(void)usec;
	/* It may not be stopped any more, so it is nobody's. */
	sd_event_source_unref(timer->source);
	free(timer);
	fire(arg);
	return 0;
}

static struct vssd_timer *start(void *data, uint64_t delay_usec, void (*fire)(void *arg), void *arg)
{
	struct vssd_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->fire = fire;
	timer->arg = arg;
	if (sd_event_add_time_relative(data, &timer->source, CLOCK_MONOTONIC, delay_usec,
				       ACCURACY_USEC, on_time, timer) >= 0)
		return timer;
	free(timer);
	return NULL;
}

static void stop(void *data, struct vssd_timer *timer)
{
	(void)data;
	if (!timer)
		return;
	sd_event_source_unref(timer->source);
	free(timer);
}

struct vssd_clock vssd_loop_clock(sd_event *event)
{
	return (struct vssd_clock) { .now = now, .start = start, .stop = stop, .data = event };
}

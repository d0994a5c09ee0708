// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl events: what happens in the module, as it happens; and growth of diff
 * areas ahead of use.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "area.h"
#include "command.h"
#include "print.h"
#include "size.h"

enum { OPT_COUNT = 1, OPT_TIMEOUT, OPT_AUTO_GROW };

static const struct vssctl_option options[] = {
	{ OPT_COUNT, "count", "N", "end after N events" },
	{ OPT_TIMEOUT, "timeout", "SECONDS", "end after that time" },
	{ OPT_AUTO_GROW, "auto-grow", "SIZE[,MAX]", "add SIZE to a diff area that is low, up to MAX" },
	{ 0 },
};

struct watch {
	struct vssctl *ctl;
	struct vss_kernel_events *events;
	bool counting;			/* a number of events is waited for */
	uint64_t count;			/* events still wanted */
	int64_t deadline_ms;		/* on the monotonic clock, -1 for none */
	uint64_t grow_size;		/* 0: no growth */
	uint64_t grow_max;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * What a diff area may still grow by.  Sizes of files are rounded up, and not beyond the limit; a
 * little always lacks to it, because the ends of extents hold no whole chunk.
 */
static uint64_t most_growth(const struct watch *w, const struct vss_kernel_volume *state)
{
	if (state->area_size >= w->grow_max)
		return 0;
	return (w->grow_max - state->area_size) / VSS_AREA_ALIGN * VSS_AREA_ALIGN;
}

/* A failure to grow is told but does not end the watch. */
static void grow(struct watch *w, const struct vss_kernel_event *event)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_kernel_area added = { 0 };
	struct vss_kernel_volume state;
	struct vss_error error;
	uint64_t size = w->grow_size, most;
	int lock;

	if (vss_blockdev_from_devno(event->volume, &volume, &error)) {
		vssctl_warn(w->ctl, "%s", error.text);
		return;
	}
	lock = vssctl_lock(w->ctl);
	/* The event may be old; only what is the case now counts. */
	if (vss_kernel_volume_get(w->ctl->kernel, volume.dev, &state)) {
		vssctl_fail_kernel(w->ctl);
	} else if (state.area_size - state.area_used > state.low_water) {
		vssctl_detail(w->ctl, "diff area of %s has room again", volume.path);
	} else if (!(most = most_growth(w, &state))) {
		vssctl_warn(w->ctl, "diff area of %s is low but has its most size already",
			    volume.path);
	} else {
		if (size > most)
			size = most;
		if (!vssctl_area_grow(w->ctl, &volume, size, &added)) {
			w->ctl->print->area_grown(w->ctl, &added);
			vss_kernel_area_clear(&added);
		}
	}
	vssctl_unlock(lock);
}

/* Take all events that wait.  0: none is left; 1: enough were seen. */
static int take_events(struct watch *w, int *exit_code)
{
	struct vss_kernel_event event;
	int ret;

	while (!(ret = vss_kernel_events_next(w->events, &event))) {
		w->ctl->print->event(w->ctl, &event);
		if (w->grow_size && event.type == VSS_EVENT_AREA_LOW)
			grow(w, &event);
		if (!--w->count) {
			*exit_code = VSSCTL_OK;
			return 1;
		}
	}
	fflush(w->ctl->out);
	if (ret == -EAGAIN)
		return 0;
	if (ret == -ENOBUFS) {
		vssctl_warn(w->ctl, "events were lost because they came too fast");
		return 0;
	}
	*exit_code = vssctl_fail(w->ctl, vss_result_from_errno(ret), "cannot receive events: %s",
				 strerror(-ret));
	return 1;
}

static int watch(struct watch *w)
{
	struct pollfd poll_fd = { .fd = vss_kernel_events_fd(w->events), .events = POLLIN };
	int exit_code;

	while (!take_events(w, &exit_code)) {
		int64_t left = -1;

		if (w->deadline_ms >= 0) {
			left = w->deadline_ms - now_ms();
			if (left <= 0)
				return w->counting ? VSSCTL_TIMEOUT : VSSCTL_OK;
		}
		poll(&poll_fd, 1, left > 60000 ? 60000 : (int)left);
	}
	return exit_code;
}

/* "SIZE[,MAX]" */
static bool parse_grow(struct vssctl_args *args, struct watch *w)
{
	char *comma = strchr(optarg, ',');

	if (comma)
		*comma = '\0';
	if (vssctl_parse_size(optarg, &w->grow_size) || !w->grow_size ||
	    (comma && vssctl_parse_size(comma + 1, &w->grow_max))) {
		vssctl_usage_error(args, "--auto-grow takes SIZE or SIZE,MAX");
		return false;
	}
	return true;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct watch w = {
		.ctl = ctl,
		.count = UINT64_MAX,
		.deadline_ms = -1,
		.grow_max = UINT64_MAX,
	};
	struct vss_error error;
	uint64_t seconds;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_COUNT:
			if (!vssctl_number_value(args, "count", 1, UINT64_MAX, &w.count))
				return args->exit_code;
			w.counting = true;
			break;
		case OPT_TIMEOUT:
			if (!vssctl_number_value(args, "timeout", 0, 31536000, &seconds))
				return args->exit_code;
			w.deadline_ms = now_ms() + (int64_t)seconds * 1000;
			break;
		case OPT_AUTO_GROW:
			if (!parse_grow(args, &w))
				return args->exit_code;
			break;
		}
	}
	ret = vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	if (vss_kernel_events_open(&w.events, &error))
		return vssctl_fail_error(ctl, &error);
	ret = watch(&w);
	vss_kernel_events_close(w.events);
	return ret;
}

const struct vssctl_command vssctl_events = {
	.name = "events",
	.operands = "",
	.summary = "print events as they happen",
	.description = "Print events of the module as they happen, one a line.  With --auto-grow, add\n"
		       "room to a diff area that runs low: a file beside its last one.  The exit code\n"
		       "is 8 when --timeout passed before --count events were seen.",
	.options = options,
	.max_operands = 0,
	.run = run,
};

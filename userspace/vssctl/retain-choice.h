/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which shadow copies of a volume are kept, and which may go: the last of each of
 * the last N hours, days and weeks that have one.
 */
#ifndef VSSCTL_RETAIN_CHOICE_H
#define VSSCTL_RETAIN_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum vssctl_retain_period {
	VSSCTL_RETAIN_HOURLY,
	VSSCTL_RETAIN_DAILY,
	VSSCTL_RETAIN_WEEKLY,
	VSSCTL_RETAIN_PERIODS
};

extern const char *const vssctl_retain_period_names[VSSCTL_RETAIN_PERIODS];

struct vssctl_retain_copy {
	time_t time;
	bool lost;		/* cannot be read any more */
	/* The choice: it is kept for each of these; for none, and it goes. */
	bool kept[VSSCTL_RETAIN_PERIODS];
	bool ahead;		/* made later than now, so a clock was wrong: kept, and counts for nothing */
};

/*
 * Decide about @copies, in the order of their time, oldest first.  @keep: how many of
 * each period; @now: the present.  Hours are those of UTC, days and weeks (from Monday
 * on) those of the local time zone.
 *
 * Periods without a copy do not count: a machine that was off for a month loses nothing.
 */
void vssctl_retain_choose(struct vssctl_retain_copy *copies, size_t count,
			  const unsigned int keep[VSSCTL_RETAIN_PERIODS], time_t now);

bool vssctl_retain_goes(const struct vssctl_retain_copy *copy);

#endif /* VSSCTL_RETAIN_CHOICE_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The choice of the shadow copies to keep.  Nothing but times is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "retain-choice.h"

const char *const vssctl_retain_period_names[VSSCTL_RETAIN_PERIODS] = { "hourly", "daily", "weekly" };

/*
 * The number of the period that a time lies in; numbers grow with time, and only whether
 * two are the same matters.
 */
static long period_of(time_t time, enum vssctl_retain_period period)
{
	char week[16];
	struct tm tm;
	int year, number;

	/* Not the local hour: there are two of the same name when the clocks are put back. */
	if (period == VSSCTL_RETAIN_HOURLY)
		return (long)(time / 3600);
	localtime_r(&time, &tm);
	if (period == VSSCTL_RETAIN_DAILY)
		return tm.tm_year * 400L + tm.tm_yday;
	/* A week belongs to one year, also that of New Year. */
	strftime(week, sizeof(week), "%G", &tm);
	year = atoi(week);
	strftime(week, sizeof(week), "%V", &tm);
	number = atoi(week);
	return year * 60L + number;
}

static void choose(struct vssctl_retain_copy *copies, size_t count, unsigned int keep,
		   enum vssctl_retain_period period)
{
	unsigned int kept = 0;
	long last = 0;

	for (size_t i = count; i > 0 && kept < keep; i--) {
		struct vssctl_retain_copy *copy = &copies[i - 1];
		long own;

		if (copy->lost || copy->ahead)
			continue;
		own = period_of(copy->time, period);
		if (kept && own == last)
			continue;
		copy->kept[period] = true;
		last = own;
		kept++;
	}
}

void vssctl_retain_choose(struct vssctl_retain_copy *copies, size_t count,
			  const unsigned int keep[VSSCTL_RETAIN_PERIODS], time_t now)
{
	for (size_t i = 0; i < count; i++) {
		memset(copies[i].kept, 0, sizeof(copies[i].kept));
		copies[i].ahead = !copies[i].lost && copies[i].time > now;
	}
	for (int period = 0; period < VSSCTL_RETAIN_PERIODS; period++)
		choose(copies, count, keep[period], (enum vssctl_retain_period)period);
}

bool vssctl_retain_goes(const struct vssctl_retain_copy *copy)
{
	for (int period = 0; period < VSSCTL_RETAIN_PERIODS; period++)
		if (copy->kept[period])
			return false;
	return !copy->ahead;
}

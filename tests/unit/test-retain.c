// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which client-accessible shadow copies "vssctl retain" keeps, at made-up times in a
 * time zone with summer time.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "retain-choice.h"

#define HOUR	3600L
#define DAY	(24 * HOUR)

/* A local time; @dst is 1 for summer time. */
static time_t at(int year, int month, int day, int hour, int minute, int dst)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day,
		.tm_hour = hour, .tm_min = minute, .tm_isdst = dst,
	};

	return mktime(&tm);
}

static int zone(void **state)
{
	(void)state;
	/* Central European, by rule: it needs no database. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static size_t kept_for(const struct vssctl_retain_copy *copies, size_t count, enum vssctl_retain_period period)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		kept += copies[i].kept[period];
	return kept;
}

static size_t going(const struct vssctl_retain_copy *copies, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += vssctl_retain_goes(&copies[i]);
	return n;
}

static void last_of_each_hour(void **state)
{
	const unsigned int keep[] = { 2, 0, 0 };
	struct vssctl_retain_copy copies[] = {
		{ .time = at(2026, 11, 20, 9, 59, 0) },
		{ .time = at(2026, 11, 20, 10, 0, 0) },
		{ .time = at(2026, 11, 20, 10, 59, 0) },
		{ .time = at(2026, 11, 20, 11, 0, 0) },
		{ .time = at(2026, 11, 20, 11, 1, 0) },
	};

	(void)state;
	vssctl_retain_choose(copies, COUNT(copies), keep, at(2026, 11, 20, 11, 30, 0));
	assert_true(vssctl_retain_goes(&copies[0]));
	assert_true(vssctl_retain_goes(&copies[1]));
	assert_false(vssctl_retain_goes(&copies[2]));
	assert_true(vssctl_retain_goes(&copies[3]));
	assert_false(vssctl_retain_goes(&copies[4]));
}

/* After a month switched off there is what there was. */
static void empty_periods_do_not_count(void **state)
{
	const unsigned int keep[] = { 3, 3, 0 };
	struct vssctl_retain_copy copies[] = {
		{ .time = at(2026, 9, 1, 12, 0, 1) },
		{ .time = at(2026, 9, 2, 12, 0, 1) },
		{ .time = at(2026, 9, 3, 12, 0, 1) },
		{ .time = at(2026, 9, 3, 13, 0, 1) },
	};

	(void)state;
	vssctl_retain_choose(copies, COUNT(copies), keep, at(2026, 11, 20, 11, 30, 0));
	assert_int_equal(going(copies, COUNT(copies)), 0);
	assert_int_equal(kept_for(copies, COUNT(copies), VSSCTL_RETAIN_HOURLY), 3);
	assert_int_equal(kept_for(copies, COUNT(copies), VSSCTL_RETAIN_DAILY), 3);
	assert_true(copies[0].kept[VSSCTL_RETAIN_DAILY]);
	assert_false(copies[0].kept[VSSCTL_RETAIN_HOURLY]);
	assert_false(copies[2].kept[VSSCTL_RETAIN_DAILY]);
}

/* One copy may stand for its hour, its day and its week. */
static void periods_share_copies(void **state)
{
	const unsigned int keep[] = { 4, 3, 2 };
	enum { N = 21 * 24 };
	struct vssctl_retain_copy *copies = calloc(N, sizeof(*copies));
	const time_t now = at(2026, 11, 20, 11, 30, 0);		/* a Friday */

	(void)state;
	for (int i = 0; i < N; i++)
		copies[i].time = now - (N - 1 - i) * HOUR;
	vssctl_retain_choose(copies, N, keep, now);
	assert_int_equal(kept_for(copies, N, VSSCTL_RETAIN_HOURLY), 4);
	assert_int_equal(kept_for(copies, N, VSSCTL_RETAIN_DAILY), 3);
	assert_int_equal(kept_for(copies, N, VSSCTL_RETAIN_WEEKLY), 2);
	/* The newest is all three; 3 hours, 2 days and Sunday the 15th remain. */
	assert_int_equal(N - going(copies, N), 1 + 3 + 2 + 1);
	assert_int_equal(copies[N - 1].kept[0] + copies[N - 1].kept[1] + copies[N - 1].kept[2], 3);
	for (int i = 0; i < N; i++)
		if (copies[i].kept[VSSCTL_RETAIN_WEEKLY] && i != N - 1)
			assert_int_equal(copies[i].time, at(2026, 11, 15, 23, 30, 0));
	free(copies);
}

/* Run by run, as the timer does: what is kept does not depend on when it was thinned out. */
static void run_by_run(void **state)
{
	const unsigned int keep[] = { 24, 14, 8 };
	struct vssctl_retain_copy copies[64];
	time_t now = at(2026, 3, 1, 0, 10, 0);
	size_t count = 0;

	(void)state;
	for (int hour = 0; hour < 100 * 24; hour++, now += HOUR) {
		size_t left = 0;

		assert_true(count < COUNT(copies));
		copies[count++] = (struct vssctl_retain_copy) { .time = now };
		vssctl_retain_choose(copies, count, keep, now);
		for (size_t i = 0; i < count; i++)
			if (!vssctl_retain_goes(&copies[i]))
				copies[left++] = copies[i];
		count = left;
	}
	vssctl_retain_choose(copies, count, keep, now);
	assert_int_equal(going(copies, count), 0);
	assert_int_equal(kept_for(copies, count, VSSCTL_RETAIN_HOURLY), 24);
	assert_int_equal(kept_for(copies, count, VSSCTL_RETAIN_DAILY), 14);
	assert_int_equal(kept_for(copies, count, VSSCTL_RETAIN_WEEKLY), 8);
	/* This week is one of eight: the oldest is the last of the seventh before it. */
	assert_true(now - copies[0].time > 42 * DAY && now - copies[0].time < 50 * DAY);
}

/* The night the clocks are put back has the hour from 2 to 3 twice. */
static void hours_of_summer_time(void **state)
{
	const unsigned int keep[] = { 3, 0, 0 };
	struct vssctl_retain_copy copies[] = {
		{ .time = at(2026, 10, 25, 1, 30, 1) },
		{ .time = at(2026, 10, 25, 2, 30, 1) },
		{ .time = at(2026, 10, 25, 2, 30, 0) },
	};

	(void)state;
	assert_int_equal(copies[2].time - copies[1].time, HOUR);
	vssctl_retain_choose(copies, COUNT(copies), keep, at(2026, 10, 25, 2, 40, 0));
	assert_int_equal(going(copies, COUNT(copies)), 0);
}

/* Days and weeks are those of the people: midnight is theirs, and New Year is in one week. */
static void days_and_weeks(void **state)
{
	const unsigned int daily[] = { 0, 2, 0 }, weekly[] = { 0, 0, 2 };
	struct vssctl_retain_copy days[] = {
		{ .time = at(2026, 7, 1, 22, 30, 1) },		/* UTC: 20:30 */
		{ .time = at(2026, 7, 1, 23, 30, 1) },
		{ .time = at(2026, 7, 2, 0, 30, 1) },		/* UTC: the day before still */
	};
	struct vssctl_retain_copy weeks[] = {
		{ .time = at(2024, 12, 29, 12, 0, 0) },		/* Sunday */
		{ .time = at(2024, 12, 30, 12, 0, 0) },		/* Monday */
		{ .time = at(2025, 1, 5, 12, 0, 0) },		/* Sunday of the same week */
	};

	(void)state;
	vssctl_retain_choose(days, COUNT(days), daily, at(2026, 7, 2, 1, 0, 1));
	assert_true(vssctl_retain_goes(&days[0]));
	assert_false(vssctl_retain_goes(&days[1]));
	assert_false(vssctl_retain_goes(&days[2]));
	vssctl_retain_choose(weeks, COUNT(weeks), weekly, at(2025, 1, 5, 13, 0, 0));
	assert_false(vssctl_retain_goes(&weeks[0]));
	assert_true(vssctl_retain_goes(&weeks[1]));
	assert_false(vssctl_retain_goes(&weeks[2]));
}

/* A clock that was ahead must not make real copies go, nor its own before they can be judged. */
static void wrong_clock(void **state)
{
	const unsigned int keep[] = { 1, 0, 0 };
	const time_t now = at(2026, 11, 20, 11, 30, 0);
	struct vssctl_retain_copy copies[] = {
		{ .time = now - HOUR }, { .time = now }, { .time = now + 1000 * DAY },
	};

	(void)state;
	vssctl_retain_choose(copies, COUNT(copies), keep, now);
	assert_true(vssctl_retain_goes(&copies[0]));
	assert_true(copies[1].kept[VSSCTL_RETAIN_HOURLY]);
	assert_true(copies[2].ahead);
	assert_false(copies[2].kept[VSSCTL_RETAIN_HOURLY]);
	assert_false(vssctl_retain_goes(&copies[2]));
	/* When its time has come it is one like others. */
	vssctl_retain_choose(copies, COUNT(copies), keep, now + 1000 * DAY);
	assert_false(copies[2].ahead);
	assert_true(copies[2].kept[VSSCTL_RETAIN_HOURLY]);
	assert_true(vssctl_retain_goes(&copies[1]));
}

/* One that cannot be read stands for nothing. */
static void lost_ones_go(void **state)
{
	const unsigned int keep[] = { 2, 2, 2 };
	const time_t now = at(2026, 11, 20, 11, 30, 0);
	struct vssctl_retain_copy copies[] = {
		{ .time = now - HOUR }, { .time = now, .lost = true }, { .time = now + HOUR, .lost = true },
	};

	(void)state;
	vssctl_retain_choose(copies, COUNT(copies), keep, now);
	assert_true(copies[0].kept[0] && copies[0].kept[1] && copies[0].kept[2]);
	assert_true(vssctl_retain_goes(&copies[1]));
	assert_true(vssctl_retain_goes(&copies[2]));
	vssctl_retain_choose(copies, 0, keep, now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_of_each_hour),
		cmocka_unit_test(empty_periods_do_not_count),
		cmocka_unit_test(periods_share_copies),
		cmocka_unit_test(run_by_run),
		cmocka_unit_test(hours_of_summer_time),
		cmocka_unit_test(days_and_weeks),
		cmocka_unit_test(wrong_clock),
		cmocka_unit_test(lost_ones_go),
	};

	return cmocka_run_group_tests(tests, zone, NULL);
}

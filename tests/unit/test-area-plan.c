// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Another size for a diff area: which parts go, which file is cut, what cannot be done;
 * and the question before everything is deleted.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "area.h"
#include "confirm.h"

#define MIB (1ULL << 20)

/* Parts in the order of their age. */
static struct vss_kernel_area areas[VSS_MAX_AREA_PARTS];
static size_t count;
static struct vssctl_area_plan plan;

static void part(uint64_t mib, bool file, uint64_t lacks)
{
	areas[count] = (struct vss_kernel_area) {
		.id = (uint32_t)count + 3,
		.type = file ? VSS_AREA_FILE : VSS_AREA_DEVICE,
		.path = file ? (char *)"/srv/.vss/x.diff" : NULL,
		.size = mib * MIB - lacks,
	};
	count++;
}

static int clear(void **state)
{
	(void)state;
	count = 0;
	return 0;
}

/* PRV-039: no size at all takes every part away. */
static void to_nothing(void **state)
{
	(void)state;
	part(64, true, 0);
	part(32, false, 0);
	part(16, true, 4096);
	assert_true(vssctl_area_plan(areas, count, 0, &plan));
	assert_int_equal(plan.nr_remove, 3);
	assert_ptr_equal(plan.remove[0], &areas[2]);
	assert_ptr_equal(plan.remove[1], &areas[1]);
	assert_ptr_equal(plan.remove[2], &areas[0]);
	assert_null(plan.cut);
	assert_int_equal(plan.grow, 0);
	assert_int_equal(plan.after, 0);
}

/* PRV-035 */
static void larger(void **state)
{
	(void)state;
	part(64, true, 8192);
	assert_true(vssctl_area_plan(areas, count, 100 * MIB, &plan));
	assert_int_equal(plan.nr_remove, 0);
	assert_null(plan.cut);
	assert_int_equal(plan.grow, 36 * MIB + 8192);
	/* What a file's ends lack is not worth a file. */
	assert_true(vssctl_area_plan(areas, count, 64 * MIB, &plan));
	assert_int_equal(plan.grow, 0);
	assert_int_equal(plan.nr_remove, 0);
}

/* PRV-042 */
static void smaller(void **state)
{
	(void)state;
	part(64, true, 0);
	part(32, false, 0);
	part(16, true, 0);
	/* Whole parts where they fit. */
	assert_true(vssctl_area_plan(areas, count, 96 * MIB, &plan));
	assert_int_equal(plan.nr_remove, 1);
	assert_ptr_equal(plan.remove[0], &areas[2]);
	assert_null(plan.cut);
	assert_int_equal(plan.after, 96 * MIB);
	/* The newest file gives the rest. */
	assert_true(vssctl_area_plan(areas, count, 100 * MIB, &plan));
	assert_int_equal(plan.nr_remove, 0);
	assert_ptr_equal(plan.cut, &areas[2]);
	assert_int_equal(plan.cut_size, 4 * MIB);
	assert_int_equal(plan.after, 100 * MIB);
	/* A device goes whole: 112 - 16 leaves 96, from which 26 MiB are too much; the file gives them. */
	assert_true(vssctl_area_plan(areas, count, 70 * MIB, &plan));
	assert_int_equal(plan.nr_remove, 1);
	assert_ptr_equal(plan.remove[0], &areas[2]);
	assert_ptr_equal(plan.cut, &areas[0]);
	assert_int_equal(plan.cut_size, 38 * MIB);
	assert_int_equal(plan.after, 70 * MIB);
}

static void only_devices(void **state)
{
	(void)state;
	part(64, false, 0);
	part(32, false, 0);
	assert_true(vssctl_area_plan(areas, count, 64 * MIB, &plan));
	assert_int_equal(plan.nr_remove, 1);
	assert_ptr_equal(plan.remove[0], &areas[1]);
	assert_false(vssctl_area_plan(areas, count, 40 * MIB, &plan));
	assert_int_equal(plan.after, 64 * MIB);
	/* The newest goes, although the other alone would have been enough. */
	assert_false(vssctl_area_plan(areas, count, 32 * MIB, &plan));
	assert_int_equal(plan.after, 64 * MIB);
}

/* Whatever the parts are: never less than asked for, and a MiB more at most where a file is left to cut. */
static void any_parts(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint64_t sum = 0, size, left = 0;
		bool has_file = false;

		count = 0;
		for (size_t n = 1 + (size_t)rand_r(&seed) % 8; count < n;)
			part(1 + (uint64_t)rand_r(&seed) % 64, rand_r(&seed) % 2, (uint64_t)rand_r(&seed) % 16 * 4096);
		for (size_t i = 0; i < count; i++)
			sum += areas[i].size;
		size = (uint64_t)rand_r(&seed) % (sum / MIB + 1) * MIB;
		if (!vssctl_area_plan(areas, count, size, &plan)) {
			for (size_t i = 0; i < count; i++) {
				bool going = false;

				for (size_t j = 0; j < plan.nr_remove; j++)
					going |= plan.remove[j] == &areas[i];
				has_file |= !going && areas[i].path;
			}
			assert_false(has_file);
			continue;
		}
		for (size_t i = 0; i < count; i++) {
			bool going = false;

			for (size_t j = 0; j < plan.nr_remove; j++)
				going |= plan.remove[j] == &areas[i];
			if (plan.cut == &areas[i]) {
				assert_false(going);
				assert_true(plan.cut_size && plan.cut_size < areas[i].size);
				left += plan.cut_size;
			} else if (!going) {
				left += areas[i].size;
			}
		}
		assert_int_equal(plan.grow, 0);
		assert_int_equal(plan.before, sum);
		assert_int_equal(plan.after, left);
		assert_true(left >= size);
		assert_true(left - size < 2 * MIB);
	}
}

/* CLI-015 */
static void asks(void **state)
{
	static const struct {
		const char *answer;
		bool yes;
	} cases[] = {
		{ "y\n", true }, { "YES\n", true }, { "yes", true }, { "y\r\n", true },
		{ "n\n", false }, { "\n", false }, { "", false }, { "yess\n", false }, { " y\n", false },
		{ "no\ny\n", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char question[64] = "";
		FILE *in = fmemopen((void *)cases[i].answer, strlen(cases[i].answer) + 1, "r");
		FILE *out = fmemopen(question, sizeof(question), "w");

		assert_non_null(in);
		assert_non_null(out);
		assert_int_equal(vssctl_confirm(in, out, "delete all?"), cases[i].yes);
		fclose(out);
		fclose(in);
		assert_memory_equal(question, "delete all? [y/N] ", 18);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(to_nothing, clear),
		cmocka_unit_test_setup(larger, clear),
		cmocka_unit_test_setup(smaller, clear),
		cmocka_unit_test_setup(only_devices, clear),
		cmocka_unit_test_setup(any_parts, clear),
		cmocka_unit_test(asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

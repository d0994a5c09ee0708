// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bits "needs no copy" of the kernel module, compiled as a program: what is set
 * counts for its generation only, and a page may be looked at before it has any.
 */
#include "../../kmod/safebits.h"
#include "../../kmod/safebits.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define GROUPS	5000	/* of two pages and a bit */

static int setup(void **state)
{
	static struct vss_safebits safe;

	memset(&safe, 0, sizeof(safe));
	*state = &safe;
	return vss_safebits_init(&safe, GROUPS * VSS_GROUP_CHUNKS);
}

static int teardown(void **state)
{
	vss_safebits_destroy(*state);
	return 0;
}

/* A write may look during the first commit, when the generation is still 0. */
static void empty_pages(void **state)
{
	struct vss_safebits *safe = *state;
	u32 g;

	for (g = 0; g < GROUPS; g += 100)
		assert_int_equal(vss_safebits_get(safe, g, 0), 0);
	assert_int_equal(vss_safebits_memory(safe), 3 * sizeof(struct vss_safepage));
}

static void generations(void **state)
{
	struct vss_safebits *safe = *state;

	vss_safebits_set(safe, 7, 0x00f0, 1);
	vss_safebits_set(safe, 7, 0x000f, 1);
	vss_safebits_set(safe, 4999, 0x8000, 1);
	assert_int_equal(vss_safebits_get(safe, 7, 1), 0x00ff);
	assert_int_equal(vss_safebits_get(safe, 8, 1), 0);
	assert_int_equal(vss_safebits_get(safe, 4999, 1), 0x8000);
	assert_int_equal(vss_safebits_get(safe, 7, 2), 0);

	/* The first of a new generation clears its page, not the others. */
	vss_safebits_set(safe, 6, 0x0001, 2);
	assert_int_equal(vss_safebits_get(safe, 6, 2), 0x0001);
	assert_int_equal(vss_safebits_get(safe, 7, 2), 0);
	assert_int_equal(vss_safebits_get(safe, 7, 1), 0);
	assert_int_equal(vss_safebits_get(safe, 4999, 1), 0x8000);
	assert_int_equal(vss_safebits_get(safe, 4999, 2), 0);

	/* What is late has nothing to say. */
	vss_safebits_set(safe, 6, 0xff00, 1);
	assert_int_equal(vss_safebits_get(safe, 6, 2), 0x0001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(generations, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

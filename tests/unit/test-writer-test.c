// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-test: what is injected, and when.
 */
#include "unit.h"

#include "test/inject.h"

/* ---- injections ---- */

static void injections_are_parsed(void **state)
{
	struct injection in[TEST_EVENT_COUNT] = { 0 };
	char error[TEXT_ERROR_SIZE];

	(void)state;
	assert_true(injection_parse(in, "prepare-backup:fail=retryable,message=why not,times=2,skip=1", error));
	assert_int_equal(in[TEST_PREPARE_BACKUP].failure, VSS_E_WRITERERROR_RETRYABLE);
	assert_string_equal(in[TEST_PREPARE_BACKUP].message, "why not");
	assert_false(injection_strikes(&in[TEST_PREPARE_BACKUP]));
	assert_true(injection_strikes(&in[TEST_PREPARE_BACKUP]));
	assert_true(injection_strikes(&in[TEST_PREPARE_BACKUP]));
	assert_false(injection_strikes(&in[TEST_PREPARE_BACKUP]));
	assert_true(injection_parse(in, "Freeze:kill,when=after", error));
	assert_true(in[TEST_FREEZE].kill && in[TEST_FREEZE].after);
	assert_true(injection_parse(in, "POST_SNAPSHOT:fail=VSS_E_WRITERERROR_TIMEOUT,hold=20ms,exit=3", error));
	assert_int_equal(in[TEST_POST_SNAPSHOT].failure, VSS_E_WRITERERROR_TIMEOUT);
	assert_int_equal(in[TEST_POST_SNAPSHOT].hold_ms, 20);
	assert_int_equal(in[TEST_POST_SNAPSHOT].exit_code, 3);
	/* It strikes for good when no number is given. */
	for (int i = 0; i < 100; i++)
		assert_true(injection_strikes(&in[TEST_POST_SNAPSHOT]));
	assert_false(injection_strikes(&in[TEST_THAW]));
}

static void mistakes_are_told(void **state)
{
	static const char *const bad[] = {
		"freeze", "melt:kill", "freeze:fail=badly", "freeze:hold=long", "freeze:when=never",
		"freeze:colour=red", "freeze:exit=x", "",
	};
	struct injection in[TEST_EVENT_COUNT] = { 0 };
	char error[TEXT_ERROR_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		error[0] = '\0';
		assert_false(injection_parse(in, bad[i], error));
		assert_true(strlen(error) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(injections_are_parsed),
		cmocka_unit_test(mistakes_are_told),
	};

	return cmocka_run_group_tests_name("writer-test", tests, NULL, NULL);
}

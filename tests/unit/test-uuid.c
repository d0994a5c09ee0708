// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UUIDs: text form and back, what is refused, what generation promises.
 */
#include "unit.h"

#include <errno.h>
#include <vss/uuid.h>

static const char text[] = "01234567-89ab-cdef-fedc-ba9876543210";

static void parses_and_formats(void **state)
{
	static const uint8_t bytes[16] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
	};
	char out[VSS_UUID_TEXT_SIZE];
	struct vss_uuid uuid;

	(void)state;
	assert_int_equal(vss_uuid_parse(text, &uuid), 0);
	assert_memory_equal(uuid.bytes, bytes, sizeof(bytes));
	assert_string_equal(vss_uuid_format(&uuid, out), text);
}

static void takes_capitals_and_braces(void **state)
{
	struct vss_uuid plain, other;

	(void)state;
	assert_int_equal(vss_uuid_parse(text, &plain), 0);
	assert_int_equal(vss_uuid_parse("{01234567-89AB-CDEF-FEDC-BA9876543210}", &other), 0);
	assert_true(vss_uuid_equal(&plain, &other));
}

static void refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"", "{", "{}", "0", "01234567",
		"01234567-89ab-cdef-fedc-ba987654321",
		"01234567-89ab-cdef-fedc-ba98765432100",
		"01234567-89ab-cdef-fedc-ba987654321g",
		"0123456789abcdeffedcba9876543210",
		"01234567-89ab-cdef-fedcb-a9876543210",
		" 01234567-89ab-cdef-fedc-ba9876543210",
		"{01234567-89ab-cdef-fedc-ba9876543210",
		"01234567-89ab-cdef-fedc-ba9876543210}",
		"{01234567-89ab-cdef-fedc-ba9876543210}x",
		"01234567 89ab cdef fedc ba9876543210",
	};
	struct vss_uuid uuid = { { 0x42 } };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(vss_uuid_parse(bad[i], &uuid), -EINVAL);
		assert_int_equal(uuid.bytes[0], 0x42);
	}
}

static void generates_version_4(void **state)
{
	struct vss_uuid a, b;

	(void)state;
	assert_int_equal(vss_uuid_generate(&a), 0);
	assert_int_equal(vss_uuid_generate(&b), 0);
	assert_false(vss_uuid_equal(&a, &b));
	assert_int_equal(a.bytes[6] >> 4, 4);
	assert_int_equal(a.bytes[8] >> 6, 2);
	assert_false(vss_uuid_is_null(&a));
}

static void knows_null(void **state)
{
	struct vss_uuid null = { { 0 } };

	(void)state;
	assert_true(vss_uuid_is_null(&null));
	null.bytes[15] = 1;
	assert_false(vss_uuid_is_null(&null));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_formats),
		cmocka_unit_test(takes_capitals_and_braces),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(generates_version_4),
		cmocka_unit_test(knows_null),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}

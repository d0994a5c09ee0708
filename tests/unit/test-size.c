// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sizes and numbers on the command line, and sizes in tables.
 */
#include "unit.h"

#include <errno.h>

#include "size.h"

static void parses_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "512B", 512 },
		{ "1K", 1024 }, { "1k", 1024 }, { "16KiB", 16384 }, { "16kb", 16384 },
		{ "64M", 64ULL << 20 }, { "10G", 10ULL << 30 }, { "2T", 2ULL << 40 },
		{ "1P", 1ULL << 50 }, { "15E", 15ULL << 60 },
		{ "18446744073709551615", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t size;

		assert_int_equal(vssctl_parse_size(good[i].text, &size), 0);
		assert_int_equal(size, good[i].size);
	}
}

static void refuses_other_text(void **state)
{
	static const char *const bad[] = {
		"", " 1", "-1", "+1", "K", "1X", "1KK", "1Ki", "1 K", "1.5G", "0x10", "1KiBs",
	};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(vssctl_parse_size(bad[i], &size), -EINVAL);
}

static void refuses_overflow(void **state)
{
	static const char *const bad[] = {
		"18446744073709551616", "16E", "99999999999T", "17179869184G",
	};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(vssctl_parse_size(bad[i], &size), -ERANGE);
}

static void parses_numbers(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(vssctl_parse_number("600000", &number), 0);
	assert_int_equal(number, 600000);
	assert_int_equal(vssctl_parse_number("1K", &number), -EINVAL);
	assert_int_equal(vssctl_parse_number("", &number), -EINVAL);
	assert_int_equal(vssctl_parse_number("18446744073709551616", &number), -ERANGE);
}

static void formats_sizes(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} good[] = {
		{ 0, "0" }, { 1023, "1023" }, { 1024, "1K" }, { 1536, "1.5K" },
		{ 64ULL << 20, "64M" }, { 1ULL << 30, "1G" }, { (1ULL << 30) - 1, "1023.9M" },
		{ 3ULL << 39, "1.5T" }, { UINT64_MAX, "15.9E" },
	};
	char text[VSSCTL_SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_string_equal(vssctl_format_size(good[i].size, text), good[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_sizes),
		cmocka_unit_test(refuses_other_text),
		cmocka_unit_test(refuses_overflow),
		cmocka_unit_test(parses_numbers),
		cmocka_unit_test(formats_sizes),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}

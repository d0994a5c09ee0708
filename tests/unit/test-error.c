// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From errno and command to VSS result codes and exit codes.
 */
#include "unit.h"

#include <errno.h>

#include "error.h"
#include "exitcode.h"
#include "kernel.h"

static void names_results(void **state)
{
	(void)state;
	assert_string_equal(vss_result_name(S_OK), "S_OK");
	assert_string_equal(vss_result_name(E_ACCESSDENIED), "E_ACCESSDENIED");
	assert_string_equal(vss_result_name(VSS_E_HOLD_WRITES_TIMEOUT),
			    "VSS_E_HOLD_WRITES_TIMEOUT");
	assert_string_equal(vss_result_name(0x12345678), "VSS_E_UNEXPECTED");
	/* Values are those of VSS; scripts compare them. */
	assert_int_equal(VSS_E_OBJECT_NOT_FOUND, 0x80042308);
	assert_int_equal(VSS_E_INSUFFICIENT_STORAGE, 0x8004231f);
}

static void maps_errno_of_commands(void **state)
{
	static const struct {
		enum vss_cmd cmd;
		int code;
		vss_result result;
		enum vssctl_exit exit_code;
	} cases[] = {
		{ VSS_CMD_VOLUME_GET, -ENODEV, VSS_E_OBJECT_NOT_FOUND, VSSCTL_NOT_FOUND },
		{ VSS_CMD_VOLUME_ATTACH, -ENODEV, VSS_E_OBJECT_NOT_FOUND, VSSCTL_NOT_FOUND },
		{ VSS_CMD_VOLUME_ATTACH, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS, VSSCTL_BUSY },
		{ VSS_CMD_VOLUME_ATTACH, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
		  VSSCTL_NOT_SUPPORTED },
		{ VSS_CMD_VOLUME_ATTACH, -EAGAIN, VSS_E_HOLD_WRITES_TIMEOUT, VSSCTL_TIMEOUT },
		{ VSS_CMD_VOLUME_DETACH, -EBUSY, VSS_E_VOLUME_IN_USE, VSSCTL_BUSY },
		{ VSS_CMD_VOLUME_DETACH, -ETIMEDOUT, VSS_E_HOLD_WRITES_TIMEOUT, VSSCTL_TIMEOUT },
		{ VSS_CMD_SNAPSHOT_DELETE, -ETIMEDOUT, VSS_E_HOLD_WRITES_TIMEOUT, VSSCTL_TIMEOUT },
		{ VSS_CMD_SET_PREPARE, -EBUSY, VSS_E_SNAPSHOT_SET_IN_PROGRESS, VSSCTL_BUSY },
		{ VSS_CMD_SET_PREPARE, -ENOSPC, VSS_E_INSUFFICIENT_STORAGE, VSSCTL_NO_ROOM },
		{ VSS_CMD_SET_PREPARE, -EMLINK, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
		  VSSCTL_NO_ROOM },
		{ VSS_CMD_SET_STEP, -ETIMEDOUT, VSS_E_FLUSH_WRITES_TIMEOUT, VSSCTL_TIMEOUT },
		{ VSS_CMD_SET_STEP, -EPERM, E_ACCESSDENIED, VSSCTL_PERMISSION },
		{ VSS_CMD_SET_STEP, -ECANCELED, VSS_E_BAD_STATE, VSSCTL_FAILURE },
		{ VSS_CMD_SNAPSHOT_DELETE, -EBUSY, VSS_E_VOLUME_IN_USE, VSSCTL_BUSY },
		{ VSS_CMD_SNAPSHOT_DELETE, -ENOENT, VSS_E_OBJECT_NOT_FOUND, VSSCTL_NOT_FOUND },
		{ VSS_CMD_MODULE_TEST, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
		  VSSCTL_NOT_SUPPORTED },
		{ VSS_CMD_AREA_ADD, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT, VSSCTL_NOT_SUPPORTED },
		{ VSS_CMD_AREA_EXTENTS, -EBUSY, VSS_E_VOLUME_IN_USE, VSSCTL_BUSY },
		{ VSS_CMD_AREA_ADD, -ENOSPC, VSS_E_INSUFFICIENT_STORAGE, VSSCTL_NO_ROOM },
		{ VSS_CMD_AREA_ADD, -EMLINK, VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED, VSSCTL_NO_ROOM },
		{ VSS_CMD_AREA_EXTENTS, -ENOSPC, VSS_E_INSUFFICIENT_STORAGE, VSSCTL_NO_ROOM },
		{ VSS_CMD_AREA_REMOVE, -EBUSY, VSS_E_VOLUME_IN_USE, VSSCTL_BUSY },
		{ VSS_CMD_AREA_REMOVE, -ENOENT, VSS_E_OBJECT_NOT_FOUND, VSSCTL_NOT_FOUND },
		/* Where a command has no rule of its own. */
		{ VSS_CMD_SNAPSHOT_SET, -EPERM, E_ACCESSDENIED, VSSCTL_PERMISSION },
		{ VSS_CMD_MODULE_GET, -ENOMEM, E_OUTOFMEMORY, VSSCTL_FAILURE },
		{ VSS_CMD_VOLUME_SET, -EINVAL, E_INVALIDARG, VSSCTL_FAILURE },
		{ VSS_CMD_VOLUME_SET, -EPROTO, VSS_E_UNEXPECTED, VSSCTL_FAILURE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		vss_result result = vss_kernel_result_of(cases[i].cmd, cases[i].code);

		assert_int_equal(result, cases[i].result);
		assert_int_equal(vssctl_exit_of(result), cases[i].exit_code);
	}
}

static void keeps_exit_codes(void **state)
{
	(void)state;
	/* These are promised in vssctl(8). */
	assert_int_equal(VSSCTL_OK, 0);
	assert_int_equal(VSSCTL_USAGE, 1);
	assert_int_equal(VSSCTL_FAILURE, 2);
	assert_int_equal(VSSCTL_NOT_FOUND, 3);
	assert_int_equal(VSSCTL_BUSY, 4);
	assert_int_equal(VSSCTL_PERMISSION, 5);
	assert_int_equal(VSSCTL_NO_ROOM, 6);
	assert_int_equal(VSSCTL_NOT_SUPPORTED, 7);
	assert_int_equal(VSSCTL_TIMEOUT, 8);
	assert_int_equal(vssctl_exit_of(S_OK), 0);
	assert_int_equal(vssctl_exit_of(VSS_E_PROVIDER_NOT_REGISTERED), VSSCTL_NOT_SUPPORTED);
}

static void fills_records(void **state)
{
	struct vss_error error = { 0 };
	char text[2 * VSS_ERROR_TEXT_SIZE];

	(void)state;
	assert_int_equal(vss_error_errno(&error, -ENOSPC, "no room on %s", "/srv"), -ENOSPC);
	assert_int_equal(error.code, -ENOSPC);
	assert_int_equal(error.result, VSS_E_INSUFFICIENT_STORAGE);
	assert_string_equal(error.text, "no room on /srv");
	assert_int_equal(vss_error_errno(NULL, -EIO, "nobody asked"), -EIO);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	vss_error_set(&error, -EIO, VSS_E_PROVIDER_VETO, "%s", text);
	assert_int_equal(strlen(error.text), VSS_ERROR_TEXT_SIZE - 1);
}

/* What a sentence quotes may come from anybody. */
static void quotes_only_text(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\xbe", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\xbe" },
		{ "a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?" },
		{ "\xc2\x9b", "??" },
		{ "gr\xfc", "gr?" },
		{ "\xc0\xaf\xe0\x80\xaf", "?????" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80\xf8", "?????" },
		{ "cut \xe2\x82", "cut ??" },
	};
	struct vss_error error;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		vss_error_set(&error, -EINVAL, E_INVALIDARG, "%s", table[i].in);
		assert_string_equal(error.text, table[i].out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_results),
		cmocka_unit_test(maps_errno_of_commands),
		cmocka_unit_test(keeps_exit_codes),
		cmocka_unit_test(fills_records),
		cmocka_unit_test(quotes_only_text),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

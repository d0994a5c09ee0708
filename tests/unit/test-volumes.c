// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssd's view of this machine's volumes: names that stand for none, whether or not
 * somebody wants to hear why.
 */
#include "unit.h"

#include "volumes.h"

static void names_of_nothing(void **state)
{
	static const char *const names[] = { "/dev/no-such-device", "/no/such/folder", "no-such-volume", "" };
	const struct vssd_volumes volumes = vssd_volumes_system();
	struct vssd_volume volume;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct vss_error err = { 0 };

		assert_int_equal(volumes.resolve(volumes.data, names[i], &volume, &err), VSS_E_OBJECT_NOT_FOUND);
		assert_true(err.text[0]);
		/* As for an original that may be away: masking, breaking. */
		assert_int_equal(volumes.resolve(volumes.data, names[i], &volume, NULL), VSS_E_OBJECT_NOT_FOUND);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

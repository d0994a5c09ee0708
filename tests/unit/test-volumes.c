// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssd's volumes: which ones the running system lies on, on made-up machines, and how
 * images of each file system are mounted; names that stand for none.
 */
#include "unit.h"

#include "fake-sysfs.h"
#include "volumes.h"

static int setup(void **state)
{
	struct machine *m = machine_new();

	machine_device(m, "tva", 400, 0);
	machine_partition(m, "tva/tva1", 400, 1);
	machine_partition(m, "tva/tva2", 400, 2);
	machine_device(m, "tvb", 400, 16);
	machine_device(m, "tvc", 400, 32);
	machine_device(m, "tdm-0", 401, 0);
	machine_device(m, "tloop0", 403, 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	machine_free(*state);
	return 0;
}

static bool is_system(struct machine *m, unsigned int major, unsigned int minor)
{
	struct vss_stack stack;
	bool answer;

	machine_load(m, &stack);
	answer = vssd_volumes_is_system(&stack, vss_stack_find(&stack, (struct vss_devno) { major, minor }));
	vss_stack_clear(&stack);
	return answer;
}

/* REV-011: what is mounted where a system needs it, and all that lies below that. */
static void system_volumes(void **state)
{
	struct machine *m = *state;

	machine_slave(m, "tdm-0", "tva2");
	machine_mount(m, 401, 0, "/", "ext4", "/dev/tdm-0", "rw");
	machine_mount(m, 400, 1, "/boot", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 400, 16, "/srv", "xfs", "/dev/tvb", "rw");
	machine_mount(m, 400, 32, "/mnt/boot", "xfs", "/dev/tvc", "rw");
	machine_loop(m, "tloop0", "/root/image");
	machine_mount(m, 403, 0, "/mnt/usr", "ext4", "/dev/tloop0", "rw");
	assert_true(is_system(m, 401, 0));
	assert_true(is_system(m, 400, 2));
	assert_true(is_system(m, 400, 1));
	assert_true(is_system(m, 400, 0));
	assert_false(is_system(m, 400, 16));
	assert_false(is_system(m, 400, 32));
	/* It lies on the system's volume, not the other way round. */
	assert_false(is_system(m, 403, 0));
}

/* A file system of several devices, in which the root is a subvolume. */
static void system_on_btrfs(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 0, 33, "/", "btrfs", "/dev/tvb", "rw,subvol=/");
	machine_mount(m, 0, 33, "/srv", "btrfs", "/dev/tvb", "rw,subvol=/");
	machine_btrfs(m, "33333333-4444", "tvb");
	machine_btrfs(m, "33333333-4444", "tvc");
	assert_true(is_system(m, 400, 16));
	assert_true(is_system(m, 400, 32));
	assert_false(is_system(m, 400, 0));
}

static void mount_options(void **state)
{
	struct vss_error err = { 0 };

	(void)state;
	assert_string_equal(vssd_volumes_mount_options("ext4", false, "/dev/x", &err), "ro,noload,nosuid,nodev");
	assert_string_equal(vssd_volumes_mount_options("xfs", false, "/dev/x", &err),
			    "ro,norecovery,nouuid,nosuid,nodev");
	assert_string_equal(vssd_volumes_mount_options("xfs", true, "/dev/x", &err), "rw,nouuid,nosuid,nodev");
	assert_string_equal(vssd_volumes_mount_options("vfat", false, "/dev/x", &err), "ro,nosuid,nodev");
	assert_null(vssd_volumes_mount_options("btrfs", false, "/dev/x", &err));
	assert_int_equal(err.result, VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "/dev/x"));
	memset(&err, 0, sizeof(err));
	assert_null(vssd_volumes_mount_options("", false, "/dev/x", &err));
	assert_int_equal(err.result, VSS_E_VOLUME_NOT_SUPPORTED);
}

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(system_volumes),
		TEST(system_on_btrfs),
		TEST(mount_options),
		TEST(names_of_nothing),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

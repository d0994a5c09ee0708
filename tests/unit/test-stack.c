// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lies on what, what has to be frozen at which level, and where a diff
 * area may lie: on made-up machines.
 */
#include "unit.h"

#include "area-stack.h"
#include "fake-sysfs.h"
#include "freeze.h"

#include <errno.h>

/* Devices used below. */
static const struct vss_devno tva = { 400, 0 }, tva1 = { 400, 1 }, tva2 = { 400, 2 };
static const struct vss_devno tvb = { 400, 16 }, tvc = { 400, 32 }, tvd = { 400, 48 };
static const struct vss_devno tdm0 = { 401, 0 }, tdm1 = { 401, 1 };
static const struct vss_devno tmd0 = { 402, 0 };
static const struct vss_devno tloop0 = { 403, 0 }, tloop1 = { 403, 1 };

static int setup(void **state)
{
	struct machine *m = machine_new();

	machine_device(m, "tva", 400, 0);
	machine_partition(m, "tva/tva1", 400, 1);
	machine_partition(m, "tva/tva2", 400, 2);
	machine_device(m, "tvb", 400, 16);
	machine_device(m, "tvc", 400, 32);
	machine_device(m, "tvd", 400, 48);
	machine_device(m, "tdm-0", 401, 0);
	machine_device(m, "tdm-1", 401, 1);
	machine_device(m, "tmd0", 402, 0);
	machine_device(m, "tloop0", 403, 0);
	machine_device(m, "tloop1", 403, 1);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	machine_free(*state);
	return 0;
}

static size_t find(const struct vss_stack *stack, struct vss_devno dev)
{
	size_t index = vss_stack_find(stack, dev);

	assert_int_not_equal(index, VSS_STACK_NONE);
	return index;
}

static bool lies_on(const struct vss_stack *stack, struct vss_devno upper,
		    struct vss_devno lower)
{
	return vss_stack_lies_on(stack, find(stack, upper), find(stack, lower));
}

/* --------------------------------------------------------------------------
 * The picture
 */

static void sees_partitions(void **state)
{
	struct vss_stack stack;

	machine_load(*state, &stack);
	assert_true(lies_on(&stack, tva1, tva));
	assert_true(vss_stack_is_partition_of(&stack, find(&stack, tva1), find(&stack, tva)));
	assert_false(lies_on(&stack, tva, tva1));
	assert_false(lies_on(&stack, tva1, tva2));
	assert_false(lies_on(&stack, tva, tva));
	assert_false(lies_on(&stack, tvb, tva));
	vss_stack_clear(&stack);
}

static void sees_stacks(void **state)
{
	struct machine *m = *state;
	struct vss_stack stack;

	/* A logical volume on a mirror of a partition and a disk. */
	machine_slave(m, "tmd0", "tva1");
	machine_slave(m, "tmd0", "tvb");
	machine_slave(m, "tdm-0", "tmd0");
	machine_load(m, &stack);
	assert_true(lies_on(&stack, tdm0, tmd0));
	assert_true(lies_on(&stack, tdm0, tva1));
	assert_true(lies_on(&stack, tdm0, tva));
	assert_true(lies_on(&stack, tdm0, tvb));
	assert_false(lies_on(&stack, tdm0, tva2));
	assert_false(lies_on(&stack, tva, tdm0));
	vss_stack_clear(&stack);
}

static void sees_loops(void **state)
{
	struct machine *m = *state;
	struct vss_stack stack;

	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 400, 16, "/srv", "xfs", "/dev/tvb", "rw");
	machine_mount(m, 400, 32, "/srv/deep", "ext4", "/dev/tvc", "rw");
	machine_loop(m, "tloop0", "/srv/image (deleted)");
	machine_loop(m, "tloop1", "/srvimage");
	machine_load(m, &stack);
	assert_true(lies_on(&stack, tloop0, tvb));
	assert_false(lies_on(&stack, tloop0, tvc));
	assert_false(lies_on(&stack, tloop0, tva));
	/* "/srv" is no parent of "/srvimage". */
	assert_true(lies_on(&stack, tloop1, tva1));
	assert_true(lies_on(&stack, tloop1, tva));
	assert_false(lies_on(&stack, tloop1, tvb));
	vss_stack_clear(&stack);
}

static void sees_all_devices_of_btrfs(void **state)
{
	struct machine *m = *state;
	const struct vss_stack_fs *fs;
	struct vss_stack stack;

	machine_mount(m, 0, 33, "/data", "btrfs", "/dev/tvb", "rw,subvol=/");
	machine_btrfs(m, "11111111-2222", "tva2");
	machine_btrfs(m, "33333333-4444", "tvb");
	machine_btrfs(m, "33333333-4444", "tvc");
	machine_load(m, &stack);
	assert_int_equal(stack.fs_count, 1);
	fs = &stack.fss[0];
	assert_true(fs->btrfs);
	assert_int_equal(fs->dev_count, 2);
	assert_int_equal(fs->devs[0], find(&stack, tvb));
	assert_int_equal(fs->devs[1], find(&stack, tvc));
	vss_stack_clear(&stack);
}

static void counts_a_file_system_once(void **state)
{
	struct machine *m = *state;
	struct vss_stack stack;

	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 400, 1, "/bind", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 0, 5, "/proc", "proc", "proc", "rw");
	machine_load(m, &stack);
	assert_int_equal(stack.fs_count, 2);
	assert_int_equal(stack.fss[0].mount_count, 2);
	assert_int_equal(stack.fss[1].dev_count, 0);
	vss_stack_clear(&stack);
}

/* --------------------------------------------------------------------------
 * Freeze plans
 */

struct expected_freeze {
	const char *mount_point;
	uint32_t level;
};

static void check_plan(struct machine *m, const struct vss_devno *members, size_t count,
		       const uint32_t *levels, const struct expected_freeze *freezes,
		       size_t freeze_count)
{
	struct vss_freeze_plan plan;
	struct vss_error error = { 0 };
	struct vss_stack stack;

	machine_load(m, &stack);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, members, count, false, &plan, &error),
			 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(plan.levels[i], levels[i]);
	assert_int_equal(plan.freeze_count, freeze_count);
	for (size_t i = 0; i < freeze_count; i++) {
		assert_string_equal(plan.mount_points[i], freezes[i].mount_point);
		assert_int_equal(plan.freezes[i].level, freezes[i].level);
	}
	vss_freeze_plan_clear(&plan);
	vss_stack_clear(&stack);
}

#define MEMBERS(...)	(const struct vss_devno[]) { __VA_ARGS__ }, \
			sizeof((const struct vss_devno[]) { __VA_ARGS__ }) / sizeof(struct vss_devno)
#define LEVELS(...)	(const uint32_t[]) { __VA_ARGS__ }
#define FREEZES(...)	(const struct expected_freeze[]) { __VA_ARGS__ }, \
			sizeof((const struct expected_freeze[]) { __VA_ARGS__ }) / \
			sizeof(struct expected_freeze)
#define NO_FREEZES	NULL, 0

static void leaves_direct_ones_to_the_kernel(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 400, 16, "/srv", "xfs", "/dev/tvb", "rw");
	machine_mount(m, 400, 32, "/other", "xfs", "/dev/tvc", "rw");
	check_plan(m, MEMBERS(tva1, tvb), LEVELS(0, 0), NO_FREEZES);
	/* On a partition of a disk that is snapshotted: the same. */
	check_plan(m, MEMBERS(tva), LEVELS(0), NO_FREEZES);
}

static void finds_what_lies_on_volume_groups(void **state)
{
	struct machine *m = *state;

	machine_slave(m, "tdm-0", "tva1");
	machine_slave(m, "tdm-1", "tdm-0");
	machine_mount(m, 401, 0, "/lv", "ext4", "/dev/mapper/lv", "rw");
	machine_mount(m, 401, 1, "/crypt", "xfs", "/dev/mapper/crypt", "rw");
	check_plan(m, MEMBERS(tva), LEVELS(0), FREEZES({ "/lv", 1 }, { "/crypt", 1 }));
	check_plan(m, MEMBERS(tva1), LEVELS(0), FREEZES({ "/lv", 1 }, { "/crypt", 1 }));
	/* The logical volume itself: its own file system is direct. */
	check_plan(m, MEMBERS(tdm0), LEVELS(0), FREEZES({ "/crypt", 1 }));
	/* Both: what lies on the other comes first. */
	check_plan(m, MEMBERS(tva, tdm0), LEVELS(0, 1), FREEZES({ "/crypt", 2 }));
	check_plan(m, MEMBERS(tdm1, tdm0, tva1), LEVELS(2, 1, 0), NO_FREEZES);
}

static void finds_what_lies_on_mirrors(void **state)
{
	struct machine *m = *state;

	machine_slave(m, "tmd0", "tva1");
	machine_slave(m, "tmd0", "tvb");
	machine_mount(m, 402, 0, "/md", "ext4", "/dev/tmd0", "rw");
	check_plan(m, MEMBERS(tva1), LEVELS(0), FREEZES({ "/md", 1 }));
	check_plan(m, MEMBERS(tva1, tvb), LEVELS(0, 0), FREEZES({ "/md", 1 }));
	check_plan(m, MEMBERS(tmd0), LEVELS(0), NO_FREEZES);
	check_plan(m, MEMBERS(tvc), LEVELS(0), NO_FREEZES);
}

static void orders_file_systems_in_files(void **state)
{
	struct machine *m = *state;

	/* ext4 on a partition; in it an image with XFS; in that one with ext4. */
	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 403, 0, "/one", "xfs", "/dev/tloop0", "rw");
	machine_mount(m, 403, 1, "/two", "ext4", "/dev/tloop1", "rw");
	machine_loop(m, "tloop0", "/images/one");
	machine_loop(m, "tloop1", "/one/two");
	/* Frozen in the order two, one, root: each flush still passes below. */
	check_plan(m, MEMBERS(tva), LEVELS(0), FREEZES({ "/one", 1 }, { "/two", 2 }));
	/* A file system that is frozen in between raises the volume above it. */
	check_plan(m, MEMBERS(tva1, tloop1), LEVELS(0, 2), FREEZES({ "/one", 1 }));
	check_plan(m, MEMBERS(tloop0), LEVELS(0), FREEZES({ "/two", 1 }));
	check_plan(m, MEMBERS(tloop1), LEVELS(0), NO_FREEZES);
}

static void always_names_btrfs(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 0, 40, "/b", "btrfs", "/dev/tvb", "rw");
	machine_btrfs(m, "33333333-4444", "tvb");
	check_plan(m, MEMBERS(tvb), LEVELS(0), FREEZES({ "/b", 0 }));
	check_plan(m, MEMBERS(tvc), LEVELS(0), NO_FREEZES);
}

static void demands_all_devices_of_btrfs(void **state)
{
	struct machine *m = *state;
	const struct vss_devno one[] = { tvb };
	struct vss_freeze_plan plan;
	struct vss_error error;
	struct vss_stack stack;

	machine_mount(m, 0, 40, "/b", "btrfs", "/dev/tvb", "rw");
	machine_btrfs(m, "33333333-4444", "tvb");
	machine_btrfs(m, "33333333-4444", "tvc");
	machine_btrfs(m, "33333333-4444", "tva2");
	machine_load(m, &stack);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, one, 1, false, &plan, &error), -EXDEV);
	assert_int_equal(error.result, VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(error.text, "/b "));
	assert_non_null(strstr(error.text, "/dev/tvc"));
	assert_non_null(strstr(error.text, "/dev/tva2"));
	vss_stack_clear(&stack);
	/* The disk of a partition will do for the partition. */
	check_plan(m, MEMBERS(tvb, tvc, tva), LEVELS(0, 0, 0), FREEZES({ "/b", 0 }));
}

static void freezes_for_an_external_log(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 400, 16, "/x", "xfs", "/dev/tvb", "rw,logdev=/dev/tvc,noquota");
	check_plan(m, MEMBERS(tvb), LEVELS(0), NO_FREEZES);
	check_plan(m, MEMBERS(tvb, tvc), LEVELS(0, 0), NO_FREEZES);
	/* The kernel would not find it by its log. */
	check_plan(m, MEMBERS(tvc), LEVELS(0), FREEZES({ "/x", 0 }));
}

static void notes_swap(void **state)
{
	const struct vss_devno member[] = { tva };
	struct machine *m = *state;
	struct vss_freeze_plan plan;
	struct vss_error error;
	struct vss_stack stack;

	machine_write(m->swaps, "/dev/tva2                               partition\t100\t0\t-2\n");
	machine_write(m->swaps, "/dev/tvb                                partition\t100\t0\t-3\n");
	machine_load(m, &stack);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, member, 1, false, &plan, &error), 0);
	assert_int_equal(plan.note_count, 1);
	assert_non_null(strstr(plan.notes[0], "/dev/tva2"));
	vss_freeze_plan_clear(&plan);
	vss_stack_clear(&stack);
}

static void refuses_what_is_not_there(void **state)
{
	const struct vss_devno member[] = { { 400, 99 } };
	struct vss_freeze_plan plan;
	struct vss_error error;
	struct vss_stack stack;

	machine_load(*state, &stack);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, member, 1, false, &plan, &error),
			 -ENODEV);
	vss_stack_clear(&stack);
}

static void refuses_too_many_layers(void **state)
{
	struct machine *m = *state;
	struct vss_devno members[18];
	struct vss_freeze_plan plan;
	struct vss_error error;
	struct vss_stack stack;

	for (unsigned int i = 0; i < 18; i++) {
		char name[16], below[16];

		snprintf(name, sizeof(name), "tdm-9%u", i);
		snprintf(below, sizeof(below), "tdm-9%u", i - 1);
		machine_device(m, name, 401, 90 + i);
		if (i)
			machine_slave(m, name, below);
		members[i] = (struct vss_devno) { 401, 90 + i };
	}
	machine_load(m, &stack);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, members, 16, false, &plan, &error), 0);
	assert_int_equal(plan.levels[15], 15);
	vss_freeze_plan_clear(&plan);
	assert_int_equal(vss_freeze_plan_from_stack(&stack, members, 17, false, &plan, &error),
			 -ELOOP);
	vss_stack_clear(&stack);
}

/* --------------------------------------------------------------------------
 * Diff areas
 */

static int file_check(struct machine *m, struct vss_devno volume, struct vss_devno dev)
{
	struct vss_error error;
	struct vss_stack stack;
	int ret;

	machine_load(m, &stack);
	ret = vss_area_file_stack_check(&stack, find(&stack, volume), find(&stack, dev), &error);
	vss_stack_clear(&stack);
	return ret;
}

static int device_check(struct machine *m, struct vss_devno volume, struct vss_devno dev)
{
	struct vss_error error;
	struct vss_stack stack;
	int ret;

	machine_load(m, &stack);
	ret = vss_area_device_stack_check(&stack, find(&stack, volume), find(&stack, dev), &error);
	vss_stack_clear(&stack);
	return ret;
}

static void judges_places_for_files(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_mount(m, 403, 0, "/one", "ext4", "/dev/tloop0", "rw");
	machine_loop(m, "tloop0", "/images/one");
	machine_slave(m, "tdm-0", "tvb");
	/* The volume itself, a partition of it, something else. */
	assert_int_equal(file_check(m, tva1, tva1), 0);
	assert_int_equal(file_check(m, tva, tva1), 0);
	assert_int_equal(file_check(m, tva1, tvc), 0);
	assert_int_equal(file_check(m, tva1, tva2), 0);
	/* In a file on it, or on a logical volume on it. */
	assert_int_equal(file_check(m, tva1, tloop0), -ELOOP);
	assert_int_equal(file_check(m, tva, tloop0), -ELOOP);
	assert_int_equal(file_check(m, tvb, tdm0), -ELOOP);
	/* What the volume lies on is no cycle. */
	assert_int_equal(file_check(m, tloop0, tva1), 0);
}

static void judges_devices(void **state)
{
	struct machine *m = *state;

	machine_mount(m, 400, 1, "/", "ext4", "/dev/tva1", "rw");
	machine_loop(m, "tloop0", "/images/one");
	machine_slave(m, "tdm-0", "tvb");
	assert_int_equal(device_check(m, tva1, tvd), 0);
	assert_int_equal(device_check(m, tva1, tva2), 0);
	assert_int_equal(device_check(m, tva1, tva1), -ELOOP);
	assert_int_equal(device_check(m, tva1, tva), -ELOOP);
	assert_int_equal(device_check(m, tva, tva1), -ELOOP);
	assert_int_equal(device_check(m, tva1, tloop0), -ELOOP);
	assert_int_equal(device_check(m, tloop0, tva1), -ELOOP);
	assert_int_equal(device_check(m, tdm0, tvb), -ELOOP);
	assert_int_equal(device_check(m, tvb, tdm0), -ELOOP);
	assert_int_equal(device_check(m, tdm0, tvc), 0);
}

/* What @volume on @dev is, beside an area of @other on @area. */
static int circle_check(struct machine *m, struct vss_devno volume, struct vss_devno dev, struct vss_devno other,
			struct vss_devno area)
{
	struct vss_area_edge edges[2];
	struct vss_error error;
	struct vss_stack stack;
	int ret;

	machine_load(m, &stack);
	edges[0] = (struct vss_area_edge) { find(&stack, other), find(&stack, area) };
	/* Its own on itself is no matter. */
	edges[1] = (struct vss_area_edge) { find(&stack, volume), find(&stack, volume) };
	ret = vss_area_circle_check(&stack, find(&stack, volume), find(&stack, dev), edges, 2, &error);
	vss_stack_clear(&stack);
	return ret;
}

static void finds_circles(void **state)
{
	struct machine *m = *state;

	machine_slave(m, "tdm-0", "tvb");
	machine_slave(m, "tdm-1", "tva1");
	assert_int_equal(circle_check(m, tva1, tvd, tvb, tvc), 0);
	assert_int_equal(circle_check(m, tva1, tdm0, tvb, tvc), 0);
	assert_int_equal(circle_check(m, tva1, tdm0, tvc, tva1), 0);
	/* Directly, and with a logical volume on either side. */
	assert_int_equal(circle_check(m, tva1, tvb, tvb, tva1), -ELOOP);
	assert_int_equal(circle_check(m, tva1, tdm0, tvb, tva1), -ELOOP);
	assert_int_equal(circle_check(m, tva1, tvb, tvb, tdm1), -ELOOP);
	assert_int_equal(circle_check(m, tva1, tdm0, tvb, tdm1), -ELOOP);
	assert_int_equal(circle_check(m, tva, tdm0, tvb, tdm1), -ELOOP);
	/* Another part of the disk is another place. */
	assert_int_equal(circle_check(m, tva2, tdm0, tvb, tdm1), 0);
	/* Where its own area is on itself. */
	assert_int_equal(circle_check(m, tva1, tva1, tvb, tva1), 0);
}

static void knows_file_systems_for_files(void **state)
{
	static const struct { const char *type; bool good; } types[] = {
		{ "ext4", true }, { "xfs", true }, { "ext3", false }, { "ext2", false },
		{ "btrfs", false }, { "f2fs", false }, { "overlay", false }, { "nfs4", false },
		{ "tmpfs", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		char type[16];
		const struct vss_stack_fs fs = { .type = strcpy(type, types[i].type) };

		assert_int_equal(vss_area_fs_supported(&fs), types[i].good);
	}
}

/* Requests come to a path past the entrance where writes are seen. */
static void knows_paths_of_multipath(void **state)
{
	struct machine *m = *state;
	char name[VSS_SYSFS_NAME_SIZE];

	machine_mkdir(m, "class/block/tva/holders/tdm-0");
	machine_mkdir(m, "class/block/tvb/holders/tdm-1");
	machine_mkdir(m, "class/block/tvc/holders/tdm-2");
	machine_mkdir(m, "class/block/tdm-0/dm");
	machine_mkdir(m, "class/block/tdm-1/dm");
	/* Made by hand, without a name: it works by requests, and has queues. */
	machine_mkdir(m, "class/block/tdm-2/mq");
	machine_attr(m, "class/block/tdm-0/dm", "uuid", "mpath-3600508b4\n");
	machine_attr(m, "class/block/tdm-1/dm", "uuid", "LVM-abc\n");
	assert_true(vss_sysfs_is_path(m->sysfs, "tva", name));
	assert_string_equal(name, "tdm-0");
	assert_true(vss_sysfs_is_path(m->sysfs, "tva1", name));
	assert_false(vss_sysfs_is_path(m->sysfs, "tvb", name));
	assert_true(vss_sysfs_is_path(m->sysfs, "tvc", name));
	assert_string_equal(name, "tdm-2");
	assert_false(vss_sysfs_is_path(m->sysfs, "tvd", name));
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		MACHINE_TEST(sees_partitions),
		MACHINE_TEST(sees_stacks),
		MACHINE_TEST(sees_loops),
		MACHINE_TEST(sees_all_devices_of_btrfs),
		MACHINE_TEST(counts_a_file_system_once),
		MACHINE_TEST(leaves_direct_ones_to_the_kernel),
		MACHINE_TEST(finds_what_lies_on_volume_groups),
		MACHINE_TEST(finds_what_lies_on_mirrors),
		MACHINE_TEST(orders_file_systems_in_files),
		MACHINE_TEST(always_names_btrfs),
		MACHINE_TEST(demands_all_devices_of_btrfs),
		MACHINE_TEST(freezes_for_an_external_log),
		MACHINE_TEST(notes_swap),
		MACHINE_TEST(refuses_what_is_not_there),
		MACHINE_TEST(refuses_too_many_layers),
		MACHINE_TEST(judges_places_for_files),
		MACHINE_TEST(judges_devices),
	MACHINE_TEST(finds_circles),
		MACHINE_TEST(knows_paths_of_multipath),
		cmocka_unit_test(knows_file_systems_for_files),
	};

	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The record of a revert at the next boot, in files in place of a diff area's device.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "revert-wish.h"

static const uint8_t area[VSS_DISK_UUID_SIZE] = "the area's name", other[VSS_DISK_UUID_SIZE] = "another's name";

static int make_device(void)
{
	int fd = memfd_create("area", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, VSS_DISK_HEADER_SIZE), 0);
	return fd;
}

static struct vssctl_wish make_wish(uint32_t state)
{
	struct vssctl_wish wish = { .state = state, .snapshot = { "a snapshot's id" }, .time = 4711, .heads_known = true };

	memset(wish.old_head, 'o', sizeof(wish.old_head));
	memset(wish.new_head, 'n', sizeof(wish.new_head));
	return wish;
}

/* As it gets there: state by state. */
static void write_up_to(int fd, uint32_t state)
{
	for (uint32_t i = VSS_DISK_REVERT_WANTED; i <= state; i++) {
		struct vssctl_wish wish = make_wish(i);

		assert_int_equal(vssctl_wish_write(fd, area, &wish), 0);
	}
}

static void flip(int fd, off_t at)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void comes_back(void **state)
{
	int fd = make_device();
	struct vssctl_wish wish;

	(void)state;
	assert_int_equal(vssctl_wish_read(fd, area, &wish), 0);
	assert_int_equal(wish.state, 0);
	for (uint32_t i = VSS_DISK_REVERT_WANTED; i <= VSS_DISK_REVERT_ENDED; i++) {
		const struct vssctl_wish written = make_wish(i);

		assert_int_equal(vssctl_wish_write(fd, area, &written), 0);
		assert_int_equal(vssctl_wish_read(fd, area, &wish), 0);
		assert_int_equal(wish.state, i);
		assert_int_equal(wish.time, 4711);
		assert_true(vss_uuid_equal(&wish.snapshot, &written.snapshot));
		assert_int_equal(wish.heads_known, i == VSS_DISK_REVERT_WRITING || i == VSS_DISK_REVERT_HEAD);
	}
	assert_int_equal(vssctl_wish_clear(fd), 0);
	assert_int_equal(vssctl_wish_read(fd, area, &wish), 0);
	assert_int_equal(wish.state, 0);
	close(fd);
}

/* The superblocks are neighbours. */
static void writes_nowhere_else(void **state)
{
	uint8_t before[VSS_DISK_HEADER_SIZE], after[VSS_DISK_HEADER_SIZE];
	int fd = make_device();

	(void)state;
	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)(i * 7);
	assert_int_equal(pwrite(fd, before, sizeof(before), 0), sizeof(before));
	write_up_to(fd, VSS_DISK_REVERT_HEAD);
	assert_int_equal(vssctl_wish_clear(fd), 0);
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_equal(before, after, VSS_DISK_REVERT_AT);
	assert_memory_equal(before + 16384, after + 16384, sizeof(before) - 16384);
	close(fd);
}

static void of_another_area(void **state)
{
	int fd = make_device();
	struct vssctl_wish wish;

	(void)state;
	write_up_to(fd, VSS_DISK_REVERT_WANTED);
	assert_int_equal(vssctl_wish_read(fd, other, &wish), 0);
	assert_int_equal(wish.state, 0);
	close(fd);
}

static void damaged(void **state)
{
	struct vssctl_wish wish;
	int fd = make_device();

	(void)state;
	write_up_to(fd, VSS_DISK_REVERT_HEAD);
	for (off_t at = 8; at < 512; at++) {
		flip(fd, VSS_DISK_REVERT_AT + at);
		assert_int_equal(vssctl_wish_read(fd, area, &wish), -EBADMSG);
		assert_int_equal(wish.state, 0);
		flip(fd, VSS_DISK_REVERT_AT + at);
	}
	assert_int_equal(ftruncate(fd, VSS_DISK_REVERT_AT + 512), 0);
	assert_int_equal(vssctl_wish_read(fd, area, &wish), -EIO);
	close(fd);
}

static void bad_heads(void **state)
{
	static const off_t heads[] = { VSS_DISK_REVERT_OLD_AT, VSS_DISK_REVERT_NEW_AT };
	struct vssctl_wish wish;
	int fd = make_device();

	(void)state;
	write_up_to(fd, VSS_DISK_REVERT_HEAD);
	for (size_t i = 0; i < COUNT(heads); i++) {
		const struct vssctl_wish good = make_wish(VSS_DISK_REVERT_HEAD);

		flip(fd, heads[i] + 4000);
		assert_int_equal(vssctl_wish_read(fd, area, &wish), 0);
		assert_int_equal(wish.state, VSS_DISK_REVERT_HEAD);
		assert_false(wish.heads_known);
		assert_false(vssctl_wish_is_head(&wish, good.old_head));
		flip(fd, heads[i] + 4000);
	}
	close(fd);
}

/* The power fails while the new head is being written, before the record names it. */
static void new_head_half_written(void **state)
{
	struct vssctl_wish wish;
	int fd = make_device();

	(void)state;
	write_up_to(fd, VSS_DISK_REVERT_WRITING);
	flip(fd, VSS_DISK_REVERT_NEW_AT + 100);
	assert_int_equal(vssctl_wish_read(fd, area, &wish), 0);
	assert_true(wish.heads_known);
	assert_true(vssctl_wish_is_head(&wish, make_wish(0).old_head));
	assert_false(vssctl_wish_is_head(&wish, make_wish(0).new_head));
	close(fd);
}

static void heads(void **state)
{
	const struct vssctl_wish wish = make_wish(VSS_DISK_REVERT_HEAD);
	uint8_t head[VSS_DISK_HEAD_SIZE];

	(void)state;
	assert_true(vssctl_wish_is_head(&wish, wish.old_head));
	assert_true(vssctl_wish_is_head(&wish, wish.new_head));
	for (size_t at = 0; at < sizeof(head); at += 512) {
		memcpy(head, wish.old_head, sizeof(head));
		memset(head + at, 'n', 512);
		assert_true(vssctl_wish_is_head(&wish, head));
		head[at + 511] = 'o';
		assert_false(vssctl_wish_is_head(&wish, head));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(writes_nowhere_else),
		cmocka_unit_test(of_another_area),
		cmocka_unit_test(damaged),
		cmocka_unit_test(bad_heads),
		cmocka_unit_test(new_head_half_written),
		cmocka_unit_test(heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

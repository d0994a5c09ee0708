// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is found on a device before a diff area would overwrite it.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vss_disk.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area-device.h"
#include "error.h"

static char path[32];
static int fd;

static int make(void **state)
{
	(void)state;
	strcpy(path, "/tmp/vss-test-device-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	unlink(path);
	close(fd);
	return 0;
}

static void magic_at(off_t byte)
{
	assert_int_equal(pwrite(fd, VSS_DISK_MAGIC, 8, byte), 8);
}

static void make_ext4(void)
{
	char line[128];

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin mke2fs -qF -t ext4 %s 2>/dev/null", path);
	if (system(line))
		skip();
}

/* With @text in the sentence; without: nothing is found. */
static void expect(const char *text)
{
	struct vss_error err = { 0 };

	assert_int_equal(vss_area_device_check_empty(fd, "/dev/x", &err), text ? -EEXIST : 0);
	if (text) {
		assert_non_null(strstr(err.text, "/dev/x "));
		assert_non_null(strstr(err.text, text));
		assert_non_null(strstr(err.text, "--force"));
	}
}

static void nothing(void **state)
{
	(void)state;
	expect(NULL);
	assert_int_equal(pwrite(fd, "LinuxVS", 7, 0), 7);
	magic_at(VSS_DISK_SUPER_SIZE);
	expect(NULL);
	/* Too small for what is looked for. */
	assert_int_equal(ftruncate(fd, 4096), 0);
	expect(NULL);
}

static void diff_area(void **state)
{
	(void)state;
	magic_at(0);
	expect("holds a persistent diff area, see 'vssctl diff-area load'");
}

/* The first one is damaged. */
static void second_superblock(void **state)
{
	(void)state;
	magic_at(VSS_DISK_SUPER_STRIDE);
	expect("holds a persistent diff area");
}

static void file_system(void **state)
{
	(void)state;
	make_ext4();
	expect("contains ext4");
	/* The area that was there before. */
	magic_at(VSS_DISK_SUPER_STRIDE);
	expect("contains ext4");
}

static void unreadable(void **state)
{
	int closed = open(path, O_WRONLY);
	struct vss_error err = { 0 };

	(void)state;
	assert_true(closed >= 0);
	assert_int_equal(vss_area_device_check_empty(closed, "/dev/x", &err), -EIO);
	close(closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing, make, gone),
		cmocka_unit_test_setup_teardown(diff_area, make, gone),
		cmocka_unit_test_setup_teardown(second_superblock, make, gone),
		cmocka_unit_test_setup_teardown(file_system, make, gone),
		cmocka_unit_test_setup_teardown(unreadable, make, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

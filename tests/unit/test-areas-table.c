// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of persistent diff areas, /etc/vss/areas.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "areas-table.h"
#include "print.h"

struct table {
	char path[64];
	char *said;
	struct vssctl ctl;
	struct vssctl_areas areas;
	bool bad;
};

static void read_table(struct table *t, const char *content)
{
	size_t size;
	FILE *file;
	int fd;

	strcpy(t->path, "/tmp/vss-test-areas-XXXXXX");
	fd = mkstemp(t->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
	file = open_memstream(&t->said, &size);
	t->ctl = (struct vssctl) { .out = file, .err = file, .print = &vssctl_print_text };
	assert_int_equal(vssctl_areas_read(&t->ctl, t->path, &t->areas, &t->bad), 0);
	fclose(file);
	unlink(t->path);
}

static void clear(struct table *t)
{
	vssctl_areas_clear(&t->areas);
	free(t->said);
}

static void good_lines(void **state)
{
	struct table t;

	(void)state;
	read_table(&t, "# volume area\n\nUUID=1234\t /dev/disk/by-id/x\r\n   LABEL=a  PARTLABEL=b   \n\t#LABEL=c d\n"
		   "/dev/last /dev/without-newline");
	assert_false(t.bad);
	assert_string_equal(t.said, "");
	assert_int_equal(t.areas.count, 3);
	assert_string_equal(t.areas.lines[0].volume, "UUID=1234");
	assert_string_equal(t.areas.lines[0].device, "/dev/disk/by-id/x");
	assert_string_equal(t.areas.lines[1].device, "PARTLABEL=b");
	assert_string_equal(t.areas.lines[2].device, "/dev/without-newline");
	clear(&t);
}

/* Each is told with its number, and the good ones among them count. */
static void bad_lines(void **state)
{
	static const char *const said[] = {
		":1: a line has", ":2: a line has", ":3: a volume cannot be", ":4: LABEL= has no value",
		":5: /srv is not the name of a device", ":6: sda1 is not", ":7: /dev//sda is not written plainly",
		":8: /dev/mapper/../sda is not",
	};
	struct table t;

	(void)state;
	read_table(&t, "/dev/a\n/dev/a /dev/b /dev/c\n/dev/a /dev/a\n/dev/a LABEL=\n/srv /dev/b\n/dev/a sda1\n"
		   "/dev//sda /dev/b\n/dev/a /dev/mapper/../sda\n/dev/c /dev/d\n");
	assert_true(t.bad);
	for (size_t i = 0; i < COUNT(said); i++)
		assert_non_null(strstr(t.said, said[i]));
	assert_null(strstr(t.said, ":9:"));
	assert_int_equal(t.areas.count, 1);
	assert_string_equal(t.areas.lines[0].volume, "/dev/c");
	assert_int_equal(t.areas.lines[0].number, 9);
	clear(&t);
}

/* Which one is meant nobody can tell: not the first, not the last, none. */
static void names_in_common(void **state)
{
	struct table t;

	(void)state;
	read_table(&t, "/dev/a /dev/b\n/dev/a /dev/c\n\n/dev/d /dev/e\nUUID=1 /dev/c\n/dev/e /dev/f\n/dev/g /dev/h\n");
	assert_true(t.bad);
	assert_int_equal(t.areas.count, 1);
	assert_string_equal(t.areas.lines[0].device, "/dev/h");
	for (const char *line = "12456"; *line; line++) {
		const char told[] = { ':', *line, ':', 0 };

		assert_non_null(strstr(t.said, told));
	}
	assert_null(strstr(t.said, ":7:"));
	clear(&t);
}

/* Each as the volume and as the device. */
static void names_that_change(void **state)
{
	static const char *const names[] = {
		"/dev/sda", "/dev/sdb12", "/dev/sdabc1", "/dev/vda", "/dev/vdz3", "/dev/xvda1", "/dev/hdc", "/dev/dasda1",
		"/dev/nvme0n1", "/dev/nvme10n2p3", "/dev/loop0", "/dev/loop7p1", "/dev/dm-0", "/dev/dm-12", "/dev/md0",
		"/dev/md127p1", "/dev/md_d0", "/dev/mmcblk0p2", "/dev/nbd3", "/dev/zd16", "/dev/block/8:1",
		"/dev/disk/by-diskseq/9",
	};
	char content[128];
	struct table t;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(names); i++) {
		snprintf(content, sizeof(content), i % 2 ? "/dev/vg/lv %s\n" : "%s /dev/vg/lv\n", names[i / 2]);
		read_table(&t, content);
		if (t.areas.count || !t.bad)
			fail_msg("%s was taken", names[i / 2]);
		assert_non_null(strstr(t.said, names[i / 2]));
		assert_non_null(strstr(t.said, "may be another device after the next boot: use UUID=, PARTUUID="));
		assert_non_null(strstr(t.said, "/dev/VG/LV"));
		clear(&t);
	}
}

static void names_that_stay(void **state)
{
	struct table t;

	(void)state;
	read_table(&t, "UUID=1 PARTUUID=1\nLABEL=/dev/sda PARTLABEL=2\n/dev/vg/sda /dev/mapper/vg-lv\n"
		   "/dev/disk/by-id/md-name-x:0 /dev/disk/by-uuid/1\n/dev/md/0 /dev/md/home\n/dev/md_home /dev/md\n"
		   "/dev/sdcard /dev/vdo/sda1\n/dev/drbd0 /dev/sd\n/dev/loop /dev/nvme\n");
	assert_string_equal(t.said, "");
	assert_false(t.bad);
	assert_int_equal(t.areas.count, 9);
	clear(&t);
}

/* What the names stand for decides, not how they are written. */
static void devices_in_common(void **state)
{
	const struct vssctl_areas_devs devs[] = {
		{ { 8, 1 }, { 8, 2 } },		/* its volume is line 1's */
		{ { 8, 1 }, { 8, 3 } },
		{ { 8, 4 }, { 0, 0 } },
		{ { 0, 0 }, { 0, 0 } },		/* neither is there: nothing in common */
		{ { 8, 5 }, { 8, 5 } },
		{ { 8, 6 }, { 8, 7 } },		/* its device is line 6's volume */
		{ { 8, 7 }, { 8, 8 } },
		{ { 9, 1 }, { 8, 9 } },		/* the same minors elsewhere */
		{ { 8, 10 }, { 8, 11 } },
		{ { 8, 12 }, { 8, 11 } },
	};
	static const size_t shared[] = { 1, 0, COUNT(devs), COUNT(devs), 4, 6, 5, COUNT(devs), 9, 8 };

	(void)state;
	for (size_t i = 0; i < COUNT(devs); i++)
		assert_int_equal(vssctl_areas_shared(devs, COUNT(devs), i), shared[i]);
}

static void no_file(void **state)
{
	struct table t = { .ctl = { .out = stdout, .err = stderr, .print = &vssctl_print_text } };

	(void)state;
	assert_int_equal(vssctl_areas_read(&t.ctl, "/proc/no-such-file", &t.areas, &t.bad), 0);
	assert_int_equal(t.areas.count, 0);
	assert_false(t.bad);
	vssctl_areas_clear(&t.areas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(names_in_common),
		cmocka_unit_test(names_that_change),
		cmocka_unit_test(names_that_stay),
		cmocka_unit_test(devices_in_common),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

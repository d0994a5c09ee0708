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
		   "/dev/1 /dev/2 /dev/3\tUUID=4\n/dev/last /dev/without-newline");
	assert_false(t.bad);
	assert_string_equal(t.said, "");
	assert_int_equal(t.areas.count, 4);
	assert_string_equal(t.areas.lines[0].names[0], "UUID=1234");
	assert_string_equal(t.areas.lines[0].names[1], "/dev/disk/by-id/x");
	assert_int_equal(t.areas.lines[0].nr, 2);
	assert_string_equal(t.areas.lines[1].names[1], "PARTLABEL=b");
	assert_int_equal(t.areas.lines[2].nr, 4);
	assert_string_equal(t.areas.lines[2].names[0], "/dev/1");
	assert_string_equal(t.areas.lines[2].names[3], "UUID=4");
	assert_string_equal(t.areas.lines[3].names[1], "/dev/without-newline");
	clear(&t);
}

/* It is a word of its own, and the last one. */
static void exclusive(void **state)
{
	struct table t;

	(void)state;
	read_table(&t, "/dev/a /dev/b exclusive\n/dev/c /dev/d\n/dev/e exclusive /dev/f\nexclusive /dev/g /dev/h\n"
		   "/dev/i exclusive\n/dev/j /dev/k exclusive exclusive\n/dev/l /dev/m exclusively\n");
	assert_true(t.bad);
	assert_int_equal(t.areas.count, 2);
	assert_int_equal(t.areas.lines[0].nr, 2);
	assert_true(t.areas.lines[0].exclusive);
	assert_false(t.areas.lines[1].exclusive);
	assert_non_null(strstr(t.said, ":3: /dev/f: \"exclusive\" is the last word"));
	assert_non_null(strstr(t.said, ":4: /dev/g: \"exclusive\""));
	assert_non_null(strstr(t.said, ":5: a line has"));
	assert_non_null(strstr(t.said, ":6: exclusive: "));
	assert_non_null(strstr(t.said, ":7: exclusively is not the name"));
	clear(&t);
}

/* As many devices as an area may have, and one more. */
static void many_devices(void **state)
{
	char content[4096];
	struct table t;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		size_t at = (size_t)sprintf(content, "/dev/volume");

		for (size_t i = 0; i < VSS_MAX_AREA_PARTS + more; i++)
			at += (size_t)sprintf(content + at, " /dev/part%zu", i);
		read_table(&t, content);
		assert_int_equal(t.bad, more);
		assert_int_equal(t.areas.count, !more);
		if (more)
			assert_non_null(strstr(t.said, ":1: a diff area has no more than 64"));
		else
			assert_string_equal(t.areas.lines[0].names[VSS_MAX_AREA_PARTS], "/dev/part63");
		clear(&t);
	}
}

/* Each is told with its number, and the good ones among them count. */
static void bad_lines(void **state)
{
	static const char *const said[] = {
		":1: a line has", ":2: /dev/b is named twice", ":3: /dev/a: a volume cannot be", ":4: LABEL= has no value",
		":5: /srv is not the name of a device", ":6: sda1 is not", ":7: /dev//sda is not written plainly",
		":8: /dev/mapper/../sda is not", ":9: /dev/sdc may be",
	};
	struct table t;

	(void)state;
	read_table(&t, "/dev/a\n/dev/a /dev/b /dev/c /dev/b\n/dev/a /dev/a\n/dev/a LABEL=\n/srv /dev/b\n/dev/a sda1\n"
		   "/dev//sda /dev/b\n/dev/a /dev/mapper/../sda\n/dev/a /dev/b /dev/sdc\n"
		   "/dev/c /dev/d\n");
	assert_true(t.bad);
	for (size_t i = 0; i < COUNT(said); i++)
		assert_non_null(strstr(t.said, said[i]));
	assert_null(strstr(t.said, ":10:"));
	assert_int_equal(t.areas.count, 1);
	assert_string_equal(t.areas.lines[0].names[0], "/dev/c");
	assert_int_equal(t.areas.lines[0].number, 10);
	clear(&t);
}

/* Which one is meant nobody can tell: not the first, not the last, none. */
static void names_in_common(void **state)
{
	struct table t;

	(void)state;
	read_table(&t, "/dev/a /dev/b\n/dev/a /dev/c\n\n/dev/d /dev/e\nUUID=1 /dev/c\n/dev/e /dev/f\n/dev/g /dev/h\n"
		   "/dev/i /dev/j /dev/k\n/dev/l /dev/m /dev/j\n");
	assert_true(t.bad);
	assert_int_equal(t.areas.count, 1);
	assert_string_equal(t.areas.lines[0].names[1], "/dev/h");
	for (const char *line = "1245689"; *line; line++) {
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
	static const struct vss_devno numbers[][3] = {
		{ { 8, 1 }, { 8, 2 } },		/* its volume is line 1's */
		{ { 8, 1 }, { 8, 3 } },
		{ { 8, 4 }, { 0, 0 } },
		{ { 0, 0 }, { 0, 0 } },		/* none is there: nothing in common */
		{ { 8, 5 }, { 8, 5 } },
		{ { 8, 6 }, { 8, 7 } },		/* its device is line 6's volume */
		{ { 8, 7 }, { 8, 8 } },
		{ { 9, 1 }, { 8, 9 } },		/* the same minors elsewhere */
		{ { 8, 10 }, { 8, 11 } },
		{ { 8, 12 }, { 8, 11 } },
		{ { 8, 13 }, { 8, 14 }, { 8, 15 } },
		{ { 8, 16 }, { 8, 15 }, { 8, 17 } },	/* a device of line 10 */
		{ { 8, 18 }, { 8, 19 }, { 8, 19 } },
	};
	static const size_t shared[] = { 1, 0, COUNT(numbers), COUNT(numbers), 4, 6, 5, COUNT(numbers), 9, 8, 11, 10, 12 };
	struct vssctl_areas_devs devs[COUNT(numbers)];

	(void)state;
	for (size_t i = 0; i < COUNT(devs); i++)
		devs[i] = (struct vssctl_areas_devs) { .devs = numbers[i], .nr = numbers[i][2].major ? 3 : 2 };
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
		cmocka_unit_test(exclusive),
		cmocka_unit_test(many_devices),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(names_in_common),
		cmocka_unit_test(names_that_change),
		cmocka_unit_test(names_that_stay),
		cmocka_unit_test(devices_in_common),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

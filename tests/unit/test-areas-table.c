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
		":1: a line has", ":2: a line has", ":3: a volume cannot be", ":5: the volume has a line",
		":6: the device has a line",
	};
	struct table t;

	(void)state;
	read_table(&t, "/dev/a\n/dev/a /dev/b /dev/c\n/dev/a /dev/a\n/dev/a /dev/b\n/dev/a /dev/c\n/dev/c /dev/b\n"
		   "/dev/c /dev/d\n");
	assert_true(t.bad);
	for (size_t i = 0; i < COUNT(said); i++)
		assert_non_null(strstr(t.said, said[i]));
	assert_null(strstr(t.said, ":4:"));
	assert_null(strstr(t.said, ":7:"));
	assert_int_equal(t.areas.count, 2);
	assert_string_equal(t.areas.lines[1].volume, "/dev/c");
	clear(&t);
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
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-array-lio's dealings with LVM's program, which a script plays: what is read from
 * its report, what is in tags, and how it is called.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "lio-iscsi/array/lvm.h"

struct fixture {
	char dir[64];
	struct vss_error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-array-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void lvm_does(struct fixture *f, const char *what)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/lvm", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho \"$@\" >>%s/log\n%s\n", f->dir, what);
	fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
	setenv("PATH", f->dir, 1);
}

#define ROW(name, pool, type, active, tags, major, minor, id)					\
	"{\"vg_name\":\"vg0\",\"lv_name\":\"" name "\",\"lv_size\":\"4194304\",\"pool_lv\":\"" pool	\
	"\",\"segtype\":\"" type "\",\"lv_active\":\"" active "\",\"lv_tags\":\"" tags		\
	"\",\"thin_id\":\"" id "\",\"data_percent\":\"12.50\",\"metadata_percent\":\"\","		\
	"\"lv_kernel_major\":\"" major "\",\"lv_kernel_minor\":\"" minor "\"}"

static void test_report(void **state)
{
	struct fixture *f = *state;
	const struct lvm_lv *copy, *pool;
	struct lvm_list list;

	lvm_does(f, "cat <<'END'\n{\"report\":[{\"lv\":["
		 ROW("pool", "", "thin-pool", "active", "", "254", "4", "") ","
		 ROW("data", "pool", "thin", "active", "mine", "254", "5", "1") ","
		 ROW("data_vss_aa", "pool", "thin", "", "vss.copy,vss.set=01,vss.serial=02,vss.copying", "-1", "-1", "7")
		 "]}]}\nEND");
	assert_int_equal(lvm_read(&list, &f->err), 0);
	assert_int_equal(list.n, 3);
	copy = lvm_find(&list, "vg0/data_vss_aa");
	assert_non_null(copy);
	assert_string_equal(copy->name, "data_vss_aa");
	assert_false(copy->active);
	assert_int_equal(copy->device, 0);
	assert_int_equal(copy->thin_id, 7);
	assert_int_equal(copy->size, 4194304);
	pool = lvm_pool(&list, copy);
	assert_ptr_equal(pool, lvm_find(&list, "vg0/pool"));
	assert_true(pool->data > 12.4 && pool->data < 12.6);
	assert_ptr_equal(lvm_find_device(&list, makedev(254, 5)), lvm_find(&list, "vg0/data"));
	assert_null(lvm_find_device(&list, 0));
	assert_null(lvm_find(&list, "vg0/other"));

	assert_true(lvm_has_tag(copy, "vss.copy"));
	assert_false(lvm_has_tag(copy, "vss.cop"));
	assert_false(lvm_has_tag(copy, LVM_TAG_NEW));
	{
		_cleanup_free_ char *set = lvm_tag_value(copy, LVM_TAG_SET), *none = lvm_tag_value(pool, LVM_TAG_SET);

		assert_string_equal(set, "01");
		assert_null(none);
	}
	lvm_list_clear(&list);
}

static void test_bad_reports(void **state)
{
	static const char *const bad[] = {
		"echo", "echo '[]'", "echo '{\"report\":[]}'", "echo '{\"report\":[{\"lv\":5}]}'", "echo '{\"report'",
	};
	struct fixture *f = *state;
	struct lvm_list list;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lvm_does(f, bad[i]);
		assert_true(lvm_read(&list, &f->err) < 0);
		assert_int_equal(list.n, 0);
	}
	lvm_does(f, "echo something >&2; echo '  No space left.' >&2; exit 5");
	assert_true(lvm_read(&list, &f->err) < 0);
	assert_string_equal(f->err.text, "the array's lvm lvs failed: No space left.");
	setenv("PATH", "/nowhere", 1);
	assert_true(lvm_read(&list, &f->err) < 0);
	assert_non_null(strstr(f->err.text, "cannot run lvm"));
}

static void test_calls(void **state)
{
	static const char *const tags[] = { "a", "b=c", NULL }, *const paths[] = { "vg0/x", "vg0/y" };
	struct fixture *f = *state;
	char path[128], text[1024] = "";
	FILE *file;

	lvm_does(f, "");
	assert_int_equal(lvm_copy("vg0/data", "data_vss_aa", tags, &f->err), 0);
	assert_int_equal(lvm_activate(paths, 2, &f->err), 0);
	assert_int_equal(lvm_complete(paths, 1, &f->err), 0);
	assert_int_equal(lvm_remove(paths, 2, &f->err), 0);
	snprintf(path, sizeof(path), "%s/log", f->dir);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text,
			    "lvcreate -q -s -an -ky -n data_vss_aa --addtag a --addtag b=c vg0/data\n"
			    "lvchange -q -ay -K vg0/x vg0/y\n"
			    "lvchange -q -kn --deltag vss.new vg0/x\n"
			    "lvremove -q -f -y vg0/x vg0/y\n");
}

static void test_names(void **state)
{
	(void)state;
	assert_true(lvm_path_valid("vg0/data_vss_0123"));
	assert_true(lvm_path_valid("a.b-c+d/x"));
	assert_false(lvm_path_valid("data"));
	assert_false(lvm_path_valid("vg0/"));
	assert_false(lvm_path_valid("/data"));
	assert_false(lvm_path_valid("vg0/a/b"));
	assert_false(lvm_path_valid("vg0/../x"));
	assert_false(lvm_path_valid("../x"));
	assert_false(lvm_path_valid("vg0/-f"));
	assert_false(lvm_path_valid("-f/x"));
	assert_false(lvm_path_valid("vg0/a b"));
	assert_false(lvm_path_valid("@tag/x"));
}

#define ID_1	"0123456789abcdef0123456789abcdef"
#define ID_2	"00000000000000000000000000000002"

static void assert_copy_path(const char *origin, const char *want)
{
	_cleanup_free_ char *path = lvm_copy_path(origin, ID_2);

	assert_non_null(path);
	assert_string_equal(path, want);
}

/* A volume that was recovered, again and again, is a copy itself. */
static void test_names_of_copies(void **state)
{
	(void)state;
	assert_copy_path("vg0/data", "vg0/data_vss_" ID_2);
	assert_copy_path("vg0/data_vss_" ID_1, "vg0/data_vss_" ID_2);
	/* Somebody's own name that only begins so. */
	assert_copy_path("vg0/data_vss_01", "vg0/data_vss_01_vss_" ID_2);
	assert_copy_path("vg0/data_vss_" ID_1 "0", "vg0/data_vss_" ID_1 "0_vss_" ID_2);
	assert_copy_path("vg0/_vss_0123456789abcdef0123456789abcdeX",
			 "vg0/_vss_0123456789abcdef0123456789abcdeX_vss_" ID_2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_report, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_reports, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_of_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

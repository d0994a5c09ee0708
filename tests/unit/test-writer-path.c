// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does a path lie on a volume of the shadow copy set?  On made-up machines:
 * EVT-040 and EVT-041.
 */
#include "unit.h"

#include <fcntl.h>

#include "fake-sysfs.h"
#include "writer.h"

static const struct vss_devno tva1 = { 400, 1 }, tvb = { 400, 16 }, tva = { 400, 0 };
static const struct vss_devno tdm0 = { 401, 0 };

/* Mount points are below @dir, so that links can be made. */
struct place {
	struct machine *m;
	char dir[64];
	struct vss_writer_paths paths;
};

static char *below(const struct place *p, const char *path)
{
	return text("%s%s", p->dir, path);
}

static void add_mount(struct place *p, unsigned int major, unsigned int minor, const char *where,
		      const char *type, const char *source)
{
	char *target = below(p, where);

	mkdir(target, 0755);
	machine_mount(p->m, major, minor, target, type, source, "rw");
	free(target);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->m = machine_new();
	machine_device(p->m, "tva", 400, 0);
	machine_partition(p->m, "tva/tva1", 400, 1);
	machine_device(p->m, "tvb", 400, 16);
	machine_device(p->m, "tvc", 400, 32);
	machine_device(p->m, "tdm-0", 401, 0);
	machine_slave(p->m, "tdm-0", "tvb");
	machine_slave(p->m, "tdm-0", "tvc");
	add_mount(p, 400, 1, "", "ext4", "/dev/tva1");
	add_mount(p, 401, 0, "/lv", "xfs", "/dev/tdm-0");
	add_mount(p, 0, 99, "/tmp", "tmpfs", "tmpfs");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	vss_writer_paths_clear(&p->paths);
	tree_remove(p->dir);
	machine_free(p->m);
	free(p);
	return 0;
}

static void load(struct place *p, const struct vss_devno *volumes, uint32_t count)
{
	vss_writer_paths_clear(&p->paths);
	assert_int_equal(vss_writer_paths_load(&p->paths, &p->m->source, volumes, count), 0);
}

static bool affected(struct place *p, const char *path)
{
	char *full = below(p, path);
	bool result = vss_writer_paths_affected(&p->paths, full);

	free(full);
	return result;
}

/* EVT-040 */
static void the_mount_table_decides(void **state)
{
	struct place *p = *state;

	load(p, &tva1, 1);
	assert_true(affected(p, ""));
	assert_true(affected(p, "/data/that/does/not/exist"));
	assert_true(affected(p, "/lvx"));
	assert_false(affected(p, "/lv"));
	assert_false(affected(p, "/lv/data"));
	assert_false(affected(p, "/tmp/x"));
	/* A partition of a disk that is in the set. */
	load(p, &tva, 1);
	assert_true(affected(p, "/data"));
	load(p, NULL, 0);
	assert_false(affected(p, "/data"));
}

/* What has a part of its devices in the set only is not in the shadow copy. */
static void all_devices_have_to_be_in_the_set(void **state)
{
	const struct vss_devno both[] = { { 400, 16 }, { 400, 32 } };
	struct place *p = *state;

	load(p, &tdm0, 1);
	assert_true(affected(p, "/lv/data"));
	assert_false(affected(p, "/data"));
	load(p, &tvb, 1);
	assert_false(affected(p, "/lv/data"));
	load(p, both, 2);
	assert_true(affected(p, "/lv/data"));
}

static void the_last_mount_hides_others(void **state)
{
	struct place *p = *state;

	add_mount(p, 0, 99, "/lv", "tmpfs", "tmpfs");
	load(p, &tdm0, 1);
	assert_false(affected(p, "/lv/data"));
}

/* EVT-041 */
static void only_plain_absolute_paths_count(void **state)
{
	struct place *p = *state;

	load(p, &tva1, 1);
	assert_false(affected(p, "/data/*"));
	assert_false(affected(p, "/data/file?"));
	assert_false(vss_writer_paths_affected(&p->paths, "data"));
	assert_false(vss_writer_paths_affected(&p->paths, ""));
	setenv("VSS_UNIT_DIR", p->dir, 1);
	assert_true(vss_writer_paths_affected(&p->paths, "$VSS_UNIT_DIR/data"));
	assert_true(vss_writer_paths_affected(&p->paths, "${VSS_UNIT_DIR}/data"));
	assert_false(vss_writer_paths_affected(&p->paths, "${VSS_UNIT_DIR}/lv/data"));
	assert_false(vss_writer_paths_affected(&p->paths, "$VSS_UNIT_NOT_SET/data"));
	assert_false(vss_writer_paths_affected(&p->paths, "${VSS_UNIT_DIR/data"));
	assert_false(vss_writer_paths_affected(&p->paths, "$/data"));
}

static void links_are_followed_before_freeze_only(void **state)
{
	struct place *p = *state;
	char *target = below(p, "/lv"), *known = below(p, "/known"), *unknown = below(p, "/unknown");

	load(p, &tva1, 1);
	assert_int_equal(symlink(target, known), 0);
	assert_int_equal(symlink(target, unknown), 0);
	assert_false(affected(p, "/known/data"));
	assert_true(affected(p, "/lv/../data"));
	p->paths.memory_only = true;
	/* Nothing is looked up any more: not even that the link has gone. */
	assert_int_equal(unlink(known), 0);
	assert_false(affected(p, "/known/data"));
	assert_true(affected(p, "/unknown/data"));
	assert_false(affected(p, "/data/../lv/./x"));
	free(target);
	free(known);
	free(unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_mount_table_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(all_devices_have_to_be_in_the_set, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_mount_hides_others, setup, teardown),
		cmocka_unit_test_setup_teardown(only_plain_absolute_paths_count, setup, teardown),
		cmocka_unit_test_setup_teardown(links_are_followed_before_freeze_only, setup, teardown),
	};

	return cmocka_run_group_tests_name("writer-path", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Volumes on LUNs of a made-up machine: which extents they have, and what they are
 * made of again on another.
 */
#include "unit.h"

#include "fake-sysfs.h"
#include "lun.h"
#include "lun-fixture.h"

#define MiB	(1024 * 1024ULL)

/* Two LUNs of 1 GiB with two partitions on the first. */
static int setup(void **state)
{
	struct lun_machine *lm;

	lun_machine_setup(state);
	lm = *state;
	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	lun_machine_scsi(lm, "tsb", 16, "600140500000000b", "serial-b");
	machine_partition(lm->m, "tsa/tsa1", 400, 1);
	machine_rewrite(lm->m, "devices/tsa/tsa1/size", "204800\n");
	machine_attr(lm->m, "devices/tsa/tsa1", "start", "2048\n");
	machine_partition(lm->m, "tsa/tsa2", 400, 2);
	machine_rewrite(lm->m, "devices/tsa/tsa2/size", "409600\n");
	machine_attr(lm->m, "devices/tsa/tsa2", "start", "206848\n");
	return 0;
}

static void check_extent(const struct vss_lun_mapping *mapping, size_t i, uint64_t volume_offset, uint64_t lun_offset,
			 uint64_t length)
{
	assert_true(i < mapping->nr_extents);
	assert_int_equal(mapping->extents[i].volume_offset, volume_offset);
	assert_int_equal(mapping->extents[i].lun_offset, lun_offset);
	assert_int_equal(mapping->extents[i].length, length);
}

static void dm_size(struct lun_machine *lm, const char *name, unsigned int minor, const char *uuid, const char *sectors)
{
	char *where = text("devices/%s/size", name);

	lun_machine_dm(lm, name, minor, uuid);
	machine_rewrite(lm->m, where, sectors);
	free(where);
}

static void disk_and_partition(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_mapping *luns;
	size_t n;

	assert_int_equal(vss_volume_luns_in(&lm->source, "tsa", &luns, &n, NULL), S_OK);
	assert_int_equal(n, 1);
	assert_int_equal(luns[0].nr_extents, 1);
	check_extent(&luns[0], 0, 0, 0, 1024 * MiB);
	vss_lun_mappings_free(luns, n);
	assert_int_equal(vss_volume_luns_in(&lm->source, "tsa2", &luns, &n, NULL), S_OK);
	assert_int_equal(n, 1);
	assert_string_equal(luns[0].source.serial, "serial-a");
	assert_int_equal(luns[0].source.size, 1024 * MiB);
	check_extent(&luns[0], 0, 0, 101 * MiB, 200 * MiB);
	vss_lun_mappings_free(luns, n);
}

/* On a whole LUN, then on a partition of the other, then on the first again. */
static void make_lv(struct lun_machine *lm)
{
	dm_size(lm, "tdm-0", 0, "LVM-abc", "614400\n");
	lun_tables[0][0] = "0 204800 linear 400:16 4096";
	lun_tables[0][1] = "204800 204800 linear 400:2 2048";
	lun_tables[0][2] = "409600 204800 linear 400:16 208896";
}

static void lv_over_two_luns(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_mapping *luns;
	size_t n;

	make_lv(lm);
	assert_int_equal(vss_volume_luns_in(&lm->source, "tdm-0", &luns, &n, NULL), S_OK);
	assert_int_equal(n, 2);
	assert_string_equal(luns[0].source.serial, "serial-b");
	assert_int_equal(luns[0].nr_extents, 2);
	check_extent(&luns[0], 0, 0, 2 * MiB, 100 * MiB);
	check_extent(&luns[0], 1, 200 * MiB, 102 * MiB, 100 * MiB);
	assert_string_equal(luns[1].source.serial, "serial-a");
	assert_int_equal(luns[1].nr_extents, 1);
	check_extent(&luns[1], 0, 100 * MiB, 102 * MiB, 100 * MiB);
	vss_lun_mappings_free(luns, n);
	/* What goes on where it ended is one extent. */
	lun_tables[0][1] = "204800 204800 linear 400:16 208896";
	lun_tables[0][2] = "409600 204800 linear 400:16 413696";
	assert_int_equal(vss_volume_luns_in(&lm->source, "tdm-0", &luns, &n, NULL), S_OK);
	assert_int_equal(n, 1);
	assert_int_equal(luns[0].nr_extents, 1);
	check_extent(&luns[0], 0, 0, 2 * MiB, 300 * MiB);
	vss_lun_mappings_free(luns, n);
}

static void paths_count_once(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_mapping *luns;
	size_t n;

	lun_machine_scsi(lm, "tsc", 32, "600140500000000b", "serial-b");
	lun_machine_dm(lm, "tdm-1", 1, "mpath-3600140500000000b");
	machine_slave(lm->m, "tdm-1", "tsb");
	machine_slave(lm->m, "tdm-1", "tsc");
	machine_entry(lm->m, "devices/tsb/holders", "tdm-1", "");
	machine_entry(lm->m, "devices/tsc/holders", "tdm-1", "");
	/* An LV with a piece on the multipath device, a piece on one of its paths. */
	dm_size(lm, "tdm-0", 0, "LVM-abc", "409600\n");
	lun_tables[0][0] = "0 204800 linear 401:1 4096";
	lun_tables[0][1] = "204800 204800 linear 400:32 208896";
	assert_int_equal(vss_volume_luns_in(&lm->source, "tdm-0", &luns, &n, NULL), S_OK);
	assert_int_equal(n, 1);
	check_extent(&luns[0], 0, 0, 2 * MiB, 200 * MiB);
	vss_lun_mappings_free(luns, n);
}

static void refuse(struct lun_machine *lm, const char *name, const char *why)
{
	struct vss_lun_mapping *luns = (void *)lm;
	struct vss_error err = { 0 };
	size_t n = 1;

	assert_int_equal(vss_volume_luns_in(&lm->source, name, &luns, &n, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_null(luns);
	assert_int_equal(n, 0);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void what_cannot_travel(void **state)
{
	struct lun_machine *lm = *state;

	dm_size(lm, "tdm-0", 0, "LVM-abc", "2048\n");
	lun_tables[0][0] = "0 2048 striped 2 128 400:0 0 400:16 0";
	refuse(lm, "tdm-0", "striped");
	lun_tables[0][0] = "0 2048 thin 401:3 1";
	refuse(lm, "tdm-0", "thin");
	lun_tables[0][0] = "0 2048 crypt aes - 0 400:0 0";
	refuse(lm, "tdm-0", "crypt");
	/* Nonsense */
	lun_tables[0][0] = "0 2048 linear 400:99 0";
	refuse(lm, "tdm-0", "makes no sense");
	lun_tables[0][0] = "0 2048 linear 400:0 18446744073709551615";
	refuse(lm, "tdm-0", "makes no sense");
	lun_tables[0][0] = "0 2048 linear 400:0 2097151";
	refuse(lm, "tdm-0", "which ends");
	lun_tables[0][0] = "0 1024 linear 400:0 0";
	refuse(lm, "tdm-0", "gap");
	lun_tables[0][0] = "8 2048 linear 400:0 0";
	refuse(lm, "tdm-0", "gap");
	lun_tables[0][0] = "0 2048 linear 401:0 0";
	refuse(lm, "tdm-0", "too many");
	machine_device(lm->m, "md7", 402, 7);
	refuse(lm, "md7", "md array");
	lun_tables[0][0] = "0 2048 linear 402:7 0";
	refuse(lm, "tdm-0", "md array");
	machine_device(lm->m, "loop7", 403, 7);
	refuse(lm, "loop7", "loop device");
	machine_device(lm->m, "vss7", 404, 7);
	refuse(lm, "vss7", "snapshot");
	lun_machine_disk(lm, "tva", 48, "virtio");
	refuse(lm, "tva", "identifier");
	lun_machine_scsi(lm, "tsc", 32, "600140500000000a", "serial-a");
	refuse(lm, "tsa1", "both");
}

/* ---- The other way ---- */

static void plans(void **state)
{
	struct lun_machine *lm = *state;
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_volume_plan plan;
	struct vss_lun_mapping *luns;
	static const char *const same[] = { "tsa", "tsa1", "tsa2", "tsb" };
	size_t n;

	for (size_t i = 0; i < COUNT(same); i++) {
		assert_int_equal(vss_volume_luns_in(&lm->source, same[i], &luns, &n, NULL), S_OK);
		assert_int_equal(vss_volume_plan_make(&lm->source, luns, n, false, &plan, NULL), S_OK);
		assert_true(vss_volume_plan_device(&lm->source, &plan, name));
		assert_string_equal(name, same[i]);
		/* One sector less is no partition. */
		plan.pieces[0].length -= 512;
		plan.size -= 512;
		assert_false(vss_volume_plan_device(&lm->source, &plan, name));
		vss_volume_plan_clear(&plan);
		vss_lun_mappings_free(luns, n);
	}
	make_lv(lm);
	assert_int_equal(vss_volume_luns_in(&lm->source, "tdm-0", &luns, &n, NULL), S_OK);
	assert_int_equal(vss_volume_plan_make(&lm->source, luns, n, false, &plan, NULL), S_OK);
	assert_false(vss_volume_plan_device(&lm->source, &plan, name));
	assert_int_equal(plan.nr_pieces, 3);
	assert_int_equal(plan.size, 300 * MiB);
	assert_string_equal(plan.disks[plan.pieces[0].disk], "tsb");
	assert_string_equal(plan.disks[plan.pieces[1].disk], "tsa");
	assert_int_equal(plan.pieces[1].lun_offset, 102 * MiB);
	assert_string_equal(plan.disks[plan.pieces[2].disk], "tsb");
	vss_volume_plan_clear(&plan);
	vss_lun_mappings_free(luns, n);
}

static void takes_the_copy(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_volume_plan plan;
	struct vss_lun_mapping *luns;
	size_t n;

	assert_int_equal(vss_volume_luns_in(&lm->source, "tsa1", &luns, &n, NULL), S_OK);
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsb", false, &luns[0].destination, NULL), S_OK);
	luns[0].has_destination = true;
	assert_int_equal(vss_volume_plan_make(&lm->source, luns, n, false, &plan, NULL), S_OK);
	assert_string_equal(plan.disks[0], "tsa");
	vss_volume_plan_clear(&plan);
	assert_int_equal(vss_volume_plan_make(&lm->source, luns, n, true, &plan, NULL), S_OK);
	assert_string_equal(plan.disks[0], "tsb");
	vss_volume_plan_clear(&plan);
	vss_lun_mappings_free(luns, n);
}

static vss_result plan_with(struct lun_machine *lm, struct vss_lun_mapping *lun, uint64_t volume_offset,
			    uint64_t lun_offset, uint64_t length)
{
	struct vss_lun_extent extents[] = { { 0, MiB, MiB }, { volume_offset, lun_offset, length } };
	struct vss_lun_mapping mapping = { .source = lun->source, .extents = extents, .nr_extents = 2 };
	struct vss_volume_plan plan;
	struct vss_error err = { 0 };
	vss_result result = vss_volume_plan_make(&lm->source, &mapping, 1, false, &plan, &err);

	assert_int_equal(err.result, result);
	if (result == S_OK)
		vss_volume_plan_clear(&plan);
	else
		assert_null(plan.pieces);
	return result;
}

static void bad_extents(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_mapping *luns;
	struct vss_volume_plan plan;
	size_t n;

	assert_int_equal(vss_volume_luns_in(&lm->source, "tsa", &luns, &n, NULL), S_OK);
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB, MiB), S_OK);
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB, 0), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB, 1000), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB + 1, MiB), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, 2 * MiB, 4 * MiB, MiB), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, 512, 4 * MiB, MiB), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, MiB, -512ULL, MiB), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB, -512ULL), E_INVALIDARG);
	assert_int_equal(plan_with(lm, luns, MiB, 1024 * MiB, MiB), VSS_E_MISSING_VOLUME);
	assert_int_equal(plan_with(lm, luns, MiB, 1023 * MiB, MiB), S_OK);
	assert_int_equal(vss_volume_plan_make(&lm->source, NULL, 0, false, &plan, NULL), E_INVALIDARG);
	luns[0].source.ids[0].bytes[0] ^= 1;
	assert_int_equal(plan_with(lm, luns, MiB, 4 * MiB, MiB), VSS_E_MISSING_DISK);
	vss_lun_mappings_free(luns, n);
}

int main(void)
{
#define ON_MACHINE(test)	cmocka_unit_test_setup_teardown(test, setup, lun_machine_teardown)
	const struct CMUnitTest tests[] = {
		ON_MACHINE(disk_and_partition),
		ON_MACHINE(lv_over_two_luns),
		ON_MACHINE(paths_count_once),
		ON_MACHINE(what_cannot_travel),
		ON_MACHINE(plans),
		ON_MACHINE(takes_the_copy),
		ON_MACHINE(bad_extents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

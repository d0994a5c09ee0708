// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUNs: what their VPD pages say, however damaged, and which disk of a made-up
 * machine they are.
 */
#include "unit.h"

#include "fake-sysfs.h"
#include "lun.h"
#include "lun-fixture.h"

/* ---- VPD pages ---- */

static const uint8_t page83[] = {
	0, 0x83, 0, 52,
	0x02, 0x00, 0, 4, 's', 'd', '0', 0,				/* vendor specific */
	0x02, 0x01, 0, 10, 'L', 'I', 'O', '-', 'O', 'R', 'G', ' ', 'x', ' ',
	0x01, 0x14, 0, 4, 0, 0, 0, 1,					/* a port's */
	0x01, 0x03, 0, 8, 0x60, 0x01, 0x40, 0x5a, 1, 2, 3, 4,
	0x01, 0x02, 0, 0,						/* empty */
	0x01, 0x23, 0, 2, 9, 9,						/* the device's */
};

static void page_83(void **state)
{
	struct vss_lun_info lun = { 0 };
	char text[VSS_LUN_ID_TEXT_SIZE];

	(void)state;
	assert_int_equal(vss_lun_parse_page83(page83, sizeof(page83), &lun, NULL), S_OK);
	assert_int_equal(lun.nr_ids, 2);
	assert_int_equal(lun.ids[0].type, 1);
	assert_int_equal(lun.ids[0].code_set, 2);
	assert_string_equal(vss_lun_id_text(&lun.ids[0], text), "t10.LIO-ORG x");
	assert_int_equal(lun.ids[1].type, 3);
	assert_int_equal(lun.ids[1].size, 8);
	assert_string_equal(vss_lun_id_text(&lun.ids[1], text), "naa.6001405a01020304");
	/* The same again adds nothing. */
	assert_int_equal(vss_lun_parse_page83(page83, sizeof(page83), &lun, NULL), S_OK);
	assert_int_equal(lun.nr_ids, 2);
	vss_lun_info_clear(&lun);
}

/* Copied to the heap, so that a byte read too far is seen. */
static vss_result parse_copy(vss_result (*parse)(const uint8_t *, size_t, struct vss_lun_info *, struct vss_error *),
			     const uint8_t *page, size_t size)
{
	uint8_t *copy = malloc(size + !size);
	struct vss_lun_info lun = { 0 };
	struct vss_error err = { 0 };
	vss_result result;

	memcpy(copy, page, size);
	result = parse(copy, size, &lun, &err);
	assert_int_equal(err.result, result);
	vss_lun_info_clear(&lun);
	free(copy);
	return result;
}

static void damaged_page_83(void **state)
{
	uint8_t page[sizeof(page83)];

	(void)state;
	for (size_t size = 0; size < sizeof(page83); size++)
		assert_int_equal(parse_copy(vss_lun_parse_page83, page83, size), VSS_E_VOLUME_NOT_SUPPORTED);
	/* Each byte with each value: never a crash, and one of two results. */
	for (size_t at = 0; at < sizeof(page); at++)
		for (unsigned int value = 0; value < 256; value++) {
			vss_result result;

			memcpy(page, page83, sizeof(page));
			page[at] = (uint8_t)value;
			result = parse_copy(vss_lun_parse_page83, page, sizeof(page));
			assert_true(result == S_OK || result == VSS_E_VOLUME_NOT_SUPPORTED);
		}
	memcpy(page, page83, sizeof(page));
	page[1] = 0x80;
	assert_int_equal(parse_copy(vss_lun_parse_page83, page, sizeof(page)), VSS_E_VOLUME_NOT_SUPPORTED);
	memcpy(page, page83, sizeof(page));
	page[7] = 0xff;		/* the first designator is longer than the page */
	assert_int_equal(parse_copy(vss_lun_parse_page83, page, sizeof(page)), VSS_E_VOLUME_NOT_SUPPORTED);
}

static void page_80(void **state)
{
	static const uint8_t page[] = { 0, 0x80, 0, 8, ' ', 'a', 'b', '\x01', 'c', ' ', ' ', 0 };
	static const uint8_t blank[] = { 0, 0x80, 0, 3, ' ', ' ', 0 };
	struct vss_lun_info lun = { 0 };

	(void)state;
	assert_int_equal(vss_lun_parse_page80(page, sizeof(page), &lun, NULL), S_OK);
	assert_string_equal(lun.serial, "ab?c");
	vss_lun_info_clear(&lun);
	assert_int_equal(vss_lun_parse_page80(blank, sizeof(blank), &lun, NULL), S_OK);
	assert_null(lun.serial);
	for (size_t size = 0; size < sizeof(page); size++)
		assert_int_equal(parse_copy(vss_lun_parse_page80, page, size), VSS_E_VOLUME_NOT_SUPPORTED);
}

/* ---- Comparing ---- */

static void same_as_vss_compares(void **state)
{
	struct vss_storage_id ids[] = {
		{ .type = 3, .size = 2, .bytes = { 1, 2 } }, { .type = 1, .size = 1, .bytes = { 'x' } },
		{ .type = 4, .association = 1, .size = 1, .bytes = { 7 } },
	};
	struct vss_storage_id turned[] = { ids[1], ids[0] };
	char vendor[] = "V", product[] = "P", serial[] = "S", other[] = "O";
	struct vss_lun_info a = {
		.vendor = vendor, .product = product, .serial = serial, .ids = ids, .nr_ids = 3,
		.bus_type = VSS_BUS_SCSI, .size = 1,
	};
	struct vss_lun_info b = a;

	(void)state;
	/* Not compared: bus, revision, signature, sizes, the port's identifier, the order. */
	b.bus_type = VSS_BUS_ISCSI;
	b.revision = other;
	b.disk_signature.bytes[0] = 1;
	b.size = 2;
	b.ids = turned;
	b.nr_ids = 2;
	assert_true(vss_lun_same(&a, &b));
	assert_true(vss_lun_same(&b, &a));
	b.vendor = other;
	assert_false(vss_lun_same(&a, &b));
	b.vendor = vendor;
	b.product = NULL;
	assert_false(vss_lun_same(&a, &b));
	b.product = product;
	b.serial = other;
	assert_false(vss_lun_same(&a, &b));
	b.serial = serial;
	b.device_type = 1;
	assert_false(vss_lun_same(&a, &b));
	b.device_type = 0;
	b.nr_ids = 1;
	assert_false(vss_lun_same(&a, &b));
	assert_false(vss_lun_same(&b, &a));
	b.nr_ids = 2;
	turned[1].bytes[1] = 3;
	assert_false(vss_lun_same(&a, &b));
}

static void copies(void **state)
{
	struct vss_storage_id id = { .type = 3, .size = 1 };
	char vendor[] = "V";
	struct vss_lun_info a = { .vendor = vendor, .ids = &id, .nr_ids = 1, .size = 5 }, b;

	(void)state;
	assert_true(vss_lun_info_copy(&b, &a));
	assert_string_equal(b.vendor, "V");
	assert_ptr_not_equal(b.vendor, vendor);
	assert_ptr_not_equal(b.ids, &id);
	assert_null(b.serial);
	assert_int_equal(b.size, 5);
	vss_lun_info_clear(&b);
}

/* ---- A machine ---- */

static void scsi_disk(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_info lun;

	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsa", false, &lun, NULL), S_OK);
	assert_string_equal(lun.vendor, "LIO-ORG");
	assert_string_equal(lun.product, "disk");
	assert_string_equal(lun.revision, "4.0");
	assert_string_equal(lun.serial, "serial-a");
	assert_int_equal(lun.bus_type, VSS_BUS_SCSI);
	assert_int_equal(lun.size, 2097152ULL * 512);
	assert_int_equal(lun.block_size, 512);
	assert_int_equal(lun.nr_ids, 1);
	vss_lun_info_clear(&lun);
}

static void not_a_disk(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_info lun;
	struct vss_error err;

	lun_machine_scsi(lm, "tsr", 0, "600140500000000a", "serial-a");
	machine_rewrite(lm->m, "devices/tsr/device/type", "5\n");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsr", false, &lun, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	machine_device(lm->m, "tmd", 402, 0);
	assert_int_equal(vss_lun_identify_name(&lm->source, "tmd", false, &lun, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "tmd"));
}

static void damaged_disk(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_info lun = { .nr_ids = 1 }, wanted;
	char name[VSS_SYSFS_NAME_SIZE];

	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	lun_machine_scsi(lm, "tsb", 16, "600140500000000b", "serial-b");
	machine_rewrite(lm->m, "devices/tsa/device/vpd_pg83", "xyz");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsa", false, &lun, NULL), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(lun.nr_ids, 0);
	/* It does not keep others from being found. */
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsb", false, &wanted, NULL), S_OK);
	assert_int_equal(vss_lun_find_name(&lm->source, &wanted, name, NULL), S_OK);
	assert_string_equal(name, "tsb");
	vss_lun_info_clear(&wanted);
}

static void nvme_namespace(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_info lun;
	char text[VSS_LUN_ID_TEXT_SIZE];

	lun_machine_disk(lm, "tn0n1", 0, "nvme");
	machine_attr(lm->m, "devices/tn0n1", "nguid", "00112233-4455-6677-8899-aabbccddeeff\n");
	machine_attr(lm->m, "devices/tn0n1", "eui", "00 25 38 00 00 00 00 01\n");
	machine_attr(lm->m, "devices/tn0n1", "wwid", "uuid.1b4e28ba-2fa1-11d2-883f-0016d3cca427\n");
	machine_attr(lm->m, "devices/tn0n1/device", "model", "Fast  \n");
	machine_attr(lm->m, "devices/tn0n1/device", "serial", "n0      \n");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tn0n1", false, &lun, NULL), S_OK);
	assert_int_equal(lun.nr_ids, 3);
	assert_string_equal(vss_lun_id_text(&lun.ids[0], text), "eui.00112233445566778899aabbccddeeff");
	assert_string_equal(vss_lun_id_text(&lun.ids[1], text), "eui.0025380000000001");
	assert_string_equal(vss_lun_id_text(&lun.ids[2], text), "uuid.1b4e28ba-2fa1-11d2-883f-0016d3cca427");
	assert_int_equal(lun.ids[2].type, 8);
	assert_string_equal(lun.product, "Fast");
	assert_string_equal(lun.serial, "n0");
	assert_null(lun.vendor);
	vss_lun_info_clear(&lun);
	/* Zeroes are none. */
	machine_rewrite(lm->m, "devices/tn0n1/nguid", "00000000-0000-0000-0000-000000000000\n");
	machine_rewrite(lm->m, "devices/tn0n1/eui", "00 00\n");
	machine_rewrite(lm->m, "devices/tn0n1/wwid", "nvme.1b36-6e30-51454d55-00000001\n");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tn0n1", false, &lun, NULL), S_OK);
	assert_int_equal(lun.nr_ids, 0);
	vss_lun_info_clear(&lun);
}

static void without_identifier(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_lun_info lun;
	struct vss_error err;

	lun_machine_disk(lm, "tva", 0, "virtio");
	machine_attr(lm->m, "devices/tva", "serial", "vd0");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tva", false, &lun, NULL), S_OK);
	assert_string_equal(lun.serial, "vd0");
	assert_int_equal(vss_lun_check_in(&lm->source, &lun, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "identifier"));
	vss_lun_info_clear(&lun);
}

static void signatures(void **state)
{
	/* A master boot record with its signature and one partition. */
	static uint8_t mbr[1024 * 1024];
	struct lun_machine *lm = *state;
	struct vss_lun_info lun;
	char id[VSS_UUID_TEXT_SIZE], *path = text("%s/tsa", lm->dev);
	FILE *file = fopen(path, "w");

	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	memcpy(mbr + 440, "\xd4\xc3\xb2\xa1", 4);
	memcpy(mbr + 446, "\x00\x00\x02\x00\x83\x00\x00\x00\x01\x00\x00\x00\x10\x00\x00\x00", 16);
	memcpy(mbr + 510, "\x55\xaa", 2);
	assert_int_equal(fwrite(mbr, sizeof(mbr), 1, file), 1);
	fclose(file);
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsa", true, &lun, NULL), S_OK);
	assert_string_equal(vss_uuid_format(&lun.disk_signature, id), "a1b2c3d4-0000-0000-0000-000000000000");
	vss_lun_info_clear(&lun);
	free(path);
}

static void duplicates(void **state)
{
	struct lun_machine *lm = *state;
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_lun_info lun;
	struct vss_error err;

	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	lun_machine_scsi(lm, "tsb", 16, "600140500000000b", "serial-b");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsa", false, &lun, NULL), S_OK);
	assert_int_equal(vss_lun_check_in(&lm->source, &lun, NULL), S_OK);
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, NULL), S_OK);
	lun_machine_scsi(lm, "tsc", 32, "600140500000000a", "serial-c");
	assert_int_equal(vss_lun_check_in(&lm->source, &lun, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "tsa"));
	assert_non_null(strstr(err.text, "tsc"));
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, &err), VSS_E_VOLUME_NOT_SUPPORTED);
	/* With multipath above both they are one. */
	lun_machine_dm(lm, "tdm-0", 0, "mpath-3600140500000000a");
	machine_slave(lm->m, "tdm-0", "tsa");
	machine_slave(lm->m, "tdm-0", "tsc");
	machine_entry(lm->m, "devices/tsa/holders", "tdm-0", "");
	machine_entry(lm->m, "devices/tsc/holders", "tdm-0", "");
	machine_rewrite(lm->m, "devices/tsc/device/vpd_pg80", "");
	lun_machine_page80(lm, "tsc", "serial-a");
	assert_int_equal(vss_lun_check_in(&lm->source, &lun, NULL), S_OK);
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, NULL), S_OK);
	assert_string_equal(name, "tdm-0");
	vss_lun_info_clear(&lun);
}

static void another_identity(void **state)
{
	struct lun_machine *lm = *state;
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_lun_info lun;
	struct vss_error err;

	lun_machine_scsi(lm, "tsa", 0, "600140500000000a", "serial-a");
	assert_int_equal(vss_lun_identify_name(&lm->source, "tsa", false, &lun, NULL), S_OK);
	lun.serial[0] = 'S';
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, &err), VSS_E_MISSING_DISK);
	assert_non_null(strstr(err.text, "Serial-a"));
	lun.serial[0] = 's';
	lun.ids[0].bytes[0] = 0x61;
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, &err), VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(err.text, "another identity"));
	/* Without identifiers the serial number has to do. */
	lun.nr_ids = 0;
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, &err), S_OK);
	lun.serial[0] = '\0';
	assert_int_equal(vss_lun_find_name(&lm->source, &lun, name, &err), VSS_E_OBJECT_NOT_FOUND);
	vss_lun_info_clear(&lun);
}

/* ---- Marks ---- */

static bool marked_at(const char *folder, const char *name)
{
	char *path = text("%s/%s", folder, name);
	bool there = !access(path, F_OK);

	free(path);
	return there;
}

/* For now, and for the machine's next start. */
static bool marked(struct lun_machine *lm, const char *name)
{
	bool kept = marked_at(lm->kept, name);

	assert_int_equal(marked_at(lm->hidden, name), kept);
	return kept;
}

static void marks(void **state)
{
	struct lun_machine *lm = *state;
	struct vss_storage_id ids[] = {
		{ .type = 3, .size = 2, .bytes = { 0x60, 1 } }, { .type = 1, .size = 3, .bytes = "a/b" },
		{ .type = 3, .association = 1, .size = 1, .bytes = { 7 } },
	};
	struct vss_lun_info lun = { .ids = ids, .nr_ids = 3 };
	struct vss_error err;

	assert_int_equal(vss_lun_mark_in(&lm->source, &lun, true, NULL), S_OK);
	assert_true(marked(lm, "naa.6001"));
	assert_true(marked(lm, "mpath-36001"));
	assert_false(marked(lm, "naa.07"));
	assert_int_equal(vss_lun_mark_in(&lm->source, &lun, true, NULL), S_OK);
	assert_int_equal(vss_lun_mark_in(&lm->source, &lun, false, NULL), S_OK);
	assert_false(marked(lm, "naa.6001"));
	assert_false(marked(lm, "mpath-36001"));
	assert_int_equal(vss_lun_mark_in(&lm->source, &lun, false, NULL), S_OK);
	/* Its only identifier cannot be a file's name, nor lead elsewhere. */
	lun.ids++;
	lun.nr_ids = 1;
	assert_int_equal(vss_lun_mark_in(&lm->source, &lun, true, &err), VSS_E_VOLUME_NOT_SUPPORTED);
}

int main(void)
{
#define ON_MACHINE(test)	cmocka_unit_test_setup_teardown(test, lun_machine_setup, lun_machine_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_83),
		cmocka_unit_test(damaged_page_83),
		cmocka_unit_test(page_80),
		cmocka_unit_test(same_as_vss_compares),
		cmocka_unit_test(copies),
		ON_MACHINE(scsi_disk),
		ON_MACHINE(not_a_disk),
		ON_MACHINE(damaged_disk),
		ON_MACHINE(nvme_namespace),
		ON_MACHINE(without_identifier),
		ON_MACHINE(signatures),
		ON_MACHINE(duplicates),
		ON_MACHINE(another_identity),
		ON_MACHINE(marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

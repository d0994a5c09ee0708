/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of a made-up machine that say who they are.
 */
#ifndef TESTS_UNIT_LUN_FIXTURE_H
#define TESTS_UNIT_LUN_FIXTURE_H

#include <errno.h>

#include "fake-sysfs.h"
#include "lun.h"

struct lun_machine {
	struct machine *m;
	struct vss_lun_source source;
	char *dev, *hidden, *kept;
};

/* Tables of device-mapper devices by minor number, as text: "start length type params". */
#define LUN_MACHINE_TABLES	8
static const char *lun_tables[LUN_MACHINE_TABLES][4];

static inline int lun_machine_table(struct vss_devno dev, struct vss_dm_table *table)
{
	memset(table, 0, sizeof(*table));
	if (dev.minor >= LUN_MACHINE_TABLES || !lun_tables[dev.minor][0])
		return -ENXIO;
	for (size_t i = 0; i < COUNT(lun_tables[0]) && lun_tables[dev.minor][i]; i++) {
		unsigned long long start, length;
		char type[32], params[64];

		assert_int_equal(sscanf(lun_tables[dev.minor][i], "%llu %llu %31s %63[^\n]", &start, &length, type,
					params), 4);
		assert_true(vss_dm_table_add(table, length * 512, type, params));
		table->targets[i].start = start * 512;
	}
	return 0;
}

static inline int lun_machine_setup(void **state)
{
	struct lun_machine *lm = calloc(1, sizeof(*lm));

	lm->m = machine_new();
	lm->dev = text("%s/dev", lm->m->dir);
	lm->hidden = text("%s/run/vss/hidden", lm->m->dir);
	lm->kept = text("%s/var/lib/vss/hidden", lm->m->dir);
	mkdir(lm->dev, 0755);
	lm->source = (struct vss_lun_source) {
		.sysfs = lm->m->sysfs, .dev = lm->dev, .hidden = lm->hidden, .kept = lm->kept,
		.dm_table = lun_machine_table,
	};
	memset(lun_tables, 0, sizeof(lun_tables));
	*state = lm;
	return 0;
}

static inline int lun_machine_teardown(void **state)
{
	struct lun_machine *lm = *state;

	machine_free(lm->m);
	free(lm->dev);
	free(lm->hidden);
	free(lm->kept);
	free(lm);
	return 0;
}

/* Another content of a file below sysfs. */
static inline void machine_rewrite(struct machine *m, const char *where, const char *content)
{
	char *path = text("%s/%s", m->sysfs, where);

	unlink(path);
	machine_write(path, content);
	free(path);
}

/* A disk with a driver: "scsi", "nvme", "virtio". */
static inline void lun_machine_disk(struct lun_machine *lm, const char *name, unsigned int minor,
				    const char *subsystem)
{
	char *dir = text("devices/%s/device", name), *queue = text("devices/%s/queue", name);
	char *link = text("%s/%s/subsystem", lm->m->sysfs, dir), *target = text("../../../bus/%s", subsystem);

	machine_device(lm->m, name, 400, minor);
	machine_mkdir(lm->m, dir);
	machine_entry(lm->m, queue, "logical_block_size", "512\n");
	assert_int_equal(symlink(target, link), 0);
	free(dir);
	free(queue);
	free(link);
	free(target);
}

static inline void lun_machine_blob(struct lun_machine *lm, const char *name, const char *attr, const uint8_t *data,
				    size_t size)
{
	char *path = text("%s/devices/%s/device/%s", lm->m->sysfs, name, attr);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
	free(path);
}

static inline void lun_machine_page80(struct lun_machine *lm, const char *name, const char *serial)
{
	uint8_t page[64] = { 0, 0x80, 0, (uint8_t)strlen(serial) };

	memcpy(page + 4, serial, strlen(serial));
	lun_machine_blob(lm, name, "vpd_pg80", page, 4 + strlen(serial));
}

/* A SCSI disk of 1 GiB with a NAA identifier, in 16 digits. */
static inline void lun_machine_scsi(struct lun_machine *lm, const char *name, unsigned int minor, const char *naa,
				    const char *serial)
{
	uint8_t page[16] = { 0, 0x83, 0, 12, 1, 3, 0, 8 };
	char *dir = text("devices/%s/device", name);

	lun_machine_disk(lm, name, minor, "scsi");
	machine_attr(lm->m, dir, "type", "0\n");
	machine_attr(lm->m, dir, "vendor", "LIO-ORG \n");
	machine_attr(lm->m, dir, "model", "disk            \n");
	machine_attr(lm->m, dir, "rev", "4.0 \n");
	for (size_t i = 0; i < 8; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(naa + 2 * i, "%2x", &byte), 1);
		page[8 + i] = (uint8_t)byte;
	}
	lun_machine_blob(lm, name, "vpd_pg83", page, sizeof(page));
	lun_machine_page80(lm, name, serial);
	free(dir);
}

/* A device-mapper device; its table is lun_tables[@minor]. */
static inline void lun_machine_dm(struct lun_machine *lm, const char *name, unsigned int minor,
					 const char *uuid)
{
	char *dir = text("devices/%s/dm", name), *line = text("%s\n", uuid);

	machine_device(lm->m, name, 401, minor);
	machine_entry(lm->m, dir, "uuid", line);
	free(dir);
	free(line);
}

#endif /* TESTS_UNIT_LUN_FIXTURE_H */

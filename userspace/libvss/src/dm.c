// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Device-mapper devices, through libdevmapper.
 *
 * The library keeps /dev/mapper/control open between calls, not closed on exec:
 * dm_lib_release() after each of ours, so that no child gets it.
 */
#include <errno.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm.h"

#define SECTOR	512

/* LVM, multipath, systemd and others pass a device with these. */
#define PRIVATE	(DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | \
		 DM_UDEV_DISABLE_OTHER_RULES_FLAG)

static void cleanup_task(struct dm_task **task)
{
	if (*task)
		dm_task_destroy(*task);
	dm_lib_release();
}

#define _cleanup_task_	__attribute__((cleanup(cleanup_task)))

static int run(struct dm_task *task)
{
	int code;

	if (dm_task_run(task))
		return 0;
	code = dm_task_get_errno(task);
	return code > 0 ? -code : -EIO;
}

/* Run, and wait until udev has made or removed the node. */
static int run_with_udev(struct dm_task *task)
{
	uint32_t cookie = 0;
	int ret;

	if (!dm_task_set_cookie(task, &cookie, PRIVATE))
		return -EIO;
	ret = run(task);
	dm_udev_wait(cookie);
	return ret;
}

static struct dm_task *task_for(int type, struct vss_devno dev)
{
	struct dm_task *task = dm_task_create(type);

	if (task && dm_task_set_major(task, (int)dev.major) && dm_task_set_minor(task, (int)dev.minor))
		return task;
	if (task)
		dm_task_destroy(task);
	return NULL;
}

bool vss_dm_table_add(struct vss_dm_table *table, uint64_t length, const char *type, const char *params)
{
	struct vss_dm_target *more = reallocarray(table->targets, table->count + 1, sizeof(*more));
	struct vss_dm_target *target;

	if (!more)
		return false;
	table->targets = more;
	target = &more[table->count];
	target->start = table->count ? target[-1].start + target[-1].length : 0;
	target->length = length;
	snprintf(target->type, sizeof(target->type), "%s", type);
	target->params = strdup(params);
	if (!target->params)
		return false;
	table->count++;
	return true;
}

void vss_dm_table_clear(struct vss_dm_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->targets[i].params);
	free(table->targets);
	memset(table, 0, sizeof(*table));
}

int vss_dm_table_read(struct vss_devno dev, struct vss_dm_table *table)
{
	struct dm_task *task _cleanup_task_ = task_for(DM_DEVICE_TABLE, dev);
	uint64_t start, length;
	char *type, *params;
	void *next = NULL;
	int ret = task ? run(task) : -ENOMEM;

	memset(table, 0, sizeof(*table));
	if (ret)
		return ret;
	do {
		next = dm_get_next_target(task, next, &start, &length, &type, &params);
		if (!type)
			break;
		if (!vss_dm_table_add(table, length * SECTOR, type, params)) {
			vss_dm_table_clear(table);
			return -ENOMEM;
		}
	} while (next);
	return 0;
}

static int add_targets(struct dm_task *task, const struct vss_dm_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct vss_dm_target *t = &table->targets[i];

		if (!dm_task_add_target(task, t->start / SECTOR, t->length / SECTOR, t->type, t->params))
			return -ENOMEM;
	}
	return 0;
}

int vss_dm_create(const char *name, const char *uuid, const struct vss_dm_table *table, bool read_only)
{
	struct dm_task *task _cleanup_task_ = dm_task_create(DM_DEVICE_CREATE);

	if (!task || !dm_task_set_name(task, name) || !dm_task_set_uuid(task, uuid) ||
	    (read_only && !dm_task_set_ro(task)) || add_targets(task, table))
		return -ENOMEM;
	return run_with_udev(task);
}

static int reload(struct vss_devno dev, const struct vss_dm_table *table, bool read_only)
{
	struct dm_task *task _cleanup_task_ = task_for(DM_DEVICE_RELOAD, dev);

	if (!task || (read_only && !dm_task_set_ro(task)) || add_targets(task, table))
		return -ENOMEM;
	return run(task);
}

/* Resuming puts a table that was loaded in place of the old one. */
static int resume(struct vss_devno dev)
{
	struct dm_task *task _cleanup_task_ = task_for(DM_DEVICE_RESUME, dev);

	return task ? run_with_udev(task) : -ENOMEM;
}

int vss_dm_set_read_only(struct vss_devno dev, bool read_only)
{
	struct vss_dm_table table;
	int ret = vss_dm_table_read(dev, &table);

	if (!ret)
		ret = reload(dev, &table, read_only);
	if (!ret)
		ret = resume(dev);
	vss_dm_table_clear(&table);
	return ret;
}

int vss_dm_remove(struct vss_devno dev)
{
	struct dm_task *task _cleanup_task_ = task_for(DM_DEVICE_REMOVE, dev);

	/* udev may have it open for a moment. */
	if (!task || !dm_task_retry_remove(task))
		return -ENOMEM;
	return run_with_udev(task);
}

int vss_dm_find(const char *uuid, struct vss_devno *dev)
{
	struct dm_task *task _cleanup_task_ = dm_task_create(DM_DEVICE_INFO);
	struct dm_info info;
	int ret;

	if (!task || !dm_task_set_uuid(task, uuid))
		return -ENOMEM;
	ret = run(task);
	if (ret)
		return ret == -ENXIO ? -ENODEV : ret;
	if (!dm_task_get_info(task, &info) || !info.exists)
		return -ENODEV;
	*dev = (struct vss_devno) { info.major, info.minor };
	return 0;
}

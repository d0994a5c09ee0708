// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instant.
 */
#include <errno.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "error.h"
#include "thin.h"

static void cleanup_task(struct dm_task **task)
{
	if (*task)
		dm_task_destroy(*task);
	dm_lib_release();
}

#define _cleanup_task_	__attribute__((cleanup(cleanup_task)))

static struct dm_task *task_for(int type, dev_t device)
{
	struct dm_task *task = dm_task_create(type);

	if (task && dm_task_set_major_minor(task, major(device), minor(device), 0) &&
	    dm_task_no_open_count(task))
		return task;
	if (task)
		dm_task_destroy(task);
	errno = ENOMEM;
	return NULL;
}

static int run(struct dm_task *task)
{
	int code;

	if (!task)
		return -ENOMEM;
	if (dm_task_run(task))
		return 0;
	code = dm_task_get_errno(task);
	return code > 0 ? -code : -EIO;
}

int thin_look(struct thin_copy *copy, struct vss_error *err)
{
	_cleanup_task_ struct dm_task *task = task_for(DM_DEVICE_TABLE, copy->origin);
	unsigned int pool_major, pool_minor;
	char *type = NULL, *parameters = NULL;
	uint64_t start, length;
	int ret = run(task);

	if (ret)
		return vss_error_errno(err, ret, "the array cannot read the table of device %u:%u: %s",
				       major(copy->origin), minor(copy->origin), strerror(-ret));
	if (dm_get_next_target(task, NULL, &start, &length, &type, &parameters) || !type ||
	    strcmp(type, "thin") || !parameters ||
	    sscanf(parameters, "%u:%u %" SCNu32, &pool_major, &pool_minor, &copy->origin_id) != 3)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "device %u:%u of the array is not a thin volume alone",
				     major(copy->origin), minor(copy->origin));
	copy->pool = makedev(pool_major, pool_minor);
	copy->size = length * 512;
	return 0;
}

int thin_name(dev_t device, char **path, bool *thin)
{
	_cleanup_task_ struct dm_task *task = task_for(DM_DEVICE_TABLE, device);
	char *type = NULL, *parameters = NULL, *vg, *lv, *layer;
	_cleanup_free_ char *name = NULL;
	uint64_t start, length;
	int ret = run(task);

	if (ret)
		return ret;
	if (strncmp(dm_task_get_uuid(task), "LVM-", 4))
		return -EINVAL;
	name = strdup(dm_task_get_name(task));
	/* Without a pool the name itself is cut into its parts. */
	vg = name;
	if (!name || !dm_split_lvm_name(NULL, NULL, &vg, &lv, &layer) || *layer)
		return -EINVAL;
	*thin = !dm_get_next_target(task, NULL, &start, &length, &type, &parameters) && type &&
		!strcmp(type, "thin");
	return asprintf(path, "%s/%s", vg, lv) < 0 ? -ENOMEM : 0;
}

static int suspend(const struct thin_copy *copy)
{
	_cleanup_task_ struct dm_task *task = task_for(DM_DEVICE_SUSPEND, copy->origin);

	/* What is mounted on it is mounted elsewhere. */
	if (task && !dm_task_skip_lockfs(task))
		return -ENOMEM;
	return run(task);
}

static int resume(const struct thin_copy *copy)
{
	_cleanup_task_ struct dm_task *task = task_for(DM_DEVICE_RESUME, copy->origin);

	return run(task);
}

static int message(const struct thin_copy *copy, const char *text)
{
	_cleanup_task_ struct dm_task *task = task_for(DM_DEVICE_TARGET_MSG, copy->pool);

	if (task && (!dm_task_set_sector(task, 0) || !dm_task_set_message(task, text)))
		return -ENOMEM;
	return run(task);
}

static int take(const struct thin_copy *copy, struct vss_error *err)
{
	char text[64];
	int ret;

	snprintf(text, sizeof(text), "delete %" PRIu32, copy->id);
	ret = message(copy, text);
	if (ret)
		return vss_error_errno(err, ret, "the array's thin pool refuses \"%s\": %s%s", text,
				       strerror(-ret),
				       ret == -EBUSY ? "; somebody has activated the copy" : "");
	snprintf(text, sizeof(text), "create_snap %" PRIu32 " %" PRIu32, copy->id, copy->origin_id);
	ret = message(copy, text);
	return ret ? vss_error_errno(err, ret, "the array's thin pool refuses \"%s\": %s", text,
				     strerror(-ret)) : 0;
}

int thin_take(const struct thin_copy *copies, size_t n, struct vss_error *err)
{
	size_t stopped = 0;
	int ret = 0, ret2;

	for (; !ret && stopped < n; stopped += !ret) {
		ret = suspend(&copies[stopped]);
		if (ret)
			vss_error_errno(err, ret, "the array cannot suspend device %u:%u: %s",
					major(copies[stopped].origin), minor(copies[stopped].origin),
					strerror(-ret));
	}
	for (size_t i = 0; !ret && i < n; i++)
		ret = take(&copies[i], err);
	while (stopped--) {
		ret2 = resume(&copies[stopped]);
		if (ret2 && !ret)
			ret = vss_error_errno(err, ret2, "the array cannot resume device %u:%u: %s",
					      major(copies[stopped].origin),
					      minor(copies[stopped].origin), strerror(-ret2));
	}
	return ret;
}

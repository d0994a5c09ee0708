// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_SNAPSHOT_*: snapshots.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel.h"
#include "list.h"
#include "parse.h"

static int take_snapshot(struct nlattr *const *attrs, bool first, void *arg)
{
	(void)first;
	if (!attrs[VSS_A_SNAPSHOT])
		return -EPROTO;
	return vss_parse_snapshot(attrs[VSS_A_SNAPSHOT], arg);
}

/* A request about one snapshot or one set of them; the nest is left open. */
static struct nl_msg *snapshot_request(struct vss_kernel *kernel, enum vss_cmd cmd, int type,
				       const struct vss_uuid *uuid, struct nlattr **nest)
{
	struct nl_msg *msg = vss_kernel_request(kernel, cmd, false);

	*nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_SNAPSHOT);
	if (!*nest || nla_put(msg, type, VSS_UUID_SIZE, uuid->bytes) < 0)
		return NULL;
	return msg;
}

int vss_kernel_snapshot_get(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			    struct vss_kernel_snapshot *snapshot)
{
	struct nlattr *nest;
	struct nl_msg *msg = snapshot_request(kernel, VSS_CMD_SNAPSHOT_GET,
					      VSS_A_SNAPSHOT_UUID, uuid, &nest);

	if (!msg)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid), take_snapshot, snapshot);
}

static int list_snapshot(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_list *list = arg;
	struct vss_kernel_snapshot *snapshot;

	if (first)
		list->count = 0;
	snapshot = vss_list_add(list);
	if (!snapshot)
		return -ENOMEM;
	return take_snapshot(attrs, first, snapshot);
}

static int put_filter(struct nl_msg *msg, const struct vss_uuid *set,
		      const struct vss_devno *volume)
{
	struct nlattr *nest;

	if (!set && !volume)
		return 0;
	nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_SNAPSHOT);
	if (!nest ||
	    (set && nla_put(msg, VSS_A_SNAPSHOT_SET_UUID, VSS_UUID_SIZE, set->bytes) < 0) ||
	    (volume && (nla_put_u32(msg, VSS_A_SNAPSHOT_MAJOR, volume->major) < 0 ||
			nla_put_u32(msg, VSS_A_SNAPSHOT_MINOR, volume->minor) < 0)))
		return -EMSGSIZE;
	nla_nest_end_keep_empty(msg, nest);
	return 0;
}

/*
 * By the instant; within one set, whose members share it, by volume, and
 * within one volume by epoch.
 */
static int by_age(const void *left, const void *right)
{
	const struct vss_kernel_snapshot *a = left;
	const struct vss_kernel_snapshot *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->volume.major != b->volume.major)
		return a->volume.major < b->volume.major ? -1 : 1;
	if (a->volume.minor != b->volume.minor)
		return a->volume.minor < b->volume.minor ? -1 : 1;
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return 0;
}

int vss_kernel_snapshot_list(struct vss_kernel *kernel, const struct vss_uuid *set,
			     const struct vss_devno *volume,
			     struct vss_kernel_snapshot **snapshots, size_t *count)
{
	struct vss_list list = { .item_size = sizeof(**snapshots) };
	struct nl_msg *msg = vss_kernel_request(kernel, VSS_CMD_SNAPSHOT_GET, true);
	int ret;

	if (put_filter(msg, set, volume))
		return vss_kernel_request_too_long(kernel, NULL);
	ret = vss_kernel_exchange(kernel, NULL, list_snapshot, &list);
	if (ret) {
		free(list.items);
		return ret;
	}
	if (list.count)
		qsort(list.items, list.count, list.item_size, by_age);
	*snapshots = list.items;
	*count = list.count;
	return 0;
}

int vss_kernel_snapshot_set_flags(struct vss_kernel *kernel, const struct vss_uuid *uuid,
				  uint32_t flags, struct vss_kernel_snapshot *snapshot)
{
	struct nlattr *nest;
	struct nl_msg *msg = snapshot_request(kernel, VSS_CMD_SNAPSHOT_SET,
					      VSS_A_SNAPSHOT_UUID, uuid, &nest);

	if (!msg || nla_put_u32(msg, VSS_A_SNAPSHOT_FLAGS, flags) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid),
				   snapshot ? take_snapshot : NULL, snapshot);
}

static int delete(struct vss_kernel *kernel, int type, const struct vss_uuid *uuid, bool force)
{
	struct nlattr *nest;
	struct nl_msg *msg = snapshot_request(kernel, VSS_CMD_SNAPSHOT_DELETE, type, uuid,
					      &nest);

	if (!msg || (force && nla_put_flag(msg, VSS_A_SNAPSHOT_FORCE) < 0))
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid), NULL, NULL);
}

int vss_kernel_snapshot_delete(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			       bool force)
{
	return delete(kernel, VSS_A_SNAPSHOT_UUID, uuid, force);
}

int vss_kernel_snapshot_delete_set(struct vss_kernel *kernel, const struct vss_uuid *set,
				   bool force)
{
	return delete(kernel, VSS_A_SNAPSHOT_SET_UUID, set, force);
}

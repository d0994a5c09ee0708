// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From attributes to structs.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <string.h>

#include "parse.h"

/*
 * The attributes of one nest while it is being read.  The first one that is
 * missing or malformed makes @error -EPROTO; what is read after it is zero.
 */
struct reader {
	struct nlattr **tb;
	int error;
};

static struct nlattr *need(struct reader *r, int type, int size)
{
	struct nlattr *attr = r->tb[type];

	if (!attr || nla_len(attr) < size) {
		r->error = -EPROTO;
		return NULL;
	}
	return attr;
}

static uint32_t read_u32(struct reader *r, int type)
{
	struct nlattr *attr = need(r, type, sizeof(uint32_t));

	return attr ? nla_get_u32(attr) : 0;
}

static uint64_t read_u64(struct reader *r, int type)
{
	struct nlattr *attr = need(r, type, sizeof(uint64_t));

	return attr ? nla_get_u64(attr) : 0;
}

static struct vss_devno read_devno(struct reader *r, int major, int minor)
{
	return (struct vss_devno) { read_u32(r, major), read_u32(r, minor) };
}

static void read_uuid(struct reader *r, int type, struct vss_uuid *uuid)
{
	struct nlattr *attr = need(r, type, VSS_UUID_SIZE);

	if (attr)
		memcpy(uuid->bytes, nla_data(attr), VSS_UUID_SIZE);
}

static void read_string(struct reader *r, int type, char *text, size_t size)
{
	struct nlattr *attr = need(r, type, 0);

	if (attr)
		nla_strlcpy(text, attr, size);
}

static bool has(const struct reader *r, int type)
{
	return r->tb[type];
}

int vss_parse_module(struct nlattr *nest, struct vss_kernel_module *module)
{
	struct nlattr *tb[VSS_A_MODULE_MAX + 1];
	struct reader r = { .tb = tb };

	memset(module, 0, sizeof(*module));
	if (nla_parse_nested(tb, VSS_A_MODULE_MAX, nest, NULL) < 0)
		return -EPROTO;
	read_string(&r, VSS_A_MODULE_VERSION, module->version, sizeof(module->version));
	module->hook_state = read_u32(&r, VSS_A_MODULE_HOOK_STATE);
	module->hook_bios = read_u64(&r, VSS_A_MODULE_HOOK_BIOS);
	module->max_volumes = read_u32(&r, VSS_A_MODULE_MAX_VOLUMES);
	module->max_snapshots = read_u32(&r, VSS_A_MODULE_MAX_SNAPSHOTS);
	module->max_members = read_u32(&r, VSS_A_MODULE_MAX_MEMBERS);
	module->volumes = read_u32(&r, VSS_A_MODULE_VOLUMES);
	return r.error;
}

int vss_parse_volume(struct nlattr *nest, struct vss_kernel_volume *volume)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct reader r = { .tb = tb };

	memset(volume, 0, sizeof(*volume));
	if (nla_parse_nested(tb, VSS_A_VOLUME_MAX, nest, NULL) < 0)
		return -EPROTO;
	volume->dev = read_devno(&r, VSS_A_VOLUME_MAJOR, VSS_A_VOLUME_MINOR);
	read_string(&r, VSS_A_VOLUME_NAME, volume->name, sizeof(volume->name));
	volume->size = read_u64(&r, VSS_A_VOLUME_SIZE);
	volume->chunk_size = read_u32(&r, VSS_A_VOLUME_CHUNK_SIZE);
	volume->copy_memory = read_u64(&r, VSS_A_VOLUME_COPY_MEMORY);
	volume->snapshots = read_u32(&r, VSS_A_VOLUME_SNAPSHOTS);
	volume->epoch = read_u32(&r, VSS_A_VOLUME_EPOCH);
	volume->area_size = read_u64(&r, VSS_A_VOLUME_AREA_SIZE);
	volume->area_used = read_u64(&r, VSS_A_VOLUME_AREA_USED);
	volume->low_water = read_u64(&r, VSS_A_VOLUME_LOW_WATER);
	volume->writes = read_u64(&r, VSS_A_VOLUME_WRITES);
	volume->writes_held = read_u64(&r, VSS_A_VOLUME_WRITES_HELD);
	volume->chunks_copied = read_u64(&r, VSS_A_VOLUME_CHUNKS_COPIED);
	volume->copy_reads = read_u64(&r, VSS_A_VOLUME_COPY_READS);
	volume->area_writes = read_u64(&r, VSS_A_VOLUME_AREA_WRITES);
	volume->memory = read_u64(&r, VSS_A_VOLUME_MEMORY);
	volume->state = read_u32(&r, VSS_A_VOLUME_STATE);
	volume->openers = read_u32(&r, VSS_A_VOLUME_OPENERS);
	return r.error;
}

int vss_parse_area(struct nlattr *nest, struct vss_kernel_area *area)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct reader r = { .tb = tb };

	memset(area, 0, sizeof(*area));
	if (nla_parse_nested(tb, VSS_A_AREA_MAX, nest, NULL) < 0)
		return -EPROTO;
	area->volume = read_devno(&r, VSS_A_AREA_VOLUME_MAJOR, VSS_A_AREA_VOLUME_MINOR);
	area->id = read_u32(&r, VSS_A_AREA_ID);
	area->type = read_u32(&r, VSS_A_AREA_TYPE);
	area->dev = read_devno(&r, VSS_A_AREA_DEV_MAJOR, VSS_A_AREA_DEV_MINOR);
	area->size = read_u64(&r, VSS_A_AREA_SIZE);
	area->used = read_u64(&r, VSS_A_AREA_USED);
	area->on_origin = has(&r, VSS_A_AREA_ON_ORIGIN);
	area->state = read_u32(&r, VSS_A_AREA_STATE);
	area->persistent = has(&r, VSS_A_AREA_UUID);
	if (area->persistent)
		read_uuid(&r, VSS_A_AREA_UUID, &area->uuid);
	if (!r.error && has(&r, VSS_A_AREA_PATH)) {
		area->path = strndup(nla_data(tb[VSS_A_AREA_PATH]),
				     (size_t)nla_len(tb[VSS_A_AREA_PATH]));
		if (!area->path)
			return -ENOMEM;
	}
	return r.error;
}

static int parse_member(struct nlattr *nest, struct vss_kernel_member *member)
{
	struct nlattr *tb[VSS_A_MEMBER_MAX + 1];
	struct reader r = { .tb = tb };

	if (nla_parse_nested(tb, VSS_A_MEMBER_MAX, nest, NULL) < 0)
		return -EPROTO;
	member->dev = read_devno(&r, VSS_A_MEMBER_MAJOR, VSS_A_MEMBER_MINOR);
	member->hold_only = tb[VSS_A_MEMBER_HOLD_ONLY];
	if (!member->hold_only)
		read_uuid(&r, VSS_A_MEMBER_SNAPSHOT_UUID, &member->snapshot);
	member->level = read_u32(&r, VSS_A_MEMBER_LEVEL);
	return r.error;
}

int vss_parse_set(struct nlattr *nest, struct vss_kernel_set *set)
{
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct reader r = { .tb = tb };
	struct nlattr *attr;
	int left;

	memset(set, 0, sizeof(*set));
	if (nla_parse_nested(tb, VSS_A_SET_MAX, nest, NULL) < 0)
		return -EPROTO;
	read_uuid(&r, VSS_A_SET_UUID, &set->uuid);
	set->flags = read_u32(&r, VSS_A_SET_FLAGS);
	set->state = read_u32(&r, VSS_A_SET_STATE);
	set->error = (int32_t)read_u32(&r, VSS_A_SET_ERROR);
	set->hold_timeout_ms = read_u32(&r, VSS_A_SET_HOLD_TIMEOUT_MS);
	set->freeze_timeout_ms = read_u32(&r, VSS_A_SET_FREEZE_TIMEOUT_MS);
	set->freeze_usec = read_u64(&r, VSS_A_SET_FREEZE_USEC);
	set->hold_usec = read_u64(&r, VSS_A_SET_HOLD_USEC);
	nla_for_each_nested(attr, nest, left) {
		if (nla_type(attr) != VSS_A_SET_MEMBER)
			continue;
		if (set->member_count == VSS_MAX_MEMBERS ||
		    parse_member(attr, &set->members[set->member_count]))
			return -EPROTO;
		set->member_count++;
	}
	return r.error;
}

int vss_parse_snapshot(struct nlattr *nest, struct vss_kernel_snapshot *snapshot)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	struct reader r = { .tb = tb };

	memset(snapshot, 0, sizeof(*snapshot));
	if (nla_parse_nested(tb, VSS_A_SNAPSHOT_MAX, nest, NULL) < 0)
		return -EPROTO;
	read_uuid(&r, VSS_A_SNAPSHOT_UUID, &snapshot->uuid);
	read_uuid(&r, VSS_A_SNAPSHOT_SET_UUID, &snapshot->set);
	snapshot->volume = read_devno(&r, VSS_A_SNAPSHOT_MAJOR, VSS_A_SNAPSHOT_MINOR);
	read_string(&r, VSS_A_SNAPSHOT_VOLUME_NAME, snapshot->volume_name,
		    sizeof(snapshot->volume_name));
	/* A member of a set that is not committed has no image yet. */
	if (has(&r, VSS_A_SNAPSHOT_NAME)) {
		read_string(&r, VSS_A_SNAPSHOT_NAME, snapshot->name, sizeof(snapshot->name));
		snapshot->dev = read_devno(&r, VSS_A_SNAPSHOT_DEV_MAJOR,
					   VSS_A_SNAPSHOT_DEV_MINOR);
	}
	snapshot->epoch = read_u32(&r, VSS_A_SNAPSHOT_EPOCH);
	snapshot->time = read_u64(&r, VSS_A_SNAPSHOT_TIME);
	snapshot->size = read_u64(&r, VSS_A_SNAPSHOT_SIZE);
	snapshot->state = read_u32(&r, VSS_A_SNAPSHOT_STATE);
	snapshot->lost_reason = read_u32(&r, VSS_A_SNAPSHOT_LOST_REASON);
	snapshot->flags = read_u32(&r, VSS_A_SNAPSHOT_FLAGS);
	snapshot->copied = read_u64(&r, VSS_A_SNAPSHOT_COPIED);
	snapshot->overlay = read_u64(&r, VSS_A_SNAPSHOT_OVERLAY);
	/* A module of before does not tell; it may be the one that is loaded until the next start. */
	if (has(&r, VSS_A_SNAPSHOT_MEMBERS))
		snapshot->members = read_u32(&r, VSS_A_SNAPSHOT_MEMBERS);
	return r.error;
}

int vss_parse_event(struct nlattr *nest, struct vss_kernel_event *event)
{
	struct nlattr *tb[VSS_A_EVENT_MAX + 1];
	struct reader r = { .tb = tb };

	memset(event, 0, sizeof(*event));
	if (nla_parse_nested(tb, VSS_A_EVENT_MAX, nest, NULL) < 0)
		return -EPROTO;
	event->type = read_u32(&r, VSS_A_EVENT_TYPE);
	event->time = read_u64(&r, VSS_A_EVENT_TIME);
	if (has(&r, VSS_A_EVENT_VOLUME_MAJOR)) {
		event->has |= VSS_KERNEL_EVENT_VOLUME;
		event->volume = read_devno(&r, VSS_A_EVENT_VOLUME_MAJOR,
					   VSS_A_EVENT_VOLUME_MINOR);
	}
	if (has(&r, VSS_A_EVENT_SNAPSHOT_UUID)) {
		event->has |= VSS_KERNEL_EVENT_SNAPSHOT;
		read_uuid(&r, VSS_A_EVENT_SNAPSHOT_UUID, &event->snapshot);
	}
	if (has(&r, VSS_A_EVENT_SET_UUID)) {
		event->has |= VSS_KERNEL_EVENT_SET;
		read_uuid(&r, VSS_A_EVENT_SET_UUID, &event->set);
	}
	if (has(&r, VSS_A_EVENT_REASON)) {
		event->has |= VSS_KERNEL_EVENT_REASON;
		event->reason = read_u32(&r, VSS_A_EVENT_REASON);
	}
	if (has(&r, VSS_A_EVENT_AREA_SIZE)) {
		event->has |= VSS_KERNEL_EVENT_AREA;
		event->area_size = read_u64(&r, VSS_A_EVENT_AREA_SIZE);
		event->area_used = read_u64(&r, VSS_A_EVENT_AREA_USED);
	}
	if (has(&r, VSS_A_EVENT_ERROR)) {
		event->has |= VSS_KERNEL_EVENT_ERROR;
		event->error = (int32_t)read_u32(&r, VSS_A_EVENT_ERROR);
	}
	return r.error;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output for programs: one JSON document for each command, for events one
 * object a line.  Sizes are bytes, times are UTC in RFC 3339, unknown values
 * are left out.
 */
#include <json-c/json.h>
#include <string.h>

#include "names.h"
#include "print.h"
#include "vssctl.h"

static void add(json_object *object, const char *key, json_object *value)
{
	json_object_object_add(object, key, value);
}

static void add_string(json_object *object, const char *key, const char *value)
{
	add(object, key, json_object_new_string(value));
}

static void add_number(json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

static void add_bool(json_object *object, const char *key, bool value)
{
	add(object, key, json_object_new_boolean(value));
}

static void add_uuid(json_object *object, const char *key, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	add_string(object, key, vss_uuid_format(uuid, text));
}

static void add_time(json_object *object, const char *key, uint64_t time)
{
	char text[VSSCTL_TIME_TEXT];

	add_string(object, key, vssctl_format_time_utc(time, text));
}

static void add_device(json_object *object, const char *key, struct vss_devno dev)
{
	char text[VSSCTL_DEVICE_TEXT];

	add_string(object, key, vssctl_device_name(dev, text));
}

static void add_devno(json_object *object, const char *key, struct vss_devno dev)
{
	char text[32];

	snprintf(text, sizeof(text), "%u:%u", dev.major, dev.minor);
	add_string(object, key, text);
}

static void add_node(json_object *object, const char *key, const char *name)
{
	char text[VSSCTL_DEVICE_TEXT];

	vss_blockdev_node(name, text, sizeof(text));
	add_string(object, key, text);
}

/* Write and free a document. */
static void put(FILE *out, json_object *object, int flags)
{
	fputs(json_object_to_json_string_ext(object, flags | JSON_C_TO_STRING_NOSLASHESCAPE), out);
	fputc('\n', out);
	json_object_put(object);
}

static void put_document(struct vssctl *ctl, json_object *object)
{
	put(ctl->out, object, JSON_C_TO_STRING_PRETTY);
}

/* {"KEY": array} */
static void put_list(struct vssctl *ctl, const char *key, json_object *array)
{
	json_object *object = json_object_new_object();

	add(object, key, array);
	put_document(ctl, object);
}

static json_object *area_object(const struct vss_kernel_area *area)
{
	json_object *object = json_object_new_object();

	add_device(object, "volume", area->volume);
	add_number(object, "part", area->id);
	add_string(object, "type", vssctl_area_type_name(area->type));
	add_device(object, "device", area->dev);
	if (area->path)
		add_string(object, "path", area->path);
	add_number(object, "size", area->size);
	add_number(object, "used", area->used);
	add_bool(object, "same_volume", area->on_origin);
	if (area->persistent)
		add_uuid(object, "area", &area->uuid);
	add_string(object, "state", vssctl_area_state_name(area->state));
	return object;
}

static json_object *area_array(const struct vss_kernel_area *areas, size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, area_object(&areas[i]));
	return array;
}

static json_object *snapshot_object(const struct vss_kernel_snapshot *s)
{
	json_object *object = json_object_new_object();

	add_uuid(object, "id", &s->uuid);
	add_uuid(object, "set", &s->set);
	add_number(object, "set_members", s->members);
	add_node(object, "volume", s->volume_name);
	add_devno(object, "volume_devno", s->volume);
	if (s->name[0]) {
		add_node(object, "device", s->name);
		add_devno(object, "device_devno", s->dev);
	}
	add_string(object, "state", vssctl_snapshot_state_name(s->state));
	if (s->state == VSS_SNAPSHOT_LOST)
		add_string(object, "lost_reason", vssctl_lost_reason_name(s->lost_reason));
	add_bool(object, "writable", s->flags & VSS_SNAPSHOT_F_WRITABLE);
	if (s->time)
		add_time(object, "created", s->time);
	add_number(object, "epoch", s->epoch);
	add_number(object, "size", s->size);
	add_number(object, "copied", s->copied);
	add_number(object, "overlay", s->overlay);
	return object;
}

static json_object *snapshot_array(const struct vss_kernel_snapshot *snapshots, size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, snapshot_object(&snapshots[i]));
	return array;
}

static json_object *volume_object(const struct vss_kernel_volume *v)
{
	json_object *object = json_object_new_object();

	add_node(object, "volume", v->name);
	add_devno(object, "devno", v->dev);
	add_string(object, "state", vssctl_volume_state_name(v->state));
	add_number(object, "size", v->size);
	add_number(object, "chunk_size", v->chunk_size);
	add_number(object, "snapshots", v->snapshots);
	add_number(object, "epoch", v->epoch);
	add_number(object, "area_size", v->area_size);
	add_number(object, "area_used", v->area_used);
	add_number(object, "low_water", v->low_water);
	add_number(object, "writes", v->writes);
	add_number(object, "writes_held", v->writes_held);
	add_number(object, "chunks_copied", v->chunks_copied);
	add_number(object, "copy_reads", v->copy_reads);
	add_number(object, "area_writes", v->area_writes);
	add_number(object, "memory", v->memory);
	add_number(object, "copy_memory", v->copy_memory);
	add_number(object, "openers", v->openers);
	return object;
}

static void json_error(struct vssctl *ctl, vss_result result, const char *text)
{
	json_object *document = json_object_new_object();
	json_object *error = json_object_new_object();
	char code[16];

	snprintf(code, sizeof(code), "0x%08x", result);
	add_string(error, "name", vss_result_name(result));
	add_string(error, "code", code);
	add_string(error, "message", text);
	add(document, "error", error);
	put(ctl->err, document, JSON_C_TO_STRING_PLAIN);
}

static void json_created(struct vssctl *ctl, const struct vssctl_created *created)
{
	json_object *document = json_object_new_object();
	json_object *array = json_object_new_array();

	add_uuid(document, "set", &created->set.uuid);
	add_number(document, "hold_usec", created->set.hold_usec);
	add_number(document, "freeze_usec", created->set.freeze_usec);
	for (size_t i = 0; i < created->count; i++) {
		const struct vssctl_created_snapshot *s = &created->snapshots[i];
		json_object *object = snapshot_object(&s->snapshot);

		/* The names that were found, not the kernel's own ones. */
		add_string(object, "volume", s->volume);
		add_string(object, "device", s->device);
		add(object, "diff_area", area_array(s->areas, s->area_count));
		json_object_array_add(array, object);
	}
	add(document, "snapshots", array);
	put_document(ctl, document);
}

static void json_snapshots(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			   size_t count)
{
	put_list(ctl, "snapshots", snapshot_array(snapshots, count));
}

static void json_snapshot(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshot)
{
	put_document(ctl, snapshot_object(snapshot));
}

static void json_set(struct vssctl *ctl, const struct vss_uuid *uuid,
		     const struct vss_kernel_set *in_creation,
		     const struct vss_kernel_snapshot *snapshots, size_t count)
{
	json_object *object = json_object_new_object();

	add_uuid(object, "set", uuid);
	if (in_creation) {
		add_string(object, "state", vssctl_set_state_name(in_creation->state));
		if (in_creation->error)
			add_string(object, "error", strerror(-in_creation->error));
	}
	add(object, "snapshots", snapshot_array(snapshots, count));
	put_document(ctl, object);
}

static void json_deleted(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			 size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		char id[VSS_UUID_TEXT_SIZE];

		vss_uuid_format(&snapshots[i].uuid, id);
		json_object_array_add(array, json_object_new_string(id));
	}
	put_list(ctl, "deleted", array);
}

static void json_attached(struct vssctl *ctl, const struct vss_kernel_volume *volume)
{
	put_document(ctl, volume_object(volume));
}

static void json_detached(struct vssctl *ctl, const char *volume,
			  const struct vss_kernel_area *removed, size_t count)
{
	json_object *object = json_object_new_object();
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, json_object_new_string(removed[i].path));
	add_string(object, "volume", volume);
	add(object, "removed_files", array);
	put_document(ctl, object);
}

static void json_areas(struct vssctl *ctl, const struct vss_kernel_area *areas, size_t count)
{
	put_list(ctl, "diff_areas", area_array(areas, count));
}

static void json_area_added(struct vssctl *ctl, const struct vss_kernel_area *area)
{
	put_document(ctl, area_object(area));
}

static void json_area_grown(struct vssctl *ctl, const struct vss_kernel_area *area)
{
	json_object *object = json_object_new_object();

	add_string(object, "event", "area-grown");
	add(object, "diff_area", area_object(area));
	put(ctl->out, object, JSON_C_TO_STRING_PLAIN);
}

static void json_area_removed(struct vssctl *ctl, const struct vss_kernel_area *area,
			      bool file_removed)
{
	json_object *object = area_object(area);
	json_object *array = json_object_new_array();

	if (file_removed)
		json_object_array_add(array, json_object_new_string(area->path));
	add(object, "removed_files", array);
	put_document(ctl, object);
}

static void json_volumes(struct vssctl *ctl, const struct vss_kernel_volume *volumes,
			 size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, volume_object(&volumes[i]));
	put_list(ctl, "volumes", array);
}

static void json_volume(struct vssctl *ctl, const struct vss_kernel_volume *volume)
{
	put_document(ctl, volume_object(volume));
}

static void json_blockdevs(struct vssctl *ctl, const struct vss_blockdev *blockdevs,
			   const bool *tracked, size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		const struct vss_blockdev *b = &blockdevs[i];
		json_object *object = json_object_new_object();

		add_string(object, "volume", b->path);
		add_devno(object, "devno", b->dev);
		add_number(object, "size", b->size);
		add_bool(object, "attached", tracked[i]);
		add_bool(object, "swap", b->swap);
		if (b->fstype)
			add_string(object, "fstype", b->fstype);
		if (b->mount_point)
			add_string(object, "mount_point", b->mount_point);
		json_object_array_add(array, object);
	}
	put_list(ctl, "volumes", array);
}

static void json_event(struct vssctl *ctl, const struct vss_kernel_event *e)
{
	json_object *object = json_object_new_object();

	add_string(object, "event", vssctl_event_type_name(e->type));
	add_time(object, "time", e->time);
	if (e->has & VSS_KERNEL_EVENT_VOLUME) {
		add_device(object, "volume", e->volume);
		add_devno(object, "volume_devno", e->volume);
	}
	if (e->has & VSS_KERNEL_EVENT_SNAPSHOT)
		add_uuid(object, "snapshot", &e->snapshot);
	if (e->has & VSS_KERNEL_EVENT_SET)
		add_uuid(object, "set", &e->set);
	if (e->has & VSS_KERNEL_EVENT_REASON)
		add_string(object, "lost_reason", vssctl_lost_reason_name(e->reason));
	if (e->has & VSS_KERNEL_EVENT_AREA) {
		add_number(object, "area_size", e->area_size);
		add_number(object, "area_used", e->area_used);
	}
	if (e->has & VSS_KERNEL_EVENT_ERROR)
		add_string(object, "error", strerror(-e->error));
	put(ctl->out, object, JSON_C_TO_STRING_PLAIN);
}

static void json_checks(struct vssctl *ctl, const struct vssctl_check *checks, size_t count)
{
	static const char *const states[] = {
		[VSSCTL_CHECK_OK] = "ok",
		[VSSCTL_CHECK_WARN] = "warn",
		[VSSCTL_CHECK_FAIL] = "fail",
		[VSSCTL_CHECK_SKIP] = "skip",
	};
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		json_object *object = json_object_new_object();

		add_string(object, "check", checks[i].name);
		add_string(object, "state", states[checks[i].state]);
		add_string(object, "message", checks[i].text);
		json_object_array_add(array, object);
	}
	put_list(ctl, "checks", array);
}

static void json_version(struct vssctl *ctl, const struct vss_kernel_module *module)
{
	json_object *object = json_object_new_object();

	add_string(object, "vssctl", VSS_VERSION);
	if (module) {
		add_string(object, "module", module->version);
		add_string(object, "hook", vssctl_hook_state_name(module->hook_state));
		add_number(object, "hook_bios", module->hook_bios);
		add_number(object, "volumes", module->volumes);
		add_number(object, "max_volumes", module->max_volumes);
		add_number(object, "max_snapshots", module->max_snapshots);
		add_number(object, "max_members", module->max_members);
	}
	put_document(ctl, object);
}

const struct vssctl_printer vssctl_print_json = {
	.error = json_error,
	.created = json_created,
	.snapshots = json_snapshots,
	.snapshot = json_snapshot,
	.set = json_set,
	.deleted = json_deleted,
	.attached = json_attached,
	.detached = json_detached,
	.areas = json_areas,
	.area_added = json_area_added,
	.area_grown = json_area_grown,
	.area_removed = json_area_removed,
	.volumes = json_volumes,
	.volume = json_volume,
	.blockdevs = json_blockdevs,
	.event = json_event,
	.checks = json_checks,
	.version = json_version,
};

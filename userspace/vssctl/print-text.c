// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output for people: tables by libsmartcols, detail as "name: value" lines.
 */
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "print.h"
#include "size.h"
#include "vssctl.h"

struct column {
	const char *name;
	bool right;
};

/* A table with its columns; exits are rare enough to leave rows out silently. */
static struct libscols_table *table_new(struct vssctl *ctl, const struct column *columns,
					size_t count)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_set_stream(table, ctl->out);
	for (size_t i = 0; i < count; i++)
		scols_table_new_column(table, columns[i].name, 0,
				       columns[i].right ? SCOLS_FL_RIGHT : 0);
	return table;
}

#define TABLE(ctl, columns) table_new(ctl, columns, sizeof(columns) / sizeof(columns[0]))

static struct libscols_line *add_line(struct libscols_table *table)
{
	return table ? scols_table_new_line(table, NULL) : NULL;
}

static void set(struct libscols_line *line, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct libscols_line *line, size_t column, const char *format, ...)
{
	char text[4200];
	va_list args;

	if (!line)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	scols_line_set_data(line, column, text);
}

static void set_size(struct libscols_line *line, size_t column, uint64_t size)
{
	char text[VSSCTL_SIZE_TEXT];

	set(line, column, "%s", vssctl_format_size(size, text));
}

static void table_print(struct libscols_table *table)
{
	if (!table)
		return;
	if (scols_table_get_nlines(table))
		scols_print_table(table);
	scols_unref_table(table);
}

/* A column with the device node of a kernel name. */
static void set_node(struct libscols_line *line, size_t column, const char *name)
{
	char text[VSSCTL_DEVICE_TEXT];

	vss_blockdev_node(name, text, sizeof(text));
	set(line, column, "%s", text);
}

static void field(struct vssctl *ctl, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void field(struct vssctl *ctl, const char *name, const char *format, ...)
{
	va_list args;

	fprintf(ctl->out, "%-16s", name);
	va_start(args, format);
	vfprintf(ctl->out, format, args);
	va_end(args);
	fputc('\n', ctl->out);
}

static void field_size(struct vssctl *ctl, const char *name, uint64_t size)
{
	char text[VSSCTL_SIZE_TEXT];

	field(ctl, name, "%s (%llu bytes)", vssctl_format_size(size, text),
	      (unsigned long long)size);
}

static void text_error(struct vssctl *ctl, vss_result result, const char *text)
{
	fprintf(ctl->err, "vssctl: %s: %s\n", vss_result_name(result), text);
}

/* "file /srv/.vss/x.diff (64M)", more of them with commas. */
static void print_area_list(struct vssctl *ctl, const struct vss_kernel_area *areas,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[VSSCTL_DEVICE_TEXT], size[VSSCTL_SIZE_TEXT];

		fprintf(ctl->out, "%s%s %s (%s)", i ? ", " : "",
			vssctl_area_type_name(areas[i].type),
			areas[i].path ? areas[i].path : vssctl_device_name(areas[i].dev, name),
			vssctl_format_size(areas[i].size, size));
	}
}

static void text_created(struct vssctl *ctl, const struct vssctl_created *created)
{
	char id[VSS_UUID_TEXT_SIZE];

	/* With --quiet what a script needs and nothing else. */
	if (ctl->quiet) {
		for (size_t i = 0; i < created->count; i++)
			fprintf(ctl->out, "%s\n",
				vss_uuid_format(&created->snapshots[i].snapshot.uuid, id));
		return;
	}
	field(ctl, "set", "%s", vss_uuid_format(&created->set.uuid, id));
	field(ctl, "writes held", "%.3f ms", (double)created->set.hold_usec / 1000);
	field(ctl, "frozen", "%.3f ms", (double)created->set.freeze_usec / 1000);
	for (size_t i = 0; i < created->count; i++) {
		const struct vssctl_created_snapshot *s = &created->snapshots[i];

		fputc('\n', ctl->out);
		field(ctl, "snapshot", "%s", vss_uuid_format(&s->snapshot.uuid, id));
		field(ctl, "  volume", "%s", s->volume);
		field(ctl, "  device", "%s", s->device);
		fprintf(ctl->out, "%-16s", "  diff area");
		print_area_list(ctl, s->areas, s->area_count);
		fputc('\n', ctl->out);
	}
}

static void text_snapshots(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			   size_t count)
{
	static const struct column columns[] = {
		{ "ID", false }, { "SET", false }, { "VOLUME", false }, { "DEVICE", false },
		{ "CREATED", false }, { "SIZE", true }, { "COPIED", true }, { "STATE", false },
	};
	struct libscols_table *table = TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_kernel_snapshot *s = &snapshots[i];
		struct libscols_line *line = add_line(table);
		char id[VSS_UUID_TEXT_SIZE], time[VSSCTL_TIME_TEXT];

		set(line, 0, "%s", vss_uuid_format(&s->uuid, id));
		set(line, 1, "%s", vss_uuid_format(&s->set, id));
		set_node(line, 2, s->volume_name);
		set(line, 3, "%s%s", s->name[0] ? "/dev/" : "-", s->name);
		set(line, 4, "%s", s->time ? vssctl_format_time_local(s->time, time) : "-");
		set_size(line, 5, s->size);
		set_size(line, 6, s->copied + s->overlay);
		set(line, 7, "%s%s%s%s", vssctl_snapshot_state_name(s->state),
		    s->flags & VSS_SNAPSHOT_F_WRITABLE ? ",writable" : "",
		    s->state == VSS_SNAPSHOT_LOST ? ":" : "",
		    s->state == VSS_SNAPSHOT_LOST ? vssctl_lost_reason_name(s->lost_reason) : "");
	}
	table_print(table);
}

static void text_snapshot(struct vssctl *ctl, const struct vss_kernel_snapshot *s)
{
	char id[VSS_UUID_TEXT_SIZE], time[VSSCTL_TIME_TEXT], volume[VSSCTL_DEVICE_TEXT];

	vss_blockdev_node(s->volume_name, volume, sizeof(volume));
	field(ctl, "snapshot", "%s", vss_uuid_format(&s->uuid, id));
	field(ctl, "set", "%s", vss_uuid_format(&s->set, id));
	field(ctl, "volume", "%s (%u:%u)", volume, s->volume.major, s->volume.minor);
	if (s->name[0]) {
		field(ctl, "device", "/dev/%s (%u:%u)", s->name, s->dev.major, s->dev.minor);
		field(ctl, "link", "/dev/vss/by-id/%s", vss_uuid_format(&s->uuid, id));
	}
	field(ctl, "state", "%s", vssctl_snapshot_state_name(s->state));
	if (s->state == VSS_SNAPSHOT_LOST)
		field(ctl, "lost because", "%s", vssctl_lost_reason_name(s->lost_reason));
	field(ctl, "writable", "%s", s->flags & VSS_SNAPSHOT_F_WRITABLE ? "yes" : "no");
	field(ctl, "created", "%s", vssctl_format_time_utc(s->time, time));
	field(ctl, "epoch", "%u", s->epoch);
	field_size(ctl, "size", s->size);
	field_size(ctl, "copied", s->copied);
	field_size(ctl, "overlay", s->overlay);
}

static void text_set(struct vssctl *ctl, const struct vss_uuid *uuid,
		     const struct vss_kernel_set *in_creation,
		     const struct vss_kernel_snapshot *snapshots, size_t count)
{
	char id[VSS_UUID_TEXT_SIZE];

	field(ctl, "set", "%s", vss_uuid_format(uuid, id));
	if (in_creation) {
		field(ctl, "state", "%s", vssctl_set_state_name(in_creation->state));
		if (in_creation->error)
			field(ctl, "error", "%s", strerror(-in_creation->error));
	} else if (count && count < snapshots[0].members) {
		field(ctl, "incomplete", "%zu of %u snapshots are here", count, snapshots[0].members);
	}
	for (size_t i = 0; i < count; i++) {
		fputc('\n', ctl->out);
		text_snapshot(ctl, &snapshots[i]);
	}
}

static void text_deleted(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char id[VSS_UUID_TEXT_SIZE], volume[VSSCTL_DEVICE_TEXT];

		vss_blockdev_node(snapshots[i].volume_name, volume, sizeof(volume));
		vss_uuid_format(&snapshots[i].uuid, id);
		if (snapshots[i].volume_name[0])
			vssctl_note(ctl, "deleted %s of %s", id, volume);
		else
			vssctl_note(ctl, "deleted %s", id);
	}
}

static void text_attached(struct vssctl *ctl, const struct vss_kernel_volume *volume)
{
	char size[VSSCTL_SIZE_TEXT], chunk[VSSCTL_SIZE_TEXT], node[VSSCTL_DEVICE_TEXT];

	vss_blockdev_node(volume->name, node, sizeof(node));
	vssctl_note(ctl, "attached %s (%s, chunks of %s)", node,
		    vssctl_format_size(volume->size, size),
		    vssctl_format_size(volume->chunk_size, chunk));
}

static void text_detached(struct vssctl *ctl, const char *volume,
			  const struct vss_kernel_area *removed, size_t count)
{
	vssctl_note(ctl, "detached %s", volume);
	for (size_t i = 0; i < count; i++)
		vssctl_note(ctl, "removed %s", removed[i].path);
}

static void text_areas(struct vssctl *ctl, const struct vss_kernel_area *areas, size_t count)
{
	static const struct column columns[] = {
		{ "VOLUME", false }, { "PART", true }, { "TYPE", false }, { "SIZE", true },
		{ "USED", true }, { "STATE", false }, { "ON", false }, { "PATH", false },
	};
	struct libscols_table *table = TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_kernel_area *a = &areas[i];
		struct libscols_line *line = add_line(table);
		char name[VSSCTL_DEVICE_TEXT];

		set(line, 0, "%s", vssctl_device_name(a->volume, name));
		set(line, 1, "%u", a->id);
		set(line, 2, "%s", vssctl_area_type_name(a->type));
		set_size(line, 3, a->size);
		set_size(line, 4, a->used);
		set(line, 5, "%s", vssctl_area_state_name(a->state));
		set(line, 6, "%s", a->on_origin ? "same volume" : vssctl_device_name(a->dev, name));
		set(line, 7, "%s", a->path ? a->path : "");
	}
	table_print(table);
}

static void text_area_added(struct vssctl *ctl, const struct vss_kernel_area *area)
{
	char volume[VSSCTL_DEVICE_TEXT];

	if (ctl->quiet)
		return;
	fprintf(ctl->out, "diff area of %s: added ",
		vssctl_device_name(area->volume, volume));
	print_area_list(ctl, area, 1);
	fputc('\n', ctl->out);
}

static void text_area_removed(struct vssctl *ctl, const struct vss_kernel_area *area,
			      bool file_removed)
{
	char volume[VSSCTL_DEVICE_TEXT];

	if (ctl->quiet)
		return;
	fprintf(ctl->out, "diff area of %s: removed ",
		vssctl_device_name(area->volume, volume));
	print_area_list(ctl, area, 1);
	fputc('\n', ctl->out);
	if (file_removed)
		fprintf(ctl->out, "removed %s\n", area->path);
}

static void text_volumes(struct vssctl *ctl, const struct vss_kernel_volume *volumes,
			 size_t count)
{
	static const struct column columns[] = {
		{ "VOLUME", false }, { "SIZE", true }, { "CHUNK", true }, { "SNAPSHOTS", true },
		{ "AREA", true }, { "USED", true }, { "WRITES", true }, { "HELD", true },
		{ "COPIED", true }, { "MEMORY", true }, { "STATE", false },
	};
	struct libscols_table *table = TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_kernel_volume *v = &volumes[i];
		struct libscols_line *line = add_line(table);

		set_node(line, 0, v->name);
		set_size(line, 1, v->size);
		set_size(line, 2, v->chunk_size);
		set(line, 3, "%u", v->snapshots);
		set_size(line, 4, v->area_size);
		set_size(line, 5, v->area_used);
		set(line, 6, "%llu", (unsigned long long)v->writes);
		set(line, 7, "%llu", (unsigned long long)v->writes_held);
		set(line, 8, "%llu", (unsigned long long)v->chunks_copied);
		set_size(line, 9, v->memory);
		set(line, 10, "%s", vssctl_volume_state_name(v->state));
	}
	table_print(table);
}

static void text_volume(struct vssctl *ctl, const struct vss_kernel_volume *v)
{
	char node[VSSCTL_DEVICE_TEXT];

	vss_blockdev_node(v->name, node, sizeof(node));
	field(ctl, "volume", "%s (%u:%u)", node, v->dev.major, v->dev.minor);
	field(ctl, "state", "%s", vssctl_volume_state_name(v->state));
	field_size(ctl, "size", v->size);
	field_size(ctl, "chunk size", v->chunk_size);
	field(ctl, "snapshots", "%u", v->snapshots);
	field(ctl, "epoch", "%u", v->epoch);
	field_size(ctl, "diff area", v->area_size);
	field_size(ctl, "in use", v->area_used);
	field_size(ctl, "low water", v->low_water);
	field(ctl, "writes", "%llu", (unsigned long long)v->writes);
	field(ctl, "writes held", "%llu", (unsigned long long)v->writes_held);
	field(ctl, "chunks copied", "%llu", (unsigned long long)v->chunks_copied);
	field(ctl, "copy reads", "%llu", (unsigned long long)v->copy_reads);
	field(ctl, "area writes", "%llu", (unsigned long long)v->area_writes);
	field_size(ctl, "memory", v->memory);
	field_size(ctl, "copy memory", v->copy_memory);
	field(ctl, "open", "%u times", v->openers);
}

static void text_blockdevs(struct vssctl *ctl, const struct vss_blockdev *blockdevs,
			   const bool *tracked, size_t count)
{
	static const struct column columns[] = {
		{ "VOLUME", false }, { "SIZE", true }, { "ATTACHED", false },
		{ "FSTYPE", false }, { "MOUNTED ON", false },
	};
	struct libscols_table *table = TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_blockdev *b = &blockdevs[i];
		struct libscols_line *line = add_line(table);

		set(line, 0, "%s", b->path);
		set_size(line, 1, b->size);
		set(line, 2, "%s", tracked[i] ? "yes" : "no");
		set(line, 3, "%s", b->fstype ? b->fstype : b->swap ? "swap" : "");
		set(line, 4, "%s", b->mount_point ? b->mount_point : "");
	}
	table_print(table);
}

static void text_event(struct vssctl *ctl, const struct vss_kernel_event *e)
{
	char text[VSSCTL_DEVICE_TEXT];
	char id[VSS_UUID_TEXT_SIZE], used[VSSCTL_SIZE_TEXT], size[VSSCTL_SIZE_TEXT];
	char time[VSSCTL_TIME_TEXT];

	fprintf(ctl->out, "%s %s", vssctl_format_time_utc(e->time, time),
		vssctl_event_type_name(e->type));
	if (e->has & VSS_KERNEL_EVENT_VOLUME)
		fprintf(ctl->out, " volume=%s", vssctl_device_name(e->volume, text));
	if (e->has & VSS_KERNEL_EVENT_SNAPSHOT)
		fprintf(ctl->out, " snapshot=%s", vss_uuid_format(&e->snapshot, id));
	if (e->has & VSS_KERNEL_EVENT_SET)
		fprintf(ctl->out, " set=%s", vss_uuid_format(&e->set, id));
	if (e->has & VSS_KERNEL_EVENT_REASON)
		fprintf(ctl->out, " reason=%s", vssctl_lost_reason_name(e->reason));
	if (e->has & VSS_KERNEL_EVENT_AREA)
		fprintf(ctl->out, " used=%s of=%s", vssctl_format_size(e->area_used, used),
			vssctl_format_size(e->area_size, size));
	if (e->has & VSS_KERNEL_EVENT_ERROR)
		fprintf(ctl->out, " error=\"%s\"", strerror(-e->error));
	fputc('\n', ctl->out);
}

static void text_checks(struct vssctl *ctl, const struct vssctl_check *checks, size_t count)
{
	static const char *const states[] = {
		[VSSCTL_CHECK_OK] = "ok",
		[VSSCTL_CHECK_WARN] = "warn",
		[VSSCTL_CHECK_FAIL] = "FAIL",
		[VSSCTL_CHECK_SKIP] = "skip",
	};

	for (size_t i = 0; i < count; i++)
		if (!ctl->quiet || checks[i].state == VSSCTL_CHECK_WARN ||
		    checks[i].state == VSSCTL_CHECK_FAIL)
			fprintf(ctl->out, "%-5s %-16s %s\n", states[checks[i].state],
				checks[i].name, checks[i].text);
}

static void text_version(struct vssctl *ctl, const struct vss_kernel_module *module)
{
	fprintf(ctl->out, "vssctl %s\n", VSS_VERSION);
	if (module)
		fprintf(ctl->out, "vss.ko %s (hook %s, %u of %u volumes attached)\n",
			module->version, vssctl_hook_state_name(module->hook_state),
			module->volumes, module->max_volumes);
	else
		fprintf(ctl->out, "vss.ko is not loaded\n");
}

const struct vssctl_printer vssctl_print_text = {
	.error = text_error,
	.created = text_created,
	.snapshots = text_snapshots,
	.snapshot = text_snapshot,
	.set = text_set,
	.deleted = text_deleted,
	.attached = text_attached,
	.detached = text_detached,
	.areas = text_areas,
	.area_added = text_area_added,
	.area_grown = text_area_added,
	.area_removed = text_area_removed,
	.volumes = text_volumes,
	.volume = text_volume,
	.blockdevs = text_blockdevs,
	.event = text_event,
	.checks = text_checks,
	.version = text_version,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is found in a diff area on disk, as a tree of names and values.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "disk-tree.h"
#include "document.h"
#include "names.h"
#include "revert-wish.h"

const char *vssctl_disk_level_name(enum vssctl_disk_level level)
{
	switch (level) {
	case VSSCTL_DISK_NOTE:
		return "note";
	case VSSCTL_DISK_CONTENT:
		return "content";
	case VSSCTL_DISK_DAMAGE:
		return "damage";
	default:
		return "unreadable";
	}
}

static const char *state_name(uint32_t state)
{
	switch (state) {
	case VSS_DISK_ACTIVE:
		return "active";
	case VSS_DISK_CLEAN:
		return "clean";
	case VSS_DISK_LOST:
		return "lost";
	default:
		return "unknown";
	}
}

static const char *life_name(const struct vssctl_disk *disk, const struct vssctl_disk_snapshot *snap)
{
	if (snap->life == VSSCTL_DISK_DELETED)
		return "deleted";
	if (snap->life == VSSCTL_DISK_UNFINISHED)
		return "unfinished";
	if (snap->life == VSSCTL_DISK_LOST || (disk->nr_problems && disk->worst > VSSCTL_DISK_CONTENT))
		return "lost";
	return disk->nr_problems && disk->worst == VSSCTL_DISK_CONTENT ? "suspect" : "alive";
}

static void add_uuid(json_object *object, const char *key, const uint8_t bytes[VSS_DISK_UUID_SIZE])
{
	struct vss_uuid uuid;

	memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
	vssctl_tree_uuid(object, key, &uuid);
}

static void add_hex(json_object *object, const char *key, __le64 value)
{
	char text[2 * sizeof(value) + 1];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)le64toh(value));
	vssctl_tree_text(object, key, text);
}

/* All of one that is valid, but for the table of parts, which is told for all of them once. */
static void add_super(json_object *object, const struct vss_disk_super *super)
{
	json_object *print = json_object_new_array();

	vssctl_tree_number(object, "seq", le64toh(super->seq));
	vssctl_tree_text(object, "state", state_name(le32toh(super->state)));
	if (le32toh(super->state) == VSS_DISK_LOST)
		vssctl_tree_text(object, "lost_reason", vssctl_lost_reason_name(le32toh(super->lost_reason)));
	vssctl_tree_time(object, "written", le64toh(super->time));
	add_hex(object, "compat", super->compat);
	add_hex(object, "ro_compat", super->ro_compat);
	add_hex(object, "incompat", super->incompat);
	add_uuid(object, "area", super->area);
	add_uuid(object, "boot", super->boot);
	vssctl_tree_number(object, "part", le32toh(super->part_nr));
	vssctl_tree_number(object, "parts", le32toh(super->nr_parts));
	vssctl_tree_number(object, "chunk_size", le32toh(super->chunk_size));
	vssctl_tree_number(object, "volume_size", le64toh(super->volume_size));
	vssctl_tree_number(object, "log_block", le32toh(super->log_block));
	vssctl_tree_number(object, "log_half", le32toh(super->log_half));
	vssctl_tree_number(object, "log_first", le64toh(super->log_first));
	if (le32toh(super->state) == VSS_DISK_CLEAN) {
		vssctl_tree_number(object, "log_end", le64toh(super->log_end));
		for (int i = 0; i < VSS_DISK_PRINTS; i++) {
			char text[17];

			snprintf(text, sizeof(text), "%016llx", (unsigned long long)le64toh(super->print[i]));
			json_object_array_add(print, json_object_new_string(text));
		}
	}
	vssctl_tree_array(object, "fingerprint", print);
	if (le32toh(super->head_size))
		add_hex(object, "head", super->head);
}

static json_object *super_tree(const struct vssctl_disk_super *s)
{
	json_object *object = json_object_new_object();

	vssctl_tree_text(object, "verdict", s->valid ? "valid" : s->readable ? "damaged" : "unreadable");
	if (s->valid)
		add_super(object, &s->super);
	return object;
}

static json_object *part_tree(const struct vssctl_disk *disk, const struct vssctl_disk_part *part)
{
	json_object *object = json_object_new_object(), *supers = json_object_new_array();

	vssctl_tree_text(object, "device", part->source.name);
	if (part->source.offset)
		vssctl_tree_number(object, "offset", part->source.offset);
	if (disk->known) {
		uint32_t nr = le32toh(part->super.part_nr);

		vssctl_tree_number(object, "part", nr);
		add_uuid(object, "id", disk->parts[0].super.parts[nr].uuid);
		vssctl_tree_number(object, "slots", part->slots);
		vssctl_tree_number(object, "first_slot", part->first_slot);
		vssctl_tree_number(object, "log_slots", part->log_slots);
		if (part->nr_extents)
			vssctl_tree_number(object, "extents", part->nr_extents);
	}
	for (int i = 0; i < VSS_DISK_NR_SUPERS; i++)
		json_object_array_add(supers, super_tree(&part->supers[i]));
	vssctl_tree_array(object, "superblocks", supers);
	return object;
}

static void add_area(json_object *root, struct vssctl_disk *disk)
{
	const struct vss_disk_super *super = &disk->parts[0].super;
	uint32_t chunk = disk->chunk_size;
	json_object *log = json_object_new_object(), *usage = json_object_new_object();

	add_uuid(root, "area", super->area);
	vssctl_tree_text(root, "state", state_name(le32toh(super->state)));
	if (le32toh(super->state) == VSS_DISK_LOST)
		vssctl_tree_text(root, "lost_reason", vssctl_lost_reason_name(le32toh(super->lost_reason)));
	vssctl_tree_number(root, "chunk_size", chunk);
	vssctl_tree_number(root, "volume_size", disk->volume_size);

	vssctl_tree_number(log, "block_size", disk->log_block);
	vssctl_tree_number(log, "half", le32toh(super->log_half));
	vssctl_tree_number(log, "half_blocks", disk->half_blocks);
	vssctl_tree_number(log, "first", le64toh(super->log_first));
	vssctl_tree_number(log, "next", disk->log_next);
	vssctl_tree_number(log, "groups", disk->groups);
	vssctl_tree_number(log, "blocks", disk->blocks);
	vssctl_tree_number(log, "entries", disk->entries);
	vssctl_tree_number(log, "dropped_groups", disk->dropped_groups);
	json_object_object_add(root, "log", log);

	vssctl_tree_number(usage, "size", (uint64_t)(disk->nr_slots - disk->meta_slots) * chunk);
	vssctl_tree_number(usage, "used", (uint64_t)disk->used_slots * chunk);
	vssctl_tree_number(usage, "slots", disk->nr_slots);
	vssctl_tree_number(usage, "meta_slots", disk->meta_slots);
	vssctl_tree_number(usage, "used_slots", disk->used_slots);
	vssctl_tree_number(usage, "data_checked", disk->data_checked);
	vssctl_tree_number(usage, "data_without_checksum", disk->data_bare);
	json_object_object_add(root, "usage", usage);
}

/* Asked for by "vssctl revert --at-boot". */
static void add_revert(json_object *root, const struct vssctl_disk *disk)
{
	static const char *const states[] = {
		[VSS_DISK_REVERT_WANTED] = "wanted",
		[VSS_DISK_REVERT_WRITING] = "writing",
		[VSS_DISK_REVERT_HEAD] = "head",
		[VSS_DISK_REVERT_DONE] = "done",
		[VSS_DISK_REVERT_ENDED] = "ended",
	};
	const struct vssctl_wish *wish = &disk->wish;
	json_object *object;

	if (!wish->state)
		return;
	object = json_object_new_object();
	vssctl_tree_uuid(object, "snapshot", &wish->snapshot);
	vssctl_tree_text(object, "progress", states[wish->state]);
	vssctl_tree_time(object, "asked", wish->time);
	json_object_object_add(root, "revert_at_boot", object);
}

static json_object *snapshot_tree(const struct vssctl_disk *disk, const struct vssctl_disk_snapshot *snap)
{
	json_object *object = json_object_new_object();

	add_uuid(object, "id", snap->uuid);
	add_uuid(object, "set", snap->set);
	vssctl_tree_number(object, "epoch", snap->epoch);
	vssctl_tree_text(object, "state", life_name(disk, snap));
	if (snap->life == VSSCTL_DISK_LOST)
		vssctl_tree_text(object, "lost_reason", vssctl_lost_reason_name(snap->lost_reason));
	vssctl_tree_time(object, "created", snap->time);
	vssctl_tree_number(object, "members", snap->members);
	vssctl_tree_number(object, "copied", snap->chunks * disk->chunk_size);
	return object;
}

static void add_copy(void *data, uint64_t chunk, uint32_t nr, uint32_t tag, uint32_t slot)
{
	json_object *object = json_object_new_object();

	vssctl_tree_number(object, "chunk", chunk);
	vssctl_tree_number(object, "chunks", nr);
	vssctl_tree_number(object, "epoch", tag);
	if (slot == VSS_DISK_UNREADABLE)
		vssctl_tree_bool(object, "unreadable", true);
	else
		vssctl_tree_number(object, "slot", slot);
	json_object_array_add(data, object);
}

json_object *vssctl_disk_tree(struct vssctl_disk *disk, bool copies)
{
	json_object *root = json_object_new_object(), *array;

	if (disk->known) {
		add_area(root, disk);
		add_revert(root, disk);
	}
	array = json_object_new_array();
	for (size_t i = 0; i < disk->nr_parts; i++)
		json_object_array_add(array, part_tree(disk, &disk->parts[i]));
	vssctl_tree_array(root, "parts", array);
	array = json_object_new_array();
	for (size_t i = 0; i < disk->nr_snapshots; i++)
		if (disk->snapshots[i].life != VSSCTL_DISK_DELETED)
			json_object_array_add(array, snapshot_tree(disk, &disk->snapshots[i]));
	vssctl_tree_array(root, "snapshots", array);
	if (copies) {
		array = json_object_new_array();
		vssctl_disk_copies(disk, add_copy, array);
		vssctl_tree_array(root, "copies", array);
	}
	array = json_object_new_array();
	for (size_t i = 0; i < disk->nr_problems; i++) {
		json_object *object = json_object_new_object();

		vssctl_tree_text(object, "level", vssctl_disk_level_name(disk->problems[i].level));
		vssctl_tree_text(object, "text", disk->problems[i].text);
		json_object_array_add(array, object);
	}
	vssctl_tree_array(root, "problems", array);
	return root;
}

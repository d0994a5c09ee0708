// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group of the log: what is put into it, and how it gets to the devices.
 *
 * The content of copies and the log blocks that tell of them are written at once;
 * then one flush of each device.  Checksums of the content tell after a crash whether
 * all of it came, so nothing needs an order within a group.
 *
 * Owned here: the buffer of the group being built and the place in the half where it
 * goes.  Only the log's works come here, one at a time, so that needs no lock; but
 * vss_log_io_done() does so at any time.  What is looked at for a group needs one:
 * snapshots, vss_volume.snap_lock, and the map that of each shard.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/xxhash.h>

#include "area.h"
#include "copy.h"
#include "log-internal.h"
#include "map.h"
#include "snapshot.h"
#include "volume.h"

/* Units that one copy needs at most. */
#define COPY_UNITS		VSS_GROUP_CHUNKS
/* Records looked at and runs told with each group while the half is new. */
#define REWRITE_UNITS		2048U

/* ---- the group being built ---- */

static u32 block_units(const struct vss_log *log)
{
	return (log->block - sizeof(struct vss_disk_log)) / VSS_DISK_UNIT;
}

static struct vss_disk_log *add_block(struct vss_log *log)
{
	return memset(vss_log_block_at(log, log->nr_blocks++), 0, log->block);
}

static void begin_group(struct vss_log *log)
{
	log->nr_blocks = 0;
	add_block(log);
	log->epoch = 0;
}

/**
 * vss_log_has_room() - can so many units be added to the group?
 * @log:	the log
 * @units:	their number, whatever entries they belong to
 *
 * Return: true if they can.
 */
bool vss_log_has_room(struct vss_log *log, u32 units)
{
	/* Each block may be left with three units that an entry did not fit. */
	u32 usable = block_units(log) - 3;
	u32 used = le16_to_cpu(vss_log_block_at(log, log->nr_blocks - 1)->units);
	u32 left = usable > used ? usable - used : 0;

	return left + (log->max_blocks - log->nr_blocks) * usable >= units;
}

static void add_entry(struct vss_log *log, const void *entry, u32 units)
{
	struct vss_disk_log *head = vss_log_block_at(log, log->nr_blocks - 1);
	u32 used = le16_to_cpu(head->units);

	if (used + units > block_units(log)) {
		head = add_block(log);
		used = 0;
	}
	memcpy((void *)(head + 1) + used * VSS_DISK_UNIT, entry,
	       units * VSS_DISK_UNIT);
	head->units = cpu_to_le16(used + units);
}

static void add_event(struct vss_log *log, enum vss_disk_type type)
{
	struct vss_disk_event event = {
		.type = type,
		.time = cpu_to_le64(ktime_get_real_ns()),
	};

	add_entry(log, &event, 1);
}

static void set_chunk(struct vss_disk_copy *entry, u64 chunk)
{
	entry->chunk_high = cpu_to_le16(chunk >> 32);
	entry->chunk_low = cpu_to_le32(lower_32_bits(chunk));
}

static bool add_snapshot(struct vss_log *log, struct vss_snapshot *snap)
{
	bool lost = snap->state == VSS_SNAPSHOT_LOST;
	struct vss_disk_snapshot entry = {
		.type = VSS_DISK_SNAPSHOT,
		.flags = cpu_to_le16(READ_ONCE(snap->sealed) ?
				     VSS_DISK_SNAPSHOT_SEALED : 0),
		.epoch = cpu_to_le32(snap->epoch),
		.time = cpu_to_le64(snap->time_ns),
		.members = cpu_to_le32(snap->members),
		.lost_reason = cpu_to_le32(lost ? snap->reason : 0),
	};

	if (!vss_log_has_room(log, sizeof(entry) / VSS_DISK_UNIT))
		return false;
	export_uuid(entry.uuid, &snap->uuid);
	export_uuid(entry.set, &snap->set_uuid);
	add_entry(log, &entry, sizeof(entry) / VSS_DISK_UNIT);
	snap->logged = true;
	return true;
}

/* Snapshots that the log does not know come before all else. */
static bool add_snapshots(struct vss_log *log)
{
	struct vss_volume *vol = log->vol;
	struct vss_snapshot *snap;
	bool all = true;

	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list) {
		if (snap->epoch && !snap->logged &&
		    snap->state != VSS_SNAPSHOT_DELETING)
			all = all && add_snapshot(log, snap);
	}
	spin_unlock(&vol->snap_lock);
	return all;
}

/**
 * vss_log_add_told() - begin a group with what must be in it
 * @log:	the log
 *
 * These are the snapshots that the log does not know, and the events.
 *
 * Return: 0 or -ENOSPC.
 */
int vss_log_add_told(struct vss_log *log)
{
	struct vss_log_event *event;

	log->max_blocks = vss_log_room_left(log, 0);
	if (!log->max_blocks)
		return -ENOSPC;
	begin_group(log);
	if (!add_snapshots(log))
		return -ENOSPC;
	list_for_each_entry(event, &log->told, list) {
		/* Somebody may want to know no more than that it was written. */
		if (!event->entry.type)
			continue;
		if (!vss_log_has_room(log, 1))
			return -ENOSPC;
		add_entry(log, &event->entry, 1);
	}
	return 0;
}

/* ---- copies ---- */

static u32 content_hash(struct vss_copy *copy, unsigned int i, unsigned int n)
{
	unsigned int shift = copy->vol->chunk_shift;
	unsigned int at = i << shift;
	unsigned int end = min((i + n) << shift, copy->bytes);
	struct xxh64_state state;

	xxh64_reset(&state, 0);
	for (; at < end; at += PAGE_SIZE) {
		struct page *page = vss_copy_page(copy, copy->first +
						  (at >> shift),
						  at & ((1U << shift) - 1));

		xxh64_update(&state, page_address(page),
			     min_t(unsigned int, PAGE_SIZE, end - at));
	}
	return lower_32_bits(xxh64_digest(&state));
}

/**
 * vss_log_hash() - hash the content of a copy
 * @copy:	the copy, its content read
 */
void vss_log_hash(struct vss_copy *copy)
{
	if (!copy->bad)
		copy->hash = content_hash(copy, 0, copy->n);
}

/* The group will have written the part that these slots are on. */
static void mark_dirty(struct vss_log *log, u32 slot)
{
	u32 i = log->nr_parts - 1;

	while (log->parts[i]->first > slot)
		i--;
	log->parts[i]->dirty = true;
}

/* Take slots for a copy, and say so in the group. */
static void add_copy(struct vss_log *log, struct vss_copy *copy)
{
	struct vss_area *area = &log->vol->area;
	u64 chunk = ((u64)copy->group << VSS_GROUP_SHIFT) + copy->first;
	unsigned int i, j, n;

	for (i = 0; i < copy->n; i += n) {
		struct vss_disk_copy entry = { .type = VSS_DISK_COPY };
		bool bad = copy->bad & BIT(i);
		u32 slot = VSS_DISK_UNREADABLE;

		n = 1;
		while (i + n < copy->n && !(copy->bad & BIT(i + n)) == !bad)
			n++;
		if (!bad) {
			/* Never on two parts. */
			n = vss_area_take(area, n, &slot);
			mark_dirty(log, slot);
			entry.hash = cpu_to_le32(n == copy->n ? copy->hash :
						 content_hash(copy, i, n));
		}
		for (j = 0; j < n; j++)
			copy->slots[i + j] = bad ? VSS_SLOT_NONE : slot + j;
		entry.nr = n;
		entry.slot = cpu_to_le32(slot);
		set_chunk(&entry, chunk + i);
		add_entry(log, &entry, 1);
	}
	vss_area_unreserve(area, hweight16(copy->bad));
}

/**
 * vss_log_add_copies() - put copies into the group
 * @log:	the log
 * @copies:	the copies; what does not fit stays
 * @void_copies: those are moved here that nobody needs, or that were begun before
 *		the newest snapshot changed: the writes that wait for them are judged
 *		anew
 *
 * Return: how many were put into it, by weight.
 */
u32 vss_log_add_copies(struct vss_log *log, struct list_head *copies,
		       struct list_head *void_copies)
{
	struct vss_volume *vol = log->vol;
	struct vss_copy *copy, *next;
	u32 live_back, n = 0;
	bool known;

	spin_lock(&vol->snap_lock);
	log->epoch = vol->live ? vol->live->epoch : 0;
	/* One taken after add_snapshots(): its copies go with the next group. */
	known = !vol->live || vol->live->logged;
	live_back = vol->live_back;
	spin_unlock(&vol->snap_lock);
	if (!known)
		return 0;

	list_for_each_entry_safe(copy, next, copies, list) {
		if (!log->epoch || copy->live_back != live_back) {
			list_move_tail(&copy->list, void_copies);
			continue;
		}
		if (!vss_log_has_room(log, COPY_UNITS))
			break;
		add_copy(log, copy);
		list_move_tail(&copy->list, &log->taken);
		n += vss_log_weight(copy);
	}
	return n;
}

/* ---- writing ---- */

/**
 * vss_log_io_done() - a write of the group, or its flush, has ended
 * @log:	the log
 * @failed:	it failed
 *
 * Any context.
 */
void vss_log_io_done(struct vss_log *log, bool failed)
{
	if (failed)
		WRITE_ONCE(log->error, true);
	if (atomic_dec_and_test(&log->pending))
		complete(&log->done);
}

/* A device has failed: nothing more is stored in the area. */
static void note_failure(struct vss_log *log)
{
	struct vss_area *area = &log->vol->area;
	struct block_device *bdev = log->part->bdev;
	u32 i;

	if (!log->error || READ_ONCE(area->failed))
		return;
	for (i = 0; i < log->nr_parts; i++) {
		if (log->parts[i]->dirty && log->parts[i]->failed)
			bdev = log->parts[i]->part->bdev;
	}
	WRITE_ONCE(area->failed_bdev, bdev);
	WRITE_ONCE(area->failed, true);
}

/* A part's share of a half is longer than a group: two parts at most. */
static void submit_blocks(struct vss_log *log)
{
	struct vss_log_part *lp;
	u32 done = 0, n;
	sector_t sector;

	while (done < log->nr_blocks) {
		void *at = log->buf + done * log->block;

		n = vss_disk_locate(log, log->half, log->index + done, &lp,
				    &sector);
		n = min(n, log->nr_blocks - done);
		lp->dirty = true;
		bio_init(&lp->bio, lp->part->bdev, &lp->vec, 1,
			 REQ_OP_WRITE | REQ_SYNC);
		lp->bio.bi_iter.bi_sector = sector;
		__bio_add_page(&lp->bio, virt_to_page(at), n * log->block,
			       offset_in_page(at));
		vss_disk_submit(lp);
		done += n;
	}
}

static void flush_dirty(struct vss_log *log)
{
	u32 i;

	vss_disk_begin_io(log);
	for (i = 0; i < log->nr_parts; i++) {
		struct vss_log_part *lp = log->parts[i];

		if (!lp->dirty)
			continue;
		bio_init(&lp->bio, lp->part->bdev, NULL, 0,
			 REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC);
		vss_disk_submit(lp);
	}
	vss_disk_wait_io(log);
}

/**
 * vss_log_write_group() - write the group with its copies' content, and flush
 * @log:	the log
 *
 * Return: 0 or a negative errno: the group may not be durable.
 */
int vss_log_write_group(struct vss_log *log)
{
	u64 begun = ktime_get_ns();
	u64 first = log->seq;
	u32 i;

	for (i = 0; i < log->nr_blocks; i++) {
		struct vss_disk_log *head = vss_log_block_at(log, i);

		head->magic = cpu_to_le32(VSS_DISK_LOG_MAGIC);
		memcpy(head->area, log->super->area, sizeof(head->area));
		head->seq = cpu_to_le64(first + i);
		head->first = cpu_to_le64(first);
		/* One group at a time: all before are durable. */
		head->flushed = cpu_to_le64(first);
		head->super_seq = log->super->seq;
		head->epoch = cpu_to_le32(log->epoch);
		if (i == log->nr_blocks - 1)
			head->flags = cpu_to_le16(VSS_DISK_LOG_END);
		head->crc = cpu_to_le32(vss_disk_crc(head, log->block,
						     offsetof(struct vss_disk_log,
							      crc)));
	}
	WRITE_ONCE(log->error, false);
	for (i = 0; i < log->nr_parts; i++)
		log->parts[i]->failed = false;
	vss_log_begin_watch(log);
	vss_disk_begin_io(log);
	submit_blocks(log);
	vss_store_now(log->vol, &log->taken);
	vss_disk_wait_io(log);
	if (!log->error)
		flush_dirty(log);
	vss_log_end_watch(log);
	note_failure(log);
	for (i = 0; i < log->nr_parts; i++)
		log->parts[i]->dirty = false;
	log->took = ktime_get_ns() - begun;
	log->seq += log->nr_blocks;
	WRITE_ONCE(log->index, log->index + log->nr_blocks);
	return log->error || log->dead ? -EIO : 0;
}

/**
 * vss_log_write_witness() - write a group of nothing
 * @log:	the log, with room for it
 *
 * It says that all before it is durable.
 *
 * Return: 0 or a negative errno.
 */
int vss_log_write_witness(struct vss_log *log)
{
	int err;

	log->max_blocks = 1;
	begin_group(log);
	err = vss_log_write_group(log);
	log->bare = false;
	return err;
}

/* ---- the change of halves ---- */

/**
 * struct map_part - a part of the map that is being told
 * @log:	the log
 * @told:	runs told
 */
struct map_part {
	struct vss_log	*log;
	u32		told;
};

static void tell_run(void *data, u64 chunk, u32 nr, u32 tag, u32 slot)
{
	struct map_part *part = data;
	struct vss_disk_copy entry = {
		.type = VSS_DISK_MAP,
		.nr = nr,
		.slot = cpu_to_le32(slot),
		.tag = cpu_to_le32(tag),
	};

	set_chunk(&entry, chunk);
	add_entry(part->log, &entry, 1);
	part->told++;
}

/**
 * vss_log_add_map() - tell a part of the map in the new half
 * @log:	the log
 *
 * Where nothing is alive there may be nothing to tell.
 *
 * Return: true if that was the last one.
 */
bool vss_log_add_map(struct vss_log *log)
{
	struct map_part part = { .log = log };
	struct vss_map *map = &log->vol->map;
	u32 seen = 0;

	while (log->shard < VSS_SHARDS) {
		struct vss_shard *shard = &map->shards[log->shard];
		u32 n;

		if (seen + part.told >= REWRITE_UNITS ||
		    !vss_log_has_room(log, VSS_MAP_WALK))
			return false;
		spin_lock(&shard->lock);
		n = vss_map_walk(shard, &log->rec, tell_run, &part);
		spin_unlock(&shard->lock);
		seen += n;
		if (!n) {
			log->shard++;
			log->rec = 0;
		}
	}
	if (!vss_log_has_room(log, 1))
		return false;
	add_event(log, VSS_DISK_WHOLE);
	return true;
}

static void forget_logged(struct vss_volume *vol)
{
	struct vss_snapshot *snap;

	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list)
		snap->logged = false;
	spin_unlock(&vol->snap_lock);
}

/**
 * vss_log_switch_half() - write into the other half from now on
 * @log:	the log
 *
 * Return: 0 or a negative errno; -ENOSPC: the half has no block left to say so.
 */
int vss_log_switch_half(struct vss_log *log)
{
	int err;

	log->max_blocks = vss_log_room_left(log, 0);
	if (!log->max_blocks)
		return -ENOSPC;
	begin_group(log);
	add_event(log, VSS_DISK_SWITCH);
	err = vss_log_write_group(log);
	if (err)
		return err;
	log->half = !log->half;
	WRITE_ONCE(log->index, 0);
	WRITE_ONCE(log->half_first, log->seq);
	log->shard = 0;
	log->rec = 0;
	forget_logged(log->vol);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of a persistent diff area: group commit.
 *
 * One work writes one group after the other: the content of the copies that
 * have come together meanwhile, and the log blocks that tell of them, at once;
 * then one flush of each device; then the copies are published and their writes
 * go.  Checksums of the content tell after a crash whether all of it came, so
 * nothing needs an order within a group.  What Documentation/disk-format.md calls a
 * writer is this file.
 *
 * A loss is made durable too, before writes are let go for it.  When the device
 * does not answer that cannot be: then the origin matters more.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "area.h"
#include "copy.h"
#include "log.h"
#include "map.h"
#include "snapshot.h"
#include "volume.h"

/* Blocks of a half that copies leave for events and the change of halves. */
#define SPARE_BLOCKS		8U
/* Units that one copy needs at most. */
#define COPY_UNITS		VSS_GROUP_CHUNKS
/* Records looked at and runs told with each group while the half is new. */
#define REWRITE_UNITS		2048U
#define WITNESS_DELAY		HZ
#define RECORD_DELAY		(5 * HZ)
/* Longest wait for copies that may come, in ns. */
#define MAX_GATHER		(5 * NSEC_PER_MSEC)
/* Most copies that are waited for; chunks of one that nobody waits for others with. */
#define MAX_WANTED		16U
#define LARGE_COPY		8U
/* Most groups that do not wait for more copies after some did not come in time. */
#define MAX_SHY			63U
/* Less than the slack that a set's steps have, which wait for a group. */
#define PUBLISH_WAIT		(3 * HZ)

/**
 * struct vss_log_event - an entry that somebody waits for
 * @list:	in vss_log.events, or of the group being written
 * @entry:	the entry
 * @err:	0 if it is durable
 * @done:	completed when that is known
 */
struct vss_log_event {
	struct list_head	list;
	struct vss_disk_event	entry;
	int			err;
	struct completion	done;
};

/* ---- the group being built ---- */

static struct vss_disk_log *block_at(struct vss_log *log, u32 i)
{
	return log->buf + i * log->block;
}

static u32 block_units(const struct vss_log *log)
{
	return (log->block - sizeof(struct vss_disk_log)) / VSS_DISK_UNIT;
}

static struct vss_disk_log *add_block(struct vss_log *log)
{
	return memset(block_at(log, log->nr_blocks++), 0, log->block);
}

static void begin_group(struct vss_log *log)
{
	log->nr_blocks = 0;
	add_block(log);
	log->epoch = 0;
}

/* Can so many units be added, whatever entries they belong to? */
static bool has_room(struct vss_log *log, u32 units)
{
	/* Each block may be left with three units that an entry did not fit. */
	u32 usable = block_units(log) - 3;
	u32 used = le16_to_cpu(block_at(log, log->nr_blocks - 1)->units);
	u32 left = usable > used ? usable - used : 0;

	return left + (log->max_blocks - log->nr_blocks) * usable >= units;
}

static void add_entry(struct vss_log *log, const void *entry, u32 units)
{
	struct vss_disk_log *head = block_at(log, log->nr_blocks - 1);
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

	if (!has_room(log, sizeof(entry) / VSS_DISK_UNIT))
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

/* ---- when to write it ---- */

/* Large copies gain nothing from company. */
static u32 weight(const struct vss_copy *copy)
{
	return copy->n < LARGE_COPY ? 1 : MAX_WANTED;
}

static bool has_enough(struct vss_log *log)
{
	u32 ready = READ_ONCE(log->ready);

	return !ready || ready >= READ_ONCE(log->wanted) ||
		!list_empty_careful(&log->events) || READ_ONCE(log->grow) ||
		READ_ONCE(log->rewriting) || READ_ONCE(log->closed) ||
		READ_ONCE(log->dead);
}

/* Something is there for the next group. */
static void run_work(struct vss_log *log)
{
	if (wq_has_sleeper(&log->more) && has_enough(log))
		wake_up(&log->more);
	queue_work(log->wq, &log->work);
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
			entry.hash = cpu_to_le32(content_hash(copy, i, n));
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

/*
 * Put copies into the group.  Those that nobody needs, or that were begun
 * before the newest snapshot changed, are moved to @void_copies: the writes
 * that wait for them are judged anew.  What does not fit stays in @copies.
 * Returns how many were put into it, by weight.
 */
static u32 add_copies(struct vss_log *log, struct list_head *copies,
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
		if (!has_room(log, COPY_UNITS))
			break;
		add_copy(log, copy);
		list_move_tail(&copy->list, &log->taken);
		n += weight(copy);
	}
	return n;
}

/* Let the writes go that wait for copies without slots. */
static void abandon(struct vss_log *log, struct list_head *copies)
{
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;

	list_for_each_entry_safe(copy, next, copies, list) {
		list_del_init(&copy->list);
		vss_copy_abandon(copy, &released);
	}
	vss_gate_release(log->vol, &released);
}

/*
 * Publish of the group's copies those that there is memory for, and let go the
 * writes that wait for them.  Returns how many are left.
 */
static unsigned int publish_some(struct vss_log *log)
{
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;
	unsigned int left = 0;

	list_for_each_entry_safe(copy, next, &log->taken, list) {
		list_del_init(&copy->list);
		if (!vss_copy_publish(copy, log->epoch, !READ_ONCE(log->dead),
				      &released))
			continue;
		list_add_tail(&copy->list, &next->list);
		left++;
	}
	vss_gate_release(log->vol, &released);
	return left;
}

/*
 * The group is durable, or the log is dead.  What was published stays right if the
 * rest has to wait for memory: each copy is durable by itself.  If that does not come
 * the loss is made durable before the other writes go.
 */
static void publish(struct vss_log *log)
{
	unsigned long end = jiffies + PUBLISH_WAIT;
	unsigned int left, before = 0, round = 0;

	while ((left = publish_some(log))) {
		round = left == before ? round + 1 : 0;
		before = left;
		if (round < VSS_MAP_ROUNDS && time_before(jiffies, end))
			vss_map_await_memory(&log->vol->map);
		else
			vss_log_bury(log, VSS_LOST_NO_MEMORY);
	}
}

/* ---- a device that does not answer ---- */

/* Somebody waited for these, all taken out of the queues. */
static void complete_events(struct list_head *events, int err)
{
	struct vss_log_event *event, *next;

	list_for_each_entry_safe(event, next, events, list) {
		list_del_init(&event->list);
		event->err = err;
		complete(&event->done);
	}
}

/*
 * The device does not answer: let the origin's writes go, whatever comes.  The
 * work waits for the device meanwhile, and touches no queue.
 */
static void stall_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, stall_work);
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy;
	LIST_HEAD(copies);
	LIST_HEAD(events);

	/* Who commits a snapshot after they are lost finds the log dead. */
	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	spin_unlock(&log->lock);
	vss_snapshots_lose(log->vol, VSS_LOST_STALLED);
	spin_lock(&log->lock);
	WRITE_ONCE(log->hung, true);
	list_splice_init(&log->copies, &copies);
	WRITE_ONCE(log->ready, 0);
	list_splice_init(&log->events, &events);
	spin_unlock(&log->lock);
	/* The content of those on their way is still being written. */
	list_for_each_entry(copy, &log->taken, list)
		vss_copy_release(copy, &released);
	vss_gate_release(log->vol, &released);
	abandon(log, &copies);
	complete_events(&log->told, -ETIMEDOUT);
	complete_events(&events, -ETIMEDOUT);
	wake_up_all(&log->wait);
}

/**
 * vss_log_begin_watch() - what follows may take as long as the devices like
 * @log:	the log, for its work
 */
void vss_log_begin_watch(struct vss_log *log)
{
	queue_delayed_work(log->vol->wq, &log->stall_work,
			   vss_stall_seconds * HZ);
}

/**
 * vss_log_end_watch() - the devices have answered
 * @log:	the log; it is dead if that took too long
 */
void vss_log_end_watch(struct vss_log *log)
{
	cancel_delayed_work_sync(&log->stall_work);
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

/*
 * Tell a part of the map; true: that was the last one.  Where nothing is alive
 * there may be nothing to tell.
 */
static bool add_map(struct vss_log *log)
{
	struct map_part part = { .log = log };
	struct vss_map *map = &log->vol->map;
	u32 seen = 0;

	while (log->shard < VSS_SHARDS) {
		struct vss_shard *shard = &map->shards[log->shard];
		u32 n;

		if (seen + part.told >= REWRITE_UNITS ||
		    !has_room(log, VSS_MAP_WALK))
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
	if (!has_room(log, 1))
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

/* Write the group's blocks and the content of its copies, and flush. */
static int write_group(struct vss_log *log)
{
	u64 begun = ktime_get_ns();
	u64 first = log->seq;
	u32 i;

	for (i = 0; i < log->nr_blocks; i++) {
		struct vss_disk_log *head = block_at(log, i);

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
 * vss_log_record_loss() - say in all superblocks that the snapshots are lost
 * @log:	the log; for its work, and for those who keep that from running
 *
 * One part that says so is enough, for the area is not loaded without it.  Others
 * are tried again from time to time: a device that was away may come back as it was,
 * and if it is the only one nothing else would tell.
 *
 * Return: true if a part says so.
 */
bool vss_log_record_loss(struct vss_log *log)
{
	bool recorded;

	vss_log_begin_watch(log);
	log->missing = vss_disk_write_lost(log, &recorded);
	vss_log_end_watch(log);
	log->unrecorded = !recorded;
	if (log->missing)
		queue_delayed_work(log->wq, &log->record_work, RECORD_DELAY);
	return !log->unrecorded;
}

static void record_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, record_work);
	bool unrecorded = log->unrecorded;

	if (log->missing && vss_log_record_loss(log) && unrecorded)
		pr_info("%pg: the loss of its snapshots is recorded in the diff area on %pg now\n",
			log->vol->bdev, log->part->bdev);
}

/**
 * vss_log_bury() - the snapshots are lost, and stay so
 * @log:	the log; for its work, and for those who keep that from running
 * @reason:	why
 *
 * Takes effect when this is durable, or cannot be made so.
 */
void vss_log_bury(struct vss_log *log, enum vss_lost_reason reason)
{
	struct vss_volume *vol = log->vol;

	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	spin_unlock(&log->lock);
	log->super->lost_reason = cpu_to_le32(reason);
	if (!vss_log_record_loss(log))
		pr_warn("%pg: the loss of its snapshots cannot be recorded in the diff area on %pg yet\n",
			vol->bdev, log->part->bdev);
	if (READ_ONCE(vol->area.failed))
		vss_area_mark_failed(&vol->area);
	vss_snapshots_lose(vol, reason);
	WRITE_ONCE(log->buried, true);
	wake_up_all(&log->wait);
	/* Copies of a closed log wait for this. */
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_is_stuck() - does the device not answer?
 * @log:	the log
 *
 * Return: true if one of its works has waited for it for stall_seconds, and does
 * still.
 */
bool vss_log_is_stuck(struct vss_log *log)
{
	unsigned int busy = work_busy(&log->work) |
		work_busy(&log->witness_work.work) |
		work_busy(&log->head_work) |
		work_busy(&log->record_work.work);

	return READ_ONCE(log->hung) && busy & WORK_BUSY_RUNNING;
}

/* Most blocks that the next group may have. */
static u32 room_left(const struct vss_log *log, u32 spare)
{
	u32 left = log->half_blocks - log->index;

	return min(left > spare ? left - spare : 0, VSS_LOG_BYTES / log->block);
}

static bool half_is_full(const struct vss_log *log)
{
	return READ_ONCE(log->index) >= READ_ONCE(log->half_blocks) / 4 * 3;
}

/* Should the other half be written from now on?  Not while copies are reaped. */
static bool wants_switch(struct vss_log *log)
{
	bool wants;

	if (!half_is_full(log))
		return false;
	spin_lock(&log->lock);
	wants = !log->reaping && !log->rewriting;
	if (wants)
		log->rewriting = true;
	spin_unlock(&log->lock);
	return wants;
}

static int switch_half(struct vss_log *log)
{
	int err;

	log->max_blocks = room_left(log, 0);
	if (!log->max_blocks)
		return -ENOSPC;
	begin_group(log);
	add_event(log, VSS_DISK_SWITCH);
	err = write_group(log);
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

/**
 * vss_log_fail() - a write has failed: the snapshots are lost
 * @log:	the log, for its work
 * @err:	the error; -ENOSPC: the log was full
 */
void vss_log_fail(struct vss_log *log, int err)
{
	if (!log->dead)
		vss_log_bury(log, err == -ENOSPC ? VSS_LOST_AREA_FULL :
						   VSS_LOST_AREA_ERROR);
	else if (le32_to_cpu(log->super->state) != VSS_DISK_LOST)
		vss_log_bury(log, READ_ONCE(log->doomed) ?: VSS_LOST_STALLED);
}

/**
 * vss_log_doom() - have the snapshots be lost
 * @log:	the log, kept by RCU
 * @reason:	why
 *
 * Does not sleep: the work records the loss, and only then are they lost.
 */
void vss_log_doom(struct vss_log *log, enum vss_lost_reason reason)
{
	spin_lock(&log->lock);
	if (!log->dead) {
		WRITE_ONCE(log->doomed, reason);
		/* Whoever has closed it records the loss, or has left already. */
		if (!log->closed)
			WRITE_ONCE(log->dead, true);
	}
	spin_unlock(&log->lock);
	run_work(log);
}

/**
 * vss_log_is_doomed() - are the snapshots lost, and that is not recorded?
 * @log:	the log; for its work, and for those who keep that from running
 *
 * Return: true if vss_log_bury() is to be called.
 */
bool vss_log_is_doomed(const struct vss_log *log)
{
	return READ_ONCE(log->doomed) &&
		le32_to_cpu(log->super->state) != VSS_DISK_LOST;
}

/**
 * vss_log_write_active() - write a superblock that says ACTIVE
 * @log:	the log, its superblock as it is to be; for its works
 *
 * Return: true, or false: the snapshots are lost.
 */
bool vss_log_write_active(struct vss_log *log)
{
	int err;

	vss_log_begin_watch(log);
	err = vss_disk_write_super(log, VSS_DISK_ACTIVE);
	vss_log_end_watch(log);
	if (!err && !READ_ONCE(log->dead))
		return true;
	vss_log_fail(log, -EIO);
	return false;
}

static void end_rewrite(struct vss_log *log)
{
	vss_log_set_begin(log);
	if (!vss_log_write_active(log))
		return;
	spin_lock(&log->lock);
	log->rewriting = false;
	spin_unlock(&log->lock);
	wake_up_all(&log->wait);
}

/*
 * Copies that share a group share its flush and its block of the log.  Where as many
 * have come together before, some will have come soon: to wait for much longer than a
 * group takes would cost the others more than it saves.  A lone copy does not wait.
 */
static void gather(struct vss_log *log)
{
	u64 most = min_t(u64, log->took + log->took / 2, MAX_GATHER);

	log->waited = !has_enough(log);
	log->late = log->waited &&
		wait_event_hrtimeout(log->more, has_enough(log),
				     ns_to_ktime(most));
}

/*
 * How many copies the next group waits for: one more when others came while as many
 * were written; as many as came, when the rest was late, and then no more for some
 * groups, the more the less often it is worth it to wait.
 */
static void learn(struct vss_log *log, u32 had)
{
	if (log->waited && !log->late)
		log->shy /= 2;
	if (had < log->wanted) {
		/* Else something did not let it wait. */
		if (log->late) {
			WRITE_ONCE(log->wanted, had);
			log->shy = min(2 * log->shy + 1, MAX_SHY);
			log->calm = log->shy;
		}
	} else if (log->calm) {
		log->calm--;
	} else if (READ_ONCE(log->ready)) {
		WRITE_ONCE(log->wanted, min(had + 1, MAX_WANTED));
	}
}

/* Put into the group what must be in it; 0 or -ENOSPC. */
static int add_told(struct vss_log *log)
{
	struct vss_log_event *event;

	log->max_blocks = room_left(log, 0);
	if (!log->max_blocks)
		return -ENOSPC;
	begin_group(log);
	if (!add_snapshots(log))
		return -ENOSPC;
	list_for_each_entry(event, &log->told, list) {
		/* Somebody may want to know no more than that it was written. */
		if (!event->entry.type)
			continue;
		if (!has_room(log, 1))
			return -ENOSPC;
		add_entry(log, &event->entry, 1);
	}
	return 0;
}

/* What did not fit comes first in the next group. */
static void put_back(struct vss_log *log, struct list_head *copies)
{
	struct vss_copy *copy;
	u32 n = 0;

	list_for_each_entry(copy, copies, list)
		n += weight(copy);
	spin_lock(&log->lock);
	list_splice_init(copies, &log->copies);
	WRITE_ONCE(log->ready, log->ready + n);
	spin_unlock(&log->lock);
}

/* Those that came meanwhile may go with them. */
static void take_copies(struct vss_log *log, struct list_head *copies)
{
	spin_lock(&log->lock);
	list_splice_init(&log->copies, copies);
	WRITE_ONCE(log->ready, 0);
	spin_unlock(&log->lock);
}

/* A group of nothing: it says that all before it is durable. */
static int write_witness(struct vss_log *log)
{
	int err;

	log->max_blocks = 1;
	begin_group(log);
	err = write_group(log);
	log->bare = false;
	return err;
}

/* Write a group; true: come again. */
static bool run_group(struct vss_log *log)
{
	bool more, rewriting, closed, recycled, whole = false, nothing = true;
	LIST_HEAD(void_copies);
	LIST_HEAD(copies);
	u32 had = 0;
	int err = 0;

	vss_log_let_grow(log);
	if (READ_ONCE(log->closed))
		;	/* whoever did that writes to the device */
	else if (vss_log_is_doomed(log))
		err = -EIO;
	else if (!log->dead && wants_switch(log))
		err = switch_half(log);
	if (err)
		vss_log_fail(log, err);

	gather(log);
	spin_lock(&log->lock);
	list_splice_init(&log->events, &log->told);
	closed = log->closed || log->dead;
	/*
	 * Of one that is not written any more the copies wait, and their
	 * writes, until the loss is recorded: judged anew before that, they
	 * would only come back for a copy.  Not when there is nothing left to
	 * be copied for: the snapshots were given up, or retired.
	 */
	if (!closed || READ_ONCE(log->buried) || !READ_ONCE(log->vol->live)) {
		list_splice_init(&log->copies, &copies);
		WRITE_ONCE(log->ready, 0);
	}
	rewriting = log->rewriting;
	recycled = log->recycled;
	spin_unlock(&log->lock);
	if (closed) {
		complete_events(&log->told, -EIO);
		abandon(log, &copies);
		return READ_ONCE(log->grow);
	}
	if (list_empty(&copies) && list_empty(&log->told) && !rewriting)
		return false;

	/* Replay must not judge the last group by slots written with this one. */
	if (recycled && log->bare && !list_empty(&copies) &&
	    room_left(log, SPARE_BLOCKS)) {
		/* Should the device not answer, stall_work must find them. */
		put_back(log, &copies);
		err = write_witness(log);
		take_copies(log, &copies);
	}
	err = err ?: add_told(log);
	if (!err) {
		/* Until the halves can be changed there may be no room for copies. */
		log->max_blocks = max(room_left(log, SPARE_BLOCKS),
				      log->nr_blocks);
		if (room_left(log, SPARE_BLOCKS))
			had = add_copies(log, &copies, &void_copies);
		if (rewriting)
			whole = add_map(log);
		if (rewriting && !whole && !block_at(log, 0)->units &&
		    !has_room(log, VSS_MAP_WALK))
			err = -ENOSPC;
	}
	put_back(log, &copies);
	abandon(log, &void_copies);
	if (!err && block_at(log, 0)->units) {
		nothing = false;
		err = write_group(log);
		if (had)
			learn(log, had);
		/* What is removed meanwhile waits for a group of its own. */
		spin_lock(&log->lock);
		log->recycled = log->reaping;
		spin_unlock(&log->lock);
	}
	if (err)
		vss_log_fail(log, err);
	else if (whole)
		end_rewrite(log);
	complete_events(&log->told, err);
	publish(log);
	log->bare |= !err && !nothing;

	spin_lock(&log->lock);
	more = !list_empty(&log->events) || log->grow ||
		(log->rewriting && !log->dead);
	/* With room for no copy, whoever reaps wakes us: or halves are changed. */
	if (!list_empty(&log->copies))
		more |= log->dead || !log->reaping ||
			room_left(log, SPARE_BLOCKS);
	spin_unlock(&log->lock);
	return more;
}

static void log_work(struct work_struct *work)
{
	struct vss_log *log = container_of(work, struct vss_log, work);

	while (run_group(log))
		cond_resched();
	if (log->bare && !log->dead && !READ_ONCE(log->closed))
		queue_delayed_work(log->wq, &log->witness_work, WITNESS_DELAY);
}

/* The last group is durable; one behind it tells, should it be damaged. */
static void witness_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, witness_work);
	bool idle;

	spin_lock(&log->lock);
	idle = list_empty(&log->copies) && list_empty(&log->events) &&
		!log->rewriting;
	spin_unlock(&log->lock);
	/* On the same queue, which runs one work at a time. */
	if (!idle || !log->bare || log->dead || READ_ONCE(log->closed) ||
	    !room_left(log, SPARE_BLOCKS))
		return;
	if (write_witness(log))
		vss_log_fail(log, -EIO);
}

/**
 * vss_log_copy() - make a copy durable and publish it
 * @log:	the log
 * @copy:	the copy, its content read
 */
void vss_log_copy(struct vss_log *log, struct vss_copy *copy)
{
	LIST_HEAD(copies);

	list_add(&copy->list, &copies);
	/* When the copy is out of our hands nothing but this keeps the log. */
	rcu_read_lock();
	spin_lock(&log->lock);
	/* The work may be waiting for the device still. */
	if (!log->hung) {
		list_splice_tail_init(&copies, &log->copies);
		WRITE_ONCE(log->ready, log->ready + weight(copy));
	}
	spin_unlock(&log->lock);
	abandon(log, &copies);
	run_work(log);
	rcu_read_unlock();
}

static int tell(struct vss_log *log, struct vss_log_event *event)
{
	bool dead;

	init_completion(&event->done);
	spin_lock(&log->lock);
	dead = log->dead;
	event->err = dead || log->closed ? -EIO : 0;
	if (!event->err)
		list_add_tail(&event->list, &log->events);
	spin_unlock(&log->lock);
	/* Nobody is to take them for lost before that is recorded. */
	if (dead)
		wait_event(log->wait, READ_ONCE(log->buried) ||
			   READ_ONCE(log->hung));
	if (event->err)
		return event->err;
	run_work(log);
	wait_for_completion(&event->done);
	return event->err;
}

/**
 * vss_log_sync() - make durable what the log has to tell
 * @vol:	the volume
 *
 * Return: 0 or a negative errno: the snapshots are lost.
 */
int vss_log_sync(struct vss_volume *vol)
{
	struct vss_log_event event = {};

	return vol->log ? tell(vol->log, &event) : 0;
}

/**
 * vss_log_event() - log an event and wait until it is durable
 * @vol:	the volume
 * @type:	VSS_DISK_SEALED or VSS_DISK_GONE
 * @epoch:	of the snapshot
 * @reason:	of VSS_DISK_GONE
 *
 * Return: 0 or a negative errno: the snapshots are lost.
 */
int vss_log_event(struct vss_volume *vol, enum vss_disk_type type, u32 epoch,
		  u16 reason)
{
	struct vss_log *log = vol->log;
	struct vss_log_event event = {
		.entry = {
			.type = type,
			.reason = cpu_to_le16(reason),
			.epoch = cpu_to_le32(epoch),
			.time = cpu_to_le64(ktime_get_real_ns()),
		},
	};

	return log ? tell(log, &event) : 0;
}

/*
 * Many that are reaped in a row must not keep the halves from being changed.  One
 * change is enough: what there is to tell may fill the new half as much.
 */
static void await_switch(struct vss_log *log)
{
	u64 first = READ_ONCE(log->half_first);

	if (!half_is_full(log))
		return;
	/* One that goes on after a load leaves the half as full as it is. */
	wait_event(log->wait, !READ_ONCE(log->rewriting) ||
		   READ_ONCE(log->closed) || READ_ONCE(log->dead));
	run_work(log);
	/* Halves that get longer need no change. */
	wait_event(log->wait, READ_ONCE(log->half_first) != first ||
		   !half_is_full(log) || READ_ONCE(log->closed) ||
		   READ_ONCE(log->dead));
}

/**
 * vss_log_begin_reap() - a snapshot is about to be removed
 * @vol:	the volume, its reap_lock held
 * @snap:	the snapshot
 * @reason:	why it is lost, 0: it is deleted
 *
 * Returns when that is durable, or the log is dead.  vss_log_end_reap() must
 * follow.
 */
void vss_log_begin_reap(struct vss_volume *vol, struct vss_snapshot *snap,
			u16 reason)
{
	struct vss_log *log = vol->log;

	lockdep_assert_held(&vol->reap_lock);
	if (!log || !snap->epoch || vol->leaving)
		return;
	await_switch(log);
	spin_lock(&log->lock);
	while (log->rewriting && !log->closed && !log->dead) {
		spin_unlock(&log->lock);
		wait_event(log->wait, !READ_ONCE(log->rewriting) ||
			   READ_ONCE(log->closed) || READ_ONCE(log->dead));
		spin_lock(&log->lock);
	}
	log->reaping = true;
	log->recycled = true;
	spin_unlock(&log->lock);
	vss_log_event(vol, VSS_DISK_GONE, snap->epoch, reason);
}

/**
 * vss_log_end_reap() - the snapshot's copies were handed down
 * @vol:	the volume
 */
void vss_log_end_reap(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;

	if (!log)
		return;
	spin_lock(&log->lock);
	log->reaping = false;
	spin_unlock(&log->lock);
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_close() - begin no group any more
 * @log:	the log
 *
 * Returns when none is being written.  Copies that come wait for
 * vss_log_dismiss().
 */
void vss_log_close(struct vss_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->closed, true);
	spin_unlock(&log->lock);
	wake_up(&log->more);
	wake_up_all(&log->wait);
	/* It may be about to queue the witness. */
	flush_work(&log->work);
	cancel_delayed_work_sync(&log->witness_work);
	/* This may fail, and so queue the next one. */
	vss_head_stop(log);
	cancel_delayed_work_sync(&log->record_work);
}

/**
 * vss_log_dismiss() - let the writes go that wait for copies
 * @log:	a closed log of a volume whose snapshots have ended
 */
void vss_log_dismiss(struct vss_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	WRITE_ONCE(log->buried, true);
	spin_unlock(&log->lock);
	wake_up_all(&log->wait);
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_set_begin() - the next superblock says that the half is where it begins
 * @log:	a log whose half tells everything
 */
void vss_log_set_begin(struct vss_log *log)
{
	log->super->log_half = cpu_to_le32(log->half);
	log->super->log_first = cpu_to_le64(log->half_first);
}

/**
 * vss_log_set_geometry() - take over what the superblock says
 * @log:	a log whose superblock was checked
 */
void vss_log_set_geometry(struct vss_log *log)
{
	log->block = le32_to_cpu(log->super->log_block);
	log->half_blocks = vss_disk_measure(log);
	log->nr_known = log->nr_parts;
	log->half = le32_to_cpu(log->super->log_half);
	log->index = 0;
	log->seq = le64_to_cpu(log->super->log_first);
	log->half_first = log->seq;
}

/**
 * vss_log_part_new() - allocate what the log has of a part
 * @log:	the log
 * @part:	the part
 *
 * Return: it, or NULL.
 */
struct vss_log_part *vss_log_part_new(struct vss_log *log,
				      struct vss_part *part)
{
	struct vss_log_part *lp = kzalloc(sizeof(*lp), GFP_KERNEL);

	if (!lp)
		return NULL;
	lp->log = log;
	lp->part = part;
	lp->super = (void *)get_zeroed_page(GFP_KERNEL);
	if (lp->super)
		return lp;
	kfree(lp);
	return NULL;
}

/**
 * vss_log_part_free() - free what vss_log_part_new() gave
 * @lp:		the part, or NULL
 */
void vss_log_part_free(struct vss_log_part *lp)
{
	if (!lp)
		return;
	free_page((unsigned long)lp->super);
	kfree(lp);
}

/**
 * vss_log_new() - allocate a log
 * @vol:	the volume
 * @part:	the part it lies on, or one of these
 *
 * Return: the log or NULL.
 */
struct vss_log *vss_log_new(struct vss_volume *vol, struct vss_part *part)
{
	struct vss_log *log = kzalloc(sizeof(*log), GFP_KERNEL);

	if (!log)
		return NULL;
	log->vol = vol;
	log->part = part;
	spin_lock_init(&log->lock);
	INIT_LIST_HEAD(&log->copies);
	INIT_LIST_HEAD(&log->events);
	INIT_LIST_HEAD(&log->taken);
	INIT_LIST_HEAD(&log->told);
	init_waitqueue_head(&log->wait);
	init_waitqueue_head(&log->more);
	init_completion(&log->done);
	INIT_WORK(&log->work, log_work);
	INIT_DELAYED_WORK(&log->witness_work, witness_work);
	INIT_DELAYED_WORK(&log->stall_work, stall_work);
	INIT_DELAYED_WORK(&log->record_work, record_work);
	vss_head_init(log);
	log->buf = (void *)__get_free_pages(GFP_KERNEL, VSS_LOG_ORDER);
	log->super = (void *)get_zeroed_page(GFP_KERNEL);
	/* Ordered: the works above never run at once. */
	log->wq = alloc_ordered_workqueue("vss-log-%pg", WQ_MEM_RECLAIM |
					  WQ_HIGHPRI, vol->bdev);
	if (log->buf && log->super && log->wq)
		return log;
	vss_log_free(log);
	return NULL;
}

/**
 * vss_log_free() - free a log that nobody uses any more
 * @log:	the log
 */
void vss_log_free(struct vss_log *log)
{
	u32 i;

	vss_head_stop(log);
	if (log->wq) {
		cancel_delayed_work_sync(&log->witness_work);
		cancel_delayed_work_sync(&log->record_work);
		destroy_workqueue(log->wq);
	}
	for (i = 0; i < VSS_DISK_MAX_PARTS; i++)
		vss_log_part_free(log->parts[i]);
	free_pages((unsigned long)log->buf, VSS_LOG_ORDER);
	free_page((unsigned long)log->super);
	kfree(log);
}

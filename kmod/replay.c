// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of a persistent diff area's log: the map and the snapshots as they were.
 *
 * The log is walked twice, as Documentation/disk-format.md says: first to find
 * its end and how far it is surely durable, then to carry out its entries.  What
 * lies behind the end tells whether that is an end, or a hole.
 *
 * Nobody else uses the volume's map and snapshots meanwhile: no snapshot is the
 * live one, so writes pass; that there were none is found out afterwards.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "area.h"
#include "log.h"
#include "map.h"
#include "snapshot.h"
#include "volume.h"

/* How often memory for the map is asked for: nothing else waits for us. */
#define MEMORY_TRIES	(2 * VSS_MAP_ROUNDS)

/**
 * struct walk - a walk through the log
 * @log:	the log
 * @half:	half of the next block
 * @index:	its place there
 * @seq:	its number
 * @super_seq:	of the block before
 * @flushed:	likewise
 * @newer:	a block knows of a newer superblock than there is
 * @unreadable:	a block that might go on cannot be read
 * @epoch:	of the newest snapshot
 * @half_first:	number of the half's first block
 * @whole:	@half tells everything
 * @nr:		blocks of the group read last; in vss_log.buf
 * @window:	VSS_LOG_BYTES of the log
 * @win_half:	where they are from
 * @win_index:	likewise
 * @win_nr:	blocks there
 * @data:	a chunk's content
 * @owners:	the good snapshots by their epochs, VSS_DISK_MAX_SNAPSHOTS at most
 * @nr_owners:	their number
 * @stale:	@owners is to be filled anew
 * @seen:	a bit for each chunk and tag in the map, by their hash; NULL: no memory
 * @seen_mask:	of the hash
 * @handed:	no snapshot newer than this has inherited copies
 */
struct walk {
	struct vss_log	*log;
	u32		half;
	u32		index;
	u64		seq;
	u64		super_seq;
	u64		flushed;
	bool		newer;
	bool		unreadable;
	u32		epoch;
	u64		half_first;
	bool		whole;
	u32		nr;
	void		*window;
	u32		win_half;
	u32		win_index;
	u32		win_nr;
	void		*data;
	struct vss_snapshot **owners;
	u32		nr_owners;
	bool		stale;
	unsigned long	*seen;
	u32		seen_mask;
	u32		handed;
};

typedef int entry_fn(struct walk *w, const struct vss_disk_log *head,
		     const u8 *entry);

static const struct vss_disk_log *group_block(const struct walk *w, u32 i)
{
	return w->log->buf + i * w->log->block;
}

/* A log block, or NULL if it cannot be read. */
static const struct vss_disk_log *read_block(struct walk *w, u32 half,
					     u32 index)
{
	struct vss_log *log = w->log;
	u32 most = VSS_LOG_BYTES / log->block;
	struct vss_log_part *lp;
	sector_t sector;

	if (w->win_nr && half == w->win_half && index >= w->win_index &&
	    index < w->win_index + w->win_nr)
		goto found;
	w->win_half = half;
	w->win_index = index;
	w->win_nr = min(most, vss_disk_locate(log, half, index, &lp, &sector));
	if (!vss_disk_rw(lp->part->bdev, sector, w->window,
			 w->win_nr * log->block, REQ_OP_READ))
		goto found;
	/* One bad sector must not hide its neighbours. */
	w->win_nr = 1;
	if (!vss_disk_rw(lp->part->bdev, sector, w->window, log->block,
			 REQ_OP_READ))
		goto found;
	w->win_nr = 0;
	return NULL;

found:
	return w->window + (index - w->win_index) * log->block;
}

static bool is_block(const struct vss_log *log, const struct vss_disk_log *head)
{
	return le32_to_cpu(head->magic) == VSS_DISK_LOG_MAGIC &&
		!memcmp(head->area, log->super->area, sizeof(head->area)) &&
		le32_to_cpu(head->crc) ==
		vss_disk_crc(head, log->block,
			     offsetof(struct vss_disk_log, crc)) &&
		le16_to_cpu(head->units) <=
		(log->block - sizeof(*head)) / VSS_DISK_UNIT;
}

/* Is it the block that has to be here? */
static bool goes_on(struct walk *w, const struct vss_disk_log *head)
{
	u64 first, flushed, super_seq;

	if (!head || !is_block(w->log, head))
		return false;
	first = le64_to_cpu(head->first);
	flushed = le64_to_cpu(head->flushed);
	super_seq = le64_to_cpu(head->super_seq);
	if (le64_to_cpu(head->seq) != w->seq + w->nr || first != w->seq)
		return false;
	if (super_seq > le64_to_cpu(w->log->super->seq)) {
		w->newer = true;
		return false;
	}
	return flushed <= first && flushed >= w->flushed &&
		super_seq >= w->super_seq;
}

/* Read the next group; false: there is none. */
static bool next_group(struct walk *w)
{
	struct vss_log *log = w->log;

	w->nr = 0;
	while (w->index + w->nr < log->half_blocks &&
	       w->nr < VSS_LOG_BYTES / log->block) {
		const struct vss_disk_log *head;

		head = read_block(w, w->half, w->index + w->nr);
		w->unreadable |= !head;
		if (!goes_on(w, head))
			return false;
		memcpy(log->buf + w->nr * log->block, head, log->block);
		w->nr++;
		w->super_seq = le64_to_cpu(head->super_seq);
		w->flushed = le64_to_cpu(head->flushed);
		if (le16_to_cpu(head->flags) & VSS_DISK_LOG_END)
			return true;
	}
	return false;
}

static u32 entry_units(const u8 *entry, u32 left)
{
	u32 units = 1;

	if (entry[0] == VSS_DISK_SNAPSHOT)
		units = sizeof(struct vss_disk_snapshot) / VSS_DISK_UNIT;
	if (entry[0] < VSS_DISK_COPY || entry[0] > VSS_DISK_WHOLE ||
	    units > left)
		return 0;
	return units;
}

/* All entries of the group, until @fn gives something else than 0. */
static int walk_entries(struct walk *w, entry_fn *fn)
{
	u32 b;

	for (b = 0; b < w->nr; b++) {
		const struct vss_disk_log *head = group_block(w, b);
		const u8 *entry = (const u8 *)(head + 1);
		u32 left = le16_to_cpu(head->units);

		while (left) {
			u32 units = entry_units(entry, left);
			int ret = units ? fn(w, head, entry) : -EBADMSG;

			if (ret)
				return ret;
			entry += units * VSS_DISK_UNIT;
			left -= units;
		}
	}
	return 0;
}

static int is_switch(struct walk *w, const struct vss_disk_log *head,
		     const u8 *entry)
{
	return entry[0] == VSS_DISK_SWITCH;
}

/* Go on behind the group. */
static int advance(struct walk *w)
{
	int ret = walk_entries(w, is_switch);

	w->seq += w->nr;
	w->index += w->nr;
	if (ret > 0) {
		w->half = !w->half;
		w->index = 0;
		w->half_first = w->seq;
		w->whole = false;
	}
	return min(ret, 0);
}

static void begin_walk(struct walk *w)
{
	struct vss_log *log = w->log;

	vss_log_set_geometry(log);
	w->half = log->half;
	w->index = 0;
	w->seq = log->seq;
	w->half_first = log->seq;
	w->whole = true;
	w->super_seq = 0;
	w->flushed = 0;
	w->nr = 0;
}

static u64 chunk_of(const struct vss_disk_copy *copy)
{
	return (u64)le16_to_cpu(copy->chunk_high) << 32 |
		le32_to_cpu(copy->chunk_low);
}

static bool copy_is_sane(struct walk *w, const struct vss_disk_copy *copy)
{
	struct vss_volume *vol = w->log->vol;
	u32 slot = le32_to_cpu(copy->slot);
	u64 chunk = chunk_of(copy);

	return copy->nr && copy->nr <= VSS_DISK_MAX_CHUNKS &&
		chunk < vol->nr_chunks && copy->nr <= vol->nr_chunks - chunk &&
		(slot == VSS_DISK_UNREADABLE ||
		 (slot < vol->area.nr_slots &&
		  copy->nr <= vol->area.nr_slots - slot));
}

/* 1: the content is not what was copied; -EIO: that cannot be told. */
static int check_content(struct walk *w, const struct vss_disk_log *head,
			 const u8 *entry)
{
	const struct vss_disk_copy *copy = (const void *)entry;
	struct vss_volume *vol = w->log->vol;
	u32 slot = le32_to_cpu(copy->slot), i;
	struct xxh64_state state;

	if (copy->type != VSS_DISK_COPY || slot == VSS_DISK_UNREADABLE ||
	    !copy_is_sane(w, copy))
		return 0;
	xxh64_reset(&state, 0);
	for (i = 0; i < copy->nr; i++) {
		sector_t start = vss_chunk_to_sector(vol, chunk_of(copy) + i);
		unsigned int n = min_t(sector_t, vss_chunk_sectors(vol),
				       vol->nr_sectors - start) << SECTOR_SHIFT;
		struct block_device *bdev;
		sector_t sector;

		vss_area_locate(vol, slot + i, &bdev, &sector);
		if (vss_disk_rw(bdev, sector, w->data, n, REQ_OP_READ))
			return -EIO;
		xxh64_update(&state, w->data, n);
	}
	return lower_32_bits(xxh64_digest(&state)) != le32_to_cpu(copy->hash);
}

static struct vss_snapshot *find_epoch(struct vss_volume *vol, u32 epoch)
{
	struct vss_snapshot *snap;

	list_for_each_entry(snap, &vol->snaps, list) {
		if (snap->epoch == epoch)
			return snap;
	}
	return NULL;
}

static void list_owners(struct walk *w)
{
	struct vss_snapshot *snap;

	w->stale = false;
	w->nr_owners = 0;
	list_for_each_entry(snap, &w->log->vol->snaps, list) {
		if (vss_snapshot_is_good(snap))
			w->owners[w->nr_owners++] = snap;
	}
}

/*
 * The newest good snapshot that is not newer than the tag.  Asked for each copy,
 * and there may be hundreds.
 */
static struct vss_snapshot *find_owner(struct walk *w, u32 tag)
{
	u32 low = 0, high;

	if (w->stale)
		list_owners(w);
	/* Those below @low are not newer, those from @high on are. */
	for (high = w->nr_owners; low < high; ) {
		u32 mid = (low + high) / 2;

		if (w->owners[mid]->epoch <= tag)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? w->owners[low - 1] : NULL;
}

/* Bits for each slot, so that few hashes are the same; and the most of them. */
#define SEEN_SLOT_BITS	16U
#define SEEN_MAX_BITS	BIT(28)

static void init_seen(struct walk *w)
{
	u64 bits = (u64)w->log->vol->area.nr_slots * SEEN_SLOT_BITS;

	bits = roundup_pow_of_two(clamp_t(u64, bits, BITS_PER_LONG,
					  SEEN_MAX_BITS));
	w->seen_mask = bits - 1;
	w->seen = kvzalloc(bits / BITS_PER_BYTE, GFP_KERNEL);
}

/*
 * Note that the map has copies of these chunks with this tag.  False: it surely
 * had none.  To look there takes a step for each of the chunk's copies, of which
 * every snapshot may have one.
 */
static bool see(struct walk *w, u64 chunk, u32 nr, u32 tag)
{
	/* What was handed down is not noted. */
	bool maybe = !w->seen || tag <= w->handed;
	u32 i;

	for (i = 0; i < nr && w->seen; i++) {
		u32 bit = jhash_3words(lower_32_bits(chunk + i),
				       upper_32_bits(chunk + i), tag, 0);

		if (__test_and_set_bit(bit & w->seen_mask, w->seen))
			maybe = true;
	}
	return maybe;
}

/* As vss_map_lock_provided(), but memory may be waited for. */
static int lock_provided(struct vss_map *map, struct vss_shard *shard)
	__acquires(&shard->lock)
{
	unsigned int tries = 0;
	int err;

	while ((err = vss_map_lock_provided(map, shard)) &&
	       tries++ < MEMORY_TRIES) {
		spin_unlock(&shard->lock);
		vss_map_await_memory(map);
	}
	return err;
}

/* All of the slots or none; false: one is in use. */
static bool claim(struct vss_area *area, u32 slot, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		if (vss_area_claim(area, slot + i))
			continue;
		while (i--)
			vss_area_free(area, slot + i);
		return false;
	}
	return true;
}

/* Adjacent chunks of a group, in adjacent slots: into the map. */
static int insert(struct vss_volume *vol, struct vss_snapshot *owner,
		  struct vss_shard *shard, u64 chunk, u32 nr, u32 slot)
{
	bool bad = slot == VSS_DISK_UNREADABLE;

	if (!bad && !claim(&vol->area, slot, nr))
		return -EBADMSG;
	vss_map_insert(shard, chunk >> VSS_GROUP_SHIFT,
		       chunk % VSS_GROUP_CHUNKS, nr, owner->epoch,
		       bad ? VSS_SLOT_UNREADABLE : slot,
		       &owner->chain[shard - vol->map.shards]);
	atomic64_add(nr, &owner->copied);
	return 0;
}

/* The same of chunks some of which are in the map. */
static int insert_rest(struct vss_volume *vol, struct vss_snapshot *owner,
		       struct vss_shard *shard, u64 chunk, u32 nr, u32 tag,
		       u32 slot, u16 has)
{
	u32 group = chunk >> VSS_GROUP_SHIFT, slots[VSS_GROUP_CHUNKS], i;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		unsigned int c = (chunk + i) % VSS_GROUP_CHUNKS;
		u32 at = slot == VSS_DISK_UNREADABLE ? slot : slot + i;

		if (!(has & BIT(c))) {
			err = insert(vol, owner, shard, chunk + i, 1, at);
			continue;
		}
		/* Told again in a new half; or the older one has its own. */
		vss_map_lookup(shard, group, BIT(c), owner->epoch, slots);
		if (owner->epoch == tag && slots[c] != at)
			err = -EBADMSG;
	}
	return err;
}

static int add_run(struct walk *w, u64 chunk, u32 nr, u32 tag, u32 slot)
{
	struct vss_volume *vol = w->log->vol;
	struct vss_snapshot *owner = find_owner(w, tag);
	u32 group = chunk >> VSS_GROUP_SHIFT;
	struct vss_shard *shard = vss_map_shard(&vol->map, group);
	unsigned int first = chunk % VSS_GROUP_CHUNKS;
	u16 has = 0;
	bool seen;
	int err;

	/* Nobody needs it: a copy for a snapshot that was being deleted. */
	if (!owner)
		return 0;
	seen = see(w, chunk, nr, owner->epoch);
	err = lock_provided(&vol->map, shard);
	if (err)
		goto out;
	if (seen)
		has = vss_map_tagged(shard, group,
				     GENMASK(first + nr - 1, first),
				     owner->epoch);
	if (has)
		err = insert_rest(vol, owner, shard, chunk, nr, tag, slot, has);
	else
		err = insert(vol, owner, shard, chunk, nr, slot);
out:
	spin_unlock(&shard->lock);
	return err;
}

static int add_copy(struct walk *w, const struct vss_disk_copy *copy, u32 tag)
{
	u32 slot = le32_to_cpu(copy->slot), i, n;
	u64 chunk = chunk_of(copy);
	int err = copy_is_sane(w, copy) ? 0 : -EBADMSG;

	for (i = 0; i < copy->nr && !err; i += n) {
		n = min_t(u32, copy->nr - i,
			  VSS_GROUP_CHUNKS - (chunk + i) % VSS_GROUP_CHUNKS);
		err = add_run(w, chunk + i, n, tag,
			      slot == VSS_DISK_UNREADABLE ? slot : slot + i);
	}
	return err;
}

static int add_snapshot(struct walk *w, const struct vss_disk_snapshot *entry)
{
	struct vss_volume *vol = w->log->vol;
	u32 epoch = le32_to_cpu(entry->epoch);
	struct vss_snapshot *snap = find_epoch(vol, epoch);
	uuid_t uuid;

	import_uuid(&uuid, entry->uuid);
	if (snap)
		return uuid_equal(&snap->uuid, &uuid) ? 0 : -EBADMSG;
	if (epoch <= w->epoch || epoch >= U32_MAX - 1)
		return -EBADMSG;
	w->stale = true;
	snap = vss_snapshot_restore(vol, entry);
	if (!IS_ERR(snap))
		w->epoch = epoch;
	return PTR_ERR_OR_ZERO(snap);
}

static int remove_snapshot(struct walk *w, const struct vss_disk_event *event)
{
	struct vss_volume *vol = w->log->vol;
	struct vss_snapshot *snap = find_epoch(vol, le32_to_cpu(event->epoch));

	if (!snap)
		return -EBADMSG;
	w->stale = true;
	w->handed = max(w->handed, snap->epoch);
	if (event->reason)
		vss_snapshot_lose(snap, le16_to_cpu(event->reason));
	else
		vss_snapshot_drop(snap);
	return 0;
}

static int carry_out(struct walk *w, const struct vss_disk_log *head,
		     const u8 *entry)
{
	const struct vss_disk_copy *copy = (const void *)entry;
	const struct vss_disk_event *event = (const void *)entry;
	struct vss_snapshot *snap;

	switch (entry[0]) {
	case VSS_DISK_COPY:
		return add_copy(w, copy, le32_to_cpu(head->epoch));
	case VSS_DISK_MAP:
		return add_copy(w, copy, le32_to_cpu(copy->tag));
	case VSS_DISK_SNAPSHOT:
		return add_snapshot(w, (const void *)entry);
	case VSS_DISK_SEALED:
		snap = find_epoch(w->log->vol, le32_to_cpu(event->epoch));
		if (!snap)
			return -EBADMSG;
		snap->sealed = true;
		return 0;
	case VSS_DISK_GONE:
		return remove_snapshot(w, event);
	case VSS_DISK_WHOLE:
		w->whole = true;
		return 0;
	default:
		return 0;
	}
}

/* Does a block tell that the one at the end was written, and is not there? */
static bool is_witness(struct walk *w, const struct vss_disk_log *head)
{
	if (!head || !is_block(w->log, head))
		return false;
	return le64_to_cpu(head->super_seq) > le64_to_cpu(w->log->super->seq) ||
		(le64_to_cpu(head->seq) > w->seq &&
		 le64_to_cpu(head->flushed) > w->seq);
}

static bool has_hole(struct walk *w)
{
	u32 i;

	for (i = w->index + 1; i < w->log->half_blocks; i++) {
		if (is_witness(w, read_block(w, w->half, i)))
			return true;
		cond_resched();
	}
	for (i = 0; i < w->log->half_blocks; i++) {
		if (is_witness(w, read_block(w, !w->half, i)))
			return true;
		cond_resched();
	}
	return false;
}

/* The first walk: 0, or -EBADMSG. */
static int find_end(struct walk *w, u64 *durable)
{
	const struct vss_disk_super *super = w->log->super;
	bool clean = le32_to_cpu(super->state) == VSS_DISK_CLEAN;
	int err;

	while (next_group(w)) {
		err = advance(w);
		if (err)
			return err;
		cond_resched();
	}
	*durable = w->flushed;
	/*
	 * What cannot be read may have been written: then writes have gone.  Unless
	 * the log ends there, and no newer superblock says otherwise.
	 */
	if (w->unreadable && (!clean || w->log->parts[0]->damaged))
		return -EBADMSG;
	if (w->newer || w->flushed > w->seq || has_hole(w))
		return -EBADMSG;
	if (clean && le64_to_cpu(super->log_end) != w->seq)
		return -EBADMSG;
	/* Whoever detached in order has waited for all. */
	if (clean)
		*durable = w->seq;
	return 0;
}

static int replay(struct walk *w, u64 durable, u64 end)
{
	int err = 0;

	while (w->seq < end && !err) {
		if (!next_group(w))
			return -EBADMSG;
		/* What may not have been flushed counts only with its data. */
		if (w->seq + w->nr > durable) {
			err = walk_entries(w, check_content);
			if (err)
				return err == -EIO ? -EBADMSG : 0;
		}
		err = walk_entries(w, carry_out);
		if (!err)
			err = advance(w);
		cond_resched();
	}
	return err;
}

/**
 * vss_log_replay() - fill the volume's map and snapshots from the log
 * @log:	the log, its superblock checked; knows afterwards where to go on
 * @epoch:	set to that of the newest snapshot it tells of, 0: none
 * @lost:	set to VSS_LOST_DAMAGED if the log is damaged
 *
 * Return: 0 or a negative errno: it could not be read for want of memory.
 */
int vss_log_replay(struct vss_log *log, u32 *epoch, enum vss_lost_reason *lost)
{
	unsigned int order = get_order(1U << log->vol->chunk_shift);
	struct walk w = { .log = log };
	u64 durable = 0, end;
	int err = -ENOMEM;

	w.window = (void *)__get_free_pages(GFP_KERNEL, VSS_LOG_ORDER);
	w.data = (void *)__get_free_pages(GFP_KERNEL, order);
	w.owners = kcalloc(VSS_DISK_MAX_SNAPSHOTS, sizeof(*w.owners),
			   GFP_KERNEL);
	if (!w.window || !w.data || !w.owners)
		goto out;
	init_seen(&w);

	begin_walk(&w);
	err = find_end(&w, &durable);
	end = w.seq;
	if (err)
		*lost = VSS_LOST_DAMAGED;
	/* Damaged or not: whose snapshots they were is to be told. */
	begin_walk(&w);
	err = replay(&w, durable, end);
	log->half = w.half;
	log->index = w.index;
	log->seq = w.seq;
	log->half_first = w.half_first;
	log->rewriting = !w.whole;
	/* The last group may name slots that are free, and has no witness. */
	log->bare = true;
	log->recycled = true;
	*epoch = w.epoch;
	if (err == -EBADMSG) {
		*lost = VSS_LOST_DAMAGED;
		err = 0;
	}
out:
	kvfree(w.seen);
	kfree(w.owners);
	free_pages((unsigned long)w.window, VSS_LOG_ORDER);
	free_pages((unsigned long)w.data, order);
	return err;
}

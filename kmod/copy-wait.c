// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes that wait for copies: which chunks need one, and making these; copies and
 * writes that starve for room or memory; operations without data.
 *
 * Owned here: vss_copier.bios and @starved, under vss_copier.lock, with the work that
 * goes on with what is in them; and the work that gives up when the diff area does not
 * answer.  A copy is made, and a write put on it, under the lock of its shard;
 * vss_volume.snap_lock is taken within that, vss_copier.lock never is.
 */
#include <linux/blkdev.h>
#include <linux/moduleparam.h>
#include <linux/vss_disk.h>

#include "copy-internal.h"
#include "snapshot.h"
#include "volume.h"

/* Operations without data are worked on in windows, so that none takes long. */
#define WINDOW_SECTORS		(1U << (20 - SECTOR_SHIFT))
#define RETRY_DELAY		msecs_to_jiffies(10)
/* Adjacent copies are read at once, up to so many chunks. */
#define READ_CHUNKS		64U
#define READ_GROUPS		(READ_CHUNKS / VSS_GROUP_CHUNKS)

/**
 * struct vss_front - the front of an operation without data
 * @vol:	the volume that cut it off
 * @rest:	what it was cut off, which ends after it
 * @bio:	the front
 */
struct vss_front {
	struct vss_volume	*vol;
	struct bio		*rest;
	struct bio		bio;
};

unsigned int vss_stall_seconds = 30;
module_param_named(stall_seconds, vss_stall_seconds, uint, 0644);
MODULE_PARM_DESC(stall_seconds,
		 "drop the snapshots of a volume when writes have waited so long for its diff area");

/* ---- what needs a copy ---- */

/**
 * vss_range_init() - the chunks that a bio touches
 * @range:	set
 * @vol:	the volume
 * @sector:	the bio's first sector on the disk
 * @nr:		its length; at least one sector must lie on the volume
 */
void vss_range_init(struct vss_range *range, const struct vss_volume *vol,
		    sector_t sector, sector_t nr)
{
	sector_t first = max(sector, vol->start) - vol->start;
	sector_t last = min(sector + nr, vol->start + vol->nr_sectors) -
			vol->start - 1;

	range->first = vss_sector_to_chunk(vol, first);
	range->last = vss_sector_to_chunk(vol, last);
	range->head = first < VSS_DISK_HEAD_SIZE >> SECTOR_SHIFT;
}

static u32 group_of(u64 chunk)
{
	return chunk >> VSS_GROUP_SHIFT;
}

/* The chunks of a group that lie in the range. */
static u16 group_mask(const struct vss_range *range, u32 group)
{
	u64 base = (u64)group << VSS_GROUP_SHIFT;
	unsigned int lo = 0, hi = VSS_GROUP_CHUNKS - 1;

	if (range->first > base)
		lo = range->first - base;
	if (range->last < base + hi)
		hi = range->last - base;
	return GENMASK(hi, lo);
}

/**
 * vss_copy_is_safe() - may the range be written without a copy?
 * @vol:	the volume
 * @range:	the chunks
 *
 * Takes no lock, any context.  Binding only for a write that is counted by the
 * gate and not held: then no snapshot can be taken meanwhile.  For another one
 * it tells what is likely.
 *
 * Return: true if no snapshot needs what is there.
 */
bool vss_copy_is_safe(const struct vss_volume *vol,
		      const struct vss_range *range)
{
	u32 g = group_of(range->first), last = group_of(range->last), gen;

	if (!READ_ONCE(vol->live))
		return true;
	gen = READ_ONCE(vol->gen);
	/* Nearly all writes, so at little cost. */
	if (g == last) {
		u16 mask = GENMASK(range->last % VSS_GROUP_CHUNKS,
				   range->first % VSS_GROUP_CHUNKS);

		return !(mask & ~vss_safebits_get(&vol->safe, g, gen));
	}
	for (; g <= last; g++) {
		u16 mask = group_mask(range, g);

		if ((vss_safebits_get(&vol->safe, g, gen) & mask) != mask)
			return false;
	}
	return true;
}

/**
 * vss_copy_is_covered() - the same, by asking the map
 * @vol:	the volume
 * @range:	the chunks
 *
 * For when there was no memory for the bits.  Process context.
 *
 * Return: true if no snapshot needs what is there.
 */
bool vss_copy_is_covered(struct vss_volume *vol, const struct vss_range *range)
{
	u32 g;

	for (g = group_of(range->first); g <= group_of(range->last); g++) {
		struct vss_shard *shard = vss_map_shard(&vol->map, g);
		u16 mask = group_mask(range, g);
		struct vss_snapshot *live;
		bool covered;

		spin_lock(&shard->lock);
		live = READ_ONCE(vol->live);
		covered = !live || vss_map_covered(shard, g, mask,
						   live->epoch) == mask;
		spin_unlock(&shard->lock);
		if (!covered)
			return false;
	}
	return true;
}

/* ---- copies are made, and writes wait for them ---- */

/* The copy waits for something, or has not been tried yet. */
static void starve(struct vss_copy *copy, bool tried)
{
	struct vss_volume *vol = copy->vol;
	struct vss_copier *copier = &vol->copier;

	spin_lock(&copier->lock);
	if (list_empty(&copier->starved))
		WRITE_ONCE(copier->progress, jiffies);
	list_add_tail(&copy->list, &copier->starved);
	spin_unlock(&copier->lock);
	/* Whatever came back before we were in the list has kicked in vain. */
	if (tried)
		queue_delayed_work(vol->wq, &copier->copy_work, RETRY_DELAY);
	else
		vss_copier_kick(vol);
}

/* Read copies that were just begun, or have them wait for what they lack. */
static void start_copies(struct vss_volume *vol, struct list_head *started,
			 bool direct)
{
	struct vss_copy *copy, *next;
	LIST_HEAD(ready);

	list_for_each_entry_safe(copy, next, started, list) {
		bool try = direct && list_empty_careful(&vol->copier.starved);

		if (try && vss_copy_get_resources(copy)) {
			list_move_tail(&copy->list, &ready);
			continue;
		}
		list_del_init(&copy->list);
		starve(copy, try);
	}
	vss_copies_read(&ready);
}

/*
 * Make what copies a group needs, to be started by the caller.  @waiter, if
 * there is one, is put on the last copy that touches @mask and is not ready:
 * -EINPROGRESS.  -ENOMEM: not all copies were made.  0: nothing to wait for
 * here.
 */
static int make_copies(struct vss_volume *vol, u32 group, u16 mask,
		       struct bio *waiter, struct list_head *started)
{
	struct vss_shard *shard = vss_map_shard(&vol->map, group);
	struct hlist_head *head = vss_map_copies(shard, group);
	struct vss_copy *copy, *last = NULL;
	struct vss_snapshot *live;
	unsigned long need;
	u32 gen, live_back;
	u16 unsafe, known;
	int ret = 0;

	spin_lock(&shard->lock);
	/*
	 * As one: a copy that took the @live of before for that of @live_back
	 * would be published although writes have passed that it missed.
	 */
	spin_lock(&vol->snap_lock);
	gen = vol->gen;
	live_back = vol->live_back;
	live = vol->live;
	spin_unlock(&vol->snap_lock);
	if (!live)
		goto out;
	unsafe = mask & ~vss_safebits_get(&vol->safe, group, gen);
	if (!unsafe)
		goto out;
	known = vss_map_covered(shard, group, unsafe, live->epoch);
	if (known) {
		vss_safebits_set(&vol->safe, group, known, gen);
		unsafe &= ~known;
	}

	need = unsafe;
	hlist_for_each_entry(copy, head, node) {
		if (copy->group == group && copy->state == VSS_COPY_READING &&
		    (vss_copy_mask(copy) & unsafe)) {
			need &= ~vss_copy_mask(copy);
			last = copy;
		}
	}
	while (need) {
		unsigned int first = __ffs(need);
		unsigned int n = ffz(need >> first);

		n = min(n, vol->copier.max_run);
		copy = vss_copy_alloc(vol, group, first, n);
		if (!copy) {
			ret = -ENOMEM;
			break;
		}
		copy->live_back = live_back;
		hlist_add_head(&copy->node, head);
		list_add_tail(&copy->list, started);
		need &= ~vss_copy_mask(copy);
		last = copy;
	}
	if (last && waiter) {
		bio_list_add(&last->waiters, waiter);
		ret = -EINPROGRESS;
	}
out:
	spin_unlock(&shard->lock);
	return ret;
}

/* A write waits for memory to make the first copy with. */
static void queue_bio(struct vss_volume *vol, struct bio *bio,
		      unsigned long delay)
{
	struct vss_copier *copier = &vol->copier;

	spin_lock(&copier->lock);
	bio_list_add(&copier->bios, bio);
	spin_unlock(&copier->lock);
	if (delay)
		queue_delayed_work(vol->wq, &copier->copy_work, delay);
	else
		vss_copier_kick(vol);
}

static void release_one(struct vss_volume *vol, struct bio *bio)
{
	struct bio_list one = BIO_EMPTY_LIST;

	bio_list_add(&one, bio);
	vss_gate_release(vol, &one);
}

static void start_range(struct vss_volume *vol, struct bio *bio,
			const struct vss_range *range, bool direct)
{
	u32 first = group_of(range->first), last = group_of(range->last), g;
	bool starved = false;
	LIST_HEAD(started);
	int ret;

	for (g = first; ; g++) {
		ret = make_copies(vol, g, group_mask(range, g),
				  g == last ? bio : NULL, &started);
		/* As many as one read takes, so that none waits for long. */
		if (g == last || (g - first + 1) % READ_GROUPS == 0)
			start_copies(vol, &started, direct);
		if (ret == -EINPROGRESS)
			return;		/* only the last group can say so */
		if (ret)
			starved = true;
		if (g == last)
			break;
	}

	/* The last group is ready: wait for whichever other is not. */
	for (g = first; g != last; g++) {
		ret = make_copies(vol, g, group_mask(range, g), bio, &started);
		start_copies(vol, &started, direct);
		if (ret == -EINPROGRESS)
			return;
		if (ret)
			starved = true;
	}
	if (starved)
		queue_bio(vol, bio, RETRY_DELAY);
	else
		release_one(vol, bio);
}

/**
 * vss_copy_wait() - have a write wait until its chunks are copied
 * @vol:	the volume; the caller keeps it
 * @bio:	the write; given to the copier, which releases it at the gate
 * @range:	the chunks it touches
 * @direct:	the origin may be read right here, in the submitter's context
 *
 * Does not sleep longer than a submission does.
 */
void vss_copy_wait(struct vss_volume *vol, struct bio *bio,
		   const struct vss_range *range, bool direct)
{
	/*
	 * Below another driver's submission our read would only be put on the
	 * list of bios that waits for its return.
	 */
	if ((bio->bi_opf & REQ_NOWAIT) || vss_plug_nowait() ||
	    current->bio_list)
		direct = false;

	bio->bi_opf &= ~REQ_NOWAIT;
	if (bio_op(bio) == REQ_OP_WRITE)
		start_range(vol, bio, range, direct);
	else
		queue_bio(vol, bio, 0);
}

/* ---- operations without data ---- */

static sector_t bio_start(struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector;

	if (!bio_flagged(bio, BIO_REMAPPED))
		sector += bio->bi_bdev->bd_start_sect;
	return sector;
}

static void front_end_io(struct bio *bio)
{
	struct vss_front *front = container_of(bio, struct vss_front, bio);
	struct vss_volume *vol = front->vol;
	struct bio *rest = front->rest;

	if (bio->bi_status && !rest->bi_status)
		rest->bi_status = bio->bi_status;
	bio_uninit(bio);
	mempool_free(front, &vol->copier.fronts);
	bio_endio(rest);
	vss_gate_forget(vol);
}

/*
 * Cut the front off an operation without data and send it on its own way.  Not
 * by bio_split(): without leave to sleep it does not take from a bio set's
 * reserve on later kernels, and what it returns then differs.
 */
static bool split_front(struct vss_volume *vol, struct bio *bio,
			unsigned int sectors)
{
	struct vss_front *front;
	struct bio *split;

	front = mempool_alloc(&vol->copier.fronts, GFP_NOWAIT | __GFP_NOWARN);
	if (!front)
		return false;
	split = &front->bio;
	if (bio_init_clone(bio->bi_bdev, split, bio, GFP_NOWAIT)) {
		mempool_free(front, &vol->copier.fronts);
		return false;
	}
	split->bi_iter.bi_size = sectors << SECTOR_SHIFT;
	bio_advance(bio, split->bi_iter.bi_size);
	if (bio_flagged(bio, BIO_TRACE_COMPLETION))
		bio_set_flag(split, BIO_TRACE_COMPLETION);
	front->vol = vol;
	front->rest = bio;
	split->bi_end_io = front_end_io;
	bio_inc_remaining(bio);

	/* The volume stays until the front is back, wherever that goes. */
	vss_gate_claim(vol);
	vss_gate_claim(vol);
	release_one(vol, split);
	return true;
}

/*
 * A discard is a hint.  To copy for it would copy all the free space at each
 * fstrim; so what a snapshot still needs is left undone, the rest is done.
 */
static void work_on_discard(struct vss_volume *vol, struct bio *bio)
{
	while (bio_sectors(bio)) {
		sector_t sector = bio_start(bio);
		sector_t end = sector + bio_sectors(bio);
		sector_t vol_end = vol->start + vol->nr_sectors, stop;
		struct vss_range range;
		bool safe;

		if (end <= vol->start || sector >= vol_end) {
			/* Outside this volume: for others to judge. */
			release_one(vol, bio);
			return;
		}
		if (sector < vol->start) {
			safe = true;
			stop = vol->start;
		} else {
			u64 c = vss_sector_to_chunk(vol, sector - vol->start);
			u64 last = vss_sector_to_chunk(vol, min(end, vol_end) -
						       1 - vol->start);

			range.first = c;
			range.last = c;
			safe = vss_copy_is_safe(vol, &range);
			while (c < last) {
				range.first = c + 1;
				range.last = c + 1;
				if (vss_copy_is_safe(vol, &range) != safe)
					break;
				c++;
			}
			stop = min(vol_end, vol->start +
				   vss_chunk_to_sector(vol, c + 1));
		}
		stop = min(stop, end);
		if (!safe) {
			bio_advance(bio, (stop - sector) << SECTOR_SHIFT);
			continue;
		}
		if (stop == end) {
			release_one(vol, bio);
			return;
		}
		if (!split_front(vol, bio, stop - sector)) {
			queue_bio(vol, bio, RETRY_DELAY);
			return;
		}
	}
	bio_endio(bio);
	vss_gate_forget(vol);
}

/* What of the sectors lies on the volume; false: nothing. */
static bool clip(struct vss_range *range, const struct vss_volume *vol,
		 sector_t sector, sector_t nr)
{
	if (sector >= vol->start + vol->nr_sectors ||
	    sector + nr <= vol->start)
		return false;
	vss_range_init(range, vol, sector, nr);
	return true;
}

/*
 * An operation that writes without data may be huge.  It waits for the copies
 * of its first window only; when these are made, that is cut off and sent.
 */
static void work_on_window(struct vss_volume *vol, struct bio *bio)
{
	struct vss_range range;
	unsigned int n;

	for (;;) {
		n = min(bio_sectors(bio), WINDOW_SECTORS);
		if (clip(&range, vol, bio_start(bio), n) &&
		    !vss_copy_is_safe(vol, &range) &&
		    !vss_copy_is_covered(vol, &range)) {
			start_range(vol, bio, &range, true);
			return;
		}
		if (n == bio_sectors(bio)) {
			release_one(vol, bio);
			return;
		}
		if (!split_front(vol, bio, n)) {
			queue_bio(vol, bio, RETRY_DELAY);
			return;
		}
	}
}

/* ---- what starves ---- */

static void work_on(struct vss_volume *vol, struct bio *bio)
{
	struct vss_range range;

	if (bio_op(bio) == REQ_OP_DISCARD) {
		work_on_discard(vol, bio);
	} else if (bio_op(bio) != REQ_OP_WRITE) {
		work_on_window(vol, bio);
	} else {
		vss_range_init(&range, vol, bio_start(bio), bio_sectors(bio));
		start_range(vol, bio, &range, true);
	}
}

/* Nobody needs this copy any more, and nothing was read for it. */
static void cancel_starved(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	struct bio_list waiters;

	spin_lock(&shard->lock);
	hlist_del(&copy->node);
	waiters = copy->waiters;
	spin_unlock(&shard->lock);

	if (copy->has_room)
		vss_area_unreserve(&vol->area, copy->n);
	vss_copy_free(copy);
	vss_gate_release(vol, &waiters);
}

static void copy_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, copy_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct vss_copy *copy;
	struct bio_list todo;
	struct blk_plug plug;
	unsigned int n = 0;
	LIST_HEAD(ready);
	struct bio *bio;

	blk_start_plug(&plug);
	for (;;) {
		bool cancel = !READ_ONCE(vol->live);

		/*
		 * Only this work removes copies, so the first one stays.  It
		 * stays in the list while we try, so that whoever gives back
		 * what it lacks finds the list not empty and kicks.
		 */
		spin_lock(&copier->lock);
		copy = list_first_entry_or_null(&copier->starved,
						struct vss_copy, list);
		spin_unlock(&copier->lock);
		if (!copy)
			break;
		if (!cancel && !vss_copy_get_resources(copy)) {
			queue_delayed_work(vol->wq, &copier->stall_work, HZ);
			break;
		}

		spin_lock(&copier->lock);
		list_del_init(&copy->list);
		spin_unlock(&copier->lock);
		if (cancel) {
			cancel_starved(copy);
			continue;
		}
		list_add_tail(&copy->list, &ready);
		n += copy->n;
		if (n >= READ_CHUNKS) {
			vss_copies_read(&ready);
			n = 0;
		}
	}
	vss_copies_read(&ready);

	/*
	 * New copies only while nothing starves: the queue stays short.  Those
	 * that come back for want of memory wait for their delay to end.
	 */
	bio_list_init(&todo);
	spin_lock(&copier->lock);
	if (list_empty(&copier->starved)) {
		bio_list_merge(&todo, &copier->bios);
		bio_list_init(&copier->bios);
	}
	spin_unlock(&copier->lock);
	while (list_empty_careful(&copier->starved)) {
		bio = bio_list_pop(&todo);
		if (!bio)
			break;
		work_on(vol, bio);
		cond_resched();
	}
	blk_finish_plug(&plug);
	if (bio_list_empty(&todo))
		return;
	spin_lock(&copier->lock);
	bio_list_merge_head(&copier->bios, &todo);
	spin_unlock(&copier->lock);
	/* What starves may have been served meanwhile. */
	vss_copier_kick(vol);
}

/* A diff area that hangs must not hold the origin's writes for ever. */
static void stall_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, stall_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	unsigned long end = READ_ONCE(copier->progress) +
			    vss_stall_seconds * HZ;

	if (list_empty_careful(&copier->starved))
		return;
	/*
	 * If nothing is being stored, nor a slot waited for that is being
	 * written, it is the origin that is slow.
	 */
	if ((atomic_read(&copier->storing) || READ_ONCE(vol->area.dying)) &&
	    time_after(jiffies, end))
		vss_snapshots_lose(vol, VSS_LOST_STALLED);
	vss_copier_kick(vol);	/* comes back here while it starves */
}

/**
 * vss_copier_wants() - slots that the first starved copy waits for
 * @vol:	the volume
 *
 * Return: number of slots, 0: room is not what is lacking.
 */
u32 vss_copier_wants(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;
	struct vss_copy *copy;
	u32 n = 0;

	spin_lock(&copier->lock);
	copy = list_first_entry_or_null(&copier->starved, struct vss_copy,
					list);
	if (copy && !copy->has_room)
		n = copy->n;
	spin_unlock(&copier->lock);
	return n;
}

/**
 * vss_copy_wait_init() - set up a volume's queues of what waits
 * @vol:	the volume
 *
 * Return: 0 or -ENOMEM; then vss_copy_wait_destroy() is to be called all the same.
 */
int vss_copy_wait_init(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	bio_list_init(&copier->bios);
	INIT_LIST_HEAD(&copier->starved);
	INIT_DELAYED_WORK(&copier->copy_work, copy_work);
	INIT_DELAYED_WORK(&copier->stall_work, stall_work);
	return mempool_init_kmalloc_pool(&copier->fronts, 4,
					 sizeof(struct vss_front));
}

/**
 * vss_copy_wait_destroy() - free what vss_copy_wait_init() made
 * @vol:	the volume
 */
void vss_copy_wait_destroy(struct vss_volume *vol)
{
	mempool_exit(&vol->copier.fronts);
}

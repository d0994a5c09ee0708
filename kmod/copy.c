// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copy-before-write: the way of a chunk's old content from the origin to the
 * diff area.
 *
 *   write waits     -> vss_copy_wait(): which chunks need a copy?  start them
 *   origin is read  -> read_done(), in interrupt
 *   read_work       -> publish(): in the map and in memory; the write goes
 *   store_work      -> the content goes to the diff area, behind the write
 *   stored_work     -> forget(): memory is free again
 *
 * A write is submitted by the work that has published its copies: to hand it to
 * another one would cost as much as all of that.  What a release may have to
 * wait for (see vss_gate_release_here()) holds up neither the reads of copies,
 * which have been sent already, nor their way to the diff area.
 *
 * The rule that all readers of images rely on: a write is submitted to the
 * origin only after the copies of its chunks are published (or the snapshots
 * that need them are marked as lost).  A copy gets the tag of the newest
 * snapshot at the time when it is published, not when it is read: no write was
 * let through in between, so the content is that of the newest instant too.
 * That holds while the newest snapshot is only ever replaced by a newer one;
 * when it is removed, an older one may have a copy of the chunk, and writes pass.
 * So a copy that was begun before a removal is thrown away, and the waiting
 * writes are judged anew.
 *
 * Nothing here sleeps for memory or room.  What cannot be had now makes the
 * copy starve in a queue, and whoever gives something back kicks the queue;
 * pools see to it that one copy can always be made.  Only for its place in the map
 * there is no such promise: a copy comes again for that, and the snapshots are lost
 * when it has come in vain for long.
 */
#include <linux/blk-cgroup.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "copy.h"
#include "event.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

#define MAX_COPY_PAGES		256U
/* Operations without data are worked on in windows, so that none takes long. */
#define WINDOW_SECTORS		(1U << (20 - SECTOR_SHIFT))
#define RETRY_DELAY		msecs_to_jiffies(10)
/* Adjacent copies are read at once, up to so many chunks. */
#define READ_CHUNKS		64U
#define READ_GROUPS		(READ_CHUNKS / VSS_GROUP_CHUNKS)
/* Content in pages of this order, where they are to be had without effort. */
#define MAX_VEC_ORDER		3U
#define GFP_BIG			(__GFP_NOWARN | __GFP_NOMEMALLOC | __GFP_NORETRY | \
				 __GFP_COMP)
/* So much of it is kept for the next copies, as long as it is needed. */
#define SPARE_BYTES		SZ_4M
#define TRIM_DELAY		HZ
/* A CPU that was idle has begun to work within that. */
#define LATE_DELAY		msecs_to_jiffies(20)
/* Copies in flight end within that, unless a device hangs. */
#define SETTLE_TIMEOUT		HZ
/* In the submitter's context, which may be reclaim: leave the last reserves. */
#define GFP_COPY		(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)
/* All volumes together may use this part of the machine's memory. */
#define MEMORY_SHARE		8

static atomic64_t all_used = ATOMIC64_INIT(0);

/**
 * struct vss_front - the front of an operation without data
 * @vol:	the volume that cut it off
 * @end_io:	its bi_end_io, of the chain to the rest
 * @private:	its bi_private
 * @bio:	the front; must be the last member
 */
struct vss_front {
	struct vss_volume	*vol;
	bio_end_io_t		*end_io;
	void			*private;
	struct bio		bio;
};

/**
 * struct vss_read - a read of adjacent copies
 * @first:	the first copy in it, the others follow by @next
 * @bio:	the read; must be the last member
 */
struct vss_read {
	struct vss_copy	*first;
	struct bio	bio;
};

unsigned int vss_stall_seconds = 30;
module_param_named(stall_seconds, vss_stall_seconds, uint, 0644);
MODULE_PARM_DESC(stall_seconds,
		 "drop the snapshots of a volume when writes have waited so long for its diff area");

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

static u16 copy_mask(const struct vss_copy *copy)
{
	return GENMASK(copy->first + copy->n - 1, copy->first);
}

/**
 * vss_copy_find() - find a copy in memory by its slot
 * @shard:	the group's shard, locked
 * @group:	the group
 * @chunk:	the chunk within the group
 * @slot:	the slot that the map names for it
 *
 * Return: the copy, to be kept with its @refs before the lock is dropped, or
 * NULL: the content is in the slot.
 */
struct vss_copy *vss_copy_find(struct vss_shard *shard, u32 group,
			       unsigned int chunk, u32 slot)
{
	struct vss_copy *copy;

	lockdep_assert_held(&shard->lock);
	hlist_for_each_entry(copy, vss_map_copies(shard, group), node) {
		if (copy->group == group &&
		    copy->state == VSS_COPY_PUBLISHED &&
		    (copy_mask(copy) & BIT(chunk)) &&
		    copy->slots[chunk - copy->first] == slot)
			return copy;
	}
	return NULL;
}

/**
 * vss_copies_doom() - nobody needs a shard's copies in memory any more
 * @shard:	the shard, locked, to be emptied next
 *
 * Their slots come back when their writes, which may be under way, have ended.
 *
 * Return: how many slots that are.
 */
unsigned int vss_copies_doom(struct vss_shard *shard)
{
	unsigned int b, i, dying = 0;
	struct vss_copy *copy;

	lockdep_assert_held(&shard->lock);
	for (b = 0; b < VSS_COPY_BUCKETS; b++) {
		hlist_for_each_entry(copy, &shard->copies[b], node) {
			if (copy->state != VSS_COPY_PUBLISHED)
				continue;
			for (i = 0; i < copy->n; i++) {
				unsigned int c = copy->first + i;

				/* What could not be read is dead from the start. */
				if (copy->dead & BIT(c))
					continue;
				/* Or its slot would be freed twice. */
				WARN_ON_ONCE(!vss_map_forget(shard, copy->group,
							     c, copy->slots[i]));
				copy->dead |= BIT(c);
				dying++;
			}
		}
	}
	return dying;
}

/**
 * vss_copy_page() - a page of a copy's content
 * @copy:	the copy
 * @chunk:	chunk within the group
 * @offset:	byte within the chunk
 *
 * Return: the page that holds the byte.
 */
struct page *vss_copy_page(struct vss_copy *copy, unsigned int chunk,
			   unsigned int offset)
{
	u64 byte = ((u64)(chunk - copy->first) << copy->vol->chunk_shift) +
		   offset;

	return copy->vecs[byte >> copy->vec_shift].bv_page +
		((byte & ((1U << copy->vec_shift) - 1)) >> PAGE_SHIFT);
}

static size_t copy_size(const struct vss_volume *vol, unsigned int n)
{
	return struct_size_t(struct vss_copy, vecs,
			     (size_t)n << (vol->chunk_shift - PAGE_SHIFT));
}

static void free_copy(struct vss_copy *copy)
{
	if (copy->pooled)
		mempool_free(copy, &copy->vol->copier.pool);
	else
		kfree(copy);
}

static struct vss_copy *alloc_copy(struct vss_volume *vol, u32 group,
				   unsigned int first, unsigned int n)
{
	struct vss_copy *copy;
	bool pooled = false;

	copy = kmalloc(copy_size(vol, n), GFP_COPY);
	if (!copy) {
		n = 1;
		pooled = true;
		copy = mempool_alloc(&vol->copier.pool, GFP_COPY);
		if (!copy)
			return NULL;
	}
	memset(copy, 0, sizeof(*copy));
	copy->vol = vol;
	refcount_set(&copy->refs, 1);
	copy->state = VSS_COPY_READING;
	copy->group = group;
	copy->first = first;
	copy->n = n;
	copy->pooled = pooled;
	bio_list_init(&copy->waiters);
	return copy;
}

static unsigned int nr_vecs(const struct vss_copy *copy)
{
	return DIV_ROUND_UP(copy->bytes, 1U << copy->vec_shift);
}

/* The order of pages that chunks have their content in, if possible. */
static unsigned int vec_order(const struct vss_volume *vol)
{
	return min(vol->chunk_shift - PAGE_SHIFT, MAX_VEC_ORDER);
}

static struct page *get_spare(struct vss_copier *copier)
{
	struct page *page;

	spin_lock(&copier->spare_lock);
	page = list_first_entry_or_null(&copier->spare, struct page, lru);
	if (page) {
		list_del(&page->lru);
		copier->nr_spare--;
		copier->low_spare = min(copier->low_spare, copier->nr_spare);
	}
	spin_unlock(&copier->spare_lock);
	return page;
}

/* Keep pages of vec_order(), or free them. */
static void put_spare(struct vss_volume *vol, struct page *page)
{
	struct vss_copier *copier = &vol->copier;
	unsigned int order = vec_order(vol);
	bool keep;

	spin_lock(&copier->spare_lock);
	keep = copier->nr_spare < SPARE_BYTES >> (PAGE_SHIFT + order);
	if (keep) {
		list_add(&page->lru, &copier->spare);
		copier->nr_spare++;
	}
	spin_unlock(&copier->spare_lock);
	if (keep)
		queue_delayed_work(vol->store_wq, &copier->trim_work,
				   TRIM_DELAY);
	else
		__free_pages(page, order);
}

/* Free spare pages until @keep are left; returns how many there are. */
static u32 trim(struct vss_volume *vol, u32 keep)
{
	struct vss_copier *copier = &vol->copier;
	struct page *page, *next;
	LIST_HEAD(list);
	u32 left;

	spin_lock(&copier->spare_lock);
	while (copier->nr_spare > keep) {
		list_move(copier->spare.prev, &list);
		copier->nr_spare--;
	}
	left = copier->nr_spare;
	copier->low_spare = left;
	spin_unlock(&copier->spare_lock);
	list_for_each_entry_safe(page, next, &list, lru)
		__free_pages(page, vec_order(vol));
	return left;
}

/* What lay there unused since the last time is not needed. */
static void trim_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, trim_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	u32 nr, low;

	spin_lock(&copier->spare_lock);
	nr = copier->nr_spare;
	low = min(nr, copier->low_spare);
	spin_unlock(&copier->spare_lock);
	if (trim(vol, nr - low))
		queue_delayed_work(vol->store_wq, &copier->trim_work,
				   TRIM_DELAY);
}

/**
 * vss_copier_memory() - bytes of memory that the content of copies takes
 * @vol:	the volume
 *
 * Return: bytes.
 */
u64 vss_copier_memory(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	return atomic64_read(&copier->used) +
		((u64)READ_ONCE(copier->nr_spare) <<
		 (PAGE_SHIFT + vec_order(vol)));
}

static void free_vecs(struct vss_copy *copy, unsigned int nr)
{
	struct vss_copier *copier = &copy->vol->copier;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (copy->vec_shift > PAGE_SHIFT)
			put_spare(copy->vol, copy->vecs[i].bv_page);
		else
			mempool_free(copy->vecs[i].bv_page, &copier->pages);
	}
}

/* Pages for the copy's content, each of @order: all or none. */
static bool alloc_vecs(struct vss_copy *copy, unsigned int bytes,
		       unsigned int order)
{
	struct vss_copier *copier = &copy->vol->copier;
	unsigned int size = PAGE_SIZE << order, i;

	copy->vec_shift = PAGE_SHIFT + order;
	for (i = 0; i < DIV_ROUND_UP(bytes, size); i++) {
		struct page *page;

		if (order)
			page = get_spare(copier) ?: alloc_pages(GFP_BIG, order);
		else
			page = mempool_alloc(&copier->pages, GFP_COPY);
		if (!page) {
			free_vecs(copy, i);
			return false;
		}
		copy->vecs[i].bv_page = page;
		copy->vecs[i].bv_offset = 0;
		copy->vecs[i].bv_len = min(size, bytes - i * size);
	}
	return true;
}

static void uncharge(struct vss_copier *copier, unsigned int bytes)
{
	atomic64_sub(bytes, &all_used);
	if (!atomic64_sub_return(bytes, &copier->used))
		wake_up(&copier->quiet);
}

/*
 * Give a reference back; true: copies may have waited for that.  Under RCU: the
 * volume may go once nothing is in use.
 */
static bool put_copy(struct vss_copy *copy)
{
	struct vss_copier *copier = &copy->vol->copier;

	if (!refcount_dec_and_test(&copy->refs))
		return false;
	if (copy->bytes)
		free_vecs(copy, nr_vecs(copy));
	uncharge(copier, copy->bytes);
	free_copy(copy);
	return !list_empty_careful(&copier->starved) ||
		!bio_list_empty(&copier->bios);
}

/**
 * vss_copy_put() - give a reference to a copy back
 * @copy:	the copy
 */
void vss_copy_put(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;

	rcu_read_lock();
	if (put_copy(copy))
		vss_copier_kick(vol);
	rcu_read_unlock();
}

/**
 * vss_copier_kick() - something that copies may have waited for came back
 * @vol:	the volume
 */
void vss_copier_kick(struct vss_volume *vol)
{
	mod_delayed_work(vol->wq, &vol->copier.copy_work, 0);
}

static void copy_read(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	struct vss_copier *copier = &vol->copier;

	/*
	 * Once it is in the list, the copy is not ours any more.  A work that
	 * was queued for others may be done with it at once.
	 */
	rcu_read_lock();
	if (!llist_add(&copy->done, &copier->read)) {
		/* Whoever found the list empty has queued a work. */
	} else if (!is_idle_task(current)) {
		queue_work(vol->wq, &copier->read_work);
	} else {
		/*
		 * An idle CPU does the rest itself: to wake another one takes
		 * longer.  A busy one has its own to do; so it may become, by a
		 * task that lets no other run, and then the late work does it.
		 */
		queue_work(vol->near_wq, &copier->read_work);
		queue_delayed_work(vol->wq, &copier->late_work, LATE_DELAY);
	}
	rcu_read_unlock();
}

/* Irq: the origin has answered. */
static void read_done(struct bio *bio)
{
	copy_read(container_of(bio, struct vss_copy, bio));
}

/* The same for a read of several copies. */
static void run_done(struct bio *bio)
{
	struct vss_copy *copy = container_of(bio, struct vss_read, bio)->first;
	blk_status_t status = bio->bi_status;
	struct vss_copy *next;

	/* The volume, and its set of bios, may go when the last copy ended. */
	bio_put(bio);
	for (; copy; copy = next) {
		next = copy->next;
		copy->bio.bi_status = status;
		copy_read(copy);
	}
}

/**
 * vss_copy_stored() - the last store of a copy has ended
 * @copy:	the copy
 *
 * Any context.
 */
void vss_copy_stored(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;

	if (llist_add(&copy->done, &vol->copier.stored))
		queue_work(vol->store_wq, &vol->copier.stored_work);
}

/* Charge the copy's content and get its pages: all or nothing. */
static bool get_pages(struct vss_copy *copy, unsigned int bytes)
{
	struct vss_copier *copier = &copy->vol->copier;
	unsigned int order = vec_order(copy->vol);
	u64 used = atomic64_add_return(bytes, &copier->used);
	u64 all = atomic64_add_return(bytes, &all_used);

	/* One copy a volume may always be made, or nothing would go on. */
	if (used > bytes && (used > READ_ONCE(copier->memory) ||
			     all >> PAGE_SHIFT > totalram_pages() / MEMORY_SHARE))
		goto fail;
	if (!(order && alloc_vecs(copy, bytes, order)) &&
	    !alloc_vecs(copy, bytes, 0))
		goto fail;
	copy->bytes = bytes;
	return true;

fail:
	uncharge(copier, bytes);
	/* What waits for company on its way to the diff area: go now. */
	vss_store_kick(copy->vol);
	return false;
}

static u64 first_chunk(const struct vss_copy *copy)
{
	return ((u64)copy->group << VSS_GROUP_SHIFT) + copy->first;
}

/* Everything that a copy needs for its read.  What is there stays. */
static bool get_resources(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	sector_t sector = vss_chunk_to_sector(vol, first_chunk(copy));
	sector_t nr = min_t(sector_t, (sector_t)copy->n *
			    vss_chunk_sectors(vol), vol->nr_sectors - sector);

	if (!copy->has_room) {
		if (!vss_area_reserve(vol, copy->n)) {
			queue_work(vol->wq, &vol->copier.reap_work);
			return false;
		}
		copy->has_room = true;
	}
	return get_pages(copy, nr << SECTOR_SHIFT);
}

static void submit_read(struct vss_volume *vol, struct bio *bio)
{
	atomic64_inc(&vol->stats.copy_reads);
	/* Not on the writer's account: its limit must not hold up others. */
	bio_associate_blkg_from_css(bio, blkcg_root_css);
	submit_bio_noacct(bio);
}

/*
 * Read chunks @i to @i + @n - 1 of the copy from the origin.  From here on it
 * belongs to read_work.
 */
static void read_chunks(struct vss_copy *copy, unsigned int i, unsigned int n,
			blk_opf_t flags)
{
	struct vss_volume *vol = copy->vol;
	unsigned int skip = i << vol->chunk_shift;
	unsigned int bytes = min(n << vol->chunk_shift, copy->bytes - skip);
	unsigned int vecs = DIV_ROUND_UP(bytes, 1U << copy->vec_shift);
	struct bio *bio = &copy->bio;

	bio_init(bio, NULL, copy->vecs + (skip >> copy->vec_shift), vecs,
		 REQ_OP_READ | REQ_SYNC | flags);
	bio->bi_vcnt = vecs;
	bio->bi_iter.bi_size = bytes;
	bio->bi_iter.bi_sector = vss_chunk_to_sector(vol,
						     first_chunk(copy) + i);
	bio->bi_end_io = read_done;
	bio->bi_bdev = vol->bdev;
	submit_read(vol, bio);
}

/* Does @next begin where @copy ends? */
static bool are_adjacent(const struct vss_copy *copy,
			 const struct vss_copy *next)
{
	return first_chunk(copy) + copy->n == first_chunk(next);
}

/* The copies from @first on, by @next, in one read; false: no memory for it. */
static bool read_run(struct vss_copy *first, unsigned int vecs)
{
	struct vss_volume *vol = first->vol;
	struct vss_copy *copy;
	struct bio *bio;
	unsigned int i;

	bio = bio_alloc_bioset(vol->bdev, vecs, REQ_OP_READ | REQ_SYNC,
			       GFP_COPY, &vol->copier.read_bios);
	if (!bio)
		return false;
	container_of(bio, struct vss_read, bio)->first = first;
	bio->bi_iter.bi_sector = vss_chunk_to_sector(vol, first_chunk(first));
	bio->bi_end_io = run_done;
	for (copy = first; copy; copy = copy->next) {
		for (i = 0; i < nr_vecs(copy); i++)
			__bio_add_page(bio, copy->vecs[i].bv_page,
				       copy->vecs[i].bv_len, 0);
	}
	submit_read(vol, bio);
	return true;
}

/*
 * Read copies from the origin that have all they need, adjacent ones at once;
 * the list is empty afterwards.
 */
static void read_copies(struct list_head *ready)
{
	while (!list_empty(ready)) {
		struct vss_copy *first, *last, *copy, *next;
		unsigned int vecs;

		first = list_first_entry(ready, struct vss_copy, list);
		list_del_init(&first->list);
		first->next = NULL;
		last = first;
		vecs = nr_vecs(first);
		while (!list_empty(ready)) {
			copy = list_first_entry(ready, struct vss_copy, list);
			if (!are_adjacent(last, copy) ||
			    vecs + nr_vecs(copy) > BIO_MAX_VECS)
				break;
			list_del_init(&copy->list);
			copy->next = NULL;
			last->next = copy;
			last = copy;
			vecs += nr_vecs(copy);
		}
		if (first != last && read_run(first, vecs))
			continue;
		for (copy = first; copy; copy = next) {
			next = copy->next;
			read_chunks(copy, 0, copy->n, 0);
		}
	}
}

/*
 * A read has ended.  If that of all chunks failed, they are read one by one,
 * not merged with neighbours that may be to blame: true, a read is under way.
 */
static bool probe_next(struct vss_copy *copy)
{
	bool failed = copy->bio.bi_status;

	if (!copy->probed && !failed)
		return false;
	if (copy->probed && failed)
		copy->bad |= BIT(copy->probed - 1);
	if (copy->probed == copy->n)
		return false;
	read_chunks(copy, copy->probed++, 1, REQ_NOMERGE);
	return true;
}

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

		if (try && get_resources(copy)) {
			list_move_tail(&copy->list, &ready);
			continue;
		}
		list_del_init(&copy->list);
		starve(copy, try);
	}
	read_copies(&ready);
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
		    (copy_mask(copy) & unsafe)) {
			need &= ~copy_mask(copy);
			last = copy;
		}
	}
	while (need) {
		unsigned int first = __ffs(need);
		unsigned int n = ffz(need >> first);

		n = min(n, vol->copier.max_run);
		copy = alloc_copy(vol, group, first, n);
		if (!copy) {
			ret = -ENOMEM;
			break;
		}
		copy->live_back = live_back;
		hlist_add_head(&copy->node, head);
		list_add_tail(&copy->list, started);
		need &= ~copy_mask(copy);
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

	bio->bi_end_io = front->end_io;
	bio->bi_private = front->private;
	/* Ends the parent, and gives the front back to the volume's set. */
	vss_gate_end_bio(bio);
	vss_gate_forget(vol);
}

/* Cut the front off an operation without data and send it on its own way. */
static bool split_front(struct vss_volume *vol, struct bio *bio,
			unsigned int sectors)
{
	struct vss_front *front;
	struct bio *split;

	split = bio_split(bio, sectors, GFP_NOWAIT | __GFP_NOWARN,
			  &vol->copier.split_bios);
	if (!split)
		return false;
	bio_chain(split, bio);
	/* The volume stays until the front is back, wherever that goes. */
	front = container_of(split, struct vss_front, bio);
	front->vol = vol;
	front->end_io = split->bi_end_io;
	front->private = split->bi_private;
	split->bi_end_io = front_end_io;
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
	free_copy(copy);
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
		if (!cancel && !get_resources(copy)) {
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
			read_copies(&ready);
			n = 0;
		}
	}
	read_copies(&ready);

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
	/* If nothing is being stored, it is the origin that is slow. */
	if (atomic_read(&copier->storing) && time_after(jiffies, end))
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

/* Put a copy into the map, under the shard lock. */
static void insert(struct vss_copy *copy, struct vss_shard *shard,
		   struct vss_snapshot *live)
{
	struct vss_volume *vol = copy->vol;
	vss_rec_t *chain = &live->chain[shard - vol->map.shards];
	unsigned int i, j, n;

	for (i = 0; i < copy->n; i += n) {
		bool bad = copy->bad & BIT(i);
		u32 slot;

		n = 1;
		while (i + n < copy->n && !(copy->bad & BIT(i + n)) == !bad)
			n++;
		if (bad) {
			slot = VSS_SLOT_UNREADABLE;
			copy->dead |= GENMASK(n - 1, 0) << (copy->first + i);
		} else {
			n = vss_area_take(&vol->area, n, &slot);
		}
		vss_map_insert(shard, copy->group, copy->first + i, n,
			       live->epoch, slot, chain);
		for (j = 0; j < n; j++)
			copy->slots[i + j] = bad ? VSS_SLOT_NONE : slot + j;
	}
	atomic64_add(copy->n, &live->copied);
	atomic64_add(copy->n, &vol->stats.chunks_copied);
}

/* Was no snapshot removed since the copy was begun? */
static bool is_current(const struct vss_copy *copy)
{
	return copy->live_back == READ_ONCE(copy->vol->live_back);
}

/**
 * enum vss_published - what became of a copy whose content has come
 * @PUBLISHED:	it is in the map, and to be stored
 * @VOID:	nobody needs it, or nothing of it could be read: it is done with
 * @UNMAPPED:	there is no memory for it in the map: it is to come again
 */
enum vss_published {
	PUBLISHED,
	VOID,
	UNMAPPED,
};

/*
 * The origin's content has come.  Unless the copy is to come again the waiting
 * writes may go afterwards.
 */
static enum vss_published publish(struct vss_copy *copy,
				  struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	unsigned int good = copy->n - hweight16(copy->bad);
	struct vss_snapshot *live;
	bool stored = false;
	bool room = false;
	u32 gen;

	/* For what nobody needs there need not be memory. */
	if (!is_current(copy) || !READ_ONCE(vol->live))
		spin_lock(&shard->lock);
	else
		room = !vss_map_lock_provided(&vol->map, shard);
	if (!room && is_current(copy)) {
		if (copy->rounds < VSS_MAP_ROUNDS) {
			copy->rounds++;
			spin_unlock(&shard->lock);
			return UNMAPPED;
		}
		/*
		 * No memory for the map: an error beats wrong data.  Should a
		 * snapshot be taken right now, then the waiting writes are
		 * judged anew and come back for it.
		 */
		vss_snapshots_lose(vol, VSS_LOST_NO_MEMORY);
	}
	gen = READ_ONCE(vol->gen);
	smp_rmb();	/* pairs with vss_snapshot_commit() */
	live = READ_ONCE(vol->live);
	smp_rmb();	/* pairs with end_life() */
	if (live && room && is_current(copy)) {
		insert(copy, shard, live);
		stored = good;
		/* Groups of other shards may share the counter. */
		atomic_inc(vss_pubseq(vol, copy->group));
		vss_safebits_set(&vol->safe, copy->group, copy_mask(copy), gen);
	}
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	if (stored)
		copy->state = VSS_COPY_PUBLISHED;
	else
		hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	/* What was reserved and not taken. */
	vss_area_unreserve(&vol->area, copy->n - (stored ? good : 0));
	return stored ? PUBLISHED : VOID;
}

/* Whoever is to have copies with a tag: that snapshot, or the next older. */
static struct vss_snapshot *find_owner(struct vss_volume *vol, u32 tag)
{
	struct vss_snapshot *snap;

	lockdep_assert_held(&vol->snap_lock);
	list_for_each_entry_reverse(snap, &vol->snaps, list) {
		if (snap->epoch && snap->epoch <= tag &&
		    vss_snapshot_is_good(snap))
			return snap;
	}
	return NULL;
}

/* Put a copy that has slots into the map, but not what @owner has already. */
static void insert_slots(struct vss_copy *copy, struct vss_shard *shard,
			 struct vss_snapshot *owner, u16 has)
{
	struct vss_volume *vol = copy->vol;
	vss_rec_t *chain = &owner->chain[shard - vol->map.shards];
	unsigned int i, n, told = 0;

	for (i = 0; i < copy->n; i += n) {
		u32 slot = copy->slots[i];

		n = 1;
		if (has & BIT(copy->first + i)) {
			if (slot != VSS_SLOT_NONE)
				vss_area_free(&vol->area, slot);
			continue;
		}
		while (i + n < copy->n && !(has & BIT(copy->first + i + n)) &&
		       copy->slots[i + n] == (slot == VSS_SLOT_NONE ?
					      slot : slot + n))
			n++;
		vss_map_insert(shard, copy->group, copy->first + i, n,
			       owner->epoch, slot == VSS_SLOT_NONE ?
			       VSS_SLOT_UNREADABLE : slot, chain);
		told += n;
	}
	atomic64_add(told, &owner->copied);
	atomic64_add(told, &vol->stats.chunks_copied);
}

static void free_slots_of(struct vss_copy *copy)
{
	unsigned int i;

	for (i = 0; i < copy->n; i++) {
		if (copy->slots[i] != VSS_SLOT_NONE)
			vss_area_free(&copy->vol->area, copy->slots[i]);
	}
}

/**
 * vss_copy_publish() - put a copy into the map that is in the diff area already
 * @copy:	the copy, not used afterwards if 0 is returned
 * @tag:	the epoch that the log has for it
 * @durable:	it is durable; else its slots are freed
 * @released:	the writes that waited for it are added
 *
 * The rule of disk-format.md for a tag whose snapshot has gone meanwhile: the
 * next older one has the copy where it has none.
 *
 * Return: 0, or -ENOMEM: there is no memory for it in the map, and nothing was
 * done.  Then it is to come again, or the snapshots are to be lost before the
 * writes go.
 */
int vss_copy_publish(struct vss_copy *copy, u32 tag, bool durable,
		     struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	struct vss_snapshot *owner = NULL;
	bool room = false;
	bool safe = false;
	u32 gen = 0;

	if (durable) {
		room = !vss_map_lock_provided(&vol->map, shard);
		spin_lock(&vol->snap_lock);
		owner = find_owner(vol, tag);
		/* A copy for an older one does not make its chunk safe. */
		safe = owner && owner == vol->live && owner->epoch == tag;
		gen = vol->gen;
		spin_unlock(&vol->snap_lock);
	} else {
		spin_lock(&shard->lock);
	}
	if (owner && !room) {
		spin_unlock(&shard->lock);
		return -ENOMEM;
	}
	if (owner) {
		u16 has = 0;

		if (owner->epoch != tag)
			has = vss_map_tagged(shard, copy->group,
					     copy_mask(copy), owner->epoch);
		insert_slots(copy, shard, owner, has);
		atomic_inc(vss_pubseq(vol, copy->group));
		if (safe)
			vss_safebits_set(&vol->safe, copy->group,
					 copy_mask(copy), gen);
	} else {
		free_slots_of(copy);
	}
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	vss_copy_put(copy);
	return 0;
}

/**
 * vss_copy_release() - let the writes go that wait for a copy
 * @copy:	a copy that is not published
 * @released:	they are added
 */
void vss_copy_release(struct vss_copy *copy, struct bio_list *released)
{
	struct vss_shard *shard = vss_map_shard(&copy->vol->map, copy->group);

	spin_lock(&shard->lock);
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	spin_unlock(&shard->lock);
}

/**
 * vss_copy_abandon() - a copy is not needed any more, and has no slots yet
 * @copy:	the copy, not used afterwards
 * @released:	the writes that waited for it are added
 */
void vss_copy_abandon(struct vss_copy *copy, struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);

	spin_lock(&shard->lock);
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	vss_area_unreserve(&vol->area, copy->n);
	vss_copy_put(copy);
}

/* The content is in the diff area.  Returns what put_copy() does. */
static bool forget(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	unsigned long dead;
	unsigned int c;

	spin_lock(&shard->lock);
	hlist_del(&copy->node);
	dead = copy->dead;
	for_each_set_bit(c, &dead, VSS_GROUP_CHUNKS) {
		u32 slot = copy->slots[c - copy->first];

		if (slot != VSS_SLOT_NONE)
			vss_area_free_dying(&vol->area, slot);
	}
	spin_unlock(&shard->lock);
	atomic_dec(&vol->copier.storing);
	return put_copy(copy);
}

/*
 * Publish copies, the last one first in @list.  Runs on several CPUs, each time with
 * copies of its own.
 */
static void finish_reads(struct vss_copier *copier, struct llist_node *list)
{
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;
	bool unmapped = false;
	LIST_HEAD(to_store);

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(copy, next, list, done) {
		cond_resched();
		if (probe_next(copy))
			continue;
		if (vol->log) {
			vss_log_copy(vol->log, copy);
			continue;
		}
		switch (publish(copy, &released)) {
		case PUBLISHED:
			atomic_inc(&copier->storing);
			list_add_tail(&copy->list, &to_store);
			break;
		case VOID:
			vss_copy_put(copy);
			break;
		case UNMAPPED:
			llist_add(&copy->done, &copier->unmapped);
			unmapped = true;
			break;
		}
	}
	/* One may be queued already, for sooner or a little later. */
	if (unmapped)
		queue_delayed_work(vol->wq, &copier->late_work, VSS_MAP_DELAY);
	vss_store_queue(vol, &to_store);
	if (vss_area_is_low(&vol->area))
		vss_event_volume(vol, VSS_EVENT_AREA_LOW);
	if (vss_snapshots_crowded(vol))
		queue_work(vol->wq, &copier->reap_work);
	vss_gate_release_here(vol, &released);
}

static void read_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(work, struct vss_copier,
						 read_work);

	finish_reads(copier, llist_del_all(&copier->read));
}

/* Those that have waited for memory, and what has come meanwhile. */
static void late_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, late_work);

	finish_reads(copier, llist_del_all(&copier->unmapped));
	finish_reads(copier, llist_del_all(&copier->read));
}

static void stored_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(work, struct vss_copier,
						 stored_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct vss_copy *copy, *next;
	struct llist_node *list;
	bool kick = false;

	list = llist_reverse_order(llist_del_all(&copier->stored));
	/*
	 * Before any copy whose store has failed is forgotten: from then on
	 * the map leads readers to what is not there.
	 */
	if (READ_ONCE(vol->area.failed) && READ_ONCE(vol->live)) {
		vss_area_mark_failed(&vol->area);
		vss_snapshots_lose(vol, VSS_LOST_AREA_ERROR);
	}
	WRITE_ONCE(copier->progress, jiffies);
	/* Once for all of them: what starves gets memory for more than one. */
	rcu_read_lock();
	llist_for_each_entry_safe(copy, next, list, done)
		kick |= forget(copy);
	if (kick)
		vss_copier_kick(vol);
	rcu_read_unlock();
}

/**
 * vss_copier_init() - set up a volume's copier
 * @vol:	the volume, with its chunk size set
 * @memory:	most bytes of content in memory
 *
 * Return: 0 or -ENOMEM; then vss_copier_destroy() is to be called all the same.
 */
int vss_copier_init(struct vss_volume *vol, u64 memory)
{
	struct vss_copier *copier = &vol->copier;
	unsigned int chunk_pages = 1U << (vol->chunk_shift - PAGE_SHIFT);
	int err;

	copier->memory = memory;
	init_waitqueue_head(&copier->quiet);
	copier->max_run = clamp(MAX_COPY_PAGES / chunk_pages, 1U,
				VSS_GROUP_CHUNKS);
	spin_lock_init(&copier->lock);
	spin_lock_init(&copier->spare_lock);
	INIT_LIST_HEAD(&copier->spare);
	bio_list_init(&copier->bios);
	INIT_LIST_HEAD(&copier->starved);
	INIT_LIST_HEAD(&copier->to_store);
	init_llist_head(&copier->read);
	init_llist_head(&copier->unmapped);
	init_llist_head(&copier->stored);
	INIT_DELAYED_WORK(&copier->copy_work, copy_work);
	INIT_DELAYED_WORK(&copier->stall_work, stall_work);
	INIT_DELAYED_WORK(&copier->trim_work, trim_work);
	INIT_WORK(&copier->read_work, read_work);
	INIT_DELAYED_WORK(&copier->late_work, late_work);
	INIT_WORK(&copier->stored_work, stored_work);
	INIT_WORK(&copier->reap_work, vss_snapshots_reap_work);

	err = mempool_init_kmalloc_pool(&copier->pool, 16, copy_size(vol, 1));
	if (err)
		return err;
	err = mempool_init_page_pool(&copier->pages,
				     copier->max_run * chunk_pages, 0);
	if (err)
		return err;
	err = bioset_init(&copier->split_bios, 4,
			  offsetof(struct vss_front, bio), 0);
	if (err)
		return err;
	err = bioset_init(&copier->read_bios, 1, offsetof(struct vss_read, bio),
			  BIOSET_NEED_BVECS);
	if (err)
		return err;
	return vss_store_init(vol);
}

/**
 * vss_copier_settle() - let copies that nobody needs any more come to their end
 * @vol:	a volume without snapshots
 *
 * Waits for a moment only: a diff area that does not answer may keep some.
 */
void vss_copier_settle(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	vss_copier_kick(vol);
	vss_store_kick(vol);
	if (wait_event_killable_timeout(copier->quiet,
					!atomic64_read(&copier->used),
					SETTLE_TIMEOUT) <= 0)
		return;
	/* Copies that starve have no content yet, but may have room. */
	flush_delayed_work(&copier->copy_work);
	/* Whoever has sent the last store has still to return from that. */
	flush_delayed_work(&copier->store_work);
}

/**
 * vss_copier_stop() - wait until the copier has nothing to do
 * @vol:	a volume without snapshots and without waiting writes
 *
 * A grace period passes, too.
 */
void vss_copier_stop(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	/* Cancels the copies that starve, some of which nobody waits for. */
	vss_copier_kick(vol);
	flush_delayed_work(&copier->copy_work);
	vss_store_kick(vol);
	wait_event(copier->quiet, !atomic64_read(&copier->used));
	if (vol->log)
		flush_work(&vol->log->work);
	/* Whoever has handed over the last read may have a work to queue. */
	synchronize_rcu();
	/* Whoever has worked on the last copies may still queue works. */
	flush_workqueue(vol->near_wq);
	flush_workqueue(vol->wq);
	cancel_delayed_work_sync(&copier->late_work);
	cancel_delayed_work_sync(&copier->stall_work);
	cancel_delayed_work_sync(&copier->copy_work);
	cancel_delayed_work_sync(&copier->store_work);
	cancel_delayed_work_sync(&copier->trim_work);
	cancel_work_sync(&copier->reap_work);
}

/**
 * vss_copier_destroy() - free what vss_copier_init() made
 * @vol:	the volume
 */
void vss_copier_destroy(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	if (copier->spare.next)
		trim(vol, 0);
	vss_store_destroy(vol);
	bioset_exit(&copier->read_bios);
	bioset_exit(&copier->split_bios);
	mempool_exit(&copier->pages);
	mempool_exit(&copier->pool);
}

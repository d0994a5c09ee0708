// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-behind: copies in memory go to the diff area, adjacent ones in one
 * write.  Nobody waits for it but the memory.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "area.h"
#include "copy.h"
#include "log.h"
#include "volume.h"

/* So much is worth a write of its own; less waits a moment for company. */
#define EAGER_CHUNKS	64
#define LAZY_DELAY	msecs_to_jiffies(50)
#define MIN_STORE_BIOS	4

/**
 * struct vss_store - a write of adjacent copies
 * @io:		what every bio to a diff area has
 * @first:	the first copy in it, the others follow by @next
 * @last:	the last one
 * @bdev:	where it goes, for drivers below may change that in @bio
 * @bio:	the write; must be the last member
 */
struct vss_store {
	struct vss_area_io	io;
	struct vss_copy		*first;
	struct vss_copy		*last;
	struct block_device	*bdev;
	struct bio		bio;
};

static struct vss_store *to_store(struct bio *bio)
{
	return container_of(bio, struct vss_store, bio);
}

static void store_done(struct bio *bio)
{
	struct vss_store *store = to_store(bio);
	struct vss_area *area = &store->io.vol->area;
	struct vss_log *area_log = store->io.vol->log;
	struct vss_copy *copy, *next;

	if (bio->bi_status) {
		/* stored_work, or the log, which runs next, draws the consequences. */
		WRITE_ONCE(area->failed_bdev, store->bdev);
		WRITE_ONCE(area->failed, true);
	}
	copy = store->first;
	/* The volume, and its set of bios, may go when the last copy ended. */
	bio_put(bio);
	for (; copy; copy = next) {
		next = copy->next;
		if (!atomic_dec_and_test(&copy->stores))
			continue;
		if (area_log)
			vss_log_io_done(area_log, READ_ONCE(area->failed));
		else
			vss_copy_stored(copy);
	}
}

static void submit_store(struct vss_volume *vol, struct bio *bio)
{
	if (!bio)
		return;
	atomic64_inc(&vol->stats.area_writes);
	vss_area_submit(bio, &to_store(bio)->io);
}

static struct bio *new_store(struct vss_volume *vol, struct block_device *bdev,
			     sector_t sector)
{
	struct vss_store *store;
	struct bio *bio;

	/* Those in flight need nothing of ours to end: sleeping is safe. */
	bio = bio_alloc_bioset(bdev, BIO_MAX_VECS, REQ_OP_WRITE, GFP_NOIO,
			       &vol->copier.store_bios);
	bio->bi_iter.bi_sector = sector;
	store = to_store(bio);
	store->io.vol = vol;
	store->io.done = store_done;
	store->first = NULL;
	store->last = NULL;
	store->bdev = bdev;
	return bio;
}

/*
 * How many chunks of the copy, from @i on, lie on adjacent sectors; 0 if @i has
 * no slot.
 */
static unsigned int run_length(struct vss_copy *copy, unsigned int i,
			       struct block_device **bdev, sector_t *sector)
{
	u32 most;
	unsigned int n = 1;

	if (copy->slots[i] == VSS_SLOT_NONE)
		return 0;
	most = vss_area_locate(copy->vol, copy->slots[i], bdev, sector);
	while (i + n < copy->n && n < most &&
	       copy->slots[i + n] == copy->slots[i] + n)
		n++;
	return n;
}

static unsigned int count_runs(struct vss_copy *copy)
{
	unsigned int i = 0, runs = 0;
	struct block_device *bdev;
	sector_t sector;

	while (i < copy->n) {
		unsigned int n = run_length(copy, i, &bdev, &sector);

		runs += n > 0;
		i += max(n, 1U);
	}
	return runs;
}

/* Vectors first to last-1 of the copy's content. */
static void add_vecs(struct bio *bio, struct vss_copy *copy,
		     unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = first; i < last; i++) {
		struct bio_vec *v = &copy->vecs[i];

		__bio_add_page(bio, v->bv_page, v->bv_len, 0);
	}
}

static void link_copy(struct bio *bio, struct vss_copy *copy)
{
	struct vss_store *store = to_store(bio);

	copy->next = NULL;
	if (store->last)
		store->last->next = copy;
	else
		store->first = copy;
	store->last = copy;
}

static bool nobody_needs(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	bool dead;

	spin_lock(&shard->lock);
	dead = hweight16(copy->dead) == copy->n;
	spin_unlock(&shard->lock);
	return dead;
}

/* A copy in one place: it may share its write with its neighbours. */
static struct bio *store_whole(struct bio *bio, struct vss_copy *copy,
			       unsigned int vecs)
{
	struct block_device *bdev;
	sector_t sector;

	run_length(copy, 0, &bdev, &sector);
	if (bio && (bio->bi_bdev != bdev || bio_end_sector(bio) != sector ||
		    bio->bi_vcnt + vecs > BIO_MAX_VECS)) {
		submit_store(copy->vol, bio);
		bio = NULL;
	}
	if (!bio)
		bio = new_store(copy->vol, bdev, sector);
	link_copy(bio, copy);
	add_vecs(bio, copy, 0, vecs);
	return bio;
}

/*
 * A copy in several places.  It is linked into each of its writes, so none of
 * these can have another one.
 */
static void store_pieces(struct vss_copy *copy, unsigned int vecs,
			 unsigned int runs)
{
	struct vss_volume *vol = copy->vol;
	unsigned int chunk_vecs = 1U << (vol->chunk_shift - copy->vec_shift);
	unsigned int i = 0;

	/* The copy may end with its last write: look at nothing after it. */
	while (runs) {
		struct block_device *bdev;
		struct bio *bio;
		sector_t sector;
		unsigned int n = run_length(copy, i, &bdev, &sector);

		if (!n) {
			i++;
			continue;
		}
		bio = new_store(vol, bdev, sector);
		link_copy(bio, copy);
		add_vecs(bio, copy, i * chunk_vecs,
			 min((i + n) * chunk_vecs, vecs));
		i += n;
		runs--;
		submit_store(vol, bio);
	}
}

/* Write a copy; what is not submitted yet is returned. */
static struct bio *store_copy(struct bio *bio, struct vss_copy *copy)
{
	unsigned int vecs = DIV_ROUND_UP(copy->bytes, 1U << copy->vec_shift);
	unsigned int runs = count_runs(copy);

	atomic_set(&copy->stores, runs);
	if (runs == 1 && copy->slots[0] != VSS_SLOT_NONE &&
	    copy->slots[copy->n - 1] != VSS_SLOT_NONE)
		return store_whole(bio, copy, vecs);
	store_pieces(copy, vecs, runs);
	return bio;
}

static void store_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, store_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct vss_copy *copy, *next;
	struct bio *bio = NULL;
	struct blk_plug plug;
	LIST_HEAD(list);

	spin_lock(&copier->lock);
	list_splice_init(&copier->to_store, &list);
	copier->nr_to_store = 0;
	spin_unlock(&copier->lock);

	blk_start_plug(&plug);
	list_for_each_entry_safe(copy, next, &list, list) {
		list_del(&copy->list);
		if (READ_ONCE(vol->area.failed) || nobody_needs(copy))
			vss_copy_stored(copy);
		else
			bio = store_copy(bio, copy);
	}
	submit_store(vol, bio);
	blk_finish_plug(&plug);
}

/**
 * vss_store_now() - write the content of a group's copies to the diff area
 * @vol:	the volume, which has a log
 * @copies:	the copies, by @list; they stay the caller's
 *
 * For each, vss_log_io_done() is called when it is written.
 */
void vss_store_now(struct vss_volume *vol, struct list_head *copies)
{
	struct vss_copy *copy;
	struct bio *bio = NULL;
	struct blk_plug plug;

	blk_start_plug(&plug);
	list_for_each_entry(copy, copies, list) {
		/* What could not be read has no content. */
		if (hweight16(copy->bad) == copy->n)
			continue;
		atomic_inc(&vol->log->pending);
		bio = store_copy(bio, copy);
	}
	submit_store(vol, bio);
	blk_finish_plug(&plug);
}

/**
 * vss_store_queue() - have copies written to the diff area
 * @vol:	the volume
 * @copies:	published copies by @list; the list is empty afterwards
 */
void vss_store_queue(struct vss_volume *vol, struct list_head *copies)
{
	struct vss_copier *copier = &vol->copier;
	struct vss_copy *copy;
	bool eager;
	u32 n = 0;

	if (list_empty(copies))
		return;
	list_for_each_entry(copy, copies, list)
		n += copy->n;

	spin_lock(&copier->lock);
	list_splice_tail_init(copies, &copier->to_store);
	copier->nr_to_store += n;
	eager = copier->nr_to_store >= EAGER_CHUNKS;
	spin_unlock(&copier->lock);

	if (!eager)
		eager = atomic64_read(&copier->used) > copier->memory / 2;
	if (eager)
		vss_store_kick(vol);
	else
		queue_delayed_work(vol->store_wq, &copier->store_work,
				   LAZY_DELAY);
}

/**
 * vss_store_kick() - store now what waits for company
 * @vol:	the volume
 */
void vss_store_kick(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	if (!list_empty_careful(&copier->to_store))
		mod_delayed_work(vol->store_wq, &copier->store_work, 0);
}

/**
 * vss_store_init() - set up a volume's write-behind
 * @vol:	the volume
 *
 * Return: 0 or -ENOMEM; then vss_store_destroy() is to be called all the same.
 */
int vss_store_init(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	INIT_DELAYED_WORK(&copier->store_work, store_work);
	return bioset_init(&copier->store_bios, MIN_STORE_BIOS,
			   offsetof(struct vss_store, bio), BIOSET_NEED_BVECS);
}

/**
 * vss_store_destroy() - free what vss_store_init() made
 * @vol:	the volume
 */
void vss_store_destroy(struct vss_volume *vol)
{
	bioset_exit(&vol->copier.store_bios);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The origin is read for copies: adjacent ones at once, and chunk by chunk where
 * that fails, so that only what cannot be read is missing.
 *
 * When the origin has answered, in interrupt, the copy gets into vss_copier.read, and
 * copy-publish.c's work goes on with it, on this CPU or another one.  Nothing is locked
 * here: a copy that is being read has one owner.
 */
#include <linux/blk-cgroup.h>

#include "copy-internal.h"
#include "volume.h"

/* A CPU that was idle has begun to work within that. */
#define LATE_DELAY		msecs_to_jiffies(20)

/**
 * struct vss_read - a read of adjacent copies
 * @first:	the first copy in it, the others follow by @next
 * @bio:	the read; must be the last member
 */
struct vss_read {
	struct vss_copy	*first;
	struct bio	bio;
};

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
	bio->bi_iter.bi_sector =
		vss_chunk_to_sector(vol, vss_copy_first_chunk(copy) + i);
	bio->bi_end_io = read_done;
	bio->bi_bdev = vol->bdev;
	submit_read(vol, bio);
}

/* Does @next begin where @copy ends? */
static bool are_adjacent(const struct vss_copy *copy,
			 const struct vss_copy *next)
{
	return vss_copy_first_chunk(copy) + copy->n == vss_copy_first_chunk(next);
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
	bio->bi_iter.bi_sector =
		vss_chunk_to_sector(vol, vss_copy_first_chunk(first));
	bio->bi_end_io = run_done;
	for (copy = first; copy; copy = copy->next) {
		for (i = 0; i < vss_copy_nr_vecs(copy); i++)
			__bio_add_page(bio, copy->vecs[i].bv_page,
				       copy->vecs[i].bv_len, 0);
	}
	submit_read(vol, bio);
	return true;
}

/**
 * vss_copies_read() - read copies from the origin, adjacent ones at once
 * @ready:	copies that have all they need; empty afterwards
 *
 * From here on they belong to read_work.
 */
void vss_copies_read(struct list_head *ready)
{
	while (!list_empty(ready)) {
		struct vss_copy *first, *last, *copy, *next;
		unsigned int vecs;

		first = list_first_entry(ready, struct vss_copy, list);
		list_del_init(&first->list);
		first->next = NULL;
		last = first;
		vecs = vss_copy_nr_vecs(first);
		while (!list_empty(ready)) {
			copy = list_first_entry(ready, struct vss_copy, list);
			if (!are_adjacent(last, copy) ||
			    vecs + vss_copy_nr_vecs(copy) > BIO_MAX_VECS)
				break;
			list_del_init(&copy->list);
			copy->next = NULL;
			last->next = copy;
			last = copy;
			vecs += vss_copy_nr_vecs(copy);
		}
		if (first != last && read_run(first, vecs))
			continue;
		for (copy = first; copy; copy = next) {
			next = copy->next;
			read_chunks(copy, 0, copy->n, 0);
		}
	}
}

/**
 * vss_copy_probe_next() - a read has ended: go on if it was not the last
 * @copy:	the copy
 *
 * If the read of all chunks failed, they are read one by one, not merged with
 * neighbours that may be to blame.
 *
 * Return: true if a read is under way; then the copy is not the caller's any more.
 */
bool vss_copy_probe_next(struct vss_copy *copy)
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

/**
 * vss_copy_read_init() - set up a volume's reads of the origin
 * @vol:	the volume
 *
 * Return: 0 or -ENOMEM; then vss_copy_read_destroy() is to be called all the same.
 */
int vss_copy_read_init(struct vss_volume *vol)
{
	return bioset_init(&vol->copier.read_bios, 1,
			   offsetof(struct vss_read, bio), BIOSET_NEED_BVECS);
}

/**
 * vss_copy_read_destroy() - free what vss_copy_read_init() made
 * @vol:	the volume
 */
void vss_copy_read_destroy(struct vss_volume *vol)
{
	bioset_exit(&vol->copier.read_bios);
}

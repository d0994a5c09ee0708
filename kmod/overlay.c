// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to an image, for log replay and auto-recovery.
 *
 * They go to chunks of the snapshot's own in the diff area, never into the
 * volume's map: what one snapshot writes no other may see.  They are carried
 * out one after the other by a worker; that is slow, simple, and enough for
 * what it is for.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "snapshot.h"
#include "volume.h"

static void overlay_work(struct work_struct *work);

/**
 * vss_overlay_init() - a snapshot starts without an overlay
 * @snap:	the snapshot
 */
void vss_overlay_init(struct vss_snapshot *snap)
{
	xa_init(&snap->overlay);
	spin_lock_init(&snap->overlay_lock);
	bio_list_init(&snap->overlay_bios);
	INIT_WORK(&snap->overlay_work, overlay_work);
}

/* Each slot of the overlay is counted so once, before it is given back. */
static void count_dying(struct vss_snapshot *snap)
{
	vss_area_set_dying(&snap->vol->area,
			   atomic64_xchg(&snap->overlay_chunks, 0));
}

/**
 * vss_overlay_doom() - have the room of an overlay given back
 * @snap:	a snapshot that is not alive any more
 *
 * Does not wait: a write may be under way, and hang with the diff area.
 */
void vss_overlay_doom(struct vss_snapshot *snap)
{
	count_dying(snap);
	queue_work(vss_overlay_wq, &snap->overlay_work);
}

/* By the work: so nothing is being written, nor will be. */
static void give_back(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;
	unsigned long chunk;
	bool any = false;
	void *entry;

	count_dying(snap);
	xa_for_each(&snap->overlay, chunk, entry) {
		vss_area_free_dying(&vol->area, xa_to_value(entry));
		any = true;
	}
	xa_destroy(&snap->overlay);
	if (any)
		vss_copier_kick(vol);
}

/**
 * vss_overlay_find() - was a chunk of an image written?
 * @snap:	the snapshot
 * @chunk:	the chunk
 * @slot:	set to the slot that has it
 *
 * Return: true if it was.
 */
bool vss_overlay_find(struct vss_snapshot *snap, u64 chunk, u32 *slot)
{
	void *entry;

	if (xa_empty(&snap->overlay))
		return false;
	entry = xa_load(&snap->overlay, chunk);
	if (!entry)
		return false;
	*slot = xa_to_value(entry);
	return true;
}

/**
 * vss_overlay_write() - write to an image
 * @snap:	the snapshot; vss_image_get() was called for the bio
 * @bio:	the write
 */
void vss_overlay_write(struct vss_snapshot *snap, struct bio *bio)
{
	unsigned long flags;

	if (!READ_ONCE(snap->writable) || bio_op(bio) != REQ_OP_WRITE) {
		bio_io_error(bio);
		vss_image_put(snap);
		return;
	}
	spin_lock_irqsave(&snap->overlay_lock, flags);
	bio_list_add(&snap->overlay_bios, bio);
	spin_unlock_irqrestore(&snap->overlay_lock, flags);
	queue_work(vss_overlay_wq, &snap->overlay_work);
}

/* Bytes of a chunk; the last one of the volume may be short. */
static unsigned int chunk_bytes(const struct vss_volume *vol, u64 chunk)
{
	sector_t start = vss_chunk_to_sector(vol, chunk);

	return min_t(sector_t, vss_chunk_sectors(vol),
		     vol->nr_sectors - start) << SECTOR_SHIFT;
}

/* Read a chunk the way any reader of the image does. */
static int read_chunk(struct vss_snapshot *snap, u64 chunk,
		      struct page **pages, unsigned int bytes)
{
	unsigned int nr = DIV_ROUND_UP(bytes, PAGE_SIZE), i;
	struct bio_vec *vecs;
	struct bio bio;
	int err;

	vecs = kcalloc(nr, sizeof(*vecs), GFP_NOIO);
	if (!vecs)
		return -ENOMEM;
	bio_init(&bio, snap->disk->part0, vecs, nr, REQ_OP_READ);
	bio.bi_iter.bi_sector = vss_chunk_to_sector(snap->vol, chunk);
	for (i = 0; i < nr; i++)
		__bio_add_page(&bio, pages[i],
			       min_t(unsigned int, PAGE_SIZE,
				     bytes - i * PAGE_SIZE), 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	kfree(vecs);
	return err;
}

/* Move bytes from the bio, from @iter on, to the pages, from @offset on. */
static void fill(struct bio *bio, struct bvec_iter start, struct page **pages,
		 unsigned int offset)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, start) {
		unsigned int done = 0;

		while (done < bv.bv_len) {
			unsigned int n = min_t(unsigned int, bv.bv_len - done,
					       PAGE_SIZE -
					       offset_in_page(offset));

			memcpy_page(pages[offset >> PAGE_SHIFT],
				    offset_in_page(offset), bv.bv_page,
				    bv.bv_offset + done, n);
			done += n;
			offset += n;
		}
	}
}

static int write_part(struct vss_snapshot *snap, struct bio *bio,
		      struct bvec_iter part, struct page **pages)
{
	struct vss_volume *vol = snap->vol;
	u64 chunk = vss_sector_to_chunk(vol, part.bi_sector);
	unsigned int offset = (part.bi_sector -
			       vss_chunk_to_sector(vol, chunk)) << SECTOR_SHIFT;
	unsigned int bytes = chunk_bytes(vol, chunk);
	u32 slot;
	int err;

	if (vss_overlay_find(snap, chunk, &slot)) {
		fill(bio, part, pages, 0);
		return vss_area_rw_sync(vol, slot, offset, pages, part.bi_size,
					REQ_OP_WRITE);
	}

	if (!vss_area_reserve(vol, 1))
		return -ENOSPC;
	vss_area_take(&vol->area, 1, &slot);
	if (part.bi_size < bytes) {
		err = read_chunk(snap, chunk, pages, bytes);
		if (err)
			goto fail;
	}
	fill(bio, part, pages, offset);
	err = vss_area_rw_sync(vol, slot, 0, pages, bytes, REQ_OP_WRITE);
	if (err)
		goto fail;
	err = xa_err(xa_store(&snap->overlay, chunk, xa_mk_value(slot),
			      GFP_NOIO));
	if (err)
		goto fail;
	atomic64_inc(&snap->overlay_chunks);
	return 0;

fail:
	vss_area_free(&vol->area, slot);
	return err;
}

static int write_bio(struct vss_snapshot *snap, struct bio *bio,
		     struct page **pages)
{
	unsigned int chunk_size = 1U << snap->vol->chunk_shift;
	struct bvec_iter todo = bio->bi_iter;

	while (todo.bi_size) {
		struct bvec_iter part = todo;
		unsigned int offset = (todo.bi_sector << SECTOR_SHIFT) &
				      (chunk_size - 1);
		int err;

		if (!vss_snapshot_is_good(snap))
			return -EIO;
		part.bi_size = min(todo.bi_size, chunk_size - offset);
		err = write_part(snap, bio, part, pages);
		if (err)
			return err;
		bio_advance_iter(bio, &todo, part.bi_size);
	}
	return 0;
}

static void free_chunk_pages(struct page **pages, unsigned int nr)
{
	unsigned int i;

	for (i = 0; pages && i < nr; i++) {
		if (pages[i])
			__free_page(pages[i]);
	}
	kfree(pages);
}

static struct page **alloc_chunk_pages(unsigned int nr)
{
	struct page **pages = kcalloc(nr, sizeof(*pages), GFP_NOIO);
	unsigned int i;

	for (i = 0; pages && i < nr; i++) {
		pages[i] = alloc_page(GFP_NOIO);
		if (!pages[i]) {
			free_chunk_pages(pages, nr);
			return NULL;
		}
	}
	return pages;
}

static void overlay_work(struct work_struct *work)
{
	struct vss_snapshot *snap = container_of(work, struct vss_snapshot,
						 overlay_work);
	unsigned int nr = 1U << (snap->vol->chunk_shift - PAGE_SHIFT);
	struct page **pages = NULL;
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&snap->overlay_lock);
	bios = snap->overlay_bios;
	bio_list_init(&snap->overlay_bios);
	spin_unlock_irq(&snap->overlay_lock);

	if (!bio_list_empty(&bios))
		pages = alloc_chunk_pages(nr);
	while ((bio = bio_list_pop(&bios))) {
		int err = pages ? write_bio(snap, bio, pages) : -ENOMEM;

		bio->bi_status = errno_to_blk_status(err);
		bio_endio(bio);
		vss_image_put(snap);
	}
	free_chunk_pages(pages, nr);
	if (!vss_snapshot_is_good(snap))
		give_back(snap);
}

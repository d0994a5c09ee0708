// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a copy needs before its origin is read: memory for itself and for its
 * content, and room in the diff area.
 *
 * Owned here: the pools and the spare pages of a volume's copier, how much memory
 * the content of copies takes, and the limits of that.  The spare pages are under
 * vss_copier.spare_lock; nothing is done under it but to take from the list and to
 * put there.  Nothing here sleeps for memory: whoever gives some back kicks what
 * starves for it, in copy-wait.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "copy-internal.h"
#include "volume.h"

/* Content in pages of this order, where they are to be had without effort. */
#define MAX_VEC_ORDER		3U
#define GFP_BIG			(__GFP_NOWARN | __GFP_NOMEMALLOC | __GFP_NORETRY | \
				 __GFP_COMP)
/* So much of it is kept for the next copies, as long as it is needed. */
#define SPARE_BYTES		SZ_4M
#define TRIM_DELAY		HZ
/* All volumes together may use this part of the machine's memory. */
#define MEMORY_SHARE		8

static atomic64_t all_used = ATOMIC64_INIT(0);

static size_t copy_size(const struct vss_volume *vol, unsigned int n)
{
	return struct_size_t(struct vss_copy, vecs,
			     (size_t)n << (vol->chunk_shift - PAGE_SHIFT));
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

/**
 * vss_copy_free() - free a copy itself, but not its content
 * @copy:	the copy, in no list any more
 */
void vss_copy_free(struct vss_copy *copy)
{
	if (copy->pooled)
		mempool_free(copy, &copy->vol->copier.pool);
	else
		kfree(copy);
}

/**
 * vss_copy_alloc() - allocate a copy that has neither room nor content yet
 * @vol:	the volume
 * @group:	group of the chunks
 * @first:	first chunk within the group
 * @n:		number of chunks; fewer where there is no memory for so many
 *
 * Return: the copy, with one reference, or NULL.
 */
struct vss_copy *vss_copy_alloc(struct vss_volume *vol, u32 group,
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

/**
 * vss_copy_drop() - give a reference to a copy back, and kick nobody
 * @copy:	the copy
 *
 * Under RCU: the volume may go once nothing is in use.
 *
 * Return: true if copies may have waited for that: vss_copier_kick() is to be
 * called.
 */
bool vss_copy_drop(struct vss_copy *copy)
{
	struct vss_copier *copier = &copy->vol->copier;

	if (!refcount_dec_and_test(&copy->refs))
		return false;
	if (copy->bytes)
		free_vecs(copy, vss_copy_nr_vecs(copy));
	uncharge(copier, copy->bytes);
	vss_copy_free(copy);
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
	if (vss_copy_drop(copy))
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

/**
 * vss_copy_get_resources() - get everything that a copy needs for its read
 * @copy:	the copy; the room that it gets stays with it
 *
 * Does not sleep, in whatever context writes are submitted.
 *
 * Return: true, or false: it has to starve, and is to be tried again.
 */
bool vss_copy_get_resources(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	sector_t sector = vss_chunk_to_sector(vol, vss_copy_first_chunk(copy));
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

/**
 * vss_copy_memory_init() - set up what copies get their memory from
 * @vol:	the volume, with its chunk size and vss_copier.max_run set
 *
 * Return: 0 or -ENOMEM; then vss_copy_memory_destroy() is to be called all the
 * same.
 */
int vss_copy_memory_init(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;
	unsigned int chunk_pages = 1U << (vol->chunk_shift - PAGE_SHIFT);
	int err;

	spin_lock_init(&copier->spare_lock);
	INIT_LIST_HEAD(&copier->spare);
	INIT_DELAYED_WORK(&copier->trim_work, trim_work);
	err = mempool_init_kmalloc_pool(&copier->pool, 16, copy_size(vol, 1));
	if (err)
		return err;
	return mempool_init_page_pool(&copier->pages,
				      copier->max_run * chunk_pages, 0);
}

/**
 * vss_copy_memory_destroy() - free what vss_copy_memory_init() made
 * @vol:	the volume
 */
void vss_copy_memory_destroy(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	if (copier->spare.next)
		trim(vol, 0);
	mempool_exit(&copier->pages);
	mempool_exit(&copier->pool);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bit a chunk: "needs no copy before it is written".
 *
 * The bits are a cache of the chunk map for the hot path.  A bit is set after
 * its copy was published, so a set bit is always true; a bit that was lost (no
 * memory for its page) costs a look-up in the map and nothing else.
 *
 * A new snapshot makes every bit stale at once: each page carries the
 * generation of its bits, and the generation of the volume is raised while no
 * write is being admitted.  The first to set a bit in the new generation
 * clears the page.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "map.h"
#include "safebits.h"

#define GROUPS_PER_PAGE		(PAGE_SIZE / sizeof(u16))

/**
 * vss_safebits_init() - make the bits of a volume, all unset
 * @safe:	the bits
 * @nr_chunks:	chunks of the volume
 *
 * Return: 0 or -ENOMEM.
 */
int vss_safebits_init(struct vss_safebits *safe, u64 nr_chunks)
{
	u64 groups = DIV_ROUND_UP_ULL(nr_chunks, VSS_GROUP_CHUNKS);
	u32 i;

	safe->nr = DIV_ROUND_UP_ULL(groups, GROUPS_PER_PAGE);
	safe->pages = kvcalloc(safe->nr, sizeof(*safe->pages), GFP_KERNEL);
	if (!safe->pages)
		return -ENOMEM;
	for (i = 0; i < safe->nr; i++)
		spin_lock_init(&safe->pages[i].lock);
	return 0;
}

/**
 * vss_safebits_destroy() - free the bits
 * @safe:	the bits, may be uninitialised zeroes
 */
void vss_safebits_destroy(struct vss_safebits *safe)
{
	u32 i;

	if (!safe->pages)
		return;
	for (i = 0; i < safe->nr; i++)
		free_page((unsigned long)safe->pages[i].bits);
	kvfree(safe->pages);
	safe->pages = NULL;
}

/**
 * vss_safebits_memory() - bytes of memory that the bits take
 * @safe:	the bits
 *
 * Return: bytes.
 */
u64 vss_safebits_memory(const struct vss_safebits *safe)
{
	return safe->nr * sizeof(*safe->pages) +
		(u64)atomic_read(&safe->allocated) * PAGE_SIZE;
}

/**
 * vss_safebits_get() - the bits of a group
 * @safe:	the bits
 * @group:	the group
 * @gen:	the volume's generation
 *
 * Takes no lock, may be called from any context.  The answer is binding only
 * where the generation cannot change while we look: for a write that the gate
 * has counted, or under the lock of the group's shard.  Others may get the bits
 * of another generation, or look at a page before it has any.
 *
 * Return: the chunks of the group that need no copy.
 */
u16 vss_safebits_get(const struct vss_safebits *safe, u32 group, u32 gen)
{
	const struct vss_safepage *page = &safe->pages[group / GROUPS_PER_PAGE];
	const u16 *bits;

	/* Pairs with the release in vss_safebits_set(): cleared, then valid. */
	if (smp_load_acquire(&page->gen) != gen)
		return 0;
	/* None yet: the first commit has set vol->live and not yet vol->gen. */
	bits = READ_ONCE(page->bits);
	return bits ? READ_ONCE(bits[group % GROUPS_PER_PAGE]) : 0;
}

/**
 * vss_safebits_set() - mark chunks as needing no copy
 * @safe:	the bits
 * @group:	the group
 * @chunks:	chunks within it
 * @gen:	the generation for which that is true
 *
 * May fail silently: the bits are a cache.  Does not sleep.
 */
void vss_safebits_set(struct vss_safebits *safe, u32 group, u16 chunks,
		      u32 gen)
{
	struct vss_safepage *page = &safe->pages[group / GROUPS_PER_PAGE];
	u16 *word;

	if (!READ_ONCE(page->bits)) {
		u16 *bits = (u16 *)get_zeroed_page(GFP_NOWAIT | __GFP_NOWARN);

		if (!bits)
			return;
		spin_lock(&page->lock);
		if (!page->bits) {
			page->bits = bits;
			atomic_inc(&safe->allocated);
			bits = NULL;
		}
		spin_unlock(&page->lock);
		free_page((unsigned long)bits);
	}

	spin_lock(&page->lock);
	/* A bit of an older generation has nothing to say any more. */
	if (page->gen <= gen) {
		if (page->gen < gen) {
			memset(page->bits, 0, PAGE_SIZE);
			/*
			 * Pairs with the acquire in vss_safebits_get().  No
			 * reader of the old generation whom the answer binds
			 * is left to see the clearing: the generation is
			 * raised when none is.
			 */
			smp_store_release(&page->gen, gen);
		}
		word = &page->bits[group % GROUPS_PER_PAGE];
		WRITE_ONCE(*word, *word | chunks);
	}
	spin_unlock(&page->lock);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chunk map: where the old content of a chunk was copied to.
 *
 * A record says where the copies of up to 16 adjacent chunks are that were
 * made at one time, in 24 bytes.  Records are found by a hash over the group
 * of 16 chunks (linear hashing: it grows one bucket at a time) and, for the
 * removal of a snapshot, by a chain of all records with the same tag.
 *
 * The rule of the tags: a copy tagged t holds the content of its chunk for
 * every snapshot whose epoch lies in (t', t], t' being the next older copy of
 * the chunk.  Every tag is the epoch of a snapshot that is alive (or being
 * removed by the one task that holds the volume's reap_lock).
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "map.h"

/*
 * Who inserts may not wait for memory, nor take the last of it.  But it may be paged
 * out to the volume just now: what is kept for those who cannot wait is for us.
 */
#define GFP_MAP			(GFP_ATOMIC | __GFP_NOWARN | __GFP_NOMEMALLOC)
/* Who fills the reserve sleeps, and comes again rather than try hard. */
#define GFP_REFILL		(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN | \
				 __GFP_NOMEMALLOC)

/*
 * The map's pages are smaller than the machine's: each shard has two that are
 * filled in part, and a volume of few copies has little else.  Nothing larger is
 * ever asked for, so that whatever memory there is will do.
 */
#define MAP_PAGE_SIZE		1024U
#define RECS_PER_PAGE		((u32)(MAP_PAGE_SIZE / \
				       sizeof(struct vss_map_rec)))
#define BUCKETS_PER_PAGE	((u32)(MAP_PAGE_SIZE / sizeof(vss_rec_t)))
#define FANOUT_SHIFT		7U
#define FANOUT			((u32)(MAP_PAGE_SIZE / sizeof(void *)))
#define RECS_PER_BUCKET		2
#define FIRST_BUCKETS		8U
/* Room for 5000 records while there is no memory. */
#define RESERVE_PAGES		128U
/* Until the reserve is full; who needs it meanwhile does not wait so long. */
#define REFILL_DELAY		(HZ / 10)

/* Runs the works that refill reserves: nothing else may wait behind these. */
static struct workqueue_struct *refill_wq;

static void refill_work(struct work_struct *work);

/* Give a page to the reserve, if that lacks any. */
static void put_page_back(struct vss_map *map, void *page)
{
	spin_lock(&map->lock);
	if (page && map->nr_reserve < RESERVE_PAGES) {
		*(void **)page = map->reserve;
		map->reserve = page;
		WRITE_ONCE(map->nr_reserve, map->nr_reserve + 1);
		page = NULL;
	}
	spin_unlock(&map->lock);
	kfree(page);
}

/* A page of zeroes, or NULL; does not sleep. */
static void *get_map_page(struct vss_map *map)
{
	void *page = kmalloc(MAP_PAGE_SIZE, GFP_MAP);

	if (!page) {
		spin_lock(&map->lock);
		page = map->reserve;
		if (page) {
			map->reserve = *(void **)page;
			WRITE_ONCE(map->nr_reserve, map->nr_reserve - 1);
		}
		spin_unlock(&map->lock);
		/* At once, should it be about to try again later. */
		mod_delayed_work(refill_wq, &map->refill_work, 0);
	}
	return page ? memset(page, 0, MAP_PAGE_SIZE) : NULL;
}

static bool fill_reserve(struct vss_map *map, gfp_t gfp)
{
	while (READ_ONCE(map->nr_reserve) < RESERVE_PAGES) {
		void *page = kmalloc(MAP_PAGE_SIZE, gfp);

		if (!page)
			return false;
		put_page_back(map, page);
	}
	return true;
}

static void refill_work(struct work_struct *work)
{
	struct vss_map *map = container_of(to_delayed_work(work),
					   struct vss_map, refill_work);

	if (!fill_reserve(map, GFP_REFILL))
		queue_delayed_work(refill_wq, &map->refill_work, REFILL_DELAY);
	if (READ_ONCE(map->nr_reserve))
		wake_up(&map->refilled);
}

/**
 * vss_map_await_memory() - wait for what vss_map_lock_provided() did not get
 * @map:	the map
 *
 * Sleeps for VSS_MAP_DELAY at most, after which it is to be called again.
 */
void vss_map_await_memory(struct vss_map *map)
{
	wait_event_timeout(map->refilled, READ_ONCE(map->nr_reserve),
			   VSS_MAP_DELAY);
}

/**
 * vss_map_init() - make an empty map
 * @map:	the map
 *
 * Return: 0 or -ENOMEM; then vss_map_destroy() is to be called all the same.
 */
int vss_map_init(struct vss_map *map)
{
	unsigned int i, j;

	BUILD_BUG_ON(sizeof(struct vss_map_rec) != 24);
	BUILD_BUG_ON(FANOUT != 1U << FANOUT_SHIFT);

	spin_lock_init(&map->lock);
	init_waitqueue_head(&map->refilled);
	INIT_DELAYED_WORK(&map->refill_work, refill_work);
	map->shards = kcalloc(VSS_SHARDS, sizeof(*map->shards), GFP_KERNEL);
	if (!map->shards)
		return -ENOMEM;
	for (i = 0; i < VSS_SHARDS; i++) {
		spin_lock_init(&map->shards[i].lock);
		for (j = 0; j < VSS_COPY_BUCKETS; j++)
			INIT_HLIST_HEAD(&map->shards[i].copies[j]);
	}
	return fill_reserve(map, GFP_KERNEL) ? 0 : -ENOMEM;
}

/* Each level has fewer than the one below by a factor of FANOUT. */
static void free_tree(void **node, unsigned int levels)
{
	unsigned int i;

	if (!node)
		return;
	for (i = 0; i < FANOUT && levels; i++)
		free_tree(node[i], levels - 1);
	kfree(node);
	if (levels)
		cond_resched();
}

static void pages_free(struct vss_pages *pages)
{
	free_tree(pages->root, pages->levels);
	memset(pages, 0, sizeof(*pages));
}

/**
 * vss_map_destroy() - free a map and everything in it
 * @map:	the map, may be uninitialised zeroes
 */
void vss_map_destroy(struct vss_map *map)
{
	unsigned int i;

	if (!map->shards)
		return;
	for (i = 0; i < VSS_SHARDS; i++) {
		pages_free(&map->shards[i].recs);
		pages_free(&map->shards[i].buckets);
	}
	cancel_delayed_work_sync(&map->refill_work);
	while (map->reserve) {
		void *page = map->reserve;

		map->reserve = *(void **)page;
		kfree(page);
	}
	map->nr_reserve = 0;
	kfree(map->shards);
	map->shards = NULL;
}

/**
 * vss_map_memory() - bytes of memory that a map takes
 * @map:	the map
 *
 * Return: bytes, without the reserve, which is the same for each.
 */
u64 vss_map_memory(const struct vss_map *map)
{
	u64 sum = VSS_SHARDS * sizeof(*map->shards);
	unsigned int i;

	for (i = 0; i < VSS_SHARDS; i++) {
		const struct vss_shard *s = &map->shards[i];

		/* Racy by a page or two; a figure for people. */
		sum += (u64)(READ_ONCE(s->recs.held) +
			     READ_ONCE(s->buckets.held)) * MAP_PAGE_SIZE;
	}
	return sum;
}

/**
 * vss_map_shard() - the shard of a group
 * @map:	the map
 * @group:	the group
 *
 * Return: the shard.
 */
struct vss_shard *vss_map_shard(struct vss_map *map, u32 group)
{
	return &map->shards[hash_32(group, VSS_SHARD_SHIFT)];
}

/* Groups lie at strides of powers of two: every bit of the hash must tell. */
static u32 bucket_hash(u32 group)
{
	return jhash_1word(group, 0);
}

/**
 * vss_map_copies() - the list that holds a group's copies in memory
 * @shard:	the group's shard
 * @group:	the group
 *
 * Return: the list head, protected by the shard's lock.
 */
struct hlist_head *vss_map_copies(struct vss_shard *shard, u32 group)
{
	return &shard->copies[bucket_hash(group) % VSS_COPY_BUCKETS];
}

/* Where the tree has, or is to have, page @i, or what leads there and is missing. */
static void **find_page(struct vss_pages *pages, u32 i, unsigned int *level)
{
	void **at = &pages->root;

	*level = pages->levels;
	while (*level && *at) {
		void **node = *at;

		--*level;
		at = &node[(i >> (*level * FANOUT_SHIFT)) % FANOUT];
	}
	return at;
}

static void *page_at(const struct vss_pages *pages, u32 i)
{
	void **node = pages->root;
	unsigned int level = pages->levels;

	while (level--)
		node = node[(i >> (level * FANOUT_SHIFT)) % FANOUT];
	return node;
}

static struct vss_map_rec *rec_at(struct vss_shard *shard, vss_rec_t r)
{
	u32 i = r - 1;
	struct vss_map_rec *page = page_at(&shard->recs, i / RECS_PER_PAGE);

	return &page[i % RECS_PER_PAGE];
}

static vss_rec_t *bucket_at(struct vss_shard *shard, u32 b)
{
	vss_rec_t *page = page_at(&shard->buckets, b / BUCKETS_PER_PAGE);

	return &page[b % BUCKETS_PER_PAGE];
}

/* Linear hashing: buckets beyond nr_buckets are still part of their twin. */
static u32 bucket_nr(u32 group, u32 nr_buckets)
{
	u32 mask = roundup_pow_of_two(nr_buckets) - 1;
	u32 b = bucket_hash(group) & mask;

	return b < nr_buckets ? b : b & (mask >> 1);
}

/* Open one more bucket and move into it what belongs there. */
static void split_bucket(struct vss_shard *shard)
{
	u32 new = shard->nr_buckets;
	u32 old = new - rounddown_pow_of_two(new);
	vss_rec_t *from = bucket_at(shard, old);
	vss_rec_t *to = bucket_at(shard, new);
	vss_rec_t r;

	shard->nr_buckets++;
	*to = 0;
	while ((r = *from)) {
		struct vss_map_rec *rec = rec_at(shard, r);

		if (bucket_nr(rec->group, shard->nr_buckets) == new) {
			*from = rec->next;
			rec->next = *to;
			*to = r;
		} else {
			from = &rec->next;
		}
	}
}

/*
 * Put a page into the tree: as one that leads to others, if one is missing on the
 * way to the next one of the array.  Returns true if it became that.
 */
static bool attach_page(struct vss_pages *pages, void *page)
{
	unsigned int level;
	void **at;

	pages->held++;
	if (pages->nr && pages->nr == 1U << (pages->levels * FANOUT_SHIFT)) {
		/* The tree is full: it grows at the top. */
		*(void **)page = pages->root;
		pages->root = page;
		pages->levels++;
		return false;
	}
	at = find_page(pages, pages->nr, &level);
	*at = page;
	if (level)
		return false;
	pages->nr++;
	return true;
}

/* One page more, of zeroes, which may not be the last that is needed. */
static void add_page(struct vss_shard *shard, struct vss_pages *pages,
		     void *page)
{
	lockdep_assert_held(&shard->lock);
	if (!attach_page(pages, page))
		return;
	if (pages == &shard->recs) {
		u32 i, first = (pages->nr - 1) * RECS_PER_PAGE + 1;

		for (i = first; i < first + RECS_PER_PAGE; i++) {
			rec_at(shard, i)->next = shard->free;
			shard->free = i;
		}
		shard->nr_free += RECS_PER_PAGE;
	} else if (!shard->nr_buckets) {
		/* The first buckets are empty. */
		shard->nr_buckets = FIRST_BUCKETS;
	}
}

/* Which array has to grow before anything is inserted? */
static struct vss_pages *lacking(struct vss_shard *shard)
{
	lockdep_assert_held(&shard->lock);
	if (shard->nr_free < VSS_MAP_SPARE)
		return &shard->recs;
	if (shard->nr_used >= (u64)shard->buckets.nr * BUCKETS_PER_PAGE *
			      RECS_PER_BUCKET)
		return &shard->buckets;
	return NULL;
}

/**
 * vss_map_lock_provided() - lock a shard that has room for insertions
 * @map:	the map
 * @shard:	the shard
 *
 * Does not wait for memory: writes wait for us, and memory may wait for them.
 * Who gets none may call vss_map_await_memory(), without the lock.
 * The shard is locked on return, whatever that is.
 *
 * Return: 0 if VSS_MAP_SPARE records can be inserted before it is unlocked, or
 * -ENOMEM.
 */
int vss_map_lock_provided(struct vss_map *map, struct vss_shard *shard)
	__acquires(&shard->lock)
{
	struct vss_pages *pages;
	bool refused = false;
	void *page = NULL;

	for (;;) {
		spin_lock(&shard->lock);
		pages = lacking(shard);
		if (pages && page) {
			add_page(shard, pages, page);
			page = NULL;
			pages = lacking(shard);
		}
		if (!pages || refused)
			break;
		spin_unlock(&shard->lock);
		page = get_map_page(map);
		refused = !page;
	}
	/* Somebody else has seen to it meanwhile. */
	if (page)
		put_page_back(map, page);
	return pages ? -ENOMEM : 0;
}

/**
 * vss_map_insert() - record the copies of adjacent chunks
 * @shard:	the shard, locked by vss_map_lock_provided()
 * @group:	the group
 * @first:	first chunk within the group
 * @n:		number of chunks
 * @tag:	the epoch they serve
 * @base:	slot of the first, the others follow; or VSS_SLOT_UNREADABLE
 * @chain:	head of the chain of records with this tag
 */
void vss_map_insert(struct vss_shard *shard, u32 group, unsigned int first,
		    unsigned int n, u32 tag, u32 base, vss_rec_t *chain)
{
	struct vss_map_rec *rec;
	vss_rec_t *bucket;
	vss_rec_t r;

	lockdep_assert_held(&shard->lock);

	if (shard->nr_used >= (u64)shard->nr_buckets * RECS_PER_BUCKET &&
	    shard->nr_buckets < shard->buckets.nr * BUCKETS_PER_PAGE)
		split_bucket(shard);

	r = shard->free;
	rec = rec_at(shard, r);
	shard->free = rec->next;
	shard->nr_free--;
	shard->nr_used++;

	bucket = bucket_at(shard, bucket_nr(group, shard->nr_buckets));
	rec->group = group;
	rec->layout = GENMASK(first + n - 1, first);
	rec->live = rec->layout;
	rec->tag = tag;
	rec->base = base;
	rec->next = *bucket;
	*bucket = r;
	rec->chain = *chain;
	*chain = r;
}

static vss_rec_t first_rec(struct vss_shard *shard, u32 group)
{
	lockdep_assert_held(&shard->lock);

	if (!shard->nr_buckets)
		return 0;
	return *bucket_at(shard, bucket_nr(group, shard->nr_buckets));
}

/**
 * vss_map_covered() - which chunks have a copy that serves an epoch
 * @shard:	the group's shard, locked
 * @group:	the group
 * @mask:	the chunks asked for
 * @epoch:	the epoch: copies with this tag or a newer one count
 *
 * Return: the chunks of @mask that have one.
 */
u16 vss_map_covered(struct vss_shard *shard, u32 group, u16 mask, u32 epoch)
{
	u16 found = 0;
	vss_rec_t r;

	for (r = first_rec(shard, group); r; ) {
		struct vss_map_rec *rec = rec_at(shard, r);

		if (rec->group == group && rec->tag >= epoch)
			found |= rec->live & mask;
		r = rec->next;
	}
	return found;
}

/**
 * vss_map_tagged() - which chunks have a copy with a tag
 * @shard:	the group's shard, locked
 * @group:	the group
 * @mask:	the chunks asked for
 * @tag:	the tag
 *
 * Return: the chunks of @mask that have one.
 */
u16 vss_map_tagged(struct vss_shard *shard, u32 group, u16 mask, u32 tag)
{
	u16 found = 0;
	vss_rec_t r;

	for (r = first_rec(shard, group); r; ) {
		struct vss_map_rec *rec = rec_at(shard, r);

		if (rec->group == group && rec->tag == tag)
			found |= rec->live & mask;
		r = rec->next;
	}
	return found;
}

static u32 rec_slot(const struct vss_map_rec *rec, unsigned int chunk)
{
	if (rec->base == VSS_SLOT_UNREADABLE)
		return VSS_SLOT_UNREADABLE;
	return rec->base + hweight16(rec->layout & ((1U << chunk) - 1));
}

/**
 * vss_map_lookup() - find the copies that an epoch reads
 * @shard:	the group's shard, locked
 * @group:	the group
 * @mask:	the chunks asked for
 * @epoch:	the epoch: of the copies with this tag or a newer one the
 *		oldest counts
 * @slots:	set by chunk number within the group, for the chunks found
 *
 * Return: the chunks of @mask that have a copy.
 */
u16 vss_map_lookup(struct vss_shard *shard, u32 group, u16 mask, u32 epoch,
		   u32 *slots)
{
	u32 tags[VSS_GROUP_CHUNKS];
	u16 found = 0;
	vss_rec_t r;

	for (r = first_rec(shard, group); r; ) {
		struct vss_map_rec *rec = rec_at(shard, r);
		unsigned long hit;
		unsigned int c;

		r = rec->next;
		if (rec->group != group || rec->tag < epoch)
			continue;
		hit = rec->live & mask;
		for_each_set_bit(c, &hit, VSS_GROUP_CHUNKS) {
			if ((found & BIT(c)) && tags[c] <= rec->tag)
				continue;
			found |= BIT(c);
			tags[c] = rec->tag;
			slots[c] = rec_slot(rec, c);
		}
	}
	return found;
}

static void remove_rec(struct vss_shard *shard, vss_rec_t r)
{
	struct vss_map_rec *rec = rec_at(shard, r);
	vss_rec_t *link;

	link = bucket_at(shard, bucket_nr(rec->group, shard->nr_buckets));
	while (*link != r)
		link = &rec_at(shard, *link)->next;
	*link = rec->next;
	rec->live = 0;
	rec->next = shard->free;
	shard->free = r;
	shard->nr_free++;
	shard->nr_used--;
}

/**
 * vss_map_hand_down() - take one record from a snapshot that is removed
 * @shard:	the shard, locked
 * @from:	chain of the snapshot that is removed
 * @to:		chain of the next older snapshot alive, or NULL: there is none
 * @to_tag:	its epoch
 * @freed:	filled with the copies that became free, maybe none
 *
 * What the older snapshot lacks it inherits; the rest becomes free.
 *
 * Return: false if the chain is empty, then @freed is not touched.
 */
bool vss_map_hand_down(struct vss_shard *shard, vss_rec_t *from, vss_rec_t *to,
		       u32 to_tag, struct vss_map_freed *freed)
{
	struct vss_map_rec *rec;
	unsigned long gone;
	vss_rec_t r = *from;
	unsigned int c;

	lockdep_assert_held(&shard->lock);

	if (!r)
		return false;
	rec = rec_at(shard, r);
	*from = rec->chain;

	gone = rec->live;
	if (to)
		gone &= vss_map_tagged(shard, rec->group, rec->live, to_tag);

	freed->group = rec->group;
	freed->chunks = 0;
	for_each_set_bit(c, &gone, VSS_GROUP_CHUNKS) {
		u32 slot = rec_slot(rec, c);

		if (slot == VSS_SLOT_UNREADABLE)
			continue;
		freed->chunks |= BIT(c);
		freed->slots[c] = slot;
	}

	rec->live &= ~gone;
	freed->kept = hweight16(rec->live);
	if (rec->live) {
		rec->tag = to_tag;
		rec->chain = *to;
		*to = r;
	} else {
		remove_rec(shard, r);
	}
	return true;
}

/**
 * vss_map_walk() - tell of a part of a shard's copies
 * @shard:	the shard, locked
 * @pos:	where to go on, 0 to begin with; moved on
 * @fn:		told of at most VSS_MAP_WALK runs
 * @data:	for it
 *
 * What is inserted meanwhile may be told or not.  While nothing is handed down
 * all else is told once.
 *
 * Return: records looked at, 0: that was all.
 */
u32 vss_map_walk(struct vss_shard *shard, u32 *pos, vss_map_run_fn *fn,
		 void *data)
{
	u32 end = shard->recs.nr * RECS_PER_PAGE, n = 0;

	lockdep_assert_held(&shard->lock);
	while (*pos < end && n < VSS_MAP_WALK / (VSS_GROUP_CHUNKS / 2)) {
		struct vss_map_rec *rec = rec_at(shard, ++*pos);
		unsigned int c, next;

		n++;
		/* Free ones have nothing alive. */
		for (c = 0; c < VSS_GROUP_CHUNKS; c = next) {
			next = c + 1;
			if (!(rec->live & BIT(c)))
				continue;
			while (next < VSS_GROUP_CHUNKS &&
			       (rec->live & BIT(next)))
				next++;
			fn(data, ((u64)rec->group << VSS_GROUP_SHIFT) + c,
			   next - c, rec->tag, rec_slot(rec, c));
		}
	}
	return n;
}

/**
 * vss_map_forget() - a copy is not to be told by vss_map_purge()
 * @shard:	the group's shard, locked, to be emptied next
 * @group:	the group
 * @chunk:	the chunk within the group
 * @slot:	the slot of its copy
 *
 * Return: true; false: there is none.
 */
bool vss_map_forget(struct vss_shard *shard, u32 group, unsigned int chunk,
		    u32 slot)
{
	struct vss_map_rec *rec;
	vss_rec_t r;

	for (r = first_rec(shard, group); r; r = rec->next) {
		rec = rec_at(shard, r);
		if (rec->group == group && (rec->live & BIT(chunk)) &&
		    rec_slot(rec, chunk) == slot) {
			rec->live &= ~BIT(chunk);
			return true;
		}
	}
	return false;
}

/**
 * vss_map_empty() - take all copies out of a shard
 * @shard:	the shard, locked; the caller forgets all chains in it
 * @heap:	set to what it held, for vss_map_purge()
 */
void vss_map_empty(struct vss_shard *shard, struct vss_map_heap *heap)
{
	lockdep_assert_held(&shard->lock);
	heap->recs = shard->recs;
	heap->buckets = shard->buckets;
	memset(&shard->recs, 0, sizeof(shard->recs));
	memset(&shard->buckets, 0, sizeof(shard->buckets));
	shard->free = 0;
	shard->nr_free = 0;
	shard->nr_used = 0;
	shard->nr_buckets = 0;
}

static void tell_slots(const struct vss_map_rec *rec, vss_map_slots_fn *fn,
		       void *data)
{
	unsigned int c, next;

	if (rec->base == VSS_SLOT_UNREADABLE)
		return;
	for (c = 0; c < VSS_GROUP_CHUNKS; c = next) {
		next = c + 1;
		if (!(rec->live & BIT(c)))
			continue;
		while (next < VSS_GROUP_CHUNKS && (rec->live & BIT(next)))
			next++;
		fn(data, rec_slot(rec, c), next - c);
	}
}

/**
 * vss_map_purge() - free what a shard held
 * @heap:	that, nobody else's any more
 * @fn:		told of the slots of all copies in it
 * @data:	for it
 *
 * No lock is held: there may be much of it.
 */
void vss_map_purge(struct vss_map_heap *heap, vss_map_slots_fn *fn, void *data)
{
	u32 i, j;

	for (i = 0; i < heap->recs.nr; i++) {
		const struct vss_map_rec *page = page_at(&heap->recs, i);

		/* Free ones have nothing alive. */
		for (j = 0; j < RECS_PER_PAGE; j++)
			tell_slots(&page[j], fn, data);
		cond_resched();
	}
	pages_free(&heap->recs);
	pages_free(&heap->buckets);
}

/**
 * vss_map_trim() - give back the memory of a shard that holds nothing
 * @shard:	the shard, not locked
 */
void vss_map_trim(struct vss_shard *shard)
{
	struct vss_map_heap heap = {};

	spin_lock(&shard->lock);
	if (!shard->nr_used)
		vss_map_empty(shard, &heap);
	spin_unlock(&shard->lock);
	pages_free(&heap.recs);
	pages_free(&heap.buckets);
}

/**
 * vss_map_module_init() - set up what all maps share
 *
 * Return: 0 or -ENOMEM.
 */
int vss_map_module_init(void)
{
	refill_wq = alloc_workqueue("vss-refill", WQ_MEM_RECLAIM | WQ_UNBOUND,
				    0);
	return refill_wq ? 0 : -ENOMEM;
}

/**
 * vss_map_module_exit() - free what vss_map_module_init() made
 */
void vss_map_module_exit(void)
{
	destroy_workqueue(refill_wq);
}

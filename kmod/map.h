/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chunk map: where the old content of a chunk was copied to, for every
 * epoch, in few bytes a chunk.
 */
#ifndef VSS_MAP_H
#define VSS_MAP_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#define VSS_GROUP_SHIFT		4
#define VSS_GROUP_CHUNKS	16U
#define VSS_SHARD_SHIFT		4
#define VSS_SHARDS		16U
#define VSS_COPY_BUCKETS	64

/* Index of a record; 0 is none. */
typedef u32 vss_rec_t;

/* vss_map_rec.base of a chunk whose old content could not be read. */
#define VSS_SLOT_UNREADABLE	U32_MAX
#define VSS_SLOT_NONE		(U32_MAX - 1)

/* Records that a publisher may need at once. */
#define VSS_MAP_SPARE		VSS_GROUP_CHUNKS

/* How often to ask again for memory before it counts as refused, and how soon. */
#define VSS_MAP_ROUNDS		100U
#define VSS_MAP_DELAY		msecs_to_jiffies(10)

/* Most runs that one call of vss_map_walk() tells. */
#define VSS_MAP_WALK		256U

/* Told of adjacent slots that are not used any more. */
typedef void vss_map_slots_fn(void *data, u32 slot, u32 nr);

/* Told of adjacent chunks in adjacent slots, or all unreadable. */
typedef void vss_map_run_fn(void *data, u64 chunk, u32 nr, u32 tag, u32 slot);

/**
 * struct vss_pages - an array that grows by whole pages
 * @root:	tree of its pages; with no levels the only one
 * @levels:	of pages in the tree that lead to others
 * @nr:		pages of the array
 * @held:	pages in all
 */
struct vss_pages {
	void		*root;
	unsigned int	levels;
	u32		nr;
	u32		held;
};

/**
 * struct vss_map_rec - copies of adjacent chunks made at one time
 * @group:	chunk number / VSS_GROUP_CHUNKS
 * @layout:	chunks of the group that have a slot in this record
 * @live:	those of them whose copy is still needed
 * @tag:	epoch the copies serve, and older ones
 * @base:	slot of the lowest chunk of @layout; the others follow
 * @next:	next record of the bucket
 * @chain:	next record with the same tag in this shard
 */
struct vss_map_rec {
	u32		group;
	u16		layout;
	u16		live;
	u32		tag;
	u32		base;
	vss_rec_t	next;
	vss_rec_t	chain;
};

/**
 * struct vss_map_heap - what a shard held that was emptied
 * @recs:	pages of records
 * @buckets:	pages of bucket heads
 */
struct vss_map_heap {
	struct vss_pages	recs;
	struct vss_pages	buckets;
};

/**
 * struct vss_map_freed - copies that nobody needs any more
 * @group:	their group
 * @kept:	how many of the record's chunks were handed down instead
 * @chunks:	which chunks of the group became free
 * @slots:	by chunk number within the group: the slot that became free
 */
struct vss_map_freed {
	u32	group;
	u16	kept;
	u16	chunks;
	u32	slots[VSS_GROUP_CHUNKS];
};

/**
 * struct vss_shard - a part of the map, chosen by the group's hash
 * @lock:	protects everything here and the states of the copies in
 *		@copies.  Process context only
 * @recs:	pages of records
 * @free:	free records, linked by @next
 * @nr_free:	their number
 * @nr_used:	records in use
 * @buckets:	pages of bucket heads
 * @nr_buckets:	buckets in use (linear hashing)
 * @copies:	copies in memory, by group
 */
struct vss_shard {
	spinlock_t		lock;	/* everything here */
	struct vss_pages	recs;
	vss_rec_t		free;
	u32			nr_free;
	u32			nr_used;
	struct vss_pages	buckets;
	u32			nr_buckets;
	struct hlist_head	copies[VSS_COPY_BUCKETS];
} ____cacheline_aligned_in_smp;

/**
 * struct vss_map - the chunk map of a volume
 * @shards:	its parts
 * @lock:	protects the next two; inside that of a shard
 * @reserve:	pages for when there is no memory, linked by their first word
 * @nr_reserve:	their number
 * @refill_work: gets new ones, and may sleep for them
 * @refilled:	woken when it has
 */
struct vss_map {
	struct vss_shard	*shards;
	spinlock_t		lock;	/* @reserve, @nr_reserve */
	void			*reserve;
	unsigned int		nr_reserve;
	struct delayed_work	refill_work;
	wait_queue_head_t	refilled;
};

int vss_map_init(struct vss_map *map);
void vss_map_destroy(struct vss_map *map);
u64 vss_map_memory(const struct vss_map *map);

struct vss_shard *vss_map_shard(struct vss_map *map, u32 group);
struct hlist_head *vss_map_copies(struct vss_shard *shard, u32 group);

int vss_map_lock_provided(struct vss_map *map, struct vss_shard *shard)
	__acquires(&shard->lock);
void vss_map_await_memory(struct vss_map *map);
void vss_map_insert(struct vss_shard *shard, u32 group, unsigned int first,
		    unsigned int n, u32 tag, u32 base, vss_rec_t *chain);
u16 vss_map_covered(struct vss_shard *shard, u32 group, u16 mask, u32 epoch);
u16 vss_map_tagged(struct vss_shard *shard, u32 group, u16 mask, u32 tag);
u16 vss_map_lookup(struct vss_shard *shard, u32 group, u16 mask, u32 epoch,
		   u32 *slots);
bool vss_map_hand_down(struct vss_shard *shard, vss_rec_t *from, vss_rec_t *to,
		       u32 to_tag, struct vss_map_freed *freed);
u32 vss_map_walk(struct vss_shard *shard, u32 *pos, vss_map_run_fn *fn,
		 void *data);
bool vss_map_forget(struct vss_shard *shard, u32 group, unsigned int chunk,
		    u32 slot);
void vss_map_empty(struct vss_shard *shard, struct vss_map_heap *heap);
void vss_map_purge(struct vss_map_heap *heap, vss_map_slots_fn *fn, void *data);
void vss_map_trim(struct vss_shard *shard);

int vss_map_module_init(void);
void vss_map_module_exit(void);

#endif /* VSS_MAP_H */

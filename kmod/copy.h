/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copy-before-write: the way of a chunk's old content from the origin to the
 * diff area.
 */
#ifndef VSS_COPY_H
#define VSS_COPY_H

#include <linux/bio.h>
#include <linux/llist.h>
#include <linux/mempool.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "map.h"

struct vss_volume;

#define VSS_DEFAULT_COPY_MEMORY	33554432ULL	/* 32 MiB */
#define VSS_MIN_COPY_MEMORY	1048576ULL

/**
 * struct vss_range - the chunks of a volume that a bio touches
 * @first:	first chunk
 * @last:	last chunk
 * @head:	the volume's head is among them: see head.c
 */
struct vss_range {
	u64	first;
	u64	last;
	bool	head;
};

/**
 * enum vss_copy_state - where a copy is on its way
 * @VSS_COPY_READING:	waits for room or memory, or for the origin's answer
 * @VSS_COPY_PUBLISHED:	in the map; its content is in memory
 */
enum vss_copy_state {
	VSS_COPY_READING,
	VSS_COPY_PUBLISHED,
};

/**
 * struct vss_copy - the old content of adjacent chunks of a group, in memory
 * @node:	in vss_shard.copies; under the shard lock
 * @list:	in vss_copier.starved or vss_copier.to_store
 * @done:	in vss_copier.read, vss_copier.unmapped or vss_copier.stored
 * @vol:	the volume
 * @refs:	the pipeline has one, and each reader of the content
 * @state:	under the shard lock
 * @group:	group of the chunks
 * @first:	first chunk within the group
 * @n:		number of chunks
 * @live_back:	vss_volume.live_back when it was begun
 * @has_room:	slots are reserved for it
 * @pooled:	allocated from vss_copier.pool
 * @probed:	chunks read one by one, because reading all at once failed
 * @rounds:	times that there was no memory for it in the map
 * @bad:	chunks whose content could not be read, by number within the copy
 * @dead:	chunks that nobody needs any more; under the shard lock
 * @stores:	writes to the diff area that have not ended
 * @next:	next copy of the same read, or of the same store
 * @waiters:	writes that wait for it; under the shard lock
 * @slots:	by number within the copy; VSS_SLOT_NONE: not in the map
 * @hash:	of the content, if all could be read; for the log
 * @bytes:	length of the content
 * @vec_shift:	log2 of the bytes in each of @vecs, but the last
 * @bio:	the read of the origin
 * @vecs:	the content's pages
 */
struct vss_copy {
	struct hlist_node	node;
	struct list_head	list;
	struct llist_node	done;
	struct vss_volume	*vol;
	refcount_t		refs;
	enum vss_copy_state	state;
	u32			group;
	u8			first;
	u8			n;
	u32			live_back;
	bool			has_room;
	bool			pooled;
	u8			probed;
	u8			rounds;
	u16			bad;
	u16			dead;
	atomic_t		stores;
	struct vss_copy		*next;
	struct bio_list		waiters;
	u32			slots[VSS_GROUP_CHUNKS];
	u32			hash;
	unsigned int		bytes;
	u8			vec_shift;
	struct bio		bio;
	struct bio_vec		vecs[];
};

/**
 * struct vss_copier - the pipeline of a volume's copies
 * @memory:	most bytes of content in memory
 * @used:	bytes of content in memory
 * @quiet:	woken when @used falls to 0
 * @max_run:	most chunks in one copy
 * @pool:	so that one copy of a chunk can always be made
 * @pages:	likewise
 * @spare_lock:	protects the next three
 * @spare:	content's pages for the next copies: a page just allocated is
 *		cleared by most kernels, which costs as much as the read
 * @nr_spare:	their number
 * @low_spare:	the fewest there were since @trim_work ran
 * @trim_work:	frees those that were not needed for a while
 * @lock:	protects @bios, @starved and @to_store
 * @bios:	writes whose copies are to be started by @copy_work
 * @starved:	copies that wait for room or memory
 * @copy_work:	starts copies
 * @read:	copies whose read has ended
 * @read_work:	publishes them and lets the writes go; may run on several CPUs
 * @unmapped:	copies whose read has ended, and the map had no memory for them
 * @late_work:	publishes all of these, should there be memory now, and should the
 *		CPU that was to run @read_work have no time
 * @stored:	copies whose store has ended
 * @stored_work: forgets them
 * @to_store:	copies to be written to the diff area
 * @nr_to_store: chunks of them
 * @store_work:	does it
 * @store_bios:	its bios
 * @read_bios:	reads of several copies
 * @fronts:	fronts of operations without data, which may wait for stores
 * @stall_work:	watches for a diff area that does not answer
 * @storing:	copies published and not yet in the diff area
 * @progress:	when a store ended or a copy was starved last, in jiffies
 * @reap_work:	removes lost snapshots, drops the oldest to win room
 */
struct vss_copier {
	u64			memory;
	atomic64_t		used;
	wait_queue_head_t	quiet;
	unsigned int		max_run;
	mempool_t		pool;
	mempool_t		pages;
	spinlock_t		spare_lock;	/* @spare and its counts */
	struct list_head	spare;
	u32			nr_spare;
	u32			low_spare;
	struct delayed_work	trim_work;
	spinlock_t		lock;	/* the queues */
	struct bio_list		bios;
	struct list_head	starved;
	struct delayed_work	copy_work;
	struct llist_head	read;
	struct work_struct	read_work;
	struct llist_head	unmapped;
	struct delayed_work	late_work;
	struct llist_head	stored;
	struct work_struct	stored_work;
	struct list_head	to_store;
	u32			nr_to_store;
	struct delayed_work	store_work;
	struct bio_set		store_bios;
	struct bio_set		read_bios;
	mempool_t		fronts;
	struct delayed_work	stall_work;
	atomic_t		storing;
	unsigned long		progress;
	struct work_struct	reap_work;
};

/* copy.c */
int vss_copier_init(struct vss_volume *vol, u64 memory);
void vss_copier_destroy(struct vss_volume *vol);
void vss_copier_stop(struct vss_volume *vol);
void vss_copier_settle(struct vss_volume *vol);
struct vss_copy *vss_copy_find(struct vss_shard *shard, u32 group,
			       unsigned int chunk, u32 slot);
unsigned int vss_copies_doom(struct vss_shard *shard);

/* copy-memory.c */
u64 vss_copier_memory(struct vss_volume *vol);
void vss_copier_kick(struct vss_volume *vol);
void vss_copy_put(struct vss_copy *copy);
struct page *vss_copy_page(struct vss_copy *copy, unsigned int chunk,
			   unsigned int offset);

/* copy-wait.c */
extern unsigned int vss_stall_seconds;

void vss_range_init(struct vss_range *range, const struct vss_volume *vol,
		    sector_t sector, sector_t nr);
bool vss_copy_is_safe(const struct vss_volume *vol,
		      const struct vss_range *range);
bool vss_copy_is_covered(struct vss_volume *vol,
			 const struct vss_range *range);
void vss_copy_wait(struct vss_volume *vol, struct bio *bio,
		   const struct vss_range *range, bool direct);
u32 vss_copier_wants(struct vss_volume *vol);

/* copy-publish.c */
int vss_copy_publish(struct vss_copy *copy, u32 tag, bool durable,
		     struct bio_list *released);
void vss_copy_release(struct vss_copy *copy, struct bio_list *released);
void vss_copy_abandon(struct vss_copy *copy, struct bio_list *released);
void vss_copy_stored(struct vss_copy *copy);

/* store.c */
int vss_store_init(struct vss_volume *vol);
void vss_store_destroy(struct vss_volume *vol);
void vss_store_queue(struct vss_volume *vol, struct list_head *copies);
void vss_store_kick(struct vss_volume *vol);
void vss_store_now(struct vss_volume *vol, struct list_head *copies);

#endif /* VSS_COPY_H */

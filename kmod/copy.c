// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copy-before-write: the way of a chunk's old content from the origin to the
 * diff area.
 *
 *   copy-wait.c     a write waits: which chunks need a copy?  start them
 *   copy-memory.c   room and memory for a copy
 *   copy-read.c     the origin is read
 *   copy-publish.c  in the map and in memory; the write goes
 *   store.c         the content goes to the diff area, behind the write
 *   copy-publish.c  the copy is forgotten, memory is free again
 *
 * This file sets all of that up and ends it, and has what is done with the copies of
 * a shard wherever they are on their way.
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
 * Nothing on this way sleeps for memory or room.  What cannot be had now makes the
 * copy starve in a queue, and whoever gives something back kicks the queue;
 * pools see to it that one copy can always be made.  Only for its place in the map
 * there is no such promise: a copy comes again for that, and the snapshots are lost
 * when it has come in vain for long.
 */
#include "copy-internal.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

#define MAX_COPY_PAGES		256U
/* Copies in flight end within that, unless a device hangs. */
#define SETTLE_TIMEOUT		HZ

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
		    (vss_copy_mask(copy) & BIT(chunk)) &&
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
	INIT_LIST_HEAD(&copier->to_store);
	INIT_WORK(&copier->reap_work, vss_snapshots_reap_work);
	vss_copy_publish_init(vol);

	err = vss_copy_memory_init(vol);
	err = err ?: vss_copy_wait_init(vol);
	err = err ?: vss_copy_read_init(vol);
	return err ?: vss_store_init(vol);
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
	vss_store_destroy(vol);
	vss_copy_read_destroy(vol);
	vss_copy_wait_destroy(vol);
	vss_copy_memory_destroy(vol);
}

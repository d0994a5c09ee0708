// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of snapshots: prepared, committed, lost, deleted.
 *
 * Removal of a snapshot hands the copies tagged with its epoch down to the
 * next older one alive, where that lacks them, and frees the rest.  When none is
 * alive any more the copies of all are dropped at once.  Marking it
 * dead and handing down are one under the volume's reap_lock: two removals
 * that mixed would hand a copy past a snapshot whose own are still there.
 *
 * That waits for nobody.  What does is to free the snapshot, for its image may
 * be read from a diff area that hangs: it is done without vss_mutex.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "event.h"
#include "log.h"
#include "netlink.h"
#include "snapshot.h"
#include "volume.h"

/* Records handled before others get a chance at the lock. */
#define REAP_BATCH	256

/* The next older snapshot alive; under snap_lock. */
static struct vss_snapshot *next_older(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;

	lockdep_assert_held(&vol->snap_lock);
	list_for_each_entry_continue_reverse(snap, &vol->snaps, list) {
		if (snap->state == VSS_SNAPSHOT_ALIVE)
			return snap;
	}
	return NULL;
}

static struct vss_snapshot *oldest_alive(struct vss_volume *vol)
{
	struct vss_snapshot *snap;

	lockdep_assert_held(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list) {
		if (snap->state == VSS_SNAPSHOT_ALIVE)
			return snap;
	}
	return NULL;
}

/* End a snapshot's life: from here on its image gives errors. */
static bool end_life(struct vss_snapshot *snap, enum vss_snapshot_state state,
		     enum vss_lost_reason reason)
{
	struct vss_volume *vol = snap->vol;

	lockdep_assert_held(&vol->snap_lock);
	if (snap->state != VSS_SNAPSHOT_ALIVE) {
		if (state == VSS_SNAPSHOT_DELETING)
			WRITE_ONCE(snap->state, state);
		return false;
	}
	snap->reason = reason;
	WRITE_ONCE(snap->state, state);
	/*
	 * A write that is let go because nobody needs a copy must find readers
	 * of the image warned.  Pairs with the barrier in image.c.
	 */
	smp_wmb();
	if (vol->live == snap) {
		/* Writes may pass that copies under way did not reckon with. */
		WRITE_ONCE(vol->live_back, vol->live_back + 1);
		/* Who sees the new @live sees that; pairs with publish(). */
		smp_wmb();
		WRITE_ONCE(vol->live, next_older(snap));
	}
	return true;
}

static void free_copies(struct vss_volume *vol, struct vss_shard *shard,
			const struct vss_map_freed *freed)
{
	unsigned long chunks = freed->chunks;
	unsigned int c, dying = 0;

	for_each_set_bit(c, &chunks, VSS_GROUP_CHUNKS) {
		struct vss_copy *copy = vss_copy_find(shard, freed->group, c,
						      freed->slots[c]);

		if (copy) {
			/* Its write may be under way: the slot comes later. */
			copy->dead |= BIT(c);
			dying++;
		} else {
			vss_area_free(&vol->area, freed->slots[c]);
		}
	}
	if (dying)
		vss_area_set_dying(&vol->area, dying);
}

static void free_slots(void *data, u32 slot, u32 nr)
{
	struct vss_volume *vol = data;

	vss_area_free_run(&vol->area, slot, nr);
}

/* Drop all copies of a shard; false: a snapshot is alive that may need some. */
static bool purge_shard(struct vss_volume *vol, unsigned int i)
{
	struct vss_shard *shard = &vol->map.shards[i];
	struct vss_map_heap heap;
	struct vss_snapshot *snap;
	unsigned int dying;

	/* Who inserts has looked for a snapshot with the shard locked. */
	spin_lock(&shard->lock);
	spin_lock(&vol->snap_lock);
	if (oldest_alive(vol)) {
		spin_unlock(&vol->snap_lock);
		spin_unlock(&shard->lock);
		return false;
	}
	list_for_each_entry(snap, &vol->snaps, list)
		snap->chain[i] = 0;
	spin_unlock(&vol->snap_lock);
	dying = vss_copies_doom(shard);
	if (dying)
		vss_area_set_dying(&vol->area, dying);
	vss_map_empty(shard, &heap);
	spin_unlock(&shard->lock);
	vss_map_purge(&heap, free_slots, vol);
	return true;
}

static void set_reaped(struct vss_snapshot *snap)
{
	atomic64_set(&snap->copied, 0);
	vss_overlay_doom(snap);
	snap->reaped = true;
}

/* Take all copies from a snapshot whose life has ended. */
static void reap(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;
	struct vss_snapshot *heir;
	unsigned int i;

	lockdep_assert_held(&vol->reap_lock);
	if (snap->reaped)
		return;

	spin_lock(&vol->snap_lock);
	heir = next_older(snap);
	spin_unlock(&vol->snap_lock);

	for (i = 0; i < VSS_SHARDS; i++) {
		struct vss_shard *shard = &vol->map.shards[i];
		struct vss_map_freed freed;
		unsigned int n = 0;

		if (!heir && purge_shard(vol, i))
			continue;
		spin_lock(&shard->lock);
		while (vss_map_hand_down(shard, &snap->chain[i],
					 heir ? &heir->chain[i] : NULL,
					 heir ? heir->epoch : 0, &freed)) {
			free_copies(vol, shard, &freed);
			if (heir)
				atomic64_add(freed.kept, &heir->copied);
			if (++n % REAP_BATCH == 0) {
				spin_unlock(&shard->lock);
				cond_resched();
				spin_lock(&shard->lock);
			}
		}
		spin_unlock(&shard->lock);
		vss_map_trim(shard);
	}
	set_reaped(snap);
}

/**
 * vss_snapshots_lose() - give up all snapshots of a volume
 * @vol:	the volume
 * @reason:	why
 *
 * Takes effect at once: writes need no copies any more when it returns.
 */
void vss_snapshots_lose(struct vss_volume *vol, enum vss_lost_reason reason)
{
	struct vss_snapshot *snap;
	bool any = false;

	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list)
		any |= end_life(snap, VSS_SNAPSHOT_LOST, reason);
	spin_unlock(&vol->snap_lock);
	if (any)
		queue_work(vol->wq, &vol->copier.reap_work);
}

/**
 * vss_snapshot_is_whole() - has it still got what it rests on?
 * @snap:	the snapshot, in any state
 *
 * Return: false if what it has not copied may have been lost.
 */
bool vss_snapshot_is_whole(const struct vss_snapshot *snap)
{
	return atomic_read(&snap->vol->spoilt) == snap->spoilt;
}

/**
 * vss_snapshots_spoil() - what a volume's snapshots rest on is about to go
 * @vol:	the volume, under rcu_read_lock()
 * @reason:	VSS_LOST_RESIZED: its disk will end within the volume, or the disk
 *		of its diff area within that; VSS_LOST_UNTRACKED: it may be
 *		written past the hook
 *
 * Images give errors when it returns.  Does not sleep.  With a persistent area
 * copies are made until the loss is on disk: a log that knows nothing of it must
 * not find writes that it has no copies for.
 */
void vss_snapshots_spoil(struct vss_volume *vol, enum vss_lost_reason reason)
{
	struct vss_log *log;

	WRITE_ONCE(vol->spoilt_by, reason);
	/* Who sees the new count sees vss_volume.cut, and the reason. */
	smp_mb__before_atomic();
	atomic_inc(&vol->spoilt);
	/* Pairs with the barrier in load(): that sees it, or we see the log. */
	smp_mb__after_atomic();
	/* An area is as good as it was.  A new one has seen the old count. */
	if (reason == VSS_LOST_UNTRACKED && list_empty(&vol->snaps))
		return;
	log = READ_ONCE(vol->log);
	if (log)
		vss_log_doom(log, reason);
	else if (!READ_ONCE(vol->leaving))
		vss_snapshots_lose(vol, reason);
}

/**
 * vss_snapshot_lose() - a snapshot that is being loaded was lost
 * @snap:	the snapshot
 * @reason:	why
 */
void vss_snapshot_lose(struct vss_snapshot *snap, enum vss_lost_reason reason)
{
	struct vss_volume *vol = snap->vol;

	mutex_lock(&vol->reap_lock);
	spin_lock(&vol->snap_lock);
	end_life(snap, VSS_SNAPSHOT_LOST, reason);
	spin_unlock(&vol->snap_lock);
	reap(snap);
	mutex_unlock(&vol->reap_lock);
}

/*
 * Could room be won, and should it be, before it is all gone?  A copy that
 * cannot be made spoils every snapshot, so the oldest goes early.
 */
static struct vss_snapshot *crowding(struct vss_volume *vol)
{
	struct vss_snapshot *snap;

	lockdep_assert_held(&vol->snap_lock);
	snap = oldest_alive(vol);
	if (!snap || snap == vol->live || !atomic64_read(&snap->copied))
		return NULL;
	return vss_area_is_crowded(&vol->area) ? snap : NULL;
}

/**
 * vss_snapshots_crowded() - should the oldest snapshot make room?
 * @vol:	the volume
 *
 * Return: true if reap_work has something to win.
 */
bool vss_snapshots_crowded(struct vss_volume *vol)
{
	bool crowded;

	spin_lock(&vol->snap_lock);
	crowded = crowding(vol);
	spin_unlock(&vol->snap_lock);
	return crowded;
}

/* The next one that has to go, if any; it may be lost already. */
static struct vss_snapshot *next_to_reap(struct vss_volume *vol)
{
	struct vss_snapshot *snap;
	u32 want = vss_copier_wants(vol);

	lockdep_assert_held(&vol->reap_lock);
	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list) {
		if (snap->state == VSS_SNAPSHOT_LOST && !snap->reaped)
			goto out;
	}
	snap = crowding(vol);
	if (!snap && want && vss_area_short_of(&vol->area, want))
		snap = oldest_alive(vol);
out:
	spin_unlock(&vol->snap_lock);
	return snap;
}

/*
 * Remove a lost snapshot, or one that has to go, from the map.  What the log
 * must know comes first: then no write needs a copy for it any more.
 */
static void give_up(struct vss_snapshot *snap, enum vss_lost_reason reason)
{
	struct vss_volume *vol = snap->vol;
	bool lost;

	lockdep_assert_held(&vol->reap_lock);
	if (vss_snapshot_is_good(snap))
		vss_log_begin_reap(vol, snap, reason);
	spin_lock(&vol->snap_lock);
	end_life(snap, VSS_SNAPSHOT_LOST, reason);
	lost = snap->state == VSS_SNAPSHOT_LOST;
	spin_unlock(&vol->snap_lock);
	/* Or it was retired meanwhile. */
	if (lost)
		vss_event_snapshot(snap, VSS_EVENT_SNAPSHOT_LOST);
	reap(snap);
	vss_log_end_reap(vol);
}

/**
 * vss_snapshots_reap_work() - work: clear up after lost snapshots, win room
 * @work:	vss_copier.reap_work
 */
void vss_snapshots_reap_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(work, struct vss_copier,
						 reap_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	enum vss_lost_reason reason = VSS_LOST_AREA_FULL;
	struct vss_snapshot *snap;

	mutex_lock(&vol->reap_lock);
	while ((snap = next_to_reap(vol))) {
		/* One that has failed has no room either; who hears of it looks. */
		if (READ_ONCE(vol->area.failed)) {
			vss_area_mark_failed(&vol->area);
			reason = VSS_LOST_AREA_ERROR;
		}
		give_up(snap, reason);
	}
	mutex_unlock(&vol->reap_lock);
	vss_copier_kick(vol);
}

/**
 * vss_snapshot_find() - find a snapshot by its name
 * @uuid:	the name
 *
 * Return: the snapshot or NULL.
 */
struct vss_snapshot *vss_snapshot_find(const uuid_t *uuid)
{
	struct vss_snapshot *snap;
	struct vss_volume *vol;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry(snap, &vol->snaps, list) {
			if (uuid_equal(&snap->uuid, uuid))
				return snap;
		}
	}
	return NULL;
}

static struct vss_snapshot *new_snapshot(struct vss_volume *vol)
{
	struct vss_snapshot *snap = kzalloc(sizeof(*snap), GFP_KERNEL);
	int err;

	if (!snap)
		return ERR_PTR(-ENOMEM);
	snap->vol = vol;
	init_waitqueue_head(&snap->quiet);
	vss_overlay_init(snap);
	err = vss_image_create(snap);
	if (err) {
		kfree(snap);
		return ERR_PTR(err);
	}
	return snap;
}

static void add_snapshot(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;

	spin_lock(&vol->snap_lock);
	list_add_tail(&snap->list, &vol->snaps);
	spin_unlock(&vol->snap_lock);
	vol->nr_snaps++;
	vss_changed();
}

/**
 * vss_snapshot_prepare() - allocate everything a snapshot needs
 * @vol:	the volume
 * @uuid:	its name
 * @set_uuid:	name of its set
 * @snapp:	set to the snapshot
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_snapshot_prepare(struct vss_volume *vol, const uuid_t *uuid,
			 const uuid_t *set_uuid, struct vss_snapshot **snapp,
			 struct netlink_ext_ack *extack)
{
	/* First, for what becomes smaller after the check must show. */
	int spoilt = atomic_read_acquire(&vol->spoilt);
	struct vss_snapshot *snap;
	int err;

	lockdep_assert_held(&vss_mutex);
	err = vss_volume_check(vol, extack);
	if (err)
		return err;
	if (vol->nr_snaps >= VSS_MAX_SNAPSHOTS || vol->gen >= U32_MAX - 1) {
		NL_SET_ERR_MSG(extack, "the volume has as many snapshots as it may have");
		return -EMLINK;
	}
	if (!vol->area.nr_slots) {
		NL_SET_ERR_MSG(extack, "the volume has no diff area");
		return -ENOSPC;
	}
	if (READ_ONCE(vol->area.failed)) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has failed: remove the part that failed");
		return -EIO;
	}
	if (vol->log && READ_ONCE(vol->log->dead)) {
		NL_SET_ERR_MSG(extack,
			       "the persistent diff area holds lost snapshots: delete them, and make it anew");
		return -EIO;
	}
	if (vss_area_short_of(&vol->area, 1)) {
		NL_SET_ERR_MSG(extack, "the diff area is full");
		return -ENOSPC;
	}
	if (vss_snapshot_find(uuid)) {
		NL_SET_ERR_MSG(extack, "a snapshot of this name exists");
		return -EEXIST;
	}

	snap = new_snapshot(vol);
	if (IS_ERR(snap)) {
		NL_SET_ERR_MSG(extack, "no image device could be made");
		return PTR_ERR(snap);
	}
	uuid_copy(&snap->uuid, uuid);
	uuid_copy(&snap->set_uuid, set_uuid);
	snap->spoilt = spoilt;
	snap->state = VSS_SNAPSHOT_PREPARED;
	add_snapshot(snap);
	*snapp = snap;
	return 0;
}

/**
 * vss_snapshot_restore() - a snapshot comes back from a persistent diff area
 * @vol:	the volume, whose area is being loaded
 * @entry:	what the log says; newer than all the volume has
 *
 * Return: the snapshot or an error pointer.
 */
struct vss_snapshot *
vss_snapshot_restore(struct vss_volume *vol,
		     const struct vss_disk_snapshot *entry)
{
	u32 reason = le32_to_cpu(entry->lost_reason);
	struct vss_snapshot *snap;

	lockdep_assert_held(&vss_mutex);
	if (vol->nr_snaps >= VSS_MAX_SNAPSHOTS)
		return ERR_PTR(-EBADMSG);
	snap = new_snapshot(vol);
	if (IS_ERR(snap))
		return snap;
	import_uuid(&snap->uuid, entry->uuid);
	import_uuid(&snap->set_uuid, entry->set);
	snap->epoch = le32_to_cpu(entry->epoch);
	snap->time_ns = le64_to_cpu(entry->time);
	snap->members = le32_to_cpu(entry->members);
	snap->sealed = le16_to_cpu(entry->flags) & VSS_DISK_SNAPSHOT_SEALED;
	snap->reason = reason;
	snap->state = reason ? VSS_SNAPSHOT_LOST : VSS_SNAPSHOT_ALIVE;
	snap->reaped = reason;
	add_snapshot(snap);
	return snap;
}

/**
 * vss_snapshot_commit() - this is the instant
 * @snap:	a prepared snapshot, its volume held and drained
 * @time_ns:	the time of day
 *
 * Pointers only: nothing that could fail or take time.
 */
void vss_snapshot_commit(struct vss_snapshot *snap, u64 time_ns)
{
	struct vss_volume *vol = snap->vol;

	spin_lock(&vol->snap_lock);
	snap->epoch = vol->gen + 1;
	snap->time_ns = time_ns;
	WRITE_ONCE(snap->state, VSS_SNAPSHOT_ALIVE);
	/* Whoever finds the snapshot finds its epoch set. */
	smp_store_release(&vol->live, snap);
	/*
	 * Who sees the new generation sees the new snapshot: a copy made for
	 * an older one must not count as safe in the new generation.
	 */
	smp_wmb();
	WRITE_ONCE(vol->gen, snap->epoch);
	spin_unlock(&vol->snap_lock);
}

/**
 * vss_snapshot_show() - make the image of a committed snapshot visible
 * @snap:	the snapshot
 *
 * Whatever the diff area keeps it waiting for, others do not wait for that
 * unless the caller has vss_mutex.
 *
 * Return: 0 or a negative errno.
 */
int vss_snapshot_show(struct vss_snapshot *snap)
{
	int err;

	err = vss_image_show(snap);
	if (!err)
		vss_event_snapshot(snap, VSS_EVENT_SNAPSHOT_CREATED);
	return err;
}

/**
 * vss_snapshot_unlink() - remove a snapshot, whatever its state
 * @snap:	the snapshot
 * @dropped:	it is added, for vss_snapshots_free()
 *
 * Users of the image get errors from now on.  Waits for no device but that of a
 * persistent diff area, for stall_seconds at most.
 */
void vss_snapshot_unlink(struct vss_snapshot *snap, struct list_head *dropped)
{
	struct vss_volume *vol = snap->vol;

	lockdep_assert_held(&vss_mutex);

	mutex_lock(&vol->reap_lock);
	vss_log_begin_reap(vol, snap, 0);
	spin_lock(&vol->snap_lock);
	end_life(snap, VSS_SNAPSHOT_DELETING, snap->reason);
	spin_unlock(&vol->snap_lock);
	reap(snap);
	spin_lock(&vol->snap_lock);
	list_move_tail(&snap->list, dropped);
	spin_unlock(&vol->snap_lock);
	vss_log_end_reap(vol);
	mutex_unlock(&vol->reap_lock);
	snap->stays = vol->leaving;
	vss_copier_kick(vol);
	vss_changed();
}

/**
 * vss_snapshots_retire() - no write needs a copy for a volume's snapshots any more
 * @vol:	the volume, as for vss_snapshots_end(), which follows
 *
 * Takes effect at once, without vss_mutex.
 */
void vss_snapshots_retire(struct vss_volume *vol)
{
	struct vss_snapshot *snap;

	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list) {
		/* Of those that are lost that is to be told still. */
		if (snap->state == VSS_SNAPSHOT_ALIVE)
			end_life(snap, VSS_SNAPSHOT_DELETING, snap->reason);
	}
	spin_unlock(&vol->snap_lock);
	vss_copier_kick(vol);
}

/**
 * vss_snapshots_end() - remove all snapshots of a volume
 * @vol:	the volume, without a log or about to leave it
 * @dropped:	they are added, for vss_snapshots_free()
 *
 * As vss_snapshot_unlink() for each of them, but no copy is handed down.
 */
void vss_snapshots_end(struct vss_volume *vol, struct list_head *dropped)
{
	struct vss_snapshot *snap;
	unsigned int i;

	lockdep_assert_held(&vss_mutex);
	WARN_ON_ONCE(vol->log && !vol->leaving);

	vss_snapshots_retire(vol);
	mutex_lock(&vol->reap_lock);
	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list)
		end_life(snap, VSS_SNAPSHOT_DELETING, snap->reason);
	spin_unlock(&vol->snap_lock);
	/* Also if they are all reaped: a load that fails may have left some. */
	for (i = 0; i < VSS_SHARDS; i++)
		purge_shard(vol, i);
	list_for_each_entry(snap, &vol->snaps, list) {
		if (!snap->reaped)
			set_reaped(snap);
		snap->stays = vol->leaving;
	}
	spin_lock(&vol->snap_lock);
	list_splice_tail_init(&vol->snaps, dropped);
	spin_unlock(&vol->snap_lock);
	mutex_unlock(&vol->reap_lock);
	vss_copier_kick(vol);
	vss_changed();
}

/* Those that were removed and are counted by their volume still. */
static DECLARE_WAIT_QUEUE_HEAD(snapshots_freed);

static void free_snapshot(struct vss_snapshot *snap)
{
	vss_image_destroy(snap);
	if (snap->epoch && !snap->stays)
		vss_event_snapshot(snap, VSS_EVENT_SNAPSHOT_DELETED);
	kfree(snap);
}

/* The volume may go if that was the last one. */
static void uncount_snapshot(struct vss_volume *vol)
{
	lockdep_assert_held(&vss_mutex);
	WRITE_ONCE(vol->nr_snaps, vol->nr_snaps - 1);
	wake_up(&snapshots_freed);
}

/**
 * vss_snapshots_free() - free snapshots that were removed
 * @dropped:	list from vss_snapshot_unlink(); empty afterwards
 *
 * Without vss_mutex: waits for what reads or writes their images.
 */
void vss_snapshots_free(struct list_head *dropped)
{
	struct vss_snapshot *snap, *next;

	list_for_each_entry_safe(snap, next, dropped, list) {
		struct vss_volume *vol = snap->vol;

		list_del(&snap->list);
		free_snapshot(snap);
		mutex_lock(&vss_mutex);
		uncount_snapshot(vol);
		mutex_unlock(&vss_mutex);
	}
}

/**
 * vss_snapshots_wait() - wait until a volume's snapshots are freed
 * @vol:	the volume, all its snapshots removed
 */
void vss_snapshots_wait(const struct vss_volume *vol)
{
	wait_event(snapshots_freed, !READ_ONCE(vol->nr_snaps));
}

/**
 * vss_snapshot_drop() - remove and free a snapshot whose image nobody has seen
 * @snap:	the snapshot; gone afterwards
 */
void vss_snapshot_drop(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;
	LIST_HEAD(dropped);

	vss_snapshot_unlink(snap, &dropped);
	free_snapshot(snap);
	uncount_snapshot(vol);
}

/**
 * vss_snapshots_drop() - remove and free all snapshots of a volume, whose images
 *	nobody has seen
 * @vol:	the volume, as for vss_snapshots_end()
 */
void vss_snapshots_drop(struct vss_volume *vol)
{
	struct vss_snapshot *snap, *next;
	LIST_HEAD(dropped);

	vss_snapshots_end(vol, &dropped);
	list_for_each_entry_safe(snap, next, &dropped, list) {
		list_del(&snap->list);
		free_snapshot(snap);
		uncount_snapshot(vol);
	}
}

/*
 * Who opens or closes the image has its open_mutex, and may wait in there for
 * reads that hang with the diff area.
 */
static bool lock_image(struct vss_snapshot *snap)
{
	unsigned int tries;

	for (tries = 0; tries < 100; tries++) {
		if (mutex_trylock(&snap->disk->open_mutex))
			return true;
		fsleep(10000);
	}
	return false;
}

/**
 * vss_snapshot_close() - let nobody open the image any more
 * @snap:	the snapshot, its image visible
 * @force:	even if somebody has it open
 *
 * Return: false if the image is in use and stays as it is.
 */
bool vss_snapshot_close(struct vss_snapshot *snap, bool force)
{
	bool closed;

	lockdep_assert_held(&vss_mutex);
	if (force) {
		WRITE_ONCE(snap->closing, true);
		return true;
	}
	if (!lock_image(snap))
		return false;
	closed = !disk_openers(snap->disk);
	if (closed)
		WRITE_ONCE(snap->closing, true);
	mutex_unlock(&snap->disk->open_mutex);
	return closed;
}

/**
 * vss_snapshot_reopen() - undo vss_snapshot_close()
 * @snap:	the snapshot
 */
void vss_snapshot_reopen(struct vss_snapshot *snap)
{
	WRITE_ONCE(snap->closing, false);
}

/**
 * vss_snapshot_delete() - delete a snapshot for a user
 * @snap:	the snapshot
 * @force:	even if the image is in use
 * @dropped:	if 0 is returned it is added, for vss_snapshots_free()
 * @extack:	set on errors
 *
 * Return: 0 or -EBUSY.
 */
int vss_snapshot_delete(struct vss_snapshot *snap, bool force,
			struct list_head *dropped,
			struct netlink_ext_ack *extack)
{
	if (!snap->disk_added) {
		NL_SET_ERR_MSG(extack, "the snapshot belongs to a set in creation");
		return -EBUSY;
	}
	if (!vss_snapshot_close(snap, force)) {
		NL_SET_ERR_MSG(extack, "the snapshot's image is in use (mounted or open)");
		return -EBUSY;
	}
	vss_snapshot_unlink(snap, dropped);
	return 0;
}

/**
 * vss_snapshot_set_flags() - make a snapshot writable or read-only
 * @snap:	the snapshot
 * @flags:	VSS_SNAPSHOT_F_*
 * @extack:	set on errors
 *
 * What was written stays part of the image.
 *
 * Return: 0 or a negative errno.
 */
int vss_snapshot_set_flags(struct vss_snapshot *snap, u32 flags,
			   struct netlink_ext_ack *extack)
{
	bool writable = flags & VSS_SNAPSHOT_F_WRITABLE;

	lockdep_assert_held(&vss_mutex);
	if (!snap->disk_added || !vss_snapshot_is_good(snap)) {
		NL_SET_ERR_MSG(extack, "the snapshot is not alive");
		return -EINVAL;
	}
	if (writable == snap->writable)
		return 0;
	if (writable && snap->vol->log) {
		NL_SET_ERR_MSG(extack,
			       "an image in a persistent diff area cannot be written: the next restart would undo that");
		return -EOPNOTSUPP;
	}
	if (!writable && !vss_snapshot_close(snap, false)) {
		NL_SET_ERR_MSG(extack, "the snapshot's image is in use (mounted or open)");
		return -EBUSY;
	}
	WRITE_ONCE(snap->writable, writable);
	set_disk_ro(snap->disk, !writable);
	if (!writable)
		vss_snapshot_reopen(snap);
	return 0;
}

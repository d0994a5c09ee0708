// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies whose content has come get into the map, and the writes that wait for them
 * go; when the content is in the diff area, too, they are forgotten.
 *
 * Where the area is persistent the log does that in between: it takes the copies over
 * from here, makes them durable, and calls back to publish them.
 *
 * Owned here: the works that take the copies out of vss_copier.read, @unmapped and
 * @stored.  What becomes of a copy does so under the lock of its shard.  Writes are
 * released after that, for whoever releases them may have to wait.
 */
#include "copy-internal.h"
#include "event.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

/* Put a copy into the map, under the shard lock. */
static void insert(struct vss_copy *copy, struct vss_shard *shard,
		   struct vss_snapshot *live)
{
	struct vss_volume *vol = copy->vol;
	vss_rec_t *chain = &live->chain[shard - vol->map.shards];
	unsigned int i, j, n;

	for (i = 0; i < copy->n; i += n) {
		bool bad = copy->bad & BIT(i);
		u32 slot;

		n = 1;
		while (i + n < copy->n && !(copy->bad & BIT(i + n)) == !bad)
			n++;
		if (bad) {
			slot = VSS_SLOT_UNREADABLE;
			copy->dead |= GENMASK(n - 1, 0) << (copy->first + i);
		} else {
			n = vss_area_take(&vol->area, n, &slot);
		}
		vss_map_insert(shard, copy->group, copy->first + i, n,
			       live->epoch, slot, chain);
		for (j = 0; j < n; j++)
			copy->slots[i + j] = bad ? VSS_SLOT_NONE : slot + j;
	}
	atomic64_add(copy->n, &live->copied);
	atomic64_add(copy->n, &vol->stats.chunks_copied);
}

/* Was no snapshot removed since the copy was begun? */
static bool is_current(const struct vss_copy *copy)
{
	return copy->live_back == READ_ONCE(copy->vol->live_back);
}

/**
 * enum vss_published - what became of a copy whose content has come
 * @PUBLISHED:	it is in the map, and to be stored
 * @VOID:	nobody needs it, or nothing of it could be read: it is done with
 * @UNMAPPED:	there is no memory for it in the map: it is to come again
 */
enum vss_published {
	PUBLISHED,
	VOID,
	UNMAPPED,
};

/*
 * The origin's content has come.  Unless the copy is to come again the waiting
 * writes may go afterwards.
 */
static enum vss_published publish(struct vss_copy *copy,
				  struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	unsigned int good = copy->n - hweight16(copy->bad);
	struct vss_snapshot *live;
	bool stored = false;
	bool room = false;
	u32 gen;

	/* For what nobody needs there need not be memory. */
	if (!is_current(copy) || !READ_ONCE(vol->live))
		spin_lock(&shard->lock);
	else
		room = !vss_map_lock_provided(&vol->map, shard);
	if (!room && is_current(copy)) {
		if (copy->rounds < VSS_MAP_ROUNDS) {
			copy->rounds++;
			spin_unlock(&shard->lock);
			return UNMAPPED;
		}
		/*
		 * No memory for the map: an error beats wrong data.  Should a
		 * snapshot be taken right now, then the waiting writes are
		 * judged anew and come back for it.
		 */
		vss_snapshots_lose(vol, VSS_LOST_NO_MEMORY);
	}
	gen = READ_ONCE(vol->gen);
	smp_rmb();	/* pairs with vss_snapshot_commit() */
	live = READ_ONCE(vol->live);
	smp_rmb();	/* pairs with end_life() */
	if (live && room && is_current(copy)) {
		insert(copy, shard, live);
		stored = good;
		/* Groups of other shards may share the counter. */
		atomic_inc(vss_pubseq(vol, copy->group));
		vss_safebits_set(&vol->safe, copy->group, vss_copy_mask(copy),
				 gen);
	}
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	if (stored)
		copy->state = VSS_COPY_PUBLISHED;
	else
		hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	/* What was reserved and not taken. */
	vss_area_unreserve(&vol->area, copy->n - (stored ? good : 0));
	return stored ? PUBLISHED : VOID;
}

/* Whoever is to have copies with a tag: that snapshot, or the next older. */
static struct vss_snapshot *find_owner(struct vss_volume *vol, u32 tag)
{
	struct vss_snapshot *snap;

	lockdep_assert_held(&vol->snap_lock);
	list_for_each_entry_reverse(snap, &vol->snaps, list) {
		if (snap->epoch && snap->epoch <= tag &&
		    vss_snapshot_is_good(snap))
			return snap;
	}
	return NULL;
}

/* Put a copy that has slots into the map, but not what @owner has already. */
static void insert_slots(struct vss_copy *copy, struct vss_shard *shard,
			 struct vss_snapshot *owner, u16 has)
{
	struct vss_volume *vol = copy->vol;
	vss_rec_t *chain = &owner->chain[shard - vol->map.shards];
	unsigned int i, n, told = 0;

	for (i = 0; i < copy->n; i += n) {
		u32 slot = copy->slots[i];

		n = 1;
		if (has & BIT(copy->first + i)) {
			if (slot != VSS_SLOT_NONE)
				vss_area_free(&vol->area, slot);
			continue;
		}
		while (i + n < copy->n && !(has & BIT(copy->first + i + n)) &&
		       copy->slots[i + n] == (slot == VSS_SLOT_NONE ?
					      slot : slot + n))
			n++;
		vss_map_insert(shard, copy->group, copy->first + i, n,
			       owner->epoch, slot == VSS_SLOT_NONE ?
			       VSS_SLOT_UNREADABLE : slot, chain);
		told += n;
	}
	atomic64_add(told, &owner->copied);
	atomic64_add(told, &vol->stats.chunks_copied);
}

static void free_slots_of(struct vss_copy *copy)
{
	unsigned int i;

	for (i = 0; i < copy->n; i++) {
		if (copy->slots[i] != VSS_SLOT_NONE)
			vss_area_free(&copy->vol->area, copy->slots[i]);
	}
}

/**
 * vss_copy_publish() - put a copy into the map that is in the diff area already
 * @copy:	the copy, not used afterwards if 0 is returned
 * @tag:	the epoch that the log has for it
 * @durable:	it is durable; else its slots are freed
 * @released:	the writes that waited for it are added
 *
 * The rule of disk-format.md for a tag whose snapshot has gone meanwhile: the
 * next older one has the copy where it has none.
 *
 * Return: 0, or -ENOMEM: there is no memory for it in the map, and nothing was
 * done.  Then it is to come again, or the snapshots are to be lost before the
 * writes go.
 */
int vss_copy_publish(struct vss_copy *copy, u32 tag, bool durable,
		     struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	struct vss_snapshot *owner = NULL;
	bool room = false;
	bool safe = false;
	u32 gen = 0;

	if (durable) {
		room = !vss_map_lock_provided(&vol->map, shard);
		spin_lock(&vol->snap_lock);
		owner = find_owner(vol, tag);
		/* A copy for an older one does not make its chunk safe. */
		safe = owner && owner == vol->live && owner->epoch == tag;
		gen = vol->gen;
		spin_unlock(&vol->snap_lock);
	} else {
		spin_lock(&shard->lock);
	}
	if (owner && !room) {
		spin_unlock(&shard->lock);
		return -ENOMEM;
	}
	if (owner) {
		u16 has = 0;

		if (owner->epoch != tag)
			has = vss_map_tagged(shard, copy->group,
					     vss_copy_mask(copy), owner->epoch);
		insert_slots(copy, shard, owner, has);
		atomic_inc(vss_pubseq(vol, copy->group));
		if (safe)
			vss_safebits_set(&vol->safe, copy->group,
					 vss_copy_mask(copy), gen);
	} else {
		free_slots_of(copy);
	}
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	vss_copy_put(copy);
	return 0;
}

/**
 * vss_copy_release() - let the writes go that wait for a copy
 * @copy:	a copy that is not published
 * @released:	they are added
 */
void vss_copy_release(struct vss_copy *copy, struct bio_list *released)
{
	struct vss_shard *shard = vss_map_shard(&copy->vol->map, copy->group);

	spin_lock(&shard->lock);
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	spin_unlock(&shard->lock);
}

/**
 * vss_copy_abandon() - a copy is not needed any more, and has no slots yet
 * @copy:	the copy, not used afterwards
 * @released:	the writes that waited for it are added
 */
void vss_copy_abandon(struct vss_copy *copy, struct bio_list *released)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);

	spin_lock(&shard->lock);
	bio_list_merge(released, &copy->waiters);
	bio_list_init(&copy->waiters);
	hlist_del(&copy->node);
	spin_unlock(&shard->lock);
	vss_area_unreserve(&vol->area, copy->n);
	vss_copy_put(copy);
}

/*
 * Publish copies, the last one first in @list.  Runs on several CPUs, each time with
 * copies of its own.
 */
static void finish_reads(struct vss_copier *copier, struct llist_node *list)
{
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;
	bool unmapped = false;
	LIST_HEAD(to_store);
	LIST_HEAD(to_log);

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(copy, next, list, done) {
		cond_resched();
		if (vss_copy_probe_next(copy))
			continue;
		if (vol->log) {
			list_add_tail(&copy->list, &to_log);
			continue;
		}
		switch (publish(copy, &released)) {
		case PUBLISHED:
			atomic_inc(&copier->storing);
			list_add_tail(&copy->list, &to_store);
			break;
		case VOID:
			vss_copy_put(copy);
			break;
		case UNMAPPED:
			llist_add(&copy->done, &copier->unmapped);
			unmapped = true;
			break;
		}
	}
	/* One may be queued already, for sooner or a little later. */
	if (unmapped)
		queue_delayed_work(vol->wq, &copier->late_work, VSS_MAP_DELAY);
	vss_store_queue(vol, &to_store);
	if (!list_empty(&to_log))
		vss_log_copies(vol->log, &to_log);
	if (vss_area_is_low(&vol->area))
		vss_event_volume(vol, VSS_EVENT_AREA_LOW);
	if (vss_snapshots_crowded(vol))
		queue_work(vol->wq, &copier->reap_work);
	vss_gate_release_here(vol, &released);
}

static void read_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(work, struct vss_copier,
						 read_work);

	finish_reads(copier, llist_del_all(&copier->read));
}

/* Those that have waited for memory, and what has come meanwhile. */
static void late_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(to_delayed_work(work),
						 struct vss_copier, late_work);

	finish_reads(copier, llist_del_all(&copier->unmapped));
	finish_reads(copier, llist_del_all(&copier->read));
}

/**
 * vss_copy_stored() - the last store of a copy has ended
 * @copy:	the copy
 *
 * Any context.
 */
void vss_copy_stored(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;

	if (llist_add(&copy->done, &vol->copier.stored))
		queue_work(vol->store_wq, &vol->copier.stored_work);
}

/* The content is in the diff area.  Returns what vss_copy_drop() does. */
static bool forget(struct vss_copy *copy)
{
	struct vss_volume *vol = copy->vol;
	struct vss_shard *shard = vss_map_shard(&vol->map, copy->group);
	unsigned long dead;
	unsigned int c;

	spin_lock(&shard->lock);
	hlist_del(&copy->node);
	dead = copy->dead;
	for_each_set_bit(c, &dead, VSS_GROUP_CHUNKS) {
		u32 slot = copy->slots[c - copy->first];

		if (slot != VSS_SLOT_NONE)
			vss_area_free_dying(&vol->area, slot);
	}
	spin_unlock(&shard->lock);
	atomic_dec(&vol->copier.storing);
	return vss_copy_drop(copy);
}

static void stored_work(struct work_struct *work)
{
	struct vss_copier *copier = container_of(work, struct vss_copier,
						 stored_work);
	struct vss_volume *vol = container_of(copier, struct vss_volume,
					      copier);
	struct vss_copy *copy, *next;
	struct llist_node *list;
	bool kick = false;

	list = llist_reverse_order(llist_del_all(&copier->stored));
	/*
	 * Before any copy whose store has failed is forgotten: from then on
	 * the map leads readers to what is not there.
	 */
	if (READ_ONCE(vol->area.failed) && READ_ONCE(vol->live)) {
		vss_area_mark_failed(&vol->area);
		vss_snapshots_lose(vol, VSS_LOST_AREA_ERROR);
	}
	WRITE_ONCE(copier->progress, jiffies);
	/* Once for all of them: what starves gets memory for more than one. */
	rcu_read_lock();
	llist_for_each_entry_safe(copy, next, list, done)
		kick |= forget(copy);
	if (kick)
		vss_copier_kick(vol);
	rcu_read_unlock();
}

/**
 * vss_copy_publish_init() - set up a volume's queues of copies that have come
 * @vol:	the volume
 */
void vss_copy_publish_init(struct vss_volume *vol)
{
	struct vss_copier *copier = &vol->copier;

	init_llist_head(&copier->read);
	init_llist_head(&copier->unmapped);
	init_llist_head(&copier->stored);
	INIT_WORK(&copier->read_work, read_work);
	INIT_DELAYED_WORK(&copier->late_work, late_work);
	INIT_WORK(&copier->stored_work, stored_work);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of a persistent diff area: group commit.
 *
 * One work writes one group after the other: the copies that have come together
 * meanwhile, at once (log-group.c); then they are published and their writes go.
 * When that cannot go on, log-loss.c says what becomes of those who wait.  What
 * Documentation/disk-format.md calls a writer is these three files.
 *
 * Owned here: the queues of copies and events, the flags that tell what the halves
 * are used for, and @closed, all under vss_log.lock; the work that writes groups, and
 * the one that writes an empty one when the log is idle; the life of a log.  The lock is
 * not held while copies are published or given up.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "copy.h"
#include "log-internal.h"
#include "map.h"
#include "snapshot.h"
#include "volume.h"

/* Blocks of a half that copies leave for events and the change of halves. */
#define SPARE_BLOCKS		8U
#define WITNESS_DELAY		HZ
/* Longest wait for one more copy, in ns, and for how many times that. */
#define MAX_GATHER		(3 * NSEC_PER_MSEC)
#define MAX_GAPS		2
/* Most groups that do not wait for more copies after some did not come in time. */
#define MAX_SHY			63U
/* Less than the slack that a set's steps have, which wait for a group. */
#define PUBLISH_WAIT		(3 * HZ)

/* ---- the work ---- */

/*
 * Publish of the group's copies those that there is memory for, and let go the
 * writes that wait for them.  Returns how many are left.
 */
static unsigned int publish_some(struct vss_log *log)
{
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;
	unsigned int left = 0;

	list_for_each_entry_safe(copy, next, &log->taken, list) {
		list_del_init(&copy->list);
		if (!vss_copy_publish(copy, log->epoch, !READ_ONCE(log->dead),
				      &released))
			continue;
		list_add_tail(&copy->list, &next->list);
		left++;
	}
	vss_gate_release(log->vol, &released);
	return left;
}

/*
 * The group is durable, or the log is dead.  What was published stays right if the
 * rest has to wait for memory: each copy is durable by itself.  If that does not come
 * the loss is made durable before the other writes go.
 */
static void publish(struct vss_log *log)
{
	unsigned long end = jiffies + PUBLISH_WAIT;
	unsigned int left, before = 0, round = 0;

	while ((left = publish_some(log))) {
		round = left == before ? round + 1 : 0;
		before = left;
		if (round < VSS_MAP_ROUNDS && time_before(jiffies, end))
			vss_map_await_memory(&log->vol->map);
		else
			vss_log_bury(log, VSS_LOST_NO_MEMORY);
	}
}

static bool half_is_full(const struct vss_log *log)
{
	return READ_ONCE(log->index) >= READ_ONCE(log->half_blocks) / 4 * 3;
}

/* Should the other half be written from now on?  Not while copies are reaped. */
static bool wants_switch(struct vss_log *log)
{
	bool wants;

	if (!half_is_full(log))
		return false;
	spin_lock(&log->lock);
	wants = !log->reaping && !log->rewriting;
	if (wants)
		log->rewriting = true;
	spin_unlock(&log->lock);
	return wants;
}

/**
 * vss_log_write_active() - write a superblock that says ACTIVE
 * @log:	the log, its superblock as it is to be; for its works
 *
 * Return: true, or false: the snapshots are lost.
 */
bool vss_log_write_active(struct vss_log *log)
{
	int err;

	vss_log_begin_watch(log);
	err = vss_disk_write_super(log, VSS_DISK_ACTIVE);
	vss_log_end_watch(log);
	if (!err && !READ_ONCE(log->dead))
		return true;
	vss_log_fail(log, -EIO);
	return false;
}

static void end_rewrite(struct vss_log *log)
{
	vss_log_set_begin(log);
	if (!vss_log_write_active(log))
		return;
	spin_lock(&log->lock);
	log->rewriting = false;
	spin_unlock(&log->lock);
	wake_up_all(&log->wait);
}

static bool has_enough(struct vss_log *log)
{
	u32 ready = READ_ONCE(log->ready);

	return !ready || ready >= READ_ONCE(log->wanted) ||
		!list_empty_careful(&log->events) || READ_ONCE(log->grow) ||
		READ_ONCE(log->rewriting) || READ_ONCE(log->closed) ||
		READ_ONCE(log->dead);
}

/*
 * Copies that share a group share its flush and its block of the log.  Where as many
 * have come together before, some will have come soon.  When none comes for as long as
 * a group takes, to wait for the rest would cost the others more than it saves.  A lone
 * copy does not wait.
 */
static void gather(struct vss_log *log)
{
	u64 gap = min_t(u64, log->took, MAX_GATHER);
	unsigned int gaps = 0;
	u32 before;

	log->waited = !has_enough(log);
	log->late = log->waited;
	while (log->late && gaps++ < MAX_GAPS) {
		before = READ_ONCE(log->ready);
		log->late = wait_event_hrtimeout(log->more, has_enough(log),
						 ns_to_ktime(gap));
		if (READ_ONCE(log->ready) == before)
			break;
	}
}

/*
 * How many copies the next group waits for: one more when others came while as many
 * were written; as many as came, when the rest was late, and then no more for some
 * groups, the more the less often it is worth it to wait.
 */
static void learn(struct vss_log *log, u32 had)
{
	if (log->waited && !log->late)
		log->shy /= 2;
	if (had < log->wanted) {
		/* Else something did not let it wait. */
		if (log->late) {
			WRITE_ONCE(log->wanted, had);
			log->shy = min(2 * log->shy + 1, MAX_SHY);
			log->calm = log->shy;
		}
	} else if (log->calm) {
		log->calm--;
	} else if (READ_ONCE(log->ready)) {
		WRITE_ONCE(log->wanted, min(had + 1, VSS_LOG_WANTED));
	}
}

static u32 weight(const struct list_head *copies)
{
	struct vss_copy *copy;
	u32 n = 0;

	list_for_each_entry(copy, copies, list)
		n += vss_log_weight(copy);
	return n;
}

/* What did not fit comes first in the next group. */
static void put_back(struct vss_log *log, struct list_head *copies)
{
	u32 n = weight(copies);

	spin_lock(&log->lock);
	list_splice_init(copies, &log->copies);
	WRITE_ONCE(log->ready, log->ready + n);
	spin_unlock(&log->lock);
}

/* Those that came meanwhile may go with them. */
static void take_copies(struct vss_log *log, struct list_head *copies)
{
	spin_lock(&log->lock);
	list_splice_init(&log->copies, copies);
	WRITE_ONCE(log->ready, 0);
	spin_unlock(&log->lock);
}

/* Does somebody want to know whether the devices answer? */
static bool is_probed(struct vss_log *log)
{
	struct vss_log_event *event;

	list_for_each_entry(event, &log->told, list) {
		if (event->probe)
			return true;
	}
	return false;
}

/* Write a group; true: come again. */
static bool run_group(struct vss_log *log)
{
	bool more, rewriting, closed, recycled, reaping;
	bool whole = false, nothing = true;
	LIST_HEAD(void_copies);
	LIST_HEAD(copies);
	u32 had = 0;
	int err = 0;

	vss_log_let_grow(log);
	if (READ_ONCE(log->closed))
		;	/* whoever did that writes to the device */
	else if (vss_log_is_doomed(log))
		err = -EIO;
	else if (!log->dead && wants_switch(log))
		err = vss_log_switch_half(log);
	if (err)
		vss_log_fail(log, err);

	gather(log);
	spin_lock(&log->lock);
	list_splice_init(&log->events, &log->told);
	closed = log->closed || log->dead;
	/*
	 * Of one that is not written any more the copies wait, and their
	 * writes, until the loss is recorded: judged anew before that, they
	 * would only come back for a copy.  Not when there is nothing left to
	 * be copied for: the snapshots were given up, or retired.
	 */
	if (!closed || READ_ONCE(log->buried) || !READ_ONCE(log->vol->live)) {
		list_splice_init(&log->copies, &copies);
		WRITE_ONCE(log->ready, 0);
	}
	rewriting = log->rewriting;
	recycled = log->recycled;
	reaping = log->reaping;
	spin_unlock(&log->lock);
	if (closed) {
		vss_log_complete_events(&log->told, -EIO);
		vss_log_abandon(log, &copies);
		return READ_ONCE(log->grow);
	}
	if (list_empty(&copies) && list_empty(&log->told) && !rewriting)
		return false;

	/* Replay must not judge the last group by slots written with this one. */
	if (recycled && log->bare && !list_empty(&copies) &&
	    vss_log_room_left(log, SPARE_BLOCKS)) {
		/* Should the device not answer, stall_work must find them. */
		put_back(log, &copies);
		err = vss_log_write_witness(log);
		take_copies(log, &copies);
	}
	err = err ?: vss_log_add_told(log);
	if (!err) {
		/* Until the halves can be changed there may be no room for copies. */
		log->max_blocks = max(vss_log_room_left(log, SPARE_BLOCKS),
				      log->nr_blocks);
		if (vss_log_room_left(log, SPARE_BLOCKS))
			had = vss_log_add_copies(log, &copies, &void_copies);
		if (rewriting)
			whole = vss_log_add_map(log);
		if (rewriting && !whole && !vss_log_block_at(log, 0)->units &&
		    !vss_log_has_room(log, VSS_MAP_WALK))
			err = -ENOSPC;
	}
	put_back(log, &copies);
	vss_log_abandon(log, &void_copies);
	if (!err && vss_log_block_at(log, 0)->units) {
		nothing = false;
		err = vss_log_write_group(log);
		if (had)
			learn(log, had);
		/* Its copies may be of what was being removed when it was begun. */
		spin_lock(&log->lock);
		log->recycled = reaping || log->reaping;
		spin_unlock(&log->lock);
	} else if (!err && is_probed(log) &&
		   vss_log_room_left(log, SPARE_BLOCKS)) {
		err = vss_log_write_witness(log);
	}
	if (err)
		vss_log_fail(log, err);
	else if (whole)
		end_rewrite(log);
	vss_log_complete_events(&log->told, err);
	publish(log);
	log->bare |= !err && !nothing;

	spin_lock(&log->lock);
	more = !list_empty(&log->events) || log->grow ||
		(log->rewriting && !log->dead);
	/* With room for no copy, whoever reaps wakes us: or halves are changed. */
	if (!list_empty(&log->copies))
		more |= log->dead || !log->reaping ||
			vss_log_room_left(log, SPARE_BLOCKS);
	spin_unlock(&log->lock);
	return more;
}

static void log_work(struct work_struct *work)
{
	struct vss_log *log = container_of(work, struct vss_log, work);

	while (run_group(log))
		cond_resched();
	if (log->bare && !log->dead && !READ_ONCE(log->closed))
		queue_delayed_work(log->wq, &log->witness_work, WITNESS_DELAY);
}

/* The last group is durable; one behind it tells, should it be damaged. */
static void witness_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, witness_work);
	bool idle;

	spin_lock(&log->lock);
	idle = list_empty(&log->copies) && list_empty(&log->events) &&
		!log->rewriting;
	spin_unlock(&log->lock);
	/* On the same queue, which runs one work at a time. */
	if (idle && !log->dead && !READ_ONCE(log->closed) && vss_log_seal(log))
		vss_log_fail(log, -EIO);
}

/* ---- what is there for the next group ---- */

/* Something is there for the next group. */
static void run_work(struct vss_log *log)
{
	if (wq_has_sleeper(&log->more) && has_enough(log))
		wake_up(&log->more);
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_copies() - make copies durable and publish them
 * @log:	the log
 * @copies:	the copies, their content read; empty afterwards
 */
void vss_log_copies(struct vss_log *log, struct list_head *copies)
{
	u32 n = weight(copies);
	struct vss_copy *copy;

	/* Here, for several CPUs do this, and one at a time writes groups. */
	list_for_each_entry(copy, copies, list)
		vss_log_hash(copy);
	/* When the copies are out of our hands nothing but this keeps the log. */
	rcu_read_lock();
	spin_lock(&log->lock);
	/* The work may be waiting for the device still. */
	if (!log->hung) {
		list_splice_tail_init(copies, &log->copies);
		WRITE_ONCE(log->ready, log->ready + n);
	}
	spin_unlock(&log->lock);
	vss_log_abandon(log, copies);
	run_work(log);
	rcu_read_unlock();
}

static int tell(struct vss_log *log, struct vss_log_event *event)
{
	bool dead;

	init_completion(&event->done);
	spin_lock(&log->lock);
	dead = log->dead;
	event->err = dead || log->closed ? -EIO : 0;
	if (!event->err)
		list_add_tail(&event->list, &log->events);
	spin_unlock(&log->lock);
	/* Nobody is to take them for lost before that is recorded. */
	if (dead)
		wait_event(log->wait, READ_ONCE(log->buried) ||
			   READ_ONCE(log->hung));
	if (event->err)
		return event->err;
	run_work(log);
	wait_for_completion(&event->done);
	return event->err;
}

/**
 * vss_log_sync() - make durable what the log has to tell
 * @vol:	the volume
 *
 * Return: 0 or a negative errno: the snapshots are lost.
 */
int vss_log_sync(struct vss_volume *vol)
{
	struct vss_log_event event = {};

	return vol->log ? tell(vol->log, &event) : 0;
}

/**
 * vss_log_probe() - find out whether the area's devices answer
 * @log:	the log
 *
 * Returns when they have, or when vss_log_is_stuck() tells that they do not.
 */
void vss_log_probe(struct vss_log *log)
{
	struct vss_log_event event = { .probe = true };

	tell(log, &event);
}

/**
 * vss_log_event() - log an event and wait until it is durable
 * @vol:	the volume
 * @type:	VSS_DISK_SEALED or VSS_DISK_GONE
 * @epoch:	of the snapshot
 * @reason:	of VSS_DISK_GONE
 *
 * Return: 0 or a negative errno: the snapshots are lost.
 */
int vss_log_event(struct vss_volume *vol, enum vss_disk_type type, u32 epoch,
		  u16 reason)
{
	struct vss_log *log = vol->log;
	struct vss_log_event event = {
		.entry = {
			.type = type,
			.reason = cpu_to_le16(reason),
			.epoch = cpu_to_le32(epoch),
			.time = cpu_to_le64(ktime_get_real_ns()),
		},
	};

	return log ? tell(log, &event) : 0;
}

/*
 * Many that are reaped in a row must not keep the halves from being changed.  One
 * change is enough: what there is to tell may fill the new half as much.
 */
static void await_switch(struct vss_log *log)
{
	u64 first = READ_ONCE(log->half_first);

	if (!half_is_full(log))
		return;
	/* One that goes on after a load leaves the half as full as it is. */
	wait_event(log->wait, !READ_ONCE(log->rewriting) ||
		   READ_ONCE(log->closed) || READ_ONCE(log->dead));
	run_work(log);
	/* Halves that get longer need no change. */
	wait_event(log->wait, READ_ONCE(log->half_first) != first ||
		   !half_is_full(log) || READ_ONCE(log->closed) ||
		   READ_ONCE(log->dead));
}

/**
 * vss_log_begin_reap() - a snapshot is about to be removed
 * @vol:	the volume, its reap_lock held
 * @snap:	the snapshot
 * @reason:	why it is lost, 0: it is deleted
 *
 * Returns when that is durable, or the log is dead.  vss_log_end_reap() must
 * follow.
 */
void vss_log_begin_reap(struct vss_volume *vol, struct vss_snapshot *snap,
			u16 reason)
{
	struct vss_log *log = vol->log;

	lockdep_assert_held(&vol->reap_lock);
	if (!log || !snap->epoch || vol->leaving)
		return;
	await_switch(log);
	spin_lock(&log->lock);
	while (log->rewriting && !log->closed && !log->dead) {
		spin_unlock(&log->lock);
		wait_event(log->wait, !READ_ONCE(log->rewriting) ||
			   READ_ONCE(log->closed) || READ_ONCE(log->dead));
		spin_lock(&log->lock);
	}
	log->reaping = true;
	log->recycled = true;
	spin_unlock(&log->lock);
	if (!vss_log_event(vol, VSS_DISK_GONE, snap->epoch, reason))
		return;
	/* Of a closed log: its loss is being recorded, or the volume left in order. */
	wait_event(log->wait, READ_ONCE(log->buried) || READ_ONCE(log->hung));
}

/**
 * vss_log_end_reap() - the snapshot's copies were handed down
 * @vol:	the volume
 */
void vss_log_end_reap(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;

	if (!log)
		return;
	spin_lock(&log->lock);
	log->reaping = false;
	spin_unlock(&log->lock);
	queue_work(log->wq, &log->work);
}

/* ---- life ---- */

/**
 * vss_log_close() - begin no group any more
 * @log:	the log
 *
 * Returns when none is being written.  Copies that come wait for
 * vss_log_dismiss().
 */
void vss_log_close(struct vss_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->closed, true);
	spin_unlock(&log->lock);
	wake_up(&log->more);
	wake_up_all(&log->wait);
	/* It may be about to queue the witness. */
	flush_work(&log->work);
	cancel_delayed_work_sync(&log->witness_work);
	/* This may fail, and so queue the next one. */
	vss_head_stop(log);
	cancel_delayed_work_sync(&log->record_work);
}

/**
 * vss_log_seal() - see that nothing behind the log's end looks like a part of it
 * @log:	a log that has not failed; for its work, or closed
 *
 * A group that replay has dropped for its content is still there, until another one
 * takes its place; and who finds the superblock CLEAN looks at blocks only.
 *
 * Return: 0 or a negative errno.
 */
int vss_log_seal(struct vss_log *log)
{
	if (!log->bare || !vss_log_room_left(log, SPARE_BLOCKS))
		return 0;
	return vss_log_write_witness(log);
}

/**
 * vss_log_set_begin() - the next superblock says that the half is where it begins
 * @log:	a log whose half tells everything
 */
void vss_log_set_begin(struct vss_log *log)
{
	log->super->log_half = cpu_to_le32(log->half);
	log->super->log_first = cpu_to_le64(log->half_first);
}

/**
 * vss_log_set_geometry() - take over what the superblock says
 * @log:	a log whose superblock was checked
 */
void vss_log_set_geometry(struct vss_log *log)
{
	log->block = le32_to_cpu(log->super->log_block);
	log->half_blocks = vss_disk_measure(log);
	log->nr_known = log->nr_parts;
	log->half = le32_to_cpu(log->super->log_half);
	log->index = 0;
	log->seq = le64_to_cpu(log->super->log_first);
	log->half_first = log->seq;
}

/**
 * vss_log_part_new() - allocate what the log has of a part
 * @log:	the log
 * @part:	the part
 *
 * Return: it, or NULL.
 */
struct vss_log_part *vss_log_part_new(struct vss_log *log,
				      struct vss_part *part)
{
	struct vss_log_part *lp = kzalloc(sizeof(*lp), GFP_KERNEL);

	if (!lp)
		return NULL;
	lp->log = log;
	lp->part = part;
	lp->super = (void *)get_zeroed_page(GFP_KERNEL);
	if (lp->super)
		return lp;
	kfree(lp);
	return NULL;
}

/**
 * vss_log_part_free() - free what vss_log_part_new() gave
 * @lp:		the part, or NULL
 */
void vss_log_part_free(struct vss_log_part *lp)
{
	if (!lp)
		return;
	free_page((unsigned long)lp->super);
	kfree(lp);
}

/**
 * vss_log_new() - allocate a log
 * @vol:	the volume
 * @part:	the part it lies on, or one of these
 *
 * Return: the log or NULL.
 */
struct vss_log *vss_log_new(struct vss_volume *vol, struct vss_part *part)
{
	struct vss_log *log = kzalloc(sizeof(*log), GFP_KERNEL);

	if (!log)
		return NULL;
	log->vol = vol;
	log->part = part;
	spin_lock_init(&log->lock);
	INIT_LIST_HEAD(&log->copies);
	INIT_LIST_HEAD(&log->events);
	INIT_LIST_HEAD(&log->taken);
	INIT_LIST_HEAD(&log->told);
	init_waitqueue_head(&log->wait);
	init_waitqueue_head(&log->more);
	init_completion(&log->done);
	INIT_WORK(&log->work, log_work);
	INIT_DELAYED_WORK(&log->witness_work, witness_work);
	vss_log_loss_init(log);
	vss_head_init(log);
	log->buf = (void *)__get_free_pages(GFP_KERNEL, VSS_LOG_ORDER);
	log->super = (void *)get_zeroed_page(GFP_KERNEL);
	/* Ordered: the works above never run at once. */
	log->wq = alloc_ordered_workqueue("vss-log-%pg", WQ_MEM_RECLAIM |
					  WQ_HIGHPRI, vol->bdev);
	if (log->buf && log->super && log->wq)
		return log;
	vss_log_free(log);
	return NULL;
}

/**
 * vss_log_free() - free a log that nobody uses any more
 * @log:	the log
 */
void vss_log_free(struct vss_log *log)
{
	u32 i;

	vss_head_stop(log);
	if (log->wq) {
		cancel_delayed_work_sync(&log->witness_work);
		cancel_delayed_work_sync(&log->record_work);
		destroy_workqueue(log->wq);
	}
	for (i = 0; i < VSS_DISK_MAX_PARTS; i++)
		vss_log_part_free(log->parts[i]);
	free_pages((unsigned long)log->buf, VSS_LOG_ORDER);
	free_page((unsigned long)log->super);
	kfree(log);
}

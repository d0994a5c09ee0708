// SPDX-License-Identifier: GPL-2.0-only
/*
 * A log that cannot go on: the device does not answer or has failed, or the snapshots
 * are lost for another reason.  Then nothing more is written, and whoever waits for the
 * log is let go.
 *
 * A loss is made durable too, before writes are let go for it.  When the device
 * does not answer that cannot be: then the origin matters more.
 *
 * Owned here: vss_log.dead, @doomed, @buried and @hung; the work that watches for a
 * device that does not answer, and the one that tries again to record a loss.
 * vss_log.lock is held while @dead, @doomed and @hung change, for whoever queues
 * something looks at them under that.
 */
#include <linux/bio.h>

#include "copy.h"
#include "log-internal.h"
#include "snapshot.h"
#include "volume.h"

#define RECORD_DELAY		(5 * HZ)

/* ---- those who wait ---- */

/**
 * vss_log_abandon() - let the writes go that wait for copies without slots
 * @log:	the log
 * @copies:	the copies, in no queue; empty afterwards
 */
void vss_log_abandon(struct vss_log *log, struct list_head *copies)
{
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy, *next;

	list_for_each_entry_safe(copy, next, copies, list) {
		list_del_init(&copy->list);
		vss_copy_abandon(copy, &released);
	}
	vss_gate_release(log->vol, &released);
}

/**
 * vss_log_complete_events() - tell those who wait for events what became of them
 * @events:	the events, taken out of the queue; empty afterwards
 * @err:	0: they are durable
 */
void vss_log_complete_events(struct list_head *events, int err)
{
	struct vss_log_event *event, *next;

	list_for_each_entry_safe(event, next, events, list) {
		list_del_init(&event->list);
		event->err = err;
		complete(&event->done);
	}
}

/* ---- a device that does not answer ---- */

/*
 * The device does not answer: let the origin's writes go, whatever comes.  The
 * work waits for the device meanwhile, and touches no queue.
 */
static void stall_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, stall_work);
	struct bio_list released = BIO_EMPTY_LIST;
	struct vss_copy *copy;
	LIST_HEAD(copies);
	LIST_HEAD(events);

	/* Who commits a snapshot after they are lost finds the log dead. */
	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	spin_unlock(&log->lock);
	vss_snapshots_lose(log->vol, VSS_LOST_STALLED);
	spin_lock(&log->lock);
	WRITE_ONCE(log->hung, true);
	list_splice_init(&log->copies, &copies);
	WRITE_ONCE(log->ready, 0);
	list_splice_init(&log->events, &events);
	spin_unlock(&log->lock);
	/* The content of those on their way is still being written. */
	list_for_each_entry(copy, &log->taken, list)
		vss_copy_release(copy, &released);
	vss_gate_release(log->vol, &released);
	vss_log_abandon(log, &copies);
	vss_log_complete_events(&log->told, -ETIMEDOUT);
	vss_log_complete_events(&events, -ETIMEDOUT);
	wake_up_all(&log->wait);
}

/**
 * vss_log_begin_watch() - what follows may take as long as the devices like
 * @log:	the log, for its work
 */
void vss_log_begin_watch(struct vss_log *log)
{
	queue_delayed_work(log->vol->wq, &log->stall_work,
			   vss_stall_seconds * HZ);
}

/**
 * vss_log_end_watch() - the devices have answered
 * @log:	the log; it is dead if that took too long
 */
void vss_log_end_watch(struct vss_log *log)
{
	cancel_delayed_work_sync(&log->stall_work);
}

/**
 * vss_log_is_stuck() - does the device not answer?
 * @log:	the log
 *
 * Return: true if one of its works has waited for it for stall_seconds, and does
 * still.
 */
bool vss_log_is_stuck(struct vss_log *log)
{
	unsigned int busy = work_busy(&log->work) |
		work_busy(&log->witness_work.work) |
		work_busy(&log->head_work) |
		work_busy(&log->record_work.work);

	return READ_ONCE(log->hung) && busy & WORK_BUSY_RUNNING;
}

/* ---- the snapshots are lost ---- */

/**
 * vss_log_record_loss() - say in all superblocks that the snapshots are lost
 * @log:	the log; for its work, and for those who keep that from running
 *
 * One part that says so is enough, for the area is not loaded without it.  Others
 * are tried again from time to time: a device that was away may come back as it was,
 * and if it is the only one nothing else would tell.
 *
 * Return: true if a part says so.
 */
bool vss_log_record_loss(struct vss_log *log)
{
	bool recorded;

	vss_log_begin_watch(log);
	log->missing = vss_disk_write_lost(log, &recorded);
	vss_log_end_watch(log);
	log->unrecorded = !recorded;
	if (log->missing)
		queue_delayed_work(log->wq, &log->record_work, RECORD_DELAY);
	return !log->unrecorded;
}

static void record_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, record_work);
	bool unrecorded = log->unrecorded;

	if (log->missing && vss_log_record_loss(log) && unrecorded)
		pr_info("%pg: the loss of its snapshots is recorded in the diff area on %pg now\n",
			log->vol->bdev, log->part->bdev);
}

/**
 * vss_log_bury() - the snapshots are lost, and stay so
 * @log:	the log; for its work, and for those who keep that from running
 * @reason:	why
 *
 * Takes effect when this is durable, or cannot be made so.
 */
void vss_log_bury(struct vss_log *log, enum vss_lost_reason reason)
{
	struct vss_volume *vol = log->vol;

	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	spin_unlock(&log->lock);
	log->super->lost_reason = cpu_to_le32(reason);
	if (!vss_log_record_loss(log))
		pr_warn("%pg: the loss of its snapshots cannot be recorded in the diff area on %pg yet\n",
			vol->bdev, log->part->bdev);
	if (READ_ONCE(vol->area.failed))
		vss_area_mark_failed(&vol->area);
	vss_snapshots_lose(vol, reason);
	WRITE_ONCE(log->buried, true);
	wake_up_all(&log->wait);
	/* Copies of a closed log wait for this. */
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_fail() - a write has failed: the snapshots are lost
 * @log:	the log, for its work
 * @err:	the error; -ENOSPC: the log was full
 */
void vss_log_fail(struct vss_log *log, int err)
{
	if (!log->dead)
		vss_log_bury(log, err == -ENOSPC ? VSS_LOST_AREA_FULL :
						   VSS_LOST_AREA_ERROR);
	else if (le32_to_cpu(log->super->state) != VSS_DISK_LOST)
		vss_log_bury(log, READ_ONCE(log->doomed) ?: VSS_LOST_STALLED);
}

/**
 * vss_log_doom() - have the snapshots be lost
 * @log:	the log, kept by RCU
 * @reason:	why
 *
 * Does not sleep: the work records the loss, and only then are they lost.
 */
void vss_log_doom(struct vss_log *log, enum vss_lost_reason reason)
{
	spin_lock(&log->lock);
	if (!log->dead) {
		WRITE_ONCE(log->doomed, reason);
		/* Whoever has closed it records the loss, or has left already. */
		if (!log->closed)
			WRITE_ONCE(log->dead, true);
	}
	spin_unlock(&log->lock);
	wake_up(&log->more);
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_is_doomed() - are the snapshots lost, and that is not recorded?
 * @log:	the log; for its work, and for those who keep that from running
 *
 * Return: true if vss_log_bury() is to be called.
 */
bool vss_log_is_doomed(const struct vss_log *log)
{
	return READ_ONCE(log->doomed) &&
		le32_to_cpu(log->super->state) != VSS_DISK_LOST;
}

/**
 * vss_log_dismiss() - let the writes go that wait for copies
 * @log:	a closed log of a volume whose snapshots have ended
 */
void vss_log_dismiss(struct vss_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	WRITE_ONCE(log->buried, true);
	spin_unlock(&log->lock);
	wake_up_all(&log->wait);
	queue_work(log->wq, &log->work);
}

/**
 * vss_log_loss_init() - set up what a log does when it cannot go on
 * @log:	the log
 */
void vss_log_loss_init(struct vss_log *log)
{
	INIT_DELAYED_WORK(&log->stall_work, stall_work);
	INIT_DELAYED_WORK(&log->record_work, record_work);
}

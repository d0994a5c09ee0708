// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas: made, taken into use again, and left behind.
 *
 * Copies are right only if every change of the volume was seen.  Whether that
 * may be believed is decided here; the rules are in
 * Documentation/disk-format.md.
 */
#include <linux/ktime.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "area.h"
#include "copy.h"
#include "event.h"
#include "gate.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

/* Longest wait for writes while nothing is admitted. */
#define QUIET_TIMEOUT	(10 * HZ)

/**
 * struct hold_watch - ends a hold if the area does not answer
 * @work:	does it
 * @vol:	the volume, held
 * @ended:	not 0: it did, snapshots of the volume are lost
 */
struct hold_watch {
	struct delayed_work	work;
	struct vss_volume	*vol;
	unsigned int		ended;
};

static void end_hold(struct work_struct *work)
{
	struct hold_watch *watch = container_of(to_delayed_work(work),
						struct hold_watch, work);
	struct vss_log *log;

	/* It may have been put off while it ran. */
	if (xchg(&watch->ended, 1))
		return;
	vss_snapshots_lose(watch->vol, VSS_LOST_STALLED);
	vss_gate_unhold(watch->vol);
	/* A closed log keeps those that came for a copy. */
	rcu_read_lock();
	log = READ_ONCE(watch->vol->log);
	if (log)
		queue_work(log->wq, &log->work);
	rcu_read_unlock();
}

/* What is between these may take as long as the area's device likes. */
static void begin_hold_watch(struct hold_watch *watch, struct vss_volume *vol)
{
	watch->vol = vol;
	watch->ended = 0;
	INIT_DELAYED_WORK_ONSTACK(&watch->work, end_hold);
	queue_delayed_work(vol->wq, &watch->work, vss_stall_seconds * HZ);
}

/* The device answers: it has the whole time again, unless there is no use. */
static int go_on(void *data)
{
	struct hold_watch *watch = data;

	if (READ_ONCE(watch->ended))
		return -EIO;
	if (!vss_gate_is_idle(watch->vol))
		return -EBUSY;
	mod_delayed_work(watch->vol->wq, &watch->work, vss_stall_seconds * HZ);
	return 0;
}

/* True: writes went on, and the snapshots are lost. */
static bool end_hold_watch(struct hold_watch *watch)
{
	cancel_delayed_work_sync(&watch->work);
	destroy_delayed_work_on_stack(&watch->work);
	return watch->ended;
}

static int create(struct vss_log *log, const struct vss_log_request *req,
		  struct netlink_ext_ack *extack)
{
	int err = vss_disk_format(log, req->boot);

	if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack,
			       "the device is too small for a persistent diff area");
	else if (err)
		NL_SET_ERR_MSG(extack, "the diff area's header cannot be written");
	if (err)
		return err;
	vss_log_set_geometry(log);
	return 0;
}

/* Another copy of the area, or the area itself, is in use. */
static bool is_in_use(const struct vss_log *log)
{
	struct vss_volume *vol;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(vol, &vss_volumes, list) {
		if (vol->log && !memcmp(vol->log->super->area, log->super->area,
					sizeof(log->super->area)))
			return true;
	}
	return false;
}

/* Of one that was in use: is it as it was left?  0 or a negative errno. */
static int is_as_left(struct vss_log *log, const struct vss_log_request *req,
		      bool *same)
{
	const struct vss_disk_super *super = log->super;

	*same = false;
	/*
	 * The same boot: then it went away while it was in use.  An unknown one
	 * may be the same.
	 */
	if (!memchr_inv(req->boot, 0, sizeof(req->boot)) ||
	    !memchr_inv(super->boot, 0, sizeof(super->boot)) ||
	    !memcmp(req->boot, super->boot, sizeof(req->boot)))
		return 0;
	if (req->mode == VSS_AREA_LOAD_CHECKED)
		return vss_head_is_same(log, same);
	*same = req->mode == VSS_AREA_LOAD_UNCLEAN;
	return 0;
}

/* Has the volume been written since, as far as can be known?  0 or an errno. */
static int was_written(struct vss_log *log, const struct vss_log_request *req,
		       bool *written)
{
	bool same = true;
	int err = 0;

	if (le32_to_cpu(log->super->state) == VSS_DISK_ACTIVE)
		err = is_as_left(log, req, &same);
	else if (req->mode != VSS_AREA_LOAD_UNCLEAN)
		err = vss_fingerprint_is_same(log, &same);
	*written = !same;
	return err;
}

/*
 * New epochs follow on all there were in the area.  Safe bits of the volume's own
 * old generation know nothing of the snapshots there.
 */
static void raise_gen(struct vss_volume *vol, u32 epoch)
{
	spin_lock(&vol->snap_lock);
	WRITE_ONCE(vol->gen, max(vol->gen + 1, epoch));
	spin_unlock(&vol->snap_lock);
}

/* The snapshots are as they were: from now on copies are made for them. */
static void set_live(struct vss_volume *vol)
{
	struct vss_snapshot *snap;

	spin_lock(&vol->snap_lock);
	WRITE_ONCE(vol->live_back, vol->live_back + 1);
	/* As in end_life(): who sees the new live one sees that. */
	smp_wmb();
	list_for_each_entry(snap, &vol->snaps, list) {
		/* A change of halves is begun anew, and tells them again. */
		snap->logged = !vol->log->rewriting;
		if (!vss_snapshot_is_good(snap))
			continue;
		/* As in vss_snapshot_commit(). */
		smp_store_release(&vol->live, snap);
	}
	spin_unlock(&vol->snap_lock);
}

static bool has_good(struct vss_volume *vol)
{
	struct vss_snapshot *snap;
	bool any = false;

	spin_lock(&vol->snap_lock);
	list_for_each_entry(snap, &vol->snaps, list)
		any |= vss_snapshot_is_good(snap);
	spin_unlock(&vol->snap_lock);
	return any;
}

/* Those whose set was never complete were never told to anybody. */
static void drop_unfinished(struct vss_volume *vol)
{
	struct vss_snapshot *snap, *next;

	list_for_each_entry_safe(snap, next, &vol->snaps, list) {
		if (!snap->sealed)
			vss_snapshot_drop(snap);
	}
}

/* Who asks for this has it open, and tells of whom he knows: so nobody else does. */
static int may_tell(struct vss_volume *vol, const struct vss_log_request *req,
		    struct netlink_ext_ack *extack)
{
	if (req->mode == VSS_AREA_LOAD_UNCLEAN || vss_volume_openers(vol) <= req->openers)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "somebody has the volume open: whether it was written since, or is, cannot be told; unmount it first");
	return -EBUSY;
}

static int load(struct vss_log *log, const struct vss_log_request *req,
		struct netlink_ext_ack *extack)
{
	struct vss_volume *vol = log->vol;
	int spoilt = atomic_read_acquire(&vol->spoilt);
	enum vss_lost_reason lost = VSS_LOST_NOT;
	struct hold_watch watch;
	bool written = false;
	u32 epoch = 0;
	int err;

	err = vss_volume_check(vol, extack);
	if (err)
		return err;
	/* What is dropped until there is a log is no news. */
	WRITE_ONCE(vol->leaving, true);
	/* From here on vss_snapshots_spoil() leaves them to the end of this. */
	synchronize_rcu();
	err = vss_log_replay(log, &epoch, &lost);
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for what is in the diff area");
		goto out;
	}
	if (le32_to_cpu(log->super->state) == VSS_DISK_LOST)
		lost = le32_to_cpu(log->super->lost_reason) ?: VSS_LOST_DAMAGED;
	if (!lost && spoilt && has_good(vol))
		lost = READ_ONCE(vol->spoilt_by);
	/* Without good ones there is nothing that could be wrong. */
	if (!lost && has_good(vol)) {
		/* Before all of a small one is read for it. */
		if (le32_to_cpu(log->super->state) == VSS_DISK_CLEAN)
			err = may_tell(vol, req, extack);
		if (err)
			goto out;
		err = was_written(log, req, &written);
		if (err && err != -EINTR)
			NL_SET_ERR_MSG(extack,
				       "the volume cannot be read, so nobody knows whether it was written since; nothing was changed");
		if (err)
			goto out;
		if (written)
			lost = VSS_LOST_UNTRACKED;
	}

	if (lost == VSS_LOST_DAMAGED)
		pr_warn("%pg: the diff area on %pg is damaged: all snapshots in it are lost\n",
			vol->bdev, log->part->bdev);
	vss_gate_hold(vol);
	err = vss_gate_drain(vol, jiffies + QUIET_TIMEOUT);
	if (err) {
		NL_SET_ERR_MSG(extack, "writes in flight did not end");
		goto unhold;
	}
	/* Who has it open may have written it before it was attached. */
	if (!lost && has_good(vol))
		err = may_tell(vol, req, extack);
	if (err)
		goto unhold;
	if (!lost && vss_gate_writes(vol) && has_good(vol))
		lost = VSS_LOST_UNTRACKED;
	memcpy(log->super->boot, req->boot, sizeof(log->super->boot));
	begin_hold_watch(&watch, vol);
	if (lost) {
		vss_log_bury(log, lost);
	} else {
		if (!log->rewriting)
			vss_log_set_begin(log);
		err = vss_disk_write_super(log, VSS_DISK_ACTIVE);
		if (err)
			NL_SET_ERR_MSG(extack,
				       "the diff area's superblock cannot be written");
	}
	if (end_hold_watch(&watch) && !err && !lost) {
		lost = VSS_LOST_STALLED;
		vss_log_bury(log, lost);
	}
	if (!err) {
		raise_gen(vol, epoch);
		WRITE_ONCE(vol->log, log);
		/* Pairs with the barrier in vss_snapshots_spoil(). */
		smp_mb();
		if (atomic_read(&vol->spoilt) != spoilt)
			vss_log_doom(log, READ_ONCE(vol->spoilt_by));
	}
	/* A hold stops no copy: whoever makes one for @live finds the log. */
	if (!err && !lost)
		set_live(vol);
unhold:
	vss_gate_unhold(vol);
out:
	WRITE_ONCE(vol->leaving, false);
	if (!err) {
		/* An interrupted change of halves goes on; deletions wait for it. */
		queue_work(log->wq, &log->work);
		drop_unfinished(vol);
	}
	return err;
}

/* A log of what may be the parts of an area. */
static struct vss_log *new_log(struct vss_volume *vol, struct list_head *parts)
{
	struct vss_part *part = list_first_entry(parts, struct vss_part, list);
	struct vss_log *log = vss_log_new(vol, part);

	if (!log)
		return NULL;
	list_for_each_entry(part, parts, list) {
		struct vss_log_part *lp = vss_log_part_new(log, part);

		if (!lp) {
			vss_log_free(log);
			return NULL;
		}
		log->parts[log->nr_parts++] = lp;
	}
	return log;
}

/* Make the parts the volume's area: copies get what superblocks and log leave. */
static int open_parts(struct vss_log *log, struct netlink_ext_ack *extack)
{
	struct vss_volume *vol = log->vol;
	int err = 0;
	u32 i;

	for (i = 0; i < log->nr_parts && !err; i++) {
		const struct vss_disk_part *entry = &log->super->parts[i];
		struct vss_part *part = log->parts[i]->part;

		/* What the device has more now has no slots. */
		part->raw[0].nr = vss_chunk_to_sector(vol,
						      le32_to_cpu(entry->slots));
		vss_area_enlist(vol, part);
		err = vss_area_activate(vol, part, true, extack);
		if (!err)
			vss_area_open(vol, part, vss_disk_header_slots(vol) +
				      2 * le32_to_cpu(entry->log_slots));
	}
	return err;
}

/* Undo that.  Parts that something uses all the same must stay. */
static void close_parts(struct vss_volume *vol, struct list_head *parts)
{
	struct netlink_ext_ack unused = {};

	vss_copier_settle(vol);
	if (vss_area_deactivate(vol, NULL, &unused))
		pr_warn("%pg: slots of a diff area that is not used are in use\n",
			vol->bdev);
	else
		list_splice_init(&vol->area.parts, parts);
}

/**
 * vss_log_open() - make a volume's area persistent, or load one that is
 * @vol:	the volume, without snapshots and parts
 * @parts:	what its parts are to be, by vss_part.list; if 0 is returned those
 *		that are none are left in it
 * @req:	what is to be done
 * @extack:	set on errors
 *
 * Snapshots that are in it are there afterwards, not shown yet.
 *
 * Return: 0 or a negative errno.
 */
int vss_log_open(struct vss_volume *vol, struct list_head *parts,
		 const struct vss_log_request *req,
		 struct netlink_ext_ack *extack)
{
	bool new = req->mode == VSS_AREA_CREATE;
	struct vss_log *log;
	int err = 0;

	lockdep_assert_held(&vss_mutex);
	if (req->mode == VSS_AREA_LOAD_CHECKED) {
		vss_volume_wait_openers(vol, req->openers);
		err = may_tell(vol, req, extack);
	}
	if (err)
		return err;
	log = new_log(vol, parts);
	if (!log)
		return -ENOMEM;
	err = new ? create(log, req, extack) :
		    vss_disk_read_supers(log, extack);
	if (!err && !new && is_in_use(log)) {
		NL_SET_ERR_MSG(extack,
			       "this diff area is in use already: the device holds a copy of it");
		err = -EEXIST;
	}
	if (err)
		goto free;
	err = open_parts(log, extack);
	if (err)
		goto close;
	if (new)
		vol->log = log;
	else
		err = load(log, req, extack);
	if (!err) {
		/* It may have been written before anybody would have said so. */
		vss_head_written(vol);
		return 0;
	}
	vss_log_forget(vol);
close:
	close_parts(vol, parts);
free:
	vss_log_free(log);
	return err;
}

/**
 * vss_log_show() - make the images of loaded snapshots visible
 * @vol:	the volume
 *
 * Return: 0 or a negative errno.
 */
int vss_log_show(struct vss_volume *vol)
{
	struct vss_snapshot *snap;
	int err = 0;

	list_for_each_entry(snap, &vol->snaps, list) {
		if (!err && !snap->disk_added)
			err = vss_snapshot_show(snap);
	}
	return err;
}

/**
 * vss_log_forget() - forget a volume's snapshots, not what is on disk
 * @vol:	the volume; volatile afterwards
 */
void vss_log_forget(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;

	lockdep_assert_held(&vss_mutex);
	if (log)
		flush_work(&log->work);
	/* From here on nothing is logged. */
	vol->leaving = true;
	vss_snapshots_drop(vol);
	vol->leaving = false;
}

/**
 * vss_log_wipe() - a persistent area ends; it has no snapshots
 * @vol:	the volume, its area without room; volatile afterwards
 */
void vss_log_wipe(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;

	lockdep_assert_held(&vss_mutex);
	vol->log = NULL;
	/* See vss_log_copies(): the last copies may have ended before it has. */
	synchronize_rcu();
	/* No work of it is to write a superblock beside, or after that. */
	vss_log_close(log);
	vss_disk_wipe(log);
	vss_log_free(log);
}

/*
 * What the page cache of the disk that the volume is a partition of has of the volume
 * is written, and with @wait has been.
 */
static void write_back_disk(struct vss_volume *vol, bool wait)
{
	struct address_space *mapping =
		vss_bdev_mapping(bdev_whole(vol->bdev));
	loff_t start = (loff_t)get_start_sect(vol->bdev) << SECTOR_SHIFT;
	loff_t end = start + ((loff_t)vol->nr_sectors << SECTOR_SHIFT) - 1;

	filemap_fdatawrite_range(mapping, start, end);
	/* Whoever has written it is to be told of errors. */
	if (wait)
		filemap_fdatawait_range_keep_errors(mapping, start, end);
}

/*
 * Has nobody it open, and is nothing on its way to it?  What was written through
 * the whole disk, or left in the page cache, is parked by the hold.
 */
static bool is_untouched(struct vss_volume *vol)
{
	if (!vss_volume_is_closed(vol) || vss_bdev_is_dirty(vol->bdev) ||
	    !vss_gate_is_idle(vol))
		return false;
	/* Parked, it would be waited for as long as the hold lasts. */
	write_back_disk(vol, false);
	if (!vss_gate_is_idle(vol))
		return false;
	/* Somebody may be about to submit it. */
	write_back_disk(vol, true);
	return vss_gate_is_idle(vol);
}

/* Nobody waits for copies, nor writes: say what the volume looks like. */
static int say_clean(struct vss_log *log, struct hold_watch *watch)
{
	struct vss_volume *vol = log->vol;
	int err;

	/* What was written must be there when it is looked at again. */
	err = blkdev_issue_flush(vol->bdev);
	memset(log->super->print, 0, sizeof(log->super->print));
	if (!err && has_good(vol))
		err = vss_fingerprint_take(log, log->super->print, go_on,
					   watch);
	err = err ?: vss_log_seal(log);
	/* Whoever opens it from now on finds its writes held. */
	if (!err && !is_untouched(vol))
		err = -EBUSY;
	/* Or writes have passed, and may have been taken for what it contains. */
	err = err ?: go_on(watch);
	if (err)
		return err;
	log->super->log_end = cpu_to_le64(log->seq);
	err = vss_disk_write_both(log, VSS_DISK_CLEAN);
	/* What has come meanwhile goes on as soon as the volume is let go. */
	return err ?: is_untouched(vol) ? 0 : -EBUSY;
}

/**
 * vss_log_leave() - say on disk that the volume is detached
 * @vol:	the volume, out of everybody's sight but the hook's; held afterwards,
 *		unless the snapshots are lost
 *
 * If somebody has it open, or the area fails, its snapshots are lost.
 *
 * Return: 0, or -EIO: they are lost by that, or meanwhile, or no loss could be
 * recorded.
 */
int vss_log_leave(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;
	struct hold_watch watch;
	bool had = has_good(vol), good, hung, doomed;
	int err;

	vss_volume_wait_openers(vol, 0);
	/*
	 * While we have it open nobody's close writes the page cache back; ours
	 * would, when nobody sees it any more.  So it is with the disk that it is
	 * a partition of.
	 */
	sync_blockdev(vol->bdev);
	write_back_disk(vol, true);
	vss_gate_hold(vol);
	err = vss_volume_is_closed(vol) ? 0 : -EBUSY;
	err = err ?: vss_gate_drain(vol, jiffies + QUIET_TIMEOUT);
	err = err ?: vss_log_sync(vol);
	/* They are lost: no write is to wait for an area that does not answer. */
	if (err)
		vss_gate_unhold(vol);
	begin_hold_watch(&watch, vol);
	/* Or the log would not end where the superblock says. */
	vss_log_close(log);
	good = !log->dead && has_good(vol);
	if (!err && !log->dead && !READ_ONCE(watch.ended))
		err = say_clean(log, &watch);
	/* By the watch they are lost in memory only. */
	hung = end_hold_watch(&watch) && had && !log->dead;
	doomed = vss_log_is_doomed(log);
	/* One that was doomed before it was closed is dead, and not buried. */
	if (doomed || hung || (good && err)) {
		/* Those that need copies wait until the loss is recorded. */
		vss_gate_unhold(vol);
		vss_log_bury(log, doomed ? READ_ONCE(log->doomed) :
				  hung || READ_ONCE(log->hung) ?
				  VSS_LOST_STALLED : VSS_LOST_DETACHED);
	} else if (log->missing) {
		vss_log_record_loss(log);
	}
	if (log->unrecorded)
		pr_warn("%pg: the diff area on %pg does not know that its snapshots are lost: wipe it\n",
			vol->bdev, log->part->bdev);
	return (had && log->dead) || log->unrecorded ? -EIO : 0;
}

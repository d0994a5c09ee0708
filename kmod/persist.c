// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas: made, taken into use again, and left behind.
 *
 * Copies are right only if every change of the volume was seen.  Whether that
 * may be believed is decided here; the rules are in
 * Documentation/disk-format.md.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "area.h"
#include "event.h"
#include "gate.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

/* Longest wait for writes while nothing is admitted. */
#define QUIET_TIMEOUT	(10 * HZ)

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

/* Has the volume been written since, as far as can be known? */
static bool was_written(struct vss_log *log, const struct vss_log_request *req)
{
	const struct vss_disk_super *super = log->super;
	__le32 *print;
	bool same;

	if (le32_to_cpu(super->state) == VSS_DISK_ACTIVE) {
		/* The same boot: then it went away while it was in use. */
		return req->mode != VSS_AREA_LOAD_UNCLEAN ||
			(memchr_inv(req->boot, 0, sizeof(req->boot)) &&
			 !memcmp(req->boot, super->boot, sizeof(req->boot)));
	}
	print = kcalloc(VSS_DISK_PRINTS, sizeof(*print), GFP_KERNEL);
	same = print && !vss_disk_print(log->vol, print) &&
		!memcmp(print, super->print, sizeof(super->print));
	kfree(print);
	return !same;
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
		snap->logged = true;
		if (!vss_snapshot_is_good(snap))
			continue;
		/* As in vss_snapshot_commit(). */
		smp_store_release(&vol->live, snap);
	}
	spin_unlock(&vol->snap_lock);
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

static int load(struct vss_log *log, const struct vss_log_request *req,
		struct netlink_ext_ack *extack)
{
	enum vss_lost_reason lost = VSS_LOST_NOT;
	struct vss_volume *vol = log->vol;
	int err;

	vol->leaving = true;	/* what it drops is no news */
	err = vss_log_replay(log, &lost);
	vol->leaving = false;
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for what is in the diff area");
		return err;
	}
	if (le32_to_cpu(log->super->state) == VSS_DISK_LOST)
		lost = le32_to_cpu(log->super->lost_reason) ?: VSS_LOST_DAMAGED;
	if (!lost && was_written(log, req))
		lost = VSS_LOST_UNTRACKED;

	vss_gate_hold(vol);
	err = vss_gate_drain(vol, jiffies + QUIET_TIMEOUT);
	if (err) {
		NL_SET_ERR_MSG(extack, "writes in flight did not end");
		goto unhold;
	}
	if (!lost && vss_gate_writes(vol))
		lost = VSS_LOST_UNTRACKED;
	memcpy(log->super->boot, req->boot, sizeof(log->super->boot));
	if (lost) {
		vss_log_bury(log, lost);
	} else {
		err = vss_disk_write_super(log, VSS_DISK_ACTIVE);
		if (err)
			NL_SET_ERR_MSG(extack,
				       "the diff area's superblock cannot be written");
	}
	if (!err)
		vol->log = log;
	/* A hold stops no copy: whoever makes one for @live finds the log. */
	if (!err && !lost)
		set_live(vol);
unhold:
	vss_gate_unhold(vol);
	if (!err)
		drop_unfinished(vol);
	return err;
}

/**
 * vss_log_open() - make a volume's area persistent, or load one that is
 * @vol:	the volume, without snapshots, its area empty
 * @part:	the only part of the area, its room open
 * @req:	what is to be done
 * @extack:	set on errors
 *
 * Snapshots that are in it are there afterwards, not shown yet.
 *
 * Return: 0 or a negative errno.
 */
int vss_log_open(struct vss_volume *vol, struct vss_part *part,
		 const struct vss_log_request *req,
		 struct netlink_ext_ack *extack)
{
	bool new = req->mode == VSS_AREA_CREATE;
	struct vss_log *log;
	int err;

	lockdep_assert_held(&vss_mutex);
	log = vss_log_new(vol, part);
	if (!log)
		return -ENOMEM;
	err = new ? create(log, req, extack) : vss_disk_read_super(log, extack);
	if (err)
		goto free;
	vss_area_set_meta(vol, part, vss_disk_header_slots(vol) +
			  2 * le32_to_cpu(log->super->parts[0].log_slots),
			  le32_to_cpu(log->super->parts[0].slots));
	if (new)
		vol->log = log;
	else
		err = load(log, req, extack);
	if (!err)
		return 0;
	vss_log_close(vol);
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
 * vss_log_close() - forget a volume's snapshots, not what is on disk
 * @vol:	the volume; volatile afterwards
 */
void vss_log_close(struct vss_volume *vol)
{
	struct vss_log *log = vol->log;
	struct vss_snapshot *snap, *next;

	lockdep_assert_held(&vss_mutex);
	if (log)
		flush_work(&log->work);
	/* From here on nothing is logged. */
	vol->leaving = true;
	list_for_each_entry_safe(snap, next, &vol->snaps, list)
		vss_snapshot_drop(snap);
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
	flush_work(&log->work);
	vss_disk_wipe(log);
	vss_log_free(log);
}

/**
 * vss_log_leave() - say on disk that the volume is detached
 * @vol:	the volume
 * @clean:	nobody has it open
 *
 * If it is not clean the area stays as it is: its snapshots are lost unless
 * somebody vouches that nothing was written.
 *
 * Return: 0 or a negative errno.
 */
int vss_log_leave(struct vss_volume *vol, bool clean)
{
	struct vss_log *log = vol->log;
	int err = 0;

	if (!clean || log->dead)
		goto out;
	vss_gate_hold(vol);
	err = vss_gate_drain(vol, jiffies + QUIET_TIMEOUT);
	err = err ?: vss_log_sync(vol);
	cancel_delayed_work_sync(&log->witness_work);
	/* What was written must be there when it is looked at again. */
	err = err ?: blkdev_issue_flush(vol->bdev);
	err = err ?: vss_disk_print(vol, log->super->print);
	if (!err && !log->dead) {
		log->super->log_end = cpu_to_le64(log->seq);
		err = vss_disk_write_super(log, VSS_DISK_CLEAN);
	}
	vss_gate_unhold(vol);
out:
	if (!err) {
		/* Nothing may follow, or the log would not end where it says. */
		spin_lock(&log->lock);
		log->dead = true;
		spin_unlock(&log->lock);
		flush_work(&log->work);
	}
	return err;
}

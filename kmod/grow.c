// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas that get a further part while they are in use.
 *
 * First the part's own superblocks are written: without a table that names it, it is
 * not part of the area.  Then the log's work writes those of all parts with the new
 * table, between two groups and not while the halves are changed.  Then both halves
 * go on behind their end, and copies get slots.  If the power fails, the area has the
 * old table or the new one, and nothing that only the new one could tell.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "area.h"
#include "log.h"
#include "volume.h"

/* The part's superblocks are durable: let all tables name it. */
static int add_part(struct vss_log *log, const struct vss_log_part *lp)
{
	struct vss_disk_super *super = log->super;
	u32 nr = log->nr_parts;
	int err;

	super->parts[nr] = lp->super->parts[nr];
	super->nr_parts = cpu_to_le32(nr + 1);
	log->nr_parts = nr + 1;
	vss_log_begin_watch(log);
	/* If one is damaged later, the other must know the table too. */
	err = vss_disk_write_both(log, VSS_DISK_ACTIVE);
	vss_log_end_watch(log);
	if (err || READ_ONCE(log->dead)) {
		vss_log_fail(log, -EIO);
		return -EIO;
	}
	log->nr_known = log->nr_parts;
	WRITE_ONCE(log->half_blocks, vss_disk_measure(log));
	return 0;
}

/**
 * vss_log_let_grow() - give the area the part that it is to get, if there is one
 * @log:	the log, for its work, between two groups
 */
void vss_log_let_grow(struct vss_log *log)
{
	struct vss_log_part *lp;
	int err = -EIO;
	bool good;

	spin_lock(&log->lock);
	good = !log->dead && !log->closed;
	lp = good && log->rewriting ? NULL : log->grow;
	spin_unlock(&log->lock);
	if (!lp)
		return;
	if (good)
		err = add_part(log, lp);
	spin_lock(&log->lock);
	log->grow_err = err;
	WRITE_ONCE(log->grow, NULL);
	spin_unlock(&log->lock);
	wake_up_all(&log->wait);
}

/* Have the log's work do it, and wait unless the devices do not answer. */
static int ask(struct vss_log *log, struct vss_log_part *lp)
{
	int err;

	spin_lock(&log->lock);
	log->grow = lp;
	spin_unlock(&log->lock);
	queue_work(log->wq, &log->work);
	wait_event(log->wait, !READ_ONCE(log->grow) || READ_ONCE(log->hung));
	spin_lock(&log->lock);
	err = log->grow ? -ETIMEDOUT : log->grow_err;
	spin_unlock(&log->lock);
	return err;
}

static int check(struct vss_log *log, const struct vss_part *part,
		 struct netlink_ext_ack *extack)
{
	bool good;

	spin_lock(&log->lock);
	good = !log->dead && !log->closed;
	spin_unlock(&log->lock);
	if (!good) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has failed and its snapshots are lost: it cannot grow");
		return -EIO;
	}
	if (bdev_logical_block_size(part->bdev) > log->block) {
		NL_SET_ERR_MSG(extack,
			       "the device has larger logical blocks than the persistent diff area");
		return -EINVAL;
	}
	if (log->nr_parts == VSS_DISK_MAX_PARTS) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has as many parts as it may have");
		return -EMLINK;
	}
	return 0;
}

/* A part that can be one, its superblocks written; or ERR_PTR(). */
static struct vss_log_part *prepare(struct vss_log *log, struct vss_part *part,
				    struct vss_disk_part *entry,
				    struct netlink_ext_ack *extack)
{
	struct vss_log_part *lp;
	int err;

	err = vss_disk_choose_entry(log, vss_area_count_slots(log->vol, part),
				    entry);
	if (err) {
		NL_SET_ERR_MSG(extack,
			       "the device is too small for a part of a persistent diff area");
		return ERR_PTR(err);
	}
	lp = vss_log_part_new(log, part);
	if (!lp)
		return ERR_PTR(-ENOMEM);
	err = vss_disk_write_header(log, lp, entry);
	if (!err)
		return lp;
	NL_SET_ERR_MSG(extack, "the part's header cannot be written");
	vss_log_part_free(lp);
	return ERR_PTR(err);
}

/**
 * vss_log_grow() - give a persistent area a further part
 * @vol:	the volume
 * @part:	the part; in the area's list afterwards, unless nothing has changed
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.  If the part is in the list all the same, the
 * snapshots are lost.
 */
int vss_log_grow(struct vss_volume *vol, struct vss_part *part,
		 struct netlink_ext_ack *extack)
{
	struct vss_log *log = vol->log;
	struct vss_disk_part entry;
	struct vss_log_part *lp;
	int err;

	/* So this is the only one that asks for it. */
	lockdep_assert_held(&vss_mutex);
	err = check(log, part, extack);
	if (err)
		return err;
	lp = prepare(log, part, &entry, extack);
	if (IS_ERR(lp))
		return PTR_ERR(lp);
	err = vss_area_activate(vol, part, true, extack);
	if (err) {
		vss_log_part_free(lp);
		return err;
	}
	vss_area_enlist(vol, part);
	log->parts[log->nr_parts] = lp;
	err = ask(log, lp);
	if (err == -ETIMEDOUT)
		NL_SET_ERR_MSG(extack,
			       "the diff area's devices do not answer: its snapshots are lost");
	else if (err)
		NL_SET_ERR_MSG(extack,
			       "the diff area's superblocks cannot be written: its snapshots are lost");
	if (err)
		return -EIO;
	vss_area_open(vol, part, vss_disk_header_slots(vol) +
		      2 * le32_to_cpu(entry.log_slots));
	return 0;
}

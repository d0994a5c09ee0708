// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of a volume with a persistent diff area: what its first bytes were
 * when they were last written while it was tracked.
 *
 * File systems have their superblock there, or change something there, when they
 * are mounted.  After a crash a volume whose head is another one was mounted where
 * nobody looked.  A head is recorded after it was written, so a power cut between
 * the two costs the snapshots, and never makes a wrong one look right.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "log.h"
#include "volume.h"

/* What comes within so long is recorded together. */
#define HEAD_DELAY	msecs_to_jiffies(20)

/* Hash of the head, read into @buf; -ENODATA: the volume is smaller. */
static int read_head(struct vss_volume *vol, void *buf, u64 *hash)
{
	int err;

	if (vol->nr_sectors < VSS_DISK_HEAD_SIZE >> SECTOR_SHIFT)
		return -ENODATA;
	err = vss_disk_rw(vol->bdev, 0, buf, VSS_DISK_HEAD_SIZE, REQ_OP_READ);
	if (!err)
		*hash = xxh64(buf, VSS_DISK_HEAD_SIZE, 0);
	return err;
}

/* Reads the origin, which may take its time: the log must not wait for that. */
static void read_work(struct work_struct *work)
{
	struct vss_log *log = container_of(to_delayed_work(work),
					   struct vss_log, head_read_work);
	void *buf = (void *)__get_free_page(GFP_NOIO);
	u64 hash = 0;
	u32 size = 0;

	BUILD_BUG_ON(VSS_DISK_HEAD_SIZE > PAGE_SIZE);
	if (buf && !read_head(log->vol, buf, &hash))
		size = VSS_DISK_HEAD_SIZE;
	free_page((unsigned long)buf);
	spin_lock(&log->lock);
	log->head = hash;
	log->head_size = size;
	spin_unlock(&log->lock);
	queue_work(log->wq, &log->head_work);
}

/* On the log's queue, so nobody else writes superblocks. */
static void record_work(struct work_struct *work)
{
	struct vss_log *log = container_of(work, struct vss_log, head_work);
	struct vss_disk_super *super = log->super;
	u64 hash;
	u32 size;

	spin_lock(&log->lock);
	hash = log->head;
	size = log->head_size;
	spin_unlock(&log->lock);
	if (READ_ONCE(log->dead) || READ_ONCE(log->closed) ||
	    (hash == le64_to_cpu(super->head) &&
	     size == le32_to_cpu(super->head_size)))
		return;
	super->ro_compat |= cpu_to_le64(VSS_DISK_RO_COMPAT_HEAD);
	super->head = cpu_to_le64(hash);
	super->head_size = cpu_to_le32(size);
	vss_log_write_active(log);
}

/**
 * vss_head_written() - the head of a volume was written
 * @vol:	the volume, kept by a write or by vss_mutex
 *
 * Any context.
 */
void vss_head_written(struct vss_volume *vol)
{
	struct vss_log *log;

	/* See vss_log_wipe(). */
	rcu_read_lock();
	log = READ_ONCE(vol->log);
	if (log)
		queue_delayed_work(vol->store_wq, &log->head_read_work,
				   HEAD_DELAY);
	rcu_read_unlock();
}

/**
 * vss_head_is_same() - is the volume's head the one that was recorded?
 * @log:	the log, its superblock as it was found; no group was begun, so its
 *		buffer is free
 * @same:	set: it is; not if none was recorded
 *
 * Return: 0, or the errno of a read: that is not known.
 */
int vss_head_is_same(struct vss_log *log, bool *same)
{
	const struct vss_disk_super *super = log->super;
	u64 hash;
	int err;

	*same = false;
	/* Who does not know of it may have written the volume, and not it. */
	if (!(le64_to_cpu(super->ro_compat) & VSS_DISK_RO_COMPAT_HEAD) ||
	    le32_to_cpu(super->head_size) != VSS_DISK_HEAD_SIZE)
		return 0;
	err = read_head(log->vol, log->buf, &hash);
	if (err)
		return err;
	*same = hash == le64_to_cpu(super->head);
	return 0;
}

/**
 * vss_head_settle() - see to it that the volume's head is not being read
 * @log:	the log
 *
 * Return: false: the volume's device has not answered for 2 s.
 */
bool vss_head_settle(struct vss_log *log)
{
	unsigned int tries;

	for (tries = 0; tries < 100; tries++) {
		cancel_delayed_work(&log->head_read_work);
		if (!work_busy(&log->head_read_work.work))
			return true;
		fsleep(20000);
	}
	return false;
}

/**
 * vss_head_stop() - record nothing any more
 * @log:	a log that is closed, or that nobody finds
 */
void vss_head_stop(struct vss_log *log)
{
	cancel_delayed_work_sync(&log->head_read_work);
	cancel_work_sync(&log->head_work);
}

/**
 * vss_head_init() - prepare what vss_head_stop() stops
 * @log:	the log
 */
void vss_head_init(struct vss_log *log)
{
	INIT_DELAYED_WORK(&log->head_read_work, read_work);
	INIT_WORK(&log->head_work, record_work);
}

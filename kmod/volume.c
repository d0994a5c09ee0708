// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracked volumes: attach, detach, and the look-up that every write makes.
 */
#include <linux/blk-mq.h>
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/part_stat.h>
#include <linux/slab.h>

#include "event.h"
#include "hook.h"
#include "log.h"
#include "netlink.h"
#include "snapshot.h"
#include "volume.h"

/* Longest wait for the writes that were in flight before an attach. */
#define LEFTOVER_TIMEOUT	(10 * HZ)

/*
 * Protects what exists: volumes, the parts of their areas, snapshots, sets.
 * Never taken on the way of an I/O, nor between the freeze and the thaw of a
 * set; so its holders may allocate memory and wait for devices.
 */
DEFINE_MUTEX(vss_mutex);
LIST_HEAD(vss_volumes);
unsigned int vss_nr_volumes;

/* Those that were detached, until nothing of theirs is in flight. */
static LIST_HEAD(leaving);

/* By disk; RCU, changed under vss_mutex. */
static DEFINE_HASHTABLE(volume_hash, 6);

/**
 * vss_volume_next_hit() - volumes that a range of a disk touches
 * @disk:	the disk
 * @sector:	first sector of the range
 * @nr:		its length
 * @prev:	the last one found, or NULL
 *
 * To be called under rcu_read_lock().
 *
 * Return: the next volume or NULL.
 */
struct vss_volume *vss_volume_next_hit(struct gendisk *disk, sector_t sector,
				       sector_t nr, struct vss_volume *prev)
{
	struct vss_volume *vol;

	if (prev) {
		vol = hlist_entry_safe(rcu_dereference(hlist_next_rcu(&prev->hash)),
				       struct vss_volume, hash);
	} else {
		struct hlist_head *head;

		head = &volume_hash[hash_min((unsigned long)disk,
					     HASH_BITS(volume_hash))];
		vol = hlist_entry_safe(rcu_dereference(hlist_first_rcu(head)),
				       struct vss_volume, hash);
	}
	while (vol) {
		if (vol->disk == disk && sector < vol->start + vol->nr_sectors &&
		    vol->start < sector + nr)
			return vol;
		vol = hlist_entry_safe(rcu_dereference(hlist_next_rcu(&vol->hash)),
				       struct vss_volume, hash);
	}
	return NULL;
}

/**
 * vss_volumes_resized() - a disk is about to have another size
 * @disk:	the disk
 * @sectors:	its new size
 *
 * Volumes that it cuts off, or whose copies it does, lose their snapshots.  To be
 * called under rcu_read_lock().  Does not sleep.
 */
void vss_volumes_resized(struct gendisk *disk, sector_t sectors)
{
	struct vss_volume *vol;
	unsigned int bucket;

	hash_for_each_rcu(volume_hash, bucket, vol, hash) {
		bool cut = false;

		if (vol->disk == disk) {
			cut = sectors < vol->start + vol->nr_sectors;
			WRITE_ONCE(vol->cut, cut);
		}
		if (cut || vss_area_is_cut(vol, disk, sectors))
			vss_snapshots_spoil(vol, VSS_LOST_RESIZED);
	}
}

/**
 * vss_volumes_bypassed() - a disk may be written past the hook from now on
 * @disk:	the disk
 *
 * Volumes there lose their snapshots, and get no others until they are detached.  To
 * be called under rcu_read_lock().  Does not sleep.
 */
void vss_volumes_bypassed(struct gendisk *disk)
{
	struct vss_volume *vol = NULL;

	while ((vol = vss_volume_next_hit(disk, 0, ~(sector_t)0, vol))) {
		WRITE_ONCE(vol->bypassed, true);
		vss_snapshots_spoil(vol, VSS_LOST_UNTRACKED);
	}
}

/**
 * vss_volume_find() - find a volume by its device
 * @dev:	the device
 *
 * Return: the volume or NULL.
 */
struct vss_volume *vss_volume_find(dev_t dev)
{
	struct vss_volume *vol;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(vol, &vss_volumes, list) {
		if (vol->bdev->bd_dev == dev && !vss_bdev_is_gone(vol->bdev))
			return vol;
	}
	/* A removed device's number may have been given to another one. */
	list_for_each_entry(vol, &vss_volumes, list) {
		if (vol->bdev->bd_dev == dev)
			return vol;
	}
	return NULL;
}

/**
 * vss_volume_check() - can the volume be a member of a set?
 * @vol:	the volume
 * @extack:	set on errors
 *
 * The hook sees writes only up to the size that the volume had at attach.
 *
 * Return: 0, or -ENODEV, -ESTALE or -EOPNOTSUPP.
 */
int vss_volume_check(struct vss_volume *vol, struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&vss_mutex);
	if (vss_bdev_is_gone(vol->bdev)) {
		NL_SET_ERR_MSG(extack, "the volume's device was removed");
		return -ENODEV;
	}
	/* That of the disk may be about to change. */
	if (bdev_nr_sectors(vol->bdev) != vol->nr_sectors ||
	    get_capacity(vol->disk) < vol->start + vol->nr_sectors ||
	    READ_ONCE(vol->cut)) {
		NL_SET_ERR_MSG(extack, "the volume was resized");
		return -ESTALE;
	}
	if (READ_ONCE(vol->bypassed)) {
		NL_SET_ERR_MSG(extack,
			       "the volume's disk is, or was since the attach, a path of a multipath device");
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * vss_volume_memory() - bytes of memory that a volume takes
 * @vol:	the volume
 *
 * Return: bytes.
 */
u64 vss_volume_memory(struct vss_volume *vol)
{
	return sizeof(*vol) + vss_map_memory(&vol->map) +
		vss_safebits_memory(&vol->safe) + vss_area_memory(&vol->area) +
		VSS_PUBSEQ_SLOTS * sizeof(*vol->pubseq) +
		vss_copier_memory(vol);
}

static int check_device(struct block_device *bdev,
			struct netlink_ext_ack *extack)
{
	if (vss_image_is_image(bdev->bd_disk))
		NL_SET_ERR_MSG(extack, "the image of a snapshot cannot be tracked");
	else if (bdev_is_zoned(bdev))
		NL_SET_ERR_MSG(extack, "a zoned device cannot be tracked");
	else if (vss_bdev_is_dax(bdev))
		NL_SET_ERR_MSG(extack,
			       "a DAX device cannot be tracked: its memory is written past the block layer");
	else if (vss_bdev_has_rw_page(bdev))
		NL_SET_ERR_MSG(extack,
			       "the device's driver takes pages past the block layer (rw_page)");
	else if (bdev_logical_block_size(bdev) > VSS_MIN_CHUNK_SIZE)
		NL_SET_ERR_MSG(extack,
			       "a device with logical blocks larger than 4 KiB cannot be tracked");
	else if (!bdev_nr_sectors(bdev))
		NL_SET_ERR_MSG(extack, "the device has no size");
	else
		return 0;
	return -EOPNOTSUPP;
}

static bool overlaps(const struct vss_volume *vol, struct block_device *bdev)
{
	sector_t start = bdev->bd_start_sect, nr = bdev_nr_sectors(bdev);

	return vol->disk == bdev->bd_disk &&
		start < vol->start + vol->nr_sectors && vol->start < start + nr;
}

static int check_overlap(struct block_device *bdev,
			 struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;

	list_for_each_entry(vol, &vss_volumes, list) {
		if (vol->bdev == bdev) {
			NL_SET_ERR_MSG(extack, "the device is tracked already");
			return -EEXIST;
		}
		if (overlaps(vol, bdev)) {
			NL_SET_ERR_MSG(extack,
				       "the device overlaps a tracked one (a disk and its partition)");
			return -EBUSY;
		}
	}
	list_for_each_entry(vol, &leaving, list) {
		if (overlaps(vol, bdev)) {
			NL_SET_ERR_MSG(extack,
				       "the device was detached, but something of that is still in flight: try again");
			return -EBUSY;
		}
	}
	return 0;
}

static void free_volume(struct vss_volume *vol)
{
	/* In the order in which the works of one start those of another. */
	if (vol->log)
		vss_log_free(vol->log);
	if (vol->near_wq)
		destroy_workqueue(vol->near_wq);
	if (vol->store_wq)
		destroy_workqueue(vol->store_wq);
	if (vol->wq)
		destroy_workqueue(vol->wq);
	vss_area_destroy(vol);
	vss_copier_destroy(vol);
	vss_gate_destroy(vol);
	vss_map_destroy(&vol->map);
	vss_safebits_destroy(&vol->safe);
	kvfree(vol->pubseq);
	if (vol->handle)
		vss_bdev_close_shared(vol->handle);
	kfree(vol);
}

static struct vss_volume *alloc_volume(vss_bdev_handle handle, u32 chunk_size,
				       u64 copy_memory)
{
	struct vss_volume *vol;
	int err;

	vol = kzalloc(sizeof(*vol), GFP_KERNEL);
	if (!vol)
		return NULL;
	vol->handle = handle;
	vol->bdev = vss_handle_bdev(handle);
	vol->disk = vol->bdev->bd_disk;
	vol->start = vol->bdev->bd_start_sect;
	vol->nr_sectors = bdev_nr_sectors(vol->bdev);
	vol->whole = !vss_bdev_is_partition(vol->bdev);
	vol->chunk_shift = ilog2(chunk_size);
	vol->nr_chunks = DIV_ROUND_UP_ULL(vol->nr_sectors,
					  chunk_size >> SECTOR_SHIFT);
	spin_lock_init(&vol->snap_lock);
	INIT_LIST_HEAD(&vol->snaps);
	mutex_init(&vol->reap_lock);
	vss_area_init(&vol->area);

	err = vss_gate_init(vol);
	err = err ?: vss_copier_init(vol, copy_memory);
	err = err ?: vss_map_init(&vol->map);
	err = err ?: vss_safebits_init(&vol->safe, vol->nr_chunks);
	vol->pubseq = kvcalloc(VSS_PUBSEQ_SLOTS, sizeof(*vol->pubseq),
			       GFP_KERNEL);
	vol->wq = alloc_workqueue("vss-%pg", WQ_MEM_RECLAIM | WQ_UNBOUND |
				  WQ_HIGHPRI, 0, vol->bdev);
	vol->near_wq = alloc_workqueue("vss-near-%pg", WQ_MEM_RECLAIM |
				       VSS_WQ_PERCPU | WQ_HIGHPRI, 0,
				       vol->bdev);
	vol->store_wq = alloc_workqueue("vss-store-%pg", WQ_MEM_RECLAIM |
					WQ_UNBOUND, 0, vol->bdev);
	if (err || !vol->pubseq || !vol->wq || !vol->near_wq ||
	    !vol->store_wq) {
		vol->handle = NULL;	/* the caller closes it */
		free_volume(vol);
		return NULL;
	}
	return vol;
}

/*
 * A bio-based driver's own count.  A bio is counted at the device it was sent
 * to: our partition, or the disk, or on a disk any of its partitions.
 */
static bool no_write_in_flight(const struct vss_volume *vol)
{
	struct block_device *part;
	unsigned long i, n = 0;
	int cpu;

	rcu_read_lock();
	xa_for_each(&vol->disk->part_tbl, i, part) {
		if (!vol->whole && part != vol->bdev && i)
			continue;
		for_each_possible_cpu(cpu)
			n += part_stat_local_read_cpu(part, in_flight[1], cpu);
	}
	rcu_read_unlock();
	return !n;
}

/* Wait for whoever has entered the queue: of a bio-based one, its driver. */
static int drain_queue(struct request_queue *q)
{
	int left;

	blk_freeze_queue_start(q);
	left = blk_mq_freeze_queue_wait_timeout(q, LEFTOVER_TIMEOUT);
	vss_unfreeze_queue(q);
	return left ? 0 : -EAGAIN;
}

static int drain_bio_based(struct vss_volume *vol)
{
	unsigned long end = jiffies + LEFTOVER_TIMEOUT;
	int err;

	/* Nothing new may come in while we look. */
	vss_gate_hold(vol);
	/* A task that sleeps in the driver has not been counted by it yet. */
	err = drain_queue(bdev_get_queue(vol->bdev));
	while (!no_write_in_flight(vol) && !err) {
		if (time_after(jiffies, end))
			err = -EAGAIN;
		fsleep(1000);
	}
	vss_gate_unhold(vol);
	return err;
}

/*
 * Writes that were in flight when the hook began to count must have ended
 * before the first snapshot.  @counts: a bio-based driver keeps statistics.
 */
static int drain_leftovers(struct vss_volume *vol, bool counts,
			   struct netlink_ext_ack *extack)
{
	struct request_queue *q = bdev_get_queue(vol->bdev);
	int err;

	/*
	 * Whoever passed the hook uncounted has entered the queue by now, or
	 * sleeps on the way to it: the second round is for the latter.
	 */
	vss_synchronize_rcu_tasks();
	err = drain_queue(q);
	if (err)
		goto out;
	vss_synchronize_rcu_tasks();

	if (queue_is_mq(q)) {
		err = drain_queue(q);
	} else if (counts) {
		err = drain_bio_based(vol);
	} else {
		err = -EOPNOTSUPP;
		NL_SET_ERR_MSG(extack,
			       "the device must count its I/O: write 1 to its queue/iostats; under NVMe's multipath only whole disks do, from Linux 6.3 on, and logical volumes");
	}
out:
	if (err == -EAGAIN)
		NL_SET_ERR_MSG(extack, "writes from before the attach did not end in time");
	return err;
}

/* Wait until a volume is idle that was taken out of the hook's sight. */
static void quiesce(struct vss_volume *vol)
{
	synchronize_rcu();
	vss_copier_kick(vol);
	vss_gate_flush(vol);
	/* Completions look at the volume once they are counted: a grace period. */
	vss_copier_stop(vol);
}

/**
 * vss_volume_attach() - start to track a device
 * @dev:	the device
 * @chunk_size:	bytes, a power of two within the limits
 * @copy_memory: most bytes of copies in flight
 * @volp:	set to the volume
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_volume_attach(dev_t dev, u32 chunk_size, u64 copy_memory,
		      struct vss_volume **volp, struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	vss_bdev_handle handle;
	unsigned long reads;
	int err;

	lockdep_assert_held(&vss_mutex);
	if (vss_nr_volumes >= VSS_MAX_VOLUMES) {
		NL_SET_ERR_MSG(extack, "too many volumes are tracked");
		return -ENOSPC;
	}
	handle = vss_bdev_open_shared(dev);
	if (IS_ERR(handle)) {
		NL_SET_ERR_MSG(extack, "no such block device");
		return PTR_ERR(handle);
	}
	err = check_device(vss_handle_bdev(handle), extack);
	if (!err)
		err = check_overlap(vss_handle_bdev(handle), extack);
	if (err)
		goto close;

	vol = alloc_volume(handle, chunk_size, copy_memory);
	if (!vol) {
		err = -ENOMEM;
		goto close;
	}
	if ((vol->nr_chunks - 1) >> VSS_GROUP_SHIFT >= U32_MAX) {
		NL_SET_ERR_MSG(extack, "the device is too large for this chunk size");
		err = -EFBIG;
		goto free;
	}

	err = vss_hook_get(extack);
	if (err)
		goto free;
	/*
	 * NVMe's multipath counts for the disk only: for a partition of it there
	 * is no telling its writes from others', and it is refused.
	 */
	reads = part_stat_read(vol->bdev, ios[STAT_READ]);
	err = vss_selftest_device(vol->bdev, extack);
	if (err) {
		vss_hook_put();
		goto free;
	}
	hash_add_rcu(volume_hash, &vol->hash, (unsigned long)vol->disk);
	/* Only from now on changes of its size are seen. */
	err = vss_volume_check(vol, extack);
	if (!err)
		err = drain_leftovers(vol, part_stat_read(vol->bdev,
							  ios[STAT_READ]) !=
				      reads, extack);
	if (err) {
		hash_del_rcu(&vol->hash);
		quiesce(vol);
		vss_hook_put();
		goto free;
	}

	__module_get(THIS_MODULE);
	list_add_tail(&vol->list, &vss_volumes);
	vss_nr_volumes++;
	vss_changed();
	vss_event_volume(vol, VSS_EVENT_VOLUME_ATTACHED);
	*volp = vol;
	return 0;

free:
	free_volume(vol);
	return err;
close:
	vss_bdev_close_shared(handle);
	return err;
}

/**
 * vss_volume_openers() - how many times others have the volume open
 * @vol:	the volume
 *
 * Claimed or not: mounts, devices above it, and whoever has opened its node.
 *
 * Return: their number.
 */
unsigned int vss_volume_openers(const struct vss_volume *vol)
{
	return atomic_read(&vol->bdev->bd_openers) - 1;
}

/**
 * vss_volume_is_closed() - has nobody else the volume open?
 * @vol:	the volume
 *
 * Return: true if nobody has.
 */
bool vss_volume_is_closed(const struct vss_volume *vol)
{
	return !vss_volume_openers(vol);
}

/**
 * vss_volume_wait_openers() - wait until few others have the volume open
 * @vol:	the volume
 * @max:	how many may
 *
 * Does not wait for those that have it open, only for what counts as open a
 * jiffy longer than it is: a kernel thread's file, closed after an unmount that
 * a freeze had put off, for example.
 *
 * Return: true if no more have.
 */
bool vss_volume_wait_openers(const struct vss_volume *vol, unsigned int max)
{
	unsigned int tries = 20;

	while (vss_volume_openers(vol) > max && tries--)
		fsleep(5000);
	return vss_volume_openers(vol) <= max;
}

/*
 * The snapshots of a persistent area stay on disk, good if the volume cannot
 * have been written when it comes back.  May they be left there?
 */
static int may_leave(struct vss_volume *vol, bool force,
		     struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;

	if (!force && list_empty(&vol->snaps))
		return 0;
	if (!force && !vss_volume_wait_openers(vol, 0)) {
		NL_SET_ERR_MSG(extack,
			       "the volume is in use: its snapshots would be lost; unmount it first");
		return -EBUSY;
	}
	list_for_each_entry(snap, &vol->snaps, list) {
		if (vss_snapshot_close(snap, force))
			continue;
		NL_SET_ERR_MSG(extack,
			       "the image of a snapshot is in use (mounted or open)");
		list_for_each_entry_continue_reverse(snap, &vol->snaps, list)
			vss_snapshot_reopen(snap);
		return -EBUSY;
	}
	return 0;
}

/**
 * vss_volume_detach() - stop to track a volume
 * @vol:	the volume
 * @force:	delete its snapshots, even those in use
 * @dropped:	its snapshots are added, for vss_snapshots_free()
 * @extack:	set on errors
 *
 * Nobody finds it any more if 0 is returned: vss_volume_quiesce() and
 * vss_volume_free() are what is left.
 *
 * Return: 0 or -EBUSY.
 */
int vss_volume_detach(struct vss_volume *vol, bool force,
		      struct list_head *dropped,
		      struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&vss_mutex);
	if (vol->set) {
		NL_SET_ERR_MSG(extack, "the volume is a member of a set in creation");
		return -EBUSY;
	}
	if (vol->log) {
		err = may_leave(vol, force, extack);
		if (err)
			return err;
	} else if (!list_empty(&vol->snaps) && !force) {
		NL_SET_ERR_MSG(extack, "the volume has snapshots");
		return -EBUSY;
	}
	if (!vol->log) {
		vss_snapshots_end(vol, dropped);
		hash_del_rcu(&vol->hash);
	}
	list_move(&vol->list, &leaving);
	vss_nr_volumes--;
	vss_changed();
	return 0;
}

/* Until the area knows that its volume leaves, writes are held or copied for. */
static int leave(struct vss_volume *vol)
{
	LIST_HEAD(dropped);
	int err;

	err = vss_log_leave(vol);
	/* What others do, and how many copies there are, no write waits for. */
	vss_snapshots_retire(vol);
	vss_gate_unhold(vol);
	vss_log_dismiss(vol->log);
	mutex_lock(&vss_mutex);
	vol->leaving = true;
	vss_snapshots_end(vol, &dropped);
	hash_del_rcu(&vol->hash);
	mutex_unlock(&vss_mutex);
	vss_snapshots_free(&dropped);
	return err;
}

/**
 * vss_volume_quiesce() - wait until a volume that was detached is idle
 * @vol:	the volume
 *
 * Without vss_mutex: waits for what is in flight, and for its snapshots to be
 * freed.
 *
 * Return: 0, or -EIO: snapshots in its persistent diff area are lost.
 */
int vss_volume_quiesce(struct vss_volume *vol)
{
	int err = vol->log ? leave(vol) : 0;

	vss_snapshots_wait(vol);
	quiesce(vol);
	return err;
}

/**
 * vss_volume_free() - free a volume that was detached
 * @vol:	the volume, idle
 *
 * Without vss_mutex.
 */
void vss_volume_free(struct vss_volume *vol)
{
	/* Also after whoever has told that the last snapshot is freed. */
	mutex_lock(&vss_mutex);
	vss_hook_put();
	list_del(&vol->list);
	mutex_unlock(&vss_mutex);
	vss_event_volume(vol, VSS_EVENT_VOLUME_DETACHED);
	free_volume(vol);
	module_put(THIS_MODULE);
}

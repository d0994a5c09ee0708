// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezing the file systems of a set.
 *
 * The file system on a member, and those on the partitions of a member disk,
 * are found from the device, which also keeps new ones from being mounted and
 * flushes a device without a file system.  Those that cannot be found so
 * (btrfs, stacks of dm and loop devices) userspace names by a directory.
 *
 * File systems of one level are frozen in parallel: one after the other many
 * of them would miss any deadline.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "freeze.h"
#include "volume.h"

/* How often we look whether there is a reason to wait no longer. */
#define LOOK_AGAIN	(HZ / 4)

/*
 * While a file system is being unmounted there is none to freeze, and the
 * device is not free of it yet: on some kernels that fails.
 */
static int freeze_device(struct vss_freeze *f, struct block_device *bdev)
{
	bool unmounting = true;
	int err;

	while ((err = vss_bdev_freeze(bdev)) == -EINVAL && unmounting) {
		unmounting = vss_bdev_unmounting(bdev);
		/* Over since then: once more. */
		if (!unmounting)
			continue;
		if (READ_ONCE(f->stop) || !time_before(jiffies, f->deadline))
			return -ETIMEDOUT;
		fsleep(10000);
	}
	return err;
}

static void freeze_work(struct work_struct *work)
{
	struct vss_freeze *f = container_of(work, struct vss_freeze,
					    freeze_work);
	/* Memory must not be won by writing to what is being frozen. */
	unsigned int noio = memalloc_noio_save();

	/*
	 * A stray FITHAW drops the freeze's own reference; ours keeps the
	 * super block until the thaw.
	 */
	if (READ_ONCE(f->stop)) {
		f->error = -ECANCELED;
	} else if (f->handle) {
		struct block_device *bdev = vss_handle_bdev(f->handle);

		f->error = freeze_device(f, bdev);
		if (!f->error)
			f->sb = vss_bdev_frozen_sb(bdev);
	} else {
		struct super_block *sb = file_inode(f->file)->i_sb;

		f->error = vss_super_freeze(sb);
		if (!f->error && atomic_inc_not_zero(&sb->s_active))
			f->sb = sb;
	}
	f->frozen = !f->error;
	memalloc_noio_restore(noio);
	complete_all(&f->done);
}

/*
 * Not with the thaw: what ends an unmount may flush file systems' queues that
 * have no rescuer, as a freeze may, and a thaw must not need memory.
 */
static void put_work(struct work_struct *work)
{
	struct vss_freeze *f = container_of(work, struct vss_freeze, put_work);
	unsigned int noio = memalloc_noio_save();

	deactivate_super(f->sb);
	f->sb = NULL;
	memalloc_noio_restore(noio);
	complete_all(&f->done);
}

static void thaw_work(struct work_struct *work)
{
	struct vss_freeze *f = container_of(work, struct vss_freeze, thaw_work);
	unsigned int noio = memalloc_noio_save();

	/* Either fails if someone has thawed it meanwhile: as it should be. */
	if (f->handle)
		vss_bdev_thaw(vss_handle_bdev(f->handle));
	else if (f->sb)
		vss_super_thaw(f->sb);
	f->frozen = false;
	memalloc_noio_restore(noio);
	if (f->sb)
		queue_work(f->wq, &f->put_work);
	else
		complete_all(&f->done);
}

static struct vss_freeze *new_freeze(struct list_head *freezes,
				     unsigned int level)
{
	struct vss_freeze *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->level = level;
	INIT_WORK(&f->freeze_work, freeze_work);
	INIT_WORK(&f->thaw_work, thaw_work);
	INIT_WORK(&f->put_work, put_work);
	init_completion(&f->done);
	list_add_tail(&f->list, freezes);
	return f;
}

static int add_dev(struct list_head *freezes, dev_t dev, unsigned int level)
{
	struct vss_freeze *f;
	vss_bdev_handle handle;

	handle = vss_bdev_open_shared(dev);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	f = new_freeze(freezes, level);
	if (!f) {
		vss_bdev_close_shared(handle);
		return -ENOMEM;
	}
	f->handle = handle;
	return 0;
}

/**
 * vss_freeze_add_volume() - have a member's file systems frozen
 * @freezes:	list of struct vss_freeze to add to
 * @vol:	the volume; if it is a disk, its partitions are included
 * @level:	the volume's level
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno; what was added stays in the list.
 */
int vss_freeze_add_volume(struct list_head *freezes, struct vss_volume *vol,
			  unsigned int level, struct netlink_ext_ack *extack)
{
	struct block_device *part;
	unsigned long i;
	unsigned int nr = 0, n;
	dev_t *devs;
	int err;

	err = add_dev(freezes, vol->bdev->bd_dev, level);
	if (err || !vol->whole)
		goto out;

	devs = kcalloc(DISK_MAX_PARTS, sizeof(*devs), GFP_KERNEL);
	if (!devs)
		return -ENOMEM;
	rcu_read_lock();
	xa_for_each_start(&vol->disk->part_tbl, i, part, 1) {
		if (bdev_nr_sectors(part) && nr < DISK_MAX_PARTS)
			devs[nr++] = part->bd_dev;
	}
	rcu_read_unlock();
	for (n = 0; n < nr && !err; n++) {
		err = add_dev(freezes, devs[n], level);
		/* Gone meanwhile: nothing is mounted from it. */
		if (err == -ENXIO || err == -ENODEV)
			err = 0;
	}
	kfree(devs);
out:
	if (err)
		NL_SET_ERR_MSG(extack, "a device of the set cannot be opened");
	return err;
}

/**
 * vss_freeze_add_fd() - have a file system frozen that userspace names
 * @freezes:	list of struct vss_freeze to add to
 * @fd:		the calling task's descriptor of a directory on it
 * @level:	its level
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_freeze_add_fd(struct list_head *freezes, int fd, unsigned int level,
		      struct netlink_ext_ack *extack)
{
	struct vss_freeze *f;
	struct super_block *sb;
	struct file *file;

	file = fget(fd);
	if (!file) {
		NL_SET_ERR_MSG(extack, "no such file descriptor");
		return -EBADF;
	}
	sb = file_inode(file)->i_sb;
	if (!S_ISDIR(file_inode(file)->i_mode)) {
		NL_SET_ERR_MSG(extack, "the file descriptor is not one of a directory");
		fput(file);
		return -ENOTDIR;
	}
	if (!sb->s_op->freeze_fs && !sb->s_op->freeze_super) {
		NL_SET_ERR_MSG(extack, "the file system cannot be frozen");
		fput(file);
		return -EOPNOTSUPP;
	}
	f = new_freeze(freezes, level);
	if (!f) {
		fput(file);
		return -ENOMEM;
	}
	f->file = file;
	return 0;
}

/* A kernel thread's fput() would leave the file system busy for a jiffy. */
static void close_file(struct file *file)
{
	if (current->flags & PF_KTHREAD)
		__fput_sync(file);
	else
		fput(file);
}

/**
 * vss_freeze_free() - empty a list
 * @freezes:	list of struct vss_freeze, none of them frozen
 */
void vss_freeze_free(struct list_head *freezes)
{
	struct vss_freeze *f, *next;

	list_for_each_entry_safe(f, next, freezes, list) {
		list_del(&f->list);
		if (f->handle)
			vss_bdev_close_shared(f->handle);
		if (f->file)
			close_file(f->file);
		kfree(f);
	}
}

static bool wait_until(struct completion *done, unsigned long deadline)
{
	long left = max_t(long, deadline - jiffies, 0);

	return wait_for_completion_timeout(done, left) ||
		completion_done(done);
}

/**
 * vss_freeze_level() - freeze all file systems of a level
 * @freezes:	list of struct vss_freeze
 * @level:	the level
 * @wq:		an unbound workqueue without a rescuer
 * @deadline:	when to stop waiting, in jiffies
 * @doomed:	nobody wants them frozen any more
 *
 * Takes as long as the slowest of them needs to flush, or to the deadline.
 * A freeze cannot be called off: vss_freeze_thaw() waits for its end.
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, or the first error; those that could be
 * frozen are.
 */
int vss_freeze_level(struct list_head *freezes, unsigned int level,
		     struct workqueue_struct *wq, unsigned long deadline,
		     const bool *doomed)
{
	struct vss_freeze *f;
	unsigned long look;
	int err = 0;

	list_for_each_entry(f, freezes, list) {
		if (f->level != level)
			continue;
		f->begun = true;
		f->wq = wq;
		f->deadline = deadline;
		queue_work(wq, &f->freeze_work);
	}
	list_for_each_entry(f, freezes, list) {
		if (f->level != level)
			continue;
		for (;;) {
			look = jiffies + LOOK_AGAIN;
			if (time_after(look, deadline))
				look = deadline;
			if (wait_until(&f->done, look))
				break;
			if (READ_ONCE(*doomed))
				return -ECANCELED;
			if (!time_before(jiffies, deadline))
				return err ?: -ETIMEDOUT;
		}
		err = err ?: f->error;
	}
	return err;
}

/**
 * vss_freeze_verify() - is everything still frozen?
 * @freezes:	list of struct vss_freeze, all levels frozen
 *
 * FITHAW by someone else undoes a freeze on some kernels.
 *
 * Return: 0 or -EBUSY.
 */
int vss_freeze_verify(struct list_head *freezes)
{
	struct vss_freeze *f;

	list_for_each_entry(f, freezes, list) {
		if (f->sb && !vss_super_is_frozen(f->sb))
			return -EBUSY;
	}
	return 0;
}

/* Begin to thaw what is frozen of a level and not being thawed yet. */
static void begin_thaw(struct list_head *freezes, unsigned int level,
		       struct workqueue_struct *wq)
{
	struct vss_freeze *f;

	list_for_each_entry(f, freezes, list) {
		if (f->level != level || !f->begun || f->thawing ||
		    !completion_done(&f->done) || !f->frozen)
			continue;
		f->thawing = true;
		reinit_completion(&f->done);
		queue_work(wq, &f->thaw_work);
	}
}

/**
 * vss_freeze_thaw() - thaw everything that we have frozen
 * @freezes:	list of struct vss_freeze
 * @wq:		an unbound workqueue
 *
 * The lowest level first, so that what lies above finds its device thawed; but
 * no file system waits long for one that hangs.  Returns when all are thawed.
 */
void vss_freeze_thaw(struct list_head *freezes, struct workqueue_struct *wq)
{
	struct vss_freeze *f;
	unsigned int level;

	list_for_each_entry(f, freezes, list)
		WRITE_ONCE(f->stop, true);
	for (level = 0; level <= VSS_MAX_LEVEL; level++) {
		unsigned long patience = jiffies + HZ;

		begin_thaw(freezes, level, wq);
		list_for_each_entry(f, freezes, list) {
			if (f->level == level && f->thawing)
				wait_until(&f->done, patience);
		}
	}
	/* Freezes that had not ended: each is thawed when it has. */
	list_for_each_entry(f, freezes, list) {
		while (f->begun && !f->thawing &&
		       !wait_until(&f->done, jiffies + LOOK_AGAIN)) {
			for (level = 0; level <= VSS_MAX_LEVEL; level++)
				begin_thaw(freezes, level, wq);
		}
		begin_thaw(freezes, f->level, wq);
	}
	list_for_each_entry(f, freezes, list) {
		if (f->thawing)
			wait_for_completion(&f->done);
	}
}

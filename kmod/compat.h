/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows how kernels differ.  The rest of the module is
 * written against the names here.
 *
 * What is asked for is a feature, never a version, for distributions carry
 * features back: by the name of a macro where the kernel has one, else by
 * VSS_HAVE_..., which Kbuild finds in the kernel's headers.
 */
#ifndef VSS_COMPAT_H
#define VSS_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/fileattr.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/rcupdate.h>
#include <linux/vss.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#ifndef CONFIG_TASKS_RCU
/* Kernels that cannot be preempted: a normal grace period does the same. */
#define vss_synchronize_rcu_tasks()	synchronize_rcu()
#else
#define vss_synchronize_rcu_tasks()	synchronize_rcu_tasks()
#endif

/* Later kernels want to be told that a workqueue's works stay on their CPU. */
#ifdef VSS_HAVE_WQ_PERCPU
#define VSS_WQ_PERCPU	WQ_PERCPU
#else
#define VSS_WQ_PERCPU	0
#endif

/* Argument 0 or 1 of the function whose entry ftrace has caught. */
static __always_inline unsigned long vss_ftrace_arg(struct ftrace_regs *fregs,
						    unsigned int n)
{
#ifdef ftrace_regs_get_argument
	return ftrace_regs_get_argument(fregs, n);
#else
	return n ? fregs->regs.si : fregs->regs.di;
#endif
}

/* Kernels without drivers that take devices for others have no such function. */
#ifdef CONFIG_BLOCK_HOLDER_DEPRECATED
#define vss_disks_are_taken_by	((unsigned long)bd_link_disk_holder)
#else
#define vss_disks_are_taken_by	0UL
#endif

static __always_inline void vss_ftrace_set_ip(struct ftrace_regs *fregs,
					      unsigned long ip)
{
#ifdef ftrace_regs_set_instruction_pointer
	ftrace_regs_set_instruction_pointer(fregs, ip);
#else
	ftrace_instruction_pointer_set(fregs, ip);
#endif
}

/*
 * An open block device: what opening one gives differs.
 * Shared: open to look and to send bios; the device stays free for everyone
 * else.  Excl: open as the only user.
 */
#ifdef VSS_HAVE_BDEV_FILE
#define vss_bdev_handle struct file *

static inline struct block_device *vss_handle_bdev(vss_bdev_handle h)
{
	return file_bdev(h);
}

static inline vss_bdev_handle vss_bdev_open_shared(dev_t dev)
{
	return bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
}

/*
 * At once, as elsewhere: what fput() leaves for later, a kernel thread's for a
 * jiffy, has the device open still, and detaching it would be refused.
 */
static inline void vss_bdev_close_shared(vss_bdev_handle h)
{
	__fput_sync(h);
}

static inline vss_bdev_handle vss_bdev_open_excl(dev_t dev, void *holder)
{
	return bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE,
				     holder, NULL);
}

static inline void vss_bdev_close_excl(vss_bdev_handle h, void *holder)
{
	__fput_sync(h);
}

static inline struct address_space *vss_bdev_mapping(struct block_device *bdev)
{
	return bdev->bd_mapping;
}
#else
#define vss_bdev_handle struct block_device *

static inline struct block_device *vss_handle_bdev(vss_bdev_handle h)
{
	return h;
}

static inline vss_bdev_handle vss_bdev_open_shared(dev_t dev)
{
	return blkdev_get_by_dev(dev, FMODE_READ, NULL);
}

static inline void vss_bdev_close_shared(vss_bdev_handle h)
{
	blkdev_put(h, FMODE_READ);
}

static inline vss_bdev_handle vss_bdev_open_excl(dev_t dev, void *holder)
{
	return blkdev_get_by_dev(dev, FMODE_READ | FMODE_WRITE | FMODE_EXCL,
				 holder);
}

static inline void vss_bdev_close_excl(vss_bdev_handle h, void *holder)
{
	blkdev_put(h, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
}

static inline struct address_space *vss_bdev_mapping(struct block_device *bdev)
{
	return bdev->bd_inode->i_mapping;
}
#endif

/* Is there anything in its page cache that is not on it? */
static inline bool vss_bdev_is_dirty(struct block_device *bdev)
{
	return mapping_tagged(vss_bdev_mapping(bdev), PAGECACHE_TAG_DIRTY) ||
		mapping_tagged(vss_bdev_mapping(bdev), PAGECACHE_TAG_WRITEBACK);
}

static inline bool vss_bdev_is_partition(const struct block_device *bdev)
{
#ifdef VSS_HAVE_BDEV_PARTNO
	return bdev_partno(bdev);
#else
	return bdev->bd_partno;
#endif
}

static inline bool vss_bdev_is_gone(struct block_device *bdev)
{
	return test_bit(GD_DEAD, &bdev->bd_disk->state);
}

/* Drivers that take pages beside the bio path would be invisible to us. */
static inline bool vss_bdev_has_rw_page(struct block_device *bdev)
{
#ifdef VSS_HAVE_RW_PAGE
	return bdev->bd_disk->fops->rw_page;
#else
	return false;
#endif
}

static inline bool vss_bdev_is_dax(struct block_device *bdev)
{
	return blk_queue_dax(bdev_get_queue(bdev));
}

/* A task under such a plug has REQ_NOWAIT put on every bio it submits. */
static inline bool vss_plug_nowait(void)
{
#ifdef VSS_HAVE_PLUG_NOWAIT
	return current->plug && current->plug->nowait;
#else
	return false;
#endif
}

/* Undoes blk_freeze_queue_start(). */
static inline void vss_unfreeze_queue(struct request_queue *q)
{
#ifdef VSS_HAVE_UNFREEZE_NOMEMRESTORE
	blk_mq_unfreeze_queue_nomemrestore(q);
#else
	blk_mq_unfreeze_queue(q);
#endif
}

/*
 * An image is read with the strictest limits of the devices below it: init
 * with the first one, then stack for each of the others.
 */
#ifdef BLK_FEAT_ROTATIONAL
static inline struct gendisk *vss_alloc_disk(void)
{
	return blk_alloc_disk(NULL, NUMA_NO_NODE);
}

/* What the layers below offer, an image does not. */
static inline int __vss_disk_limits_set(struct gendisk *disk,
					struct queue_limits *lim)
{
	lim->features &= ~(BLK_FEAT_ROTATIONAL | BLK_FEAT_NOWAIT |
			   BLK_FEAT_POLL | BLK_FEAT_DAX | BLK_FEAT_ZONED |
			   BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
	lim->max_hw_discard_sectors = 0;
	lim->max_write_zeroes_sectors = 0;
#ifdef VSS_HAVE_WZEROES_UNMAP
	lim->max_hw_wzeroes_unmap_sectors = 0;
#endif
	lim->max_secure_erase_sectors = 0;
	return queue_limits_commit_update(disk->queue, lim);
}

static inline int vss_disk_limits_init(struct gendisk *disk,
				       struct block_device *bdev)
{
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	blk_set_stacking_limits(&lim);
	queue_limits_stack_bdev(&lim, bdev, 0, disk->disk_name);
	return __vss_disk_limits_set(disk, &lim);
}

static inline int vss_disk_limits_stack(struct gendisk *disk,
					struct block_device *bdev)
{
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	queue_limits_stack_bdev(&lim, bdev, 0, disk->disk_name);
	return __vss_disk_limits_set(disk, &lim);
}
#else
static inline struct gendisk *vss_alloc_disk(void)
{
	return blk_alloc_disk(NUMA_NO_NODE);
}

static inline int vss_disk_limits_stack(struct gendisk *disk,
					struct block_device *bdev)
{
	disk_stack_limits(disk, bdev, 0);
	blk_queue_max_discard_sectors(disk->queue, 0);
	blk_queue_max_write_zeroes_sectors(disk->queue, 0);
	return 0;
}

static inline int vss_disk_limits_init(struct gendisk *disk,
				       struct block_device *bdev)
{
	blk_set_stacking_limits(&disk->queue->limits);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
	blk_queue_flag_clear(QUEUE_FLAG_NOWAIT, disk->queue);
	return vss_disk_limits_stack(disk, bdev);
}
#endif

/*
 * File systems: the freeze that nests with those of other users.  Where the
 * kernel tells users apart, we are one of those that FITHAW can undo, as
 * everywhere; vss_freeze_verify() finds that.
 */
#if defined(VSS_HAVE_FREEZE_OWNER)
#define vss_call_freezer(fn, sb) \
	((fn)(sb, FREEZE_HOLDER_USERSPACE | FREEZE_MAY_NEST, NULL))
#elif defined(VSS_HAVE_FREEZE_HOLDER)
#define vss_call_freezer(fn, sb) \
	((fn)(sb, FREEZE_HOLDER_USERSPACE | FREEZE_MAY_NEST))
#else
#define vss_call_freezer(fn, sb)	((fn)(sb))
#endif

static inline int vss_super_freeze(struct super_block *sb)
{
	return vss_call_freezer(sb->s_op->freeze_super ?: freeze_super, sb);
}

static inline int vss_super_thaw(struct super_block *sb)
{
	return vss_call_freezer(sb->s_op->thaw_super ?: thaw_super, sb);
}

static inline bool vss_super_is_frozen(const struct super_block *sb)
{
	return sb->s_writers.frozen == SB_FREEZE_COMPLETE;
}

#ifdef VSS_HAVE_BDEV_FREEZE
/* The super block that holds the device; it lives as long as the lock is held. */
static inline struct super_block *vss_bdev_holder_sb(struct block_device *bdev)
{
	lockdep_assert_held(&bdev->bd_holder_lock);
	return bdev->bd_holder_ops == &fs_holder_ops ? bdev->bd_holder : NULL;
}
#endif

/*
 * Is the file system on it just being unmounted?  Later kernels then fail to
 * freeze with EINVAL, and others wait.
 */
static inline bool vss_bdev_unmounting(struct block_device *bdev)
{
#ifdef VSS_HAVE_BDEV_FREEZE
	struct super_block *sb;
	bool gone;

	mutex_lock(&bdev->bd_holder_lock);
	sb = vss_bdev_holder_sb(bdev);
	gone = sb && !atomic_read(&sb->s_active);
	mutex_unlock(&bdev->bd_holder_lock);
	return gone;
#else
	return false;
#endif
}

/*
 * The super block that vss_bdev_freeze() froze, or NULL; with an active
 * reference of the caller's.  Later kernels tell only who holds the device: that
 * may be a mount that came after the freeze, and fails for it before its super
 * block is born.
 */
static inline struct super_block *vss_bdev_frozen_sb(struct block_device *bdev)
{
	struct super_block *sb;

#ifdef VSS_HAVE_BDEV_FREEZE
	mutex_lock(&bdev->bd_holder_lock);
	sb = vss_bdev_holder_sb(bdev);
	if (sb && (!(READ_ONCE(sb->s_flags) & SB_BORN) ||
		   !atomic_inc_not_zero(&sb->s_active)))
		sb = NULL;
	mutex_unlock(&bdev->bd_holder_lock);
#else
	sb = bdev->bd_fsfreeze_sb;
	if (sb && !atomic_inc_not_zero(&sb->s_active))
		sb = NULL;
#endif
	return sb;
}

/*
 * Later kernels fail if the device cannot be flushed, when the file system on it
 * is frozen already, and leave it so.
 */
static inline int vss_bdev_freeze(struct block_device *bdev)
{
#ifdef VSS_HAVE_BDEV_FREEZE
	int err = bdev_freeze(bdev);
	struct super_block *sb;

	if (err != -EIO && err != -ENOSPC)
		return err;
	sb = vss_bdev_frozen_sb(bdev);
	if (sb) {
		if (vss_super_is_frozen(sb))
			vss_super_thaw(sb);
		deactivate_super(sb);
	}
	return err;
#else
	return freeze_bdev(bdev);
#endif
}

/*
 * Undo one vss_bdev_freeze().  The kernel puts the device's count back when the
 * file system's thaw fails: somebody else has thawed that, or it came after the
 * freeze.  Nobody would ever lower the count again, so we do.
 */
static inline void vss_bdev_thaw(struct block_device *bdev)
{
#ifdef VSS_HAVE_BDEV_FREEZE
	if (!bdev_thaw(bdev))
		return;
	mutex_lock(&bdev->bd_fsfreeze_mutex);
	atomic_dec_if_positive(&bdev->bd_fsfreeze_count);
	mutex_unlock(&bdev->bd_fsfreeze_mutex);
#else
	if (!thaw_bdev(bdev))
		return;
	mutex_lock(&bdev->bd_fsfreeze_mutex);
	if (bdev->bd_fsfreeze_count && !--bdev->bd_fsfreeze_count)
		bdev->bd_fsfreeze_sb = NULL;
	mutex_unlock(&bdev->bd_fsfreeze_mutex);
#endif
}

static inline bool vss_file_is_realtime(struct file *file)
{
#ifdef VSS_HAVE_FILE_KATTR
	struct file_kattr fa = {};
#else
	struct fileattr fa = {};
#endif

	return !vfs_fileattr_get(file->f_path.dentry, &fa) &&
		(fa.fsx_xflags & FS_XFLAG_REALTIME);
}

/* The open operation of a disk: what it is given differs. */
#ifdef BLK_OPEN_READ
#define VSS_DISK_OPEN(name) \
	int name(struct gendisk *vss_disk, blk_mode_t vss_mode)
#define vss_disk_of_open	vss_disk
#else
#define VSS_DISK_OPEN(name) \
	int name(struct block_device *vss_bdev, fmode_t vss_mode)
#define vss_disk_of_open	(vss_bdev->bd_disk)
#endif

/* Netlink: the type of pre_doit's operation, attributes of a dump. */
#ifdef VSS_HAVE_GENL_SPLIT_PRE_DOIT
#define vss_genl_op		struct genl_split_ops
#else
#define vss_genl_op		struct genl_ops
#endif
#ifdef VSS_HAVE_GENL_INFO_DUMP
#define vss_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define vss_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define VSS_MCGRP_EVENTS_INIT	{ .name = VSS_GENL_MCGRP_EVENTS, \
				  .flags = GENL_MCAST_CAP_SYS_ADMIN }
#else
#define VSS_MCGRP_EVENTS_INIT	{ .name = VSS_GENL_MCGRP_EVENTS }
#endif

#endif /* VSS_COMPAT_H */

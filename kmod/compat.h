/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows how kernels differ.  The rest of the module is
 * written against the names here.
 */
#ifndef VSS_COMPAT_H
#define VSS_COMPAT_H

#include <linux/blkdev.h>
#include <linux/fileattr.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/rcupdate.h>
#include <linux/vss.h>
#include <net/genetlink.h>

#ifndef CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS
#error "vss needs a kernel whose ftrace passes arguments (CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS)"
#endif

#ifndef CONFIG_TASKS_RCU
/* Kernels that cannot be preempted: a normal grace period does the same. */
#define vss_synchronize_rcu_tasks()	synchronize_rcu()
#else
#define vss_synchronize_rcu_tasks()	synchronize_rcu_tasks()
#endif

/* The first argument of the function whose entry ftrace has caught. */
static __always_inline void *vss_ftrace_arg0(struct ftrace_regs *fregs)
{
	return (void *)fregs->regs.di;
}

static __always_inline void vss_ftrace_set_ip(struct ftrace_regs *fregs,
					      unsigned long ip)
{
	ftrace_instruction_pointer_set(fregs, ip);
}

/* An open block device: what opening one gives differs. */
#define vss_bdev_handle struct block_device *

static inline struct block_device *vss_handle_bdev(vss_bdev_handle h)
{
	return h;
}

/* Open to look and to send bios; the device stays free for everyone else. */
static inline vss_bdev_handle vss_bdev_open_shared(dev_t dev)
{
	return blkdev_get_by_dev(dev, FMODE_READ, NULL);
}

static inline void vss_bdev_close_shared(vss_bdev_handle h)
{
	blkdev_put(h, FMODE_READ);
}

/* Open as the only user. */
static inline vss_bdev_handle vss_bdev_open_excl(dev_t dev, void *holder)
{
	return blkdev_get_by_dev(dev, FMODE_READ | FMODE_WRITE | FMODE_EXCL,
				 holder);
}

static inline void vss_bdev_close_excl(vss_bdev_handle h, void *holder)
{
	blkdev_put(h, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
}

static inline bool vss_bdev_is_gone(struct block_device *bdev)
{
	return test_bit(GD_DEAD, &bdev->bd_disk->state);
}

/* Drivers that take pages beside the bio path would be invisible to us. */
static inline bool vss_bdev_has_rw_page(struct block_device *bdev)
{
	return bdev->bd_disk->fops->rw_page;
}

static inline bool vss_bdev_is_dax(struct block_device *bdev)
{
	return blk_queue_dax(bdev_get_queue(bdev));
}

/* A task under such a plug has REQ_NOWAIT put on every bio it submits. */
static inline bool vss_plug_nowait(void)
{
	return current->plug && current->plug->nowait;
}

static inline struct gendisk *vss_alloc_disk(void)
{
	return blk_alloc_disk(NUMA_NO_NODE);
}

/* An image is read with the strictest limits of the devices below it. */
static inline void vss_disk_limits_init(struct gendisk *disk)
{
	blk_set_stacking_limits(&disk->queue->limits);
	blk_queue_max_discard_sectors(disk->queue, 0);
	blk_queue_max_write_zeroes_sectors(disk->queue, 0);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
	blk_queue_flag_clear(QUEUE_FLAG_NOWAIT, disk->queue);
}

static inline void vss_disk_limits_stack(struct gendisk *disk,
					 struct block_device *bdev)
{
	disk_stack_limits(disk, bdev, 0);
	blk_queue_max_discard_sectors(disk->queue, 0);
	blk_queue_max_write_zeroes_sectors(disk->queue, 0);
}

/* File systems: the freeze that nests with those of other users. */
static inline int vss_bdev_freeze(struct block_device *bdev)
{
	return freeze_bdev(bdev);
}

static inline int vss_bdev_thaw(struct block_device *bdev)
{
	return thaw_bdev(bdev);
}

/*
 * The super block that vss_bdev_freeze() froze, or NULL.  Valid until the
 * thaw: the freeze keeps an active reference.
 */
static inline struct super_block *vss_bdev_frozen_sb(struct block_device *bdev)
{
	return bdev->bd_fsfreeze_sb;
}

static inline int vss_super_freeze(struct super_block *sb)
{
	return sb->s_op->freeze_super ? sb->s_op->freeze_super(sb) :
					freeze_super(sb);
}

static inline int vss_super_thaw(struct super_block *sb)
{
	return sb->s_op->thaw_super ? sb->s_op->thaw_super(sb) :
				      thaw_super(sb);
}

static inline bool vss_file_is_realtime(struct file *file)
{
	struct fileattr fa = {};

	return !vfs_fileattr_get(file->f_path.dentry, &fa) &&
		(fa.fsx_xflags & FS_XFLAG_REALTIME);
}

/* The open operation of a disk: what it is given differs. */
#define VSS_DISK_OPEN(name) \
	int name(struct block_device *vss_bdev, fmode_t vss_mode)
#define vss_disk_of_open	(vss_bdev->bd_disk)

/* Netlink: the type of pre_doit's operation, attributes of a dump. */
#define vss_genl_op		struct genl_ops
#define vss_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define VSS_MCGRP_EVENTS_INIT	{ .name = VSS_GENL_MCGRP_EVENTS, \
				  .flags = GENL_MCAST_CAP_SYS_ADMIN }
#else
#define VSS_MCGRP_EVENTS_INIT	{ .name = VSS_GENL_MCGRP_EVENTS }
#endif

#endif /* VSS_COMPAT_H */

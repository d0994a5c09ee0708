// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notice of tracked disks that become paths of a multipath device.
 *
 * That device sends clones of its requests to its paths, by which no bio passes the
 * hook, and may send all of them to another path of the same LUN.  A path is refused
 * as a volume, but a disk can become one while it is tracked: the module does not
 * claim it.  So the snapshots end then, before anything can be written that way; on a
 * persistent area only as soon as its log gets to it, which a power failure may precede.
 *
 * Drivers that take a device for one of their own tell so by bd_link_disk_holder(),
 * device mapper when it knows whether it will work by requests.
 */
#include <linux/blkdev.h>
#include <linux/ftrace.h>
#include <linux/rcupdate.h>

#include "bypass.h"
#include "compat.h"
#include "volume.h"

/* On entry to bd_link_disk_holder().  Nothing here sleeps. */
static void notrace bypass_handler(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *op,
				   struct ftrace_regs *fregs)
{
	struct block_device *bdev = (void *)vss_ftrace_arg(fregs, 0);
	struct gendisk *holder = (void *)vss_ftrace_arg(fregs, 1);

	/*
	 * Others send bios, which the hook sees: but not all of those that a
	 * multipath device in its bio mode sends by other paths (README, Limits).
	 */
	if (!queue_is_mq(holder->queue))
		return;
	rcu_read_lock();
	vss_volumes_bypassed(bdev->bd_disk);
	rcu_read_unlock();
}

/* Permanent for the same reason as the hook: see hook.c. */
static struct ftrace_ops bypass_ops = {
	.func	= bypass_handler,
	.flags	= FTRACE_OPS_FL_PERMANENT,
};

/**
 * vss_bypass_start() - begin to watch
 *
 * Return: 0 or a negative errno.
 */
int vss_bypass_start(void)
{
	return vss_disks_are_taken_by ? register_ftrace_function(&bypass_ops) : 0;
}

/**
 * vss_bypass_stop() - end that
 *
 * The caller waits until no task is in the handler any more.
 *
 * Return: 0 or a negative errno: ftrace has broken down.
 */
int vss_bypass_stop(void)
{
	return vss_disks_are_taken_by ? unregister_ftrace_function(&bypass_ops) : 0;
}

/**
 * vss_bypass_module_init() - find the function to trace
 *
 * Return: 0 or a negative errno: it cannot be traced.
 */
int vss_bypass_module_init(void)
{
	if (!vss_disks_are_taken_by)
		return 0;
	return ftrace_set_filter_ip(&bypass_ops, vss_disks_are_taken_by, 0, 0);
}

/**
 * vss_bypass_module_exit() - undo vss_bypass_module_init()
 */
void vss_bypass_module_exit(void)
{
	ftrace_free_filter(&bypass_ops);
}

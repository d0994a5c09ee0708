// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notice of tracked disks, and of those with diff areas, that become smaller.
 *
 * What lies beyond a disk's new end may be lost, and nobody has asked for a copy
 * of it, or it was the copy.  When the disk becomes as large as it was, that
 * cannot be seen any more: there is something to be read again, only not what was
 * there.  So snapshots end when the disk does, not when somebody looks at it.
 *
 * The kernel has no notifier for this.  Every driver tells a disk's size by one
 * of two functions, which are traced, and not redirected.  The size of a
 * partition is no matter: who makes it smaller writes nothing, and writes to the
 * disk are seen as far as the volume went.
 */
#include <linux/ftrace.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "shrink.h"
#include "snapshot.h"
#include "volume.h"

/* The disk of the self-test, under vss_mutex, and the calls for it. */
static struct gendisk *probe;
static atomic_t probe_seen;

/*
 * On entry to set_capacity() or set_capacity_and_notify(): the disk is still as
 * large as it was.  Nothing here sleeps; both take a plain spinlock themselves.
 */
static void notrace shrink_handler(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *op,
				   struct ftrace_regs *fregs)
{
	struct gendisk *disk = (void *)vss_ftrace_arg(fregs, 0);
	sector_t sectors = vss_ftrace_arg(fregs, 1);

	if (disk == READ_ONCE(probe)) {
		atomic_inc(&probe_seen);
		return;
	}
	/* One that is removed ends as well, and never comes back. */
	if (test_bit(GD_DEAD, &disk->state))
		return;
	rcu_read_lock();
	vss_volumes_resized(disk, sectors);
	rcu_read_unlock();
}

/* Permanent for the same reason as the hook: see hook.c. */
static struct ftrace_ops shrink_ops = {
	.func	= shrink_handler,
	.flags	= FTRACE_OPS_FL_PERMANENT,
};

/**
 * vss_shrink_start() - begin to watch
 *
 * Return: 0 or a negative errno.
 */
int vss_shrink_start(void)
{
	return register_ftrace_function(&shrink_ops);
}

/**
 * vss_shrink_stop() - end that
 *
 * The caller waits until no task is in the handler any more.
 *
 * Return: 0 or a negative errno: ftrace has broken down.
 */
int vss_shrink_stop(void)
{
	return unregister_ftrace_function(&shrink_ops);
}

/**
 * vss_shrink_is_seen() - prove that it works on this kernel
 * @disk:	a disk of our own
 *
 * Return: true if changes of its size are seen.
 */
bool vss_shrink_is_seen(struct gendisk *disk)
{
	sector_t size = get_capacity(disk);
	bool seen;

	lockdep_assert_held(&vss_mutex);
	atomic_set(&probe_seen, 0);
	smp_store_release(&probe, disk);	/* counted from 0 */
	set_capacity(disk, size);
	seen = atomic_xchg(&probe_seen, 0);
	/* Either may have the other one inlined. */
	set_capacity_and_notify(disk, size);
	seen = seen && atomic_read(&probe_seen);
	WRITE_ONCE(probe, NULL);
	return seen;
}

/**
 * vss_shrink_module_init() - find the functions to trace
 *
 * Return: 0 or a negative errno: they cannot be traced.
 */
int vss_shrink_module_init(void)
{
	int err;

	err = ftrace_set_filter_ip(&shrink_ops, (unsigned long)set_capacity,
				   0, 0);
	err = err ?: ftrace_set_filter_ip(&shrink_ops,
					  (unsigned long)set_capacity_and_notify,
					  0, 0);
	if (err)
		ftrace_free_filter(&shrink_ops);
	return err;
}

/**
 * vss_shrink_module_exit() - undo vss_shrink_module_init()
 */
void vss_shrink_module_exit(void)
{
	ftrace_free_filter(&shrink_ops);
}

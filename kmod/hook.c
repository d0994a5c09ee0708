// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interception of all writes of the machine at submit_bio_noacct(), by an
 * ftrace handler that changes the instruction pointer (as livepatch does).
 *
 * The handler admits what may pass and leaves the kernel's own function to run.
 * Only a write that has to wait is sent to a function of ours instead, which
 * takes it and returns; so no frame of ours lies below a task that sleeps in
 * the block layer for long.
 *
 * FTRACE_OPS_FL_PERMANENT is vital: without it `sysctl kernel.ftrace_enabled=0`
 * would take the hook away silently, and images would go wrong.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include "bypass.h"
#include "compat.h"
#include "gate.h"
#include "hook.h"
#include "shrink.h"
#include "volume.h"

/* Under vss_mutex. */
static unsigned int hook_users;
static enum vss_hook_state hook_state = VSS_HOOK_IDLE;

/*
 * Calls of take_bio() that were decided on, and those that are as good as
 * over.  The module may go when they are equal (and a tasks' grace period has
 * passed, for the last instructions).
 */
static DEFINE_PER_CPU(unsigned long, hook_entered);
static DEFINE_PER_CPU(unsigned long, hook_left);
/* Writes that came by. */
static DEFINE_PER_CPU(u64, hook_bios);
static DECLARE_WAIT_QUEUE_HEAD(hook_idle);
static bool hook_closing;

static void count_left(void)
{
	this_cpu_inc(hook_left);
	smp_mb();	/* pairs with the wait in vss_hook_put() */
	if (READ_ONCE(hook_closing))
		wake_up(&hook_idle);
}

/* Runs in place of submit_bio_noacct(). */
static noinline void take_bio(struct bio *bio)
{
	if (!vss_selftest_took(bio))
		vss_gate_submit(bio);
	count_left();
}

static void notrace hook_handler(unsigned long ip, unsigned long parent_ip,
				 struct ftrace_ops *op,
				 struct ftrace_regs *fregs)
{
	struct bio *bio = (void *)vss_ftrace_arg(fregs, 0);

	switch (vss_selftest_saw(bio)) {
	case VSS_SELFTEST_OTHER:
		/* An empty flush has nothing to say on chunks. */
		if (!op_is_write(bio_op(bio)) || !bio_sectors(bio))
			return;
		this_cpu_inc(hook_bios);
		if (vss_gate_try_pass(bio))
			return;
		break;
	case VSS_SELFTEST_PASS:
		return;
	case VSS_SELFTEST_TAKE:
		break;
	}
	this_cpu_inc(hook_entered);
	vss_ftrace_set_ip(fregs, (unsigned long)take_bio);
}

static struct ftrace_ops hook_ops = {
	.func	= hook_handler,
	.flags	= FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static bool all_left(void)
{
	unsigned long entered = 0, left = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		left += READ_ONCE(per_cpu(hook_left, cpu));
	/* In this order, so that equal sums mean that none is inside. */
	smp_mb();
	for_each_possible_cpu(cpu)
		entered += READ_ONCE(per_cpu(hook_entered, cpu));
	return entered == left;
}

/* The hook could not be taken away: ftrace has broken down. */
static bool hook_stuck;

static void remove_hook(void)
{
	if (WARN_ON(vss_bypass_stop()) || WARN_ON(vss_shrink_stop()) ||
	    WARN_ON(unregister_ftrace_function(&hook_ops))) {
		/* Then the module must stay. */
		__module_get(THIS_MODULE);
		hook_stuck = true;
		return;
	}
	WRITE_ONCE(hook_closing, true);
	wait_event(hook_idle, all_left());
	WRITE_ONCE(hook_closing, false);
	vss_synchronize_rcu_tasks();
}

static int install_hook(void)
{
	int err;

	err = register_ftrace_function(&hook_ops);
	if (err)
		return err;
	err = vss_shrink_start();
	if (err)
		goto no_shrink;
	err = vss_bypass_start();
	if (err)
		goto no_bypass;
	return 0;

no_bypass:
	WARN_ON(vss_shrink_stop());
no_shrink:
	WARN_ON(unregister_ftrace_function(&hook_ops));
	return err;
}

/**
 * vss_hook_get() - have the hook installed and proven
 * @extack:	set on errors
 *
 * Return: 0, -EBUSY if ftrace is switched off or another module redirects the
 * function, -EOPNOTSUPP if the hook does not fire on this kernel.
 */
int vss_hook_get(struct netlink_ext_ack *extack)
{
	unsigned int tries;
	int err;

	lockdep_assert_held(&vss_mutex);
	if (hook_users++)
		return 0;

	/* EAGAIN: someone else is just attaching to the function. */
	for (tries = 0; tries < 5; tries++) {
		err = hook_stuck ? 0 : install_hook();
		if (err != -EAGAIN)
			break;
		fsleep(10000);
	}
	if (err) {
		hook_users--;
		hook_state = VSS_HOOK_FAILED;
		if (err == -EBUSY)
			NL_SET_ERR_MSG(extack,
				       "submit_bio_noacct cannot be hooked: kernel.ftrace_enabled is 0, or another module redirects it");
		else
			NL_SET_ERR_MSG(extack, "submit_bio_noacct cannot be hooked on this kernel");
		return err;
	}
	err = vss_selftest_run(extack);
	if (err) {
		hook_users--;
		hook_state = VSS_HOOK_FAILED;
		remove_hook();
		return err;
	}
	hook_state = VSS_HOOK_VERIFIED;
	return 0;
}

/**
 * vss_hook_put() - the hook is not needed any more by one user
 *
 * When it was the last one, no code of ours runs in any other task's
 * submission afterwards.
 */
void vss_hook_put(void)
{
	lockdep_assert_held(&vss_mutex);
	if (--hook_users)
		return;
	remove_hook();
	hook_state = VSS_HOOK_IDLE;
}

/**
 * vss_hook_state() - what is known of the hook
 *
 * Return: the state.
 */
enum vss_hook_state vss_hook_state(void)
{
	return READ_ONCE(hook_state);
}

/**
 * vss_hook_bios() - how many writes of the machine the hook has seen
 *
 * Return: the number since the module was loaded.
 */
u64 vss_hook_bios(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(hook_bios, cpu));
	return sum;
}

/**
 * vss_hook_module_init() - find the function to hook
 *
 * Return: 0 or a negative errno: the function cannot be traced.
 */
int vss_hook_module_init(void)
{
	return ftrace_set_filter_ip(&hook_ops, (unsigned long)submit_bio_noacct,
				    0, 0);
}

/**
 * vss_hook_module_exit() - undo vss_hook_module_init()
 */
void vss_hook_module_exit(void)
{
	ftrace_free_filter(&hook_ops);
}

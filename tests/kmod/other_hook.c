// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another one that redirects submit_bio_noacct, as livepatches and other
 * snapshot modules do.  It only says that it wants to and changes nothing.
 */
#include <linux/blkdev.h>
#include <linux/ftrace.h>
#include <linux/module.h>

static void notrace handler(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *op, struct ftrace_regs *fregs)
{
}

static struct ftrace_ops ops = {
	.func	= handler,
	.flags	= FTRACE_OPS_FL_IPMODIFY,
};

static int __init other_init(void)
{
	int err;

	err = ftrace_set_filter_ip(&ops, (unsigned long)submit_bio_noacct, 0, 0);
	if (err)
		return err;
	err = register_ftrace_function(&ops);
	if (err)
		ftrace_free_filter(&ops);
	return err;
}

static void __exit other_exit(void)
{
	unregister_ftrace_function(&ops);
	ftrace_free_filter(&ops);
}

module_init(other_init);
module_exit(other_exit);
MODULE_DESCRIPTION("Redirects submit_bio_noacct to itself, for the tests of vss");
MODULE_LICENSE("GPL");

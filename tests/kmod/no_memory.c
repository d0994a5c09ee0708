// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refuses memory to vss.ko where it asks for a page of its chunk map, on kernels
 * without fault injection: for a number of times, or for ever.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>

#define MAP_PAGE_SIZE	1024

static unsigned long base;
module_param(base, ulong, 0);
MODULE_PARM_DESC(base, "where vss.ko is");

static unsigned long size;
module_param(size, ulong, 0);
MODULE_PARM_DESC(size, "how long it is");

static int times;
module_param(times, int, 0644);
MODULE_PARM_DESC(times,
		 "how often those who cannot sleep are refused, -1: always; all others are as long");

static unsigned int refused;
module_param(refused, uint, 0644);
MODULE_PARM_DESC(refused, "how often those who cannot sleep were refused");

static DEFINE_SPINLOCK(lock);	/* the two above */

/* Runs in the place of the allocator. */
static noinline notrace void *no_memory(void)
{
	return NULL;
}

static bool is_refused(gfp_t gfp)
{
	unsigned long flags;
	bool no;

	spin_lock_irqsave(&lock, flags);
	no = times;
	if (no && !gfpflags_allow_blocking(gfp)) {
		refused++;
		if (times > 0)
			times--;
	}
	spin_unlock_irqrestore(&lock, flags);
	return no;
}

/* On entry: the stack has the caller's address, the registers the arguments. */
static int __kprobes on_entry(struct kprobe *p, struct pt_regs *regs)
{
	unsigned long caller = *(unsigned long *)regs->sp;

	if (caller - base >= size || regs->dx != MAP_PAGE_SIZE ||
	    !is_refused((__force gfp_t)regs->si))
		return 0;
	regs->ip = (unsigned long)no_memory;
	return 1;
}

static const char * const names[] = {
	"kmalloc_trace", "__kmalloc_cache_noprof",
};

static struct kprobe probe = {
	.pre_handler	= on_entry,
};

static int __init no_memory_init(void)
{
	int err = -ENOENT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names) && err; i++) {
		probe.addr = NULL;
		probe.flags = 0;
		probe.symbol_name = names[i];
		err = register_kprobe(&probe);
	}
	return err;
}

static void __exit no_memory_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(no_memory_init);
module_exit(no_memory_exit);
MODULE_DESCRIPTION("Refuses memory for the chunk map, for the tests of vss");
MODULE_LICENSE("GPL");

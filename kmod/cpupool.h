/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every I/O needs one of and soon gives back: elements of memory pools, a
 * few of which each CPU keeps at hand.
 */
#ifndef VSS_CPUPOOL_H
#define VSS_CPUPOOL_H

#include <linux/irqflags.h>
#include <linux/mempool.h>
#include <linux/percpu.h>

/* Most elements that a CPU keeps. */
#define VSS_CPUPOOL_MAX		64U

/**
 * struct vss_cpupool_list - elements that a CPU keeps; touched by it alone, irqs off
 * @first:	the first, whose first word leads to the next
 * @nr:		their number
 */
struct vss_cpupool_list {
	void		*first;
	unsigned int	nr;
};

/**
 * struct vss_cpupool - elements of one kind
 * @cache:	where they are from
 * @lists:	those at hand
 */
struct vss_cpupool {
	struct kmem_cache			*cache;
	struct vss_cpupool_list __percpu	*lists;
};

int vss_cpupool_init(struct vss_cpupool *pool, const char *name, size_t size);
void vss_cpupool_exit(struct vss_cpupool *pool);

/* What looks for accesses to freed memory is to see each one freed. */
static inline bool vss_cpupool_is_used(void)
{
	return !IS_ENABLED(CONFIG_KASAN);
}

/**
 * vss_cpupool_alloc() - mempool_alloc(), of what is at hand if possible
 * @pool:	the elements
 * @reserve:	a memory pool of @pool's cache
 * @gfp:	as for mempool_alloc()
 *
 * Any context that @gfp allows.
 *
 * Return: an element or NULL.
 */
static inline void *vss_cpupool_alloc(struct vss_cpupool *pool,
				      mempool_t *reserve, gfp_t gfp)
{
	struct vss_cpupool_list *list;
	unsigned long flags;
	void *element;

	local_irq_save(flags);
	list = this_cpu_ptr(pool->lists);
	element = list->first;
	if (element) {
		list->first = *(void **)element;
		list->nr--;
	}
	local_irq_restore(flags);
	return element ?: mempool_alloc(reserve, gfp);
}

/**
 * vss_cpupool_free() - mempool_free(), or keep it at hand
 * @pool:	the elements
 * @reserve:	the memory pool that was named to vss_cpupool_alloc()
 * @element:	the element
 *
 * Any context.
 */
static inline void vss_cpupool_free(struct vss_cpupool *pool,
				    mempool_t *reserve, void *element)
{
	struct vss_cpupool_list *list;
	unsigned long flags;
	bool kept = false;

	/*
	 * Somebody may wait for what the reserve lacks.  The barrier is the one
	 * in mempool_free(), and for the same reason.
	 */
	smp_rmb();
	if (likely(READ_ONCE(reserve->curr_nr) >= reserve->min_nr) &&
	    vss_cpupool_is_used()) {
		local_irq_save(flags);
		list = this_cpu_ptr(pool->lists);
		if (list->nr < VSS_CPUPOOL_MAX) {
			*(void **)element = list->first;
			list->first = element;
			list->nr++;
			kept = true;
		}
		local_irq_restore(flags);
	}
	if (!kept)
		mempool_free(element, reserve);
}

#endif /* VSS_CPUPOOL_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Elements of memory pools, a few of which each CPU keeps at hand.
 *
 * An allocator of the kernel and a pool before it cost more than all else that
 * the gate does for a write.  What is given back goes to the pool first, when
 * that lacks anything: so whoever waits for its reserve gets it, as ever.
 */
#include <linux/cpumask.h>
#include <linux/slab.h>

#include "cpupool.h"

/**
 * vss_cpupool_init() - set up elements of one kind
 * @pool:	set up; zeroes before
 * @name:	of their cache
 * @size:	of an element, a word at least
 *
 * Return: 0 or -ENOMEM.
 */
int vss_cpupool_init(struct vss_cpupool *pool, const char *name, size_t size)
{
	pool->cache = kmem_cache_create(name, size, 0, 0, NULL);
	pool->lists = alloc_percpu(struct vss_cpupool_list);
	if (pool->cache && pool->lists)
		return 0;
	vss_cpupool_exit(pool);
	return -ENOMEM;
}

/**
 * vss_cpupool_exit() - free what vss_cpupool_init() made, and what is at hand
 * @pool:	elements that nobody uses any more
 */
void vss_cpupool_exit(struct vss_cpupool *pool)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vss_cpupool_list *list;

		if (!pool->lists)
			break;
		list = per_cpu_ptr(pool->lists, cpu);
		while (list->first) {
			void *element = list->first;

			list->first = *(void **)element;
			kmem_cache_free(pool->cache, element);
		}
	}
	free_percpu(pool->lists);
	kmem_cache_destroy(pool->cache);
	pool->lists = NULL;
	pool->cache = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/types.h>

#define mempool_alloc	test_mempool_alloc
#define mempool_free	test_mempool_free
#define mempool_exit	test_mempool_exit

typedef struct {
	int curr_nr, min_nr;
	size_t size;
} mempool_t;

static inline int mempool_init_kmalloc_pool(mempool_t *pool, int min, size_t size)
{
	pool->curr_nr = min;
	pool->min_nr = min;
	pool->size = size;
	return 0;
}

static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	(void)gfp;
	return malloc(pool->size);
}

static inline void mempool_free(void *element, mempool_t *pool)
{
	(void)pool;
	free(element);
}

static inline void mempool_exit(mempool_t *pool)
{
	(void)pool;
}

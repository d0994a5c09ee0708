/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/types.h>

#define mempool_init	test_mempool_init
#define mempool_alloc	test_mempool_alloc
#define mempool_free	test_mempool_free
#define mempool_exit	test_mempool_exit

typedef struct {
	int curr_nr, min_nr;
	void *(*alloc)(gfp_t gfp, void *data);
	void (*free)(void *element, void *data);
} mempool_t;

static inline int mempool_init(mempool_t *pool, int min,
			       void *(*alloc)(gfp_t gfp, void *data),
			       void (*free)(void *element, void *data), void *data)
{
	(void)data;
	pool->curr_nr = min;
	pool->min_nr = min;
	pool->alloc = alloc;
	pool->free = free;
	return 0;
}

static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	return pool->alloc(gfp, NULL);
}

static inline void mempool_free(void *element, mempool_t *pool)
{
	pool->free(element, NULL);
}

static inline void mempool_exit(mempool_t *pool)
{
	(void)pool;
}

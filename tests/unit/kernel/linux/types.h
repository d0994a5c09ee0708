/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel's vocabulary as kmod/map.c and kmod/safebits.c need to be
 * compiled as a program.  One thread, so locks and barriers are nothing.
 */
#ifndef TEST_KERNEL_H
#define TEST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int gfp_t;
typedef struct { int unused; } spinlock_t;
typedef struct { int counter; } atomic_t;

typedef struct { int unused; } wait_queue_head_t;
struct work_struct { void (*func)(struct work_struct *work); };
struct delayed_work { struct work_struct work; bool queued; };
struct workqueue_struct;

struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };

#define GFP_KERNEL		0
#define GFP_NOIO		0
#define GFP_ATOMIC		0
#define GFP_NOWAIT		0
#define __GFP_NOWARN		0
#define __GFP_NORETRY		0
#define __GFP_NOMEMALLOC	0
#define ENOMEM			12
#define HZ			250
#define WQ_MEM_RECLAIM		0
#define WQ_UNBOUND		0
#define U32_MAX			UINT32_MAX
#define PAGE_SIZE		4096UL
#define BIT(n)			(1UL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, v)	((x) = (v))
#define smp_load_acquire(p)	(*(p))
#define smp_store_release(p, v)	(*(p) = (v))
#define atomic_inc(a)		((a)->counter++)
#define atomic_read(a)		((a)->counter)
#define DIV_ROUND_UP_ULL(n, d)	(((n) + (d) - 1) / (d))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define swap(a, b)		do { __typeof__(a) t_ = a; a = b; b = t_; } while (0)
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define __acquires(x)
#define ____cacheline_aligned_in_smp
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define msecs_to_jiffies(ms)	((ms) * HZ / 1000)
#define cond_resched()		((void)0)
#define init_waitqueue_head(w)	((w)->unused = 0)
#define wake_up(w)		((void)(w))
#define INIT_DELAYED_WORK(w, f)	((w)->work.func = (f), (w)->queued = false)
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define alloc_workqueue(name, flags, max)	((struct workqueue_struct *)NULL)
#define destroy_workqueue(wq)	((void)(wq))
#define INIT_HLIST_HEAD(h)	((h)->first = NULL)
#define spin_lock_init(l)	((l)->unused = 0)
#define spin_lock(l)		((void)(l))
#define spin_unlock(l)		((void)(l))
#define lockdep_assert_held(l)	((void)(l))
#define hweight16(x)		((unsigned int)__builtin_popcount((u16)(x)))
#define for_each_set_bit(b, p, n) \
	for ((b) = 0; (b) < (n); (b)++) \
		if (*(p) & (1UL << (b)))

static inline u32 roundup_pow_of_two(u32 n)
{
	return n < 2 ? 1 : 1U << (32 - __builtin_clz(n - 1));
}

static inline u32 rounddown_pow_of_two(u32 n)
{
	return 1U << (31 - __builtin_clz(n));
}

static inline u32 hash_32(u32 val, unsigned int bits)
{
	return (val * 0x61C88647U) >> (32 - bits);
}

/* What a test lets the module have, and what the module has asked for. */
static size_t test_most_asked;
static bool test_refuse;

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	if (n * size > test_most_asked)
		test_most_asked = n * size;
	return calloc(n, size);
}

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	if (size > test_most_asked)
		test_most_asked = size;
	return test_refuse ? NULL : malloc(size);
}

/* Works run when the test has them run. */
static inline bool queue_delayed_work(struct workqueue_struct *wq,
				      struct delayed_work *dwork,
				      unsigned long delay)
{
	(void)wq;
	(void)delay;
	dwork->queued = true;
	return true;
}

#define mod_delayed_work	queue_delayed_work

static inline void cancel_delayed_work_sync(struct delayed_work *dwork)
{
	dwork->queued = false;
}

static inline void test_run_work(struct delayed_work *dwork)
{
	bool queued = dwork->queued;

	dwork->queued = false;
	if (queued)
		dwork->work.func(&dwork->work);
}

/* Nobody else runs, so waiting is in vain. */
#define wait_event_timeout(w, condition, timeout) \
	((void)(w), (void)(condition), (void)(timeout))

#define kvcalloc kcalloc
#define kfree free
#define kvfree free

static inline unsigned long get_zeroed_page(gfp_t gfp)
{
	(void)gfp;
	return (unsigned long)calloc(1, PAGE_SIZE);
}

#define __get_free_page		get_zeroed_page
#define clear_page(page)	memset(page, 0, PAGE_SIZE)

static inline void free_page(unsigned long page)
{
	free((void *)page);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chunk map of the kernel module, compiled as a program and compared with
 * a model that keeps every version of every chunk.
 *
 * Random writes, snapshots and deletions; after each round every snapshot must
 * find, for every chunk, the version that was there at its instant: in the slot
 * that the map names, or on the origin when it names none.
 */
/* The kernel does not mind a parameter that a callback does not use. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../../kmod/map.h"
#include "../../kmod/map.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define CHUNKS		4096
#define GROUPS		(CHUNKS / VSS_GROUP_CHUNKS)
#define SLOTS		65536
#define MAX_SNAPS	40

struct snap {
	u32 epoch;
	u32 version[CHUNKS];
	vss_rec_t chain[VSS_SHARDS];
};

struct model {
	struct vss_map map;
	struct snap *snaps[MAX_SNAPS];	/* oldest first */
	unsigned int nr;
	u32 epoch;
	u32 version[CHUNKS];		/* what the origin holds */
	u32 slot[SLOTS];		/* what a slot holds, 0: it is free */
	unsigned int used;
	unsigned int copied;		/* chunks put into the map in all */
	unsigned int seed;
};

static unsigned int rnd(struct model *m, unsigned int n)
{
	m->seed = m->seed * 1103515245 + 12345;
	return (m->seed >> 8) % n;
}

static u32 take_slots(struct model *m, unsigned int want, u32 *first)
{
	u32 s, n = 0;

	/* First fit, so that removals leave holes that cut runs short. */
	for (s = 1; m->slot[s]; s++)
		assert_true(s < SLOTS - 1);
	*first = s;
	while (n < want && !m->slot[s + n])
		n++;
	return n;
}

static void copy_run(struct model *m, struct vss_shard *shard, u32 group,
		     unsigned int first, unsigned int n)
{
	struct snap *live = m->snaps[m->nr - 1];
	vss_rec_t *chain = &live->chain[shard - m->map.shards];

	assert_int_equal(vss_map_lock_provided(&m->map, shard), 0);
	while (n) {
		u32 slot, got = take_slots(m, n, &slot), i;

		vss_map_insert(shard, group, first, got, live->epoch, slot,
			       chain);
		for (i = 0; i < got; i++)
			m->slot[slot + i] =
				m->version[group * VSS_GROUP_CHUNKS + first + i];
		m->used += got;
		m->copied += got;
		first += got;
		n -= got;
	}
}

static void write_chunks(struct model *m)
{
	u32 group = rnd(m, GROUPS);
	unsigned int lo = rnd(m, VSS_GROUP_CHUNKS);
	unsigned int hi = lo + rnd(m, VSS_GROUP_CHUNKS - lo), c;
	struct vss_shard *shard = vss_map_shard(&m->map, group);
	u16 mask = GENMASK(hi, lo), covered = mask;

	if (m->nr)
		covered = vss_map_covered(shard, group, mask,
					  m->snaps[m->nr - 1]->epoch);
	for (c = lo; c <= hi; ) {
		unsigned int n = 0;

		while (c + n <= hi && !(covered & BIT(c + n)))
			n++;
		if (n)
			copy_run(m, shard, group, c, n);
		c += n ? n : 1;
	}
	for (c = lo; c <= hi; c++)
		m->version[group * VSS_GROUP_CHUNKS + c]++;
}

static void take_snapshot(struct model *m)
{
	struct snap *s;

	if (m->nr == MAX_SNAPS)
		return;
	s = calloc(1, sizeof(*s));
	s->epoch = ++m->epoch;
	memcpy(s->version, m->version, sizeof(s->version));
	m->snaps[m->nr++] = s;
}

static void delete_snapshot(struct model *m, unsigned int i)
{
	struct snap *s = m->snaps[i], *heir = i ? m->snaps[i - 1] : NULL;
	struct vss_map_freed freed;
	unsigned int sh, c;

	for (sh = 0; sh < VSS_SHARDS; sh++) {
		struct vss_shard *shard = &m->map.shards[sh];

		while (vss_map_hand_down(shard, &s->chain[sh],
					 heir ? &heir->chain[sh] : NULL,
					 heir ? heir->epoch : 0, &freed)) {
			for (c = 0; c < VSS_GROUP_CHUNKS; c++) {
				if (!(freed.chunks & BIT(c)))
					continue;
				/* Freed once, and only what was in use. */
				assert_int_not_equal(m->slot[freed.slots[c]], 0);
				m->slot[freed.slots[c]] = 0;
				m->used--;
			}
		}
		vss_map_trim(shard);
	}
	free(s);
	memmove(&m->snaps[i], &m->snaps[i + 1],
		(m->nr - i - 1) * sizeof(m->snaps[0]));
	m->nr--;
}

static void compare(struct model *m)
{
	unsigned int i, c;
	u32 g;

	for (i = 0; i < m->nr; i++) {
		struct snap *s = m->snaps[i];

		for (g = 0; g < GROUPS; g++) {
			struct vss_shard *shard = vss_map_shard(&m->map, g);
			u32 slots[VSS_GROUP_CHUNKS];
			u16 found = vss_map_lookup(shard, g, 0xffff, s->epoch,
						   slots);

			for (c = 0; c < VSS_GROUP_CHUNKS; c++) {
				u32 chunk = g * VSS_GROUP_CHUNKS + c;
				u32 got = found & BIT(c) ? m->slot[slots[c]] :
							   m->version[chunk];

				assert_int_equal(got, s->version[chunk]);
			}
		}
	}
}

static void start(struct model *m, unsigned int seed)
{
	unsigned int c;

	memset(m, 0, sizeof(*m));
	m->seed = seed;
	assert_int_equal(vss_map_init(&m->map), 0);
	for (c = 0; c < CHUNKS; c++)
		m->version[c] = 1 + c * 1000;
}

static void finish(struct model *m)
{
	unsigned int sh;

	while (m->nr)
		delete_snapshot(m, rnd(m, m->nr));
	assert_int_equal(m->used, 0);
	for (sh = 0; sh < VSS_SHARDS; sh++) {
		assert_int_equal(m->map.shards[sh].nr_used, 0);
		/* An empty map keeps no pages. */
		assert_int_equal(m->map.shards[sh].recs.held, 0);
		assert_int_equal(m->map.shards[sh].buckets.held, 0);
	}
	vss_map_destroy(&m->map);
}

static void random_life(void **state)
{
	static struct model m;
	unsigned int seed, round, i;

	(void)state;
	for (seed = 1; seed <= 6; seed++) {
		start(&m, seed);
		for (round = 0; round < 60; round++) {
			if (rnd(&m, 3))
				take_snapshot(&m);
			for (i = 0; i < 200; i++)
				write_chunks(&m);
			if (m.nr && rnd(&m, 2))
				delete_snapshot(&m, rnd(&m, m.nr));
			if (round % 5 == 0)
				compare(&m);
		}
		compare(&m);
		assert_true(m.copied > CHUNKS);
		finish(&m);
	}
}

/* Oldest, middle, newest: what the others read does not change. */
static void delete_orders(void **state)
{
	static struct model m;
	unsigned int order, i;

	(void)state;
	for (order = 0; order < 3; order++) {
		start(&m, 100 + order);
		for (i = 0; i < 12; i++) {
			unsigned int w;

			take_snapshot(&m);
			for (w = 0; w < 100; w++)
				write_chunks(&m);
		}
		while (m.nr) {
			compare(&m);
			delete_snapshot(&m, order == 0 ? 0 :
					order == 1 ? m.nr / 2 : m.nr - 1);
		}
		finish(&m);
	}
}

static void free_run(void *data, u32 slot, u32 nr)
{
	struct model *m = data;
	u32 i;

	for (i = slot; i < slot + nr; i++) {
		/* Told once, and only what is in use. */
		assert_int_not_equal(m->slot[i], 0);
		m->slot[i] = 0;
		m->used--;
	}
}

/* Some copies are still being written: theirs are not told. */
static unsigned int forget_some(struct model *m)
{
	unsigned int n = 0;
	u32 g;

	for (g = 0; g < GROUPS; g += 7) {
		struct vss_shard *shard = vss_map_shard(&m->map, g);
		u32 slots[VSS_GROUP_CHUNKS];
		u16 found = vss_map_lookup(shard, g, 0xffff, 1, slots);
		unsigned int c;

		for (c = 0; c < VSS_GROUP_CHUNKS; c++) {
			if (!(found & BIT(c)))
				continue;
			vss_map_forget(shard, g, c, slots[c]);
			m->slot[slots[c]] = 0;
			m->used--;
			n++;
		}
	}
	return n;
}

/* All at once: each slot in use is told, and the map can be used again. */
static void purge(void **state)
{
	static struct model m;
	unsigned int round, i, sh;

	(void)state;
	start(&m, 77);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 2000; i++) {
			if (i % 200 == 0)
				take_snapshot(&m);
			write_chunks(&m);
		}
		delete_snapshot(&m, m.nr / 2);
		compare(&m);
		assert_true(m.used > CHUNKS);
		if (round % 2)
			assert_true(forget_some(&m) > 100);
		for (sh = 0; sh < VSS_SHARDS; sh++) {
			struct vss_map_heap heap;

			vss_map_empty(&m.map.shards[sh], &heap);
			vss_map_purge(&heap, free_run, &m);
			assert_int_equal(heap.recs.held + heap.buckets.held, 0);
		}
		assert_int_equal(m.used, 0);
		while (m.nr)
			free(m.snaps[--m.nr]);
	}
	finish(&m);
}

/* One chunk here and there is the worst case: at most 48 bytes each. */
static void memory_of_lone_chunks(void **state)
{
	enum { LONE = 200000 };
	struct vss_map map = {};
	vss_rec_t chain[VSS_SHARDS] = {};
	u32 g;

	(void)state;
	assert_int_equal(vss_map_init(&map), 0);
	for (g = 0; g < LONE; g++) {
		struct vss_shard *shard = vss_map_shard(&map, g);

		assert_int_equal(vss_map_lock_provided(&map, shard), 0);
		vss_map_insert(shard, g, g % VSS_GROUP_CHUNKS, 1, 1, g,
			       &chain[shard - map.shards]);
	}
	assert_true(vss_map_memory(&map) < 48ULL * LONE);
	vss_map_destroy(&map);
}

/* A map that has grown by one lone chunk after the other. */
struct growth {
	struct vss_map map;
	vss_rec_t chain[VSS_SHARDS];
	u32 chunks;
};

static bool grow(struct growth *w)
{
	u32 g = w->chunks;
	struct vss_shard *shard = vss_map_shard(&w->map, g);

	if (vss_map_lock_provided(&w->map, shard))
		return false;
	vss_map_insert(shard, g, g % VSS_GROUP_CHUNKS, 1, 1, g,
		       &w->chain[shard - w->map.shards]);
	w->chunks++;
	return true;
}

static void expect_all(struct growth *w)
{
	u32 g;

	for (g = 0; g < w->chunks; g++) {
		struct vss_shard *shard = vss_map_shard(&w->map, g);
		u32 slots[VSS_GROUP_CHUNKS];

		assert_int_equal(vss_map_lookup(shard, g, 0xffff, 1, slots),
				 BIT(g % VSS_GROUP_CHUNKS));
		assert_int_equal(slots[g % VSS_GROUP_CHUNKS], g);
	}
}

/* However large it is: memory in small pieces is all that there may be. */
static void no_large_allocations(void **state)
{
	struct growth w = {};

	(void)state;
	assert_int_equal(vss_map_init(&w.map), 0);
	test_most_asked = 0;
	/* Records and buckets of each shard need two levels above their pages. */
	while (w.chunks < 2000000)
		assert_true(grow(&w));
	assert_int_equal(w.map.shards[0].recs.levels, 2);
	assert_true(test_most_asked > 0 && test_most_asked <= 1024);
	expect_all(&w);
	vss_map_destroy(&w.map);
}

/* The reserve serves some thousand chunks, and comes back when there is memory. */
static void no_memory(void **state)
{
	struct growth w = {};
	u32 before;
	int round;

	(void)state;
	assert_int_equal(vss_map_init(&w.map), 0);
	for (round = 0; round < 3; round++) {
		before = w.chunks;
		test_refuse = true;
		while (grow(&w))
			;
		assert_true(w.chunks - before > 3000);
		assert_false(grow(&w));
		assert_int_equal(w.map.nr_reserve, 0);
		/* As long as there is none it asks again. */
		test_run_work(&w.map.refill_work);
		assert_true(w.map.refill_work.queued);
		assert_false(grow(&w));
		test_refuse = false;
		test_run_work(&w.map.refill_work);
		assert_int_equal(w.map.nr_reserve, RESERVE_PAGES);
		assert_false(w.map.refill_work.queued);
	}
	assert_true(grow(&w));
	expect_all(&w);
	vss_map_destroy(&w.map);
	/* One that cannot have its reserve is not made. */
	test_refuse = true;
	assert_int_equal(vss_map_init(&w.map), -ENOMEM);
	test_refuse = false;
	vss_map_destroy(&w.map);
}

static void unreadable_chunks(void **state)
{
	struct vss_map map = {};
	vss_rec_t chain = 0;
	struct vss_map_freed freed;
	struct vss_shard *shard;
	u32 slots[VSS_GROUP_CHUNKS];

	(void)state;
	assert_int_equal(vss_map_init(&map), 0);
	shard = vss_map_shard(&map, 7);
	assert_int_equal(vss_map_lock_provided(&map, shard), 0);
	vss_map_insert(shard, 7, 3, 4, 5, VSS_SLOT_UNREADABLE, &chain);
	assert_int_equal(vss_map_lookup(shard, 7, 0xffff, 5, slots), 0x78);
	assert_int_equal(slots[6], VSS_SLOT_UNREADABLE);
	/* A newer snapshot does not see it. */
	assert_int_equal(vss_map_lookup(shard, 7, 0xffff, 6, slots), 0);
	/* It has no slot that could be freed. */
	assert_true(vss_map_hand_down(shard, &chain, NULL, 0, &freed));
	assert_int_equal(freed.chunks, 0);
	assert_false(vss_map_hand_down(shard, &chain, NULL, 0, &freed));
	vss_map_destroy(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_life),
		cmocka_unit_test(delete_orders),
		cmocka_unit_test(purge),
		cmocka_unit_test(memory_of_lone_chunks),
		cmocka_unit_test(no_large_allocations),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(unreadable_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

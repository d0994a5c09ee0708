// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The diff area on disk: the copies and snapshots that the entries of the log lead to.
 *
 * A copy is found by its chunk and tag (a hash), by its tag (a chain for each
 * snapshot, for when that goes), and by its slot (who has it).
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "disk-hash.h"

struct copy {
	uint64_t chunk;
	uint32_t tag;
	uint32_t slot;
	uint32_t next_hash;
	uint32_t next_tag;
	uint32_t run;		/* in runs, 0: its hash is not known */
};

/* Chunks that were copied together and have one hash. */
struct run {
	uint64_t chunk;
	uint32_t slot;
	uint32_t hash;
	uint8_t nr;
	bool broken;		/* some of its slots are free again */
};

struct vssctl_disk_map {
	struct copy *copies;	/* from 1 on */
	uint32_t nr_copies;	/* used ones and free ones */
	uint32_t cap_copies;
	uint32_t free_copy;	/* linked by next_hash */
	uint32_t count;
	uint32_t *buckets;
	uint32_t nr_buckets;	/* a power of two */
	struct run *runs;	/* from 1 on */
	uint32_t nr_runs;
	uint32_t cap_runs;
	uint8_t *used;		/* a bit for each slot */
};

int vssctl_disk_map_new(struct vssctl_disk *disk)
{
	struct vssctl_disk_map *map = calloc(1, sizeof(*map));

	disk->map = map;
	if (!map)
		return -ENOMEM;
	map->nr_buckets = 1024;
	map->buckets = calloc(map->nr_buckets, sizeof(*map->buckets));
	map->used = calloc((size_t)disk->nr_slots / 8 + 1, 1);
	return map->buckets && map->used ? 0 : -ENOMEM;
}

void vssctl_disk_map_free(struct vssctl_disk *disk)
{
	struct vssctl_disk_map *map = disk->map;

	if (!map)
		return;
	free(map->copies);
	free(map->buckets);
	free(map->runs);
	free(map->used);
	free(map);
	disk->map = NULL;
}

static bool slot_used(const struct vssctl_disk_map *map, uint32_t slot)
{
	return map->used[slot / 8] & 1 << slot % 8;
}

static uint32_t hash(uint64_t chunk, uint32_t tag)
{
	uint64_t h = (chunk << 16 ^ tag) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32);
}

static uint32_t *bucket(struct vssctl_disk_map *map, uint64_t chunk, uint32_t tag)
{
	return &map->buckets[hash(chunk, tag) & (map->nr_buckets - 1)];
}

static struct copy *find(struct vssctl_disk_map *map, uint64_t chunk, uint32_t tag)
{
	for (uint32_t i = *bucket(map, chunk, tag); i; i = map->copies[i].next_hash)
		if (map->copies[i].chunk == chunk && map->copies[i].tag == tag)
			return &map->copies[i];
	return NULL;
}

static void link_hash(struct vssctl_disk_map *map, uint32_t i)
{
	uint32_t *head = bucket(map, map->copies[i].chunk, map->copies[i].tag);

	map->copies[i].next_hash = *head;
	*head = i;
}

static void unlink_hash(struct vssctl_disk_map *map, uint32_t i)
{
	uint32_t *link = bucket(map, map->copies[i].chunk, map->copies[i].tag);

	while (*link != i)
		link = &map->copies[*link].next_hash;
	*link = map->copies[i].next_hash;
}

static int grow_buckets(struct vssctl_disk_map *map)
{
	uint32_t nr = map->nr_buckets, *old = map->buckets, *buckets;

	if (map->count < 2 * (uint64_t)nr || nr >= 1U << 30)
		return 0;
	buckets = calloc(2 * (size_t)nr, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	map->buckets = buckets;
	map->nr_buckets = 2 * nr;
	for (uint32_t b = 0; b < nr; b++) {
		for (uint32_t i = old[b], next; i; i = next) {
			next = map->copies[i].next_hash;
			link_hash(map, i);
		}
	}
	free(old);
	return 0;
}

static void *grow(void *array, uint32_t *cap, uint32_t nr, size_t size)
{
	uint32_t want = *cap ? 2 * *cap : 1024;
	void *p;

	if (nr < *cap)
		return array;
	p = want > *cap ? reallocarray(array, want, size) : NULL;
	if (p)
		*cap = want;
	return p;
}

static int add_copy(struct vssctl_disk_map *map, struct vssctl_disk_snapshot *snap, uint64_t chunk,
		    uint32_t slot, uint32_t run)
{
	uint32_t i = map->free_copy;
	int err;

	if (i) {
		map->free_copy = map->copies[i].next_hash;
	} else {
		struct copy *copies = grow(map->copies, &map->cap_copies, map->nr_copies + 1, sizeof(*copies));

		if (!copies)
			return -ENOMEM;
		map->copies = copies;
		i = ++map->nr_copies;
	}
	map->copies[i] = (struct copy) {
		.chunk = chunk, .tag = snap->epoch, .slot = slot, .run = run, .next_tag = snap->chain,
	};
	snap->chain = i;
	link_hash(map, i);
	map->count++;
	err = grow_buckets(map);
	if (slot != VSS_DISK_UNREADABLE)
		map->used[slot / 8] |= (uint8_t)(1 << slot % 8);
	return err;
}

static void drop_copy(struct vssctl_disk_map *map, uint32_t i)
{
	struct copy *copy = &map->copies[i];

	unlink_hash(map, i);
	if (copy->slot != VSS_DISK_UNREADABLE)
		map->used[copy->slot / 8] &= (uint8_t)~(1 << copy->slot % 8);
	map->runs[copy->run].broken = true;
	copy->next_hash = map->free_copy;
	copy->slot = VSS_DISK_UNREADABLE;
	copy->chunk = UINT64_MAX;
	map->free_copy = i;
	map->count--;
}

static struct vssctl_disk_snapshot *find_snapshot(struct vssctl_disk *disk, uint32_t epoch)
{
	for (size_t i = disk->nr_snapshots; i--; )
		if (disk->snapshots[i].epoch == epoch)
			return &disk->snapshots[i];
	return NULL;
}

/* The newest that is alive and not newer than @epoch. */
static struct vssctl_disk_snapshot *heir_of(struct vssctl_disk *disk, uint32_t epoch)
{
	for (size_t i = disk->nr_snapshots; i--; )
		if (disk->snapshots[i].epoch <= epoch && disk->snapshots[i].life == VSSCTL_DISK_ALIVE)
			return &disk->snapshots[i];
	return NULL;
}

static bool slots_good(const struct vssctl_disk *disk, uint32_t slot, uint32_t nr)
{
	if (slot == VSS_DISK_UNREADABLE)
		return true;
	if (slot >= disk->nr_slots || nr > disk->nr_slots - slot)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (vssctl_disk_is_meta(disk, slot + i))
			return false;
	return true;
}

static int new_run(struct vssctl_disk_map *map, uint64_t chunk, uint32_t nr, uint32_t slot,
		   const uint32_t *hash, uint32_t *run)
{
	struct run *runs = grow(map->runs, &map->cap_runs, map->nr_runs + 1, sizeof(*runs));

	*run = 0;
	if (!runs)
		return -ENOMEM;
	/* Number 0 is for all that have no hash. */
	if (!map->runs)
		runs[0] = (struct run) { .broken = true };
	map->runs = runs;
	if (!hash || slot == VSS_DISK_UNREADABLE)
		return 0;
	*run = ++map->nr_runs;
	runs[*run] = (struct run) { .chunk = chunk, .slot = slot, .hash = *hash, .nr = (uint8_t)nr };
	return 0;
}

int vssctl_disk_map_copy(struct vssctl_disk *disk, uint64_t chunk, uint32_t nr, uint32_t tag,
			 uint32_t slot, const uint32_t *hash)
{
	struct vssctl_disk_map *map = disk->map;
	struct vssctl_disk_snapshot *snap = heir_of(disk, tag);
	uint32_t run;
	int err;

	if (!nr || nr > VSS_DISK_MAX_CHUNKS || chunk >= disk->nr_chunks ||
	    nr > disk->nr_chunks - chunk || !slots_good(disk, slot, nr) || !find_snapshot(disk, tag))
		return -EBADMSG;
	err = new_run(map, chunk, nr, slot, hash, &run);
	for (uint32_t i = 0; i < nr && !err; i++) {
		uint32_t s = slot == VSS_DISK_UNREADABLE ? slot : slot + i;
		struct copy *known;

		/* Nobody needs it: a copy for a snapshot that went meanwhile. */
		if (!snap) {
			map->runs[run].broken = true;
			continue;
		}
		known = find(map, chunk + i, snap->epoch);
		/* The same again: what is known when the half is changed is told once more. */
		if (known && known->tag == tag && known->slot == s) {
			map->runs[run].broken = true;
			continue;
		}
		/* The older one has a copy of its own. */
		if (known && snap->epoch != tag) {
			map->runs[run].broken = true;
			continue;
		}
		if (known || (s != VSS_DISK_UNREADABLE && slot_used(map, s)))
			return -EBADMSG;
		err = add_copy(map, snap, chunk + i, s, run);
	}
	return err;
}

int vssctl_disk_map_snapshot(struct vssctl_disk *disk, const struct vss_disk_snapshot *entry)
{
	uint32_t epoch = le32toh(entry->epoch), reason = le32toh(entry->lost_reason);
	struct vssctl_disk_snapshot *snap = find_snapshot(disk, epoch), *snaps;

	if (snap)
		return memcmp(snap->uuid, entry->uuid, sizeof(snap->uuid)) ? -EBADMSG : 0;
	if (!epoch || (disk->nr_snapshots && epoch <= disk->snapshots[disk->nr_snapshots - 1].epoch))
		return -EBADMSG;
	snaps = reallocarray(disk->snapshots, disk->nr_snapshots + 1, sizeof(*snaps));
	if (!snaps)
		return -ENOMEM;
	disk->snapshots = snaps;
	snap = &snaps[disk->nr_snapshots++];
	*snap = (struct vssctl_disk_snapshot) {
		.epoch = epoch,
		.time = le64toh(entry->time),
		.members = le32toh(entry->members),
		.sealed = le16toh(entry->flags) & VSS_DISK_SNAPSHOT_SEALED,
		.life = reason ? VSSCTL_DISK_LOST : VSSCTL_DISK_ALIVE,
		.lost_reason = reason,
	};
	memcpy(snap->uuid, entry->uuid, sizeof(snap->uuid));
	memcpy(snap->set, entry->set, sizeof(snap->set));
	return 0;
}

int vssctl_disk_map_sealed(struct vssctl_disk *disk, uint32_t epoch)
{
	struct vssctl_disk_snapshot *snap = find_snapshot(disk, epoch);

	if (!snap)
		return -EBADMSG;
	snap->sealed = true;
	return 0;
}

int vssctl_disk_map_gone(struct vssctl_disk *disk, uint32_t epoch, enum vssctl_disk_life life,
			 uint32_t reason)
{
	struct vssctl_disk_map *map = disk->map;
	struct vssctl_disk_snapshot *snap = find_snapshot(disk, epoch), *heir;
	bool was_alive;

	if (!snap)
		return -EBADMSG;
	was_alive = snap->life == VSSCTL_DISK_ALIVE;
	snap->life = life;
	snap->lost_reason = reason;
	if (!was_alive)
		return 0;
	heir = heir_of(disk, epoch);
	for (uint32_t i = snap->chain, next; i; i = next) {
		struct copy *copy = &map->copies[i];

		next = copy->next_tag;
		if (!heir || find(map, copy->chunk, heir->epoch)) {
			drop_copy(map, i);
			continue;
		}
		unlink_hash(map, i);
		copy->tag = heir->epoch;
		link_hash(map, i);
		copy->next_tag = heir->chain;
		heir->chain = i;
	}
	snap->chain = 0;
	return 0;
}

/* Bytes of a copy that nothing tells the checksum of: a run has one for all its chunks. */
static uint64_t bare_bytes(const struct vssctl_disk *disk, const struct copy *copy)
{
	uint64_t start = copy->chunk * disk->chunk_size;

	if (copy->slot == VSS_DISK_UNREADABLE || (copy->run && !disk->map->runs[copy->run].broken))
		return 0;
	return disk->volume_size - start < disk->chunk_size ? disk->volume_size - start : disk->chunk_size;
}

int vssctl_disk_map_finish(struct vssctl_disk *disk)
{
	struct vssctl_disk_map *map = disk->map;
	uint32_t lost = 0;

	for (size_t i = 0; i < disk->nr_parts; i++)
		if (le32toh(disk->parts[i].super.state) == VSS_DISK_LOST)
			lost = le32toh(disk->parts[i].super.lost_reason);
	for (size_t i = disk->nr_snapshots; i--; ) {
		struct vssctl_disk_snapshot *snap = &disk->snapshots[i];

		if (snap->life == VSSCTL_DISK_ALIVE && !snap->sealed)
			vssctl_disk_map_gone(disk, snap->epoch, VSSCTL_DISK_UNFINISHED, 0);
		else if (snap->life == VSSCTL_DISK_ALIVE && lost)
			vssctl_disk_map_gone(disk, snap->epoch, VSSCTL_DISK_LOST, lost);
	}
	for (size_t i = 0; i < disk->nr_snapshots; i++) {
		struct vssctl_disk_snapshot *snap = &disk->snapshots[i];

		for (uint32_t c = snap->chain; c; c = map->copies[c].next_tag) {
			snap->chunks++;
			disk->used_slots += map->copies[c].slot != VSS_DISK_UNREADABLE;
			disk->data_bare += bare_bytes(disk, &map->copies[c]);
		}
	}
	return 0;
}

int vssctl_disk_map_check_data(struct vssctl_disk *disk)
{
	struct vssctl_disk_map *map = disk->map;
	uint8_t *buffer = malloc(disk->chunk_size);

	if (!buffer)
		return -ENOMEM;
	for (uint32_t i = 1; i <= map->nr_runs; i++) {
		const struct run *run = &map->runs[i];
		uint64_t start = run->chunk * disk->chunk_size;
		uint64_t left = (uint64_t)run->nr * disk->chunk_size;
		uint32_t slot = run->slot;
		XXH64_state_t state;
		bool read = true;

		if (run->broken)
			continue;
		if (left > disk->volume_size - start)
			left = disk->volume_size - start;
		XXH64_reset(&state, 0);
		while (left && read) {
			size_t n = left < disk->chunk_size ? left : disk->chunk_size;

			read = !vssctl_disk_read_slot(disk, slot++, buffer, n);
			XXH64_update(&state, buffer, n);
			disk->data_checked += n;
			left -= n;
		}
		if (!read || (uint32_t)XXH64_digest(&state) != run->hash)
			vssctl_disk_problem(disk, VSSCTL_DISK_CONTENT,
					    "the copy of chunks %llu to %llu in slots %u to %u %s",
					    (unsigned long long)run->chunk,
					    (unsigned long long)(run->chunk + run->nr - 1), run->slot,
					    run->slot + run->nr - 1,
					    read ? "is not what was copied" : "cannot be read");
	}
	free(buffer);
	return 0;
}

static int by_slot(const void *a, const void *b)
{
	const struct copy *x = *(const struct copy *const *)a, *y = *(const struct copy *const *)b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

int vssctl_disk_copies(struct vssctl_disk *disk, vssctl_disk_run_fn *fn, void *data)
{
	const struct vssctl_disk_map *map = disk->map;
	const struct copy **sorted;
	uint32_t nr = 0;

	if (!map || !map->count)
		return 0;
	sorted = calloc(map->count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 1; i <= map->nr_copies; i++)
		if (map->copies[i].chunk != UINT64_MAX)
			sorted[nr++] = &map->copies[i];
	qsort(sorted, nr, sizeof(*sorted), by_slot);
	for (uint32_t i = 0, n; i < nr; i += n) {
		const struct copy *first = sorted[i];

		for (n = 1; i + n < nr; n++) {
			const struct copy *next = sorted[i + n];

			if (next->chunk != first->chunk + n || next->tag != first->tag ||
			    next->slot != (first->slot == VSS_DISK_UNREADABLE ? first->slot : first->slot + n))
				break;
		}
		fn(data, first->chunk, n, first->tag, first->slot);
	}
	free(sorted);
	return 0;
}

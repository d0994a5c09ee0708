// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The diff area on disk: walking the log of its index.
 *
 * The log is walked twice.  The first walk finds its end, and how far it was
 * surely durable; the second one carries out the entries.  What lies behind the
 * end tells whether that is an end, or a hole.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "disk-hash.h"

/* Longer groups are not written. */
#define MAX_GROUP_BLOCKS	1024

struct walk {
	struct vssctl_disk *disk;
	unsigned int half;
	uint64_t index;			/* next block in the half */
	uint64_t seq;			/* its number */
	uint64_t super_seq;		/* of the block before */
	uint64_t flushed;		/* likewise */
	bool newer;			/* a block knows of a newer superblock */
	bool unreadable;		/* a block that might go on cannot be read */
	/* the group read last */
	uint8_t *blocks;
	size_t nr_blocks;
	size_t capacity;
};

static const struct vss_disk_log *block_at(const struct walk *w, size_t i)
{
	return (const void *)(w->blocks + i * w->disk->log_block);
}

/* A log block of this area, whatever its place. */
static bool is_block(const struct vssctl_disk *disk, const struct vss_disk_log *head)
{
	return le32toh(head->magic) == VSS_DISK_LOG_MAGIC &&
		!memcmp(head->area, disk->parts[0].super.area, sizeof(head->area)) &&
		le32toh(head->crc) == vssctl_disk_crc(head, disk->log_block, offsetof(struct vss_disk_log, crc)) &&
		le16toh(head->units) <= (disk->log_block - sizeof(*head)) / VSS_DISK_UNIT;
}

static uint64_t current_super(const struct vssctl_disk *disk)
{
	return le64toh(disk->parts[0].super.seq);
}

/* Is it the one that has to be here? */
static bool continues(struct walk *w, const struct vss_disk_log *head)
{
	uint64_t seq = w->seq + w->nr_blocks;
	uint64_t first = le64toh(head->first), flushed = le64toh(head->flushed);

	if (!is_block(w->disk, head) || le64toh(head->seq) != seq || first != w->seq)
		return false;
	if (le64toh(head->super_seq) > current_super(w->disk)) {
		w->newer = true;
		return false;
	}
	return flushed <= first && flushed >= w->flushed && le64toh(head->super_seq) >= w->super_seq;
}

/* The next group of blocks: 1, or 0 at the end, or -ENOMEM. */
static int next_group(struct walk *w)
{
	const uint32_t size = w->disk->log_block;

	w->nr_blocks = 0;
	while (w->index + w->nr_blocks < w->disk->half_blocks && w->nr_blocks < MAX_GROUP_BLOCKS) {
		const struct vss_disk_log *head;

		if (w->nr_blocks == w->capacity) {
			size_t capacity = w->capacity ? 2 * w->capacity : 8;
			uint8_t *blocks = reallocarray(w->blocks, capacity, size);

			if (!blocks)
				return -ENOMEM;
			w->blocks = blocks;
			w->capacity = capacity;
		}
		head = block_at(w, w->nr_blocks);
		if (vssctl_disk_read_log(w->disk, w->half, w->index + w->nr_blocks,
					 w->blocks + w->nr_blocks * size)) {
			w->unreadable = true;
			return 0;
		}
		if (!continues(w, head))
			return 0;
		w->nr_blocks++;
		w->super_seq = le64toh(head->super_seq);
		w->flushed = le64toh(head->flushed);
		if (le16toh(head->flags) & VSS_DISK_LOG_END)
			return 1;
	}
	return 0;
}

/* How many units an entry takes; 0: it is none, or is cut off. */
static unsigned int entry_units(const uint8_t *entry, unsigned int left)
{
	unsigned int units = entry[0] == VSS_DISK_SNAPSHOT ? sizeof(struct vss_disk_snapshot) / VSS_DISK_UNIT : 1;

	if (entry[0] < VSS_DISK_COPY || entry[0] > VSS_DISK_WHOLE || units > left)
		return 0;
	return units;
}

typedef int entry_fn(struct vssctl_disk *disk, const struct vss_disk_log *head, const uint8_t *entry, void *data);

/* All entries of the group: 0, what @fn gave, or -EBADMSG. */
static int for_each_entry(struct walk *w, entry_fn *fn, void *data)
{
	for (size_t b = 0; b < w->nr_blocks; b++) {
		const struct vss_disk_log *head = block_at(w, b);
		const uint8_t *entry = (const uint8_t *)(head + 1);
		unsigned int left = le16toh(head->units);

		while (left) {
			unsigned int units = entry_units(entry, left);
			int ret = units ? fn(w->disk, head, entry, data) : -EBADMSG;

			if (ret)
				return ret;
			entry += units * VSS_DISK_UNIT;
			left -= units;
		}
	}
	return 0;
}

static int note_switch(struct vssctl_disk *disk, const struct vss_disk_log *head, const uint8_t *entry, void *data)
{
	bool *switched = data;

	(void)disk;
	(void)head;
	*switched |= entry[0] == VSS_DISK_SWITCH;
	return 0;
}

/* Go on behind the group. */
static int advance(struct walk *w)
{
	bool switched = false;
	int ret = for_each_entry(w, note_switch, &switched);

	w->seq += w->nr_blocks;
	w->index += w->nr_blocks;
	if (switched) {
		w->half = !w->half;
		w->index = 0;
	}
	return ret;
}

static void walk_begin(struct walk *w, struct vssctl_disk *disk)
{
	w->disk = disk;
	w->half = le32toh(disk->parts[0].super.log_half);
	w->index = 0;
	w->seq = le64toh(disk->parts[0].super.log_first);
	w->super_seq = 0;
	w->flushed = 0;
	w->newer = false;
	w->unreadable = false;
}

static uint64_t chunk_of(const struct vss_disk_copy *copy)
{
	return (uint64_t)le16toh(copy->chunk_high) << 32 | le32toh(copy->chunk_low);
}

static uint64_t copy_bytes(const struct vssctl_disk *disk, uint64_t chunk, uint32_t nr)
{
	uint64_t start = chunk * disk->chunk_size, size = (uint64_t)nr * disk->chunk_size;

	return start + size <= disk->volume_size ? size : disk->volume_size - start;
}

/* Is the content of a copy what its hash says?  1: it is not; -EIO: that cannot be told. */
static int check_copy(struct vssctl_disk *disk, const struct vss_disk_log *head, const uint8_t *entry, void *data)
{
	const struct vss_disk_copy *copy = (const void *)entry;
	uint64_t chunk = chunk_of(copy), left;
	uint32_t slot = le32toh(copy->slot);
	uint8_t *buffer = data;
	XXH64_state_t state;

	(void)head;
	if (copy->type != VSS_DISK_COPY || slot == VSS_DISK_UNREADABLE)
		return 0;
	/* What makes no sense is found when it is carried out. */
	if (!copy->nr || chunk >= disk->nr_chunks || copy->nr > disk->nr_chunks - chunk ||
	    slot >= disk->nr_slots || copy->nr > disk->nr_slots - slot)
		return 0;
	XXH64_reset(&state, 0);
	for (left = copy_bytes(disk, chunk, copy->nr); left; slot++) {
		size_t n = left < disk->chunk_size ? left : disk->chunk_size;

		if (vssctl_disk_read_slot(disk, slot, buffer, n))
			return -EIO;
		XXH64_update(&state, buffer, n);
		disk->data_checked += n;
		left -= n;
	}
	return (uint32_t)XXH64_digest(&state) != le32toh(copy->hash);
}

static int carry_out(struct vssctl_disk *disk, const struct vss_disk_log *head, const uint8_t *entry, void *data)
{
	const struct vss_disk_copy *copy = (const void *)entry;
	const struct vss_disk_event *event = (const void *)entry;
	uint32_t hash;

	(void)data;
	disk->entries++;
	switch (entry[0]) {
	case VSS_DISK_COPY:
		hash = le32toh(copy->hash);
		return vssctl_disk_map_copy(disk, chunk_of(copy), copy->nr, le32toh(head->epoch),
					    le32toh(copy->slot), &hash);
	case VSS_DISK_MAP:
		return vssctl_disk_map_copy(disk, chunk_of(copy), copy->nr, le32toh(copy->tag),
					    le32toh(copy->slot), NULL);
	case VSS_DISK_SNAPSHOT:
		return vssctl_disk_map_snapshot(disk, (const void *)entry);
	case VSS_DISK_SEALED:
		return vssctl_disk_map_sealed(disk, le32toh(event->epoch));
	case VSS_DISK_GONE:
		return vssctl_disk_map_gone(disk, le32toh(event->epoch), le16toh(event->reason) ?
					    VSSCTL_DISK_LOST : VSSCTL_DISK_DELETED, le16toh(event->reason));
	default:
		return 0;
	}
}

/*
 * Does a block from @index on say that the one that should be at the end was
 * written and flushed?  Then the log does not end there, it has a hole.
 */
static bool goes_on(const struct walk *w, unsigned int half, uint64_t index, uint64_t *where)
{
	struct vssctl_disk *disk = w->disk;
	uint8_t buffer[VSS_DISK_MAX_LOG_BLOCK] __attribute__((aligned(8)));
	const struct vss_disk_log *head = (const void *)buffer;

	for (; index < disk->half_blocks; index++) {
		if (vssctl_disk_read_log(disk, half, index, buffer) || !is_block(disk, head))
			continue;
		*where = index;
		if (le64toh(head->super_seq) > current_super(disk) ||
		    (le64toh(head->seq) > w->seq && le64toh(head->flushed) > w->seq))
			return true;
	}
	return false;
}

/* The first walk: the log's end in @w, the sure part's in @durable. */
static int find_end(struct walk *w, uint64_t *durable)
{
	int ret;

	*durable = le64toh(w->disk->parts[0].super.log_first);
	while ((ret = next_group(w)) > 0) {
		if (w->flushed > *durable)
			*durable = w->flushed;
		ret = advance(w);
		if (ret)
			return ret;
	}
	/* Blocks of a group that has no end may still bear witness. */
	if (w->nr_blocks && w->flushed > *durable)
		*durable = w->flushed;
	return ret;
}

static void damage(struct vssctl_disk *disk, const struct walk *w, const char *what)
{
	vssctl_disk_problem(disk, VSSCTL_DISK_DAMAGE,
			    "log block %llu (half %u, block %llu): %s; no snapshot can be trusted",
			    (unsigned long long)w->seq, w->half, (unsigned long long)w->index, what);
}

static void check_end(struct walk *w, uint64_t durable)
{
	struct vssctl_disk *disk = w->disk;
	const struct vss_disk_super *super = &disk->parts[0].super;
	bool clean = le32toh(super->state) == VSS_DISK_CLEAN;
	uint64_t where;

	/* Where a clean one ends is known, if no newer superblock says otherwise. */
	if (w->unreadable && (!clean || w->seq != le64toh(super->log_end) || !disk->parts[0].supers[0].valid ||
			      !disk->parts[0].supers[1].valid))
		damage(disk, w, "it cannot be read, and may have been written");
	else if (w->newer)
		damage(disk, w, "it knows of a newer superblock than there is");
	else if (durable > w->seq)
		damage(disk, w, "it was written, and is not there");
	else if (goes_on(w, w->half, w->index + 1, &where) || goes_on(w, !w->half, 0, &where))
		damage(disk, w, "it is missing or damaged, for the log goes on behind it");
	else if (clean && w->seq != le64toh(super->log_end))
		damage(disk, w, "the log does not end where it ended when the volume was detached");
	else if (w->unreadable)
		vssctl_disk_problem(disk, VSSCTL_DISK_NOTE,
				    "log block %llu (half %u, block %llu) cannot be read; the log ends before it",
				    (unsigned long long)w->seq, w->half, (unsigned long long)w->index);
}

/* The second walk, up to where the first one ended. */
static int replay(struct walk *w, uint64_t durable, uint64_t end, void *buffer)
{
	struct vssctl_disk *disk = w->disk;
	int ret = 0;

	while (w->seq < end) {
		ret = next_group(w);
		if (ret <= 0)
			break;
		/* One that may not have been flushed counts only with all its data. */
		ret = w->seq + w->nr_blocks > durable ? for_each_entry(w, check_copy, buffer) : 0;
		if (ret) {
			if (ret == -EIO)
				damage(disk, w, "a copy in it cannot be read, and may have been written");
			else
				disk->dropped_groups++;
			ret = 0;
			break;
		}
		ret = for_each_entry(w, carry_out, NULL);
		if (ret)
			break;
		disk->groups++;
		disk->blocks += w->nr_blocks;
		ret = advance(w);
		if (ret)
			break;
	}
	disk->log_next = w->seq;
	if (ret == -EBADMSG) {
		damage(disk, w, "it has an entry that makes no sense");
		return 0;
	}
	return ret;
}

int vssctl_disk_replay(struct vssctl_disk *disk, bool check_data)
{
	const bool clean = le32toh(disk->parts[0].super.state) == VSS_DISK_CLEAN;
	struct walk w = { 0 };
	uint64_t durable, end;
	void *buffer = malloc(disk->chunk_size);
	int ret = buffer ? 0 : -ENOMEM;

	walk_begin(&w, disk);
	if (!ret)
		ret = find_end(&w, &durable);
	if (ret == -EBADMSG) {
		damage(disk, &w, "it has an entry that makes no sense");
		ret = 0;
		goto out;
	}
	if (ret)
		goto out;
	check_end(&w, durable);
	end = w.seq;
	/* Whoever detached in order has waited for all. */
	if (clean)
		durable = end;
	if (w.nr_blocks)
		disk->dropped_groups++;

	walk_begin(&w, disk);
	ret = replay(&w, durable, end, buffer);
	if (ret)
		goto out;
	ret = vssctl_disk_map_finish(disk);
	if (!ret && check_data)
		ret = vssctl_disk_map_check_data(disk);
	disk->replayed = true;
out:
	free(w.blocks);
	free(buffer);
	return ret;
}

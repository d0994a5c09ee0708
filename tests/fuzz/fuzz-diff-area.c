// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzing the offline reader of diff areas: whatever the devices hold, it ends in order,
 * and what it takes for sound does not contradict itself.
 *
 * An area is long and mostly empty, so an input only says what is where.  Three bytes:
 * the number of parts (bits 0 and 1, from 1 on), whether checksums are left as they are
 * (bit 2), each part's size in units of 64 KiB, and where it begins on its device in
 * units of 16 KiB.  Then pieces:
 *
 *   PPRSSSSS SSSSSSSS	the part, whether it is a ramp, the sector where the piece begins
 *   LLLLLLLL LLLLLLLL	its length in bytes, little-endian
 *   of a ramp one byte, the first one of what tests write as copies; else the bytes
 *
 * When all pieces are there, superblocks, blocks of extents and of the log that begin
 * where a piece begins are given the right checksum.
 */
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "disk-tree.h"

#define FUZZ_PARTS	4
#define FUZZ_HEAD	3
#define FUZZ_PIECE	4	/* bytes before what it holds */
#define FUZZ_SECTOR	512U
#define FUZZ_RAMP	0x20
#define FUZZ_KEEP	0x04
#define FUZZ_UNIT	65536U
#define FUZZ_UNITS	64U
#define FUZZ_OFFSET	16384U

#define FUZZ_MUST(what)								\
	do {									\
		if (!(what)) {							\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);	\
			abort();						\
		}								\
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
	unsigned int part;
	bool ramp;
	uint64_t at;		/* byte of the device */
	const uint8_t *data;
	size_t size;
};

struct input {
	int fds[FUZZ_PARTS];
	size_t nr_parts;
	uint64_t size;		/* of each device */
	uint64_t offset;
	bool keep;
	const uint8_t *pieces;
	size_t left;
};

/* The next piece of the input, if there is one. */
static bool next_piece(struct input *in, struct piece *piece)
{
	const uint8_t *p = in->pieces;
	size_t taken;

	if (in->left <= FUZZ_PIECE)
		return false;
	piece->part = (p[0] >> 6) % in->nr_parts;
	piece->ramp = p[0] & FUZZ_RAMP;
	piece->at = in->offset + ((p[0] & 0x1fU) << 8 | p[1]) * FUZZ_SECTOR;
	piece->size = (size_t)p[2] | (size_t)p[3] << 8;
	piece->data = p + FUZZ_PIECE;
	taken = piece->ramp ? 1 : piece->size;
	if (taken > in->left - FUZZ_PIECE)
		piece->size = taken = in->left - FUZZ_PIECE;
	in->pieces += FUZZ_PIECE + taken;
	in->left -= FUZZ_PIECE + taken;
	return true;
}

static void put_piece(const struct input *in, const struct piece *piece)
{
	static uint8_t ramp[FUZZ_UNIT];
	const uint8_t *data = piece->data;

	if (piece->at >= in->size)
		return;
	if (piece->ramp) {
		for (size_t i = 0; i < piece->size; i++)
			ramp[i] = (uint8_t)(*piece->data + i + (i >> 8) * 3);
		data = ramp;
	}
	FUZZ_MUST(pwrite(in->fds[piece->part], data, piece->size, (off_t)piece->at) == (ssize_t)piece->size);
}

/* What the first part's superblock says is a log block. */
static size_t log_block(const struct input *in)
{
	for (unsigned int i = 0; i < VSS_DISK_NR_SUPERS; i++) {
		struct vss_disk_super super;
		uint32_t size;

		if (pread(in->fds[0], &super, sizeof(super), (off_t)(in->offset + i * VSS_DISK_SUPER_STRIDE)) !=
		    sizeof(super) || memcmp(super.magic, VSS_DISK_MAGIC, sizeof(super.magic)))
			continue;
		size = le32toh(super.log_block);
		if (size >= VSS_DISK_MIN_LOG_BLOCK && size <= VSS_DISK_MAX_LOG_BLOCK)
			return size;
	}
	return VSS_DISK_MIN_LOG_BLOCK;
}

static void mend(const struct input *in, const struct piece *piece, size_t log_size)
{
	uint8_t block[4096] __attribute__((aligned(8)));
	const struct vss_disk_log *log = (const void *)block;
	const struct vss_disk_extents *extents = (const void *)block;
	size_t size = sizeof(block), at;
	uint32_t crc;

	if (pread(in->fds[piece->part], block, sizeof(block), (off_t)piece->at) != sizeof(block))
		return;
	if (!memcmp(block, VSS_DISK_MAGIC, 8)) {
		at = offsetof(struct vss_disk_super, crc);
	} else if (le32toh(log->magic) == VSS_DISK_LOG_MAGIC) {
		at = offsetof(struct vss_disk_log, crc);
		size = log_size;
	} else if (le32toh(extents->magic) == VSS_DISK_EXTENT_MAGIC) {
		at = offsetof(struct vss_disk_extents, crc);
	} else {
		return;
	}
	crc = htole32(vssctl_disk_crc(block, size, at));
	FUZZ_MUST(pwrite(in->fds[piece->part], &crc, sizeof(crc), (off_t)(piece->at + at)) == sizeof(crc));
}

/* Makes the devices. */
static bool lay_out(struct input *in, const uint8_t *data, size_t size)
{
	static int fds[FUZZ_PARTS];
	struct input rest;
	struct piece piece;

	if (size < FUZZ_HEAD)
		return false;
	in->nr_parts = 1 + data[0] % FUZZ_PARTS;
	in->keep = data[0] & FUZZ_KEEP;
	in->size = (1 + data[1] % FUZZ_UNITS) * (uint64_t)FUZZ_UNIT;
	in->offset = data[2] * (uint64_t)FUZZ_OFFSET % in->size;
	in->pieces = data + FUZZ_HEAD;
	in->left = size - FUZZ_HEAD;
	for (size_t i = 0; i < in->nr_parts; i++) {
		if (!fds[i])
			fds[i] = memfd_create("part", MFD_CLOEXEC);
		in->fds[i] = fds[i];
		FUZZ_MUST(fds[i] > 0 && !ftruncate(fds[i], 0));
	}
	rest = *in;
	while (next_piece(&rest, &piece))
		put_piece(in, &piece);
	/* Whatever was written behind the end is cut off. */
	for (size_t i = 0; i < in->nr_parts; i++)
		FUZZ_MUST(!ftruncate(in->fds[i], (off_t)in->size));
	rest = *in;
	while (!in->keep && next_piece(&rest, &piece))
		if (!piece.ramp)
			mend(in, &piece, log_block(in));
	return true;
}

/* ---- what must hold ---- */

struct seen {
	struct vssctl_disk *disk;
	uint8_t *used;			/* by slot */
	uint64_t slots;
	uint64_t copies;
};

static const struct vssctl_disk_snapshot *snapshot_of(const struct vssctl_disk *disk, uint32_t epoch)
{
	for (size_t i = 0; i < disk->nr_snapshots; i++)
		if (disk->snapshots[i].epoch == epoch)
			return &disk->snapshots[i];
	return NULL;
}

static void see_copies(void *data, uint64_t chunk, uint32_t nr, uint32_t tag, uint32_t slot)
{
	struct seen *s = data;
	const struct vssctl_disk_snapshot *snap = snapshot_of(s->disk, tag);

	FUZZ_MUST(snap && snap->life == VSSCTL_DISK_ALIVE);
	FUZZ_MUST(nr && chunk < s->disk->nr_chunks && nr <= s->disk->nr_chunks - chunk);
	s->copies += nr;
	if (slot == VSS_DISK_UNREADABLE)
		return;
	for (uint32_t i = slot; i < slot + nr; i++) {
		FUZZ_MUST(i < s->disk->nr_slots && !vssctl_disk_is_meta(s->disk, i) && !s->used[i]);
		s->used[i] = 1;
		s->slots++;
	}
}

static bool sound(const struct vssctl_disk *disk)
{
	return !disk->nr_problems || disk->worst == VSSCTL_DISK_NOTE;
}

static void agrees_with_itself(struct vssctl_disk *disk)
{
	struct seen s = { .disk = disk };
	uint64_t chunks = 0;
	json_object *tree;

	if (disk->replayed) {
		s.used = calloc((size_t)disk->nr_slots + 1, 1);
		FUZZ_MUST(s.used && !vssctl_disk_copies(disk, see_copies, &s));
		free(s.used);
		for (size_t i = 0; i < disk->nr_snapshots; i++) {
			const struct vssctl_disk_snapshot *snap = &disk->snapshots[i];

			chunks += snap->chunks;
			FUZZ_MUST(!i || snap->epoch > snap[-1].epoch);
			FUZZ_MUST(snap->life == VSSCTL_DISK_ALIVE ? snap->sealed : !snap->chunks);
		}
		FUZZ_MUST(s.slots == disk->used_slots && s.copies == chunks);
	}
	FUZZ_MUST(sound(disk) ? disk->replayed : disk->nr_problems > 0);
	tree = vssctl_disk_tree(disk, true);
	FUZZ_MUST(tree && json_object_to_json_string(tree));
	json_object_put(tree);
}

static void same(const struct vssctl_disk *one, const struct vssctl_disk *other)
{
	FUZZ_MUST(one->known == other->known && one->replayed == other->replayed);
	if (!one->replayed)
		return;
	FUZZ_MUST(one->nr_snapshots == other->nr_snapshots && one->used_slots == other->used_slots &&
		  one->log_next == other->log_next && one->dropped_groups == other->dropped_groups);
	for (size_t i = 0; i < one->nr_snapshots; i++)
		FUZZ_MUST(one->snapshots[i].life == other->snapshots[i].life &&
			  one->snapshots[i].chunks == other->snapshots[i].chunks);
}

/* Reads what was laid out in a certain order of the parts. */
static void read_area(const struct input *in, bool backwards, bool check_data, struct vssctl_disk *disk)
{
	struct vssctl_disk_source sources[FUZZ_PARTS];

	for (size_t i = 0; i < in->nr_parts; i++)
		sources[i] = (struct vssctl_disk_source) {
			.fd = in->fds[backwards ? in->nr_parts - 1 - i : i], .name = "a part", .offset = in->offset,
		};
	FUZZ_MUST(!vssctl_disk_read(disk, sources, in->nr_parts, check_data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vssctl_disk disk, other;
	struct input in;

	if (!lay_out(&in, data, size))
		return 0;
	read_area(&in, false, true, &disk);
	agrees_with_itself(&disk);
	/* Neither the order of the parts nor the content of old copies makes it another area. */
	read_area(&in, true, false, &other);
	agrees_with_itself(&other);
	same(&disk, &other);
	FUZZ_MUST(!sound(&disk) || sound(&other));
	vssctl_disk_clear(&other);
	vssctl_disk_clear(&disk);
	return 0;
}

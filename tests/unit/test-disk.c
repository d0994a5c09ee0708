// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The offline reader of diff areas: what it makes of sound ones, of ones cut off by a
 * power failure, and of ones that are damaged in every place, or made up.
 */
#include "unit.h"

#include <linux/vss.h>
#include <stdio.h>

#include "command.h"
#include "disk-image.h"
#include "print.h"

#define CHUNK		4096U
#define CHUNKS		120U
#define VOLUME		(CHUNKS * (uint64_t)CHUNK - 1024)
#define SLOTS		240U
#define LOG_SLOTS	8U
#define SNAPS		6U

/* What the copies of a snapshot must hold: its version of each chunk. */
struct model {
	struct image im;
	uint32_t version[CHUNKS];		/* of the volume */
	uint32_t at[SNAPS + 1][CHUNKS];		/* of each snapshot, by epoch */
	bool alive[SNAPS + 1];
	uint32_t live;				/* newest one alive, 0: none */
	bool covered[CHUNKS];			/* a copy for @live is there */
	uint32_t next_slot;
};

static void checksums(void **state)
{
	uint8_t block[512];

	(void)state;
	assert_int_equal(vssctl_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(vssctl_crc32c(vssctl_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	memset(block, 7, sizeof(block));
	memset(block + 4, 0, 4);
	assert_int_equal(vssctl_disk_crc(block, sizeof(block), 4), vssctl_crc32c(0, block, sizeof(block)));
}

static void take(struct model *m, uint32_t epoch)
{
	image_begin(&m->im, epoch);
	image_snapshot(&m->im, epoch, false);
	image_end(&m->im);
	image_begin(&m->im, epoch);
	image_event(&m->im, VSS_DISK_SEALED, epoch, 0);
	image_end(&m->im);
	memcpy(m->at[epoch], m->version, sizeof(m->version));
	m->alive[epoch] = true;
	m->live = epoch;
	memset(m->covered, 0, sizeof(m->covered));
}

/* Write chunks, in one group of copies; those that have one are only written. */
static void overwrite(struct model *m, uint32_t chunk, uint8_t nr)
{
	image_begin(&m->im, m->live);
	for (uint32_t c = chunk; m->live && c < chunk + nr; ) {
		uint8_t n = 0;

		while (c + n < chunk + nr && !m->covered[c + n])
			n++;
		if (n) {
			image_copy(&m->im, c, n, m->next_slot, m->version + c);
			m->next_slot += n;
		}
		memset(m->covered + c, true, n);
		c += n ? n : 1;
	}
	if (m->im.group_size)
		image_end(&m->im);
	for (uint32_t c = chunk; c < chunk + nr; c++)
		m->version[c]++;
}

static void gone(struct model *m, uint32_t epoch, uint16_t reason)
{
	image_begin(&m->im, m->live);
	image_event(&m->im, VSS_DISK_GONE, epoch, reason);
	image_end(&m->im);
	m->alive[epoch] = false;
	if (m->live != epoch)
		return;
	/* Overwriting without a snapshot alive is not part of these tests. */
	while (m->live && !m->alive[m->live])
		m->live--;
}

static void story(struct model *m, uint32_t log_block)
{
	memset(m, 0, sizeof(*m));
	image_new(&m->im, CHUNK, log_block, VOLUME, SLOTS, log_block == 4096 ? 3 * LOG_SLOTS : LOG_SLOTS);
	m->next_slot = image_first_slot(&m->im, 0);
	take(m, 1);
	overwrite(m, 3, 9);
	take(m, 2);
	overwrite(m, 5, 3);
	overwrite(m, CHUNKS - 4, 4);
	take(m, 3);
	overwrite(m, 0, 12);
	overwrite(m, 60, 1);
	gone(m, 2, 0);
	take(m, 4);
	overwrite(m, 6, 2);
	overwrite(m, 61, 10);
}

static void clean(struct model *m)
{
	image_super(&m->im, VSS_DISK_CLEAN);
}

struct found {
	struct model *m;
	struct vssctl_disk *disk;
	uint32_t tag[SNAPS + 1][CHUNKS];	/* oldest tag that serves the epoch */
	uint32_t slot[SNAPS + 1][CHUNKS];
	uint32_t slots;
};

static void see(void *data, uint64_t chunk, uint32_t nr, uint32_t tag, uint32_t slot)
{
	struct found *f = data;

	f->slots += slot == VSS_DISK_UNREADABLE ? 0 : nr;
	for (uint32_t i = 0; i < nr; i++) {
		for (uint32_t e = 1; e <= tag && e <= SNAPS; e++) {
			uint64_t c = chunk + i;

			if (f->tag[e][c] && f->tag[e][c] <= tag)
				continue;
			f->tag[e][c] = tag;
			f->slot[e][c] = slot + i;
		}
	}
}

/* Do the snapshots that are said to be alive hold what they must? */
static bool contents_right(struct model *m, struct vssctl_disk *disk)
{
	struct found *f = calloc(1, sizeof(*f));
	uint8_t want[CHUNK], is[CHUNK];
	bool right = true;

	assert_non_null(f);
	assert_int_equal(vssctl_disk_copies(disk, see, f), 0);
	right &= f->slots == disk->used_slots;
	for (size_t i = 0; i < disk->nr_snapshots; i++) {
		uint32_t e = disk->snapshots[i].epoch;

		if (disk->snapshots[i].life != VSSCTL_DISK_ALIVE || e > SNAPS)
			continue;
		for (uint32_t c = 0; c < CHUNKS; c++) {
			size_t n = image_chunk_bytes(&m->im, c);

			/* From the volume, when there is no copy. */
			if (!f->tag[e][c]) {
				right &= m->version[c] == m->at[e][c];
				continue;
			}
			image_content(&m->im, c, m->at[e][c], want);
			right &= !vssctl_disk_read_slot(disk, f->slot[e][c], is, n) && !memcmp(is, want, n);
		}
	}
	free(f);
	return right;
}

static unsigned int count_alive(const struct vssctl_disk *disk)
{
	unsigned int n = 0;

	for (size_t i = 0; i < disk->nr_snapshots; i++)
		n += disk->snapshots[i].life == VSSCTL_DISK_ALIVE;
	return n;
}

static void must_read(struct image *im, struct vssctl_disk *disk)
{
	assert_int_equal(vssctl_disk_read(disk, im->sources, im->nr_parts, true), 0);
}

static void is_sound(struct model *m, unsigned int alive)
{
	struct vssctl_disk disk;

	must_read(&m->im, &disk);
	if (disk.nr_problems)
		print_error("%s\n", disk.problems[0].text);
	assert_int_equal(disk.nr_problems, 0);
	assert_true(disk.replayed);
	assert_int_equal(count_alive(&disk), alive);
	assert_true(contents_right(m, &disk));
	vssctl_disk_clear(&disk);
}

static void reads_an_empty_area(void **state)
{
	struct image im;
	struct vssctl_disk disk;

	(void)state;
	image_new(&im, 16384, 512, 1 << 20, 64, 2);
	must_read(&im, &disk);
	assert_int_equal(disk.nr_problems, 0);
	assert_int_equal(disk.nr_slots, 64);
	assert_int_equal(disk.meta_slots, 4 + 2 * 2);
	assert_int_equal(disk.used_slots, 0);
	assert_int_equal(disk.half_blocks, 2 * 16384 / 512);
	vssctl_disk_clear(&disk);
	image_free(&im);
}

static void reads_snapshots(void **state)
{
	static const uint32_t blocks[] = { 512, 1024, 4096 };
	struct model m;

	(void)state;
	for (size_t i = 0; i < COUNT(blocks); i++) {
		story(&m, blocks[i]);
		is_sound(&m, 3);
		clean(&m);
		is_sound(&m, 3);
		image_free(&m.im);
	}
}

/* The oldest has copies of its own and inherits, the newest hands down, all go. */
static void accounts_for_deletions(void **state)
{
	static const uint32_t orders[][3] = { { 1, 3, 4 }, { 4, 3, 1 }, { 3, 1, 4 }, { 3, 4, 1 } };

	(void)state;
	for (size_t o = 0; o < COUNT(orders); o++) {
		struct vssctl_disk disk;
		struct model m;

		story(&m, 512);
		for (size_t i = 0; i < 3; i++) {
			is_sound(&m, (unsigned int)(3 - i));
			gone(&m, orders[o][i], 0);
		}
		must_read(&m.im, &disk);
		assert_int_equal(disk.nr_problems, 0);
		assert_int_equal(disk.used_slots, 0);
		vssctl_disk_clear(&disk);
		image_free(&m.im);
	}
}

static void tells_lost_and_unfinished(void **state)
{
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	gone(&m, 1, 1);
	image_begin(&m.im, 5);
	image_snapshot(&m.im, 5, false);
	image_end(&m.im);
	must_read(&m.im, &disk);
	assert_int_equal(disk.nr_problems, 0);
	assert_int_equal(disk.nr_snapshots, 5);
	assert_int_equal(disk.snapshots[0].life, VSSCTL_DISK_LOST);
	assert_int_equal(disk.snapshots[0].lost_reason, 1);
	assert_int_equal(disk.snapshots[1].life, VSSCTL_DISK_DELETED);
	assert_int_equal(disk.snapshots[4].life, VSSCTL_DISK_UNFINISHED);
	assert_true(contents_right(&m, &disk));
	vssctl_disk_clear(&disk);

	/* The whole area is given up: said in both superblocks. */
	m.im.super.lost_reason = htole32(2);
	image_super(&m.im, VSS_DISK_LOST);
	image_super(&m.im, VSS_DISK_LOST);
	must_read(&m.im, &disk);
	assert_int_equal(count_alive(&disk), 0);
	assert_int_equal(disk.snapshots[3].lost_reason, 2);
	assert_int_equal(disk.used_slots, 0);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* A copy logged for a snapshot that is being deleted serves the next older one. */
static void hands_down_late_copies(void **state)
{
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	image_begin(&m.im, 4);
	image_event(&m.im, VSS_DISK_GONE, 4, 0);
	image_end(&m.im);
	m.alive[4] = false;
	/* Chunk 60 has a copy for 3, chunk 100 has none. */
	image_begin(&m.im, 4);
	image_copy(&m.im, 60, 1, m.next_slot++, m.version + 60);
	image_copy(&m.im, 100, 1, m.next_slot++, m.version + 100);
	image_end(&m.im);
	m.version[60]++;
	m.version[100]++;
	must_read(&m.im, &disk);
	assert_int_equal(disk.nr_problems, 0);
	assert_true(contents_right(&m, &disk));
	/* The slot of the copy that nobody needs is free. */
	assert_int_equal(disk.used_slots, 9 + 4 + 12 + 1 + 10 + 1);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

static void goes_on_in_the_other_half(void **state)
{
	struct vssctl_disk disk;
	struct found *known;
	struct model m;
	uint64_t first;

	(void)state;
	story(&m, 512);
	must_read(&m.im, &disk);
	image_switch(&m.im, 4);
	first = m.im.seq;
	image_begin(&m.im, 4);
	image_snapshot(&m.im, 1, true);
	image_snapshot(&m.im, 3, true);
	image_snapshot(&m.im, 4, true);
	image_end(&m.im);
	is_sound(&m, 3);

	/* Copies that are known, between them a new one. */
	known = calloc(1, sizeof(*known));
	assert_non_null(known);
	assert_int_equal(vssctl_disk_copies(&disk, see, known), 0);
	vssctl_disk_clear(&disk);
	for (uint32_t begin = 0; begin < CHUNKS; begin += 10) {
		image_begin(&m.im, 4);
		for (uint32_t c = begin; c < begin + 10; c++)
			for (uint32_t e = 1; e <= 4; e++)
				if (m.alive[e] && known->tag[e][c] == e)
					image_map(&m.im, c, 1, known->slot[e][c], e);
		image_end(&m.im);
		if (begin == 50)
			overwrite(&m, 30, 3);
		/* So far the first half counts, and this goes on behind it. */
		is_sound(&m, 3);
	}
	free(known);
	image_begin(&m.im, 4);
	image_event(&m.im, VSS_DISK_WHOLE, 0, 0);
	image_end(&m.im);
	is_sound(&m, 3);
	image_forget(&m.im, first);
	is_sound(&m, 3);
	overwrite(&m, 80, 5);
	gone(&m, 3, 0);
	is_sound(&m, 2);
	image_free(&m.im);
}

/* The last group may be there in part, in any part, or without its data. */
static void drops_what_was_not_flushed(void **state)
{
	struct vssctl_disk disk;
	uint8_t zero[512] = { 0 };
	struct model m;
	uint64_t index, mask;
	unsigned int blocks, i;

	(void)state;
	for (mask = 0; mask < 7; mask++) {
		story(&m, 512);
		index = m.im.index;
		image_begin(&m.im, 4);
		for (i = 0; i < 70; i++)
			image_copy(&m.im, 30, 1, VSS_DISK_UNREADABLE, NULL);
		blocks = image_end(&m.im);
		assert_int_equal(blocks, 3);
		for (i = 0; i < blocks; i++)
			if (!(mask & 1 << i))
				image_write(m.im.sources[0].fd, zero, sizeof(zero), image_log_byte(&m.im, 0, index + i));
		must_read(&m.im, &disk);
		assert_int_equal(disk.nr_problems, 0);
		assert_int_equal(count_alive(&disk), 3);
		assert_true(contents_right(&m, &disk));
		vssctl_disk_clear(&disk);
		image_free(&m.im);
	}

	story(&m, 512);
	image_begin(&m.im, 4);
	image_copy(&m.im, 30, 2, m.next_slot, m.version + 30);
	image_end(&m.im);
	image_write(m.im.sources[0].fd, zero, sizeof(zero), (m.next_slot + 1) * (uint64_t)CHUNK + 512);
	must_read(&m.im, &disk);
	assert_int_equal(disk.nr_problems, 0);
	assert_int_equal(disk.dropped_groups, 1);
	assert_int_equal(count_alive(&disk), 3);
	assert_true(contents_right(&m, &disk));
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* As a file system's block that ends with its own CRC-32C. */
static void self_checked(uint8_t block[CHUNK], int fill)
{
	uint32_t crc;

	memset(block, fill, CHUNK - sizeof(crc));
	crc = htole32(vssctl_crc32c(0, block, CHUNK - sizeof(crc)));
	memcpy(block + CHUNK - sizeof(crc), &crc, sizeof(crc));
}

/* The slot has another version of that block, from a copy made earlier: the power failed before its data came. */
static void tells_blocks_with_their_own_crc(void **state)
{
	struct vss_disk_copy copy = { .type = VSS_DISK_COPY, .nr = 1, .chunk_low = htole32(30) };
	uint8_t now[CHUNK], before[CHUNK];
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	self_checked(now, 1);
	self_checked(before, 2);
	assert_int_equal(vssctl_crc32c(0, now, CHUNK), vssctl_crc32c(0, before, CHUNK));
	story(&m, 512);
	copy.slot = htole32(m.next_slot);
	copy.hash = htole32((uint32_t)XXH64(now, CHUNK, 0));
	image_begin(&m.im, 4);
	image_entry(&m.im, &copy, sizeof(copy));
	image_end(&m.im);
	image_slot(&m.im, m.next_slot, before, CHUNK);
	must_read(&m.im, &disk);
	assert_int_equal(disk.dropped_groups, 1);
	vssctl_disk_clear(&disk);
	image_slot(&m.im, m.next_slot, now, CHUNK);
	must_read(&m.im, &disk);
	assert_int_equal(disk.dropped_groups, 0);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* What a group without data and entries is for: it tells that the last one is durable. */
static void a_witness_tells_a_hole(void **state)
{
	struct vssctl_disk disk;
	uint8_t zero[512] = { 0 };
	struct model m;
	uint64_t index;

	(void)state;
	story(&m, 512);
	index = m.im.index - 1;
	image_begin(&m.im, 4);
	image_end(&m.im);
	is_sound(&m, 3);
	image_write(m.im.sources[0].fd, zero, sizeof(zero), image_log_byte(&m.im, 0, index));
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_DAMAGE);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

static uint8_t *contents(const struct image *im, size_t *size)
{
	off_t end = lseek(im->sources[0].fd, 0, SEEK_END);
	uint8_t *data = malloc((size_t)end);

	assert_non_null(data);
	assert_int_equal(pread(im->sources[0].fd, data, (size_t)end, 0), end);
	*size = (size_t)end;
	return data;
}

enum harm { FLIP, ZERO, OLD };

/*
 * Harm every sector of superblocks and log of an area that was detached in order.
 * What is lost must be told, and what is not told must be right.
 */
static void corrupt_each_sector(enum harm harm, bool clean_state)
{
	uint8_t *old, *now;
	unsigned int told = 0, same = 0;
	struct vssctl_disk disk;
	struct model m;
	size_t size;
	uint64_t at;

	story(&m, 512);
	old = contents(&m.im, &size);
	overwrite(&m, 33, 3);
	gone(&m, 1, 0);
	image_super(&m.im, VSS_DISK_ACTIVE);
	overwrite(&m, 40, 3);
	if (clean_state) {
		clean(&m);
	} else {
		image_begin(&m.im, 4);
		image_end(&m.im);
	}
	now = contents(&m.im, &size);
	for (at = 0; at < (image_header_slots(&m.im) + 2 * LOG_SLOTS) * (uint64_t)CHUNK; at += 512) {
		uint8_t sector[512];

		memcpy(sector, harm == OLD ? old + at : now + at, sizeof(sector));
		if (harm == FLIP)
			sector[(at / 512) % 512] ^= (uint8_t)(1 << at / 512 % 8);
		else if (harm == ZERO)
			memset(sector, 0, sizeof(sector));
		image_write(m.im.sources[0].fd, sector, sizeof(sector), at);
		must_read(&m.im, &disk);
		if (disk.nr_problems) {
			told++;
		} else {
			same++;
			assert_int_equal(count_alive(&disk), 2);
		}
		/* With one of two superblocks harmed nothing is lost. */
		if (!disk.nr_problems || disk.worst == VSSCTL_DISK_NOTE)
			assert_true(contents_right(&m, &disk));
		vssctl_disk_clear(&disk);
		image_write(m.im.sources[0].fd, now + at, 512, at);
	}
	/* All of two superblocks (of which most is zero) and of the log, but for the empty group. */
	if (harm == OLD)
		assert_true(told >= 4);
	else
		assert_true(told >= (harm == FLIP ? 16 : 2) + m.im.index - !clean_state);
	assert_true(same > 0);
	free(old);
	free(now);
	image_free(&m.im);
}

static void detects_flipped_bits(void **state)
{
	(void)state;
	corrupt_each_sector(FLIP, true);
}

static void detects_zeroes(void **state)
{
	(void)state;
	corrupt_each_sector(ZERO, true);
}

static void detects_older_versions(void **state)
{
	(void)state;
	corrupt_each_sector(OLD, true);
}

/* As after a power cut: the empty group at the end is all that may go unnoticed. */
static void detects_harm_after_a_cut(void **state)
{
	(void)state;
	corrupt_each_sector(FLIP, false);
	corrupt_each_sector(ZERO, false);
	corrupt_each_sector(OLD, false);
}

static void detects_harm_in_copies(void **state)
{
	struct vssctl_disk disk;
	uint8_t byte;
	struct model m;
	uint64_t at;

	(void)state;
	story(&m, 512);
	clean(&m);
	at = image_first_slot(&m.im, 0) * (uint64_t)CHUNK + 100;
	assert_int_equal(pread(m.im.sources[0].fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	image_write(m.im.sources[0].fd, &byte, 1, at);
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_CONTENT);
	vssctl_disk_clear(&disk);
	/* Not looked at when that was not asked for. */
	assert_int_equal(vssctl_disk_read(&disk, m.im.sources, 1, false), 0);
	assert_int_equal(disk.nr_problems, 0);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* The second superblock is not the first one's successor any more. */
/* A checksum is of a whole run, and a half that was begun anew has none. */
static void tells_what_has_no_checksum(void **state)
{
	struct vssctl_disk disk;
	struct model m = { 0 };

	(void)state;
	image_new(&m.im, CHUNK, 512, VOLUME, SLOTS, LOG_SLOTS);
	m.next_slot = image_first_slot(&m.im, 0);
	take(&m, 1);
	overwrite(&m, 10, 4);
	assert_int_equal(vssctl_disk_read(&disk, m.im.sources, m.im.nr_parts, true), 0);
	assert_int_equal(disk.data_bare, 0);
	vssctl_disk_clear(&disk);

	/* Of these four the older one has two, and gets the others. */
	take(&m, 2);
	overwrite(&m, 12, 4);
	gone(&m, 2, 0);
	image_begin(&m.im, 1);
	image_map(&m.im, 30, 2, m.next_slot, 1);
	/* The volume's last chunk is shorter; of one that could not be read there is nothing. */
	image_map(&m.im, CHUNKS - 1, 1, m.next_slot + 2, 1);
	image_map(&m.im, 40, 1, VSS_DISK_UNREADABLE, 1);
	image_end(&m.im);
	assert_int_equal(vssctl_disk_read(&disk, m.im.sources, m.im.nr_parts, true), 0);
	assert_int_equal(disk.nr_problems, 0);
	assert_int_equal(disk.used_slots, 9);
	assert_int_equal(disk.data_bare, 5 * CHUNK - 1024);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

static void a_stale_superblock_is_told(void **state)
{
	struct vssctl_disk disk;
	uint8_t *old;
	struct model m;
	size_t size;

	(void)state;
	story(&m, 512);
	old = contents(&m.im, &size);
	image_super(&m.im, VSS_DISK_ACTIVE);
	image_super(&m.im, VSS_DISK_ACTIVE);
	overwrite(&m, 33, 3);
	/* Both as they were: the log knows better. */
	image_write(m.im.sources[0].fd, old, VSS_DISK_HEADER_SIZE, 0);
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_DAMAGE);
	vssctl_disk_clear(&disk);
	free(old);
	image_free(&m.im);
}

static void bears_truncation(void **state)
{
	struct vssctl_disk disk;
	struct model m;
	off_t size;

	(void)state;
	story(&m, 512);
	clean(&m);
	for (size = (off_t)SLOTS * CHUNK - 512; size >= 0; size -= 1536) {
		assert_int_equal(ftruncate(m.im.sources[0].fd, size), 0);
		must_read(&m.im, &disk);
		assert_true(disk.nr_problems);
		assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
		vssctl_disk_clear(&disk);
	}
	image_free(&m.im);
}

static void reads_several_parts(void **state)
{
	struct vssctl_disk_source swapped[2];
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	/* Grows: both halves of the log do. */
	image_add_part(&m.im, 100, LOG_SLOTS);
	image_super(&m.im, VSS_DISK_ACTIVE);
	image_super(&m.im, VSS_DISK_ACTIVE);
	m.next_slot = image_first_slot(&m.im, 1);
	while (m.im.index < m.im.half_blocks - 3) {
		image_begin(&m.im, 4);
		image_end(&m.im);
	}
	overwrite(&m, 75, 5);
	overwrite(&m, 20, 9);
	is_sound(&m, 3);
	clean(&m);
	is_sound(&m, 3);

	swapped[0] = m.im.sources[1];
	swapped[1] = m.im.sources[0];
	assert_int_equal(vssctl_disk_read(&disk, swapped, 2, true), 0);
	assert_int_equal(disk.nr_problems, 0);
	vssctl_disk_clear(&disk);
	assert_int_equal(vssctl_disk_read(&disk, m.im.sources, 1, true), 0);
	assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
	vssctl_disk_clear(&disk);
	assert_int_equal(vssctl_disk_read(&disk, m.im.sources + 1, 1, true), 0);
	assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
	vssctl_disk_clear(&disk);
	swapped[0] = m.im.sources[0];
	swapped[1] = m.im.sources[0];
	assert_int_equal(vssctl_disk_read(&disk, swapped, 2, true), 0);
	assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* Write the superblock of one part alone, as after a power failure between two. */
static void write_super(struct image *im, size_t part, uint64_t seq, enum vss_disk_state state)
{
	struct vss_disk_super super = im->super;

	super.seq = htole64(seq);
	super.state = htole32(state);
	super.lost_reason = htole32(state == VSS_DISK_LOST ? VSS_LOST_AREA_ERROR : 0);
	super.part_nr = htole32((uint32_t)part);
	super.crc = htole32(vssctl_disk_crc(&super, sizeof(super), offsetof(struct vss_disk_super, crc)));
	image_write(im->sources[part].fd, &super, sizeof(super), seq % 2 * VSS_DISK_SUPER_STRIDE);
}

static void grow(struct model *m)
{
	story(m, 512);
	image_add_part(&m->im, 100, LOG_SLOTS);
	image_super(&m->im, VSS_DISK_ACTIVE);
	image_super(&m->im, VSS_DISK_ACTIVE);
	m->next_slot = image_first_slot(&m->im, 1);
	overwrite(m, 75, 5);
}

/* What keeps it from being read is told, and not what came before and does no harm. */
static void tells_why_it_cannot_be_read(void **state)
{
	char name[] = "vssctl", path[64], *argv[] = { name, path, NULL };
	struct vssctl_args args = { .command = &vssctl_diff_area_check, .argc = 2, .argv = argv };
	struct vssctl ctl = { .print = &vssctl_print_text };
	size_t out_size, err_size;
	char *out, *err;
	struct model m;

	(void)state;
	grow(&m);
	clean(&m);
	/* The older one. */
	image_write(m.im.sources[0].fd, "damage", 6,
		    (le64toh(m.im.super.seq) + 1) % 2 * VSS_DISK_SUPER_STRIDE + 16);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", m.im.sources[0].fd);
	ctl.out = open_memstream(&out, &out_size);
	ctl.err = open_memstream(&err, &err_size);
	args.ctl = &ctl;
	assert_int_equal(args.command->run(&ctl, &args), VSSCTL_FAILURE);
	fclose(ctl.out);
	fclose(ctl.err);
	assert_non_null(strstr(out, "is damaged; the other one counts"));
	assert_non_null(strstr(err, "cannot be read: "));
	assert_non_null(strstr(err, "the area has 2 parts"));
	assert_null(strstr(err, "the other one counts"));
	free(out);
	free(err);
	image_free(&m.im);
}

/* It was added, and the power failed before the first part knew. */
static void leaves_out_what_was_not_added(void **state)
{
	struct vssctl_disk disk;
	struct model m;
	uint64_t half;

	(void)state;
	story(&m, 512);
	clean(&m);
	half = m.im.half_blocks;
	image_add_part(&m.im, 100, LOG_SLOTS);
	write_super(&m.im, 1, 1, VSS_DISK_ACTIVE);
	write_super(&m.im, 1, 2, VSS_DISK_ACTIVE);
	must_read(&m.im, &disk);
	assert_true(disk.known && disk.replayed);
	assert_int_equal(disk.nr_parts, 1);
	assert_int_equal(disk.half_blocks, half);
	assert_int_equal(disk.nr_problems, 1);
	assert_int_equal(disk.worst, VSSCTL_DISK_NOTE);
	vssctl_disk_clear(&disk);
	/* What it says of losses does not count. */
	write_super(&m.im, 1, 3, VSS_DISK_LOST);
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_NOTE);
	for (size_t i = 0; i < disk.nr_snapshots; i++)
		assert_int_not_equal(disk.snapshots[i].life, VSSCTL_DISK_LOST);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

/* Another part got its number afterwards. */
static void leaves_out_one_whose_number_is_taken(void **state)
{
	struct vssctl_disk_source sources[3];
	struct vssctl_disk disk;
	uint8_t name[VSS_DISK_UUID_SIZE];
	struct model m;
	int stranger;

	(void)state;
	grow(&m);
	stranger = memfd_create("stranger", MFD_CLOEXEC);
	assert_true(stranger >= 0);
	memcpy(sources, m.im.sources, sizeof(sources));
	memcpy(name, m.im.super.parts[1].uuid, sizeof(name));
	memset(m.im.super.parts[1].uuid, 0x77, sizeof(name));
	m.im.sources[1].fd = stranger;
	write_super(&m.im, 1, 1, VSS_DISK_ACTIVE);
	write_super(&m.im, 1, 2, VSS_DISK_ACTIVE);
	memcpy(m.im.super.parts[1].uuid, name, sizeof(name));
	m.im.sources[1] = sources[1];
	sources[2] = (struct vssctl_disk_source) { .fd = stranger, .name = "stranger" };
	for (int swapped = 0; swapped < 2; swapped++) {
		struct vssctl_disk_source first = sources[0];

		assert_int_equal(vssctl_disk_read(&disk, sources, 3, true), 0);
		assert_int_equal(disk.nr_parts, 2);
		assert_int_equal(disk.worst, VSSCTL_DISK_NOTE);
		vssctl_disk_clear(&disk);
		sources[0] = sources[2];
		sources[2] = first;
	}
	/* The first part is there, and it, but not the second one. */
	sources[1] = sources[2];
	assert_int_equal(vssctl_disk_read(&disk, sources, 2, true), 0);
	assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
	vssctl_disk_clear(&disk);
	close(stranger);
	image_free(&m.im);
}

/* The first part gets its superblock last. */
static void bears_a_cut_between_superblocks(void **state)
{
	static const char junk[512];
	struct model m;
	uint64_t seq;

	(void)state;
	grow(&m);
	is_sound(&m, 3);
	seq = le64toh(m.im.super.seq);
	write_super(&m.im, 1, seq + 1, VSS_DISK_ACTIVE);
	is_sound(&m, 3);
	/* One is damaged, of which part ever. */
	for (size_t part = 0; part < 2; part++) {
		struct vssctl_disk disk;

		image_free(&m.im);
		grow(&m);
		seq = le64toh(m.im.super.seq);
		image_write(m.im.sources[part].fd, junk, sizeof(junk), seq % 2 * VSS_DISK_SUPER_STRIDE);
		must_read(&m.im, &disk);
		assert_true(disk.known);
		/* Of the first one the log knows that it is not the newest. */
		assert_int_equal(disk.worst, part ? VSSCTL_DISK_NOTE : VSSCTL_DISK_DAMAGE);
		vssctl_disk_clear(&disk);
	}
	image_free(&m.im);
}

static void tells_parts_of_different_times(void **state)
{
	struct vssctl_disk disk;
	struct model m;
	uint64_t seq;

	(void)state;
	for (size_t older = 0; older < 2; older++) {
		grow(&m);
		seq = le64toh(m.im.super.seq);
		write_super(&m.im, !older, seq + 1, VSS_DISK_ACTIVE);
		write_super(&m.im, !older, seq + 2, VSS_DISK_ACTIVE);
		must_read(&m.im, &disk);
		assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
		assert_non_null(strstr(disk.problems[disk.nr_problems - 1].text, "older copy"));
		vssctl_disk_clear(&disk);
		image_free(&m.im);
	}
}

/* Whatever the others say. */
static void one_part_tells_a_loss(void **state)
{
	struct vssctl_disk disk;
	struct model m;
	uint64_t seq;

	(void)state;
	for (size_t part = 0; part < 2; part++) {
		size_t lost = 0;

		grow(&m);
		seq = le64toh(m.im.super.seq);
		write_super(&m.im, part, seq + 1, VSS_DISK_LOST);
		write_super(&m.im, part, seq + 2, VSS_DISK_LOST);
		must_read(&m.im, &disk);
		assert_true(disk.known);
		assert_int_equal(le32toh(disk.parts[0].super.state), VSS_DISK_LOST);
		for (size_t i = 0; i < disk.nr_snapshots; i++) {
			assert_int_not_equal(disk.snapshots[i].life, VSSCTL_DISK_ALIVE);
			lost += disk.snapshots[i].life == VSSCTL_DISK_LOST &&
				disk.snapshots[i].lost_reason == VSS_LOST_AREA_ERROR;
		}
		assert_int_equal(lost, 3);
		vssctl_disk_clear(&disk);
		image_free(&m.im);
	}
}

/* A number that there is no room for in the table of parts. */
static void refuses_a_part_too_far(void **state)
{
	static const uint32_t numbers[] = { 2, VSS_DISK_MAX_PARTS, 1000, UINT32_MAX };
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	image_add_part(&m.im, 100, LOG_SLOTS);
	image_super(&m.im, VSS_DISK_ACTIVE);
	image_super(&m.im, VSS_DISK_ACTIVE);
	is_sound(&m, 3);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct vss_disk_super copy = m.im.super;

		copy.part_nr = htole32(numbers[i]);
		copy.crc = htole32(vssctl_disk_crc(&copy, sizeof(copy), offsetof(struct vss_disk_super, crc)));
		image_write(m.im.sources[1].fd, &copy, sizeof(copy), le64toh(copy.seq) % 2 * VSS_DISK_SUPER_STRIDE);
		must_read(&m.im, &disk);
		assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
		vssctl_disk_clear(&disk);
	}
	image_free(&m.im);
}

/* Make an area that lies in two extents of a larger device of one that does not. */
static void spread(struct image *im, uint64_t first, uint64_t second, uint64_t bytes)
{
	struct vss_disk_extents block = {
		.magic = htole32(VSS_DISK_EXTENT_MAGIC),
		.nr = htole32(2),
		.extents = { { htole64(first), htole64(bytes + 1024) }, { htole64(second), htole64(4096 * CHUNK) } },
	};
	int fd = memfd_create("device", MFD_CLOEXEC);
	uint8_t *data;
	size_t size;

	assert_true(fd >= 0);
	memcpy(block.uuid, im->super.parts[0].uuid, sizeof(block.uuid));
	block.crc = htole32(vssctl_disk_crc(&block, sizeof(block), offsetof(struct vss_disk_extents, crc)));
	data = contents(im, &size);
	image_write(fd, data, bytes, first);
	image_write(fd, data + bytes, size - bytes, second);
	for (unsigned int copy = 0; copy < 2; copy++)
		image_write(fd, &block, sizeof(block), first + copy * VSS_DISK_SUPER_STRIDE + 4096);
	assert_int_equal(ftruncate(fd, (off_t)(second + 4096 * CHUNK)), 0);
	free(data);
	close(im->sources[0].fd);
	im->sources[0].fd = fd;
	im->sources[0].offset = first;
	im->super.nr_extents = htole32(2);
	image_super(im, VSS_DISK_ACTIVE);
}

static void reads_a_file_by_its_extents(void **state)
{
	uint8_t zero[512] = { 0 };
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	spread(&m.im, 300 * CHUNK, 20 * CHUNK, 40 * CHUNK);
	must_read(&m.im, &disk);
	/* One of the two superblocks still says that it is a device. */
	assert_true(!disk.nr_problems || disk.worst == VSSCTL_DISK_NOTE);
	assert_int_equal(count_alive(&disk), 3);
	assert_true(contents_right(&m, &disk));
	assert_int_equal(disk.parts[0].nr_extents, 2);
	vssctl_disk_clear(&disk);

	image_write(m.im.sources[0].fd, zero, sizeof(zero), 301 * CHUNK);
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_NOTE);
	assert_true(contents_right(&m, &disk));
	vssctl_disk_clear(&disk);
	image_write(m.im.sources[0].fd, zero, sizeof(zero), 301 * CHUNK + VSS_DISK_SUPER_STRIDE);
	must_read(&m.im, &disk);
	assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
	vssctl_disk_clear(&disk);
	image_free(&m.im);
}

static void refuses_unknown_features(void **state)
{
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	story(&m, 512);
	m.im.super.compat = htole64(1ULL << 40);
	image_super(&m.im, VSS_DISK_ACTIVE);
	is_sound(&m, 3);
	/* It may be read, but the module will not write there. */
	m.im.super.ro_compat = htole64(1ULL << 41);
	image_super(&m.im, VSS_DISK_ACTIVE);
	must_read(&m.im, &disk);
	assert_int_equal(disk.nr_problems, 1);
	assert_int_equal(disk.worst, VSSCTL_DISK_NOTE);
	assert_true(contents_right(&m, &disk));
	vssctl_disk_clear(&disk);
	/* One that is not known, or without what always is. */
	for (int i = 0; i < 2; i++) {
		m.im.super.incompat = i ? 0 : htole64(VSS_DISK_INCOMPAT_ALL | 1ULL << 42);
		image_super(&m.im, VSS_DISK_ACTIVE);
		must_read(&m.im, &disk);
		assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
		vssctl_disk_clear(&disk);
	}
	image_free(&m.im);
}

/* With right checksums, as the module refuses it. */
static void refuses_unknown_states(void **state)
{
	struct vssctl_disk disk;
	struct model m;

	(void)state;
	for (int i = 0; i < 2; i++) {
		story(&m, 512);
		image_super(&m.im, i ? VSS_DISK_LOST + 1 : 0);
		must_read(&m.im, &disk);
		assert_int_equal(disk.worst, VSSCTL_DISK_UNREADABLE);
		vssctl_disk_clear(&disk);
		image_free(&m.im);
	}
}

/* @level of the only problem, -1 for none. */
static void must_tell_revert(struct model *m, int level)
{
	struct vssctl_disk disk;

	must_read(&m->im, &disk);
	assert_int_equal(disk.nr_problems, level >= 0);
	if (level >= 0)
		assert_int_equal(disk.worst, level);
	assert_true(contents_right(m, &disk));
	vssctl_disk_clear(&disk);
}

/* The record of a revert has checksums as well: of itself, and of heads. */
static void tells_a_damaged_revert(void **state)
{
	struct vssctl_wish wish = { .time = 1 };
	struct model m;
	int fd;

	(void)state;
	story(&m, 512);
	fd = m.im.sources[0].fd;
	for (uint32_t i = VSS_DISK_REVERT_WANTED; i <= VSS_DISK_REVERT_ENDED; i++) {
		bool heads = i == VSS_DISK_REVERT_WRITING || i == VSS_DISK_REVERT_HEAD;
		uint8_t byte;

		assert_int_equal(vssctl_wish_clear(fd), 0);
		wish.state = i;
		memset(wish.old_head, (int)i, sizeof(wish.old_head));
		memset(wish.new_head, (int)i + 1, sizeof(wish.new_head));
		assert_int_equal(vssctl_wish_write(fd, m.im.super.area, &wish), 0);
		must_tell_revert(&m, -1);
		byte = (uint8_t)~i;
		image_write(fd, &byte, 1, VSS_DISK_REVERT_OLD_AT + 100);
		must_tell_revert(&m, heads ? VSSCTL_DISK_NOTE : -1);
		byte = (uint8_t)i;
		image_write(fd, &byte, 1, VSS_DISK_REVERT_OLD_AT + 100);
		must_tell_revert(&m, -1);
		byte = 0xff;
		image_write(fd, &byte, 1, VSS_DISK_REVERT_AT + offsetof(struct vss_disk_revert, snapshot));
		must_tell_revert(&m, VSSCTL_DISK_NOTE);
	}
	image_free(&m.im);
}

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 8;
}

/* Make the checksum of what was changed right again, so that it is read as what it says. */
static void mend(struct image *im, uint64_t at)
{
	uint8_t block[4096];
	uint32_t crc;

	if (at < VSS_DISK_HEADER_SIZE) {
		at -= at % VSS_DISK_SUPER_STRIDE;
		assert_int_equal(pread(im->sources[0].fd, block, 4096, (off_t)at), 4096);
		crc = htole32(vssctl_disk_crc(block, 4096, offsetof(struct vss_disk_super, crc)));
		image_write(im->sources[0].fd, &crc, 4, at + offsetof(struct vss_disk_super, crc));
	} else {
		at -= at % im->log_block;
		assert_int_equal(pread(im->sources[0].fd, block, im->log_block, (off_t)at), im->log_block);
		crc = htole32(vssctl_disk_crc(block, im->log_block, offsetof(struct vss_disk_log, crc)));
		image_write(im->sources[0].fd, &crc, 4, at + offsetof(struct vss_disk_log, crc));
	}
}

/* Made by somebody who means harm: right checksums over nonsense.  It must end, and in order. */
static void bears_nonsense(void **state)
{
	uint8_t *now;
	struct vssctl_disk disk;
	struct model m;
	uint32_t seed = 1;
	size_t size;

	(void)state;
	story(&m, 512);
	clean(&m);
	now = contents(&m.im, &size);
	for (unsigned int round = 0; round < 3000; round++) {
		unsigned int changes = 1 + rnd(&seed) % 4;

		while (changes--) {
			/* Superblocks without their zeroes, or the log that there is. */
			uint64_t at = rnd(&seed) % 3 ? image_log_byte(&m.im, 0, 0) + rnd(&seed) % (m.im.index * 512) :
				rnd(&seed) % 2 * VSS_DISK_SUPER_STRIDE + rnd(&seed) % 320;
			uint8_t byte = rnd(&seed) % 2 ? (uint8_t)rnd(&seed) : (uint8_t)-(rnd(&seed) % 2);

			image_write(m.im.sources[0].fd, &byte, 1, at);
			mend(&m.im, at);
		}
		must_read(&m.im, &disk);
		assert_int_equal(vssctl_disk_copies(&disk, see, &(struct found) { 0 }), 0);
		vssctl_disk_clear(&disk);
		image_write(m.im.sources[0].fd, now, size, 0);
	}
	is_sound(&m, 3);
	free(now);
	image_free(&m.im);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums),
		cmocka_unit_test(reads_an_empty_area),
		cmocka_unit_test(reads_snapshots),
		cmocka_unit_test(accounts_for_deletions),
		cmocka_unit_test(tells_lost_and_unfinished),
		cmocka_unit_test(hands_down_late_copies),
		cmocka_unit_test(goes_on_in_the_other_half),
		cmocka_unit_test(drops_what_was_not_flushed),
		cmocka_unit_test(tells_blocks_with_their_own_crc),
		cmocka_unit_test(a_witness_tells_a_hole),
		cmocka_unit_test(detects_flipped_bits),
		cmocka_unit_test(detects_zeroes),
		cmocka_unit_test(detects_older_versions),
		cmocka_unit_test(detects_harm_after_a_cut),
		cmocka_unit_test(detects_harm_in_copies),
		cmocka_unit_test(tells_what_has_no_checksum),
		cmocka_unit_test(a_stale_superblock_is_told),
		cmocka_unit_test(bears_truncation),
		cmocka_unit_test(reads_several_parts),
		cmocka_unit_test(tells_why_it_cannot_be_read),
		cmocka_unit_test(leaves_out_what_was_not_added),
		cmocka_unit_test(leaves_out_one_whose_number_is_taken),
		cmocka_unit_test(bears_a_cut_between_superblocks),
		cmocka_unit_test(tells_parts_of_different_times),
		cmocka_unit_test(one_part_tells_a_loss),
		cmocka_unit_test(refuses_a_part_too_far),
		cmocka_unit_test(reads_a_file_by_its_extents),
		cmocka_unit_test(refuses_unknown_features),
		cmocka_unit_test(refuses_unknown_states),
		cmocka_unit_test(tells_a_damaged_revert),
		cmocka_unit_test(bears_nonsense),
	};

	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * full-area: a persistent diff area with many copied chunks, as a crash leaves it.
 *
 *   full-area [--snapshots N] [--hot N] [--map] DEV VOLUME-BYTES CHUNKS
 *
 * Makes DEV an area for a volume of that size, chunks of 4096 bytes, with CHUNKS copies of
 * zeroes, an entry for each: no two chunks that follow each other in the log are adjacent.
 * They belong to N (1) snapshots.  With --hot only so many chunks of the volume were
 * copied, in one snapshot after the other.  With --map the log is what a change of its
 * halves leaves, with the copies of all snapshots mixed: else each snapshot is told before
 * its copies.  Nothing is written to the slots: DEV must read as zeroes there.
 *
 *   full-area --read DEV
 *
 * Reads all of the log's first half and checks it by its checksums: what a reader cannot
 * do without.
 *
 * Prints as words NAME=VALUE what there is then: blocks, and bytes of a half.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tool.h"

#include "disk-make.h"

#define CHUNK		4096U
#define BLOCK		VSS_DISK_MIN_LOG_BLOCK
#define HEADER_SLOTS	(VSS_DISK_HEADER_SIZE / CHUNK)
#define SLOT_BYTES	40U	/* of a half, for each slot: what the module's areas have */
#define MIN_HALF	262144U
#define GROUP_BLOCKS	128U
#define GROUP_BYTES	(GROUP_BLOCKS * BLOCK)
#define BLOCK_UNITS	((BLOCK - sizeof(struct vss_disk_log)) / VSS_DISK_UNIT)
#define SUPER_SEQ	2U

#define die(...)	die_with(1, __VA_ARGS__)

struct area {
	int fd;
	uint8_t name;
	uint64_t seq;			/* of the block that is being filled */
	uint32_t epoch;			/* tag of its copies */
	unsigned int units;		/* in it */
	unsigned int nr;		/* blocks of the group before it */
	uint64_t first;			/* of the group */
	uint8_t group[GROUP_BYTES];
};

static struct vss_disk_log *block_at(struct area *a, unsigned int n)
{
	return (struct vss_disk_log *)(a->group + (size_t)n * BLOCK);
}

static void end_block(struct area *a)
{
	struct vss_disk_log head = disk_log_head(a->name, a->seq, a->first, a->first, SUPER_SEQ);

	head.epoch = htole32(a->epoch);
	head.units = htole16((uint16_t)a->units);
	memcpy(block_at(a, a->nr), &head, sizeof(head));
	a->seq++;
	a->nr++;
	a->units = 0;
}

static void end_group(struct area *a)
{
	if (a->units)
		end_block(a);
	if (!a->nr)
		return;
	block_at(a, a->nr - 1)->flags = htole16(VSS_DISK_LOG_END);
	for (unsigned int i = 0; i < a->nr; i++)
		block_at(a, i)->crc = htole32(crc32c(block_at(a, i), BLOCK));
	disk_write(a->fd, a->group, (size_t)a->nr * BLOCK,
		   VSS_DISK_HEADER_SIZE + (a->first - 1) * BLOCK);
	memset(a->group, 0, sizeof(a->group));
	a->first = a->seq;
	a->nr = 0;
}

static void put(struct area *a, const void *entry, size_t size)
{
	unsigned int units = (unsigned int)(size / VSS_DISK_UNIT);

	if (a->units + units > BLOCK_UNITS)
		end_block(a);
	if (a->nr == GROUP_BLOCKS)
		end_group(a);
	memcpy((uint8_t *)(block_at(a, a->nr) + 1) + (size_t)a->units * VSS_DISK_UNIT, entry, size);
	a->units += units;
}

static void put_snapshot(struct area *a, uint32_t epoch)
{
	struct vss_disk_snapshot snap = disk_snapshot(epoch, true);

	/* The tag of copies is their block's. */
	if (a->units)
		end_block(a);
	if (a->nr == GROUP_BLOCKS)
		end_group(a);
	a->epoch = epoch;
	put(a, &snap, sizeof(snap));
}

static uint64_t half_bytes(uint64_t slots)
{
	uint64_t bytes = slots * SLOT_BYTES;

	if (bytes < MIN_HALF)
		bytes = MIN_HALF;
	return (bytes + CHUNK - 1) / CHUNK * CHUNK;
}

static void make(const char *path, uint64_t volume, uint64_t chunks, uint32_t snapshots, uint64_t hot,
		 bool map)
{
	static const uint8_t zeroes[CHUNK];
	static struct area a = { .seq = 1, .first = 1 };
	uint64_t slots = chunks, places = volume / CHUNK, half;
	uint32_t hash = (uint32_t)XXH64(zeroes, sizeof(zeroes), 0);

	/* The log's own slots count for its length too. */
	while (slots < chunks + HEADER_SLOTS + 2 * half_bytes(slots) / CHUNK)
		slots += 1 + chunks / 64;
	half = half_bytes(slots);
	if (!chunks || !snapshots || snapshots > VSS_DISK_MAX_SNAPSHOTS || !hot || hot > places ||
	    (chunks + hot - 1) / hot > snapshots || slots > UINT32_MAX || places & (places - 1))
		die("that is no area: %llu chunks, %u snapshots, %llu different ones of %llu (a power of two)",
		    (unsigned long long)chunks, snapshots, (unsigned long long)hot, (unsigned long long)places);
	a.fd = open(path, O_WRONLY | O_CLOEXEC);
	if (a.fd < 0)
		die("%s: %m", path);
	a.name = (uint8_t)getpid();
	for (uint32_t epoch = 1; map && epoch <= snapshots; epoch++)
		put_snapshot(&a, epoch);
	for (uint64_t i = 0; i < chunks; i++) {
		/* Each snapshot has a run of these; an odd factor misses no place. */
		uint32_t tag = (uint32_t)(i * snapshots / chunks) + 1;
		uint64_t n = i, chunk;
		struct vss_disk_copy copy = { .type = VSS_DISK_COPY, .nr = 1 };

		if (map) {
			/* Likewise, in an order that has nothing to do with the tags. */
			n = i * 0x9e3779b1 % chunks;
			tag = (uint32_t)(n * snapshots / chunks) + 1;
			copy.type = VSS_DISK_MAP;
			copy.tag = htole32(tag);
		} else {
			if (tag != a.epoch)
				put_snapshot(&a, tag);
			copy.hash = htole32(hash);
		}
		chunk = n % hot * 0x9e3779b1 & (places - 1);
		copy.chunk_low = htole32((uint32_t)chunk);
		copy.chunk_high = htole16((uint16_t)(chunk >> 32));
		copy.slot = htole32((uint32_t)(slots - chunks + n));
		put(&a, &copy, sizeof(copy));
	}
	end_group(&a);
	if ((a.seq - 1) * BLOCK > half)
		die("the log is too long");
	/* An empty group bears witness for the last: all was durable. */
	end_block(&a);
	end_group(&a);
	disk_write_supers(a.fd, a.name, CHUNK, (uint32_t)slots, (uint32_t)(half / CHUNK), volume, SUPER_SEQ);
	if (fsync(a.fd) || close(a.fd))
		die("%s: %m", path);
	printf("blocks=%llu half=%llu slots=%llu\n", (unsigned long long)a.seq - 1, (unsigned long long)half,
	       (unsigned long long)slots);
}

static void read_log(const char *path)
{
	static uint8_t super[sizeof(struct vss_disk_super)], piece[GROUP_BYTES];
	const struct vss_disk_super *s = (const void *)super;
	uint64_t half, blocks = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, super, sizeof(super), 0) != (ssize_t)sizeof(super))
		die("%s: %m", path);
	half = (uint64_t)le32toh(s->parts[0].log_slots) * CHUNK;
	for (uint64_t at = 0; at < half; at += sizeof(piece)) {
		ssize_t n = pread(fd, piece, sizeof(piece), (off_t)(VSS_DISK_HEADER_SIZE + at));

		if (n < (ssize_t)BLOCK)
			die("%s: %m", path);
		for (ssize_t b = 0; b + BLOCK <= n && at + (uint64_t)b < half; b += BLOCK) {
			struct vss_disk_log *head = (struct vss_disk_log *)(piece + b);
			uint32_t crc = le32toh(head->crc);

			if (le32toh(head->magic) != VSS_DISK_LOG_MAGIC)
				continue;
			head->crc = 0;
			if (crc32c(head, BLOCK) != crc)
				die("block at byte %llu is not right", (unsigned long long)(at + (uint64_t)b));
			blocks++;
		}
	}
	close(fd);
	printf("blocks=%llu half=%llu\n", (unsigned long long)blocks, (unsigned long long)half);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "snapshots", required_argument, NULL, 's' },
		{ "hot", required_argument, NULL, 'h' },
		{ "map", no_argument, NULL, 'm' },
		{ "read", no_argument, NULL, 'r' },
		{ 0 },
	};
	uint64_t hot = 0, chunks;
	uint32_t snapshots = 1;
	bool map = false, reading = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's': snapshots = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'h': hot = strtoull(optarg, NULL, 10); break;
		case 'm': map = true; break;
		case 'r': reading = true; break;
		default: return 2;
		}
	}
	if (reading && argc - optind == 1) {
		read_log(argv[optind]);
		return 0;
	}
	if (reading || argc - optind != 3) {
		fputs("usage: full-area [--snapshots N] [--hot N] [--map] DEV VOLUME-BYTES CHUNKS\n"
		      "       full-area --read DEV\n", stderr);
		return 2;
	}
	chunks = strtoull(argv[optind + 2], NULL, 10);
	make(argv[optind], strtoull(argv[optind + 1], NULL, 10), chunks, snapshots, hot ? hot : chunks, map);
	return 0;
}

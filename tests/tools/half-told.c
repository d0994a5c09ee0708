// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * half-told DEV VOLUME-BYTES: makes DEV a persistent diff area, chunks of 16 KiB, for a
 * volume of that size, as a crash leaves it in the middle of a change of the log's halves
 * while there was much to write: the new half is full by four fifths and does not tell
 * everything yet.  It has two snapshots without copies; the set of the second was never
 * complete.
 */
#include <endian.h>
#include <fcntl.h>
#include <linux/vss_disk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK		16384U
#define BLOCK		512U
#define SLOTS		512U
#define LOG_SLOTS	16U	/* 256 KiB, the least there is */
#define HALF_BLOCKS	(LOG_SLOTS * CHUNK / BLOCK)
#define SUPER_SEQ	2U

static int dev;
static uint64_t seq = 1;
static unsigned int half, at;

static uint32_t crc32c(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	while (size--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void put(const void *data, size_t size, uint64_t byte)
{
	if (pwrite(dev, data, size, (off_t)byte) != (ssize_t)size) {
		perror("half-told: cannot write");
		exit(EXIT_FAILURE);
	}
}

static void put_super(uint64_t nr, uint64_t volume)
{
	struct vss_disk_super super = {
		.magic = VSS_DISK_MAGIC,
		.size = htole32(sizeof(super)),
		.seq = htole64(nr),
		.nr_parts = htole32(1),
		.chunk_size = htole32(CHUNK),
		.log_block = htole32(BLOCK),
		.volume_size = htole64(volume),
		.state = htole32(VSS_DISK_ACTIVE),
		.log_first = htole64(1),
		.parts[0] = { .slots = htole32(SLOTS), .log_slots = htole32(LOG_SLOTS) },
	};

	memset(super.area, 0x5a, sizeof(super.area));
	/* Another boot than this one. */
	memset(super.boot, 0xb0, sizeof(super.boot));
	memset(super.parts[0].uuid, 0xa0, sizeof(super.parts[0].uuid));
	super.crc = htole32(crc32c(&super, sizeof(super)));
	put(&super, sizeof(super), nr % VSS_DISK_NR_SUPERS * VSS_DISK_SUPER_STRIDE);
}

/* A group of one block with these entries. */
static void put_group(const void *entries, size_t size)
{
	union {
		struct vss_disk_log head;
		uint8_t bytes[BLOCK];
	} block = {
		.head = {
			.magic = htole32(VSS_DISK_LOG_MAGIC),
			.seq = htole64(seq),
			.first = htole64(seq),
			.flushed = htole64(seq),
			.super_seq = htole64(SUPER_SEQ),
			.units = htole16((uint16_t)(size / VSS_DISK_UNIT)),
			.flags = htole16(VSS_DISK_LOG_END),
		},
	};

	memset(block.head.area, 0x5a, sizeof(block.head.area));
	if (size)
		memcpy(block.bytes + sizeof(block.head), entries, size);
	block.head.crc = htole32(crc32c(&block, sizeof(block)));
	put(&block, sizeof(block), VSS_DISK_HEADER_SIZE + ((uint64_t)half * HALF_BLOCKS + at) * BLOCK);
	seq++;
	at++;
}

int main(int argc, char **argv)
{
	const struct vss_disk_event change = { .type = VSS_DISK_SWITCH };
	struct vss_disk_snapshot snaps[2] = { 0 };
	uint64_t volume;

	if (argc != 3) {
		fputs("usage: half-told DEV VOLUME-BYTES\n", stderr);
		return 2;
	}
	volume = strtoull(argv[2], NULL, 10);
	dev = open(argv[1], O_WRONLY | O_SYNC);
	if (dev < 0) {
		perror("half-told: cannot open the device");
		return EXIT_FAILURE;
	}
	for (unsigned int i = 0; i < 2; i++) {
		snaps[i].type = VSS_DISK_SNAPSHOT;
		snaps[i].flags = htole16(i ? 0 : VSS_DISK_SNAPSHOT_SEALED);
		snaps[i].epoch = htole32(i + 1);
		snaps[i].time = htole64(UINT64_C(1700000000000000000) + i);
		snaps[i].members = htole32(1);
		memset(snaps[i].uuid, (int)i + 1, sizeof(snaps[i].uuid));
		memset(snaps[i].set, (int)i + 0x81, sizeof(snaps[i].set));
	}
	put_super(1, volume);
	put_super(SUPER_SEQ, volume);
	put_group(snaps, sizeof(snaps));
	put_group(&change, sizeof(change));
	half = 1;
	at = 0;
	put_group(snaps, sizeof(snaps));
	while (at < HALF_BLOCKS / 5 * 4)
		put_group(NULL, 0);
	return close(dev) ? EXIT_FAILURE : EXIT_SUCCESS;
}

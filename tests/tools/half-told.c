// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * half-told DEV VOLUME-BYTES: makes DEV a persistent diff area, chunks of 16 KiB, for a
 * volume of that size, as a crash leaves it in the middle of a change of the log's halves
 * while there was much to write: the new half is full by four fifths and does not tell
 * everything yet.  It has two snapshots without copies; the set of the second was never
 * complete.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#include "disk-make.h"

#define CHUNK		16384U
#define BLOCK		VSS_DISK_MIN_LOG_BLOCK
#define SLOTS		512U
#define LOG_SLOTS	16U	/* 256 KiB, the least there is */
#define HALF_BLOCKS	(LOG_SLOTS * CHUNK / BLOCK)
#define SUPER_SEQ	2U
#define AREA		0x5a

static int dev;
static uint64_t seq = 1;
static unsigned int half, at;

/* A group of one block with these entries. */
static void put_group(const void *entries, size_t size)
{
	union {
		struct vss_disk_log head;
		uint8_t bytes[BLOCK];
	} block = { .head = disk_log_head(AREA, seq, seq, seq, SUPER_SEQ) };

	block.head.units = htole16((uint16_t)(size / VSS_DISK_UNIT));
	block.head.flags = htole16(VSS_DISK_LOG_END);
	if (size)
		memcpy(block.bytes + sizeof(block.head), entries, size);
	block.head.crc = htole32(crc32c(&block, sizeof(block)));
	disk_write(dev, &block, sizeof(block),
		   VSS_DISK_HEADER_SIZE + ((uint64_t)half * HALF_BLOCKS + at) * BLOCK);
	seq++;
	at++;
}

int main(int argc, char **argv)
{
	const struct vss_disk_event change = { .type = VSS_DISK_SWITCH };
	const struct vss_disk_snapshot snaps[2] = { disk_snapshot(1, true), disk_snapshot(2, false) };
	uint64_t volume;

	if (argc != 3) {
		fputs("usage: half-told DEV VOLUME-BYTES\n", stderr);
		return 2;
	}
	volume = strtoull(argv[2], NULL, 10);
	dev = open(argv[1], O_WRONLY | O_SYNC);
	if (dev < 0)
		die_with(1, "%s: %m", argv[1]);
	disk_write_supers(dev, AREA, CHUNK, SLOTS, LOG_SLOTS, volume, SUPER_SEQ);
	put_group(snaps, sizeof(snaps));
	put_group(&change, sizeof(change));
	half = 1;
	at = 0;
	put_group(snaps, sizeof(snaps));
	while (at < HALF_BLOCKS / 5 * 4)
		put_group(NULL, 0);
	return close(dev) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs have in common that write persistent diff areas without the module, from
 * linux/vss_disk.h and Documentation/disk-format.md alone.  To be included after tool.h.
 */
#ifndef TESTS_DISK_MAKE_H
#define TESTS_DISK_MAKE_H

#include <endian.h>
#include <linux/vss_disk.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* CRC-32C of some bytes behind those that gave @crc; begun and ended with all ones. */
static inline uint32_t crc32c_more(uint32_t crc, const void *data, size_t size)
{
	static uint32_t table[256];
	const uint8_t *p = data;

	for (uint32_t n = 0; !table[255] && n < 256; n++) {
		uint32_t c = n;

		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		table[n] = c;
	}
	while (size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

static inline uint32_t crc32c(const void *data, size_t size)
{
	return ~crc32c_more(UINT32_MAX, data, size);
}

static inline void disk_write(int fd, const void *data, size_t size, uint64_t byte)
{
	if (pwrite(fd, data, size, (off_t)byte) != (ssize_t)size)
		die_with(1, "cannot write at byte %llu: %m", (unsigned long long)byte);
}

/*
 * Both superblocks of an area of one part, in use and written in another boot than this.
 * @area: what its name consists of; of two on the same device it must not be the same, or
 * the older log bears witness in the newer.
 */
static inline void disk_write_supers(int fd, uint8_t area, uint32_t chunk_size, uint32_t slots, uint32_t log_slots,
				     uint64_t volume, uint64_t seq)
{
	struct vss_disk_super super = {
		.magic = VSS_DISK_MAGIC,
		.size = htole32(sizeof(super)),
		.incompat = htole64(VSS_DISK_INCOMPAT_ALL),
		.nr_parts = htole32(1),
		.chunk_size = htole32(chunk_size),
		.log_block = htole32(VSS_DISK_MIN_LOG_BLOCK),
		.volume_size = htole64(volume),
		.state = htole32(VSS_DISK_ACTIVE),
		.log_first = htole64(1),
		.parts[0] = { .slots = htole32(slots), .log_slots = htole32(log_slots) },
	};

	memset(super.area, area, sizeof(super.area));
	memset(super.boot, 0xb0, sizeof(super.boot));
	memset(super.parts[0].uuid, 0xa0, sizeof(super.parts[0].uuid));
	for (uint64_t nr = seq - 1; nr <= seq; nr++) {
		super.seq = htole64(nr);
		super.crc = 0;
		super.crc = htole32(crc32c(&super, sizeof(super)));
		disk_write(fd, &super, sizeof(super), nr % VSS_DISK_NR_SUPERS * VSS_DISK_SUPER_STRIDE);
	}
}

/* A snapshot whose set is complete, or not. */
static inline struct vss_disk_snapshot disk_snapshot(uint32_t epoch, bool sealed)
{
	struct vss_disk_snapshot snap = {
		.type = VSS_DISK_SNAPSHOT,
		.flags = htole16(sealed ? VSS_DISK_SNAPSHOT_SEALED : 0),
		.epoch = htole32(epoch),
		.time = htole64(UINT64_C(1700000000000000000) + epoch),
		.members = htole32(1),
	};

	memset(snap.uuid, 1, sizeof(snap.uuid));
	memset(snap.set, 0x81, sizeof(snap.set));
	memcpy(snap.uuid, &snap.epoch, sizeof(snap.epoch));
	memcpy(snap.set, &snap.epoch, sizeof(snap.epoch));
	return snap;
}

/* The head of a log block. */
static inline struct vss_disk_log disk_log_head(uint8_t area, uint64_t seq, uint64_t first,
						uint64_t flushed, uint64_t super_seq)
{
	struct vss_disk_log head = {
		.magic = htole32(VSS_DISK_LOG_MAGIC),
		.seq = htole64(seq),
		.first = htole64(first),
		.flushed = htole64(flushed),
		.super_seq = htole64(super_seq),
	};

	memset(head.area, area, sizeof(head.area));
	return head;
}

#endif /* TESTS_DISK_MAKE_H */

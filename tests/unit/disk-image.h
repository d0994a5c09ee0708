/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes diff areas as Documentation/disk-format.md describes them, into files in
 * memory: something for the reader to read where there is no kernel module.
 *
 * A group is begun with image_begin(), filled, and ended with image_end().  Copies
 * get content that can be told from their chunk and version.
 */
#ifndef TESTS_DISK_IMAGE_H
#define TESTS_DISK_IMAGE_H

#include <endian.h>
#include <linux/vss_disk.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "disk-hash.h"

#define IMAGE_GROUP_BYTES	65536

struct image {
	struct vssctl_disk_source sources[4];
	size_t nr_parts;
	struct vss_disk_super super;
	uint64_t half_blocks;
	unsigned int half;
	uint64_t index;
	uint64_t seq;
	uint64_t flushed;
	uint32_t epoch;			/* tag of the copies of the group */
	uint32_t log_block;
	uint32_t chunk_size;
	uint8_t group[IMAGE_GROUP_BYTES];	/* its entries */
	size_t group_size;
};

static inline void image_write(int fd, const void *data, size_t size, uint64_t at)
{
	assert_int_equal(pwrite(fd, data, size, (off_t)at), size);
}

static inline uint32_t image_header_slots(const struct image *im)
{
	return (VSS_DISK_HEADER_SIZE + im->chunk_size - 1) / im->chunk_size;
}

/* First slot of a part for copies. */
static inline uint32_t image_first_slot(const struct image *im, size_t part)
{
	uint32_t base = 0;

	for (size_t i = 0; i < part; i++)
		base += le32toh(im->super.parts[i].slots);
	return base + image_header_slots(im) + 2 * le32toh(im->super.parts[part].log_slots);
}

/* Write a superblock to all parts. */
static inline void image_super(struct image *im, enum vss_disk_state state)
{
	struct vss_disk_super *s = &im->super;

	s->seq = htole64(le64toh(s->seq) + 1);
	s->state = htole32(state);
	s->log_end = htole64(state == VSS_DISK_CLEAN ? im->seq : 0);
	s->nr_parts = htole32((uint32_t)im->nr_parts);
	for (size_t i = 0; i < im->nr_parts; i++) {
		struct vss_disk_super copy = *s;

		copy.part_nr = htole32((uint32_t)i);
		copy.crc = htole32(vssctl_disk_crc(&copy, sizeof(copy), offsetof(struct vss_disk_super, crc)));
		image_write(im->sources[i].fd, &copy, sizeof(copy), im->sources[i].offset +
			    le64toh(copy.seq) % 2 * VSS_DISK_SUPER_STRIDE);
	}
}

static inline void image_add_part(struct image *im, uint32_t slots, uint32_t log_slots)
{
	size_t nr = im->nr_parts++;
	int fd = memfd_create("part", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)slots * im->chunk_size), 0);
	im->sources[nr] = (struct vssctl_disk_source) { .fd = fd, .name = nr ? "part 1" : "part 0" };
	memset(im->super.parts[nr].uuid, (int)(0xa0 + nr), VSS_DISK_UUID_SIZE);
	im->super.parts[nr].slots = htole32(slots);
	im->super.parts[nr].log_slots = htole32(log_slots);
	im->half_blocks += (uint64_t)log_slots * (im->chunk_size / im->log_block);
}

static inline void image_new(struct image *im, uint32_t chunk_size, uint32_t log_block,
			     uint64_t volume_size, uint32_t slots, uint32_t log_slots)
{
	memset(im, 0, sizeof(*im));
	im->chunk_size = chunk_size;
	im->log_block = log_block;
	im->seq = 1;
	im->flushed = 1;
	memcpy(im->super.magic, VSS_DISK_MAGIC, sizeof(im->super.magic));
	im->super.incompat = htole64(VSS_DISK_INCOMPAT_ALL);
	im->super.size = htole32(sizeof(im->super));
	im->super.chunk_size = htole32(chunk_size);
	im->super.log_block = htole32(log_block);
	im->super.volume_size = htole64(volume_size);
	im->super.log_first = htole64(1);
	memset(im->super.area, 0x5a, sizeof(im->super.area));
	image_add_part(im, slots, log_slots);
	/* Both copies. */
	image_super(im, VSS_DISK_ACTIVE);
	image_super(im, VSS_DISK_ACTIVE);
}

static inline void image_free(struct image *im)
{
	for (size_t i = 0; i < im->nr_parts; i++)
		close(im->sources[i].fd);
}

static inline int image_at(const struct image *im, uint64_t index, unsigned int half, uint64_t *byte)
{
	size_t part = 0;
	uint64_t blocks;

	for (;; part++) {
		blocks = (uint64_t)le32toh(im->super.parts[part].log_slots) * (im->chunk_size / im->log_block);
		if (index < blocks)
			break;
		index -= blocks;
		assert_true(part + 1 < im->nr_parts);
	}
	*byte = im->sources[part].offset + index * im->log_block +
		((uint64_t)image_header_slots(im) + (uint64_t)half * le32toh(im->super.parts[part].log_slots)) *
		im->chunk_size;
	return im->sources[part].fd;
}

/* Where log block @index of a half is. */
static inline uint64_t image_log_byte(const struct image *im, unsigned int half, uint64_t index)
{
	uint64_t byte;

	image_at(im, index, half, &byte);
	return byte;
}

static inline void image_begin(struct image *im, uint32_t epoch)
{
	im->epoch = epoch;
	im->group_size = 0;
}

static inline void image_entry(struct image *im, const void *entry, size_t size)
{
	assert_true(im->group_size + size <= sizeof(im->group));
	memcpy(im->group + im->group_size, entry, size);
	im->group_size += size;
}

static inline void image_snapshot(struct image *im, uint32_t epoch, bool sealed)
{
	struct vss_disk_snapshot s = {
		.type = VSS_DISK_SNAPSHOT,
		.flags = htole16(sealed ? VSS_DISK_SNAPSHOT_SEALED : 0),
		.epoch = htole32(epoch),
		.time = htole64(1700000000000000000ULL + epoch),
		.members = htole32(1),
	};

	memset(s.uuid, (int)epoch, sizeof(s.uuid));
	memset(s.set, 0x80 + (int)epoch, sizeof(s.set));
	image_entry(im, &s, sizeof(s));
}

static inline void image_event(struct image *im, enum vss_disk_type type, uint32_t epoch, uint16_t reason)
{
	struct vss_disk_event e = {
		.type = (uint8_t)type, .epoch = htole32(epoch), .reason = htole16(reason),
	};

	image_entry(im, &e, sizeof(e));
}

static inline uint32_t image_chunk_bytes(const struct image *im, uint64_t chunk)
{
	uint64_t left = le64toh(im->super.volume_size) - chunk * im->chunk_size;

	return left < im->chunk_size ? (uint32_t)left : im->chunk_size;
}

static inline void image_content(const struct image *im, uint64_t chunk, uint32_t version, uint8_t *buffer)
{
	for (uint32_t i = 0; i < im->chunk_size; i++)
		buffer[i] = (uint8_t)(chunk * 31 + version * 7 + i + (i >> 8) * 3);
}

static inline void image_slot(const struct image *im, uint32_t slot, const void *data, size_t size)
{
	uint32_t base = 0;
	size_t part = 0;

	while (slot - base >= le32toh(im->super.parts[part].slots))
		base += le32toh(im->super.parts[part++].slots);
	image_write(im->sources[part].fd, data, size, im->sources[part].offset +
		    (uint64_t)(slot - base) * im->chunk_size);
}

/* Adjacent chunks with one version each. */
static inline void image_copy(struct image *im, uint64_t chunk, uint8_t nr, uint32_t slot,
			      const uint32_t *versions)
{
	struct vss_disk_copy c = {
		.type = VSS_DISK_COPY,
		.nr = nr,
		.chunk_high = htole16((uint16_t)(chunk >> 32)),
		.chunk_low = htole32((uint32_t)chunk),
		.slot = htole32(slot),
	};
	uint8_t *buffer = malloc(im->chunk_size);
	XXH64_state_t state;

	assert_non_null(buffer);
	XXH64_reset(&state, 0);
	for (uint8_t i = 0; i < nr && slot != VSS_DISK_UNREADABLE; i++) {
		size_t n = image_chunk_bytes(im, chunk + i);

		image_content(im, chunk + i, versions[i], buffer);
		XXH64_update(&state, buffer, n);
		image_slot(im, slot + i, buffer, n);
	}
	free(buffer);
	if (slot != VSS_DISK_UNREADABLE)
		c.hash = htole32((uint32_t)XXH64_digest(&state));
	image_entry(im, &c, sizeof(c));
}

static inline void image_map(struct image *im, uint64_t chunk, uint8_t nr, uint32_t slot, uint32_t tag)
{
	struct vss_disk_copy c = {
		.type = VSS_DISK_MAP,
		.nr = nr,
		.chunk_high = htole16((uint16_t)(chunk >> 32)),
		.chunk_low = htole32((uint32_t)chunk),
		.slot = htole32(slot),
		.tag = htole32(tag),
	};

	image_entry(im, &c, sizeof(c));
}

/* Write the group's blocks.  Returns how many. */
static inline unsigned int image_end(struct image *im)
{
	const size_t room = (im->log_block - sizeof(struct vss_disk_log)) / VSS_DISK_UNIT * VSS_DISK_UNIT;
	uint64_t first = im->seq;
	size_t done = 0;

	do {
		uint8_t block[VSS_DISK_MAX_LOG_BLOCK] __attribute__((aligned(8))) = { 0 };
		struct vss_disk_log *head = (void *)block;
		size_t n = 0;
		uint64_t byte;
		int fd;

		while (done + n < im->group_size) {
			size_t size = im->group[done + n] == VSS_DISK_SNAPSHOT ?
				sizeof(struct vss_disk_snapshot) : VSS_DISK_UNIT;

			if (n + size > room)
				break;
			n += size;
		}
		memcpy(head + 1, im->group + done, n);
		done += n;
		head->magic = htole32(VSS_DISK_LOG_MAGIC);
		memcpy(head->area, im->super.area, sizeof(head->area));
		head->seq = htole64(im->seq);
		head->first = htole64(first);
		head->flushed = htole64(im->flushed);
		head->super_seq = im->super.seq;
		head->epoch = htole32(im->epoch);
		head->units = htole16((uint16_t)(n / VSS_DISK_UNIT));
		head->flags = htole16(done == im->group_size ? VSS_DISK_LOG_END : 0);
		head->crc = htole32(vssctl_disk_crc(block, im->log_block, offsetof(struct vss_disk_log, crc)));
		assert_true(im->index < im->half_blocks);
		fd = image_at(im, im->index, im->half, &byte);
		image_write(fd, block, im->log_block, byte);
		im->index++;
		im->seq++;
	} while (done < im->group_size);
	im->flushed = im->seq;
	return (unsigned int)(im->seq - first);
}

/* Go on in the other half; the group that says so is begun and ended here. */
static inline void image_switch(struct image *im, uint32_t epoch)
{
	image_begin(im, epoch);
	image_event(im, VSS_DISK_SWITCH, 0, 0);
	image_end(im);
	im->half = !im->half;
	im->index = 0;
}

/* The log begins with the half that it is in, which had its first block as @first. */
static inline void image_forget(struct image *im, uint64_t first)
{
	im->super.log_half = htole32(im->half);
	im->super.log_first = htole64(first);
	image_super(im, VSS_DISK_ACTIVE);
}

#endif /* TESTS_DISK_IMAGE_H */

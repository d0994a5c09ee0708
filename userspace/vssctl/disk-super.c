// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The diff area on disk: superblocks, the geometry they describe, and reading by it.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define MAX_PROBLEMS	100
#define PAGE_BYTES	4096

void vssctl_disk_problem(struct vssctl_disk *disk, enum vssctl_disk_level level,
			 const char *format, ...)
{
	struct vssctl_disk_problem *problem;
	va_list args;

	if (!disk->nr_problems || level > disk->worst)
		disk->worst = level;
	/* A bad area may have a million; the first ones tell enough. */
	if (disk->nr_problems >= MAX_PROBLEMS)
		return;
	problem = reallocarray(disk->problems, disk->nr_problems + 1, sizeof(*problem));
	if (!problem)
		return;
	disk->problems = problem;
	problem += disk->nr_problems++;
	problem->level = level;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
}

/* The page cache has nothing of a page in which one sector is bad. */
static int read_directly(int fd, uint64_t byte, void *buffer, size_t size)
{
	char self[32];
	void *pages = NULL;
	int direct, ret = -EIO;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	direct = open(self, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (direct < 0)
		return ret;
	if (!posix_memalign(&pages, PAGE_BYTES, size) &&
	    pread(direct, pages, size, (off_t)byte) == (ssize_t)size) {
		memcpy(buffer, pages, size);
		ret = 0;
	}
	free(pages);
	close(direct);
	return ret;
}

static int read_at(int fd, uint64_t byte, void *buffer, size_t size)
{
	uint8_t *p = buffer;

	while (size) {
		ssize_t n = byte <= INT64_MAX - size ? pread(fd, p, size, (off_t)byte) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO)
			return read_directly(fd, byte, p, size);
		if (n <= 0)
			return -EIO;
		p += n;
		byte += (size_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int vssctl_disk_read_part(struct vssctl_disk *disk, const struct vssctl_disk_part *part,
			  uint64_t byte, void *buffer, size_t size)
{
	if (!part->nr_extents)
		return read_at(part->source.fd, part->source.offset + byte, buffer, size);
	for (size_t i = 0; i < part->nr_extents; i++) {
		uint64_t start = le64toh(part->extents[i].start);
		uint64_t length = le64toh(part->extents[i].length);

		length -= length % disk->chunk_size;
		if (byte < length)
			return size <= length - byte ?
				read_at(part->source.fd, start + byte, buffer, size) : -EIO;
		byte -= length;
	}
	return -EIO;
}

static const struct vssctl_disk_part *part_of_slot(const struct vssctl_disk *disk, uint32_t slot)
{
	size_t i = disk->nr_parts - 1;

	while (disk->parts[i].first_slot > slot)
		i--;
	return &disk->parts[i];
}

int vssctl_disk_read_slot(struct vssctl_disk *disk, uint32_t slot, void *buffer, size_t size)
{
	const struct vssctl_disk_part *part = part_of_slot(disk, slot);

	return vssctl_disk_read_part(disk, part,
				     (uint64_t)(slot - part->first_slot) * disk->chunk_size,
				     buffer, size);
}

static uint32_t header_slots(const struct vssctl_disk *disk)
{
	return (VSS_DISK_HEADER_SIZE + disk->chunk_size - 1) / disk->chunk_size;
}

static uint64_t part_half_blocks(const struct vssctl_disk *disk, const struct vssctl_disk_part *part)
{
	return (uint64_t)part->log_slots * (disk->chunk_size / disk->log_block);
}

int vssctl_disk_read_log(struct vssctl_disk *disk, unsigned int half, uint64_t index, void *buffer)
{
	for (size_t i = 0; i < disk->nr_parts; i++) {
		const struct vssctl_disk_part *part = &disk->parts[i];
		uint64_t blocks = part_half_blocks(disk, part);
		uint64_t slot = header_slots(disk) + (uint64_t)half * part->log_slots;

		if (index < blocks)
			return vssctl_disk_read_part(disk, part, slot * disk->chunk_size +
						     index * disk->log_block, buffer, disk->log_block);
		index -= blocks;
	}
	return -EIO;
}

bool vssctl_disk_is_meta(const struct vssctl_disk *disk, uint32_t slot)
{
	const struct vssctl_disk_part *part = part_of_slot(disk, slot);

	return slot - part->first_slot < header_slots(disk) + 2 * part->log_slots;
}

/* The superblocks of one source; the newest valid one is kept. */
static void read_source(struct vssctl_disk *disk, struct vssctl_disk_part *part)
{
	for (unsigned int i = 0; i < VSS_DISK_NR_SUPERS; i++) {
		struct vssctl_disk_super *s = &part->supers[i];
		const struct vss_disk_super *super = &s->super;

		if (read_at(part->source.fd, part->source.offset + i * VSS_DISK_SUPER_STRIDE,
			    &s->super, sizeof(s->super)))
			continue;
		s->readable = true;
		if (memcmp(super->magic, VSS_DISK_MAGIC, sizeof(super->magic)) ||
		    le32toh(super->size) != sizeof(*super) ||
		    le32toh(super->crc) != vssctl_disk_crc(super, sizeof(*super),
							   offsetof(struct vss_disk_super, crc)))
			continue;
		s->seq = le64toh(super->seq);
		if (s->seq % VSS_DISK_NR_SUPERS != i)
			continue;
		s->valid = true;
		if (!part->found || s->seq > le64toh(part->super.seq)) {
			part->super = *super;
			part->found = true;
		}
	}
	if (!part->found) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
				    "%s has no valid superblock: it is no diff area, or both copies are damaged",
				    part->source.name);
		return;
	}
	for (unsigned int i = 0; i < VSS_DISK_NR_SUPERS; i++)
		if (!part->supers[i].valid)
			vssctl_disk_problem(disk, VSSCTL_DISK_NOTE, "%s: superblock %u is %s; the other one counts",
					    part->source.name, i, part->supers[i].readable ? "damaged" : "unreadable");
	if (part->supers[0].valid && part->supers[1].valid &&
	    part->supers[0].seq + 1 != part->supers[1].seq && part->supers[1].seq + 1 != part->supers[0].seq)
		vssctl_disk_problem(disk, VSSCTL_DISK_NOTE,
				    "%s: the superblocks do not follow one another (%llu and %llu); one is an older version",
				    part->source.name, (unsigned long long)part->supers[0].seq,
				    (unsigned long long)part->supers[1].seq);
}

static bool is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = le32toh(((const struct vssctl_disk_part *)a)->super.part_nr);
	uint32_t y = le32toh(((const struct vssctl_disk_part *)b)->super.part_nr);

	return x < y ? -1 : x > y;
}

/* All have a superblock that can be understood, of the same area. */
static bool check_area(struct vssctl_disk *disk)
{
	const struct vssctl_disk_part *first = &disk->parts[0];

	for (size_t i = 0; i < disk->nr_parts; i++)
		if (!disk->parts[i].found)
			return false;
	for (size_t i = 0; i < disk->nr_parts; i++) {
		const struct vssctl_disk_part *part = &disk->parts[i];
		uint64_t unknown = le64toh(part->super.incompat) & ~VSS_DISK_INCOMPAT_ALL;

		if (unknown) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
					    "%s has features that this program does not know (0x%llx): use a newer one",
					    part->source.name, (unsigned long long)unknown);
			return false;
		}
		unknown = le64toh(part->super.ro_compat) & ~VSS_DISK_RO_COMPAT_ALL;
		if (unknown)
			vssctl_disk_problem(disk, VSSCTL_DISK_NOTE,
					    "%s has features that this version does not know (0x%llx): it can be read, but the "
					    "module of this version does not load it", part->source.name,
					    (unsigned long long)unknown);
		if (!(le64toh(part->super.incompat) & VSS_DISK_INCOMPAT_HASH)) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
					    "%s was made by an earlier version, and is not read any more: make it anew",
					    part->source.name);
			return false;
		}
		if (memcmp(part->super.area, first->super.area, sizeof(part->super.area))) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE, "%s and %s belong to different diff areas",
					    first->source.name, part->source.name);
			return false;
		}
	}
	return true;
}

/* Does the table of the first part name it? */
static bool is_named(const struct vss_disk_super *first, const struct vss_disk_super *super)
{
	uint32_t nr = le32toh(super->part_nr);

	return nr < VSS_DISK_MAX_PARTS && nr < le32toh(first->nr_parts) &&
	       !memcmp(super->parts[nr].uuid, first->parts[nr].uuid, VSS_DISK_UUID_SIZE);
}

/*
 * What was being added when the power failed is one step newer at most; but it may be the
 * only one that took the record of a loss.
 */
static bool is_harmless(struct vssctl_disk *disk, const struct vssctl_disk_part *stranger)
{
	struct vssctl_disk_part *first = &disk->parts[0];
	bool harmed = !first->supers[0].valid || !first->supers[1].valid;
	uint64_t a = le64toh(first->super.seq), b = le64toh(stranger->super.seq);

	if (b > a && le32toh(stranger->super.state) == VSS_DISK_LOST) {
		first->super.state = stranger->super.state;
		first->super.lost_reason = stranger->super.lost_reason;
	} else if (b > a + 1 + harmed) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE, "%s is an older copy: %s knows more",
				    first->source.name, stranger->source.name);
		return false;
	}
	return true;
}

/* Leave out what was not added to the end; the others stay in their order. */
static bool drop_strangers(struct vssctl_disk *disk)
{
	size_t nr = 1;

	for (size_t i = 1; i < disk->nr_parts; i++) {
		if (!le32toh(disk->parts[i].super.part_nr) ||
		    is_named(&disk->parts[0].super, &disk->parts[i].super)) {
			disk->parts[nr++] = disk->parts[i];
			continue;
		}
		if (!is_harmless(disk, &disk->parts[i]))
			return false;
		vssctl_disk_problem(disk, VSSCTL_DISK_NOTE, "%s is not part of the area: it was not added to the end",
				    disk->parts[i].source.name);
	}
	disk->nr_parts = nr;
	return true;
}

/* The first part gets each superblock last; of a damaged one the one before is left. */
static bool is_same_age(const struct vssctl_disk_part *first, const struct vssctl_disk_part *part)
{
	uint64_t a = le64toh(first->super.seq), b = le64toh(part->super.seq);
	bool first_harmed = !first->supers[0].valid || !first->supers[1].valid;
	bool harmed = !part->supers[0].valid || !part->supers[1].valid;

	return b + harmed >= a && b <= a + 1 + first_harmed;
}

static bool check_ages(struct vssctl_disk *disk)
{
	/* One that says so is enough, however old the others are. */
	for (size_t i = 0; i < disk->nr_parts; i++) {
		if (le32toh(disk->parts[i].super.state) != VSS_DISK_LOST)
			continue;
		disk->parts[0].super.state = disk->parts[i].super.state;
		disk->parts[0].super.lost_reason = disk->parts[i].super.lost_reason;
		return true;
	}
	for (size_t i = 1; i < disk->nr_parts; i++) {
		if (is_same_age(&disk->parts[0], &disk->parts[i]))
			continue;
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
				    "%s and %s are of different times: one of them is an older copy",
				    disk->parts[0].source.name, disk->parts[i].source.name);
		return false;
	}
	return true;
}

/* Are these the parts of one area, each once?  Sorts them. */
static bool check_parts(struct vssctl_disk *disk)
{
	const struct vss_disk_super *first;

	if (!check_area(disk))
		return false;
	qsort(disk->parts, disk->nr_parts, sizeof(*disk->parts), by_number);
	first = &disk->parts[0].super;
	if (le32toh(first->part_nr)) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
				    "%s is part %u of the area: name its first part as well",
				    disk->parts[0].source.name, le32toh(first->part_nr));
		return false;
	}
	if (!drop_strangers(disk))
		return false;
	for (size_t i = 1; i < disk->nr_parts; i++) {
		const struct vssctl_disk_part *part = &disk->parts[i];

		if (part->super.part_nr == disk->parts[i - 1].super.part_nr) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
					    "%s and %s are both part %u of the area: one is a copy of the other",
					    disk->parts[i - 1].source.name, part->source.name,
					    le32toh(part->super.part_nr));
			return false;
		}
	}
	if (le32toh(first->nr_parts) != disk->nr_parts) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
				    "the area has %u parts: name all of them", le32toh(first->nr_parts));
		return false;
	}
	return check_ages(disk);
}

static int read_extents(struct vssctl_disk *disk, struct vssctl_disk_part *part, bool *good)
{
	uint32_t nr = le32toh(part->super.nr_extents);
	uint64_t slots = 0;

	*good = true;
	if (!nr)
		return 0;
	if (nr > VSS_DISK_MAX_EXTENTS) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE, "%s: %u extents are more than there can be",
				    part->source.name, nr);
		*good = false;
		return 0;
	}
	part->extents = calloc(nr, sizeof(*part->extents));
	if (!part->extents)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i += VSS_DISK_BLOCK_EXTENTS) {
		uint32_t index = i / VSS_DISK_BLOCK_EXTENTS;
		uint32_t want = nr - i < VSS_DISK_BLOCK_EXTENTS ? nr - i : VSS_DISK_BLOCK_EXTENTS;
		bool found = false;

		for (unsigned int copy = 0; copy < VSS_DISK_NR_SUPERS; copy++) {
			uint64_t at = part->source.offset + copy * VSS_DISK_SUPER_STRIDE + (1 + index) * 4096ULL;
			struct vss_disk_extents block;

			if (read_at(part->source.fd, at, &block, sizeof(block)) ||
			    le32toh(block.magic) != VSS_DISK_EXTENT_MAGIC || le32toh(block.index) != index ||
			    le32toh(block.nr) != want ||
			    memcmp(block.uuid, part->super.parts[le32toh(part->super.part_nr)].uuid, sizeof(block.uuid)) ||
			    le32toh(block.crc) != vssctl_disk_crc(&block, sizeof(block),
								  offsetof(struct vss_disk_extents, crc))) {
				vssctl_disk_problem(disk, VSSCTL_DISK_NOTE, "%s: copy %u of extent block %u is damaged",
						    part->source.name, copy, index);
				continue;
			}
			if (!found)
				memcpy(part->extents + i, block.extents, want * sizeof(*part->extents));
			found = true;
		}
		if (!found) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
					    "%s: both copies of extent block %u are damaged", part->source.name, index);
			*good = false;
			return 0;
		}
	}
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t start = le64toh(part->extents[i].start), length = le64toh(part->extents[i].length);

		if (start > part->device_size || length > part->device_size - start) {
			vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE, "%s: extent %u lies outside the device",
					    part->source.name, i);
			*good = false;
			return 0;
		}
		slots += length / disk->chunk_size;
	}
	if (slots < part->slots || le64toh(part->extents[0].start) != part->source.offset ||
	    le64toh(part->extents[0].length) < VSS_DISK_HEADER_SIZE) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE, "%s: the extents do not fit the superblock",
				    part->source.name);
		*good = false;
	}
	part->nr_extents = nr;
	return 0;
}

/* A superblock may have a good checksum and be nonsense all the same. */
static bool check_geometry(struct vssctl_disk *disk)
{
	const struct vss_disk_super *super = &disk->parts[0].super;
	uint64_t slots = 0, meta = 0;

	disk->chunk_size = le32toh(super->chunk_size);
	disk->log_block = le32toh(super->log_block);
	disk->volume_size = le64toh(super->volume_size);
	if (!is_power_of_2(disk->chunk_size) || disk->chunk_size < 4096 || disk->chunk_size > 262144 ||
	    !is_power_of_2(disk->log_block) || disk->log_block < VSS_DISK_MIN_LOG_BLOCK ||
	    disk->log_block > VSS_DISK_MAX_LOG_BLOCK || !disk->volume_size || disk->volume_size % 512 ||
	    disk->volume_size > 1ULL << 62 || le32toh(super->log_half) > 1 ||
	    le32toh(super->state) < VSS_DISK_ACTIVE || le32toh(super->state) > VSS_DISK_LOST)
		return false;
	disk->nr_chunks = (disk->volume_size + disk->chunk_size - 1) / disk->chunk_size;
	if (disk->nr_chunks > 1ULL << 48)
		return false;
	for (size_t i = 0; i < disk->nr_parts; i++) {
		struct vssctl_disk_part *part = &disk->parts[i];
		uint64_t fixed;

		if (memcmp(part->super.parts[i].uuid, super->parts[i].uuid, VSS_DISK_UUID_SIZE))
			return false;
		part->slots = le32toh(super->parts[i].slots);
		part->log_slots = le32toh(super->parts[i].log_slots);
		part->first_slot = (uint32_t)slots;
		fixed = header_slots(disk) + 2ULL * part->log_slots;
		if (fixed >= part->slots || part->source.offset > part->device_size ||
		    (uint64_t)part->slots * disk->chunk_size > part->device_size - (le32toh(part->super.nr_extents) ?
										    0 : part->source.offset))
			return false;
		slots += part->slots;
		meta += fixed;
		disk->half_blocks += part_half_blocks(disk, part);
	}
	if (slots >= VSS_DISK_UNREADABLE - 1 || !disk->half_blocks)
		return false;
	disk->nr_slots = (uint32_t)slots;
	disk->meta_slots = (uint32_t)meta;
	return true;
}

int vssctl_disk_read_supers(struct vssctl_disk *disk, const struct vssctl_disk_source *sources,
			    size_t count)
{
	disk->parts = calloc(count, sizeof(*disk->parts));
	if (!disk->parts)
		return -ENOMEM;
	disk->nr_parts = count;
	for (size_t i = 0; i < count; i++) {
		struct vssctl_disk_part *part = &disk->parts[i];
		off_t size = lseek(sources[i].fd, 0, SEEK_END);

		part->source = sources[i];
		part->device_size = size > 0 ? (uint64_t)size : 0;
		read_source(disk, part);
	}
	if (!check_parts(disk))
		return 0;
	if (!check_geometry(disk)) {
		vssctl_disk_problem(disk, VSSCTL_DISK_UNREADABLE,
				    "the superblock describes an area that cannot be: it makes no sense, or does not fit the device, or the parts do not fit one another");
		return 0;
	}
	for (size_t i = 0; i < disk->nr_parts; i++) {
		bool good;
		int err = read_extents(disk, &disk->parts[i], &good);

		if (err)
			return err;
		if (!good)
			return 0;
	}
	disk->known = true;
	return 0;
}

/* The snapshots do not depend on it, but what becomes of the volume may. */
static void read_wish(struct vssctl_disk *disk)
{
	const struct vssctl_disk_part *part = &disk->parts[0];
	int ret;

	/* Only the first device of an area has one, never a file. */
	if (part->nr_extents || part->source.offset)
		return;
	ret = vssctl_wish_read(part->source.fd, part->super.area, &disk->wish);
	if (ret)
		vssctl_disk_problem(disk, VSSCTL_DISK_NOTE,
				    "%s: the record of a revert %s: if the volume was being set back, do that once more",
				    part->source.name, ret == -EBADMSG ? "is damaged" : "cannot be read");
	else if ((disk->wish.state == VSS_DISK_REVERT_WRITING || disk->wish.state == VSS_DISK_REVERT_HEAD) &&
		 !disk->wish.heads_known)
		vssctl_disk_problem(disk, VSSCTL_DISK_NOTE,
				    "%s: what the volume began with before it was being set back is damaged: the revert "
				    "cannot go on, do it once more", part->source.name);
}

int vssctl_disk_read(struct vssctl_disk *disk, const struct vssctl_disk_source *sources,
		     size_t count, bool check_data)
{
	int err;

	memset(disk, 0, sizeof(*disk));
	err = vssctl_disk_read_supers(disk, sources, count);
	if (err || !disk->known)
		return err;
	read_wish(disk);
	err = vssctl_disk_map_new(disk);
	if (!err)
		err = vssctl_disk_replay(disk, check_data);
	return err;
}

void vssctl_disk_clear(struct vssctl_disk *disk)
{
	for (size_t i = 0; i < disk->nr_parts; i++)
		free(disk->parts[i].extents);
	free(disk->parts);
	free(disk->problems);
	free(disk->snapshots);
	vssctl_disk_map_free(disk);
	memset(disk, 0, sizeof(*disk));
}

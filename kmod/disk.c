// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas on disk: superblocks, where things are, and what a
 * volume looks like while nobody writes to it.
 */
#include <linux/crc32c.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "area.h"
#include "log.h"
#include "volume.h"

/* Room in a half for each slot: two entries, and the heads of their blocks. */
#define HALF_SLOT_BYTES		40U
#define HALF_MIN_BYTES		262144U

#define PRINT_EDGE		16
#define PRINT_BETWEEN		(VSS_DISK_PRINTS - 2 * PRINT_EDGE)

/**
 * vss_disk_rw() - read or write a device and wait for it
 * @bdev:	the device
 * @sector:	first sector
 * @buf:	the data, whole pages of the kernel's own memory
 * @bytes:	length, at most 256 KiB
 * @opf:	REQ_OP_READ or REQ_OP_WRITE, with flags
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_rw(struct block_device *bdev, sector_t sector, void *buf,
		unsigned int bytes, blk_opf_t opf)
{
	struct bio_vec vec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &vec, 1, opf | REQ_SYNC);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, virt_to_page(buf), bytes, offset_in_page(buf));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/**
 * vss_disk_crc() - checksum of a block
 * @block:	the block
 * @size:	its length
 * @at:		where its own checksum is
 *
 * Return: the checksum.
 */
u32 vss_disk_crc(const void *block, unsigned int size, unsigned int at)
{
	static const u8 zero[4];
	u32 crc = crc32c(~0, block, at);

	crc = crc32c(crc, zero, sizeof(zero));
	return ~crc32c(crc, block + at + 4, size - at - 4);
}

/**
 * vss_disk_header_slots() - slots that superblocks take
 * @vol:	the volume
 *
 * Return: number of slots.
 */
u32 vss_disk_header_slots(const struct vss_volume *vol)
{
	return DIV_ROUND_UP(VSS_DISK_HEADER_SIZE, 1U << vol->chunk_shift);
}

/**
 * vss_disk_log_sector() - where a log block is
 * @log:	the log
 * @half:	the half
 * @index:	number of the block in it
 *
 * Return: its first sector.
 */
sector_t vss_disk_log_sector(const struct vss_log *log, u32 half, u32 index)
{
	u32 slot = vss_disk_header_slots(log->vol) +
		half * le32_to_cpu(log->super->parts[0].log_slots);

	return vss_chunk_to_sector(log->vol, slot) +
		(u64)index * (log->block >> SECTOR_SHIFT);
}

static sector_t super_sector(u64 seq)
{
	return (seq % VSS_DISK_NR_SUPERS) *
		(VSS_DISK_SUPER_STRIDE >> SECTOR_SHIFT);
}

static bool super_is_valid(const struct vss_disk_super *super, unsigned int nr)
{
	return !memcmp(super->magic, VSS_DISK_MAGIC, sizeof(super->magic)) &&
		le32_to_cpu(super->size) == sizeof(*super) &&
		le64_to_cpu(super->seq) % VSS_DISK_NR_SUPERS == nr &&
		le32_to_cpu(super->crc) ==
		vss_disk_crc(super, sizeof(*super),
			     offsetof(struct vss_disk_super, crc));
}

/* Slots that a half takes on a part of so many. */
static u64 half_slots(const struct vss_volume *vol, u32 slots)
{
	u64 half = max_t(u64, HALF_MIN_BYTES, (u64)slots * HALF_SLOT_BYTES);

	return DIV_ROUND_UP_ULL(half, 1U << vol->chunk_shift);
}

static int check_super(struct vss_log *log, struct netlink_ext_ack *extack)
{
	const struct vss_disk_super *super = log->super;
	struct vss_volume *vol = log->vol;
	u64 fixed = vss_disk_header_slots(vol) +
		2ULL * le32_to_cpu(super->parts[0].log_slots);
	u32 block = le32_to_cpu(super->log_block);
	u32 state = le32_to_cpu(super->state);

	if (le64_to_cpu(super->incompat) & ~VSS_DISK_INCOMPAT_ALL ||
	    le64_to_cpu(super->ro_compat) & ~VSS_DISK_RO_COMPAT_ALL) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has features that this module does not know");
		return -EOPNOTSUPP;
	}
	if (le64_to_cpu(super->volume_size) !=
	    (u64)vol->nr_sectors << SECTOR_SHIFT) {
		NL_SET_ERR_MSG(extack,
			       "the diff area belongs to a volume of another size");
		return -ESTALE;
	}
	if (le32_to_cpu(super->chunk_size) != 1U << vol->chunk_shift) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has another chunk size: attach the volume with that");
		return -EINVAL;
	}
	if (le32_to_cpu(super->nr_parts) != 1 || super->part_nr ||
	    super->nr_extents) {
		NL_SET_ERR_MSG(extack,
			       "a persistent diff area of several parts, or in a file, cannot be used yet");
		return -EOPNOTSUPP;
	}
	if (block < bdev_logical_block_size(log->part->bdev) ||
	    block > VSS_DISK_MAX_LOG_BLOCK || !is_power_of_2(block) ||
	    le32_to_cpu(super->log_half) > 1 ||
	    state < VSS_DISK_ACTIVE || state > VSS_DISK_LOST ||
	    /* In less the map may not have room, nor may copies beside it. */
	    le32_to_cpu(super->parts[0].log_slots) <
	    half_slots(vol, le32_to_cpu(super->parts[0].slots)) ||
	    fixed >= le32_to_cpu(super->parts[0].slots) ||
	    (u64)le32_to_cpu(super->parts[0].slots) >
	    vss_sector_to_chunk(vol, bdev_nr_sectors(log->part->bdev))) {
		NL_SET_ERR_MSG(extack,
			       "the diff area's superblock does not fit its device");
		return -EUCLEAN;
	}
	return 0;
}

/**
 * vss_disk_read_super() - find the superblock that counts, and check it
 * @log:	the log; its superblock is set
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_read_super(struct vss_log *log, struct netlink_ext_ack *extack)
{
	struct block_device *bdev = log->part->bdev;
	struct vss_disk_super *super;
	int err, failed = 0;
	bool found = false;
	unsigned int i;

	super = (void *)__get_free_page(GFP_KERNEL);
	if (!super)
		return -ENOMEM;
	for (i = 0; i < VSS_DISK_NR_SUPERS; i++) {
		err = vss_disk_rw(bdev, super_sector(i), super, sizeof(*super),
				  REQ_OP_READ);
		failed = failed ?: err;
		if (err || !super_is_valid(super, i))
			continue;
		if (found && le64_to_cpu(super->seq) <
			     le64_to_cpu(log->super->seq))
			continue;
		memcpy(log->super, super, sizeof(*super));
		found = true;
	}
	free_page((unsigned long)super);
	if (!found && failed) {
		NL_SET_ERR_MSG(extack, "the diff area's superblocks cannot be read");
		return failed;
	}
	if (!found) {
		NL_SET_ERR_MSG(extack,
			       "the device holds no persistent diff area, or both superblocks are damaged");
		return -EINVAL;
	}
	return check_super(log, extack);
}

/**
 * vss_disk_write_super() - write the next superblock, durably
 * @log:	the log, whose superblock has everything but what is set here
 * @state:	what it says
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_write_super(struct vss_log *log, enum vss_disk_state state)
{
	struct vss_disk_super *super = log->super;

	super->seq = cpu_to_le64(le64_to_cpu(super->seq) + 1);
	super->state = cpu_to_le32(state);
	super->time = cpu_to_le64(ktime_get_real_ns());
	super->crc = cpu_to_le32(vss_disk_crc(super, sizeof(*super),
					      offsetof(struct vss_disk_super,
						       crc)));
	return vss_disk_rw(log->part->bdev,
			   super_sector(le64_to_cpu(super->seq)), super,
			   sizeof(*super),
			   REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA);
}

/**
 * vss_disk_format() - make the superblocks of a new area
 * @log:	the log
 * @boot:	name of this boot
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_format(struct vss_log *log, const u8 *boot)
{
	struct vss_disk_super *super = log->super;
	struct vss_volume *vol = log->vol;
	u32 slots = log->part->slots;
	u32 log_slots = half_slots(vol, slots);
	int err;

	if (vss_disk_header_slots(vol) + 2ULL * log_slots >= slots)
		return -ENOSPC;
	memset(super, 0, sizeof(*super));
	memcpy(super->magic, VSS_DISK_MAGIC, sizeof(super->magic));
	super->size = cpu_to_le32(sizeof(*super));
	super->ro_compat = cpu_to_le64(VSS_DISK_RO_COMPAT_HEAD);
	generate_random_uuid(super->area);
	memcpy(super->boot, boot, sizeof(super->boot));
	super->nr_parts = cpu_to_le32(1);
	super->chunk_size = cpu_to_le32(1U << vol->chunk_shift);
	super->log_block =
		cpu_to_le32(max_t(u32, VSS_DISK_MIN_LOG_BLOCK,
				  bdev_logical_block_size(log->part->bdev)));
	super->volume_size = cpu_to_le64((u64)vol->nr_sectors << SECTOR_SHIFT);
	super->log_first = cpu_to_le64(1);
	generate_random_uuid(super->parts[0].uuid);
	super->parts[0].slots = cpu_to_le32(slots);
	super->parts[0].log_slots = cpu_to_le32(log_slots);
	/* Both copies: one of another area must not be left. */
	err = vss_disk_write_super(log, VSS_DISK_ACTIVE);
	return err ?: vss_disk_write_super(log, VSS_DISK_ACTIVE);
}

/**
 * vss_disk_wipe() - make the superblocks unreadable
 * @log:	the log
 */
void vss_disk_wipe(struct vss_log *log)
{
	struct block_device *bdev = log->part->bdev;
	unsigned int i;
	int err = 0;

	memset(log->super, 0, sizeof(*log->super));
	for (i = 0; i < VSS_DISK_NR_SUPERS; i++)
		err |= vss_disk_rw(bdev, super_sector(i), log->super,
				   sizeof(*log->super),
				   REQ_OP_WRITE | REQ_FUA);
	if (err)
		pr_warn("%pg: the superblocks of its diff area on %pg could not be wiped\n",
			log->vol->bdev, bdev);
}

static u64 print_start(u64 size, unsigned int i)
{
	u64 length = (u64)PRINT_EDGE * VSS_DISK_PRINT_SIZE;

	if (i < PRINT_EDGE)
		return (u64)i * VSS_DISK_PRINT_SIZE;
	if (i >= PRINT_EDGE + PRINT_BETWEEN) {
		i -= PRINT_EDGE + PRINT_BETWEEN;
		return (size > length ? size - length : 0) +
			(u64)i * VSS_DISK_PRINT_SIZE;
	}
	i -= PRINT_EDGE;
	/* In two steps, so that 64 TiB times 33 does not matter. */
	return round_down(div_u64(size, PRINT_BETWEEN + 1) * (i + 1), 4096);
}

/**
 * vss_disk_print() - take a volume's fingerprint
 * @log:	the log of the volume, which nobody writes to; no group is being
 *		built, for its buffer is used
 * @print:	set: VSS_DISK_PRINTS checksums
 *
 * Asks for no memory: whether snapshots are lost must not depend on that.
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_print(struct vss_log *log, __le32 *print)
{
	struct vss_volume *vol = log->vol;
	u64 size = (u64)vol->nr_sectors << SECTOR_SHIFT;
	unsigned int i;
	int err = 0;

	static_assert(VSS_DISK_PRINT_SIZE <= VSS_LOG_BYTES);
	for (i = 0; i < VSS_DISK_PRINTS && !err; i++) {
		u64 start = print_start(size, i);
		unsigned int n;

		print[i] = 0;
		if (start >= size)
			continue;
		n = min_t(u64, VSS_DISK_PRINT_SIZE, size - start);
		n = round_down(n, bdev_logical_block_size(vol->bdev));
		err = n ? vss_disk_rw(vol->bdev, start >> SECTOR_SHIFT,
				      log->buf, n, REQ_OP_READ) : 0;
		print[i] = cpu_to_le32(n ? ~crc32c(~0, log->buf, n) : 0);
	}
	return err;
}

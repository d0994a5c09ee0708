// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas on disk: superblocks, and where things are.
 */
#include <linux/bitmap.h>
#include <linux/blk-cgroup.h>
#include <linux/crc32c.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "area.h"
#include "log.h"
#include "volume.h"

static_assert(sizeof(struct vss_disk_super) == VSS_DISK_SUPER_SIZE);
static_assert(sizeof(struct vss_disk_extents) == VSS_DISK_SUPER_SIZE);

/* Room in a half for each slot: two entries, and the heads of their blocks. */
#define HALF_SLOT_BYTES		40U
#define HALF_MIN_BYTES		262144U

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
 * vss_disk_measure() - where the parts begin, and how many log blocks they have
 * @log:	a log whose superblock has a table of all its parts
 *
 * Return: log blocks in a half.
 */
u32 vss_disk_measure(struct vss_log *log)
{
	u32 blocks = (1U << log->vol->chunk_shift) / log->block;
	u32 i, slot = 0, half = 0;

	for (i = 0; i < log->nr_parts; i++) {
		const struct vss_disk_part *entry = &log->super->parts[i];

		log->parts[i]->first = slot;
		log->parts[i]->log_blocks = le32_to_cpu(entry->log_slots) *
			blocks;
		slot += le32_to_cpu(entry->slots);
		half += log->parts[i]->log_blocks;
	}
	return half;
}

/**
 * vss_disk_locate() - where a log block is
 * @log:	the log
 * @half:	the half
 * @index:	number of the block in it, less than vss_log.half_blocks
 * @lp:		set to the part
 * @sector:	set to its first sector there
 *
 * Return: how many blocks from this one on are on that part.
 */
u32 vss_disk_locate(const struct vss_log *log, u32 half, u32 index,
		    struct vss_log_part **lp, sector_t *sector)
{
	u32 i = 0, slot;

	while (index >= log->parts[i]->log_blocks)
		index -= log->parts[i++]->log_blocks;
	*lp = log->parts[i];
	slot = vss_disk_header_slots(log->vol) +
		half * le32_to_cpu(log->super->parts[i].log_slots);
	*sector = vss_chunk_to_sector(log->vol, slot) +
		(u64)index * (log->block >> SECTOR_SHIFT);
	return (*lp)->log_blocks - index;
}

/**
 * vss_disk_super_sector() - where a superblock is
 * @seq:	its number
 *
 * Return: its first sector on each part.
 */
sector_t vss_disk_super_sector(u64 seq)
{
	return (seq % VSS_DISK_NR_SUPERS) *
		(VSS_DISK_SUPER_STRIDE >> SECTOR_SHIFT);
}

/**
 * vss_disk_half_slots() - slots that a half of the log takes on a part
 * @vol:	the volume
 * @slots:	slots of the part
 *
 * Return: number of slots.
 */
u64 vss_disk_half_slots(const struct vss_volume *vol, u32 slots)
{
	u64 half = max_t(u64, HALF_MIN_BYTES, (u64)slots * HALF_SLOT_BYTES);

	return DIV_ROUND_UP_ULL(half, 1U << vol->chunk_shift);
}

/* ---- writing ---- */

static void part_end_io(struct bio *bio)
{
	struct vss_log_part *lp = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(lp->failed, true);
	vss_log_io_done(lp->log, bio->bi_status);
}

/**
 * vss_disk_begin_io() - begin writes that are waited for together
 * @log:	the log; for its work, and for those who keep that from running
 */
void vss_disk_begin_io(struct vss_log *log)
{
	reinit_completion(&log->done);
	atomic_set(&log->pending, 1);
}

/**
 * vss_disk_submit() - send a part's bio
 * @lp:		the part
 */
void vss_disk_submit(struct vss_log_part *lp)
{
	struct bio *bio = &lp->bio;

	bio->bi_end_io = part_end_io;
	bio->bi_private = lp;
	atomic_inc(&lp->log->pending);
	bio_associate_blkg_from_css(bio, blkcg_root_css);
	submit_bio_noacct(bio);
}

/**
 * vss_disk_wait_io() - wait for all writes since vss_disk_begin_io()
 * @log:	the log
 */
void vss_disk_wait_io(struct vss_log *log)
{
	u32 i;

	if (!atomic_dec_and_test(&log->pending))
		wait_for_completion_io(&log->done);
	for (i = 0; i < log->nr_parts; i++)
		bio_uninit(&log->parts[i]->bio);
}

static void set_crc(struct vss_disk_super *super)
{
	super->crc = cpu_to_le32(vss_disk_crc(super, sizeof(*super),
					      offsetof(struct vss_disk_super,
						       crc)));
}

/* Write the superblock to parts from @first to before @end, at once. */
static int write_supers(struct vss_log *log, u32 first, u32 end)
{
	u64 seq = le64_to_cpu(log->super->seq);
	int err = 0;
	u32 i;

	vss_disk_begin_io(log);
	for (i = first; i < end; i++) {
		struct vss_log_part *lp = log->parts[i];

		memcpy(lp->super, log->super, sizeof(*lp->super));
		lp->super->part_nr = cpu_to_le32(i);
		set_crc(lp->super);
		lp->failed = false;
		bio_init(&lp->bio, lp->part->bdev, &lp->vec, 1, REQ_OP_WRITE |
			 REQ_SYNC | REQ_PREFLUSH | REQ_FUA);
		lp->bio.bi_iter.bi_sector = vss_disk_super_sector(seq);
		__bio_add_page(&lp->bio, virt_to_page(lp->super),
			       sizeof(*lp->super), 0);
		vss_disk_submit(lp);
	}
	vss_disk_wait_io(log);
	for (i = first; i < end; i++) {
		if (log->parts[i]->failed)
			err = -EIO;
	}
	return err;
}

static void begin_super(struct vss_log *log, enum vss_disk_state state)
{
	struct vss_disk_super *super = log->super;

	super->seq = cpu_to_le64(le64_to_cpu(super->seq) + 1);
	super->state = cpu_to_le32(state);
	super->time = cpu_to_le64(ktime_get_real_ns());
}

/**
 * vss_disk_write_super() - write the next superblock, durably
 * @log:	the log, whose superblock has everything but what is set here
 * @state:	what it says, not VSS_DISK_LOST
 *
 * It counts when it is on the first part, which gets it last: so no other part is
 * ever older than that.
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_write_super(struct vss_log *log, enum vss_disk_state state)
{
	int err = 0;

	begin_super(log, state);
	if (log->nr_parts > 1)
		err = write_supers(log, 1, log->nr_parts);
	return err ?: write_supers(log, 0, 1);
}

/**
 * vss_disk_write_both() - write the next two superblocks, durably
 * @log:	the log, as for vss_disk_write_super()
 * @state:	what both say
 *
 * If one is damaged later, the other one does.
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_write_both(struct vss_log *log, enum vss_disk_state state)
{
	return vss_disk_write_super(log, state) ?:
		vss_disk_write_super(log, state);
}

/**
 * vss_disk_write_lost() - say in both superblocks of all parts that the snapshots
 *	are lost
 * @log:	the log
 * @recorded:	set: a part says so that is surely one
 *
 * Return: how many parts do not say so.
 */
u32 vss_disk_write_lost(struct vss_log *log, bool *recorded)
{
	DECLARE_BITMAP(failed, VSS_DISK_MAX_PARTS) = {};
	unsigned int n;
	u32 i;

	for (n = 0; n < VSS_DISK_NR_SUPERS; n++) {
		begin_super(log, VSS_DISK_LOST);
		write_supers(log, 0, log->nr_parts);
		for (i = 0; i < log->nr_parts; i++) {
			if (log->parts[i]->failed)
				set_bit(i, failed);
		}
	}
	*recorded = find_first_zero_bit(failed, log->nr_known) < log->nr_known;
	return bitmap_weight(failed, VSS_DISK_MAX_PARTS);
}

/**
 * vss_disk_choose_entry() - what the table says of a new part
 * @log:	the log
 * @slots:	slots it has
 * @entry:	set
 *
 * Return: 0 or -ENOSPC.
 */
int vss_disk_choose_entry(const struct vss_log *log, u32 slots,
			  struct vss_disk_part *entry)
{
	u64 half = vss_disk_half_slots(log->vol, slots);

	if (vss_disk_header_slots(log->vol) + 2 * half >= slots)
		return -ENOSPC;
	memset(entry, 0, sizeof(*entry));
	generate_random_uuid(entry->uuid);
	entry->slots = cpu_to_le32(slots);
	entry->log_slots = cpu_to_le32(half);
	return 0;
}

/**
 * vss_disk_write_header() - write a new part's superblocks, durably
 * @log:	the log of an area that does not have it yet
 * @lp:		the part
 * @entry:	what the table is to say of it
 *
 * They identify it: only the first part tells the state of the area.  So nothing
 * is looked at here that the log's work changes.
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_write_header(struct vss_log *log, struct vss_log_part *lp,
			  const struct vss_disk_part *entry)
{
	const struct vss_disk_super *from = log->super;
	struct vss_disk_super *super = lp->super;
	u32 nr = log->nr_parts;
	int err = 0;
	u64 seq;

	memset(super, 0, sizeof(*super));
	memcpy(super->magic, VSS_DISK_MAGIC, sizeof(super->magic));
	super->size = from->size;
	super->compat = from->compat;
	super->ro_compat = from->ro_compat;
	super->incompat = from->incompat;
	memcpy(super->area, from->area, sizeof(super->area));
	memcpy(super->boot, from->boot, sizeof(super->boot));
	super->part_nr = cpu_to_le32(nr);
	super->nr_parts = cpu_to_le32(nr + 1);
	super->chunk_size = from->chunk_size;
	super->log_block = from->log_block;
	super->volume_size = from->volume_size;
	super->state = cpu_to_le32(VSS_DISK_ACTIVE);
	super->time = cpu_to_le64(ktime_get_real_ns());
	super->log_first = cpu_to_le64(1);
	memcpy(super->parts, from->parts, nr * sizeof(*entry));
	super->parts[nr] = *entry;
	/* Lower than all that the area has written: see vss_disk_format(). */
	for (seq = 1; seq <= VSS_DISK_NR_SUPERS && !err; seq++) {
		super->seq = cpu_to_le64(seq);
		set_crc(super);
		err = vss_disk_rw(lp->part->bdev, vss_disk_super_sector(seq),
				  super, sizeof(*super),
				  REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA);
	}
	return err;
}

/**
 * vss_disk_format() - make the superblocks of a new area
 * @log:	the log, with its first part
 * @boot:	name of this boot
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_format(struct vss_log *log, const u8 *boot)
{
	struct vss_disk_super *super = log->super;
	struct vss_volume *vol = log->vol;
	struct vss_part *part = log->part;
	int err;

	memset(super, 0, sizeof(*super));
	err = vss_disk_choose_entry(log, vss_area_count_slots(vol, part),
				    &super->parts[0]);
	if (err)
		return err;
	memcpy(super->magic, VSS_DISK_MAGIC, sizeof(super->magic));
	super->size = cpu_to_le32(sizeof(*super));
	super->ro_compat = cpu_to_le64(VSS_DISK_RO_COMPAT_HEAD);
	super->incompat = cpu_to_le64(VSS_DISK_INCOMPAT_ALL);
	generate_random_uuid(super->area);
	memcpy(super->boot, boot, sizeof(super->boot));
	super->nr_parts = cpu_to_le32(1);
	super->chunk_size = cpu_to_le32(1U << vol->chunk_shift);
	super->log_block =
		cpu_to_le32(max_t(u32, VSS_DISK_MIN_LOG_BLOCK,
				  bdev_logical_block_size(part->bdev)));
	super->volume_size = cpu_to_le64((u64)vol->nr_sectors << SECTOR_SHIFT);
	super->log_first = cpu_to_le64(1);
	/* One of another area must not be left. */
	return vss_disk_write_both(log, VSS_DISK_ACTIVE);
}

/**
 * vss_disk_wipe() - make the superblocks unreadable
 * @log:	the log of an area that has one part
 */
void vss_disk_wipe(struct vss_log *log)
{
	struct block_device *bdev = log->part->bdev;
	unsigned int i;
	int err = 0;

	memset(log->super, 0, sizeof(*log->super));
	for (i = 0; i < VSS_DISK_NR_SUPERS; i++)
		err |= vss_disk_rw(bdev, vss_disk_super_sector(i), log->super,
				   sizeof(*log->super),
				   REQ_OP_WRITE | REQ_FUA);
	if (err)
		pr_warn("%pg: the superblocks of its diff area on %pg could not be wiped\n",
			log->vol->bdev, bdev);
}

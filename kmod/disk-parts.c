// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent diff areas that are loaded: which devices are the parts of one, and
 * whether their superblocks may be believed.
 *
 * The first part's superblock tells what the area is.  A device that its table does
 * not name is not part of it: the power failed while it was added.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "area.h"
#include "log.h"
#include "volume.h"

static bool super_is_valid(const struct vss_disk_super *super, unsigned int nr)
{
	return !memcmp(super->magic, VSS_DISK_MAGIC, sizeof(super->magic)) &&
		le32_to_cpu(super->size) == sizeof(*super) &&
		le64_to_cpu(super->seq) % VSS_DISK_NR_SUPERS == nr &&
		le32_to_cpu(super->crc) ==
		vss_disk_crc(super, sizeof(*super),
			     offsetof(struct vss_disk_super, crc));
}

/* Find the superblock of a part that counts. */
static int read_part(struct vss_log_part *lp, struct netlink_ext_ack *extack)
{
	struct vss_disk_super *super;
	int err, failed = 0;
	bool found = false;
	unsigned int i;

	super = (void *)__get_free_page(GFP_KERNEL);
	if (!super)
		return -ENOMEM;
	for (i = 0; i < VSS_DISK_NR_SUPERS; i++) {
		err = vss_disk_rw(lp->part->bdev, vss_disk_super_sector(i),
				  super, sizeof(*super), REQ_OP_READ);
		failed = failed ?: err;
		if (err || !super_is_valid(super, i)) {
			lp->damaged = true;
			continue;
		}
		if (found && le64_to_cpu(super->seq) <
			     le64_to_cpu(lp->super->seq))
			continue;
		memcpy(lp->super, super, sizeof(*super));
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
	if (le64_to_cpu(lp->super->incompat) != VSS_DISK_INCOMPAT_ALL ||
	    le64_to_cpu(lp->super->ro_compat) & ~VSS_DISK_RO_COMPAT_ALL) {
		NL_SET_ERR_MSG(extack,
			       "the diff area has features that this module does not know, or is of an earlier version");
		return -EOPNOTSUPP;
	}
	if (lp->super->nr_extents) {
		NL_SET_ERR_MSG(extack,
			       "a persistent diff area in a file cannot be used yet");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Move the first part to its place; its superblock is the log's. */
static int find_first(struct vss_log *log, struct netlink_ext_ack *extack)
{
	bool found = false;
	u32 i;

	for (i = 0; i < log->nr_parts; i++) {
		if (memcmp(log->parts[i]->super->area,
			   log->parts[0]->super->area,
			   sizeof(log->super->area))) {
			NL_SET_ERR_MSG(extack,
				       "the devices belong to different diff areas");
			return -EINVAL;
		}
		if (log->parts[i]->super->part_nr)
			continue;
		if (found)
			goto twice;
		found = true;
		swap(log->parts[0], log->parts[i]);
	}
	if (!found) {
		NL_SET_ERR_MSG(extack,
			       "the first part of the diff area is missing: name all devices it has");
		return -ENOENT;
	}
	memcpy(log->super, log->parts[0]->super, sizeof(*log->super));
	log->part = log->parts[0]->part;
	return 0;

twice:
	NL_SET_ERR_MSG(extack,
		       "two of the devices are the same part of the diff area: one is a copy of the other");
	return -EEXIST;
}

static bool is_part(const struct vss_log *log, const struct vss_log_part *lp,
		    u32 nr)
{
	return le32_to_cpu(lp->super->part_nr) == nr &&
		!memcmp(lp->super->parts[nr].uuid, log->super->parts[nr].uuid,
			sizeof(log->super->parts[nr].uuid));
}

/* Move a part to its place; those before are in theirs. */
static int find_part(struct vss_log *log, u32 nr,
		     struct netlink_ext_ack *extack)
{
	bool found = false;
	u32 i;

	for (i = nr; i < log->nr_parts; i++) {
		if (!is_part(log, log->parts[i], nr))
			continue;
		if (found) {
			NL_SET_ERR_MSG(extack,
				       "two of the devices are the same part of the diff area: one is a copy of the other");
			return -EEXIST;
		}
		found = true;
		swap(log->parts[nr], log->parts[i]);
	}
	if (found)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "a part of the diff area is missing: name all devices it has");
	return -ENOENT;
}

static int check_area(struct vss_log *log, struct netlink_ext_ack *extack)
{
	const struct vss_disk_super *super = log->super;
	u32 nr_parts = le32_to_cpu(super->nr_parts);
	u32 block = le32_to_cpu(super->log_block);
	u32 state = le32_to_cpu(super->state);
	struct vss_volume *vol = log->vol;

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
	if (block < VSS_DISK_MIN_LOG_BLOCK || block > VSS_DISK_MAX_LOG_BLOCK ||
	    !is_power_of_2(block) || !nr_parts ||
	    nr_parts > VSS_DISK_MAX_PARTS || le32_to_cpu(super->log_half) > 1 ||
	    state < VSS_DISK_ACTIVE || state > VSS_DISK_LOST) {
		NL_SET_ERR_MSG(extack,
			       "the diff area's superblock makes no sense");
		return -EUCLEAN;
	}
	return 0;
}

/* Does what the table says of a part fit its device? */
static int check_entry(struct vss_log *log, u32 nr, u64 *sum,
		       struct netlink_ext_ack *extack)
{
	const struct vss_disk_part *entry = &log->super->parts[nr];
	struct block_device *bdev = log->parts[nr]->part->bdev;
	u32 slots = le32_to_cpu(entry->slots);
	u32 log_slots = le32_to_cpu(entry->log_slots);
	struct vss_volume *vol = log->vol;

	*sum += slots;
	/* In less the map may not have room, nor may copies beside it. */
	if (log_slots < vss_disk_half_slots(vol, slots) ||
	    vss_disk_header_slots(vol) + 2ULL * log_slots >= slots ||
	    slots > vss_sector_to_chunk(vol, bdev_nr_sectors(bdev)) ||
	    *sum >= VSS_SLOT_NONE ||
	    le32_to_cpu(log->super->log_block) <
	    bdev_logical_block_size(bdev)) {
		NL_SET_ERR_MSG(extack,
			       "the diff area's superblock does not fit its device");
		return -EUCLEAN;
	}
	return 0;
}

/*
 * The first part gets a superblock when all others have it.  If one of its two is
 * damaged, a part is one step older than it was.
 */
static bool is_of_same_age(const struct vss_log *log,
			   const struct vss_log_part *lp)
{
	u64 first = le64_to_cpu(log->super->seq);
	u64 seq = le64_to_cpu(lp->super->seq);

	return seq + lp->damaged >= first &&
		seq <= first + 1 + log->parts[0]->damaged;
}

static int check_ages(struct vss_log *log, struct netlink_ext_ack *extack)
{
	u32 i;

	for (i = 0; i < log->nr_parts; i++) {
		const struct vss_disk_super *super = log->parts[i]->super;

		if (le32_to_cpu(super->state) != VSS_DISK_LOST)
			continue;
		/* Wherever it is found, and how old the others ever are. */
		log->super->state = super->state;
		log->super->lost_reason = super->lost_reason;
		return 0;
	}
	for (i = 1; i < log->nr_parts; i++) {
		if (is_of_same_age(log, log->parts[i]))
			continue;
		NL_SET_ERR_MSG(extack,
			       "the parts of the diff area are of different times: one of the devices is an older copy");
		return -ESTALE;
	}
	return 0;
}

/*
 * Those that are named and are not part of the area.  One that was being added when
 * the power failed is one step newer at most: more shows that the first part is an
 * older copy.  And it may be the only one that took the record of a loss.
 */
static int drop_strangers(struct vss_log *log, u32 nr_parts,
			  struct netlink_ext_ack *extack)
{
	u64 first = le64_to_cpu(log->super->seq);

	while (log->nr_parts > nr_parts) {
		struct vss_log_part *lp = log->parts[log->nr_parts - 1];
		u64 seq = le64_to_cpu(lp->super->seq);

		if (seq > first &&
		    le32_to_cpu(lp->super->state) == VSS_DISK_LOST) {
			log->super->state = lp->super->state;
			log->super->lost_reason = lp->super->lost_reason;
		} else if (seq > first + 1 + log->parts[0]->damaged) {
			NL_SET_ERR_MSG(extack,
				       "the first part of the diff area is an older copy: another device knows more");
			return -ESTALE;
		}
		pr_info("%pg: %pg is not part of its diff area: it was not added to the end\n",
			log->vol->bdev, lp->part->bdev);
		log->parts[--log->nr_parts] = NULL;
		vss_log_part_free(lp);
	}
	return 0;
}

/**
 * vss_disk_read_supers() - find the parts of the area and the superblock that counts
 * @log:	the log, with what may be its parts; these are in their order and the
 *		superblock is set if 0 is returned
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_disk_read_supers(struct vss_log *log, struct netlink_ext_ack *extack)
{
	u32 i, nr_parts;
	u64 sum = 0;
	int err = 0;

	for (i = 0; i < log->nr_parts && !err; i++)
		err = read_part(log->parts[i], extack);
	err = err ?: find_first(log, extack);
	err = err ?: check_area(log, extack);
	if (err)
		return err;
	nr_parts = le32_to_cpu(log->super->nr_parts);
	for (i = 1; i < nr_parts && !err; i++)
		err = find_part(log, i, extack);
	if (err)
		return err;
	err = drop_strangers(log, nr_parts, extack);
	for (i = 0; i < nr_parts && !err; i++)
		err = check_entry(log, i, &sum, extack);
	return err ?: check_ages(log, extack);
}

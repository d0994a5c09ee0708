// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fingerprint of a volume: what it looked like when it was detached in order,
 * so that the next load can tell whether it was written meanwhile.
 *
 * A small volume is read as a whole.  Of a large one samples are, and these tell
 * something only where a file system changes what is sampled whenever it is
 * mounted: they do not count for other volumes.
 */
#include <linux/align.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/xxhash.h>

#include "log.h"
#include "volume.h"

/* Read at once, if there is memory; so much is all that vss_disk_rw() takes. */
#define LARGE		262144U

#define EDGE		16
#define BETWEEN		(VSS_DISK_PRINTS - 2 * EDGE)

/* Superblocks of file systems: where they are, and what of them is looked at. */
#define EXT_AT			1024
#define EXT_MAGIC_AT		(EXT_AT + 0x38)
#define EXT_MAGIC		0xef53
#define EXT_STATE_AT		(EXT_AT + 0x3a)
#define EXT_VALID		0x0001
#define EXT_INCOMPAT_AT		(EXT_AT + 0x60)
#define EXT_RECOVER		0x0004
#define EXT_JOURNAL_DEV		0x0008
#define EXT_RO_COMPAT_AT	(EXT_AT + 0x64)
#define EXT_ORPHAN_PRESENT	0x00010000
#define EXT_LAST_ORPHAN_AT	(EXT_AT + 0xe8)
#define XFS_MAGIC		"XFSB"
#define XFS_VERSION_AT		100
#define XFS_VERSION_MASK	0x000f
#define XFS_VERSION_5		5
#define BTRFS_AT		65536
#define BTRFS_MAGIC_AT		0x40
#define BTRFS_MAGIC		"_BHRfS_M"
/* Of md's formats the one that lies where it hides no signature. */
#define MD_AT			4096
#define MD_MAGIC		0xa92b4efc
#define MBR_MAGIC_AT		510
#define MBR_MAGIC		0xaa55
#define MBR_TYPE_AT		(446 + 4)
#define MBR_ENTRY_SIZE		16
#define MBR_ENTRIES		4

/* Read so far, of whatever volume. */
static atomic_t pieces;

/* Nobody reads or writes a part of a block at the end. */
static u64 size_of(const struct vss_volume *vol)
{
	return round_down((u64)vol->nr_sectors << SECTOR_SHIFT,
			  (u64)bdev_logical_block_size(vol->bdev));
}

static bool is_whole(const struct vss_volume *vol)
{
	return size_of(vol) <= VSS_DISK_PRINT_WHOLE;
}

/* First byte of region @i, and its length; that is 0 behind the volume's end. */
static u64 region(const struct vss_volume *vol, unsigned int i, u64 *length)
{
	u64 size = size_of(vol), edge = (u64)EDGE * VSS_DISK_PRINT_SIZE, start;

	*length = VSS_DISK_PRINT_SIZE;
	if (is_whole(vol)) {
		*length = round_up(div_u64(size, VSS_DISK_PRINTS) + 1, 4096);
		start = i * *length;
	} else if (i < EDGE) {
		start = (u64)i * VSS_DISK_PRINT_SIZE;
	} else if (i >= EDGE + BETWEEN) {
		i -= EDGE + BETWEEN;
		start = size - edge + (u64)i * VSS_DISK_PRINT_SIZE;
	} else {
		i -= EDGE;
		/* In two steps, so that 64 TiB times 33 does not matter. */
		start = round_down(div_u64(size, BETWEEN + 1) * (i + 1), 4096);
	}
	*length = start < size ? min(*length, size - start) : 0;
	return start;
}

static int read_some(struct vss_log *log, u64 start, void *buf,
		     unsigned int bytes)
{
	return vss_disk_rw(log->vol->bdev, start >> SECTOR_SHIFT, buf, bytes,
			   REQ_OP_READ);
}

/**
 * struct reader - reads regions
 * @log:	the log of the volume
 * @own:	a large buffer, or NULL: the log's has to do
 * @buf:	the buffer
 * @size:	its size
 * @goes_on:	called before each read: 0, or why there is to be none
 * @data:	for @goes_on
 */
struct reader {
	struct vss_log	*log;
	void		*own;
	void		*buf;
	unsigned int	size;
	int		(*goes_on)(void *data);
	void		*data;
};

/* Whether snapshots are lost must not depend on memory: there is a buffer. */
static void begin_reading(struct reader *r, struct vss_log *log,
			  int (*goes_on)(void *data), void *data)
{
	r->log = log;
	r->goes_on = goes_on;
	r->data = data;
	r->own = (void *)__get_free_pages(GFP_NOIO | __GFP_NORETRY |
					  __GFP_NOWARN, get_order(LARGE));
	r->buf = r->own ?: log->buf;
	r->size = r->own ? LARGE : VSS_LOG_BYTES;
}

static void end_reading(struct reader *r)
{
	free_pages((unsigned long)r->own, get_order(LARGE));
}

/* The hash of region @i, 0 behind the volume's end. */
static int hash_region(struct reader *r, unsigned int i, __le64 *hash)
{
	struct xxh64_state state;
	unsigned int n;
	u64 start, left;
	int err;

	*hash = 0;
	start = region(r->log->vol, i, &left);
	if (!left)
		return 0;
	xxh64_reset(&state, 0);
	for (; left; left -= n, start += n) {
		n = min_t(u64, left, r->size);
		err = r->goes_on(r->data) ?:
			read_some(r->log, start, r->buf, n);
		if (err)
			return err;
		xxh64_update(&state, r->buf, n);
		atomic_inc(&pieces);
		cond_resched();
	}
	*hash = cpu_to_le64(xxh64_digest(&state));
	return 0;
}

/**
 * vss_fingerprint_progress() - something that changes while volumes are read
 *
 * Return: a number.
 */
unsigned int vss_fingerprint_progress(void)
{
	return atomic_read(&pieces);
}

/**
 * vss_fingerprint_take() - take a volume's fingerprint
 * @log:	the log of the volume, which nobody writes to; no group is being
 *		built, for its buffer is used
 * @print:	set: VSS_DISK_PRINTS hashes
 * @goes_on:	called before each read: 0, or why there is to be none
 * @data:	for @goes_on
 *
 * Return: 0 or a negative errno.
 */
int vss_fingerprint_take(struct vss_log *log, __le64 *print,
			 int (*goes_on)(void *data), void *data)
{
	struct reader r;
	unsigned int i;
	int err = 0;

	begin_reading(&r, log, goes_on, data);
	for (i = 0; i < VSS_DISK_PRINTS && !err; i++)
		err = hash_region(&r, i, &print[i]);
	end_reading(&r);
	return err;
}

static u16 get_le16(const u8 *buf, unsigned int at)
{
	return le16_to_cpup((const __le16 *)(buf + at));
}

static u32 get_le32(const u8 *buf, unsigned int at)
{
	return le32_to_cpup((const __le32 *)(buf + at));
}

/* At rest, so that a mount changes the superblock before anything else. */
static bool is_ext(const u8 *buf)
{
	return get_le16(buf, EXT_MAGIC_AT) == EXT_MAGIC &&
		get_le16(buf, EXT_STATE_AT) & EXT_VALID &&
		!(get_le32(buf, EXT_INCOMPAT_AT) &
		  (EXT_RECOVER | EXT_JOURNAL_DEV)) &&
		!(get_le32(buf, EXT_RO_COMPAT_AT) & EXT_ORPHAN_PRESENT) &&
		!get_le32(buf, EXT_LAST_ORPHAN_AT);
}

/* Version 5 has the log's number in its superblock, version 4 nothing like it. */
static bool is_xfs(const u8 *buf)
{
	return !memcmp(buf, XFS_MAGIC, strlen(XFS_MAGIC)) &&
		(be16_to_cpup((const __be16 *)(buf + XFS_VERSION_AT)) &
		 XFS_VERSION_MASK) == XFS_VERSION_5;
}

/* What else is found may be left from before there were partitions. */
static bool has_partitions(const u8 *buf)
{
	unsigned int i;
	u8 types = 0;

	for (i = 0; i < MBR_ENTRIES; i++)
		types |= buf[MBR_TYPE_AT + i * MBR_ENTRY_SIZE];
	return get_le16(buf, MBR_MAGIC_AT) == MBR_MAGIC && types;
}

/*
 * Is there a file system that changes what is sampled when it is mounted?  1 or 0,
 * or a negative errno.
 */
static int tells(struct vss_log *log)
{
	u8 *buf = log->buf;
	int err;

	err = read_some(log, 0, buf, MD_AT + 4096);
	if (err)
		return err;
	/* What else looks like one is left from before, or part of another volume. */
	if (has_partitions(buf) || get_le32(buf, MD_AT) == MD_MAGIC)
		return 0;
	if (is_ext(buf) || is_xfs(buf))
		return 1;
	err = read_some(log, BTRFS_AT, buf, 4096);
	return err ?: !memcmp(buf + BTRFS_MAGIC_AT, BTRFS_MAGIC,
			      strlen(BTRFS_MAGIC));
}

static int unless_killed(void *data)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/**
 * vss_fingerprint_is_same() - does a volume look as it did when it was detached?
 * @log:	its log, as for vss_fingerprint_take(); the superblock as it was found
 * @same:	set: it does, and that proves that nobody has mounted or written it
 *
 * Return: 0, or why that is not known: -EINTR, the task is killed, or the errno of
 * a read.
 */
int vss_fingerprint_is_same(struct vss_log *log, bool *same)
{
	struct reader r;
	unsigned int i;
	__le64 hash;
	int ret;

	ret = is_whole(log->vol) ? 1 : tells(log);
	*same = ret > 0;
	begin_reading(&r, log, unless_killed, NULL);
	for (i = 0; i < VSS_DISK_PRINTS && *same && ret >= 0; i++) {
		ret = hash_region(&r, i, &hash);
		*same = !ret && hash == log->super->print[i];
	}
	end_reading(&r);
	return min(ret, 0);
}

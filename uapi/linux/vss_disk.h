/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * linux/vss_disk.h - the format of a diff area that outlives the machine's uptime
 *
 * What the fields mean together, who writes them in which order and what a
 * reader does with them: Documentation/disk-format.md.
 *
 * All numbers are little-endian.  A checksum is CRC-32C (Castagnoli, reflected,
 * all ones before and after: that of "123456789" is 0xe3069283) over the whole
 * block, with the checksum's own field taken as zero.  A hash is XXH64 with seed 0,
 * of what the volume contains: no CRC, for file systems end their own blocks with
 * one, and whatever such a block contains, it then leaves the same in any CRC of
 * that polynomial.  Reserved fields are written as zero and not looked at.
 */
#ifndef _UAPI_LINUX_VSS_DISK_H
#define _UAPI_LINUX_VSS_DISK_H

#include <linux/types.h>

#define VSS_DISK_MAGIC		"LinuxVSS"
#define VSS_DISK_UUID_SIZE	16

/* Places within a part, in bytes of its slot space. */
#define VSS_DISK_HEADER_SIZE	65536	/* superblocks and extent blocks */
#define VSS_DISK_SUPER_SIZE	4096
#define VSS_DISK_SUPER_STRIDE	32768	/* superblock N is at N times this */
#define VSS_DISK_NR_SUPERS	2

#define VSS_DISK_MAX_PARTS	64
#define VSS_DISK_MAX_SNAPSHOTS	512
#define VSS_DISK_MAX_CHUNKS	16	/* in one entry */

#define VSS_DISK_MIN_LOG_BLOCK	512
#define VSS_DISK_MAX_LOG_BLOCK	4096

/* In place of a slot: the chunk could not be read before it was overwritten. */
#define VSS_DISK_UNREADABLE	0xffffffffU

/*
 * Features.  With an unknown bit in incompat nobody may read the area, with one
 * in ro_compat nobody may write it; unknown bits in compat do not matter.
 */
#define VSS_DISK_COMPAT_ALL	0ULL
#define VSS_DISK_RO_COMPAT_HEAD	0x1ULL	/* the volume's head is recorded */
#define VSS_DISK_RO_COMPAT_ALL	VSS_DISK_RO_COMPAT_HEAD
#define VSS_DISK_INCOMPAT_HASH	0x1ULL	/* hashes are XXH64; always set */
#define VSS_DISK_INCOMPAT_ALL	VSS_DISK_INCOMPAT_HASH

/**
 * enum vss_disk_state - what a superblock says about the volume
 * @VSS_DISK_ACTIVE:	attached, or it was not detached in order
 * @VSS_DISK_CLEAN:	detached in order; @log_end and @print are set
 * @VSS_DISK_LOST:	no snapshot is good any more; @lost_reason says why
 */
enum vss_disk_state {
	VSS_DISK_ACTIVE	= 1,
	VSS_DISK_CLEAN	= 2,
	VSS_DISK_LOST	= 3,
};

/**
 * struct vss_disk_part - a part of the area, in the superblock's table
 * @uuid:	its name
 * @slots:	slots it has, those of its header and log included
 * @log_slots:	slots of it that each half of the log has
 * @reserved:	zero
 */
struct vss_disk_part {
	__u8	uuid[VSS_DISK_UUID_SIZE];
	__le32	slots;
	__le32	log_slots;
	__le32	reserved[2];
};

/* The volume's first bytes, where file systems tell that they are mounted. */
#define VSS_DISK_HEAD_SIZE	4096

/* Regions of the volume: all of it up to this size, else samples of that length. */
#define VSS_DISK_PRINTS		64
#define VSS_DISK_PRINT_WHOLE	0x40000000
#define VSS_DISK_PRINT_SIZE	65536

/**
 * struct vss_disk_super - a superblock, 4096 bytes
 * @magic:	VSS_DISK_MAGIC
 * @crc:	checksum of the 4096 bytes
 * @size:	4096
 * @compat:	features that matter to nobody else
 * @ro_compat:	features that matter to who writes
 * @incompat:	features that matter to who reads
 * @seq:	raised by one for each superblock that is written; it lies at
 *		(@seq % 2) * VSS_DISK_SUPER_STRIDE
 * @area:	name of the area, the same on all parts
 * @boot:	name of the boot that wrote it, zero: unknown
 * @part_nr:	which part this is, 0 for the first
 * @nr_parts:	parts of the area
 * @chunk_size:	bytes, a power of two, 4096 to 262144
 * @log_block:	bytes, 512 to 4096, a power of two
 * @volume_size: bytes of the volume
 * @time:	when it was written, ns since 1970-01-01 UTC
 * @state:	enum vss_disk_state
 * @lost_reason: enum vss_lost_reason, in VSS_DISK_LOST
 * @log_half:	the half in which the log begins, 0 or 1
 * @nr_extents:	extents of this part, 0: it is a whole device
 * @log_first:	sequence number of the log's first block
 * @log_end:	in VSS_DISK_CLEAN that of the first block behind the log
 * @head:	hash of the volume's first @head_size bytes, when they were written
 *		last
 * @head_size:	VSS_DISK_HEAD_SIZE, or 0: not known
 * @reserved:	zero
 * @parts:	all parts; further ones are zero
 * @print:	in VSS_DISK_CLEAN hashes of regions of the volume
 * @reserved2:	zero
 */
struct vss_disk_super {
	__u8			magic[8];
	__le32			crc;
	__le32			size;
	__le64			compat;
	__le64			ro_compat;
	__le64			incompat;
	__le64			seq;
	__u8			area[VSS_DISK_UUID_SIZE];
	__u8			boot[VSS_DISK_UUID_SIZE];
	__le32			part_nr;
	__le32			nr_parts;
	__le32			chunk_size;
	__le32			log_block;
	__le64			volume_size;
	__le64			time;
	__le32			state;
	__le32			lost_reason;
	__le32			log_half;
	__le32			nr_extents;
	__le64			log_first;
	__le64			log_end;
	__le64			head;
	__le32			head_size;
	__u8			reserved[100];
	struct vss_disk_part	parts[VSS_DISK_MAX_PARTS];
	__le64			print[VSS_DISK_PRINTS];
	__u8			reserved2[1280];
};

/* Extent blocks are at N * 4096 and VSS_DISK_SUPER_STRIDE + N * 4096, N from 1. */
#define VSS_DISK_EXTENT_BLOCKS	7
#define VSS_DISK_BLOCK_EXTENTS	254
#define VSS_DISK_MAX_EXTENTS	(VSS_DISK_EXTENT_BLOCKS * VSS_DISK_BLOCK_EXTENTS)
#define VSS_DISK_EXTENT_MAGIC	0x54584556U	/* "VEXT" */

/**
 * struct vss_disk_extent - where some slots of a part that is a file are
 * @start:	first byte on the device that holds the file system
 * @length:	bytes; what is not a whole chunk at the end is not used
 */
struct vss_disk_extent {
	__le64	start;
	__le64	length;
};

/**
 * struct vss_disk_extents - a block of extents, 4096 bytes
 * @magic:	VSS_DISK_EXTENT_MAGIC
 * @crc:	checksum of the 4096 bytes
 * @nr:		extents in it
 * @index:	number of the block, from 0 on
 * @uuid:	name of the part
 * @extents:	the extents
 */
struct vss_disk_extents {
	__le32			magic;
	__le32			crc;
	__le32			nr;
	__le32			index;
	__u8			uuid[VSS_DISK_UUID_SIZE];
	struct vss_disk_extent	extents[VSS_DISK_BLOCK_EXTENTS];
};

#define VSS_DISK_LOG_MAGIC	0x474f4c56U	/* "VLOG" */
#define VSS_DISK_LOG_END	0x0001		/* last block of its group */

/**
 * struct vss_disk_log - head of a log block; entries follow, zeroes behind them
 * @magic:	VSS_DISK_LOG_MAGIC
 * @crc:	checksum of the block (vss_disk_super.log_block bytes)
 * @area:	the first eight bytes of the area's name
 * @seq:	number of the block, raised by one for each
 * @first:	number of the first block of its group
 * @flushed:	blocks with a lower number were durable, with the data they
 *		name, before this one was written
 * @super_seq:	vss_disk_super.seq when this was written
 * @epoch:	the tag of its VSS_DISK_COPY entries
 * @units:	16-byte units of entries
 * @flags:	VSS_DISK_LOG_END
 */
struct vss_disk_log {
	__le32	magic;
	__le32	crc;
	__u8	area[8];
	__le64	seq;
	__le64	first;
	__le64	flushed;
	__le64	super_seq;
	__le32	epoch;
	__le16	units;
	__le16	flags;
	__le64	reserved;
};

#define VSS_DISK_UNIT		16

/**
 * enum vss_disk_type - kinds of entries, their first byte
 * @VSS_DISK_COPY:	chunks were copied: struct vss_disk_copy
 * @VSS_DISK_MAP:	chunks that were copied before: struct vss_disk_copy
 * @VSS_DISK_SNAPSHOT:	a snapshot, new or known: struct vss_disk_snapshot
 * @VSS_DISK_SEALED:	its set is complete: struct vss_disk_event
 * @VSS_DISK_GONE:	it is deleted or lost: struct vss_disk_event
 * @VSS_DISK_SWITCH:	the log goes on in the other half: struct vss_disk_event
 * @VSS_DISK_WHOLE:	what is in this half is all there is: struct vss_disk_event
 */
enum vss_disk_type {
	VSS_DISK_COPY		= 1,
	VSS_DISK_MAP		= 2,
	VSS_DISK_SNAPSHOT	= 3,
	VSS_DISK_SEALED		= 4,
	VSS_DISK_GONE		= 5,
	VSS_DISK_SWITCH		= 6,
	VSS_DISK_WHOLE		= 7,
};

/**
 * struct vss_disk_copy - where the old content of adjacent chunks is, 1 unit
 * @type:	VSS_DISK_COPY or VSS_DISK_MAP
 * @nr:		number of chunks, 1 to VSS_DISK_MAX_CHUNKS
 * @chunk_high:	bits 32 to 47 of the first chunk's number
 * @chunk_low:	bits 0 to 31
 * @slot:	slot of the first, the others follow; or VSS_DISK_UNREADABLE
 * @hash:	VSS_DISK_COPY: the low half of the hash of the chunks' content
 * @tag:	VSS_DISK_MAP: the tag
 */
struct vss_disk_copy {
	__u8	type;
	__u8	nr;
	__le16	chunk_high;
	__le32	chunk_low;
	__le32	slot;
	union {
		__le32	hash;
		__le32	tag;
	};
};

#define VSS_DISK_SNAPSHOT_SEALED	0x0001	/* its set is complete */

/**
 * struct vss_disk_snapshot - a snapshot, 4 units
 * @type:	VSS_DISK_SNAPSHOT
 * @pad:	zero
 * @flags:	VSS_DISK_SNAPSHOT_*
 * @epoch:	its number
 * @time:	the instant, ns since 1970-01-01 UTC
 * @uuid:	its name
 * @set:	name of its set
 * @members:	snapshots in the set
 * @lost_reason: enum vss_lost_reason, if it is lost
 * @reserved:	zero
 */
struct vss_disk_snapshot {
	__u8	type;
	__u8	pad;
	__le16	flags;
	__le32	epoch;
	__le64	time;
	__u8	uuid[VSS_DISK_UUID_SIZE];
	__u8	set[VSS_DISK_UUID_SIZE];
	__le32	members;
	__le32	lost_reason;
	__le64	reserved;
};

/**
 * struct vss_disk_event - something happened, 1 unit
 * @type:	VSS_DISK_SEALED, VSS_DISK_GONE, VSS_DISK_SWITCH or VSS_DISK_WHOLE
 * @pad:	zero
 * @reason:	VSS_DISK_GONE: 0 deleted, else enum vss_lost_reason
 * @epoch:	VSS_DISK_SEALED, VSS_DISK_GONE: number of the snapshot
 * @time:	when, ns since 1970-01-01 UTC
 */
struct vss_disk_event {
	__u8	type;
	__u8	pad;
	__le16	reason;
	__le32	epoch;
	__le64	time;
};

/*
 * A revert that a power failure must not end, on part 0 where that is a whole device, at
 * these places.  Programs write it and carry it out; the module does not look at it.
 */
#define VSS_DISK_REVERT_AT	4096
#define VSS_DISK_REVERT_OLD_AT	8192	/* the volume's head before it, or a veil */
#define VSS_DISK_REVERT_NEW_AT	12288	/* and after */
#define VSS_DISK_REVERT_MAGIC	"VSSrevrt"

/**
 * enum vss_disk_revert_state - how far a revert is
 * @VSS_DISK_REVERT_WANTED:	nothing is written yet
 * @VSS_DISK_REVERT_WRITING:	the volume is being written, but not its head
 * @VSS_DISK_REVERT_HEAD:	all but the head is written; that is the old one, the
 *				new one, or each sector that of either
 * @VSS_DISK_REVERT_DONE:	it was set back to that snapshot last
 * @VSS_DISK_REVERT_ENDED:	likewise, and what vssd had begun was ended without it
 */
enum vss_disk_revert_state {
	VSS_DISK_REVERT_WANTED	= 1,
	VSS_DISK_REVERT_WRITING	= 2,
	VSS_DISK_REVERT_HEAD	= 3,
	VSS_DISK_REVERT_DONE	= 4,
	VSS_DISK_REVERT_ENDED	= 5,
};

/**
 * struct vss_disk_revert - the record of a revert, 512 bytes
 * @magic:	VSS_DISK_REVERT_MAGIC
 * @crc:	checksum of the 512 bytes
 * @size:	512
 * @state:	enum vss_disk_revert_state
 * @reserved:	zero
 * @old_head:	hash of VSS_DISK_HEAD_SIZE bytes at VSS_DISK_REVERT_OLD_AT, in
 *		VSS_DISK_REVERT_WRITING and VSS_DISK_REVERT_HEAD
 * @new_head:	likewise at VSS_DISK_REVERT_NEW_AT, in VSS_DISK_REVERT_HEAD
 * @area:	name of the area
 * @snapshot:	name of the snapshot that the volume is set back to
 * @time:	when it was asked for, ns since 1970-01-01 UTC
 * @reserved2:	zero
 */
struct vss_disk_revert {
	__u8	magic[8];
	__le32	crc;
	__le32	size;
	__le32	state;
	__le32	reserved;
	__le64	old_head;
	__le64	new_head;
	__u8	area[VSS_DISK_UUID_SIZE];
	__u8	snapshot[VSS_DISK_UUID_SIZE];
	__le64	time;
	__u8	reserved2[432];
};

/*
 * The front of a volume: as far as file systems have what they are found and mounted by.
 * The last of them is the superblock of btrfs, at 64 KiB.
 */
#define VSS_DISK_FRONT_SIZE	69632
#define VSS_DISK_FRONT_SECTORS	128	/* of it, of 512 bytes, behind the head */
#define VSS_DISK_VEIL_MAGIC	"VSS veil"

/**
 * struct vss_disk_veil - what a volume has as its head while it is set back, 4096 bytes
 * @magic:	VSS_DISK_VEIL_MAGIC
 * @crc:	checksum of the 4096 bytes
 * @size:	4096
 * @area:	name of the area
 * @snapshot:	name of the snapshot that the volume is set back to
 * @name:	random, another one for each veil
 * @text:	for people who find it, filled with zeros
 * @reserved:	zero
 * @old_front:	hashes of the sectors behind the head before the veil
 * @new_front:	likewise of the snapshot
 *
 * The rest of the front is zero meanwhile, so that nobody mounts the volume.
 */
struct vss_disk_veil {
	__u8	magic[8];
	__le32	crc;
	__le32	size;
	__u8	area[VSS_DISK_UUID_SIZE];
	__u8	snapshot[VSS_DISK_UUID_SIZE];
	__u8	name[VSS_DISK_UUID_SIZE];
	__u8	text[448];
	__u8	reserved[1536];
	__le64	old_front[VSS_DISK_FRONT_SECTORS];
	__le64	new_front[VSS_DISK_FRONT_SECTORS];
};

#endif /* _UAPI_LINUX_VSS_DISK_H */

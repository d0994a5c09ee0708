/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the diff area of a volume from its devices, without the kernel module
 * and without its code: only linux/vss_disk.h is common to them.
 *
 * What it reads may be damaged or made up.  Whatever it finds wrong becomes a
 * problem in a list; nothing of what it reads is trusted before it is checked.
 */
#ifndef VSSCTL_DISK_H
#define VSSCTL_DISK_H

#include <linux/vss_disk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "revert-wish.h"

/* Where a part begins: the first byte of a device, or of a file's first extent. */
struct vssctl_disk_source {
	int fd;				/* open for reading, stays the caller's */
	const char *name;		/* for messages, stays the caller's */
	uint64_t offset;
};

/* One of the two superblocks of a part. */
struct vssctl_disk_super {
	bool readable;
	bool valid;			/* magic, checksum, place */
	uint64_t seq;
	struct vss_disk_super super;	/* as it is on disk */
};

struct vssctl_disk_part {
	struct vssctl_disk_source source;
	uint64_t device_size;
	struct vssctl_disk_super supers[VSS_DISK_NR_SUPERS];
	struct vss_disk_super super;	/* the newest valid one, as it is on disk */
	bool found;			/* @super is one */
	uint32_t slots;
	uint32_t log_slots;
	uint32_t first_slot;		/* number of its first slot in the area */
	struct vss_disk_extent *extents; /* of a file, as they are on disk */
	size_t nr_extents;
};

enum vssctl_disk_life {
	VSSCTL_DISK_ALIVE,
	VSSCTL_DISK_LOST,		/* for the reason it has */
	VSSCTL_DISK_UNFINISHED,		/* its set was never complete: gone at the next attach */
	VSSCTL_DISK_DELETED,
};

struct vssctl_disk_snapshot {
	uint32_t epoch;
	uint64_t time;
	uint8_t uuid[VSS_DISK_UUID_SIZE];
	uint8_t set[VSS_DISK_UUID_SIZE];
	uint32_t members;
	bool sealed;
	enum vssctl_disk_life life;
	uint32_t lost_reason;
	uint64_t chunks;		/* that have its tag */
	uint32_t chain;			/* inner use */
};

/* How bad a problem is. */
enum vssctl_disk_level {
	VSSCTL_DISK_NOTE,		/* nothing is lost, such as one of two superblocks */
	VSSCTL_DISK_CONTENT,		/* a copy is not what was copied; the module does not know */
	VSSCTL_DISK_DAMAGE,		/* the snapshots cannot be trusted, and are lost */
	VSSCTL_DISK_UNREADABLE,		/* nothing can be said about snapshots */
};

struct vssctl_disk_problem {
	enum vssctl_disk_level level;
	char text[256];
};

struct vssctl_disk_map;

struct vssctl_disk {
	struct vssctl_disk_part *parts;	/* in the order of the area once it was read */
	size_t nr_parts;
	bool known;			/* the geometry below is right */
	uint32_t chunk_size;
	uint32_t log_block;
	uint64_t volume_size;
	uint64_t nr_chunks;
	uint32_t nr_slots;		/* of all parts */
	uint32_t meta_slots;		/* of them for superblocks and log */
	uint64_t half_blocks;		/* log blocks in a half */
	bool replayed;			/* the log was read to its end */
	uint64_t log_next;		/* number of the first block behind its end */
	uint64_t groups;
	uint64_t blocks;
	uint64_t dropped_groups;	/* at the end, that were never durable */
	uint64_t entries;
	uint64_t data_checked;		/* bytes of copies compared with their checksums */
	uint64_t data_bare;		/* bytes of copies that have no checksum, or not any more */
	uint32_t used_slots;		/* by copies */
	struct vssctl_wish wish;	/* the record of a revert; state 0 for none */
	struct vssctl_disk_snapshot *snapshots;
	size_t nr_snapshots;
	struct vssctl_disk_problem *problems;
	size_t nr_problems;
	enum vssctl_disk_level worst;	/* meaningful if there are problems */
	struct vssctl_disk_map *map;
};

/* Called for each run of chunks that a snapshot's copies are in. */
typedef void vssctl_disk_run_fn(void *data, uint64_t chunk, uint32_t nr, uint32_t tag, uint32_t slot);

/*
 * Read an area from its parts, in any order.  @check_data: compare also the content
 * of copies with their checksums.  0, or -ENOMEM; whatever else is wrong is in the
 * list of problems.  vssctl_disk_clear() is to be called in any case.
 */
int vssctl_disk_read(struct vssctl_disk *disk, const struct vssctl_disk_source *sources,
		     size_t count, bool check_data);
void vssctl_disk_clear(struct vssctl_disk *disk);

/* All copies that are needed, by slot.  0 or -ENOMEM. */
int vssctl_disk_copies(struct vssctl_disk *disk, vssctl_disk_run_fn *fn, void *data);

/* CRC-32C of @size bytes, continued from that of those before; 0 to begin with. */
uint32_t vssctl_crc32c(uint32_t crc, const void *data, size_t size);

/* The same of a block whose own checksum is in the four bytes at @at. */
uint32_t vssctl_disk_crc(const void *block, size_t size, size_t at);

/* For the files of the reader. */

/* Note a problem. */
void vssctl_disk_problem(struct vssctl_disk *disk, enum vssctl_disk_level level,
			 const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Read from a part's slot space; a range within one slot.  0 or -EIO. */
int vssctl_disk_read_part(struct vssctl_disk *disk, const struct vssctl_disk_part *part,
			  uint64_t byte, void *buffer, size_t size);
/* Read the beginning of a slot of the area.  0 or -EIO. */
int vssctl_disk_read_slot(struct vssctl_disk *disk, uint32_t slot, void *buffer, size_t size);
/* Read a log block.  0 or -EIO. */
int vssctl_disk_read_log(struct vssctl_disk *disk, unsigned int half, uint64_t index, void *buffer);
bool vssctl_disk_is_meta(const struct vssctl_disk *disk, uint32_t slot);

/* Find and check the superblocks; sets @known.  0 or -ENOMEM. */
int vssctl_disk_read_supers(struct vssctl_disk *disk, const struct vssctl_disk_source *sources,
			    size_t count);
/* Walk the log; fills the map.  0 or -ENOMEM. */
int vssctl_disk_replay(struct vssctl_disk *disk, bool check_data);

/* The state that entries lead to. */
int vssctl_disk_map_new(struct vssctl_disk *disk);
void vssctl_disk_map_free(struct vssctl_disk *disk);
/* @hash: of the content, NULL: it is not known.  0, -ENOMEM or -EBADMSG. */
int vssctl_disk_map_copy(struct vssctl_disk *disk, uint64_t chunk, uint32_t nr, uint32_t tag,
			 uint32_t slot, const uint32_t *hash);
int vssctl_disk_map_snapshot(struct vssctl_disk *disk, const struct vss_disk_snapshot *entry);
int vssctl_disk_map_sealed(struct vssctl_disk *disk, uint32_t epoch);
/* @life: deleted, lost or unfinished. */
int vssctl_disk_map_gone(struct vssctl_disk *disk, uint32_t epoch, enum vssctl_disk_life life,
			 uint32_t reason);
/* Drop what an attach would drop, and count. */
int vssctl_disk_map_finish(struct vssctl_disk *disk);
/* Compare content with checksums, where these are known.  0 or -ENOMEM. */
int vssctl_disk_map_check_data(struct vssctl_disk *disk);

#endif /* VSSCTL_DISK_H */

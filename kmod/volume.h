/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tracked volume: the range of a disk whose writes the module sees, with
 * everything that belongs to it.
 */
#ifndef VSS_VOLUME_H
#define VSS_VOLUME_H

#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

#include "area.h"
#include "compat.h"
#include "copy.h"
#include "gate.h"
#include "map.h"
#include "safebits.h"

struct vss_log;
struct vss_set;
struct vss_snapshot;

#define VSS_MAX_VOLUMES		1024
#define VSS_PUBSEQ_SLOTS	4096

/**
 * struct vss_volume - a tracked volume
 * @hash:	in the look-up table by disk; RCU, changed under vss_mutex
 * @list:	in vss_volumes, or in a list of those that were detached;
 *		changed under vss_mutex
 * @handle:	keeps the device open, shared
 * @bdev:	the device
 * @disk:	its disk
 * @start:	first sector on the disk
 * @nr_sectors:	size when it was attached
 * @chunk_shift: log2 of the chunk size in bytes
 * @nr_chunks:	chunks, the last one may be short
 * @whole:	a whole disk, not a partition
 * @set:	the set in creation that has the volume as a member, or NULL;
 *		under vss_mutex
 * @log:	of a persistent diff area, else NULL.  Set and cleared under
 *		vss_mutex while there are neither snapshots nor copies, or
 *		with the gate held
 * @leaving:	snapshots that are dropped stay on disk; under vss_mutex
 * @wq:		runs the works of this volume that writes wait for
 * @near_wq:	the same on the CPU at hand
 * @store_wq:	runs what nobody waits for: the way to the diff area
 * @gate:	admission of writes
 * @copier:	copy-before-write
 * @area:	the diff area
 * @map:	where the copied chunks are
 * @safe:	which chunks need no copy
 * @snap_lock:	protects @snaps, @live and @gen against each other
 * @snaps:	snapshots in the order of their epochs; additions and removals
 *		also under vss_mutex
 * @nr_snaps:	their number, with those removed but not freed; under vss_mutex
 * @live:	the newest snapshot alive, or NULL.  Written under @snap_lock,
 *		read by anyone; what it points to may be looked at under a
 *		shard lock (its removal takes each of them afterwards)
 * @live_back:	times that @live went back to an older snapshot, or to none;
 *		raised before @live is changed, under @snap_lock
 * @gen:	epoch of the newest snapshot ever committed; the generation of
 *		@safe.  Written under @snap_lock while no write is admitted
 * @reap_lock:	serialises the removal of snapshots from @map.  Taken in the
 *		I/O path's works: no holder may wait for writes to this volume
 * @spoilt:	times that something happened to the volume or its area that
 *		takes from the snapshots what they rest on; raised before they
 *		are lost by that
 * @spoilt_by:	what that was, the last time
 * @cut:	the disk's last known size ends within the volume
 * @bypassed:	the disk was made a path of a multipath device since the attach
 * @pubseq:	publish counters by chunk group; raised under the shard lock
 * @stats:	counters for userspace
 */
struct vss_volume {
	struct hlist_node	hash;
	struct list_head	list;
	vss_bdev_handle		handle;
	struct block_device	*bdev;
	struct gendisk		*disk;
	sector_t		start;
	sector_t		nr_sectors;
	unsigned int		chunk_shift;
	u64			nr_chunks;
	bool			whole;
	struct vss_set		*set;
	struct vss_log		*log;
	bool			leaving;
	struct workqueue_struct	*wq;
	struct workqueue_struct	*near_wq;
	struct workqueue_struct	*store_wq;

	struct vss_gate		gate;
	struct vss_copier	copier;
	struct vss_area		area;
	struct vss_map		map;
	struct vss_safebits	safe;

	spinlock_t		snap_lock;	/* @snaps, @live, @gen */
	struct list_head	snaps;
	u32			nr_snaps;
	struct vss_snapshot	*live;
	u32			live_back;
	u32			gen;
	struct mutex		reap_lock;	/* removal from @map */

	atomic_t		spoilt;
	enum vss_lost_reason	spoilt_by;
	bool			cut;
	bool			bypassed;
	atomic_t		*pubseq;

	struct {
		atomic64_t	held;
		atomic64_t	chunks_copied;
		atomic64_t	copy_reads;
		atomic64_t	area_writes;
	} stats;
};

extern struct mutex vss_mutex;
extern struct list_head vss_volumes;
extern unsigned int vss_nr_volumes;

int vss_volume_attach(dev_t dev, u32 chunk_size, u64 copy_memory,
		      struct vss_volume **volp, struct netlink_ext_ack *extack);
int vss_volume_detach(struct vss_volume *vol, bool force,
		      struct list_head *dropped,
		      struct netlink_ext_ack *extack);
unsigned int vss_volume_openers(const struct vss_volume *vol);
bool vss_volume_is_closed(const struct vss_volume *vol);
bool vss_volume_wait_openers(const struct vss_volume *vol, unsigned int max);
int vss_volume_quiesce(struct vss_volume *vol);
void vss_volume_free(struct vss_volume *vol);
void vss_volumes_resized(struct gendisk *disk, sector_t sectors);
void vss_volumes_bypassed(struct gendisk *disk);
struct vss_volume *vss_volume_find(dev_t dev);
int vss_volume_check(struct vss_volume *vol, struct netlink_ext_ack *extack);
struct vss_volume *vss_volume_next_hit(struct gendisk *disk, sector_t sector,
				       sector_t nr, struct vss_volume *prev);
u64 vss_volume_memory(struct vss_volume *vol);

static inline u64 vss_sector_to_chunk(const struct vss_volume *vol,
				      sector_t sector)
{
	return sector >> (vol->chunk_shift - SECTOR_SHIFT);
}

static inline sector_t vss_chunk_to_sector(const struct vss_volume *vol,
					   u64 chunk)
{
	return chunk << (vol->chunk_shift - SECTOR_SHIFT);
}

/* Sectors of one chunk. */
static inline unsigned int vss_chunk_sectors(const struct vss_volume *vol)
{
	return 1U << (vol->chunk_shift - SECTOR_SHIFT);
}

/* The publish counter of a group of chunks. */
static inline atomic_t *vss_pubseq(struct vss_volume *vol, u32 group)
{
	return &vol->pubseq[group % VSS_PUBSEQ_SLOTS];
}

#endif /* VSS_VOLUME_H */

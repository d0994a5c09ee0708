/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The diff area of a volume: room for copied chunks, in slots of a chunk each,
 * on block devices and in preallocated files.
 */
#ifndef VSS_AREA_H
#define VSS_AREA_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/spinlock.h>
#include <linux/vss.h>

#include "compat.h"

struct vss_log_request;
struct vss_volume;

/**
 * struct vss_part - a device or file that gives room to a diff area
 * @list:	in vss_area.parts; under vss_mutex
 * @id:		number within the volume
 * @type:	device or file
 * @handle:	the device when it is owned as a whole, else NULL
 * @bdev:	where its slots are; for a file the file system's device
 * @file:	the pinned file, or NULL
 * @on_origin:	lies on the volume it serves
 * @state:	enum vss_area_state; under vss_mutex, but VSS_AREA_ERROR
 * @slots:	number of its slots
 * @used:	slots of it in use; under vss_area.lock
 * @meta:	of them those that no copy gets; likewise
 * @raw:	extents of a file as they were told, in sectors of @bdev
 * @nr_raw:	their number
 */
struct vss_part {
	struct list_head	list;
	u32			id;
	enum vss_area_type	type;
	vss_bdev_handle		handle;
	struct block_device	*bdev;
	struct file		*file;
	bool			on_origin;
	enum vss_area_state	state;
	u32			slots;
	u32			used;
	u32			meta;
	struct vss_raw_extent	*raw;
	u32			nr_raw;
};

/**
 * struct vss_raw_extent - a range of sectors
 * @start:	first sector
 * @nr:		number of sectors
 */
struct vss_raw_extent {
	sector_t	start;
	sector_t	nr;
};

/**
 * struct vss_extent - adjacent slots on adjacent sectors
 * @slot:	first slot
 * @nr:		number of slots
 * @sector:	first sector on the part's device
 * @part:	the part
 */
struct vss_extent {
	u32		slot;
	u32		nr;
	sector_t	sector;
	struct vss_part	*part;
};

/**
 * struct vss_extents - all slots of an area, in the order of their numbers
 * @rcu:	for freeing
 * @nr:		number of extents
 * @ext:	the extents
 */
struct vss_extents {
	struct rcu_head		rcu;
	u32			nr;
	struct vss_extent	ext[];
};

/**
 * struct vss_own_ranges - where the area lies on its own volume
 * @rcu:	for freeing
 * @nr:		number of ranges
 * @range:	sectors relative to the volume, sorted, not overlapping
 */
struct vss_own_ranges {
	struct rcu_head		rcu;
	u32			nr;
	struct vss_raw_extent	range[];
};

/**
 * struct vss_area - a diff area
 * @parts:	its parts; under vss_mutex
 * @next_id:	id of the next part
 * @lock:	protects @bitmap, the counters, vss_part.used and vss_part.meta
 * @bitmap:	slots in use
 * @nr_slots:	slots there are
 * @used:	slots in use
 * @meta:	slots that no copy gets: superblocks and log, and all of a part
 *		that is not open yet
 * @reserved:	slots promised by vss_area_reserve(), not yet taken
 * @dying:	slots in use that will be free when their write has ended
 * @cursor:	where the search for a free slot goes on
 * @low_water:	an event is due when fewer slots than this are free
 * @low_set:	userspace has chosen @low_water
 * @low_told:	it was sent
 * @failed:	a write failed: nothing more is stored here
 * @failed_bdev: on this device
 * @extents:	the slots' places; RCU, replaced under vss_mutex and @lock
 * @own:	own ranges, or NULL; RCU, replaced under vss_mutex and @lock
 */
struct vss_area {
	struct list_head		parts;
	u32				next_id;
	spinlock_t			lock; /* @bitmap and the counters */
	unsigned long			*bitmap;
	u32				nr_slots;
	u32				used;
	u32				meta;
	u32				reserved;
	u32				dying;
	u32				cursor;
	u32				low_water;
	bool				low_set;
	bool				low_told;
	bool				failed;
	struct block_device		*failed_bdev;
	struct vss_extents __rcu	*extents;
	struct vss_own_ranges __rcu	*own;
};

/**
 * struct vss_area_io - what every bio of ours to a diff area has as bi_private
 * @vol:	the volume whose area it is
 * @done:	called when the bio ends, from any context; owns it from then on
 */
struct vss_area_io {
	struct vss_volume	*vol;
	void			(*done)(struct bio *bio);
};

void vss_area_init(struct vss_area *area);
void vss_area_destroy(struct vss_volume *vol);

int vss_area_add_devices(struct vss_volume *vol, const dev_t *devs, u32 nr,
			 const struct vss_log_request *req,
			 struct vss_part **partp,
			 struct netlink_ext_ack *extack);
int vss_area_add_file(struct vss_volume *vol, int fd, struct vss_part **partp,
		      struct netlink_ext_ack *extack);
int vss_area_add_extents(struct vss_volume *vol, struct vss_part *part,
			 const struct vss_raw_extent *ext, u32 nr, bool last,
			 struct netlink_ext_ack *extack);
int vss_area_remove(struct vss_volume *vol, struct vss_part *part,
		    struct netlink_ext_ack *extack);
struct vss_part *vss_area_part(struct vss_volume *vol, u32 id);
bool vss_area_is_cut(struct vss_volume *vol, const struct gendisk *disk,
		     sector_t sectors);

void vss_area_enlist(struct vss_volume *vol, struct vss_part *part);
u32 vss_area_count_slots(struct vss_volume *vol, struct vss_part *part);
int vss_area_activate(struct vss_volume *vol, struct vss_part *part,
		      bool closed, struct netlink_ext_ack *extack);
void vss_area_open(struct vss_volume *vol, struct vss_part *part, u32 meta);
int vss_area_deactivate(struct vss_volume *vol, struct vss_part *part,
			struct netlink_ext_ack *extack);

bool vss_area_reserve(struct vss_volume *vol, u32 n);
void vss_area_unreserve(struct vss_area *area, u32 n);
u32 vss_area_take(struct vss_area *area, u32 want, u32 *slot);
bool vss_area_claim(struct vss_area *area, u32 slot);
void vss_area_free(struct vss_area *area, u32 slot);
void vss_area_free_run(struct vss_area *area, u32 slot, u32 nr);
void vss_area_set_dying(struct vss_area *area, u32 n);
void vss_area_free_dying(struct vss_area *area, u32 slot);
bool vss_area_short_of(struct vss_area *area, u32 n);
bool vss_area_is_crowded(struct vss_area *area);
bool vss_area_is_low(struct vss_area *area);
void vss_area_mark_failed(struct vss_area *area);
void vss_area_forget_failure(struct vss_area *area,
			     const struct vss_part *gone);
void vss_area_usage(struct vss_volume *vol, u64 *size, u64 *used);
void vss_area_set_low_water(struct vss_volume *vol, u64 bytes);
u64 vss_area_low_water(struct vss_volume *vol);
u64 vss_area_memory(struct vss_area *area);

u32 vss_area_locate(struct vss_volume *vol, u32 slot,
		    struct block_device **bdev, sector_t *sector);
sector_t vss_area_own_range(struct vss_area *area, sector_t sector, sector_t nr,
			    bool *own);
bool vss_area_owns_bio(const struct vss_volume *vol, bio_end_io_t *end_io,
		       void *private);
void vss_area_submit(struct bio *bio, struct vss_area_io *io);
int vss_area_rw_sync(struct vss_volume *vol, u32 slot, unsigned int offset,
		     struct page **pages, unsigned int bytes, blk_opf_t opf);

#endif /* VSS_AREA_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: the state of a volume at one instant, with its image device.
 */
#ifndef VSS_SNAPSHOT_H
#define VSS_SNAPSHOT_H

#include <linux/blkdev.h>
#include <linux/netlink.h>
#include <linux/uuid.h>
#include <linux/vss.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "map.h"

struct vss_disk_snapshot;
struct vss_volume;

/**
 * struct vss_snapshot - a snapshot of a volume
 * @list:	in vss_volume.snaps; or in a list of those to be freed
 * @vol:	the volume
 * @uuid:	its name, chosen by userspace
 * @set_uuid:	name of the set it was made in
 * @epoch:	number of the snapshot on the volume; 0 before its commit
 * @time_ns:	the instant, wall clock
 * @state:	written under vss_volume.snap_lock; whoever reads the image
 *		looks at it after the data have come
 * @reason:	why it was lost
 * @spoilt:	vss_volume.spoilt as it must be
 * @reaped:	it owns no copies any more; under vss_volume.reap_lock
 * @copied:	chunks whose copy has its tag
 * @chain:	its records, by shard; under the shard's lock
 * @disk:	the image
 * @disk_added:	the image is visible; set by its set
 * @closing:	the image cannot be opened any more
 * @begun:	bios of the image that were begun to be worked on (per CPU)
 * @ended:	those of them that have ended
 * @leaving:	the image is removed as soon as all have
 * @quiet:	woken when @ended changes while @leaving is set
 * @writable:	writes go to the overlay
 * @logged:	the log of a persistent area knows it; under vss_volume.snap_lock
 * @stays:	it is removed from memory only, and stays on disk
 * @sealed:	its set is complete
 * @members:	snapshots in its set
 * @overlay:	slot + 1 by chunk
 * @overlay_chunks: entries in @overlay
 * @overlay_lock: protects @overlay_bios; irq-safe
 * @overlay_bios: writes to the image
 * @overlay_work: carries them out, one after the other
 */
struct vss_snapshot {
	struct list_head	list;
	struct vss_volume	*vol;
	uuid_t			uuid;
	uuid_t			set_uuid;
	u32			epoch;
	u64			time_ns;
	enum vss_snapshot_state	state;
	enum vss_lost_reason	reason;
	int			spoilt;
	bool			reaped;
	atomic64_t		copied;
	vss_rec_t		chain[VSS_SHARDS];

	struct gendisk		*disk;
	bool			disk_added;
	bool			closing;
	unsigned long __percpu	*begun;
	unsigned long __percpu	*ended;
	bool			leaving;
	wait_queue_head_t	quiet;

	bool			logged;
	bool			stays;
	bool			sealed;
	u32			members;

	bool			writable;
	struct xarray		overlay;
	atomic64_t		overlay_chunks;
	spinlock_t		overlay_lock;	/* @overlay_bios */
	struct bio_list		overlay_bios;
	struct work_struct	overlay_work;
};

/* Is it kept right?  Of its content see vss_snapshot_is_whole(). */
static inline bool vss_snapshot_is_good(const struct vss_snapshot *snap)
{
	return READ_ONCE(snap->state) == VSS_SNAPSHOT_ALIVE;
}

int vss_snapshot_prepare(struct vss_volume *vol, const uuid_t *uuid,
			 const uuid_t *set_uuid, struct vss_snapshot **snapp,
			 struct netlink_ext_ack *extack);
struct vss_snapshot *
vss_snapshot_restore(struct vss_volume *vol,
		     const struct vss_disk_snapshot *entry);
void vss_snapshot_lose(struct vss_snapshot *snap, enum vss_lost_reason reason);
void vss_snapshot_commit(struct vss_snapshot *snap, u64 time_ns);
int vss_snapshot_show(struct vss_snapshot *snap);
void vss_snapshot_unlink(struct vss_snapshot *snap, struct list_head *dropped);
void vss_snapshots_retire(struct vss_volume *vol);
void vss_snapshots_end(struct vss_volume *vol, struct list_head *dropped);
void vss_snapshots_free(struct list_head *dropped);
void vss_snapshots_wait(const struct vss_volume *vol);
void vss_snapshot_drop(struct vss_snapshot *snap);
void vss_snapshots_drop(struct vss_volume *vol);
int vss_snapshot_delete(struct vss_snapshot *snap, bool force,
			struct list_head *dropped,
			struct netlink_ext_ack *extack);
bool vss_snapshot_close(struct vss_snapshot *snap, bool force);
void vss_snapshot_reopen(struct vss_snapshot *snap);
struct vss_snapshot *vss_snapshot_find(const uuid_t *uuid);
int vss_snapshot_set_flags(struct vss_snapshot *snap, u32 flags,
			   struct netlink_ext_ack *extack);

bool vss_snapshot_is_whole(const struct vss_snapshot *snap);
void vss_snapshots_lose(struct vss_volume *vol, enum vss_lost_reason reason);
void vss_snapshots_spoil(struct vss_volume *vol, enum vss_lost_reason reason);
bool vss_snapshots_crowded(struct vss_volume *vol);
void vss_snapshots_reap_work(struct work_struct *work);

extern struct workqueue_struct *vss_overlay_wq;

bool vss_image_is_image(const struct gendisk *disk);
int vss_image_create(struct vss_snapshot *snap);
int vss_image_show(struct vss_snapshot *snap);
void vss_image_destroy(struct vss_snapshot *snap);
void vss_image_get(struct vss_snapshot *snap);
void vss_image_put(struct vss_snapshot *snap);
int vss_image_module_init(void);
void vss_image_module_exit(void);

void vss_overlay_init(struct vss_snapshot *snap);
void vss_overlay_doom(struct vss_snapshot *snap);
void vss_overlay_write(struct vss_snapshot *snap, struct bio *bio);
bool vss_overlay_find(struct vss_snapshot *snap, u64 chunk, u32 *slot);

#endif /* VSS_SNAPSHOT_H */

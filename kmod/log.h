/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Persistent diff areas: the log that makes copies and snapshots durable.
 *
 * A volume whose area is persistent has one of these; copies go through it
 * before they are published.  The format is in linux/vss_disk.h and
 * Documentation/disk-format.md.
 */
#ifndef VSS_LOG_H
#define VSS_LOG_H

#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/netlink.h>
#include <linux/uuid.h>
#include <linux/vss.h>
#include <linux/vss_disk.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct block_device;
struct vss_copy;
struct vss_log;
struct vss_part;
struct vss_snapshot;
struct vss_volume;

/* Most that is written to the log at once. */
#define VSS_LOG_BYTES		65536U
#define VSS_LOG_ORDER		(16 - PAGE_SHIFT)

/**
 * struct vss_log_part - a part of a persistent area: its superblocks, its share of
 *	the log's halves
 * @log:	the log
 * @part:	the part
 * @first:	number of its first slot
 * @log_blocks:	log blocks in its share of each half
 * @damaged:	one of its superblocks was not valid when it was loaded
 * @dirty:	the group being written has something on it
 * @failed:	a write to it, or a flush, has failed
 * @super:	its superblock: as it was read, then as it is being written
 * @bio:	a write to it: superblock, log blocks or flush
 * @vec:	of @bio
 */
struct vss_log_part {
	struct vss_log		*log;
	struct vss_part		*part;
	u32			first;
	u32			log_blocks;
	bool			damaged;
	bool			dirty;
	bool			failed;
	struct vss_disk_super	*super;
	struct bio		bio;
	struct bio_vec		vec;
};

/**
 * struct vss_log - the log of a volume's persistent diff area
 * @vol:	the volume
 * @part:	the first part, or what may be one; for messages
 * @wq:		runs its works
 * @work:	writes groups, one after the other
 * @witness_work: asks for an empty group when the log has been idle
 * @more:	woken when the work need not wait for more copies
 * @record_work: tries again to record a loss
 * @stall_work:	lets everybody go when the device does not answer
 * @head_read_work: reads the volume's head after it was written
 * @head_work:	records it
 * @lock:	protects the next thirteen
 * @copies:	copies whose origin was read, to be written with the next group
 * @ready:	their number; a large one counts for many
 * @events:	entries that somebody waits for
 * @reaping:	copies are being handed down: the halves must not be changed
 * @recycled:	slots that the last group names may be free: a group behind it
 *		must be durable before they are used again
 * @rewriting:	the new half does not tell everything yet
 * @dead:	nothing more is written: the snapshots are lost
 * @doomed:	why they are to be lost by the work; 0: they are not
 * @buried:	that is recorded, or cannot be
 * @closed:	no group is begun any more, but nothing has failed
 * @hung:	the device has not answered for long: nobody waits for the work
 * @grow:	a part that the area is to get
 * @grow_err:	0: it has got the last one
 * @head:	hash of the volume's head, to be recorded
 * @head_size:	bytes of it, 0: it cannot be read
 * @wait:	woken when @rewriting ends, when @grow was looked at, with @closed
 *		and with @dead
 * @super:	the superblock, as it was written last; that of the first part
 * @parts:	all parts, in their order.  The first @nr_parts stay as long as the
 *		log; one behind them may become one
 * @nr_parts:	their number
 * @nr_known:	of them those that a table on disk surely names
 * @block:	bytes of a log block
 * @half_blocks: log blocks in a half; grows with the area
 * @half:	the half that is written
 * @index:	the next block in it
 * @seq:	its number
 * @half_first:	number of the half's first block
 * @shard:	how far the map was told in the new half
 * @rec:	likewise, within the shard
 * @taken:	copies of the group being written; @stall_work looks at them, and
 *		at @told, while the work waits for the device
 * @told:	events of it
 * @missing:	parts that do not say that the snapshots are lost
 * @unrecorded:	none says so
 * @bare:	the last group has no successor yet that bears witness for it
 * @buf:	the group being written, VSS_LOG_BYTES; else for fingerprints
 * @nr_blocks:	blocks in it
 * @max_blocks:	most blocks it may have
 * @epoch:	tag of its copies
 * @took:	how long the last group took, in ns
 * @wanted:	copies that the next group waits for
 * @waited:	it did wait
 * @late:	until it was too long
 * @calm:	groups to come that leave @wanted as it is
 * @shy:	of these how many there were, the last time
 * @pending:	writes of it that have not ended, and one
 * @error:	one of them failed
 * @done:	completed by the last
 */
struct vss_log {
	struct vss_volume	*vol;
	struct vss_part		*part;
	struct workqueue_struct	*wq;
	struct work_struct	work;
	struct delayed_work	witness_work;
	struct delayed_work	record_work;
	struct delayed_work	stall_work;
	struct delayed_work	head_read_work;
	struct work_struct	head_work;
	wait_queue_head_t	more;
	spinlock_t		lock;	/* the queues and flags */
	struct list_head	copies;
	u32			ready;
	struct list_head	events;
	bool			reaping;
	bool			recycled;
	bool			rewriting;
	bool			dead;
	enum vss_lost_reason	doomed;
	bool			buried;
	bool			closed;
	bool			hung;
	struct vss_log_part	*grow;
	int			grow_err;
	u64			head;
	u32			head_size;
	wait_queue_head_t	wait;

	/*
	 * Only the work looks at the rest while it may run; but the table of parts
	 * changes only while somebody waits for that with vss_mutex.
	 */
	struct vss_disk_super	*super;
	struct vss_log_part	*parts[VSS_DISK_MAX_PARTS];
	u32			nr_parts;
	u32			nr_known;
	u32			block;
	u32			half_blocks;
	u32			half;
	u32			index;
	u64			seq;
	u64			half_first;
	u32			shard;
	u32			rec;
	struct list_head	taken;
	struct list_head	told;
	u32			missing;
	bool			unrecorded;
	bool			bare;

	void			*buf;
	u32			nr_blocks;
	u32			max_blocks;
	u32			epoch;
	u64			took;
	u32			wanted;
	bool			waited;
	bool			late;
	u32			calm;
	u32			shy;
	atomic_t		pending;
	bool			error;
	struct completion	done;
};

/**
 * struct vss_log_request - how devices become a persistent area
 * @mode:	enum vss_area_mode, not VSS_AREA_VOLATILE
 * @openers:	times that those have the volume open who do not write: who asks
 *		for this, and others he knows of
 * @boot:	name of this boot, zero: unknown
 */
struct vss_log_request {
	u32	mode;
	u32	openers;
	u8	boot[VSS_UUID_SIZE];
};

/* persist.c */
int vss_log_open(struct vss_volume *vol, struct list_head *parts,
		 const struct vss_log_request *req,
		 struct netlink_ext_ack *extack);
int vss_log_show(struct vss_volume *vol);
void vss_log_forget(struct vss_volume *vol);
void vss_log_wipe(struct vss_volume *vol);
int vss_log_leave(struct vss_volume *vol);

/* log.c */
struct vss_log *vss_log_new(struct vss_volume *vol, struct vss_part *part);
void vss_log_free(struct vss_log *log);
struct vss_log_part *vss_log_part_new(struct vss_log *log,
				      struct vss_part *part);
void vss_log_part_free(struct vss_log_part *lp);
void vss_log_set_geometry(struct vss_log *log);
void vss_log_set_begin(struct vss_log *log);
void vss_log_copies(struct vss_log *log, struct list_head *copies);
int vss_log_sync(struct vss_volume *vol);
void vss_log_probe(struct vss_log *log);
int vss_log_event(struct vss_volume *vol, enum vss_disk_type type, u32 epoch,
		  u16 reason);
void vss_log_begin_reap(struct vss_volume *vol, struct vss_snapshot *snap,
			u16 reason);
void vss_log_end_reap(struct vss_volume *vol);
bool vss_log_write_active(struct vss_log *log);
void vss_log_close(struct vss_log *log);
int vss_log_seal(struct vss_log *log);

/* log-group.c */
void vss_log_io_done(struct vss_log *log, bool failed);

/* log-loss.c */
void vss_log_begin_watch(struct vss_log *log);
void vss_log_end_watch(struct vss_log *log);
bool vss_log_is_stuck(struct vss_log *log);
bool vss_log_record_loss(struct vss_log *log);
void vss_log_fail(struct vss_log *log, int err);
void vss_log_bury(struct vss_log *log, enum vss_lost_reason reason);
void vss_log_doom(struct vss_log *log, enum vss_lost_reason reason);
bool vss_log_is_doomed(const struct vss_log *log);
void vss_log_dismiss(struct vss_log *log);

/* grow.c */
int vss_log_grow(struct vss_volume *vol, struct vss_part *part,
		 struct netlink_ext_ack *extack);
void vss_log_let_grow(struct vss_log *log);

/* disk.c and disk-parts.c */
int vss_disk_rw(struct block_device *bdev, sector_t sector, void *buf,
		unsigned int bytes, blk_opf_t opf);
u32 vss_disk_crc(const void *block, unsigned int size, unsigned int at);
u32 vss_disk_header_slots(const struct vss_volume *vol);
sector_t vss_disk_super_sector(u64 seq);
u64 vss_disk_half_slots(const struct vss_volume *vol, u32 slots);
int vss_disk_choose_entry(const struct vss_log *log, u32 slots,
			  struct vss_disk_part *entry);
int vss_disk_write_header(struct vss_log *log, struct vss_log_part *lp,
			  const struct vss_disk_part *entry);
int vss_disk_read_supers(struct vss_log *log, struct netlink_ext_ack *extack);
int vss_disk_write_super(struct vss_log *log, enum vss_disk_state state);
int vss_disk_write_both(struct vss_log *log, enum vss_disk_state state);
u32 vss_disk_write_lost(struct vss_log *log, bool *recorded);
void vss_disk_wipe(struct vss_log *log);
int vss_disk_format(struct vss_log *log, const u8 *boot);
u32 vss_disk_measure(struct vss_log *log);
u32 vss_disk_locate(const struct vss_log *log, u32 half, u32 index,
		    struct vss_log_part **lp, sector_t *sector);
void vss_disk_begin_io(struct vss_log *log);
void vss_disk_submit(struct vss_log_part *lp);
void vss_disk_wait_io(struct vss_log *log);

/* fingerprint.c */
int vss_fingerprint_take(struct vss_log *log, __le64 *print,
			 int (*goes_on)(void *data), void *data);
int vss_fingerprint_is_same(struct vss_log *log, bool *same);
unsigned int vss_fingerprint_progress(void);

/* head.c */
void vss_head_init(struct vss_log *log);
void vss_head_stop(struct vss_log *log);
bool vss_head_settle(struct vss_log *log);
void vss_head_written(struct vss_volume *vol);
int vss_head_is_same(struct vss_log *log, bool *same);

/* replay.c */
int vss_log_replay(struct vss_log *log, u32 *epoch, enum vss_lost_reason *lost);

#endif /* VSS_LOG_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What log.c, log-group.c and log-loss.c share; no other ones.
 *
 * Calls go one way: log.c's to both others, those of log-group.c to log-loss.c.
 */
#ifndef VSS_LOG_INTERNAL_H
#define VSS_LOG_INTERNAL_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/vss_disk.h>

#include "copy.h"
#include "log.h"

/* Most copies that a group waits for; chunks of one that it waits for no others with. */
#define VSS_LOG_WANTED		16U
#define VSS_LOG_LARGE		8U

/**
 * struct vss_log_event - an entry that somebody waits for
 * @list:	in vss_log.events, or of the group being written
 * @entry:	the entry; one of no type is not written
 * @probe:	something is to be written all the same
 * @err:	0 if it is durable
 * @done:	completed when that is known
 */
struct vss_log_event {
	struct list_head	list;
	struct vss_disk_event	entry;
	bool			probe;
	int			err;
	struct completion	done;
};

/* A block of the group. */
static inline struct vss_disk_log *vss_log_block_at(struct vss_log *log, u32 i)
{
	return log->buf + i * log->block;
}

/* Most blocks that the next group may have. */
static inline u32 vss_log_room_left(const struct vss_log *log, u32 spare)
{
	u32 left = log->half_blocks - log->index;

	return min(left > spare ? left - spare : 0, VSS_LOG_BYTES / log->block);
}

/* Large copies gain nothing from company. */
static inline u32 vss_log_weight(const struct vss_copy *copy)
{
	return copy->n < VSS_LOG_LARGE ? 1 : VSS_LOG_WANTED;
}

/* log-group.c */
bool vss_log_has_room(struct vss_log *log, u32 units);
int vss_log_add_told(struct vss_log *log);
u32 vss_log_add_copies(struct vss_log *log, struct list_head *copies,
		       struct list_head *void_copies);
void vss_log_hash(struct vss_copy *copy);
bool vss_log_add_map(struct vss_log *log);
int vss_log_write_group(struct vss_log *log);
int vss_log_write_witness(struct vss_log *log);
int vss_log_switch_half(struct vss_log *log);

/* log-loss.c */
void vss_log_loss_init(struct vss_log *log);
void vss_log_abandon(struct vss_log *log, struct list_head *copies);
void vss_log_complete_events(struct list_head *events, int err);

#endif /* VSS_LOG_INTERNAL_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Freezing the file systems of a set.
 */
#ifndef VSS_FREEZE_H
#define VSS_FREEZE_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

#include "compat.h"

struct vss_volume;

#define VSS_MAX_LEVEL	15

/**
 * struct vss_freeze - one file system, or device without, to be frozen
 * @list:	in vss_set.freezes
 * @level:	file systems of a higher level are frozen first
 * @handle:	the device, or NULL
 * @file:	a directory of the file system, or NULL; one of the two is set
 * @frozen:	it is frozen by us; valid when @done is completed
 * @sb:		the frozen file system, with an active reference; or NULL
 * @error:	result of the freeze
 * @freeze_work: freezes it
 * @thaw_work:	thaws it
 * @put_work:	drops @sb then, which may be the end of an unmount
 * @wq:		where @freeze_work and @put_work run
 * @begun:	@freeze_work was queued
 * @thawing:	@thaw_work was queued
 * @deadline:	until when it asks again, in jiffies
 * @stop:	it is not to any more
 * @done:	completed when the freeze, or the thaw, has ended
 */
struct vss_freeze {
	struct list_head	list;
	unsigned int		level;
	vss_bdev_handle		handle;
	struct file		*file;
	bool			frozen;
	struct super_block	*sb;
	int			error;
	struct work_struct	freeze_work;
	struct work_struct	thaw_work;
	struct work_struct	put_work;
	struct workqueue_struct	*wq;
	bool			begun;
	bool			thawing;
	unsigned long		deadline;
	bool			stop;
	struct completion	done;
};

int vss_freeze_add_volume(struct list_head *freezes, struct vss_volume *vol,
			  unsigned int level, struct netlink_ext_ack *extack);
int vss_freeze_add_fd(struct list_head *freezes, int fd, unsigned int level,
		      struct netlink_ext_ack *extack);
void vss_freeze_free(struct list_head *freezes);

int vss_freeze_level(struct list_head *freezes, unsigned int level,
		     struct workqueue_struct *wq, unsigned long deadline,
		     const bool *doomed);
int vss_freeze_verify(struct list_head *freezes);
void vss_freeze_thaw(struct list_head *freezes, struct workqueue_struct *wq);

#endif /* VSS_FREEZE_H */

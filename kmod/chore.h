/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command leaves to be done without vss_mutex, for it may have to wait
 * for a device that hangs.
 */
#ifndef VSS_CHORE_H
#define VSS_CHORE_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>

struct vss_volume;

/**
 * enum vss_chore_state - who is to do the rest of a chore
 * @VSS_CHORE_WAITED_FOR: the command, when the work has ended
 * @VSS_CHORE_DONE:	the command: the work has ended
 * @VSS_CHORE_ABANDONED: the work: the command does not wait any more
 */
enum vss_chore_state {
	VSS_CHORE_WAITED_FOR,
	VSS_CHORE_DONE,
	VSS_CHORE_ABANDONED,
};

/**
 * struct vss_chore - things to be freed
 * @work:	does it
 * @state:	changed by xchg() only
 * @done:	completed when the work has ended and the command waits
 * @dropped:	snapshots that were removed
 * @freed:	how many of them are freed
 * @vol:	the volume that was detached, or NULL
 * @err:	set before @done: an error that is no reason to try again
 */
struct vss_chore {
	struct work_struct	work;
	enum vss_chore_state	state;
	struct completion	done;
	struct list_head	dropped;
	u32			freed;
	struct vss_volume	*vol;
	int			err;
};

struct vss_chore *vss_chore_new(void);
int vss_chore_do(struct vss_chore *chore, struct netlink_ext_ack *extack);
int vss_chore_module_init(void);
void vss_chore_module_exit(void);

#endif /* VSS_CHORE_H */

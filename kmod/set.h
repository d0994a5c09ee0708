/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot set in creation: one instant across its members.
 */
#ifndef VSS_SET_H
#define VSS_SET_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/uuid.h>
#include <linux/vss.h>
#include <linux/workqueue.h>

struct vss_snapshot;
struct vss_volume;

/**
 * struct vss_member - a volume of a set
 * @dev:	the volume's device
 * @hold_only:	it is frozen and held, and no snapshot is made of it
 * @uuid:	the snapshot's name
 * @vol:	the volume; NULL once the set has ended
 * @snap:	its snapshot; NULL once the set has ended, and with @hold_only
 * @level:	volumes of a higher level lie on those of a lower one
 * @held:	its gate is held by us
 */
struct vss_member {
	dev_t			dev;
	bool			hold_only;
	uuid_t			uuid;
	struct vss_volume	*vol;
	struct vss_snapshot	*snap;
	unsigned int		level;
	bool			held;
};

/**
 * struct vss_set - a snapshot set in creation
 * @list:	in vss_sets; changed under vss_mutex and vss_sets_lock
 * @ref:	the list has one, and every task that works on it
 * @uuid:	its name, chosen by userspace
 * @owner:	netlink port of the socket it belongs to
 * @flags:	VSS_SET_F_*
 * @hold_ms:	longest time without admitting writes
 * @freeze_ms:	longest time from the first freeze to the thaw
 * @lock:	serialises the steps; taken before vss_mutex
 * @state:	enum vss_set_state; under @lock, read by anyone
 * @error:	why it was undone; under @lock
 * @doomed:	undo it at the next step: the owner is gone
 * @stepping:	@step_work is queued or running; under @lock
 * @target:	state that @step_work is to reach; under @lock
 * @result:	of the last step; under @lock
 * @message:	what was wrong, for the extended ack; under @lock
 * @freezes:	file systems; under @lock
 * @freeze_start: when the first freeze began, in ns
 * @hold_start:	when the first hold began, in ns
 * @frozen:	the freeze has begun and the thaw not ended; under @lock
 * @freeze_usec: how long it took
 * @hold_usec:	how long it took
 * @freeze_end:	deadline in jiffies
 * @hold_end:	deadline in jiffies
 * @step_work:	advances the set
 * @stepped:	completed by it
 * @deadline_work: undoes it at a deadline, or when it is doomed
 * @bury_work:	drops the snapshots of a set that was undone
 * @buried:	completed when nothing is left to be undone
 * @nr:		number of members
 * @members:	the members
 */
struct vss_set {
	struct list_head	list;
	struct kref		ref;
	uuid_t			uuid;
	u32			owner;
	u32			flags;
	u32			hold_ms;
	u32			freeze_ms;
	struct mutex		lock;	/* serialises the steps */
	enum vss_set_state	state;
	int			error;
	bool			doomed;
	bool			stepping;
	enum vss_set_state	target;
	int			result;
	const char		*message;
	struct list_head	freezes;
	u64			freeze_start;
	u64			hold_start;
	bool			frozen;
	u64			freeze_usec;
	u64			hold_usec;
	unsigned long		freeze_end;
	unsigned long		hold_end;
	struct work_struct	step_work;
	struct completion	stepped;
	struct delayed_work	deadline_work;
	struct work_struct	bury_work;
	struct completion	buried;
	u32			nr;
	struct vss_member	members[];
};

/**
 * struct vss_member_request - a member as userspace names it
 * @dev:	the volume's device
 * @hold_only:	no snapshot of it
 * @snapshot:	name for the snapshot
 * @level:	level of the volume
 */
struct vss_member_request {
	dev_t		dev;
	bool		hold_only;
	uuid_t		snapshot;
	unsigned int	level;
};

/**
 * struct vss_freeze_request - a further file system to freeze
 * @fd:		an open directory of it, of the calling task
 * @level:	its level
 */
struct vss_freeze_request {
	int		fd;
	unsigned int	level;
};

/**
 * struct vss_set_request - what SET_PREPARE asks for
 * @uuid:	name of the set
 * @owner:	netlink port of the caller
 * @flags:	VSS_SET_F_*
 * @hold_ms:	see struct vss_set
 * @freeze_ms:	see struct vss_set
 * @nr_members:	number of members, 1 to VSS_MAX_MEMBERS
 * @members:	the members
 * @nr_freezes:	number of further file systems
 * @freezes:	them
 */
struct vss_set_request {
	uuid_t				uuid;
	u32				owner;
	u32				flags;
	u32				hold_ms;
	u32				freeze_ms;
	u32				nr_members;
	struct vss_member_request	*members;
	u32				nr_freezes;
	struct vss_freeze_request	*freezes;
};

extern struct list_head vss_sets;

int vss_set_prepare(const struct vss_set_request *req, struct vss_set **setp,
		    struct netlink_ext_ack *extack);
int vss_set_step(struct vss_set *set, u32 owner, enum vss_set_state target,
		 struct netlink_ext_ack *extack);
int vss_set_abort(struct vss_set *set, struct netlink_ext_ack *extack);
void vss_set_owner_gone(u32 owner);
struct vss_set *vss_set_get(const uuid_t *uuid);
void vss_set_put(struct vss_set *set);
int vss_set_module_init(void);
void vss_set_module_exit(void);

#endif /* VSS_SET_H */

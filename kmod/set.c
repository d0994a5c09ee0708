// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot set in creation: prepare, freeze, hold, commit, thaw.
 *
 * The steps run in a work of the set, not in the task that asks for them: a
 * freeze may take long, and a killed task must not leave it half done.  Every
 * state between the first freeze and the thaw has a deadline that is kept here:
 * a controller that is dead or stuck leaves nothing frozen.
 *
 * Members that lie on others of the set have a higher level.  Top layer first:
 * freeze, hold and drain, then the next lower; what drains above is written
 * below.  Holds end before the thaw begins, for the thaw itself may wait for a
 * write.
 *
 * A member may be there to be held only: then somebody else copies it between
 * HELD and COMMITTED, and it takes part in everything but snapshots.
 */
#include <linux/ktime.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "event.h"
#include "freeze.h"
#include "log.h"
#include "netlink.h"
#include "set.h"
#include "snapshot.h"
#include "volume.h"

/*
 * The list is changed under both vss_mutex and this lock, so that either is
 * enough to walk it.  The owner's death must not wait for vss_mutex.
 */
static DEFINE_SPINLOCK(vss_sets_lock);
LIST_HEAD(vss_sets);

/*
 * Steps wait for freezes, and deadlines must be met while steps wait: each has
 * a queue, so a rescuer, of its own.
 */
static struct workqueue_struct *step_wq;
static struct workqueue_struct *freeze_wq;
static struct workqueue_struct *thaw_wq;
static struct workqueue_struct *deadline_wq;

/* How much longer than its deadlines allow a step is waited for. */
#define STEP_SLACK	(5 * HZ)

static void free_set(struct kref *ref)
{
	struct vss_set *set = container_of(ref, struct vss_set, ref);

	kfree(set);
}

/**
 * vss_set_put() - give a reference back
 * @set:	the set
 */
void vss_set_put(struct vss_set *set)
{
	kref_put(&set->ref, free_set);
}

static struct vss_set *find_set(const uuid_t *uuid)
{
	struct vss_set *set;

	lockdep_assert_held(&vss_sets_lock);
	list_for_each_entry(set, &vss_sets, list) {
		if (uuid_equal(&set->uuid, uuid))
			return set;
	}
	return NULL;
}

/**
 * vss_set_get() - find a set in creation
 * @uuid:	its name
 *
 * Return: the set with a reference, or NULL.
 */
struct vss_set *vss_set_get(const uuid_t *uuid)
{
	struct vss_set *set;

	spin_lock(&vss_sets_lock);
	set = find_set(uuid);
	if (set)
		kref_get(&set->ref);
	spin_unlock(&vss_sets_lock);
	return set;
}

static unsigned int top_level(const struct vss_set *set)
{
	unsigned int top = 0, i;
	struct vss_freeze *f;

	for (i = 0; i < set->nr; i++)
		top = max(top, set->members[i].level);
	list_for_each_entry(f, &set->freezes, list)
		top = max(top, f->level);
	return top;
}

static void call_deadline(struct vss_set *set, unsigned long delay)
{
	kref_get(&set->ref);
	if (mod_delayed_work(deadline_wq, &set->deadline_work, delay))
		vss_set_put(set);	/* it was armed and has its reference */
}

static void arm_deadline(struct vss_set *set, unsigned long when)
{
	call_deadline(set, max_t(long, when - jiffies, 0));
	/* In place of doom()'s call, perhaps. */
	if (READ_ONCE(set->doomed))
		call_deadline(set, 0);
}

/* Nobody wants the set any more. */
static void doom(struct vss_set *set)
{
	WRITE_ONCE(set->doomed, true);
	call_deadline(set, 0);
}

static bool is_holding(const struct vss_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		if (set->members[i].held)
			return true;
	}
	return false;
}

/* Valid while the set is frozen. */
static unsigned long next_deadline(const struct vss_set *set)
{
	if (is_holding(set) && time_before(set->hold_end, set->freeze_end))
		return set->hold_end;
	return set->freeze_end;
}

static int fail(struct vss_set *set, int err, const char *message)
{
	set->message = message;
	return err;
}

static void unhold_all(struct vss_set *set)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i < set->nr; i++) {
		if (set->members[i].held) {
			vss_gate_unhold(set->members[i].vol);
			set->members[i].held = false;
			any = true;
		}
	}
	if (any)
		set->hold_usec = div_u64(ktime_get_ns() - set->hold_start,
					 NSEC_PER_USEC);
}

static void thaw_all(struct vss_set *set)
{
	if (!set->frozen)
		return;
	vss_freeze_thaw(&set->freezes, thaw_wq);
	set->frozen = false;
	set->freeze_usec = div_u64(ktime_get_ns() - set->freeze_start,
				   NSEC_PER_USEC);
}

/*
 * The set is over: let go of everything but the snapshots.  The caller has freed
 * set->freezes: without vss_mutex, for to close a device or a directory may take
 * as long as somebody else keeps it frozen; and before, for who detaches a volume
 * that is of no set would find it in use.
 */
static void finish(struct vss_set *set, enum vss_set_state state)
{
	unsigned int i;

	lockdep_assert_held(&set->lock);
	lockdep_assert_held(&vss_mutex);
	for (i = 0; i < set->nr; i++) {
		if (set->members[i].vol)
			set->members[i].vol->set = NULL;
		set->members[i].vol = NULL;
		set->members[i].snap = NULL;
	}
	set->state = state;
	if (cancel_delayed_work(&set->deadline_work))
		vss_set_put(set);
}

/* No one will ask for the set any more; under vss_mutex. */
static void unlist(struct vss_set *set)
{
	bool listed;

	lockdep_assert_held(&vss_mutex);
	spin_lock(&vss_sets_lock);
	listed = !list_empty(&set->list);
	list_del_init(&set->list);
	spin_unlock(&vss_sets_lock);
	vss_changed();
	if (listed)
		vss_set_put(set);
}

/*
 * Undo the set: writes and file systems, they are what hurts.  Must not wait
 * for vss_mutex: its holder may be waiting for what we have frozen.  The rest
 * is for bury().
 */
static void undo(struct vss_set *set, int err)
{
	lockdep_assert_held(&set->lock);
	unhold_all(set);
	thaw_all(set);
	set->error = err;
	set->state = VSS_SET_FAILED;
}

/*
 * Drop the snapshots of a set that was undone.  Before its devices are closed:
 * what that may write needs no copies for them.
 */
static void bury(struct vss_set *set)
{
	LIST_HEAD(dropped);
	unsigned int i;
	bool first = false;

	lockdep_assert_held(&set->lock);
	mutex_lock(&vss_mutex);
	for (i = 0; i < set->nr; i++) {
		struct vss_member *m = &set->members[i];

		if (m->snap)
			vss_snapshot_unlink(m->snap, &dropped);
		m->snap = NULL;
		first |= !!m->vol;
	}
	mutex_unlock(&vss_mutex);
	vss_freeze_free(&set->freezes);
	mutex_lock(&vss_mutex);
	finish(set, VSS_SET_FAILED);
	if (set->doomed)
		unlist(set);
	mutex_unlock(&vss_mutex);
	vss_snapshots_free(&dropped);
	if (first)
		vss_event_set(&set->uuid, VSS_EVENT_SET_FAILED, set->error);
	complete_all(&set->buried);
}

static void bury_work(struct work_struct *work)
{
	struct vss_set *set = container_of(work, struct vss_set, bury_work);

	mutex_lock(&set->lock);
	bury(set);
	mutex_unlock(&set->lock);
	vss_set_put(set);
}

static int hold_level(struct vss_set *set, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		struct vss_member *m = &set->members[i];

		if (m->level != level || m->held)
			continue;
		if (!is_holding(set)) {
			set->hold_start = ktime_get_ns();
			set->hold_end = jiffies +
					msecs_to_jiffies(set->hold_ms);
		}
		vss_gate_hold(m->vol);
		m->held = true;
		arm_deadline(set, next_deadline(set));
	}
	for (i = 0; i < set->nr; i++) {
		if (set->members[i].level == level &&
		    vss_gate_drain(set->members[i].vol, next_deadline(set)))
			return fail(set, -ETIMEDOUT,
				    "writes in flight did not end before the hold deadline (a suspended or throttled device?)");
	}
	return 0;
}

static int do_freeze(struct vss_set *set)
{
	unsigned int top = top_level(set), level;
	int err;

	set->frozen = true;
	set->freeze_start = ktime_get_ns();
	set->freeze_end = jiffies + msecs_to_jiffies(set->freeze_ms);
	arm_deadline(set, set->freeze_end);
	for (level = top; level <= top; level--) {
		if (!(set->flags & VSS_SET_F_NO_FREEZE)) {
			err = vss_freeze_level(&set->freezes, level, freeze_wq,
					       next_deadline(set), &set->doomed);
			if (err == -ECANCELED)
				return err;
			if (err == -ETIMEDOUT)
				return fail(set, err,
					    "the file systems were not frozen before the deadline");
			if (err == -EBUSY)
				return fail(set, err,
					    "a file system is frozen by someone else");
			if (err)
				return fail(set, err,
					    "a file system could not be frozen");
		}
		/* What is in flight above must land before freezing below. */
		if (level) {
			err = hold_level(set, level);
			if (err)
				return err;
		}
		if (READ_ONCE(set->doomed))
			return -ECANCELED;
	}
	set->state = VSS_SET_FROZEN;
	return 0;
}

static int do_hold(struct vss_set *set)
{
	unsigned int top = top_level(set), level;
	int err;

	for (level = top; level <= top; level--) {
		err = hold_level(set, level);
		if (err)
			return err;
	}
	set->state = VSS_SET_HELD;
	return 0;
}

/* Has a log failed that a snapshot of the set needs? */
static bool log_is_dead(struct vss_set *set)
{
	unsigned int i;
	bool dead = false;

	for (i = 0; i < set->nr; i++) {
		struct vss_log *log = set->members[i].vol->log;

		dead |= set->members[i].snap && log && READ_ONCE(log->dead);
	}
	return dead;
}

static int do_commit(struct vss_set *set)
{
	u64 now;
	unsigned int i;

	if (time_after(jiffies, next_deadline(set)))
		return fail(set, -ETIMEDOUT, "a deadline has passed");
	if (!(set->flags & VSS_SET_F_NO_FREEZE) &&
	    vss_freeze_verify(&set->freezes))
		return fail(set, -EBUSY,
			    "a file system was thawed by someone else");
	if (log_is_dead(set))
		return fail(set, -EIO, "a persistent diff area has failed");
	now = ktime_get_real_ns();
	for (i = 0; i < set->nr; i++) {
		if (set->members[i].snap)
			vss_snapshot_commit(set->members[i].snap, now);
	}
	/* Meanwhile: who has lost the others may not have seen these. */
	if (log_is_dead(set))
		return fail(set, -EIO, "a persistent diff area has failed");
	set->state = VSS_SET_COMMITTED;
	unhold_all(set);
	return 0;
}

/*
 * Snapshots in persistent areas must be durable before anybody is told: all of
 * them, and what was written to the volumes before, and only then that the set
 * is complete.
 */
static int make_durable(struct vss_set *set)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < set->nr && !err; i++) {
		struct vss_volume *vol = set->members[i].vol;

		if (!set->members[i].snap || !vol->log)
			continue;
		err = vss_log_sync(vol) ?: blkdev_issue_flush(vol->bdev);
	}
	for (i = 0; i < set->nr && !err; i++) {
		struct vss_snapshot *snap = set->members[i].snap;

		if (!snap || !snap->vol->log)
			continue;
		/* First, so that a change of halves behind the entry tells it. */
		WRITE_ONCE(snap->sealed, true);
		err = vss_log_event(snap->vol, VSS_DISK_SEALED, snap->epoch, 0);
	}
	return err;
}

static bool is_whole(const struct vss_set *set)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		const struct vss_member *m = &set->members[i];

		if (m->snap && !vss_snapshot_is_whole(m->snap))
			return false;
		/* What a provider has copied is not of the instant either. */
		if (READ_ONCE(m->vol->bypassed))
			return false;
	}
	return true;
}

static int do_thaw(struct vss_set *set)
{
	unsigned int i;
	int err = 0;

	thaw_all(set);
	vss_freeze_free(&set->freezes);
	/* From now on they are lost when that happens. */
	if (!is_whole(set))
		return fail(set, -ESTALE,
			    "a volume became smaller meanwhile, or its disk a path of a multipath device");
	if (make_durable(set))
		return fail(set, -EIO,
			    "the snapshots could not be made durable");
	/*
	 * Without vss_mutex, for images of disks are read.  As members of a set
	 * in creation volumes and snapshots stay.
	 */
	for (i = 0; i < set->nr && !err && !READ_ONCE(set->doomed); i++) {
		if (set->members[i].snap)
			err = vss_snapshot_show(set->members[i].snap);
	}
	if (err)
		return fail(set, err, "an image device could not be made");
	mutex_lock(&vss_mutex);
	/* Its owner may have died, or had enough of it, meanwhile. */
	if (READ_ONCE(set->doomed)) {
		mutex_unlock(&vss_mutex);
		return fail(set, -ECANCELED, "the set was undone");
	}
	finish(set, VSS_SET_DONE);
	unlist(set);
	mutex_unlock(&vss_mutex);
	complete_all(&set->buried);
	vss_event_set(&set->uuid, VSS_EVENT_SET_DONE, 0);
	return 0;
}

static int advance(struct vss_set *set)
{
	if (READ_ONCE(set->doomed))
		return -ECANCELED;
	switch (set->state) {
	case VSS_SET_PREPARED:
		return do_freeze(set);
	case VSS_SET_FROZEN:
		return do_hold(set);
	case VSS_SET_HELD:
		return do_commit(set);
	case VSS_SET_COMMITTED:
		return do_thaw(set);
	default:
		return -ECANCELED;
	}
}

static void step_work(struct work_struct *work)
{
	struct vss_set *set = container_of(work, struct vss_set, step_work);
	int err = 0;

	mutex_lock(&set->lock);
	/* A deadline may have undone it while this was on its way. */
	if (set->state == VSS_SET_FAILED)
		err = set->error ?: -ECANCELED;
	while (!err && set->state < set->target)
		err = advance(set);
	if (err && set->state != VSS_SET_FAILED) {
		undo(set, err);
		bury(set);
	}
	set->result = err;
	set->stepping = false;
	complete_all(&set->stepped);
	mutex_unlock(&set->lock);
	vss_set_put(set);
}

static void deadline_work(struct work_struct *work)
{
	struct vss_set *set = container_of(to_delayed_work(work),
					   struct vss_set, deadline_work);
	bool over = false;

	mutex_lock(&set->lock);
	if (set->state == VSS_SET_DONE) {
		;
	} else if (set->doomed) {
		if (set->state != VSS_SET_FAILED)
			undo(set, -ECANCELED);
		over = true;
	} else if (set->frozen) {
		if (time_after_eq(jiffies, next_deadline(set))) {
			undo(set, -ETIMEDOUT);
			over = true;
		} else {
			arm_deadline(set, next_deadline(set));
		}
	}
	if (over) {
		kref_get(&set->ref);
		if (!queue_work(step_wq, &set->bury_work))
			vss_set_put(set);
	}
	mutex_unlock(&set->lock);
	vss_set_put(set);
}

static int add_member(struct vss_set *set, const struct vss_member_request *req,
		      struct netlink_ext_ack *extack)
{
	struct vss_member *m = &set->members[set->nr];
	struct vss_volume *vol = vss_volume_find(req->dev);
	int err;

	if (!vol) {
		NL_SET_ERR_MSG(extack, "a member is not a tracked volume");
		return -ENOENT;
	}
	if (vol->set == set) {
		NL_SET_ERR_MSG(extack, "a volume is a member twice");
		return -EINVAL;
	}
	if (vol->set) {
		NL_SET_ERR_MSG(extack, "a volume is a member of another set in creation");
		return -EBUSY;
	}
	if (req->hold_only)
		err = vss_volume_check(vol, extack);
	else
		err = vss_snapshot_prepare(vol, &req->snapshot, &set->uuid,
					   &m->snap, extack);
	if (err)
		return err;
	m->dev = req->dev;
	m->hold_only = req->hold_only;
	uuid_copy(&m->uuid, &req->snapshot);
	m->level = req->level;
	m->vol = vol;
	vol->set = set;
	set->nr++;
	return vss_freeze_add_volume(&set->freezes, vol, req->level, extack);
}

static bool uuid_taken(const uuid_t *uuid)
{
	struct vss_snapshot *snap;
	struct vss_volume *vol;
	bool taken;

	spin_lock(&vss_sets_lock);
	taken = find_set(uuid);
	spin_unlock(&vss_sets_lock);
	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry(snap, &vol->snaps, list)
			taken |= uuid_equal(&snap->set_uuid, uuid);
	}
	return taken;
}

static int prepare(struct vss_set *set, const struct vss_set_request *req,
		   struct netlink_ext_ack *extack)
{
	unsigned int i;
	u32 nr_snaps = 0;
	int err;

	lockdep_assert_held(&vss_mutex);
	if (uuid_taken(&set->uuid)) {
		NL_SET_ERR_MSG(extack, "a set of this name exists");
		return -EEXIST;
	}
	for (i = 0; i < req->nr_members; i++) {
		err = add_member(set, &req->members[i], extack);
		if (err)
			return err;
	}
	for (i = 0; i < set->nr; i++)
		nr_snaps += !!set->members[i].snap;
	for (i = 0; i < set->nr; i++) {
		if (set->members[i].snap)
			set->members[i].snap->members = nr_snaps;
	}
	for (i = 0; i < req->nr_freezes; i++) {
		err = vss_freeze_add_fd(&set->freezes, req->freezes[i].fd,
					req->freezes[i].level, extack);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vss_set_prepare() - allocate everything a set needs
 * @req:	what is asked for
 * @setp:	set to the set, with a reference
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int vss_set_prepare(const struct vss_set_request *req, struct vss_set **setp,
		    struct netlink_ext_ack *extack)
{
	struct vss_set *set;
	unsigned int i;
	int err;

	set = kzalloc(struct_size(set, members, req->nr_members), GFP_KERNEL);
	if (!set)
		return -ENOMEM;
	kref_init(&set->ref);
	mutex_init(&set->lock);
	INIT_LIST_HEAD(&set->list);
	INIT_LIST_HEAD(&set->freezes);
	INIT_WORK(&set->step_work, step_work);
	INIT_DELAYED_WORK(&set->deadline_work, deadline_work);
	INIT_WORK(&set->bury_work, bury_work);
	init_completion(&set->stepped);
	init_completion(&set->buried);
	uuid_copy(&set->uuid, &req->uuid);
	set->owner = req->owner;
	set->flags = req->flags;
	set->hold_ms = req->hold_ms;
	set->freeze_ms = req->freeze_ms;
	set->state = VSS_SET_PREPARED;

	mutex_lock(&set->lock);
	mutex_lock(&vss_mutex);
	err = prepare(set, req, extack);
	if (err) {
		for (i = 0; i < set->nr; i++) {
			if (set->members[i].snap)
				vss_snapshot_drop(set->members[i].snap);
			set->members[i].snap = NULL;
		}
		mutex_unlock(&vss_mutex);
		vss_freeze_free(&set->freezes);
		mutex_lock(&vss_mutex);
		finish(set, VSS_SET_FAILED);
	} else {
		kref_get(&set->ref);
		spin_lock(&vss_sets_lock);
		list_add_tail(&set->list, &vss_sets);
		spin_unlock(&vss_sets_lock);
		vss_changed();
	}
	mutex_unlock(&vss_mutex);
	mutex_unlock(&set->lock);
	if (err) {
		vss_set_put(set);
		return err;
	}
	*setp = set;
	return 0;
}

/**
 * vss_set_step() - advance a set
 * @set:	the set
 * @owner:	netlink port of the caller
 * @target:	the state to reach
 * @extack:	set on errors
 *
 * Return: 0, or a negative errno: the set is undone then, unless the request
 * itself was wrong (-EPERM, -EINVAL, -EBUSY) or the caller was killed (-EINTR).
 */
int vss_set_step(struct vss_set *set, u32 owner, enum vss_set_state target,
		 struct netlink_ext_ack *extack)
{
	long left;
	int err;

	if (set->owner != owner) {
		NL_SET_ERR_MSG(extack, "the set belongs to another socket");
		return -EPERM;
	}
	if (mutex_lock_killable(&set->lock))
		return -EINTR;
	if (set->state == VSS_SET_FAILED) {
		NL_SET_ERR_MSG(extack, "the set was undone before");
		err = set->error == -ETIMEDOUT ? -ETIMEDOUT : -ECANCELED;
	} else if (set->stepping) {
		NL_SET_ERR_MSG(extack, "the set is being advanced");
		err = -EBUSY;
	} else if (target <= set->state) {
		NL_SET_ERR_MSG(extack, "the set has reached that state already");
		err = -EINVAL;
	} else {
		set->stepping = true;
		set->target = target;
		set->message = NULL;
		reinit_completion(&set->stepped);
		kref_get(&set->ref);
		queue_work(step_wq, &set->step_work);
		err = 0;
	}
	mutex_unlock(&set->lock);
	if (err)
		return err;

	/*
	 * Nobody should need so long; but a file system that does not return
	 * from its flush must not block all of generic netlink as well.
	 */
	left = msecs_to_jiffies(set->freeze_ms + set->hold_ms) + STEP_SLACK;
	left = wait_for_completion_killable_timeout(&set->stepped, left);
	if (left < 0)
		return -EINTR;
	if (!left) {
		doom(set);
		NL_SET_ERR_MSG(extack,
			       "the step does not return; the set will be undone when it does");
		return -ETIMEDOUT;
	}
	/*
	 * Both are as the step left them: only its owner begins another.  The lock
	 * may be a deadline's, whose thaw does not return.
	 */
	err = set->result;
	if (err && extack)
		extack->_msg = set->message ?: "the set was undone";
	return err;
}

/**
 * vss_set_abort() - undo a set and forget it
 * @set:	the set
 * @extack:	set on errors
 *
 * Return: 0; -ENOENT it was done first; -ETIMEDOUT or -EINTR: it will be undone,
 * but not yet.
 */
int vss_set_abort(struct vss_set *set, struct netlink_ext_ack *extack)
{
	long left;

	doom(set);
	left = wait_for_completion_killable_timeout(&set->buried, STEP_SLACK);
	if (left > 0 && READ_ONCE(set->state) == VSS_SET_DONE) {
		NL_SET_ERR_MSG(extack,
			       "the set was done before it could be undone: delete its snapshots");
		return -ENOENT;
	}
	if (left > 0) {
		/* It may have been undone before, and waited to be forgotten. */
		mutex_lock(&vss_mutex);
		unlist(set);
		mutex_unlock(&vss_mutex);
		return 0;
	}
	if (!left)
		NL_SET_ERR_MSG(extack,
			       "the set is in a step that does not return; it will be undone when it does");
	return left ? -EINTR : -ETIMEDOUT;
}

/**
 * vss_set_owner_gone() - a socket was closed: undo its sets
 * @owner:	its netlink port
 *
 * Does not wait.
 */
void vss_set_owner_gone(u32 owner)
{
	struct vss_set *set;

	spin_lock(&vss_sets_lock);
	list_for_each_entry(set, &vss_sets, list) {
		if (set->owner == owner)
			doom(set);
	}
	spin_unlock(&vss_sets_lock);
}

static void destroy_queues(void)
{
	if (deadline_wq)
		destroy_workqueue(deadline_wq);
	if (step_wq)
		destroy_workqueue(step_wq);
	if (freeze_wq)
		destroy_workqueue(freeze_wq);
	if (thaw_wq)
		destroy_workqueue(thaw_wq);
}

/**
 * vss_set_module_init() - set up what all sets share
 *
 * Return: 0 or -ENOMEM.
 */
int vss_set_module_init(void)
{
	unsigned int flags = WQ_UNBOUND | WQ_MEM_RECLAIM;

	step_wq = alloc_workqueue("vss-step", flags, 0);
	/* A freeze may flush file systems' queues that have no rescuer. */
	freeze_wq = alloc_workqueue("vss-freeze", WQ_UNBOUND, 0);
	thaw_wq = alloc_workqueue("vss-thaw", flags, 0);
	deadline_wq = alloc_workqueue("vss-deadline", flags, 0);
	if (step_wq && freeze_wq && thaw_wq && deadline_wq)
		return 0;
	destroy_queues();
	return -ENOMEM;
}

/**
 * vss_set_module_exit() - free what vss_set_module_init() made
 *
 * Sets that failed and were never asked for again may be left.
 */
void vss_set_module_exit(void)
{
	struct vss_set *set;

	for (;;) {
		spin_lock(&vss_sets_lock);
		set = list_first_entry_or_null(&vss_sets, struct vss_set, list);
		if (set)
			kref_get(&set->ref);
		spin_unlock(&vss_sets_lock);
		if (!set)
			break;
		/* Until the last work on it has unlisted it. */
		doom(set);
		wait_for_completion(&set->buried);
		mutex_lock(&vss_mutex);
		unlist(set);
		mutex_unlock(&vss_mutex);
		vss_set_put(set);
	}
	destroy_queues();
}

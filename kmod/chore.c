// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a command leaves to be done without vss_mutex, for it may have to wait
 * for a device that hangs.
 *
 * A work does it.  The command waits for that as long as it gets on, and may be
 * killed: while it runs no family can be registered with generic netlink, and
 * behind one that tries to be, every command to any family waits.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chore.h"
#include "log.h"
#include "snapshot.h"
#include "volume.h"

/* A device that ends nothing for so many seconds hangs, or is as good as that. */
#define PATIENCE	10

static struct workqueue_struct *chore_wq;

/*
 * By the command, if it is still there: the files that a task closes are closed
 * when it returns to userspace, those of a work some time later.
 */
static void end_chore(struct vss_chore *chore)
{
	if (chore->vol)
		vss_volume_free(chore->vol);
	kfree(chore);
}

static void chore_work(struct work_struct *work)
{
	struct vss_chore *chore = container_of(work, struct vss_chore, work);

	while (!list_empty(&chore->dropped)) {
		LIST_HEAD(one);

		list_move(chore->dropped.next, &one);
		vss_snapshots_free(&one);
		WRITE_ONCE(chore->freed, chore->freed + 1);
	}
	if (chore->vol)
		chore->err = vss_volume_quiesce(chore->vol);
	if (xchg(&chore->state, VSS_CHORE_DONE) == VSS_CHORE_ABANDONED)
		end_chore(chore);
	else
		complete(&chore->done);
}

/**
 * vss_chore_new() - allocate a chore
 *
 * Return: the chore, to be given to vss_chore_do(); or NULL.
 */
struct vss_chore *vss_chore_new(void)
{
	struct vss_chore *chore = kzalloc(sizeof(*chore), GFP_KERNEL);

	if (!chore)
		return NULL;
	INIT_WORK(&chore->work, chore_work);
	init_completion(&chore->done);
	INIT_LIST_HEAD(&chore->dropped);
	return chore;
}

/*
 * Something that changes as long as the work gets on, or a load for which
 * vss_mutex is kept.
 */
static u64 progress(const struct vss_chore *chore)
{
	struct vss_volume *vol = chore->vol;

	if (!vol)
		return READ_ONCE(chore->freed) + vss_fingerprint_progress();
	/* Of a persistent diff area they are not in @dropped. */
	return ((u64)READ_ONCE(vol->nr_snaps) << 40) +
		READ_ONCE(vol->area.used) +
		atomic64_read(&vol->copier.used) + vss_fingerprint_progress();
}

/* False: the work does not get on, or the task is killed. */
static bool is_done(struct vss_chore *chore)
{
	u64 before = progress(chore), now;
	unsigned int quiet = 0;
	long left;

	while (quiet < PATIENCE) {
		left = wait_for_completion_killable_timeout(&chore->done, HZ);
		if (left)
			return left > 0;
		now = progress(chore);
		quiet = now == before ? quiet + 1 : 0;
		before = now;
	}
	return false;
}

/**
 * vss_chore_do() - have a chore done, if there is anything to do
 * @chore:	the chore; not the caller's any more
 * @extack:	set on errors
 *
 * To be called without vss_mutex.
 *
 * Return: 0; -EIO: done, but snapshots are lost by that; -ETIMEDOUT or -EINTR:
 * it will be done, but is not yet.
 */
int vss_chore_do(struct vss_chore *chore, struct netlink_ext_ack *extack)
{
	int err;

	if (!chore->vol && list_empty(&chore->dropped)) {
		kfree(chore);
		return 0;
	}
	queue_work(chore_wq, &chore->work);
	if (!is_done(chore)) {
		if (xchg(&chore->state, VSS_CHORE_ABANDONED) != VSS_CHORE_DONE)
			goto abandoned;
		/* At the last moment. */
		wait_for_completion(&chore->done);
	}
	err = chore->err;
	end_chore(chore);
	if (err)
		NL_SET_ERR_MSG(extack,
			       "detached, but the snapshots in the diff area are lost by that");
	return err;

abandoned:
	if (fatal_signal_pending(current))
		return -EINTR;
	NL_SET_ERR_MSG(extack,
		       "what is in flight does not end (a device that hangs?): all will be done when it does");
	return -ETIMEDOUT;
}

/**
 * vss_chore_module_init() - set up what all chores share
 *
 * Return: 0 or -ENOMEM.
 */
int vss_chore_module_init(void)
{
	/* To remove a disk may flush queues that have no rescuer. */
	chore_wq = alloc_workqueue("vss-chore", WQ_UNBOUND, 0);
	return chore_wq ? 0 : -ENOMEM;
}

/**
 * vss_chore_module_exit() - wait for the last of them
 */
void vss_chore_module_exit(void)
{
	destroy_workqueue(chore_wq);
}

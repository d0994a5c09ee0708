// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: every write to a tracked volume is admitted here, counted while
 * it is in flight, or made to wait.
 *
 * An admitted write carries a context in place of its bi_private, and our
 * bi_end_io, which
 *  - tells us when it ends, so that we know when none is in flight, and
 *  - marks it: the same bio passes the hook again as a split remainder, when
 *    dm resubmits a deferred one, or when nvme retries it.  It was judged as a
 *    whole the first time; to judge a remainder anew could hold it while its
 *    front half is counted as in flight, and no hold would ever drain.
 * Contexts nest where a bio hits several volumes (a write to the whole disk
 * over several tracked partitions, a remap in place to a tracked disk below).
 *
 * A bio that must wait gives its contexts on this disk back first: it is
 * judged again, for all volumes, when it is released, because a snapshot may
 * have been taken meanwhile.
 *
 * The order that makes a hold safe: a write raises @started, then looks at
 * @hold; the holder sets @hold, then sums @finished, then @started.  Equal sums
 * mean that every write that may have missed the hold has ended (the argument
 * of SRCU's readers).
 */
#include <linux/blk-cgroup.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include "cpupool.h"
#include "gate.h"
#include "log.h"
#include "volume.h"

#define MIN_CONTEXTS	64

/**
 * struct vss_ctx - a write in flight
 * @end_io:	the bio's own bi_end_io
 * @private:	the bio's own bi_private
 * @vol:	the volume it was admitted to
 * @head:	it writes the volume's head
 */
struct vss_ctx {
	bio_end_io_t		*end_io;
	void			*private;
	struct vss_volume	*vol;
	bool			head;
};

static struct vss_cpupool ctx_pool;

/*
 * Completions below a completion on this CPU, to be run by the outermost one.
 * A chain of bios (blkdev_issue_zeroout() and friends make long ones) whose
 * first one ends last would otherwise recurse once per member.
 */
struct end_io_queue {
	struct bio_list	bios;
	bool		active;
};

static DEFINE_PER_CPU(struct end_io_queue, end_io_queue);

enum verdict {
	PASS,
	WAIT_HOLD,	/* the volume is held */
	WAIT_COPY,	/* chunks must be copied first */
	WAIT_MEMORY,	/* no context could be had without sleeping */
	REFUSED,	/* the device does not know the operation */
};

static struct vss_ctx *ctx_alloc(struct vss_gate *gate, gfp_t gfp)
{
	return vss_cpupool_alloc(&ctx_pool, &gate->pool, gfp);
}

static void ctx_free(struct vss_gate *gate, struct vss_ctx *ctx)
{
	vss_cpupool_free(&ctx_pool, &gate->pool, ctx);
}

static void wake_drain(struct vss_gate *gate)
{
	/* Pairs with the barrier in vss_gate_drain(). */
	smp_mb();
	if (READ_ONCE(gate->hold))
		wake_up(&gate->drained);
}

/* What bio_chain() sets: the kernel does not name it to modules. */
static bio_end_io_t *chain_end_io __ro_after_init;

static void __init learn_chain_end_io(void)
{
	struct bio parent, bio;

	bio_init(&parent, NULL, NULL, 0, 0);
	bio_init(&bio, NULL, NULL, 0, 0);
	bio_chain(&bio, &parent);
	chain_end_io = bio.bi_end_io;
	bio_uninit(&bio);
	bio_uninit(&parent);
}

/**
 * vss_gate_is_chained() - does another bio end with this one?
 * @bio:	the bio
 *
 * Return: true if it is the child of a bio_chain().
 */
bool vss_gate_is_chained(const struct bio *bio)
{
	return bio->bi_end_io == chain_end_io;
}

/*
 * Run the end_io of a bio that bio_endio() was run on, its own bi_end_io and
 * bi_private put back.  That of a chained bio is for bio_endio() to recognise,
 * and on later kernels must not be called: what stands for it is done here.
 */
static void end_bio(struct bio *bio)
{
	if (vss_gate_is_chained(bio)) {
		struct bio *parent = bio->bi_private;

		if (bio->bi_status && !parent->bi_status)
			parent->bi_status = bio->bi_status;
		bio_put(bio);
		bio_endio(parent);
	} else if (bio->bi_end_io) {
		bio->bi_end_io(bio);
	}
}

static void run_end_io(struct bio *bio)
{
	struct end_io_queue *q;
	unsigned long flags;

	local_irq_save(flags);
	q = this_cpu_ptr(&end_io_queue);
	if (q->active) {
		bio_list_add(&q->bios, bio);
		local_irq_restore(flags);
		return;
	}
	q->active = true;
	preempt_disable();	/* the queue is this CPU's */
	do {
		local_irq_restore(flags);
		end_bio(bio);
		local_irq_save(flags);
		bio = bio_list_pop(&q->bios);
	} while (bio);
	q->active = false;
	local_irq_restore(flags);
	preempt_enable();
}

static void ctx_end_io(struct bio *bio)
{
	struct vss_ctx *ctx = bio->bi_private;
	struct vss_volume *vol = ctx->vol;

	bio->bi_end_io = ctx->end_io;
	bio->bi_private = ctx->private;

	rcu_read_lock();	/* the volume may go once the write is counted */
	if (ctx->head)
		vss_head_written(vol);
	ctx_free(&vol->gate, ctx);
	this_cpu_inc(*vol->gate.finished);
	wake_drain(&vol->gate);
	rcu_read_unlock();

	/*
	 * Not bio_endio(): that has been run on this bio, and what it does to
	 * it (the queue's accounting) must not be done twice.
	 */
	if (vss_gate_is_chained(bio) || bio->bi_end_io == ctx_end_io)
		run_end_io(bio);
	else if (bio->bi_end_io)
		bio->bi_end_io(bio);
}

/* Is the bio in flight on this volume already? */
static bool is_admitted(const struct bio *bio, const struct vss_volume *vol)
{
	bio_end_io_t *end_io = bio->bi_end_io;
	void *private = bio->bi_private;

	while (end_io == ctx_end_io) {
		struct vss_ctx *ctx = private;

		if (ctx->vol == vol)
			return true;
		end_io = ctx->end_io;
		private = ctx->private;
	}
	/* What we write to a diff area on its own volume needs no copy. */
	return vss_area_owns_bio(vol, end_io, private);
}

static void ctx_push(struct bio *bio, struct vss_ctx *ctx,
		     struct vss_volume *vol, bool head)
{
	ctx->end_io = bio->bi_end_io;
	ctx->private = bio->bi_private;
	ctx->vol = vol;
	ctx->head = head;
	bio->bi_end_io = ctx_end_io;
	bio->bi_private = ctx;
	/* dm keeps its list of polled bios in bi_private. */
	if (bio->bi_opf & REQ_POLLED)
		bio_clear_polled(bio);
}

/*
 * Take back what this pass over the disk's volumes has admitted, down to
 * @private.  What earlier passes did stays: parts of the bio may be in flight.
 */
static void ctx_pop(struct bio *bio, const void *private)
{
	while (bio->bi_private != private) {
		struct vss_ctx *ctx = bio->bi_private;
		struct vss_volume *vol = ctx->vol;

		bio->bi_end_io = ctx->end_io;
		bio->bi_private = ctx->private;
		ctx_free(&vol->gate, ctx);
		this_cpu_inc(*vol->gate.finished);
		wake_drain(&vol->gate);
	}
}

/*
 * Judge a bio for one volume.  @ctxp is a context to use, or NULL; only a pass
 * consumes it.  @thorough: ask the map too, in case a bit had no memory.
 */
static enum verdict judge(struct vss_volume *vol, struct bio *bio,
			  const struct vss_range *range, struct vss_ctx **ctxp,
			  bool thorough)
{
	struct vss_gate *gate = &vol->gate;
	struct vss_ctx *ctx = *ctxp;
	enum verdict verdict = PASS;

	/*
	 * Most of those that must wait are found out at little cost.  Should
	 * the volume be held, then that stops the write when it comes back.
	 */
	if (!thorough && !vss_copy_is_safe(vol, range))
		return WAIT_COPY;

	if (!ctx) {
		ctx = ctx_alloc(gate, GFP_NOWAIT | __GFP_NOWARN);
		if (!ctx)
			return WAIT_MEMORY;
	}

	this_cpu_inc(*gate->started);
	/* Pairs with the barrier in vss_gate_hold(). */
	smp_mb();
	/* Who is not held sees what was done while others were. */
	if (smp_load_acquire(&gate->hold))
		verdict = WAIT_HOLD;
	else if (!vss_copy_is_safe(vol, range) &&
		 !(thorough && vss_copy_is_covered(vol, range)))
		verdict = WAIT_COPY;

	if (verdict == PASS) {
		ctx_push(bio, ctx, vol, range->head);
		*ctxp = NULL;
		return PASS;
	}
	this_cpu_inc(*gate->finished);
	wake_drain(gate);
	if (ctx != *ctxp)
		ctx_free(gate, ctx);
	return verdict;
}

/* Where the bio goes on its disk, whether it was remapped already or not. */
static bool bio_disk_range(struct bio *bio, sector_t *sector,
			   sector_t *nr)
{
	*sector = bio->bi_iter.bi_sector;
	*nr = bio_sectors(bio);
	if (!bio_flagged(bio, BIO_REMAPPED))
		*sector += bio->bi_bdev->bd_start_sect;
	return *nr && *sector + *nr > *sector;
}

/*
 * Would the device refuse the operation anyway?  Then we do: by the time the
 * block layer asks, the answer may be another, and the bio not be judged.
 */
static bool will_be_refused(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		return !bdev_max_discard_sectors(bio->bi_bdev);
	case REQ_OP_SECURE_ERASE:
		return !bdev_max_secure_erase_sectors(bio->bi_bdev);
	case REQ_OP_WRITE_ZEROES:
		return !bdev_write_zeroes_sectors(bio->bi_bdev);
	default:
		return false;
	}
}

/*
 * Judge the bio for all volumes it hits.  Returns the first that does not let it
 * pass, with @verdict; or NULL: it is admitted to all.
 */
static struct vss_volume *judge_all(struct bio *bio, enum verdict *verdict,
				    struct vss_range *range,
				    struct vss_volume *reserved_for,
				    struct vss_ctx **reserve)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	const void *private = bio->bi_private;
	struct vss_volume *vol = NULL;
	sector_t sector, nr;

	if (!bio_disk_range(bio, &sector, &nr))
		return NULL;

	while ((vol = vss_volume_next_hit(disk, sector, nr, vol))) {
		struct vss_ctx *none = NULL;

		if (is_admitted(bio, vol))
			continue;
		vss_range_init(range, vol, sector, nr);
		if (will_be_refused(bio))
			*verdict = REFUSED;
		else
			*verdict = judge(vol, bio, range,
					 vol == reserved_for ? reserve : &none,
					 reserved_for);
		if (*verdict != PASS) {
			ctx_pop(bio, private);
			return vol;
		}
	}
	return NULL;
}

/**
 * vss_gate_try_pass() - admit a write if it need not wait
 * @bio:	a write on its way into submit_bio_noacct()
 *
 * Does not sleep and takes no lock.  If the bio is not admitted it is
 * unchanged.
 *
 * Return: true if the bio may go on.
 */
bool vss_gate_try_pass(struct bio *bio)
{
	struct vss_range range;
	enum verdict verdict;
	bool pass;

	rcu_read_lock();
	pass = !judge_all(bio, &verdict, &range, NULL, NULL);
	rcu_read_unlock();
	return pass;
}

/**
 * vss_gate_claim() - keep a volume for a bio that waits, or is ours
 * @vol:	the volume, which something keeps already
 */
void vss_gate_claim(struct vss_volume *vol)
{
	atomic_inc(&vol->gate.waiting);
}

/**
 * vss_gate_forget() - give a claim back
 * @vol:	the volume
 */
void vss_gate_forget(struct vss_volume *vol)
{
	rcu_read_lock();	/* the volume may go once the count is 0 */
	if (atomic_dec_and_test(&vol->gate.waiting))
		wake_up(&vol->gate.idle);
	rcu_read_unlock();
}

static void park_held(struct vss_volume *vol, struct bio *bio)
{
	struct vss_gate *gate = &vol->gate;
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&gate->lock, flags);
	held = READ_ONCE(gate->hold);
	bio_list_add(held ? &gate->held : &gate->released, bio);
	spin_unlock_irqrestore(&gate->lock, flags);
	if (!held)
		queue_work(vol->wq, &gate->release_work);
}

/*
 * Submit a bio, or make it wait: from here on it is not the caller's any more.
 * @from is the volume whose release worker calls, or NULL; @reserve a context
 * for it.
 */
static void submit(struct bio *bio, struct vss_volume *from,
		   struct vss_ctx **reserve)
{
	struct vss_range range;
	enum verdict verdict;
	struct vss_volume *vol;

	rcu_read_lock();
	vol = judge_all(bio, &verdict, &range, from, reserve);
	if (!vol) {
		rcu_read_unlock();
		submit_bio_noacct(bio);
		return;
	}
	if (verdict == REFUSED) {
		rcu_read_unlock();
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
		return;
	}
	/* One claim for the bio; one for us, for that may be gone any time. */
	vss_gate_claim(vol);
	vss_gate_claim(vol);
	rcu_read_unlock();

	/*
	 * Submitted again from a worker, a REQ_NOWAIT bio could fail with
	 * EAGAIN where nobody expects it; and nobody polls for it there.
	 */
	bio_clear_polled(bio);
	atomic64_inc(&vol->stats.held);
	if (verdict == WAIT_COPY) {
		vss_copy_wait(vol, bio, &range, !from);
	} else if (verdict == WAIT_HOLD) {
		bio->bi_opf &= ~REQ_NOWAIT;
		park_held(vol, bio);
	} else {
		struct bio_list one = BIO_EMPTY_LIST;

		bio->bi_opf &= ~REQ_NOWAIT;
		bio_list_add(&one, bio);
		vss_gate_release(vol, &one);
	}
	vss_gate_forget(vol);
}

/**
 * vss_gate_submit() - submit_bio_noacct() for a write that may have to wait
 * @bio:	the write
 *
 * Never sleeps longer than submit_bio_noacct() does.
 */
void vss_gate_submit(struct bio *bio)
{
	struct vss_ctx *none = NULL;

	submit(bio, NULL, &none);
}

static void submit_all(struct vss_volume *vol, struct bio_list *bios)
{
	struct vss_gate *gate = &vol->gate;
	struct vss_ctx *ctx = NULL;
	struct blk_plug plug;
	struct bio *bio;

	blk_start_plug(&plug);
	while ((bio = bio_list_pop(bios))) {
		/*
		 * Writes in flight on this volume own the contexts, and need
		 * nothing of ours to end: to sleep for one is safe.  But they
		 * may sit in our own plug.
		 */
		if (!ctx)
			ctx = ctx_alloc(gate, GFP_NOWAIT | __GFP_NOWARN);
		if (!ctx) {
			blk_finish_plug(&plug);
			ctx = ctx_alloc(gate, GFP_NOIO);
			blk_start_plug(&plug);
		}
		submit(bio, vol, &ctx);
		vss_gate_forget(vol);
	}
	blk_finish_plug(&plug);
	if (ctx)
		ctx_free(gate, ctx);
}

static void release_work(struct work_struct *work)
{
	struct vss_gate *gate = container_of(work, struct vss_gate,
					     release_work);
	struct vss_volume *vol = container_of(gate, struct vss_volume, gate);
	struct bio_list bios;

	spin_lock_irq(&gate->lock);
	bios = gate->released;
	bio_list_init(&gate->released);
	spin_unlock_irq(&gate->lock);
	submit_all(vol, &bios);
}

/**
 * vss_gate_release() - submit bios again that have waited
 * @vol:	the volume they waited for
 * @bios:	the bios; the list is empty afterwards
 *
 * Any context.  They are judged anew.
 */
void vss_gate_release(struct vss_volume *vol, struct bio_list *bios)
{
	struct vss_gate *gate = &vol->gate;
	unsigned long flags;

	if (bio_list_empty(bios))
		return;
	spin_lock_irqsave(&gate->lock, flags);
	bio_list_merge(&gate->released, bios);
	spin_unlock_irqrestore(&gate->lock, flags);
	bio_list_init(bios);
	queue_work(vol->wq, &gate->release_work);
}

/* Is the bio on the account of a cgroup that may have to wait for its share? */
static bool may_be_throttled(struct bio *bio)
{
	struct cgroup_subsys_state *css = bio_blkcg_css(bio);

	return css && css != blkcg_root_css;
}

/**
 * vss_gate_release_here() - submit bios again that have waited, in this context
 * @vol:	the volume they waited for
 * @bios:	the bios; the list is empty afterwards
 *
 * May sleep, in one of the volume's works that nothing else waits for, and as
 * long as a submission to the origin does.  Those of a cgroup with limits are
 * left to the other worker: who submits for it is made to wait in its place.
 */
void vss_gate_release_here(struct vss_volume *vol, struct bio_list *bios)
{
	struct bio_list here = BIO_EMPTY_LIST, there = BIO_EMPTY_LIST;
	struct bio *bio;

	while ((bio = bio_list_pop(bios)))
		bio_list_add(may_be_throttled(bio) ? &there : &here, bio);
	vss_gate_release(vol, &there);
	if (!bio_list_empty(&here))
		submit_all(vol, &here);
}

/**
 * vss_gate_hold() - admit no write from now on
 * @vol:	the volume, not held
 *
 * Writes that were admitted before may still be in flight: see
 * vss_gate_drain().
 */
void vss_gate_hold(struct vss_volume *vol)
{
	WRITE_ONCE(vol->gate.hold, true);
	/* Pairs with the barrier in judge(): it sees the hold or we see it. */
	smp_mb();
}

static bool is_drained(struct vss_gate *gate)
{
	unsigned long started = 0, finished = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		finished += READ_ONCE(*per_cpu_ptr(gate->finished, cpu));
	/* The order of the sums is what makes equality a proof. */
	smp_mb();
	for_each_possible_cpu(cpu)
		started += READ_ONCE(*per_cpu_ptr(gate->started, cpu));
	return started == finished;
}

/**
 * vss_gate_drain() - wait until no admitted write is in flight
 * @vol:	the volume, held
 * @deadline:	when to give up, in jiffies
 *
 * Return: 0, or -ETIMEDOUT (the volume stays held).
 */
int vss_gate_drain(struct vss_volume *vol, unsigned long deadline)
{
	struct vss_gate *gate = &vol->gate;
	long left = (long)(deadline - jiffies);

	if (left < 0)
		left = 0;
	/* wait_event has the barrier that pairs with wake_drain(). */
	if (!wait_event_timeout(gate->drained, is_drained(gate), left))
		return -ETIMEDOUT;
	return 0;
}

/**
 * vss_gate_unhold() - admit writes again
 * @vol:	the volume
 */
void vss_gate_unhold(struct vss_volume *vol)
{
	struct vss_gate *gate = &vol->gate;

	/* What was done to the volume while it was held comes first. */
	smp_store_release(&gate->hold, false);

	spin_lock_irq(&gate->lock);
	bio_list_merge(&gate->released, &gate->held);
	bio_list_init(&gate->held);
	spin_unlock_irq(&gate->lock);
	queue_work(vol->wq, &gate->release_work);
}

/**
 * vss_gate_is_idle() - does no write wait, held or for a copy?
 * @vol:	the volume
 *
 * Waits a little for those that were let go and are on their way still.
 *
 * Return: true if none does.
 */
bool vss_gate_is_idle(struct vss_volume *vol)
{
	struct vss_gate *gate = &vol->gate;

	return wait_event_timeout(gate->idle, !atomic_read(&gate->waiting),
				  HZ / 10);
}

/**
 * vss_gate_flush() - wait until the gate knows of no write any more
 * @vol:	a volume that the hook does not find any more, not held
 *
 * Afterwards the volume may be freed after a grace period.
 */
void vss_gate_flush(struct vss_volume *vol)
{
	struct vss_gate *gate = &vol->gate;

	wait_event(gate->idle, !atomic_read(&gate->waiting));
	/* As if held, so that completions wake us; nothing looks for more. */
	vss_gate_hold(vol);
	wait_event(gate->drained, is_drained(gate));
}

/**
 * vss_gate_writes() - how many writes have asked to be admitted
 * @vol:	the volume
 *
 * Return: the number; one that was held is counted each time it asked.
 */
u64 vss_gate_writes(struct vss_volume *vol)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(vol->gate.started, cpu));
	return sum;
}

/**
 * vss_gate_init() - set up a volume's gate
 * @vol:	the volume
 *
 * Return: 0 or -ENOMEM; then vss_gate_destroy() is to be called all the same.
 */
int vss_gate_init(struct vss_volume *vol)
{
	struct vss_gate *gate = &vol->gate;

	init_waitqueue_head(&gate->drained);
	init_waitqueue_head(&gate->idle);
	spin_lock_init(&gate->lock);
	INIT_WORK(&gate->release_work, release_work);
	gate->started = alloc_percpu(unsigned long);
	gate->finished = alloc_percpu(unsigned long);
	if (!gate->started || !gate->finished)
		return -ENOMEM;
	return mempool_init_slab_pool(&gate->pool, MIN_CONTEXTS,
				      ctx_pool.cache);
}

/**
 * vss_gate_destroy() - free what vss_gate_init() made
 * @vol:	the volume
 */
void vss_gate_destroy(struct vss_volume *vol)
{
	mempool_exit(&vol->gate.pool);
	free_percpu(vol->gate.started);
	free_percpu(vol->gate.finished);
}

/**
 * vss_gate_module_init() - set up what all gates share
 *
 * Return: 0 or -ENOMEM.
 */
int __init vss_gate_module_init(void)
{
	learn_chain_end_io();
	return vss_cpupool_init(&ctx_pool, "vss_write", sizeof(struct vss_ctx));
}

/**
 * vss_gate_module_exit() - free what vss_gate_module_init() made
 */
void vss_gate_module_exit(void)
{
	vss_cpupool_exit(&ctx_pool);
}

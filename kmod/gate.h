/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: every write to a tracked volume is admitted here, counted while
 * it is in flight, or made to wait.
 */
#ifndef VSS_GATE_H
#define VSS_GATE_H

#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct vss_volume;

/**
 * struct vss_gate - admission of a volume's writes
 * @started:	writes that asked to be admitted (per CPU, only grows)
 * @finished:	those of them that ended or were sent to wait
 * @hold:	no write is admitted.  Set and cleared by the one task that
 *		holds the volume (attach, or its set)
 * @drained:	woken when @finished changes while @hold is set
 * @waiting:	bios that are parked or owned by the copier; the volume stays
 *		while there are any
 * @idle:	woken when @waiting falls to 0
 * @lock:	protects @held and @released; irq-safe, innermost
 * @held:	bios parked because of @hold
 * @released:	bios to be submitted again
 * @release_work: does it
 * @pool:	contexts of the writes in flight
 */
struct vss_gate {
	unsigned long __percpu	*started;
	unsigned long __percpu	*finished;
	bool			hold;
	wait_queue_head_t	drained;
	atomic_t		waiting;
	wait_queue_head_t	idle;
	spinlock_t		lock;	/* @held, @released */
	struct bio_list		held;
	struct bio_list		released;
	struct work_struct	release_work;
	mempool_t		pool;
};

int vss_gate_init(struct vss_volume *vol);
void vss_gate_destroy(struct vss_volume *vol);

bool vss_gate_try_pass(struct bio *bio);
void vss_gate_submit(struct bio *bio);

void vss_gate_hold(struct vss_volume *vol);
int vss_gate_drain(struct vss_volume *vol, unsigned long deadline);
void vss_gate_unhold(struct vss_volume *vol);
void vss_gate_release(struct vss_volume *vol, struct bio_list *bios);
void vss_gate_release_here(struct vss_volume *vol, struct bio_list *bios);
void vss_gate_flush(struct vss_volume *vol);
void vss_gate_claim(struct vss_volume *vol);
void vss_gate_forget(struct vss_volume *vol);
bool vss_gate_is_idle(struct vss_volume *vol);
u64 vss_gate_writes(struct vss_volume *vol);
bool vss_gate_is_chained(const struct bio *bio);

int vss_gate_module_init(void);
void vss_gate_module_exit(void);

#endif /* VSS_GATE_H */

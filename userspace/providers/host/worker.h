/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a provider's functions run: one thread, one call after another.
 *
 * The main thread hands in requests and takes out answers; a descriptor tells
 * it when there are any.
 */
#ifndef PROVIDER_WORKER_H
#define PROVIDER_WORKER_H

#include <vss/provider.h>

#include "host-wire.h"

struct worker;

/* A call from its coming to its answer. */
struct job {
	struct host_request request;
	sd_bus_message *m;		/* the main thread's */
	struct vssd_provider_reply reply;
	struct vss_error err;
	struct vss_provider_snapshot *snapshots;	/* of the reply */
	size_t nr_snapshots;
	struct job *next;
};

/* @state: what load() finds as its state.  0 or a negative errno. */
int worker_start(const struct vss_provider_ops *ops, void *state, struct worker **worker);

/* Readable while answers wait. */
int worker_fd(const struct worker *worker);

/* Have it done; the job is the worker's until worker_take() gives it back. */
void worker_put(struct worker *worker, struct job *job);
/* A job that is done, NULL for none. */
struct job *worker_take(struct worker *worker);

/* Is a step of this set under way that an abort may cut short? */
bool worker_may_cut(struct worker *worker, const struct vss_uuid *set);

/* Do it on the calling thread, beside the one under way. */
void worker_run_beside(struct worker *worker, struct job *job);

/* Unload the provider.  False: something runs in it, and only the end of the process ends that. */
bool worker_stop(struct worker *worker);

void job_free(struct job *job);

#endif /* PROVIDER_WORKER_H */

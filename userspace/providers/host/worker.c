// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a provider's functions run.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"
#include "worker.h"

struct worker {
	const struct vss_provider_ops *ops;
	pthread_t thread;
	int fd;
	pthread_mutex_t mutex;		/* of all below */
	pthread_cond_t more;
	struct job *queue, **queue_end;
	struct job *done, **done_end;
	struct job *running;
	bool stop;
	bool loaded;
	void *state;			/* the provider's from when it is @loaded */
};

void job_free(struct job *job)
{
	for (size_t i = 0; i < job->nr_snapshots; i++)
		vss_provider_snapshot_clear(&job->snapshots[i]);
	free(job->snapshots);
	host_request_clear(&job->request);
	sd_bus_message_unref(job->m);
	free(job);
}

/* ---- one call ---- */

static vss_result not_offered(struct vss_error *err, const char *what)
{
	vss_error_set(err, -ENOTSUP, E_NOTIMPL, "this provider cannot %s", what);
	return E_NOTIMPL;
}

static vss_result import(const struct vss_provider_ops *ops, void *state, struct job *job)
{
	vss_result result;

	if (!ops->import_snapshot)
		return not_offered(&job->err, "import shadow copies");
	if (!job->request.has_record)
		return E_INVALIDARG;
	result = ops->import_snapshot(state, &job->request.record, &job->err);
	if (result != S_OK)
		return result;
	/* The answer is the record, changed. */
	job->snapshots = malloc(sizeof(*job->snapshots));
	if (!job->snapshots)
		return E_OUTOFMEMORY;
	job->snapshots[0] = job->request.record;
	job->nr_snapshots = 1;
	memset(&job->request.record, 0, sizeof(job->request.record));
	return S_OK;
}

static vss_result call_set(const struct vss_provider_ops *ops, void *state, struct job *job)
{
	const struct vssd_provider_request *r = &job->request.request;

	switch (r->step) {
	case VSSD_STEP_END_PREPARE:
		return ops->end_prepare_snapshots(state, &r->set, &job->err);
	case VSSD_STEP_PRE_COMMIT:
		return ops->pre_commit_snapshots(state, &r->set, &job->err);
	case VSSD_STEP_HOLD_WRITES:
		if (!ops->hold_writes)
			return not_offered(&job->err, "hold writes");
		return ops->hold_writes(state, &r->set, r->timeout_ms, &job->err);
	case VSSD_STEP_COMMIT:
		return ops->commit_snapshots(state, &r->set, &job->err);
	case VSSD_STEP_RELEASE_WRITES:
		if (!ops->release_writes)
			return not_offered(&job->err, "release writes");
		return ops->release_writes(state, &r->set, &job->err);
	case VSSD_STEP_POST_COMMIT:
		return ops->post_commit_snapshots(state, &r->set, &job->err);
	case VSSD_STEP_PRE_FINAL_COMMIT:
		return ops->pre_final_commit_snapshots(state, &r->set, r->context, &job->err);
	case VSSD_STEP_POST_FINAL_COMMIT:
		return ops->post_final_commit_snapshots(state, &r->set, &job->err);
	case VSSD_STEP_BREAK:
		if (!ops->break_snapshot_set)
			return not_offered(&job->err, "break a set");
		return ops->break_snapshot_set(state, &r->set, r->context, &job->err);
	default:
		return ops->abort_snapshots(state, &r->set, &job->err);
	}
}

static vss_result call(const struct vss_provider_ops *ops, void *state, struct job *job)
{
	const struct vssd_provider_request *r = &job->request.request;
	const struct vss_provider_volume volume = {
		.path = r->volume ? r->volume : "",
		.luns = r->luns,
		.nr_luns = r->nr_luns,
	};
	vss_result result;

	switch (r->step) {
	case VSSD_STEP_IS_VOLUME_SUPPORTED:
		return ops->is_volume_supported(state, r->context, &volume, &job->err);
	case VSSD_STEP_IS_VOLUME_SNAPSHOTTED:
		return ops->is_volume_snapshotted(state, &volume, &job->reply.present,
						  &job->reply.value, &job->err);
	case VSSD_STEP_BEGIN_PREPARE:
		return ops->begin_prepare_snapshot(state, &r->set, &r->snapshot, r->context, &volume,
						   &job->err);
	case VSSD_STEP_BEGIN_HOLD:
		if (!ops->begin_hold)
			return not_offered(&job->err, "hold volumes that others copy");
		return ops->begin_hold(state, &r->set, &volume, &job->err);
	case VSSD_STEP_GET_SNAPSHOTS:
		result = ops->get_snapshots(state, &job->snapshots, &job->nr_snapshots, &job->err);
		/* A failure's leavings are nobody's to free. */
		if (result != S_OK) {
			job->snapshots = NULL;
			job->nr_snapshots = 0;
		}
		return result;
	case VSSD_STEP_DELETE:
		return ops->delete_snapshot(state, &r->snapshot, r->flag, &job->err);
	case VSSD_STEP_SET_WRITABLE:
		if (!ops->set_writable)
			return not_offered(&job->err, "make shadow copies writable");
		return ops->set_writable(state, &r->snapshot, r->flag, &job->err);
	case VSSD_STEP_REVERT:
		if (!ops->revert_to_snapshot)
			return not_offered(&job->err, "revert volumes");
		return ops->revert_to_snapshot(state, &r->snapshot, r->flag, &job->err);
	case VSSD_STEP_QUERY_REVERT:
		if (!ops->query_revert_status)
			return not_offered(&job->err, "revert volumes");
		return ops->query_revert_status(state, volume.path, &job->reply.value, &job->err);
	case VSSD_STEP_IMPORT:
		/* Of those it has made itself it tells only where they are. */
		if (ops->type == VSS_PROV_SYSTEM)
			return not_offered(&job->err, "import shadow copies");
		return import(ops, state, job);
	case VSSD_STEP_FIND:
		return import(ops, state, job);
	case VSSD_STEP_MASK_ORIGINALS:
		if (!ops->on_lun_state_change)
			return not_offered(&job->err, "take LUNs from a machine");
		return ops->on_lun_state_change(state, r->luns, r->nr_luns,
						VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, true, &job->err);
	case VSSD_STEP_RESYNC:
		if (!ops->resync_luns)
			return not_offered(&job->err, "write the content of copies back to LUNs");
		return ops->resync_luns(state, r->luns, r->nr_luns, r->context, &job->err);
	default:
		return call_set(ops, state, job);
	}
}

/* It was written by others: perhaps without an end, and as what D-Bus does not take. */
static void clean_text(struct job *job)
{
	char text[sizeof(job->err.text)];

	memcpy(text, job->err.text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	vss_error_set(&job->err, job->err.code, job->reply.result, "%s", text);
}

static void run(struct worker *worker, struct job *job)
{
	job->err.text[0] = '\0';
	job->reply.result = call(worker->ops, worker->state, job);
	clean_text(job);
	/* S_FALSE may come with a reason. */
	job->reply.message = job->reply.result != S_OK ? job->err.text : NULL;
	job->reply.snapshots = job->snapshots;
	job->reply.nr_snapshots = job->nr_snapshots;
}

/* Only this thread loads; what fails is tried again with the next call. */
static bool load(struct worker *worker, struct job *job)
{
	void *state = worker->state;
	vss_result result;

	if (worker->loaded)
		return true;
	job->err.text[0] = '\0';
	result = worker->ops->load(&state, &job->err);
	clean_text(job);
	if (VSS_FAILED(result)) {
		/* Its kernel part may be missing: no step is at fault by itself. */
		job->reply.result = result == E_OUTOFMEMORY ? result : VSS_E_PROVIDER_VETO;
		job->reply.message = job->err.text;
		return false;
	}
	pthread_mutex_lock(&worker->mutex);
	worker->state = state;
	worker->loaded = true;
	pthread_mutex_unlock(&worker->mutex);
	return true;
}

/* ---- the thread ---- */

static void *work(void *data)
{
	struct worker *worker = data;
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->mutex);
	while (!worker->stop) {
		struct job *job = worker->queue;

		if (!job) {
			pthread_cond_wait(&worker->more, &worker->mutex);
			continue;
		}
		worker->queue = job->next;
		if (!worker->queue)
			worker->queue_end = &worker->queue;
		worker->running = job;
		pthread_mutex_unlock(&worker->mutex);
		if (load(worker, job))
			run(worker, job);
		pthread_mutex_lock(&worker->mutex);
		worker->running = NULL;
		job->next = NULL;
		*worker->done_end = job;
		worker->done_end = &job->next;
		if (write(worker->fd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&worker->mutex);
	return NULL;
}

int worker_start(const struct vss_provider_ops *ops, void *state, struct worker **result)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int ret;

	if (!worker)
		return -ENOMEM;
	worker->ops = ops;
	worker->state = state;
	worker->queue_end = &worker->queue;
	worker->done_end = &worker->done;
	worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->more, NULL);
	ret = worker->fd < 0 ? -errno : -pthread_create(&worker->thread, NULL, work, worker);
	if (ret) {
		if (worker->fd >= 0)
			close(worker->fd);
		free(worker);
		return ret;
	}
	*result = worker;
	return 0;
}

int worker_fd(const struct worker *worker)
{
	return worker->fd;
}

void worker_put(struct worker *worker, struct job *job)
{
	pthread_mutex_lock(&worker->mutex);
	job->next = NULL;
	*worker->queue_end = job;
	worker->queue_end = &job->next;
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->mutex);
}

struct job *worker_take(struct worker *worker)
{
	struct job *job;
	uint64_t count;

	pthread_mutex_lock(&worker->mutex);
	job = worker->done;
	if (job) {
		worker->done = job->next;
		if (!worker->done)
			worker->done_end = &worker->done;
	} else if (read(worker->fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
		abort();
	}
	pthread_mutex_unlock(&worker->mutex);
	return job;
}

bool worker_may_cut(struct worker *worker, const struct vss_uuid *set)
{
	bool cut = false;

	pthread_mutex_lock(&worker->mutex);
	if (worker->running && worker->loaded &&
	    vss_uuid_equal(&worker->running->request.request.set, set))
		switch (worker->running->request.request.step) {
		case VSSD_STEP_END_PREPARE:
		case VSSD_STEP_PRE_COMMIT:
		case VSSD_STEP_HOLD_WRITES:
		case VSSD_STEP_COMMIT:
			cut = true;
			break;
		default:
			break;
		}
	pthread_mutex_unlock(&worker->mutex);
	return cut;
}

void worker_run_beside(struct worker *worker, struct job *job)
{
	run(worker, job);
}

bool worker_stop(struct worker *worker)
{
	bool idle;

	pthread_mutex_lock(&worker->mutex);
	idle = !worker->running && !worker->queue;
	worker->stop = true;
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->mutex);
	if (!idle)
		return false;
	pthread_join(worker->thread, NULL);
	if (worker->loaded && worker->ops->unload)
		worker->ops->unload(worker->state, true);
	while (worker->done) {
		struct job *job = worker->done;

		worker->done = job->next;
		job_free(job);
	}
	pthread_mutex_destroy(&worker->mutex);
	pthread_cond_destroy(&worker->more);
	close(worker->fd);
	free(worker);
	return true;
}

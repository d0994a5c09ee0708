// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Asynchronous operations (IVssAsync).
 *
 * An operation is one D-Bus call whose reply has not come yet.  An object has at
 * most one.  The caller has a reference and the object another one until the
 * operation has ended: releasing the handle stops nothing, and a handle may
 * outlive its object.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "requester.h"

struct vss_async {
	unsigned int references;
	struct vss_backup_components *bc;	/* NULL once it has ended */
	enum vss_call call;
	vss_async_reply take;
	sd_bus_slot *slot;
	vss_result result;
	struct vss_error error;
	uint32_t percent;
	bool cancelled;
	int event;	/* readable from the end on */
	int poll;	/* epoll of the connection and @event, for callers */
};

static void unreference(struct vss_async *async)
{
	if (--async->references)
		return;
	if (async->poll >= 0)
		close(async->poll);
	if (async->event >= 0)
		close(async->event);
	free(async);
}

static bool ended(const struct vss_async *async)
{
	return !async->bc;
}

/* The operation has ended with @result; its object's error is that of the operation. */
static void end(struct vss_async *async, vss_result result)
{
	struct vss_backup_components *bc = async->bc;

	async->error = bc->error;
	memset(&bc->error, 0, sizeof(bc->error));
	vss_call_order_end(&bc->order, async->call, result);
	if (async->cancelled && VSS_FAILED(result))
		result = VSS_S_ASYNC_CANCELLED;
	if (!VSS_FAILED(result)) {
		memset(&async->error, 0, sizeof(async->error));
		async->percent = 100;
	}
	async->result = result == S_OK ? VSS_S_ASYNC_FINISHED : result;
	async->slot = sd_bus_slot_unref(async->slot);
	eventfd_write(async->event, 1);
	async->bc = NULL;
	bc->running = NULL;
	unreference(async);
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *unused)
{
	struct vss_async *async = data;
	struct vss_backup_components *bc = async->bc;
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct vss_error outer = bc->error;
	vss_result result;

	(void)unused;
	memset(&bc->error, 0, sizeof(bc->error));
	if (error)
		result = vss_requester_bus_error(&bc->error, vss_call_name(async->call), error,
						 -sd_bus_error_get_errno(error));
	else
		result = async->take(bc, m);
	end(async, result);
	/* This may be within another call of the object, whose error stays. */
	bc->error = outer;
	return 1;
}

/* 0 or a negative errno. */
static int watch(struct vss_async *async, int fd)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (fd < 0)
		return fd;
	return epoll_ctl(async->poll, EPOLL_CTL_ADD, fd, &readable) < 0 ? -errno : 0;
}

static int new_async(struct vss_backup_components *bc, enum vss_call call, vss_async_reply take,
		     struct vss_async **new)
{
	struct vss_async *async = calloc(1, sizeof(*async));
	int r;

	if (!async)
		return -ENOMEM;
	async->references = 1;
	async->bc = bc;
	async->call = call;
	async->take = take;
	async->result = VSS_S_ASYNC_PENDING;
	async->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	async->poll = epoll_create1(EPOLL_CLOEXEC);
	r = async->event < 0 || async->poll < 0 ? -errno : 0;
	if (r >= 0)
		r = watch(async, async->event);
	if (r >= 0)
		r = watch(async, sd_bus_get_fd(bc->bus));
	if (r < 0)
		unreference(async);
	else
		*new = async;
	return r;
}

vss_result vss_async_start(struct vss_backup_components *bc, enum vss_call call, sd_bus_message *m,
			   vss_async_reply take, struct vss_async **async)
{
	struct vss_async *new = NULL;
	int r = new_async(bc, call, take, &new);

	if (r >= 0)
		r = sd_bus_call_async(bc->bus, &new->slot, m, on_reply, new, UINT64_MAX);
	sd_bus_message_unref(m);
	if (r < 0) {
		if (new)
			unreference(new);
		return vss_requester_bus_error(&bc->error, vss_call_name(call), NULL, r);
	}
	new->references++;
	bc->running = new;
	vss_call_order_begin(&bc->order, call);
	sd_bus_flush(bc->bus);
	*async = new;
	return S_OK;
}

void vss_async_abandon(struct vss_backup_components *bc)
{
	if (!bc->running)
		return;
	vss_requester_fail(bc, E_ABORT, "%s was aborted: its object was released before its end",
			   vss_call_name(bc->running->call));
	end(bc->running, E_ABORT);
}

void vss_async_aborted(struct vss_backup_components *bc)
{
	if (bc->running)
		bc->running->cancelled = true;
}

void vss_async_progress(struct vss_backup_components *bc, uint32_t percent)
{
	if (bc->running)
		bc->running->percent = percent < 100 ? percent : 100;
}

/* ---- for callers ---- */

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Handle what has come; a connection that is broken ends the operation. */
static void look(struct vss_async *async)
{
	int r = 1;

	while (!ended(async) && r > 0)
		r = sd_bus_process(async->bc->bus, NULL);
	if (!ended(async) && r < 0) {
		vss_requester_bus_error(&async->bc->error, vss_call_name(async->call), NULL, r);
		end(async, async->bc->error.result);
	}
}

vss_result vss_async_wait(struct vss_async *async, uint32_t milliseconds)
{
	uint64_t until = milliseconds == VSS_INFINITE ? UINT64_MAX :
							now_usec() + (uint64_t)milliseconds * 1000;

	if (!async)
		return E_INVALIDARG;
	for (look(async); !ended(async); look(async)) {
		uint64_t now = now_usec();

		if (now >= until)
			break;
		/* Its failure shows in the next look. */
		sd_bus_wait(async->bc->bus, until == UINT64_MAX ? UINT64_MAX : until - now);
	}
	return S_OK;
}

vss_result vss_async_query_status(struct vss_async *async, vss_result *result)
{
	if (!async || !result)
		return E_INVALIDARG;
	look(async);
	*result = async->result;
	return S_OK;
}

vss_result vss_async_get_percent(struct vss_async *async, uint32_t *percent)
{
	if (!async || !percent)
		return E_INVALIDARG;
	look(async);
	*percent = async->percent;
	return S_OK;
}

const struct vss_error *vss_async_error(struct vss_async *async)
{
	return &async->error;
}

vss_result vss_async_cancel(struct vss_async *async)
{
	struct vss_backup_components *bc;
	vss_result result;

	if (!async)
		return E_INVALIDARG;
	look(async);
	if (ended(async))
		return VSS_FAILED(async->result) || async->result == VSS_S_ASYNC_CANCELLED ?
		       async->result : VSS_S_ASYNC_FINISHED;
	if (async->call == VSS_CALL_QueryRevertStatus)
		return vss_requester_fail(async->bc, E_NOTIMPL,
					  "a revert cannot be cancelled; wait for its end");
	bc = async->bc;
	async->references++;
	async->cancelled = true;
	result = vss_requester_call(bc, "Cancel", NULL, "");
	if (!VSS_FAILED(result))
		vss_async_wait(async, VSS_INFINITE);
	if (!VSS_FAILED(result) && async->result != VSS_S_ASYNC_CANCELLED)
		result = VSS_FAILED(async->result) ? async->result : VSS_S_ASYNC_FINISHED;
	unreference(async);
	return result;
}

int vss_async_get_fd(struct vss_async *async)
{
	return async->poll;
}

void vss_async_release(struct vss_async *async)
{
	if (async)
		unreference(async);
}

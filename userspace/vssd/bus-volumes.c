// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ListVolumes: what block devices there are is read in a thread, for sysfs and
 * the devices themselves may take their time, and vssd's loop must not wait.
 *
 * One thread at a time serves all calls that came before it began.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus-internal.h"

#define MAX_CALLS	64

struct calls {
	sd_bus_message *messages[MAX_CALLS];
	size_t count;
};

struct bus_volumes {
	struct calls waiting;
	struct calls served;	/* by the thread that runs */
	bool running;
	pthread_t thread;
	int fd;			/* readable when it is done */
	sd_event_source *source;

	/* The thread's until then. */
	int ret;
	struct vss_blockdev *volumes;
	size_t count;
	struct vss_error err;
};

static void *read_volumes(void *arg)
{
	struct bus_volumes *v = arg;

	v->ret = vss_blockdev_list(&v->volumes, &v->count, &v->err);
	eventfd_write(v->fd, 1);
	return NULL;
}

static void answer(struct bus_volumes *v, sd_bus_message *m)
{
	sd_bus_message *reply = NULL;
	int ret;

	if (v->ret) {
		vssd_wire_reply_error(m, v->err.result, v->err.text);
		return;
	}
	ret = sd_bus_message_new_method_return(m, &reply);
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; ret >= 0 && i < v->count; i++)
		ret = vssd_wire_append_volume(reply, &v->volumes[i]);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	if (ret >= 0)
		ret = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	if (ret < 0)
		vssd_wire_reply_error(m, E_OUTOFMEMORY, "the answer could not be written");
}

static void forget(struct calls *calls)
{
	while (calls->count)
		sd_bus_message_unref(calls->messages[--calls->count]);
}

static void start(struct bus_volumes *v)
{
	v->served = v->waiting;
	v->waiting.count = 0;
	v->running = !pthread_create(&v->thread, NULL, read_volumes, v);
	if (v->running)
		return;
	for (size_t i = 0; i < v->served.count; i++)
		vssd_wire_reply_error(v->served.messages[i], E_OUTOFMEMORY, "vssd cannot start a thread");
	forget(&v->served);
}

static void finish(struct bus_volumes *v)
{
	eventfd_t value;

	pthread_join(v->thread, NULL);
	eventfd_read(v->fd, &value);
	v->running = false;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct bus_volumes *v = data;

	(void)source;
	(void)fd;
	(void)events;
	finish(v);
	for (size_t i = 0; i < v->served.count; i++)
		answer(v, v->served.messages[i]);
	forget(&v->served);
	if (!v->ret)
		vss_blockdev_list_free(v->volumes, v->count);
	if (v->waiting.count)
		start(v);
	return 0;
}

static struct bus_volumes *volumes_of(struct vssd_bus *bus)
{
	struct bus_volumes *v = bus->volumes ? NULL : calloc(1, sizeof(*v));

	if (!v)
		return bus->volumes;
	v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->fd >= 0 && sd_event_add_io(bus->event, &v->source, v->fd, EPOLLIN, on_done, v) >= 0) {
		bus->volumes = v;
	} else {
		if (v->fd >= 0)
			close(v->fd);
		free(v);
	}
	return bus->volumes;
}

int bus_volumes_list(struct bus_peer *peer, sd_bus_message *m)
{
	struct bus_volumes *v = volumes_of(peer->link->bus);

	if (!v)
		return vssd_wire_reply_error(m, E_OUTOFMEMORY, "vssd has not enough memory");
	if (v->waiting.count == MAX_CALLS)
		return vssd_wire_reply_error(m, E_ACCESSDENIED, "too many calls at once; wait for "
					     "the answer to one of them");
	v->waiting.messages[v->waiting.count++] = sd_bus_message_ref(m);
	if (!v->running)
		start(v);
	return 1;
}

void bus_volumes_free(struct bus_volumes *v)
{
	if (!v)
		return;
	if (v->running) {
		finish(v);
		if (!v->ret)
			vss_blockdev_list_free(v->volumes, v->count);
	}
	forget(&v->served);
	forget(&v->waiting);
	sd_event_source_unref(v->source);
	close(v->fd);
	free(v);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The writer object: its making, its subscription and its loop.
 *
 * The loop is an sd-event of the object's own.  The descriptor that its user
 * watches is the epoll descriptor of that loop, which stays the same however
 * often the connection behind it is made anew.
 */
#include <errno.h>
#include <libxml/xmlstring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"
#include "writer.h"

/* vssd watches the time itself; the library's limit is for a vssd that hangs. */
#define LIMIT_GRACE_MS	5000

vss_result vss_writer_fail(struct vss_writer *writer, vss_result result, const char *format, ...)
{
	va_list args;

	writer->error.code = -EINVAL;
	writer->error.result = result;
	va_start(args, format);
	vsnprintf(writer->error.text, sizeof(writer->error.text), format, args);
	va_end(args);
	return result;
}

const struct vss_error *vss_writer_error(const struct vss_writer *writer)
{
	return &writer->error;
}

/* ---- making and freeing ---- */

static vss_result check(const struct vss_writer_config *config, const struct vss_writer_ops *ops,
			struct vss_error *err)
{
	const char *missing = NULL;

	if (!config || !ops) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "a writer needs a configuration and callbacks");
		return E_INVALIDARG;
	}
	if (vss_uuid_is_null(&config->writer_id) || !config->writer_name || !config->writer_name[0]) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "a writer needs a class id and a name");
		return E_INVALIDARG;
	}
	if (!xmlCheckUTF8((const unsigned char *)config->writer_name) ||
	    (config->instance_name && !xmlCheckUTF8((const unsigned char *)config->instance_name))) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "the name of a writer must be UTF-8");
		return E_INVALIDARG;
	}
	if ((unsigned int)config->level > VSS_APP_SYSTEM_RM ||
	    (unsigned int)config->usage > VSS_UT_OTHER || (unsigned int)config->source > VSS_ST_OTHER) {
		vss_error_set(err, -EINVAL, E_INVALIDARG,
			      "level, usage or source of writer %s is none of the known ones",
			      config->writer_name);
		return E_INVALIDARG;
	}
	if (!ops->prepare_snapshot)
		missing = "prepare_snapshot";
	else if (!ops->freeze)
		missing = "freeze";
	else if (!ops->thaw)
		missing = "thaw";
	else if (!ops->abort)
		missing = "abort";
	if (missing) {
		vss_error_set(err, -EINVAL, E_INVALIDARG, "writer %s has no callback %s, which every writer needs",
			      config->writer_name, missing);
		return E_INVALIDARG;
	}
	return S_OK;
}

static char *copy_string(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		*ok = false;
	return copy;
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *data)
{
	uint64_t count;

	(void)source;
	(void)events;
	(void)data;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

/* Make the loop see that there is something to do. */
static void wake(struct vss_writer *writer)
{
	uint64_t one = 1;
	ssize_t n = write(writer->wake_fd, &one, sizeof(one));

	/* It can fail only when the descriptor is readable anyway. */
	(void)n;
}

vss_result vss_writer_initialize(const struct vss_writer_config *config,
				 const struct vss_writer_ops *ops, void *data,
				 struct vss_writer **writer, struct vss_error *err)
{
	vss_result result = check(config, ops, err);
	struct vss_writer *w;
	bool ok = true;
	int ret;

	if (result != S_OK)
		return result;
	w = calloc(1, sizeof(*w));
	if (!w) {
		vss_error_errno(err, -ENOMEM, "out of memory");
		return E_OUTOFMEMORY;
	}
	w->config = *config;
	w->config.writer_name = copy_string(config->writer_name, &ok);
	w->config.instance_name = copy_string(config->instance_name, &ok);
	w->config.address = copy_string(config->address ? config->address : secure_getenv("VSS_BUS_ADDRESS"), &ok);
	/* Set to nothing is as good as not set. */
	if (!config->address && w->config.address && !w->config.address[0]) {
		free((char *)w->config.address);
		w->config.address = NULL;
	}
	if (w->config.level == VSS_APP_UNKNOWN)
		w->config.level = VSS_APP_FRONT_END;
	w->ops = *ops;
	w->data = data;
	w->limit_grace_ms = LIMIT_GRACE_MS;
	w->sessions.item_size = sizeof(struct vss_writer_session);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = w->wake_fd < 0 ? -errno : 0;
	if (!ret && !ok)
		ret = -ENOMEM;
	if (!ret)
		ret = vss_uuid_generate(&w->instance_id);
	if (!ret)
		ret = sd_event_new(&w->event);
	if (ret >= 0)
		ret = sd_event_add_io(w->event, &w->wake, w->wake_fd, EPOLLIN, on_wake, w);
	if (ret < 0) {
		vss_error_errno(err, ret, "cannot make the loop of writer %s: %s", config->writer_name,
				strerror(-ret));
		vss_writer_free(w);
		return vss_result_from_errno(ret);
	}
	*writer = w;
	return S_OK;
}

void vss_writer_free(struct vss_writer *writer)
{
	if (!writer)
		return;
	if (writer->subscribed)
		vss_writer_unsubscribe(writer);
	sd_event_source_disable_unref(writer->wake);
	sd_event_unref(writer->event);
	if (writer->wake_fd >= 0)
		close(writer->wake_fd);
	free((char *)writer->config.writer_name);
	free((char *)writer->config.instance_name);
	free((char *)writer->config.address);
	free(writer->message);
	free(writer);
}

/* ---- subscription ---- */

vss_result vss_writer_subscribe(struct vss_writer *writer)
{
	vss_result result;

	if (writer->subscribed)
		return vss_writer_fail(writer, VSS_E_WRITER_ALREADY_SUBSCRIBED,
				       "writer %s has subscribed already", writer->config.writer_name);
	result = vss_writer_bus_subscribe(writer);
	writer->subscribed = !VSS_FAILED(result);
	/* What came with the answer waits in memory, where the descriptor does not show it. */
	if (writer->subscribed)
		wake(writer);
	return result;
}

vss_result vss_writer_unsubscribe(struct vss_writer *writer)
{
	if (!writer->subscribed)
		return vss_writer_fail(writer, VSS_E_BAD_STATE, "writer %s has not subscribed",
				       writer->config.writer_name);
	if (writer->current != VSS_ON_NONE)
		return vss_writer_fail(writer, VSS_E_BAD_STATE,
				       "writer %s cannot unsubscribe within its own callback",
				       writer->config.writer_name);
	writer->subscribed = false;
	vss_writer_bus_unsubscribe(writer);
	vss_writer_event_lost(writer);
	return S_OK;
}

bool vss_writer_is_registered(const struct vss_writer *writer)
{
	return writer->registered;
}

/* ---- the loop ---- */

int vss_writer_get_fd(struct vss_writer *writer)
{
	return sd_event_get_fd(writer->event);
}

/* One turn, waiting up to @usec.  1 when something was done. */
static int turn(struct vss_writer *writer, uint64_t usec)
{
	int ret;

	writer->dispatching = true;
	ret = sd_event_run(writer->event, usec);
	writer->dispatching = false;
	return ret == -EINTR ? 1 : ret;
}

static vss_result loop_failed(struct vss_writer *writer, int ret)
{
	return vss_writer_fail(writer, E_UNEXPECTED, "the loop of writer %s failed: %s",
			       writer->config.writer_name, strerror(-ret));
}

vss_result vss_writer_dispatch(struct vss_writer *writer)
{
	int ret;

	if (writer->dispatching)
		return vss_writer_fail(writer, VSS_E_BAD_STATE, "a callback cannot dispatch");
	/* The last, empty turn also sets the timers that the descriptor shows. */
	do {
		ret = turn(writer, 0);
	} while (ret > 0);
	return ret < 0 ? loop_failed(writer, ret) : S_OK;
}

vss_result vss_writer_run(struct vss_writer *writer)
{
	if (writer->dispatching)
		return vss_writer_fail(writer, VSS_E_BAD_STATE, "a callback cannot run the loop");
	while (!writer->stopping) {
		int ret = turn(writer, UINT64_MAX);

		if (ret < 0)
			return loop_failed(writer, ret);
	}
	writer->stopping = 0;
	return S_OK;
}

void vss_writer_stop(struct vss_writer *writer)
{
	writer->stopping = 1;
	wake(writer);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A writer's connection to vssd: made, registered on, and made anew for as long
 * as the writer is subscribed.
 *
 * On a private socket the end of the connection is the end of vssd; on the bus
 * vssd is gone when its name has another owner or none.  Only the first
 * registration starts vssd, so that an administrator's stop lasts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "writer.h"

#define RETRY_MIN_USEC		100000
#define RETRY_MAX_USEC		5000000
#define REGISTER_USEC		30000000
#define REFUSED_USEC		60000000
#define UNREGISTER_USEC		2000000

#define OWNER_MATCH									\
	"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"	\
	"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" VSS_BUS_NAME "'"

static int register_begin(struct vss_writer *writer);
static void registered(struct vss_writer *writer, sd_bus_message *reply);
static void not_registered(struct vss_writer *writer, const sd_bus_error *error);

/* ---- coming and going ---- */

static void disconnect(struct vss_writer *writer)
{
	writer->registering = sd_bus_slot_unref(writer->registering);
	writer->registered = false;
	free(writer->vssd);
	writer->vssd = NULL;
	if (writer->bus) {
		sd_bus_detach_event(writer->bus);
		sd_bus_close(writer->bus);
		writer->bus = sd_bus_unref(writer->bus);
	}
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data);

/* Try again after a pause that grows. */
static void retry_later(struct vss_writer *writer)
{
	writer->retry = sd_event_source_disable_unref(writer->retry);
	if (sd_event_add_time_relative(writer->event, &writer->retry, CLOCK_MONOTONIC, writer->retry_usec,
				       RETRY_MIN_USEC / 2, on_retry, writer) < 0)
		return;
	writer->retry_usec *= 2;
	if (writer->retry_usec > RETRY_MAX_USEC)
		writer->retry_usec = RETRY_MAX_USEC;
}

static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vss_writer *writer = data;

	(void)m;
	(void)error;
	writer->registered = false;
	writer->registering = sd_bus_slot_unref(writer->registering);
	vss_writer_event_lost(writer);
	/* The connection is being worked on: on_retry() closes it. */
	retry_later(writer);
	return 0;
}

static int on_owner_changed(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vss_writer *writer = data;
	const char *name, *from, *to;

	(void)error;
	if (sd_bus_message_read(m, "sss", &name, &from, &to) < 0)
		return 0;
	if (writer->vssd && strcmp(to, writer->vssd)) {
		writer->registered = false;
		free(writer->vssd);
		writer->vssd = NULL;
		vss_writer_event_lost(writer);
	}
	if (to[0] && !writer->registered) {
		writer->retry_usec = RETRY_MIN_USEC;
		if (writer->registering)
			writer->owner_changed = true;
		else if (register_begin(writer) < 0)
			retry_later(writer);
	}
	return 0;
}

/* Connect, without waiting.  0 or a negative errno. */
static int connect_vssd(struct vss_writer *writer)
{
	int ret;

	disconnect(writer);
	if (writer->config.address) {
		ret = sd_bus_new(&writer->bus);
		if (ret >= 0)
			ret = sd_bus_set_address(writer->bus, writer->config.address);
		if (ret >= 0)
			ret = sd_bus_start(writer->bus);
	} else {
		ret = sd_bus_open_system(&writer->bus);
		if (ret >= 0)
			ret = sd_bus_add_match_async(writer->bus, NULL, OWNER_MATCH, on_owner_changed, NULL,
						     writer);
	}
	if (ret >= 0)
		ret = sd_bus_match_signal(writer->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
					  "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, writer);
	if (ret >= 0)
		ret = vss_writer_event_offer(writer);
	if (ret >= 0)
		ret = sd_bus_attach_event(writer->bus, writer->event, SD_EVENT_PRIORITY_NORMAL);
	if (ret < 0)
		disconnect(writer);
	return ret < 0 ? ret : 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
	struct vss_writer *writer = data;

	(void)source;
	(void)usec;
	if (writer->registered || !writer->subscribed)
		return 0;
	if (!writer->bus || sd_bus_is_open(writer->bus) <= 0) {
		if (connect_vssd(writer) < 0) {
			retry_later(writer);
			return 0;
		}
	}
	if (!writer->registering && register_begin(writer) < 0)
		retry_later(writer);
	return 0;
}

/* ---- registration ---- */

static int append_u32(sd_bus_message *m, const char *key, uint32_t value)
{
	return sd_bus_message_append(m, "{sv}", key, "u", value);
}

static int append_uuid(sd_bus_message *m, const char *key, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	return sd_bus_message_append(m, "{sv}", key, "s", vss_uuid_format(uuid, text));
}

static int register_message(struct vss_writer *writer, sd_bus_message **message)
{
	const struct vss_writer_config *config = &writer->config;
	sd_bus_message *m = NULL;
	int ret;

	ret = sd_bus_message_new_method_call(writer->bus, &m, writer->config.address ? NULL : VSS_BUS_NAME,
					     VSS_BUS_PATH, VSS_BUS_MANAGER, "RegisterWriter");
	if (ret >= 0)
		ret = sd_bus_message_open_container(m, 'a', "{sv}");
	if (ret >= 0)
		ret = append_uuid(m, "class", &config->writer_id);
	if (ret >= 0)
		ret = append_uuid(m, "instance", &writer->instance_id);
	if (ret >= 0)
		ret = sd_bus_message_append(m, "{sv}", "name", "s", config->writer_name);
	if (ret >= 0 && config->instance_name)
		ret = sd_bus_message_append(m, "{sv}", "instance-name", "s", config->instance_name);
	if (ret >= 0)
		ret = append_u32(m, "usage", config->usage);
	if (ret >= 0)
		ret = append_u32(m, "source", config->source);
	if (ret >= 0)
		ret = append_u32(m, "level", config->level);
	if (ret >= 0 && config->freeze_timeout_ms)
		ret = sd_bus_message_append(m, "{sv}", "freeze-timeout", "t",
					    (uint64_t)config->freeze_timeout_ms);
	if (ret >= 0)
		ret = sd_bus_message_close_container(m);
	if (ret >= 0)
		ret = sd_bus_message_append(m, "o", VSS_BUS_WRITER_PATH);
	if (ret < 0)
		sd_bus_message_unref(m);
	else
		*message = m;
	return ret < 0 ? ret : 0;
}

static int on_registered(sd_bus_message *reply, void *data, sd_bus_error *error)
{
	struct vss_writer *writer = data;

	(void)error;
	writer->registering = sd_bus_slot_unref(writer->registering);
	if (sd_bus_message_is_method_error(reply, NULL))
		not_registered(writer, sd_bus_message_get_error(reply));
	else
		registered(writer, reply);
	return 0;
}

static int register_begin(struct vss_writer *writer)
{
	sd_bus_message *m;
	int ret = register_message(writer, &m);

	if (ret < 0)
		return ret;
	writer->owner_changed = false;
	sd_bus_message_set_auto_start(m, false);
	ret = sd_bus_call_async(writer->bus, &writer->registering, m, on_registered, writer, REGISTER_USEC);
	sd_bus_message_unref(m);
	return ret;
}

static void registered(struct vss_writer *writer, sd_bus_message *reply)
{
	const char *sender = sd_bus_message_get_sender(reply);

	free(writer->vssd);
	writer->vssd = sender ? strdup(sender) : NULL;
	writer->registered = true;
	writer->refusal = S_OK;
	writer->retry_usec = RETRY_MIN_USEC;
	writer->retry = sd_event_source_disable_unref(writer->retry);
}

/* There is no vssd on the bus: it will be told when there is one. */
static bool is_absence(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

/* No answer came in time. */
static bool is_silence(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT);
}

static vss_result error_result(const sd_bus_error *error)
{
	static const vss_result known[] = {
		E_ACCESSDENIED, E_INVALIDARG, E_OUTOFMEMORY, VSS_E_OBJECT_ALREADY_EXISTS, VSS_E_BAD_STATE,
	};

	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
		return E_ACCESSDENIED;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncmp(error->name, VSS_BUS_ERROR_PREFIX, strlen(VSS_BUS_ERROR_PREFIX)) &&
		    !strcmp(error->name + strlen(VSS_BUS_ERROR_PREFIX), vss_result_name(known[i])))
			return known[i];
	return VSS_E_WRITER_INFRASTRUCTURE;
}

static void not_registered(struct vss_writer *writer, const sd_bus_error *error)
{
	writer->refusal = error_result(error);
	vss_writer_fail(writer, writer->refusal, "vssd does not take the writer %s: %s",
			writer->config.writer_name, error->message ? error->message : error->name);
	if (writer->owner_changed && register_begin(writer) >= 0)
		return;
	/* It may have been registered nevertheless; a new connection makes that undone. */
	if (is_silence(error))
		sd_bus_close(writer->bus);
	/* Until the administrator has changed the configuration. */
	if (writer->refusal == E_ACCESSDENIED)
		writer->retry_usec = REFUSED_USEC;
	if (writer->config.address || !is_absence(error))
		retry_later(writer);
}

/* ---- subscription ---- */

/* The first registration, which waits and may start vssd. */
static vss_result register_now(struct vss_writer *writer)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m, *reply = NULL;
	vss_result result = S_OK;
	int ret = register_message(writer, &m);

	if (ret < 0)
		return vss_writer_fail(writer, E_OUTOFMEMORY, "out of memory");
	ret = sd_bus_call(writer->bus, m, REGISTER_USEC, &error, &reply);
	sd_bus_message_unref(m);
	if (ret >= 0) {
		registered(writer, reply);
	} else if (!sd_bus_error_is_set(&error) || is_absence(&error) ||
		   error_result(&error) == VSS_E_WRITER_INFRASTRUCTURE) {
		result = S_FALSE;
		vss_writer_fail(writer, VSS_E_WRITER_INFRASTRUCTURE, "vssd is not there yet: %s",
				error.message ? error.message : strerror(-ret));
		if (is_silence(&error))
			sd_bus_close(writer->bus);
		/* On the bus its coming is told. */
		if (writer->config.address || !is_absence(&error))
			retry_later(writer);
	} else {
		result = vss_writer_fail(writer, error_result(&error), "vssd does not take the writer %s: %s",
					 writer->config.writer_name,
					 error.message ? error.message : error.name);
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return result;
}

vss_result vss_writer_bus_subscribe(struct vss_writer *writer)
{
	vss_result result;
	int ret;

	writer->retry_usec = RETRY_MIN_USEC;
	ret = connect_vssd(writer);
	if (ret < 0) {
		vss_writer_fail(writer, VSS_E_WRITER_INFRASTRUCTURE, "cannot connect to %s: %s",
				writer->config.address ? writer->config.address : "the system bus",
				strerror(-ret));
		/* An address that no connection can ever be made to is a mistake. */
		if (ret == -EINVAL || ret == -EAFNOSUPPORT)
			return writer->error.result;
		retry_later(writer);
		return S_FALSE;
	}
	result = register_now(writer);
	if (VSS_FAILED(result))
		disconnect(writer);
	return result;
}

void vss_writer_bus_unsubscribe(struct vss_writer *writer)
{
	sd_bus_message *m = NULL;
	char text[VSS_UUID_TEXT_SIZE];

	writer->retry = sd_event_source_disable_unref(writer->retry);
	vss_uuid_format(&writer->instance_id, text);
	if (writer->registered &&
	    sd_bus_message_new_method_call(writer->bus, &m, writer->config.address ? NULL : VSS_BUS_NAME,
					   VSS_BUS_PATH, VSS_BUS_MANAGER, "UnregisterWriter") >= 0 &&
	    sd_bus_message_append(m, "s", text) >= 0) {
		sd_bus_message_set_auto_start(m, false);
		/* Whatever the answer: closing the connection ends the registration too. */
		sd_bus_call(writer->bus, m, UNREGISTER_USEC, NULL, NULL);
	}
	sd_bus_message_unref(m);
	disconnect(writer);
}

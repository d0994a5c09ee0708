// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writers that are D-Bus peers: events become calls on their Writer object,
 * answers become what the core waits for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "bus-internal.h"
#include "messages.h"

/* An event that the core waits for. */
struct bus_event {
	LIST_ENTRY(bus_event) entry;
	struct bus_writer *writer;
	enum vssd_event event;
	vssd_writer_done done;
	void *arg;
	sd_bus_slot *slot;
	sd_event_source *failed;	/* the call could not be sent */
};

static const char *const event_names[] = {
	[VSSD_EVENT_PREPARE_BACKUP] = "PrepareBackup",
	[VSSD_EVENT_PREPARE_SNAPSHOT] = "PrepareSnapshot",
	[VSSD_EVENT_FREEZE] = "Freeze",
	[VSSD_EVENT_THAW] = "Thaw",
	[VSSD_EVENT_POST_SNAPSHOT] = "PostSnapshot",
	[VSSD_EVENT_ABORT] = "Abort",
	[VSSD_EVENT_BACKUP_COMPLETE] = "BackupComplete",
	[VSSD_EVENT_BACKUP_SHUTDOWN] = "BackupShutdown",
	[VSSD_EVENT_PRE_RESTORE] = "PreRestore",
	[VSSD_EVENT_POST_RESTORE] = "PostRestore",
};

static void event_free(struct bus_event *event)
{
	LIST_REMOVE(event, entry);
	sd_bus_slot_unref(event->slot);
	sd_event_source_unref(event->failed);
	free(event);
}

static void event_answer(struct bus_event *event, const struct vssd_writer_reply *reply)
{
	vssd_writer_done done = event->done;
	void *arg = event->arg;

	/* Before the core is told: it may send the next event, or end the writer. */
	event_free(event);
	done(arg, reply);
}

static void event_error(struct bus_event *event, const sd_bus_error *error)
{
	struct vssd_writer_reply reply = {
		.failure = vssd_wire_error_result(error),
		.message = error ? error->message : NULL,
	};

	if (reply.failure == VSS_E_UNEXPECTED)
		reply.failure = VSS_E_WRITER_NOT_RESPONDING;
	event_answer(event, &reply);
}

/* What a writer may answer with; anything else is not to be mended by trying again. */
static vss_result checked_failure(uint32_t failure)
{
	switch (failure) {
	case S_OK:
	case VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT:
	case VSS_E_WRITERERROR_OUTOFRESOURCES:
	case VSS_E_WRITERERROR_TIMEOUT:
	case VSS_E_WRITERERROR_RETRYABLE:
	case VSS_E_WRITERERROR_NONRETRYABLE:
	case VSS_E_WRITERERROR_RECOVERY_FAILED:
	case VSS_E_WRITERERROR_PARTIAL_FAILURE:
		return failure;
	default:
		return VSS_E_WRITERERROR_NONRETRYABLE;
	}
}

static int read_answer(struct bus_event *event, sd_bus_message *m, struct vssd_writer_reply *reply)
{
	const char *document = "", *message = "";
	uint32_t failure = 0, code = 0;
	int ret;

	if (event->event == VSSD_EVENT_IDENTIFY) {
		ret = sd_bus_message_read(m, "s", &document);
		if (ret >= 0 && !document[0])
			reply->failure = VSS_E_WRITERERROR_NONRETRYABLE;
	} else {
		ret = sd_bus_message_read(m, "uuss", &failure, &code, &message, &document);
		reply->failure = checked_failure(failure);
		reply->application_code = code;
		reply->message = message[0] ? message : NULL;
	}
	reply->document = document[0] ? document : NULL;
	return ret;
}

static int on_answer(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct bus_event *event = data;
	struct bus_writer *writer = event->writer;
	struct vssd_bus *bus = writer->peer->link->bus;
	struct vssd_writer_reply reply = { 0 };

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL)) {
		event_error(event, sd_bus_message_get_error(m));
		return 0;
	}
	if (read_answer(event, m, &reply) < 0) {
		reply = (struct vssd_writer_reply) {
			.failure = VSS_E_WRITERERROR_NONRETRYABLE,
			.message = "the writer's answer cannot be read",
		};
	} else if (reply.document && strlen(reply.document) > bus->settings.limits.message_size) {
		bus_log(bus, LOG_WARNING, VSSD_MESSAGE_DOCUMENT_INVALID,
			"a document of a writer of user %u was refused: it is longer than %u bytes",
			writer->peer->user->uid, bus->settings.limits.message_size);
		reply = (struct vssd_writer_reply) {
			.failure = VSS_E_WRITERERROR_OUTOFRESOURCES,
			.message = "the writer's document is too long",
		};
	}
	event_answer(event, &reply);
	return 0;
}

static int on_failed(sd_event_source *source, void *data)
{
	(void)source;
	event_error(data, NULL);
	return 0;
}

static int append_operation(sd_bus_message *m, const struct vssd_operation *op)
{
	int ret = sd_bus_message_open_container(m, 'a', "{sv}");

	if (ret < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "session", &op->session)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "set", &op->set)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "context", op->context)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "backup-type", op->backup_type)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "restore-type", op->restore_type)) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "components-selected", op->components_selected)) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "bootable-system-state", op->bootable_system_state)) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "partial-files", op->partial_files)) < 0 ||
	    (ret = vssd_wire_entry_strings(m, "volumes", op->volumes, op->nr_volumes)) < 0 ||
	    (op->devices &&
	     (ret = vssd_wire_entry_strings(m, "devices", op->devices, op->nr_volumes)) < 0))
		return ret;
	return sd_bus_message_close_container(m);
}

static int send_event(struct bus_event *event, const struct vssd_operation *op)
{
	struct bus_writer *writer = event->writer;
	struct bus_peer *peer = writer->peer;
	bool identify = event->event == VSSD_EVENT_IDENTIFY;
	sd_bus_message *m = NULL;
	int ret;

	ret = sd_bus_message_new_method_call(peer->link->conn, &m, peer->name, writer->object,
					     VSSD_BUS_WRITER, identify ? "Identify" : "Event");
	if (ret >= 0 && !identify) {
		ret = sd_bus_message_append_basic(m, 's', event_names[event->event]);
		if (ret >= 0)
			ret = append_operation(m, op);
		if (ret >= 0)
			ret = vssd_wire_append_string(m, op->components);
	}
	/* The core watches the time. */
	if (ret >= 0)
		ret = sd_bus_call_async(peer->link->conn, &event->slot, m, on_answer, event,
					UINT64_MAX);
	sd_bus_message_unref(m);
	return ret;
}

static void writer_event(void *impl, enum vssd_event kind, const struct vssd_operation *operation,
			 vssd_writer_done done, void *arg)
{
	struct bus_writer *writer = impl;
	struct vssd_bus *bus = writer->peer->link->bus;
	struct bus_event *event = calloc(1, sizeof(*event));

	/* Without memory the core's own time limit ends it. */
	if (!event)
		return;
	event->writer = writer;
	event->event = kind;
	event->done = done;
	event->arg = arg;
	LIST_INSERT_HEAD(&writer->events, event, entry);
	if (send_event(event, operation) < 0)
		sd_event_add_defer(bus->event, &event->failed, on_failed, event);
}

static void writer_forget(void *impl, void *arg)
{
	struct bus_writer *writer = impl;
	struct bus_event *event;

	LIST_FOREACH(event, &writer->events, entry) {
		if (event->arg != arg)
			continue;
		event_free(event);
		return;
	}
}

static const struct vssd_writer_ops writer_ops = {
	.event = writer_event,
	.forget = writer_forget,
};

static void writer_free(struct bus_writer *writer)
{
	while (!LIST_EMPTY(&writer->events))
		event_free(LIST_FIRST(&writer->events));
	LIST_REMOVE(writer, entry);
	free(writer->object);
	free(writer);
}

void bus_writer_remove(struct bus_writer *writer, bool died)
{
	writer->peer->user->writers--;
	vssd_writer_remove(writer->writer, died);
	writer_free(writer);
}

static int check(struct bus_peer *peer, sd_bus_message *m, const struct vssd_writer_info *info)
{
	struct vssd_bus *bus = peer->link->bus;
	struct vssd_creds creds = bus_peer_creds(peer);
	char id[VSS_UUID_TEXT_SIZE], text[512];

	vss_uuid_format(&info->class_id, id);
	if (!vssd_access_writer(bus->settings.access, &creds, &info->class_id, info->name)) {
		bus_log(bus, LOG_WARNING, VSSD_MESSAGE_ACCESS_DENIED,
			"user %u was refused as the writer \"%.128s\" (%s)", creds.uid, info->name, id);
		snprintf(text, sizeof(text),
			 "user %u may not be the writer %s; have the line \"Allow = USER %s\" added to "
			 "[Writers] of /etc/vss/vssd.conf", creds.uid, id, id);
		return vssd_wire_reply_error(m, E_ACCESSDENIED, text);
	}
	if (peer->user->writers < bus->settings.limits.writers)
		return 0;
	bus_log(bus, LOG_WARNING, VSSD_MESSAGE_LIMIT_REACHED,
		"a writer of user %u was refused: the user has %u already", creds.uid,
		peer->user->writers);
	return vssd_wire_reply_error(m, E_ACCESSDENIED, "your user has too many writers already; end "
				     "one, or have Writers raised in [Limits] of /etc/vss/vssd.conf");
}

int bus_writer_register(struct bus_peer *peer, sd_bus_message *m)
{
	struct vssd_writer_info info;
	struct bus_writer *writer;
	struct vss_error err;
	vss_result result;
	const char *object;
	int ret;

	if (vssd_wire_read_writer_info(m, &info, &err))
		return vssd_wire_reply_error(m, err.result, err.text);
	ret = sd_bus_message_read_basic(m, 'o', &object);
	if (ret < 0)
		return ret;
	ret = check(peer, m, &info);
	if (ret)
		return ret;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->peer = peer;
	writer->instance = info.instance_id;
	LIST_INIT(&writer->events);
	LIST_INSERT_HEAD(&peer->writers, writer, entry);
	writer->object = strdup(object);
	result = writer->object ? vssd_writer_add(peer->link->bus->core, &info, &writer_ops, writer,
						  &writer->writer, &err) : E_OUTOFMEMORY;
	if (VSS_FAILED(result)) {
		writer_free(writer);
		return vssd_wire_reply_error(m, result, result == E_OUTOFMEMORY ?
					     "vssd has not enough memory" : err.text);
	}
	peer->user->writers++;
	return sd_bus_reply_method_return(m, NULL);
}

int bus_writer_unregister(struct bus_peer *peer, sd_bus_message *m)
{
	struct bus_writer *writer;
	struct vss_uuid instance;
	const char *text;
	int ret = sd_bus_message_read_basic(m, 's', &text);

	if (ret < 0)
		return ret;
	if (vss_uuid_parse(text, &instance))
		return vssd_wire_reply_error(m, E_INVALIDARG, "the writer's instance is not a UUID");
	LIST_FOREACH(writer, &peer->writers, entry) {
		if (!vss_uuid_equal(&writer->instance, &instance))
			continue;
		bus_writer_remove(writer, false);
		return sd_bus_reply_method_return(m, NULL);
	}
	return vssd_wire_reply_error(m, VSS_E_OBJECT_NOT_FOUND,
				     "no writer of this connection has that instance id");
}

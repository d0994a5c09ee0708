// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What happens when vssd calls a writer: the callback runs, and its outcome
 * becomes the reply.
 *
 * A writer trusts vssd's order of events only so far as its own safety goes.
 * Whatever it has begun is ended: when vssd dies, when the writer unsubscribes,
 * and when Thaw does not come in time, the library calls abort and
 * backup_shutdown itself.  Events that then still come for the same shadow copy
 * are answered with a failure, for the data was not at rest all the while.
 */
#include <errno.h>
#include <libxml/xmlstring.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus-vtable.h>

#include "backup-document.h"
#include "cleanup.h"
#include "error.h"
#include "writer.h"

/* A writer that asks for no limit gets vssd's default, which can be set as high as this. */
#define LONGEST_DEFAULT_MS	600000

/* ---- running a callback ---- */

static void begin_callback(struct vss_writer *writer, enum vss_writer_event event,
			   const struct vss_writer_operation *operation)
{
	writer->current = event;
	writer->thread = pthread_self();
	writer->operation = operation;
	writer->failed = false;
	writer->failure = S_OK;
	writer->application_code = S_OK;
	free(writer->message);
	writer->message = NULL;
}

/* A failure that was set counts also when the callback then says that all is well. */
static void end_callback(struct vss_writer *writer, bool success)
{
	writer->current = VSS_ON_NONE;
	writer->operation = NULL;
	if (!success && !writer->failed) {
		writer->failed = true;
		writer->failure = VSS_E_WRITERERROR_NONRETRYABLE;
	}
}

static bool call_plain(struct vss_writer *writer, bool (*callback)(struct vss_writer *, void *))
{
	return callback(writer, writer->data);
}

static bool call_components(struct vss_writer *writer,
			    bool (*callback)(struct vss_writer *, struct vss_writer_components *, void *),
			    struct vss_writer_components *components)
{
	return !callback || callback(writer, components, writer->data);
}

static bool call_shutdown(struct vss_writer *writer)
{
	return !writer->ops.backup_shutdown ||
	       writer->ops.backup_shutdown(writer, &writer->operation->set, writer->data);
}

/* Run the callback of an event; what it says is in the object afterwards. */
static void run(struct vss_writer *writer, enum vss_writer_event event,
		const struct vss_writer_operation *operation, struct vss_writer_components *components)
{
	const struct vss_writer_ops *ops = &writer->ops;
	bool success = true;

	begin_callback(writer, event, operation);
	switch (event) {
	case VSS_ON_PREPARE_BACKUP:
		success = call_components(writer, ops->prepare_backup, components);
		break;
	case VSS_ON_PREPARE_SNAPSHOT:
		success = call_plain(writer, ops->prepare_snapshot);
		break;
	case VSS_ON_FREEZE:
		success = call_plain(writer, ops->freeze);
		break;
	case VSS_ON_THAW:
		success = call_plain(writer, ops->thaw);
		break;
	case VSS_ON_POST_SNAPSHOT:
		success = call_components(writer, ops->post_snapshot, components);
		break;
	case VSS_ON_ABORT:
		success = call_plain(writer, ops->abort);
		break;
	case VSS_ON_BACKUP_COMPLETE:
		success = call_components(writer, ops->backup_complete, components);
		break;
	case VSS_ON_BACKUP_SHUTDOWN:
		success = call_shutdown(writer);
		break;
	case VSS_ON_PRE_RESTORE:
		success = call_components(writer, ops->pre_restore, components);
		break;
	case VSS_ON_POST_RESTORE:
		success = call_components(writer, ops->post_restore, components);
		break;
	default:
		break;
	}
	end_callback(writer, success);
}

/* ---- sessions ---- */

static struct vss_writer_session *find_session(struct vss_writer *writer, const struct vss_uuid *id)
{
	struct vss_writer_session *sessions = writer->sessions.items;

	for (size_t i = 0; i < writer->sessions.count; i++)
		if (vss_uuid_equal(&sessions[i].operation.session, id))
			return &sessions[i];
	return NULL;
}

/* The session with its operation brought up to date; made if it is new.  NULL without memory. */
static struct vss_writer_session *keep_session(struct vss_writer *writer,
					       const struct vss_writer_operation *operation)
{
	struct vss_writer_session *session = find_session(writer, &operation->session);
	struct vss_writer_operation copy;

	if (vss_writer_operation_copy(operation, &copy))
		return NULL;
	if (session) {
		vss_writer_operation_clear(&session->operation);
	} else {
		session = vss_list_add(&writer->sessions);
		if (!session) {
			vss_writer_operation_clear(&copy);
			return NULL;
		}
	}
	session->operation = copy;
	return session;
}

static void drop_session(struct vss_writer *writer, const struct vss_uuid *id)
{
	struct vss_writer_session *sessions = writer->sessions.items;
	struct vss_writer_session *session = find_session(writer, id);

	if (!session)
		return;
	vss_writer_operation_clear(&session->operation);
	*session = sessions[--writer->sessions.count];
}

static bool in_creation(const struct vss_writer_session *session)
{
	return session->phase >= VSS_PHASE_PREPARED_SNAPSHOT && session->phase <= VSS_PHASE_THAWED;
}

/* Nothing is held any more. */
static void end_creation(struct vss_writer *writer)
{
	writer->limit = sd_event_source_disable_unref(writer->limit);
	vss_writer_paths_clear(&writer->paths);
}

/* Abort without vssd.  @failure: what events that still come are answered with. */
static void abort_session(struct vss_writer *writer, struct vss_writer_session *session, vss_result failure)
{
	bool creation = in_creation(session);

	session->phase = VSS_PHASE_ABORTED;
	session->abort_failure = failure;
	run(writer, VSS_ON_ABORT, &session->operation, NULL);
	if (creation)
		end_creation(writer);
}

void vss_writer_event_lost(struct vss_writer *writer)
{
	struct vss_writer_session *sessions = writer->sessions.items;

	for (size_t i = 0; i < writer->sessions.count; i++)
		if (sessions[i].phase != VSS_PHASE_NONE && sessions[i].phase != VSS_PHASE_ABORTED)
			abort_session(writer, &sessions[i], VSS_E_WRITERERROR_RETRYABLE);
	for (size_t i = 0; i < writer->sessions.count; i++) {
		/* No shadow copy was made. */
		if (sessions[i].phase == VSS_PHASE_ABORTED)
			memset(&sessions[i].operation.set, 0, sizeof(sessions[i].operation.set));
		run(writer, VSS_ON_BACKUP_SHUTDOWN, &sessions[i].operation, NULL);
		vss_writer_operation_clear(&sessions[i].operation);
	}
	free(sessions);
	writer->sessions.items = NULL;
	writer->sessions.count = writer->sessions.room = 0;
	end_creation(writer);
}

static int limit_passed(sd_event_source *source, uint64_t usec, void *data)
{
	struct vss_writer *writer = data;
	struct vss_writer_session *session = find_session(writer, &writer->limit_session);

	(void)source;
	(void)usec;
	if (session && session->phase == VSS_PHASE_FROZEN)
		abort_session(writer, session, VSS_E_WRITERERROR_TIMEOUT);
	return 0;
}

static int watch_limit(struct vss_writer *writer, const struct vss_uuid *session)
{
	uint64_t ms = writer->config.freeze_timeout_ms;

	if (!ms)
		ms = LONGEST_DEFAULT_MS;
	writer->limit = sd_event_source_disable_unref(writer->limit);
	writer->limit_session = *session;
	return sd_event_add_time_relative(writer->event, &writer->limit, CLOCK_MONOTONIC,
					  (ms + writer->limit_grace_ms) * 1000, 1000, limit_passed, writer);
}

/* ---- the events ---- */

struct event_type {
	const char *name;
	enum vss_writer_event event;
	bool components;
	enum vss_part_access access;
};

static const struct event_type event_types[] = {
	{ "PrepareBackup", VSS_ON_PREPARE_BACKUP, true, VSS_PART_BACKUP },
	{ "PrepareSnapshot", VSS_ON_PREPARE_SNAPSHOT, false, VSS_PART_READ_ONLY },
	{ "Freeze", VSS_ON_FREEZE, false, VSS_PART_READ_ONLY },
	{ "Thaw", VSS_ON_THAW, false, VSS_PART_READ_ONLY },
	{ "PostSnapshot", VSS_ON_POST_SNAPSHOT, true, VSS_PART_BACKUP },
	{ "Abort", VSS_ON_ABORT, false, VSS_PART_READ_ONLY },
	{ "BackupComplete", VSS_ON_BACKUP_COMPLETE, true, VSS_PART_READ_ONLY },
	{ "BackupShutdown", VSS_ON_BACKUP_SHUTDOWN, false, VSS_PART_READ_ONLY },
	{ "PreRestore", VSS_ON_PRE_RESTORE, true, VSS_PART_RESTORE },
	{ "PostRestore", VSS_ON_POST_RESTORE, true, VSS_PART_READ_ONLY },
};

static const struct event_type *find_event(const char *name)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++)
		if (!strcmp(event_types[i].name, name))
			return &event_types[i];
	return NULL;
}

/* The outcome without a callback. */
static bool refuse(struct vss_writer *writer, vss_result failure, const char *message)
{
	begin_callback(writer, VSS_ON_NONE, NULL);
	writer->failed = true;
	writer->failure = failure;
	writer->message = strdup(message);
	return false;
}

/* Each phase of a creation follows from the one before. */
static bool phase_allows(struct vss_writer *writer, struct vss_writer_session *session,
			 enum vss_writer_event event)
{
	enum vss_writer_phase need = VSS_PHASE_NONE;

	if (session->phase == VSS_PHASE_ABORTED && event != VSS_ON_PREPARE_BACKUP)
		return refuse(writer, session->abort_failure,
			      session->abort_failure == VSS_E_WRITERERROR_TIMEOUT ?
			      "Thaw did not come in time, so the writer went on by itself" :
			      "this backup was aborted");
	if (event == VSS_ON_FREEZE)
		need = VSS_PHASE_PREPARED_SNAPSHOT;
	else if (event == VSS_ON_THAW)
		need = VSS_PHASE_FROZEN;
	else if (event == VSS_ON_POST_SNAPSHOT)
		need = VSS_PHASE_THAWED;
	if (need != VSS_PHASE_NONE && session->phase != need)
		return refuse(writer, VSS_E_WRITERERROR_NONRETRYABLE,
			      event == VSS_ON_FREEZE ? "Freeze came without PrepareSnapshot" :
			      event == VSS_ON_THAW ? "Thaw came without Freeze" :
			      "PostSnapshot came without Thaw");
	return true;
}

/* Before the callback.  False: it is not called, the outcome is in the object. */
static bool enter(struct vss_writer *writer, struct vss_writer_session *session,
		  enum vss_writer_event event)
{
	if (!phase_allows(writer, session, event))
		return false;
	switch (event) {
	case VSS_ON_PREPARE_BACKUP:
		session->phase = VSS_PHASE_PREPARED_BACKUP;
		break;
	case VSS_ON_PREPARE_SNAPSHOT:
		session->phase = VSS_PHASE_PREPARED_SNAPSHOT;
		vss_writer_paths_clear(&writer->paths);
		if (vss_writer_paths_load_names(&writer->paths, session->operation.volumes,
						session->operation.nr_volumes))
			return refuse(writer, VSS_E_WRITERERROR_OUTOFRESOURCES,
				      "the writer cannot find out which file systems there are");
		break;
	case VSS_ON_FREEZE:
		session->phase = VSS_PHASE_FROZEN;
		writer->paths.memory_only = true;
		if (watch_limit(writer, &session->operation.session) < 0)
			return refuse(writer, VSS_E_WRITERERROR_OUTOFRESOURCES,
				      "the writer has no timer for its limit");
		break;
	case VSS_ON_THAW:
		session->phase = VSS_PHASE_THAWED;
		writer->limit = sd_event_source_disable_unref(writer->limit);
		writer->paths.memory_only = false;
		break;
	case VSS_ON_POST_SNAPSHOT:
		session->phase = VSS_PHASE_NONE;
		break;
	default:
		break;
	}
	return true;
}

/* An Abort from vssd. */
static void handle_abort(struct vss_writer *writer, const struct vss_writer_operation *operation)
{
	struct vss_writer_session *session = find_session(writer, &operation->session);
	bool creation;

	if (!session) {
		run(writer, VSS_ON_ABORT, operation, NULL);
		return;
	}
	/* Its PostSnapshot has run: nothing is left to abort. */
	if (session->phase == VSS_PHASE_NONE) {
		begin_callback(writer, VSS_ON_NONE, NULL);
		return;
	}
	creation = in_creation(session);
	if (session->phase != VSS_PHASE_ABORTED)
		session->abort_failure = VSS_E_WRITERERROR_RETRYABLE;
	session->phase = VSS_PHASE_ABORTED;
	run(writer, VSS_ON_ABORT, operation, NULL);
	if (creation)
		end_creation(writer);
}

static void handle_shutdown(struct vss_writer *writer, const struct vss_writer_operation *operation)
{
	struct vss_writer_session *session = find_session(writer, &operation->session);

	if (session && in_creation(session))
		abort_session(writer, session, VSS_E_WRITERERROR_RETRYABLE);
	run(writer, VSS_ON_BACKUP_SHUTDOWN, operation, NULL);
	drop_session(writer, &operation->session);
}

/* Restores have no phases, no Abort and no BackupShutdown, so they are not kept. */
static bool enter_session(struct vss_writer *writer, enum vss_writer_event event,
			  const struct vss_writer_operation *operation)
{
	struct vss_writer_session *session;

	if (event == VSS_ON_PRE_RESTORE || event == VSS_ON_POST_RESTORE)
		return true;
	session = keep_session(writer, operation);
	if (!session)
		return refuse(writer, VSS_E_WRITERERROR_OUTOFRESOURCES, "out of memory");
	return enter(writer, session, event);
}

/* @result: the part as the callback has left it, NULL for unchanged; to free(). */
static void handle(struct vss_writer *writer, const struct event_type *type,
		   const struct vss_writer_operation *operation, const char *part, char **result)
{
	struct vss_writer_components *components = NULL;
	struct vss_error error = { 0 };

	*result = NULL;
	if (type->components && part[0] &&
	    vss_writer_part_parse(part, strlen(part), type->access, &components, &error) != S_OK) {
		refuse(writer, VSS_E_WRITERERROR_NONRETRYABLE, error.text);
		return;
	}
	if (type->event == VSS_ON_ABORT) {
		handle_abort(writer, operation);
	} else if (type->event == VSS_ON_BACKUP_SHUTDOWN) {
		handle_shutdown(writer, operation);
	} else if (enter_session(writer, type->event, operation)) {
		run(writer, type->event, operation, components);
		if (components && type->access != VSS_PART_READ_ONLY &&
		    vss_writer_part_save(components, result, &error) != S_OK && !writer->failed)
			refuse(writer, VSS_E_WRITERERROR_OUTOFRESOURCES, error.text);
	}
	if (type->event == VSS_ON_POST_SNAPSHOT)
		end_creation(writer);
	vss_writer_part_free(components);
}

/* A bus closes the connection of who sends what is not UTF-8. */
static const char *valid_text(char *text)
{
	if (!text)
		return "";
	if (!xmlCheckUTF8((const unsigned char *)text))
		for (char *p = text; *p; p++)
			if (*p & 0x80)
				*p = '?';
	return text;
}

/* ---- D-Bus ---- */

/* On a bus anybody may call; only vssd is listened to. */
static bool is_vssd(struct vss_writer *writer, sd_bus_message *m, sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(m);

	if (!writer->config.address && (!writer->vssd || !sender || strcmp(sender, writer->vssd))) {
		sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "a writer takes calls from vssd only");
		return false;
	}
	return true;
}

static int on_event(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vss_writer *writer = data;
	struct vss_writer_operation operation = { 0 };
	const struct event_type *type;
	_cleanup_free_ char *result = NULL;
	const char *name, *part;
	int ret;

	if (!is_vssd(writer, m, error))
		return -EACCES;
	ret = sd_bus_message_read_basic(m, 's', &name);
	if (ret >= 0)
		ret = vss_writer_operation_read(m, &operation);
	if (ret >= 0)
		ret = sd_bus_message_read_basic(m, 's', &part);
	if (ret < 0) {
		vss_writer_operation_clear(&operation);
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "the event cannot be read");
	}
	type = find_event(name);
	if (!type) {
		vss_writer_operation_clear(&operation);
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "there is no event %s", name);
	}
	handle(writer, type, &operation, part, &result);
	vss_writer_operation_clear(&operation);
	return sd_bus_reply_method_return(m, "uuss", writer->failed ? writer->failure : S_OK,
					  writer->application_code, valid_text(writer->message),
					  result ? result : "");
}

/* The Writer Metadata Document, NULL when Identify failed. */
static char *identify(struct vss_writer *writer)
{
	const struct vss_writer_config *config = &writer->config;
	struct vss_writer_identity identity = {
		.instance_id = writer->instance_id,
		.writer_id = config->writer_id,
		.writer_name = (char *)config->writer_name,
		.instance_name = (char *)config->instance_name,
		.usage = config->usage,
		.source = config->source,
		.major_version = config->major_version,
		.minor_version = config->minor_version,
	};
	struct vss_writer_metadata *metadata;
	struct vss_error error;
	char *xml = NULL;

	if (vss_create_writer_metadata(&identity, &metadata, &error) != S_OK)
		return NULL;
	begin_callback(writer, VSS_ON_IDENTIFY, NULL);
	end_callback(writer, !writer->ops.identify || writer->ops.identify(writer, metadata, writer->data));
	if (!writer->failed && vss_examine_writer_metadata_save_as_xml(metadata, &xml) != S_OK)
		xml = NULL;
	vss_writer_metadata_free(metadata);
	return xml;
}

static int on_identify(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vss_writer *writer = data;
	_cleanup_free_ char *xml = NULL;

	if (!is_vssd(writer, m, error))
		return -EACCES;
	xml = identify(writer);
	return sd_bus_reply_method_return(m, "s", xml ? xml : "");
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Identify", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", document), on_identify,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Event",
				SD_BUS_ARGS("s", event, "a{sv}", operation, "s", components),
				SD_BUS_RESULT("u", failure, "u", application_code, "s", message,
					      "s", components),
				on_event, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int vss_writer_event_offer(struct vss_writer *writer)
{
	return sd_bus_add_object_vtable(writer->bus, NULL, VSS_BUS_WRITER_PATH, VSS_BUS_WRITER, vtable, writer);
}

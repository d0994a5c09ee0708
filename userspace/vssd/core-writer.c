// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writers: who is there, and events on their way to one and back.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct writer_call {
	TAILQ_ENTRY(writer_call) link;
	struct vssd_writer *writer;
	struct participant *participant;	/* NULL: nobody waits */
	enum vssd_event event;
	struct vss_uuid session;
	uint32_t timeout_ms;
	struct vssd_timer *timer;
	writer_answer answer;
	void *arg;
};

static const char *const event_names[] = {
	[VSSD_EVENT_IDENTIFY] = "Identify",
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

const char *event_name(enum vssd_event event)
{
	return event_names[event];
}

struct vssd_writer *writer_find(struct vssd_core *core, const struct vss_uuid *instance_id)
{
	struct vssd_writer *writer;

	TAILQ_FOREACH(writer, &core->writers, link)
		if (vss_uuid_equal(&writer->info.instance_id, instance_id))
			return writer;
	return NULL;
}

/* ---- coming and going ---- */

vss_result vssd_writer_add(struct vssd_core *core, const struct vssd_writer_info *info,
			   const struct vssd_writer_ops *ops, void *impl,
			   struct vssd_writer **writer, struct vss_error *err)
{
	char text[VSS_UUID_TEXT_SIZE];
	struct vssd_writer *w;

	if (!info->name || !info->name[0] || vss_uuid_is_null(&info->class_id) ||
	    vss_uuid_is_null(&info->instance_id))
		return core_error(err, E_INVALIDARG, "a writer needs a class, an instance and a name");
	if (writer_find(core, &info->instance_id))
		return core_error(err, VSS_E_OBJECT_ALREADY_EXISTS,
				  "there is a writer instance %s already",
				  vss_uuid_format(&info->instance_id, text));
	w = vssd_alloc(sizeof(*w));
	w->core = core;
	w->info = *info;
	w->info.name = vssd_strdup(info->name);
	w->info.instance_name = vssd_strdup(info->instance_name);
	w->ops = ops;
	w->impl = impl;
	w->state = VSS_WS_STABLE;
	TAILQ_INIT(&w->calls);
	TAILQ_INSERT_TAIL(&core->writers, w, link);
	*writer = w;
	return S_OK;
}

static void call_free(struct writer_call *call)
{
	core_timer_stop(call->writer->core, &call->timer);
	TAILQ_REMOVE(&call->writer->calls, call, link);
	if (call->participant && call->participant->call == call)
		call->participant->call = NULL;
	free(call);
}

/* What a writer may say of itself; anything else counts as a failure that will come again. */
static vss_result known_failure(vss_result failure)
{
	switch (failure) {
	case S_OK:
	case VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT:
	case VSS_E_WRITERERROR_OUTOFRESOURCES:
	case VSS_E_WRITERERROR_TIMEOUT:
	case VSS_E_WRITERERROR_RETRYABLE:
	case VSS_E_WRITERERROR_NONRETRYABLE:
	case VSS_E_WRITERERROR_PARTIAL_FAILURE:
	case VSS_E_WRITERERROR_RECOVERY_FAILED:
	case VSS_E_WRITER_NOT_RESPONDING:
		return failure;
	default:
		return VSS_E_WRITERERROR_NONRETRYABLE;
	}
}

static void call_answer(struct writer_call *call, const struct vssd_writer_reply *reply)
{
	struct vssd_writer_reply known = *reply;
	struct participant *p = call->participant;
	struct vssd_writer *writer = call->writer;
	enum vssd_event event = call->event;
	struct vss_uuid session = call->session;
	writer_answer answer = call->answer;
	void *arg = call->arg;

	known.failure = known_failure(reply->failure);
	call_free(call);
	if (p)
		answer(p, arg, &known);
	else if (known.failure)
		core_log(writer->core, LOG_WARNING, VSSD_MESSAGE_WRITER_FAILED, &session,
			 "writer \"%s\" failed in %s: %s", writer->info.name, event_name(event),
			 vss_result_name(known.failure));
}

void vssd_writer_remove(struct vssd_writer *writer, bool died)
{
	static const struct vssd_writer_reply gone = { .failure = VSS_E_WRITER_NOT_RESPONDING };
	struct vssd_core *core = writer->core;
	struct vssd_session *session;
	struct writer_call *call;
	struct participant *p;

	TAILQ_REMOVE(&core->writers, writer, link);
	if (died)
		core_log(core, LOG_WARNING, VSSD_MESSAGE_WRITER_DIED, NULL,
			 "writer \"%s\" has gone without unsubscribing", writer->info.name);
	TAILQ_FOREACH(session, &core->sessions, link)
		for_each_participant(p, session)
			if (p->writer == writer)
				p->writer = NULL;
	while ((call = TAILQ_FIRST(&writer->calls)))
		call_answer(call, &gone);

	/* Where it has nothing to answer, its part in a set ends all the same. */
	session = core->creating;
	if (session && session->creation)
		for_each_participant(p, session)
			if (vss_uuid_equal(&p->instance_id, &writer->info.instance_id)) {
				creation_writer_gone(session->creation, p);
				break;
			}
	free((char *)writer->info.name);
	free((char *)writer->info.instance_name);
	free(writer->message);
	free(writer);
}

/* ---- events ---- */

static void writer_done(void *arg, const struct vssd_writer_reply *reply)
{
	call_answer(arg, reply);
}

static void call_timeout(void *arg)
{
	struct writer_call *call = arg;
	struct vssd_writer_reply reply = { 0 };
	char *message;

	call->timer = NULL;
	reply.failure = call->event == VSSD_EVENT_FREEZE || call->event == VSSD_EVENT_THAW ?
			VSS_E_WRITERERROR_TIMEOUT : VSS_E_WRITER_NOT_RESPONDING;
	message = vssd_printf("no answer within %u ms", call->timeout_ms);
	reply.message = message;
	if (call->participant)
		call->participant->hung = true;
	call->writer->ops->forget(call->writer->impl, call);
	call_answer(call, &reply);
	free(message);
}

static struct writer_call *call_new(struct participant *p, enum vssd_event event, uint32_t timeout_ms,
				    writer_answer answer, void *arg)
{
	struct writer_call *call = vssd_alloc(sizeof(*call));

	call->writer = p->writer;
	call->participant = p;
	call->event = event;
	call->session = p->session->id;
	call->timeout_ms = timeout_ms;
	call->answer = answer;
	call->arg = arg;
	TAILQ_INSERT_TAIL(&p->writer->calls, call, link);
	p->call = call;
	if (timeout_ms)
		call->timer = core_timer(p->writer->core, timeout_ms * UINT64_C(1000), call_timeout, call);
	return call;
}

/* Events in which a writer sees its components. */
static bool has_components(enum vssd_event event)
{
	switch (event) {
	case VSSD_EVENT_PREPARE_BACKUP:
	case VSSD_EVENT_POST_SNAPSHOT:
	case VSSD_EVENT_BACKUP_COMPLETE:
	case VSSD_EVENT_PRE_RESTORE:
	case VSSD_EVENT_POST_RESTORE:
		return true;
	default:
		return false;
	}
}

bool participant_send(struct participant *p, enum vssd_event event, struct vss_backup_document *doc,
		      uint32_t timeout_ms, writer_answer answer, void *arg)
{
	struct vssd_session *session = p->session;
	const char *volumes[VSSD_MAX_VOLUMES], *devices[VSSD_MAX_VOLUMES];
	_cleanup_free_ char *part = NULL;
	struct vssd_operation operation = {
		.session = session->id,
		.set = session->set_id,
		.context = session->set ? session->set->context : session->context,
		.backup_type = session->backup.backup_type,
		.restore_type = session->restore_type,
		.components_selected = session->backup.select_components,
		.bootable_system_state = session->backup.bootable_system_state,
		.partial_files = session->backup.partial_file_support,
		.volumes = volumes,
	};
	struct writer_call *call;
	struct snapshot *snapshot;

	if (!p->writer)
		return false;
	if (session->set)
		TAILQ_FOREACH(snapshot, &session->set->snapshots, link) {
			if (operation.nr_volumes == VSSD_MAX_VOLUMES)
				break;
			volumes[operation.nr_volumes] = snapshot->prop.original_volume_name;
			devices[operation.nr_volumes++] =
				snapshot->prop.device_object ? snapshot->prop.device_object : "";
		}
	if (event == VSSD_EVENT_POST_SNAPSHOT)
		operation.devices = devices;
	/* No shadow copy was made, so there is no set to speak of. */
	if (event == VSSD_EVENT_BACKUP_SHUTDOWN && session->stage != STAGE_CREATED)
		memset(&operation.set, 0, sizeof(operation.set));
	if (doc && has_components(event) &&
	    VSS_FAILED(vss_backup_document_get_part(doc, &p->document_id, &part, NULL)))
		part = NULL;
	operation.components = part;

	call = call_new(p, event, timeout_ms, answer, arg);
	p->writer->ops->event(p->writer->impl, event, &operation, writer_done, call);
	return true;
}

void participant_identify(struct participant *p, uint32_t timeout_ms, writer_answer answer, void *arg)
{
	struct vssd_operation operation = { .session = p->session->id, .context = p->session->context };
	struct writer_call *call = call_new(p, VSSD_EVENT_IDENTIFY, timeout_ms, answer, arg);

	p->writer->ops->event(p->writer->impl, VSSD_EVENT_IDENTIFY, &operation, writer_done, call);
}

void participant_forget(struct participant *p)
{
	struct writer_call *call = p->call;

	if (!call)
		return;
	/* A writer that is being removed has its participants cut off first. */
	if (p->writer)
		call->writer->ops->forget(call->writer->impl, call);
	call_free(call);
}

void participant_detach(struct participant *p)
{
	if (!p->call)
		return;
	p->call->participant = NULL;
	p->call = NULL;
}

/* ---- states ---- */

static void publish(struct participant *p)
{
	if (!p->writer)
		return;
	p->writer->state = p->state;
	p->writer->failure = p->failure;
	p->writer->application_code = p->application_code;
	vssd_replace(&p->writer->message, p->message);
}

void participant_state(struct participant *p, enum vss_writer_state state)
{
	p->state = state;
	publish(p);
}

void participant_fail(struct participant *p, enum vss_writer_state state,
		      const struct vssd_writer_reply *reply)
{
	p->state = state;
	p->failure = reply->failure;
	p->application_code = reply->application_code;
	vssd_replace(&p->message, reply->message);
	p->out = true;
	publish(p);
	core_log(p->session->core, LOG_WARNING, VSSD_MESSAGE_WRITER_FAILED, &p->session->id,
		 "writer \"%s\" failed, %s: %s%s%s", p->name, vss_writer_state_name(state),
		 vss_result_name(reply->failure), reply->message ? ", " : "",
		 reply->message ? reply->message : "");
}

void participant_gone(struct participant *p, enum vss_writer_state state)
{
	static const struct vssd_writer_reply gone = {
		.failure = VSS_E_WRITER_NOT_RESPONDING,
		.message = "the writer has gone",
	};

	participant_fail(p, state, &gone);
}

void participant_free(struct participant *p)
{
	core_timer_stop(p->session->core, &p->window);
	participant_detach(p);
	free(p->name);
	free(p->instance_name);
	free(p->metadata);
	free(p->message);
	free(p);
}

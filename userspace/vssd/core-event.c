// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that are one event to writers: GatherWriterMetadata (Identify),
 * PrepareForBackup, BackupComplete, PreRestore, PostRestore.
 *
 * A writer's failure is its status; the call succeeds, and the requester decides.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct event_op {
	struct op op;
	struct vssd_session *of;	/* it outlives the op: close cancels */
	enum vssd_event event;
	enum vss_writer_state failed;
	enum vss_writer_state passed;
	struct vss_backup_document *doc;
	unsigned int pending;
};

static void event_clear(struct op *op)
{
	struct event_op *e = (struct event_op *)op;

	vss_backup_document_free(e->doc);
}

static void forget_all(struct vssd_session *session)
{
	struct participant *p;

	for_each_participant(p, session)
		participant_forget(p);
}

/* ---- Identify ---- */

static void drop_participants(struct vssd_session *session, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < session->nr_participants; i++) {
		struct participant *p = session->participants[i];

		if (!all && p->metadata)
			session->participants[kept++] = p;
		else
			participant_free(p);
	}
	session->nr_participants = kept;
}

static void gather_finish(struct event_op *e)
{
	struct vssd_session *session = e->of;
	_cleanup_free_ struct vssd_metadata *list = NULL;
	struct vssd_reply reply = { .result = S_OK };
	struct participant *p;

	drop_participants(session, false);
	session->gathered = true;
	list = vssd_alloc((session->nr_participants + 1) * sizeof(*list));
	for_each_participant(p, session) {
		list[reply.nr_metadata].instance_id = p->instance_id;
		list[reply.nr_metadata++].document = p->metadata;
	}
	reply.metadata = list;
	op_finish(&e->op, &reply);
}

static void gather_cancel(struct op *op)
{
	struct event_op *e = (struct event_op *)op;

	forget_all(e->of);
	drop_participants(e->of, true);
	op_fail(op, E_ABORT, "GatherWriterMetadata was cancelled");
}

/* A document that says it is somebody else's is not taken. */
static bool identity_matches(struct participant *p, const char *document, struct vss_error *err)
{
	struct vss_writer_identity identity = { 0 };
	struct vss_writer_metadata *metadata;
	bool matches = false;

	if (!document) {
		core_error(err, VSS_E_INVALID_XML_DOCUMENT, "it gave none");
		return false;
	}
	if (VSS_FAILED(vss_create_vss_examine_writer_metadata(document, strlen(document), &metadata, err)))
		return false;
	if (VSS_FAILED(vss_examine_writer_metadata_get_identity(metadata, &identity)))
		core_error(err, VSS_E_INVALID_XML_DOCUMENT, "it has no identity");
	else if (!vss_uuid_equal(&identity.instance_id, &p->instance_id) ||
		 !vss_uuid_equal(&identity.writer_id, &p->class_id))
		core_error(err, VSS_E_INVALID_XML_DOCUMENT, "it is of another writer than the one registered");
	else
		matches = true;
	vss_writer_identity_clear(&identity);
	vss_writer_metadata_free(metadata);
	return matches;
}

static void identified(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct event_op *e = arg;
	struct vss_error err = { 0 };

	if (reply->failure)
		core_log(e->op.core, LOG_WARNING, VSSD_MESSAGE_WRITER_FAILED, &e->of->id,
			 "writer \"%s\" is left out, it failed in Identify: %s%s%s", p->name,
			 vss_result_name(reply->failure), reply->message ? ", " : "",
			 reply->message ? reply->message : "");
	else if (!identity_matches(p, reply->document, &err))
		core_log(e->op.core, LOG_WARNING, VSSD_MESSAGE_DOCUMENT_INVALID, &e->of->id,
			 "writer \"%s\" is left out for its metadata document: %s", p->name, err.text);
	else
		p->metadata = vssd_strdup(reply->document);
	if (!--e->pending)
		gather_finish(e);
}

static bool among(const struct vss_uuid *id, const struct vss_uuid *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (vss_uuid_equal(id, &list[i]))
			return true;
	return false;
}

/* A list of enabled classes turns all others off; disabled ones are off in any case. */
static bool is_enabled(const struct vssd_writer *writer, const struct vssd_selection *selection)
{
	if (!selection)
		return true;
	if (among(&writer->info.instance_id, selection->instances, selection->nr_instances))
		return false;
	if (selection->nr_enable && !among(&writer->info.class_id, selection->enable, selection->nr_enable))
		return false;
	return !among(&writer->info.class_id, selection->disable, selection->nr_disable);
}

static int freeze_level(enum vss_application_level level)
{
	switch (level) {
	case VSS_APP_BACK_END:
		return 1;
	case VSS_APP_SYSTEM:
	case VSS_APP_SYSTEM_RM:
		return 2;
	default:
		return 0;
	}
}

static struct participant *participant_new(struct vssd_session *session, struct vssd_writer *writer)
{
	struct participant *p = vssd_alloc(sizeof(*p));
	uint32_t limit = session->core->settings.freeze_timeout_ms;

	p->session = session;
	p->writer = writer;
	p->instance_id = writer->info.instance_id;
	p->document_id = writer->info.instance_id;
	p->class_id = writer->info.class_id;
	p->name = vssd_strdup(writer->info.name);
	p->instance_name = vssd_strdup(writer->info.instance_name);
	p->level = freeze_level(writer->info.level);
	/* A writer may ask for another limit than the default, in either direction. */
	p->freeze_timeout_ms = writer->info.freeze_timeout_ms ? writer->info.freeze_timeout_ms : limit;
	if (p->freeze_timeout_ms > VSSD_MAX_FREEZE_MS)
		p->freeze_timeout_ms = VSSD_MAX_FREEZE_MS;
	p->state = VSS_WS_STABLE;
	return p;
}

void vssd_session_gather_writer_metadata(struct vssd_session *session,
					 const struct vssd_selection *selection, vssd_done done, void *data)
{
	struct vssd_core *core = session->core;
	struct vssd_writer *writer;
	struct participant *p;
	bool used = session->context_used;
	struct event_op *e;
	size_t count = 0;

	e = op_begin(session, sizeof(*e), MODE_NONE, done, data);
	if (!e)
		return;
	/* It says nothing about shadow copies: the context may still come. */
	session->context_used = used;
	e->op.clear = event_clear;
	e->of = session;
	if (session->gathered) {
		op_fail(&e->op, VSS_E_BAD_STATE, "GatherWriterMetadata was called before; open another session");
		return;
	}
	TAILQ_FOREACH(writer, &core->writers, link)
		count++;
	free(session->participants);
	session->participants = vssd_alloc((count + 1) * sizeof(*session->participants));
	session->nr_participants = 0;
	TAILQ_FOREACH(writer, &core->writers, link)
		if (is_enabled(writer, selection))
			session->participants[session->nr_participants++] = participant_new(session, writer);
	e->op.cancel = gather_cancel;
	for_each_participant(p, session) {
		e->pending++;
		participant_identify(p, core->settings.identify_timeout_ms, identified, e);
	}
	session_progress(session, 0, "asking writers");
	if (!e->pending)
		gather_finish(e);
}

/* ---- one event to many ---- */

static void event_finish(struct event_op *e)
{
	struct vssd_reply reply = { .result = S_OK };
	_cleanup_free_ char *xml = NULL;
	vss_result result;

	result = vss_backup_document_save(e->doc, &xml, &reply.error);
	if (VSS_FAILED(result)) {
		reply.result = result;
		op_finish(&e->op, &reply);
		return;
	}
	switch (e->event) {
	case VSSD_EVENT_PREPARE_BACKUP:
		e->of->prepared = true;
		break;
	case VSSD_EVENT_BACKUP_COMPLETE:
		e->of->completed = true;
		break;
	case VSSD_EVENT_PRE_RESTORE:
		e->of->restored = true;
		break;
	default:
		break;
	}
	reply.document = xml;
	op_finish(&e->op, &reply);
}

static void event_cancel(struct op *op)
{
	struct event_op *e = (struct event_op *)op;

	forget_all(e->of);
	op_fail(op, E_ABORT, "%s was cancelled", event_name(e->event));
}

static void event_answered(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct event_op *e = arg;
	struct vss_error err = { 0 };

	if (reply->failure)
		participant_fail(p, e->failed, reply);
	else
		participant_state(p, e->passed);

	/* Also a writer that fails may tell in its components why. */
	if (reply->document && reply->document[0] &&
	    (e->event == VSSD_EVENT_PREPARE_BACKUP || e->event == VSSD_EVENT_PRE_RESTORE) &&
	    VSS_FAILED(vss_backup_document_put_part(e->doc, &p->document_id, reply->document,
						    strlen(reply->document), &err))) {
		core_log(e->op.core, LOG_WARNING, VSSD_MESSAGE_DOCUMENT_INVALID, &e->of->id,
			 "writer \"%s\" gave a bad document back from %s: %s", p->name,
			 event_name(e->event), err.text);
		if (!reply->failure) {
			struct vssd_writer_reply bad = {
				.failure = VSS_E_WRITERERROR_NONRETRYABLE,
				.message = "the components it gave back are no valid document",
			};

			participant_fail(p, e->failed, &bad);
		}
	}
	if (!--e->pending)
		event_finish(e);
}

static void event_send(struct event_op *e, struct participant *p, uint32_t timeout_ms)
{
	if (participant_send(p, e->event, e->doc, timeout_ms, event_answered, e))
		e->pending++;
	else
		participant_gone(p, e->failed);
}

/* The op with its document, or NULL and the caller is answered. */
static struct event_op *event_begin(struct vssd_session *session, enum session_mode mode,
				    enum vssd_event event, const char *document, vssd_done done, void *data)
{
	struct event_op *e = op_begin(session, sizeof(*e), mode, done, data);
	struct vss_error err = { 0 };

	if (!e)
		return NULL;
	e->op.clear = event_clear;
	e->of = session;
	e->event = event;
	e->passed = VSS_WS_STABLE;
	if (VSS_FAILED(session_parse(document, &e->doc, &err))) {
		op_fail_error(&e->op, &err);
		return NULL;
	}
	return e;
}

static bool component_mode_member(struct event_op *e, struct participant *p)
{
	struct vss_writer_components *components;
	uint32_t count = 0;

	components = vss_backup_document_find_writer(e->doc, &p->instance_id, NULL);
	return components &&
	       !VSS_FAILED(vss_writer_components_get_component_count(components, &count)) && count;
}

void vssd_session_prepare_for_backup(struct vssd_session *session, const char *document,
				     vssd_done done, void *data)
{
	struct participant *p;
	struct event_op *e;

	e = event_begin(session, MODE_BACKUP, VSSD_EVENT_PREPARE_BACKUP, document, done, data);
	if (!e)
		return;
	e->failed = VSS_WS_FAILED_AT_PREPARE_BACKUP;
	if (!session_writers(session)) {
		op_fail(&e->op, VSS_E_BAD_STATE, "the session's context has no writers");
		return;
	}
	if (session->stage != STAGE_OPEN || !session->gathered || session->prepared) {
		op_fail(&e->op, VSS_E_BAD_STATE, "PrepareForBackup comes once, after "
			"GatherWriterMetadata and StartSnapshotSet and before DoSnapshotSet");
		return;
	}
	e->op.cancel = event_cancel;
	vss_backup_document_get_backup_state(e->doc, &session->backup);
	session_progress(session, 0, "preparing writers");
	/* All of them: what is left out in component mode learns of it here, and is left alone after. */
	for_each_participant(p, session) {
		if (p->out)
			continue;
		p->told = true;
		p->selected = !session->backup.select_components || component_mode_member(e, p);
		event_send(e, p, session->core->settings.prepare_timeout_ms);
	}
	if (!e->pending)
		event_finish(e);
}

void vssd_session_backup_complete(struct vssd_session *session, const char *document,
				  vssd_done done, void *data)
{
	struct participant *p;
	struct event_op *e;

	e = event_begin(session, MODE_BACKUP, VSSD_EVENT_BACKUP_COMPLETE, document, done, data);
	if (!e)
		return;
	e->failed = VSS_WS_FAILED_AT_BACKUP_COMPLETE;
	if (!session_writers(session)) {
		op_fail(&e->op, VSS_E_BAD_STATE, "the session's context has no writers");
		return;
	}
	if (session->stage != STAGE_CREATED || session->completed) {
		op_fail(&e->op, VSS_E_BAD_STATE, "BackupComplete comes once, after a DoSnapshotSet that succeeded");
		return;
	}
	e->op.cancel = event_cancel;
	session_progress(session, 0, "completing the backup");
	for_each_participant(p, session)
		if (p->selected && !p->out && p->state == VSS_WS_WAITING_FOR_BACKUP_COMPLETE)
			event_send(e, p, session->core->settings.post_timeout_ms);
	if (!e->pending)
		event_finish(e);
}

/* ---- restore ---- */

/* The part of the document that is this writer's: its instance has another id now. */
static struct vss_writer_components *find_restored(struct vss_backup_document *doc, struct participant *p)
{
	struct vss_writer_components *same_class = NULL;
	size_t nr_same_class = 0;

	for (uint32_t i = 0; i < vss_backup_document_writer_count(doc); i++) {
		struct vss_writer_components *components = vss_backup_document_writer(doc, i);
		_cleanup_free_ char *name = NULL;
		struct vss_uuid instance_id, class_id;

		if (VSS_FAILED(vss_writer_components_get_writer_info(components, &instance_id, &class_id)) ||
		    !vss_uuid_equal(&class_id, &p->class_id))
			continue;
		if (vss_uuid_equal(&instance_id, &p->instance_id))
			return components;
		name = vss_writer_components_instance_name(components);
		if (p->instance_name && name && !strcmp(p->instance_name, name))
			return components;
		/* Of several with a name it must be the one of that name. */
		if (!p->instance_name || !name) {
			same_class = components;
			nr_same_class++;
		}
	}
	return nr_same_class == 1 ? same_class : NULL;
}

static bool selected_for_restore(struct vss_writer_components *components)
{
	uint32_t count = 0;

	if (VSS_FAILED(vss_writer_components_get_component_count(components, &count)))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct vss_component *component;
		bool selected = false;

		if (!VSS_FAILED(vss_writer_components_get_component(components, i, &component)) &&
		    !VSS_FAILED(vss_component_is_selected_for_restore(component, &selected)) && selected)
			return true;
	}
	return false;
}

/* A writer may say in its metadata that it wants no part in restores. */
static bool wants_restore(struct participant *p)
{
	struct vss_restore_method method = { 0 };
	struct vss_writer_metadata *metadata;
	bool never;

	if (VSS_FAILED(vss_create_vss_examine_writer_metadata(p->metadata, strlen(p->metadata), &metadata, NULL)))
		return false;
	never = vss_examine_writer_metadata_get_restore_method(metadata, &method) == S_OK &&
		method.writer_restore == VSS_WRE_NEVER;
	vss_restore_method_clear(&method);
	vss_writer_metadata_free(metadata);
	return !never;
}

void vssd_session_pre_restore(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct participant *p;
	struct event_op *e;

	e = event_begin(session, MODE_RESTORE, VSSD_EVENT_PRE_RESTORE, document, done, data);
	if (!e)
		return;
	e->failed = VSS_WS_FAILED_AT_PRE_RESTORE;
	if (!session->gathered || session->restored) {
		op_fail(&e->op, VSS_E_BAD_STATE, "PreRestore comes once, after GatherWriterMetadata");
		return;
	}
	e->op.cancel = event_cancel;
	vss_backup_document_get_backup_state(e->doc, &session->backup);
	session->restore_type = vss_backup_document_get_restore_state(e->doc);
	session_progress(session, 0, "preparing the restore");
	for_each_participant(p, session) {
		struct vss_writer_components *components = find_restored(e->doc, p);
		struct vss_uuid class_id;

		if (p->out || !components || !selected_for_restore(components) || !wants_restore(p))
			continue;
		vss_writer_components_get_writer_info(components, &p->document_id, &class_id);
		p->restoring = true;
		event_send(e, p, session->core->settings.post_timeout_ms);
	}
	if (!e->pending)
		event_finish(e);
}

void vssd_session_post_restore(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct participant *p;
	struct event_op *e;

	e = event_begin(session, MODE_RESTORE, VSSD_EVENT_POST_RESTORE, document, done, data);
	if (!e)
		return;
	e->failed = VSS_WS_FAILED_AT_POST_RESTORE;
	if (!session->restored) {
		op_fail(&e->op, VSS_E_BAD_STATE, "PostRestore comes after PreRestore");
		return;
	}
	e->op.cancel = event_cancel;
	session_progress(session, 0, "completing the restore");
	for_each_participant(p, session)
		if (p->restoring && !p->out)
			event_send(e, p, session->core->settings.post_timeout_ms);
	if (!e->pending)
		event_finish(e);
}

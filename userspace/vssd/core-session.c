// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions: one for each requester's object.  What may be called when is
 * checked here as far as vssd itself depends on it; the exact order of calls is
 * the matter of the requester's side.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

/* ---- calls that take time ---- */

void answer_failure(vssd_done done, void *data, vss_result result, const char *format, ...)
{
	struct vssd_reply reply = { .result = result };
	va_list args;

	reply.error.result = result;
	va_start(args, format);
	vsnprintf(reply.error.text, sizeof(reply.error.text), format, args);
	va_end(args);
	done(data, &reply);
}

void *op_begin_alone(struct vssd_core *core, size_t size)
{
	struct op *op = vssd_alloc(size);

	op->core = core;
	TAILQ_INSERT_TAIL(&core->ops, op, link);
	return op;
}

void *op_begin(struct vssd_session *session, size_t size, enum session_mode mode,
	       vssd_done done, void *data)
{
	struct op *op;

	if (session->op) {
		answer_failure(done, data, VSS_E_BAD_STATE,
			       "another call of this session is under way; wait for it");
		return NULL;
	}
	if (session->mode == MODE_NONE || (mode != MODE_NONE && session->mode != mode)) {
		answer_failure(done, data, VSS_E_BAD_STATE, "%s",
			       session->mode == MODE_NONE ? "the session is not initialized" :
			       mode == MODE_BACKUP ? "the session was initialized for a restore" :
			       "the session was initialized for a backup");
		return NULL;
	}
	op = op_begin_alone(session->core, size);
	op->session = session;
	op->session_id = session->id;
	op->done = done;
	op->data = data;
	session->op = op;
	session->context_used = true;
	return op;
}

void op_finish(struct op *op, struct vssd_reply *reply)
{
	struct vssd_session *session = op->session;

	TAILQ_REMOVE(&op->core->ops, op, link);
	op->session = NULL;
	if (session) {
		session->op = NULL;
		/* Who is answered may close the session from within. */
		op->done(op->data, reply);
	}
	if (op->clear)
		op->clear(op);
	free(op);
}

void op_done(struct op *op)
{
	struct vssd_reply reply = { .result = S_OK };

	op_finish(op, &reply);
}

void op_fail(struct op *op, vss_result result, const char *format, ...)
{
	struct vssd_reply reply = { .result = result };
	va_list args;

	reply.error.result = result;
	va_start(args, format);
	vsnprintf(reply.error.text, sizeof(reply.error.text), format, args);
	va_end(args);
	op_finish(op, &reply);
}

void op_fail_error(struct op *op, const struct vss_error *err)
{
	struct vssd_reply reply = { .result = err->result, .error = *err };

	op_finish(op, &reply);
}

void op_abandon(struct op *op, const char *why)
{
	struct vssd_session *session = op->session;

	if (!session)
		return;
	op->session = NULL;
	session->op = NULL;
	answer_failure(op->done, op->data, E_ABORT, "%s", why);
}

/* ---- opening ---- */

struct vssd_session *vssd_session_open(struct vssd_core *core, vssd_progress_fn progress, void *data)
{
	struct vssd_session *session = vssd_alloc(sizeof(*session));

	if (vss_uuid_generate(&session->id) < 0) {
		free(session);
		return NULL;
	}
	session->core = core;
	session->progress = progress;
	session->data = data;
	session->context = VSS_CTX_BACKUP;
	TAILQ_INSERT_TAIL(&core->sessions, session, link);
	return session;
}

const struct vss_uuid *vssd_session_id(const struct vssd_session *session)
{
	return &session->id;
}

void session_progress(struct vssd_session *session, unsigned int percent, const char *stage)
{
	if (session->progress && !session->closing)
		session->progress(session->data, percent, stage);
}

bool session_writers(const struct vssd_session *session)
{
	return vss_context_has_writers(session->context);
}

vss_result session_parse(const char *document, struct vss_backup_document **doc, struct vss_error *err)
{
	if (!document || !document[0])
		return core_error(err, E_INVALIDARG, "the call needs a Backup Components Document");
	return vss_backup_document_parse(document, strlen(document), doc, err);
}

/* ---- calls that are answered at once ---- */

vss_result vssd_session_initialize(struct vssd_session *session, bool restore, struct vss_error *err)
{
	if (session->mode != MODE_NONE)
		return core_bad_state(err, "the session is initialized already; open another one");
	session->mode = restore ? MODE_RESTORE : MODE_BACKUP;
	return S_OK;
}

vss_result vssd_session_set_context(struct vssd_session *session, uint32_t context, struct vss_error *err)
{
	vss_result result;

	if (session->mode != MODE_BACKUP)
		return core_bad_state(err, "a context goes with a session that is initialized for a backup");
	if (session->context_set || session->context_used)
		return core_bad_state(err, "the context can be set once, before it is relied on");
	result = vss_context_check(context, err);
	if (VSS_FAILED(result))
		return result;
	session->context = context;
	session->context_set = true;
	return S_OK;
}

vss_result vssd_session_start_snapshot_set(struct vssd_session *session, struct vss_uuid *set,
					   struct vss_error *err)
{
	struct vssd_core *core = session->core;

	if (session->mode != MODE_BACKUP)
		return core_bad_state(err, "StartSnapshotSet needs a session that is initialized for a backup");
	if (session->context == VSS_CTX_ALL)
		return core_bad_state(err, "VSS_CTX_ALL is for administration; no shadow copy can be made with it");
	if (session->op)
		return core_bad_state(err, "another call of this session is under way; wait for it");
	if (session->stage == STAGE_OPEN || session->stage == STAGE_DOING)
		return core_error(err, VSS_E_SNAPSHOT_SET_IN_PROGRESS,
				  "this session has a shadow copy set in creation already");
	if (session->stage != STAGE_NO_SET)
		return core_bad_state(err, "a session makes one shadow copy set; open another session");
	if (core->creating)
		return core_error(err, VSS_E_SNAPSHOT_SET_IN_PROGRESS,
				  "another shadow copy set is in creation on this machine; try again later");
	if (vss_uuid_generate(&session->set_id) < 0)
		return core_error(err, VSS_E_UNEXPECTED, "the kernel gave no random bytes for an id");

	session->set = set_new(core, &session->set_id, session->context);
	session->set->session = session->id;
	session->set->owner = session;
	session->stage = STAGE_OPEN;
	session->context_used = true;
	core->creating = session;
	*set = session->set_id;
	return S_OK;
}

void session_unlock(struct vssd_session *session)
{
	if (session->core->creating == session)
		session->core->creating = NULL;
}

static void ignore_answer(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	(void)p;
	(void)arg;
	(void)reply;
}

/* Give up a set before DoSnapshotSet: providers learn of that from the next set. */
static void abort_open_set(struct vssd_session *session)
{
	struct participant *p;

	session->stage = STAGE_ENDED;
	for_each_participant(p, session) {
		if (!p->told || p->out)
			continue;
		participant_forget(p);
		participant_send(p, VSSD_EVENT_ABORT, NULL, p->freeze_timeout_ms, ignore_answer, NULL);
		participant_detach(p);
		participant_state(p, VSS_WS_STABLE);
		p->out = true;
	}
	session_unlock(session);
	set_free(session->set);
	session->set = NULL;
}

vss_result vssd_session_abort(struct vssd_session *session, struct vss_error *err)
{
	if (session->mode == MODE_NONE)
		return core_bad_state(err, "the session is not initialized");
	if (session->mode == MODE_RESTORE)
		return S_OK;
	if (session->creation) {
		creation_abort(session->creation, E_ABORT, "the requester aborted the backup");
		return S_OK;
	}
	if (session->stage == STAGE_OPEN) {
		struct op *op = session->op;

		/* The set goes first: whoever is answered may close the session. */
		abort_open_set(session);
		if (op) {
			if (op->cancel)
				op->cancel(op);
			else
				op_abandon(op, "the requester aborted the backup");
		}
		return S_OK;
	}
	if (session->stage == STAGE_CREATED) {
		session->completed = true;
		/* A set that is to travel is not worth importing then, saved or not. */
		if (session->set && session->set->saved) {
			session->set->saved = false;
			record_touch(session->set);
		}
	}
	return S_OK;
}

vss_result vssd_session_cancel(struct vssd_session *session)
{
	if (session->creation && session->op) {
		creation_abort(session->creation, E_ABORT, "the requester cancelled DoSnapshotSet");
		return S_OK;
	}
	if (!session->op || !session->op->cancel)
		return S_FALSE;
	session->op->cancel(session->op);
	return S_OK;
}

void vssd_session_document_saved(struct vssd_session *session)
{
	if (session->stage != STAGE_CREATED || !session->set || session->set->saved)
		return;
	if (!(session->set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE))
		return;
	session->set->saved = true;
	record_touch(session->set);
}

vss_result vssd_session_writer_status(struct vssd_session *session,
				      const struct vssd_writer_status **statuses, size_t *count)
{
	struct participant *p;

	*statuses = NULL;
	*count = 0;
	if (session->mode == MODE_NONE)
		return VSS_E_BAD_STATE;
	free(session->statuses);
	session->statuses = vssd_alloc((session->nr_participants + 1) * sizeof(*session->statuses));
	for_each_participant(p, session) {
		if (!session->gathered)
			break;
		session->statuses[*count] = (struct vssd_writer_status) {
			.instance_id = p->instance_id,
			.class_id = p->class_id,
			.name = p->name,
			.state = p->state,
			.failure = p->failure,
			.application_code = p->application_code,
			.application_message = p->message,
		};
		/* Nobody keeps the state of one that has gone; a failure that it was seen with stays. */
		if (!p->writer && !p->out) {
			session->statuses[*count].state = VSS_WS_UNKNOWN;
			session->statuses[*count].failure = VSS_E_WRITER_STATUS_NOT_AVAILABLE;
			session->statuses[*count].application_message =
				"the writer has gone since it last answered, and its state with it";
		}
		++*count;
	}
	*statuses = session->statuses;
	return S_OK;
}

/* ---- closing ---- */

void session_free(struct vssd_session *session)
{
	struct vssd_core *core = session->core;
	struct set *set;

	session_unlock(session);
	if (session->set && session->stage != STAGE_CREATED)
		set_free(session->set);
	TAILQ_FOREACH(set, &core->sets, link)
		if (set->owner == session)
			set->owner = NULL;
	for (size_t i = 0; i < session->nr_participants; i++)
		participant_free(session->participants[i]);
	free(session->participants);
	free(session->statuses);
	recovery_set_free(session->recovery);
	TAILQ_REMOVE(&core->sessions, session, link);
	free(session);
}

/* BackupShutdown tells writers that the requester has ended, however that came. */
static void shut_down_writers(struct vssd_session *session)
{
	struct participant *p;

	for_each_participant(p, session) {
		if (!p->told || !p->selected)
			continue;
		/* An Abort under way is still wanted, all else is not. */
		participant_forget(p);
		participant_send(p, VSSD_EVENT_BACKUP_SHUTDOWN, NULL,
				 session->core->settings.post_timeout_ms, ignore_answer, NULL);
		participant_detach(p);
	}
}

/* Auto-release: what it made or imported goes with it. */
static void release_sets(struct vssd_session *session)
{
	struct set *set, *next;

	for (set = TAILQ_FIRST(&session->core->sets); set; set = next) {
		next = TAILQ_NEXT(set, link);
		/* What could not be deleted before is in the way of the next ones. */
		if (set->state == SET_DOOMED && !set->releasing) {
			set_release(set);
			continue;
		}
		if (set->owner != session)
			continue;
		set->owner = NULL;
		if (!vss_context_is_auto_release(set->context))
			continue;
		/* Documents have left: somebody else may import it. */
		if ((set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) && !set->imported && set->saved)
			continue;
		set_release(set);
	}
}

void session_end(struct vssd_session *session)
{
	shut_down_writers(session);
	if (session->stage == STAGE_CREATED)
		session->set = NULL;
	release_sets(session);
	session_free(session);
}

void vssd_session_close(struct vssd_session *session)
{
	struct op *op = session->op;

	if (session->closing)
		return;
	session->closing = true;
	if (session->creation || op)
		core_log(session->core, LOG_NOTICE, VSSD_MESSAGE_SESSION_DIED, &session->id,
			 "the requester has gone with work under way");
	if (op) {
		op_abandon(op, "the session was closed");
		/* It frees itself now; nobody is left to hear of it. */
		if (!session->creation && op->cancel)
			op->cancel(op);
	}
	if (session->creation) {
		/* Ends the session when all is undone. */
		creation_abort(session->creation, E_ABORT, "the requester has gone");
		return;
	}
	if (session->stage == STAGE_OPEN) {
		session->stage = STAGE_ENDED;
		session_unlock(session);
		set_free(session->set);
		session->set = NULL;
	}
	session_end(session);
}

void vssd_core_abort_creation(struct vssd_core *core)
{
	struct vssd_session *session = core->creating;

	if (!session)
		return;
	core_log(core, LOG_NOTICE, VSSD_MESSAGE_SET_FAILED, &session->id,
		 "the shadow copy set in creation is aborted by the administrator");
	if (session->creation)
		creation_abort(session->creation, E_ABORT, "the administrator aborted the shadow copy set");
	else
		vssd_session_abort(session, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DoSnapshotSet: the making of a set as a chain of stages.
 *
 * A stage sends its events and calls, all at once, and the next one starts when
 * all are answered.  A failure at any stage, from any side, ends in one place:
 * creation_abort() undoes at the providers, sends Abort to the writers that have
 * seen PrepareSnapshot and not finished PostSnapshot, waits for both, gives up
 * the lock and answers the requester.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core-internal.h"

enum stage {
	CREATE_BEGUN,
	CREATE_PREPARE_SNAPSHOT,
	CREATE_BEGIN_HOLD,
	CREATE_END_PREPARE,
	CREATE_FREEZE_FRONT,
	CREATE_FREEZE_BACK,
	CREATE_FREEZE_SYSTEM,
	CREATE_PRE_COMMIT,
	CREATE_HOLD,
	CREATE_COMMIT_OTHERS,
	CREATE_COMMIT_HOLDERS,
	CREATE_RELEASE,
	CREATE_POST_COMMIT,
	CREATE_THAW_SYSTEM,
	CREATE_THAW_BACK,
	CREATE_THAW_FRONT,
	CREATE_PRE_FINAL_COMMIT,
	CREATE_DEVICES,
	CREATE_POST_SNAPSHOT,
	CREATE_POST_FINAL_COMMIT,
	CREATE_RECORDS,
	CREATE_FINISHED,
};

/* A provider that has a part in the set: makes copies, or only holds volumes that others copy. */
struct maker {
	struct vssd_provider *provider;
	bool finishing;		/* has been asked for PostFinalCommit */
};

struct creation {
	struct op op;
	struct vssd_session *of;	/* it outlives us: session_end() comes last */
	struct set *set;
	struct vss_backup_document *doc;
	uint32_t context;
	enum stage stage;
	unsigned int pending;
	unsigned int undoing;		/* providers that have not undone it yet */
	bool failed;
	bool unclean;			/* a provider did not undo it */
	struct vss_error error;
	struct maker *makers;
	size_t nr_makers;
	struct vssd_timer *hold;
	struct vss_set_description description;	/* of a transportable set */
};

static void run(struct creation *c);

bool creation_has_provider(const struct creation *c, const struct vssd_provider *provider)
{
	for (size_t i = 0; i < c->nr_makers; i++)
		if (c->makers[i].provider == provider)
			return true;
	return false;
}

static struct maker *maker_of(struct creation *c, const struct vssd_provider *provider)
{
	for (size_t i = 0; i < c->nr_makers; i++)
		if (c->makers[i].provider == provider)
			return &c->makers[i];
	return NULL;
}

static bool takes_part(const struct participant *p)
{
	return p->selected && p->told && !p->out;
}

static bool has_writers(const struct creation *c)
{
	const struct participant *p;

	for_each_participant(p, c->of)
		if (takes_part(p))
			return true;
	return false;
}

/* ---- the end ---- */

static void creation_clear(struct op *op)
{
	struct creation *c = (struct creation *)op;

	core_timer_stop(op->core, &c->hold);
	vss_backup_document_free(c->doc);
	vss_set_description_clear(&c->description);
	free(c->makers);
}

static void unreserve(struct creation *c)
{
	for (size_t i = 0; i < c->nr_makers; i++)
		if (c->makers[i].provider->reserved == c)
			provider_reserve(c->makers[i].provider, NULL);
}

/* The session may be gone after this. */
static void leave(struct creation *c, struct vssd_reply *reply)
{
	struct vssd_session *session = c->of;
	bool closing = session->closing;

	session->creation = NULL;
	session_unlock(session);
	op_finish(&c->op, reply);
	/* Closed from within the answer is closed for good. */
	if (closing)
		session_end(session);
}

void creation_drop(struct creation *c)
{
	for (size_t i = 0; i < c->nr_makers; i++)
		c->makers[i].provider->reserved = NULL;
	c->of->creation = NULL;
}

static void finish_failed(struct creation *c)
{
	struct vssd_session *session = c->of;
	struct vssd_core *core = c->op.core;
	struct vssd_reply reply = { .result = c->error.result, .error = c->error };
	char id[VSS_UUID_TEXT_SIZE];
	struct participant *p;

	for_each_participant(p, session) {
		/* An Abort that a hung writer has not answered goes on without us. */
		participant_detach(p);
		if (takes_part(p))
			participant_state(p, VSS_WS_STABLE);
		if (p->selected)
			p->out = true;
	}
	unreserve(c);
	core_loud(core);
	core_log(core, c->error.result == E_ABORT ? LOG_NOTICE : LOG_ERR, VSSD_MESSAGE_SET_FAILED, &session->id,
		 "shadow copy set %s was not created: %s (%s)", vss_uuid_format(&c->set->id, id),
		 c->error.text, vss_result_name(c->error.result));
	session->set = NULL;
	c->set->owner = NULL;
	if (c->unclean) {
		/* Its record stays until it is gone, so that also the next life tries. */
		c->set->undo = true;
		TAILQ_INSERT_TAIL(&core->sets, c->set, link);
		set_release(c->set);
	} else {
		if (c->set->on_disk)
			record_remove(c->set);
		set_free(c->set);
	}
	session->stage = STAGE_ENDED;
	leave(c, &reply);
}

/* ---- undoing ---- */

static void undo_pending(struct creation *c)
{
	/* File systems are as they were when the last provider has let go. */
	if (!--c->undoing)
		core_loud(c->op.core);
	c->pending--;
	run(c);
}

/* A provider that knows nothing of it has nothing to undo. */
static bool is_undone(const struct vssd_provider_reply *reply)
{
	return !VSS_FAILED(reply->result) || reply->result == VSS_E_OBJECT_NOT_FOUND;
}

static void unwanted_deleted(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct creation *c = arg;

	(void)provider;
	if (!is_undone(reply))
		c->unclean = true;
	undo_pending(c);
}

static void undone(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct creation *c = arg;
	const struct maker *maker = maker_of(c, provider);
	const struct snapshot *snapshot;

	if (!is_undone(reply))
		c->unclean = true;
	/* It may hold writes, and says that it cannot let go. */
	if (VSS_FAILED(reply->result) && c->op.core->quiet && !provider->stopping)
		provider_stop(provider, "it could not undo a set while file systems may be frozen");
	if (provider->reserved == c)
		provider_reserve(provider, NULL);
	/* For who has finished, the set is one of those that exist. */
	if (maker && maker->finishing)
		TAILQ_FOREACH(snapshot, &c->set->snapshots, link) {
			struct vssd_provider_request request = {
				.step = VSSD_STEP_DELETE,
				.set = c->set->id,
				.snapshot = snapshot->prop.snapshot_id,
				.flag = true,
			};

			if (!vss_uuid_equal(&snapshot->prop.provider_id, &provider->prop.provider_id))
				continue;
			c->pending++;
			c->undoing++;
			provider_ask(provider, c, &request, unwanted_deleted, c);
		}
	undo_pending(c);
}

static void abort_answered(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct creation *c = arg;

	if (reply->failure)
		core_log(c->op.core, LOG_WARNING, VSSD_MESSAGE_WRITER_FAILED, &c->of->id,
			 "writer \"%s\" failed in Abort: %s", p->name, vss_result_name(reply->failure));
	c->pending--;
	run(c);
}

static void undo(struct creation *c)
{
	struct participant *p;

	core_timer_stop(c->op.core, &c->hold);
	c->pending = 0;
	for_each_participant(p, c->of) {
		core_timer_stop(c->op.core, &p->window);
		p->in_window = false;
		participant_forget(p);
		if (!p->in_snapshot)
			continue;
		p->in_snapshot = false;
		if (!participant_send(p, VSSD_EVENT_ABORT, NULL, p->freeze_timeout_ms, abort_answered, c))
			continue;
		/* One that has not answered the last event is not waited for again. */
		if (p->hung)
			participant_detach(p);
		else
			c->pending++;
	}
	for (size_t i = 0; i < c->nr_makers; i++) {
		c->pending++;
		c->undoing++;
	}
	for (size_t i = 0; i < c->nr_makers; i++)
		provider_abort(c->makers[i].provider, c, &c->set->id, undone, c);
	if (!c->undoing)
		core_loud(c->op.core);
}

/* Does not end the creation yet: for use within a stage. */
static void fail_error(struct creation *c, const struct vss_error *err)
{
	if (c->failed)
		return;
	c->failed = true;
	c->error = *err;
	undo(c);
}

static void fail(struct creation *c, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void fail(struct creation *c, vss_result result, const char *format, ...)
{
	struct vss_error err = { .result = result };
	va_list args;

	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	fail_error(c, &err);
}

void creation_abort(struct creation *c, vss_result result, const char *format, ...)
{
	struct vss_error err = { .result = result };
	va_list args;

	if (c->failed)
		return;
	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	fail_error(c, &err);
	run(c);
}

/* ---- writers ---- */

static void writer_failed(struct creation *c, struct participant *p, enum vssd_event event)
{
	fail(c, VSS_E_UNEXPECTED_WRITER_ERROR, "writer \"%s\" failed in %s: %s%s%s; its status tells more",
	     p->name, event_name(event), vss_result_name(p->failure), p->message ? ", " : "",
	     p->message ? p->message : "");
}

/* Who has kept us waiting for an answer to Freeze or Thaw, for nearly as long as it may? */
static struct participant *who_is_slow(struct creation *c)
{
	uint64_t now = c->op.core->clock.now(c->op.core->clock.data);
	struct participant *p;

	for_each_participant(p, c->of)
		if (p->in_snapshot && p->call && !p->out &&
		    now - p->asked_at >= p->freeze_timeout_ms * UINT64_C(900))
			return p;
	return NULL;
}

/* From Freeze to Thaw a writer's own limit runs, whoever is slow. */
static void window_passed(void *arg)
{
	static const struct vssd_writer_reply silent = {
		.failure = VSS_E_WRITERERROR_TIMEOUT,
		.message = "it did not answer",
	};
	struct participant *p = arg, *slow, *blamed;
	struct creation *c = p->session->creation;
	char *message = vssd_printf("more than %u ms between Freeze and Thaw", p->freeze_timeout_ms);
	struct vssd_writer_reply late = { .failure = VSS_E_WRITERERROR_TIMEOUT, .message = message };

	p->window = NULL;
	p->hung = p->call != NULL;
	blamed = p->hung ? p : NULL;
	participant_fail(p, VSS_WS_FAILED_AT_FREEZE, &late);
	/* The first to be frozen is the first to run out of time, and not the one to blame. */
	while ((slow = who_is_slow(c))) {
		slow->hung = true;
		participant_fail(slow, slow->in_window ? VSS_WS_FAILED_AT_FREEZE : VSS_WS_FAILED_AT_THAW,
				 &silent);
		if (!blamed)
			blamed = slow;
	}
	if (blamed)
		writer_failed(c, blamed, blamed->in_window ? VSSD_EVENT_FREEZE : VSSD_EVENT_THAW);
	else
		fail(c, VSS_E_UNEXPECTED_WRITER_ERROR,
		     "writer \"%s\" was frozen for more than %u ms while others were at work; "
		     "find out which writer or provider is slow", p->name, p->freeze_timeout_ms);
	free(message);
	run(c);
}

static void snapshot_prepared(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct creation *c = arg;

	/* It is out, and its status says so; the set goes on. */
	if (reply->failure) {
		participant_fail(p, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT, reply);
		p->in_snapshot = false;
	} else {
		participant_state(p, VSS_WS_WAITING_FOR_FREEZE);
	}
	c->pending--;
	run(c);
}

static void enter_prepare_snapshot(struct creation *c)
{
	struct participant *p;

	for_each_participant(p, c->of) {
		if (!takes_part(p))
			continue;
		if (!participant_send(p, VSSD_EVENT_PREPARE_SNAPSHOT, NULL,
				      c->op.core->settings.prepare_timeout_ms, snapshot_prepared, c)) {
			participant_gone(p, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT);
			continue;
		}
		p->in_snapshot = true;
		c->pending++;
	}
}

static void frozen(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct creation *c = arg;

	c->pending--;
	if (reply->failure) {
		core_timer_stop(c->op.core, &p->window);
		participant_fail(p, VSS_WS_FAILED_AT_FREEZE, reply);
		writer_failed(c, p, VSSD_EVENT_FREEZE);
	} else {
		participant_state(p, VSS_WS_WAITING_FOR_THAW);
	}
	run(c);
}

static void enter_freeze(struct creation *c, int level)
{
	struct participant *p;

	core_quiet(c->op.core);
	for_each_participant(p, c->of) {
		if (!takes_part(p) || p->level != level)
			continue;
		p->in_window = true;
		p->asked_at = c->op.core->clock.now(c->op.core->clock.data);
		/* The window watches the time, of this event and of all until Thaw. */
		if (!participant_send(p, VSSD_EVENT_FREEZE, NULL, 0, frozen, c)) {
			participant_gone(p, VSS_WS_FAILED_AT_FREEZE);
			writer_failed(c, p, VSSD_EVENT_FREEZE);
			return;
		}
		p->window = core_timer(c->op.core, p->freeze_timeout_ms * UINT64_C(1000), window_passed, p);
		c->pending++;
	}
}

static void thawed(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct creation *c = arg;

	c->pending--;
	if (reply->failure) {
		participant_fail(p, VSS_WS_FAILED_AT_THAW, reply);
		writer_failed(c, p, VSSD_EVENT_THAW);
	} else {
		participant_state(p, VSS_WS_WAITING_FOR_POST_SNAPSHOT);
	}
	run(c);
}

static void enter_thaw(struct creation *c, int level)
{
	struct participant *p;

	for_each_participant(p, c->of) {
		if (!takes_part(p) || p->level != level)
			continue;
		core_timer_stop(c->op.core, &p->window);
		p->in_window = false;
		p->asked_at = c->op.core->clock.now(c->op.core->clock.data);
		if (!participant_send(p, VSSD_EVENT_THAW, NULL, p->freeze_timeout_ms, thawed, c)) {
			participant_gone(p, VSS_WS_FAILED_AT_THAW);
			writer_failed(c, p, VSSD_EVENT_THAW);
			return;
		}
		c->pending++;
	}
}

static void post_snapshot_done(struct participant *p, void *arg, const struct vssd_writer_reply *reply)
{
	struct creation *c = arg;
	struct vssd_writer_reply bad = {
		.failure = VSS_E_WRITERERROR_NONRETRYABLE,
		.message = "the components it gave back are no valid document",
	};
	const struct vssd_writer_reply *failure = reply->failure ? reply : NULL;
	struct vss_error err = { 0 };

	p->in_snapshot = false;
	if (reply->document && reply->document[0] && c->doc &&
	    VSS_FAILED(vss_backup_document_put_part(c->doc, &p->instance_id, reply->document,
						    strlen(reply->document), &err))) {
		core_log(c->op.core, LOG_WARNING, VSSD_MESSAGE_DOCUMENT_INVALID, &c->of->id,
			 "writer \"%s\" gave a bad document back from PostSnapshot: %s", p->name, err.text);
		if (!failure)
			failure = &bad;
	}
	/* The set stands in any case. */
	if (failure)
		participant_fail(p, VSS_WS_FAILED_AT_POST_SNAPSHOT, failure);
	else
		participant_state(p, VSS_WS_WAITING_FOR_BACKUP_COMPLETE);
	c->pending--;
	run(c);
}

static void enter_post_snapshot(struct creation *c)
{
	struct participant *p;

	for_each_participant(p, c->of) {
		if (!takes_part(p))
			continue;
		if (!participant_send(p, VSSD_EVENT_POST_SNAPSHOT, c->doc,
				      c->op.core->settings.post_timeout_ms, post_snapshot_done, c)) {
			participant_gone(p, VSS_WS_FAILED_AT_POST_SNAPSHOT);
			p->in_snapshot = false;
			continue;
		}
		c->pending++;
	}
}

void creation_writer_gone(struct creation *c, struct participant *p)
{
	if (c->failed || !takes_part(p) || !p->in_snapshot)
		return;
	if (p->in_window) {
		participant_gone(p, VSS_WS_FAILED_AT_FREEZE);
		core_timer_stop(c->op.core, &p->window);
		writer_failed(c, p, VSSD_EVENT_FREEZE);
	} else if (c->stage < CREATE_THAW_SYSTEM) {
		/* Not frozen yet: as if it had failed in PrepareSnapshot. */
		participant_gone(p, VSS_WS_FAILED_AT_PREPARE_SNAPSHOT);
		p->in_snapshot = false;
	} else {
		participant_gone(p, VSS_WS_FAILED_AT_POST_SNAPSHOT);
		p->in_snapshot = false;
	}
	/* A stage that waits for others is ended by them. */
	if (c->failed)
		run(c);
}

/* ---- providers ---- */

static vss_result step_code(vss_result result)
{
	return result == VSS_E_OBJECT_NOT_FOUND || !VSS_FAILED(result) ? VSS_E_UNEXPECTED_PROVIDER_ERROR : result;
}

static void step_failed(struct creation *c, struct vssd_provider *provider, enum vssd_step step,
			const struct vssd_provider_reply *reply)
{
	fail(c, step_code(reply->result), "provider \"%s\" failed in %s: %s", provider->prop.provider_name,
	     step_name(step), reply->message && reply->message[0] ? reply->message :
	     vss_result_name(reply->result));
}

static enum vssd_step stage_step(enum stage stage)
{
	switch (stage) {
	case CREATE_BEGIN_HOLD:
		return VSSD_STEP_BEGIN_HOLD;
	case CREATE_END_PREPARE:
		return VSSD_STEP_END_PREPARE;
	case CREATE_PRE_COMMIT:
		return VSSD_STEP_PRE_COMMIT;
	case CREATE_HOLD:
		return VSSD_STEP_HOLD_WRITES;
	case CREATE_COMMIT_OTHERS:
	case CREATE_COMMIT_HOLDERS:
		return VSSD_STEP_COMMIT;
	case CREATE_RELEASE:
		return VSSD_STEP_RELEASE_WRITES;
	case CREATE_POST_COMMIT:
		return VSSD_STEP_POST_COMMIT;
	case CREATE_PRE_FINAL_COMMIT:
		return VSSD_STEP_PRE_FINAL_COMMIT;
	case CREATE_POST_FINAL_COMMIT:
		return VSSD_STEP_POST_FINAL_COMMIT;
	default:
		return VSSD_STEP_GET_SNAPSHOTS;
	}
}

static void step_done(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct creation *c = arg;

	c->pending--;
	if (reply->result != S_OK)
		step_failed(c, provider, stage_step(c->stage), reply);
	run(c);
}

static void ask_makers(struct creation *c, bool holders, bool others, provider_answer answer)
{
	struct vssd_provider_request request = {
		.step = stage_step(c->stage),
		.set = c->set->id,
		.context = c->context,
		.timeout_ms = c->op.core->settings.hold_timeout_ms,
	};

	for (size_t i = 0; i < c->nr_makers; i++) {
		struct vssd_provider *provider = c->makers[i].provider;

		if (provider->holds ? !holders : !others)
			continue;
		if (request.step == VSSD_STEP_POST_FINAL_COMMIT)
			c->makers[i].finishing = true;
		c->pending++;
		provider_ask(provider, c, &request, answer, c);
	}
}

static void hold_passed(void *arg)
{
	struct creation *c = arg;

	c->hold = NULL;
	fail(c, VSS_E_HOLD_WRITES_TIMEOUT,
	     "writes were held for %u ms and the shadow copies were not made; try again when there is less load",
	     c->op.core->settings.hold_timeout_ms);
	run(c);
}

/* ---- volumes that their provider does not hold ---- */

static bool holds_itself(struct creation *c, const struct snapshot *snapshot)
{
	const struct vssd_provider *provider = provider_find(c->op.core, &snapshot->prop.provider_id);

	return provider && provider->holds;
}

static struct maker *find_holder(struct creation *c)
{
	struct maker *holder = NULL;

	for (size_t i = 0; i < c->nr_makers; i++)
		if (c->makers[i].provider->holds &&
		    (!holder || c->makers[i].provider->prop.provider_type == VSS_PROV_SYSTEM))
			holder = &c->makers[i];
	return holder;
}

static void hold_begun(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct vssd_provider_reply known = *reply;
	struct creation *c = arg;

	c->pending--;
	/* To the requester it is not the volume that was refused, that was taken before. */
	if (reply->result == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER || reply->result == VSS_E_NESTED_VOLUME_LIMIT)
		known.result = VSS_E_PROVIDER_VETO;
	if (reply->result != S_OK)
		step_failed(c, provider, VSSD_STEP_BEGIN_HOLD, &known);
	run(c);
}

static void enter_begin_hold(struct creation *c)
{
	const struct maker *holder = find_holder(c);
	const struct snapshot *snapshot;

	TAILQ_FOREACH(snapshot, &c->set->snapshots, link) {
		struct vssd_provider_request request = {
			.step = VSSD_STEP_BEGIN_HOLD,
			.set = c->set->id,
			.volume = snapshot->prop.original_volume_name,
		};

		if (holds_itself(c, snapshot))
			continue;
		c->pending++;
		provider_ask(holder->provider, c, &request, hold_begun, c);
	}
}

/* ---- what the providers tell of the new copies ---- */

static const struct vss_provider_snapshot *find_known(const struct vssd_provider_reply *reply,
						      const struct vss_uuid *id)
{
	for (size_t i = 0; i < reply->nr_snapshots; i++)
		if (vss_uuid_equal(&reply->snapshots[i].prop.snapshot_id, id))
			return &reply->snapshots[i];
	return NULL;
}

static void snapshots_told(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct creation *c = arg;
	struct snapshot *snapshot;

	c->pending--;
	if (reply->result != S_OK) {
		step_failed(c, provider, VSSD_STEP_GET_SNAPSHOTS, reply);
		run(c);
		return;
	}
	TAILQ_FOREACH(snapshot, &c->set->snapshots, link) {
		const struct vss_provider_snapshot *known;
		char id[VSS_UUID_TEXT_SIZE];

		if (!vss_uuid_equal(&snapshot->prop.provider_id, &provider->prop.provider_id))
			continue;
		known = find_known(reply, &snapshot->prop.snapshot_id);
		if (!known) {
			fail(c, VSS_E_UNEXPECTED_PROVIDER_ERROR,
			     "provider \"%s\" does not know shadow copy %s, which it has made",
			     provider->prop.provider_name,
			     vss_uuid_format(&snapshot->prop.snapshot_id, id));
			break;
		}
		if (known->prop.status == VSS_SS_ABORTED) {
			fail(c, VSS_E_UNEXPECTED_PROVIDER_ERROR,
			     "provider \"%s\" has lost shadow copy %s before the set was finished",
			     provider->prop.provider_name,
			     vss_uuid_format(&snapshot->prop.snapshot_id, id));
			break;
		}
		snapshot_update(snapshot, known);
		if (c->stage == CREATE_RECORDS && (c->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE))
			snapshot_describe(snapshot, known, &c->description);
	}
	run(c);
}

static bool put_description(struct creation *c, struct vss_error *err)
{
	struct vss_set_description *set = &c->description;
	const struct snapshot *first = TAILQ_FIRST(&c->set->snapshots);

	if (!(c->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) || !first)
		return true;
	set->set_id = c->set->id;
	set->context = c->context;
	set->snapshots_count = c->set->nr_snapshots;
	set->originating_machine = vssd_strdup(c->op.core->machine);
	set->creation_time = first->prop.creation_time;
	if (VSS_FAILED(transported_check(c->op.core, set, err)))
		return false;
	return !VSS_FAILED(vss_backup_document_put_set(c->doc, set, err));
}

/* ---- the chain ---- */

static void enter(struct creation *c)
{
	static const struct {
		unsigned int percent;
		const char *text;
	} progress[] = {
		[CREATE_PREPARE_SNAPSHOT] = { 0, "preparing writers" },
		[CREATE_END_PREPARE] = { 10, "preparing providers" },
		[CREATE_FREEZE_FRONT] = { 40, "freezing writers" },
		[CREATE_PRE_COMMIT] = { 50, "making the shadow copies" },
		[CREATE_THAW_SYSTEM] = { 60, "thawing writers" },
		[CREATE_PRE_FINAL_COMMIT] = { 70, "bringing up the shadow copies" },
		[CREATE_POST_SNAPSHOT] = { 80, "writers finish" },
		[CREATE_POST_FINAL_COMMIT] = { 90, "finishing" },
		[CREATE_FINISHED] = { 100, NULL },
	};

	if (progress[c->stage].text)
		session_progress(c->of, progress[c->stage].percent, progress[c->stage].text);

	switch (c->stage) {
	case CREATE_PREPARE_SNAPSHOT:
		enter_prepare_snapshot(c);
		break;
	case CREATE_BEGIN_HOLD:
		enter_begin_hold(c);
		break;
	case CREATE_END_PREPARE:
		for (size_t i = 0; i < c->nr_makers; i++)
			provider_reserve(c->makers[i].provider, c);
		ask_makers(c, true, true, step_done);
		break;
	case CREATE_FREEZE_FRONT:
	case CREATE_FREEZE_BACK:
	case CREATE_FREEZE_SYSTEM:
		enter_freeze(c, c->stage - CREATE_FREEZE_FRONT);
		break;
	case CREATE_HOLD:
		if (c->nr_makers)
			c->hold = core_timer(c->op.core, c->op.core->settings.hold_timeout_ms * UINT64_C(1000),
					     hold_passed, c);
		ask_makers(c, true, false, step_done);
		break;
	case CREATE_COMMIT_OTHERS:
		ask_makers(c, false, true, step_done);
		break;
	case CREATE_COMMIT_HOLDERS:
	case CREATE_RELEASE:
		ask_makers(c, true, false, step_done);
		break;
	case CREATE_POST_COMMIT:
		core_timer_stop(c->op.core, &c->hold);
		if (c->nr_makers)
			core_loud(c->op.core);
		ask_makers(c, true, true, step_done);
		break;
	case CREATE_THAW_SYSTEM:
	case CREATE_THAW_BACK:
	case CREATE_THAW_FRONT:
		enter_thaw(c, CREATE_THAW_FRONT - c->stage);
		break;
	case CREATE_PRE_FINAL_COMMIT:
		unreserve(c);
		core_loud(c->op.core);
		ask_makers(c, true, true, step_done);
		break;
	case CREATE_DEVICES:
		/* Writers want to know where the copies are. */
		if (has_writers(c))
			ask_makers(c, true, true, snapshots_told);
		break;
	case CREATE_POST_SNAPSHOT:
		enter_post_snapshot(c);
		break;
	case CREATE_RECORDS:
		ask_makers(c, true, true, snapshots_told);
		break;
	case CREATE_PRE_COMMIT:
	case CREATE_POST_FINAL_COMMIT:
		ask_makers(c, true, true, step_done);
		break;
	default:
		break;
	}
}

/* False: it has failed at the last, and is being undone. */
static bool finish_created(struct creation *c)
{
	struct vssd_session *session = c->of;
	struct vssd_core *core = c->op.core;
	struct vssd_reply reply = { .result = S_OK };
	_cleanup_free_ char *xml = NULL;
	char id[VSS_UUID_TEXT_SIZE];
	struct set *set = c->set;
	vss_result result;

	if (c->doc && (!put_description(c, &reply.error) ||
		       VSS_FAILED(vss_backup_document_save(c->doc, &xml, &reply.error)))) {
		fail_error(c, &reply.error);
		return false;
	}
	if (set->nr_snapshots) {
		set->state = SET_CREATED;
		result = record_save(set, &reply.error);
		if (VSS_FAILED(result) && !vss_context_is_auto_release(set->context)) {
			/* It would be deleted as left over at the next start. */
			set->state = SET_CREATING;
			fail_error(c, &reply.error);
			return false;
		}
		if (VSS_FAILED(result))
			core_log(core, LOG_WARNING, VSSD_MESSAGE_RECORD_FAILED, &session->id, "%s",
				 reply.error.text);
		TAILQ_INSERT_TAIL(&core->sets, set, link);
		core_log(core, LOG_INFO, VSSD_MESSAGE_SET_CREATED, &session->id,
			 "shadow copy set %s of %zu volumes was created", vss_uuid_format(&set->id, id),
			 set->nr_snapshots);
	} else {
		set_free(set);
		session->set = NULL;
	}
	session->stage = STAGE_CREATED;
	reply.document = xml;
	leave(c, &reply);
	return true;
}

static void run(struct creation *c)
{
	while (!c->pending) {
		if (c->failed) {
			finish_failed(c);
			return;
		}
		c->stage++;
		if (c->stage != CREATE_FINISHED)
			enter(c);
		else if (finish_created(c))
			return;
	}
}

/* ---- beginning ---- */

/* False and the caller is answered. */
static bool may_create(struct creation *c)
{
	struct vssd_session *session = c->of;

	if (session->stage != STAGE_OPEN) {
		op_fail(&c->op, VSS_E_BAD_STATE, session->stage == STAGE_NO_SET ?
			"DoSnapshotSet needs StartSnapshotSet before it" :
			"a session makes one shadow copy set; open another session");
		return false;
	}
	if (session_writers(session)) {
		if (!session->gathered || !session->prepared) {
			op_fail(&c->op, VSS_E_BAD_STATE, "the context has writers, so "
				"GatherWriterMetadata and PrepareForBackup must come before DoSnapshotSet");
			return false;
		}
	} else if (!session->set->nr_snapshots) {
		op_fail(&c->op, VSS_E_BAD_STATE, "the set has no volume, and the context no writers");
		return false;
	}
	return true;
}

/* One provider holds what others cannot, so that all copies are of one instant. */
static bool collect_holder(struct creation *c, struct vss_error *err)
{
	struct vssd_provider *provider, *holder = NULL;
	const struct snapshot *snapshot;

	TAILQ_FOREACH(snapshot, &c->set->snapshots, link)
		if (!holds_itself(c, snapshot))
			break;
	if (!snapshot || find_holder(c))
		return true;
	TAILQ_FOREACH(provider, &c->op.core->providers, link)
		if (provider->holds && (!holder || provider->prop.provider_type == VSS_PROV_SYSTEM))
			holder = provider;
	if (!holder) {
		provider = provider_find(c->op.core, &snapshot->prop.provider_id);
		core_error(err, VSS_E_PROVIDER_VETO,
			   "provider \"%s\" cannot freeze and hold %s while it is copied, and no provider "
			   "here can do that for it; see why the system provider does not run (vssd.conf(5))",
			   provider ? provider->prop.provider_name : "?", snapshot->prop.original_volume_name);
		return false;
	}
	c->makers[c->nr_makers++].provider = holder;
	return true;
}

static bool collect_makers(struct creation *c)
{
	const struct snapshot *snapshot;

	/* One more for who only holds. */
	c->makers = vssd_alloc((c->set->nr_snapshots + 1) * sizeof(*c->makers));
	TAILQ_FOREACH(snapshot, &c->set->snapshots, link) {
		struct vssd_provider *provider = provider_find(c->op.core, &snapshot->prop.provider_id);

		if (!provider)
			return false;
		if (!maker_of(c, provider))
			c->makers[c->nr_makers++].provider = provider;
	}
	return true;
}

void vssd_session_do_snapshot_set(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct creation *c = op_begin(session, sizeof(*c), MODE_BACKUP, done, data);
	struct vss_error err = { 0 };
	struct snapshot *snapshot;
	struct participant *p;

	if (!c)
		return;
	c->op.clear = creation_clear;
	c->of = session;
	if (!may_create(c))
		return;
	if (VSS_FAILED(session_parse(document, &c->doc, &err)) ||
	    VSS_FAILED(vss_backup_document_set_set_id(c->doc, &session->set_id))) {
		if (!err.result)
			core_error(&err, E_OUTOFMEMORY, "there is no memory for the document");
		op_fail_error(&c->op, &err);
		return;
	}

	c->set = session->set;
	c->context = session->context;
	session->stage = STAGE_DOING;
	session->creation = c;
	/* Components are chosen before StartSnapshotSet; what counts is what PrepareForBackup said. */
	if (session_writers(session) && !(c->context & VSS_VOLSNAP_ATTR_NO_AUTORECOVERY))
		for_each_participant(p, session)
			if (takes_part(p) && participant_wants_recovery(p, c->doc, c->context))
				c->context |= VSS_VOLSNAP_ATTR_AUTORECOVER;
	c->set->context = c->context;
	TAILQ_FOREACH(snapshot, &c->set->snapshots, link)
		snapshot->prop.snapshots_count = c->set->nr_snapshots;

	if (!collect_makers(c) || c->set->provider_died)
		fail(c, VSS_E_UNEXPECTED_PROVIDER_ERROR,
		     "a provider that had begun to prepare the set has ended; start again");
	else if (!collect_holder(c, &err))
		fail_error(c, &err);
	/* The next life must know what to undo, should this one end in the middle. */
	else if (c->set->nr_snapshots && VSS_FAILED(record_save(c->set, &err)))
		fail_error(c, &err);
	run(c);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Setting a volume back to a shadow copy, and how far that is.  A revert is the
 * provider's business once it has begun: nobody can call it back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

static struct revert *revert_find(struct vssd_core *core, const char *volume)
{
	struct revert *revert;

	TAILQ_FOREACH(revert, &core->reverts, link)
		if (!strcmp(revert->volume, volume))
			return revert;
	return NULL;
}

static struct revert *revert_note(struct vssd_core *core, const char *volume, const struct vss_uuid *provider)
{
	struct revert *revert = revert_find(core, volume);

	if (!revert) {
		revert = vssd_alloc(sizeof(*revert));
		revert->volume = vssd_strdup(volume);
		TAILQ_INSERT_TAIL(&core->reverts, revert, link);
	}
	revert->provider_id = *provider;
	return revert;
}

static void revert_forget(struct vssd_core *core, const char *volume)
{
	struct revert *revert = revert_find(core, volume);

	if (!revert)
		return;
	TAILQ_REMOVE(&core->reverts, revert, link);
	core_timer_stop(core, &revert->timer);
	free(revert->volume);
	free(revert);
}

/* ---- RevertToSnapshot ---- */

struct revert_op {
	struct op op;
	struct vss_uuid snapshot;
	bool force;
	char *volume;
};

static void revert_clear(struct op *op)
{
	free(((struct revert_op *)op)->volume);
}

static void look_for_newer(struct vssd_core *core);

static void revert_known(void *arg)
{
	struct revert_op *r = arg;

	look_for_newer(r->op.core);
	op_done(&r->op);
}

static void revert_started(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct revert_op *r = arg;
	char id[VSS_UUID_TEXT_SIZE];
	struct revert *revert;

	vss_uuid_format(&r->snapshot, id);
	if (reply->result != S_OK) {
		op_fail(&r->op, reply->result, "%s cannot be set back to shadow copy %s: %s", r->volume, id,
			reply->message && reply->message[0] ? reply->message :
			reply->result == E_NOTIMPL ? "its provider cannot do that" : vss_result_name(reply->result));
		return;
	}
	core_log(r->op.core, LOG_NOTICE, VSSD_MESSAGE_REVERT, &r->op.session_id, "%s is set back to shadow copy %s",
		 r->volume, id);
	revert = revert_note(r->op.core, r->volume, &provider->prop.provider_id);
	core_timer_stop(r->op.core, &revert->timer);
	revert->core = r->op.core;
	revert->snapshot = r->snapshot;
	revert->usec = VSSD_REVERT_POLL_USEC;
	sets_refresh(r->op.core, revert_known, r);
}

/* What goes with the volume's content of today. */
static size_t count_newer(struct vssd_core *core, const struct snapshot *than)
{
	const struct snapshot *snapshot;
	const struct set *set;
	size_t count = 0;

	TAILQ_FOREACH(set, &core->sets, link)
		TAILQ_FOREACH(snapshot, &set->snapshots, link)
			count += !snapshot->away &&
				 vss_uuid_equal(&snapshot->prop.provider_id, &than->prop.provider_id) &&
				 !strcmp(snapshot->prop.original_volume_name, than->prop.original_volume_name) &&
				 snapshot->prop.creation_time > than->prop.creation_time;
	return count;
}

/*
 * Newer copies go when the provider begins to write: with their exposures, not only when
 * somebody asks next.
 */
static void newer_known(void *arg)
{
	look_for_newer(arg);
}

static void newer_again(void *arg)
{
	struct revert *revert = arg;

	revert->timer = NULL;
	sets_refresh(revert->core, newer_known, revert->core);
}

static void look_for_newer(struct vssd_core *core)
{
	struct revert *revert;

	TAILQ_FOREACH(revert, &core->reverts, link) {
		const struct snapshot *snapshot = snapshot_find(core, &revert->snapshot);

		if (revert->timer || !snapshot || !count_newer(core, snapshot) || revert->usec > VSSD_REVERT_MOST_USEC)
			continue;
		revert->timer = core_timer(core, revert->usec, newer_again, revert);
		revert->usec *= 2;
	}
}

static void refuse_in_use(struct revert_op *r, const struct snapshot *snapshot)
{
	size_t newer = snapshot ? count_newer(r->op.core, snapshot) : 0;
	char also[96] = "";

	if (newer)
		snprintf(also, sizeof(also), "; %zu newer shadow %s of it will be deleted by the revert", newer,
			 newer == 1 ? "copy" : "copies");
	op_fail(&r->op, VSS_E_VOLUME_IN_USE, "%s is in use; unmount it, or force its dismount%s", r->volume, also);
}

static void revert_start(struct revert_op *r)
{
	struct snapshot *snapshot = snapshot_find(r->op.core, &r->snapshot);
	struct vssd_provider *provider = NULL;
	struct vssd_provider_request request = {
		.step = VSSD_STEP_REVERT,
		.snapshot = r->snapshot,
		.flag = r->force,
		.volume = r->volume,
	};

	if (snapshot)
		provider = provider_find(r->op.core, &snapshot->prop.provider_id);
	if (!provider) {
		op_fail(&r->op, VSS_E_OBJECT_NOT_FOUND, "the shadow copy or its provider has gone");
		return;
	}
	request.set = snapshot->set->id;
	provider_ask(provider, NULL, &request, revert_started, r);
}

static void revert_checked(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct revert_op *r = arg;

	(void)provider;
	if (reply->result == VSS_S_ASYNC_PENDING) {
		op_fail(&r->op, VSS_E_REVERT_IN_PROGRESS, "%s is being set back already", r->volume);
		return;
	}
	/* What an older one has left is made good by this one; if it is refused, that stays to be told. */
	if (VSS_FAILED(reply->result) && reply->message && reply->message[0])
		core_log(r->op.core, LOG_WARNING, VSSD_MESSAGE_REVERT, &r->op.session_id, "%s", reply->message);
	revert_forget(r->op.core, r->volume);
	revert_start(r);
}

static void revert_begin(void *arg)
{
	struct revert_op *r = arg;
	struct vssd_core *core = r->op.core;
	struct snapshot *snapshot = NULL;
	struct vssd_provider *provider;
	struct vssd_volume volume = { 0 };
	struct vss_error err = { 0 };
	const struct revert *revert;
	char id[VSS_UUID_TEXT_SIZE];

	if (r->op.session)
		snapshot = snapshot_find_visible(r->op.session, &r->snapshot);
	if (!snapshot) {
		op_fail(&r->op, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy %s that this session sees",
			vss_uuid_format(&r->snapshot, id));
		return;
	}
	if (snapshot_refuse_away(snapshot, &r->op))
		return;
	if (!vss_context_is_persistent(snapshot->set->context)) {
		op_fail(&r->op, VSS_E_UNSUPPORTED_CONTEXT, "a volume can be set back to persistent shadow copies only");
		return;
	}
	if (!core->volumes.resolve ||
	    VSS_FAILED(core->volumes.resolve(core->volumes.data, snapshot->prop.original_volume_name, &volume, &err))) {
		op_fail(&r->op, VSS_E_OBJECT_NOT_FOUND, "the volume %s is not here%s%s",
			snapshot->prop.original_volume_name, err.text[0] ? ": " : "", err.text);
		return;
	}
	/* Not by force either: what runs would see its files change below it. */
	if (core->volumes.is_system && core->volumes.is_system(core->volumes.data, volume.path)) {
		op_fail(&r->op, VSS_E_VOLUME_NOT_SUPPORTED,
			"the running system lies on %s, which cannot be set back below it; a root volume is set back at the "
			"next start by 'vssctl revert --at-boot'; else start another system and do it there, or restore files",
			volume.path);
		return;
	}
	r->volume = vssd_strdup(volume.path);
	/* Before the provider is asked: that counts as told where an older one left something to tell. */
	if (volume.in_use && !r->force) {
		refuse_in_use(r, snapshot);
		return;
	}
	/* One that an earlier life began goes on: only its provider knows of that. */
	revert = revert_find(core, r->volume);
	provider = provider_find(core, revert ? &revert->provider_id : &snapshot->prop.provider_id);
	if (provider) {
		struct vssd_provider_request request = { .step = VSSD_STEP_QUERY_REVERT, .volume = r->volume };

		provider_ask(provider, NULL, &request, revert_checked, r);
		return;
	}
	revert_start(r);
}

static void revert_refreshed(void *arg)
{
	struct revert_op *r = arg;

	core_when_loud(r->op.core, revert_begin, r);
}

void vssd_session_revert_to_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				     bool force, vssd_done done, void *data)
{
	struct revert_op *r = op_begin(session, sizeof(*r), MODE_BACKUP, done, data);

	if (!r)
		return;
	r->op.clear = revert_clear;
	r->snapshot = *snapshot;
	r->force = force;
	sets_refresh(session->core, revert_refreshed, r);
}

/* ---- QueryRevertStatus ---- */

struct status_op {
	struct op op;
	char *name;			/* as the requester gave it */
	struct vssd_volume volume;
	struct vss_uuid *providers;	/* that may be at it */
	size_t nr_providers;
	size_t next;
	struct vss_uuid polled;
	bool polling;
	struct vssd_timer *timer;
};

static void status_clear(struct op *op)
{
	struct status_op *s = (struct status_op *)op;

	core_timer_stop(op->core, &s->timer);
	free(s->providers);
	free(s->name);
}

static void status_ask(struct status_op *s);

static void status_poll(void *arg)
{
	struct status_op *s = arg;

	s->timer = NULL;
	status_ask(s);
}

static void status_told(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct status_op *s = arg;

	switch (reply->result) {
	case VSS_S_ASYNC_PENDING:
		revert_note(s->op.core, s->volume.path, &provider->prop.provider_id);
		if (!s->op.session) {
			op_done(&s->op);
			return;
		}
		session_progress(s->op.session, reply->value, "setting the volume back");
		s->polling = true;
		s->polled = provider->prop.provider_id;
		s->timer = core_timer(s->op.core, VSSD_REVERT_POLL_USEC, status_poll, s);
		return;
	case S_OK:
	case E_NOTIMPL:
	case VSS_E_OBJECT_NOT_FOUND:
		if (!s->polling) {
			status_ask(s);
			return;
		}
		revert_forget(s->op.core, s->volume.path);
		op_done(&s->op);
		return;
	default:
		revert_forget(s->op.core, s->volume.path);
		op_fail(&s->op, reply->result, "setting %s back has failed: %s", s->volume.path,
			reply->message && reply->message[0] ? reply->message : vss_result_name(reply->result));
	}
}

static void status_ask(struct status_op *s)
{
	struct vssd_provider_request request = { .step = VSSD_STEP_QUERY_REVERT, .volume = s->volume.path };
	struct vssd_provider *provider = NULL;

	if (s->polling) {
		provider = provider_find(s->op.core, &s->polled);
	} else {
		while (!provider && s->next < s->nr_providers)
			provider = provider_find(s->op.core, &s->providers[s->next++]);
	}
	if (provider) {
		provider_ask(provider, NULL, &request, status_told, s);
		return;
	}
	revert_forget(s->op.core, s->volume.path);
	op_done(&s->op);
}

static void status_begin(void *arg)
{
	struct status_op *s = arg;
	struct vssd_core *core = s->op.core;
	const struct vssd_provider *provider;
	struct vss_error err = { 0 };
	size_t count = 0;
	vss_result result;

	result = core->volumes.resolve ?
		 core->volumes.resolve(core->volumes.data, s->name, &s->volume, &err) : VSS_E_OBJECT_NOT_FOUND;
	if (VSS_FAILED(result)) {
		op_fail(&s->op, result, "%s", err.text[0] ? err.text : "there is no such volume");
		return;
	}
	TAILQ_FOREACH(provider, &core->providers, link)
		count++;
	s->providers = vssd_alloc((count + 1) * sizeof(*s->providers));
	TAILQ_FOREACH(provider, &core->providers, link)
		s->providers[s->nr_providers++] = provider->prop.provider_id;
	status_ask(s);
}

void vssd_session_query_revert_status(struct vssd_session *session, const char *volume, vssd_done done, void *data)
{
	struct status_op *s = op_begin(session, sizeof(*s), MODE_BACKUP, done, data);

	if (!s)
		return;
	s->op.clear = status_clear;
	if (!volume) {
		op_fail(&s->op, VSS_E_OBJECT_NOT_FOUND, "there is no such volume");
		return;
	}
	s->name = vssd_strdup(volume);
	core_when_loud(session->core, status_begin, s);
}

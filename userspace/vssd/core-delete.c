// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deleting shadow copies: asked for, or because nobody is left who wants them.
 */
#include <stdlib.h>

#include "core-internal.h"

/* ---- DeleteSnapshots ---- */

struct delete_op {
	struct op op;
	bool force;
	struct vss_uuid *ids;
	size_t nr_ids;
	size_t next;
	int32_t deleted;
	struct vss_uuid asked;
	enum vss_object_type type;
};

static void delete_clear(struct op *op)
{
	free(((struct delete_op *)op)->ids);
}

static void delete_next(void *arg);

static void delete_failed(struct delete_op *d, vss_result result, const char *message)
{
	struct vssd_reply reply = { .result = result, .deleted = d->deleted, .id = d->ids[d->next] };
	char id[VSS_UUID_TEXT_SIZE];

	core_error(&reply.error, result, "shadow copy %s was not deleted: %s", vss_uuid_format(&reply.id, id),
		   message && message[0] ? message : vss_result_name(result));
	op_finish(&d->op, &reply);
}

static void snapshot_deleted(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct delete_op *d = arg;
	struct snapshot *snapshot = snapshot_find(d->op.core, &d->ids[d->next]);
	char id[VSS_UUID_TEXT_SIZE];

	(void)provider;
	if (VSS_FAILED(reply->result) && reply->result != VSS_E_OBJECT_NOT_FOUND) {
		delete_failed(d, reply->result, reply->message);
		return;
	}
	/* It may be where nobody looks: the next to ask for what there is finds out. */
	if (snapshot && reply->result == VSS_E_OBJECT_NOT_FOUND && snapshot_may_be_away(snapshot)) {
		delete_failed(d, reply->result, "its provider does not have it; it may be in a persistent diff area that is "
			      "not loaded");
		return;
	}
	if (snapshot) {
		struct set *set = snapshot->set;

		core_log(d->op.core, LOG_INFO, VSSD_MESSAGE_SET_DELETED, &d->op.session_id,
			 "shadow copy %s of %s was %s", vss_uuid_format(&snapshot->prop.snapshot_id, id),
			 snapshot->prop.original_volume_name,
			 snapshot->away ? "forgotten, and not deleted, for it is not available" : "deleted");
		snapshot_remove(snapshot);
		if (set->nr_snapshots)
			record_touch(set);
		else
			set_remove(set);
	}
	if (reply->result == VSS_E_OBJECT_NOT_FOUND) {
		delete_failed(d, reply->result, "it had gone before");
		return;
	}
	d->deleted++;
	d->next++;
	core_when_loud(d->op.core, delete_next, d);
}

/* One that is away cannot be deleted, only forgotten. */
static void delete_away(struct delete_op *d, struct snapshot *snapshot)
{
	static const struct vssd_provider_reply done = { .result = S_OK };
	struct vss_error err;

	if (!d->force) {
		core_error(&err, VSS_E_PROVIDER_VETO, "it is not available: %s; with force it is forgotten, not deleted",
			   snapshot->away);
		delete_failed(d, VSS_E_PROVIDER_VETO, err.text);
		return;
	}
	snapshot_deleted(d, NULL, &done);
}

/* Clients do not know that they stand in the way; only a file that one has open does. */
static bool refuse_exposed(struct delete_op *d, const struct snapshot *snapshot)
{
	if (!snapshot->prop.exposed_name || d->force ||
	    (snapshot->set->context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE))
		return false;
	delete_failed(d, VSS_E_PROVIDER_VETO, "it is exposed; unexpose it first, or use force");
	return true;
}

static void delete_next(void *arg)
{
	struct vssd_provider_request request = { .step = VSSD_STEP_DELETE };
	struct vssd_provider *provider;
	struct delete_op *d = arg;
	struct snapshot *snapshot;
	struct vss_error err = { 0 };

	if (d->next == d->nr_ids) {
		struct vssd_reply reply = { .result = S_OK, .deleted = d->deleted };

		op_finish(&d->op, &reply);
		return;
	}
	snapshot = snapshot_find(d->op.core, &d->ids[d->next]);
	if (!snapshot || snapshot->set->state != SET_CREATED) {
		delete_failed(d, VSS_E_OBJECT_NOT_FOUND, "it has gone");
		return;
	}
	if (snapshot->away) {
		delete_away(d, snapshot);
		return;
	}
	if (refuse_exposed(d, snapshot))
		return;
	provider = provider_find(d->op.core, &snapshot->prop.provider_id);
	if (!provider) {
		delete_failed(d, VSS_E_PROVIDER_NOT_REGISTERED, "its provider is not registered");
		return;
	}
	if (!snapshot_unexpose(snapshot, d->force, &err)) {
		delete_failed(d, VSS_E_PROVIDER_VETO, err.text);
		return;
	}
	request.snapshot = d->ids[d->next];
	request.set = snapshot->set->id;
	request.flag = d->force;
	provider_ask(provider, NULL, &request, snapshot_deleted, d);
}

/* Without force all of a set, or none, as far as it can be told before.  True: it is refused. */
static bool refuse_set(struct delete_op *d, const struct set *set)
{
	struct snapshot *snapshot;

	d->next = 0;
	TAILQ_FOREACH(snapshot, &set->snapshots, link) {
		if (snapshot->away) {
			delete_away(d, snapshot);
			return true;
		}
		if (refuse_exposed(d, snapshot))
			return true;
		d->next++;
	}
	d->next = 0;
	return false;
}

/* Its maker may also delete a set that is to travel, which nobody sees here. */
static bool may_delete(const struct set *set, const struct vssd_session *session)
{
	return set_visible(set, session) || (set->state == SET_CREATED && set->owner == session);
}

static void delete_begin(void *arg)
{
	struct delete_op *d = arg;
	struct snapshot *snapshot = NULL;
	char id[VSS_UUID_TEXT_SIZE];
	struct set *set = NULL;

	if (d->op.session && d->type == VSS_OBJECT_SNAPSHOT) {
		snapshot = snapshot_find(d->op.core, &d->asked);
		if (snapshot && !may_delete(snapshot->set, d->op.session))
			snapshot = NULL;
	} else if (d->op.session) {
		set = set_find(d->op.core, &d->asked);
		if (set && !may_delete(set, d->op.session))
			set = NULL;
	}
	if (!snapshot && !set) {
		struct vssd_reply reply = { .result = VSS_E_OBJECT_NOT_FOUND, .id = d->asked };

		core_error(&reply.error, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy%s %s that this session sees",
			   d->type == VSS_OBJECT_SNAPSHOT ? "" : " set", vss_uuid_format(&d->asked, id));
		op_finish(&d->op, &reply);
		return;
	}
	d->ids = vssd_alloc((set ? set->nr_snapshots : 1) * sizeof(*d->ids));
	if (set)
		TAILQ_FOREACH(snapshot, &set->snapshots, link)
			d->ids[d->nr_ids++] = snapshot->prop.snapshot_id;
	else
		d->ids[d->nr_ids++] = d->asked;
	if (!set || d->force || !refuse_set(d, set))
		core_when_loud(d->op.core, delete_next, d);
}

void vssd_session_delete_snapshots(struct vssd_session *session, const struct vss_uuid *id,
				   enum vss_object_type type, bool force, vssd_done done, void *data)
{
	struct delete_op *d = op_begin(session, sizeof(*d), MODE_BACKUP, done, data);

	if (!d)
		return;
	d->op.clear = delete_clear;
	d->asked = *id;
	d->type = type;
	d->force = force;
	if (type != VSS_OBJECT_SNAPSHOT && type != VSS_OBJECT_SNAPSHOT_SET) {
		op_fail(&d->op, E_INVALIDARG, "a shadow copy or a set of them can be deleted, nothing else");
		return;
	}
	sets_refresh(session->core, delete_begin, d);
}

/* ---- sets that nobody wants any more ---- */

struct release_op {
	struct op op;
	struct vss_uuid set;
	struct vss_uuid *providers;	/* that have to undo it first */
	size_t nr_providers;
	size_t next_provider;
	struct vss_uuid snapshot;	/* the one being deleted */
	bool failed;
};

static void release_clear(struct op *op)
{
	free(((struct release_op *)op)->providers);
}

static void release_next(void *arg);

static void release_undone(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	(void)provider;
	(void)reply;	/* a provider that knows nothing of it has nothing to undo */
	release_next(arg);
}

static void release_failed(struct release_op *r, struct snapshot *snapshot, const char *why)
{
	char id[VSS_UUID_TEXT_SIZE];

	snapshot->set->releasing = false;
	core_log(r->op.core, LOG_ERR, VSSD_MESSAGE_SET_DELETED, NULL,
		 "shadow copy %s of %s could not be deleted, which is tried again when a session ends "
		 "and when vssd starts: %s", vss_uuid_format(&snapshot->prop.snapshot_id, id), snapshot->prop.original_volume_name, why);
	op_done(&r->op);
}

static void release_deleted(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct release_op *r = arg;
	struct snapshot *snapshot = snapshot_find(r->op.core, &r->snapshot);

	(void)provider;
	if (VSS_FAILED(reply->result) && reply->result != VSS_E_OBJECT_NOT_FOUND && snapshot) {
		release_failed(r, snapshot, reply->message && reply->message[0] ? reply->message :
			       vss_result_name(reply->result));
		return;
	}
	if (snapshot)
		snapshot_remove(snapshot);
	core_when_loud(r->op.core, release_next, r);
}

static void release_next(void *arg)
{
	struct vssd_provider_request request = { .step = VSSD_STEP_DELETE, .flag = true };
	struct release_op *r = arg;
	struct set *set = set_find(r->op.core, &r->set);
	struct vssd_provider *provider;
	struct snapshot *snapshot;
	struct vss_error err = { 0 };
	char id[VSS_UUID_TEXT_SIZE];

	while (set && r->next_provider < r->nr_providers) {
		provider = provider_find(r->op.core, &r->providers[r->next_provider++]);
		if (provider) {
			provider_abort(provider, NULL, &set->id, release_undone, r);
			return;
		}
	}
	if (!set || TAILQ_EMPTY(&set->snapshots)) {
		if (set) {
			core_log(r->op.core, LOG_INFO, VSSD_MESSAGE_SET_DELETED, &set->session,
				 "shadow copy set %s was released", vss_uuid_format(&set->id, id));
			set_remove(set);
		}
		op_done(&r->op);
		return;
	}
	snapshot = TAILQ_FIRST(&set->snapshots);
	provider = provider_find(r->op.core, &snapshot->prop.provider_id);
	if (!provider) {
		release_failed(r, snapshot, "its provider is not registered");
		return;
	}
	if (!snapshot_unexpose(snapshot, true, &err)) {
		release_failed(r, snapshot, err.text);
		return;
	}
	r->snapshot = snapshot->prop.snapshot_id;
	request.snapshot = r->snapshot;
	request.set = set->id;
	provider_ask(provider, NULL, &request, release_deleted, r);
}

void set_release(struct set *set)
{
	struct release_op *r = op_begin_alone(set->core, sizeof(*r));
	const struct snapshot *snapshot;

	r->op.clear = release_clear;
	r->set = set->id;
	set->state = SET_DOOMED;
	set->releasing = true;
	if (set->undo) {
		r->providers = vssd_alloc((set->nr_snapshots + 1) * sizeof(*r->providers));
		TAILQ_FOREACH(snapshot, &set->snapshots, link) {
			size_t i;

			for (i = 0; i < r->nr_providers; i++)
				if (vss_uuid_equal(&r->providers[i], &snapshot->prop.provider_id))
					break;
			if (i == r->nr_providers)
				r->providers[r->nr_providers++] = snapshot->prop.provider_id;
		}
	}
	core_when_loud(set->core, release_next, r);
}

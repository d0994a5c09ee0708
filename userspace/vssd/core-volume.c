// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions about a volume, and AddToSnapshotSet: which provider takes it?
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

enum volume_what { VOLUME_ADD, VOLUME_SUPPORTED, VOLUME_SNAPSHOTTED };

struct volume_op {
	struct op op;
	enum volume_what what;
	char *name;			/* as the requester gave it */
	struct vss_uuid wanted;		/* provider; null for any */
	struct vssd_volume volume;
	uint32_t context;
	bool named;			/* by the requester */
	struct vss_uuid *candidates;	/* providers, best first */
	size_t nr_candidates;
	size_t next;
	struct vss_uuid set;
	struct vss_uuid snapshot;
	bool present;
	uint32_t compatibility;
	char *why;			/* a provider did not take it; NULL for no reason given */
};

static void volume_clear(struct op *op)
{
	free(((struct volume_op *)op)->candidates);
	free(((struct volume_op *)op)->name);
	free(((struct volume_op *)op)->why);
}

/* ---- who is asked ---- */

static bool only_system(uint32_t context)
{
	return context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE;
}

static void add_candidates(struct volume_op *v, enum vss_provider_type type)
{
	const struct vssd_provider *provider;

	TAILQ_FOREACH(provider, &v->op.core->providers, link)
		if (provider->prop.provider_type == type)
			v->candidates[v->nr_candidates++] = provider->prop.provider_id;
}

/* False and the caller is answered. */
static bool choose_candidates(struct volume_op *v)
{
	const struct vss_uuid *wanted = &v->wanted;
	const struct vssd_provider *provider;
	char id[VSS_UUID_TEXT_SIZE];
	size_t count = 0;

	TAILQ_FOREACH(provider, &v->op.core->providers, link)
		count++;
	v->candidates = vssd_alloc((count + 1) * sizeof(*v->candidates));
	if (vss_uuid_is_null(wanted)) {
		if (!only_system(v->context) || v->what == VOLUME_SNAPSHOTTED) {
			add_candidates(v, VSS_PROV_HARDWARE);
			add_candidates(v, VSS_PROV_SOFTWARE);
		}
		add_candidates(v, VSS_PROV_SYSTEM);
		return true;
	}
	provider = provider_find(v->op.core, wanted);
	if (!provider) {
		op_fail(&v->op, VSS_E_PROVIDER_NOT_REGISTERED, "there is no provider %s",
			vss_uuid_format(wanted, id));
		return false;
	}
	if (v->what == VOLUME_ADD && only_system(v->context) && provider->prop.provider_type != VSS_PROV_SYSTEM) {
		op_fail(&v->op, VSS_E_UNSUPPORTED_CONTEXT,
			"client-accessible shadow copies are made by the system provider only");
		return false;
	}
	v->named = true;
	v->candidates[v->nr_candidates++] = *wanted;
	return true;
}

/* ---- asking ---- */

static void ask_next(struct volume_op *v);

static void nobody_takes_it(struct volume_op *v)
{
	struct vssd_reply reply = { .result = S_OK };

	if (v->what != VOLUME_ADD) {
		reply.flag = v->present;
		reply.value = v->compatibility;
		op_finish(&v->op, &reply);
	} else if (v->named) {
		op_fail(&v->op, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER,
			"the provider named does not take %s with this context%s%s", v->volume.path,
			v->why ? ": " : "", v->why ? v->why : "");
	} else {
		op_fail(&v->op, VSS_E_VOLUME_NOT_SUPPORTED,
			"no provider takes %s with this context%s%s", v->volume.path,
			v->why ? ": " : "", v->why ? v->why : "");
	}
}

static void failed(struct volume_op *v, const struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	op_fail(&v->op, reply->result, "provider \"%s\" refused %s: %s", provider->prop.provider_name,
		v->volume.path, reply->message && reply->message[0] ? reply->message :
		vss_result_name(reply->result));
}

/* The first provider's reason is that of the one that would have been taken. */
static void remember_why(struct volume_op *v, const struct vssd_provider *provider,
			 const struct vssd_provider_reply *reply)
{
	if (!v->why && reply->message && reply->message[0])
		v->why = vssd_printf("provider \"%s\" says that %s", provider->prop.provider_name, reply->message);
}

/* Is the set that it is to be added to still the one in creation? */
static bool set_given_up(const struct volume_op *v)
{
	const struct vssd_session *session = v->op.session;

	return v->what == VOLUME_ADD &&
	       (!session || !session->set || !vss_uuid_equal(&session->set->id, &v->set));
}

static void begun(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct volume_op *v = arg;
	struct vssd_session *session = v->op.session;
	struct vssd_reply answer = { .result = S_OK, .id = v->snapshot };
	struct snapshot *snapshot;

	/* Its set has been given up meanwhile: the next set tells the provider. */
	if (set_given_up(v)) {
		op_fail(&v->op, E_ABORT, "the shadow copy set was given up");
		return;
	}
	switch (reply->result) {
	case S_OK:
		break;
	case VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER:
	case VSS_E_UNSUPPORTED_CONTEXT:
		if (!v->named) {
			ask_next(v);
			return;
		}
		/* fall through */
	default:
		failed(v, provider, reply);
		return;
	}
	snapshot = set_add(session->set, &v->snapshot, &provider->prop.provider_id, v->volume.path);
	snapshot->filesystem = vssd_strdup(v->volume.fs_uuid);
	snapshot->size = v->volume.size;
	op_finish(&v->op, &answer);
}

static void told(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct volume_op *v = arg;
	struct vssd_provider_request request = {
		.step = VSSD_STEP_BEGIN_PREPARE,
		.context = v->context,
		.volume = v->volume.path,
	};

	if (v->what == VOLUME_SNAPSHOTTED) {
		if (reply->result == S_OK && reply->present) {
			v->present = true;
			v->compatibility |= reply->value;
		} else if (v->named && VSS_FAILED(reply->result)) {
			failed(v, provider, reply);
			return;
		}
		ask_next(v);
		return;
	}
	/* To begin it now would end the set that somebody else has begun since. */
	if (set_given_up(v)) {
		op_fail(&v->op, E_ABORT, "the shadow copy set was given up");
		return;
	}
	switch (reply->result) {
	case S_OK:
		break;
	case S_FALSE:
	case VSS_E_UNSUPPORTED_CONTEXT:
	case VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER:
		remember_why(v, provider, reply);
		ask_next(v);
		return;
	case VSS_E_NESTED_VOLUME_LIMIT:
		failed(v, provider, reply);
		return;
	default:
		/* One that fails is no reason not to ask the others; but if none takes it, it is to be told. */
		if (v->named) {
			failed(v, provider, reply);
			return;
		}
		remember_why(v, provider, reply);
		ask_next(v);
		return;
	}
	if (v->what == VOLUME_SUPPORTED) {
		v->present = true;
		nobody_takes_it(v);
		return;
	}
	if (vss_uuid_generate(&v->snapshot) < 0) {
		op_fail(&v->op, VSS_E_UNEXPECTED, "the kernel gave no random bytes for an id");
		return;
	}
	request.set = v->set;
	request.snapshot = v->snapshot;
	provider_ask(provider, NULL, &request, begun, v);
}

static void ask_next(struct volume_op *v)
{
	struct vssd_provider_request request = {
		.step = v->what == VOLUME_SNAPSHOTTED ? VSSD_STEP_IS_VOLUME_SNAPSHOTTED :
							VSSD_STEP_IS_VOLUME_SUPPORTED,
		.context = v->context,
		.volume = v->volume.path,
	};

	while (v->next < v->nr_candidates) {
		struct vssd_provider *provider = provider_find(v->op.core, &v->candidates[v->next++]);

		if (!provider)
			continue;
		provider_ask(provider, NULL, &request, told, v);
		return;
	}
	nobody_takes_it(v);
}

/* ---- AddToSnapshotSet ---- */

static unsigned int client_accessible_copies(struct vssd_core *core, const char *volume)
{
	const struct snapshot *snapshot;
	const struct set *set;
	unsigned int count = 0;

	TAILQ_FOREACH(set, &core->sets, link) {
		if (!(set->context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE))
			continue;
		TAILQ_FOREACH(snapshot, &set->snapshots, link)
			if (!snapshot->away && !strcmp(snapshot->prop.original_volume_name, volume))
				count++;
	}
	return count;
}

/* False and the caller is answered. */
static bool fits_set(struct volume_op *v, struct set *set)
{
	const struct vssd_volumes *volumes = &v->op.core->volumes;
	const struct snapshot *snapshot;

	TAILQ_FOREACH(snapshot, &set->snapshots, link)
		if (!strcmp(snapshot->prop.original_volume_name, v->volume.path)) {
			op_fail(&v->op, VSS_E_OBJECT_ALREADY_EXISTS, "%s is in the set already", v->volume.path);
			return false;
		}
	if (set->nr_snapshots >= VSSD_MAX_VOLUMES) {
		op_fail(&v->op, VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED,
			"the set has %d volumes, which is the most", VSSD_MAX_VOLUMES);
		return false;
	}
	TAILQ_FOREACH(snapshot, &set->snapshots, link) {
		const char *other = snapshot->prop.original_volume_name;

		if (!volumes->is_nested || (!volumes->is_nested(volumes->data, v->volume.path, other) &&
					    !volumes->is_nested(volumes->data, other, v->volume.path)))
			continue;
		op_fail(&v->op, VSS_E_NESTED_VOLUME_LIMIT,
			"%s and %s, which is in the set, lie one on the other; leave one of them out",
			v->volume.path, other);
		return false;
	}
	if (only_system(v->context) &&
	    client_accessible_copies(v->op.core, v->volume.path) >= VSSD_MAX_CLIENT_ACCESSIBLE) {
		op_fail(&v->op, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
			"%s has %d client-accessible shadow copies, which is the most; delete some",
			v->volume.path, VSSD_MAX_CLIENT_ACCESSIBLE);
		return false;
	}
	return true;
}

/* ---- beginning ---- */

static void volume_resolve(void *arg)
{
	struct volume_op *v = arg;
	struct vssd_core *core = v->op.core;
	struct vss_error err = { 0 };
	vss_result result;

	if (!core->volumes.resolve) {
		op_fail(&v->op, VSS_E_OBJECT_NOT_FOUND, "there is no volume %s", v->name);
		return;
	}
	result = core->volumes.resolve(core->volumes.data, v->name, &v->volume, &err);
	if (VSS_FAILED(result)) {
		err.result = result;
		op_fail_error(&v->op, &err);
		return;
	}
	if (v->what == VOLUME_ADD && !fits_set(v, v->op.session->set))
		return;
	if (choose_candidates(v))
		ask_next(v);
}

static void volume_begin(struct vssd_session *session, enum volume_what what, const char *volume,
			 const struct vss_uuid *provider, vssd_done done, void *data)
{
	struct volume_op *v = op_begin(session, sizeof(*v), MODE_BACKUP, done, data);

	if (!v)
		return;
	v->op.clear = volume_clear;
	v->what = what;
	/* Any context will do for a question of administration. */
	v->context = session->context == VSS_CTX_ALL ? VSS_CTX_BACKUP : session->context;
	if (what == VOLUME_ADD && session->stage != STAGE_OPEN) {
		op_fail(&v->op, VSS_E_BAD_STATE, "AddToSnapshotSet comes after StartSnapshotSet and before DoSnapshotSet");
		return;
	}
	if (!volume || !volume[0]) {
		op_fail(&v->op, E_INVALIDARG, "the call needs a volume");
		return;
	}
	v->set = session->set_id;
	v->name = vssd_strdup(volume);
	if (provider)
		v->wanted = *provider;
	/* Never with a volume to add: whose set is open has the only one in creation. */
	core_when_loud(session->core, volume_resolve, v);
}

void vssd_session_is_volume_supported(struct vssd_session *session, const struct vss_uuid *provider,
				      const char *volume, vssd_done done, void *data)
{
	volume_begin(session, VOLUME_SUPPORTED, volume, provider, done, data);
}

void vssd_session_is_volume_snapshotted(struct vssd_session *session, const struct vss_uuid *provider,
					const char *volume, vssd_done done, void *data)
{
	volume_begin(session, VOLUME_SNAPSHOTTED, volume, provider, done, data);
}

void vssd_session_add_to_snapshot_set(struct vssd_session *session, const char *volume,
				      const struct vss_uuid *provider, vssd_done done, void *data)
{
	volume_begin(session, VOLUME_ADD, volume, provider, done, data);
}

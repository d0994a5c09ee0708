// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUN resynchronization (RecoverSet): an array gives the LUNs of original volumes the
 * content of transported shadow copies.
 *
 * A session collects shadow copies of its document; RecoverSet takes the collection over
 * and asks the provider of each once, with all its LUNs.  One at a time on a machine,
 * and not beside an import: both make disks read-only and take that back.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct recovery_set {
	struct vss_set_description description;
	bool *chosen;		/* by member */
	size_t nr_chosen;
};

void recovery_set_free(struct recovery_set *recovery)
{
	if (!recovery)
		return;
	vss_set_description_clear(&recovery->description);
	free(recovery->chosen);
	free(recovery);
}

/* ---- AddSnapshotToRecoverySet ---- */

static vss_result load(struct vssd_session *session, const char *document, struct vss_error *err)
{
	struct vss_set_description description = { 0 };
	vss_result result = transported_set(document, &description, err);
	struct recovery_set *recovery = session->recovery;

	if (VSS_FAILED(result))
		return result;
	if (recovery) {
		bool same = vss_uuid_equal(&recovery->description.set_id, &description.set_id);

		vss_set_description_clear(&description);
		return same ? S_OK : core_error(err, E_INVALIDARG, "the document is of another set than that of the "
						"shadow copies that were added before");
	}
	recovery = vssd_alloc(sizeof(*recovery));
	recovery->description = description;
	recovery->chosen = vssd_alloc((description.nr_members + 1) * sizeof(*recovery->chosen));
	session->recovery = recovery;
	return S_OK;
}

/* Content goes back to where it came from: the name must be that volume's. */
static vss_result check_destination(const struct vssd_core *core, const struct vss_set_member *member,
				    const char *destination, struct vss_error *err)
{
	const char *original = member->prop.original_volume_name ? member->prop.original_volume_name : "";
	struct vssd_volume volume = { 0 }, named = { 0 };

	if (!destination || !strcmp(destination, original))
		return S_OK;
	if (core->volumes.resolve &&
	    !VSS_FAILED(core->volumes.resolve(core->volumes.data, destination, &named, NULL)) &&
	    !VSS_FAILED(core->volumes.resolve(core->volumes.data, original, &volume, NULL)) &&
	    !strcmp(named.path, volume.path))
		return S_OK;
	return core_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "the content of a shadow copy of %s can be given back to that "
			  "volume only, not to %s; import and break the copy to have it elsewhere", original, destination);
}

/* Only an array can do it; that it cannot is told by RecoverSet. */
static vss_result check_member(struct vssd_core *core, const struct vss_set_member *member, struct vss_error *err)
{
	const struct vssd_provider *provider = provider_find(core, &member->prop.provider_id);
	char id[VSS_UUID_TEXT_SIZE];

	if (provider && provider->prop.provider_type == VSS_PROV_HARDWARE && member->nr_luns)
		return S_OK;
	return core_error(err, VSS_E_OBJECT_NOT_FOUND, "no hardware provider of this machine owns shadow copy %s of %s; see "
			  "'vssctl list providers' and vssd.conf(5), Provider=",
			  vss_uuid_format(&member->prop.snapshot_id, id),
			  member->prop.original_volume_name ? member->prop.original_volume_name : "?");
}

static vss_result busy(const struct vssd_core *core, struct vss_error *err)
{
	if (core->resyncing)
		return core_error(err, VSS_E_RESYNC_IN_PROGRESS, "LUNs are being resynchronized already; try again later");
	return S_OK;
}

vss_result vssd_session_add_snapshot_to_recovery_set(struct vssd_session *session, const char *document,
						     const struct vss_uuid *snapshot, const char *destination,
						     struct vss_error *err)
{
	struct vssd_core *core = session->core;
	struct recovery_set *recovery;
	char id[VSS_UUID_TEXT_SIZE];
	vss_result result;

	if (session->mode != MODE_RESTORE)
		return core_bad_state(err, "AddSnapshotToRecoverySet needs a session that is initialized for a restore");
	if (session->op)
		return core_bad_state(err, "another call of this session is under way; wait for it");
	if (vss_uuid_is_null(snapshot))
		return core_error(err, E_INVALIDARG, "AddSnapshotToRecoverySet needs the identifier of a shadow copy");
	result = busy(core, err);
	if (result == S_OK)
		result = load(session, document, err);
	if (result != S_OK)
		return result;
	recovery = session->recovery;
	for (size_t i = 0; i < recovery->description.nr_members; i++) {
		const struct vss_set_member *member = &recovery->description.members[i];

		if (!vss_uuid_equal(&member->prop.snapshot_id, snapshot))
			continue;
		result = check_member(core, member, err);
		if (result == S_OK)
			result = check_destination(core, member, destination, err);
		if (result == S_OK && !recovery->chosen[i]) {
			recovery->chosen[i] = true;
			recovery->nr_chosen++;
		}
		return result;
	}
	return core_error(err, VSS_E_SNAPSHOT_NOT_IN_SET, "the document has no shadow copy %s",
			  vss_uuid_format(snapshot, id));
}

/* ---- RecoverSet ---- */

struct resync_op {
	struct op op;
	struct recovery_set *recovery;
	uint32_t flags;
	size_t next;
	struct vss_lun_mapping *luns;	/* of one provider; borrowed from the description */
	size_t nr_luns;
	size_t done;			/* providers */
};

static void resync_clear(struct op *op)
{
	struct resync_op *r = (struct resync_op *)op;

	if (op->core->resyncing == op)
		op->core->resyncing = NULL;
	if (op->core->importing == op)
		op->core->importing = NULL;
	recovery_set_free(r->recovery);
	free(r->luns);
}

/* What was chosen of a provider, each volume's LUNs with their extents. */
static void collect(struct resync_op *r, const struct vss_uuid *provider)
{
	const struct vss_set_description *set = &r->recovery->description;
	size_t count = 0;

	free(r->luns);
	r->nr_luns = 0;
	for (size_t i = 0; i < set->nr_members; i++)
		count += set->members[i].nr_luns;
	r->luns = vssd_alloc((count + 1) * sizeof(*r->luns));
	for (size_t i = 0; i < set->nr_members; i++)
		for (size_t l = 0; r->recovery->chosen[i] && l < set->members[i].nr_luns &&
		     vss_uuid_equal(&set->members[i].prop.provider_id, provider); l++)
			r->luns[r->nr_luns++] = set->members[i].luns[l];
}

static bool was_asked(const struct resync_op *r, size_t member)
{
	const struct vss_set_description *set = &r->recovery->description;

	for (size_t i = 0; i < member; i++)
		if (r->recovery->chosen[i] &&
		    vss_uuid_equal(&set->members[i].prop.provider_id, &set->members[member].prop.provider_id))
			return true;
	return false;
}

static void resync_next(struct resync_op *r);

static void resynced(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	const char *so_far = "no LUN was changed by another provider";
	struct resync_op *r = arg;

	if (reply->result == S_OK) {
		r->done++;
		resync_next(r);
		return;
	}
	if (r->done)
		so_far = "LUNs of other providers were resynchronized before";
	op_fail(&r->op, reply->result, "provider \"%s\" did not resynchronize the LUNs: %s; %s",
		provider->prop.provider_name,
		reply->result == E_NOTIMPL ? "it cannot do that; 'vssctl recover' brings volumes back in another way" :
		reply->message && reply->message[0] ? reply->message : vss_result_name(reply->result), so_far);
}

static void resync_next(struct resync_op *r)
{
	const struct vss_set_description *set = &r->recovery->description;

	/* Nobody wants it any more, and nothing has been changed yet. */
	if (!r->op.session && !r->done) {
		op_fail(&r->op, E_ABORT, "the requester has gone");
		return;
	}
	while (r->next < set->nr_members) {
		size_t i = r->next++;
		struct vssd_provider_request request = { .step = VSSD_STEP_RESYNC, .set = set->set_id, .context = r->flags };
		struct vssd_provider *provider;

		if (!r->recovery->chosen[i] || was_asked(r, i))
			continue;
		provider = provider_find(r->op.core, &set->members[i].prop.provider_id);
		if (!provider) {
			op_fail(&r->op, VSS_E_PROVIDER_NOT_REGISTERED, "the provider of the copy of %s has gone",
				set->members[i].prop.original_volume_name);
			return;
		}
		collect(r, &set->members[i].prop.provider_id);
		request.luns = r->luns;
		request.nr_luns = r->nr_luns;
		provider_ask(provider, NULL, &request, resynced, r);
		return;
	}
	core_log(r->op.core, LOG_NOTICE, VSSD_MESSAGE_REVERT, &r->op.session_id,
		 "the LUNs of %zu volumes were given the content of their shadow copies", r->recovery->nr_chosen);
	op_done(&r->op);
}

static void resync_begin(void *arg)
{
	resync_next(arg);
}

void vssd_session_recover_set(struct vssd_session *session, uint32_t flags, vssd_done done, void *data)
{
	struct resync_op *r = op_begin(session, sizeof(*r), MODE_RESTORE, done, data);
	struct vssd_core *core = session->core;
	struct vss_error err = { 0 };

	if (!r)
		return;
	r->op.clear = resync_clear;
	if (flags & ~(VSS_RECOVERY_REVERT_IDENTITY_ALL | VSS_RECOVERY_NO_VOLUME_CHECK)) {
		op_fail(&r->op, E_INVALIDARG, "RecoverSet does not know all the flags in 0x%x", flags);
		return;
	}
	if (!session->recovery || !session->recovery->nr_chosen) {
		op_fail(&r->op, VSS_E_BAD_STATE, "no shadow copy was added to the recovery set; call "
			"AddSnapshotToRecoverySet first");
		return;
	}
	if (busy(core, &err) != S_OK) {
		op_fail_error(&r->op, &err);
		return;
	}
	if (core->importing) {
		op_fail(&r->op, VSS_E_SNAPSHOT_SET_IN_PROGRESS, "an import is under way; try again later");
		return;
	}
	core->resyncing = &r->op;
	/* Imports look at this alone. */
	core->importing = &r->op;
	r->flags = flags;
	r->recovery = session->recovery;
	session->recovery = NULL;
	core_when_loud(core, resync_begin, r);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BreakSnapshotSet: shadow copies become ordinary volumes, which vssd forgets.
 */
#include <string.h>

#include "core-internal.h"

struct break_op {
	struct op op;
	struct vss_uuid set;
	uint32_t flags;
	struct vss_uuid provider;
};

#define BREAK_FLAGS	(VSS_BREAKEX_FLAG_MASK_LUNS | VSS_BREAKEX_FLAG_MAKE_READ_WRITE | \
			 VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE)
#define BREAK_IDENTITY	(VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE)

/* An identity may not be had twice. */
static bool original_present(const struct vssd_core *core, const struct snapshot *snapshot)
{
	struct vssd_volume volume = { 0 };

	/* Names are those of the machine that made the copy; LUNs are the same everywhere. */
	if (snapshot->nr_originals && core->volumes.is_lun_here) {
		for (size_t i = 0; i < snapshot->nr_originals; i++)
			if (core->volumes.is_lun_here(core->volumes.data, &snapshot->originals[i]))
				return true;
		return false;
	}
	if (!core->volumes.resolve ||
	    VSS_FAILED(core->volumes.resolve(core->volumes.data, snapshot->prop.original_volume_name, &volume, NULL)))
		return false;
	/* Another volume may have got the name meanwhile. */
	return !snapshot->filesystem || !snapshot->filesystem[0] || !volume.fs_uuid[0] ||
	       !strcmp(snapshot->filesystem, volume.fs_uuid);
}

static void break_next(struct break_op *b);

static void broken(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct break_op *b = arg;
	struct set *set = set_find(b->op.core, &b->set);
	struct snapshot *snapshot, *next;
	vss_result result = reply->result;

	if (result != S_OK) {
		/* Only an array can make volumes out of its copies. */
		if (result == E_NOTIMPL)
			result = VSS_E_PROVIDER_VETO;
		op_fail(&b->op, result, "provider \"%s\" cannot break the set: %s", provider->prop.provider_name,
			reply->message && reply->message[0] ? reply->message : vss_result_name(result));
		return;
	}
	if (set) {
		for (snapshot = TAILQ_FIRST(&set->snapshots); snapshot; snapshot = next) {
			next = TAILQ_NEXT(snapshot, link);
			if (vss_uuid_equal(&snapshot->prop.provider_id, &b->provider))
				snapshot_remove(snapshot);
		}
		if (set->nr_snapshots)
			record_touch(set);
		else
			set_remove(set);
	}
	break_next(b);
}

static void break_next(struct break_op *b)
{
	struct set *set = set_find(b->op.core, &b->set);
	struct vssd_provider_request request = { .step = VSSD_STEP_BREAK, .set = b->set, .context = b->flags };
	struct vssd_provider *provider;
	char id[VSS_UUID_TEXT_SIZE];

	if (!set) {
		core_log(b->op.core, LOG_INFO, VSSD_MESSAGE_SET_BROKEN, &b->op.session_id,
			 "shadow copy set %s was broken into ordinary volumes", vss_uuid_format(&b->set, id));
		op_done(&b->op);
		return;
	}
	b->provider = TAILQ_FIRST(&set->snapshots)->prop.provider_id;
	provider = provider_find(b->op.core, &b->provider);
	if (!provider) {
		op_fail(&b->op, VSS_E_PROVIDER_NOT_REGISTERED, "the provider of the set is not registered");
		return;
	}
	provider_ask(provider, NULL, &request, broken, b);
}

static void break_begin(void *arg)
{
	struct break_op *b = arg;
	const struct set *set = b->op.session ? set_find_visible(b->op.session, &b->set) : NULL;
	const struct snapshot *snapshot;
	char id[VSS_UUID_TEXT_SIZE];

	if (!set) {
		op_fail(&b->op, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy set %s that this session sees",
			vss_uuid_format(&b->set, id));
		return;
	}
	if (b->flags & VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL)
		TAILQ_FOREACH(snapshot, &set->snapshots, link)
			if (original_present(b->op.core, snapshot)) {
				op_fail(&b->op, VSS_E_BREAK_REVERT_ID_FAILED,
					"the original %s is still here, so its copy cannot get its identity; mask it first",
					snapshot->prop.original_volume_name);
				return;
			}
	break_next(b);
}

static void break_refreshed(void *arg)
{
	struct break_op *b = arg;

	core_when_loud(b->op.core, break_begin, b);
}

void vssd_session_break_snapshot_set(struct vssd_session *session, const struct vss_uuid *set,
				     uint32_t flags, vssd_done done, void *data)
{
	struct break_op *b = op_begin(session, sizeof(*b), MODE_BACKUP, done, data);

	if (!b)
		return;
	b->set = *set;
	b->flags = flags;
	if (flags & ~BREAK_FLAGS) {
		op_fail(&b->op, E_INVALIDARG, "there is no such flag as 0x%x", flags & ~BREAK_FLAGS);
		return;
	}
	if ((flags & BREAK_IDENTITY) == BREAK_IDENTITY) {
		op_fail(&b->op, E_INVALIDARG, "the flags for all identities and for none exclude each other");
		return;
	}
	if ((flags & VSS_BREAKEX_FLAG_MASK_LUNS) && flags != VSS_BREAKEX_FLAG_MASK_LUNS) {
		op_fail(&b->op, E_INVALIDARG, "the flag to mask the LUNs excludes all others");
		return;
	}
	sets_refresh(session->core, break_refreshed, b);
}

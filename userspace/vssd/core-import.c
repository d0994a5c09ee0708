// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets from other machines: importing them, and breaking them into ordinary
 * volumes.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

/* ---- ImportSnapshots ---- */

struct import_op {
	struct op op;
	struct vss_set_description description;
	size_t next;
	struct set *set;	/* what has been imported so far */
	struct vss_provider_snapshot asked;	/* borrows from the description */
	bool cancelled;
};

static void import_clear(struct op *op)
{
	struct import_op *i = (struct import_op *)op;

	if (op->core->importing == op)
		op->core->importing = NULL;
	vss_set_description_clear(&i->description);
	if (i->set)
		set_free(i->set);
}

static const struct vss_lun_info *copy_of(const struct vss_lun_mapping *mapping)
{
	return mapping->has_destination ? &mapping->destination : &mapping->source;
}

/* Is what arrived what was recorded?  A provider that tells nothing is trusted. */
static bool same_luns(const struct vss_set_member *member, const struct vss_provider_snapshot *found)
{
	if (!found->nr_luns)
		return true;
	if (found->nr_luns != member->nr_luns)
		return false;
	for (size_t i = 0; i < member->nr_luns; i++)
		if (!vss_lun_same(copy_of(&member->luns[i]), copy_of(&found->luns[i])))
			return false;
	return true;
}

static void import_finish(struct import_op *i)
{
	struct vssd_core *core = i->op.core;
	struct vssd_session *session = i->op.session;
	size_t wanted = i->description.nr_members;
	struct set *set = i->set, *old;
	struct vssd_reply reply = { .result = S_OK };
	char id[VSS_UUID_TEXT_SIZE];

	vss_uuid_format(&i->description.set_id, id);
	if (!set->nr_snapshots) {
		if (i->cancelled)
			op_fail(&i->op, E_ABORT, "the import of set %s was cancelled", id);
		else
			op_fail(&i->op, VSS_E_NO_SNAPSHOTS_IMPORTED, "nothing of shadow copy set %s could be "
				"imported; are its LUNs visible here, and is its provider installed?", id);
		return;
	}
	/* What is known of it from having made it here, or from its provider, is old. */
	old = set_find(core, &set->id);
	if (old)
		set_remove(old);
	set->state = SET_CREATED;
	set->session = i->op.session_id;
	set->owner = session;
	TAILQ_INSERT_TAIL(&core->sets, set, link);
	i->set = NULL;
	record_touch(set);
	core_log(core, LOG_INFO, VSSD_MESSAGE_SET_IMPORTED, &i->op.session_id,
		 "%zu of %zu shadow copies of set %s were imported", set->nr_snapshots, wanted, id);
	/* Its requester has gone: what it asked for goes with it. */
	if (!session && vss_context_is_auto_release(set->context))
		set_release(set);

	if (i->cancelled) {
		op_fail(&i->op, E_ABORT, "the import of set %s was cancelled", id);
		return;
	}
	if (set->nr_snapshots < wanted)
		reply.result = VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED;
	op_finish(&i->op, &reply);
}

static void import_next(struct import_op *i);

static void imported(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct import_op *i = arg;
	const struct vss_set_member *member = &i->description.members[i->next++];
	struct vss_provider_snapshot found = { .prop = member->prop };
	struct snapshot *snapshot;
	char id[VSS_UUID_TEXT_SIZE];

	if (reply->result == S_OK && reply->nr_snapshots)
		found = reply->snapshots[0];
	if (reply->result != S_OK || !same_luns(member, &found)) {
		core_log(i->op.core, LOG_WARNING, VSSD_MESSAGE_SET_IMPORTED, &i->op.session_id,
			 "shadow copy %s was not imported: %s", vss_uuid_format(&member->prop.snapshot_id, id),
			 reply->result == S_OK ? "its LUNs are not those of the document" :
			 reply->message && reply->message[0] ? reply->message : vss_result_name(reply->result));
		import_next(i);
		return;
	}
	snapshot = set_add(i->set, &member->prop.snapshot_id, &provider->prop.provider_id,
			   member->prop.original_volume_name ? member->prop.original_volume_name : "");
	snapshot->prop.snapshots_count = i->description.snapshots_count;
	snapshot->prop.creation_time = member->prop.creation_time;
	vssd_replace(&snapshot->prop.originating_machine,
		     member->prop.originating_machine ? member->prop.originating_machine :
		     i->description.originating_machine);
	snapshot->filesystem = vssd_strdup(member->filesystem);
	snapshot->size = member->size;
	for (size_t l = 0; l < member->nr_luns; l++)
		if (member->luns[l].has_destination)
			snapshot_add_original(snapshot, &member->luns[l].source);
	found.prop.creation_time = 0;
	snapshot_update(snapshot, &found);
	import_next(i);
}

static void import_next(struct import_op *i)
{
	while (i->next < i->description.nr_members && !i->cancelled) {
		const struct vss_set_member *member = &i->description.members[i->next];
		struct vssd_provider *provider = provider_find(i->op.core, &member->prop.provider_id);
		struct vssd_provider_request request = {
			.step = VSSD_STEP_IMPORT,
			.set = i->description.set_id,
			.snapshot = member->prop.snapshot_id,
			.context = i->description.context,
			.volume = member->prop.original_volume_name,
			.record = &i->asked,
		};
		char id[VSS_UUID_TEXT_SIZE];

		if (!provider) {
			core_log(i->op.core, LOG_WARNING, VSSD_MESSAGE_SET_IMPORTED, &i->op.session_id,
				 "shadow copy %s was not imported: its provider is not registered here",
				 vss_uuid_format(&member->prop.snapshot_id, id));
			i->next++;
			continue;
		}
		i->asked = (struct vss_provider_snapshot) {
			.prop = member->prop,
			.provider_data = member->provider_data,
			.fs_uuid = member->filesystem,
			.luns = member->luns,
			.nr_luns = member->nr_luns,
		};
		provider_ask(provider, NULL, &request, imported, i);
		return;
	}
	import_finish(i);
}

/* What the provider is about to import cannot be called back: the answer waits for it. */
static void import_cancel(struct op *op)
{
	((struct import_op *)op)->cancelled = true;
}

void vssd_session_import_snapshots(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct import_op *i = op_begin(session, sizeof(*i), MODE_BACKUP, done, data);
	struct vss_backup_document *doc = NULL;
	struct vssd_core *core = session->core;
	struct vss_error err = { 0 };
	const struct set *known;
	char id[VSS_UUID_TEXT_SIZE];

	if (!i)
		return;
	i->op.clear = import_clear;
	if (!document || !document[0]) {
		op_fail(&i->op, VSS_E_BAD_STATE, "the session was not initialized with the document of a set");
		return;
	}
	if (core->importing) {
		op_fail(&i->op, VSS_E_SNAPSHOT_SET_IN_PROGRESS, "another import is under way; try again later");
		return;
	}
	if (VSS_FAILED(session_parse(document, &doc, &err))) {
		op_fail_error(&i->op, &err);
		return;
	}
	if (VSS_FAILED(vss_backup_document_get_set(doc, &i->description, &err))) {
		if (err.result == VSS_E_OBJECT_NOT_FOUND)
			core_error(&err, VSS_E_NONTRANSPORTABLE_BCD,
				   "the document is not of a transportable shadow copy set");
		vss_backup_document_free(doc);
		op_fail_error(&i->op, &err);
		return;
	}
	vss_backup_document_free(doc);
	if (!(i->description.context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)) {
		op_fail(&i->op, VSS_E_NONTRANSPORTABLE_BCD, "the document is not of a transportable shadow copy set");
		return;
	}
	known = set_find(core, &i->description.set_id);
	/* Only what was made here to travel, and has not been imported, can be replaced. */
	if (known && !known->foreign && (known->imported || known->state != SET_CREATED ||
					 !(known->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE))) {
		op_fail(&i->op, VSS_E_OBJECT_ALREADY_EXISTS, known->imported ?
			"shadow copy set %s has been imported already" :
			"there is a shadow copy set %s, which is not one to be imported",
			vss_uuid_format(&known->id, id));
		return;
	}
	if (core->creating && core->creating->set &&
	    vss_uuid_equal(&core->creating->set->id, &i->description.set_id)) {
		op_fail(&i->op, VSS_E_SNAPSHOT_SET_IN_PROGRESS, "shadow copy set %s is in creation",
			vss_uuid_format(&i->description.set_id, id));
		return;
	}
	core->importing = &i->op;
	i->op.cancel = import_cancel;
	i->set = set_new(core, &i->description.set_id, i->description.context);
	i->set->imported = true;
	session_progress(session, 0, "importing");
	import_next(i);
}

/* ---- BreakSnapshotSet(Ex) ---- */

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

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ImportSnapshots: the shadow copies of a document are brought to this machine.
 *
 * One import at a time, and of a set one for ever (core-spent.c).  The record is
 * written before anything is done, as of a set that is here: should vssd end in the
 * middle, the next life releases it if its session would have, or finds out what of it
 * there is.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct import_op {
	struct op op;
	struct vss_set_description description;
	size_t next;
	struct set *set;	/* what there is of it, or may be */
	struct vss_provider_snapshot asked;	/* borrows from the description */
	size_t imported;
	struct vss_error first;	/* why the first one was not imported */
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

bool import_has(const struct vssd_core *core, const struct vss_uuid *set)
{
	const struct import_op *i = (const struct import_op *)core->importing;

	/* Others hold the lock too. */
	return i && i->op.clear == import_clear && i->set && vss_uuid_equal(&i->set->id, set);
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

/* ---- the end ---- */

/* Nothing is here: what is known of the set from having made it stands as it was. */
static void import_none(struct import_op *i)
{
	struct set *known = set_find(i->op.core, &i->set->id);
	char id[VSS_UUID_TEXT_SIZE];

	vss_uuid_format(&i->set->id, id);
	if (i->set->on_disk && (!known || !known->on_disk))
		record_remove(i->set);
	else if (known)
		record_touch(known);
	if (i->cancelled)
		op_fail(&i->op, E_ABORT, "the import of set %s was cancelled", id);
	else
		op_fail(&i->op, VSS_E_NO_SNAPSHOTS_IMPORTED, "nothing of shadow copy set %s was imported: %s; LUNs that "
			"have become visible stay so until the import is repeated or cleaned up "
			"(vssctl import --cleanup)", id, i->first.text);
}

static void import_finish(struct import_op *i)
{
	struct vssd_core *core = i->op.core;
	struct vssd_session *session = i->op.session;
	size_t wanted = i->description.nr_members;
	struct set *set = i->set, *old;
	struct vssd_reply reply = { .result = S_OK };
	char id[VSS_UUID_TEXT_SIZE];

	if (!i->imported) {
		import_none(i);
		return;
	}
	/* What is known of it from having made it here, or from its provider, is old. */
	old = set_find(core, &set->id);
	if (old) {
		/* Its record has been written over. */
		old->on_disk = old->on_disk && !set->on_disk;
		set_remove(old);
	}
	set->owner = session;
	TAILQ_INSERT_TAIL(&core->sets, set, link);
	i->set = NULL;
	record_touch(set);
	spent_add(core, &set->id);
	core_log(core, LOG_INFO, VSSD_MESSAGE_SET_IMPORTED, &i->op.session_id,
		 "%zu of %zu shadow copies of set %s were imported", set->nr_snapshots, wanted,
		 vss_uuid_format(&set->id, id));
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

/* ---- one after the other ---- */

static void import_next(struct import_op *i);

static struct snapshot *find_copy(const struct import_op *i, const struct vss_uuid *id)
{
	struct snapshot *snapshot;

	TAILQ_FOREACH(snapshot, &i->set->snapshots, link)
		if (vss_uuid_equal(&snapshot->prop.snapshot_id, id))
			return snapshot;
	return NULL;
}

static void not_imported(struct import_op *i, const struct vss_set_member *member, vss_result result,
			 const char *why)
{
	struct snapshot *snapshot = find_copy(i, &member->prop.snapshot_id);
	const char *volume = member->prop.original_volume_name;
	char id[VSS_UUID_TEXT_SIZE];

	vss_uuid_format(&member->prop.snapshot_id, id);
	core_log(i->op.core, LOG_WARNING, VSSD_MESSAGE_SET_IMPORTED, &i->op.session_id,
		 "shadow copy %s was not imported: %s", id, why);
	if (!i->first.result)
		core_error(&i->first, result, "shadow copy %s of %s: %s", id, volume ? volume : "?", why);
	if (snapshot)
		snapshot_remove(snapshot);
}

static void imported(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct import_op *i = arg;
	const struct vss_set_member *member = &i->description.members[i->next++];
	struct vss_provider_snapshot found = { .prop = member->prop };
	struct snapshot *snapshot;

	(void)provider;
	if (reply->result == S_OK && reply->nr_snapshots)
		found = reply->snapshots[0];
	if (reply->result != S_OK) {
		not_imported(i, member, reply->result, reply->message && reply->message[0] ? reply->message :
			     vss_result_name(reply->result));
	} else if (!same_luns(member, &found)) {
		not_imported(i, member, VSS_E_MISSING_DISK, "its LUNs are not those of the document");
	} else if ((snapshot = find_copy(i, &member->prop.snapshot_id))) {
		found.prop.creation_time = 0;
		snapshot_update(snapshot, &found);
		i->imported++;
	}
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

		if (!provider) {
			not_imported(i, member, VSS_E_PROVIDER_NOT_REGISTERED,
				     "its provider is not registered here (vssd.conf(5), Provider=)");
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
		if (i->op.session)
			session_progress(i->op.session, (unsigned int)(i->next * 100 / i->description.nr_members),
					 "importing");
		provider_ask(provider, NULL, &request, imported, i);
		return;
	}
	/* Cancelled: those that nobody was asked for. */
	for (; i->next < i->description.nr_members; i->next++)
		not_imported(i, &i->description.members[i->next], E_ABORT, "the import was cancelled");
	import_finish(i);
}

/* ---- the beginning ---- */

/* What the provider is about to import cannot be called back: the answer waits for it. */
static void import_cancel(struct op *op)
{
	((struct import_op *)op)->cancelled = true;
}

static void expect_copy(struct import_op *i, const struct vss_set_member *member)
{
	struct snapshot *snapshot = set_add(i->set, &member->prop.snapshot_id, &member->prop.provider_id,
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
}

static void import_begin(void *arg)
{
	struct import_op *i = arg;
	struct vss_error err = { 0 };

	i->set = set_new(i->op.core, &i->description.set_id, i->description.context);
	i->set->session = i->op.session_id;
	i->set->imported = true;
	i->set->state = SET_CREATED;
	for (size_t m = 0; m < i->description.nr_members; m++)
		expect_copy(i, &i->description.members[m]);
	if (VSS_FAILED(record_save(i->set, &err))) {
		op_fail_error(&i->op, &err);
		return;
	}
	import_next(i);
}

static bool read_document(struct import_op *i, const char *document, struct vss_error *err)
{
	if (!document || !document[0])
		return !core_bad_state(err, "the session was not initialized with the document of a set");
	return !VSS_FAILED(transported_set(document, &i->description, err));
}

/* What is known here may be in the way. */
static bool may_import(struct vssd_core *core, const struct vss_uuid *id, struct vss_error *err)
{
	const struct set *known = set_find(core, id);
	char text[VSS_UUID_TEXT_SIZE];

	vss_uuid_format(id, text);
	if (core->importing)
		return !core_error(err, VSS_E_SNAPSHOT_SET_IN_PROGRESS,
				   "another import is under way; try again later");
	/* Only what was made here to travel, and has not been imported, can be replaced. */
	if (known && !known->foreign && (known->imported || known->state != SET_CREATED ||
					 !(known->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)))
		return !core_error(err, VSS_E_OBJECT_ALREADY_EXISTS, known->imported ?
				   "shadow copy set %s has been imported already" :
				   "there is a shadow copy set %s, which is not one to be imported", text);
	if (spent_find(core, id))
		return !core_error(err, VSS_E_OBJECT_ALREADY_EXISTS,
				   "shadow copy set %s was imported here before, which can be done once; it has "
				   "been deleted or broken since", text);
	if (core->creating && core->creating->set && vss_uuid_equal(&core->creating->set->id, id))
		return !core_error(err, VSS_E_SNAPSHOT_SET_IN_PROGRESS, "shadow copy set %s is in creation", text);
	return true;
}

void vssd_session_import_snapshots(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct import_op *i = op_begin(session, sizeof(*i), MODE_BACKUP, done, data);
	struct vssd_core *core = session->core;
	struct vss_error err = { 0 };

	if (!i)
		return;
	i->op.clear = import_clear;
	if (!read_document(i, document, &err) || !may_import(core, &i->description.set_id, &err)) {
		op_fail_error(&i->op, &err);
		return;
	}
	core->importing = &i->op;
	i->op.cancel = import_cancel;
	session_progress(session, 0, "importing");
	core_when_loud(core, import_begin, i);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets that travel: what their documents must say, taking the originals away before a
 * copy takes their place, and cleaning up after an import that failed.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"
#include "lun.h"

/* ---- documents ---- */

vss_result transported_set(const char *document, struct vss_set_description *set, struct vss_error *err)
{
	struct vss_backup_document *doc = NULL;
	vss_result result = session_parse(document, &doc, err);

	if (VSS_FAILED(result))
		return result;
	result = vss_backup_document_get_set(doc, set, err);
	vss_backup_document_free(doc);
	if (result == VSS_E_OBJECT_NOT_FOUND ||
	    (!VSS_FAILED(result) && !(set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)))
		return core_error(err, VSS_E_NONTRANSPORTABLE_BCD,
				  "the document is not of a transportable shadow copy set");
	return result;
}

static vss_result check_luns(const struct vss_set_member *member, struct vss_error *err)
{
	const char *volume = member->prop.original_volume_name;

	for (size_t i = 0; i < member->nr_luns; i++) {
		const struct vss_lun_mapping *mapping = &member->luns[i];

		if (!mapping->has_destination || !mapping->nr_extents)
			return core_error(err, VSS_E_UNEXPECTED_PROVIDER_ERROR,
					  "the provider of the copy of %s does not tell %s", volume,
					  mapping->nr_extents ? "which LUN it is" : "which parts of the LUN it is");
		if (!vss_lun_has_unique_id(&mapping->source) || !vss_lun_has_unique_id(&mapping->destination))
			return core_error(err, VSS_E_UNEXPECTED_PROVIDER_ERROR,
					  "the provider of the copy of %s tells no unique identifier (VPD page 0x83, type "
					  "1, 2, 3 or 8, association 0) of %s", volume,
					  vss_lun_has_unique_id(&mapping->source) ? "the copy's LUN" : "the original's LUN");
		if (vss_lun_shared_id(&mapping->source, &mapping->destination))
			return core_error(err, VSS_E_UNEXPECTED_PROVIDER_ERROR,
					  "the provider of the copy of %s says that it has the identifier of its original, so "
					  "nobody could tell them apart", volume);
	}
	return S_OK;
}

vss_result transported_check(const struct vssd_core *core, const struct vss_set_description *set,
			     struct vss_error *err)
{
	vss_result result = S_OK;

	for (size_t i = 0; i < set->nr_members && result == S_OK; i++) {
		const struct vss_set_member *member = &set->members[i];
		const struct vssd_provider *provider = provider_find((struct vssd_core *)core,
								     &member->prop.provider_id);

		result = check_luns(member, err);
		/* One of a software provider may be no LUN; then it must know by itself what it is. */
		if (result == S_OK && !member->nr_luns &&
		    (!member->provider_data || (provider && provider->prop.provider_type == VSS_PROV_HARDWARE)))
			result = core_error(err, VSS_E_UNEXPECTED_PROVIDER_ERROR,
					    "the provider of the copy of %s tells nothing by which another machine could "
					    "find it", member->prop.original_volume_name);
	}
	return result;
}

/* ---- each provider, or each copy, of a document in turn ---- */

struct transport_op {
	struct op op;
	struct vss_set_description description;
	size_t next;
	struct vss_lun_mapping *luns;	/* of one provider; borrowed from the description */
	size_t nr_luns;
	int32_t deleted;
};

static void transport_clear(struct op *op)
{
	struct transport_op *t = (struct transport_op *)op;

	if (op->core->importing == op)
		op->core->importing = NULL;
	free(t->luns);
	vss_set_description_clear(&t->description);
}

/* NULL and the caller is answered.  It keeps imports away, and itself from them. */
static struct transport_op *transport_begin(struct vssd_session *session, const char *document, vssd_done done,
					    void *data)
{
	struct transport_op *t = op_begin(session, sizeof(*t), MODE_BACKUP, done, data);
	struct vss_error err = { 0 };

	if (!t)
		return NULL;
	t->op.clear = transport_clear;
	if (VSS_FAILED(transported_set(document, &t->description, &err))) {
		op_fail_error(&t->op, &err);
		return NULL;
	}
	if (session->core->importing) {
		op_fail(&t->op, VSS_E_SNAPSHOT_SET_IN_PROGRESS, "an import is under way; try again later");
		return NULL;
	}
	session->core->importing = &t->op;
	return t;
}

/* ---- masking originals ---- */

static void mask_next(struct transport_op *t);

static void masked(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct transport_op *t = arg;
	vss_result result = reply->result;

	if (VSS_FAILED(result) && result != VSS_E_OBJECT_NOT_FOUND) {
		if (result == E_NOTIMPL)
			result = VSS_E_PROVIDER_VETO;
		op_fail(&t->op, result, "provider \"%s\" did not take the originals from this machine: %s",
			provider->prop.provider_name,
			reply->message && reply->message[0] ? reply->message : vss_result_name(result));
		return;
	}
	mask_next(t);
}

static bool lun_is_in(const struct transport_op *t, const struct vss_lun_info *lun)
{
	for (size_t i = 0; i < t->nr_luns; i++)
		if (vss_lun_shared_id(&t->luns[i].source, lun))
			return true;
	return false;
}

/* All LUNs of the provider of the next member, each once. */
static void collect_luns(struct transport_op *t, const struct vss_uuid *provider)
{
	size_t count = 0;

	free(t->luns);
	t->nr_luns = 0;
	for (size_t i = 0; i < t->description.nr_members; i++)
		count += t->description.members[i].nr_luns;
	t->luns = vssd_alloc((count + 1) * sizeof(*t->luns));
	for (size_t i = 0; i < t->description.nr_members; i++) {
		const struct vss_set_member *member = &t->description.members[i];

		for (size_t l = 0; vss_uuid_equal(&member->prop.provider_id, provider) && l < member->nr_luns; l++)
			if (!lun_is_in(t, &member->luns[l].source))
				t->luns[t->nr_luns++] = member->luns[l];
	}
}

/* Its volumes were dealt with together with those of an earlier member. */
static bool provider_was_asked(const struct transport_op *t, size_t member)
{
	for (size_t i = 0; i < member; i++)
		if (vss_uuid_equal(&t->description.members[i].prop.provider_id,
				   &t->description.members[member].prop.provider_id))
			return true;
	return false;
}

static void mask_next(struct transport_op *t)
{
	while (t->next < t->description.nr_members) {
		const struct vss_uuid *id = &t->description.members[t->next].prop.provider_id;
		struct vssd_provider_request request = { .step = VSSD_STEP_MASK_ORIGINALS,
							 .set = t->description.set_id };
		struct vssd_provider *provider = provider_find(t->op.core, id);

		if (provider_was_asked(t, t->next++))
			continue;
		if (!provider) {
			op_fail(&t->op, VSS_E_PROVIDER_NOT_REGISTERED,
				"the provider of the copy of %s is not registered here",
				t->description.members[t->next - 1].prop.original_volume_name);
			return;
		}
		collect_luns(t, id);
		request.luns = t->luns;
		request.nr_luns = t->nr_luns;
		provider_ask(provider, NULL, &request, masked, t);
		return;
	}
	core_log(t->op.core, LOG_NOTICE, VSSD_MESSAGE_SET_BROKEN, &t->op.session_id,
		 "the original LUNs of a shadow copy set were taken from this machine, to be replaced by the copies");
	op_done(&t->op);
}

/* Nothing is taken away as long as any of it is in use.  A name may stand for another volume by now. */
static const char *in_use(const struct transport_op *t)
{
	const struct vssd_core *core = t->op.core;

	for (size_t i = 0; core->volumes.resolve && i < t->description.nr_members; i++) {
		const struct vss_set_member *member = &t->description.members[i];
		struct vssd_volume volume = { 0 };

		if (!VSS_FAILED(core->volumes.resolve(core->volumes.data, member->prop.original_volume_name, &volume,
						      NULL)) &&
		    volume.in_use && (!member->filesystem || !strcmp(member->filesystem, volume.fs_uuid)))
			return member->prop.original_volume_name;
	}
	return NULL;
}

static void mask_begin(void *arg)
{
	struct transport_op *t = arg;
	const char *volume = in_use(t);

	if (volume)
		op_fail(&t->op, VSS_E_VOLUME_IN_USE,
			"%s is mounted or in use as swap; end that first (nothing was taken away)", volume);
	else
		mask_next(t);
}

void vssd_session_mask_originals(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct transport_op *t = transport_begin(session, document, done, data);

	if (t)
		core_when_loud(session->core, mask_begin, t);
}

/* ---- cleaning up ---- */

static void clean_next(void *arg);

static void cleaned(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct transport_op *t = arg;
	const struct vss_set_member *member = &t->description.members[t->next++];
	char id[VSS_UUID_TEXT_SIZE];

	if (VSS_FAILED(reply->result) && reply->result != VSS_E_OBJECT_NOT_FOUND) {
		op_fail(&t->op, reply->result, "provider \"%s\" did not clean up shadow copy %s of %s: %s",
			provider->prop.provider_name, vss_uuid_format(&member->prop.snapshot_id, id),
			member->prop.original_volume_name,
			reply->message && reply->message[0] ? reply->message : vss_result_name(reply->result));
		return;
	}
	if (reply->result == S_OK) {
		t->deleted++;
		core_log(t->op.core, LOG_INFO, VSSD_MESSAGE_SET_DELETED, &t->op.session_id,
			 "shadow copy %s, whose import had failed, was deleted",
			 vss_uuid_format(&member->prop.snapshot_id, id));
	}
	clean_next(t);
}

/* Forget it, if it was made here. */
static void clean_finish(struct transport_op *t)
{
	struct vssd_reply reply = { .result = t->deleted ? S_OK : S_FALSE };
	struct set *known = set_find(t->op.core, &t->description.set_id);

	if (known && !known->imported)
		set_remove(known);
	op_finish(&t->op, &reply);
}

static void clean_next(void *arg)
{
	struct transport_op *t = arg;

	for (; t->next < t->description.nr_members; t->next++) {
		const struct vss_set_member *member = &t->description.members[t->next];
		struct vssd_provider *provider = provider_find(t->op.core, &member->prop.provider_id);
		struct vssd_provider_request request = {
			.step = VSSD_STEP_DELETE,
			.set = t->description.set_id,
			.snapshot = member->prop.snapshot_id,
			.flag = true,
		};

		/* It was imported, and is deleted as such. */
		if (snapshot_find(t->op.core, &member->prop.snapshot_id) &&
		    snapshot_find(t->op.core, &member->prop.snapshot_id)->set->imported)
			continue;
		if (!provider) {
			op_fail(&t->op, VSS_E_PROVIDER_NOT_REGISTERED,
				"the provider of the copy of %s is not registered here",
				member->prop.original_volume_name);
			return;
		}
		provider_ask(provider, NULL, &request, cleaned, t);
		return;
	}
	clean_finish(t);
}

void vssd_session_clean_up_import(struct vssd_session *session, const char *document, vssd_done done, void *data)
{
	struct transport_op *t = transport_begin(session, document, done, data);
	const struct set *known;
	char id[VSS_UUID_TEXT_SIZE];

	if (!t)
		return;
	known = set_find(session->core, &t->description.set_id);
	/* What is wanted by somebody is no leftover. */
	if (known && !known->imported && !known->foreign && (known->owner || known->state != SET_CREATED)) {
		op_fail(&t->op, VSS_E_BAD_STATE,
			"shadow copy set %s was made here, and its session is still open: its copies go with it",
			vss_uuid_format(&known->id, id));
		return;
	}
	core_when_loud(session->core, clean_next, t);
}

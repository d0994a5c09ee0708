// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of shadow copies that exist, who sees them, and keeping what is known of
 * them in step with the providers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core-internal.h"

/* What a provider may say of its copies; the rest follows from the context. */
#define PROVIDERS_ATTRIBUTES	(VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_PLEX | \
				 VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED | VSS_VOLSNAP_ATTR_FILE_SHARE)
#define FOREIGN_CONTEXT		(VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE | \
				 VSS_VOLSNAP_ATTR_NO_WRITERS)

/* ---- life ---- */

struct set *set_new(struct vssd_core *core, const struct vss_uuid *id, uint32_t context)
{
	struct set *set = vssd_alloc(sizeof(*set));

	set->core = core;
	set->id = *id;
	set->context = context;
	TAILQ_INIT(&set->snapshots);
	return set;
}

struct snapshot *set_add(struct set *set, const struct vss_uuid *snapshot, const struct vss_uuid *provider,
			 const char *volume)
{
	struct snapshot *s = vssd_alloc(sizeof(*s));

	s->set = set;
	s->prop.snapshot_id = *snapshot;
	s->prop.snapshot_set_id = set->id;
	s->prop.provider_id = *provider;
	s->prop.device_object = vssd_strdup("");
	s->prop.original_volume_name = vssd_strdup(volume);
	s->prop.originating_machine = vssd_strdup(set->core->machine);
	s->prop.service_machine = vssd_strdup(set->core->machine);
	s->prop.attributes = set->context | VSS_VOLSNAP_ATTR_NOT_SURFACED;
	s->prop.status = VSS_SS_CREATED;
	TAILQ_INSERT_TAIL(&set->snapshots, s, link);
	set->nr_snapshots++;
	return s;
}

static struct vss_storage_id *copy_ids(const struct vss_lun_info *lun)
{
	struct vss_storage_id *ids;

	if (!lun->nr_ids)
		return NULL;
	ids = vssd_alloc(lun->nr_ids * sizeof(*ids));
	memcpy(ids, lun->ids, lun->nr_ids * sizeof(*ids));
	return ids;
}

void lun_copy(struct vss_lun_info *to, const struct vss_lun_info *from)
{
	*to = *from;
	to->vendor = vssd_strdup(from->vendor);
	to->product = vssd_strdup(from->product);
	to->revision = vssd_strdup(from->revision);
	to->serial = vssd_strdup(from->serial);
	to->interconnect = vssd_strdup(from->interconnect);
	to->ids = copy_ids(from);
}

void snapshot_add_original(struct snapshot *snapshot, const struct vss_lun_info *lun)
{
	struct vss_lun_info *more = vssd_alloc((snapshot->nr_originals + 1) * sizeof(*more));

	if (snapshot->nr_originals)
		memcpy(more, snapshot->originals, snapshot->nr_originals * sizeof(*more));
	free(snapshot->originals);
	snapshot->originals = more;
	lun_copy(&more[snapshot->nr_originals++], lun);
}

void snapshot_remove(struct snapshot *snapshot)
{
	TAILQ_REMOVE(&snapshot->set->snapshots, snapshot, link);
	snapshot->set->nr_snapshots--;
	vss_free_snapshot_properties(&snapshot->prop);
	for (size_t i = 0; i < snapshot->nr_originals; i++)
		vss_lun_info_clear(&snapshot->originals[i]);
	free(snapshot->originals);
	free(snapshot->filesystem);
	free(snapshot->provider_data);
	free(snapshot->away);
	free(snapshot);
}

void set_free(struct set *set)
{
	struct snapshot *snapshot;

	if (set->owner && set->owner->set == set)
		set->owner->set = NULL;
	while ((snapshot = TAILQ_FIRST(&set->snapshots)))
		snapshot_remove(snapshot);
	free(set);
}

void set_remove(struct set *set)
{
	TAILQ_REMOVE(&set->core->sets, set, link);
	if (set->on_disk)
		record_remove(set);
	set_free(set);
}

/* ---- finding ---- */

struct set *set_find(struct vssd_core *core, const struct vss_uuid *id)
{
	struct set *set;

	TAILQ_FOREACH(set, &core->sets, link)
		if (vss_uuid_equal(&set->id, id))
			return set;
	return NULL;
}

struct snapshot *snapshot_find(struct vssd_core *core, const struct vss_uuid *id)
{
	struct snapshot *snapshot;
	struct set *set;

	TAILQ_FOREACH(set, &core->sets, link)
		TAILQ_FOREACH(snapshot, &set->snapshots, link)
			if (vss_uuid_equal(&snapshot->prop.snapshot_id, id))
				return snapshot;
	return NULL;
}

bool set_visible(const struct set *set, const struct vssd_session *session)
{
	if (set->state != SET_CREATED)
		return false;
	/* Where it was made, a copy that is to travel is not there. */
	if ((set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) && !set->imported)
		return false;
	if (session->context == VSS_CTX_ALL || set->owner == session)
		return true;
	if (set->foreign)
		return false;
	return (set->context & VSSD_CONTEXT_KIND) == (session->context & VSSD_CONTEXT_KIND);
}

struct set *set_find_visible(struct vssd_session *session, const struct vss_uuid *id)
{
	struct set *set = set_find(session->core, id);

	return set && set_visible(set, session) ? set : NULL;
}

struct snapshot *snapshot_find_visible(struct vssd_session *session, const struct vss_uuid *id)
{
	struct snapshot *snapshot = snapshot_find(session->core, id);

	return snapshot && set_visible(snapshot->set, session) ? snapshot : NULL;
}

/* ---- what a provider says ---- */

static void is_here(struct snapshot *snapshot)
{
	char id[VSS_UUID_TEXT_SIZE];

	snapshot->here = true;
	if (!snapshot->away)
		return;
	free(keep_ptr(snapshot->away));
	/* One that comes back lost has its own words. */
	if (snapshot->prop.status != VSS_SS_UNKNOWN)
		return;
	snapshot->prop.status = VSS_SS_CREATED;
	snapshot->back = snapshot->prop.exposed_name;
	core_log(snapshot->set->core, LOG_NOTICE, VSSD_MESSAGE_SNAPSHOT_AWAY, NULL, "shadow copy %s of %s is available again",
		 vss_uuid_format(&snapshot->prop.snapshot_id, id), snapshot->prop.original_volume_name);
}

/* What is mounted of one that is lost gives nothing but errors, and its time to clients as if it could be read. */
static void end_exposure(struct snapshot *snapshot)
{
	char id[VSS_UUID_TEXT_SIZE];

	core_log(snapshot->set->core, LOG_WARNING, VSSD_MESSAGE_EXPOSURE, NULL,
		 "shadow copy %s of %s is lost, and no longer exposed at %s",
		 vss_uuid_format(&snapshot->prop.snapshot_id, id), snapshot->prop.original_volume_name,
		 snapshot->prop.exposed_name);
	snapshot_drop_exposure(snapshot);
	record_touch(snapshot->set);
}

void snapshot_update(struct snapshot *snapshot, const struct vss_provider_snapshot *known)
{
	const struct set *set = snapshot->set;
	uint32_t attributes = set->context | (known->prop.attributes & PROVIDERS_ATTRIBUTES);
	const struct vssd_provider *provider = provider_find(set->core, &snapshot->prop.provider_id);

	if (provider && provider->prop.provider_type == VSS_PROV_HARDWARE)
		attributes |= VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED;
	if (set->imported)
		attributes |= VSS_VOLSNAP_ATTR_IMPORTED;
	attributes |= snapshot->prop.exposed_name ? VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY :
						    VSS_VOLSNAP_ATTR_NOT_SURFACED;
	snapshot->prop.attributes = attributes;
	/* Lost: it is there until it is deleted, and cannot be read. */
	if (known->prop.status == VSS_SS_ABORTED)
		snapshot->prop.status = VSS_SS_ABORTED;
	if (known->prop.creation_time)
		snapshot->prop.creation_time = known->prop.creation_time;
	if (!snapshot->prop.creation_time) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		snapshot->prop.creation_time = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	}
	/* The name of today: after a restart the one on record may be another volume's. */
	if (provider && provider->prop.provider_type == VSS_PROV_SYSTEM && known->prop.original_volume_name &&
	    strcmp(known->prop.original_volume_name, snapshot->prop.original_volume_name) != 0) {
		vssd_replace(&snapshot->prop.original_volume_name, known->prop.original_volume_name);
		if (set->on_disk)
			record_touch(snapshot->set);
	}
	if (provider && provider->prop.provider_type == VSS_PROV_SYSTEM && known->provider_data &&
	    (!snapshot->provider_data || strcmp(known->provider_data, snapshot->provider_data) != 0)) {
		vssd_replace(&snapshot->provider_data, known->provider_data);
		if (set->on_disk)
			record_touch(snapshot->set);
	}
	if (!(set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) || set->imported)
		vssd_replace(&snapshot->prop.device_object,
			     known->prop.device_object ? known->prop.device_object : "");
	if (snapshot->prop.status == VSS_SS_ABORTED && snapshot->prop.exposed_name)
		end_exposure(snapshot);
	is_here(snapshot);
}

static const struct vss_provider_snapshot *find_known(const struct vssd_provider_reply *reply,
						      const struct vss_uuid *id)
{
	for (size_t i = 0; i < reply->nr_snapshots; i++)
		if (vss_uuid_equal(&reply->snapshots[i].prop.snapshot_id, id))
			return &reply->snapshots[i];
	return NULL;
}

/* ---- copies that the provider does not tell of ---- */

struct refresh {
	TAILQ_ENTRY(refresh) link;
	struct vssd_core *core;
	unsigned int pending;
	void (*then)(void *arg);
	void *arg;
};

static void refresh_step(struct refresh *refresh)
{
	if (--refresh->pending)
		return;
	TAILQ_REMOVE(&refresh->core->refreshes, refresh, link);
	refresh->then(refresh->arg);
	free(refresh);
}

/* Deleted behind our back, or lost with their diff area. */
static void drop_lost(struct snapshot *snapshot, const struct vssd_provider *provider)
{
	struct set *set = snapshot->set;
	char id[VSS_UUID_TEXT_SIZE];

	if (!set->foreign)
		core_log(set->core, LOG_WARNING, VSSD_MESSAGE_SNAPSHOT_LOST, NULL,
			 "shadow copy %s of %s is lost: provider \"%s\" has it no more",
			 vss_uuid_format(&snapshot->prop.snapshot_id, id),
			 snapshot->prop.original_volume_name, provider->prop.provider_name);
	if (!snapshot->away)
		snapshot_drop_exposure(snapshot);
	snapshot_remove(snapshot);
	if (!set->foreign)
		record_touch(set);
}

static void is_away(struct snapshot *snapshot, const char *why)
{
	char id[VSS_UUID_TEXT_SIZE];
	bool news = !snapshot->away;

	if (news)
		core_log(snapshot->set->core, LOG_WARNING, VSSD_MESSAGE_SNAPSHOT_AWAY, NULL,
			 "shadow copy %s of %s is not available: %s", vss_uuid_format(&snapshot->prop.snapshot_id, id),
			 snapshot->prop.original_volume_name, why);
	vssd_replace(&snapshot->away, why);
	snapshot->prop.status = VSS_SS_UNKNOWN;
	vssd_replace(&snapshot->prop.device_object, "");
	if (news)
		snapshot_drop_exposure(snapshot);
	snapshot->here = false;
	snapshot->back = false;
}

bool snapshot_refuse_away(const struct snapshot *snapshot, struct op *op)
{
	char id[VSS_UUID_TEXT_SIZE];

	if (!snapshot->away)
		return false;
	op_fail(op, VSS_E_OBJECT_NOT_FOUND, "shadow copy %s of %s is not available: %s",
		vss_uuid_format(&snapshot->prop.snapshot_id, id), snapshot->prop.original_volume_name, snapshot->away);
	return true;
}

/* The provider is asked for one of them. */
struct search {
	struct op op;
	struct refresh *refresh;
	struct vss_provider_snapshot record;
};

static void search_clear(struct op *op)
{
	vss_provider_snapshot_clear(&((struct search *)op)->record);
}

static void searched(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct search *search = arg;
	struct refresh *refresh = search->refresh;
	struct snapshot *snapshot = snapshot_find(refresh->core, &search->record.prop.snapshot_id);

	struct set *set = snapshot && snapshot->set->state == SET_CREATED ? snapshot->set : NULL;

	if (set && reply->result == VSS_E_MISSING_DISK)
		is_away(snapshot, reply->message && reply->message[0] ? reply->message : "its storage is not here");
	/* With another result it has come since, or nobody knows. */
	if (set && reply->result == VSS_E_OBJECT_NOT_FOUND)
		drop_lost(snapshot, provider);
	if (set && !set->nr_snapshots)
		set_remove(set);
	op_done(&search->op);
	refresh_step(refresh);
}

static void search_for(struct refresh *refresh, struct vssd_provider *provider, const struct snapshot *snapshot)
{
	struct search *search = op_begin_alone(refresh->core, sizeof(*search));
	struct vssd_provider_request request = {
		.step = VSSD_STEP_FIND,
		.set = snapshot->set->id,
		.snapshot = snapshot->prop.snapshot_id,
		.record = &search->record,
	};

	search->op.clear = search_clear;
	search->refresh = refresh;
	search->record.prop.snapshot_id = snapshot->prop.snapshot_id;
	search->record.prop.snapshot_set_id = snapshot->set->id;
	search->record.provider_data = vssd_strdup(snapshot->provider_data);
	refresh->pending++;
	provider_ask(provider, NULL, &request, searched, search);
}

bool snapshot_may_be_away(const struct snapshot *snapshot)
{
	const struct set *set = snapshot->set;
	const struct vssd_provider *provider = provider_find(set->core, &snapshot->prop.provider_id);

	/* Others go when their session or the machine does. */
	return snapshot->provider_data && provider && provider->prop.provider_type == VSS_PROV_SYSTEM &&
	       !set->foreign && !vss_context_is_auto_release(set->context);
}

static void compare(struct refresh *refresh, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct vssd_core *core = refresh->core;
	struct snapshot *snapshot, *next;
	struct set *set, *next_set;
	bool exposed = false;

	for (set = TAILQ_FIRST(&core->sets); set; set = next_set) {
		next_set = TAILQ_NEXT(set, link);
		if (set->state != SET_CREATED)
			continue;
		for (snapshot = TAILQ_FIRST(&set->snapshots); snapshot; snapshot = next) {
			const struct vss_provider_snapshot *known;

			next = TAILQ_NEXT(snapshot, link);
			if (!vss_uuid_equal(&snapshot->prop.provider_id, &provider->prop.provider_id))
				continue;
			known = find_known(reply, &snapshot->prop.snapshot_id);
			if (known) {
				snapshot_update(snapshot, known);
				exposed |= snapshot->back;
			} else if (snapshot_may_be_away(snapshot)) {
				/* One that works on a set answers nobody else: another time. */
				if (!provider->reserved)
					search_for(refresh, provider, snapshot);
			} else {
				drop_lost(snapshot, provider);
			}
		}
		if (!set->nr_snapshots)
			set_remove(set);
	}
	if (exposed)
		core_when_loud(core, restore_back_exposures, op_begin_alone(core, sizeof(struct op)));
}

static bool in_creation(struct vssd_core *core, const struct vss_uuid *id)
{
	const struct snapshot *snapshot;

	if (!core->creating || !core->creating->set)
		return false;
	TAILQ_FOREACH(snapshot, &core->creating->set->snapshots, link)
		if (vss_uuid_equal(&snapshot->prop.snapshot_id, id))
			return true;
	return false;
}

/* Copies that no record speaks of: made with the kernel's own tools, or by a provider's. */
static void add_foreign(struct vssd_core *core, const struct vssd_provider *provider,
			const struct vssd_provider_reply *reply)
{
	for (size_t i = 0; i < reply->nr_snapshots; i++) {
		const struct vss_provider_snapshot *known = &reply->snapshots[i];
		const struct vss_snapshot_prop *prop = &known->prop;
		struct snapshot *snapshot;
		struct vss_uuid id;
		struct set *set;

		if ((prop->attributes & VSS_VOLSNAP_ATTR_TRANSPORTABLE) &&
		    !(prop->attributes & VSS_VOLSNAP_ATTR_IMPORTED))
			continue;
		if (snapshot_find(core, &prop->snapshot_id) || in_creation(core, &prop->snapshot_id))
			continue;
		if (import_has(core, &prop->snapshot_set_id))
			continue;
		id = vss_uuid_is_null(&prop->snapshot_set_id) ? prop->snapshot_id : prop->snapshot_set_id;
		set = set_find(core, &id);
		/* A copy that came to a set of ours is still not ours: forgotten, and there again. */
		if (set && !set->foreign && set->state == SET_CREATED) {
			id = prop->snapshot_id;
			set = set_find(core, &id);
		}
		if (set && !set->foreign)
			continue;
		if (!set) {
			set = set_new(core, &id, FOREIGN_CONTEXT);
			set->foreign = true;
			set->state = SET_CREATED;
			TAILQ_INSERT_TAIL(&core->sets, set, link);
		}
		snapshot = set_add(set, &prop->snapshot_id, &provider->prop.provider_id,
				   prop->original_volume_name ? prop->original_volume_name : "");
		snapshot->prop.snapshots_count = prop->snapshots_count ? prop->snapshots_count : 1;
		snapshot_update(snapshot, known);
	}
}

/* ---- asking all ---- */

void refreshes_free(struct vssd_core *core)
{
	struct refresh *refresh;

	while ((refresh = TAILQ_FIRST(&core->refreshes))) {
		TAILQ_REMOVE(&core->refreshes, refresh, link);
		free(refresh);
	}
}

static void refreshed(void *arg, struct vssd_provider *provider, const struct vssd_provider_reply *reply)
{
	struct refresh *refresh = arg;

	/* A provider that says nothing is believed to have what it had. */
	if (reply->result == S_OK) {
		compare(refresh, provider, reply);
		add_foreign(refresh->core, provider, reply);
	}
	refresh_step(refresh);
}

void sets_refresh(struct vssd_core *core, void (*then)(void *arg), void *arg)
{
	static const struct vssd_provider_request request = { .step = VSSD_STEP_GET_SNAPSHOTS };
	struct refresh *refresh = vssd_alloc(sizeof(*refresh));
	struct vssd_provider *provider;

	refresh->core = core;
	refresh->then = then;
	refresh->arg = arg;
	refresh->pending = 1;
	TAILQ_INSERT_TAIL(&core->refreshes, refresh, link);
	TAILQ_FOREACH(provider, &core->providers, link) {
		/* One that works on a set answers nobody else until that is over. */
		if (provider->reserved)
			continue;
		refresh->pending++;
		provider_ask(provider, NULL, &request, refreshed, refresh);
	}
	refresh_step(refresh);
}

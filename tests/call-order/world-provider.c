// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stand-in providers: the system's, a software one that leaves contexts of
 * clients to the system's, and an array that makes transportable shadow copies
 * only.  All copy on write, so none makes a plex.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world-internal.h"

static bool is_array(const struct vss_uuid *provider)
{
	return vss_uuid_equal(provider, &world_array_id);
}

static bool supports(const struct standin_provider *provider, const char *volume, uint32_t context)
{
	const struct world *world = provider->machine->world;
	unsigned int number = volume_number(volume);

	if (!number || (context & VSS_VOLSNAP_ATTR_PLEX))
		return false;
	if (is_array(provider->id))
		return (context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) &&
		       !world->volumes[number].not_transportable;
	if (context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)
		return false;
	return vss_uuid_equal(provider->id, &world_system_id) ||
	       !(context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE);
}

/* ---- records ---- */

/* Where its LUN is to be seen now, if it is one. */
static bool is_here(const struct standin_provider *provider, const struct record *record)
{
	if (record->broken || !record->created || !vss_uuid_equal(record->provider, provider->id))
		return false;
	return record->imported ? record->imported == provider->machine : record->origin == provider->machine;
}

static struct record *find(const struct standin_provider *provider, const struct vss_uuid *id)
{
	for (struct record *record = provider->machine->world->records; record; record = record->next)
		if (vss_uuid_equal(&record->id, id) && is_here(provider, record))
			return record;
	return NULL;
}

/* Drop what @drop says. */
static void remove_records(struct world *world, const void *data,
			   bool (*drop)(const struct record *record, const void *data))
{
	struct record **at = &world->records;

	while (*at) {
		struct record *record = *at;

		if (!drop(record, data)) {
			at = &record->next;
			continue;
		}
		*at = record->next;
		free(record);
	}
}

static bool is_of_set(const struct record *record, const void *set)
{
	return vss_uuid_equal(&record->set, set);
}

static bool is_record(const struct record *record, const void *data)
{
	return record == data;
}

static vss_result begin(struct standin_provider *provider, struct answer *answer)
{
	struct world *world = provider->machine->world;
	struct record *record;

	if (!supports(provider, answer->request.volume, answer->request.context))
		return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
	record = calloc(1, sizeof(*record));
	if (!record)
		abort();
	record->set = answer->request.set;
	record->id = answer->request.snapshot;
	record->provider = provider->id;
	record->origin = provider->machine;
	record->volume = volume_number(answer->request.volume);
	record->context = answer->request.context;
	record->next = world->records;
	world->records = record;
	return S_OK;
}

static void commit(struct standin_provider *provider, const struct vss_uuid *set)
{
	struct world *world = provider->machine->world;
	uint32_t count = 0;

	for (struct record *record = world->records; record; record = record->next)
		count += vss_uuid_equal(&record->set, set);
	for (struct record *record = world->records; record; record = record->next) {
		if (!vss_uuid_equal(&record->set, set))
			continue;
		record->created = true;
		record->count = count;
		record->time = UINT64_C(1700000000000000000) + world->now * 1000;
	}
}

/* ---- what is told of a shadow copy ---- */

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
	va_list args;
	char *result;

	va_start(args, format);
	if (vasprintf(&result, format, args) < 0)
		abort();
	va_end(args);
	return result;
}

static void fill_lun(struct vss_lun_info *lun, const struct record *record, bool copy)
{
	struct vss_storage_id *id = calloc(1, sizeof(*id));

	if (!id)
		abort();
	id->code_set = 1;
	id->type = 3;
	id->size = 16;
	memcpy(id->bytes, record->id.bytes, 16);
	id->bytes[0] = copy ? 0x61 : 0x60;
	lun->bus_type = VSS_BUS_ISCSI;
	lun->vendor = text("STANDIN");
	lun->product = text("array");
	lun->revision = text("1");
	lun->serial = text("%s-%u", copy ? "copy" : "volume", record->volume);
	lun->ids = id;
	lun->nr_ids = 1;
	lun->size = 1 << 30;
	lun->block_size = 512;
}

static struct vss_lun_mapping *make_luns(const struct record *record)
{
	struct vss_lun_mapping *mapping = calloc(1, sizeof(*mapping));

	if (!mapping)
		abort();
	fill_lun(&mapping->source, record, false);
	fill_lun(&mapping->destination, record, true);
	mapping->has_destination = true;
	mapping->extents = calloc(1, sizeof(*mapping->extents));
	if (!mapping->extents)
		abort();
	mapping->extents[0].length = 1 << 30;
	mapping->nr_extents = 1;
	return mapping;
}

static void fill_snapshot(struct vss_provider_snapshot *snapshot, const struct record *record)
{
	bool travels = record->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE;
	bool surfaced = !travels || record->imported;
	struct vss_snapshot_prop *prop = &snapshot->prop;
	char id[VSS_UUID_TEXT_SIZE];

	memset(snapshot, 0, sizeof(*snapshot));
	vss_uuid_format(&record->id, id);
	prop->snapshot_id = record->id;
	prop->snapshot_set_id = record->set;
	prop->snapshots_count = record->count;
	prop->device_object = surfaced ? text("/dev/vss/by-id/%s", id) : text("%s", "");
	prop->original_volume_name = record->origin->letter == 'A' ? text("/dev/V%u", record->volume) :
				     text("/dev/%c/V%u", record->origin->letter, record->volume);
	prop->originating_machine = text("%s", record->origin->name);
	prop->provider_id = *record->provider;
	prop->attributes = record->context | (travels ? VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED : 0u) |
			   (record->imported ? VSS_VOLSNAP_ATTR_IMPORTED : 0u);
	prop->creation_time = record->time;
	prop->status = VSS_SS_CREATED;
	if (travels) {
		snapshot->provider_data = text("standin:%s", id);
		snapshot->luns = make_luns(record);
		snapshot->nr_luns = 1;
	}
}

static void give_snapshots(struct standin_provider *provider, struct vssd_provider_reply *reply,
			   const struct record *only)
{
	const struct world *world = provider->machine->world;
	struct vss_provider_snapshot *snapshots;
	size_t count = 0;

	for (const struct record *record = world->records; record; record = record->next)
		count++;
	snapshots = calloc(count + 1, sizeof(*snapshots));
	if (!snapshots)
		abort();
	count = 0;
	for (const struct record *record = world->records; record; record = record->next)
		if (is_here(provider, record) && (!only || record == only))
			fill_snapshot(&snapshots[count++], record);
	reply->snapshots = snapshots;
	reply->nr_snapshots = count;
}

static void free_snapshots(const struct vssd_provider_reply *reply)
{
	struct vss_provider_snapshot *snapshots = (struct vss_provider_snapshot *)reply->snapshots;

	for (size_t i = 0; i < reply->nr_snapshots; i++)
		vss_provider_snapshot_clear(&snapshots[i]);
	free(snapshots);
}

/* ---- shadow copies that exist ---- */

/* The first of its set is the one that was added first, so the last in the list. */
static bool is_absent(const struct world *world, const struct record *record)
{
	if (world->all_absent)
		return true;
	if (!world->others_absent)
		return false;
	for (const struct record *other = record->next; other; other = other->next)
		if (vss_uuid_equal(&other->set, &record->set))
			return true;
	return false;
}

static vss_result import(struct standin_provider *provider, const struct vss_uuid *id,
			 struct record **imported)
{
	struct world *world = provider->machine->world;

	for (struct record *record = world->records; record; record = record->next) {
		if (!vss_uuid_equal(&record->id, id) || !record->created || record->broken)
			continue;
		if (!is_array(record->provider) || !is_array(provider->id) || record->imported ||
		    is_absent(world, record))
			return VSS_E_OBJECT_NOT_FOUND;
		record->imported = provider->machine;
		*imported = record;
		return S_OK;
	}
	return VSS_E_OBJECT_NOT_FOUND;
}

static vss_result break_set(struct standin_provider *provider, const struct vss_uuid *set, uint32_t flags)
{
	struct world *world = provider->machine->world;
	bool found = false;

	if (!is_array(provider->id))
		return VSS_E_PROVIDER_VETO;
	for (struct record *record = world->records; record; record = record->next) {
		if (!vss_uuid_equal(&record->set, set) || !is_here(provider, record))
			continue;
		found = true;
		/* Two disks of the same identity on one machine would be mixed up. */
		if ((flags & VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL) && provider->machine == record->origin &&
		    !world->volumes[record->volume].original_hidden)
			return VSS_E_BREAK_REVERT_ID_FAILED;
	}
	for (struct record *record = world->records; found && record; record = record->next) {
		if (!vss_uuid_equal(&record->set, set) || !is_here(provider, record))
			continue;
		record->broken = true;
		record->writable = flags & VSS_BREAKEX_FLAG_MAKE_READ_WRITE;
	}
	return found ? S_OK : VSS_E_OBJECT_NOT_FOUND;
}

static vss_result revert(struct standin_provider *provider, const struct vss_uuid *id, bool force)
{
	const struct record *record = find(provider, id);

	if (!record)
		return VSS_E_OBJECT_NOT_FOUND;
	if (!(record->context & VSS_VOLSNAP_ATTR_PERSISTENT))
		return VSS_E_UNSUPPORTED_CONTEXT;
	return provider->machine->world->volumes[record->volume].mounted && !force ? VSS_E_VOLUME_IN_USE :
										     S_OK;
}

static bool has_snapshots(struct standin_provider *provider, const char *volume)
{
	for (struct record *record = provider->machine->world->records; record; record = record->next)
		if (is_here(provider, record) && record->volume == volume_number(volume))
			return true;
	return false;
}

/* ---- calls ---- */

static void carry_out(struct standin_provider *provider, struct answer *answer,
		      struct vssd_provider_reply *reply)
{
	const struct vssd_provider_request *request = &answer->request;
	struct world *world = provider->machine->world;
	struct record *record;

	switch (request->step) {
	case VSSD_STEP_IS_VOLUME_SUPPORTED:
		reply->result = supports(provider, request->volume, request->context) ? S_OK : S_FALSE;
		break;
	case VSSD_STEP_IS_VOLUME_SNAPSHOTTED:
		reply->present = has_snapshots(provider, request->volume);
		break;
	case VSSD_STEP_BEGIN_PREPARE:
		reply->result = begin(provider, answer);
		break;
	case VSSD_STEP_COMMIT:
		commit(provider, &request->set);
		break;
	case VSSD_STEP_ABORT:
		remove_records(world, &request->set, is_of_set);
		break;
	case VSSD_STEP_GET_SNAPSHOTS:
		give_snapshots(provider, reply, NULL);
		break;
	case VSSD_STEP_DELETE:
		record = find(provider, &request->snapshot);
		if (!record)
			reply->result = VSS_E_OBJECT_NOT_FOUND;
		else
			remove_records(world, record, is_record);
		break;
	case VSSD_STEP_IMPORT:
		reply->result = import(provider, &request->snapshot, &record);
		if (reply->result == S_OK)
			give_snapshots(provider, reply, record);
		break;
	case VSSD_STEP_BREAK:
		reply->result = break_set(provider, &request->set, request->context);
		break;
	case VSSD_STEP_REVERT:
		reply->result = revert(provider, &request->snapshot, request->flag);
		break;
	case VSSD_STEP_QUERY_REVERT:
		reply->value = world->fault.provider_percent;
		break;
	default:
		break;
	}
}

static void give(struct answer *answer)
{
	struct vssd_provider_reply reply = { .result = answer->result };

	if (VSS_FAILED(answer->result))
		reply.message = "the stand-in was told to fail";
	else
		carry_out(answer->impl, answer, &reply);
	answer->provider_done(answer->arg, &reply);
	free_snapshots(&reply);
}

static void on_call(void *impl, const struct vssd_provider_request *request, vssd_provider_done done,
		    void *arg)
{
	struct standin_provider *provider = impl;
	struct world *world = provider->machine->world;
	bool hit = world->fault.provider && world->fault.step == request->step;
	struct answer *answer = answer_new(world, impl, arg, give);

	answer->request = *request;
	if (request->volume) {
		answer->volume = strdup(request->volume);
		answer->request.volume = answer->volume;
	}
	/* An import is asked for by what was recorded of the shadow copy. */
	if (request->step == VSSD_STEP_IMPORT && request->record)
		answer->request.snapshot = request->record->prop.snapshot_id;
	answer->provider_done = done;
	answer->result = hit ? world->fault.provider_result : S_OK;
	answer_send(answer, hit ? world->fault.provider_seconds : 0);
}

static void on_forget(void *impl, void *arg)
{
	struct standin_provider *provider = impl;

	answer_forget(provider->machine->world, impl, arg);
}

static void on_kill(void *impl)
{
	(void)impl;
}

static const struct vssd_provider_driver driver = { on_call, on_forget, on_kill };

bool providers_add(struct machine *machine)
{
	static const struct {
		const struct vss_uuid *id;
		const char *name;
		enum vss_provider_type type;
		bool holds;
	} kinds[] = {
		{ &world_system_id, "stand-in for the system provider", VSS_PROV_SYSTEM, true },
		{ &world_software_id, "stand-in software provider", VSS_PROV_SOFTWARE, true },
		{ &world_array_id, "stand-in array", VSS_PROV_HARDWARE, true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct standin_provider *provider = &machine->providers[i];
		const struct vss_provider_prop prop = {
			.provider_id = *kinds[i].id,
			.provider_name = (char *)kinds[i].name,
			.provider_type = kinds[i].type,
			.provider_version = (char *)"1",
		};

		provider->machine = machine;
		provider->id = kinds[i].id;
		if (VSS_FAILED(vssd_provider_add(machine->core, &prop, kinds[i].holds, &driver, provider,
						 &provider->provider, NULL)))
			return false;
	}
	return true;
}

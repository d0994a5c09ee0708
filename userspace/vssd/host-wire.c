// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vssd and a provider host say to each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host-wire.h"

#define ID		"(yyyay)"
#define LUN		"(uusssssa" ID "tus)"
#define EXTENT		"(ttt)"
#define MAPPING		"(" LUN "b" LUN "a" EXTENT ")"

/* More than any volume consists of; what comes beyond is garbage. */
#define MAX_LUNS	4096
#define MAX_IDS		256
#define MAX_EXTENTS	1000000
#define MAX_SNAPSHOTS	100000

/* ---- helpers: one more element of an array, zeroed ---- */

static void *grow(void **array, size_t *count, size_t size, size_t max)
{
	void *more;

	if (*count >= max)
		return NULL;
	/* Doubled: at each power of two. */
	if (!(*count & (*count - 1))) {
		more = reallocarray(*array, *count ? *count * 2 : 1, size);
		if (!more)
			return NULL;
		*array = more;
	}
	more = (char *)*array + *count * size;
	memset(more, 0, size);
	(*count)++;
	return more;
}

/* "" stands for NULL. */
static int read_string(sd_bus_message *m, char **value)
{
	const char *text;
	int ret = sd_bus_message_read_basic(m, 's', &text);

	if (ret < 0)
		return ret;
	free(*value);
	*value = text[0] ? strdup(text) : NULL;
	return text[0] && !*value ? -ENOMEM : 0;
}

static int read_variant_string(sd_bus_message *m, char **value)
{
	int ret = sd_bus_message_enter_container(m, 'v', "s");

	if (ret < 0 || (ret = read_string(m, value)) < 0)
		return ret;
	return sd_bus_message_exit_container(m);
}

static int read_variant_uuid(sd_bus_message *m, struct vss_uuid *uuid)
{
	const char *text;
	int ret = sd_bus_message_read(m, "v", "s", &text);

	if (ret < 0)
		return ret;
	return vssd_wire_parse_uuid(text, uuid) ? 0 : -EBADMSG;
}

static int read_variant_bool(sd_bus_message *m, bool *value)
{
	int number, ret = sd_bus_message_read(m, "v", "b", &number);

	*value = ret >= 0 && number;
	return ret;
}

static int read_variant_u32(sd_bus_message *m, uint32_t *value)
{
	return sd_bus_message_read(m, "v", "u", value);
}

/* ---- LUNs ---- */

static int append_ids(sd_bus_message *m, const struct vss_lun_info *lun)
{
	int ret = sd_bus_message_open_container(m, 'a', ID);

	for (size_t i = 0; ret >= 0 && i < lun->nr_ids; i++) {
		const struct vss_storage_id *id = &lun->ids[i];

		if ((ret = sd_bus_message_open_container(m, 'r', "yyyay")) < 0 ||
		    (ret = sd_bus_message_append(m, "yyy", id->code_set, id->type, id->association)) < 0 ||
		    (ret = sd_bus_message_append_array(m, 'y', id->bytes, id->size)) < 0)
			return ret;
		ret = sd_bus_message_close_container(m);
	}
	return ret < 0 ? ret : sd_bus_message_close_container(m);
}

static int append_lun(sd_bus_message *m, const struct vss_lun_info *lun)
{
	int ret;

	if ((ret = sd_bus_message_open_container(m, 'r', "uusssssa" ID "tus")) < 0 ||
	    (ret = sd_bus_message_append(m, "uu", (uint32_t)lun->device_type, (uint32_t)lun->bus_type)) < 0 ||
	    (ret = vssd_wire_append_string(m, lun->vendor)) < 0 ||
	    (ret = vssd_wire_append_string(m, lun->product)) < 0 ||
	    (ret = vssd_wire_append_string(m, lun->revision)) < 0 ||
	    (ret = vssd_wire_append_string(m, lun->serial)) < 0 ||
	    (ret = vssd_wire_append_uuid(m, &lun->disk_signature)) < 0 ||
	    (ret = append_ids(m, lun)) < 0 ||
	    (ret = sd_bus_message_append(m, "tu", lun->size, lun->block_size)) < 0 ||
	    (ret = vssd_wire_append_string(m, lun->interconnect)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

static int append_mapping(sd_bus_message *m, const struct vss_lun_mapping *mapping)
{
	static const struct vss_lun_info none;
	int ret;

	if ((ret = sd_bus_message_open_container(m, 'r', LUN "b" LUN "a" EXTENT)) < 0 ||
	    (ret = append_lun(m, &mapping->source)) < 0 ||
	    (ret = sd_bus_message_append(m, "b", (int)mapping->has_destination)) < 0 ||
	    (ret = append_lun(m, mapping->has_destination ? &mapping->destination : &none)) < 0 ||
	    (ret = sd_bus_message_open_container(m, 'a', EXTENT)) < 0)
		return ret;
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		const struct vss_lun_extent *e = &mapping->extents[i];

		ret = sd_bus_message_append(m, EXTENT, e->volume_offset, e->lun_offset, e->length);
		if (ret < 0)
			return ret;
	}
	if ((ret = sd_bus_message_close_container(m)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

static int append_luns(sd_bus_message *m, const struct vss_lun_mapping *luns, size_t count)
{
	int ret;

	if (!count)
		return 0;
	if ((ret = sd_bus_message_open_container(m, 'e', "sv")) < 0 ||
	    (ret = sd_bus_message_append(m, "s", "luns")) < 0 ||
	    (ret = sd_bus_message_open_container(m, 'v', "a" MAPPING)) < 0 ||
	    (ret = sd_bus_message_open_container(m, 'a', MAPPING)) < 0)
		return ret;
	for (size_t i = 0; ret >= 0 && i < count; i++)
		ret = append_mapping(m, &luns[i]);
	for (int i = 0; ret >= 0 && i < 3; i++)
		ret = sd_bus_message_close_container(m);
	return ret;
}

static int read_ids(sd_bus_message *m, struct vss_lun_info *lun)
{
	int ret = sd_bus_message_enter_container(m, 'a', ID);

	while (ret >= 0 && (ret = sd_bus_message_enter_container(m, 'r', "yyyay")) > 0) {
		struct vss_storage_id *id = grow((void **)&lun->ids, &lun->nr_ids, sizeof(*id), MAX_IDS);
		const void *bytes;
		size_t size;

		if (!id)
			return -ENOMEM;
		if ((ret = sd_bus_message_read(m, "yyy", &id->code_set, &id->type, &id->association)) < 0 ||
		    (ret = sd_bus_message_read_array(m, 'y', &bytes, &size)) < 0)
			return ret;
		if (size > sizeof(id->bytes))
			return -EBADMSG;
		id->size = (uint8_t)size;
		if (size)
			memcpy(id->bytes, bytes, size);
		ret = sd_bus_message_exit_container(m);
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_lun(sd_bus_message *m, struct vss_lun_info *lun)
{
	uint32_t device_type, bus_type;
	const char *signature;
	int ret;

	if ((ret = sd_bus_message_enter_container(m, 'r', "uusssssa" ID "tus")) < 0 ||
	    (ret = sd_bus_message_read(m, "uu", &device_type, &bus_type)) < 0 ||
	    (ret = read_string(m, &lun->vendor)) < 0 ||
	    (ret = read_string(m, &lun->product)) < 0 ||
	    (ret = read_string(m, &lun->revision)) < 0 ||
	    (ret = read_string(m, &lun->serial)) < 0 ||
	    (ret = sd_bus_message_read(m, "s", &signature)) < 0 ||
	    (ret = read_ids(m, lun)) < 0 ||
	    (ret = sd_bus_message_read(m, "tu", &lun->size, &lun->block_size)) < 0 ||
	    (ret = read_string(m, &lun->interconnect)) < 0)
		return ret;
	if (device_type > UINT8_MAX || !vssd_wire_parse_uuid(signature, &lun->disk_signature))
		return -EBADMSG;
	lun->device_type = (uint8_t)device_type;
	lun->bus_type = (enum vss_bus_type)bus_type;
	return sd_bus_message_exit_container(m);
}

static int read_extents(sd_bus_message *m, struct vss_lun_mapping *mapping)
{
	uint64_t volume_offset, lun_offset, length;
	int ret = sd_bus_message_enter_container(m, 'a', EXTENT);

	while (ret >= 0 &&
	       (ret = sd_bus_message_read(m, EXTENT, &volume_offset, &lun_offset, &length)) > 0) {
		struct vss_lun_extent *e = grow((void **)&mapping->extents, &mapping->nr_extents,
						sizeof(*e), MAX_EXTENTS);

		if (!e)
			return -ENOMEM;
		*e = (struct vss_lun_extent) { volume_offset, lun_offset, length };
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_mapping(sd_bus_message *m, struct vss_lun_mapping *mapping)
{
	int ret, has_destination;

	if ((ret = read_lun(m, &mapping->source)) < 0 ||
	    (ret = sd_bus_message_read(m, "b", &has_destination)) < 0 ||
	    (ret = read_lun(m, &mapping->destination)) < 0 ||
	    (ret = read_extents(m, mapping)) < 0)
		return ret;
	mapping->has_destination = has_destination;
	return sd_bus_message_exit_container(m);
}

static int read_luns(sd_bus_message *m, struct vss_lun_mapping **luns, size_t *count)
{
	int ret = sd_bus_message_enter_container(m, 'v', "a" MAPPING);

	/* Twice given would leak; what is there first counts. */
	if (ret < 0 || *count)
		return ret < 0 ? ret : -EBADMSG;
	ret = sd_bus_message_enter_container(m, 'a', MAPPING);
	while (ret >= 0 &&
	       (ret = sd_bus_message_enter_container(m, 'r', LUN "b" LUN "a" EXTENT)) > 0) {
		struct vss_lun_mapping *mapping = grow((void **)luns, count, sizeof(*mapping), MAX_LUNS);

		if (!mapping)
			return -ENOMEM;
		ret = read_mapping(m, mapping);
	}
	if (ret >= 0)
		ret = sd_bus_message_exit_container(m);
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static void luns_free(struct vss_lun_mapping *luns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_lun_mapping_clear(&luns[i]);
	free(luns);
}

/* ---- what a provider tells of a shadow copy ---- */

static int append_snapshot(sd_bus_message *m, const struct vss_provider_snapshot *snapshot)
{
	const struct vss_snapshot_prop *prop = &snapshot->prop;
	int ret;

	if ((ret = sd_bus_message_open_container(m, 'a', "{sv}")) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "id", &prop->snapshot_id)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "set", &prop->snapshot_set_id)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "count", prop->snapshots_count)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "device", prop->device_object)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "volume", prop->original_volume_name)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "machine", prop->originating_machine)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "provider", &prop->provider_id)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "attributes", prop->attributes)) < 0 ||
	    (ret = vssd_wire_entry_u64(m, "time", prop->creation_time)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "state", prop->status)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "data", snapshot->provider_data)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "filesystem", snapshot->fs_uuid)) < 0 ||
	    (ret = append_luns(m, snapshot->luns, snapshot->nr_luns)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

static int take_snapshot(sd_bus_message *m, const char *key, void *data)
{
	struct vss_provider_snapshot *snapshot = data;
	struct vss_snapshot_prop *prop = &snapshot->prop;
	uint32_t state;
	int ret;

	if (!strcmp(key, "id"))
		return read_variant_uuid(m, &prop->snapshot_id);
	if (!strcmp(key, "set"))
		return read_variant_uuid(m, &prop->snapshot_set_id);
	if (!strcmp(key, "count"))
		return read_variant_u32(m, &prop->snapshots_count);
	if (!strcmp(key, "device"))
		return read_variant_string(m, &prop->device_object);
	if (!strcmp(key, "volume"))
		return read_variant_string(m, &prop->original_volume_name);
	if (!strcmp(key, "machine"))
		return read_variant_string(m, &prop->originating_machine);
	if (!strcmp(key, "provider"))
		return read_variant_uuid(m, &prop->provider_id);
	if (!strcmp(key, "attributes"))
		return read_variant_u32(m, &prop->attributes);
	if (!strcmp(key, "time"))
		return sd_bus_message_read(m, "v", "t", &prop->creation_time);
	if (!strcmp(key, "data"))
		return read_variant_string(m, &snapshot->provider_data);
	if (!strcmp(key, "filesystem"))
		return read_variant_string(m, &snapshot->fs_uuid);
	if (!strcmp(key, "luns"))
		return read_luns(m, &snapshot->luns, &snapshot->nr_luns);
	if (strcmp(key, "state"))
		return sd_bus_message_skip(m, "v");
	ret = read_variant_u32(m, &state);
	if (ret >= 0 && state >= VSS_SS_COUNT)
		return -EBADMSG;
	if (ret >= 0)
		prop->status = (enum vss_snapshot_state_ex)state;
	return ret;
}

/* ---- who the provider is ---- */

int host_wire_append_description(sd_bus_message *m, const struct host_description *description)
{
	const struct vss_provider_prop *prop = &description->prop;
	int ret;

	if ((ret = sd_bus_message_open_container(m, 'a', "{sv}")) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "id", &prop->provider_id)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "name", prop->provider_name)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "type", prop->provider_type)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "version", prop->provider_version)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "version-id", &prop->provider_version_id)) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "holds", description->holds)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

static int take_description(sd_bus_message *m, const char *key, void *data)
{
	struct host_description *description = data;
	struct vss_provider_prop *prop = &description->prop;
	uint32_t type;
	int ret;

	if (!strcmp(key, "id"))
		return read_variant_uuid(m, &prop->provider_id);
	if (!strcmp(key, "name"))
		return read_variant_string(m, &prop->provider_name);
	if (!strcmp(key, "version"))
		return read_variant_string(m, &prop->provider_version);
	if (!strcmp(key, "version-id"))
		return read_variant_uuid(m, &prop->provider_version_id);
	if (!strcmp(key, "holds"))
		return read_variant_bool(m, &description->holds);
	if (strcmp(key, "type"))
		return sd_bus_message_skip(m, "v");
	ret = read_variant_u32(m, &type);
	if (ret >= 0 && type > VSS_PROV_FILESHARE)
		return -EBADMSG;
	if (ret >= 0)
		prop->provider_type = (enum vss_provider_type)type;
	return ret;
}

int host_wire_read_description(sd_bus_message *m, struct host_description *description)
{
	int ret;

	memset(description, 0, sizeof(*description));
	ret = vssd_wire_read_dict(m, take_description, description);
	if (ret < 0)
		return ret;
	if (vss_uuid_is_null(&description->prop.provider_id) || !description->prop.provider_name)
		return -EBADMSG;
	return 0;
}

void host_description_clear(struct host_description *description)
{
	vss_free_provider_properties(&description->prop);
}

/* ---- requests ---- */

int host_wire_append_request(sd_bus_message *m, const struct vssd_provider_request *request)
{
	int ret;

	if ((ret = sd_bus_message_append(m, "u", (uint32_t)request->step)) < 0 ||
	    (ret = sd_bus_message_open_container(m, 'a', "{sv}")) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "set", &request->set)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "snapshot", &request->snapshot)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "context", request->context)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "timeout", request->timeout_ms)) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "flag", request->flag)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "volume", request->volume)) < 0 ||
	    (ret = append_luns(m, request->luns, request->nr_luns)) < 0)
		return ret;
	if (request->record) {
		if ((ret = sd_bus_message_open_container(m, 'e', "sv")) < 0 ||
		    (ret = sd_bus_message_append(m, "s", "record")) < 0 ||
		    (ret = sd_bus_message_open_container(m, 'v', "a{sv}")) < 0 ||
		    (ret = append_snapshot(m, request->record)) < 0 ||
		    (ret = sd_bus_message_close_container(m)) < 0 ||
		    (ret = sd_bus_message_close_container(m)) < 0)
			return ret;
	}
	return sd_bus_message_close_container(m);
}

static int take_request(sd_bus_message *m, const char *key, void *data)
{
	struct host_request *r = data;
	int ret;

	if (!strcmp(key, "set"))
		return read_variant_uuid(m, &r->request.set);
	if (!strcmp(key, "snapshot"))
		return read_variant_uuid(m, &r->request.snapshot);
	if (!strcmp(key, "context"))
		return read_variant_u32(m, &r->request.context);
	if (!strcmp(key, "timeout"))
		return read_variant_u32(m, &r->request.timeout_ms);
	if (!strcmp(key, "flag"))
		return read_variant_bool(m, &r->request.flag);
	if (!strcmp(key, "volume"))
		return read_variant_string(m, &r->volume);
	if (!strcmp(key, "luns"))
		return read_luns(m, &r->luns, &r->nr_luns);
	if (strcmp(key, "record"))
		return sd_bus_message_skip(m, "v");
	r->has_record = true;
	if ((ret = sd_bus_message_enter_container(m, 'v', "a{sv}")) < 0 ||
	    (ret = vssd_wire_read_dict(m, take_snapshot, &r->record)) < 0)
		return ret;
	return sd_bus_message_exit_container(m);
}

int host_wire_read_request(sd_bus_message *m, struct host_request *r)
{
	uint32_t step;
	int ret;

	memset(r, 0, sizeof(*r));
	if ((ret = sd_bus_message_read(m, "u", &step)) < 0 ||
	    (ret = vssd_wire_read_dict(m, take_request, r)) < 0)
		return ret;
	if (step >= VSSD_STEP_COUNT)
		return -EBADMSG;
	r->request.step = (enum vssd_step)step;
	r->request.volume = r->volume;
	r->request.luns = r->luns;
	r->request.nr_luns = r->nr_luns;
	r->request.record = r->has_record ? &r->record : NULL;
	return 0;
}

void host_request_clear(struct host_request *r)
{
	free(r->volume);
	luns_free(r->luns, r->nr_luns);
	vss_provider_snapshot_clear(&r->record);
	memset(r, 0, sizeof(*r));
}

/* ---- replies ---- */

int host_wire_append_reply(sd_bus_message *m, const struct vssd_provider_reply *reply)
{
	int ret;

	if ((ret = sd_bus_message_append(m, "u", reply->result)) < 0 ||
	    (ret = vssd_wire_append_string(m, reply->message)) < 0 ||
	    (ret = sd_bus_message_open_container(m, 'a', "{sv}")) < 0 ||
	    (ret = vssd_wire_entry_bool(m, "present", reply->present)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "value", reply->value)) < 0)
		return ret;
	if (reply->nr_snapshots) {
		if ((ret = sd_bus_message_open_container(m, 'e', "sv")) < 0 ||
		    (ret = sd_bus_message_append(m, "s", "snapshots")) < 0 ||
		    (ret = sd_bus_message_open_container(m, 'v', "aa{sv}")) < 0 ||
		    (ret = sd_bus_message_open_container(m, 'a', "a{sv}")) < 0)
			return ret;
		for (size_t i = 0; ret >= 0 && i < reply->nr_snapshots; i++)
			ret = append_snapshot(m, &reply->snapshots[i]);
		for (int i = 0; ret >= 0 && i < 3; i++)
			ret = sd_bus_message_close_container(m);
		if (ret < 0)
			return ret;
	}
	return sd_bus_message_close_container(m);
}

static int read_snapshots(sd_bus_message *m, struct host_reply *r)
{
	int ret = sd_bus_message_enter_container(m, 'v', "aa{sv}");

	if (ret >= 0)
		ret = sd_bus_message_enter_container(m, 'a', "a{sv}");
	while (ret >= 0 && (ret = sd_bus_message_at_end(m, 0)) == 0) {
		struct vss_provider_snapshot *snapshot = grow((void **)&r->snapshots, &r->nr_snapshots,
							      sizeof(*snapshot), MAX_SNAPSHOTS);

		if (!snapshot)
			return -ENOMEM;
		ret = vssd_wire_read_dict(m, take_snapshot, snapshot);
		if (ret >= 0 && vss_uuid_is_null(&snapshot->prop.snapshot_id))
			return -EBADMSG;
	}
	if (ret >= 0)
		ret = sd_bus_message_exit_container(m);
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int take_reply(sd_bus_message *m, const char *key, void *data)
{
	struct host_reply *r = data;

	if (!strcmp(key, "present"))
		return read_variant_bool(m, &r->reply.present);
	if (!strcmp(key, "value"))
		return read_variant_u32(m, &r->reply.value);
	if (!strcmp(key, "snapshots"))
		return r->nr_snapshots ? -EBADMSG : read_snapshots(m, r);
	return sd_bus_message_skip(m, "v");
}

int host_wire_read_reply(sd_bus_message *m, struct host_reply *r)
{
	int ret;

	memset(r, 0, sizeof(*r));
	if ((ret = sd_bus_message_read(m, "us", &r->reply.result, &r->reply.message)) < 0 ||
	    (ret = vssd_wire_read_dict(m, take_reply, r)) < 0)
		return ret;
	r->reply.snapshots = r->snapshots;
	r->reply.nr_snapshots = r->nr_snapshots;
	return 0;
}

void host_reply_clear(struct host_reply *r)
{
	for (size_t i = 0; i < r->nr_snapshots; i++)
		vss_provider_snapshot_clear(&r->snapshots[i]);
	free(r->snapshots);
	memset(r, 0, sizeof(*r));
}

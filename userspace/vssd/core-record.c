// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of sets: one JSON file for each, state_dir/sets/SET.json, written anew
 * and renamed into place.  A record says what vssd has to do or undo after a
 * crash, and what the kernel and the providers cannot tell of a copy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core-internal.h"

#define RECORD_VERSION	1

static const char *const state_names[] = {
	[SET_CREATING] = "creating",
	[SET_CREATED] = "created",
	[SET_DOOMED] = "deleting",
};

/* ---- writing ---- */

static void add(json_object *object, const char *key, json_object *value)
{
	json_object_object_add(object, key, value);
}

static void add_uuid(json_object *object, const char *key, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	add(object, key, json_object_new_string(vss_uuid_format(uuid, text)));
}

static void add_text(json_object *object, const char *key, const char *text)
{
	if (text && text[0])
		add(object, key, json_object_new_string(text));
}

/* As much of a LUN as it takes to know it again. */
static json_object *lun_to_json(const struct vss_lun_info *lun)
{
	json_object *object = json_object_new_object(), *ids = json_object_new_array();

	add(object, "device-type", json_object_new_int(lun->device_type));
	add_text(object, "vendor", lun->vendor);
	add_text(object, "product", lun->product);
	add_text(object, "serial", lun->serial);
	for (size_t i = 0; i < lun->nr_ids; i++) {
		const struct vss_storage_id *id = &lun->ids[i];
		json_object *entry = json_object_new_object();
		char hex[2 * sizeof(id->bytes) + 1] = "";

		for (size_t j = 0; j < id->size; j++)
			snprintf(hex + 2 * j, 3, "%02x", id->bytes[j]);
		add(entry, "code-set", json_object_new_int(id->code_set));
		add(entry, "type", json_object_new_int(id->type));
		add(entry, "association", json_object_new_int(id->association));
		add(entry, "bytes", json_object_new_string(hex));
		json_object_array_add(ids, entry);
	}
	add(object, "ids", ids);
	return object;
}

static json_object *snapshot_to_json(const struct snapshot *snapshot)
{
	const struct vss_snapshot_prop *prop = &snapshot->prop;
	json_object *object = json_object_new_object();

	add_uuid(object, "id", &prop->snapshot_id);
	add_uuid(object, "provider", &prop->provider_id);
	add_text(object, "volume", prop->original_volume_name);
	add_text(object, "device", prop->device_object);
	add_text(object, "originating-machine", prop->originating_machine);
	add_text(object, "service-machine", prop->service_machine);
	add_text(object, "exposed", prop->exposed_name);
	add_text(object, "filesystem", snapshot->filesystem);
	add_text(object, "provider-data", snapshot->provider_data);
	add(object, "size", json_object_new_uint64(snapshot->size));
	add(object, "count", json_object_new_int64(prop->snapshots_count));
	add(object, "attributes", json_object_new_int64(prop->attributes));
	add(object, "time", json_object_new_uint64(prop->creation_time));
	if (snapshot->nr_originals) {
		json_object *luns = json_object_new_array();

		for (size_t i = 0; i < snapshot->nr_originals; i++)
			json_object_array_add(luns, lun_to_json(&snapshot->originals[i]));
		add(object, "original-luns", luns);
	}
	return object;
}

static json_object *set_to_json(const struct set *set)
{
	json_object *object = json_object_new_object();
	json_object *snapshots = json_object_new_array();
	const struct snapshot *snapshot;

	add(object, "version", json_object_new_int(RECORD_VERSION));
	add_uuid(object, "set", &set->id);
	add_uuid(object, "session", &set->session);
	add_text(object, "state", state_names[set->state]);
	add(object, "context", json_object_new_int64(set->context));
	add(object, "imported", json_object_new_boolean(set->imported));
	add(object, "saved", json_object_new_boolean(set->saved));
	TAILQ_FOREACH(snapshot, &set->snapshots, link)
		json_object_array_add(snapshots, snapshot_to_json(snapshot));
	add(object, "snapshots", snapshots);
	return object;
}

static char *record_path(const struct set *set, const char *suffix)
{
	char id[VSS_UUID_TEXT_SIZE];

	return vssd_printf("%s/sets/%s.json%s", set->core->state_dir, vss_uuid_format(&set->id, id), suffix);
}

static int sync_dir(const struct vssd_core *core)
{
	_cleanup_free_ char *dir = vssd_printf("%s/sets", core->state_dir);
	_cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length = strlen(text);

	if (fd < 0)
		return -errno;
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int make_dirs(const struct vssd_core *core)
{
	_cleanup_free_ char *dir = vssd_printf("%s/sets", core->state_dir);

	if (mkdir(core->state_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

vss_result record_save(struct set *set, struct vss_error *err)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	json_object *object;
	int result;

	set->dirty = false;
	if (!set->core->state_dir)
		return S_OK;
	path = record_path(set, "");
	temporary = record_path(set, ".new");
	object = set_to_json(set);
	result = make_dirs(set->core);
	if (!result)
		result = write_file(temporary, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	if (!result && rename(temporary, path) < 0)
		result = -errno;
	if (!result)
		result = sync_dir(set->core);
	json_object_put(object);
	if (result)
		return core_error(err, VSS_E_UNEXPECTED, "the record %s of the shadow copy set cannot be written: %s",
				  path, strerror(-result));
	set->on_disk = true;
	return S_OK;
}

/* ---- later ---- */

static void save_dirty(void *arg)
{
	struct vssd_core *core = arg;
	struct vss_error err = { 0 };
	struct set *set;

	TAILQ_FOREACH(set, &core->sets, link)
		if (set->dirty && VSS_FAILED(record_save(set, &err)))
			core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, &set->session, "%s", err.text);
}

void record_touch(struct set *set)
{
	/* One with nothing left is removed next, record and all. */
	if (set->dirty || !set->nr_snapshots)
		return;
	set->dirty = true;
	core_when_loud(set->core, save_dirty, set->core);
}

static void remove_files(void *arg)
{
	struct vssd_core *core = arg;
	struct removal *removal;
	bool removed = false;
	int result;

	while ((removal = TAILQ_FIRST(&core->removals))) {
		TAILQ_REMOVE(&core->removals, removal, link);
		if (unlink(removal->path) < 0 && errno != ENOENT)
			core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, NULL,
				 "the record %s cannot be removed: %s", removal->path, strerror(errno));
		removed = true;
		removal_free(removal);
	}
	result = removed ? sync_dir(core) : 0;
	if (result)
		core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, NULL,
			 "the removal of records is not on disk yet: %s", strerror(-result));
}

void record_remove(struct set *set)
{
	struct vssd_core *core = set->core;
	struct removal *removal;

	set->on_disk = false;
	if (!core->state_dir)
		return;
	removal = vssd_alloc(sizeof(*removal));
	removal->path = record_path(set, "");
	TAILQ_INSERT_TAIL(&core->removals, removal, link);
	core_when_loud(core, remove_files, core);
}

void removal_free(struct removal *removal)
{
	free(removal->path);
	free(removal);
}

/* ---- reading ---- */

static const char *get_text(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool get_uuid(json_object *object, const char *key, struct vss_uuid *uuid)
{
	const char *text = get_text(object, key);

	return text && !vss_uuid_parse(text, uuid);
}

static uint64_t get_number(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_int))
		return 0;
	return json_object_get_uint64(value);
}

static bool get_bool(json_object *object, const char *key)
{
	json_object *value;

	return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static bool id_from_json(struct vss_storage_id *id, json_object *object)
{
	const char *hex = get_text(object, "bytes");
	unsigned int byte;

	if (!hex || strlen(hex) % 2 || strlen(hex) / 2 > sizeof(id->bytes))
		return false;
	id->code_set = (uint8_t)get_number(object, "code-set");
	id->type = (uint8_t)get_number(object, "type");
	id->association = (uint8_t)get_number(object, "association");
	for (; *hex; hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1)
			return false;
		id->bytes[id->size++] = (uint8_t)byte;
	}
	return true;
}

static void original_from_json(struct snapshot *snapshot, json_object *object)
{
	/* Copied with all it borrows. */
	struct vss_lun_info lun = {
		.device_type = (uint8_t)get_number(object, "device-type"),
		.vendor = (char *)get_text(object, "vendor"),
		.product = (char *)get_text(object, "product"),
		.serial = (char *)get_text(object, "serial"),
	};
	json_object *ids;
	size_t count = 0;

	if (json_object_object_get_ex(object, "ids", &ids) && json_object_is_type(ids, json_type_array))
		count = json_object_array_length(ids);
	lun.ids = vssd_alloc((count + 1) * sizeof(*lun.ids));
	for (size_t i = 0; i < count; i++)
		if (id_from_json(&lun.ids[lun.nr_ids], json_object_array_get_idx(ids, i)))
			lun.nr_ids++;
	snapshot_add_original(snapshot, &lun);
	free(lun.ids);
}

static bool snapshot_from_json(struct set *set, json_object *object)
{
	struct vss_uuid id, provider;
	struct snapshot *snapshot;
	json_object *luns;
	const char *text;

	if (!json_object_is_type(object, json_type_object) || !get_uuid(object, "id", &id) ||
	    !get_uuid(object, "provider", &provider))
		return false;
	text = get_text(object, "volume");
	snapshot = set_add(set, &id, &provider, text ? text : "");
	if ((text = get_text(object, "device")))
		vssd_replace(&snapshot->prop.device_object, text);
	if ((text = get_text(object, "originating-machine")))
		vssd_replace(&snapshot->prop.originating_machine, text);
	if ((text = get_text(object, "service-machine")))
		vssd_replace(&snapshot->prop.service_machine, text);
	vssd_replace(&snapshot->prop.exposed_name, get_text(object, "exposed"));
	snapshot->filesystem = vssd_strdup(get_text(object, "filesystem"));
	snapshot->provider_data = vssd_strdup(get_text(object, "provider-data"));
	snapshot->size = get_number(object, "size");
	snapshot->prop.snapshots_count = (uint32_t)get_number(object, "count");
	snapshot->prop.attributes = (uint32_t)get_number(object, "attributes");
	snapshot->prop.creation_time = get_number(object, "time");
	if (json_object_object_get_ex(object, "original-luns", &luns) &&
	    json_object_is_type(luns, json_type_array))
		for (size_t i = 0; i < json_object_array_length(luns); i++)
			original_from_json(snapshot, json_object_array_get_idx(luns, i));
	return true;
}

static struct set *set_from_json(struct vssd_core *core, json_object *object)
{
	json_object *snapshots;
	struct vss_uuid id;
	const char *state;
	struct set *set;

	if (!json_object_is_type(object, json_type_object) || get_number(object, "version") != RECORD_VERSION ||
	    !get_uuid(object, "set", &id) || !(state = get_text(object, "state")) ||
	    !json_object_object_get_ex(object, "snapshots", &snapshots) ||
	    !json_object_is_type(snapshots, json_type_array) || set_find(core, &id))
		return NULL;
	set = set_new(core, &id, (uint32_t)get_number(object, "context"));
	get_uuid(object, "session", &set->session);
	set->imported = get_bool(object, "imported");
	set->saved = get_bool(object, "saved");
	set->on_disk = true;
	set->state = !strcmp(state, state_names[SET_CREATED]) ? SET_CREATED :
		     !strcmp(state, state_names[SET_DOOMED]) ? SET_DOOMED : SET_CREATING;
	for (size_t i = 0; i < json_object_array_length(snapshots); i++)
		if (!snapshot_from_json(set, json_object_array_get_idx(snapshots, i))) {
			set_free(set);
			return NULL;
		}
	return set;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && !strcmp(text + length - end_length, end);
}

void records_load(struct vssd_core *core)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (!core->state_dir)
		return;
	path = vssd_printf("%s/sets", core->state_dir);
	dir = opendir(path);
	if (!dir) {
		if (errno != ENOENT)
			core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, NULL,
				 "the records in %s cannot be read: %s", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *file = vssd_printf("%s/%s", path, entry->d_name);
		struct set *set = NULL;
		json_object *object;

		/* Half-written ones never came to their names. */
		if (ends_with(entry->d_name, ".new"))
			unlink(file);
		if (!ends_with(entry->d_name, ".json"))
			continue;
		object = json_object_from_file(file);
		if (object)
			set = set_from_json(core, object);
		json_object_put(object);
		if (set)
			TAILQ_INSERT_TAIL(&core->sets, set, link);
		else
			core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, NULL,
				 "the record %s is damaged and left alone", file);
	}
}

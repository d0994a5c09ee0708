// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow copies of the system provider that exist, and those in persistent diff areas
 * that are not loaded: vssd keeps the area's UUID with its record of each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "internal.h"
#include "revert-internal.h"

/* Begins what is told of where a copy is; the area's UUID follows. */
#define AREA_DATA	"diff-area "

/* One that is lost is told like others until it is deleted: reading it fails. */
static bool exists(const struct vss_kernel_snapshot *snapshot)
{
	return snapshot->state == VSS_SNAPSHOT_ALIVE || snapshot->state == VSS_SNAPSHOT_LOST;
}

static bool describe(const struct vss_kernel_snapshot *snapshot, struct vss_snapshot_prop *prop)
{
	char volume[VSS_BLOCKDEV_NODE_SIZE];

	prop->snapshot_id = snapshot->uuid;
	prop->snapshot_set_id = snapshot->set;
	prop->provider_id = system_id;
	prop->attributes = VSS_VOLSNAP_ATTR_DIFFERENTIAL;
	prop->creation_time = snapshot->time;
	prop->snapshots_count = snapshot->members;
	prop->status = snapshot->state == VSS_SNAPSHOT_ALIVE ? VSS_SS_CREATED : VSS_SS_ABORTED;
	vss_blockdev_node(snapshot->volume_name, volume, sizeof(volume));
	prop->original_volume_name = strdup(volume);
	if (vss_snapshot_node(snapshot, 0, &prop->device_object) == -ENOMEM)
		prop->device_object = NULL;
	return prop->original_volume_name && prop->device_object;
}

/* False: no memory. */
static bool describe_area(const struct vss_kernel_snapshot *snapshot, const struct vss_kernel_area *areas,
			  size_t count, char **data)
{
	char id[VSS_UUID_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		if (areas[i].persistent && areas[i].volume.major == snapshot->volume.major &&
		    areas[i].volume.minor == snapshot->volume.minor) {
			if (asprintf(data, AREA_DATA "%s", vss_uuid_format(&areas[i].uuid, id)) < 0)
				*data = NULL;
			return *data;
		}
	return true;
}

vss_result system_list(struct vss_kernel *kernel, struct vss_provider_snapshot **snapshots, size_t *count,
		       struct vss_error *err)
{
	_cleanup_free_ struct vss_kernel_snapshot *found = NULL;
	struct vss_provider_snapshot *list;
	struct vss_kernel_area *areas;
	vss_result result = S_OK;
	size_t nr_found, nr_areas, n = 0;

	if (vss_kernel_snapshot_list(kernel, NULL, NULL, &found, &nr_found) ||
	    vss_kernel_area_list(kernel, NULL, &areas, &nr_areas))
		return system_kernel_fail(kernel, system_allowed_object, err);
	list = calloc(nr_found + 1, sizeof(*list));
	if (!list)
		result = E_OUTOFMEMORY;
	for (size_t i = 0; result == S_OK && i < nr_found; i++) {
		struct vss_provider_snapshot *next = &list[n];

		if (!exists(&found[i]))
			continue;
		n++;
		if (!describe(&found[i], &next->prop) ||
		    !describe_area(&found[i], areas, nr_areas, &next->provider_data))
			result = E_OUTOFMEMORY;
	}
	vss_kernel_area_list_free(areas, nr_areas);
	if (result == S_OK) {
		*snapshots = list;
		*count = n;
		return S_OK;
	}
	while (n)
		vss_provider_snapshot_clear(&list[--n]);
	free(list);
	return result;
}

vss_result system_get_snapshots(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
				struct vss_error *err)
{
	struct vss_kernel *kernel;
	vss_result result = system_kernel_open(false, &kernel, err);

	(void)state;
	*snapshots = NULL;
	*count = 0;
	if (kernel)
		result = system_list(kernel, snapshots, count, err);
	vss_kernel_close(kernel);
	return result;
}

/* 1 it is loaded, 0 it is not; else a negative errno. */
static int is_loaded(struct vss_kernel *kernel, const struct vss_uuid *area)
{
	struct vss_kernel_area *areas;
	int loaded = 0;
	size_t count;
	int ret = vss_kernel_area_list(kernel, NULL, &areas, &count);

	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++)
		if (areas[i].persistent && vss_uuid_equal(&areas[i].uuid, area))
			loaded = 1;
	vss_kernel_area_list_free(areas, count);
	return loaded;
}

/* The same for a shadow copy. */
static int is_there(struct vss_kernel *kernel, const struct vss_uuid *snapshot)
{
	struct vss_kernel_snapshot found;
	int ret = vss_kernel_snapshot_get(kernel, snapshot, &found);

	if (!ret)
		return exists(&found);
	return vss_kernel_result(kernel) == VSS_E_OBJECT_NOT_FOUND ? 0 : ret;
}

vss_result system_find(struct vss_kernel *kernel, const struct vss_uuid *snapshot, const struct vss_uuid *area,
		       struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];
	int loaded = 0;

	/* The area may be loaded, or its volume detached, between two questions. */
	for (int i = 0; kernel && i < 2; i++) {
		int there = is_there(kernel, snapshot);

		if (there > 0)
			return S_OK;
		loaded = there < 0 ? there : is_loaded(kernel, area);
		if (loaded < 0)
			return system_kernel_fail(kernel, system_allowed_object, err);
		if (!loaded)
			break;
	}
	if (loaded)
		return system_no_such(snapshot, err);
	vss_error_set(err, -ENODEV, VSS_E_MISSING_DISK,
		      "its persistent diff area %s is not loaded; load it with 'vssctl diff-area load VOLUME DEVICE...' "
		      "('vssctl diff-area dump' tells which area a device has), or, if there is no such area any more, have "
		      "it forgotten with 'vssctl delete --force'", vss_uuid_format(area, id));
	return VSS_E_MISSING_DISK;
}

vss_result system_import(void *state, struct vss_provider_snapshot *snapshot, struct vss_error *err)
{
	const size_t length = strlen(AREA_DATA);
	struct vss_kernel *kernel;
	struct vss_uuid area;
	vss_result result;

	(void)state;
	if (!snapshot->provider_data || strncmp(snapshot->provider_data, AREA_DATA, length) != 0 ||
	    vss_uuid_parse(snapshot->provider_data + length, &area)) {
		vss_error_set(err, -EOPNOTSUPP, E_NOTIMPL, "the system provider's shadow copies stay where they were made");
		return E_NOTIMPL;
	}
	result = system_kernel_open(false, &kernel, err);
	if (result == S_OK)
		result = system_find(kernel, &snapshot->prop.snapshot_id, &area, err);
	vss_kernel_close(kernel);
	return result;
}

vss_result system_no_such(const struct vss_uuid *snapshot, struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];

	vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy %s",
		      vss_uuid_format(snapshot, id));
	return VSS_E_OBJECT_NOT_FOUND;
}

static vss_result system_wanted(const struct vss_uuid *snapshot, struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];

	vss_uuid_format(snapshot, id);
	vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO, "the volume is to be set back to it at the next start of the machine; "
		      "take that back with 'vssctl revert --cancel %s', or use force", id);
	return VSS_E_PROVIDER_VETO;
}

vss_result system_delete(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	struct vss_kernel_snapshot found;
	struct vss_kernel *kernel;
	vss_result result;

	if (system_reverting_to(state, snapshot, err))
		return VSS_E_PROVIDER_VETO;
	result = system_kernel_open(false, &kernel, err);
	if (result != S_OK)
		return result;
	if (!kernel)
		return system_no_such(snapshot, err);
	if (vss_kernel_snapshot_get(kernel, snapshot, &found))
		result = system_kernel_fail(kernel, system_allowed_object, err);
	else if (!force && revert_is_wanted(kernel, &found))
		result = system_wanted(snapshot, err);
	else if (vss_kernel_snapshot_delete(kernel, snapshot, force))
		result = system_kernel_fail(kernel, system_allowed_object, err);
	else
		system_attached_release(kernel, &found.volume);
	vss_kernel_close(kernel);
	return result;
}

vss_result system_set_writable(void *state, const struct vss_uuid *snapshot, bool writable,
			       struct vss_error *err)
{
	struct vss_kernel *kernel;
	vss_result result;

	if (system_reverting_to(state, snapshot, err))
		return VSS_E_PROVIDER_VETO;
	result = system_kernel_open(false, &kernel, err);
	if (result != S_OK)
		return result;
	if (!kernel)
		return system_no_such(snapshot, err);
	if (vss_kernel_snapshot_set_flags(kernel, snapshot, writable ? VSS_SNAPSHOT_F_WRITABLE : 0, NULL))
		result = system_kernel_fail(kernel, system_allowed_object, err);
	vss_kernel_close(kernel);
	return result;
}

vss_result system_break(void *state, const struct vss_uuid *set, uint32_t flags, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)flags;
	vss_error_set(err, -EOPNOTSUPP, VSS_E_PROVIDER_VETO,
		      "shadow copies of the system provider are no volumes of their own and cannot "
		      "be broken off; copy the image's content");
	return VSS_E_PROVIDER_VETO;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUNs that exist: whose they are, making copies visible, taking LUNs away.
 */
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "lio-iscsi.h"

/* What LIO calls itself unless told otherwise.  Other disks are nothing to ask the array about. */
#define LIO_VENDOR	"LIO-ORG"

static vss_result enter(struct lio *lio)
{
	pthread_mutex_lock(&lio->mutex);
	connection_uncut(lio->conn);
	return S_OK;
}

static vss_result leave(struct lio *lio, vss_result result)
{
	pthread_mutex_unlock(&lio->mutex);
	return result;
}

static bool may_be_ours(const struct vss_lun_info *lun)
{
	return lun->serial && lun->serial[0] && lun->vendor && !strcmp(lun->vendor, LIO_VENDOR);
}

/* ---- whose it is ---- */

/* Ask about LUNs by their serial numbers: a row for each, null for one that the array has not. */
static vss_result find(struct lio *lio, const struct vss_lun_info *luns, size_t n, json_object **answer,
		       json_object **rows, struct vss_error *err)
{
	json_object *request = json_object_new_object(), *serials = json_object_new_array();
	vss_result result;

	for (size_t i = 0; i < n; i++)
		json_object_array_add(serials, json_object_new_string(luns[i].serial));
	json_object_object_add(request, "op", json_object_new_string("find"));
	json_object_object_add(request, "serials", serials);
	result = connection_ask(lio->conn, request, true, 0, answer, err);
	if (result != S_OK)
		return result;
	if (json_object_object_get_ex(*answer, "luns", rows) && json_object_is_type(*rows, json_type_array) &&
	    json_object_array_length(*rows) == n)
		return S_OK;
	json_object_put(*answer);
	return lio_fail(err, VSS_E_PROVIDER_VETO, "the array at %s answers what is not understood",
			lio->config.address);
}

vss_result lio_fill_in(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	json_object *answer, *rows, *row, *volume;
	struct lio *lio = state;
	vss_result result;
	char *interconnect;

	(void)device;
	if (!may_be_ours(lun))
		return S_FALSE;
	enter(lio);
	result = find(lio, lun, 1, &answer, &rows, err);
	if (result != S_OK)
		return leave(lio, result);
	row = json_object_array_get_idx(rows, 0);
	result = S_FALSE;
	if (json_object_object_get_ex(row, "lv", &volume)) {
		interconnect = lio_interconnect(connection_target(lio->conn), json_object_get_string(volume));
		result = interconnect ? S_OK : lio_fail(err, E_OUTOFMEMORY, "out of memory");
		if (interconnect) {
			free(lun->interconnect);
			lun->interconnect = interconnect;
		}
	}
	json_object_put(answer);
	return leave(lio, result);
}

vss_result lio_luns_supported(void *state, uint32_t context, const struct vss_lun_info *luns, size_t n,
			      struct vss_error *err)
{
	json_object *answer, *rows, *thin, *mapped;
	struct lio *lio = state;
	vss_result result;

	/* A thin snapshot serves every context. */
	(void)context;
	if (!n || n > LIO_MOST_LUNS)
		return S_FALSE;
	for (size_t i = 0; i < n; i++)
		if (!may_be_ours(&luns[i]))
			return S_FALSE;
	enter(lio);
	result = find(lio, luns, n, &answer, &rows, err);
	if (result != S_OK)
		return leave(lio, result);
	for (size_t i = 0; i < n; i++) {
		json_object *row = json_object_array_get_idx(rows, i);

		if (!json_object_object_get_ex(row, "thin", &thin) || !json_object_get_boolean(thin) ||
		    !json_object_object_get_ex(row, "mapped", &mapped) || !json_object_get_boolean(mapped))
			result = S_FALSE;
	}
	json_object_put(answer);
	return leave(lio, result);
}

/* ---- visible or not ---- */

/* Add a volume to a request, once. */
static bool add(json_object *volumes, const struct vss_lun_info *lun, struct vss_error *err)
{
	const char *volume = lio_volume_of(lun, err);
	json_object *row, *other;

	if (!volume)
		return false;
	for (size_t i = 0; i < json_object_array_length(volumes); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(volumes, i), "lv", &other) &&
		    !strcmp(json_object_get_string(other), volume))
			return true;
	row = json_object_new_object();
	json_object_object_add(row, "lv", json_object_new_string(volume));
	/* The array then sees to it that the record is not of another one. */
	if (lun->serial)
		json_object_object_add(row, "serial", json_object_new_string(lun->serial));
	json_object_array_add(volumes, row);
	return true;
}

/* @volumes is taken over. */
static vss_result change(struct lio *lio, const char *op, json_object *volumes, struct vss_error *err)
{
	json_object *request = json_object_new_object();
	vss_result result;

	json_object_object_add(request, "op", json_object_new_string(op));
	json_object_object_add(request, "luns", volumes);
	enter(lio);
	result = connection_ask(lio->conn, request, true, 0, NULL, err);
	return leave(lio, result);
}

static vss_result change_all(struct lio *lio, const char *op, const struct vss_lun_mapping *luns, size_t n,
			     bool originals, struct vss_error *err)
{
	json_object *volumes = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		const struct vss_lun_info *lun = originals ? &luns[i].source : &luns[i].destination;

		if (!add(volumes, lun, err)) {
			json_object_put(volumes);
			return VSS_E_PROVIDER_VETO;
		}
	}
	return change(lio, op, volumes, err);
}

vss_result lio_locate(void *state, const struct vss_lun_mapping *luns, size_t n, struct vss_error *err)
{
	return change_all(state, "map", luns, n, false, err);
}

vss_result lio_lun_empty(void *state, const char *device, const struct vss_lun_info *lun, struct vss_error *err)
{
	json_object *volumes = json_object_new_array();
	vss_result result;

	(void)device;
	if (!add(volumes, lun, err)) {
		json_object_put(volumes);
		return VSS_E_PROVIDER_VETO;
	}
	result = change(state, "delete", volumes, err);
	return result == VSS_E_OBJECT_NOT_FOUND ? VSS_E_PROVIDER_VETO : result;
}

vss_result lio_state_change(void *state, const struct vss_lun_mapping *luns, size_t n, uint32_t flags,
			    bool mask_originals, struct vss_error *err)
{
	vss_result result;

	/* Copies are writable on the array at any time: machines protect them. */
	if (!(flags & VSS_ONLUNSTATECHANGE_DO_MASK_LUNS))
		return S_OK;
	result = change_all(state, "unmap", luns, n, mask_originals, err);
	/* One that the array has lost nobody sees. */
	return result == VSS_E_OBJECT_NOT_FOUND ? VSS_E_PROVIDER_VETO : result;
}

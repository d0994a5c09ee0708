// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps of a set.
 *
 *	begin_prepare	collect the LUNs
 *	end_prepare	open the connection; the array makes the copies, with any content
 *	pre_commit	the array gets ready
 *	commit		the array takes all copies at one instant: one line there, one back
 *	pre_final	the array exports the copies, to nobody yet
 *	post_final	the array keeps them
 */
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "lio-iscsi.h"

/* Applications wait, then writes wait: milliseconds for the array's answer. */
#define ARM_LIMIT_MS	10000
#define TAKE_LIMIT_MS	5000

static vss_result leave(struct lio *lio, vss_result result)
{
	pthread_mutex_unlock(&lio->mutex);
	return result;
}

/* Take the mutex.  An abort may have come while a step ran, which was just done all the same. */
static void begin_call(struct lio *lio)
{
	pthread_mutex_lock(&lio->mutex);
	if (atomic_exchange(&lio->aborted, false))
		lio_set_forget(lio);
	connection_uncut(lio->conn);
}

/* With the mutex, if the set is the one in creation. */
static vss_result enter(struct lio *lio, const struct vss_uuid *set, struct vss_error *err)
{
	begin_call(lio);
	if (lio->has_set && vss_uuid_equal(&lio->set, set))
		return S_OK;
	return leave(lio, lio_fail(err, VSS_E_PROVIDER_VETO, "the shadow copy set is not known; the provider was "
				   "started anew, or has given it up"));
}

/* The same, and the step before this one is the last that is done. */
static vss_result enter_after(struct lio *lio, const struct vss_uuid *set, enum lio_stage before, struct vss_error *err)
{
	vss_result result = enter(lio, set, err);

	if (result != S_OK || lio->stage == before)
		return result;
	return leave(lio, lio_fail(err, VSS_E_PROVIDER_VETO, "a step of the shadow copy set was left out, or comes twice"));
}

/* The step has come to its end. */
static vss_result leave_at(struct lio *lio, vss_result result, enum lio_stage stage)
{
	if (result == S_OK)
		lio->stage = stage;
	return leave(lio, result);
}

void lio_set_forget(struct lio *lio)
{
	for (size_t i = 0; i < lio->n; i++) {
		free(lio->luns[i].volume);
		free(lio->luns[i].serial);
		free(lio->luns[i].copy);
		free(lio->luns[i].copy_serial);
	}
	memset(lio->luns, 0, sizeof(lio->luns));
	lio->n = 0;
	lio->has_set = false;
}

/* An identifier in the array's way of writing. */
static void hex(const struct vss_uuid *id, char text[VSS_UUID_TEXT_SIZE])
{
	char dashed[VSS_UUID_TEXT_SIZE];
	const char *from = vss_uuid_format(id, dashed);

	for (; *from; from++)
		if (*from != '-')
			*text++ = *from;
	*text = '\0';
}

static json_object *request_for(const char *op, const struct vss_uuid *set)
{
	json_object *request = json_object_new_object();
	char id[VSS_UUID_TEXT_SIZE];

	hex(set, id);
	json_object_object_add(request, "op", json_object_new_string(op));
	json_object_object_add(request, "set", json_object_new_string(id));
	return request;
}

/* ---- preparing ---- */

static vss_result take_lun(struct lio *lio, const struct vss_lun_info *source, const struct vss_uuid *snapshot,
			   struct vss_error *err)
{
	const char *volume = lio_volume_of(source, err);
	struct lio_lun *lun = &lio->luns[lio->n];

	if (!volume || !source->serial)
		return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
	for (size_t i = 0; i < lio->n; i++)
		if (!strcmp(lio->luns[i].volume, volume))
			return S_OK;
	if (lio->n == LIO_MOST_LUNS)
		return lio_fail(err, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
				"a set may have %d LUNs of the array", LIO_MOST_LUNS);
	lun->volume = strdup(volume);
	lun->serial = strdup(source->serial);
	lun->snapshot = *snapshot;
	lio->n++;
	return lun->volume && lun->serial ? S_OK : lio_fail(err, E_OUTOFMEMORY, "out of memory");
}

vss_result lio_begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
			     uint32_t context, const struct vss_provider_volume *volume, struct vss_error *err)
{
	struct lio *lio = state;
	vss_result result = S_OK;

	(void)context;
	begin_call(lio);
	/* A set out of sequence; what the array has of it, it undoes when this one is prepared. */
	if (lio->has_set && (!vss_uuid_equal(&lio->set, set) || (lio->n && lio->luns[0].copy)))
		lio_set_forget(lio);
	lio->set = *set;
	lio->has_set = true;
	lio->stage = LIO_BEGUN;
	for (size_t i = 0; result == S_OK && i < volume->nr_luns; i++)
		result = take_lun(lio, &volume->luns[i].source, snapshot, err);
	return leave(lio, result);
}

/* What the array has made for a LUN. */
static bool take_row(struct lio_lun *lun, json_object *rows)
{
	json_object *volume, *copy, *serial;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);

		if (!json_object_object_get_ex(row, "lv", &volume) ||
		    !json_object_object_get_ex(row, "copy", &copy) ||
		    !json_object_object_get_ex(row, "serial", &serial) ||
		    strcmp(json_object_get_string(volume), lun->volume))
			continue;
		lun->copy = strdup(json_object_get_string(copy));
		lun->copy_serial = strdup(json_object_get_string(serial));
		return lun->copy && lun->copy_serial;
	}
	return false;
}

vss_result lio_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	json_object *luns, *request, *answer, *rows;
	struct lio *lio = state;
	vss_result result = enter_after(lio, set, LIO_BEGUN, err);
	char id[VSS_UUID_TEXT_SIZE];

	if (result != S_OK)
		return result;
	luns = json_object_new_array();
	for (size_t i = 0; i < lio->n; i++) {
		json_object *row = json_object_new_object();

		hex(&lio->luns[i].snapshot, id);
		json_object_object_add(row, "lv", json_object_new_string(lio->luns[i].volume));
		json_object_object_add(row, "snapshot", json_object_new_string(id));
		json_object_array_add(luns, row);
	}
	request = request_for("prepare", set);
	json_object_object_add(request, "luns", luns);
	result = connection_ask(lio->conn, request, true, 0, &answer, err);
	if (result != S_OK)
		return leave(lio, result);
	if (!json_object_object_get_ex(answer, "luns", &rows) || !json_object_is_type(rows, json_type_array))
		rows = NULL;
	for (size_t i = 0; result == S_OK && i < lio->n; i++)
		if (!rows || !take_row(&lio->luns[i], rows))
			result = lio_fail(err, VSS_E_PROVIDER_VETO, "the array at %s does not tell of its copy of %s",
					  lio->config.address, lio->luns[i].volume);
	json_object_put(answer);
	return leave_at(lio, result, LIO_PREPARED);
}

/* ---- the instant, and after ---- */

/* Of a set; without its connection that is gone, so it is never asked twice. */
static vss_result ask(struct lio *lio, const char *op, const struct vss_uuid *set, unsigned int limit_ms,
		      struct vss_error *err)
{
	vss_result result = connection_ask(lio->conn, request_for(op, set), false, limit_ms, NULL, err);

	return result == S_OK || result == VSS_E_INSUFFICIENT_STORAGE ? result : VSS_E_PROVIDER_VETO;
}

/* A step that is nothing but the array's, from @before to @stage. */
static vss_result step(struct lio *lio, const char *op, const struct vss_uuid *set, unsigned int limit_ms,
		       enum lio_stage before, enum lio_stage stage, struct vss_error *err)
{
	vss_result result = enter_after(lio, set, before, err);

	return result == S_OK ? leave_at(lio, ask(lio, op, set, limit_ms, err), stage) : result;
}

vss_result lio_pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	return step(state, "arm", set, ARM_LIMIT_MS, LIO_PREPARED, LIO_ARMED, err);
}

vss_result lio_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	return step(state, "take", set, TAKE_LIMIT_MS, LIO_ARMED, LIO_TAKEN, err);
}

vss_result lio_post_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct lio *lio = state;
	vss_result result = enter_after(lio, set, LIO_TAKEN, err);

	return result == S_OK ? leave_at(lio, result, LIO_RELEASED) : result;
}

vss_result lio_pre_final(void *state, const struct vss_uuid *set, uint32_t attributes, struct vss_error *err)
{
	json_object *request, *volumes;
	struct lio *lio = state;
	vss_result result = enter_after(lio, set, LIO_RELEASED, err);

	(void)attributes;
	if (result != S_OK)
		return result;
	volumes = json_object_new_array();
	for (size_t i = 0; i < lio->n; i++) {
		json_object *row = json_object_new_object();

		json_object_object_add(row, "lv", json_object_new_string(lio->luns[i].copy ? lio->luns[i].copy : ""));
		json_object_array_add(volumes, row);
	}
	request = json_object_new_object();
	json_object_object_add(request, "op", json_object_new_string("export"));
	json_object_object_add(request, "luns", volumes);
	result = connection_ask(lio->conn, request, false, 0, NULL, err);
	return leave_at(lio, result == S_OK ? S_OK : VSS_E_PROVIDER_VETO, LIO_EXPORTED);
}

vss_result lio_post_final(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct lio *lio = state;
	vss_result result = enter_after(lio, set, LIO_EXPORTED, err);

	if (result != S_OK)
		return result;
	result = ask(lio, "complete", set, 0, err);
	if (result == S_OK)
		lio_set_forget(lio);
	return leave(lio, result);
}

/* ---- undoing ---- */

vss_result lio_abort(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct lio *lio = state;
	bool made = true;	/* a set of an earlier life may have copies too */
	vss_result result;

	if (pthread_mutex_trylock(&lio->mutex)) {
		/* A step is under way: it ends with the connection, and so does the set on the array. */
		atomic_store(&lio->aborted, true);
		connection_cut(lio->conn);
		return S_OK;
	}
	atomic_store(&lio->aborted, false);
	connection_uncut(lio->conn);
	if (lio->has_set && vss_uuid_equal(&lio->set, set)) {
		made = lio->n && lio->luns[0].copy;
		lio_set_forget(lio);
	}
	/* An array that cannot be spoken to must not be waited for without need. */
	if (!made)
		return leave(lio, S_OK);
	result = connection_ask(lio->conn, request_for("undo", set), true, 0, NULL, err);
	return leave(lio, result == S_OK ? S_OK : VSS_E_PROVIDER_VETO);
}

/* ---- where the copies are ---- */

static const struct lio_lun *lun_of(const struct lio *lio, const struct vss_lun_info *source)
{
	for (size_t i = 0; source->serial && i < lio->n; i++)
		if (!strcmp(lio->luns[i].serial, source->serial) && lio->luns[i].copy)
			return &lio->luns[i];
	return NULL;
}

vss_result lio_target_luns(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns, size_t n,
			   struct vss_error *err)
{
	struct lio *lio = state;
	vss_result result = enter(lio, set, err);
	char name[VSS_LUN_NAME_SIZE];

	if (result != S_OK)
		return result;
	for (size_t i = 0; result == S_OK && i < n; i++) {
		const struct lio_lun *lun = lun_of(lio, &luns[i].source);

		if (!lun)
			result = lio_fail(err, VSS_E_PROVIDER_VETO, "LUN %s is not of this set",
					  vss_lun_name(&luns[i].source, name, sizeof(name)));
		else if (lio_describe_copy(&luns[i].source, connection_vendor(lio->conn),
					   connection_product(lio->conn), lun->copy_serial,
					   &luns[i].destination))
			result = lio_fail(err, E_OUTOFMEMORY, "out of memory");
		else
			luns[i].has_destination = true;
		if (result == S_OK) {
			luns[i].destination.interconnect = lio_interconnect(connection_target(lio->conn), lun->copy);
			if (!luns[i].destination.interconnect)
				result = lio_fail(err, E_OUTOFMEMORY, "out of memory");
		}
	}
	return leave(lio, result);
}

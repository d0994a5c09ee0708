// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making a set of shadow copies: StartSnapshotSet to BackupComplete.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "requester.h"

/* ---- calls that take the document to vssd and back ---- */

static vss_result take_document(struct vss_backup_components *bc, sd_bus_message *reply)
{
	struct vss_backup_document *document;
	const char *xml;
	vss_result result;
	int r = sd_bus_message_read(reply, "s", &xml);

	if (r < 0)
		return vss_requester_bad_reply(bc, r);
	result = vss_backup_document_parse(xml, strlen(xml), &document, &bc->error);
	if (VSS_FAILED(result))
		return result;
	vss_backup_document_free(bc->document);
	bc->document = document;
	return S_OK;
}

vss_result vss_requester_start_with_document(struct vss_backup_components *bc, enum vss_call call,
					     struct vss_async **async)
{
	_cleanup_free_ char *xml = NULL;
	sd_bus_message *m;
	vss_result result = vss_backup_document_save(bc->document, &xml, &bc->error);

	if (VSS_FAILED(result))
		return result;
	m = vss_requester_message(bc, vss_call_name(call));
	if (!m)
		return bc->error.result;
	result = vss_requester_append(bc, &m, "s", xml);
	if (VSS_FAILED(result))
		return result;
	return vss_async_start(bc, call, m, take_document, async);
}

/* ---- the set and its volumes ---- */

vss_result vss_backup_components_start_snapshot_set(struct vss_backup_components *bc,
						    struct vss_uuid *snapshot_set_id)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct vss_uuid set;
	const char *text;
	vss_result result;
	int r;

	if (!snapshot_set_id)
		return vss_requester_null(bc, VSS_CALL_StartSnapshotSet, "a place for the set's identifier");
	result = vss_requester_enter(bc, VSS_CALL_StartSnapshotSet);
	if (VSS_FAILED(result))
		return result;
	result = vss_requester_call(bc, "StartSnapshotSet", &reply, "");
	if (VSS_FAILED(result))
		return vss_requester_leave(bc, VSS_CALL_StartSnapshotSet, result);
	r = sd_bus_message_read(reply, "s", &text);
	if (r < 0 || !vss_requester_parse_uuid(text, &set))
		return vss_requester_bad_reply(bc, r < 0 ? r : -EBADMSG);
	result = vss_backup_document_set_set_id(bc->document, &set);
	if (!VSS_FAILED(result))
		*snapshot_set_id = set;
	return vss_requester_leave(bc, VSS_CALL_StartSnapshotSet, result);
}

vss_result vss_backup_components_add_to_snapshot_set(struct vss_backup_components *bc, const char *volume,
						     const struct vss_uuid *provider_id,
						     struct vss_uuid *snapshot_id)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char provider[VSS_UUID_TEXT_SIZE];
	struct vss_uuid id;
	const char *text;
	vss_result result;
	int r;

	if (!snapshot_id)
		return vss_requester_null(bc, VSS_CALL_AddToSnapshotSet,
					  "a place for the snapshot's identifier");
	result = vss_requester_enter(bc, VSS_CALL_AddToSnapshotSet);
	if (VSS_FAILED(result))
		return result;
	if (!volume)
		return vss_requester_null(bc, VSS_CALL_AddToSnapshotSet, "a volume");
	if (bc->order.volumes == VSS_MAX_SET_VOLUMES)
		return vss_requester_fail(
			bc, VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED,
			"%s cannot be added: a set has at most %d volumes; make another set", volume,
			VSS_MAX_SET_VOLUMES);
	result = vss_requester_call(bc, "AddToSnapshotSet", &reply, "ss", volume,
				    vss_requester_format_uuid(provider_id, provider));
	if (VSS_FAILED(result))
		return vss_requester_leave(bc, VSS_CALL_AddToSnapshotSet, result);
	r = sd_bus_message_read(reply, "s", &text);
	if (r < 0 || !vss_requester_parse_uuid(text, &id))
		return vss_requester_bad_reply(bc, r < 0 ? r : -EBADMSG);
	bc->snapshots[bc->order.volumes] = id;
	*snapshot_id = id;
	return vss_requester_leave(bc, VSS_CALL_AddToSnapshotSet, S_OK);
}

vss_result vss_backup_components_is_volume_supported(struct vss_backup_components *bc,
						     const struct vss_uuid *provider_id, const char *volume,
						     bool *supported)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char provider[VSS_UUID_TEXT_SIZE];
	vss_result result;
	int r, flag;

	if (!supported)
		return vss_requester_null(bc, VSS_CALL_IsVolumeSupported, "a place for the answer");
	result = vss_requester_enter(bc, VSS_CALL_IsVolumeSupported);
	if (VSS_FAILED(result))
		return result;
	if (!volume)
		return vss_requester_null(bc, VSS_CALL_IsVolumeSupported, "a volume");
	result = vss_requester_call(bc, "IsVolumeSupported", &reply, "ss",
				    vss_requester_format_uuid(provider_id, provider), volume);
	if (!VSS_FAILED(result)) {
		r = sd_bus_message_read(reply, "b", &flag);
		if (r < 0)
			return vss_requester_bad_reply(bc, r);
		*supported = flag;
	}
	return vss_requester_leave(bc, VSS_CALL_IsVolumeSupported, result);
}

vss_result vss_backup_components_is_volume_snapshotted(struct vss_backup_components *bc,
						       const struct vss_uuid *provider_id, const char *volume,
						       bool *present, uint32_t *compatibility)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char provider[VSS_UUID_TEXT_SIZE];
	vss_result result;
	int r, flag;

	if (!present || !compatibility)
		return vss_requester_null(bc, VSS_CALL_IsVolumeSnapshotted, "a place for the answer");
	result = vss_requester_enter(bc, VSS_CALL_IsVolumeSnapshotted);
	if (VSS_FAILED(result))
		return result;
	if (!volume)
		return vss_requester_null(bc, VSS_CALL_IsVolumeSnapshotted, "a volume");
	result = vss_requester_call(bc, "IsVolumeSnapshotted", &reply, "ss",
				    vss_requester_format_uuid(provider_id, provider), volume);
	if (!VSS_FAILED(result)) {
		r = sd_bus_message_read(reply, "bu", &flag, compatibility);
		if (r < 0)
			return vss_requester_bad_reply(bc, r);
		*present = flag;
	}
	return vss_requester_leave(bc, VSS_CALL_IsVolumeSnapshotted, result);
}

/* ---- the steps ---- */

vss_result vss_backup_components_prepare_for_backup(struct vss_backup_components *bc,
						    struct vss_async **async)
{
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_PrepareForBackup, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_PrepareForBackup);
	if (VSS_FAILED(result))
		return result;
	result = vss_requester_add_required(bc);
	if (VSS_FAILED(result))
		return result;
	return vss_requester_start_with_document(bc, VSS_CALL_PrepareForBackup, async);
}

vss_result vss_backup_components_do_snapshot_set(struct vss_backup_components *bc, struct vss_async **async)
{
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_DoSnapshotSet, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_DoSnapshotSet);
	if (VSS_FAILED(result))
		return result;
	return vss_requester_start_with_document(bc, VSS_CALL_DoSnapshotSet, async);
}

vss_result vss_backup_components_backup_complete(struct vss_backup_components *bc, struct vss_async **async)
{
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_BackupComplete, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_BackupComplete);
	if (VSS_FAILED(result))
		return result;
	return vss_requester_start_with_document(bc, VSS_CALL_BackupComplete, async);
}

vss_result vss_backup_components_abort_backup(struct vss_backup_components *bc)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_AbortBackup);

	if (VSS_FAILED(result))
		return result;
	vss_async_aborted(bc);
	if (bc->running || (bc->order.stage >= VSS_STAGE_SET && bc->order.stage <= VSS_STAGE_CREATED))
		result = vss_requester_call(bc, "Abort", NULL, "");
	return vss_requester_leave(bc, VSS_CALL_AbortBackup, result);
}

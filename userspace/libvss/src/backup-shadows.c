// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Shadow copies that exist: their properties, queries, deleting, exposing,
 * breaking, importing, reverting.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "enum-object.h"
#include "error.h"
#include "requester.h"

static vss_result take_nothing(struct vss_backup_components *bc, sd_bus_message *reply)
{
	(void)bc;
	(void)reply;
	return S_OK;
}

/* An identifier that must be there: its text, or NULL with the error recorded. */
static const char *needed_id(struct vss_backup_components *bc, enum vss_call call, const struct vss_uuid *id,
			     char text[VSS_UUID_TEXT_SIZE])
{
	if (id && !vss_uuid_is_null(id))
		return vss_uuid_format(id, text);
	vss_requester_fail(bc, E_INVALIDARG, "%s was called without the identifier of a shadow copy or set",
			   vss_call_name(call));
	return NULL;
}

/* Is it a snapshot of the set that is in creation by this object? */
static bool in_creation(const struct vss_backup_components *bc, const struct vss_uuid *id)
{
	if (bc->order.stage != VSS_STAGE_SET && bc->order.stage != VSS_STAGE_PREPARED)
		return false;
	for (uint32_t i = 0; i < bc->order.volumes; i++)
		if (vss_uuid_equal(&bc->snapshots[i], id))
			return true;
	return false;
}

vss_result vss_backup_components_get_snapshot_properties(struct vss_backup_components *bc,
							 const struct vss_uuid *snapshot_id,
							 struct vss_snapshot_prop *prop)
{
	const enum vss_call call = VSS_CALL_GetSnapshotProperties;
	_cleanup_message_ sd_bus_message *reply = NULL;
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result;

	if (!prop)
		return vss_requester_null(bc, call, "a place for the properties");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, call, snapshot_id, text))
		return E_INVALIDARG;
	if (in_creation(bc, snapshot_id))
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "shadow copy %s is still in creation; ask after DoSnapshotSet",
					  text);
	result = vss_requester_call(bc, "GetSnapshotProperties", &reply, "s", text);
	if (!VSS_FAILED(result)) {
		int r = vss_requester_read_snapshot(reply, prop);

		if (r < 0)
			result = vss_requester_bad_reply(bc, r);
	}
	return vss_requester_leave(bc, call, result);
}

/* ---- query ---- */

static vss_result call_manager(struct vss_backup_components *bc, const char *method, sd_bus_message **reply)
{
	sd_bus_message *m;
	int r = sd_bus_message_new_method_call(bc->bus, &m, bc->destination, VSS_BUS_PATH, VSS_BUS_MANAGER,
					       method);

	return r < 0 ? vss_requester_bus_error(&bc->error, method, NULL, r) :
		       vss_requester_send(bc, m, reply);
}

static int read_object(sd_bus_message *m, enum vss_object_type type, struct vss_object_prop *prop)
{
	prop->type = type;
	return type == VSS_OBJECT_SNAPSHOT ? vss_requester_read_snapshot(m, &prop->snap) :
					     vss_requester_read_provider(m, &prop->prov);
}

static vss_result read_objects(struct vss_backup_components *bc, sd_bus_message *reply,
			       enum vss_object_type type, struct vss_enum_object *objects)
{
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");

	while (r >= 0 && (r = sd_bus_message_at_end(reply, 0)) == 0) {
		struct vss_object_prop prop;

		r = read_object(reply, type, &prop);
		if (r >= 0)
			r = vss_enum_object_append(objects, &prop);
	}
	return r < 0 ? vss_requester_bad_reply(bc, r) : S_OK;
}

vss_result vss_backup_components_query(struct vss_backup_components *bc, const struct vss_uuid *object_id,
				       enum vss_object_type object_type, enum vss_object_type return_type,
				       struct vss_enum_object **objects)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct vss_enum_object *found;
	vss_result result;

	if (!objects)
		return vss_requester_null(bc, VSS_CALL_Query, "a place for the enumerator");
	result = vss_requester_enter(bc, VSS_CALL_Query);
	if (VSS_FAILED(result))
		return result;
	if ((object_id && !vss_uuid_is_null(object_id)) || object_type != VSS_OBJECT_NONE)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"Query takes no object to start from: pass no identifier and VSS_OBJECT_NONE");
	if (return_type != VSS_OBJECT_SNAPSHOT && return_type != VSS_OBJECT_PROVIDER)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"Query returns shadow copies or providers: ask for VSS_OBJECT_SNAPSHOT or "
			"VSS_OBJECT_PROVIDER");
	result = return_type == VSS_OBJECT_SNAPSHOT ? vss_requester_call(bc, "QuerySnapshots", &reply, "") :
						      call_manager(bc, "ListProviders", &reply);
	if (VSS_FAILED(result))
		return vss_requester_leave(bc, VSS_CALL_Query, result);
	found = vss_enum_object_new();
	result = found ? read_objects(bc, reply, return_type, found) : vss_requester_bad_reply(bc, -ENOMEM);
	if (VSS_FAILED(result))
		vss_enum_object_release(found);
	else
		*objects = found;
	return vss_requester_leave(bc, VSS_CALL_Query, result);
}

/* ---- deleting ---- */

vss_result vss_backup_components_delete_snapshots(struct vss_backup_components *bc, const struct vss_uuid *id,
						  enum vss_object_type type, bool force,
						  int32_t *deleted, struct vss_uuid *nondeleted_id)
{
	const enum vss_call call = VSS_CALL_DeleteSnapshots;
	_cleanup_message_ sd_bus_message *reply = NULL;
	char text[VSS_UUID_TEXT_SIZE];
	const char *nondeleted, *message;
	struct vss_uuid left;
	int32_t count;
	vss_result result = vss_requester_enter(bc, call);
	int r;

	if (deleted)
		*deleted = 0;
	if (nondeleted_id)
		memset(nondeleted_id, 0, sizeof(*nondeleted_id));
	if (VSS_FAILED(result))
		return result;
	if (type != VSS_OBJECT_SNAPSHOT && type != VSS_OBJECT_SNAPSHOT_SET)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"DeleteSnapshots deletes shadow copies and sets: pass VSS_OBJECT_SNAPSHOT or "
			"VSS_OBJECT_SNAPSHOT_SET");
	if (!needed_id(bc, call, id, text))
		return E_INVALIDARG;
	result = vss_requester_call(bc, "DeleteSnapshots", &reply, "sub", text, (uint32_t)type, (int)force);
	if (VSS_FAILED(result))
		return vss_requester_leave(bc, call, result);
	r = sd_bus_message_read(reply, "isus", &count, &nondeleted, &result, &message);
	if (r < 0 || !vss_requester_parse_uuid(nondeleted, &left))
		return vss_requester_bad_reply(bc, r < 0 ? r : -EBADMSG);
	if (deleted)
		*deleted = count;
	if (nondeleted_id)
		*nondeleted_id = left;
	if (VSS_FAILED(result))
		vss_requester_fail(bc, result, "%s", *message ? message : vss_result_name(result));
	return vss_requester_leave(bc, call, result);
}

/* ---- exposing ---- */

static vss_result check_exposure(struct vss_backup_components *bc, const char *path_from_root,
				 uint32_t attributes)
{
	if (attributes != VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY && attributes != VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"ExposeSnapshot takes exactly one of VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY and "
			"VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY, not 0x%x",
			attributes);
	if (path_from_root && attributes == VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"a shadow copy is exposed locally as a whole; leave the path from its root out");
	if (path_from_root && strpbrk(path_from_root, "*?%"))
		return vss_requester_fail(bc, E_INVALIDARG,
					  "the path \"%s\" has a wildcard or a variable; name one folder",
					  path_from_root);
	return S_OK;
}

static vss_result take_exposed(struct vss_backup_components *bc, sd_bus_message *reply, char **exposed)
{
	const char *name;
	int r = sd_bus_message_read(reply, "s", &name);
	char *copy = r < 0 ? NULL : strdup(name);

	if (!copy)
		return vss_requester_bad_reply(bc, r < 0 ? r : -ENOMEM);
	*exposed = copy;
	return S_OK;
}

vss_result vss_backup_components_expose_snapshot(struct vss_backup_components *bc,
						 const struct vss_uuid *snapshot_id,
						 const char *path_from_root, uint32_t attributes,
						 const char *expose, char **exposed)
{
	const enum vss_call call = VSS_CALL_ExposeSnapshot;
	_cleanup_message_ sd_bus_message *reply = NULL;
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result;

	if (!exposed)
		return vss_requester_null(bc, call, "a place for the exposed name");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, call, snapshot_id, text))
		return E_INVALIDARG;
	result = check_exposure(bc, path_from_root, attributes);
	if (VSS_FAILED(result))
		return result;
	result = vss_requester_call(bc, "ExposeSnapshot", &reply, "ssus", text,
				    path_from_root ? path_from_root : "", attributes, expose ? expose : "");
	if (!VSS_FAILED(result))
		result = take_exposed(bc, reply, exposed);
	return vss_requester_leave(bc, call, result);
}

vss_result vss_backup_components_expose_to_clients(struct vss_backup_components *bc,
						   const struct vss_uuid *snapshot_id, const char *folder,
						   char **exposed)
{
	const enum vss_call call = VSS_CALL_ExposeToClients;
	_cleanup_message_ sd_bus_message *reply = NULL;
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result;

	if (!exposed)
		return vss_requester_null(bc, call, "a place for the exposed name");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (!folder)
		return vss_requester_null(bc, call, "a folder");
	if (!needed_id(bc, call, snapshot_id, text))
		return E_INVALIDARG;
	result = vss_requester_call(bc, "ExposeToClients", &reply, "ss", text, folder);
	if (!VSS_FAILED(result))
		result = take_exposed(bc, reply, exposed);
	return vss_requester_leave(bc, call, result);
}

vss_result vss_backup_components_unexpose_snapshot(struct vss_backup_components *bc,
						   const struct vss_uuid *snapshot_id)
{
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result = vss_requester_enter(bc, VSS_CALL_UnexposeSnapshot);

	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, VSS_CALL_UnexposeSnapshot, snapshot_id, text))
		return E_INVALIDARG;
	result = vss_requester_call(bc, "UnexposeSnapshot", NULL, "s", text);
	return vss_requester_leave(bc, VSS_CALL_UnexposeSnapshot, result);
}

/* ---- breaking ---- */

vss_result vss_backup_components_break_snapshot_set(struct vss_backup_components *bc,
						    const struct vss_uuid *snapshot_set_id)
{
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result = vss_requester_enter(bc, VSS_CALL_BreakSnapshotSet);

	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, VSS_CALL_BreakSnapshotSet, snapshot_set_id, text))
		return E_INVALIDARG;
	result = vss_requester_call(bc, "BreakSnapshotSet", NULL, "su", text, UINT32_C(0));
	return vss_requester_leave(bc, VSS_CALL_BreakSnapshotSet, result);
}

static vss_result check_break_flags(struct vss_backup_components *bc, uint32_t flags)
{
	const uint32_t all = VSS_BREAKEX_FLAG_MASK_LUNS | VSS_BREAKEX_FLAG_MAKE_READ_WRITE |
			     VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE;
	const uint32_t both = VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL | VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE;

	if (flags & ~all)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "0x%x has flags that BreakSnapshotSetEx does not know", flags);
	if ((flags & both) == both)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"the identities of all or of no disks can be reverted, not both; pass one flag");
	if ((flags & VSS_BREAKEX_FLAG_MASK_LUNS) && flags != VSS_BREAKEX_FLAG_MASK_LUNS)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "LUNs that are masked cannot be changed; pass the mask flag alone");
	return S_OK;
}

vss_result vss_backup_components_break_snapshot_set_ex(struct vss_backup_components *bc,
						       const struct vss_uuid *snapshot_set_id, uint32_t flags,
						       struct vss_async **async)
{
	const enum vss_call call = VSS_CALL_BreakSnapshotSetEx;
	char text[VSS_UUID_TEXT_SIZE];
	sd_bus_message *m;
	vss_result result;

	if (!async)
		return vss_requester_null(bc, call, "a place for the async object");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, call, snapshot_set_id, text))
		return E_INVALIDARG;
	result = check_break_flags(bc, flags);
	if (VSS_FAILED(result))
		return result;
	m = vss_requester_message(bc, "BreakSnapshotSet");
	if (!m)
		return bc->error.result;
	result = vss_requester_append(bc, &m, "su", text, flags);
	return VSS_FAILED(result) ? result : vss_async_start(bc, call, m, take_nothing, async);
}

/* ---- importing ---- */

static vss_result take_import(struct vss_backup_components *bc, sd_bus_message *reply)
{
	vss_result result;
	int r = sd_bus_message_read(reply, "u", &result);

	return r < 0 ? vss_requester_bad_reply(bc, r) : result;
}

/* A call that takes the document that the object was initialized with, as it is. */
static vss_result start_with_document(struct vss_backup_components *bc, enum vss_call call,
				      vss_async_reply take, struct vss_async **async)
{
	_cleanup_free_ char *xml = NULL;
	sd_bus_message *m;
	vss_result result;

	if (!async)
		return vss_requester_null(bc, call, "a place for the async object");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	result = vss_backup_document_save(bc->document, &xml, &bc->error);
	if (VSS_FAILED(result))
		return result;
	m = vss_requester_message(bc, vss_call_name(call));
	if (!m)
		return bc->error.result;
	result = vss_requester_append(bc, &m, "s", xml);
	return VSS_FAILED(result) ? result : vss_async_start(bc, call, m, take, async);
}

vss_result vss_backup_components_import_snapshots(struct vss_backup_components *bc, struct vss_async **async)
{
	return start_with_document(bc, VSS_CALL_ImportSnapshots, take_import, async);
}

vss_result vss_backup_components_clean_up_import(struct vss_backup_components *bc, struct vss_async **async)
{
	return start_with_document(bc, VSS_CALL_CleanUpImport, take_import, async);
}

vss_result vss_backup_components_mask_originals(struct vss_backup_components *bc, struct vss_async **async)
{
	return start_with_document(bc, VSS_CALL_MaskOriginals, take_nothing, async);
}

/* ---- resynchronizing LUNs ---- */

vss_result vss_backup_components_add_snapshot_to_recovery_set(struct vss_backup_components *bc,
							      const struct vss_uuid *snapshot_id, uint32_t flags,
							      const char *destination)
{
	const enum vss_call call = VSS_CALL_AddSnapshotToRecoverySet;
	_cleanup_free_ char *xml = NULL;
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result = vss_requester_enter(bc, call);

	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, call, snapshot_id, text))
		return E_INVALIDARG;
	if (flags)
		return vss_requester_fail(bc, E_INVALIDARG, "AddSnapshotToRecoverySet has no flags, and 0x%x was passed; "
					  "those of a recovery go to RecoverSet", flags);
	result = vss_backup_document_save(bc->document, &xml, &bc->error);
	if (VSS_FAILED(result))
		return result;
	result = vss_requester_call(bc, "AddSnapshotToRecoverySet", NULL, "sss", xml, text,
				    destination ? destination : "");
	return vss_requester_leave(bc, call, result);
}

vss_result vss_backup_components_recover_set(struct vss_backup_components *bc, uint32_t flags,
					     struct vss_async **async)
{
	const uint32_t all = VSS_RECOVERY_REVERT_IDENTITY_ALL | VSS_RECOVERY_NO_VOLUME_CHECK;
	const enum vss_call call = VSS_CALL_RecoverSet;
	sd_bus_message *m;
	vss_result result;

	if (!async)
		return vss_requester_null(bc, call, "a place for the async object");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (flags & ~all)
		return vss_requester_fail(bc, E_INVALIDARG, "0x%x has flags that RecoverSet does not know", flags);
	m = vss_requester_message(bc, "RecoverSet");
	if (!m)
		return bc->error.result;
	result = vss_requester_append(bc, &m, "u", flags);
	return VSS_FAILED(result) ? result : vss_async_start(bc, call, m, take_nothing, async);
}

/* ---- reverting ---- */

vss_result vss_backup_components_revert_to_snapshot(struct vss_backup_components *bc,
						    const struct vss_uuid *snapshot_id, bool force_dismount)
{
	char text[VSS_UUID_TEXT_SIZE];
	vss_result result = vss_requester_enter(bc, VSS_CALL_RevertToSnapshot);

	if (VSS_FAILED(result))
		return result;
	if (!needed_id(bc, VSS_CALL_RevertToSnapshot, snapshot_id, text))
		return E_INVALIDARG;
	result = vss_requester_call(bc, "RevertToSnapshot", NULL, "sb", text, (int)force_dismount);
	return vss_requester_leave(bc, VSS_CALL_RevertToSnapshot, result);
}

vss_result vss_backup_components_query_revert_status(struct vss_backup_components *bc, const char *volume,
						     struct vss_async **async)
{
	const enum vss_call call = VSS_CALL_QueryRevertStatus;
	sd_bus_message *m;
	vss_result result;

	if (!async)
		return vss_requester_null(bc, call, "a place for the async object");
	result = vss_requester_enter(bc, call);
	if (VSS_FAILED(result))
		return result;
	if (!volume)
		return vss_requester_null(bc, call, "a volume");
	m = vss_requester_message(bc, "QueryRevertStatus");
	if (!m)
		return bc->error.result;
	result = vss_requester_append(bc, &m, "s", volume);
	return VSS_FAILED(result) ? result : vss_async_start(bc, call, m, take_nothing, async);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The backup components object itself: making and releasing it, initialization
 * for a backup or a restore, context, kind of backup.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "requester.h"

/* ---- the frame of a public function ---- */

vss_result vss_requester_enter(struct vss_backup_components *bc, enum vss_call call)
{
	if (!bc)
		return E_INVALIDARG;
	/* An operation may have ended without anybody having asked. */
	vss_requester_pump(bc);
	memset(&bc->error, 0, sizeof(bc->error));
	return vss_call_order_check(&bc->order, call, &bc->error);
}

vss_result vss_requester_leave(struct vss_backup_components *bc, enum vss_call call, vss_result result)
{
	vss_call_order_end(&bc->order, call, result);
	return result;
}

vss_result vss_requester_fail(struct vss_backup_components *bc, vss_result result, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vss_error_set(&bc->error, vss_result_to_errno(result), result, "%s", text);
	return result;
}

vss_result vss_requester_null(struct vss_backup_components *bc, enum vss_call call, const char *what)
{
	if (!bc)
		return E_INVALIDARG;
	return vss_requester_fail(bc, E_INVALIDARG, "%s was called without %s, which must not be NULL",
				  vss_call_name(call), what);
}

const struct vss_error *vss_backup_components_error(const struct vss_backup_components *bc)
{
	return &bc->error;
}

/* ---- life ---- */

vss_result vss_create_vss_backup_components(const char *address, struct vss_backup_components **bc,
					    struct vss_error *err)
{
	struct vss_backup_components *new;
	vss_result result;

	if (!bc) {
		vss_error_set(err, vss_result_to_errno(E_INVALIDARG), E_INVALIDARG,
			      "CreateVssBackupComponents was called without a place for the object");
		return E_INVALIDARG;
	}
	new = calloc(1, sizeof(*new));
	if (!new) {
		vss_error_set(err, vss_result_to_errno(E_OUTOFMEMORY), E_OUTOFMEMORY, "memory is out");
		return E_OUTOFMEMORY;
	}
	result = vss_requester_connect(new, address);
	if (VSS_FAILED(result)) {
		if (err)
			*err = new->error;
		vss_backup_components_release(new);
		return result;
	}
	*bc = new;
	return S_OK;
}

void vss_id_list_clear(struct vss_id_list *list)
{
	free(list->ids);
	list->ids = NULL;
	list->count = 0;
}

void vss_backup_components_release(struct vss_backup_components *bc)
{
	if (!bc)
		return;
	vss_requester_disconnect(bc);
	vss_backup_document_free(bc->document);
	vss_requester_free_writers(bc);
	vss_requester_free_statuses(bc);
	vss_id_list_clear(&bc->enabled);
	vss_id_list_clear(&bc->disabled);
	vss_id_list_clear(&bc->disabled_instances);
	free(bc);
}

/* ---- initialization ---- */

static vss_result load_document(struct vss_backup_components *bc, const char *xml)
{
	if (!xml)
		return vss_backup_document_new(&bc->document, &bc->error);
	return vss_backup_document_parse(xml, strlen(xml), &bc->document, &bc->error);
}

static vss_result initialize(struct vss_backup_components *bc, enum vss_call call, const char *xml)
{
	bool restore = call == VSS_CALL_InitializeForRestore;
	vss_result result = load_document(bc, xml);

	if (!VSS_FAILED(result))
		result = vss_requester_call(bc, "Initialize", NULL, "b", restore);
	if (VSS_FAILED(result)) {
		vss_backup_document_free(bc->document);
		bc->document = NULL;
	}
	return vss_requester_leave(bc, call, result);
}

vss_result vss_backup_components_initialize_for_backup(struct vss_backup_components *bc, const char *xml)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_InitializeForBackup);

	if (VSS_FAILED(result))
		return result;
	result = initialize(bc, VSS_CALL_InitializeForBackup, xml);
	if (!VSS_FAILED(result) && xml)
		bc->order.stage = VSS_STAGE_LOADED;
	return result;
}

vss_result vss_backup_components_initialize_for_restore(struct vss_backup_components *bc, const char *xml)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_InitializeForRestore);

	if (VSS_FAILED(result))
		return result;
	if (!xml)
		return vss_requester_null(bc, VSS_CALL_InitializeForRestore,
					  "the stored Backup Components Document");
	return initialize(bc, VSS_CALL_InitializeForRestore, xml);
}

vss_result vss_backup_components_set_context(struct vss_backup_components *bc, uint32_t context)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_SetContext);

	if (VSS_FAILED(result))
		return result;
	result = vss_context_check(context, &bc->error);
	if (VSS_FAILED(result))
		return result;
	result = vss_requester_call(bc, "SetContext", NULL, "u", context);
	if (!VSS_FAILED(result))
		bc->order.context = context;
	return vss_requester_leave(bc, VSS_CALL_SetContext, result);
}

vss_result vss_backup_components_set_backup_state(struct vss_backup_components *bc, bool select_components,
						  bool backup_bootable_system_state,
						  enum vss_backup_type backup_type, bool partial_file_support)
{
	const struct vss_backup_state state = {
		.select_components = select_components,
		.bootable_system_state = backup_bootable_system_state,
		.backup_type = backup_type,
		.partial_file_support = partial_file_support,
	};
	vss_result result = vss_requester_enter(bc, VSS_CALL_SetBackupState);

	if (VSS_FAILED(result))
		return result;
	if (backup_type <= VSS_BT_UNDEFINED || backup_type > VSS_BT_OTHER)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "%d is no type of backup; use one of VSS_BT_FULL to VSS_BT_OTHER",
					  (int)backup_type);
	result = vss_backup_document_set_backup_state(bc->document, &state);
	return vss_requester_leave(bc, VSS_CALL_SetBackupState, result);
}

vss_result vss_backup_components_set_restore_state(struct vss_backup_components *bc,
						   enum vss_restore_type type)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_SetRestoreState);

	if (VSS_FAILED(result))
		return result;
	if (type < VSS_RTYPE_UNDEFINED || type > VSS_RTYPE_OTHER)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"%d is no type of restore; use one of VSS_RTYPE_BY_COPY to VSS_RTYPE_OTHER",
			(int)type);
	result = vss_backup_document_set_restore_state(bc->document, type);
	return vss_requester_leave(bc, VSS_CALL_SetRestoreState, result);
}

vss_result vss_backup_components_get_session_id(struct vss_backup_components *bc, struct vss_uuid *id)
{
	vss_result result;

	if (!id)
		return vss_requester_null(bc, VSS_CALL_GetSessionId, "a place for the identifier");
	result = vss_requester_enter(bc, VSS_CALL_GetSessionId);
	if (!VSS_FAILED(result))
		*id = bc->session_id;
	return result;
}

/* Are there transportable shadow copies of this object? */
static bool made_to_travel(const struct vss_call_order *order)
{
	return (order->stage == VSS_STAGE_CREATED || order->stage == VSS_STAGE_DONE) &&
	       (order->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE);
}

vss_result vss_backup_components_save_as_xml(struct vss_backup_components *bc, char **xml)
{
	_cleanup_free_ char *text = NULL;
	vss_result result;

	if (!xml)
		return vss_requester_null(bc, VSS_CALL_SaveAsXML, "a place for the document");
	result = vss_requester_enter(bc, VSS_CALL_SaveAsXML);
	if (VSS_FAILED(result))
		return result;
	result = vss_backup_document_save(bc->document, &text, &bc->error);
	/* From now on the shadow copies can be imported, so they must outlive the object. */
	if (!VSS_FAILED(result) && made_to_travel(&bc->order))
		result = vss_requester_call(bc, "DocumentSaved", NULL, "");
	if (!VSS_FAILED(result))
		*xml = keep_ptr(text);
	return vss_requester_leave(bc, VSS_CALL_SaveAsXML, result);
}

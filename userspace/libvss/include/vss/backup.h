/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requesters: programs that have shadow copies made, and back up or restore
 * (IVssBackupComponents to ...Ex4, IVssAsync, IVssEnumObject).
 *
 * One object serves one backup or one restore.  Each function is the method of
 * the same name; results are VSS's own.  After a failure
 * vss_backup_components_error() has a sentence that names what failed, on
 * what, and what to do.  Calls in another order than the model allows give
 * VSS_E_BAD_STATE and change nothing (src/call-order.c has the rules).
 *
 * The object is a D-Bus client of vssd.  Releasing it, and the end of the
 * process, delete its auto-release shadow copies.  An object must not be used
 * by two threads at once.  Strings that come back are copies to free().
 */
#ifndef VSS_BACKUP_H
#define VSS_BACKUP_H

#include <stddef.h>
#include <vss/component.h>
#include <vss/metadata.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_backup_components;
struct vss_async;
struct vss_enum_object;

/**
 * vss_create_vss_backup_components() - Make an object, connected to vssd.
 * @address: D-Bus address of a private socket of vssd ("unix:path=..."); NULL for
 *	the one in $VSS_BUS_ADDRESS, else the system bus
 * @bc: receives the object, for vss_backup_components_release()
 * @err: receives the failure; may be NULL
 *
 * Return: S_OK; E_ACCESSDENIED the caller may not be a requester;
 * VSS_E_UNEXPECTED vssd cannot be reached.
 */
vss_result vss_create_vss_backup_components(const char *address, struct vss_backup_components **bc,
					    struct vss_error *err);
void vss_backup_components_release(struct vss_backup_components *bc);
const struct vss_error *vss_backup_components_error(const struct vss_backup_components *bc);

/* ---- IVssAsync ---- */

#define VSS_INFINITE	UINT32_MAX

/* S_OK when it has ended (however) or the time has passed: ask QueryStatus. */
vss_result vss_async_wait(struct vss_async *async, uint32_t milliseconds);
/* VSS_S_ASYNC_PENDING, _FINISHED, _CANCELLED or the operation's failure in @result. */
vss_result vss_async_query_status(struct vss_async *async, vss_result *result);
/* Percent done, 0 to 100; an estimate. */
vss_result vss_async_get_percent(struct vss_async *async, uint32_t *percent);
/* The sentence that goes with a failure; never NULL. */
const struct vss_error *vss_async_error(struct vss_async *async);
vss_result vss_async_cancel(struct vss_async *async);
/* Readable when vss_async_query_status() is worth calling. */
int vss_async_get_fd(struct vss_async *async);
/* Does not stop the operation. */
void vss_async_release(struct vss_async *async);

/* ---- initialization ---- */

/* @xml NULL: an empty document; else a stored one, for import */
vss_result vss_backup_components_initialize_for_backup(struct vss_backup_components *bc, const char *xml);
vss_result vss_backup_components_initialize_for_restore(struct vss_backup_components *bc, const char *xml);
vss_result vss_backup_components_set_context(struct vss_backup_components *bc, uint32_t context);
vss_result vss_backup_components_set_backup_state(struct vss_backup_components *bc, bool select_components,
						  bool backup_bootable_system_state,
						  enum vss_backup_type backup_type, bool partial_file_support);
vss_result vss_backup_components_set_restore_state(struct vss_backup_components *bc,
						   enum vss_restore_type type);
vss_result vss_backup_components_get_session_id(struct vss_backup_components *bc, struct vss_uuid *id);

/* ---- writers ---- */

vss_result vss_backup_components_enable_writer_classes(struct vss_backup_components *bc,
						       const struct vss_uuid *ids, uint32_t count);
vss_result vss_backup_components_disable_writer_classes(struct vss_backup_components *bc,
							const struct vss_uuid *ids, uint32_t count);
vss_result vss_backup_components_disable_writer_instances(struct vss_backup_components *bc,
							  const struct vss_uuid *ids, uint32_t count);
vss_result vss_backup_components_gather_writer_metadata(struct vss_backup_components *bc,
							struct vss_async **async);
vss_result vss_backup_components_get_writer_metadata_count(struct vss_backup_components *bc, uint32_t *count);
/* @metadata is the caller's, for vss_writer_metadata_free() */
vss_result vss_backup_components_get_writer_metadata(struct vss_backup_components *bc, uint32_t index,
						     struct vss_uuid *instance_id,
						     struct vss_writer_metadata **metadata);
vss_result vss_backup_components_free_writer_metadata(struct vss_backup_components *bc);
vss_result vss_backup_components_gather_writer_status(struct vss_backup_components *bc,
						      struct vss_async **async);
vss_result vss_backup_components_get_writer_status_count(struct vss_backup_components *bc, uint32_t *count);

/**
 * struct vss_writer_status - State of a writer in this session.
 * @failure: S_OK, or why it failed
 * @application_code, @application_message: the writer's own, S_OK and NULL when it
 *	gave none (GetWriterStatusEx)
 */
struct vss_writer_status {
	struct vss_uuid instance_id;
	struct vss_uuid writer_id;
	char *writer_name;
	enum vss_writer_state state;
	vss_result failure;
	vss_result application_code;
	char *application_message;
};
void vss_writer_status_clear(struct vss_writer_status *status);
vss_result vss_backup_components_get_writer_status(struct vss_backup_components *bc, uint32_t index,
						   struct vss_writer_status *status);
vss_result vss_backup_components_free_writer_status(struct vss_backup_components *bc);

/* ---- components ---- */

vss_result vss_backup_components_add_component(struct vss_backup_components *bc,
					       const struct vss_uuid *instance_id,
					       const struct vss_uuid *writer_id,
					       enum vss_component_type type,
					       const char *logical_path, const char *component_name);
vss_result vss_backup_components_get_writer_components_count(struct vss_backup_components *bc, uint32_t *count);
/* Borrowed; valid until the next call that changes the document */
vss_result vss_backup_components_get_writer_components(struct vss_backup_components *bc, uint32_t index,
						       struct vss_writer_components **components);
vss_result vss_backup_components_set_backup_options(struct vss_backup_components *bc,
						    const struct vss_uuid *writer_id,
						    enum vss_component_type type, const char *logical_path,
						    const char *component_name, const char *options);
vss_result vss_backup_components_set_previous_backup_stamp(struct vss_backup_components *bc,
							   const struct vss_uuid *writer_id,
							   enum vss_component_type type, const char *logical_path,
							   const char *component_name, const char *stamp);
vss_result vss_backup_components_set_backup_succeeded(struct vss_backup_components *bc,
						      const struct vss_uuid *instance_id,
						      const struct vss_uuid *writer_id,
						      enum vss_component_type type, const char *logical_path,
						      const char *component_name, bool succeeded);

/* ---- making shadow copies ---- */

vss_result vss_backup_components_start_snapshot_set(struct vss_backup_components *bc,
						    struct vss_uuid *snapshot_set_id);
/* @provider_id NULL or null: the default choice.  @volume: a name that vss_blockdev_resolve() takes */
vss_result vss_backup_components_add_to_snapshot_set(struct vss_backup_components *bc, const char *volume,
						     const struct vss_uuid *provider_id,
						     struct vss_uuid *snapshot_id);
vss_result vss_backup_components_is_volume_supported(struct vss_backup_components *bc,
						     const struct vss_uuid *provider_id, const char *volume,
						     bool *supported);
vss_result vss_backup_components_is_volume_snapshotted(struct vss_backup_components *bc,
						       const struct vss_uuid *provider_id, const char *volume,
						       bool *present, uint32_t *compatibility);
vss_result vss_backup_components_prepare_for_backup(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_do_snapshot_set(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_backup_complete(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_abort_backup(struct vss_backup_components *bc);
vss_result vss_backup_components_save_as_xml(struct vss_backup_components *bc, char **xml);

/* ---- shadow copies that exist ---- */

vss_result vss_backup_components_get_snapshot_properties(struct vss_backup_components *bc,
							 const struct vss_uuid *snapshot_id,
							 struct vss_snapshot_prop *prop);
/* @object_id NULL, @object_type VSS_OBJECT_NONE; @return_type snapshot or provider */
vss_result vss_backup_components_query(struct vss_backup_components *bc, const struct vss_uuid *object_id,
				       enum vss_object_type object_type, enum vss_object_type return_type,
				       struct vss_enum_object **objects);
vss_result vss_enum_object_next(struct vss_enum_object *objects, uint32_t count,
				struct vss_object_prop *props, uint32_t *fetched);
vss_result vss_enum_object_skip(struct vss_enum_object *objects, uint32_t count);
vss_result vss_enum_object_reset(struct vss_enum_object *objects);
vss_result vss_enum_object_clone(struct vss_enum_object *objects, struct vss_enum_object **clone);
void vss_enum_object_release(struct vss_enum_object *objects);
void vss_object_prop_clear(struct vss_object_prop *prop);

vss_result vss_backup_components_delete_snapshots(struct vss_backup_components *bc, const struct vss_uuid *id,
						  enum vss_object_type type, bool force,
						  int32_t *deleted, struct vss_uuid *nondeleted_id);
vss_result vss_backup_components_expose_snapshot(struct vss_backup_components *bc,
						 const struct vss_uuid *snapshot_id,
						 const char *path_from_root, uint32_t attributes,
						 const char *expose, char **exposed);
/*
 * Not Windows' own, where the file server finds client-accessible shadow copies by itself:
 * mount one, read-only, for a file server that shows its clients previous versions (Samba's
 * vfs_shadow_copy2).
 *
 * @snapshot_id: of a client-accessible context, which vss_backup_components_expose_snapshot()
 *	refuses
 * @folder: absolute path of a directory that exists, for the copies of one volume only
 * @exposed: receives @folder/@GMT-YYYY.MM.DD-HH.MM.SS, the copy's time in UTC, or the next second
 *	that is free in @folder (of 60), to free(); vssd makes that directory, and removes it when the
 *	copy is unexposed (vss_backup_components_unexpose_snapshot()), deleted or lost
 *
 * VSS_E_OBJECT_NOT_FOUND: no such copy, or no such directory.  E_INVALIDARG: not client-accessible,
 * or the directory has another volume's copies.  VSS_E_OBJECT_ALREADY_EXISTS: it is exposed, or
 * something else is mounted there.  VSS_E_VOLUME_NOT_SUPPORTED: its file system cannot be mounted
 */
vss_result vss_backup_components_expose_to_clients(struct vss_backup_components *bc,
						   const struct vss_uuid *snapshot_id, const char *folder,
						   char **exposed);
vss_result vss_backup_components_unexpose_snapshot(struct vss_backup_components *bc,
						   const struct vss_uuid *snapshot_id);
vss_result vss_backup_components_break_snapshot_set(struct vss_backup_components *bc,
						    const struct vss_uuid *snapshot_set_id);
vss_result vss_backup_components_break_snapshot_set_ex(struct vss_backup_components *bc,
						       const struct vss_uuid *snapshot_set_id, uint32_t flags,
						       struct vss_async **async);
vss_result vss_backup_components_import_snapshots(struct vss_backup_components *bc, struct vss_async **async);
/*
 * Not Windows' own, with the document that the object was initialized with, as for the
 * import (Importing Transportable Shadow Copied Volumes, step 6: VSS does not clean up LUNs
 * on its own; Fast Recovery Using Transportable Shadow Copied Volumes, step 2).
 *
 * clean_up_import: delete, on the array too, what an import on this machine has left that
 * failed, or failed in part.  What was imported is not touched: DeleteSnapshots is for that.
 * The operation ends with S_OK, S_FALSE (there was nothing), VSS_E_BAD_STATE (the set was
 * made here by a session that is still open), VSS_E_SNAPSHOT_SET_IN_PROGRESS (an import
 * runs), VSS_E_NONTRANSPORTABLE_BCD, or a provider's failure; then call it again.
 *
 * mask_originals: take the LUNs of the original volumes from this machine, so that the
 * copies can take their place.  VSS_E_VOLUME_IN_USE (the text says of which, and by whom;
 * unmount first), VSS_E_PROVIDER_VETO, or as above.  LUNs that are gone already are no
 * failure, so it can be called again.
 */
vss_result vss_backup_components_clean_up_import(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_mask_originals(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_revert_to_snapshot(struct vss_backup_components *bc,
						    const struct vss_uuid *snapshot_id, bool force_dismount);
vss_result vss_backup_components_query_revert_status(struct vss_backup_components *bc, const char *volume,
						     struct vss_async **async);

/*
 * LUN resynchronization (IVssBackupComponentsEx3): the array writes the content of
 * transported shadow copies back to the LUNs of their original volumes.  The object was
 * initialized for a restore with the document of their set.  Nothing of the LUNs may be
 * in use.  For arrays that cannot do this, and where the copy shall stay, there is the
 * fast recovery by break.
 *
 * add_snapshot_to_recovery_set: one more of the document's shadow copies.  @flags is 0.
 * @destination: a name of the original volume, or NULL for that; content goes nowhere else
 * here (VSS_E_VOLUME_NOT_SUPPORTED).  VSS_E_SNAPSHOT_NOT_IN_SET the document has no such
 * shadow copy; VSS_E_OBJECT_NOT_FOUND no hardware provider of this machine owns it;
 * VSS_E_RESYNC_IN_PROGRESS; VSS_E_NONTRANSPORTABLE_BCD; E_INVALIDARG.
 *
 * recover_set: do it.  @flags: enum vss_recovery_option.  A LUN that has another disk
 * signature than the original had is refused (VSS_E_CANNOT_REVERT_DISKID) without
 * VSS_RECOVERY_REVERT_IDENTITY_ALL, for the content brings the original's; a LUN on which
 * there are other volumes (VSS_E_UNSELECTED_VOLUME) without VSS_RECOVERY_NO_VOLUME_CHECK.
 * VSS_E_BAD_STATE nothing was added; the operation ends with S_OK; E_NOTIMPL the provider
 * cannot do it; VSS_E_VOLUME_IN_USE, VSS_E_RESYNC_IN_PROGRESS, VSS_E_OBJECT_NOT_FOUND a LUN
 * is not here, VSS_E_PROVIDER_VETO.  What was added is used up by the call.
 */
vss_result vss_backup_components_add_snapshot_to_recovery_set(struct vss_backup_components *bc,
							      const struct vss_uuid *snapshot_id, uint32_t flags,
							      const char *destination);
vss_result vss_backup_components_recover_set(struct vss_backup_components *bc, uint32_t flags,
					     struct vss_async **async);

/* ---- restore ---- */

vss_result vss_backup_components_set_selected_for_restore(struct vss_backup_components *bc,
							  const struct vss_uuid *writer_id,
							  enum vss_component_type type, const char *logical_path,
							  const char *component_name, bool selected);
vss_result vss_backup_components_set_selected_for_restore_ex(struct vss_backup_components *bc,
							     const struct vss_uuid *writer_id,
							     enum vss_component_type type,
							     const char *logical_path,
							     const char *component_name, bool selected,
							     const struct vss_uuid *instance_id);
vss_result vss_backup_components_set_restore_options(struct vss_backup_components *bc,
						     const struct vss_uuid *writer_id,
						     enum vss_component_type type, const char *logical_path,
						     const char *component_name, const char *options);
vss_result vss_backup_components_set_additional_restores(struct vss_backup_components *bc,
							 const struct vss_uuid *writer_id,
							 enum vss_component_type type, const char *logical_path,
							 const char *component_name, bool additional);
vss_result vss_backup_components_set_authoritative_restore(struct vss_backup_components *bc,
							   const struct vss_uuid *writer_id,
							   enum vss_component_type type, const char *logical_path,
							   const char *component_name, bool authoritative);
vss_result vss_backup_components_set_restore_name(struct vss_backup_components *bc,
						  const struct vss_uuid *writer_id,
						  enum vss_component_type type, const char *logical_path,
						  const char *component_name, const char *name);
vss_result vss_backup_components_set_roll_forward(struct vss_backup_components *bc,
						  const struct vss_uuid *writer_id,
						  enum vss_component_type type, const char *logical_path,
						  const char *component_name, enum vss_rollforward_type roll,
						  const char *point);
vss_result vss_backup_components_add_restore_subcomponent(struct vss_backup_components *bc,
							  const struct vss_uuid *writer_id,
							  enum vss_component_type type, const char *logical_path,
							  const char *component_name,
							  const char *sub_logical_path,
							  const char *sub_component_name, bool repair);
vss_result vss_backup_components_add_new_target(struct vss_backup_components *bc,
						const struct vss_uuid *writer_id,
						enum vss_component_type type, const char *logical_path,
						const char *component_name, const char *path,
						const char *filename, bool recursive,
						const char *alternate_path);
vss_result vss_backup_components_add_alternative_location_mapping(struct vss_backup_components *bc,
								  const struct vss_uuid *writer_id,
								  enum vss_component_type type,
								  const char *logical_path,
								  const char *component_name, const char *path,
								  const char *filespec, bool recursive,
								  const char *destination);
vss_result vss_backup_components_set_file_restore_status(struct vss_backup_components *bc,
							 const struct vss_uuid *writer_id,
							 enum vss_component_type type, const char *logical_path,
							 const char *component_name,
							 enum vss_file_restore_status status);
vss_result vss_backup_components_set_ranges_file_path(struct vss_backup_components *bc,
						      const struct vss_uuid *writer_id,
						      enum vss_component_type type, const char *logical_path,
						      const char *component_name, uint32_t partial_file,
						      const char *path);
vss_result vss_backup_components_pre_restore(struct vss_backup_components *bc, struct vss_async **async);
vss_result vss_backup_components_post_restore(struct vss_backup_components *bc, struct vss_async **async);

#ifdef __cplusplus
}
#endif

#endif /* VSS_BACKUP_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writers: programs that bring their data to rest for a shadow copy
 * (CVssWriter, IVssCreateWriterMetadata).
 *
 * A writer makes an object with a struct of callbacks, subscribes, and calls
 * vss_writer_dispatch() whenever vss_writer_get_fd() is readable (or
 * vss_writer_run() for a loop of its own).  Callbacks run inside dispatch, one at
 * a time, on the calling thread; while one runs, vssd waits for it, up to the
 * time limit of its event.
 *
 * A callback returns true for success.  One that fails says why with
 * vss_writer_set_writer_failure() first; without that the failure counts as
 * VSS_E_WRITERERROR_NONRETRYABLE.  A failure that was set counts also when the
 * callback returns true.
 *
 * What a writer has begun is always ended: when vssd dies or the connection to
 * it breaks, and when the writer unsubscribes, the library itself calls abort for
 * each backup that had PrepareBackup and not PostSnapshot, then backup_shutdown
 * for each backup.  When vssd hangs it calls abort 5 seconds after the writer's
 * freeze timeout (605 seconds after Freeze for a writer that has none).  Later
 * events of a backup that ended so are answered with a failure and reach no
 * callback.
 *
 * An object is used by one thread at a time; several objects may be used by
 * several threads.  Of all functions only vss_writer_stop() may be called from
 * a signal handler or another thread.
 */
#ifndef VSS_WRITER_H
#define VSS_WRITER_H

#include <vss/component.h>
#include <vss/metadata.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_writer;

#define VSS_WRITER_DEFAULT_FREEZE_TIMEOUT_MS	60000

/**
 * struct vss_writer_ops - What a writer does at each event.
 * @identify: fill in the Writer Metadata Document, which has the identity already
 * @prepare_backup: a backup is planned; @components is NULL in volume mode
 * @prepare_snapshot: get ready for Freeze; may take long
 * @freeze: stop changing the data on the volumes of the set
 * @thaw: go on
 * @post_snapshot: the shadow copy exists; with auto-recovery it is writable now
 * @abort: the shadow copy will not be made; go on.  May come more than once
 * @backup_complete: the backup succeeded; @components is read-only
 * @backup_shutdown: the requester has ended, whatever became of the backup
 * @pre_restore, @post_restore: around a restore
 * @back_off_io, @continue_io: optional, reserved
 *
 * @prepare_snapshot, @freeze, @thaw and @abort must be there; NULL stands for
 * success in the others.
 */
struct vss_writer_ops {
	bool (*identify)(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data);
	bool (*prepare_backup)(struct vss_writer *writer, struct vss_writer_components *components, void *data);
	bool (*prepare_snapshot)(struct vss_writer *writer, void *data);
	bool (*freeze)(struct vss_writer *writer, void *data);
	bool (*thaw)(struct vss_writer *writer, void *data);
	bool (*post_snapshot)(struct vss_writer *writer, struct vss_writer_components *components, void *data);
	bool (*abort)(struct vss_writer *writer, void *data);
	bool (*backup_complete)(struct vss_writer *writer, struct vss_writer_components *components, void *data);
	bool (*backup_shutdown)(struct vss_writer *writer, const struct vss_uuid *snapshot_set_id, void *data);
	bool (*pre_restore)(struct vss_writer *writer, struct vss_writer_components *components, void *data);
	bool (*post_restore)(struct vss_writer *writer, struct vss_writer_components *components, void *data);
	bool (*back_off_io)(struct vss_writer *writer, void *data);
	bool (*continue_io)(struct vss_writer *writer, void *data);
};

/**
 * struct vss_writer_config - Who a writer is (CVssWriter::Initialize).
 * @writer_id: its class, fixed for the program
 * @writer_name: for people
 * @instance_name: tells instances of a class apart across restarts; NULL for none
 * @usage, @source: what kind of data
 * @level: when to freeze; VSS_APP_UNKNOWN stands for VSS_APP_FRONT_END
 * @freeze_timeout_ms: most time from Freeze to Thaw; 0 for vssd's default, which
 *	is VSS_WRITER_DEFAULT_FREEZE_TIMEOUT_MS unless configured otherwise
 * @major_version, @minor_version: of the writer
 * @address: D-Bus address of a private socket of vssd ("unix:path=..."); NULL for
 *	the one in $VSS_BUS_ADDRESS, else the system bus
 */
struct vss_writer_config {
	struct vss_uuid writer_id;
	const char *writer_name;
	const char *instance_name;
	enum vss_usage_type usage;
	enum vss_source_type source;
	enum vss_application_level level;
	uint32_t freeze_timeout_ms;
	uint32_t major_version;
	uint32_t minor_version;
	const char *address;
};

/**
 * vss_writer_initialize() - Make a writer object.
 * @config: who it is; copied
 * @ops: what it does; copied
 * @data: for the callbacks
 * @writer: receives the object, for vss_writer_free()
 * @err: receives the failure; may be NULL
 *
 * Each object is an instance with an identifier of its own.
 *
 * Return: S_OK; E_INVALIDARG for a required callback that is NULL, a missing name
 * or class, a name that is not UTF-8, an unknown level, usage or source.
 */
vss_result vss_writer_initialize(const struct vss_writer_config *config,
				 const struct vss_writer_ops *ops, void *data,
				 struct vss_writer **writer, struct vss_error *err);
/* Unsubscribes first; not from within a callback. */
void vss_writer_free(struct vss_writer *writer);
/* What went wrong in the last call that failed; never NULL. */
const struct vss_error *vss_writer_error(const struct vss_writer *writer);

/**
 * vss_writer_subscribe() - Begin to take part in backups.
 * @writer: the writer
 *
 * Registers with vssd, starting it on the system bus when it does not run, and
 * waits for its answer.  From then on the object registers anew by itself
 * whenever vssd has gone and come back; the descriptor stays the same.
 *
 * Return: S_OK; S_FALSE when vssd is not there: the writer registers when it
 * comes; VSS_E_WRITER_ALREADY_SUBSCRIBED the second time; E_ACCESSDENIED when by
 * vssd's configuration this user may not be this writer; another code when vssd
 * refuses the writer or the address is none.
 */
vss_result vss_writer_subscribe(struct vss_writer *writer);

/**
 * vss_writer_unsubscribe() - Take part no more.
 * @writer: the writer
 *
 * Calls abort and backup_shutdown for what is under way.  May be followed by
 * another vss_writer_subscribe().
 *
 * Return: S_OK; VSS_E_BAD_STATE when it has not subscribed, or in a callback.
 */
vss_result vss_writer_unsubscribe(struct vss_writer *writer);

/* Does vssd know the writer now?  For messages; nothing needs to be done when it does not. */
bool vss_writer_is_registered(const struct vss_writer *writer);

/* The same all the object's life.  Readable when vss_writer_dispatch() has something to do. */
int vss_writer_get_fd(struct vss_writer *writer);
/* Handle what is there, without waiting for more.  E_UNEXPECTED when the loop itself is broken. */
vss_result vss_writer_dispatch(struct vss_writer *writer);
/* Dispatch until vss_writer_stop(), which a callback, signal handler or other thread may call. */
vss_result vss_writer_run(struct vss_writer *writer);
void vss_writer_stop(struct vss_writer *writer);

/* ---- what may be asked within callbacks ---- */

/*
 * Why the callback fails: VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, _OUTOFRESOURCES,
 * _TIMEOUT, _RETRYABLE or _NONRETRYABLE, else E_INVALIDARG.  VSS_E_BAD_STATE in
 * identify, outside callbacks, and on another thread than the callback's.  The
 * second form also takes VSS_E_WRITERERROR_PARTIAL_FAILURE (say more with
 * vss_component_set_failure()) and S_OK, which takes an earlier failure back;
 * @message is for the user of the backup program, and may be NULL.
 */
vss_result vss_writer_set_writer_failure(struct vss_writer *writer, vss_result failure);
vss_result vss_writer_set_writer_failure_ex(struct vss_writer *writer, vss_result failure,
					    vss_result application_code, const char *message);
/* Also outside callbacks. */
void vss_writer_get_instance_id(struct vss_writer *writer, struct vss_uuid *id);
/* The operation.  VSS_E_BAD_STATE outside callbacks and in identify. */
vss_result vss_writer_get_session_id(struct vss_writer *writer, struct vss_uuid *id);
vss_result vss_writer_get_context(struct vss_writer *writer, uint32_t *context);
/* In prepare_snapshot, freeze, thaw, post_snapshot and abort only, else VSS_E_BAD_STATE. */
vss_result vss_writer_get_current_snapshot_set_id(struct vss_writer *writer, struct vss_uuid *id);
/* The kind of backup or restore; undefined and false where there is no operation. */
enum vss_backup_type vss_writer_get_backup_type(struct vss_writer *writer);
enum vss_restore_type vss_writer_get_restore_type(struct vss_writer *writer);
bool vss_writer_are_components_selected(struct vss_writer *writer);
bool vss_writer_is_bootable_system_state_backed_up(struct vss_writer *writer);
bool vss_writer_is_partial_file_support_enabled(struct vss_writer *writer);

/**
 * vss_writer_is_path_affected() - Will the shadow copy have what lies there?
 * @writer: the writer
 * @path: an absolute path, which need not exist; $NAME and ${NAME} stand for the
 *	environment's values; no wildcards
 *
 * In freeze no file system is asked, because it may be frozen: a path that was
 * asked about in prepare_snapshot has the same answer, for others symbolic links
 * are not followed.
 *
 * Return: true when every device that holds @path is in the set; false otherwise,
 * for a path that is not as above, and outside an operation.
 */
bool vss_writer_is_path_affected(struct vss_writer *writer, const char *path);

/* The set's volumes, by their device nodes; 0 and NULL where there are none. */
uint32_t vss_writer_get_current_volume_count(struct vss_writer *writer);
const char *vss_writer_get_current_volume(struct vss_writer *writer, uint32_t index);

/**
 * vss_writer_get_snapshot_device_name() - The shadow copy of a volume.
 * @writer: the writer, in post_snapshot
 * @volume: a volume of the set, by device node or mount point
 * @device: receives the block device, to free()
 *
 * Return: S_OK; VSS_E_BAD_STATE outside post_snapshot; VSS_E_OBJECT_NOT_FOUND when
 * the volume is not in the set or its copy is not on this machine.
 */
vss_result vss_writer_get_snapshot_device_name(struct vss_writer *writer, const char *volume,
					       char **device);

#ifdef __cplusplus
}
#endif

#endif /* VSS_WRITER_H */

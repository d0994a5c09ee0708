/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coordinator, without its surroundings: sessions of requesters, writers,
 * providers, and the one snapshot set that may be in creation.
 *
 * It never blocks, keeps no global state, and learns of time only through
 * struct vssd_clock, so that tests run it with stand-in writers and providers
 * and simulated time.  bus*.c connects it to D-Bus, host*.c to providers in
 * child processes.
 */
#ifndef VSSD_CORE_H
#define VSSD_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/lun.h>
#include <vss/provider.h>
#include <vss/types.h>

struct vssd_core;
struct vssd_session;
struct vssd_writer;
struct vssd_provider;

/* ---- time ---- */

struct vssd_timer;

/* Callbacks come from the main loop, never from within these functions. */
struct vssd_clock {
	uint64_t (*now)(void *data);	/* microseconds, monotonic */
	struct vssd_timer *(*start)(void *data, uint64_t delay_usec, void (*fire)(void *arg), void *arg);
	void (*stop)(void *data, struct vssd_timer *timer);	/* not after it has fired */
	void *data;
};

/* ---- settings ---- */

struct vssd_settings {
	const char *state_dir;		/* for records of sets; NULL keeps none */
	const char *reverted_file;	/* has the shadow copy that the root volume was set back to at boot; may be NULL */
	const char *machine;		/* what sets are said to come from */
	uint32_t identify_timeout_ms;		/* 30 s */
	uint32_t prepare_timeout_ms;		/* PrepareBackup, PrepareSnapshot: 600 s */
	uint32_t post_timeout_ms;		/* PostSnapshot, BackupComplete, Pre/PostRestore: 600 s */
	uint32_t freeze_timeout_ms;		/* default from Freeze to Thaw: 60 s */
	uint32_t hold_timeout_ms;		/* 10 s */
	uint32_t provider_timeout_ms;		/* for other steps of providers: 600 s */
};

/* Log: @priority as in syslog(3).  Must not touch a file system (the core queues
 * while anything may be frozen).  @message_id: one of VSSD_MESSAGE_* or NULL. */
typedef void (*vssd_log_fn)(void *data, int priority, const char *message_id,
			    const struct vss_uuid *session, const char *text);

struct vssd_core *vssd_core_new(const struct vssd_settings *settings, const struct vssd_clock *clock,
				vssd_log_fn log, void *log_data);
void vssd_core_free(struct vssd_core *core);

/* After all providers were added: forget or delete what an earlier life left. */
void vssd_core_reconcile(struct vssd_core *core);

/* ---- writers ---- */

enum vssd_event {
	VSSD_EVENT_IDENTIFY,
	VSSD_EVENT_PREPARE_BACKUP,
	VSSD_EVENT_PREPARE_SNAPSHOT,
	VSSD_EVENT_FREEZE,
	VSSD_EVENT_THAW,
	VSSD_EVENT_POST_SNAPSHOT,
	VSSD_EVENT_ABORT,
	VSSD_EVENT_BACKUP_COMPLETE,
	VSSD_EVENT_BACKUP_SHUTDOWN,
	VSSD_EVENT_PRE_RESTORE,
	VSSD_EVENT_POST_RESTORE,
};

struct vssd_writer_info {
	struct vss_uuid class_id;
	struct vss_uuid instance_id;
	const char *name;
	const char *instance_name;	/* NULL for none */
	enum vss_usage_type usage;
	enum vss_source_type source;
	enum vss_application_level level;
	uint32_t freeze_timeout_ms;	/* 0: default */
};

/* What goes with an event; valid during the call only. */
struct vssd_operation {
	struct vss_uuid session;
	struct vss_uuid set;		/* null without one */
	uint32_t context;
	enum vss_backup_type backup_type;
	enum vss_restore_type restore_type;
	bool components_selected;
	bool bootable_system_state;
	bool partial_files;
	const char *const *volumes;
	const char *const *devices;	/* in PostSnapshot; else NULL */
	size_t nr_volumes;
	const char *components;		/* the writer's part of the document, NULL for none */
};

/* A writer's answer.  Strings are only valid during the call of the callback. */
struct vssd_writer_reply {
	vss_result failure;		/* S_OK, VSS_E_WRITERERROR_*, VSS_E_WRITER_NOT_RESPONDING */
	vss_result application_code;
	const char *message;
	const char *document;		/* Identify: Writer Metadata Document; else the part, changed; NULL for unchanged */
};
typedef void (*vssd_writer_done)(void *arg, const struct vssd_writer_reply *reply);

struct vssd_writer_ops {
	/* @done is called once, from the main loop, not from within.  The core watches the time. */
	void (*event)(void *impl, enum vssd_event event, const struct vssd_operation *operation,
		      vssd_writer_done done, void *arg);
	/* The answer to the event is not wanted any more: @done will not be called. */
	void (*forget)(void *impl, void *arg);
};

/* VSS_E_OBJECT_ALREADY_EXISTS: the instance is there. */
vss_result vssd_writer_add(struct vssd_core *core, const struct vssd_writer_info *info,
			   const struct vssd_writer_ops *ops, void *impl,
			   struct vssd_writer **writer, struct vss_error *err);
/*
 * It has unsubscribed, or (@died) gone away.  The ops are not called any more, and
 * the @done of events under way must not be called.
 */
void vssd_writer_remove(struct vssd_writer *writer, bool died);

struct vssd_writer_status {
	struct vss_uuid instance_id;
	struct vss_uuid class_id;
	const char *name;
	enum vss_writer_state state;
	vss_result failure;
	vss_result application_code;
	const char *application_message;
};

/* ---- providers ---- */

enum vssd_step {
	VSSD_STEP_IS_VOLUME_SUPPORTED,
	VSSD_STEP_IS_VOLUME_SNAPSHOTTED,
	VSSD_STEP_BEGIN_PREPARE,
	VSSD_STEP_END_PREPARE,
	VSSD_STEP_PRE_COMMIT,
	VSSD_STEP_HOLD_WRITES,
	VSSD_STEP_COMMIT,
	VSSD_STEP_RELEASE_WRITES,
	VSSD_STEP_POST_COMMIT,
	VSSD_STEP_PRE_FINAL_COMMIT,
	VSSD_STEP_POST_FINAL_COMMIT,
	VSSD_STEP_ABORT,
	VSSD_STEP_GET_SNAPSHOTS,
	VSSD_STEP_DELETE,
	VSSD_STEP_SET_WRITABLE,
	VSSD_STEP_REVERT,
	VSSD_STEP_QUERY_REVERT,
	VSSD_STEP_IMPORT,
	VSSD_STEP_BREAK,
	VSSD_STEP_BEGIN_HOLD,
	VSSD_STEP_MASK_ORIGINALS,	/* @luns: sources; take them from this machine */
	VSSD_STEP_RESYNC,		/* @luns: sources get the content of destinations; @context: VSS_RECOVERY_* */
	VSSD_STEP_FIND,			/* as an import, of a copy made here that GET_SNAPSHOTS did not tell */
	VSSD_STEP_COUNT,
};

/* What goes with a step; which fields count follows from struct vss_provider_ops. */
struct vssd_provider_request {
	enum vssd_step step;
	struct vss_uuid set;
	struct vss_uuid snapshot;
	uint32_t context;		/* attributes, break flags */
	uint32_t timeout_ms;
	bool flag;			/* force, writable */
	const char *volume;
	const struct vss_lun_mapping *luns;
	size_t nr_luns;
	const struct vss_provider_snapshot *record;	/* import, find */
};

struct vssd_provider_reply {
	vss_result result;
	const char *message;		/* the sentence that goes with a failure */
	bool present;
	uint32_t value;			/* compatibility, percent */
	const struct vss_provider_snapshot *snapshots;
	size_t nr_snapshots;
};
typedef void (*vssd_provider_done)(void *arg, const struct vssd_provider_reply *reply);

struct vssd_provider_driver {
	/* @done is called once, from the main loop.  The core watches the time; a provider that
	 * is too slow is given up with @kill. */
	void (*call)(void *impl, const struct vssd_provider_request *request,
		     vssd_provider_done done, void *arg);
	void (*forget)(void *impl, void *arg);
	/* Stop it by force, thaw what it held; it may be started anew for the next call.
	 * All its calls have been forgotten before. */
	void (*kill)(void *impl);
};

/* @prop is copied.  @holds: it has hold_writes().  VSS_E_PROVIDER_ALREADY_REGISTERED */
vss_result vssd_provider_add(struct vssd_core *core, const struct vss_provider_prop *prop, bool holds,
			     const struct vssd_provider_driver *driver, void *impl,
			     struct vssd_provider **provider, struct vss_error *err);
/*
 * Its process has ended by itself: a set that it has a part in is aborted.  The @done
 * of calls under way is still called, with a failure.
 */
void vssd_provider_died(struct vssd_provider *provider);

/* VSS_E_PROVIDER_IN_USE */
vss_result vssd_provider_remove(struct vssd_provider *provider);
/* The same by its id, with the end of its process; VSS_E_PROVIDER_NOT_REGISTERED. */
vss_result vssd_core_unregister_provider(struct vssd_core *core, const struct vss_uuid *id, struct vss_error *err);

/* ---- volumes: how the core learns what a name stands for ---- */

struct vssd_volume {
	char path[160];			/* canonical device node; names the volume */
	uint64_t size;
	char fs_uuid[64];
	bool in_use;
};
struct vssd_volumes {
	/* VSS_E_OBJECT_NOT_FOUND */
	vss_result (*resolve)(void *data, const char *name, struct vssd_volume *volume, struct vss_error *err);
	/* Is @volume stacked on @other, through a loop file for example? */
	bool (*is_nested)(void *data, const char *volume, const char *other);
	/* Does the running system lie on @volume?  May be NULL: on none. */
	bool (*is_system)(void *data, const char *volume);
	/* Bring an image to a mount point: the file system's way to mount it read-only. */
	vss_result (*mount)(void *data, const char *device, const char *dir, bool writable, struct vss_error *err);
	vss_result (*unmount)(void *data, const char *dir, bool force, struct vss_error *err);
	/*
	 * A folder to mount on, whose parent exists; S_OK also when it is there already.  And
	 * away with it, if it is empty.  Both may be NULL: folders are there by themselves.
	 */
	vss_result (*make_dir)(void *data, const char *dir, struct vss_error *err);
	void (*remove_dir)(void *data, const char *dir);
	/* Is the LUN seen by this machine, under whatever name?  May be NULL: nobody can tell. */
	bool (*is_lun_here)(void *data, const struct vss_lun_info *lun);
	/* May be NULL: exposures are then believed to be as they were recorded. */
	bool (*is_mounted)(void *data, const char *device, const char *dir);
	void *data;
};
/* @volumes is copied.  Nothing of it is called while file systems may be frozen. */
void vssd_core_set_volumes(struct vssd_core *core, const struct vssd_volumes *volumes);

/* ---- sessions ---- */

typedef void (*vssd_progress_fn)(void *data, unsigned int percent, const char *stage);

struct vssd_session *vssd_session_open(struct vssd_core *core, vssd_progress_fn progress, void *data);
/* Release, or the requester's death: ends everything it had under way.  Its pending call is answered first. */
void vssd_session_close(struct vssd_session *session);
const struct vss_uuid *vssd_session_id(const struct vssd_session *session);

/* Calls that have an answer at once. */
vss_result vssd_session_initialize(struct vssd_session *session, bool restore, struct vss_error *err);
vss_result vssd_session_set_context(struct vssd_session *session, uint32_t context, struct vss_error *err);
vss_result vssd_session_start_snapshot_set(struct vssd_session *session, struct vss_uuid *set, struct vss_error *err);
vss_result vssd_session_abort(struct vssd_session *session, struct vss_error *err);
/*
 * The pending call fails with E_ABORT, DoSnapshotSet once the set is undone.  S_FALSE
 * when there is none, or one that cannot be taken back.
 */
vss_result vssd_session_cancel(struct vssd_session *session);
/*
 * The requester has saved its document.  After DoSnapshotSet with a transportable
 * context the copies are then somebody else's to import, and stay when the session ends.
 */
void vssd_session_document_saved(struct vssd_session *session);
/* Statuses stay valid until the session's next call. */
vss_result vssd_session_writer_status(struct vssd_session *session,
				      const struct vssd_writer_status **statuses, size_t *count);

/* Calls that take time.  One at a time in a session, else VSS_E_BAD_STATE; @done is
 * called once, possibly before the function returns. */
struct vssd_reply {
	vss_result result;
	struct vss_error error;		/* with a failure */
	const char *document;		/* Backup Components Document */
	struct vss_uuid id;		/* the new snapshot; the one that was not deleted */
	int32_t deleted;
	bool flag;			/* supported, present */
	uint32_t value;			/* compatibility, percent */
	const char *text;		/* exposed name */
	const struct vss_snapshot_prop *snapshots;
	size_t nr_snapshots;
	const struct vssd_metadata {
		struct vss_uuid instance_id;
		const char *document;
	} *metadata;
	size_t nr_metadata;
};
typedef void (*vssd_done)(void *data, const struct vssd_reply *reply);

struct vssd_selection {
	const struct vss_uuid *enable, *disable, *instances;
	size_t nr_enable, nr_disable, nr_instances;
};
void vssd_session_gather_writer_metadata(struct vssd_session *session,
					 const struct vssd_selection *selection, vssd_done done, void *data);
void vssd_session_add_to_snapshot_set(struct vssd_session *session, const char *volume,
				      const struct vss_uuid *provider, vssd_done done, void *data);
void vssd_session_is_volume_supported(struct vssd_session *session, const struct vss_uuid *provider,
				      const char *volume, vssd_done done, void *data);
void vssd_session_is_volume_snapshotted(struct vssd_session *session, const struct vss_uuid *provider,
					const char *volume, vssd_done done, void *data);
void vssd_session_prepare_for_backup(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_do_snapshot_set(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_backup_complete(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_pre_restore(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_post_restore(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_query_snapshots(struct vssd_session *session, vssd_done done, void *data);
void vssd_session_get_snapshot_properties(struct vssd_session *session, const struct vss_uuid *snapshot,
					  vssd_done done, void *data);
void vssd_session_delete_snapshots(struct vssd_session *session, const struct vss_uuid *id,
				   enum vss_object_type type, bool force, vssd_done done, void *data);
void vssd_session_expose_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				  const char *path_from_root, uint32_t attributes, const char *expose,
				  vssd_done done, void *data);
/*
 * A client-accessible shadow copy, at @folder/@GMT-YYYY.MM.DD-HH.MM.SS, which is made for
 * it and goes with it; the name is the reply's text.
 */
void vssd_session_expose_to_clients(struct vssd_session *session, const struct vss_uuid *snapshot,
				    const char *folder, vssd_done done, void *data);
void vssd_session_unexpose_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				    vssd_done done, void *data);
void vssd_session_break_snapshot_set(struct vssd_session *session, const struct vss_uuid *set,
				     uint32_t flags, vssd_done done, void *data);
/* Take the LUNs of the document's original volumes from this machine.  VSS_E_VOLUME_IN_USE */
void vssd_session_mask_originals(struct vssd_session *session, const char *document, vssd_done done, void *data);
/* Delete what an import that failed has left.  S_FALSE: there was nothing. */
void vssd_session_clean_up_import(struct vssd_session *session, const char *document, vssd_done done, void *data);
void vssd_session_import_snapshots(struct vssd_session *session, const char *document, vssd_done done, void *data);
/*
 * LUN resynchronization; answered at once.  @destination: NULL for the original.
 * VSS_E_SNAPSHOT_NOT_IN_SET, VSS_E_OBJECT_NOT_FOUND, VSS_E_RESYNC_IN_PROGRESS, ...
 */
vss_result vssd_session_add_snapshot_to_recovery_set(struct vssd_session *session, const char *document,
						     const struct vss_uuid *snapshot, const char *destination,
						     struct vss_error *err);
void vssd_session_recover_set(struct vssd_session *session, uint32_t flags, vssd_done done, void *data);
void vssd_session_revert_to_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				     bool force, vssd_done done, void *data);
void vssd_session_query_revert_status(struct vssd_session *session, const char *volume, vssd_done done, void *data);

/* ---- administration ---- */

/* Arrays that are valid until the core is called again. */
size_t vssd_core_writers(struct vssd_core *core, const struct vssd_writer_status **statuses);
size_t vssd_core_providers(struct vssd_core *core, const struct vss_provider_prop **providers);
/* The session that has a set in creation; NULL for none. */
struct vssd_session *vssd_core_creating(struct vssd_core *core);
void vssd_core_abort_creation(struct vssd_core *core);
/* Sessions are open, or something is still under way: not the time to exit. */
bool vssd_core_busy(const struct vssd_core *core);

#endif /* VSSD_CORE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the system provider share.
 */
#ifndef PROVIDER_SYSTEM_INTERNAL_H
#define PROVIDER_SYSTEM_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <vss/freeze.h>
#include <vss/prepare.h>

#include "system.h"

/* 8dc5f5d6-3d0c-4b0e-9b1e-6c1c1b0c7a51 */
extern const struct vss_uuid system_id;

struct system_member {
	struct vss_blockdev volume;
	bool hold_only;			/* another provider copies it */
	struct vss_uuid snapshot;
	struct vss_prepared prepared;
};

/* The one set in creation. */
struct system_set {
	struct vss_uuid id;
	struct system_member members[VSS_MAX_MEMBERS];
	size_t count;
	bool made_ready;		/* members are prepared as far as that was got */
	bool writable;			/* images are, until post_final_commit */
	struct vss_kernel_set state;	/* room for answers while nothing may be allocated */
};

struct system {
	pthread_mutex_t mutex;		/* held by a function that works on @set */
	struct system_set *set;
	/* The set in creation lives as long as this handle.  NULL without a set. */
	struct vss_kernel *kernel;
	/* For the abort, which comes while @kernel waits for an answer. */
	pthread_mutex_t abort_mutex;
	struct vss_kernel *aborter;
	atomic_bool cancelled;
	const char *state_dir;		/* records of reverts are in it */
	struct system_revert *reverts;	/* of the thread that calls the provider */
};

/* ---- kernel.c ---- */

/*
 * A handle for one call.  The module is loaded for it if need be; without @load a
 * module that is not there is no failure, and *@kernel is NULL.
 */
vss_result system_kernel_open(bool load, struct vss_kernel **kernel, struct vss_error *err);

/* Pass on the last failure of a handle: its sentence, and its code if that is one of @allowed. */
vss_result system_kernel_fail(const struct vss_kernel *kernel, const vss_result *allowed,
			      struct vss_error *err);
/* The same for a failure that is in @err already. */
vss_result system_fail(const vss_result *allowed, struct vss_error *err);

/* Lists of codes end with S_OK; E_OUTOFMEMORY need not be in them.  Others become vetoes. */
extern const vss_result system_allowed_begin[], system_allowed_prepare[], system_allowed_hold[];
extern const vss_result system_allowed_commit[], system_allowed_object[];

/* ---- volume.c ---- */

/*
 * Can it be shadow copied?  @kernel: a handle.  Gives the volume, to be cleared.
 * @full: it has its most shadow copies
 */
vss_result system_volume_judge(struct vss_kernel *kernel, const char *path, uint32_t context,
			       struct vss_blockdev *volume, bool *full, struct vss_error *err);
vss_result system_is_volume_supported(void *state, uint32_t context,
				      const struct vss_provider_volume *volume, struct vss_error *err);
vss_result system_is_volume_snapshotted(void *state, const struct vss_provider_volume *volume,
					bool *present, uint32_t *compatibility, struct vss_error *err);

/* ---- set.c ---- */

vss_result system_begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
				uint32_t context, const struct vss_provider_volume *volume,
				struct vss_error *err);
vss_result system_begin_hold(void *state, const struct vss_uuid *set,
			     const struct vss_provider_volume *volume, struct vss_error *err);
vss_result system_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result system_abort(void *state, const struct vss_uuid *set, struct vss_error *err);
/* Undo the set, only forget it, or forget it and let go of what was attached to be held only. */
void system_set_undo(struct system *s);
void system_set_finish(struct system *s);
void system_set_forget(struct system *s);

/* ---- attached.c ---- */

/*
 * About to attach: remembered first, for this process may be killed at any moment.
 * True if so, false if the volume is tracked already.  With the lock of
 * vss_prepare_lock() held.
 */
bool system_attached_expect(struct vss_kernel *kernel, const struct vss_blockdev *volume);
/* Which file is being made for the one that was expected. */
void system_attached_allocating(const struct vss_blockdev *volume, const char *path);
/* It was attached for its set, and this is what it got. */
void system_attached_note(const struct system_member *member);
/* It was detached, or not attached. */
void system_attached_forget(struct vss_devno dev);
/* Let go of a remembered volume, of all with NULL, that has no shadow copies. */
void system_attached_release(struct vss_kernel *kernel, const struct vss_devno *dev);

/* ---- commit.c ---- */

vss_result system_pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result system_hold(void *state, const struct vss_uuid *set, uint32_t timeout_ms, struct vss_error *err);
vss_result system_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result system_release(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result system_post_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result system_pre_final_commit(void *state, const struct vss_uuid *set, uint32_t attributes,
				   struct vss_error *err);
vss_result system_post_final_commit(void *state, const struct vss_uuid *set, struct vss_error *err);

/* ---- snapshots.c ---- */

vss_result system_get_snapshots(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
				struct vss_error *err);
/* The same, of the module that @kernel leads to. */
vss_result system_list(struct vss_kernel *kernel, struct vss_provider_snapshot **snapshots, size_t *count,
		       struct vss_error *err);
/*
 * Of one that system_get_snapshots() has told before, in a persistent diff area, and now does
 * not: S_OK it is here; VSS_E_MISSING_DISK its area is not loaded; VSS_E_OBJECT_NOT_FOUND it is lost
 */
vss_result system_import(void *state, struct vss_provider_snapshot *snapshot, struct vss_error *err);
/* The same.  @kernel: NULL when the module is not loaded */
vss_result system_find(struct vss_kernel *kernel, const struct vss_uuid *snapshot, const struct vss_uuid *area,
		       struct vss_error *err);
vss_result system_delete(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err);
vss_result system_no_such(const struct vss_uuid *snapshot, struct vss_error *err);
vss_result system_set_writable(void *state, const struct vss_uuid *snapshot, bool writable,
			       struct vss_error *err);
vss_result system_break(void *state, const struct vss_uuid *set, uint32_t flags, struct vss_error *err);

/* ---- revert.c ---- */

vss_result system_revert(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err);
vss_result system_query_revert(void *state, const char *volume, uint32_t *percent, struct vss_error *err);
/*
 * True, with a sentence in @err: the volume is being set back, or is to be when that can go on,
 * and no shadow copy of it can be made.
 */
bool system_reverting(struct system *s, const struct vss_blockdev *volume, struct vss_error *err);
/* The same for the shadow copy that one is set back to: it cannot be deleted. */
bool system_reverting_to(struct system *s, const struct vss_uuid *snapshot, struct vss_error *err);
/*
 * Go on with what an earlier life has begun.  @kernel: NULL when the module is not loaded, or
 * cannot be asked, in which case it is not @known whether shadow copies are there
 */
void system_reverts_resume(struct system *s, struct vss_kernel *kernel, bool known);
/* Stop the threads; the next life goes on. */
void system_reverts_stop(struct system *s);

#endif /* PROVIDER_SYSTEM_INTERNAL_H */

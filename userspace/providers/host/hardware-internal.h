/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the adapter for hardware providers share.
 *
 * One mutex is held by every function that works on sets.  Only the abort that cuts
 * a step short calls the plug-in without it.
 */
#ifndef PROVIDER_HARDWARE_INTERNAL_H
#define PROVIDER_HARDWARE_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>
#include <vss/document.h>

#include "cleanup.h"
#include "error.h"
#include "hardware.h"

enum hw_state {
	HW_CREATING,		/* its set is not finished */
	HW_HIDDEN,		/* finished, to travel: this machine shows nothing of it */
	HW_SHOWN,		/* finished, with a device on this machine */
	HW_FAILED,		/* its import did not succeed; LUNs of it may be visible */
};

struct hw_copy {
	struct vss_set_member member;	/* its device_object is "" or what there was last */
	enum hw_state state;
	bool imported;
	char *disks;			/* that it was brought up from; NULL for not yet */
};

/* One record, and one file. */
struct hw_set {
	LIST_ENTRY(hw_set) link;
	struct vss_set_description about;	/* without members */
	struct hw_copy *copies;
	size_t nr_copies;
	bool on_disk;
};

struct hardware {
	struct vss_provider_ops ops;	/* the adapter's own */
	const struct vss_provider_ops *plugin;
	void *state;			/* the plug-in's */
	const struct hardware_machine *machine;
	char *dir;			/* of records */
	uint32_t arrival_ms;
	uint32_t attributes;		/* that all its copies have */
	pthread_mutex_t mutex;
	LIST_HEAD(, hw_set) sets;
	struct hw_set *creating;	/* one of @sets, or NULL */
	bool prepared;			/* end_prepare_snapshots() has been called for it */
};

/* Record a failure and return its code. */
#define hw_fail(err, result, ...) ({							\
	vss_result result_ = (result);							\
	vss_error_set(err, vss_result_to_errno(result_), result_, __VA_ARGS__);		\
	result_; })

static inline vss_result hw_no_memory(struct vss_error *err)
{
	return hw_fail(err, E_OUTOFMEMORY, "out of memory");
}

/* ---- hardware-record.c ---- */

struct hw_set *hw_set_new(struct hardware *hw, const struct vss_uuid *id, uint32_t context);
/* Forget it, in memory only. */
void hw_set_free(struct hardware *hw, struct hw_set *set);
struct hw_set *hw_set_find(struct hardware *hw, const struct vss_uuid *id);
/* An empty one at the end; NULL without memory.  Pointers to others are invalid then. */
struct hw_copy *hw_copy_add(struct hw_set *set);
void hw_copy_remove(struct hw_set *set, size_t index);
/* The set and the index in it; NULL when there is none. */
struct hw_set *hw_copy_find(struct hardware *hw, const struct vss_uuid *snapshot, size_t *index);

/* Read all; what is damaged is told on the standard error and left alone. */
vss_result hw_records_load(struct hardware *hw, struct vss_error *err);
vss_result hw_record_save(struct hardware *hw, struct hw_set *set, struct vss_error *err);
/* Remove its file, and forget it. */
void hw_record_remove(struct hardware *hw, struct hw_set *set);

/* ---- hardware-lun.c ---- */

/* A unique identifier: of the logical unit, of a type that all the world knows. */
bool hw_has_identity(const struct vss_lun_info *lun);
/* Is there one that both have? */
bool hw_shares_identity(const struct vss_lun_info *a, const struct vss_lun_info *b);
bool hw_mapping_copy(struct vss_lun_mapping *to, const struct vss_lun_mapping *from);
/*
 * LUNs of some copies of a set, each once, without extents; for vss_lun_mappings_free().
 * @destinations: those that have one, and by it; else by the original
 */
vss_result hw_luns_of(const struct hw_set *set, size_t first, size_t count, bool destinations,
		      struct vss_lun_mapping **luns, size_t *n, struct vss_error *err);
/* Is the destination @lun also one of another copy of the set than that at @index? */
bool hw_lun_is_shared(const struct hw_set *set, size_t index, const struct vss_lun_info *lun);
/*
 * The LUNs of a volume, completed by the plug-in.  S_FALSE with a sentence in @err:
 * it is not this array's, or its LUNs are no good.
 */
vss_result hw_volume_luns(struct hardware *hw, const char *volume, uint32_t context,
			  struct vss_lun_mapping **luns, size_t *n, struct vss_error *err);
/* Ask the plug-in where the copies of a set are, and judge its answer. */
vss_result hw_target_luns(struct hardware *hw, struct hw_set *set, struct vss_error *err);

/* ---- hardware-show.c ---- */

/* A disk that is here and in use is no copy that somebody let travel: VSS_E_PROVIDER_VETO. */
vss_result hw_check_unused(struct hardware *hw, const struct hw_set *set, size_t first, size_t count,
			   struct vss_error *err);
/*
 * Bring copies of a set up on this machine, hidden and read-only.  VSS_E_MISSING_DISK,
 * VSS_E_MISSING_VOLUME, VSS_E_PROVIDER_VETO, or what the plug-in said; LUNs may be
 * visible then.
 */
vss_result hw_show(struct hardware *hw, struct hw_set *set, size_t first, size_t count, struct vss_error *err);
/* Make it writable, or read-only again. */
vss_result hw_make_writable(struct hardware *hw, struct hw_set *set, size_t index, bool writable,
			    struct vss_error *err);
/* After a start of the machine: LUNs of copies that it shows are hidden again. */
void hw_hide_again(struct hardware *hw);
/* What the machine shows of it now. */
void hw_refresh(struct hardware *hw, struct hw_set *set, size_t index);
/* Take all copies of a set, with their LUNs, off this machine. */
vss_result hw_take_off(struct hardware *hw, struct hw_set *set, struct vss_error *err);
/* Take one off, with those of its LUNs that only it lies on; the plug-in is told that these are empty. */
vss_result hw_empty(struct hardware *hw, struct hw_set *set, size_t index, struct vss_error *err);

/* ---- hardware-set.c: the steps of a set ---- */

vss_result hw_begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
			    uint32_t context, const struct vss_provider_volume *volume,
			    struct vss_error *err);
vss_result hw_begin_hold(void *state, const struct vss_uuid *set, const struct vss_provider_volume *volume,
			 struct vss_error *err);
vss_result hw_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_hold(void *state, const struct vss_uuid *set, uint32_t timeout_ms, struct vss_error *err);
vss_result hw_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_release(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_post_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_pre_final_commit(void *state, const struct vss_uuid *set, uint32_t attributes,
			       struct vss_error *err);
vss_result hw_post_final_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result hw_abort(void *state, const struct vss_uuid *set, struct vss_error *err);

/* ---- hardware-copies.c: shadow copies that exist ---- */

vss_result hw_get_snapshots(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
			    struct vss_error *err);
vss_result hw_is_snapshotted(void *state, const struct vss_provider_volume *volume, bool *present,
			     uint32_t *compatibility, struct vss_error *err);
vss_result hw_delete(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err);
vss_result hw_set_writable(void *state, const struct vss_uuid *snapshot, bool writable, struct vss_error *err);
vss_result hw_import(void *state, struct vss_provider_snapshot *snapshot, struct vss_error *err);
vss_result hw_break(void *state, const struct vss_uuid *set, uint32_t flags, struct vss_error *err);
vss_result hw_lun_state_change(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			       bool mask_originals, struct vss_error *err);

/* ---- hardware-resync.c ---- */

vss_result hw_resync(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
		     struct vss_error *err);

#endif /* PROVIDER_HARDWARE_INTERNAL_H */

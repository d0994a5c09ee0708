/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies that exist: making them visible, taking them away, deleting them.
 *
 * A copy's name is that of its original, "_vss_" and the identifier of the shadow copy
 * it was made for (lvm_copy_path()); it is in the same volume group.
 */
#ifndef ARRAY_COPIES_H
#define ARRAY_COPIES_H

#include "lio.h"
#include "lvm.h"

/* What is there now, and for whom we work. */
struct array_view {
	struct lvm_list lvm;
	struct lio_stores stores;
	struct lio_access access;
};

int array_view_read(const char *initiator, const char *target, struct array_view *view,
		    struct vss_error *err);
void array_view_clear(struct array_view *view);
#define _cleanup_view_	__attribute__((cleanup(array_view_clear)))

/* The backstore of a volume, by its device or, for a copy, its serial number; NULL for none. */
const struct lio_store *array_store(const struct array_view *view, const struct lvm_lv *lv);

/* A volume that is asked for.  @serial, unless NULL: what its LUN's must be. */
struct array_volume {
	const char *path;	/* "VG/LV" */
	const char *serial;
};

/* Activate copies and make their backstores. */
int array_export(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		 struct vss_error *err);

/*
 * Make copies visible to the initiator.  @own_set: a set in creation whose copies are
 * allowed too, or NULL.
 */
int array_map(const char *initiator, const char *target, const char *own_set,
	      const struct array_volume volumes[], size_t n, struct vss_error *err);

/* Take volumes, copies or not, from the initiator. */
int array_unmap(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		struct vss_error *err);

/* Delete copies; those that are not there any more are no failure. */
int array_delete(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		 struct vss_error *err);

#endif /* ARRAY_COPIES_H */

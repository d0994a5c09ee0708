/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of copies in creation.  It belongs to the connection that began it: when that
 * ends before array_set_complete(), the set is undone.  What is left after a crash of
 * the array itself is removed when somebody begins the next one.
 */
#ifndef ARRAY_SET_H
#define ARRAY_SET_H

#include <stddef.h>

#include "thin.h"

#define ARRAY_FOLDER	"/run/vss-array-lio"
#define ARRAY_ID_SIZE	33	/* 32 hexadecimal digits and NUL */
#define ARRAY_MOST_LUNS	64

struct array_copy {
	char *origin;		/* "VG/LV" */
	char *path;		/* of the copy */
	char serial[ARRAY_ID_SIZE];
	struct thin_copy thin;
};

/* All zeroes but for @lock, -1: none. */
struct array_set {
	char id[ARRAY_ID_SIZE];	/* "" for none */
	struct array_copy copies[ARRAY_MOST_LUNS];
	size_t n;
	int lock;		/* of this set: held until it is complete or undone */
	bool taken;
};

/* What is to be copied for which shadow copy. */
struct array_wish {
	const char *origin;
	const char *snapshot;	/* 32 hexadecimal digits */
};

/*
 * Make the copies, with any content.  @set must be none.  -ENOSPC with
 * VSS_E_INSUFFICIENT_STORAGE: the pool is almost full.  After a failure it is undone.
 */
int array_set_prepare(struct array_set *set, const char *id, const struct array_wish *wishes, size_t n,
		      const char *initiator, const char *target, struct vss_error *err);

/* Learn what array_set_take() needs. */
int array_set_arm(struct array_set *set, struct vss_error *err);

/* The instant.  Runs no program and writes to no file. */
int array_set_take(struct array_set *set, struct vss_error *err);

/* It stays. */
int array_set_complete(struct array_set *set, struct vss_error *err);

/* Delete the copies of any set, complete or not. */
int array_set_undo(struct array_set *set, const char *id, const char *initiator, const char *target,
		   struct vss_error *err);

#endif /* ARRAY_SET_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files about reverts share.
 */
#ifndef PROVIDER_SYSTEM_REVERT_H
#define PROVIDER_SYSTEM_REVERT_H

#include <stdatomic.h>
#include <vss/error.h>
#include <vss/uuid.h>

/* ---- revert-record.c ---- */

/* @why: NULL while it runs.  0 or a negative errno. */
int revert_record_write(const char *state_dir, const struct vss_uuid *snapshot, const char *volume,
			const char *why);
void revert_record_remove(const char *state_dir, const struct vss_uuid *snapshot);

/* Tell of each record there is. */
typedef void (*revert_record_fn)(void *data, const struct vss_uuid *snapshot, const char *volume,
				 const char *why);
void revert_records_read(const char *state_dir, revert_record_fn take, void *data);

/* ---- revert-copy.c ---- */

/*
 * Make @origin what @image is, writing only what differs, and bring it to disk.  Both are
 * open for direct I/O and have @size bytes.  @percent is kept up to date; when @stop is set
 * it ends early with -ECANCELED.  0, or a negative errno with a sentence in @err.
 */
int revert_copy(int image, int origin, uint64_t size, atomic_uint *percent, const atomic_bool *stop,
		struct vss_error *err);

#endif /* PROVIDER_SYSTEM_REVERT_H */

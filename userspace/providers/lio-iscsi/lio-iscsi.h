/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the provider lio-iscsi share.
 */
#ifndef LIO_ISCSI_H
#define LIO_ISCSI_H

#include <pthread.h>
#include <stdatomic.h>
#include <vss/provider.h>

#include "config.h"
#include "connection.h"

#define LIO_MOST_LUNS	64

/* A LUN of the set in creation. */
struct lio_lun {
	char *volume;		/* "VG/LV" */
	char *serial;		/* of the original */
	struct vss_uuid snapshot;	/* the first that lies on it */
	char *copy;		/* "VG/LV"; NULL for not made yet */
	char *copy_serial;
};

/* The last step of the set in creation that is done. */
enum lio_stage {
	LIO_BEGUN,
	LIO_PREPARED,
	LIO_ARMED,
	LIO_TAKEN,
	LIO_RELEASED,
	LIO_EXPORTED,
};

struct lio {
	/* Held by every function while it runs; the abort that cuts goes without. */
	pthread_mutex_t mutex;
	/* By that abort: the set is to be forgotten by whoever has the mutex. */
	atomic_bool aborted;
	struct lio_config config;
	struct connection *conn;
	struct vss_uuid set;
	bool has_set;
	enum lio_stage stage;
	struct lio_lun luns[LIO_MOST_LUNS];
	size_t n;
};

/* Record a failure and return its code. */
vss_result lio_fail(struct vss_error *err, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The array's name for a LUN, from its record: "VG/LV" within it.  NULL with @err set. */
const char *lio_volume_of(const struct vss_lun_info *lun, struct vss_error *err);

/* ---- set.c: the steps of a set ---- */

void lio_set_forget(struct lio *lio);
vss_result lio_begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
			     uint32_t context, const struct vss_provider_volume *volume, struct vss_error *err);
vss_result lio_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_post_commit(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_pre_final(void *state, const struct vss_uuid *set, uint32_t attributes, struct vss_error *err);
vss_result lio_post_final(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_abort(void *state, const struct vss_uuid *set, struct vss_error *err);
vss_result lio_target_luns(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns, size_t n,
			   struct vss_error *err);

/* ---- luns.c: LUNs that exist ---- */

vss_result lio_luns_supported(void *state, uint32_t context, const struct vss_lun_info *luns, size_t n,
			      struct vss_error *err);
vss_result lio_fill_in(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err);
vss_result lio_locate(void *state, const struct vss_lun_mapping *luns, size_t n, struct vss_error *err);
vss_result lio_lun_empty(void *state, const char *device, const struct vss_lun_info *lun, struct vss_error *err);
vss_result lio_state_change(void *state, const struct vss_lun_mapping *luns, size_t n, uint32_t flags,
			    bool mask_originals, struct vss_error *err);

#endif /* LIO_ISCSI_H */

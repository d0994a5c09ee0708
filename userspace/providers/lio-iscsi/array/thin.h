/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instant: all copies of a set are taken at once, in milliseconds.
 *
 * LVM needs a second or so to make a thin snapshot.  So LVM makes it beforehand, and
 * at the instant it is replaced, in the pool, by one of that moment with the same
 * number: what LVM knows of it stays true.
 */
#ifndef ARRAY_THIN_H
#define ARRAY_THIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <vss/error.h>

struct thin_copy {
	dev_t origin;		/* active */
	uint32_t id;		/* of the copy, which is not active */
	/* Set by thin_look() */
	uint32_t origin_id;
	uint64_t size;		/* of the origin, bytes */
	dev_t pool;
};

/* The name of a logical volume, "VG/LV", to free(), and whether it is a thin one.  0 or a negative errno. */
int thin_name(dev_t device, char **path, bool *thin);

/* Learn of the origin what thin_take() needs. */
int thin_look(struct thin_copy *copy, struct vss_error *err);

/* All at one instant: the origins stand still meanwhile.  They run again in any case. */
int thin_take(const struct thin_copy *copies, size_t n, struct vss_error *err);

#endif /* ARRAY_THIN_H */

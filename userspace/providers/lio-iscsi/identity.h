/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a LUN of the array is known: to the array by the logical volume behind it, to
 * machines by what LIO tells of it.
 */
#ifndef LIO_IDENTITY_H
#define LIO_IDENTITY_H

#include <vss/lun.h>

/* "lio-iscsi:/TARGET/VG/LV", to free(); NULL without memory. */
char *lio_interconnect(const char *target, const char *volume);
/* Its "VG/LV", within @interconnect; NULL when it is not one of ours. */
const char *lio_interconnect_volume(const char *interconnect);

/*
 * The record of a copy that no machine has seen yet: as LIO will describe a LUN with this
 * serial number, hexadecimal digits, and like @source in all else.  0 or -ENOMEM.
 */
int lio_describe_copy(const struct vss_lun_info *source, const char *vendor, const char *product,
		      const char *serial, struct vss_lun_info *copy);

#endif /* LIO_IDENTITY_H */

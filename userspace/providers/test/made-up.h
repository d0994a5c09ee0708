/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LUNs that no array has.
 */
#ifndef PROVIDER_MADE_UP_H
#define PROVIDER_MADE_UP_H

#include <stdlib.h>
#include <string.h>
#include <vss/lun.h>

#define MADE_UP_DEVICE	"/dev/vss-provider-test"

enum made_up {
	MADE_UP_ALL,		/* all that a LUN has */
	MADE_UP_NAA,		/* an NAA identifier, and no texts */
	MADE_UP_TEXTS,		/* texts, and no identifier */
	MADE_UP_NOTHING,
	MADE_UP_COUNT,
};

static inline bool made_up_lun(struct vss_lun_info *lun, enum made_up what)
{
	memset(lun, 0, sizeof(*lun));
	lun->size = 1U << 30;
	lun->block_size = 512;
	if (what == MADE_UP_ALL || what == MADE_UP_TEXTS) {
		lun->vendor = strdup("NOBODY");
		lun->product = strdup("MADE UP");
		lun->revision = strdup("0");
		lun->serial = strdup("vss-provider-test");
		if (!lun->vendor || !lun->product || !lun->revision || !lun->serial)
			return false;
	}
	if (what == MADE_UP_ALL || what == MADE_UP_NAA) {
		struct vss_storage_id *ids = calloc(2, sizeof(*ids));

		if (!ids)
			return false;
		ids[0] = (struct vss_storage_id) { .code_set = 1, .type = 3, .size = 16 };
		memset(ids[0].bytes, 0x5e, 16);
		ids[0].bytes[0] = 0x60;
		/* Of a port: not the LUN's. */
		ids[1] = (struct vss_storage_id) { .code_set = 1, .type = 4, .association = 1, .size = 4 };
		lun->ids = ids;
		lun->nr_ids = 2;
	}
	return true;
}

#endif /* PROVIDER_MADE_UP_H */

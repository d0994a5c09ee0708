/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device-mapper devices, through libdevmapper.
 */
#ifndef VSS_SRC_DM_H
#define VSS_SRC_DM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/kernel.h>

struct vss_dm_target {
	uint64_t start, length;		/* bytes */
	char type[32];
	char *params;
};

struct vss_dm_table {
	struct vss_dm_target *targets;
	size_t count;
};

/* The table of a device.  0 or a negative errno. */
int vss_dm_table_read(struct vss_devno dev, struct vss_dm_table *table);

/* One more target at the end; false without memory. */
bool vss_dm_table_add(struct vss_dm_table *table, uint64_t length, const char *type, const char *params);

void vss_dm_table_clear(struct vss_dm_table *table);

/*
 * Make a device that nobody but its maker is to look at: udev makes its node and
 * nothing else.  0 or a negative errno.
 */
int vss_dm_create(const char *name, const char *uuid, const struct vss_dm_table *table, bool read_only);

/* The same device with another mode. */
int vss_dm_set_read_only(struct vss_devno dev, bool read_only);

int vss_dm_remove(struct vss_devno dev);

/* The device with a UUID.  0, -ENODEV or another negative errno. */
int vss_dm_find(const char *uuid, struct vss_devno *dev);

#endif /* VSS_SRC_DM_H */

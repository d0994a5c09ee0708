/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notice of tracked disks that become smaller.
 */
#ifndef VSS_SHRINK_H
#define VSS_SHRINK_H

#include <linux/blkdev.h>

int vss_shrink_start(void);
int vss_shrink_stop(void);
bool vss_shrink_is_seen(struct gendisk *disk);
int vss_shrink_module_init(void);
void vss_shrink_module_exit(void);

#endif /* VSS_SHRINK_H */

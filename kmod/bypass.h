/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notice of tracked disks that become paths of a multipath device.
 */
#ifndef VSS_BYPASS_H
#define VSS_BYPASS_H

int vss_bypass_start(void);
int vss_bypass_stop(void);
int vss_bypass_module_init(void);
void vss_bypass_module_exit(void);

#endif /* VSS_BYPASS_H */

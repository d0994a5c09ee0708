/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "vss": how userspace controls the module.
 */
#ifndef VSS_NETLINK_H
#define VSS_NETLINK_H

#include <linux/types.h>

struct genl_family;

extern struct genl_family vss_genl_family;

/* Index of the multicast group "events" within the family. */
#define VSS_MCGRP_EVENTS	0

int vss_netlink_init(void);
void vss_netlink_exit(void);
bool vss_netlink_listening(void);
void vss_changed(void);

#endif /* VSS_NETLINK_H */

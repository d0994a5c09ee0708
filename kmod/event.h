/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events for userspace, multicast by netlink.
 */
#ifndef VSS_EVENT_H
#define VSS_EVENT_H

#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/vss.h>

struct vss_snapshot;
struct vss_volume;

void vss_event_volume(struct vss_volume *vol, enum vss_event_type type);
void vss_event_snapshot(struct vss_snapshot *snap, enum vss_event_type type);
void vss_event_set(const uuid_t *uuid, enum vss_event_type type, int error);

#endif /* VSS_EVENT_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol's enumerations in words, the same in text and JSON.
 */
#ifndef VSSCTL_NAMES_H
#define VSSCTL_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <vss/blockdev.h>
#include <vss/kernel.h>

const char *vssctl_hook_state_name(uint32_t state);
const char *vssctl_volume_state_name(uint32_t state);
const char *vssctl_area_type_name(uint32_t type);
const char *vssctl_area_state_name(uint32_t state);
const char *vssctl_set_state_name(uint32_t state);
const char *vssctl_snapshot_state_name(uint32_t state);
const char *vssctl_lost_reason_name(uint32_t reason);
const char *vssctl_event_type_name(uint32_t type);

#define VSSCTL_DEVICE_TEXT	VSS_BLOCKDEV_NODE_SIZE

/* "/dev/vda1", "/dev/mapper/vg-lv", or "254:1" for a device that is gone.  Returns @text. */
char *vssctl_device_name(struct vss_devno dev, char text[VSSCTL_DEVICE_TEXT]);

#define VSSCTL_TIME_TEXT	40

/* Nanoseconds since 1970 as "2024-05-01T12:00:00.123456789Z".  Returns @text. */
char *vssctl_format_time_utc(uint64_t time, char text[VSSCTL_TIME_TEXT]);

/* The same for people: local time, to the second.  Returns @text. */
char *vssctl_format_time_local(uint64_t time, char text[VSSCTL_TIME_TEXT]);

#endif /* VSSCTL_NAMES_H */

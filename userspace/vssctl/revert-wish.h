/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a revert, in the header of the diff area: struct vss_disk_revert in
 * linux/vss_disk.h.  There the next boot finds it before anything is mounted.  vssctl writes
 * it for a revert at boot, the system provider for its own; the rules are in
 * Documentation/disk-format.md.
 */
#ifndef VSSCTL_REVERT_WISH_H
#define VSSCTL_REVERT_WISH_H

#include <linux/vss_disk.h>
#include <stdbool.h>
#include <stdint.h>
#include <vss/uuid.h>

struct vssctl_wish {
	uint32_t state;			/* enum vss_disk_revert_state; 0: there is none */
	struct vss_uuid snapshot;
	uint64_t time;
	/* In VSS_DISK_REVERT_WRITING and VSS_DISK_REVERT_HEAD: what the volume's head was, and is to be as far as it is written. */
	bool heads_known;
	uint8_t old_head[VSS_DISK_HEAD_SIZE];
	uint8_t new_head[VSS_DISK_HEAD_SIZE];
};

/*
 * Read that of area @area from its device.  0, also without one; -EBADMSG it is damaged; -EIO.
 * Heads that are damaged are not known.
 */
int vssctl_wish_read(int device, const uint8_t area[VSS_DISK_UUID_SIZE], struct vssctl_wish *wish);

/*
 * Write it, durably, in place of another, with the heads that its state has.  While the other is
 * VSS_DISK_REVERT_WRITING the old head, in VSS_DISK_REVERT_HEAD both have to stay the same, or go with
 * vssctl_wish_clear() first.  0 or a negative errno.
 */
int vssctl_wish_write(int device, const uint8_t area[VSS_DISK_UUID_SIZE], const struct vssctl_wish *wish);

/* Remove it, durably.  0 or a negative errno. */
int vssctl_wish_clear(int device);

/* Is the volume's head what the revert has left, so that nobody has mounted it for writing since? */
bool vssctl_wish_is_head(const struct vssctl_wish *wish, const uint8_t head[VSS_DISK_HEAD_SIZE]);

#endif /* VSSCTL_REVERT_WISH_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Setting a volume back at boot, after its diff area was loaded and before anybody mounts
 * the volume: what "vssctl revert --at-boot" has asked for is done, and a revert of vssd's that
 * was broken off goes on.
 */
#ifndef VSSCTL_REVERT_BOOT_H
#define VSSCTL_REVERT_BOOT_H

#include "revert-veil.h"
#include "vssctl.h"

struct vssctl_boot_revert {
	struct vssctl *ctl;
	const char *volume;		/* device nodes; stay the caller's */
	const char *device;
	uint8_t area[VSS_DISK_UUID_SIZE];
	int fd;				/* of @device, -1: there is nothing to do */
	bool clean;			/* the area was left in order: its fingerprint tells */
	bool at_rest;			/* the volume's head tells whether somebody mounts it */
	bool asked;			/* what is only asked for is to be begun */
	/* Of one that was broken off: the volume's head, or front, is what it left, or not. */
	bool head_is_ours, mounted_since;
	bool veiled;			/* by a veil: in whichever boot, nobody can have mounted it */
	bool shown;			/* it can be mounted again, or may be */
	struct vssctl_wish wish;
};

/*
 * Before the area is loaded: is there something to do?  @volume_fd: the volume, claimed.  What
 * cannot be read is told.  0; or an exit code, when the area is not to be loaded, for another device
 * is its volume.  To be ended with vssctl_boot_revert_end().
 */
int vssctl_boot_revert_begin(struct vssctl_boot_revert *r, int volume_fd);

/*
 * After that: do it.  @loaded: there is an area, whose snapshots may be lost.  0, also if
 * there is nothing to do; VSSCTL_HALF_WRITTEN; or another exit code, when the volume is as
 * it was.
 */
int vssctl_boot_revert_run(struct vssctl_boot_revert *r, bool loaded);

void vssctl_boot_revert_end(struct vssctl_boot_revert *r);

#endif /* VSSCTL_REVERT_BOOT_H */

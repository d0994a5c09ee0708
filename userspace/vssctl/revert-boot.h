/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Setting a volume back at boot: what "vssctl revert --at-boot" has asked for is done
 * after its diff area was loaded and before anybody mounts the volume.
 */
#ifndef VSSCTL_REVERT_BOOT_H
#define VSSCTL_REVERT_BOOT_H

#include "revert-wish.h"
#include "vssctl.h"

struct vssctl_boot_revert {
	struct vssctl *ctl;
	const char *volume;		/* device nodes; stay the caller's */
	const char *device;
	uint8_t area[VSS_DISK_UUID_SIZE];
	int fd;				/* of @device, -1: there is nothing to do */
	bool clean;			/* the area was left in order: its fingerprint tells */
	bool at_rest;			/* the volume's head tells whether somebody mounts it */
	/* Of one that was broken off: the volume's head is what it left, or not. */
	bool head_is_ours, mounted_since;
	struct vssctl_wish wish;
};

/*
 * Before the area is loaded: is there something to do?  @volume_fd: the volume, claimed.  What
 * cannot be read is told.  To be ended with vssctl_boot_revert_end().
 */
void vssctl_boot_revert_begin(struct vssctl_boot_revert *r, int volume_fd);

/*
 * After that: do it.  @loaded: there is an area, whose snapshots may be lost.  0, also if
 * there is nothing to do; VSSCTL_HALF_WRITTEN; or another exit code, when the volume is as
 * it was.
 */
int vssctl_boot_revert_run(struct vssctl_boot_revert *r, bool loaded);

void vssctl_boot_revert_end(struct vssctl_boot_revert *r);

#endif /* VSSCTL_REVERT_BOOT_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What whoever loads diff areas at boot can say about a volume: that nobody else has
 * it, that nobody could have mounted it before without a trace, and that it is early
 * enough in this boot to say so.
 */
#ifndef VSSCTL_BOOT_VOUCH_H
#define VSSCTL_BOOT_VOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vssctl.h"

/*
 * Open a volume exclusively: nobody has mounted it, or has made a device-mapper, md or
 * loop device of it, or can do so before the file is closed.  udev looks at new devices,
 * so it is tried for @tries times 200 ms.  The file, or -EBUSY or another negative errno.
 */
int vssctl_claim_volume(const char *path, int tries);

/* Has nobody but the caller the attached volume open?  Waits a little for udev. */
bool vssctl_is_alone(struct vssctl *ctl, struct vss_devno volume);

/* For a volume that is not in use: udev looks at it, and has it open meanwhile. */
#define VSSCTL_CLAIM_TRIES	15

/*
 * Has a process the device open, and can it only read?  udev's worker has a disk open while it runs
 * what its rules ask for.
 */
bool vssctl_is_reader(pid_t pid, struct vss_devno device);

/*
 * Load a diff area, at most @tries times, 200 ms between them, while somebody else than @openers has the
 * volume open.  Who calls this is one of those, unless @mode is VSS_AREA_LOAD_UNCLEAN: it is how the
 * module knows.  As vss_kernel_area_load().
 */
int vssctl_load_area(struct vssctl *ctl, struct vss_devno volume, const struct vss_devno *devices, size_t nr,
		     uint32_t mode, uint32_t openers, int tries, struct vss_kernel_area *area);

/*
 * Are snapshots of a loaded area lost?  That is no error of the module's, which loads them as well: for
 * whoever wants them back it is one.  0, or the exit code with it told; @hint follows where the reason is
 * that the volume may have been written untracked.
 */
int vssctl_tell_lost(struct vssctl *ctl, const struct vss_blockdev *volume, const char *hint);

/* A hint: who loads it does not vouch for the volume. */
#define VSSCTL_NOT_VOUCHED	": it was not detached in order, or was written since"

/*
 * Is it ext2, ext3 or ext4, as it is unmounted or frozen: no journal is to be replayed?
 */
bool vssctl_is_at_rest(int fd);

/*
 * Does the file system on it write to its first VSS_DISK_HEAD_SIZE bytes before anything
 * else when it is mounted for writing?  ext2, ext3 and ext4 do, and wait for it: time and
 * count of mounts, and whether the journal is to be replayed.  XFS writes to its log first,
 * btrfs to what was free; whatever else there is, is not known to.  Not where a journal is to
 * be replayed, nor files freed that were deleted while they were open: who does that writes
 * elsewhere first, also for a mount that is read-only, and may be stopped before the end. Nor
 * without a journal where it was mounted: its diff area may have been given up meanwhile.
 */
bool vssctl_head_tells(int fd);

/*
 * Is it ext2, ext3, ext4 or XFS of version 5, whatever is to be replayed?  Then its head tells of a mount for
 * writing that came so far as to write the superblock, XFS at its end, and of nothing that was broken off
 * before; of ext also of a replay by a mount that is read-only.
 */
bool vssctl_head_tells_of_mounts(int fd);

/*
 * May the volumes still be vouched for?  Not after a call with @last in this boot, which
 * leaves the file @flag, and has it locked until the process ends.
 */
bool vssctl_may_vouch(struct vssctl *ctl, const char *flag, bool last);

/* Does a process still run that has made the file and vouches? */
bool vssctl_is_vouching(const char *flag);

#endif /* VSSCTL_BOOT_VOUCH_H */

/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The generic netlink family "vss": control of the volume snapshot module.
 *
 * This header is the reference for the protocol: every command with its tree
 * of attributes, every attribute with its type and unit.  uapi/vss.yaml says
 * the same in the form of a kernel netlink specification.
 *
 * Rules that hold for every command
 * ---------------------------------
 *  - The caller needs CAP_SYS_ADMIN in the initial user namespace, else -EPERM;
 *    in network namespaces other than the initial one there is no such family.
 *  - Attributes are validated strictly: unknown, missing, duplicate-free by
 *    type, wrongly sized or wrongly nested ones are refused with -EINVAL (or
 *    -ERANGE), and the extended ack names the attribute at fault.  A refused
 *    command has changed nothing.
 *  - A device is named by VSS_A_*_MAJOR and VSS_A_*_MINOR, as in stat(2).
 *  - Snapshots and sets are named by UUIDs that userspace chooses: 16 bytes in
 *    the order of the RFC 4122 text form.
 *  - Sizes and offsets are bytes unless the name says otherwise.
 *  - A volume that is not tracked is -ENODEV; a set, snapshot or part that does
 *    not exist -ENOENT (so is a member of a new set that is not tracked); an
 *    object in use, or in a state that does not allow the command, -EBUSY.
 *  - Every dump carries NLM_F_DUMP_INTR when the listed objects changed while
 *    it ran; ask again then.
 *
 * Commands
 * --------
 * VSS_CMD_MODULE_GET (do)
 *     request:  nothing
 *     reply:    VSS_A_MODULE {
 *                  VERSION, HOOK_STATE, HOOK_BIOS, MAX_VOLUMES, MAX_SNAPSHOTS,
 *                  MAX_MEMBERS, VOLUMES }
 *     Module facts.  Never changes anything.
 *
 * VSS_CMD_MODULE_TEST (do)
 *     request:  nothing
 *     reply:    VSS_A_MODULE { as above, HOOK_STATE is what the test found }
 *     Install the hook if it is not, run its self-test, take it away again if
 *     no volume uses it.  -EOPNOTSUPP with the reason when writes would pass
 *     the module unseen on this kernel; -EBUSY when ftrace is switched off or
 *     another module owns the function.
 *
 * VSS_CMD_VOLUME_ATTACH (do)
 *     request:  VSS_A_VOLUME { MAJOR, MINOR, [CHUNK_SIZE], [COPY_MEMORY] }
 *     reply:    VSS_A_VOLUME { everything VSS_CMD_VOLUME_GET tells }
 *     Start to track a live block device.  -EEXIST already tracked, -EBUSY it
 *     overlaps a tracked volume, or its detach has not ended, -EOPNOTSUPP a
 *     kind of device that cannot be tracked (DAX, zoned, an image of a
 *     snapshot, ...), -EAGAIN writes from before the attach did not end in
 *     time, -ENOSPC too many volumes, -EFBIG too large for the chunk size.
 *
 * VSS_CMD_VOLUME_DETACH (do)
 *     request:  VSS_A_VOLUME { MAJOR, MINOR, [FORCE] }
 *     reply:    none
 *     Stop to track.  -EBUSY while it has snapshots, unless FORCE is given:
 *     then they are deleted, and images in use answer EIO from then on.
 *     Diff-area parts are released (not erased, files not unlinked).
 *     Snapshots in a persistent area stay there; -EBUSY while the volume or an
 *     image is in use, unless FORCE is given: then they are lost.  -EIO it is
 *     not tracked any more, but its snapshots are lost by that.
 *     -ETIMEDOUT, -EINTR (killed) it is not tracked any more, but I/O in
 *     flight does not end: parts are released, and it can be attached again,
 *     when that does.
 *
 * VSS_CMD_VOLUME_GET (do, dump)
 *     request:  do: VSS_A_VOLUME { MAJOR, MINOR }; dump: nothing
 *     reply:    VSS_A_VOLUME {
 *                  MAJOR, MINOR, NAME, SIZE, CHUNK_SIZE, COPY_MEMORY,
 *                  SNAPSHOTS, EPOCH, AREA_SIZE, AREA_USED, LOW_WATER,
 *                  WRITES, WRITES_HELD, CHUNKS_COPIED, COPY_READS, AREA_WRITES,
 *                  MEMORY, STATE, OPENERS }
 *
 * VSS_CMD_VOLUME_SET (do)
 *     request:  VSS_A_VOLUME { MAJOR, MINOR, [LOW_WATER], [COPY_MEMORY] }
 *     reply:    VSS_A_VOLUME { everything VSS_CMD_VOLUME_GET tells }
 *
 * VSS_CMD_AREA_ADD (do)
 *     request:  VSS_A_AREA { VOLUME_MAJOR, VOLUME_MINOR,
 *                            (DEV_MAJOR, DEV_MINOR | FD), [MODE], [BOOT],
 *                            [OPENERS], [MORE] ... }
 *     reply:    VSS_A_AREA { everything VSS_CMD_AREA_GET tells }
 *     Add a part to a volume's diff area.  A block device is claimed
 *     exclusively and usable at once.  A file (FD, open for writing, regular,
 *     preallocated, fsynced) is pinned against writing, truncation, unlinking
 *     and moving, and has no room until its extents are told.  A part stays
 *     until it is removed or the volume is detached.  -EBUSY the device or file
 *     is in use, -EOPNOTSUPP not a place for a diff area, -ELOOP it lies on a
 *     volume whose own area lies on this one, -ENOSPC too small, -EMLINK too
 *     many parts.
 *     MODE makes the area persistent: of devices, from before the volume's first
 *     snapshot on.  CREATE writes a new one, or a further part of the one that
 *     there is.  LOAD takes one over with the snapshots in it, from the device and
 *     those in MORE, in any order; the reply tells of its first part.  All parts
 *     must be there, else -ENOENT, and it may be tried again; a device that was
 *     not added to the end is left alone.  The snapshots are lost if the volume
 *     may have been written since it was detached; with LOAD_UNCLEAN the caller
 *     vouches that after a crash it was not, in this boot either.  With
 *     LOAD_CHECKED the caller vouches for this boot alone, and that nobody before
 *     could have written to the volume without changing its first
 *     VSS_DISK_HEAD_SIZE bytes: they must be what was written last while it was
 *     tracked.  -EBUSY: the volume is open more than OPENERS times, which is once
 *     unless given: by the caller, and others that he knows to read only.  BOOT names
 *     this boot (/proc/sys/kernel/random/boot_id): what was in use in the same
 *     boot, or in one that is not known, and not detached is lost in any case.
 *     -EUCLEAN, -ESTALE, -EINVAL: the devices hold no area that could be loaded
 *     for this volume, or one is an older copy.  -EEXIST: a copy of the area is in
 *     use, or two devices are the same part.  -EIO: it does not grow, or has failed
 *     by that: the snapshots are lost then.
 *
 * VSS_CMD_AREA_EXTENTS (do)
 *     request:  VSS_A_AREA { VOLUME_MAJOR, VOLUME_MINOR, ID, [LAST],
 *                            EXTENT { START, LENGTH } ... }
 *     reply:    none
 *     Extents of the pinned file, as FIEMAP gives them after the pin: START is
 *     the byte on the block device that holds the file system.  LAST makes the
 *     part usable; after it no further extents are taken.  A part that lies
 *     on its own volume is refused with -EBUSY while the volume has a
 *     snapshot (its blocks may still be needed by that snapshot).
 *
 * VSS_CMD_AREA_REMOVE (do)
 *     request:  VSS_A_AREA { VOLUME_MAJOR, VOLUME_MINOR, ID }
 *     reply:    none
 *     Take a part away from a volume's diff area and release it: a file can be
 *     written and unlinked again (it is not unlinked here).  A part that is
 *     VSS_AREA_PINNED can be removed at any time.  Others can while the volume
 *     has no snapshots, members of sets in creation included, nothing is being
 *     stored any more, and no image of a deleted one is being read: else
 *     -EBUSY, as long as the device of a persistent area does not answer.
 *     -EOPNOTSUPP a persistent area has several parts: it keeps all.
 *     What failed with the part is forgotten: without a part that is
 *     VSS_AREA_ERROR the area can be used again.
 *
 * VSS_CMD_AREA_GET (dump)
 *     request:  [VSS_A_AREA { VOLUME_MAJOR, VOLUME_MINOR }]
 *     reply:    VSS_A_AREA {
 *                  VOLUME_MAJOR, VOLUME_MINOR, ID, TYPE, DEV_MAJOR, DEV_MINOR,
 *                  [PATH], SIZE, USED, [ON_ORIGIN], STATE, [UUID] }
 *     UUID names a persistent area.
 *
 * VSS_CMD_SET_PREPARE (do)
 *     request:  VSS_A_SET {
 *                  UUID, [FLAGS], [HOLD_TIMEOUT_MS], [FREEZE_TIMEOUT_MS],
 *                  MEMBER { MAJOR, MINOR, (SNAPSHOT_UUID | HOLD_ONLY),
 *                           [LEVEL] } ...,
 *                  [FREEZE { FD, [LEVEL] } ...] }
 *     reply:    VSS_A_SET { everything VSS_CMD_SET_GET tells }
 *     Allocate everything the set needs.  HOLD_ONLY: the member is frozen and
 *     held with the others, but no snapshot is made of it, and it needs no diff
 *     area: somebody else, such as a storage array, copies it while writes are
 *     held (between HELD and COMMITTED).  LEVEL orders stacked members: the
 *     highest is frozen and held first (default 0).  FREEZE names further file
 *     systems to freeze by an open directory of theirs: those the kernel
 *     cannot find from the device (btrfs, file systems on top of dm or loop
 *     devices that lie on a member).  The set belongs to the socket that
 *     prepared it: when that socket closes the set is undone.
 *     -EBUSY a member is in another set, -ENOSPC no diff area or no room in
 *     it, -EEXIST a UUID is in use, -EMLINK VSS_MAX_SNAPSHOTS exist, -ESTALE
 *     the volume was resized, -EIO its diff area has failed.
 *
 * VSS_CMD_SET_STEP (do)
 *     request:  VSS_A_SET { UUID, STATE }
 *     reply:    VSS_A_SET { everything VSS_CMD_SET_GET tells }
 *     Advance the set, through all states between, to STATE: FROZEN, HELD,
 *     COMMITTED or DONE.  On an error the set is undone (thawed, snapshots
 *     dropped), state FAILED.  DONE ends the set: the snapshots are on their
 *     own and the set is gone once the reply is read.
 *     -ETIMEDOUT a deadline passed (VSS_CMD_SET_GET tells by HOLD_USEC whether
 *     writes were held then), -ECANCELED the set was undone before, -EBUSY a
 *     file system is frozen, or was thawed, by someone else, -EPERM the set
 *     belongs to another socket, -ESTALE a volume became smaller meanwhile.
 *
 * VSS_CMD_SET_ABORT (do)
 *     request:  VSS_A_SET { UUID }
 *     reply:    none
 *     Undo the set: release, thaw, drop its snapshots.  Works for any socket.
 *
 * VSS_CMD_SET_GET (do, dump)
 *     request:  do: VSS_A_SET { UUID }; dump: nothing
 *     reply:    VSS_A_SET {
 *                  UUID, FLAGS, STATE, ERROR, HOLD_TIMEOUT_MS,
 *                  FREEZE_TIMEOUT_MS, FREEZE_USEC, HOLD_USEC,
 *                  MEMBER { MAJOR, MINOR, (SNAPSHOT_UUID | HOLD_ONLY), LEVEL } ... }
 *     Only sets in creation; a finished set lives on in its snapshots'
 *     VSS_A_SNAPSHOT_SET_UUID.
 *
 * VSS_CMD_SNAPSHOT_GET (do, dump)
 *     request:  do: VSS_A_SNAPSHOT { UUID }
 *               dump: [VSS_A_SNAPSHOT { [SET_UUID], [MAJOR, MINOR] }]
 *     reply:    VSS_A_SNAPSHOT {
 *                  UUID, SET_UUID, MAJOR, MINOR, VOLUME_NAME, NAME, DEV_MAJOR,
 *                  DEV_MINOR, EPOCH, TIME, SIZE, STATE, LOST_REASON, FLAGS,
 *                  COPIED, OVERLAY, MEMBERS }
 *     Before its set is DONE a snapshot has no device: DEV_* are 0.
 *
 * VSS_CMD_SNAPSHOT_SET (do)
 *     request:  VSS_A_SNAPSHOT { UUID, FLAGS }
 *     reply:    VSS_A_SNAPSHOT { everything VSS_CMD_SNAPSHOT_GET tells }
 *     Make a snapshot writable (VSS_SNAPSHOT_F_WRITABLE) or read-only again.
 *     Writes go to the snapshot's private overlay in the diff area.
 *
 * VSS_CMD_SNAPSHOT_DELETE (do)
 *     request:  VSS_A_SNAPSHOT { (UUID | SET_UUID), [FORCE] }
 *     reply:    none
 *     Delete one snapshot or all of a set.  -EBUSY while an image is in use
 *     (nothing is deleted then), unless FORCE is given.  -ETIMEDOUT, -EINTR
 *     (killed) they are deleted, but I/O of images does not end: these are
 *     removed when it does.
 *
 * VSS_CMD_EVENT (multicast, group "events")
 *     VSS_A_EVENT { TYPE, TIME, [VOLUME_MAJOR, VOLUME_MINOR], [SNAPSHOT_UUID],
 *                   [SET_UUID], [REASON], [AREA_SIZE, AREA_USED], [ERROR] }
 *     The group may be joined only with CAP_SYS_ADMIN.
 */
#ifndef _UAPI_LINUX_VSS_H
#define _UAPI_LINUX_VSS_H

#define VSS_GENL_NAME		"vss"
#define VSS_GENL_VERSION	1
#define VSS_GENL_MCGRP_EVENTS	"events"

#define VSS_UUID_SIZE		16
#define VSS_MAX_MEMBERS		64	/* volumes in one set */
#define VSS_MAX_SNAPSHOTS	512	/* snapshots of one volume */
#define VSS_MAX_AREA_PARTS	64	/* parts of one diff area */
#define VSS_MAX_EXTENTS_MSG	512	/* extents in one AREA_EXTENTS */
#define VSS_MIN_CHUNK_SIZE	4096
#define VSS_MAX_CHUNK_SIZE	262144
#define VSS_DEFAULT_CHUNK_SIZE	16384
#define VSS_DEFAULT_HOLD_TIMEOUT_MS	10000
#define VSS_MAX_HOLD_TIMEOUT_MS		60000
#define VSS_DEFAULT_FREEZE_TIMEOUT_MS	60000
#define VSS_MAX_FREEZE_TIMEOUT_MS	600000

enum vss_cmd {
	VSS_CMD_UNSPEC,
	VSS_CMD_MODULE_GET,
	VSS_CMD_MODULE_TEST,
	VSS_CMD_VOLUME_ATTACH,
	VSS_CMD_VOLUME_DETACH,
	VSS_CMD_VOLUME_GET,
	VSS_CMD_VOLUME_SET,
	VSS_CMD_AREA_ADD,
	VSS_CMD_AREA_EXTENTS,
	VSS_CMD_AREA_GET,
	VSS_CMD_SET_PREPARE,
	VSS_CMD_SET_STEP,
	VSS_CMD_SET_ABORT,
	VSS_CMD_SET_GET,
	VSS_CMD_SNAPSHOT_GET,
	VSS_CMD_SNAPSHOT_SET,
	VSS_CMD_SNAPSHOT_DELETE,
	VSS_CMD_EVENT,
	VSS_CMD_AREA_REMOVE,

	__VSS_CMD_MAX,
	VSS_CMD_MAX = __VSS_CMD_MAX - 1
};

/* The top level of every message holds one of these nests. */
enum vss_attr {
	VSS_A_UNSPEC,
	VSS_A_MODULE,			/* nest, enum vss_module_attr */
	VSS_A_VOLUME,			/* nest, enum vss_volume_attr */
	VSS_A_AREA,			/* nest, enum vss_area_attr */
	VSS_A_SET,			/* nest, enum vss_set_attr */
	VSS_A_SNAPSHOT,			/* nest, enum vss_snapshot_attr */
	VSS_A_EVENT,			/* nest, enum vss_event_attr */

	__VSS_A_MAX,
	VSS_A_MAX = __VSS_A_MAX - 1
};

enum vss_module_attr {
	VSS_A_MODULE_UNSPEC,
	VSS_A_MODULE_VERSION,		/* string, "major.minor.patch" */
	VSS_A_MODULE_HOOK_STATE,	/* u32, enum vss_hook_state */
	VSS_A_MODULE_HOOK_BIOS,		/* u64, writes of the machine seen since load */
	VSS_A_MODULE_MAX_VOLUMES,	/* u32 */
	VSS_A_MODULE_MAX_SNAPSHOTS,	/* u32, of one volume */
	VSS_A_MODULE_MAX_MEMBERS,	/* u32, of one set */
	VSS_A_MODULE_VOLUMES,		/* u32, volumes tracked now */
	VSS_A_MODULE_PAD,

	__VSS_A_MODULE_MAX,
	VSS_A_MODULE_MAX = __VSS_A_MODULE_MAX - 1
};

enum vss_hook_state {
	VSS_HOOK_IDLE,			/* not installed: no volume is tracked */
	VSS_HOOK_VERIFIED,		/* installed and its self-test passed */
	VSS_HOOK_FAILED,		/* the last self-test failed */
};

enum vss_volume_attr {
	VSS_A_VOLUME_UNSPEC,
	VSS_A_VOLUME_MAJOR,		/* u32 */
	VSS_A_VOLUME_MINOR,		/* u32 */
	VSS_A_VOLUME_FORCE,		/* flag */
	VSS_A_VOLUME_NAME,		/* string, kernel name of the device ("vda1") */
	VSS_A_VOLUME_SIZE,		/* u64, bytes at attach */
	VSS_A_VOLUME_CHUNK_SIZE,	/* u32, bytes, a power of two */
	VSS_A_VOLUME_COPY_MEMORY,	/* u64, most bytes of copies in flight */
	VSS_A_VOLUME_SNAPSHOTS,		/* u32, snapshots that are alive */
	VSS_A_VOLUME_EPOCH,		/* u32, snapshots committed since attach */
	VSS_A_VOLUME_AREA_SIZE,		/* u64, usable bytes of the diff area */
	VSS_A_VOLUME_AREA_USED,		/* u64, bytes of it in use */
	VSS_A_VOLUME_LOW_WATER,		/* u64, event when fewer bytes are free */
	VSS_A_VOLUME_WRITES,		/* u64, writes seen by the hook */
	VSS_A_VOLUME_WRITES_HELD,	/* u64, writes that had to wait */
	VSS_A_VOLUME_CHUNKS_COPIED,	/* u64, chunks copied before a write */
	VSS_A_VOLUME_COPY_READS,	/* u64, reads of the origin made for it */
	VSS_A_VOLUME_AREA_WRITES,	/* u64, writes to the diff area */
	VSS_A_VOLUME_MEMORY,		/* u64, bytes of kernel memory for maps and copies */
	VSS_A_VOLUME_STATE,		/* u32, enum vss_volume_state */
	VSS_A_VOLUME_PAD,
	VSS_A_VOLUME_OPENERS,		/* u32, times it is open, the module left out */

	__VSS_A_VOLUME_MAX,
	VSS_A_VOLUME_MAX = __VSS_A_VOLUME_MAX - 1
};

enum vss_volume_state {
	VSS_VOLUME_TRACKED,
	VSS_VOLUME_GONE,		/* the device was removed; detach it */
};

enum vss_area_attr {
	VSS_A_AREA_UNSPEC,
	VSS_A_AREA_VOLUME_MAJOR,	/* u32 */
	VSS_A_AREA_VOLUME_MINOR,	/* u32 */
	VSS_A_AREA_ID,			/* u32, number of the part within the volume */
	VSS_A_AREA_DEV_MAJOR,		/* u32, the device, or that of the file's file system */
	VSS_A_AREA_DEV_MINOR,		/* u32 */
	VSS_A_AREA_FD,			/* s32, the caller's file descriptor */
	VSS_A_AREA_LAST,		/* flag */
	VSS_A_AREA_EXTENT,		/* nest, repeated, enum vss_extent_attr */
	VSS_A_AREA_TYPE,		/* u32, enum vss_area_type */
	VSS_A_AREA_PATH,		/* string, path of the file */
	VSS_A_AREA_SIZE,		/* u64, usable bytes */
	VSS_A_AREA_USED,		/* u64, bytes in use */
	VSS_A_AREA_ON_ORIGIN,		/* flag, lies on its own volume */
	VSS_A_AREA_STATE,		/* u32, enum vss_area_state */
	VSS_A_AREA_PAD,
	VSS_A_AREA_MODE,		/* u32, enum vss_area_mode */
	VSS_A_AREA_BOOT,		/* binary, VSS_UUID_SIZE */
	VSS_A_AREA_UUID,		/* binary, VSS_UUID_SIZE */
	VSS_A_AREA_MORE,		/* u64, repeated, a further device: major << 32 | minor */
	VSS_A_AREA_OPENERS,		/* u32, times the volume is open by who does not write; 1 */

	__VSS_A_AREA_MAX,
	VSS_A_AREA_MAX = __VSS_A_AREA_MAX - 1
};

enum vss_area_type {
	VSS_AREA_DEVICE,
	VSS_AREA_FILE,
};

enum vss_area_mode {
	VSS_AREA_VOLATILE,		/* snapshots end with the machine's uptime */
	VSS_AREA_CREATE,		/* make a persistent area, overwrite what is there */
	VSS_AREA_LOAD,			/* take over a persistent area that was left in order */
	VSS_AREA_LOAD_UNCLEAN,		/* in any case: the volume was not written since */
	VSS_AREA_LOAD_CHECKED,		/* also after a crash, if the volume's head is the same */
};

enum vss_area_state {
	VSS_AREA_PINNED,		/* file without extents yet: no room */
	VSS_AREA_READY,
	VSS_AREA_ERROR,			/* a write to it failed; not used any more */
};

enum vss_extent_attr {
	VSS_A_EXTENT_UNSPEC,
	VSS_A_EXTENT_START,		/* u64, bytes */
	VSS_A_EXTENT_LENGTH,		/* u64, bytes */
	VSS_A_EXTENT_PAD,

	__VSS_A_EXTENT_MAX,
	VSS_A_EXTENT_MAX = __VSS_A_EXTENT_MAX - 1
};

enum vss_set_attr {
	VSS_A_SET_UNSPEC,
	VSS_A_SET_UUID,			/* binary, VSS_UUID_SIZE */
	VSS_A_SET_FLAGS,		/* u32, VSS_SET_F_* */
	VSS_A_SET_STATE,		/* u32, enum vss_set_state */
	VSS_A_SET_HOLD_TIMEOUT_MS,	/* u32 */
	VSS_A_SET_FREEZE_TIMEOUT_MS,	/* u32, begin of freeze to end of thaw */
	VSS_A_SET_MEMBER,		/* nest, repeated, enum vss_member_attr */
	VSS_A_SET_FREEZE,		/* nest, repeated, enum vss_freeze_attr */
	VSS_A_SET_ERROR,		/* s32, negative errno that undid the set, or 0 */
	VSS_A_SET_FREEZE_USEC,		/* u64, time the file systems were frozen */
	VSS_A_SET_HOLD_USEC,		/* u64, time no write was admitted */
	VSS_A_SET_PAD,

	__VSS_A_SET_MAX,
	VSS_A_SET_MAX = __VSS_A_SET_MAX - 1
};

/* VSS_A_SET_FLAGS */
#define VSS_SET_F_NO_FREEZE	(1U << 0)	/* crash-consistent: hold only */
#define VSS_SET_F_ALL		VSS_SET_F_NO_FREEZE

enum vss_set_state {
	VSS_SET_PREPARED,
	VSS_SET_FROZEN,			/* file systems frozen and flushed */
	VSS_SET_HELD,			/* no write in flight on any member */
	VSS_SET_COMMITTED,		/* the instant is taken, writes run, frozen */
	VSS_SET_DONE,			/* thawed, images exist */
	VSS_SET_FAILED,			/* undone; only SET_ABORT is of use */
};

enum vss_member_attr {
	VSS_A_MEMBER_UNSPEC,
	VSS_A_MEMBER_MAJOR,		/* u32 */
	VSS_A_MEMBER_MINOR,		/* u32 */
	VSS_A_MEMBER_SNAPSHOT_UUID,	/* binary, VSS_UUID_SIZE */
	VSS_A_MEMBER_LEVEL,		/* u32, 0 to 15 */
	VSS_A_MEMBER_HOLD_ONLY,		/* flag, in place of the snapshot's UUID */

	__VSS_A_MEMBER_MAX,
	VSS_A_MEMBER_MAX = __VSS_A_MEMBER_MAX - 1
};

enum vss_freeze_attr {
	VSS_A_FREEZE_UNSPEC,
	VSS_A_FREEZE_FD,		/* s32, open directory on the file system */
	VSS_A_FREEZE_LEVEL,		/* u32, 0 to 15 */

	__VSS_A_FREEZE_MAX,
	VSS_A_FREEZE_MAX = __VSS_A_FREEZE_MAX - 1
};

enum vss_snapshot_attr {
	VSS_A_SNAPSHOT_UNSPEC,
	VSS_A_SNAPSHOT_UUID,		/* binary, VSS_UUID_SIZE */
	VSS_A_SNAPSHOT_SET_UUID,	/* binary, VSS_UUID_SIZE */
	VSS_A_SNAPSHOT_MAJOR,		/* u32, the volume */
	VSS_A_SNAPSHOT_MINOR,		/* u32 */
	VSS_A_SNAPSHOT_FORCE,		/* flag */
	VSS_A_SNAPSHOT_FLAGS,		/* u32, VSS_SNAPSHOT_F_* */
	VSS_A_SNAPSHOT_VOLUME_NAME,	/* string, kernel name of the volume */
	VSS_A_SNAPSHOT_NAME,		/* string, kernel name of the image ("vss0") */
	VSS_A_SNAPSHOT_DEV_MAJOR,	/* u32, the image */
	VSS_A_SNAPSHOT_DEV_MINOR,	/* u32 */
	VSS_A_SNAPSHOT_EPOCH,		/* u32 */
	VSS_A_SNAPSHOT_TIME,		/* u64, ns since 1970-01-01 UTC, of the instant */
	VSS_A_SNAPSHOT_SIZE,		/* u64 */
	VSS_A_SNAPSHOT_STATE,		/* u32, enum vss_snapshot_state */
	VSS_A_SNAPSHOT_LOST_REASON,	/* u32, enum vss_lost_reason */
	VSS_A_SNAPSHOT_COPIED,		/* u64, bytes of copies tagged with its epoch */
	VSS_A_SNAPSHOT_OVERLAY,		/* u64, bytes of its private overlay */
	VSS_A_SNAPSHOT_PAD,
	VSS_A_SNAPSHOT_MEMBERS,		/* u32, snapshots of its set when that was made */

	__VSS_A_SNAPSHOT_MAX,
	VSS_A_SNAPSHOT_MAX = __VSS_A_SNAPSHOT_MAX - 1
};

/* VSS_A_SNAPSHOT_FLAGS */
#define VSS_SNAPSHOT_F_WRITABLE	(1U << 0)
#define VSS_SNAPSHOT_F_ALL	VSS_SNAPSHOT_F_WRITABLE

enum vss_snapshot_state {
	VSS_SNAPSHOT_PREPARED,		/* member of a set that is not committed */
	VSS_SNAPSHOT_ALIVE,
	VSS_SNAPSHOT_LOST,		/* reads give EIO; delete it */
	VSS_SNAPSHOT_DELETING,
};

enum vss_lost_reason {
	VSS_LOST_NOT,
	VSS_LOST_AREA_FULL,		/* dropped, oldest first, to win room */
	VSS_LOST_AREA_ERROR,		/* a write to the diff area failed */
	VSS_LOST_NO_MEMORY,		/* no memory for the map */
	VSS_LOST_STALLED,		/* the diff area did not answer in time */
	VSS_LOST_DETACHED,		/* the volume was detached by force */
	VSS_LOST_UNTRACKED,		/* the volume may have been written untracked */
	VSS_LOST_DAMAGED,		/* the persistent diff area is damaged */
	VSS_LOST_RESIZED,		/* the volume's disk became smaller */
};

enum vss_event_attr {
	VSS_A_EVENT_UNSPEC,
	VSS_A_EVENT_TYPE,		/* u32, enum vss_event_type */
	VSS_A_EVENT_TIME,		/* u64, ns since 1970-01-01 UTC */
	VSS_A_EVENT_VOLUME_MAJOR,	/* u32 */
	VSS_A_EVENT_VOLUME_MINOR,	/* u32 */
	VSS_A_EVENT_SNAPSHOT_UUID,	/* binary, VSS_UUID_SIZE */
	VSS_A_EVENT_SET_UUID,		/* binary, VSS_UUID_SIZE */
	VSS_A_EVENT_REASON,		/* u32, enum vss_lost_reason */
	VSS_A_EVENT_AREA_SIZE,		/* u64 */
	VSS_A_EVENT_AREA_USED,		/* u64 */
	VSS_A_EVENT_ERROR,		/* s32, negative errno */
	VSS_A_EVENT_PAD,

	__VSS_A_EVENT_MAX,
	VSS_A_EVENT_MAX = __VSS_A_EVENT_MAX - 1
};

enum vss_event_type {
	VSS_EVENT_VOLUME_ATTACHED,
	VSS_EVENT_VOLUME_DETACHED,
	VSS_EVENT_SNAPSHOT_CREATED,
	VSS_EVENT_SNAPSHOT_DELETED,
	VSS_EVENT_SNAPSHOT_LOST,	/* with REASON */
	VSS_EVENT_AREA_LOW,		/* with AREA_SIZE and AREA_USED */
	VSS_EVENT_AREA_ADDED,		/* likewise */
	VSS_EVENT_SET_DONE,
	VSS_EVENT_SET_FAILED,		/* with ERROR: deadline, death of its owner, ... */
	VSS_EVENT_AREA_REMOVED,		/* with AREA_SIZE and AREA_USED */
};

#endif /* _UAPI_LINUX_VSS_H */

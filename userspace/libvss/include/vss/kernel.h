/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel module vss.ko as C functions: one function for each command of
 * the generic netlink family "vss" (linux/vss.h), one struct for each object.
 *
 * Conventions
 * -----------
 *  - Functions return 0 or a negative errno.  After an error
 *    vss_kernel_error() gives the sentence to show and vss_kernel_result() the
 *    VSS result code.
 *  - A device is a struct vss_devno.  Sizes are bytes, times are nanoseconds
 *    since 1970-01-01 UTC unless the name says otherwise.
 *  - Lists are arrays that the caller frees with free(), except those of area
 *    parts, which own strings: vss_kernel_area_list_free().  Every list is
 *    consistent: it is read again when the kernel says that objects changed
 *    while it was sent.
 *  - A handle is one netlink socket and must not be used by two threads at
 *    once.  Snapshot sets in creation belong to the handle that prepared them
 *    and are undone when it is closed.
 *  - The enumerations (VSS_SET_DONE, VSS_SNAPSHOT_ALIVE, ...) and limits are
 *    those of linux/vss.h.
 *
 * Every function needs CAP_SYS_ADMIN in the initial user namespace.
 */
#ifndef VSS_KERNEL_H
#define VSS_KERNEL_H

#include <linux/vss.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSS_KERNEL_NAME_SIZE	64

struct vss_kernel;
struct vss_kernel_events;

/* A block device, as in stat(2). */
struct vss_devno {
	uint32_t major;
	uint32_t minor;
};

/* ------------------------------------------------------------------------
 * Handle
 */

/**
 * vss_kernel_open() - Connect to the kernel module.
 * @kernel: receives the handle; close it with vss_kernel_close()
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -ENOENT when the module is not loaded (VSS_E_PROVIDER_NOT_REGISTERED);
 * another negative errno when no socket could be had.
 */
int vss_kernel_open(struct vss_kernel **kernel, struct vss_error *err);

/**
 * vss_kernel_close() - Close the connection; undoes sets in creation.
 * @kernel: the handle; NULL is allowed
 */
void vss_kernel_close(struct vss_kernel *kernel);

/**
 * vss_kernel_error() - What the last failed call on this handle says.
 * @kernel: the handle
 *
 * Return: a sentence naming what failed, on what, the kernel's own message and
 * the attribute at fault where it gave them, and what to do.  Valid until the
 * next call on the handle; "" when none failed.
 */
const char *vss_kernel_error(const struct vss_kernel *kernel);

/**
 * vss_kernel_result() - The VSS result code of the last failed call.
 * @kernel: the handle
 *
 * Return: the code, S_OK when none failed.
 */
vss_result vss_kernel_result(const struct vss_kernel *kernel);

/**
 * vss_kernel_extack() - The kernel's own message for the last failed call.
 * @kernel: the handle
 *
 * Return: the text, "" when the kernel gave none.
 */
const char *vss_kernel_extack(const struct vss_kernel *kernel);

/**
 * vss_kernel_extack_attr() - The attribute that the kernel found at fault.
 * @kernel: the handle
 *
 * Return: its path in the request, such as "VSS_A_SET.MEMBER[1].LEVEL", "" when the
 * kernel named none.
 */
const char *vss_kernel_extack_attr(const struct vss_kernel *kernel);

/* ------------------------------------------------------------------------
 * Module
 */

/**
 * struct vss_kernel_module - Facts about the module.
 * @version: "major.minor.patch"
 * @hook_state: enum vss_hook_state
 * @hook_bios: writes of the machine seen by the hook since the module was loaded
 * @max_volumes: volumes that can be tracked
 * @max_snapshots: snapshots of one volume
 * @max_members: volumes in one set
 * @volumes: volumes tracked now
 */
struct vss_kernel_module {
	char version[32];
	uint32_t hook_state;
	uint64_t hook_bios;
	uint32_t max_volumes;
	uint32_t max_snapshots;
	uint32_t max_members;
	uint32_t volumes;
};

/**
 * vss_kernel_module_get() - Read the module's facts.
 * @kernel: the handle
 * @module: receives them
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_module_get(struct vss_kernel *kernel, struct vss_kernel_module *module);

/**
 * vss_kernel_module_test() - Prove that the write hook works on this kernel.
 * @kernel: the handle
 * @module: receives the module's facts; may be NULL
 *
 * Return: 0; -EOPNOTSUPP when writes would pass unseen; -EBUSY when ftrace is
 * switched off or another module owns the function; another negative errno.
 */
int vss_kernel_module_test(struct vss_kernel *kernel, struct vss_kernel_module *module);

/* ------------------------------------------------------------------------
 * Volumes
 */

/**
 * struct vss_kernel_volume - A tracked volume.
 * @dev: the device
 * @name: its kernel name ("vda1")
 * @size: bytes at attach
 * @chunk_size: bytes, a power of two
 * @copy_memory: most bytes of copies in flight
 * @snapshots: snapshots that are alive
 * @epoch: snapshots committed since attach
 * @area_size: usable bytes of the diff area
 * @area_used: bytes of it in use
 * @low_water: an event is sent when fewer bytes are free
 * @writes: writes seen by the hook
 * @writes_held: writes that had to wait
 * @chunks_copied: chunks copied before a write
 * @copy_reads: reads of the origin made for it
 * @area_writes: writes to the diff area
 * @memory: bytes of kernel memory for maps and copies
 * @state: enum vss_volume_state
 * @openers: times it is open, as a mount or by its node, claimed or not; the module
 *	itself does not count
 */
struct vss_kernel_volume {
	struct vss_devno dev;
	char name[VSS_KERNEL_NAME_SIZE];
	uint64_t size;
	uint32_t chunk_size;
	uint64_t copy_memory;
	uint32_t snapshots;
	uint32_t epoch;
	uint64_t area_size;
	uint64_t area_used;
	uint64_t low_water;
	uint64_t writes;
	uint64_t writes_held;
	uint64_t chunks_copied;
	uint64_t copy_reads;
	uint64_t area_writes;
	uint64_t memory;
	uint32_t state;
	uint32_t openers;
};

/**
 * vss_kernel_volume_attach() - Start to track a live block device.
 * @kernel: the handle
 * @dev: the device
 * @chunk_size: bytes, a power of two from VSS_MIN_CHUNK_SIZE to
 *	VSS_MAX_CHUNK_SIZE; 0 for the default
 * @copy_memory: most bytes of copies in flight; 0 for the default
 * @volume: receives the volume; may be NULL
 *
 * Return: 0; -EEXIST already tracked; -EBUSY overlaps a tracked volume;
 * -EOPNOTSUPP a kind of device that cannot be tracked; -EAGAIN older writes did
 * not end in time; another negative errno.
 */
int vss_kernel_volume_attach(struct vss_kernel *kernel, struct vss_devno dev,
			     uint32_t chunk_size, uint64_t copy_memory,
			     struct vss_kernel_volume *volume);

/**
 * vss_kernel_volume_detach() - Stop to track a volume.
 * @kernel: the handle
 * @dev: the device
 * @force: delete its snapshots, even those in use
 *
 * Diff-area parts are released; files are not unlinked.
 *
 * Return: 0; -ENODEV not tracked; -EBUSY it has snapshots and @force is false;
 * another negative errno.
 */
int vss_kernel_volume_detach(struct vss_kernel *kernel, struct vss_devno dev, bool force);

/**
 * vss_kernel_volume_get() - Read one tracked volume.
 * @kernel: the handle
 * @dev: the device
 * @volume: receives it
 *
 * Return: 0; -ENODEV not tracked; another negative errno.
 */
int vss_kernel_volume_get(struct vss_kernel *kernel, struct vss_devno dev,
			  struct vss_kernel_volume *volume);

/**
 * vss_kernel_volume_set() - Change the limits of a tracked volume.
 * @kernel: the handle
 * @dev: the device
 * @low_water: send an event when fewer bytes of diff area are free; NULL
 *	leaves it as it is
 * @copy_memory: most bytes of copies in flight; NULL leaves it as it is
 * @volume: receives the volume; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_volume_set(struct vss_kernel *kernel, struct vss_devno dev,
			  const uint64_t *low_water, const uint64_t *copy_memory,
			  struct vss_kernel_volume *volume);

/**
 * vss_kernel_volume_list() - Read all tracked volumes.
 * @kernel: the handle
 * @volumes: receives an array to free() (NULL when there are none)
 * @count: receives the number of its elements
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_volume_list(struct vss_kernel *kernel, struct vss_kernel_volume **volumes,
			   size_t *count);

/* ------------------------------------------------------------------------
 * Diff areas
 */

/**
 * struct vss_kernel_area - One part of a volume's diff area.
 * @volume: the volume it serves
 * @id: number within the volume
 * @type: enum vss_area_type
 * @dev: the device, or the one that holds the file's file system
 * @path: path of the file, NULL for a device; owned by the struct
 * @size: usable bytes
 * @used: bytes in use
 * @on_origin: it lies on the volume it serves
 * @state: enum vss_area_state
 */
struct vss_kernel_area {
	struct vss_devno volume;
	uint32_t id;
	uint32_t type;
	struct vss_devno dev;
	char *path;
	uint64_t size;
	uint64_t used;
	bool on_origin;
	uint32_t state;
	bool persistent;
	struct vss_uuid uuid;
};

/* A run of bytes on the device that holds a file's file system. */
struct vss_kernel_extent {
	uint64_t start;
	uint64_t length;
};

/**
 * vss_kernel_area_clear() - Free what a struct vss_kernel_area owns.
 * @area: the part
 */
void vss_kernel_area_clear(struct vss_kernel_area *area);

/**
 * vss_kernel_area_list_free() - Free a list of parts.
 * @areas: the array; NULL is allowed
 * @count: its elements
 */
void vss_kernel_area_list_free(struct vss_kernel_area *areas, size_t count);

/**
 * vss_kernel_area_add_device() - Give a block device to a volume's diff area.
 * @kernel: the handle
 * @volume: the tracked volume
 * @dev: the device; it is claimed exclusively and its content is lost
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_area_add_device(struct vss_kernel *kernel, struct vss_devno volume,
			       struct vss_devno dev, struct vss_kernel_area *area);

/**
 * vss_kernel_area_add_persistent() - Give a volume a persistent diff area, or its
 *	one a further part.
 * @kernel: the handle
 * @volume: the tracked volume, without snapshots and diff area, or with a
 *	persistent one that is to grow (VSS_AREA_CREATE only)
 * @dev: the device, claimed exclusively
 * @mode: enum vss_area_mode: make a new area or part, or load the one that is there.
 *	VSS_AREA_LOAD_UNCLEAN says that the volume was not written since it was
 *	detached, or the machine crashed, by anybody; if that is not so, images are
 *	wrong.  With the other modes the caller has the volume open, best exclusively,
 *	so that the module can tell whether somebody else has: -EBUSY then, if
 *	there are good snapshots
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 *
 * Return: 0 or a negative errno.  Snapshots that were found to be lost are there
 * in that state, with the reason.
 */
int vss_kernel_area_add_persistent(struct vss_kernel *kernel, struct vss_devno volume,
				   struct vss_devno dev, uint32_t mode, struct vss_kernel_area *area);

/**
 * vss_kernel_area_load() - Give a volume its persistent diff area of several parts back.
 * @kernel: the handle
 * @volume: the tracked volume, without snapshots and diff area
 * @devs: all devices of the area, in any order, claimed exclusively; one that is
 *	not part of it, for the machine stopped while it was added, is left alone
 * @count: their number, 1 to VSS_MAX_AREA_PARTS
 * @mode: enum vss_area_mode, one that loads; with @count 1 any but VSS_AREA_VOLATILE
 * @openers: times that the volume is open by the caller, and by others that he knows
 *	only read it; 1 if nobody but he has it open.  If it is open more often than that,
 *	-EBUSY, as with vss_kernel_area_add_persistent()
 * @area: receives the first part, to be cleared with vss_kernel_area_clear(); may be
 *	NULL
 *
 * Return: 0; -ENOENT a part of the area is not among @devs; -EEXIST two of them are
 * copies of one; -ESTALE one is an older copy; in all these cases nothing has changed.
 * Another negative errno.  See also vss_kernel_area_add_persistent().
 */
int vss_kernel_area_load(struct vss_kernel *kernel, struct vss_devno volume, const struct vss_devno *devs,
			 size_t count, uint32_t mode, uint32_t openers, struct vss_kernel_area *area);

/**
 * vss_kernel_area_add_file() - Pin a file for a volume's diff area.
 * @kernel: the handle
 * @volume: the tracked volume
 * @fd: the file, open for writing, preallocated and synced; may be closed
 *	after the call
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 *
 * The part has no room until vss_kernel_area_set_extents().
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_area_add_file(struct vss_kernel *kernel, struct vss_devno volume, int fd,
			     struct vss_kernel_area *area);

/**
 * vss_kernel_area_set_extents() - Tell where a pinned file lies; makes it usable.
 * @kernel: the handle
 * @volume: the tracked volume
 * @id: the part's number
 * @extents: all extents, mapped after the file was pinned
 * @count: their number
 *
 * Return: 0; -EBUSY the file lies on its own volume, which has snapshots;
 * another negative errno.
 */
int vss_kernel_area_set_extents(struct vss_kernel *kernel, struct vss_devno volume,
				uint32_t id, const struct vss_kernel_extent *extents,
				size_t count);

/**
 * vss_kernel_area_remove() - Take a part away from a volume's diff area.
 * @kernel: the handle
 * @volume: the tracked volume
 * @id: the part's number
 *
 * The device or file is released; a file is not unlinked, see
 * vss_area_file_remove().  A file without all its extents can be removed at any
 * time, what gives room only while the volume has no snapshots.
 *
 * Return: 0; -EBUSY the volume has snapshots, also in a set in creation, or
 * copies are still being stored; -ENOENT no such part; -ENODEV the volume is not
 * tracked; another negative errno.
 */
int vss_kernel_area_remove(struct vss_kernel *kernel, struct vss_devno volume, uint32_t id);

/**
 * vss_kernel_area_list() - Read the parts of diff areas.
 * @kernel: the handle
 * @volume: only this volume's; NULL for all
 * @areas: receives an array for vss_kernel_area_list_free()
 * @count: receives the number of its elements
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_area_list(struct vss_kernel *kernel, const struct vss_devno *volume,
			 struct vss_kernel_area **areas, size_t *count);

/* ------------------------------------------------------------------------
 * Snapshot sets in creation
 */

/**
 * struct vss_kernel_member - A volume's place in a set.
 * @dev: the volume
 * @snapshot: UUID of the snapshot to be made of it; not used with @hold_only
 * @level: order among stacked members, 0 (lowest) to 15
 * @hold_only: freeze and hold it with the others, but make no snapshot of it;
 *	it needs no diff area
 */
struct vss_kernel_member {
	struct vss_devno dev;
	struct vss_uuid snapshot;
	uint32_t level;
	bool hold_only;
};

/**
 * struct vss_kernel_freeze - A file system that the kernel cannot find itself.
 * @fd: an open directory on it
 * @level: order among stacked members, 0 (lowest) to 15
 */
struct vss_kernel_freeze {
	int fd;
	uint32_t level;
};

/**
 * struct vss_kernel_set_request - What vss_kernel_set_prepare() asks for.
 * @uuid: UUID of the set
 * @flags: VSS_SET_F_*
 * @hold_timeout_ms: longest time writes may be held; 0 for the default
 * @freeze_timeout_ms: longest time from freeze to thaw; 0 for the default
 * @members: the volumes
 * @member_count: 1 to VSS_MAX_MEMBERS
 * @freezes: further file systems to freeze
 * @freeze_count: their number
 */
struct vss_kernel_set_request {
	struct vss_uuid uuid;
	uint32_t flags;
	uint32_t hold_timeout_ms;
	uint32_t freeze_timeout_ms;
	const struct vss_kernel_member *members;
	size_t member_count;
	const struct vss_kernel_freeze *freezes;
	size_t freeze_count;
};

/**
 * struct vss_kernel_set - A set in creation.
 * @uuid: its UUID
 * @flags: VSS_SET_F_*
 * @state: enum vss_set_state
 * @error: negative errno that undid the set, or 0
 * @hold_timeout_ms: longest time writes may be held
 * @freeze_timeout_ms: longest time from freeze to thaw
 * @freeze_usec: microseconds the file systems were frozen
 * @hold_usec: microseconds no write was admitted
 * @member_count: volumes in it
 * @members: the volumes; an array, so that reading the state of a set while
 *	file systems are frozen needs no memory from the system
 */
struct vss_kernel_set {
	struct vss_uuid uuid;
	uint32_t flags;
	uint32_t state;
	int32_t error;
	uint32_t hold_timeout_ms;
	uint32_t freeze_timeout_ms;
	uint64_t freeze_usec;
	uint64_t hold_usec;
	size_t member_count;
	struct vss_kernel_member members[VSS_MAX_MEMBERS];
};

/**
 * vss_kernel_set_prepare() - Allocate everything a set needs.
 * @kernel: the handle; the set belongs to it
 * @request: what to make
 * @set: receives the set; may be NULL
 *
 * Return: 0; -EBUSY a member is in another set; -ENOSPC no diff area or no
 * room in it; -EEXIST a UUID is in use; another negative errno.
 */
int vss_kernel_set_prepare(struct vss_kernel *kernel,
			   const struct vss_kernel_set_request *request,
			   struct vss_kernel_set *set);

/**
 * vss_kernel_set_step() - Advance a set to a state, through all between.
 * @kernel: the handle that prepared it
 * @uuid: the set
 * @state: VSS_SET_FROZEN, VSS_SET_HELD, VSS_SET_COMMITTED or VSS_SET_DONE
 * @set: receives the set; may be NULL
 *
 * Allocates no memory.  After an error the set is undone; its VSS result code
 * tells a flush that took too long (VSS_E_FLUSH_WRITES_TIMEOUT) from a hold
 * that did (VSS_E_HOLD_WRITES_TIMEOUT).
 *
 * Return: 0; -ETIMEDOUT a deadline passed; -ECANCELED the set was undone
 * before; -EPERM it belongs to another socket; another negative errno.
 */
int vss_kernel_set_step(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			enum vss_set_state state, struct vss_kernel_set *set);

/**
 * vss_kernel_set_abort() - Undo a set in creation, whoever prepared it.
 * @kernel: the handle
 * @uuid: the set
 *
 * Return: 0; -ENOENT no such set in creation; another negative errno.
 */
int vss_kernel_set_abort(struct vss_kernel *kernel, const struct vss_uuid *uuid);

/**
 * vss_kernel_set_get() - Read a set in creation.
 * @kernel: the handle
 * @uuid: the set
 * @set: receives it
 *
 * Return: 0; -ENOENT no such set in creation; another negative errno.
 */
int vss_kernel_set_get(struct vss_kernel *kernel, const struct vss_uuid *uuid,
		       struct vss_kernel_set *set);

/**
 * vss_kernel_set_list() - Read all sets in creation.
 * @kernel: the handle
 * @sets: receives an array to free() (NULL when there are none)
 * @count: receives the number of its elements
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_set_list(struct vss_kernel *kernel, struct vss_kernel_set **sets,
			size_t *count);

/* ------------------------------------------------------------------------
 * Snapshots
 */

/**
 * struct vss_kernel_snapshot - A snapshot.
 * @uuid: its UUID
 * @set: UUID of its set
 * @volume: the volume
 * @volume_name: kernel name of the volume
 * @name: kernel name of the image ("vss0"), "" while there is none
 * @dev: the image
 * @epoch: its number among the volume's snapshots
 * @time: the instant
 * @size: bytes
 * @state: enum vss_snapshot_state
 * @lost_reason: enum vss_lost_reason
 * @flags: VSS_SNAPSHOT_F_*
 * @copied: bytes of copies tagged with its epoch
 * @overlay: bytes of its private overlay
 * @members: snapshots of its set when that was made; there may be fewer now, for some were
 *	deleted, are of volumes that are not attached, or were never finished; 0: not known
 */
struct vss_kernel_snapshot {
	struct vss_uuid uuid;
	struct vss_uuid set;
	struct vss_devno volume;
	char volume_name[VSS_KERNEL_NAME_SIZE];
	char name[VSS_KERNEL_NAME_SIZE];
	struct vss_devno dev;
	uint32_t epoch;
	uint64_t time;
	uint64_t size;
	uint32_t state;
	uint32_t lost_reason;
	uint32_t flags;
	uint64_t copied;
	uint64_t overlay;
	uint32_t members;
};

/**
 * vss_kernel_snapshot_get() - Read one snapshot.
 * @kernel: the handle
 * @uuid: the snapshot
 * @snapshot: receives it
 *
 * Return: 0; -ENOENT no such snapshot; another negative errno.
 */
int vss_kernel_snapshot_get(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			    struct vss_kernel_snapshot *snapshot);

/**
 * vss_kernel_snapshot_list() - Read snapshots, oldest first.
 * @kernel: the handle
 * @set: only those of this set; NULL for any
 * @volume: only those of this volume; NULL for any
 * @snapshots: receives an array to free() (NULL when there are none)
 * @count: receives the number of its elements
 *
 * Return: 0 or a negative errno.
 */
int vss_kernel_snapshot_list(struct vss_kernel *kernel, const struct vss_uuid *set,
			     const struct vss_devno *volume,
			     struct vss_kernel_snapshot **snapshots, size_t *count);

/**
 * vss_kernel_snapshot_set_flags() - Make a snapshot writable or read-only again.
 * @kernel: the handle
 * @uuid: the snapshot
 * @flags: VSS_SNAPSHOT_F_WRITABLE or 0
 * @snapshot: receives it; may be NULL
 *
 * Return: 0; -ENOENT no such snapshot; another negative errno.
 */
int vss_kernel_snapshot_set_flags(struct vss_kernel *kernel, const struct vss_uuid *uuid,
				  uint32_t flags, struct vss_kernel_snapshot *snapshot);

/**
 * vss_kernel_snapshot_delete() - Delete one snapshot.
 * @kernel: the handle
 * @uuid: the snapshot
 * @force: even when its image is in use; readers get EIO from then on
 *
 * Return: 0; -EBUSY in use; -ENOENT no such snapshot; another negative errno.
 */
int vss_kernel_snapshot_delete(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			       bool force);

/**
 * vss_kernel_snapshot_delete_set() - Delete all snapshots of a set.
 * @kernel: the handle
 * @set: the set
 * @force: even when images are in use
 *
 * Return: 0; -EBUSY one is in use (none was deleted); -ENOENT no such set;
 * another negative errno.
 */
int vss_kernel_snapshot_delete_set(struct vss_kernel *kernel, const struct vss_uuid *set,
				   bool force);

/* ------------------------------------------------------------------------
 * Events
 */

/* Which of the optional members of struct vss_kernel_event are set. */
#define VSS_KERNEL_EVENT_VOLUME		(1U << 0)
#define VSS_KERNEL_EVENT_SNAPSHOT	(1U << 1)
#define VSS_KERNEL_EVENT_SET		(1U << 2)
#define VSS_KERNEL_EVENT_REASON		(1U << 3)
#define VSS_KERNEL_EVENT_AREA		(1U << 4)
#define VSS_KERNEL_EVENT_ERROR		(1U << 5)

/**
 * struct vss_kernel_event - Something that happened in the module.
 * @type: enum vss_event_type
 * @time: when
 * @has: VSS_KERNEL_EVENT_* for the members below
 * @volume: the volume
 * @snapshot: the snapshot
 * @set: the set
 * @reason: enum vss_lost_reason
 * @area_size: usable bytes of the diff area
 * @area_used: bytes of it in use
 * @error: negative errno
 */
struct vss_kernel_event {
	uint32_t type;
	uint64_t time;
	uint32_t has;
	struct vss_devno volume;
	struct vss_uuid snapshot;
	struct vss_uuid set;
	uint32_t reason;
	uint64_t area_size;
	uint64_t area_used;
	int32_t error;
};

/**
 * vss_kernel_events_open() - Subscribe to the module's events.
 * @events: receives the subscription, a socket of its own
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -ENOENT the module is not loaded; another negative errno.
 */
int vss_kernel_events_open(struct vss_kernel_events **events, struct vss_error *err);

/**
 * vss_kernel_events_close() - End a subscription.
 * @events: the subscription; NULL is allowed
 */
void vss_kernel_events_close(struct vss_kernel_events *events);

/**
 * vss_kernel_events_fd() - The file descriptor to poll for POLLIN.
 * @events: the subscription, which keeps owning it
 *
 * Return: the descriptor.
 */
int vss_kernel_events_fd(const struct vss_kernel_events *events);

/**
 * vss_kernel_events_next() - Take the next event.
 * @events: the subscription
 * @event: receives it
 *
 * Never blocks.  Take events until -EAGAIN before polling again.
 *
 * Return: 0; -EAGAIN none is waiting; -ENOBUFS events were lost because they
 * were not taken in time: read the state anew; another negative errno.
 */
int vss_kernel_events_next(struct vss_kernel_events *events, struct vss_kernel_event *event);

#ifdef __cplusplus
}
#endif

#endif /* VSS_KERNEL_H */

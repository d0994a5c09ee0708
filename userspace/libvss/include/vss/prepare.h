/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a volume ready for a snapshot: the module loaded, the volume attached,
 * room for its diff area; and what comes after the snapshot, its device node.
 *
 * Functions return 0 or a negative errno and fill in a struct vss_error.
 */
#ifndef VSS_PREPARE_H
#define VSS_PREPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <vss/area.h>
#include <vss/blockdev.h>
#include <vss/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is told while a volume is made ready, or set back. */
enum vss_prepare_event {
	VSS_PREPARE_ATTACHED,
	VSS_PREPARE_ALLOCATING,		/* @text: path of the file */
	VSS_PREPARE_AREA_ADDED,		/* @area */
	VSS_PREPARE_AREA_IGNORED,	/* the volume has one; @text: what was named for it */
	VSS_PREPARE_DETACHED,
	VSS_PREPARE_AREA_REMOVED,	/* the volume stays attached */
	VSS_PREPARE_WARNING,		/* @text: a sentence; the work goes on */
};

/**
 * struct vss_prepare - What making volumes ready works with.
 * @kernel: handle of the module
 * @tell: is told what happens; may be NULL
 * @data: for @tell
 */
struct vss_prepare {
	struct vss_kernel *kernel;
	void (*tell)(void *data, enum vss_prepare_event event, const struct vss_blockdev *volume,
		     const struct vss_kernel_area *area, const char *text);
	void *data;
};

/**
 * vss_prepare_load_module() - Have the kernel module loaded by modprobe(8).
 * @dry_run: only find out whether there is one for this kernel
 *
 * Return: 0 or -ENOENT.
 */
int vss_prepare_load_module(bool dry_run);

/**
 * vss_prepare_lock() - Keep others from attaching, detaching and changing diff areas.
 * @path: receives the path of the lock file, a constant; may be NULL
 *
 * All programs of linux-vss that do so take this lock, and wait for it.
 *
 * Return: a descriptor for vss_prepare_unlock(), or a negative errno.
 */
int vss_prepare_lock(const char **path);

/**
 * vss_prepare_trylock() - The same, without waiting.
 * @path: receives the path of the lock file, a constant; may be NULL
 *
 * Return: as vss_prepare_lock(); -EWOULDBLOCK if another has it.
 */
int vss_prepare_trylock(const char **path);
void vss_prepare_unlock(int lock);

/**
 * vss_prepare_attach() - Start to track a volume, checked first.
 * @prepare: what to work with
 * @volume: the volume
 * @chunk_size: as for vss_kernel_volume_attach()
 * @copy_memory: the same
 * @state: receives the tracked volume; may be NULL
 * @err: receives the failure; may be NULL
 *
 * Return: as vss_kernel_volume_attach() and vss_blockdev_check_origin().
 */
int vss_prepare_attach(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       uint32_t chunk_size, uint64_t copy_memory, struct vss_kernel_volume *state,
		       struct vss_error *err);

/**
 * vss_prepare_area() - Give a volume room for its diff area.
 * @prepare: what to work with
 * @volume: the tracked volume
 * @where: a block device, a directory, or a file that is to be created; NULL for a
 *	file in the best place there is
 * @size: bytes of a new file; 0 for a default
 * @force: do not mind content on a block device
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 * @err: receives the failure; may be NULL
 *
 * To a persistent diff area a block device is added as with vss_prepare_area_persistent().
 *
 * Return: 0; -EEXIST @where is a file that exists, or a device that is a part already;
 * -EOPNOTSUPP the diff area is persistent, and a file would be made; another negative errno,
 * with nothing left behind.
 */
int vss_prepare_area(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		     const char *where, uint64_t size, bool force, struct vss_kernel_area *area,
		     struct vss_error *err);

/**
 * vss_prepare_area_persistent() - Make a persistent diff area for a volume, or its next part.
 * @prepare: what to work with
 * @volume: the tracked volume
 * @dev: the block device, whose content is lost
 * @force: do not mind content on it, nor another persistent diff area
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -EEXIST @dev has content, or is a part already; -ELOOP it lies on the
 * volume, the volume on it, or on a volume whose own diff area ends on this one;
 * another negative errno; see also vss_area_device_check() and
 * vss_kernel_area_add_persistent().
 */
int vss_prepare_area_persistent(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
				struct vss_devno dev, bool force, struct vss_kernel_area *area,
				struct vss_error *err);

/**
 * vss_prepare_area_in() - Give a volume a new file in a directory as diff area.
 * @prepare: what to work with
 * @volume: the tracked volume
 * @dir: the directory, made if it is named VSS_AREA_DIRECTORY
 * @size: bytes
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 * @err: receives the failure; may be NULL
 *
 * Return: 0 or a negative errno, with nothing left behind.
 */
int vss_prepare_area_in(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			const char *dir, uint64_t size, struct vss_kernel_area *area,
			struct vss_error *err);

/**
 * struct vss_prepared - What was done to a volume, to be taken back if need be.
 * @attached: it was attached
 * @area_added: it was given a part for its diff area
 * @area: that part
 */
struct vss_prepared {
	bool attached;
	bool area_added;
	struct vss_kernel_area area;
};

/**
 * vss_prepare_volume() - Attach a volume and give it room, where it has none.
 * @prepare: what to work with
 * @volume: the volume
 * @where: what to use as its diff area if it has none, as for vss_prepare_area()
 * @size: bytes of a new file; 0 for a default
 * @prepared: receives what was done, for vss_prepared_undo() or vss_prepared_clear()
 * @err: receives the failure; may be NULL
 *
 * Return: 0 or a negative errno, with nothing left behind.
 */
int vss_prepare_volume(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       const char *where, uint64_t size, struct vss_prepared *prepared,
		       struct vss_error *err);

/**
 * vss_prepare_attached() - Attach a volume that is to be held only, if it is not tracked.
 * @prepare: what to work with
 * @volume: the volume
 * @prepared: receives what was done, for vss_prepared_undo() or vss_prepared_clear()
 * @err: receives the failure; may be NULL
 *
 * It needs no diff area, and gets none (struct vss_kernel_member, hold_only).
 *
 * Return: 0 or a negative errno, with nothing left behind.
 */
int vss_prepare_attached(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			 struct vss_prepared *prepared, struct vss_error *err);

/**
 * vss_prepared_undo() - Take back what vss_prepare_volume() did; clears the record.
 * @prepare: what to work with
 * @volume: the volume
 * @prepared: what was done
 */
void vss_prepared_undo(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       struct vss_prepared *prepared);

/**
 * vss_prepared_clear() - Keep what was done, free what the record owns.
 * @prepared: the record
 */
void vss_prepared_clear(struct vss_prepared *prepared);

/**
 * vss_snapshot_node() - The device node of a snapshot's image, once it is there.
 * @snapshot: a snapshot that has an image
 * @timeout_ms: how long to wait for it
 * @path: receives "/dev/vss/by-id/UUID", or "/dev/vssN" where udev makes no such link;
 *	to be freed with free()
 *
 * Return: 0; -ETIMEDOUT the node is not there, @path tells which; -ENOMEM.
 */
int vss_snapshot_node(const struct vss_kernel_snapshot *snapshot, unsigned int timeout_ms,
		      char **path);

#ifdef __cplusplus
}
#endif

#endif /* VSS_PREPARE_H */

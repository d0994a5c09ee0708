/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room for diff areas: choosing a place, making a file there, checking a
 * device, handing either to the kernel module, and taking files away again.
 *
 * The module writes to a file's blocks below its file system.  Therefore a
 * file is allocated without holes and synced before it is pinned, mapped after
 * that, and lies on ext4 or XFS, whose allocated blocks do not move.
 */
#ifndef VSS_AREA_H
#define VSS_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the directory, in the root of a file system, for files of diff areas. */
#define VSS_AREA_DIRECTORY	".vss"

/* Sizes of files are rounded up to this. */
#define VSS_AREA_ALIGN		(1ULL << 20)

/**
 * vss_area_default_size() - A reasonable size for a volume's diff area.
 * @volume_size: bytes of the volume
 *
 * Return: bytes: the larger of 64 MiB and a tenth of the volume.
 */
uint64_t vss_area_default_size(uint64_t volume_size);

/**
 * struct vss_area_place - Where a file for a diff area could be made.
 * @mount_point: a mount point of the file system
 * @same_volume: it is the volume's own file system
 * @size: bytes to allocate
 */
struct vss_area_place {
	char *mount_point;
	bool same_volume;
	uint64_t size;
};

/**
 * vss_area_place_find() - Choose a place for a volume's diff area.
 * @volume: the volume
 * @size: bytes wanted; 0 for vss_area_default_size(), but no more than half of
 *	what is free
 * @place: receives the place, to be cleared with vss_area_place_clear()
 * @err: receives the failure; may be NULL
 *
 * The volume's own file system is taken if it is ext4 or XFS and has room,
 * else the local one with most free space that does not lie on the volume.
 *
 * Return: 0; -ENOSPC there is none; another negative errno.
 */
int vss_area_place_find(struct vss_devno volume, uint64_t size,
			struct vss_area_place *place, struct vss_error *err);

/**
 * vss_area_place_clear() - Free what a struct vss_area_place owns.
 * @place: the place
 */
void vss_area_place_clear(struct vss_area_place *place);

/**
 * struct vss_area_file - A file made for a diff area.
 * @path: absolute path
 * @fd: open for reading and writing
 * @size: bytes allocated
 * @pinned: the kernel module holds it; it cannot be unlinked before the part is
 *	removed or the volume detached
 */
struct vss_area_file {
	char *path;
	int fd;
	uint64_t size;
	bool pinned;
};

/**
 * vss_area_file_create() - Make a file for a volume's diff area.
 * @volume: the volume
 * @path: path of the file, which must not exist; a directory VSS_AREA_DIRECTORY
 *	as its parent is made, with mode 0700
 * @size: bytes, rounded up to VSS_AREA_ALIGN
 * @file: receives the file, for vss_area_file_close() or vss_area_file_discard()
 * @err: receives the failure; may be NULL
 *
 * Everything that can be checked before the kernel module pins the file is
 * checked here.  Nothing is left behind on failure.
 *
 * Return: 0; -EEXIST the path is taken; -ENOSPC no room; -EOPNOTSUPP the file
 * system cannot hold a diff area; -ELOOP it lies on the volume by way of
 * another device; another negative errno.
 */
int vss_area_file_create(struct vss_devno volume, const char *path, uint64_t size,
			 struct vss_area_file *file, struct vss_error *err);

/**
 * vss_area_file_name() - A fresh path for a file in a directory.
 * @dir: the directory
 * @volume: the volume that the file is to serve
 * @path: receives the path, to be freed with free()
 * @err: receives the failure; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int vss_area_file_name(const char *dir, struct vss_devno volume, char **path,
		       struct vss_error *err);

/**
 * vss_area_file_add() - Hand a file to the kernel module: pin, map, tell extents.
 * @kernel: handle of the module
 * @volume: the tracked volume
 * @file: the file; @file->pinned tells afterwards whether it is pinned
 * @area: receives the part, to be cleared with vss_kernel_area_clear(); may be NULL
 * @err: receives the failure; may be NULL
 *
 * On failure the part is removed again, so that vss_area_file_discard() can
 * unlink the file.
 *
 * Return: 0 or a negative errno.
 */
int vss_area_file_add(struct vss_kernel *kernel, struct vss_devno volume,
		      struct vss_area_file *file, struct vss_kernel_area *area,
		      struct vss_error *err);

/**
 * vss_area_file_map() - Where the blocks of a file lie.
 * @fd: the file
 * @extents: receives an array to free()
 * @count: receives the number of its elements
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -EOPNOTSUPP the file has holes or blocks that cannot be written
 * below the file system; another negative errno.
 */
int vss_area_file_map(int fd, struct vss_kernel_extent **extents, size_t *count,
		      struct vss_error *err);

/**
 * vss_area_file_close() - Let go of a file that the module uses now.
 * @file: the file
 */
void vss_area_file_close(struct vss_area_file *file);

/**
 * vss_area_file_discard() - Unlink a file that is of no use, and close it.
 * @file: the file
 * @err: receives the failure; may be NULL
 *
 * Return: 0, or a negative errno when the file is still there.
 */
int vss_area_file_discard(struct vss_area_file *file, struct vss_error *err);

/**
 * vss_area_file_remove() - Unlink the file of a part that was released.
 * @area: the part, as it was listed before it was removed or its volume detached
 * @err: receives the failure; may be NULL
 *
 * Nothing is unlinked if the path leads to anything else by now.
 *
 * Return: 0 (also for a part that is a device); a negative errno when the file
 * is still there.
 */
int vss_area_file_remove(const struct vss_kernel_area *area, struct vss_error *err);

/**
 * vss_area_device_check() - May a device become part of a volume's diff area?
 * @volume: the volume
 * @dev: the device
 * @force: do not mind a file system or other content on it, nor a persistent diff area
 * @err: receives the failure; may be NULL
 *
 * Return: 0; -EBUSY it is in use; -EEXIST it has content; -ELOOP it lies on
 * the volume or the volume lies on it; another negative errno.
 */
int vss_area_device_check(struct vss_devno volume, struct vss_devno dev, bool force,
			  struct vss_error *err);

#ifdef __cplusplus
}
#endif

#endif /* VSS_AREA_H */

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Giving a volume room for its diff area.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "area-stack.h"
#include "cleanup.h"
#include "error.h"
#include "prepare.h"

static bool is_same(struct vss_devno a, struct vss_devno b)
{
	return a.major == b.major && a.minor == b.minor;
}

/* Those of all volumes, to be freed with vss_kernel_area_list_free(). */
static int list_areas(const struct vss_prepare *prepare, struct vss_kernel_area **areas, size_t *count,
		      struct vss_error *err)
{
	int ret = vss_kernel_area_list(prepare->kernel, NULL, areas, count);

	return ret ? vss_prepare_kernel_error(prepare, ret, err) : 0;
}

/* The kernel only says that the device is in use, as if by somebody else. */
static int check_new(const struct vss_blockdev *volume, struct vss_devno dev,
		     const struct vss_kernel_area *areas, size_t count, struct vss_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (areas[i].type == VSS_AREA_DEVICE && is_same(areas[i].volume, volume->dev) &&
		    is_same(areas[i].dev, dev))
			return vss_error_set(err, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
					     "the device %u:%u is part %u of the diff area of %s already",
					     dev.major, dev.minor, areas[i].id, volume->path);
	return 0;
}

static int find_edges(const struct vss_stack *stack, const struct vss_kernel_area *areas, size_t count,
		      struct vss_area_edge *edges)
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		edges[n].volume = vss_stack_find(stack, areas[i].volume);
		edges[n].dev = vss_stack_find(stack, areas[i].dev);
		/* One that is gone is written no more. */
		n += edges[n].volume != VSS_STACK_NONE && edges[n].dev != VSS_STACK_NONE;
	}
	return n;
}

/* The kernel sees devices that lie on each other by no other one: it knows no stacks. */
static int check_circle(const struct vss_blockdev *volume, struct vss_devno dev,
			const struct vss_kernel_area *areas, size_t count, struct vss_error *err)
{
	_cleanup_free_ struct vss_area_edge *edges = calloc(count + 1, sizeof(*edges));
	size_t volume_index, dev_index;
	struct vss_stack stack;
	int ret = edges ? vss_stack_load(&vss_stack_system, &stack) : -ENOMEM;

	if (ret)
		return vss_error_errno(err, ret, "cannot read the block devices and mounts of this machine: %s",
				       strerror(-ret));
	volume_index = vss_stack_find(&stack, volume->dev);
	dev_index = vss_stack_find(&stack, dev);
	/* What is not there fails elsewhere. */
	if (volume_index != VSS_STACK_NONE && dev_index != VSS_STACK_NONE)
		ret = vss_area_circle_check(&stack, volume_index, dev_index, edges,
					    (size_t)find_edges(&stack, areas, count, edges), err);
	vss_stack_clear(&stack);
	return ret;
}

static bool is_persistent(const struct vss_blockdev *volume, const struct vss_kernel_area *areas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (areas[i].persistent && is_same(areas[i].volume, volume->dev))
			return true;
	return false;
}

/* @persistent receives whether the volume's diff area is. */
static int check_device(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			struct vss_devno dev, bool force, bool *persistent, struct vss_error *err)
{
	struct vss_kernel_area *areas;
	size_t count;
	int ret = list_areas(prepare, &areas, &count, err);

	if (ret)
		return ret;
	ret = check_new(volume, dev, areas, count, err);
	if (!ret)
		ret = vss_area_device_check(volume->dev, dev, force, err);
	if (!ret)
		ret = check_circle(volume, dev, areas, count, err);
	*persistent = is_persistent(volume, areas, count);
	vss_kernel_area_list_free(areas, count);
	return ret;
}

/* The device that a new file's file system lies on; false if that is not known. */
static bool file_device(const char *path, struct vss_devno *dev)
{
	_cleanup_free_ char *name = strdup(path);
	struct stat st;

	/* Directories on the way may still have to be made. */
	for (char *dir = name; dir;) {
		dir = dirname(dir);
		if (!stat(dir, &st)) {
			*dev = (struct vss_devno) { major(st.st_dev), minor(st.st_dev) };
			return true;
		}
		if (!strcmp(dir, "/") || !strcmp(dir, "."))
			break;
	}
	return false;
}

/* Before it is made for nothing. */
static int check_file(const struct vss_prepare *prepare, const struct vss_blockdev *volume, const char *path,
		      struct vss_error *err)
{
	struct vss_kernel_area *areas;
	struct vss_devno dev;
	size_t count;
	int ret = list_areas(prepare, &areas, &count, err);

	if (ret)
		return ret;
	if (is_persistent(volume, areas, count))
		ret = vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
				    "the diff area of %s is persistent, and cannot have %s as a part: it takes block "
				    "devices only; add one with 'vssctl diff-area add --on DEVICE'", volume->path, path);
	else if (file_device(path, &dev))
		ret = check_circle(volume, dev, areas, count, err);
	vss_kernel_area_list_free(areas, count);
	return ret;
}

static int add_device(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		      struct vss_devno dev, bool persistent, bool force, struct vss_kernel_area *area,
		      struct vss_error *err)
{
	bool has_persistent;
	int ret = check_device(prepare, volume, dev, force, &has_persistent, err);

	if (ret)
		return ret;
	/* All its parts are, or none. */
	if (persistent || has_persistent)
		ret = vss_kernel_area_add_persistent(prepare->kernel, volume->dev, dev, VSS_AREA_CREATE, area);
	else
		ret = vss_kernel_area_add_device(prepare->kernel, volume->dev, dev, area);
	return ret ? vss_prepare_kernel_error(prepare, ret, err) : 0;
}

int vss_prepare_area_persistent(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
				struct vss_devno dev, bool force, struct vss_kernel_area *area,
				struct vss_error *err)
{
	return add_device(prepare, volume, dev, true, force, area, err);
}

static int add_file(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		    const char *path, uint64_t size, struct vss_kernel_area *area,
		    struct vss_error *err)
{
	struct vss_area_file file;
	struct vss_error discard_error;
	int ret;

	ret = check_file(prepare, volume, path, err);
	if (ret)
		return ret;
	vss_prepare_tell(prepare, VSS_PREPARE_ALLOCATING, volume, NULL, path);
	ret = vss_area_file_create(volume->dev, path, size, &file, err);
	if (ret)
		return ret;
	ret = vss_area_file_add(prepare->kernel, volume->dev, &file, area, err);
	if (!ret)
		vss_area_file_close(&file);
	else if (vss_area_file_discard(&file, &discard_error))
		vss_prepare_tell(prepare, VSS_PREPARE_WARNING, volume, NULL, discard_error.text);
	return ret;
}

int vss_prepare_area_in(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			const char *dir, uint64_t size, struct vss_kernel_area *area,
			struct vss_error *err)
{
	_cleanup_free_ char *path = NULL;
	int ret = vss_area_file_name(dir, volume->dev, &path, err);

	return ret ? ret : add_file(prepare, volume, path, size, area, err);
}

static int add_in_best_place(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			     uint64_t size, struct vss_kernel_area *area, struct vss_error *err)
{
	struct vss_area_place place __attribute__((cleanup(vss_area_place_clear))) = { 0 };
	_cleanup_free_ char *dir = NULL;
	int ret = vss_area_place_find(volume->dev, size, &place, err);

	if (ret)
		return ret;
	if (asprintf(&dir, "%s/%s", strcmp(place.mount_point, "/") ? place.mount_point : "",
		     VSS_AREA_DIRECTORY) < 0) {
		dir = NULL;
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	return vss_prepare_area_in(prepare, volume, dir, place.size, area, err);
}

int vss_prepare_area(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		     const char *where, uint64_t size, bool force, struct vss_kernel_area *area,
		     struct vss_error *err)
{
	struct stat st;

	if (!where)
		return add_in_best_place(prepare, volume, size, area, err);
	if (!size)
		size = vss_area_default_size(volume->size);
	if (stat(where, &st))
		return add_file(prepare, volume, where, size, area, err);
	if (S_ISBLK(st.st_mode))
		return add_device(prepare, volume,
				  (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) },
				  false, force, area, err);
	if (S_ISDIR(st.st_mode))
		return vss_prepare_area_in(prepare, volume, where, size, area, err);
	return vss_error_set(err, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
			     "%s exists already; name a block device, a directory, or a file that "
			     "is to be created", where);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files for diff areas: making, pinning and removing them.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "area-stack.h"
#include "cleanup.h"
#include "error.h"
#include "sysfs.h"

#include <vss/area.h>

/* A file while it is being made. */
struct creation {
	char *path;		/* absolute, of the directory canonical */
	const char *base;	/* last part of it */
	int dir;		/* the directory, open */
	bool made_dir;
	int fd;
};

static void cleanup_creation_fn(struct creation *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->dir >= 0)
		close(c->dir);
	free(c->path);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Open the directory for the file; make it if it is one of ours. */
static int open_dir(struct creation *c, const char *path, struct vss_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	char real[PATH_MAX];
	const char *dir;

	if (!copy)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	dir = dirname(copy);
	if (!strcmp(base_of(dir), VSS_AREA_DIRECTORY)) {
		if (!mkdir(dir, 0700))
			c->made_dir = true;
		else if (errno != EEXIST)
			return vss_error_errno(err, -errno, "cannot make the directory %s: %s",
					       dir, strerror(errno));
	}
	c->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0 || !realpath(dir, real))
		return vss_error_errno(err, -errno, "cannot open the directory %s: %s", dir,
				       strerror(errno));
	if (asprintf(&c->path, "%s/%s", strcmp(real, "/") ? real : "", base_of(path)) < 0) {
		c->path = NULL;
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	c->base = base_of(c->path);
	return 0;
}

/* Is the directory on a file system that may hold a diff area of the volume? */
static int check_place(const struct vss_stack *stack, const struct creation *c,
		       struct vss_devno volume, struct vss_error *err)
{
	size_t volume_index = vss_stack_find(stack, volume);
	const struct vss_stack_fs *fs = NULL;
	size_t dev_index;
	struct stat st;

	if (volume_index == VSS_STACK_NONE)
		return vss_error_errno(err, -ENODEV, "there is no block device %u:%u",
				       volume.major, volume.minor);
	if (fstat(c->dir, &st) < 0)
		return vss_error_errno(err, -errno, "%s: %s", c->path, strerror(errno));
	dev_index = vss_stack_find(stack, (struct vss_devno) { major(st.st_dev),
							       minor(st.st_dev) });
	if (dev_index != VSS_STACK_NONE) {
		size_t index = vss_stack_fs_on(stack, dev_index);

		if (index != VSS_STACK_NONE)
			fs = &stack->fss[index];
	}
	if (!fs || !vss_area_fs_supported(fs))
		return vss_error_errno(err, -EOPNOTSUPP,
				       "%s is not on ext4 or XFS%s%s; a diff area can be a file "
				       "on one of these, or a block device", c->path,
				       fs ? " but on " : "", fs ? fs->type : "");
	if (vss_sysfs_is_image(stack->devs[dev_index].name))
		return vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
				     "%s is on the image of a snapshot", c->path);
	return vss_area_file_stack_check(stack, volume_index, dev_index, err);
}

/* Properties that a file may have inherited from its directory. */
static int check_inode(const struct creation *c, struct vss_error *err)
{
	struct fsxattr attr;
	int flags;

	if (!ioctl(c->fd, FS_IOC_FSGETXATTR, &attr) && (attr.fsx_xflags & FS_XFLAG_REALTIME))
		return vss_error_errno(err, -EOPNOTSUPP,
				       "%s would be on the realtime device of its XFS; choose "
				       "another directory", c->path);
	if (!ioctl(c->fd, FS_IOC_GETFLAGS, &flags) &&
	    (flags & (FS_ENCRYPT_FL | FS_COMPR_FL | FS_VERITY_FL)))
		return vss_error_errno(err, -EOPNOTSUPP,
				       "%s would be encrypted or compressed; choose another "
				       "directory", c->path);
	return 0;
}

static int allocate(const struct creation *c, uint64_t size, struct vss_error *err)
{
	struct vss_kernel_extent *extents;
	size_t count;
	int ret;

	/* Writes zeroes where the file system has no extents to mark unwritten. */
	ret = posix_fallocate(c->fd, 0, (off_t)size);
	if (ret)
		return vss_error_errno(err, -ret, "cannot allocate %llu MiB for %s: %s",
				       (unsigned long long)(size >> 20), c->path, strerror(ret));
	/* The map is of what is on disk. */
	if (fsync(c->fd) < 0)
		return vss_error_errno(err, -errno, "cannot sync %s: %s", c->path, strerror(errno));
	ret = vss_area_file_map(c->fd, &extents, &count, err);
	if (!ret)
		free(extents);
	return ret;
}

/* A name only once it is whole: whoever is killed meanwhile leaves nothing behind. */
static int give_name(struct creation *c, struct vss_error *err)
{
	struct stat made, named;
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", c->fd);
	if (linkat(AT_FDCWD, self, c->dir, c->base, AT_SYMLINK_FOLLOW) < 0)
		return vss_error_errno(err, -errno, "cannot create %s: %s", c->path, strerror(errno));
	/* Blocks that a power cut would give to somebody else must not be used. */
	if (fsync(c->fd) < 0 || fsync(c->dir) < 0) {
		int ret = vss_error_errno(err, -errno, "cannot sync %s: %s", c->path,
					  strerror(errno));

		unlinkat(c->dir, c->base, 0);
		return ret;
	}
	/* The kernel tells the name that a descriptor was opened by. */
	if (fstat(c->fd, &made) < 0)
		return vss_error_errno(err, -errno, "%s: %s", c->path, strerror(errno));
	close(c->fd);
	c->fd = openat(c->dir, c->base, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0 || fstat(c->fd, &named) < 0)
		return vss_error_errno(err, -errno, "cannot open %s: %s", c->path, strerror(errno));
	if (made.st_dev != named.st_dev || made.st_ino != named.st_ino)
		return vss_error_errno(err, -ESTALE, "%s was replaced while it was made", c->path);
	return 0;
}

static int make_file(struct creation *c, uint64_t size, struct vss_error *err)
{
	int ret;

	if (!faccessat(c->dir, c->base, F_OK, AT_SYMLINK_NOFOLLOW))
		return vss_error_errno(err, -EEXIST, "cannot create %s: %s", c->path, strerror(EEXIST));
	c->fd = openat(c->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (c->fd < 0)
		return vss_error_errno(err, -errno, "cannot create %s: %s", c->path,
				       strerror(errno));
	ret = check_inode(c, err);
	if (!ret)
		ret = allocate(c, size, err);
	if (!ret)
		ret = give_name(c, err);
	return ret;
}

/* The directory that made_dir stands for, if nothing else is in it. */
static void remove_dir_of(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *dir;

	if (!copy)
		return;
	dir = dirname(copy);
	if (!strcmp(base_of(dir), VSS_AREA_DIRECTORY))
		rmdir(dir);
}

int vss_area_file_create(struct vss_devno volume, const char *path, uint64_t size,
			 struct vss_area_file *file, struct vss_error *err)
{
	struct creation c __attribute__((cleanup(cleanup_creation_fn))) = { .dir = -1, .fd = -1 };
	struct vss_stack stack;
	int ret;

	if (!size || size > INT64_MAX - VSS_AREA_ALIGN)
		return vss_error_errno(err, -EINVAL, "%llu bytes is no size for a diff area",
				       (unsigned long long)size);
	size = (size + VSS_AREA_ALIGN - 1) / VSS_AREA_ALIGN * VSS_AREA_ALIGN;
	ret = vss_stack_load(&vss_stack_system, &stack);
	if (ret)
		return vss_error_errno(err, ret,
				       "cannot read the block devices and mounts of this "
				       "machine: %s", strerror(-ret));
	ret = open_dir(&c, path, err);
	if (!ret)
		ret = check_place(&stack, &c, volume, err);
	if (!ret)
		ret = make_file(&c, size, err);
	vss_stack_clear(&stack);
	if (ret) {
		if (c.made_dir)
			remove_dir_of(path);
		return ret;
	}
	*file = (struct vss_area_file) {
		.path = keep_ptr(c.path),
		.fd = keep_fd(c.fd),
		.size = size,
	};
	return 0;
}

int vss_area_file_name(const char *dir, struct vss_devno volume, char **path,
		       struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_uuid random;
	int ret;

	if (vss_sysfs_name("/sys", volume, name))
		snprintf(name, sizeof(name), "%u:%u", volume.major, volume.minor);
	ret = vss_uuid_generate(&random);
	if (ret)
		return vss_error_errno(err, ret, "no random numbers: %s", strerror(-ret));
	if (asprintf(path, "%s/%s-%02x%02x%02x%02x.diff", strcmp(dir, "/") ? dir : "", name,
		     random.bytes[0], random.bytes[1], random.bytes[2], random.bytes[3]) < 0)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	return 0;
}

int vss_area_file_add(struct vss_kernel *kernel, struct vss_devno volume,
		      struct vss_area_file *file, struct vss_kernel_area *area,
		      struct vss_error *err)
{
	struct vss_kernel_area added = { 0 };
	_cleanup_free_ struct vss_kernel_extent *extents = NULL;
	uint64_t size = 0;
	size_t count;
	int ret;

	ret = vss_kernel_area_add_file(kernel, volume, file->fd, &added);
	if (ret)
		return vss_error_set(err, ret, vss_kernel_result(kernel), "%s",
				     vss_kernel_error(kernel));
	file->pinned = true;
	/* Only a map made after the pin is sure to stay true. */
	ret = vss_area_file_map(file->fd, &extents, &count, err);
	if (!ret) {
		ret = vss_kernel_area_set_extents(kernel, volume, added.id, extents, count);
		if (ret)
			vss_error_set(err, ret, vss_kernel_result(kernel), "%s",
				      vss_kernel_error(kernel));
	}
	/* Of no use as it is, and pinned it could not be unlinked. */
	if (ret && !vss_kernel_area_remove(kernel, volume, added.id))
		file->pinned = false;
	if (ret || !area) {
		vss_kernel_area_clear(&added);
		return ret;
	}
	for (size_t i = 0; i < count; i++)
		size += extents[i].length;
	added.size = size;
	added.state = VSS_AREA_READY;
	*area = added;
	return 0;
}

void vss_area_file_close(struct vss_area_file *file)
{
	if (file->path && file->fd >= 0)
		close(file->fd);
	free(file->path);
	memset(file, 0, sizeof(*file));
}

int vss_area_file_discard(struct vss_area_file *file, struct vss_error *err)
{
	int ret = 0;

	if (unlink(file->path) < 0 && errno != ENOENT)
		ret = vss_error_errno(err, -errno, "cannot remove %s: %s%s", file->path,
				      strerror(errno),
				      file->pinned ? "; it is still a part of the diff area, see "
						     "'vssctl diff-area list'" : "");
	else
		remove_dir_of(file->path);
	vss_area_file_close(file);
	return ret;
}

int vss_area_file_remove(const struct vss_kernel_area *area, struct vss_error *err)
{
	struct stat st;

	if (area->type != VSS_AREA_FILE || !area->path)
		return 0;
	if (lstat(area->path, &st) < 0)
		return vss_error_errno(err, -errno, "cannot remove %s: %s", area->path,
				       strerror(errno));
	if (!S_ISREG(st.st_mode) || major(st.st_dev) != area->dev.major ||
	    minor(st.st_dev) != area->dev.minor || (uint64_t)st.st_size < area->size)
		return vss_error_errno(err, -ESTALE,
				       "%s is not the file that held the diff area; it was left "
				       "as it is", area->path);
	if (unlink(area->path) < 0)
		return vss_error_errno(err, -errno, "cannot remove %s: %s", area->path,
				       strerror(errno));
	remove_dir_of(area->path);
	return 0;
}

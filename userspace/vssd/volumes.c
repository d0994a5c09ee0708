// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Volumes of this machine: what a name stands for, what lies on what, and how
 * an image is brought to a mount point.
 */
#include <blkid.h>
#include <errno.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vss/blockdev.h>

#include "cleanup.h"
#include "error.h"
#include "stack.h"
#include "volumes.h"

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

static void cleanup_context(struct libmnt_context **context)
{
	mnt_free_context(*context);
}

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

/* A superblock value ("UUID", "TYPE") of a device, into @value; "" when there is none. */
static void probe_value(const char *device, const char *name, char *value, size_t size)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = blkid_new_probe_from_filename(device);
	const char *found;

	value[0] = '\0';
	if (!probe)
		return;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID);
	if (!blkid_do_safeprobe(probe) && !blkid_probe_lookup_value(probe, name, &found, NULL))
		snprintf(value, size, "%s", found);
}

static vss_result resolve(void *data, const char *name, struct vssd_volume *volume,
			  struct vss_error *err)
{
	struct vss_blockdev dev __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_error own = { 0 };
	int ret;

	(void)data;
	if (!err)
		err = &own;
	ret = vss_blockdev_resolve(name, &dev, err);
	/* Whatever a name is instead, it is no volume. */
	if (ret && ret != -ENOMEM && ret != -EPERM && ret != -EACCES)
		err->result = VSS_E_OBJECT_NOT_FOUND;
	if (ret)
		return err->result;
	memset(volume, 0, sizeof(*volume));
	if (strlen(dev.path) >= sizeof(volume->path)) {
		vss_error_set(err, -ENAMETOOLONG, E_INVALIDARG, "the path %s is too long", dev.path);
		return E_INVALIDARG;
	}
	strcpy(volume->path, dev.path);
	volume->size = dev.size;
	volume->in_use = dev.mount_point || dev.swap;
	probe_value(dev.path, "UUID", volume->fs_uuid, sizeof(volume->fs_uuid));
	return S_OK;
}

static size_t find(const struct vss_stack *stack, const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return VSS_STACK_NONE;
	return vss_stack_find(stack, (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) });
}

static bool is_nested(void *data, const char *volume, const char *other)
{
	struct vss_stack stack;
	size_t upper, lower;
	bool nested;

	(void)data;
	if (vss_stack_load(&vss_stack_system, &stack))
		return false;
	upper = find(&stack, volume);
	lower = find(&stack, other);
	nested = upper != VSS_STACK_NONE && lower != VSS_STACK_NONE && upper != lower &&
		 vss_stack_lies_on(&stack, upper, lower);
	vss_stack_clear(&stack);
	return nested;
}

bool vssd_volumes_is_system(const struct vss_stack *stack, size_t volume)
{
	static const char *const targets[] = { "/", "/usr", "/boot", "/boot/efi", "/var" };

	for (size_t f = 0; f < stack->fs_count; f++) {
		const struct vss_stack_fs *fs = &stack->fss[f];
		bool wanted = false;

		for (size_t m = 0; m < fs->mount_count; m++)
			for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]); t++)
				wanted |= !strcmp(fs->mounts[m].target, targets[t]);
		for (size_t d = 0; wanted && d < fs->dev_count; d++)
			if (fs->devs[d] == volume || vss_stack_lies_on(stack, fs->devs[d], volume))
				return true;
	}
	return false;
}

static bool is_system(void *data, const char *volume)
{
	struct vss_stack stack;
	size_t index;
	bool answer;

	(void)data;
	/* What cannot be found out is not taken for harmless. */
	if (vss_stack_load(&vss_stack_system, &stack))
		return true;
	index = find(&stack, volume);
	answer = index == VSS_STACK_NONE || vssd_volumes_is_system(&stack, index);
	vss_stack_clear(&stack);
	return answer;
}

const char *vssd_volumes_mount_options(const char *fstype, bool writable, const char *device,
				       struct vss_error *err)
{
	/*
	 * An image has the UUID of its volume, and a log that was not replayed, which a
	 * read-only device cannot be.  The freeze has left nothing in the log that the
	 * image needs.  nosuid and nodev, as it may be of a volume that is mounted so.
	 */
	static const struct {
		const char *fstype, *read_only, *writable;
	} kinds[] = {
		{ "ext4", "ro,noload,nosuid,nodev", "rw,nosuid,nodev" },
		{ "ext3", "ro,noload,nosuid,nodev", "rw,nosuid,nodev" },
		{ "xfs", "ro,norecovery,nouuid,nosuid,nodev", "rw,nouuid,nosuid,nodev" },
	};

	if (!fstype[0]) {
		vss_error_set(err, -EINVAL, VSS_E_VOLUME_NOT_SUPPORTED,
			      "%s holds no file system that could be mounted; read the device itself",
			      device);
		return NULL;
	}
	if (!strcmp(fstype, "btrfs")) {
		vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
			      "%s holds a btrfs, which cannot be mounted on a machine where its "
			      "original is: both have the same UUID, and btrfs would mix them up; "
			      "read the device itself, or attach it to a virtual machine", device);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(fstype, kinds[i].fstype))
			return writable ? kinds[i].writable : kinds[i].read_only;
	return writable ? "rw,nosuid,nodev" : "ro,nosuid,nodev";
}

static bool has_mount(const char *dir)
{
	struct libmnt_table *table __attribute__((cleanup(cleanup_table))) =
		mnt_new_table_from_file("/proc/self/mountinfo");

	return table && mnt_table_find_target(table, dir, MNT_ITER_BACKWARD);
}

static int check_dir(const char *dir, struct vss_error *err)
{
	struct stat st;
	int ret;

	if (dir[0] != '/')
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "the mount point \"%s\" does not begin with \"/\"", dir);
	if (lstat(dir, &st)) {
		ret = -errno;
		return vss_error_set(err, ret, E_INVALIDARG, "the mount point %s: %s; create it first",
				     dir, strerror(-ret));
	}
	if (!S_ISDIR(st.st_mode))
		return vss_error_set(err, -ENOTDIR, E_INVALIDARG, "%s is not a directory", dir);
	if (has_mount(dir))
		return vss_error_set(err, -EBUSY, VSS_E_OBJECT_ALREADY_EXISTS,
				     "something is mounted on %s; choose another mount point", dir);
	return 0;
}

/* libmount's own words for what mount(2) said. */
static int mount_failed(struct libmnt_context *context, int ret, const char *what,
			const char *on, struct vss_error *err)
{
	char why[512] = "";
	int code = mnt_context_get_syscall_errno(context);

	mnt_context_get_excode(context, ret, why, sizeof(why));
	return vss_error_set(err, code ? -code : -EIO, VSS_E_PROVIDER_VETO, "cannot %s %s: %s", what, on,
			     why[0] ? why : code ? strerror(code) : "libmount does not say why");
}

static vss_result mount_image(void *data, const char *device, const char *dir, bool writable,
			      struct vss_error *err)
{
	struct libmnt_context *context __attribute__((cleanup(cleanup_context))) = NULL;
	const char *options;
	char fstype[64];
	int ret;

	(void)data;
	if (check_dir(dir, err))
		return err->result;
	probe_value(device, "TYPE", fstype, sizeof(fstype));
	options = vssd_volumes_mount_options(fstype, writable, device, err);
	if (!options)
		return err->result;
	context = mnt_new_context();
	if (!context || mnt_context_set_source(context, device) ||
	    mnt_context_set_target(context, dir) || mnt_context_set_fstype(context, fstype) ||
	    mnt_context_set_options(context, options) || mnt_context_disable_helpers(context, 1)) {
		vss_error_errno(err, -ENOMEM, "out of memory");
		return E_OUTOFMEMORY;
	}
	ret = mnt_context_mount(context);
	if (ret && mount_failed(context, ret, "mount on", dir, err))
		return err->result;
	return S_OK;
}

static vss_result unmount_image(void *data, const char *dir, bool force, struct vss_error *err)
{
	struct libmnt_context *context __attribute__((cleanup(cleanup_context))) = mnt_new_context();
	struct libmnt_table *table __attribute__((cleanup(cleanup_table))) =
		mnt_new_table_from_file("/proc/self/mountinfo");
	int ret;

	(void)data;
	/* Somebody has done it by hand. */
	if (table && !mnt_table_find_target(table, dir, MNT_ITER_BACKWARD))
		return S_OK;
	if (!context || mnt_context_set_target(context, dir) ||
	    mnt_context_disable_helpers(context, 1) || mnt_context_enable_lazy(context, force)) {
		vss_error_errno(err, -ENOMEM, "out of memory");
		return E_OUTOFMEMORY;
	}
	ret = mnt_context_umount(context);
	if (!ret)
		return S_OK;
	mount_failed(context, ret, "unmount", dir, err);
	if (err->code == -EBUSY)
		vss_error_set(err, -EBUSY, VSS_E_VOLUME_IN_USE,
			      "%s is in use; end what uses it (see 'fuser -m %s'), or use force", dir, dir);
	return err->result;
}

static vss_result make_dir(void *data, const char *dir, struct vss_error *err)
{
	int ret;

	(void)data;
	if (!mkdir(dir, 0755) || errno == EEXIST)
		return S_OK;
	ret = -errno;
	if (ret == -ENOENT || ret == -ENOTDIR)
		vss_error_set(err, ret, VSS_E_OBJECT_NOT_FOUND, "there is no directory %.*s; create it first",
			      (int)(strrchr(dir, '/') - dir), dir);
	else
		vss_error_set(err, ret, vss_result_from_errno(-ret), "cannot make the directory %s: %s", dir,
			      strerror(-ret));
	return err->result;
}

static void remove_dir(void *data, const char *dir)
{
	(void)data;
	rmdir(dir);
}

static bool is_mounted(void *data, const char *device, const char *dir)
{
	struct libmnt_table *table __attribute__((cleanup(cleanup_table))) =
		mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs = table ? mnt_table_find_target(table, dir, MNT_ITER_BACKWARD) : NULL;
	struct stat st;

	(void)data;
	return fs && !stat(device, &st) && mnt_fs_get_devno(fs) == st.st_rdev;
}

/* ---- LUNs ---- */

/* A disk that only has its identifier counts too: two that claim it are one too many. */
static bool is_lun_here(void *data, const struct vss_lun_info *lun)
{
	_cleanup_free_ char *device = NULL;

	(void)data;
	return vss_lun_find(lun, &device, NULL) != VSS_E_OBJECT_NOT_FOUND;
}

struct vssd_volumes vssd_volumes_system(void)
{
	return (struct vssd_volumes) {
		.resolve = resolve,
		.is_nested = is_nested,
		.is_system = is_system,
		.mount = mount_image,
		.unmount = unmount_image,
		.make_dir = make_dir,
		.remove_dir = remove_dir,
		.is_mounted = is_mounted,
		.is_lun_here = is_lun_here,
	};
}

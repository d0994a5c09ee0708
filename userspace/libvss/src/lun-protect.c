// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Read-only disks and volumes.
 *
 * The kernel's flag (BLKROSET) is one for each block device, and a disk's holds for
 * its partitions too.  It does not reach the array: what another machine writes is
 * not its business.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vss/kernel.h>

#include "cleanup.h"
#include "lun.h"

struct name {
	char name[VSS_SYSFS_NAME_SIZE];
};

struct names {
	struct vss_list list;
	const char *disk;
};

void vss_lun_node(const char *name, char path[VSS_LUN_NODE_SIZE])
{
	/* "cciss!c0d0" is how sysfs writes "cciss/c0d0". */
	snprintf(path, VSS_LUN_NODE_SIZE, "/dev/%s", name);
	for (char *p = path; (p = strchr(p, '!'));)
		*p = '/';
}

static void names_clear(struct names *names)
{
	free(names->list.items);
}

static int add_name(struct names *names, const char *name)
{
	const struct name *all = names->list.items;
	struct name *more;

	for (size_t i = 0; i < names->list.count; i++)
		if (!strcmp(all[i].name, name))
			return 0;
	more = vss_list_add(&names->list);
	if (!more)
		return -ENOMEM;
	strcpy(more->name, name);
	return 0;
}

static int add_partition(void *data, const char *name)
{
	char disk[VSS_SYSFS_NAME_SIZE];
	struct names *names = data;

	if (vss_sysfs_disk("/sys", name, disk) || strcmp(disk, names->disk))
		return 0;
	return add_name(names, name);
}

/* A device, its partitions and the disks below: whatever lies on another before that. */
static int collect(struct names *names, const char *name)
{
	char disk[VSS_SYSFS_NAME_SIZE], path[PATH_MAX];
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;
	int ret;

	if (!vss_sysfs_disk("/sys", name, disk))
		return collect(names, disk);
	names->disk = name;
	ret = vss_lun_each_device(&vss_lun_system, add_partition, names);
	if (!ret)
		ret = add_name(names, name);
	snprintf(path, sizeof(path), "/sys/class/block/%s/slaves", name);
	dir = opendir(path);
	while (!ret && dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ret = collect(names, entry->d_name);
	return ret;
}

static vss_result failed(const char *name, bool read_only, int code, struct vss_error *err)
{
	vss_error_errno(err, code, "cannot make %s %s: %s", name, read_only ? "read-only" : "writable",
			strerror(-code));
	return vss_result_from_errno(code);
}

static bool is_ours(const char *name, char uuid[256])
{
	return !vss_sysfs_attr("/sys", name, "dm/uuid", uuid, 256) &&
	       !strncmp(uuid, VSS_VOLUME_DM_UUID, strlen(VSS_VOLUME_DM_UUID));
}

/* Opened, with its mode; -1 with the failure recorded. */
static int open_with_mode(const char *name, bool read_only, int *now, struct vss_error *err)
{
	char path[VSS_LUN_NODE_SIZE];
	_cleanup_fd_ int fd = -1;

	vss_lun_node(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && !ioctl(fd, BLKROGET, now))
		return keep_fd(fd);
	failed(name, read_only, -errno, err);
	return -1;
}

static vss_result set_one(const char *name, bool read_only, struct vss_error *err)
{
	int now = 0, want = read_only;
	_cleanup_fd_ int fd = open_with_mode(name, read_only, &now, err);
	struct vss_devno dev;
	char uuid[256];

	if (fd < 0)
		return err->result;
	if (!now == !want)
		return S_OK;
	/* A device-mapper device is as its table was loaded. */
	if (is_ours(name, uuid)) {
		int ret = vss_sysfs_devno("/sys", name, &dev);

		if (!ret)
			ret = vss_dm_set_read_only(dev, read_only);
		return ret ? failed(name, read_only, ret, err) : S_OK;
	}
	if (ioctl(fd, BLKROSET, &want) || ioctl(fd, BLKROGET, &now))
		return failed(name, read_only, -errno, err);
	if (now && !read_only)
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "%s stays read-only: the array protects it from writes; "
				 "let it allow them to this machine", name);
	return S_OK;
}

/*
 * Who uses it?  Of a device that is read-only that is not looked at; with @writable
 * it has to be none.
 */
static vss_result check_unused(const struct name *all, size_t n, const char *except, bool writable,
			       struct vss_error *err)
{
	char multipath[VSS_SYSFS_NAME_SIZE];

	for (size_t i = 0; i < n; i++) {
		int fd, now = 0;

		/* Its multipath device, which is checked too, keeps all others away. */
		if (vss_sysfs_is_path("/sys", all[i].name, multipath))
			continue;
		fd = open_with_mode(all[i].name, true, &now, err);
		if (fd < 0)
			return err->result;
		close(fd);
		if (now && writable)
			return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is read-only: somebody protects it, or an earlier "
					 "resynchronization was interrupted; see that nothing uses it, make it writable "
					 "(blockdev --setrw), then ask again", all[i].name);
		if (!now && vss_lun_check_unused(all[i].name, except, err) != S_OK)
			return err->result;
	}
	return S_OK;
}

vss_result vss_lun_set_read_only(const char *name, bool read_only, struct vss_error *err)
{
	struct names names __attribute__((cleanup(names_clear))) = { .list.item_size = sizeof(struct name) };
	vss_result result = S_OK;
	struct vss_error own = { 0 };
	const struct name *all;
	char uuid[256];

	if (!err)
		err = &own;
	if (collect(&names, name))
		return lun_no_memory(err);
	all = names.list.items;
	if (!is_ours(name, uuid))
		uuid[0] = '\0';
	/* Writes of a file system would fail from now on. */
	if (read_only)
		result = check_unused(all, names.list.count, uuid, false, err);
	/* A device is writable only above writable ones. */
	for (size_t i = 0; result == S_OK && i < names.list.count; i++)
		result = set_one(all[read_only ? i : names.list.count - 1 - i].name, read_only, err);
	return result;
}

vss_result vss_volume_set_read_only(const char *device, bool read_only, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE];
	vss_result result = vss_lun_name_of(device, name, err);

	return result == S_OK ? vss_lun_set_read_only(name, read_only, err) : result;
}

/* A snapshot of the kernel module's copies what is written here, and not what an array changes. */
static vss_result check_untracked(const struct name *all, size_t n, struct vss_error *err)
{
	struct vss_kernel_volume *volumes = NULL;
	struct vss_kernel *kernel = NULL;
	vss_result result = S_OK;
	size_t count = 0;
	int ret;

	ret = vss_kernel_open(&kernel, err);
	if (ret == -ENOENT)
		return S_OK;	/* no module, no snapshots */
	if (ret)
		return err->result;
	ret = vss_kernel_volume_list(kernel, &volumes, &count);
	if (ret)
		result = lun_error(err, vss_kernel_result(kernel), "%s", vss_kernel_error(kernel));
	for (size_t i = 0; result == S_OK && i < n; i++) {
		struct vss_devno dev;

		if (vss_sysfs_devno("/sys", all[i].name, &dev))
			continue;
		for (size_t v = 0; result == S_OK && v < count; v++)
			if (volumes[v].dev.major == dev.major && volumes[v].dev.minor == dev.minor)
				result = lun_error(err, VSS_E_VOLUME_IN_USE, "%s is tracked for snapshots, which would become "
						   "wrong; delete them and detach it (vssctl detach)", all[i].name);
	}
	free(volumes);
	vss_kernel_close(kernel);
	return result;
}

vss_result vss_lun_check_idle(const char *device, struct vss_error *err)
{
	struct names names __attribute__((cleanup(names_clear))) = { .list.item_size = sizeof(struct name) };
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_error own = { 0 };
	const struct name *all;
	vss_result result;

	if (!err)
		err = &own;
	result = vss_lun_name_of(device, name, err);
	if (result != S_OK)
		return result;
	if (collect(&names, name))
		return lun_no_memory(err);
	all = names.list.items;
	result = check_unused(all, names.list.count, NULL, true, err);
	return result == S_OK ? check_untracked(all, names.list.count, err) : result;
}

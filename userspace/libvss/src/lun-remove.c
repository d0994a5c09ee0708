// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Taking disks off this machine in good order.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "lun.h"

#define REMOVE_MS	30000

static bool is_there(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	return !access(path, F_OK);
}

/* Can anything still be read from it?  Past the page cache, which knows of nothing. */
static bool answers(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ void *buffer = NULL;

	if (fd < 0 || posix_memalign(&buffer, 4096, 4096))
		return false;
	return pread(fd, buffer, 4096, 0) > 0;
}

static vss_result flush(const char *name, struct vss_error *err)
{
	char path[VSS_LUN_NODE_SIZE];
	_cleanup_fd_ int fd = -1;
	int code;

	vss_lun_node(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && !fsync(fd) && !ioctl(fd, BLKFLSBUF, 0))
		return S_OK;
	code = -errno;
	/* When the array took it away already there is nothing left to save. */
	if (!answers(path))
		return S_OK;
	return lun_error(err, VSS_E_UNEXPECTED, "cannot flush %s: %s; it is left as it is", name, strerror(-code));
}

static vss_result remove_scsi(const char *name, struct vss_error *err)
{
	uint64_t end = vss_lun_now() + REMOVE_MS;
	char path[PATH_MAX];
	struct vss_sysfs_write write = { .path = path, .text = "1" };
	vss_result result;

	snprintf(path, sizeof(path), "/sys/class/block/%s/device/delete", name);
	if (access(path, W_OK))
		return lun_error(err, errno == EACCES ? E_ACCESSDENIED : VSS_E_UNEXPECTED, "cannot remove %s: %s: %s",
				 name, path, strerror(errno));
	result = vss_sysfs_write_all(&write, 1, REMOVE_MS, err);
	if (VSS_FAILED(result))
		return result;
	while (is_there(name) && vss_lun_now() < end)
		vss_lun_pause();
	return is_there(name) ? lun_error(err, VSS_E_UNEXPECTED, "the kernel did not remove %s within %u s; see its log",
					  name, REMOVE_MS / 1000) : S_OK;
}

static vss_result remove_dm(const char *name, struct vss_error *err)
{
	struct vss_devno dev;
	int ret = vss_sysfs_devno("/sys", name, &dev);

	if (!ret)
		ret = vss_dm_remove(dev);
	/* multipathd may have been first. */
	if (!ret || ret == -ENXIO || ret == -ENODEV)
		return S_OK;
	vss_error_errno(err, ret, "cannot remove the device-mapper device %s: %s", name, strerror(-ret));
	return vss_result_from_errno(ret);
}

/* Names in a directory of sysfs, to be dealt with after it was read. */
static vss_result list(const char *name, const char *what, struct vss_list *names, struct vss_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX], *more;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, what);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= VSS_SYSFS_NAME_SIZE)
			continue;
		more = vss_list_add(names);
		if (!more)
			return lun_no_memory(err);
		strcpy(more, entry->d_name);
	}
	return S_OK;
}

static void cleanup_names(struct vss_list *names)
{
	free(names->items);
}

/* First what lies on it, partitions, then itself, then its paths. */
static vss_result remove_multipath(const char *name, struct vss_error *err)
{
	struct vss_list parts __attribute__((cleanup(cleanup_names))) = { .item_size = VSS_SYSFS_NAME_SIZE };
	struct vss_list paths __attribute__((cleanup(cleanup_names))) = { .item_size = VSS_SYSFS_NAME_SIZE };
	vss_result result = list(name, "holders", &parts, err);

	if (result == S_OK)
		result = list(name, "slaves", &paths, err);
	for (size_t i = 0; result == S_OK && i < parts.count; i++)
		result = remove_dm((const char *)parts.items + i * VSS_SYSFS_NAME_SIZE, err);
	if (result == S_OK)
		result = remove_dm(name, err);
	for (size_t i = 0; result == S_OK && i < paths.count; i++) {
		const char *path = (const char *)paths.items + i * VSS_SYSFS_NAME_SIZE;

		if (vss_disk_kind(&vss_lun_system, path) == VSS_DISK_SCSI)
			result = remove_scsi(path, err);
	}
	return result;
}

vss_result vss_lun_remove(const char *device, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE], multipath[VSS_SYSFS_NAME_SIZE];
	vss_result result = vss_lun_name_of(device, name, err);
	enum vss_disk_kind kind;

	if (result != S_OK)
		return result;
	kind = vss_disk_kind(&vss_lun_system, name);
	if (kind != VSS_DISK_SCSI && kind != VSS_DISK_NVME && kind != VSS_DISK_MULTIPATH)
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "%s is no whole disk of SCSI or NVMe, nor a multipath device",
				 device);
	if (vss_sysfs_is_path("/sys", name, multipath))
		return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is a path of the multipath device %s; remove that", device,
				 multipath);
	result = vss_lun_check_unused(name, NULL, err);
	if (result == S_OK)
		result = flush(name, err);
	if (result != S_OK || kind == VSS_DISK_NVME)
		return result;
	return kind == VSS_DISK_SCSI ? remove_scsi(name, err) : remove_multipath(name, err);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making LUNs visible that an array has just given to this machine, and waiting
 * for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <systemd/sd-device.h>
#include <time.h>

#include "cleanup.h"
#include "lun.h"

/* How long a scan may take before the next look, and how often there is one. */
#define SCAN_MS		5000
#define PAUSE_MS	100

uint64_t vss_lun_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void vss_lun_pause(void)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* ---- Writing to sysfs ---- */

/* Between fork() and _exit() of what may have been one thread of many. */
static void write_group(const struct vss_sysfs_write *writes, size_t n, unsigned int group)
{
	for (size_t i = 0; i < n; i++) {
		int fd;

		if (writes[i].group != group)
			continue;
		fd = open(writes[i].path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* What was not taken shows in what is there afterwards. */
		if (write(fd, writes[i].text, strlen(writes[i].text)) < 0)
			errno = 0;
		close(fd);
	}
}

/*
 * A process that nobody has to wait for, as it may hang in the kernel: its parent,
 * our child, ends at once.
 */
static int start_group(const struct vss_sysfs_write *writes, size_t n, unsigned int group, int end)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* Whatever is open here must not stay open for as long as it hangs. */
		if (!fork() && dup2(end, 0) == 0 && !close_range(1, ~0U, 0))
			write_group(writes, n, group);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* Everybody who could write to the pipe has ended. */
static bool wait_for_end(int fd, uint32_t timeout_ms)
{
	uint64_t end = vss_lun_now() + timeout_ms;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now = vss_lun_now();
		int ret = poll(&poll_fd, 1, now < end ? (int)(end - now > INT_MAX ? INT_MAX : end - now) : 0);

		if (ret > 0)
			return true;
		if (!ret || errno != EINTR)
			return false;
	}
}

vss_result vss_sysfs_write_all(const struct vss_sysfs_write *writes, size_t n, uint32_t timeout_ms,
			       struct vss_error *err)
{
	_cleanup_fd_ int read_end = -1;
	int fds[2], ret = 0;

	if (!n)
		return S_OK;
	if (pipe2(fds, O_CLOEXEC)) {
		ret = -errno;
		vss_error_errno(err, ret, "cannot make a pipe: %s", strerror(-ret));
		return vss_result_from_errno(ret);
	}
	read_end = fds[0];
	for (size_t i = 0; !ret && i < n; i++) {
		size_t first = 0;

		while (writes[first].group != writes[i].group)
			first++;
		if (first == i)
			ret = start_group(writes, n, writes[i].group, fds[1]);
	}
	close(fds[1]);
	if (ret) {
		vss_error_errno(err, ret, "cannot start a process that scans: %s", strerror(-ret));
		return vss_result_from_errno(ret);
	}
	return wait_for_end(read_end, timeout_ms) ? S_OK : S_FALSE;
}

/* ---- Scanning ---- */

struct scan {
	struct vss_list writes;		/* struct vss_sysfs_write */
	unsigned int groups;
	bool failed;
};

static void scan_clear(struct scan *scan)
{
	struct vss_sysfs_write *writes = scan->writes.items;

	for (size_t i = 0; i < scan->writes.count; i++)
		free(writes[i].path);
	free(writes);
}

static void add_write(struct scan *scan, unsigned int group, const char *text, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add_write(struct scan *scan, unsigned int group, const char *text, const char *format, ...)
{
	struct vss_sysfs_write *write = vss_list_add(&scan->writes);
	va_list args;

	if (!write) {
		scan->failed = true;
		return;
	}
	write->text = text;
	write->group = group;
	va_start(args, format);
	if (vasprintf(&write->path, format, args) < 0) {
		write->path = NULL;
		scan->failed = true;
	}
	va_end(args);
}

/* One file for each entry of a class, each in a group of its own. */
static void add_class(struct scan *scan, const char *class, const char *attr, const char *text)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[64];
	struct dirent *entry;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_write(scan, scan->groups++, text, "%s/%s/%s", path, entry->d_name, attr);
}

/*
 * A disk that is known is asked who it is: the array may have put another LUN in its
 * place.  Those of all hosts go side by side, as one that does not answer blocks.
 */
static int add_rescan(void *data, const char *name)
{
	struct scan *scan = data;

	if (vss_disk_kind(&vss_lun_system, name) == VSS_DISK_SCSI)
		add_write(scan, scan->groups++, "1", "/sys/class/block/%s/device/rescan", name);
	return 0;
}

vss_result vss_lun_rescan(uint32_t timeout_ms, struct vss_error *err)
{
	struct scan scan __attribute__((cleanup(scan_clear))) = {
		.writes.item_size = sizeof(struct vss_sysfs_write),
	};
	const struct vss_sysfs_write *writes;

	/* Channel, target and LUN: all of them. */
	add_class(&scan, "scsi_host", "scan", "- - -");
	add_class(&scan, "nvme", "rescan_controller", "1");
	vss_lun_each_device(&vss_lun_system, add_rescan, &scan);
	if (scan.failed)
		return lun_no_memory(err);
	writes = scan.writes.items;
	for (size_t i = 0; i < scan.writes.count; i++)
		if (access(writes[i].path, W_OK) && errno == EACCES)
			return lun_error(err, E_ACCESSDENIED, "only root may scan for LUNs: %s", writes[i].path);
	return vss_sysfs_write_all(writes, scan.writes.count, timeout_ms, err);
}

/* ---- Waiting ---- */

static void cleanup_device(sd_device **device)
{
	sd_device_unref(*device);
}

static bool udev_is_done(const char *name)
{
	sd_device *device __attribute__((cleanup(cleanup_device))) = NULL;
	char multipath[VSS_SYSFS_NAME_SIZE];
	const char *value;
	struct vss_devno dev;

	if (vss_sysfs_devno("/sys", name, &dev) ||
	    sd_device_new_from_devnum(&device, 'b', makedev(dev.major, dev.minor)) < 0)
		return false;
	if (sd_device_get_is_initialized(device) <= 0)
		return false;
	/* A path that multipath is about to take is not what will be used. */
	return sd_device_get_property_value(device, "DM_MULTIPATH_DEVICE_PATH", &value) < 0 || value[0] != '1' ||
	       vss_sysfs_is_path("/sys", name, multipath);
}

static int is_partition_behind(void *data, const char *name)
{
	char disk[VSS_SYSFS_NAME_SIZE];

	return !vss_sysfs_disk("/sys", name, disk) && !strcmp(disk, data) && !udev_is_done(name);
}

bool vss_lun_is_settled(const char *name)
{
	char disk[VSS_SYSFS_NAME_SIZE];

	/* Nobody will ever have dealt with it. */
	if (access("/run/udev/control", F_OK))
		return true;
	strcpy(disk, name);
	return udev_is_done(name) && !vss_lun_each_device(&vss_lun_system, is_partition_behind, disk);
}

/* The first LUN that is not there, with what is wrong in @err. */
static vss_result check_all(const struct vss_lun_info *const *luns, size_t n, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE], text[VSS_LUN_NAME_SIZE];

	for (size_t i = 0; i < n; i++) {
		vss_result result = vss_lun_find_name(&vss_lun_system, luns[i], name, err);

		if (result != S_OK)
			return result;
		if (!vss_lun_is_settled(name))
			return lun_error(err, VSS_E_MISSING_DISK, "LUN %s is here as %s, but udev has not dealt with it",
					 vss_lun_name(luns[i], text, sizeof(text)), name);
	}
	return S_OK;
}

vss_result vss_lun_wait(const struct vss_lun_info *const *luns, size_t n, uint32_t timeout_ms,
			struct vss_error *err)
{
	uint64_t start = vss_lun_now(), end = start + timeout_ms, next_scan = start;
	struct vss_error why = { 0 };
	vss_result result;

	for (;;) {
		uint64_t now = vss_lun_now();

		if (now >= next_scan) {
			uint64_t left = end > now ? end - now : 0;

			result = vss_lun_rescan((uint32_t)(left < SCAN_MS ? left : SCAN_MS), err);
			if (VSS_FAILED(result))
				return result;
			next_scan = vss_lun_now() + SCAN_MS;
		}
		result = check_all(luns, n, &why);
		if (result == S_OK || result == E_OUTOFMEMORY || vss_lun_now() >= end)
			break;
		vss_lun_pause();
	}
	if (result == S_OK)
		return S_OK;
	if (result != VSS_E_OBJECT_NOT_FOUND)
		return lun_error(err, result, "after %u.%u s: %.900s", timeout_ms / 1000, timeout_ms % 1000 / 100, why.text);
	return lun_error(err, VSS_E_MISSING_DISK, "after %u.%u s: %.900s; see that the array shows it to this machine",
			 timeout_ms / 1000, timeout_ms % 1000 / 100, why.text);
}

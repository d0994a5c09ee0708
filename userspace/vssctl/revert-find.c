// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding a volume by its veil, among all block devices.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "revert-find.h"
#include "revert-veil.h"

#define DEVICES	"/sys/class/block"

/* Of the area that is on the device, not of one that was there before it. */
static bool read_record(const char *area, struct vssctl_wish *wish)
{
	struct vssctl_disk_source source = { .fd = open(area, O_RDONLY | O_CLOEXEC), .name = area };
	struct vssctl_disk disk = { 0 };
	bool veiled = false;

	if (source.fd < 0)
		return false;
	if (!vssctl_disk_read_supers(&disk, &source, 1) && disk.nr_parts && disk.parts[0].found)
		veiled = !vssctl_wish_read(source.fd, disk.parts[0].super.area, wish) && vssctl_wish_is_veiled(wish);
	vssctl_disk_clear(&disk);
	close(source.fd);
	return veiled;
}

/* A disk of a multipath or RAID device has the same content; that device is meant. */
static bool has_holders(const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool any = false;
	DIR *dir;

	snprintf(path, sizeof(path), DEVICES "/%s/holders", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		any |= entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return any;
}

static bool get_number(const char *name, struct vss_devno *dev)
{
	char path[PATH_MAX];
	bool good;
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/dev", name);
	file = fopen(path, "re");
	good = file && fscanf(file, "%" SCNu32 ":%" SCNu32, &dev->major, &dev->minor) == 2;
	if (file)
		fclose(file);
	return good;
}

static bool is_it(const struct vssctl_wish *wish, const char *name, struct vss_blockdev *device)
{
	struct vss_devno dev;
	bool is = false;
	int fd;

	if (!get_number(name, &dev) || vss_blockdev_from_devno(dev, device, NULL))
		return false;
	fd = open(device->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		is = vssctl_wish_look(wish, fd) == VSSCTL_FRONT_OURS;
		close(fd);
	}
	return is && !has_holders(name);
}

int vssctl_find_veiled(const char *area, struct vss_blockdev *found)
{
	struct vssctl_wish wish;
	struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir;

	if (!read_record(area, &wish))
		return -ENOENT;
	dir = opendir(DEVICES);
	if (!dir)
		return -errno;
	while (ret != -ENOTUNIQ && (entry = readdir(dir))) {
		struct vss_blockdev device = { 0 };

		if (entry->d_name[0] == '.' || !is_it(&wish, entry->d_name, &device)) {
			vss_blockdev_clear(&device);
			continue;
		}
		vss_blockdev_clear(found);
		ret = ret == -ENOENT ? 0 : -ENOTUNIQ;
		if (ret)
			vss_blockdev_clear(&device);
		else
			*found = device;
	}
	closedir(dir);
	return ret;
}

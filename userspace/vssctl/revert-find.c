// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding a volume by its veil, among all block devices.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "revert-find.h"
#include "revert-veil.h"

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

	snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		any |= entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return any;
}

static bool is_it(const struct vssctl_wish *wish, const struct vss_blockdev *device)
{
	bool is = false;
	int fd = open(device->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		is = vssctl_wish_look(wish, fd) == VSSCTL_FRONT_OURS;
		close(fd);
	}
	return is && !has_holders(device->name);
}

int vssctl_find_veiled(const char *area, struct vss_blockdev *found)
{
	struct vss_blockdev *devices, *it = NULL;
	struct vssctl_wish wish;
	size_t count, nr = 0;
	int ret;

	if (!read_record(area, &wish))
		return -ENOENT;
	ret = vss_blockdev_list(&devices, &count, NULL);
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++)
		if (is_it(&wish, &devices[i])) {
			it = &devices[i];
			nr++;
		}
	if (nr == 1) {
		vss_blockdev_clear(found);
		*found = *it;
		memset(it, 0, sizeof(*it));
	}
	vss_blockdev_list_free(devices, count);
	return nr > 1 ? -ENOTUNIQ : nr ? 0 : -ENOENT;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Single facts about block devices from sysfs.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "sysfs.h"

/* Kernel names with a slash ("cciss/c0d0") have '!' in its place in sysfs. */
static int copy_name(char name[VSS_SYSFS_NAME_SIZE], const char *from)
{
	if (strlen(from) >= VSS_SYSFS_NAME_SIZE)
		return -ENODEV;
	strcpy(name, from);
	return 0;
}

int vss_sysfs_name(const char *sysfs, struct vss_devno dev, char name[VSS_SYSFS_NAME_SIZE])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sysfs, dev.major, dev.minor);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -ENODEV;
	target[n] = '\0';
	base = strrchr(target, '/');
	return copy_name(name, base ? base + 1 : target);
}

int vss_sysfs_attr(const char *sysfs, const char *name, const char *attr, char *text,
		   size_t size)
{
	_cleanup_file_ FILE *file = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/class/block/%s/%s", sysfs, name, attr);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (!fgets(text, (int)size, file))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int vss_sysfs_devno(const char *sysfs, const char *name, struct vss_devno *dev)
{
	char text[32];

	if (vss_sysfs_attr(sysfs, name, "dev", text, sizeof(text)) ||
	    sscanf(text, "%u:%u", &dev->major, &dev->minor) != 2)
		return -ENODEV;
	return 0;
}

int vss_sysfs_disk(const char *sysfs, const char *name, char disk[VSS_SYSFS_NAME_SIZE])
{
	char path[PATH_MAX], real[PATH_MAX];
	char *slash;

	snprintf(path, sizeof(path), "%s/class/block/%s/partition", sysfs, name);
	if (access(path, F_OK) < 0)
		return -ENOENT;
	*strrchr(path, '/') = '\0';
	/* A partition's directory lies in that of its disk. */
	if (!realpath(path, real))
		return -errno;
	slash = strrchr(real, '/');
	*slash = '\0';
	return copy_name(disk, strrchr(real, '/') + 1);
}

uint64_t vss_sysfs_size(const char *sysfs, const char *name)
{
	char text[32];

	if (vss_sysfs_attr(sysfs, name, "size", text, sizeof(text)))
		return 0;
	return strtoull(text, NULL, 10) * 512;
}

/* What sends requests has queues; what sends bios has a name that multipath gave it. */
static bool is_multipath(const char *sysfs, const char *name)
{
	char path[PATH_MAX], uuid[256];

	snprintf(path, sizeof(path), "%s/class/block/%s/mq", sysfs, name);
	return !access(path, F_OK) ||
	       (!vss_sysfs_attr(sysfs, name, "dm/uuid", uuid, sizeof(uuid)) && !strncmp(uuid, "mpath-", 6));
}

bool vss_sysfs_is_path(const char *sysfs, const char *name,
		       char multipath[VSS_SYSFS_NAME_SIZE])
{
	char path[PATH_MAX], disk[VSS_SYSFS_NAME_SIZE];
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/class/block/%s/holders", sysfs, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && is_multipath(sysfs, entry->d_name) &&
		    !copy_name(multipath, entry->d_name))
			return true;
	}
	return !vss_sysfs_disk(sysfs, name, disk) && vss_sysfs_is_path(sysfs, disk, multipath);
}

bool vss_sysfs_is_image(const char *name)
{
	return !strncmp(name, "vss", 3) && isdigit((unsigned char)name[3]);
}

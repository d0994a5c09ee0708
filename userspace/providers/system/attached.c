// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Volumes that the system provider has attached by itself, remembered in files
 * that end with the system, as what they are about does.
 *
 * Such a volume is let go with its last shadow copy: a file that holds its diff
 * area keeps a file system from being unmounted.  A provider that was killed
 * leaves volumes attached whose set the kernel has undone; the next one lets go
 * of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "internal.h"

#define FOLDER		"/run/vss/attached"

/* Shadow copies that are being deleted keep a volume for a moment. */
#define BUSY_TRIES	40
#define BUSY_POLL_MS	50

/* In place of the file: killed while it was being made, so any file that we might have made is it. */
#define NOT_YET_KNOWN	"?"

/* The record's first line is the device's kernel name, the second the file of its diff area or "". */
struct record {
	char *text;
	const char *name;
	const char *area;
};

static int open_folder(bool create)
{
	if (create && mkdir("/run/vss", 0755) && errno != EEXIST)
		return -1;
	if (create && mkdir(FOLDER, 0700) && errno != EEXIST)
		return -1;
	return open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void file_name(struct vss_devno dev, char name[32])
{
	snprintf(name, 32, "%u:%u", dev.major, dev.minor);
}

static void write_record(const struct vss_blockdev *volume, const char *area)
{
	_cleanup_fd_ int folder = open_folder(true), fd = -1;
	char name[32];

	file_name(volume->dev, name);
	if (folder >= 0)
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* Without it the volume stays attached, which does no harm. */
	if (fd >= 0)
		dprintf(fd, "%s\n%s\n", volume->name, area);
}

bool system_attached_expect(struct vss_kernel *kernel, const struct vss_blockdev *volume)
{
	struct vss_kernel_volume state;

	if (vss_kernel_volume_get(kernel, volume->dev, &state) != -ENODEV)
		return false;
	write_record(volume, NOT_YET_KNOWN);
	return true;
}

void system_attached_allocating(const struct vss_blockdev *volume, const char *path)
{
	write_record(volume, path);
}

void system_attached_note(const struct system_member *member)
{
	write_record(&member->volume, member->prepared.area.path ? member->prepared.area.path : "");
}

void system_attached_forget(struct vss_devno dev)
{
	_cleanup_fd_ int folder = open_folder(false);
	char name[32];

	file_name(dev, name);
	if (folder >= 0)
		unlinkat(folder, name, 0);
}

static bool read_record(int folder, const char *name, struct record *record)
{
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t size = 0;
	char *end;

	record->text = calloc(1, 8192);
	if (record->text && fd >= 0)
		size = read(fd, record->text, 8191);
	end = size > 0 ? strchr(record->text, '\n') : NULL;
	if (end) {
		*end = '\0';
		record->name = record->text;
		record->area = end + 1;
		end = strchr(record->area, '\n');
	}
	if (!end) {
		free(record->text);
		return false;
	}
	*end = '\0';
	return true;
}

/* Is it named as vss_area_file_name() does? */
static bool may_be_own(const struct vss_kernel_area *area)
{
	const char *end = area->path ? strrchr(area->path, '/') : NULL;
	const size_t folder = strlen("/" VSS_AREA_DIRECTORY);

	return area->type == VSS_AREA_FILE && end && end - area->path >= (ptrdiff_t)folder &&
	       !strncmp(end - folder, "/" VSS_AREA_DIRECTORY, folder);
}

/* Room that somebody gave it since makes it his. */
static bool has_own_area_only(const struct record *record, const struct vss_kernel_area *areas,
			      size_t count)
{
	if (!record->area[0])
		return !count;
	if (!strcmp(record->area, NOT_YET_KNOWN))
		return !count || (count == 1 && may_be_own(&areas[0]));
	return !count || (count == 1 && areas[0].path && !strcmp(areas[0].path, record->area));
}

static int detach(struct vss_kernel *kernel, struct vss_devno dev)
{
	const struct timespec pause = { .tv_nsec = BUSY_POLL_MS * 1000000L };
	struct vss_kernel_volume volume;
	int ret = vss_kernel_volume_detach(kernel, dev, false);

	for (int i = 0; ret == -EBUSY && i < BUSY_TRIES; i++) {
		if (vss_kernel_volume_get(kernel, dev, &volume) || volume.snapshots)
			break;
		nanosleep(&pause, NULL);
		ret = vss_kernel_volume_detach(kernel, dev, false);
	}
	return ret;
}

/* The file of a diff area that is none any more; while it is one, the kernel lets nobody remove it. */
static void remove_file(const char *path)
{
	struct vss_kernel_area area = { .type = VSS_AREA_FILE, .path = (char *)path };
	struct vss_error err;
	struct stat st;

	if (path[0] != '/' || lstat(path, &st))
		return;
	area.dev = (struct vss_devno) { major(st.st_dev), minor(st.st_dev) };
	vss_area_file_remove(&area, &err);
}

/* True: nothing is to be remembered of it any more. */
static bool release(struct vss_kernel *kernel, struct vss_devno dev, const struct record *record)
{
	struct vss_kernel_volume volume;
	struct vss_kernel_area *areas;
	struct vss_error err;
	size_t count;
	bool done = true;
	int ret = vss_kernel_volume_get(kernel, dev, &volume);

	/* Detached, or another device has its number.  Who detached it may have got no further. */
	if (ret == -ENODEV || (!ret && strcmp(volume.name, record->name))) {
		remove_file(record->area);
		return true;
	}
	if (ret || volume.snapshots || vss_kernel_area_list(kernel, &dev, &areas, &count))
		return false;
	if (has_own_area_only(record, areas, count)) {
		done = !detach(kernel, dev);
		for (size_t i = 0; done && i < count; i++)
			vss_area_file_remove(&areas[i], &err);
		/* Made, but not handed over. */
		if (done && !count)
			remove_file(record->area);
	}
	vss_kernel_area_list_free(areas, count);
	return done;
}

static void release_file(struct vss_kernel *kernel, int folder, const char *name)
{
	struct vss_devno dev;
	struct record record;

	if (sscanf(name, "%u:%u", &dev.major, &dev.minor) != 2 || !read_record(folder, name, &record))
		return;
	if (release(kernel, dev, &record))
		unlinkat(folder, name, 0);
	free(record.text);
}

void system_attached_release(struct vss_kernel *kernel, const struct vss_devno *dev)
{
	_cleanup_fd_ int folder = open_folder(false);
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;
	char name[32];
	int lock;

	if (folder < 0)
		return;
	lock = vss_prepare_lock(NULL);
	if (dev) {
		file_name(*dev, name);
		release_file(kernel, folder, name);
	} else {
		dir = opendir(FOLDER);
		while (dir && (entry = readdir(dir)))
			release_file(kernel, folder, entry->d_name);
	}
	vss_prepare_unlock(lock);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of reverts: a file for each in STATE/reverts, named after the shadow copy,
 * from before the first byte is written until the last one is on disk.  Its first line
 * is the volume; a second one says why the revert has failed, until somebody was told.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "revert.h"

#define MAX_RECORD	4096

static int open_folder(const char *state_dir, bool create)
{
	_cleanup_fd_ int state = -1;

	if (create && mkdir(state_dir, 0700) && errno != EEXIST)
		return -errno;
	state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -errno;
	if (create && mkdirat(state, "reverts", 0700) && errno != EEXIST)
		return -errno;
	return openat(state, "reverts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		size -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

int revert_record_write(const char *state_dir, const struct vss_uuid *snapshot, const char *volume,
			const char *why)
{
	_cleanup_fd_ int folder = open_folder(state_dir, true), fd = -1;
	char name[VSS_UUID_TEXT_SIZE], aside[VSS_UUID_TEXT_SIZE + 4];
	_cleanup_free_ char *text = NULL;
	int ret, size;

	if (folder < 0)
		return -errno;
	size = asprintf(&text, "%s\n%s", volume, why ? why : "");
	if (size < 0) {
		text = NULL;
		return -ENOMEM;
	}
	snprintf(aside, sizeof(aside), "%s.new", vss_uuid_format(snapshot, name));
	fd = openat(folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, (size_t)size);
	if (!ret && renameat(folder, aside, folder, name))
		ret = -errno;
	if (!ret && fsync(folder))
		ret = -errno;
	if (ret)
		unlinkat(folder, aside, 0);
	return ret;
}

void revert_record_remove(const char *state_dir, const struct vss_uuid *snapshot)
{
	_cleanup_fd_ int folder = open_folder(state_dir, false);
	char name[VSS_UUID_TEXT_SIZE];

	if (folder < 0)
		return;
	unlinkat(folder, vss_uuid_format(snapshot, name), 0);
	fsync(folder);
}

static void read_one(int folder, const char *name, revert_record_fn take, void *data)
{
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *text = calloc(1, MAX_RECORD);
	struct vss_uuid snapshot;
	char *why;

	if (vss_uuid_parse(name, &snapshot) || fd < 0 || !text || read(fd, text, MAX_RECORD - 1) <= 0)
		return;
	why = strchr(text, '\n');
	if (!why)
		return;
	*why++ = '\0';
	take(data, &snapshot, text, why[0] ? why : NULL);
}

void revert_records_read(const char *state_dir, revert_record_fn take, void *data)
{
	int folder = open_folder(state_dir, false);
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;

	if (folder < 0)
		return;
	dir = fdopendir(folder);
	if (!dir) {
		close(folder);
		return;
	}
	while ((entry = readdir(dir)))
		read_one(dirfd(dir), entry->d_name, take, data);
}

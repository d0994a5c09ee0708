// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where a path of the system is in the shadow copies.
 *
 * Paths are followed one name after another, as the kernel would on the system:
 * across mount points, into the copy of the volume that was mounted there, and
 * along symbolic links, as the copies have them.  No name is looked up on a
 * volume itself, but for links on volumes that have no copy.
 *
 * In a copy nothing but its own folders is gone through (openat2): what somebody
 * has mounted into it, or a link that came between, is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "backup-files.h"
#include "cleanup.h"
#include "path.h"

#define MAX_LINKS	40	/* as the kernel's */

int files_open(const struct vss_backup_files *files, const struct files_place *place, int flags)
{
	const struct files_volume *volume = files_volume_at(files, place->volume);
	struct open_how how = {
		.flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, volume->fd, place->inside[0] ? place->inside : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int)fd;
}

uint32_t files_mounted_at(const struct vss_backup_files *files, const char *original)
{
	uintptr_t number = (uintptr_t)xmlHashLookup(files->mounts, (const xmlChar *)original);

	return number ? (uint32_t)number - 1 : VSS_FILES_NONE;
}

/* The volume that a path without links is on, and where on it; VSS_FILES_NONE for none. */
static uint32_t volume_of(const struct vss_backup_files *files, const char *original, char inside[PATH_MAX])
{
	char folder[PATH_MAX];
	uint32_t volume;

	memcpy(folder, original, strlen(original) + 1);
	do {
		volume = files_mounted_at(files, folder);
		if (volume == VSS_FILES_NONE)
			continue;
		if (!vss_path_join(inside, files_volume_at(files, volume)->folder, vss_path_below(original, folder)))
			return VSS_FILES_NONE;
		return volume;
	} while (vss_path_up(folder));
	return VSS_FILES_NONE;
}

/* On the way, and behind what was reached. */
struct way {
	char reached[PATH_MAX];
	char left[PATH_MAX];
	unsigned int links;
};

/* Take the next name off what is left; false at the end. */
static bool next_name(struct way *way, char name[NAME_MAX + 2])
{
	char *at = way->left + strspn(way->left, "/");
	size_t length = strcspn(at, "/");

	if (!length)
		return false;
	/* A longer name does not exist; cut, it still does not. */
	snprintf(name, NAME_MAX + 2, "%.*s", (int)(length < NAME_MAX + 2 ? length : NAME_MAX + 1), at);
	memmove(way->left, at + length, strlen(at + length) + 1);
	return true;
}

/* What lies at a path: in the copy, or on the system where there is none.  Negative errno. */
static int look(struct vss_backup_files *files, const char *original, struct stat *st, char target[PATH_MAX])
{
	struct files_place place;
	_cleanup_fd_ int fd = -1;
	ssize_t length;

	place.volume = volume_of(files, original, place.inside);
	/* Nothing is known of what no volume was given for: it is as it is named. */
	if (place.volume == VSS_FILES_NONE) {
		*st = (struct stat) { .st_mode = S_IFDIR };
		return 0;
	}
	if (files_volume_at(files, place.volume)->copy) {
		fd = files_open(files, &place, O_PATH);
	} else {
		fd = open(original, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, st))
		return -errno;
	if (!S_ISLNK(st->st_mode))
		return 0;
	length = readlinkat(fd, "", target, PATH_MAX - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return 0;
}

/* Put a link's target in front of what is left. */
static bool follow(struct way *way, const char *target)
{
	char left[PATH_MAX];

	if (++way->links > MAX_LINKS || !vss_path_join(left, target, way->left + strspn(way->left, "/")))
		return false;
	memcpy(way->left, left, sizeof(left));
	if (target[0] == '/')
		strcpy(way->reached, "/");
	else
		vss_path_up(way->reached);
	return true;
}

/* Go on by one name.  Negative errno; -ENOENT leaves the rest of the way as it is named. */
static int step(struct vss_backup_files *files, struct way *way, const char *name)
{
	char target[PATH_MAX], reached[PATH_MAX];
	struct stat st;
	int ret;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		vss_path_up(way->reached);
		return 0;
	}
	if (!vss_path_join(reached, way->reached, name))
		return -ENAMETOOLONG;
	memcpy(way->reached, reached, sizeof(reached));
	/* What is mounted there is no link. */
	if (files_mounted_at(files, way->reached) != VSS_FILES_NONE)
		return 0;
	ret = look(files, way->reached, &st, target);
	if (ret || !S_ISLNK(st.st_mode))
		return ret;
	return follow(way, target) ? 0 : -ELOOP;
}

static enum files_found result_of(int code)
{
	if (code == -ENOENT || code == -ENOTDIR)
		return FILES_NOTHING;
	errno = -code;
	return FILES_FAILED;
}

enum files_found files_find(struct vss_backup_files *files, const char *path, struct files_place *place)
{
	struct way way = { .reached = "/" };
	char name[NAME_MAX + 2];
	int ret = 0;

	memcpy(way.left, path, strlen(path) + 1);
	while (!ret && next_name(&way, name))
		ret = step(files, &way, name);
	if (!vss_path_join(place->original, way.reached, way.left + strspn(way.left, "/"))) {
		memcpy(place->original, way.reached, sizeof(way.reached));
		ret = -ENAMETOOLONG;
	}
	vss_path_normalise(place->original);
	place->volume = volume_of(files, place->original, place->inside);
	if (place->volume == VSS_FILES_NONE || !files_volume_at(files, place->volume)->copy)
		return FILES_OUTSIDE;
	return ret ? result_of(ret) : FILES_FOUND;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Looking at what a restore would overwrite.
 *
 * On Windows a requester opens each file for itself alone.  The nearest to that
 * is a write lease: the kernel grants it when nobody else has the file open.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <vss/restore.h>

#include "cleanup.h"
#include "path.h"

static bool exists(const char *path, void *data)
{
	struct stat st;

	(void)data;
	return !lstat(path, &st);
}

/* May this process make and remove names in the nearest folder above that exists? */
static bool can_change_folder(const char *path)
{
	char folder[PATH_MAX];

	if (strlen(path) >= sizeof(folder))
		return false;
	strcpy(folder, path);
	while (vss_path_up(folder)) {
		if (!faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS))
			return true;
		if (errno != ENOENT)
			return false;
	}
	return false;
}

static bool is_open_elsewhere(int fd)
{
	bool open;

	/* Who opens the file meanwhile breaks the lease, and the signal of that is to do no harm. */
	if (fcntl(fd, F_SETSIG, SIGURG) || !fcntl(fd, F_SETLEASE, F_WRLCK)) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	open = errno == EAGAIN;
	return open;
}

static bool can_overwrite(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && !is_open_elsewhere(fd);
}

static bool can_replace(const char *path, void *data)
{
	struct statx st;

	(void)data;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st))
		return errno == ENOENT && can_change_folder(path);
	if (st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return false;
	/* A folder stays, and gets new content. */
	if (S_ISDIR(st.stx_mode))
		return !faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
	if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || !can_change_folder(path))
		return false;
	return !S_ISREG(st.stx_mode) || can_overwrite(path);
}

const struct vss_restore_probe vss_restore_probe_system = { exists, can_replace, NULL };

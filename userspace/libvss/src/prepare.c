// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making a volume ready for a snapshot, and setting it back.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "prepare.h"

#define LOCK_FILE	"/run/vssctl.lock"

void vss_prepare_tell(const struct vss_prepare *prepare, enum vss_prepare_event event,
		      const struct vss_blockdev *volume, const struct vss_kernel_area *area,
		      const char *text)
{
	if (prepare->tell)
		prepare->tell(prepare->data, event, volume, area, text);
}

int vss_prepare_kernel_error(const struct vss_prepare *prepare, int code, struct vss_error *err)
{
	return vss_error_set(err, code, vss_kernel_result(prepare->kernel), "%s",
			     vss_kernel_error(prepare->kernel));
}

int vss_prepare_load_module(bool dry_run)
{
	static char name[] = "modprobe", quiet[] = "-q", dry[] = "-n", module[] = "vss";
	char *argv[] = { name, quiet, module, dry_run ? dry : NULL, NULL };
	/* For what modprobe.d may run. */
	static char path[] = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
	char *envp[] = { path, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/sbin/modprobe", NULL, NULL, argv, envp))
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}

static int open_lock(const char **path)
{
	int lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (path)
		*path = LOCK_FILE;
	return lock < 0 ? -errno : lock;
}

int vss_prepare_lock(const char **path)
{
	int lock = open_lock(path);

	while (lock >= 0 && flock(lock, LOCK_EX) < 0 && errno == EINTR)
		;
	return lock;
}

int vss_prepare_trylock(const char **path)
{
	int lock = open_lock(path);

	if (lock < 0 || !flock(lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return lock;
	close(lock);
	return -EWOULDBLOCK;
}

void vss_prepare_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

int vss_prepare_attach(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       uint32_t chunk_size, uint64_t copy_memory, struct vss_kernel_volume *state,
		       struct vss_error *err)
{
	int ret = vss_blockdev_check_origin(volume, err);

	if (ret)
		return ret;
	ret = vss_kernel_volume_attach(prepare->kernel, volume->dev, chunk_size, copy_memory, state);
	if (ret)
		return vss_prepare_kernel_error(prepare, ret, err);
	/* The module sees what becomes a path from here on. */
	ret = vss_blockdev_check_origin(volume, err);
	if (ret)
		vss_kernel_volume_detach(prepare->kernel, volume->dev, false);
	return ret;
}

static int attach(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		  struct vss_kernel_volume *state, bool *attached, struct vss_error *err)
{
	int ret = vss_kernel_volume_get(prepare->kernel, volume->dev, state);

	/* It may have become a path since it was attached. */
	if (!ret && vss_blockdev_check_origin(volume, err))
		return -EOPNOTSUPP;
	if (!ret && state->state == VSS_VOLUME_GONE)
		return vss_error_set(err, -ENODEV, VSS_E_OBJECT_NOT_FOUND,
				     "the device of %s was removed; detach it", volume->path);
	if (ret != -ENODEV)
		return ret ? vss_prepare_kernel_error(prepare, ret, err) : 0;
	ret = vss_prepare_attach(prepare, volume, 0, 0, state, err);
	if (ret)
		return ret;
	*attached = true;
	vss_prepare_tell(prepare, VSS_PREPARE_ATTACHED, volume, NULL, NULL);
	return 0;
}

int vss_prepare_attached(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
			 struct vss_prepared *prepared, struct vss_error *err)
{
	struct vss_kernel_volume state;

	memset(prepared, 0, sizeof(*prepared));
	return attach(prepare, volume, &state, &prepared->attached, err);
}

int vss_prepare_volume(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       const char *where, uint64_t size, struct vss_prepared *prepared,
		       struct vss_error *err)
{
	struct vss_kernel_volume state;
	int ret;

	memset(prepared, 0, sizeof(*prepared));
	ret = attach(prepare, volume, &state, &prepared->attached, err);
	if (ret)
		return ret;
	if (state.area_size) {
		if (where)
			vss_prepare_tell(prepare, VSS_PREPARE_AREA_IGNORED, volume, NULL, where);
		return 0;
	}
	ret = vss_prepare_area(prepare, volume, where, size, false, &prepared->area, err);
	if (ret) {
		vss_prepared_undo(prepare, volume, prepared);
		return ret;
	}
	prepared->area_added = true;
	vss_prepare_tell(prepare, VSS_PREPARE_AREA_ADDED, volume, &prepared->area, NULL);
	return 0;
}

void vss_prepared_undo(const struct vss_prepare *prepare, const struct vss_blockdev *volume,
		       struct vss_prepared *prepared)
{
	struct vss_error error;
	bool released = false;

	if (prepared->attached) {
		released = !vss_kernel_volume_detach(prepare->kernel, volume->dev, false);
		if (released)
			vss_prepare_tell(prepare, VSS_PREPARE_DETACHED, volume, NULL, NULL);
	} else if (prepared->area_added) {
		released = !vss_kernel_area_remove(prepare->kernel, volume->dev, prepared->area.id);
		if (released)
			vss_prepare_tell(prepare, VSS_PREPARE_AREA_REMOVED, volume, &prepared->area, NULL);
	}
	if (!released && (prepared->attached || prepared->area_added))
		vss_prepare_tell(prepare, VSS_PREPARE_WARNING, volume, NULL,
				 vss_kernel_error(prepare->kernel));
	if (released && prepared->area_added && vss_area_file_remove(&prepared->area, &error))
		vss_prepare_tell(prepare, VSS_PREPARE_WARNING, volume, NULL, error.text);
	vss_prepared_clear(prepared);
}

void vss_prepared_clear(struct vss_prepared *prepared)
{
	vss_kernel_area_clear(&prepared->area);
	memset(prepared, 0, sizeof(*prepared));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Hiding LUNs from everybody who looks for new disks.
 *
 * A hidden LUN has marks, empty files in /run/vss/hidden, which are called as the
 * kernel spells its identifiers.  udev's rules (59-vss-lun.rules) look for one when a
 * disk arrives; so it is hidden from its first moment if the mark was there before.
 * Each mark is in /var/lib/vss/hidden as well, for the next start of the machine, when
 * LUNs may arrive before anybody has read what is known of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "lun.h"

static vss_result failed(const char *what, const char *path, int code, struct vss_error *err)
{
	vss_error_errno(err, code, "cannot %s %s: %s", what, path, strerror(-code));
	return vss_result_from_errno(code);
}

static vss_result mark_at(const char *folder, const char *name, bool hidden, struct vss_error *err)
{
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!hidden)
		return !unlink(path) || errno == ENOENT ? S_OK : failed("remove", path, -errno, err);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? failed("make", path, -errno, err) : S_OK;
}

static vss_result mark(const struct vss_lun_source *source, const char *name, bool hidden, bool *done,
		       struct vss_error *err)
{
	vss_result result;

	/* No file can be called so; the disk's other identifiers have to do. */
	if (strchr(name, '/') || strlen(name) > NAME_MAX)
		return S_OK;
	result = mark_at(source->kept, name, hidden, err);
	if (result == S_OK)
		result = mark_at(source->hidden, name, hidden, err);
	*done |= result == S_OK;
	return result;
}

/* As the kernel's "wwid" has it, and as the UUIDs of multipath devices have it. */
static vss_result mark_id(const struct vss_lun_source *source, const struct vss_storage_id *id, bool hidden,
			  bool *done, struct vss_error *err)
{
	char text[VSS_LUN_ID_TEXT_SIZE], multipath[VSS_LUN_ID_TEXT_SIZE + 16];
	vss_result result;

	vss_lun_id_text(id, text);
	result = mark(source, text, hidden, done, err);
	snprintf(multipath, sizeof(multipath), "mpath-%s", text);
	if (result == S_OK)
		result = mark(source, multipath, hidden, done, err);
	/* scsi_id puts the type in front, without its name. */
	if (result == S_OK && (id->type == 2 || id->type == 3)) {
		snprintf(multipath, sizeof(multipath), "mpath-%u%s", id->type, text + 4);
		result = mark(source, multipath, hidden, done, err);
	}
	return result;
}

static vss_result make_folder(const char *path, struct vss_error *err)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(part, 0755);
		*slash = '/';
	}
	return !mkdir(part, 0755) || errno == EEXIST ? S_OK : failed("make the folder", path, -errno, err);
}

vss_result vss_lun_mark_in(const struct vss_lun_source *source, const struct vss_lun_info *lun, bool hidden,
			   struct vss_error *err)
{
	char text[VSS_LUN_NAME_SIZE];
	vss_result result = hidden ? make_folder(source->kept, err) : S_OK;
	bool done = false;

	if (result == S_OK && hidden)
		result = make_folder(source->hidden, err);
	for (size_t i = 0; result == S_OK && i < lun->nr_ids; i++)
		if (vss_lun_id_is_unique(&lun->ids[i]))
			result = mark_id(source, &lun->ids[i], hidden, &done, err);
	if (result == S_OK && hidden && !done)
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "LUN %s cannot be hidden, as it has no identifier to "
				 "know it by when it arrives", vss_lun_name(lun, text, sizeof(text)));
	return result;
}

/* ---- Telling udev ---- */

static void trigger_one(const char *name)
{
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/block/%s/uevent", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* A disk that leaves at this moment need not be looked at. */
	if (fd >= 0 && write(fd, "change", 6) < 0)
		errno = 0;
}

static int trigger_partition(void *data, const char *name)
{
	char disk[VSS_SYSFS_NAME_SIZE];

	if (!vss_sysfs_disk("/sys", name, disk) && !strcmp(disk, data))
		trigger_one(name);
	return 0;
}

static void trigger(const struct vss_lun_info *lun)
{
	char name[VSS_SYSFS_NAME_SIZE];

	if (vss_lun_find_name(&vss_lun_system, lun, name, NULL) != S_OK)
		return;
	trigger_one(name);
	vss_lun_each_device(&vss_lun_system, trigger_partition, name);
}

vss_result vss_lun_hide(const struct vss_lun_info *lun, struct vss_error *err)
{
	vss_result result = vss_lun_mark_in(&vss_lun_system, lun, true, err);

	if (result == S_OK)
		trigger(lun);
	return result;
}

vss_result vss_lun_unhide(const struct vss_lun_info *lun, struct vss_error *err)
{
	vss_result result = vss_lun_mark_in(&vss_lun_system, lun, false, err);

	if (result == S_OK)
		trigger(lun);
	return result;
}

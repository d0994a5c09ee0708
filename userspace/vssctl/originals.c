// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The original volumes of a set that travels, and mounting the copies in their
 * place.
 */
#include <errno.h>
#include <libmount.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "originals.h"

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void cleanup_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

static void cleanup_context(struct libmnt_context **context)
{
	mnt_free_context(*context);
}

#define _cleanup_table_		__attribute__((cleanup(cleanup_table)))
#define _cleanup_iter_		__attribute__((cleanup(cleanup_iter)))
#define _cleanup_context_	__attribute__((cleanup(cleanup_context)))

/* ---- finding ---- */

static int add_mount(struct vssctl_original *original, struct vssctl *ctl, const char *target,
		     const char *fstype, const char *options)
{
	struct vssctl_mount *more = reallocarray(original->mounts, original->nr_mounts + 1, sizeof(*more));
	struct vssctl_mount mount = {
		.target = strdup(target),
		.fstype = fstype ? strdup(fstype) : NULL,
		.options = options ? strdup(options) : NULL,
	};

	if (!more || !mount.target || (fstype && !mount.fstype) || (options && !mount.options)) {
		free(mount.target);
		free(mount.fstype);
		free(mount.options);
		if (more)
			original->mounts = more;
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	}
	original->mounts = more;
	original->mounts[original->nr_mounts++] = mount;
	return 0;
}

/* A name may stand for another volume by now: what counts is what it lies on. */
static bool is_original(const char *path, const struct vss_set_member *member)
{
	struct vss_lun_mapping *luns;
	bool same;
	size_t n;

	if (VSS_FAILED(vss_volume_luns(path, &luns, &n, NULL)))
		return false;
	same = n == member->nr_luns;
	for (size_t i = 0; same && i < n; i++)
		same = vss_lun_same(&luns[i].source, &member->luns[i].source) && luns[i].nr_extents &&
		       member->luns[i].nr_extents &&
		       luns[i].extents[0].lun_offset == member->luns[i].extents[0].lun_offset;
	vss_lun_mappings_free(luns, n);
	return same;
}

static bool is_lvm(const struct vss_blockdev *blockdev)
{
	char path[64], uuid[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/uuid", blockdev->dev.major, blockdev->dev.minor);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(uuid, sizeof(uuid), file))
			uuid[0] = '\0';
		fclose(file);
	}
	return !strncmp(uuid, "LVM-", 4);
}

static int find_mounts(struct vssctl_original *original, struct vssctl *ctl)
{
	struct libmnt_table *table _cleanup_table_ = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter _cleanup_iter_ = mnt_new_iter(MNT_ITER_FORWARD);
	dev_t dev = makedev(original->blockdev.dev.major, original->blockdev.dev.minor);
	struct libmnt_fs *fs;
	int ret = 0;

	if (!table || !iter)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED, "cannot read /proc/self/mountinfo");
	while (!ret && !mnt_table_next_fs(table, iter, &fs))
		if (mnt_fs_get_devno(fs) == dev)
			ret = add_mount(original, ctl, mnt_fs_get_target(fs), mnt_fs_get_fstype(fs),
					mnt_fs_get_options(fs));
	return ret;
}

static int find_one(struct vssctl_original *original, struct vssctl *ctl)
{
	const struct vss_set_member *member = original->member;
	const char *name = member->prop.original_volume_name;

	for (size_t i = 0; i < member->nr_luns; i++) {
		vss_result result;
		char *disk = NULL;

		result = vss_lun_find(&member->luns[i].source, &disk, NULL);
		free(disk);
		original->here |= result == S_OK || result == VSS_E_VOLUME_NOT_SUPPORTED;
	}
	if (!original->here || !name || !is_original(name, member) ||
	    vss_blockdev_resolve(name, &original->blockdev, NULL))
		return 0;
	original->found = true;
	original->lvm = is_lvm(&original->blockdev);
	return find_mounts(original, ctl);
}

int vssctl_originals_find(struct vssctl_originals *originals, struct vssctl_transport *t)
{
	int ret = 0;

	*originals = (struct vssctl_originals) { .ctl = t->ctl };
	originals->volumes = calloc(t->set.nr_members ? t->set.nr_members : 1, sizeof(*originals->volumes));
	if (!originals->volumes)
		return vssctl_fail(t->ctl, E_OUTOFMEMORY, "out of memory");
	for (; !ret && originals->count < t->set.nr_members; originals->count++) {
		struct vssctl_original *original = &originals->volumes[originals->count];

		original->member = &t->set.members[originals->count];
		ret = find_one(original, t->ctl);
		originals->here |= original->here;
	}
	return ret;
}

void vssctl_originals_clear(struct vssctl_originals *originals)
{
	for (size_t i = 0; i < originals->count; i++) {
		struct vssctl_original *original = &originals->volumes[i];

		for (size_t m = 0; m < original->nr_mounts; m++) {
			free(original->mounts[m].target);
			free(original->mounts[m].fstype);
			free(original->mounts[m].options);
		}
		free(original->mounts);
		free(original->copy);
		vss_blockdev_clear(&original->blockdev);
	}
	free(originals->volumes);
	*originals = (struct vssctl_originals) { .ctl = originals->ctl };
}

/* ---- taking them out of use ---- */

int vssctl_originals_check_unused(struct vssctl_originals *originals)
{
	for (size_t i = 0; i < originals->count; i++) {
		const struct vssctl_original *original = &originals->volumes[i];

		if (original->found && original->blockdev.swap)
			return vssctl_fail(originals->ctl, VSS_E_VOLUME_IN_USE, "%s is in use as swap; see swapoff(8)",
					   original->blockdev.path);
		if (original->nr_mounts)
			return vssctl_fail(originals->ctl, VSS_E_VOLUME_IN_USE,
					   "%s is mounted at %s; stop what uses it ('fuser -vm %s' tells) and unmount it, "
					   "or use --unmount", original->blockdev.path, original->mounts[0].target,
					   original->mounts[0].target);
	}
	return 0;
}

static int unmount(struct vssctl *ctl, const char *device, const char *target)
{
	struct libmnt_context *context _cleanup_context_ = mnt_new_context();
	char why[512] = "";
	int ret;

	if (!context || mnt_context_set_target(context, target))
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	ret = mnt_context_umount(context);
	if (!ret)
		return 0;
	mnt_context_get_excode(context, ret, why, sizeof(why));
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE,
			   "cannot unmount %s from %s: %s; stop what uses it: 'fuser -vm %s' tells", device, target,
			   why[0] ? why : "libmount does not say why", target);
}

static int run(char *const *argv)
{
	extern char **environ;
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int deactivate(struct vssctl *ctl, const char *path)
{
	char command[] = "lvchange", how[] = "-an", quiet[] = "-qq", *volume = strdup(path);
	char *argv[] = { command, quiet, how, volume, NULL };
	int ret = volume ? run(argv) : -ENOMEM;

	free(volume);
	return ret ? vssctl_fail(ctl, VSS_E_VOLUME_IN_USE,
				 "'lvchange -an %s' failed; deactivate the logical volume by hand and repeat this", path) : 0;
}

/* Its snapshots would be of a disk that is no longer there. */
static int untrack(struct vssctl *ctl, const struct vss_blockdev *blockdev)
{
	struct vss_kernel_volume state;
	int ret;

	if (!vssctl_module_loaded() || (!ctl->kernel && vssctl_open_kernel(ctl)) ||
	    vss_kernel_volume_get(ctl->kernel, blockdev->dev, &state))
		return 0;
	ret = vss_kernel_volume_detach(ctl->kernel, blockdev->dev, false);
	if (!ret || ret == -ENODEV)
		return 0;
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE,
			   "%s is tracked, with %u snapshots of its own: %s; see 'vssctl detach'", blockdev->path,
			   state.snapshots, vss_kernel_error(ctl->kernel));
}

int vssctl_originals_unmount(struct vssctl_originals *originals)
{
	struct vssctl *ctl = originals->ctl;
	int ret = 0;

	for (size_t i = 0; !ret && i < originals->count; i++) {
		const struct vssctl_original *original = &originals->volumes[i];

		if (original->found && original->blockdev.swap)
			return vssctl_originals_check_unused(originals);
	}
	for (size_t i = 0; !ret && i < originals->count; i++) {
		struct vssctl_original *original = &originals->volumes[i];

		/* What was mounted last may lie in what was mounted first. */
		for (size_t m = original->nr_mounts; !ret && m-- > 0;)
			ret = unmount(ctl, original->blockdev.path, original->mounts[m].target);
		if (!ret && original->found)
			ret = untrack(ctl, &original->blockdev);
		if (!ret && original->lvm)
			ret = deactivate(ctl, original->blockdev.path);
	}
	return ret;
}

/* ---- bringing the copies into use ---- */

/* fstab may name it in any of these ways; the original itself is not to be found any more. */
static bool fstab_means(struct libmnt_fs *fs, const struct vssctl_original *original)
{
	const char *uuid = original->member->filesystem, *name = original->member->prop.original_volume_name;
	const char *tag, *value, *source = mnt_fs_get_srcpath(fs);
	char link[300];

	if (!mnt_fs_get_target(fs) || mnt_fs_is_swaparea(fs))
		return false;
	if (uuid && uuid[0]) {
		if (!mnt_fs_get_tag(fs, &tag, &value) && !strcmp(tag, "UUID") && !strcasecmp(value, uuid))
			return true;
		snprintf(link, sizeof(link), "/dev/disk/by-uuid/%s", uuid);
		if (source && !strcmp(source, link))
			return true;
	}
	if (!source || !name)
		return false;
	if (!strcmp(source, name))
		return true;
	/* "/dev/VG/LV" is "/dev/mapper/VG-LV", where names have no dashes of their own. */
	snprintf(link, sizeof(link), "/dev/mapper/%s", strncmp(source, "/dev/", 5) ? "" : source + 5);
	for (char *slash = link + strlen("/dev/mapper/"); (slash = strchr(slash, '/'));)
		*slash = '-';
	return !strcmp(link, name);
}

int vssctl_originals_read_fstab(struct vssctl_originals *originals)
{
	struct libmnt_table *table _cleanup_table_ = mnt_new_table();
	int ret = 0;

	if (!table || mnt_table_parse_fstab(table, NULL))
		return vssctl_fail(originals->ctl, VSS_E_UNEXPECTED, "cannot read /etc/fstab");
	for (size_t i = 0; !ret && i < originals->count; i++) {
		struct libmnt_iter *iter _cleanup_iter_ = mnt_new_iter(MNT_ITER_FORWARD);
		struct vssctl_original *original = &originals->volumes[i];
		struct libmnt_fs *fs;

		if (original->nr_mounts)
			continue;
		while (!ret && iter && !mnt_table_next_fs(table, iter, &fs))
			if (fstab_means(fs, original))
				ret = add_mount(original, originals->ctl, mnt_fs_get_target(fs), mnt_fs_get_fstype(fs),
						mnt_fs_get_options(fs));
	}
	return ret;
}

static bool is_mounted(const char *device, const char *target)
{
	struct libmnt_table *table _cleanup_table_ = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs = table ? mnt_table_find_target(table, target, MNT_ITER_BACKWARD) : NULL;
	struct vss_blockdev blockdev;
	bool same;

	if (!fs || vss_blockdev_resolve(device, &blockdev, NULL))
		return false;
	same = mnt_fs_get_devno(fs) == makedev(blockdev.dev.major, blockdev.dev.minor);
	vss_blockdev_clear(&blockdev);
	return same;
}

static int mount_at(struct vssctl *ctl, const char *device, const struct vssctl_mount *where)
{
	struct libmnt_context *context _cleanup_context_ = mnt_new_context();
	char why[512] = "";
	int ret;

	if (!context || mnt_context_set_source(context, device) || mnt_context_set_target(context, where->target) ||
	    (where->fstype && mnt_context_set_fstype(context, where->fstype)) ||
	    (where->options && mnt_context_set_options(context, where->options)))
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	/* As it was told; fstab may name another device. */
	mnt_context_set_optsmode(context, MNT_OMODE_IGNORE | MNT_OMODE_NOTAB);
	ret = mnt_context_mount(context);
	if (!ret)
		return 0;
	mnt_context_get_excode(context, ret, why, sizeof(why));
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE, "cannot mount %s at %s: %s; mount it by hand, or repeat this",
			   device, where->target, why[0] ? why : "libmount does not say why");
}

int vssctl_originals_mount(struct vssctl_originals *originals, size_t *mounted)
{
	int ret = 0;

	*mounted = 0;
	for (size_t i = 0; !ret && i < originals->count; i++) {
		const struct vssctl_original *original = &originals->volumes[i];

		for (size_t m = 0; !ret && original->copy && m < original->nr_mounts; m++) {
			if (is_mounted(original->copy, original->mounts[m].target))
				continue;
			ret = mount_at(originals->ctl, original->copy, &original->mounts[m]);
			*mounted += !ret;
		}
	}
	return ret;
}

void vssctl_original_activate(struct vssctl *ctl, struct vssctl_original *original)
{
	const char *name = original->member->prop.original_volume_name;
	char command[] = "lvchange", how[] = "-ay", quiet[] = "-qq", *volume, *path;
	char *argv[] = { command, quiet, how, NULL, NULL };
	struct vss_error error = { 0 };

	/* Else it is a disk or a partition, which has the name that it has. */
	if (!original->copy || strncmp(original->copy, "/dev/mapper/vss-", 16) || !name)
		return;
	volume = strdup(name);
	path = strdup(name);
	argv[3] = volume;
	/* Then LVM shows the copy as it showed the original, and one way to it is enough. */
	if (volume && path && !run(argv) && !access(path, F_OK)) {
		if (VSS_FAILED(vss_volume_release(original->copy, &error)))
			vssctl_warn(ctl, "%s stays beside %s, do not use both: %s", original->copy, path, error.text);
		free(original->copy);
		original->copy = path;
		path = NULL;
	} else {
		vssctl_detail(ctl, "LVM does not show %s; the copy is %s", name, original->copy);
	}
	free(volume);
	free(path);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be said about a volume whose diff area is to be loaded at boot.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "boot-vouch.h"
#include "names.h"

#define CLAIM_POLL_NS	200000000L

/* In the superblock of ext2 and its successors: the journal is to be replayed. */
#define EXT_INCOMPAT_AT	(1024 + 0x60)
#define EXT_RECOVER	0x0004
/* It was unmounted, or has a journal, and no errors. */
#define EXT_STATE_AT	(1024 + 0x3a)
#define EXT_VALID	0x0001
/* Files that were deleted while they were open: the next mount frees them. */
#define EXT_RO_COMPAT_AT (1024 + 0x64)
#define EXT_ORPHAN_PRESENT 0x10000
#define EXT_LAST_ORPHAN_AT (1024 + 0xe8)

/* In the superblock of XFS, big endian: with version 5 each write of it puts a log number there. */
#define XFS_VERSION_AT	100
#define XFS_VERSION_BITS 0x000f
#define XFS_VERSION_5	5

int vssctl_claim_volume(const char *path, int tries)
{
	const struct timespec pause = { .tv_nsec = CLAIM_POLL_NS };

	for (;;) {
		int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != EBUSY || --tries <= 0)
			return -errno;
		nanosleep(&pause, NULL);
	}
}

bool vssctl_is_alone(struct vssctl *ctl, struct vss_devno volume)
{
	const struct timespec pause = { .tv_nsec = CLAIM_POLL_NS };
	struct vss_kernel_volume state;

	for (int tries = VSSCTL_CLAIM_TRIES;; nanosleep(&pause, NULL)) {
		if (vss_kernel_volume_get(ctl->kernel, volume, &state))
			return false;
		if (state.openers <= 1)
			return true;
		if (!--tries)
			return false;
	}
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* As the process has opened it. */
static bool is_read_only(int folder, const char *fd)
{
	int info = openat(folder, fd, O_RDONLY | O_CLOEXEC);
	FILE *file __attribute__((cleanup(cleanup_file))) = info < 0 ? NULL : fdopen(info, "r");
	char line[128];
	unsigned int flags;

	if (info >= 0 && !file)
		close(info);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "flags: %o", &flags) == 1)
			/* O_PATH opens nothing. */
			return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH);
	return false;
}

bool vssctl_is_reader(pid_t pid, struct vss_devno device)
{
	DIR *fds __attribute__((cleanup(cleanup_dir))) = NULL, *infos __attribute__((cleanup(cleanup_dir))) = NULL;
	const dev_t wanted = makedev(device.major, device.minor);
	const struct dirent *entry;
	struct stat stat_buf;
	bool found = false;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
	infos = opendir(path);
	if (!fds || !infos)
		return false;
	while ((entry = readdir(fds))) {
		if (fstatat(dirfd(fds), entry->d_name, &stat_buf, 0) || !S_ISBLK(stat_buf.st_mode) ||
		    stat_buf.st_rdev != wanted)
			continue;
		if (!is_read_only(dirfd(infos), entry->d_name))
			return false;
		found = true;
	}
	return found;
}

int vssctl_load_area(struct vssctl *ctl, struct vss_devno volume, const struct vss_devno *devices, size_t nr,
		     uint32_t mode, uint32_t openers, int tries, struct vss_kernel_area *area)
{
	const struct timespec pause = { .tv_nsec = CLAIM_POLL_NS };
	int ret;

	for (;; nanosleep(&pause, NULL)) {
		ret = vss_kernel_area_load(ctl->kernel, volume, devices, nr, mode, openers, area);
		if (ret != -EBUSY || mode == VSS_AREA_LOAD_UNCLEAN || !--tries)
			return ret;
	}
}

int vssctl_tell_lost(struct vssctl *ctl, const struct vss_blockdev *volume, const char *hint)
{
	struct vss_kernel_snapshot *snapshots;
	size_t count, lost = 0;
	uint32_t reason = 0;

	if (vss_kernel_snapshot_list(ctl->kernel, NULL, &volume->dev, &snapshots, &count))
		return vssctl_fail_kernel(ctl);
	for (size_t i = 0; i < count; i++) {
		if (snapshots[i].state != VSS_SNAPSHOT_LOST)
			continue;
		lost++;
		reason = snapshots[i].lost_reason;
	}
	free(snapshots);
	if (!lost)
		return 0;
	return vssctl_fail(ctl, E_FAIL, "%s: %zu of %zu snapshots are lost (%s)%s; see 'vssctl list', and delete them",
			   volume->path, lost, count, vssctl_lost_reason_name(reason),
			   reason == VSS_LOST_UNTRACKED ? hint : "");
}

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

/* An empty table is what a boot loader leaves in the first sector. */
static bool has_partitions(blkid_probe probe)
{
	blkid_partlist list = blkid_probe_has_value(probe, "PTTYPE") ? blkid_probe_get_partitions(probe) : NULL;

	return list && blkid_partlist_numof_partitions(list) > 0;
}

/* The only signature that is found, and not left from before there were partitions. */
static bool find_type(int fd, char *found, size_t size)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = blkid_new_probe();
	const char *type;

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0) || blkid_probe_enable_superblocks(probe, 1) ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE) || blkid_probe_enable_partitions(probe, 1))
		return false;
	/* Where signatures of several are found, it is none of them. */
	if (blkid_do_safeprobe(probe) || blkid_probe_lookup_value(probe, "TYPE", &type, NULL))
		return false;
	snprintf(found, size, "%s", type);
	return !has_partitions(probe);
}

static bool is_ext_name(const char *type)
{
	return !strcmp(type, "ext2") || !strcmp(type, "ext3") || !strcmp(type, "ext4");
}

static bool is_ext(int fd)
{
	char type[16];

	return find_type(fd, type, sizeof(type)) && is_ext_name(type);
}

static bool has_version_5(int fd)
{
	uint16_t version;

	return pread(fd, &version, sizeof(version), XFS_VERSION_AT) == sizeof(version) &&
	       (be16toh(version) & XFS_VERSION_BITS) == XFS_VERSION_5;
}

static uint32_t read32(int fd, off_t at)
{
	uint32_t value;

	return pread(fd, &value, sizeof(value), at) == sizeof(value) ? le32toh(value) : 0;
}

bool vssctl_is_at_rest(int fd)
{
	/* The state is the upper half. */
	return is_ext(fd) && !(read32(fd, EXT_INCOMPAT_AT) & EXT_RECOVER) &&
		read32(fd, EXT_STATE_AT - 2) >> 16 & EXT_VALID;
}

bool vssctl_head_tells(int fd)
{
	return vssctl_is_at_rest(fd) && !(read32(fd, EXT_RO_COMPAT_AT) & EXT_ORPHAN_PRESENT) &&
		!read32(fd, EXT_LAST_ORPHAN_AT);
}

bool vssctl_head_tells_of_mounts(int fd)
{
	char type[16];

	return find_type(fd, type, sizeof(type)) && (is_ext_name(type) || (!strcmp(type, "xfs") && has_version_5(fd)));
}

static void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;

	if (parent)
		mkdir(parent, 0755);
	free(parent);
}

/* With the lock from its beginning, by which whoever sees it knows that this one is at work. */
static int make_flag(const char *flag)
{
	char *fresh = NULL;
	int fd, ret = 0;

	if (asprintf(&fresh, "%s.new", flag) < 0)
		return -ENOMEM;
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX) || link(fresh, flag))
		ret = -errno;
	unlink(fresh);
	free(fresh);
	/* It stays open. */
	if (ret && fd >= 0)
		close(fd);
	return ret;
}

bool vssctl_may_vouch(struct vssctl *ctl, const char *flag, bool last)
{
	int ret = -EEXIST;

	if (!last && access(flag, F_OK))
		return errno == ENOENT;
	if (last) {
		make_parent(flag);
		ret = make_flag(flag);
	}
	if (!ret)
		return true;
	if (ret != -EEXIST)
		vssctl_warn(ctl, "cannot make %s: %s; so that nobody vouches for the volumes again, nobody does now",
			    flag, strerror(-ret));
	else
		vssctl_warn(ctl, "it is too late in this boot to vouch for the volumes: %s is there", flag);
	return false;
}

bool vssctl_is_vouching(const char *flag)
{
	int fd = open(flag, O_RDONLY | O_CLOEXEC);
	bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}

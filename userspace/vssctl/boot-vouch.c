// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be said about a volume whose diff area is to be loaded at boot.
 */
#include <blkid/blkid.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "boot-vouch.h"

#define CLAIM_POLL_NS	200000000L

/* In the superblock of ext2 and its successors: the journal is to be replayed. */
#define EXT_INCOMPAT_AT	(1024 + 0x60)
#define EXT_RECOVER	0x0004
/* It was unmounted, or has a journal, and no errors. */
#define EXT_STATE_AT	(1024 + 0x3a)
#define EXT_VALID	0x0001

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

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

bool vssctl_head_tells(int fd)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = blkid_new_probe();
	uint32_t incompat;
	uint16_t state;
	const char *type;

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0) || blkid_probe_enable_superblocks(probe, 1) ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE))
		return false;
	/* Where signatures of several are found, it is none of them. */
	if (blkid_do_safeprobe(probe) || blkid_probe_lookup_value(probe, "TYPE", &type, NULL))
		return false;
	if (strcmp(type, "ext2") && strcmp(type, "ext3") && strcmp(type, "ext4"))
		return false;
	return pread(fd, &incompat, sizeof(incompat), EXT_INCOMPAT_AT) == sizeof(incompat) &&
		!(le32toh(incompat) & EXT_RECOVER) &&
		pread(fd, &state, sizeof(state), EXT_STATE_AT) == sizeof(state) && le16toh(state) & EXT_VALID;
}

static void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;

	if (parent)
		mkdir(parent, 0755);
	free(parent);
}

bool vssctl_may_vouch(struct vssctl *ctl, const char *flag, bool last)
{
	int fd;

	if (!last && access(flag, F_OK))
		return errno == ENOENT;
	if (last)
		make_parent(flag);
	fd = last ? open(flag, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (last && errno != EEXIST)
		vssctl_warn(ctl, "cannot make %s: %s; so that nobody vouches for the volumes again, nobody does now",
			    flag, strerror(errno));
	else
		vssctl_warn(ctl, "it is too late in this boot to vouch for the volumes: %s is there", flag);
	return false;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a volume is known by when its revert was broken off: it may have another name and
 * number by then, and another volume may have those.
 */
#include <blkid.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <uuid.h>

#include "cleanup.h"
#include "revert.h"
#include "sysfs.h"
#include "vssctl/revert-veil.h"

#define HEAD	((size_t)1 << 20)	/* where superblocks are */
#define ALIGN	4096			/* of memory, for direct I/O */

int revert_probe(int fd, int what, const char *name, char value[REVERT_ID_SIZE])
{
	blkid_probe probe = blkid_new_probe();
	int flags = fcntl(fd, F_GETFL), ret = -1;
	const char *found;

	value[0] = '\0';
	if (!probe)
		return ret;
	/* libblkid's buffers are not aligned. */
	fcntl(fd, F_SETFL, flags & ~O_DIRECT);
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, what);
	if (!blkid_probe_set_device(probe, fd, 0, 0))
		ret = blkid_do_safeprobe(probe);
	if (!ret && !blkid_probe_lookup_value(probe, name, &found, NULL))
		snprintf(value, REVERT_ID_SIZE, "%s", found);
	blkid_free_probe(probe);
	fcntl(fd, F_SETFL, flags);
	return ret;
}

void revert_fs_uuid(int fd, char uuid[REVERT_ID_SIZE])
{
	revert_probe(fd, BLKID_SUBLKS_UUID, "UUID", uuid);
}

/* device mapper's own name for it, or the disk's with the partition's place. */
static void device_id(const char *sysfs, struct vss_devno dev, char id[REVERT_ID_SIZE])
{
	static const char *const attrs[] = { "wwid", "device/wwid", "serial", "device/serial" };
	char name[VSS_SYSFS_NAME_SIZE], disk[VSS_SYSFS_NAME_SIZE], text[REVERT_ID_SIZE / 2], start[32] = "";

	if (vss_sysfs_name(sysfs, dev, name))
		return;
	if (!vss_sysfs_attr(sysfs, name, "dm/uuid", text, sizeof(text)) && text[0]) {
		snprintf(id, REVERT_ID_SIZE, "dm %s", text);
		return;
	}
	if (vss_sysfs_disk(sysfs, name, disk))
		strcpy(disk, name);
	else if (vss_sysfs_attr(sysfs, name, "start", start, sizeof(start)))
		return;
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (!vss_sysfs_attr(sysfs, disk, attrs[i], text, sizeof(text)) && text[0]) {
			snprintf(id, REVERT_ID_SIZE, "%s %s %s", attrs[i], text, start);
			return;
		}
}

void revert_boot(struct vss_uuid *boot)
{
	_cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[VSS_UUID_TEXT_SIZE] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) != sizeof(text) - 1 || vss_uuid_parse(text, boot))
		memset(boot, 0, sizeof(*boot));
}

static void look_at_head(int fd, struct revert_identity *id)
{
	_cleanup_free_ char *memory = aligned_alloc(ALIGN, HEAD);
	struct vss_uuid sum = { 0 };
	ssize_t size = memory ? pread(fd, memory, HEAD, 0) : -1;

	if (size <= 0)
		return;
	uuid_generate_sha1(sum.bytes, sum.bytes, memory, (size_t)size);
	vss_uuid_format(&sum, id->head);
	if (size >= VSS_DISK_HEAD_SIZE)
		vssctl_looks_veiled((uint8_t *)memory, &id->veil);
}

void revert_identify(const char *sysfs, const char *path, int fd, struct revert_identity *id)
{
	struct stat st;

	memset(id, 0, sizeof(*id));
	snprintf(id->name, sizeof(id->name), "%s", path);
	revert_boot(&id->boot);
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode)) {
		id->dev = (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) };
		if (ioctl(fd, BLKGETSIZE64, &id->size))
			id->size = 0;
		device_id(sysfs, id->dev, id->device);
	}
	revert_fs_uuid(fd, id->fs);
	look_at_head(fd, id);
}

static bool known_and_equal(const char *a, const char *b)
{
	return a[0] && !strcmp(a, b);
}

bool revert_is_same(const struct revert_identity *recorded, const char *image_fs,
		    const struct revert_identity *now)
{
	if (recorded->size != now->size)
		return false;
	if (recorded->device[0] && now->device[0])
		return !strcmp(recorded->device, now->device);
	if (!vss_uuid_is_null(&now->veil) && vss_uuid_equal(&recorded->veil, &now->veil))
		return true;
	if (known_and_equal(recorded->head, now->head) || known_and_equal(recorded->fs, now->fs) ||
	    known_and_equal(image_fs, now->fs))
		return true;
	if (!vss_uuid_is_null(&now->boot) && vss_uuid_equal(&recorded->boot, &now->boot))
		return recorded->dev.major == now->dev.major && recorded->dev.minor == now->dev.minor;
	/* Nothing else is known of it. */
	return !recorded->fs[0] && !image_fs[0] && !strcmp(recorded->name, now->name);
}

bool revert_is_made_anew(const struct revert_identity *recorded, const char *image_fs,
			 const struct revert_identity *now)
{
	return now->head[0] && now->fs[0] && strcmp(now->fs, recorded->fs) && strcmp(now->fs, image_fs);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing the record of a revert.
 *
 * What changes is within one sector, so after a power failure it is the old one or the
 * new one; the heads are on disk before the sector that names them.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "disk-hash.h"
#include "revert-wish.h"

#define SECTOR	512

_Static_assert(sizeof(struct vss_disk_revert) == SECTOR, "it is to be written at once");

static int read_block(int device, off_t at, void *block)
{
	return pread(device, block, VSS_DISK_HEAD_SIZE, at) == VSS_DISK_HEAD_SIZE ? 0 : -EIO;
}

/* Whole blocks, for the page cache is not to read anything beside them. */
static int write_block(int device, off_t at, const void *data, size_t size)
{
	uint8_t block[VSS_DISK_HEAD_SIZE] = { 0 };
	ssize_t written;

	memcpy(block, data, size);
	written = pwrite(device, block, sizeof(block), at);
	if (written < 0)
		return -errno;
	return written == sizeof(block) ? 0 : -EIO;
}

static uint32_t crc_of(const struct vss_disk_revert *revert)
{
	return vssctl_disk_crc(revert, sizeof(*revert), offsetof(struct vss_disk_revert, crc));
}

static bool has_heads(const struct vssctl_wish *wish)
{
	return wish->state == VSS_DISK_REVERT_WRITING || wish->state == VSS_DISK_REVERT_HEAD;
}

/* 1: it is what the record says; 0: it is not; -EIO. */
static int read_head(int device, off_t at, uint64_t hash, uint8_t head[VSS_DISK_HEAD_SIZE])
{
	return read_block(device, at, head) ?: XXH64(head, VSS_DISK_HEAD_SIZE, 0) == hash;
}

/* As above. */
static int read_heads(int device, const struct vss_disk_revert *revert, struct vssctl_wish *wish)
{
	int ret = read_head(device, VSS_DISK_REVERT_OLD_AT, le64toh(revert->old_head), wish->old_head);

	if (ret <= 0)
		return ret;
	/* The new one may be half written as yet. */
	if (wish->state == VSS_DISK_REVERT_HEAD)
		return read_head(device, VSS_DISK_REVERT_NEW_AT, le64toh(revert->new_head), wish->new_head);
	memcpy(wish->new_head, wish->old_head, sizeof(wish->new_head));
	return 1;
}

int vssctl_wish_read(int device, const uint8_t area[VSS_DISK_UUID_SIZE], struct vssctl_wish *wish)
{
	uint8_t block[VSS_DISK_HEAD_SIZE];
	struct vss_disk_revert revert;
	int ret;

	memset(wish, 0, sizeof(*wish));
	if (read_block(device, VSS_DISK_REVERT_AT, block))
		return -EIO;
	memcpy(&revert, block, sizeof(revert));
	if (memcmp(revert.magic, VSS_DISK_REVERT_MAGIC, sizeof(revert.magic)))
		return 0;
	if (le32toh(revert.size) != sizeof(revert) || le32toh(revert.crc) != crc_of(&revert))
		return -EBADMSG;
	/* Left there by an area that was before this one. */
	if (memcmp(revert.area, area, sizeof(revert.area)))
		return 0;
	if (le32toh(revert.state) < VSS_DISK_REVERT_WANTED || le32toh(revert.state) > VSS_DISK_REVERT_ENDED)
		return -EBADMSG;
	memcpy(wish->snapshot.bytes, revert.snapshot, sizeof(wish->snapshot.bytes));
	wish->time = le64toh(revert.time);
	wish->state = le32toh(revert.state);
	ret = has_heads(wish) ? read_heads(device, &revert, wish) : 0;
	wish->heads_known = ret > 0;
	return ret < 0 ? ret : 0;
}

/* What the record there names must stay: while it is WRITING that is the old one, which does not change. */
static int write_heads(int device, const struct vssctl_wish *wish)
{
	int ret = write_block(device, VSS_DISK_REVERT_OLD_AT, wish->old_head, VSS_DISK_HEAD_SIZE);

	if (!ret && wish->state == VSS_DISK_REVERT_HEAD)
		ret = write_block(device, VSS_DISK_REVERT_NEW_AT, wish->new_head, VSS_DISK_HEAD_SIZE);
	return ret ?: fsync(device) ? -errno : 0;
}

int vssctl_wish_write(int device, const uint8_t area[VSS_DISK_UUID_SIZE], const struct vssctl_wish *wish)
{
	struct vss_disk_revert revert = {
		.size = htole32(sizeof(revert)),
		.state = htole32(wish->state),
		.time = htole64(wish->time),
	};
	int ret = 0;

	memcpy(revert.magic, VSS_DISK_REVERT_MAGIC, sizeof(revert.magic));
	memcpy(revert.area, area, sizeof(revert.area));
	memcpy(revert.snapshot, wish->snapshot.bytes, sizeof(revert.snapshot));
	if (has_heads(wish)) {
		revert.old_head = htole64(XXH64(wish->old_head, VSS_DISK_HEAD_SIZE, 0));
		revert.new_head = htole64(XXH64(wish->new_head, VSS_DISK_HEAD_SIZE, 0));
		ret = write_heads(device, wish);
	}
	revert.crc = htole32(crc_of(&revert));
	ret = ret ?: write_block(device, VSS_DISK_REVERT_AT, &revert, sizeof(revert));
	return ret ?: fsync(device) ? -errno : 0;
}

int vssctl_wish_clear(int device)
{
	int ret = write_block(device, VSS_DISK_REVERT_AT, "", 0);

	return ret ?: fsync(device) ? -errno : 0;
}

bool vssctl_wish_is_head(const struct vssctl_wish *wish, const uint8_t head[VSS_DISK_HEAD_SIZE])
{
	if (!wish->heads_known)
		return false;
	for (size_t at = 0; at < VSS_DISK_HEAD_SIZE; at += SECTOR)
		if (memcmp(head + at, wish->old_head + at, SECTOR) && memcmp(head + at, wish->new_head + at, SECTOR))
			return false;
	return true;
}

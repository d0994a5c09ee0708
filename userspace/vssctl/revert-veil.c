// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lowering and lifting the veil.
 *
 * While either goes on, the record is VSS_DISK_REVERT_HEAD with the veil and the other head,
 * and the veil itself has the hashes of what else is in front: so whatever a power failure
 * leaves, each sector of the front is known, or somebody else has written it.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "disk-hash.h"
#include "pieces.h"
#include "revert-veil.h"

#define SECTOR	((size_t)512)
#define REST	(VSS_DISK_FRONT_SIZE - VSS_DISK_HEAD_SIZE)	/* of the front, behind the head */

_Static_assert(sizeof(struct vss_disk_veil) == VSS_DISK_HEAD_SIZE, "it takes the place of the head");
_Static_assert(VSS_DISK_FRONT_SECTORS * SECTOR == REST, "each sector has a hash");

static uint32_t crc_of(const struct vss_disk_veil *veil)
{
	return vssctl_disk_crc(veil, sizeof(*veil), offsetof(struct vss_disk_veil, crc));
}

static uint64_t hash_of(const uint8_t *front, size_t sector)
{
	return XXH64(front + VSS_DISK_HEAD_SIZE + sector * SECTOR, SECTOR, 0);
}

/* ---- whether there is one ---- */

static bool read_veil(const uint8_t head[VSS_DISK_HEAD_SIZE], struct vss_disk_veil *veil)
{
	memcpy(veil, head, sizeof(*veil));
	return !memcmp(veil->magic, VSS_DISK_VEIL_MAGIC, sizeof(veil->magic)) &&
	       le32toh(veil->size) == sizeof(*veil) && le32toh(veil->crc) == crc_of(veil);
}

bool vssctl_looks_veiled(const uint8_t head[VSS_DISK_HEAD_SIZE], struct vss_uuid *snapshot)
{
	struct vss_disk_veil veil;

	memcpy(&veil, head, sizeof(veil));
	if (memcmp(veil.magic, VSS_DISK_VEIL_MAGIC, sizeof(veil.magic)))
		return false;
	memcpy(snapshot->bytes, veil.snapshot, sizeof(snapshot->bytes));
	return true;
}

static bool get_veil(const struct vssctl_wish *wish, struct vss_disk_veil *veil)
{
	return wish->heads_known && read_veil(wish->old_head, veil) &&
	       !memcmp(veil->snapshot, wish->snapshot.bytes, sizeof(veil->snapshot));
}

bool vssctl_wish_is_veiled(const struct vssctl_wish *wish)
{
	struct vss_disk_veil veil;

	return get_veil(wish, &veil);
}

static bool is_zero(const uint8_t *sector)
{
	static const uint8_t zero[SECTOR];

	return !memcmp(sector, zero, SECTOR);
}

/* Behind the head each sector is hidden, or has the hash in @a or @b, where there are these. */
static bool rest_is_known(const uint8_t *front, const __le64 *a, const __le64 *b)
{
	for (size_t i = 0; i < VSS_DISK_FRONT_SECTORS; i++) {
		const __le64 hash = htole64(hash_of(front, i));

		if (!is_zero(front + VSS_DISK_HEAD_SIZE + i * SECTOR) && !(a && hash == a[i]) && !(b && hash == b[i]))
			return false;
	}
	return true;
}

/* A sector that only the veil has.  While it is written there is no other. */
static bool shows_veil(const struct vssctl_wish *wish, const uint8_t *head)
{
	for (size_t at = 0; at < VSS_DISK_HEAD_SIZE; at += SECTOR)
		if (!memcmp(head + at, wish->old_head + at, SECTOR) && memcmp(head + at, wish->new_head + at, SECTOR))
			return true;
	return wish->state == VSS_DISK_REVERT_WRITING;
}

/* @veil: NULL without one */
static enum vssctl_front judge(const struct vssctl_wish *wish, const uint8_t *front, const struct vss_disk_veil *veil)
{
	const bool either = wish->state == VSS_DISK_REVERT_HEAD;

	if (!vssctl_wish_is_head(wish, front))
		return VSSCTL_FRONT_FOREIGN;
	if (!veil)
		return VSSCTL_FRONT_OURS;
	if (!shows_veil(wish, front))
		return VSSCTL_FRONT_SHOWN;
	return rest_is_known(front, either ? veil->old_front : NULL, either ? veil->new_front : NULL) ?
	       VSSCTL_FRONT_OURS : VSSCTL_FRONT_FOREIGN;
}

enum vssctl_front vssctl_wish_look(const struct vssctl_wish *wish, int volume)
{
	struct vss_disk_veil veil;
	const bool veiled = get_veil(wish, &veil);
	const size_t size = veiled ? VSS_DISK_FRONT_SIZE : VSS_DISK_HEAD_SIZE;
	/* Aligned, for the file may be open for direct I/O. */
	uint8_t *front = aligned_alloc(VSS_DISK_HEAD_SIZE, size);
	enum vssctl_front found = VSSCTL_FRONT_UNKNOWN;

	if (front && !vssctl_read_piece(volume, front, size, 0))
		found = judge(wish, front, veiled ? &veil : NULL);
	free(front);
	return found;
}

/* ---- lowering and lifting ---- */

/* Not changed when it fails: what is on disk then may be either. */
static int record(struct vssctl_veiling *v, uint32_t state, const char **what)
{
	const uint32_t before = v->wish.state;
	int ret;

	*what = "record on the diff area's device how far it is";
	v->wish.state = state;
	ret = vssctl_wish_write(v->device, v->area, &v->wish);
	if (ret)
		v->wish.state = before;
	else
		v->wish.heads_known = true;
	return ret;
}

static int write_at(int fd, const uint8_t *data, size_t size, size_t at)
{
	int ret = vssctl_write_piece(fd, data, size, at);

	return ret ?: fdatasync(fd) ? -errno : 0;
}

static int write_head(const struct vssctl_veiling *v, const uint8_t *front, const char **what)
{
	*what = "write the volume's first bytes";
	return write_at(v->origin, front, VSS_DISK_HEAD_SIZE, 0);
}

static int write_rest(const struct vssctl_veiling *v, const uint8_t *front, const char **what)
{
	*what = "write the volume's first bytes";
	return write_at(v->origin, front + VSS_DISK_HEAD_SIZE, REST, VSS_DISK_HEAD_SIZE);
}

static int read_fronts(const struct vssctl_veiling *v, uint8_t *new, uint8_t *old, const char **what)
{
	int ret = vssctl_read_piece(v->image, new, VSS_DISK_FRONT_SIZE, 0);

	*what = "read the snapshot's first bytes";
	if (ret || !old)
		return ret;
	*what = "read the volume's first bytes";
	return vssctl_read_piece(v->origin, old, VSS_DISK_FRONT_SIZE, 0);
}

static int make_veil(struct vssctl_veiling *v, const uint8_t *new, const uint8_t *old)
{
	struct vss_disk_veil veil = { .size = htole32(sizeof(veil)) };
	char id[VSS_UUID_TEXT_SIZE];
	struct vss_uuid name;
	int ret = vss_uuid_generate(&name);

	if (ret)
		return ret;
	memcpy(veil.magic, VSS_DISK_VEIL_MAGIC, sizeof(veil.magic));
	memcpy(veil.area, v->area, sizeof(veil.area));
	memcpy(veil.snapshot, v->wish.snapshot.bytes, sizeof(veil.snapshot));
	memcpy(veil.name, name.bytes, sizeof(veil.name));
	snprintf((char *)veil.text, sizeof(veil.text), "\n\nThis volume is being set back to the shadow copy %s, and "
		 "holds a mixture of two contents.\nLoad its diff area, and the revert goes on.\n\n",
		 vss_uuid_format(&v->wish.snapshot, id));
	for (size_t i = 0; i < VSS_DISK_FRONT_SECTORS; i++) {
		veil.old_front[i] = htole64(hash_of(old, i));
		veil.new_front[i] = htole64(hash_of(new, i));
	}
	veil.crc = htole32(crc_of(&veil));
	memcpy(v->wish.old_head, &veil, sizeof(veil));
	memcpy(v->wish.new_head, old, VSS_DISK_HEAD_SIZE);
	return 0;
}

/* Before the first sector is hidden it is known what it may be. */
static int begin(struct vssctl_veiling *v, uint8_t *buffer, const char **what)
{
	uint8_t *new = buffer, *old = buffer + VSS_DISK_FRONT_SIZE;
	int ret = read_fronts(v, new, old, what);

	if (ret)
		return ret;
	/* What is on record of another one must not name the heads that change. */
	*what = "remove an older record from the diff area's device";
	ret = v->wish.state ? vssctl_wish_clear(v->device) : 0;
	if (ret)
		return ret;
	v->wish.state = 0;
	v->wish.heads_known = false;
	*what = "get a random number";
	ret = make_veil(v, new, old);
	if (ret)
		return ret;
	ret = record(v, VSS_DISK_REVERT_HEAD, what);
	/* It may be there all the same, of a volume that is not hidden: that does no harm. */
	if (ret)
		vssctl_wish_clear(v->device);
	return ret;
}

int vssctl_veil_lower(struct vssctl_veiling *v, const char **what)
{
	uint8_t *buffer = aligned_alloc(VSS_DISK_HEAD_SIZE, 2 * VSS_DISK_FRONT_SIZE);
	int ret = buffer ? 0 : -ENOMEM;

	*what = "get memory";
	if (!ret && !vssctl_wish_is_veiled(&v->wish))
		ret = begin(v, buffer, what);
	if (!ret) {
		memset(buffer, 0, VSS_DISK_FRONT_SIZE);
		memcpy(buffer, v->wish.old_head, VSS_DISK_HEAD_SIZE);
		/* In this order, and back in the other, what can be mounted has one content. */
		ret = write_head(v, buffer, what) ?: write_rest(v, buffer, what);
	}
	free(buffer);
	if (ret)
		return ret;
	memcpy(v->wish.new_head, v->wish.old_head, VSS_DISK_HEAD_SIZE);
	return record(v, VSS_DISK_REVERT_WRITING, what);
}

int vssctl_veil_lift(struct vssctl_veiling *v, const char **what)
{
	uint8_t *front = aligned_alloc(VSS_DISK_HEAD_SIZE, VSS_DISK_FRONT_SIZE);
	int ret = 0;

	*what = "get memory";
	if (!front)
		return -ENOMEM;
	/* The other head on record must not change. */
	if (v->wish.state != VSS_DISK_REVERT_WRITING)
		ret = vssctl_veil_lower(v, what);
	ret = ret ?: read_fronts(v, front, NULL, what);
	if (!ret) {
		memcpy(v->wish.new_head, front, VSS_DISK_HEAD_SIZE);
		ret = record(v, VSS_DISK_REVERT_HEAD, what);
	}
	ret = ret ?: write_rest(v, front, what) ?: write_head(v, front, what);
	free(front);
	return ret;
}

static bool is_old_front(const struct vss_disk_veil *veil, const uint8_t *front)
{
	for (size_t i = 0; i < VSS_DISK_FRONT_SECTORS; i++)
		if (hash_of(front, i) != le64toh(veil->old_front[i]))
			return false;
	return true;
}

int vssctl_veil_put_back(int volume, const struct vss_uuid *snapshot, const uint8_t *front)
{
	uint8_t *now = aligned_alloc(VSS_DISK_HEAD_SIZE, VSS_DISK_FRONT_SIZE);
	int ret = now ? vssctl_read_piece(volume, now, VSS_DISK_FRONT_SIZE, 0) : -ENOMEM;
	struct vss_disk_veil veil;

	if (!ret && (!read_veil(now, &veil) || memcmp(veil.snapshot, snapshot->bytes, sizeof(veil.snapshot)) ||
		     !rest_is_known(now, veil.old_front, NULL) || !is_old_front(&veil, front)))
		ret = -ESTALE;
	if (!ret) {
		/* Aligned, which the caller's need not be. */
		memcpy(now, front, VSS_DISK_FRONT_SIZE);
		ret = write_at(volume, now + VSS_DISK_HEAD_SIZE, REST, VSS_DISK_HEAD_SIZE) ?:
		      write_at(volume, now, VSS_DISK_HEAD_SIZE, 0);
	}
	free(now);
	return ret;
}

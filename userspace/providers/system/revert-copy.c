// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The work of a revert: the image of a shadow copy is compared with its volume, and
 * what differs is written.
 *
 * The image is read while the volume is written.  What differs was copied before it was
 * changed, so the image has it from the diff area and does not change with the volume;
 * what it has from the volume is the same there, and not written.  So no copy is made
 * and no room taken, and it can be begun again from the start at any time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "revert.h"

#define PIECE	((size_t)1 << 20)	/* compared at a time */
#define BLOCK	((size_t)16 << 10)	/* written or not; that of a chunk, mostly */
#define ALIGN	4096			/* of memory, for direct I/O */

static int read_piece(int fd, void *buffer, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t got = pread(fd, buffer, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		buffer = (char *)buffer + got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static int write_piece(int fd, const char *buffer, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t put = pwrite(fd, buffer, size, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		buffer += put;
		size -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

/* Write the runs of blocks in which the two differ. */
static int write_differences(int origin, const char *new, const char *old, size_t size, uint64_t offset)
{
	size_t at = 0;

	while (at < size) {
		size_t from = at, block = size - at < BLOCK ? size - at : BLOCK;
		int ret;

		while (at < size && memcmp(new + at, old + at, block)) {
			at += block;
			block = size - at < BLOCK ? size - at : BLOCK;
		}
		if (at == from) {
			at += block;
			continue;
		}
		ret = write_piece(origin, new + from, at - from, offset + from);
		if (ret)
			return ret;
	}
	return 0;
}

static int fail(struct vss_error *err, int ret, const char *what, uint64_t offset)
{
	return vss_error_set(err, ret, VSS_E_REVERT_VOLUME_LOST, "cannot %s at byte %llu: %s", what,
			     (unsigned long long)offset, strerror(-ret));
}

int revert_copy(int image, int origin, uint64_t size, atomic_uint *percent, const atomic_bool *stop,
		struct vss_error *err)
{
	_cleanup_free_ char *memory = aligned_alloc(ALIGN, 2 * PIECE);
	char *new = memory, *old = memory ? memory + PIECE : NULL;
	int ret;

	if (!memory)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	for (uint64_t offset = 0; offset < size;) {
		size_t piece = size - offset < PIECE ? (size_t)(size - offset) : PIECE;

		if (atomic_load(stop))
			return -ECANCELED;
		ret = read_piece(image, new, piece, offset);
		if (ret)
			return fail(err, ret, "read the shadow copy", offset);
		ret = read_piece(origin, old, piece, offset);
		if (ret)
			return fail(err, ret, "read the volume", offset);
		ret = write_differences(origin, new, old, piece, offset);
		if (ret)
			return fail(err, ret, "write the volume", offset);
		offset += piece;
		/* 100 is when it is on disk. */
		atomic_store(percent, (unsigned int)(offset * 99 / size));
	}
	return fsync(origin) ? fail(err, -errno, "flush the volume", size) : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing whole pieces.
 */
#include <errno.h>
#include <unistd.h>

#include "pieces.h"

int vssctl_read_piece(int fd, void *buffer, size_t size, uint64_t at)
{
	uint8_t *to = buffer;

	while (size) {
		ssize_t got = pread(fd, to, size, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		to += got;
		size -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

int vssctl_write_piece(int fd, const void *buffer, size_t size, uint64_t at)
{
	const uint8_t *from = buffer;

	while (size) {
		ssize_t put = pwrite(fd, from, size, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		from += put;
		size -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

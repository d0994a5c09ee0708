// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checksum of all that a diff area has on disk beside the copies: CRC-32C.
 */
#include "disk.h"

uint32_t vssctl_crc32c(uint32_t crc, const void *data, size_t size)
{
	/* By half bytes: small, and fast enough for what is read from a disk. */
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *p = data;

	crc = ~crc;
	while (size--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

uint32_t vssctl_disk_crc(const void *block, size_t size, size_t at)
{
	static const uint8_t zero[4];
	const uint8_t *p = block;
	uint32_t crc = vssctl_crc32c(0, p, at);

	crc = vssctl_crc32c(crc, zero, sizeof(zero));
	return vssctl_crc32c(crc, p + at + 4, size - at - 4);
}

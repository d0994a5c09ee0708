// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scribble DEV COUNT SEED: overwrites COUNT random blocks of 4 KiB, beside the page
 * cache, with content that no other block has.  The same SEED chooses the same blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BLOCK	4096

/* xorshift64*, which is quick and random enough. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static int failed(const char *what, const char *path)
{
	fprintf(stderr, "scribble: cannot %s %s: %s\n", what, path, strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static uint64_t block[BLOCK / sizeof(uint64_t)] __attribute__((aligned(BLOCK)));
	uint64_t where, what;
	off_t blocks;
	int fd;

	if (argc != 4) {
		fputs("usage: scribble DEV COUNT SEED\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_DIRECT);
	if (fd < 0)
		return failed("open", argv[1]);
	blocks = lseek(fd, 0, SEEK_END) / BLOCK;
	where = strtoull(argv[3], NULL, 10) * 2 + 1;
	if (blocks <= 0 || getrandom(&what, sizeof(what), 0) != sizeof(what))
		return failed("write to", argv[1]);
	what |= 1;
	for (long i = atol(argv[2]); i > 0; i--) {
		off_t at = (off_t)(next(&where) % (uint64_t)blocks) * BLOCK;

		for (size_t k = 0; k < BLOCK / sizeof(block[0]); k++)
			block[k] = next(&what);
		if (pwrite(fd, block, BLOCK, at) != BLOCK)
			return failed("write to", argv[1]);
	}
	close(fd);
	return EXIT_SUCCESS;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * same: compares block devices or files to the last byte, two by two, and tells
 * where they differ. Devices are read past the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define die(...)	die_with(2, __VA_ARGS__)

#define PIECE	(1U << 20)
#define SECTOR	512U
#define MAX_ZERO 4096
#define BLOCK	4096U		/* what is read by itself where more cannot be read at once */

struct side {
	const char *path;
	int fd;
	uint64_t size;
	unsigned char *data;
};

struct range {
	uint64_t start, end;
};

static struct range zero[MAX_ZERO];
static size_t zero_count;
static bool errors_allowed;
static struct side either;	/* a sector may be as there, too */

static void open_side(struct side *s, const char *path)
{
	struct stat st;

	s->path = path;
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st))
		die("%s: %m", path);
	s->size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(s->fd, BLKGETSIZE64, &s->size))
			die("%s: %m", path);
		close(s->fd);
		s->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (s->fd < 0)
			die("%s: %m", path);
	}
	s->data = aligned_alloc(4096, PIECE);
	if (!s->data)
		die("out of memory");
}

static void close_side(struct side *s)
{
	close(s->fd);
	free(s->data);
}

static void read_side(struct side *s, uint64_t at, size_t n)
{
	ssize_t got = pread(s->fd, s->data, n, (off_t)at);

	if (got < 0)
		die("reading %s at %llu: %m", s->path, (unsigned long long)at);
	if ((size_t)got != n)
		die("reading %s at %llu: short", s->path, (unsigned long long)at);
}

/*
 * Reads both, but what the first one gives EIO for only from the second, so that it is
 * no difference.  Returns the number of bytes that could not be read.
 */
static uint64_t read_readable(struct side *a, struct side *b, uint64_t at, size_t n)
{
	uint64_t missing = 0;

	read_side(b, at, n);
	if (pread(a->fd, a->data, n, (off_t)at) == (ssize_t)n)
		return 0;
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t m = n - i < BLOCK ? n - i : BLOCK;
		ssize_t got = pread(a->fd, a->data + i, m, (off_t)(at + i));

		if (got == (ssize_t)m)
			continue;
		if (got >= 0 || errno != EIO)
			die("reading %s at %llu: %zd, %m", a->path, (unsigned long long)(at + i), got);
		memcpy(a->data + i, b->data + i, m);
		missing += m;
	}
	return missing;
}

static void load_zero(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long long start, length;

	if (!f)
		die("%s: %m", path);
	while (fscanf(f, "%llu %llu", &start, &length) == 2) {
		if (zero_count == MAX_ZERO)
			die("%s: too many ranges", path);
		zero[zero_count++] = (struct range){ start, start + length };
	}
	fclose(f);
}

static bool must_be_zero(uint64_t at)
{
	for (size_t i = 0; i < zero_count; i++)
		if (at >= zero[i].start && at < zero[i].end)
			return true;
	return false;
}

/* What stands at the start of a sector is most telling. */
static void show(const unsigned char *data)
{
	for (int i = 0; i < 8; i++)
		fprintf(stderr, "%02x", data[i]);
}

/* Are both the same in their first @length bytes, 0 being all? */
static bool compare(const char *path_a, const char *path_b, uint64_t length)
{
	static const unsigned char zeroes[SECTOR];
	uint64_t bad = 0, ranges = 0, last = UINT64_MAX, missing = 0, others = 0;
	struct side a, b;

	open_side(&a, path_a);
	open_side(&b, path_b);
	if (length) {
		a.size = a.size < length ? a.size : length;
		b.size = b.size < length ? b.size : length;
	}
	if (either.path && either.size < a.size)
		die("%s is too short", either.path);
	if (a.size != b.size) {
		fprintf(stderr, "same: %s has %llu bytes, %s has %llu\n", a.path,
			(unsigned long long)a.size, b.path, (unsigned long long)b.size);
		return false;
	}
	for (uint64_t at = 0; at < a.size; at += PIECE) {
		size_t n = a.size - at < PIECE ? (size_t)(a.size - at) : PIECE;

		if (errors_allowed) {
			missing += read_readable(&a, &b, at, n);
		} else {
			read_side(&a, at, n);
			read_side(&b, at, n);
		}
		if (either.path)
			read_side(&either, at, n);
		if (!zero_count && !memcmp(a.data, b.data, n))
			continue;
		for (size_t i = 0; i < n; i += SECTOR) {
			size_t m = n - i < SECTOR ? n - i : SECTOR;
			const unsigned char *want = must_be_zero(at + i) ? zeroes : b.data + i;

			if (!memcmp(a.data + i, want, m))
				continue;
			if (either.path && !memcmp(a.data + i, either.data + i, m)) {
				others++;
				continue;
			}
			bad++;
			if (last != at + i && ranges++ < 16) {
				fprintf(stderr, "same: differ from byte %llu: ",
					(unsigned long long)(at + i));
				show(a.data + i);
				fprintf(stderr, "... instead of ");
				show(want);
				fprintf(stderr, "...\n");
			}
			last = at + i + SECTOR;
		}
	}
	close_side(&a);
	close_side(&b);
	if (errors_allowed)
		printf("read=%llu missing=%llu\n", (unsigned long long)(a.size - missing),
		       (unsigned long long)missing);
	if (either.path)
		printf("%llu sectors are those of %s\n", (unsigned long long)others, either.path);
	if (!bad)
		return true;
	fprintf(stderr, "same: %s and %s differ in %llu sectors, in %llu runs\n", a.path, b.path,
		(unsigned long long)bad, (unsigned long long)ranges);
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "length", required_argument, NULL, 'l' },
		{ "zero", required_argument, NULL, 'z' },
		{ "or-error", no_argument, NULL, 'e' },
		{ "either", required_argument, NULL, 'E' },
		{ 0 },
	};
	uint64_t length = 0;
	int opt, result = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'z')
			load_zero(optarg);
		else if (opt == 'l')
			length = strtoull(optarg, NULL, 0);
		else if (opt == 'e')
			errors_allowed = true;
		else if (opt == 'E')
			open_side(&either, optarg);
		else
			goto usage;
	}
	if (optind == argc || (argc - optind) % 2)
		goto usage;
	for (int i = optind; i < argc; i += 2)
		if (!compare(argv[i], argv[i + 1], length))
			result = 1;
	return result;
usage:
	fputs("usage: same [--length BYTES] [--zero FILE] [--or-error] [--either FILE] A B [C D]...\n"
	      "Compares the first BYTES, or all.  With --or-error, what A gives EIO for is no\n"
	      "difference; how many bytes were read and how many were missing is printed.\n"
	      "FILE has lines \"START LENGTH\", bytes: there A must be zeroes, whatever B is.\n"
	      "With --either, each sector may also be what the file has: how many are is printed.\n",
	      stderr);
	return 2;
}

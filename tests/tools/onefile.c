// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * onefile: does to one file all that can be done to a file's content and size, in random
 * order, and compares with a model of it in memory all the time.
 *
 *   onefile [--seed N] [--count N] [--size BYTES] FILE
 *
 * Written: through the cache, past it, by mmap; made shorter and longer; punched, zeroed,
 * allocated; pieces cut out of it and put into it; copied within it. Read: through the
 * cache, past it, by mmap. What the file system does not know is left out from then on.
 * --count 0 goes on until SIGTERM. In the end the file is read past the cache once more,
 * and counts are printed as words NAME=VALUE.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#define BLOCK	4096U		/* what is cut out of a file, or past the cache, is a multiple */

enum op {
	WRITE, DIRECT, MMAP_WRITE, TRUNCATE, PUNCH, ZERO, ALLOCATE, CUT_OUT, PUT_IN, COPY,
	READ, DIRECT_READ, MMAP_READ, SYNC, REOPEN, OPS
};

static const char *const names[OPS] = {
	"write", "direct", "mmap-write", "truncate", "punch", "zero", "allocate", "cut-out",
	"put-in", "copy", "read", "direct-read", "mmap-read", "sync", "reopen",
};

struct file {
	const char *path;
	int fd;
	int direct;
	uint64_t random;
	uint64_t max;		/* largest size */
	uint64_t size;
	unsigned char *model;
	unsigned char *buffer;
	bool unknown[OPS];
	uint64_t done[OPS];
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t next(struct file *f)
{
	return next_random(&f->random);
}

static uint64_t below(struct file *f, uint64_t limit)
{
	return next(f) % limit;
}

static void open_file(struct file *f)
{
	f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f->direct = open(f->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (f->fd < 0 || f->direct < 0)
		die("%s: %m", f->path);
}

static void close_file(struct file *f)
{
	if (close(f->fd) || close(f->direct))
		die("close: %m");
}

static void compare(const struct file *f, const void *data, uint64_t at, uint64_t n, const char *how)
{
	const unsigned char *is = data, *want = f->model + at;

	for (uint64_t i = 0; i < n; i++)
		if (is[i] != want[i])
			die("%s of %llu at %llu: byte %llu is %02x instead of %02x", how,
			    (unsigned long long)n, (unsigned long long)at,
			    (unsigned long long)(at + i), is[i], want[i]);
}

static void check_size(const struct file *f)
{
	struct stat st;

	if (fstat(f->fd, &st))
		die("fstat: %m");
	if ((uint64_t)st.st_size != f->size)
		die("the size is %lld instead of %llu", (long long)st.st_size,
		    (unsigned long long)f->size);
}

/* A range that may reach beyond the file's end, but not beyond the largest size. */
static void draw(struct file *f, uint64_t unit, uint64_t limit, uint64_t *at, uint64_t *n)
{
	uint64_t longest = below(f, 4) ? limit / 32 : limit / 4;

	*n = (1 + below(f, longest)) / unit * unit;
	if (!*n)
		*n = unit;
	*at = below(f, limit - *n + 1) / unit * unit;
}

static void grown(struct file *f, uint64_t end)
{
	if (end > f->size)
		f->size = end;
}

/* The model beyond the end holds zeroes. */
static void set_size(struct file *f, uint64_t size)
{
	if (size < f->size)
		memset(f->model + size, 0, f->size - size);
	f->size = size;
}

static void put(struct file *f, uint64_t at, uint64_t n)
{
	uint64_t value = next(f);

	for (uint64_t i = 0; i < n; i++) {
		if (!(i % 8))
			value = value * 6364136223846793005ULL + 1442695040888963407ULL;
		f->buffer[i] = (unsigned char)(value >> (i % 8 * 8));
	}
	memcpy(f->model + at, f->buffer, n);
	grown(f, at + n);
}

static void write_file(struct file *f, int fd, uint64_t unit, const char *how)
{
	uint64_t at, n;

	draw(f, unit, f->max, &at, &n);
	put(f, at, n);
	if (pwrite(fd, f->buffer, n, (off_t)at) != (ssize_t)n)
		die("%s of %llu at %llu: %m", how, (unsigned long long)n, (unsigned long long)at);
}

static void read_file(struct file *f, int fd, uint64_t unit, const char *how)
{
	uint64_t at, n;
	ssize_t got;

	if (f->size < unit)
		return;
	draw(f, unit, f->size, &at, &n);
	got = pread(fd, f->buffer, n, (off_t)at);
	if (got != (ssize_t)n)
		die("%s of %llu at %llu: %zd, %m", how, (unsigned long long)n,
		    (unsigned long long)at, got);
	compare(f, f->buffer, at, n, how);
}

static void by_mmap(struct file *f, bool write)
{
	uint64_t at, n, from;
	unsigned char *map;

	if (!f->size)
		return;
	draw(f, 1, f->size, &at, &n);
	from = at / BLOCK * BLOCK;
	map = mmap(NULL, at + n - from, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, (off_t)from);
	if (map == MAP_FAILED)
		die("mmap: %m");
	if (write) {
		put(f, at, n);
		memcpy(map + (at - from), f->buffer, n);
		if (!below(f, 3) && msync(map, at + n - from, MS_SYNC))
			die("msync: %m");
	} else {
		compare(f, map + (at - from), at, n, "mmap-read");
	}
	munmap(map, at + n - from);
}

/* False: the file system does not know it. */
static bool allocate(struct file *f, int mode, uint64_t at, uint64_t n, const char *how)
{
	if (!fallocate(f->fd, mode, (off_t)at, (off_t)n))
		return true;
	if (errno != EOPNOTSUPP)
		die("%s of %llu at %llu: %m", how, (unsigned long long)n, (unsigned long long)at);
	return false;
}

static bool punch_or_zero(struct file *f, bool zero)
{
	bool keep = !zero || below(f, 2);
	uint64_t at, n;

	draw(f, 1, f->max, &at, &n);
	if (!allocate(f, (zero ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) |
		      (keep ? FALLOC_FL_KEEP_SIZE : 0), at, n, zero ? "zero" : "punch"))
		return false;
	if (!keep)
		grown(f, at + n);
	if (at < f->size)
		memset(f->model + at, 0, (at + n < f->size ? at + n : f->size) - at);
	return true;
}

static bool cut_out(struct file *f)
{
	uint64_t at, n;

	if (f->size < 3 * BLOCK)
		return true;
	draw(f, BLOCK, f->size - BLOCK, &at, &n);
	if (at + n >= f->size)
		return true;
	if (!allocate(f, FALLOC_FL_COLLAPSE_RANGE, at, n, "cut-out"))
		return false;
	memmove(f->model + at, f->model + at + n, f->size - at - n);
	set_size(f, f->size - n);
	return true;
}

static bool put_in(struct file *f)
{
	uint64_t at, n;

	if (f->size < 3 * BLOCK)
		return true;
	draw(f, BLOCK, f->size - BLOCK, &at, &n);
	if (f->size + n > f->max)
		return true;
	if (!allocate(f, FALLOC_FL_INSERT_RANGE, at, n, "put-in"))
		return false;
	memmove(f->model + at + n, f->model + at, f->size - at);
	memset(f->model + at, 0, n);
	f->size += n;
	return true;
}

static bool copy(struct file *f)
{
	uint64_t at, n, to;

	if (f->size < 2)
		return true;
	draw(f, 1, f->size, &at, &n);
	to = below(f, f->max - n + 1);
	/* Of ranges that overlap the kernel says EINVAL. */
	if (to < at + n && at < to + n)
		return true;
	for (uint64_t done = 0; done < n;) {
		off_t in = (off_t)(at + done), out = (off_t)(to + done);
		ssize_t got = copy_file_range(f->fd, &in, f->fd, &out, n - done, 0);

		if (got <= 0) {
			if (errno == EOPNOTSUPP || errno == EXDEV)
				return false;
			die("copy of %llu from %llu to %llu: %zd, %m", (unsigned long long)n,
			    (unsigned long long)at, (unsigned long long)to, got);
		}
		done += (uint64_t)got;
	}
	memcpy(f->model + to, f->model + at, n);
	grown(f, to + n);
	return true;
}

static bool operate(struct file *f, enum op op)
{
	uint64_t at, n;

	switch (op) {
	case WRITE:
		write_file(f, f->fd, 1, "write");
		break;
	case DIRECT:
		write_file(f, f->direct, BLOCK, "direct");
		break;
	case MMAP_WRITE:
	case MMAP_READ:
		by_mmap(f, op == MMAP_WRITE);
		break;
	case TRUNCATE:
		n = below(f, f->max + 1);
		if (ftruncate(f->fd, (off_t)n))
			die("truncate to %llu: %m", (unsigned long long)n);
		set_size(f, n);
		break;
	case PUNCH:
	case ZERO:
		return punch_or_zero(f, op == ZERO);
	case ALLOCATE:
		draw(f, 1, f->max, &at, &n);
		if (!allocate(f, 0, at, n, "allocate"))
			return false;
		grown(f, at + n);
		break;
	case CUT_OUT:
		return cut_out(f);
	case PUT_IN:
		return put_in(f);
	case COPY:
		return copy(f);
	case READ:
		read_file(f, f->fd, 1, "read");
		break;
	case DIRECT_READ:
		read_file(f, f->direct, BLOCK, "direct-read");
		break;
	case SYNC:
		if (fsync(f->fd))
			die("fsync: %m");
		break;
	case REOPEN:
		close_file(f);
		open_file(f);
		break;
	default:
		break;
	}
	return true;
}

static void compare_all(struct file *f)
{
	if (fsync(f->fd))
		die("fsync: %m");
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
	for (uint64_t at = 0; at < f->size; at += f->max / 4) {
		uint64_t n = f->size - at < f->max / 4 ? f->size - at : f->max / 4;

		if (pread(f->fd, f->buffer, n, (off_t)at) != (ssize_t)n)
			die("read of %llu at %llu: %m", (unsigned long long)n, (unsigned long long)at);
		compare(f, f->buffer, at, n, "last read");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 'm' },
		{ 0 },
	};
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct file f = { .random = 1, .max = 1 << 20 };
	uint64_t count = 1000, i;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's': f.random = strtoull(optarg, NULL, 0); break;
		case 'n': count = strtoull(optarg, NULL, 0); break;
		case 'm': f.max = strtoull(optarg, NULL, 0) / BLOCK * BLOCK; break;
		default: goto usage;
		}
	}
	if (optind != argc - 1 || f.max < 64 * BLOCK)
		goto usage;
	f.path = argv[optind];
	f.model = calloc(1, f.max);
	f.buffer = aligned_alloc(BLOCK, f.max);
	if (!f.model || !f.buffer)
		die("out of memory");
	sigaction(SIGTERM, &action, NULL);
	open_file(&f);
	if (ftruncate(f.fd, 0))
		die("%s: %m", f.path);
	for (i = 0; !stop && (!count || i < count); i++) {
		enum op op = (enum op)below(&f, OPS);

		if (f.unknown[op])
			continue;
		if (operate(&f, op))
			f.done[op]++;
		else
			f.unknown[op] = true;
		check_size(&f);
	}
	compare_all(&f);
	close_file(&f);
	for (int op = 0; op < OPS; op++)
		if (f.done[op])
			printf("%s=%llu ", names[op], (unsigned long long)f.done[op]);
	printf("operations=%llu\n", (unsigned long long)i);
	return 0;
usage:
	fputs("usage: onefile [--seed N] [--count N] [--size BYTES] FILE\n", stderr);
	return 2;
}

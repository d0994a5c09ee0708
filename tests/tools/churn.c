// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * churn: changes a block device in every way there is, reproducibly.
 *
 * What, where, how long and by which way is drawn from a generator with a seed.
 * A model of the device is kept in memory; at the end the device is read past
 * all caches and must hold what the model holds.  A discard is a hint: after it
 * each sector holds zeroes or what it held before.
 *
 * Printed in the end are counts as words NAME=VALUE, among them "chunks", the
 * number of chunks that were touched at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#define SECTOR		512ULL
#define PAGE		4096ULL
#define URING_DEPTH	8
#define MAX_JOBS	16

enum way { BUFFERED, DIRECT, VECTOR, URING, MMAP, DSYNC, FLUSH, DISCARD, ZERO, PUNCH, WAYS };

static const char *const way_names[WAYS] = {
	[BUFFERED] = "buffered",	/* through the page cache */
	[DIRECT] = "direct",		/* O_DIRECT */
	[VECTOR] = "vector",		/* O_DIRECT from many small buffers */
	[URING] = "uring",		/* io_uring, O_DIRECT, RWF_NOWAIT, several at once */
	[MMAP] = "mmap",
	[DSYNC] = "dsync",		/* O_DIRECT with O_DSYNC: FUA */
	[FLUSH] = "flush",		/* O_DIRECT and a flush after it */
	[DISCARD] = "discard",
	[ZERO] = "zero",		/* write-zeroes, or zeroes if the device knows none */
	[PUNCH] = "punch",		/* write-zeroes or nothing */
};

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

struct churn {
	/* What was asked for. */
	const char *device;
	uint64_t seed;
	uint64_t count;
	uint64_t seconds;
	uint64_t pause;
	uint64_t offset;
	uint64_t length;
	uint64_t max;
	uint64_t fixed;
	uint64_t chunk;
	unsigned int jobs;
	bool ways[WAYS];
	bool verify;
	bool filling;
	/* State */
	uint64_t random;
	int buffered;
	int direct;
	int dsync;
	struct ring ring;
	unsigned char *model;
	unsigned char *buffer;		/* one sector longer than max, for odd addresses */
	unsigned char *readback;
	unsigned char *touched;
	/* Counts */
	uint64_t done[WAYS];
	uint64_t bytes;
	uint64_t nowait;		/* io_uring writes that succeeded with RWF_NOWAIT */
	uint64_t again;			/* those that had to be done without it */
	uint64_t kept;			/* discarded sectors with their old content */
	uint64_t gone;			/* discarded sectors that are zeroes now */
	uint64_t refused;		/* operations that the device does not know */
};

static volatile sig_atomic_t stop;
static pid_t job_pids[MAX_JOBS];

static void on_signal(int sig)
{
	stop = 1;
	for (int i = 0; i < MAX_JOBS; i++)
		if (job_pids[i] > 0)
			kill(job_pids[i], sig);
}

static uint64_t below(struct churn *c, uint64_t limit)
{
	return next_random(&c->random) % limit;
}

static void fill(unsigned char *to, uint64_t length, uint64_t seed)
{
	while (length) {
		uint64_t value = next_random(&seed);
		uint64_t n = length < 8 ? length : 8;

		memcpy(to, &value, n);
		to += n;
		length -= n;
	}
}

/* ------------------------------------------------------------------------
 * io_uring without its library, which not every build of the tools has.
 */

static void ring_open(struct ring *r)
{
	size_t sq, cq;

	r->fd = (int)syscall(SYS_io_uring_setup, URING_DEPTH, &r->params);
	if (r->fd < 0)
		die("io_uring_setup: %m");
	sq = r->params.sq_off.array + r->params.sq_entries * sizeof(uint32_t);
	cq = r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->params.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED, r->fd, IORING_OFF_SQES);
	if (r->sq == MAP_FAILED || r->cq == MAP_FAILED || r->sqes == MAP_FAILED)
		die("mapping the ring: %m");
}

static void ring_queue(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = (uint32_t *)(r->sq + r->params.sq_off.tail);
	uint32_t mask = *(uint32_t *)(r->sq + r->params.sq_off.ring_mask);
	uint32_t *array = (uint32_t *)(r->sq + r->params.sq_off.array);
	uint32_t index = *tail & mask;

	r->sqes[index] = *sqe;
	array[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static void ring_submit_and_wait(struct ring *r, unsigned int n)
{
	long ret;

	do {
		ret = syscall(SYS_io_uring_enter, r->fd, n, n, IORING_ENTER_GETEVENTS, NULL, 0);
		if (ret > 0)
			n -= (unsigned int)ret;
	} while ((ret < 0 && errno == EINTR) || (ret > 0 && n));
	if (ret < 0)
		die("io_uring_enter: %m");
}

/* The result of the next write that has ended, and which one it was. */
static int ring_reap(struct ring *r, uint64_t *which)
{
	uint32_t *head = (uint32_t *)(r->cq + r->params.cq_off.head);
	uint32_t *tail = (uint32_t *)(r->cq + r->params.cq_off.tail);
	uint32_t mask = *(uint32_t *)(r->cq + r->params.cq_off.ring_mask);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(r->cq + r->params.cq_off.cqes);
	int result;

	while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
		    errno != EINTR)
			die("io_uring_enter: %m");
	*which = cqes[*head & mask].user_data;
	result = cqes[*head & mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

/* ------------------------------------------------------------------------
 * The ways.  Each writes the buffer, or what it stands for, to [at, at + length)
 * of the device.
 */

static void write_at(int fd, const void *data, uint64_t length, uint64_t at, const char *what)
{
	ssize_t n = pwrite(fd, data, length, (off_t)at);

	if (n < 0)
		die("%s write of %llu at %llu: %m", what, (unsigned long long)length,
		    (unsigned long long)at);
	if ((uint64_t)n != length)
		die("%s write of %llu at %llu: only %zd", what, (unsigned long long)length,
		    (unsigned long long)at, n);
}

static void read_at(struct churn *c, void *data, uint64_t length, uint64_t at)
{
	ssize_t n = pread(c->direct, data, length, (off_t)at);

	if (n < 0 || (uint64_t)n != length)
		die("reading %llu at %llu: %zd, %m", (unsigned long long)length,
		    (unsigned long long)at, n);
}

static void write_vector(struct churn *c, uint64_t length, uint64_t at)
{
	struct iovec iov[16];
	uint64_t sectors = length / SECTOR, done = 0;
	int n = 0;

	while (done < sectors) {
		uint64_t part = n == 15 ? sectors - done : 1 + below(c, sectors - done);

		iov[n].iov_base = c->buffer + done * SECTOR;
		iov[n++].iov_len = part * SECTOR;
		done += part;
	}
	if (pwritev(c->direct, iov, n, (off_t)at) != (ssize_t)length)
		die("vectored write of %llu at %llu: %m", (unsigned long long)length,
		    (unsigned long long)at);
}

/* Neighbouring pieces in flight at once, many of them in the same chunk. */
static void write_uring(struct churn *c, uint64_t length, uint64_t at)
{
	uint64_t sectors = length / SECTOR, done = 0;
	struct { uint64_t at, length; } part[URING_DEPTH];
	unsigned int n = 0;

	while (done < sectors) {
		uint64_t take = n == URING_DEPTH - 1 ? sectors - done :
				1 + below(c, (sectors - done + 3) / 4);
		struct io_uring_sqe sqe = {
			.opcode = IORING_OP_WRITE,
			.fd = c->direct,
			.off = at + done * SECTOR,
			.addr = (uintptr_t)(c->buffer + done * SECTOR),
			.len = (uint32_t)(take * SECTOR),
			.rw_flags = RWF_NOWAIT,
			.user_data = n,
		};

		part[n].at = done * SECTOR;
		part[n++].length = take * SECTOR;
		ring_queue(&c->ring, &sqe);
		done += take;
	}
	ring_submit_and_wait(&c->ring, n);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t k;
		int result = ring_reap(&c->ring, &k);

		if (result == (int)part[k].length) {
			c->nowait++;
			continue;
		}
		if (result < 0 && result != -EAGAIN && result != -EOPNOTSUPP)
			die("io_uring write of %llu at %llu: %s", (unsigned long long)part[k].length,
			    (unsigned long long)(at + part[k].at), strerror(-result));
		c->again++;
		write_at(c->direct, c->buffer + part[k].at, part[k].length, at + part[k].at, "direct");
	}
}

static void write_mmap(struct churn *c, uint64_t length, uint64_t at)
{
	uint64_t from = at / PAGE * PAGE;
	char *map = mmap(NULL, at + length - from, PROT_READ | PROT_WRITE, MAP_SHARED, c->buffered,
			 (off_t)from);

	if (map == MAP_FAILED)
		die("mmap of the device: %m");
	memcpy(map + (at - from), c->buffer, length);
	if (below(c, 2) && msync(map, at + length - from, MS_SYNC))
		die("msync: %m");
	munmap(map, at + length - from);
}

static void discard(struct churn *c, uint64_t length, uint64_t at)
{
	const uint64_t from = at / PAGE * PAGE;
	const uint64_t to = (at + length + PAGE - 1) / PAGE * PAGE;
	uint64_t range[2] = { at, length };
	unsigned char *old = c->model + (at - c->offset);
	static const unsigned char zeroes[SECTOR];

	/* What is dirty in the cache would be dropped, and show older content. */
	if (fdatasync(c->buffered))
		die("fdatasync: %m");
	if (ioctl(c->direct, BLKDISCARD, range)) {
		if (errno != EOPNOTSUPP)
			die("discard of %llu at %llu: %m", (unsigned long long)length,
			    (unsigned long long)at);
		c->refused++;
		return;
	}
	read_at(c, c->readback, length, at);
	for (uint64_t i = 0; i < length; i += SECTOR) {
		if (!memcmp(c->readback + i, zeroes, SECTOR)) {
			c->gone++;
			memset(old + i, 0, SECTOR);
		} else if (!memcmp(c->readback + i, old + i, SECTOR)) {
			c->kept++;
		} else {
			die("discard of %llu at %llu left something new at %llu",
			    (unsigned long long)length, (unsigned long long)at,
			    (unsigned long long)(at + i));
		}
	}
	/* The cache may hold zeroes for the parts of pages at the ends. */
	posix_fadvise(c->buffered, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}

static bool zero(struct churn *c, int mode, uint64_t length, uint64_t at)
{
	if (!fallocate(c->buffered, mode | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)length))
		return true;
	if (errno != EOPNOTSUPP)
		die("zeroing of %llu at %llu: %m", (unsigned long long)length,
		    (unsigned long long)at);
	c->refused++;
	return false;
}

static void touch(struct churn *c, uint64_t length, uint64_t at)
{
	for (uint64_t i = at / c->chunk; i <= (at + length - 1) / c->chunk; i++)
		c->touched[i / 8] |= (unsigned char)(1 << i % 8);
}

static uint64_t touched_chunks(const struct churn *c)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i <= (c->offset + c->length) / c->chunk / 8; i++)
		n += (uint64_t)__builtin_popcount(c->touched[i]);
	return n;
}

/* Every sector gets content of its own. */
static void fill_device(struct churn *c)
{
	c->direct = open(c->device, O_WRONLY | O_DIRECT | O_CLOEXEC);
	c->buffer = aligned_alloc(PAGE, 1 << 20);
	if (c->direct < 0 || !c->buffer)
		die("%s: %m", c->device);
	for (uint64_t at = 0; at < c->length; at += 1 << 20) {
		uint64_t n = c->length - at < 1 << 20 ? c->length - at : 1 << 20;

		fill(c->buffer, n, c->seed + at);
		write_at(c->direct, c->buffer, n, c->offset + at, "direct");
	}
	if (fsync(c->direct))
		die("fsync: %m");
}

/* Lengths from one sector, or byte, to the maximum, each magnitude as often. */
static uint64_t draw_length(struct churn *c, uint64_t unit, uint64_t max)
{
	unsigned int bits = 0, floor = 0;
	uint64_t length;

	if (c->fixed)
		return c->fixed < max ? c->fixed : max;
	while (max >> (bits + 1))
		bits++;
	while (unit >> (floor + 1))
		floor++;
	length = 1ULL << (floor + below(c, bits - floor + 1));
	/* A power of two, or something odd. */
	if (below(c, 2))
		length += below(c, length);
	length = length / unit * unit;
	return length < unit ? unit : length > max ? max / unit * unit : length;
}

static uint64_t draw_place(struct churn *c, uint64_t unit, uint64_t length)
{
	uint64_t last = c->length - length, at;

	switch (below(c, 4)) {
	case 0:		/* at a chunk's start */
		at = below(c, last + 1) / c->chunk * c->chunk;
		break;
	case 1:		/* across a chunk's edge */
		at = below(c, last + 1) / c->chunk * c->chunk;
		at += c->chunk - (length / 2 / unit * unit) % c->chunk;
		break;
	case 2:		/* up to the very end, or from the very start */
		at = below(c, 8) ? below(c, last + 1) : below(c, 2) ? last : 0;
		break;
	default:
		at = below(c, last + 1);
	}
	if (at > last)
		at = last;
	return c->offset + at / unit * unit;
}

static void operate(struct churn *c, enum way way)
{
	bool bytewise = way == BUFFERED || way == MMAP;
	uint64_t unit = bytewise && !c->fixed && below(c, 2) ? 1 : SECTOR;
	uint64_t max = c->max < c->length ? c->max : c->length;
	uint64_t length = draw_length(c, unit, max);
	uint64_t at = draw_place(c, unit, length);
	unsigned char *model = c->model + (at - c->offset);
	bool zeroes = way == ZERO || way == PUNCH;

	if (way == DISCARD) {
		discard(c, length, at);
		goto done;
	}
	if (zeroes) {
		if (!zero(c, way == ZERO ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE, length, at))
			return;
		memset(model, 0, length);
		goto done;
	}
	fill(c->buffer, length, next_random(&c->random));
	switch (way) {
	case BUFFERED:
		write_at(c->buffered, c->buffer, length, at, "buffered");
		if (!below(c, 4) && fdatasync(c->buffered))
			die("fdatasync: %m");
		break;
	case DIRECT:
		write_at(c->direct, c->buffer, length, at, "direct");
		break;
	case VECTOR:
		write_vector(c, length, at);
		break;
	case URING:
		write_uring(c, length, at);
		break;
	case MMAP:
		write_mmap(c, length, at);
		break;
	case DSYNC:
		write_at(c->dsync, c->buffer, length, at, "synchronous");
		break;
	case FLUSH:
		write_at(c->direct, c->buffer, length, at, "direct");
		if (fdatasync(c->direct))
			die("fdatasync: %m");
		break;
	default:
		break;
	}
	memcpy(model, c->buffer, length);
done:
	touch(c, length, at);
	c->done[way]++;
	c->bytes += length;
}

static void verify(struct churn *c)
{
	const uint64_t step = 1 << 20;
	uint64_t bad = 0;

	for (uint64_t at = 0; at < c->length; at += step) {
		uint64_t n = c->length - at < step ? c->length - at : step;

		read_at(c, c->readback, n, c->offset + at);
		for (uint64_t i = 0; i < n; i += SECTOR) {
			if (!memcmp(c->readback + i, c->model + at + i, SECTOR))
				continue;
			if (bad++ < 8)
				fprintf(stderr, "churn: %s does not hold what was written at %llu\n",
					c->device, (unsigned long long)(c->offset + at + i));
		}
	}
	if (bad)
		die("%llu sectors of %s are wrong", (unsigned long long)bad, c->device);
}

static uint64_t monotonic_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static void run(struct churn *c)
{
	const uint64_t end = c->seconds ? monotonic_seconds() + c->seconds : 0;
	enum way enabled[WAYS];
	unsigned int n = 0;

	for (int way = 0; way < WAYS; way++)
		if (c->ways[way])
			enabled[n++] = (enum way)way;
	c->random = c->seed;
	c->buffered = open(c->device, O_RDWR | O_CLOEXEC);
	c->direct = open(c->device, O_RDWR | O_DIRECT | O_CLOEXEC);
	c->dsync = open(c->device, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
	if (c->buffered < 0 || c->direct < 0 || c->dsync < 0)
		die("%s: %m", c->device);
	ring_open(&c->ring);
	c->model = aligned_alloc(PAGE, (c->length + PAGE - 1) / PAGE * PAGE);
	c->buffer = aligned_alloc(PAGE, c->max + PAGE);
	c->readback = aligned_alloc(PAGE, (c->max > 1 << 20 ? c->max : 1 << 20) + PAGE);
	c->touched = calloc(1, (c->offset + c->length) / c->chunk / 8 + 1);
	if (!c->model || !c->buffer || !c->readback || !c->touched)
		die("out of memory");
	/* Not at the start of a page. */
	c->buffer += SECTOR * (1 + c->seed % 7);
	for (uint64_t at = 0; at < c->length; at += 1 << 20)
		read_at(c, c->model + at, c->length - at < 1 << 20 ? c->length - at : 1 << 20,
			c->offset + at);
	for (uint64_t i = 0; !stop && (!c->count || i < c->count); i++) {
		operate(c, enabled[below(c, n)]);
		if (c->pause)
			usleep((useconds_t)(c->pause * 1000));
		if (end && monotonic_seconds() >= end)
			break;
	}
	if (fsync(c->buffered))
		die("fsync: %m");
	if (c->verify)
		verify(c);
	for (int way = 0; way < WAYS; way++)
		if (c->done[way])
			printf("%s=%llu ", way_names[way], (unsigned long long)c->done[way]);
	printf("bytes=%llu chunks=%llu nowait=%llu again=%llu kept=%llu gone=%llu refused=%llu\n",
	       (unsigned long long)c->bytes, (unsigned long long)touched_chunks(c),
	       (unsigned long long)c->nowait, (unsigned long long)c->again,
	       (unsigned long long)c->kept, (unsigned long long)c->gone,
	       (unsigned long long)c->refused);
	fflush(stdout);
}

/* Each job has a part of the range to itself; the seams are not chunks' edges. */
static int run_jobs(struct churn *c)
{
	const uint64_t share = c->length / c->jobs / PAGE * PAGE;
	int result = 0;

	for (unsigned int i = 0; i < c->jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (pid) {
			job_pids[i] = pid;
			continue;
		}
		memset(job_pids, 0, sizeof(job_pids));
		c->seed += i;
		c->offset += i * share;
		c->length = i == c->jobs - 1 ? c->length - i * share : share;
		run(c);
		_exit(0);
	}
	for (unsigned int i = 0; i < c->jobs; i++) {
		int status;

		while (waitpid(job_pids[i], &status, 0) < 0)
			if (errno != EINTR)
				die("waitpid: %m");
		job_pids[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			result = 1;
	}
	return result;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	switch (*end) {
	case 'M':
		value <<= 10;
		/* fall through */
	case 'K':
		value <<= 10;
		end++;
		break;
	}
	if (end == text || *end)
		die("\"%s\" is not a number", text);
	return value;
}

static void take_ways(struct churn *c, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		int way = 0;

		while (way < WAYS && strcmp(name, way_names[way]))
			way++;
		if (way == WAYS)
			die("there is no way \"%s\"", name);
		c->ways[way] = true;
	}
}

static void usage(void)
{
	fputs("usage: churn [OPTION]... DEVICE\n"
	      "  --seed N        what is drawn depends on it alone (1)\n"
	      "  --count N       operations of each job (100); 0: until SIGTERM\n"
	      "  --seconds N     stop after that time at the latest\n"
	      "  --pause MS      rest after each operation\n"
	      "  --ways LIST     of buffered,direct,vector,uring,mmap,dsync,flush,discard,zero,punch\n"
	      "                  (all)\n"
	      "  --offset BYTES, --length BYTES\n"
	      "                  stay within this range (the whole device)\n"
	      "  --max BYTES     longest operation (8M)\n"
	      "  --size BYTES    length of every operation\n"
	      "  --chunk BYTES   size of the chunks whose edges are interesting (16K)\n"
	      "  --jobs N        as many at once, each in its part of the range (1)\n"
	      "  --fill          nothing but filling the range with content that differs everywhere\n"
	      "  --no-verify     do not check the device against the model\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "pause", required_argument, NULL, 'p' },
		{ "ways", required_argument, NULL, 'w' },
		{ "offset", required_argument, NULL, 'o' },
		{ "length", required_argument, NULL, 'l' },
		{ "max", required_argument, NULL, 'm' },
		{ "size", required_argument, NULL, 'f' },
		{ "chunk", required_argument, NULL, 'c' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "fill", no_argument, NULL, 'F' },
		{ "no-verify", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct churn c = { .seed = 1, .count = 100, .max = 8 << 20, .chunk = 16384, .jobs = 1,
			   .verify = true };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	bool any = false;
	uint64_t size;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's': c.seed = number(optarg); break;
		case 'n': c.count = number(optarg); break;
		case 't': c.seconds = number(optarg); break;
		case 'p': c.pause = number(optarg); break;
		case 'w': take_ways(&c, optarg); break;
		case 'o': c.offset = number(optarg); break;
		case 'l': c.length = number(optarg); break;
		case 'm': c.max = number(optarg); break;
		case 'f': c.fixed = number(optarg); break;
		case 'c': c.chunk = number(optarg); break;
		case 'j': c.jobs = (unsigned int)number(optarg); break;
		case 'F': c.filling = true; break;
		case 'V': c.verify = false; break;
		default: usage();
		}
	}
	if (optind != argc - 1 || !c.jobs || c.jobs > MAX_JOBS || !c.chunk || c.max < SECTOR)
		usage();
	if (c.fixed > c.max)
		c.max = c.fixed;
	c.device = argv[optind];
	for (int way = 0; way < WAYS; way++)
		any |= c.ways[way];
	for (int way = 0; way < WAYS; way++)
		c.ways[way] |= !any;
	fd = open(c.device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die("%s: %m", c.device);
	close(fd);
	if (!c.length)
		c.length = c.offset < size ? size - c.offset : 0;
	if (!c.length || c.offset % PAGE || c.length % SECTOR || c.offset + c.length > size)
		die("bad range for %s of %llu bytes", c.device, (unsigned long long)size);
	if (c.filling) {
		fill_device(&c);
		return 0;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (c.jobs > 1)
		return run_jobs(&c);
	run(&c);
	return 0;
}

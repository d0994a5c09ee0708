// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stamps: writers that stamp each sector, and a look at an image of the device that
 * tells which race it has lost.
 *
 *   stamps work [OPTION]... TABLE DEV   stamps all sectors, then makes TABLE, and goes on
 *                                       until SIGTERM in all ways at once
 *   stamps now {TABLE COPY}...          copies of tables as they are now
 *   stamps check {FLOOR CEILING SEEN IMAGE}...
 *                                       looks at an image, of which FLOOR is a copy of the
 *                                       table from before the instant and CEILING one from
 *                                       after it. What was seen is kept in SEEN: if that
 *                                       is there, the image must not have changed
 *
 * A stamp has the sector's number, the number of the write, the time and a checksum of
 * all 512 bytes.  TABLE, which all writers share, has for each sector the numbers of
 * the last write that was begun, of the last one that has ended, and of the last that
 * may have left zeroes.  So of the image's sector it is known:
 *  - torn: the checksum is wrong; astray: it is of another sector;
 *  - newer than the instant: the write was begun after it;
 *  - lost: an older one is there than the one that had ended before the instant.
 * Writers may write to the same places, but never to the same page at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define die(...)	die_with(2, __VA_ARGS__)

#define SECTOR		512U
#define PAGE		4096U
#define PAGE_SECTORS	(PAGE / SECTOR)
#define PIECE		(1U << 20)
#define MAX_JOBS	16
#define MAGIC		0x73706d6174737376ULL	/* "vsstamps" */
#define WORDS		(SECTOR / sizeof(uint64_t))

enum way { DIRECT, BUFFERED, MMAP, NOWAIT, DSYNC, DISCARD, ZERO, WAYS };

static const char *const way_names[WAYS] = {
	"direct", "buffered", "mmap", "nowait", "dsync", "discard", "zero",
};

struct stamp {
	uint64_t magic;
	uint64_t sector;
	uint64_t number;
	uint64_t time;
	uint64_t fill[WORDS - 5];
	uint64_t sum;
};

/* Numbers of writes; 0: none. */
struct cell {
	uint32_t begun;
	uint32_t ended;
	uint32_t zeroed;
};

struct table {
	uint64_t magic;
	uint64_t sectors;
	uint64_t time;		/* of a copy */
	uint32_t next;		/* number of the next write */
	uint32_t pad;
	struct cell cells[];
};

struct worker {
	struct table *table;
	unsigned char *locks;	/* one a page */
	enum way ways[WAYS];
	unsigned int nr_ways;
	uint64_t random;
	uint64_t max;		/* sectors of a write */
	unsigned int pause;
	int direct;
	int buffered;
	int dsync;
	unsigned char *data;
	uint64_t done[WAYS];
	uint64_t refused;
};

static volatile sig_atomic_t stop;
static pid_t pids[MAX_JOBS];

static void on_signal(int sig)
{
	stop = 1;
	for (int i = 0; i < MAX_JOBS; i++)
		if (pids[i] > 0)
			kill(pids[i], sig);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t below(struct worker *w, uint64_t limit)
{
	return next_random(&w->random) % limit;
}

/* ------------------------------------------------------------------------
 * Stamps and the table
 */

static uint64_t stamp_sum(const struct stamp *s)
{
	const uint64_t *words = (const uint64_t *)s;
	uint64_t sum = MAGIC;

	for (size_t i = 0; i < WORDS - 1; i++)
		sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15ULL + (sum >> 29);
	return sum;
}

static void put_stamp(struct stamp *s, uint64_t sector, uint32_t number, uint64_t time)
{
	s->magic = MAGIC;
	s->sector = sector;
	s->number = number;
	s->time = time;
	for (size_t i = 0; i < WORDS - 5; i++)
		s->fill[i] = (sector + i) * 0xbf58476d1ce4e5b9ULL + number;
	s->sum = stamp_sum(s);
}

static size_t table_size(uint64_t sectors)
{
	return sizeof(struct table) + sectors * sizeof(struct cell);
}

static struct table *open_table(const char *path, bool shared)
{
	struct table *table, head;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.magic != MAGIC)
		die("%s is no table: %m", path);
	table = mmap(NULL, table_size(head.sectors), PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (table == MAP_FAILED)
		die("%s: %m", path);
	close(fd);
	return table;
}

static void save(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, size, 1, f) != 1 || fclose(f))
		die("%s: %m", path);
}

static void copy_table(const char *from, const char *to)
{
	struct table *table = open_table(from, true);
	const size_t size = table_size(table->sectors);
	struct table *copy = malloc(size);

	if (!copy)
		die("out of memory");
	*copy = *table;
	/*
	 * What had ended when the look began had ended at any instant after it, and what
	 * is begun when the look ends may have begun before any instant before it: a copy
	 * serves as either, though the cells are not of one moment.
	 */
	copy->time = now_ns();
	for (uint64_t i = 0; i < copy->sectors; i++) {
		copy->cells[i].ended = __atomic_load_n(&table->cells[i].ended, __ATOMIC_SEQ_CST);
		copy->cells[i].begun = __atomic_load_n(&table->cells[i].begun, __ATOMIC_SEQ_CST);
		copy->cells[i].zeroed = __atomic_load_n(&table->cells[i].zeroed, __ATOMIC_SEQ_CST);
	}
	save(to, copy, size);
	free(copy);
	munmap(table, size);
}

/* ------------------------------------------------------------------------
 * Writers
 */

static bool lock_pages(struct worker *w, uint64_t first, uint64_t last)
{
	for (uint64_t p = first; p <= last; p++) {
		if (!__atomic_exchange_n(&w->locks[p], 1, __ATOMIC_ACQUIRE))
			continue;
		while (p-- > first)
			__atomic_store_n(&w->locks[p], 0, __ATOMIC_RELEASE);
		return false;
	}
	return true;
}

static void unlock_pages(struct worker *w, uint64_t first, uint64_t last)
{
	for (uint64_t p = first; p <= last; p++)
		__atomic_store_n(&w->locks[p], 0, __ATOMIC_RELEASE);
}

static void write_all(int fd, const void *data, size_t n, uint64_t at, const char *way)
{
	ssize_t got = pwrite(fd, data, n, (off_t)at);

	if (got != (ssize_t)n)
		die("%s write of %zu at %llu: %zd, %m", way, n, (unsigned long long)at, got);
}

/* False: the device does not know how. */
static bool write_by(struct worker *w, enum way way, size_t n, uint64_t at)
{
	struct iovec iov = { .iov_base = w->data, .iov_len = n };
	uint64_t range[2] = { at, n };
	char *map;

	switch (way) {
	case DIRECT:
		write_all(w->direct, w->data, n, at, "direct");
		break;
	case DSYNC:
		write_all(w->dsync, w->data, n, at, "synchronous");
		break;
	case NOWAIT:
		if (pwritev2(w->direct, &iov, 1, (off_t)at, RWF_NOWAIT) == (ssize_t)n)
			break;
		/* What was written of it is written again. */
		write_all(w->direct, w->data, n, at, "second");
		break;
	case BUFFERED:
		write_all(w->buffered, w->data, n, at, "buffered");
		if (sync_file_range(w->buffered, (off_t)at, (off_t)n, SYNC_FILE_RANGE_WAIT_BEFORE |
				    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
			die("sync_file_range: %m");
		break;
	case MMAP:
		map = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, w->buffered, (off_t)at);
		if (map == MAP_FAILED)
			die("mmap: %m");
		memcpy(map, w->data, n);
		if (msync(map, n, MS_SYNC))
			die("msync: %m");
		munmap(map, n);
		break;
	case DISCARD:
		if (ioctl(w->direct, BLKDISCARD, range)) {
			if (errno != EOPNOTSUPP)
				die("discard: %m");
			return false;
		}
		break;
	case ZERO:
		if (ioctl(w->direct, BLKZEROOUT, range))
			die("zeroing: %m");
		break;
	default:
		break;
	}
	return true;
}

static void write_once(struct worker *w)
{
	enum way way = w->ways[below(w, w->nr_ways)];
	/* Of whole pages, for what is in the cache of the rest may be older. */
	uint64_t unit = way == BUFFERED || way == MMAP ? PAGE_SECTORS : 1;
	uint64_t n = 1 + below(w, below(w, 4) ? w->max / 8 + 1 : w->max);
	uint64_t at, time = now_ns(), first, last;
	struct cell *cells;
	uint32_t number;

	n = (n + unit - 1) / unit * unit;
	at = below(w, w->table->sectors - n + 1) / unit * unit;
	first = at / PAGE_SECTORS;
	last = (at + n - 1) / PAGE_SECTORS;
	if (!lock_pages(w, first, last))
		return;
	cells = w->table->cells + at;
	number = __atomic_fetch_add(&w->table->next, 1, __ATOMIC_SEQ_CST);
	for (uint64_t i = 0; i < n; i++) {
		if (way == DISCARD || way == ZERO)
			__atomic_store_n(&cells[i].zeroed, number, __ATOMIC_SEQ_CST);
		else
			put_stamp((struct stamp *)(w->data + i * SECTOR), at + i, number, time);
		__atomic_store_n(&cells[i].begun, number, __ATOMIC_SEQ_CST);
	}
	if (write_by(w, way, n * SECTOR, at * SECTOR))
		w->done[way]++;
	else
		w->refused++;
	/* A discard is a hint: what was there before may be there still. */
	for (uint64_t i = 0; i < n && way != DISCARD; i++)
		__atomic_store_n(&cells[i].ended, number, __ATOMIC_SEQ_CST);
	unlock_pages(w, first, last);
}

static void open_device(struct worker *w, const char *path)
{
	w->direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	w->buffered = open(path, O_RDWR | O_CLOEXEC);
	w->dsync = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
	if (w->direct < 0 || w->buffered < 0 || w->dsync < 0)
		die("%s: %m", path);
	posix_fadvise(w->buffered, 0, 0, POSIX_FADV_RANDOM);
	w->data = aligned_alloc(PAGE, (w->max + PAGE_SECTORS) * SECTOR);
	if (!w->data)
		die("out of memory");
}

static void stamp_all(struct worker *w)
{
	uint64_t n = w->max / 2, time = now_ns();

	for (uint64_t at = 0; at < w->table->sectors; at += n) {
		uint64_t m = w->table->sectors - at < n ? w->table->sectors - at : n;

		for (uint64_t i = 0; i < m; i++) {
			put_stamp((struct stamp *)(w->data + i * SECTOR), at + i, 1, time);
			w->table->cells[at + i].begun = 1;
			w->table->cells[at + i].ended = 1;
		}
		write_all(w->direct, w->data, m * SECTOR, at * SECTOR, "first");
	}
	w->table->next = 2;
}

static void work(struct worker *w)
{
	uint64_t sum = 0;

	while (!stop) {
		write_once(w);
		if (w->pause)
			usleep(w->pause * 1000);
	}
	for (int way = 0; way < WAYS; way++) {
		printf("%s=%llu ", way_names[way], (unsigned long long)w->done[way]);
		sum += w->done[way];
	}
	printf("refused=%llu writes=%llu\n", (unsigned long long)w->refused, (unsigned long long)sum);
	fflush(stdout);
}

static int work_on(struct worker *w, unsigned int jobs, const char *path, const char *device)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	char *temporary;
	uint64_t size;
	int fd, result = 0;

	fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die("%s: %m", device);
	close(fd);
	size /= SECTOR;
	if (size < 2 * w->max)
		die("%s is too small", device);
	if (asprintf(&temporary, "%s.new", path) < 0)
		die("out of memory");
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)table_size(size)))
		die("%s: %m", temporary);
	w->table = mmap(NULL, table_size(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	w->locks = mmap(NULL, size / PAGE_SECTORS + 1, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->table == MAP_FAILED || w->locks == MAP_FAILED)
		die("out of memory");
	w->table->magic = MAGIC;
	w->table->sectors = size;
	open_device(w, device);
	stamp_all(w);
	sigaction(SIGTERM, &action, NULL);
	if (rename(temporary, path))
		die("%s: %m", path);
	free(temporary);

	for (unsigned int i = 0; i < jobs; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork: %m");
		if (!pids[i]) {
			memset(pids, 0, sizeof(pids));
			w->random += i * 1000003;
			work(w);
			_exit(0);
		}
	}
	/* It may have come before all were there. */
	if (stop)
		on_signal(SIGTERM);
	for (unsigned int i = 0; i < jobs; i++) {
		int status;

		while (waitpid(pids[i], &status, 0) < 0)
			if (errno != EINTR)
				die("waitpid: %m");
		pids[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			result = 2;
	}
	return result;
}

/* ------------------------------------------------------------------------
 * The look at an image
 */

struct look {
	const struct table *floor;
	const struct table *ceiling;
	uint32_t *seen;		/* 0: zeroes */
	bool again;
	uint64_t bad;
};

static bool is_zero(const struct stamp *s)
{
	const uint64_t *words = (const uint64_t *)s;

	for (size_t i = 0; i < WORDS; i++)
		if (words[i])
			return false;
	return true;
}

__attribute__((format(printf, 3, 4)))
static void blame(struct look *l, uint64_t sector, const char *format, ...)
{
	va_list args;

	if (l->bad++ >= 12)
		return;
	va_start(args, format);
	fprintf(stderr, "stamps: sector %llu ", (unsigned long long)sector);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

static void look_at(struct look *l, uint64_t sector, const struct stamp *s)
{
	const struct cell *floor = &l->floor->cells[sector], *ceiling = &l->ceiling->cells[sector];
	uint32_t number = 0;

	if (is_zero(s)) {
		if (!ceiling->zeroed)
			blame(l, sector, "has zeroes, which nobody had begun to write at the instant");
		else if (ceiling->zeroed < floor->ended)
			blame(l, sector, "has zeroes of write %u at most; write %u, which ended before the instant, is lost",
			      ceiling->zeroed, floor->ended);
	} else if (s->magic != MAGIC || s->sum != stamp_sum(s)) {
		blame(l, sector, "is torn or no stamp");
	} else if (s->sector != sector) {
		blame(l, sector, "went astray: it has what belongs to %llu",
		      (unsigned long long)s->sector);
	} else {
		number = (uint32_t)s->number;
		if (number > ceiling->begun)
			blame(l, sector, "is newer than the instant: write %u, begun %.3f ms after the copy of the table that has %u",
			      number, ((double)s->time - (double)l->ceiling->time) / 1e6, ceiling->begun);
		else if (number < floor->ended)
			blame(l, sector, "has write %u; write %u, which ended before the instant, is lost",
			      number, floor->ended);
	}
	if (l->again && l->seen[sector] != number)
		blame(l, sector, "has changed: it had write %u, and has %u", l->seen[sector], number);
	l->seen[sector] = number;
}

/* False: it is not what it must be. */
static bool check(char **args)
{
	struct table *floor = open_table(args[0], false), *ceiling = open_table(args[1], false);
	struct look l = { .floor = floor, .ceiling = ceiling };
	const uint64_t sectors = l.floor->sectors;
	unsigned char *data = aligned_alloc(PAGE, PIECE);
	uint64_t size;
	int fd;

	l.seen = calloc(sectors, sizeof(*l.seen));
	if (!data || !l.seen)
		die("out of memory");
	fd = open(args[2], O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		l.again = true;
		if (read(fd, l.seen, sectors * sizeof(*l.seen)) != (ssize_t)(sectors * sizeof(*l.seen)))
			die("%s: %m", args[2]);
		close(fd);
	}
	fd = open(args[3], O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die("%s: %m", args[3]);
	if (size != sectors * SECTOR || l.ceiling->sectors != sectors)
		die("%s has another size", args[3]);
	for (uint64_t at = 0; at < size; at += PIECE) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		if (pread(fd, data, n, (off_t)at) != (ssize_t)n)
			die("reading %s at %llu: %m", args[3], (unsigned long long)at);
		for (size_t i = 0; i < n / SECTOR; i++)
			look_at(&l, at / SECTOR + i, (const struct stamp *)(data + i * SECTOR));
	}
	close(fd);
	if (l.bad)
		fprintf(stderr, "stamps: %s has %llu bad sectors%s\n", args[3],
			(unsigned long long)l.bad, l.again ? ", read once more" : "");
	else if (!l.again)
		save(args[2], l.seen, sectors * sizeof(*l.seen));
	free(l.seen);
	free(data);
	munmap(floor, table_size(sectors));
	munmap(ceiling, table_size(sectors));
	return !l.bad;
}

/* ------------------------------------------------------------------------ */

static void take_ways(struct worker *w, char *list)
{
	w->nr_ways = 0;
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		int way = 0;

		while (way < WAYS && strcmp(name, way_names[way]))
			way++;
		if (way == WAYS || w->nr_ways == WAYS)
			die("there is no way \"%s\"", name);
		w->ways[w->nr_ways++] = (enum way)way;
	}
}

static void usage(void)
{
	fputs("usage: stamps work [OPTION]... TABLE DEV\n"
	      "  --jobs N      writers (3)\n"
	      "  --seed N      what is drawn depends on it (1)\n"
	      "  --max BYTES   longest write (262144)\n"
	      "  --pause MS    rest of a writer after each write\n"
	      "  --ways LIST   of direct,buffered,mmap,nowait,dsync,discard,zero (all)\n"
	      "       stamps now {TABLE COPY}...\n"
	      "       stamps check {FLOOR CEILING SEEN IMAGE}...\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "jobs", required_argument, NULL, 'j' },
		{ "seed", required_argument, NULL, 's' },
		{ "max", required_argument, NULL, 'm' },
		{ "pause", required_argument, NULL, 'p' },
		{ "ways", required_argument, NULL, 'w' },
		{ 0 },
	};
	struct worker w = { .random = 1, .max = 512, .nr_ways = WAYS };
	unsigned int jobs = 3;
	int opt;

	for (int way = 0; way < WAYS; way++)
		w.ways[way] = (enum way)way;
	if (argc >= 4 && argc % 2 == 0 && !strcmp(argv[1], "now")) {
		for (int i = 2; i < argc; i += 2)
			copy_table(argv[i], argv[i + 1]);
		return 0;
	}
	if (argc >= 6 && argc % 4 == 2 && !strcmp(argv[1], "check")) {
		int result = 0;

		for (int i = 2; i < argc; i += 4)
			result |= !check(argv + i);
		return result;
	}
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'j': jobs = (unsigned int)strtoul(optarg, NULL, 0); break;
		case 's': w.random = strtoull(optarg, NULL, 0); break;
		case 'm': w.max = strtoull(optarg, NULL, 0) / SECTOR; break;
		case 'p': w.pause = (unsigned int)strtoul(optarg, NULL, 0); break;
		case 'w': take_ways(&w, optarg); break;
		default: usage();
		}
	}
	if (argc - optind != 3 || strcmp(argv[optind], "work") || !jobs || jobs > MAX_JOBS ||
	    w.max < 2 * PAGE_SECTORS || !w.nr_ways)
		usage();
	return work_on(&w, jobs, argv[optind + 1], argv[optind + 2]);
}

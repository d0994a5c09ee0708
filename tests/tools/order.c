// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * order: many writers on two volumes, and sets that are held for a while.
 *
 *   order [--sets N] [--writers N] [--hold MS] [--offset BYTES] VOLUME VOLUME
 *
 * Each writer writes record n to one volume, and when that is acknowledged to the other;
 * every second one the other way around.  Meanwhile N (10) sets of both volumes, which are
 * attached and have diff areas, are taken without a freeze and held for some time (120 ms)
 * before the instant: a write that is begun then must not be acknowledged before the set
 * lets it go, or the images would not be of one instant.  And in each set's images no
 * writer's second volume may be ahead of its first, nor may a record be missing that was
 * acknowledged before.
 *
 * The records of each of the N (16) writers take 64 KiB each, from BYTES on.  Prints the snapshots'
 * UUIDs, a line for each set; they are left to the caller.  Fails as well if too few
 * writes came during the holds to show anything.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vss/blockdev.h>
#include <vss/kernel.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#define MAX_WRITERS	64U
#define RECORD		4096U
#define RECORDS		16U		/* then they start anew */
#define ROOM		(RECORD * RECORDS)
#define MAGIC		UINT64_C(0x6f72646572737376)
#define PAUSE_USEC	100000U		/* most between two records of a writer */

struct record {
	uint64_t magic, writer, number, sum;
};

/* Seen by the writers and by who takes the sets. */
struct shared {
	_Atomic uint64_t held_since;	/* 0: it is not, or no more for sure */
	_Atomic bool stop;
	_Atomic uint64_t acked[MAX_WRITERS];
	_Atomic uint64_t came;		/* writes that were begun while it was held */
	_Atomic uint64_t passed;	/* those that were acknowledged while it was */
	_Atomic uint64_t written;
};

static struct shared *shared;
static const char *paths[2];
static uint64_t offset;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void make_record(uint8_t *buffer, uint64_t writer, uint64_t number)
{
	uint64_t state = writer << 32 ^ number;
	struct record r = { MAGIC, writer, number, next_random(&state) };

	memcpy(buffer, &r, sizeof(r));
	memcpy(buffer + RECORD - sizeof(r), &r, sizeof(r));
}

static void *record_buffer(size_t size)
{
	void *buffer = aligned_alloc(4096, size);

	if (!buffer)
		die("out of memory");
	memset(buffer, 0, size);
	return buffer;
}

static void write_records(unsigned int writer)
{
	uint64_t state = writer + 1, number = 0;
	uint8_t *buffer = record_buffer(RECORD);
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = open(paths[i], O_WRONLY | O_DIRECT | O_CLOEXEC);
		if (fds[i] < 0)
			die("%s: %m", paths[i]);
	}
	while (!atomic_load(&shared->stop)) {
		off_t at = (off_t)(offset + writer * ROOM + ++number % RECORDS * RECORD);

		usleep((useconds_t)(next_random(&state) % PAUSE_USEC));
		make_record(buffer, writer, number);
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t begun = now(), since = atomic_load(&shared->held_since);

			/* Held when it was begun, for it was so before. */
			if (since && since < begun)
				atomic_fetch_add(&shared->came, 1);
			if (pwrite(fds[(writer + i) % 2], buffer, RECORD, at) != RECORD)
				die("writing record %llu: %m", (unsigned long long)number);
			since = atomic_load(&shared->held_since);
			if (since && since < begun)
				atomic_fetch_add(&shared->passed, 1);
			atomic_fetch_add(&shared->written, 1);
		}
		atomic_store(&shared->acked[writer], number);
	}
}

/* The last record of each writer on a device. */
static void read_records(const char *path, unsigned int writers, uint64_t last[MAX_WRITERS])
{
	uint8_t *buffer = record_buffer(ROOM), *right = record_buffer(RECORD);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		die("%s: %m", path);
	for (unsigned int w = 0; w < writers; w++) {
		last[w] = 0;
		if (pread(fd, buffer, ROOM, (off_t)(offset + w * ROOM)) != ROOM)
			die("reading %s: %m", path);
		for (unsigned int i = 0; i < RECORDS; i++) {
			struct record r;

			memcpy(&r, buffer + i * RECORD, sizeof(r));
			make_record(right, w, r.number);
			if (!memcmp(buffer + i * RECORD, right, RECORD) && r.number > last[w])
				last[w] = r.number;
		}
	}
	close(fd);
	free(buffer);
	free(right);
}

static void step(struct vss_kernel *kernel, const struct vss_uuid *uuid, enum vss_set_state state)
{
	struct vss_kernel_set set;

	if (vss_kernel_set_step(kernel, uuid, state, &set))
		die("step to state %d: %s", state, vss_kernel_error(kernel));
}

static void take_set(struct vss_kernel *kernel, const struct vss_devno devs[2], unsigned int writers,
		     unsigned int hold_ms)
{
	struct vss_kernel_member members[2] = { { .dev = devs[0] }, { .dev = devs[1] } };
	struct vss_kernel_set_request request = {
		.flags = VSS_SET_F_NO_FREEZE,
		.hold_timeout_ms = VSS_MAX_HOLD_TIMEOUT_MS,
		.freeze_timeout_ms = VSS_MAX_HOLD_TIMEOUT_MS,
		.members = members,
		.member_count = 2,
	};
	uint64_t before[MAX_WRITERS], last[2][MAX_WRITERS];
	struct vss_kernel_set set;

	vss_uuid_generate(&request.uuid);
	for (int i = 0; i < 2; i++)
		vss_uuid_generate(&members[i].snapshot);
	if (vss_kernel_set_prepare(kernel, &request, &set))
		die("prepare: %s", vss_kernel_error(kernel));
	for (unsigned int w = 0; w < writers; w++)
		before[w] = atomic_load(&shared->acked[w]);
	step(kernel, &request.uuid, VSS_SET_HELD);
	atomic_store(&shared->held_since, now());
	usleep(hold_ms * 1000);
	atomic_store(&shared->held_since, 0);
	step(kernel, &request.uuid, VSS_SET_COMMITTED);
	step(kernel, &request.uuid, VSS_SET_DONE);
	for (int i = 0; i < 2; i++) {
		struct vss_kernel_snapshot snapshot;
		char path[96], text[VSS_UUID_TEXT_SIZE];

		if (vss_kernel_snapshot_get(kernel, &members[i].snapshot, &snapshot))
			die("%s", vss_kernel_error(kernel));
		snprintf(path, sizeof(path), "/dev/%s", snapshot.name);
		read_records(path, writers, last[i]);
		printf("%s%c", vss_uuid_format(&members[i].snapshot, text), i ? '\n' : ' ');
	}
	fflush(stdout);
	for (unsigned int w = 0; w < writers; w++) {
		unsigned long long first = last[w % 2][w], second = last[(w + 1) % 2][w];

		if (first < before[w])
			die("writer %u: record %llu was acknowledged and is missing, the last is %llu", w,
			    (unsigned long long)before[w], first);
		if (second > first || first - second > 1)
			die("writer %u: %llu on its first volume, %llu on its second", w, first, second);
	}
}

static pid_t writers_pids[MAX_WRITERS];

static void kill_writers(void)
{
	for (unsigned int w = 0; w < MAX_WRITERS; w++)
		if (writers_pids[w] > 0)
			kill(writers_pids[w], SIGKILL);
}

static void begin_writers(unsigned int writers)
{
	for (unsigned int w = 0; w < writers; w++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			memset(writers_pids, 0, sizeof(writers_pids));
			write_records(w);
			_exit(0);
		}
		writers_pids[w] = pid;
	}
}

static void end_writers(unsigned int writers)
{
	atomic_store(&shared->stop, true);
	for (unsigned int w = 0; w < writers; w++) {
		int status;

		if (waitpid(writers_pids[w], &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
			die("writer %u has failed", w);
		writers_pids[w] = 0;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sets", required_argument, NULL, 's' },
		{ "writers", required_argument, NULL, 'w' },
		{ "hold", required_argument, NULL, 'h' },
		{ "offset", required_argument, NULL, 'o' },
		{ 0 },
	};
	unsigned int sets = 10, writers = 16, hold = 120;
	struct vss_devno devs[2];
	struct vss_kernel *kernel;
	struct vss_error error;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's': sets = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'w': writers = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'h': hold = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'o': offset = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	if (argc - optind != 2 || !sets || !writers || writers > MAX_WRITERS || offset % RECORD) {
		fputs("usage: order [--sets N] [--writers N] [--hold MS] [--offset BYTES] VOLUME VOLUME\n", stderr);
		return 2;
	}
	for (int i = 0; i < 2; i++) {
		struct vss_blockdev volume;

		paths[i] = argv[optind + i];
		if (vss_blockdev_resolve(paths[i], &volume, &error))
			die("%s", error.text);
		devs[i] = volume.dev;
		vss_blockdev_clear(&volume);
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("memory: %m");
	if (vss_kernel_open(&kernel, &error))
		die("%s", error.text);
	atexit(kill_writers);
	begin_writers(writers);
	for (unsigned int i = 0; i < sets; i++) {
		usleep(3 * PAUSE_USEC);
		take_set(kernel, devs, writers, hold);
	}
	end_writers(writers);
	vss_kernel_close(kernel);
	fprintf(stderr, "%llu writes; %llu were begun while the volumes were held, %llu of these acknowledged\n",
		(unsigned long long)shared->written, (unsigned long long)shared->came,
		(unsigned long long)shared->passed);
	if (shared->passed)
		die("writes were acknowledged while the volumes were held");
	if (shared->came < (uint64_t)sets * writers / 4)
		die("too few came while the volumes were held");
	return 0;
}

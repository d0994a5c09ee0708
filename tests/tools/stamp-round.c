// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shows whether images of many volumes are of one instant.
 *
 *   stamp-round write STOP DEVICE...   writes numbers until the file STOP exists;
 *                                      tells when the first ones are everywhere
 *   stamp-round check DEVICE...        looks at such numbers on images; fails if
 *                                      they cannot be of one instant
 *
 * Two threads write growing numbers, each to one device after the other: one
 * to the last block of each in the given order, one to the block before it in
 * the reverse order.  A number is written to the next device only when it is
 * on the one before.  So at any instant the numbers fall along the order of
 * writing, by at most one altogether.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <unistd.h>

#define BLOCK		4096
#define MAX_DEVICES	64
#define PAUSE_US	1000

static int fds[MAX_DEVICES];
static off_t sizes[MAX_DEVICES];
static char **names;
static int count;
static const char *stop;
static pthread_barrier_t first_round;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "stamp-round: %s %s: %s\n", what, name, strerror(errno));
	exit(2);
}

static void *block(void)
{
	void *buffer;

	if (posix_memalign(&buffer, BLOCK, BLOCK)) {
		errno = ENOMEM;
		die("allocate", "a block");
	}
	memset(buffer, 0, BLOCK);
	return buffer;
}

/* The place in the order of writing, and where it writes to. */
static int device_at(int place, int thread)
{
	return thread ? count - 1 - place : place;
}

static off_t offset_of(int device, int thread)
{
	return sizes[device] - (thread + 1) * BLOCK;
}

static void *writer(void *arg)
{
	int thread = arg != NULL;
	uint64_t *number = block();

	for (*number = 1; access(stop, F_OK); ++*number) {
		for (int i = 0; i < count; i++) {
			int device = device_at(i, thread);

			if (pwrite(fds[device], number, BLOCK, offset_of(device, thread)) != BLOCK)
				die("write", names[device]);
			/* The machine is for those who take the images, too. */
			usleep(PAUSE_US);
		}
		if (*number == 1 &&
		    pthread_barrier_wait(&first_round) == PTHREAD_BARRIER_SERIAL_THREAD) {
			puts("the first numbers are everywhere");
			fflush(stdout);
		}
	}
	printf("thread %d wrote %llu rounds\n", thread, (unsigned long long)*number - 1);
	free(number);
	return NULL;
}

static int check(int thread)
{
	uint64_t first = 0, before = 0, *number = block();
	int bad = 0;

	for (int i = 0; i < count; i++) {
		int device = device_at(i, thread);

		if (pread(fds[device], number, BLOCK, offset_of(device, thread)) != BLOCK)
			die("read", names[device]);
		if (!i)
			first = before = *number;
		if ((!*number || *number > before || first - *number > 1) && !bad++)
			printf("thread %d: %s has %llu, the one before %llu, the first %llu\n",
			       thread, names[device], (unsigned long long)*number,
			       (unsigned long long)before, (unsigned long long)first);
		before = *number;
	}
	printf("thread %d: %llu on the first device, %llu on the last\n", thread,
	       (unsigned long long)first, (unsigned long long)before);
	free(number);
	return bad;
}

int main(int argc, char **argv)
{
	bool write = argc > 2 && !strcmp(argv[1], "write");
	pthread_t threads[2];
	int first = write ? 3 : 2;

	if (argc <= first || argc - first > MAX_DEVICES ||
	    (!write && strcmp(argv[1], "check"))) {
		fprintf(stderr, "usage: stamp-round write STOP DEVICE... | check DEVICE...\n");
		return 2;
	}
	stop = argv[2];
	names = argv + first;
	count = argc - first;
	for (int i = 0; i < count; i++) {
		uint64_t size = 0;

		fds[i] = open(names[i], (write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
		if (fds[i] < 0 || ioctl(fds[i], BLKGETSIZE64, &size))
			die("open", names[i]);
		sizes[i] = (off_t)size;
	}
	if (!write)
		return check(0) + check(1) ? 1 : 0;
	pthread_barrier_init(&first_round, NULL, 2);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, writer, i ? names : NULL))
			die("start", "a thread");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

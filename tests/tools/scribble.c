// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scribble DEV COUNT SEED [DEPTH [BYTES]]: overwrites COUNT random blocks of BYTES (4096),
 * beside the page cache, with content that no other block has; DEPTH (1) of them at a time.
 * The same SEED chooses the same blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE		4096
#define MAX_DEPTH	256
#define MAX_BYTES	(1 << 20)

struct job {
	const char *path;
	int fd;
	size_t bytes;
	uint64_t blocks;
	pthread_mutex_t lock;	/* the next three */
	uint64_t where;
	long left;
	bool failed;
};

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

/* The next block, or -1: all were. */
static off_t next_place(struct job *job)
{
	off_t at = -1;

	pthread_mutex_lock(&job->lock);
	if (job->left > 0 && !job->failed) {
		job->left--;
		at = (off_t)(next(&job->where) % job->blocks * job->bytes);
	}
	pthread_mutex_unlock(&job->lock);
	return at;
}

static bool write_blocks(struct job *job, uint64_t *block)
{
	uint64_t what;
	off_t at;

	if (getrandom(&what, sizeof(what), 0) != sizeof(what))
		return false;
	what |= 1;
	while ((at = next_place(job)) >= 0) {
		for (size_t k = 0; k < job->bytes / sizeof(*block); k++)
			block[k] = next(&what);
		if (pwrite(job->fd, block, job->bytes, at) != (ssize_t)job->bytes)
			return false;
	}
	return true;
}

static void *work(void *data)
{
	struct job *job = data;
	uint64_t *block = aligned_alloc(PAGE, job->bytes);
	bool done = block && write_blocks(job, block);

	if (!done) {
		failed("write to", job->path);
		pthread_mutex_lock(&job->lock);
		job->failed = true;
		pthread_mutex_unlock(&job->lock);
	}
	free(block);
	return NULL;
}

int main(int argc, char **argv)
{
	struct job job = { .bytes = PAGE, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[MAX_DEPTH];
	long depth = 1, n;

	if (argc < 4 || argc > 6)
		goto usage;
	if (argc > 4)
		depth = atol(argv[4]);
	if (argc > 5)
		job.bytes = strtoul(argv[5], NULL, 10);
	if (depth < 1 || depth > MAX_DEPTH || !job.bytes || job.bytes % PAGE || job.bytes > MAX_BYTES)
		goto usage;
	job.path = argv[1];
	job.left = atol(argv[2]);
	job.where = strtoull(argv[3], NULL, 10) * 2 + 1;
	job.fd = open(job.path, O_WRONLY | O_DIRECT);
	if (job.fd < 0)
		return failed("open", job.path);
	job.blocks = (uint64_t)lseek(job.fd, 0, SEEK_END) / job.bytes;
	if (!job.blocks) {
		errno = ENOSPC;
		return failed("write to", job.path);
	}
	for (n = 0; n < depth - 1; n++)
		if (pthread_create(&threads[n], NULL, work, &job))
			break;
	work(&job);
	while (n--)
		pthread_join(threads[n], NULL);
	close(job.fd);
	return job.failed ? EXIT_FAILURE : EXIT_SUCCESS;

usage:
	fputs("usage: scribble DEV COUNT SEED [DEPTH [BYTES]]\n", stderr);
	return 2;
}

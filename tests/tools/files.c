// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files: keeps a file system busy with files whose content can be checked by
 * itself, and writes records in an order that can be checked.
 *
 *   files work DIR [JOBS]    until SIGTERM: jobs create, fill, rename, overwrite
 *                            and delete files below DIR
 *   files check DIR [quiet]  every file is what its name and head say; "quiet":
 *                            also those that were not synced, as must be on a
 *                            file system that was frozen. Prints how many.
 *   files chain PATH...      until SIGTERM: record n is written to the first file or
 *                            device, when that has acknowledged it to the second,
 *                            and so on
 *   files records PATH...    prints the number of the last record on each, in a line
 *
 * A PATH of a record may end in @OFFSET, in bytes.
 * A file is written under the name tmp.N. One that is renamed to synced.N was
 * synced before, one that becomes plain.N was not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#define MAGIC		0x73656c6966737376ULL	/* "vssfiles" */
#define MAX_JOBS	8
#define KEPT		24			/* files of a job at a time */
#define MAX_LENGTH	(192 << 10)
#define RECORD		4096			/* no device has larger blocks */
#define RECORDS		128			/* then they start anew */

struct head {
	uint64_t magic;
	uint64_t number;
	uint64_t length;	/* of what follows */
	uint64_t sum;		/* of all the above, so that no half head passes */
};

static volatile sig_atomic_t stop;
static pid_t pids[MAX_JOBS];
static unsigned char data[MAX_LENGTH], expected[MAX_LENGTH];

static void on_signal(int sig)
{
	stop = 1;
	for (int i = 0; i < MAX_JOBS; i++)
		if (pids[i] > 0)
			kill(pids[i], sig);
}

static void fill(unsigned char *to, uint64_t length, uint64_t seed)
{
	for (uint64_t i = 0; i < length; i += 8) {
		uint64_t value = next_random(&seed);

		memcpy(to + i, &value, length - i < 8 ? length - i : 8);
	}
}

static struct head make_head(uint64_t number, uint64_t length)
{
	struct head head = { .magic = MAGIC, .number = number, .length = length };
	uint64_t state = head.magic ^ number * 3 ^ length * 5;

	head.sum = next_random(&state);
	return head;
}

static bool head_is_valid(const struct head *head)
{
	struct head right = make_head(head->number, head->length);

	return !memcmp(head, &right, sizeof(right)) && head->length <= MAX_LENGTH;
}

/* ------------------------------------------------------------------------
 * work and check
 */

static void write_file(int dir, const char *name, uint64_t number, uint64_t length, bool sync)
{
	struct head head = make_head(number, length);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		die("creating %s: %m", name);
	fill(data, length, number);
	if (write(fd, &head, sizeof(head)) != sizeof(head) ||
	    write(fd, data, length) != (ssize_t)length)
		die("writing %s: %m", name);
	if (sync && fsync(fd))
		die("syncing %s: %m", name);
	close(fd);
}

static void work(const char *path, uint64_t job)
{
	uint64_t state = job + 1, number = 0, done = 0;
	struct { uint64_t number; bool synced; } kept[KEPT] = { 0 };
	char tmp[64], name[64];
	int dir;

	snprintf(name, sizeof(name), "job%llu", (unsigned long long)job);
	dir = open(path, O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || (mkdirat(dir, name, 0700) && errno != EEXIST))
		die("%s/%s: %m", path, name);
	dir = openat(dir, name, O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die("%s/%s: %m", path, name);
	while (!stop) {
		uint64_t slot = next_random(&state) % KEPT;
		uint64_t length = next_random(&state) % MAX_LENGTH;
		bool sync = next_random(&state) % 2;

		if (next_random(&state) % 2)
			length %= 8192;
		number++;
		if (kept[slot].number) {
			snprintf(name, sizeof(name), "%s.%llu", kept[slot].synced ? "synced" : "plain",
				 (unsigned long long)kept[slot].number);
			if (unlinkat(dir, name, 0))
				die("deleting %s: %m", name);
			kept[slot].number = 0;
			if (next_random(&state) % 4 == 0)
				continue;
		}
		snprintf(tmp, sizeof(tmp), "tmp.%llu", (unsigned long long)number);
		write_file(dir, tmp, number, length, sync);
		snprintf(name, sizeof(name), "%s.%llu", sync ? "synced" : "plain",
			 (unsigned long long)number);
		if (renameat(dir, tmp, dir, name))
			die("renaming %s: %m", tmp);
		kept[slot].number = number;
		kept[slot].synced = sync;
		done++;
		/* Others want to run too. */
		usleep(5000);
	}
	printf("job %llu wrote %llu files\n", (unsigned long long)job, (unsigned long long)done);
	fflush(stdout);
}

static int run_jobs(const char *path, unsigned int jobs)
{
	int result = 0;

	if (!jobs || jobs > MAX_JOBS)
		die("1 to %d jobs", MAX_JOBS);
	for (unsigned int i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			memset(pids, 0, sizeof(pids));
			work(path, i);
			_exit(0);
		}
		pids[i] = pid;
	}
	for (unsigned int i = 0; i < jobs; i++) {
		int status;

		while (waitpid(pids[i], &status, 0) < 0)
			if (errno != EINTR)
				die("waitpid: %m");
		pids[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			result = 1;
	}
	return result;
}

/* What is wrong with a file, or NULL. */
static const char *fault(int dir, const char *name, uint64_t number)
{
	struct head head;
	struct stat st;
	const char *what = NULL;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		return strerror(errno);
	if (read(fd, &head, sizeof(head)) != sizeof(head) || !head_is_valid(&head))
		what = "no valid head";
	else if (head.number != number)
		what = "it is another one";
	else if ((uint64_t)st.st_size != sizeof(head) + head.length)
		what = "wrong length";
	else if (read(fd, data, head.length) != (ssize_t)head.length)
		what = "cannot be read";
	else {
		fill(expected, head.length, number);
		if (memcmp(data, expected, head.length))
			what = "wrong content";
	}
	close(fd);
	return what;
}

static int check(const char *path, bool quiet)
{
	unsigned int good = 0, bad = 0;

	for (unsigned int job = 0; job < MAX_JOBS; job++) {
		char sub[4096];
		struct dirent *entry;
		DIR *dir;

		snprintf(sub, sizeof(sub), "%.4000s/job%u", path, job);
		dir = opendir(sub);
		if (!dir) {
			if (errno == ENOENT)
				continue;
			die("%s: %m", sub);
		}
		while ((errno = 0, entry = readdir(dir))) {
			unsigned long long number;
			const char *what;

			if (sscanf(entry->d_name, "synced.%llu", &number) != 1 &&
			    (!quiet || sscanf(entry->d_name, "plain.%llu", &number) != 1))
				continue;
			what = fault(dirfd(dir), entry->d_name, number);
			if (what && bad < 10)
				fprintf(stderr, "files: %s/%s: %s\n", sub, entry->d_name, what);
			bad += !!what;
			good += !what;
		}
		if (errno)
			die("reading %s: %m", sub);
		closedir(dir);
	}
	printf("%u\n", good);
	return bad ? 1 : 0;
}

/* ------------------------------------------------------------------------
 * pair and records
 */

static unsigned char *record_buffer(void)
{
	unsigned char *buffer = aligned_alloc(4096, RECORD);

	if (!buffer)
		die("out of memory");
	return buffer;
}

static void make_record(unsigned char *buffer, uint64_t number)
{
	struct head head = make_head(number, RECORD - sizeof(head));

	memcpy(buffer, &head, sizeof(head));
	fill(buffer + sizeof(head), RECORD - sizeof(head), number);
}

/* PATH or PATH@OFFSET, which is cut off */
static off_t cut_offset(char *path)
{
	char *at = strrchr(path, '@');

	if (!at)
		return 0;
	*at = '\0';
	return (off_t)strtoull(at + 1, NULL, 0);
}

/* Files get written blocks, so that writing a record changes nothing else. */
static int open_records(char *path, off_t *offset)
{
	unsigned char *buffer = record_buffer();
	int fd;

	*offset = cut_offset(path);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_DSYNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die("%s: %m", path);
	memset(buffer, 0, RECORD);
	for (off_t i = 0; i < RECORDS; i++)
		if (pwrite(fd, buffer, RECORD, *offset + i * RECORD) != RECORD)
			die("%s: %m", path);
	if (fsync(fd))
		die("%s: %m", path);
	free(buffer);
	return fd;
}

static void chain(char **paths, int count)
{
	unsigned char *buffer = record_buffer();
	uint64_t number = 0;
	off_t offset[8];
	int fd[8];

	if (count > 8)
		die("at most 8 places");
	for (int i = 0; i < count; i++)
		fd[i] = open_records(paths[i], &offset[i]);
	while (!stop) {
		off_t at = (off_t)(++number % RECORDS * RECORD);

		make_record(buffer, number);
		for (int i = 0; i < count; i++)
			if (pwrite(fd[i], buffer, RECORD, offset[i] + at) != RECORD)
				die("writing record %llu to %s: %m", (unsigned long long)number,
				    paths[i]);
		usleep(5000);
	}
	printf("%llu records\n", (unsigned long long)number);
}

static uint64_t last_record(char *path)
{
	unsigned char *buffer = record_buffer(), *right = record_buffer();
	off_t offset = cut_offset(path);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint64_t last = 0;

	if (fd < 0)
		die("%s: %m", path);
	for (off_t i = 0; i < RECORDS; i++) {
		struct head *head = (struct head *)buffer;

		ssize_t n = pread(fd, buffer, RECORD, offset + i * RECORD);

		if (n < 0)
			die("reading %s: %m", path);
		/* It may just be in the making. */
		if (n != RECORD)
			break;
		if (!head_is_valid(head) || head->number % RECORDS != (uint64_t)i)
			continue;
		make_record(right, head->number);
		if (!memcmp(buffer, right, RECORD) && head->number > last)
			last = head->number;
	}
	close(fd);
	free(buffer);
	free(right);
	return last;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc >= 3 && !strcmp(argv[1], "work"))
		return run_jobs(argv[2], argc > 3 ? (unsigned int)atoi(argv[3]) : 2);
	if (argc >= 3 && !strcmp(argv[1], "check"))
		return check(argv[2], argc > 3 && !strcmp(argv[3], "quiet"));
	if (argc > 3 && !strcmp(argv[1], "chain")) {
		chain(argv + 2, argc - 2);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "records")) {
		for (int i = 2; i < argc; i++)
			printf("%llu%c", (unsigned long long)last_record(argv[i]),
			       i == argc - 1 ? '\n' : ' ');
		return 0;
	}
	fputs("usage: files work DIR [JOBS] | check DIR [quiet] | chain PATH... | records PATH...\n",
	      stderr);
	return 2;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * instant: takes a snapshot set of volumes and, at the very instant, a copy of
 * each volume's content to compare the images with.
 *
 * While the set is held no write is in flight on its volumes and none is let
 * in, so the copies are what the images must be.  Each volume is read twice,
 * which must give the same.  A partition is read through its disk: a read of
 * the partition itself would first write back what is dirty in its page cache,
 * and that write would be held.  For other devices the operand can tell what to
 * read instead: a device or file below it, and from which byte on.
 *
 * Prints a line "SNAPSHOT-UUID IMAGE-DEVICE COPY" for each volume.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vss/blockdev.h>
#include <vss/freeze.h>
#include <vss/kernel.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#define PIECE	(1U << 20)

struct source {
	char path[PATH_MAX];		/* what is read */
	uint64_t start;
	uint64_t size;
	int in;
	int out;
	char copy[PATH_MAX];
};

static void find_source(const struct vss_blockdev *volume, struct source *s)
{
	char link[64], real[PATH_MAX];
	FILE *f;

	snprintf(s->path, sizeof(s->path), "%s", volume->path);
	s->size = volume->size;
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u/start", volume->dev.major,
		 volume->dev.minor);
	f = fopen(link, "r");
	if (f) {
		unsigned long long sectors;
		char *slash;

		if (fscanf(f, "%llu", &sectors) != 1)
			die("%s: no number", link);
		fclose(f);
		s->start = sectors * 512;
		*strrchr(link, '/') = '\0';
		if (!realpath(link, real))
			die("%s: %m", link);
		*strrchr(real, '/') = '\0';
		slash = strrchr(real, '/');
		snprintf(s->path, sizeof(s->path), "/dev/%.64s", slash + 1);
	}
}

/* VOLUME or VOLUME=SOURCE:OFFSET */
static struct vss_devno take_operand(char *operand, uint64_t length, struct source *s)
{
	char *below = strchr(operand, '=');
	struct vss_blockdev volume;
	struct vss_devno dev;
	struct vss_error error;

	/* UUID=... and the like */
	if (operand[0] != '/')
		below = NULL;
	if (below)
		*below++ = '\0';
	if (vss_blockdev_resolve(operand, &volume, &error))
		die("%s", error.text);
	dev = volume.dev;
	find_source(&volume, s);
	vss_blockdev_clear(&volume);
	if (below) {
		char *colon = strrchr(below, ':');

		if (!colon)
			die("%s: no offset", below);
		snprintf(s->path, sizeof(s->path), "%.*s", (int)(colon - below), below);
		s->start = strtoull(colon + 1, NULL, 0);
	}
	if (length && length < s->size)
		s->size = length;
	s->in = open(s->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	/* tmpfs knows no O_DIRECT. */
	if (s->in < 0 && errno == EINVAL)
		s->in = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->in < 0)
		die("%s: %m", s->path);
	return dev;
}

/* Nothing is allocated here and nothing printed: file systems are frozen. */
static const char *copy_out(struct source *s, char *buffer)
{
	for (uint64_t at = 0; at < s->size; at += PIECE) {
		size_t n = s->size - at < PIECE ? s->size - at : PIECE;

		if (pread(s->in, buffer, n, (off_t)(s->start + at)) != (ssize_t)n)
			return "reading the volume";
		if (pwrite(s->out, buffer, n, (off_t)at) != (ssize_t)n)
			return "writing the copy";
	}
	return NULL;
}

static const char *compare(struct source *s, char *buffer)
{
	for (uint64_t at = 0; at < s->size; at += PIECE) {
		size_t n = s->size - at < PIECE ? s->size - at : PIECE;

		if (pread(s->in, buffer, n, (off_t)(s->start + at)) != (ssize_t)n)
			return "reading the volume again";
		if (pread(s->out, buffer + PIECE, n, (off_t)at) != (ssize_t)n)
			return "reading the copy";
		if (memcmp(buffer, buffer + PIECE, n)) {
			errno = EIO;
			return "the volume changed while held";
		}
	}
	return NULL;
}

static void step(struct vss_kernel *kernel, const struct vss_uuid *uuid,
		 enum vss_set_state state, struct vss_kernel_set *set)
{
	if (vss_kernel_set_step(kernel, uuid, state, set))
		die("step to state %d: %s", state, vss_kernel_error(kernel));
}

static void usage(void)
{
	fputs("usage: instant [--no-freeze] [--length BYTES] [--out DIR] [--name NAME]\n"
	      "               VOLUME[=SOURCE:OFFSET]...\n"
	      "Takes snapshots of attached volumes with a diff area. The copies are\n"
	      "DIR/NAME.0, DIR/NAME.1, ... (./copy.0, ...), of the first BYTES only if given.\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-freeze", no_argument, NULL, 'n' },
		{ "length", required_argument, NULL, 'l' },
		{ "out", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'N' },
		{ 0 },
	};
	static struct source sources[VSS_MAX_MEMBERS];
	static struct vss_kernel_member members[VSS_MAX_MEMBERS];
	static struct vss_devno devs[VSS_MAX_MEMBERS];
	static struct vss_kernel_set set;
	struct vss_kernel_set_request request = {
		.hold_timeout_ms = VSS_MAX_HOLD_TIMEOUT_MS,
		.freeze_timeout_ms = 2 * VSS_MAX_HOLD_TIMEOUT_MS,
		.members = members,
	};
	const char *dir = ".", *name = "copy", *failed = NULL;
	struct vss_freeze_plan plan = { 0 };
	struct vss_kernel *kernel;
	struct vss_error error;
	uint64_t length = 0;
	char *buffer;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'n': request.flags |= VSS_SET_F_NO_FREEZE; break;
		case 'l': length = strtoull(optarg, NULL, 0); break;
		case 'o': dir = optarg; break;
		case 'N': name = optarg; break;
		default: usage();
		}
	}
	request.member_count = (size_t)(argc - optind);
	if (!request.member_count || request.member_count > VSS_MAX_MEMBERS)
		usage();
	if (vss_kernel_open(&kernel, &error))
		die("%s", error.text);
	for (size_t i = 0; i < request.member_count; i++) {
		devs[i] = take_operand(argv[optind + (int)i], length, &sources[i]);
		snprintf(sources[i].copy, sizeof(sources[i].copy), "%.2000s/%.200s.%zu", dir, name, i);
		sources[i].out = open(sources[i].copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (sources[i].out < 0)
			die("%s: %m", sources[i].copy);
	}
	if (vss_freeze_plan_make(devs, request.member_count, &plan, &error))
		die("%s", error.text);
	vss_uuid_generate(&request.uuid);
	for (size_t i = 0; i < request.member_count; i++) {
		members[i].dev = devs[i];
		members[i].level = plan.levels[i];
		vss_uuid_generate(&members[i].snapshot);
	}
	if (!(request.flags & VSS_SET_F_NO_FREEZE)) {
		request.freezes = plan.freezes;
		request.freeze_count = plan.freeze_count;
	}
	buffer = aligned_alloc(4096, 2 * PIECE);
	if (!buffer || mlockall(MCL_CURRENT))
		die("memory: %m");
	if (vss_kernel_set_prepare(kernel, &request, &set))
		die("prepare: %s", vss_kernel_error(kernel));
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	step(kernel, &request.uuid, VSS_SET_HELD, &set);
	for (size_t i = 0; !failed && i < request.member_count; i++)
		failed = copy_out(&sources[i], buffer);
	for (size_t i = 0; !failed && i < request.member_count; i++)
		failed = compare(&sources[i], buffer);
	if (failed) {
		/* Closing the handle undoes the set. */
		opt = errno;
		vss_kernel_close(kernel);
		errno = opt;
		die("%s: %m", failed);
	}
	step(kernel, &request.uuid, VSS_SET_COMMITTED, &set);
	step(kernel, &request.uuid, VSS_SET_DONE, &set);
	prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	for (size_t i = 0; i < request.member_count; i++) {
		struct vss_kernel_snapshot snapshot;
		char text[VSS_UUID_TEXT_SIZE];

		if (vss_kernel_snapshot_get(kernel, &members[i].snapshot, &snapshot))
			die("%s", vss_kernel_error(kernel));
		printf("%s /dev/%s %s\n", vss_uuid_format(&members[i].snapshot, text),
		       snapshot.name, sources[i].copy);
	}
	vss_freeze_plan_clear(&plan);
	vss_kernel_close(kernel);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lossy: disks that lose what was not flushed when the power fails; a plugin
 * for nbdkit(1).
 *
 * Each disk is a file and an export of its own name.  What is written stays in
 * memory until a flush, or until it is written with FUA.  At the power failure,
 * which comes with the Nth write or flush and takes all disks at one instant,
 * each sector that waits in memory comes to the file or does not, in any of the
 * versions that were written since the last flush: writes are lost, torn and
 * out of order.  How many survive is drawn for each disk, none and all included.
 * Then the process is gone.
 *
 * Whoever wants it to fail in the middle of something puts a number N into the aim's file
 * just before: then it is the Nth write or flush from there on, and the file is deleted.
 *
 * Sectors of a disk that writes more at once (named behind unit=BYTES) share their fate within it.
 *
 *   nbdkit lossy.so [unit=BYTES] disk=NAME:FILE... [cut=N] [aim=FILE] [seed=N] [log=FILE]
 *
 * Ended in order it keeps everything.
 */
#define NBDKIT_API_VERSION 2

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

#define SECTOR		512U
#define MAX_DISKS	8
#define CUT_STATUS	99

/* What a sector was written with, the newest version first. */
struct version {
	struct version *older;
	unsigned char data[SECTOR];
};

struct disk {
	char *name;
	int fd;
	uint64_t unit;
	uint64_t size;
	struct version **sectors;	/* by number; NULL: as in the file */
	uint64_t *queue;		/* those that have got one since the last flush */
	uint64_t queued;
	bool *in_queue;			/* by number */
};

static struct disk disks[MAX_DISKS];
static unsigned int nr_disks;
static uint64_t cut_at;
static char *aim_path;
static uint64_t requests;
static uint64_t random_state = 1;
static uint64_t unit = SECTOR;
static FILE *log_file;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % below;
}

static bool to_file(struct disk *d, uint64_t sector, const unsigned char *data)
{
	return pwrite(d->fd, data, SECTOR, (off_t)(sector * SECTOR)) == SECTOR;
}

static void forget(struct disk *d, uint64_t sector)
{
	struct version *v = d->sectors[sector], *older;

	for (; v; v = older) {
		older = v->older;
		free(v);
	}
	d->sectors[sector] = NULL;
}

/* What is in memory comes to the file. */
static bool settle(struct disk *d)
{
	for (uint64_t i = 0; i < d->queued; i++) {
		uint64_t s = d->queue[i];

		if (d->sectors[s] && !to_file(d, s, d->sectors[s]->data))
			return false;
		forget(d, s);
		d->in_queue[s] = false;
	}
	d->queued = 0;
	return true;
}

static void lose(struct disk *d)
{
	static const unsigned int percents[] = { 0, 0, 20, 50, 80, 100 };
	unsigned int percent = percents[draw(sizeof(percents) / sizeof(percents[0]))];
	/* The last version only, or any. */
	bool any = draw(2);
	const uint64_t salt = random_state, rest = draw(UINT64_MAX);
	uint64_t kept = 0;

	for (uint64_t i = 0; i < d->queued; i++) {
		uint64_t s = d->queue[i];
		struct version *v = d->sectors[s];

		/* The same for all sectors of a unit. */
		random_state = (salt ^ (s * SECTOR / d->unit + 1) * 0x9e3779b97f4a7c15ULL) | 1;
		for (int n = 0; n < 4; n++)
			draw(2);
		if (!v || draw(100) >= percent)
			continue;
		while (any && v->older && draw(2))
			v = v->older;
		if (!to_file(d, s, v->data))
			fprintf(stderr, "lossy: %s: %s\n", d->name, strerror(errno));
		kept++;
	}
	random_state = rest | 1;
	if (log_file)
		fprintf(log_file, "%s: %llu of %llu sectors kept\n", d->name, (unsigned long long)kept,
			(unsigned long long)d->queued);
}

/* Counts a write or flush that comes; is it the one? */
static bool count_request(void)
{
	unsigned long long n;
	FILE *f = aim_path ? fopen(aim_path, "re") : NULL;

	if (f) {
		if (fscanf(f, "%llu", &n) == 1 && n) {
			cut_at = requests + n;
			if (log_file)
				fprintf(log_file, "aimed, %llu requests before\n", n - 1);
		}
		fclose(f);
		unlink(aim_path);
	}
	return ++requests == cut_at;
}

/* Before a flush is carried out, and within a write. */
static void fail_power(void)
{
	for (unsigned int i = 0; i < nr_disks; i++)
		lose(&disks[i]);
	if (log_file) {
		fprintf(log_file, "cut at request %llu\n", (unsigned long long)requests);
		fflush(log_file);
	}
	_exit(CUT_STATUS);
}

static uint64_t number(const char *value)
{
	return strtoull(value, NULL, 0);
}

static int add_disk(const char *value)
{
	struct disk *d = &disks[nr_disks];
	const char *colon = strchr(value, ':');
	struct stat st;

	if (!colon || nr_disks == MAX_DISKS) {
		nbdkit_error("bad disk '%s', want NAME:FILE, at most %d", value, MAX_DISKS);
		return -1;
	}
	d->name = strndup(value, (size_t)(colon - value));
	d->fd = open(colon + 1, O_RDWR | O_CLOEXEC);
	if (!d->name || d->fd < 0 || fstat(d->fd, &st)) {
		nbdkit_error("%s: %s", colon + 1, strerror(errno));
		return -1;
	}
	d->unit = unit;
	d->size = (uint64_t)st.st_size / SECTOR * SECTOR;
	d->sectors = calloc(d->size / SECTOR, sizeof(d->sectors[0]));
	d->queue = calloc(d->size / SECTOR, sizeof(d->queue[0]));
	d->in_queue = calloc(d->size / SECTOR, sizeof(d->in_queue[0]));
	if (!d->sectors || !d->queue || !d->in_queue) {
		nbdkit_error("no memory");
		return -1;
	}
	nr_disks++;
	return 0;
}

static int lossy_config(const char *key, const char *value)
{
	if (!strcmp(key, "disk")) {
		return add_disk(value);
	} else if (!strcmp(key, "cut")) {
		cut_at = number(value);
	} else if (!strcmp(key, "aim")) {
		aim_path = nbdkit_absolute_path(value);
		if (!aim_path)
			return -1;
	} else if (!strcmp(key, "seed")) {
		random_state = number(value) * 2 + 1;
	} else if (!strcmp(key, "unit")) {
		unit = number(value);
		if (!unit || unit % SECTOR) {
			nbdkit_error("unit=%s is no multiple of %u", value, SECTOR);
			return -1;
		}
	} else if (!strcmp(key, "log")) {
		log_file = fopen(value, "ae");
		if (!log_file) {
			nbdkit_error("%s: %s", value, strerror(errno));
			return -1;
		}
	} else {
		nbdkit_error("unknown parameter '%s'", key);
		return -1;
	}
	return 0;
}

static int lossy_config_complete(void)
{
	/* The first numbers of a small seed have little in them. */
	for (int i = 0; i < 16; i++)
		draw(2);
	if (nr_disks)
		return 0;
	nbdkit_error("no disk=NAME:FILE");
	return -1;
}

static void lossy_unload(void)
{
	for (unsigned int i = 0; i < nr_disks; i++) {
		if (!settle(&disks[i]))
			fprintf(stderr, "lossy: %s: %s\n", disks[i].name, strerror(errno));
		free(disks[i].sectors);
		free(disks[i].queue);
		free(disks[i].in_queue);
		free(disks[i].name);
		close(disks[i].fd);
	}
	free(aim_path);
	if (log_file) {
		fprintf(log_file, "ended in order after %llu requests\n", (unsigned long long)requests);
		fclose(log_file);
	}
}

static void *lossy_open(int readonly)
{
	const char *name = nbdkit_export_name();

	(void)readonly;
	for (unsigned int i = 0; i < nr_disks; i++)
		if (!strcmp(disks[i].name, name))
			return &disks[i];
	nbdkit_error("no disk '%s'", name);
	return NULL;
}

static int64_t lossy_get_size(void *handle)
{
	struct disk *d = handle;

	return (int64_t)d->size;
}

static int lossy_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = SECTOR;
	*preferred = 4096;
	*maximum = 1U << 25;
	return 0;
}

static int lossy_can_fua(void *handle)
{
	(void)handle;
	return NBDKIT_FUA_NATIVE;
}

static int lossy_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	struct disk *d = handle;
	unsigned char *at = buf;

	(void)flags;
	if (pread(d->fd, buf, count, (off_t)offset) != (ssize_t)count) {
		nbdkit_set_error(EIO);
		return -1;
	}
	for (uint64_t s = offset / SECTOR; s < (offset + count) / SECTOR; s++, at += SECTOR)
		if (d->sectors[s])
			memcpy(at, d->sectors[s]->data, SECTOR);
	return 0;
}

static int lossy_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	bool last = count_request(), fua = flags & NBDKIT_FLAG_FUA;
	struct disk *d = handle;
	const unsigned char *at = buf;

	for (uint64_t s = offset / SECTOR; s < (offset + count) / SECTOR; s++, at += SECTOR) {
		struct version *v;

		if (fua && !last) {
			forget(d, s);
			if (!to_file(d, s, at)) {
				nbdkit_set_error(EIO);
				return -1;
			}
			continue;
		}
		v = malloc(sizeof(*v));
		if (!v) {
			nbdkit_set_error(ENOMEM);
			return -1;
		}
		memcpy(v->data, at, SECTOR);
		v->older = d->sectors[s];
		d->sectors[s] = v;
		if (!d->in_queue[s]) {
			d->in_queue[s] = true;
			d->queue[d->queued++] = s;
		}
	}
	if (last)
		fail_power();
	return 0;
}

static int lossy_flush(void *handle, uint32_t flags)
{
	(void)flags;
	if (count_request())
		fail_power();
	if (settle(handle))
		return 0;
	nbdkit_set_error(EIO);
	return -1;
}

static struct nbdkit_plugin plugin = {
	.name = "lossy",
	.longname = "disks that lose what was not flushed",
	.unload = lossy_unload,
	.config = lossy_config,
	.config_complete = lossy_config_complete,
	.config_help = "disk=NAME:FILE  (required) a disk, exported by its name; several are one machine's\n"
		       "cut=N           the power fails with the Nth write or flush\n"
		       "aim=FILE        or with the Nth after N is in this file\n"
		       "seed=N          what is lost depends on it\n"
		       "log=FILE        is told what was lost",
	.open = lossy_open,
	.get_size = lossy_get_size,
	.block_size = lossy_block_size,
	.can_fua = lossy_can_fua,
	.pread = lossy_pread,
	.pwrite = lossy_pwrite,
	.flush = lossy_flush,
};

NBDKIT_REGISTER_PLUGIN(plugin)

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay-log: a volume and its persistent diff area as they were on their disk at
 * every flush, and whether the area's snapshots are right there.
 *
 * Both are one device of dm-log-writes, the volume first, the area behind it.  The
 * log has each write when it was surely on the disk: behind it a flush, or FUA.  So
 * the entries up to any of them, carried out on zeroes, are what a power failure
 * can leave.  What was going on is told by marks in the log:
 *
 *   ready		from here on there is an area
 *   begin		a snapshot is about to be made
 *   made:UUID		... and was reported; COPIES/UUID is the volume at its instant
 *   going:UUID		it is about to be deleted
 *   gone:UUID		... and was reported as deleted
 *
 * At every point that is looked at, the offline reader must find nothing wrong, and
 * the snapshots alive must be those that there can be, with the content of their copy.
 *
 *   replay-log [--points N] [--loads N] [--seed N] --volume BYTES LOG TARGET COPIES
 *
 * TARGET is a file, as long as the device.  At some points "load ENTRY USED UUID..." is
 * printed: the bytes in use and the snapshots alive; TARGET stays as it was there until
 * a line comes on stdin.
 */
#include <endian.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vss/types.h>

#include "tool.h"

#define die(...)	die_with(1, __VA_ARGS__)

#include "disk.h"

/* The format of the log, as the kernel's dm-log-writes writes it. */
#define LOG_MAGIC	0x6a736677736872ULL
#define LOG_VERSION	1

enum log_flag {
	LOG_FLUSH	= 1 << 0,
	LOG_FUA		= 1 << 1,
	LOG_DISCARD	= 1 << 2,
	LOG_MARK	= 1 << 3,
};

/* In the first sector. */
struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
};

/* In a sector of its own, before the data; the text of a mark follows it there. */
struct log_entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

struct entry {
	uint64_t flags;
	uint64_t to;			/* byte of the target */
	uint64_t size;			/* bytes of data */
	uint64_t at;			/* byte of the log where they are */
};

/* A snapshot, by the number of the entry from which on something is so. */
struct snapshot {
	char uuid[VSS_UUID_TEXT_SIZE];
	size_t begun;
	size_t made;
	size_t going;
	size_t gone;
	const uint8_t *copy;		/* of the volume at its instant */
	bool seen;			/* by the reader, at this point */
};

#define MAX_SNAPSHOTS	1024

struct replay {
	int log;
	int target;
	uint8_t *data;			/* the target */
	uint64_t size;
	uint64_t volume;		/* bytes of it that are the volume */
	const char *copies;
	struct entry *entries;
	size_t nr_entries;
	size_t ready;
	struct snapshot snapshots[MAX_SNAPSHOTS];
	size_t nr_snapshots;
	size_t points;			/* of those flushed and those not, 0: all that are flushed */
	size_t loads;
	uint64_t random;
	/* Counts */
	size_t flushed_points;
	size_t other_points;
	size_t compared;
	size_t dropped;
	size_t changes;			/* of halves that were seen */
	uint32_t half;
	size_t in_change;		/* points where more is read than a half is filled with */
	size_t unreported;		/* snapshots seen that nobody was told of yet, or any more */
};

static uint64_t draw(struct replay *r, uint64_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (r->random >> 11) % below;
}

/* ---- the log ---- */

static void read_log(const struct replay *r, uint64_t at, void *buffer, uint64_t size)
{
	if (pread(r->log, buffer, size, (off_t)at) != (ssize_t)size)
		die("cannot read %llu bytes of the log at %llu: %m", (unsigned long long)size,
		    (unsigned long long)at);
}

static struct snapshot *snapshot_of(struct replay *r, const char *uuid)
{
	for (size_t i = 0; i < r->nr_snapshots; i++)
		if (!strcmp(r->snapshots[i].uuid, uuid))
			return &r->snapshots[i];
	return NULL;
}

static void add_snapshot(struct replay *r, const char *uuid, size_t begun, size_t made)
{
	struct snapshot *s = &r->snapshots[r->nr_snapshots];
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (r->nr_snapshots++ == MAX_SNAPSHOTS)
		die("more than %d snapshots", MAX_SNAPSHOTS);
	*s = (struct snapshot) { .begun = begun, .made = made, .going = SIZE_MAX, .gone = SIZE_MAX };
	if (strlen(uuid) >= sizeof(s->uuid))
		die("'%s' is no UUID", uuid);
	strcpy(s->uuid, uuid);
	snprintf(path, sizeof(path), "%s/%s", r->copies, uuid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || (uint64_t)st.st_size != r->volume)
		die("%s is no copy of the volume: %m", path);
	s->copy = mmap(NULL, r->volume, PROT_READ, MAP_SHARED, fd, 0);
	if (s->copy == MAP_FAILED)
		die("%s: %m", path);
	close(fd);
}

/* Returns the number of the last "begin". */
static size_t take_mark(struct replay *r, char *text, size_t number, size_t begun)
{
	char *uuid = strchr(text, ':');
	struct snapshot *s;

	if (uuid)
		*uuid++ = '\0';
	if (!strcmp(text, "begin"))
		return number;
	if (!strcmp(text, "ready"))
		r->ready = number;
	if (!uuid)
		return begun;
	if (!strcmp(text, "made")) {
		add_snapshot(r, uuid, begun, number);
		return begun;
	}
	s = snapshot_of(r, uuid);
	if (!s)
		die("mark %s of a snapshot that was never made: %s", text, uuid);
	if (!strcmp(text, "going"))
		s->going = number;
	else if (!strcmp(text, "gone"))
		s->gone = number;
	else
		die("unknown mark '%s'", text);
	return begun;
}

static void load_log(struct replay *r)
{
	uint64_t at, sector_size, flushes = 0;
	struct log_super super;
	size_t begun = 0;

	read_log(r, 0, &super, sizeof(super));
	if (le64toh(super.magic) != LOG_MAGIC || le64toh(super.version) != LOG_VERSION)
		die("this is no log of dm-log-writes");
	r->nr_entries = le64toh(super.nr_entries);
	sector_size = le32toh(super.sector_size);
	if (sector_size < 512 || sector_size > 4096)
		die("sectors of %llu bytes", (unsigned long long)sector_size);
	r->entries = calloc(r->nr_entries, sizeof(*r->entries));
	if (!r->entries)
		die("no memory for %zu entries", r->nr_entries);
	r->ready = SIZE_MAX;
	at = sector_size;
	for (size_t i = 0; i < r->nr_entries; i++) {
		struct entry *e = &r->entries[i];
		char sector[4096 + 1] = { 0 };
		struct log_entry head;

		read_log(r, at, sector, sector_size);
		memcpy(&head, sector, sizeof(head));
		at += sector_size;
		e->flags = le64toh(head.flags);
		e->to = le64toh(head.sector) * sector_size;
		e->size = le64toh(head.nr_sectors) * sector_size;
		e->at = at;
		if (e->size && (e->to > r->size || e->size > r->size - e->to))
			die("entry %zu does not fit %s", i, r->copies);
		flushes += !!(e->flags & LOG_FLUSH);
		if (e->flags & LOG_MARK)
			begun = take_mark(r, sector + sizeof(head), i, begun);
		/* What is discarded may stay as it was: so it does here, and it has no data. */
		if (e->flags & (LOG_DISCARD | LOG_MARK))
			e->size = 0;
		at += e->size;
	}
	if (r->ready == SIZE_MAX || !flushes)
		die("%zu entries, %llu flushes: no mark 'ready', or nothing happened", r->nr_entries,
		    (unsigned long long)flushes);
}

/* ---- what is there ---- */

/* For a snapshot: the oldest copy not older than it, of each chunk. */
struct view {
	uint32_t epoch;
	uint32_t *tags;
	uint32_t *slots;
};

static void see(void *data, uint64_t chunk, uint32_t nr, uint32_t tag, uint32_t slot)
{
	struct view *v = data;

	for (uint32_t i = 0; i < nr; i++) {
		if (tag < v->epoch || (v->tags[chunk + i] && v->tags[chunk + i] <= tag))
			continue;
		v->tags[chunk + i] = tag;
		v->slots[chunk + i] = slot == VSS_DISK_UNREADABLE ? slot : slot + i;
	}
}

/* The number of the first chunk that is not as in the copy, or that of chunks; where on the target it is. */
static uint64_t first_wrong(const struct replay *r, struct vssctl_disk *disk, uint32_t epoch, const uint8_t *copy,
			    uint64_t *where)
{
	struct view v = {
		.epoch = epoch,
		.tags = calloc(disk->nr_chunks, sizeof(*v.tags)),
		.slots = calloc(disk->nr_chunks, sizeof(*v.slots)),
	};
	uint64_t c;

	if (!v.tags || !v.slots || vssctl_disk_copies(disk, see, &v))
		die("no memory");
	for (c = 0; c < disk->nr_chunks; c++) {
		uint64_t start = c * disk->chunk_size;
		uint64_t n = r->volume - start < disk->chunk_size ? r->volume - start : disk->chunk_size;

		/* The area is one part, a whole device: slots are where their numbers say. */
		*where = v.tags[c] ? r->volume + (uint64_t)v.slots[c] * disk->chunk_size : start;
		if ((v.tags[c] && v.slots[c] >= disk->nr_slots) || memcmp(r->data + *where, copy + start, n))
			break;
	}
	free(v.tags);
	free(v.slots);
	return c;
}

static void print_entry(const struct replay *r, size_t i)
{
	const struct entry *e = &r->entries[i];

	fprintf(stderr, "entry %zu:%s%s%s%s", i, e->flags & LOG_FLUSH ? " flush" : "", e->flags & LOG_FUA ? " fua" : "",
		e->flags & LOG_DISCARD ? " discard" : "", e->flags & LOG_MARK ? " mark" : "");
	if (e->size)
		fprintf(stderr, " %llu bytes at %llu of the %s", (unsigned long long)e->size,
			(unsigned long long)(e->to < r->volume ? e->to : e->to - r->volume),
			e->to < r->volume ? "volume" : "area");
	fprintf(stderr, "\n");
}

/* What has been written there so far. */
static void print_history(const struct replay *r, size_t point, uint64_t where, uint64_t size)
{
	for (size_t i = 0; i <= point; i++)
		if (r->entries[i].to < where + size && r->entries[i].to + r->entries[i].size > where)
			print_entry(r, i);
}

/* A sentence about what is wrong with a snapshot that is alive, or NULL. */
static const char *judge(struct replay *r, size_t point, struct vssctl_disk *disk,
			 const struct vssctl_disk_snapshot *found)
{
	static char text[256];
	char uuid[VSS_UUID_TEXT_SIZE];
	struct vss_uuid bytes;
	struct snapshot *s;
	uint64_t chunk, where = 0;

	memcpy(bytes.bytes, found->uuid, sizeof(bytes.bytes));
	vss_uuid_format(&bytes, uuid);
	s = snapshot_of(r, uuid);
	if (!s || point < s->begun) {
		snprintf(text, sizeof(text), "snapshot %s is there that nobody has made", uuid);
		return text;
	}
	if (point >= s->gone) {
		snprintf(text, sizeof(text), "snapshot %s is there though it was deleted", uuid);
		return text;
	}
	s->seen = true;
	r->unreported += point < s->made || point >= s->going;
	chunk = first_wrong(r, disk, found->epoch, s->copy, &where);
	r->compared++;
	if (chunk == disk->nr_chunks)
		return NULL;
	print_history(r, point, where, disk->chunk_size);
	snprintf(text, sizeof(text), "snapshot %s is wrong from chunk %llu on, which is at %llu of the %s", uuid,
		 (unsigned long long)chunk, (unsigned long long)(where < r->volume ? where : where - r->volume),
		 where < r->volume ? "volume" : "area");
	return text;
}

/* All is printed that helps; TARGET stays as it is. */
__attribute__((noreturn))
static void wrong(const struct replay *r, size_t point, const struct vssctl_disk *disk, const char *what)
{
	for (size_t i = 0; i < disk->nr_problems; i++)
		fprintf(stderr, "%s\n", disk->problems[i].text);
	for (size_t i = point < 12 ? 0 : point - 12; i <= point; i++)
		print_entry(r, i);
	die("after entry %zu of %zu: %s", point, r->nr_entries, what);
}

static void ask_for_load(struct replay *r, size_t point, const struct vssctl_disk *disk)
{
	printf("load %zu %llu", point, (unsigned long long)disk->used_slots * disk->chunk_size);
	for (size_t i = 0; i < r->nr_snapshots; i++)
		if (r->snapshots[i].seen)
			printf(" %s", r->snapshots[i].uuid);
	printf("\n");
	fflush(stdout);
	if (getchar() != '\n')
		exit(1);
}

static void look(struct replay *r, size_t point, bool load)
{
	struct vssctl_disk_source source = { .fd = r->target, .name = "the area", .offset = r->volume };
	struct vssctl_disk disk;
	uint32_t half;

	/* Copies are compared themselves, so their checksums may be left out. */
	if (vssctl_disk_read(&disk, &source, 1, false))
		die("no memory");
	if (disk.nr_problems && disk.worst > VSSCTL_DISK_NOTE)
		wrong(r, point, &disk, "the area is not sound");
	if (disk.volume_size != r->volume)
		wrong(r, point, &disk, "the area is another volume's");
	for (size_t i = 0; i < r->nr_snapshots; i++)
		r->snapshots[i].seen = false;
	for (size_t i = 0; i < disk.nr_snapshots; i++) {
		const char *what;

		if (disk.snapshots[i].life == VSSCTL_DISK_LOST)
			wrong(r, point, &disk, "a snapshot is lost");
		if (disk.snapshots[i].life != VSSCTL_DISK_ALIVE)
			continue;
		what = judge(r, point, &disk, &disk.snapshots[i]);
		if (what)
			wrong(r, point, &disk, what);
	}
	for (size_t i = 0; i < r->nr_snapshots; i++) {
		const struct snapshot *s = &r->snapshots[i];
		char text[128];

		if (point < s->made || point >= s->going || s->seen)
			continue;
		snprintf(text, sizeof(text), "snapshot %s was made, and is not there", s->uuid);
		wrong(r, point, &disk, text);
	}
	half = le32toh(disk.parts[0].super.log_half);
	r->changes += half != r->half;
	r->half = half;
	r->in_change += disk.blocks > disk.half_blocks / 4 * 3;
	r->dropped += disk.dropped_groups;
	if (load)
		ask_for_load(r, point, &disk);
	vssctl_disk_clear(&disk);
}

/* ---- replaying ---- */

static bool is_flushed(const struct entry *e)
{
	return e->flags & (LOG_FLUSH | LOG_FUA | LOG_MARK);
}

/*
 * At each point that was flushed, or at about as many as were asked for; then also at
 * half as many between: what was not flushed may be on the disk as well.
 */
static void replay(struct replay *r)
{
	size_t flushed = 0, others = 0, loads = r->loads, points;

	for (size_t i = r->ready; i < r->nr_entries; i++) {
		flushed += is_flushed(&r->entries[i]);
		others += !is_flushed(&r->entries[i]);
	}
	points = r->points && r->points < flushed ? r->points : flushed;
	for (size_t i = 0; i < r->nr_entries; i++) {
		const struct entry *e = &r->entries[i];
		bool chosen, load;

		if (e->size)
			read_log(r, e->at, r->data + e->to, e->size);
		if (i < r->ready)
			continue;
		if (is_flushed(e))
			chosen = e->flags & LOG_MARK || draw(r, flushed) < points;
		else
			chosen = draw(r, 2 * others) < points;
		if (!chosen)
			continue;
		/* Spread over what is left of the points, as if these were spread evenly. */
		load = loads && draw(r, (r->nr_entries - i) * 3) * points < 2 * loads * (r->nr_entries - r->ready);
		loads -= load;
		look(r, i, load);
		*(is_flushed(e) ? &r->flushed_points : &r->other_points) += 1;
	}
	printf("entries=%zu flushed=%zu flushed_points=%zu other_points=%zu compared=%zu unreported=%zu dropped=%zu changes=%zu in_change=%zu\n",
	       r->nr_entries, flushed, r->flushed_points, r->other_points, r->compared, r->unreported, r->dropped,
	       r->changes, r->in_change);
}

__attribute__((noreturn))
static void usage(void)
{
	fputs("usage: replay-log [--points N] [--loads N] [--seed N] --volume BYTES LOG TARGET COPIES\n"
	      "  --volume BYTES  what of the device is the volume; the area is behind it\n"
	      "  --points N      look at about as many flushed states, and half as many others (all)\n"
	      "  --loads N       stop at about as many of them (0)\n"
	      "  --seed N        which ones\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "points", required_argument, NULL, 'p' },
		{ "loads", required_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 's' },
		{ "volume", required_argument, NULL, 'v' },
		{ 0 },
	};
	static struct replay r = { .random = 1 };
	struct stat st;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p': r.points = strtoull(optarg, NULL, 0); break;
		case 'l': r.loads = strtoull(optarg, NULL, 0); break;
		case 's': r.random = strtoull(optarg, NULL, 0) * 2 + 1; break;
		case 'v': r.volume = strtoull(optarg, NULL, 0); break;
		default: usage();
		}
	}
	if (argc - optind != 3 || !r.volume)
		usage();
	/* The first numbers of a small seed have little in them. */
	for (int i = 0; i < 16; i++)
		draw(&r, 2);
	r.log = open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (r.log < 0)
		die("%s: %m", argv[optind]);
	r.target = open(argv[optind + 1], O_RDWR | O_CLOEXEC);
	if (r.target < 0 || fstat(r.target, &st))
		die("%s: %m", argv[optind + 1]);
	r.size = (uint64_t)st.st_size;
	r.copies = argv[optind + 2];
	if (r.size <= r.volume)
		die("%s has no room for an area", argv[optind + 1]);
	r.data = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, r.target, 0);
	if (r.data == MAP_FAILED)
		die("%s: %m", argv[optind + 1]);
	load_log(&r);
	replay(&r);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The work of a revert, in two passes: the image of a shadow copy is compared with its
 * volume, and what differs is noted in a plan; then what the plan names is written.
 *
 * The image is read while the volume is written.  What differs was copied before it was
 * changed, so the image has it from the diff area and does not change with the volume;
 * what it has from the volume is the same there, and not written.  So no copy is made
 * and no room taken, and it can be begun again from the start at any time.
 *
 * Whatever cannot be read shows up before the first write.  And the plan is a proof: as
 * long as only the revert has written, each sector is the image's or what the plan has a
 * sum of, in whichever order writes came to disk, and however a power failure tore them.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uuid.h>

#include "cleanup.h"
#include "error.h"
#include "revert.h"
#include "vssctl/pieces.h"

#define PIECE	((size_t)1 << 20)	/* read and written at a time */
#define ALIGN	4096			/* of memory, for direct I/O */

/* Comparing is the first half of what is told; 100 is when it is on disk. */
#define COMPARED	50
#define COPIED		99
/* So often it is told how far that is. */
#define TELL_STEP	10

/* ---- the plan's file ---- */

/* All little endian.  @count is written last. */
struct plan_header {
	char magic[8];
	uint64_t size;
	uint64_t count;
	uint32_t block;
	uint32_t reserved;
};

/* A write may be torn between these parts of a block: sectors of 512 bytes, where a block has 4096. */
#define PARTS		8

struct plan_entry {
	uint64_t block;			/* number */
	uint32_t sums[PARTS];
};

static const char plan_magic[8] = "vssplan2";

uint64_t revert_plan_room(uint64_t used)
{
	return sizeof(struct plan_header) + used / REVERT_BLOCK * sizeof(struct plan_entry);
}

static uint32_t sum_of(const struct revert_work *work, const void *part, size_t size)
{
	uint32_t sum;
	uuid_t hash;

	uuid_generate_sha1(hash, work->snapshot.bytes, part, size);
	memcpy(&sum, hash, sizeof(sum));
	return sum;
}

/* A volume may end in the middle of a block. */
static size_t part_of(const struct revert_work *work, size_t at, size_t size)
{
	const size_t part = work->block / PARTS;

	return size - at < part ? size - at : part;
}

static struct plan_entry entry_of(const struct revert_work *work, uint64_t block, const char *old, size_t size)
{
	struct plan_entry entry = { .block = htole64(block) };

	for (size_t at = 0, i = 0; at < size; at += work->block / PARTS, i++)
		entry.sums[i] = sum_of(work, old + at, part_of(work, at, size));
	return entry;
}

/* Each part is the new one, or what the plan says that was there. */
static bool is_on_the_way(const struct revert_work *work, const struct plan_entry *entry, const char *new,
			  const char *now, size_t size)
{
	for (size_t at = 0, i = 0; at < size; at += work->block / PARTS, i++) {
		const size_t part = part_of(work, at, size);

		if (memcmp(now + at, new + at, part) && entry->sums[i] != sum_of(work, now + at, part))
			return false;
	}
	return true;
}

static FILE *plan_stream(const struct revert_work *work, const char *mode, struct vss_error *err)
{
	int fd = dup(work->plan);
	FILE *file = fd < 0 ? NULL : fdopen(fd, mode);

	if (file && !fseek(file, 0, SEEK_SET))
		return file;
	vss_error_set(err, -errno, VSS_E_PROVIDER_VETO, "cannot open the plan of the revert: %s", strerror(errno));
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

static int plan_fail(struct vss_error *err, int ret)
{
	return vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot store the plan of the revert: %s", strerror(-ret));
}

/* With the entries on disk, the header makes a plan of them. */
static int plan_seal(const struct revert_work *work, FILE *file, struct vss_error *err)
{
	struct plan_header header = {
		.size = htole64(work->size),
		.count = htole64(work->count),
		.block = htole32(work->block),
	};

	memcpy(header.magic, plan_magic, sizeof(header.magic));
	if (fflush(file) || fdatasync(work->plan) || pwrite(work->plan, &header, sizeof(header), 0) != sizeof(header) ||
	    fsync(work->plan))
		return plan_fail(err, errno ? -errno : -EIO);
	return 0;
}

static FILE *plan_begin(struct revert_work *work, struct vss_error *err)
{
	_cleanup_file_ FILE *file = plan_stream(work, "r", err);
	struct plan_header header;

	if (!file)
		return NULL;
	if (fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.magic, plan_magic, sizeof(header.magic)) ||
	    le64toh(header.size) != work->size || le32toh(header.block) != work->block ||
	    le64toh(header.count) > (work->size - 1) / work->block + 1) {
		vss_error_set(err, -EUCLEAN, VSS_E_PROVIDER_VETO, "the plan of the revert is damaged");
		return NULL;
	}
	work->count = le64toh(header.count);
	return keep_ptr(file);
}

/* Where a sealed plan ends.  0 or a negative errno. */
static int plan_end(int plan, off_t *end)
{
	struct plan_header header;

	if (pread(plan, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.magic, plan_magic, sizeof(header.magic)))
		return -EUCLEAN;
	*end = (off_t)(sizeof(header) + le64toh(header.count) * sizeof(struct plan_entry));
	return 0;
}

int revert_plan_keep(int plan, const void *front, size_t size)
{
	off_t end;
	int ret = plan_end(plan, &end);

	if (!ret)
		ret = vssctl_write_piece(plan, front, size, (uint64_t)end);
	return ret ? ret : fsync(plan) ? -errno : 0;
}

int revert_plan_kept(int plan, void *front, size_t size)
{
	off_t end;
	int ret = plan_end(plan, &end);

	return ret ? ret : pread(plan, front, size, end) == (ssize_t)size ? 0 : -EUCLEAN;
}

/* 1 with an entry, 0 at the end, or a negative errno. */
static int plan_next(const struct revert_work *work, FILE *file, uint64_t *left, struct plan_entry *entry)
{
	if (!*left)
		return 0;
	if (fread(entry, sizeof(*entry), 1, file) != 1)
		return ferror(file) ? -EIO : -EUCLEAN;
	--*left;
	entry->block = le64toh(entry->block);
	return entry->block > (work->size - 1) / work->block ? -EUCLEAN : 1;
}

/* ---- pieces ---- */

static int fail(struct vss_error *err, int ret, const char *what, uint64_t offset)
{
	return vss_error_set(err, ret, VSS_E_REVERT_VOLUME_LOST, "cannot %s at byte %llu: %s", what,
			     (unsigned long long)offset, strerror(-ret));
}

/* ---- comparing ---- */

/* @new, @now: what the image and the volume have.  0 or a negative errno, with a sentence in @err. */
typedef int (*differs_fn)(void *data, uint64_t block, const char *new, const char *now, size_t size,
			  struct vss_error *err);

static int compare_piece(const struct revert_work *work, const char *new, const char *now, size_t size,
			 uint64_t offset, differs_fn differs, void *data, struct vss_error *err)
{
	for (size_t at = 0; at < size; at += work->block) {
		size_t block = size - at < work->block ? size - at : work->block;
		int ret;

		if (!memcmp(new + at, now + at, block))
			continue;
		ret = differs(data, (offset + at) / work->block, new + at, now + at, block, err);
		if (ret)
			return ret;
	}
	return 0;
}

static int compare(const struct revert_work *work, uint64_t start, differs_fn differs, void *data,
		   struct vss_error *err)
{
	_cleanup_free_ char *memory = aligned_alloc(ALIGN, 2 * PIECE);
	char *new = memory, *now = memory ? memory + PIECE : NULL;
	int ret;

	if (!memory)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	for (uint64_t offset = start; offset < work->size;) {
		size_t piece = work->size - offset < PIECE ? (size_t)(work->size - offset) : PIECE;

		if (atomic_load(work->stop))
			return -ECANCELED;
		ret = vssctl_read_piece(work->image, new, piece, offset);
		if (ret)
			return fail(err, ret, "read the shadow copy", offset);
		ret = vssctl_read_piece(work->origin, now, piece, offset);
		if (ret)
			return fail(err, ret, "read the volume", offset);
		ret = compare_piece(work, new, now, piece, offset, differs, data, err);
		if (ret)
			return ret;
		offset += piece;
		if (work->percent)
			atomic_store(work->percent, (unsigned int)(offset * COMPARED / work->size));
	}
	return 0;
}

struct planning {
	struct revert_work *work;
	FILE *file;
};

static int note(void *data, uint64_t block, const char *new, const char *now, size_t size, struct vss_error *err)
{
	struct planning *p = data;
	const struct plan_entry entry = entry_of(p->work, block, now, size);

	(void)new;
	if (fwrite(&entry, sizeof(entry), 1, p->file) != 1)
		return plan_fail(err, errno ? -errno : -EIO);
	p->work->count++;
	return 0;
}

int revert_plan(struct revert_work *work, struct vss_error *err)
{
	_cleanup_file_ FILE *file = NULL;
	const struct plan_header none = { 0 };
	struct planning planning = { .work = work };
	int ret;

	if (ftruncate(work->plan, 0))
		return plan_fail(err, -errno);
	file = plan_stream(work, "w", err);
	if (!file)
		return -EIO;
	planning.file = file;
	work->count = 0;
	if (fwrite(&none, sizeof(none), 1, file) != 1)
		return plan_fail(err, errno ? -errno : -EIO);
	ret = compare(work, 0, note, &planning, err);
	return ret ? ret : plan_seal(work, file, err);
}

/* @left: blocks of the plan that are not written */
static unsigned int copied(const struct revert_work *work, uint64_t left)
{
	return COMPARED + (unsigned int)((work->count - left) * (COPIED - COMPARED) / (work->count + 1));
}

struct proof {
	const struct revert_work *work;
	FILE *file;
	struct plan_entry entry;	/* the next one, if @more */
	uint64_t left;
	int more;
	uint64_t from;
	bool any;
};

/* A block that differs must be one that is to be written still. */
static int prove(void *data, uint64_t block, const char *new, const char *now, size_t size, struct vss_error *err)
{
	struct proof *p = data;

	while (p->more > 0 && p->entry.block < block)
		p->more = plan_next(p->work, p->file, &p->left, &p->entry);
	if (!p->any) {
		p->from = block;
		atomic_store(p->work->percent, copied(p->work, p->left));
	}
	p->any = true;
	if (p->more < 0)
		return vss_error_set(err, p->more, VSS_E_PROVIDER_VETO, "the plan of the revert is damaged");
	if (p->more && p->entry.block == block && is_on_the_way(p->work, &p->entry, new, now, size))
		return 0;
	return vss_error_set(err, -ESTALE, VSS_E_REVERT_VOLUME_LOST, "something else has written the volume "
			     "since, at byte %llu", (unsigned long long)(block * p->work->block));
}

int revert_verify(struct revert_work *work, uint64_t *from, struct vss_error *err)
{
	_cleanup_file_ FILE *file = plan_begin(work, err);
	struct proof proof = { .work = work, .file = file, .left = work->count };
	struct revert_work quiet = *work;
	int ret;

	if (!file)
		return -EUCLEAN;
	proof.more = plan_next(work, file, &proof.left, &proof.entry);
	/* What is told would go back. */
	quiet.percent = NULL;
	ret = compare(&quiet, work->hidden, prove, &proof, err);
	*from = proof.any ? proof.from : UINT64_MAX;
	return ret;
}

/* ---- copying ---- */

struct run {
	uint64_t first;			/* number of a block */
	uint64_t blocks;
};

static int copy_run(const struct revert_work *work, char *buffer, const struct run *run, struct vss_error *err)
{
	uint64_t offset = run->first * work->block, end = offset + run->blocks * work->block;
	size_t size = (size_t)((end < work->size ? end : work->size) - offset);
	int ret = vssctl_read_piece(work->image, buffer, size, offset);

	if (ret)
		return fail(err, ret, "read the shadow copy", offset);
	ret = vssctl_write_piece(work->origin, buffer, size, offset);
	return ret ? fail(err, ret, "write the volume", offset) : 0;
}

int revert_copy(struct revert_work *work, uint64_t from, struct vss_error *err)
{
	_cleanup_free_ char *buffer = aligned_alloc(ALIGN, PIECE);
	_cleanup_file_ FILE *file = plan_begin(work, err);
	struct run run = { 0 };
	struct plan_entry entry = { 0 };
	uint64_t left = work->count;
	unsigned int told = COMPARED;
	int more, ret;

	if (!file)
		return -EUCLEAN;
	if (!buffer)
		return vss_error_errno(err, -ENOMEM, "out of memory");
	do {
		more = plan_next(work, file, &left, &entry);
		if (more < 0)
			return vss_error_set(err, more, VSS_E_PROVIDER_VETO, "the plan of the revert is damaged");
		if (more && (entry.block < from || entry.block * work->block < work->hidden))
			continue;
		if (more && run.blocks && entry.block == run.first + run.blocks &&
		    (run.blocks + 1) * work->block <= PIECE) {
			run.blocks++;
			continue;
		}
		if (atomic_load(work->stop))
			return -ECANCELED;
		ret = run.blocks ? copy_run(work, buffer, &run, err) : 0;
		if (ret)
			return ret;
		run = (struct run) { .first = entry.block, .blocks = 1 };
		atomic_store(work->percent, copied(work, left));
		if (work->tell && copied(work, left) >= told + TELL_STEP) {
			told = copied(work, left);
			work->tell(work->data, told);
		}
	} while (more);
	atomic_store(work->percent, COPIED);
	return fsync(work->origin) ? fail(err, -errno, "flush the volume", work->size) : 0;
}

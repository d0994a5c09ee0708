// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a revert by the system provider writes, what proves that nobody else has, its records.
 */
#include "unit.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/internal.h"
#include "system/revert.h"

#define SIZE	((3U << 20) + 12 * 512)	/* not whole pieces, nor whole blocks */

struct files {
	char dir[64];
	char *new, *old, *now;
	struct revert_work work;
	atomic_uint percent;
	atomic_bool stop;
	unsigned int told[100];
	char path[2][96];
	size_t tells;
};

static int open_file(const struct files *f, const char *name, const char *content)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, SIZE), SIZE);
	return fd;
}

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vss-test-revert-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->new = malloc(SIZE);
	f->old = malloc(SIZE);
	f->now = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		f->new[i] = f->old[i] = (char)(i * 2654435761U >> 24);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f->new);
	free(f->old);
	free(f->now);
	free(f);
	return 0;
}

static void tell(void *data, unsigned int percent)
{
	struct files *f = data;

	assert_true(f->tells < COUNT(f->told));
	f->told[f->tells++] = percent;
}

/* The volume of today, an image, and a plan that is empty. */
static void open_files(struct files *f)
{
	f->work = (struct revert_work) {
		.image = open_file(f, "image", f->new),
		.origin = open_file(f, "origin", f->old),
		.size = SIZE,
		.block = REVERT_BLOCK,
		.plan = open_file(f, "plan", f->old),
		.percent = &f->percent,
		.stop = &f->stop,
		.tell = tell,
		.data = f,
	};
	vss_uuid_generate(&f->work.snapshot);
	assert_int_equal(ftruncate(f->work.plan, 0), 0);
}

static void close_files(struct files *f)
{
	close(f->work.image);
	close(f->work.origin);
	close(f->work.plan);
}

static const char *now(struct files *f)
{
	assert_int_equal(pread(f->work.origin, f->now, SIZE, 0), SIZE);
	return f->now;
}

/* Single bytes at edges of blocks and pieces, and long runs. */
static void make_different(struct files *f)
{
	static const size_t places[] = { 0, 16383, 16384, 40960, (1U << 20) - 1, 1U << 20, SIZE - 1 };

	for (size_t i = 0; i < COUNT(places); i++)
		f->old[places[i]] ^= 1;
	memset(f->old + 300000, 7, 200000);
}

static void writes_what_differs(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_memory_equal(now(f), f->old, SIZE);
	assert_int_equal(atomic_load(&f->percent), 50);
	assert_int_equal(revert_copy(&f->work, 0, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	assert_int_equal(atomic_load(&f->percent), 99);
	/* On the way it was told how far it was, rising. */
	assert_true(f->tells >= 1);
	for (size_t i = 1; i < f->tells; i++)
		assert_true(f->told[i] > f->told[i - 1]);
	close_files(f);
}

/*
 * A neighbour in the same 16 KiB is in another chunk where chunks have 4 KiB: writing it,
 * even unchanged, would copy it.  What each write covers is seen in a file with holes.
 */
static void writes_no_neighbour(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	struct stat st;

	memset(f->new, 0, SIZE);
	memset(f->old, 0, SIZE);
	f->new[5 * 4096 + 17] = 1;
	f->new[9 * 4096] = 1;
	open_files(f);
	assert_int_equal(ftruncate(f->work.origin, 0), 0);
	assert_int_equal(ftruncate(f->work.origin, SIZE), 0);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_int_equal(f->work.count, 2);
	assert_int_equal(revert_copy(&f->work, 0, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	assert_int_equal(fstat(f->work.origin, &st), 0);
	assert_int_equal(st.st_blocks * 512, 2 * 4096);
	close_files(f);
}

/* A file that may only be read shows that nothing is written where nothing differs. */
static void writes_nothing_else(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	char path[96];

	open_files(f);
	close(f->work.origin);
	snprintf(path, sizeof(path), "%s/origin", f->dir);
	f->work.origin = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_int_equal(f->work.count, 0);
	assert_int_equal(revert_copy(&f->work, 0, &err), 0);
	assert_int_equal(pwrite(f->work.image, "x", 1, 2 << 20), 1);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_int_equal(revert_copy(&f->work, 0, &err), -EBADF);
	assert_int_equal(err.result, VSS_E_REVERT_VOLUME_LOST);
	assert_non_null(strstr(err.text, "write the volume at byte 2097152"));
	close_files(f);
}

/* What cannot be read is found before anything is written. */
static void image_fails(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;

	make_different(f);
	open_files(f);
	assert_int_equal(ftruncate(f->work.image, 1 << 20), 0);
	assert_int_equal(revert_plan(&f->work, &err), -EIO);
	assert_non_null(strstr(err.text, "read the shadow copy at byte 1048576"));
	assert_memory_equal(now(f), f->old, SIZE);
	/* and what there is of a plan is none */
	assert_int_equal(revert_copy(&f->work, 0, &err), -EUCLEAN);
	assert_memory_equal(now(f), f->old, SIZE);
	close_files(f);
}

static void stops_when_told(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	atomic_store(&f->stop, true);
	assert_int_equal(revert_copy(&f->work, 0, &err), -ECANCELED);
	assert_memory_equal(now(f), f->old, SIZE);
	assert_int_equal(revert_plan(&f->work, &err), -ECANCELED);
	close_files(f);
}

/* ---- the proof ---- */

static void put(struct files *f, const char *content, size_t offset, size_t size)
{
	assert_int_equal(pwrite(f->work.origin, content + offset, size, (off_t)offset), size);
}

/* Whichever of the blocks came to disk before the end: it goes on, and is right. */
static void goes_on(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	uint64_t from;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(from, 0);
	put(f, f->new, 0, 4096);
	put(f, f->new, 1U << 20, 4096);
	put(f, f->new, 80 * 4096, 2 * 4096);
	atomic_store(&f->percent, 0);
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(from, 3);
	assert_true(atomic_load(&f->percent) >= 50);
	assert_int_equal(revert_copy(&f->work, from, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	/* done: there is nothing left, and nothing to write */
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_true(from == UINT64_MAX);
	close_files(f);
}

/* A power failure tears writes at any sector: it goes on, and is right. */
static void torn_writes(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	uint64_t from;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	for (size_t at = 0; at < SIZE; at += 512) {
		if ((uint32_t)(at / 512) * 2654435761U >> 31)
			put(f, f->new, at, 512);
	}
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(revert_copy(&f->work, from, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	close_files(f);
}

/* One byte from somebody else, in what was written, in what was not, in what is to stay: it ends. */
static void others_are_found(void **state)
{
	static const size_t places[] = { 100, 4096, 300500, 700000, (1U << 20) + 600, SIZE - 1 };
	struct vss_error err = { 0 };
	struct files *f = *state;
	uint64_t from;
	char text[32];

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	put(f, f->new, 0, 4096);
	/* torn: what is behind its first sector was not written */
	put(f, f->new, 1U << 20, 512);
	for (size_t i = 0; i < COUNT(places); i++) {
		char was, other;

		assert_int_equal(pread(f->work.origin, &was, 1, (off_t)places[i]), 1);
		other = (char)(was ^ 0x40);
		assert_int_equal(pwrite(f->work.origin, &other, 1, (off_t)places[i]), 1);
		assert_int_equal(revert_verify(&f->work, &from, &err), -ESTALE);
		snprintf(text, sizeof(text), "at byte %zu", places[i] / 4096 * 4096);
		assert_non_null(strstr(err.text, text));
		assert_int_equal(pwrite(f->work.origin, &was, 1, (off_t)places[i]), 1);
	}
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	close_files(f);
}

/* A plan of another revert, one that is cut short, one that is not sealed. */
static void bad_plans(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	const uint64_t most = UINT64_MAX;
	uint64_t from, count;
	struct stat st;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	vss_uuid_generate(&f->work.snapshot);
	assert_int_equal(revert_verify(&f->work, &from, &err), -ESTALE);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	f->work.size -= 512;
	assert_int_equal(revert_verify(&f->work, &from, &err), -EUCLEAN);
	f->work.size += 512;
	assert_int_equal(fstat(f->work.plan, &st), 0);
	assert_int_equal((uint64_t)st.st_size, 32 + 40 * f->work.count);
	count = htole64(f->work.count);
	assert_true((uint64_t)st.st_size <= revert_plan_room(f->work.count * REVERT_BLOCK));
	/* a number of blocks that the volume does not have */
	assert_int_equal(pwrite(f->work.plan, &most, sizeof(most), 16), sizeof(most));
	assert_int_equal(revert_verify(&f->work, &from, &err), -EUCLEAN);
	assert_int_equal(revert_copy(&f->work, 0, &err), -EUCLEAN);
	assert_memory_equal(now(f), f->old, SIZE);
	assert_int_equal(pwrite(f->work.plan, &count, sizeof(count), 16), sizeof(count));
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(ftruncate(f->work.plan, st.st_size - 1), 0);
	assert_int_equal(revert_verify(&f->work, &from, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "damaged"));
	assert_int_equal(revert_copy(&f->work, 0, &err), -EUCLEAN);
	assert_int_equal(ftruncate(f->work.plan, 0), 0);
	assert_int_equal(revert_verify(&f->work, &from, &err), -EUCLEAN);
	close_files(f);
}

/* Behind the plan there is room for what is hidden, and it does no harm. */
static void kept_with_the_plan(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	char kept[5000];
	uint64_t from;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan_keep(f->work.plan, f->old, sizeof(kept)), -EUCLEAN);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	assert_int_equal(revert_plan_kept(f->work.plan, kept, sizeof(kept)), -EUCLEAN);
	assert_int_equal(revert_plan_keep(f->work.plan, f->old, sizeof(kept)), 0);
	assert_int_equal(revert_plan_kept(f->work.plan, kept, sizeof(kept)), 0);
	assert_memory_equal(kept, f->old, sizeof(kept));
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(revert_copy(&f->work, from, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	close_files(f);
}

/* What a veil hides is neither looked at nor written, but in the plan. */
static void hidden(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	uint64_t from, all;

	make_different(f);
	open_files(f);
	assert_int_equal(revert_plan(&f->work, &err), 0);
	all = f->work.count;
	f->work.hidden = 8 * 4096;
	memset(f->old, 0x77, f->work.hidden);
	put(f, f->old, 0, f->work.hidden);
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_int_equal(from, 10);
	assert_int_equal(revert_copy(&f->work, from, &err), 0);
	memcpy(f->new, f->old, f->work.hidden);
	assert_memory_equal(now(f), f->new, SIZE);
	assert_int_equal(revert_verify(&f->work, &from, &err), 0);
	assert_true(from == UINT64_MAX);
	assert_int_equal(f->work.count, all);
	/* from the start, as when nothing was broken off */
	put(f, f->old, f->work.hidden, SIZE - f->work.hidden);
	assert_int_equal(revert_copy(&f->work, 0, &err), 0);
	assert_memory_equal(now(f), f->new, SIZE);
	f->work.hidden = 0;
	assert_int_equal(revert_verify(&f->work, &from, &err), -ESTALE);
	close_files(f);
}

/* ---- which volume it is ---- */

static void identities(void **state)
{
	struct revert_identity was = { .name = "/dev/a", .dev = { 8, 1 }, .size = 4096 }, is = was;
	struct files *f = *state;
	struct vss_uuid boot;
	int fd;

	/* nothing but a name and a size */
	assert_true(revert_is_same(&was, "", &is));
	strcpy(is.name, "/dev/b");
	assert_false(revert_is_same(&was, "", &is));
	/* the same boot: the number */
	revert_boot(&boot);
	assert_false(vss_uuid_is_null(&boot));
	was.boot = is.boot = boot;
	assert_true(revert_is_same(&was, "", &is));
	is.dev.minor++;
	assert_false(revert_is_same(&was, "", &is));
	/* the file system, as it was or as it is to be; not the name then */
	strcpy(was.fs, "aaaa");
	strcpy(is.fs, "aaaa");
	assert_true(revert_is_same(&was, "", &is));
	strcpy(is.fs, "bbbb");
	assert_true(revert_is_same(&was, "bbbb", &is));
	strcpy(is.name, was.name);
	assert_false(revert_is_same(&was, "", &is));
	/* the disk before all that, and never another size */
	strcpy(was.device, "wwid 1");
	strcpy(is.device, "wwid 1");
	assert_true(revert_is_same(&was, "", &is));
	strcpy(is.device, "wwid 2");
	strcpy(is.fs, "aaaa");
	assert_false(revert_is_same(&was, "", &is));
	strcpy(is.device, "wwid 1");
	is.size++;
	assert_false(revert_is_same(&was, "", &is));

	/* a file has its beginning only */
	fd = open_file(f, "volume", f->old);
	revert_identify("/sys", "/dev/c", fd, &was);
	assert_string_equal(was.name, "/dev/c");
	assert_string_equal(was.fs, "");
	assert_string_equal(was.device, "");
	assert_int_equal(strlen(was.head), 36);
	revert_identify("/sys", "/dev/d", fd, &is);
	assert_true(revert_is_same(&was, "", &is));
	assert_int_equal(pwrite(fd, "changed", 7, 1024), 7);
	revert_identify("/sys", "/dev/d", fd, &is);
	assert_string_not_equal(was.head, is.head);
	close(fd);
}

/* Under a veil there is no UUID, but the name of the shadow copy. */
static void identity_by_veil(void **state)
{
	struct revert_identity was = { .name = "/dev/a", .size = 4096, .fs = "aaaa", .veil = { "a copy" } };
	struct revert_identity is = { .name = "/dev/b", .size = 4096 };

	(void)state;
	assert_false(revert_is_same(&was, "", &is));
	is.veil = was.veil;
	assert_true(revert_is_same(&was, "", &is));
	assert_false(revert_is_made_anew(&was, "", &is));
	is.veil.bytes[0]++;
	assert_false(revert_is_same(&was, "", &is));
	is.veil = was.veil;
	is.size++;
	assert_false(revert_is_same(&was, "", &is));
}

/*
 * Half a revert is history only when the volume has another file system: neither what a mount
 * writes to it, nor what could not be read, is one.
 */
static void made_anew(void **state)
{
	struct revert_identity was = { .fs = "aaaa", .head = "1" }, is = was;

	(void)state;
	assert_false(revert_is_made_anew(&was, "aaaa", &is));
	strcpy(is.head, "2");
	assert_false(revert_is_made_anew(&was, "aaaa", &is));
	assert_false(revert_is_made_anew(&was, "", &is));
	strcpy(is.fs, "bbbb");
	assert_false(revert_is_made_anew(&was, "bbbb", &is));
	assert_true(revert_is_made_anew(&was, "aaaa", &is));
	assert_true(revert_is_made_anew(&was, "", &is));
	/* nothing was read */
	is.head[0] = '\0';
	assert_false(revert_is_made_anew(&was, "aaaa", &is));
	strcpy(is.head, "2");
	is.fs[0] = '\0';
	assert_false(revert_is_made_anew(&was, "aaaa", &is));
	was.fs[0] = '\0';
	assert_false(revert_is_made_anew(&was, "", &is));
}

/* ---- records ---- */

struct seen {
	size_t count;
	struct revert_record record;
};

static void see(void *data, struct revert_record *record)
{
	struct seen *seen = data;

	seen->count++;
	seen->record = *record;
	revert_record_close(record);
	seen->record.fd = -1;
}

static struct seen read_records(const char *dir)
{
	struct seen seen = { 0 };

	revert_records_read(dir, see, &seen);
	return seen;
}

static struct revert_record example(void)
{
	struct revert_record record = {
		.state = REVERT_WRITING,
		.volume = {
			.name = "/dev/mapper/a", .dev = { 253, 7 }, .size = 1ULL << 42, .device = "dm LVM-x",
			.fs = "0123-4567", .head = "6fa459ea-ee8a-5ca4-894e-db77e160355e",
		},
		.image_fs = "89ab",
		.epoch = 12, .overlay = 1ULL << 33, .writes = 1ULL << 35, .mixed = true, .percent = 60,
		.why = "it was not\nto be=so", .fd = -1,
	};

	vss_uuid_generate(&record.snapshot);
	vss_uuid_generate(&record.area);
	revert_boot(&record.volume.boot);
	return record;
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/reverts/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void records(void **state)
{
	struct revert_record record = example();
	struct files *f = *state;
	struct seen seen;
	uint64_t room;
	char dir[96];

	/* the state directory is made too, as vssd's own is */
	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	assert_int_equal(read_records(dir).count, 0);
	assert_int_equal(revert_record_remove(dir, &record), 0);
	record.state = REVERT_WRITING;
	assert_int_equal(revert_record_write(dir, &record), 0);
	assert_int_equal(revert_record_room(dir, &room), 0);
	assert_true(room > 0);
	/* what is no record: half written, empty, of another name, of no known state */
	write_file(dir, "00000000-0000-0000-0000-000000000001.new", "state=writing\nend=\n");
	write_file(dir, "00000000-0000-0000-0000-000000000001", "");
	write_file(dir, "00000000-0000-0000-0000-000000000002", "state=writing\nname=/dev/a\n");
	write_file(dir, "00000000-0000-0000-0000-000000000003", "state=perhaps\nend=\n");
	write_file(dir, "00000000-0000-0000-0000-000000000004", "no line");
	seen = read_records(dir);
	assert_int_equal(seen.count, 1);
	strcpy(record.why, "it was not to be=so");
	assert_true(vss_uuid_equal(&seen.record.snapshot, &record.snapshot));
	assert_true(vss_uuid_equal(&seen.record.area, &record.area));
	assert_true(vss_uuid_equal(&seen.record.volume.boot, &record.volume.boot));
	assert_int_equal(seen.record.state, REVERT_WRITING);
	assert_string_equal(seen.record.volume.name, record.volume.name);
	assert_int_equal(seen.record.volume.dev.major, 253);
	assert_int_equal(seen.record.volume.dev.minor, 7);
	assert_int_equal(seen.record.volume.size, record.volume.size);
	assert_string_equal(seen.record.volume.device, record.volume.device);
	assert_string_equal(seen.record.volume.fs, record.volume.fs);
	assert_string_equal(seen.record.volume.head, record.volume.head);
	assert_string_equal(seen.record.image_fs, record.image_fs);
	assert_int_equal(seen.record.epoch, record.epoch);
	assert_int_equal(seen.record.overlay, record.overlay);
	assert_int_equal(seen.record.writes, record.writes);
	assert_true(seen.record.mixed);
	assert_int_equal(seen.record.percent, 60);
	assert_string_equal(seen.record.why, record.why);
	assert_int_equal(revert_record_remove(dir, &record), 0);
	assert_int_equal(read_records(dir).count, 0);
	revert_record_close(&record);
	/* where no record can be, no revert begins */
	assert_true(revert_record_write("/proc/none", &record) < 0);
	/* names that others have given cannot break it in pieces */
	strcpy(record.volume.device, "serial a\nstate=done   ");
	strcpy(record.volume.fs, "b\nc");
	strcpy(record.image_fs, "\nend=");
	record.state = REVERT_WRITING;
	assert_int_equal(revert_record_write(dir, &record), 0);
	seen = read_records(dir);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.record.state, REVERT_WRITING);
	assert_string_equal(seen.record.volume.device, "serial a state=done   ");
	assert_string_equal(seen.record.volume.fs, "b c");
	assert_string_equal(seen.record.image_fs, " end=");
	revert_record_close(&record);
	assert_true(revert_record_room("/proc/none", &room) < 0);
}

/* One that cannot be removed is marked: what is done is not begun again. */
static void stuck_record(void **state)
{
	struct revert_record record = example();
	char dir[96], plan[200], id[VSS_UUID_TEXT_SIZE];
	struct files *f = *state;
	struct seen seen;
	int fd;

	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	assert_int_equal(revert_record_write(dir, &record), 0);
	assert_int_equal(revert_plan_open(dir, &record.snapshot, false), -ENOENT);
	fd = revert_plan_open(dir, &record.snapshot, true);
	assert_true(fd >= 0);
	close(fd);
	/* a plan that is a folder cannot be unlinked, nor then is the record */
	snprintf(plan, sizeof(plan), "%s/reverts/%s.plan", dir, vss_uuid_format(&record.snapshot, id));
	assert_int_equal(unlink(plan), 0);
	assert_int_equal(mkdir(plan, 0700), 0);
	assert_true(revert_record_remove(dir, &record) < 0);
	seen = read_records(dir);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.record.state, REVERT_DONE);
	assert_string_equal(seen.record.volume.name, record.volume.name);
	assert_int_equal(rmdir(plan), 0);
	assert_int_equal(revert_record_remove(dir, &record), 0);
	assert_int_equal(read_records(dir).count, 0);
	revert_record_close(&record);
}

/* One that another takes the place of goes whole, or stays as it was: not as one that is done. */
static void dropped_record(void **state)
{
	struct revert_record record = example();
	char dir[96], path[200], id[VSS_UUID_TEXT_SIZE];
	struct files *f = *state;
	struct seen seen;
	int fd;

	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	assert_int_equal(revert_record_drop(dir, &record), 0);
	record.state = REVERT_FAILED;
	assert_int_equal(revert_record_write(dir, &record), 0);
	fd = revert_plan_open(dir, &record.snapshot, true);
	assert_true(fd >= 0);
	close(fd);
	/* a folder in its place cannot be unlinked */
	snprintf(path, sizeof(path), "%s/reverts/%s", dir, vss_uuid_format(&record.snapshot, id));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(revert_record_drop(dir, &record) < 0);
	assert_int_equal(record.state, REVERT_FAILED);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(revert_record_write(dir, &record), 0);
	seen = read_records(dir);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.record.state, REVERT_FAILED);
	assert_int_equal(revert_record_drop(dir, &record), 0);
	assert_int_equal(read_records(dir).count, 0);
	assert_int_equal(revert_plan_open(dir, &record.snapshot, false), -ENOENT);
	revert_record_close(&record);
}

/* ---- one of an earlier life ---- */

/*
 * One that cannot go on yet, here because the module cannot be asked, is not given up; while it
 * waits its shadow copy stays, and its volume gets no new one, whatever it is called now.
 */
static void waiting(void **state)
{
	struct files *f = *state;
	struct revert_record record = example(), other = example();
	struct vss_blockdev volume = { .path = f->path[0] }, another = { .path = f->path[1] };
	struct system s = { .state_dir = f->dir };
	struct vss_error err = { 0 };
	uint32_t percent;
	int fd = open_file(f, "volume", f->old);

	snprintf(f->path[0], sizeof(f->path[0]), "%s/volume", f->dir);
	snprintf(f->path[1], sizeof(f->path[1]), "%s/another", f->dir);
	revert_identify("/sys", "/dev/once", fd, &record.volume);
	close(fd);
	f->old[0] ^= 1;
	close(open_file(f, "another", f->old));
	/* of an earlier boot: then only what is read tells which volume it is */
	vss_uuid_generate(&record.volume.boot);
	other.state = REVERT_FAILED;
	assert_int_equal(revert_record_write(f->dir, &record), 0);
	assert_int_equal(revert_record_write(f->dir, &other), 0);
	system_reverts_resume(&s, NULL, false);
	assert_true(system_reverting_to(&s, &record.snapshot, &err));
	assert_non_null(strstr(err.text, "the kernel module answers"));
	assert_false(system_reverting_to(&s, &other.snapshot, &err));
	assert_true(system_reverting(&s, &volume, &err));
	assert_non_null(strstr(err.text, "broken off at 60 percent"));
	assert_false(system_reverting(&s, &another, &err));
	/* what cannot be looked at may be it */
	assert_int_equal(unlink(f->path[1]), 0);
	assert_true(system_reverting(&s, &another, &err));
	assert_non_null(strstr(err.text, "cannot look at"));
	assert_int_equal(system_query_revert(&s, "/dev/null", &percent, &err), S_OK);
	system_reverts_stop(&s);
	assert_int_equal(read_records(f->dir).count, 2);

	/* without its shadow copy, that ended with the boot, it has failed; without the module that is known */
	memset(&record.area, 0, sizeof(record.area));
	assert_int_equal(revert_record_write(f->dir, &record), 0);
	assert_int_equal(revert_record_remove(f->dir, &other), 0);
	system_reverts_resume(&s, NULL, false);
	assert_int_equal(read_records(f->dir).record.state, REVERT_WRITING);
	system_reverts_stop(&s);
	system_reverts_resume(&s, NULL, true);
	assert_false(system_reverting_to(&s, &record.snapshot, &err));
	assert_int_equal(read_records(f->dir).record.state, REVERT_FAILED);
	system_reverts_stop(&s);
	revert_record_close(&record);
	revert_record_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_what_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_no_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(image_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_when_told, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_plans, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_with_the_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(identities, setup, teardown),
		cmocka_unit_test(identity_by_veil),
		cmocka_unit_test(made_anew),
		cmocka_unit_test_setup_teardown(records, setup, teardown),
		cmocka_unit_test_setup_teardown(stuck_record, setup, teardown),
		cmocka_unit_test_setup_teardown(dropped_record, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What fuzzing the offline reader of diff areas begins with and has come across.
 *
 * The seeds are areas that disk-image.h has written, put into the fuzz target's form.
 * CORPUS_SEEDS=DIR saves them in a folder, for the corpus, when the format has changed.
 */
#include "../fuzz/fuzz-diff-area.c"

#include "corpus.h"
#include "disk-image.h"

#define CHUNK		4096U
#define VOLUME		(120 * (uint64_t)CHUNK - 1024)
#define SLOTS		176U		/* 11 units of 64 KiB */
#define MAX_SEED	16384

struct seed {
	uint8_t data[MAX_SEED];
	size_t size;
};

static void put(struct seed *seed, const void *data, size_t size)
{
	assert_true(seed->size + size <= sizeof(seed->data));
	memcpy(seed->data + seed->size, data, size);
	seed->size += size;
}

static void put_seed_piece(struct seed *seed, size_t part, bool ramp, uint64_t sector, const void *data, size_t size)
{
	const uint8_t head[FUZZ_PIECE] = {
		(uint8_t)(part << 6 | (ramp ? FUZZ_RAMP : 0) | sector >> 8), (uint8_t)sector,
		(uint8_t)size, (uint8_t)(size >> 8),
	};

	assert_true(sector < 1 << 13);
	put(seed, head, sizeof(head));
	put(seed, data, ramp ? 1 : size);
}

/* Length without the zeroes at the end. */
static size_t trimmed(const uint8_t *data, size_t size)
{
	while (size && !data[size - 1])
		size--;
	return size;
}

static bool is_ramp(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != (uint8_t)(data[0] + i + (i >> 8) * 3))
			return false;
	return true;
}

static void put_part(struct seed *seed, const struct image *im, size_t part, uint64_t size)
{
	uint8_t chunk[CHUNK];

	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t n;

		assert_int_equal(pread(im->sources[part].fd, chunk, CHUNK, (off_t)(im->sources[part].offset + at)), CHUNK);
		n = trimmed(chunk, CHUNK);
		if (n > CHUNK / 2 && is_ramp(chunk, n)) {
			put_seed_piece(seed, part, true, at / FUZZ_SECTOR, chunk, n);
			continue;
		}
		for (size_t i = 0; i < n; i += FUZZ_SECTOR) {
			size_t m = trimmed(chunk + i, n - i < FUZZ_SECTOR ? n - i : FUZZ_SECTOR);

			if (m)
				put_seed_piece(seed, part, false, (at + i) / FUZZ_SECTOR, chunk + i, m);
		}
	}
}

/* Each part on a device of the same size, of as many units as it takes. */
static void encode(const struct image *im, struct seed *seed)
{
	uint64_t offset = im->sources[0].offset;
	uint64_t size = (uint64_t)lseek(im->sources[0].fd, 0, SEEK_END);
	const uint8_t head[FUZZ_HEAD] = {
		(uint8_t)(im->nr_parts - 1), (uint8_t)(size / FUZZ_UNIT - 1), (uint8_t)(offset / FUZZ_OFFSET),
	};

	assert_int_equal(size % FUZZ_UNIT, 0);
	assert_int_equal(offset % FUZZ_OFFSET, 0);
	seed->size = 0;
	put(seed, head, sizeof(head));
	for (size_t i = 0; i < im->nr_parts; i++) {
		assert_int_equal(lseek(im->sources[i].fd, 0, SEEK_END), size);
		put_part(seed, im, i, size - offset);
	}
}

/* ---- the seeds ---- */

static void take(struct image *im, uint32_t epoch)
{
	image_begin(im, epoch);
	image_snapshot(im, epoch, false);
	image_end(im);
	image_begin(im, epoch);
	image_event(im, VSS_DISK_SEALED, epoch, 0);
	image_end(im);
}

static void copy(struct image *im, uint32_t epoch, uint64_t chunk, uint8_t nr, uint32_t slot)
{
	static const uint32_t versions[16];

	image_begin(im, epoch);
	image_copy(im, chunk, nr, slot, versions);
	image_end(im);
}

static void event(struct image *im, enum vss_disk_type type, uint32_t epoch, uint16_t reason)
{
	image_begin(im, epoch);
	image_event(im, type, epoch, reason);
	image_end(im);
}

/* Two snapshots alive, one deleted between them; ends with slot @first + 14. */
static void history(struct image *im, uint32_t log_block)
{
	uint32_t slot;

	image_new(im, CHUNK, log_block, VOLUME, SLOTS, log_block == 4096 ? 16 : 8);
	slot = image_first_slot(im, 0);
	take(im, 1);
	copy(im, 1, 3, 4, slot);
	take(im, 2);
	copy(im, 2, 4, 2, slot + 4);
	copy(im, 2, 117, 3, slot + 6);
	take(im, 3);
	copy(im, 3, 0, 5, slot + 9);
	event(im, VSS_DISK_GONE, 2, 0);
}

static void in_use(struct image *im)
{
	history(im, 512);
}

static void large_blocks(struct image *im)
{
	history(im, 4096);
	image_super(im, VSS_DISK_CLEAN);
}

static void in_order(struct image *im)
{
	history(im, 512);
	image_super(im, VSS_DISK_CLEAN);
}

static void lost(struct image *im)
{
	history(im, 512);
	event(im, VSS_DISK_GONE, 1, 1);
	im->super.lost_reason = htole32(2);
	image_super(im, VSS_DISK_LOST);
	image_super(im, VSS_DISK_LOST);
}

/* A copy that could not be read, one that came too late, a snapshot that was never complete. */
static void rarities(struct image *im)
{
	uint32_t slot;

	history(im, 512);
	slot = image_first_slot(im, 0) + 14;
	copy(im, 3, 20, 2, VSS_DISK_UNREADABLE);
	event(im, VSS_DISK_GONE, 3, 0);
	copy(im, 3, 30, 1, slot);
	image_begin(im, 4);
	image_snapshot(im, 4, false);
	image_copy(im, 40, 1, slot + 1, (uint32_t []) { 0 });
	image_end(im);
}

/* Of the last group the content is missing. */
static void torn(struct image *im)
{
	uint8_t zero[FUZZ_SECTOR] = { 0 };

	history(im, 512);
	copy(im, 3, 50, 1, image_first_slot(im, 0) + 14);
	image_write(im->sources[0].fd, zero, sizeof(zero),
		    (image_first_slot(im, 0) + 14) * (uint64_t)CHUNK + FUZZ_SECTOR);
}

static void told_again(struct image *im)
{
	uint32_t slot;

	history(im, 512);
	slot = image_first_slot(im, 0);
	image_switch(im, 3);
	image_begin(im, 3);
	image_snapshot(im, 1, true);
	image_snapshot(im, 3, true);
	image_map(im, 3, 4, slot, 1);
	image_map(im, 117, 3, slot + 6, 1);
	image_end(im);
	copy(im, 3, 60, 1, slot + 14);
	image_begin(im, 3);
	image_map(im, 0, 5, slot + 9, 3);
	image_event(im, VSS_DISK_WHOLE, 0, 0);
	image_end(im);
}

static void other_half(struct image *im)
{
	uint64_t first;

	history(im, 512);
	first = im->seq + 1;
	image_switch(im, 3);
	assert_int_equal(im->seq, first);
	image_begin(im, 3);
	image_snapshot(im, 1, true);
	image_snapshot(im, 3, true);
	image_map(im, 3, 4, image_first_slot(im, 0), 1);
	image_event(im, VSS_DISK_WHOLE, 0, 0);
	image_end(im);
	image_forget(im, first);
	image_forget(im, first);
	copy(im, 3, 70, 1, image_first_slot(im, 0) + 14);
}

static void two_parts(struct image *im)
{
	image_new(im, CHUNK, 512, VOLUME, SLOTS, 2);
	image_add_part(im, SLOTS, 2);
	image_super(im, VSS_DISK_ACTIVE);
	image_super(im, VSS_DISK_ACTIVE);
	take(im, 1);
	for (uint8_t i = 0; i < 20; i++)
		copy(im, 1, i, 1, image_first_slot(im, i % 2) + i / 2);
}

/* A file in two extents, the second one first. */
static void a_file(struct image *im)
{
	struct vss_disk_extents block = {
		.magic = htole32(VSS_DISK_EXTENT_MAGIC),
		.nr = htole32(2),
		.extents = { { htole64(32 * CHUNK), htole64(64 * CHUNK + 1024) }, { htole64(0), htole64(32 * CHUNK) } },
	};

	image_new(im, CHUNK, 512, VOLUME, 96, 2);
	im->sources[0].offset = 32 * CHUNK;
	memcpy(block.uuid, im->super.parts[0].uuid, sizeof(block.uuid));
	block.crc = htole32(vssctl_disk_crc(&block, sizeof(block), offsetof(struct vss_disk_extents, crc)));
	for (unsigned int i = 0; i < 2; i++)
		image_write(im->sources[0].fd, &block, sizeof(block), 33 * CHUNK + i * VSS_DISK_SUPER_STRIDE);
	im->super.nr_extents = htole32(2);
	assert_int_equal(ftruncate(im->sources[0].fd, 128 * CHUNK), 0);
	image_super(im, VSS_DISK_ACTIVE);
	image_super(im, VSS_DISK_ACTIVE);
	take(im, 1);
	copy(im, 1, 3, 4, image_first_slot(im, 0));
}

static const struct {
	const char *name;
	void (*make)(struct image *im);
	unsigned int alive;
} seeds[] = {
	{ "in-use", in_use, 2 },
	{ "in-order", in_order, 2 },
	{ "large-blocks", large_blocks, 2 },
	{ "lost", lost, 0 },
	{ "rarities", rarities, 1 },
	{ "torn", torn, 2 },
	{ "told-again", told_again, 2 },
	{ "other-half", other_half, 2 },
	{ "two-parts", two_parts, 1 },
	{ "a-file", a_file, 1 },
};

static void save(const char *folder, const char *name, const struct seed *seed)
{
	char *path;
	FILE *f;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(seed->data, 1, seed->size, f), seed->size);
	assert_int_equal(fclose(f), 0);
	free(path);
}

/* Put into the target's form they are the areas they were: nothing is wrong with them. */
static void seeds_are_sound(void **state)
{
	const char *folder = getenv("CORPUS_SEEDS");

	(void)state;
	for (size_t i = 0; i < COUNT(seeds); i++) {
		static struct image im;
		static struct seed seed;
		struct vssctl_disk disk;
		unsigned int alive = 0;
		struct input in;

		memset(&im, 0, sizeof(im));
		seeds[i].make(&im);
		encode(&im, &seed);
		image_free(&im);
		if (folder)
			save(folder, seeds[i].name, &seed);
		assert_true(lay_out(&in, seed.data, seed.size));
		read_area(&in, false, true, &disk);
		for (size_t k = 0; k < disk.nr_problems; k++)
			print_error("%s: %s\n", seeds[i].name, disk.problems[k].text);
		assert_int_equal(disk.nr_problems, 0);
		for (size_t k = 0; k < disk.nr_snapshots; k++)
			alive += disk.snapshots[k].life == VSSCTL_DISK_ALIVE;
		assert_int_equal(alive, seeds[i].alive);
		assert_true(!alive || disk.used_slots);
		vssctl_disk_clear(&disk);
	}
}

/* The corpus has them as they are written now. */
static void corpus_has_the_seeds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(seeds); i++) {
		static struct image im;
		static struct seed seed;
		struct file file;
		char *name, *path;

		memset(&im, 0, sizeof(im));
		seeds[i].make(&im);
		encode(&im, &seed);
		image_free(&im);
		assert_true(asprintf(&name, "tests/fuzz/corpus/diff-area/%s", seeds[i].name) > 0);
		path = source_path(name);
		file = read_file(path);
		assert_int_equal(file.size, seed.size);
		assert_memory_equal(file.data, seed.data, seed.size);
		free(file.data);
		free(path);
		free(name);
	}
}

static void corpus_passes(void **state)
{
	(void)state;
	assert_true(run_corpus("tests/fuzz/corpus/diff-area") >= (int)COUNT(seeds));
}

static void changes_pass(void **state)
{
	unsigned long runs = fuzz_corpus("tests/fuzz/corpus/diff-area");

	(void)state;
	print_message("%lu inputs\n", runs);
	assert_true(runs > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_are_sound),
		cmocka_unit_test(corpus_has_the_seeds),
		cmocka_unit_test(corpus_passes),
		cmocka_unit_test(changes_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The corpus of a fuzz target as a test, and for a few seconds what comes of it by
 * changes at random: "make fuzz" needs clang and time, this needs neither.  The test
 * includes the target itself, before this.
 */
#ifndef TESTS_CORPUS_H
#define TESTS_CORPUS_H

#include "unit.h"

#include <sys/random.h>
#include <time.h>

#include "document-fixture.h"

static inline void run_target(const char *name, const struct file *file, void *data)
{
	/* A copy of its own size, so that reading past the end is seen. */
	uint8_t *copy = malloc(file->size ? file->size : 1);

	(void)name;
	(void)data;
	assert_non_null(copy);
	memcpy(copy, file->data, file->size);
	assert_int_equal(LLVMFuzzerTestOneInput(copy, file->size), 0);
	free(copy);
}

static inline int run_corpus(const char *folder)
{
	char *path = source_path(folder);
	int count = each_file(path, "", run_target, NULL);

	free(path);
	return count;
}

/* ---- a short fuzz ---- */

#define FUZZ_SECONDS	3
#define FUZZ_MAX_FILES	256
#define FUZZ_MAX_SIZE	16384

struct fuzz {
	uint64_t state;
	struct file files[FUZZ_MAX_FILES];
	size_t count;
};

static inline uint64_t fuzz_random(struct fuzz *f, uint64_t below)
{
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * UINT64_C(2685821657736338717) % below;
}

static inline void fuzz_keep(const char *name, const struct file *file, void *data)
{
	struct fuzz *f = data;
	struct file *kept = &f->files[f->count];

	(void)name;
	if (f->count == FUZZ_MAX_FILES || !file->size || file->size > FUZZ_MAX_SIZE / 2)
		return;
	kept->size = file->size;
	kept->data = malloc(file->size);
	assert_non_null(kept->data);
	memcpy(kept->data, file->data, file->size);
	f->count++;
}

/* One change: bytes set, cut out, doubled, or a piece of another input put in. */
static inline size_t fuzz_change(struct fuzz *f, uint8_t *text, size_t size)
{
	static const char marks[] = "<>\"&;=/! x0";
	size_t at = fuzz_random(f, size), length = 1 + fuzz_random(f, 1 + (size - at) / 2);
	const struct file *other = &f->files[fuzz_random(f, f->count)];
	size_t from = fuzz_random(f, other->size), piece = 1 + fuzz_random(f, 64);

	switch (fuzz_random(f, 5)) {
	case 0:
		text[at] = (uint8_t)fuzz_random(f, 256);
		return size;
	case 1:
		text[at] = (uint8_t)marks[fuzz_random(f, sizeof(marks) - 1)];
		return size;
	case 2:
		if (length >= size)
			return size;
		memmove(text + at, text + at + length, size - at - length);
		return size - length;
	case 3:
		if (size + length > FUZZ_MAX_SIZE)
			return size;
		memmove(text + at + length, text + at, size - at);
		return size + length;
	default:
		if (piece > other->size - from)
			piece = other->size - from;
		if (size + piece > FUZZ_MAX_SIZE)
			return size;
		memmove(text + at + piece, text + at, size - at);
		memcpy(text + at, other->data + from, piece);
		return size + piece;
	}
}

/* Tells the seed first, for CORPUS_SEED to repeat it; how many inputs there were. */
static inline unsigned long fuzz_corpus(const char *folder)
{
	struct fuzz f = { 0 };
	char *path = source_path(folder);
	const char *seed = getenv("CORPUS_SEED");
	time_t end = time(NULL) + FUZZ_SECONDS;
	uint8_t text[FUZZ_MAX_SIZE];
	unsigned long runs = 0;

	each_file(path, "", fuzz_keep, &f);
	free(path);
	assert_true(f.count > 3);
	if (seed)
		f.state = strtoull(seed, NULL, 16);
	else
		assert_int_equal(getrandom(&f.state, sizeof(f.state), 0), sizeof(f.state));
	f.state |= 1;
	print_message("CORPUS_SEED=%llx\n", (unsigned long long)f.state);
	for (; time(NULL) <= end; runs++) {
		const struct file *file = &f.files[fuzz_random(&f, f.count)];
		struct file changed = { .data = (void *)text, .size = file->size };

		memcpy(text, file->data, file->size);
		for (uint64_t n = 1 + fuzz_random(&f, 8); n && changed.size; n--)
			changed.size = fuzz_change(&f, text, changed.size);
		run_target(NULL, &changed, NULL);
	}
	for (size_t i = 0; i < f.count; i++)
		free(f.files[i].data);
	return runs;
}

#endif /* TESTS_CORPUS_H */

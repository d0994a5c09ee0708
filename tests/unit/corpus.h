/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The corpus of a fuzz target as a test: "make fuzz" needs clang and time, this
 * needs neither.  The test includes the target itself, before this.
 */
#ifndef TESTS_CORPUS_H
#define TESTS_CORPUS_H

#include "unit.h"

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

#endif /* TESTS_CORPUS_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What fuzzing the writer metadata has come across.
 */
#include "../fuzz/fuzz-writer-metadata.c"

#include "corpus.h"

static void corpus_passes(void **state)
{
	(void)state;
	assert_true(run_corpus("tests/fuzz/corpus/writer-metadata") > 3);
}

static void changes_pass(void **state)
{
	unsigned long runs = fuzz_corpus("tests/fuzz/corpus/writer-metadata");

	(void)state;
	print_message("%lu inputs\n", runs);
	assert_true(runs > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_passes),
		cmocka_unit_test(changes_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * call-order FILE: runs the vectors of FILE and prints TAP.
 *
 * Status 0 when all came out as expected, 1 when one did not or was not
 * understood, 2 when there is nothing to run.  CALL_ORDER_LOG=1 shows what the
 * stand-in vssd logs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* Real seconds for one vector before it counts as hung for good. */
#define VECTOR_SECONDS	120

static bool run_vector(const struct vector *vector, const char *dir, char says[2 * PROBLEM_SIZE])
{
	char problem[PROBLEM_SIZE] = "";
	struct sequence sequence;
	vss_result result = S_OK;
	bool good = false, empty = false;

	if (!sequence_parse(vector->sequence, &sequence, problem) ||
	    !sequence_set_context(&sequence, vector->context, problem) ||
	    !sequence_check(&sequence, problem) || !expected_check(vector->expected, problem)) {
		snprintf(says, 2 * PROBLEM_SIZE, "not understood: %s", problem);
	} else if (sequence_run(&sequence, vector->note, dir, &result, &empty, problem) == RUN_FAILED) {
		snprintf(says, 2 * PROBLEM_SIZE, "%s", problem);
	} else {
		good = expected_matches(vector->expected, result, empty);
		snprintf(says, 2 * PROBLEM_SIZE, "expected %s, got %s%s%s%s", vector->expected,
			 vss_result_name(result), empty ? " and an empty list" : "", *problem ? ": " : "",
			 problem);
	}
	sequence_clear(&sequence);
	return good;
}

static unsigned int run_file(FILE *file, const char *dir, unsigned int *count)
{
	char says[2 * PROBLEM_SIZE];
	unsigned int line = 0, failures = 0;
	struct vector vector;
	int r;

	while ((r = vector_read(file, &line, &vector, says)) != 0) {
		bool good = false;

		++*count;
		alarm(VECTOR_SECONDS);
		if (r > 0)
			good = run_vector(&vector, dir, says);
		printf("%sok %u - %s %s\n", good ? "" : "not ", *count, vector.id ? vector.id : "?",
		       vector.sequence ? vector.sequence : "");
		if (!good) {
			printf("# line %u: %s\n", line, says);
			failures++;
		}
		fflush(stdout);
		vector_clear(&vector);
	}
	printf("1..%u\n", *count);
	return failures;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/call-order-XXXXXX";
	unsigned int failures, count = 0;
	FILE *file;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	file = fopen(argv[1], "re");
	if (!file) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	if (!mkdtemp(dir)) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return 2;
	}
	printf("TAP version 13\n");
	failures = run_file(file, dir, &count);
	fclose(file);
	rmdir(dir);
	if (!count)
		fprintf(stderr, "%s has no vectors\n", argv[1]);
	return !count ? 2 : failures ? 1 : 0;
}

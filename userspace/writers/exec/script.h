/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running one program with a time limit, in a process group of its own.
 */
#ifndef WRITERS_EXEC_SCRIPT_H
#define WRITERS_EXEC_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#define SCRIPT_LINE_SIZE	512

enum script_outcome {
	SCRIPT_EXITED,		/* @code: exit status */
	SCRIPT_KILLED,		/* @code: signal */
	SCRIPT_TIMED_OUT,	/* and its process group was killed */
	SCRIPT_NO_RESOURCES,	/* @code: errno */
	SCRIPT_NOT_STARTED,	/* @code: errno */
};

struct script_result {
	enum script_outcome outcome;
	int code;
	char last_line[SCRIPT_LINE_SIZE];	/* of its output that is not empty */
};

/* Called for each line of output. */
typedef void (*script_line_fn)(void *data, const char *line);

/*
 * Run @argv (absolute path first) with the environment @env, output caught,
 * input empty, in the root directory.  When @timeout_ms passes, its process
 * group gets SIGTERM, and SIGKILL a second later.  Returns when it has ended;
 * what it left in the background goes on, without its output being read.
 */
void script_run(char *const argv[], char *const env[], uint32_t timeout_ms, script_line_fn line,
		void *data, struct script_result *result);

#endif /* WRITERS_EXEC_SCRIPT_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs for tests have in common: giving up with a sentence, and random numbers
 * that are the same everywhere. To be included after the definition of _GNU_SOURCE.
 */
#ifndef TESTS_TOOL_H
#define TESTS_TOOL_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a status, after "NAME: sentence" on stderr. */
__attribute__((noreturn, format(printf, 2, 3)))
static inline void die_with(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(status);
}

/* splitmix64: good enough, and the same everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

#endif /* TESTS_TOOL_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The notation of call-order vectors (tests/vss/call-order.tsv): lines, tokens of
 * a sequence, conditions, expectations.  What is not known is refused with a
 * sentence, never passed over.
 */
#ifndef CALL_ORDER_NOTATION_H
#define CALL_ORDER_NOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <vss/error.h>

#define MAX_ARGUMENTS	8
#define PROBLEM_SIZE	2048

/* A line of the table. */
struct vector {
	unsigned int line;
	char *text;		/* what the fields point into */
	const char *id;
	const char *context;
	const char *sequence;
	const char *expected;
	const char *basis;
	const char *note;
};

enum condition_kind {
	CONDITION_NULL,			/* no out pointer */
	CONDITION_FAILS,
	CONDITION_NO_ROOM,
	CONDITION_PROVIDER_GIVES,	/* @result */
	CONDITION_PROVIDER_TAKES,	/* @name: step, @seconds */
	CONDITION_WRITER_FAILS,		/* @name: event */
	CONDITION_WRITER_HOLDS,		/* @name: event, @seconds */
	CONDITION_WRITER_DIES,		/* @name: event */
	CONDITION_RUNNING,
	CONDITION_AT_THE_SAME_TIME,
	CONDITION_ORIGINAL_PRESENT,
	CONDITION_STORAGE_ABSENT,
	CONDITION_ONE_ABSENT,
	CONDITION_MOUNTED,
	CONDITION_NOT_TRANSPORTABLE,
};

#define MAX_CONDITIONS	4

struct condition {
	enum condition_kind kind;
	char name[32];
	unsigned int seconds;
	vss_result result;
};

/* A call of a sequence. */
struct token {
	char *text;		/* as it stands in the vector */
	char machine;		/* 'A' unless it says otherwise */
	unsigned int requester;	/* 1 unless it says otherwise */
	char *name;
	char *arguments[MAX_ARGUMENTS];	/* NULL for "(null)" */
	size_t nr_arguments;
	struct condition conditions[MAX_CONDITIONS];
	size_t nr_conditions;
};

struct sequence {
	struct token *tokens;
	size_t count;
};

/* The next vector; 0 at the end, -1 and @problem for a bad line, else 1. */
int vector_read(FILE *file, unsigned int *line, struct vector *vector, char problem[PROBLEM_SIZE]);
void vector_clear(struct vector *vector);

/* Take @text apart; false and @problem when it is not understood. */
bool sequence_parse(const char *text, struct sequence *sequence, char problem[PROBLEM_SIZE]);
/*
 * The context column: SetContext follows the first requester's InitializeForBackup,
 * unless the sequence has it already.  "-" is none.
 */
bool sequence_set_context(struct sequence *sequence, const char *context, char problem[PROBLEM_SIZE]);
void sequence_clear(struct sequence *sequence);

const struct condition *token_condition(const struct token *token, enum condition_kind kind);

/* Is every alternative of @expected known? */
bool expected_check(const char *expected, char problem[PROBLEM_SIZE]);
/* Does what came out fit? @empty: a query that found nothing. */
bool expected_matches(const char *expected, vss_result result, bool empty);

#endif /* CALL_ORDER_NOTATION_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running a sequence of calls against the library.
 */
#ifndef CALL_ORDER_RUN_H
#define CALL_ORDER_RUN_H

#include <vss/backup.h>

#include "notation.h"
#include "world.h"

#define MAX_REQUESTERS	16
#define MAX_SETS	4
#define MAX_SNAPSHOTS	65

/* A process with one backup components object at a time. */
struct requester {
	char machine;
	unsigned int number;
	struct vss_backup_components *bc;
	struct vss_async *async;	/* of the last asynchronous call */
	bool initialized;
	uint32_t context;
	bool released;			/* it had an object that is gone */
	bool running;			/* the last call is still to be waited for */
};

/* Shadow copies that vectors name by "S1" and "SET". */
struct made_set {
	struct vss_uuid id;
	struct vss_uuid snapshots[MAX_SNAPSHOTS];
	unsigned int nr_snapshots;
};

struct run {
	struct world *world;
	const char *dir;
	struct requester requesters[MAX_REQUESTERS];
	size_t nr_requesters;
	struct made_set sets[MAX_SETS];
	unsigned int nr_sets;
	bool canned_sets;		/* ... are those of the canned documents */
	struct vss_uuid persistent;	/* SP */
	char *xml, *xml2, *badxml, *localxml;
	struct requester *now;		/* who makes the call */
	const struct token *token;
	bool empty;			/* the last query found nothing */
	char problem[PROBLEM_SIZE];	/* why a call was not understood */
	char says[VSS_ERROR_TEXT_SIZE];	/* what went wrong in the last call */
};

/* Are all calls, arguments and conditions of the sequence known?  Else @problem. */
bool sequence_check(const struct sequence *sequence, char problem[PROBLEM_SIZE]);

enum run_end {
	RUN_DONE,	/* the last call gave @result */
	RUN_FAILED,	/* a call before it did not do what it should: @problem */
};
/* Run a sequence in @dir, an empty folder. */
enum run_end sequence_run(const struct sequence *sequence, const char *note, const char *dir,
			  vss_result *result, bool *empty, char problem[PROBLEM_SIZE]);

/* ---- calls.c ---- */

struct call {
	const char *name;
	size_t least, most;	/* arguments */
	bool async;
	bool administration;	/* what a new object is implied for */
	/* Understand the arguments; false and @problem.  May be NULL. */
	bool (*check)(const struct token *token, char problem[PROBLEM_SIZE]);
	/* Make the call; @async for those that have one, NULL with "(null)". */
	vss_result (*make)(struct run *run, struct vss_async **async);
};
const struct call *call_find(const char *name);

#endif /* CALL_ORDER_RUN_H */

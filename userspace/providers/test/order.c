// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the order of calls: as it should be, as it should not, and cut short.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conform.h"
#include "made-up.h"

/* For which a step may still take after it was aborted, if the test has so much time. */
#define SOON_MS		10000

static void good_order(struct conform *t)
{
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	/* Twice: nothing of the first may stand in the way of the second. */
	for (int i = 0; i < 2; i++) {
		if (!conform_make(t, VSS_CTX_BACKUP, STAGE_POST_FINAL))
			break;
		conform_clean(t);
	}
	conform_unload(t);
}

static void never_begun(struct conform *t)
{
	if (!conform_load(t))
		return;
	for (int stage = STAGE_END_PREPARE; stage < STAGE_COUNT; stage++) {
		vss_result result;

		/* Holding is for sets of others too. */
		if (stage == STAGE_HOLD || stage == STAGE_RELEASE || (stage == STAGE_TARGETS && !t->hardware))
			continue;
		if (vss_uuid_generate(&t->set))
			return;
		result = conform_step(t, (enum conform_stage)stage);
		if (!VSS_FAILED(result))
			conform_wrong(t, "vss/provider.h: the steps of a set, in this order",
				      "%s of a set that was never begun gave %s", conform_stage_name((enum conform_stage)stage),
				      conform_said(t, result));
	}
	conform_unload(t);
}

static void abort_unknown(struct conform *t)
{
	if (!conform_load(t) || vss_uuid_generate(&t->set))
		return;
	for (int i = 0; i < 2; i++) {
		vss_result result = CALL(t, abort_snapshots, &t->set);

		if (result != S_OK && result != VSS_E_OBJECT_NOT_FOUND)
			conform_wrong(t, "vss/provider.h, @abort_snapshots: VSS_E_OBJECT_NOT_FOUND or S_OK: there is nothing of "
				      "it", "abort_snapshots() of an unknown set gave %s", conform_said(t, result));
	}
	conform_unload(t);
}

/* A step left out. */
static void skipped_steps(struct conform *t)
{
	static const struct {
		enum conform_stage last, then;
	} jumps[] = {
		{ STAGE_BEGIN, STAGE_COMMIT },
		{ STAGE_BEGIN, STAGE_POST_FINAL },
		{ STAGE_END_PREPARE, STAGE_POST_COMMIT },
	};

	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		vss_result result;

		if (!conform_make(t, VSS_CTX_BACKUP, jumps[i].last))
			break;
		result = conform_step(t, jumps[i].then);
		if (!VSS_FAILED(result))
			conform_wrong(t, "vss/provider.h: the steps of a set, in this order", "%s right after %s gave %s",
				      conform_stage_name(jumps[i].then), conform_stage_name(jumps[i].last),
				      conform_said(t, result));
		conform_clean(t);
	}
	conform_unload(t);
}

/* ---- abort ---- */

static void abort_once(struct conform *t, enum conform_stage last)
{
	for (int i = 0; i < 2; i++) {
		vss_result result = CALL(t, abort_snapshots, &t->set);

		if (result != S_OK && (!i || result != VSS_E_OBJECT_NOT_FOUND))
			conform_wrong(t, "vss/provider.h, @abort_snapshots: undo a set at any step",
				      "abort_snapshots() after %s, call %d, gave %s", conform_stage_name(last), i + 1,
				      conform_said(t, result));
	}
	/* The set is not there any more. */
	if (last < STAGE_POST_FINAL) {
		vss_result result = conform_step(t, last < STAGE_COMMIT ? STAGE_COMMIT : STAGE_POST_FINAL);

		if (!VSS_FAILED(result))
			conform_wrong(t, "vss/provider.h, @abort_snapshots: undo a set at any step",
				      "a set that was aborted after %s goes on: the next step gave %s",
				      conform_stage_name(last), conform_said(t, result));
	}
}

static void abort_at_each_stage(struct conform *t)
{
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	for (int last = STAGE_BEGIN; last < STAGE_POST_FINAL; last++) {
		if ((last == STAGE_HOLD || last == STAGE_RELEASE) && !t->ops->hold_writes)
			continue;
		if (!conform_make(t, VSS_CTX_BACKUP, (enum conform_stage)last))
			break;
		abort_once(t, (enum conform_stage)last);
		conform_clean(t);
	}
	conform_unload(t);
}

/* A step on a thread of its own, as in the provider host. */
struct beside {
	struct conform t;		/* a copy: its error is its own */
	enum conform_stage stage;
	vss_result result;
};

static void *run_beside(void *data)
{
	struct beside *b = data;

	b->result = conform_step(&b->t, b->stage);
	return NULL;
}

static void cut(struct conform *t, enum conform_stage stage, long delay_us)
{
	const struct timespec delay = { .tv_nsec = delay_us * 1000 };
	struct beside *b = malloc(sizeof(*b));
	struct timespec end;
	uint32_t soon_ms;
	pthread_t thread;
	vss_result result;

	if (!b)
		return;
	b->t = *t;
	b->stage = stage;
	if (pthread_create(&thread, NULL, run_beside, b)) {
		free(b);
		return;
	}
	nanosleep(&delay, NULL);
	result = CALL(t, abort_snapshots, &t->set);
	if (result != S_OK && result != VSS_E_OBJECT_NOT_FOUND)
		conform_wrong(t, "vss/provider.h, @abort_snapshots", "abort_snapshots() while %s runs gave %s",
			      conform_stage_name(stage), conform_said(t, result));
	clock_gettime(CLOCK_REALTIME, &end);
	soon_ms = t->options->timeout_ms / 2 < SOON_MS ? t->options->timeout_ms / 2 : SOON_MS;
	end.tv_sec += soon_ms / 1000 + 1;
	if (pthread_timedjoin_np(thread, NULL, &end)) {
		conform_wrong(t, "vss/provider.h: abort_snapshots() may come from another thread, and must make that call "
			      "return soon", "%s had not returned %u ms after abort_snapshots()",
			      conform_stage_name(stage), soon_ms);
		/* It has its own copy of all; the process ends with this test. */
		_exit(0);
	}
	/* Aborted means aborted, also when the step came to its end just before. */
	result = conform_step(t, stage == STAGE_END_PREPARE ? STAGE_PRE_COMMIT :
			      stage == STAGE_PRE_COMMIT ? STAGE_COMMIT : STAGE_POST_COMMIT);
	if (!VSS_FAILED(result))
		conform_wrong(t, "vss/provider.h, @abort_snapshots: undo a set at any step",
			      "a set that was aborted while %s ran goes on: the next step gave %s",
			      conform_stage_name(stage), conform_said(t, result));
	free(b);
}

static void abort_from_another_thread(struct conform *t)
{
	static const enum conform_stage stages[] = { STAGE_END_PREPARE, STAGE_PRE_COMMIT, STAGE_COMMIT };
	static const long delays[] = { 0, 200, 5000 };

	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		for (size_t j = 0; j < sizeof(delays) / sizeof(delays[0]); j++) {
			enum conform_stage before = stages[i] == STAGE_COMMIT ? STAGE_HOLD : stages[i] - 1;

			if (!conform_make(t, VSS_CTX_BACKUP, before))
				return;
			cut(t, stages[i], delays[j]);
			conform_clean(t);
		}
	conform_unload(t);
}

/* ---- out of sequence ---- */

static void begin_out_of_sequence(struct conform *t)
{
	static const enum conform_stage lasts[] = { STAGE_BEGIN, STAGE_END_PREPARE, STAGE_POST_COMMIT };

	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		struct vss_uuid older, newer;
		vss_result result;

		if (!conform_make(t, VSS_CTX_BACKUP, lasts[i]))
			break;
		older = t->set;
		if (!conform_make(t, VSS_CTX_BACKUP, STAGE_BEGIN))
			break;
		newer = t->set;
		t->set = older;
		result = conform_step(t, lasts[i] == STAGE_BEGIN ? STAGE_END_PREPARE : STAGE_POST_FINAL);
		if (!VSS_FAILED(result))
			conform_wrong(t, "vss/provider.h, @begin_prepare_snapshot: out of sequence, abandons an older one",
				      "an older set still goes on after the begin of a newer: the next step gave %s",
				      conform_said(t, result));
		CALL(t, abort_snapshots, &t->set);
		t->set = newer;
		result = conform_step(t, STAGE_END_PREPARE);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @begin_prepare_snapshot: out of sequence, abandons an older one",
				      "the newer set does not go on: end_prepare_snapshots() gave %s",
				      conform_said(t, result));
		conform_clean(t);
	}
	conform_unload(t);
}

/* ---- another life ---- */

/* A process that makes a set and is killed; 0 without one. */
static pid_t begin_elsewhere(struct conform *t, enum conform_stage last)
{
	int fds[2];
	char done = 0;
	pid_t pid;

	if (pipe(fds))
		return 0;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		if (conform_load(t) && conform_find_volumes(t)) {
			struct vss_uuid set;

			done = (char)conform_make(t, VSS_CTX_BACKUP, last);
			set = t->set;
			if (done && write(fds[1], &set, sizeof(set)) != sizeof(set))
				_exit(1);
		}
		close(fds[1]);
		pause();
		_exit(0);
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], &t->set, sizeof(t->set)) != sizeof(t->set)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	close(fds[0]);
	return pid > 0 ? pid : 0;
}

static void abort_of_an_earlier_life(struct conform *t)
{
	static const enum conform_stage lasts[] = { STAGE_BEGIN, STAGE_END_PREPARE, STAGE_COMMIT, STAGE_POST_COMMIT };

	for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		pid_t pid = begin_elsewhere(t, lasts[i]);
		vss_result result;

		if (!pid)
			return;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (!conform_load(t))
			return;
		result = CALL(t, abort_snapshots, &t->set);
		if (result != S_OK && result != VSS_E_OBJECT_NOT_FOUND)
			conform_wrong(t, "vss/provider.h, @abort_snapshots: and one that an earlier life of the process has "
				      "begun", "abort_snapshots() of a set whose process was killed after %s gave %s",
				      conform_stage_name(lasts[i]), conform_said(t, result));
		conform_unload(t);
	}
	/* And the next set is made as if nothing had been. */
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	if (conform_make(t, VSS_CTX_BACKUP, STAGE_POST_FINAL))
		conform_clean(t);
	conform_unload(t);
}

const struct conform_test conform_order[] = {
	{ "steps of a set that was never begun", never_begun, FOR_ALL, false },
	{ "abort of an unknown set", abort_unknown, FOR_ALL, false },
	{ "sets in good order", good_order, FOR_ALL, true },
	{ "steps that are left out", skipped_steps, FOR_ALL, true },
	{ "abort at each stage", abort_at_each_stage, FOR_ALL, true },
	{ "abort from another thread", abort_from_another_thread, FOR_ALL, true },
	{ "begin out of sequence", begin_out_of_sequence, FOR_ALL, true },
	{ "abort of a set of an earlier life", abort_of_an_earlier_life, FOR_ALL, true },
	{ 0 },
};

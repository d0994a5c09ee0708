// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of stand-ins: given from the loop, after a while, or kept back.
 */
#include <stdlib.h>

#include "world-internal.h"

struct answer *answer_new(struct world *world, void *impl, void *arg, void (*give)(struct answer *answer))
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		abort();
	answer->world = world;
	answer->impl = impl;
	answer->arg = arg;
	answer->give = give;
	answer->next = world->answers;
	world->answers = answer;
	return answer;
}

static void unlink_answer(struct answer *answer)
{
	struct answer **at = &answer->world->answers;

	while (*at != answer)
		at = &(*at)->next;
	*at = answer->next;
}

static void free_answer(struct answer *answer)
{
	free(answer->document);
	free(answer->volume);
	free(answer);
}

static void on_time(void *arg)
{
	struct answer *answer = arg;

	answer->timer = NULL;
	unlink_answer(answer);
	answer->give(answer);
	free_answer(answer);
}

static void start_timer(struct answer *answer)
{
	answer->timer = world_clock.start(answer->world, answer->delay, on_time, answer);
}

void answer_send(struct answer *answer, unsigned int seconds)
{
	answer->delay = (uint64_t)seconds * 1000000;
	if (!answer->world->parking)
		start_timer(answer);
}

void answers_unpark(struct world *world)
{
	for (struct answer *answer = world->answers; answer; answer = answer->next)
		if (!answer->timer)
			start_timer(answer);
}

void answer_forget(struct world *world, void *impl, void *arg)
{
	struct answer *next;

	for (struct answer *answer = world->answers; answer; answer = next) {
		next = answer->next;
		if (answer->impl != impl || (arg && answer->arg != arg))
			continue;
		if (answer->timer)
			world_clock.stop(world, answer->timer);
		unlink_answer(answer);
		free_answer(answer);
	}
}

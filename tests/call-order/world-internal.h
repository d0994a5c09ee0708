/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the stand-in world share.  All but the caller's side runs in
 * the world's thread, with the lock held.
 */
#ifndef CALL_ORDER_WORLD_INTERNAL_H
#define CALL_ORDER_WORLD_INTERNAL_H

#include <pthread.h>
#include <systemd/sd-event.h>
#include <vss/metadata.h>

#include "bus.h"
#include "world.h"

#define MAX_VOLUMES	99
#define MACHINES	(sizeof(WORLD_MACHINES) - 1)

struct machine;

/* A timer of the simulated clock. */
struct vssd_timer {
	struct vssd_timer *next;
	uint64_t due;
	void (*fire)(void *arg);
	void *arg;
};

/* A shadow copy. */
struct record {
	struct record *next;
	struct vss_uuid set, id;
	const struct vss_uuid *provider;
	struct machine *origin;
	struct machine *imported;	/* NULL while it was not */
	unsigned int volume;
	uint32_t context;
	uint32_t count;			/* of its set */
	uint64_t time;
	bool created;
	bool broken;
	bool writable;
};

struct standin_provider {
	struct machine *machine;
	const struct vss_uuid *id;
	struct vssd_provider *provider;
};

struct standin_writer {
	struct machine *machine;
	struct vss_uuid class_id, instance_id;
	const char *name;
	struct vssd_writer *writer;	/* NULL: not there */
};

struct machine {
	struct world *world;
	char letter;
	char name[16];
	struct vssd_core *core;
	struct vssd_bus *bus;
	struct standin_provider providers[3];
	struct standin_writer writer, gone;
};

/* An answer of a stand-in that is on its way. */
struct answer {
	struct answer *next;
	struct world *world;
	void *impl;
	struct vssd_timer *timer;	/* NULL: parked */
	uint64_t delay;
	void (*give)(struct answer *answer);
	/* writer */
	vssd_writer_done writer_done;
	enum vssd_event event;
	vss_result failure;
	char *document;
	/* provider */
	vssd_provider_done provider_done;
	struct vssd_provider_request request;
	char *volume;
	vss_result result;
	void *arg;
};

struct volume_state {
	bool mounted;
	bool not_transportable;
	bool original_hidden;
};

struct world {
	pthread_mutex_t lock;
	pthread_t thread;
	bool running, stop;
	char *dir;
	sd_event *event;
	uint64_t now;
	struct vssd_timer *timers;
	enum world_time time;
	unsigned int idle;		/* polls in a row without anything to do */
	bool parking;
	struct answer *answers;
	struct world_fault fault;
	struct machine machines[MACHINES];
	struct record *records;
	struct volume_state volumes[MAX_VOLUMES + 1];
	bool all_absent, others_absent;
	bool tree;
	char events[4096];
};

extern const struct vssd_clock world_clock;	/* data: the world */

/* 1 to MAX_VOLUMES for "V1" or "/dev/V1", 0 otherwise */
unsigned int volume_number(const char *name);

/* world-answer.c */
struct answer *answer_new(struct world *world, void *impl, void *arg, void (*give)(struct answer *answer));
void answer_send(struct answer *answer, unsigned int seconds);
void answer_forget(struct world *world, void *impl, void *arg);	/* @arg NULL: all of @impl */
void answers_unpark(struct world *world);

/* world-writer.c, world-provider.c, world-volume.c */
bool writers_add(struct machine *machine);
bool writer_arrive(struct standin_writer *writer);
bool providers_add(struct machine *machine);
void volumes_add(struct machine *machine);

#endif /* CALL_ORDER_WORLD_INTERNAL_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stand-in world as a whole: its thread, its clock, its machines.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "world-internal.h"

const struct vss_uuid world_writer_class = { { 0x57, 1 } };
const struct vss_uuid world_gone_class = { { 0x60, 1 } };
const struct vss_uuid world_software_id = { { 0x50, 1 } };
const struct vss_uuid world_array_id = { { 0x50, 2 } };
const struct vss_uuid world_system_id = { { 0x50, 3 } };
const struct vss_uuid world_unknown_id = { { 0xee, 0xee } };

/* Polls of a millisecond without anything to do before time jumps. */
#define FAST_POLLS	2
#define SLOW_POLLS	30
/* ... before everything counts as handled. */
#define SETTLED_POLLS	3
/* Waited for that at most, for something may go on for ever. */
#define SETTLE_POLLS	3000

/* ---- clock ---- */

static uint64_t clock_now(void *data)
{
	struct world *world = data;

	return world->now;
}

static struct vssd_timer *clock_start(void *data, uint64_t delay, void (*fire)(void *arg), void *arg)
{
	struct world *world = data;
	struct vssd_timer *timer = calloc(1, sizeof(*timer)), **at = &world->timers;

	if (!timer)
		abort();
	timer->due = world->now + delay;
	timer->fire = fire;
	timer->arg = arg;
	while (*at && (*at)->due <= timer->due)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	return timer;
}

static void clock_stop(void *data, struct vssd_timer *timer)
{
	struct world *world = data;
	struct vssd_timer **at = &world->timers;

	while (*at && *at != timer)
		at = &(*at)->next;
	if (!*at)
		abort();	/* it had fired, or never was */
	*at = timer->next;
	free(timer);
}

const struct vssd_clock world_clock = { clock_now, clock_start, clock_stop, NULL };

/* Fire the first timer; time jumps to it. */
static void fire_next(struct world *world)
{
	struct vssd_timer *timer = world->timers;

	world->timers = timer->next;
	if (world->now < timer->due)
		world->now = timer->due;
	timer->fire(timer->arg);
	free(timer);
}

/* ---- thread ---- */

static bool may_jump(const struct world *world)
{
	return (world->time == WORLD_FAST && world->idle >= FAST_POLLS) ||
	       (world->time == WORLD_SLOW && world->idle >= SLOW_POLLS);
}

static void *run(void *data)
{
	struct world *world = data;

	pthread_mutex_lock(&world->lock);
	while (!world->stop) {
		int r;

		while (world->timers && world->timers->due <= world->now)
			fire_next(world);
		r = sd_event_prepare(world->event);
		if (r == 0) {
			pthread_mutex_unlock(&world->lock);
			r = sd_event_wait(world->event, 1000);
			pthread_mutex_lock(&world->lock);
		}
		if (r > 0) {
			world->idle = 0;
			sd_event_dispatch(world->event);
			continue;
		}
		world->idle++;
		if (world->timers && may_jump(world)) {
			world->idle = 0;
			fire_next(world);
		}
	}
	pthread_mutex_unlock(&world->lock);
	return NULL;
}

/* ---- machines ---- */

static void on_log(void *data, int priority, const char *message_id, const struct vss_uuid *session,
		   const char *text)
{
	struct machine *machine = data;

	(void)message_id;
	(void)session;
	if (getenv("CALL_ORDER_LOG"))
		fprintf(stderr, "# %c <%d> %s\n", machine->letter, priority, text);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 16) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool machine_start(struct world *world, struct machine *machine, char letter)
{
	struct vssd_settings settings = { .machine = machine->name };
	struct vssd_clock clock = world_clock;
	char path[108];
	int fd;

	machine->world = world;
	machine->letter = letter;
	snprintf(machine->name, sizeof(machine->name), "machine-%c", letter);
	clock.data = world;
	machine->core = vssd_core_new(&settings, &clock, on_log, machine);
	if (!machine->core)
		return false;
	volumes_add(machine);
	if (!providers_add(machine) || !writers_add(machine))
		return false;
	vssd_core_reconcile(machine->core);
	if (vssd_bus_new(world->event, machine->core, NULL, &machine->bus) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/%c", world->dir, letter);
	fd = listen_on(path);
	return fd >= 0 && vssd_bus_listen(machine->bus, fd) >= 0;
}

struct world *world_new(const char *dir)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	pthread_mutex_init(&world->lock, NULL);
	world->now = 1000000;
	world->dir = strdup(dir);
	if (sd_event_new(&world->event) < 0 || !world->dir)
		goto failed;
	for (size_t i = 0; i < MACHINES; i++)
		if (!machine_start(world, &world->machines[i], WORLD_MACHINES[i]))
			goto failed;
	if (pthread_create(&world->thread, NULL, run, world))
		goto failed;
	world->running = true;
	world_settle(world);
	return world;
failed:
	world_free(world);
	return NULL;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	if (world->running) {
		/* What was begun comes to its end. */
		world_unpark(world);
		world_set_time(world, WORLD_FAST);
		world_settle(world);
		pthread_mutex_lock(&world->lock);
		world->stop = true;
		pthread_mutex_unlock(&world->lock);
		pthread_join(world->thread, NULL);
	}
	for (size_t i = 0; i < MACHINES; i++) {
		char path[108];

		if (!world->machines[i].core)
			continue;
		if (world->machines[i].bus)
			vssd_bus_free(world->machines[i].bus);
		vssd_core_free(world->machines[i].core);
		snprintf(path, sizeof(path), "%s/%c", world->dir, WORLD_MACHINES[i]);
		unlink(path);
	}
	while (world->answers)
		answer_forget(world, world->answers->impl, NULL);
	while (world->timers)
		clock_stop(world, world->timers);
	while (world->records) {
		struct record *record = world->records;

		world->records = record->next;
		free(record);
	}
	sd_event_unref(world->event);
	pthread_mutex_destroy(&world->lock);
	free(world->dir);
	free(world);
}

char *world_address(struct world *world, char machine)
{
	char *address;

	return asprintf(&address, "unix:path=%s/%c", world->dir, machine) < 0 ? NULL : address;
}

/* ---- what the caller may change ---- */

static void lock(struct world *world)
{
	pthread_mutex_lock(&world->lock);
}

static void unlock(struct world *world)
{
	pthread_mutex_unlock(&world->lock);
}

void world_set_fault(struct world *world, const struct world_fault *fault)
{
	lock(world);
	world->fault = *fault;
	unlock(world);
}

void world_park(struct world *world, bool park)
{
	lock(world);
	world->parking = park;
	unlock(world);
}

void world_unpark(struct world *world)
{
	lock(world);
	world->parking = false;
	answers_unpark(world);
	unlock(world);
}

void world_settle(struct world *world)
{
	bool settled = false;

	lock(world);
	world->idle = 0;
	unlock(world);
	for (int i = 0; i < SETTLE_POLLS && !settled; i++) {
		usleep(1000);
		lock(world);
		settled = world->idle >= SETTLED_POLLS;
		unlock(world);
	}
}

bool world_has_parked(struct world *world)
{
	bool found = false;

	lock(world);
	for (const struct answer *answer = world->answers; answer; answer = answer->next)
		found |= !answer->timer;
	unlock(world);
	return found;
}

void world_set_time(struct world *world, enum world_time time)
{
	lock(world);
	world->time = time;
	world->idle = 0;
	unlock(world);
}

bool world_is_volume(const char *name)
{
	return volume_number(name) > 0;
}

void world_set_mounted(struct world *world, const char *volume)
{
	lock(world);
	world->volumes[volume_number(volume)].mounted = true;
	unlock(world);
}

void world_set_not_transportable(struct world *world, const char *volume)
{
	lock(world);
	world->volumes[volume_number(volume)].not_transportable = true;
	unlock(world);
}

void world_set_original(struct world *world, const char *volume, bool visible)
{
	lock(world);
	world->volumes[volume_number(volume)].original_hidden = !visible;
	unlock(world);
}

void world_set_absent(struct world *world, bool all)
{
	lock(world);
	world->all_absent = all;
	world->others_absent = true;
	unlock(world);
}

void world_set_gone(struct world *world, bool there)
{
	struct standin_writer *gone = &world->machines[0].gone;

	lock(world);
	if (there && !gone->writer) {
		writer_arrive(gone);
	} else if (!there && gone->writer) {
		vssd_writer_remove(gone->writer, false);
		gone->writer = NULL;
		answer_forget(world, gone, NULL);
	}
	unlock(world);
}

vss_result world_make_writable(struct world *world, const struct vss_uuid *snapshot)
{
	vss_result result = VSS_E_OBJECT_NOT_FOUND;

	lock(world);
	for (struct record *record = world->records; record; record = record->next) {
		if (!vss_uuid_equal(&record->id, snapshot))
			continue;
		/* What is still a shadow copy is read-only. */
		result = record->broken ? S_OK : VSS_E_BAD_STATE;
		record->writable = record->broken;
	}
	unlock(world);
	return result;
}

bool world_is_writable(struct world *world, const struct vss_uuid *snapshot)
{
	bool writable = false;

	lock(world);
	for (struct record *record = world->records; record; record = record->next)
		if (vss_uuid_equal(&record->id, snapshot))
			writable = record->broken && record->writable;
	unlock(world);
	return writable;
}

void world_set_tree(struct world *world, bool tree)
{
	lock(world);
	world->tree = tree;
	unlock(world);
}

char *world_take_events(struct world *world)
{
	char *events;

	lock(world);
	events = strdup(world->events);
	world->events[0] = '\0';
	unlock(world);
	return events;
}

void world_stop_vssd(struct world *world)
{
	lock(world);
	vssd_bus_free(world->machines[0].bus);
	world->machines[0].bus = NULL;
	unlock(world);
}

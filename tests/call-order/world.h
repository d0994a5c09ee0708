/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where vectors are run: machines with vssd's core and D-Bus front each, a
 * stand-in writer, stand-in providers, and a storage array that all machines
 * share, in a thread of their own.
 *
 * Time is simulated.  It stands still unless the caller lets it pass, and then
 * jumps to the next timer whenever nothing else is to be done.
 *
 * What is asked of the stand-ins for one call is a struct world_fault.
 */
#ifndef CALL_ORDER_WORLD_H
#define CALL_ORDER_WORLD_H

#include <stdbool.h>
#include <vss/types.h>

#include "core.h"

#define WORLD_MACHINES	"ABCD"

struct world;

/* What the stand-ins are to do out of the ordinary; all zeroes for nothing. */
struct world_fault {
	bool writer;			/* the writer, at @event, */
	enum vssd_event event;
	bool writer_fails;		/* fails */
	bool writer_dies;		/* goes away */
	unsigned int writer_seconds;	/* takes so long */
	bool provider;			/* providers, at @step, */
	enum vssd_step step;
	vss_result provider_result;	/* give this, or */
	unsigned int provider_percent;	/* (with VSS_S_ASYNC_PENDING of a revert: so far) */
	unsigned int provider_seconds;	/* take so long */
};

/* Identifiers that vectors name. */
extern const struct vss_uuid world_writer_class;	/* W */
extern const struct vss_uuid world_gone_class;		/* GONE: only while world_set_gone() says so */
extern const struct vss_uuid world_software_id;		/* P1: all but what is transportable */
extern const struct vss_uuid world_array_id;		/* P1 for transportable contexts */
extern const struct vss_uuid world_system_id;
extern const struct vss_uuid world_unknown_id;		/* S0, UNKNOWN, PX */

/* @dir: an empty folder for sockets.  NULL: could not be made. */
struct world *world_new(const char *dir);
void world_free(struct world *world);
/* The address of a machine's vssd; to free(). */
char *world_address(struct world *world, char machine);

void world_set_fault(struct world *world, const struct world_fault *fault);
/* Keep new answers back, or (@park false) no more of them. */
void world_park(struct world *world, bool park);
/* Has an answer been kept back? */
bool world_has_parked(struct world *world);
/* Give the answers that were kept back. */
void world_unpark(struct world *world);
/* Wait until nothing more happens by itself. */
void world_settle(struct world *world);

/* How time passes. */
enum world_time {
	WORLD_STILL,
	WORLD_SLOW,	/* after nothing has happened for a good while */
	WORLD_FAST,	/* as soon as nothing happens */
};
void world_set_time(struct world *world, enum world_time time);

/* Of volumes ("V1") */
bool world_is_volume(const char *name);
void world_set_mounted(struct world *world, const char *volume);
void world_set_not_transportable(struct world *world, const char *volume);
/* Hide the original, or (@visible) show it again. */
void world_set_original(struct world *world, const char *volume, bool visible);

/* Shadow LUNs do not arrive any more: all, or all but the first of each set. */
void world_set_absent(struct world *world, bool all);
/* Is the writer GONE there? */
void world_set_gone(struct world *world, bool there);
/* Has W the components of the tree "MyWriter" of Working with Selectability for Backup, and more? */
void world_set_tree(struct world *world, bool tree);
/* Is the volume that came out of a broken set read/write?  False for what is still a shadow copy. */
bool world_is_writable(struct world *world, const struct vss_uuid *snapshot);
/* What an administrator does with a volume that came out of a broken set. */
vss_result world_make_writable(struct world *world, const struct vss_uuid *snapshot);

/* The events that the writer W of machine A has seen since, one after another with a blank; to free(). */
char *world_take_events(struct world *world);
/* End the connections of machine A's vssd, as if it had died. */
void world_stop_vssd(struct world *world);

#endif /* CALL_ORDER_WORLD_H */

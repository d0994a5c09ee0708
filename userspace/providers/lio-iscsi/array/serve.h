/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a machine may ask of the array.
 *
 * A request is a line with a JSON object, so is the answer, in the same order:
 *
 *	{"op":"hello"}
 *		{"ok":true,"version":1,"target":IQN,"initiator":IQN,"vendor":..,"product":..}
 *	{"op":"find","serials":[..]}
 *		{"ok":true,"luns":[{"lv":"VG/LV","thin":BOOL,"mapped":BOOL} or null,..]}
 *	{"op":"prepare","set":HEX,"luns":[{"lv":..,"snapshot":HEX},..]}
 *		{"ok":true,"luns":[{"lv":..,"copy":"VG/LV","serial":HEX},..]}
 *	{"op":"arm","set":..}  {"op":"take","set":..}  {"op":"complete","set":..}
 *	{"op":"export","luns":[{"lv":"VG/LV","serial":HEX},..]}	and so map, unmap, delete;
 *		the serial number, if there, must be that of the volume's LUN
 *	{"op":"undo","set":..}
 *	{"op":"list"}
 *		{"ok":true,"copies":[{"lv":..,"set":..,"serial":..,"complete":BOOL,"mapped":TEXT},..]}
 *
 * A failure is {"ok":false,"result":"VSS_E_..","error":SENTENCE}.  All but prepare may be
 * asked again, with the same outcome.
 */
#ifndef ARRAY_SERVE_H
#define ARRAY_SERVE_H

#include <vss/error.h>

#include "set.h"

struct array_server {
	const char *initiator;
	const char *target;	/* NULL: the one that admits the initiator */
	struct array_set set;
	int busy;		/* held lock that keeps others from changing anything, or -1 */
};

/* Serve standard input until it ends; then a set that is not complete is undone. */
int array_serve(struct array_server *server, struct vss_error *err);

#endif /* ARRAY_SERVE_H */

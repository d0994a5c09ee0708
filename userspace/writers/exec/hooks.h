/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hook sets: what a configuration file and the folder beside it say is to be
 * run at which event.
 */
#ifndef WRITERS_EXEC_HOOKS_H
#define WRITERS_EXEC_HOOKS_H

#include "common/profile.h"
#include "script.h"

enum hook_event {
	HOOK_PREPARE_BACKUP,
	HOOK_PREPARE_SNAPSHOT,
	HOOK_FREEZE,
	HOOK_THAW,
	HOOK_POST_SNAPSHOT,
	HOOK_ABORT,
	HOOK_BACKUP_COMPLETE,
	HOOK_BACKUP_SHUTDOWN,
	HOOK_PRE_RESTORE,
	HOOK_POST_RESTORE,
	HOOK_COUNT,
};

/* "prepare-backup", ...: as keys, and in VSS_EVENT */
extern const char *const hook_names[HOOK_COUNT];

struct hook_set {
	struct profile profile;
	char *folder;			/* has EVENT.d */
	char *marker;			/* exists while the data may be frozen; NULL for none */
	bool required;
	char *commands[HOOK_COUNT];	/* for sh -c; NULL for none */
	uint32_t timeouts_ms[HOOK_COUNT];

	struct vss_writer *writer;
	bool frozen;			/* freeze has begun, thaw has not */
};

/*
 * Read PATH; the folder is PATH without ".conf", with ".d".  False: @error says
 * why; *@set is NULL.
 */
bool hooks_load(const char *path, const char *state_dir, struct hook_set **set,
		char error[TEXT_ERROR_SIZE]);
void hooks_free(struct hook_set *set);

/* The outcome of an event's scripts. */
struct hook_result {
	vss_result failure;		/* S_OK, VSS_E_WRITERERROR_* */
	int code;			/* exit status, signal or errno of the script that failed */
	char message[TEXT_ERROR_SIZE];
};

/*
 * Run what there is for an event: the command, then the folder's files in the
 * order of their names.  The first failure ends it, except in thaw and abort,
 * where everything is run.
 */
void hooks_run(struct hook_set *set, enum hook_event event, char *const env[], struct hook_result *result);

/* Note that the data may be frozen, for a next life of the program; or not any more. */
void hooks_set_frozen(struct hook_set *set, bool frozen);
/* Did an earlier life end with the data frozen? */
bool hooks_left_frozen(const struct hook_set *set);

#endif /* WRITERS_EXEC_HOOKS_H */

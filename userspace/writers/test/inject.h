/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the test writer does wrong, and when.
 */
#ifndef WRITERS_TEST_INJECT_H
#define WRITERS_TEST_INJECT_H

#include "common/text.h"
#include <vss/types.h>

enum test_event {
	TEST_IDENTIFY,
	TEST_PREPARE_BACKUP,
	TEST_PREPARE_SNAPSHOT,
	TEST_FREEZE,
	TEST_THAW,
	TEST_POST_SNAPSHOT,
	TEST_ABORT,
	TEST_BACKUP_COMPLETE,
	TEST_BACKUP_SHUTDOWN,
	TEST_PRE_RESTORE,
	TEST_POST_RESTORE,
	TEST_EVENT_COUNT,
};

/* As VSS calls them: "PrepareBackup" */
extern const char *const test_event_names[TEST_EVENT_COUNT];

/* Of one event. */
struct injection {
	bool armed;
	bool after;			/* hold, kill and exit happen when the answer has been sent */
	bool fail;
	vss_result failure;		/* S_OK: return false without saying why */
	vss_result application_code;
	char message[256];
	char component[128];		/* its failure is set, by name; "" for none */
	uint32_t hold_ms;
	bool kill;			/* with SIGKILL */
	bool exit;
	uint32_t exit_code;
	uint32_t skip;			/* events that still go well */
	uint32_t times;			/* events that then go wrong */
};

/* "PrepareBackup", "prepare-backup", "PREPARE_BACKUP".  -1: there is none. */
int test_event_find(const char *name);

/* One property: "fail" = CODE and so on. */
bool injection_key(struct injection *injection, const char *key, const char *value,
		   char error[TEXT_ERROR_SIZE]);

/* "EVENT:KEY=VALUE,KEY=VALUE" */
bool injection_parse(struct injection injections[TEST_EVENT_COUNT], const char *text,
		     char error[TEXT_ERROR_SIZE]);

/* Does it strike this time? */
bool injection_strikes(struct injection *injection);

#endif /* WRITERS_TEST_INJECT_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the test writer does wrong, and when.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject.h"

const char *const test_event_names[TEST_EVENT_COUNT] = {
	[TEST_IDENTIFY] = "Identify",
	[TEST_PREPARE_BACKUP] = "PrepareBackup",
	[TEST_PREPARE_SNAPSHOT] = "PrepareSnapshot",
	[TEST_FREEZE] = "Freeze",
	[TEST_THAW] = "Thaw",
	[TEST_POST_SNAPSHOT] = "PostSnapshot",
	[TEST_ABORT] = "Abort",
	[TEST_BACKUP_COMPLETE] = "BackupComplete",
	[TEST_BACKUP_SHUTDOWN] = "BackupShutdown",
	[TEST_PRE_RESTORE] = "PreRestore",
	[TEST_POST_RESTORE] = "PostRestore",
};

int test_event_find(const char *name)
{
	for (int i = 0; i < TEST_EVENT_COUNT; i++)
		if (text_same(test_event_names[i], name))
			return i;
	return -1;
}

/* A code's name, in full or without VSS_E_WRITERERROR_, or its number. */
static bool parse_code(const char *text, vss_result *code)
{
	static const vss_result codes[] = {
		VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, VSS_E_WRITERERROR_OUTOFRESOURCES,
		VSS_E_WRITERERROR_TIMEOUT, VSS_E_WRITERERROR_RETRYABLE,
		VSS_E_WRITERERROR_NONRETRYABLE, VSS_E_WRITERERROR_PARTIAL_FAILURE,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const char *name = vss_result_name(codes[i]);

		if (text_same(name, text) || text_same(name + strlen("VSS_E_WRITERERROR_"), text)) {
			*code = codes[i];
			return true;
		}
	}
	if (text_same(text, "silent")) {
		*code = S_OK;
		return true;
	}
	return text_number(text, code);
}

bool injection_key(struct injection *in, const char *key, const char *value, char error[TEXT_ERROR_SIZE])
{
	if (!in->armed) {
		in->armed = true;
		in->times = UINT32_MAX;
	}
	if (text_same(key, "Fail")) {
		in->fail = true;
		return parse_code(value, &in->failure) || text_error(error, "there is no failure %s", value);
	}
	if (text_same(key, "ApplicationCode"))
		return text_number(value, &in->application_code) ||
		       text_error(error, "application-code is a number");
	if (text_same(key, "Message")) {
		snprintf(in->message, sizeof(in->message), "%s", value);
		return true;
	}
	if (text_same(key, "Component")) {
		snprintf(in->component, sizeof(in->component), "%s", value);
		return true;
	}
	if (text_same(key, "Hold"))
		return text_duration(value, &in->hold_ms) || text_error(error, "hold is a time such as 500ms");
	if (text_same(key, "Kill"))
		return text_bool(value, &in->kill) || text_error(error, "kill is yes or no");
	if (text_same(key, "Exit")) {
		in->exit = true;
		return text_number(value, &in->exit_code) || text_error(error, "exit is an exit code");
	}
	if (text_same(key, "Skip"))
		return text_number(value, &in->skip) || text_error(error, "skip is a number");
	if (text_same(key, "Times"))
		return text_number(value, &in->times) || text_error(error, "times is a number");
	if (text_same(key, "When")) {
		in->after = !strcmp(value, "after");
		return in->after || !strcmp(value, "before") || text_error(error, "when is before or after");
	}
	return text_error(error, "an event has no key %s", key);
}

bool injection_parse(struct injection injections[TEST_EVENT_COUNT], const char *text,
		     char error[TEXT_ERROR_SIZE])
{
	char *copy = strdup(text), *rest, *pair, *save;
	bool ok = true;
	int event;

	if (!copy)
		return text_error(error, "out of memory");
	rest = copy;
	event = test_event_find(strsep(&rest, ":"));
	if (!rest)
		ok = text_error(error, "%s: write EVENT:KEY=VALUE,KEY=VALUE", text);
	else if (event < 0)
		ok = text_error(error, "there is no event %s", copy);
	for (pair = ok ? strtok_r(rest, ",", &save) : NULL; ok && pair; pair = strtok_r(NULL, ",", &save)) {
		char *value = strchr(pair, '=');

		if (value)
			*value++ = '\0';
		ok = injection_key(&injections[event], pair, value ? value : "yes", error);
	}
	free(copy);
	return ok;
}

bool injection_strikes(struct injection *injection)
{
	if (!injection->armed || !injection->times)
		return false;
	if (injection->skip) {
		injection->skip--;
		return false;
	}
	if (injection->times != UINT32_MAX)
		injection->times--;
	return true;
}

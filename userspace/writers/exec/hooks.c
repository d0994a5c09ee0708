// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hook sets: their configuration, and running what is there for an event.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/serve.h"
#include "hooks.h"

const char *const hook_names[HOOK_COUNT] = {
	[HOOK_PREPARE_BACKUP] = "prepare-backup",
	[HOOK_PREPARE_SNAPSHOT] = "prepare-snapshot",
	[HOOK_FREEZE] = "freeze",
	[HOOK_THAW] = "thaw",
	[HOOK_POST_SNAPSHOT] = "post-snapshot",
	[HOOK_ABORT] = "abort",
	[HOOK_BACKUP_COMPLETE] = "backup-complete",
	[HOOK_BACKUP_SHUTDOWN] = "backup-shutdown",
	[HOOK_PRE_RESTORE] = "pre-restore",
	[HOOK_POST_RESTORE] = "post-restore",
};

/* Those within the time from Freeze to Thaw have to be short. */
#define SHORT_TIMEOUT_MS	20000
#define LONG_TIMEOUT_MS		300000

/* EX_TEMPFAIL of sysexits.h: try again later. */
#define EXIT_TEMPFAIL		75

/* ---- configuration ---- */

static int find_hook(const char *name)
{
	for (int i = 0; i < HOOK_COUNT; i++)
		if (text_same(hook_names[i], name))
			return i;
	return -1;
}

static bool on_key(void *data, const char *section, const char *argument, const char *key,
		   const char *value, char error[TEXT_ERROR_SIZE])
{
	struct hook_set *set = data;
	int hook;

	if (key && text_same(section, "Writer") && text_same(key, "Required"))
		return text_bool(value, &set->required) || text_error(error, "Required is yes or no");
	if (profile_has_section(section))
		return profile_key(&set->profile, section, argument, key, value, error);
	if (!text_same(section, "Scripts") && !text_same(section, "Timeouts"))
		return text_error(error, "there is no section [%s]", section);
	if (!key)
		return true;
	hook = find_hook(key);
	if (hook < 0)
		return text_error(error, "there is no event %s", key);
	if (text_same(section, "Timeouts"))
		return (text_duration(value, &set->timeouts_ms[hook]) && set->timeouts_ms[hook]) ||
		       text_error(error, "a timeout is a time such as 30s");
	free(set->commands[hook]);
	set->commands[hook] = strdup(value);
	return set->commands[hook] || text_error(error, "out of memory");
}

/* Where the files of the set are, and its marker. */
static bool set_paths(struct hook_set *set, const char *path, const char *state_dir,
		      char error[TEXT_ERROR_SIZE])
{
	const char *base = strrchr(path, '/');
	size_t length = strlen(path);
	char id[VSS_UUID_TEXT_SIZE];

	base = base ? base + 1 : path;
	if (length > 5 && !strcmp(path + length - 5, ".conf"))
		length -= 5;
	if (asprintf(&set->folder, "%.*s.d", (int)length, path) < 0)
		set->folder = NULL;
	if (state_dir && asprintf(&set->marker, "%s/%s.frozen", state_dir,
				  vss_uuid_format(&set->profile.class_id, id)) < 0)
		set->marker = NULL;
	return (set->folder && (!state_dir || set->marker)) || text_error(error, "out of memory");
}

bool hooks_load(const char *path, const char *state_dir, struct hook_set **set,
		char error[TEXT_ERROR_SIZE])
{
	struct hook_set *s = calloc(1, sizeof(*s));
	char problem[TEXT_ERROR_SIZE - 128];

	*set = NULL;
	if (!s)
		return text_error(error, "out of memory");
	profile_init(&s->profile);
	s->required = true;
	for (int i = 0; i < HOOK_COUNT; i++)
		s->timeouts_ms[i] = i == HOOK_FREEZE || i == HOOK_THAW || i == HOOK_ABORT ?
				    SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS;
	if (!ini_read(path, on_key, s, error)) {
		hooks_free(s);
		return false;
	}
	if (!profile_finish(&s->profile, error) || !set_paths(s, path, state_dir, error)) {
		snprintf(problem, sizeof(problem), "%s", error);
		hooks_free(s);
		return text_error(error, "%.100s: %s", path, problem);
	}
	*set = s;
	return true;
}

void hooks_free(struct hook_set *set)
{
	if (!set)
		return;
	for (int i = 0; i < HOOK_COUNT; i++)
		free(set->commands[i]);
	free(set->folder);
	free(set->marker);
	profile_clear(&set->profile);
	free(set);
}

/* ---- the marker ---- */

void hooks_set_frozen(struct hook_set *set, bool frozen)
{
	set->frozen = frozen;
	if (!set->marker)
		return;
	if (frozen) {
		int fd = open(set->marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd >= 0)
			close(fd);
		else
			serve_log(LOG_WARNING, "%s: cannot make %s: %s; a crash would leave the data frozen",
				  set->profile.name, set->marker, strerror(errno));
	} else {
		unlink(set->marker);
	}
}

bool hooks_left_frozen(const struct hook_set *set)
{
	return set->marker && !access(set->marker, F_OK);
}

/* ---- running ---- */

struct log_line {
	const struct hook_set *set;
	const char *script;
};

static void log_output(void *data, const char *line)
{
	const struct log_line *log = data;

	serve_log(LOG_INFO, "%s: %s: %s", log->set->profile.name, log->script, line);
}

/* What became of one script, as a writer's failure. */
static void judge(const struct script_result *script, const char *name, uint32_t timeout_ms,
		  struct hook_result *result)
{
	result->code = script->code;
	switch (script->outcome) {
	case SCRIPT_EXITED:
		if (!script->code)
			return;
		result->failure = script->code == EXIT_TEMPFAIL ? VSS_E_WRITERERROR_RETRYABLE :
								  VSS_E_WRITERERROR_NONRETRYABLE;
		text_error(result->message, "%s failed with exit status %d%s%s", name, script->code,
			   script->last_line[0] ? ": " : "", script->last_line);
		break;
	case SCRIPT_KILLED:
		result->failure = VSS_E_WRITERERROR_NONRETRYABLE;
		text_error(result->message, "%s was killed by signal %d", name, script->code);
		break;
	case SCRIPT_TIMED_OUT:
		result->failure = VSS_E_WRITERERROR_TIMEOUT;
		text_error(result->message, "%s did not end within %u ms and was killed", name, timeout_ms);
		break;
	case SCRIPT_NO_RESOURCES:
		result->failure = VSS_E_WRITERERROR_OUTOFRESOURCES;
		text_error(result->message, "%s could not be started: %s", name, strerror(script->code));
		break;
	case SCRIPT_NOT_STARTED:
		result->failure = VSS_E_WRITERERROR_NONRETRYABLE;
		text_error(result->message, "%s could not be started: %s", name, strerror(script->code));
		break;
	}
}

static void run_one(struct hook_set *set, enum hook_event event, char *const argv[], const char *name,
		    char *const env[], struct hook_result *result)
{
	struct log_line log = { .set = set, .script = name };
	struct hook_result one = { 0 };
	struct script_result script;

	script_run(argv, env, set->timeouts_ms[event], log_output, &log, &script);
	judge(&script, name, set->timeouts_ms[event], &one);
	if (!one.failure)
		return;
	serve_log(set->required ? LOG_ERR : LOG_WARNING, "%s: %s: %s", set->profile.name,
		  hook_names[event], one.message);
	if (!result->failure)
		*result = one;
}

/* As run-parts(8): no hidden files, no leftovers of editors and package managers. */
static int is_hook(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !strpbrk(entry->d_name, "~#.") ;
}

static void run_folder(struct hook_set *set, enum hook_event event, char *const env[], bool all,
		       struct hook_result *result)
{
	char folder[4096], path[8192], error[TEXT_ERROR_SIZE];
	struct dirent **entries;
	int count;

	snprintf(folder, sizeof(folder), "%s/%s.d", set->folder, hook_names[event]);
	count = scandir(folder, &entries, is_hook, alphasort);
	if (count < 0)
		return;
	for (int i = 0; i < count; i++) {
		char *argv[] = { path, NULL };

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		free(entries[i]);
		if (access(path, X_OK) || (result->failure && !all))
			continue;
		if (text_is_trusted(path, error)) {
			run_one(set, event, argv, path, env, result);
		} else {
			serve_log(LOG_ERR, "%s: %s", set->profile.name, error);
			if (!result->failure) {
				result->failure = VSS_E_WRITERERROR_NONRETRYABLE;
				memcpy(result->message, error, sizeof(result->message));
			}
		}
	}
	free(entries);
}

void hooks_run(struct hook_set *set, enum hook_event event, char *const env[], struct hook_result *result)
{
	bool all = event == HOOK_THAW || event == HOOK_ABORT;
	char shell[] = "/bin/sh", option[] = "-c";

	memset(result, 0, sizeof(*result));
	if (set->commands[event]) {
		char *argv[] = { shell, option, set->commands[event], NULL };

		run_one(set, event, argv, hook_names[event], env, result);
	}
	if (!result->failure || all)
		run_folder(set, event, env, all, result);
}

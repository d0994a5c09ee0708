// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Running a sequence: who makes each call, on which object, with which
 * conditions, and what must have been there before the first one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "requester.h"
#include "run.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Real time, for something that hangs. */
#define HANGS_MS	60000

#define failed(run, ...)	(snprintf((run)->problem, PROBLEM_SIZE, __VA_ARGS__), RUN_FAILED)

/* ---- conditions ---- */

static const struct {
	const char *name;
	enum vssd_event event;
} events[] = {
	{ "Identify", VSSD_EVENT_IDENTIFY },
	{ "PrepareBackup", VSSD_EVENT_PREPARE_BACKUP },
	{ "PrepareForBackup", VSSD_EVENT_PREPARE_BACKUP },
	{ "PrepareSnapshot", VSSD_EVENT_PREPARE_SNAPSHOT },
	{ "PrepareForSnapshot", VSSD_EVENT_PREPARE_SNAPSHOT },
	{ "Freeze", VSSD_EVENT_FREEZE },
	{ "Thaw", VSSD_EVENT_THAW },
	{ "PostSnapshot", VSSD_EVENT_POST_SNAPSHOT },
	{ "Abort", VSSD_EVENT_ABORT },
	{ "BackupComplete", VSSD_EVENT_BACKUP_COMPLETE },
	{ "BackupShutdown", VSSD_EVENT_BACKUP_SHUTDOWN },
	{ "PreRestore", VSSD_EVENT_PRE_RESTORE },
	{ "PostRestore", VSSD_EVENT_POST_RESTORE },
};

static const struct {
	const char *name;
	enum vssd_step step;
} steps[] = {
	{ "prepare", VSSD_STEP_END_PREPARE },
	{ "BeginPrepare", VSSD_STEP_BEGIN_PREPARE },
	{ "EndPrepare", VSSD_STEP_END_PREPARE },
	{ "PreCommit", VSSD_STEP_PRE_COMMIT },
	{ "hold", VSSD_STEP_HOLD_WRITES },
	{ "commit", VSSD_STEP_COMMIT },
	{ "release", VSSD_STEP_RELEASE_WRITES },
	{ "PostCommit", VSSD_STEP_POST_COMMIT },
	{ "PreFinalCommit", VSSD_STEP_PRE_FINAL_COMMIT },
	{ "PostFinalCommit", VSSD_STEP_POST_FINAL_COMMIT },
	{ "delete", VSSD_STEP_DELETE },
	{ "import", VSSD_STEP_IMPORT },
	{ "break", VSSD_STEP_BREAK },
	{ "revert", VSSD_STEP_REVERT },
};

/* Where a call fails that is said to fail, give a result, or find no room. */
static const struct {
	const char *call;
	bool writer;
	enum vssd_event event;
	enum vssd_step step, room;
} weak_points[] = {
	{ "GatherWriterMetadata", true, VSSD_EVENT_IDENTIFY, 0, 0 },
	{ "PrepareForBackup", true, VSSD_EVENT_PREPARE_BACKUP, 0, 0 },
	{ "BackupComplete", true, VSSD_EVENT_BACKUP_COMPLETE, 0, 0 },
	{ "PreRestore", true, VSSD_EVENT_PRE_RESTORE, 0, 0 },
	{ "PostRestore", true, VSSD_EVENT_POST_RESTORE, 0, 0 },
	{ "AddToSnapshotSet", false, 0, VSSD_STEP_BEGIN_PREPARE, VSSD_STEP_BEGIN_PREPARE },
	{ "DoSnapshotSet", false, 0, VSSD_STEP_COMMIT, VSSD_STEP_END_PREPARE },
	{ "DeleteSnapshots", false, 0, VSSD_STEP_DELETE, VSSD_STEP_DELETE },
	{ "ImportSnapshots", false, 0, VSSD_STEP_IMPORT, VSSD_STEP_IMPORT },
	{ "BreakSnapshotSet", false, 0, VSSD_STEP_BREAK, VSSD_STEP_BREAK },
	{ "BreakSnapshotSetEx", false, 0, VSSD_STEP_BREAK, VSSD_STEP_BREAK },
	{ "RevertToSnapshot", false, 0, VSSD_STEP_REVERT, VSSD_STEP_REVERT },
};

/* False: the call has no place for the condition. */
static bool weak_fault(const char *call, const struct condition *c, struct world_fault *fault)
{
	for (size_t i = 0; i < COUNT(weak_points); i++) {
		if (strcmp(weak_points[i].call, call))
			continue;
		if (weak_points[i].writer) {
			fault->writer = fault->writer_fails = true;
			fault->event = weak_points[i].event;
			return c->kind == CONDITION_FAILS;
		}
		fault->provider = true;
		fault->step = c->kind == CONDITION_NO_ROOM ? weak_points[i].room : weak_points[i].step;
		fault->provider_result = VSS_E_PROVIDER_VETO;
		if (c->kind == CONDITION_NO_ROOM)
			fault->provider_result = VSS_E_INSUFFICIENT_STORAGE;
		else if (c->kind == CONDITION_PROVIDER_GIVES)
			fault->provider_result = c->result;
		return true;
	}
	return false;
}

static void writer_fault(const struct condition *c, struct world_fault *fault)
{
	fault->writer = true;
	fault->writer_fails = c->kind == CONDITION_WRITER_FAILS;
	fault->writer_dies = c->kind == CONDITION_WRITER_DIES;
	fault->writer_seconds = c->seconds;
	for (size_t i = 0; i < COUNT(events); i++)
		if (!strcasecmp(events[i].name, c->name))
			fault->event = events[i].event;
}

static void step_fault(const struct condition *c, struct world_fault *fault)
{
	fault->provider = true;
	fault->provider_seconds = c->seconds;
	for (size_t i = 0; i < COUNT(steps); i++)
		if (!strcasecmp(steps[i].name, c->name))
			fault->step = steps[i].step;
}

/* What stand-ins do wrong in this call; false and @problem for a condition out of place. */
static bool find_fault(const struct token *token, struct world_fault *fault, char problem[PROBLEM_SIZE])
{
	memset(fault, 0, sizeof(*fault));
	for (size_t i = 0; i < token->nr_conditions; i++) {
		const struct condition *c = &token->conditions[i];

		switch (c->kind) {
		case CONDITION_FAILS:
		case CONDITION_NO_ROOM:
		case CONDITION_PROVIDER_GIVES:
			if (weak_fault(token->name, c, fault))
				break;
			snprintf(problem, PROBLEM_SIZE, "\"%s\" has a condition that means nothing there",
				 token->text);
			return false;
		case CONDITION_WRITER_FAILS:
		case CONDITION_WRITER_HOLDS:
		case CONDITION_WRITER_DIES:
			writer_fault(c, fault);
			break;
		case CONDITION_PROVIDER_TAKES:
			step_fault(c, fault);
			break;
		default:
			break;
		}
	}
	return true;
}

/* Those that stay after the call. */
static void set_scene(struct run *run, const struct token *token)
{
	const char *volume = token->nr_arguments && token->arguments[0] &&
					     world_is_volume(token->arguments[0]) ?
				     token->arguments[0] :
				     "V1";

	for (size_t i = 0; i < token->nr_conditions; i++) {
		switch (token->conditions[i].kind) {
		case CONDITION_MOUNTED:
			world_set_mounted(run->world, volume);
			break;
		case CONDITION_NOT_TRANSPORTABLE:
			world_set_not_transportable(run->world, volume);
			break;
		case CONDITION_ORIGINAL_PRESENT:
			world_set_original(run->world, "V1", true);
			break;
		case CONDITION_STORAGE_ABSENT:
			world_set_absent(run->world, true);
			break;
		case CONDITION_ONE_ABSENT:
			world_set_absent(run->world, false);
			break;
		default:
			break;
		}
	}
}

/* ---- is it all known? ---- */

static bool check_token(const struct token *token, char problem[PROBLEM_SIZE])
{
	const struct call *call = call_find(token->name);
	struct world_fault fault;

	if (!call) {
		snprintf(problem, PROBLEM_SIZE, "the call \"%s\" is not known", token->name);
		return false;
	}
	if (!strchr(WORLD_MACHINES, token->machine)) {
		snprintf(problem, PROBLEM_SIZE, "there is no machine %c, only " WORLD_MACHINES,
			 token->machine);
		return false;
	}
	if (token->nr_arguments < call->least || token->nr_arguments > call->most) {
		snprintf(problem, PROBLEM_SIZE, "\"%s\" has %zu arguments; %s takes %zu to %zu", token->text,
			 token->nr_arguments, call->name, call->least, call->most);
		return false;
	}
	if (token_condition(token, CONDITION_RUNNING) && !call->async && strcmp(call->name, "QueryStatus") &&
	    strcmp(call->name, "Cancel")) {
		snprintf(problem, PROBLEM_SIZE, "\"%s\" cannot be running: %s is not asynchronous",
			 token->text, call->name);
		return false;
	}
	return (!call->check || call->check(token, problem)) && find_fault(token, &fault, problem);
}

bool sequence_check(const struct sequence *sequence, char problem[PROBLEM_SIZE])
{
	*problem = '\0';
	for (size_t i = 0; i < sequence->count; i++)
		if (!check_token(&sequence->tokens[i], problem))
			return false;
	return true;
}

/* ---- objects ---- */

static struct requester *find_requester(struct run *run, char machine, unsigned int number)
{
	struct requester *requester;

	for (size_t i = 0; i < run->nr_requesters; i++) {
		requester = &run->requesters[i];
		if (requester->machine == machine && requester->number == number)
			return requester;
	}
	if (run->nr_requesters == MAX_REQUESTERS)
		return NULL;
	requester = &run->requesters[run->nr_requesters++];
	requester->machine = machine;
	requester->number = number;
	return requester;
}

static vss_result make_object(struct run *run, struct requester *requester)
{
	char *address = world_address(run->world, requester->machine);
	struct vss_error err = { 0 };
	vss_result result;

	if (requester->bc || !address) {
		free(address);
		return address ? S_OK : E_OUTOFMEMORY;
	}
	requester->initialized = false;
	requester->context = VSS_CTX_BACKUP;
	result = vss_create_vss_backup_components(address, &requester->bc, &err);
	snprintf(run->says, sizeof(run->says), "%s", err.text);
	free(address);
	return result;
}

static void drop_object(struct requester *requester)
{
	vss_backup_components_release(requester->bc);
	requester->bc = NULL;
	vss_async_release(requester->async);
	requester->async = NULL;
	requester->initialized = false;
	requester->released = true;
}

/* Who comes to administrate what others have made needs an object for it, which vectors leave out. */
static vss_result imply_object(struct run *run, struct requester *requester, const struct call *call)
{
	bool first = requester->machine == 'A' && requester->number == 1;
	vss_result result = make_object(run, requester);

	if (VSS_FAILED(result) || !call->administration || requester->initialized ||
	    (first && !requester->released))
		return result;
	result = vss_backup_components_initialize_for_backup(requester->bc, NULL);
	if (result == S_OK)
		result = vss_backup_components_set_context(requester->bc, VSS_CTX_ALL);
	requester->initialized = result == S_OK;
	requester->context = VSS_CTX_ALL;
	return result;
}

/* ---- asynchronous calls ---- */

/* Wait for the end; S_OK for VSS_S_ASYNC_FINISHED. */
static vss_result wait_for(struct run *run, struct vss_async *async)
{
	vss_result result = E_UNEXPECTED;

	world_set_time(run->world, WORLD_FAST);
	vss_async_wait(async, HANGS_MS);
	world_set_time(run->world, WORLD_STILL);
	vss_async_query_status(async, &result);
	snprintf(run->says, sizeof(run->says), "%s", result == VSS_S_ASYNC_PENDING ? "it does not end" :
		 vss_async_error(async)->text);
	return result == VSS_S_ASYNC_FINISHED ? S_OK : result;
}

/* Wait until it is under way, or over already. */
static void wait_until_parked(struct run *run, struct vss_async *async)
{
	vss_result result = VSS_S_ASYNC_PENDING;

	for (int i = 0; i < 5000 && result == VSS_S_ASYNC_PENDING && !world_has_parked(run->world); i++) {
		usleep(1000);
		vss_async_query_status(async, &result);
	}
}

/* Is @token looked at, or joined by another one, before its end? */
static bool is_left_running(const struct sequence *sequence, size_t index)
{
	const struct token *token = &sequence->tokens[index];

	if (token_condition(token, CONDITION_RUNNING))
		return true;
	for (size_t i = index + 1; i < sequence->count; i++) {
		const struct token *later = &sequence->tokens[i];
		bool same = later->machine == token->machine && later->requester == token->requester;
		const struct call *call = call_find(later->name);

		if (same && token_condition(later, CONDITION_RUNNING) &&
		    (!strcmp(later->name, "QueryStatus") || !strcmp(later->name, "Cancel")))
			return true;
		if (token_condition(later, CONDITION_AT_THE_SAME_TIME))
			return true;
		/* Only what comes right after it, or after another's preparations for that. */
		if (same || call->async)
			return false;
	}
	return false;
}

static vss_result run_async(struct run *run, const struct call *call, bool leave_running)
{
	struct vss_async *async = NULL;
	vss_result result;

	world_park(run->world, leave_running);
	result = call->make(run, token_condition(run->token, CONDITION_NULL) ? NULL : &async);
	if (!async) {
		world_park(run->world, false);
		return result;
	}
	vss_async_release(run->now->async);
	run->now->async = async;
	if (leave_running) {
		wait_until_parked(run, async);
		world_park(run->world, false);
		run->now->running = true;
		vss_async_query_status(async, &result);
		return result == VSS_S_ASYNC_FINISHED ? S_OK : result;
	}
	return wait_for(run, async);
}

/* Whatever was kept back goes on to its end. */
static void let_go_on(struct run *run)
{
	world_unpark(run->world);
	for (size_t i = 0; i < run->nr_requesters; i++) {
		struct requester *requester = &run->requesters[i];

		if (requester->running && requester->async)
			wait_for(run, requester->async);
		requester->running = false;
	}
}

/* ---- calls ---- */

static vss_result query_status(struct requester *requester)
{
	vss_result result = VSS_E_BAD_STATE;

	if (requester->async)
		vss_async_query_status(requester->async, &result);
	return result;
}

static vss_result cancel(struct run *run, struct requester *requester)
{
	vss_result result = VSS_E_BAD_STATE;

	/* Others are waited for with their own limits of time. */
	world_set_time(run->world, WORLD_SLOW);
	if (requester->async)
		result = vss_async_cancel(requester->async);
	world_set_time(run->world, WORLD_STILL);
	return result;
}

/* The process dies: its connection breaks, and nobody says good-bye. */
static vss_result kill_process(struct requester *requester)
{
	if (requester->bc) {
		shutdown(sd_bus_get_fd(requester->bc->bus), SHUT_RDWR);
		drop_object(requester);
	}
	return S_OK;
}

static vss_result run_token(struct run *run, const struct sequence *sequence, size_t index)
{
	const struct token *token = &sequence->tokens[index];
	const struct call *call = call_find(token->name);
	vss_result result = S_OK;

	run->token = token;
	run->now = find_requester(run, token->machine, token->requester);
	run->empty = false;
	run->says[0] = '\0';
	if (!run->now)
		return E_OUTOFMEMORY;
	set_scene(run, token);
	if (!strcmp(token->name, "QueryStatus"))
		return token_condition(token, CONDITION_NULL) ?
			       vss_async_query_status(run->now->async, NULL) :
			       query_status(run->now);
	if (!strcmp(token->name, "Cancel"))
		return cancel(run, run->now);
	if (!strcmp(token->name, "Kill") || !strcmp(token->name, "Release")) {
		if (!strcmp(token->name, "Kill"))
			result = kill_process(run->now);
		else
			drop_object(run->now);
		world_settle(run->world);
		return result;
	}
	result = imply_object(run, run->now, call);
	if (VSS_FAILED(result))
		return result;
	if (call->async) {
		result = run_async(run, call, is_left_running(sequence, index));
	} else {
		world_set_time(run->world, WORLD_SLOW);
		result = call->make(run, NULL);
		world_set_time(run->world, WORLD_STILL);
	}
	if (!*run->says)
		snprintf(run->says, sizeof(run->says), "%s", vss_backup_components_error(run->now->bc)->text);
	if (token_condition(token, CONDITION_AT_THE_SAME_TIME))
		let_go_on(run);
	return result;
}

/* ---- what was there before ---- */

static enum run_end run_steps(struct run *run, const char *text)
{
	struct sequence sequence;
	enum run_end end = RUN_DONE;

	if (!sequence_parse(text, &sequence, run->problem) || !sequence_check(&sequence, run->problem))
		end = RUN_FAILED;
	for (size_t i = 0; end == RUN_DONE && i < sequence.count; i++) {
		vss_result result = run_token(run, &sequence, i);

		if (result != S_OK)
			end = failed(run, "making what the vector takes for granted: %s gave %s: %s",
				     sequence.tokens[i].text, vss_result_name(result), run->says);
	}
	sequence_clear(&sequence);
	return end;
}

/* The set that was made last, which no vector names by itself. */
static struct made_set take_set(struct run *run)
{
	return run->nr_sets ? run->sets[--run->nr_sets] : (struct made_set){ 0 };
}

/* Two components of W and one of GONE, two volumes, made to travel; its process has gone. */
static enum run_end make_document(struct run *run, const char *context, const char *volumes, char **xml)
{
	char text[640];
	enum run_end end;

	snprintf(
		text, sizeof(text),
		"#99InitializeForBackup #99SetContext:%s #99SetBackupState:components #99GatherWriterMetadata "
		"#99AddComponent:W/C #99AddComponent:W/D #99AddComponent:GONE/C #99StartSnapshotSet %s "
		"#99PrepareForBackup #99DoSnapshotSet #99SaveAsXML #99Release",
		context, volumes);
	world_set_gone(run->world, true);
	end = run_steps(run, text);
	world_set_gone(run->world, false);
	*xml = run->xml;
	run->xml = NULL;
	return end;
}

/* Damaged so that it is XML still, but no Backup Components Document. */
static char *damage(const char *xml)
{
	char *copy = strdup(xml);
	char *at = copy ? strstr(copy, "componentName=") : NULL;

	if (at)
		memcpy(at, "componentLost=", strlen("componentLost="));
	return copy;
}

struct wanted {
	bool xml, xml2, badxml, localxml, persistent;
};

static struct wanted find_wanted(const struct sequence *sequence)
{
	struct wanted wanted = { 0 };
	bool saved = false;

	for (size_t i = 0; i < sequence->count; i++) {
		const struct token *token = &sequence->tokens[i];

		saved |= !strcmp(token->name, "SaveAsXML");
		for (size_t j = 0; j < token->nr_arguments; j++) {
			const char *argument = token->arguments[j];

			if (!argument)
				continue;
			wanted.xml |= !strcmp(argument, "xml") && !saved;
			wanted.xml2 |= !strcmp(argument, "xml2");
			wanted.badxml |= !strcmp(argument, "badxml");
			wanted.localxml |= !strcmp(argument, "localxml");
			wanted.persistent |= !strcmp(argument, "SP");
		}
	}
	return wanted;
}

static enum run_end prepare_world(struct run *run, const struct sequence *sequence)
{
	struct wanted wanted = find_wanted(sequence);
	struct made_set set = { 0 };
	char *xml = NULL, *other = NULL;
	enum run_end end = RUN_DONE;

	if (wanted.persistent) {
		end = run_steps(run, "#98InitializeForBackup #98SetContext:NAS_ROLLBACK #98StartSnapshotSet "
				     "#98AddToSnapshotSet:V1 #98DoSnapshotSet #98Release");
		run->persistent = take_set(run).snapshots[0];
	}
	if (end == RUN_DONE && wanted.localxml) {
		end = make_document(run, "APP_ROLLBACK", "#99AddToSnapshotSet:V1", &run->localxml);
		take_set(run);
	}
	if (end == RUN_DONE && wanted.xml2) {
		end = make_document(run, "APP_ROLLBACK|TRANSPORTABLE", "#99AddToSnapshotSet:V3", &run->xml2);
		take_set(run);
	}
	if (end == RUN_DONE && (wanted.xml || wanted.badxml)) {
		end = make_document(run, "APP_ROLLBACK|TRANSPORTABLE",
				    "#99AddToSnapshotSet:V1 #99AddToSnapshotSet:V2", &xml);
		set = take_set(run);
	}
	if (end == RUN_DONE && wanted.badxml)
		other = damage(xml);
	run->badxml = other;
	run->xml = xml;
	if (wanted.xml) {
		run->sets[0] = set;
		run->nr_sets = 1;
		run->canned_sets = true;
	}
	run->nr_requesters = 0;
	return end;
}

/* ---- a whole sequence ---- */

/* May this call, which is not the last, have failed? */
static bool may_fail(const struct token *token, const char *note, vss_result result)
{
	const char *named = strstr(note, token->name);

	return !VSS_FAILED(result) || token->nr_conditions || (named && strstr(named, "fails"));
}

static void clear_run(struct run *run)
{
	world_unpark(run->world);
	for (size_t i = 0; i < run->nr_requesters; i++)
		drop_object(&run->requesters[i]);
	free(run->xml);
	free(run->xml2);
	free(run->badxml);
	free(run->localxml);
}

enum run_end sequence_run(const struct sequence *sequence, const char *note, const char *dir,
			  vss_result *result, bool *empty, char problem[PROBLEM_SIZE])
{
	struct run run = { .dir = dir };
	enum run_end end;

	run.world = world_new(dir);
	if (!run.world) {
		snprintf(problem, PROBLEM_SIZE, "the stand-in machines cannot be started in %s", dir);
		return RUN_FAILED;
	}
	end = prepare_world(&run, sequence);
	for (size_t i = 0; end == RUN_DONE && i < sequence->count; i++) {
		struct world_fault fault;

		find_fault(&sequence->tokens[i], &fault, run.problem);
		world_set_fault(run.world, &fault);
		*result = run_token(&run, sequence, i);
		if (i + 1 < sequence->count && !may_fail(&sequence->tokens[i], note, *result))
			end = failed(&run, "call %zu, %s, gave %s: %.300s", i + 1, sequence->tokens[i].text,
				     vss_result_name(*result), run.says);
	}
	*empty = run.empty;
	snprintf(problem, PROBLEM_SIZE, "%s", end == RUN_DONE ? run.says : run.problem);
	clear_run(&run);
	world_free(run.world);
	return end;
}

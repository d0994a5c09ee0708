// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-exec's parts: running scripts, hook sets and their configuration,
 * and a hook set as a writer; and what it shares with other writers.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "exec/environment.h"
#include "exec/events.h"
#include "exec/hooks.h"
#include "exec/script.h"
#include "fake-vssd.h"
#include "tree.h"

struct folder {
	char dir[64];
	char error[TEXT_ERROR_SIZE];
	char state[96];
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	mkdir(f->state, 0700);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct folder *f = *state;

	tree_remove(f->dir);
	free(f);
	return 0;
}

static void put(struct folder *f, const char *name, mode_t mode, const char *content)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What is in a file of the folder; to free(). */
static char *get(struct folder *f, const char *name)
{
	char path[256], *content = calloc(1, 16384);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "r");
	if (file) {
		assert_true(fread(content, 1, 16383, file) < 16383);
		fclose(file);
	}
	return content;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- scripts ---- */

static void count_line(void *data, const char *line)
{
	(void)line;
	(*(int *)data)++;
}

static int shell(const char *command, uint32_t timeout_ms, struct script_result *result)
{
	char sh[] = "/bin/sh", option[] = "-c", *argv[] = { sh, option, (char *)command, NULL };
	char path[] = "PATH=/bin:/usr/bin", *env[] = { path, NULL };
	int lines = 0;

	script_run(argv, env, timeout_ms, count_line, &lines, result);
	return lines;
}

static void scripts_report_their_end(void **state)
{
	char missing[] = "/nonexistent", *argv[] = { missing, NULL }, *env[] = { NULL };
	struct script_result result;

	(void)state;
	assert_int_equal(shell("echo one; echo; echo two >&2", 5000, &result), 2);
	assert_int_equal(result.outcome, SCRIPT_EXITED);
	assert_int_equal(result.code, 0);
	assert_string_equal(result.last_line, "two");
	shell("printf unfinished; exit 75", 5000, &result);
	assert_int_equal(result.code, 75);
	assert_string_equal(result.last_line, "unfinished");
	shell("kill -9 $$", 5000, &result);
	assert_int_equal(result.outcome, SCRIPT_KILLED);
	assert_int_equal(result.code, SIGKILL);
	script_run(argv, env, 1000, NULL, NULL, &result);
	assert_int_equal(result.outcome, SCRIPT_NOT_STARTED);
	assert_int_equal(result.code, ENOENT);
	/* Much output does not block it. */
	shell("yes | head -c 1000000", 20000, &result);
	assert_int_equal(result.outcome, SCRIPT_EXITED);
	/* It starts with default signals and in the root directory. */
	shell("test \"$(pwd)\" = / && ! read x", 5000, &result);
	assert_int_equal(result.code, 0);
}

static void slow_scripts_are_killed(void **state)
{
	struct script_result result;
	int64_t start = now_ms();

	(void)state;
	shell("sleep 30", 200, &result);
	assert_int_equal(result.outcome, SCRIPT_TIMED_OUT);
	assert_true(now_ms() - start < 20000);
	/* Also the one that does not listen, and its children. */
	start = now_ms();
	shell("trap '' TERM; echo $$; sleep 30 & sleep 30; sleep 30", 1000, &result);
	assert_int_equal(result.outcome, SCRIPT_TIMED_OUT);
	assert_true(now_ms() - start < 20000);
	for (int i = 0; i < 2000 && !kill(-atoi(result.last_line), 0); i++)
		usleep(10000);
	assert_int_equal(kill(-atoi(result.last_line), 0), -1);
	/* What is left in the background is not waited for. */
	start = now_ms();
	shell("sleep 20 & exit 0", 15000, &result);
	assert_int_equal(result.outcome, SCRIPT_EXITED);
	assert_true(now_ms() - start < 12000);
}

/* ---- configuration ---- */

static struct hook_set *load(struct folder *f, const char *content)
{
	struct hook_set *set;
	char path[128];

	put(f, "app.conf", 0600, content);
	snprintf(path, sizeof(path), "%s/app.conf", f->dir);
	hooks_load(path, f->state, &set, f->error);
	return set;
}

static void configuration_is_read(void **state)
{
	struct folder *f = *state;
	struct hook_set *set, *again;
	struct vss_uuid id;

	set = load(f, "# a comment\n[writer]\nname = My app\nlevel=back-end\nrequired=no\nwindow=30s\n"
		      "restore-method = stop-restore-start\nservice = app.service\n"
		      "[component data]\ncaption = The data\nfiles = \"/srv/my app\" * recursive\n"
		      "files = /etc app.conf\n"
		      "[component db]\ntype = database\nfiles = /srv/db *.db\nlogs = /srv/db *.log\n"
		      "[exclude]\nfiles = /srv/app *.tmp recursive\n"
		      "[scripts]\nfreeze = echo freeze\n[timeouts]\nfreeze = 1500ms\nthaw=2min\n");
	if (!set)
		fail_msg("%s", f->error);
	assert_string_equal(set->profile.name, "My app");
	assert_int_equal(set->profile.level, VSS_APP_BACK_END);
	assert_int_equal(set->profile.window_ms, 30000);
	assert_false(set->required);
	assert_int_equal(set->profile.nr_components, 2);
	assert_string_equal(set->profile.components[0].files.items[0].path, "/srv/my app");
	assert_true(set->profile.components[0].files.items[0].recursive);
	assert_int_equal(set->profile.components[1].type, VSS_CT_DATABASE);
	assert_int_equal(set->profile.components[1].logs.count, 1);
	assert_int_equal(set->timeouts_ms[HOOK_FREEZE], 1500);
	assert_int_equal(set->timeouts_ms[HOOK_THAW], 120000);
	assert_string_equal(set->commands[HOOK_FREEZE], "echo freeze");
	/* The class follows from the name alone, and has version 5. */
	id = set->profile.class_id;
	assert_int_equal(id.bytes[6] >> 4, 5);
	again = load(f, "[writer]\nname=My app\n");
	assert_non_null(again);
	assert_true(vss_uuid_equal(&again->profile.class_id, &id));
	hooks_free(again);
	/* Sections and keys as in vssd.conf. */
	again = load(f, "[Writer]\nName=My other app\nRestoreMethod = stop-restore-start\nService = a\n"
		      "[Component data]\nLogicalPath = group\n[Timeouts]\nPrepareSnapshot = 3s\n");
	assert_non_null(again);
	assert_string_equal(again->profile.components[0].logical_path, "group");
	assert_int_equal(again->timeouts_ms[HOOK_PREPARE_SNAPSHOT], 3000);
	hooks_free(again);
	again = load(f, "[writer]\nname=My other app\n");
	assert_non_null(again);
	assert_false(vss_uuid_equal(&again->profile.class_id, &id));
	hooks_free(again);
	hooks_free(set);
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *content, *where, *what;
	} bad[] = {
		{ "name=x\n", ":1:", "section" },
		{ "[writer]\nname=x\nlevel=9\n", ":3:", "front-end" },
		{ "[writer]\nname=x\n\n[scripts]\nfrieze=x\n", ":5:", "frieze" },
		{ "[writer\n", ":1:", "bracket" },
		{ "[writer]\nwhat\n", ":2:", "key = value" },
		{ "[writer]\ncolour=red\n", ":2:", "colour" },
		{ "[nonsense]\n", ":1:", "nonsense" },
		{ "[component a/b]\n", ":1:", "without" },
		{ "[component x]\nfiles=relative *\n", ":2:", "DIR SPEC" },
		{ "[component x]\nfiles=/a \"open\n", ":2:", "DIR SPEC" },
		{ "[component x]\nlogs=/a *\n", ":2:", "database" },
		{ "[component x]\nfiles=/a *\ntype=database\n", ":3:", "before" },
		{ "[timeouts]\nfreeze=0\n", ":2:", "time" },
		{ "[timeouts]\nfreeze=99999999h\n", ":2:", "time" },
		{ "[writer]\nclass=123\n", ":2:", "UUID" },
		{ "[writer]\nrequired=maybe\n", ":2:", "Required is yes or no" },
		{ "[scripts]\nfreeze=x\n", "app.conf", "no name" },
		{ "[writer]\nname=x\nrestore-method=stop-restore-start\n", "app.conf", "Service" },
	};
	struct folder *f = *state;
	struct hook_set *set;
	char path[128];

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_null(load(f, bad[i].content));
		assert_non_null(strstr(f->error, bad[i].where));
		assert_non_null(strstr(f->error, bad[i].what));
	}
	put(f, "app.conf", 0666, "[writer]\nname=x\n");
	snprintf(path, sizeof(path), "%s/app.conf", f->dir);
	assert_false(hooks_load(path, NULL, &set, f->error));
	assert_non_null(strstr(f->error, "chmod"));
	assert_false(hooks_load("/nonexistent.conf", NULL, &set, f->error));
}

/* ---- hook sets ---- */

static struct hook_result run(struct hook_set *set, enum hook_event event)
{
	char **env = environment_make_bare("x", hook_names[event]);
	struct hook_result result;

	hooks_run(set, event, env, &result);
	environment_free(env);
	return result;
}

static void exit_codes_become_failures(void **state)
{
	struct folder *f = *state;
	struct hook_result result;
	struct hook_set *set;

	set = load(f, "[writer]\nname=x\n[timeouts]\nthaw=200ms\n[scripts]\n"
		      "prepare-backup=exit 0\nprepare-snapshot=echo the reason; exit 75\n"
		      "freeze=echo broken >&2; exit 3\nthaw=sleep 20\nabort=kill -9 $$\n"
		      "post-snapshot=test $VSS_EVENT = post-snapshot\n");
	assert_non_null(set);
	assert_int_equal(run(set, HOOK_PREPARE_BACKUP).failure, S_OK);
	result = run(set, HOOK_PREPARE_SNAPSHOT);
	assert_int_equal(result.failure, VSS_E_WRITERERROR_RETRYABLE);
	assert_non_null(strstr(result.message, "the reason"));
	result = run(set, HOOK_FREEZE);
	assert_int_equal(result.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	assert_int_equal(result.code, 3);
	assert_non_null(strstr(result.message, "broken"));
	assert_int_equal(run(set, HOOK_THAW).failure, VSS_E_WRITERERROR_TIMEOUT);
	assert_int_equal(run(set, HOOK_ABORT).failure, VSS_E_WRITERERROR_NONRETRYABLE);
	assert_int_equal(run(set, HOOK_POST_SNAPSHOT).failure, S_OK);
	/* Nothing is there for it. */
	assert_int_equal(run(set, HOOK_BACKUP_COMPLETE).failure, S_OK);
	hooks_free(set);
}

static void folders_run_in_order(void **state)
{
	struct folder *f = *state;
	char script[256], *log;
	struct hook_set *set;

	set = load(f, "[writer]\nname=x\n");
	assert_non_null(set);
	for (const char *name = "132"; *name; name++) {
		char path[64];

		snprintf(script, sizeof(script), "#!/bin/sh\necho %c >>%s/log\ntest %c != 2\n", *name, f->dir, *name);
		snprintf(path, sizeof(path), "app.d/freeze.d/%c0-x", *name);
		put(f, path, 0755, script);
		snprintf(path, sizeof(path), "app.d/thaw.d/%c0-x", *name);
		put(f, path, 0755, script);
	}
	put(f, "app.d/freeze.d/05-not-executable", 0644, "#!/bin/sh\necho no >>log\n");
	put(f, "app.d/freeze.d/05-backup~", 0755, script);
	put(f, "app.d/freeze.d/.hidden", 0755, script);
	assert_int_equal(run(set, HOOK_FREEZE).failure, VSS_E_WRITERERROR_NONRETRYABLE);
	log = get(f, "log");
	/* The first failure ends it. */
	assert_string_equal(log, "1\n2\n");
	free(log);
	/* But thaw has to run whatever there is. */
	assert_int_equal(run(set, HOOK_THAW).failure, VSS_E_WRITERERROR_NONRETRYABLE);
	log = get(f, "log");
	assert_string_equal(log, "1\n2\n1\n2\n3\n");
	free(log);
	/* A script that others can change is not run. */
	put(f, "app.d/post-snapshot.d/10-x", 0777, script);
	assert_int_equal(run(set, HOOK_POST_SNAPSHOT).failure, VSS_E_WRITERERROR_NONRETRYABLE);
	hooks_free(set);
}

static void what_was_frozen_is_thawed_by_the_next_life(void **state)
{
	struct folder *f = *state;
	char config[512], *log;
	struct hook_set *set;

	snprintf(config, sizeof(config), "[writer]\nname=x\n[scripts]\nthaw=echo thaw >>%s/log\n"
		 "abort=echo abort >>%s/log\n", f->dir, f->dir);
	set = load(f, config);
	assert_non_null(set);
	events_recover(set);
	hooks_set_frozen(set, true);
	/* The process dies here. */
	hooks_free(set);
	set = load(f, config);
	assert_non_null(set);
	assert_true(hooks_left_frozen(set));
	events_recover(set);
	assert_false(hooks_left_frozen(set));
	log = get(f, "log");
	assert_string_equal(log, "thaw\nabort\n");
	free(log);
	hooks_free(set);
}

/* ---- as a writer ---- */

#define SESSION		"11111111-1111-4111-8111-111111111111"
#define SET		"33333333-3333-4333-8333-333333333333"

struct service {
	struct fake_vssd vssd;
	struct fake_thread thread;
	struct hook_set *set;
	struct fake_event event;
};

static void start(struct service *s, struct folder *f, const char *config)
{
	struct vss_writer_config writer;

	memset(s, 0, sizeof(*s));
	s->set = load(f, config);
	if (!s->set)
		fail_msg("%s", f->error);
	fake_start(&s->vssd, true);
	profile_config(&s->set->profile, s->vssd.address, &writer);
	assert_int_equal(vss_writer_initialize(&writer, &hook_ops, s->set, &s->set->writer, NULL), S_OK);
	fake_thread_start(&s->thread, s->set->writer);
	fake_register(&s->vssd, NULL);
	s->event = (struct fake_event) {
		.session = SESSION, .set = SET, .context = 9, .backup_type = VSS_BT_FULL,
		.volumes = { "/dev/a", "/dev/b" },
	};
}

static void stop(struct service *s)
{
	fake_die(&s->vssd, true);
	fake_thread_stop(&s->thread);
	vss_writer_free(s->set->writer);
	hooks_free(s->set);
	fake_end(&s->vssd);
	free(s->event.components);
}

static vss_result call(struct service *s, const char *event)
{
	fake_call(&s->vssd, event, &s->event);
	return s->event.failure;
}

static void scripts_know_the_operation(void **state)
{
	struct folder *f = *state;
	struct service s;
	char config[512], *log;

	snprintf(config, sizeof(config),
		 "[writer]\nname=An app\n[component c]\nfiles=/srv *\n[scripts]\n"
		 "post-snapshot=echo \"$VSS_WRITER|$VSS_EVENT|$VSS_SESSION|$VSS_SET|$VSS_VOLUMES|$VSS_DEVICES|"
		 "$VSS_BACKUP_TYPE\" >>%s/log\n"
		 "freeze=echo \"$VSS_CONTEXT|$VSS_DEVICES|\" >>%s/log\n", f->dir, f->dir);
	start(&s, f, config);
	assert_int_equal(call(&s, "PrepareBackup"), S_OK);
	assert_int_equal(call(&s, "PrepareSnapshot"), S_OK);
	assert_int_equal(call(&s, "Freeze"), S_OK);
	assert_int_equal(call(&s, "Thaw"), S_OK);
	s.event.devices[0] = "/dev/ia";
	s.event.devices[1] = "/dev/ib";
	assert_int_equal(call(&s, "PostSnapshot"), S_OK);
	log = get(f, "log");
	assert_non_null(strstr(log, "||\n"));
	assert_non_null(strstr(log, "An app|post-snapshot|" SESSION "|" SET "|/dev/a /dev/b|/dev/ia /dev/ib|VSS_BT_FULL\n"));
	free(log);
	stop(&s);
}

/* RST-017: scripts are told for which components recovery has to wait. */
static void scripts_know_of_additional_restores(void **state)
{
	static const char part[] =
		"<WRITER_COMPONENTS xmlns=\"x-schema:#VssComponentMetadata\" instanceId=\"" SESSION "\" writerId=\"" SET "\">"
		"<COMPONENT componentName=\"c\" componentType=\"filegroup\" additionalRestores=\"yes\"/>"
		"<COMPONENT componentName=\"d\" componentType=\"filegroup\" additionalRestores=\"no\"/>"
		"<COMPONENT componentName=\"e f\" logicalPath=\"p\" componentType=\"filegroup\" additionalRestores=\"yes\"/>"
		"</WRITER_COMPONENTS>";
	struct folder *f = *state;
	struct service s;
	char config[256], *log;

	snprintf(config, sizeof(config),
		 "[writer]\nname=An app\n[component c]\nfiles=/srv *\n[scripts]\n"
		 "post-restore=echo \"$VSS_COMPONENTS|$VSS_ADDITIONAL_RESTORES|\" >>%s/log\n", f->dir);
	start(&s, f, config);
	s.event.part = part;
	assert_int_equal(call(&s, "PostRestore"), S_OK);
	log = get(f, "log");
	assert_string_equal(log, "c\nd\np/e f|c\np/e f|\n");
	free(log);
	stop(&s);
}

static void failures_reach_vssd_and_thaw_always_runs(void **state)
{
	struct folder *f = *state;
	struct service s;
	char config[512], *log;

	snprintf(config, sizeof(config),
		 "[writer]\nname=An app\n[scripts]\nfreeze=echo freeze >>%s/log; echo why; exit 75\n"
		 "thaw=echo thaw >>%s/log\nabort=echo abort >>%s/log\n", f->dir, f->dir, f->dir);
	start(&s, f, config);
	assert_int_equal(call(&s, "PrepareSnapshot"), S_OK);
	assert_int_equal(call(&s, "Freeze"), VSS_E_WRITERERROR_RETRYABLE);
	assert_int_equal(s.event.application_code, 75);
	assert_non_null(strstr(s.event.message, "why"));
	assert_int_equal(call(&s, "Abort"), S_OK);
	assert_int_equal(call(&s, "Abort"), S_OK);
	log = get(f, "log");
	assert_string_equal(log, "freeze\nthaw\nabort\nabort\n");
	free(log);
	stop(&s);
}

static void thaw_runs_when_vssd_dies(void **state)
{
	struct folder *f = *state;
	struct service s;
	char config[512], *log = NULL;

	snprintf(config, sizeof(config),
		 "[writer]\nname=An app\n[scripts]\nthaw=echo thaw >>%s/log\nabort=echo abort >>%s/log\n"
		 "backup-shutdown=echo shutdown >>%s/log\n", f->dir, f->dir, f->dir);
	start(&s, f, config);
	assert_int_equal(call(&s, "PrepareSnapshot"), S_OK);
	assert_int_equal(call(&s, "Freeze"), S_OK);
	assert_true(hooks_left_frozen(s.set));
	fake_die(&s.vssd, false);
	fake_register(&s.vssd, NULL);
	log = get(f, "log");
	assert_string_equal(log, "thaw\nabort\nshutdown\n");
	assert_false(hooks_left_frozen(s.set));
	free(log);
	stop(&s);
}

static void optional_sets_never_fail(void **state)
{
	struct folder *f = *state;
	struct service s;

	start(&s, f, "[writer]\nname=An app\nrequired=no\n[scripts]\nfreeze=exit 1\nprepare-snapshot=exit 1\n");
	assert_int_equal(call(&s, "PrepareSnapshot"), S_OK);
	assert_int_equal(call(&s, "Freeze"), S_OK);
	assert_int_equal(call(&s, "Thaw"), S_OK);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_report_their_end),
		cmocka_unit_test(slow_scripts_are_killed),
		cmocka_unit_test_setup_teardown(configuration_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_told_with_their_line, setup, teardown),
		cmocka_unit_test_setup_teardown(exit_codes_become_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_run_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_frozen_is_thawed_by_the_next_life, setup, teardown),
		cmocka_unit_test_setup_teardown(scripts_know_the_operation, setup, teardown),
		cmocka_unit_test_setup_teardown(scripts_know_of_additional_restores, setup, teardown),
		cmocka_unit_test_setup_teardown(failures_reach_vssd_and_thaw_always_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(thaw_runs_when_vssd_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(optional_sets_never_fail, setup, teardown),
	};

	return cmocka_run_group_tests_name("writer-exec", tests, NULL, NULL);
}

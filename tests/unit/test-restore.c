// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of a restore: which files, and where to.  What is there is made up,
 * but in the last test.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vss/restore.h>

#include "backup-document.h"

static const struct vss_uuid instance = { { 1, 2, 3 } }, class = { { 4, 5, 6 } };

struct scene {
	struct vss_writer_metadata *metadata;
	struct vss_backup_document *doc;
	struct vss_component *component;
	struct vss_writer_components *part;
	const char *there;	/* names that exist, with blanks around */
	const char *stuck;	/* those that cannot be replaced */
};

/* Component C with /srv/c (recursive) and, below it, S with /srv/s, of a writer with this method. */
static int setup(void **state)
{
	char name[] = "Writer";
	const struct vss_writer_identity identity = {
		.instance_id = instance, .writer_id = class, .writer_name = name,
		.usage = VSS_UT_USERDATA, .source = VSS_ST_OTHER,
	};
	struct scene *s = calloc(1, sizeof(*s));

	if (!s || vss_create_writer_metadata(&identity, &s->metadata, NULL) || vss_backup_document_new(&s->doc, NULL) ||
	    vss_backup_document_add_component(s->doc, &instance, &class, NULL, 0, VSS_CT_FILEGROUP, NULL, "C", NULL,
					      &s->component) ||
	    vss_create_writer_metadata_add_component(s->metadata, VSS_CT_FILEGROUP, NULL, "C", NULL, false, false, true,
						     false, 0) ||
	    vss_create_writer_metadata_add_component(s->metadata, VSS_CT_FILEGROUP, "C", "S", NULL, false, false, false,
						     false, 0) ||
	    vss_create_writer_metadata_add_files_to_file_group(s->metadata, NULL, "C", "/srv/c", "*", true, "/srv/spare",
							       0) ||
	    vss_create_writer_metadata_add_files_to_file_group(s->metadata, "C", "S", "/srv/s/", "*.dat", false, NULL, 0))
		return -1;
	s->there = s->stuck = "";
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	vss_writer_part_free(s->part);
	vss_backup_document_free(s->doc);
	vss_writer_metadata_free(s->metadata);
	free(s);
	return 0;
}

static void method(struct scene *s, enum vss_restoremethod m)
{
	bool service = m == VSS_RME_STOP_RESTORE_START || m == VSS_RME_RESTORE_STOP_START;

	assert_int_equal(vss_create_writer_metadata_set_restore_method(s->metadata, m, service ? "app.service" : NULL,
								       NULL, VSS_WRE_ALWAYS, false), S_OK);
}

static void mapping(struct scene *s, const char *path, const char *filespec, bool recursive, const char *to)
{
	assert_int_equal(vss_create_writer_metadata_add_alternate_location_mapping(s->metadata, path, filespec,
										   recursive, to), S_OK);
}

/* What only the writer sets, in PreRestore. */
static struct vss_component *in_pre_restore(struct scene *s)
{
	struct vss_component *component;
	char *xml;

	if (!s->part) {
		assert_int_equal(vss_backup_document_get_part(s->doc, &instance, &xml, NULL), S_OK);
		assert_int_equal(vss_writer_part_parse(xml, strlen(xml), VSS_PART_RESTORE, &s->part, NULL), S_OK);
		free(xml);
	}
	assert_int_equal(vss_writer_components_get_component(s->part, 0, &component), S_OK);
	return component;
}

static bool listed(const char *list, const char *path)
{
	char word[256];

	snprintf(word, sizeof(word), " %s ", path);
	return strstr(list, word);
}

static bool exists(const char *path, void *data)
{
	return listed(((struct scene *)data)->there, path);
}

static bool can_replace(const char *path, void *data)
{
	return !listed(((struct scene *)data)->stuck, path);
}

#define FILES	"/srv/c/a /srv/c/sub/b /srv/s/x.dat"

/*
 * Decide on FILES, and compare: "WHAT DESTINATION ..." with WHAT one of now, reboot,
 * not, custom.
 */
static struct vss_restore_decision expect(struct scene *s, struct vss_component *component, const char *expected)
{
	static const char *const actions[] = { "not", "now", "reboot", "custom" };
	static char reason[2048], service[64];
	const struct vss_restore_probe probe = { exists, can_replace, s };
	struct vss_restore_decision decision, again;
	struct vss_restored_file file;
	struct vss_restore_plan *plan;
	char text[1024], names[] = FILES, *next = names, *name;
	size_t used;

	assert_int_equal(vss_restore_plan_new(s->metadata, component, &plan, NULL), S_OK);
	while ((name = strsep(&next, " ")))
		assert_int_equal(vss_restore_plan_add_file(plan, name), S_OK);
	assert_int_equal(vss_restore_plan_decide(plan, &probe, &decision), S_OK);
	used = (size_t)snprintf(text, sizeof(text), "%s", actions[decision.action]);
	for (uint32_t i = 0; !vss_restore_plan_get_file(plan, i, &file); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", file.destination);
	assert_string_equal(text, expected);
	assert_true(!decision.reason[0] == (decision.action != VSS_RESTORE_NOT));
	snprintf(reason, sizeof(reason), "%s", decision.reason);
	decision.reason = reason;
	if (decision.service) {
		snprintf(service, sizeof(service), "%s", decision.service);
		decision.service = service;
	}
	assert_int_equal(vss_restore_plan_decide(plan, &probe, &again), VSS_E_BAD_STATE);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/c/late"), VSS_E_BAD_STATE);
	vss_restore_plan_free(plan);
	return decision;
}

static const char original[] = "now " FILES;
static const char alternate[] = "now /alt/c/a /alt/c/sub/b /alt/s/x.dat";

static void map_all(struct scene *s)
{
	mapping(s, "/srv/c", "*", true, "/alt/c");
	mapping(s, "/srv/s/", "*.dat", false, "/alt/s/");
}

/* RST-027: all, if none of the files is there; else all elsewhere, if none is there either; else none */
static void if_not_there(void **state)
{
	struct scene *s = *state;

	method(s, VSS_RME_RESTORE_IF_NOT_THERE);
	expect(s, s->component, original);
	/* What cannot be replaced is not looked at: it is not there. */
	s->stuck = " /srv/c/a ";
	expect(s, s->component, original);
	/* One file of one sub-component keeps all from being restored. */
	s->there = " /srv/s/x.dat ";
	assert_non_null(strstr(expect(s, s->component, "not").reason, "/srv/s/x.dat"));
	mapping(s, "/srv/c", "*", true, "/alt/c");
	expect(s, s->component, "not");
	mapping(s, "/srv/s/", "*.dat", false, "/alt/s");
	expect(s, s->component, alternate);
	s->there = " /srv/s/x.dat /alt/c/sub/b ";
	assert_non_null(strstr(expect(s, s->component, "not").reason, "/alt/c/sub/b"));
	/* Nothing in the way: the mappings are not used. */
	s->there = " /alt/c/a /srv/c/other ";
	expect(s, s->component, original);
}

/* RST-027: all, if what is there can be replaced; else all elsewhere; else none */
static void if_can_replace(void **state)
{
	struct scene *s = *state;

	method(s, VSS_RME_RESTORE_IF_CAN_REPLACE);
	s->there = " /srv/c/a /srv/s/x.dat ";
	expect(s, s->component, original);
	s->stuck = " /srv/c/sub/b ";
	assert_non_null(strstr(expect(s, s->component, "not").reason, "/srv/c/sub/b"));
	map_all(s);
	expect(s, s->component, alternate);
	/* There it may overwrite. */
	s->there = " /alt/c/a ";
	expect(s, s->component, alternate);
	s->stuck = " /srv/c/sub/b /alt/s/x.dat ";
	expect(s, s->component, "not");
}

static vss_result refused(struct scene *s, struct vss_component *component, const char *path)
{
	const struct vss_restore_probe probe = { exists, can_replace, s };
	struct vss_restore_decision decision;
	struct vss_restored_file file;
	struct vss_restore_plan *plan;
	vss_result result;

	assert_int_equal(vss_restore_plan_new(s->metadata, component, &plan, NULL), S_OK);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/c/a"), S_OK);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/s/x.dat"), S_OK);
	result = vss_restore_plan_decide(plan, &probe, &decision);
	assert_int_equal(decision.action, VSS_RESTORE_NOT);
	assert_non_null(strstr(vss_restore_plan_error(plan)->text, path));
	assert_int_equal(vss_restore_plan_get_file(plan, 0, &file), VSS_E_OBJECT_NOT_FOUND);
	vss_restore_plan_free(plan);
	return result;
}

/* RST-026: the method says so, and a mapping is missing */
static void method_alternate(void **state)
{
	struct scene *s = *state;

	method(s, VSS_RME_RESTORE_TO_ALTERNATE_LOCATION);
	assert_int_equal(refused(s, s->component, "/srv/c/a"), VSS_E_UNEXPECTED_WRITER_ERROR);
	mapping(s, "/srv/c", "*", true, "/alt/c");
	assert_int_equal(refused(s, s->component, "/srv/s/x.dat"), VSS_E_UNEXPECTED_WRITER_ERROR);
	mapping(s, "/srv/s/", "*.dat", false, "/alt/s/");
	s->there = " /alt/c/a /srv/c/a ";
	expect(s, s->component, alternate);
}

/* RST-026: the target says so, and a mapping is missing; RST-018: it counts more than the method */
static void target_alternate(void **state)
{
	struct scene *s = *state;
	struct vss_component *c;

	method(s, VSS_RME_RESTORE_IF_NOT_THERE);
	c = in_pre_restore(s);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_ALTERNATE), S_OK);
	assert_int_equal(refused(s, c, "/srv/c/a"), VSS_E_UNEXPECTED_WRITER_ERROR);
	map_all(s);
	s->there = " /alt/c/a ";
	expect(s, c, alternate);
}

static void target_original_location(void **state)
{
	struct scene *s = *state;
	struct vss_component *c;

	method(s, VSS_RME_RESTORE_TO_ALTERNATE_LOCATION);
	map_all(s);
	c = in_pre_restore(s);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_ORIGINAL), S_OK);
	expect(s, c, alternate);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_ORIGINAL_LOCATION), S_OK);
	s->there = s->stuck = " /srv/c/a ";
	expect(s, c, original);
}

static void target_directed(void **state)
{
	char source[] = "/srv/c/sub/", name[] = "b", to[] = "/new", first[] = "b.1", second[] = "b.2", ranges[] = "0:4";
	struct vss_directed_target target = { source, name, ranges, to, first, ranges };
	struct vss_restore_decision decision;
	struct vss_restored_file file;
	struct vss_restore_plan *plan;
	struct scene *s = *state;
	struct vss_component *c;

	method(s, VSS_RME_RESTORE_IF_NOT_THERE);
	c = in_pre_restore(s);
	assert_int_equal(vss_component_add_directed_target(c, &target), S_OK);
	target.destination_filename = second;
	assert_int_equal(vss_component_add_directed_target(c, &target), S_OK);
	/* They count with their target only. */
	expect(s, c, original);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_DIRECTED), S_OK);
	s->there = " /srv/c/sub/b /new/b.1 ";
	expect(s, c, "now /srv/c/a /new/b.1 /new/b.2 /srv/s/x.dat");
	s->there = " /srv/c/a ";
	expect(s, c, "not");

	assert_int_equal(vss_restore_plan_new(s->metadata, c, &plan, NULL), S_OK);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/c//sub/b"), S_OK);
	assert_int_equal(vss_restore_plan_decide(plan, NULL, &decision), S_OK);
	assert_int_equal(vss_restore_plan_get_file(plan, 1, &file), S_OK);
	assert_string_equal(file.path, "/srv/c/sub/b");
	assert_string_equal(file.destination_ranges, "0:4");
	assert_int_equal(file.place, VSS_RESTORE_DIRECTED);
	assert_int_equal(vss_restore_plan_get_file(plan, 2, &file), VSS_E_OBJECT_NOT_FOUND);
	vss_restore_plan_free(plan);

	/* Not for what a start of the system puts in its place. */
	method(s, VSS_RME_RESTORE_AT_REBOOT);
	expect(s, c, "reboot " FILES);
	s->stuck = " /srv/c/a ";
	method(s, VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE);
	expect(s, c, "reboot " FILES);
}

/* The requester's word counts most; the method looks at the new place. */
static void new_targets(void **state)
{
	const struct vss_restore_probe *system = NULL;
	struct vss_restore_decision decision;
	struct vss_restored_file file;
	struct vss_restore_plan *plan;
	struct scene *s = *state;
	struct vss_component *c;

	method(s, VSS_RME_RESTORE_IF_NOT_THERE);
	map_all(s);
	assert_int_equal(vss_component_add_new_target(s->component, "/srv/c/", "*", true, "/new"), S_OK);
	s->there = " /srv/c/a ";
	expect(s, s->component, "now /new/a /new/sub/b /srv/s/x.dat");
	s->there = " /new/a ";
	assert_non_null(strstr(expect(s, s->component, "not").reason, "/new/a"));
	s->there = " /srv/s/x.dat ";
	expect(s, s->component, "now /new/a /new/sub/b /alt/s/x.dat");
	c = in_pre_restore(s);
	assert_int_equal(vss_component_set_restore_target(c, VSS_RT_ALTERNATE), S_OK);
	expect(s, c, "now /new/a /new/sub/b /alt/s/x.dat");

	/* What a requester has to tell with AddAlternativeLocationMapping afterwards. */
	assert_int_equal(vss_restore_plan_new(s->metadata, c, &plan, NULL), S_OK);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/s/x.dat"), S_OK);
	assert_int_equal(vss_restore_plan_decide(plan, system, &decision), S_OK);
	assert_int_equal(vss_restore_plan_get_file(plan, 0, &file), S_OK);
	assert_int_equal(file.place, VSS_RESTORE_TO_ALTERNATE);
	assert_string_equal(file.mapped->path, "/srv/s/");
	assert_string_equal(file.mapped->filespec, "*.dat");
	assert_string_equal(file.mapped->alternate_location, "/alt/s/");
	vss_restore_plan_free(plan);
}

static void services_and_reboots(void **state)
{
	struct vss_restore_decision decision;
	struct scene *s = *state;

	s->there = s->stuck = " /srv/c/a ";
	method(s, VSS_RME_STOP_RESTORE_START);
	decision = expect(s, s->component, original);
	assert_string_equal(decision.service, "app.service");
	assert_true(decision.stop_before);
	method(s, VSS_RME_RESTORE_STOP_START);
	decision = expect(s, s->component, original);
	assert_string_equal(decision.service, "app.service");
	assert_false(decision.stop_before);
	method(s, VSS_RME_RESTORE_AT_REBOOT);
	expect(s, s->component, "reboot " FILES);
	method(s, VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE);
	expect(s, s->component, "reboot " FILES);
	s->stuck = "";
	decision = expect(s, s->component, original);
	assert_null(decision.service);
	method(s, VSS_RME_CUSTOM);
	expect(s, s->component, "custom");
}

static void what_cannot_be_planned(void **state)
{
	struct vss_error error = { 0 };
	struct vss_restore_plan *plan;
	struct scene *s = *state;
	struct vss_component *other;

	assert_int_equal(vss_restore_plan_new(s->metadata, s->component, &plan, &error), VSS_E_UNEXPECTED_WRITER_ERROR);
	assert_non_null(strstr(error.text, "\"C\""));
	method(s, VSS_RME_RESTORE_IF_NOT_THERE);
	assert_int_equal(vss_backup_document_add_component(s->doc, &instance, &class, NULL, 0, VSS_CT_FILEGROUP, NULL,
							   "unknown", NULL, &other), S_OK);
	assert_int_equal(vss_restore_plan_new(s->metadata, other, &plan, &error), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_restore_plan_new(s->metadata, s->component, &plan, &error), S_OK);
	/* Files of others, and of the alternate path, which was for the backup. */
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/d/a"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/s/x.txt"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/s/sub/x.dat"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_restore_plan_add_file(plan, "/srv/spare/a"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(vss_restore_plan_add_file(plan, "srv/c/a"), E_INVALIDARG);
	assert_int_equal(vss_restore_plan_add_file(plan, NULL), E_INVALIDARG);
	vss_restore_plan_free(plan);
}

/* ---- what is really there ---- */

/* A child that has opened the file, so, and ends when its pipe is closed. */
static pid_t hold_open(const char *path, int flags, int *release)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		int fd = open(path, flags);

		close(end[1]);
		if (fd < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		while (read(end[0], &byte, 1) > 0)
			;
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*release = end[1];
	return pid;
}

static bool has_leases(const char *path)
{
	int fd = open(path, O_RDWR);
	bool has = !fcntl(fd, F_SETLEASE, F_WRLCK);

	close(fd);
	return has;
}

static void on_this_machine(void **state)
{
	const struct vss_restore_probe *probe = &vss_restore_probe_system;
	char dir[] = "/tmp/vss-unit-XXXXXX", file[64], missing[64], link[64];
	static const int modes[] = { O_RDONLY, O_WRONLY };
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(missing, sizeof(missing), "%s/none/of/this", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	close(open(file, O_WRONLY | O_CREAT, 0644));
	assert_int_equal(symlink("nowhere", link), 0);
	assert_true(probe->exists(file, NULL));
	assert_true(probe->exists(link, NULL));
	assert_false(probe->exists(missing, NULL));
	assert_true(probe->can_replace(file, NULL));
	assert_true(probe->can_replace(link, NULL));
	assert_true(probe->can_replace(dir, NULL));
	assert_true(probe->can_replace(missing, NULL));
	/* Whoever may not change the folder */
	assert_int_equal(chmod(dir, 0555), 0);
	pid = fork();
	if (!pid) {
		struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

		/* Root is no exception then. */
		if (syscall(SYS_capset, &header, none))
			_exit(2);
		_exit(probe->can_replace(file, NULL) || probe->can_replace(missing, NULL) ||
		      probe->can_replace(dir, NULL) || probe->can_replace(link, NULL) || !probe->exists(file, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(dir, 0755), 0);
	for (size_t i = 0; has_leases(file) && i < COUNT(modes); i++) {
		int release;

		pid = hold_open(file, modes[i], &release);
		assert_false(probe->can_replace(file, NULL));
		close(release);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_true(probe->can_replace(file, NULL));
	}
	unlink(file);
	unlink(link);
	rmdir(dir);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(if_not_there),
		TEST(if_can_replace),
		TEST(method_alternate),
		TEST(target_alternate),
		TEST(target_original_location),
		TEST(target_directed),
		TEST(new_targets),
		TEST(services_and_reboots),
		TEST(what_cannot_be_planned),
		cmocka_unit_test(on_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of the files of a backup, on folders that stand for shadow copies.
 *
 * Each test has a scratch folder; COPY/... in it is what a shadow copy would be.
 * The paths that writers name ("/srv/...") are not on this machine: the list has
 * to come without them.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vss/files.h>

#include "backup-document.h"
#include "file-sets.h"
#include "tree.h"
#include "world.h"

static const struct vss_uuid instance = { { 1, 2, 3 } }, class = { { 4, 5, 6 } };
static const struct vss_uuid other_instance = { { 7, 8 } }, other_class = { { 9, 10 } };

struct scratch {
	char dir[32];
	struct vss_backup_document *doc;
	struct vss_writer_metadata *metadata;
	struct vss_backup_files *files;
};

static struct vss_writer_metadata *new_writer(const struct vss_uuid *instance_id, const struct vss_uuid *class_id)
{
	char name[] = "Writer";
	const struct vss_writer_identity identity = {
		.instance_id = *instance_id, .writer_id = *class_id, .writer_name = name,
		.usage = VSS_UT_USERDATA, .source = VSS_ST_OTHER,
	};
	struct vss_writer_metadata *metadata;

	assert_int_equal(vss_create_writer_metadata(&identity, &metadata, NULL), S_OK);
	return metadata;
}

static void set_state(struct scratch *s, bool select, enum vss_backup_type type, bool partial)
{
	const struct vss_backup_state state = {
		.select_components = select, .backup_type = type, .partial_file_support = partial,
	};

	assert_int_equal(vss_backup_document_set_backup_state(s->doc, &state), S_OK);
}

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/vss-unit-XXXXXX");
	if (!mkdtemp(s->dir) || vss_backup_document_new(&s->doc, NULL))
		return -1;
	s->metadata = new_writer(&instance, &class);
	set_state(s, true, VSS_BT_FULL, false);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *s = *state;

	vss_backup_files_free(s->files);
	vss_writer_metadata_free(s->metadata);
	vss_backup_document_free(s->doc);
	tree_remove(s->dir);
	free(s);
	return 0;
}

static const char *in(const struct scratch *s, const char *path)
{
	static char full[4][256];
	static unsigned int n;
	char *text = full[n++ % 4];

	snprintf(text, sizeof(full[0]), "%s/%s", s->dir, path);
	return text;
}

/* Files of one byte, "folder/" for folders, "link>target"; with what is above them. */
static void make(const struct scratch *s, const char *names)
{
	char *copy = strdup(names), *next = copy, *name;

	while ((name = strsep(&next, " "))) {
		char *target = strchr(name, '>'), full[256];

		if (target)
			*target++ = '\0';
		snprintf(full, sizeof(full), "%s/%s", s->dir, name);
		for (char *slash = full + strlen(s->dir) + 1; (slash = strchr(slash, '/')); slash++) {
			*slash = '\0';
			assert_true(!mkdir(full, 0755) || errno == EEXIST);
			*slash = '/';
		}
		if (target) {
			assert_int_equal(symlink(target, full), 0);
		} else if (full[strlen(full) - 1] != '/') {
			int fd = open(full, O_WRONLY | O_CREAT, 0644);

			assert_int_equal(write(fd, "x", 1), 1);
			close(fd);
		}
	}
	free(copy);
}

static struct vss_component *choose(struct scratch *s, const char *path, const char *name)
{
	struct vss_component *component;

	assert_int_equal(vss_backup_document_add_component(s->doc, &instance, &class, NULL, 0, VSS_CT_FILEGROUP, path,
							   name, NULL, &component), S_OK);
	return component;
}

static void describe(struct scratch *s, const char *path, const char *name, bool selectable)
{
	assert_int_equal(vss_create_writer_metadata_add_component(s->metadata, VSS_CT_FILEGROUP, path, name, NULL, false,
								  false, selectable, false, 0), S_OK);
}

static void set_of(struct scratch *s, const char *logical, const char *name, const char *path, const char *filespec,
		   bool recursive, const char *alternate)
{
	assert_int_equal(vss_create_writer_metadata_add_files_to_file_group(s->metadata, logical, name, path, filespec,
									    recursive, alternate, 0), S_OK);
}

/* One component "C" of the writer, chosen. */
static void one_component(struct scratch *s)
{
	describe(s, NULL, "C", true);
	choose(s, NULL, "C");
}

static void begin(struct scratch *s)
{
	assert_int_equal(vss_backup_files_new(s->doc, &s->files, NULL), S_OK);
	assert_int_equal(vss_backup_files_add_writer(s->files, s->metadata), S_OK);
}

static void volume(struct scratch *s, const char *mount_point, const char *folder, const char *copy)
{
	assert_int_equal(vss_backup_files_add_volume(s->files, mount_point, folder, copy ? in(s, copy) : NULL), S_OK);
}

/* All paths, with "=SOURCE" below the scratch folder where @sources, one blank between. */
static char *list(struct scratch *s, bool sources)
{
	struct vss_backup_file file;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	vss_result result;

	while (!(result = vss_backup_files_next(s->files, &file))) {
		fprintf(out, "%s%s%s", ftell(out) ? " " : "", file.path, S_ISDIR(file.mode) ? "/" : "");
		if (sources)
			fprintf(out, "=%s", file.source + strlen(s->dir) + 1);
	}
	fclose(out);
	assert_int_equal(result, S_FALSE);
	assert_int_equal(vss_backup_files_next(s->files, &file), S_FALSE);
	return text;
}

static void assert_list(struct scratch *s, bool sources, const char *expected)
{
	char *text = list(s, sources);

	assert_string_equal(text, expected);
	free(text);
}

static struct vss_backup_files_component component(struct scratch *s, uint32_t index)
{
	struct vss_backup_files_component c;

	assert_int_equal(vss_backup_files_get_component(s->files, index, &c), S_OK);
	return c;
}

static void assert_failed(struct scratch *s, uint32_t index, const char *reason)
{
	struct vss_backup_files_component c = component(s, index);

	assert_true(c.failed);
	if (!strstr(c.reason, reason))
		fail_msg("\"%s\" is not in \"%s\"", reason, c.reason);
}

static void assert_good(struct scratch *s)
{
	for (uint32_t i = 0; i < vss_backup_files_component_count(s->files); i++) {
		assert_string_equal(component(s, i).reason, "");
		assert_false(component(s, i).failed);
	}
}

/* ---- wildcards ---- */

static void wildcards(void **state)
{
	static const struct {
		const char *wildcard, *name;
		bool matches;
	} cases[] = {
		{ "*", "a", true }, { "*", ".hidden", true }, { "a", "a", true }, { "a", "A", false },
		{ "a*", "a", true }, { "a*c", "abcbc", true }, { "a*c", "abcb", false }, { "*a*b*", "xaxbx", true },
		{ "?", "", false }, { "?", "ab", false }, { "a?c", "abc", true }, { "?", "\303\244", true },
		{ "??", "\303\244", false }, { "[a]", "a", false }, { "[a]", "[a]", true }, { "a\\*", "a*", false },
		{ "a\\*", "a\\b", true }, { "*.tmp", ".tmp", true }, { "*.tmp", "tmp", false }, { "a", "*", false },
		{ "?", "?", true }, { "*?", "", false }, { "*?", "a", true }, { "a**b", "ab", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (vss_wildcard_matches(cases[i].wildcard, cases[i].name) != cases[i].matches)
			fail_msg("%s and %s", cases[i].wildcard, cases[i].name);
}

/* ---- sets of files ---- */

static void sets_of_files(void **state)
{
	struct vss_backup_files_component c;
	struct scratch *s = *state;

	make(s, "copy/a/1.dat copy/a/2.txt copy/a/sub/3.dat copy/a/sub/deep/4.txt copy/b/5.dat copy/b/sub/6.dat "
		"copy/c/7.dat copy/d/empty/");
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*.dat", true, NULL);
	set_of(s, NULL, "C", "/srv/b/", "*", false, NULL);
	set_of(s, NULL, "C", "/srv/d", "*", true, NULL);
	set_of(s, NULL, "C", "/srv/nothing", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, false, "/srv/a/ /srv/a/1.dat /srv/a/sub/ /srv/a/sub/3.dat /srv/b/ /srv/b/5.dat "
			      "/srv/d/ /srv/d/empty/");
	assert_good(s);
	c = component(s, 0);
	assert_int_equal(c.files, 8);
	assert_int_equal(c.bytes, 3);
	assert_string_equal(c.component_name, "C");
	assert_memory_equal(&c.writer_id, &class, sizeof(class));
}

/* What is below comes along; a file that several sets have comes once. */
static void component_sets(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/top copy/sub/s copy/sub/n copy/other/o");
	describe(s, NULL, "C", true);
	describe(s, "C", "sub", false);
	describe(s, NULL, "other", true);
	choose(s, NULL, "C");
	set_of(s, NULL, "C", "/srv", "*", false, NULL);
	set_of(s, NULL, "C", "/srv/sub/", "s*", false, NULL);
	set_of(s, "C", "sub", "/srv/sub", "*", true, NULL);
	set_of(s, NULL, "other", "/srv/other", "*", true, NULL);
	begin(s);
	volume(s, "/srv", "/", "copy");
	assert_list(s, false, "/srv/ /srv/top /srv/sub/ /srv/sub/s /srv/sub/n");
	assert_good(s);
}

/* SEL-019: what is excluded is left out, whoever excludes it, whatever was chosen */
static void excluded(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/a/keep copy/a/x.tmp copy/a/sub/y.tmp copy/a/sub/keep copy/a/cache/c copy/a/cache/d/e "
		"copy/a/flat/f copy/a/flat/g/h copy/a/snap copy/a/mine copy/a/link>../b copy/b/z.tmp copy/b/keep");
	one_component(s);
	/* By another name of the folder too: /srv/l leads to /srv/a. */
	make(s, "copy/l>a");
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/l", "*.tmp", true), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/a/cache", "*", true), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/a/flat", "*", false), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files_from_snapshot(s->metadata, "/srv/a", "snap", false),
			 S_OK);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	assert_int_equal(vss_backup_files_exclude(s->files, "/srv/a/", "mi?e", false), S_OK);
	assert_int_equal(vss_backup_files_exclude(s->files, "srv", "*", false), E_INVALIDARG);
	assert_int_equal(vss_backup_files_exclude(s->files, "/srv", "a/b", false), E_INVALIDARG);
	assert_int_equal(vss_backup_files_exclude(s->files, "/*", "a", false), E_INVALIDARG);
	assert_int_equal(vss_backup_files_exclude(s->files, NULL, "a", false), E_INVALIDARG);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, false, "/srv/a/ /srv/a/cache/ /srv/a/flat/ /srv/a/flat/g/ /srv/a/flat/g/h /srv/a/keep "
			      "/srv/a/link /srv/a/sub/ /srv/a/sub/keep");
	assert_good(s);
	assert_int_equal(vss_backup_files_exclude(s->files, "/srv", "*", true), VSS_E_BAD_STATE);
	assert_int_equal(vss_backup_files_add_volume(s->files, "/", NULL, NULL), VSS_E_BAD_STATE);
	assert_int_equal(vss_backup_files_add_writer(s->files, s->metadata), VSS_E_BAD_STATE);
}

/* SEL-019: an exclusion that cannot be understood fails the component, and is not passed over. */
static void exclusions_that_are_none(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/a/keep");
	one_component(s);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "$VSS_UNIT_UNSET/a", "*", true), S_OK);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, false, "/srv/a/ /srv/a/keep");
	assert_failed(s, 0, "$VSS_UNIT_UNSET/a");
}

/* SEL-020: read from the alternate path, recorded and excluded by the normal one */
static void alternate_paths(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/live/f copy/live/g copy/spare/f copy/spare/no copy/spare/sub/h");
	one_component(s);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/live", "no", false), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/spare", "f", false), S_OK);
	set_of(s, NULL, "C", "/srv/live", "*", true, "/srv/spare");
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, true, "/srv/live/=copy/spare /srv/live/f=copy/spare/f /srv/live/sub/=copy/spare/sub "
			     "/srv/live/sub/h=copy/spare/sub/h");
	assert_good(s);
}

/* SEL-021: what is on the volume itself is not looked at, neither its files nor its links */
static void from_the_copy(void **state)
{
	struct scratch *s = *state;
	char path[256];

	make(s, "live/data/new live/data/both live/way>data copy/data/old copy/data/both copy/gone/x copy/way>gone");
	one_component(s);
	snprintf(path, sizeof(path), "%s/data", in(s, "live"));
	set_of(s, NULL, "C", path, "*", false, NULL);
	snprintf(path, sizeof(path), "%s/way", in(s, "live"));
	set_of(s, NULL, "C", path, "*", false, NULL);
	begin(s);
	volume(s, in(s, "live"), NULL, "copy");
	volume(s, "/", NULL, NULL);
	{
		char *text = list(s, true), expected[1024];
		const char *d = s->dir;

		snprintf(expected, sizeof(expected),
			 "%s/live/data/=copy/data %s/live/data/both=copy/data/both %s/live/data/old=copy/data/old "
			 "%s/live/way/=copy/gone %s/live/way/x=copy/gone/x", d, d, d, d, d);
		assert_string_equal(text, expected);
		free(text);
	}
	assert_good(s);
}

/* SEL-022: links and mount points in a copy are listed; what they lead to comes from its own copy or not at all */
static void links_and_mounts(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/a/down>/ copy/a/out>../../secret copy/a/abs>/tmp copy/a/to-dir>real copy/a/real/r "
		"copy/a/with/hidden copy/a/without/hidden secret inner/w inner/with/x");
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	volume(s, "/srv/a/with", NULL, "inner");
	volume(s, "/srv/a/without", NULL, NULL);
	assert_list(s, true, "/srv/a/=copy/a /srv/a/abs=copy/a/abs /srv/a/down=copy/a/down /srv/a/out=copy/a/out "
			     "/srv/a/real/=copy/a/real /srv/a/real/r=copy/a/real/r /srv/a/to-dir=copy/a/to-dir "
			     "/srv/a/with/=inner /srv/a/with/w=inner/w /srv/a/with/with/=inner/with "
			     "/srv/a/with/with/x=inner/with/x /srv/a/without/=copy/a/without");
	assert_good(s);
}

/* SEL-022: a link on the way to a folder is followed within the copies of the set, and no further. */
static void links_on_the_way(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/in>data/../data copy/data/f copy/across>/opt/there copy/out>/etc copy/round>round "
		"copy/up>../../../../srv/data opt/there/g");
	one_component(s);
	set_of(s, NULL, "C", "/srv/in", "*", false, NULL);
	set_of(s, NULL, "C", "/srv/across", "*", false, NULL);
	set_of(s, NULL, "C", "/srv/up", "*", false, NULL);
	describe(s, NULL, "out", true);
	choose(s, NULL, "out");
	set_of(s, NULL, "out", "/srv/out", "*", false, NULL);
	describe(s, NULL, "round", true);
	choose(s, NULL, "round");
	set_of(s, NULL, "round", "/srv/round", "*", false, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	volume(s, "/opt", NULL, "opt");
	assert_list(s, true, "/srv/in/=copy/data /srv/in/f=copy/data/f /srv/across/=opt/there /srv/across/g=opt/there/g "
			     "/srv/up/=copy/data /srv/up/f=copy/data/f");
	assert_false(component(s, 0).failed);
	assert_failed(s, 1, "/srv/out");
	assert_failed(s, 2, "/srv/round");
}

/* SEL-022: what is mounted into a copy is not of the copy; and what it hides is missed. */
static void mounts_in_the_copy(void **state)
{
	struct scratch *s = *state;
	int status;
	pid_t pid;

	make(s, "copy/a/on/own other/foreign");
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	pid = fork();
	if (!pid) {
		char *text;

		/* Mounts of its own; they are gone with it. */
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    mount(in(s, "other"), in(s, "copy/a/on"), NULL, MS_BIND, NULL))
			_exit(77);
		/* The list opened the copy in the mount namespace that was. */
		vss_backup_files_free(s->files);
		begin(s);
		volume(s, "/srv", NULL, "copy");
		text = list(s, false);
		if (strcmp(text, "/srv/a/ /srv/a/on/"))
			_exit(1);
		_exit(component(s, 0).failed && strstr(component(s, 0).reason, "/srv/a/on") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Where a folder of a volume is mounted, at several places */
static void parts_of_volumes(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/vol/@home/u/f copy/vol/@root/etc/g copy/vol/h");
	one_component(s);
	set_of(s, NULL, "C", "/home/u", "*", false, NULL);
	set_of(s, NULL, "C", "/etc", "*", false, NULL);
	begin(s);
	volume(s, "/", "/@root", "copy/vol");
	volume(s, "/home", "/@home/", "copy/vol");
	assert_list(s, true, "/home/u/=copy/vol/@home/u /home/u/f=copy/vol/@home/u/f "
			     "/etc/=copy/vol/@root/etc /etc/g=copy/vol/@root/etc/g");
	assert_good(s);
	assert_int_equal(vss_backup_files_add_volume(s->files, "/x", NULL, NULL), VSS_E_BAD_STATE);
}

static void bad_volumes(void **state)
{
	struct scratch *s = *state;

	begin(s);
	assert_int_equal(vss_backup_files_add_volume(s->files, "srv", NULL, NULL), E_INVALIDARG);
	assert_int_equal(vss_backup_files_add_volume(s->files, NULL, NULL, NULL), E_INVALIDARG);
	assert_int_equal(vss_backup_files_add_volume(s->files, "/srv", "x", NULL), E_INVALIDARG);
	assert_int_equal(vss_backup_files_add_volume(s->files, "/srv", NULL, "copy"), E_INVALIDARG);
	assert_int_equal(vss_backup_files_add_volume(s->files, "/srv", NULL, in(s, "nothing")), VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(vss_backup_files_error(s->files)->text, "/srv"));
	assert_int_equal(vss_backup_files_add_writer(s->files, s->metadata), VSS_E_OBJECT_ALREADY_EXISTS);
}

/* SEL-026: one thing that fails fails the component, and no other */
static void failures(void **state)
{
	struct scratch *s = *state;

	make(s, "copy/a/f copy/a/shut/g copy/b/h");
	describe(s, NULL, "C", true);
	describe(s, "C", "sub", false);
	describe(s, NULL, "D", true);
	describe(s, NULL, "E", true);
	choose(s, NULL, "C");
	choose(s, NULL, "D");
	choose(s, NULL, "E");
	/* A folder on no volume of the set, in what comes along. */
	set_of(s, NULL, "C", "/srv/a", "f", false, NULL);
	set_of(s, "C", "sub", "/elsewhere", "*", true, NULL);
	set_of(s, NULL, "D", "/srv/b", "*", true, NULL);
	/* A file where a folder should be */
	set_of(s, NULL, "E", "/srv/b/h", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, false, "/srv/a/ /srv/a/f /srv/b/ /srv/b/h");
	assert_int_equal(vss_backup_files_component_count(s->files), 3);
	assert_failed(s, 0, "/elsewhere");
	assert_false(component(s, 1).failed);
	assert_failed(s, 2, "/srv/b/h");
	/* What fails when it is read */
	assert_int_equal(vss_backup_files_fail(s->files, 1, "/srv/b/h: Input/output error"), S_OK);
	assert_failed(s, 1, "Input/output error");
	assert_int_equal(vss_backup_files_fail(s->files, 1, "/srv/b/i"), S_OK);
	assert_failed(s, 1, "Input/output error");
	assert_int_equal(vss_backup_files_fail(s->files, 3, "x"), VSS_E_OBJECT_NOT_FOUND);
}

/* SEL-026: a folder that cannot be read */
static void unreadable_folders(void **state)
{
	struct scratch *s = *state;
	int status;
	pid_t pid;

	make(s, "copy/a/f copy/a/shut/g");
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_int_equal(chmod(in(s, "copy/a/shut"), 0), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	pid = fork();
	if (!pid) {
		char *text;

		if (!geteuid() && setresuid(65534, 65534, 65534))
			_exit(2);
		text = list(s, false);
		if (strcmp(text, "/srv/a/ /srv/a/f /srv/a/shut/"))
			_exit(3);
		_exit(component(s, 0).failed && strstr(component(s, 0).reason, "/srv/a/shut") ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A component whose writer's document is missing, or does not have it */
static void documents_that_do_not_fit(void **state)
{
	struct scratch *s = *state;
	struct vss_component *c;

	make(s, "copy/a/f");
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*", false, NULL);
	choose(s, NULL, "unknown");
	assert_int_equal(vss_backup_document_add_component(s->doc, &other_instance, &other_class, NULL, 0,
							   VSS_CT_FILEGROUP, NULL, "C", NULL, &c), S_OK);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	assert_list(s, false, "/srv/a/ /srv/a/f");
	assert_false(component(s, 0).failed);
	assert_failed(s, 1, "does not have it");
	assert_failed(s, 2, "is missing");
}

/* ---- types of backup ---- */

static void type_fixture(struct scratch *s, uint32_t schema)
{
	make(s, "copy/db/data copy/db/index copy/log/1 copy/conf/c copy/diff/new copy/diff/old");
	assert_int_equal(vss_create_writer_metadata_add_component(s->metadata, VSS_CT_DATABASE, NULL, "D", NULL, false,
								  false, true, false, 0), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_files(s->metadata, NULL, "D", "/srv/db", "data",
								       VSS_FSBT_FULL_BACKUP_REQUIRED), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_files(s->metadata, NULL, "D", "/srv/db", "index",
								       VSS_FSBT_ALL_BACKUP_REQUIRED), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_files(s->metadata, NULL, "D", "/srv/diff", "*",
								       VSS_FSBT_FULL_BACKUP_REQUIRED), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_database_log_files(s->metadata, NULL, "D", "/srv/log", "*", 0),
			 S_OK);
	assert_int_equal(vss_create_writer_metadata_set_backup_schema(s->metadata, schema), S_OK);
}

/* SEL-028: a writer without the schema for the type is backed up in full */
static void backup_types(void **state)
{
	static const char full[] = "/srv/db/ /srv/db/data /srv/db/index /srv/diff/ /srv/diff/new /srv/diff/old "
				   "/srv/log/ /srv/log/1";
	static const char some[] = "/srv/db/ /srv/db/index /srv/log/ /srv/log/1";
	static const struct {
		enum vss_backup_type type;
		uint32_t schema;
		const char *expected;
	} cases[] = {
		{ VSS_BT_FULL, VSS_BS_UNDEFINED, full },
		{ VSS_BT_UNDEFINED, VSS_BS_INCREMENTAL, full },
		{ VSS_BT_COPY, VSS_BS_COPY, full },
		{ VSS_BT_OTHER, VSS_BS_INCREMENTAL, full },
		{ VSS_BT_INCREMENTAL, VSS_BS_UNDEFINED, full },
		{ VSS_BT_INCREMENTAL, VSS_BS_DIFFERENTIAL | VSS_BS_LOG, full },
		{ VSS_BT_INCREMENTAL, VSS_BS_INCREMENTAL, some },
		{ VSS_BT_DIFFERENTIAL, VSS_BS_UNDEFINED, full },
		{ VSS_BT_DIFFERENTIAL, VSS_BS_INCREMENTAL, full },
		{ VSS_BT_DIFFERENTIAL, VSS_BS_DIFFERENTIAL, some },
		{ VSS_BT_LOG, VSS_BS_INCREMENTAL, full },
		{ VSS_BT_LOG, VSS_BS_LOG, "/srv/log/ /srv/log/1" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		void *fresh;
		struct vss_component *c;
		struct scratch *s;

		(void)state;
		assert_int_equal(setup(&fresh), 0);
		s = fresh;
		type_fixture(s, cases[i].schema);
		assert_int_equal(vss_backup_document_add_component(s->doc, &instance, &class, NULL, 0, VSS_CT_DATABASE,
								   NULL, "D", NULL, &c), S_OK);
		set_state(s, true, cases[i].type, false);
		begin(s);
		volume(s, "/srv", NULL, "copy");
		assert_list(s, false, cases[i].expected);
		assert_good(s);
		teardown(&fresh);
	}
}

/* Differenced files come in where their sets of files would not, if they have changed. */
static void differenced_files(void **state)
{
	static const struct {
		uint64_t last_backup, said;
		const char *expected;
	} cases[] = {
		{ 0, 0, "/srv/diff/ /srv/diff/new /srv/diff/old" },
		{ 1000, 0, "/srv/diff/ /srv/diff/new" },
		{ 1000, 1001, "/srv/diff/ /srv/diff/new /srv/diff/old" },
		{ 1000, 1000, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct timespec old[] = { { 0, 900 }, { 0, 900 } };
		struct vss_component *c;
		struct scratch *s;
		char expected[256];
		void *fresh;

		assert_int_equal(setup(&fresh), 0);
		s = fresh;
		type_fixture(s, VSS_BS_INCREMENTAL | VSS_BS_LAST_MODIFY);
		assert_int_equal(vss_backup_document_add_component(s->doc, &instance, &class, NULL, 0, VSS_CT_DATABASE,
								   NULL, "D", NULL, &c), S_OK);
		assert_int_equal(vss_component_add_differenced_files_by_last_modify_time(c, "/srv/diff", "*", true,
											 cases[i].said), S_OK);
		assert_int_equal(utimensat(AT_FDCWD, in(s, "copy/diff/old"), old, 0), 0);
		set_state(s, true, VSS_BT_INCREMENTAL, false);
		begin(s);
		vss_backup_files_set_last_backup(s->files, cases[i].last_backup);
		volume(s, "/srv", NULL, "copy");
		snprintf(expected, sizeof(expected), "%s%s/srv/db/ /srv/db/index /srv/log/ /srv/log/1",
			 cases[i].expected, cases[i].expected[0] ? " " : "");
		assert_list(s, false, expected);
		teardown(&fresh);
	}
}

static void partial_files(void **state)
{
	struct scratch *s = *state;
	struct vss_backup_file file;
	struct vss_component *c;
	uint32_t found = 0;

	make(s, "copy/a/f copy/a/g");
	describe(s, NULL, "C", true);
	c = choose(s, NULL, "C");
	set_of(s, NULL, "C", "/srv/a", "*", false, NULL);
	assert_int_equal(vss_component_add_partial_file(c, "/srv/a/", "g", "0:1", "opaque"), S_OK);
	assert_int_equal(vss_component_add_partial_file(c, "/srv/a", "g", "7:1", NULL), S_OK);
	set_state(s, true, VSS_BT_FULL, true);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	while (!vss_backup_files_next(s->files, &file)) {
		if (!strcmp(file.path, "/srv/a/g")) {
			assert_string_equal(file.ranges, "0:1");
			assert_int_equal(file.size, 1);
			found++;
		} else {
			assert_null(file.ranges);
		}
	}
	assert_int_equal(found, 1);
}

/* ---- whole volumes ---- */

/* SEL-019, SEL-022: without components the list is the volumes, less what any writer excludes */
static void whole_volumes(void **state)
{
	struct scratch *s = *state;
	struct vss_writer_metadata *other = new_writer(&other_instance, &other_class);

	make(s, "copy/f copy/cache/x copy/mnt/hidden copy/spool/y inner/g inner/cache/z");
	set_state(s, false, VSS_BT_FULL, false);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(s->metadata, "/srv/cache", "*", true), S_OK);
	assert_int_equal(vss_create_writer_metadata_add_exclude_files(other, "/srv/mnt/cache", "*", true), S_OK);
	begin(s);
	assert_int_equal(vss_backup_files_add_writer(s->files, other), S_OK);
	assert_int_equal(vss_backup_files_exclude(s->files, "/srv/spool", "*", true), S_OK);
	volume(s, "/srv", NULL, "copy");
	volume(s, "/srv/mnt", NULL, "inner");
	volume(s, "/bind", "/cache", "inner");
	assert_list(s, false, "/srv/ /srv/cache/ /srv/f /srv/mnt/ /srv/mnt/cache/ /srv/mnt/g /srv/spool/");
	assert_int_equal(vss_backup_files_component_count(s->files), 1);
	assert_null(component(s, 0).component_name);
	assert_good(s);
	vss_writer_metadata_free(other);
}

/* SEL-022: a volume below one that has no copy comes by itself; below what is excluded it does not come. */
static void volumes_below_others(void **state)
{
	struct scratch *s = *state;

	make(s, "root/f root/srv/ root/out/in/ data/g data/sub/ deep/h gone/i");
	set_state(s, false, VSS_BT_FULL, false);
	begin(s);
	assert_int_equal(vss_backup_files_exclude(s->files, "/out", "*", true), S_OK);
	volume(s, "/", NULL, "root");
	volume(s, "/srv", NULL, NULL);
	volume(s, "/srv/data", NULL, "data");
	volume(s, "/srv/data/sub", NULL, "deep");
	volume(s, "/out/in", NULL, "gone");
	assert_list(s, false, "// /f /out/ /srv/ /srv/data/ /srv/data/g /srv/data/sub/ /srv/data/sub/h");
	assert_good(s);
}

/* Nothing is kept open on the way down, and a path that is too long is a failure. */
static void deep_folders(void **state)
{
	struct scratch *s = *state;
	struct vss_backup_file file;
	char name[201];
	size_t folders = 0;
	int fd;

	memset(name, 'd', 200);
	name[200] = '\0';
	make(s, "copy/a/");
	fd = open(in(s, "copy/a"), O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 25; i++) {
		int below;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		below = openat(fd, name, O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = below;
	}
	close(fd);
	one_component(s);
	set_of(s, NULL, "C", "/srv/a", "*", true, NULL);
	begin(s);
	volume(s, "/srv", NULL, "copy");
	while (!vss_backup_files_next(s->files, &file))
		folders++;
	assert_true(folders > 15 && folders < 25);
	assert_failed(s, 0, "too long");
	/* They are too long for nftw() as well. */
	snprintf(name, sizeof(name), "rm -rf '%s/copy'", s->dir);
	assert_int_equal(system(name), 0);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),
		TEST(sets_of_files),
		TEST(component_sets),
		TEST(excluded),
		TEST(exclusions_that_are_none),
		TEST(alternate_paths),
		TEST(from_the_copy),
		TEST(links_and_mounts),
		TEST(links_on_the_way),
		TEST(mounts_in_the_copy),
		TEST(parts_of_volumes),
		TEST(bad_volumes),
		TEST(failures),
		TEST(unreadable_folders),
		TEST(documents_that_do_not_fit),
		cmocka_unit_test(backup_types),
		cmocka_unit_test(differenced_files),
		TEST(partial_files),
		TEST(whole_volumes),
		TEST(volumes_below_others),
		TEST(deep_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

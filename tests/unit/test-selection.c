// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which components vssctl puts into a backup: dependencies between writers.
 *
 * SEL-013: a component and those of other writers that it depends on are in or out
 * together.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "print.h"
#include "selection.h"

struct scene {
	struct vssctl ctl;
	struct vssctl_selection s;
	char *messages;
	size_t size;
};

static struct vss_uuid class_of(size_t writer)
{
	struct vss_uuid id = { { 0 } };

	id.bytes[0] = (uint8_t)(writer + 1);
	return id;
}

static int setup(void **state)
{
	static const char *const names[] = { "A", "B", "C" };
	struct scene *t = calloc(1, sizeof(*t));

	t->ctl = (struct vssctl) { .out = stdout, .print = &vssctl_print_text };
	t->ctl.err = open_memstream(&t->messages, &t->size);
	t->s.writers = calloc(COUNT(names), sizeof(*t->s.writers));
	for (; t->s.count < COUNT(names); t->s.count++) {
		struct vss_writer_identity identity = {
			.instance_id = { { 99, (uint8_t)t->s.count } }, .writer_id = class_of(t->s.count),
			.usage = VSS_UT_USERDATA, .source = VSS_ST_OTHER,
		};

		identity.writer_name = strdup(names[t->s.count]);
		assert_int_equal(vss_create_writer_metadata(&identity, &t->s.writers[t->s.count].metadata, NULL), S_OK);
		free(identity.writer_name);
	}
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct scene *t = *state;

	vssctl_selection_clear(&t->s);
	fclose(t->ctl.err);
	free(t->messages);
	free(t);
	return 0;
}

/* A component of a writer (0 to 2). */
static void component(struct scene *t, size_t writer, const char *path, const char *name, bool selectable)
{
	assert_int_equal(vss_create_writer_metadata_add_component(t->s.writers[writer].metadata, VSS_CT_FILEGROUP, path,
								  name, NULL, false, false, selectable, false, 0), S_OK);
}

static void depends(struct scene *t, size_t writer, const char *path, const char *name, size_t on, const char *on_path,
		    const char *on_name)
{
	struct vss_uuid class = class_of(on);

	assert_int_equal(vss_create_writer_metadata_add_component_dependency(t->s.writers[writer].metadata, path, name,
									     &class, on_path, on_name), S_OK);
}

static void read_all(struct scene *t)
{
	for (size_t i = 0; i < t->s.count; i++)
		assert_int_equal(vssctl_candidate_read(&t->ctl, &t->s.writers[i]), 0);
}

static struct vssctl_entry *entry(struct scene *t, size_t writer, const char *full)
{
	struct vssctl_candidate *w = &t->s.writers[writer];

	for (size_t i = 0; i < w->count; i++)
		if (!strcmp(w->entries[i].full, full))
			return &w->entries[i];
	fail_msg("there is no %s", full);
	return NULL;
}

/* Names of what is in, "A:data B:db". */
static void assert_in(struct scene *t, const char *expected)
{
	char text[256] = "";

	for (size_t i = 0; i < t->s.count; i++) {
		const struct vssctl_candidate *w = &t->s.writers[i];

		for (size_t k = 0; k < w->count; k++)
			if (w->entries[k].in)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", text[0] ? " " : "",
					 w->identity.writer_name, w->entries[k].full);
	}
	assert_string_equal(text, expected);
}

static void assert_said(struct scene *t, const char *what)
{
	fflush(t->ctl.err);
	if (!strstr(t->messages, what))
		fail_msg("\"%s\" is not in \"%s\"", what, t->messages);
}

static void all_there(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 1, "x", "db", true);
	depends(t, 0, NULL, "data", 1, "x", "db");
	read_all(t);
	entry(t, 0, "data")->in = entry(t, 1, "x/db")->in = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "A:data B:x/db");
	fflush(t->ctl.err);
	assert_int_equal(t->size, 0);
}

/* What is missing comes in, with what its own writer demands, and what that depends on. */
static void brought_in(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 1, NULL, "db", true);
	component(t, 1, "db", "part", false);
	component(t, 1, NULL, "always", false);
	component(t, 1, NULL, "other", true);
	component(t, 2, NULL, "conf", true);
	depends(t, 0, NULL, "data", 1, "db", "part");
	depends(t, 1, NULL, "always", 2, "/", "conf");
	read_all(t);
	entry(t, 0, "data")->in = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "A:data B:db B:always C:conf");
}

/* What a component brings along has dependencies too. */
static void of_what_comes_along(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 0, "data", "sub", false);
	component(t, 1, NULL, "db", true);
	depends(t, 0, "data", "sub", 1, NULL, "db");
	read_all(t);
	entry(t, 0, "data")->in = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "A:data B:db");
}

/* Without what it depends on a component is left out, and who depends on it in turn. */
static void left_out(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 0, NULL, "more", true);
	component(t, 1, NULL, "db", true);
	component(t, 2, NULL, "conf", true);
	depends(t, 0, NULL, "data", 1, NULL, "db");
	depends(t, 1, NULL, "db", 2, NULL, "conf");
	read_all(t);
	entry(t, 0, "data")->in = entry(t, 0, "more")->in = entry(t, 1, "db")->in = true;
	strcpy(entry(t, 2, "conf")->outside, "/elsewhere");
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "A:more");
	assert_said(t, "component data of writer \"A\" is left out: it depends on component db of writer \"B\"");
	assert_said(t, "component db of writer \"B\" is left out: it depends on component conf of writer \"C\"");
}

/* One that has to be in with its writer takes the writer out. */
static void left_out_with_the_writer(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "always", false);
	component(t, 0, NULL, "more", true);
	depends(t, 0, NULL, "always", 1, NULL, "missing");
	read_all(t);
	entry(t, 0, "always")->in = entry(t, 0, "more")->in = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "");
	assert_said(t, "writer \"A\" is left out");
}

/* What the user has excluded does not come back; what was asked for is not dropped in silence. */
static void what_the_user_wants(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 1, NULL, "db", true);
	depends(t, 0, NULL, "data", 1, NULL, "db");
	read_all(t);
	entry(t, 0, "data")->in = true;
	entry(t, 1, "db")->banned = true;
	entry(t, 0, "data")->named = true;
	assert_int_not_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_said(t, "VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT");
	assert_said(t, "component data of writer \"A\" was asked for, but depends on component db of writer \"B\"");
	entry(t, 0, "data")->named = false;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "");
	/* The whole writer is excluded. */
	entry(t, 0, "data")->in = true;
	entry(t, 0, "data")->banned = entry(t, 1, "db")->banned = false;
	t->s.writers[1].banned = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "");
}

/* Circles, which only the dependency on another writer can make; and other machines' components */
static void circles_and_remotes(void **state)
{
	struct scene *t = *state;

	component(t, 0, NULL, "data", true);
	component(t, 1, NULL, "db", true);
	component(t, 2, NULL, "far", true);
	depends(t, 0, NULL, "data", 1, NULL, "db");
	depends(t, 1, NULL, "db", 0, NULL, "data");
	depends(t, 2, NULL, "far", 1, "\\\\host\\x", "db");
	read_all(t);
	entry(t, 1, "db")->in = entry(t, 2, "far")->in = true;
	assert_int_equal(vssctl_selection_follow(&t->ctl, &t->s), 0);
	assert_in(t, "A:data B:db C:far");
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(all_there),
		TEST(brought_in),
		TEST(of_what_comes_along),
		TEST(left_out),
		TEST(left_out_with_the_writer),
		TEST(what_the_user_wants),
		TEST(circles_and_remotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

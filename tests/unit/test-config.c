// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssd's configuration: what is taken, what is refused and where, and who may
 * what by it.
 *
 * SEC-003
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "ini.h"

struct fixture {
	char dir[64];
	struct vssd_config config;
	struct vss_error err;
	unsigned int warnings;
	char warning[256];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128];

	strcpy(f->dir, "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof(path), "%s/vssd.conf.d", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/providers.d", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	vssd_config_clear(&f->config);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void put_bytes(struct fixture *f, const char *name, const char *text, size_t size)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static void put(struct fixture *f, const char *name, const char *text)
{
	put_bytes(f, name, text, strlen(text));
}

static void warn(void *data, const char *text)
{
	struct fixture *f = data;

	f->warnings++;
	snprintf(f->warning, sizeof(f->warning), "%s", text);
}

static int load(struct fixture *f)
{
	vssd_config_clear(&f->config);
	f->warnings = 0;
	return vssd_config_load(f->dir, &f->config, warn, f, &f->err);
}

static void refused(struct fixture *f, const char *text, const char *why)
{
	put(f, "vssd.conf", text);
	assert_int_equal(load(f), -EINVAL);
	if (!strstr(f->err.text, why))
		fail_msg("\"%s\": \"%s\" instead of \"%s\"", text, f->err.text, why);
	assert_non_null(strstr(f->err.text, "/vssd.conf:"));
}

static void nothing_is_fine(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f), 0);
	assert_int_equal(f->err.result, S_OK);
	assert_int_equal(f->config.settings.freeze_timeout_ms, 60000);
	assert_int_equal(f->config.settings.hold_timeout_ms, 10000);
	assert_int_equal(f->config.nr_providers, 0);
	strcpy(f->dir + strlen(f->dir), "/none");
	assert_int_equal(load(f), 0);
	*strrchr(f->dir, '/') = '\0';
}

static void takes_all(void **state)
{
	struct fixture *f = *state;

	put(f, "vssd.conf", "# comment\n; another\n\n[Requesters]\n User=7 \nGroup = 8\n"
			    "[Timeouts]\nFreeze = 30\nProvider=5\n[Limits]\nSessions = 3\nMessageSize=65536\n"
			    "[Writers]\nAllow = 9 Shop Writer*\nAllow=@10 5affb034-969f-4919-8875-88f830d0ef89");
	put(f, "vssd.conf.d/b.conf", "[timeouts]\nfreeze = 20\n[Requesters]\nUser = 11\n");
	put(f, "vssd.conf.d/a.conf", "[Timeouts]\nFreeze = 10\n");
	put(f, "vssd.conf.d/a.conf.bak", "no such thing");
	put(f, "vssd.conf.d/.conf", "no such thing");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->warnings, 0);
	assert_int_equal(f->config.settings.freeze_timeout_ms, 20000);
	assert_int_equal(f->config.settings.provider_timeout_ms, 5000);
	assert_int_equal(f->config.limits.sessions, 3);
	assert_int_equal(f->config.limits.writers, 0);
	assert_int_equal(f->config.limits.message_size, 65536);
	assert_int_equal(f->config.access.nr_requesters, 3);
	assert_int_equal(f->config.access.nr_writers, 2);
	assert_string_equal(f->config.access.writers[0].pattern, "Shop Writer*");
}

static void refuses_with_the_place(void **state)
{
	struct fixture *f = *state;
	char text[8192];

	refused(f, "User = 1\n", ":1: \"User\" stands before");
	refused(f, "[Requesters]\n\nUser\n", ":3: neither a section");
	refused(f, "[Requesters\n", ":1: a section's line");
	refused(f, "[Requesters] # all\n", ":1: a section's line");
	refused(f, "[]\n", ":1: \"\" is no name");
	refused(f, "[Nobody]\nUser = 1\n", ":2: there is no section [Nobody]");
	refused(f, "[Requesters]\nusers = 1\n", ":2: [Requesters] has no key users");
	refused(f, "[Requesters]\nUser =\n", ":2: \"User\" has no value");
	refused(f, "[Requesters]\nUs er = 1\n", ":2: \"Us er\" is no key");
	refused(f, "[Requesters]\nUser = 1 2\n", ":2: \"1 2\" is no name");
	refused(f, "[Requesters]\nUser = @1\n", ":2: \"@1\" is no name");
	refused(f, "[Writers]\nAllow = 1\n", ":2: after the user");
	refused(f, "[Writers]\nDeny = 1 x\n", ":2: [Writers] has no key Deny");
	refused(f, "[Timeouts]\nFreeze = 0\n", ":2: \"0\" is not a number from 1 to 600");
	refused(f, "[Timeouts]\nHold = 11\n", ":2: \"11\" is not a number from 1 to 10");
	refused(f, "[Timeouts]\nFreeze = 10s\n", ":2: \"10s\" is not a number");
	refused(f, "[Timeouts]\nFreeze = -1\n", ":2: \"-1\" is not a number");
	refused(f, "[Timeouts]\nFreeze = 99999999999999999999\n", ":2: ");
	refused(f, "[Timeouts]\nThaw = 1\n", ":2: [Timeouts] has no key Thaw");
	refused(f, "[Limits]\nMessageSize = 1\n", ":2: \"1\" is not a number from 65536");
	refused(f, "[Limits]\nPeers = 1\n", ":2: [Limits] has no key Peers");
	/* A line longer than any, and one that is no text. */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(f, text, ":1: the line is longer");
	put_bytes(f, "vssd.conf", "[Limits]\nSess\0ions = 1\nWriters = 1\n", 35);
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, ":2: "));
}

static void refuses_what_is_no_file(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/vssd.conf", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "is not a file"));
	rmdir(path);
	/* Nobody writes to it: opening must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(f), -EINVAL);
}

static void unknown_names_allow_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, "vssd.conf", "[Requesters]\nUser = no-such-user-here\nGroup = no-such-group-here\n"
			    "[Writers]\nAllow = no-such-user-here *\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->warnings, 3);
	assert_string_equal(f->warning, "there is no user \"no-such-user-here\": this line of [Writers] "
			    "allows nothing");
	assert_int_equal(f->config.access.nr_requesters, 0);
	assert_int_equal(f->config.access.nr_writers, 0);
}

static void takes_providers(void **state)
{
	struct fixture *f = *state;

	put(f, "providers.d/b.conf", "[Provider]\nPath = /usr/lib/b.so\n");
	put(f, "providers.d/a.conf", "[Provider]\nEnabled = no\nPath = /usr/lib/a.so\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->config.nr_providers, 2);
	assert_string_equal(f->config.providers[0].file, "a.conf");
	assert_string_equal(f->config.providers[0].path, "/usr/lib/a.so");
	assert_false(f->config.providers[0].enabled);
	assert_string_equal(f->config.providers[1].path, "/usr/lib/b.so");
	assert_true(f->config.providers[1].enabled);

	put(f, "providers.d/c.conf", "[Provider]\nPath = c.so\n");
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "/c.conf:2: "));
	put(f, "providers.d/c.conf", "[Provider]\nEnabled = maybe\n");
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "/c.conf:2: \"maybe\" is neither"));
	put(f, "providers.d/c.conf", "[Provider]\nPath = /c.so\nPath = /d.so\n");
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "/c.conf:3: a second Path"));
	put(f, "providers.d/c.conf", "[Provider]\nEnabled = yes\n");
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "/c.conf: the line \"Path = ...\" is missing"));
	put(f, "providers.d/c.conf", "[Requesters]\nUser = 1\n");
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "/c.conf:2: there is no section [Requesters]"));
}

static struct vssd_creds creds(uid_t uid, const gid_t *gids, size_t count)
{
	return (struct vssd_creds) { .uid = uid, .gids = gids, .nr_gids = count };
}

static void judges(void **state)
{
	struct fixture *f = *state;
	const struct vssd_access *access = &f->config.access;
	struct vssd_creds root = creds(0, NULL, 0), user7 = creds(7, NULL, 0), user9 = creds(9, NULL, 0);
	struct vssd_creds group8 = creds(99, (gid_t[]) { 1, 8 }, 2), group10 = creds(99, (gid_t[]) { 10 }, 1);
	/* Of the same number as a user that may, or a group. */
	struct vssd_creds other = creds(8, (gid_t[]) { 7, 9 }, 2);
	struct vss_uuid class_id, other_id;

	put(f, "vssd.conf", "[Requesters]\nUser = 7\nGroup = 8\n[Writers]\nAllow = 9 Shop*\n"
			    "Allow = @10 5affb034-969f-4919-8875-88f830d0ef89\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(vss_uuid_parse("5affb034-969f-4919-8875-88f830d0ef89", &class_id), 0);
	assert_int_equal(vss_uuid_parse("00000000-969f-4919-8875-88f830d0ef89", &other_id), 0);

	assert_true(vssd_access_requester(access, &root));
	assert_true(vssd_access_requester(access, &user7));
	assert_true(vssd_access_requester(access, &group8));
	assert_false(vssd_access_requester(access, &user9));
	assert_false(vssd_access_requester(access, &group10));
	assert_false(vssd_access_requester(access, &other));

	assert_true(vssd_access_writer(access, &root, &other_id, "x"));
	assert_true(vssd_access_writer(access, &user9, &other_id, "Shop Writer"));
	assert_false(vssd_access_writer(access, &user9, &other_id, "The Shop"));
	assert_true(vssd_access_writer(access, &group10, &class_id, "x"));
	assert_false(vssd_access_writer(access, &group10, &other_id, "x"));
	/* A class id allows nobody who only calls himself so. */
	assert_false(vssd_access_writer(access, &group10, &other_id, "5affb034-969f-4919-8875-88f830d0ef89"));
	assert_false(vssd_access_writer(access, &user7, &class_id, "Shop Writer"));
	assert_false(vssd_access_writer(access, &other, &class_id, "Shop Writer"));
	/* Without rules there are none to keep. */
	assert_true(vssd_access_requester(NULL, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_fine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(takes_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_with_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_names_allow_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(takes_providers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(judges, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

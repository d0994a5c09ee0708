// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The provider lio-iscsi against an array that a script plays: its configuration, what
 * it says of copies, the steps of a set, and arrays that are silent, dead or mad.
 */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "lio-iscsi/identity.h"
#include "lio-iscsi/lio-iscsi.h"

const struct vss_provider_ops *vss_provider_get(void);

struct fixture {
	char dir[64];
	char conf[128];
	const struct vss_provider_ops *ops;
	void *provider;
	struct vss_error err;
};

static const struct vss_uuid set_id = { { 1, 2, 3 } }, other_id = { { 7 } };
static const struct vss_uuid snapshots[] = { { { 0xaa } }, { { 0xbb } } };

static void put(struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void configure(struct fixture *f, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), "[Array]\nAddress = array.test\nKey = /k\nKnownHosts = /h\nSsh = %s/ssh\n%s",
		 f->dir, more);
	put(f, "conf", text, 0600);
}

/* The array: @cases are branches of a shell's case over the request. */
static void array_says(struct fixture *f, const char *cases)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "#!/bin/sh\n"
		 "echo start >>%s/log\n"
		 "while read -r line; do\n"
		 "echo \"$line\" >>%s/log\n"
		 "case $line in\n"
		 "%s\n"
		 "*hello*) echo '{\"ok\":true,\"version\":1,\"target\":\"iqn.test:a\",\"vendor\":\"LIO-ORG\","
		 "\"product\":\"IBLOCK\"}' ;;\n"
		 "*find*) echo '{\"ok\":true,\"luns\":[{\"lv\":\"vg/a\",\"thin\":true,\"mapped\":true}]}' ;;\n"
		 "*prepare*) echo '{\"ok\":true,\"luns\":[{\"lv\":\"vg/a\",\"copy\":\"vg/a_vss\",\"serial\":\"11\"},"
		 "{\"lv\":\"vg/b\",\"copy\":\"vg/b_vss\",\"serial\":\"22\"}]}' ;;\n"
		 "*) echo '{\"ok\":true}' ;;\n"
		 "esac\ndone\n", f->dir, f->dir, cases);
	put(f, "ssh", text, 0700);
}

static void expect_log(struct fixture *f, const char *wanted)
{
	char path[128], text[8192] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", f->dir);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, wanted);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-lio-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->conf, sizeof(f->conf), "%s/conf", f->dir);
	setenv("VSS_LIO_ISCSI_CONF", f->conf, 1);
	f->ops = vss_provider_get();
	configure(f, "");
	array_says(f, "");
	assert_int_equal(f->ops->load(&f->provider, &f->err), S_OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	assert_int_equal(f->ops->unload(f->provider, true), S_OK);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A LUN as a machine knows it: borrowed texts. */
static struct vss_lun_info lun(const char *volume, const char *serial)
{
	return (struct vss_lun_info) {
		.vendor = (char *)"LIO-ORG", .product = (char *)"IBLOCK", .serial = (char *)serial,
		.interconnect = (char *)volume, .size = 1 << 20, .block_size = 512,
	};
}

static vss_result begin(struct fixture *f, const struct vss_uuid *snapshot, struct vss_lun_mapping *luns, size_t n)
{
	const struct vss_provider_volume volume = { .path = "/dev/x", .luns = luns, .nr_luns = n };

	return f->ops->begin_prepare_snapshot(f->provider, &set_id, snapshot, 0, &volume, &f->err);
}

#define A "lio-iscsi:/iqn.test:a/vg/a"
#define B "lio-iscsi:/iqn.test:a/vg/b"

static void begin_two(struct fixture *f)
{
	struct vss_lun_mapping luns[] = { { .source = lun(A, "s1") }, { .source = lun(B, "s2") } };

	assert_int_equal(begin(f, &snapshots[0], luns, 1), S_OK);
	/* The first LUN once more, as of a second volume on it. */
	assert_int_equal(begin(f, &snapshots[1], luns, 2), S_OK);
}

/* ---- configuration ---- */

static void test_configuration(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "[Array]\nKey = k\nKnownHosts = h\n", "\"Address = ...\" is missing" },
		{ "[Array]\nAddress = a\nKnownHosts = h\n", "\"Key = ...\" is missing" },
		{ "[Array]\nAddress = a\nKey = k\n", "\"KnownHosts = ...\" is missing" },
		{ "[Array]\nAddress = -oProxyCommand=x\n", "must not begin with" },
		{ "[Array]\nPort = 0\n", "not a number from 1 to 65535" },
		{ "[Array]\nTimeout = 1\n", "not a number from 5 to 600" },
		{ "[Array]\nPassword = x\n", "no key Password" },
		{ "[Other]\nAddress = a\n", "no section [Other]" },
		{ "[Array]\nAddress = a\nAddress = b\n", "a second Address" },
	};
	struct fixture *f = *state;
	void *provider = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(f, "conf", bad[i].text, 0600);
		assert_int_equal(f->ops->load(&provider, &f->err), VSS_E_PROVIDER_VETO);
		assert_non_null(strstr(f->err.text, bad[i].message));
		assert_non_null(strstr(f->err.text, f->conf));
	}
	assert_int_equal(unlink(f->conf), 0);
	assert_int_equal(f->ops->load(&provider, &f->err), VSS_E_PROVIDER_VETO);
	assert_null(provider);
}

/* ---- identity ---- */

static void test_interconnect(void **state)
{
	_cleanup_free_ char *text = lio_interconnect("iqn.2026-01.com.example:a", "vg0/data");

	(void)state;
	assert_string_equal(text, "lio-iscsi:/iqn.2026-01.com.example:a/vg0/data");
	assert_string_equal(lio_interconnect_volume(text), "vg0/data");
	assert_null(lio_interconnect_volume(NULL));
	assert_null(lio_interconnect_volume("vg0/data"));
	assert_null(lio_interconnect_volume("lio-iscsi:/iqn/vg0"));
}

/* As LIO of 6.1 described a backstore with this serial number. */
static void test_copy_identity(void **state)
{
	static const uint8_t naa[] = {
		0x60, 0x01, 0x40, 0x51, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89,
	};
	static const char t10[] = "LIO-ORG IBLOCK:0123456789abcdef0123456789abcdef";
	const struct vss_lun_info source = { .size = 4096, .block_size = 512, .revision = (char *)"4.0" };
	struct vss_lun_info copy;

	(void)state;
	assert_int_equal(lio_describe_copy(&source, "LIO-ORG", "IBLOCK", "123456789abcdef0123456789abcdef0", &copy), 0);
	assert_int_equal(copy.nr_ids, 2);
	assert_int_equal(copy.ids[1].type, 3);
	assert_int_equal(copy.ids[1].size, 16);
	assert_memory_equal(copy.ids[1].bytes, naa, sizeof(naa));
	vss_lun_info_clear(&copy);
	assert_int_equal(lio_describe_copy(&source, "LIO-ORG", "IBLOCK", "0123456789abcdef0123456789abcdef", &copy), 0);
	assert_int_equal(copy.ids[0].type, 1);
	assert_int_equal(copy.ids[0].size, sizeof(t10));
	assert_memory_equal(copy.ids[0].bytes, t10, sizeof(t10));
	assert_int_equal(copy.size, 4096);
	assert_string_equal(copy.revision, "4.0");
	vss_lun_info_clear(&copy);
}

/* ---- whose LUNs ---- */

static void test_fill_in(void **state)
{
	struct fixture *f = *state;
	struct vss_lun_info other = { .vendor = (char *)"QEMU", .serial = (char *)"1" };
	struct vss_lun_info ours = lun(NULL, "s1");

	assert_int_equal(f->ops->fill_in_lun_info(f->provider, "/dev/sda", &other, &f->err), S_FALSE);
	assert_int_equal(f->ops->fill_in_lun_info(f->provider, "/dev/sda", &ours, &f->err), S_OK);
	assert_string_equal(ours.interconnect, A);
	free(ours.interconnect);
	assert_int_equal(f->ops->are_luns_supported(f->provider, 0, &ours, 1, &f->err), S_OK);
	assert_int_equal(f->ops->are_luns_supported(f->provider, 0, &other, 1, &f->err), S_FALSE);
	/* Others' disks were not asked about; one connection served. */
	expect_log(f, "start\n{\"op\":\"hello\"}\n{\"op\":\"find\",\"serials\":[\"s1\"]}\n"
		   "{\"op\":\"find\",\"serials\":[\"s1\"]}\n");
}

static void test_not_supported(void **state)
{
	struct fixture *f = *state;
	struct vss_lun_info ours = lun(NULL, "s1");

	array_says(f, "*find*) echo '{\"ok\":true,\"luns\":[null]}' ;;\n");
	assert_int_equal(f->ops->fill_in_lun_info(f->provider, "/dev/sda", &ours, &f->err), S_FALSE);
	assert_null(ours.interconnect);
	assert_int_equal(f->ops->are_luns_supported(f->provider, 0, &ours, 1, &f->err), S_FALSE);
}

/* ---- a set ---- */

static void test_set(void **state)
{
	struct fixture *f = *state;
	struct vss_lun_mapping luns[] = { { .source = lun(B, "s2") }, { .source = lun(A, "s1") } };
	struct vss_lun_mapping stranger = { .source = lun(A, "s3") };
	const struct vss_provider_ops *ops = f->ops;
	void *p = f->provider;

	begin_two(f);
	assert_int_equal(ops->end_prepare_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->pre_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->post_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->get_target_luns(p, &set_id, luns, 2, &f->err), S_OK);
	assert_string_equal(luns[0].destination.serial, "22");
	assert_string_equal(luns[0].destination.interconnect, "lio-iscsi:/iqn.test:a/vg/b_vss");
	assert_string_equal(luns[1].destination.serial, "11");
	assert_int_equal(ops->get_target_luns(p, &set_id, &stranger, 1, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->pre_final_commit_snapshots(p, &set_id, 0, &f->err), S_OK);
	assert_int_equal(ops->unload(p, false), S_FALSE);
	assert_int_equal(ops->post_final_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->locate_luns(p, luns, 2, &f->err), S_OK);
	assert_int_equal(ops->on_lun_state_change(p, luns, 2, VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE, false, &f->err),
			 S_OK);
	assert_int_equal(ops->on_lun_state_change(p, luns, 1, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, true, &f->err), S_OK);
	assert_int_equal(ops->on_lun_empty(p, NULL, &luns[1].destination, &f->err), S_OK);
	expect_log(f,
		   "start\n{\"op\":\"hello\"}\n"
		   "{\"op\":\"prepare\",\"set\":\"01020300000000000000000000000000\",\"luns\":["
		   "{\"lv\":\"vg\\/a\",\"snapshot\":\"aa000000000000000000000000000000\"},"
		   "{\"lv\":\"vg\\/b\",\"snapshot\":\"bb000000000000000000000000000000\"}]}\n"
		   "{\"op\":\"arm\",\"set\":\"01020300000000000000000000000000\"}\n"
		   "{\"op\":\"take\",\"set\":\"01020300000000000000000000000000\"}\n"
		   "{\"op\":\"export\",\"luns\":[{\"lv\":\"vg\\/a_vss\"},{\"lv\":\"vg\\/b_vss\"}]}\n"
		   "{\"op\":\"complete\",\"set\":\"01020300000000000000000000000000\"}\n"
		   "{\"op\":\"map\",\"luns\":[{\"lv\":\"vg\\/b_vss\",\"serial\":\"22\"},"
		   "{\"lv\":\"vg\\/a_vss\",\"serial\":\"11\"}]}\n"
		   "{\"op\":\"unmap\",\"luns\":[{\"lv\":\"vg\\/b\",\"serial\":\"s2\"}]}\n"
		   "{\"op\":\"delete\",\"luns\":[{\"lv\":\"vg\\/a_vss\",\"serial\":\"11\"}]}\n");
	vss_lun_info_clear(&luns[0].destination);
	vss_lun_info_clear(&luns[1].destination);
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	struct vss_lun_mapping stranger = { .source = lun("nonsense", "s1") };

	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(f->ops->commit_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(begin(f, &snapshots[0], &stranger, 1), VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
	begin_two(f);
	assert_int_equal(f->ops->pre_commit_snapshots(f->provider, &other_id, &f->err), VSS_E_PROVIDER_VETO);
	/* Nothing was made: the array need not be there. */
	put(f, "ssh", "#!/bin/sh\nexit 1\n", 0700);
	assert_int_equal(f->ops->abort_snapshots(f->provider, &set_id, &f->err), S_OK);
}

/* Each step once, and none before the one that comes before it. */
static void test_left_out(void **state)
{
	struct fixture *f = *state;
	const struct vss_provider_ops *ops = f->ops;
	void *p = f->provider;

	begin_two(f);
	assert_int_equal(ops->commit_snapshots(p, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->post_final_commit_snapshots(p, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->end_prepare_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->post_commit_snapshots(p, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->pre_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->pre_commit_snapshots(p, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->pre_final_commit_snapshots(p, &set_id, 0, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(ops->post_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->pre_final_commit_snapshots(p, &set_id, 0, &f->err), S_OK);
	assert_int_equal(ops->post_final_commit_snapshots(p, &set_id, &f->err), S_OK);
	assert_int_equal(ops->post_final_commit_snapshots(p, &set_id, &f->err), VSS_E_PROVIDER_VETO);
}

static void test_refusal(void **state)
{
	struct fixture *f = *state;

	array_says(f, "*prepare*) echo '{\"ok\":false,\"result\":\"VSS_E_INSUFFICIENT_STORAGE\","
		   "\"error\":\"the pool is full\"}' ;;\n*arm*) echo '{\"ok\":false,\"result\":\"E_FAIL\"}' ;;\n");
	begin_two(f);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_INSUFFICIENT_STORAGE);
	assert_string_equal(f->err.text, "the array at array.test: the pool is full");
	assert_int_equal(f->ops->pre_commit_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(f->ops->abort_snapshots(f->provider, &set_id, &f->err), S_OK);
}

/* ---- bad arrays ---- */

static void test_unreachable(void **state)
{
	struct fixture *f = *state;
	char path[128];

	put(f, "ssh", "#!/bin/sh\necho 'ssh: connect to host array.test port 22: No route to host' >&2\nexit 255\n", 0700);
	begin_two(f);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "No route to host"));
	assert_non_null(strstr(f->err.text, f->conf));
	snprintf(path, sizeof(path), "%s/ssh", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "cannot run"));
}

static void test_mad(void **state)
{
	static const char *const answers[] = {
		"*prepare*) echo 'Welcome to Debian' ;;\n",
		"*prepare*) echo '[1,2' ;;\n",
		"*prepare*) echo '{\"ok\":\"yes\"}' ;;\n",
		"*prepare*) echo '{\"ok\":true}' ;;\n",
		"*prepare*) echo '{\"ok\":true,\"luns\":[{\"lv\":1},5,null]}' ;;\n",
		"*prepare*) head -c 100000 /dev/zero | tr '\\0' x; echo ;;\n",
		"*hello*) echo '{\"ok\":true,\"version\":2}' ;;\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		array_says(f, answers[i]);
		begin_two(f);
		assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
		assert_int_equal(f->ops->abort_snapshots(f->provider, &set_id, &f->err), S_OK);
		/* The next one is started anew. */
		assert_int_equal(f->ops->unload(f->provider, true), S_OK);
		assert_int_equal(f->ops->load(&f->provider, &f->err), S_OK);
	}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* One that does not answer at the instant is given up in time. */
static void test_silent(void **state)
{
	struct fixture *f = *state;
	struct timespec start;

	array_says(f, "*take*) sleep 30 ;;\n");
	begin_two(f);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), S_OK);
	assert_int_equal(f->ops->pre_commit_snapshots(f->provider, &set_id, &f->err), S_OK);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(f->ops->commit_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_true(seconds_since(&start) < 9);
	assert_non_null(strstr(f->err.text, "no answer within 5.0 s"));
	assert_int_equal(f->ops->abort_snapshots(f->provider, &set_id, &f->err), S_OK);
}

static void *cut(void *data)
{
	struct fixture *f = data;
	struct vss_error err = { 0 };

	usleep(500000);
	assert_int_equal(f->ops->abort_snapshots(f->provider, &set_id, &err), S_OK);
	return NULL;
}

static void test_cut(void **state)
{
	struct fixture *f = *state;
	struct timespec start;
	pthread_t thread;

	array_says(f, "*prepare*) sleep 30 ;;\n");
	begin_two(f);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(pthread_create(&thread, NULL, cut, f), 0);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(seconds_since(&start) < 10);
	/* It is no set any more. */
	assert_int_equal(f->ops->pre_commit_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	/* And the next set is not harmed by it. */
	array_says(f, "");
	begin_two(f);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), S_OK);
}

/* The array was started anew between two sets; within one, that is its end. */
static void test_lost(void **state)
{
	struct fixture *f = *state;
	struct vss_lun_info ours = lun(NULL, "s1");

	array_says(f, "*find*) echo '{\"ok\":true,\"luns\":[null]}'; exit ;;\n*arm*) exit 3 ;;\n");
	assert_int_equal(f->ops->fill_in_lun_info(f->provider, "/dev/sda", &ours, &f->err), S_FALSE);
	usleep(200000);
	assert_int_equal(f->ops->fill_in_lun_info(f->provider, "/dev/sda", &ours, &f->err), S_FALSE);
	begin_two(f);
	assert_int_equal(f->ops->end_prepare_snapshots(f->provider, &set_id, &f->err), S_OK);
	assert_int_equal(f->ops->pre_commit_snapshots(f->provider, &set_id, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "the connection was cut"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configuration, set_up, tear_down),
		cmocka_unit_test(test_interconnect),
		cmocka_unit_test(test_copy_identity),
		cmocka_unit_test_setup_teardown(test_fill_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_supported, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreachable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mad, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "doctor" reads from the kernel.
 */
#include "unit.h"

#include "doctor-parse.h"
#include "fake-sysfs.h"

static FILE *file_of(const char *text)
{
	return fmemopen((char *)text, strlen(text), "r");
}

static void reads_config(void **state)
{
	FILE *file = file_of("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_CC=m\nCONFIG_D=\"y\"\n"
			     "CONFIG_E=n\n");

	(void)state;
	assert_true(vssctl_config_has(file, "A"));
	assert_false(vssctl_config_has(file, "B"));
	assert_false(vssctl_config_has(file, "C"));
	assert_true(vssctl_config_has(file, "CC"));
	assert_false(vssctl_config_has(file, "D"));
	assert_false(vssctl_config_has(file, "E"));
	/* In any order: the file is read from its beginning each time. */
	assert_true(vssctl_config_has(file, "A"));
	fclose(file);
}

static bool listed(const char *text, const char *function)
{
	FILE *file = file_of(text);
	bool result = true;

	vssctl_functions_listed(file, &function, 1, &result);
	fclose(file);
	return result;
}

static void reads_functions(void **state)
{
	(void)state;
	assert_true(listed("a\nsubmit_bio\nb\n", "submit_bio"));
	assert_true(listed("submit_bio [mod]\n", "submit_bio"));
	assert_false(listed("submit_bio_noacct\n", "submit_bio"));
	assert_false(listed("xsubmit_bio\n", "submit_bio"));
	assert_false(listed("\nsubmit\n", "submit_bio"));
}

/* What kmod/hook.c and kmod/shrink.c trace. */
static void reads_all_functions(void **state)
{
	static const char *const functions[] = {
		"submit_bio_noacct", "set_capacity", "set_capacity_and_notify",
	};
	FILE *file = file_of("set_capacity_and_notify\nother [mod]\nsubmit_bio_noacct\n");
	bool found[COUNT(functions)] = { 0 };

	(void)state;
	vssctl_functions_listed(file, functions, COUNT(functions), found);
	fclose(file);
	assert_true(found[0]);
	assert_false(found[1]);
	assert_true(found[2]);
}

static void knows_kernels(void **state)
{
	static const char *const good[] = {
		"6.1.0-56-amd64", "6.1", "6.12.117+deb12-amd64", "6.13.0", "7.0.0", "7.2.12+deb13-amd64",
		"10.1.0",
	};
	static const char *const bad[] = {
		"5.15.0-125-generic", "6.0.9", "6.2.0", "6.4.16", "6.8.0-51-generic", "6.11.0", "6.10",
		"4.18.0-553.el8.x86_64", "6", "", "strange",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(vssctl_kernel_supported(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(vssctl_kernel_supported(bad[i]));
}

static bool redirected(const char *text)
{
	FILE *file = file_of(text);
	bool result = vssctl_function_redirected(file, "submit_bio_noacct");

	fclose(file);
	return result;
}

static void reads_users(void **state)
{
	(void)state;
	assert_true(redirected("submit_bio_noacct (1) R I     \ttramp: ftrace_regs_caller+0x0\n"));
	assert_true(redirected("other (1)\nsubmit_bio_noacct (2)   I D\n"));
	assert_true(redirected("submit_bio_noacct (1)   I   M \tops: x [vss]\n"));
	assert_false(redirected("submit_bio_noacct (1) R       \ttramp: x I y\n"));
	assert_false(redirected("submit_bio_noacct_nocheck (1) R I\n"));
	assert_false(redirected("other (1) R I\n"));
	assert_false(redirected("submit_bio_noacct (1)           ->Invoke+0x0\n"));
}

static void reads_lockdown(void **state)
{
	char mode[16];

	(void)state;
	assert_true(vssctl_lockdown_mode("[none] integrity confidentiality", mode, sizeof(mode)));
	assert_string_equal(mode, "none");
	assert_true(vssctl_lockdown_mode("none [integrity] confidentiality", mode, sizeof(mode)));
	assert_string_equal(mode, "integrity");
	assert_true(vssctl_lockdown_mode("[confidentiality]", mode, sizeof(mode)));
	assert_false(vssctl_lockdown_mode("none", mode, sizeof(mode)));
	assert_false(vssctl_lockdown_mode("[none", mode, sizeof(mode)));
	assert_false(vssctl_lockdown_mode("[confidentiality]", mode, 8));
}

static bool is_signed(const char *text)
{
	FILE *file = file_of(text);
	bool result = vssctl_module_signed(file);

	fclose(file);
	return result;
}

static void reads_signatures(void **state)
{
	(void)state;
	assert_true(is_signed("ELF...~Module signature appended~\n"));
	assert_false(is_signed("ELF...~Module signature appended~\n."));
	assert_false(is_signed("ELF"));
}

static void put_device(struct machine *m, const char *name, const char *iostats, bool requests,
		       const char *hidden)
{
	char *device = text("block/%s", name);
	char *queue = text("%s/queue", device);
	char *mq = text("%s/mq", device);

	machine_entry(m, queue, "iostats", iostats);
	machine_attr(m, device, "hidden", hidden);
	if (requests)
		machine_mkdir(m, mq);
	free(device);
	free(queue);
	free(mq);
}

/* Of md and a multipath's head an attach is refused, of queues with requests it is not. */
static void reads_iostats(void **state)
{
	struct machine *m = machine_new();
	char *block = text("%s/block", m->sysfs);
	char bio[64], request[64];

	(void)state;
	put_device(m, "md0", "1\n", false, "0\n");
	put_device(m, "nvme0n1", "1\n", true, "0\n");
	/* Device mapper counts by itself, and others are not asked. */
	put_device(m, "dm-0", "0\n", false, "0\n");
	put_device(m, "sda", "0\n", true, "0\n");
	vssctl_iostats_off(block, bio, request, sizeof(bio));
	assert_string_equal(bio, "");
	assert_string_equal(request, "");

	put_device(m, "md1", "0\n", false, "0\n");
	put_device(m, "nvme1n1", "0\n", true, "0\n");
	/* A path of a multipath device, that nobody can open. */
	put_device(m, "nvme2c0n1", "0\n", true, "1\n");
	vssctl_iostats_off(block, bio, request, sizeof(bio));
	assert_string_equal(bio, " md1");
	assert_string_equal(request, " nvme1n1");

	put_device(m, "nvme2n1", "0\n", false, "0\n");
	vssctl_iostats_off(block, bio, request, sizeof(bio));
	assert_int_equal(strlen(bio), strlen(" md1 nvme2n1"));
	assert_non_null(strstr(bio, " nvme2n1"));
	assert_string_equal(request, " nvme1n1");

	/* As many as there is room for. */
	vssctl_iostats_off(block, bio, request, 4);
	assert_int_equal(strlen(bio), 3);
	vssctl_iostats_off("/no/such/place", bio, request, sizeof(bio));
	assert_string_equal(bio, "");
	assert_string_equal(request, "");
	free(block);
	machine_free(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_config),
		cmocka_unit_test(reads_functions),
		cmocka_unit_test(reads_all_functions),
		cmocka_unit_test(knows_kernels),
		cmocka_unit_test(reads_users),
		cmocka_unit_test(reads_lockdown),
		cmocka_unit_test(reads_signatures),
		cmocka_unit_test(reads_iostats),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}

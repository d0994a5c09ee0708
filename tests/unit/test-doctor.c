// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "doctor" reads from the kernel.
 */
#include "unit.h"

#include "doctor-parse.h"

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
	bool result = vssctl_function_listed(file, function);

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_config),
		cmocka_unit_test(reads_functions),
		cmocka_unit_test(reads_users),
		cmocka_unit_test(reads_lockdown),
		cmocka_unit_test(reads_signatures),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contexts: which ones SetContext takes, what follows from their bits, and how
 * they are written.
 */
#include "unit.h"

#include <stdlib.h>
#include <vss/types.h>

/* CTX-008 to CTX-013, CTX-018, CTX-019, CTX-021 */
static void properties_follow_from_bits(void **state)
{
	static const struct {
		uint32_t context;
		bool persistent, auto_release, writers;
	} table[] = {
		{ VSS_CTX_BACKUP, false, true, true },
		{ VSS_CTX_APP_BACKUP, false, true, true },
		{ VSS_CTX_FILE_SHARE_BACKUP, false, true, false },
		{ VSS_CTX_NAS_ROLLBACK, true, false, false },
		{ VSS_CTX_APP_ROLLBACK, true, false, true },
		{ VSS_CTX_CLIENT_ACCESSIBLE, true, false, false },
		{ VSS_CTX_CLIENT_ACCESSIBLE_WRITERS, true, false, true },
		{ VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, false, true, true },
		{ VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, true, false, true },
		{ VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, true, false, false },
		{ VSS_CTX_FILE_SHARE_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, false, true, false },
		{ VSS_CTX_ALL, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(vss_context_check(table[i].context, NULL), S_OK);
		assert_int_equal(vss_context_is_persistent(table[i].context), table[i].persistent);
		assert_int_equal(vss_context_is_auto_release(table[i].context), table[i].auto_release);
		assert_int_equal(vss_context_has_writers(table[i].context), table[i].writers);
	}
}

/* CTX-002, CTX-003, CTX-020, CTX-024 to CTX-030, CTX-032 to CTX-035, CTX-039 */
static void judges_modifiers(void **state)
{
	static const uint32_t good[] = {
		VSS_VOLSNAP_ATTR_TRANSPORTABLE, VSS_VOLSNAP_ATTR_DIFFERENTIAL, VSS_VOLSNAP_ATTR_PLEX,
		VSS_VOLSNAP_ATTR_NO_AUTORECOVERY, VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY,
		VSS_VOLSNAP_ATTR_NOT_TRANSACTED, VSS_VOLSNAP_ATTR_TXF_RECOVERY,
		VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE | VSS_VOLSNAP_ATTR_DIFFERENTIAL,
		VSS_CTX_CLIENT_ACCESSIBLE | VSS_VOLSNAP_ATTR_NO_AUTORECOVERY,
	};
	static const uint32_t bad[] = {
		VSS_VOLSNAP_ATTR_PERSISTENT, VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE,
		VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE,
		VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_NO_WRITERS,
		VSS_VOLSNAP_ATTR_NOT_SURFACED, VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED,
		VSS_VOLSNAP_ATTR_IMPORTED, VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY,
		VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY, VSS_VOLSNAP_ATTR_AUTORECOVER,
		VSS_VOLSNAP_ATTR_DELAYED_POSTSNAPSHOT, VSS_VOLSNAP_ATTR_FILE_SHARE,
		VSS_VOLSNAP_ATTR_DIFFERENTIAL | VSS_VOLSNAP_ATTR_PLEX,
		VSS_CTX_CLIENT_ACCESSIBLE | VSS_VOLSNAP_ATTR_TRANSPORTABLE,
		VSS_CTX_CLIENT_ACCESSIBLE | VSS_VOLSNAP_ATTR_DIFFERENTIAL,
		VSS_CTX_CLIENT_ACCESSIBLE | VSS_VOLSNAP_ATTR_PLEX,
		VSS_CTX_CLIENT_ACCESSIBLE_WRITERS | VSS_VOLSNAP_ATTR_TRANSPORTABLE,
		UINT32_C(0x80000000), VSS_CTX_ALL & ~UINT32_C(1),
	};
	struct vss_error error;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(vss_context_check(good[i], &error), S_OK);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(vss_context_check(bad[i], &error), E_INVALIDARG);
		assert_int_equal(error.result, E_INVALIDARG);
		assert_true(error.text[0]);
	}
}

static void reads_names(void **state)
{
	static const struct {
		const char *text;
		uint32_t context;
	} good[] = {
		{ "BACKUP", 0 },
		{ "VSS_CTX_APP_BACKUP", 0 },
		{ "app-rollback", VSS_CTX_APP_ROLLBACK },
		{ "vss_ctx_nas_rollback|Transportable", 0x39 },
		{ "client-accessible", VSS_CTX_CLIENT_ACCESSIBLE },
		{ "VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE", 0x4 },
		{ "VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_PLEX", 0x40000 },
		{ "0x60000", 0x60000 },
		{ "9", 9 },
		{ "BACKUP|0x20", 0x20 },
		{ "ALL", VSS_CTX_ALL },
	};
	static const char *const bad[] = {
		"", "|", "BACKUP|", "|BACKUP", "BACKUPS", "BACK", "VSS_CTX_", "VSS_CTX_PLEX",
		"VSS_VOLSNAP_ATTR_BACKUP", "0x", "0x1ffffffff", "-1", "1x", "BACKUP,PLEX",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint32_t context = 0xdead;

		assert_true(vss_context_parse(good[i].text, &context));
		assert_int_equal(context, good[i].context);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint32_t context = 0xdead;

		assert_false(vss_context_parse(bad[i], &context));
		assert_int_equal(context, 0xdead);
	}
}

static void writes_what_it_reads(void **state)
{
	static const struct {
		uint32_t context;
		const char *name;
	} table[] = {
		{ VSS_CTX_BACKUP, "BACKUP" },
		{ VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "APP_ROLLBACK|TRANSPORTABLE" },
		{ VSS_CTX_ALL, "ALL" },
		{ VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE | VSS_VOLSNAP_ATTR_PLEX,
		  "VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE|PLEX" },
		{ VSS_CTX_CLIENT_ACCESSIBLE, "CLIENT_ACCESSIBLE" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		char *name = vss_context_name(table[i].context);

		assert_string_equal(name, table[i].name);
		free(name);
	}
	for (uint32_t bit = 1, all = 0; bit; bit <<= 1, all = all << 1 | 1) {
		const uint32_t values[] = { bit, all, ~bit, bit | VSS_CTX_NAS_ROLLBACK };

		for (size_t i = 0; i < COUNT(values); i++) {
			char *name = vss_context_name(values[i]);
			uint32_t context = 0;

			assert_true(vss_context_parse(name, &context));
			assert_int_equal(context, values[i]);
			free(name);
		}
	}
}

static void names_enumerators(void **state)
{
	(void)state;
	assert_string_equal(vss_writer_state_name(VSS_WS_STABLE), "VSS_WS_STABLE");
	assert_string_equal(vss_writer_state_name(VSS_WS_FAILED_AT_BACKUPSHUTDOWN),
			    "VSS_WS_FAILED_AT_BACKUPSHUTDOWN");
	assert_string_equal(vss_writer_state_name(VSS_WS_COUNT), "?");
	assert_string_equal(vss_writer_state_name((enum vss_writer_state)0xffff), "?");
	assert_string_equal(vss_usage_type_name(VSS_UT_USERDATA), "VSS_UT_USERDATA");
	assert_string_equal(vss_source_type_name(VSS_ST_TRANSACTEDDB), "VSS_ST_TRANSACTEDDB");
	assert_string_equal(vss_component_type_name(VSS_CT_DATABASE), "VSS_CT_DATABASE");
	assert_string_equal(vss_provider_type_name(VSS_PROV_SYSTEM), "VSS_PROV_SYSTEM");
	assert_string_equal(vss_backup_type_name(VSS_BT_COPY), "VSS_BT_COPY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_follow_from_bits),
		cmocka_unit_test(judges_modifiers),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(names_enumerators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

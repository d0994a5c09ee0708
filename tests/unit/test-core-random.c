// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several requesters who do as they like while writers and providers fail,
 * hang and die at random: whatever happens, every call is answered once, and in
 * the end nothing is frozen, nothing is under way and a set can be made.
 */
#include "unit.h"

#include "../standin/machine.h"

#define ROUNDS		1000
#define REQUESTERS	3

static uint32_t seed;

/* The same for everybody who gives the same number. */
static unsigned int chance(unsigned int below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void random_faults(struct machine *m)
{
	static const vss_result codes[] = { VSS_E_PROVIDER_VETO, E_FAIL, VSS_E_INSUFFICIENT_STORAGE,
					    VSS_E_WRITERERROR_RETRYABLE, VSS_E_OBJECT_NOT_FOUND, S_FALSE };

	for (size_t i = 0; i < m->nr_writers; i++)
		for (size_t e = 0; e < MACHINE_EVENTS; e++)
			if (!chance(12))
				m->writers[i].on[e] = (struct behaviour) {
					.fault = chance(FAULT_SLOW + 1), .result = codes[chance(COUNT(codes))],
					.usec = chance(100000000) };
	for (size_t i = 0; i < m->nr_providers; i++)
		for (size_t s = 0; s < MACHINE_STEPS; s++)
			if (!chance(12))
				m->providers[i].on[s] = (struct behaviour) {
					.fault = chance(FAULT_SLOW + 1), .result = codes[chance(COUNT(codes))],
					.usec = chance(100000000) };
}

/* Calls of one requester whose answers have not come. */
static unsigned int asked[REQUESTERS];

static void random_call(struct requester *r, size_t which)
{
	static const char *const volumes[] = { "/dev/a", "/dev/b", "/dev/c", "nowhere" };
	static const uint32_t contexts[] = { VSS_CTX_BACKUP, VSS_CTX_FILE_SHARE_BACKUP, VSS_CTX_NAS_ROLLBACK,
					     VSS_CTX_APP_ROLLBACK, VSS_CTX_ALL };
	struct vss_uuid id = r->set;
	char *document = r->document ? strdup(r->document) : NULL;

	for (size_t i = 0; i < r->m->nr_providers && chance(2); i++)
		if (r->m->providers[i].nr_snapshots)
			id = r->m->providers[i].snapshots[chance(r->m->providers[i].nr_snapshots)].id;
	asked[which]++;
	switch (chance(24)) {
	case 0:
	case 1:
		requester_ask(r, gather_writer_metadata, NULL);
		break;
	case 2:
	case 3:
	case 4:
		requester_ask(r, add_to_snapshot_set, volumes[chance(COUNT(volumes))], NULL);
		break;
	case 5:
	case 6:
		requester_ask(r, prepare_for_backup, document);
		break;
	case 7:
	case 8:
	case 9:
		requester_ask(r, do_snapshot_set, document);
		break;
	case 10:
		requester_ask(r, backup_complete, document);
		break;
	case 11:
		requester_ask(r, query_snapshots);
		break;
	case 12:
		requester_ask(r, delete_snapshots, &id, chance(2) ? VSS_OBJECT_SNAPSHOT : VSS_OBJECT_SNAPSHOT_SET,
			      chance(2));
		break;
	case 13:
		requester_ask(r, expose_snapshot, &id, NULL, VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY, "/mnt");
		break;
	case 14:
		requester_ask(r, unexpose_snapshot, &id);
		break;
	case 15:
		requester_ask(r, is_volume_snapshotted, NULL, volumes[chance(COUNT(volumes))]);
		break;
	case 16:
		requester_ask(r, break_snapshot_set, &id, 0);
		break;
	case 17:
		requester_ask(r, revert_to_snapshot, &id, true);
		break;
	case 18:
		requester_ask(r, get_snapshot_properties, &id);
		break;
	case 19:
		asked[which]--;
		vssd_session_abort(r->session, NULL);
		break;
	case 20:
		asked[which]--;
		vssd_session_cancel(r->session);
		break;
	case 21:
		asked[which]--;
		if (!chance(3)) {
			vssd_core_abort_creation(r->m->core);
			break;
		}
		vssd_session_set_context(r->session, contexts[chance(COUNT(contexts))], NULL);
		break;
	default:
		asked[which]--;
		vssd_session_start_snapshot_set(r->session, &r->set, NULL);
		break;
	}
	free(document);
}

static void open_one(struct machine *m, struct requester *r)
{
	struct standin_writer *writers[MACHINE_MAX];

	for (size_t i = 0; i < m->nr_writers; i++)
		writers[i] = &m->writers[i];
	requester_open(r, m);
	vssd_session_initialize(r->session, false, NULL);
	requester_document(r, chance(2), writers, m->nr_writers);
}

static void no_faults(struct machine *m)
{
	for (size_t i = 0; i < m->nr_writers; i++)
		memset(m->writers[i].on, 0, sizeof(m->writers[i].on));
	for (size_t i = 0; i < m->nr_providers; i++)
		memset(m->providers[i].on, 0, sizeof(m->providers[i].on));
}

static void one_round(uint32_t number)
{
	static const char *const volumes[] = { "/dev/a", "/dev/b" };
	struct machine *m = machine_new(NULL);
	struct requester r[REQUESTERS];
	struct requester last;

	seed = number;
	memset(asked, 0, sizeof(asked));
	machine_writer(m, "front", VSS_APP_FRONT_END);
	machine_writer(m, "back", VSS_APP_BACK_END);
	machine_writer(m, "system", VSS_APP_SYSTEM);
	machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b /dev/c ");
	machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
	if (chance(4))
		random_faults(m);
	for (size_t i = 0; i < REQUESTERS; i++)
		open_one(m, &r[i]);
	for (int call = 0; call < 60; call++) {
		size_t which = chance(REQUESTERS);

		if (!chance(40)) {
			requester_close(&r[which]);
			assert_int_equal(r[which].answers, asked[which]);
			asked[which] = 0;
			open_one(m, &r[which]);
		}
		if (!chance(60) && m->writers[0].handle)
			writer_die(&m->writers[0]);
		if (!chance(60))
			provider_die(&m->providers[chance(2)]);
		random_call(&r[which], which);
		for (unsigned int steps = chance(20); steps; steps--)
			if (!machine_step(m))
				break;
	}
	for (size_t i = 0; i < REQUESTERS; i++) {
		requester_close(&r[i]);
		assert_int_equal(r[i].answers, asked[i]);
	}
	machine_run(m);
	assert_false(machine_anything_frozen(m));
	assert_false(m->frozen_trouble);
	assert_false(vssd_core_busy(m->core));
	assert_null(vssd_core_creating(m->core));
	no_faults(m);
	requester_open(&last, m);
	assert_int_equal(requester_create(&last, VSS_CTX_BACKUP, volumes, 2), S_OK);
	requester_close(&last);
	machine_run(m);
	assert_false(vssd_core_busy(m->core));
	machine_free(m);
}

static void as_they_like(void **state)
{
	const char *only = getenv("VSS_SEED");

	(void)state;
	if (only) {
		one_round((uint32_t)strtoul(only, NULL, 0));
		return;
	}
	for (uint32_t number = 1; number <= ROUNDS; number++)
		one_round(number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_they_like),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

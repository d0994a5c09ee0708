// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which provider takes a volume into a set, and which volumes a set takes.
 */
#include "unit.h"

#include "../standin/machine.h"

struct world {
	struct machine *m;
	struct standin_provider *sys, *soft, *hard;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->m = machine_new(NULL);
	w->sys = machine_provider(w->m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b /dev/c /dev/b-on-a ");
	w->soft = machine_provider(w->m, "soft", VSS_PROV_SOFTWARE, false, " /dev/a /dev/b /dev/b-on-a ");
	w->hard = machine_provider(w->m, "hard", VSS_PROV_HARDWARE, false, " /dev/a ");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	machine_run(w->m);
	assert_false(vssd_core_busy(w->m->core));
	machine_free(w->m);
	free(w);
	return 0;
}

static void start(struct requester *r, struct world *w, uint32_t context)
{
	requester_open(r, w->m);
	vssd_session_initialize(r->session, false, NULL);
	assert_int_equal(vssd_session_set_context(r->session, context, NULL), S_OK);
	assert_int_equal(vssd_session_start_snapshot_set(r->session, &r->set, NULL), S_OK);
}

static const struct vss_uuid *id(const struct standin_provider *p)
{
	return &p->prop.provider_id;
}

/* PRV-001 PRV-002 PRV-006 PRV-012 */
static void best_first(void **state)
{
	static const struct vss_uuid null;
	struct world *w = *state;
	struct requester r;

	start(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
	assert_int_equal(w->hard->nr_snapshots, 1);
	assert_true(vss_uuid_equal(&w->hard->snapshots[0].id, &r.id));
	assert_true(vss_uuid_equal(&w->hard->snapshots[0].set, &r.set));
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", &null), S_OK);
	assert_int_equal(w->soft->nr_snapshots, 1);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", NULL), S_OK);
	assert_int_equal(w->sys->nr_snapshots, 1);
	requester_close(&r);
}

/* PRV-003 PRV-004 PRV-005 PRV-009 PRV-010 PRV-011 */
static void refusals(void **state)
{
	struct world *w = *state;
	struct vss_uuid unknown;
	struct requester r;

	vss_uuid_generate(&unknown);
	start(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", &unknown), VSS_E_PROVIDER_NOT_REGISTERED);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", id(w->soft)),
			 VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/nosup", NULL), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "nowhere", NULL), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, NULL, NULL), E_INVALIDARG);
	/* named, another than the best */
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", id(w->sys)), S_OK);
	assert_int_equal(w->sys->nr_snapshots, 1);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), VSS_E_OBJECT_ALREADY_EXISTS);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b-on-a", NULL), VSS_E_NESTED_VOLUME_LIMIT);
	requester_close(&r);
	start(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b-on-a", NULL), S_OK);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), VSS_E_NESTED_VOLUME_LIMIT);
	requester_close(&r);
}

/* PRV-007 */
static void sixty_four(void **state)
{
	struct world *w = *state;
	struct requester r;
	char name[32];

	start(&r, w, VSS_CTX_BACKUP);
	for (int i = 0; i < 65; i++) {
		snprintf(name, sizeof(name), "/dev/v%d", i);
		snprintf(w->sys->supported, sizeof(w->sys->supported), " %s ", name);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, name, NULL),
				 i < 64 ? S_OK : VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED);
	}
	requester_close(&r);
}

/* CTX-037 PRV-025 TRN-017: what the context asks for is part of the question */
static void contexts(void **state)
{
	static const uint32_t attributes[] = { VSS_VOLSNAP_ATTR_PLEX, VSS_VOLSNAP_ATTR_DIFFERENTIAL,
					       VSS_VOLSNAP_ATTR_TRANSPORTABLE };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(attributes); i++) {
		struct requester r;

		w->hard->refused = attributes[i];
		w->soft->refused = 0;
		w->sys->refused = attributes[i];
		start(&r, w, VSS_CTX_NAS_ROLLBACK | attributes[i]);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
		assert_int_equal(w->soft->snapshots[0].context, VSS_CTX_NAS_ROLLBACK | attributes[i]);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", NULL), VSS_E_VOLUME_NOT_SUPPORTED);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", id(w->sys)),
				 VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
		requester_close(&r);
	}
}

/* CTX-012 CTX-013 LIF-034 PRV-008 */
static void client_accessible(void **state)
{
	struct world *w = *state;
	struct requester r;

	start(&r, w, VSS_CTX_CLIENT_ACCESSIBLE);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", id(w->soft)), VSS_E_UNSUPPORTED_CONTEXT);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
	assert_int_equal(w->sys->nr_snapshots, 1);
	requester_close(&r);
	for (int i = 0; i < 65; i++) {
		start(&r, w, VSS_CTX_CLIENT_ACCESSIBLE);
		requester_document(&r, false, NULL, 0);
		if (i == 64) {
			assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL),
					 VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED);
			assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/b", NULL), S_OK);
			/* PRV-013: of the volume itself it says nothing */
			assert_int_equal(requester_wait(&r, is_volume_supported, NULL, "/dev/a"), S_OK);
			assert_true(r.flag);
		} else {
			assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
			assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
		}
		requester_close(&r);
		machine_run(w->m);
	}
}

/* PRV-008 PRV-025 PRV-026: refused while it is taken in; the next one may take it */
static void begin_refused(void **state)
{
	static const struct {
		vss_result gives, named, alone;
	} cases[] = {
		{ VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, S_OK },
		{ VSS_E_UNSUPPORTED_CONTEXT, VSS_E_UNSUPPORTED_CONTEXT, S_OK },
		{ VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
		  VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED },
		{ VSS_E_INSUFFICIENT_STORAGE, VSS_E_INSUFFICIENT_STORAGE, VSS_E_INSUFFICIENT_STORAGE },
		{ VSS_E_NESTED_VOLUME_LIMIT, VSS_E_NESTED_VOLUME_LIMIT, VSS_E_NESTED_VOLUME_LIMIT },
		{ VSS_E_PROVIDER_VETO, VSS_E_PROVIDER_VETO, VSS_E_PROVIDER_VETO },
		{ E_FAIL, VSS_E_UNEXPECTED_PROVIDER_ERROR, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct requester r;

		w->hard->on[VSSD_STEP_BEGIN_PREPARE] = (struct behaviour) {
			.fault = FAULT_FAILS, .result = cases[i].gives };
		start(&r, w, VSS_CTX_BACKUP);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", id(w->hard)), cases[i].named);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), cases[i].alone);
		requester_close(&r);
	}
}

/* One that hangs or fails is no reason not to ask the others. */
static void trouble_while_asking(void **state)
{
	static const enum fault faults[] = { FAULT_FAILS, FAULT_HANGS, FAULT_DIES };
	struct world *w = *state;

	for (size_t f = 0; f < COUNT(faults); f++) {
		struct requester r;

		w->hard->on[VSSD_STEP_IS_VOLUME_SUPPORTED] = (struct behaviour) {
			.fault = faults[f], .result = E_FAIL };
		start(&r, w, VSS_CTX_BACKUP);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", id(w->hard)),
				 VSS_E_UNEXPECTED_PROVIDER_ERROR);
		assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
		assert_int_equal(w->soft->nr_snapshots, 1);
		requester_close(&r);
	}
	assert_int_equal(w->hard->kills, 2);
}

/* If none of the others takes it, what failed is the reason that is told. */
static void trouble_is_told(void **state)
{
	struct world *w = *state;
	struct requester r;

	w->hard->on[VSSD_STEP_IS_VOLUME_SUPPORTED] = (struct behaviour) {
		.fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
	start(&r, w, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/nosup", NULL), VSS_E_VOLUME_NOT_SUPPORTED);
	assert_non_null(strstr(r.error, "told to fail"));
	requester_close(&r);
}

/* PRV-013 PRV-014 PRV-015 */
static void questions(void **state)
{
	struct world *w = *state;
	struct vss_uuid unknown;
	struct requester r;

	vss_uuid_generate(&unknown);
	requester_open(&r, w->m);
	vssd_session_initialize(r.session, false, NULL);
	assert_int_equal(requester_wait(&r, is_volume_supported, NULL, "/dev/c"), S_OK);
	assert_true(r.flag);
	assert_int_equal(requester_wait(&r, is_volume_supported, id(w->hard), "/dev/c"), S_OK);
	assert_false(r.flag);
	assert_int_equal(requester_wait(&r, is_volume_supported, NULL, "/dev/nosup"), S_OK);
	assert_false(r.flag);
	assert_int_equal(requester_wait(&r, is_volume_supported, &unknown, "/dev/c"), VSS_E_PROVIDER_NOT_REGISTERED);
	assert_int_equal(requester_wait(&r, is_volume_supported, NULL, "nowhere"), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(requester_wait(&r, is_volume_snapshotted, NULL, "/dev/c"), S_OK);
	assert_false(r.flag);
	requester_close(&r);

	start(&r, w, VSS_CTX_NAS_ROLLBACK);
	requester_document(&r, false, NULL, 0);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", NULL), S_OK);
	assert_int_equal(requester_wait(&r, do_snapshot_set, r.document), S_OK);
	assert_int_equal(requester_wait(&r, is_volume_snapshotted, NULL, "/dev/c"), S_OK);
	assert_true(r.flag);
	assert_int_equal(r.value, VSS_SC_DISABLE_DEFRAG);
	assert_int_equal(requester_wait(&r, is_volume_snapshotted, id(w->hard), "/dev/c"), S_OK);
	assert_false(r.flag);
	assert_int_equal(requester_wait(&r, is_volume_snapshotted, &unknown, "/dev/c"),
			 VSS_E_PROVIDER_NOT_REGISTERED);
	requester_close(&r);
}

/* PRV-028 PRV-030 PRV-031 */
static void registration(void **state)
{
	struct world *w = *state;
	const struct vss_provider_prop *props;
	struct vssd_provider *again;
	struct vss_error err = { 0 };
	struct requester r;

	assert_int_equal(vssd_provider_add(w->m->core, &w->sys->prop, true, &standin_driver, w->sys, &again, NULL),
			 VSS_E_PROVIDER_ALREADY_REGISTERED);
	assert_int_equal(vssd_core_providers(w->m->core, &props), 3);
	assert_string_equal(props[0].provider_name, "sys");
	assert_int_equal(props[2].provider_type, VSS_PROV_HARDWARE);
	assert_string_equal(props[1].provider_version, "1.0");
	start(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/a", NULL), S_OK);
	assert_int_equal(vssd_provider_remove(w->hard->handle), VSS_E_PROVIDER_IN_USE);
	requester_close(&r);
	assert_int_equal(vssd_provider_remove(w->hard->handle), S_OK);
	assert_int_equal(vssd_core_providers(w->m->core, &props), 2);
	/* PRV-029 */
	assert_int_equal(vssd_core_unregister_provider(w->m->core, id(w->hard), &err), VSS_E_PROVIDER_NOT_REGISTERED);
	assert_non_null(strstr(err.text, "is registered"));
	start(&r, w, VSS_CTX_BACKUP);
	assert_int_equal(requester_wait(&r, add_to_snapshot_set, "/dev/c", NULL), S_OK);
	assert_int_equal(vssd_core_unregister_provider(w->m->core, id(w->sys), &err), VSS_E_PROVIDER_IN_USE);
	requester_close(&r);
	assert_int_equal(vssd_core_unregister_provider(w->m->core, id(w->sys), &err), S_OK);
	assert_int_equal(w->sys->kills, 1);
	assert_int_equal(vssd_core_providers(w->m->core, &props), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(best_first, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(sixty_four, setup, teardown),
		cmocka_unit_test_setup_teardown(contexts, setup, teardown),
		cmocka_unit_test_setup_teardown(client_accessible, setup, teardown),
		cmocka_unit_test_setup_teardown(begin_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(trouble_while_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(trouble_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(questions, setup, teardown),
		cmocka_unit_test_setup_teardown(registration, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

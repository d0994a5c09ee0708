// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fault table: at each stage of a set something goes wrong, on each side.
 * Afterwards nothing is frozen, Abort has come to those that it has to come to,
 * the lock is free, the code is the right one, the next set succeeds, and
 * (says the sanitizer) nothing is leaked.
 */
#include "unit.h"

#include "../standin/machine.h"

static const char *const two[] = { "/dev/a", "/dev/b" };

static struct machine *new_machine(void)
{
	struct machine *m = machine_new(NULL);

	machine_writer(m, "front", VSS_APP_FRONT_END);
	machine_writer(m, "back", VSS_APP_BACK_END);
	machine_writer(m, "system", VSS_APP_SYSTEM);
	machine_provider(m, "sys", VSS_PROV_SYSTEM, true, " /dev/a /dev/b ");
	machine_provider(m, "array", VSS_PROV_HARDWARE, false, " /dev/a ");
	return m;
}

static const enum vssd_event writer_stages[] = {
	VSSD_EVENT_PREPARE_SNAPSHOT, VSSD_EVENT_FREEZE, VSSD_EVENT_THAW, VSSD_EVENT_POST_SNAPSHOT,
};
static const enum vssd_step provider_stages[] = {
	VSSD_STEP_END_PREPARE, VSSD_STEP_PRE_COMMIT, VSSD_STEP_HOLD_WRITES, VSSD_STEP_COMMIT,
	VSSD_STEP_RELEASE_WRITES, VSSD_STEP_POST_COMMIT, VSSD_STEP_PRE_FINAL_COMMIT,
	VSSD_STEP_GET_SNAPSHOTS, VSSD_STEP_POST_FINAL_COMMIT,
};

static const char *label;

#define CHECK(condition) do {								\
	if (!(condition)) {								\
		print_error("%s: %s\n%s\n%s\n", label, #condition, m->trace, m->log);	\
		assert_true(condition);							\
	}										\
} while (0)

static void no_faults(struct machine *m)
{
	for (size_t i = 0; i < m->nr_writers; i++)
		memset(m->writers[i].on, 0, sizeof(m->writers[i].on));
	for (size_t i = 0; i < m->nr_providers; i++)
		memset(m->providers[i].on, 0, sizeof(m->providers[i].on));
}

/* What must hold after any set, whatever became of it; closes the session. */
static void check_after(struct machine *m, struct requester *r, bool created)
{
	struct requester next;

	CHECK(!machine_anything_frozen(m));
	CHECK(!m->frozen_trouble);
	CHECK(!vssd_core_creating(m->core));
	if (!created)
		for (size_t i = 0; i < m->nr_providers; i++)
			CHECK(m->providers[i].nr_snapshots == 0);
	no_faults(m);
	/* The next set succeeds, with the first session still there. */
	requester_open(&next, m);
	CHECK(requester_create(&next, VSS_CTX_BACKUP, two, 2) == S_OK);
	for (size_t i = 0; i < m->nr_writers; i++)
		if (m->writers[i].handle) {
			/* STA-015: a new session starts with what works. */
			const struct vssd_writer_status *status = requester_status(&next, &m->writers[i]);

			CHECK(status && status->state == VSS_WS_WAITING_FOR_BACKUP_COMPLETE && !status->failure);
		}
	requester_close(&next);
	requester_close(r);
	machine_run(m);
	CHECK(!machine_anything_frozen(m));
	CHECK(!vssd_core_busy(m->core));
	for (size_t i = 0; i < m->nr_providers; i++)
		CHECK(m->providers[i].nr_snapshots == 0);
	machine_free(m);
}

static enum vss_writer_state failed_state(enum vssd_event event)
{
	switch (event) {
	case VSSD_EVENT_PREPARE_SNAPSHOT:
		return VSS_WS_FAILED_AT_PREPARE_SNAPSHOT;
	case VSSD_EVENT_FREEZE:
		return VSS_WS_FAILED_AT_FREEZE;
	case VSSD_EVENT_THAW:
		return VSS_WS_FAILED_AT_THAW;
	default:
		return VSS_WS_FAILED_AT_POST_SNAPSHOT;
	}
}

/* ---- writers ---- */

static void writer_fault(enum vssd_event event, enum fault fault, size_t which)
{
	/* A failure in Freeze or Thaw ends the set; one before or after is the writer's alone. */
	bool ends = event == VSSD_EVENT_FREEZE || event == VSSD_EVENT_THAW;
	struct machine *m = new_machine();
	struct standin_writer *w = &m->writers[which];
	const struct vssd_writer_status *status;
	struct requester r;
	vss_result expected;
	char text[64];

	snprintf(text, sizeof(text), "%s %s in %s", w->name,
		 fault == FAULT_FAILS ? "fails" : fault == FAULT_HANGS ? "hangs" : "dies", machine_events[event]);
	label = text;
	w->on[event].fault = fault;
	w->on[event].result = VSS_E_WRITERERROR_RETRYABLE;

	requester_open(&r, m);
	CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	CHECK(requester_wait(&r, do_snapshot_set, r.document) == (ends ? VSS_E_UNEXPECTED_WRITER_ERROR : S_OK));

	status = requester_status(&r, w);
	expected = fault == FAULT_FAILS ? VSS_E_WRITERERROR_RETRYABLE :
		   fault == FAULT_HANGS && ends ? VSS_E_WRITERERROR_TIMEOUT : VSS_E_WRITER_NOT_RESPONDING;
	CHECK(status && status->state == failed_state(event));
	CHECK(status->failure == expected);
	if (fault == FAULT_FAILS) {
		/* STA-017 */
		CHECK(status->application_code == 42);
		CHECK(!strcmp(status->application_message, "told to fail"));
	}
	for (size_t i = 0; i < m->nr_writers; i++) {
		struct standin_writer *other = &m->writers[i];
		bool gone = i == which && fault == FAULT_DIES;

		/* EVT-014 EVT-016 TIM-003: to all of them, or to none. */
		CHECK(other->seen[VSSD_EVENT_ABORT] == (ends && !gone));
		/* EVT-019 */
		if (ends)
			CHECK(other->seen[VSSD_EVENT_POST_SNAPSHOT] == 0);
		/* Who was frozen first waited longest for the one that hangs. */
		if (ends && fault == FAULT_HANGS && i == 0 && which)
			CHECK(requester_status(&r, other)->state == VSS_WS_FAILED_AT_FREEZE);
		else if (ends && i != which)
			CHECK(requester_status(&r, other)->state == VSS_WS_STABLE);
	}
	/* One that is out hears no more of the set. */
	if (event == VSSD_EVENT_PREPARE_SNAPSHOT)
		CHECK(w->seen[VSSD_EVENT_FREEZE] == 0 && w->seen[VSSD_EVENT_POST_SNAPSHOT] == 0);
	for (size_t i = 0; i < m->nr_providers; i++)
		CHECK(m->providers[i].seen[VSSD_STEP_ABORT] == ends);
	if (!ends) {
		CHECK(requester_wait(&r, backup_complete, r.document) == S_OK);
		CHECK(w->seen[VSSD_EVENT_BACKUP_COMPLETE] == 0);
	} else {
		/* ORD-034 ORD-044 */
		CHECK(requester_wait(&r, backup_complete, r.document) == VSS_E_BAD_STATE);
		CHECK(vssd_session_start_snapshot_set(r.session, &r.set, NULL) == VSS_E_BAD_STATE);
	}
	CHECK(strstr(m->log, w->name));
	memset(w->seen, 0, sizeof(w->seen));
	check_after(m, &r, !ends);
}

/* STA-007 STA-011 STA-014 EVT-014 EVT-016 TIM-001 TIM-003 TIM-018 PRV-021 */
static void writers_fail(void **state)
{
	static const enum fault faults[] = { FAULT_FAILS, FAULT_HANGS, FAULT_DIES };

	(void)state;
	for (size_t e = 0; e < COUNT(writer_stages); e++)
		for (size_t f = 0; f < COUNT(faults); f++)
			for (size_t w = 0; w < 3; w++)
				writer_fault(writer_stages[e], faults[f], w);
}

static void kill_back(void *arg)
{
	writer_die(&((struct machine *)arg)->writers[1]);
}

/* A writer dies while it has nothing to answer, at each call of a provider. */
static void writers_die_between(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(provider_stages); s++) {
		enum vssd_step step = provider_stages[s];
		bool frozen = step >= VSSD_STEP_PRE_COMMIT && step <= VSSD_STEP_POST_COMMIT;
		struct machine *m = new_machine();
		struct requester r;
		const struct vssd_writer_status *status;

		label = machine_steps[step];
		m->providers[0].on[step].hook = kill_back;
		m->providers[0].on[step].arg = m;
		/* GetSnapshots comes twice. */
		if (step == VSSD_STEP_GET_SNAPSHOTS) {
			machine_free(m);
			continue;
		}
		requester_open(&r, m);
		CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
		CHECK(requester_wait(&r, do_snapshot_set, r.document) ==
		      (frozen ? VSS_E_UNEXPECTED_WRITER_ERROR : S_OK));
		status = requester_status(&r, &m->writers[1]);
		CHECK(status);
		if (step == VSSD_STEP_POST_FINAL_COMMIT) {
			/* It had done its part; BackupComplete finds it gone. */
			CHECK(requester_wait(&r, backup_complete, r.document) == S_OK);
			status = requester_status(&r, &m->writers[1]);
			CHECK(status->state == VSS_WS_FAILED_AT_BACKUP_COMPLETE);
		} else {
			CHECK(status->state == (step == VSSD_STEP_END_PREPARE ? VSS_WS_FAILED_AT_PREPARE_SNAPSHOT :
						frozen ? VSS_WS_FAILED_AT_FREEZE : VSS_WS_FAILED_AT_POST_SNAPSHOT));
		}
		CHECK(status->failure == VSS_E_WRITER_NOT_RESPONDING);
		CHECK(m->writers[0].seen[VSSD_EVENT_ABORT] == frozen);
		check_after(m, &r, !frozen);
	}
}

/* TIM-002: a writer's own limit, and one that hinders it by being slow. */
static void own_limits(void **state)
{
	struct machine *m = new_machine();
	struct requester r;

	(void)state;
	label = "own limit";
	vssd_writer_remove(m->writers[0].handle, false);
	m->writers[0].info.freeze_timeout_ms = 5000;
	writer_subscribe(&m->writers[0]);
	/* Its neighbour takes longer than that, though not longer than itself may. */
	m->writers[1].on[VSSD_EVENT_FREEZE] = (struct behaviour) { .fault = FAULT_SLOW, .usec = 6000000 };
	requester_open(&r, m);
	CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	CHECK(requester_wait(&r, do_snapshot_set, r.document) == VSS_E_UNEXPECTED_WRITER_ERROR);
	CHECK(requester_status(&r, &m->writers[0])->failure == VSS_E_WRITERERROR_TIMEOUT);
	CHECK(requester_status(&r, &m->writers[0])->state == VSS_WS_FAILED_AT_FREEZE);
	CHECK(requester_status(&r, &m->writers[1])->failure == S_OK);
	CHECK(m->writers[1].seen[VSSD_EVENT_ABORT] == 1);
	check_after(m, &r, false);
}

/* ---- providers ---- */

static const struct {
	vss_result gives;
	enum vssd_step only;	/* 0: any */
	vss_result becomes;
} provider_codes[] = {
	{ VSS_E_PROVIDER_VETO, 0, VSS_E_PROVIDER_VETO },
	{ VSS_E_INSUFFICIENT_STORAGE, 0, VSS_E_INSUFFICIENT_STORAGE },
	{ E_OUTOFMEMORY, 0, E_OUTOFMEMORY },
	{ VSS_E_FLUSH_WRITES_TIMEOUT, VSSD_STEP_HOLD_WRITES, VSS_E_FLUSH_WRITES_TIMEOUT },
	{ VSS_E_HOLD_WRITES_TIMEOUT, VSSD_STEP_HOLD_WRITES, VSS_E_HOLD_WRITES_TIMEOUT },
	{ VSS_E_HOLD_WRITES_TIMEOUT, VSSD_STEP_COMMIT, VSS_E_HOLD_WRITES_TIMEOUT },
	{ VSS_E_HOLD_WRITES_TIMEOUT, VSSD_STEP_RELEASE_WRITES, VSS_E_HOLD_WRITES_TIMEOUT },
	{ VSS_E_FLUSH_WRITES_TIMEOUT, VSSD_STEP_PRE_COMMIT, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ E_FAIL, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ E_ABORT, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ E_INVALIDARG, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ E_NOTIMPL, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ S_FALSE, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ VSS_S_ASYNC_PENDING, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ VSS_E_OBJECT_NOT_FOUND, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
	{ 0xdeadbeef, 0, VSS_E_UNEXPECTED_PROVIDER_ERROR },
};

static bool has_step(const struct standin_provider *p, enum vssd_step step)
{
	return p->holds || (step != VSSD_STEP_HOLD_WRITES && step != VSSD_STEP_RELEASE_WRITES);
}

static void provider_fault(enum vssd_step step, enum fault fault, size_t which, vss_result gives,
			   vss_result expected)
{
	struct machine *m = new_machine();
	struct standin_provider *p = &m->providers[which];
	/* Before it the writers have not been frozen, behind it they have finished. */
	bool after_post_snapshot = step == VSSD_STEP_POST_FINAL_COMMIT;
	struct requester r;
	char text[96];

	if (!has_step(p, step)) {
		machine_free(m);
		return;
	}
	snprintf(text, sizeof(text), "%s %s in %s with %s", p->name,
		 fault == FAULT_FAILS ? "fails" : fault == FAULT_HANGS ? "hangs" : "dies", machine_steps[step],
		 vss_result_name(gives));
	label = text;
	requester_open(&r, m);
	CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	p->on[step].fault = fault;
	p->on[step].result = gives;
	CHECK(requester_wait(&r, do_snapshot_set, r.document) == expected);
	CHECK(strstr(m->log, p->name));
	for (size_t i = 0; i < m->nr_writers; i++) {
		/* EVT-015 EVT-018 */
		CHECK(m->writers[i].seen[VSSD_EVENT_ABORT] == !after_post_snapshot);
		if (expected != VSS_E_UNEXPECTED_WRITER_ERROR)
			CHECK(requester_status(&r, &m->writers[i])->state == VSS_WS_STABLE);
		if (step < VSSD_STEP_PRE_COMMIT)
			CHECK(m->writers[i].seen[VSSD_EVENT_FREEZE] == 0);
	}
	for (size_t i = 0; i < m->nr_providers; i++)
		CHECK(m->providers[i].seen[VSSD_STEP_ABORT] == 1);
	if (fault == FAULT_HANGS)
		CHECK(p->kills >= 1);
	check_after(m, &r, false);
}

/* PRV-021 PRV-022 PRV-023 PRV-024 TIM-006 TIM-018 EVT-015 ASY-011 SEC-009: every code at every step */
static void providers_fail(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(provider_stages); s++)
		for (size_t c = 0; c < COUNT(provider_codes); c++) {
			vss_result becomes = provider_codes[c].becomes;

			if (provider_codes[c].only && provider_codes[c].only != provider_stages[s])
				continue;
			/* It is no step of a set: nothing can be short there. */
			if (provider_stages[s] == VSSD_STEP_GET_SNAPSHOTS && becomes == VSS_E_INSUFFICIENT_STORAGE)
				becomes = VSS_E_UNEXPECTED_PROVIDER_ERROR;
			for (size_t p = 0; p < 2; p++)
				provider_fault(provider_stages[s], FAULT_FAILS, p, provider_codes[c].gives, becomes);
		}
}

/*
 * TIM-004 TIM-012 TIM-013, and TIM-014: a provider that writes to an original in Commit waits for
 * the release, as one that hangs there.
 */
static void providers_hang(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(provider_stages); s++) {
		enum vssd_step step = provider_stages[s];
		vss_result expected = VSS_E_UNEXPECTED_PROVIDER_ERROR;

		if (step == VSSD_STEP_HOLD_WRITES || step == VSSD_STEP_COMMIT || step == VSSD_STEP_RELEASE_WRITES)
			expected = VSS_E_HOLD_WRITES_TIMEOUT;
		/* The frozen writers' patience ends first. */
		if (step == VSSD_STEP_PRE_COMMIT || step == VSSD_STEP_POST_COMMIT)
			expected = VSS_E_UNEXPECTED_WRITER_ERROR;
		for (size_t p = 0; p < 2; p++)
			provider_fault(step, FAULT_HANGS, p, S_OK, expected);
	}
}

static void providers_die(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(provider_stages); s++)
		for (size_t p = 0; p < 2; p++)
			provider_fault(provider_stages[s], FAULT_DIES, p, S_OK, VSS_E_UNEXPECTED_PROVIDER_ERROR);
}

/* A copy that is lost before the set is finished, say for want of room, is no success. */
static void copies_are_lost(void **state)
{
	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (int writers = 0; writers < 2; writers++) {
			struct machine *m = new_machine();
			struct requester r;

			label = writers ? "a copy is lost" : "a copy is lost, and there are no writers";
			m->providers[p].loses = true;
			requester_open(&r, m);
			CHECK(requester_prepare(&r, writers ? VSS_CTX_BACKUP : VSS_CTX_FILE_SHARE_BACKUP, two, 2) == S_OK);
			CHECK(requester_wait(&r, do_snapshot_set, r.document) == VSS_E_UNEXPECTED_PROVIDER_ERROR);
			CHECK(strstr(r.error, "has lost"));
			if (writers)
				CHECK(m->writers[0].seen[VSSD_EVENT_ABORT] == 1);
			m->providers[p].loses = false;
			check_after(m, &r, false);
		}
}

/* The one that only holds what others copy is as much a part of the set. */
static void holder_fails(void **state)
{
	static const enum fault faults[] = { FAULT_FAILS, FAULT_HANGS, FAULT_DIES };
	static const enum vssd_step steps[] = { VSSD_STEP_BEGIN_HOLD, VSSD_STEP_END_PREPARE, VSSD_STEP_HOLD_WRITES,
						VSSD_STEP_COMMIT, VSSD_STEP_RELEASE_WRITES, VSSD_STEP_POST_COMMIT };

	(void)state;
	for (size_t s = 0; s < COUNT(steps); s++)
		for (size_t f = 0; f < COUNT(faults); f++) {
			struct machine *m = new_machine();
			struct requester r;

			label = machine_steps[steps[s]];
			m->providers[0].on[steps[s]] = (struct behaviour) { .fault = faults[f],
				.result = VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER };
			requester_open(&r, m);
			CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 1) == S_OK);
			CHECK(VSS_FAILED(requester_wait(&r, do_snapshot_set, r.document)));
			if (faults[f] == FAULT_FAILS)
				CHECK(r.result == (steps[s] == VSSD_STEP_BEGIN_HOLD ? VSS_E_PROVIDER_VETO :
						   VSS_E_UNEXPECTED_PROVIDER_ERROR));
			CHECK(m->providers[0].seen[VSSD_STEP_ABORT] == 1 || m->providers[0].kills ||
			      faults[f] == FAULT_DIES);
			CHECK(m->providers[1].seen[VSSD_STEP_ABORT] == 1);
			CHECK(m->writers[0].seen[VSSD_EVENT_ABORT] == 1);
			check_after(m, &r, false);
		}
}

static void kill_sys(void *arg)
{
	provider_die(&((struct machine *)arg)->providers[0]);
}

/* The system provider dies while it has nothing to answer. */
static void providers_die_between(void **state)
{
	(void)state;
	for (size_t e = 0; e < COUNT(writer_stages); e++) {
		struct machine *m = new_machine();
		struct requester r;

		label = machine_events[writer_stages[e]];
		m->writers[1].on[writer_stages[e]].hook = kill_sys;
		m->writers[1].on[writer_stages[e]].arg = m;
		requester_open(&r, m);
		CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
		CHECK(requester_wait(&r, do_snapshot_set, r.document) == VSS_E_UNEXPECTED_PROVIDER_ERROR);
		for (size_t i = 0; i < m->nr_writers; i++)
			CHECK(m->writers[i].seen[VSSD_EVENT_ABORT] == 1);
		check_after(m, &r, false);
	}
}

/* One that began to prepare has died before DoSnapshotSet. */
static void provider_dies_before(void **state)
{
	struct machine *m = new_machine();
	struct requester r;

	(void)state;
	label = "dies before";
	requester_open(&r, m);
	CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	provider_die(&m->providers[1]);
	CHECK(requester_wait(&r, do_snapshot_set, r.document) == VSS_E_UNEXPECTED_PROVIDER_ERROR);
	check_after(m, &r, false);
}

/* One that ends with nothing to do is started again, to clear up; one that cannot start is let be. */
static void provider_is_started_again(void **state)
{
	static const enum fault faults[] = { FAULT_NONE, FAULT_HANGS, FAULT_DIES };

	(void)state;
	for (size_t f = 0; f < COUNT(faults); f++) {
		struct machine *m = new_machine();
		struct requester r;

		label = "ends in peace";
		m->providers[0].on[VSSD_STEP_GET_SNAPSHOTS].fault = faults[f];
		machine_run(m);
		provider_die(&m->providers[0]);
		machine_run(m);
		CHECK(m->providers[0].seen[VSSD_STEP_GET_SNAPSHOTS] == 1);
		CHECK(m->providers[0].seen[VSSD_STEP_ABORT] == 0);
		no_faults(m);
		/* And so the next time. */
		provider_die(&m->providers[0]);
		machine_run(m);
		CHECK(m->providers[0].seen[VSSD_STEP_GET_SNAPSHOTS] == 2);
		requester_open(&r, m);
		CHECK(requester_create(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
		check_after(m, &r, true);
	}
}

/* ---- requesters ---- */

static struct requester *acting;

static void requester_cancels(void *arg)
{
	(void)arg;
	assert_int_equal(vssd_session_cancel(acting->session), S_OK);
}

static void requester_aborts(void *arg)
{
	(void)arg;
	assert_int_equal(vssd_session_abort(acting->session, NULL), S_OK);
}

static void requester_dies(void *arg)
{
	(void)arg;
	vssd_session_close(acting->session);
	acting->session = NULL;
}

static void admin_aborts(void *arg)
{
	(void)arg;
	vssd_core_abort_creation(acting->m->core);
}

static void (*const acts[])(void *arg) = { requester_cancels, requester_aborts, requester_dies, admin_aborts };
static const char *const act_names[] = { "cancel", "AbortBackup", "requester dies", "administrator" };

/* The one asked has answered nothing yet, and will not, or answers in its own time. */
static void requester_acts(size_t act, bool at_writer, unsigned int what, enum fault fault)
{
	struct machine *m = new_machine();
	struct behaviour *behaviour = at_writer ? &m->writers[1].on[what] : &m->providers[0].on[what];
	struct requester r;
	char text[96];

	snprintf(text, sizeof(text), "%s at %s%s", act_names[act],
		 at_writer ? machine_events[what] : machine_steps[what], fault == FAULT_HANGS ? ", which hangs" : "");
	label = text;
	requester_open(&r, m);
	CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	acting = &r;
	behaviour->fault = fault;
	behaviour->usec = 3000000;
	behaviour->hook = acts[act];
	/* ASY-009 */
	CHECK(requester_wait(&r, do_snapshot_set, r.document) == E_ABORT);
	for (size_t i = 0; i < m->nr_writers; i++) {
		bool finished = !at_writer && (what == VSSD_STEP_POST_FINAL_COMMIT);

		/* EVT-013; the two beside the one that hangs have finished PostSnapshot before. */
		if (at_writer && what == VSSD_EVENT_POST_SNAPSHOT && i != 1 && fault == FAULT_HANGS)
			continue;
		CHECK(m->writers[i].seen[VSSD_EVENT_ABORT] == !finished);
		/* EVT-023 */
		if (act == 2) {
			CHECK(m->writers[i].seen[VSSD_EVENT_BACKUP_SHUTDOWN] == 1);
			CHECK(vss_uuid_is_null(&m->writers[i].shutdown_set));
			CHECK(m->writers[i].seen[VSSD_EVENT_BACKUP_COMPLETE] == 0);
		}
	}
	for (size_t i = 0; i < m->nr_providers; i++)
		CHECK(m->providers[i].seen[VSSD_STEP_ABORT] == 1);
	check_after(m, &r, false);
}

/* ORD-027 ORD-040 ORD-042 ASY-005 ASY-009 EVT-013 EVT-021 EVT-023 EVT-024 LIF-009 */
static void requesters_act(void **state)
{
	static const enum fault faults[] = { FAULT_NONE, FAULT_HANGS, FAULT_SLOW };

	(void)state;
	for (size_t a = 0; a < COUNT(acts); a++)
		for (size_t f = 0; f < COUNT(faults); f++) {
			for (size_t e = 0; e < COUNT(writer_stages); e++)
				requester_acts(a, true, writer_stages[e], faults[f]);
			for (size_t s = 0; s < COUNT(provider_stages); s++)
				requester_acts(a, false, provider_stages[s], faults[f]);
		}
}

/* Two things go wrong: the abort itself finds somebody who does not answer. */
static void abort_meets_trouble(void **state)
{
	static const enum fault faults[] = { FAULT_FAILS, FAULT_HANGS, FAULT_DIES };

	(void)state;
	for (size_t s = 0; s < COUNT(provider_stages); s++)
		for (size_t f = 0; f < COUNT(faults); f++)
			for (int side = 0; side < 3; side++) {
				struct machine *m = new_machine();
				struct requester r;
				char text[64];

				snprintf(text, sizeof(text), "trouble %zu on side %d in the abort after %s", f, side,
					 machine_steps[provider_stages[s]]);
				label = text;
				requester_open(&r, m);
				CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
				m->providers[0].on[provider_stages[s]] = (struct behaviour) {
					.fault = FAULT_FAILS, .result = VSS_E_PROVIDER_VETO };
				if (side < 2)
					m->providers[side].on[VSSD_STEP_ABORT] = (struct behaviour) {
						.fault = faults[f], .result = E_FAIL };
				else
					m->writers[2].on[VSSD_EVENT_ABORT] = (struct behaviour) {
						.fault = faults[f], .result = VSS_E_WRITERERROR_RETRYABLE };
				CHECK(requester_wait(&r, do_snapshot_set, r.document) == VSS_E_PROVIDER_VETO);
				if (side < 2 && faults[f] != FAULT_DIES) {
					/* It is tried again later, as test-core-hostile.c sees. */
					for (size_t i = m->providers[side].nr_snapshots; i-- > 0;)
						provider_drop(&m->providers[side], i);
				}
				check_after(m, &r, false);
			}
}

/* Neither the step nor the abort beside it returns: the provider is stopped by force, once. */
static void step_and_abort_hang(void **state)
{
	static const enum vssd_step steps[] = { VSSD_STEP_END_PREPARE, VSSD_STEP_PRE_COMMIT, VSSD_STEP_HOLD_WRITES,
						VSSD_STEP_COMMIT };

	(void)state;
	for (size_t s = 0; s < COUNT(steps); s++) {
		struct machine *m = new_machine();
		struct requester r;
		uint64_t before;

		label = machine_steps[steps[s]];
		requester_open(&r, m);
		CHECK(requester_prepare(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
		m->providers[0].on[steps[s]].fault = FAULT_HANGS;
		m->providers[0].on[steps[s]].hook = requester_cancels;
		m->providers[0].on[VSSD_STEP_ABORT].fault = FAULT_HANGS;
		acting = &r;
		before = m->now;
		CHECK(requester_wait(&r, do_snapshot_set, r.document) == E_ABORT);
		/* Once for the step; a new process is asked to undo, and hangs as well. */
		CHECK(m->providers[0].kills == 1 || m->providers[0].kills == 2);
		/*
		 * With applications at rest it may take as long as a hold; they are
		 * thawed by then, and the undoing that is tried again has a
		 * provider's usual time.
		 */
		if (steps[s] != VSSD_STEP_END_PREPARE)
			CHECK(m->now - before < 11000000 + UINT64_C(600000000));
		check_after(m, &r, false);
	}
}

/* The set stands although its requester has just gone: then it goes with it. */
static void requester_dies_at_the_end(void **state)
{
	struct machine *m = new_machine();
	struct requester r;

	(void)state;
	label = "dies at the end";
	requester_open(&r, m);
	CHECK(requester_create(&r, VSS_CTX_BACKUP, two, 2) == S_OK);
	CHECK(m->providers[0].nr_snapshots == 1);
	check_after(m, &r, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers_fail),
		cmocka_unit_test(writers_die_between),
		cmocka_unit_test(own_limits),
		cmocka_unit_test(providers_fail),
		cmocka_unit_test(providers_hang),
		cmocka_unit_test(providers_die),
		cmocka_unit_test(copies_are_lost),
		cmocka_unit_test(holder_fails),
		cmocka_unit_test(providers_die_between),
		cmocka_unit_test(provider_dies_before),
		cmocka_unit_test(provider_is_started_again),
		cmocka_unit_test(requesters_act),
		cmocka_unit_test(abort_meets_trouble),
		cmocka_unit_test(step_and_abort_hang),
		cmocka_unit_test(requester_dies_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Providers: who is registered, one call after another to each, and which codes
 * they may give.
 *
 * From EndPrepareSnapshots to PostCommitSnapshots a provider is reserved for the
 * set in creation, so that nobody else's slow call stands in its way while
 * applications are frozen.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct provider_call {
	TAILQ_ENTRY(provider_call) link;
	struct vssd_provider *provider;
	struct vssd_provider_request request;
	char *volume;
	struct creation *owner;
	uint32_t timeout_ms;
	struct vssd_timer *timer;
	provider_answer answer;		/* NULL: nobody waits */
	void *arg;
};

static const char *const step_names[] = {
	[VSSD_STEP_IS_VOLUME_SUPPORTED] = "IsVolumeSupported",
	[VSSD_STEP_IS_VOLUME_SNAPSHOTTED] = "IsVolumeSnapshotted",
	[VSSD_STEP_BEGIN_PREPARE] = "BeginPrepareSnapshot",
	[VSSD_STEP_END_PREPARE] = "EndPrepareSnapshots",
	[VSSD_STEP_PRE_COMMIT] = "PreCommitSnapshots",
	[VSSD_STEP_HOLD_WRITES] = "HoldWrites",
	[VSSD_STEP_COMMIT] = "CommitSnapshots",
	[VSSD_STEP_RELEASE_WRITES] = "ReleaseWrites",
	[VSSD_STEP_POST_COMMIT] = "PostCommitSnapshots",
	[VSSD_STEP_PRE_FINAL_COMMIT] = "PreFinalCommitSnapshots",
	[VSSD_STEP_POST_FINAL_COMMIT] = "PostFinalCommitSnapshots",
	[VSSD_STEP_ABORT] = "AbortSnapshots",
	[VSSD_STEP_GET_SNAPSHOTS] = "GetSnapshots",
	[VSSD_STEP_DELETE] = "DeleteSnapshot",
	[VSSD_STEP_SET_WRITABLE] = "SetWritable",
	[VSSD_STEP_REVERT] = "RevertToSnapshot",
	[VSSD_STEP_QUERY_REVERT] = "QueryRevertStatus",
	[VSSD_STEP_IMPORT] = "ImportSnapshot",
	[VSSD_STEP_BREAK] = "BreakSnapshotSet",
	[VSSD_STEP_BEGIN_HOLD] = "BeginHold",
	[VSSD_STEP_MASK_ORIGINALS] = "OnLunStateChange",
	[VSSD_STEP_RESYNC] = "ResyncLuns",
	[VSSD_STEP_FIND] = "ImportSnapshot",
};

const char *step_name(enum vssd_step step)
{
	return step_names[step];
}

struct vssd_provider *provider_find(struct vssd_core *core, const struct vss_uuid *id)
{
	struct vssd_provider *provider;

	TAILQ_FOREACH(provider, &core->providers, link)
		if (vss_uuid_equal(&provider->prop.provider_id, id))
			return provider;
	return NULL;
}

/* ---- which codes a step may give ---- */

#define STEP(step)	(1U << VSSD_STEP_##step)
#define SET_STEPS	(STEP(END_PREPARE) | STEP(PRE_COMMIT) | STEP(HOLD_WRITES) | STEP(COMMIT) | \
			 STEP(RELEASE_WRITES) | STEP(POST_COMMIT) | STEP(PRE_FINAL_COMMIT) |	   \
			 STEP(POST_FINAL_COMMIT) | STEP(ABORT))
#define ALL_STEPS	(~0U)

static const struct {
	vss_result result;
	uint32_t steps;
} allowed[] = {
	{ S_OK, ALL_STEPS },
	{ E_OUTOFMEMORY, ALL_STEPS },
	{ VSS_E_PROVIDER_VETO, ALL_STEPS },
	{ S_FALSE, STEP(IS_VOLUME_SUPPORTED) | STEP(IS_VOLUME_SNAPSHOTTED) },
	{ VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, STEP(BEGIN_PREPARE) | STEP(IS_VOLUME_SUPPORTED) |
						  STEP(BEGIN_HOLD) },
	{ VSS_E_UNSUPPORTED_CONTEXT, STEP(BEGIN_PREPARE) | STEP(IS_VOLUME_SUPPORTED) | STEP(REVERT) },
	{ VSS_E_BAD_STATE, STEP(BEGIN_PREPARE) },
	{ VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, STEP(BEGIN_PREPARE) },
	{ VSS_E_NESTED_VOLUME_LIMIT, STEP(BEGIN_PREPARE) | STEP(IS_VOLUME_SUPPORTED) | STEP(BEGIN_HOLD) },
	{ VSS_E_INSUFFICIENT_STORAGE, STEP(BEGIN_PREPARE) | STEP(BEGIN_HOLD) | SET_STEPS },
	{ VSS_E_FLUSH_WRITES_TIMEOUT, STEP(HOLD_WRITES) },
	/* The kernel ends a hold by itself, which the next step is the first to see. */
	{ VSS_E_HOLD_WRITES_TIMEOUT, STEP(HOLD_WRITES) | STEP(COMMIT) | STEP(RELEASE_WRITES) },
	{ VSS_E_OBJECT_NOT_FOUND, STEP(DELETE) | STEP(SET_WRITABLE) | STEP(REVERT) | STEP(QUERY_REVERT) |
				  STEP(IMPORT) | STEP(BREAK) | STEP(IS_VOLUME_SNAPSHOTTED) | STEP(ABORT) |
				  STEP(MASK_ORIGINALS) | STEP(RESYNC) | STEP(FIND) },
	{ E_NOTIMPL, STEP(SET_WRITABLE) | STEP(REVERT) | STEP(QUERY_REVERT) | STEP(IMPORT) | STEP(BREAK) |
		     STEP(MASK_ORIGINALS) | STEP(RESYNC) | STEP(FIND) },
	{ VSS_E_VOLUME_IN_USE, STEP(REVERT) | STEP(MASK_ORIGINALS) | STEP(RESYNC) },
	{ VSS_E_UNSELECTED_VOLUME, STEP(RESYNC) },
	{ VSS_E_CANNOT_REVERT_DISKID, STEP(RESYNC) },
	{ VSS_E_VOLUME_NOT_SUPPORTED, STEP(REVERT) },
	{ VSS_E_REVERT_IN_PROGRESS, STEP(REVERT) },
	{ VSS_E_REBOOT_REQUIRED, STEP(REVERT) | STEP(QUERY_REVERT) },
	{ VSS_E_REVERT_VOLUME_LOST, STEP(REVERT) | STEP(QUERY_REVERT) },
	{ VSS_S_ASYNC_PENDING, STEP(QUERY_REVERT) },
	{ VSS_E_MISSING_DISK, STEP(IMPORT) | STEP(RESYNC) | STEP(FIND) },
	{ VSS_E_MISSING_VOLUME, STEP(IMPORT) },
	{ VSS_E_MISSING_HIDDEN_VOLUME, STEP(IMPORT) },
	{ VSS_E_BREAK_REVERT_ID_FAILED, STEP(BREAK) },
};

static bool may_give(enum vssd_step step, vss_result result)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].result == result)
			return allowed[i].steps & (1U << step);
	return false;
}

/* ---- calls ---- */

static void start_next(struct vssd_provider *provider);

static void call_free(struct provider_call *call)
{
	core_timer_stop(call->provider->core, &call->timer);
	free(call->volume);
	free(call);
}

/* @call is in neither slot any more. */
static void call_answer(struct provider_call *call, const struct vssd_provider_reply *reply)
{
	struct vssd_provider *provider = call->provider;
	struct vssd_provider_reply known = *reply;
	enum vssd_step step = call->request.step;

	if (!may_give(step, reply->result)) {
		known.result = VSS_E_UNEXPECTED_PROVIDER_ERROR;
		core_log(provider->core, LOG_ERR, VSSD_MESSAGE_PROVIDER_FAILED, NULL,
			 "provider \"%s\" failed in %s: %s (0x%08x)%s%s", provider->prop.provider_name,
			 step_name(step), vss_result_name(reply->result), reply->result,
			 reply->message ? ", " : "", reply->message ? reply->message : "");
	} else if (VSS_FAILED(reply->result) && reply->result != E_NOTIMPL &&
		   reply->result != VSS_E_OBJECT_NOT_FOUND &&
		   /* Nothing is refused by saying that it is away. */
		   (step != VSSD_STEP_FIND || reply->result != VSS_E_MISSING_DISK)) {
		core_log(provider->core, LOG_WARNING, VSSD_MESSAGE_PROVIDER_FAILED, NULL,
			 "provider \"%s\" refused %s: %s%s%s", provider->prop.provider_name,
			 step_name(step), vss_result_name(reply->result),
			 reply->message ? ", " : "", reply->message ? reply->message : "");
	}
	if (call->answer)
		call->answer(call->arg, provider, &known);
	call_free(call);
}

/* With its process has gone what it knew of a set in creation, whoever was at fault. */
static void forget_sets(struct vssd_provider *provider)
{
	struct vssd_session *session = provider->core->creating;
	const struct snapshot *snapshot;

	if (!session)
		return;
	if (session->creation) {
		if (creation_has_provider(session->creation, provider))
			creation_abort(session->creation, VSS_E_UNEXPECTED_PROVIDER_ERROR,
				       "the process of provider \"%s\" ended while it made the shadow copy set; "
				       "see the journal", provider->prop.provider_name);
		return;
	}
	if (session->set)
		TAILQ_FOREACH(snapshot, &session->set->snapshots, link)
			if (vss_uuid_equal(&snapshot->prop.provider_id, &provider->prop.provider_id))
				session->set->provider_died = true;
}

/* Not one that ends when it is asked just that, for ever. */
static bool may_revive(const struct vssd_provider *provider)
{
	return !provider->active || provider->active->request.step != VSSD_STEP_GET_SNAPSHOTS;
}

/* Have a new process started, which clears up what the last one left: the next call may be far away. */
static void revive(struct vssd_provider *provider)
{
	static const struct vssd_provider_request request = { .step = VSSD_STEP_GET_SNAPSHOTS };

	provider_ask(provider, NULL, &request, NULL, NULL);
}

void provider_stop(struct vssd_provider *provider, const char *why)
{
	struct provider_call *active = provider->active, *aborting = provider->aborting;
	struct vssd_provider_reply reply = { .result = VSS_E_UNEXPECTED, .message = why };
	bool again = may_revive(provider);

	core_log(provider->core, LOG_ERR, VSSD_MESSAGE_PROVIDER_DIED, NULL,
		 "provider \"%s\" is stopped by force: %s", provider->prop.provider_name, why);
	provider->active = NULL;
	provider->aborting = NULL;
	if (active) {
		core_timer_stop(provider->core, &active->timer);
		provider->driver->forget(provider->impl, active);
	}
	if (aborting) {
		core_timer_stop(provider->core, &aborting->timer);
		provider->driver->forget(provider->impl, aborting);
	}
	provider->driver->kill(provider->impl);
	provider->stopping = true;
	if (active)
		call_answer(active, &reply);
	if (aborting)
		call_answer(aborting, &reply);
	provider->stopping = false;
	/* It may have been stopped for what another session asked of it. */
	forget_sets(provider);
	if (again)
		revive(provider);
	start_next(provider);
}

static void call_timeout(void *arg)
{
	struct provider_call *call = arg;
	char *why = vssd_printf("no answer to %s within %u ms", step_name(call->request.step), call->timeout_ms);

	call->timer = NULL;
	provider_stop(call->provider, why);
	free(why);
}

static void limit_active(struct vssd_provider *provider, uint32_t timeout_ms)
{
	struct provider_call *call = provider->active;

	if (call->timeout_ms <= timeout_ms)
		return;
	call->timeout_ms = timeout_ms;
	core_timer_stop(provider->core, &call->timer);
	call->timer = core_timer(provider->core, timeout_ms * UINT64_C(1000), call_timeout, call);
}

static void call_done(void *arg, const struct vssd_provider_reply *reply)
{
	struct provider_call *call = arg;
	struct vssd_provider *provider = call->provider;

	core_timer_stop(provider->core, &call->timer);
	if (provider->active == call) {
		provider->active = NULL;
	} else {
		provider->aborting = NULL;
		/* What it was to cut short must come to its end now. */
		if (provider->active)
			limit_active(provider, provider->core->settings.hold_timeout_ms);
	}
	call_answer(call, reply);
	start_next(provider);
}

static void call_start(struct provider_call *call)
{
	struct vssd_provider *provider = call->provider;

	call->timer = core_timer(provider->core, call->timeout_ms * UINT64_C(1000), call_timeout, call);
	provider->driver->call(provider->impl, &call->request, call_done, call);
}

static void start_next(struct vssd_provider *provider)
{
	struct provider_call *call;

	if (provider->active)
		return;
	TAILQ_FOREACH(call, &provider->queue, link) {
		if (provider->reserved && call->owner != provider->reserved)
			continue;
		/* Nothing of the set goes before its abort has ended. */
		if (provider->aborting)
			return;
		TAILQ_REMOVE(&provider->queue, call, link);
		provider->active = call;
		call_start(call);
		return;
	}
}

static struct provider_call *call_new(struct vssd_provider *provider, struct creation *owner,
				      const struct vssd_provider_request *request,
				      provider_answer answer, void *arg)
{
	struct provider_call *call = vssd_alloc(sizeof(*call));

	call->provider = provider;
	call->request = *request;
	call->volume = vssd_strdup(request->volume);
	call->request.volume = call->volume;
	call->owner = owner;
	call->timeout_ms = provider->core->settings.provider_timeout_ms;
	call->answer = answer;
	call->arg = arg;
	return call;
}

void provider_ask(struct vssd_provider *provider, struct creation *owner,
		  const struct vssd_provider_request *request, provider_answer answer, void *arg)
{
	struct provider_call *call = call_new(provider, owner, request, answer, arg);

	TAILQ_INSERT_TAIL(&provider->queue, call, link);
	start_next(provider);
}

/* Steps that the abort may cut short, from another thread of the provider. */
static bool may_be_cut(enum vssd_step step)
{
	return step == VSSD_STEP_END_PREPARE || step == VSSD_STEP_PRE_COMMIT ||
	       step == VSSD_STEP_HOLD_WRITES || step == VSSD_STEP_COMMIT;
}

void provider_abort(struct vssd_provider *provider, struct creation *owner,
		    const struct vss_uuid *set, provider_answer answer, void *arg)
{
	struct vssd_provider_request request = { .step = VSSD_STEP_ABORT, .set = *set };
	struct vssd_core *core = provider->core;
	struct provider_call *active = provider->active, *call, *next;

	for (call = TAILQ_FIRST(&provider->queue); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (owner && call->owner == owner) {
			TAILQ_REMOVE(&provider->queue, call, link);
			call_free(call);
		}
	}
	call = call_new(provider, owner, &request, answer, arg);
	/* With applications or file systems at rest there is little time. */
	if (core->quiet && core->settings.hold_timeout_ms < call->timeout_ms)
		call->timeout_ms = core->settings.hold_timeout_ms;

	if (active && owner && active->owner == owner) {
		active->answer = NULL;
		limit_active(provider, call->timeout_ms);
		if (may_be_cut(active->request.step)) {
			provider->aborting = call;
			call_start(call);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&provider->queue, call, link);
	start_next(provider);
}

void provider_reserve(struct vssd_provider *provider, struct creation *owner)
{
	provider->reserved = owner;
	if (!owner)
		start_next(provider);
}

/* ---- coming and going ---- */

vss_result vssd_provider_add(struct vssd_core *core, const struct vss_provider_prop *prop, bool holds,
			     const struct vssd_provider_driver *driver, void *impl,
			     struct vssd_provider **provider, struct vss_error *err)
{
	struct vssd_provider *p;
	char text[VSS_UUID_TEXT_SIZE];

	if (vss_uuid_is_null(&prop->provider_id))
		return core_error(err, E_INVALIDARG, "a provider needs an id");
	if (provider_find(core, &prop->provider_id))
		return core_error(err, VSS_E_PROVIDER_ALREADY_REGISTERED,
				  "provider %s is registered already; remove one of the two",
				  vss_uuid_format(&prop->provider_id, text));
	p = vssd_alloc(sizeof(*p));
	p->core = core;
	p->prop = *prop;
	p->prop.provider_name = vssd_strdup(prop->provider_name ? prop->provider_name : "?");
	p->prop.provider_version = vssd_strdup(prop->provider_version ? prop->provider_version : "");
	p->holds = holds;
	p->driver = driver;
	p->impl = impl;
	TAILQ_INIT(&p->queue);
	TAILQ_INSERT_TAIL(&core->providers, p, link);
	*provider = p;
	return S_OK;
}

static void destroy(struct vssd_provider *provider)
{
	TAILQ_REMOVE(&provider->core->providers, provider, link);
	vss_free_provider_properties(&provider->prop);
	free(provider);
}

vss_result vssd_provider_remove(struct vssd_provider *provider)
{
	struct vssd_session *creating = provider->core->creating;
	const struct snapshot *snapshot;

	if (!TAILQ_EMPTY(&provider->queue) || provider->active || provider->aborting || provider->reserved)
		return VSS_E_PROVIDER_IN_USE;
	if (creating && creating->set)
		TAILQ_FOREACH(snapshot, &creating->set->snapshots, link)
			if (vss_uuid_equal(&snapshot->prop.provider_id, &provider->prop.provider_id))
				return VSS_E_PROVIDER_IN_USE;
	destroy(provider);
	return S_OK;
}

vss_result vssd_core_unregister_provider(struct vssd_core *core, const struct vss_uuid *id, struct vss_error *err)
{
	struct vssd_provider *provider = provider_find(core, id);
	const struct vssd_provider_driver *driver;
	char text[VSS_UUID_TEXT_SIZE];
	void *impl;

	if (!provider)
		return core_error(err, VSS_E_PROVIDER_NOT_REGISTERED, "no provider %s is registered; see "
				  "'vssctl list providers'", vss_uuid_format(id, text));
	driver = provider->driver;
	impl = provider->impl;
	if (vssd_provider_remove(provider))
		return core_error(err, VSS_E_PROVIDER_IN_USE, "provider %s is at work, or has a part in the shadow "
				  "copy set in creation; try again later", vss_uuid_format(id, text));
	driver->kill(impl);
	return S_OK;
}

void provider_free(struct vssd_provider *provider)
{
	struct provider_call *call;

	if (provider->active) {
		provider->driver->forget(provider->impl, provider->active);
		call_free(provider->active);
	}
	if (provider->aborting) {
		provider->driver->forget(provider->impl, provider->aborting);
		call_free(provider->aborting);
	}
	while ((call = TAILQ_FIRST(&provider->queue))) {
		TAILQ_REMOVE(&provider->queue, call, link);
		call_free(call);
	}
	destroy(provider);
}

void vssd_provider_died(struct vssd_provider *provider)
{
	core_log(provider->core, LOG_ERR, VSSD_MESSAGE_PROVIDER_DIED, NULL, "the process of provider \"%s\" has ended",
		 provider->prop.provider_name);
	forget_sets(provider);
	if (may_revive(provider))
		revive(provider);
}

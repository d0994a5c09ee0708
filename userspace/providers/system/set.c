// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of the system provider from its first volume until it is prepared, and
 * its undoing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "internal.h"

/* How long to wait while somebody else makes a set with one of the volumes. */
#define BUSY_SECONDS	30
#define BUSY_POLL_MS	200

/* ---- coming and going ---- */

static vss_result set_new(struct system *s, const struct vss_uuid *id, struct vss_error *err)
{
	struct system_set *set = calloc(1, sizeof(*set));
	vss_result result;

	if (!set)
		return E_OUTOFMEMORY;
	set->id = *id;
	result = system_kernel_open(true, &s->kernel, err);
	if (result == S_OK) {
		pthread_mutex_lock(&s->abort_mutex);
		result = system_kernel_open(true, &s->aborter, err);
		pthread_mutex_unlock(&s->abort_mutex);
	}
	if (result != S_OK) {
		vss_kernel_close(s->kernel);
		s->kernel = NULL;
		free(set);
		return result;
	}
	s->set = set;
	atomic_store(&s->cancelled, false);
	return S_OK;
}

void system_set_forget(struct system *s)
{
	if (!s->set)
		return;
	for (size_t i = 0; i < s->set->count; i++) {
		vss_prepared_clear(&s->set->members[i].prepared);
		vss_blockdev_clear(&s->set->members[i].volume);
	}
	free(s->set);
	s->set = NULL;
	pthread_mutex_lock(&s->abort_mutex);
	vss_kernel_close(s->aborter);
	s->aborter = NULL;
	pthread_mutex_unlock(&s->abort_mutex);
	vss_kernel_close(s->kernel);
	s->kernel = NULL;
}

/* Set members back that were attached or given room for this set. */
static void unprepare(struct system *s)
{
	const struct vss_prepare prepare = { .kernel = s->kernel };
	struct vss_kernel_volume state;
	int lock;

	if (!s->set->made_ready)
		return;
	lock = vss_prepare_lock(NULL);
	for (size_t i = s->set->count; i > 0; i--) {
		struct system_member *member = &s->set->members[i - 1];
		bool attached = member->prepared.attached;

		if (member->hold_only)
			continue;
		vss_prepared_undo(&prepare, &member->volume, &member->prepared);
		/* One that is still busy is let go of later. */
		if (attached && vss_kernel_volume_get(s->kernel, member->volume.dev, &state) == -ENODEV)
			system_attached_forget(member->volume.dev);
	}
	vss_prepare_unlock(lock);
}

/* Whichever state it is in: in creation, or finished. */
static void undo_in_kernel(struct vss_kernel *kernel, const struct vss_uuid *id)
{
	vss_kernel_set_abort(kernel, id);
	vss_kernel_snapshot_delete_set(kernel, id, true);
}

void system_set_undo(struct system *s)
{
	if (!s->set)
		return;
	undo_in_kernel(s->kernel, &s->set->id);
	unprepare(s);
	system_set_finish(s);
}

void system_set_finish(struct system *s)
{
	/* Somebody may have made a snapshot of it meanwhile: then it stays until that goes. */
	for (size_t i = 0; i < s->set->count; i++)
		if (s->set->members[i].prepared.attached && s->set->members[i].hold_only)
			system_attached_release(s->kernel, &s->set->members[i].volume.dev);
	system_set_forget(s);
}

/* ---- begin ---- */

/* @snapshot: NULL for one to be held only */
static vss_result add_member(struct system *s, const struct vss_uuid *snapshot, uint32_t context,
			     const char *path, struct vss_error *err)
{
	struct system_set *set = s->set;
	struct system_member *member;
	vss_result result;
	bool full;

	if (set->count == VSS_MAX_MEMBERS) {
		vss_error_set(err, -ENOSPC, VSS_E_PROVIDER_VETO, "a set has %d volumes at most",
			      VSS_MAX_MEMBERS);
		return VSS_E_PROVIDER_VETO;
	}
	member = &set->members[set->count];
	result = system_volume_judge(s->kernel, path, context, &member->volume, &full, err);
	if (result != S_OK)
		return result;
	if (snapshot && system_reverting(s, &member->volume, err)) {
		vss_blockdev_clear(&member->volume);
		return VSS_E_PROVIDER_VETO;
	}
	if (full && snapshot) {
		vss_error_set(err, -EMLINK, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
			      "%s has its most shadow copies; delete old ones first",
			      member->volume.path);
		vss_blockdev_clear(&member->volume);
		return VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED;
	}
	member->hold_only = !snapshot;
	if (snapshot)
		member->snapshot = *snapshot;
	set->count++;
	return S_OK;
}

static vss_result begin(struct system *s, const struct vss_uuid *set, const struct vss_uuid *snapshot,
			uint32_t context, const char *path, struct vss_error *err)
{
	vss_result result = S_OK;

	pthread_mutex_lock(&s->mutex);
	/* Out of sequence it is the start of a new set, and the end of an older one. */
	if (s->set && (!vss_uuid_equal(&s->set->id, set) || s->set->made_ready))
		system_set_undo(s);
	if (!s->set)
		result = set_new(s, set, err);
	if (result == S_OK)
		result = add_member(s, snapshot, context, path, err);
	if (s->set && !s->set->count)
		system_set_forget(s);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
				uint32_t context, const struct vss_provider_volume *volume,
				struct vss_error *err)
{
	return begin(state, set, snapshot, context, volume->path, err);
}

/* Which kinds of copies there are of it is its provider's matter. */
vss_result system_begin_hold(void *state, const struct vss_uuid *set,
			     const struct vss_provider_volume *volume, struct vss_error *err)
{
	return begin(state, set, NULL, 0, volume->path, err);
}

/* ---- end ---- */

static void note_file(void *data, enum vss_prepare_event event, const struct vss_blockdev *volume,
		      const struct vss_kernel_area *area, const char *text)
{
	(void)data;
	(void)area;
	if (event == VSS_PREPARE_ALLOCATING)
		system_attached_allocating(volume, text);
}

/* @expected: it is to be remembered what is made for it. */
static int prepare_member(struct system *s, struct system_member *member, bool expected, struct vss_error *err)
{
	const struct vss_prepare prepare = { .kernel = s->kernel, .tell = expected ? note_file : NULL };

	if (!member->hold_only)
		return vss_prepare_volume(&prepare, &member->volume, NULL, 0, &member->prepared, err);
	return vss_prepare_attached(&prepare, &member->volume, &member->prepared, err);
}

static vss_result cancelled(struct system *s, struct vss_error *err)
{
	if (!atomic_load(&s->cancelled))
		return S_OK;
	vss_error_set(err, -ECANCELED, VSS_E_PROVIDER_VETO, "the shadow copy set was aborted");
	return VSS_E_PROVIDER_VETO;
}

static vss_result make_ready(struct system *s, struct vss_error *err)
{
	int lock = vss_prepare_lock(NULL);
	vss_result result = S_OK;

	s->set->made_ready = true;
	for (size_t i = 0; result == S_OK && i < s->set->count; i++) {
		struct system_member *member = &s->set->members[i];
		bool expected;

		result = cancelled(s, err);
		if (result != S_OK)
			break;
		expected = system_attached_expect(s->kernel, &member->volume);
		if (prepare_member(s, member, expected, err))
			result = system_fail(system_allowed_prepare, err);
		if (member->prepared.attached)
			system_attached_note(member);
		else if (expected)
			system_attached_forget(member->volume.dev);
	}
	vss_prepare_unlock(lock);
	return result;
}

static vss_result prepare_in_kernel(struct system *s, const struct vss_kernel_set_request *request,
				    struct vss_error *err)
{
	const struct timespec pause = { .tv_nsec = BUSY_POLL_MS * 1000000L };

	for (int waited = 0;; waited += BUSY_POLL_MS) {
		vss_result result = cancelled(s, err);

		if (result != S_OK)
			return result;
		if (!vss_kernel_set_prepare(s->kernel, request, &s->set->state))
			/* An abort from before the kernel knew the set has not ended it. */
			return cancelled(s, err);
		if (vss_kernel_result(s->kernel) != VSS_E_SNAPSHOT_SET_IN_PROGRESS ||
		    waited >= BUSY_SECONDS * 1000)
			return system_kernel_fail(s->kernel, system_allowed_prepare, err);
		nanosleep(&pause, NULL);
	}
}

static vss_result prepare_set(struct system *s, struct vss_error *err)
{
	struct vss_kernel_member members[VSS_MAX_MEMBERS];
	struct vss_devno devs[VSS_MAX_MEMBERS];
	struct vss_kernel_set_request request = {
		.uuid = s->set->id,
		.members = members,
		.member_count = s->set->count,
	};
	struct vss_freeze_plan plan;
	vss_result result;

	for (size_t i = 0; i < s->set->count; i++)
		devs[i] = s->set->members[i].volume.dev;
	if (vss_freeze_plan_make(devs, s->set->count, &plan, err))
		return system_fail(system_allowed_prepare, err);
	for (size_t i = 0; i < s->set->count; i++)
		members[i] = (struct vss_kernel_member) {
			.dev = devs[i],
			.hold_only = s->set->members[i].hold_only,
			.snapshot = s->set->members[i].snapshot,
			.level = plan.levels[i],
		};
	request.freezes = plan.freezes;
	request.freeze_count = plan.freeze_count;
	result = prepare_in_kernel(s, &request, err);
	vss_freeze_plan_clear(&plan);
	return result;
}

vss_result system_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	vss_result result;

	pthread_mutex_lock(&s->mutex);
	if (!s->set || !vss_uuid_equal(&s->set->id, set)) {
		vss_error_set(err, -ENOENT, VSS_E_PROVIDER_VETO,
			      "the shadow copy set is not known; its provider was started anew");
		result = VSS_E_PROVIDER_VETO;
	} else {
		result = make_ready(s, err);
		if (result == S_OK)
			result = prepare_set(s, err);
	}
	pthread_mutex_unlock(&s->mutex);
	return result;
}

/* ---- abort ---- */

/* A step that is under way returns soon after this. */
static void cut_short(struct system *s, const struct vss_uuid *set)
{
	atomic_store(&s->cancelled, true);
	pthread_mutex_lock(&s->abort_mutex);
	if (s->aborter)
		vss_kernel_set_abort(s->aborter, set);
	pthread_mutex_unlock(&s->abort_mutex);
}

vss_result system_abort(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	struct vss_kernel *kernel;
	vss_result result = S_OK;

	cut_short(s, set);
	pthread_mutex_lock(&s->mutex);
	atomic_store(&s->cancelled, false);
	if (s->set && vss_uuid_equal(&s->set->id, set)) {
		system_set_undo(s);
	} else {
		/* Of an earlier life, or finished. */
		result = system_kernel_open(false, &kernel, err);
		if (kernel) {
			undo_in_kernel(kernel, set);
			system_attached_release(kernel, NULL);
		}
		vss_kernel_close(kernel);
	}
	pthread_mutex_unlock(&s->mutex);
	return result;
}

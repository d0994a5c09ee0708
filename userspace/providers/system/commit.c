// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of the system provider from the freeze to its finished images.
 *
 * Until the thaw nothing here allocates or touches a file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "internal.h"
#include "revert-internal.h"

/* udev has as long to make the images' links. */
#define NODE_TIMEOUT_MS	10000

/* With the mutex locked; the caller unlocks it also after a failure. */
static vss_result enter(struct system *s, const struct vss_uuid *set, struct vss_error *err)
{
	pthread_mutex_lock(&s->mutex);
	if (s->set && vss_uuid_equal(&s->set->id, set))
		return S_OK;
	vss_error_set(err, -ENOENT, VSS_E_PROVIDER_VETO,
		      "the shadow copy set is not known; its provider was started anew");
	return VSS_E_PROVIDER_VETO;
}

/* The kernel undoes a set by itself when a deadline passes; the next step is the first to see it. */
static bool deadline_passed(struct system *s)
{
	return !vss_kernel_set_get(s->kernel, &s->set->id, &s->set->state) &&
	       s->set->state.error == -ETIMEDOUT;
}

static vss_result step(struct system *s, enum vss_set_state to, const vss_result *allowed,
		       struct vss_error *err)
{
	int ret = vss_kernel_set_step(s->kernel, &s->set->id, to, &s->set->state);
	vss_result result;

	if (!ret)
		return S_OK;
	result = system_kernel_fail(s->kernel, allowed, err);
	if (ret == -ECANCELED && deadline_passed(s)) {
		vss_error_set(err, -ETIMEDOUT, VSS_E_HOLD_WRITES_TIMEOUT,
			      "the kernel has ended the hold of writes, which had lasted its longest; "
			      "try again when there is less load");
		return VSS_E_HOLD_WRITES_TIMEOUT;
	}
	return result;
}

/* All was done in end_prepare. */
vss_result system_pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_hold(void *state, const struct vss_uuid *set, uint32_t timeout_ms, struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	/* The kernel's own deadlines were set when the set was prepared; vssd watches this one. */
	(void)timeout_ms;
	if (result == S_OK)
		result = step(s, VSS_SET_FROZEN, system_allowed_hold, err);
	if (result == S_OK)
		result = step(s, VSS_SET_HELD, system_allowed_hold, err);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	if (result == S_OK)
		result = step(s, VSS_SET_COMMITTED, system_allowed_commit, err);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_release(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	if (result == S_OK)
		result = step(s, VSS_SET_DONE, system_allowed_commit, err);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_post_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	return system_pre_commit(state, set, err);
}

static vss_result set_flags(struct system *s, uint32_t flags, struct vss_error *err)
{
	for (size_t i = 0; i < s->set->count; i++)
		if (!s->set->members[i].hold_only &&
		    vss_kernel_snapshot_set_flags(s->kernel, &s->set->members[i].snapshot, flags, NULL))
			return system_kernel_fail(s->kernel, system_allowed_prepare, err);
	return S_OK;
}

static vss_result wait_for_nodes(struct system *s, struct vss_error *err)
{
	for (size_t i = 0; i < s->set->count; i++) {
		struct vss_kernel_snapshot snapshot;
		char *path;
		int ret;

		if (s->set->members[i].hold_only)
			continue;
		if (vss_kernel_snapshot_get(s->kernel, &s->set->members[i].snapshot, &snapshot))
			return system_kernel_fail(s->kernel, system_allowed_prepare, err);
		ret = vss_snapshot_node(&snapshot, NODE_TIMEOUT_MS, &path);
		if (ret == -ENOMEM)
			return E_OUTOFMEMORY;
		if (ret) {
			vss_error_set(err, ret, VSS_E_PROVIDER_VETO,
				      "there is no device node %s for the image of %s; see that udev "
				      "is running", path, s->set->members[i].volume.path);
			free(path);
			return VSS_E_PROVIDER_VETO;
		}
		free(path);
	}
	return S_OK;
}

/* Applications go on writing while the set is finished, which may fill a diff area. */
static vss_result check_alive(struct system *s, struct vss_error *err)
{
	for (size_t i = 0; i < s->set->count; i++) {
		const struct system_member *member = &s->set->members[i];
		struct vss_kernel_snapshot snapshot;

		if (member->hold_only)
			continue;
		if (vss_kernel_snapshot_get(s->kernel, &member->snapshot, &snapshot))
			return system_kernel_fail(s->kernel, system_allowed_prepare, err);
		if (snapshot.state != VSS_SNAPSHOT_LOST)
			continue;
		if (snapshot.lost_reason == VSS_LOST_AREA_FULL) {
			vss_error_set(err, -ENOSPC, VSS_E_INSUFFICIENT_STORAGE,
				      "the diff area of %s was full before the set was finished, and its "
				      "shadow copy is lost; give it more room with 'vssctl diff-area grow'",
				      member->volume.path);
			return VSS_E_INSUFFICIENT_STORAGE;
		}
		vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO,
			      "the shadow copy of %s was lost before the set was finished; see "
			      "'vssctl diff-area list' and the kernel's log", member->volume.path);
		return VSS_E_PROVIDER_VETO;
	}
	return S_OK;
}

/* For the log: VSS has no place in which a requester is warned. */
static void warn_volatile(struct system *s)
{
	for (size_t i = 0; i < s->set->count; i++) {
		const struct system_member *member = &s->set->members[i];
		struct vss_uuid area;

		if (!member->hold_only && !revert_area(s->kernel, member->volume.dev, &area) &&
		    vss_uuid_is_null(&area))
			fprintf(stderr, "vss-provider-host: the shadow copy of %s is to stay, and will be gone at the "
				"next restart, for its diff area is not persistent; see 'vssctl diff-area add "
				"--persistent'\n", member->volume.path);
	}
}

vss_result system_pre_final_commit(void *state, const struct vss_uuid *set, uint32_t attributes,
				   struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	if (result == S_OK)
		result = check_alive(s, err);
	if (result == S_OK && attributes & VSS_VOLSNAP_ATTR_AUTORECOVER) {
		result = set_flags(s, VSS_SNAPSHOT_F_WRITABLE, err);
		s->set->writable = true;
	}
	if (result == S_OK)
		result = wait_for_nodes(s, err);
	if (result == S_OK && !vss_context_is_auto_release(attributes))
		warn_volatile(s);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

vss_result system_post_final_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct system *s = state;
	vss_result result = enter(s, set, err);

	if (result == S_OK)
		result = check_alive(s, err);
	if (result == S_OK && s->set->writable)
		result = set_flags(s, 0, err);
	if (result == S_OK)
		system_set_finish(s);
	pthread_mutex_unlock(&s->mutex);
	return result;
}

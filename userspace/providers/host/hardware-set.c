// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of a hardware provider from its first volume until it is finished, and its
 * undoing.
 *
 * Until post_commit_snapshots() the set is in memory only: of what the array may have
 * made before, the plug-in's abort_snapshots() knows by the set's identifier.  From
 * then on a record says which LUNs there are.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "hardware-internal.h"

static vss_result unknown(struct vss_error *err)
{
	return hw_fail(err, VSS_E_PROVIDER_VETO, "the shadow copy set is not known; its provider was started anew");
}

/* With the mutex, if the set is the one in creation. */
static vss_result enter(struct hardware *hw, const struct vss_uuid *set, struct vss_error *err)
{
	pthread_mutex_lock(&hw->mutex);
	if (hw->creating && vss_uuid_equal(&hw->creating->about.set_id, set))
		return S_OK;
	pthread_mutex_unlock(&hw->mutex);
	return unknown(err);
}

static vss_result leave(struct hardware *hw, vss_result result)
{
	pthread_mutex_unlock(&hw->mutex);
	return result;
}

/* ---- undoing ---- */

/*
 * Take the copies of a set away from this machine and from the array, and forget it.
 * @tell: the plug-in has not been told to undo it yet
 */
static vss_result undo(struct hardware *hw, struct hw_set *set, bool tell, struct vss_error *err)
{
	struct vss_uuid id = set->about.set_id;
	vss_result result;

	result = hw_take_off(hw, set, err);
	for (size_t i = 0; i < set->nr_copies; i++)
		set->copies[i].state = HW_CREATING;
	/* The array keeps what somebody uses here, until this is tried again. */
	if (result == S_OK && tell) {
		result = hw->plugin->abort_snapshots(hw->state, &id, err);
		if (result == VSS_E_OBJECT_NOT_FOUND)
			result = S_OK;
	}
	/* Whatever the plug-in knew of the set, these are left over. */
	while (result == S_OK && set->nr_copies) {
		result = hw_empty(hw, set, set->nr_copies - 1, err);
		if (result == S_OK)
			hw_copy_remove(set, set->nr_copies - 1);
	}
	if (result == S_OK)
		hw_record_remove(hw, set);
	else if (hw->creating == set)
		hw->creating = NULL;
	return result;
}

vss_result hw_abort(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = S_OK;
	struct hw_set *set;
	bool told = false;

	if (pthread_mutex_trylock(&hw->mutex)) {
		/* It is to cut a step short. */
		result = hw->plugin->abort_snapshots(hw->state, id, err);
		told = true;
		pthread_mutex_lock(&hw->mutex);
	}
	set = hw_set_find(hw, id);
	if (set) {
		vss_result other = undo(hw, set, !told, err);

		if (result == S_OK || result == VSS_E_OBJECT_NOT_FOUND)
			result = other;
	} else if (!told) {
		/* Of an earlier life. */
		result = hw->plugin->abort_snapshots(hw->state, id, err);
	}
	return leave(hw, result);
}

/* ---- begin ---- */

/* Out of sequence: the plug-in abandons the older set by itself. */
static void abandon(struct hardware *hw)
{
	struct vss_error ignored;

	undo(hw, hw->creating, false, &ignored);
	hw->creating = NULL;
	hw->prepared = false;
}

static vss_result fill_copy(struct hardware *hw, struct hw_copy *copy, const struct vss_uuid *snapshot,
			    const char *volume, struct vss_error *err)
{
	struct vss_snapshot_prop *prop = &copy->member.prop;

	prop->snapshot_id = *snapshot;
	prop->provider_id = hw->plugin->id;
	prop->device_object = strdup("");
	prop->original_volume_name = strdup(volume);
	copy->member.filesystem = hw->machine->fs_uuid(volume);
	return prop->device_object && prop->original_volume_name ? S_OK : hw_no_memory(err);
}

static vss_result add_copy(struct hardware *hw, struct hw_set *set, const struct vss_uuid *snapshot,
			   uint32_t context, const char *volume, struct vss_error *err)
{
	struct vss_provider_volume told = { .path = volume };
	struct hw_copy *copy = hw_copy_add(set);
	vss_result result;

	if (!copy)
		return hw_no_memory(err);
	result = fill_copy(hw, copy, snapshot, volume, err);
	if (result == S_OK)
		result = hw_volume_luns(hw, volume, context, &copy->member.luns, &copy->member.nr_luns, err);
	if (result == S_FALSE)
		result = VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
	told.luns = copy->member.luns;
	told.nr_luns = copy->member.nr_luns;
	if (result == S_OK)
		result = hw->plugin->begin_prepare_snapshot(hw->state, &set->about.set_id, snapshot, context, &told, err);
	if (result != S_OK)
		hw_copy_remove(set, set->nr_copies - 1);
	return result;
}

vss_result hw_begin_prepare(void *state, const struct vss_uuid *id, const struct vss_uuid *snapshot,
			    uint32_t context, const struct vss_provider_volume *volume,
			    struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = S_OK;

	pthread_mutex_lock(&hw->mutex);
	if (hw->creating && (hw->prepared || !vss_uuid_equal(&hw->creating->about.set_id, id)))
		abandon(hw);
	if (!hw->creating && hw_set_find(hw, id))
		return leave(hw, hw_fail(err, VSS_E_PROVIDER_VETO, "there is a shadow copy set with this identifier "
					 "already"));
	if (hw->creating && hw->creating->about.context != context)
		return leave(hw, hw_fail(err, VSS_E_BAD_STATE, "the set has been begun with context 0x%08x, which is "
					 "that of all its volumes, and %s comes with 0x%08x",
					 hw->creating->about.context, volume->path, context));
	if (!hw->creating) {
		hw->creating = hw_set_new(hw, id, context);
		hw->prepared = false;
	}
	result = hw->creating ? add_copy(hw, hw->creating, snapshot, context, volume->path, err) : hw_no_memory(err);
	if (hw->creating && !hw->creating->nr_copies)
		hw_set_free(hw, hw->creating);
	return leave(hw, result);
}

vss_result hw_begin_hold(void *state, const struct vss_uuid *set, const struct vss_provider_volume *volume,
			 struct vss_error *err)
{
	const struct hardware *hw = state;

	/* A set that this provider has no copies in may be held by it. */
	return hw->plugin->begin_hold(hw->state, set, volume, err);
}

/* ---- to the instant ---- */

vss_result hw_end_prepare(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);

	if (result != S_OK)
		return result;
	hw->prepared = true;
	hw->creating->about.snapshots_count = (uint32_t)hw->creating->nr_copies;
	return leave(hw, hw->plugin->end_prepare_snapshots(hw->state, id, err));
}

vss_result hw_pre_commit(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);

	return result == S_OK ? leave(hw, hw->plugin->pre_commit_snapshots(hw->state, id, err)) : result;
}

vss_result hw_hold(void *state, const struct vss_uuid *id, uint32_t timeout_ms, struct vss_error *err)
{
	struct hardware *hw = state;

	pthread_mutex_lock(&hw->mutex);
	return leave(hw, hw->plugin->hold_writes(hw->state, id, timeout_ms, err));
}

vss_result hw_release(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;

	pthread_mutex_lock(&hw->mutex);
	return leave(hw, hw->plugin->release_writes(hw->state, id, err));
}

vss_result hw_commit(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);
	struct timespec now;

	if (result != S_OK)
		return result;
	result = hw->plugin->commit_snapshots(hw->state, id, err);
	clock_gettime(CLOCK_REALTIME, &now);
	hw->creating->about.creation_time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return leave(hw, result);
}

/* ---- after the instant ---- */

vss_result hw_post_commit(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);

	if (result != S_OK)
		return result;
	result = hw->plugin->post_commit_snapshots(hw->state, id, err);
	if (result == S_OK)
		result = hw_target_luns(hw, hw->creating, err);
	for (size_t i = 0; i < hw->creating->nr_copies; i++)
		hw->creating->copies[i].member.prop.creation_time = hw->creating->about.creation_time;
	if (result == S_OK)
		result = hw_record_save(hw, hw->creating, err);
	return leave(hw, result);
}

static vss_result show_all(struct hardware *hw, struct hw_set *set, uint32_t attributes, struct vss_error *err)
{
	vss_result result = hw_show(hw, set, 0, set->nr_copies, err);

	/* What an import may say a set's making may not. */
	if (result == VSS_E_MISSING_DISK || result == VSS_E_MISSING_VOLUME || result == VSS_E_OBJECT_NOT_FOUND)
		result = VSS_E_PROVIDER_VETO;
	for (size_t i = 0; result == S_OK && i < set->nr_copies; i++) {
		set->copies[i].state = HW_SHOWN;
		if (attributes & VSS_VOLSNAP_ATTR_AUTORECOVER)
			result = hw_make_writable(hw, set, i, true, err);
	}
	return result;
}

vss_result hw_pre_final_commit(void *state, const struct vss_uuid *id, uint32_t attributes,
			       struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);
	struct hw_set *set;

	if (result != S_OK)
		return result;
	set = hw->creating;
	result = hw->plugin->pre_final_commit_snapshots(hw->state, id, attributes, err);
	if (set->about.context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)
		for (size_t i = 0; i < set->nr_copies; i++)
			set->copies[i].state = HW_HIDDEN;
	else if (result == S_OK)
		result = show_all(hw, set, attributes, err);
	return leave(hw, result);
}

vss_result hw_post_final_commit(void *state, const struct vss_uuid *id, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = enter(hw, id, err);
	struct hw_set *set;

	if (result != S_OK)
		return result;
	set = hw->creating;
	for (size_t i = 0; result == S_OK && i < set->nr_copies; i++)
		if (set->copies[i].state == HW_SHOWN)
			result = hw_make_writable(hw, set, i, false, err);
	if (result == S_OK)
		result = hw->plugin->post_final_commit_snapshots(hw->state, id, err);
	if (result == S_OK) {
		hw->creating = NULL;
		hw->prepared = false;
		result = hw_record_save(hw, set, err);
		/* Until it is recorded it can be undone. */
		if (result != S_OK)
			hw->creating = set;
	}
	return leave(hw, result);
}

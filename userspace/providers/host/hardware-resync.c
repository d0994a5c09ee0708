// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUN resynchronization: the array gives original LUNs the content of copies.
 *
 * All is looked at before anything is changed.  While the array is at it the originals
 * are read-only here, and afterwards the kernel looks at them anew.
 */
#include <string.h>

#include "hardware-internal.h"

/* An original, by the name that it has here. */
struct target {
	const struct vss_lun_mapping *mapping;
	char *device;
	bool protected;
};

struct targets {
	struct target *all;
	size_t n;
};

static void cleanup_targets(struct targets *targets)
{
	for (size_t i = 0; i < targets->n; i++)
		free(targets->all[i].device);
	free(targets->all);
}

/* Each LUN once: several volumes may lie on it. */
static bool is_listed(const struct targets *targets, const struct vss_lun_info *source)
{
	for (size_t i = 0; i < targets->n; i++)
		if (vss_lun_same(&targets->all[i].mapping->source, source))
			return true;
	return false;
}

static vss_result judge(const struct vss_lun_mapping *mapping, struct vss_error *err)
{
	char name[VSS_LUN_NAME_SIZE];

	if (mapping->has_destination && hw_has_identity(&mapping->destination) && hw_has_identity(&mapping->source) &&
	    !hw_shares_identity(&mapping->source, &mapping->destination))
		return S_OK;
	return hw_fail(err, VSS_E_PROVIDER_VETO, "by the document LUN %s has no copy that can be told from it",
		       vss_lun_name(&mapping->source, name, sizeof(name)));
}

/*
 * The content brings the signature that the original had when it was copied.  One that
 * has another now would change it; one that has none has lost it.
 */
static vss_result check_signature(const struct vss_lun_info *recorded, const struct vss_lun_info *now,
				  const char *device, uint32_t flags, struct vss_error *err)
{
	if ((flags & VSS_RECOVERY_REVERT_IDENTITY_ALL) || vss_uuid_is_null(&now->disk_signature) ||
	    vss_uuid_equal(&recorded->disk_signature, &now->disk_signature))
		return S_OK;
	return hw_fail(err, VSS_E_CANNOT_REVERT_DISKID, "%s has another disk signature (GPT disk GUID, or that of an MBR) "
		       "than when it was copied, which cannot be kept; have it replaced by the original's "
		       "(VSS_RECOVERY_REVERT_IDENTITY_ALL, vssctl resync --revert-identity)", device);
}

/* It is here, the array's, and nothing but what was selected is on it. */
static vss_result find_target(struct hardware *hw, struct target *target, const struct vss_lun_mapping *luns,
			      size_t n, uint32_t flags, struct vss_error *err)
{
	const struct vss_lun_info *source = &target->mapping->source;
	struct vss_lun_info now = { 0 };
	char name[VSS_LUN_NAME_SIZE];
	vss_result result;

	result = hw->machine->find(source, &target->device, err);
	if (result == VSS_E_OBJECT_NOT_FOUND)
		return hw_fail(err, result, "the original LUN %s is not on this machine; have the array show it first",
			       vss_lun_name(source, name, sizeof(name)));
	if (result == S_OK)
		result = hw->machine->identify(target->device, &now, err);
	if (result == S_OK)
		result = check_signature(source, &now, target->device, flags, err);
	if (result == S_OK)
		result = hw->plugin->fill_in_lun_info(hw->state, target->device, &now, err);
	if (result == S_FALSE)
		result = hw_fail(err, VSS_E_PROVIDER_VETO, "%s, LUN %s, is not of this provider's array", target->device,
				 vss_lun_name(&now, name, sizeof(name)));
	vss_lun_info_clear(&now);
	if (result == S_OK && !(flags & VSS_RECOVERY_NO_VOLUME_CHECK))
		result = hw->machine->check_volumes(target->device, luns, n, err);
	return result == S_OK ? hw->machine->check_idle(target->device, err) : result;
}

static vss_result find_all(struct hardware *hw, struct targets *targets, const struct vss_lun_mapping *luns,
			   size_t n, uint32_t flags, struct vss_error *err)
{
	vss_result result = S_OK;

	targets->all = calloc(n ? n : 1, sizeof(*targets->all));
	if (!targets->all)
		return hw_no_memory(err);
	for (size_t i = 0; result == S_OK && i < n; i++) {
		struct target *target = &targets->all[targets->n];

		if (is_listed(targets, &luns[i].source))
			continue;
		target->mapping = &luns[i];
		targets->n++;
		result = judge(&luns[i], err);
		if (result == S_OK)
			result = find_target(hw, target, luns, n, flags, err);
	}
	return result;
}

/* Nobody may use them, and nobody begins to. */
static vss_result protect(struct hardware *hw, struct targets *targets, struct vss_error *err)
{
	vss_result result = S_OK;

	for (size_t i = 0; result == S_OK && i < targets->n; i++) {
		result = hw->machine->set_read_only(targets->all[i].device, true, err);
		targets->all[i].protected = result == S_OK;
	}
	return result;
}

/* What the kernel remembers of them is not theirs any more. */
static vss_result give_back(struct hardware *hw, struct targets *targets, bool changed, struct vss_error *err)
{
	vss_result result = S_OK, one;

	for (size_t i = 0; i < targets->n; i++) {
		if (!targets->all[i].protected)
			continue;
		one = changed ? hw->machine->refresh(targets->all[i].device, err) : S_OK;
		if (result == S_OK)
			result = one;
		one = hw->machine->set_read_only(targets->all[i].device, false, err);
		if (result == S_OK)
			result = one;
	}
	return result;
}

static vss_result have_it_done(struct hardware *hw, const struct targets *targets, uint32_t flags,
			       struct vss_error *err)
{
	_cleanup_free_ struct vss_lun_mapping *luns = calloc(targets->n ? targets->n : 1, sizeof(*luns));
	struct vss_error ignored = { 0 };
	vss_result result, after;

	if (!luns)
		return hw_no_memory(err);
	/* Borrowed, and without extents: it is for whole LUNs. */
	for (size_t i = 0; i < targets->n; i++) {
		luns[i] = *targets->all[i].mapping;
		luns[i].extents = NULL;
		luns[i].nr_extents = 0;
	}
	result = hw->plugin->on_lun_state_change(hw->state, luns, targets->n, VSS_ONLUNSTATECHANGE_NOTIFY_LUN_PRE_RECOVERY,
						 false, err);
	if (result != S_OK)
		return result;
	result = hw->plugin->resync_luns(hw->state, luns, targets->n, flags, err);
	after = hw->plugin->on_lun_state_change(hw->state, luns, targets->n,
						VSS_ONLUNSTATECHANGE_NOTIFY_LUN_POST_RECOVERY, false,
						result == S_OK ? err : &ignored);
	return result == S_OK ? after : result;
}

/* Codes of libvss that the step does not have. */
static vss_result step_code(vss_result result)
{
	switch (result) {
	case VSS_E_VOLUME_NOT_SUPPORTED:
	case E_INVALIDARG:
	case E_ACCESSDENIED:
	case VSS_E_UNEXPECTED:
		return VSS_E_PROVIDER_VETO;
	default:
		return result;
	}
}

vss_result hw_resync(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
		     struct vss_error *err)
{
	struct targets targets __attribute__((cleanup(cleanup_targets))) = { 0 };
	struct vss_error later = { 0 };
	struct hardware *hw = state;
	vss_result result, after;
	bool asked;

	pthread_mutex_lock(&hw->mutex);
	result = find_all(hw, &targets, luns, nr_luns, flags, err);
	if (result == S_OK)
		result = protect(hw, &targets, err);
	asked = result == S_OK;
	if (asked)
		result = have_it_done(hw, &targets, flags, err);
	after = give_back(hw, &targets, asked, &later);
	pthread_mutex_unlock(&hw->mutex);
	if (result == S_OK && after != S_OK)
		return step_code(hw_fail(err, after, "the array has replaced the content, but this machine does not show it "
					 "yet: %s", later.text));
	return step_code(result);
}

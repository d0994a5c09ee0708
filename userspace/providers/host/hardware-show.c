// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies on this machine: bringing them up hidden and read-only, and taking them
 * off it.
 */
#include <errno.h>
#include <string.h>

#include "hardware-internal.h"

/* ---- disks of a copy ---- */

/* Where its LUNs are now, as one text: NULL when one is not here. */
static char *disks_of(struct hardware *hw, const struct hw_copy *copy)
{
	_cleanup_free_ char *all = strdup("");

	for (size_t i = 0; i < copy->member.nr_luns; i++) {
		_cleanup_free_ char *device = NULL;
		char *more;

		if (!all || hw->machine->find(&copy->member.luns[i].destination, &device, NULL) != S_OK ||
		    asprintf(&more, "%s %s", all, device) < 0)
			return NULL;
		free(all);
		all = more;
	}
	return keep_ptr(all);
}

static bool set_device(struct hw_copy *copy, const char *device)
{
	char *text = strdup(device);

	if (!text)
		return false;
	free(copy->member.prop.device_object);
	copy->member.prop.device_object = text;
	return true;
}

static void forget_device(struct hw_copy *copy)
{
	free(keep_ptr(copy->disks));
	/* In place: there is always room for an empty text. */
	if (copy->member.prop.device_object)
		copy->member.prop.device_object[0] = '\0';
}

static vss_result assemble(struct hardware *hw, struct hw_copy *copy, struct vss_error *err)
{
	const struct vss_volume_options options = {
		.id = copy->member.prop.snapshot_id,
		.use_destination = true,
		.fs_uuid = copy->member.filesystem,
	};
	_cleanup_free_ char *device = NULL;
	vss_result result = hw->machine->from_luns(copy->member.luns, copy->member.nr_luns, &options, &device, err);

	if (result != S_OK)
		return result;
	free(copy->disks);
	copy->disks = disks_of(hw, copy);
	return set_device(copy, device) ? S_OK : hw_no_memory(err);
}

/* ---- bringing up ---- */

vss_result hw_check_unused(struct hardware *hw, const struct hw_set *set, size_t first, size_t count,
			   struct vss_error *err)
{
	for (size_t i = first; i < first + count; i++)
		for (size_t j = 0; j < set->copies[i].member.nr_luns; j++) {
			const struct vss_lun_mapping *mapping = &set->copies[i].member.luns[j];
			_cleanup_free_ char *device = NULL;
			struct vss_error why = { 0 };

			if (hw->machine->find(&mapping->destination, &device, NULL) == S_OK &&
			    hw->machine->set_read_only(device, true, &why) == VSS_E_VOLUME_IN_USE)
				return hw_fail(err, VSS_E_PROVIDER_VETO, "what is to be a copy is in use on this "
					       "machine: %.900s", why.text);
		}
	return S_OK;
}

static vss_result wait_for(struct hardware *hw, const struct vss_lun_mapping *luns, size_t n, struct vss_error *err)
{
	_cleanup_free_ const struct vss_lun_info **wanted = calloc(n ? n : 1, sizeof(*wanted));

	if (!wanted)
		return hw_no_memory(err);
	for (size_t i = 0; i < n; i++)
		wanted[i] = &luns[i].destination;
	return hw->machine->wait(wanted, n, hw->arrival_ms, err);
}

/* Is what arrived what was recorded?  The plug-in's word counts too (FillInLunInfo). */
static vss_result check_arrived(struct hardware *hw, const struct vss_lun_info *recorded, struct vss_error *err)
{
	char want[VSS_LUN_NAME_SIZE], got[VSS_LUN_NAME_SIZE];
	_cleanup_free_ char *device = NULL;
	struct vss_lun_info found = { 0 };
	vss_result result = hw->machine->find(recorded, &device, err);

	if (result == S_OK)
		result = hw->machine->identify(device, &found, err);
	if (result != S_OK)
		return result;
	result = hw->plugin->fill_in_lun_info(hw->state, device, &found, err);
	if (result == S_FALSE)
		result = hw_fail(err, VSS_E_MISSING_DISK, "%s, LUN %s, is not of this provider's array", device,
				 vss_lun_name(&found, got, sizeof(got)));
	else if (result == S_OK && !vss_lun_same(recorded, &found))
		result = hw_fail(err, VSS_E_MISSING_DISK, "%s is LUN %s, and LUN %s was recorded; see which LUN the array "
				 "has put in its place", device, vss_lun_name(&found, got, sizeof(got)),
				 vss_lun_name(recorded, want, sizeof(want)));
	vss_lun_info_clear(&found);
	return result;
}

static vss_result arrive(struct hardware *hw, const struct vss_lun_mapping *luns, size_t n, struct vss_error *err)
{
	vss_result result = S_OK;

	/* Before it comes: nobody may look at it in between. */
	for (size_t i = 0; result == S_OK && i < n; i++)
		result = hw->machine->hide(&luns[i].destination, err);
	if (result == S_OK)
		result = hw->plugin->locate_luns(hw->state, luns, n, err);
	if (result == S_OK)
		result = wait_for(hw, luns, n, err);
	for (size_t i = 0; result == S_OK && i < n; i++)
		result = check_arrived(hw, &luns[i].destination, err);
	return result;
}

/* Codes of libvss that no step of a provider has. */
static vss_result step_code(vss_result result)
{
	switch (result) {
	case VSS_E_VOLUME_NOT_SUPPORTED:
	case VSS_E_VOLUME_IN_USE:
	case E_INVALIDARG:
	case E_ACCESSDENIED:
	case VSS_E_UNEXPECTED:
		return VSS_E_PROVIDER_VETO;
	default:
		return result;
	}
}

vss_result hw_show(struct hardware *hw, struct hw_set *set, size_t first, size_t count, struct vss_error *err)
{
	struct vss_lun_mapping *luns;
	vss_result result;
	size_t n;

	result = hw_check_unused(hw, set, first, count, err);
	if (result == S_OK)
		result = hw_luns_of(set, first, count, true, &luns, &n, err);
	if (result != S_OK)
		return result;
	result = arrive(hw, luns, n, err);
	for (size_t i = first; result == S_OK && i < first + count; i++)
		result = assemble(hw, &set->copies[i], err);
	vss_lun_mappings_free(luns, n);
	return step_code(result);
}

vss_result hw_make_writable(struct hardware *hw, struct hw_set *set, size_t index, bool writable,
			    struct vss_error *err)
{
	const char *device = set->copies[index].member.prop.device_object;
	struct vss_lun_mapping *luns;
	vss_result result;
	size_t n;

	if (!writable)
		return step_code(hw->machine->set_read_only(device, true, err));
	result = hw_luns_of(set, index, 1, true, &luns, &n, err);
	if (result != S_OK)
		return result;
	result = hw->plugin->on_lun_state_change(hw->state, luns, n, VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE, false, err);
	vss_lun_mappings_free(luns, n);
	if (result != S_OK)
		return result;
	result = hw->machine->set_read_only(device, false, err);
	/* The disk may not have noticed yet that the array allows it now. */
	if (result == VSS_E_VOLUME_NOT_SUPPORTED && !VSS_FAILED(hw->machine->rescan(hw->arrival_ms, err)))
		result = hw->machine->set_read_only(device, false, err);
	return step_code(result);
}

void hw_hide_again(struct hardware *hw)
{
	const struct hw_set *set;

	LIST_FOREACH(set, &hw->sets, link)
		for (size_t i = 0; i < set->nr_copies; i++) {
			const struct hw_copy *copy = &set->copies[i];

			for (size_t j = 0; j < copy->member.nr_luns; j++)
				if ((copy->state == HW_SHOWN || copy->state == HW_FAILED) &&
				    copy->member.luns[j].has_destination)
					hw->machine->hide(&copy->member.luns[j].destination, NULL);
		}
}

void hw_refresh(struct hardware *hw, struct hw_set *set, size_t index)
{
	struct hw_copy *copy = &set->copies[index];
	_cleanup_free_ char *disks = disks_of(hw, copy);
	struct vss_error why = { 0 };

	if (disks && copy->disks && !strcmp(disks, copy->disks))
		return;
	/* Of an earlier life, or the disks went and came again. */
	if (disks && assemble(hw, copy, &why) == S_OK)
		return;
	forget_device(copy);
}

/* ---- taking off ---- */

static vss_result release(struct hardware *hw, const struct hw_copy *copy, struct vss_error *err)
{
	const char *device = copy->member.prop.device_object;
	char id[VSS_UUID_TEXT_SIZE], path[64];
	vss_result result = S_OK;

	if (device && device[0])
		result = hw->machine->release(device, err);
	/* One that an earlier life has made, and this one not seen yet. */
	snprintf(path, sizeof(path), "/dev/mapper/vss-%s", vss_uuid_format(&copy->member.prop.snapshot_id, id));
	if (result == S_OK && (!device || strcmp(device, path)))
		result = hw->machine->release(path, err);
	return result;
}

/* *@device: the name that it had; NULL if it was not here. */
static vss_result remove_lun(struct hardware *hw, const struct vss_lun_info *lun, char **device,
			     struct vss_error *err)
{
	vss_result result = hw->machine->find(lun, device, err);

	/* Another disk with its identifier is not ours to remove, and stays hidden. */
	if (result == VSS_E_MISSING_DISK)
		return S_OK;
	if (result != S_OK && result != VSS_E_OBJECT_NOT_FOUND)
		return result;
	if (result == S_OK)
		result = hw->machine->remove(*device, err);
	if (result != S_OK && result != VSS_E_OBJECT_NOT_FOUND)
		return result;
	return hw->machine->unhide(lun, err);
}

vss_result hw_take_off(struct hardware *hw, struct hw_set *set, struct vss_error *err)
{
	struct vss_lun_mapping *luns;
	vss_result result;
	size_t n;

	result = hw_luns_of(set, 0, set->nr_copies, true, &luns, &n, err);
	if (result != S_OK)
		return result;
	for (size_t i = 0; result == S_OK && i < set->nr_copies; i++)
		result = release(hw, &set->copies[i], err);
	for (size_t i = 0; result == S_OK && i < n; i++) {
		_cleanup_free_ char *device = NULL;

		result = remove_lun(hw, &luns[i].destination, &device, err);
	}
	vss_lun_mappings_free(luns, n);
	for (size_t i = 0; result == S_OK && i < set->nr_copies; i++)
		forget_device(&set->copies[i]);
	return step_code(result);
}

vss_result hw_empty(struct hardware *hw, struct hw_set *set, size_t index, struct vss_error *err)
{
	struct hw_copy *copy = &set->copies[index];
	vss_result result = release(hw, copy, err);

	for (size_t i = 0; result == S_OK && i < copy->member.nr_luns; i++) {
		const struct vss_lun_mapping *mapping = &copy->member.luns[i];
		_cleanup_free_ char *device = NULL;

		/* Another copy of the set still needs it. */
		if (!mapping->has_destination || hw_lun_is_shared(set, index, &mapping->destination))
			continue;
		result = remove_lun(hw, &mapping->destination, &device, err);
		if (result == S_OK)
			result = hw->plugin->on_lun_empty(hw->state, device, &mapping->destination, err);
	}
	if (result == S_OK)
		forget_device(copy);
	return step_code(result);
}

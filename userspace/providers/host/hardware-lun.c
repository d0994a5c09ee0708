// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LUNs of volumes and of their copies: collecting them, having the plug-in complete
 * them, and judging what it says of the copies.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <string.h>

#include "hardware-internal.h"

/* ---- this machine ---- */

static char *fs_uuid(const char *device)
{
	blkid_probe probe = blkid_new_probe_from_filename(device);
	const char *found = NULL;
	char *uuid = NULL;

	if (!probe)
		return NULL;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID);
	if (!blkid_do_safeprobe(probe) && !blkid_probe_lookup_value(probe, "UUID", &found, NULL))
		uuid = strdup(found);
	blkid_free_probe(probe);
	return uuid;
}

const struct hardware_machine hardware_this_machine = {
	.volume_luns = vss_volume_luns,
	.identify = vss_lun_identify,
	.find = vss_lun_find,
	.rescan = vss_lun_rescan,
	.wait = vss_lun_wait,
	.remove = vss_lun_remove,
	.hide = vss_lun_hide,
	.unhide = vss_lun_unhide,
	.from_luns = vss_volume_from_luns,
	.release = vss_volume_release,
	.set_read_only = vss_volume_set_read_only,
	.check_volumes = vss_lun_check_volumes,
	.check_idle = vss_lun_check_idle,
	.refresh = vss_lun_refresh,
	.fs_uuid = fs_uuid,
};

/* ---- identity ---- */

/* Of the logical unit, and the same for all the world (Required Behaviors for Shadow Copy Providers). */
static bool is_unique(const struct vss_storage_id *id)
{
	return !id->association && id->size && (id->type == 1 || id->type == 2 || id->type == 3 || id->type == 8);
}

bool hw_has_identity(const struct vss_lun_info *lun)
{
	for (size_t i = 0; i < lun->nr_ids; i++)
		if (is_unique(&lun->ids[i]))
			return true;
	return false;
}

bool hw_shares_identity(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	for (size_t i = 0; i < a->nr_ids; i++)
		for (size_t j = 0; is_unique(&a->ids[i]) && j < b->nr_ids; j++)
			if (is_unique(&b->ids[j]) && a->ids[i].type == b->ids[j].type &&
			    a->ids[i].size == b->ids[j].size &&
			    !memcmp(a->ids[i].bytes, b->ids[j].bytes, a->ids[i].size))
				return true;
	return false;
}

/* ---- collecting ---- */

bool hw_mapping_copy(struct vss_lun_mapping *to, const struct vss_lun_mapping *from)
{
	memset(to, 0, sizeof(*to));
	if (!vss_lun_info_copy(&to->source, &from->source) ||
	    (from->has_destination && !vss_lun_info_copy(&to->destination, &from->destination)))
		goto no_memory;
	to->has_destination = from->has_destination;
	if (from->nr_extents) {
		to->extents = calloc(from->nr_extents, sizeof(*to->extents));
		if (!to->extents)
			goto no_memory;
		memcpy(to->extents, from->extents, from->nr_extents * sizeof(*to->extents));
		to->nr_extents = from->nr_extents;
	}
	return true;
no_memory:
	vss_lun_mapping_clear(to);
	return false;
}

static bool is_listed(const struct vss_lun_mapping *luns, size_t n, const struct vss_lun_mapping *lun,
		      bool destinations)
{
	for (size_t i = 0; i < n; i++)
		if (destinations ? vss_lun_same(&luns[i].destination, &lun->destination) :
				   vss_lun_same(&luns[i].source, &lun->source))
			return true;
	return false;
}

vss_result hw_luns_of(const struct hw_set *set, size_t first, size_t count, bool destinations,
		      struct vss_lun_mapping **luns, size_t *n, struct vss_error *err)
{
	size_t room = 0;

	for (size_t i = first; i < first + count; i++)
		room += set->copies[i].member.nr_luns;
	*n = 0;
	*luns = calloc(room ? room : 1, sizeof(**luns));
	if (!*luns)
		return hw_no_memory(err);
	for (size_t i = first; i < first + count; i++) {
		const struct vss_set_member *member = &set->copies[i].member;

		for (size_t j = 0; j < member->nr_luns; j++) {
			struct vss_lun_mapping bare = member->luns[j];

			if ((destinations && !bare.has_destination) || is_listed(*luns, *n, &bare, destinations))
				continue;
			/* Extents are each volume's own. */
			bare.extents = NULL;
			bare.nr_extents = 0;
			if (!hw_mapping_copy(&(*luns)[*n], &bare)) {
				vss_lun_mappings_free(*luns, *n);
				*luns = NULL;
				*n = 0;
				return hw_no_memory(err);
			}
			(*n)++;
		}
	}
	return S_OK;
}

bool hw_lun_is_shared(const struct hw_set *set, size_t index, const struct vss_lun_info *lun)
{
	for (size_t i = 0; i < set->nr_copies; i++) {
		const struct vss_set_member *member = &set->copies[i].member;

		for (size_t j = 0; i != index && j < member->nr_luns; j++)
			if (member->luns[j].has_destination && vss_lun_same(&member->luns[j].destination, lun))
				return true;
	}
	return false;
}

/* ---- originals ---- */

/* Is the plug-in's answer to a question of support one that may be given? */
static vss_result judge_answer(struct hardware *hw, vss_result result, const char *function, struct vss_error *err)
{
	if (result == S_OK || result == S_FALSE || VSS_FAILED(result))
		return result;
	return hw_fail(err, VSS_E_UNEXPECTED_PROVIDER_ERROR, "%s() of provider \"%s\" answered 0x%08x, which is neither "
		       "S_OK nor S_FALSE nor a failure", function, hw->plugin->name, result);
}

static vss_result complete(struct hardware *hw, struct vss_lun_info *lun, struct vss_error *err)
{
	_cleanup_free_ char *device = NULL;
	char name[VSS_LUN_NAME_SIZE];
	vss_result result;

	result = hw->machine->find(lun, &device, err);
	if (result != S_OK)
		return result == E_OUTOFMEMORY ? result : S_FALSE;
	result = judge_answer(hw, hw->plugin->fill_in_lun_info(hw->state, device, lun, err), "fill_in_lun_info", err);
	if (result == S_FALSE && !err->text[0])
		hw_fail(err, S_FALSE, "%s, LUN %s, is not of this provider's array", device,
			vss_lun_name(lun, name, sizeof(name)));
	if (result == S_OK && !hw_has_identity(lun))
		return hw_fail(err, VSS_E_UNEXPECTED_PROVIDER_ERROR, "fill_in_lun_info() of provider \"%s\" took the "
			       "unique identifier of %s away", hw->plugin->name, device);
	return result;
}

static vss_result ask_support(struct hardware *hw, uint32_t context, const struct vss_lun_mapping *luns, size_t n,
			      struct vss_error *err)
{
	/* The plug-in is asked about LUNs alone; these records are borrowed. */
	_cleanup_free_ struct vss_lun_info *sources = calloc(n, sizeof(*sources));

	if (!sources)
		return hw_no_memory(err);
	for (size_t i = 0; i < n; i++)
		sources[i] = luns[i].source;
	return judge_answer(hw, hw->plugin->are_luns_supported(hw->state, context, sources, n, err),
			    "are_luns_supported", err);
}

vss_result hw_volume_luns(struct hardware *hw, const char *volume, uint32_t context,
			  struct vss_lun_mapping **luns, size_t *n, struct vss_error *err)
{
	vss_result result = hw->machine->volume_luns(volume, luns, n, err);

	/* A volume that lies on no LUN that may travel is no failure: another provider may take it. */
	if (result != S_OK)
		return result == E_OUTOFMEMORY ? result : S_FALSE;
	for (size_t i = 0; result == S_OK && i < *n; i++) {
		if (!hw_has_identity(&(*luns)[i].source))
			result = hw_fail(err, S_FALSE, "%s lies on a LUN without a unique identifier; let the array "
					 "give it one (VPD page 0x83, or NVMe's NGUID)", volume);
		else
			result = complete(hw, &(*luns)[i].source, err);
	}
	if (result == S_OK)
		result = ask_support(hw, context, *luns, *n, err);
	if (result != S_OK) {
		vss_lun_mappings_free(*luns, *n);
		*luns = NULL;
		*n = 0;
	}
	return result;
}

/* ---- copies ---- */

static vss_result bad_answer(struct hardware *hw, const struct vss_lun_info *source, const char *what,
			     struct vss_error *err)
{
	char name[VSS_LUN_NAME_SIZE];

	return hw_fail(err, VSS_E_UNEXPECTED_PROVIDER_ERROR, "get_target_luns() of provider \"%s\" tells of the copy of "
		       "LUN %s %s", hw->plugin->name, vss_lun_name(source, name, sizeof(name)), what);
}

static vss_result judge_targets(struct hardware *hw, const struct vss_lun_mapping *luns, size_t n,
				struct vss_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct vss_lun_info *copy = &luns[i].destination;

		if (!luns[i].has_destination)
			return bad_answer(hw, &luns[i].source, "nothing", err);
		if (!hw_has_identity(copy))
			return bad_answer(hw, &luns[i].source, "no unique identifier", err);
		if (copy->size && copy->size < luns[i].source.size)
			return bad_answer(hw, &luns[i].source, "that it is smaller than the original", err);
		for (size_t j = 0; j < n; j++) {
			if (hw_shares_identity(copy, &luns[j].source))
				return bad_answer(hw, &luns[i].source, "an identifier that an original has", err);
			if (j != i && hw_shares_identity(copy, &luns[j].destination))
				return bad_answer(hw, &luns[i].source, "an identifier that another copy has", err);
		}
	}
	return S_OK;
}

/* Give each copy of the set its LUNs' destinations. */
static bool spread(struct hw_set *set, const struct vss_lun_mapping *luns, size_t n)
{
	for (size_t i = 0; i < set->nr_copies; i++) {
		struct vss_set_member *member = &set->copies[i].member;

		for (size_t j = 0; j < member->nr_luns; j++)
			for (size_t k = 0; k < n; k++) {
				if (!vss_lun_same(&member->luns[j].source, &luns[k].source))
					continue;
				if (!vss_lun_info_copy(&member->luns[j].destination, &luns[k].destination))
					return false;
				member->luns[j].has_destination = true;
				break;
			}
	}
	return true;
}

vss_result hw_target_luns(struct hardware *hw, struct hw_set *set, struct vss_error *err)
{
	struct vss_lun_mapping *luns, *asked;
	vss_result result;
	size_t n;

	result = hw_luns_of(set, 0, set->nr_copies, false, &luns, &n, err);
	if (result != S_OK)
		return result;
	/* The plug-in gets records of its own: what it does to originals changes nothing. */
	asked = calloc(n ? n : 1, sizeof(*asked));
	for (size_t i = 0; asked && i < n; i++)
		if (!hw_mapping_copy(&asked[i], &luns[i])) {
			vss_lun_mappings_free(asked, i);
			asked = NULL;
			break;
		}
	if (!asked) {
		vss_lun_mappings_free(luns, n);
		return hw_no_memory(err);
	}
	result = hw->plugin->get_target_luns(hw->state, &set->about.set_id, asked, n, err);
	for (size_t i = 0; result == S_OK && i < n; i++) {
		luns[i].has_destination = asked[i].has_destination;
		luns[i].destination = asked[i].destination;
		memset(&asked[i].destination, 0, sizeof(asked[i].destination));
	}
	if (result == S_OK)
		result = judge_targets(hw, luns, n, err);
	if (result == S_OK && !spread(set, luns, n))
		result = hw_no_memory(err);
	vss_lun_mappings_free(asked, n);
	vss_lun_mappings_free(luns, n);
	return result;
}

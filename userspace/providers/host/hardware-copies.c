// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow copies of a hardware provider that exist, made here or imported: telling of
 * them, deleting, importing, breaking.
 */
#include <errno.h>
#include <string.h>

#include "hardware-internal.h"

/* What a document's attributes say of another machine. */
#define ATTRIBUTES_THERE	(VSS_VOLSNAP_ATTR_NOT_SURFACED | VSS_VOLSNAP_ATTR_IMPORTED | \
				 VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY | VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY)

static vss_result leave(struct hardware *hw, vss_result result)
{
	pthread_mutex_unlock(&hw->mutex);
	return result;
}

static vss_result no_such(const char *what, const struct vss_uuid *id, struct vss_error *err)
{
	char text[VSS_UUID_TEXT_SIZE];

	return hw_fail(err, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy %s%s", what, vss_uuid_format(id, text));
}

/* ---- telling ---- */

static char *copy_text(const char *text)
{
	return strdup(text ? text : "");
}

static bool describe(const struct hardware *hw, const struct hw_set *set, const struct hw_copy *copy,
		     struct vss_provider_snapshot *to)
{
	const struct vss_set_member *member = &copy->member;
	struct vss_snapshot_prop *prop = &to->prop;

	prop->snapshot_id = member->prop.snapshot_id;
	prop->snapshot_set_id = set->about.set_id;
	prop->snapshots_count = set->about.snapshots_count;
	prop->provider_id = hw->plugin->id;
	prop->attributes = set->about.context | hw->attributes |
			   (copy->imported ? VSS_VOLSNAP_ATTR_IMPORTED : 0);
	prop->creation_time = member->prop.creation_time;
	prop->status = VSS_SS_CREATED;
	prop->device_object = copy_text(member->prop.device_object);
	prop->original_volume_name = copy_text(member->prop.original_volume_name);
	if (member->prop.originating_machine)
		prop->originating_machine = strdup(member->prop.originating_machine);
	if (member->filesystem)
		to->fs_uuid = strdup(member->filesystem);
	to->luns = calloc(member->nr_luns ? member->nr_luns : 1, sizeof(*to->luns));
	if (!prop->device_object || !prop->original_volume_name || !to->luns)
		return false;
	for (; to->nr_luns < member->nr_luns; to->nr_luns++)
		if (!hw_mapping_copy(&to->luns[to->nr_luns], &member->luns[to->nr_luns]))
			return false;
	return true;
}

static bool exists(const struct hw_copy *copy)
{
	return copy->state == HW_HIDDEN || copy->state == HW_SHOWN;
}

vss_result hw_get_snapshots(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
			    struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = S_OK;
	struct hw_set *set;
	size_t room = 0;

	pthread_mutex_lock(&hw->mutex);
	LIST_FOREACH(set, &hw->sets, link)
		room += set->nr_copies;
	*count = 0;
	*snapshots = calloc(room ? room : 1, sizeof(**snapshots));
	if (!*snapshots)
		return leave(hw, hw_no_memory(err));
	LIST_FOREACH(set, &hw->sets, link)
		for (size_t i = 0; result == S_OK && i < set->nr_copies; i++) {
			if (!exists(&set->copies[i]))
				continue;
			if (set->copies[i].state == HW_SHOWN)
				hw_refresh(hw, set, i);
			if (!describe(hw, set, &set->copies[i], &(*snapshots)[(*count)++]))
				result = hw_no_memory(err);
		}
	if (result != S_OK) {
		while (*count)
			vss_provider_snapshot_clear(&(*snapshots)[--*count]);
		free(*snapshots);
		*snapshots = NULL;
	}
	return leave(hw, result);
}

static bool is_of(const struct hw_copy *copy, const struct vss_lun_mapping *luns, size_t n)
{
	const struct vss_lun_mapping *first = copy->member.luns;

	return n && copy->member.nr_luns && first->nr_extents && luns->nr_extents &&
	       vss_lun_same(&first->source, &luns->source) &&
	       first->extents[0].lun_offset == luns->extents[0].lun_offset;
}

vss_result hw_is_snapshotted(void *state, const struct vss_provider_volume *volume, bool *present,
			     uint32_t *compatibility, struct vss_error *err)
{
	struct vss_lun_mapping *luns;
	struct hardware *hw = state;
	const struct hw_set *set;
	size_t n;

	*present = false;
	*compatibility = 0;
	/* One that cannot have any has none. */
	if (hw->machine->volume_luns(volume->path, &luns, &n, err) != S_OK)
		return S_OK;
	pthread_mutex_lock(&hw->mutex);
	LIST_FOREACH(set, &hw->sets, link)
		for (size_t i = 0; i < set->nr_copies; i++)
			/* One that travels is not here, and perhaps nowhere any more. */
			if (set->copies[i].state == HW_SHOWN && is_of(&set->copies[i], luns, n))
				*present = true;
	vss_lun_mappings_free(luns, n);
	return leave(hw, S_OK);
}

/* ---- deleting ---- */

vss_result hw_delete(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	struct hardware *hw = state;
	struct hw_set *set;
	vss_result result;
	size_t index;

	/* What is in use cannot be taken off the machine by any means. */
	(void)force;
	pthread_mutex_lock(&hw->mutex);
	set = hw_copy_find(hw, snapshot, &index);
	if (!set)
		return leave(hw, no_such("", snapshot, err));
	result = hw_empty(hw, set, index, err);
	if (result != S_OK)
		return leave(hw, result);
	hw_copy_remove(set, index);
	if (set->nr_copies)
		result = hw_record_save(hw, set, err);
	else
		hw_record_remove(hw, set);
	return leave(hw, result);
}

vss_result hw_set_writable(void *state, const struct vss_uuid *snapshot, bool writable, struct vss_error *err)
{
	struct hardware *hw = state;
	struct hw_set *set;
	size_t index;

	pthread_mutex_lock(&hw->mutex);
	set = hw_copy_find(hw, snapshot, &index);
	if (!set || set->copies[index].state != HW_SHOWN)
		return leave(hw, no_such("", snapshot, err));
	hw_refresh(hw, set, index);
	if (!set->copies[index].member.prop.device_object[0])
		return leave(hw, hw_fail(err, VSS_E_PROVIDER_VETO, "its LUNs are not here; see to the array's mapping and "
					 "the connection"));
	return leave(hw, hw_make_writable(hw, set, index, writable, err));
}

/* ---- importing ---- */

/* A record that cannot be of a copy is not acted on. */
static vss_result judge_record(const struct vss_provider_snapshot *snapshot, struct vss_error *err)
{
	if (!snapshot->nr_luns)
		return hw_fail(err, VSS_E_PROVIDER_VETO, "the document tells no LUNs of the shadow copy");
	for (size_t i = 0; i < snapshot->nr_luns; i++) {
		const struct vss_lun_mapping *mapping = &snapshot->luns[i];

		if (!mapping->has_destination || !hw_has_identity(&mapping->destination))
			return hw_fail(err, VSS_E_PROVIDER_VETO, "the document does not tell the identity of the copy of "
				       "each LUN");
		for (size_t j = 0; j < snapshot->nr_luns; j++)
			if (hw_shares_identity(&mapping->destination, &snapshot->luns[j].source))
				return hw_fail(err, VSS_E_PROVIDER_VETO, "by the document a copy is its own original; it was "
					       "edited or is damaged");
	}
	return S_OK;
}

static bool take_record(struct hw_copy *copy, const struct vss_provider_snapshot *snapshot)
{
	const struct vss_snapshot_prop *prop = &snapshot->prop;
	struct vss_set_member *member = &copy->member;

	member->prop.snapshot_id = prop->snapshot_id;
	member->prop.provider_id = prop->provider_id;
	member->prop.creation_time = prop->creation_time;
	member->prop.attributes = prop->attributes | VSS_VOLSNAP_ATTR_IMPORTED;
	member->prop.device_object = strdup("");
	member->prop.original_volume_name = copy_text(prop->original_volume_name);
	if (prop->originating_machine)
		member->prop.originating_machine = strdup(prop->originating_machine);
	if (snapshot->fs_uuid)
		member->filesystem = strdup(snapshot->fs_uuid);
	member->luns = calloc(snapshot->nr_luns, sizeof(*member->luns));
	if (!member->prop.device_object || !member->prop.original_volume_name || !member->luns ||
	    (snapshot->fs_uuid && !member->filesystem))
		return false;
	for (; member->nr_luns < snapshot->nr_luns; member->nr_luns++)
		if (!hw_mapping_copy(&member->luns[member->nr_luns], &snapshot->luns[member->nr_luns]))
			return false;
	return true;
}

static vss_result enter_record(struct hardware *hw, const struct vss_provider_snapshot *snapshot,
			       struct hw_set **of, struct vss_error *err)
{
	struct hw_set *set = hw_set_find(hw, &snapshot->prop.snapshot_set_id);
	struct hw_copy *copy;

	if (!set)
		set = hw_set_new(hw, &snapshot->prop.snapshot_set_id, snapshot->prop.attributes & ~ATTRIBUTES_THERE);
	*of = set;
	if (!set)
		return hw_no_memory(err);
	if (set->about.snapshots_count < snapshot->prop.snapshots_count)
		set->about.snapshots_count = snapshot->prop.snapshots_count;
	copy = hw_copy_add(set);
	if (!copy)
		return hw_no_memory(err);
	copy->state = HW_FAILED;
	copy->imported = true;
	return take_record(copy, snapshot) ? S_OK : hw_no_memory(err);
}

/*
 * The document's record is written before anything is done: whatever happens then,
 * delete_snapshot() can clean up.  It takes the place of what is known of the copy from
 * having made it here, or from an import that failed.
 */
static vss_result import(struct hardware *hw, const struct vss_provider_snapshot *snapshot, char **device,
			 struct vss_error *err)
{
	const struct vss_uuid *id = &snapshot->prop.snapshot_id;
	struct hw_set *set, *old;
	size_t index, old_index;
	vss_result result;

	old = hw_copy_find(hw, id, &old_index);
	result = enter_record(hw, snapshot, &set, err);
	if (result == S_OK)
		result = hw_check_unused(hw, set, set->nr_copies - 1, 1, err);
	if (result == S_OK && old)
		hw_copy_remove(old, old_index);
	if (result == S_OK)
		result = hw_record_save(hw, set, err);
	if (result != S_OK) {
		/* Nothing was touched: what there was before is all there is. */
		if (set && set->nr_copies > (old == set))
			hw_copy_remove(set, set->nr_copies - 1);
		if (set && !set->nr_copies)
			hw_record_remove(hw, set);
		return result;
	}
	index = set->nr_copies - 1;
	result = hw_show(hw, set, index, 1, err);
	if (result != S_OK)
		return result;
	set->copies[index].state = HW_SHOWN;
	result = hw_record_save(hw, set, err);
	if (result != S_OK) {
		set->copies[index].state = HW_FAILED;
		return result;
	}
	*device = copy_text(set->copies[index].member.prop.device_object);
	return *device ? S_OK : hw_no_memory(err);
}

vss_result hw_import(void *state, struct vss_provider_snapshot *snapshot, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = judge_record(snapshot, err);
	char *device = NULL;

	if (result != S_OK)
		return result;
	pthread_mutex_lock(&hw->mutex);
	if (hw->creating && vss_uuid_equal(&hw->creating->about.set_id, &snapshot->prop.snapshot_set_id))
		return leave(hw, hw_fail(err, VSS_E_PROVIDER_VETO, "the shadow copy set is in creation"));
	result = import(hw, snapshot, &device, err);
	if (result == S_OK) {
		free(snapshot->prop.device_object);
		snapshot->prop.device_object = device;
		snapshot->prop.attributes |= VSS_VOLSNAP_ATTR_IMPORTED | hw->attributes;
	}
	return leave(hw, result);
}

/* ---- breaking ---- */

static vss_result mask(struct hardware *hw, struct hw_set *set, const struct vss_lun_mapping *luns, size_t n,
		       struct vss_error *err)
{
	vss_result result = hw_take_off(hw, set, err);

	if (result == S_OK)
		result = hw->plugin->on_lun_state_change(hw->state, luns, n, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, false, err);
	return result;
}

static vss_result make_all_writable(struct hardware *hw, struct hw_set *set, struct vss_error *err)
{
	struct vss_error ignored;
	vss_result result = S_OK;
	size_t i;

	for (i = 0; result == S_OK && i < set->nr_copies; i++)
		result = hw_make_writable(hw, set, i, true, err);
	while (result != S_OK && i > 0)
		hw_make_writable(hw, set, --i, false, &ignored);
	return result;
}

/*
 * A copy bears the identity of its original (disk signature, UUIDs) from its making;
 * so there is nothing to do for the flags that revert identities.
 */
static vss_result let_go(struct hardware *hw, struct hw_set *set, uint32_t flags,
			 const struct vss_lun_mapping *luns, size_t n, struct vss_error *err)
{
	vss_result result = S_OK;

	for (size_t i = 0; i < set->nr_copies; i++) {
		hw_refresh(hw, set, i);
		if (!set->copies[i].member.prop.device_object[0])
			return hw_fail(err, VSS_E_PROVIDER_VETO, "the LUNs of the copy of %s are not here; see to the "
				       "array's mapping and the connection",
				       set->copies[i].member.prop.original_volume_name);
	}
	if (flags & VSS_BREAKEX_FLAG_MAKE_READ_WRITE)
		result = make_all_writable(hw, set, err);
	for (size_t i = 0; result == S_OK && i < n; i++)
		if (hw->machine->unhide(&luns[i].destination, err) != S_OK)
			result = VSS_E_PROVIDER_VETO;
	return result;
}

/* One that is to travel has to be imported first. */
static vss_result may_break(const struct hardware *hw, const struct hw_set *set, const struct vss_uuid *id,
			    struct vss_error *err)
{
	if (!set || set == hw->creating)
		return no_such("set ", id, err);
	for (size_t i = 0; i < set->nr_copies; i++) {
		if (set->copies[i].state == HW_FAILED)
			return hw_fail(err, VSS_E_PROVIDER_VETO, "the import of the copy of %s failed; clean it up, or "
				       "import it again", set->copies[i].member.prop.original_volume_name);
		if (set->copies[i].state != HW_SHOWN)
			return no_such("set that this machine shows, ", id, err);
	}
	return S_OK;
}

vss_result hw_break(void *state, const struct vss_uuid *id, uint32_t flags, struct vss_error *err)
{
	struct hardware *hw = state;
	struct vss_lun_mapping *luns;
	struct hw_set *set;
	vss_result result;
	size_t n;

	pthread_mutex_lock(&hw->mutex);
	set = hw_set_find(hw, id);
	result = may_break(hw, set, id, err);
	if (result != S_OK)
		return leave(hw, result);
	result = hw_luns_of(set, 0, set->nr_copies, true, &luns, &n, err);
	if (result != S_OK)
		return leave(hw, result);
	if (flags & VSS_BREAKEX_FLAG_MASK_LUNS)
		result = mask(hw, set, luns, n, err);
	else
		result = let_go(hw, set, flags, luns, n, err);
	vss_lun_mappings_free(luns, n);
	if (result == S_OK)
		hw_record_remove(hw, set);
	return leave(hw, result);
}

/* ---- masking originals ---- */

vss_result hw_lun_state_change(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			       bool mask_originals, struct vss_error *err)
{
	struct hardware *hw = state;
	vss_result result = S_OK;

	pthread_mutex_lock(&hw->mutex);
	for (size_t i = 0; mask_originals && result == S_OK && i < nr_luns; i++) {
		_cleanup_free_ char *device = NULL;

		result = hw->machine->find(&luns[i].source, &device, err);
		if (result == S_OK)
			result = hw->machine->remove(device, err);
		/* It may have gone before: lost, or masked by an earlier try. */
		if (result == VSS_E_OBJECT_NOT_FOUND)
			result = S_OK;
	}
	if (result != S_OK && result != VSS_E_VOLUME_IN_USE && result != E_OUTOFMEMORY)
		result = VSS_E_PROVIDER_VETO;
	if (result == S_OK)
		result = hw->plugin->on_lun_state_change(hw->state, luns, nr_luns, flags, mask_originals, err);
	return leave(hw, result);
}

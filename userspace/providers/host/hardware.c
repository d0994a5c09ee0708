// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The adapter for hardware providers: its life, and the table of its functions.
 */
#include <string.h>

#include "hardware-internal.h"

/* Of an array that makes only one kind of copies it is known which they are. */
static uint32_t attributes(struct hardware *hw)
{
	const uint64_t kinds = VSS_PRV_CAPABILITY_PLEX | VSS_PRV_CAPABILITY_DIFFERENTIAL;
	struct vss_error err = { 0 };
	uint64_t has = 0;

	if (hw->plugin->get_provider_capabilities(hw->state, &has, &err) != S_OK)
		has = 0;
	switch (has & kinds) {
	case VSS_PRV_CAPABILITY_PLEX:
		return VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED | VSS_VOLSNAP_ATTR_PLEX;
	case VSS_PRV_CAPABILITY_DIFFERENTIAL:
		return VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED | VSS_VOLSNAP_ATTR_DIFFERENTIAL;
	default:
		return VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED;
	}
}

static vss_result load(void **state, struct vss_error *err)
{
	struct hardware *hw = *state;
	vss_result result = hw->plugin->load(&hw->state, err);

	if (VSS_FAILED(result))
		return result;
	result = hw_records_load(hw, err);
	if (VSS_FAILED(result)) {
		hw->plugin->unload(hw->state, true);
		return result;
	}
	hw->attributes = attributes(hw);
	hw_hide_again(hw);
	return S_OK;
}

static vss_result unload(void *state, bool force)
{
	struct hardware *hw = state;
	vss_result result = hw->plugin->unload(hw->state, force);

	/* By force there is no refusing. */
	if (force)
		result = S_OK;
	if (result == S_OK)
		while (!LIST_EMPTY(&hw->sets))
			hw_set_free(hw, LIST_FIRST(&hw->sets));
	return result;
}

static vss_result is_volume_supported(void *state, uint32_t context, const struct vss_provider_volume *volume,
				      struct vss_error *err)
{
	struct hardware *hw = state;
	struct vss_lun_mapping *luns;
	vss_result result;
	size_t n;

	pthread_mutex_lock(&hw->mutex);
	result = hw_volume_luns(hw, volume->path, context, &luns, &n, err);
	if (result == S_OK)
		vss_lun_mappings_free(luns, n);
	pthread_mutex_unlock(&hw->mutex);
	return result;
}

static void fill_ops(struct vss_provider_ops *ops, const struct vss_provider_ops *plugin)
{
	*ops = (struct vss_provider_ops) {
		.abi_version = VSS_PROVIDER_ABI_VERSION,
		.size = sizeof(*ops),
		.id = plugin->id,
		.version_id = plugin->version_id,
		.name = plugin->name,
		.version = plugin->version,
		.type = plugin->type,
		.load = load,
		.unload = unload,
		.is_volume_supported = is_volume_supported,
		.is_volume_snapshotted = hw_is_snapshotted,
		.begin_prepare_snapshot = hw_begin_prepare,
		.begin_hold = plugin->begin_hold ? hw_begin_hold : NULL,
		.end_prepare_snapshots = hw_end_prepare,
		.pre_commit_snapshots = hw_pre_commit,
		.hold_writes = plugin->hold_writes ? hw_hold : NULL,
		.commit_snapshots = hw_commit,
		.release_writes = plugin->release_writes ? hw_release : NULL,
		.post_commit_snapshots = hw_post_commit,
		.pre_final_commit_snapshots = hw_pre_final_commit,
		.post_final_commit_snapshots = hw_post_final_commit,
		.abort_snapshots = hw_abort,
		.get_snapshots = hw_get_snapshots,
		.delete_snapshot = hw_delete,
		.set_writable = hw_set_writable,
		.import_snapshot = hw_import,
		.break_snapshot_set = hw_break,
		.on_lun_state_change = hw_lun_state_change,
		.resync_luns = plugin->resync_luns ? hw_resync : NULL,
	};
}

struct hardware *hardware_new(const struct vss_provider_ops *plugin, const struct hardware_settings *settings)
{
	struct hardware *hw = calloc(1, sizeof(*hw));
	char id[VSS_UUID_TEXT_SIZE];

	if (!hw)
		return NULL;
	if (asprintf(&hw->dir, "%s/%s", settings->state_dir, vss_uuid_format(&plugin->id, id)) < 0) {
		free(hw);
		return NULL;
	}
	hw->plugin = plugin;
	hw->machine = settings->machine;
	hw->arrival_ms = settings->arrival_ms;
	LIST_INIT(&hw->sets);
	pthread_mutex_init(&hw->mutex, NULL);
	fill_ops(&hw->ops, plugin);
	return hw;
}

void hardware_free(struct hardware *hw)
{
	if (!hw)
		return;
	while (!LIST_EMPTY(&hw->sets))
		hw_set_free(hw, LIST_FIRST(&hw->sets));
	pthread_mutex_destroy(&hw->mutex);
	free(hw->dir);
	free(hw);
}

const struct vss_provider_ops *hardware_ops(const struct hardware *hw)
{
	return &hw->ops;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adapter for hardware providers: it turns what a plug-in knows of its array
 * (the functions marked (H) in vss/provider.h) into a whole provider (those marked
 * (S)), with what is the same for every array.
 */
#ifndef PROVIDER_HARDWARE_H
#define PROVIDER_HARDWARE_H

#include <vss/provider.h>

/* What the adapter asks of the machine that it runs on; as in vss/lun.h. */
struct hardware_machine {
	vss_result (*volume_luns)(const char *volume, struct vss_lun_mapping **mappings, size_t *n,
				  struct vss_error *err);
	vss_result (*identify)(const char *device, struct vss_lun_info *lun, struct vss_error *err);
	vss_result (*find)(const struct vss_lun_info *lun, char **device, struct vss_error *err);
	vss_result (*rescan)(uint32_t timeout_ms, struct vss_error *err);
	vss_result (*wait)(const struct vss_lun_info *const *luns, size_t n, uint32_t timeout_ms,
			   struct vss_error *err);
	vss_result (*remove)(const char *device, struct vss_error *err);
	vss_result (*hide)(const struct vss_lun_info *lun, struct vss_error *err);
	vss_result (*unhide)(const struct vss_lun_info *lun, struct vss_error *err);
	vss_result (*from_luns)(const struct vss_lun_mapping *mappings, size_t n,
				const struct vss_volume_options *options, char **device,
				struct vss_error *err);
	vss_result (*release)(const char *device, struct vss_error *err);
	vss_result (*set_read_only)(const char *device, bool read_only, struct vss_error *err);
	vss_result (*check_volumes)(const char *device, const struct vss_lun_mapping *selected, size_t n,
				    struct vss_error *err);
	vss_result (*check_idle)(const char *device, struct vss_error *err);
	vss_result (*refresh)(const char *device, struct vss_error *err);
	/* To free(); NULL for a volume without a file system that is known. */
	char *(*fs_uuid)(const char *device);
};
extern const struct hardware_machine hardware_this_machine;

/**
 * struct hardware_settings - What the adapter is told.
 * @state_dir: where vssd keeps its state; records go to a folder of the provider's in it
 * @arrival_ms: for which the LUNs of shadow copies are waited for
 * @machine: hardware_this_machine, but in tests
 */
struct hardware_settings {
	const char *state_dir;
	uint32_t arrival_ms;
	const struct hardware_machine *machine;
};

struct hardware;

/* NULL without memory.  @plugin has passed plugin_check(). */
struct hardware *hardware_new(const struct vss_provider_ops *plugin, const struct hardware_settings *settings);
/* After its unload(). */
void hardware_free(struct hardware *hw);

/* The whole provider; its load() takes @hw as the state it is given. */
const struct vss_provider_ops *hardware_ops(const struct hardware *hw);

#endif /* PROVIDER_HARDWARE_H */

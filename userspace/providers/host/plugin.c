// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plug-ins.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "error.h"
#include "plugin.h"

enum { ALL, SOFTWARE, HARDWARE };

static const struct {
	size_t offset;
	const char *name;
	int whose;
} required[] = {
#define REQUIRED(member, whose) { offsetof(struct vss_provider_ops, member), #member, whose }
	REQUIRED(load, ALL),
	REQUIRED(unload, ALL),
	REQUIRED(is_volume_supported, SOFTWARE),
	REQUIRED(is_volume_snapshotted, SOFTWARE),
	REQUIRED(begin_prepare_snapshot, ALL),
	REQUIRED(end_prepare_snapshots, ALL),
	REQUIRED(pre_commit_snapshots, ALL),
	REQUIRED(commit_snapshots, ALL),
	REQUIRED(post_commit_snapshots, ALL),
	REQUIRED(pre_final_commit_snapshots, ALL),
	REQUIRED(post_final_commit_snapshots, ALL),
	REQUIRED(abort_snapshots, ALL),
	REQUIRED(get_snapshots, SOFTWARE),
	REQUIRED(delete_snapshot, SOFTWARE),
	REQUIRED(get_provider_capabilities, HARDWARE),
	REQUIRED(are_luns_supported, HARDWARE),
	REQUIRED(fill_in_lun_info, HARDWARE),
	REQUIRED(get_target_luns, HARDWARE),
	REQUIRED(locate_luns, HARDWARE),
	REQUIRED(on_lun_empty, HARDWARE),
	REQUIRED(on_lun_state_change, HARDWARE),
#undef REQUIRED
};

static int check_functions(const struct vss_provider_ops *ops, const char *path, struct vss_error *err)
{
	const int whose = ops->type == VSS_PROV_HARDWARE ? HARDWARE : SOFTWARE;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if ((required[i].whose == ALL || required[i].whose == whose) &&
		    !*(void *const *)((const char *)ops + required[i].offset))
			return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
					     "the provider %s has no function %s, which one of type %s "
					     "must have", path, required[i].name,
					     vss_provider_type_name(ops->type));
	if (!ops->hold_writes != !ops->release_writes)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the provider %s has only one of hold_writes and release_writes",
				     path);
	return 0;
}

int plugin_check(const struct vss_provider_ops *ops, bool system, const char *path, struct vss_error *err)
{
	/* The first two members tell whether the others can be looked at. */
	if (!ops || ops->abi_version != VSS_PROVIDER_ABI_VERSION)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the provider %s has version %u of the provider interface, and "
				     "this vssd version %d; install the one built for it", path,
				     ops ? ops->abi_version : 0, VSS_PROVIDER_ABI_VERSION);
	if (ops->size < sizeof(*ops))
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the provider %s says that its functions take %zu bytes, which "
				     "must be %zu at least; build it anew", path, ops->size, sizeof(*ops));
	if (vss_uuid_is_null(&ops->id) || !ops->name || !ops->name[0])
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the provider %s has no identifier or no name", path);
	if (!system && ops->type != VSS_PROV_SOFTWARE && ops->type != VSS_PROV_HARDWARE)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the provider %s is of type %s, but may only be software or "
				     "hardware", path, vss_provider_type_name(ops->type));
	return check_functions(ops, path, err);
}

const struct vss_provider_ops *plugin_load(const char *path, struct vss_error *err)
{
	const struct vss_provider_ops *(*get)(void);
	const struct vss_provider_ops *ops;
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!plugin) {
		vss_error_set(err, -ENOENT, VSS_E_PROVIDER_VETO, "cannot load the provider: %s", dlerror());
		return NULL;
	}
	*(void **)&get = dlsym(plugin, "vss_provider_get");
	if (!get) {
		vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
			      "%s is no provider: it does not export vss_provider_get()", path);
		return NULL;
	}
	ops = get();
	return plugin_check(ops, false, path, err) ? NULL : ops;
}

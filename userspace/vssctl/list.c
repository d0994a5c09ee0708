// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl list: the snapshots there are, as the kernel module knows them; or what
 * vssd knows of: shadow copies, writers, providers, volumes.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"
#include "print-service.h"
#include "requester.h"

enum { OPT_VOLUME = 1, OPT_SET, OPT_SHADOW };

static const struct vssctl_option options[] = {
	{ OPT_VOLUME, "volume", "VOLUME", "only snapshots of this volume" },
	{ OPT_SET, "set", "ID", "only snapshots of this set" },
	{ OPT_SHADOW, "shadow", "ID", "only this shadow copy (with \"shadows\")" },
	{ 0 },
};

struct filter {
	const char *volume_name, *set_name, *shadow_name;
	struct vss_blockdev volume;
	struct vss_uuid set, shadow;
};

static int list_snapshots(struct vssctl *ctl, struct filter *filter)
{
	struct vss_kernel_snapshot *snapshots;
	size_t count;
	int ret = vssctl_open_kernel(ctl);

	if (!ret && filter->volume_name)
		ret = vssctl_resolve_tracked(ctl, filter->volume_name, &filter->volume);
	if (ret)
		return ret;
	if (vss_kernel_snapshot_list(ctl->kernel, filter->set_name ? &filter->set : NULL,
				     filter->volume_name ? &filter->volume.dev : NULL, &snapshots,
				     &count))
		return vssctl_fail_kernel(ctl);
	ctl->print->snapshots(ctl, snapshots, count);
	free(snapshots);
	return VSSCTL_OK;
}

static bool passes(const struct filter *filter, const struct vss_snapshot_prop *prop)
{
	return (!filter->set_name || vss_uuid_equal(&prop->snapshot_set_id, &filter->set)) &&
	       (!filter->shadow_name || vss_uuid_equal(&prop->snapshot_id, &filter->shadow)) &&
	       (!filter->volume_name || !strcmp(prop->original_volume_name, filter->volume.path));
}

static bool same_volume_before(const struct vssctl_objects *objects, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (objects->props[j].snap.status == VSS_SS_UNKNOWN &&
		    !strcmp(objects->props[j].snap.original_volume_name, objects->props[i].snap.original_volume_name))
			return true;
	return false;
}

/* Why some are not available, and what is to be done: once for each volume. */
static void tell_unavailable(struct vssctl *ctl, struct vss_backup_components *bc, const struct vssctl_objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		struct vss_snapshot_prop prop = { 0 };

		if (objects->props[i].snap.status != VSS_SS_UNKNOWN || same_volume_before(objects, i))
			continue;
		if (VSS_FAILED(vss_backup_components_get_snapshot_properties(bc, &objects->props[i].snap.snapshot_id,
									     &prop)))
			vssctl_warn(ctl, "%s", vss_backup_components_error(bc)->text);
		vss_free_snapshot_properties(&prop);
	}
}

static int list_shadows(struct vssctl *ctl, struct vss_backup_components *bc, struct filter *filter)
{
	struct vssctl_objects objects;
	size_t kept = 0;
	int ret = filter->volume_name ? vssctl_resolve(ctl, filter->volume_name, &filter->volume) : 0;

	if (!ret)
		ret = vssctl_query(ctl, bc, VSS_OBJECT_SNAPSHOT, &objects);
	if (ret)
		return ret;
	for (size_t i = 0; i < objects.count; i++) {
		if (passes(filter, &objects.props[i].snap))
			objects.props[kept++] = objects.props[i];
		else
			vss_object_prop_clear(&objects.props[i]);
	}
	objects.count = kept;
	if (!kept && (filter->set_name || filter->shadow_name))
		ret = vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "there is no such shadow copy or set");
	else
		vssctl_print_shadows(ctl, objects.props, objects.count);
	tell_unavailable(ctl, bc, &objects);
	vssctl_objects_clear(&objects);
	return ret;
}

static int list_providers(struct vssctl *ctl, struct vss_backup_components *bc)
{
	struct vssctl_objects objects;
	int ret = vssctl_query(ctl, bc, VSS_OBJECT_PROVIDER, &objects);

	if (ret)
		return ret;
	vssctl_print_providers(ctl, objects.props, objects.count);
	vssctl_objects_clear(&objects);
	return 0;
}

static int list_from_vssd(struct vssctl *ctl, struct vssctl_args *args, const char *what,
			  struct filter *filter)
{
	struct vss_backup_components *bc;
	int ret;

	if (!strcmp(what, "volumes"))
		return vssctl_volumes.run(ctl, &(struct vssctl_args) {
			.ctl = ctl, .command = &vssctl_volumes, .argc = 1, .argv = args->argv - 1 });
	if (!strcmp(what, "writers"))
		return vssctl_writers_status.run(ctl, &(struct vssctl_args) {
			.ctl = ctl, .command = &vssctl_writers_status, .argc = 1,
			.argv = args->argv - 1 });
	ret = vssctl_connect_all(ctl, &bc);
	if (ret)
		return ret;
	ret = !strcmp(what, "shadows") ? list_shadows(ctl, bc, filter) : list_providers(ctl, bc);
	vss_backup_components_release(bc);
	return ret;
}

static int run_filtered(struct vssctl *ctl, struct vssctl_args *args, struct filter *filter)
{
	static const char *const kinds[] = { "shadows", "writers", "providers", "volumes" };
	const char *what = args->argc ? args->argv[0] : NULL;
	bool filtered = filter->volume_name || filter->set_name || filter->shadow_name;
	bool known = !what;
	int ret = 0;

	for (size_t i = 0; what && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		known |= !strcmp(what, kinds[i]);
	if (!known)
		return vssctl_usage_error(args, "there are shadows, writers, providers and volumes to "
					  "list, no \"%s\"", what);
	if (filtered && what && strcmp(what, "shadows"))
		return vssctl_usage_error(args, "%s are listed without options", what);
	if (filter->shadow_name && !what)
		return vssctl_usage_error(args, "--shadow goes with \"shadows\"");
	if (filter->set_name)
		ret = vssctl_parse_uuid(ctl, filter->set_name, &filter->set);
	if (!ret && filter->shadow_name)
		ret = vssctl_parse_uuid(ctl, filter->shadow_name, &filter->shadow);
	if (ret)
		return ret;
	return what ? list_from_vssd(ctl, args, what, filter) : list_snapshots(ctl, filter);
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct filter filter = { 0 };
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_VOLUME:
			filter.volume_name = optarg;
			break;
		case OPT_SET:
			filter.set_name = optarg;
			break;
		case OPT_SHADOW:
			filter.shadow_name = optarg;
			break;
		}
	}
	ret = run_filtered(ctl, args, &filter);
	vss_blockdev_clear(&filter.volume);
	return ret;
}

const struct vssctl_command vssctl_list = {
	.name = "list",
	.operands = "[shadows|writers|providers|volumes]",
	.summary = "list snapshots, or what vssd knows of",
	.description = "List snapshots, oldest first, as the kernel module knows them.  With a word: what\n"
		       "vssd knows of, whoever provides it.",
	.options = options,
	.max_operands = 1,
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl unexpose, break, revert: what vssd does with shadow copies that exist.
 */
#include <string.h>

#include "command.h"
#include "print-service.h"
#include "requester.h"
#include "revert-at-boot.h"

/* ---- those that take an id and nothing else ---- */

static int with_id(struct vssctl *ctl, struct vssctl_args *args,
		   vss_result (*call)(struct vss_backup_components *, const struct vss_uuid *))
{
	struct vss_backup_components *bc;
	struct vss_uuid id;
	int ret;

	while (vssctl_next_option(args) != VSSCTL_OPTION_END)
		return args->exit_code;
	ret = vssctl_parse_uuid(ctl, args->argv[0], &id) ?: vssctl_connect_all(ctl, &bc);
	if (ret)
		return ret;
	ret = vssctl_check(ctl, bc, call(bc, &id));
	vss_backup_components_release(bc);
	return ret;
}

static int run_unexpose(struct vssctl *ctl, struct vssctl_args *args)
{
	return with_id(ctl, args, vss_backup_components_unexpose_snapshot);
}

const struct vssctl_command vssctl_unexpose = {
	.name = "unexpose",
	.operands = "ID",
	.summary = "unmount an exposed shadow copy",
	.description = "Take back what 'vssctl expose' did.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_unexpose,
};

/* ---- break ---- */

enum { OPT_WRITABLE = 1, OPT_MASK, OPT_IDENTITY };

static const struct vssctl_option break_options[] = {
	{ OPT_WRITABLE, "writable", NULL, "make the volumes read/write" },
	{ OPT_MASK, "mask", NULL, "take their LUNs away from this machine" },
	{ OPT_IDENTITY, "identity", "HOW", "revert (give them the originals') or keep" },
	{ 0 },
};

static int run_break(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_backup_components *bc;
	struct vss_async *async;
	struct vss_uuid set;
	uint32_t flags = 0;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_WRITABLE:
			flags |= VSS_BREAKEX_FLAG_MAKE_READ_WRITE;
			break;
		case OPT_MASK:
			flags |= VSS_BREAKEX_FLAG_MASK_LUNS;
			break;
		case OPT_IDENTITY:
			if (strcmp(optarg, "revert") && strcmp(optarg, "keep"))
				return vssctl_usage_error(args, "--identity: revert or keep");
			flags |= !strcmp(optarg, "revert") ? VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL :
							     VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE;
			break;
		}
	}
	ret = vssctl_parse_uuid(ctl, args->argv[0], &set) ?: vssctl_connect_all(ctl, &bc);
	if (ret)
		return ret;
	if (flags)
		ret = vssctl_wait(ctl, bc,
				  vss_backup_components_break_snapshot_set_ex(bc, &set, flags, &async),
				  &async, "breaking the set", NULL);
	else
		ret = vssctl_check(ctl, bc, vss_backup_components_break_snapshot_set(bc, &set));
	vss_backup_components_release(bc);
	return ret;
}

const struct vssctl_command vssctl_break = {
	.name = "break",
	.operands = "SET",
	.summary = "turn imported shadow copies into volumes",
	.description = "Make the shadow copies of a set ordinary volumes, which vssd then forgets.",
	.options = break_options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_break,
};

/* ---- revert ---- */

enum { OPT_FORCE = 1, OPT_STATUS, OPT_AT_BOOT, OPT_CANCEL };

static const struct vssctl_option revert_options[] = {
	{ OPT_FORCE, "force", NULL, "unmount the volume first" },
	{ OPT_STATUS, "status", NULL, "wait for the revert of a volume, named instead of the id" },
	{ OPT_AT_BOOT, "at-boot", NULL, "set the root volume back when the machine is started next" },
	{ OPT_CANCEL, "cancel", NULL, "take that back" },
	{ 0 },
};

static int await_revert(struct vssctl *ctl, struct vss_backup_components *bc, const char *volume)
{
	struct vss_async *async;
	int ret;

	ctl->percent_lines = true;
	ret = vssctl_wait(ctl, bc, vss_backup_components_query_revert_status(bc, volume, &async), &async,
			  "reverting", NULL);
	if (!ret) {
		vssctl_print_revert(ctl, volume, "ended");
		vssctl_note(ctl, "no revert of %s is under way, and none has failed", volume);
	}
	return ret;
}

/* Reverts go on by themselves: who asked has to know where to look. */
static int begin_revert(struct vssctl *ctl, struct vss_backup_components *bc, const struct vss_uuid *id, bool force)
{
	struct vss_snapshot_prop prop;
	int ret = vssctl_check(ctl, bc, vss_backup_components_get_snapshot_properties(bc, id, &prop));
	const char *volume;

	if (ret)
		return ret;
	volume = prop.original_volume_name ? prop.original_volume_name : "";
	ret = vssctl_check(ctl, bc, vss_backup_components_revert_to_snapshot(bc, id, force));
	if (!ret) {
		vssctl_print_revert(ctl, volume, "begun");
		vssctl_note(ctl, "%s is being set back; 'vssctl revert --status %s' waits for the end", volume, volume);
	}
	vss_free_snapshot_properties(&prop);
	return ret;
}

static int run_revert(struct vssctl *ctl, struct vssctl_args *args)
{
	bool force = false, status = false, at_boot = false, cancel = false;
	struct vss_backup_components *bc;
	struct vss_uuid id;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_FORCE:
			force = true;
			break;
		case OPT_STATUS:
			status = true;
			break;
		case OPT_AT_BOOT:
			at_boot = true;
			break;
		case OPT_CANCEL:
			cancel = true;
			break;
		}
	}
	if (force + status + at_boot + cancel > 1)
		return vssctl_usage_error(args, "--force, --status, --at-boot and --cancel exclude each other");
	ret = status ? 0 : vssctl_parse_uuid(ctl, args->argv[0], &id);
	if (!ret && (at_boot || cancel))
		return at_boot ? vssctl_revert_at_boot(ctl, &id) : vssctl_revert_cancel(ctl, &id);
	if (!ret)
		ret = vssctl_connect_all(ctl, &bc);
	if (ret)
		return ret;
	if (status)
		ret = await_revert(ctl, bc, args->argv[0]);
	else
		ret = begin_revert(ctl, bc, &id, force);
	vss_backup_components_release(bc);
	return ret;
}

const struct vssctl_command vssctl_revert = {
	.name = "revert",
	.operands = "ID|VOLUME",
	.summary = "set a volume back to a shadow copy",
	.description = "Set a volume back to a persistent shadow copy, where its provider can.",
	.options = revert_options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_revert,
};

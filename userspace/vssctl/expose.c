// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl expose: bring shadow copies to mount points, or to the clients of a file
 * server.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "expose.h"
#include "print-service.h"

enum { OPT_SAMBA = 1, OPT_SHARE, OPT_PATH };

static const struct vssctl_option options[] = {
	{ OPT_SAMBA, "samba", NULL, "as a previous version, DIRECTORY/@GMT-..., for Samba's clients" },
	{ OPT_SHARE, "share", "NAME", "as a network share instead" },
	{ OPT_PATH, "path", "PATH", "only this directory of it (with --share)" },
	{ 0 },
};

int vssctl_absolute_dir(struct vssctl *ctl, const char *name, char *absolute)
{
	struct stat st;

	if (!realpath(name, absolute))
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "there is no directory %s", name);
	if (stat(absolute, &st) || !S_ISDIR(st.st_mode))
		return vssctl_fail(ctl, E_INVALIDARG, "%s is no directory", name);
	return 0;
}

/* @exposed receives the name, to be freed. */
static int expose_one(struct vssctl *ctl, struct vss_backup_components *bc, const struct vss_uuid *id,
		      const char *folder, char **exposed)
{
	return vssctl_check(ctl, bc, vss_backup_components_expose_to_clients(bc, id, folder, exposed));
}

int vssctl_expose_to_clients(struct vssctl *ctl, struct vss_backup_components *bc, const char *volume,
			     const char *folder, bool list)
{
	struct vssctl_objects objects;
	int ret = vssctl_query(ctl, bc, VSS_OBJECT_SNAPSHOT, &objects), failed;
	size_t count = 0;
	char **names;

	if (ret)
		return ret;
	names = calloc(objects.count + 1, sizeof(*names));
	if (!names) {
		vssctl_objects_clear(&objects);
		return vssctl_fail(ctl, E_OUTOFMEMORY, "no memory for the names of what is exposed");
	}
	for (size_t i = 0; i < objects.count; i++) {
		const struct vss_snapshot_prop *prop = &objects.props[i].snap;

		/* Nothing can be read of one that is lost. */
		if (!(prop->attributes & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE) || prop->exposed_name ||
		    prop->status != VSS_SS_CREATED || strcmp(prop->original_volume_name, volume) != 0)
			continue;
		/* The first failure decides; each one is told. */
		failed = expose_one(ctl, bc, &prop->snapshot_id, folder, &names[count]);
		ret = ret ?: failed;
		count += !failed;
	}
	if (list && !ctl->quiet)
		vssctl_print_values(ctl, "exposed", names, count);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	vssctl_objects_clear(&objects);
	return ret;
}

static int run_samba(struct vssctl *ctl, struct vss_backup_components *bc, const char *what, const char *folder)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	char *exposed = NULL;
	struct vss_uuid id;
	int ret;

	if (!vss_uuid_parse(what, &id)) {
		ret = expose_one(ctl, bc, &id, folder, &exposed);
		if (!ret && !ctl->quiet)
			vssctl_print_value(ctl, "exposed", exposed);
		free(exposed);
		return ret;
	}
	return vssctl_resolve(ctl, what, &volume) ?: vssctl_expose_to_clients(ctl, bc, volume.path, folder, true);
}

static int run_expose(struct vssctl *ctl, struct vss_backup_components *bc, const struct vss_uuid *id,
		      const char *share, const char *path, const char *dir)
{
	const uint32_t how = share ? VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY : VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
	char *exposed = NULL;
	int ret = vssctl_check(ctl, bc, vss_backup_components_expose_snapshot(bc, id, path, how,
									      share ? share : dir, &exposed));

	if (!ret && !ctl->quiet)
		vssctl_print_value(ctl, "exposed", exposed);
	free(exposed);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	const char *share = NULL, *path = NULL;
	struct vss_backup_components *bc;
	char absolute[PATH_MAX];
	bool samba = false;
	struct vss_uuid id;
	int opt, ret = 0;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_SAMBA:
			samba = true;
			break;
		case OPT_SHARE:
			share = optarg;
			break;
		case OPT_PATH:
			path = optarg;
			break;
		}
	}
	if (!share == (args->argc < 2) || (path && !share))
		return vssctl_usage_error(args, "give a directory, or --share");
	if (samba && share)
		return vssctl_usage_error(args, "--samba and --share exclude each other");
	if (!samba)
		ret = vssctl_parse_uuid(ctl, args->argv[0], &id);
	/* vssd has a working directory of its own. */
	if (!ret && !share)
		ret = vssctl_absolute_dir(ctl, args->argv[1], absolute);
	if (!ret)
		ret = vssctl_connect_all(ctl, &bc);
	if (ret)
		return ret;
	ret = samba ? run_samba(ctl, bc, args->argv[0], absolute) :
		      run_expose(ctl, bc, &id, share, path, absolute);
	vss_backup_components_release(bc);
	return ret;
}

const struct vssctl_command vssctl_expose = {
	.name = "expose",
	.operands = "ID [DIRECTORY]",
	.summary = "mount a shadow copy, read-only",
	.description = "Mount a persistent shadow copy at a directory, read-only and without log replay.\n"
		       "It stays mounted until 'vssctl unexpose' or until it is deleted.  With --samba:\n"
		       "a client-accessible one below a directory in which Samba's vfs_shadow_copy2 looks\n"
		       "for previous versions; instead of the ID a volume, for all that it has.",
	.options = options,
	.min_operands = 1,
	.max_operands = 2,
	.run = run,
};

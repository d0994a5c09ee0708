// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl import, mask: what is done with the document of a set that travels, but
 * for the whole of a fast recovery (recover.c).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup.h"
#include "command.h"
#include "critical.h"
#include "originals.h"
#include "print-service.h"
#include "transport.h"
#include "wait-for.h"

/* ---- import ---- */

enum { OPT_EXEC = 1, OPT_WAIT_FOR, OPT_WAIT, OPT_CLEANUP };

static const struct vssctl_option import_options[] = {
	{ OPT_EXEC, "exec", "COMMAND", "run it while the shadow copies are here" },
	{ OPT_WAIT_FOR, "wait-for", "FILE", "stay until FILE is there" },
	{ OPT_WAIT, "wait", "SECONDS", "try for so long while nothing of it is here" },
	{ OPT_CLEANUP, "cleanup", NULL, "delete what an import that failed has left" },
	{ 0 },
};

struct import_options {
	const char *document;
	const char *command;
	const char *wait_for;
	uint64_t wait;
	bool clean_up;
};

/* As of "create": VSS_SHADOW_SET, VSS_SHADOW_1, VSS_VOLUME_1, VSS_DEVICE_1, ... */
static char **environment_of(struct vssctl_transport *t, const struct vssctl_objects *copies)
{
	char **environment = calloc(2 + 3 * copies->count, sizeof(*environment));
	char id[VSS_UUID_TEXT_SIZE];
	bool ok = environment;
	size_t n = 0;

	if (ok)
		ok = asprintf(&environment[n++], "VSS_SHADOW_SET=%s", vss_uuid_format(&t->set.set_id, id)) >= 0;
	for (size_t i = 0; ok && i < copies->count; i++) {
		const struct vss_snapshot_prop *prop = &copies->props[i].snap;

		ok = asprintf(&environment[n++], "VSS_SHADOW_%zu=%s", i + 1,
			      vss_uuid_format(&prop->snapshot_id, id)) >= 0 &&
		     asprintf(&environment[n++], "VSS_VOLUME_%zu=%s", i + 1, prop->original_volume_name) >= 0 &&
		     asprintf(&environment[n++], "VSS_DEVICE_%zu=%s", i + 1, prop->device_object) >= 0;
	}
	if (ok)
		return environment;
	vssctl_environment_free(environment);
	return NULL;
}

static int use(struct vssctl_transport *t, const struct import_options *options,
	       const struct vssctl_objects *copies)
{
	char **environment;
	int ret = 0;

	if (options->command) {
		environment = environment_of(t, copies);
		ret = environment ? vssctl_backup_exec(t->ctl, options->command, environment) :
				    vssctl_fail(t->ctl, E_OUTOFMEMORY, "out of memory");
		vssctl_environment_free(environment);
	}
	if (!ret && options->wait_for)
		ret = vssctl_wait_for(t->ctl, options->wait_for);
	return ret;
}

static int import(struct vssctl_transport *t, const struct import_options *options)
{
	struct timespec begin, end;
	struct vssctl_objects copies;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	ret = vssctl_transport_import(t, options->wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!ret)
		ret = vssctl_transport_copies(t, &copies);
	if (ret)
		return ret;
	vssctl_print_shadows(t->ctl, copies.props, copies.count);
	vssctl_note(t->ctl, "imported %zu of %zu in %.1f s", copies.count, t->set.nr_members,
		    (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	ret = use(t, options, &copies);
	vssctl_objects_clear(&copies);
	if (!ret && vss_context_is_auto_release(t->set.context))
		vssctl_note(t->ctl, "auto-release: the shadow copies are deleted now%s",
			    options->command || options->wait_for ? "" : "; use --exec or --wait-for");
	return ret;
}

static int clean_up(struct vssctl_transport *t)
{
	bool found;
	int ret = vssctl_transport_clean_up(t, &found);

	if (!ret)
		vssctl_note(t->ctl, found ? "what the import had left was deleted" :
			    "there was nothing left of an import of this set");
	return ret;
}

static int run_import(struct vssctl *ctl, struct vssctl_args *args)
{
	struct import_options options = { 0 };
	struct vssctl_transport t = { .ctl = ctl };
	sigset_t signals;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_EXEC:
			options.command = optarg;
			break;
		case OPT_CLEANUP:
			options.clean_up = true;
			break;
		case OPT_WAIT_FOR:
			options.wait_for = optarg;
			break;
		case OPT_WAIT:
			if (!vssctl_number_value(args, "wait", 0, 86400, &options.wait))
				return args->exit_code;
			break;
		}
	if (options.clean_up && (options.command || options.wait_for || options.wait))
		return vssctl_usage_error(args, "--cleanup goes with no other option");
	ret = options.wait_for ? vssctl_wait_for_check(ctl, options.wait_for) : 0;
	if (ret)
		return ret;
	vssctl_block_signals(&signals);
	ret = vssctl_transport_load(&t, ctl, args->argv[0]) ?: vssctl_transport_open(&t);
	if (!ret)
		ret = options.clean_up ? clean_up(&t) : import(&t, &options);
	vssctl_restore_signals(&signals);
	vssctl_transport_clear(&t);
	return ret;
}

const struct vssctl_command vssctl_import = {
	.name = "import",
	.operands = "DOCUMENT",
	.summary = "import a transported set",
	.description = "Import the shadow copies of a Backup Components Document that was saved where\n"
		       "they were made.  Auto-release ones go when this command ends.  After a failure\n"
		       "LUNs stay as they are, for another try or --cleanup.",
	.options = import_options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_import,
};

/* ---- mask ---- */

enum { OPT_UNMOUNT = 1 };

static const struct vssctl_option mask_options[] = {
	{ OPT_UNMOUNT, "unmount", NULL, "unmount and deactivate the volumes first" },
	{ 0 },
};

static int mask(struct vssctl_transport *t, bool unmount)
{
	struct vssctl_originals originals;
	int ret = vssctl_originals_find(&originals, t);

	if (!ret)
		ret = unmount ? vssctl_originals_unmount(&originals) : vssctl_originals_check_unused(&originals);
	if (!ret)
		ret = vssctl_transport_open(t) ?: vssctl_transport_mask(t);
	if (!ret)
		vssctl_note(t->ctl, originals.here ? "the originals' LUNs were taken from this machine" :
			    "the originals' LUNs were not on this machine");
	vssctl_originals_clear(&originals);
	return ret;
}

static int run_mask(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_transport t = { .ctl = ctl };
	bool unmount = false;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
		unmount = true;
	}
	ret = vssctl_transport_load(&t, ctl, args->argv[0]) ?: mask(&t, unmount);
	vssctl_transport_clear(&t);
	return ret;
}

const struct vssctl_command vssctl_mask = {
	.name = "mask",
	.operands = "DOCUMENT",
	.summary = "take the originals of a transported set away",
	.description = "Take the LUNs of the original volumes that a Backup Components Document names\n"
		       "from this machine, so that the shadow copies can take their place.",
	.options = mask_options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_mask,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl resync: the array gives LUNs of original volumes the content of their shadow
 * copies (AddSnapshotToRecoverySet, RecoverSet).
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "transport.h"

enum { OPT_SHADOW = 1, OPT_IDENTITY, OPT_NO_CHECK };

static const struct vssctl_option options[] = {
	{ OPT_SHADOW, "shadow", "ID", "this shadow copy; all of the set without it (repeatable)" },
	{ OPT_IDENTITY, "revert-identity", NULL, "let LUNs get the originals' disk signature" },
	{ OPT_NO_CHECK, "no-volume-check", NULL, "other volumes on the LUNs may be lost" },
	{ 0 },
};

struct resync {
	struct vssctl_transport t;
	struct vss_uuid *ids;		/* that were asked for */
	size_t nr_ids;
	uint32_t flags;
};

static int add_id(struct resync *r, struct vssctl *ctl, const char *text)
{
	struct vss_uuid *more = reallocarray(r->ids, r->nr_ids + 1, sizeof(*more));

	if (!more)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	r->ids = more;
	return vssctl_parse_uuid(ctl, text, &r->ids[r->nr_ids++]);
}

static int add(struct resync *r, const struct vss_uuid *id)
{
	return vssctl_check(r->t.ctl, r->t.bc,
			    vss_backup_components_add_snapshot_to_recovery_set(r->t.bc, id, 0, NULL));
}

static int resync(struct resync *r)
{
	struct vssctl *ctl = r->t.ctl;
	struct vss_async *async;
	size_t count = r->nr_ids;
	int ret;

	ret = vssctl_connect(ctl, &r->t.bc) ?:
	      vssctl_check(ctl, r->t.bc, vss_backup_components_initialize_for_restore(r->t.bc, r->t.xml));
	for (size_t i = 0; !ret && i < r->nr_ids; i++)
		ret = add(r, &r->ids[i]);
	for (size_t i = 0; !ret && !r->nr_ids && i < r->t.set.nr_members; i++, count++)
		ret = add(r, &r->t.set.members[i].prop.snapshot_id);
	if (!ret)
		ret = vssctl_wait(ctl, r->t.bc, vss_backup_components_recover_set(r->t.bc, r->flags, &async), &async,
				  "resynchronizing", NULL);
	if (!ret)
		vssctl_note(ctl, "%zu volume%s got the content of the shadow cop%s", count, count == 1 ? "" : "s",
			    count == 1 ? "y" : "ies");
	return ret;
}

static int run_resync(struct vssctl *ctl, struct vssctl_args *args)
{
	struct resync r = { .t = { .ctl = ctl } };
	int opt, ret = 0;

	while (!ret && (opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			free(r.ids);
			return args->exit_code;
		case OPT_SHADOW:
			ret = add_id(&r, ctl, optarg);
			break;
		case OPT_IDENTITY:
			r.flags |= VSS_RECOVERY_REVERT_IDENTITY_ALL;
			break;
		case OPT_NO_CHECK:
			r.flags |= VSS_RECOVERY_NO_VOLUME_CHECK;
			break;
		}
	if (!ret)
		ret = vssctl_transport_load(&r.t, ctl, args->argv[0]) ?: resync(&r);
	vssctl_transport_clear(&r.t);
	free(r.ids);
	return ret;
}

const struct vssctl_command vssctl_resync = {
	.name = "resync",
	.operands = "DOCUMENT",
	.summary = "give LUNs the content of their shadow copies",
	.description = "Have the array write the shadow copies of a transported set back to the LUNs of\n"
		       "their original volumes.  Nobody may use them; copies stay.  For arrays that can\n"
		       "do that; 'vssctl recover' is for all.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_resync,
};

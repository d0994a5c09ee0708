// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an earlier life of vssd has left: sets in the middle of being made are
 * undone, those whose sessions have died with it are deleted, and all others are
 * compared with what the providers have.
 */
#include "core-internal.h"

static void restore_exposures(void *arg)
{
	struct op *op = arg;
	struct set *set;

	TAILQ_FOREACH(set, &op->core->sets, link)
		if (set->state == SET_CREATED)
			set_restore_exposures(set);
	op_done(op);
}

static void compared(void *arg)
{
	struct op *op = arg;

	core_when_loud(op->core, restore_exposures, op);
}

static bool outlives_session(const struct set *set)
{
	if (!vss_context_is_auto_release(set->context))
		return true;
	return (set->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) && !set->imported && set->saved;
}

void vssd_core_reconcile(struct vssd_core *core)
{
	struct set *set, *next;
	char id[VSS_UUID_TEXT_SIZE];

	records_load(core);
	spent_load(core);
	for (set = TAILQ_FIRST(&core->sets); set; set = next) {
		next = TAILQ_NEXT(set, link);
		if (set->state == SET_CREATED && outlives_session(set))
			continue;
		core_log(core, LOG_NOTICE, VSSD_MESSAGE_RECONCILED, &set->session,
			 set->state == SET_CREATING ? "shadow copy set %s was not finished and is undone" :
			 "shadow copy set %s is deleted, its requester has gone", vss_uuid_format(&set->id, id));
		set->undo = set->state == SET_CREATING;
		set_release(set);
	}
	sets_refresh(core, compared, op_begin_alone(core, sizeof(struct op)));
}

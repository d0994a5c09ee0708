// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an earlier life of vssd has left: sets in the middle of being made are
 * undone, those whose sessions have died with it are deleted, and all others are
 * compared with what the providers have.
 *
 * But where the records' own volume was set back, the record of the set to which it was is
 * from the middle of that set's making, although it was made.  What was not on record yet
 * has gone; the shadow copies stay, as ones that vssd has not made.
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "core-internal.h"

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

static bool was_reverted_to(const struct set *set)
{
	_cleanup_file_ FILE *file = set->core->reverted_file ? fopen(set->core->reverted_file, "re") : NULL;
	char line[VSS_UUID_TEXT_SIZE + 1] = "";
	const struct snapshot *snapshot;
	struct vss_uuid id;

	if (!file || !fgets(line, sizeof(line), file))
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (vss_uuid_parse(line, &id))
		return false;
	TAILQ_FOREACH(snapshot, &set->snapshots, link)
		if (vss_uuid_equal(&snapshot->prop.snapshot_id, &id))
			return true;
	return false;
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
		if (set->state == SET_CREATING && was_reverted_to(set)) {
			core_log(core, LOG_NOTICE, VSSD_MESSAGE_RECONCILED, &set->session, "shadow copy set %s stays: this "
				 "system was set back to it, and to a record that it was being made", vss_uuid_format(&set->id, id));
			set_remove(set);
			continue;
		}
		core_log(core, LOG_NOTICE, VSSD_MESSAGE_RECONCILED, &set->session,
			 set->state == SET_CREATING ? "shadow copy set %s was not finished and is undone" :
			 "shadow copy set %s is deleted, its requester has gone", vss_uuid_format(&set->id, id));
		set->undo = set->state == SET_CREATING;
		set_release(set);
	}
	sets_refresh(core, compared, op_begin_alone(core, sizeof(struct op)));
}

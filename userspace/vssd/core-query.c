// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Query and GetSnapshotProperties.
 */
#include <stdlib.h>

#include "core-internal.h"

struct query_op {
	struct op op;
	struct vss_uuid snapshot;
};

static void listed(void *arg)
{
	struct op *op = arg;
	_cleanup_free_ struct vss_snapshot_prop *list = NULL;
	struct vssd_reply reply = { .result = S_OK };
	const struct snapshot *snapshot;
	const struct set *set;
	size_t count = 0;

	TAILQ_FOREACH(set, &op->core->sets, link)
		count += set->nr_snapshots;
	list = vssd_alloc((count + 1) * sizeof(*list));
	if (op->session)
		TAILQ_FOREACH(set, &op->core->sets, link) {
			if (!set_visible(set, op->session))
				continue;
			TAILQ_FOREACH(snapshot, &set->snapshots, link) {
				struct vss_snapshot_prop *prop = &list[reply.nr_snapshots++];

				*prop = snapshot->prop;
				if (!snapshot->away && !snapshot->back)
					continue;
				prop->exposed_name = NULL;
				prop->attributes &= ~VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
				prop->attributes |= VSS_VOLSNAP_ATTR_NOT_SURFACED;
			}
		}
	reply.snapshots = list;
	op_finish(op, &reply);
}

void vssd_session_query_snapshots(struct vssd_session *session, vssd_done done, void *data)
{
	struct op *op = op_begin(session, sizeof(*op), MODE_BACKUP, done, data);

	if (op)
		sets_refresh(session->core, listed, op);
}

static void found(void *arg)
{
	struct query_op *q = arg;
	struct vssd_reply reply = { .result = S_OK };
	const struct snapshot *snapshot = NULL;
	char id[VSS_UUID_TEXT_SIZE];

	if (q->op.session)
		snapshot = snapshot_find_visible(q->op.session, &q->snapshot);
	if (!snapshot) {
		op_fail(&q->op, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy %s that this session sees",
			vss_uuid_format(&q->snapshot, id));
		return;
	}
	if (snapshot_refuse_away(snapshot, &q->op))
		return;
	reply.snapshots = &snapshot->prop;
	reply.nr_snapshots = 1;
	op_finish(&q->op, &reply);
}

void vssd_session_get_snapshot_properties(struct vssd_session *session, const struct vss_uuid *snapshot,
					  vssd_done done, void *data)
{
	struct query_op *q = op_begin(session, sizeof(*q), MODE_BACKUP, done, data);

	if (!q)
		return;
	q->snapshot = *snapshot;
	sets_refresh(session->core, found, q);
}

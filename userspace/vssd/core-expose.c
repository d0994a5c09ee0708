// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bringing shadow copies to mount points, and away from there.
 */
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

struct expose_op {
	struct op op;
	struct vss_uuid snapshot;
	char *dir;		/* NULL: unexpose */
};

static void expose_clear(struct op *op)
{
	free(((struct expose_op *)op)->dir);
}

static struct snapshot *find_asked(struct expose_op *x)
{
	struct snapshot *snapshot = NULL;
	char id[VSS_UUID_TEXT_SIZE];

	if (x->op.session)
		snapshot = snapshot_find_visible(x->op.session, &x->snapshot);
	if (!snapshot)
		op_fail(&x->op, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy %s that this session sees",
			vss_uuid_format(&x->snapshot, id));
	return snapshot;
}

static void expose_now(void *arg)
{
	struct expose_op *x = arg;
	struct vssd_core *core = x->op.core;
	struct vssd_reply reply = { .result = S_OK };
	struct snapshot *snapshot = find_asked(x);
	struct vss_error err = { 0 };
	char id[VSS_UUID_TEXT_SIZE];

	if (!snapshot)
		return;
	vss_uuid_format(&x->snapshot, id);
	if (snapshot->set->context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE) {
		op_fail(&x->op, E_INVALIDARG, "shadow copy %s is client-accessible and not to be exposed", id);
		return;
	}
	if (!vss_context_is_persistent(snapshot->set->context)) {
		op_fail(&x->op, E_INVALIDARG, "shadow copy %s is not persistent and cannot be exposed locally; "
			"mount its device instead", id);
		return;
	}
	if (snapshot->prop.exposed_name) {
		op_fail(&x->op, VSS_E_OBJECT_ALREADY_EXISTS, "shadow copy %s is exposed at %s already", id,
			snapshot->prop.exposed_name);
		return;
	}
	if (!snapshot->prop.device_object || !snapshot->prop.device_object[0]) {
		op_fail(&x->op, VSS_E_OBJECT_NOT_FOUND, "shadow copy %s has no device", id);
		return;
	}
	if (!core->volumes.mount) {
		op_fail(&x->op, E_NOTIMPL, "this vssd cannot mount");
		return;
	}
	if (VSS_FAILED(core->volumes.mount(core->volumes.data, snapshot->prop.device_object, x->dir, false, &err))) {
		op_fail_error(&x->op, &err);
		return;
	}
	vssd_replace(&snapshot->prop.exposed_name, x->dir);
	snapshot->prop.attributes |= VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
	snapshot->prop.attributes &= ~VSS_VOLSNAP_ATTR_NOT_SURFACED;
	/* What vssd has mounted it has to know of, whoever made the copy. */
	snapshot->set->foreign = false;
	record_touch(snapshot->set);
	core_log(core, LOG_INFO, VSSD_MESSAGE_EXPOSURE, &x->op.session_id, "shadow copy %s is exposed at %s", id,
		 x->dir);
	reply.text = x->dir;
	op_finish(&x->op, &reply);
}

static void unexpose_now(void *arg)
{
	struct expose_op *x = arg;
	struct snapshot *snapshot = find_asked(x);
	struct vss_error err = { 0 };
	char id[VSS_UUID_TEXT_SIZE];

	if (!snapshot)
		return;
	if (!snapshot->prop.exposed_name) {
		op_fail(&x->op, VSS_E_OBJECT_NOT_FOUND, "shadow copy %s is not exposed",
			vss_uuid_format(&x->snapshot, id));
		return;
	}
	if (!snapshot_unexpose(snapshot, false, &err)) {
		op_fail_error(&x->op, &err);
		return;
	}
	op_done(&x->op);
}

static void refreshed(void *arg)
{
	struct expose_op *x = arg;

	core_when_loud(x->op.core, x->dir ? expose_now : unexpose_now, x);
}

static bool is_empty(const char *text)
{
	return !text || !text[0];
}

void vssd_session_expose_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				  const char *path_from_root, uint32_t attributes, const char *expose,
				  vssd_done done, void *data)
{
	struct expose_op *x = op_begin(session, sizeof(*x), MODE_BACKUP, done, data);

	if (!x)
		return;
	x->op.clear = expose_clear;
	x->snapshot = *snapshot;
	if (attributes != VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY && attributes != VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY) {
		op_fail(&x->op, E_INVALIDARG, "a shadow copy is exposed either locally or remotely");
		return;
	}
	if (!is_empty(path_from_root) && strpbrk(path_from_root, "*?%$")) {
		op_fail(&x->op, E_INVALIDARG, "the path below the root has a variable or wildcard in it");
		return;
	}
	if (attributes == VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY) {
		op_fail(&x->op, E_NOTIMPL, "shadow copies are not exposed as shares; expose it locally and "
			"export the mount point");
		return;
	}
	if (!is_empty(path_from_root)) {
		op_fail(&x->op, E_INVALIDARG, "a local exposure is of the whole shadow copy, without a path below its root");
		return;
	}
	if (is_empty(expose) || expose[0] != '/') {
		op_fail(&x->op, E_INVALIDARG, "a local exposure needs the absolute path of a mount point");
		return;
	}
	x->dir = vssd_strdup(expose);
	sets_refresh(session->core, refreshed, x);
}

void vssd_session_unexpose_snapshot(struct vssd_session *session, const struct vss_uuid *snapshot,
				    vssd_done done, void *data)
{
	struct expose_op *x = op_begin(session, sizeof(*x), MODE_BACKUP, done, data);

	if (!x)
		return;
	x->op.clear = expose_clear;
	x->snapshot = *snapshot;
	sets_refresh(session->core, refreshed, x);
}

void set_restore_exposures(struct set *set)
{
	struct vssd_core *core = set->core;
	struct snapshot *snapshot;
	char id[VSS_UUID_TEXT_SIZE];

	TAILQ_FOREACH(snapshot, &set->snapshots, link) {
		struct vss_snapshot_prop *prop = &snapshot->prop;
		struct vss_error err = { 0 };

		if (!prop->exposed_name || !core->volumes.is_mounted ||
		    core->volumes.is_mounted(core->volumes.data, prop->device_object, prop->exposed_name))
			continue;
		if (!VSS_FAILED(core->volumes.mount(core->volumes.data, prop->device_object, prop->exposed_name,
						    false, &err))) {
			core_log(core, LOG_INFO, VSSD_MESSAGE_EXPOSURE, NULL, "shadow copy %s is exposed at %s again",
				 vss_uuid_format(&prop->snapshot_id, id), prop->exposed_name);
			continue;
		}
		core_log(core, LOG_WARNING, VSSD_MESSAGE_EXPOSURE, NULL,
			 "shadow copy %s is no longer exposed at %s: %s",
			 vss_uuid_format(&prop->snapshot_id, id), prop->exposed_name, err.text);
		free(keep_ptr(prop->exposed_name));
		prop->attributes &= ~VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
		prop->attributes |= VSS_VOLSNAP_ATTR_NOT_SURFACED;
		record_touch(set);
	}
}

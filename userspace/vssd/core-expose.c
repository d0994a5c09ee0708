// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bringing shadow copies to mount points, and away from there.
 *
 * Client-accessible ones have an exposure of their own, for file servers: a folder
 * that vssd makes and removes, below one that the requester names, with a name that
 * tells clients the time of the copy.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core-internal.h"

/* Seconds, from its own on, that a client-accessible copy may get its name from. */
#define CLIENTS_TRIES	60

struct expose_op {
	struct op op;
	struct vss_uuid snapshot;
	char *dir;		/* NULL: unexpose */
	bool clients;		/* @dir is the folder that clients look in */
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

/* ---- for clients of a file server ---- */

static bool for_clients(const struct snapshot *snapshot)
{
	return snapshot->set->context & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE;
}

/* As Windows' clients name a previous version: its time, UTC; @later seconds after it. */
static char *name_for_clients(const char *folder, const struct snapshot *snapshot, unsigned int later)
{
	time_t seconds = (time_t)(snapshot->prop.creation_time / 1000000000) + later;
	size_t length = strlen(folder);
	char name[64];
	struct tm tm;

	while (length > 1 && folder[length - 1] == '/')
		length--;
	strftime(name, sizeof(name), "@GMT-%Y.%m.%d-%H.%M.%S", gmtime_r(&seconds, &tm));
	return vssd_printf("%.*s%s%s", (int)length, folder, length > 1 ? "/" : "", name);
}

/* Another volume's copy in the same folder, where clients could not tell them apart; NULL for none. */
static const struct snapshot *other_in_folder(const struct snapshot *snapshot, const char *name)
{
	size_t length = (size_t)(strrchr(name, '/') - name);
	const struct snapshot *other;
	const struct set *set;

	TAILQ_FOREACH(set, &snapshot->set->core->sets, link)
		TAILQ_FOREACH(other, &set->snapshots, link) {
			const char *at = other->prop.exposed_name;

			if (at && for_clients(other) && strrchr(at, '/') - at == (ptrdiff_t)length &&
			    !strncmp(at, name, length) &&
			    strcmp(other->prop.original_volume_name, snapshot->prop.original_volume_name) != 0)
				return other;
		}
	return NULL;
}

/* Also of one that is away: it comes back there. */
static bool is_taken(const struct vssd_core *core, const char *name)
{
	const struct snapshot *other;
	const struct set *set;

	TAILQ_FOREACH(set, &core->sets, link)
		TAILQ_FOREACH(other, &set->snapshots, link)
			if (other->prop.exposed_name && !strcmp(other->prop.exposed_name, name))
				return true;
	return false;
}

/* The folder to mount on, in place of the one that was asked for.  False and the caller is answered. */
static bool choose_for_clients(struct expose_op *x, const struct snapshot *snapshot)
{
	const struct snapshot *other;
	char *name;

	name = name_for_clients(x->dir, snapshot, 0);
	/* Of two of one second the names would be the same: one is a moment later, to clients. */
	for (unsigned int later = 1; later < CLIENTS_TRIES && is_taken(snapshot->set->core, name); later++) {
		free(name);
		name = name_for_clients(x->dir, snapshot, later);
	}
	free(x->dir);
	x->dir = name;
	other = other_in_folder(snapshot, name);
	if (other) {
		op_fail(&x->op, E_INVALIDARG, "%.*s has shadow copies of %s; give %s a folder of its own",
			(int)(strrchr(name, '/') - name), name, other->prop.original_volume_name,
			snapshot->prop.original_volume_name);
		return false;
	}
	return true;
}

static vss_result mount_copy(const struct snapshot *snapshot, const char *dir, struct vss_error *err)
{
	const struct vssd_volumes *volumes = &snapshot->set->core->volumes;
	vss_result result = S_OK;

	if (for_clients(snapshot) && volumes->make_dir)
		result = volumes->make_dir(volumes->data, dir, err);
	if (!VSS_FAILED(result))
		result = volumes->mount(volumes->data, snapshot->prop.device_object, dir, false, err);
	/* Only an empty one goes, so it is none that had something in it. */
	if (VSS_FAILED(result) && for_clients(snapshot) && volumes->remove_dir)
		volumes->remove_dir(volumes->data, dir);
	return result;
}

/* ---- exposing ---- */

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
	if (for_clients(snapshot) && !x->clients) {
		op_fail(&x->op, E_INVALIDARG, "shadow copy %s is client-accessible and not to be exposed", id);
		return;
	}
	if (x->clients && !for_clients(snapshot)) {
		op_fail(&x->op, E_INVALIDARG, "shadow copy %s is not client-accessible; clients see those of that "
			"context only", id);
		return;
	}
	if (!vss_context_is_persistent(snapshot->set->context)) {
		op_fail(&x->op, E_INVALIDARG, "shadow copy %s is not persistent and cannot be exposed locally; "
			"mount its device instead", id);
		return;
	}
	if (snapshot_refuse_away(snapshot, &x->op))
		return;
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
	if (x->clients && !choose_for_clients(x, snapshot))
		return;
	if (VSS_FAILED(mount_copy(snapshot, x->dir, &err))) {
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

bool snapshot_unexpose(struct snapshot *snapshot, bool force, struct vss_error *err)
{
	struct vssd_core *core = snapshot->set->core;
	char id[VSS_UUID_TEXT_SIZE];

	if (!snapshot->prop.exposed_name)
		return true;
	/* Of one that is away, or just back, nothing is mounted. */
	if (!snapshot->away && !snapshot->back && core->volumes.unmount &&
	    VSS_FAILED(core->volumes.unmount(core->volumes.data, snapshot->prop.exposed_name, force, err)))
		return false;
	if (!snapshot->away && !snapshot->back && for_clients(snapshot) && core->volumes.remove_dir)
		core->volumes.remove_dir(core->volumes.data, snapshot->prop.exposed_name);
	core_log(core, LOG_INFO, VSSD_MESSAGE_EXPOSURE, NULL, "shadow copy %s is no longer exposed at %s",
		 vss_uuid_format(&snapshot->prop.snapshot_id, id), snapshot->prop.exposed_name);
	free(keep_ptr(snapshot->prop.exposed_name));
	snapshot->back = false;
	snapshot->prop.attributes &= ~VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
	snapshot->prop.attributes |= VSS_VOLSNAP_ATTR_NOT_SURFACED;
	record_touch(snapshot->set);
	return true;
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

void vssd_session_expose_to_clients(struct vssd_session *session, const struct vss_uuid *snapshot,
				    const char *folder, vssd_done done, void *data)
{
	struct expose_op *x = op_begin(session, sizeof(*x), MODE_BACKUP, done, data);

	if (!x)
		return;
	x->op.clear = expose_clear;
	x->snapshot = *snapshot;
	if (is_empty(folder) || folder[0] != '/') {
		op_fail(&x->op, E_INVALIDARG, "clients need the absolute path of the folder to look in");
		return;
	}
	x->dir = vssd_strdup(folder);
	x->clients = true;
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

/* ---- of copies that are gone ---- */

struct drop_op {
	struct op op;
	char *dir;
	char *device;	/* not NULL: to be unmounted only if it is this that is mounted */
	bool clients;
	bool mounted;
};

static void drop_clear(struct op *op)
{
	struct drop_op *d = (struct drop_op *)op;

	free(d->dir);
	free(d->device);
}

static void drop_now(void *arg)
{
	struct drop_op *d = arg;
	struct vssd_core *core = d->op.core;
	struct vss_error err = { 0 };

	if (d->device && core->volumes.is_mounted)
		d->mounted = core->volumes.is_mounted(core->volumes.data, d->device, d->dir);
	if (d->mounted && core->volumes.unmount &&
	    VSS_FAILED(core->volumes.unmount(core->volumes.data, d->dir, true, &err)))
		core_log(core, LOG_WARNING, VSSD_MESSAGE_EXPOSURE, NULL,
			 "%s, where a shadow copy was that is not there any more, stays as it is: %s", d->dir, err.text);
	else if (d->clients && core->volumes.remove_dir)
		core->volumes.remove_dir(core->volumes.data, d->dir);
	op_done(&d->op);
}

void snapshot_drop_exposure(struct snapshot *snapshot)
{
	struct vssd_core *core = snapshot->set->core;
	bool lost = snapshot->prop.status == VSS_SS_ABORTED;
	struct drop_op *d;

	if (!snapshot->prop.exposed_name)
		return;
	d = op_begin_alone(core, sizeof(*d));
	d->op.clear = drop_clear;
	/* One that comes back is exposed there again. */
	d->dir = snapshot->away && !lost ? vssd_strdup(snapshot->prop.exposed_name) :
					   keep_ptr(snapshot->prop.exposed_name);
	d->clients = for_clients(snapshot);
	/* One that has not been here in this life has at most the folder that was made for it. */
	d->mounted = (snapshot->here || !snapshot->away) && !snapshot->back;
	/* Nor one that is there and lost since: but vssd alone may have been away. */
	if (lost && d->mounted && !snapshot->here)
		d->device = vssd_strdup(snapshot->prop.device_object);
	if (!snapshot->prop.exposed_name) {
		snapshot->back = false;
		snapshot->prop.attributes &= ~VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
		snapshot->prop.attributes |= VSS_VOLSNAP_ATTR_NOT_SURFACED;
	}
	core_when_loud(core, drop_now, d);
}

/* ---- after a restart ---- */

static void restore_set(struct set *set, bool back)
{
	struct vssd_core *core = set->core;
	struct snapshot *snapshot;
	char id[VSS_UUID_TEXT_SIZE];

	TAILQ_FOREACH(snapshot, &set->snapshots, link) {
		struct vss_snapshot_prop *prop = &snapshot->prop;
		struct vss_error err = { 0 };

		if (!prop->exposed_name || snapshot->away || !core->volumes.is_mounted || (back && !snapshot->back))
			continue;
		if (core->volumes.is_mounted(core->volumes.data, prop->device_object, prop->exposed_name)) {
			snapshot->back = false;
			continue;
		}
		/* Nobody could tell yet whether it is there. */
		if (!snapshot->here && snapshot_may_be_away(snapshot)) {
			snapshot->back = true;
			continue;
		}
		if (!VSS_FAILED(mount_copy(snapshot, prop->exposed_name, &err))) {
			core_log(core, LOG_INFO, VSSD_MESSAGE_EXPOSURE, NULL, "shadow copy %s is exposed at %s again",
				 vss_uuid_format(&prop->snapshot_id, id), prop->exposed_name);
			snapshot->back = false;
			continue;
		}
		/* What it was exposed in may come after it: tried again when somebody asks. */
		if (snapshot->back)
			continue;
		core_log(core, LOG_WARNING, VSSD_MESSAGE_EXPOSURE, NULL,
			 "shadow copy %s is no longer exposed at %s: %s",
			 vss_uuid_format(&prop->snapshot_id, id), prop->exposed_name, err.text);
		free(keep_ptr(prop->exposed_name));
		prop->attributes &= ~VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
		prop->attributes |= VSS_VOLSNAP_ATTR_NOT_SURFACED;
		record_touch(set);
	}
}

/* @back: only of those that were away */
static void restore_all(struct op *op, bool back)
{
	struct set *set;

	TAILQ_FOREACH(set, &op->core->sets, link)
		if (set->state == SET_CREATED)
			restore_set(set, back);
	op_done(op);
}

void restore_exposures(void *arg)
{
	restore_all(arg, false);
}

void restore_back_exposures(void *arg)
{
	restore_all(arg, true);
}

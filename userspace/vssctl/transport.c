// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A document of a set that travels, and what can be done with it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "critical.h"
#include "transport.h"

#define RETRY_MS	1000

int vssctl_transport_load(struct vssctl_transport *t, struct vssctl *ctl, const char *path)
{
	struct vss_backup_document *doc = NULL;
	struct vss_error error = { 0 };
	vss_result result;
	size_t size;
	int ret;

	*t = (struct vssctl_transport) { .ctl = ctl };
	ret = vssctl_read_file(ctl, path, &t->xml, &size);
	if (ret)
		return ret;
	result = vss_backup_document_parse(t->xml, size, &doc, &error);
	if (!VSS_FAILED(result)) {
		result = vss_backup_document_get_set(doc, &t->set, &error);
		vss_backup_document_free(doc);
	}
	if (result == VSS_E_OBJECT_NOT_FOUND ||
	    (!VSS_FAILED(result) && !(t->set.context & VSS_VOLSNAP_ATTR_TRANSPORTABLE)))
		return vssctl_fail(ctl, VSS_E_NONTRANSPORTABLE_BCD,
				   "%s is not the document of a transportable shadow copy set", path);
	return VSS_FAILED(result) ? vssctl_fail(ctl, result, "%s: %s", path, error.text) : 0;
}

int vssctl_transport_open(struct vssctl_transport *t)
{
	struct vssctl *ctl = t->ctl;
	int ret = vssctl_connect(ctl, &t->bc);

	return ret ?: vssctl_check(ctl, t->bc, vss_backup_components_initialize_for_backup(t->bc, t->xml)) ?:
		      vssctl_check(ctl, t->bc, vss_backup_components_set_context(t->bc, VSS_CTX_ALL));
}

void vssctl_transport_clear(struct vssctl_transport *t)
{
	vss_backup_components_release(t->bc);
	vss_set_description_clear(&t->set);
	free(t->xml);
	*t = (struct vssctl_transport) { .ctl = t->ctl };
}

static uint64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

int vssctl_transport_import(struct vssctl_transport *t, uint64_t seconds, vss_result *result)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS % 1000 * 1000000L, .tv_sec = RETRY_MS / 1000 };
	uint64_t end = seconds_now() + seconds;
	struct vss_error error;
	struct vss_async *async;
	vss_result found;

	for (;;) {
		found = vssctl_await(t->ctl, t->bc, vss_backup_components_import_snapshots(t->bc, &async), &async,
				     "importing", &error);
		if ((found != VSS_E_NO_SNAPSHOTS_IMPORTED && found != VSS_E_SNAPSHOT_SET_IN_PROGRESS) ||
		    seconds_now() >= end || vssctl_interrupted())
			break;
		vssctl_detail(t->ctl, "%s; trying again", error.text);
		nanosleep(&pause, NULL);
	}
	if (result) {
		*result = found;
		if (found == VSS_E_OBJECT_ALREADY_EXISTS)
			return 0;
	}
	if (found == VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED)
		vssctl_warn(t->ctl, "not all shadow copies of the set were imported (VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED); "
			    "the journal of vssd says why; 'vssctl import --cleanup' deletes what is left of the others");
	return VSS_FAILED(found) ? vssctl_fail_error(t->ctl, &error) : 0;
}

int vssctl_transport_mask(struct vssctl_transport *t)
{
	struct vss_async *async;

	return vssctl_wait(t->ctl, t->bc, vss_backup_components_mask_originals(t->bc, &async), &async,
			   "masking the originals", NULL);
}

int vssctl_transport_clean_up(struct vssctl_transport *t, bool *found)
{
	struct vss_async *async;
	vss_result result = S_OK;
	int ret = vssctl_wait(t->ctl, t->bc, vss_backup_components_clean_up_import(t->bc, &async), &async,
			      "cleaning up", &result);

	*found = result != S_FALSE;
	return ret;
}

int vssctl_transport_copies(struct vssctl_transport *t, struct vssctl_objects *copies)
{
	size_t kept = 0;
	int ret = vssctl_query(t->ctl, t->bc, VSS_OBJECT_SNAPSHOT, copies);

	if (ret)
		return ret;
	for (size_t i = 0; i < copies->count; i++) {
		if (vss_uuid_equal(&copies->props[i].snap.snapshot_set_id, &t->set.set_id))
			copies->props[kept++] = copies->props[i];
		else
			vss_object_prop_clear(&copies->props[i]);
	}
	copies->count = kept;
	return 0;
}

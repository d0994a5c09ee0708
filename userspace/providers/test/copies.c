// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of shadow copies that exist: of a software provider, and of a hardware
 * provider as vssd sees it, through the provider host's adapter.
 */
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "conform.h"
#include "made-up.h"

static void snapshots_free(struct vss_provider_snapshot *snapshots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_provider_snapshot_clear(&snapshots[i]);
	free(snapshots);
}

static const struct vss_provider_snapshot *find(const struct vss_provider_snapshot *snapshots, size_t count,
						const struct vss_uuid *id)
{
	for (size_t i = 0; i < count; i++)
		if (vss_uuid_equal(&snapshots[i].prop.snapshot_id, id))
			return &snapshots[i];
	return NULL;
}

/* ---- software ---- */

static void unknown_copies(struct conform *t)
{
	const struct vss_provider_volume volume = { .path = MADE_UP_DEVICE };
	struct vss_uuid unknown;
	vss_result result;

	if (!conform_load(t) || vss_uuid_generate(&unknown))
		return;
	if (CALL(t, is_volume_supported, VSS_CTX_BACKUP, &volume) == S_OK)
		conform_wrong(t, "vss/provider.h, @is_volume_supported", "is_volume_supported() says yes to %s, which is no "
			      "device", MADE_UP_DEVICE);
	for (int i = 0; i < 2; i++) {
		result = CALL(t, delete_snapshot, &unknown, i);
		if (result != VSS_E_OBJECT_NOT_FOUND)
			conform_wrong(t, "vss/provider.h, @delete_snapshot: VSS_E_OBJECT_NOT_FOUND",
				      "delete_snapshot() of an unknown one gave %s", conform_said(t, result));
	}
	if (t->ops->set_writable && !VSS_FAILED(CALL(t, set_writable, &unknown, true)))
		conform_wrong(t, "vss/provider.h, @set_writable", "set_writable() of an unknown shadow copy succeeded");
	if (t->ops->break_snapshot_set && !VSS_FAILED(CALL(t, break_snapshot_set, &unknown, 0)))
		conform_wrong(t, "vss/provider.h, @break_snapshot_set", "break_snapshot_set() of an unknown set succeeded");
	conform_unload(t);
}

static void judge_copy(struct conform *t, const struct vss_provider_snapshot *s, size_t index)
{
	static const char rule[] = "vss/provider.h, @get_snapshots; vss/types.h, struct vss_snapshot_prop";
	const struct vss_snapshot_prop *prop = &s->prop;

	if (!vss_uuid_equal(&prop->snapshot_set_id, &t->set))
		conform_wrong(t, rule, "get_snapshots() tells another set for a shadow copy");
	if (!vss_uuid_equal(&prop->provider_id, &t->ops->id))
		conform_wrong(t, rule, "get_snapshots() tells another provider's identifier");
	if (!prop->device_object || !prop->device_object[0] || access(prop->device_object, F_OK))
		conform_wrong(t, rule, "get_snapshots() tells the device \"%s\", which is not there",
			      prop->device_object ? prop->device_object : "");
	if (!prop->original_volume_name || strcmp(prop->original_volume_name, t->volumes[index].path))
		conform_wrong(t, rule, "get_snapshots() tells the volume \"%s\", and it is of %s",
			      prop->original_volume_name ? prop->original_volume_name : "", t->volumes[index].path);
	if (prop->snapshots_count != t->nr_volumes)
		conform_wrong(t, rule, "get_snapshots() tells a set of %u, and it has %zu", prop->snapshots_count,
			      t->nr_volumes);
}

static void list_all(struct conform *t)
{
	struct vss_provider_snapshot *snapshots = NULL;
	uint32_t compatibility = 0;
	vss_result result;
	size_t count = 0;
	bool present;

	result = CALL(t, get_snapshots, &snapshots, &count);
	for (size_t i = 0; result == S_OK && i < t->nr_volumes; i++) {
		const struct vss_provider_volume volume = { .path = t->volumes[i].path };
		const struct vss_provider_snapshot *s = find(snapshots, count, &t->snapshots[i]);

		if (s)
			judge_copy(t, s, i);
		else
			conform_wrong(t, "vss/provider.h, @get_snapshots: all that exist",
				      "get_snapshots() does not tell of the shadow copy of %s", t->volumes[i].path);
		present = false;
		if (CALL(t, is_volume_snapshotted, &volume, &present, &compatibility) == S_OK && !present)
			conform_wrong(t, "vss/provider.h, @is_volume_snapshotted",
				      "is_volume_snapshotted(%s) says no, and there is a shadow copy", t->volumes[i].path);
	}
	if (result == S_OK)
		snapshots_free(snapshots, count);
}

static void delete_all(struct conform *t)
{
	struct vss_provider_snapshot *snapshots = NULL;
	vss_result result;
	size_t count = 0;

	for (size_t i = 0; i < t->nr_volumes; i++) {
		result = CALL(t, delete_snapshot, &t->snapshots[i], false);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @delete_snapshot", "delete_snapshot() gave %s",
				      conform_said(t, result));
		result = CALL(t, delete_snapshot, &t->snapshots[i], true);
		if (result != VSS_E_OBJECT_NOT_FOUND)
			conform_wrong(t, "vss/provider.h, @delete_snapshot: VSS_E_OBJECT_NOT_FOUND",
				      "deleting a shadow copy twice gave %s", conform_said(t, result));
	}
	if (CALL(t, get_snapshots, &snapshots, &count) == S_OK) {
		for (size_t i = 0; i < t->nr_volumes; i++)
			if (find(snapshots, count, &t->snapshots[i]))
				conform_wrong(t, "vss/provider.h, @get_snapshots: all that exist",
					      "get_snapshots() still tells of a shadow copy that was deleted");
		snapshots_free(snapshots, count);
	}
}

/* Of a provider that is loaded. */
static void make_and_delete(struct conform *t)
{
	if (!conform_find_volumes(t) || !conform_make(t, VSS_CTX_APP_ROLLBACK, STAGE_POST_FINAL))
		return;
	list_all(t);
	delete_all(t);
}

static void made_and_deleted(struct conform *t)
{
	if (!conform_load(t))
		return;
	make_and_delete(t);
	conform_unload(t);
}

/* ---- hardware, through the adapter ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* @t becomes a test of a whole provider made of the plug-in. */
static struct hardware *adapt(struct conform *t, char dir[64])
{
	const struct hardware_settings settings = {
		.state_dir = strcpy(dir, "/tmp/vss-provider-test-XXXXXX"),
		.arrival_ms = t->options->timeout_ms / 2,
		.machine = t->options->machine,
	};
	struct hardware *hw;

	if (!mkdtemp(dir))
		return NULL;
	hw = hardware_new(t->ops, &settings);
	if (!hw)
		return NULL;
	t->ops = hardware_ops(hw);
	t->hardware = false;
	t->state = hw;
	conform_enter(t, FN_load);
	conform_judge(t, FN_load, t->ops->load(&t->state, &t->err));
	return hw;
}

static void done(struct conform *t, struct hardware *hw, const char *dir)
{
	conform_unload(t);
	hardware_free(hw);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void through_the_host(struct conform *t)
{
	struct hardware *hw;
	char dir[64];

	hw = adapt(t, dir);
	if (!hw)
		return;
	make_and_delete(t);
	done(t, hw, dir);
}

static void import_one(struct conform *t, struct vss_provider_snapshot *snapshot)
{
	vss_result result = CALL(t, import_snapshot, snapshot);

	if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @locate_luns, @get_target_luns", "the import of a shadow copy gave %s",
			      conform_said(t, result));
	else if (!snapshot->prop.device_object || access(snapshot->prop.device_object, F_OK))
		conform_wrong(t, "vss/provider.h, @locate_luns", "an imported shadow copy has no device");
}

static void imported(struct conform *t)
{
	struct vss_provider_snapshot *snapshots = NULL;
	struct hardware *hw;
	vss_result result;
	size_t count = 0;
	char dir[64];

	hw = adapt(t, dir);
	if (!hw)
		return;
	if (conform_find_volumes(t) &&
	    conform_make(t, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, STAGE_POST_FINAL) &&
	    CALL(t, get_snapshots, &snapshots, &count) == S_OK) {
		for (size_t i = 0; i < count; i++)
			import_one(t, &snapshots[i]);
		snapshots_free(snapshots, count);
		for (size_t i = 0; i < t->nr_volumes; i++) {
			result = CALL(t, delete_snapshot, &t->snapshots[i], false);
			if (result != S_OK)
				conform_wrong(t, "vss/provider.h, @on_lun_empty", "deleting an imported shadow copy gave %s",
					      conform_said(t, result));
		}
	}
	done(t, hw, dir);
}

const struct conform_test conform_copies[] = {
	{ "shadow copies that do not exist", unknown_copies, FOR_SOFTWARE, false },
	{ "shadow copies are told of and deleted", made_and_deleted, FOR_SOFTWARE, true },
	{ "as vssd sees it: made and deleted", through_the_host, FOR_HARDWARE, true },
	{ "as vssd sees it: imported and deleted", imported, FOR_HARDWARE, true },
	{ 0 },
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The adapter for hardware providers, between the example provider and a stand-in for
 * the machine: sets that stay and sets that travel, one LUN below several volumes,
 * imports that fail, what is left after each, and records that outlive the process.
 */
#include "unit.h"

#include "fake-array.h"

struct fixture {
	struct vss_provider_ops plugin;		/* the example's, for a test to change */
	struct hardware *hw;
	const struct vss_provider_ops *ops;
	void *state;
	struct vss_error err;
	struct vss_uuid set;
	struct vss_uuid ids[3];
	size_t count;
};

static const struct vss_uuid other_set = { { 9 } };

/* ---- beginning and ending ---- */

static void start(struct fixture *f)
{
	const struct hardware_settings settings = {
		.state_dir = fake_dir,
		.arrival_ms = 1000,
		.machine = &fake_machine,
	};

	f->hw = hardware_new(&f->plugin, &settings);
	assert_non_null(f->hw);
	f->ops = hardware_ops(f->hw);
	f->state = f->hw;
	assert_int_equal(f->ops->load(&f->state, &f->err), S_OK);
}

static void stop(struct fixture *f)
{
	assert_int_equal(f->ops->unload(f->state, true), S_OK);
	hardware_free(f->hw);
}

/* As if the process had been killed and started anew. */
static void restart(struct fixture *f)
{
	stop(f);
	start(f);
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fake_array_new();
	f.plugin = *vss_provider_get();
	f.set.bytes[0] = 1;
	start(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	stop(*state);
	fake_array_free();
	return 0;
}

/* ---- steps ---- */

static vss_result begin(struct fixture *f, const char *volume, uint32_t context)
{
	const struct vss_provider_volume v = { .path = volume };
	struct vss_uuid *id = &f->ids[f->count];

	memset(id, 0, sizeof(*id));
	id->bytes[15] = (uint8_t)(f->count + 1);
	memset(&f->err, 0, sizeof(f->err));
	if (f->ops->begin_prepare_snapshot(f->state, &f->set, id, context, &v, &f->err) != S_OK)
		return f->err.result;
	f->count++;
	return S_OK;
}

static void to_commit(struct fixture *f)
{
	assert_int_equal(f->ops->end_prepare_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->commit_snapshots(f->state, &f->set, &f->err), S_OK);
}

static void finish(struct fixture *f, uint32_t context)
{
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, context, &f->err), S_OK);
	assert_int_equal(f->ops->post_final_commit_snapshots(f->state, &f->set, &f->err), S_OK);
}

static void make(struct fixture *f, uint32_t context, const char *one, const char *two)
{
	assert_int_equal(begin(f, one, context), S_OK);
	if (two)
		assert_int_equal(begin(f, two, context), S_OK);
	to_commit(f);
	finish(f, context);
}

static size_t get(struct fixture *f, struct vss_provider_snapshot **snapshots)
{
	size_t count;

	assert_int_equal(f->ops->get_snapshots(f->state, snapshots, &count, &f->err), S_OK);
	return count;
}

static void put(struct vss_provider_snapshot *snapshots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_provider_snapshot_clear(&snapshots[i]);
	free(snapshots);
}

static size_t existing(struct fixture *f)
{
	struct vss_provider_snapshot *snapshots;
	size_t count = get(f, &snapshots);

	put(snapshots, count);
	return count;
}

static const struct vss_provider_snapshot *of(const struct vss_provider_snapshot *snapshots, size_t count,
					      const struct vss_uuid *id)
{
	for (size_t i = 0; i < count; i++)
		if (vss_uuid_equal(&snapshots[i].prop.snapshot_id, id))
			return &snapshots[i];
	fail_msg("the shadow copy is not told of");
	return NULL;
}

static size_t leftovers(const char *suffix)
{
	size_t count = 0;
	struct dirent *entry;
	DIR *dir = opendir(fake_dir);

	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && !strcmp(dot + 1, suffix) && strncmp(entry->d_name, LUN_A, 32) &&
		    strncmp(entry->d_name, LUN_B, 32))
			count++;
	}
	closedir(dir);
	return count;
}

/* Nothing on the array, on the machine, or in the records. */
static void assert_clean(struct fixture *f)
{
	assert_int_equal(existing(f), 0);
	assert_int_equal(leftovers("lun"), 0);
	assert_int_equal(leftovers("seen"), 0);
	assert_int_equal(leftovers("hidden"), 0);
	assert_int_equal(leftovers("ro"), 0);
	restart(f);
	assert_int_equal(existing(f), 0);
}

/* What a document would carry to another machine; the shadow copy is gone from this one's memory. */
static void carry(struct fixture *f, struct vss_provider_snapshot *to, size_t index)
{
	struct vss_provider_snapshot *snapshots;
	size_t count = get(f, &snapshots);

	for (size_t i = 0; i < count; i++)
		if (vss_uuid_equal(&snapshots[i].prop.snapshot_id, &f->ids[index])) {
			*to = snapshots[i];
			memset(&snapshots[i], 0, sizeof(snapshots[i]));
		}
	put(snapshots, count);
}

/* The other machine is this one with no records. */
static void go_elsewhere(struct fixture *f)
{
	char path[PATH_MAX], id[VSS_UUID_TEXT_SIZE];

	stop(f);
	snprintf(path, sizeof(path), "%s/%s", fake_dir, vss_uuid_format(&f->plugin.id, id));
	tree_remove(path);
	start(f);
}

static vss_result delete(struct fixture *f, size_t index)
{
	memset(&f->err, 0, sizeof(f->err));
	return f->ops->delete_snapshot(f->state, &f->ids[index], false, &f->err);
}

/* ---- support ---- */

static void supports_by_lun(void **state)
{
	const struct vss_provider_volume good = { .path = "/dev/fake-wide" }, none = { .path = "/dev/fake-none" };
	struct fixture *f = *state;

	assert_int_equal(f->ops->is_volume_supported(f->state, 0, &good, &f->err), S_OK);
	assert_int_equal(f->ops->is_volume_supported(f->state, VSS_VOLSNAP_ATTR_DIFFERENTIAL, &good, &f->err), S_FALSE);
	assert_non_null(strstr(f->err.text, "full copies"));
	memset(&f->err, 0, sizeof(f->err));
	assert_int_equal(f->ops->is_volume_supported(f->state, 0, &none, &f->err), S_FALSE);
	assert_non_null(strstr(f->err.text, "no LUN"));
}

static size_t asked_about;		/* LUNs, in one question */

static vss_result refuses_b(void *state, uint32_t context, const struct vss_lun_info *luns, size_t nr_luns,
			    struct vss_error *err)
{
	char name[NAME_SIZE];

	(void)state;
	(void)context;
	(void)err;
	asked_about = nr_luns;
	for (size_t i = 0; i < nr_luns; i++)
		if (name_of(&luns[i], name) && !strcmp(name, LUN_B))
			return S_FALSE;
	return S_OK;
}

static vss_result knows_not_b(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	char name[NAME_SIZE];

	if (name_of(lun, name) && !strcmp(name, LUN_B))
		return S_FALSE;
	return vss_provider_get()->fill_in_lun_info(state, device, lun, err);
}

/* PRV-027: a volume of two LUNs, one of which the array does not copy, or does not have. */
static void all_luns_or_none(void **state)
{
	const struct vss_provider_volume wide = { .path = "/dev/fake-wide" }, one = { .path = "/dev/fake-one" };
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		f->plugin = *vss_provider_get();
		if (i)
			f->plugin.fill_in_lun_info = knows_not_b;
		else
			f->plugin.are_luns_supported = refuses_b;
		restart(f);
		memset(&f->err, 0, sizeof(f->err));
		assert_int_equal(f->ops->is_volume_supported(f->state, 0, &wide, &f->err), S_FALSE);
		assert_true(i || asked_about == 2);
		assert_int_equal(f->ops->begin_prepare_snapshot(f->state, &f->set, &f->set, 0, &wide, &f->err),
				 VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
		/* Nothing of it is in the set that a volume of the other LUN begins. */
		assert_int_equal(f->ops->is_volume_supported(f->state, 0, &one, &f->err), S_OK);
		f->count = 0;
		make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
		assert_int_equal(existing(f), 1);
		assert_int_equal(leftovers("lun"), 1);
		assert_int_equal(delete(f, 0), S_OK);
		assert_clean(f);
	}
}

/* CTX-044: the first volume fixes the set's context; the set goes on with that. */
static void one_context_a_set(void **state)
{
	const struct vss_provider_volume two = { .path = "/dev/fake-two" };
	struct fixture *f = *state;

	assert_int_equal(begin(f, "/dev/fake-one", VSS_CTX_APP_ROLLBACK), S_OK);
	memset(&f->err, 0, sizeof(f->err));
	assert_int_equal(f->ops->begin_prepare_snapshot(f->state, &f->set, &other_set, VSS_CTX_NAS_ROLLBACK, &two,
							&f->err), VSS_E_BAD_STATE);
	assert_non_null(strstr(f->err.text, "/dev/fake-two"));
	assert_int_equal(begin(f, "/dev/fake-two", VSS_CTX_APP_ROLLBACK), S_OK);
	to_commit(f);
	finish(f, VSS_CTX_APP_ROLLBACK);
	assert_int_equal(existing(f), 2);
	assert_int_equal(delete(f, 0), S_OK);
	assert_int_equal(delete(f, 1), S_OK);
	/* The next set may have another one. */
	f->count = 0;
	f->set.bytes[1] = 1;
	make(f, VSS_CTX_NAS_ROLLBACK, "/dev/fake-two", NULL);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

static unsigned int loads, unloads, forced;

static vss_result count_load(void **state, struct vss_error *err)
{
	loads++;
	return vss_provider_get()->load(state, err);
}

static vss_result unload_reluctantly(void *state, bool force)
{
	unloads++;
	forced += force;
	if (force)
		vss_provider_get()->unload(state, true);
	/* Even by force it says that it would rather not. */
	return S_FALSE;
}

/* PRV-032: a refusal counts without force only, and then the provider goes on working. */
static void unload_by_force_succeeds(void **state)
{
	struct fixture *f = *state;

	stop(f);
	f->plugin.load = count_load;
	f->plugin.unload = unload_reluctantly;
	start(f);
	assert_int_equal(loads, 1);
	assert_int_equal(unloads, 0);
	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
	assert_int_equal(f->ops->unload(f->state, false), S_FALSE);
	assert_int_equal(unloads, 1);
	assert_int_equal(existing(f), 1);
	assert_int_equal(delete(f, 0), S_OK);
	/* With a set in creation too. */
	f->count = 0;
	assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
	assert_int_equal(f->ops->unload(f->state, true), S_OK);
	assert_int_equal(forced, 1);
	hardware_free(f->hw);
	start(f);
	assert_int_equal(loads, 2);
	assert_clean(f);
}

/* All or nothing: one LUN of two has no identifier.  FRV-010: what is wanted in a cluster is wanted everywhere. */
static void refuses_without_identifier(void **state)
{
	const struct vss_provider_volume wide = { .path = "/dev/fake-wide" };
	struct fixture *f = *state;

	fake_set(LUN_B, "bare", true);
	assert_int_equal(f->ops->is_volume_supported(f->state, 0, &wide, &f->err), S_FALSE);
	assert_non_null(strstr(f->err.text, "without a unique identifier"));
	assert_int_equal(f->ops->begin_prepare_snapshot(f->state, &f->set, &f->set, 0, &wide, &f->err),
			 VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER);
	assert_clean(f);
}

/* TRN-018: what is said of a transportable context is kept, and what cannot be kept is not said. */
static void yes_is_a_promise(void **state)
{
	const uint32_t context = VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE;
	static const char *const paths[] = { "/dev/fake-one", "/dev/fake-two", "/dev/fake-wide", "/dev/fake-none" };
	struct fixture *f = *state;

	for (int bare = 0; bare < 2; bare++) {
		fake_set(LUN_B, "bare", bare);
		for (size_t i = 0; i < COUNT(paths); i++) {
			const struct vss_provider_volume volume = { .path = paths[i] };
			struct vss_provider_snapshot copy = { 0 };
			vss_result said;

			memset(&f->err, 0, sizeof(f->err));
			said = f->ops->is_volume_supported(f->state, context, &volume, &f->err);
			assert_int_equal(said, i == 3 || (i == 2 && bare) ? S_FALSE : S_OK);
			f->count = 0;
			if (said != S_OK) {
				assert_true(f->err.text[0]);
				begin(f, paths[i], context);
				assert_int_equal(f->count, 0);
				continue;
			}
			make(f, context, paths[i], NULL);
			carry(f, &copy, 0);
			go_elsewhere(f);
			assert_int_equal(f->ops->import_snapshot(f->state, &copy, &f->err), S_OK);
			vss_provider_snapshot_clear(&copy);
			assert_int_equal(delete(f, 0), S_OK);
		}
	}
	assert_clean(f);
}

/* ---- a set that stays ---- */

/* IMP-027: what does not travel is imported by the set's own last step: it is here, hidden and read-only. */
static void makes_and_deletes(void **state)
{
	const struct vss_provider_volume wide = { .path = "/dev/fake-wide" }, two = { .path = "/dev/fake-two" };
	struct vss_provider_snapshot *snapshots;
	const struct vss_provider_snapshot *s;
	struct fixture *f = *state;
	char name[NAME_SIZE];
	uint32_t compatibility;
	size_t count;
	bool present;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-wide", NULL);
	count = get(f, &snapshots);
	assert_int_equal(count, 1);
	s = of(snapshots, count, &f->ids[0]);
	assert_true(s->prop.device_object[0]);
	assert_string_equal(s->prop.original_volume_name, "/dev/fake-wide");
	assert_string_equal(s->fs_uuid, FAKE_FS_UUID);
	assert_int_equal(s->prop.snapshots_count, 1);
	assert_true(s->prop.attributes & VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED);
	assert_true(s->prop.attributes & VSS_VOLSNAP_ATTR_PLEX);
	assert_int_equal(s->nr_luns, 2);
	assert_true(s->prop.creation_time > 0);
	assert_int_equal(leftovers("hidden"), 2);
	assert_int_equal(leftovers("ro"), 2);
	assert_int_equal(f->ops->is_volume_snapshotted(f->state, &wide, &present, &compatibility, &f->err), S_OK);
	assert_true(present);
	assert_int_equal(f->ops->is_volume_snapshotted(f->state, &two, &present, &compatibility, &f->err), S_OK);
	assert_false(present);

	/* A new process finds it again, with its device; of hiding nothing outlives a start of the machine. */
	assert_true(name_of(&snapshots[0].luns[0].destination, name));
	put(snapshots, count);
	fake_set(name, "hidden", false);
	restart(f);
	assert_true(fake_has(name, "hidden"));
	count = get(f, &snapshots);
	assert_int_equal(count, 1);
	assert_true(snapshots[0].prop.device_object[0]);
	put(snapshots, count);

	assert_int_equal(delete(f, 0), S_OK);
	assert_int_equal(delete(f, 0), VSS_E_OBJECT_NOT_FOUND);
	assert_clean(f);
}

static void disks_that_leave_are_told(void **state)
{
	struct vss_provider_snapshot *snapshots;
	struct fixture *f = *state;
	char name[NAME_SIZE];

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
	assert_int_equal(get(f, &snapshots), 1);
	assert_true(name_of(&snapshots[0].luns[0].destination, name));
	put(snapshots, 1);
	fake_set(name, "seen", false);
	assert_int_equal(get(f, &snapshots), 1);
	assert_string_equal(snapshots[0].prop.device_object, "");
	put(snapshots, 1);
	fake_rescan(0, NULL);
	assert_int_equal(get(f, &snapshots), 1);
	assert_true(snapshots[0].prop.device_object[0]);
	put(snapshots, 1);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

/* One LUN below two volumes is copied once, and stays until both copies are deleted. */
static void one_lun_in_two_volumes(void **state)
{
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", "/dev/fake-two");
	assert_int_equal(leftovers("lun"), 1);
	assert_int_equal(existing(f), 2);
	assert_int_equal(delete(f, 1), S_OK);
	assert_int_equal(leftovers("lun"), 1);
	assert_int_equal(leftovers("seen"), 1);
	restart(f);
	assert_int_equal(existing(f), 1);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

static void writers_may_recover(void **state)
{
	struct fixture *f = *state;
	const uint32_t context = VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_AUTORECOVER;

	assert_int_equal(begin(f, "/dev/fake-one", context), S_OK);
	to_commit(f);
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, context, &f->err), S_OK);
	assert_int_equal(leftovers("ro"), 0);
	assert_int_equal(existing(f), 1);
	assert_int_equal(f->ops->post_final_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(leftovers("ro"), 1);
	assert_int_equal(f->ops->set_writable(f->state, &f->ids[0], true, &f->err), S_OK);
	assert_int_equal(leftovers("ro"), 0);
	assert_int_equal(existing(f), 1);
	assert_int_equal(leftovers("ro"), 0);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

/* The array says that it has mapped the copy, and nothing comes. */
static vss_result map_late(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, struct vss_error *err)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < nr_luns; i++)
		if (name_of(&luns[i].destination, name))
			fake_set(name, "late", true);
	return locate_luns(state, luns, nr_luns, err);
}

static void copies_that_do_not_arrive_fail_the_set(void **state)
{
	struct fixture *f = *state;

	f->plugin.locate_luns = map_late;
	assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
	to_commit(f);
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, 0, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "did not arrive"));
	assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_clean(f);
}

static void in_use_is_not_deleted(void **state)
{
	struct vss_provider_snapshot *snapshots;
	struct fixture *f = *state;
	char name[NAME_SIZE];

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
	assert_int_equal(get(f, &snapshots), 1);
	assert_true(name_of(&snapshots[0].luns[0].destination, name));
	put(snapshots, 1);
	fake_set(name, "busy", true);
	assert_int_equal(delete(f, 0), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "mounted"));
	assert_int_equal(existing(f), 1);
	fake_set(name, "busy", false);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

/* ---- undoing ---- */

static void aborts_at_each_step(void **state)
{
	struct fixture *f = *state;

	for (int steps = 0; steps <= 6; steps++) {
		f->count = 0;
		assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
		assert_int_equal(begin(f, "/dev/fake-wide", 0), S_OK);
		if (steps > 0)
			assert_int_equal(f->ops->end_prepare_snapshots(f->state, &f->set, &f->err), S_OK);
		if (steps > 1)
			assert_int_equal(f->ops->pre_commit_snapshots(f->state, &f->set, &f->err), S_OK);
		if (steps > 2)
			assert_int_equal(f->ops->commit_snapshots(f->state, &f->set, &f->err), S_OK);
		if (steps > 3)
			assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
		if (steps > 4)
			assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, 0, &f->err), S_OK);
		/* With all in files, a new process can undo it as well. */
		if (steps > 5)
			restart(f);
		assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
		assert_clean(f);
	}
}

static void out_of_sequence_begin_ends_the_older(void **state)
{
	struct fixture *f = *state;
	struct vss_uuid first = f->set;

	assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
	to_commit(f);
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, 0, &f->err), S_OK);
	f->set = other_set;
	assert_int_equal(begin(f, "/dev/fake-two", 0), S_OK);
	assert_int_equal(leftovers("lun"), 0);
	assert_int_equal(f->ops->post_final_commit_snapshots(f->state, &first, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_clean(f);
}

/* What cannot be undone at once is undone when that is tried again. */
static void abort_tries_again(void **state)
{
	struct vss_provider_snapshot *snapshots;
	struct fixture *f = *state;
	char name[NAME_SIZE];

	assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
	to_commit(f);
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_int_equal(f->ops->pre_final_commit_snapshots(f->state, &f->set, 0, &f->err), S_OK);
	assert_int_equal(get(f, &snapshots), 1);
	assert_true(name_of(&snapshots[0].luns[0].destination, name));
	put(snapshots, 1);
	fake_set(name, "busy", true);
	assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), VSS_E_PROVIDER_VETO);
	assert_int_equal(existing(f), 0);
	fake_set(name, "busy", false);
	restart(f);
	assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
	assert_clean(f);
}

/* ---- what the plug-in says of its copies ---- */

static enum { SAY_NOTHING, SAY_BARE, SAY_SOURCE, SAY_SAME, SAY_SMALL } saying;

static vss_result lie(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns, size_t nr_luns,
		      struct vss_error *err)
{
	vss_result result = get_target_luns(state, set, luns, nr_luns, err);
	struct vss_lun_info *last = &luns[nr_luns - 1].destination;

	switch (saying) {
	case SAY_NOTHING:
		vss_lun_info_clear(last);
		luns[nr_luns - 1].has_destination = false;
		break;
	case SAY_BARE:
		last->ids[0].association = 1;
		break;
	case SAY_SOURCE:
		last->ids[0] = luns[0].source.ids[0];
		break;
	case SAY_SAME:
		last->ids[0] = luns[0].destination.ids[0];
		break;
	case SAY_SMALL:
		last->size--;
		break;
	}
	return result;
}

static void false_targets_are_refused(void **state)
{
	static const char *const why[] = {
		[SAY_NOTHING] = "nothing",
		[SAY_BARE] = "no unique identifier",
		[SAY_SOURCE] = "that an original has",
		[SAY_SAME] = "that another copy has",
		[SAY_SMALL] = "smaller",
	};
	struct fixture *f = *state;

	f->plugin.get_target_luns = lie;
	for (saying = SAY_NOTHING; saying <= SAY_SMALL; saying++) {
		f->count = 0;
		assert_int_equal(begin(f, "/dev/fake-wide", 0), S_OK);
		to_commit(f);
		memset(&f->err, 0, sizeof(f->err));
		assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err),
				 VSS_E_UNEXPECTED_PROVIDER_ERROR);
		assert_non_null(strstr(f->err.text, why[saying]));
		assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
		assert_clean(f);
	}
}

/* ---- a set that travels ---- */

/*
 * IMP-024; IMP-025: fake-two's copy is on the same LUN and not imported, so it is no
 * volume here.  TRN-024: hidden and read-only is the copy, and never the original, which
 * nothing is written to either.
 */
static void is_hidden_and_alone(void **state)
{
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;
	char name[NAME_SIZE];
	size_t volumes = 0;
	struct dirent *entry;
	DIR *dir;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	assert_false(fake_has(LUN_A, "hidden") || fake_has(LUN_A, "ro"));
	carry(f, &one, 0);
	assert_true(name_of(&one.luns[0].destination, name));
	/* TRN-015: the original may be mounted where the copy is imported. */
	fake_set(LUN_A, "busy", true);
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), S_OK);
	assert_true(fake_has(name, "hidden") && fake_has(name, "ro"));
	assert_false(fake_has(LUN_A, "hidden") || fake_has(LUN_A, "ro"));
	assert_true(fake_is_seen(LUN_A));
	dir = opendir(fake_dir);
	while ((entry = readdir(dir)))
		volumes += !strncmp(entry->d_name, "volume-", 7);
	closedir(dir);
	assert_int_equal(volumes, 1);
	assert_int_equal(existing(f), 1);
	assert_int_equal(delete(f, 0), S_OK);
	fake_set(LUN_A, "busy", false);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
}

static char steps[64];

static vss_result step_hide(const struct vss_lun_info *lun, struct vss_error *err)
{
	strcat(steps, "hide ");
	return fake_hide(lun, err);
}

static vss_result step_locate(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, struct vss_error *err)
{
	vss_result result = locate_luns(state, luns, nr_luns, err);
	char name[NAME_SIZE];

	strcat(steps, "locate ");
	/* The array shows it, and the machine does not know yet. */
	assert_true(name_of(&luns[0].destination, name));
	assert_false(fake_is_seen(name));
	return result;
}

static vss_result step_wait(const struct vss_lun_info *const *luns, size_t n, uint32_t timeout_ms,
			    struct vss_error *err)
{
	strcat(steps, "wait ");
	assert_int_equal(timeout_ms, 1000);
	return fake_wait(luns, n, timeout_ms, err);
}

/* IMP-022: the provider shows LUNs, and the host scans for them.  IMP-021: and waits, for so long. */
static void the_host_rescans(void **state)
{
	struct hardware_machine machine = fake_machine;
	const struct hardware_settings settings = { .state_dir = fake_dir, .arrival_ms = 1000, .machine = &machine };
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	carry(f, &one, 0);
	go_elsewhere(f);
	stop(f);
	machine.hide = step_hide;
	machine.wait = step_wait;
	f->plugin.locate_luns = step_locate;
	f->hw = hardware_new(&f->plugin, &settings);
	f->ops = hardware_ops(f->hw);
	f->state = f->hw;
	assert_int_equal(f->ops->load(&f->state, &f->err), S_OK);
	steps[0] = '\0';
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), S_OK);
	assert_string_equal(steps, "hide locate wait ");
	assert_int_equal(delete(f, 0), S_OK);
	restart(f);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
}

static vss_result not_mine(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	(void)state;
	(void)device;
	(void)lun;
	(void)err;
	return S_FALSE;
}

/* IMP-023: of a disk that it does not know a provider says just that, which is no error, and no import. */
static void unknown_disks(void **state)
{
	const struct vss_provider_volume good = { .path = "/dev/fake-wide" };
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	carry(f, &one, 0);
	go_elsewhere(f);
	f->plugin.fill_in_lun_info = not_mine;
	restart(f);
	assert_int_equal(f->ops->is_volume_supported(f->state, 0, &good, &f->err), S_FALSE);
	assert_non_null(strstr(f->err.text, "not of this provider's array"));
	memset(&f->err, 0, sizeof(f->err));
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), VSS_E_MISSING_DISK);
	assert_non_null(strstr(f->err.text, "not of this provider's array"));
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
}

static void travels(void **state)
{
	struct vss_provider_snapshot one = { 0 }, two = { 0 };
	struct vss_provider_snapshot *snapshots;
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", "/dev/fake-two");
	/* Nothing of it is shown here. */
	assert_int_equal(leftovers("seen"), 0);
	assert_int_equal(leftovers("hidden"), 0);
	assert_int_equal(f->ops->break_snapshot_set(f->state, &f->set, 0, &f->err), VSS_E_OBJECT_NOT_FOUND);
	carry(f, &one, 0);
	carry(f, &two, 1);
	assert_string_equal(one.prop.device_object, "");
	go_elsewhere(f);
	assert_int_equal(existing(f), 0);

	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), S_OK);
	assert_true(one.prop.device_object[0]);
	assert_true(one.prop.attributes & VSS_VOLSNAP_ATTR_IMPORTED);
	assert_int_equal(f->ops->import_snapshot(f->state, &two, &f->err), S_OK);
	assert_int_equal(leftovers("seen"), 1);
	assert_int_equal(leftovers("hidden"), 1);
	assert_int_equal(leftovers("ro"), 1);
	restart(f);
	assert_int_equal(get(f, &snapshots), 2);
	assert_true(snapshots[0].prop.attributes & VSS_VOLSNAP_ATTR_IMPORTED);
	assert_true(snapshots[0].prop.attributes & VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_string_equal(of(snapshots, 2, &f->ids[0])->prop.device_object, one.prop.device_object);
	put(snapshots, 2);
	assert_int_equal(delete(f, 0), S_OK);
	assert_int_equal(delete(f, 1), S_OK);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
	vss_provider_snapshot_clear(&two);
}

/* Imported where it was made: before that the volume has no shadow copy there. */
static void returns(void **state)
{
	const struct vss_provider_volume wide = { .path = "/dev/fake-wide" };
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;
	uint32_t compatibility;
	bool present;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-wide", NULL);
	carry(f, &one, 0);
	assert_int_equal(f->ops->is_volume_snapshotted(f->state, &wide, &present, &compatibility, &f->err), S_OK);
	assert_false(present);
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), S_OK);
	assert_int_equal(f->ops->is_volume_snapshotted(f->state, &wide, &present, &compatibility, &f->err), S_OK);
	assert_true(present);
	assert_int_equal(existing(f), 1);
	assert_int_equal(leftovers("seen"), 2);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
}

/* Late, with another identity, or with another file system: LUNs stay hidden until they are cleaned up. */
static void failed_imports(void **state)
{
	static const struct {
		const char *fault;
		vss_result result;
	} cases[] = {
		{ "late", VSS_E_MISSING_DISK },
		{ "other", VSS_E_MISSING_DISK },
		{ NULL, VSS_E_MISSING_VOLUME },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vss_provider_snapshot one = { 0 };
		char name[NAME_SIZE];

		f->count = 0;
		make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
		carry(f, &one, 0);
		go_elsewhere(f);
		assert_true(name_of(&one.luns[0].destination, name));
		if (cases[i].fault) {
			fake_set(name, cases[i].fault, true);
		} else {
			free(one.fs_uuid);
			one.fs_uuid = strdup("another");
		}
		memset(&f->err, 0, sizeof(f->err));
		assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), cases[i].result);
		assert_true(f->err.text[0]);
		assert_int_equal(existing(f), 0);
		assert_int_equal(leftovers("hidden"), 1);
		assert_int_equal(leftovers("lun"), 1);
		assert_int_equal(f->ops->break_snapshot_set(f->state, &f->set, 0, &f->err), VSS_E_PROVIDER_VETO);
		/* The clean-up may come in another life. */
		restart(f);
		if (cases[i].fault)
			fake_set(name, cases[i].fault, false);
		assert_int_equal(delete(f, 0), S_OK);
		assert_clean(f);
		vss_provider_snapshot_clear(&one);
	}
}

/* A document that somebody has edited: what it names is not touched. */
static void false_records_are_refused(void **state)
{
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;
	struct vss_storage_id own;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	carry(f, &one, 0);
	go_elsewhere(f);
	own = one.luns[0].destination.ids[0];
	one.luns[0].destination.ids[0] = one.luns[0].source.ids[0];
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "its own original"));
	/* A disk of this machine that is in use. */
	memset(one.luns[0].destination.ids[0].bytes, 0, 15);
	one.luns[0].destination.ids[0].bytes[0] = 0x60;
	one.luns[0].destination.ids[0].bytes[15] = 0xbb;
	fake_set(LUN_B, "busy", true);
	memset(&f->err, 0, sizeof(f->err));
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "in use"));
	assert_false(fake_has(LUN_B, "hidden"));
	assert_false(fake_has(LUN_B, "ro"));
	assert_int_equal(delete(f, 0), VSS_E_OBJECT_NOT_FOUND);
	one.luns[0].has_destination = false;
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), VSS_E_PROVIDER_VETO);
	one.luns[0].has_destination = true;
	one.luns[0].destination.ids[0] = own;
	fake_set(LUN_B, "busy", false);
	assert_int_equal(f->ops->import_snapshot(f->state, &one, &f->err), S_OK);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
	vss_provider_snapshot_clear(&one);
}

/* ---- breaking ---- */

static void breaks_read_only(void **state)
{
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
	assert_int_equal(f->ops->break_snapshot_set(f->state, &other_set, 0, &f->err), VSS_E_OBJECT_NOT_FOUND);
	assert_int_equal(f->ops->break_snapshot_set(f->state, &f->set, 0, &f->err), S_OK);
	assert_int_equal(existing(f), 0);
	assert_int_equal(leftovers("seen"), 1);
	assert_int_equal(leftovers("ro"), 1);
	assert_int_equal(leftovers("hidden"), 0);
	assert_int_equal(delete(f, 0), VSS_E_OBJECT_NOT_FOUND);
}

static void breaks_writable(void **state)
{
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-wide", NULL);
	assert_int_equal(f->ops->break_snapshot_set(f->state, &f->set, VSS_BREAKEX_FLAG_MAKE_READ_WRITE, &f->err), S_OK);
	assert_int_equal(existing(f), 0);
	assert_int_equal(leftovers("seen"), 2);
	assert_int_equal(leftovers("ro"), 0);
	assert_int_equal(leftovers("hidden"), 0);
}

static void breaks_and_masks(void **state)
{
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", "/dev/fake-two");
	assert_int_equal(f->ops->break_snapshot_set(f->state, &f->set, VSS_BREAKEX_FLAG_MASK_LUNS, &f->err), S_OK);
	assert_int_equal(existing(f), 0);
	assert_int_equal(leftovers("lun"), 1);
	assert_int_equal(leftovers("seen"), 0);
	assert_int_equal(leftovers("hidden"), 0);
}

static void masks_originals(void **state)
{
	struct vss_lun_mapping *luns;
	struct fixture *f = *state;
	struct array_lun lun;
	size_t n;

	assert_int_equal(fake_volume_luns("/dev/fake-wide", &luns, &n, &f->err), S_OK);
	fake_set(LUN_B, "busy", true);
	assert_int_equal(f->ops->on_lun_state_change(f->state, luns, n, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, true,
						     &f->err), VSS_E_VOLUME_IN_USE);
	fake_set(LUN_B, "busy", false);
	/* The other one has gone by the first try. */
	assert_int_equal(f->ops->on_lun_state_change(f->state, luns, n, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, true,
						     &f->err), S_OK);
	assert_false(fake_has(LUN_A, "seen") || fake_has(LUN_B, "seen"));
	assert_true(array_get(LUN_A, &lun) && !lun.mapped);
	assert_true(array_get(LUN_B, &lun) && !lun.mapped);
	vss_lun_mappings_free(luns, n);
}

/* ---- resynchronizing ---- */

static void scribble_on(const char *lun, off_t at, const char *text)
{
	char path[PATH_MAX];
	int fd;

	fake_path(lun, "img", path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && pwrite(fd, text, 36, at) == 36);
	close(fd);
}

static void assert_content(const char *lun, off_t at, const char *want)
{
	char path[PATH_MAX], got[37] = "";
	int fd;

	fake_path(lun, "img", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && pread(fd, got, 36, at) == 36);
	close(fd);
	assert_string_equal(got, want);
}

#define LATER	"99999999-9999-9999-9999-999999999999"

/* LUNs of all volumes of the set, as RecoverSet has them from the document. */
static size_t all_luns(const struct vss_provider_snapshot *copies, size_t n, struct vss_lun_mapping *luns)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < copies[i].nr_luns; j++)
			luns[count++] = copies[i].luns[j];
	return count;
}

static vss_result resync(struct fixture *f, const struct vss_lun_mapping *luns, size_t n, uint32_t flags)
{
	memset(&f->err, 0, sizeof(f->err));
	return f->ops->resync_luns(f->state, luns, n, flags, &f->err);
}

/* FRV-014 FRV-019 FRV-020: content comes back, to all of a LUN, and only if that is wanted */
static void resynchronizes(void **state)
{
	const uint32_t context = VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE;
	struct vss_provider_snapshot copies[3] = { 0 };
	struct vss_lun_mapping luns[8], saved;
	struct fixture *f = *state;
	size_t n;

	assert_int_equal(begin(f, "/dev/fake-one", context), S_OK);
	assert_int_equal(begin(f, "/dev/fake-two", context), S_OK);
	assert_int_equal(begin(f, "/dev/fake-wide", context), S_OK);
	to_commit(f);
	finish(f, context);
	for (size_t i = 0; i < 3; i++)
		carry(f, &copies[i], i);
	scribble_on(LUN_A, 0, LATER);
	scribble_on(LUN_A, 131072, LATER);
	scribble_on(LUN_B, 0, LATER);

	/* Volumes on LUN_A that were not chosen would be lost: nothing is touched. */
	n = all_luns(copies, 2, luns);
	assert_int_equal(resync(f, luns, n, 0), VSS_E_UNSELECTED_VOLUME);
	assert_non_null(strstr(f->err.text, "/dev/fake-wide"));
	assert_content(LUN_A, 0, LATER);
	assert_false(fake_has(LUN_A, "ro"));

	/* In use, gone, or another disk by now. */
	n = all_luns(copies, 3, luns);
	fake_set(LUN_B, "busy", true);
	assert_int_equal(resync(f, luns, n, 0), VSS_E_VOLUME_IN_USE);
	assert_false(fake_has(LUN_A, "ro"));
	fake_set(LUN_B, "busy", false);
	/* Read-only, as an interrupted one leaves it: who uses it would not be seen. */
	fake_set(LUN_B, "ro", true);
	assert_int_equal(resync(f, luns, n, 0), VSS_E_VOLUME_IN_USE);
	assert_true(fake_has(LUN_B, "ro"));
	assert_content(LUN_A, 0, LATER);
	fake_set(LUN_B, "ro", false);
	fake_set(LUN_B, "seen", false);
	assert_int_equal(resync(f, luns, n, 0), VSS_E_OBJECT_NOT_FOUND);
	assert_non_null(strstr(f->err.text, "not on this machine"));
	fake_set(LUN_B, "seen", true);
	fake_set(LUN_B, "other", true);
	assert_int_equal(resync(f, luns, n, 0), VSS_E_MISSING_DISK);
	fake_set(LUN_B, "other", false);
	/* A document by which the copy is the original. */
	saved = luns[0];
	luns[0].destination = luns[0].source;
	assert_int_equal(resync(f, luns, n, 0), VSS_E_PROVIDER_VETO);
	luns[0] = saved;
	luns[0].has_destination = false;
	assert_int_equal(resync(f, luns, n, 0), VSS_E_PROVIDER_VETO);
	luns[0] = saved;
	assert_content(LUN_B, 0, LATER);
	assert_false(fake_has(LUN_A, "fresh") || fake_has(LUN_B, "fresh"));

	assert_int_equal(resync(f, luns, n, 0), S_OK);
	assert_content(LUN_A, 0, FAKE_FS_UUID);
	assert_content(LUN_A, 131072, FAKE_FS_UUID);
	assert_content(LUN_B, 0, FAKE_FS_UUID);
	assert_true(fake_has(LUN_A, "fresh") && fake_has(LUN_B, "fresh"));
	assert_false(fake_has(LUN_A, "ro") || fake_has(LUN_B, "ro"));
	/* Copies stay, and it can be done again, with less than all when that was said. */
	assert_int_equal(existing(f), 3);
	scribble_on(LUN_B, 0, LATER);
	scribble_on(LUN_A, 0, LATER);
	assert_int_equal(resync(f, luns, 1, VSS_RECOVERY_NO_VOLUME_CHECK), S_OK);
	assert_content(LUN_A, 0, FAKE_FS_UUID);
	assert_content(LUN_B, 0, LATER);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(delete(f, i), S_OK);
		vss_provider_snapshot_clear(&copies[i]);
	}
	assert_clean(f);
}

static vss_result resigned(const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	vss_result result = fake_identify(device, lun, err);

	lun->disk_signature.bytes[0] = 0x77;
	return result;
}

/* FRV-020: another signature than the original had is replaced by its only where that is wanted. */
static void resynchronizing_brings_identity(void **state)
{
	struct hardware_machine machine = fake_machine;
	const struct hardware_settings settings = { .state_dir = fake_dir, .arrival_ms = 1000, .machine = &machine };
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	carry(f, &one, 0);
	stop(f);
	machine.identify = resigned;
	f->hw = hardware_new(&f->plugin, &settings);
	f->ops = hardware_ops(f->hw);
	f->state = f->hw;
	assert_int_equal(f->ops->load(&f->state, &f->err), S_OK);
	scribble_on(LUN_A, 0, LATER);
	assert_int_equal(resync(f, one.luns, 1, VSS_RECOVERY_NO_VOLUME_CHECK), VSS_E_CANNOT_REVERT_DISKID);
	assert_content(LUN_A, 0, LATER);
	assert_int_equal(resync(f, one.luns, 1, VSS_RECOVERY_NO_VOLUME_CHECK | VSS_RECOVERY_REVERT_IDENTITY_ALL), S_OK);
	assert_content(LUN_A, 0, FAKE_FS_UUID);
	vss_provider_snapshot_clear(&one);
	restart(f);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

static unsigned int told;

static vss_result count_changes(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
				bool mask_originals, struct vss_error *err)
{
	told |= flags;
	return on_lun_state_change(state, luns, nr_luns, flags, mask_originals, err);
}

static vss_result fail_resync(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			      struct vss_error *err)
{
	(void)state;
	(void)luns;
	(void)nr_luns;
	(void)flags;
	return fake_fail(err, VSS_E_PROVIDER_VETO, "the array is on fire");
}

/* FRV-021: a provider that cannot has no such function; one that fails leaves nothing read-only. */
static void resynchronizing_fails(void **state)
{
	struct vss_provider_snapshot one = { 0 };
	struct fixture *f = *state;

	make(f, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE, "/dev/fake-one", NULL);
	carry(f, &one, 0);
	f->plugin.resync_luns = NULL;
	restart(f);
	assert_null(f->ops->resync_luns);
	f->plugin.resync_luns = fail_resync;
	f->plugin.on_lun_state_change = count_changes;
	restart(f);
	told = 0;
	assert_int_equal(resync(f, one.luns, 1, VSS_RECOVERY_NO_VOLUME_CHECK), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "on fire"));
	assert_int_equal(told, VSS_ONLUNSTATECHANGE_NOTIFY_LUN_PRE_RECOVERY | VSS_ONLUNSTATECHANGE_NOTIFY_LUN_POST_RECOVERY);
	assert_false(fake_has(LUN_A, "ro"));
	vss_provider_snapshot_clear(&one);
	assert_int_equal(delete(f, 0), S_OK);
	assert_clean(f);
}

/* ---- records ---- */

static void damaged_records_are_left_alone(void **state)
{
	char dir[PATH_MAX], bad[PATH_MAX], aside[PATH_MAX], id[VSS_UUID_TEXT_SIZE];
	struct fixture *f = *state;
	FILE *file;

	make(f, VSS_CTX_APP_ROLLBACK, "/dev/fake-one", NULL);
	snprintf(dir, sizeof(dir), "%.60s/%s", fake_dir, vss_uuid_format(&f->plugin.id, id));
	snprintf(bad, sizeof(bad), "%.100s/bad.xml", dir);
	snprintf(aside, sizeof(aside), "%.100s/x.xml.new", dir);
	file = fopen(bad, "w");
	assert_non_null(file);
	fputs("<BACKUP_COMPONENTS", file);
	fclose(file);
	file = fopen(aside, "w");
	assert_non_null(file);
	fclose(file);
	restart(f);
	assert_int_equal(existing(f), 1);
	assert_int_equal(access(bad, F_OK), 0);
	assert_int_not_equal(access(aside, F_OK), 0);
	assert_int_equal(delete(f, 0), S_OK);
}

/* Where no record can be written the set is refused, and undone. */
static void no_record_no_set(void **state)
{
	char dir[PATH_MAX], id[VSS_UUID_TEXT_SIZE];
	struct fixture *f = *state;
	FILE *file;

	snprintf(dir, sizeof(dir), "%.60s/%s", fake_dir, vss_uuid_format(&f->plugin.id, id));
	file = fopen(dir, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(begin(f, "/dev/fake-one", 0), S_OK);
	to_commit(f);
	assert_int_equal(f->ops->post_commit_snapshots(f->state, &f->set, &f->err), VSS_E_PROVIDER_VETO);
	assert_non_null(strstr(f->err.text, "cannot be written"));
	assert_int_equal(f->ops->abort_snapshots(f->state, &f->set, &f->err), S_OK);
	unlink(dir);
	assert_clean(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(supports_by_lun),
		TEST(all_luns_or_none),
		TEST(one_context_a_set),
		TEST(unload_by_force_succeeds),
		TEST(refuses_without_identifier),
		TEST(yes_is_a_promise),
		TEST(makes_and_deletes),
		TEST(disks_that_leave_are_told),
		TEST(one_lun_in_two_volumes),
		TEST(writers_may_recover),
		TEST(copies_that_do_not_arrive_fail_the_set),
		TEST(in_use_is_not_deleted),
		TEST(aborts_at_each_step),
		TEST(out_of_sequence_begin_ends_the_older),
		TEST(abort_tries_again),
		TEST(false_targets_are_refused),
		TEST(is_hidden_and_alone),
		TEST(the_host_rescans),
		TEST(unknown_disks),
		TEST(travels),
		TEST(returns),
		TEST(failed_imports),
		TEST(false_records_are_refused),
		TEST(breaks_read_only),
		TEST(breaks_writable),
		TEST(breaks_and_masks),
		TEST(masks_originals),
		TEST(resynchronizes),
		TEST(resynchronizing_brings_identity),
		TEST(resynchronizing_fails),
		TEST(damaged_records_are_left_alone),
		TEST(no_record_no_set),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

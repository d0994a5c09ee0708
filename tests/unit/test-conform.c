// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-provider-test: a good plug-in passes, and each fault of a bad one is found by the
 * test that is there for it.  The good one is the example, on the array and machine of
 * fake-array.h; a software provider is made of its parts.
 */
#include "unit.h"

#include <signal.h>

#include "fake-array.h"
#include "test/conform.h"

static struct vss_provider_ops bad;		/* the example's with a fault in it */
static char *output;

static const char *const volumes[] = { "/dev/fake-wide", "/dev/fake-one" };

static int set_up(void **state)
{
	(void)state;
	fake_array_new();
	bad = *vss_provider_get();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_array_free();
	free(output);
	output = NULL;
	return 0;
}

static int run(const char *only, bool with_volumes)
{
	const struct conform_options options = {
		.ops = &bad,
		.volumes = volumes,
		.nr_volumes = with_volumes ? COUNT(volumes) : 0,
		.machine = &fake_machine,
		.only = only,
		.timeout_ms = 4000,
		.originals = true,
	};
	FILE *out;
	size_t size;
	int failed;

	free(output);
	out = open_memstream(&output, &size);
	assert_non_null(out);
	failed = conform_run(&options, out);
	fclose(out);
	return failed;
}

/* Just this test fails, and says so. */
static void finds(const char *only, const char *what)
{
	int failed = run(only, true);

	if (failed != 1 || !strstr(output, "not ok 2") || !strstr(output, what) || !strstr(output, "rule: "))
		fail_msg("%d failures, and not \"%s\":\n%s", failed, what, output);
}

static size_t lines(const char *with)
{
	size_t count = 0;

	for (const char *at = output; (at = strstr(at, with)); at++)
		count++;
	return count;
}

/* ---- good ones ---- */

static void good_passes(void **state)
{
	(void)state;
	if (run(NULL, true))
		fail_msg("%s", output);
	assert_int_equal(lines("\nok "), 26);
	assert_int_equal(lines("# SKIP"), 0);
	/* It leaves nothing behind: the originals are all there is. */
	assert_int_equal(fake_each(NULL), 2);
}

static void good_passes_without_volumes(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, false), 0);
	assert_int_equal(lines("\nok "), 26);
	assert_true(lines("# SKIP") > 10);
}

/* ---- what is wrong before anything is called ---- */

static void wrong_from_the_start(void **state)
{
	(void)state;
	bad.abi_version++;
	assert_int_equal(run(NULL, true), 1);
	assert_non_null(strstr(output, "version"));
	assert_int_equal(lines("\nok "), 0);
	bad.abi_version--;
	bad.on_lun_empty = NULL;
	assert_int_equal(run(NULL, true), 1);
	assert_non_null(strstr(output, "no function on_lun_empty"));
	bad.type = VSS_PROV_SYSTEM;
	assert_int_equal(run(NULL, true), 1);
}

/* ---- faults ---- */

static vss_result crash(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	/* The sanitizer would tell of a real one in its own way. */
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return S_OK;
}

static vss_result leave_process(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	_exit(0x2a);
}

static vss_result hang(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	pause();
	return S_OK;
}

static vss_result wrong_code(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	return failure(err, E_FAIL, "something");
}

static vss_result speechless(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	return VSS_E_PROVIDER_VETO;
}

static vss_result endless_sentence(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	memset(err->text, 'a', sizeof(err->text));
	return VSS_E_PROVIDER_VETO;
}

static vss_result two_lines(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	return failure(err, VSS_E_PROVIDER_VETO, "one\ntwo");
}

static vss_result always_good(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	return S_OK;
}

static vss_result slow_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	usleep(1100000);
	return commit(state, set, err);
}

/* It holds its mutex for ever, and looks at nothing. */
static vss_result deaf_end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, false, false, err);

	if (result != S_OK)
		return result;
	pause();
	return leave(p, S_OK);
}

static vss_result short_abort(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	(void)state;
	(void)set;
	(void)err;
	/* It neither waits for the step nor undoes anything. */
	return S_OK;
}

static void process_ends(void **state)
{
	(void)state;
	bad.end_prepare_snapshots = crash;
	finds("good order", "crashed by signal 11 (Segmentation fault) in end_prepare_snapshots");
	bad.end_prepare_snapshots = leave_process;
	finds("good order", "ended its process with status 42 in end_prepare_snapshots");
}

static void process_hangs(void **state)
{
	const struct conform_options options = {
		.ops = &bad,
		.machine = &fake_machine,
		.only = "abort of an unknown",
		.timeout_ms = 2000,
	};
	size_t size;
	FILE *out;

	(void)state;
	bad.abort_snapshots = hang;
	out = open_memstream(&output, &size);
	assert_int_equal(conform_run(&options, out), 1);
	fclose(out);
	assert_non_null(strstr(output, "abort_snapshots did not return within 2000 ms"));
}

static void answers_are_judged(void **state)
{
	(void)state;
	bad.abort_snapshots = wrong_code;
	finds("abort of an unknown", "gave E_FAIL (0x80004005): something, which is not one of its codes");
	bad.abort_snapshots = speechless;
	finds("abort of an unknown", "and no sentence");
	bad.abort_snapshots = endless_sentence;
	finds("abort of an unknown", "a sentence without an end");
	bad.abort_snapshots = two_lines;
	finds("abort of an unknown", "several lines");
}

static void order_is_judged(void **state)
{
	(void)state;
	bad.pre_commit_snapshots = always_good;
	finds("never begun", "pre_commit_snapshots() of a set that was never begun gave S_OK");
	bad = *vss_provider_get();
	bad.commit_snapshots = slow_commit;
	finds("good order", "commit_snapshots() took");
	bad.commit_snapshots = always_good;
	finds("left out", "commit_snapshots() right after begin_prepare_snapshot() gave S_OK");
}

static void aborts_are_judged(void **state)
{
	(void)state;
	bad.abort_snapshots = short_abort;
	finds("at each stage", "goes on: the next step gave S_OK");
	finds("aborted set are gone", "still finds a copy after abort_snapshots()");
	bad = *vss_provider_get();
	bad.end_prepare_snapshots = deaf_end_prepare;
	bad.abort_snapshots = short_abort;
	finds("another thread", "had not returned 2000 ms after abort_snapshots()");
}

static vss_result begin_forever(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
				uint32_t context, const struct vss_provider_volume *volume, struct vss_error *err)
{
	struct provider *p = state;
	char id[VSS_UUID_TEXT_SIZE];

	/* The older set is kept, and the newer one is not taken note of. */
	if (p->set[0] && strcmp(p->set, vss_uuid_format(set, id)))
		return S_OK;
	return begin_prepare(state, set, snapshot, context, volume, err);
}

static void out_of_sequence_is_judged(void **state)
{
	(void)state;
	bad.begin_prepare_snapshot = begin_forever;
	finds("out of sequence", "an older set still goes on");
}

/* ---- faults with LUNs ---- */

static vss_result fill_anything(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	vss_result result = fill_in_lun_info(state, device, lun, err);

	if (result == S_FALSE) {
		free(lun->serial);
		lun->serial = strdup("changed");
		return S_OK;
	}
	return result;
}

static vss_result fill_leaking(void *state, const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	lun->interconnect = NULL;
	return fill_in_lun_info(state, device, lun, err) == S_OK && strdup("lost") ? S_OK : S_FALSE;
}

static vss_result yes_to_all(void *state, uint32_t context, const struct vss_lun_info *luns, size_t nr_luns,
			     struct vss_error *err)
{
	(void)state;
	(void)context;
	(void)luns;
	(void)nr_luns;
	(void)err;
	return S_OK;
}

static vss_result own_again(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns, size_t nr_luns,
			    struct vss_error *err)
{
	vss_result result = get_target_luns(state, set, luns, nr_luns, err);

	if (result == S_OK)
		luns[0].destination.ids[0] = luns[0].source.ids[0];
	return result;
}

static vss_result other_serial(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns,
			       size_t nr_luns, struct vss_error *err)
{
	vss_result result = get_target_luns(state, set, luns, nr_luns, err);

	if (result == S_OK)
		luns[0].destination.serial[0] ^= 1;
	return result;
}

static vss_result locate_nothing(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
				 struct vss_error *err)
{
	struct array_lun found;

	(void)state;
	/* Yes, yes. */
	for (size_t i = 0; i < nr_luns; i++)
		if (!find_lun(&luns[i].destination, &found))
			return failure(err, VSS_E_OBJECT_NOT_FOUND, "no such LUN");
	return S_OK;
}

static vss_result empty_strictly(void *state, const char *device, const struct vss_lun_info *lun,
				 struct vss_error *err)
{
	struct array_lun found;

	if (!find_lun(lun, &found))
		return failure(err, VSS_E_OBJECT_NOT_FOUND, "it is gone");
	return on_lun_empty(state, device, lun, err);
}

static vss_result empty_never(void *state, const char *device, const struct vss_lun_info *lun, struct vss_error *err)
{
	struct array_lun found;

	(void)state;
	(void)device;
	if (find_lun(lun, &found) && !strcmp(found.copy_of, "-"))
		return failure(err, VSS_E_PROVIDER_VETO, "an original");
	return S_OK;
}

static vss_result empty_all(void *state, const char *device, const struct vss_lun_info *lun, struct vss_error *err)
{
	struct array_lun found;

	(void)state;
	(void)device;
	(void)err;
	if (find_lun(lun, &found))
		array_delete(found.name);
	return S_OK;
}

static vss_result unload_never(void *state, bool force)
{
	(void)state;
	(void)force;
	return S_FALSE;
}

static vss_result mask_for_ever(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
				bool mask_originals, struct vss_error *err)
{
	(void)state;
	(void)mask_originals;
	(void)err;
	for (size_t i = 0; i < nr_luns && (flags & VSS_ONLUNSTATECHANGE_DO_MASK_LUNS); i++) {
		struct array_lun found;

		if (find_lun(&luns[i].destination, &found))
			array_delete(found.name);
	}
	return S_OK;
}

static vss_result all_capabilities(void *state, uint64_t *capabilities, struct vss_error *err)
{
	(void)state;
	(void)err;
	*capabilities = VSS_PRV_CAPABILITY_LUN_RESYNC | 0x1000;
	return S_OK;
}

static vss_result resync_all(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			     struct vss_error *err)
{
	(void)state;
	(void)luns;
	(void)nr_luns;
	(void)flags;
	(void)err;
	return S_OK;
}

/* Moves the copies instead of copying them. */
static vss_result resync_once(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			      struct vss_error *err)
{
	vss_result result = resync_luns(state, luns, nr_luns, flags, err);
	struct array_lun found;

	for (size_t i = 0; result == S_OK && i < nr_luns; i++)
		if (find_lun(&luns[i].destination, &found))
			array_delete(found.name);
	return result;
}

static void luns_are_judged(void **state)
{
	(void)state;
	bad.fill_in_lun_info = fill_anything;
	finds("not the array's", "of a LUN that is not the array's gave S_OK");
	assert_non_null(strstr(output, "has changed the record"));
	bad = *vss_provider_get();
	bad.are_luns_supported = yes_to_all;
	finds("each context", "of which one is not the array's");
	bad = *vss_provider_get();
	bad.get_provider_capabilities = all_capabilities;
	bad.resync_luns = NULL;
	finds("capabilities", "unknown bits");
	assert_non_null(strstr(output, "no resync_luns()"));
}

static void targets_are_judged(void **state)
{
	(void)state;
	bad.get_target_luns = own_again;
	finds("target LUNs", "has an identifier of an original");
	finds("as vssd sees it: made", "an identifier that an original has");
	bad.get_target_luns = other_serial;
	finds("recognized", "is not the same for fill_in_lun_info()");
}

static void copies_are_judged(void **state)
{
	(void)state;
	bad.locate_luns = locate_nothing;
	finds("recognized", "did not arrive after locate_luns()");
	bad = *vss_provider_get();
	bad.on_lun_empty = empty_strictly;
	finds("nobody has seen", "on_lun_empty(), call 2, gave VSS_E_OBJECT_NOT_FOUND");
	bad.on_lun_empty = empty_never;
	finds("recognized", "still finds a copy after on_lun_empty()");
	bad.on_lun_empty = empty_all;
	finds("an original", "the original is gone");
	fake_lun_new(LUN_A);
	bad = *vss_provider_get();
	bad.on_lun_state_change = mask_for_ever;
	finds("masked", "of copies that were masked gave VSS_E_OBJECT_NOT_FOUND");
	bad = *vss_provider_get();
	bad.resync_luns = resync_all;
	finds("content back", "from a LUN that is not the array's succeeded");
	bad.resync_luns = resync_once;
	finds("content back", "resync_luns(), call 2, gave VSS_E_OBJECT_NOT_FOUND");
}

/* PRV-032 */
static void life_is_judged(void **state)
{
	(void)state;
	bad.unload = unload_never;
	finds("load again", "with @force gave S_FALSE");
	bad = *vss_provider_get();
	bad.fill_in_lun_info = fill_leaking;
	finds("no memory", "were not freed");
}

/* ---- a software provider ---- */

static vss_result soft_supported(void *state, uint32_t context, const struct vss_provider_volume *volume,
				 struct vss_error *err)
{
	(void)state;
	(void)context;
	(void)err;
	return strncmp(volume->path, "/dev/fake-", 10) ? S_FALSE : S_OK;
}

/* What exists are files in the array's folder, "SNAPSHOT.copy" with the set and the volume. */
static void soft_path(const struct vss_uuid *snapshot, char path[PATH_MAX])
{
	char id[VSS_UUID_TEXT_SIZE];

	fake_path(vss_uuid_format(snapshot, id), "copy", path);
}

static struct vss_uuid soft_ids[8];
static const char *soft_volumes[8];
static size_t soft_count;

static vss_result soft_begin(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
			     uint32_t context, const struct vss_provider_volume *volume, struct vss_error *err)
{
	struct provider *p = state;
	char id[VSS_UUID_TEXT_SIZE];

	(void)context;
	if (strncmp(volume->path, "/dev/fake-", 10))
		return failure(err, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, "not mine");
	if (p->prepared || strcmp(p->set, vss_uuid_format(set, id))) {
		forget_set(p);
		soft_count = 0;
	}
	strcpy(p->set, id);
	soft_ids[soft_count] = *snapshot;
	soft_volumes[soft_count++] = volume->path;
	return S_OK;
}

static vss_result soft_post_final(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	vss_result result = post_final_commit(state, set, err);
	char path[PATH_MAX], id[VSS_UUID_TEXT_SIZE];

	for (size_t i = 0; result == S_OK && i < soft_count; i++) {
		FILE *file;

		soft_path(&soft_ids[i], path);
		file = fopen(path, "we");
		fprintf(file, "%s %s %zu\n", vss_uuid_format(set, id), soft_volumes[i], soft_count);
		fclose(file);
	}
	return result;
}

static vss_result soft_get(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
			   struct vss_error *err)
{
	DIR *dir = opendir(fake_dir);
	struct dirent *entry;

	(void)state;
	(void)err;
	*count = 0;
	*snapshots = calloc(16, sizeof(**snapshots));
	while ((entry = readdir(dir))) {
		struct vss_snapshot_prop *prop = &(*snapshots)[*count].prop;
		char *end = strstr(entry->d_name, ".copy"), path[PATH_MAX], set[64], volume[64];
		FILE *file;

		if (!end)
			continue;
		*end = '\0';
		vss_uuid_parse(entry->d_name, &prop->snapshot_id);
		soft_path(&prop->snapshot_id, path);
		file = fopen(path, "re");
		assert_int_equal(fscanf(file, "%63s %63s %u", set, volume, &prop->snapshots_count), 3);
		fclose(file);
		vss_uuid_parse(set, &prop->snapshot_set_id);
		prop->provider_id = bad.id;
		prop->device_object = strdup(path);
		prop->original_volume_name = strdup(volume);
		(*count)++;
	}
	closedir(dir);
	return S_OK;
}

static vss_result soft_is_snapshotted(void *state, const struct vss_provider_volume *volume, bool *present,
				      uint32_t *compatibility, struct vss_error *err)
{
	(void)state;
	(void)volume;
	(void)err;
	*present = true;
	*compatibility = 0;
	return S_OK;
}

static vss_result soft_delete(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	char path[PATH_MAX];

	(void)state;
	(void)force;
	soft_path(snapshot, path);
	return unlink(path) ? failure(err, VSS_E_OBJECT_NOT_FOUND, "no such shadow copy") : S_OK;
}

static vss_result soft_delete_always(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	(void)soft_delete(state, snapshot, force, err);
	memset(err, 0, sizeof(*err));
	return S_OK;
}

static vss_result soft_get_nothing(void *state, struct vss_provider_snapshot **snapshots, size_t *count,
				   struct vss_error *err)
{
	(void)state;
	(void)err;
	*snapshots = NULL;
	*count = 0;
	return S_OK;
}

static void make_software(void)
{
	bad = *vss_provider_get();
	bad.type = VSS_PROV_SOFTWARE;
	bad.is_volume_supported = soft_supported;
	bad.is_volume_snapshotted = soft_is_snapshotted;
	bad.begin_prepare_snapshot = soft_begin;
	bad.post_final_commit_snapshots = soft_post_final;
	bad.get_snapshots = soft_get;
	bad.delete_snapshot = soft_delete;
}

static void software(void **state)
{
	(void)state;
	make_software();
	if (run(NULL, true))
		fail_msg("%s", output);
	assert_int_equal(lines("# SKIP"), 0);
	assert_int_equal(lines("LUN"), 0);
	bad.delete_snapshot = soft_delete_always;
	finds("told of and deleted", "deleting a shadow copy twice gave S_OK");
	bad.delete_snapshot = soft_delete;
	bad.get_snapshots = soft_get_nothing;
	finds("told of and deleted", "does not tell of the shadow copy");
	bad.get_snapshots = NULL;
	assert_int_equal(run(NULL, true), 1);
	assert_non_null(strstr(output, "no function get_snapshots"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(good_passes),
		TEST(good_passes_without_volumes),
		TEST(wrong_from_the_start),
		TEST(process_ends),
		TEST(process_hangs),
		TEST(answers_are_judged),
		TEST(order_is_judged),
		TEST(aborts_are_judged),
		TEST(out_of_sequence_is_judged),
		TEST(luns_are_judged),
		TEST(targets_are_judged),
		TEST(copies_are_judged),
		TEST(life_is_judged),
		TEST(software),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a set step by step, as vssd does it.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conform.h"

static const char *const stage_names[STAGE_COUNT] = {
	[STAGE_BEGIN] = "begin_prepare_snapshot()",
	[STAGE_END_PREPARE] = "end_prepare_snapshots()",
	[STAGE_PRE_COMMIT] = "pre_commit_snapshots()",
	[STAGE_HOLD] = "hold_writes()",
	[STAGE_COMMIT] = "commit_snapshots()",
	[STAGE_RELEASE] = "release_writes()",
	[STAGE_POST_COMMIT] = "post_commit_snapshots()",
	[STAGE_TARGETS] = "get_target_luns()",
	[STAGE_PRE_FINAL] = "pre_final_commit_snapshots()",
	[STAGE_POST_FINAL] = "post_final_commit_snapshots()",
};

const char *conform_stage_name(enum conform_stage stage)
{
	return stage_names[stage];
}

bool conform_load(struct conform *t)
{
	vss_result result;

	t->state = NULL;
	conform_enter(t, FN_load);
	result = t->ops->load(&t->state, &t->err);
	conform_judge(t, FN_load, result);
	if (result == S_OK)
		return true;
	conform_wrong(t, "vss/provider.h, @load: called first", "load() gave %s", conform_said(t, result));
	return false;
}

void conform_unload(struct conform *t)
{
	vss_result result;

	conform_enter(t, FN_unload);
	result = t->ops->unload(t->state, true);
	memset(&t->err, 0, sizeof(t->err));
	conform_judge(t, FN_unload, result);
	if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @unload: S_FALSE refuses, unless @force",
			      "unload() with @force gave %s", conform_said(t, result));
	t->state = NULL;
}

/* ---- volumes ---- */

static bool complete(struct conform *t, const char *path, struct vss_lun_info *lun)
{
	_cleanup_free_ char *device = NULL;
	struct vss_lun_info before = { 0 };
	struct vss_error err = { 0 };
	vss_result result;

	if (t->options->machine->find(lun, &device, &err) != S_OK || !vss_lun_info_copy(&before, lun)) {
		conform_wrong(t, "vss-provider-test(8), --volume", "%s cannot be used: %s", path, err.text);
		return false;
	}
	result = CALL(t, fill_in_lun_info, device, lun);
	if (result == S_FALSE)
		conform_wrong(t, "vss-provider-test(8), --volume: of the array", "%s, a LUN of %s, is not of the provider's "
			      "array", device, path);
	else if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @fill_in_lun_info: not an error for any device",
			      "fill_in_lun_info(%s) gave %s", device, conform_said(t, result));
	else if (!vss_lun_same(&before, lun))
		conform_wrong(t, "vss/provider.h, @fill_in_lun_info: without a change to its identity",
			      "fill_in_lun_info(%s) has changed vendor, product, serial number or identifiers", device);
	vss_lun_info_clear(&before);
	return result == S_OK;
}

static bool find_volume(struct conform *t, const char *path)
{
	struct conform_volume *volume = &t->volumes[t->nr_volumes];
	struct vss_error err = { 0 };

	volume->path = path;
	t->nr_volumes++;
	if (!t->hardware)
		return true;
	if (t->options->machine->volume_luns(path, &volume->luns, &volume->nr_luns, &err) != S_OK) {
		conform_wrong(t, "vss-provider-test(8), --volume", "%s cannot be used: %s", path, err.text);
		return false;
	}
	for (size_t i = 0; i < volume->nr_luns; i++)
		if (!complete(t, path, &volume->luns[i].source))
			return false;
	return true;
}

bool conform_find_volumes(struct conform *t)
{
	for (size_t i = 0; i < t->options->nr_volumes; i++)
		if (!find_volume(t, t->options->volumes[i]))
			return false;
	return true;
}

/* ---- steps ---- */

static bool add_lun(struct conform *t, const struct vss_lun_info *source)
{
	for (size_t i = 0; i < t->nr_luns; i++)
		if (vss_lun_same(&t->luns[i].source, source))
			return true;
	return t->nr_luns < CONFORM_MAX_LUNS && vss_lun_info_copy(&t->luns[t->nr_luns++].source, source);
}

static bool begin(struct conform *t, uint32_t context)
{
	for (size_t i = 0; i < t->nr_volumes; i++) {
		const struct conform_volume *v = &t->volumes[i];
		const struct vss_provider_volume volume = { .path = v->path, .luns = v->luns, .nr_luns = v->nr_luns };
		vss_result result;

		if (vss_uuid_generate(&t->snapshots[i]))
			return false;
		result = CALL(t, begin_prepare_snapshot, &t->set, &t->snapshots[i], context, &volume);
		if (result != S_OK) {
			conform_wrong(t, "vss/provider.h, @begin_prepare_snapshot", "begin_prepare_snapshot(%s) gave %s; the "
				      "other tests need a volume that is taken", v->path, conform_said(t, result));
			return false;
		}
		for (size_t j = 0; j < v->nr_luns; j++)
			if (!add_lun(t, &v->luns[j].source))
				return false;
	}
	return true;
}

/* Judged further in luns.c. */
static vss_result ask_targets(struct conform *t)
{
	vss_result result = CALL(t, get_target_luns, &t->set, t->luns, t->nr_luns);

	t->has_targets = result == S_OK;
	for (size_t i = 0; t->has_targets && i < t->nr_luns; i++)
		t->has_targets = t->luns[i].has_destination;
	return result;
}

vss_result conform_step(struct conform *t, enum conform_stage stage)
{
	switch (stage) {
	case STAGE_END_PREPARE:
		return CALL(t, end_prepare_snapshots, &t->set);
	case STAGE_PRE_COMMIT:
		return CALL(t, pre_commit_snapshots, &t->set);
	case STAGE_HOLD:
		return t->ops->hold_writes ? CALL(t, hold_writes, &t->set, 10000) : S_OK;
	case STAGE_COMMIT:
		return CALL(t, commit_snapshots, &t->set);
	case STAGE_RELEASE:
		return t->ops->release_writes ? CALL(t, release_writes, &t->set) : S_OK;
	case STAGE_POST_COMMIT:
		return CALL(t, post_commit_snapshots, &t->set);
	case STAGE_TARGETS:
		return t->hardware ? ask_targets(t) : S_OK;
	case STAGE_PRE_FINAL:
		return CALL(t, pre_final_commit_snapshots, &t->set, 0);
	case STAGE_POST_FINAL:
		return CALL(t, post_final_commit_snapshots, &t->set);
	default:
		return S_OK;
	}
}

static void forget_luns(struct conform *t)
{
	for (size_t i = 0; i < t->nr_luns; i++)
		vss_lun_mapping_clear(&t->luns[i]);
	t->nr_luns = 0;
	t->has_targets = false;
}

bool conform_make(struct conform *t, uint32_t context, enum conform_stage last)
{
	forget_luns(t);
	if (vss_uuid_generate(&t->set) || !begin(t, context))
		return false;
	for (int stage = STAGE_END_PREPARE; stage <= (int)last; stage++) {
		vss_result result = conform_step(t, (enum conform_stage)stage);

		if (result == S_OK)
			continue;
		conform_wrong(t, "vss/provider.h: the steps of a set, in this order", "%s gave %s", stage_names[stage],
			      conform_said(t, result));
		conform_clean(t);
		return false;
	}
	return true;
}

void conform_clean(struct conform *t)
{
	CALL(t, abort_snapshots, &t->set);
	for (size_t i = 0; t->hardware && i < t->nr_luns; i++)
		if (t->luns[i].has_destination)
			CALL(t, on_lun_empty, NULL, &t->luns[i].destination);
	for (size_t i = 0; !t->hardware && i < t->nr_volumes; i++)
		CALL(t, delete_snapshot, &t->snapshots[i], true);
	forget_luns(t);
}

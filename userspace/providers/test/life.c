// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of a plug-in's life: loading, unloading, and what calls leave behind.
 */
#include <malloc.h>
#include <stdlib.h>

#include "cleanup.h"
#include "conform.h"
#include "made-up.h"

static void load_twice(struct conform *t)
{
	for (int i = 0; i < 2; i++) {
		if (!conform_load(t))
			return;
		conform_unload(t);
	}
}

/* Refused or not, but never with a failure. */
static void unload_politely(struct conform *t)
{
	vss_result result;

	if (!conform_load(t))
		return;
	conform_enter(t, FN_unload);
	result = t->ops->unload(t->state, false);
	conform_judge(t, FN_unload, result);
	if (result == S_FALSE)
		conform_unload(t);
	else if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @unload: S_FALSE refuses, unless @force", "unload() gave %s",
			      conform_said(t, result));
}

static void unload_in_creation(struct conform *t)
{
	if (!conform_load(t) || !conform_find_volumes(t) || !conform_make(t, VSS_CTX_BACKUP, STAGE_END_PREPARE))
		return;
	conform_unload(t);
	/* What the array has of it goes with the abort, in the next life. */
	if (conform_load(t)) {
		conform_clean(t);
		conform_unload(t);
	}
}

/* ---- leaks ---- */

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	struct mallinfo2 info;

	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

#define WARM_UP		32
#define ROUNDS		512
/* What caches and such may take in all these rounds. */
#define ALLOWED_GROWTH	(ROUNDS * 8)

static bool ask_lun(struct conform *t)
{
	struct vss_lun_info lun;

	if (!made_up_lun(&lun, MADE_UP_ALL))
		return false;
	t->ops->fill_in_lun_info(t->state, MADE_UP_DEVICE, &lun, &t->err);
	vss_lun_info_clear(&lun);
	return true;
}

static bool ask_own_lun(struct conform *t)
{
	struct vss_lun_info lun;

	if (!t->nr_volumes || !t->volumes[0].nr_luns || !vss_lun_info_copy(&lun, &t->volumes[0].luns[0].source))
		return false;
	t->ops->fill_in_lun_info(t->state, MADE_UP_DEVICE, &lun, &t->err);
	vss_lun_info_clear(&lun);
	return true;
}

static bool list(struct conform *t)
{
	struct vss_provider_snapshot *snapshots = NULL;
	size_t count = 0;

	if (t->ops->get_snapshots(t->state, &snapshots, &count, &t->err) != S_OK)
		return true;
	for (size_t i = 0; i < count; i++)
		vss_provider_snapshot_clear(&snapshots[i]);
	free(snapshots);
	return true;
}

static bool abort_unknown(struct conform *t)
{
	const struct vss_uuid unknown = { { 0x7e, 0x57 } };

	t->ops->abort_snapshots(t->state, &unknown, &t->err);
	return true;
}

static bool begin_unknown(struct conform *t)
{
	const struct vss_provider_volume volume = { .path = MADE_UP_DEVICE };
	const struct vss_uuid set = { { 0x7e, 0x58 } };

	t->ops->begin_prepare_snapshot(t->state, &set, &set, VSS_CTX_BACKUP, &volume, &t->err);
	t->ops->abort_snapshots(t->state, &set, &t->err);
	return true;
}

static bool load_and_unload(struct conform *t)
{
	void *state = NULL;

	if (t->ops->load(&state, &t->err) != S_OK)
		return false;
	t->ops->unload(state, true);
	return true;
}

static void measure(struct conform *t, const char *what, bool (*ask)(struct conform *t))
{
	size_t before = 0, after;

	for (int i = 0; i < WARM_UP + ROUNDS; i++) {
		if (i == WARM_UP)
			before = allocated();
		if (!ask(t))
			return;
	}
	after = allocated();
	if (after > before + ALLOWED_GROWTH)
		conform_wrong(t, "vss/provider.h: what a function gives back the host frees; the rest is its own to free",
			      "%zu bytes were not freed by %d rounds of %s", after - before, ROUNDS, what);
}

static void leaks(struct conform *t)
{
	measure(t, "load() and unload()", load_and_unload);
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	if (t->hardware) {
		measure(t, "fill_in_lun_info() of an unknown LUN", ask_lun);
		measure(t, "fill_in_lun_info() of its own LUN", ask_own_lun);
	} else {
		measure(t, "get_snapshots()", list);
	}
	measure(t, "abort_snapshots() of an unknown set", abort_unknown);
	measure(t, "begin_prepare_snapshot() of an unknown volume", begin_unknown);
	conform_unload(t);
}

const struct conform_test conform_life[] = {
	{ "load, unload, and load again", load_twice, FOR_ALL, false },
	{ "unload without force", unload_politely, FOR_ALL, false },
	{ "unload by force with a set in creation", unload_in_creation, FOR_ALL, true },
	{ "calls leave no memory behind", leaks, FOR_ALL, false },
	{ 0 },
};

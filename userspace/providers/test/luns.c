// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of what a hardware provider says of LUNs, and of copies that come to this
 * machine and go.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conform.h"
#include "made-up.h"

static void capabilities(struct conform *t)
{
	const uint64_t known = VSS_PRV_CAPABILITY_COMPLIANT | VSS_PRV_CAPABILITY_LUN_REPOINT |
			       VSS_PRV_CAPABILITY_LUN_RESYNC | VSS_PRV_CAPABILITY_OFFLINE_CREATION |
			       VSS_PRV_CAPABILITY_MULTIPLE_IMPORT | VSS_PRV_CAPABILITY_RECYCLING |
			       VSS_PRV_CAPABILITY_PLEX | VSS_PRV_CAPABILITY_DIFFERENTIAL |
			       VSS_PRV_CAPABILITY_CLUSTERED;
	uint64_t has = 0;
	vss_result result;

	if (!conform_load(t))
		return;
	result = CALL(t, get_provider_capabilities, &has);
	if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @get_provider_capabilities", "get_provider_capabilities() gave %s",
			      conform_said(t, result));
	if (has & ~known)
		conform_wrong(t, "vss/provider.h: VSS_PRV_CAPABILITY_*", "get_provider_capabilities() told 0x%llx, which "
			      "has unknown bits", (unsigned long long)has);
	if ((has & VSS_PRV_CAPABILITY_LUN_RESYNC) && !t->ops->resync_luns)
		conform_wrong(t, "vss/provider.h, @resync_luns: NULL without VSS_PRV_CAPABILITY_LUN_RESYNC",
			      "it has the capability to resync LUNs and no resync_luns()");
	if ((has & VSS_PRV_CAPABILITY_RECYCLING) && !t->ops->on_reuse_luns)
		conform_wrong(t, "vss/provider.h, @on_reuse_luns: NULL without VSS_PRV_CAPABILITY_RECYCLING",
			      "it has the capability to recycle LUNs and no on_reuse_luns()");
	conform_unload(t);
}

static bool same_text(const char *a, const char *b)
{
	return !a == !b && (!a || !strcmp(a, b));
}

static bool unchanged(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	return vss_lun_same(a, b) && same_text(a->revision, b->revision) && same_text(a->interconnect, b->interconnect) &&
	       a->size == b->size && a->block_size == b->block_size;
}

static void unknown_lun(struct conform *t, enum made_up what)
{
	struct vss_lun_mapping mapping = { .has_destination = true };
	struct vss_lun_info lun;
	vss_result result;

	if (!made_up_lun(&lun, what) || !made_up_lun(&mapping.source, what) ||
	    !made_up_lun(&mapping.destination, what))
		return;
	result = CALL(t, fill_in_lun_info, MADE_UP_DEVICE, &lun);
	if (result != S_FALSE)
		conform_wrong(t, "vss/provider.h, @fill_in_lun_info: S_FALSE: it is not this array's; not an error for any "
			      "device", "fill_in_lun_info() of a LUN that is not the array's gave %s",
			      conform_said(t, result));
	if (!unchanged(&lun, &mapping.source))
		conform_wrong(t, "vss/provider.h, @fill_in_lun_info: S_FALSE: it is not this array's",
			      "fill_in_lun_info() has changed the record of a LUN that is not the array's");
	result = CALL(t, are_luns_supported, VSS_CTX_BACKUP, &lun, 1);
	if (result == S_OK)
		conform_wrong(t, "vss/provider.h, @are_luns_supported: never S_OK for what cannot in fact be done",
			      "are_luns_supported() says yes to a LUN that is not the array's");
	result = CALL(t, locate_luns, &mapping, 1);
	if (result == S_OK)
		conform_wrong(t, "vss/provider.h, @locate_luns: VSS_E_OBJECT_NOT_FOUND: there is none of them",
			      "locate_luns() gave S_OK for a copy that the array does not have");
	/* Gone already, or none of its copies: both are good answers. */
	for (int i = 0; i < 2; i++)
		result = CALL(t, on_lun_empty, NULL, &mapping.destination);
	if (result != S_OK && result != VSS_E_PROVIDER_VETO)
		conform_wrong(t, "vss/provider.h, @on_lun_empty: S_OK also when it is gone already",
			      "on_lun_empty() of a LUN that the array does not have gave %s", conform_said(t, result));
	vss_lun_info_clear(&lun);
	vss_lun_mapping_clear(&mapping);
}

static void unknown_luns(struct conform *t)
{
	if (!conform_load(t))
		return;
	for (int what = 0; what < MADE_UP_COUNT; what++)
		unknown_lun(t, (enum made_up)what);
	conform_unload(t);
}

/* ---- support ---- */

static vss_result ask(struct conform *t, uint32_t context, struct vss_lun_info *luns, size_t n)
{
	return CALL(t, are_luns_supported, context, luns, n);
}

static void support(struct conform *t)
{
	static const uint32_t contexts[] = {
		VSS_CTX_BACKUP, VSS_CTX_FILE_SHARE_BACKUP, VSS_CTX_NAS_ROLLBACK, VSS_CTX_APP_ROLLBACK,
		VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE,
		VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE,
		VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_DIFFERENTIAL, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_PLEX,
	};
	struct vss_lun_info luns[2];

	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	luns[0] = t->volumes[0].luns[0].source;
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		ask(t, contexts[i], luns, 1);
	if (ask(t, VSS_CTX_BACKUP, luns, 1) != S_OK)
		conform_wrong(t, "vss-provider-test(8), --volume: that it may copy", "are_luns_supported() does not take a "
			      "LUN of %s for a backup: %s", t->volumes[0].path, t->err.text);
	/* All or nothing. */
	if (made_up_lun(&luns[1], MADE_UP_ALL) && ask(t, VSS_CTX_BACKUP, luns, 2) == S_OK)
		conform_wrong(t, "vss/provider.h, @are_luns_supported: of all of these LUNs",
			      "are_luns_supported() says yes to two LUNs of which one is not the array's");
	vss_lun_info_clear(&luns[1]);
	conform_unload(t);
}

/* ---- targets ---- */

static bool is_unique(const struct vss_storage_id *id)
{
	return !id->association && id->size && (id->type == 1 || id->type == 2 || id->type == 3 || id->type == 8);
}

static bool has_identity(const struct vss_lun_info *lun)
{
	for (size_t i = 0; i < lun->nr_ids; i++)
		if (is_unique(&lun->ids[i]))
			return true;
	return false;
}

static bool shares_identity(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	for (size_t i = 0; i < a->nr_ids; i++)
		for (size_t j = 0; is_unique(&a->ids[i]) && j < b->nr_ids; j++)
			if (is_unique(&b->ids[j]) && a->ids[i].type == b->ids[j].type &&
			    a->ids[i].size == b->ids[j].size &&
			    !memcmp(a->ids[i].bytes, b->ids[j].bytes, a->ids[i].size))
				return true;
	return false;
}

static void judge_targets(struct conform *t)
{
	static const char rule[] = "vss/provider.h, @get_target_luns";

	for (size_t i = 0; i < t->nr_luns; i++) {
		const struct vss_lun_info *copy = &t->luns[i].destination;
		char name[VSS_LUN_NAME_SIZE];

		vss_lun_name(&t->luns[i].source, name, sizeof(name));
		if (!t->luns[i].has_destination) {
			conform_wrong(t, rule, "get_target_luns() tells nothing of the copy of LUN %s", name);
			continue;
		}
		if (!has_identity(copy))
			conform_wrong(t, rule, "the copy of LUN %s has no unique identifier (type 1, 2, 3 or 8, association "
				      "0)", name);
		if (copy->size && copy->size < t->luns[i].source.size)
			conform_wrong(t, rule, "the copy of LUN %s is smaller than it", name);
		for (size_t j = 0; j < t->nr_luns; j++) {
			if (shares_identity(copy, &t->luns[j].source))
				conform_wrong(t, rule, "the copy of LUN %s has an identifier of an original", name);
			if (j != i && t->luns[j].has_destination && shares_identity(copy, &t->luns[j].destination))
				conform_wrong(t, rule, "the copy of LUN %s has an identifier of another copy", name);
		}
	}
}

static void targets(struct conform *t)
{
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	if (conform_make(t, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, STAGE_TARGETS)) {
		judge_targets(t);
		conform_clean(t);
	}
	conform_unload(t);
}

/* The first volume's LUNs again as those of another volume. */
static void shared_lun(struct conform *t)
{
	if (!conform_load(t) || !conform_find_volumes(t))
		return;
	t->volumes[1] = t->volumes[0];
	t->volumes[1].path = MADE_UP_DEVICE;
	t->nr_volumes = 2;
	if (conform_make(t, VSS_CTX_BACKUP, STAGE_TARGETS)) {
		/* Each LUN is listed once, and so must each copy be. */
		judge_targets(t);
		conform_clean(t);
	}
	conform_unload(t);
}

/* ---- coming and going ---- */

/* The disk that a copy is on this machine; the caller frees @device. */
static bool arrives(struct conform *t, const struct vss_lun_info *copy, char **device)
{
	const struct hardware_machine *machine = t->options->machine;
	char name[VSS_LUN_NAME_SIZE];
	struct vss_error err = { 0 };
	struct vss_lun_info found;
	vss_result result;

	vss_lun_name(copy, name, sizeof(name));
	*device = NULL;
	if (machine->wait(&copy, 1, t->options->timeout_ms / 2, &err) != S_OK ||
	    machine->find(copy, device, &err) != S_OK) {
		conform_wrong(t, "vss/provider.h, @get_target_luns: as the copy's disk will show them; @locate_luns: make "
			      "the copies visible", "copy %s did not arrive after locate_luns(): %s", name, err.text);
		return false;
	}
	if (machine->identify(*device, &found, &err) != S_OK) {
		conform_wrong(t, "vss/provider.h, @locate_luns", "copy %s arrived as %s, which cannot be read: %s", name,
			      *device, err.text);
		return false;
	}
	result = CALL(t, fill_in_lun_info, *device, &found);
	if (result != S_OK || !vss_lun_same(&found, copy))
		conform_wrong(t, "vss/provider.h, @get_target_luns: as the copy's disk will show them; @fill_in_lun_info: "
			      "also asked of copies that arrive", "copy %s arrived as %s, which is not the same for "
			      "fill_in_lun_info(): %s", name, *device,
			      result == S_OK ? "vendor, product, serial number or identifiers differ" :
			      conform_said(t, result));
	vss_lun_info_clear(&found);
	return true;
}

/* From this machine and from the array. */
static void leaves(struct conform *t, const struct vss_lun_info *copy, const char *device)
{
	const struct hardware_machine *machine = t->options->machine;
	struct vss_error err = { 0 };
	vss_result result;

	if (device && machine->remove(device, &err) != S_OK)
		conform_wrong(t, "vss-provider-test(8)", "%s could not be removed from this machine: %s", device, err.text);
	for (int i = 0; i < 2; i++) {
		result = CALL(t, on_lun_empty, device, copy);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @on_lun_empty: delete it; S_OK also when it is gone already",
				      "on_lun_empty(), call %d, gave %s", i + 1, conform_said(t, result));
	}
	machine->unhide(copy, &err);
}

static vss_result locate(struct conform *t)
{
	return CALL(t, locate_luns, t->luns, t->nr_luns);
}

/* A finished set that travels; its copies hidden before they come. */
static bool make_copies(struct conform *t)
{
	struct vss_error err = { 0 };

	if (!conform_load(t) || !conform_find_volumes(t) ||
	    !conform_make(t, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, STAGE_POST_FINAL))
		return false;
	if (!t->has_targets) {
		judge_targets(t);
		conform_clean(t);
		return false;
	}
	for (size_t i = 0; i < t->nr_luns; i++)
		if (t->options->machine->hide(&t->luns[i].destination, &err) != S_OK) {
			conform_wrong(t, "vss/lun.h, vss_lun_hide()", "a copy cannot be hidden: %s", err.text);
			conform_clean(t);
			return false;
		}
	return true;
}

static void come_and_go(struct conform *t)
{
	vss_result result;

	if (!make_copies(t))
		return;
	/* The second time they are visible already. */
	for (int i = 0; i < 2; i++) {
		result = locate(t);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @locate_luns: S_OK also when they are visible already",
				      "locate_luns(), call %d, gave %s", i + 1, conform_said(t, result));
	}
	for (size_t i = 0; i < t->nr_luns; i++) {
		_cleanup_free_ char *device = NULL;

		arrives(t, &t->luns[i].destination, &device);
		leaves(t, &t->luns[i].destination, device);
	}
	result = locate(t);
	if (result == S_OK)
		conform_wrong(t, "vss/provider.h, @on_lun_empty: take it from this machine and delete it",
			      "locate_luns() still finds a copy after on_lun_empty()");
	conform_clean(t);
	conform_unload(t);
}

static void never_visible(struct conform *t)
{
	if (!make_copies(t))
		return;
	for (size_t i = 0; i < t->nr_luns; i++)
		leaves(t, &t->luns[i].destination, NULL);
	conform_clean(t);
	conform_unload(t);
}

static void change_state(struct conform *t)
{
	vss_result result;

	if (!make_copies(t))
		return;
	if (locate(t) == S_OK) {
		char *device;

		for (size_t i = 0; i < t->nr_luns; i++) {
			arrives(t, &t->luns[i].destination, &device);
			free(device);
		}
		result = CALL(t, on_lun_state_change, t->luns, t->nr_luns, VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE, false);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @on_lun_state_change", "on_lun_state_change() with "
				      "VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE gave %s", conform_said(t, result));
		for (size_t i = 0; i < t->nr_luns; i++) {
			device = NULL;
			if (t->options->machine->find(&t->luns[i].destination, &device, NULL) == S_OK)
				t->options->machine->remove(device, NULL);
			free(device);
		}
		result = CALL(t, on_lun_state_change, t->luns, t->nr_luns, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS, false);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, @on_lun_state_change", "on_lun_state_change() with "
				      "VSS_ONLUNSTATECHANGE_DO_MASK_LUNS gave %s", conform_said(t, result));
		/* A masked copy exists, and can be shown again. */
		result = locate(t);
		if (result != S_OK)
			conform_wrong(t, "vss/provider.h, VSS_ONLUNSTATECHANGE_DO_MASK_LUNS: take the copies from this machine",
				      "locate_luns() of copies that were masked gave %s", conform_said(t, result));
	}
	for (size_t i = 0; i < t->nr_luns; i++) {
		_cleanup_free_ char *device = NULL;

		t->options->machine->find(&t->luns[i].destination, &device, NULL);
		leaves(t, &t->luns[i].destination, device);
	}
	conform_clean(t);
	conform_unload(t);
}

static void aborted_copies_are_gone(struct conform *t)
{
	vss_result result;

	if (!conform_load(t) || !conform_find_volumes(t) ||
	    !conform_make(t, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE, STAGE_TARGETS))
		return;
	result = CALL(t, abort_snapshots, &t->set);
	if (result != S_OK)
		conform_wrong(t, "vss/provider.h, @abort_snapshots: undo a set at any step", "abort_snapshots() gave %s",
			      conform_said(t, result));
	if (t->has_targets && locate(t) == S_OK)
		conform_wrong(t, "vss/provider.h, @abort_snapshots: whatever the array has of the set then goes",
			      "locate_luns() still finds a copy after abort_snapshots()");
	conform_clean(t);
	conform_unload(t);
}

/* A document may have been edited so that an original is called a copy. */
static void originals_are_not_deleted(struct conform *t)
{
	struct vss_lun_info lun;
	vss_result result;

	if (!t->options->originals) {
		conform_skip(t, "without --originals none is put at risk");
		return;
	}
	if (!conform_load(t) || !conform_find_volumes(t) || !vss_lun_info_copy(&lun, &t->volumes[0].luns[0].source))
		return;
	result = CALL(t, on_lun_empty, NULL, &lun);
	if (result != VSS_E_PROVIDER_VETO)
		conform_wrong(t, "vss/provider.h, @on_lun_empty: VSS_E_PROVIDER_VETO for a LUN that is no copy",
			      "on_lun_empty() of an original gave %s", conform_said(t, result));
	if (ask(t, VSS_CTX_BACKUP, &lun, 1) != S_OK)
		conform_wrong(t, "vss/provider.h, @on_lun_empty: VSS_E_PROVIDER_VETO for a LUN that is no copy",
			      "the original is gone after on_lun_empty()");
	vss_lun_info_clear(&lun);
	conform_unload(t);
}

/* Read-only, as vssd has them meanwhile; false for one that is in use. */
static bool protect_originals(struct conform *t, bool read_only)
{
	bool all = true;

	for (size_t i = 0; i < t->nr_luns; i++) {
		_cleanup_free_ char *device = NULL;

		all = t->options->machine->find(&t->luns[i].source, &device, NULL) == S_OK &&
		      t->options->machine->set_read_only(device, read_only, NULL) == S_OK && all;
	}
	return all;
}

/* Twice, and for a LUN that has no copy. */
static void resync_all(struct conform *t)
{
	static const char rule[] = "vss/provider.h, @resync_luns";
	struct vss_lun_mapping strange = { .has_destination = true };
	vss_result result;

	for (int i = 0; i < 2; i++) {
		result = CALL(t, on_lun_state_change, t->luns, t->nr_luns, VSS_ONLUNSTATECHANGE_NOTIFY_LUN_PRE_RECOVERY,
			      false);
		if (result != S_OK)
			conform_wrong(t, rule, "on_lun_state_change() with _PRE_RECOVERY gave %s", conform_said(t, result));
		result = CALL(t, resync_luns, t->luns, t->nr_luns, 0);
		if (result != S_OK)
			conform_wrong(t, rule, "resync_luns(), call %d, gave %s", i + 1, conform_said(t, result));
		result = CALL(t, on_lun_state_change, t->luns, t->nr_luns, VSS_ONLUNSTATECHANGE_NOTIFY_LUN_POST_RECOVERY,
			      false);
		if (result != S_OK)
			conform_wrong(t, rule, "on_lun_state_change() with _POST_RECOVERY gave %s", conform_said(t, result));
	}
	if (ask(t, VSS_CTX_BACKUP, &t->luns[0].source, 1) != S_OK)
		conform_wrong(t, rule, "are_luns_supported() says no to an original after resync_luns()");
	strange.source = t->luns[0].source;
	if (!made_up_lun(&strange.destination, MADE_UP_ALL))
		return;
	result = CALL(t, resync_luns, &strange, 1, 0);
	if (!VSS_FAILED(result))
		conform_wrong(t, rule, "resync_luns() from a LUN that is not the array's succeeded");
	vss_lun_info_clear(&strange.destination);
}

static void originals_are_resynchronized(struct conform *t)
{
	uint64_t has = 0;

	if (!t->options->originals) {
		conform_skip(t, "without --originals none is put at risk");
		return;
	}
	if (!conform_load(t))
		return;
	CALL(t, get_provider_capabilities, &has);
	conform_unload(t);
	if (!(has & VSS_PRV_CAPABILITY_LUN_RESYNC)) {
		conform_skip(t, "it does not have the capability");
		return;
	}
	if (!make_copies(t))
		return;
	if (protect_originals(t, true))
		resync_all(t);
	else
		conform_wrong(t, "vss-provider-test(8): volumes that nobody uses", "an original is in use");
	protect_originals(t, false);
	for (size_t i = 0; i < t->nr_luns; i++)
		leaves(t, &t->luns[i].destination, NULL);
	conform_clean(t);
	conform_unload(t);
}

const struct conform_test conform_luns[] = {
	{ "capabilities", capabilities, FOR_HARDWARE, false },
	{ "LUNs that are not the array's", unknown_luns, FOR_HARDWARE, false },
	{ "support of LUNs in each context", support, FOR_HARDWARE, true },
	{ "target LUNs", targets, FOR_HARDWARE, true },
	{ "one LUN in several volumes", shared_lun, FOR_HARDWARE, true },
	{ "copies come, are recognized, and are deleted", come_and_go, FOR_HARDWARE, true },
	{ "copies that nobody has seen are deleted", never_visible, FOR_HARDWARE, true },
	{ "copies are made writable and masked", change_state, FOR_HARDWARE, true },
	{ "copies of an aborted set are gone", aborted_copies_are_gone, FOR_HARDWARE, true },
	{ "an original is not deleted as a copy", originals_are_not_deleted, FOR_HARDWARE, true },
	{ "originals get their copies' content back", originals_are_resynchronized, FOR_HARDWARE, true },
	{ 0 },
};

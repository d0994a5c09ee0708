// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records of LUNs: what they own, how they are compared and spelled; and what
 * providers' records of shadow copies own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vss/provider.h>

#include "lun.h"

void vss_lun_info_clear(struct vss_lun_info *lun)
{
	free(lun->vendor);
	free(lun->product);
	free(lun->revision);
	free(lun->serial);
	free(lun->ids);
	free(lun->interconnect);
	memset(lun, 0, sizeof(*lun));
}

void vss_lun_mapping_clear(struct vss_lun_mapping *mapping)
{
	vss_lun_info_clear(&mapping->source);
	vss_lun_info_clear(&mapping->destination);
	free(mapping->extents);
	memset(mapping, 0, sizeof(*mapping));
}

void vss_lun_mappings_free(struct vss_lun_mapping *mappings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vss_lun_mapping_clear(&mappings[i]);
	free(mappings);
}

void vss_provider_snapshot_clear(struct vss_provider_snapshot *snapshot)
{
	vss_free_snapshot_properties(&snapshot->prop);
	free(snapshot->provider_data);
	free(snapshot->fs_uuid);
	vss_lun_mappings_free(snapshot->luns, snapshot->nr_luns);
	memset(snapshot, 0, sizeof(*snapshot));
}

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

bool vss_lun_info_copy(struct vss_lun_info *to, const struct vss_lun_info *from)
{
	bool ok;

	*to = *from;
	to->ids = NULL;
	to->nr_ids = 0;
	/* All of them, so that no pointer of @from's stays. */
	ok = copy_text(&to->vendor, from->vendor);
	ok &= copy_text(&to->product, from->product);
	ok &= copy_text(&to->revision, from->revision);
	ok &= copy_text(&to->serial, from->serial);
	ok &= copy_text(&to->interconnect, from->interconnect);
	if (ok && from->nr_ids) {
		to->ids = reallocarray(NULL, from->nr_ids, sizeof(*to->ids));
		ok = to->ids;
	}
	if (!ok) {
		vss_lun_info_clear(to);
		return false;
	}
	if (from->nr_ids)
		memcpy(to->ids, from->ids, from->nr_ids * sizeof(*to->ids));
	to->nr_ids = from->nr_ids;
	return true;
}

/* Those of ports and devices are shared by many LUNs. */
bool vss_lun_id_is_unique(const struct vss_storage_id *id)
{
	return !id->association && (id->type == 1 || id->type == 2 || id->type == 3 || id->type == 8);
}

bool vss_lun_has_unique_id(const struct vss_lun_info *lun)
{
	for (size_t i = 0; i < lun->nr_ids; i++)
		if (vss_lun_id_is_unique(&lun->ids[i]))
			return true;
	return false;
}

static bool has_id(const struct vss_lun_info *lun, const struct vss_storage_id *id)
{
	for (size_t i = 0; i < lun->nr_ids; i++)
		if (vss_lun_id_is_unique(&lun->ids[i]) && lun->ids[i].type == id->type &&
		    lun->ids[i].size == id->size && !memcmp(lun->ids[i].bytes, id->bytes, id->size))
			return true;
	return false;
}

const struct vss_storage_id *vss_lun_shared_id(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	for (size_t i = 0; i < a->nr_ids; i++)
		if (vss_lun_id_is_unique(&a->ids[i]) && has_id(b, &a->ids[i]))
			return &a->ids[i];
	return NULL;
}

/* Are all unique identifiers of @a also @b's? */
static bool ids_within(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	for (size_t i = 0; i < a->nr_ids; i++)
		if (vss_lun_id_is_unique(&a->ids[i]) && !has_id(b, &a->ids[i]))
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool vss_lun_same(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	return a->device_type == b->device_type && same_text(a->vendor, b->vendor) &&
	       same_text(a->product, b->product) && same_text(a->serial, b->serial) &&
	       ids_within(a, b) && ids_within(b, a);
}

/*
 * As the kernel does it (scsi_vpd_lun_id() and the NVMe host driver): udev's rules
 * look for the attribute's value.
 */
const char *vss_lun_id_text(const struct vss_storage_id *id, char text[VSS_LUN_ID_TEXT_SIZE])
{
	bool binary = id->type == 2 || id->type == 3;
	size_t at = (size_t)sprintf(text, "%s", id->type == 1 ? "t10." : id->type == 2 ? "eui." :
				    id->type == 3 ? "naa." : "");

	for (size_t i = 0; i < id->size; i++) {
		uint8_t c = id->bytes[i];

		if (binary)
			at += (size_t)sprintf(text + at, "%02x", c);
		else if (!c)
			break;
		else
			text[at++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	while (at && text[at - 1] == ' ')
		at--;
	text[at] = '\0';
	return text;
}

const char *vss_lun_name(const struct vss_lun_info *lun, char *text, size_t size)
{
	/* The shortest are what people know a LUN by. */
	static const uint8_t order[] = { 3, 2, 8, 1 };
	char id[VSS_LUN_ID_TEXT_SIZE] = "", what[100], serial[140];

	for (size_t t = 0; !id[0] && t < sizeof(order); t++)
		for (size_t i = 0; !id[0] && i < lun->nr_ids; i++)
			if (lun->ids[i].type == order[t] && !lun->ids[i].association)
				vss_lun_id_text(&lun->ids[i], id);
	snprintf(what, sizeof(what), "%s%s%s", lun->vendor ? lun->vendor : "", lun->vendor && lun->product ? " " : "",
		 lun->product ? lun->product : "");
	snprintf(serial, sizeof(serial), "%s%s%s", what[0] && lun->serial ? ", " : "", lun->serial ? "serial " : "",
		 lun->serial ? lun->serial : "");
	snprintf(text, size, "%.200s%s%s%s%s", id[0] ? id : "without identifier", what[0] || serial[0] ? " (" : "", what,
		 serial, what[0] || serial[0] ? ")" : "");
	return text;
}

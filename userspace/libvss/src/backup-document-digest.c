// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A digest of what a document says of its set, which shows whether that was changed
 * or damaged on the way.  It is no signature: who means to can make another.
 *
 * Everything that the description holds is written down in one way, whatever the
 * document looks like as a text, and named by a UUID of version 5 in the name space of
 * the set's own identifier.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid.h>

#include "backup-document-tree.h"

/* With its length before it, so that two texts are not taken for two others. */
static void put_text(FILE *out, const char *text)
{
	fprintf(out, "%zu:%s,", text ? strlen(text) : 0, text ? text : "");
}

static void put_number(FILE *out, uint64_t number)
{
	fprintf(out, "%" PRIu64 ",", number);
}

static void put_uuid(FILE *out, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	put_text(out, vss_uuid_format(uuid, text));
}

static void put_lun(FILE *out, const struct vss_lun_info *lun)
{
	put_number(out, lun->device_type);
	put_number(out, (uint64_t)lun->bus_type);
	put_text(out, lun->vendor);
	put_text(out, lun->product);
	put_text(out, lun->revision);
	put_text(out, lun->serial);
	put_uuid(out, &lun->disk_signature);
	put_number(out, lun->size);
	put_number(out, lun->block_size);
	put_text(out, lun->interconnect);
	put_number(out, lun->nr_ids);
	for (size_t i = 0; i < lun->nr_ids; i++) {
		const struct vss_storage_id *id = &lun->ids[i];

		fprintf(out, "%u,%u,%u,", id->code_set, id->type, id->association);
		put_number(out, id->size);
		for (size_t j = 0; j < id->size; j++)
			fprintf(out, "%02x", id->bytes[j]);
	}
}

static void put_mapping(FILE *out, const struct vss_lun_mapping *mapping)
{
	put_lun(out, &mapping->source);
	put_number(out, mapping->has_destination);
	if (mapping->has_destination)
		put_lun(out, &mapping->destination);
	put_number(out, mapping->nr_extents);
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		put_number(out, mapping->extents[i].volume_offset);
		put_number(out, mapping->extents[i].lun_offset);
		put_number(out, mapping->extents[i].length);
	}
}

static void put_member(FILE *out, const struct vss_set_member *member)
{
	const struct vss_snapshot_prop *prop = &member->prop;

	put_uuid(out, &prop->snapshot_id);
	put_uuid(out, &prop->provider_id);
	put_text(out, prop->original_volume_name);
	put_text(out, prop->originating_machine);
	put_text(out, prop->service_machine);
	put_text(out, prop->exposed_name);
	put_text(out, prop->exposed_path);
	put_number(out, prop->attributes);
	put_number(out, prop->creation_time);
	put_text(out, member->filesystem);
	put_number(out, member->size);
	put_text(out, member->provider_data);
	put_number(out, member->nr_luns);
	for (size_t i = 0; i < member->nr_luns; i++)
		put_mapping(out, &member->luns[i]);
}

bool vss_set_digest(const struct vss_set_description *set, struct vss_uuid *digest)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool ok;

	if (!out)
		return false;
	put_uuid(out, &set->set_id);
	put_number(out, set->context);
	put_number(out, set->snapshots_count);
	put_text(out, set->originating_machine);
	put_number(out, set->creation_time);
	put_number(out, set->nr_members);
	for (size_t i = 0; i < set->nr_members; i++)
		put_member(out, &set->members[i]);
	ok = !ferror(out);
	ok = !fclose(out) && ok;
	if (ok)
		uuid_generate_sha1(digest->bytes, set->set_id.bytes, text, size);
	free(text);
	return ok;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What SCSI devices tell of themselves in their vital product data (SPC-4, 7.8).
 *
 * The pages come from outside: nothing in them is taken for granted.
 */
#include <stdlib.h>
#include <string.h>

#include "lun.h"

#define HEADER	4

/* Bytes of a page after its header; false when they are not all there. */
static bool page_length(const uint8_t *page, size_t size, uint8_t code, size_t *length)
{
	if (size < HEADER || page[1] != code)
		return false;
	*length = (size_t)page[2] << 8 | page[3];
	return *length <= size - HEADER;
}

char *vss_lun_text(const void *bytes, size_t size)
{
	const char *from = bytes;
	char *text;

	while (size && (!from[size - 1] || from[size - 1] == ' ' || from[size - 1] == '\n'))
		size--;
	while (size && *from == ' ') {
		from++;
		size--;
	}
	text = malloc(size + 1);
	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++)
		text[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
	text[size] = '\0';
	return text;
}

bool vss_lun_add_id(struct vss_lun_info *lun, uint8_t code_set, uint8_t type, const void *bytes, size_t size)
{
	struct vss_storage_id *more, *id;

	for (size_t i = 0; i < lun->nr_ids; i++)
		if (lun->ids[i].type == type && lun->ids[i].size == size &&
		    !memcmp(lun->ids[i].bytes, bytes, size))
			return true;
	more = reallocarray(lun->ids, lun->nr_ids + 1, sizeof(*more));
	if (!more)
		return false;
	lun->ids = more;
	id = &more[lun->nr_ids++];
	memset(id, 0, sizeof(*id));
	id->code_set = code_set;
	id->type = type;
	id->size = (uint8_t)size;
	memcpy(id->bytes, bytes, size);
	return true;
}

/* Nothing but zeroes or blanks: the field was not filled in. */
static bool is_blank(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] && bytes[i] != ' ')
			return false;
	return true;
}

vss_result vss_lun_parse_page83(const uint8_t *page, size_t size, struct vss_lun_info *lun,
				struct vss_error *err)
{
	size_t left;

	if (!page_length(page, size, 0x83, &left))
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "its VPD page 0x83 is damaged or cut off");
	page += HEADER;
	while (left) {
		struct vss_storage_id id;
		size_t length;

		if (left < HEADER || left - HEADER < page[3])
			return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED,
					 "a designator goes beyond the end of its VPD page 0x83");
		length = page[3];
		id = (struct vss_storage_id) {
			.type = page[1] & 15,
			.association = page[1] >> 4 & 3,
		};
		if (vss_lun_id_is_unique(&id) && !is_blank(page + HEADER, length) &&
		    !vss_lun_add_id(lun, page[0] & 15, id.type, page + HEADER, length))
			return lun_no_memory(err);
		page += HEADER + length;
		left -= HEADER + length;
	}
	return S_OK;
}

vss_result vss_lun_parse_page80(const uint8_t *page, size_t size, struct vss_lun_info *lun,
				struct vss_error *err)
{
	size_t length;

	if (!page_length(page, size, 0x80, &length))
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "its VPD page 0x80 is damaged or cut off");
	if (is_blank(page + HEADER, length))
		return S_OK;
	free(lun->serial);
	lun->serial = vss_lun_text(page + HEADER, length);
	return lun->serial ? S_OK : lun_no_memory(err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How a LUN of the array is known.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "identity.h"

#define PREFIX	"lio-iscsi:/"

char *lio_interconnect(const char *target, const char *volume)
{
	char *text;

	return asprintf(&text, PREFIX "%s/%s", target, volume) < 0 ? NULL : text;
}

const char *lio_interconnect_volume(const char *interconnect)
{
	const char *slash;

	if (!interconnect || strncmp(interconnect, PREFIX, strlen(PREFIX)))
		return NULL;
	slash = strchr(interconnect + strlen(PREFIX), '/');
	return slash && strchr(slash + 1, '/') ? slash + 1 : NULL;
}

/* NAA, IEEE registered extended: LIO's company and the first 25 digits of the serial number. */
static void fill_naa(struct vss_storage_id *id, const char *serial)
{
	static const char head[] = "6001405";
	char digits[33] = "00000000000000000000000000000000";
	size_t n = strlen(head);

	memcpy(digits, head, n);
	for (; *serial && n < 32; serial++)
		if (isxdigit((unsigned char)*serial))
			digits[n++] = *serial;
	*id = (struct vss_storage_id) { .code_set = 1, .type = 3, .size = 16 };
	for (size_t i = 0; i < id->size; i++) {
		char byte[3] = { digits[2 * i], digits[2 * i + 1], '\0' };

		id->bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

/* T10 vendor identification: the vendor, filled up to 8, and "PRODUCT:SERIAL" with its NUL. */
static void fill_t10(struct vss_storage_id *id, const char *vendor, const char *product, const char *serial)
{
	size_t length;

	*id = (struct vss_storage_id) { .code_set = 2, .type = 1 };
	length = (size_t)snprintf((char *)id->bytes, sizeof(id->bytes), "%-8.8s%s:%s", vendor, product, serial) + 1;
	id->size = length < sizeof(id->bytes) ? length : sizeof(id->bytes);
}

int lio_describe_copy(const struct vss_lun_info *source, const char *vendor, const char *product,
		      const char *serial, struct vss_lun_info *copy)
{
	*copy = (struct vss_lun_info) {
		.device_type = source->device_type,
		.bus_type = source->bus_type,
		.vendor = strdup(vendor),
		.product = strdup(product),
		.revision = source->revision ? strdup(source->revision) : NULL,
		.serial = strdup(serial),
		.disk_signature = source->disk_signature,
		.ids = calloc(2, sizeof(*copy->ids)),
		.nr_ids = 2,
		.size = source->size,
		.block_size = source->block_size,
	};
	if (!copy->vendor || !copy->product || !copy->serial || !copy->ids ||
	    (source->revision && !copy->revision)) {
		copy->nr_ids = copy->ids ? copy->nr_ids : 0;
		vss_lun_info_clear(copy);
		return -ENOMEM;
	}
	fill_t10(&copy->ids[0], vendor, product, serial);
	fill_naa(&copy->ids[1], serial);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers and sizes as people write and read them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "size.h"

static const char units[] = "KMGTPE";

static int parse_digits(const char *text, uint64_t *number, const char **end)
{
	char *stop;

	/* strtoull() would take blanks and signs. */
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &stop, 10);
	*end = stop;
	return errno ? -ERANGE : 0;
}

int vssctl_parse_number(const char *text, uint64_t *number)
{
	const char *end;
	int ret = parse_digits(text, number, &end);

	return ret ?: (*end ? -EINVAL : 0);
}

int vssctl_parse_size(const char *text, uint64_t *size)
{
	const char *end, *unit;
	uint64_t number;
	int ret = parse_digits(text, &number, &end);
	unsigned int shift;

	if (ret)
		return ret;
	if (!*end || !strcasecmp(end, "B")) {
		*size = number;
		return 0;
	}
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || (end[1] && strcasecmp(end + 1, "B") && strcasecmp(end + 1, "iB")))
		return -EINVAL;
	shift = 10 * (unsigned int)(unit - units + 1);
	if (shift >= 64 || number > UINT64_MAX >> shift)
		return -ERANGE;
	*size = number << shift;
	return 0;
}

char *vssctl_format_size(uint64_t size, char text[VSSCTL_SIZE_TEXT])
{
	unsigned int shift = 0;
	uint64_t tenths;

	while (shift < 60 && size >> shift >= 1024)
		shift += 10;
	if (!shift) {
		snprintf(text, VSSCTL_SIZE_TEXT, "%llu", (unsigned long long)size);
		return text;
	}
	/* Split so that ten times an exbibyte does not overflow. */
	tenths = (size >> shift) * 10 + (((size & ((1ULL << shift) - 1)) >> (shift - 10)) * 10 >> 10);
	if (tenths % 10)
		snprintf(text, VSSCTL_SIZE_TEXT, "%llu.%llu%c", (unsigned long long)tenths / 10,
			 (unsigned long long)tenths % 10, units[shift / 10 - 1]);
	else
		snprintf(text, VSSCTL_SIZE_TEXT, "%llu%c", (unsigned long long)tenths / 10,
			 units[shift / 10 - 1]);
	return text;
}

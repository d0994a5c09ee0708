// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * UUIDs: generation, text form, comparison.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <vss/uuid.h>

/* Positions of the dashes in the text form. */
static bool is_dash_position(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int vss_uuid_generate(struct vss_uuid *uuid)
{
	size_t done = 0;

	while (done < sizeof(uuid->bytes)) {
		ssize_t n = getrandom(uuid->bytes + done, sizeof(uuid->bytes) - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | 0x40);	/* version 4 */
	uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);	/* RFC 4122 */
	return 0;
}

int vss_uuid_parse(const char *text, struct vss_uuid *uuid)
{
	struct vss_uuid result;
	bool braces = text[0] == '{';
	size_t byte = 0;

	if (braces)
		text++;
	for (size_t i = 0; i < VSS_UUID_TEXT_SIZE - 1;) {
		int high, low;

		if (is_dash_position(i)) {
			if (text[i] != '-')
				return -EINVAL;
			i++;
			continue;
		}
		high = hex_digit(text[i]);
		if (high < 0)
			return -EINVAL;
		low = hex_digit(text[i + 1]);
		if (low < 0)
			return -EINVAL;
		result.bytes[byte++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	text += VSS_UUID_TEXT_SIZE - 1;
	if (braces && *text++ != '}')
		return -EINVAL;
	if (*text)
		return -EINVAL;
	*uuid = result;
	return 0;
}

char *vss_uuid_format(const struct vss_uuid *uuid, char text[VSS_UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t byte = 0;

	for (size_t i = 0; i < VSS_UUID_TEXT_SIZE - 1;) {
		if (is_dash_position(i)) {
			text[i++] = '-';
			continue;
		}
		text[i++] = digits[uuid->bytes[byte] >> 4];
		text[i++] = digits[uuid->bytes[byte] & 0xf];
		byte++;
	}
	text[VSS_UUID_TEXT_SIZE - 1] = '\0';
	return text;
}

bool vss_uuid_equal(const struct vss_uuid *a, const struct vss_uuid *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool vss_uuid_is_null(const struct vss_uuid *uuid)
{
	static const struct vss_uuid null;

	return vss_uuid_equal(uuid, &null);
}

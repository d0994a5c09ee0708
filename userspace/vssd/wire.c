// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Strings, UUIDs and dictionaries in D-Bus messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "wire.h"

/* Bytes of the UTF-8 character at @s; 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
	uint32_t code;
	size_t length;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		length = 2;
		code = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		length = 3;
		code = s[0] & 0x0f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		length = 4;
		code = s[0] & 0x07;
	} else {
		return 0;
	}
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	/* Overlong forms, surrogates, beyond Unicode. */
	if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) ||
	    (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	return length;
}

char *vssd_wire_utf8(const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		return NULL;
	for (char *p = copy; *p;) {
		size_t length = utf8_length((const unsigned char *)p);

		if (!length)
			*p = '?';
		p += length ? length : 1;
	}
	return copy;
}

int vssd_wire_append_string(sd_bus_message *m, const char *text)
{
	_cleanup_free_ char *clean = vssd_wire_utf8(text);

	return clean ? sd_bus_message_append_basic(m, 's', clean) : -ENOMEM;
}

int vssd_wire_append_uuid(sd_bus_message *m, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE] = "";

	if (!vss_uuid_is_null(uuid))
		vss_uuid_format(uuid, text);
	return sd_bus_message_append_basic(m, 's', text);
}

int vssd_wire_entry_string(sd_bus_message *m, const char *key, const char *value)
{
	_cleanup_free_ char *clean = NULL;

	if (!value || !value[0])
		return 0;
	clean = vssd_wire_utf8(value);
	return clean ? sd_bus_message_append(m, "{sv}", key, "s", clean) : -ENOMEM;
}

int vssd_wire_entry_uuid(sd_bus_message *m, const char *key, const struct vss_uuid *value)
{
	char text[VSS_UUID_TEXT_SIZE];

	if (vss_uuid_is_null(value))
		return 0;
	return sd_bus_message_append(m, "{sv}", key, "s", vss_uuid_format(value, text));
}

int vssd_wire_entry_u32(sd_bus_message *m, const char *key, uint32_t value)
{
	return value ? sd_bus_message_append(m, "{sv}", key, "u", value) : 0;
}

int vssd_wire_entry_u64(sd_bus_message *m, const char *key, uint64_t value)
{
	return value ? sd_bus_message_append(m, "{sv}", key, "t", value) : 0;
}

int vssd_wire_entry_bool(sd_bus_message *m, const char *key, bool value)
{
	return value ? sd_bus_message_append(m, "{sv}", key, "b", 1) : 0;
}

int vssd_wire_entry_strings(sd_bus_message *m, const char *key, const char *const *values, size_t count)
{
	int ret;

	if (!count)
		return 0;
	ret = sd_bus_message_open_container(m, 'e', "sv");
	if (ret >= 0)
		ret = sd_bus_message_append_basic(m, 's', key);
	if (ret >= 0)
		ret = sd_bus_message_open_container(m, 'v', "as");
	if (ret >= 0)
		ret = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; ret >= 0 && i < count; i++)
		ret = vssd_wire_append_string(m, values[i]);
	for (int i = 0; ret >= 0 && i < 3; i++)
		ret = sd_bus_message_close_container(m);
	return ret;
}

bool vssd_wire_parse_uuid(const char *text, struct vss_uuid *uuid)
{
	memset(uuid, 0, sizeof(*uuid));
	return !text[0] || !vss_uuid_parse(text, uuid);
}

int vssd_wire_read_dict(sd_bus_message *m, vssd_wire_take take, void *data)
{
	int ret = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (ret >= 0 && (ret = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *key;

		ret = sd_bus_message_read_basic(m, 's', &key);
		if (ret >= 0)
			ret = take(m, key, data);
		if (ret >= 0)
			ret = sd_bus_message_exit_container(m);
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

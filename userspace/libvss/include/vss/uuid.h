/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UUIDs: the names of snapshots and snapshot sets.
 *
 * The 16 bytes are in the order of the RFC 4122 text form, which is also the
 * order on the netlink wire and in sysfs.
 */
#ifndef VSS_UUID_H
#define VSS_UUID_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes needed for the text form with its terminating NUL. */
#define VSS_UUID_TEXT_SIZE	37

struct vss_uuid {
	uint8_t bytes[16];
};

/**
 * vss_uuid_generate() - Make a random (version 4) UUID.
 * @uuid: where to put it
 *
 * Return: 0, or a negative errno when the kernel gave no random bytes.
 */
int vss_uuid_generate(struct vss_uuid *uuid);

/**
 * vss_uuid_parse() - Read a UUID from text.
 * @text: 8-4-4-4-12 hexadecimal digits of either case, optionally within
 *	braces as VSS tools write them; nothing may follow
 * @uuid: where to put it; untouched on error
 *
 * Return: 0, or -EINVAL when @text is not a UUID.
 */
int vss_uuid_parse(const char *text, struct vss_uuid *uuid);

/**
 * vss_uuid_format() - Write a UUID as text, lower case, without braces.
 * @uuid: the UUID
 * @text: receives 36 characters and a NUL
 *
 * Return: @text.
 */
char *vss_uuid_format(const struct vss_uuid *uuid, char text[VSS_UUID_TEXT_SIZE]);

/**
 * vss_uuid_equal() - Compare two UUIDs.
 * @a: one
 * @b: the other
 *
 * Return: true when they are the same.
 */
bool vss_uuid_equal(const struct vss_uuid *a, const struct vss_uuid *b);

/**
 * vss_uuid_is_null() - Test for the UUID that consists of zeroes only.
 * @uuid: the UUID
 *
 * Return: true when every byte is zero.
 */
bool vss_uuid_is_null(const struct vss_uuid *uuid);

#ifdef __cplusplus
}
#endif

#endif /* VSS_UUID_H */

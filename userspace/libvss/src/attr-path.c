// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names for attributes of a request.
 */
#include <linux/genetlink.h>
#include <linux/vss.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attr-path.h"

/* Attributes of one nest, by type. */
struct nest {
	struct attr {
		const char *name;
		const struct nest *nest;
	} attrs[24];
};

static const struct nest volume = { {
	[VSS_A_VOLUME_MAJOR] = { "MAJOR", NULL },
	[VSS_A_VOLUME_MINOR] = { "MINOR", NULL },
	[VSS_A_VOLUME_FORCE] = { "FORCE", NULL },
	[VSS_A_VOLUME_CHUNK_SIZE] = { "CHUNK_SIZE", NULL },
	[VSS_A_VOLUME_COPY_MEMORY] = { "COPY_MEMORY", NULL },
	[VSS_A_VOLUME_LOW_WATER] = { "LOW_WATER", NULL },
} };

static const struct nest extent = { {
	[VSS_A_EXTENT_START] = { "START", NULL },
	[VSS_A_EXTENT_LENGTH] = { "LENGTH", NULL },
} };

static const struct nest area = { {
	[VSS_A_AREA_VOLUME_MAJOR] = { "VOLUME_MAJOR", NULL },
	[VSS_A_AREA_VOLUME_MINOR] = { "VOLUME_MINOR", NULL },
	[VSS_A_AREA_ID] = { "ID", NULL },
	[VSS_A_AREA_DEV_MAJOR] = { "DEV_MAJOR", NULL },
	[VSS_A_AREA_DEV_MINOR] = { "DEV_MINOR", NULL },
	[VSS_A_AREA_FD] = { "FD", NULL },
	[VSS_A_AREA_LAST] = { "LAST", NULL },
	[VSS_A_AREA_EXTENT] = { "EXTENT", &extent },
} };

static const struct nest member = { {
	[VSS_A_MEMBER_MAJOR] = { "MAJOR", NULL },
	[VSS_A_MEMBER_MINOR] = { "MINOR", NULL },
	[VSS_A_MEMBER_SNAPSHOT_UUID] = { "SNAPSHOT_UUID", NULL },
	[VSS_A_MEMBER_LEVEL] = { "LEVEL", NULL },
	[VSS_A_MEMBER_HOLD_ONLY] = { "HOLD_ONLY", NULL },
} };

static const struct nest freeze = { {
	[VSS_A_FREEZE_FD] = { "FD", NULL },
	[VSS_A_FREEZE_LEVEL] = { "LEVEL", NULL },
} };

static const struct nest set = { {
	[VSS_A_SET_UUID] = { "UUID", NULL },
	[VSS_A_SET_FLAGS] = { "FLAGS", NULL },
	[VSS_A_SET_STATE] = { "STATE", NULL },
	[VSS_A_SET_HOLD_TIMEOUT_MS] = { "HOLD_TIMEOUT_MS", NULL },
	[VSS_A_SET_FREEZE_TIMEOUT_MS] = { "FREEZE_TIMEOUT_MS", NULL },
	[VSS_A_SET_MEMBER] = { "MEMBER", &member },
	[VSS_A_SET_FREEZE] = { "FREEZE", &freeze },
} };

static const struct nest snapshot = { {
	[VSS_A_SNAPSHOT_UUID] = { "UUID", NULL },
	[VSS_A_SNAPSHOT_SET_UUID] = { "SET_UUID", NULL },
	[VSS_A_SNAPSHOT_MAJOR] = { "MAJOR", NULL },
	[VSS_A_SNAPSHOT_MINOR] = { "MINOR", NULL },
	[VSS_A_SNAPSHOT_FORCE] = { "FORCE", NULL },
	[VSS_A_SNAPSHOT_FLAGS] = { "FLAGS", NULL },
} };

/* Only what occurs in requests: the kernel never complains about its replies. */
static const struct nest top = { {
	[VSS_A_VOLUME] = { "VSS_A_VOLUME", &volume },
	[VSS_A_AREA] = { "VSS_A_AREA", &area },
	[VSS_A_SET] = { "VSS_A_SET", &set },
	[VSS_A_SNAPSHOT] = { "VSS_A_SNAPSHOT", &snapshot },
} };

static void append(char *path, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *path, size_t size, const char *format, ...)
{
	size_t used = strlen(path);
	va_list args;

	va_start(args, format);
	vsnprintf(path + used, size - used, format, args);
	va_end(args);
}

static const struct attr *find(const struct nest *nest, unsigned int type)
{
	if (!nest || type >= sizeof(nest->attrs) / sizeof(nest->attrs[0]) ||
	    !nest->attrs[type].name)
		return NULL;
	return &nest->attrs[type];
}

static void append_name(const struct nest *nest, unsigned int type, char *path, size_t size)
{
	const struct attr *known = find(nest, type);

	if (path[0])
		append(path, size, ".");
	if (known)
		append(path, size, "%s", known->name);
	else
		append(path, size, "attribute %u", type);
}

/* Does @offset of the request lie within @attr, header included? */
static int covers(const struct nlmsghdr *request, const struct nlattr *attr, uint32_t offset)
{
	uint32_t start = (uint32_t)((const char *)attr - (const char *)request);

	return offset >= start && offset < start + attr->nla_len;
}

/*
 * Walk down to the attribute at @offset, writing its path.  Returns the nest
 * that it opens, NULL if it opens none.
 */
static const struct nest *walk(const struct nlmsghdr *request, uint32_t offset, char *path,
			       size_t size)
{
	const struct nest *nest = &top;
	struct nlattr *attr = (struct nlattr *)((char *)NLMSG_DATA(request) + GENL_HDRLEN);
	int left = (int)request->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;

	path[0] = '\0';
	while (nest) {
		unsigned int seen[sizeof(nest->attrs) / sizeof(nest->attrs[0])] = { 0 };
		const struct attr *known;

		/* The attribute of this level that holds the offset. */
		for (; nla_ok(attr, left); attr = nla_next(attr, &left)) {
			if (covers(request, attr, offset))
				break;
			if (find(nest, (unsigned int)nla_type(attr)))
				seen[nla_type(attr)]++;
		}
		if (!nla_ok(attr, left))
			return NULL;
		append_name(nest, (unsigned int)nla_type(attr), path, size);
		known = find(nest, (unsigned int)nla_type(attr));
		nest = known ? known->nest : NULL;
		if (nest == &extent || nest == &member || nest == &freeze)
			append(path, size, "[%u]", seen[nla_type(attr)]);
		if ((uint32_t)((const char *)attr - (const char *)request) == offset)
			return nest;
		left = nla_len(attr);
		attr = nla_data(attr);
	}
	return NULL;
}

void vss_attr_path(const struct nlmsghdr *request, uint32_t offset, char *path, size_t size)
{
	walk(request, offset, path, size);
}

void vss_attr_path_missing(const struct nlmsghdr *request, uint32_t nest, uint32_t type,
			   char *path, size_t size)
{
	const struct nest *inside = &top;

	path[0] = '\0';
	if (nest)
		inside = walk(request, nest, path, size);
	append_name(inside, type, path, size);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wrong requests of every command of the netlink family "vss".
 *
 *   genl-bad TRACKED UNTRACKED
 *
 * TRACKED is an attached volume with a diff area and a snapshot, UNTRACKED a
 * block device that could be attached; both are only named, for every request is
 * to be refused.
 *
 * For each command there is a right request, as a tree of attributes.  It is
 * sent with every kind of damage that can be done to it (attributes missing,
 * unknown, doubled, too short, too long, not nested, junk behind), then come
 * requests whose values are wrong, and requests by those who may not ask.  Each
 * one must get an error, and afterwards the module must list what it listed
 * before.  Prints TAP with the errno and the kernel's message of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vss/kernel.h>

#define MAX_ITEMS	12

/* --------------------------------------------------------------------------
 * Requests as trees
 */

enum kind {
	KIND_END,
	KIND_U32,
	KIND_U64,
	KIND_UUID,
	KIND_FLAG,
	KIND_NEST,
};

struct item {
	uint16_t type;
	enum kind kind;
	bool required;
	bool repeated;
	uint64_t value;			/* of numbers; first byte of a UUID */
	const struct item *items;	/* of a nest; ends with KIND_END */
};

struct request {
	const char *name;
	uint8_t cmd;
	uint16_t flags;
	uint16_t top;			/* type of the one nest; 0: none */
	const struct item *items;
	uint16_t foreign;		/* type that exists but not in this request */
};

enum damage {
	DAMAGE_NONE,
	DAMAGE_NO_TOP,			/* no attribute at all */
	DAMAGE_TOP_NOT_NESTED,		/* without NLA_F_NESTED */
	DAMAGE_TOP_UNKNOWN,		/* another, unknown one beside the nest */
	DAMAGE_TOP_FOREIGN,		/* another nest of the family beside it */
	DAMAGE_TOP_TWICE,
	DAMAGE_TOP_SHORT,		/* length below that of a header */
	DAMAGE_TOP_LONG,		/* length beyond the message */
	DAMAGE_JUNK,			/* bytes behind the last attribute */
	DAMAGE_UNKNOWN,			/* unknown attribute within the nest */
	DAMAGE_FOREIGN,
	DAMAGE_NEST_JUNK,
	DAMAGE_NEST_LONG,		/* an inner length beyond the nest */
	/* To one attribute of the nest. */
	DAMAGE_MISSING,
	DAMAGE_TWICE,
	DAMAGE_SHORT,
	DAMAGE_TOO_LONG,
	DAMAGE_EMPTY,
	DAMAGE_NOT_NESTED,
	/* To one attribute of a nest within. */
	DAMAGE_INNER_MISSING,
	DAMAGE_INNER_TWICE,
	DAMAGE_INNER_SHORT,
	DAMAGE_INNER_TOO_LONG,
	DAMAGE_INNER_UNKNOWN,
};

static const char *const damage_names[] = {
	[DAMAGE_NO_TOP] = "no attributes",
	[DAMAGE_TOP_NOT_NESTED] = "nest without its flag",
	[DAMAGE_TOP_UNKNOWN] = "unknown attribute beside the nest",
	[DAMAGE_TOP_FOREIGN] = "nest of another command",
	[DAMAGE_TOP_TWICE] = "nest given twice",
	[DAMAGE_TOP_SHORT] = "nest shorter than its header",
	[DAMAGE_TOP_LONG] = "nest longer than the message",
	[DAMAGE_JUNK] = "junk behind the attributes",
	[DAMAGE_UNKNOWN] = "unknown attribute",
	[DAMAGE_FOREIGN] = "attribute that is not of this command",
	[DAMAGE_NEST_JUNK] = "junk within the nest",
	[DAMAGE_NEST_LONG] = "attribute longer than the nest",
	[DAMAGE_MISSING] = "missing",
	[DAMAGE_TWICE] = "given twice",
	[DAMAGE_SHORT] = "too short",
	[DAMAGE_TOO_LONG] = "too long",
	[DAMAGE_EMPTY] = "empty",
	[DAMAGE_NOT_NESTED] = "without the flag of a nest",
	[DAMAGE_INNER_MISSING] = "missing",
	[DAMAGE_INNER_TWICE] = "given twice",
	[DAMAGE_INNER_SHORT] = "too short",
	[DAMAGE_INNER_TOO_LONG] = "too long",
	[DAMAGE_INNER_UNKNOWN] = "unknown attribute",
};

/* --------------------------------------------------------------------------
 * Messages
 */

struct message {
	_Alignas(struct nlmsghdr) unsigned char data[32768];
	size_t size;
};

static void put_bytes(struct message *m, const void *data, size_t size)
{
	if (size)
		memcpy(m->data + m->size, data, size);
	m->size += size;
}

static void pad(struct message *m)
{
	static const unsigned char zero[NLA_ALIGNTO];

	put_bytes(m, zero, NLA_ALIGN(m->size) - m->size);
}

static size_t begin_attr(struct message *m, uint16_t type)
{
	struct nlattr attr = { .nla_len = 0, .nla_type = type };
	size_t start = m->size;

	put_bytes(m, &attr, sizeof(attr));
	return start;
}

static void end_attr(struct message *m, size_t start)
{
	struct nlattr *attr = (struct nlattr *)(m->data + start);

	attr->nla_len = (uint16_t)(m->size - start);
	pad(m);
}

static void put_attr(struct message *m, uint16_t type, const void *data, size_t size)
{
	size_t start = begin_attr(m, type);

	put_bytes(m, data, size);
	end_attr(m, start);
}

static void begin_message(struct message *m, uint16_t family, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr hdr = {
		.nlmsg_type = family,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
	};
	struct genlmsghdr genl = { .cmd = cmd, .version = VSS_GENL_VERSION };

	m->size = 0;
	put_bytes(m, &hdr, sizeof(hdr));
	put_bytes(m, &genl, sizeof(genl));
}

static size_t payload(const struct item *item, unsigned char data[64])
{
	uint32_t u32 = (uint32_t)item->value;

	memset(data, 0, 64);
	switch (item->kind) {
	case KIND_U32:
		memcpy(data, &u32, sizeof(u32));
		return sizeof(u32);
	case KIND_U64:
		memcpy(data, &item->value, sizeof(item->value));
		return sizeof(item->value);
	case KIND_UUID:
		memset(data, 0x5a, VSS_UUID_SIZE);
		data[0] = (unsigned char)item->value;
		return VSS_UUID_SIZE;
	default:
		return 0;
	}
}

static void put_items(struct message *m, const struct item *items, enum damage damage, int at,
		      int inner);

/* @damage: DAMAGE_NONE unless this very attribute is meant. */
static void put_item(struct message *m, const struct item *item, enum damage damage, int inner)
{
	unsigned char data[64];
	size_t size, start;

	if (item->kind == KIND_NEST && damage != DAMAGE_EMPTY) {
		start = begin_attr(m, (uint16_t)(item->type | (damage == DAMAGE_NOT_NESTED ?
							       0 : NLA_F_NESTED)));
		switch (damage) {
		case DAMAGE_INNER_MISSING:
			put_items(m, item->items, DAMAGE_MISSING, inner, 0);
			break;
		case DAMAGE_INNER_TWICE:
			put_items(m, item->items, DAMAGE_TWICE, inner, 0);
			break;
		case DAMAGE_INNER_SHORT:
			put_items(m, item->items, DAMAGE_SHORT, inner, 0);
			break;
		case DAMAGE_INNER_TOO_LONG:
			put_items(m, item->items, DAMAGE_TOO_LONG, inner, 0);
			break;
		default:
			put_items(m, item->items, DAMAGE_NONE, -1, 0);
			break;
		}
		if (damage == DAMAGE_INNER_UNKNOWN)
			put_attr(m, 77, "\0\0\0", 4);
		end_attr(m, start);
		return;
	}
	size = payload(item, data);
	if (damage == DAMAGE_SHORT)
		size -= size ? 1 : 0;
	else if (damage == DAMAGE_TOO_LONG)
		size += 4;
	else if (damage == DAMAGE_EMPTY)
		size = 0;
	put_attr(m, (uint16_t)(item->type | (item->kind == KIND_NEST ? NLA_F_NESTED : 0)), data,
		 size);
}

static void put_items(struct message *m, const struct item *items, enum damage damage, int at,
		      int inner)
{
	for (int i = 0; items && items[i].kind != KIND_END; i++) {
		if (i != at) {
			put_item(m, &items[i], DAMAGE_NONE, 0);
			continue;
		}
		if (damage == DAMAGE_MISSING)
			continue;
		if (damage == DAMAGE_TWICE) {
			put_item(m, &items[i], DAMAGE_NONE, 0);
			put_item(m, &items[i], DAMAGE_NONE, 0);
			continue;
		}
		put_item(m, &items[i], damage, inner);
	}
}

static void put_top(struct message *m, const struct request *r, enum damage damage, int at,
		    int inner)
{
	static const unsigned char junk[] = { 1, 2, 3 };
	size_t start = begin_attr(m, (uint16_t)(r->top | (damage == DAMAGE_TOP_NOT_NESTED ?
							  0 : NLA_F_NESTED)));
	struct nlattr *attr = (struct nlattr *)(m->data + start);

	put_items(m, r->items, damage, at, inner);
	if (damage == DAMAGE_UNKNOWN)
		put_attr(m, 99, junk, 0);
	if (damage == DAMAGE_FOREIGN)
		put_attr(m, r->foreign, "\0\0\0\0\0\0\0", 8);
	if (damage == DAMAGE_NEST_LONG) {
		size_t last = begin_attr(m, VSS_A_VOLUME_MAJOR);

		((struct nlattr *)(m->data + last))->nla_len = 200;
	}
	if (damage == DAMAGE_NEST_JUNK)
		put_bytes(m, junk, sizeof(junk));
	end_attr(m, start);
	if (damage == DAMAGE_TOP_SHORT)
		attr->nla_len = 2;
	if (damage == DAMAGE_TOP_LONG)
		attr->nla_len = (uint16_t)(attr->nla_len + 100);
}

static void build(struct message *m, uint16_t family, const struct request *r,
		  enum damage damage, int at, int inner)
{
	static const unsigned char junk[] = { 1, 2, 3 };

	begin_message(m, family, r->cmd, r->flags);
	if (r->top && damage != DAMAGE_NO_TOP) {
		put_top(m, r, damage, at, inner);
		if (damage == DAMAGE_TOP_TWICE)
			put_top(m, r, DAMAGE_NONE, -1, 0);
	}
	if (damage == DAMAGE_TOP_UNKNOWN)
		put_attr(m, 60, junk, 0);
	if (damage == DAMAGE_TOP_FOREIGN)
		put_attr(m, (uint16_t)((r->top == VSS_A_EVENT ? VSS_A_MODULE : VSS_A_EVENT) |
				       NLA_F_NESTED), junk, 0);
	if (damage == DAMAGE_JUNK)
		put_bytes(m, junk, sizeof(junk));
}

/* --------------------------------------------------------------------------
 * Sending and judging
 */

struct suite {
	int sock;
	uint16_t family;
	uint32_t events_group;
	uint32_t seq;
	int number;
	int failed;
	struct message message;
	char extack[256];
};

static int open_socket(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct timeval timeout = { .tv_sec = 30 };
	int one = 1;

	if (sock < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return sock;
}

static void keep_extack(struct suite *s, const struct nlmsghdr *hdr, size_t offset)
{
	const unsigned char *p = (const unsigned char *)hdr + NLMSG_HDRLEN + offset;
	const unsigned char *end = (const unsigned char *)hdr + hdr->nlmsg_len;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	while (end - p >= NLA_HDRLEN) {
		const struct nlattr *attr = (const struct nlattr *)p;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - p)
			return;
		if ((attr->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			snprintf(s->extack, sizeof(s->extack), "%.*s",
				 attr->nla_len - NLA_HDRLEN, (const char *)(p + NLA_HDRLEN));
		p += NLA_ALIGN(attr->nla_len);
	}
}

/* The error that ends the answer to s->message: 0 or a negative errno. */
static int transact(struct suite *s)
{
	_Alignas(struct nlmsghdr) static unsigned char reply[65536];
	struct nlmsghdr *hdr = (struct nlmsghdr *)s->message.data;

	s->extack[0] = '\0';
	hdr->nlmsg_seq = ++s->seq;
	if (!hdr->nlmsg_len)
		hdr->nlmsg_len = (uint32_t)s->message.size;
	if (send(s->sock, s->message.data, s->message.size, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(s->sock, reply, sizeof(reply), 0);
		unsigned int left = (unsigned int)n;

		if (n < 0)
			return -errno;
		for (hdr = (struct nlmsghdr *)reply; NLMSG_OK(hdr, left);
		     hdr = NLMSG_NEXT(hdr, left)) {
			const struct nlmsgerr *error = NLMSG_DATA(hdr);
			int code;

			if (hdr->nlmsg_seq != s->seq)
				continue;
			if (hdr->nlmsg_type == NLMSG_ERROR) {
				keep_extack(s, hdr, sizeof(*error));
				return error->error;
			}
			if (hdr->nlmsg_type == NLMSG_DONE) {
				memcpy(&code, NLMSG_DATA(hdr), sizeof(code));
				keep_extack(s, hdr, sizeof(code));
				return code < 0 ? code : 0;
			}
		}
	}
}

static void result(struct suite *s, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void result(struct suite *s, bool ok, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", ok ? "" : "not ", ++s->number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	s->failed += !ok;
}

static bool one_of(int error, const int *expected)
{
	/* None named: any refusal will do, but not a lack of answer. */
	if (!expected)
		return error < 0 && error != -EAGAIN && error != -ETIMEDOUT;
	for (; *expected; expected++)
		if (error == -*expected)
			return true;
	return false;
}

static const char *errno_name(int error)
{
	return error ? strerrorname_np(-error) ?: "?" : "accepted";
}

static void expect(struct suite *s, const int *expected, const char *what, const char *detail)
{
	int error = transact(s);

	result(s, one_of(error, expected), "%s%s%s: %s%s%s", what, detail[0] ? ": " : "", detail,
	       errno_name(error), s->extack[0] ? ": " : "", s->extack);
}

static void expect_damage(struct suite *s, const struct request *r, enum damage damage, int at,
			  int inner)
{
	static const int malformed[] = { EINVAL, ERANGE, 0 };
	char what[128] = "";

	if (at >= 0 && inner >= 0)
		snprintf(what, sizeof(what), "attribute %u.%u %s", r->items[at].type,
			 r->items[at].items[inner].type, damage_names[damage]);
	else if (at >= 0)
		snprintf(what, sizeof(what), "attribute %u %s", r->items[at].type,
			 damage_names[damage]);
	else
		snprintf(what, sizeof(what), "%s", damage_names[damage]);
	build(&s->message, s->family, r, damage, at, inner);
	expect(s, malformed, r->name, what);
}

static void damage_item(struct suite *s, const struct request *r, int at)
{
	const struct item *item = &r->items[at];

	if (item->required)
		expect_damage(s, r, DAMAGE_MISSING, at, -1);
	if (!item->repeated)
		expect_damage(s, r, DAMAGE_TWICE, at, -1);
	if (item->kind == KIND_NEST) {
		expect_damage(s, r, DAMAGE_NOT_NESTED, at, -1);
		expect_damage(s, r, DAMAGE_EMPTY, at, -1);
		expect_damage(s, r, DAMAGE_INNER_UNKNOWN, at, -1);
		for (int i = 0; item->items[i].kind != KIND_END; i++) {
			if (item->items[i].required)
				expect_damage(s, r, DAMAGE_INNER_MISSING, at, i);
			expect_damage(s, r, DAMAGE_INNER_TWICE, at, i);
			expect_damage(s, r, DAMAGE_INNER_SHORT, at, i);
			expect_damage(s, r, DAMAGE_INNER_TOO_LONG, at, i);
		}
		return;
	}
	expect_damage(s, r, DAMAGE_TOO_LONG, at, -1);
	if (item->kind != KIND_FLAG) {
		expect_damage(s, r, DAMAGE_SHORT, at, -1);
		expect_damage(s, r, DAMAGE_EMPTY, at, -1);
	}
}

static void damage_request(struct suite *s, const struct request *r)
{
	expect_damage(s, r, DAMAGE_TOP_UNKNOWN, -1, -1);
	expect_damage(s, r, DAMAGE_TOP_FOREIGN, -1, -1);
	expect_damage(s, r, DAMAGE_JUNK, -1, -1);
	if (!r->top)
		return;
	/* A dump whose filter is optional takes no attributes as well. */
	if (!(r->flags & NLM_F_DUMP))
		expect_damage(s, r, DAMAGE_NO_TOP, -1, -1);
	expect_damage(s, r, DAMAGE_TOP_NOT_NESTED, -1, -1);
	expect_damage(s, r, DAMAGE_TOP_TWICE, -1, -1);
	expect_damage(s, r, DAMAGE_TOP_SHORT, -1, -1);
	expect_damage(s, r, DAMAGE_TOP_LONG, -1, -1);
	expect_damage(s, r, DAMAGE_UNKNOWN, -1, -1);
	expect_damage(s, r, DAMAGE_FOREIGN, -1, -1);
	expect_damage(s, r, DAMAGE_NEST_JUNK, -1, -1);
	expect_damage(s, r, DAMAGE_NEST_LONG, -1, -1);
	for (int i = 0; r->items[i].kind != KIND_END; i++)
		damage_item(s, r, i);
}

/* --------------------------------------------------------------------------
 * The right requests
 */

static struct vss_devno tracked, untracked;
static int good_dir = -1;

#define U32(t, v)	{ .type = (t), .kind = KIND_U32, .value = (v) }
#define U64(t, v)	{ .type = (t), .kind = KIND_U64, .value = (v) }
#define UUID(t, v)	{ .type = (t), .kind = KIND_UUID, .value = (v) }
#define FLAG(t)		{ .type = (t), .kind = KIND_FLAG }
#define NEST(t, i)	{ .type = (t), .kind = KIND_NEST, .items = (i) }
#define END		{ .kind = KIND_END }
/* A device in 64 bits. */
#define DEVICE(d)	((uint64_t)(d).major << 32 | (d).minor)
/* What the protocol demands; the plain ones above are optional. */
#define NEED_U32(t, v)	{ .type = (t), .kind = KIND_U32, .required = true, .value = (v) }
#define NEED_U64(t, v)	{ .type = (t), .kind = KIND_U64, .required = true, .value = (v) }
#define NEED_UUID(t, v)	{ .type = (t), .kind = KIND_UUID, .required = true, .value = (v) }

static void run_damage(struct suite *s)
{
	const struct item volume[] = {
		NEED_U32(VSS_A_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_VOLUME_MINOR, tracked.minor), END
	};
	const struct item attach[] = {
		NEED_U32(VSS_A_VOLUME_MAJOR, untracked.major),
		NEED_U32(VSS_A_VOLUME_MINOR, untracked.minor),
		U32(VSS_A_VOLUME_CHUNK_SIZE, VSS_DEFAULT_CHUNK_SIZE),
		U64(VSS_A_VOLUME_COPY_MEMORY, 64 << 20), END
	};
	const struct item detach[] = {
		NEED_U32(VSS_A_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_VOLUME_MINOR, tracked.minor),
		FLAG(VSS_A_VOLUME_FORCE), END
	};
	const struct item volume_set[] = {
		NEED_U32(VSS_A_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_VOLUME_MINOR, tracked.minor),
		U64(VSS_A_VOLUME_LOW_WATER, 12345 << 12),
		U64(VSS_A_VOLUME_COPY_MEMORY, 64 << 20), END
	};
	const struct item area_device[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor),
		NEED_U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		NEED_U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		U32(VSS_A_AREA_MODE, VSS_AREA_CREATE), UUID(VSS_A_AREA_BOOT, 3), END
	};
	const struct item area_load[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor),
		NEED_U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		NEED_U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		/* Without it the area would be volatile, and of one device. */
		NEED_U32(VSS_A_AREA_MODE, VSS_AREA_LOAD), UUID(VSS_A_AREA_BOOT, 3),
		U32(VSS_A_AREA_OPENERS, 2),
		{ .type = VSS_A_AREA_MORE, .kind = KIND_U64, .repeated = true,
		  .value = DEVICE(tracked) },
		END
	};
	const struct item area_file[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor),
		NEED_U32(VSS_A_AREA_FD, (uint64_t)good_dir), END
	};
	const struct item extent[] = {
		NEED_U64(VSS_A_EXTENT_START, 1 << 20), NEED_U64(VSS_A_EXTENT_LENGTH, 1 << 20), END
	};
	const struct item extents[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor),
		NEED_U32(VSS_A_AREA_ID, 0), FLAG(VSS_A_AREA_LAST),
		{ .type = VSS_A_AREA_EXTENT, .kind = KIND_NEST, .repeated = true, .items = extent },
		END
	};
	const struct item area_remove[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor),
		NEED_U32(VSS_A_AREA_ID, 0), END
	};
	const struct item area[] = {
		NEED_U32(VSS_A_AREA_VOLUME_MAJOR, tracked.major),
		NEED_U32(VSS_A_AREA_VOLUME_MINOR, tracked.minor), END
	};
	const struct item member[] = {
		NEED_U32(VSS_A_MEMBER_MAJOR, tracked.major),
		NEED_U32(VSS_A_MEMBER_MINOR, tracked.minor),
		NEED_UUID(VSS_A_MEMBER_SNAPSHOT_UUID, 1), U32(VSS_A_MEMBER_LEVEL, 0), END
	};
	const struct item freeze[] = {
		NEED_U32(VSS_A_FREEZE_FD, (uint64_t)good_dir), U32(VSS_A_FREEZE_LEVEL, 0), END
	};
	const struct item prepare[] = {
		NEED_UUID(VSS_A_SET_UUID, 2), U32(VSS_A_SET_FLAGS, VSS_SET_F_NO_FREEZE),
		U32(VSS_A_SET_HOLD_TIMEOUT_MS, 1000), U32(VSS_A_SET_FREEZE_TIMEOUT_MS, 1000),
		/* Twice the same member is an error of its own kind, see below. */
		{ .type = VSS_A_SET_MEMBER, .kind = KIND_NEST, .required = true,
		  .items = member },
		{ .type = VSS_A_SET_FREEZE, .kind = KIND_NEST, .repeated = true, .items = freeze },
		END
	};
	const struct item step[] = {
		NEED_UUID(VSS_A_SET_UUID, 2), NEED_U32(VSS_A_SET_STATE, VSS_SET_DONE), END
	};
	const struct item set[] = { NEED_UUID(VSS_A_SET_UUID, 2), END };
	const struct item snapshot[] = { NEED_UUID(VSS_A_SNAPSHOT_UUID, 1), END };
	const struct item snapshot_filter[] = {
		UUID(VSS_A_SNAPSHOT_SET_UUID, 2), NEED_U32(VSS_A_SNAPSHOT_MAJOR, tracked.major),
		NEED_U32(VSS_A_SNAPSHOT_MINOR, tracked.minor), END
	};
	const struct item snapshot_set[] = {
		NEED_UUID(VSS_A_SNAPSHOT_UUID, 1),
		NEED_U32(VSS_A_SNAPSHOT_FLAGS, VSS_SNAPSHOT_F_WRITABLE), END
	};
	const struct item delete[] = {
		NEED_UUID(VSS_A_SNAPSHOT_UUID, 1), FLAG(VSS_A_SNAPSHOT_FORCE), END
	};
	const struct item delete_set[] = {
		NEED_UUID(VSS_A_SNAPSHOT_SET_UUID, 1), FLAG(VSS_A_SNAPSHOT_FORCE), END
	};
	const struct request requests[] = {
		{ "MODULE_GET", VSS_CMD_MODULE_GET, 0, 0, NULL, 0 },
		{ "MODULE_TEST", VSS_CMD_MODULE_TEST, 0, 0, NULL, 0 },
		{ "VOLUME_ATTACH", VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME, attach,
		  VSS_A_VOLUME_WRITES },
		{ "VOLUME_DETACH", VSS_CMD_VOLUME_DETACH, 0, VSS_A_VOLUME, detach,
		  VSS_A_VOLUME_LOW_WATER },
		{ "VOLUME_GET", VSS_CMD_VOLUME_GET, 0, VSS_A_VOLUME, volume,
		  VSS_A_VOLUME_LOW_WATER },
		{ "VOLUME_GET dump", VSS_CMD_VOLUME_GET, NLM_F_DUMP, 0, NULL, 0 },
		{ "VOLUME_SET", VSS_CMD_VOLUME_SET, 0, VSS_A_VOLUME, volume_set,
		  VSS_A_VOLUME_MEMORY },
		{ "AREA_ADD device", VSS_CMD_AREA_ADD, 0, VSS_A_AREA, area_device,
		  VSS_A_AREA_SIZE },
		{ "AREA_ADD load", VSS_CMD_AREA_ADD, 0, VSS_A_AREA, area_load, VSS_A_AREA_SIZE },
		{ "AREA_ADD file", VSS_CMD_AREA_ADD, 0, VSS_A_AREA, area_file, VSS_A_AREA_SIZE },
		{ "AREA_EXTENTS", VSS_CMD_AREA_EXTENTS, 0, VSS_A_AREA, extents,
		  VSS_A_AREA_SIZE },
		{ "AREA_REMOVE", VSS_CMD_AREA_REMOVE, 0, VSS_A_AREA, area_remove,
		  VSS_A_AREA_DEV_MAJOR },
		{ "AREA_GET dump", VSS_CMD_AREA_GET, NLM_F_DUMP, VSS_A_AREA, area,
		  VSS_A_AREA_SIZE },
		{ "SET_PREPARE", VSS_CMD_SET_PREPARE, 0, VSS_A_SET, prepare,
		  VSS_A_SET_HOLD_USEC },
		{ "SET_STEP", VSS_CMD_SET_STEP, 0, VSS_A_SET, step, VSS_A_SET_HOLD_USEC },
		{ "SET_ABORT", VSS_CMD_SET_ABORT, 0, VSS_A_SET, set, VSS_A_SET_HOLD_USEC },
		{ "SET_GET", VSS_CMD_SET_GET, 0, VSS_A_SET, set, VSS_A_SET_HOLD_USEC },
		{ "SET_GET dump", VSS_CMD_SET_GET, NLM_F_DUMP, 0, NULL, 0 },
		{ "SNAPSHOT_GET", VSS_CMD_SNAPSHOT_GET, 0, VSS_A_SNAPSHOT, snapshot,
		  VSS_A_SNAPSHOT_SIZE },
		{ "SNAPSHOT_GET dump", VSS_CMD_SNAPSHOT_GET, NLM_F_DUMP, VSS_A_SNAPSHOT,
		  snapshot_filter, VSS_A_SNAPSHOT_SIZE },
		{ "SNAPSHOT_SET", VSS_CMD_SNAPSHOT_SET, 0, VSS_A_SNAPSHOT, snapshot_set,
		  VSS_A_SNAPSHOT_SIZE },
		{ "SNAPSHOT_DELETE", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT, delete,
		  VSS_A_SNAPSHOT_SIZE },
		{ "SNAPSHOT_DELETE set", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT, delete_set,
		  VSS_A_SNAPSHOT_SIZE },
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		damage_request(s, &requests[i]);
}

/* --------------------------------------------------------------------------
 * Right in form, wrong in content
 */

static void wrong(struct suite *s, const char *what, uint8_t cmd, uint16_t flags, uint16_t top,
		  const struct item *items, const int *expected)
{
	const struct request r = { .cmd = cmd, .flags = flags, .top = top, .items = items };

	build(&s->message, s->family, &r, DAMAGE_NONE, -1, -1);
	expect(s, expected, what, "");
}

#define ERRNOS(...)	((const int[]) { __VA_ARGS__, 0 })
#define ITEMS(...)	((const struct item[]) { __VA_ARGS__, END })

#define VOLUME(d)	U32(VSS_A_VOLUME_MAJOR, (d).major), U32(VSS_A_VOLUME_MINOR, (d).minor)
#define AREA_OF(d)	U32(VSS_A_AREA_VOLUME_MAJOR, (d).major), \
			U32(VSS_A_AREA_VOLUME_MINOR, (d).minor)
#define MEMBER_OF(d, n)	NEST(VSS_A_SET_MEMBER, ITEMS(U32(VSS_A_MEMBER_MAJOR, (d).major), \
			U32(VSS_A_MEMBER_MINOR, (d).minor), UUID(VSS_A_MEMBER_SNAPSHOT_UUID, n)))

static const struct vss_devno nowhere = { 1000, 77 };

static void run_wrong_volumes(struct suite *s)
{
	static const uint32_t chunk_sizes[] = { 0, 1, 2048, 4097, 12288, 524288, 0x80000000u };

	wrong(s, "VOLUME_ATTACH of no device", VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(nowhere)), ERRNOS(ENODEV, ENXIO, ENOENT));
	wrong(s, "VOLUME_ATTACH of a tracked volume", VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(tracked)), ERRNOS(EEXIST));
	for (size_t i = 0; i < sizeof(chunk_sizes) / sizeof(chunk_sizes[0]); i++) {
		char what[64];

		snprintf(what, sizeof(what), "VOLUME_ATTACH with chunks of %u", chunk_sizes[i]);
		wrong(s, what, VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME,
		      ITEMS(VOLUME(untracked), U32(VSS_A_VOLUME_CHUNK_SIZE, chunk_sizes[i])),
		      ERRNOS(EINVAL, ERANGE));
	}
	wrong(s, "VOLUME_ATTACH with a major of 32 bits", VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME,
	      ITEMS(U32(VSS_A_VOLUME_MAJOR, 0xffffffff), U32(VSS_A_VOLUME_MINOR, 0)),
	      ERRNOS(EINVAL, ERANGE));
	wrong(s, "VOLUME_DETACH of an untracked volume", VSS_CMD_VOLUME_DETACH, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(untracked), FLAG(VSS_A_VOLUME_FORCE)), ERRNOS(ENOENT, ENODEV));
	wrong(s, "VOLUME_GET of an untracked volume", VSS_CMD_VOLUME_GET, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(untracked)), ERRNOS(ENOENT, ENODEV));
	wrong(s, "VOLUME_SET of an untracked volume", VSS_CMD_VOLUME_SET, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(untracked), U64(VSS_A_VOLUME_LOW_WATER, 4096)),
	      ERRNOS(ENOENT, ENODEV));
	wrong(s, "VOLUME_SET with all memory for copies", VSS_CMD_VOLUME_SET, 0, VSS_A_VOLUME,
	      ITEMS(VOLUME(tracked), U64(VSS_A_VOLUME_COPY_MEMORY, UINT64_MAX)),
	      ERRNOS(EINVAL, ERANGE));
}

/* AREA_ADD of the untracked device, and MORE. */
static void wrong_more(struct suite *s, const char *what, const struct vss_devno *volume,
		       uint32_t mode, uint64_t more, const int *expected)
{
	wrong(s, what, VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(*volume), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor), U32(VSS_A_AREA_MODE, mode),
		    U64(VSS_A_AREA_MORE, more)), expected);
}

static void run_wrong_more(struct suite *s, int file)
{
	const struct vss_devno no_major = { 1 << 12, 0 }, no_minor = { 8, 1 << 20 };

	wrong(s, "AREA_ADD with MORE and no mode", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U64(VSS_A_AREA_MORE, DEVICE(nowhere))), ERRNOS(EINVAL));
	wrong(s, "AREA_ADD with MORE beside a file", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)file),
		    U64(VSS_A_AREA_MORE, DEVICE(nowhere))), ERRNOS(EINVAL));
	wrong(s, "AREA_ADD with MORE and nothing before it", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_MODE, VSS_AREA_LOAD),
		    U64(VSS_A_AREA_MORE, DEVICE(untracked))), ERRNOS(EINVAL));
	wrong(s, "AREA_ADD with OPENERS and no mode", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor), U32(VSS_A_AREA_OPENERS, 2)),
	      ERRNOS(EINVAL));
	wrong(s, "AREA_ADD with OPENERS that creates", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U32(VSS_A_AREA_MODE, VSS_AREA_CREATE), U32(VSS_A_AREA_OPENERS, 2)),
	      ERRNOS(EINVAL));
	wrong(s, "AREA_ADD with no OPENERS", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U32(VSS_A_AREA_MODE, VSS_AREA_LOAD), U32(VSS_A_AREA_OPENERS, 0)),
	      ERRNOS(EINVAL, ERANGE));
	wrong_more(s, "AREA_ADD with MORE in mode 0", &tracked, VSS_AREA_VOLATILE,
		   DEVICE(nowhere), ERRNOS(EINVAL));
	wrong_more(s, "AREA_ADD with MORE that creates", &tracked, VSS_AREA_CREATE,
		   DEVICE(nowhere), ERRNOS(EINVAL));
	wrong_more(s, "AREA_ADD with MORE of no major number", &tracked, VSS_AREA_LOAD,
		   DEVICE(no_major), ERRNOS(EINVAL));
	wrong_more(s, "AREA_ADD with MORE of no minor number", &tracked, VSS_AREA_LOAD,
		   DEVICE(no_minor), ERRNOS(EINVAL));
	wrong_more(s, "AREA_ADD with MORE of all bits", &tracked, VSS_AREA_LOAD, UINT64_MAX,
		   ERRNOS(EINVAL));
	wrong_more(s, "AREA_ADD with MORE to an untracked volume", &untracked, VSS_AREA_LOAD,
		   DEVICE(tracked), ERRNOS(ENOENT, ENODEV));
	/* Of what can be named, all is refused because the volume has an area; devices come after. */
	wrong_more(s, "AREA_ADD with MORE of the same device", &tracked, VSS_AREA_LOAD,
		   DEVICE(untracked), ERRNOS(EBUSY));
	wrong_more(s, "AREA_ADD with MORE of no device", &tracked, VSS_AREA_LOAD_CHECKED,
		   DEVICE(nowhere), ERRNOS(EBUSY));
}

static void run_wrong_areas(struct suite *s)
{
	int pipe_fds[2] = { -1, -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *tmp = tmpfile();

	if (pipe(pipe_fds))
		pipe_fds[1] = -1;
	wrong(s, "AREA_ADD to an untracked volume", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(untracked), U32(VSS_A_AREA_DEV_MAJOR, tracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, tracked.minor)), ERRNOS(ENOENT, ENODEV));
	wrong(s, "AREA_ADD of no device", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, nowhere.major),
		    U32(VSS_A_AREA_DEV_MINOR, nowhere.minor)), ERRNOS(ENODEV, ENXIO, ENOENT));
	wrong(s, "AREA_ADD of the volume itself", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, tracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, tracked.minor)), NULL);
	wrong(s, "AREA_ADD of a device and a file", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U32(VSS_A_AREA_FD, (uint64_t)fileno(tmp))), ERRNOS(EINVAL));
	wrong(s, "AREA_ADD of neither device nor file", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked)), ERRNOS(EINVAL));
	wrong(s, "AREA_ADD of descriptor -1", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, 0xffffffff)),
	      ERRNOS(EBADF, EINVAL, ERANGE));
	wrong(s, "AREA_ADD of a descriptor that is not open", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, 9999)), ERRNOS(EBADF));
	wrong(s, "AREA_ADD of a directory", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)good_dir)), NULL);
	wrong(s, "AREA_ADD of a pipe", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)pipe_fds[1])), NULL);
	wrong(s, "AREA_ADD of /dev/null", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)null)), NULL);
	wrong(s, "AREA_ADD of an empty file", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)fileno(tmp))), NULL);
	for (uint32_t mode = VSS_AREA_CREATE; mode <= VSS_AREA_LOAD_CHECKED; mode++) {
		char what[64];

		snprintf(what, sizeof(what), "AREA_ADD of a file in mode %u", mode);
		wrong(s, what, VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
		      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_FD, (uint64_t)fileno(tmp)),
			    U32(VSS_A_AREA_MODE, mode)), ERRNOS(EOPNOTSUPP));
		snprintf(what, sizeof(what), "AREA_ADD in mode %u beside a part", mode);
		wrong(s, what, VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
		      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
			    U32(VSS_A_AREA_DEV_MINOR, untracked.minor), U32(VSS_A_AREA_MODE, mode),
			    UUID(VSS_A_AREA_BOOT, 3)), NULL);
		snprintf(what, sizeof(what), "AREA_ADD to an untracked volume in mode %u", mode);
		wrong(s, what, VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
		      ITEMS(AREA_OF(untracked), U32(VSS_A_AREA_DEV_MAJOR, tracked.major),
			    U32(VSS_A_AREA_DEV_MINOR, tracked.minor), U32(VSS_A_AREA_MODE, mode)),
		      ERRNOS(ENOENT, ENODEV));
	}
	wrong(s, "AREA_ADD in a mode that there is not", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U32(VSS_A_AREA_MODE, VSS_AREA_LOAD_CHECKED + 1)), ERRNOS(EINVAL, ERANGE));
	wrong(s, "AREA_ADD in mode 4294967295", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
		    U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
		    U32(VSS_A_AREA_MODE, UINT32_MAX)), ERRNOS(EINVAL, ERANGE));
	run_wrong_more(s, fileno(tmp));
	wrong(s, "AREA_EXTENTS of a part that is not there", VSS_CMD_AREA_EXTENTS, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 4711), FLAG(VSS_A_AREA_LAST),
		    NEST(VSS_A_AREA_EXTENT, ITEMS(U64(VSS_A_EXTENT_START, 0),
						  U64(VSS_A_EXTENT_LENGTH, 4096)))),
	      ERRNOS(ENOENT));
	wrong(s, "AREA_EXTENTS with one that is empty", VSS_CMD_AREA_EXTENTS, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 4711), FLAG(VSS_A_AREA_LAST),
		    NEST(VSS_A_AREA_EXTENT, ITEMS(U64(VSS_A_EXTENT_START, 0),
						  U64(VSS_A_EXTENT_LENGTH, 0)))),
	      ERRNOS(EINVAL, ERANGE, ENOENT));
	wrong(s, "AREA_EXTENTS with one that wraps around", VSS_CMD_AREA_EXTENTS, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 4711), FLAG(VSS_A_AREA_LAST),
		    NEST(VSS_A_AREA_EXTENT, ITEMS(U64(VSS_A_EXTENT_START, UINT64_MAX - 4095),
						  U64(VSS_A_EXTENT_LENGTH, 8192)))),
	      ERRNOS(EINVAL, ERANGE, ENOENT));
	wrong(s, "AREA_REMOVE from an untracked volume", VSS_CMD_AREA_REMOVE, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(untracked), U32(VSS_A_AREA_ID, 0)), ERRNOS(ENODEV));
	wrong(s, "AREA_REMOVE of a part that is not there", VSS_CMD_AREA_REMOVE, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 4711)), ERRNOS(ENOENT));
	wrong(s, "AREA_REMOVE from a volume with a snapshot", VSS_CMD_AREA_REMOVE, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 0)), ERRNOS(EBUSY));
	fclose(tmp);
	close(null);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* More members, or more extents, than a message may have. */
static void run_too_many(struct suite *s)
{
	struct message *m = &s->message;
	const struct item uuid = UUID(VSS_A_SET_UUID, 3);
	size_t top;

	begin_message(m, s->family, VSS_CMD_SET_PREPARE, 0);
	top = begin_attr(m, VSS_A_SET | NLA_F_NESTED);
	put_item(m, &uuid, DAMAGE_NONE, 0);
	for (unsigned int i = 0; i <= VSS_MAX_MEMBERS; i++) {
		const struct item member = MEMBER_OF(tracked, i);

		put_item(m, &member, DAMAGE_NONE, 0);
	}
	end_attr(m, top);
	expect(s, ERRNOS(EINVAL, E2BIG, ERANGE), "SET_PREPARE with 65 members", "");

	/* DEV names the first of them. */
	begin_message(m, s->family, VSS_CMD_AREA_ADD, 0);
	top = begin_attr(m, VSS_A_AREA | NLA_F_NESTED);
	put_items(m, ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
			   U32(VSS_A_AREA_DEV_MINOR, untracked.minor),
			   U32(VSS_A_AREA_MODE, VSS_AREA_LOAD)), DAMAGE_NONE, -1, 0);
	for (unsigned int i = 0; i < VSS_MAX_AREA_PARTS; i++) {
		const struct item more = U64(VSS_A_AREA_MORE, DEVICE(nowhere) + i);

		put_item(m, &more, DAMAGE_NONE, 0);
	}
	end_attr(m, top);
	expect(s, ERRNOS(EINVAL), "AREA_ADD of 65 devices", "");

	begin_message(m, s->family, VSS_CMD_AREA_EXTENTS, 0);
	top = begin_attr(m, VSS_A_AREA | NLA_F_NESTED);
	put_items(m, ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 4711)), DAMAGE_NONE, -1, 0);
	for (unsigned int i = 0; i <= VSS_MAX_EXTENTS_MSG; i++) {
		const struct item extent = NEST(VSS_A_AREA_EXTENT, ITEMS(
			U64(VSS_A_EXTENT_START, (uint64_t)i << 20),
			U64(VSS_A_EXTENT_LENGTH, 4096)));

		put_item(m, &extent, DAMAGE_NONE, 0);
	}
	end_attr(m, top);
	expect(s, ERRNOS(EINVAL, E2BIG, ERANGE, ENOENT), "AREA_EXTENTS with 513 extents", "");
}

static void run_wrong_sets(struct suite *s)
{
	static const uint32_t states[] = { VSS_SET_PREPARED, VSS_SET_FAILED, 99, UINT32_MAX };

	wrong(s, "SET_PREPARE of an untracked volume", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(untracked, 4)), ERRNOS(ENOENT, ENODEV));
	wrong(s, "SET_PREPARE of no device", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(nowhere, 4)),
	      ERRNOS(ENOENT, ENODEV, ENXIO));
	wrong(s, "SET_PREPARE of a volume twice", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(tracked, 4), MEMBER_OF(tracked, 5)), NULL);
	wrong(s, "SET_PREPARE with unknown flags", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_FLAGS, 0x80000000),
		    MEMBER_OF(tracked, 4)), ERRNOS(EINVAL, ERANGE));
	wrong(s, "SET_PREPARE with a hold of 0 ms", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_HOLD_TIMEOUT_MS, 0),
		    MEMBER_OF(tracked, 4)), ERRNOS(EINVAL, ERANGE));
	wrong(s, "SET_PREPARE with a hold of an hour", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_HOLD_TIMEOUT_MS, 3600000),
		    MEMBER_OF(tracked, 4)), ERRNOS(EINVAL, ERANGE));
	wrong(s, "SET_PREPARE with a freeze of an hour", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_FREEZE_TIMEOUT_MS, 3600000),
		    MEMBER_OF(tracked, 4)), ERRNOS(EINVAL, ERANGE));
	wrong(s, "SET_PREPARE at level 16", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3),
		    NEST(VSS_A_SET_MEMBER, ITEMS(U32(VSS_A_MEMBER_MAJOR, tracked.major),
						 U32(VSS_A_MEMBER_MINOR, tracked.minor),
						 UUID(VSS_A_MEMBER_SNAPSHOT_UUID, 4),
						 U32(VSS_A_MEMBER_LEVEL, 16)))),
	      ERRNOS(EINVAL, ERANGE));
	wrong(s, "SET_PREPARE of a member with a snapshot and without", VSS_CMD_SET_PREPARE, 0,
	      VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3),
		    NEST(VSS_A_SET_MEMBER, ITEMS(U32(VSS_A_MEMBER_MAJOR, tracked.major),
						 U32(VSS_A_MEMBER_MINOR, tracked.minor),
						 UUID(VSS_A_MEMBER_SNAPSHOT_UUID, 4),
						 FLAG(VSS_A_MEMBER_HOLD_ONLY)))),
	      ERRNOS(EINVAL));
	wrong(s, "SET_PREPARE that holds a volume, and twice", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(tracked, 4),
		    NEST(VSS_A_SET_MEMBER, ITEMS(U32(VSS_A_MEMBER_MAJOR, tracked.major),
						 U32(VSS_A_MEMBER_MINOR, tracked.minor),
						 FLAG(VSS_A_MEMBER_HOLD_ONLY)))), NULL);
	wrong(s, "SET_PREPARE that freezes descriptor 9999", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(tracked, 4),
		    NEST(VSS_A_SET_FREEZE, ITEMS(U32(VSS_A_FREEZE_FD, 9999)))), ERRNOS(EBADF));
	wrong(s, "SET_PREPARE that freezes a socket", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), MEMBER_OF(tracked, 4),
		    NEST(VSS_A_SET_FREEZE, ITEMS(U32(VSS_A_FREEZE_FD, (uint64_t)s->sock)))), NULL);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		char what[64];

		snprintf(what, sizeof(what), "SET_STEP to state %u", states[i]);
		wrong(s, what, VSS_CMD_SET_STEP, 0, VSS_A_SET,
		      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_STATE, states[i])),
		      ERRNOS(EINVAL, ERANGE, ENOENT));
	}
	wrong(s, "SET_STEP of no set", VSS_CMD_SET_STEP, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3), U32(VSS_A_SET_STATE, VSS_SET_DONE)),
	      ERRNOS(ENOENT));
	wrong(s, "SET_ABORT of no set", VSS_CMD_SET_ABORT, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3)), ERRNOS(ENOENT));
	wrong(s, "SET_GET of no set", VSS_CMD_SET_GET, 0, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3)), ERRNOS(ENOENT));
}

static void run_wrong_snapshots(struct suite *s)
{
	wrong(s, "SNAPSHOT_GET of none", VSS_CMD_SNAPSHOT_GET, 0, VSS_A_SNAPSHOT,
	      ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 3)), ERRNOS(ENOENT));
	wrong(s, "SNAPSHOT_GET dump by MAJOR alone", VSS_CMD_SNAPSHOT_GET, NLM_F_DUMP,
	      VSS_A_SNAPSHOT, ITEMS(U32(VSS_A_SNAPSHOT_MAJOR, tracked.major)), ERRNOS(EINVAL));
	wrong(s, "SNAPSHOT_SET of none", VSS_CMD_SNAPSHOT_SET, 0, VSS_A_SNAPSHOT,
	      ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 3),
		    U32(VSS_A_SNAPSHOT_FLAGS, VSS_SNAPSHOT_F_WRITABLE)), ERRNOS(ENOENT));
	wrong(s, "SNAPSHOT_SET of unknown flags", VSS_CMD_SNAPSHOT_SET, 0, VSS_A_SNAPSHOT,
	      ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 3), U32(VSS_A_SNAPSHOT_FLAGS, 0xfffffffe)),
	      ERRNOS(EINVAL, ERANGE));
	wrong(s, "SNAPSHOT_DELETE of none", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT,
	      ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 3), FLAG(VSS_A_SNAPSHOT_FORCE)), ERRNOS(ENOENT));
	wrong(s, "SNAPSHOT_DELETE of no set", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT,
	      ITEMS(UUID(VSS_A_SNAPSHOT_SET_UUID, 3)), ERRNOS(ENOENT));
	wrong(s, "SNAPSHOT_DELETE of a snapshot and a set", VSS_CMD_SNAPSHOT_DELETE, 0,
	      VSS_A_SNAPSHOT, ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 3),
				    UUID(VSS_A_SNAPSHOT_SET_UUID, 3)), ERRNOS(EINVAL));
	wrong(s, "SNAPSHOT_DELETE of nothing", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT,
	      ITEMS(FLAG(VSS_A_SNAPSHOT_FORCE)), ERRNOS(EINVAL));
}

static void run_wrong_messages(struct suite *s)
{
	struct message *m = &s->message;

	wrong(s, "command 0", VSS_CMD_UNSPEC, 0, 0, NULL, ERRNOS(EOPNOTSUPP));
	wrong(s, "EVENT as a request", VSS_CMD_EVENT, 0, 0, NULL, ERRNOS(EOPNOTSUPP));
	wrong(s, "command 200", 200, 0, 0, NULL, ERRNOS(EOPNOTSUPP));
	wrong(s, "AREA_GET that is no dump", VSS_CMD_AREA_GET, 0, VSS_A_AREA,
	      ITEMS(AREA_OF(tracked)), ERRNOS(EOPNOTSUPP));
	wrong(s, "dump of MODULE_GET", VSS_CMD_MODULE_GET, NLM_F_DUMP, 0, NULL,
	      ERRNOS(EOPNOTSUPP));
	wrong(s, "dump of AREA_REMOVE", VSS_CMD_AREA_REMOVE, NLM_F_DUMP, 0, NULL,
	      ERRNOS(EOPNOTSUPP));
	wrong(s, "dump of SET_PREPARE", VSS_CMD_SET_PREPARE, NLM_F_DUMP, 0, NULL,
	      ERRNOS(EOPNOTSUPP));
	wrong(s, "dump of VOLUME_GET with a filter", VSS_CMD_VOLUME_GET, NLM_F_DUMP, VSS_A_VOLUME,
	      ITEMS(VOLUME(tracked)), ERRNOS(EINVAL));
	wrong(s, "dump of SET_GET with a filter", VSS_CMD_SET_GET, NLM_F_DUMP, VSS_A_SET,
	      ITEMS(UUID(VSS_A_SET_UUID, 3)), ERRNOS(EINVAL));
	/* Without even the generic netlink header. */
	begin_message(m, s->family, VSS_CMD_MODULE_GET, 0);
	m->size = NLMSG_HDRLEN;
	expect(s, ERRNOS(EINVAL), "message that ends after its first header", "");
}

/* --------------------------------------------------------------------------
 * Those who may not ask
 */

/* Every command, well formed; all must be refused. */
static void ask_everything(struct suite *s, const char *who, const int *expected)
{
	const struct {
		const char *name;
		uint8_t cmd;
		uint16_t flags;
		uint16_t top;
		const struct item *items;
	} asked[] = {
		{ "MODULE_GET", VSS_CMD_MODULE_GET, 0, 0, NULL },
		{ "MODULE_TEST", VSS_CMD_MODULE_TEST, 0, 0, NULL },
		{ "VOLUME_ATTACH", VSS_CMD_VOLUME_ATTACH, 0, VSS_A_VOLUME,
		  ITEMS(VOLUME(untracked)) },
		{ "VOLUME_DETACH", VSS_CMD_VOLUME_DETACH, 0, VSS_A_VOLUME, ITEMS(VOLUME(tracked)) },
		{ "VOLUME_GET", VSS_CMD_VOLUME_GET, 0, VSS_A_VOLUME, ITEMS(VOLUME(tracked)) },
		{ "VOLUME_GET dump", VSS_CMD_VOLUME_GET, NLM_F_DUMP, 0, NULL },
		{ "VOLUME_SET", VSS_CMD_VOLUME_SET, 0, VSS_A_VOLUME,
		  ITEMS(VOLUME(tracked), U64(VSS_A_VOLUME_LOW_WATER, 4096)) },
		{ "AREA_ADD", VSS_CMD_AREA_ADD, 0, VSS_A_AREA,
		  ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_DEV_MAJOR, untracked.major),
			U32(VSS_A_AREA_DEV_MINOR, untracked.minor)) },
		{ "AREA_EXTENTS", VSS_CMD_AREA_EXTENTS, 0, VSS_A_AREA,
		  ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 0)) },
		{ "AREA_REMOVE", VSS_CMD_AREA_REMOVE, 0, VSS_A_AREA,
		  ITEMS(AREA_OF(tracked), U32(VSS_A_AREA_ID, 0)) },
		{ "AREA_GET dump", VSS_CMD_AREA_GET, NLM_F_DUMP, 0, NULL },
		{ "SET_PREPARE", VSS_CMD_SET_PREPARE, 0, VSS_A_SET,
		  ITEMS(UUID(VSS_A_SET_UUID, 9), MEMBER_OF(tracked, 8)) },
		{ "SET_STEP", VSS_CMD_SET_STEP, 0, VSS_A_SET,
		  ITEMS(UUID(VSS_A_SET_UUID, 9), U32(VSS_A_SET_STATE, VSS_SET_DONE)) },
		{ "SET_ABORT", VSS_CMD_SET_ABORT, 0, VSS_A_SET, ITEMS(UUID(VSS_A_SET_UUID, 9)) },
		{ "SET_GET", VSS_CMD_SET_GET, 0, VSS_A_SET, ITEMS(UUID(VSS_A_SET_UUID, 9)) },
		{ "SET_GET dump", VSS_CMD_SET_GET, NLM_F_DUMP, 0, NULL },
		{ "SNAPSHOT_GET", VSS_CMD_SNAPSHOT_GET, 0, VSS_A_SNAPSHOT,
		  ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 9)) },
		{ "SNAPSHOT_GET dump", VSS_CMD_SNAPSHOT_GET, NLM_F_DUMP, 0, NULL },
		{ "SNAPSHOT_SET", VSS_CMD_SNAPSHOT_SET, 0, VSS_A_SNAPSHOT,
		  ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 9),
			U32(VSS_A_SNAPSHOT_FLAGS, VSS_SNAPSHOT_F_WRITABLE)) },
		{ "SNAPSHOT_DELETE", VSS_CMD_SNAPSHOT_DELETE, 0, VSS_A_SNAPSHOT,
		  ITEMS(UUID(VSS_A_SNAPSHOT_UUID, 9)) },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char what[128];

		snprintf(what, sizeof(what), "%s %s", asked[i].name, who);
		wrong(s, what, asked[i].cmd, asked[i].flags, asked[i].top, asked[i].items,
		      expected);
	}
}

/* Nor may they listen. */
static void join_events(struct suite *s, const char *who)
{
	int failed = setsockopt(s->sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &s->events_group,
				sizeof(s->events_group));

	result(s, failed && errno == EPERM, "joining the event group %s: %s", who,
	       failed ? strerror(errno) : "accepted");
}

/* In a child, as what it gives up cannot be had back. */
static void as_child(struct suite *s, void (*run)(struct suite *s))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int before = s->number;

		s->failed = 0;
		close(s->sock);
		run(s);
		fflush(stdout);
		/* Count and verdict in one byte. */
		_exit(s->failed ? 255 : s->number - before);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
		result(s, false, "a child died");
		return;
	}
	if (WEXITSTATUS(status) == 255) {
		s->failed++;
		s->number += 100;	/* its numbers are taken; a gap fails the plan too */
	} else {
		s->number += WEXITSTATUS(status);
	}
}

static void reopen(struct suite *s)
{
	s->sock = open_socket();
	if (s->sock < 0)
		result(s, false, "cannot open a socket: %s", strerror(errno));
}

/* CAP_NET_ADMIN, which containers often have, is not enough. */
static void without_sys_admin(struct suite *s)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &hdr, data)) {
		result(s, false, "capget: %s", strerror(errno));
		return;
	}
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	data[0].inheritable = 0;
	if (syscall(SYS_capset, &hdr, data)) {
		result(s, false, "capset: %s", strerror(errno));
		return;
	}
	reopen(s);
	ask_everything(s, "without CAP_SYS_ADMIN", ERRNOS(EPERM));
	join_events(s, "without CAP_SYS_ADMIN");
}

static void in_user_namespace(struct suite *s)
{
	if (unshare(CLONE_NEWUSER)) {
		result(s, true, "user namespace # SKIP %s", strerror(errno));
		return;
	}
	reopen(s);
	ask_everything(s, "in a user namespace", ERRNOS(EPERM));
	join_events(s, "in a user namespace");
}

/* As root of a container: all capabilities, but only inside. */
static void in_container(struct suite *s)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		result(s, true, "user and network namespace # SKIP %s", strerror(errno));
		return;
	}
	reopen(s);
	/* The family does not even exist in other network namespaces. */
	ask_everything(s, "in a user and network namespace", ERRNOS(EPERM, ENOENT));
}

/* --------------------------------------------------------------------------
 * What the module lists, without counters that change by themselves
 */

struct picture {
	struct vss_kernel_module module;
	struct vss_kernel_volume *volumes;
	struct vss_kernel_area *areas;
	struct vss_kernel_set *sets;
	struct vss_kernel_snapshot *snapshots;
	size_t volume_count, area_count, set_count, snapshot_count;
};

static int take_picture(struct vss_kernel *kernel, struct picture *p)
{
	memset(p, 0, sizeof(*p));
	if (vss_kernel_module_get(kernel, &p->module) ||
	    vss_kernel_volume_list(kernel, &p->volumes, &p->volume_count) ||
	    vss_kernel_area_list(kernel, NULL, &p->areas, &p->area_count) ||
	    vss_kernel_set_list(kernel, &p->sets, &p->set_count) ||
	    vss_kernel_snapshot_list(kernel, NULL, NULL, &p->snapshots, &p->snapshot_count)) {
		printf("Bail out! %s\n", vss_kernel_error(kernel));
		return -1;
	}
	p->module.hook_bios = 0;
	for (size_t i = 0; i < p->volume_count; i++) {
		struct vss_kernel_volume *v = &p->volumes[i];

		v->writes = v->writes_held = v->chunks_copied = 0;
		v->copy_reads = v->area_writes = v->memory = v->area_used = 0;
	}
	for (size_t i = 0; i < p->area_count; i++)
		p->areas[i].used = 0;
	for (size_t i = 0; i < p->snapshot_count; i++)
		p->snapshots[i].copied = p->snapshots[i].overlay = 0;
	return 0;
}

static bool same_list(const void *a, size_t a_count, const void *b, size_t b_count, size_t size)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * size));
}

static bool same_areas(const struct picture *a, const struct picture *b)
{
	if (a->area_count != b->area_count)
		return false;
	for (size_t i = 0; i < a->area_count; i++)
		if (a->areas[i].id != b->areas[i].id || a->areas[i].size != b->areas[i].size ||
		    a->areas[i].state != b->areas[i].state ||
		    memcmp(&a->areas[i].dev, &b->areas[i].dev, sizeof(struct vss_devno)))
			return false;
	return true;
}

static void compare(struct suite *s, const struct picture *a, const struct picture *b)
{
	result(s, !memcmp(&a->module, &b->module, sizeof(a->module)), "module is as before");
	result(s, same_list(a->volumes, a->volume_count, b->volumes, b->volume_count,
			    sizeof(*a->volumes)), "volumes are as before");
	result(s, same_areas(a, b), "diff areas are as before");
	result(s, same_list(a->sets, a->set_count, b->sets, b->set_count, sizeof(*a->sets)),
	       "sets are as before");
	result(s, same_list(a->snapshots, a->snapshot_count, b->snapshots, b->snapshot_count,
			    sizeof(*a->snapshots)), "snapshots are as before");
}

static void free_picture(struct picture *p)
{
	free(p->volumes);
	vss_kernel_area_list_free(p->areas, p->area_count);
	free(p->sets);
	free(p->snapshots);
}

/* The attribute of a type among those from @p to @end; NULL if there is none. */
static const struct nlattr *find_attr(const unsigned char *p, const unsigned char *end,
				      uint16_t type)
{
	while (end - p >= NLA_HDRLEN) {
		const struct nlattr *attr = (const struct nlattr *)p;

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (attr->nla_len < NLA_HDRLEN)
			return NULL;
		p += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static const unsigned char *data_of(const struct nlattr *attr)
{
	return (const unsigned char *)attr + NLA_HDRLEN;
}

static const unsigned char *end_of(const struct nlattr *attr)
{
	return (const unsigned char *)attr + attr->nla_len;
}

/* Ids of the family and its group; the requests here are made by hand. */
static int resolve_family(struct suite *s)
{
	_Alignas(struct nlmsghdr) unsigned char reply[8192];
	struct message *m = &s->message;
	struct nlmsghdr *hdr = (struct nlmsghdr *)m->data;
	const struct nlattr *id, *groups, *group_id;
	ssize_t n;

	begin_message(m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	hdr->nlmsg_flags = NLM_F_REQUEST;
	put_attr(m, CTRL_ATTR_FAMILY_NAME, VSS_GENL_NAME, sizeof(VSS_GENL_NAME));
	hdr->nlmsg_len = (uint32_t)m->size;
	if (send(s->sock, m->data, m->size, 0) < 0)
		return -1;
	n = recv(s->sock, reply, sizeof(reply), 0);
	hdr = (struct nlmsghdr *)reply;
	if (n < NLMSG_HDRLEN || hdr->nlmsg_type != GENL_ID_CTRL)
		return -1;
	id = find_attr(reply + NLMSG_HDRLEN + GENL_HDRLEN, reply + n, CTRL_ATTR_FAMILY_ID);
	groups = find_attr(reply + NLMSG_HDRLEN + GENL_HDRLEN, reply + n,
			   CTRL_ATTR_MCAST_GROUPS);
	if (!id || !groups)
		return -1;
	memcpy(&s->family, data_of(id), sizeof(s->family));
	/* The family has one group, so the first of the list is it. */
	groups = (const struct nlattr *)data_of(groups);
	group_id = find_attr(data_of(groups), end_of(groups), CTRL_ATTR_MCAST_GRP_ID);
	if (!group_id)
		return -1;
	memcpy(&s->events_group, data_of(group_id), sizeof(s->events_group));
	return 0;
}

static int parse_device(const char *path, struct vss_devno *dev)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode)) {
		fprintf(stderr, "genl-bad: %s is no block device\n", path);
		return -1;
	}
	*dev = (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) };
	return 0;
}

int main(int argc, char **argv)
{
	struct suite s = { .sock = -1 };
	struct picture before, after;
	struct vss_kernel *kernel;
	struct vss_error error;

	if (argc != 3) {
		fprintf(stderr, "usage: genl-bad TRACKED UNTRACKED\n");
		return 2;
	}
	if (parse_device(argv[1], &tracked) || parse_device(argv[2], &untracked))
		return 2;
	if (vss_kernel_open(&kernel, &error)) {
		printf("Bail out! %s\n", error.text);
		return 1;
	}
	good_dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.sock = open_socket();
	if (s.sock < 0 || resolve_family(&s) || take_picture(kernel, &before))
		return 1;
	puts("TAP version 13");
	run_damage(&s);
	run_wrong_volumes(&s);
	run_wrong_areas(&s);
	run_too_many(&s);
	run_wrong_sets(&s);
	run_wrong_snapshots(&s);
	run_wrong_messages(&s);
	as_child(&s, without_sys_admin);
	as_child(&s, in_user_namespace);
	as_child(&s, in_container);
	if (take_picture(kernel, &after))
		return 1;
	compare(&s, &before, &after);
	printf("1..%d\n", s.number);
	free_picture(&before);
	free_picture(&after);
	vss_kernel_close(kernel);
	return s.failed ? 1 : 0;
}

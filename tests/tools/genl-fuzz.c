// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random requests to the netlink family "vss", made from its tree of attributes.
 *
 *   genl-fuzz [--seed N] [--count N] [--folder DIR]... [--file FILE]... DEVICE...
 *
 * Every DEVICE may be attached, snapshotted, used as a diff area, detached; every
 * DIR's file system may be frozen.  FILE is made and may be pinned as a diff area;
 * as its extents are told by chance, its file system is not to be relied on
 * afterwards.  A part of the requests is
 * right, so that volumes, areas, sets and snapshots come and go; most have one kind
 * of damage or several, at any depth.  A tenth of COUNT is sent by an ordinary user
 * and another by root of a user and network namespace, and none of these may be
 * taken.
 *
 * Fails if a request that the kernel has to answer gets no answer or one that is no
 * errno of userspace's, or if the stranger's is taken.  The rest (log, leaks, whether
 * images are right) is for the caller to look at.  What exists in the end is deleted.
 * The same seed and devices give the same requests.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vss.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vss/kernel.h>

#define MAX_DEVICES	16
#define MAX_FDS		16
#define UUIDS		6
#define CLEAN_EVERY	300	/* requests between two times that all is deleted */
#define WILL_LOAD	2000UL	/* so many are not sent without an area being loaded */

/* --------------------------------------------------------------------------
 * The tree: what each command takes
 */

enum kind {
	END,
	U32,
	U64,
	FLAG,
	UUID,
	FD,
	MAJOR,			/* of a device; MINOR that follows is the same one's */
	MINOR,
	STATE,
	TIMEOUT,
	CHUNK,
	AREA_MAJOR,		/* likewise, mostly the one that is to be its volume's area */
	DEVICE,			/* both numbers of one in 64 bits */
	MODE,			/* enum vss_area_mode */
	BOOT,			/* a UUID: that of this boot, none, or another */
	NEST,
};

struct node {
	uint16_t type;
	enum kind kind;
	unsigned int percent;	/* of the right requests that have it */
	unsigned int most;	/* how often it may come; 0 is once */
	const struct node *inner;
};

static const struct node device[] = {
	{ VSS_A_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ 0 },
};

static const struct node attach[] = {
	{ VSS_A_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_VOLUME_CHUNK_SIZE, CHUNK, 50, 0, NULL },
	{ VSS_A_VOLUME_COPY_MEMORY, U64, 30, 0, NULL },
	{ 0 },
};

static const struct node detach[] = {
	{ VSS_A_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_VOLUME_FORCE, FLAG, 50, 0, NULL },
	{ 0 },
};

static const struct node volume_set[] = {
	{ VSS_A_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_VOLUME_LOW_WATER, U64, 50, 0, NULL },
	{ VSS_A_VOLUME_COPY_MEMORY, U64, 50, 0, NULL },
	{ 0 },
};

static const struct node area_device[] = {
	{ VSS_A_AREA_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_AREA_DEV_MAJOR, AREA_MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_DEV_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_AREA_MODE, MODE, 60, 0, NULL },
	{ VSS_A_AREA_BOOT, BOOT, 50, 0, NULL },
	{ VSS_A_AREA_MORE, DEVICE, 15, 3, NULL },
	{ VSS_A_AREA_OPENERS, U32, 15, 0, NULL },
	{ 0 },
};

static const struct node area_file[] = {
	{ VSS_A_AREA_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_AREA_FD, FD, 100, 0, NULL },
	{ VSS_A_AREA_MODE, MODE, 10, 0, NULL },
	{ 0 },
};

static const struct node extent[] = {
	{ VSS_A_EXTENT_START, U64, 100, 0, NULL },
	{ VSS_A_EXTENT_LENGTH, U64, 100, 0, NULL },
	{ 0 },
};

static const struct node area_extents[] = {
	{ VSS_A_AREA_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_AREA_ID, U32, 100, 0, NULL },
	{ VSS_A_AREA_LAST, FLAG, 50, 0, NULL },
	{ VSS_A_AREA_EXTENT, NEST, 90, 40, extent },
	{ 0 },
};

static const struct node area_remove[] = {
	{ VSS_A_AREA_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_AREA_ID, U32, 100, 0, NULL },
	{ 0 },
};

static const struct node area_get[] = {
	{ VSS_A_AREA_VOLUME_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_AREA_VOLUME_MINOR, MINOR, 100, 0, NULL },
	{ 0 },
};

static const struct node member[] = {
	{ VSS_A_MEMBER_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_MEMBER_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_MEMBER_SNAPSHOT_UUID, UUID, 100, 0, NULL },
	{ VSS_A_MEMBER_LEVEL, U32, 20, 0, NULL },
	{ 0 },
};

/* Without a snapshot; a flag of member[] would mostly be refused, as it excludes the UUID. */
static const struct node member_held[] = {
	{ VSS_A_MEMBER_MAJOR, MAJOR, 100, 0, NULL },
	{ VSS_A_MEMBER_MINOR, MINOR, 100, 0, NULL },
	{ VSS_A_MEMBER_HOLD_ONLY, FLAG, 100, 0, NULL },
	{ VSS_A_MEMBER_SNAPSHOT_UUID, UUID, 2, 0, NULL },
	{ VSS_A_MEMBER_LEVEL, U32, 20, 0, NULL },
	{ 0 },
};

static const struct node freeze[] = {
	{ VSS_A_FREEZE_FD, FD, 100, 0, NULL },
	{ VSS_A_FREEZE_LEVEL, U32, 30, 0, NULL },
	{ 0 },
};

static const struct node set_prepare[] = {
	{ VSS_A_SET_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SET_FLAGS, U32, 30, 0, NULL },
	{ VSS_A_SET_HOLD_TIMEOUT_MS, TIMEOUT, 95, 0, NULL },
	{ VSS_A_SET_FREEZE_TIMEOUT_MS, TIMEOUT, 95, 0, NULL },
	{ VSS_A_SET_MEMBER, NEST, 100, 3, member },
	{ VSS_A_SET_FREEZE, NEST, 20, 2, freeze },
	{ 0 },
};

static const struct node set_hold[] = {
	{ VSS_A_SET_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SET_FLAGS, U32, 30, 0, NULL },
	{ VSS_A_SET_HOLD_TIMEOUT_MS, TIMEOUT, 95, 0, NULL },
	{ VSS_A_SET_FREEZE_TIMEOUT_MS, TIMEOUT, 95, 0, NULL },
	{ VSS_A_SET_MEMBER, NEST, 100, 2, member_held },
	{ VSS_A_SET_MEMBER, NEST, 40, 2, member },
	{ VSS_A_SET_FREEZE, NEST, 20, 2, freeze },
	{ 0 },
};

static const struct node set_step[] = {
	{ VSS_A_SET_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SET_STATE, STATE, 100, 0, NULL },
	{ 0 },
};

static const struct node set_uuid[] = {
	{ VSS_A_SET_UUID, UUID, 100, 0, NULL },
	{ 0 },
};

static const struct node snapshot_get[] = {
	{ VSS_A_SNAPSHOT_UUID, UUID, 100, 0, NULL },
	{ 0 },
};

static const struct node snapshot_list[] = {
	{ VSS_A_SNAPSHOT_SET_UUID, UUID, 50, 0, NULL },
	{ VSS_A_SNAPSHOT_MAJOR, MAJOR, 50, 0, NULL },
	{ VSS_A_SNAPSHOT_MINOR, MINOR, 50, 0, NULL },
	{ 0 },
};

static const struct node snapshot_set[] = {
	{ VSS_A_SNAPSHOT_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SNAPSHOT_FLAGS, U32, 100, 0, NULL },
	{ 0 },
};

static const struct node snapshot_delete[] = {
	{ VSS_A_SNAPSHOT_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SNAPSHOT_FORCE, FLAG, 50, 0, NULL },
	{ 0 },
};

static const struct node snapshot_delete_set[] = {
	{ VSS_A_SNAPSHOT_SET_UUID, UUID, 100, 0, NULL },
	{ VSS_A_SNAPSHOT_FORCE, FLAG, 50, 0, NULL },
	{ 0 },
};

/* Weights: what is slow (a grace period) or leads nowhere comes seldom. */
static const struct command {
	uint8_t cmd;
	bool dump;
	unsigned int weight;
	uint16_t top;
	const struct node *nodes;
} commands[] = {
	{ VSS_CMD_MODULE_GET, false, 2, 0, NULL },
	{ VSS_CMD_MODULE_TEST, false, 1, 0, NULL },
	{ VSS_CMD_VOLUME_ATTACH, false, 6, VSS_A_VOLUME, attach },
	{ VSS_CMD_VOLUME_DETACH, false, 2, VSS_A_VOLUME, detach },
	{ VSS_CMD_VOLUME_GET, false, 3, VSS_A_VOLUME, device },
	{ VSS_CMD_VOLUME_GET, true, 2, 0, NULL },
	{ VSS_CMD_VOLUME_SET, false, 4, VSS_A_VOLUME, volume_set },
	{ VSS_CMD_AREA_ADD, false, 8, VSS_A_AREA, area_device },
	{ VSS_CMD_AREA_ADD, false, 6, VSS_A_AREA, area_file },
	{ VSS_CMD_AREA_EXTENTS, false, 8, VSS_A_AREA, area_extents },
	{ VSS_CMD_AREA_REMOVE, false, 3, VSS_A_AREA, area_remove },
	{ VSS_CMD_AREA_GET, true, 3, VSS_A_AREA, area_get },
	{ VSS_CMD_SET_PREPARE, false, 20, VSS_A_SET, set_prepare },
	{ VSS_CMD_SET_PREPARE, false, 4, VSS_A_SET, set_hold },
	{ VSS_CMD_SET_STEP, false, 20, VSS_A_SET, set_step },
	{ VSS_CMD_SET_ABORT, false, 2, VSS_A_SET, set_uuid },
	{ VSS_CMD_SET_GET, false, 3, VSS_A_SET, set_uuid },
	{ VSS_CMD_SET_GET, true, 2, 0, NULL },
	{ VSS_CMD_SNAPSHOT_GET, false, 3, VSS_A_SNAPSHOT, snapshot_get },
	{ VSS_CMD_SNAPSHOT_GET, true, 3, VSS_A_SNAPSHOT, snapshot_list },
	{ VSS_CMD_SNAPSHOT_SET, false, 4, VSS_A_SNAPSHOT, snapshot_set },
	{ VSS_CMD_SNAPSHOT_DELETE, false, 4, VSS_A_SNAPSHOT, snapshot_delete },
	{ VSS_CMD_SNAPSHOT_DELETE, false, 2, VSS_A_SNAPSHOT, snapshot_delete_set },
	{ VSS_CMD_EVENT, false, 1, VSS_A_EVENT, NULL },
	{ 200, false, 1, 0, NULL },
};
#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

/* --------------------------------------------------------------------------
 * Chance
 */

struct fuzz {
	uint64_t random;
	dev_t devices[MAX_DEVICES];
	unsigned int device_count;
	int fds[MAX_FDS];
	unsigned int fd_count;
	unsigned char boot[VSS_UUID_SIZE];
	dev_t current;			/* MAJOR's choice, for MINOR */
	unsigned int damage;		/* percent of attributes that get some */
	int sock[2];
	uint16_t family;
	uint32_t seq;
	unsigned long sent, taken, refused, unanswered, bad;
	uint32_t mode;			/* of the area that the request asks for */
	unsigned long persistent;	/* requests for a persistent diff area that were taken */
	unsigned long loaded;		/* areas that were loaded between the requests */
	unsigned long by_errno[134];
	_Alignas(struct nlmsghdr) unsigned char data[32768];
	size_t size;
};

static uint64_t draw(struct fuzz *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

static unsigned int below(struct fuzz *f, unsigned int n)
{
	return (unsigned int)((draw(f) >> 20) % n);
}

static bool chance(struct fuzz *f, unsigned int percent)
{
	return below(f, 100) < percent;
}

/* Numbers near limits find more than any others. */
static uint64_t number(struct fuzz *f)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 511, 512, 513, 4095, 4096, 65536, 1 << 20, 16 << 20, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, INT64_MAX, (uint64_t)INT64_MIN,
		UINT64_MAX - 511, UINT64_MAX,
	};

	switch (below(f, 4)) {
	case 0:
		return draw(f);
	case 1:
		return below(f, 16);
	case 2:
		return (uint64_t)below(f, 65536) << 12;
	default:
		return edges[below(f, sizeof(edges) / sizeof(edges[0]))];
	}
}

/* --------------------------------------------------------------------------
 * Messages
 */

static void put(struct fuzz *f, const void *data, size_t size)
{
	if (!size || size > sizeof(f->data) - 64 - f->size)
		return;
	memcpy(f->data + f->size, data, size);
	f->size += size;
}

static size_t begin(struct fuzz *f, uint16_t type)
{
	struct nlattr attr = { .nla_len = 0, .nla_type = type };
	size_t start = f->size;

	put(f, &attr, sizeof(attr));
	return start;
}

static void end(struct fuzz *f, size_t start)
{
	static const unsigned char zero[NLA_ALIGNTO];
	struct nlattr *attr = (struct nlattr *)(f->data + start);

	attr->nla_len = (uint16_t)(f->size - start);
	put(f, zero, NLA_ALIGN(f->size) - f->size);
	/* The length lies. */
	if (chance(f, f->damage / 4))
		attr->nla_len = (uint16_t)number(f);
}

/* What begin_again() makes the area of a volume, or anything. */
static dev_t area_of(struct fuzz *f, dev_t volume)
{
	for (unsigned int i = 0; i < 2 && f->device_count >= 5; i++)
		if (f->devices[i] == volume)
			return f->devices[f->device_count - 2 - i];
	return f->devices[below(f, f->device_count)];
}

static size_t value(struct fuzz *f, enum kind kind, unsigned char data[64])
{
	uint64_t n = number(f);
	uint32_t u32;

	switch (kind) {
	case UUID:
		memset(data, 0x5a, VSS_UUID_SIZE);
		data[0] = chance(f, 95) ? (unsigned char)below(f, UUIDS) : (unsigned char)n;
		return VSS_UUID_SIZE;
	case BOOT:
		memset(data, chance(f, 50) ? 0 : 0xb0, VSS_UUID_SIZE);
		if (chance(f, 60))
			memcpy(data, f->boot, VSS_UUID_SIZE);
		return VSS_UUID_SIZE;
	case U64:
		memcpy(data, &n, sizeof(n));
		return sizeof(n);
	case DEVICE:
		f->current = f->devices[below(f, f->device_count)];
		if (chance(f, 95))
			n = (uint64_t)major(f->current) << 32 | minor(f->current);
		memcpy(data, &n, sizeof(n));
		return sizeof(n);
	case FLAG:
	case END:
	case NEST:
		return 0;
	case FD:
		u32 = f->fd_count && chance(f, 95) ? (uint32_t)f->fds[below(f, f->fd_count)] :
						     (uint32_t)n;
		break;
	case AREA_MAJOR:
	case MAJOR:
		f->current = kind == AREA_MAJOR && chance(f, 60) ? area_of(f, f->current) :
			     f->devices[below(f, f->device_count)];
		u32 = chance(f, 98) ? major(f->current) : (uint32_t)n;
		break;
	case MINOR:
		u32 = chance(f, 98) ? minor(f->current) : (uint32_t)n;
		break;
	case STATE:
		u32 = chance(f, 95) ? 1 + below(f, 4) : (uint32_t)n;
		break;
	case TIMEOUT:
		/* Short, or little else would happen meanwhile. */
		u32 = chance(f, 95) ? 1 + below(f, 300) : (uint32_t)n;
		break;
	case CHUNK:
		u32 = chance(f, 90) ? 4096u << below(f, 7) : (uint32_t)n;
		break;
	case MODE:
		/* One more than there are. */
		u32 = chance(f, 95) ? below(f, VSS_AREA_LOAD_CHECKED + 2) : (uint32_t)n;
		f->mode = u32;
		break;
	default:
		u32 = (uint32_t)(chance(f, 60) ? n & 1 : n);
		break;
	}
	memcpy(data, &u32, sizeof(u32));
	return sizeof(u32);
}

static void put_nodes(struct fuzz *f, const struct node *nodes, unsigned int depth);

static void put_node(struct fuzz *f, const struct node *node, unsigned int depth)
{
	bool damaged = chance(f, f->damage);
	uint16_t type = node->type;
	unsigned char data[64];
	size_t size, start;

	if (damaged && chance(f, 15))
		type = (uint16_t)below(f, 40);
	if (node->kind == NEST && !(damaged && chance(f, 40))) {
		start = begin(f, damaged && chance(f, 50) ? type : (uint16_t)(type | NLA_F_NESTED));
		put_nodes(f, node->inner, depth + 1);
		end(f, start);
		return;
	}
	size = value(f, node->kind, data);
	if (damaged) {
		switch (below(f, 5)) {
		case 0:
			size = below(f, (unsigned int)sizeof(data));
			for (size_t i = 0; i < size; i++)
				data[i] = (unsigned char)draw(f);
			break;
		case 1:
			size = size ? size - 1 : 1;
			break;
		case 2:
			return;		/* missing */
		case 3:
			type |= NLA_F_NESTED;
			break;
		default:
			/* A nest in place of a value, down to where the parser gives up. */
			start = begin(f, (uint16_t)(type | NLA_F_NESTED));
			if (depth < 20)
				put_node(f, node, depth + 1);
			end(f, start);
			return;
		}
		if (size > sizeof(data))
			size = sizeof(data);
	}
	start = begin(f, type);
	put(f, data, size);
	end(f, start);
}

static void put_nodes(struct fuzz *f, const struct node *nodes, unsigned int depth)
{
	static const unsigned char junk[] = { 1, 2, 3 };

	for (; nodes && nodes->kind != END; nodes++) {
		unsigned int n = nodes->most ? 1 + below(f, nodes->most) : 1;

		if (!chance(f, nodes->percent))
			continue;
		if (chance(f, f->damage / 2))
			n = below(f, 1200) ? n + 1 : 1200;
		while (n--)
			put_node(f, nodes, depth);
	}
	if (chance(f, f->damage / 4))
		put(f, junk, 1 + below(f, sizeof(junk)));
}

static void make(struct fuzz *f)
{
	const struct command *c = commands;
	struct nlmsghdr hdr = { .nlmsg_type = f->family };
	struct genlmsghdr genl = { .version = VSS_GENL_VERSION };
	unsigned int sum = 0, pick;
	size_t start;

	for (size_t i = 0; i < COMMANDS; i++)
		sum += commands[i].weight;
	pick = below(f, sum);
	while (pick >= c->weight)
		pick -= c++->weight;

	f->mode = VSS_AREA_VOLATILE;
	f->damage = chance(f, 40) ? 0 : 2 + below(f, 40);
	hdr.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (c->dump ? NLM_F_DUMP : 0));
	if (chance(f, f->damage / 4))
		hdr.nlmsg_flags ^= NLM_F_DUMP;
	hdr.nlmsg_seq = ++f->seq;
	genl.cmd = c->cmd;
	f->size = 0;
	put(f, &hdr, sizeof(hdr));
	put(f, &genl, sizeof(genl));
	if (c->top && !(f->damage && chance(f, 5))) {
		start = begin(f, (uint16_t)((chance(f, f->damage / 8) ? below(f, 10) : c->top) |
					    (chance(f, f->damage / 4) ? 0 : NLA_F_NESTED)));
		put_nodes(f, c->nodes, 1);
		end(f, start);
	}
	if (chance(f, f->damage / 2)) {
		/* Bits that are not the header's, so that it is still ours to be answered. */
		for (unsigned int n = 1 + below(f, 8); n && f->size > NLMSG_HDRLEN + 4; n--)
			f->data[NLMSG_HDRLEN + below(f, (unsigned int)(f->size - NLMSG_HDRLEN))] ^=
				(unsigned char)(1u << below(f, 8));
	}
	if (chance(f, f->damage / 4))
		f->size = NLMSG_HDRLEN + below(f, (unsigned int)(f->size - NLMSG_HDRLEN) + 1);
	((struct nlmsghdr *)f->data)->nlmsg_len = (uint32_t)f->size;
}

/* --------------------------------------------------------------------------
 * Sending
 */

static int open_socket(void)
{
	struct timeval patience = { .tv_sec = 60 };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return sock;
}

/* Reads to the end of the answer: its error, 0, or -1 if there is none. */
static int answer(struct fuzz *f, int sock)
{
	static _Alignas(struct nlmsghdr) unsigned char reply[65536];

	for (;;) {
		ssize_t left = recv(sock, reply, sizeof(reply), 0);
		struct nlmsghdr *hdr = (struct nlmsghdr *)reply;

		if (left < 0)
			return -1;
		for (; NLMSG_OK(hdr, left); hdr = NLMSG_NEXT(hdr, left)) {
			if (hdr->nlmsg_seq != f->seq)
				continue;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(hdr))->error;
			if (hdr->nlmsg_type == NLMSG_DONE)
				return hdr->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ?
					-*(int *)NLMSG_DATA(hdr) : 0;
		}
	}
}

static void print_bad(struct fuzz *f, const char *what, int error)
{
	printf("BAD: request %lu, command %u: %s (%d):", f->sent,
	       ((struct genlmsghdr *)(f->data + NLMSG_HDRLEN))->cmd, what, error);
	for (size_t i = 0; i < f->size && i < 256; i++)
		printf(" %02x", f->data[i]);
	putchar('\n');
	f->bad++;
}

static void send_one(struct fuzz *f, bool stranger)
{
	int sock = f->sock[below(f, 2)], error;

	if (send(sock, f->data, f->size, 0) < 0) {
		print_bad(f, "not sent", errno);
		return;
	}
	f->sent++;
	error = answer(f, sock);
	if (error < 0 && error == -1) {
		f->unanswered++;
		print_bad(f, "no answer", errno);
	} else if (error < 0 || error >= (int)(sizeof(f->by_errno) / sizeof(f->by_errno[0]))) {
		print_bad(f, "no errno of userspace's", error);
	} else if (!error && stranger) {
		print_bad(f, "a stranger's request was taken", 0);
	} else {
		f->by_errno[error]++;
		if (error)
			f->refused++;
		else
			f->taken++;
		if (!error && f->mode)
			f->persistent++;
	}
}

static void delete_all(struct vss_kernel *kernel)
{
	struct vss_kernel_volume *volumes = NULL;
	struct vss_kernel_set *sets = NULL;
	size_t count = 0;

	if (!vss_kernel_set_list(kernel, &sets, &count))
		for (size_t i = 0; i < count; i++)
			vss_kernel_set_abort(kernel, &sets[i].uuid);
	free(sets);
	count = 0;
	if (!vss_kernel_volume_list(kernel, &volumes, &count))
		for (size_t i = 0; i < count; i++)
			vss_kernel_volume_detach(kernel, volumes[i].dev, true);
	free(volumes);
}

/* One that was persistent when all was deleted is mostly loaded, with the snapshots it then had. */
static void begin_area(struct fuzz *f, struct vss_kernel *kernel, struct vss_devno volume,
		       struct vss_devno area)
{
	uint32_t mode = VSS_AREA_LOAD + below(f, VSS_AREA_LOAD_CHECKED - VSS_AREA_LOAD + 1);
	bool load = chance(f, 70), create = chance(f, 60);

	/* Or it is left to chance. */
	if (chance(f, 30))
		return;
	if (load && !vss_kernel_area_add_persistent(kernel, volume, area, mode, NULL))
		f->loaded++;
	else if (!create ||
		 vss_kernel_area_add_persistent(kernel, volume, area, VSS_AREA_CREATE, NULL))
		vss_kernel_area_add_device(kernel, volume, area, NULL);
}

/*
 * The first two devices as volumes whose areas are the last but one and the one before
 * that, most of the time: chance alone seldom gets far.
 */
static void begin_again(struct fuzz *f, struct vss_kernel *kernel)
{
	delete_all(kernel);
	for (unsigned int i = 0; i < 2 && f->device_count >= 5 && chance(f, 80); i++) {
		dev_t dev = f->devices[i], area = f->devices[f->device_count - 2 - i];
		struct vss_devno volume = { major(dev), minor(dev) };

		if (!vss_kernel_volume_attach(kernel, volume, 0, 0, NULL))
			begin_area(f, kernel, volume, (struct vss_devno){ major(area), minor(area) });
	}
}

static int run(struct fuzz *f, unsigned long count, struct vss_kernel *kernel)
{
	const unsigned long most = kernel && count >= WILL_LOAD ? 10 * count : count;

	f->sock[0] = open_socket();
	f->sock[1] = open_socket();
	if (f->sock[0] < 0 || f->sock[1] < 0)
		return -1;
	for (unsigned long i = 0; i < count && f->bad < 20; i++) {
		if (kernel && i % CLEAN_EVERY == 0)
			begin_again(f, kernel);
		make(f);
		send_one(f, !kernel);
		/* A set ends with its socket. */
		if (!below(f, 200)) {
			close(f->sock[1]);
			f->sock[1] = open_socket();
		}
		/* With one seed of a hundred it takes longer until an area is loaded. */
		if (i + 1 == count && count < most && !f->loaded)
			count += CLEAN_EVERY;
	}
	close(f->sock[0]);
	close(f->sock[1]);
	if (kernel)
		delete_all(kernel);
	return 0;
}

static bool report(const struct fuzz *f, const char *who)
{
	printf("%s: %lu requests, %lu taken, %lu refused, %lu bad;", who, f->sent, f->taken,
	       f->refused, f->bad);
	for (int e = 1; e < (int)(sizeof(f->by_errno) / sizeof(f->by_errno[0])); e++)
		if (f->by_errno[e])
			printf(" %s %lu", strerrorname_np(e), f->by_errno[e]);
	putchar('\n');
	return !f->bad;
}

/* In a child, as what it gives up cannot be had back. */
static bool run_stranger(const struct fuzz *parent, unsigned long count, bool container)
{
	struct fuzz *f;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		f = malloc(sizeof(*f));
		if (!f)
			_exit(1);
		*f = *parent;
		if (container ? unshare(CLONE_NEWUSER | CLONE_NEWNET) : setgid(65534) || setuid(65534)) {
			/* Of a kernel without such name spaces there is none to fear. */
			printf("cannot become a stranger: %s\n", strerror(errno));
			fflush(stdout);
			_exit(container && errno == EINVAL ? 0 : 1);
		}
		if (run(f, count, NULL))
			_exit(1);
		status = report(f, container ? "root of a container" : "an ordinary user") ? 0 : 1;
		fflush(stdout);
		_exit(status);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		!WEXITSTATUS(status);
}

/* The family's number: the first u16 attribute of the controller's answer. */
static int resolve(struct fuzz *f)
{
	static _Alignas(struct nlmsghdr) unsigned char reply[8192];
	struct genlmsghdr genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct nlmsghdr hdr = { .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST };
	int sock = open_socket();
	size_t start;
	ssize_t n;

	f->size = 0;
	put(f, &hdr, sizeof(hdr));
	put(f, &genl, sizeof(genl));
	start = begin(f, CTRL_ATTR_FAMILY_NAME);
	put(f, VSS_GENL_NAME, sizeof(VSS_GENL_NAME));
	end(f, start);
	((struct nlmsghdr *)f->data)->nlmsg_len = (uint32_t)f->size;
	if (sock < 0 || send(sock, f->data, f->size, 0) < 0)
		return -1;
	n = recv(sock, reply, sizeof(reply), 0);
	close(sock);
	for (ssize_t at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= n;) {
		const struct nlattr *attr = (const struct nlattr *)(reply + at);

		if (attr->nla_len < NLA_HDRLEN)
			break;
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID) {
			memcpy(&f->family, reply + at + NLA_HDRLEN, sizeof(f->family));
			return 0;
		}
		at += NLA_ALIGN(attr->nla_len);
	}
	return -1;
}

/* The name of this boot, as areas have it; zeroes if it cannot be read. */
static void read_boot(unsigned char boot[VSS_UUID_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[VSS_UUID_TEXT_SIZE];
	struct vss_uuid uuid;

	if (file && fgets(text, sizeof(text), file) && !vss_uuid_parse(text, &uuid))
		memcpy(boot, uuid.bytes, VSS_UUID_SIZE);
	if (file)
		fclose(file);
}

/* A descriptor to name, two places being left for main()'s own. */
static int add_fd(struct fuzz *f, const char *path, bool folder)
{
	int fd = folder ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) :
			  open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || f->fd_count + 3 > MAX_FDS ||
	    (!folder && (posix_fallocate(fd, 0, 4 << 20) || fsync(fd)))) {
		fprintf(stderr, "genl-fuzz: %s: %s\n", path, strerror(errno));
		return -1;
	}
	f->fds[f->fd_count++] = fd;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "folder", required_argument, NULL, 'd' },
		{ "file", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long count = 1000;
	uint64_t seed = (uint64_t)time(NULL);
	static struct fuzz f;
	struct vss_kernel *kernel;
	struct vss_error error;
	bool ok;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			count = strtoul(optarg, NULL, 0);
			break;
		case 'd':
		case 'f':
			if (add_fd(&f, optarg, opt == 'd'))
				return 2;
			break;
		default:
			return 2;
		}
	}
	for (; optind < argc && f.device_count < MAX_DEVICES; optind++) {
		struct stat st;

		if (stat(argv[optind], &st) || !S_ISBLK(st.st_mode)) {
			fprintf(stderr, "genl-fuzz: %s is no block device\n", argv[optind]);
			return 2;
		}
		f.devices[f.device_count++] = st.st_rdev;
	}
	if (!f.device_count) {
		fprintf(stderr, "usage: genl-fuzz [--seed N] [--count N] [--folder DIR]... [--file FILE]... "
			"DEVICE...\n");
		return 2;
	}
	printf("seed %llu\n", (unsigned long long)seed);
	f.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	/* A socket and a terminal's stand-in are descriptors too. */
	f.fds[f.fd_count++] = 0;
	f.fds[f.fd_count++] = open_socket();
	if (vss_kernel_open(&kernel, &error) || resolve(&f)) {
		fprintf(stderr, "genl-fuzz: no family vss\n");
		return 1;
	}
	read_boot(f.boot);
	ok = run_stranger(&f, count / 10, false);
	ok &= run_stranger(&f, count / 10, true);
	ok &= !run(&f, count - count / 10 * 2, kernel);
	ok &= report(&f, "root");
	printf("%lu requests for persistent diff areas taken, %lu areas loaded between them\n", f.persistent,
	       f.loaded);
	vss_kernel_close(kernel);
	/* Else nothing but refusals was tried. */
	ok &= f.taken > f.sent / 50;
	ok &= f.sent < WILL_LOAD || f.loaded;
	/* Chance alone makes one in a thousand, about. */
	ok &= f.sent < 20000 || f.persistent;
	return ok ? 0 : 1;
}

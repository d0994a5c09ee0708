/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer on the other side of a handle, in place of the kernel: it keeps what
 * was sent and answers what a test lays out.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kernel.h"
#include "transport.h"

#define FAKE_FAMILY	0x1234
#define FAKE_GROUP	77

struct fake_datagram {
	unsigned char data[16384];
	size_t size;
	int error;		/* to be returned instead */
};

struct fake_kernel {
	struct fake_datagram queue[32];
	size_t head, tail;
	unsigned char request[65536];	/* the last one sent */
	size_t request_size;
	unsigned int requests;
	uint32_t seq;			/* of the request being answered */
	uint32_t joined;
	bool closed;
	/* Called for each request; lays out the answer. */
	void (*answer)(struct fake_kernel *fake);
};

static inline struct nlmsghdr *fake_request(struct fake_kernel *fake)
{
	return (struct nlmsghdr *)fake->request;
}

static inline struct genlmsghdr *fake_genl(struct fake_kernel *fake)
{
	return nlmsg_data(fake_request(fake));
}

/* The one nest of a request. */
static inline struct nlattr *fake_nest(struct fake_kernel *fake, int type)
{
	return nlmsg_find_attr(fake_request(fake), GENL_HDRLEN, type);
}

static inline struct fake_datagram *fake_new(struct fake_kernel *fake)
{
	struct fake_datagram *d = &fake->queue[fake->tail++ % 32];

	memset(d, 0, sizeof(*d));
	return d;
}

/* Append a message to a datagram. */
static inline void fake_append(struct fake_datagram *d, struct nl_msg *msg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	memcpy(d->data + d->size, hdr, hdr->nlmsg_len);
	d->size += NLMSG_ALIGN(hdr->nlmsg_len);
	nlmsg_free(msg);
}

static inline struct nl_msg *fake_reply(uint32_t seq, uint16_t family, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);

	genlmsg_put(msg, 0, seq, family, 0, flags, cmd, 1);
	return msg;
}

/* An ack (error 0) or refusal, with an extended ack where @text or @offset say. */
static inline void fake_ack(struct fake_kernel *fake, int error, const char *text,
			    uint32_t offset)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);
	struct nlmsgerr err = { .error = error };
	int flags = NLM_F_CAPPED;

	if (text || offset)
		flags |= NLM_F_ACK_TLVS;
	nlmsg_put(msg, 0, fake->seq, NLMSG_ERROR, 0, flags);
	err.msg = *fake_request(fake);
	nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	if (text)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, text);
	if (offset)
		nla_put_u32(msg, NLMSGERR_ATTR_OFFS, offset);
	fake_append(fake_new(fake), msg);
}

static inline void fake_done(struct fake_kernel *fake, int error)
{
	struct nl_msg *msg = nlmsg_alloc();

	nlmsg_put(msg, 0, fake->seq, NLMSG_DONE, 0, NLM_F_MULTI);
	nlmsg_append(msg, &error, sizeof(error), NLMSG_ALIGNTO);
	fake_append(fake_new(fake), msg);
}

static inline void fake_answer_family(struct fake_kernel *fake)
{
	struct nl_msg *msg = fake_reply(fake->seq, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);
	struct nlattr *groups, *group;

	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, VSS_GENL_NAME);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	group = nla_nest_start(msg, 1);
	nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, VSS_GENL_MCGRP_EVENTS);
	nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, FAKE_GROUP);
	nla_nest_end(msg, group);
	nla_nest_end(msg, groups);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static inline int fake_send(void *ctx, const void *data, size_t size)
{
	struct fake_kernel *fake = ctx;

	memcpy(fake->request, data, size);
	fake->request_size = size;
	fake->requests++;
	fake->seq = fake_request(fake)->nlmsg_seq;
	if (fake_request(fake)->nlmsg_type == GENL_ID_CTRL && !fake->answer)
		fake_answer_family(fake);
	else if (fake->answer)
		fake->answer(fake);
	return 0;
}

static inline ssize_t fake_receive(void *ctx, void *data, size_t size)
{
	struct fake_kernel *fake = ctx;
	struct fake_datagram *d;

	if (fake->head == fake->tail)
		return -EAGAIN;
	d = &fake->queue[fake->head++ % 32];
	if (d->error)
		return d->error;
	if (d->size > size)
		return -EMSGSIZE;
	memcpy(data, d->data, d->size);
	return (ssize_t)d->size;
}

static inline int fake_join(void *ctx, unsigned int group)
{
	struct fake_kernel *fake = ctx;

	fake->joined = group;
	return 0;
}

static inline int fake_fd(void *ctx)
{
	(void)ctx;
	return 42;
}

static inline void fake_close(void *ctx)
{
	struct fake_kernel *fake = ctx;

	fake->closed = true;
}

static inline struct vss_transport fake_transport(struct fake_kernel *fake)
{
	return (struct vss_transport) {
		.send = fake_send,
		.receive = fake_receive,
		.join = fake_join,
		.fd = fake_fd,
		.close = fake_close,
		.ctx = fake,
	};
}

#endif /* TESTS_UNIT_FAKE_KERNEL_H */

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel handle: opening, and the exchange of a request for its replies.
 *
 * libnl's own receive loop is not used: it does not give access to extended
 * acks (libnl 3.7) and allocates for each datagram (see transport-netlink.c).
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attr-path.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"

/* Larger than any request or reply datagram of the family. */
#define MESSAGE_SIZE	65536

/* A dump that is interrupted more often than this is reported as busy. */
#define DUMP_RETRIES	32

/* How one pass over the replies of a request ended. */
struct answer {
	int error;		/* negative errno from the kernel, or 0 */
	bool interrupted;	/* NLM_F_DUMP_INTR was seen */
};

static struct nl_msg *begin(struct vss_kernel *kernel, uint16_t family, uint8_t cmd,
			    uint8_t version, int flags)
{
	struct nlmsghdr *hdr = nlmsg_hdr(kernel->request);

	/* Empty the message; libnl has no call for it. */
	memset(hdr, 0, NLMSG_HDRLEN);
	hdr->nlmsg_len = NLMSG_HDRLEN;
	genlmsg_put(kernel->request, 0, 0, family, 0, NLM_F_REQUEST | flags, cmd, version);
	return kernel->request;
}

struct nl_msg *vss_kernel_request(struct vss_kernel *kernel, enum vss_cmd cmd, bool dump)
{
	kernel->extack[0] = '\0';
	kernel->extack_attr[0] = '\0';
	return begin(kernel, kernel->family, (uint8_t)cmd, VSS_GENL_VERSION,
		     dump ? NLM_F_DUMP : NLM_F_ACK);
}

/* Keep the extended ack that follows @payload_size bytes of @hdr's payload. */
static void keep_extack(struct vss_kernel *kernel, struct nlmsghdr *hdr, size_t payload_size)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	size_t size = (size_t)nlmsg_datalen(hdr);

	payload_size = NLMSG_ALIGN(payload_size);
	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || size < payload_size)
		return;
	if (nla_parse(tb, NLMSGERR_ATTR_MAX,
		      (struct nlattr *)((char *)nlmsg_data(hdr) + payload_size),
		      (int)(size - payload_size), NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(kernel->extack, tb[NLMSGERR_ATTR_MSG], sizeof(kernel->extack));
	if (tb[NLMSGERR_ATTR_OFFS] && nla_len(tb[NLMSGERR_ATTR_OFFS]) >= (int)sizeof(uint32_t)) {
		vss_attr_path(nlmsg_hdr(kernel->request), nla_get_u32(tb[NLMSGERR_ATTR_OFFS]),
			      kernel->extack_attr, sizeof(kernel->extack_attr));
	} else if (tb[NLMSGERR_ATTR_MISS_TYPE] &&
		   nla_len(tb[NLMSGERR_ATTR_MISS_TYPE]) >= (int)sizeof(uint32_t)) {
		uint32_t nest = 0;

		if (tb[NLMSGERR_ATTR_MISS_NEST] &&
		    nla_len(tb[NLMSGERR_ATTR_MISS_NEST]) >= (int)sizeof(uint32_t))
			nest = nla_get_u32(tb[NLMSGERR_ATTR_MISS_NEST]);
		vss_attr_path_missing(nlmsg_hdr(kernel->request), nest,
				      nla_get_u32(tb[NLMSGERR_ATTR_MISS_TYPE]),
				      kernel->extack_attr, sizeof(kernel->extack_attr));
	}
}

/* An ack or the refusal of a request. */
static int take_error(struct vss_kernel *kernel, struct nlmsghdr *hdr, struct answer *answer)
{
	const struct nlmsgerr *error = nlmsg_data(hdr);
	size_t payload = sizeof(*error);

	if (nlmsg_datalen(hdr) < (int)sizeof(*error))
		return -EPROTO;
	/* Unless capped, the refused request's payload stands before the TLVs. */
	if (error->error && !(hdr->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < NLMSG_HDRLEN)
			return -EPROTO;
		payload += error->msg.nlmsg_len - NLMSG_HDRLEN;
	}
	keep_extack(kernel, hdr, payload);
	answer->error = error->error;
	return 0;
}

/* The end of a dump, which may carry an error too. */
static int take_done(struct vss_kernel *kernel, struct nlmsghdr *hdr, struct answer *answer)
{
	if (nlmsg_datalen(hdr) < (int)sizeof(int))
		return 0;
	memcpy(&answer->error, nlmsg_data(hdr), sizeof(int));
	if (answer->error > 0)
		answer->error = 0;
	if (answer->error)
		keep_extack(kernel, hdr, sizeof(int));
	return 0;
}

/*
 * Receive until the request is acknowledged, refused or its dump has ended.
 * Returns an error of the channel or of @reply; the kernel's goes to @answer.
 */
static int take_answer(struct vss_kernel *kernel, int max_attr, vss_reply_fn reply, void *arg,
		       struct answer *answer)
{
	uint32_t seq = nlmsg_hdr(kernel->request)->nlmsg_seq;
	bool first = true;
	int failed = 0;

	for (;;) {
		ssize_t n = kernel->transport.receive(kernel->transport.ctx, kernel->reply,
						      MESSAGE_SIZE);
		struct nlmsghdr *hdr = kernel->reply;
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
			struct nlattr *attrs[VSS_A_MAX + CTRL_ATTR_MAX + 1];

			/* Left over from a request that was given up. */
			if (hdr->nlmsg_seq != seq)
				continue;
			if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
				answer->interrupted = true;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return take_error(kernel, hdr, answer) ?: failed;
			if (hdr->nlmsg_type == NLMSG_DONE)
				return take_done(kernel, hdr, answer) ?: failed;
			if (hdr->nlmsg_type < NLMSG_MIN_TYPE)
				continue;
			if (!reply || failed)
				continue;
			/* Keep reading after a bad reply: the ack is still to come. */
			if (!genlmsg_valid_hdr(hdr, 0) ||
			    nla_parse(attrs, max_attr, genlmsg_attrdata(genlmsg_hdr(hdr), 0),
				      genlmsg_attrlen(genlmsg_hdr(hdr), 0), NULL) < 0)
				failed = -EPROTO;
			else
				failed = reply(attrs, first, arg);
			first = false;
		}
	}
}

static int exchange(struct vss_kernel *kernel, int max_attr, vss_reply_fn reply, void *arg,
		    int *kernel_error)
{
	struct nlmsghdr *hdr = nlmsg_hdr(kernel->request);
	int ret;

	*kernel_error = 0;
	for (int i = 0; i < DUMP_RETRIES; i++) {
		struct answer answer = { 0 };

		/* 0 is the sequence number of unsolicited messages. */
		if (++kernel->seq == 0)
			kernel->seq = 1;
		hdr->nlmsg_seq = kernel->seq;
		ret = kernel->transport.send(kernel->transport.ctx, hdr, hdr->nlmsg_len);
		if (ret)
			return ret;
		ret = take_answer(kernel, max_attr, reply, arg, &answer);
		if (ret)
			return ret;
		*kernel_error = answer.error;
		if (answer.error || !answer.interrupted)
			return 0;
	}
	return -EBUSY;
}

int vss_kernel_exchange(struct vss_kernel *kernel, const struct vss_subject *subject,
			vss_reply_fn reply, void *arg)
{
	struct genlmsghdr *genl = genlmsg_hdr(nlmsg_hdr(kernel->request));
	enum vss_cmd cmd = genl->cmd;
	int error;
	int ret;

	ret = exchange(kernel, VSS_A_MAX, reply, arg, &error) ?: error;
	return ret ? vss_kernel_fail(kernel, cmd, subject, ret) : 0;
}

int vss_kernel_request_too_long(struct vss_kernel *kernel, const struct vss_subject *subject)
{
	enum vss_cmd cmd = genlmsg_hdr(nlmsg_hdr(kernel->request))->cmd;

	return vss_kernel_fail(kernel, cmd, subject, -EMSGSIZE);
}

/* Ids that the generic netlink controller gave to our family. */
static int take_family(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_kernel *kernel = arg;
	struct nlattr *group;
	int left;

	(void)first;
	if (!attrs[CTRL_ATTR_FAMILY_ID] || nla_len(attrs[CTRL_ATTR_FAMILY_ID]) < 2)
		return -EPROTO;
	kernel->family = nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	if (!attrs[CTRL_ATTR_MCAST_GROUPS])
		return 0;
	nla_for_each_nested(group, attrs[CTRL_ATTR_MCAST_GROUPS], left) {
		struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

		if (nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, group, NULL) < 0)
			return -EPROTO;
		if (tb[CTRL_ATTR_MCAST_GRP_NAME] && tb[CTRL_ATTR_MCAST_GRP_ID] &&
		    nla_len(tb[CTRL_ATTR_MCAST_GRP_ID]) >= 4 &&
		    !nla_strcmp(tb[CTRL_ATTR_MCAST_GRP_NAME], VSS_GENL_MCGRP_EVENTS))
			kernel->events_group = nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

static int resolve_family(struct vss_kernel *kernel, struct vss_error *err)
{
	struct nl_msg *msg = begin(kernel, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, NLM_F_ACK);
	int error;
	int ret;

	if (nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, VSS_GENL_NAME) < 0)
		return vss_error_errno(err, -EMSGSIZE, "cannot ask for the netlink family");
	ret = exchange(kernel, CTRL_ATTR_MAX, take_family, kernel, &error);
	if (ret)
		return vss_error_errno(err, ret, "cannot talk to the kernel over netlink: %s",
				       strerror(-ret));
	if (error == -ENOENT && !access("/sys/module/vss", F_OK))
		return vss_error_errno(err, -EPERM,
				       "the kernel module vss is loaded but not reachable from "
				       "this network namespace; run outside of any container");
	if (error == -ENOENT)
		return vss_error_set(err, -ENOENT, VSS_E_PROVIDER_NOT_REGISTERED,
				     "the kernel module vss is not loaded; load it with "
				     "'modprobe vss', or see 'vssctl doctor'");
	if (error)
		return vss_error_errno(err, error, "cannot look up the netlink family \"%s\": %s",
				       VSS_GENL_NAME, strerror(-error));
	return 0;
}

int vss_kernel_open_transport(struct vss_kernel **kernel,
			      const struct vss_transport *transport, struct vss_error *err)
{
	struct vss_kernel *k = calloc(1, sizeof(*k));
	int ret = -ENOMEM;

	if (!k) {
		transport->close(transport->ctx);
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	k->transport = *transport;
	k->request = nlmsg_alloc_size(MESSAGE_SIZE);
	k->reply = malloc(MESSAGE_SIZE);
	if (!k->request || !k->reply)
		vss_error_errno(err, ret, "out of memory");
	else
		ret = resolve_family(k, err);
	if (ret) {
		vss_kernel_close(k);
		return ret;
	}
	*kernel = k;
	return 0;
}

int vss_kernel_open(struct vss_kernel **kernel, struct vss_error *err)
{
	struct vss_transport transport;
	int ret;

	ret = vss_transport_open_netlink(&transport, 0);
	if (ret)
		return vss_error_errno(err, ret, "cannot open a netlink socket: %s",
				       strerror(-ret));
	return vss_kernel_open_transport(kernel, &transport, err);
}

void vss_kernel_close(struct vss_kernel *kernel)
{
	if (!kernel)
		return;
	kernel->transport.close(kernel->transport.ctx);
	nlmsg_free(kernel->request);
	free(kernel->reply);
	free(kernel);
}

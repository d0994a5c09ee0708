// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_EVENT: the multicast group "events".
 *
 * A subscription has a socket of its own, so that events never mix with the
 * replies that a handle waits for.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "kernel-events.h"
#include "kernel.h"
#include "parse.h"

#define DATAGRAM_SIZE	8192

struct vss_kernel_events {
	struct vss_transport transport;
	uint16_t family;
	/* A datagram, and what of it has not been taken yet. */
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM_SIZE];
	struct nlmsghdr *next;
	int left;
};

int vss_kernel_events_open_transport(struct vss_kernel_events **events, uint16_t family,
				     uint32_t group, const struct vss_transport *transport,
				     struct vss_error *err)
{
	struct vss_kernel_events *e = calloc(1, sizeof(*e));
	int ret;

	if (!e) {
		transport->close(transport->ctx);
		return vss_error_errno(err, -ENOMEM, "out of memory");
	}
	e->transport = *transport;
	e->family = family;
	ret = e->transport.join(e->transport.ctx, group);
	if (ret) {
		vss_kernel_events_close(e);
		return vss_error_errno(err, ret, "cannot subscribe to events: %s",
				       ret == -EPERM ? "permission denied; run as root" :
						       strerror(-ret));
	}
	*events = e;
	return 0;
}

int vss_kernel_events_open(struct vss_kernel_events **events, struct vss_error *err)
{
	struct vss_transport transport;
	struct vss_kernel *kernel;
	uint16_t family;
	uint32_t group;
	int ret;

	ret = vss_kernel_open(&kernel, err);
	if (ret)
		return ret;
	family = kernel->family;
	group = kernel->events_group;
	vss_kernel_close(kernel);
	if (!group)
		return vss_error_errno(err, -EPROTO, "the kernel module has no event group");
	ret = vss_transport_open_netlink(&transport, 1);
	if (ret)
		return vss_error_errno(err, ret, "cannot open a netlink socket: %s",
				       strerror(-ret));
	return vss_kernel_events_open_transport(events, family, group, &transport, err);
}

void vss_kernel_events_close(struct vss_kernel_events *events)
{
	if (!events)
		return;
	events->transport.close(events->transport.ctx);
	free(events);
}

int vss_kernel_events_fd(const struct vss_kernel_events *events)
{
	return events->transport.fd(events->transport.ctx);
}

/* Parse one message.  1: it is not an event. */
static int take_event(struct vss_kernel_events *events, struct nlmsghdr *hdr,
		      struct vss_kernel_event *event)
{
	struct nlattr *attrs[VSS_A_MAX + 1];

	if (hdr->nlmsg_type != events->family || !genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_hdr(hdr)->cmd != VSS_CMD_EVENT)
		return 1;
	if (nla_parse(attrs, VSS_A_MAX, genlmsg_attrdata(genlmsg_hdr(hdr), 0),
		      genlmsg_attrlen(genlmsg_hdr(hdr), 0), NULL) < 0 || !attrs[VSS_A_EVENT])
		return -EPROTO;
	return vss_parse_event(attrs[VSS_A_EVENT], event);
}

int vss_kernel_events_next(struct vss_kernel_events *events, struct vss_kernel_event *event)
{
	for (;;) {
		ssize_t n;

		while (nlmsg_ok(events->next, events->left)) {
			struct nlmsghdr *hdr = events->next;
			int ret;

			events->next = nlmsg_next(hdr, &events->left);
			ret = take_event(events, hdr, event);
			if (ret <= 0)
				return ret;
		}
		n = events->transport.receive(events->transport.ctx, events->datagram,
					      sizeof(events->datagram));
		if (n < 0)
			return (int)n;
		events->next = (struct nlmsghdr *)events->datagram;
		events->left = (int)n;
	}
}

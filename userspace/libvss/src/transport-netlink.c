// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The real transport: a generic netlink socket of libnl.
 *
 * Datagrams are received into the caller's buffer instead of libnl's own,
 * which is allocated anew each time: nothing may be allocated while file
 * systems are frozen, for reclaim could wait for one of them.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

/* Room for the replies of a long dump or a burst of events. */
#define RECEIVE_BUFFER	(1 << 20)

static int netlink_fd(void *ctx)
{
	return nl_socket_get_fd(ctx);
}

static int netlink_send(void *ctx, const void *data, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do {
		n = sendto(netlink_fd(ctx), data, size, 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static ssize_t netlink_receive(void *ctx, void *data, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	for (;;) {
		ssize_t n = recvmsg(netlink_fd(ctx), &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Any process can send to our address; only the kernel is port 0. */
		if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if (msg.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return n;
	}
}

static int netlink_join(void *ctx, unsigned int group)
{
	int fd = netlink_fd(ctx);

	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

static void netlink_close(void *ctx)
{
	nl_socket_free(ctx);
}

int vss_transport_open_netlink(struct vss_transport *transport, int nonblock)
{
	struct nl_sock *sock = nl_socket_alloc();
	int one = 1;
	int ret;

	if (!sock)
		return -ENOMEM;
	ret = nl_connect(sock, NETLINK_GENERIC);
	if (ret < 0) {
		ret = errno ? -errno : -EPROTO;
		goto fail;
	}
	/* A kernel's default buffer is enough when ours is above the limit. */
	nl_socket_set_buffer_size(sock, RECEIVE_BUFFER, 0);
	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		       sizeof(one)) < 0) {
		ret = -errno;
		goto fail;
	}
	if (nonblock && nl_socket_set_nonblocking(sock) < 0) {
		ret = -errno;
		goto fail;
	}
	*transport = (struct vss_transport) {
		.send = netlink_send,
		.receive = netlink_receive,
		.join = netlink_join,
		.fd = netlink_fd,
		.close = netlink_close,
		.ctx = sock,
	};
	return 0;
fail:
	nl_socket_free(sock);
	return ret;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel that netlink messages travel on: a socket in real life, a
 * scripted peer in unit tests.
 */
#ifndef VSS_SRC_TRANSPORT_H
#define VSS_SRC_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

struct vss_transport {
	/* Send one datagram.  0 or a negative errno. */
	int (*send)(void *ctx, const void *data, size_t size);
	/*
	 * Receive one datagram into @data.  Its size, or a negative errno:
	 * -EMSGSIZE when it did not fit.
	 */
	ssize_t (*receive)(void *ctx, void *data, size_t size);
	/* Join a multicast group. */
	int (*join)(void *ctx, unsigned int group);
	/* The descriptor to poll, or -1. */
	int (*fd)(void *ctx);
	void (*close)(void *ctx);
	void *ctx;
};

/*
 * Open a generic netlink socket.  With @nonblock, receive gives -EAGAIN
 * instead of waiting.
 */
int vss_transport_open_netlink(struct vss_transport *transport, int nonblock);

#endif /* VSS_SRC_TRANSPORT_H */

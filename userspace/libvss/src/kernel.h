/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the kernel handle: how one request becomes one exchange.
 *
 * A command is built in the handle's own message (vss_kernel_request()), sent
 * and answered by vss_kernel_exchange(), which calls a function for each reply
 * and turns a failure into the handle's error record.
 */
#ifndef VSS_SRC_KERNEL_H
#define VSS_SRC_KERNEL_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <vss/kernel.h>

#include "transport.h"

/* What a request is about: for its error sentence. */
struct vss_subject {
	enum {
		VSS_SUBJECT_NONE,
		VSS_SUBJECT_DEVICE,
		VSS_SUBJECT_UUID,
	} kind;
	struct vss_devno dev;
	struct vss_uuid uuid;
};

#define VSS_SUBJECT_DEV(d)	(&(struct vss_subject) { .kind = VSS_SUBJECT_DEVICE, .dev = (d) })
#define VSS_SUBJECT_ID(u)	(&(struct vss_subject) { .kind = VSS_SUBJECT_UUID, .uuid = *(u) })

struct vss_kernel {
	struct vss_transport transport;
	uint16_t family;
	uint32_t events_group;
	uint32_t seq;
	struct nl_msg *request;		/* reused for every command */
	void *reply;			/* one datagram */
	struct vss_error error;
	char extack[256];
	char extack_attr[128];
};

/*
 * Called with the attributes at the top level of one reply, and whether it is
 * the first one of a dump (also of a dump that is read again).
 */
typedef int (*vss_reply_fn)(struct nlattr *const *attrs, bool first, void *arg);

/* Open a handle on a transport, which it owns from then on, even on failure. */
int vss_kernel_open_transport(struct vss_kernel **kernel,
			      const struct vss_transport *transport, struct vss_error *err);

/* Begin the request of @cmd in the handle's message.  @dump: NLM_F_DUMP. */
struct nl_msg *vss_kernel_request(struct vss_kernel *kernel, enum vss_cmd cmd, bool dump);

/* Send the handle's message and take all replies. */
int vss_kernel_exchange(struct vss_kernel *kernel, const struct vss_subject *subject,
			vss_reply_fn reply, void *arg);

/* The request did not fit in the message: record and return that. */
int vss_kernel_request_too_long(struct vss_kernel *kernel, const struct vss_subject *subject);

/* Fill in the error record for @code of @cmd. */
int vss_kernel_fail(struct vss_kernel *kernel, enum vss_cmd cmd,
		    const struct vss_subject *subject, int code);

/* The VSS result code for an errno of a command. */
vss_result vss_kernel_result_of(enum vss_cmd cmd, int code);

#endif /* VSS_SRC_KERNEL_H */

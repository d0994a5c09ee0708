// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_SET_*: snapshot sets in creation.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel.h"
#include "list.h"
#include "parse.h"

static int take_set(struct nlattr *const *attrs, bool first, void *arg)
{
	(void)first;
	if (!attrs[VSS_A_SET])
		return -EPROTO;
	return vss_parse_set(attrs[VSS_A_SET], arg);
}

/* A request about one set; the nest is left open in @nest. */
static struct nl_msg *set_request(struct vss_kernel *kernel, enum vss_cmd cmd,
				  const struct vss_uuid *uuid, struct nlattr **nest)
{
	struct nl_msg *msg = vss_kernel_request(kernel, cmd, false);

	*nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_SET);
	if (!*nest || nla_put(msg, VSS_A_SET_UUID, VSS_UUID_SIZE, uuid->bytes) < 0)
		return NULL;
	return msg;
}

static int put_member(struct nl_msg *msg, const struct vss_kernel_member *member)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_SET_MEMBER);

	if (!nest || nla_put_u32(msg, VSS_A_MEMBER_MAJOR, member->dev.major) < 0 ||
	    nla_put_u32(msg, VSS_A_MEMBER_MINOR, member->dev.minor) < 0 ||
	    (member->hold_only ?
	     nla_put_flag(msg, VSS_A_MEMBER_HOLD_ONLY) :
	     nla_put(msg, VSS_A_MEMBER_SNAPSHOT_UUID, VSS_UUID_SIZE,
		     member->snapshot.bytes)) < 0 ||
	    nla_put_u32(msg, VSS_A_MEMBER_LEVEL, member->level) < 0)
		return -EMSGSIZE;
	nla_nest_end_keep_empty(msg, nest);
	return 0;
}

static int put_freeze(struct nl_msg *msg, const struct vss_kernel_freeze *freeze)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_SET_FREEZE);

	if (!nest || nla_put_s32(msg, VSS_A_FREEZE_FD, freeze->fd) < 0 ||
	    nla_put_u32(msg, VSS_A_FREEZE_LEVEL, freeze->level) < 0)
		return -EMSGSIZE;
	nla_nest_end_keep_empty(msg, nest);
	return 0;
}

static int put_request(struct nl_msg *msg, const struct vss_kernel_set_request *request)
{
	if ((request->flags && nla_put_u32(msg, VSS_A_SET_FLAGS, request->flags) < 0) ||
	    (request->hold_timeout_ms &&
	     nla_put_u32(msg, VSS_A_SET_HOLD_TIMEOUT_MS, request->hold_timeout_ms) < 0) ||
	    (request->freeze_timeout_ms &&
	     nla_put_u32(msg, VSS_A_SET_FREEZE_TIMEOUT_MS, request->freeze_timeout_ms) < 0))
		return -EMSGSIZE;
	for (size_t i = 0; i < request->member_count; i++)
		if (put_member(msg, &request->members[i]))
			return -EMSGSIZE;
	for (size_t i = 0; i < request->freeze_count; i++)
		if (put_freeze(msg, &request->freezes[i]))
			return -EMSGSIZE;
	return 0;
}

int vss_kernel_set_prepare(struct vss_kernel *kernel,
			   const struct vss_kernel_set_request *request,
			   struct vss_kernel_set *set)
{
	struct nlattr *nest;
	struct nl_msg *msg = set_request(kernel, VSS_CMD_SET_PREPARE, &request->uuid, &nest);

	if (!msg || put_request(msg, request))
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(&request->uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(&request->uuid),
				   set ? take_set : NULL, set);
}

/*
 * A deadline passed: was it the freeze's or the hold's?  The set still knows,
 * for it stays around in state FAILED.  The error record of the step is kept.
 */
static void tell_deadline(struct vss_kernel *kernel, const struct vss_uuid *uuid)
{
	struct vss_error error = kernel->error;
	struct vss_kernel_set set;

	if (!vss_kernel_set_get(kernel, uuid, &set) && set.hold_usec)
		error.result = VSS_E_HOLD_WRITES_TIMEOUT;
	kernel->error = error;
}

int vss_kernel_set_step(struct vss_kernel *kernel, const struct vss_uuid *uuid,
			enum vss_set_state state, struct vss_kernel_set *set)
{
	struct nlattr *nest;
	struct nl_msg *msg = set_request(kernel, VSS_CMD_SET_STEP, uuid, &nest);
	int ret;

	if (!msg || nla_put_u32(msg, VSS_A_SET_STATE, state) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	ret = vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid), set ? take_set : NULL, set);
	if (ret == -ETIMEDOUT)
		tell_deadline(kernel, uuid);
	return ret;
}

int vss_kernel_set_abort(struct vss_kernel *kernel, const struct vss_uuid *uuid)
{
	struct nlattr *nest;
	struct nl_msg *msg = set_request(kernel, VSS_CMD_SET_ABORT, uuid, &nest);

	if (!msg)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid), NULL, NULL);
}

int vss_kernel_set_get(struct vss_kernel *kernel, const struct vss_uuid *uuid,
		       struct vss_kernel_set *set)
{
	struct nlattr *nest;
	struct nl_msg *msg = set_request(kernel, VSS_CMD_SET_GET, uuid, &nest);

	if (!msg)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_ID(uuid));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_ID(uuid), take_set, set);
}

static int list_set(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_list *list = arg;
	struct vss_kernel_set *set;

	if (first)
		list->count = 0;
	set = vss_list_add(list);
	if (!set)
		return -ENOMEM;
	return take_set(attrs, first, set);
}

int vss_kernel_set_list(struct vss_kernel *kernel, struct vss_kernel_set **sets,
			size_t *count)
{
	struct vss_list list = { .item_size = sizeof(**sets) };
	int ret;

	vss_kernel_request(kernel, VSS_CMD_SET_GET, true);
	ret = vss_kernel_exchange(kernel, NULL, list_set, &list);
	if (ret) {
		free(list.items);
		return ret;
	}
	*sets = list.items;
	*count = list.count;
	return 0;
}

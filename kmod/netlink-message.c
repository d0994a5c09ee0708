// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all netlink commands share: checking requests, building replies, dumps.
 */
#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "compat.h"
#include "netlink-internal.h"
#include "volume.h"

/*
 * The longest message of a dump: a part of an area with the path of its file.
 * The caller's buffer must be as large.
 */
#define DUMP_ALLOC	8192

/* Counts changes of the lists that can be dumped; never 0. */
static unsigned int generation = 1;

struct netlink_range_validation vss_nl_major_range = {
	.max = (1U << (32 - MINORBITS)) - 1,
};

struct netlink_range_validation vss_nl_minor_range = {
	.max = MINORMASK,
};

/*
 * Checking and reading requests
 */

/* May the sender of this message use the family at all? */
static int check_caller(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	/* Without .netnsok the core refuses this already; it must stay so. */
	if (!net_eq(sock_net(skb->sk), &init_net)) {
		NL_SET_ERR_MSG(extack, "the socket is not in the initial network namespace");
		return -EPERM;
	}
	/* Looks at the sender and at who opened the socket. */
	if (!netlink_capable(skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "CAP_SYS_ADMIN in the initial user namespace is needed");
		return -EPERM;
	}
	return 0;
}

/*
 * For types that passed validation, where the last of several would win
 * unseen.
 */
static int check_twice(const struct nlattr *head, int len, u32 repeated,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	u32 seen = 0;
	int rem;

	nla_for_each_attr(attr, head, len, rem) {
		u32 bit = BIT(nla_type(attr));

		if (seen & bit & ~repeated) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "attribute given twice");
			return -EINVAL;
		}
		seen |= bit;
	}
	return 0;
}

static int check_top(const struct nlmsghdr *nlh,
		     struct netlink_ext_ack *extack)
{
	return check_twice(nlmsg_attrdata(nlh, GENL_HDRLEN),
			   nlmsg_attrlen(nlh, GENL_HDRLEN), 0, extack);
}

/**
 * vss_nl_pre_doit() - .pre_doit of the family: before every command but dumps
 * @op:		the command
 * @skb:	the request
 * @info:	about it
 *
 * With vss_nl_dump_start() it makes sure that no command runs for those who
 * may not use it.
 *
 * Return: 0 or a negative errno.
 */
int vss_nl_pre_doit(const vss_genl_op *op, struct sk_buff *skb,
		    struct genl_info *info)
{
	return check_caller(skb, info->extack) ?:
		check_top(info->nlhdr, info->extack);
}

/**
 * vss_nl_parse_nest() - read the attributes of a nest
 * @tb:		set to the attributes by type; has @nest->max + 1 elements
 * @attr:	the nest
 * @nest:	what it takes, all of whose rules are enforced
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_nl_parse_nest(struct nlattr **tb, const struct nlattr *attr,
		      const struct vss_nl_nest *nest,
		      struct netlink_ext_ack *extack)
{
	int type, err;

	err = nla_parse_nested(tb, nest->max, attr, nest->policy, extack);
	if (err)
		return err;
	err = check_twice(nla_data(attr), nla_len(attr), nest->repeated,
			  extack);
	if (err)
		return err;
	for (type = 1; type <= nest->max; type++) {
		if ((nest->required & BIT(type)) && !tb[type]) {
			NL_SET_ERR_ATTR_MISS(extack, attr, type);
			NL_SET_ERR_MSG(extack,
				       "a required attribute is missing");
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * vss_nl_parse() - read the attributes of a command
 * @tb:		set to them by type; has @nest->max + 1 elements
 * @info:	the request
 * @nest:	what it takes
 *
 * Return: 0 or a negative errno.
 */
int vss_nl_parse(struct nlattr **tb, struct genl_info *info,
		 const struct vss_nl_nest *nest)
{
	if (GENL_REQ_ATTR_CHECK(info, nest->attr)) {
		NL_SET_ERR_MSG(info->extack,
			       "the command's nest of attributes is missing");
		return -EINVAL;
	}
	return vss_nl_parse_nest(tb, info->attrs[nest->attr], nest,
				 info->extack);
}

/**
 * vss_nl_lock() - take vss_mutex
 * @extack:	set on errors
 *
 * Return: 0 or -EINTR.
 */
int vss_nl_lock(struct netlink_ext_ack *extack)
{
	int err = mutex_lock_killable(&vss_mutex);

	if (err)
		NL_SET_ERR_MSG(extack, "killed while waiting for other commands");
	return err;
}

/**
 * vss_nl_unlock() - drop vss_mutex
 */
void vss_nl_unlock(void)
{
	mutex_unlock(&vss_mutex);
}

/**
 * vss_nl_find_volume() - the tracked volume that a request names
 * @major:	attribute with its device's major number
 * @minor:	attribute with the minor number
 * @extack:	set on errors
 *
 * Return: the volume or ERR_PTR(-ENODEV).
 */
struct vss_volume *vss_nl_find_volume(const struct nlattr *major,
				      const struct nlattr *minor,
				      struct netlink_ext_ack *extack)
{
	struct vss_volume *vol = vss_volume_find(vss_nl_get_dev(major, minor));

	if (!vol) {
		NL_SET_ERR_MSG_ATTR(extack, major, "the volume is not tracked");
		return ERR_PTR(-ENODEV);
	}
	return vol;
}

/*
 * Building replies
 */

/**
 * vss_nl_reply_begin() - allocate a reply
 * @reply:	set
 * @info:	the request
 * @payload:	most bytes that it will have
 *
 * Return: 0, or a negative errno: vss_nl_reply_end() is not to be called then.
 */
int vss_nl_reply_begin(struct vss_nl_reply *reply, struct genl_info *info,
		       size_t payload)
{
	reply->skb = genlmsg_new(payload, GFP_KERNEL);
	if (!reply->skb)
		return -ENOMEM;
	reply->hdr = genlmsg_put_reply(reply->skb, info, &vss_genl_family, 0,
				       info->genlhdr->cmd);
	if (!reply->hdr) {
		nlmsg_free(reply->skb);
		return -EMSGSIZE;
	}
	return 0;
}

/**
 * vss_nl_reply_end() - send a reply, or drop it because the command failed
 * @reply:	the reply
 * @info:	the request
 * @err:	0 or what the command failed with
 *
 * Return: 0 or a negative errno, for the command to return.
 */
int vss_nl_reply_end(struct vss_nl_reply *reply, struct genl_info *info,
		     int err)
{
	/* A reply is allocated as large as it may become. */
	WARN_ON_ONCE(err == -EMSGSIZE);
	if (err) {
		nlmsg_free(reply->skb);
		return err;
	}
	genlmsg_end(reply->skb, reply->hdr);
	return genlmsg_reply(reply->skb, info);
}

/**
 * vss_nl_put_name() - put a device's name, as in /sys/class/block
 * @skb:	the message
 * @attr:	type of the attribute
 * @bdev:	the device
 *
 * Return: 0 or -EMSGSIZE.
 */
int vss_nl_put_name(struct sk_buff *skb, int attr, struct block_device *bdev)
{
	char name[BDEVNAME_SIZE + 16];

	snprintf(name, sizeof(name), "%pg", bdev);
	return nla_put_string(skb, attr, name);
}

/*
 * Dumps
 *
 * A dump goes on where the last message ended by the numbers of the objects
 * in their lists.  A change between two messages may make it skip or repeat
 * some, but that is told to the caller by NLM_F_DUMP_INTR.
 */

/**
 * vss_nl_dump_start() - .start of every dump, as .pre_doit is of other commands
 * @cb:		the dump
 *
 * Return: 0 or a negative errno.
 */
int vss_nl_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = DUMP_ALLOC;
	return check_caller(cb->skb, cb->extack);
}

/**
 * vss_nl_parse_dump() - read the attributes of a dump's request
 * @tb:		set to them by type; has @nest->max + 1 elements
 * @cb:		the dump
 * @nest:	what it takes
 *
 * They are read in each call, and not in .start, which has no extack in 6.1.
 *
 * Return: 0 or a negative errno.
 */
int vss_nl_parse_dump(struct nlattr **tb, struct netlink_callback *cb,
		      const struct vss_nl_nest *nest)
{
	struct nlattr *attr = vss_dump_attrs(cb)[nest->attr];
	int err;

	err = check_top(cb->nlh, cb->extack);
	if (err)
		return err;
	memset(tb, 0, (nest->max + 1) * sizeof(*tb));
	return attr ? vss_nl_parse_nest(tb, attr, nest, cb->extack) : 0;
}

/**
 * vss_nl_refuse_dump_attr() - check the request of a dump that takes nothing
 * @cb:		the dump
 * @type:	the top-level attribute that the command takes without a dump
 *
 * Return: 0 or -EINVAL.
 */
int vss_nl_refuse_dump_attr(struct netlink_callback *cb, int type)
{
	struct nlattr *attr = vss_dump_attrs(cb)[type];
	int err;

	err = check_top(cb->nlh, cb->extack);
	if (err)
		return err;
	if (!attr)
		return 0;
	NL_SET_ERR_MSG_ATTR(cb->extack, attr,
			    "a dump of this command takes no attributes");
	return -EINVAL;
}

/**
 * vss_nl_dump_lock() - take vss_mutex for one message of a dump
 * @cb:		the dump
 *
 * Return: 0 or -EINTR.
 */
int vss_nl_dump_lock(struct netlink_callback *cb)
{
	int err = vss_nl_lock(cb->extack);

	if (!err)
		cb->seq = generation;
	return err;
}

/**
 * vss_nl_dump_unlock() - drop vss_mutex, the message is complete
 * @skb:	the message
 * @err:	0, or what kept the last object from being put
 *
 * Return: what the dump call is to return; 0 ends the dump.
 */
int vss_nl_dump_unlock(struct sk_buff *skb, int err)
{
	vss_nl_unlock();
	/* No room in a message that has some objects: go on in the next. */
	if (err == -EMSGSIZE && skb->len)
		err = 0;
	return err ?: skb->len;
}

/**
 * vss_nl_dump_begin() - begin an object of a dump
 * @skb:	the message
 * @cb:		the dump
 * @cmd:	its command
 *
 * Return: the object's header, or NULL: there is no room.
 */
void *vss_nl_dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &vss_genl_family, NLM_F_MULTI, cmd);
	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/**
 * vss_nl_dump_end() - end an object of a dump
 * @skb:	the message
 * @hdr:	the object's header
 * @err:	0, or why the object is not complete: it is taken out again
 *
 * Return: @err.
 */
int vss_nl_dump_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

/**
 * vss_changed() - a volume, part, snapshot or set has come or gone
 *
 * Dumps that run tell their readers.
 */
void vss_changed(void)
{
	lockdep_assert_held(&vss_mutex);
	/* The netlink core takes 0 for "no generation". */
	if (!++generation)
		generation = 1;
}

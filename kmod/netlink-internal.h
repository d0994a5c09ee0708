/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that implement netlink commands share; no other ones.
 *
 * Each of them has the policies, the replies and the functions of the commands
 * on one kind of object, and hands its commands to netlink.c.
 */
#ifndef VSS_NETLINK_INTERNAL_H
#define VSS_NETLINK_INTERNAL_H

#include <linux/kernel.h>
#include <linux/uuid.h>
#include <linux/vss.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "compat.h"
#include "netlink.h"

struct block_device;
struct vss_volume;

/**
 * struct vss_nl_ops - the commands on one kind of object
 * @ops:	the commands; those with a dump have vss_nl_dump_start() as .start
 * @nr:		their number
 */
struct vss_nl_ops {
	const struct genl_ops	*ops;
	unsigned int		nr;
};

extern const struct vss_nl_ops vss_nl_volume_ops;
extern const struct vss_nl_ops vss_nl_area_ops;
extern const struct vss_nl_ops vss_nl_set_ops;
extern const struct vss_nl_ops vss_nl_snapshot_ops;

/**
 * struct vss_nl_nest - the attributes that a command takes
 * @attr:	the top-level attribute that holds them
 * @policy:	their policy
 * @max:	highest of their types
 * @required:	bits of those that must be there
 * @repeated:	bits of those that may be there more than once
 */
struct vss_nl_nest {
	int			attr;
	const struct nla_policy	*policy;
	int			max;
	u32			required;
	u32			repeated;
};

static_assert(VSS_A_MAX < 32 && VSS_A_VOLUME_MAX < 32 &&
	      VSS_A_AREA_MAX < 32 && VSS_A_SET_MAX < 32 &&
	      VSS_A_SNAPSHOT_MAX < 32);

/**
 * struct vss_nl_reply - a reply being built
 * @skb:	the message
 * @hdr:	its header
 */
struct vss_nl_reply {
	struct sk_buff	*skb;
	void		*hdr;
};

/**
 * struct vss_nl_pos - where a dump goes on
 * @volume:	number of the volume (or set) in its list
 * @item:	number of the part or snapshot in the volume's list
 */
struct vss_nl_pos {
	u32	volume;
	u32	item;
};

/* Policies of attributes that are in more than one nest. */
extern struct netlink_range_validation vss_nl_major_range;
extern struct netlink_range_validation vss_nl_minor_range;

#define VSS_NL_MAJOR	NLA_POLICY_FULL_RANGE(NLA_U32, &vss_nl_major_range)
#define VSS_NL_MINOR	NLA_POLICY_FULL_RANGE(NLA_U32, &vss_nl_minor_range)
#define VSS_NL_UUID	NLA_POLICY_EXACT_LEN(VSS_UUID_SIZE)
#define VSS_NL_FD	NLA_POLICY_MIN(NLA_S32, 0)

int vss_nl_pre_doit(const vss_genl_op *op, struct sk_buff *skb,
		    struct genl_info *info);
int vss_nl_parse_nest(struct nlattr **tb, const struct nlattr *attr,
		      const struct vss_nl_nest *nest,
		      struct netlink_ext_ack *extack);
int vss_nl_parse(struct nlattr **tb, struct genl_info *info,
		 const struct vss_nl_nest *nest);
int vss_nl_lock(struct netlink_ext_ack *extack);
void vss_nl_unlock(void);
struct vss_volume *vss_nl_find_volume(const struct nlattr *major,
				      const struct nlattr *minor,
				      struct netlink_ext_ack *extack);

int vss_nl_reply_begin(struct vss_nl_reply *reply, struct genl_info *info,
		       size_t payload);
int vss_nl_reply_end(struct vss_nl_reply *reply, struct genl_info *info,
		     int err);
int vss_nl_put_name(struct sk_buff *skb, int attr, struct block_device *bdev);

int vss_nl_dump_start(struct netlink_callback *cb);
int vss_nl_parse_dump(struct nlattr **tb, struct netlink_callback *cb,
		      const struct vss_nl_nest *nest);
int vss_nl_refuse_dump_attr(struct netlink_callback *cb, int type);
int vss_nl_dump_lock(struct netlink_callback *cb);
int vss_nl_dump_unlock(struct sk_buff *skb, int err);
void *vss_nl_dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd);
int vss_nl_dump_end(struct sk_buff *skb, void *hdr, int err);

static inline struct vss_nl_pos *vss_nl_pos(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vss_nl_pos) > sizeof(cb->ctx));
	return (struct vss_nl_pos *)cb->ctx;
}

static inline dev_t vss_nl_get_dev(const struct nlattr *major,
				   const struct nlattr *minor)
{
	return MKDEV(nla_get_u32(major), nla_get_u32(minor));
}

static inline void vss_nl_get_uuid(uuid_t *uuid, const struct nlattr *attr)
{
	import_uuid(uuid, nla_data(attr));
}

static inline int vss_nl_put_dev(struct sk_buff *skb, int major, int minor,
				 dev_t dev)
{
	return nla_put_u32(skb, major, MAJOR(dev)) ?:
		nla_put_u32(skb, minor, MINOR(dev));
}

static inline int vss_nl_put_uuid(struct sk_buff *skb, int attr,
				  const uuid_t *uuid)
{
	return nla_put(skb, attr, VSS_UUID_SIZE, uuid);
}

#endif /* VSS_NETLINK_INTERNAL_H */

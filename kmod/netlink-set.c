// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands on sets.  What works on them takes vss_mutex itself.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "netlink-internal.h"
#include "set.h"
#include "volume.h"

static struct netlink_range_validation hold_timeout_range = {
	.min = 1,
	.max = VSS_MAX_HOLD_TIMEOUT_MS,
};

static struct netlink_range_validation freeze_timeout_range = {
	.min = 1,
	.max = VSS_MAX_FREEZE_TIMEOUT_MS,
};

#define LEVEL_POLICY	NLA_POLICY_MAX(NLA_U32, 15)

/* SET_PREPARE */
static const struct nla_policy member_attrs[VSS_A_MEMBER_MAX + 1] = {
	[VSS_A_MEMBER_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_MEMBER_MINOR] = VSS_NL_MINOR,
	[VSS_A_MEMBER_SNAPSHOT_UUID] = VSS_NL_UUID,
	[VSS_A_MEMBER_LEVEL] = LEVEL_POLICY,
	[VSS_A_MEMBER_HOLD_ONLY] = { .type = NLA_FLAG },
};

static const struct vss_nl_nest member_nest = {
	.policy = member_attrs,
	.max = VSS_A_MEMBER_MAX,
	.required = BIT(VSS_A_MEMBER_MAJOR) | BIT(VSS_A_MEMBER_MINOR),
};

static const struct nla_policy freeze_attrs[VSS_A_FREEZE_MAX + 1] = {
	[VSS_A_FREEZE_FD] = VSS_NL_FD,
	[VSS_A_FREEZE_LEVEL] = LEVEL_POLICY,
};

static const struct vss_nl_nest freeze_nest = {
	.policy = freeze_attrs,
	.max = VSS_A_FREEZE_MAX,
	.required = BIT(VSS_A_FREEZE_FD),
};

static const struct nla_policy set_prepare_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = VSS_NL_UUID,
	[VSS_A_SET_FLAGS] = NLA_POLICY_MASK(NLA_U32, VSS_SET_F_ALL),
	[VSS_A_SET_HOLD_TIMEOUT_MS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &hold_timeout_range),
	[VSS_A_SET_FREEZE_TIMEOUT_MS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &freeze_timeout_range),
	[VSS_A_SET_MEMBER] = NLA_POLICY_NESTED(member_attrs),
	[VSS_A_SET_FREEZE] = NLA_POLICY_NESTED(freeze_attrs),
};

static const struct nla_policy set_prepare_policy[] = {
	[VSS_A_SET] = NLA_POLICY_NESTED(set_prepare_attrs),
};

static const struct vss_nl_nest set_prepare_nest = {
	.attr = VSS_A_SET,
	.policy = set_prepare_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID) | BIT(VSS_A_SET_MEMBER),
	.repeated = BIT(VSS_A_SET_MEMBER) | BIT(VSS_A_SET_FREEZE),
};

/* SET_STEP */
static const struct nla_policy set_step_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = VSS_NL_UUID,
	[VSS_A_SET_STATE] = NLA_POLICY_RANGE(NLA_U32, VSS_SET_FROZEN,
					     VSS_SET_DONE),
};

static const struct nla_policy set_step_policy[] = {
	[VSS_A_SET] = NLA_POLICY_NESTED(set_step_attrs),
};

static const struct vss_nl_nest set_step_nest = {
	.attr = VSS_A_SET,
	.policy = set_step_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID) | BIT(VSS_A_SET_STATE),
};

/* SET_ABORT, SET_GET; the dump takes nothing */
static const struct nla_policy set_get_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = VSS_NL_UUID,
};

static const struct nla_policy set_get_policy[] = {
	[VSS_A_SET] = NLA_POLICY_NESTED(set_get_attrs),
};

static const struct vss_nl_nest set_get_nest = {
	.attr = VSS_A_SET,
	.policy = set_get_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID),
};

static struct vss_set *find_set(const struct nlattr *attr,
				struct netlink_ext_ack *extack)
{
	struct vss_set *set;
	uuid_t uuid;

	vss_nl_get_uuid(&uuid, attr);
	set = vss_set_get(&uuid);
	if (!set) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "no set in creation has this UUID");
		return ERR_PTR(-ENOENT);
	}
	return set;
}

/* Room for a set of @members members. */
static size_t set_size(u32 members)
{
	size_t member = nla_total_size(0) + 3 * nla_total_size(sizeof(u32)) +
			nla_total_size(VSS_UUID_SIZE);

	return nla_total_size(0) + nla_total_size(VSS_UUID_SIZE) +
		5 * nla_total_size(sizeof(u32)) +
		2 * nla_total_size_64bit(sizeof(u64)) + members * member;
}

static int put_member(struct sk_buff *skb, const struct vss_member *member)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_SET_MEMBER);

	if (!nest ||
	    vss_nl_put_dev(skb, VSS_A_MEMBER_MAJOR, VSS_A_MEMBER_MINOR,
			   member->dev) ||
	    nla_put_u32(skb, VSS_A_MEMBER_LEVEL, member->level))
		return -EMSGSIZE;
	if (member->hold_only ?
	    nla_put_flag(skb, VSS_A_MEMBER_HOLD_ONLY) :
	    vss_nl_put_uuid(skb, VSS_A_MEMBER_SNAPSHOT_UUID, &member->uuid))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * Needs a reference only.  Looks at nothing a member points to: after the end
 * of the set its volume may be detached, and its snapshot deleted.
 */
static int put_set(struct sk_buff *skb, const struct vss_set *set)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_SET);
	u32 i;

	if (!nest ||
	    vss_nl_put_uuid(skb, VSS_A_SET_UUID, &set->uuid) ||
	    nla_put_u32(skb, VSS_A_SET_FLAGS, set->flags) ||
	    nla_put_u32(skb, VSS_A_SET_STATE, READ_ONCE(set->state)) ||
	    nla_put_s32(skb, VSS_A_SET_ERROR, READ_ONCE(set->error)) ||
	    nla_put_u32(skb, VSS_A_SET_HOLD_TIMEOUT_MS, set->hold_ms) ||
	    nla_put_u32(skb, VSS_A_SET_FREEZE_TIMEOUT_MS, set->freeze_ms) ||
	    nla_put_u64_64bit(skb, VSS_A_SET_FREEZE_USEC,
			      READ_ONCE(set->freeze_usec), VSS_A_SET_PAD) ||
	    nla_put_u64_64bit(skb, VSS_A_SET_HOLD_USEC,
			      READ_ONCE(set->hold_usec), VSS_A_SET_PAD))
		return -EMSGSIZE;
	for (i = 0; i < set->nr; i++) {
		if (put_member(skb, &set->members[i]))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int get_member(struct vss_member_request *member,
		      const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VSS_A_MEMBER_MAX + 1];
	int err;

	err = vss_nl_parse_nest(tb, attr, &member_nest, extack);
	if (err)
		return err;
	member->dev = vss_nl_get_dev(tb[VSS_A_MEMBER_MAJOR],
				     tb[VSS_A_MEMBER_MINOR]);
	member->hold_only = tb[VSS_A_MEMBER_HOLD_ONLY];
	if (member->hold_only == !!tb[VSS_A_MEMBER_SNAPSHOT_UUID]) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a MEMBER has either SNAPSHOT_UUID or HOLD_ONLY");
		return -EINVAL;
	}
	if (tb[VSS_A_MEMBER_SNAPSHOT_UUID])
		vss_nl_get_uuid(&member->snapshot,
				tb[VSS_A_MEMBER_SNAPSHOT_UUID]);
	if (tb[VSS_A_MEMBER_LEVEL])
		member->level = nla_get_u32(tb[VSS_A_MEMBER_LEVEL]);
	return 0;
}

static int get_freeze(struct vss_freeze_request *freeze,
		      const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VSS_A_FREEZE_MAX + 1];
	int err;

	err = vss_nl_parse_nest(tb, attr, &freeze_nest, extack);
	if (err)
		return err;
	freeze->fd = nla_get_s32(tb[VSS_A_FREEZE_FD]);
	if (tb[VSS_A_FREEZE_LEVEL])
		freeze->level = nla_get_u32(tb[VSS_A_FREEZE_LEVEL]);
	return 0;
}

static int count_set_lists(struct vss_set_request *req,
			   const struct nlattr *nest,
			   struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) == VSS_A_SET_FREEZE)
			req->nr_freezes++;
		if (nla_type(attr) != VSS_A_SET_MEMBER)
			continue;
		if (req->nr_members == VSS_MAX_MEMBERS) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "more MEMBERs than a set may have");
			return -EINVAL;
		}
		req->nr_members++;
	}
	return 0;
}

/* The members and file systems; the caller frees them, also on errors. */
static int get_set_lists(struct vss_set_request *req,
			 const struct nlattr *nest,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	u32 m = 0, f = 0;
	int rem, err;

	err = count_set_lists(req, nest, extack);
	if (err)
		return err;
	req->members = kvcalloc(req->nr_members, sizeof(*req->members),
				GFP_KERNEL);
	req->freezes = kvcalloc(req->nr_freezes, sizeof(*req->freezes),
				GFP_KERNEL);
	if (!req->members || !req->freezes)
		return -ENOMEM;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) == VSS_A_SET_MEMBER)
			err = get_member(&req->members[m++], attr, extack);
		else if (nla_type(attr) == VSS_A_SET_FREEZE)
			err = get_freeze(&req->freezes[f++], attr, extack);
		if (err)
			return err;
	}
	return 0;
}

static void get_set_options(struct vss_set_request *req, struct nlattr **tb)
{
	vss_nl_get_uuid(&req->uuid, tb[VSS_A_SET_UUID]);
	if (tb[VSS_A_SET_FLAGS])
		req->flags = nla_get_u32(tb[VSS_A_SET_FLAGS]);
	req->hold_ms = VSS_DEFAULT_HOLD_TIMEOUT_MS;
	if (tb[VSS_A_SET_HOLD_TIMEOUT_MS])
		req->hold_ms = nla_get_u32(tb[VSS_A_SET_HOLD_TIMEOUT_MS]);
	req->freeze_ms = VSS_DEFAULT_FREEZE_TIMEOUT_MS;
	if (tb[VSS_A_SET_FREEZE_TIMEOUT_MS])
		req->freeze_ms = nla_get_u32(tb[VSS_A_SET_FREEZE_TIMEOUT_MS]);
}

static int prepare_and_reply(const struct vss_set_request *req,
			     struct genl_info *info)
{
	struct vss_set *set;
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_reply_begin(&reply, info, set_size(req->nr_members));
	if (err)
		return err;
	err = vss_set_prepare(req, &set, info->extack);
	if (!err) {
		err = put_set(reply.skb, set);
		vss_set_put(set);
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int set_prepare(struct sk_buff *skb, struct genl_info *info)
{
	struct vss_set_request req = { .owner = info->snd_portid };
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	int err;

	err = vss_nl_parse(tb, info, &set_prepare_nest);
	if (err)
		return err;
	get_set_options(&req, tb);
	err = get_set_lists(&req, info->attrs[VSS_A_SET], info->extack);
	if (!err)
		err = prepare_and_reply(&req, info);
	kvfree(req.members);
	kvfree(req.freezes);
	return err;
}

static int step_and_reply(struct vss_set *set, enum vss_set_state target,
			  struct genl_info *info)
{
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_reply_begin(&reply, info, set_size(set->nr));
	if (err)
		return err;
	err = vss_set_step(set, info->snd_portid, target, info->extack);
	if (!err)
		err = put_set(reply.skb, set);
	return vss_nl_reply_end(&reply, info, err);
}

static int set_step(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct vss_set *set;
	unsigned int noio;
	int err;

	err = vss_nl_parse(tb, info, &set_step_nest);
	if (err)
		return err;
	set = find_set(tb[VSS_A_SET_UUID], info->extack);
	if (IS_ERR(set))
		return PTR_ERR(set);
	/* Memory must not be won by writing to what we have frozen. */
	noio = memalloc_noio_save();
	err = step_and_reply(set, nla_get_u32(tb[VSS_A_SET_STATE]), info);
	memalloc_noio_restore(noio);
	vss_set_put(set);
	return err;
}

static int set_abort(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct vss_set *set;
	int err;

	err = vss_nl_parse(tb, info, &set_get_nest);
	if (err)
		return err;
	set = find_set(tb[VSS_A_SET_UUID], info->extack);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = vss_set_abort(set, info->extack);
	vss_set_put(set);
	return err;
}

static int set_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct vss_set *set;
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, &set_get_nest);
	if (err)
		return err;
	set = find_set(tb[VSS_A_SET_UUID], info->extack);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = vss_nl_reply_begin(&reply, info, set_size(set->nr));
	if (!err)
		err = vss_nl_reply_end(&reply, info, put_set(reply.skb, set));
	vss_set_put(set);
	return err;
}

static int dump_set(struct sk_buff *skb, struct netlink_callback *cb,
		    const struct vss_set *set)
{
	void *hdr = vss_nl_dump_begin(skb, cb, VSS_CMD_SET_GET);

	return hdr ? vss_nl_dump_end(skb, hdr, put_set(skb, set)) : -EMSGSIZE;
}

static int set_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct vss_set *set;
	u32 s = 0;
	int err;

	err = vss_nl_refuse_dump_attr(cb, VSS_A_SET);
	if (err)
		return err;
	err = vss_nl_dump_lock(cb);
	if (err)
		return err;
	list_for_each_entry(set, &vss_sets, list) {
		if (s++ < pos->volume)
			continue;
		err = dump_set(skb, cb, set);
		if (err)
			break;
		pos->volume = s;
	}
	return vss_nl_dump_unlock(skb, err);
}

static const struct genl_ops set_ops[] = {
	{
		.cmd = VSS_CMD_SET_PREPARE,
		.policy = set_prepare_policy,
		.maxattr = ARRAY_SIZE(set_prepare_policy) - 1,
		.doit = set_prepare,
	},
	{
		.cmd = VSS_CMD_SET_STEP,
		.policy = set_step_policy,
		.maxattr = ARRAY_SIZE(set_step_policy) - 1,
		.doit = set_step,
	},
	{
		.cmd = VSS_CMD_SET_ABORT,
		.policy = set_get_policy,
		.maxattr = ARRAY_SIZE(set_get_policy) - 1,
		.doit = set_abort,
	},
	{
		.cmd = VSS_CMD_SET_GET,
		.policy = set_get_policy,
		.maxattr = ARRAY_SIZE(set_get_policy) - 1,
		.doit = set_get,
		.start = vss_nl_dump_start,
		.dumpit = set_dump,
	},
};

const struct vss_nl_ops vss_nl_set_ops = {
	.ops = set_ops,
	.nr = ARRAY_SIZE(set_ops),
};

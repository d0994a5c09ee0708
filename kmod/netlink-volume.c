// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands on volumes.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "area.h"
#include "chore.h"
#include "compat.h"
#include "netlink-internal.h"
#include "snapshot.h"
#include "volume.h"

static struct netlink_range_validation chunk_size_range = {
	.min = VSS_MIN_CHUNK_SIZE,
	.max = VSS_MAX_CHUNK_SIZE,
};

static struct netlink_range_validation copy_memory_range = {
	.min = VSS_MIN_COPY_MEMORY,
	.max = S64_MAX,
};

static struct netlink_range_validation low_water_range = {
	.max = S64_MAX,
};

/* VOLUME_ATTACH */
static const struct nla_policy volume_attach_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_VOLUME_CHUNK_SIZE] = NLA_POLICY_FULL_RANGE(NLA_U32,
							  &chunk_size_range),
	[VSS_A_VOLUME_COPY_MEMORY] = NLA_POLICY_FULL_RANGE(NLA_U64,
							   &copy_memory_range),
};

static const struct nla_policy volume_attach_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_attach_attrs),
};

static const struct vss_nl_nest volume_attach_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_attach_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_DETACH */
static const struct nla_policy volume_detach_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_VOLUME_FORCE] = { .type = NLA_FLAG },
};

static const struct nla_policy volume_detach_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_detach_attrs),
};

static const struct vss_nl_nest volume_detach_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_detach_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_GET; its dump takes nothing */
static const struct nla_policy volume_get_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_VOLUME_MINOR] = VSS_NL_MINOR,
};

static const struct nla_policy volume_get_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_get_attrs),
};

static const struct vss_nl_nest volume_get_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_get_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_SET */
static const struct nla_policy volume_set_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_VOLUME_LOW_WATER] = NLA_POLICY_FULL_RANGE(NLA_U64,
							 &low_water_range),
	[VSS_A_VOLUME_COPY_MEMORY] = NLA_POLICY_FULL_RANGE(NLA_U64,
							   &copy_memory_range),
};

static const struct nla_policy volume_set_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_set_attrs),
};

static const struct vss_nl_nest volume_set_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_set_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

static int put_volume_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VSS_A_VOLUME_PAD);
}

static int put_volume_stats(struct sk_buff *skb, struct vss_volume *vol)
{
	return put_volume_u64(skb, VSS_A_VOLUME_WRITES,
			      vss_gate_writes(vol)) ?:
		put_volume_u64(skb, VSS_A_VOLUME_WRITES_HELD,
			       atomic64_read(&vol->stats.held)) ?:
		put_volume_u64(skb, VSS_A_VOLUME_CHUNKS_COPIED,
			       atomic64_read(&vol->stats.chunks_copied)) ?:
		put_volume_u64(skb, VSS_A_VOLUME_COPY_READS,
			       atomic64_read(&vol->stats.copy_reads)) ?:
		put_volume_u64(skb, VSS_A_VOLUME_AREA_WRITES,
			       atomic64_read(&vol->stats.area_writes)) ?:
		put_volume_u64(skb, VSS_A_VOLUME_MEMORY,
			       vss_volume_memory(vol));
}

static u32 count_alive(const struct vss_volume *vol)
{
	const struct vss_snapshot *snap;
	u32 nr = 0;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(snap, &vol->snaps, list)
		nr += vss_snapshot_is_good(snap);
	return nr;
}

static int put_volume(struct sk_buff *skb, struct vss_volume *vol)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_VOLUME);
	u64 size, used;

	lockdep_assert_held(&vss_mutex);
	vss_area_usage(vol, &size, &used);
	if (!nest ||
	    vss_nl_put_dev(skb, VSS_A_VOLUME_MAJOR, VSS_A_VOLUME_MINOR,
			   vol->bdev->bd_dev) ||
	    vss_nl_put_name(skb, VSS_A_VOLUME_NAME, vol->bdev) ||
	    put_volume_u64(skb, VSS_A_VOLUME_SIZE,
			   (u64)vol->nr_sectors << SECTOR_SHIFT) ||
	    nla_put_u32(skb, VSS_A_VOLUME_CHUNK_SIZE,
			1U << vol->chunk_shift) ||
	    put_volume_u64(skb, VSS_A_VOLUME_COPY_MEMORY,
			   vol->copier.memory) ||
	    nla_put_u32(skb, VSS_A_VOLUME_SNAPSHOTS, count_alive(vol)) ||
	    nla_put_u32(skb, VSS_A_VOLUME_EPOCH, READ_ONCE(vol->gen)) ||
	    put_volume_u64(skb, VSS_A_VOLUME_AREA_SIZE, size) ||
	    put_volume_u64(skb, VSS_A_VOLUME_AREA_USED, used) ||
	    put_volume_u64(skb, VSS_A_VOLUME_LOW_WATER,
			   vss_area_low_water(vol)) ||
	    put_volume_stats(skb, vol) ||
	    nla_put_u32(skb, VSS_A_VOLUME_STATE,
			vss_bdev_is_gone(vol->bdev) ? VSS_VOLUME_GONE :
						      VSS_VOLUME_TRACKED) ||
	    nla_put_u32(skb, VSS_A_VOLUME_OPENERS, vss_volume_openers(vol)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int attach_locked(struct nlattr **tb, struct vss_volume **volp,
			 struct netlink_ext_ack *extack)
{
	u32 chunk_size = VSS_DEFAULT_CHUNK_SIZE;
	u64 copy_memory = VSS_DEFAULT_COPY_MEMORY;
	struct nlattr *attr;

	attr = tb[VSS_A_VOLUME_CHUNK_SIZE];
	if (attr) {
		chunk_size = nla_get_u32(attr);
		if (!is_power_of_2(chunk_size)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "CHUNK_SIZE is not a power of two");
			return -EINVAL;
		}
	}
	attr = tb[VSS_A_VOLUME_COPY_MEMORY];
	if (attr)
		copy_memory = nla_get_u64(attr);

	return vss_volume_attach(vss_nl_get_dev(tb[VSS_A_VOLUME_MAJOR],
						tb[VSS_A_VOLUME_MINOR]),
				 chunk_size, copy_memory, volp, extack);
}

static int volume_attach(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, &volume_attach_nest);
	if (err)
		return err;
	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = attach_locked(tb, &vol, info->extack);
		if (!err)
			err = put_volume(reply.skb, vol);
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int volume_detach(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	struct vss_chore *chore;
	int err;

	err = vss_nl_parse(tb, info, &volume_detach_nest);
	if (err)
		return err;
	chore = vss_chore_new();
	if (!chore)
		return -ENOMEM;
	err = vss_nl_lock(info->extack);
	if (err)
		goto out;
	vol = vss_nl_find_volume(tb[VSS_A_VOLUME_MAJOR], tb[VSS_A_VOLUME_MINOR],
				 info->extack);
	err = PTR_ERR_OR_ZERO(vol);
	if (!err)
		err = vss_volume_detach(vol,
					nla_get_flag(tb[VSS_A_VOLUME_FORCE]),
					&chore->dropped, info->extack);
	if (!err)
		chore->vol = vol;
	vss_nl_unlock();
out:
	return vss_chore_do(chore, info->extack) ?: err;
}

static void set_volume(struct vss_volume *vol, struct nlattr **tb)
{
	if (tb[VSS_A_VOLUME_LOW_WATER])
		vss_area_set_low_water(vol,
				       nla_get_u64(tb[VSS_A_VOLUME_LOW_WATER]));
	if (tb[VSS_A_VOLUME_COPY_MEMORY]) {
		WRITE_ONCE(vol->copier.memory,
			   nla_get_u64(tb[VSS_A_VOLUME_COPY_MEMORY]));
		/* Copies that wait for memory may have it now. */
		vss_copier_kick(vol);
	}
}

/* VOLUME_SET, and VOLUME_GET, which sets nothing */
static int volume_get_or_set(struct genl_info *info,
			     const struct vss_nl_nest *nest)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, nest);
	if (err)
		return err;
	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		vol = vss_nl_find_volume(tb[VSS_A_VOLUME_MAJOR],
					 tb[VSS_A_VOLUME_MINOR], info->extack);
		err = PTR_ERR_OR_ZERO(vol);
		if (!err) {
			set_volume(vol, tb);
			err = put_volume(reply.skb, vol);
		}
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int volume_get(struct sk_buff *skb, struct genl_info *info)
{
	return volume_get_or_set(info, &volume_get_nest);
}

static int volume_set(struct sk_buff *skb, struct genl_info *info)
{
	return volume_get_or_set(info, &volume_set_nest);
}

static int dump_volume(struct sk_buff *skb, struct netlink_callback *cb,
		       struct vss_volume *vol)
{
	void *hdr = vss_nl_dump_begin(skb, cb, VSS_CMD_VOLUME_GET);

	if (!hdr)
		return -EMSGSIZE;
	return vss_nl_dump_end(skb, hdr, put_volume(skb, vol));
}

static int volume_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct vss_volume *vol;
	u32 v = 0;
	int err;

	err = vss_nl_refuse_dump_attr(cb, VSS_A_VOLUME);
	if (err)
		return err;
	err = vss_nl_dump_lock(cb);
	if (err)
		return err;
	list_for_each_entry(vol, &vss_volumes, list) {
		if (v++ < pos->volume)
			continue;
		err = dump_volume(skb, cb, vol);
		if (err)
			break;
		pos->volume = v;
	}
	return vss_nl_dump_unlock(skb, err);
}

static const struct genl_ops volume_ops[] = {
	{
		.cmd = VSS_CMD_VOLUME_ATTACH,
		.policy = volume_attach_policy,
		.maxattr = ARRAY_SIZE(volume_attach_policy) - 1,
		.doit = volume_attach,
	},
	{
		.cmd = VSS_CMD_VOLUME_DETACH,
		.policy = volume_detach_policy,
		.maxattr = ARRAY_SIZE(volume_detach_policy) - 1,
		.doit = volume_detach,
	},
	{
		.cmd = VSS_CMD_VOLUME_GET,
		.policy = volume_get_policy,
		.maxattr = ARRAY_SIZE(volume_get_policy) - 1,
		.doit = volume_get,
		.start = vss_nl_dump_start,
		.dumpit = volume_dump,
	},
	{
		.cmd = VSS_CMD_VOLUME_SET,
		.policy = volume_set_policy,
		.maxattr = ARRAY_SIZE(volume_set_policy) - 1,
		.doit = volume_set,
	},
};

const struct vss_nl_ops vss_nl_volume_ops = {
	.ops = volume_ops,
	.nr = ARRAY_SIZE(volume_ops),
};

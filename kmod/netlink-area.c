// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands on diff areas.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "area.h"
#include "compat.h"
#include "log.h"
#include "netlink-internal.h"
#include "volume.h"

/* AREA_ADD */
static const struct nla_policy area_add_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_AREA_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_AREA_DEV_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_AREA_DEV_MINOR] = VSS_NL_MINOR,
	[VSS_A_AREA_FD] = VSS_NL_FD,
	[VSS_A_AREA_MODE] = NLA_POLICY_MAX(NLA_U32, VSS_AREA_LOAD_CHECKED),
	[VSS_A_AREA_BOOT] = VSS_NL_UUID,
	[VSS_A_AREA_MORE] = { .type = NLA_U64 },
	[VSS_A_AREA_OPENERS] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy area_add_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_add_attrs),
};

static const struct vss_nl_nest area_add_nest = {
	.attr = VSS_A_AREA,
	.policy = area_add_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR),
	.repeated = BIT(VSS_A_AREA_MORE),
};

/* AREA_EXTENTS */
static const struct nla_policy extent_attrs[VSS_A_EXTENT_MAX + 1] = {
	[VSS_A_EXTENT_START] = { .type = NLA_U64 },
	[VSS_A_EXTENT_LENGTH] = { .type = NLA_U64 },
};

static const struct vss_nl_nest extent_nest = {
	.policy = extent_attrs,
	.max = VSS_A_EXTENT_MAX,
	.required = BIT(VSS_A_EXTENT_START) | BIT(VSS_A_EXTENT_LENGTH),
};

static const struct nla_policy area_extents_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_AREA_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_AREA_ID] = { .type = NLA_U32 },
	[VSS_A_AREA_LAST] = { .type = NLA_FLAG },
	[VSS_A_AREA_EXTENT] = NLA_POLICY_NESTED(extent_attrs),
};

static const struct nla_policy area_extents_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_extents_attrs),
};

static const struct vss_nl_nest area_extents_nest = {
	.attr = VSS_A_AREA,
	.policy = area_extents_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR) | BIT(VSS_A_AREA_ID),
	.repeated = BIT(VSS_A_AREA_EXTENT),
};

/* AREA_REMOVE */
static const struct nla_policy area_remove_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_AREA_VOLUME_MINOR] = VSS_NL_MINOR,
	[VSS_A_AREA_ID] = { .type = NLA_U32 },
};

static const struct nla_policy area_remove_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_remove_attrs),
};

static const struct vss_nl_nest area_remove_nest = {
	.attr = VSS_A_AREA,
	.policy = area_remove_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR) | BIT(VSS_A_AREA_ID),
};

/* AREA_GET */
static const struct nla_policy area_get_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_AREA_VOLUME_MINOR] = VSS_NL_MINOR,
};

static const struct nla_policy area_get_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_get_attrs),
};

static const struct vss_nl_nest area_get_nest = {
	.attr = VSS_A_AREA,
	.policy = area_get_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR),
};

/* Room for one part; the default size has none for a long path. */
static size_t part_size(void)
{
	return GENLMSG_DEFAULT_SIZE + nla_total_size(PATH_MAX);
}

static int put_path(struct sk_buff *skb, struct file *file)
{
	char *buf, *path;
	int err = 0;

	/* The path is a help for people: better none than a failure. */
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return 0;
	path = file_path(file, buf, PATH_MAX);
	if (!IS_ERR(path))
		err = nla_put_string(skb, VSS_A_AREA_PATH, path);
	kfree(buf);
	return err;
}

static int put_part_bytes(struct sk_buff *skb, int attr,
			  const struct vss_volume *vol, u32 slots)
{
	return nla_put_u64_64bit(skb, attr, (u64)slots << vol->chunk_shift,
				 VSS_A_AREA_PAD);
}

static int put_part(struct sk_buff *skb, struct vss_volume *vol,
		    struct vss_part *part)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_AREA);
	/* Superblocks and log are no room for copies. */
	u32 meta = READ_ONCE(part->meta);
	int err;

	lockdep_assert_held(&vss_mutex);
	if (!nest ||
	    vss_nl_put_dev(skb, VSS_A_AREA_VOLUME_MAJOR,
			   VSS_A_AREA_VOLUME_MINOR, vol->bdev->bd_dev) ||
	    nla_put_u32(skb, VSS_A_AREA_ID, part->id) ||
	    nla_put_u32(skb, VSS_A_AREA_TYPE, part->type) ||
	    vss_nl_put_dev(skb, VSS_A_AREA_DEV_MAJOR, VSS_A_AREA_DEV_MINOR,
			   part->bdev->bd_dev) ||
	    put_part_bytes(skb, VSS_A_AREA_SIZE, vol, part->slots - meta) ||
	    put_part_bytes(skb, VSS_A_AREA_USED, vol,
			   READ_ONCE(part->used) - meta) ||
	    (part->on_origin && nla_put_flag(skb, VSS_A_AREA_ON_ORIGIN)) ||
	    nla_put_u32(skb, VSS_A_AREA_STATE, READ_ONCE(part->state)))
		return -EMSGSIZE;
	if (vol->log &&
	    nla_put(skb, VSS_A_AREA_UUID, VSS_UUID_SIZE, vol->log->super->area))
		return -EMSGSIZE;
	if (part->file) {
		err = put_path(skb, part->file);
		if (err)
			return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* What is to be added: a device, or a file. */
static int check_area_add(struct nlattr **tb, const struct nlattr *nest,
			  struct netlink_ext_ack *extack)
{
	bool major = tb[VSS_A_AREA_DEV_MAJOR];
	bool minor = tb[VSS_A_AREA_DEV_MINOR];

	if (tb[VSS_A_AREA_FD] && (major || minor)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_AREA_FD],
				    "FD excludes DEV_MAJOR and DEV_MINOR");
		return -EINVAL;
	}
	if (tb[VSS_A_AREA_FD] && tb[VSS_A_AREA_MODE] &&
	    nla_get_u32(tb[VSS_A_AREA_MODE]) != VSS_AREA_VOLATILE) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_AREA_MODE],
				    "a persistent diff area must be a device");
		return -EOPNOTSUPP;
	}
	if ((tb[VSS_A_AREA_MORE] || tb[VSS_A_AREA_OPENERS]) &&
	    (tb[VSS_A_AREA_FD] || !tb[VSS_A_AREA_MODE] ||
	     nla_get_u32(tb[VSS_A_AREA_MODE]) <= VSS_AREA_CREATE)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_AREA_MORE] ?:
				    tb[VSS_A_AREA_OPENERS],
				    "MORE and OPENERS are for a MODE that loads");
		return -EINVAL;
	}
	if (tb[VSS_A_AREA_FD] || (major && minor))
		return 0;

	NL_SET_ERR_ATTR_MISS(extack, nest, major ? VSS_A_AREA_DEV_MINOR :
						   VSS_A_AREA_DEV_MAJOR);
	NL_SET_ERR_MSG(extack,
		       "DEV_MAJOR and DEV_MINOR, or FD, must be given");
	return -EINVAL;
}

/* All devices that are named; @devs has room for VSS_MAX_AREA_PARTS. */
static int get_devices(dev_t *devs, u32 *nr, struct nlattr **tb,
		       const struct nlattr *nest,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem;

	devs[0] = vss_nl_get_dev(tb[VSS_A_AREA_DEV_MAJOR],
				 tb[VSS_A_AREA_DEV_MINOR]);
	*nr = 1;
	nla_for_each_nested(attr, nest, rem) {
		u64 major, minor;

		if (nla_type(attr) != VSS_A_AREA_MORE)
			continue;
		major = nla_get_u64(attr) >> 32;
		minor = lower_32_bits(nla_get_u64(attr));
		if (major > vss_nl_major_range.max ||
		    minor > vss_nl_minor_range.max ||
		    *nr == VSS_MAX_AREA_PARTS) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "MORE is no device's number, or there are too many");
			return -EINVAL;
		}
		devs[(*nr)++] = MKDEV(major, minor);
	}
	return 0;
}

static struct vss_part *add_part(struct vss_volume *vol, struct nlattr **tb,
				 const struct nlattr *nest,
				 struct netlink_ext_ack *extack)
{
	struct vss_log_request req = { .mode = VSS_AREA_VOLATILE,
				       .openers = 1 };
	dev_t devs[VSS_MAX_AREA_PARTS];
	struct vss_part *part;
	u32 nr;
	int err;

	if (tb[VSS_A_AREA_MODE])
		req.mode = nla_get_u32(tb[VSS_A_AREA_MODE]);
	if (tb[VSS_A_AREA_OPENERS])
		req.openers = nla_get_u32(tb[VSS_A_AREA_OPENERS]);
	if (tb[VSS_A_AREA_BOOT])
		nla_memcpy(req.boot, tb[VSS_A_AREA_BOOT], sizeof(req.boot));
	if (tb[VSS_A_AREA_FD]) {
		err = vss_area_add_file(vol, nla_get_s32(tb[VSS_A_AREA_FD]),
					&part, extack);
	} else {
		err = get_devices(devs, &nr, tb, nest, extack);
		err = err ?: vss_area_add_devices(vol, devs, nr, &req, &part,
						  extack);
	}
	return err ? ERR_PTR(err) : part;
}

static int area_add_locked(struct nlattr **tb, const struct nlattr *nest,
			   struct sk_buff *reply,
			   struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	struct vss_part *part;

	vol = vss_nl_find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
				 tb[VSS_A_AREA_VOLUME_MINOR], extack);
	if (IS_ERR(vol))
		return PTR_ERR(vol);
	part = add_part(vol, tb, nest, extack);
	if (IS_ERR(part))
		return PTR_ERR(part);
	return put_part(reply, vol, part);
}

static int area_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, &area_add_nest);
	if (err)
		return err;
	err = check_area_add(tb, info->attrs[VSS_A_AREA], info->extack);
	if (err)
		return err;
	err = vss_nl_reply_begin(&reply, info, part_size());
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = area_add_locked(tb, info->attrs[VSS_A_AREA], reply.skb,
				      info->extack);
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int get_extent(struct vss_raw_extent *ext, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VSS_A_EXTENT_MAX + 1];
	u64 start, length;
	int err;

	err = vss_nl_parse_nest(tb, attr, &extent_nest, extack);
	if (err)
		return err;
	start = nla_get_u64(tb[VSS_A_EXTENT_START]);
	length = nla_get_u64(tb[VSS_A_EXTENT_LENGTH]);
	if (start % SECTOR_SIZE) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_EXTENT_START],
				    "START is not a multiple of 512");
		return -EINVAL;
	}
	if (!length || length % SECTOR_SIZE) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_EXTENT_LENGTH],
				    "LENGTH is 0 or not a multiple of 512");
		return -EINVAL;
	}
	ext->start = start >> SECTOR_SHIFT;
	ext->nr = length >> SECTOR_SHIFT;
	return 0;
}

/* All extents of the request; @ext has room for the most there may be. */
static int get_extents(struct vss_raw_extent *ext, u32 *nr,
		       const struct nlattr *nest,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem, err;

	*nr = 0;
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != VSS_A_AREA_EXTENT)
			continue;
		if (*nr == VSS_MAX_EXTENTS_MSG) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "more EXTENTs than one message may have");
			return -EINVAL;
		}
		err = get_extent(&ext[*nr], attr, extack);
		if (err)
			return err;
		(*nr)++;
	}
	return 0;
}

/* The part that a request names; @volp is set to its volume. */
static struct vss_part *find_part(struct nlattr **tb, struct vss_volume **volp,
				  struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	struct vss_part *part;

	vol = vss_nl_find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
				 tb[VSS_A_AREA_VOLUME_MINOR], extack);
	if (IS_ERR(vol))
		return ERR_CAST(vol);
	part = vss_area_part(vol, nla_get_u32(tb[VSS_A_AREA_ID]));
	if (!part) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_AREA_ID],
				    "the diff area has no part of this ID");
		return ERR_PTR(-ENOENT);
	}
	*volp = vol;
	return part;
}

static int add_extents_locked(struct nlattr **tb,
			      const struct vss_raw_extent *ext, u32 nr,
			      struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	struct vss_part *part;

	part = find_part(tb, &vol, extack);
	if (IS_ERR(part))
		return PTR_ERR(part);
	return vss_area_add_extents(vol, part, ext, nr,
				    nla_get_flag(tb[VSS_A_AREA_LAST]), extack);
}

static int area_extents(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct vss_raw_extent *ext;
	u32 nr;
	int err;

	err = vss_nl_parse(tb, info, &area_extents_nest);
	if (err)
		return err;
	ext = kvcalloc(VSS_MAX_EXTENTS_MSG, sizeof(*ext), GFP_KERNEL);
	if (!ext)
		return -ENOMEM;
	err = get_extents(ext, &nr, info->attrs[VSS_A_AREA], info->extack);
	if (err)
		goto out;
	err = vss_nl_lock(info->extack);
	if (err)
		goto out;
	err = add_extents_locked(tb, ext, nr, info->extack);
	vss_nl_unlock();
out:
	kvfree(ext);
	return err;
}

static int area_remove(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct vss_volume *vol;
	struct vss_part *part;
	int err;

	err = vss_nl_parse(tb, info, &area_remove_nest);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (err)
		return err;
	part = find_part(tb, &vol, info->extack);
	err = PTR_ERR_OR_ZERO(part);
	if (!err)
		err = vss_area_remove(vol, part, info->extack);
	vss_nl_unlock();
	return err;
}

static int dump_part(struct sk_buff *skb, struct netlink_callback *cb,
		     struct vss_volume *vol, struct vss_part *part)
{
	void *hdr = vss_nl_dump_begin(skb, cb, VSS_CMD_AREA_GET);

	if (!hdr)
		return -EMSGSIZE;
	return vss_nl_dump_end(skb, hdr, put_part(skb, vol, part));
}

static int dump_parts(struct sk_buff *skb, struct netlink_callback *cb,
		      struct vss_volume *vol)
{
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct vss_part *part;
	u32 i = 0;
	int err;

	list_for_each_entry(part, &vol->area.parts, list) {
		if (i++ < pos->item)
			continue;
		err = dump_part(skb, cb, vol, part);
		if (err)
			return err;
		pos->item = i;
	}
	return 0;
}

static int area_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct vss_volume *vol, *only = NULL;
	u32 v = 0;
	int err;

	err = vss_nl_parse_dump(tb, cb, &area_get_nest);
	if (err)
		return err;
	err = vss_nl_dump_lock(cb);
	if (err)
		return err;
	if (tb[VSS_A_AREA_VOLUME_MAJOR]) {
		only = vss_nl_find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
					  tb[VSS_A_AREA_VOLUME_MINOR],
					  cb->extack);
		if (IS_ERR(only))
			return vss_nl_dump_unlock(skb, PTR_ERR(only));
	}
	list_for_each_entry(vol, &vss_volumes, list) {
		if (v++ < pos->volume)
			continue;
		if (!only || only == vol) {
			err = dump_parts(skb, cb, vol);
			if (err)
				break;
		}
		pos->volume = v;
		pos->item = 0;
	}
	return vss_nl_dump_unlock(skb, err);
}

static const struct genl_ops area_ops[] = {
	{
		.cmd = VSS_CMD_AREA_ADD,
		.policy = area_add_policy,
		.maxattr = ARRAY_SIZE(area_add_policy) - 1,
		.doit = area_add,
	},
	{
		.cmd = VSS_CMD_AREA_EXTENTS,
		.policy = area_extents_policy,
		.maxattr = ARRAY_SIZE(area_extents_policy) - 1,
		.doit = area_extents,
	},
	{
		.cmd = VSS_CMD_AREA_GET,
		.policy = area_get_policy,
		.maxattr = ARRAY_SIZE(area_get_policy) - 1,
		.start = vss_nl_dump_start,
		.dumpit = area_dump,
	},
	{
		.cmd = VSS_CMD_AREA_REMOVE,
		.policy = area_remove_policy,
		.maxattr = ARRAY_SIZE(area_remove_policy) - 1,
		.doit = area_remove,
	},
};

const struct vss_nl_ops vss_nl_area_ops = {
	.ops = area_ops,
	.nr = ARRAY_SIZE(area_ops),
};

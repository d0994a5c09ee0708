// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink commands on snapshots.
 */
#include "chore.h"
#include "netlink-internal.h"
#include "set.h"
#include "snapshot.h"
#include "volume.h"

#define REJECT_POLICY(message) { .type = NLA_REJECT, .reject_message = message }

/* SNAPSHOT_GET: the first for the core, which knows one policy a command */
static const struct nla_policy snapshot_get_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_SET_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_SNAPSHOT_MINOR] = VSS_NL_MINOR,
};

static const struct nla_policy snapshot_get_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_get_attrs),
};

static const struct nla_policy snapshot_do_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_SET_UUID] = REJECT_POLICY("SET_UUID chooses snapshots of a dump only"),
	[VSS_A_SNAPSHOT_MAJOR] = REJECT_POLICY("MAJOR chooses snapshots of a dump only"),
	[VSS_A_SNAPSHOT_MINOR] = REJECT_POLICY("MINOR chooses snapshots of a dump only"),
};

static const struct vss_nl_nest snapshot_do_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_do_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
	.required = BIT(VSS_A_SNAPSHOT_UUID),
};

static const struct nla_policy snapshot_dump_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = REJECT_POLICY("a dump does not take a snapshot's UUID"),
	[VSS_A_SNAPSHOT_SET_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_MAJOR] = VSS_NL_MAJOR,
	[VSS_A_SNAPSHOT_MINOR] = VSS_NL_MINOR,
};

static const struct vss_nl_nest snapshot_dump_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_dump_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
};

/* SNAPSHOT_SET */
static const struct nla_policy snapshot_set_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_FLAGS] = NLA_POLICY_MASK(NLA_U32, VSS_SNAPSHOT_F_ALL),
};

static const struct nla_policy snapshot_set_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_set_attrs),
};

static const struct vss_nl_nest snapshot_set_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_set_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
	.required = BIT(VSS_A_SNAPSHOT_UUID) | BIT(VSS_A_SNAPSHOT_FLAGS),
};

/* SNAPSHOT_DELETE */
static const struct nla_policy snapshot_delete_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_SET_UUID] = VSS_NL_UUID,
	[VSS_A_SNAPSHOT_FORCE] = { .type = NLA_FLAG },
};

static const struct nla_policy snapshot_delete_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_delete_attrs),
};

static const struct vss_nl_nest snapshot_delete_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_delete_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
};

static struct vss_snapshot *find_snapshot(const struct nlattr *attr,
					  struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;
	uuid_t uuid;

	vss_nl_get_uuid(&uuid, attr);
	snap = vss_snapshot_find(&uuid);
	if (!snap) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "no snapshot has this UUID");
		return ERR_PTR(-ENOENT);
	}
	return snap;
}

static int put_snapshot_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VSS_A_SNAPSHOT_PAD);
}

/* The image: its name is fixed early, its number when it becomes visible. */
static int put_image(struct sk_buff *skb, const struct vss_snapshot *snap)
{
	/* Pairs with vss_image_show(). */
	bool visible = smp_load_acquire(&snap->disk_added);

	return nla_put_string(skb, VSS_A_SNAPSHOT_NAME,
			      snap->disk->disk_name) ?:
		vss_nl_put_dev(skb, VSS_A_SNAPSHOT_DEV_MAJOR,
			       VSS_A_SNAPSHOT_DEV_MINOR,
			       visible ? disk_devt(snap->disk) : 0);
}

static int put_snapshot(struct sk_buff *skb, struct vss_snapshot *snap)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_SNAPSHOT);
	struct vss_volume *vol = snap->vol;

	lockdep_assert_held(&vss_mutex);
	if (!nest ||
	    vss_nl_put_uuid(skb, VSS_A_SNAPSHOT_UUID, &snap->uuid) ||
	    vss_nl_put_uuid(skb, VSS_A_SNAPSHOT_SET_UUID, &snap->set_uuid) ||
	    vss_nl_put_dev(skb, VSS_A_SNAPSHOT_MAJOR, VSS_A_SNAPSHOT_MINOR,
			   vol->bdev->bd_dev) ||
	    vss_nl_put_name(skb, VSS_A_SNAPSHOT_VOLUME_NAME, vol->bdev) ||
	    put_image(skb, snap) ||
	    nla_put_u32(skb, VSS_A_SNAPSHOT_EPOCH, READ_ONCE(snap->epoch)) ||
	    put_snapshot_u64(skb, VSS_A_SNAPSHOT_TIME,
			     READ_ONCE(snap->time_ns)) ||
	    put_snapshot_u64(skb, VSS_A_SNAPSHOT_SIZE,
			     (u64)vol->nr_sectors << SECTOR_SHIFT) ||
	    nla_put_u32(skb, VSS_A_SNAPSHOT_STATE, READ_ONCE(snap->state)) ||
	    nla_put_u32(skb, VSS_A_SNAPSHOT_LOST_REASON,
			READ_ONCE(snap->reason)) ||
	    nla_put_u32(skb, VSS_A_SNAPSHOT_FLAGS,
			READ_ONCE(snap->writable) ?
			VSS_SNAPSHOT_F_WRITABLE : 0) ||
	    nla_put_u32(skb, VSS_A_SNAPSHOT_MEMBERS, snap->members) ||
	    put_snapshot_u64(skb, VSS_A_SNAPSHOT_COPIED,
			     (u64)atomic64_read(&snap->copied) <<
			     vol->chunk_shift) ||
	    put_snapshot_u64(skb, VSS_A_SNAPSHOT_OVERLAY,
			     (u64)atomic64_read(&snap->overlay_chunks) <<
			     vol->chunk_shift))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* A set needs its snapshots until it is done, also the committed ones. */
static int check_not_in_creation(const struct vss_snapshot *snap,
				 const struct nlattr *attr,
				 struct netlink_ext_ack *extack)
{
	const struct vss_set *set = snap->vol->set;

	lockdep_assert_held(&vss_mutex);
	if (READ_ONCE(snap->state) == VSS_SNAPSHOT_PREPARED ||
	    (set && uuid_equal(&set->uuid, &snap->set_uuid))) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "the snapshot belongs to a set in creation");
		return -EBUSY;
	}
	return 0;
}

static int snapshot_get_locked(struct nlattr **tb, struct sk_buff *reply,
			       struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;

	snap = find_snapshot(tb[VSS_A_SNAPSHOT_UUID], extack);
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	return put_snapshot(reply, snap);
}

static int snapshot_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, &snapshot_do_nest);
	if (err)
		return err;
	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = snapshot_get_locked(tb, reply.skb, info->extack);
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int snapshot_set_locked(struct nlattr **tb, struct sk_buff *reply,
			       struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;
	int err;

	snap = find_snapshot(tb[VSS_A_SNAPSHOT_UUID], extack);
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	err = check_not_in_creation(snap, tb[VSS_A_SNAPSHOT_UUID], extack);
	if (err)
		return err;
	err = vss_snapshot_set_flags(snap,
				     nla_get_u32(tb[VSS_A_SNAPSHOT_FLAGS]),
				     extack);
	if (err)
		return err;
	return put_snapshot(reply, snap);
}

static int snapshot_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_parse(tb, info, &snapshot_set_nest);
	if (err)
		return err;
	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = snapshot_set_locked(tb, reply.skb, info->extack);
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int delete_one(const struct nlattr *attr, bool force,
		      struct list_head *dropped,
		      struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;
	int err;

	snap = find_snapshot(attr, extack);
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	err = check_not_in_creation(snap, attr, extack);
	if (err)
		return err;
	return vss_snapshot_delete(snap, force, dropped, extack);
}

/* May all snapshots of the set be deleted?  And are there any? */
static int check_delete_set(const uuid_t *uuid, const struct nlattr *attr,
			    struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;
	struct vss_volume *vol;
	bool any = false;
	int err;

	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry(snap, &vol->snaps, list) {
			if (!uuid_equal(&snap->set_uuid, uuid))
				continue;
			any = true;
			err = check_not_in_creation(snap, attr, extack);
			if (err)
				return err;
		}
	}
	if (!any) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "no snapshot has this SET_UUID");
		return -ENOENT;
	}
	return 0;
}

/* All images of the set, or none. */
static bool close_set(const uuid_t *uuid, bool force)
{
	struct vss_snapshot *snap;
	struct vss_volume *vol;
	bool closed = true;

	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry(snap, &vol->snaps, list) {
			if (uuid_equal(&snap->set_uuid, uuid))
				closed = closed &&
					 vss_snapshot_close(snap, force);
		}
	}
	if (closed)
		return true;
	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry(snap, &vol->snaps, list) {
			if (uuid_equal(&snap->set_uuid, uuid))
				vss_snapshot_reopen(snap);
		}
	}
	return false;
}

static int delete_set(const struct nlattr *attr, bool force,
		      struct list_head *dropped,
		      struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap, *next;
	struct vss_volume *vol;
	uuid_t uuid;
	int err;

	vss_nl_get_uuid(&uuid, attr);
	err = check_delete_set(&uuid, attr, extack);
	if (err)
		return err;
	if (!close_set(&uuid, force)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "an image of the set is in use (mounted or open)");
		return -EBUSY;
	}
	list_for_each_entry(vol, &vss_volumes, list) {
		list_for_each_entry_safe(snap, next, &vol->snaps, list) {
			if (uuid_equal(&snap->set_uuid, &uuid))
				vss_snapshot_unlink(snap, dropped);
		}
	}
	return 0;
}

static int snapshot_delete(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	const struct nlattr *one, *set;
	struct vss_chore *chore;
	bool force;
	int err;

	err = vss_nl_parse(tb, info, &snapshot_delete_nest);
	if (err)
		return err;
	one = tb[VSS_A_SNAPSHOT_UUID];
	set = tb[VSS_A_SNAPSHOT_SET_UUID];
	force = nla_get_flag(tb[VSS_A_SNAPSHOT_FORCE]);
	if (!one && !set) {
		NL_SET_ERR_ATTR_MISS(info->extack, info->attrs[VSS_A_SNAPSHOT],
				     VSS_A_SNAPSHOT_UUID);
		NL_SET_ERR_MSG(info->extack, "UUID or SET_UUID must be given");
		return -EINVAL;
	}
	if (one && set) {
		NL_SET_ERR_MSG_ATTR(info->extack, set,
				    "SET_UUID excludes UUID");
		return -EINVAL;
	}
	chore = vss_chore_new();
	if (!chore)
		return -ENOMEM;
	err = vss_nl_lock(info->extack);
	if (err)
		goto out;
	if (one)
		err = delete_one(one, force, &chore->dropped, info->extack);
	else
		err = delete_set(set, force, &chore->dropped, info->extack);
	vss_nl_unlock();
out:
	return vss_chore_do(chore, info->extack) ?: err;
}

/**
 * struct snapshot_filter - which snapshots a dump shows
 * @by_set:	only those of @set
 * @set:	the set
 * @by_dev:	only those of the volume on @dev
 * @dev:	the volume
 */
struct snapshot_filter {
	bool	by_set;
	uuid_t	set;
	bool	by_dev;
	dev_t	dev;
};

static int get_filter(struct snapshot_filter *filter,
		      struct netlink_callback *cb)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	const struct nlattr *major, *minor;
	int err;

	err = vss_nl_parse_dump(tb, cb, &snapshot_dump_nest);
	if (err)
		return err;
	major = tb[VSS_A_SNAPSHOT_MAJOR];
	minor = tb[VSS_A_SNAPSHOT_MINOR];
	if (!major != !minor) {
		NL_SET_ERR_MSG_ATTR(cb->extack, major ?: minor,
				    "MAJOR and MINOR must be given together");
		return -EINVAL;
	}
	filter->by_dev = major;
	if (major)
		filter->dev = vss_nl_get_dev(major, minor);
	filter->by_set = tb[VSS_A_SNAPSHOT_SET_UUID];
	if (filter->by_set)
		vss_nl_get_uuid(&filter->set, tb[VSS_A_SNAPSHOT_SET_UUID]);
	return 0;
}

static int dump_snapshot(struct sk_buff *skb, struct netlink_callback *cb,
			 struct vss_snapshot *snap)
{
	void *hdr = vss_nl_dump_begin(skb, cb, VSS_CMD_SNAPSHOT_GET);

	if (!hdr)
		return -EMSGSIZE;
	return vss_nl_dump_end(skb, hdr, put_snapshot(skb, snap));
}

static int dump_snapshots(struct sk_buff *skb, struct netlink_callback *cb,
			  struct vss_volume *vol,
			  const struct snapshot_filter *filter)
{
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct vss_snapshot *snap;
	u32 i = 0;
	int err;

	list_for_each_entry(snap, &vol->snaps, list) {
		if (i++ < pos->item)
			continue;
		if (!filter->by_set ||
		    uuid_equal(&filter->set, &snap->set_uuid)) {
			err = dump_snapshot(skb, cb, snap);
			if (err)
				return err;
		}
		pos->item = i;
	}
	return 0;
}

static int snapshot_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vss_nl_pos *pos = vss_nl_pos(cb);
	struct snapshot_filter filter;
	struct vss_volume *vol;
	u32 v = 0;
	int err;

	err = get_filter(&filter, cb);
	if (err)
		return err;
	err = vss_nl_dump_lock(cb);
	if (err)
		return err;
	list_for_each_entry(vol, &vss_volumes, list) {
		if (v++ < pos->volume)
			continue;
		if (!filter.by_dev || filter.dev == vol->bdev->bd_dev) {
			err = dump_snapshots(skb, cb, vol, &filter);
			if (err)
				break;
		}
		pos->volume = v;
		pos->item = 0;
	}
	return vss_nl_dump_unlock(skb, err);
}

static const struct genl_ops snapshot_ops[] = {
	{
		.cmd = VSS_CMD_SNAPSHOT_GET,
		.policy = snapshot_get_policy,
		.maxattr = ARRAY_SIZE(snapshot_get_policy) - 1,
		.doit = snapshot_get,
		.start = vss_nl_dump_start,
		.dumpit = snapshot_dump,
	},
	{
		.cmd = VSS_CMD_SNAPSHOT_SET,
		.policy = snapshot_set_policy,
		.maxattr = ARRAY_SIZE(snapshot_set_policy) - 1,
		.doit = snapshot_set,
	},
	{
		.cmd = VSS_CMD_SNAPSHOT_DELETE,
		.policy = snapshot_delete_policy,
		.maxattr = ARRAY_SIZE(snapshot_delete_policy) - 1,
		.doit = snapshot_delete,
	},
};

const struct vss_nl_ops vss_nl_snapshot_ops = {
	.ops = snapshot_ops,
	.nr = ARRAY_SIZE(snapshot_ops),
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "vss": requests of userspace are checked here,
 * handed to the rest of the module, and answered.
 *
 * The protocol is in <linux/vss.h>.  The policies below say what a command
 * takes, and the netlink core refuses everything else before a command runs.
 * What policies cannot say (attributes that must be there, or must be there
 * once) is checked by parse_nest().
 *
 * The reply is allocated before a command does its work: a command that
 * failed must not have done anything.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "area.h"
#include "compat.h"
#include "hook.h"
#include "netlink.h"
#include "set.h"
#include "snapshot.h"
#include "version.h"
#include "volume.h"

/*
 * The longest message of a dump: a part of an area with the path of its file.
 * The caller's buffer must be as large.
 */
#define DUMP_ALLOC	8192

/* Counts changes of the lists that can be dumped; never 0. */
static unsigned int generation = 1;
/* Events of a family that is not registered could reach another one's group. */
static bool registered;

/*
 * Policies: for each command the attributes of its nest, then the nest.
 */

static struct netlink_range_validation major_range = {
	.max = (1U << (32 - MINORBITS)) - 1,
};

static struct netlink_range_validation minor_range = {
	.max = MINORMASK,
};

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

static struct netlink_range_validation hold_timeout_range = {
	.min = 1,
	.max = VSS_MAX_HOLD_TIMEOUT_MS,
};

static struct netlink_range_validation freeze_timeout_range = {
	.min = 1,
	.max = VSS_MAX_FREEZE_TIMEOUT_MS,
};

#define MAJOR_POLICY	NLA_POLICY_FULL_RANGE(NLA_U32, &major_range)
#define MINOR_POLICY	NLA_POLICY_FULL_RANGE(NLA_U32, &minor_range)
#define UUID_POLICY	NLA_POLICY_EXACT_LEN(VSS_UUID_SIZE)
#define FD_POLICY	NLA_POLICY_MIN(NLA_S32, 0)
#define LEVEL_POLICY	NLA_POLICY_MAX(NLA_U32, 15)
#define REJECT_POLICY(message) { .type = NLA_REJECT, .reject_message = message }

/**
 * struct nest - the attributes that a command takes
 * @attr:	the top-level attribute that holds them
 * @policy:	their policy
 * @max:	highest of their types
 * @required:	bits of those that must be there
 * @repeated:	bits of those that may be there more than once
 */
struct nest {
	int			attr;
	const struct nla_policy	*policy;
	int			max;
	u32			required;
	u32			repeated;
};

static_assert(VSS_A_MAX < 32 && VSS_A_VOLUME_MAX < 32 &&
	      VSS_A_AREA_MAX < 32 && VSS_A_SET_MAX < 32 &&
	      VSS_A_SNAPSHOT_MAX < 32);

/* Of the family: for commands that take nothing. */
static const struct nla_policy nothing_policy[VSS_A_MAX + 1];

/* VOLUME_ATTACH */
static const struct nla_policy volume_attach_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_VOLUME_MINOR] = MINOR_POLICY,
	[VSS_A_VOLUME_CHUNK_SIZE] = NLA_POLICY_FULL_RANGE(NLA_U32,
							  &chunk_size_range),
	[VSS_A_VOLUME_COPY_MEMORY] = NLA_POLICY_FULL_RANGE(NLA_U64,
							   &copy_memory_range),
};

static const struct nla_policy volume_attach_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_attach_attrs),
};

static const struct nest volume_attach_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_attach_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_DETACH */
static const struct nla_policy volume_detach_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_VOLUME_MINOR] = MINOR_POLICY,
	[VSS_A_VOLUME_FORCE] = { .type = NLA_FLAG },
};

static const struct nla_policy volume_detach_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_detach_attrs),
};

static const struct nest volume_detach_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_detach_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_GET; its dump takes nothing */
static const struct nla_policy volume_get_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_VOLUME_MINOR] = MINOR_POLICY,
};

static const struct nla_policy volume_get_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_get_attrs),
};

static const struct nest volume_get_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_get_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* VOLUME_SET */
static const struct nla_policy volume_set_attrs[VSS_A_VOLUME_MAX + 1] = {
	[VSS_A_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_VOLUME_MINOR] = MINOR_POLICY,
	[VSS_A_VOLUME_LOW_WATER] = NLA_POLICY_FULL_RANGE(NLA_U64,
							 &low_water_range),
	[VSS_A_VOLUME_COPY_MEMORY] = NLA_POLICY_FULL_RANGE(NLA_U64,
							   &copy_memory_range),
};

static const struct nla_policy volume_set_policy[] = {
	[VSS_A_VOLUME] = NLA_POLICY_NESTED(volume_set_attrs),
};

static const struct nest volume_set_nest = {
	.attr = VSS_A_VOLUME,
	.policy = volume_set_attrs,
	.max = VSS_A_VOLUME_MAX,
	.required = BIT(VSS_A_VOLUME_MAJOR) | BIT(VSS_A_VOLUME_MINOR),
};

/* AREA_ADD */
static const struct nla_policy area_add_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_AREA_VOLUME_MINOR] = MINOR_POLICY,
	[VSS_A_AREA_DEV_MAJOR] = MAJOR_POLICY,
	[VSS_A_AREA_DEV_MINOR] = MINOR_POLICY,
	[VSS_A_AREA_FD] = FD_POLICY,
};

static const struct nla_policy area_add_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_add_attrs),
};

static const struct nest area_add_nest = {
	.attr = VSS_A_AREA,
	.policy = area_add_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR),
};

/* AREA_EXTENTS */
static const struct nla_policy extent_attrs[VSS_A_EXTENT_MAX + 1] = {
	[VSS_A_EXTENT_START] = { .type = NLA_U64 },
	[VSS_A_EXTENT_LENGTH] = { .type = NLA_U64 },
};

static const struct nest extent_nest = {
	.policy = extent_attrs,
	.max = VSS_A_EXTENT_MAX,
	.required = BIT(VSS_A_EXTENT_START) | BIT(VSS_A_EXTENT_LENGTH),
};

static const struct nla_policy area_extents_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_AREA_VOLUME_MINOR] = MINOR_POLICY,
	[VSS_A_AREA_ID] = { .type = NLA_U32 },
	[VSS_A_AREA_LAST] = { .type = NLA_FLAG },
	[VSS_A_AREA_EXTENT] = NLA_POLICY_NESTED(extent_attrs),
};

static const struct nla_policy area_extents_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_extents_attrs),
};

static const struct nest area_extents_nest = {
	.attr = VSS_A_AREA,
	.policy = area_extents_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR) | BIT(VSS_A_AREA_ID),
	.repeated = BIT(VSS_A_AREA_EXTENT),
};

/* AREA_GET */
static const struct nla_policy area_get_attrs[VSS_A_AREA_MAX + 1] = {
	[VSS_A_AREA_VOLUME_MAJOR] = MAJOR_POLICY,
	[VSS_A_AREA_VOLUME_MINOR] = MINOR_POLICY,
};

static const struct nla_policy area_get_policy[] = {
	[VSS_A_AREA] = NLA_POLICY_NESTED(area_get_attrs),
};

static const struct nest area_get_nest = {
	.attr = VSS_A_AREA,
	.policy = area_get_attrs,
	.max = VSS_A_AREA_MAX,
	.required = BIT(VSS_A_AREA_VOLUME_MAJOR) |
		    BIT(VSS_A_AREA_VOLUME_MINOR),
};

/* SET_PREPARE */
static const struct nla_policy member_attrs[VSS_A_MEMBER_MAX + 1] = {
	[VSS_A_MEMBER_MAJOR] = MAJOR_POLICY,
	[VSS_A_MEMBER_MINOR] = MINOR_POLICY,
	[VSS_A_MEMBER_SNAPSHOT_UUID] = UUID_POLICY,
	[VSS_A_MEMBER_LEVEL] = LEVEL_POLICY,
};

static const struct nest member_nest = {
	.policy = member_attrs,
	.max = VSS_A_MEMBER_MAX,
	.required = BIT(VSS_A_MEMBER_MAJOR) | BIT(VSS_A_MEMBER_MINOR) |
		    BIT(VSS_A_MEMBER_SNAPSHOT_UUID),
};

static const struct nla_policy freeze_attrs[VSS_A_FREEZE_MAX + 1] = {
	[VSS_A_FREEZE_FD] = FD_POLICY,
	[VSS_A_FREEZE_LEVEL] = LEVEL_POLICY,
};

static const struct nest freeze_nest = {
	.policy = freeze_attrs,
	.max = VSS_A_FREEZE_MAX,
	.required = BIT(VSS_A_FREEZE_FD),
};

static const struct nla_policy set_prepare_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = UUID_POLICY,
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

static const struct nest set_prepare_nest = {
	.attr = VSS_A_SET,
	.policy = set_prepare_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID) | BIT(VSS_A_SET_MEMBER),
	.repeated = BIT(VSS_A_SET_MEMBER) | BIT(VSS_A_SET_FREEZE),
};

/* SET_STEP */
static const struct nla_policy set_step_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = UUID_POLICY,
	[VSS_A_SET_STATE] = NLA_POLICY_RANGE(NLA_U32, VSS_SET_FROZEN,
					     VSS_SET_DONE),
};

static const struct nla_policy set_step_policy[] = {
	[VSS_A_SET] = NLA_POLICY_NESTED(set_step_attrs),
};

static const struct nest set_step_nest = {
	.attr = VSS_A_SET,
	.policy = set_step_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID) | BIT(VSS_A_SET_STATE),
};

/* SET_ABORT, SET_GET; the dump takes nothing */
static const struct nla_policy set_get_attrs[VSS_A_SET_MAX + 1] = {
	[VSS_A_SET_UUID] = UUID_POLICY,
};

static const struct nla_policy set_get_policy[] = {
	[VSS_A_SET] = NLA_POLICY_NESTED(set_get_attrs),
};

static const struct nest set_get_nest = {
	.attr = VSS_A_SET,
	.policy = set_get_attrs,
	.max = VSS_A_SET_MAX,
	.required = BIT(VSS_A_SET_UUID),
};

/* SNAPSHOT_GET: the first for the core, which knows one policy a command */
static const struct nla_policy snapshot_get_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_SET_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_MAJOR] = MAJOR_POLICY,
	[VSS_A_SNAPSHOT_MINOR] = MINOR_POLICY,
};

static const struct nla_policy snapshot_get_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_get_attrs),
};

static const struct nla_policy snapshot_do_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_SET_UUID] = REJECT_POLICY("SET_UUID chooses snapshots of a dump only"),
	[VSS_A_SNAPSHOT_MAJOR] = REJECT_POLICY("MAJOR chooses snapshots of a dump only"),
	[VSS_A_SNAPSHOT_MINOR] = REJECT_POLICY("MINOR chooses snapshots of a dump only"),
};

static const struct nest snapshot_do_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_do_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
	.required = BIT(VSS_A_SNAPSHOT_UUID),
};

static const struct nla_policy snapshot_dump_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = REJECT_POLICY("a dump does not take a snapshot's UUID"),
	[VSS_A_SNAPSHOT_SET_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_MAJOR] = MAJOR_POLICY,
	[VSS_A_SNAPSHOT_MINOR] = MINOR_POLICY,
};

static const struct nest snapshot_dump_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_dump_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
};

/* SNAPSHOT_SET */
static const struct nla_policy snapshot_set_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_FLAGS] = NLA_POLICY_MASK(NLA_U32, VSS_SNAPSHOT_F_ALL),
};

static const struct nla_policy snapshot_set_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_set_attrs),
};

static const struct nest snapshot_set_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_set_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
	.required = BIT(VSS_A_SNAPSHOT_UUID) | BIT(VSS_A_SNAPSHOT_FLAGS),
};

/* SNAPSHOT_DELETE */
static const struct nla_policy snapshot_delete_attrs[VSS_A_SNAPSHOT_MAX + 1] = {
	[VSS_A_SNAPSHOT_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_SET_UUID] = UUID_POLICY,
	[VSS_A_SNAPSHOT_FORCE] = { .type = NLA_FLAG },
};

static const struct nla_policy snapshot_delete_policy[] = {
	[VSS_A_SNAPSHOT] = NLA_POLICY_NESTED(snapshot_delete_attrs),
};

static const struct nest snapshot_delete_nest = {
	.attr = VSS_A_SNAPSHOT,
	.policy = snapshot_delete_attrs,
	.max = VSS_A_SNAPSHOT_MAX,
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

/* Attributes of @attr by type, all of @nest's rules kept. */
static int parse_nest(struct nlattr **tb, const struct nlattr *attr,
		      const struct nest *nest, struct netlink_ext_ack *extack)
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

/* The same for the nest of a command. */
static int parse_request(struct nlattr **tb, struct genl_info *info,
			 const struct nest *nest)
{
	if (GENL_REQ_ATTR_CHECK(info, nest->attr)) {
		NL_SET_ERR_MSG(info->extack,
			       "the command's nest of attributes is missing");
		return -EINVAL;
	}
	return parse_nest(tb, info->attrs[nest->attr], nest, info->extack);
}

static dev_t get_dev(const struct nlattr *major, const struct nlattr *minor)
{
	return MKDEV(nla_get_u32(major), nla_get_u32(minor));
}

static void get_uuid(uuid_t *uuid, const struct nlattr *attr)
{
	import_uuid(uuid, nla_data(attr));
}

static int lock_state(struct netlink_ext_ack *extack)
{
	int err = mutex_lock_killable(&vss_mutex);

	if (err)
		NL_SET_ERR_MSG(extack, "killed while waiting for other commands");
	return err;
}

static void unlock_state(void)
{
	mutex_unlock(&vss_mutex);
}

static struct vss_volume *find_volume(const struct nlattr *major,
				      const struct nlattr *minor,
				      struct netlink_ext_ack *extack)
{
	struct vss_volume *vol = vss_volume_find(get_dev(major, minor));

	if (!vol) {
		NL_SET_ERR_MSG_ATTR(extack, major, "the volume is not tracked");
		return ERR_PTR(-ENODEV);
	}
	return vol;
}

static struct vss_set *find_set(const struct nlattr *attr,
				struct netlink_ext_ack *extack)
{
	struct vss_set *set;
	uuid_t uuid;

	get_uuid(&uuid, attr);
	set = vss_set_get(&uuid);
	if (!set) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "no set in creation has this UUID");
		return ERR_PTR(-ENOENT);
	}
	return set;
}

static struct vss_snapshot *find_snapshot(const struct nlattr *attr,
					  struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap;
	uuid_t uuid;

	get_uuid(&uuid, attr);
	snap = vss_snapshot_find(&uuid);
	if (!snap) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "no snapshot has this UUID");
		return ERR_PTR(-ENOENT);
	}
	return snap;
}

/*
 * Building replies
 */

/**
 * struct reply - a reply being built
 * @skb:	the message
 * @hdr:	its header
 */
struct reply {
	struct sk_buff	*skb;
	void		*hdr;
};

static int reply_begin(struct reply *reply, struct genl_info *info,
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

/* Send the reply, or drop it because the command failed. */
static int reply_end(struct reply *reply, struct genl_info *info, int err)
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

static int put_dev(struct sk_buff *skb, int major, int minor, dev_t dev)
{
	return nla_put_u32(skb, major, MAJOR(dev)) ?:
		nla_put_u32(skb, minor, MINOR(dev));
}

static int put_uuid(struct sk_buff *skb, int attr, const uuid_t *uuid)
{
	return nla_put(skb, attr, VSS_UUID_SIZE, uuid);
}

/* The kernel's name of a device, as in /sys/class/block. */
static int put_bdev_name(struct sk_buff *skb, int attr,
			 struct block_device *bdev)
{
	char name[BDEVNAME_SIZE + 16];

	snprintf(name, sizeof(name), "%pg", bdev);
	return nla_put_string(skb, attr, name);
}

static int put_module(struct sk_buff *skb)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_MODULE);

	if (!nest ||
	    nla_put_string(skb, VSS_A_MODULE_VERSION, VSS_VERSION) ||
	    nla_put_u32(skb, VSS_A_MODULE_HOOK_STATE, vss_hook_state()) ||
	    nla_put_u64_64bit(skb, VSS_A_MODULE_HOOK_BIOS, vss_hook_bios(),
			      VSS_A_MODULE_PAD) ||
	    nla_put_u32(skb, VSS_A_MODULE_MAX_VOLUMES, VSS_MAX_VOLUMES) ||
	    nla_put_u32(skb, VSS_A_MODULE_MAX_SNAPSHOTS, VSS_MAX_SNAPSHOTS) ||
	    nla_put_u32(skb, VSS_A_MODULE_MAX_MEMBERS, VSS_MAX_MEMBERS) ||
	    nla_put_u32(skb, VSS_A_MODULE_VOLUMES, vss_nr_volumes))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

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
	    put_dev(skb, VSS_A_VOLUME_MAJOR, VSS_A_VOLUME_MINOR,
		    vol->bdev->bd_dev) ||
	    put_bdev_name(skb, VSS_A_VOLUME_NAME, vol->bdev) ||
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
						      VSS_VOLUME_TRACKED))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

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
	int err;

	lockdep_assert_held(&vss_mutex);
	if (!nest ||
	    put_dev(skb, VSS_A_AREA_VOLUME_MAJOR, VSS_A_AREA_VOLUME_MINOR,
		    vol->bdev->bd_dev) ||
	    nla_put_u32(skb, VSS_A_AREA_ID, part->id) ||
	    nla_put_u32(skb, VSS_A_AREA_TYPE, part->type) ||
	    put_dev(skb, VSS_A_AREA_DEV_MAJOR, VSS_A_AREA_DEV_MINOR,
		    part->bdev->bd_dev) ||
	    put_part_bytes(skb, VSS_A_AREA_SIZE, vol, part->slots) ||
	    put_part_bytes(skb, VSS_A_AREA_USED, vol, READ_ONCE(part->used)) ||
	    (part->on_origin && nla_put_flag(skb, VSS_A_AREA_ON_ORIGIN)) ||
	    nla_put_u32(skb, VSS_A_AREA_STATE, READ_ONCE(part->state)))
		return -EMSGSIZE;
	if (part->file) {
		err = put_path(skb, part->file);
		if (err)
			return err;
	}
	nla_nest_end(skb, nest);
	return 0;
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
	    put_dev(skb, VSS_A_MEMBER_MAJOR, VSS_A_MEMBER_MINOR,
		    member->dev) ||
	    put_uuid(skb, VSS_A_MEMBER_SNAPSHOT_UUID, &member->uuid) ||
	    nla_put_u32(skb, VSS_A_MEMBER_LEVEL, member->level))
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
	    put_uuid(skb, VSS_A_SET_UUID, &set->uuid) ||
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

static int put_snapshot_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VSS_A_SNAPSHOT_PAD);
}

/* The image: its name is fixed early, its number when it becomes visible. */
static int put_image(struct sk_buff *skb, const struct vss_snapshot *snap)
{
	return nla_put_string(skb, VSS_A_SNAPSHOT_NAME,
			      snap->disk->disk_name) ?:
		put_dev(skb, VSS_A_SNAPSHOT_DEV_MAJOR,
			VSS_A_SNAPSHOT_DEV_MINOR,
			snap->disk_added ? disk_devt(snap->disk) : 0);
}

static int put_snapshot(struct sk_buff *skb, struct vss_snapshot *snap)
{
	struct nlattr *nest = nla_nest_start(skb, VSS_A_SNAPSHOT);
	struct vss_volume *vol = snap->vol;

	lockdep_assert_held(&vss_mutex);
	if (!nest ||
	    put_uuid(skb, VSS_A_SNAPSHOT_UUID, &snap->uuid) ||
	    put_uuid(skb, VSS_A_SNAPSHOT_SET_UUID, &snap->set_uuid) ||
	    put_dev(skb, VSS_A_SNAPSHOT_MAJOR, VSS_A_SNAPSHOT_MINOR,
		    vol->bdev->bd_dev) ||
	    put_bdev_name(skb, VSS_A_SNAPSHOT_VOLUME_NAME, vol->bdev) ||
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

/*
 * Dumps
 *
 * A dump goes on where the last message ended by the numbers of the objects
 * in their lists.  A change between two messages may make it skip or repeat
 * some, but that is told to the caller by NLM_F_DUMP_INTR.
 */

/**
 * struct dump_pos - where a dump goes on
 * @volume:	number of the volume (or set) in its list
 * @item:	number of the part or snapshot in the volume's list
 */
struct dump_pos {
	u32	volume;
	u32	item;
};

static struct dump_pos *dump_pos(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump_pos) > sizeof(cb->ctx));
	return (struct dump_pos *)cb->ctx;
}

/* .start of every dump, as .pre_doit is of every other command. */
static int start_dump(struct netlink_callback *cb)
{
	cb->min_dump_alloc = DUMP_ALLOC;
	return check_caller(cb->skb, cb->extack);
}

/*
 * Attributes of a dump's request.  They are read here, in each call, and not
 * in .start, which has no extack in 6.1.
 */
static int parse_dump(struct nlattr **tb, struct netlink_callback *cb,
		      const struct nest *nest)
{
	struct nlattr *attr = vss_dump_attrs(cb)[nest->attr];
	int err;

	err = check_top(cb->nlh, cb->extack);
	if (err)
		return err;
	memset(tb, 0, (nest->max + 1) * sizeof(*tb));
	return attr ? parse_nest(tb, attr, nest, cb->extack) : 0;
}

static int refuse_attr(struct netlink_callback *cb, int type)
{
	struct nlattr *attr = vss_dump_attrs(cb)[type];

	if (!attr)
		return 0;
	NL_SET_ERR_MSG_ATTR(cb->extack, attr,
			    "a dump of this command takes no attributes");
	return -EINVAL;
}

static int dump_lock(struct netlink_callback *cb)
{
	int err = lock_state(cb->extack);

	if (!err)
		cb->seq = generation;
	return err;
}

/* What a dump call returns; 0 ends the dump. */
static int dump_unlock(struct sk_buff *skb, int err)
{
	unlock_state();
	/* No room in a message that has some objects: go on in the next. */
	if (err == -EMSGSIZE && skb->len)
		err = 0;
	return err ?: skb->len;
}

static void *dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &vss_genl_family, NLM_F_MULTI, cmd);
	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

static int dump_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

/*
 * Commands: the module
 */

static int module_get(struct sk_buff *skb, struct genl_info *info)
{
	struct reply reply;
	int err;

	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = put_module(reply.skb);
		unlock_state();
	}
	return reply_end(&reply, info, err);
}

static int module_test(struct sk_buff *skb, struct genl_info *info)
{
	struct reply reply;
	int err;

	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = vss_hook_get(info->extack);
		if (!err) {
			/* Again, if the hook was in use already. */
			err = vss_selftest_run(info->extack);
			if (!err)
				err = put_module(reply.skb);
			vss_hook_put();
		}
		unlock_state();
	}
	return reply_end(&reply, info, err);
}

/*
 * Commands: volumes
 */

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

	return vss_volume_attach(get_dev(tb[VSS_A_VOLUME_MAJOR],
					 tb[VSS_A_VOLUME_MINOR]),
				 chunk_size, copy_memory, volp, extack);
}

static int volume_attach(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	struct reply reply;
	int err;

	err = parse_request(tb, info, &volume_attach_nest);
	if (err)
		return err;
	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = attach_locked(tb, &vol, info->extack);
		if (!err)
			err = put_volume(reply.skb, vol);
		unlock_state();
	}
	return reply_end(&reply, info, err);
}

static int volume_detach(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	int err;

	err = parse_request(tb, info, &volume_detach_nest);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (err)
		return err;
	vol = find_volume(tb[VSS_A_VOLUME_MAJOR], tb[VSS_A_VOLUME_MINOR],
			  info->extack);
	err = PTR_ERR_OR_ZERO(vol);
	if (!err)
		err = vss_volume_detach(vol,
					nla_get_flag(tb[VSS_A_VOLUME_FORCE]),
					info->extack);
	unlock_state();
	return err;
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
static int volume_get_or_set(struct genl_info *info, const struct nest *nest)
{
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	struct vss_volume *vol;
	struct reply reply;
	int err;

	err = parse_request(tb, info, nest);
	if (err)
		return err;
	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		vol = find_volume(tb[VSS_A_VOLUME_MAJOR],
				  tb[VSS_A_VOLUME_MINOR], info->extack);
		err = PTR_ERR_OR_ZERO(vol);
		if (!err) {
			set_volume(vol, tb);
			err = put_volume(reply.skb, vol);
		}
		unlock_state();
	}
	return reply_end(&reply, info, err);
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
	void *hdr = dump_begin(skb, cb, VSS_CMD_VOLUME_GET);

	return hdr ? dump_end(skb, hdr, put_volume(skb, vol)) : -EMSGSIZE;
}

static int volume_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump_pos *pos = dump_pos(cb);
	struct vss_volume *vol;
	u32 v = 0;
	int err;

	err = check_top(cb->nlh, cb->extack) ?: refuse_attr(cb, VSS_A_VOLUME);
	if (err)
		return err;
	err = dump_lock(cb);
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
	return dump_unlock(skb, err);
}

/*
 * Commands: diff areas
 */

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
	if (tb[VSS_A_AREA_FD] || (major && minor))
		return 0;

	NL_SET_ERR_ATTR_MISS(extack, nest, major ? VSS_A_AREA_DEV_MINOR :
						   VSS_A_AREA_DEV_MAJOR);
	NL_SET_ERR_MSG(extack,
		       "DEV_MAJOR and DEV_MINOR, or FD, must be given");
	return -EINVAL;
}

static struct vss_part *add_part(struct vss_volume *vol, struct nlattr **tb,
				 struct netlink_ext_ack *extack)
{
	struct vss_part *part;
	int err;

	if (tb[VSS_A_AREA_FD])
		err = vss_area_add_file(vol, nla_get_s32(tb[VSS_A_AREA_FD]),
					&part, extack);
	else
		err = vss_area_add_device(vol,
					  get_dev(tb[VSS_A_AREA_DEV_MAJOR],
						  tb[VSS_A_AREA_DEV_MINOR]),
					  &part, extack);
	return err ? ERR_PTR(err) : part;
}

static int area_add_locked(struct nlattr **tb, struct sk_buff *reply,
			   struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	struct vss_part *part;

	vol = find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
			  tb[VSS_A_AREA_VOLUME_MINOR], extack);
	if (IS_ERR(vol))
		return PTR_ERR(vol);
	part = add_part(vol, tb, extack);
	if (IS_ERR(part))
		return PTR_ERR(part);
	return put_part(reply, vol, part);
}

static int area_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct reply reply;
	int err;

	err = parse_request(tb, info, &area_add_nest);
	if (err)
		return err;
	err = check_area_add(tb, info->attrs[VSS_A_AREA], info->extack);
	if (err)
		return err;
	err = reply_begin(&reply, info, part_size());
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = area_add_locked(tb, reply.skb, info->extack);
		unlock_state();
	}
	return reply_end(&reply, info, err);
}

static int get_extent(struct vss_raw_extent *ext, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VSS_A_EXTENT_MAX + 1];
	u64 start, length;
	int err;

	err = parse_nest(tb, attr, &extent_nest, extack);
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

static int add_extents_locked(struct nlattr **tb,
			      const struct vss_raw_extent *ext, u32 nr,
			      struct netlink_ext_ack *extack)
{
	struct vss_volume *vol;
	struct vss_part *part;

	vol = find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
			  tb[VSS_A_AREA_VOLUME_MINOR], extack);
	if (IS_ERR(vol))
		return PTR_ERR(vol);
	part = vss_area_part(vol, nla_get_u32(tb[VSS_A_AREA_ID]));
	if (!part) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VSS_A_AREA_ID],
				    "the diff area has no part of this ID");
		return -ENOENT;
	}
	return vss_area_add_extents(vol, part, ext, nr,
				    nla_get_flag(tb[VSS_A_AREA_LAST]), extack);
}

static int area_extents(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_AREA_MAX + 1];
	struct vss_raw_extent *ext;
	u32 nr;
	int err;

	err = parse_request(tb, info, &area_extents_nest);
	if (err)
		return err;
	ext = kvcalloc(VSS_MAX_EXTENTS_MSG, sizeof(*ext), GFP_KERNEL);
	if (!ext)
		return -ENOMEM;
	err = get_extents(ext, &nr, info->attrs[VSS_A_AREA], info->extack);
	if (err)
		goto out;
	err = lock_state(info->extack);
	if (err)
		goto out;
	err = add_extents_locked(tb, ext, nr, info->extack);
	unlock_state();
out:
	kvfree(ext);
	return err;
}

static int dump_part(struct sk_buff *skb, struct netlink_callback *cb,
		     struct vss_volume *vol, struct vss_part *part)
{
	void *hdr = dump_begin(skb, cb, VSS_CMD_AREA_GET);

	return hdr ? dump_end(skb, hdr, put_part(skb, vol, part)) : -EMSGSIZE;
}

static int dump_parts(struct sk_buff *skb, struct netlink_callback *cb,
		      struct vss_volume *vol)
{
	struct dump_pos *pos = dump_pos(cb);
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
	struct dump_pos *pos = dump_pos(cb);
	struct vss_volume *vol, *only = NULL;
	u32 v = 0;
	int err;

	err = parse_dump(tb, cb, &area_get_nest);
	if (err)
		return err;
	err = dump_lock(cb);
	if (err)
		return err;
	if (tb[VSS_A_AREA_VOLUME_MAJOR]) {
		only = find_volume(tb[VSS_A_AREA_VOLUME_MAJOR],
				   tb[VSS_A_AREA_VOLUME_MINOR], cb->extack);
		if (IS_ERR(only))
			return dump_unlock(skb, PTR_ERR(only));
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
	return dump_unlock(skb, err);
}

/*
 * Commands: sets.  What works on them takes vss_mutex itself.
 */

static int get_member(struct vss_member_request *member,
		      const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VSS_A_MEMBER_MAX + 1];
	int err;

	err = parse_nest(tb, attr, &member_nest, extack);
	if (err)
		return err;
	member->dev = get_dev(tb[VSS_A_MEMBER_MAJOR], tb[VSS_A_MEMBER_MINOR]);
	get_uuid(&member->snapshot, tb[VSS_A_MEMBER_SNAPSHOT_UUID]);
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

	err = parse_nest(tb, attr, &freeze_nest, extack);
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
	get_uuid(&req->uuid, tb[VSS_A_SET_UUID]);
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
	struct reply reply;
	int err;

	err = reply_begin(&reply, info, set_size(req->nr_members));
	if (err)
		return err;
	err = vss_set_prepare(req, &set, info->extack);
	if (!err) {
		err = put_set(reply.skb, set);
		vss_set_put(set);
	}
	return reply_end(&reply, info, err);
}

static int set_prepare(struct sk_buff *skb, struct genl_info *info)
{
	struct vss_set_request req = { .owner = info->snd_portid };
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	int err;

	err = parse_request(tb, info, &set_prepare_nest);
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
	struct reply reply;
	int err;

	err = reply_begin(&reply, info, set_size(set->nr));
	if (err)
		return err;
	err = vss_set_step(set, info->snd_portid, target, info->extack);
	if (!err)
		err = put_set(reply.skb, set);
	return reply_end(&reply, info, err);
}

static int set_step(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct vss_set *set;
	unsigned int noio;
	int err;

	err = parse_request(tb, info, &set_step_nest);
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

	err = parse_request(tb, info, &set_get_nest);
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
	struct reply reply;
	int err;

	err = parse_request(tb, info, &set_get_nest);
	if (err)
		return err;
	set = find_set(tb[VSS_A_SET_UUID], info->extack);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = reply_begin(&reply, info, set_size(set->nr));
	if (!err)
		err = reply_end(&reply, info, put_set(reply.skb, set));
	vss_set_put(set);
	return err;
}

static int dump_set(struct sk_buff *skb, struct netlink_callback *cb,
		    const struct vss_set *set)
{
	void *hdr = dump_begin(skb, cb, VSS_CMD_SET_GET);

	return hdr ? dump_end(skb, hdr, put_set(skb, set)) : -EMSGSIZE;
}

static int set_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump_pos *pos = dump_pos(cb);
	struct vss_set *set;
	u32 s = 0;
	int err;

	err = check_top(cb->nlh, cb->extack) ?: refuse_attr(cb, VSS_A_SET);
	if (err)
		return err;
	err = dump_lock(cb);
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
	return dump_unlock(skb, err);
}

/*
 * Commands: snapshots
 */

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
	struct reply reply;
	int err;

	err = parse_request(tb, info, &snapshot_do_nest);
	if (err)
		return err;
	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = snapshot_get_locked(tb, reply.skb, info->extack);
		unlock_state();
	}
	return reply_end(&reply, info, err);
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
	struct reply reply;
	int err;

	err = parse_request(tb, info, &snapshot_set_nest);
	if (err)
		return err;
	err = reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = lock_state(info->extack);
	if (!err) {
		err = snapshot_set_locked(tb, reply.skb, info->extack);
		unlock_state();
	}
	return reply_end(&reply, info, err);
}

static int delete_one(const struct nlattr *attr, bool force,
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
	return vss_snapshot_delete(snap, force, extack);
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
				closed &= vss_snapshot_close(snap, force);
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
		      struct netlink_ext_ack *extack)
{
	struct vss_snapshot *snap, *next;
	struct vss_volume *vol;
	uuid_t uuid;
	int err;

	get_uuid(&uuid, attr);
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
				vss_snapshot_drop(snap);
		}
	}
	return 0;
}

static int snapshot_delete(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	const struct nlattr *one, *set;
	bool force;
	int err;

	err = parse_request(tb, info, &snapshot_delete_nest);
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
	err = lock_state(info->extack);
	if (err)
		return err;
	if (one)
		err = delete_one(one, force, info->extack);
	else
		err = delete_set(set, force, info->extack);
	unlock_state();
	return err;
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

	err = parse_dump(tb, cb, &snapshot_dump_nest);
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
		filter->dev = get_dev(major, minor);
	filter->by_set = tb[VSS_A_SNAPSHOT_SET_UUID];
	if (filter->by_set)
		get_uuid(&filter->set, tb[VSS_A_SNAPSHOT_SET_UUID]);
	return 0;
}

static int dump_snapshot(struct sk_buff *skb, struct netlink_callback *cb,
			 struct vss_snapshot *snap)
{
	void *hdr = dump_begin(skb, cb, VSS_CMD_SNAPSHOT_GET);

	return hdr ? dump_end(skb, hdr, put_snapshot(skb, snap)) : -EMSGSIZE;
}

static int dump_snapshots(struct sk_buff *skb, struct netlink_callback *cb,
			  struct vss_volume *vol,
			  const struct snapshot_filter *filter)
{
	struct dump_pos *pos = dump_pos(cb);
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
	struct dump_pos *pos = dump_pos(cb);
	struct snapshot_filter filter;
	struct vss_volume *vol;
	u32 v = 0;
	int err;

	err = get_filter(&filter, cb);
	if (err)
		return err;
	err = dump_lock(cb);
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
	return dump_unlock(skb, err);
}

/*
 * The family
 */

/*
 * Every dump has start_dump() as its .start: with pre_doit() it makes sure
 * that no command runs for those who may not use it.
 */
static const struct genl_ops vss_ops[] = {
	{
		.cmd = VSS_CMD_MODULE_GET,
		.doit = module_get,
	},
	{
		.cmd = VSS_CMD_MODULE_TEST,
		.doit = module_test,
	},
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
		.start = start_dump,
		.dumpit = volume_dump,
	},
	{
		.cmd = VSS_CMD_VOLUME_SET,
		.policy = volume_set_policy,
		.maxattr = ARRAY_SIZE(volume_set_policy) - 1,
		.doit = volume_set,
	},
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
		.start = start_dump,
		.dumpit = area_dump,
	},
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
		.start = start_dump,
		.dumpit = set_dump,
	},
	{
		.cmd = VSS_CMD_SNAPSHOT_GET,
		.policy = snapshot_get_policy,
		.maxattr = ARRAY_SIZE(snapshot_get_policy) - 1,
		.doit = snapshot_get,
		.start = start_dump,
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

static const struct genl_multicast_group vss_mcgrps[] = {
	[VSS_MCGRP_EVENTS] = VSS_MCGRP_EVENTS_INIT,
};

/* Before every command but dumps. */
static int pre_doit(const vss_genl_op *op, struct sk_buff *skb,
		    struct genl_info *info)
{
	return check_caller(skb, info->extack) ?:
		check_top(info->nlhdr, info->extack);
}

/*
 * No lock of the family is held while a command runs (.parallel_ops): one
 * that freezes file systems can take long.
 */
struct genl_family vss_genl_family __ro_after_init = {
	.name = VSS_GENL_NAME,
	.version = VSS_GENL_VERSION,
	.maxattr = VSS_A_MAX,
	.policy = nothing_policy,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.pre_doit = pre_doit,
	.ops = vss_ops,
	.n_ops = ARRAY_SIZE(vss_ops),
	.mcgrps = vss_mcgrps,
	.n_mcgrps = ARRAY_SIZE(vss_mcgrps),
};

/*
 * A set ends with the socket it belongs to.  This runs in the task that closes
 * the socket, and other sockets' closing must not have to wait for a thaw.
 */
static int socket_closed(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE &&
	    notify->protocol == NETLINK_GENERIC &&
	    net_eq(notify->net, &init_net))
		vss_set_owner_gone(notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

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

/**
 * vss_netlink_listening() - would anybody receive an event?
 *
 * Return: true if so.
 */
bool vss_netlink_listening(void)
{
	return READ_ONCE(registered) &&
		genl_has_listeners(&vss_genl_family, &init_net,
				   VSS_MCGRP_EVENTS) > 0;
}

/**
 * vss_netlink_init() - open the module to userspace
 *
 * The last step of loading: commands may come at once.
 *
 * Return: 0 or a negative errno.
 */
int __init vss_netlink_init(void)
{
	int err;

	/* First, so that no socket can own a set and close unseen. */
	err = netlink_register_notifier(&socket_notifier);
	if (err)
		return err;
	err = genl_register_family(&vss_genl_family);
	if (err) {
		netlink_unregister_notifier(&socket_notifier);
		return err;
	}
	WRITE_ONCE(registered, true);
	return 0;
}

/**
 * vss_netlink_exit() - close the module to userspace
 *
 * The first step of unloading: no command runs or comes afterwards.
 */
void vss_netlink_exit(void)
{
	WRITE_ONCE(registered, false);
	genl_unregister_family(&vss_genl_family);
	netlink_unregister_notifier(&socket_notifier);
}

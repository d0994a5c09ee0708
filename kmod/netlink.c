// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "vss": requests of userspace are checked, handed
 * to the rest of the module, and answered.
 *
 * The protocol is in <linux/vss.h>.  Here is the family, with the commands that
 * are about the module; the others are in netlink-volume.c, netlink-area.c,
 * netlink-set.c and netlink-snapshot.c, what all of them use in
 * netlink-message.c.
 *
 * Policies say what a command takes, and the netlink core refuses everything
 * else before a command runs.  What policies cannot say (attributes that must
 * be there, or must be there once) is checked by vss_nl_parse_nest().
 *
 * The reply is allocated before a command does its work: a command that
 * failed must not have done anything.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "compat.h"
#include "hook.h"
#include "netlink-internal.h"
#include "set.h"
#include "version.h"
#include "volume.h"

/* Events of a family that is not registered could reach another one's group. */
static bool registered;

/* Of the family: for commands that take nothing. */
static const struct nla_policy nothing_policy[VSS_A_MAX + 1];

/*
 * Commands: the module
 */

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

static int module_get(struct sk_buff *skb, struct genl_info *info)
{
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = put_module(reply.skb);
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static int module_test(struct sk_buff *skb, struct genl_info *info)
{
	struct vss_nl_reply reply;
	int err;

	err = vss_nl_reply_begin(&reply, info, GENLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	err = vss_nl_lock(info->extack);
	if (!err) {
		err = vss_hook_get(info->extack);
		if (!err) {
			/* Again, if the hook was in use already. */
			err = vss_selftest_run(info->extack);
			if (!err)
				err = put_module(reply.skb);
			vss_hook_put();
		}
		vss_nl_unlock();
	}
	return vss_nl_reply_end(&reply, info, err);
}

static const struct genl_ops module_ops[] = {
	{
		.cmd = VSS_CMD_MODULE_GET,
		.doit = module_get,
	},
	{
		.cmd = VSS_CMD_MODULE_TEST,
		.doit = module_test,
	},
};

static const struct vss_nl_ops module_nl_ops = {
	.ops = module_ops,
	.nr = ARRAY_SIZE(module_ops),
};

/*
 * The family
 */

static const struct vss_nl_ops *const parts[] = {
	&module_nl_ops,
	&vss_nl_volume_ops,
	&vss_nl_area_ops,
	&vss_nl_set_ops,
	&vss_nl_snapshot_ops,
};

/* The commands of all parts, put together by collect_ops(). */
static struct genl_ops vss_ops[VSS_CMD_MAX] __ro_after_init;

static const struct genl_multicast_group vss_mcgrps[] = {
	[VSS_MCGRP_EVENTS] = VSS_MCGRP_EVENTS_INIT,
};

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
	.pre_doit = vss_nl_pre_doit,
	.ops = vss_ops,
	.mcgrps = vss_mcgrps,
	.n_mcgrps = ARRAY_SIZE(vss_mcgrps),
};

/* The core wants the commands of a family in one array. */
static int __init collect_ops(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (WARN_ON(parts[i]->nr > ARRAY_SIZE(vss_ops) - n))
			return -EINVAL;
		memcpy(&vss_ops[n], parts[i]->ops,
		       parts[i]->nr * sizeof(*vss_ops));
		n += parts[i]->nr;
	}
	vss_genl_family.n_ops = n;
	return 0;
}

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

	err = collect_ops();
	if (err)
		return err;
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

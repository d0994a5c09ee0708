// SPDX-License-Identifier: GPL-2.0-only
/*
 * vss.ko: copy-on-write snapshots of live block devices.
 *
 * Documentation/architecture.md tells how the parts work together.
 */
#include <linux/module.h>
#include <linux/suspend.h>

#include "bypass.h"
#include "chore.h"
#include "gate.h"
#include "hook.h"
#include "map.h"
#include "netlink.h"
#include "set.h"
#include "shrink.h"
#include "snapshot.h"
#include "version.h"
#include "volume.h"

/*
 * The image of hibernation is written after the memory was copied: a tracked
 * disk would change behind the state that comes back.
 */
static int vss_pm_notify(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct vss_volume *vol;
	bool any = false;

	if (action != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	mutex_lock(&vss_mutex);
	list_for_each_entry(vol, &vss_volumes, list)
		any |= vol->nr_snaps > 0;
	mutex_unlock(&vss_mutex);
	if (!any)
		return NOTIFY_DONE;
	pr_warn("vss: no hibernation while there are snapshots: delete them first\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block vss_pm_nb = {
	.notifier_call = vss_pm_notify,
};

static int __init vss_init(void)
{
	int err;

	err = vss_hook_module_init();
	if (err) {
		pr_err("vss: submit_bio_noacct cannot be traced on this kernel\n");
		return err;
	}
	err = vss_shrink_module_init();
	if (err) {
		pr_err("vss: set_capacity cannot be traced on this kernel\n");
		goto no_shrink;
	}
	err = vss_bypass_module_init();
	if (err) {
		pr_err("vss: bd_link_disk_holder cannot be traced on this kernel\n");
		goto no_bypass;
	}
	err = vss_gate_module_init();
	if (err)
		goto no_gate;
	err = vss_map_module_init();
	if (err)
		goto no_map;
	err = vss_image_module_init();
	if (err)
		goto no_image;
	err = vss_chore_module_init();
	if (err)
		goto no_chore;
	err = vss_set_module_init();
	if (err)
		goto no_set;
	err = register_pm_notifier(&vss_pm_nb);
	if (err)
		goto no_pm;
	err = vss_netlink_init();
	if (err)
		goto no_netlink;
	return 0;

no_netlink:
	unregister_pm_notifier(&vss_pm_nb);
no_pm:
	vss_set_module_exit();
no_set:
	vss_chore_module_exit();
no_chore:
	vss_image_module_exit();
no_image:
	vss_map_module_exit();
no_map:
	vss_gate_module_exit();
no_gate:
	vss_bypass_module_exit();
no_bypass:
	vss_shrink_module_exit();
no_shrink:
	vss_hook_module_exit();
	return err;
}

static void __exit vss_exit(void)
{
	/* No volume is tracked: each of them holds a reference to us. */
	vss_netlink_exit();
	unregister_pm_notifier(&vss_pm_nb);
	vss_set_module_exit();
	vss_chore_module_exit();
	vss_image_module_exit();
	vss_map_module_exit();
	vss_gate_module_exit();
	vss_bypass_module_exit();
	vss_shrink_module_exit();
	vss_hook_module_exit();
	/* kfree_rcu() of ours has no code in the module, but call_rcu has. */
	rcu_barrier();
}

module_init(vss_init);
module_exit(vss_exit);
MODULE_DESCRIPTION("Copy-on-write snapshots of live block devices");
MODULE_VERSION(VSS_VERSION);
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for the device node of a snapshot's image.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <vss/prepare.h>

#include "devnode.h"

#define TIMEOUT_MS	10000

char *vssctl_wait_devnode(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshot)
{
	char *path;
	int ret = vss_snapshot_node(snapshot, TIMEOUT_MS, &path);

	if (ret == -ENOMEM)
		return NULL;
	if (ret)
		vssctl_warn(ctl, "there is no device node %s; make it with 'mknod %s b %u %u'",
			    path, path, snapshot->dev.major, snapshot->dev.minor);
	else if (strncmp(path, "/dev/vss/", 9) && !access("/run/udev/control", F_OK))
		vssctl_detail(ctl, "only the node %s: the udev rules are not installed", path);
	return path;
}

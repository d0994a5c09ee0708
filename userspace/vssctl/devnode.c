// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for the device node of a snapshot's image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "devnode.h"

#define POLL_MS		20
#define TIMEOUT_MS	10000

static bool leads_to(const char *path, struct vss_devno dev)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) && major(st.st_rdev) == dev.major &&
	       minor(st.st_rdev) == dev.minor;
}

/* Has udev worked on the device's event?  Then it makes no further links. */
static bool udev_is_done(struct vss_devno dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", dev.major, dev.minor);
	return !access(path, F_OK);
}

char *vssctl_wait_devnode(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshot)
{
	bool udev = !access("/run/udev/control", F_OK);
	char link[64], node[VSS_KERNEL_NAME_SIZE + 8], id[VSS_UUID_TEXT_SIZE];

	snprintf(link, sizeof(link), "/dev/vss/by-id/%s", vss_uuid_format(&snapshot->uuid, id));
	snprintf(node, sizeof(node), "/dev/%s", snapshot->name);
	for (int waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
		const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
		bool done = udev_is_done(snapshot->dev);

		/* Asked in this order: the link is there before udev is done. */
		if (leads_to(link, snapshot->dev))
			return strdup(link);
		if ((!udev || done) && leads_to(node, snapshot->dev)) {
			if (udev)
				vssctl_detail(ctl, "no link %s: the udev rules are not installed",
					      link);
			return strdup(node);
		}
		nanosleep(&pause, NULL);
	}
	if (!leads_to(node, snapshot->dev))
		vssctl_warn(ctl, "there is no device node %s; make it with 'mknod %s b %u %u'",
			    node, node, snapshot->dev.major, snapshot->dev.minor);
	return strdup(node);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for the device node of a snapshot's image.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <vss/prepare.h>

#define POLL_MS		20

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

int vss_snapshot_node(const struct vss_kernel_snapshot *snapshot, unsigned int timeout_ms,
		      char **path)
{
	bool udev = !access("/run/udev/control", F_OK);
	char link[64], node[VSS_KERNEL_NAME_SIZE + 8], id[VSS_UUID_TEXT_SIZE];
	const char *found = NULL;

	snprintf(link, sizeof(link), "/dev/vss/by-id/%s", vss_uuid_format(&snapshot->uuid, id));
	snprintf(node, sizeof(node), "/dev/%s", snapshot->name);
	for (unsigned int waited = 0; !found; waited += POLL_MS) {
		const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
		bool done = udev_is_done(snapshot->dev);

		/* Asked in this order: the link is there before udev is done. */
		if (leads_to(link, snapshot->dev))
			found = link;
		else if ((!udev || done || waited >= timeout_ms) && leads_to(node, snapshot->dev))
			found = node;
		else if (waited >= timeout_ms)
			break;
		else
			nanosleep(&pause, NULL);
	}
	*path = strdup(found ? found : node);
	if (!*path)
		return -ENOMEM;
	return found ? 0 : -ETIMEDOUT;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Detaching a volume that udev may be looking at: it does so with what was just written, or
 * unmounted after that, and has it open meanwhile.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "detach-volume.h"

/* There while udev's daemon has events, as "udevadm settle" asks. */
#define UDEV_QUEUE	"/run/udev/queue"
#define UDEV_POLL_NS	200000000L
#define UDEV_TRIES	15

static bool udev_is_busy(void)
{
	return !access(UDEV_QUEUE, F_OK);
}

/* Wait for a moment of *@left; false: none is left. */
static bool wait_for_udev(int *left)
{
	const struct timespec pause = { .tv_nsec = UDEV_POLL_NS };

	if (!*left)
		return false;
	--*left;
	nanosleep(&pause, NULL);
	return true;
}

/*
 * As long as udev has something to do, what is in use may only be that.  Of a persistent diff area
 * the kernel looks again at the end, when all is written: if udev opens the volume meanwhile, its
 * snapshots are lost.  So it is waited for before, too.
 */
int vssctl_detach_volume(struct vssctl *ctl, struct vss_devno dev, bool force,
			 const struct vss_kernel_area *areas, size_t count)
{
	/* All parts of an area are of one kind. */
	const bool persistent = count && areas[0].persistent;
	int before = UDEV_TRIES, after = UDEV_TRIES, ret;
	bool busy;

	while (persistent && udev_is_busy() && wait_for_udev(&before))
		;
	do {
		busy = udev_is_busy();
		ret = vss_kernel_volume_detach(ctl->kernel, dev, force);
	} while (ret == -EBUSY && busy && wait_for_udev(&after));
	return ret;
}

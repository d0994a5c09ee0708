// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking for a revert at the next boot.  The record is written to the diff area, for
 * the initramfs to find.  Whatever would keep it from being carried out is refused here,
 * as far as it can be known.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <vss/prepare.h>

#include "areas-table.h"
#include "boot-vouch.h"
#include "print-service.h"
#include "revert-at-boot.h"
#include "revert-veil.h"

#define NODE_TIMEOUT_MS	10000

struct target {
	struct vssctl *ctl;
	struct vss_kernel_snapshot snapshot;
	char volume[VSS_BLOCKDEV_NODE_SIZE];
	struct vss_blockdev device;	/* of the diff area */
	struct vss_uuid area;
	int fd;				/* of that device */
};

static void target_clear(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	vss_blockdev_clear(&t->device);
}

/* The device of the volume's persistent diff area. */
static int find_device(struct target *t)
{
	struct vss_kernel_area *areas;
	struct vss_error err;
	size_t count;
	int ret = 0;

	if (vss_kernel_area_list(t->ctl->kernel, &t->snapshot.volume, &areas, &count))
		return vssctl_fail_kernel(t->ctl);
	if (count > 1 && areas[0].persistent) {
		ret = vssctl_fail(t->ctl, VSS_E_VOLUME_NOT_SUPPORTED,
				  "the diff area of %s has several devices; a volume with such an area is not set back at boot",
				  t->volume);
	} else if (!count || !areas[0].persistent) {
		ret = vssctl_fail(t->ctl, VSS_E_VOLUME_NOT_SUPPORTED,
				  "the diff area of %s is not persistent, so the snapshot is gone at the next boot", t->volume);
	} else {
		t->area = areas[0].uuid;
		if (vss_blockdev_from_devno(areas[0].dev, &t->device, &err))
			ret = vssctl_fail_error(t->ctl, &err);
	}
	vss_kernel_area_list_free(areas, count);
	return ret;
}

static int find(struct target *t, const struct vss_uuid *id)
{
	int ret = vssctl_open_kernel(t->ctl);

	if (ret)
		return ret;
	if (vss_kernel_snapshot_get(t->ctl->kernel, id, &t->snapshot))
		return vssctl_fail_kernel(t->ctl);
	vss_blockdev_node(t->snapshot.volume_name, t->volume, sizeof(t->volume));
	ret = find_device(t);
	if (ret)
		return ret;
	t->fd = open(t->device.path, O_RDWR | O_CLOEXEC);
	if (t->fd < 0)
		return vssctl_fail(t->ctl, vss_result_from_errno(errno), "cannot open %s: %s", t->device.path,
				   strerror(errno));
	return 0;
}

/* ---- whether it would be done ---- */

/* The initramfs waits for that one, and nothing else runs yet that could use it. */
static int check_root(const struct target *t)
{
	struct stat st;

	if (!stat("/", &st) && st.st_dev == makedev(t->snapshot.volume.major, t->snapshot.volume.minor))
		return 0;
	return vssctl_fail(t->ctl, VSS_E_VOLUME_NOT_SUPPORTED,
			   "the root file system is not on %s; only that one's volume is set back at boot: unmount this one, and "
			   "use 'vssctl revert' without --at-boot", t->volume);
}

static bool is_device(const char *name, struct vss_devno dev)
{
	struct vss_blockdev found __attribute__((cleanup(vss_blockdev_clear))) = { 0 };

	return !vss_blockdev_resolve(name, &found, NULL) && found.dev.major == dev.major && found.dev.minor == dev.minor;
}

static int check_table(const struct target *t)
{
	struct vssctl_areas areas;
	bool bad, there = false;
	int ret = vssctl_areas_read(t->ctl, VSSCTL_AREAS_TABLE, &areas, &bad);

	for (size_t i = 0; !ret && i < areas.count && !there; i++)
		there = areas.lines[i].nr == 2 && is_device(areas.lines[i].names[0], t->snapshot.volume) &&
			is_device(areas.lines[i].names[1], t->device.dev);
	vssctl_areas_clear(&areas);
	if (ret || there)
		return ret;
	return vssctl_fail(t->ctl, VSS_E_OBJECT_NOT_FOUND, "no line of " VSSCTL_AREAS_TABLE " has %s with its diff area on %s, so the "
			   "snapshot would be lost at the next boot; add one, and have the initramfs made anew",
			   t->volume, t->device.path);
}

/*
 * When it is broken off, the next boot has to see by the head that nobody has mounted the
 * volume; so the image must have a file system that tells.
 */
static int check_image(const struct target *t)
{
	char *path = NULL;
	int ret = vss_snapshot_node(&t->snapshot, NODE_TIMEOUT_MS, &path), fd = -1, sector;
	bool at_rest;

	if (!ret) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ret = fd < 0 ? -errno : 0;
	}
	free(path);
	if (ret)
		return vssctl_fail(t->ctl, vss_result_from_errno(-ret), "cannot open the snapshot's image: %s",
				   strerror(-ret));
	at_rest = vssctl_is_at_rest(fd);
	if (ioctl(fd, BLKSSZGET, &sector))
		sector = 0;
	close(fd);
	if (sector > VSS_DISK_HEAD_SIZE)
		return vssctl_fail(t->ctl, VSS_E_VOLUME_NOT_SUPPORTED, "%s has sectors of %d bytes, more than the %d that can "
				   "be set back at boot", t->volume, sector, VSS_DISK_HEAD_SIZE);
	if (!at_rest)
		return vssctl_fail(t->ctl, VSS_E_VOLUME_NOT_SUPPORTED,
				   "the snapshot of %s holds no ext2, ext3 or ext4, or one that was in use and not frozen; others "
				   "cannot be set back at boot", t->volume);
	return 0;
}

static int count_newer(const struct target *t, size_t *newer)
{
	struct vss_kernel_snapshot *found;
	size_t count;

	*newer = 0;
	if (vss_kernel_snapshot_list(t->ctl->kernel, NULL, &t->snapshot.volume, &found, &count))
		return vssctl_fail_kernel(t->ctl);
	for (size_t i = 0; i < count; i++)
		*newer += found[i].epoch > t->snapshot.epoch;
	free(found);
	return 0;
}

static int check(const struct target *t)
{
	int ret;

	if (t->snapshot.state != VSS_SNAPSHOT_ALIVE)
		return vssctl_fail(t->ctl, VSS_E_OBJECT_NOT_FOUND, "the snapshot is lost, or not finished yet");
	ret = check_root(t) ?: check_table(t);
	return ret ?: check_image(t);
}

/* ---- the record ---- */

static int record(const struct target *t, const struct vss_uuid *id, size_t newer)
{
	struct vssctl_wish wish = { .state = VSS_DISK_REVERT_WANTED, .snapshot = *id };
	char text[VSS_UUID_TEXT_SIZE], also[64] = "";
	struct timespec now;
	int ret;

	clock_gettime(CLOCK_REALTIME, &now);
	wish.time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	ret = vssctl_wish_write(t->fd, t->area.bytes, &wish);
	if (ret)
		return vssctl_fail(t->ctl, vss_result_from_errno(-ret), "cannot record it on %s: %s", t->device.path,
				   strerror(-ret));
	if (newer)
		snprintf(also, sizeof(also), ", and %zu newer snapshot%s deleted", newer, newer == 1 ? "" : "s");
	vssctl_print_revert(t->ctl, t->volume, "wanted");
	vssctl_note(t->ctl, "%s is set back when the machine is started next%s; what is written until then is lost. "
		    "'vssctl revert --cancel %s' takes this back.", t->volume, also, vss_uuid_format(id, text));
	return 0;
}

/* What a revert of vssd's needs to go on after a power failure is not to be replaced. */
static int check_record(const struct target *t)
{
	struct vssctl_wish wish;
	int ret = vssctl_wish_read(t->fd, t->area.bytes, &wish);

	/* A damaged one is worth nothing. */
	if (ret && ret != -EBADMSG)
		return vssctl_fail(t->ctl, vss_result_from_errno(-ret), "cannot read %s: %s", t->device.path, strerror(-ret));
	if (ret || !vssctl_wish_is_veiled(&wish))
		return 0;
	return vssctl_fail(t->ctl, VSS_E_REVERT_IN_PROGRESS, "%s is being set back by vssd; see 'vssctl revert --status %s'",
			   t->volume, t->volume);
}

int vssctl_revert_at_boot(struct vssctl *ctl, const struct vss_uuid *id)
{
	struct target t __attribute__((cleanup(target_clear))) = { .ctl = ctl, .fd = -1 };
	size_t newer;
	int ret = find(&t, id);

	ret = ret ?: check(&t) ?: check_record(&t) ?: count_newer(&t, &newer);
	return ret ?: record(&t, id, newer);
}

int vssctl_revert_cancel(struct vssctl *ctl, const struct vss_uuid *id)
{
	struct target t __attribute__((cleanup(target_clear))) = { .ctl = ctl, .fd = -1 };
	struct vssctl_wish wish;
	int ret = find(&t, id) ?: check_record(&t);

	if (ret)
		return ret;
	ret = vssctl_wish_read(t.fd, t.area.bytes, &wish);
	if (!ret && (!wish.state || wish.state >= VSS_DISK_REVERT_DONE || !vss_uuid_equal(&wish.snapshot, id)))
		return vssctl_fail(ctl, VSS_E_OBJECT_NOT_FOUND, "no revert of %s to this snapshot was asked for", t.volume);
	/* A damaged one goes as well. */
	if (!ret || ret == -EBADMSG)
		ret = vssctl_wish_clear(t.fd);
	if (ret)
		return vssctl_fail(ctl, vss_result_from_errno(-ret), "cannot take it back on %s: %s", t.device.path,
				   strerror(-ret));
	vssctl_print_revert(ctl, t.volume, "cancelled");
	vssctl_note(ctl, "%s is not set back at the next start.", t.volume);
	return 0;
}

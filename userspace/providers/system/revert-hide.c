// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hiding the volume while a revert writes it: by a veil, with the record on its diff area
 * (vssctl/revert-veil.h).  After a power failure whoever loads the area finds both, knows by
 * them that nobody else has written the volume, and that the shadow copies are good: at boot
 * the revert is completed, otherwise vssd goes on.
 *
 * It takes a persistent diff area that begins on a device, some room on it, an image that was not
 * written to, and sectors of 4 KiB at most.  Without that a power failure ends the revert.
 */
#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "revert-internal.h"
#include "vssctl/pieces.h"

/* Is there room for copies of what the veil overwrites, and where there are none yet? */
static bool has_room(struct vss_kernel *kernel, const struct system_revert *r)
{
	struct vss_kernel_volume volume;

	/* Some is left as a reserve, at which the oldest shadow copy goes. */
	return !vss_kernel_volume_get(kernel, r->dev, &volume) && volume.area_size - volume.area_used >=
	       2 * (VSS_DISK_FRONT_SIZE + (uint64_t)volume.chunk_size) + volume.area_size / 16;
}

static int open_device(struct vssctl_veiling *v, const struct vss_kernel_area *area)
{
	struct vss_blockdev device = { 0 };
	int ret = vss_blockdev_from_devno(area->dev, &device, NULL);

	memcpy(v->area, area->uuid.bytes, sizeof(v->area));
	v->device = -1;
	if (!ret) {
		v->device = open(device.path, O_RDWR | O_CLOEXEC);
		ret = v->device < 0 ? -errno : 0;
	}
	vss_blockdev_clear(&device);
	ret = ret ?: vssctl_wish_read(v->device, v->area, &v->wish);
	/* A damaged one is replaced. */
	return ret == -EBADMSG ? 0 : ret;
}

/* With v->device -1 it has no area that takes a record. */
static int open_area(struct vssctl_veiling *v, struct vss_kernel *kernel, struct vss_devno volume)
{
	struct vss_kernel_area *areas;
	size_t count;
	int ret = vss_kernel_area_list(kernel, &volume, &areas, &count);

	v->device = -1;
	if (ret)
		return ret;
	if (count && areas[0].persistent && !areas[0].path)
		ret = open_device(v, &areas[0]);
	vss_kernel_area_list_free(areas, count);
	return ret;
}

/* Others have something further back too, by which they are found and used. */
static bool is_found_further_back(int fd)
{
	static const char *const types[] = { "nilfs2", "ntfs", "zfs_member", "linux_raid_member", "crypto_LUKS" };
	char type[REVERT_ID_SIZE];
	/* Of several nobody knows where they are. */
	bool known = revert_probe(fd, BLKID_SUBLKS_TYPE, "TYPE", type) < 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		known |= !strcmp(type, types[i]);
	return known;
}

/* An image that was written to may be another one after a power failure. */
static bool can_hide(struct vss_kernel *kernel, const struct system_revert *r, uint32_t block)
{
	return block <= VSS_DISK_HEAD_SIZE && r->size >= VSS_DISK_FRONT_SIZE && !r->record.overlay && has_room(kernel, r) &&
	       !is_found_further_back(r->origin) && !is_found_further_back(r->image);
}

int revert_hide_open(struct system_revert *r, struct vss_kernel *kernel, uint32_t block, bool fresh)
{
	struct vssctl_veiling *v = calloc(1, sizeof(*v));
	int ret = -ENOMEM;

	if (v) {
		r->veil = v;
		ret = open_area(v, kernel, r->dev);
		v->origin = r->origin;
		v->image = r->image;
	}
	/* What an older one has left is not to be taken for this one's. */
	if (!ret && fresh && v->wish.state) {
		ret = vssctl_wish_clear(v->device);
		memset(&v->wish, 0, sizeof(v->wish));
	}
	if (ret)
		return vss_error_set(&r->err, ret, VSS_E_PROVIDER_VETO, "cannot read from its diff area whether it is being set "
				     "back, or record it there: %s", strerror(-ret));
	if (v->device < 0 || (!revert_is_hidden(r) && !can_hide(kernel, r, block)))
		revert_hide_close(r);
	return 0;
}

bool revert_is_wanted(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot)
{
	struct vssctl_veiling v = { .device = -1 };
	bool wanted = !open_area(&v, kernel, snapshot->volume) && v.device >= 0 &&
		v.wish.state == VSS_DISK_REVERT_WANTED && vss_uuid_equal(&v.wish.snapshot, &snapshot->uuid);

	if (v.device >= 0)
		close(v.device);
	return wanted;
}

/* Null without it. */
static struct vss_devno volume_of(struct vss_kernel *kernel, const struct vss_uuid *area)
{
	struct vss_devno volume = { 0, 0 };
	struct vss_kernel_area *areas;
	size_t count;

	if (vss_kernel_area_list(kernel, NULL, &areas, &count))
		return volume;
	for (size_t i = 0; i < count; i++)
		if (areas[i].persistent && vss_uuid_equal(&areas[i].uuid, area))
			volume = areas[i].volume;
	vss_kernel_area_list_free(areas, count);
	return volume;
}

bool revert_was_ended(struct system_revert *r, struct vss_kernel *kernel)
{
	struct vssctl_veiling v = { .device = -1 };
	struct vss_devno volume = { 0, 0 };
	bool ended;

	if (!vss_uuid_is_null(&r->record.area))
		volume = volume_of(kernel, &r->record.area);
	ended = volume.major && !open_area(&v, kernel, volume) && v.device >= 0 && v.wish.state == VSS_DISK_REVERT_ENDED &&
		vss_uuid_equal(&v.wish.snapshot, &r->record.snapshot);
	/* vssd's own record goes first: until then this one is needed. */
	if (ended) {
		revert_finish(r);
		if (!r->stuck)
			vssctl_wish_clear(v.device);
	}
	if (v.device >= 0)
		close(v.device);
	return ended;
}

void revert_hide_close(struct system_revert *r)
{
	if (r->veil && r->veil->device >= 0)
		close(r->veil->device);
	free(r->veil);
	r->veil = NULL;
}

bool revert_is_hidden(const struct system_revert *r)
{
	return r->veil && vssctl_wish_is_veiled(&r->veil->wish) &&
	       vss_uuid_equal(&r->veil->wish.snapshot, &r->record.snapshot);
}

static int forget_record(struct system_revert *r)
{
	int ret = vssctl_wish_clear(r->veil->device);

	memset(&r->veil->wish, 0, sizeof(r->veil->wish));
	return ret ? vss_error_set(&r->err, ret, VSS_E_PROVIDER_VETO, "cannot remove the record of the revert from its diff area: %s",
				   strerror(-ret)) : 0;
}

int revert_hide_check(struct system_revert *r, uint64_t *hidden)
{
	*hidden = 0;
	if (!revert_is_hidden(r))
		return 0;
	switch (vssctl_wish_look(&r->veil->wish, r->origin)) {
	case VSSCTL_FRONT_OURS:
		*hidden = VSS_DISK_FRONT_SIZE;
		return 0;
	case VSSCTL_FRONT_SHOWN:
		/* Not yet hidden, or complete: the plan tells. */
		return forget_record(r);
	case VSSCTL_FRONT_UNKNOWN:
		return vss_error_set(&r->err, -EIO, VSS_E_REVERT_VOLUME_LOST, "cannot read its first %u bytes", VSS_DISK_FRONT_SIZE);
	case VSSCTL_FRONT_FOREIGN:
		break;
	}
	/* What somebody else has there is not to be overwritten. */
	forget_record(r);
	return vss_error_set(&r->err, -ESTALE, VSS_E_REVERT_VOLUME_LOST, "something else has written the volume since, "
			     "in its first %u bytes", VSS_DISK_FRONT_SIZE);
}

static int fail(struct system_revert *r, int ret, const char *what)
{
	return ret ? vss_error_set(&r->err, ret, VSS_E_PROVIDER_VETO, "cannot %s: %s", what, strerror(-ret)) : 0;
}

/* For when the image is lost. */
static int keep_front(struct system_revert *r)
{
	_cleanup_free_ uint8_t *front = aligned_alloc(VSS_DISK_HEAD_SIZE, VSS_DISK_FRONT_SIZE);
	int ret = front ? vssctl_read_piece(r->origin, front, VSS_DISK_FRONT_SIZE, 0) : -ENOMEM;

	return ret ? ret : revert_plan_keep(r->plan, front, VSS_DISK_FRONT_SIZE);
}

void revert_put_back(struct system_revert *r)
{
	_cleanup_free_ uint8_t *front = aligned_alloc(VSS_DISK_HEAD_SIZE, VSS_DISK_FRONT_SIZE);
	_cleanup_fd_ int plan = revert_plan_open(r->s->state_dir, &r->record.snapshot, false);
	_cleanup_fd_ int volume = r->origin >= 0 ? dup(r->origin) :
				  open(r->device, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC);

	/* The veil tells whether it is that volume, and its front. */
	if (front && plan >= 0 && volume >= 0 && !revert_plan_kept(plan, front, VSS_DISK_FRONT_SIZE) &&
	    !vssctl_veil_put_back(volume, &r->record.snapshot, front) && r->veil)
		vssctl_wish_clear(r->veil->device);
}

int revert_hide(struct system_revert *r)
{
	const char *what = "";
	int ret = 0;

	if (!r->veil)
		return 0;
	if (!revert_is_hidden(r)) {
		r->veil->wish.heads_known = false;
		r->veil->wish.snapshot = r->record.snapshot;
		what = "keep the volume's first bytes with the plan of the revert";
		ret = keep_front(r);
	}
	ret = ret ?: vssctl_veil_lower(r->veil, &what);
	return fail(r, ret, what);
}

int revert_show(struct system_revert *r)
{
	const char *what = "";
	int ret;

	if (!revert_is_hidden(r))
		return 0;
	ret = vssctl_veil_lift(r->veil, &what);
	if (ret)
		return fail(r, ret, what);
	/* A record that stays is one of a volume that is not hidden, and of no meaning. */
	vssctl_wish_clear(r->veil->device);
	memset(&r->veil->wish, 0, sizeof(r->veil->wish));
	return 0;
}

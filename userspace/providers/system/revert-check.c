// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether a volume can be set back, and having it for oneself until it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "revert-internal.h"
#include "stack.h"

/* udev looks at a device for a moment after it was unmounted. */
#define CLAIM_TRIES	30
#define CLAIM_POLL_MS	100
#define NODE_TIMEOUT_MS	10000
/* For the record, and what else comes to the file system meanwhile. */
#define SPARE_ROOM	((uint64_t)1 << 20)

static bool same(struct vss_devno a, struct vss_devno b)
{
	return a.major == b.major && a.minor == b.minor;
}

/* ---- whether it can be done ---- */

static vss_result check_set(struct system_revert *r, struct vss_error *err)
{
	struct system *s = r->s;
	vss_result result = S_OK;

	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; s->set && i < s->set->count; i++)
		if (same(s->set->members[i].volume.dev, r->dev)) {
			vss_error_set(err, -EBUSY, VSS_E_VOLUME_IN_USE, "a shadow copy of %s is being made", r->device);
			result = VSS_E_VOLUME_IN_USE;
		}
	pthread_mutex_unlock(&s->mutex);
	return result;
}

static vss_result check_area(struct vss_kernel *kernel, const struct system_revert *r, struct vss_error *err)
{
	struct vss_kernel_area *areas;
	bool on_origin = false;
	size_t count;

	if (vss_kernel_area_list(kernel, &r->dev, &areas, &count))
		return system_kernel_fail(kernel, system_allowed_object, err);
	for (size_t i = 0; i < count; i++)
		on_origin |= areas[i].on_origin;
	vss_kernel_area_list_free(areas, count);
	if (!on_origin)
		return S_OK;
	/* The old content is there, in the way of itself; and the file keeps it mounted. */
	vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
		      "the diff area of %s lies on it, so it cannot be set back; restore files from the shadow copy, "
		      "and give the volume a diff area elsewhere with 'vssctl diff-area add --on' before the next",
		      r->device);
	return VSS_E_VOLUME_NOT_SUPPORTED;
}

/*
 * What was written to the image itself has no copy of the volume's content yet: these
 * writes take room, and without room the shadow copy would be lost half way.
 */
static vss_result check_room(const struct system_revert *r, const struct vss_kernel_volume *volume,
			     const struct vss_kernel_snapshot *snapshot, struct vss_error *err)
{
	/* Twice: some is left as a reserve, at which the oldest shadow copy goes. */
	uint64_t needed = 2 * snapshot->overlay + volume->area_size / 16;

	if (!snapshot->overlay || volume->area_size - volume->area_used >= needed)
		return S_OK;
	vss_error_set(err, -ENOSPC, VSS_E_PROVIDER_VETO,
		      "the diff area of %s has too little room for a revert to a shadow copy that was written to; "
		      "give it %llu bytes more with 'vssctl diff-area grow'", r->device, (unsigned long long)needed);
	return VSS_E_PROVIDER_VETO;
}

/* Number of the mount that a path leads to, -1 if that cannot be told. */
static int mount_at(const char *path, int flags)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, flags | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) ||
	    !(stx.stx_mask & STATX_MNT_ID))
		return -1;
	return (int)stx.stx_mnt_id;
}

/* By its mount: the number of a btrfs is none of its devices'. */
static bool fs_is_on(const struct vss_stack *stack, const char *path, struct vss_devno dev)
{
	const size_t volume = vss_stack_find(stack, dev);
	const int mount = mount_at(path, 0);

	for (size_t i = 0; volume != VSS_STACK_NONE && i < stack->fs_count; i++) {
		const struct vss_stack_fs *fs = &stack->fss[i];
		bool here = false, on = false;

		for (size_t k = 0; k < fs->mount_count; k++)
			here |= fs->mounts[k].id == mount;
		for (size_t k = 0; k < fs->dev_count; k++)
			on |= fs->devs[k] == volume || vss_stack_lies_on(stack, fs->devs[k], volume);
		if (here && on)
			return true;
	}
	return false;
}

static int lies_on(const char *path, struct vss_devno dev, bool *on)
{
	struct vss_stack stack;
	struct stat st;
	int ret;

	if (stat(path, &st))
		return -errno;
	ret = vss_stack_load(&vss_stack_system, &stack);
	if (ret)
		return ret;
	*on = st.st_dev == makedev(dev.major, dev.minor) || fs_is_on(&stack, path, dev);
	vss_stack_clear(&stack);
	return 0;
}

/* The plan and the record, which must not lie on what is to be unmounted. */
static vss_result check_state(const struct system_revert *r, const struct vss_kernel_volume *volume,
			      struct vss_error *err)
{
	const uint64_t needed = revert_plan_room(volume->area_used) + SPARE_ROOM;
	uint64_t room;
	bool on = false;
	int ret = revert_record_room(r->s->state_dir, &room);

	if (!ret)
		ret = lies_on(r->s->state_dir, r->dev, &on);
	if (ret)
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot look at %s, where reverts are recorded: %s",
			      r->s->state_dir, strerror(-ret));
	else if (on)
		vss_error_set(err, -EBUSY, VSS_E_VOLUME_NOT_SUPPORTED,
			      "%s lies on %s, which cannot be set back while vssd runs on it", r->s->state_dir, r->device);
	else if (room < needed)
		vss_error_set(err, -ENOSPC, VSS_E_PROVIDER_VETO,
			      "a plan of what differs on %s may take %llu bytes in %s, where %llu are free; make room",
			      r->device, (unsigned long long)needed, r->s->state_dir, (unsigned long long)room);
	else
		return S_OK;
	return err->result;
}

vss_result revert_check(struct system_revert *r, struct vss_kernel *kernel,
			const struct vss_kernel_snapshot *snapshot, struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];
	struct vss_kernel_volume volume;
	vss_result result;

	if (snapshot->state != VSS_SNAPSHOT_ALIVE) {
		vss_error_set(err, -EIO, VSS_E_OBJECT_NOT_FOUND, "the shadow copy is lost, and cannot be read");
		return VSS_E_OBJECT_NOT_FOUND;
	}
	if (snapshot->flags & VSS_SNAPSHOT_F_WRITABLE) {
		vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO,
			      "the shadow copy is writable, and may change meanwhile; make it read-only first with "
			      "'vssctl set-writable %s off'", vss_uuid_format(&r->record.snapshot, id));
		return VSS_E_PROVIDER_VETO;
	}
	if (vss_kernel_volume_get(kernel, r->dev, &volume))
		return system_kernel_fail(kernel, system_allowed_object, err);
	if (volume.state != VSS_VOLUME_TRACKED) {
		vss_error_set(err, -ENODEV, VSS_E_OBJECT_NOT_FOUND, "the device of %s was removed", r->device);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	result = check_set(r, err);
	if (result == S_OK)
		result = check_area(kernel, r, err);
	if (result == S_OK)
		result = check_room(r, &volume, snapshot, err);
	return result == S_OK ? check_state(r, &volume, err) : result;
}

int revert_area(struct vss_kernel *kernel, struct vss_devno dev, struct vss_uuid *area)
{
	struct vss_kernel_area *areas;
	size_t count;
	int ret = vss_kernel_area_list(kernel, &dev, &areas, &count);

	memset(area, 0, sizeof(*area));
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++)
		if (areas[i].persistent)
			*area = areas[i].uuid;
	vss_kernel_area_list_free(areas, count);
	return 0;
}

/* ---- the volume and its image ---- */

vss_result revert_open_image(struct system_revert *r, const struct vss_kernel_snapshot *snapshot,
			     struct vss_error *err)
{
	_cleanup_free_ char *path = NULL;
	int ret = vss_snapshot_node(snapshot, NODE_TIMEOUT_MS, &path);

	if (!ret) {
		r->image = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		ret = r->image < 0 ? -errno : 0;
	}
	if (!ret)
		return S_OK;
	vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot open the image of the shadow copy: %s", strerror(-ret));
	return VSS_E_PROVIDER_VETO;
}

/* What is mounted below a mount point; NULL. */
static const char *find_below(const struct vss_stack *stack, const char *target)
{
	size_t len = strcmp(target, "/") ? strlen(target) : 0;

	for (size_t fs = 0; fs < stack->fs_count; fs++)
		for (size_t i = 0; i < stack->fss[fs].mount_count; i++) {
			const char *other = stack->fss[fs].mounts[i].target;

			if (!strncmp(other, target, len) && other[len] == '/' && other[len + 1])
				return other;
		}
	return NULL;
}

static vss_result cannot_unmount(const struct vss_stack *stack, const char *target, int error, struct vss_error *err)
{
	const char *below = error == EBUSY ? find_below(stack, target) : NULL;

	if (below)
		vss_error_set(err, -error, VSS_E_VOLUME_IN_USE, "cannot unmount %s: %s is mounted below it; unmount that first, or "
			      "take it away with 'vssctl unexpose' if it is a shadow copy", target, below);
	else
		vss_error_set(err, -error, VSS_E_VOLUME_IN_USE, "cannot unmount %s: %s; end what uses it (see 'fuser -m %s')",
			      target, strerror(error), target);
	return VSS_E_VOLUME_IN_USE;
}

vss_result revert_unmount(const struct system_revert *r, struct vss_error *err)
{
	vss_result result = S_OK;
	struct vss_stack stack;
	size_t dev, fs;

	if (vss_stack_load(&vss_stack_system, &stack)) {
		vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO, "cannot read what is mounted on this machine");
		return VSS_E_PROVIDER_VETO;
	}
	dev = vss_stack_find(&stack, r->dev);
	fs = dev == VSS_STACK_NONE ? VSS_STACK_NONE : vss_stack_fs_on(&stack, dev);
	for (size_t i = fs == VSS_STACK_NONE ? 0 : stack.fss[fs].mount_count; i > 0 && result == S_OK; i--) {
		const char *target = stack.fss[fs].mounts[i - 1].target;

		if (mount_at(target, AT_SYMLINK_NOFOLLOW) != stack.fss[fs].mounts[i - 1].id) {
			result = VSS_E_VOLUME_IN_USE;
			vss_error_set(err, -EBUSY, result, "%s is mounted on %s, below something else that is mounted "
				      "there; unmount that first", r->device, target);
			continue;
		}
		if (umount2(target, UMOUNT_NOFOLLOW))
			result = cannot_unmount(&stack, target, errno, err);
	}
	vss_stack_clear(&stack);
	return result;
}

static int open_claimed(const struct system_revert *r)
{
	int fd = open(r->device, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC);
	struct stat st;
	uint64_t size;

	if (fd < 0)
		return -errno;
	/* The node may be another device's by now. */
	if (fstat(fd, &st) || !S_ISBLK(st.st_mode) || st.st_rdev != makedev(r->dev.major, r->dev.minor) ||
	    ioctl(fd, BLKGETSIZE64, &size) || size != r->size) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/* One try.  0 with the claim; -EBUSY may be over soon. */
static int try_claim(struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_volume *volume)
{
	int fd = open_claimed(r);

	if (fd < 0)
		return fd;
	/* Asked after it was opened: then the number is this device's, and our own opening counts. */
	if (vss_kernel_volume_get(kernel, r->dev, volume) || volume->state != VSS_VOLUME_TRACKED) {
		close(fd);
		return -ESTALE;
	}
	if (volume->openers > 1) {
		close(fd);
		return -ETXTBSY;
	}
	r->origin = fd;
	return 0;
}

vss_result revert_claim(struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_volume *volume,
			struct vss_error *err)
{
	const struct timespec pause = { .tv_nsec = CLAIM_POLL_MS * 1000000L };
	int ret = -EBUSY;

	for (int i = 0; i < CLAIM_TRIES && !atomic_load(&r->stop); i++) {
		ret = try_claim(r, kernel, volume);
		if (ret != -EBUSY && ret != -ETXTBSY)
			break;
		nanosleep(&pause, NULL);
	}
	switch (ret) {
	case 0:
		return S_OK;
	case -EBUSY:
		vss_error_set(err, ret, VSS_E_VOLUME_IN_USE,
			      "%s is in use: mounted, as swap, or by a device above it", r->device);
		break;
	case -ETXTBSY:
		vss_error_set(err, ret, VSS_E_VOLUME_IN_USE, "something has %s open, such as a loop device or a "
			      "virtual machine; end that (see 'fuser -v %s')", r->device, r->device);
		break;
	case -ESTALE:
		vss_error_set(err, ret, VSS_E_OBJECT_NOT_FOUND, "%s is not the volume of the shadow copy any more",
			      r->device);
		break;
	default:
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot open %s: %s", r->device, strerror(-ret));
	}
	return err->result;
}

/* ---- newer ones ---- */

static vss_result list_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot,
			     struct vss_kernel_snapshot **found, size_t *count, struct vss_error *err)
{
	if (vss_kernel_snapshot_list(kernel, NULL, &snapshot->volume, found, count))
		return system_kernel_fail(kernel, system_allowed_object, err);
	return S_OK;
}

vss_result revert_check_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot, uint32_t last,
			      struct vss_error *err)
{
	_cleanup_free_ struct vss_kernel_snapshot *found = NULL;
	size_t count;
	vss_result result = list_newer(kernel, snapshot, &found, &count, err);

	for (size_t i = 0; result == S_OK && i < count; i++)
		if (found[i].epoch > last || found[i].state == VSS_SNAPSHOT_PREPARED) {
			vss_error_set(err, -ESTALE, VSS_E_PROVIDER_VETO, "a shadow copy of it was made since");
			result = VSS_E_PROVIDER_VETO;
		}
	return result;
}

vss_result revert_delete_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot, uint32_t last,
			       struct vss_error *err)
{
	_cleanup_free_ struct vss_kernel_snapshot *found = NULL;
	vss_result result = revert_check_newer(kernel, snapshot, last, err);
	size_t count;

	if (result == S_OK)
		result = list_newer(kernel, snapshot, &found, &count, err);
	if (result != S_OK)
		return result;
	/* The newest first: each hands what it has down to the next. */
	for (size_t i = count; i > 0; i--)
		if (found[i - 1].epoch > snapshot->epoch && found[i - 1].epoch <= last &&
		    vss_kernel_snapshot_delete(kernel, &found[i - 1].uuid, true) &&
		    vss_kernel_result(kernel) != VSS_E_OBJECT_NOT_FOUND)
			return system_kernel_fail(kernel, system_allowed_object, err);
	return S_OK;
}

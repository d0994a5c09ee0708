// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Choosing a place for a volume's diff area.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "area-stack.h"
#include "error.h"
#include "sysfs.h"

#include <vss/area.h>

#define DEFAULT_MIN	(64ULL << 20)
#define DEFAULT_PART	10		/* one tenth of the volume */

/* A default smaller than this would overflow at once. */
#define DEFAULT_USEFUL	(16ULL << 20)

/* What a file system offers. */
struct offer {
	const struct vss_stack_mount *mount;
	uint64_t free;
};

uint64_t vss_area_default_size(uint64_t volume_size)
{
	uint64_t size = volume_size / DEFAULT_PART;

	size -= size % VSS_AREA_ALIGN;
	return size > DEFAULT_MIN ? size : DEFAULT_MIN;
}

/* The mount to use: writable, preferably one that shows the root. */
static const struct vss_stack_mount *usable_mount(const struct vss_stack_fs *fs)
{
	const struct vss_stack_mount *found = NULL;

	for (size_t i = 0; i < fs->mount_count; i++) {
		const struct vss_stack_mount *mount = &fs->mounts[i];

		if (mount->read_only)
			continue;
		if (!strcmp(mount->root, "/"))
			return mount;
		if (!found)
			found = mount;
	}
	return found;
}

static struct offer ask(const struct vss_stack_fs *fs)
{
	struct offer offer = { 0 };
	struct statvfs st;

	if (!vss_area_fs_supported(fs))
		return offer;
	offer.mount = usable_mount(fs);
	if (offer.mount && !statvfs(offer.mount->target, &st))
		offer.free = (uint64_t)st.f_bavail * st.f_frsize;
	return offer;
}

/* How much to allocate there; 0 when it is too little. */
static uint64_t size_for(uint64_t wanted, uint64_t volume_size, uint64_t free)
{
	uint64_t size = wanted;

	if (size)
		return size <= free ? size : 0;
	size = vss_area_default_size(volume_size);
	if (size > free / 2)
		size = free / 2;
	size -= size % VSS_AREA_ALIGN;
	return size >= DEFAULT_USEFUL ? size : 0;
}

static int choose(const struct vss_stack *stack, size_t volume, uint64_t wanted,
		  struct vss_area_place *place, struct vss_error *err)
{
	uint64_t volume_size = vss_sysfs_size("/sys", stack->devs[volume].name);
	size_t own = vss_stack_fs_on(stack, volume);
	struct offer best = { 0 };
	uint64_t size = 0;

	if (own != VSS_STACK_NONE) {
		best = ask(&stack->fss[own]);
		size = best.mount ? size_for(wanted, volume_size, best.free) : 0;
		place->same_volume = size;
	}
	for (size_t i = 0; !place->same_volume && i < stack->fs_count; i++) {
		const struct vss_stack_fs *fs = &stack->fss[i];
		struct offer offer;

		if (!fs->dev_count || fs->devs[0] == volume ||
		    vss_sysfs_is_image(stack->devs[fs->devs[0]].name) ||
		    vss_stack_lies_on(stack, fs->devs[0], volume))
			continue;
		offer = ask(fs);
		if (!offer.mount || (size && offer.free <= best.free) ||
		    !size_for(wanted, volume_size, offer.free))
			continue;
		best = offer;
		size = size_for(wanted, volume_size, offer.free);
	}
	if (!size)
		return vss_error_errno(err, -ENOSPC,
				       "no place for the diff area of /dev/%s: no local ext4 or "
				       "XFS file system has enough room; give it a block device "
				       "with 'vssctl diff-area add /dev/%s --on DEVICE'",
				       stack->devs[volume].name, stack->devs[volume].name);
	place->size = size;
	place->mount_point = strdup(best.mount->target);
	return place->mount_point ? 0 : vss_error_errno(err, -ENOMEM, "out of memory");
}

int vss_area_place_find(struct vss_devno volume, uint64_t size,
			struct vss_area_place *place, struct vss_error *err)
{
	struct vss_stack stack;
	size_t index;
	int ret = vss_stack_load(&vss_stack_system, &stack);

	if (ret)
		return vss_error_errno(err, ret,
				       "cannot read the block devices and mounts of this "
				       "machine: %s", strerror(-ret));
	memset(place, 0, sizeof(*place));
	index = vss_stack_find(&stack, volume);
	if (index == VSS_STACK_NONE)
		ret = vss_error_errno(err, -ENODEV, "there is no block device %u:%u",
				      volume.major, volume.minor);
	else
		ret = choose(&stack, index, size, place, err);
	vss_stack_clear(&stack);
	return ret;
}

void vss_area_place_clear(struct vss_area_place *place)
{
	free(place->mount_point);
	memset(place, 0, sizeof(*place));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A LUN whose content the array is about to replace: what else is on it, and having
 * the kernel look at it anew afterwards.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vss/blockdev.h>

#include "cleanup.h"
#include "lun.h"
#include "stack.h"

/* The kernel shows this much of an extended partition, which only holds others. */
#define EXTENDED_SIZE	1024

static void cleanup_stack(struct vss_stack *stack)
{
	vss_stack_clear(stack);
}

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

static bool is_covered(const struct vss_lun_mapping *part, const struct vss_lun_extent *extent,
		       const struct vss_lun_mapping *selected, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; vss_lun_same(&selected[i].source, &part->source) && j < selected[i].nr_extents; j++) {
			const struct vss_lun_extent *of = &selected[i].extents[j];

			if (extent->lun_offset >= of->lun_offset &&
			    extent->lun_offset + extent->length <= of->lun_offset + of->length)
				return true;
		}
	return false;
}

/* Is what the volume has of this LUN among what was selected?  Not if nobody can tell. */
static bool is_selected(const char *node, const struct vss_lun_info *lun, const struct vss_lun_mapping *selected,
			size_t n)
{
	struct vss_lun_mapping *parts;
	bool all = true;
	size_t count;

	if (vss_volume_luns(node, &parts, &count, NULL) != S_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; all && vss_lun_same(&parts[i].source, lun) && j < parts[i].nr_extents; j++)
			all = is_covered(&parts[i], &parts[i].extents[j], selected, n);
	vss_lun_mappings_free(parts, count);
	return all;
}

/* Nothing that libblkid knows, or cannot tell apart. */
static bool is_blank(const char *node)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = blkid_new_probe_from_filename(node);

	if (!probe)
		return false;
	blkid_probe_enable_superblocks(probe, 1);
	return blkid_do_safeprobe(probe) == 1;
}

static bool is_leaf(const struct vss_stack *stack, size_t dev)
{
	for (size_t i = 0; i < stack->dev_count; i++)
		if (i != dev && vss_stack_lies_on(stack, i, dev))
			return false;
	return true;
}

static bool is_extended(const char *node)
{
	_cleanup_fd_ int fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t size;

	return fd >= 0 && !ioctl(fd, BLKGETSIZE64, &size) && size <= EXTENDED_SIZE;
}

static vss_result check_one(const struct vss_stack *stack, size_t dev, size_t disk, const struct vss_lun_info *lun,
			    const struct vss_lun_mapping *selected, size_t n, struct vss_error *err)
{
	char node[VSS_BLOCKDEV_NODE_SIZE];

	if ((dev != disk && !vss_stack_lies_on(stack, dev, disk)) || !is_leaf(stack, dev))
		return S_OK;
	vss_blockdev_node(stack->devs[dev].name, node, sizeof(node));
	if ((dev == disk && is_blank(node)) || (dev != disk && is_extended(node)) || is_selected(node, lun, selected, n))
		return S_OK;
	return lun_error(err, VSS_E_UNSELECTED_VOLUME, "%s is on %s too and is not among the selected volumes; its content "
			 "would be replaced as well", node, stack->devs[disk].name);
}

vss_result vss_lun_check_volumes(const char *device, const struct vss_lun_mapping *selected, size_t n,
				 struct vss_error *err)
{
	struct vss_stack stack __attribute__((cleanup(cleanup_stack))) = { 0 };
	struct vss_lun_info lun = { 0 };
	char name[VSS_SYSFS_NAME_SIZE];
	size_t disk = VSS_STACK_NONE;
	vss_result result;
	int ret;

	result = vss_lun_name_of(device, name, err);
	if (result == S_OK)
		result = vss_lun_identify(device, &lun, err);
	if (result != S_OK)
		return result;
	ret = vss_stack_load(&vss_stack_system, &stack);
	if (ret) {
		vss_lun_info_clear(&lun);
		vss_error_errno(err, ret, "cannot read the block devices of this machine: %s", strerror(-ret));
		return vss_result_from_errno(ret);
	}
	for (size_t i = 0; i < stack.dev_count; i++)
		if (!strcmp(stack.devs[i].name, name))
			disk = i;
	if (disk == VSS_STACK_NONE)
		result = lun_error(err, VSS_E_OBJECT_NOT_FOUND, "there is no device %s any more", name);
	for (size_t i = 0; result == S_OK && i < stack.dev_count; i++)
		result = check_one(&stack, i, disk, &lun, selected, n, err);
	vss_lun_info_clear(&lun);
	return result;
}

vss_result vss_lun_refresh(const char *device, struct vss_error *err)
{
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int code;

	if (fd >= 0 && !ioctl(fd, BLKFLSBUF, 0)) {
		/* EINVAL: a disk that has no partitions. */
		if (!ioctl(fd, BLKRRPART) || errno == EINVAL)
			return S_OK;
	}
	code = -errno;
	vss_error_errno(err, code, "cannot have the kernel read %s anew: %s", device, strerror(-code));
	return vss_result_from_errno(code);
}

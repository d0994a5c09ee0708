// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who uses a disk: nothing is taken from under anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vss/blockdev.h>

#include "cleanup.h"
#include "lun.h"
#include "stack.h"

static void cleanup_stack(struct vss_stack *stack)
{
	vss_stack_clear(stack);
}

static bool is_on(const struct vss_stack *stack, size_t dev, size_t disk)
{
	return dev == disk || vss_stack_lies_on(stack, dev, disk);
}

/* A device-mapper device that keeps the disk open; partitions of multipath devices are none. */
static bool is_holder(const char *name, const char *except)
{
	char uuid[256];

	if (vss_sysfs_attr("/sys", name, "dm/uuid", uuid, sizeof(uuid)))
		return true;
	return !(except && !strcmp(uuid, except)) && !(!strncmp(uuid, "part", 4) && strstr(uuid, "-mpath-"));
}

static vss_result check_stack(const struct vss_stack *stack, size_t disk, const char *except, struct vss_error *err)
{
	const char *name = stack->devs[disk].name;

	for (size_t i = 0; i < stack->fs_count; i++)
		for (size_t j = 0; j < stack->fss[i].dev_count; j++)
			if (stack->fss[i].mount_count && is_on(stack, stack->fss[i].devs[j], disk))
				return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is in use: %s is mounted on %s; unmount it "
						 "first", name, stack->devs[stack->fss[i].devs[j]].name,
						 stack->fss[i].mounts[0].target);
	for (size_t i = 0; i < stack->dev_count; i++) {
		const struct vss_stack_dev *dev = &stack->devs[i];
		char node[VSS_BLOCKDEV_NODE_SIZE];

		if (!is_on(stack, i, disk))
			continue;
		if (dev->swap)
			return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is in use: %s is swap space; swapoff it first", name,
					 dev->name);
		/* Partitions hold nothing by themselves. */
		if (i == disk || dev->disk != VSS_STACK_NONE || !is_holder(dev->name, except))
			continue;
		vss_blockdev_node(dev->name, node, sizeof(node));
		return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is in use by %s, which lies on it; take that apart first",
				 name, node);
	}
	return S_OK;
}

/* Other users, such as those in other mount namespaces: a claim tells them all. */
static vss_result check_claim(const char *name, struct vss_error *err)
{
	char path[VSS_LUN_NODE_SIZE];
	_cleanup_fd_ int fd = -1;

	vss_lun_node(name, path);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == EBUSY)
		return lun_error(err, VSS_E_VOLUME_IN_USE, "%s is in use: some program has it, or a partition of it, for "
				 "itself; it may be mounted in another mount namespace", name);
	return S_OK;
}

/* Is one of its holders the one that does not count?  Then it is claimed by that. */
static bool is_held_by(const struct vss_stack *stack, size_t disk, const char *except)
{
	char uuid[256];

	for (size_t i = 0; i < stack->dev_count; i++)
		if (i != disk && vss_stack_lies_on(stack, i, disk) &&
		    !vss_sysfs_attr("/sys", stack->devs[i].name, "dm/uuid", uuid, sizeof(uuid)) &&
		    ((except && !strcmp(uuid, except)) || !strncmp(uuid, "part", 4)))
			return true;
	return false;
}

vss_result vss_lun_check_unused(const char *name, const char *except, struct vss_error *err)
{
	struct vss_stack stack __attribute__((cleanup(cleanup_stack))) = { 0 };
	int ret = vss_stack_load(&vss_stack_system, &stack);
	size_t disk = VSS_STACK_NONE;
	vss_result result;

	if (ret) {
		vss_error_errno(err, ret, "cannot read the block devices and mounts of this machine: %s",
				strerror(-ret));
		return vss_result_from_errno(ret);
	}
	for (size_t i = 0; i < stack.dev_count; i++)
		if (!strcmp(stack.devs[i].name, name))
			disk = i;
	if (disk == VSS_STACK_NONE)
		return lun_error(err, VSS_E_OBJECT_NOT_FOUND, "there is no device %s any more", name);
	result = check_stack(&stack, disk, except, err);
	if (result != S_OK || is_held_by(&stack, disk, except))
		return result;
	return check_claim(name, err);
}

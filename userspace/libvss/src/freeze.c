// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What has to be frozen, and in which order.
 *
 * A level is given to every volume of the set and every file system that is
 * frozen with it.  What lies on something else has a higher level, because it
 * must be frozen (and held) first: freezing writes out dirty data, and those
 * writes must still pass the layers below.  A file system directly on a volume
 * has the volume's own level; the kernel freezes before it holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "error.h"
#include "freeze.h"

/* The kernel module takes levels from 0 to this. */
#define MAX_LEVEL	15

/* Nothing of the set is at or below this device or file system. */
#define NOT_IN_SET	(-1)

struct plan {
	const struct vss_stack *stack;
	const bool *is_member;		/* by device index */
	struct vss_freeze_plan *result;
	struct vss_error *err;
};

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int fs_level(const struct plan *plan, size_t fs, int depth);

/* The highest level at or below a device. */
static int dev_level(const struct plan *plan, size_t index, int depth)
{
	const struct vss_stack_dev *dev = &plan->stack->devs[index];
	int below = NOT_IN_SET;

	/* Deeper than any stack: the picture was taken while it changed. */
	if (depth > 64)
		return NOT_IN_SET;
	if (dev->disk != VSS_STACK_NONE)
		below = dev_level(plan, dev->disk, depth + 1);
	for (size_t i = 0; i < dev->slave_count; i++)
		below = max(below, dev_level(plan, dev->slaves[i], depth + 1));
	if (dev->backing_fs != VSS_STACK_NONE)
		below = max(below, fs_level(plan, dev->backing_fs, depth + 1));
	return plan->is_member[index] ? below + 1 : below;
}

/* Is the device a volume of the set, or a partition of one? */
static bool is_direct(const struct plan *plan, size_t dev)
{
	size_t disk = plan->stack->devs[dev].disk;

	return plan->is_member[dev] || (disk != VSS_STACK_NONE && plan->is_member[disk]);
}

static int fs_level(const struct plan *plan, size_t index, int depth)
{
	const struct vss_stack_fs *fs = &plan->stack->fss[index];
	int level = NOT_IN_SET;

	for (size_t i = 0; i < fs->dev_count; i++) {
		int below = dev_level(plan, fs->devs[i], depth + 1);

		if (below != NOT_IN_SET && !is_direct(plan, fs->devs[i]))
			below++;
		level = max(level, below);
	}
	return level;
}

/* A btrfs that lies on volumes of the set must do so with all its devices. */
static int check_btrfs(const struct plan *plan, const struct vss_stack_fs *fs)
{
	char missing[256] = "";
	bool any = false;

	for (size_t i = 0; i < fs->dev_count; i++) {
		const char *name = plan->stack->devs[fs->devs[i]].name;
		size_t used = strlen(missing);

		if (is_direct(plan, fs->devs[i]))
			any = true;
		else
			snprintf(missing + used, sizeof(missing) - used, " /dev/%s", name);
	}
	if (!any || !missing[0])
		return 0;
	return vss_error_set(plan->err, -EXDEV, VSS_E_VOLUME_NOT_SUPPORTED,
			     "the btrfs on %s spans devices that are not in the set; "
			     "name these too:%s",
			     fs->mount_count ? fs->mounts[0].target : "?", missing);
}

/*
 * A directory of the file system, through one of its mounts.  Another file
 * system may be mounted over it, so the mount that was reached is compared.
 */
static int open_mount(const struct vss_stack_fs *fs, const char **target)
{
	for (size_t i = 0; i < fs->mount_count; i++) {
		_cleanup_fd_ int fd = open(fs->mounts[i].target,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statx stx;

		if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 ||
		    !(stx.stx_mask & STATX_MNT_ID) ||
		    stx.stx_mnt_id != (unsigned int)fs->mounts[i].id)
			continue;
		*target = fs->mounts[i].target;
		return keep_fd(fd);
	}
	return -ENOENT;
}

static int add_freeze(struct plan *plan, const struct vss_stack_fs *fs, int level,
		      bool open_mounts)
{
	struct vss_freeze_plan *result = plan->result;
	const char *target = fs->mounts[0].target;
	struct vss_kernel_freeze *freezes;
	_cleanup_fd_ int fd = -1;
	char **mount_points;

	if (open_mounts) {
		fd = open_mount(fs, &target);
		if (fd < 0)
			return vss_error_errno(plan->err, fd,
					       "the %s on %s has to be frozen but cannot be "
					       "reached: something else is mounted over it",
					       fs->type, target);
	}
	freezes = reallocarray(result->freezes, result->freeze_count + 1, sizeof(*freezes));
	if (!freezes)
		return vss_error_errno(plan->err, -ENOMEM, "out of memory");
	result->freezes = freezes;
	mount_points = reallocarray(result->mount_points, result->freeze_count + 1,
				    sizeof(*mount_points));
	if (!mount_points)
		return vss_error_errno(plan->err, -ENOMEM, "out of memory");
	result->mount_points = mount_points;
	mount_points[result->freeze_count] = strdup(target);
	if (!mount_points[result->freeze_count])
		return vss_error_errno(plan->err, -ENOMEM, "out of memory");
	freezes[result->freeze_count++] = (struct vss_kernel_freeze) {
		.fd = keep_fd(fd),
		.level = (uint32_t)level,
	};
	return 0;
}

static int plan_fss(struct plan *plan, bool open_mounts)
{
	for (size_t i = 0; i < plan->stack->fs_count; i++) {
		const struct vss_stack_fs *fs = &plan->stack->fss[i];
		int level = fs_level(plan, i, 0);
		int ret;

		if (level == NOT_IN_SET)
			continue;
		if (level > MAX_LEVEL)
			return vss_error_errno(plan->err, -ELOOP,
					       "%s lies on more than %d layers of volumes and "
					       "file systems", fs->mounts[0].target, MAX_LEVEL);
		if (fs->btrfs) {
			ret = check_btrfs(plan, fs);
			if (ret)
				return ret;
		} else if (is_direct(plan, fs->devs[0])) {
			/* The kernel finds it; named twice it would be frozen twice. */
			continue;
		}
		ret = add_freeze(plan, fs, level, open_mounts);
		if (ret)
			return ret;
	}
	return 0;
}

static int add_note(struct plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int add_note(struct plan *plan, const char *format, ...)
{
	struct vss_freeze_plan *result = plan->result;
	char **notes = reallocarray(result->notes, result->note_count + 1, sizeof(*notes));
	va_list args;
	int size;

	if (!notes)
		return vss_error_errno(plan->err, -ENOMEM, "out of memory");
	result->notes = notes;
	va_start(args, format);
	size = vasprintf(&notes[result->note_count], format, args);
	va_end(args);
	if (size < 0)
		return vss_error_errno(plan->err, -ENOMEM, "out of memory");
	result->note_count++;
	return 0;
}

static int note_swap(struct plan *plan)
{
	for (size_t i = 0; i < plan->stack->dev_count; i++) {
		const struct vss_stack_dev *dev = &plan->stack->devs[i];
		int ret;

		if (!dev->swap || dev_level(plan, i, 0) == NOT_IN_SET)
			continue;
		ret = add_note(plan, "swap space on /dev/%s: what is paged out fills the diff "
			       "area and means nothing in the image", dev->name);
		if (ret)
			return ret;
	}
	return 0;
}

static int plan_members(struct plan *plan, const struct vss_devno *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int level = dev_level(plan, vss_stack_find(plan->stack, members[i]), 0);

		if (level > MAX_LEVEL)
			return vss_error_errno(plan->err, -ELOOP,
					       "volume %u:%u lies on more than %d layers of "
					       "volumes and file systems", members[i].major,
					       members[i].minor, MAX_LEVEL);
		plan->result->levels[i] = (uint32_t)level;
	}
	return 0;
}

int vss_freeze_plan_from_stack(const struct vss_stack *stack, const struct vss_devno *members,
			       size_t count, bool open_mounts, struct vss_freeze_plan *result,
			       struct vss_error *err)
{
	_cleanup_free_ bool *is_member = calloc(stack->dev_count ?: 1, sizeof(*is_member));
	struct plan plan = {
		.stack = stack,
		.is_member = is_member,
		.result = result,
		.err = err,
	};
	int ret = 0;

	memset(result, 0, sizeof(*result));
	result->levels = calloc(count ?: 1, sizeof(*result->levels));
	if (!is_member || !result->levels)
		ret = vss_error_errno(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !ret && i < count; i++) {
		size_t index = vss_stack_find(stack, members[i]);

		if (index == VSS_STACK_NONE)
			ret = vss_error_errno(err, -ENODEV, "there is no block device %u:%u",
					      members[i].major, members[i].minor);
		else
			is_member[index] = true;
	}
	if (!ret)
		ret = plan_members(&plan, members, count);
	if (!ret)
		ret = plan_fss(&plan, open_mounts);
	if (!ret)
		ret = note_swap(&plan);
	if (ret)
		vss_freeze_plan_clear(result);
	return ret;
}

int vss_freeze_plan_make(const struct vss_devno *members, size_t count,
			 struct vss_freeze_plan *plan, struct vss_error *err)
{
	struct vss_stack stack;
	int ret = vss_stack_load(&vss_stack_system, &stack);

	if (ret)
		return vss_error_errno(err, ret,
				       "cannot read the block devices and mounts of this "
				       "machine: %s", strerror(-ret));
	ret = vss_freeze_plan_from_stack(&stack, members, count, true, plan, err);
	vss_stack_clear(&stack);
	return ret;
}

void vss_freeze_plan_clear(struct vss_freeze_plan *plan)
{
	for (size_t i = 0; i < plan->freeze_count; i++) {
		if (plan->freezes[i].fd >= 0)
			close(plan->freezes[i].fd);
		free(plan->mount_points[i]);
	}
	for (size_t i = 0; i < plan->note_count; i++)
		free(plan->notes[i]);
	free(plan->freezes);
	free(plan->mount_points);
	free(plan->notes);
	free(plan->levels);
	memset(plan, 0, sizeof(*plan));
}

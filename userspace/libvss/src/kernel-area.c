// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_AREA_*: parts of diff areas.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "list.h"
#include "parse.h"

void vss_kernel_area_clear(struct vss_kernel_area *area)
{
	free(area->path);
	area->path = NULL;
}

void vss_kernel_area_list_free(struct vss_kernel_area *areas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_kernel_area_clear(&areas[i]);
	free(areas);
}

static int take_area(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_kernel_area *area = arg;
	int ret;

	(void)first;
	if (!attrs[VSS_A_AREA])
		return -EPROTO;
	ret = vss_parse_area(attrs[VSS_A_AREA], area);
	if (ret)
		vss_kernel_area_clear(area);
	return ret;
}

/* A request about one volume's area; the nest is left open in @nest. */
static struct nl_msg *area_request(struct vss_kernel *kernel, enum vss_cmd cmd, bool dump,
				   struct vss_devno volume, struct nlattr **nest)
{
	struct nl_msg *msg = vss_kernel_request(kernel, cmd, dump);

	*nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_AREA);
	if (!*nest || nla_put_u32(msg, VSS_A_AREA_VOLUME_MAJOR, volume.major) < 0 ||
	    nla_put_u32(msg, VSS_A_AREA_VOLUME_MINOR, volume.minor) < 0)
		return NULL;
	return msg;
}

static int area_add(struct vss_kernel *kernel, struct vss_devno volume,
		    struct vss_kernel_area *area)
{
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(volume), area ? take_area : NULL,
				   area);
}

int vss_kernel_area_add_device(struct vss_kernel *kernel, struct vss_devno volume,
			       struct vss_devno dev, struct vss_kernel_area *area)
{
	struct nlattr *nest;
	struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_ADD, false, volume, &nest);

	if (!msg || nla_put_u32(msg, VSS_A_AREA_DEV_MAJOR, dev.major) < 0 ||
	    nla_put_u32(msg, VSS_A_AREA_DEV_MINOR, dev.minor) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	nla_nest_end_keep_empty(msg, nest);
	return area_add(kernel, volume, area);
}

/* The name of this boot; without it the kernel does not know that it is another one. */
static void read_boot(struct vss_uuid *boot)
{
	char text[VSS_UUID_TEXT_SIZE] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(boot, 0, sizeof(*boot));
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) != sizeof(text) - 1 || vss_uuid_parse(text, boot))
		memset(boot, 0, sizeof(*boot));
	close(fd);
}

int vss_kernel_area_add_persistent(struct vss_kernel *kernel, struct vss_devno volume,
				   struct vss_devno dev, uint32_t mode, struct vss_kernel_area *area)
{
	return vss_kernel_area_load(kernel, volume, &dev, 1, mode, 1, area);
}

int vss_kernel_area_load(struct vss_kernel *kernel, struct vss_devno volume, const struct vss_devno *devs,
			 size_t count, uint32_t mode, uint32_t openers, struct vss_kernel_area *area)
{
	struct nlattr *nest;
	struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_ADD, false, volume, &nest);
	struct vss_uuid boot;

	read_boot(&boot);
	if (!msg || nla_put_u32(msg, VSS_A_AREA_DEV_MAJOR, devs[0].major) < 0 ||
	    nla_put_u32(msg, VSS_A_AREA_DEV_MINOR, devs[0].minor) < 0 ||
	    nla_put_u32(msg, VSS_A_AREA_MODE, mode) < 0 ||
	    nla_put(msg, VSS_A_AREA_BOOT, sizeof(boot.bytes), boot.bytes) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	for (size_t i = 1; i < count; i++)
		if (nla_put_u64(msg, VSS_A_AREA_MORE, (uint64_t)devs[i].major << 32 | devs[i].minor) < 0)
			return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	if (openers > 1 && nla_put_u32(msg, VSS_A_AREA_OPENERS, openers) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	nla_nest_end_keep_empty(msg, nest);
	return area_add(kernel, volume, area);
}

int vss_kernel_area_add_file(struct vss_kernel *kernel, struct vss_devno volume, int fd,
			     struct vss_kernel_area *area)
{
	struct nlattr *nest;
	struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_ADD, false, volume, &nest);

	if (!msg || nla_put_s32(msg, VSS_A_AREA_FD, fd) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	nla_nest_end_keep_empty(msg, nest);
	return area_add(kernel, volume, area);
}

static int put_extent(struct nl_msg *msg, const struct vss_kernel_extent *extent)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_AREA_EXTENT);

	if (!nest || nla_put_u64(msg, VSS_A_EXTENT_START, extent->start) < 0 ||
	    nla_put_u64(msg, VSS_A_EXTENT_LENGTH, extent->length) < 0)
		return -EMSGSIZE;
	nla_nest_end_keep_empty(msg, nest);
	return 0;
}

int vss_kernel_area_set_extents(struct vss_kernel *kernel, struct vss_devno volume,
				uint32_t id, const struct vss_kernel_extent *extents,
				size_t count)
{
	size_t done = 0;
	int ret;

	do {
		struct nlattr *nest;
		struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_EXTENTS, false, volume,
						  &nest);
		size_t end = count - done > VSS_MAX_EXTENTS_MSG ? done + VSS_MAX_EXTENTS_MSG :
								   count;

		if (!msg || nla_put_u32(msg, VSS_A_AREA_ID, id) < 0 ||
		    (end == count && nla_put_flag(msg, VSS_A_AREA_LAST) < 0))
			return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
		for (; done < end; done++)
			if (put_extent(msg, &extents[done]))
				return vss_kernel_request_too_long(kernel,
								   VSS_SUBJECT_DEV(volume));
		nla_nest_end_keep_empty(msg, nest);
		ret = vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(volume), NULL, NULL);
	} while (!ret && done < count);
	return ret;
}

int vss_kernel_area_remove(struct vss_kernel *kernel, struct vss_devno volume, uint32_t id)
{
	struct nlattr *nest;
	struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_REMOVE, false, volume, &nest);

	if (!msg || nla_put_u32(msg, VSS_A_AREA_ID, id) < 0)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(volume));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(volume), NULL, NULL);
}

static int list_area(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_list *list = arg;
	struct vss_kernel_area *area;

	if (first) {
		for (size_t i = 0; i < list->count; i++)
			vss_kernel_area_clear((struct vss_kernel_area *)list->items + i);
		list->count = 0;
	}
	area = vss_list_add(list);
	if (!area)
		return -ENOMEM;
	return take_area(attrs, first, area);
}

int vss_kernel_area_list(struct vss_kernel *kernel, const struct vss_devno *volume,
			 struct vss_kernel_area **areas, size_t *count)
{
	struct vss_list list = { .item_size = sizeof(**areas) };
	int ret;

	if (volume) {
		struct nlattr *nest;
		struct nl_msg *msg = area_request(kernel, VSS_CMD_AREA_GET, true, *volume, &nest);

		if (!msg)
			return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(*volume));
		nla_nest_end_keep_empty(msg, nest);
	} else {
		vss_kernel_request(kernel, VSS_CMD_AREA_GET, true);
	}
	ret = vss_kernel_exchange(kernel, NULL, list_area, &list);
	if (ret) {
		vss_kernel_area_list_free(list.items, list.count);
		return ret;
	}
	*areas = list.items;
	*count = list.count;
	return 0;
}

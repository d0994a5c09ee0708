// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_VOLUME_*: tracked volumes.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel.h"
#include "list.h"
#include "parse.h"

static int take_volume(struct nlattr *const *attrs, bool first, void *arg)
{
	(void)first;
	if (!attrs[VSS_A_VOLUME])
		return -EPROTO;
	return vss_parse_volume(attrs[VSS_A_VOLUME], arg);
}

/* A request about one volume; the nest is left open in @nest. */
static struct nl_msg *volume_request(struct vss_kernel *kernel, enum vss_cmd cmd,
				     struct vss_devno dev, struct nlattr **nest)
{
	struct nl_msg *msg = vss_kernel_request(kernel, cmd, false);

	*nest = nla_nest_start(msg, NLA_F_NESTED | VSS_A_VOLUME);
	if (!*nest || nla_put_u32(msg, VSS_A_VOLUME_MAJOR, dev.major) < 0 ||
	    nla_put_u32(msg, VSS_A_VOLUME_MINOR, dev.minor) < 0)
		return NULL;
	return msg;
}

int vss_kernel_volume_attach(struct vss_kernel *kernel, struct vss_devno dev,
			     uint32_t chunk_size, uint64_t copy_memory,
			     struct vss_kernel_volume *volume)
{
	struct nlattr *nest;
	struct nl_msg *msg = volume_request(kernel, VSS_CMD_VOLUME_ATTACH, dev, &nest);

	if (!msg ||
	    (chunk_size && nla_put_u32(msg, VSS_A_VOLUME_CHUNK_SIZE, chunk_size) < 0) ||
	    (copy_memory && nla_put_u64(msg, VSS_A_VOLUME_COPY_MEMORY, copy_memory) < 0))
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(dev));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(dev), volume ? take_volume : NULL,
				   volume);
}

int vss_kernel_volume_detach(struct vss_kernel *kernel, struct vss_devno dev, bool force)
{
	struct nlattr *nest;
	struct nl_msg *msg = volume_request(kernel, VSS_CMD_VOLUME_DETACH, dev, &nest);

	if (!msg || (force && nla_put_flag(msg, VSS_A_VOLUME_FORCE) < 0))
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(dev));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(dev), NULL, NULL);
}

int vss_kernel_volume_get(struct vss_kernel *kernel, struct vss_devno dev,
			  struct vss_kernel_volume *volume)
{
	struct nlattr *nest;
	struct nl_msg *msg = volume_request(kernel, VSS_CMD_VOLUME_GET, dev, &nest);

	if (!msg)
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(dev));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(dev), take_volume, volume);
}

int vss_kernel_volume_set(struct vss_kernel *kernel, struct vss_devno dev,
			  const uint64_t *low_water, const uint64_t *copy_memory,
			  struct vss_kernel_volume *volume)
{
	struct nlattr *nest;
	struct nl_msg *msg = volume_request(kernel, VSS_CMD_VOLUME_SET, dev, &nest);

	if (!msg ||
	    (low_water && nla_put_u64(msg, VSS_A_VOLUME_LOW_WATER, *low_water) < 0) ||
	    (copy_memory && nla_put_u64(msg, VSS_A_VOLUME_COPY_MEMORY, *copy_memory) < 0))
		return vss_kernel_request_too_long(kernel, VSS_SUBJECT_DEV(dev));
	nla_nest_end_keep_empty(msg, nest);
	return vss_kernel_exchange(kernel, VSS_SUBJECT_DEV(dev), volume ? take_volume : NULL,
				   volume);
}

static int list_volume(struct nlattr *const *attrs, bool first, void *arg)
{
	struct vss_list *list = arg;
	struct vss_kernel_volume *volume;

	if (first)
		list->count = 0;
	volume = vss_list_add(list);
	if (!volume)
		return -ENOMEM;
	return take_volume(attrs, first, volume);
}

int vss_kernel_volume_list(struct vss_kernel *kernel, struct vss_kernel_volume **volumes,
			   size_t *count)
{
	struct vss_list list = { .item_size = sizeof(**volumes) };
	int ret;

	vss_kernel_request(kernel, VSS_CMD_VOLUME_GET, true);
	ret = vss_kernel_exchange(kernel, NULL, list_volume, &list);
	if (ret) {
		free(list.items);
		return ret;
	}
	*volumes = list.items;
	*count = list.count;
	return 0;
}

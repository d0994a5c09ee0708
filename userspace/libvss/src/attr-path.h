/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names for attributes of a request: the kernel's extended ack points at an
 * attribute by its offset, people want to read "VSS_A_SET.MEMBER[1].LEVEL".
 */
#ifndef VSS_SRC_ATTR_PATH_H
#define VSS_SRC_ATTR_PATH_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* The path of the attribute at byte @offset of @request; "" if there is none. */
void vss_attr_path(const struct nlmsghdr *request, uint32_t offset, char *path, size_t size);

/*
 * The path of the attribute of type @type that is missing in the nest at byte
 * @nest of @request, or at the top level if @nest is 0.
 */
void vss_attr_path_missing(const struct nlmsghdr *request, uint32_t nest, uint32_t type,
			   char *path, size_t size);

#endif /* VSS_SRC_ATTR_PATH_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the attributes of a reply or event to the structs of vss/kernel.h.
 *
 * Each function gives 0, -EPROTO when the message lacks what the protocol
 * promises or has it in a wrong form, or -ENOMEM.  Attributes that a newer
 * kernel adds are passed over.
 */
#ifndef VSS_SRC_PARSE_H
#define VSS_SRC_PARSE_H

#include <netlink/attr.h>
#include <vss/kernel.h>

int vss_parse_module(struct nlattr *nest, struct vss_kernel_module *module);
int vss_parse_volume(struct nlattr *nest, struct vss_kernel_volume *volume);
int vss_parse_area(struct nlattr *nest, struct vss_kernel_area *area);
int vss_parse_set(struct nlattr *nest, struct vss_kernel_set *set);
int vss_parse_snapshot(struct nlattr *nest, struct vss_kernel_snapshot *snapshot);
int vss_parse_event(struct nlattr *nest, struct vss_kernel_event *event);

#endif /* VSS_SRC_PARSE_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening an event subscription on any transport.
 */
#ifndef VSS_SRC_KERNEL_EVENTS_H
#define VSS_SRC_KERNEL_EVENTS_H

#include <vss/kernel.h>

#include "transport.h"

/* The subscription owns @transport from then on, even on failure. */
int vss_kernel_events_open_transport(struct vss_kernel_events **events, uint16_t family,
				     uint32_t group, const struct vss_transport *transport,
				     struct vss_error *err);

#endif /* VSS_SRC_KERNEL_EVENTS_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system provider: shadow copies by the kernel module, copy-on-write with
 * a diff area for each volume.
 */
#ifndef PROVIDER_SYSTEM_H
#define PROVIDER_SYSTEM_H

#include <vss/provider.h>

const struct vss_provider_ops *vss_system_provider_get(void);

#endif /* PROVIDER_SYSTEM_H */

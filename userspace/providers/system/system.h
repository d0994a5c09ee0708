/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system provider: shadow copies by the kernel module, copy-on-write with
 * a diff area for each volume.
 */
#ifndef PROVIDER_SYSTEM_H
#define PROVIDER_SYSTEM_H

#include <vss/provider.h>

/* @dir: where vssd keeps its state; stays the caller's */
const struct vss_provider_ops *vss_system_provider_get(const char *dir);

#endif /* PROVIDER_SYSTEM_H */

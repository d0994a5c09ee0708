/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plug-ins: loading one, and what must be right before any of it is called.
 */
#ifndef PROVIDER_PLUGIN_H
#define PROVIDER_PLUGIN_H

#include <vss/provider.h>

/* The plug-in stays loaded until the process ends.  NULL and @err set for one that cannot be used. */
const struct vss_provider_ops *plugin_load(const char *path, struct vss_error *err);

/* Is this a provider that the host can call?  @system: the built-in one.  0 or a negative errno. */
int plugin_check(const struct vss_provider_ops *ops, bool system, const char *path, struct vss_error *err);

#endif /* PROVIDER_PLUGIN_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exposing client-accessible shadow copies to clients of a file server.
 */
#ifndef VSSCTL_EXPOSE_H
#define VSSCTL_EXPOSE_H

#include "requester.h"

/* A directory by its absolute path, which vssd needs: @absolute has PATH_MAX bytes.  0, or the exit code. */
int vssctl_absolute_dir(struct vssctl *ctl, const char *name, char *absolute);

/*
 * Expose all client-accessible copies of a volume (its device's path) below @folder, an
 * absolute path, that are not exposed yet.  With @list the names are printed, all at the end.  Goes on
 * after a failure; 0, or the exit code of the first one.
 */
int vssctl_expose_to_clients(struct vssctl *ctl, struct vss_backup_components *bc, const char *volume,
			     const char *folder, bool list);

#endif /* VSSCTL_EXPOSE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the shadow copies of a set are mounted, and what their originals were
 * mounted at.
 */
#ifndef VSSCTL_FILES_H
#define VSSCTL_FILES_H

#include <vss/files.h>

#include "vssctl.h"

/*
 * Tell @files all that is mounted: with a copy, what is on the volumes of the set, whose
 * copies must be mounted somewhere; without one, the rest.  0 or the exit code.
 */
int vssctl_files_add_set(struct vssctl *ctl, struct vss_backup_files *files, const struct vss_uuid *set);

#endif /* VSSCTL_FILES_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which components of which writers belong to a backup.
 */
#ifndef VSSCTL_BACKUP_COMPONENTS_H
#define VSSCTL_BACKUP_COMPONENTS_H

#include "backup.h"

/*
 * Gather the writers' metadata and add the components whose files lie on the
 * backup's volumes: of a writer all that are selectable and have no selectable
 * ancestor, and all that are not selectable and have none.  A writer that has
 * one of the latter elsewhere is left out altogether.  What was included by name
 * must be possible; what was excluded is left out.  Then dependencies are followed
 * (selection.h).  0 or the exit code.
 */
int vssctl_backup_select(struct vssctl_backup *backup);

#endif /* VSSCTL_BACKUP_COMPONENTS_H */

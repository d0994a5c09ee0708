/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for somebody else's word that a backup has ended.
 */
#ifndef VSSCTL_WAIT_FOR_H
#define VSSCTL_WAIT_FOR_H

#include "vssctl.h"

/* An old file would be taken for the word: 0, or the exit code after that was reported. */
int vssctl_wait_for_check(struct vssctl *ctl, const char *path);

/*
 * Wait until the file is there; SIGINT and SIGTERM end the wait.  0, or the exit code
 * after the failure was reported: the file's first word is "failed".
 */
int vssctl_wait_for(struct vssctl *ctl, const char *path);

#endif /* VSSCTL_WAIT_FOR_H */

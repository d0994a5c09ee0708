/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guarding the moments in which file systems may be frozen: this process must
 * not wait for one of them, be it for a page of its own program, for memory
 * that reclaim gets by writing to it, or for a log.
 */
#ifndef VSSCTL_CRITICAL_H
#define VSSCTL_CRITICAL_H

#include <signal.h>
#include <stdbool.h>

/* Keep SIGINT, SIGTERM and SIGHUP waiting, so that work can be taken back. */
void vssctl_block_signals(sigset_t *before);
void vssctl_restore_signals(const sigset_t *before);

/* Is one of them waiting? */
bool vssctl_interrupted(void);

/* Between these two: no allocation, no output, no file. */
void vssctl_enter_critical(void);
void vssctl_leave_critical(void);

#endif /* VSSCTL_CRITICAL_H */

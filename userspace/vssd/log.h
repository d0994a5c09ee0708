/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where vssd's messages go: the journal, or standard error.
 *
 * Lines are queued and written by a thread of their own: whoever takes them may
 * itself wait for a file system that vssd has frozen, and vssd must not wait for
 * it.  Lines that do not fit in the queue are counted.
 */
#ifndef VSSD_LOG_H
#define VSSD_LOG_H

#include "core.h"

struct vssd_log;

/* Signals must be blocked before.  @foreground: standard error even if there is a journal. */
int vssd_log_start(bool foreground, struct vssd_log **log);

/* A vssd_log_fn; never waits. */
void vssd_log_write(void *log, int priority, const char *message_id, const struct vss_uuid *session,
		    const char *text);

/* Write what is queued, for some seconds at most. */
void vssd_log_stop(struct vssd_log *log);

#endif /* VSSD_LOG_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream into the system's log, for who has no terminal and nobody who reads what he prints.
 */
#ifndef VSSCTL_LOG_STREAM_H
#define VSSCTL_LOG_STREAM_H

#include <stdio.h>

/* Each line is a message of syslog(3) with this priority.  NULL without memory; fclose() ends it. */
FILE *vssctl_log_stream(int priority);

#endif /* VSSCTL_LOG_STREAM_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exit codes of vssctl.  Scripts rely on them: numbers are never reused.
 */
#ifndef VSSCTL_EXITCODE_H
#define VSSCTL_EXITCODE_H

#include <vss/error.h>

enum vssctl_exit {
	VSSCTL_OK = 0,
	VSSCTL_USAGE = 1,		/* wrong command line */
	VSSCTL_FAILURE = 2,		/* any failure not listed below */
	VSSCTL_NOT_FOUND = 3,		/* no such volume, snapshot or set */
	VSSCTL_BUSY = 4,		/* in use, or in another set */
	VSSCTL_PERMISSION = 5,		/* not root, or within a container */
	VSSCTL_NO_ROOM = 6,		/* no room for a diff area or in it */
	VSSCTL_NOT_SUPPORTED = 7,	/* this volume or kernel; module missing */
	VSSCTL_TIMEOUT = 8,		/* a deadline passed */
	VSSCTL_HALF_WRITTEN = 9,	/* "diff-area boot": a volume is half set back; not to be mounted */
};

/* The exit code for a VSS result code. */
enum vssctl_exit vssctl_exit_of(vss_result result);

#endif /* VSSCTL_EXITCODE_H */

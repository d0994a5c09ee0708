/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the subcommands of vssctl share: the context they run in, how they say
 * what went wrong, and how they reach the kernel and name volumes.
 */
#ifndef VSSCTL_VSSCTL_H
#define VSSCTL_VSSCTL_H

#include <stdbool.h>
#include <stdio.h>
#include <vss/blockdev.h>
#include <vss/kernel.h>

#include "exitcode.h"

struct vssctl_printer;

struct vssctl {
	FILE *out;
	FILE *err;
	bool json;
	bool quiet;
	bool verbose;
	bool percent_lines;	/* how far it is also where there is no terminal, ten percent a line */
	const struct vssctl_printer *print;	/* follows @json */
	struct vss_kernel *kernel;		/* after vssctl_open_kernel() */
};

/* Say what failed and return the exit code that belongs to @result. */
int vssctl_fail(struct vssctl *ctl, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int vssctl_fail_error(struct vssctl *ctl, const struct vss_error *error);
int vssctl_fail_kernel(struct vssctl *ctl);

/* Something the user should know but that is no failure; on standard error. */
void vssctl_warn(struct vssctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Progress for people: on standard output, not with --quiet or --json. */
void vssctl_note(struct vssctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A note that only --verbose shows. */
void vssctl_detail(struct vssctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Connect to the module, loading it if need be.  0, or the exit code after the
 * failure was reported.
 */
int vssctl_open_kernel(struct vssctl *ctl);

/*
 * Load the module, or find out whether modprobe knows one for this kernel.  0
 * or -ENOENT.
 */
int vssctl_run_modprobe(bool dry_run);

/*
 * Is the module there?  Asking for its netlink family instead would load it.
 */
bool vssctl_module_loaded(void);

/* Resolve a volume's name; the same kind of result. */
int vssctl_resolve(struct vssctl *ctl, const char *name, struct vss_blockdev *blockdev);

/*
 * Resolve the name of a tracked volume, which may be one whose device is gone
 * ("/dev/vda1" by its kernel name); the same kind of result.
 */
int vssctl_resolve_tracked(struct vssctl *ctl, const char *name, struct vss_blockdev *blockdev);

/* Read the UUID of a snapshot or set; the same kind of result. */
int vssctl_parse_uuid(struct vssctl *ctl, const char *text, struct vss_uuid *uuid);

/*
 * Keep other vssctl processes from attaching, detaching and changing diff
 * areas until vssctl_unlock().  Not fatal where it is impossible.
 */
int vssctl_lock(struct vssctl *ctl);
/* Without waiting: -EWOULDBLOCK if another has it. */
int vssctl_trylock(struct vssctl *ctl);
void vssctl_unlock(int lock);

#endif /* VSSCTL_VSSCTL_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the array: LVM's.
 */
#ifndef ARRAY_RUN_H
#define ARRAY_RUN_H

#include <vss/error.h>

/*
 * Run a program from the system's folders and wait for it, for a minute at most.
 * No shell has a part in it.  @output receives what it printed, to free(); may be NULL.
 * 0, or a negative errno with its last words in @err.
 */
int array_run(const char *const argv[], char **output, struct vss_error *err);

#endif /* ARRAY_RUN_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking whether something is really meant.
 */
#ifndef VSSCTL_CONFIRM_H
#define VSSCTL_CONFIRM_H

#include <stdbool.h>
#include <stdio.h>

/* Ask @question on @out; "y" or "yes" on @in, in any case of letters, is a yes, all else is none. */
bool vssctl_confirm(FILE *in, FILE *out, const char *question);

#endif /* VSSCTL_CONFIRM_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and sizes as people write and read them.
 */
#ifndef VSSCTL_SIZE_H
#define VSSCTL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A decimal number with an optional K, M, G or T (powers of 1024; "KiB", "KB"
 * and so on are the same).  0 or -EINVAL, -ERANGE.
 */
int vssctl_parse_size(const char *text, uint64_t *size);

/* A plain decimal number.  0 or -EINVAL, -ERANGE. */
int vssctl_parse_number(const char *text, uint64_t *number);

#define VSSCTL_SIZE_TEXT	24

/* "1.5G", "64M", "0".  Returns @text. */
char *vssctl_format_size(uint64_t size, char text[VSSCTL_SIZE_TEXT]);

#endif /* VSSCTL_SIZE_H */

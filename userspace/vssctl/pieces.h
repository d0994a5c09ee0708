/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole pieces of a device, however many calls that takes.  For the system provider too.
 */
#ifndef VSSCTL_PIECES_H
#define VSSCTL_PIECES_H

#include <stddef.h>
#include <stdint.h>

/* 0; -EIO where the device ends before; another negative errno. */
int vssctl_read_piece(int fd, void *buffer, size_t size, uint64_t at);
int vssctl_write_piece(int fd, const void *buffer, size_t size, uint64_t at);

#endif /* VSSCTL_PIECES_H */

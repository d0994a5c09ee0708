/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files, folders and links of configfs.
 */
#ifndef ARRAY_LIO_FILE_H
#define ARRAY_LIO_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define LIO_CORE	"/sys/kernel/config/target/core"
#define LIO_ISCSI	"/sys/kernel/config/target/iscsi"

/* The names in a folder, an array to free with lio_names_free(); *@n is 0 for none. */
char **lio_names(const char *folder, const char *prefix, size_t *n);
void lio_names_free(char **names, size_t n);

/* A path, to free(); NULL without memory. */
char *lio_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* First line of a file in a folder, to free(); NULL for none. */
char *lio_get(const char *folder, const char *file);
/* 0 or a negative errno. */
int lio_put(const char *folder, const char *file, const char *value);

/* The link in @folder that leads to @to (a path without links): its path, to free(). */
char *lio_link_to(const char *folder, const char *to);

/* Make @folder/@prefixN with the lowest N that is free: its path, to free(); NULL and errno. */
char *lio_make_numbered(const char *folder, const char *prefix);

#endif /* ARRAY_LIO_FILE_H */

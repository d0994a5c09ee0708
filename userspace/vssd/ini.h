/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files: "[Section]" lines, "Key = value" lines, empty lines,
 * and comments on lines of their own after "#" or ";".  Anything else is an
 * error, told with file and line.
 */
#ifndef VSSD_INI_H
#define VSSD_INI_H

#include <stdbool.h>
#include <stdint.h>
#include <vss/error.h>

/*
 * Takes one line.  0, or a negative errno with what is wrong in @err, to which the
 * place is added.  @value has no blanks around it and is not empty.
 */
typedef int (*vssd_ini_fn)(void *data, const char *section, const char *key, const char *value,
			   struct vss_error *err);

/* 0; -ENOENT there is no such file; another negative errno, with @err set. */
int vssd_ini_read(const char *path, vssd_ini_fn take, void *data, struct vss_error *err);

/*
 * Read all files of a folder whose names end in ".conf", in the order of their
 * names; @path receives the path of the one being read.  None if there is no such
 * folder.
 */
int vssd_ini_read_folder(const char *folder, vssd_ini_fn take, void *data, const char **path,
			 struct vss_error *err);

/* The same name of a section or key, but for case, "-" and "_"? */
bool vssd_ini_same(const char *a, const char *b);

/* Helpers for values: "yes" or "no"; a number within bounds. */
int vssd_ini_bool(const char *value, bool *result, struct vss_error *err);
int vssd_ini_number(const char *value, uint64_t min, uint64_t max, uint64_t *result,
		    struct vss_error *err);

#endif /* VSSD_INI_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths as text: nothing here asks a file system.
 */
#ifndef VSS_SRC_PATH_H
#define VSS_SRC_PATH_H

#include <limits.h>
#include <stdbool.h>

/*
 * Put the values of $NAME and ${NAME} in, from this process's environment.
 * False: a name is not set or not well-formed, or the result is too long.
 */
bool vss_path_expand(const char *path, char out[PATH_MAX]);

/* Remove "//", "/./" and "/../" from an absolute path, by its text alone. */
void vss_path_normalise(char *path);

/* To the folder above, in place: "/a/b", "/a", "/".  False at "/". */
bool vss_path_up(char *path);

/* The part of @path below @folder, without a separator in front; NULL if it is not below, "" if it is the folder. */
const char *vss_path_below(const char *path, const char *folder);

/* "folder/name"; false when it is too long.  Either may be "", and @folder "/". */
bool vss_path_join(char out[PATH_MAX], const char *folder, const char *name);

#endif /* VSS_SRC_PATH_H */

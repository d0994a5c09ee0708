/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File sets by their directories: of one component, so that one which overlaps
 * another is found without a look at all of them (thousands are usual); or what
 * is excluded, so that it is quickly told of each file that is there.
 */
#ifndef VSS_SRC_FILE_SETS_H
#define VSS_SRC_FILE_SETS_H

#include <stdbool.h>

struct vss_file_sets;

struct vss_file_sets *vss_file_sets_new(void);	/* NULL: no memory */
void vss_file_sets_free(struct vss_file_sets *sets);
/* @filespec must live as long as @sets.  False: no memory. */
bool vss_file_sets_add(struct vss_file_sets *sets, const char *path, const char *filespec, bool recursive);

enum vss_overlap { VSS_OVERLAP_NONE, VSS_OVERLAP, VSS_OVERLAP_NO_MEMORY };
/*
 * May there be a file that is in this set and in one that was added?  Directories
 * are compared by name; variables in them are not replaced.  @with_path and
 * @with_filespec: which one that is; they live as long as @sets.
 */
enum vss_overlap vss_file_sets_overlap(const struct vss_file_sets *sets, const char *path, const char *filespec,
				       bool recursive, const char **with_path, const char **with_filespec);

/* Is the file @name in the directory @path in one of the sets? */
bool vss_file_sets_cover(const struct vss_file_sets *sets, const char *path, const char *name);
/* Is whatever there may be in and below the directory in one of them? */
bool vss_file_sets_cover_all(const struct vss_file_sets *sets, const char *path);

/* Is the name, in which nothing is special, one that the wildcards mean?  ? is one character of UTF-8. */
bool vss_wildcard_matches(const char *wildcard, const char *name);

/* Is there a name that both wildcards (* and ?) match?  -1: no memory. */
int vss_wildcards_meet(const char *a, const char *b);

#endif /* VSS_SRC_FILE_SETS_H */

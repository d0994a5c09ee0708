/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scope-bound release of what a function acquired.
 *
 * The variable must be initialised where it is declared; keep_ptr() and
 * keep_fd() hand its content over to somebody else.
 */
#ifndef VSS_SRC_CLEANUP_H
#define VSS_SRC_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fd_fn(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file_fn(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_dir_fn(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	__attribute__((cleanup(cleanup_free_fn)))
#define _cleanup_fd_	__attribute__((cleanup(cleanup_fd_fn)))
#define _cleanup_file_	__attribute__((cleanup(cleanup_file_fn)))
#define _cleanup_dir_	__attribute__((cleanup(cleanup_dir_fn)))

#define keep_ptr(p) ({ __typeof__(p) kept_ = (p); (p) = NULL; kept_; })
#define keep_fd(fd) ({ int kept_ = (fd); (fd) = -1; kept_; })

#endif /* VSS_SRC_CLEANUP_H */

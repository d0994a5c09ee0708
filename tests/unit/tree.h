/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests do with a directory of their own.
 */
#ifndef TESTS_UNIT_TREE_H
#define TESTS_UNIT_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int tree_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Remove a directory and all in it; 0 if all is gone. */
static inline int tree_remove(const char *dir)
{
	return nftw(dir, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

#endif /* TESTS_UNIT_TREE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The documents of a backup in one file: a tar archive with bcd.xml and
 * wm-0.xml, wm-1.xml, ...
 */
#ifndef VSSCTL_METADATA_ARCHIVE_H
#define VSSCTL_METADATA_ARCHIVE_H

#include "vssctl.h"

struct vssctl_documents {
	char *backup;		/* the Backup Components Document */
	char **writers;		/* Writer Metadata Documents */
	size_t nr_writers;
};
void vssctl_documents_clear(struct vssctl_documents *documents);

/* 0, or the exit code after the failure was reported. */
int vssctl_archive_write(struct vssctl *ctl, const char *path, const struct vssctl_documents *documents);
/* Also takes a plain Backup Components Document. */
int vssctl_archive_read(struct vssctl *ctl, const char *path, struct vssctl_documents *documents);

#endif /* VSSCTL_METADATA_ARCHIVE_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts in DiskShadow's command language: what a script has set and made so
 * far, the splitting of its lines, and its commands.
 */
#ifndef VSSCTL_SCRIPT_H
#define VSSCTL_SCRIPT_H

#include "backup.h"
#include "metadata-archive.h"

#define VSSCTL_MAX_WORDS	64

struct vssctl_alias {
	char *name;
	char *value;
};

struct vssctl_script {
	struct vssctl *ctl;
	/* SET */
	uint32_t context;
	uint32_t modifiers;
	char *metadata_path;
	/* ADD, WRITER */
	struct vssctl_backup backup;
	struct vssctl_alias *aliases;
	size_t nr_aliases;
	/* What has been done. */
	bool begun;			/* BEGIN BACKUP without END BACKUP */
	bool completed;
	struct vssctl_documents loaded;	/* LOAD METADATA */
	struct vss_backup_components *restore;	/* BEGIN RESTORE without END RESTORE */
	enum vss_file_restore_status restored;	/* with END RESTORE, for all components */
	struct vss_backup_components *imported;	/* keeps what IMPORT brought */
	bool done;			/* EXIT */
};

void vssctl_script_init(struct vssctl_script *script, struct vssctl *ctl);
void vssctl_script_clear(struct vssctl_script *script);

/* Forget everything that was set and made: RESET. */
void vssctl_script_reset(struct vssctl_script *script);

/*
 * Split a line into words, with %NAME% replaced by the alias or the variable of
 * the environment of that name.  A word may be in quotation marks.  The words
 * are in @buffer, which is to be freed.  0, or the exit code after the failure
 * was reported.
 */
int vssctl_script_split(struct vssctl_script *script, const char *line, char **buffer,
			char *words[VSSCTL_MAX_WORDS], size_t *count);

/* NULL when there is none. */
const char *vssctl_script_alias(const struct vssctl_script *script, const char *name);
int vssctl_script_set_alias(struct vssctl_script *script, const char *name, const char *value);

/* Run one line.  0, or the exit code after the failure was reported. */
int vssctl_script_line(struct vssctl_script *script, const char *line);

/* The restore commands, script-restore.c; each gives 0 or the exit code. */
int vssctl_script_begin_restore(struct vssctl_script *script);
int vssctl_script_end_restore(struct vssctl_script *script, enum vss_file_restore_status status);
int vssctl_script_simulate_restore(struct vssctl_script *script);

#endif /* VSSCTL_SCRIPT_H */

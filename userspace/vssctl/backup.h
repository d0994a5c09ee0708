/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One backup through vssd, from the choice of writers to BackupComplete, in the
 * steps that "create" takes in one go and a script one by one.
 *
 * Functions give 0, or the exit code after the failure was reported.
 */
#ifndef VSSCTL_BACKUP_H
#define VSSCTL_BACKUP_H

#include "requester.h"

#define VSSCTL_MAX_VOLUMES	64

/* What --include, --exclude and the script's WRITER command name. */
struct vssctl_writer_choice {
	char **names;		/* name, class or instance, or "WRITER:PATH/COMPONENT" */
	bool *found;
	size_t count;
};

struct vssctl_backup {
	struct vssctl *ctl;
	struct vss_backup_components *bc;
	/* What is wanted. */
	uint32_t context;
	enum vss_backup_type type;
	bool no_components;			/* volume mode */
	struct vssctl_writer_choice only;	/* no others, if there are any */
	struct vssctl_writer_choice include;
	struct vssctl_writer_choice exclude;
	struct vssctl_backup_volume {
		char *name;
		char *alias;			/* NULL for none */
		struct vss_uuid provider;	/* null for the default choice */
		struct vss_blockdev blockdev;
		struct vss_uuid snapshot;	/* once it was added to the set */
	} volumes[VSSCTL_MAX_VOLUMES];
	size_t nr_volumes;
	/* What was done. */
	bool created;
	struct vss_uuid set;
	struct vssctl_backup_component {
		struct vss_uuid instance;
		struct vss_uuid writer;
		enum vss_component_type type;
		char *path;
		char *name;
	} *components;				/* added explicitly */
	size_t nr_components;
};

void vssctl_backup_init(struct vssctl_backup *backup, struct vssctl *ctl);
/* Releases the object, and with it auto-release shadow copies. */
void vssctl_backup_clear(struct vssctl_backup *backup);

/* @provider and @alias may be NULL. */
int vssctl_backup_add_volume(struct vssctl_backup *backup, const char *name, const char *alias,
			     const struct vss_uuid *provider);
int vssctl_backup_choose(struct vssctl_backup *backup, struct vssctl_writer_choice *choice,
			 const char *name);

/* InitializeForBackup to DoSnapshotSet, with all that lies between. */
int vssctl_backup_create(struct vssctl_backup *backup);

/* Delete the set that was made, and AbortBackup: what failed later leaves nothing. */
void vssctl_backup_undo(struct vssctl_backup *backup);

/* Warn of shadow copies that are to stay, and end with the machine's uptime. */
void vssctl_backup_warn_volatile(struct vssctl_backup *backup);

/* The documents, as they are now; texts to free(). */
int vssctl_backup_document(struct vssctl_backup *backup, char **xml);
/* The documents of all writers, "wm-0.xml" and so on, in a directory that is made if need be. */
int vssctl_backup_save_metadata(struct vssctl_backup *backup, const char *dir);

/* SetBackupSucceeded for all components and BackupComplete; nothing without writers. */
int vssctl_backup_complete(struct vssctl_backup *backup, bool succeeded);

/* Run a command while the shadow copies exist, with the variables of @environment added. */
int vssctl_backup_exec(struct vssctl *ctl, const char *command, char *const *environment);

/*
 * VSS_SHADOW_SET, VSS_SHADOW_1..., VSS_DEVICE_1..., VSS_VOLUME_1... and the aliases, as
 * "NAME=value" strings ending with NULL, to be freed with vssctl_environment_free().
 */
char **vssctl_backup_environment(struct vssctl_backup *backup);
void vssctl_environment_free(char **environment);

#endif /* VSSCTL_BACKUP_H */

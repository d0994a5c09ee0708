/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a list of the files of a backup, for backup-files*.c: the object
 * (backup-files.c), which sets of files are wanted (-sets.c), where a path is in the
 * copies (-place.c), and the walk through them (-walk.c).
 */
#ifndef VSS_SRC_BACKUP_FILES_H
#define VSS_SRC_BACKUP_FILES_H

#include <libxml/hash.h>
#include <limits.h>
#include <sys/stat.h>
#include <vss/files.h>

#include "file-sets.h"
#include "list.h"

#define VSS_FILES_NONE	UINT32_MAX

struct files_writer {
	struct vss_writer_metadata *metadata;
	struct vss_writer_identity identity;
	uint32_t schema;
	struct vss_file_sets *excluded;
	struct vss_file_sets *listed;	/* sets that were walked: what is in them came already */
	xmlHashTable *folders;		/* that were listed, by path */
};

struct files_volume {
	char *mount_point;
	char *folder;		/* of the volume, that is mounted; "" for all */
	char *copy;		/* NULL: none */
	int fd;			/* of the copy */
	bool walked;		/* the walk has come to its mount point */
};

struct files_component {
	struct vss_uuid instance_id;
	struct vss_uuid writer_id;
	enum vss_component_type type;
	char *path;
	char *name;
	uint32_t writer;	/* VSS_FILES_NONE: none, or its document is missing */
	xmlHashTable *partial;	/* ranges of partial files by their paths; NULL for none */
	uint64_t files;
	uint64_t bytes;
	bool failed;
	char *reason;
};

/* A set of files to walk. */
struct files_set {
	uint32_t component;
	char *path;		/* normal path, complete */
	char *from;		/* alternate path, NULL for none */
	char *filespec;
	bool recursive;
	bool differenced;
	uint64_t last_modify_time;
};

/* A folder in a copy, and its original. */
struct files_place {
	uint32_t volume;
	char inside[PATH_MAX];		/* in the copy; "" for its root */
	char original[PATH_MAX];	/* the same folder on the system, without symbolic links */
};

struct files_entry {
	char *name;
	mode_t mode;
	uint64_t size;
	int64_t modified;
};

/* A folder that is being walked. */
struct files_folder {
	char *path;		/* normal path */
	char *real;		/* the same without symbolic links */
	struct files_place place;	/* where it is read */
	struct files_entry self;
	bool listed;
	struct files_entry *entries;
	size_t count;
	size_t next;
};

struct vss_backup_files {
	struct vss_error error;
	struct vss_backup_document *document;
	struct vss_backup_state state;
	uint64_t last_backup;
	struct vss_list writers;	/* of struct files_writer */
	struct vss_list volumes;	/* of struct files_volume */
	xmlHashTable *mounts;		/* volume's index plus 1, by mount point */
	struct vss_list own_excluded;	/* by the requester: of struct files_set */
	struct vss_file_sets *excluded;	/* the same, to look files up in */
	struct vss_list texts;		/* that file sets refer to: char * */
	struct vss_list components;	/* of struct files_component */
	struct vss_list sets;		/* of struct files_set */
	bool begun, ended;
	size_t set;			/* the one that is walked */
	struct files_writer whole;	/* what stands for a writer where whole volumes are listed */
	struct vss_list folders;	/* of struct files_folder *, the innermost last */
	char path[PATH_MAX];		/* of what was given out last */
	char source[PATH_MAX];
};

#define files_writer_at(files, i)	(&((struct files_writer *)(files)->writers.items)[i])
#define files_volume_at(files, i)	(&((struct files_volume *)(files)->volumes.items)[i])
#define files_component_at(files, i)	(&((struct files_component *)(files)->components.items)[i])
#define files_set_at(files, i)		(&((struct files_set *)(files)->sets.items)[i])

vss_result files_no_memory(struct vss_backup_files *files);
/* The first failure of a component stays its reason. */
void files_component_fail(struct vss_backup_files *files, uint32_t component, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Prepare what an exclusion and a list need of a writer; false: no memory. */
bool files_writer_prepare(struct files_writer *writer);
void files_writer_clear(struct files_writer *writer);
/* Whose exclusions and walked sets count for the component. */
struct files_writer *files_writer_of(struct vss_backup_files *files, uint32_t component);

/* The components of the document and their sets of files; S_OK or E_OUTOFMEMORY. */
vss_result files_collect(struct vss_backup_files *files);

enum files_found { FILES_FOUND, FILES_NOTHING, FILES_OUTSIDE, FILES_FAILED };
/*
 * Where a folder is.  FILES_NOTHING: it is not there; FILES_OUTSIDE: no volume of the
 * set has it; FILES_FAILED: errno tells.  @place has the original in any case, as far as
 * it is known.
 */
enum files_found files_find(struct vss_backup_files *files, const char *path, struct files_place *place);
/* The volume mounted at exactly this place; VSS_FILES_NONE for none. */
uint32_t files_mounted_at(const struct vss_backup_files *files, const char *original);
/* A descriptor for a place in a copy: no link, no other mount, nothing outside.  Negative errno. */
int files_open(const struct vss_backup_files *files, const struct files_place *place, int flags);

vss_result files_walk(struct vss_backup_files *files, struct vss_backup_file *file);
void files_walk_clear(struct vss_backup_files *files);

#endif /* VSS_SRC_BACKUP_FILES_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a backup: what a requester has to read from the shadow copies,
 * and where each file belongs (Generating A Backup Set, Overview of Actual
 * Backup Of Files).
 *
 * Four things make the list: the Backup Components Document says which
 * components were chosen, the writers' documents which files they have, the
 * requester where the copies are mounted, and the copies which files exist.
 * The volumes themselves are not read.
 *
 * What the list keeps to:
 *
 * - A component brings along all components below it.
 * - Excluded files are left out, whatever components were chosen: those that a
 *   writer excludes from its backup, those that it wants not to be in the shadow
 *   copy, and those that the requester excludes.  A file is judged by its normal
 *   path, also when it is read from an alternate one.
 * - Symbolic links are listed and not followed.  A folder that another volume
 *   was mounted on is listed; what is below it is that volume's, and comes from
 *   that volume's copy or not at all.
 * - A writer without the schema for the type of the backup is backed up in full.
 *   For an incremental or differential backup, sets of files without the bit of
 *   it are left out, and differenced files come in; for a log backup log files
 *   are all.
 * - A component in which anything fails has failed.
 *
 * An object must not be used by two threads at once.
 */
#ifndef VSS_FILES_H
#define VSS_FILES_H

#include <sys/types.h>
#include <vss/backup.h>
#include <vss/document.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_backup_files;

/**
 * vss_backup_files_new() - Begin a list.
 * @document: which components are wanted, as it is after DoSnapshotSet; must live
 *	as long as the list.  One without selection of components stands for whole
 *	volumes.
 * @files: receives the list, for vss_backup_files_free()
 * @err: receives what is wrong; may be NULL
 *
 * Return: S_OK or E_OUTOFMEMORY.
 */
vss_result vss_backup_files_new(struct vss_backup_document *document, struct vss_backup_files **files,
				struct vss_error *err);
void vss_backup_files_free(struct vss_backup_files *files);

/* What went wrong in the last call; never NULL. */
const struct vss_error *vss_backup_files_error(const struct vss_backup_files *files);

/**
 * vss_backup_files_add_writer() - Give a writer's document.
 * @files: the list
 * @metadata: the document, also of a writer without a component in the backup (what
 *	it excludes counts for whole volumes); must live as long as the list
 *
 * Return: S_OK; VSS_E_BAD_STATE the list has been read from; VSS_E_OBJECT_ALREADY_EXISTS
 * the writer instance was given; E_OUTOFMEMORY.
 */
vss_result vss_backup_files_add_writer(struct vss_backup_files *files, struct vss_writer_metadata *metadata);

/**
 * vss_backup_files_add_volume() - Tell where a volume is seen.
 * @files: the list
 * @mount_point: where it was mounted when the shadow copy was made; a real path
 * @folder: which folder of the volume is seen there; NULL or "/" for all of it, another
 *	for a bind mount or a subvolume
 * @copy: where its shadow copy is mounted, as a whole; NULL for a volume without one,
 *	of which no file is listed.  Symbolic links on it are followed on the way to a
 *	volume that has one.
 *
 * Volumes without a copy need not be given, but what lies below their mount points would
 * be taken from the volume that they are mounted on.  Of two with one mount point the
 * last one counts, as for mount(2).
 *
 * Return: S_OK; VSS_E_BAD_STATE the list has been read from; E_INVALIDARG a path is not
 * absolute; VSS_E_OBJECT_NOT_FOUND, E_ACCESSDENIED the copy cannot be opened; E_OUTOFMEMORY.
 */
vss_result vss_backup_files_add_volume(struct vss_backup_files *files, const char *mount_point,
				       const char *folder, const char *copy);

/**
 * vss_backup_files_exclude() - Exclude files on the requester's own account.
 * @files: the list
 * @path: their folder; may hold $NAME, no wildcard
 * @filespec: their names; may hold * and ?
 * @recursive: also those in folders below; with * these folders too
 *
 * Return: S_OK; VSS_E_BAD_STATE the list has been read from; E_INVALIDARG; E_OUTOFMEMORY.
 */
vss_result vss_backup_files_exclude(struct vss_backup_files *files, const char *path, const char *filespec,
				    bool recursive);

/**
 * vss_backup_files_set_last_backup() - For differenced files: when the backup was made that this one builds on.
 * @files: the list
 * @time: nanoseconds since 1970-01-01 UTC; 0 (the default): not known, and all are listed
 *
 * A differenced file is listed when the time that its writer gave for it is later, or
 * else when it was modified later.
 */
void vss_backup_files_set_last_backup(struct vss_backup_files *files, uint64_t time);

/**
 * struct vss_backup_file - A file, folder or other entry to back up.
 * @path: where it belongs, which is what to record it under
 * @source: where to read it: in the shadow copy
 * @ranges: of a partial file, as its writer gave them ("offset:length,..." or
 *	"File=PATH"); NULL: all of it
 * @component: whose it is, for vss_backup_files_get_component()
 * @mode: type and permissions, as in stat(2)
 * @size: in bytes
 * @modified: nanoseconds since 1970-01-01 UTC
 *
 * The texts are valid until the next call on the list.
 */
struct vss_backup_file {
	const char *path;
	const char *source;
	const char *ranges;
	uint32_t component;
	mode_t mode;
	uint64_t size;
	int64_t modified;
};

/**
 * vss_backup_files_next() - The next entry.
 * @files: the list
 * @file: receives it
 *
 * Entries come component by component, a folder before what is in it, in the order of
 * their names.  Folders come where a set of files is all that is in them, and on the way
 * to files below; archivers are not to descend into them by themselves.  Of one writer a
 * file comes once, and so does one of two writers that read it at the same place.
 *
 * What cannot be read is no failure of the call but of its component.
 *
 * Return: S_OK; S_FALSE after the last one; E_OUTOFMEMORY.
 */
vss_result vss_backup_files_next(struct vss_backup_files *files, struct vss_backup_file *file);

/**
 * struct vss_backup_files_component - A component of the backup, and how it is doing.
 * @instance_id, @writer_id, @type, @logical_path, @component_name: as in the document;
 *	where no components were selected there is one without any of them
 * @files: entries listed so far
 * @bytes: in them
 * @failed: something of it could not be listed, or was said to have failed
 * @reason: the first failure, in a sentence; "" while there is none
 *
 * The texts are the list's own.
 */
struct vss_backup_files_component {
	struct vss_uuid instance_id;
	struct vss_uuid writer_id;
	enum vss_component_type type;
	const char *logical_path;
	const char *component_name;
	uint64_t files;
	uint64_t bytes;
	bool failed;
	const char *reason;
};

/* Known after the first vss_backup_files_next(). */
uint32_t vss_backup_files_component_count(const struct vss_backup_files *files);
/* VSS_E_OBJECT_NOT_FOUND past the end */
vss_result vss_backup_files_get_component(struct vss_backup_files *files, uint32_t index,
					  struct vss_backup_files_component *component);

/**
 * vss_backup_files_fail() - A file could not be backed up, so its component has failed.
 * @files: the list
 * @index: the component
 * @reason: a sentence that names the file
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND there is no such component.
 */
vss_result vss_backup_files_fail(struct vss_backup_files *files, uint32_t index, const char *reason);

/**
 * vss_backup_files_set_backup_succeeded() - SetBackupSucceeded for all components.
 * @files: a list that was read to its end
 * @bc: the backup, between DoSnapshotSet and BackupComplete
 *
 * Return: S_OK; VSS_E_BAD_STATE the list was not read to its end, or @bc is elsewhere; as
 * vss_backup_components_set_backup_succeeded(), with the sentence in the list's error.
 */
vss_result vss_backup_files_set_backup_succeeded(struct vss_backup_files *files,
						 struct vss_backup_components *bc);

#ifdef __cplusplus
}
#endif

#endif /* VSS_FILES_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files a restore puts back, and where: the rules of restore methods,
 * restore targets, alternate locations, new and directed targets
 * (VSS_RESTOREMETHOD_ENUM, VSS_RESTORE_TARGET, Generating A Restore Set,
 * Non-Default Backup and Restore Locations).
 *
 * A plan is for one component of the Backup Components Document and what it
 * brought along.  After PreRestore, for only then the writer's wishes are known,
 * a requester gives it the paths of the files that the backup has of the
 * component, lets it decide, and does what it says.  Deciding looks at the files
 * that are there and changes nothing.
 *
 * The rules, the first one that applies:
 *
 *  1. A file that the requester has given a new target goes there
 *     (AddNewTarget), whatever the writer wants.
 *  2. Target VSS_RT_DIRECTED: a file with directed targets goes to each of them;
 *     one without goes by the method.
 *  3. Target VSS_RT_ORIGINAL_LOCATION: to where it was, whatever the method.
 *  4. Target VSS_RT_ALTERNATE, or method VSS_RME_RESTORE_TO_ALTERNATE_LOCATION:
 *     to the location that the writer has mapped it to.  A file without a mapping
 *     is a writer's error, and nothing is decided.
 *  5. VSS_RME_RESTORE_IF_NOT_THERE: to where it was if none of the component's
 *     files is there; else all to their alternate locations if each has one and
 *     none of them is there; else none is restored.
 *  6. VSS_RME_RESTORE_IF_CAN_REPLACE: to where it was if all that is there can be
 *     replaced; else all to their alternate locations if each has one and all
 *     that is there can be replaced; else none is restored.
 *  7. VSS_RME_STOP_RESTORE_START, VSS_RME_RESTORE_STOP_START: to where it was; the
 *     decision names the service, and when to stop and start it.
 *  8. VSS_RME_RESTORE_AT_REBOOT: to where it was, at the next start of the system;
 *     VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE: now, if all that is there can
 *     be replaced, else all of them then.  With these two targets do not count.
 *  9. VSS_RME_CUSTOM: only who knows the writer can restore it.
 * 10. No method is a writer's error.
 *
 * In 5, 6 and 8 the component is one: all of its files, or none.  Files with a
 * new target are looked at in the new place for that; directed ones, which the
 * writer has placed itself, are not.
 */
#ifndef VSS_RESTORE_H
#define VSS_RESTORE_H

#include <vss/component.h>
#include <vss/metadata.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vss_restore_plan;

/**
 * vss_restore_plan_new() - Begin a plan.
 * @metadata: the stored document of the component's writer; must live as long as the plan
 * @component: the component, as it is after PreRestore; only read here
 * @plan: receives the plan, for vss_restore_plan_free()
 * @err: receives what is wrong; may be NULL
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND the writer's document has no such component;
 * VSS_E_UNEXPECTED_WRITER_ERROR the writer has no restore method; E_OUTOFMEMORY.
 */
vss_result vss_restore_plan_new(struct vss_writer_metadata *metadata, struct vss_component *component,
				struct vss_restore_plan **plan, struct vss_error *err);
void vss_restore_plan_free(struct vss_restore_plan *plan);

/* What went wrong in the last call; never NULL. */
const struct vss_error *vss_restore_plan_error(const struct vss_restore_plan *plan);

/**
 * vss_restore_plan_add_file() - A file that the backup has of the component.
 * @plan: the plan
 * @path: its normal path, absolute, as the backup recorded it.  Folders are not asked
 *	about: they are made where files go.
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND no set of files of the component, or of those below
 * it, has it; VSS_E_BAD_STATE it was decided already; E_INVALIDARG; E_OUTOFMEMORY.
 */
vss_result vss_restore_plan_add_file(struct vss_restore_plan *plan, const char *path);

/**
 * struct vss_restore_probe - How to look at what is there.
 * @exists: is there anything of this name?
 * @can_replace: could the file of this name, or the one that is to be made, be written?
 * @data: for both
 */
struct vss_restore_probe {
	bool (*exists)(const char *path, void *data);
	bool (*can_replace)(const char *path, void *data);
	void *data;
};

/*
 * The file systems of this machine.  A file can be replaced when it is not immutable, not
 * mounted on, its folder can be written by this process, and no other process has it open
 * (it is asked for a write lease, which not all file systems have).
 */
extern const struct vss_restore_probe vss_restore_probe_system;

enum vss_restore_action {
	VSS_RESTORE_NOT,	/* nothing of the component is restored */
	VSS_RESTORE_NOW,
	VSS_RESTORE_AT_REBOOT,
	VSS_RESTORE_CUSTOM,	/* by what the requester knows of the writer */
};

/**
 * struct vss_restore_decision - What is done with the component.
 * @action: the files: now, later, or not
 * @service: to be stopped and started; NULL for none
 * @stop_before: stop it after PreRestore and start it before PostRestore; else stop
 *	and start it after PostRestore
 * @reboot_required: the writer wants the system to be started anew afterwards
 * @reason: why nothing is restored, in a sentence; "" otherwise
 *
 * The texts are the plan's.
 */
struct vss_restore_decision {
	enum vss_restore_action action;
	const char *service;
	bool stop_before;
	bool reboot_required;
	const char *reason;
};

/**
 * vss_restore_plan_decide() - Decide.
 * @plan: the plan, with all files
 * @probe: NULL for &vss_restore_probe_system
 * @decision: receives what is done
 *
 * Return: S_OK, also when nothing is restored; VSS_E_UNEXPECTED_WRITER_ERROR a file has no
 * alternate location and must have one: report it, the component is not restored;
 * VSS_E_BAD_STATE it was decided already; E_INVALIDARG a file's new path is too long;
 * E_OUTOFMEMORY.
 */
vss_result vss_restore_plan_decide(struct vss_restore_plan *plan, const struct vss_restore_probe *probe,
				   struct vss_restore_decision *decision);

enum vss_restore_place {
	VSS_RESTORE_TO_ORIGINAL,
	VSS_RESTORE_TO_ALTERNATE,	/* tell it by AddAlternativeLocationMapping */
	VSS_RESTORE_TO_NEW_TARGET,
	VSS_RESTORE_DIRECTED,
};

/**
 * struct vss_restored_file - A file to write.
 * @path: the file in the backup
 * @destination: where to write it
 * @place: by which rule
 * @source_ranges, @destination_ranges: of a directed target, as the writer gave them; NULL:
 *	all of it
 * @mapped: the set of files whose alternate location or new target it is: for
 *	AddAlternativeLocationMapping; NULL for the other places
 *
 * All are the plan's.
 */
struct vss_restored_file {
	const char *path;
	const char *destination;
	enum vss_restore_place place;
	const char *source_ranges;
	const char *destination_ranges;
	const struct vss_wm_filedesc *mapped;
};

/*
 * What to write, by index, after a decision for now or for the next start; files in the
 * order in which they were added, one with several directed targets several times.
 * VSS_E_OBJECT_NOT_FOUND past the end.
 */
vss_result vss_restore_plan_get_file(struct vss_restore_plan *plan, uint32_t index,
				     struct vss_restored_file *file);

#ifdef __cplusplus
}
#endif

#endif /* VSS_RESTORE_H */

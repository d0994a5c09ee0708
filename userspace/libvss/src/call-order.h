/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order a requester may make its calls.
 *
 * struct vss_call_order is what matters of the past of one backup components
 * object.  Every call asks vss_call_order_check() before it does anything, and
 * reports what became of it.  The rules are the table in call-order.c.
 */
#ifndef VSS_SRC_CALL_ORDER_H
#define VSS_SRC_CALL_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <vss/error.h>

/* The calls, by the methods' own names. */
#define VSS_CALLS(X)			\
	X(InitializeForBackup)		\
	X(InitializeForRestore)		\
	X(SetContext)			\
	X(GetSessionId)			\
	X(SetBackupState)		\
	X(EnableWriterClasses)		\
	X(DisableWriterClasses)		\
	X(DisableWriterInstances)	\
	X(GatherWriterMetadata)		\
	X(GetWriterMetadataCount)	\
	X(GetWriterMetadata)		\
	X(FreeWriterMetadata)		\
	X(GatherWriterStatus)		\
	X(GetWriterStatusCount)		\
	X(GetWriterStatus)		\
	X(FreeWriterStatus)		\
	X(AddComponent)			\
	X(GetWriterComponentsCount)	\
	X(GetWriterComponents)		\
	X(SetBackupOptions)		\
	X(SetPreviousBackupStamp)	\
	X(SetBackupSucceeded)		\
	X(StartSnapshotSet)		\
	X(AddToSnapshotSet)		\
	X(IsVolumeSupported)		\
	X(IsVolumeSnapshotted)		\
	X(PrepareForBackup)		\
	X(DoSnapshotSet)		\
	X(BackupComplete)		\
	X(AbortBackup)			\
	X(SaveAsXML)			\
	X(Query)			\
	X(GetSnapshotProperties)	\
	X(DeleteSnapshots)		\
	X(ExposeSnapshot)		\
	X(ExposeToClients)		\
	X(UnexposeSnapshot)		\
	X(BreakSnapshotSet)		\
	X(BreakSnapshotSetEx)		\
	X(ImportSnapshots)		\
	X(CleanUpImport)		\
	X(MaskOriginals)		\
	X(RevertToSnapshot)		\
	X(QueryRevertStatus)		\
	X(AddSnapshotToRecoverySet)	\
	X(RecoverSet)			\
	X(SetRestoreState)		\
	X(SetSelectedForRestore)	\
	X(SetRestoreOptions)		\
	X(SetAdditionalRestores)	\
	X(SetAuthoritativeRestore)	\
	X(SetRestoreName)		\
	X(SetRollForward)		\
	X(AddRestoreSubcomponent)	\
	X(AddNewTarget)			\
	X(AddAlternativeLocationMapping) \
	X(SetRangesFilePath)		\
	X(SetFileRestoreStatus)		\
	X(PreRestore)			\
	X(PostRestore)

enum vss_call {
#define X(name)	VSS_CALL_##name,
	VSS_CALLS(X)
#undef X
	VSS_CALL_COUNT,
};

/* How far the object's one backup or restore has come. */
enum vss_stage {
	VSS_STAGE_NEW,		/* not initialized */
	VSS_STAGE_BACKUP,	/* initialized for backup */
	VSS_STAGE_LOADED,	/* initialized for backup with a stored document, to import */
	VSS_STAGE_SET,		/* StartSnapshotSet has opened a set */
	VSS_STAGE_PREPARED,	/* PrepareForBackup has ended well */
	VSS_STAGE_CREATED,	/* DoSnapshotSet has ended well */
	VSS_STAGE_DONE,		/* BackupComplete has ended well */
	VSS_STAGE_OVER,		/* the backup has failed or was aborted */
	VSS_STAGE_RESTORE,	/* initialized for restore */
	VSS_STAGE_RESTORING,	/* PreRestore has ended well */
	VSS_STAGE_RESTORED,	/* PostRestore has ended, or PreRestore failed */
	VSS_STAGE_COUNT,
};

struct vss_call_order {
	enum vss_stage stage;
	uint32_t context;		/* VSS_CTX_BACKUP until SetContext */
	bool context_set;		/* SetContext has been called */
	bool context_fixed;		/* something was done in the context */
	bool backup_state_set;
	bool gather_called;
	bool gathered;			/* GatherWriterMetadata has ended well */
	bool metadata;			/* ... and its result was not freed */
	bool status;			/* GatherWriterStatus has ended well, result not freed */
	uint32_t volumes;		/* in the set */
	bool busy;			/* an asynchronous operation runs: */
	enum vss_call operation;
	enum vss_stage begun;		/* the stage when it began */
};

const char *vss_call_name(enum vss_call call);

/* May @call be made now?  S_OK, or the code to return, with a sentence in @err. */
vss_result vss_call_order_check(const struct vss_call_order *order, enum vss_call call,
				struct vss_error *err);

/* An asynchronous operation has been started. */
void vss_call_order_begin(struct vss_call_order *order, enum vss_call call);

/* @call has been carried out, or the asynchronous operation has ended, with @result. */
void vss_call_order_end(struct vss_call_order *order, enum vss_call call, vss_result result);

#endif /* VSS_SRC_CALL_ORDER_H */

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The rules of the order of a requester's calls: one table.
 *
 * A row is a call.  Each column is a stage of the object (enum vss_stage), named
 * by a letter; what stands in it is what the call does there:
 *
 *	.	refused with VSS_E_BAD_STATE
 *	!	refused with VSS_E_SNAPSHOT_SET_IN_PROGRESS
 *	=	allowed; the stage stays
 *	letter	allowed; success leads to the stage of that letter
 *
 *	N new		not initialized
 *	B backup	initialized for backup
 *	L loaded	initialized for backup with a stored document
 *	S set		a set is open
 *	P prepared	the writers have been prepared
 *	C created	the shadow copies exist
 *	D done		BackupComplete was called
 *	O over		failed or aborted
 *	R restore	initialized for restore
 *	r restoring	between PreRestore and PostRestore
 *	d restored	PostRestore was called
 *
 * "fails" is the stage that a failure leads to, "=" none: a call that is refused
 * or has no effect can be made again, but a backup or restore that has failed on
 * the way must not be resumed.
 *
 * "needs" are conditions beyond the stage; one that is not met is VSS_E_BAD_STATE:
 *
 *	W	the context has writers
 *	G	GatherWriterMetadata has ended well
 *	g	the same, if the context has writers
 *	M	G, and the metadata was not freed
 *	T	GatherWriterStatus has ended well, and the status was not freed
 *	B	SetBackupState was called
 *	P	PrepareForBackup has ended well, if the context has writers
 *	V	the set has a volume, unless the context has writers
 *	A	the context is not VSS_CTX_ALL, which is for administration only
 *	C	SetContext was called
 *	U	the context is undecided: SetContext was not called, and nothing was
 *		done yet in the default context
 *	1	the call was not made before
 *
 * "does": F decides the context, + is also allowed while an asynchronous
 * operation of the object runs; all others are VSS_E_BAD_STATE then.
 *
 * Where it comes from: Shadow Copy Creation Details (the rows from
 * GatherWriterMetadata to BackupComplete), and the pages of the methods for the
 * rest.  Documentation/vss-mapping.md lists what those leave open.
 */
#include <string.h>

#include <vss/types.h>

#include "call-order.h"
#include "error.h"

static const char stage_letters[] = "NBLSPCDORrd";

struct rule {
	char stages[2 * VSS_STAGE_COUNT];
	char fails;
	char needs[6];
	char does[4];
};

static const struct rule rules[VSS_CALL_COUNT] = {
#define RULE(call, stages, fails, needs, does) [VSS_CALL_##call] = { stages, fails, needs, does }
	/*                            N B L S P C D O R r d   fails  needs   does */
	RULE(InitializeForBackup,    "B . . . . . . . . . .",  '=',  "",     ""),
	RULE(InitializeForRestore,   "R . . . . . . . . . .",  '=',  "",     ""),
	RULE(SetContext,             ". = = . . . . . . . .",  '=',  "U",    ""),
	RULE(GetSessionId,           ". = = = = = = = = = =",  '=',  "",     "+"),
	RULE(SetBackupState,         ". = . = . . . . . . .",  '=',  "",     ""),
	RULE(EnableWriterClasses,    ". = = = = = = = = = =",  '=',  "",     ""),
	RULE(DisableWriterClasses,   ". = = = = = = = = = =",  '=',  "",     ""),
	RULE(DisableWriterInstances, ". = = = = = = = = = =",  '=',  "",     ""),

	/* Writers */
	RULE(GatherWriterMetadata,   ". = = = . . . . = . .",  '=',  "1",    "F"),
	RULE(GetWriterMetadataCount, ". = = = = = = = = = =",  '=',  "M",    ""),
	RULE(GetWriterMetadata,      ". = = = = = = = = = =",  '=',  "M",    ""),
	RULE(FreeWriterMetadata,     ". = = = = = = = = = =",  '=',  "M",    ""),
	RULE(GatherWriterStatus,     ". = = = = = = = = = =",  '=',  "G",    ""),
	RULE(GetWriterStatusCount,   ". = = = = = = = = = =",  '=',  "T",    ""),
	RULE(GetWriterStatus,        ". = = = = = = = = = =",  '=',  "T",    ""),
	RULE(FreeWriterStatus,       ". = = = = = = = = = =",  '=',  "T",    ""),

	/* Components: chosen before the set is opened, described until the writers prepare */
	RULE(AddComponent,           ". = . . . . . . . . .",  '=',  "WM",   ""),
	RULE(SetBackupOptions,       ". = . = . . . . . . .",  '=',  "",     ""),
	RULE(SetPreviousBackupStamp, ". = . = . . . . . . .",  '=',  "",     ""),
	RULE(SetBackupSucceeded,     ". . . . . = . . . . .",  '=',  "",     ""),
	RULE(GetWriterComponentsCount, ". = = = = = = = = = =", '=', "",     ""),
	RULE(GetWriterComponents,    ". = = = = = = = = = =",  '=',  "",     ""),

	/*                            N B L S P C D O R r d   fails  needs   does */
	/* The set */
	RULE(StartSnapshotSet,       ". S . ! ! . . . . . .",  '=',  "A",    "F"),
	RULE(AddToSnapshotSet,       ". . . = = . . . . . .",  '=',  "",     ""),
	RULE(IsVolumeSupported,      ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(IsVolumeSnapshotted,    ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(PrepareForBackup,       ". . . P . . . . . . .",  'O',  "WGB",  ""),
	RULE(DoSnapshotSet,          ". . . C C . . . . . .",  'O',  "AgPV", ""),
	RULE(BackupComplete,         ". . . . . D . . . . .",  'O',  "W",    ""),
	RULE(AbortBackup,            ". = = O O O = = . . .",  '=',  "",     "+"),
	RULE(SaveAsXML,              ". . = . = = = = = = =",  '=',  "",     ""),

	/* Shadow copies that exist */
	RULE(Query,                  ". = = = = = = = . . .",  '=',  "C",    ""),
	RULE(GetSnapshotProperties,  ". = = = = = = = . . .",  '=',  "",     "F+"),
	RULE(DeleteSnapshots,        ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(ExposeSnapshot,         ". = = = = = = = . . .",  '=',  "",     "F"),
	/* Not Windows' own: as ExposeSnapshot. */
	RULE(ExposeToClients,        ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(UnexposeSnapshot,       ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(BreakSnapshotSet,       ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(BreakSnapshotSetEx,     ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(ImportSnapshots,        ". . = . . . . . . . .",  '=',  "",     "F"),
	/* Not Windows' own: as ImportSnapshots, with the same document. */
	RULE(CleanUpImport,          ". . = . . . . . . . .",  '=',  "",     "F"),
	RULE(MaskOriginals,          ". . = . . . . . . . .",  '=',  "",     "F"),
	RULE(RevertToSnapshot,       ". = = = = = = = . . .",  '=',  "",     "F"),
	RULE(QueryRevertStatus,      ". = = = = = = = . . .",  '=',  "",     "F"),

	/* Restore */
	/*                            N B L S P C D O R r d   fails  needs   does */
	RULE(AddSnapshotToRecoverySet, ". . . . . . . . = . .", '=', "",     ""),
	RULE(RecoverSet,             ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(SetRestoreState,        ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(SetSelectedForRestore,  ". . . . . . . . = . .",  '=',  "G",    ""),
	RULE(SetRestoreOptions,      ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(SetAdditionalRestores,  ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(SetAuthoritativeRestore, ". . . . . . . . = . .", '=',  "",     ""),
	RULE(SetRestoreName,         ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(SetRollForward,         ". . . . . . . . = . .",  '=',  "",     ""),
	RULE(AddRestoreSubcomponent, ". . . . . . . . = . .",  '=',  "M",    ""),
	RULE(AddNewTarget,           ". . . . . . . . = . .",  '=',  "M",    ""),
	RULE(AddAlternativeLocationMapping, ". . . . . . . . = = .", '=', "M", ""),
	RULE(SetRangesFilePath,      ". . . . . . . . = = .",  '=',  "",     ""),
	RULE(PreRestore,             ". . . . . . . . r . .",  'd',  "G",    ""),
	RULE(SetFileRestoreStatus,   ". . . . . . . . . = .",  '=',  "",     ""),
	RULE(PostRestore,            ". . . . . . . . . d .",  'd',  "",     ""),
#undef RULE
};

/* Why a call is refused in a stage, and what to do, for the sentence of the error. */
static const char *const stage_says[VSS_STAGE_COUNT] = {
	[VSS_STAGE_NEW] =
		"the object is not initialized; call InitializeForBackup or InitializeForRestore first",
	[VSS_STAGE_BACKUP] = "the object is initialized for a backup and has no snapshot set in creation; "
			     "call what comes before it, for a new set StartSnapshotSet",
	[VSS_STAGE_LOADED] =
		"the object holds the stored document of another set, for import; use a new object "
		"for a backup",
	[VSS_STAGE_SET] = "a snapshot set is open and not yet prepared",
	[VSS_STAGE_PREPARED] = "PrepareForBackup was called already",
	[VSS_STAGE_CREATED] =
		"DoSnapshotSet was called already; an object serves one backup, use a new one",
	[VSS_STAGE_DONE] = "BackupComplete was called already; an object serves one backup, use a new one",
	[VSS_STAGE_OVER] = "the backup has failed or was aborted; release the object and use a new one",
	[VSS_STAGE_RESTORE] = "the object is initialized for a restore and PreRestore was not called yet",
	[VSS_STAGE_RESTORING] = "PreRestore was called already",
	[VSS_STAGE_RESTORED] = "the restore has ended; release the object and use a new one",
};

static const char *const call_names[VSS_CALL_COUNT] = {
#define X(name)	[VSS_CALL_##name] = #name,
	VSS_CALLS(X)
#undef X
};

const char *vss_call_name(enum vss_call call)
{
	return call_names[call];
}

static bool is_met(const struct vss_call_order *order, char need)
{
	bool writers = vss_context_has_writers(order->context);

	switch (need) {
	case 'W':
		return writers;
	case 'G':
		return order->gathered;
	case 'g':
		return order->gathered || !writers;
	case 'M':
		return order->metadata;
	case 'T':
		return order->status;
	case 'B':
		return order->backup_state_set;
	case 'P':
		return order->stage != VSS_STAGE_SET || !writers;
	case 'V':
		return order->volumes || writers;
	case 'A':
		return order->context != VSS_CTX_ALL;
	case 'C':
		return order->context_set;
	case 'U':
		return !order->context_set && !order->context_fixed;
	case '1':
		return !order->gather_called;
	}
	return true;
}

/* Why it is not met, and what to do. */
static const char *need_says(const struct vss_call_order *order, char need)
{
	switch (need) {
	case 'W':
		return "the context has no writers; leave this call out, or use a context with writers";
	case 'M':
		if (order->gathered)
			return "the writers' metadata was freed; use a new object";
		/* fall through */
	case 'G':
	case 'g':
		return "the writers' metadata is missing; call GatherWriterMetadata before";
	case 'T':
		return "there is no writer status; call GatherWriterStatus before";
	case 'B':
		return "the kind of backup is not known; call SetBackupState before";
	case 'P':
		return "the writers are not prepared; call PrepareForBackup before";
	case 'V':
		return "the set has no volume and the context no writers; call AddToSnapshotSet before";
	case 'A':
		return "VSS_CTX_ALL is for administration; use a new object with the context of a backup";
	case 'C':
		return "no context was chosen; call SetContext before";
	case 'U':
		if (order->context_set)
			return "SetContext was called already";
		return "calls were made in the default context already; "
		       "call SetContext right after InitializeForBackup";
	default:
		return "it was called already; use a new object to ask the writers again";
	}
}

vss_result vss_call_order_check(const struct vss_call_order *order, enum vss_call call,
				struct vss_error *err)
{
	const struct rule *rule = &rules[call];
	vss_result result = VSS_E_BAD_STATE;
	const char *why = NULL;

	switch (rule->stages[2 * order->stage]) {
	case '.':
		why = stage_says[order->stage];
		break;
	case '!':
		why = "the object has a set in creation; go on with it or call AbortBackup";
		result = VSS_E_SNAPSHOT_SET_IN_PROGRESS;
		break;
	}
	for (const char *need = rule->needs; !why && *need; need++)
		if (!is_met(order, *need))
			why = need_says(order, *need);
	if (!why && order->busy && !strchr(rule->does, '+')) {
		vss_error_set(err, vss_result_to_errno(result), result,
			      "%s was called while %s of the same object runs; wait for its end",
			      call_names[call], call_names[order->operation]);
		return result;
	}
	if (!why)
		return S_OK;
	vss_error_set(err, vss_result_to_errno(result), result, "%s was called out of order: %s",
		      call_names[call], why);
	return result;
}

static enum vss_stage stage_of(char letter, enum vss_stage now)
{
	const char *at = strchr(stage_letters, letter);

	return at ? (enum vss_stage)(at - stage_letters) : now;
}

void vss_call_order_begin(struct vss_call_order *order, enum vss_call call)
{
	if (strchr(rules[call].does, 'F'))
		order->context_fixed = true;
	if (call == VSS_CALL_GatherWriterMetadata)
		order->gather_called = true;
	order->busy = true;
	order->operation = call;
	order->begun = order->stage;
}

/* What a success leaves behind, beside the stage. */
static void remember(struct vss_call_order *order, enum vss_call call)
{
	switch (call) {
	case VSS_CALL_SetContext:
		order->context_set = true;
		break;
	case VSS_CALL_SetBackupState:
		order->backup_state_set = true;
		break;
	case VSS_CALL_GatherWriterMetadata:
		order->gather_called = order->gathered = order->metadata = true;
		break;
	case VSS_CALL_FreeWriterMetadata:
		order->metadata = false;
		break;
	case VSS_CALL_GatherWriterStatus:
		order->status = true;
		break;
	case VSS_CALL_FreeWriterStatus:
		order->status = false;
		break;
	case VSS_CALL_AddToSnapshotSet:
		order->volumes++;
		break;
	default:
		break;
	}
}

void vss_call_order_end(struct vss_call_order *order, enum vss_call call, vss_result result)
{
	const struct rule *rule = &rules[call];
	bool ends = order->busy && order->operation == call;

	if (strchr(rule->does, 'F'))
		order->context_fixed = true;
	if (ends)
		order->busy = false;
	if (!VSS_FAILED(result))
		remember(order, call);
	/* AbortBackup may have come in between; nothing leads back from there. */
	if (ends && order->stage != order->begun)
		return;
	if (VSS_FAILED(result))
		order->stage = stage_of(rule->fails, order->stage);
	else
		order->stage = stage_of(rule->stages[2 * order->stage], order->stage);
}

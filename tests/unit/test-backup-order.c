// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of the order of calls, sentence by sentence of Shadow Copy Creation
 * Details, obeyed and violated; then the rules of the methods' own pages.
 */
#include "unit.h"

#include <vss/types.h>

#include "call-order.h"

/* An object on which @calls, a list that ends with -1, were made one after another with success. */
static struct vss_call_order after(uint32_t context, const int *calls)
{
	struct vss_call_order order = { .context = context };

	for (; *calls >= 0; calls++) {
		enum vss_call call = (enum vss_call)*calls;
		struct vss_error err = { 0 };
		vss_result result = vss_call_order_check(&order, call, &err);

		if (result != S_OK)
			fail_msg("%s was refused: %s", vss_call_name(call), err.text);
		vss_call_order_end(&order, call, S_OK);
	}
	return order;
}

#define AFTER(context, ...)	after(context, (const int[]) { __VA_ARGS__, -1 })

#define assert_order(order, call, expected) do {						\
	struct vss_error err_ = { 0 };								\
	struct vss_call_order order_ = (order);							\
	vss_result result_ = vss_call_order_check(&order_, VSS_CALL_##call, &err_);		\
												\
	assert_string_equal(vss_result_name(result_), vss_result_name(expected));		\
	assert_int_equal(err_.result, expected);						\
	assert_int_equal(err_.text[0] != '\0', expected != S_OK);				\
} while (0)

#define INIT		VSS_CALL_InitializeForBackup
#define STATE		VSS_CALL_SetBackupState
#define GATHER		VSS_CALL_GatherWriterMetadata
#define ADD		VSS_CALL_AddComponent
#define START		VSS_CALL_StartSnapshotSet
#define VOLUME		VSS_CALL_AddToSnapshotSet
#define PREPARE		VSS_CALL_PrepareForBackup
#define DO		VSS_CALL_DoSnapshotSet
#define COMPLETE	VSS_CALL_BackupComplete
#define RESTORE		VSS_CALL_InitializeForRestore

static const uint32_t with_writers[] = {
	VSS_CTX_BACKUP, VSS_CTX_APP_ROLLBACK, VSS_CTX_CLIENT_ACCESSIBLE_WRITERS,
	VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE,
};
static const uint32_t without_writers[] = {
	VSS_CTX_FILE_SHARE_BACKUP, VSS_CTX_NAS_ROLLBACK, VSS_CTX_CLIENT_ACCESSIBLE,
	VSS_CTX_NAS_ROLLBACK | VSS_VOLSNAP_ATTR_DIFFERENTIAL,
};

/*
 * "the creation of any shadow copy will always require the requestor be initialized
 * with calls to InitializeForBackup and StartSnapshotSet."  ORD-001 ORD-004 ORD-008
 */
static void prerequisites(void **state)
{
	struct vss_call_order new = { 0 };

	(void)state;
	assert_order(new, StartSnapshotSet, VSS_E_BAD_STATE);
	assert_order(new, DoSnapshotSet, VSS_E_BAD_STATE);
	for (size_t i = 0; i < COUNT(with_writers); i++)
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER), DoSnapshotSet, VSS_E_BAD_STATE);
	for (size_t i = 0; i < COUNT(without_writers); i++) {
		assert_order(AFTER(without_writers[i], INIT), DoSnapshotSet, VSS_E_BAD_STATE);
		assert_order(AFTER(without_writers[i], INIT), StartSnapshotSet, S_OK);
		assert_order(AFTER(without_writers[i], INIT, START, VOLUME), DoSnapshotSet, S_OK);
	}
}

/* "If ... GatherWriterMetadata is not called prior to ... DoSnapshotSet, an error will be returned."  ORD-002 */
static void metadata_before_creation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(with_writers); i++) {
		assert_order(AFTER(with_writers[i], INIT, STATE, START, VOLUME), DoSnapshotSet, VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, START, VOLUME), PrepareForBackup, VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, VOLUME, PREPARE), DoSnapshotSet,
			     S_OK);
		/* Before DoSnapshotSet is soon enough. */
		assert_order(AFTER(with_writers[i], INIT, STATE, START, GATHER, VOLUME, PREPARE), DoSnapshotSet,
			     S_OK);
	}
}

/* "it must call AddComponent before calling StartSnapshotSet"  ORD-003 ORD-021 ORD-022 SEL-001 */
static void components_before_the_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(with_writers); i++) {
		assert_order(AFTER(with_writers[i], INIT, STATE), AddComponent, VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER), AddComponent, S_OK);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START), AddComponent, VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, PREPARE), AddComponent,
			     VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, PREPARE, DO), AddComponent,
			     VSS_E_BAD_STATE);
	}
}

/* "Requesters may add one or more volumes", "it is acceptable for a snapshot set to be empty"  ORD-005 ORD-006 */
static void volumes_and_empty_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(with_writers); i++) {
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START), AddToSnapshotSet, S_OK);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, VOLUME), AddToSnapshotSet, S_OK);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, PREPARE), DoSnapshotSet, S_OK);
	}
	/* Writers alone make an empty set sensible. */
	for (size_t i = 0; i < COUNT(without_writers); i++)
		assert_order(AFTER(without_writers[i], INIT, START), DoSnapshotSet, VSS_E_BAD_STATE);
}

/* "a requester should always call PrepareForBackup even if no components are selected"  ORD-007 ORD-025 */
static void preparing_writers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(with_writers); i++) {
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, VOLUME), PrepareForBackup, S_OK);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, VOLUME), DoSnapshotSet,
			     VSS_E_BAD_STATE);
		assert_order(AFTER(with_writers[i], INIT, STATE, GATHER, START, VOLUME, PREPARE),
			     PrepareForBackup, VSS_E_BAD_STATE);
	}
}

/* "Requesters may call GatherWriterMetadata, but this is not required."  ORD-009 */
static void metadata_without_writers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(without_writers); i++) {
		assert_order(AFTER(without_writers[i], INIT), GatherWriterMetadata, S_OK);
		assert_order(AFTER(without_writers[i], INIT, GATHER, START, VOLUME), DoSnapshotSet, S_OK);
	}
}

/*
 * "If requesters call AddComponent, PrepareForBackup, or BackupComplete, an error will be
 * returned."  ORD-010 ORD-011 ORD-012
 */
static void refusals_without_writers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(without_writers); i++) {
		assert_order(AFTER(without_writers[i], INIT, STATE, GATHER), AddComponent, VSS_E_BAD_STATE);
		assert_order(AFTER(without_writers[i], INIT, STATE, GATHER, START, VOLUME), PrepareForBackup,
			     VSS_E_BAD_STATE);
		assert_order(AFTER(without_writers[i], INIT, START, VOLUME, DO), BackupComplete, VSS_E_BAD_STATE);
	}
	assert_order(AFTER(VSS_CTX_BACKUP, INIT, STATE, GATHER, START, PREPARE, DO), BackupComplete, S_OK);
}

/* ORD-013 ORD-014 ORD-017 ORD-041: nothing before initialization, whatever the call */
static void nothing_before_initialization(void **state)
{
	struct vss_call_order new = { 0 };

	(void)state;
	for (int call = 0; call < VSS_CALL_COUNT; call++) {
		bool initializes = call == INIT || call == RESTORE;

		assert_int_equal(vss_call_order_check(&new, (enum vss_call)call, NULL),
				 initializes ? S_OK : VSS_E_BAD_STATE);
	}
}

/* ORD-015 ORD-016 ORD-017 */
static void initialized_once(void **state)
{
	(void)state;
	assert_order(AFTER(0, INIT), InitializeForBackup, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT), InitializeForRestore, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), InitializeForBackup, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), InitializeForRestore, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO), DoSnapshotSet, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO), StartSnapshotSet, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO, COMPLETE), BackupComplete, VSS_E_BAD_STATE);
}

/* ORD-018 ORD-028 ORD-029 ORD-030 ORD-031 ORD-038 ORD-056 */
static void metadata_and_status(void **state)
{
	(void)state;
	assert_order(AFTER(0, INIT, GATHER), GatherWriterMetadata, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT), GetWriterMetadata, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT), GetWriterMetadataCount, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT), FreeWriterMetadata, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER), GetWriterMetadata, S_OK);
	assert_order(AFTER(0, INIT, GATHER), GetWriterMetadataCount, S_OK);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_FreeWriterMetadata), GetWriterMetadata, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_FreeWriterMetadata), AddComponent, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_FreeWriterMetadata), GatherWriterMetadata, VSS_E_BAD_STATE);
	/* That the writers were asked stays true. */
	assert_order(AFTER(0, INIT, STATE, GATHER, VSS_CALL_FreeWriterMetadata, START), PrepareForBackup, S_OK);
	assert_order(AFTER(0, INIT, GATHER), GetWriterStatus, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER), GetWriterStatusCount, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER), FreeWriterStatus, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_GatherWriterStatus), GetWriterStatus, S_OK);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_GatherWriterStatus), GatherWriterStatus, S_OK);
	assert_order(AFTER(0, INIT, GATHER, VSS_CALL_GatherWriterStatus, VSS_CALL_FreeWriterStatus),
		     GetWriterStatus, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER), DisableWriterClasses, S_OK);
	assert_order(AFTER(0, INIT, GATHER), EnableWriterClasses, S_OK);
	assert_order(AFTER(0, INIT, GATHER), DisableWriterInstances, S_OK);
}

/* ORD-019 ORD-020 ORD-023 ORD-024 ORD-026 ORD-032 ORD-033 ORD-034 ORD-035 ORD-036 ORD-037 */
static void steps_of_a_backup(void **state)
{
	struct vss_call_order order;

	(void)state;
	assert_order(AFTER(0, INIT, GATHER, START), PrepareForBackup, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER), PrepareForBackup, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE), SetBackupState, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER), AddToSnapshotSet, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO), AddToSnapshotSet, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START), StartSnapshotSet, VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE), StartSnapshotSet,
		     VSS_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_order(AFTER(0, INIT, STATE, GATHER, ADD), SetBackupOptions, S_OK);
	assert_order(AFTER(0, INIT, STATE, GATHER, ADD, START), SetPreviousBackupStamp, S_OK);
	assert_order(AFTER(0, INIT, STATE, GATHER, ADD, START, PREPARE), SetBackupOptions, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, ADD, START, PREPARE), SetPreviousBackupStamp, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE, GATHER), SetPreviousBackupStamp, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE), BackupComplete, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE), SetBackupSucceeded, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO), SetBackupSucceeded, S_OK);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO, COMPLETE), SetBackupSucceeded,
		     VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER), SaveAsXML, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START), SaveAsXML, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE), SaveAsXML, S_OK);
	assert_order(AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO, COMPLETE), SaveAsXML, S_OK);

	order = AFTER(0, INIT, STATE, GATHER, START, PREPARE);
	vss_call_order_begin(&order, DO);
	vss_call_order_end(&order, DO, VSS_E_PROVIDER_VETO);
	assert_order(order, BackupComplete, VSS_E_BAD_STATE);
	assert_order(order, SetBackupSucceeded, VSS_E_BAD_STATE);
}

/* ORD-039 ORD-040 ORD-042 ORD-044 */
static void aborting(void **state)
{
	struct vss_call_order order;

	(void)state;
	order = AFTER(0, INIT, VSS_CALL_AbortBackup);
	assert_int_equal(order.stage, VSS_STAGE_BACKUP);
	order = AFTER(0, INIT, STATE, GATHER, START, PREPARE, DO, VSS_CALL_AbortBackup);
	assert_order(order, BackupComplete, VSS_E_BAD_STATE);
	order = AFTER(0, INIT, STATE, GATHER, START, VSS_CALL_AbortBackup);
	assert_order(order, StartSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, AddToSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, PrepareForBackup, VSS_E_BAD_STATE);
	assert_order(order, DoSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, AbortBackup, S_OK);
	assert_order(order, GatherWriterStatus, S_OK);

	/* It may come while DoSnapshotSet runs, whose own end changes nothing then. */
	order = AFTER(0, INIT, STATE, GATHER, START, PREPARE);
	vss_call_order_begin(&order, DO);
	assert_order(order, AbortBackup, S_OK);
	vss_call_order_end(&order, VSS_CALL_AbortBackup, S_OK);
	vss_call_order_end(&order, DO, S_OK);
	assert_order(order, BackupComplete, VSS_E_BAD_STATE);
}

/* ORD-044: a failed step ends the backup; a call that is refused does not */
static void failures_drive_the_state(void **state)
{
	static const enum vss_call steps[] = { PREPARE, DO, COMPLETE };

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct vss_call_order order = AFTER(0, INIT, STATE, GATHER, START);

		for (size_t j = 0; j < i; j++)
			vss_call_order_end(&order, steps[j], S_OK);
		vss_call_order_begin(&order, steps[i]);
		vss_call_order_end(&order, steps[i], VSS_E_UNEXPECTED_WRITER_ERROR);
		assert_int_equal(order.stage, VSS_STAGE_OVER);
		for (size_t j = 0; j < COUNT(steps); j++)
			assert_int_equal(vss_call_order_check(&order, steps[j], NULL), VSS_E_BAD_STATE);
	}
	{
		struct vss_call_order order = AFTER(0, INIT);

		vss_call_order_end(&order, START, VSS_E_SNAPSHOT_SET_IN_PROGRESS);
		assert_order(order, StartSnapshotSet, S_OK);
		vss_call_order_begin(&order, GATHER);
		vss_call_order_end(&order, GATHER, E_ABORT);
		assert_order(order, GetWriterMetadata, VSS_E_BAD_STATE);
		assert_order(order, GatherWriterMetadata, VSS_E_BAD_STATE);
	}
}

/* While an operation runs the object takes only what looks at it or ends it. */
static void one_operation_at_a_time(void **state)
{
	struct vss_call_order order = AFTER(0, INIT, STATE, GATHER, START, PREPARE);

	(void)state;
	vss_call_order_begin(&order, DO);
	assert_order(order, AddToSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, GatherWriterStatus, VSS_E_BAD_STATE);
	assert_order(order, GetSnapshotProperties, S_OK);
	vss_call_order_end(&order, DO, S_OK);
	assert_order(order, GatherWriterStatus, S_OK);
}

/* CTX-001 CTX-004 CTX-005 CTX-006 CTX-007 CTX-014 CTX-015 CTX-017 ORD-045 */
static void contexts(void **state)
{
	struct vss_call_order order;

	(void)state;
	assert_order(AFTER(0, INIT), SetContext, S_OK);
	assert_order(AFTER(0, INIT, VSS_CALL_SetContext), SetContext, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), SetContext, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, START), SetContext, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, GATHER), SetContext, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, VSS_CALL_GetSnapshotProperties), SetContext, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, STATE), SetContext, S_OK);
	assert_order(AFTER(0, INIT), Query, VSS_E_BAD_STATE);
	assert_order(AFTER(0, INIT, VSS_CALL_SetContext), Query, S_OK);

	order = AFTER(VSS_CTX_ALL, INIT, VSS_CALL_SetContext);
	assert_order(order, StartSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, DoSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, Query, S_OK);
	assert_order(order, DeleteSnapshots, S_OK);
	assert_order(order, BreakSnapshotSet, S_OK);
	assert_order(order, ExposeSnapshot, S_OK);
}

/* ORD-047 IMP-001 IMP-010 IMP-011 */
static void importing(void **state)
{
	struct vss_call_order order = AFTER(0, INIT);

	(void)state;
	assert_order(order, ImportSnapshots, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), ImportSnapshots, VSS_E_BAD_STATE);
	order.stage = VSS_STAGE_LOADED;
	assert_order(order, ImportSnapshots, S_OK);
	assert_order(order, SetContext, S_OK);
	assert_order(order, StartSnapshotSet, VSS_E_BAD_STATE);
	assert_order(order, BackupComplete, VSS_E_BAD_STATE);
	vss_call_order_begin(&order, VSS_CALL_ImportSnapshots);
	vss_call_order_end(&order, VSS_CALL_ImportSnapshots, VSS_E_NO_SNAPSHOTS_IMPORTED);
	/* The storage may be there later. */
	assert_order(order, ImportSnapshots, S_OK);
}

/* ORD-048 ORD-049 ORD-050 ORD-051 ORD-052 ORD-054 RST-001 RST-004 */
static void restores(void **state)
{
	static const enum vss_call before[] = {
		VSS_CALL_SetRestoreState, VSS_CALL_SetSelectedForRestore, VSS_CALL_AddRestoreSubcomponent,
		VSS_CALL_SetRestoreOptions, VSS_CALL_SetAdditionalRestores, VSS_CALL_AddNewTarget,
	};
	static const enum vss_call of_backups[] = { ADD, START, VOLUME, PREPARE, DO, COMPLETE };
	struct vss_call_order gathered = AFTER(0, RESTORE, GATHER);
	struct vss_call_order during = AFTER(0, RESTORE, GATHER, VSS_CALL_PreRestore);
	struct vss_call_order ended = AFTER(0, RESTORE, GATHER, VSS_CALL_PreRestore, VSS_CALL_PostRestore);
	struct vss_call_order backup = AFTER(0, INIT, GATHER);

	(void)state;
	for (size_t i = 0; i < COUNT(before); i++) {
		assert_int_equal(vss_call_order_check(&gathered, before[i], NULL), S_OK);
		assert_int_equal(vss_call_order_check(&during, before[i], NULL), VSS_E_BAD_STATE);
		assert_int_equal(vss_call_order_check(&backup, before[i], NULL), VSS_E_BAD_STATE);
	}
	for (size_t i = 0; i < COUNT(of_backups); i++)
		assert_int_equal(vss_call_order_check(&gathered, of_backups[i], NULL), VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), SetSelectedForRestore, VSS_E_BAD_STATE);
	assert_order(AFTER(0, RESTORE), PreRestore, VSS_E_BAD_STATE);
	assert_order(gathered, SetFileRestoreStatus, VSS_E_BAD_STATE);
	assert_order(gathered, PostRestore, VSS_E_BAD_STATE);
	assert_order(during, SetFileRestoreStatus, S_OK);
	assert_order(during, PostRestore, S_OK);
	assert_order(ended, SetFileRestoreStatus, VSS_E_BAD_STATE);
	assert_order(ended, PostRestore, VSS_E_BAD_STATE);
	assert_order(ended, SaveAsXML, S_OK);
	assert_order(backup, PreRestore, VSS_E_BAD_STATE);
	assert_order(backup, PostRestore, VSS_E_BAD_STATE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prerequisites),
		cmocka_unit_test(metadata_before_creation),
		cmocka_unit_test(components_before_the_set),
		cmocka_unit_test(volumes_and_empty_sets),
		cmocka_unit_test(preparing_writers),
		cmocka_unit_test(metadata_without_writers),
		cmocka_unit_test(refusals_without_writers),
		cmocka_unit_test(nothing_before_initialization),
		cmocka_unit_test(initialized_once),
		cmocka_unit_test(metadata_and_status),
		cmocka_unit_test(steps_of_a_backup),
		cmocka_unit_test(aborting),
		cmocka_unit_test(failures_drive_the_state),
		cmocka_unit_test(one_operation_at_a_time),
		cmocka_unit_test(contexts),
		cmocka_unit_test(importing),
		cmocka_unit_test(restores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

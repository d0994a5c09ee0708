/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How libvss reports failures.
 *
 * A function that can fail returns a negative errno.  Next to it goes a VSS
 * result code (same names and values as in VSS, so that existing knowledge and
 * scripts hold) and one English sentence that names what failed, on what, and
 * what to do about it.
 */
#ifndef VSS_ERROR_H
#define VSS_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t vss_result;

#define S_OK						((vss_result)0x00000000)
#define S_FALSE						((vss_result)0x00000001)
#define E_NOTIMPL					((vss_result)0x80004001)
#define E_POINTER					((vss_result)0x80004003)
#define E_ABORT						((vss_result)0x80004004)
#define E_FAIL						((vss_result)0x80004005)
#define E_UNEXPECTED					((vss_result)0x8000ffff)
#define E_ACCESSDENIED					((vss_result)0x80070005)
#define E_OUTOFMEMORY					((vss_result)0x8007000e)
#define E_INVALIDARG					((vss_result)0x80070057)
#define VSS_E_BAD_STATE					((vss_result)0x80042301)
#define VSS_E_UNEXPECTED				((vss_result)0x80042302)
#define VSS_E_PROVIDER_ALREADY_REGISTERED		((vss_result)0x80042303)
#define VSS_E_PROVIDER_NOT_REGISTERED			((vss_result)0x80042304)
#define VSS_E_PROVIDER_VETO				((vss_result)0x80042306)
#define VSS_E_PROVIDER_IN_USE				((vss_result)0x80042307)
#define VSS_E_OBJECT_NOT_FOUND				((vss_result)0x80042308)
#define VSS_S_ASYNC_PENDING				((vss_result)0x00042309)
#define VSS_S_ASYNC_FINISHED				((vss_result)0x0004230a)
#define VSS_S_ASYNC_CANCELLED				((vss_result)0x0004230b)
#define VSS_E_VOLUME_NOT_SUPPORTED			((vss_result)0x8004230c)
#define VSS_E_OBJECT_ALREADY_EXISTS			((vss_result)0x8004230d)
#define VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER		((vss_result)0x8004230e)
#define VSS_E_UNEXPECTED_PROVIDER_ERROR			((vss_result)0x8004230f)
#define VSS_E_CORRUPT_XML_DOCUMENT			((vss_result)0x80042310)
#define VSS_E_INVALID_XML_DOCUMENT			((vss_result)0x80042311)
#define VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED		((vss_result)0x80042312)
#define VSS_E_FLUSH_WRITES_TIMEOUT			((vss_result)0x80042313)
#define VSS_E_HOLD_WRITES_TIMEOUT			((vss_result)0x80042314)
#define VSS_E_UNEXPECTED_WRITER_ERROR			((vss_result)0x80042315)
#define VSS_E_SNAPSHOT_SET_IN_PROGRESS			((vss_result)0x80042316)
#define VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED	((vss_result)0x80042317)
#define VSS_E_WRITER_INFRASTRUCTURE			((vss_result)0x80042318)
#define VSS_E_WRITER_NOT_RESPONDING			((vss_result)0x80042319)
#define VSS_E_WRITER_ALREADY_SUBSCRIBED			((vss_result)0x8004231a)
#define VSS_E_UNSUPPORTED_CONTEXT			((vss_result)0x8004231b)
#define VSS_E_VOLUME_IN_USE				((vss_result)0x8004231d)
#define VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED	((vss_result)0x8004231e)
#define VSS_E_INSUFFICIENT_STORAGE			((vss_result)0x8004231f)
#define VSS_E_NO_SNAPSHOTS_IMPORTED			((vss_result)0x80042320)
#define VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED		((vss_result)0x00042321)
#define VSS_E_SOME_SNAPSHOTS_NOT_IMPORTED		((vss_result)0x80042321)
#define VSS_E_MAXIMUM_NUMBER_OF_REMOTE_MACHINES_REACHED	((vss_result)0x80042322)
#define VSS_E_REMOTE_SERVER_UNAVAILABLE			((vss_result)0x80042323)
#define VSS_E_REMOTE_SERVER_UNSUPPORTED			((vss_result)0x80042324)
#define VSS_E_REVERT_IN_PROGRESS			((vss_result)0x80042325)
#define VSS_E_REVERT_VOLUME_LOST			((vss_result)0x80042326)
#define VSS_E_REBOOT_REQUIRED				((vss_result)0x80042327)
#define VSS_E_TRANSACTION_FREEZE_TIMEOUT		((vss_result)0x80042328)
#define VSS_E_TRANSACTION_THAW_TIMEOUT			((vss_result)0x80042329)
#define VSS_E_UNSELECTED_VOLUME				((vss_result)0x8004232a)
#define VSS_E_SNAPSHOT_NOT_IN_SET			((vss_result)0x8004232b)
#define VSS_E_NESTED_VOLUME_LIMIT			((vss_result)0x8004232c)
#define VSS_E_VOLUME_NOT_LOCAL				((vss_result)0x8004232d)
#define VSS_E_CLUSTER_TIMEOUT				((vss_result)0x8004232e)
#define VSS_E_NOT_SUPPORTED				((vss_result)0x8004232f)
#define VSS_E_WRITERERROR_PARTIAL_FAILURE		((vss_result)0x80042336)
#define VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT		((vss_result)0x800423f0)
#define VSS_E_WRITERERROR_OUTOFRESOURCES		((vss_result)0x800423f1)
#define VSS_E_WRITERERROR_TIMEOUT			((vss_result)0x800423f2)
#define VSS_E_WRITERERROR_RETRYABLE			((vss_result)0x800423f3)
#define VSS_E_WRITERERROR_NONRETRYABLE			((vss_result)0x800423f4)
#define VSS_E_WRITERERROR_RECOVERY_FAILED		((vss_result)0x800423f5)
#define VSS_E_BREAK_REVERT_ID_FAILED			((vss_result)0x800423f6)
#define VSS_E_LEGACY_PROVIDER				((vss_result)0x800423f7)
#define VSS_E_MISSING_DISK				((vss_result)0x800423f8)
#define VSS_E_MISSING_HIDDEN_VOLUME			((vss_result)0x800423f9)
#define VSS_E_MISSING_VOLUME				((vss_result)0x800423fa)
#define VSS_E_AUTORECOVERY_FAILED			((vss_result)0x800423fb)
#define VSS_E_DYNAMIC_DISK_ERROR			((vss_result)0x800423fc)
#define VSS_E_NONTRANSPORTABLE_BCD			((vss_result)0x800423fd)
#define VSS_E_CANNOT_REVERT_DISKID			((vss_result)0x800423fe)
#define VSS_E_RESYNC_IN_PROGRESS			((vss_result)0x800423ff)
#define VSS_E_CLUSTER_ERROR				((vss_result)0x80042400)
#define VSS_E_WRITER_STATUS_NOT_AVAILABLE		((vss_result)0x80042409)
#define VSS_E_CRITICAL_VOLUME_ON_INVALID_DISK		((vss_result)0x80042411)
#define VSS_E_FSS_TIMEOUT				((vss_result)0x80042417)

/* Success codes have the top bit clear. */
#define VSS_FAILED(result)	(((result) & 0x80000000) != 0)

/* Room for one sentence with two paths in it. */
#define VSS_ERROR_TEXT_SIZE	1024

/**
 * struct vss_error - What went wrong.
 * @code: negative errno, 0 when nothing did
 * @result: the VSS result code that fits best
 * @text: one sentence, without a newline or a closing full stop
 *
 * The caller owns it, usually on the stack; nothing in it needs to be freed.
 * Functions take a pointer to one that may be NULL.
 */
struct vss_error {
	int code;
	vss_result result;
	char text[VSS_ERROR_TEXT_SIZE];
};

/**
 * vss_result_name() - The symbolic name of a VSS result code.
 * @result: the code
 *
 * Return: a static string such as "VSS_E_OBJECT_NOT_FOUND", or "VSS_E_UNEXPECTED" for
 * a code that libvss does not know.
 */
const char *vss_result_name(vss_result result);

/**
 * vss_result_from_errno() - The VSS result code for an errno without context.
 * @code: errno, negative or positive
 *
 * Return: the code; S_OK for 0.
 */
vss_result vss_result_from_errno(int code);

#ifdef __cplusplus
}
#endif

#endif /* VSS_ERROR_H */

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
#define E_ACCESSDENIED					((vss_result)0x80070005)
#define E_OUTOFMEMORY					((vss_result)0x8007000e)
#define E_INVALIDARG					((vss_result)0x80070057)
#define VSS_E_BAD_STATE					((vss_result)0x80042301)
#define VSS_E_UNEXPECTED				((vss_result)0x80042302)
#define VSS_E_PROVIDER_NOT_REGISTERED			((vss_result)0x80042304)
#define VSS_E_PROVIDER_VETO				((vss_result)0x80042306)
#define VSS_E_OBJECT_NOT_FOUND				((vss_result)0x80042308)
#define VSS_E_VOLUME_NOT_SUPPORTED			((vss_result)0x8004230c)
#define VSS_E_OBJECT_ALREADY_EXISTS			((vss_result)0x8004230d)
#define VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED		((vss_result)0x80042312)
#define VSS_E_FLUSH_WRITES_TIMEOUT			((vss_result)0x80042313)
#define VSS_E_HOLD_WRITES_TIMEOUT			((vss_result)0x80042314)
#define VSS_E_SNAPSHOT_SET_IN_PROGRESS			((vss_result)0x80042316)
#define VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED	((vss_result)0x80042317)
#define VSS_E_VOLUME_IN_USE				((vss_result)0x8004231d)
#define VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED	((vss_result)0x8004231e)
#define VSS_E_INSUFFICIENT_STORAGE			((vss_result)0x8004231f)
#define VSS_E_NESTED_VOLUME_LIMIT			((vss_result)0x8004232c)

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
 * a code that libvss never returns.
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

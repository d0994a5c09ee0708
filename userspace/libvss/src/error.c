// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS result codes and error records.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static const struct {
	vss_result result;
	const char *name;
} result_names[] = {
#define RESULT(name) { name, #name }
	RESULT(S_OK),
	RESULT(S_FALSE),
	RESULT(E_NOTIMPL),
	RESULT(E_POINTER),
	RESULT(E_ABORT),
	RESULT(E_FAIL),
	RESULT(E_UNEXPECTED),
	RESULT(E_ACCESSDENIED),
	RESULT(E_OUTOFMEMORY),
	RESULT(E_INVALIDARG),
	RESULT(VSS_E_BAD_STATE),
	RESULT(VSS_E_UNEXPECTED),
	RESULT(VSS_E_PROVIDER_ALREADY_REGISTERED),
	RESULT(VSS_E_PROVIDER_NOT_REGISTERED),
	RESULT(VSS_E_PROVIDER_VETO),
	RESULT(VSS_E_PROVIDER_IN_USE),
	RESULT(VSS_E_OBJECT_NOT_FOUND),
	RESULT(VSS_S_ASYNC_PENDING),
	RESULT(VSS_S_ASYNC_FINISHED),
	RESULT(VSS_S_ASYNC_CANCELLED),
	RESULT(VSS_E_VOLUME_NOT_SUPPORTED),
	RESULT(VSS_E_OBJECT_ALREADY_EXISTS),
	RESULT(VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER),
	RESULT(VSS_E_UNEXPECTED_PROVIDER_ERROR),
	RESULT(VSS_E_CORRUPT_XML_DOCUMENT),
	RESULT(VSS_E_INVALID_XML_DOCUMENT),
	RESULT(VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED),
	RESULT(VSS_E_FLUSH_WRITES_TIMEOUT),
	RESULT(VSS_E_HOLD_WRITES_TIMEOUT),
	RESULT(VSS_E_UNEXPECTED_WRITER_ERROR),
	RESULT(VSS_E_SNAPSHOT_SET_IN_PROGRESS),
	RESULT(VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED),
	RESULT(VSS_E_WRITER_INFRASTRUCTURE),
	RESULT(VSS_E_WRITER_NOT_RESPONDING),
	RESULT(VSS_E_WRITER_ALREADY_SUBSCRIBED),
	RESULT(VSS_E_UNSUPPORTED_CONTEXT),
	RESULT(VSS_E_VOLUME_IN_USE),
	RESULT(VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED),
	RESULT(VSS_E_INSUFFICIENT_STORAGE),
	RESULT(VSS_E_NO_SNAPSHOTS_IMPORTED),
	RESULT(VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED),
	RESULT(VSS_E_SOME_SNAPSHOTS_NOT_IMPORTED),
	RESULT(VSS_E_MAXIMUM_NUMBER_OF_REMOTE_MACHINES_REACHED),
	RESULT(VSS_E_REMOTE_SERVER_UNAVAILABLE),
	RESULT(VSS_E_REMOTE_SERVER_UNSUPPORTED),
	RESULT(VSS_E_REVERT_IN_PROGRESS),
	RESULT(VSS_E_REVERT_VOLUME_LOST),
	RESULT(VSS_E_REBOOT_REQUIRED),
	RESULT(VSS_E_TRANSACTION_FREEZE_TIMEOUT),
	RESULT(VSS_E_TRANSACTION_THAW_TIMEOUT),
	RESULT(VSS_E_UNSELECTED_VOLUME),
	RESULT(VSS_E_SNAPSHOT_NOT_IN_SET),
	RESULT(VSS_E_NESTED_VOLUME_LIMIT),
	RESULT(VSS_E_VOLUME_NOT_LOCAL),
	RESULT(VSS_E_CLUSTER_TIMEOUT),
	RESULT(VSS_E_NOT_SUPPORTED),
	RESULT(VSS_E_WRITERERROR_PARTIAL_FAILURE),
	RESULT(VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT),
	RESULT(VSS_E_WRITERERROR_OUTOFRESOURCES),
	RESULT(VSS_E_WRITERERROR_TIMEOUT),
	RESULT(VSS_E_WRITERERROR_RETRYABLE),
	RESULT(VSS_E_WRITERERROR_NONRETRYABLE),
	RESULT(VSS_E_WRITERERROR_RECOVERY_FAILED),
	RESULT(VSS_E_BREAK_REVERT_ID_FAILED),
	RESULT(VSS_E_LEGACY_PROVIDER),
	RESULT(VSS_E_MISSING_DISK),
	RESULT(VSS_E_MISSING_HIDDEN_VOLUME),
	RESULT(VSS_E_MISSING_VOLUME),
	RESULT(VSS_E_AUTORECOVERY_FAILED),
	RESULT(VSS_E_DYNAMIC_DISK_ERROR),
	RESULT(VSS_E_NONTRANSPORTABLE_BCD),
	RESULT(VSS_E_CANNOT_REVERT_DISKID),
	RESULT(VSS_E_RESYNC_IN_PROGRESS),
	RESULT(VSS_E_CLUSTER_ERROR),
	RESULT(VSS_E_WRITER_STATUS_NOT_AVAILABLE),
	RESULT(VSS_E_CRITICAL_VOLUME_ON_INVALID_DISK),
	RESULT(VSS_E_FSS_TIMEOUT),
#undef RESULT
};

const char *vss_result_name(vss_result result)
{
	for (size_t i = 0; i < sizeof(result_names) / sizeof(result_names[0]); i++)
		if (result_names[i].result == result)
			return result_names[i].name;
	return "VSS_E_UNEXPECTED";
}

bool vss_result_parse(const char *name, vss_result *result)
{
	for (size_t i = 0; i < sizeof(result_names) / sizeof(result_names[0]); i++) {
		if (!strcmp(result_names[i].name, name)) {
			*result = result_names[i].result;
			return true;
		}
	}
	return false;
}

int vss_result_to_errno(vss_result result)
{
	switch (result) {
	case E_ACCESSDENIED:
		return -EACCES;
	case E_OUTOFMEMORY:
		return -ENOMEM;
	case E_INVALIDARG:
	case VSS_E_CORRUPT_XML_DOCUMENT:
	case VSS_E_INVALID_XML_DOCUMENT:
		return -EINVAL;
	case E_NOTIMPL:
	case VSS_E_VOLUME_NOT_SUPPORTED:
	case VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER:
		return -EOPNOTSUPP;
	case VSS_E_OBJECT_NOT_FOUND:
		return -ENOENT;
	case VSS_E_OBJECT_ALREADY_EXISTS:
		return -EEXIST;
	case VSS_E_BAD_STATE:
	case E_ABORT:
		return -ECANCELED;
	case VSS_E_SNAPSHOT_SET_IN_PROGRESS:
	case VSS_E_VOLUME_IN_USE:
		return -EBUSY;
	case VSS_E_INSUFFICIENT_STORAGE:
		return -ENOSPC;
	case VSS_E_FLUSH_WRITES_TIMEOUT:
	case VSS_E_HOLD_WRITES_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return VSS_FAILED(result) ? -EIO : 0;
	}
}

vss_result vss_result_from_errno(int code)
{
	switch (abs(code)) {
	case 0:
		return S_OK;
	case EPERM:
	case EACCES:
		return E_ACCESSDENIED;
	case ENOMEM:
	case ENOBUFS:
		return E_OUTOFMEMORY;
	case EINVAL:
	case ERANGE:
	case EMSGSIZE:
	case ENAMETOOLONG:
	case ENOTDIR:
	case ENOTBLK:
		return E_INVALIDARG;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return VSS_E_OBJECT_NOT_FOUND;
	case EEXIST:
		return VSS_E_OBJECT_ALREADY_EXISTS;
	case EBUSY:
	case ETXTBSY:
		return VSS_E_VOLUME_IN_USE;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return VSS_E_INSUFFICIENT_STORAGE;
	case EOPNOTSUPP:
	case EROFS:
		return VSS_E_VOLUME_NOT_SUPPORTED;
	case ETIMEDOUT:
		return VSS_E_HOLD_WRITES_TIMEOUT;
	case ECANCELED:
	case EALREADY:
		return VSS_E_BAD_STATE;
	case EIO:
		return VSS_E_PROVIDER_VETO;
	default:
		return VSS_E_UNEXPECTED;
	}
}

/* Bytes of the UTF-8 character at @text that may be printed; 0 for anything else. */
static size_t printable(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = text[0] < 0x80 ? 1 : (text[0] & 0xe0) == 0xc0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 :
		(text[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;

	if (size < 2)
		return size && text[0] >= 0x20 && text[0] != 0x7f;
	c = text[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	return c >= 0xa0 && c >= least[size] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? size : 0;
}

/*
 * What a sentence quotes may be anything, and cut off anywhere.  It goes to
 * terminals, and over D-Bus, which takes nothing but UTF-8.
 */
static void make_printable(char *text)
{
	while (*text) {
		size_t size = printable((const unsigned char *)text);

		if (!size)
			*text = '?';
		text += size ? size : 1;
	}
}

int vss_error_set(struct vss_error *err, int code, vss_result result,
		  const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	err->result = result;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	make_printable(err->text);
	return code;
}

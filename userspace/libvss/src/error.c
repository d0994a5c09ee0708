// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS result codes and error records.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

static const struct {
	vss_result result;
	const char *name;
} result_names[] = {
#define RESULT(name) { name, #name }
	RESULT(S_OK),
	RESULT(E_ACCESSDENIED),
	RESULT(E_OUTOFMEMORY),
	RESULT(E_INVALIDARG),
	RESULT(VSS_E_BAD_STATE),
	RESULT(VSS_E_UNEXPECTED),
	RESULT(VSS_E_PROVIDER_NOT_REGISTERED),
	RESULT(VSS_E_PROVIDER_VETO),
	RESULT(VSS_E_OBJECT_NOT_FOUND),
	RESULT(VSS_E_VOLUME_NOT_SUPPORTED),
	RESULT(VSS_E_OBJECT_ALREADY_EXISTS),
	RESULT(VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED),
	RESULT(VSS_E_FLUSH_WRITES_TIMEOUT),
	RESULT(VSS_E_HOLD_WRITES_TIMEOUT),
	RESULT(VSS_E_SNAPSHOT_SET_IN_PROGRESS),
	RESULT(VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED),
	RESULT(VSS_E_VOLUME_IN_USE),
	RESULT(VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED),
	RESULT(VSS_E_INSUFFICIENT_STORAGE),
	RESULT(VSS_E_NESTED_VOLUME_LIMIT),
#undef RESULT
};

const char *vss_result_name(vss_result result)
{
	for (size_t i = 0; i < sizeof(result_names) / sizeof(result_names[0]); i++)
		if (result_names[i].result == result)
			return result_names[i].name;
	return "VSS_E_UNEXPECTED";
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
	return code;
}

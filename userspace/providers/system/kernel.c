// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system provider's way to the kernel module, and its failures as codes
 * that a provider may give.
 */
#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "internal.h"

const vss_result system_allowed_begin[] = {
	VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, VSS_E_UNSUPPORTED_CONTEXT,
	VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, VSS_E_INSUFFICIENT_STORAGE,
	VSS_E_NESTED_VOLUME_LIMIT, S_OK,
};
const vss_result system_allowed_prepare[] = { VSS_E_INSUFFICIENT_STORAGE, S_OK };
const vss_result system_allowed_hold[] = {
	VSS_E_FLUSH_WRITES_TIMEOUT, VSS_E_HOLD_WRITES_TIMEOUT, VSS_E_INSUFFICIENT_STORAGE, S_OK,
};
const vss_result system_allowed_commit[] = {
	VSS_E_HOLD_WRITES_TIMEOUT, VSS_E_INSUFFICIENT_STORAGE, S_OK,
};
const vss_result system_allowed_object[] = { VSS_E_OBJECT_NOT_FOUND, S_OK };

/* Opening a handle would load the module. */
static bool module_loaded(void)
{
	return !access("/sys/module/vss", F_OK);
}

vss_result system_kernel_open(bool load, struct vss_kernel **kernel, struct vss_error *err)
{
	int ret;

	*kernel = NULL;
	if (!load && !module_loaded())
		return S_OK;
	ret = vss_kernel_open(kernel, err);
	if (ret == -ENOENT && !vss_prepare_load_module(false))
		ret = vss_kernel_open(kernel, err);
	if (!ret)
		return S_OK;
	*kernel = NULL;
	return ret == -ENOMEM ? E_OUTOFMEMORY : VSS_E_PROVIDER_VETO;
}

vss_result system_fail(const vss_result *allowed, struct vss_error *err)
{
	if (err->result == E_OUTOFMEMORY)
		return E_OUTOFMEMORY;
	for (; *allowed != S_OK; allowed++)
		if (*allowed == err->result)
			return err->result;
	return VSS_E_PROVIDER_VETO;
}

vss_result system_kernel_fail(const struct vss_kernel *kernel, const vss_result *allowed,
			      struct vss_error *err)
{
	vss_error_set(err, -EIO, vss_kernel_result(kernel), "%s", vss_kernel_error(kernel));
	return system_fail(allowed, err);
}

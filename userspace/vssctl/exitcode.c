// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exit codes of vssctl.
 */
#include "exitcode.h"

enum vssctl_exit vssctl_exit_of(vss_result result)
{
	switch (result) {
	case S_OK:
		return VSSCTL_OK;
	case VSS_E_OBJECT_NOT_FOUND:
		return VSSCTL_NOT_FOUND;
	case VSS_E_SNAPSHOT_SET_IN_PROGRESS:
	case VSS_E_VOLUME_IN_USE:
	case VSS_E_OBJECT_ALREADY_EXISTS:
		return VSSCTL_BUSY;
	case E_ACCESSDENIED:
		return VSSCTL_PERMISSION;
	case VSS_E_INSUFFICIENT_STORAGE:
	case VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED:
	case VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED:
	case VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED:
		return VSSCTL_NO_ROOM;
	case VSS_E_PROVIDER_NOT_REGISTERED:
	case VSS_E_VOLUME_NOT_SUPPORTED:
	case VSS_E_NESTED_VOLUME_LIMIT:
		return VSSCTL_NOT_SUPPORTED;
	case VSS_E_FLUSH_WRITES_TIMEOUT:
	case VSS_E_HOLD_WRITES_TIMEOUT:
		return VSSCTL_TIMEOUT;
	default:
		return VSSCTL_FAILURE;
	}
}

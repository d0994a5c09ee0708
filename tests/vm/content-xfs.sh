#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Images of a busy XFS.

. "$(dirname "$0")/content-fs-lib.sh"

disk=sd0
# As small as it is no longer meant to be.
mkfs=(mkfs.xfs -q --unsupported)
# Its log is dirty on purpose when it is frozen.
ro=ro,norecovery,nouuid
rw=nouuid

fsck()
{
	xfs_repair -n "$1"
}

journaled

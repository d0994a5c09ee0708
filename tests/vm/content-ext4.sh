#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Images of a busy ext4.

. "$(dirname "$0")/content-fs-lib.sh"

disk=vd0
mkfs=(mkfs.ext4 -q)
ro=ro
rw=rw
clean_when_frozen=1

fsck()
{
	e2fsck -fn "$1"
}

journaled

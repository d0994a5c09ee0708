#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shows in VMs what the product does: scripts/demo/backup.sh, the backup of a live
# database, and scripts/demo/story.sh, what the snapshots beneath it are worth. Each
# prints a line for each step and fails at the first that is not as it should be.
# Called by "make demo", which builds first.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

kver=${KVER:-$(default_kver)}
[[ $kver ]] || die "no Debian 6.1 kernel in /lib/modules: run scripts/install-deps.sh"

SECONDS=0
tell()
{
	local story=$1 status

	shift
	echo
	echo "Booting a VM with Debian's kernel $kver as it is ..."
	scripts/vm/run --kernel "$kver" --tcg-thread single --timeout 900 --no-disks "$@" \
		-- "scripts/demo/$story"
	status=$?
	if ((status)); then
		echo "The demo FAILED (status $status, after $SECONDS s)." >&2
		exit $status
	fi
}

tell backup.sh --disk virtio:512M:demo-pg --disk virtio:512M:demo-copy
tell story.sh --disk virtio:2G:demo-ext4 --disk nvme:2G:demo-xfs
echo "All of this took $SECONDS s, with the VMs' start and end. Their consoles were clean."

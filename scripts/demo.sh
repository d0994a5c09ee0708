#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shows in a VM what the product does: scripts/demo/story.sh, which prints a line
# for each step and fails at the first that is not as it should be. Called by
# "make demo", which builds first.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

kver=${KVER:-$(default_kver)}
[[ $kver ]] || die "no Debian 6.1 kernel in /lib/modules: run scripts/install-deps.sh"

SECONDS=0
echo
echo "Booting a VM with Debian's kernel $kver as it is ..."
scripts/vm/run --kernel "$kver" --tcg-thread single --timeout 300 --no-disks \
	--disk virtio:2G:demo-ext4 --disk nvme:2G:demo-xfs -- scripts/demo/story.sh
status=$?
if ((status)); then
	echo "The demo FAILED (status $status, after $SECONDS s)." >&2
	exit $status
fi
echo "All of this took $SECONDS s, with the VM's start and end. Its console was clean."

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shows shadow copies that travel: scripts/demo/transport.sh in three VMs, a storage
# array and two systems. Called by "make demo-transport", which builds first.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

kver=${KVER:-$(default_kver)}
[[ $kver ]] || die "no Debian 6.1 kernel in /lib/modules: run scripts/install-deps.sh"

SECONDS=0
echo "Booting a storage array and two systems with Debian's kernel $kver as it is ..."
scripts/vm/net --kernel "$kver" --timeout 295 -- scripts/demo/transport.sh
status=$?
if ((status)); then
	echo "The demo FAILED (status $status, after $SECONDS s)." >&2
	exit $status
fi
echo "All of this took $SECONDS s, with the VMs' start and end. Their consoles were clean."

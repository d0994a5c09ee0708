#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check-kernels.sh TESTS KERNEL...: runs the tests in VMs on each of the kernels, which
# are fetched from Debian's archive when they are not there yet (scripts/kernel/get).
# 6.1 is the one that is installed. The last line says which of them failed.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

tests=${1:?usage: check-kernels.sh TESTS KERNEL...}
shift
(($#)) || die "no kernel is named: KERNELS='6.1 6.12 7.2', for example"
failed=()
for name; do
	args=(--only vm --tests "$tests")
	if [[ $name != 6.1 ]]; then
		scripts/kernel/get "$name" >/dev/null || { failed+=("$name"); continue; }
		args+=(--kernel "$name")
	fi
	echo "# kernel $name"
	scripts/check.sh "${args[@]}" || failed+=("$name")
done
if ((${#failed[@]})); then
	echo "failed on: ${failed[*]}"
	exit 1
fi
echo "passed on: $*"

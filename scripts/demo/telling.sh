# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How the demo's stories are told, and what happens when one goes wrong. To be
# sourced; a story sets here, the folder of the demo.

set -Eeuo pipefail
export LC_ALL=C
work=/tmp/demo
title=

# --- telling ------------------------------------------------------------------

step()
{
	title=$*
	printf '\n[%3d s] %s\n' "$SECONDS" "$title"
}

say() { printf '        %s\n' "$@"; }

# Shows a command, runs it, shows what it says.
run()
{
	local status=0

	say "# $*"
	"$@" >"$work/out" 2>&1 || status=$?
	sed 's/^./          &/' "$work/out"
	((status == 0)) || fail "status $status: $*"
}

fail()
{
	trap - ERR
	echo "*** FAILED: $*"
	exit 1
}

on_exit()
{
	local status=$? log

	trap - ERR EXIT
	((status)) || return 0
	echo "*** In the step: $title"
	for log in "$work"/*.log; do
		[[ ! -s $log ]] || { echo "*** End of $log:"; tail -n 5 "$log"; }
	done
	echo "*** End of the kernel log:"
	dmesg | tail -n 25
	echo
	exit "$status"
}

trap 'echo "*** FAILED: status $?, line $LINENO: $BASH_COMMAND"' ERR
trap on_exit EXIT

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# workload.sh churn DIR | ledger FILE FILE: one of the demo's loads, until it is
# sent SIGTERM. Fails if a write fails; prints at its end how much it did.

set -euo pipefail

go=1
trap 'go=' TERM

# A pause without a process.
exec {never}<> <(:)
pause() { read -r -t "$1" -u "$never" || true; }

# Creates, moves and deletes small files.
churn()
{
	local block i

	mkdir -p "$1"
	printf -v block '%08192d' 7
	for ((i = 0; go; i++)); do
		printf '%s' "${block:0:1 + i * 977 % 8192}" >"$1/new-$((i % 8))"
		((i % 8 < 7)) || mv "$1"/new-[0-3] "$1"/kept/ 2>/dev/null || mkdir "$1/kept"
		((i % 16 < 15)) || rm -f "$1"/new-* "$1"/kept/*
		pause 0.1
	done
	echo "$i"
}

# Writes each number to the first file, then to the second: whoever sees both at
# one instant sees them end with the same number, or the first one ahead by one.
ledger()
{
	local i

	for ((i = 1; go; i++)); do
		echo "$i" >>"$1"
		echo "$i" >>"$2"
		pause 0.05
	done
	echo "$i"
}

"$@"

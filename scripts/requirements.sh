#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# requirements.sh: which requirements of the VSS model (tests/vss/requirements.tsv)
# no test names. A test names those it covers by their ids, "TIM-004" or
# "CTX-008..011"; exits 1 while a core or expected one is missing.

set -euo pipefail
cd "$(dirname "$0")/.."
table=tests/vss/requirements.tsv

# Ids in the tests, with ranges written out.
named()
{
	grep -rhoE '[A-Z]{3}-[0-9]{3}(\.\.[0-9]{3})?' tests --include='*.c' --include='*.h' \
		--include='*.sh' --include='*.md' --include=covers.tsv |
		while IFS= read -r id; do
			if [[ $id == *..* ]]; then
				area=${id%%-*} first=${id#*-}
				for ((i = 10#${first%..*}; i <= 10#${id##*..}; i++)); do
					printf '%s-%03d\n' "$area" "$i"
				done
			else
				echo "$id"
			fi
		done | sort -u
}

missing=$(comm -23 <(cut -f 1 "$table" | tail -n +2 | sort -u) <(named))
awk -F '\t' -v ids="$missing" '
	BEGIN { n = split(ids, list, "\n"); for (i = 1; i <= n; i++) missing[list[i]] = 1 }
	NR == 1 { next }
	{ all[$6]++ }
	!($1 in missing) { done[$6]++; next }
	$6 != "nice" { print $1 " (" $6 "): " $3; bad = 1 }
	END {
		for (weight in all)
			print weight ": " done[weight] + 0 " of " all[weight] " named by a test"
		exit bad
	}' "$table"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume has 64 client-accessible shadow copies at most: then none is made, but by
# retention, which makes room for it and tells what it has deleted for that. A minute: with LONG=1.

. "$(dirname "$0")/writers-lib.sh"

[[ ${LONG:-} ]] || skip "64 copies are made with LONG=1"

most=64
volume=$(disk vd0)
load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$(disk vd1)" --persistent
start_vssd

# copies: prints the ids, oldest first.
copies()
{
	vssctl list shadows --json | json id
}

for ((i = 0; i < most; i++)); do
	vssctl create -q --context client-accessible "$volume" >/dev/null || fail "copy $((i + 1)) is not made"
done
copies >"$TEST_TMP/full"
[[ $(wc -l <"$TEST_TMP/full") == "$most" ]] || fail "$(wc -l <"$TEST_TMP/full") copies"
expect_fail -s 6 -m VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED vssctl create --context client-accessible "$volume"
copies | diff "$TEST_TMP/full" - || fail "a refused one changes something"

run_ok vssctl retain --create --hourly 2 --json "$volume" >"$TEST_TMP/retained"
grep -o '"deleted": *[a-z]*' "$TEST_TMP/retained" | sort | uniq -c
[[ $(grep -c '"deleted": *true' "$TEST_TMP/retained") == "$most" ]] || fail "not all that were deleted are told"
copies >"$TEST_TMP/left"
json id <"$TEST_TMP/retained" | sort >"$TEST_TMP/told"
sort "$TEST_TMP/full" "$TEST_TMP/left" | uniq | diff - "$TEST_TMP/told" || fail "not each copy is told once"

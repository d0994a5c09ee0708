#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All vectors of the order of calls come out as the tables say: ORD-001 to ORD-051,
# CTX-002 to CTX-015, CTX-037, SEL-001 SEL-003 SEL-004 SEL-005 SEL-024, TRN-001 to TRN-017,
# TRN-027 to TRN-031, IMP-001 to IMP-014, IMP-018 to IMP-020, IMP-029 IMP-030, BRK-001 to
# BRK-006, BRK-012, FRV-001 to FRV-008, FRV-011, REV-002 to REV-005, and the errors of the
# other areas that the vectors name.  What the runner does not know it refuses.

set -u
run=${CALL_ORDER:?}
vectors=${VSS_TOP:?}/tests/vss
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
status=0

"$run" "$vectors/call-order.tsv" || status=1
"$run" "$vectors/call-order-own.tsv" || status=1

# refused NAME SEQUENCE EXPECTED: must not be understood
refused()
{
	printf 'X\t%s\t%s\t%s\n' BACKUP "$2" "$3" >"$dir/vectors"
	if out=$("$run" "$dir/vectors") || ! echo "$out" | grep -q 'not understood'; then
		echo "not ok - $1 is refused"
		status=1
	else
		echo "ok - $1 is refused"
	fi
}
refused 'an unknown call' 'InitializeForBackup Frobnicate' S_OK
refused 'an unknown condition' 'InitializeForBackup DoSnapshotSet(on a whim)' S_OK
refused 'a condition out of place' 'InitializeForBackup(fails)' S_OK
refused 'an unknown event' 'InitializeForBackup DoSnapshotSet(W fails Lunch)' S_OK
refused 'an unknown step' 'InitializeForBackup DoSnapshotSet(provider sleep 11 s)' S_OK
refused 'an unknown context' 'InitializeForBackup SetContext:NOSUCH' S_OK
refused 'an unknown volume' 'InitializeForBackup AddToSnapshotSet:Q7' S_OK
refused 'an unknown provider' 'InitializeForBackup AddToSnapshotSet:V1:P7' S_OK
refused 'an unknown component' 'InitializeForBackup AddComponent:W/X' S_OK
refused 'an unknown document' 'InitializeForBackup:pdf' S_OK
refused 'an unknown identifier' 'InitializeForBackup GetSnapshotProperties:T1' S_OK
refused 'an unknown machine' '@ZInitializeForBackup' S_OK
refused 'a missing argument' 'InitializeForBackup SetContext' S_OK
refused 'an argument too many' 'InitializeForBackup DoSnapshotSet:now' S_OK
refused 'parentheses that do not match' 'InitializeForBackup DoSnapshotSet(fails' S_OK
refused 'an unknown expectation' 'InitializeForBackup' VSS_E_NOSUCH
refused 'an empty expectation' 'InitializeForBackup' ''

# What comes out otherwise than expected is a failure, also on the way.
wrong()
{
	printf 'X\t-\t%s\tS_OK\n' "$2" >"$dir/vectors"
	if "$run" "$dir/vectors" >"$dir/out"; then
		echo "not ok - $1 is a failure"
		status=1
	else
		echo "ok - $1 is a failure"
	fi
}
wrong 'another result' DoSnapshotSet
wrong 'another result on the way' 'StartSnapshotSet InitializeForBackup'
exit $status

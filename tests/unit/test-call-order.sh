#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All vectors of the order of calls come out as the tables say, and what the runner does not
# know it refuses: ORD-001 ORD-002 ORD-003 ORD-004 ORD-005 ORD-006 ORD-007 ORD-008 ORD-009
# ORD-010 ORD-011 ORD-012 ORD-013 ORD-014 ORD-015 ORD-016 ORD-017 ORD-018 ORD-020 ORD-021
# ORD-023 ORD-025 ORD-026 ORD-027 ORD-028 ORD-030 ORD-031 ORD-032 ORD-034 ORD-035 ORD-037
# ORD-038 ORD-039 ORD-041 ORD-046 ORD-047 ORD-048 ORD-050 ORD-051 ORD-052 ORD-057 CTX-003
# CTX-004 CTX-005 CTX-006 CTX-007 CTX-012 CTX-014 CTX-015 CTX-020 CTX-022 CTX-023 CTX-024
# CTX-025 CTX-026 CTX-027 CTX-028 CTX-029 CTX-037 SEL-001 SEL-003 SEL-004 SEL-005 SEL-018
# SEL-024 ASY-002 ASY-005 ASY-006 ASY-007 ASY-008 ASY-011 TRN-001 TRN-002 TRN-003 TRN-004
# TRN-005 TRN-006 TRN-008 TRN-009 TRN-010 TRN-011 TRN-012 TRN-013 TRN-014 TRN-016 TRN-017
# TRN-027 TRN-028 TRN-029 TRN-031 IMP-001 IMP-003 IMP-005 IMP-007 IMP-008 IMP-010 IMP-011
# IMP-013 IMP-014 IMP-018 IMP-019 IMP-029 IMP-030 BRK-001 BRK-002 BRK-003 BRK-004 BRK-005
# BRK-006 BRK-008 BRK-009 BRK-010 BRK-012 FRV-001 FRV-002 FRV-003 FRV-005 FRV-006 FRV-007
# FRV-008 FRV-011 REV-002 REV-003 REV-004 REV-005 REV-009 REV-010 LIF-001 LIF-002 LIF-008
# LIF-014 LIF-015 LIF-016 LIF-017 LIF-020 LIF-024 LIF-025 LIF-033 RST-002 RST-003 RST-004
# RST-005 RST-006 RST-008 RST-009 STA-013 STA-014 PRV-003 PRV-004 PRV-005 PRV-007 PRV-009
# PRV-010 PRV-021 PRV-022 PRV-024 TIM-003 TIM-004 TIM-012.

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

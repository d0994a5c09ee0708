#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A logical volume as origin, its physical volume as origin, written to through the
# logical volume, and both in one set.

. "$(dirname "$0")/content-lib.sh"

need lvm
load_vss
split "$(disk vd0)" 28M
pv=${parts[0]}
split "$(disk vd1)" 120M 120M
run_ok lvm pvcreate -q "$pv"
run_ok lvm vgcreate -q content "$pv"
run_ok lvm lvcreate -q -L 20M -n lv content
settle
lv=$(readlink -f /dev/content/lv)
# "START LENGTH linear MAJOR:MINOR OFFSET": where on the disk the volume lies.
offset=$(($(dmsetup table content-lv | cut -d ' ' -f 5) + $(<"/sys/class/block/${pv##*/}/start")))
below=$(disk vd0):$((offset * 512))
fill "$lv"

# try WHAT OPERAND...: instants of these volumes while the LV is busy.
try()
{
	local what=$1 i load before=()

	shift
	for i in "$@"; do
		before+=("$(vol "${i%%=*}" chunks_copied)")
	done
	churn --seed $# --count 0 --max 1M --jobs 2 "$lv" >"$TEST_TMP/churn" &
	load=$!
	sleep 1
	snap_busy --no-freeze "$@"
	for i in "${!ids[@]}"; do
		expect_same "$what, first read" "${images[i]}" "${copies[i]}"
	done
	sleep 1
	kill $load
	wait $load || fail "$what: churn has failed"
	cat "$TEST_TMP/churn"
	fill "$lv" 99
	for i in "${!ids[@]}"; do
		expect_same "$what, last read" "${images[i]}" "${copies[i]}"
	done
	for i in "$@"; do
		expect_copied "$what" "${i%%=*}" "${before[0]}"
		before=("${before[@]:1}")
	done
	unsnap "${ids[@]}"
}

track "$lv" "${parts[0]}"
try "the LV" "$lv=$below"
track "$pv" "${parts[1]}"
try "its PV" "$pv"
try "both" "$pv" "$lv=$below"
run_ok vssctl detach -q "$lv"
run_ok vssctl detach -q "$pv"

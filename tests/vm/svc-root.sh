#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume with all that the service lives on, its programs, libraries, records
# and log, is itself shadow copied: the service does not wait for what it has
# frozen. So it would be with a machine's root file system.
#
# TIM-010 TIM-011 TIM-015
# vm: timeout=600

. "$(dirname "$0")/svc-lib.sh"

volume=$(disk vd0)
run_ok mkfs.ext4 -q "$volume"
root=$(mount_tmp "$volume")
mkdir "$root/lib" "$root/state"
cp /usr/sbin/vssd /usr/libexec/vss/vss-provider-host "$root"
for program in vssd vss-provider-host; do
	ldd "$root/$program" | awk '$3 ~ /^\// { print $3 }' | xargs -I{} cp -Lu {} "$root/lib"
done
load_vss
export VSS_BUS_ADDRESS=unix:path=$TEST_TMP/socket

LD_LIBRARY_PATH=$root/lib "$root/vssd" --foreground --no-bus --socket "$TEST_TMP/socket" \
	--state "$root/state" --provider-host "$root/vss-provider-host" >>"$root/log" 2>&1 &
cleanup_push cat "$root/log"
cleanup_push stop_vssd
wait_for 60 grep -q 'is ready' "$root/log"
grep -q "$root/lib" "/proc/$(vssd_pid)/maps" || fail "vssd does not run from the volume"

# Somebody dirties pages of the volume all the while.
(while :; do dd if=/dev/zero of="$root/load" bs=64k count=16 conv=fsync status=none; done) &
load=$!
cleanup_push kill "$load"

for i in 1 2 3; do
	run_ok timeout 100 vssctl create --context nas-rollback "$root"
	nothing_frozen "$root"
done
[[ $(snapshots | wc -l) == 3 ]] || fail "not three snapshots"

# A writer that holds the file system's applications for a while, and much to log.
vss-writer-test --address "$VSS_BUS_ADDRESS" --name Test --class 11111111-2222-3333-4444-555555555555 --log "$TEST_TMP/writer.log" \
	--inject 'Freeze:hold=2s' >/dev/null 2>&1 &
writer=$!
wait_for 20 sh -c 'vssctl list writers | grep -q 11111111'
run_ok timeout 100 vssctl create --context backup "$root"
nothing_frozen "$root"
kill -KILL "$writer"

# What it says comes out afterwards, in the file that was frozen.
wait_for 10 grep -q 'created' "$root/log"
for id in $(snapshots); do
	run_ok vssctl delete --quiet "$id"
done

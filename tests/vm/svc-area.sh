#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The persistent diff area of a volume comes late: what vssd knows of its shadow copies
# stays until then, and is as it was afterwards, exposure and all. One that is to be
# forgotten is.
# LIF-010 CTX-040
# vm: timeout=300

. "$(dirname "$0")/svc-lib.sh"

volume=$(disk vd0)
area=$(disk vd1)
mnt=$TEST_TMP/mnt
dir=$TEST_TMP/dir
mkdir "$mnt" "$dir"
run_ok mkfs.ext4 -q "$volume"
run_ok mount "$volume" "$dir"
cleanup_push _umount_tmp "$dir"
start_bus
load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
start_vssd

# known: all that vssd tells of shadow copies, in an order of its own.
known()
{
	vssctl list --json shadows | sed 's/,$//' | sort
}

# away: vssd starts anew, and the area is not there; back: it is loaded by hand.
away()
{
	stop_vssd
	! mountpoint -q "$mnt" || run_ok umount "$mnt"
	run_ok umount "$dir"
	settle
	run_ok vssctl detach -q "$volume"
	run_ok rmmod vss
	start_vssd
}

back()
{
	load_vss
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "$volume" "$area"
	run_ok mount "$volume" "$dir"
	settle
}

copy=$(vssctl create --context nas-rollback --json "$dir" | json id)
client=$(vssctl create --context client-accessible --json "$dir" | json id)
run_ok vssctl expose "$copy" "$mnt"
uuid=$(vssctl diff-area list --json | json area)
known >"$TEST_TMP/before"
cat "$TEST_TMP/before"

away
vssctl list shadows >"$TEST_TMP/list" 2>"$TEST_TMP/warning" || fail "no list: $(<"$TEST_TMP/warning")"
cat "$TEST_TMP/list" "$TEST_TMP/warning"
[[ $(grep -c '(unavailable)' "$TEST_TMP/list") == 2 ]] || fail "not two that are unavailable"
[[ $(grep -c "area $uuid is not loaded; load it with 'vssctl diff-area load" "$TEST_TMP/warning") == 1 ]] ||
	fail "no warning that names the area $uuid"
expect_fail -m 'is not loaded' vssctl delete "$copy"
expect_fail -m 'is not loaded' vssctl expose --samba "$client" "$TEST_TMP"
! mountpoint -q "$mnt" || fail "something is mounted"

back
known >"$TEST_TMP/after"
# the mount follows the answer
wait_for 20 mountpoint -q "$mnt"
diff "$TEST_TMP/before" "$TEST_TMP/after" || fail "they are not as they were"
run_ok vssctl retain --hourly 5 --dry-run --json "$dir" >"$TEST_TMP/retained"
[[ $(json id <"$TEST_TMP/retained") == "$client" ]] || fail "the client-accessible one is not seen"

away
run_ok vssctl delete --force "$copy"
[[ $(shadows 2>/dev/null) == "$client" ]] || fail "it is not forgotten, or more is"
back
[[ $(snapshots | wc -l) == 2 ]] || fail "not two snapshots in the area"
# one that vssd does not know, deleted as any
run_ok vssctl delete "$copy"
run_ok vssctl delete "$client"
[[ ! $(shadows) ]] || fail "there are some still"
run_ok umount "$dir"
run_ok vssctl detach -q "$volume"

# Smaller by force: vssd deletes the shadow copies, and takes the lock that a change of areas takes.
run_ok mount "$volume" "$dir"
vssctl create --context app-rollback -q "$dir" || fail "no shadow copy"
[[ $(shadows) ]] || fail "vssd has made none"
run_ok timeout 60 vssctl diff-area resize --force "$volume" 32M
[[ ! $(shadows) ]] || fail "there are some still"
! vssctl status --json "$volume" >/dev/null 2>&1 || fail "it is attached, which was for the copy alone"
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --file "$dir/area" --size 64M
vssctl create --context app-rollback -q "$dir" || fail "no shadow copy"
run_ok timeout 60 vssctl diff-area resize --force "$volume" 32M
[[ ! $(shadows) ]] || fail "there are some still"
size=$(vssctl status --json "$volume" | json area_size)
((size <= 32 << 20 && size > 31 << 20)) || fail "the diff area has $size bytes"
run_ok vssctl detach -q "$volume"
run_ok umount "$dir"

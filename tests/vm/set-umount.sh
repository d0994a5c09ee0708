#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A set of a volume whose file system is just being unmounted, which takes its time: the
# set waits for that, until its deadline or its owner's end, and its image has all that was
# written. Unmounted, mounted, or frozen by somebody else meanwhile: nothing stays frozen,
# or in use.

. "$(dirname "$0")/set-lib.sh"

modprobe dm_delay || skip "no dm-delay"
disk=$(disk vd0)
parts "$disk" 32
lower=$(part "$disk" 1)
parts "$(disk vd1)" 32
load_vss
run_ok mkfs.ext4 -q "$lower"

# table MS: with writes that take so long.
table() { echo "0 $((32 * 2048)) delay $lower 0 0 $lower 0 $1"; }
dmsetup create slow --table "$(table 0)"
cleanup_push dmsetup remove --retry slow
volume=/dev/mapper/slow
track "$volume" "$(part "$(disk vd1)" 1)"

# slow MS: what a write takes from now on.
slow()
{
	dmsetup suspend --nolockfs slow
	dmsetup load slow --table "$(table "$1")"
	dmsetup resume slow
}

# unmount_slowly DIR: has that going on.
unmount_slowly()
{
	slow 200
	bg umount umount "$1"
	# It is on its way when the directory is bare.
	wait_for 20 eval "! mountpoint -q '$1'"
	! is_over umount || fail "the unmount took no time"
}

for round in 1 2; do
	dir=$(mount_tmp "$volume")
	for i in {1..40}; do
		dd if=/dev/urandom of="$dir/$round.$i" bs=64k count=1 status=none
	done
	sum=$(cat "$dir"/[0-9]* | digest)
	unmount_slowly "$dir"
	snap=$(create "$volume")
	expect_over 30000 umount
	slow 0
	at=$(mount_tmp "$(image "$snap")" -o ro)
	[[ $(cat "$at"/[0-9]* | digest) == "$sum" ]] || fail "the image lacks what was written"
	echo "round $round: the image has all of it"
	umount "$at"
	settle
	run_ok vssctl delete -q "$snap"
done

echo "--- its owner goes, or its time"
for how in kill time; do
	dir=$(mount_tmp "$volume")
	dd if=/dev/urandom of="$dir/file" bs=64k count=40 status=none
	if [[ $how == kill ]]; then
		ctl_start a "$volume"
	else
		ctl_start a --freeze-timeout 1000 "$volume"
	fi
	unmount_slowly "$dir"
	ctl_send a frozen
	if [[ $how == kill ]]; then
		sleep 0.5
		ctl_kill a
	else
		ctl_receive a
		# Unless the unmount was over by then.
		[[ $ctl_answer == ok* ]] || [[ $ctl_answer == *"before the deadline"* ]] ||
			fail "$ctl_answer"
	fi
	expect_over 30000 umount
	slow 0
	ctl_end a
	wait_for 20 set_is_gone "${ctl_set[a]}"
done

echo "--- unmounted while it is frozen"
dir=$(mount_tmp "$volume")
echo old >"$dir/file"
ctl_start a "$volume"
ctl_ok a frozen
umount "$dir"
ctl_ok a held committed "done"
ctl_end a
at=$(mount_tmp "$(image "${ctl_snaps[a]}")" -o ro)
[[ $(<"$at/file") == old ]] || fail "the image lacks what was written"
umount "$at"
settle
run_ok vssctl delete -q "${ctl_snaps[a]}"

echo "--- to be mounted while it is frozen"
ctl_start a "$volume"
ctl_ok a frozen
! mount "$volume" "$dir" 2>"$TEST_TMP/mount.err" || fail "a frozen device can be mounted"
cat "$TEST_TMP/mount.err"
ctl_ok a held committed "done"
ctl_end a
settle
run_ok vssctl delete -q "${ctl_snaps[a]}"
dir=$(mount_tmp "$volume")
timeout 20 dd if=/dev/zero of="$dir/new" bs=4k count=1 conv=fsync status=none || fail "it stays frozen"
run_ok umount "$dir"

echo "--- frozen by somebody else before, and after"
dir=$(mount_tmp "$volume")
run_ok fsfreeze -f "$dir"
if out=$(vssctl create --json "$volume" 2>&1); then
	echo "a second freeze nests"
	settle
	run_ok vssctl delete -q "$(json id <<<"$out")"
else
	[[ $out == *"frozen by someone else"* ]] || fail "$out"
fi
run_ok fsfreeze -u "$dir"
timeout 20 dd if=/dev/zero of="$dir/new" bs=4k count=1 conv=fsync status=none || fail "it stays frozen"
run_ok umount "$dir"
dir=$(mount_tmp "$volume")
run_ok umount "$dir"
run_ok vssctl detach -q "$volume"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A set of a volume whose file system is just being unmounted, which takes its time: the
# set waits for that, and its image has all that was written.

. "$(dirname "$0")/set-lib.sh"

modprobe dm_delay || skip "no dm-delay"
disk=$(disk vd0)
parts "$disk" 32
lower=$(part "$disk" 1)
parts "$(disk vd1)" 32
load_vss
run_ok mkfs.ext4 -q "$lower"

# table MS: what a write takes from now on.
table() { echo "0 $((32 * 2048)) delay $lower 0 0 $lower 0 $1"; }
dmsetup create slow --table "$(table 0)"
cleanup_push dmsetup remove --retry slow
volume=/dev/mapper/slow
track "$volume" "$(part "$(disk vd1)" 1)"

for round in 1 2; do
	dir=$(mount_tmp "$volume")
	for i in {1..40}; do
		dd if=/dev/urandom of="$dir/$round.$i" bs=64k count=1 status=none
	done
	sum=$(cat "$dir"/[0-9]* | digest)
	dmsetup suspend --nolockfs slow
	dmsetup load slow --table "$(table 200)"
	dmsetup resume slow
	bg umount umount "$dir"
	# It is on its way when the directory is bare.
	wait_for 20 eval "! mountpoint -q '$dir'"
	! is_over umount || fail "the unmount took no time"
	snap=$(create "$volume")
	expect_over 30000 umount
	dmsetup suspend --nolockfs slow
	dmsetup load slow --table "$(table 0)"
	dmsetup resume slow
	at=$(mount_tmp "$(image "$snap")" -o ro)
	[[ $(cat "$at"/[0-9]* | digest) == "$sum" ]] || fail "the image lacks what was written"
	echo "round $round: the image has all of it"
	umount "$at"
	settle
	run_ok vssctl delete -q "$snap"
done

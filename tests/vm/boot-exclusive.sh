#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# XFS, mounted when the power fails: its snapshots are lost at the next boot, but for a line of
# the table that ends with "exclusive". Then they are there, with the log to be replayed and
# afterwards; not where it was mounted for writing meanwhile.
# vm: timeout=240

. "$(dirname "$0")/content-lib.sh"

need mkfs.xfs
split "$(disk vd0)" 48M
volume=${parts[0]}
split "$(disk vd1)" 64M
area=${parts[0]}
mnt=$TEST_TMP/mnt
mkdir "$mnt"
run_ok mkfs.xfs -q --unsupported "$volume"
settle
line="PARTUUID=$(lsblk -ndo PARTUUID "$volume") PARTUUID=$(lsblk -ndo PARTUUID "$area")"
echo "$line" >"$TEST_TMP/plain"
echo "$line exclusive" >"$TEST_TMP/exclusive"

cleanup_push boot_as ''

boot_as 1
load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
run_ok mount "$volume" "$mnt"
dd if=/dev/urandom of="$mnt/old" bs=64k count=20 conv=fsync status=none
sync -f "$mnt"
settle
snap "$mnt"
sum=$(sum "${images[0]}")
dd if=/dev/urandom of="$mnt/new" bs=64k count=40 conv=fsync status=none
dd if=/dev/urandom of="$mnt/old" bs=64k count=10 conv=notrunc,fsync status=none
rm "$mnt/new"
# What its disks have at a power cut now: the log is to be replayed.
sleep 0.5
keep_disks "$volume" "$area"
run_ok umount "$mnt"
run_ok vssctl detach -q "$volume"
run_ok rmmod vss

# crash BOOT: the disks as they were, in another boot.
crash()
{
	settle
	! lsmod | grep '^vss ' >/dev/null || { vssctl detach -q --force "$volume"; rmmod vss; }
	put_back_disks "$volume" "$area"
	boot_as "$1"
	settle
}

lost()
{
	[[ $(vssctl show --json "${ids[0]}" | json lost_reason) == untracked ]] || fail "it is not lost: $(vssctl list)"
}

echo "--- nobody says that the volume is this machine's alone"
crash 2
expect_fail -m 'see "exclusive"' vssctl diff-area boot --table "$TEST_TMP/plain" --unclean
lost

echo "--- the line says so"
crash 3
run_ok vssctl diff-area boot --table "$TEST_TMP/exclusive" --unclean
expect_sum "before the log is replayed" "${images[0]}" "$sum"
run_ok mount "$volume" "$mnt"
dd if=/dev/urandom of="$mnt/old" bs=64k count=20 conv=notrunc,fsync status=none
expect_sum "in use again" "${images[0]}" "$sum"
run_ok umount "$mnt"
expect_sum "after that" "${images[0]}" "$sum"

echo "--- mounted for writing meanwhile, and not even written"
crash 4
run_ok mount "$volume" "$mnt"
run_ok umount "$mnt"
expect_fail -m 'lost (untracked)' vssctl diff-area boot --table "$TEST_TMP/exclusive" --unclean
lost

echo "--- not without knowing that nobody has had it in this boot"
crash 5
expect_fail -m 'lost (untracked)' vssctl diff-area boot --table "$TEST_TMP/exclusive"
lost

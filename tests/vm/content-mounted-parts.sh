#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A snapshot of a whole disk whose partitions are mounted and busy: their file
# systems are frozen too, and the image's partitions can be mounted.

. "$(dirname "$0")/content-fs-lib.sh"

load_vss
disk=$(disk sd1)
split "$disk" 40M 64M 4M
run_ok mkfs.ext4 -q "${parts[0]}"
run_ok mkfs.xfs -q --unsupported "${parts[1]}"
ext4=$(mount_tmp "${parts[0]}")
xfs=$(mount_tmp "${parts[1]}")
# The rest of the disk is empty.
length=$((110 << 20))
track "$disk" "$(disk vd3)"

files work "$ext4" 2 &
loads=($!)
files work "$xfs" 2 &
loads+=($!)
churn --seed 5 --count 0 --pause 10 --max 256K --ways direct,uring,dsync "${parts[2]}" >/dev/null &
loads+=($!)
sleep 1
snap_busy --length $length "$disk"
expect_same "first read" "${images[0]}" "${copies[0]}" --length $length
sleep 1
kill "${loads[@]}"
for load in "${loads[@]}"; do
	wait "$load" || fail "a load has failed"
done
expect_copied "under load" "$disk" 0

image=${images[0]}
for i in 1 2 3; do
	wait_for 10 test -b "${image}p$i"
done
run_ok e2fsck -fn "${image}p1"
dir=$(mount_tmp "${image}p1" -o ro)
expect_files "$dir" quiet
umount "$dir"
dir=$(mount_tmp "${image}p2" -o ro,norecovery,nouuid)
expect_files "$dir" quiet
umount "$dir"
expect_same "after the image was mounted" "$image" "${copies[0]}" --length $length

# To a writable image its partitions can be written too.
settle
run_ok vssctl set-writable "${ids[0]}" on
dir=$(mount_tmp "${image}p2" -o nouuid)
expect_files "$dir" quiet
touch "$dir/new"
umount "$dir"
run_ok xfs_repair -n "${image}p2"
umount "$ext4" "$xfs"
for part in "${parts[@]}"; do
	fill "$part"
done
run_ok e2fsck -fn "${image}p1"
run_ok xfs_repair -n "${image}p2"

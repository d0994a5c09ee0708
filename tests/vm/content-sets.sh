#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ten sets of a busy ext4 and a busy XFS, one after the other: of each image the
# file system is clean and the files are whole.

. "$(dirname "$0")/content-fs-lib.sh"

need fio
load_vss
split "$(disk vd0)" 64M
ext4_dev=${parts[0]}
split "$(disk sd0)" 64M
xfs_dev=${parts[0]}
run_ok mkfs.ext4 -q "$ext4_dev"
run_ok mkfs.xfs -q --unsupported "$xfs_dev"
ext4=$(mount_tmp "$ext4_dev")
xfs=$(mount_tmp "$xfs_dev")
track "$ext4_dev" "$(disk vd1)"
track "$xfs_dev" "$(disk vd2)"

files work "$ext4" 1 &
loads=($!)
files work "$xfs" 1 &
loads+=($!)
fio --output="$TEST_TMP/fio.log" --time_based --runtime=3600 --size=8M --rate_iops=60 \
	--rw=randwrite --bsrange=4k-64k --group_reporting \
	--name=direct --filename="$ext4/fio" --direct=1 --ioengine=io_uring --iodepth=4 \
	--name=buffered --filename="$xfs/fio" --direct=0 --ioengine=psync --fsync=20 &
fio=$!
wait_for 20 test -s "$xfs/fio"
wait_for 60 has_synced "$ext4/job0"
wait_for 60 has_synced "$xfs/job0"
sleep 1

# both_copied: of both volumes something was copied since there was as much as before.
both_copied()
{
	local now

	mapfile -t now < <(vssctl status --json | json chunks_copied)
	((now[0] > before[0] && now[1] > before[1]))
}

ext4_images=() xfs_images=() xfs_ids=()
for _ in {1..10}; do
	snap "$ext4" "$xfs"
	mapfile -t before < <(vssctl status --json | json chunks_copied)
	ext4_images+=("${images[0]}")
	xfs_images+=("${images[1]}")
	xfs_ids+=("${ids[1]}")
	# Else the next one would be the same.
	wait_for 20 both_copied
done
kill -0 $fio || fail "fio has ended: $(<"$TEST_TMP/fio.log")"
kill "${loads[@]}" $fio
for load in "${loads[@]}"; do
	wait "$load" || fail "files has failed"
done
wait $fio || :

for i in "${!ext4_images[@]}"; do
	e2fsck -fn "${ext4_images[i]}" >"$TEST_TMP/fsck" 2>&1 || fail "set $i: $(<"$TEST_TMP/fsck")"
	dir=$(mount_tmp "${ext4_images[i]}" -o ro)
	expect_files "$dir" quiet
	umount "$dir"
	dir=$(mount_tmp "${xfs_images[i]}" -o ro,norecovery,nouuid)
	expect_files "$dir" quiet
	umount "$dir"
done
# Of XFS the log is to be replayed before it is checked. It takes its time, so not
# with all.
settle
for i in 0 4 9; do
	run_ok vssctl set-writable "${xfs_ids[i]}" on
	dir=$(mount_tmp "${xfs_images[i]}" -o nouuid)
	umount "$dir"
	xfs_repair -n "${xfs_images[i]}" >"$TEST_TMP/fsck" 2>&1 || fail "set $i: $(<"$TEST_TMP/fsck")"
done
umount "$ext4" "$xfs"
run_ok e2fsck -fn "$ext4_dev"
run_ok xfs_repair -n "$xfs_dev"

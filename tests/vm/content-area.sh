#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Wherever the diff area lies, images are right, and what lies beside it is left
# alone: files on ext4 and XFS, several parts, block devices, growing in use.

. "$(dirname "$0")/content-fs-lib.sh"

# used PART: prints how many bytes of a part are in use.
used()
{
	vssctl diff-area list --json "$dev" | json used | sed -n "$(($1 + 1))p"
}

load_vss
split "$(disk vd0)" 24M
dev=${parts[0]}
split "$(disk vd1)" 64M 64M 6M 48M
areas=("${parts[@]}")
run_ok mkfs.ext4 -q "${areas[0]}"
run_ok mkfs.xfs -q --unsupported "${areas[1]}"
ext4=$(mount_tmp "${areas[0]}")
xfs=$(mount_tmp "${areas[1]}")
fill "$dev"

# --- files on file systems that are busy themselves ------------------------------

files work "$ext4" 1 &
loads=($!)
files work "$xfs" 1 &
loads+=($!)
run_ok vssctl attach -q "$dev"
run_ok vssctl diff-area add -q "$dev" --file "$ext4/area" --size 8M
[[ $(vol "$dev" area_size) == $((8 << 20)) ]] || fail "the diff area has $(vol "$dev" area_size) bytes"
snap_busy "$dev"
first=("${images[0]}" "${copies[0]}")
churn --seed 1 --count 40 --max 512K --length 7M "$dev"
expect_same "file on ext4" "${first[@]}"
(($(used 0) > 0)) || fail "nothing is in the file"

# More room while it is needed.
run_ok vssctl diff-area grow -q "$dev" --size 24M
run_ok vssctl diff-area add -q "$dev" --file "$xfs/area" --size 24M
churn --seed 2 --count 0 --max 1M --jobs 2 "$dev" >"$TEST_TMP/churn" &
load=$!
sleep 1
snap_busy --no-freeze "$dev"
second=("${images[0]}" "${copies[0]}")
expect_same "grown" "${second[@]}"
kill $load
wait $load || fail "churn has failed"
# The second snapshot needs up to 24M beside the first one's.
run_ok vssctl diff-area add -q "$dev" --on "${areas[3]}"
fill "$dev" 99
expect_same "grown, first snapshot" "${first[@]}"
expect_same "grown, second snapshot" "${second[@]}"
vssctl diff-area list "$dev"
for part in 0 1 2; do
	(($(used $part) > 0)) || fail "nothing is in part $part"
done
settle
run_ok vssctl detach -q --force "$dev"
[[ ! -e $ext4/area && ! -e $xfs/area ]] || fail "the files were not removed"

# The file systems below have not been touched. What counts is not in the page
# cache.
kill "${loads[@]}"
for load in "${loads[@]}"; do
	wait "$load" || fail "files has failed"
done
umount "$ext4" "$xfs"
ext4=$(mount_tmp "${areas[0]}")
xfs=$(mount_tmp "${areas[1]}")
expect_files "$ext4" quiet
expect_files "$xfs" quiet
umount "$ext4" "$xfs"
run_ok e2fsck -fn "${areas[0]}"
run_ok xfs_repair -n "${areas[1]}"

# --- devices --------------------------------------------------------------------

track "$dev" "${areas[2]}"
run_ok vssctl diff-area add -q "$dev" --force --on "${areas[3]}"
take_copy "$dev" "$TEST_TMP/copy"
snap "$dev"
churn --seed 3 --count 100 --max 1M "$dev"
fill "$dev" 98
expect_same "two devices" "${images[0]}" "$TEST_TMP/copy"
for part in 0 1; do
	(($(used $part) > 0)) || fail "nothing is in part $part"
done
[[ $(vol "$dev" chunks_copied) == 1536 ]] || fail "not each chunk was copied once"
unsnap "${ids[0]}"
wait_for 20 area_empty "$dev"

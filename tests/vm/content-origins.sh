#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whole disks of each kind as volumes, under load of all ways without a file
# system: virtio, SCSI, NVMe, loop on tmpfs and loop on ext4.

. "$(dirname "$0")/content-lib.sh"

load_vss
# The disks are large: what lies beyond is read as zeroes by both.
length=$((20 << 20))
split "$(disk vd3)" 80M 80M 80M 80M 80M 40M
areas=("${parts[@]:0:5}")
mkfs.ext4 -q "${parts[5]}"
dir=$(mount_tmp "${parts[5]}")
fallocate -l 20M "$dir/loop"
# With a hole, for that is usual.
truncate -s 20M "$TEST_TMP/loop"
loop_ext4=$(losetup --find --show --direct-io=on "$dir/loop")
cleanup_push losetup -d "$loop_ext4"
loop_tmpfs=$(losetup --find --show "$TEST_TMP/loop")
cleanup_push losetup -d "$loop_tmpfs"

devs=("$(disk vd0)" "$(disk sd0)" "$(disk nvme0)" "$loop_tmpfs" "$loop_ext4")
# A read of a loop device would write back what is dirty in its page cache. Those
# of the disks have no other way in; they are written to past the cache.
operands=("${devs[@]:0:3}" "$loop_tmpfs=$TEST_TMP/loop:0" "$loop_ext4=$dir/loop:0")
loads=()
for i in "${!devs[@]}"; do
	churn --fill --seed "$i" --length $length "${devs[i]}"
	track "${devs[i]}" "${areas[i]}"
	ways=direct,vector,uring,dsync,flush,discard,zero
	((i < 3)) || ways+=,buffered,mmap,punch
	churn --seed "$i" --count 0 --max 1M --ways $ways --length $length "${devs[i]}" \
		>"$TEST_TMP/churn$i" &
	loads+=($!)
done

# All of them at one instant, twice.
for set in 1 2; do
	sleep 1
	snap_busy --no-freeze --length $length "${operands[@]}"
	# Those of the second set stay in images and copies.
	((set == 2)) || old_images=("${images[@]}") old_copies=("${copies[@]}")
	for i in "${!devs[@]}"; do
		expect_same "set $set, first read" "${images[i]}" "${copies[i]}" --length $length
	done
done
kill "${loads[@]}"
for i in "${!devs[@]}"; do
	wait "${loads[i]}" || fail "churn on ${devs[i]} has failed"
	cat "$TEST_TMP/churn$i"
	expect_copied "under load" "${devs[i]}" 0
	! same "${old_copies[i]}" "${copies[i]}" 2>/dev/null || fail "${devs[i]} did not change between the sets"
	churn --fill --seed 99 --length $length "${devs[i]}"
	expect_same "set 1, last read" "${old_images[i]}" "${old_copies[i]}" --length $length
	expect_same "set 2, last read" "${images[i]}" "${copies[i]}" --length $length
	settle
	run_ok vssctl delete -q --volume "${devs[i]}" --all
	run_ok vssctl detach -q "${devs[i]}"
done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The diff area in a file on the volume itself: where it lies images read as
# zeroes, everywhere else as the volume was; on ext4 and XFS.

. "$(dirname "$0")/content-fs-lib.sh"

# extents FILE: where it lies on its volume, in bytes, "START LENGTH".
extents()
{
	filefrag -b1024 -e "$1" |
		sed -nE 's/^ *[0-9]+: *[0-9]+\.\. *[0-9]+: *([0-9]+)\.\. *[0-9]+: *([0-9]+):.*/\1 \2/p' |
		while read -r start length; do
			echo $((start * 1024)) $((length * 1024))
		done
}

load_vss
split "$(disk vd0)" 96M 96M
head -c 20M /dev/urandom >"$TEST_TMP/random"

# try NAME MOUNT-OPTIONS-OF-AN-IMAGE VOLUME
try()
{
	local name=$1 ro=$2 dev=$3 dir load area image_dir zero=$TEST_TMP/zero.$1 first start length

	dir=$(mount_tmp "$dev")
	files work "$dir" 2 &
	load=$!
	# With nothing prepared a file on the volume is made.
	run_ok vssctl create -q "$dir" --diff-area-size 40M
	settle
	run_ok vssctl delete -q --volume "$dev" --all
	area=$(vssctl diff-area list --json "$dev" | json path)
	[[ $area == "$dir"/.vss/* ]] || fail "the diff area is $area"
	[[ $(vssctl diff-area list --json "$dev" | json same_volume) == true ]] ||
		fail "the diff area is not known to be on the volume"
	extents "$area" >"$zero"
	[[ $(awk '{ n += $2 } END { print n }' "$zero") == $((40 << 20)) ]] || fail "no extents: $(<"$zero")"
	snap_busy "$dev"
	expect_same "$name, first read" "${images[0]}" "${copies[0]}" --zero "$zero"
	first=$(sum "${images[0]}")
	image_dir=$(mount_tmp "${images[0]}" -o "$ro")
	expect_files "$image_dir" quiet
	umount "$image_dir"
	# As much again as there was.
	dd if="$TEST_TMP/random" of="$dir/large" bs=1M conv=fsync status=none
	rm "$dir/large"
	sleep 1
	expect_same "$name, later" "${images[0]}" "${copies[0]}" --zero "$zero"
	expect_sum "$name, later" "${images[0]}" "$first"
	expect_fail -s 4 vssctl diff-area grow "$dev" --size +4M
	expect_copied "$name" "$dev" 0

	kill $load
	wait $load || fail "files has failed"

	# What is written to an image where the diff area lies may be refused, but
	# must not vanish.
	settle
	run_ok vssctl set-writable "${ids[0]}" on
	read -r start length < <(sort -k 2 -n "$zero" | tail -n 1)
	head -c 65536 "$TEST_TMP/random" >"$TEST_TMP/piece"
	if dd if="$TEST_TMP/piece" of="${images[0]}" bs=64K seek=$((start + length / 2)) \
		oflag=direct,seek_bytes conv=notrunc; then
		dd if="${images[0]}" bs=64K count=1 skip=$((start + length / 2)) \
			iflag=direct,skip_bytes status=none | cmp - "$TEST_TMP/piece" ||
			fail "$name: what was written to the image was not kept"
	fi
	expect_files "$dir"
	run_ok vssctl detach -q --force "$dev"
	[[ ! -e $area ]] || fail "$area is there still"
	umount "$dir"
}

run_ok mkfs.ext4 -q "${parts[0]}"
try ext4 ro "${parts[0]}"
run_ok e2fsck -fn "${parts[0]}"
run_ok mkfs.xfs -q --unsupported "${parts[1]}"
try XFS ro,norecovery,nouuid "${parts[1]}"
run_ok xfs_repair -n "${parts[1]}"

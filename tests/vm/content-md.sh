#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A RAID1 as origin, written to without a file system and with ext4; and one of its
# members as origin, written to through the array.

. "$(dirname "$0")/content-lib.sh"

need mdadm
load_vss
split "$(disk vd0)" 24M
member=${parts[0]}
split "$(disk sd0)" 24M
other=${parts[0]}
split "$(disk vd1)" 120M 120M
run_ok mdadm --quiet --create /dev/md/content --run --level=1 --raid-devices=2 --metadata=1.2 \
	--assume-clean --bitmap=none "$member" "$other"
settle
md=$(readlink -f /dev/md/content)
# Both members have the same.
offset=$(mdadm --examine "$member" | awk '/Data Offset/ { print $4 }')
offset=$((offset + $(<"/sys/class/block/${member##*/}/start")))
below=$(disk vd0):$((offset * 512))
fill "$md"

# try WHAT VOLUME OPERAND [CHURN-OPTION]...
try()
{
	local what=$1 volume=$2 operand=$3 load before

	shift 3

	before=$(vol "$volume" chunks_copied)
	churn --seed 1 --count 0 --max 1M --jobs 2 "$@" "$md" >"$TEST_TMP/churn" &
	load=$!
	sleep 1
	snap_busy --no-freeze "$operand"
	expect_same "$what, first read" "${images[0]}" "${copies[0]}"
	sleep 1
	kill $load
	wait $load || fail "$what: churn has failed"
	cat "$TEST_TMP/churn"
	fill "$md" 99
	expect_same "$what, last read" "${images[0]}" "${copies[0]}"
	expect_copied "$what" "$volume" "$before"
	unsnap "${ids[0]}"
}

track "$md" "${parts[0]}"
try "the array" "$md" "$md=$below"

mkfs.ext4 -q "$md"
dir=$(mount_tmp "$md")
files work "$dir" 2 &
load=$!
sleep 1
snap_busy "$md=$below"
expect_same "the array with ext4, first read" "${images[0]}" "${copies[0]}"
sleep 1
kill $load
wait $load || fail "files has failed"
expect_same "the array with ext4, last read" "${images[0]}" "${copies[0]}"
image_dir=$(mount_tmp "${images[0]}" -o ro)
count=$(files check "$image_dir" quiet) || fail "files on the image are damaged"
((count > 0)) || fail "there are no files on the image"
umount "$image_dir" "$dir"
unsnap "${ids[0]}"
run_ok vssctl detach -q "$md"

track "$member" "${parts[1]}"
# No discards here: a hint that one member takes and the other does not leaves two
# mirrors that differ, and what is read depends on which one is asked.
try "a member" "$member" "$member" \
	--ways buffered,direct,vector,uring,mmap,dsync,flush,zero
run_ok vssctl detach -q "$member"

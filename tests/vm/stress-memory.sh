#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VM with little memory, whose swap is on a tracked disk: a program has more in use than
# there is room for, so that whoever needs memory, the module included, gets it by writes
# that have to be copied for first. It goes on, the program finds what it has written,
# and images of the swap and of a volume that is written to are right; none is lost. In the
# long form for longer.
# vm: mem=320

. "$(dirname "$0")/content-lib.sh"
. "$(dirname "$0")/set-lib.sh"

# A busy host may leave a disk without an answer for longer than the module would wait; here
# a standstill is found by what does not get ready.
load_vss stall_seconds=300
swap=$(disk vd0)
split "$(disk vd1)" 8M 400M 80M
dev=${parts[0]}
# A whole disk and a partition
track "$swap" "${parts[1]}"
track "$dev" "${parts[2]}" --copy-memory 1M
run_ok mkswap -q "$swap"
run_ok swapon "$swap"
cleanup_push eval "swapoff $swap 2>/dev/null || :"
# Of the swap only the start is copied at an instant; to a disk that is not tracked, for in
# memory there may be no room before swap is written, and that waits for the instant's end.
length=$((4 << 20))
run_ok mkfs.ext4 -q "$(disk vd2)"
copies_dir=$(mount_tmp "$(disk vd2)")

available()
{
	awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo
}

churn --fill --seed 1 "$dev"
there=$(available)
# The debug kernel's VM has more, and would be at it for long.
((there < 600)) || skip "$there MiB are not little"
echo "$there MiB are available; $((there + 60)) are used"
hog $((there + 60)) 7 >"$TEST_TMP/hog" &
hog=$!
cleanup_push stop $hog
ready()
{
	kill -0 "$hog" || fail "hog has ended"
	grep -q ready "$TEST_TMP/hog"
}
# With a snapshot of the swap from the start, each page that goes there is copied for.
snap --no-freeze "$swap"
first=${ids[0]}
wait_for 120 ready
(($(vol "$swap" chunks_copied) > 100)) || fail "nothing is swapped out"
# Nothing was lost for want of memory, which is what there is least of.
alive()
{
	[[ $(snapshot_field "$1" state) == alive ]] ||
		fail "a snapshot is lost: $(snapshot_field "$1" lost_reason), $(vol "$swap" area_used) bytes of the area are in use"
}
alive "$first"
unsnap "$first"

# right WHEN: both images are what the volumes were.
right()
{
	local i

	for i in 0 1; do
		alive "${ids[i]}"
		expect_same "$1" "${images[i]}" "${copies[i]}" --length $length
		alive "${ids[i]}"
	done
}

rounds=${LONG:+30}
for ((i = 0; i < ${rounds:-1}; i++)); do
	churn --count 0 --seed $i --max 256K "$dev" >"$TEST_TMP/churn" &
	load=$!
	sleep 1
	before=$(vol "$swap" chunks_copied)
	snap_busy --no-freeze --length $length "$swap" "$dev"
	right 'first read'
	sleep 2
	kill $load
	wait $load || fail "churn has failed"
	churn --fill --seed $i "$dev"
	right 'last read'
	expect_copied "swap" "$swap" "$before"
	expect_copied "beside swap" "$dev" 0
	unsnap "${ids[@]}"
	rm "${copies[@]}"
done
kill $hog
wait $hog || fail "hog has found other content than it had written"
tail -n 1 "$TEST_TMP/hog"
run_ok swapoff "$swap"

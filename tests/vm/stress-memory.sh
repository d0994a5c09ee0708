#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VM with little memory, whose swap is on a tracked disk: a program has more in use than
# there is room for, so that whoever needs memory, the module included, gets it by writes
# that have to be copied for first. It goes on, the program finds what it has written,
# and images of the swap and of a volume that is written to are right, or lost and told to be;
# but not all of them. In the long form for longer.
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
# kept ID IMAGE: the snapshot is there; 1: it is lost for want of memory, which is what there
# is least of, and cannot be read.
kept()
{
	[[ $(snapshot_field "$1" state) != alive ]] || return 0
	[[ $(snapshot_field "$1" lost_reason) == no-memory ]] ||
		fail "a snapshot is lost: $(snapshot_field "$1" lost_reason), $(vol "$swap" area_used) bytes of the area are in use"
	! dd if="$2" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || fail "what is lost can be read"
	echo "a snapshot is lost for want of memory"
	return 1
}
kept "$first" "${images[0]}" || :
unsnap "$first"

# right WHEN: both images are what the volumes were, or one of the snapshots is lost.
right()
{
	local i

	for i in 0 1; do
		same --length $length "${images[i]}" "${copies[i]}" || {
			! kept "${ids[i]}" "${images[i]}" || fail "$1: ${images[i]} is not what the volume was"
			return 1
		}
	done
	echo "$1: the images are as the volumes were"
}

# round N: 1 if a snapshot was lost.
round()
{
	local load before kept=0

	churn --count 0 --seed "$1" --max 256K "$dev" >"$TEST_TMP/churn" &
	load=$!
	sleep 1
	before=$(vol "$swap" chunks_copied)
	snap_busy --no-freeze --length $length "$swap" "$dev"
	right 'first read' || kept=1
	sleep 2
	kill $load
	wait $load || fail "churn has failed"
	churn --fill --seed "$1" "$dev"
	((kept)) || right 'last read' || kept=1
	if ((kept == 0)); then
		expect_copied "swap" "$swap" "$before"
		expect_copied "beside swap" "$dev" 0
	fi
	unsnap "${ids[@]}"
	rm "${copies[@]}"
	return $kept
}

rounds=${LONG:+30}
good=0
for ((i = 0; i < 2 * ${rounds:-1} + 2 && good < ${rounds:-1}; i++)); do
	! round $i || good=$((good + 1))
done
((good == ${rounds:-1})) || fail "in $((i - good)) of $i rounds a snapshot was lost for want of memory"
kill $hog
wait $hog || fail "hog has found other content than it had written"
tail -n 1 "$TEST_TMP/hog"
run_ok swapoff "$swap"

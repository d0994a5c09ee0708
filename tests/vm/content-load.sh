#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Images of a volume that is written to all the time in all ways at once are what
# the volume was at each instant, whenever they are read.
# vm: thread=multi

. "$(dirname "$0")/content-lib.sh"

load_vss
split "$(disk vd0)" 48M
dev=${parts[0]}
fill "$dev"
track "$dev" "$(disk vd1)"

before=$(vol "$dev" chunks_copied)
churn --seed 1 --count 0 --max 1M --jobs 3 "$dev" >"$TEST_TMP/churn" &
load=$!
all_images=() all_copies=()
for i in 1 2 3 4; do
	sleep 1
	kill -0 $load || fail "churn has ended"
	snap_busy --no-freeze "$dev"
	all_images+=("${images[0]}")
	all_copies+=("${copies[0]}")
	expect_same "snapshot $i, first read" "${images[0]}" "${copies[0]}"
	# Once more, while the chunks not read yet are being overwritten.
	expect_same "snapshot $i, second read" "${images[0]}" "${copies[0]}"
done
for ((i = 0; i < 3; i++)); do
	! same "${all_copies[i]}" "${all_copies[i + 1]}" 2>/dev/null ||
		fail "nothing was written between snapshots $((i + 1)) and $((i + 2))"
done
kill $load
wait $load || fail "churn has failed"
cat "$TEST_TMP/churn"
expect_copied "under load" "$dev" "$before"
expect_changed "under load" "$dev" "${all_copies[3]}"

# Every chunk of the volume gets new content.
fill "$dev" 99
for ((i = 0; i < 4; i++)); do
	expect_same "snapshot $((i + 1)), last read" "${all_images[i]}" "${all_copies[i]}"
done

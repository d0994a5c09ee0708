#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 1, 8 and 64 snapshots of a volume that is being written to: each keeps what it
# has, whichever of the others are deleted and in whatever order, and the last one
# leaves nothing behind in the diff area. In the long form also 512.
# vm: thread=multi

. "$(dirname "$0")/content-lib.sh"

# To be given anew for the same order of deletion.
RANDOM=${SEED:-2}

load_vss
# What is compared with lies in memory.
size=${LONG:+1M}
split "$(disk vd0)" "${size:-3M}"
dev=${parts[0]}
fill "$dev"
track "$dev" "$(disk vd1)" --chunk-size 4K

# udev would look at each image, which takes longer than everything else here.
udevadm control --stop-exec-queue
cleanup_push udevadm control --start-exec-queue

# Few and small writes between two snapshots, so that some copies serve several.
churn --seed 7 --count 0 --pause 25 --max 64K --chunk 4K "$dev" >"$TEST_TMP/churn" &
load=$!

declare -A image_of copy_of

# check ID...: compares these snapshots.
check()
{
	local id args=()

	for id; do
		args+=("${image_of[$id]}" "${copy_of[$id]}")
	done
	same "${args[@]}" || fail "a snapshot is not what the volume was"
}

# round N ORDER STEP: N snapshots, deleted STEP by STEP, compared in between.
round()
{
	local n=$1 order=$2 step=$3 i alive=() gone pick before

	before=$(vol "$dev" chunks_copied)
	for ((i = 0; i < n; i++)); do
		snap_busy --no-freeze "$dev"
		alive+=("${ids[0]}")
		image_of[${ids[0]}]=${images[0]}
		copy_of[${ids[0]}]=${copies[0]}
	done
	[[ $(vol "$dev" snapshots) == "$n" ]] || fail "there are not $n snapshots"
	check "${alive[@]}"
	while ((${#alive[@]})); do
		gone=()
		for ((i = 0; i < step && ${#alive[@]}; i++)); do
			case $order in
			oldest) pick=0 ;;
			newest) pick=$((${#alive[@]} - 1)) ;;
			middle) pick=$((${#alive[@]} / 2)) ;;
			random) pick=$((RANDOM % ${#alive[@]})) ;;
			esac
			gone+=("${alive[pick]}")
			rm "${copy_of[${alive[pick]}]}"
			unset "alive[pick]"
			alive=("${alive[@]}")
		done
		vssctl delete -q "${gone[@]}" || fail "cannot delete ${gone[*]}"
		((${#alive[@]} == 0)) || check "${alive[@]}"
	done
	kill -0 $load || fail "churn has ended"
	expect_copied "$n snapshots" "$dev" "$before"
	echo "$n snapshots, $order first: $copied chunks copied, $(vol "$dev" area_used) bytes left"
	wait_for 10 area_empty "$dev"
}

round 1 oldest 1
round 8 oldest 3
round 8 newest 3
round 8 middle 3
round 64 random 9
rounds=89
if [[ ${LONG:-} ]]; then
	round 512 random 61
	rounds=$((rounds + 512))
fi
kill $load
wait $load || fail "churn has failed"
cat "$TEST_TMP/churn"
[[ $(vol "$dev" epoch) == "$rounds" ]] || fail "the snapshots were not counted"

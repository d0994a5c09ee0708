#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A diff area that is too small: the oldest snapshot goes first, younger ones
# stay right, and the origin does not notice. Room given in time saves them.

. "$(dirname "$0")/area-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 64
parts "$areas" 12 12 64
volume=$(part "$disk" 1)
load_vss
watch_events

chunks=$((64 * 1024 / 16))
# Used by overwrite.
# shellcheck disable=SC2034
write_size=64k

# is_lost ID: it gives errors and nothing else.
is_lost()
{
	[[ $(snapshot_field "$1" state) == lost ]] || return 1
	[[ $(snapshot_field "$1" lost_reason) == area-full ]] ||
		fail "lost for another reason: $(snapshot_field "$1" lost_reason)"
	! dd if="$(image "$1")" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$TEST_TMP/dd" ||
		fail "the image of a lost snapshot can be read"
	grep -q "Input/output error" "$TEST_TMP/dd" || fail "not an I/O error: $(<"$TEST_TMP/dd")"
}

fill "$volume"
dd if="$volume" of="$TEST_TMP/model" bs=1M iflag=direct status=none
track "$volume" "$(part "$areas" 1)"

echo "--- the oldest goes first"
declare -a snap sum
for i in 0 1 2 3; do
	snap[i]=$(create "$volume")
	sum[i]=$(raw_sha "$volume")
	overwrite $((i * 200)) 200
done
# 800 chunks do not fit into 768 slots: what only the first one needs goes.
wait_for 5 is_lost "${snap[0]}"
expect_event snapshot-lost "${snap[0]}" area-full
for i in 1 2 3; do
	[[ $(snapshot_field "${snap[i]}" state) == alive ]] || fail "snapshot $i is lost too"
	expect_sha "snapshot $i" "$(image "${snap[i]}")" "${sum[i]}"
done
origin_right
(($(volume_field "$volume" area_used) <= 12 << 20)) || fail "more is used than there is"

echo "--- one after the other, under load"
bg load fio --name=load --filename="$volume" --direct=1 --rw=randwrite --bs=16k --iodepth=8 \
	--ioengine=libaio --size=64M --verify=crc32c --verify_fatal=1 --output="$TEST_TMP/load.log"
for i in 1 2; do
	wait_for 20 is_lost "${snap[i]}"
	for ((j = i + 1; j < 4; j++)); do
		expect=$(snapshot_field "${snap[j]}" state)
		# Nobody goes before its elders.
		[[ $expect == alive || $j == 3 || $(snapshot_field "${snap[j - 1]}" state) == lost ]] ||
			fail "snapshot $j went before $((j - 1))"
	done
done
wait_for 20 is_lost "${snap[3]}"
# It reads back all that it has written.
expect_over 30000 load
for i in 1 2 3; do
	expect_event snapshot-lost "${snap[i]}" area-full
done
lost=$(grep snapshot-lost "$TEST_TMP/events" | json snapshot | tr '\n' ' ')
[[ $lost == "${snap[*]} " ]] || fail "lost in this order: $lost"
wait_for 20 area_empty "$volume"
settle
run_ok vssctl delete --quiet "${snap[@]}"
dd if="$volume" of="$TEST_TMP/model" bs=1M iflag=direct status=none

echo "--- full to the last slot"
snap=("$(create "$volume")")
sum=("$(raw_sha "$volume")")
slots=$(($(volume_field "$volume" area_size) / 16384))
overwrite 0 $slots
expect_event area-low
[[ $(snapshot_field "${snap[0]}" state) == alive ]] || fail "lost too early"
[[ $(volume_field "$volume" area_used) == $((slots * 16384)) ]] || fail "not all room is used"
expect_fail -s 6 -m "diff area is full" vssctl create "$volume"
expect_sha "full" "$(image "${snap[0]}")" "${sum[0]}"
# What is copied can be written again and again.
overwrite 0 $slots
expect_sha "full, again" "$(image "${snap[0]}")" "${sum[0]}"
origin_right

echo "--- growth in use saves it"
run_ok vssctl diff-area grow "$volume" --on "$(part "$areas" 2)"
overwrite $slots $((slots - 8))
[[ $(snapshot_field "${snap[0]}" state) == alive ]] || fail "lost in spite of the growth"
expect_sha "after the growth" "$(image "${snap[0]}")" "${sum[0]}"
origin_right
settle
run_ok vssctl delete --quiet "${snap[0]}"
wait_for 20 area_empty "$volume"
vssctl detach --quiet "$volume"

echo "--- files that grow by themselves"
store=$(part "$areas" 3)
run_ok mkfs.ext4 -q "$store"
store_dir=$(mount_tmp "$store")
vssctl attach --quiet "$volume"
vssctl diff-area add --quiet "$volume" --file "$store_dir" --size 12M
vssctl events --auto-grow 8M,40M >"$TEST_TMP/grow" 2>&1 &
grower=$!
cleanup_push stop $grower
wait_for 10 _polls $grower
snap=("$(create "$volume")")
sum=("$(raw_sha "$volume")")
# has_room: it is not low, which is for more than is written next, or it has its most size.
has_room()
{
	local state size used low

	state=$(vssctl status --json "$volume")
	size=$(json area_size <<<"$state")
	used=$(json area_used <<<"$state")
	low=$(json low_water <<<"$state")
	((low >= 128 * 16384)) || fail "$low is not enough for what is written next"
	((size - used >= low || size > 39 << 20))
}
for ((i = 0; i < 2048; i += 128)); do
	wait_for 60 has_room
	overwrite $i 128
done
cat "$TEST_TMP/grow"
size=$(volume_field "$volume" area_size)
((size >= 32 << 20)) || fail "the diff area has only grown to $size"
[[ $(snapshot_field "${snap[0]}" state) == alive ]] || fail "lost in spite of --auto-grow"
expect_sha "after growing by itself" "$(image "${snap[0]}")" "${sum[0]}"
origin_right
for ((i = 2048; i < chunks; i += 128)); do
	overwrite $i 128
done
wait_for 5 is_lost "${snap[0]}"
size=$(volume_field "$volume" area_size)
origin_right
stop $grower
settle
run_ok vssctl detach --force "$volume"
[[ ! $(find "$store_dir" -name '*.diff') ]] || fail "files are left: $(ls -R "$store_dir")"
((size <= 40 << 20)) || fail "the diff area has grown beyond its limit of 40M, to $size"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# When no snapshot of a volume is left nothing is handed down any more: the copies of all are
# dropped at once, by a deletion of the last one, by a loss, and by a detach, also while
# others are made. The room in the diff area and the memory come back, to the last slot.
#
# QEMU with more than one thread may run stale code when the probe is patched in.
# vm: thread=single

. "$(dirname "$0")/content-lib.sh"

tracing=/sys/kernel/tracing
if [[ ! -e $tracing/kprobe_events ]]; then
	run_ok mount -t tracefs tracefs $tracing
	cleanup_push umount $tracing
fi
split "$(disk vd0)" 16M
dev=${parts[0]}
split "$(disk vd1)" 100M 4M
areas=("${parts[@]}")
run_ok dmsetup create area --table "0 $((100 << 11)) linear ${areas[0]} 0"
cleanup_push dmsetup remove area
cleanup_push dmsetup resume area
areas[0]=/dev/mapper/area
fill "$dev"
load_vss
echo 'p:vss_handed vss_map_hand_down' >>$tracing/kprobe_events
cleanup_push eval "echo -:vss_handed >>$tracing/kprobe_events"
# Not before the probe is off.
cleanup_push eval "echo 0 >$tracing/events/kprobes/vss_handed/enable"
echo 1 >$tracing/events/kprobes/vss_handed/enable

# handed: how often a record was looked at for who inherits it.
handed()
{
	awk '$1 == "vss_handed" { print $2 }' $tracing/kprobe_profile
}

# load N: scattered blocks, each copied for by itself.
load()
{
	fio --name=load --filename="$dev" --direct=1 --rw=randwrite --bs=4k --ioengine=libaio --iodepth=8 \
		--number_ios="$1" --randseed="$RANDOM" --output="$TEST_TMP/fio.log" ||
		{ cat "$TEST_TMP/fio.log"; fail "fio"; }
}

# some COUNT: as many snapshots, with copies of each; the first is compared.
some()
{
	local i

	all=()
	take_copy "$dev" "$TEST_TMP/copy"
	for ((i = 0; i < $1; i++)); do
		snap --no-freeze "$dev"
		all+=("${ids[0]}")
		((i)) || first=${images[0]}
		load 300
	done
	expect_same "$1 snapshots" "$first" "$TEST_TMP/copy"
}

is_empty()
{
	[[ $(vol "$dev" area_used) == 0 ]] && (($(vol "$dev" memory) < idle + (16 << 10)))
}

# nothing_left WHAT: the room and the memory are back, and nothing was handed down.
nothing_left()
{
	wait_for 20 is_empty
	[[ $(handed) == "$before" ]] || fail "$1: $(($(handed) - before)) records were handed down"
	echo "$1: nothing is left"
}

# look_idle: sets idle to the memory of a volume that has had snapshots. What it keeps of
# writes to all of it is not the map's.
look_idle()
{
	some 1
	unsnap "${all[@]}"
	sleep 4
	idle=$(vol "$dev" memory)
}

track "$dev" "${areas[0]}" --chunk-size 4K
look_idle

some 4
before=$(handed)
unsnap "${all[1]}"
(($(handed) > before + 100)) || fail "the probe does not work: $(cat $tracing/kprobe_profile)"
expect_same "one deleted" "$first" "$TEST_TMP/copy"
unsnap "${all[2]}" "${all[3]}"
expect_same "the oldest is left" "$first" "$TEST_TMP/copy"
before=$(handed)
unsnap "${all[0]}"
nothing_left "the last one deleted"

# Copies are on their way when it goes: their slots stay taken until they have come there.
snap --no-freeze "$dev"
run_ok dmsetup suspend --nolockfs --noflush area
load 200
unsnap --quiet "${ids[0]}"
(($(vol "$dev" area_used) > 100 << 12)) || fail "slots are free that are being written"
take_copy "$dev" "$TEST_TMP/copy"
snap --no-freeze "$dev"
load 200
run_ok dmsetup resume area
settle
expect_same "copies beside those of a deleted one" "${images[0]}" "$TEST_TMP/copy"
unsnap "${ids[0]}"
nothing_left "deleted while the area did not answer"

for i in 1 2 3; do
	snap --no-freeze "$dev"
	start_load "$dev" churn --seed $i --count 0 --max 64K --chunk 4K "$dev" >"$TEST_TMP/churn"
	sleep 1
	settle
	unsnap "${ids[0]}"
	kill $load
	wait $load || fail "churn has failed"
done
nothing_left "deleted under load"

some 3
start_load "$dev" churn --seed 9 --count 0 --max 64K --chunk 4K "$dev" >"$TEST_TMP/churn"
settle
run_ok vssctl detach -q --force "$dev"
kill $load
wait $load || fail "churn has failed"
[[ $(handed) == "$before" ]] || fail "by a detach $(($(handed) - before)) records were handed down"

# The area is full: the last one is lost.
track "$dev" "${areas[1]}" --chunk-size 4K
look_idle
snap --no-freeze "$dev"
load 3000
is_lost()
{
	[[ $(vssctl show --json "${ids[0]}" | json state) == lost ]]
}
wait_for 10 is_lost
nothing_left "lost"
unsnap "${ids[0]}"
run_ok vssctl detach -q "$dev"

echo "--- a persistent area"
run_ok vssctl attach -q --chunk-size 4K "$dev"
run_ok vssctl diff-area add -q --force "$dev" --on "${areas[0]}" --persistent
some 3
settle
run_ok vssctl detach -q "$dev"
[[ $(handed) == "$before" ]] || fail "by a detach $(($(handed) - before)) records were handed down"
run_ok vssctl attach -q --chunk-size 4K "$dev"
run_ok vssctl diff-area load -q "$dev" "${areas[0]}"
settle
# What a load takes as well: safe bits, and a bit for each slot that was seen.
idle=$((idle + (16 << 10)))
mapfile -t images < <(vssctl list --json | json device | grep '^/dev/vss')
expect_same "loaded again" "${images[0]}" "$TEST_TMP/copy"
unsnap "${all[1]}" "${all[2]}"
before=$(handed)
unsnap "${all[0]}"
nothing_left "the last one of a persistent area"
run_ok vssctl detach -q "$dev"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many persistent snapshots, made and deleted at random while fio writes: room in use
# is what the offline reader counts, at any time, the room and the memory of deleted ones
# come back, and images are right, also when the area was loaded again. The log changes its
# halves when there is no snapshot. LONG=1: up to 512
# for an hour; else up to 16. SEED=N repeats what was drawn.
# vm: timeout=600

. "$(dirname "$0")/persist-lib.sh"

seed=${SEED:-$RANDOM}
RANDOM=$seed
most=16 steps=30 reload=20 room=64M rate=20 burst=50
# So that the room is enough: 512 copies of the whole volume are not.
[[ ! ${LONG:-} ]] || most=512 steps=100000 reload=300 room=900M rate=5 burst=20
echo "seed $seed, up to $most snapshots"
split "$(disk vd0)" 4M
volume=${parts[0]}
split "$(disk vd1)" 64M $room
areas=("${parts[@]}")
area=${areas[0]}
fio=''
dd if=/dev/urandom of="$volume" bs=1M count=4 status=none oflag=direct || fail "cannot fill $volume"
# free_memory: KiB, what can be had again included.
free_memory()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "MemFree:" { print $2 }' /proc/meminfo
}

free=$(free_memory)
load_vss

# begin_area AREA: it is the diff area now.
begin_area()
{
	area=$1
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
}

writes_done()
{
	awk '{ print $5 }' "/sys/class/block/${volume##*/}/stat"
}

begin_fio()
{
	local before

	before=$(writes_done)
	fio --name=load --filename="$volume" --rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=4 \
		--rate_iops=$rate --time_based --runtime=7200 --thread --randrepeat=0 --eta=never >"$TEST_TMP/fio" 2>&1 &
	fio=$!
	wait_for 60 eval "((\$(writes_done) > $before))"
}

end_fio()
{
	kill -INT $fio
	wait $fio || :
	grep 'err= 0' "$TEST_TMP/fio" >/dev/null || { cat "$TEST_TMP/fio"; fail 'the program that writes has failed'; }
}

# is_still: nothing is in flight.
is_still()
{
	[[ ! $(tr -d ' 0\n' <"/sys/class/block/${volume##*/}/inflight") ]]
}

# take_busy: as take, while fio writes.
take_busy()
{
	snap_busy "$volume"
	sums+=("$(digest <"${copies[0]}")")
	names+=("${ids[0]}")
	rm "${copies[0]}"
}

# account WHEN: module and offline reader agree; fio pauses.
account()
{
	local used size

	[[ ! $fio ]] || { kill -STOP $fio; wait_for 20 is_still; }
	blockdev --flushbufs "$area"
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" ||
		{ cat "$TEST_TMP/check.json"; fail "$1: the area is not sound"; }
	used=$(json used <"$TEST_TMP/check.json" | sed -n 1p)
	size=$(json size <"$TEST_TMP/check.json" | sed -n 1p)
	[[ $(vol "$volume" area_used) == "$used" ]] ||
		fail "$1: $(vol "$volume" area_used) bytes in use, offline $used"
	[[ $(vol "$volume" area_size) == "$size" ]] ||
		fail "$1: room for $(vol "$volume" area_size) bytes, offline $size"
	[[ ! $fio ]] || kill -CONT $fio
	((${#names[@]} == 0)) || [[ $(vssctl list --json | json state | sort -u) == alive ]] ||
		fail "$1: lost with $used bytes of $size in use: $(vssctl list --json | json lost_reason | sort | uniq -c)"
}

# some WHEN: a snapshot drawn at random is right.
some()
{
	local i=$((RANDOM % ${#names[@]})) device

	device=$(image $i)
	[[ $(sum "$device") == "${sums[$i]}" ]] || fail "$1: snapshot $i of ${#names[@]} is wrong"
}

# blocks: how long the log is.
blocks()
{
	blockdev --flushbufs "$area"
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json"
	json blocks <"$TEST_TMP/check.json" | sed -n 1p
}

# chunks FIRST COUNT: as many writes one after the other, a log block each.
chunks()
{
	dd if=/dev/urandom of="$volume" bs=16k seek="$1" count="$2" iflag=fullblock oflag=direct conv=notrunc status=none
}

in_other_half()
{
	local n

	n=$(blocks) && ((n < 300 && $(json half <"$TEST_TMP/check.json" | sed -n 1p) == 1))
}

# A half has 512 blocks in an area of 64 MiB. The deletion of the last snapshot is what fills three
# quarters of it, so the other half has nothing to tell.
begin_area "${areas[0]}"
take "$volume"
chunks 0 256
drop 0
take "$volume"
chunks 0 100
n=100
# At rest, so that a slow machine adds no block before the deletion: one chunk makes two of them,
# its own and one that bears witness for it, or more if the next takes longer than a second.
for ((round = 0; round < 30; round++)); do
	log_rests
	left=$((383 - $(blocks)))
	((left > 0)) || break
	# It may come late.
	((left > 1)) || continue
	count=$((left > 6 ? left / 2 : left % 2 + 1))
	chunks $n $count
	n=$((n + count))
done
((left == 0)) || fail "the log has $((383 - left)) blocks instead of 383"
drop 0
wait_for 20 in_other_half
take "$volume"
writes "$volume" 20
compare 'after a change of halves with nothing to tell'
drop 0
settle
run_ok vssctl detach -q "$volume"

begin_area "${areas[1]}"

load_area()
{
	settle
	run_ok vssctl detach -q "$volume"
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "$volume" "$area"
	settle
}

made=0 deleted=0 highest=0 chance=9
begin_fio
for ((n = 1; (n <= steps && SECONDS < 3600) || highest < most; n++)); do
	# First up to the most.
	((highest < most)) || chance=5
	if ((${#names[@]} < 2 || ${#names[@]} < most && RANDOM % 10 < chance)); then
		take_busy
		writes "$volume" $((RANDOM % burst + 1)) $((RANDOM % 2 ? 32 : 1)) >"$TEST_TMP/writes"
		made=$((made + 1))
	else
		drop $((RANDOM % ${#names[@]}))
		deleted=$((deleted + 1))
	fi
	((${#names[@]} <= highest)) || highest=${#names[@]}
	((n % 10)) || { account "step $n"; some "step $n"; }
	((n % 100)) || echo "step $n: ${#names[@]} snapshots, $(vol "$volume" area_used) bytes in use"
	if ((n % reload == 0)); then
		end_fio
		load_area
		begin_fio
		account "loaded in step $n"
		some "loaded in step $n"
	fi
done
end_fio
fio=''
((highest >= most)) || fail "there were $highest snapshots at most"
echo "$made made, $deleted deleted, $highest at once; $(vol "$volume" area_used) bytes in use, $(vol "$volume" chunks_copied) chunks copied since it was loaded"
for ((n = 0; n < 5; n++)); do
	some 'at the end'
done
unsnap "${names[@]}"
names=() sums=()
account 'without snapshots'
(($(vol "$volume" area_used) == 0)) || fail "$(vol "$volume" area_used) bytes in use without a snapshot"
memory=$(vol "$volume" memory)
load_area
# Some pages are kept for a while.
((memory <= $(vol "$volume" memory) + (64 << 10))) ||
	fail "$memory bytes of memory are in use without a snapshot, after the area is loaded again $(vol "$volume" memory)"
run_ok vssctl detach -q "$volume"
run_ok rmmod vss
free=$((free - $(free_memory)))
((free < 24 << 10)) || fail "$free KiB of memory have gone"
load_vss

# A crash in the middle of a change of halves, with the new one nearly full: what goes on
# with it must not keep the unfinished snapshot from being deleted, nor the area from
# being changed to its other half for that.
area=${areas[0]}
half-told "$area" "$(blockdev --getsize64 "$volume")" || fail "cannot make the area"
blockdev --flushbufs "$area"
run_ok vssctl attach -q "$volume"
vssctl diff-area load -q --unclean "$volume" "$area" &
loader=$!
wait_for 20 eval "[[ ! -e /proc/$loader || \$(</proc/$loader/stat) == *') Z '* ]]"
wait $loader || fail "the area cannot be loaded"
settle
[[ $(vssctl list --json | json state) == alive ]] || { vssctl list; fail "not one snapshot alive"; }
mapfile -t names < <(vssctl list --json | json id)
sums=("$(sum "$volume")")
writes "$volume" 20
compare 'after a change of halves that a crash cut off'
unsnap "${names[@]}"
run_ok vssctl detach -q "$volume"

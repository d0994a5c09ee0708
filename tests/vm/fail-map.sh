#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# There is no memory for the chunk map, and what it keeps for that is used up. If some comes
# before long no snapshot is lost and images are right, also of a persistent diff area that
# is loaded again; else they are lost and told to be. Writes to the volume go on either
# way, and nothing is left behind.
#
# QEMU with more than one thread may run stale code when the probe is patched in.
# vm: thread=single timeout=600

. "$(dirname "$0")/persist-lib.sh"

helper=$VSS_SRC/build/kmod-$(uname -r)/tests/no_memory.ko
[[ -e $helper ]] || fail "$helper was not built"
parameters=/sys/module/no_memory/parameters
# Pages that the map has in reserve, and more blocks than that is good for.
reserve=128
many=5500
split "$(disk vd0)" 32M
volume=${parts[0]}
split "$(disk vd1)" 100M
area=${parts[0]}
fill "$volume"
load_vss
read -r _ size _ _ _ base _ < <(grep '^vss ' /proc/modules)
run_ok insmod "$helper" "base=$base" "size=$size"
cleanup_push rmmod no_memory

# refuse TIMES: whoever cannot sleep gets no page so often, -1: never; those who can get none
# as long either.
refuse()
{
	echo 0 >$parameters/refused
	echo "$1" >$parameters/times
}

# load COUNT DEPTH [FIO-OPTION]...: scattered blocks are written, which need a record each.
load()
{
	fio --name=load --filename="$volume" --direct=1 --rw=randwrite --bs=4k --ioengine=libaio --iodepth="$2" \
		--number_ios="$1" --randseed="$RANDOM" --output="$TEST_TMP/fio.log" "${@:3}" ||
		{ cat "$TEST_TMP/fio.log"; fail "a write to the volume failed, or what was written is not there"; }
}

begin()
{
	run_ok vssctl attach -q --chunk-size 4K "$volume"
	run_ok vssctl diff-area add -q --force "$volume" --on "$area" "$@"
	idle=$(vol "$volume" memory)
}

# A map of 6000 records takes a quarter of a MiB; what stays is not the map's.
is_idle()
{
	(($(vol "$volume" memory) < idle + (64 << 10))) && [[ $(vol "$volume" area_used) == 0 ]]
}

# nothing_kept: without snapshots the map has given back all.
nothing_kept()
{
	wait_for 20 is_idle
}

# snap_now: a snapshot, and what its image must be.
snap_now()
{
	take_copy "$volume" "$TEST_TMP/copy"
	snap "$volume"
	image=${images[0]}
}

# short DEPTH: no memory until the reserve is empty and copies have come again, a lone one
# some 60 times, which is not for too long.
short()
{
	snap_now
	refuse $((reserve + 60))
	load $many "$1"
	[[ $(<$parameters/times) == 0 ]] || fail "only $(<$parameters/refused) pages were refused"
	[[ $(snapshot_state) == alive ]] || fail "lost: $(vssctl list)"
	expect_same "refused $(<$parameters/refused) times, $1 at once" "$image" "$TEST_TMP/copy"
}

snapshot_state()
{
	vssctl show --json "${ids[0]}" | json state
}

# for_ever: no memory, however long copies wait for it.
for_ever()
{
	snap_now
	refuse -1
	load $many 16 --verify=crc32c --verify_fatal=1
	[[ $(snapshot_state) == lost ]] || fail "not lost, with $(<$parameters/refused) pages refused"
	[[ $(vssctl show --json "${ids[0]}" | json lost_reason) == no-memory ]] || fail "lost for another reason"
	! dd if="$image" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || fail "what is lost can be read"
	echo "refused $(<$parameters/refused) times: lost, and the volume has what was written to it"
}

echo "--- a volatile area"
begin
short 1
unsnap "${ids[0]}"
nothing_kept
short 16
unsnap "${ids[0]}"
nothing_kept
for_ever
# There is none still: without a snapshot there is nothing to have memory for.
load 500 8
refuse 0
unsnap "${ids[0]}"
nothing_kept
snap_now
load 500 16
expect_same "with memory again" "$image" "$TEST_TMP/copy"
unsnap "${ids[0]}"
nothing_kept

echo "--- detached while copies wait for memory"
snap_now
settle
refuse -1
load $many 16 &
load=$!
reserve_is_empty()
{
	(($(<$parameters/refused) > reserve))
}
wait_for 60 reserve_is_empty
run_ok vssctl detach -q --force "$volume"
wait $load || fail "a write to the volume failed"
refuse 0

echo "--- a persistent area"
begin --persistent
short 16
settle
run_ok vssctl detach -q "$volume"
run_ok vssctl attach -q --chunk-size 4K "$volume"
run_ok vssctl diff-area load -q "$volume" "$area"
settle
mapfile -t images < <(vssctl list --json | json device | grep '^/dev/vss')
expect_same "loaded again" "${images[0]}" "$TEST_TMP/copy"
unsnap "${ids[0]}"
nothing_kept
for_ever
refuse 0
blockdev --flushbufs "$area"
# The loss was recorded before writes were let go for it.
vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" || fail "the area is not sound"
[[ $(json lost_reason <"$TEST_TMP/check.json" | sed -n 1p) == no-memory ]] || { cat "$TEST_TMP/check.json"; fail "the loss is not in the area"; }
settle
run_ok vssctl detach -q --force "$volume"

echo "--- no memory to load an area with"
wipefs -qa "$area"
dd if=/dev/zero of="$area" bs=64k count=2 oflag=direct conv=notrunc status=none
begin --persistent
snap_now
load $many 16
settle
run_ok vssctl detach -q "$volume"
run_ok vssctl attach -q --chunk-size 4K "$volume"
refuse $((reserve + 100))
run_ok vssctl diff-area load -q "$volume" "$area"
[[ $(<$parameters/times) == 0 ]] || fail "only $(<$parameters/refused) pages were refused"
settle
expect_same "loaded with little memory" "$(vssctl list --json | json device | grep '^/dev/vss')" "$TEST_TMP/copy"
run_ok vssctl detach -q "$volume"
run_ok vssctl attach -q --chunk-size 4K "$volume"
refuse -1
expect_fail vssctl diff-area load -q "$volume" "$area"
refuse 0
run_ok vssctl diff-area load -q "$volume" "$area"
settle
expect_same "loaded when there was memory" "$(vssctl list --json | json device | grep '^/dev/vss')" "$TEST_TMP/copy"

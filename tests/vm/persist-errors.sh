#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A persistent diff area's device hangs, fails while in use or while it is loaded,
# comes late, answers late, comes twice, goes to another machine. The volume's writes never fail and
# do not wait for ever; snapshots are right, or lost with the reason, and stay lost even
# when the device comes back as it was.
# vm: timeout=1000

. "$(dirname "$0")/persist-lib.sh"

split "$(disk vd0)" 8M 8M
volume=${parts[0]}
other=${parts[1]}
split "$(disk vd1)" 24M 24M
store=${parts[0]}
twin=${parts[1]}
area=/dev/mapper/area
sectors=$(blockdev --getsz "$store")
good="0 $sectors linear $store 0"
dmsetup create area --table "$good" || fail "no device mapper"
cleanup_push dmsetup remove --retry area
modprobe dm_flakey || skip "no dm-flakey"

# table TABLE [DEVICE]: what the area's device, or another, does from now on.
table()
{
	dmsetup suspend --nolockfs --noflush "${2:-area}"
	dmsetup load "${2:-area}" --table "$1"
	dmsetup resume --noudevsync "${2:-area}"
}

begin()
{
	dd if=/dev/urandom of="$volume" bs=1M count=8 status=none oflag=direct || fail "cannot fill $volume"
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
	names=() sums=()
	take "$volume"
	writes "$volume" 100
	take "$volume"
}

# loaded [OPTION]...: as after a boot.
loaded()
{
	new_boot
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "$@" "$volume" "$area"
	settle
}

# loaded_lost REASON [OPTION]...: the same, and all is lost.
loaded_lost()
{
	new_boot
	run_ok vssctl attach -q "$volume"
	load_lost "$@" "$volume" "$area"
	settle
}

end()
{
	local ids

	settle
	mapfile -t ids < <(vssctl list --json | json id)
	unsnap "${ids[@]}"
	run_ok vssctl detach -q "$volume"
}


# recorded REASON: the area says so itself.
recorded()
{
	# The module writes past the page cache.
	blockdev --flushbufs "$area"
	vssctl diff-area dump --json "$area" | grep "\"lost_reason\": *\"$1\"" >/dev/null
}

# reads DEV: how many there were.
reads()
{
	awk '{ print $1 }' "/sys/class/block/${1##*/}/stat"
}

not_there()
{
	! vssctl status --json "$1" >/dev/null 2>&1
}

# stall_after SECONDS: so long the module waits for a device. Where none is to hang it is as long as
# ever: a busy machine may be slow.
stall_after()
{
	echo "$1" >/sys/module/vss/parameters/stall_seconds
}

load_vss
run_ok vssctl attach -q "$other"

echo "--- the device hangs"
begin
stall_after 3
dmsetup suspend --nolockfs --noflush area
SECONDS=0
writes "$volume" 300
((SECONDS < 30 * slower)) || fail "writes have waited for $SECONDS s"
all_lost stalled
run_ok vssctl status
expect_fail -s 4 -m "does not answer" vssctl diff-area remove "$volume" "$area"
dmsetup resume area
wait_for 20 recorded stalled
stall_after 30
end

echo "--- it hangs when it has nothing to do, and is to be removed"
begin
settle
log_rests
unsnap "${names[@]}"
log_rests
stall_after 3
dmsetup suspend --nolockfs --noflush area
SECONDS=0
expect_fail -s 4 -m "does not answer" vssctl diff-area remove "$volume" "$area"
((SECONDS < 30 * slower)) || fail "that has taken $SECONDS s"
# Nor is anybody else kept waiting.
run_ok vssctl detach -q "$other"
run_ok vssctl attach -q "$other"
dmsetup resume area
stall_after 30
wait_for 20 vssctl diff-area remove -q "$volume" "$area"
run_ok vssctl detach -q "$volume"

echo "--- writes to it fail, and then it comes back as it was"
begin
table "0 $sectors flakey $store 0 0 600 1 error_writes"
writes "$volume" 300
all_lost area-error
expect_fail recorded area-error
table "$good"
wait_for 20 recorded area-error
settle
run_ok vssctl detach -q --force "$volume"
loaded_lost area-error --unclean
all_lost area-error
end

echo "--- it fails while it is loaded"
begin
settle
run_ok vssctl detach -q "$volume"
new_boot
run_ok vssctl attach -q "$volume"
table "0 $sectors error"
expect_fail -m "cannot be read" vssctl diff-area load -q "$volume" "$area"
table "0 $sectors flakey $store 0 0 600 1 error_writes"
expect_fail -m "cannot be written" vssctl diff-area load -q "$volume" "$area"
table "$good"
run_ok vssctl diff-area load -q "$volume" "$area"
settle
compare 'when it came late'
settle
run_ok vssctl detach -q "$volume"
# A block of the log cannot be read: 128 sectors of superblocks are before it.
table "0 130 linear $store 0
130 1 error
131 $((sectors - 131)) linear $store 131"
loaded_lost damaged
# What is told behind that block has no name.
vssctl list
[[ $(vssctl list --json | json state | sort -u) == lost ]] || fail "snapshots are not lost"
[[ $(vssctl list --json | json lost_reason | sort -u) == damaged ]] || fail "the reason is not that it is damaged"
table "$good"
end

echo "--- it comes when the volume has been written"
begin
settle
run_ok vssctl detach -q "$volume"
new_boot
run_ok vssctl attach -q "$volume"
writes "$volume" 1
load_lost untracked "$volume" "$area"
all_lost untracked
end

echo "--- it answers late, but it does"
begin
modprobe dm_delay || skip "no dm-delay"
table "0 $sectors delay $store 0 150"
writes "$volume" 40
take "$volume"
writes "$volume" 20
settle
run_ok vssctl detach -q "$volume"
loaded
compare 'of a slow device'
drop 0
compare 'with one deleted'
table "$good"
end

echo "--- the volume answers so late that its writes are let go while it is detached"
other_disk=$(disk vd2)
linear="0 16384 linear $other_disk 0"
dmsetup create origin --table "$linear"
cleanup_push dmsetup remove --retry origin
plain=$volume volume=/dev/mapper/origin
begin
dd if=/dev/urandom of="$volume" bs=4k count=1 oflag=direct conv=notrunc status=none
settle
# Nobody else is to read the volume.
udevadm control --stop-exec-queue
cleanup_push udevadm control --start-exec-queue
# Longer than the three seconds that vssctl waits for udev, and those that the module waits; but after
# ten the detach would go on by itself.
table "0 16384 delay $other_disk 0 8000 $other_disk 0 0" origin
stall_after 3
# What is at the volume's head is read for the diff area.
dd if=/dev/urandom of="$volume" bs=4k count=1 oflag=direct conv=notrunc status=none
expect_fail -m "are lost" vssctl detach -q "$volume"
stall_after 30
table "$linear" origin
udevadm control --start-exec-queue
loaded_lost stalled --unclean
all_lost stalled
end
dmsetup remove --retry origin
volume=$plain

echo "--- the volume is in use when it is detached"
begin
settle
exec 9>"$volume"
expect_fail -m "in use" vssctl detach -q "$volume"
compare 'after a detach that was refused'
expect_fail -m "are lost" vssctl detach -q --force "$volume"
exec 9>&-
loaded_lost detached --unclean
all_lost detached
end

echo "--- the same, and the device hangs"
begin
settle
# Nothing is on its way to it.
log_rests
exec 9>"$volume"
stall_after 5
dmsetup suspend --nolockfs --noflush area
vssctl detach -q --force "$volume" >"$TEST_TMP/detach" 2>&1 &
detacher=$!
wait_for 10 not_there "$volume"
# Writes wait until the loss is recorded, or cannot be. They do not come back for their
# copies all the time.
before=$(reads "$volume")
SECONDS=0
writes "$volume" 40
count=$(($(reads "$volume") - before))
echo "$count reads for 40 writes, in $SECONDS s"
((count < 400)) || fail "copies were made over and over"
dmsetup resume area
! wait $detacher || fail "the detach has ended well"
grep "are lost\|does not end" "$TEST_TMP/detach"
exec 9>&-
stall_after 30
wait_for 20 recorded detached
loaded_lost detached --unclean
all_lost detached
end

echo "--- it hangs when a snapshot was just deleted"
begin
settle
stall_after 3
drop 0
# The next group is one that only bears witness: the copies wait behind it.
dmsetup suspend --nolockfs --noflush area
SECONDS=0
writes "$volume" 40
echo "40 writes in $SECONDS s"
dmsetup resume area
all_lost stalled
wait_for 20 recorded stalled
stall_after 30
end

echo "--- it hangs as the last thing of the detach is written to it"
begin
settle
log_rests
stall_after 3
dmsetup suspend --nolockfs --noflush area
vssctl detach -q "$volume" >"$TEST_TMP/detach" 2>&1 &
detacher=$!
wait_for 10 not_there "$volume"
sleep 1
# Through the disk, where it needs a copy: nobody has the volume open.
start=$(cat "/sys/class/block/${volume##*/}/start")
run_ok timeout 60 dd if=/dev/urandom of="$(disk vd0)" bs=4k count=8 seek=$((start / 8 + 256)) oflag=direct \
	conv=notrunc status=none
dmsetup resume area
! wait $detacher || fail "the detach has ended well"
wait_for 20 recorded stalled
stall_after 30
loaded_lost stalled --unclean
all_lost stalled
end

echo "--- it comes twice"
begin
settle
run_ok vssctl detach -q "$volume"
dd if="$store" of="$twin" bs=1M iflag=direct oflag=direct status=none
loaded
expect_fail vssctl diff-area load -q "$volume" "$twin"
dd if="$volume" of="$other" bs=1M iflag=direct oflag=direct status=none
expect_fail -m "in use already" vssctl diff-area load -q "$other" "$twin"
compare 'with a copy beside it'
settle
run_ok vssctl detach -q "$volume"
# The one that is named.
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area load -q "$volume" "$twin"
settle
compare 'the copy'
settle
run_ok vssctl detach -q "$volume"

echo "--- it goes to another machine, in order and in use"
loaded
compare 'another machine'
writes "$volume" 50
dd if="$store" of="$twin" bs=1M iflag=direct oflag=direct status=none
settle
run_ok vssctl detach -q "$volume"
new_boot
run_ok vssctl attach -q "$volume"
load_lost untracked "$volume" "$twin"
all_lost untracked
end
run_ok vssctl detach -q "$other"

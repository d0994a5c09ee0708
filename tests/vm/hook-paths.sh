#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes that come to a volume by ways of their own: large ones that the block layer, dm
# and md cut into pieces, ones that a suspended dm device has put off, ones of a cgroup
# with io.max. Sets are taken meanwhile, none of them waits for a write that
# it holds itself, and the images are right. And what sleeps: suspend goes on, hibernation
# is refused while there are snapshots.

. "$(dirname "$0")/content-lib.sh"
. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
split "$disk" 16M 24M
plain=${parts[0]} below=${parts[1]}
split "$(disk vd1)" 64M
area=${parts[0]}
load_vss

sets=${LONG:+40}

echo "--- writes in pieces"
need mdadm
split "$(disk sd0)" 24M 24M 24M
run_ok dmsetup create striped --table "0 32768 striped 2 64 ${parts[0]} 0 ${parts[1]} 0"
cleanup_push dmsetup remove striped
run_ok mdadm --quiet --create /dev/md/pieces --run --level=0 --raid-devices=2 --metadata=1.0 \
	--chunk=32 "${parts[2]}" "$below"
md=$(readlink -f /dev/md/pieces)
cleanup_push mdadm --quiet --stop "$md"
settle
queue=/sys/block/${disk##*/}/queue/max_sectors_kb
largest=$(<"$queue")
echo 64 >"$queue"
cleanup_push eval "echo $largest >$queue"
volumes=(/dev/mapper/striped "$md")
[[ ! ${LONG:-} ]] || volumes+=("$plain")
for volume in "${volumes[@]}"; do
	run_ok vssctl attach -q "$volume"
	cleanup_push _untrack "$volume"
	run_ok vssctl diff-area add -q --force "$volume" --on "$area"
	churn --count 0 --size 1M --max 1M --pause 20 --jobs 2 --ways direct,vector "$volume" >"$TEST_TMP/churn" &
	load=$!
	wait_for 10 eval "((\$(vol $volume writes) > 20))"
	for ((i = 0; i < ${sets:-2}; i++)); do
		before=$(vol "$volume" writes)
		# A piece that is held while its front half is counted would never end.
		snap --no-freeze --hold-timeout 60000 "$volume"
		wait_for 10 eval "((\$(vol $volume writes) > $before))"
		unsnap "${ids[@]}"
	done
	kill $load
	wait $load || fail "churn has failed"
	cat "$TEST_TMP/churn"
	take_copy "$volume" "$TEST_TMP/copy"
	snap "$volume"
	churn --count 5 --seed 2 --size 1M --max 1M --jobs 2 --ways direct,vector "$volume"
	expect_same "$volume" "${images[0]}" "$TEST_TMP/copy"
	expect_changed "$volume" "$volume" "$TEST_TMP/copy"
	unsnap "${ids[@]}"
	run_ok vssctl detach -q "$volume"
done
echo "$largest" >"$queue"

echo "--- writes that dm has put off"
volume=/dev/mapper/striped
track "$volume" "$area"
put_block "$volume" "old" 5
# A read of udev's that is put off keeps pages locked, and a direct write waits for them.
settle
dmsetup suspend --nolockfs --noflush striped
cleanup_push eval 'dmsetup resume striped 2>/dev/null || :'
bg off put_block "$volume" "put off" 5
is_submitted()
{
	grep -qs submit_bio "/proc/$(pgrep -n -x dd)/stack"
}
wait_for 20 is_submitted
expect_blocked off
# is_frozen: the step before the hold is done.
is_frozen()
{
	[[ $(set-foreign "${ctl_set[a]}" get) == "ok get state=frozen "* ]]
}
ctl_start a --no-freeze --hold-timeout 60000 "$volume"
# It waits for the write, which is in flight.
ctl_send a held
# The hold begins right behind that; "held" is told when nothing is in flight any more.
wait_for 20 is_frozen
sleep 0.3
bg late put_block "$volume" "after the hold" 6
expect_blocked off
# dm sends what it has put off to the hook again, during the hold.
run_ok dmsetup resume striped
expect_over 5000 off
ctl_receive a
[[ $ctl_answer == ok* ]] || fail "held: $ctl_answer"
expect_blocked late
ctl_ok a "done"
expect_over 5000 late
ctl_end a
img=$(image "${ctl_snaps[a]}")
put_block "$volume" "new" 5
[[ $(get_block "$img" 5) == "put off" ]] || fail "the image does not have what was acknowledged before the instant"
[[ $(get_block "$img" 6) != "after the hold" ]] || fail "the image has what was held"
[[ $(get_block "$volume" 5) == new && $(get_block "$volume" 6) == "after the hold" ]] || fail "writes went astray"
# Suspended while it is held, and resumed afterwards.
ctl_start a --no-freeze --hold-timeout 60000 "$volume"
ctl_ok a held
sum=$(raw_sha "$volume" 8)
bg held put_block "$volume" "was held" 5
expect_blocked held
dmsetup suspend --nolockfs --noflush striped
ctl_ok a committed
expect_blocked held
# The kernel looks for partitions on the image, most of which is on the origin.
ctl_send a "done"
sleep 0.5
bg status vssctl status
sleep 1
echo "meanwhile: status $(state status)"
run_ok dmsetup resume striped
expect_over 5000 held status
ctl_receive a
[[ $ctl_answer == ok* ]] || fail "done: $ctl_answer"
ctl_end a
expect_sha "suspended while it was held" "$(image "${ctl_snaps[a]}")" "$sum" 8
run_ok vssctl detach -q --force "$volume"

echo "--- writes of a cgroup with io.max"
cgroup=/sys/fs/cgroup/slow
if grep -qw io /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	echo +io >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $cgroup
	cleanup_push eval "rmdir $cgroup 2>/dev/null || :"
	fill "$plain"
	track "$plain" "$area"
	take_copy "$plain" "$TEST_TMP/copy"
	snap "$plain"
	echo "$(<"/sys/block/${disk##*/}/dev") wbps=262144" >$cgroup/io.max
	# 3 MiB at once; another writer needs the same chunks, and does not wait for the share.
	slowly()
	{
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		dd if=/dev/urandom of="$plain" bs=1M count=3 oflag=direct conv=notrunc status=none
	}
	start=$(milliseconds)
	bg slow slowly
	sleep 0.4
	churn --seed 5 --ways direct,dsync --count 30 --length 3M --max 64K --no-verify "$plain"
	took=$(($(milliseconds) - start))
	! is_over slow || fail "the writer with io.max was not slowed down"
	expect_over 30000 slow
	slow=$(($(<"$TEST_TMP/slow.end") - start))
	echo "one without a limit: $took ms, one with: $slow ms"
	((slow >= 6000)) || fail "3 MiB at 256 KiB/s took $slow ms"
	expect_same "io.max" "${images[0]}" "$TEST_TMP/copy"
	# A write that waits for its share is in flight, and a set waits for it, or tells.
	bg slow slowly
	sleep 0.4
	if out=$(vssctl create --json --no-freeze --hold-timeout 10000 "$plain" 2>&1); then
		unsnap "$(json id <<<"$out" | sed -n 1p)"
	else
		[[ $out == *"did not end"* ]] || fail "refused, but: $out"
	fi
	expect_over 30000 slow
	echo "$(<"/sys/block/${disk##*/}/dev") wbps=max" >$cgroup/io.max
	unsnap "${ids[0]}"
	run_ok vssctl detach -q "$plain"
else
	echo "no io controller here"
fi

echo "--- suspend and hibernation"
[[ -w /sys/power/state ]] || skip "this kernel does not sleep"
fill "$plain"
track "$plain" "$area"
try_hibernation()
{
	(exec 3</dev/snapshot) 2>"$TEST_TMP/error"
}
if [[ -c /dev/snapshot ]] || { modprobe snapshot 2>/dev/null; [[ -c /dev/snapshot ]]; }; then
	# To open it is what asks everybody whether hibernation may begin.
	try_hibernation || fail "hibernation is refused without a snapshot: $(<"$TEST_TMP/error")"
	take_copy "$plain" "$TEST_TMP/copy"
	snap "$plain"
	! try_hibernation || fail "hibernation could begin while there is a snapshot"
	grep -qi "busy" "$TEST_TMP/error" || fail "refused, but: $(<"$TEST_TMP/error")"
	if (echo disk >/sys/power/state) 2>"$TEST_TMP/error"; then
		fail "the machine has hibernated with a snapshot"
	fi
	dmesg | grep "no hibernation while there are snapshots" >/dev/null || fail "the log does not tell why"
else
	echo "no hibernation here"
	take_copy "$plain" "$TEST_TMP/copy"
	snap "$plain"
fi
# Up to the point where all tasks are stopped: the VM's own disks do not come back.
if [[ -w /sys/power/pm_test ]]; then
	churn --count 0 --seed 9 --max 64K "$plain" >"$TEST_TMP/churn" &
	load=$!
	wait_for 10 eval "((\$(vol $plain chunks_copied) > 0))"
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo freezer >/sys/power/pm_test
	cleanup_push eval 'echo none >/sys/power/pm_test'
	for ((i = 0; i < 2; i++)); do
		run_ok eval 'echo freeze >/sys/power/state'
	done
	kill $load
	wait $load || fail "churn has failed"
	expect_same "after suspend" "${images[0]}" "$TEST_TMP/copy"
	expect_changed "after suspend" "$plain" "$TEST_TMP/copy"
fi
unsnap "${ids[0]}"
! [[ -c /dev/snapshot ]] || try_hibernation || fail "hibernation is refused after the last snapshot"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Flushing goes on at all volumes of a set at once: four whose disks take their time for
# a flush take as long as one.
#
# TIM-009
# vm: timeout=200

. "$(dirname "$0")/set-lib.sh"

modprobe dm_delay || skip "no dm-delay"
disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24 24 24 24
parts "$areas" 16 16 16 16
load_vss
DELAY=1000
declare -a volumes dirs

# delay N MS: what a flush of the Nth volume takes from now on.
delay()
{
	local lower

	lower=$(part "$disk" "$1")
	dmsetup suspend --nolockfs "slow$1"
	dmsetup load "slow$1" --table "0 $((24 * 2048)) delay $lower 0 0 $lower 0 0 $lower 0 $2"
	dmsetup resume "slow$1"
}

for n in 1 2 3 4; do
	lower=$(part "$disk" $n)
	run_ok mkfs.ext4 -q "$lower"
	dmsetup create "slow$n" --table "0 $((24 * 2048)) delay $lower 0 0 $lower 0 0 $lower 0 0"
	cleanup_push dmsetup remove "slow$n"
	volumes+=("/dev/mapper/slow$n")
	dirs+=("$(mount_tmp "/dev/mapper/slow$n")")
	track "/dev/mapper/slow$n" "$(part "$areas" $n)"
done

# took VOLUME...: prints the milliseconds from the first freeze to the thaw, with new data to flush.
took()
{
	local dir begin

	# Nothing of what was before.
	for dir in "${dirs[@]}"; do
		sync -f "$dir" &
	done
	wait
	for dir in "${dirs[@]}"; do
		dd if=/dev/urandom of="$dir/new" bs=64k count=4 status=none
	done
	ctl_start a "$@" >&2
	begin=$(milliseconds)
	ctl_ok a frozen >&2
	echo $(($(milliseconds) - begin))
	ctl_ok a held committed "done" >&2
	ctl_end a
}

for n in 1 2 3 4; do
	delay $n $DELAY
done
# The best of three: a busy machine makes each of them longer.
one='' four=''
for _ in 1 2 3; do
	now=$(took "${volumes[0]}")
	((${one:-$now} < now)) || one=$now
	now=$(took "${volumes[@]}")
	((${four:-$now} < now)) || four=$now
done
for n in 1 2 3 4; do
	delay $n 0
done
echo "frozen after $one ms (one volume), $four ms (four)"
((one >= DELAY)) || fail "no flush was delayed: $one ms"
# One after the other they would take four times as long.
((four < 2 * one)) || fail "four take $four ms, one takes $one"
settle
run_ok vssctl delete --quiet --volume "${volumes[0]}" --all
for n in 1 2 3; do
	run_ok vssctl delete --quiet --volume "${volumes[$n]}" --all
done

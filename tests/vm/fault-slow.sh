#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that are slow, that fail for a while, and a diff area that hangs while
# everything is asked of the module. The origin takes what it would take without us, and
# images give what the volume was, or an error. In the long form more of each.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
mib=16
parts "$disk" $mib 16
parts "$areas" 48
plain=$(part "$disk" 1)
store=$(part "$areas" 1)
length=$((mib * 2048))
store_length=$((48 * 2048))
modprobe dm_delay || skip "no dm-delay"
load_vss
watch_events

# table NAME TABLE: what a device does from now on; what is in flight is waited for.
table()
{
	dmsetup suspend --nolockfs "$1"
	dmsetup load "$1" --table "$2"
	dmsetup resume "$1"
}

origin_table="0 $length linear $plain 0"
area_table="0 $store_length linear $store 0"
dmsetup create origin --table "$origin_table"
cleanup_push dmsetup remove origin
dmsetup create area --table "$area_table"
cleanup_push dmsetup remove area
volume=/dev/mapper/origin
area=/dev/mapper/area
churn --fill --seed 1 "$volume"

# take: a snapshot and a copy of what it must be; both are the last in snaps, copies.
take()
{
	local copy=$TEST_TMP/copy${#snaps[@]}

	dd if="$volume" of="$copy" bs=1M iflag=direct status=none
	snaps+=("$(create "$volume")")
	copies+=("$copy")
}

# all_right WHAT [--or-error]
all_right()
{
	local what=$1 i

	shift
	for i in "${!snaps[@]}"; do
		same "$@" "$(image "${snaps[i]}")" "${copies[i]}" || fail "$what: snapshot $i is wrong"
	done
	echo "$what: ${#snaps[@]} snapshots right"
}

# work [CHURN-OPTION]...: churn knows what the origin must hold at its end.
work()
{
	churn --seed $RANDOM --max 256K "$@" "$volume" || fail "the origin is wrong"
}

rounds=${LONG:+10}
slows=(both)
[[ ! ${LONG:-} ]] || slows=(area origin both)
for slow in "${slows[@]}"; do
	for ((round = 0; round < ${rounds:-1}; round++)); do
		echo "--- slow: $slow"
		[[ $slow == area ]] || table origin "0 $length delay $plain 0 30"
		[[ $slow == origin ]] || table area "0 $store_length delay $store 0 60"
		snaps=() copies=()
		track "$volume" "$area" --copy-memory 1M
		take
		bg work work --count 25 --jobs 2
		sleep 0.5
		# A copy that is in memory, one on its way, one that is stored
		same "$(image "${snaps[0]}")" "${copies[0]}" || fail "under load the image is wrong"
		expect_over 60000 work
		cat "$TEST_TMP/work.out"
		take
		bg fill churn --fill --seed 9 "$volume"
		all_right "while all of it is overwritten"
		timeout $((20 * slower)) vssctl status "$volume" >/dev/null || fail "status hangs"
		expect_over 60000 fill
		all_right "slow"
		for snap in "${snaps[@]}"; do
			[[ $(snapshot_field "$snap" state) == alive ]] || fail "lost only because a device is slow"
		done
		settle
		run_ok vssctl detach --quiet --force "$volume"
		table origin "$origin_table"
		table area "$area_table"
	done
done

# --- the origin fails for a while -------------------------------------------------

# Which blocks are bad is known: dm-dust fails reads of them until they are written to.
if modprobe dm_dust 2>/dev/null; then
	echo "--- bad blocks of the origin and of the diff area"
	table origin "0 $length dust $plain 0 4096"
	snaps=() copies=()
	track "$volume" "$area"
	take
	for block in 10 11 100 1000 2047; do
		dmsetup message origin 0 addbadblock $block >/dev/null
	done
	dmsetup message origin 0 enable
	# A write repairs a bad block, as without us. What it held is lost.
	for block in 10 11 100 1000 2047; do
		put_block "$volume" "repaired $block" $block
		[[ $(get_block "$volume" $block) == "repaired $block" ]] || fail "block $block is bad still"
	done
	out=$(same --or-error "$(image "${snaps[0]}")" "${copies[0]}") || fail "the image is wrong"
	echo "$out"
	# Four chunks have such blocks; no other is missing.
	[[ ${out#*missing=} == $((4 * 16384)) ]] || fail "missing: $out"
	dmsetup message origin 0 disable
	settle
	run_ok vssctl detach --quiet --force "$volume"
	table origin "$origin_table"
fi

echo "--- the origin fails every other second"
modprobe dm_flakey || skip "no dm-flakey"
snaps=() copies=()
track "$volume" "$area"
take
table origin "0 $length flakey $plain 0 1 1"
# A model of a disk where each write may or may not have been done cannot be: only the
# image is looked at, and that whoever writes gets an error or not, and goes on.
failed=0
for ((i = 0; i < 40; i++)); do
	dd if=/dev/urandom of="$volume" bs=16k count=2 seek=$((i * 8)) oflag=direct conv=notrunc \
		status=none 2>/dev/null || failed=$((failed + 1))
	sleep 0.02
done
echo "$failed of 40 writes failed"
((failed > 0 && failed < 40)) || fail "the device did not fail for a while"
all_right "while the origin fails" --or-error
table origin "$origin_table"
# What had to be copied while it could not be read stays unknown, all else is there.
all_right "when it does no more" --or-error
out=$(same --or-error "$(image "${snaps[0]}")" "${copies[0]}")
((${out#*missing=} <= 80 * 16384)) || fail "more is missing than was written to: $out"
take
work --count 20
same "$(image "${snaps[1]}")" "${copies[1]}" || fail "the next snapshot is wrong"
settle
run_ok vssctl detach --quiet --force "$volume"

# --- the diff area hangs, and everything is asked ------------------------------------

# Other volumes have nothing to do with it.
other=$(part "$disk" 2)
churn --fill --seed 1 "$other"
track "$other" "$(disk sd0)"
hang()
{
	run_ok dmsetup suspend --nolockfs --noflush area
}
cleanup_push eval 'dmsetup resume area || :'
echo 3 >/sys/module/vss/parameters/stall_seconds
cleanup_push eval 'echo 30 >/sys/module/vss/parameters/stall_seconds'

# A detach is in area-error.sh as well.
asks=(delete)
[[ ! ${LONG:-} ]] || asks+=(detach)
for ask in "${asks[@]}"; do
	echo "--- the diff area hangs: $ask"
	snaps=() copies=()
	track "$volume" "$area" --copy-memory 1M
	take
	work --count 5
	take
	hang
	bg writer churn --fill --seed 11 "$volume"
	sleep 0.5
	settle
	case $ask in
	delete) bg asked vssctl delete --quiet "${snaps[@]}" ;;
	detach) bg asked vssctl detach --quiet --force "$volume" ;;
	esac
	# Who writes waits until the snapshots are given up, and no longer.
	expect_over 20000 writer
	bg status vssctl status
	bg list vssctl list
	bg set vssctl create --quiet "$other"
	sleep 1
	echo "meanwhile: $ask $(state asked), status $(state status), list $(state list), another volume's set $(state set)"
	run_ok churn --seed 12 --count 30 --max 256K "$volume"
	run_ok churn --seed 12 --count 30 --max 256K "$other"
	run_ok dmsetup resume area
	expect_over 10000 asked status list set
	settle
	vssctl delete --quiet --volume "$other" --all || fail "the other volume's snapshot cannot be deleted"
	[[ $ask == detach ]] || run_ok vssctl detach --quiet --force "$volume"
done

echo "--- and works again"
snaps=() copies=()
track "$volume" "$area"
take
work --count 20
all_right "when it answers again"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two controllers at once: over the same volume the second is refused and the
# first does not notice; over different volumes both go on; and nobody steps a set
# that belongs to another socket. A diff area that grows meanwhile shows no snapshot.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 32 32
parts "$areas" 32 32 32
one=$(part "$disk" 1)
two=$(part "$disk" 2)
ext4=$(part "$disk" 3)
fill "$one"
fill "$two"
run_ok mkfs.ext4 -q "$ext4"
dir=$(mount_tmp "$ext4")
load_vss
watch_events
track "$one" "$(part "$areas" 1)"
track "$two" "$(part "$areas" 2)"
track "$ext4" "$(part "$areas" 3)"

echo "--- the diff area grows meanwhile"
ctl_start a --hold-timeout 30000 "$one"
ctl_ok a committed
run_ok vssctl diff-area add --quiet --force "$one" --on "$(disk vd2)"
! seen snapshot-created || fail "a snapshot of a set in creation was shown"
ctl_ok a "done"
ctl_end a
expect_event snapshot-created "$(snapshots)"
settle
run_ok vssctl delete --quiet "$(snapshots)"
run_ok vssctl diff-area remove --quiet "$one" "$(disk vd2)"

for state in prepared frozen held committed; do
	echo "--- the same volume, the first one being $state"
	sum=$(raw_sha "$one")
	ctl_start a --hold-timeout 30000 "$one" "$ext4"
	[[ $state == prepared ]] || ctl_ok a $state
	if ctl_start b "$two" "$one"; then
		fail "two sets have the same volume"
	fi
	[[ $ctl_answer == "error prepared EBUSY VSS_E_SNAPSHOT_SET_IN_PROGRESS"* ]] ||
		fail "the second set: $ctl_answer"
	expect_fail -s 4 vssctl create --wait 0 "$one"
	expect_fail -s 4 -m "set in creation" vssctl detach "$one"
	expect_fail -s 4 -m "set in creation" vssctl detach --force "$one"
	expect_fail -s 4 -m "set in creation" vssctl delete --force --set "${ctl_set[a]}"
	# Nothing is left of the refused ones, also not with the other volume.
	[[ $(volume_field "$two" snapshots) == 0 ]] || fail "the refused set has left a snapshot"
	# The UUIDs of a set and of its snapshots are taken.
	if ctl_start b --set "${ctl_set[a]}" "$two"; then
		fail "two sets have the same UUID"
	fi
	[[ $ctl_answer == "error prepared EEXIST "* ]] || fail "the UUID of a set: $ctl_answer"
	[[ $(set-foreign "${ctl_set[a]}" get) == "ok get state=$state error=none" ]] ||
		fail "the first set was disturbed"
	if [[ $state == held ]]; then
		bg writer put_block "$one" "held" 1
		expect_blocked writer
	fi
	ctl_ok a "done"
	ctl_end a
	read -r snap _ <<<"${ctl_snaps[a]}"
	[[ $state != held ]] || expect_over 5000 writer
	expect_sha "the first one" "$(image "$snap")" "$sum"
	if ctl_start b --set "${ctl_set[a]}" "$two"; then
		fail "the UUID of a living set is given again"
	fi
	settle
	run_ok vssctl delete --quiet --set "${ctl_set[a]}"
done

echo "--- a second create waits for the first"
ctl_start a "$one"
bg waiter vssctl create --json --wait 20 "$one" "$two"
sleep 1
! is_over waiter || fail "it did not wait: $(cat "$TEST_TMP/waiter.out")"
ctl_ok a "done"
ctl_end a
expect_over 10000 waiter
settle
[[ $(vssctl list --json | json id | wc -l) == 3 ]] || fail "not three snapshots"
run_ok vssctl delete --quiet --force --volume "$one" --all
run_ok vssctl delete --quiet --force --volume "$two" --all

echo "--- different volumes"
sum_one=$(raw_sha "$one")
sum_two=$(raw_sha "$two")
ctl_start a --hold-timeout 30000 "$one" "$ext4"
ctl_start b --hold-timeout 30000 "$two"
ctl_ok a frozen
ctl_ok b held
ctl_ok a held
bg one put_block "$one" "changed" 2
bg two put_block "$two" "changed" 2
bg ext4 put_file "$dir/file" "changed"
expect_blocked one two ext4
ctl_ok b "done"
expect_over 5000 two
expect_blocked one ext4
ctl_ok a "done"
expect_over 5000 one ext4
expect_sha "one" "$(image "${ctl_snaps[a]%% *}")" "$sum_one"
expect_sha "two" "$(image "${ctl_snaps[b]}")" "$sum_two"
settle
for name in a b; do
	run_ok vssctl delete --quiet --set "${ctl_set[$name]}"
	ctl_end $name
done

echo "--- many sets of many, at once"
for i in 1 2 3; do
	for volume in one two ext4; do
		bg "$volume$i" vssctl create --json --wait 60 "${!volume}"
	done
	bg "both$i" vssctl create --json --wait 60 "$two" "$one"
done
expect_over 60000 {one,two,ext4,both}{1,2,3}
[[ $(snapshots | sort -u | wc -l) == 15 ]] || fail "not all sets were taken"
settle
for volume in "$one" "$two" "$ext4"; do
	run_ok vssctl delete --quiet --volume "$volume" --all
done

echo "--- steps from a socket that is not the owner's"
ctl_start a --hold-timeout 30000 "$one" "$ext4"
for state in frozen held committed "done"; do
	for step in frozen held committed "done"; do
		expect_fail -s 1 -m "error $step EPERM" set-foreign "${ctl_set[a]}" $step
	done
	expect_fail -m "error frozen ENOENT" set-foreign 00000000-1111-4222-8333-444444444444 frozen
	ctl_ok a get
	sum=$(raw_sha "$one")
	ctl_ok a "$state"
done
ctl_end a
expect_sha "the set that others wanted to step" "$(image "${ctl_snaps[a]%% *}")" "$sum"
# The owner itself cannot go back either.
ctl_start a "$one"
ctl_ok a held
ctl_refused a frozen EINVAL
ctl_refused a held EINVAL
ctl_ok a "done"
ctl_refused a "done" ENOENT
ctl_end a

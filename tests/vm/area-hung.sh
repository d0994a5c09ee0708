#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A diff area hangs, with copies, reads of images and a write to one on their way. Its
# volume is written to as ever, and all commands on another volume end soon, also while
# those on this one cannot. When the device answers again everything comes to its end.

. "$(dirname "$0")/area-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 8
parts "$areas" 48 8
volume=$(part "$disk" 1)
other=$(part "$disk" 2)
other_area=$(part "$areas" 2)
dmsetup create area --table "0 $((48 * 2048)) linear $(part "$areas" 1) 0"
cleanup_push dmsetup remove area
area=/dev/mapper/area
fill "$volume"
fill "$other"
dd if="$volume" of="$TEST_TMP/model" bs=1M iflag=direct status=none
load_vss
watch_events

# deleted ID: now, or once udev has closed the image. "settle" would wait for udev to look
# at images that hang.
deleted()
{
	wait_for 10 vssctl delete --quiet "$1"
}

# life: all that there is to do with a volume.
life()
{
	local sum snap

	track "$other" "$other_area"
	sum=$(raw_sha "$other")
	snap=$(create "$other")
	scribble "$other" 50
	expect_sha "the other volume" "$(image "$snap")" "$sum"
	vssctl status >/dev/null
	deleted "$snap"
	vssctl diff-area remove --quiet "$other" "$other_area"
	vssctl detach --quiet "$other"
}

# others_live WHEN: it may take a while, but not much longer than the first time.
others_live()
{
	local start took

	start=$(milliseconds)
	bg life life
	expect_over 20000 life
	took=$(($(<"$TEST_TMP/life.end") - start))
	usual=${usual:-$took}
	echo "$1: another volume's life took $took ms"
	# A detach that cannot be completed gives up after 10 s. Until then vssctl has its lock.
	((took < 5 * usual + 20000)) || fail "it was kept waiting"
}

# refused_at_last NAME: it could not be waited for.
refused_at_last()
{
	wait_for 60 is_over "$1"
	[[ $(state "$1") != 0 ]] || fail "$1 has ended well, with a hanging diff area"
	grep -q "does not end" "$TEST_TMP/$1.out" || fail "$1: $(<"$TEST_TMP/$1.out")"
}

echo 3 >/sys/module/vss/parameters/stall_seconds
track "$volume" "$area" --copy-memory 1M
others_live "all is well"
snaps=("$(create --writable "$volume")")
overwrite 0 100
wait_for 20 all_stored
images=("$(image "${snaps[0]}")")
put_block "${images[0]}" "in the overlay" 3
snaps+=("$(create "$volume")")
overwrite 100 100
wait_for 20 all_stored
images+=("$(image "${snaps[1]}")")
settle

echo "--- it hangs"
run_ok dmsetup suspend --nolockfs --noflush area
cleanup_push dmsetup resume area
bg reader dd if="${images[0]}" of=/dev/null bs=256k count=4 iflag=direct status=none
bg overlay put_block "${images[0]}" "cannot be written" 7000
# One that is killed hangs as it closes the image, and nobody else can open or close it.
dd if="${images[1]}" of=/dev/null bs=4k count=4 skip=400 status=none &
victim=$!
# victim_hangs: it has the image as its input, and its read does not end.
victim_hangs()
{
	[[ $(readlink "/proc/$victim/fd/0") == "${images[1]}" && $(<"/proc/$victim/stat") == *') D '* &&
	   $(<"/proc/$victim/syscall") == '0 0x0 '* ]]
}
wait_for 20 victim_hangs
kill -KILL $victim
bg writer overwrite 200 1200
expect_blocked reader overlay writer
expect_fail -s 4 -m "in use" vssctl delete "${snaps[1]}"
others_live "with a writer that waits"
expect_over 20000 writer
expect_event snapshot-lost "${snaps[0]}" stalled
expect_event snapshot-lost "${snaps[1]}" stalled
origin_right
bg again overwrite 0 1500
expect_over 30000 again
origin_right

echo "--- commands on its own volume"
bg creator create "$volume"
expect_over 5000 creator
deleted "$(<"$TEST_TMP/creator.out")"
bg deleter vssctl delete --force "${snaps[0]}"
expect_blocked deleter reader overlay
[[ $(snapshots) == "${snaps[1]}" ]] || fail "snapshots: $(snapshots)"
expect_fail -s 4 -m "has snapshots" vssctl diff-area remove "$volume" "$area"
bg detacher vssctl detach --force "$volume"
expect_blocked deleter detacher
[[ ! $(snapshots) ]] || fail "snapshots: $(snapshots)"
others_live "with a delete and a detach that wait"
refused_at_last deleter
refused_at_last detacher
expect_fail -m "still in flight" vssctl attach "$volume"
! seen volume-detached "\"volume\":\"$volume\"" || fail "it is not detached yet"
expect_fail rmmod vss
origin_right

echo "--- it answers again"
run_ok dmsetup resume area
wait_for 20 is_over reader
wait_for 20 is_over overlay
[[ $(state reader) != 0 ]] || fail "a read of a deleted image succeeded"
wait_for 20 vssctl attach --quiet "$volume"
for image in "${images[@]}"; do
	[[ ! -b $image ]] || fail "$image is still there"
done
cleanup_push _untrack "$volume"
run_ok vssctl diff-area add --quiet --force "$volume" --on "$area"
sum=$(raw_sha "$volume")
snap=$(create "$volume")
overwrite 0 300
expect_sha "its image" "$(image "$snap")" "$sum"
wait_for 20 all_stored
expect_sha "its image, stored" "$(image "$snap")" "$sum"
settle
run_ok vssctl delete --quiet "$snap"
wait_for 20 area_empty "$volume"
run_ok vssctl detach "$volume"
origin_right

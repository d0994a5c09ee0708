#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Deadlines of a set are kept by the kernel, whatever it is that does not come:
# the controller's next step, the end of writes in flight, the end of a freeze.
# And file systems that others freeze or thaw meanwhile.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
xfs=$(disk sd0)
parts "$disk" 64 32 64
parts "$areas" 32 32 32 32
ext4=$(part "$disk" 1)
raw=$(part "$disk" 2)
other=$(part "$disk" 3)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.ext4 -q "$other"
run_ok mkfs.xfs -q -f "$xfs"
fill "$raw"
ext4_dir=$(mount_tmp "$ext4")
other_dir=$(mount_tmp "$other")
xfs_dir=$(mount_tmp "$xfs")
load_vss
watch_events
track "$ext4" "$(part "$areas" 1)"
track "$raw" "$(part "$areas" 2)"
track "$xfs" "$(part "$areas" 3)"
track "$other" "$(disk nvme0)"

# usable DIR: a file system is not frozen, can be frozen, and thawed for good.
usable()
{
	bg usable.1 put_file "$1/usable" "not frozen"
	expect_over 5000 usable.1
	run_ok fsfreeze -f "$1"
	bg usable.2 put_file "$1/usable" "was frozen"
	expect_blocked usable.2
	run_ok fsfreeze -u "$1"
	expect_over 5000 usable.2
}

# undone NAME: the set of that controller is undone, which ends.
undone()
{
	ctl "$1" get
	[[ $ctl_answer == "ok get state=failed "* || $ctl_answer == "error get ENOENT "* ]] ||
		fail "the set is not undone"
	[[ ! $(snapshots) ]] || fail "snapshots are left: $(snapshots)"
	ctl_send "$1" quit
	wait_for 60 set_is_gone "${ctl_set[$1]}"
	ctl_end "$1"
}

# over_or_waiting NAME COMMAND: the command, run by bg, has ended, or waits in the kernel.
over_or_waiting()
{
	is_over "$1" || [[ $(ps -o state= -C "$2") == D ]]
}

echo "--- hold deadline, controller idle"
sum=$(raw_sha "$raw")
ctl_start a --hold-timeout 1000 "$ext4" "$raw" "$xfs"
ctl_ok a frozen
start=$(milliseconds)
ctl_ok a held
bg ext4 put_file "$ext4_dir/written" "after the deadline"
bg xfs put_file "$xfs_dir/written" "after the deadline"
bg raw put_block "$raw" "after the deadline"
expect_over 3000 ext4 xfs raw
took=$(($(<"$TEST_TMP/raw.end") - start))
echo "writes went on after $took ms"
((took >= 950)) || fail "the hold ended before its deadline"
expect_event set-failed "${ctl_set[a]}" "Connection timed out"
ctl_refused a committed ETIMEDOUT
ctl_refused a "done" ETIMEDOUT
undone a

echo "--- freeze deadline, controller idle"
ctl_start a --freeze-timeout 5000 "$ext4" "$raw" "$xfs"
ctl_ok a frozen
bg ext4 put_file "$ext4_dir/written" "after the freeze"
bg xfs put_file "$xfs_dir/written" "after the freeze"
put_block "$raw" "while others are frozen"
expect_over 8000 ext4 xfs
expect_event set-failed "${ctl_set[a]}" "Connection timed out"
ctl_refused a held ETIMEDOUT
undone a

# --- what never comes to an end -------------------------------------------------

slow=$(disk vd2)
dmsetup create low --table "0 $((64 * 2048)) linear $slow 0"
cleanup_push dmsetup remove low
dmsetup create top --table "0 $((64 * 2048)) linear /dev/mapper/low 0"
cleanup_push dmsetup remove top
top=/dev/mapper/top
fill "$top"
track "$top" "$(part "$areas" 4)"

echo "--- a drain that does not end"
put_block "$top" "old" 5
sum=$(raw_sha "$top")
run_ok dmsetup suspend --nolockfs --noflush low
cleanup_push dmsetup resume low
bg first put_block "$top" "in flight" 5
expect_blocked first
ctl_start a --no-freeze --hold-timeout 600 "$top" "$raw"
start=$(milliseconds)
ctl_send a held
sleep 0.1
bg held put_block "$raw" "held with it" 6
ctl_receive a
took=$(($(milliseconds) - start))
[[ $ctl_answer == "error held ETIMEDOUT "* ]] || fail "held with a write in flight: $ctl_answer"
[[ $ctl_answer == *"did not end"* ]] || fail "the message does not tell why"
# By itself it would be 10 s.
((took < 8000)) || fail "the drain was waited for $took ms"
expect_over 5000 held
expect_event set-failed "${ctl_set[a]}" "Connection timed out"
undone a
# Other commands go on as well.
timeout 60 vssctl status >/dev/null || fail "vssctl hangs"
bg second put_block "$top" "later" 6
run_ok dmsetup resume low
expect_over 5000 first second
[[ $(get_block "$top" 5) == "in flight" && $(get_block "$top" 6) == later ]] ||
	fail "the writes went astray"
snap=$(create --no-freeze "$top")
sum=$(raw_sha "$top")
put_block "$top" "new" 5
expect_sha "a set after that" "$(image "$snap")" "$sum"
settle
vssctl delete --quiet "$snap"

echo "--- a freeze that does not end"
run_ok mkfs.ext4 -q "$top"
top_dir=$(mount_tmp "$top")
sync -f "$top_dir"
dd if=/dev/urandom of="$top_dir/dirty" bs=64k count=16 status=none
want=$(sha256sum <"$top_dir/dirty")
run_ok dmsetup suspend --nolockfs --noflush low
ctl_start a --freeze-timeout 500 --hold-timeout 500 "$top" "$ext4"
start=$(milliseconds)
ctl_send a "done"
ctl_receive a
took=$(($(milliseconds) - start))
[[ $ctl_answer == "error done ETIMEDOUT "* ]] || fail "frozen on a suspended device: $ctl_answer"
# By themselves they would be 70 s.
((took < 45000)) || fail "the freeze was waited for $took ms"
echo "the step gave up after $took ms"
timeout 60 vssctl list >/dev/null || fail "vssctl hangs"
bg dirty put_file "$top_dir/written" "after the resume"
bg ext4 put_file "$ext4_dir/written" "after the resume"
run_ok dmsetup resume low
expect_over 10000 dirty ext4
undone a
expect_event set-failed "${ctl_set[a]}"
drop_caches
[[ $(sha256sum <"$top_dir/dirty") == "$want" ]] || fail "the file's content is wrong"
usable "$top_dir"

# --- others who freeze and thaw -------------------------------------------------

for pair in $(cases frozen:xfs held:ext4 -- frozen:ext4 held:xfs); do
	state=${pair%:*} fs=${pair#*:}
	echo "--- fsfreeze -u of $fs while $state"
	dir=${fs}_dir
	dir=${!dir}
	dev=${!fs}
	ctl_start a --hold-timeout 60000 "$dev" "$other"
	ctl_ok a "$state"
	[[ $fs$state != ext4held ]] || sum=$(raw_sha "$dev")
	bg thaw fsfreeze -u "$dir"
	if [[ $fs$state == ext4held ]]; then
		# It has to write, and waits for the hold.
		wait_for 20 over_or_waiting thaw fsfreeze
		sleep 0.5
	else
		expect_over 5000 thaw
	fi
	was=$(state thaw)
	ctl a "done"
	if [[ $was == 0 ]]; then
		[[ $ctl_answer == "error done EBUSY "*"thawed by someone else"* ]] ||
			fail "thawed by someone else, and: $ctl_answer"
		undone a
		expect_event set-failed "Device or resource busy"
	else
		# Then nothing was written to the volume before the instant.
		expect_sha "the thaw had to wait" "$(image "${ctl_snaps[a]% *}")" "$sum"
		ctl_send a quit
		ctl_end a
	fi
	expect_over 5000 thaw
	usable "$dir"
	usable "$other_dir"
	run_ok umount "$dir"
	run_ok mount "$dev" "$dir"
	# The next set freezes it.
	ctl_start b "$dev"
	ctl_ok b frozen
	bg writer put_file "$dir/written" "to a frozen one"
	expect_blocked writer
	ctl_ok b "done"
	expect_over 5000 writer
	ctl_send b quit
	ctl_end b
	settle
	for snap in $(snapshots); do
		run_ok vssctl delete --quiet "$snap"
	done
done

echo "--- frozen by someone else before"
run_ok fsfreeze -f "$other_dir"
bg theirs put_file "$other_dir/written" "when its owner thaws"
if [[ $(uname -r) == 6.1.* ]]; then
	ctl_start a "$ext4" "$other" "$xfs"
	ctl_refused a frozen EBUSY "frozen by someone else"
	undone a
	bg ext4 put_file "$ext4_dir/written" "not frozen"
	bg xfs put_file "$xfs_dir/written" "not frozen"
	expect_over 5000 ext4 xfs
	expect_blocked theirs
	expect_fail -s 4 -m "frozen by someone else" vssctl create "$ext4" "$other"
	expect_blocked theirs
	[[ ! $(snapshots) ]] || fail "snapshots are left"
else
	# Later kernels count who has frozen: ours comes on top and goes, theirs stays.
	snap=$(create "$other")
	[[ $(snapshot_field "$snap" state) == alive ]] || fail "no snapshot of what is frozen"
	expect_blocked theirs
	settle
	run_ok vssctl delete --quiet "$snap"
fi
run_ok fsfreeze -u "$other_dir"
expect_over 5000 theirs
usable "$other_dir"
snap=$(create "$other")
[[ $(snapshot_field "$snap" state) == alive ]] || fail "no snapshot of what was frozen"

# --- a hold does not put the freeze's deadline off --------------------------------

for snap in $(snapshots); do
	settle
	run_ok vssctl delete --quiet "$snap"
done

echo "--- freeze deadline after the commit"
ctl_start a --freeze-timeout 5000 "$ext4" "$raw"
ctl_ok a committed
bg ext4 put_file "$ext4_dir/written" "after the freeze"
expect_over 8000 ext4
ctl_refused a "done" ETIMEDOUT
undone a

echo "--- freeze deadline while writes are held"
ctl_start a --freeze-timeout 5000 --hold-timeout 60000 "$ext4" "$raw"
ctl_ok a held
bg ext4 put_file "$ext4_dir/written" "after the freeze"
bg raw put_block "$raw" "after the freeze"
expect_over 8000 ext4 raw
ctl_refused a committed ETIMEDOUT
undone a
